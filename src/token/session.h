/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sessions and the way into a session-based call. */
#ifndef HZ_TOKEN_SESSION_H
#define HZ_TOKEN_SESSION_H

#include "token/token.h"

/*
 * Find, lock and check a session; every session-based entry starts with it and ends with hz_session_leave.
 * CKR_CRYPTOKI_NOT_INITIALIZED (not initialised, being finalised, or a forked child), CKR_SESSION_HANDLE_INVALID.
 */
CK_RV hz_session_enter(CK_SESSION_HANDLE h, struct hz_session **out);

/* Unlock; returns rv, so that an entry reads: return hz_session_leave(s, hz_do_x(s, ...)). */
CK_RV hz_session_leave(struct hz_session *s, CK_RV rv);

/*
 * C_OpenSession on a present token; call between hz_module_enter and hz_module_leave. CKR_SESSION_PARALLEL_NOT_SUPPORTED,
 * CKR_SESSION_ASYNC_NOT_SUPPORTED, CKR_SESSION_READ_WRITE_SO_EXISTS, CKR_SESSION_COUNT, CKR_HOST_MEMORY.
 */
CK_RV hz_session_open(struct hz_token *t, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify, CK_SESSION_HANDLE *out);
/* Ends the entered session instead of hz_session_leave; the token's last session logs out. */
void hz_session_close(struct hz_session *s);
void hz_session_close_all(struct hz_token *t); /* t NULL: of all tokens. Waits for calls inside the sessions; enter none before */
void hz_session_info(const struct hz_session *s, CK_SESSION_INFO *info);

/* After a logout: sessions of the token that no thread is in let go of its keys at once; the others do when they are left. */
void hz_session_sweep_idle(const struct hz_token *t);
/*
 * After the end of a key (0: of all session objects of `owner`): sessions of the token that no thread is in let go of what they keep
 * of it for a next operation. A session that is busy all the while does when it is left, and so does `own`, which the caller is in.
 */
void hz_session_forget_key(const struct hz_session *own, CK_OBJECT_HANDLE key, CK_SESSION_HANDLE owner);

/* CKS_*: from the session's flags and the token's login. */
CK_STATE hz_session_state(const struct hz_session *s);

static inline bool hz_session_rw(const struct hz_session *s)
{
	return (s->flags & CKF_RW_SESSION) != 0;
}

/* In a forked child, at C_Initialize: every inherited session is void; locks are made anew. */
void hz_session_after_fork(void);

#endif
