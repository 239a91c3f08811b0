/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS #8 and SubjectPublicKeyInfo of every key type, written and read here so that no copy of a secret is left in libcrypto's buffers. */
#include <string.h>

#include "backend/soft_asym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/der.h"
#include "crypto/k256.h"

static const uint8_t oid_rsa[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 };
static const uint8_t oid_ec[] = { 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
/* 2.16.840.1.101.3.4.3.x (ML-DSA) and .4.x (ML-KEM), without the last two arcs */
static const uint8_t oid_nist[] = { 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04 };

static CK_RV done(const struct hz_buf *out)
{
	return out->failed ? hz_fail(CKR_HOST_MEMORY, "DER: out of memory") : CKR_OK;
}

/* ---- AlgorithmIdentifier ---- */

static void put_algorithm(struct hz_buf *out, const struct hz_key *key)
{
	const struct hz_curve *c = key->curve;
	struct hz_buf alg = HZ_BUF_INIT;

	switch (key->type) {
	case CKK_RSA:
		hz_buf_add(&alg, oid_rsa, sizeof oid_rsa);
		hz_der_put(&alg, HZ_DER_NULL, NULL, 0);
		break;
	case CKK_EC:
		hz_buf_add(&alg, oid_ec, sizeof oid_ec);
		hz_buf_add(&alg, c->oid, c->oid_len);
		break;
	case CKK_EC_EDWARDS:
	case CKK_EC_MONTGOMERY:
		hz_buf_add(&alg, c->oid, c->oid_len);
		break;
	default:
		hz_buf_add(&alg, oid_nist, sizeof oid_nist);
		hz_buf_u8(&alg, key->type == CKK_ML_DSA ? 3 : 4);
		hz_buf_u8(&alg, hz_soft_pq_oid(key->type, hz_attrs_ulong(&key->attrs, CKA_PARAMETER_SET, 0)));
		break;
	}
	hz_der_put_buf(out, HZ_DER_SEQUENCE, &alg);
}

/* ---- SubjectPublicKeyInfo ---- */

static CK_RV put_rsa_public(struct hz_buf *out, const struct hz_key *key)
{
	struct hz_reader n, e;
	struct hz_buf seq = HZ_BUF_INIT;
	CK_RV rv = hz_attr_need(&key->attrs, CKA_MODULUS, &n);

	if (rv == CKR_OK)
		rv = hz_attr_need(&key->attrs, CKA_PUBLIC_EXPONENT, &e);
	if (rv != CKR_OK)
		return rv;
	hz_der_put_uint(&seq, n.p, n.left);
	hz_der_put_uint(&seq, e.p, e.left);
	hz_der_put_buf(out, HZ_DER_SEQUENCE, &seq);
	return CKR_OK;
}

static CK_RV put_public(struct hz_buf *out, const struct hz_key *key)
{
	uint8_t point[133];
	size_t len = 0;
	CK_RV rv;

	switch (key->type) {
	case CKK_RSA:
		return put_rsa_public(out, key);
	case CKK_EC:
		rv = hz_soft_ec_point(key, point, &len);
		break;
	case CKK_EC_EDWARDS:
	case CKK_EC_MONTGOMERY:
		rv = hz_soft_ed_point(key, point, &len);
		break;
	case CKK_ML_DSA:
	case CKK_ML_KEM:
		return hz_soft_pq_public(key, out);
	default:
		return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "the key has no public half");
	}
	if (rv == CKR_OK)
		hz_buf_add(out, point, len);
	return rv;
}

CK_RV hz_key_make_spki(const struct hz_key *key, struct hz_buf *out)
{
	struct hz_buf bits = HZ_BUF_INIT, seq = HZ_BUF_INIT;
	CK_RV rv = put_public(&bits, key);

	if (rv == CKR_OK) {
		put_algorithm(&seq, key);
		hz_der_put_bits(&seq, bits.p, bits.len);
		seq.failed |= bits.failed;
		hz_der_put_buf(out, HZ_DER_SEQUENCE, &seq);
		rv = done(out);
	}
	hz_buf_free(&bits);
	hz_buf_free(&seq);
	return rv;
}

/* ---- PKCS #8, writing ---- */

static const CK_ATTRIBUTE_TYPE rsa_numbers[] = { CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1,
						 CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT };
enum { RSA_NUMBERS = sizeof rsa_numbers / sizeof rsa_numbers[0] };

