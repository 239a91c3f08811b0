/* SPDX-License-Identifier: Apache-2.0 */
/* The module's life: initialised or not, its slots, fork. */
#ifndef HZ_TOKEN_MODULE_H
#define HZ_TOKEN_MODULE_H

#include "token/token.h"

CK_RV hz_module_init(const CK_C_INITIALIZE_ARGS *args);
CK_RV hz_module_finalize(void *reserved);

/*
 * For calls without a session: take `life` shared. CKR_CRYPTOKI_NOT_INITIALIZED in a forked child, too. Pair with hz_module_leave.
 */
CK_RV hz_module_enter(void);
CK_RV hz_module_leave(CK_RV rv);

/* Is the module initialised in this very process? One or two loads; what hz_session_enter asks first. */
bool hz_module_ready(void);

/* Only between enter and leave. NULL: no such slot (CKR_SLOT_ID_INVALID). */
struct hz_token *hz_module_token(CK_SLOT_ID id);
size_t hz_module_tokens(struct hz_token *const **out);

#endif
