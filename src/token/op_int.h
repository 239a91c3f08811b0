/* SPDX-License-Identifier: Apache-2.0 */
/* What the kinds of operation share: which one runs, how it ends, how a result gets out. Inside the token floor only. */
#ifndef HZ_TOKEN_OP_INT_H
#define HZ_TOKEN_OP_INT_H

#include "token/op.h"

struct hz_mech_row;
struct hz_object;

/* The row of a mechanism that this token offers for `flag` (CKF_*); CKR_MECHANISM_INVALID. */
CK_RV hz_mech_row_for(struct hz_token *t, CK_MECHANISM_TYPE type, CK_FLAGS flag, const struct hz_mech_row **row);
/* Does the mechanism take this key? */
bool hz_mech_takes(const struct hz_mech_row *row, const struct hz_object *key);

/*
 * The session's running operation of a kind: CKR_OPERATION_NOT_INITIALIZED. One that a logout made void ends here with
 * CKR_USER_NOT_LOGGED_IN.
 */
CK_RV hz_op_running(struct hz_session *s, enum hz_op_kind kind, struct hz_active **out);

/* End it, whatever rv, and return rv. The backend's half stays for the next Init with the same key, where it can be rearmed. */
CK_RV hz_op_end(struct hz_active *a, CK_RV rv);

/* Waits for a context-specific login: CKR_USER_NOT_LOGGED_IN (the caller ends the operation). */
CK_RV hz_op_authenticated(const struct hz_active *a);

/*
 * One step that gives output, with the length convention of 3.1 section 5.2: a length query and CKR_BUFFER_TOO_SMALL change nothing,
 * a good update goes on, everything else ends the operation. When only the result itself tells its length (unpadding), it is
 * computed into secret memory and handed over at the retry.
 */
CK_RV hz_op_step(struct hz_active *a, enum hz_op_kind kind, enum hz_phase phase, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out,
		 CK_ULONG *out_len);

/* Room that a step needs for this input (never NULL). */
size_t hz_op_need(const struct hz_op *op, enum hz_phase phase, const uint8_t *in, size_t len);

/* One step that gives none: update of digest, sign and verify. */
CK_RV hz_op_feed(struct hz_active *a, const CK_BYTE *in, CK_ULONG len);

/* Input that can be none: NULL with a length, or longer than HZ_MAX_INPUT. `decrypt` chooses the code for the latter. */
CK_RV hz_op_input(const CK_BYTE *in, CK_ULONG len, bool decrypt);

/* Never NULL, so that backends may hand it on whatever its length. */
static inline const uint8_t *hz_op_bytes(const CK_BYTE *in)
{
	return in != NULL ? in : (const uint8_t *)"";
}

#endif
