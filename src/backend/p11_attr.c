/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes between the device and this module: reading what there is, bringing it into one form, templates for the device. */
#include <stdlib.h>
#include <string.h>

#include "backend/p11_int.h"
#include "backend/soft_asym.h"
#include "base/error.h"
#include "ck/names.h"
#include "ck/schema.h"

#define READ_MAX 48
#define UNSET ((CK_ULONG)0x5a5a5a) /* a length that a module left as it was */

static const CK_ATTRIBUTE_TYPE every[] = { CKA_CLASS, CKA_TOKEN, CKA_PRIVATE, CKA_LABEL, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE,
					   CKA_UNIQUE_ID };
static const CK_ATTRIBUTE_TYPE any_key[] = { CKA_KEY_TYPE, CKA_ID, CKA_START_DATE, CKA_END_DATE, CKA_DERIVE, CKA_LOCAL,
					     CKA_KEY_GEN_MECHANISM, CKA_ALLOWED_MECHANISMS };
static const CK_ATTRIBUTE_TYPE public_key[] = { CKA_SUBJECT, CKA_ENCRYPT, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_WRAP, CKA_TRUSTED };
static const CK_ATTRIBUTE_TYPE private_key[] = { CKA_SUBJECT, CKA_SENSITIVE, CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER, CKA_UNWRAP,
						 CKA_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE,
						 CKA_WRAP_WITH_TRUSTED, CKA_ALWAYS_AUTHENTICATE };
static const CK_ATTRIBUTE_TYPE secret_key[] = { CKA_SENSITIVE, CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP,
						CKA_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_CHECK_VALUE,
						CKA_WRAP_WITH_TRUSTED, CKA_TRUSTED, CKA_VALUE_LEN };
static const CK_ATTRIBUTE_TYPE certificate[] = { CKA_CERTIFICATE_TYPE, CKA_TRUSTED, CKA_CERTIFICATE_CATEGORY, CKA_CHECK_VALUE,
						 CKA_START_DATE, CKA_END_DATE, CKA_SUBJECT, CKA_ID, CKA_ISSUER, CKA_SERIAL_NUMBER,
						 CKA_VALUE };
static const CK_ATTRIBUTE_TYPE data[] = { CKA_APPLICATION, CKA_OBJECT_ID, CKA_VALUE };
static const CK_ATTRIBUTE_TYPE rsa_public[] = { CKA_MODULUS, CKA_MODULUS_BITS, CKA_PUBLIC_EXPONENT };
static const CK_ATTRIBUTE_TYPE rsa_private[] = { CKA_MODULUS, CKA_PUBLIC_EXPONENT };
static const CK_ATTRIBUTE_TYPE rsa_secret[] = { CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2,
						CKA_COEFFICIENT };
static const CK_ATTRIBUTE_TYPE ec_public[] = { CKA_EC_PARAMS, CKA_EC_POINT };
static const CK_ATTRIBUTE_TYPE ec_private[] = { CKA_EC_PARAMS };
static const CK_ATTRIBUTE_TYPE value[] = { CKA_VALUE };

struct list {
	CK_ATTRIBUTE_TYPE v[READ_MAX];
	size_t n;
};

static void add(struct list *l, const CK_ATTRIBUTE_TYPE *from, size_t n)
{
	for (size_t i = 0; i < n && l->n < READ_MAX; i++)
		l->v[l->n++] = from[i];
}
#define ADD(l, from) add(l, from, sizeof(from) / sizeof((from)[0]))

static bool is_ec(CK_KEY_TYPE kt)
{
	return kt == CKK_EC || kt == CKK_EC_EDWARDS || kt == CKK_EC_MONTGOMERY;
}

