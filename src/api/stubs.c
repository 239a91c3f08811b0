/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that this module does not support: they check that it is initialised and refuse. */
#include "api/api.h"
#include "api/guard.h"
#include "base/error.h"

static CK_RV refuse(const char *function)
{
	CK_RV rv = hz_guard_module(function);

	if (rv != CKR_OK)
		return rv;
	return hz_guard_done(function, HZ_NO_SLOT, hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "this module does not have the function"));
}

#pragma GCC diagnostic ignored "-Wunused-parameter"
#define HZ_FN(since, name, parameters)
#define HZ_OWN HZ_FN
#define HZ_STUB(since, name, parameters) \
	CK_RV hz_api_##name parameters \
	{ \
		return refuse("C_" #name); \
	}
#include "api/functions.def"

/* PKCS#11 3.2 section 5.20: legacy functions of parallel sessions, whatever the session. */
CK_RV hz_api_GetFunctionStatus(CK_SESSION_HANDLE session)
{
	return hz_module_ready() ? CKR_FUNCTION_NOT_PARALLEL : hz_guard_fail("C_GetFunctionStatus", HZ_NO_SLOT, CKR_CRYPTOKI_NOT_INITIALIZED);
}

CK_RV hz_api_CancelFunction(CK_SESSION_HANDLE session)
{
	return hz_module_ready() ? CKR_FUNCTION_NOT_PARALLEL : hz_guard_fail("C_CancelFunction", HZ_NO_SLOT, CKR_CRYPTOKI_NOT_INITIALIZED);
}
