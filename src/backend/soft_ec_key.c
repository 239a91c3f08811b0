/* SPDX-License-Identifier: Apache-2.0 */
/* Keys on P-256, P-384 and P-521: built, checked, completed, generated. */
#include <openssl/bn.h>
#include <string.h>

#include "backend/soft_ec.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/k256.h"
#include "crypto/libctx.h"

static CK_RV bad(const char *what)
{
	return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "EC key: %s", what);
}

EC_POINT *hz_ec_point_of(const struct hz_curve *c, const uint8_t *in, size_t len, BN_CTX *ctx)
{
	const EC_GROUP *group = hz_curve_group(c);
	EC_POINT *p = group != NULL ? EC_POINT_new(group) : NULL;
	const uint8_t *raw;
	size_t raw_len;

	/* EC_POINT_oct2point refuses what is not on the curve; the group's order is prime, so there is nothing else to check. */
	if (p != NULL && hz_curve_point(c, in, len, &raw, &raw_len) && EC_POINT_oct2point(group, p, raw, raw_len, ctx) == 1 &&
	    EC_POINT_is_at_infinity(group, p) == 0)
		return p;
	EC_POINT_free(p);
	return NULL;
}

/* Uncompressed octets. */
static bool point_octets(const struct hz_curve *c, const EC_POINT *p, uint8_t out[133], size_t *len, BN_CTX *ctx)
{
	*len = EC_POINT_point2oct(hz_curve_group(c), p, POINT_CONVERSION_UNCOMPRESSED, out, 133, ctx);
	return *len == 1 + 2 * (size_t)c->field;
}

/* A private key in [1, n - 1], as libcrypto's number in secure memory; NULL otherwise. */
static BIGNUM *scalar_of(const struct hz_curve *c, const void *value, size_t len)
{
	const EC_GROUP *group = hz_curve_group(c);
	BIGNUM *d = BN_secure_new();

	if (group != NULL && d != NULL && len <= c->scalar && BN_bin2bn(value, (int)len, d) != NULL && !BN_is_zero(d) &&
	    BN_cmp(d, EC_GROUP_get0_order(group)) < 0) {
		BN_set_flags(d, BN_FLG_CONSTTIME);
		return d;
	}
	BN_clear_free(d);
	return NULL;
}

static void ext_free(void *ext)
{
	BN_clear_free(ext);
}

static CK_RV build_public(struct hz_key *key, const struct hz_curve *c, struct hz_params *p)
{
	struct hz_reader point;
	const uint8_t *raw;
	size_t raw_len;
	CK_RV rv = hz_attr_need(&key->attrs, CKA_EC_POINT, &point);

	if (rv != CKR_OK)
		return rv;
	if (!hz_curve_point(c, point.p, point.left, &raw, &raw_len))
		return bad("CKA_EC_POINT is no point of this curve");
	hz_params_octets(p, OSSL_PKEY_PARAM_PUB_KEY, raw, raw_len);
	return CKR_OK;
}

static CK_RV build_private(struct hz_key *key, const struct hz_curve *c, struct hz_params *p)
{
	struct hz_reader value;
	CK_RV rv = hz_attr_need(&key->attrs, CKA_VALUE, &value);

	if (rv != CKR_OK)
		return rv;
	while (value.left > c->scalar && value.p[0] == 0)
		hz_rd_skip(&value, 1);
	key->ext = scalar_of(c, value.p, value.left);
	key->ext_free = ext_free;
	if (key->ext == NULL)
		return bad("the private key is not between 1 and the order");
	hz_params_num(p, OSSL_PKEY_PARAM_PRIV_KEY, value.p, value.left);
	return CKR_OK;
}

CK_RV hz_soft_ec_key(struct hz_key *key)
{
	const struct hz_curve *c;
	bool private = key->cls == CKO_PRIVATE_KEY;
	struct hz_params p;
	CK_RV rv = hz_curve_of_attrs(&key->attrs, CKK_EC, &c);

	if (rv != CKR_OK)
		return rv;
	key->curve = c;
	key->bits = c->bits;
	if (c->k256)
		return hz_soft_k256_key(key);
	hz_params_init(&p, 256);
	hz_params_text(&p, OSSL_PKEY_PARAM_GROUP_NAME, c->name);
	rv = private ? build_private(key, c, &p) : build_public(key, c, &p);
	if (rv == CKR_OK) {
		key->pkey = hz_params_key(&p, "EC", private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
		if (key->pkey == NULL)
			rv = hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "EC key: %s", hz_ossl_reason());
	}
	hz_params_free(&p);
	return rv;
}

/* d * G: a private key does not carry its point. */
static CK_RV compute_point(const struct hz_key *key, const struct hz_curve *c, uint8_t *point, size_t *len)
{
	const EC_GROUP *group = hz_curve_group(c);
	BN_CTX *ctx = BN_CTX_secure_new_ex(hz_libctx_math());
	EC_POINT *p = group != NULL ? EC_POINT_new(group) : NULL;
	bool ok = ctx != NULL && p != NULL && EC_POINT_mul(group, p, key->ext, NULL, NULL, ctx) == 1 &&
		  point_octets(c, p, point, len, ctx);

	EC_POINT_free(p);
	BN_CTX_free(ctx);
	return ok ? CKR_OK : hz_fail(CKR_FUNCTION_FAILED, "EC: %s", hz_ossl_reason());
}

