/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: Making, wrapping, unwrapping, deriving and encapsulating keys. */
#include "api/api.h"
#include "api/guard.h"
#include "token/calls.h"

CK_RV hz_api_GenerateKey(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_ATTRIBUTE_PTR tmpl, CK_ULONG count, CK_OBJECT_HANDLE_PTR
	out_key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_GenerateKey", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_GenerateKey", s, hz_generate_key(s, mech, tmpl, count, out_key));
}

CK_RV hz_api_GenerateKeyPair(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_ATTRIBUTE_PTR pub, CK_ULONG npub, CK_ATTRIBUTE_PTR
	priv, CK_ULONG npriv, CK_OBJECT_HANDLE_PTR hpub, CK_OBJECT_HANDLE_PTR hpriv)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_GenerateKeyPair", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_GenerateKeyPair", s, hz_generate_pair(s, mech, pub, npub, priv, npriv,
		hpub, hpriv));
}

CK_RV hz_api_WrapKey(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key, CK_BYTE_PTR
	out, CK_ULONG_PTR out_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_WrapKey", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_WrapKey", s, hz_wrap_key(s, mech, wrapping, key, out, out_len));
}

CK_RV hz_api_UnwrapKey(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE unwrapping, CK_BYTE_PTR in, CK_ULONG len,
	CK_ATTRIBUTE_PTR tmpl, CK_ULONG count, CK_OBJECT_HANDLE_PTR out_key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_UnwrapKey", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_UnwrapKey", s, hz_unwrap_key(s, mech, unwrapping, in, len, tmpl, count,
		out_key));
}

CK_RV hz_api_DeriveKey(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR tmpl, CK_ULONG count,
	CK_OBJECT_HANDLE_PTR out_key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DeriveKey", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DeriveKey", s, hz_derive_key(s, mech, base, tmpl, count, out_key));
}

CK_RV hz_api_EncapsulateKey(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE pub, CK_ATTRIBUTE_PTR tmpl, CK_ULONG
	count, CK_BYTE_PTR out, CK_ULONG_PTR out_len, CK_OBJECT_HANDLE_PTR out_key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_EncapsulateKey", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_EncapsulateKey", s, hz_encapsulate(s, mech, pub, tmpl, count, out, out_len,
		out_key));
}

CK_RV hz_api_DecapsulateKey(CK_SESSION_HANDLE h, CK_MECHANISM_PTR mech, CK_OBJECT_HANDLE priv, CK_ATTRIBUTE_PTR tmpl, CK_ULONG
	count, CK_BYTE_PTR in, CK_ULONG len, CK_OBJECT_HANDLE_PTR out_key)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DecapsulateKey", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DecapsulateKey", s, hz_decapsulate(s, mech, priv, tmpl, count, in, len,
		out_key));
}