static void list_of(struct list *l, CK_OBJECT_CLASS cls, CK_KEY_TYPE kt)
{
	l->n = 0;
	ADD(l, every);
	if (cls == CKO_PUBLIC_KEY || cls == CKO_PRIVATE_KEY || cls == CKO_SECRET_KEY)
		ADD(l, any_key);
	if (cls == CKO_PUBLIC_KEY) {
		ADD(l, public_key);
		if (kt == CKK_RSA)
			ADD(l, rsa_public);
		else if (is_ec(kt))
			ADD(l, ec_public);
		else
			ADD(l, value);
	} else if (cls == CKO_PRIVATE_KEY) {
		ADD(l, private_key);
		if (kt == CKK_RSA)
			ADD(l, rsa_private);
		else if (is_ec(kt))
			ADD(l, ec_private);
	} else if (cls == CKO_SECRET_KEY) {
		ADD(l, secret_key);
	} else if (cls == CKO_CERTIFICATE) {
		ADD(l, certificate);
	} else if (cls == CKO_DATA) {
		ADD(l, data);
	}
}

/* Codes that say something of single attributes, whose lengths then tell which. */
static bool partial(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_BUFFER_TOO_SMALL;
}

static CK_RV lied(CK_ATTRIBUTE_TYPE type, CK_ULONG len)
{
	return hz_fail(CKR_DEVICE_ERROR, "the device says that %s has %lu bytes", hz_cka_name(type), len);
}

/* Lengths of all; where a module stops at the first that it does not know, the others are asked one by one. */
static CK_RV lengths(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE *v, CK_ULONG n)
{
	CK_RV rv;

	for (CK_ULONG i = 0; i < n; i++)
		v[i].ulValueLen = UNSET;
	rv = p->f->C_GetAttributeValue(s, h, v, n);
	if (!partial(rv))
		return rv;
	for (CK_ULONG i = 0; i < n; i++) {
		if (v[i].ulValueLen != UNSET)
			continue;
		rv = p->f->C_GetAttributeValue(s, h, &v[i], 1);
		if (rv != CKR_OK && !partial(rv))
			return rv;
		if (rv != CKR_OK || v[i].ulValueLen == UNSET)
			v[i].ulValueLen = CK_UNAVAILABLE_INFORMATION;
	}
	for (CK_ULONG i = 0; i < n; i++)
		if (v[i].ulValueLen > HZ_ATTR_MAX_LEN && v[i].ulValueLen != CK_UNAVAILABLE_INFORMATION)
			return lied(v[i].type, v[i].ulValueLen);
	return CKR_OK;
}

static bool take(struct hz_attrs *out, const CK_ATTRIBUTE *a, CK_OBJECT_CLASS cls, CK_KEY_TYPE kt)
{
	enum hz_kind kind;

	if (!hz_attr_kind(a->type, &kind) || !hz_kind_ok(kind, a->pValue, a->ulValueLen))
		return true; /* not what the standard says it is: as if the device had none */
	if (a->type == CKA_ALLOWED_MECHANISMS && a->ulValueLen == 0)
		return true; /* devices say so of keys without restriction */
	return hz_attrs_set(out, a->type, a->pValue, a->ulValueLen, hz_attr_is_secret(cls, kt, a->type)) == CKR_OK;
}

static CK_RV values(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE *v, CK_ULONG n, struct hz_attrs *out, bool *shorter)
{
	struct hz_buf block = HZ_BUF_SECRET;
	CK_ULONG given[READ_MAX], k = 0;
	size_t total = 0;
	uint8_t *at;
	CK_RV rv, answer;

	for (CK_ULONG i = 0; i < n; i++)
		if (v[i].ulValueLen <= HZ_ATTR_MAX_LEN) {
			total += (v[i].ulValueLen + 15) & ~(size_t)15;
			v[k++] = v[i];
		}
	at = hz_buf_room(&block, total + 16);
	if (at == NULL)
		return CKR_HOST_MEMORY;
	for (CK_ULONG i = 0; i < k; i++) {
		v[i].pValue = at;
		given[i] = v[i].ulValueLen;
		at += (v[i].ulValueLen + 15) & ~(size_t)15;
	}
	rv = answer = k != 0 ? p->f->C_GetAttributeValue(s, h, v, k) : CKR_OK;
	if (partial(rv)) {
		CK_OBJECT_CLASS cls = CK_UNAVAILABLE_INFORMATION;
		CK_KEY_TYPE kt = CK_UNAVAILABLE_INFORMATION;

		rv = CKR_OK;
		for (CK_ULONG i = 0; i < k; i++) {
			if (v[i].type == CKA_CLASS && v[i].ulValueLen == sizeof cls)
				memcpy(&cls, v[i].pValue, sizeof cls);
			if (v[i].type == CKA_KEY_TYPE && v[i].ulValueLen == sizeof kt)
				memcpy(&kt, v[i].pValue, sizeof kt);
		}
		for (CK_ULONG i = 0; i < k && rv == CKR_OK; i++) {
			if (v[i].ulValueLen > given[i])
				rv = v[i].ulValueLen != CK_UNAVAILABLE_INFORMATION ? lied(v[i].type, v[i].ulValueLen) : answer == CKR_BUFFER_TOO_SMALL ? answer : CKR_OK;
			else if (!take(out, &v[i], cls, kt))
				rv = CKR_HOST_MEMORY;
			*shorter |= v[i].ulValueLen < given[i];
		}
	}
	hz_buf_free(&block);
	return rv;
}

