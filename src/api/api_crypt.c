/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: Encryption, decryption, the dual functions and C_SessionCancel. */
#include "api/api.h"
#include "api/guard.h"
#include "token/calls.h"

CK_RV hz_api_EncryptInit(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_EncryptInit", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_EncryptInit", s, hz_op_init(s, HZ_OP_ENCRYPT, mech, key));
}

CK_RV hz_api_Encrypt(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_Encrypt", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_Encrypt", s, hz_crypt(s, HZ_OP_ENCRYPT, in, len, out, out_len));
}

CK_RV hz_api_EncryptUpdate(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_EncryptUpdate", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_EncryptUpdate", s, hz_crypt_update(s, HZ_OP_ENCRYPT, in, len, out,
		out_len));
}

CK_RV hz_api_EncryptFinal(CK_SESSION_HANDLE h, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_EncryptFinal", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_EncryptFinal", s, hz_crypt_final(s, HZ_OP_ENCRYPT, out, out_len));
}

CK_RV hz_api_DecryptInit(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DecryptInit", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DecryptInit", s, hz_op_init(s, HZ_OP_DECRYPT, mech, key));
}

CK_RV hz_api_Decrypt(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_Decrypt", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_Decrypt", s, hz_crypt(s, HZ_OP_DECRYPT, in, len, out, out_len));
}

CK_RV hz_api_DecryptUpdate(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DecryptUpdate", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DecryptUpdate", s, hz_crypt_update(s, HZ_OP_DECRYPT, in, len, out,
		out_len));
}

CK_RV hz_api_DecryptFinal(CK_SESSION_HANDLE h, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DecryptFinal", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DecryptFinal", s, hz_crypt_final(s, HZ_OP_DECRYPT, out, out_len));
}

CK_RV hz_api_DigestEncryptUpdate(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DigestEncryptUpdate", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DigestEncryptUpdate", s, hz_dual_encrypt(s, HZ_OP_DIGEST, in, len, out,
		out_len));
}

CK_RV hz_api_DecryptDigestUpdate(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DecryptDigestUpdate", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DecryptDigestUpdate", s, hz_dual_decrypt(s, HZ_OP_DIGEST, in, len, out,
		out_len));
}

CK_RV hz_api_SignEncryptUpdate(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_SignEncryptUpdate", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_SignEncryptUpdate", s, hz_dual_encrypt(s, HZ_OP_SIGN, in, len, out,
		out_len));
}

CK_RV hz_api_DecryptVerifyUpdate(CK_SESSION_HANDLE h, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DecryptVerifyUpdate", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DecryptVerifyUpdate", s, hz_dual_decrypt(s, HZ_OP_VERIFY, in, len, out,
		out_len));
}

CK_RV hz_api_SessionCancel(CK_SESSION_HANDLE h, CK_FLAGS flags)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_SessionCancel", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_SessionCancel", s, hz_ops_cancel(s, flags));
}
