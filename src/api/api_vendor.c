/* SPDX-License-Identifier: Apache-2.0 */
/* The interface "Vendor hanzo". No slot asks for evidence yet, so what concerns evidence is refused. */
#include <string.h>

#include "api/api.h"
#include "api/guard.h"
#include "base/error.h"

/* Its own length rule, because hz_out_len would record a reason and so replace the text that is asked for. */
CK_RV hz_vendor_GetLastError(char *buf, CK_ULONG *len)
{
	const char *text = hz_error_text();
	CK_ULONG need = (CK_ULONG)strlen(text) + 1, room;

	if (len == NULL)
		return CKR_ARGUMENTS_BAD;
	room = *len;
	*len = need;
	if (buf == NULL)
		return CKR_OK;
	if (room < need)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(buf, text, need);
	return CKR_OK;
}

static CK_RV no_evidence(const char *function, CK_SESSION_HANDLE h)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session(function, h, &s);

	if (rv != CKR_OK)
		return rv;
	return hz_guard_leave(function, s, hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the slot takes no evidence"));
}

CK_RV hz_vendor_GetChallenge(CK_SESSION_HANDLE h, CK_BYTE *buf, CK_ULONG *len)
{
	(void)buf;
	(void)len;
	return no_evidence("HZ_GetChallenge", h);
}

CK_RV hz_vendor_StageEvidence(CK_SESSION_HANDLE h, CK_BYTE *bundle, CK_ULONG len)
{
	(void)bundle;
	(void)len;
	return no_evidence("HZ_StageEvidence", h);
}

CK_RV hz_vendor_Renew(CK_SESSION_HANDLE h)
{
	return no_evidence("HZ_Renew", h);
}