/* RFC 8017 appendix A.1.2. A key without its primes has no such form. */
static CK_RV put_rsa_private(struct hz_buf *out, const struct hz_key *key)
{
	struct hz_buf seq = HZ_BUF_SECRET;
	struct hz_reader v;
	CK_RV rv = CKR_OK;

	hz_der_put_small(&seq, 0);
	for (size_t i = 0; rv == CKR_OK && i < RSA_NUMBERS; i++) {
		rv = hz_attr_need(&key->attrs, rsa_numbers[i], &v);
		if (rv == CKR_OK)
			hz_der_put_uint(&seq, v.p, v.left);
		else
			rv = hz_fail(CKR_KEY_NOT_WRAPPABLE, "the RSA key has no two primes");
	}
	if (rv == CKR_OK)
		hz_der_put_buf(out, HZ_DER_SEQUENCE, &seq);
	hz_buf_free(&seq);
	return rv;
}

/* RFC 5915: the curve is named outside, the public key comes along. */
static CK_RV put_ec_private(struct hz_buf *out, const struct hz_key *key)
{
	const struct hz_curve *c = key->curve;
	struct hz_buf seq = HZ_BUF_SECRET, bits = HZ_BUF_INIT;
	uint8_t point[133];
	size_t len;
	struct hz_reader v;
	CK_RV rv = hz_attr_need(&key->attrs, CKA_VALUE, &v);

	if (rv == CKR_OK)
		rv = hz_soft_ec_point(key, point, &len);
	if (rv != CKR_OK)
		return rv;
	if (v.left > c->scalar)
		return hz_fail(CKR_FUNCTION_FAILED, "an EC private key of %zu bytes", v.left);
	hz_der_put_small(&seq, 1);
	hz_der_put_head(&seq, HZ_DER_OCTETS, c->scalar);
	(void)hz_buf_room(&seq, c->scalar - v.left);
	hz_buf_add(&seq, v.p, v.left);
	hz_der_put_bits(&bits, point, len);
	hz_der_put_buf(&seq, 0xa1, &bits);
	hz_der_put_buf(out, HZ_DER_SEQUENCE, &seq);
	return CKR_OK;
}

/* RFC 9881, RFC 9935: seed, expanded key, or both. */
static CK_RV put_pq_private(struct hz_buf *out, const struct hz_key *key)
{
	const struct hz_attr *seed = hz_attrs_find(&key->attrs, CKA_SEED), *value = hz_attrs_find(&key->attrs, CKA_VALUE);
	struct hz_buf both = HZ_BUF_SECRET;
	bool has_seed = seed != NULL && seed->len != 0, has_value = value != NULL && value->len != 0;

	if (has_seed && has_value) {
		hz_der_put(&both, HZ_DER_OCTETS, seed->value, seed->len);
		hz_der_put(&both, HZ_DER_OCTETS, value->value, value->len);
		hz_der_put_buf(out, HZ_DER_SEQUENCE, &both);
	} else if (has_seed) {
		hz_der_put(out, 0x80, seed->value, seed->len);
	} else if (has_value) {
		hz_der_put(out, HZ_DER_OCTETS, value->value, value->len);
	} else {
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, "the key has no value");
	}
	return CKR_OK;
}

static CK_RV put_private(struct hz_buf *out, const struct hz_key *key)
{
	struct hz_reader v;
	CK_RV rv;

	switch (key->type) {
	case CKK_RSA:
		return put_rsa_private(out, key);
	case CKK_EC:
		return put_ec_private(out, key);
	case CKK_EC_EDWARDS:
	case CKK_EC_MONTGOMERY:
		rv = hz_attr_need(&key->attrs, CKA_VALUE, &v);
		if (rv == CKR_OK)
			hz_der_put(out, HZ_DER_OCTETS, v.p, v.left);
		return rv;
	case CKK_ML_DSA:
	case CKK_ML_KEM:
		return put_pq_private(out, key);
	default:
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, "key type 0x%lx has no PKCS #8 form", key->type);
	}
}

CK_RV hz_soft_pkcs8(const struct hz_key *key, struct hz_buf *out)
{
	struct hz_buf inner = HZ_BUF_SECRET, seq = HZ_BUF_SECRET;
	CK_RV rv;

	if (key->cls != CKO_PRIVATE_KEY)
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, "only private keys have a PKCS #8 form");
	out->secret = true;
	rv = put_private(&inner, key);
	if (rv == CKR_OK) {
		hz_der_put_small(&seq, 0);
		put_algorithm(&seq, key);
		hz_der_put_buf(&seq, HZ_DER_OCTETS, &inner);
		hz_der_put_buf(out, HZ_DER_SEQUENCE, &seq);
		rv = done(out);
	}
	hz_buf_free(&inner);
	hz_buf_free(&seq);
	return rv;
}

