/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: Message-based encryption and decryption. */
#include "api/api.h"
#include "api/guard.h"
#include "token/calls.h"

CK_RV hz_api_MessageEncryptInit(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_MessageEncryptInit", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_MessageEncryptInit", s, hz_op_init(s, HZ_OP_MSG_ENCRYPT, mech, key));
}

CK_RV hz_api_EncryptMessage(CK_SESSION_HANDLE h, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR aad, CK_ULONG aad_len,
	CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_EncryptMessage", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_EncryptMessage", s, hz_message(s, HZ_OP_MSG_ENCRYPT, param, param_len, aad,
		aad_len, in, len, out, out_len));
}

CK_RV hz_api_EncryptMessageBegin(CK_SESSION_HANDLE h, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR aad, CK_ULONG aad_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_EncryptMessageBegin", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_EncryptMessageBegin", s, hz_message_begin(s, HZ_OP_MSG_ENCRYPT, param,
		param_len, aad, aad_len));
}

CK_RV hz_api_EncryptMessageNext(CK_SESSION_HANDLE h, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR in, CK_ULONG len,
	CK_BYTE_PTR out, CK_ULONG_PTR out_len, CK_FLAGS flags)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_EncryptMessageNext", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_EncryptMessageNext", s, hz_message_next(s, HZ_OP_MSG_ENCRYPT, param,
		param_len, in, len, out, out_len, flags));
}

CK_RV hz_api_MessageEncryptFinal(CK_SESSION_HANDLE h)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_MessageEncryptFinal", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_MessageEncryptFinal", s, hz_message_final(s, HZ_OP_MSG_ENCRYPT));
}

CK_RV hz_api_MessageDecryptInit(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_MessageDecryptInit", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_MessageDecryptInit", s, hz_op_init(s, HZ_OP_MSG_DECRYPT, mech, key));
}

CK_RV hz_api_DecryptMessage(CK_SESSION_HANDLE h, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR aad, CK_ULONG aad_len,
	CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DecryptMessage", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DecryptMessage", s, hz_message(s, HZ_OP_MSG_DECRYPT, param, param_len, aad,
		aad_len, in, len, out, out_len));
}

CK_RV hz_api_DecryptMessageBegin(CK_SESSION_HANDLE h, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR aad, CK_ULONG aad_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DecryptMessageBegin", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DecryptMessageBegin", s, hz_message_begin(s, HZ_OP_MSG_DECRYPT, param,
		param_len, aad, aad_len));
}

CK_RV hz_api_DecryptMessageNext(CK_SESSION_HANDLE h, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR in, CK_ULONG len,
	CK_BYTE_PTR out, CK_ULONG_PTR out_len, CK_FLAGS flags)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DecryptMessageNext", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DecryptMessageNext", s, hz_message_next(s, HZ_OP_MSG_DECRYPT, param,
		param_len, in, len, out, out_len, flags));
}

CK_RV hz_api_MessageDecryptFinal(CK_SESSION_HANDLE h)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_MessageDecryptFinal", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_MessageDecryptFinal", s, hz_message_final(s, HZ_OP_MSG_DECRYPT));
}
