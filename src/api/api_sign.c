/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: Signing and verifying. */
#include "api/api.h"
#include "api/guard.h"
#include "token/calls.h"

CK_RV hz_api_SignInit(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_SignInit", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_SignInit", s, hz_op_init(s, HZ_OP_SIGN, mech, key));
}

CK_RV hz_api_Sign(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_Sign", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_Sign", s, hz_sign(s, HZ_OP_SIGN, in, len, out, out_len));
}

CK_RV hz_api_SignUpdate(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_SignUpdate", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_SignUpdate", s, hz_sign_update(s, in, len));
}

CK_RV hz_api_SignFinal(CK_SESSION_HANDLE h, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_SignFinal", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_SignFinal", s, hz_sign_final(s, out, out_len));
}

CK_RV hz_api_SignRecoverInit(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_SignRecoverInit", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_SignRecoverInit", s, hz_op_init(s, HZ_OP_SIGN_RECOVER, mech, key));
}

CK_RV hz_api_SignRecover(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_SignRecover", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_SignRecover", s, hz_sign(s, HZ_OP_SIGN_RECOVER, in, len, out, out_len));
}

CK_RV hz_api_VerifyInit(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_VerifyInit", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_VerifyInit", s, hz_op_init(s, HZ_OP_VERIFY, mech, key));
}

CK_RV hz_api_Verify(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR sig, CK_ULONG sig_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_Verify", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_Verify", s, hz_verify(s, in, len, sig, sig_len));
}

CK_RV hz_api_VerifyUpdate(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_VerifyUpdate", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_VerifyUpdate", s, hz_verify_update(s, in, len));
}

CK_RV hz_api_VerifyFinal(CK_SESSION_HANDLE h, CK_BYTE_PTR sig, CK_ULONG sig_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_VerifyFinal", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_VerifyFinal", s, hz_verify_final(s, sig, sig_len));
}

CK_RV hz_api_VerifyRecoverInit(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_VerifyRecoverInit", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_VerifyRecoverInit", s, hz_op_init(s, HZ_OP_VERIFY_RECOVER, mech, key));
}

CK_RV hz_api_VerifyRecover(CK_SESSION_HANDLE h, CK_BYTE_PTR sig, CK_ULONG sig_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_VerifyRecover", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_VerifyRecover", s, hz_verify_recover(s, sig, sig_len, out, out_len));
}

CK_RV hz_api_VerifySignatureInit(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE key, CK_BYTE_PTR sig, CK_ULONG
	sig_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_VerifySignatureInit", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_VerifySignatureInit", s, hz_verify_signature_init(s, mech, key, sig,
		sig_len));
}

CK_RV hz_api_VerifySignature(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_VerifySignature", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_VerifySignature", s, hz_verify_signature(s, in, len));
}

CK_RV hz_api_VerifySignatureUpdate(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_VerifySignatureUpdate", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_VerifySignatureUpdate", s, hz_verify_signature_update(s, in, len));
}

CK_RV hz_api_VerifySignatureFinal(CK_SESSION_HANDLE h)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_VerifySignatureFinal", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_VerifySignatureFinal", s, hz_verify_signature_final(s));
}