/* ---- PKCS #8, reading ---- */

static CK_RV malformed(void)
{
	return hz_fail(CKR_WRAPPED_KEY_INVALID, "no PKCS #8 private key of a known kind");
}

/* What the template fixed must agree with what comes out of the wrapping. */
static CK_RV settle_type(struct hz_attrs *made, CK_KEY_TYPE type)
{
	if (hz_attrs_ulong(made, CKA_CLASS, CKO_PRIVATE_KEY) != CKO_PRIVATE_KEY ||
	    hz_attrs_ulong(made, CKA_KEY_TYPE, type) != type)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "the wrapped key is of another type than the template's");
	return hz_attrs_set_ulong(made, CKA_KEY_TYPE, type);
}

static CK_RV settle_curve(struct hz_attrs *made, const struct hz_curve *c)
{
	const struct hz_attr *given = hz_attrs_find(made, CKA_EC_PARAMS);
	const struct hz_curve *named;
	CK_RV rv = settle_type(made, c->type);

	if (rv != CKR_OK)
		return rv;
	if (given == NULL || given->len == 0)
		return hz_attrs_set(made, CKA_EC_PARAMS, c->oid, c->oid_len, false);
	rv = hz_curve_of_params(c->type, given->value, given->len, &named);
	if (rv == CKR_OK && named != c)
		rv = hz_fail(CKR_TEMPLATE_INCONSISTENT, "the wrapped key is on another curve than the template's");
	return rv;
}

static CK_RV set(struct hz_attrs *made, CK_ATTRIBUTE_TYPE type, const struct hz_reader *v)
{
	bool secret = type != CKA_MODULUS && type != CKA_PUBLIC_EXPONENT;

	return hz_attrs_set(made, type, v->p, v->left, secret);
}

static CK_RV get_rsa(struct hz_reader *in, struct hz_attrs *made)
{
	struct hz_reader seq, v[RSA_NUMBERS];
	unsigned version;
	CK_RV rv;

	if (!hz_der_get(in, HZ_DER_SEQUENCE, &seq) || !hz_rd_end(in) || !hz_der_small(&seq, &version) || version > 1)
		return malformed();
	for (size_t i = 0; i < RSA_NUMBERS; i++)
		if (!hz_der_uint(&seq, &v[i]))
			return malformed();
	if (version == 0 && !hz_rd_end(&seq))
		return malformed();
	rv = settle_type(made, CKK_RSA);
	/* Version 1 has more than two primes: such a key works from its private exponent. */
	for (size_t i = 0; rv == CKR_OK && i < (version == 0 ? (size_t)RSA_NUMBERS : 3); i++)
		rv = set(made, rsa_numbers[i], &v[i]);
	return rv;
}

/* RFC 5915, the optional parts passed over: parameters must name the same curve, the public key is computed anyway. */
static CK_RV get_ec(struct hz_reader *in, const struct hz_curve *c, struct hz_attrs *made)
{
	struct hz_reader seq, value, params, bits, oid;
	unsigned version;
	CK_RV rv;

	if (!hz_der_get(in, HZ_DER_SEQUENCE, &seq) || !hz_rd_end(in) || !hz_der_small(&seq, &version) || version != 1 ||
	    !hz_der_get(&seq, HZ_DER_OCTETS, &value) || value.left == 0)
		return malformed();
	if (hz_der_next_is(&seq, 0xa0) &&
	    (!hz_der_get(&seq, 0xa0, &params) || !hz_der_any(&params, &oid) || !hz_rd_end(&params) ||
	     hz_curve_of_oid(oid.p, oid.left) != c))
		return malformed();
	if (hz_der_next_is(&seq, 0xa1) && !hz_der_get(&seq, 0xa1, &bits))
		return malformed();
	if (!hz_rd_end(&seq))
		return malformed();
	rv = settle_curve(made, c);
	return rv != CKR_OK ? rv : set(made, CKA_VALUE, &value);
}

