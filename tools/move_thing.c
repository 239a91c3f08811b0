/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a migration: what is read of them, and the public key that says which key one is. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "backend/p11_int.h"
#include "base/secmem.h"
#include "move.h"

#define END CK_UNAVAILABLE_INFORMATION

static const CK_ATTRIBUTE_TYPE of_all[] = { CKA_LABEL, CKA_PRIVATE, CKA_MODIFIABLE, END };
static const CK_ATTRIBUTE_TYPE of_keys[] = { CKA_KEY_TYPE, CKA_ID, CKA_START_DATE, CKA_END_DATE, CKA_DERIVE, CKA_ALLOWED_MECHANISMS,
					     CKA_HANZO_ROTATE_DAYS, CKA_HANZO_RATE_LIMIT, CKA_HANZO_USES_LEFT, END };
static const CK_ATTRIBUTE_TYPE of_public[] = { CKA_SUBJECT, CKA_ENCRYPT, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_WRAP, CKA_MODULUS,
					       CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_EC_POINT, CKA_PARAMETER_SET, CKA_VALUE, END };
static const CK_ATTRIBUTE_TYPE of_private[] = { CKA_SUBJECT, CKA_SENSITIVE, CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER, CKA_UNWRAP,
						CKA_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED, CKA_ALWAYS_AUTHENTICATE, CKA_MODULUS,
						CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_PARAMETER_SET, CKA_PUBLIC_KEY_INFO, END };
static const CK_ATTRIBUTE_TYPE of_secret[] = { CKA_SENSITIVE, CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP,
					       CKA_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED, CKA_CHECK_VALUE, CKA_VALUE_LEN, END };
static const CK_ATTRIBUTE_TYPE of_certificate[] = { CKA_CERTIFICATE_TYPE, CKA_ID, CKA_SUBJECT, CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_VALUE,
						    CKA_CERTIFICATE_CATEGORY, CKA_START_DATE, CKA_END_DATE, END };
static const CK_ATTRIBUTE_TYPE of_data[] = { CKA_APPLICATION, CKA_OBJECT_ID, CKA_VALUE, END };

static const CK_ATTRIBUTE_TYPE *by_class(CK_OBJECT_CLASS cls)
{
	switch (cls) {
	case CKO_PUBLIC_KEY: return of_public;
	case CKO_PRIVATE_KEY: return of_private;
	case CKO_SECRET_KEY: return of_secret;
	case CKO_CERTIFICATE: return of_certificate;
	case CKO_DATA: return of_data;
	default: return NULL;
	}
}

static bool is_key(CK_OBJECT_CLASS cls)
{
	return cls == CKO_PUBLIC_KEY || cls == CKO_PRIVATE_KEY || cls == CKO_SECRET_KEY;
}

static CK_RV read_list(const struct end *e, struct thing *t, const CK_ATTRIBUTE_TYPE *types)
{
	CK_RV rv = CKR_OK;

	for (; types != NULL && *types != END && rv == CKR_OK; types++)
		rv = end_read(e, t->h, *types, false, &t->a);
	return rv;
}

bool certificate_spki(const void *der, size_t len, struct hz_buf *spki)
{
	const unsigned char *p = der;
	X509 *x = d2i_X509(NULL, &p, (long)len);
	unsigned char *out = NULL;
	int n = x != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &out) : 0;

	if (n > 0)
		hz_buf_add(spki, out, (size_t)n);
	OPENSSL_free(out);
	X509_free(x);
	ERR_clear_error();
	return n > 0 && !spki->failed;
}

/* SubjectPublicKeyInfo of a public key, or of an RSA private key, from its numbers. Unknown kinds stay without. */
static CK_RV spki_of_numbers(const struct hz_attrs *a, struct hz_buf *spki)
{
	static const CK_ATTRIBUTE_TYPE numbers[] = { CKA_KEY_TYPE, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_EC_POINT,
						     CKA_PARAMETER_SET, CKA_VALUE };
	struct hz_attrs pub = HZ_ATTRS_INIT;
	const struct hz_attr *v;
	CK_RV rv = hz_attrs_set_ulong(&pub, CKA_CLASS, CKO_PUBLIC_KEY);

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && rv == CKR_OK; i++) {
		v = hz_attrs_find(a, numbers[i]);
		if (v != NULL && v->len != 0 && !v->secret)
			rv = hz_attrs_set_from(&pub, v);
	}
	if (rv == CKR_OK && hz_p11_normalise(&pub) == CKR_OK && (v = hz_attrs_find(&pub, CKA_PUBLIC_KEY_INFO)) != NULL)
		hz_buf_add(spki, v->value, v->len);
	hz_attrs_free(&pub);
	return spki->failed ? CKR_HOST_MEMORY : rv;
}

