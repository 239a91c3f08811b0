/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: Digests and saved states. */
#include "api/api.h"
#include "api/guard.h"
#include "token/calls.h"

CK_RV hz_api_DigestInit(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DigestInit", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DigestInit", s, hz_op_init(s, HZ_OP_DIGEST, mech, CK_INVALID_HANDLE));
}

CK_RV hz_api_Digest(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_Digest", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_Digest", s, hz_digest(s, in, len, out, out_len));
}

CK_RV hz_api_DigestUpdate(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DigestUpdate", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DigestUpdate", s, hz_digest_update(s, in, len));
}

CK_RV hz_api_DigestKey(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DigestKey", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DigestKey", s, hz_digest_key(s, key));
}

CK_RV hz_api_DigestFinal(CK_SESSION_HANDLE h, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DigestFinal", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DigestFinal", s, hz_digest_final(s, out, out_len));
}

CK_RV hz_api_GetOperationState(CK_SESSION_HANDLE h, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_GetOperationState", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_GetOperationState", s, hz_state_save(s, out, out_len));
}

CK_RV hz_api_SetOperationState(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_OBJECT_HANDLE enc_key, CK_OBJECT_HANDLE
	auth_key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_SetOperationState", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_SetOperationState", s, hz_state_restore(s, in, len, enc_key, auth_key));
}
