/* SPDX-License-Identifier: Apache-2.0 */
/* The interface "Vendor hanzo". */
#include <string.h>

#include "api/api.h"
#include "api/guard.h"
#include "base/error.h"
#include "ck/outlen.h"
#include "token/gate.h"

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

static CK_RV give_challenge(struct hz_session *s, CK_BYTE *buf, CK_ULONG *len)
{
	CK_RV rv;

	if (s->token->evidence == NULL)
		return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the slot takes no evidence");
	if (len == NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "len is NULL");
	if (hz_out_len(buf, len, HZ_CHALLENGE, &rv) == HZ_OUT_STOP)
		return rv;
	*len = HZ_CHALLENGE;
	return hz_gate_challenge(s, buf);
}

CK_RV hz_vendor_GetChallenge(CK_SESSION_HANDLE h, CK_BYTE *buf, CK_ULONG *len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("HZ_GetChallenge", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("HZ_GetChallenge", s, give_challenge(s, buf, len));
}

static CK_RV stage(struct hz_session *s, const CK_BYTE *bundle, CK_ULONG len)
{
	CK_RV rv;

	if (s->token->evidence != NULL && (bundle == NULL || len == 0))
		return hz_fail(CKR_ARGUMENTS_BAD, "no bundle");
	rv = hz_gate_stage(s, bundle, len);
	return rv == CKR_ATTRIBUTE_VALUE_INVALID ? CKR_DATA_LEN_RANGE : rv;
}

CK_RV hz_vendor_StageEvidence(CK_SESSION_HANDLE h, CK_BYTE *bundle, CK_ULONG len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("HZ_StageEvidence", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("HZ_StageEvidence", s, stage(s, bundle, len));
}

CK_RV hz_vendor_Renew(CK_SESSION_HANDLE h)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("HZ_Renew", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("HZ_Renew", s, hz_gate_renew(s));
}
