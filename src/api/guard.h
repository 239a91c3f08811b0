/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one pattern of an entry. A call with a session:
 *
 *     CK_RV hz_api_SignUpdate(CK_SESSION_HANDLE h, CK_BYTE_PTR part, CK_ULONG len)
 *     {
 *             struct hz_session *s;
 *             CK_RV rv = hz_guard_session("C_SignUpdate", h, &s);
 *
 *             return rv != CKR_OK ? rv : hz_guard_leave("C_SignUpdate", s, hz_sign_update(s, part, len));
 *     }
 *
 * and one without: hz_guard_module, hz_guard_done. Success costs one comparison; a failure leaves one log line.
 */
#ifndef HZ_API_GUARD_H
#define HZ_API_GUARD_H

#include "token/module.h"
#include "token/note.h"
#include "token/session.h"

#define HZ_NO_SLOT ((CK_SLOT_ID)-1)

/*
 * Log that a call fails: function, slot (or HZ_NO_SLOT), code and the reason that hz_fail recorded. Returns rv. Codes that answer a
 * question (a length query that was too small, an attribute that an object has not) are logged for debugging only.
 */
CK_RV hz_guard_fail(const char *function, CK_SLOT_ID slot, CK_RV rv) __attribute__((cold));

/* Enter a session; on success end with hz_guard_leave. */
static inline CK_RV hz_guard_session(const char *function, CK_SESSION_HANDLE h, struct hz_session **s)
{
	CK_RV rv = hz_session_enter(h, s);

	return rv == CKR_OK ? rv : hz_guard_fail(function, HZ_NO_SLOT, rv);
}

static inline CK_RV hz_guard_leave(const char *function, struct hz_session *s, CK_RV rv)
{
	rv = hz_note_end(s, function, rv);
	if (rv != CKR_OK)
		(void)hz_guard_fail(function, s->token->slot_id, rv);
	return hz_session_leave(s, rv);
}

/* Enter the module; on success end with hz_guard_done. */
static inline CK_RV hz_guard_module(const char *function)
{
	CK_RV rv = hz_module_enter();

	return rv == CKR_OK ? rv : hz_guard_fail(function, HZ_NO_SLOT, rv);
}

static inline CK_RV hz_guard_done(const char *function, CK_SLOT_ID slot, CK_RV rv)
{
	if (rv != CKR_OK)
		(void)hz_guard_fail(function, slot, rv);
	return hz_module_leave(rv);
}

#endif
