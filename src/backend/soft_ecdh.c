/* SPDX-License-Identifier: Apache-2.0 */
/* ECDH: the shared secret and what the key derivation makes of it. */
#include <openssl/bn.h>
#include <string.h>

#include "backend/soft_ec.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"

/* order of hash input: X9.63 z || counter || info, SP 800-56A counter || z || info */
static const struct kdf {
	CK_EC_KDF_TYPE type;
	CK_MECHANISM_TYPE hash;
	bool counter_first;
} kdfs[] = {
	{ CKD_SHA1_KDF, CKM_SHA_1, false },
	{ CKD_SHA224_KDF, CKM_SHA224, false },
	{ CKD_SHA256_KDF, CKM_SHA256, false },
	{ CKD_SHA384_KDF, CKM_SHA384, false },
	{ CKD_SHA512_KDF, CKM_SHA512, false },
	{ CKD_SHA3_224_KDF, CKM_SHA3_224, false },
	{ CKD_SHA3_256_KDF, CKM_SHA3_256, false },
	{ CKD_SHA3_384_KDF, CKM_SHA3_384, false },
	{ CKD_SHA3_512_KDF, CKM_SHA3_512, false },
	{ CKD_SHA1_KDF_SP800, CKM_SHA_1, true },
	{ CKD_SHA224_KDF_SP800, CKM_SHA224, true },
	{ CKD_SHA256_KDF_SP800, CKM_SHA256, true },
	{ CKD_SHA384_KDF_SP800, CKM_SHA384, true },
	{ CKD_SHA512_KDF_SP800, CKM_SHA512, true },
	{ CKD_SHA3_224_KDF_SP800, CKM_SHA3_224, true },
	{ CKD_SHA3_256_KDF_SP800, CKM_SHA3_256, true },
	{ CKD_SHA3_384_KDF_SP800, CKM_SHA3_384, true },
	{ CKD_SHA3_512_KDF_SP800, CKM_SHA3_512, true },
};
enum { KDFS = sizeof kdfs / sizeof kdfs[0], MAX_KEY = 1 << 16 };

static const struct kdf *find_kdf(CK_EC_KDF_TYPE type)
{
	for (size_t i = 0; i < KDFS; i++)
		if (kdfs[i].type == type)
			return &kdfs[i];
	return NULL;
}

CK_RV hz_soft_ecdh_params(const struct hz_mech *m, const CK_ECDH1_DERIVE_PARAMS **out)
{
	const CK_ECDH1_DERIVE_PARAMS *p = m->param;

	if (p == NULL || m->param_len != sizeof *p || p->pPublicData == NULL || p->ulPublicDataLen == 0)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "ECDH needs CK_ECDH1_DERIVE_PARAMS with a public key");
	if (p->kdf == CKD_NULL ? p->ulSharedDataLen != 0 : find_kdf(p->kdf) == NULL)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "ECDH: unknown KDF, or shared data without one");
	if (p->ulSharedDataLen > MAX_KEY || (p->ulSharedDataLen != 0 && p->pSharedData == NULL))
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "ECDH: bad shared data");
	*out = p;
	return CKR_OK;
}