CK_RV hz_soft_ec_point(const struct hz_key *key, uint8_t *point, size_t *len)
{
	const struct hz_curve *c = key->curve;
	struct hz_reader in;
	const uint8_t *raw;
	CK_RV rv;

	if (c->k256) {
		*len = HZ_K256_UNCOMPRESSED;
		if (!key->has_k256_pub || !hz_k256_pub_write(key->k256_pub, false, point))
			return hz_fail(CKR_FUNCTION_FAILED, "the public key is not known");
		return CKR_OK;
	}
	if (key->cls == CKO_PRIVATE_KEY)
		return compute_point(key, c, point, len);
	rv = hz_attr_need(&key->attrs, CKA_EC_POINT, &in);
	if (rv != CKR_OK)
		return rv;
	if (!hz_curve_point(c, in.p, in.left, &raw, len))
		return bad("CKA_EC_POINT is no point of this curve");
	memcpy(point, raw, *len);
	return CKR_OK;
}

static bool octets_of(const struct hz_curve *c, const struct hz_reader *in, uint8_t out[133], size_t *len)
{
	uint8_t pub[HZ_K256_PUB];
	const uint8_t *raw;
	size_t raw_len;
	EC_POINT *p;
	bool ok;

	if (c->k256) {
		*len = HZ_K256_UNCOMPRESSED;
		return hz_curve_point(c, in->p, in->left, &raw, &raw_len) && hz_k256_pub_parse(pub, raw, raw_len) &&
		       hz_k256_pub_write(pub, false, out);
	}
	p = hz_ec_point_of(c, in->p, in->left, NULL);
	ok = p != NULL && point_octets(c, p, out, len, NULL);
	EC_POINT_free(p);
	if (!ok)
		(void)hz_ossl_reason();
	return ok;
}

/* Private values are kept in the width of the order, whatever zeros the caller left out or added. */
static CK_RV fix_width(struct hz_attrs *a, const struct hz_curve *c)
{
	struct hz_reader v;
	uint8_t *wide;
	CK_RV rv = hz_attr_need(a, CKA_VALUE, &v);

	if (rv != CKR_OK)
		return rv;
	while (v.left > c->scalar && v.p[0] == 0)
		hz_rd_skip(&v, 1);
	if (v.left > c->scalar)
		return bad("the private key is longer than the order");
	wide = hz_secmem_alloc(c->scalar);
	if (wide == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	memcpy(wide + c->scalar - v.left, v.p, v.left);
	rv = hz_attrs_set(a, CKA_VALUE, wide, c->scalar, true);
	hz_secmem_free(wide);
	return rv;
}

CK_RV hz_soft_ec_complete(struct hz_attrs *a)
{
	const struct hz_curve *c;
	struct hz_reader point;
	uint8_t octets[133];
	size_t len;
	CK_RV rv = hz_curve_of_attrs(a, CKK_EC, &c);

	if (rv != CKR_OK)
		return rv;
	if (hz_attrs_ulong(a, CKA_CLASS, 0) == CKO_PRIVATE_KEY)
		return fix_width(a, c);
	rv = hz_attr_need(a, CKA_EC_POINT, &point);
	if (rv != CKR_OK)
		return rv;
	if (!octets_of(c, &point, octets, &len))
		return bad("CKA_EC_POINT is no point of this curve");
	return hz_curve_set_point(a, octets, len);
}

CK_RV hz_ec_curve_wanted(CK_KEY_TYPE type, struct hz_attrs *pub, struct hz_attrs *priv, const struct hz_curve **c)
{
	const struct hz_attr *params;
	CK_RV rv = hz_curve_of_attrs(pub, type, c);

	if (rv == CKR_OK)
		rv = hz_curve_mend(pub, *c);
	params = hz_attrs_find(pub, CKA_EC_PARAMS);
	return rv != CKR_OK ? rv : hz_attrs_set(priv, CKA_EC_PARAMS, params->value, params->len, false);
}

static CK_RV keep_pair(EVP_PKEY *pkey, const struct hz_curve *c, struct hz_attrs *pub, struct hz_attrs *priv)
{
	uint8_t point[133];
	size_t len = 0;
	CK_RV rv;

	if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof point, &len) != 1)
		return hz_fail(CKR_FUNCTION_FAILED, "EC generation: %s", hz_ossl_reason());
	rv = hz_curve_set_point(pub, point, len);
	if (rv == CKR_OK)
		rv = hz_pkey_num(pkey, OSSL_PKEY_PARAM_PRIV_KEY, c->scalar, priv, CKA_VALUE, true);
	return rv != CKR_OK ? rv : hz_soft_pair_done(pub, priv);
}

CK_RV hz_soft_ec_generate(const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv)
{
	const struct hz_curve *c;
	CK_RV rv = hz_ec_curve_wanted(CKK_EC, pub, priv, &c);
	OSSL_PARAM p[2];
	EVP_PKEY *pkey;

	(void)m;
	if (rv != CKR_OK)
		return rv;
	if (c->k256)
		return hz_soft_k256_generate(pub, priv);
	p[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)c->name, 0);
	p[1] = OSSL_PARAM_construct_end();
	pkey = hz_pkey_generate("EC", p);
	if (pkey == NULL)
		return hz_fail(CKR_FUNCTION_FAILED, "EC generation: %s", hz_ossl_reason());
	rv = keep_pair(pkey, c, pub, priv);
	EVP_PKEY_free(pkey);
	return rv;
}
