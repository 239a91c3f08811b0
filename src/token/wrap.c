/* SPDX-License-Identifier: Apache-2.0 */
/* C_WrapKey and C_UnwrapKey (PKCS#11 3.1 sections 5.18.3 and 5.18.4). */
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "ck/names.h"
#include "ck/outlen.h"
#include "crypto/der.h"
#include "crypto/hash.h"
#include "hanzo-pkcs11.h"
#include "token/access.h"
#include "token/calls.h"
#include "token/gate.h"
#include "token/newkey.h"
#include "token/note.h"
#include "token/op_int.h"

/* Mechanisms that give a value computed with the target, which itself never leaves. */
static bool by_use(CK_MECHANISM_TYPE type)
{
	return type == CKM_HANZO_ECIES_DELEGATE || type == CKM_HANZO_ECIES_PARTIAL;
}

/* Mechanisms that wrap with the public half that a private key knows. */
static bool by_own_half(CK_MECHANISM_TYPE type)
{
	return type == CKM_HANZO_ECIES || type == CKM_HANZO_SHAMIR_SHARE;
}

/* SubjectPublicKeyInfo of an RSA key (RFC 8017 appendix A.1), from what it is used with and not from an attribute that names it. */
static CK_RV rsa_spki(const struct hz_object *w, struct hz_buf *out)
{
	static const uint8_t algorithm[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
	const struct hz_attr *n = hz_attrs_find(&w->attrs, CKA_MODULUS), *e = hz_attrs_find(&w->attrs, CKA_PUBLIC_EXPONENT);
	struct hz_buf numbers = HZ_BUF_INIT, bits = HZ_BUF_INIT, seq = HZ_BUF_INIT;

	if (w->key_type != CKK_RSA || n == NULL || e == NULL)
		return hz_fail(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, "the answer goes to an RSA key");
	hz_der_put_uint(&numbers, n->value, n->len);
	hz_der_put_uint(&numbers, e->value, e->len);
	hz_der_put_buf(&bits, HZ_DER_SEQUENCE, &numbers);
	hz_buf_add(&seq, algorithm, sizeof algorithm);
	hz_der_put_bits(&seq, bits.p, bits.len);
	seq.failed |= bits.failed;
	hz_buf_free(&bits);
	hz_der_put_buf(out, HZ_DER_SEQUENCE, &seq);
	return out->failed ? hz_fail(CKR_HOST_MEMORY, "out of memory") : CKR_OK;
}

/* delegate_to_attested: who gets a shared secret must be who the login's evidence speaks of. */
static CK_RV check_attested(struct hz_session *s, const struct hz_object *w)
{
	struct hz_buf spki = HZ_BUF_INIT;
	uint8_t digest[32];
	CK_RV rv;

	if (!s->token->delegate_to_attested)
		return CKR_OK;
	rv = rsa_spki(w, &spki);
	if (rv == CKR_OK) {
		hz_hash_once(HZ_SHA256, spki.p, spki.len, digest);
		if (!hz_gate_vouches(s->token, digest))
			rv = hz_fail(CKR_FUNCTION_REJECTED, "the RSA key is not the one that the login's evidence vouches for");
	}
	hz_buf_free(&spki);
	return rv;
}

static CK_RV check_wrapping(struct hz_session *s, const struct hz_mech_row *row, const struct hz_object *w, const struct hz_object *t)
{
	CK_RV rv;

	if (!hz_mech_takes(row, w) || (w->cls != CKO_SECRET_KEY && w->cls != CKO_PUBLIC_KEY && !by_own_half(row->type)))
		return hz_fail(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, "%s does not wrap with a %s key", hz_ckm_name(row->type),
			       hz_ckk_name(w->key_type));
	rv = hz_may_use_at_once(s, w, CKA_WRAP, row->type);
	if (rv == CKR_OK && by_use(row->type))
		rv = hz_may_use_at_once(s, t, CKA_DERIVE, row->type);
	if (rv == CKR_OK && by_use(row->type))
		rv = check_attested(s, w);
	return rv == CKR_OK ? hz_may_wrap(s, w, t, by_use(row->type)) : rv;
}

static CK_RV give(struct hz_buf *b, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv = CKR_OK;

	if (b->failed)
		return CKR_HOST_MEMORY;
	if (hz_out_len(out, out_len, b->len, &rv) == HZ_OUT_STOP)
		return rv;
	if (b->len != 0)
		memcpy(out, b->p, b->len);
	*out_len = b->len;
	return CKR_OK;
}

/* A length query gets the bound without anything being wrapped; a given buffer is compared with the wrapped key itself. */
static CK_RV wrap(struct hz_session *s, const struct hz_mech *m, struct hz_object *w, struct hz_object *t, CK_BYTE *out,
		  CK_ULONG *out_len)
{
	struct hz_backend *be = s->token->be;
	struct hz_buf b = HZ_BUF_SECRET;
	struct hz_key *wk, *tk;
	size_t n = 0;
	CK_RV rv = hz_object_key(w, &wk);

	if (rv == CKR_OK)
		rv = hz_object_key(t, &tk);
	if (rv != CKR_OK)
		return rv;
	if (out == NULL) {
		rv = be->ops->wrap_len(be, m, wk, tk, &n);
		if (rv == CKR_OK) {
			*out_len = n;
			hz_note_nothing(s);
		}
		return rv;
	}
	hz_note_output(s, out, out_len);
	rv = be->ops->wrap(be, m, wk, tk, &b);
	if (rv == CKR_OK)
		rv = give(&b, out, out_len);
	hz_buf_free(&b);
	return rv;
}

CK_RV hz_wrap_key(struct hz_session *s, const CK_MECHANISM *mech, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key,
		  CK_BYTE *out, CK_ULONG *out_len)
{
	const struct hz_mech_row *row;
	struct hz_object *w = NULL, *t = NULL;
	struct hz_mech m;
	CK_RV rv;

	if (out_len == NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "pulWrappedKeyLen is NULL");
	rv = hz_newkey_mech(s, &m, mech, CKF_WRAP, &row);
	if (rv == CKR_OK)
		rv = hz_object_get_key(s, wrapping, CKR_WRAPPING_KEY_HANDLE_INVALID, &w);
	if (rv == CKR_OK)
		rv = hz_object_get_key(s, key, CKR_KEY_HANDLE_INVALID, &t);
	if (rv == CKR_OK)
		rv = check_wrapping(s, row, w, t);
	if (rv == CKR_OK)
		rv = wrap(s, &m, w, t, out, out_len);
	hz_object_unref(w);
	hz_object_unref(t);
	hz_mech_clear(&m);
	return rv;
}

static CK_RV check_unwrapping(struct hz_session *s, const struct hz_mech_row *row, const struct hz_object *u)
{
	if (!hz_mech_takes(row, u) || (u->cls != CKO_SECRET_KEY && u->cls != CKO_PRIVATE_KEY))
		return hz_fail(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, "%s does not unwrap with a %s key", hz_ckm_name(row->type),
			       hz_ckk_name(u->key_type));
	return hz_may_use_at_once(s, u, CKA_UNWRAP, row->type);
}

/* A wrapped value that is no such key, or whose length the template contradicts, is the wrapped key's fault. */
static CK_RV unwrap(struct hz_session *s, const struct hz_mech *m, struct hz_object *u, const CK_BYTE *in, CK_ULONG len,
		    struct hz_newkey *k)
{
	struct hz_backend *be = s->token->be;
	struct hz_key *key;
	CK_RV rv = hz_object_key(u, &key);

	if (rv == CKR_OK)
		rv = be->ops->unwrap(be, m, key, hz_op_bytes(in), len, &k->set);
	if (rv == CKR_OK)
		rv = hz_newkey_validate(k, s, CKR_WRAPPED_KEY_INVALID);
	return rv;
}

/* CKM_HANZO_SHARE_REFRESH: a copy of a share, with another value (C_CopyObject's rules, so that nothing gets laxer). */
static CK_RV prepare_refreshed(struct hz_session *s, const struct hz_mech *m, struct hz_newkey *k)
{
	const CK_HANZO_SHARE_REFRESH_PARAMS *p = m->param;
	struct hz_object *old = NULL;
	CK_RV rv = hz_object_get_key(s, p->hShare, CKR_KEY_HANDLE_INVALID, &old);

	if (rv == CKR_OK && (old->cls != CKO_PRIVATE_KEY || hz_attrs_find(&old->attrs, CKA_HANZO_SHARE_INDEX) == NULL))
		rv = hz_fail(CKR_KEY_TYPE_INCONSISTENT, "only a threshold share is refreshed");
	if (rv == CKR_OK && old->always_auth)
		rv = hz_fail(CKR_USER_NOT_LOGGED_IN, "the share has CKA_ALWAYS_AUTHENTICATE and this call has no place for a login");
	if (rv == CKR_OK)
		rv = hz_may_take(s, old);
	if (rv == CKR_OK)
		rv = hz_schema_copy(&k->set, &old->attrs, &k->tmpl, atomic_load(&s->token->login) == HZ_SO);
	if (rv == CKR_OK)
		rv = hz_may_make(s, &k->set);
	hz_object_unref(old);
	return rv;
}

CK_RV hz_unwrap_key(struct hz_session *s, const CK_MECHANISM *mech, CK_OBJECT_HANDLE unwrapping, const CK_BYTE *in, CK_ULONG len,
		    const CK_ATTRIBUTE *tmpl, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	struct hz_newkey k = HZ_NEWKEY_INIT;
	const struct hz_mech_row *row;
	struct hz_object *u = NULL;
	struct hz_mech m;
	CK_RV rv;

	if (key == NULL || (in == NULL && len != 0))
		return hz_fail(CKR_ARGUMENTS_BAD, "phKey or pWrappedKey is NULL");
	if (len > HZ_MAX_INPUT)
		return hz_fail(CKR_WRAPPED_KEY_LEN_RANGE, "wrapped key of %lu bytes", len);
	rv = hz_newkey_mech(s, &m, mech, CKF_UNWRAP, &row);
	if (rv == CKR_OK)
		rv = hz_object_get_key(s, unwrapping, CKR_UNWRAPPING_KEY_HANDLE_INVALID, &u);
	if (rv == CKR_OK)
		rv = check_unwrapping(s, row, u);
	if (rv == CKR_OK)
		rv = hz_newkey_template(&k, tmpl, count, u, CKA_UNWRAP_TEMPLATE);
	if (rv == CKR_OK && m.type == CKM_HANZO_SHARE_REFRESH)
		rv = prepare_refreshed(s, &m, &k);
	else if (rv == CKR_OK)
		rv = hz_newkey_prepare(&k, s, HZ_UNWRAP, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	if (rv == CKR_OK)
		rv = unwrap(s, &m, u, in, len, &k);
	if (rv == CKR_OK)
		rv = hz_objects_add(s, &k.set, 1, key);
	hz_newkey_free(&k);
	hz_object_unref(u);
	hz_mech_clear(&m);
	return rv;
}