static CK_RV read_once(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, const CK_ATTRIBUTE_TYPE *types, size_t n,
		       struct hz_attrs *out, bool *shorter)
{
	CK_ATTRIBUTE v[READ_MAX];
	CK_RV rv;

	for (size_t i = 0; i < n; i++)
		v[i] = (CK_ATTRIBUTE){ types[i], NULL, 0 };
	rv = lengths(p, s, h, v, n);
	return rv == CKR_OK ? values(p, s, h, v, n, out, shorter) : rv;
}

/*
 * Others may change a value between its length and itself: where the two differ both are asked for again, once. A device that always
 * announces more than it gives is taken at its second word.
 */
CK_RV hz_p11_read(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, const CK_ATTRIBUTE_TYPE *types, size_t n,
		  struct hz_attrs *out)
{
	bool shorter = false;
	CK_RV rv = read_once(p, s, h, types, n, out, &shorter);

	if (rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && shorter))
		rv = read_once(p, s, h, types, n, out, &shorter);
	return rv == CKR_BUFFER_TOO_SMALL ? hz_fail(CKR_DEVICE_ERROR, "the device's attributes are longer than it says") : rv;
}

/* What a key type is for is the device's to say; where it says nothing it will refuse what it does not do. */
static CK_RV presume(struct hz_attrs *a)
{
	static const struct { CK_ATTRIBUTE_TYPE type; CK_OBJECT_CLASS cls; bool is; } rows[] = {
		{ CKA_SENSITIVE, CKO_PRIVATE_KEY, true }, { CKA_EXTRACTABLE, CKO_PRIVATE_KEY, false },
		{ CKA_SENSITIVE, CKO_SECRET_KEY, true }, { CKA_EXTRACTABLE, CKO_SECRET_KEY, false },
		{ CKA_PRIVATE, CKO_PRIVATE_KEY, true }, { CKA_PRIVATE, CKO_SECRET_KEY, true },
		{ CKA_PRIVATE, CKO_PUBLIC_KEY, false }, { CKA_PRIVATE, CKO_CERTIFICATE, false }, { CKA_PRIVATE, CKO_DATA, false },
		{ CKA_SIGN, CKO_PRIVATE_KEY, true }, { CKA_DECRYPT, CKO_PRIVATE_KEY, true }, { CKA_DERIVE, CKO_PRIVATE_KEY, false },
		{ CKA_VERIFY, CKO_PUBLIC_KEY, true }, { CKA_ENCRYPT, CKO_PUBLIC_KEY, true },
		{ CKA_ENCRYPT, CKO_SECRET_KEY, true }, { CKA_DECRYPT, CKO_SECRET_KEY, true },
		{ CKA_SIGN, CKO_SECRET_KEY, true }, { CKA_VERIFY, CKO_SECRET_KEY, true },
		{ CKA_ALWAYS_AUTHENTICATE, CKO_PRIVATE_KEY, false }, { CKA_TRUSTED, CKO_CERTIFICATE, false },
	};
	CK_OBJECT_CLASS cls = hz_attrs_ulong(a, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
	CK_RV rv = hz_attrs_set_bool(a, CKA_TOKEN, true);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0] && rv == CKR_OK; i++)
		if (rows[i].cls == cls && hz_attrs_find(a, rows[i].type) == NULL)
			rv = hz_attrs_set_bool(a, rows[i].type, rows[i].is);
	for (size_t i = 4; i < 7 && rv == CKR_OK; i++) /* CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE */
		if (hz_attrs_find(a, every[i]) == NULL)
			rv = hz_attrs_set_bool(a, every[i], true);
	if (rv == CKR_OK && hz_attrs_find(a, CKA_LABEL) == NULL)
		rv = hz_attrs_set(a, CKA_LABEL, NULL, 0, false);
	if (rv == CKR_OK && cls != CKO_DATA && hz_attrs_find(a, CKA_ID) == NULL)
		rv = hz_attrs_set(a, CKA_ID, NULL, 0, false);
	return rv;
}