CK_RV thing_from_attrs(struct thing *t)
{
	const struct hz_attr *v = hz_attrs_find(&t->a, CKA_PUBLIC_KEY_INFO);
	CK_RV rv;

	t->cls = hz_attrs_ulong(&t->a, CKA_CLASS, END);
	t->kt = hz_attrs_ulong(&t->a, CKA_KEY_TYPE, END);
	if (t->cls == CKO_CERTIFICATE && (v = hz_attrs_find(&t->a, CKA_VALUE)) != NULL)
		(void)certificate_spki(v->value, v->len, &t->spki);
	else if (v != NULL && v->len != 0)
		hz_buf_add(&t->spki, v->value, v->len);
	else if (t->cls == CKO_PUBLIC_KEY || (t->cls == CKO_PRIVATE_KEY && t->kt == CKK_RSA))
		return spki_of_numbers(&t->a, &t->spki);
	if (t->spki.failed)
		return CKR_HOST_MEMORY;
	rv = t->cls == CKO_PUBLIC_KEY ? hz_p11_normalise(&t->a) : CKR_OK;
	return rv == CKR_HOST_MEMORY ? rv : CKR_OK;
}

/* The public key of a private key that does not tell it: from the public key or certificate with the same CKA_ID. */
static CK_RV spki_beside(const struct end *e, struct thing *t)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PUBLIC_KEY, CKO_CERTIFICATE };
	const struct hz_attr *id = hz_attrs_find(&t->a, CKA_ID), *params = hz_attrs_find(&t->a, CKA_EC_PARAMS);
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < 2 && id != NULL && id->len != 0 && t->spki.len == 0 && rv == CKR_OK; i++) {
		CK_OBJECT_CLASS cls = classes[i];
		CK_ATTRIBUTE tmpl[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_ID, id->value, id->len } };
		CK_OBJECT_HANDLE *v;
		size_t n;

		rv = end_find(e, tmpl, 2, &v, &n);
		for (size_t k = 0; k < n && rv == CKR_OK && t->spki.len == 0; k++) {
			struct thing other;
			const struct hz_attr *p;

			rv = thing_read(e, v[k], &other);
			p = hz_attrs_find(&other.a, CKA_EC_PARAMS);
			if (rv == CKR_OK && (cls == CKO_CERTIFICATE ||
					     (other.kt == t->kt && (params == NULL || p == NULL || hz_attr_equal(params, p)))))
				hz_buf_add(&t->spki, other.spki.p, other.spki.len);
			thing_free(&other);
		}
		free(v);
	}
	return rv;
}

CK_RV thing_read(const struct end *e, CK_OBJECT_HANDLE h, struct thing *t)
{
	const CK_ATTRIBUTE_TYPE *types;
	CK_RV rv;

	*t = (struct thing){ .h = h, .cls = END, .kt = END, .a = HZ_ATTRS_INIT, .spki = HZ_BUF_INIT };
	rv = end_read(e, h, CKA_CLASS, false, &t->a);
	if (rv == CKR_OK)
		rv = read_list(e, t, of_all);
	t->cls = hz_attrs_ulong(&t->a, CKA_CLASS, END);
	types = by_class(t->cls);
	if (rv == CKR_OK && is_key(t->cls))
		rv = read_list(e, t, of_keys);
	if (rv == CKR_OK)
		rv = read_list(e, t, types);
	if (rv == CKR_OK)
		rv = thing_from_attrs(t);
	if (rv == CKR_OK && t->cls == CKO_PRIVATE_KEY && t->spki.len == 0)
		rv = spki_beside(e, t);
	if (types == NULL)
		t->cls = END;
	return rv;
}

CK_RV thing_read_secret(const struct end *e, struct thing *t)
{
	static const CK_ATTRIBUTE_TYPE numbers[] = { CKA_VALUE, CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1,
						     CKA_EXPONENT_2, CKA_COEFFICIENT, CKA_SEED, END };
	CK_RV rv = CKR_OK;

	for (size_t i = 0; numbers[i] != END && rv == CKR_OK; i++)
		rv = end_read(e, t->h, numbers[i], true, &t->a);
	return rv;
}

void thing_free(struct thing *t)
{
	hz_attrs_free(&t->a);
	hz_buf_free(&t->spki);
}