/* RFC 8410: an OCTET STRING inside the OCTET STRING. */
static CK_RV get_ed(struct hz_reader *in, const struct hz_curve *c, struct hz_attrs *made)
{
	struct hz_reader value;
	CK_RV rv;

	if (!hz_der_get(in, HZ_DER_OCTETS, &value) || !hz_rd_end(in) || value.left != c->scalar)
		return malformed();
	rv = settle_curve(made, c);
	return rv != CKR_OK ? rv : set(made, CKA_VALUE, &value);
}

static bool pq_set(CK_KEY_TYPE type, uint8_t arc, CK_ULONG *id)
{
	for (*id = 1; *id <= 3; ++*id)
		if (hz_soft_pq_oid(type, *id) == arc)
			return true;
	return false;
}

static CK_RV get_pq(struct hz_reader *in, const uint8_t arcs[2], struct hz_attrs *made)
{
	CK_KEY_TYPE type = arcs[0] == 3 ? CKK_ML_DSA : CKK_ML_KEM;
	struct hz_reader seq, seed = hz_rd(NULL, 0), value = hz_rd(NULL, 0);
	CK_ULONG id;
	bool ok;
	CK_RV rv;

	if ((arcs[0] != 3 && arcs[0] != 4) || !pq_set(type, arcs[1], &id))
		return malformed();
	if (hz_der_next_is(in, 0x80))
		ok = hz_der_get(in, 0x80, &seed);
	else if (hz_der_next_is(in, HZ_DER_OCTETS))
		ok = hz_der_get(in, HZ_DER_OCTETS, &value);
	else
		ok = hz_der_get(in, HZ_DER_SEQUENCE, &seq) && hz_der_get(&seq, HZ_DER_OCTETS, &seed) &&
		     hz_der_get(&seq, HZ_DER_OCTETS, &value) && hz_rd_end(&seq);
	if (!ok || !hz_rd_end(in))
		return malformed();
	rv = settle_type(made, type);
	if (rv == CKR_OK && hz_attrs_ulong(made, CKA_PARAMETER_SET, id) != id)
		rv = hz_fail(CKR_TEMPLATE_INCONSISTENT, "the wrapped key has another parameter set than the template");
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(made, CKA_PARAMETER_SET, id);
	if (rv == CKR_OK && seed.left != 0)
		rv = set(made, CKA_SEED, &seed);
	if (rv == CKR_OK && value.left != 0)
		rv = set(made, CKA_VALUE, &value);
	return rv;
}

static bool is_oid(const struct hz_reader *oid, const uint8_t *want, size_t len)
{
	return oid->left == len && memcmp(oid->p, want, len) == 0;
}

static CK_RV get_key(struct hz_reader *alg, struct hz_reader *key, struct hz_attrs *made)
{
	struct hz_reader oid, params;
	const struct hz_curve *c;

	if (!hz_der_next_is(alg, HZ_DER_OID) || !hz_der_any(alg, &oid))
		return malformed();
	if (is_oid(&oid, oid_rsa, sizeof oid_rsa))
		return get_rsa(key, made);
	if (is_oid(&oid, oid_ec, sizeof oid_ec)) {
		if (!hz_der_any(alg, &params))
			return malformed();
		c = hz_curve_of_oid(params.p, params.left);
		return c != NULL && c->type == CKK_EC ? get_ec(key, c, made)
						      : hz_fail(CKR_CURVE_NOT_SUPPORTED, "the wrapped key's curve is not offered");
	}
	c = hz_curve_of_oid(oid.p, oid.left);
	if (c != NULL && c->type != CKK_EC)
		return get_ed(key, c, made);
	if (oid.left == sizeof oid_nist + 2 && memcmp(oid.p, oid_nist, sizeof oid_nist) == 0)
		return get_pq(key, oid.p + sizeof oid_nist, made);
	return malformed();
}

CK_RV hz_soft_from_pkcs8(const uint8_t *der, size_t len, struct hz_attrs *made)
{
	struct hz_reader r = hz_rd(der, len), seq, alg, key;
	unsigned version;
	CK_RV rv;

	/* Attributes and the public key of RFC 5958 may follow and are not needed. */
	if (!hz_der_get(&r, HZ_DER_SEQUENCE, &seq) || !hz_rd_end(&r) || !hz_der_small(&seq, &version) || version > 1 ||
	    !hz_der_get(&seq, HZ_DER_SEQUENCE, &alg) || !hz_der_get(&seq, HZ_DER_OCTETS, &key))
		return malformed();
	rv = get_key(&alg, &key, made);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(made, CKA_CLASS, CKO_PRIVATE_KEY);
	if (rv == CKR_OK)
		rv = hz_soft_complete(made);
	return rv == CKR_ATTRIBUTE_VALUE_INVALID ? CKR_WRAPPED_KEY_INVALID : rv;
}