/* CKA_EC_POINT comes bare, as an OCTET STRING or as a BIT STRING: here it has one form (soft_curve.h). */
static CK_RV mend_ec(struct hz_attrs *a, CK_KEY_TYPE kt)
{
	const struct hz_attr *pt = hz_attrs_find(a, CKA_EC_POINT);
	const struct hz_curve *c;
	const uint8_t *point;
	uint8_t copy[256];
	size_t len;
	CK_RV rv = hz_curve_of_attrs(a, kt, &c);

	if (rv != CKR_OK)
		return CKR_OK; /* a curve that is not known here: the device's form stays */
	rv = hz_curve_mend(a, c);
	pt = hz_attrs_find(a, CKA_EC_POINT);
	if (rv != CKR_OK || pt == NULL || !hz_curve_point(c, pt->value, pt->len, &point, &len) || len > sizeof copy)
		return rv;
	memcpy(copy, point, len);
	return hz_curve_set_point(a, copy, len);
}

/* CKA_PUBLIC_KEY_INFO and CKA_HANZO_ADDRESS follow from a public key; keys of types unknown here keep what the device says. */
static CK_RV complete_public(struct hz_attrs *a)
{
	struct hz_attrs copy;
	CK_RV rv = hz_attrs_dup(&copy, a);

	if (rv != CKR_OK)
		return rv;
	hz_attrs_remove(&copy, CKA_PUBLIC_KEY_INFO);
	rv = hz_soft_complete(&copy);
	if (rv == CKR_OK) {
		hz_attrs_free(a);
		hz_attrs_move(a, &copy);
	}
	hz_attrs_free(&copy);
	return rv == CKR_HOST_MEMORY ? rv : CKR_OK;
}

