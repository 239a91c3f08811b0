/* SPDX-License-Identifier: Apache-2.0 */
/* The module's life: initialised or not, its slots, fork. */
#ifndef HZ_TOKEN_MODULE_H
#define HZ_TOKEN_MODULE_H

#include "base/fork.h"
#include "token/token.h"

/*
 * C_Initialize and C_Finalize (PKCS#11 3.2 sections 5.4.1 and 5.4.2). Application mutexes are never used: with them and without
 * CKF_OS_LOCKING_OK the answer is CKR_CANT_LOCK. pReserved is NULL or "conf=PATH". Any thread may finalise at any time: calls that
 * are inside are waited for, later ones find the module not initialised. In a forked child everything answers
 * CKR_CRYPTOKI_NOT_INITIALIZED until it initialises anew, which drops what it inherited without talking to anybody.
 */
CK_RV hz_module_init(const CK_C_INITIALIZE_ARGS *args);
CK_RV hz_module_finalize(void *reserved);

/*
 * For calls without a session: take `life` shared. CKR_CRYPTOKI_NOT_INITIALIZED in a forked child, too. Pair with hz_module_leave.
 */
CK_RV hz_module_enter(void);
CK_RV hz_module_leave(CK_RV rv);

extern _Atomic unsigned hz_module_life; /* generation (fork.h) + 1 of the process that initialised; 0: not initialised */

/* Is the module initialised in this very process? Two loads; what hz_session_enter asks first. */
static inline bool hz_module_ready(void)
{
	return atomic_load_explicit(&hz_module_life, memory_order_acquire) == hz_fork_gen() + 1u;
}

/*
 * C_WaitForSlotEvent: slots never change while the module is initialised, so with CKF_DONT_BLOCK the answer is CKR_NO_EVENT and
 * without it the call sleeps, holding nothing, until C_Finalize wakes it with CKR_CRYPTOKI_NOT_INITIALIZED.
 */
CK_RV hz_module_wait(CK_FLAGS flags);

/* Only between enter and leave. NULL: no such slot (CKR_SLOT_ID_INVALID). */
struct hz_token *hz_module_token(CK_SLOT_ID id);
size_t hz_module_tokens(struct hz_token *const **out);

#endif
