/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when a call fails: one line in the log, and the reason kept for HZ_GetLastError. */
#include "api/guard.h"

#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "ck/names.h"

/* Applications get these in the ordinary course of things: they ask, and this is the answer. */
static bool is_answer(CK_RV rv)
{
	return rv == CKR_BUFFER_TOO_SMALL || rv == CKR_NO_EVENT || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
	       rv == CKR_FUNCTION_NOT_PARALLEL;
}

CK_RV hz_guard_fail(const char *function, CK_SLOT_ID slot, CK_RV rv)
{
	enum hz_log_level level = is_answer(rv) ? HZ_LOG_DEBUG : HZ_LOG_WARNING;
	const char *reason = hz_error_settle(rv);

	/* A forked child that has not initialised stays silent: syslog's lock may be held by a thread that exists in the parent only. */
	if (!hz_log_enabled(level) || (rv == CKR_CRYPTOKI_NOT_INITIALIZED && hz_fork_gen() != 0))
		return rv;
	if (slot == HZ_NO_SLOT)
		hz_log(level, "%s: %s%s%s", function, hz_ckr_name(rv), reason[0] != '\0' ? ": " : "", reason);
	else
		hz_log(level, "%s: slot %lu: %s%s%s", function, slot, hz_ckr_name(rv), reason[0] != '\0' ? ": " : "", reason);
	return rv;
}