/* ---- SubjectPublicKeyInfo, reading ---- */

static CK_RV no_spki(void)
{
	return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "no SubjectPublicKeyInfo of a known kind");
}

static CK_RV get_rsa_public(struct hz_reader *bits, struct hz_attrs *made)
{
	struct hz_reader seq, n, e;
	CK_RV rv;

	if (!hz_der_get(bits, HZ_DER_SEQUENCE, &seq) || !hz_rd_end(bits) || !hz_der_uint(&seq, &n) || !hz_der_uint(&seq, &e) ||
	    !hz_rd_end(&seq))
		return no_spki();
	rv = hz_attrs_set(made, CKA_MODULUS, n.p, n.left, false);
	if (rv == CKR_OK)
		rv = hz_attrs_set(made, CKA_PUBLIC_EXPONENT, e.p, e.left, false);
	return rv != CKR_OK ? rv : hz_attrs_set_ulong(made, CKA_KEY_TYPE, CKK_RSA);
}

static CK_RV get_point(const struct hz_curve *c, const struct hz_reader *bits, struct hz_attrs *made)
{
	CK_RV rv = hz_attrs_set(made, CKA_EC_PARAMS, c->oid, c->oid_len, false);

	if (rv == CKR_OK)
		rv = hz_attrs_set(made, CKA_EC_POINT, bits->p, bits->left, false);
	return rv != CKR_OK ? rv : hz_attrs_set_ulong(made, CKA_KEY_TYPE, c->type);
}

static CK_RV get_pq_public(const uint8_t arcs[2], const struct hz_reader *bits, struct hz_attrs *made)
{
	CK_KEY_TYPE type = arcs[0] == 3 ? CKK_ML_DSA : CKK_ML_KEM;
	CK_ULONG id;
	CK_RV rv;

	if ((arcs[0] != 3 && arcs[0] != 4) || !pq_set(type, arcs[1], &id))
		return no_spki();
	rv = hz_attrs_set_ulong(made, CKA_PARAMETER_SET, id);
	if (rv == CKR_OK)
		rv = hz_attrs_set(made, CKA_VALUE, bits->p, bits->left, false);
	return rv != CKR_OK ? rv : hz_attrs_set_ulong(made, CKA_KEY_TYPE, type);
}

static CK_RV get_public(struct hz_reader *alg, struct hz_reader *bits, struct hz_attrs *made)
{
	struct hz_reader oid, params;
	const struct hz_curve *c;

	if (!hz_der_next_is(alg, HZ_DER_OID) || !hz_der_any(alg, &oid))
		return no_spki();
	if (is_oid(&oid, oid_rsa, sizeof oid_rsa))
		return get_rsa_public(bits, made);
	if (is_oid(&oid, oid_ec, sizeof oid_ec)) {
		c = hz_der_any(alg, &params) ? hz_curve_of_oid(params.p, params.left) : NULL;
		return c != NULL && c->type == CKK_EC ? get_point(c, bits, made) : hz_fail(CKR_CURVE_NOT_SUPPORTED, "no such curve");
	}
	c = hz_curve_of_oid(oid.p, oid.left);
	if (c != NULL && c->type != CKK_EC)
		return get_point(c, bits, made);
	if (oid.left == sizeof oid_nist + 2 && memcmp(oid.p, oid_nist, sizeof oid_nist) == 0)
		return get_pq_public(oid.p + sizeof oid_nist, bits, made);
	return no_spki();
}

CK_RV hz_soft_from_spki(const uint8_t *der, size_t len, struct hz_attrs *made)
{
	struct hz_reader r = hz_rd(der, len), seq, alg, bits;
	CK_RV rv;

	if (!hz_der_get(&r, HZ_DER_SEQUENCE, &seq) || !hz_rd_end(&r) || !hz_der_get(&seq, HZ_DER_SEQUENCE, &alg) ||
	    !hz_der_bits(&seq, &bits) || !hz_rd_end(&seq))
		return no_spki();
	rv = get_public(&alg, &bits, made);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(made, CKA_CLASS, CKO_PUBLIC_KEY);
	return rv != CKR_OK ? rv : hz_soft_complete(made);
}