static void kdf_block(const struct kdf *k, enum hz_hash_id id, uint32_t i, const uint8_t *z, size_t len,
		      const CK_ECDH1_DERIVE_PARAMS *p, uint8_t *out)
{
	const uint8_t counter[4] = { (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
	struct hz_hash h;

	hz_hash_init(&h, id);
	if (k->counter_first)
		hz_hash_update(&h, counter, sizeof counter);
	hz_hash_update(&h, z, len);
	if (!k->counter_first)
		hz_hash_update(&h, counter, sizeof counter);
	hz_hash_update(&h, p->pSharedData, p->ulSharedDataLen);
	hz_hash_final(&h, out);
	hz_wipe(&h, sizeof h);
}

/* ANSI X9.63 section 5.6.3, SP 800-56A rev. 3 section 5.8.2.1. */
static void stretch(const CK_ECDH1_DERIVE_PARAMS *p, const uint8_t *z, size_t len, uint8_t *out, size_t want)
{
	const struct kdf *k = find_kdf(p->kdf);
	enum hz_hash_id id = hz_hash_of_mech(k->hash);
	uint8_t block[HZ_HASH_MAX];

	for (uint32_t i = 1; want > 0; i++) {
		size_t n = hz_hash_len(id) < want ? hz_hash_len(id) : want;

		kdf_block(k, id, i, z, len, p, block);
		memcpy(out, block, n);
		out += n;
		want -= n;
	}
	hz_wipe(block, sizeof block);
}

/* CKA_VALUE_LEN, or what the key type fixes; 0 when neither does. */
static size_t wanted(const struct hz_attrs *made)
{
	const struct hz_attr *v = hz_attrs_find(made, CKA_VALUE_LEN);

	if (v != NULL)
		return hz_attrs_ulong(made, CKA_VALUE_LEN, 0);
	return hz_attrs_ulong(made, CKA_KEY_TYPE, CKK_GENERIC_SECRET) == CKK_CHACHA20 ? 32 : 0;
}

CK_RV hz_soft_ecdh_key(const CK_ECDH1_DERIVE_PARAMS *p, const uint8_t *z, size_t len, struct hz_attrs *made)
{
	size_t want = wanted(made);
	uint8_t *out;
	CK_RV rv;

	if (p->kdf == CKD_NULL) {
		if (want > len)
			return hz_fail(CKR_KEY_SIZE_RANGE, "a key of %zu bytes from a secret of %zu", want, len);
		return want == 0 ? hz_soft_set_secret(made, z, len) : hz_soft_set_secret(made, z + len - want, want);
	}
	if (want == 0)
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "CKA_VALUE_LEN is missing");
	if (want > MAX_KEY)
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "CKA_VALUE_LEN is too large");
	out = hz_secmem_alloc(want);
	if (out == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	stretch(p, z, len, out, want);
	rv = hz_soft_set_secret(made, out, want);
	hz_secmem_free(out);
	return rv;
}

/* x of d * Q by libcrypto's group operations: the point is parsed and checked once and no key object is built around it. */
static CK_RV shared_x(const struct hz_key *base, const CK_ECDH1_DERIVE_PARAMS *p, uint8_t *z)
{
	const struct hz_curve *c = base->curve;
	const EC_GROUP *group = hz_curve_group(c);
	BN_CTX *ctx = BN_CTX_secure_new_ex(hz_libctx_math());
	EC_POINT *q = ctx != NULL ? hz_ec_point_of(c, p->pPublicData, p->ulPublicDataLen, ctx) : NULL;
	BIGNUM *x;
	CK_RV rv = CKR_OK;

	if (q == NULL) {
		BN_CTX_free(ctx);
		(void)hz_ossl_reason();
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "the other side's key is no point of this curve");
	}
	BN_CTX_start(ctx);
	x = BN_CTX_get(ctx);
	if (x == NULL || EC_POINT_mul(group, q, NULL, q, base->ext, ctx) != 1 ||
	    EC_POINT_get_affine_coordinates(group, q, x, NULL, ctx) != 1 || BN_bn2binpad(x, z, c->field) != c->field)
		rv = hz_fail(CKR_FUNCTION_FAILED, "ECDH: %s", hz_ossl_reason());
	if (x != NULL)
		BN_clear(x);
	BN_CTX_end(ctx);
	EC_POINT_clear_free(q);
	BN_CTX_free(ctx);
	return rv;
}

CK_RV hz_soft_ecdh(const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made)
{
	const CK_ECDH1_DERIVE_PARAMS *p;
	const struct hz_curve *c = base->curve;
	uint8_t z[66];
	CK_RV rv;

	if (base->type == CKK_EC_MONTGOMERY && m->type == CKM_ECDH1_DERIVE)
		return hz_soft_x_derive(m, base, made);
	if (base->type != CKK_EC || base->cls != CKO_PRIVATE_KEY)
		return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "ECDH needs an EC private key");
	if (base->is_k256)
		return hz_soft_k256_derive(m, base, made);
	rv = hz_soft_ecdh_params(m, &p);
	if (rv == CKR_OK)
		rv = shared_x(base, p, z);
	if (rv == CKR_OK)
		rv = hz_soft_ecdh_key(p, z, c->field, made);
	hz_wipe(z, sizeof z);
	return rv;
}