CK_RV hz_p11_normalise(struct hz_attrs *a)
{
	CK_OBJECT_CLASS cls = hz_attrs_ulong(a, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
	CK_KEY_TYPE kt = hz_attrs_ulong(a, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	CK_RV rv = CKR_OK;

	if (is_ec(kt))
		rv = mend_ec(a, kt);
	if (rv == CKR_OK && kt == CKK_RSA)
		rv = hz_attr_strip(a, CKA_MODULUS, false);
	if (rv == CKR_OK && kt == CKK_RSA)
		rv = hz_attr_strip(a, CKA_PUBLIC_EXPONENT, false);
	return rv == CKR_OK && cls == CKO_PUBLIC_KEY ? complete_public(a) : rv;
}

/* A private key's CKA_PUBLIC_KEY_INFO, from its own numbers or from its public half. */
static CK_RV add_public(struct hz_p11 *p, CK_SESSION_HANDLE s, struct hz_attrs *a)
{
	struct hz_attrs pub = HZ_ATTRS_INIT;
	const struct hz_attr *n = hz_attrs_find(a, CKA_MODULUS), *e = hz_attrs_find(a, CKA_PUBLIC_EXPONENT), *v;
	CK_RV rv;

	if (n != NULL && e != NULL) {
		rv = hz_attrs_set_ulong(&pub, CKA_CLASS, CKO_PUBLIC_KEY);
		if (rv == CKR_OK)
			rv = hz_attrs_set_ulong(&pub, CKA_KEY_TYPE, CKK_RSA);
		if (rv == CKR_OK)
			rv = hz_attrs_set_from(&pub, n);
		if (rv == CKR_OK)
			rv = hz_attrs_set_from(&pub, e);
		if (rv == CKR_OK)
			rv = hz_p11_normalise(&pub);
	} else {
		rv = hz_p11_public_half(p, s, a, &pub);
	}
	v = hz_attrs_find(&pub, CKA_PUBLIC_KEY_INFO);
	if (rv == CKR_OK && v != NULL)
		rv = hz_attrs_set_from(a, v);
	v = hz_attrs_find(&pub, CKA_HANZO_ADDRESS);
	if (rv == CKR_OK && v != NULL)
		rv = hz_attrs_set_from(a, v);
	hz_attrs_free(&pub);
	return rv;
}

/* CKA_UNIQUE_ID of devices older than 3.0: the same as long as class, type, id, label and public key are. */
static CK_RV make_unique_id(struct hz_attrs *a)
{
	static const CK_ATTRIBUTE_TYPE from[] = { CKA_CLASS, CKA_KEY_TYPE, CKA_ID, CKA_LABEL, CKA_PUBLIC_KEY_INFO, CKA_SERIAL_NUMBER,
						  CKA_CHECK_VALUE };
	static const char hex[] = "0123456789abcdef";
	uint8_t d[HZ_HASH_MAX];
	struct hz_hash h;
	char text[36];
	size_t k = 0;

	hz_hash_init(&h, HZ_SHA256);
	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
		const struct hz_attr *v = hz_attrs_find(a, from[i]);
		uint8_t len[2] = { v != NULL ? (uint8_t)(v->len >> 8) : 255, v != NULL ? (uint8_t)v->len : 255 };

		hz_hash_update(&h, len, sizeof len);
		if (v != NULL && v->len != 0)
			hz_hash_update(&h, v->value, v->len);
	}
	hz_hash_final(&h, d);
	d[6] = (uint8_t)((d[6] & 0x0f) | 0x80); /* RFC 9562 version 8: made by a rule of one's own */
	d[8] = (uint8_t)((d[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[k++] = '-';
		text[k++] = hex[d[i] >> 4];
		text[k++] = hex[d[i] & 15];
	}
	return hz_attrs_set(a, CKA_UNIQUE_ID, text, sizeof text, false);
}

/* The value of a key that may be read; the device refuses the others, and so would the schema. */
static CK_RV read_value(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, struct hz_attrs *a)
{
	CK_OBJECT_CLASS cls = hz_attrs_ulong(a, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);

	if ((cls != CKO_PRIVATE_KEY && cls != CKO_SECRET_KEY) || hz_attrs_bool(a, CKA_SENSITIVE, true) ||
	    !hz_attrs_bool(a, CKA_EXTRACTABLE, false))
		return CKR_OK;
	if (hz_attrs_ulong(a, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION) == CKK_RSA)
		return hz_p11_read(p, s, h, rsa_secret, sizeof rsa_secret / sizeof rsa_secret[0], a);
	{
		const CK_ATTRIBUTE_TYPE types[] = { CKA_CLASS, CKA_KEY_TYPE, CKA_VALUE };

		return hz_p11_read(p, s, h, types, 3, a);
	}
}

CK_RV hz_p11_read_all(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_OBJECT_CLASS cls, CK_KEY_TYPE kt,
		      struct hz_attrs *out)
{
	struct list l;
	CK_RV rv;

	list_of(&l, cls, kt);
	rv = hz_p11_read(p, s, h, l.v, l.n, out);
	if (rv == CKR_OK && hz_attrs_find(out, CKA_CLASS) == NULL)
		rv = hz_attrs_set_ulong(out, CKA_CLASS, cls);
	if (rv == CKR_OK)
		rv = read_value(p, s, h, out);
	if (rv == CKR_OK)
		rv = presume(out);
	if (rv == CKR_OK)
		rv = hz_p11_normalise(out);
	if (rv == CKR_OK && cls != CKO_SECRET_KEY)
		rv = hz_p11_widen_allowed(out);
	if (rv == CKR_OK && cls == CKO_PRIVATE_KEY)
		rv = add_public(p, s, out);
	if (rv == CKR_OK && (hz_attrs_find(out, CKA_UNIQUE_ID) == NULL || hz_attrs_find(out, CKA_UNIQUE_ID)->len == 0))
		rv = make_unique_id(out);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(out, CKA_HANZO_TIER, p->tier);
	return rv == CKR_OK ? hz_attrs_set_ulong(out, CKA_HANZO_EFFECTIVE_TIER, p->tier) : rv;
}

/* ---- templates ---- */

bool hz_p11_not_for_device(CK_ATTRIBUTE_TYPE type)
{
	switch (type) {
	case CKA_UNIQUE_ID:
	case CKA_LOCAL:
	case CKA_ALWAYS_SENSITIVE:
	case CKA_NEVER_EXTRACTABLE:
	case CKA_KEY_GEN_MECHANISM:
	case CKA_PUBLIC_KEY_INFO:
	case CKA_CHECK_VALUE:
	case CKA_OBJECT_VALIDATION_FLAGS:
	case CKA_ENCAPSULATE:
	case CKA_DECAPSULATE:
	case CKA_WRAP_TEMPLATE:
	case CKA_UNWRAP_TEMPLATE:
	case CKA_DERIVE_TEMPLATE:
		return true;
	default:
		return (type & ~(CK_ATTRIBUTE_TYPE)0xff) == CKA_HANZO_BASE;
	}
}

/* So without being said: devices differ in what they let one say. */
static bool is_default(const struct hz_attr *a)
{
	bool yes = a->len == sizeof(CK_BBOOL) && *(const CK_BBOOL *)a->value != CK_FALSE;

	switch (a->type) {
	case CKA_MODIFIABLE:
	case CKA_COPYABLE:
	case CKA_DESTROYABLE:
		return yes;
	case CKA_TRUSTED:
	case CKA_WRAP_WITH_TRUSTED:
	case CKA_ALWAYS_AUTHENTICATE:
	case CKA_SIGN_RECOVER:
	case CKA_VERIFY_RECOVER:
		return !yes;
	case CKA_CERTIFICATE_CATEGORY:
	case CKA_JAVA_MIDP_SECURITY_DOMAIN:
	case CKA_NAME_HASH_ALGORITHM:
		return true;
	default:
		return a->len == 0;
	}
}

/* The mechanism of the device that a mechanism composed here is made of. */
static CK_MECHANISM_TYPE device_mech(CK_MECHANISM_TYPE m)
{
	switch (m) {
	case CKM_HANZO_POAI:
	case CKM_HANZO_HMM_SETTLEMENT:
	case CKM_HANZO_EIP712:
	case CKM_HANZO_ECDSA_RECOVERABLE:
	case CKM_HANZO_ECDSA_KECCAK256:
	case CKM_HANZO_CERT_SUBJECT:
		return CKM_ECDSA;
	case CKM_HANZO_ECIES:
	case CKM_HANZO_ECIES_DELEGATE:
	case CKM_HANZO_ECIES_PARTIAL:
	case CKM_HANZO_SHAMIR_SHARE:
	case CKM_HANZO_SHARE_REFRESH:
		return CKM_ECDH1_DERIVE;
	case CKM_HANZO_MODEL_WEIGHTS:
		return CKM_AES_GCM;
	default:
		return m;
	}
}

static bool allow(struct hz_p11_tmpl *t, CK_ULONG *n, CK_MECHANISM_TYPE m)
{
	for (CK_ULONG k = 0; k < *n; k++)
		if (t->allowed[k] == m)
			return true;
	if (*n == sizeof t->allowed / sizeof t->allowed[0])
		return false;
	t->allowed[(*n)++] = m;
	return true;
}

/* Where the device has no GCM, and for files that were made at such a one. */
static bool allow_key_wrap(struct hz_p11_tmpl *t, CK_ULONG *n)
{
	return allow(t, n, CKM_AES_KEY_WRAP_KWP) && allow(t, n, CKM_AES_KEY_WRAP_PAD);
}

/* A mechanism that hashes comes with the one that signs the hash, which is what the device may be asked for. */
static void put_allowed(struct hz_p11_tmpl *t, const struct hz_attr *a)
{
	CK_ULONG n = 0;

	for (size_t i = 0; i + sizeof(CK_MECHANISM_TYPE) <= a->len; i += sizeof(CK_MECHANISM_TYPE)) {
		CK_MECHANISM_TYPE m, hash, raw;
		bool wraps;

		memcpy(&m, (const uint8_t *)a->value + i, sizeof m);
		wraps = m == CKM_HANZO_MODEL_WEIGHTS;
		m = device_mech(m);
		raw = hz_p11_raw_mech(m, &hash);
		if (!allow(t, &n, m) || (raw != CK_UNAVAILABLE_INFORMATION && !allow(t, &n, raw)) || (wraps && !allow_key_wrap(t, &n)))
			return; /* a long list stays with us alone */
	}
	t->v[t->n++] = (CK_ATTRIBUTE){ CKA_ALLOWED_MECHANISMS, t->allowed, n * sizeof t->allowed[0] };
}

/* What a device will not be told in this call. */
static bool out_of_place(CK_ATTRIBUTE_TYPE type, CK_OBJECT_CLASS cls, enum hz_p11_purpose purpose)
{
	bool private = cls == CKO_PRIVATE_KEY;

	switch (type) {
	case CKA_VALUE_LEN:
		return purpose == HZ_P11_CREATE || purpose == HZ_P11_UNWRAP;
	case CKA_MODULUS_BITS:
		return purpose != HZ_P11_GENERATE;
	case CKA_VALUE:
		return purpose != HZ_P11_CREATE && purpose != HZ_P11_SET;
	case CKA_EC_POINT:
		return private || purpose != HZ_P11_CREATE;
	case CKA_EC_PARAMS:
	case CKA_PUBLIC_EXPONENT:
		return private && purpose != HZ_P11_CREATE;
	case CKA_MODULUS:
		return purpose != HZ_P11_CREATE;
	default:
		return false;
	}
}

static bool often_refused(CK_ATTRIBUTE_TYPE type)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_ALLOWED_MECHANISMS, CKA_START_DATE, CKA_END_DATE, CKA_SUBJECT, CKA_COPYABLE,
						   CKA_DESTROYABLE, CKA_MODIFIABLE, CKA_WRAP_WITH_TRUSTED, CKA_SIGN_RECOVER,
						   CKA_VERIFY_RECOVER };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (types[i] == type)
			return true;
	return false;
}

/* No device ciphers with a key on a curve: that this one is not for it need not be said, and tpm2-pkcs11 takes it for a contradiction. */
static bool goes_without(const struct hz_attr *a, CK_KEY_TYPE kt)
{
	bool no = a->len == sizeof(CK_BBOOL) && *(const CK_BBOOL *)a->value == CK_FALSE;

	return no && is_ec(kt) && (a->type == CKA_ENCRYPT || a->type == CKA_DECRYPT || a->type == CKA_WRAP || a->type == CKA_UNWRAP);
}

bool hz_p11_template_refused(CK_RV rv)
{
	return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_ATTRIBUTE_VALUE_INVALID ||
	       rv == CKR_ATTRIBUTE_READ_ONLY || rv == CKR_GENERAL_ERROR;
}

CK_RV hz_p11_template(struct hz_p11_tmpl *t, const struct hz_attrs *from, enum hz_p11_purpose purpose, bool spare)
{
	CK_OBJECT_CLASS cls = hz_attrs_ulong(from, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
	CK_KEY_TYPE kt = hz_attrs_ulong(from, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	bool new = purpose != HZ_P11_COPY && purpose != HZ_P11_SET;

	t->n = 0;
	for (size_t i = 0; i < from->n; i++) {
		const struct hz_attr *a = &from->v[i];

		if (a->nested || hz_p11_not_for_device(a->type) || out_of_place(a->type, cls, purpose))
			continue;
		if ((new && is_default(a)) || (spare && (often_refused(a->type) || goes_without(a, kt))))
			continue;
		if (t->n == sizeof t->v / sizeof t->v[0])
			return hz_fail(CKR_TEMPLATE_INCONSISTENT, "too many attributes for the device");
		if (a->type == CKA_ALLOWED_MECHANISMS)
			put_allowed(t, a);
		else
			t->v[t->n++] = (CK_ATTRIBUTE){ a->type, a->value, a->len };
	}
	return CKR_OK;
}
