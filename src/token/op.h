/* SPDX-License-Identifier: Apache-2.0 */
/* The operation state machine: how operations of every kind begin, go on and always end. */
#ifndef HZ_TOKEN_OPERATION_H
#define HZ_TOKEN_OPERATION_H

#include "token/token.h"

/*
 * Begin. mech NULL: end the operation of that kind (3.0). Checks, in this order: active already (CKR_OPERATION_ACTIVE), mechanism known
 * for this kind (CKR_MECHANISM_INVALID), parameter, key handle, key type (CKR_KEY_TYPE_INCONSISTENT), usage attribute
 * (CKR_KEY_FUNCTION_NOT_PERMITTED), CKA_ALLOWED_MECHANISMS, login (private key: CKR_USER_NOT_LOGGED_IN), then the backend's begin or rearm.
 */
CK_RV hz_op_init(struct hz_session *s, enum hz_op_kind kind, const CK_MECHANISM *mech, CK_OBJECT_HANDLE key);

/* Drop everything that the session's operations hold, retired ones and a search too (close). */
void hz_ops_free(struct hz_session *s);
/* Retired operations whose key may have changed or ended, and running ones that a logout made void, are freed; called by
 * hz_session_leave when the token's epoch moved. */
void hz_ops_sweep(struct hz_session *s);
/* Retired operations with this key (0: any) of this session's own objects (0: whoever's) are freed. */
void hz_ops_forget(struct hz_session *s, CK_OBJECT_HANDLE key, CK_SESSION_HANDLE owner);
/* C_SessionCancel. */
CK_RV hz_ops_cancel(struct hz_session *s, CK_FLAGS flags);

/*
 * CKA_ALWAYS_AUTHENTICATE: does an operation of this session wait for a CKU_CONTEXT_SPECIFIC login? C_Login asks first
 * (CKR_OPERATION_NOT_INITIALIZED when not) and, once the PIN was right, calls reauthenticate, which serves the operation that
 * was begun last, and that one only.
 */
bool hz_op_awaits_login(const struct hz_session *s);
CK_RV hz_op_reauthenticate(struct hz_session *s);

/* The longest buffer of one call: lengths above are nobody's buffer, and sums with them could wrap. */
#define HZ_MAX_INPUT (SIZE_MAX / 4)

#endif
