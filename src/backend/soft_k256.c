/* SPDX-License-Identifier: Apache-2.0 */
/* The EC mechanisms for secp256k1, which libcrypto never sees. */
#include <string.h>

#include "backend/soft_ec.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/k256.h"

static CK_RV bad(const char *what)
{
	return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "secp256k1 key: %s", what);
}

static CK_RV build_private(struct hz_key *key)
{
	struct hz_reader v;
	CK_RV rv = hz_attr_need(&key->attrs, CKA_VALUE, &v);

	if (rv != CKR_OK)
		return rv;
	while (v.left > 32 && v.p[0] == 0)
		hz_rd_skip(&v, 1);
	if (v.left > 32)
		return bad("the private key is longer than 32 bytes");
	key->secret = hz_secmem_alloc(32);
	if (key->secret == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	key->secret_len = 32;
	memcpy(key->secret + 32 - v.left, v.p, v.left);
	key->has_k256_pub = hz_k256_pub_from_sec(key->k256_pub, key->secret);
	return key->has_k256_pub ? CKR_OK : bad("the private key is not between 1 and the order");
}

CK_RV hz_soft_k256_key(struct hz_key *key)
{
	struct hz_reader v;
	const uint8_t *raw;
	size_t len;
	CK_RV rv;

	key->is_k256 = true;
	if (key->cls == CKO_PRIVATE_KEY)
		return build_private(key);
	rv = hz_attr_need(&key->attrs, CKA_EC_POINT, &v);
	if (rv != CKR_OK)
		return rv;
	key->has_k256_pub = hz_curve_point(key->curve, v.p, v.left, &raw, &len) && hz_k256_pub_parse(key->k256_pub, raw, len);
	return key->has_k256_pub ? CKR_OK : bad("CKA_EC_POINT is no point of this curve");
}

CK_RV hz_soft_k256_generate(struct hz_attrs *pub, struct hz_attrs *priv)
{
	const struct hz_curve *c;
	uint8_t *sec = hz_secmem_alloc(32), opaque[HZ_K256_PUB], point[HZ_K256_UNCOMPRESSED];
	CK_RV rv = hz_curve_of_attrs(pub, CKK_EC, &c);

	if (sec == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	if (rv == CKR_OK && (!hz_k256_generate(sec, opaque) || !hz_k256_pub_write(opaque, false, point)))
		rv = hz_fail(CKR_FUNCTION_FAILED, "no random numbers for a key");
	if (rv == CKR_OK)
		rv = hz_curve_set_point(pub, point, sizeof point);
	if (rv == CKR_OK)
		rv = hz_attrs_set(priv, CKA_VALUE, sec, 32, true);
	hz_secmem_free(sec);
	return rv != CKR_OK ? rv : hz_soft_pair_done(pub, priv);
}

/* FIPS 186-5 section 6.4.1: the leftmost 256 bits, or the whole number when it is shorter. */
static CK_RV fit(const uint8_t *in, size_t len, uint8_t digest[32])
{
	if (len == 0)
		return hz_fail(CKR_DATA_LEN_RANGE, "ECDSA needs a digest");
	memset(digest, 0, 32);
	if (len >= 32)
		memcpy(digest, in, 32);
	else
		memcpy(digest + 32 - len, in, len);
	return CKR_OK;
}

static CK_RV k256_sign(struct hz_sig *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	uint8_t digest[32];
	CK_RV rv = fit(in, len, digest);

	if (rv != CKR_OK)
		return rv;
	if (!hz_k256_sign(s->key->secret, digest, sig))
		return hz_fail(CKR_FUNCTION_FAILED, "secp256k1: no signature");
	*sig_len = 64;
	return CKR_OK;
}

static CK_RV k256_verify(struct hz_sig *s, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	uint8_t digest[32];
	CK_RV rv = fit(in, len, digest);

	(void)sig_len;
	if (rv != CKR_OK)
		return rv;
	if (!hz_k256_verify(s->key->k256_pub, digest, sig, false))
		return hz_fail(CKR_SIGNATURE_INVALID, "secp256k1: the signature is not valid");
	return CKR_OK;
}

static const struct hz_sig_raw raw = { .sign = k256_sign, .verify = k256_verify };

CK_RV hz_soft_k256_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	enum hz_hash_id hash;
	struct hz_sig *s = NULL;
	CK_RV rv;

	if (!hz_ecdsa_hash(m->type, &hash) || (m->type == CKM_ECDSA_SHA1 && kind == HZ_OP_SIGN))
		return hz_fail(CKR_MECHANISM_INVALID, "no ECDSA mechanism, or SHA-1 for signing");
	rv = hz_sig_new(sizeof *s, &raw, kind, key, hash, &s);
	if (rv != CKR_OK)
		return rv;
	s->sig_len = 64;
	*op = &s->base;
	return CKR_OK;
}

CK_RV hz_soft_k256_derive(const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made)
{
	const CK_ECDH1_DERIVE_PARAMS *p;
	uint8_t pub[HZ_K256_PUB], z[32];
	const uint8_t *raw_point;
	size_t len;
	CK_RV rv = hz_soft_ecdh_params(m, &p);

	if (rv != CKR_OK)
		return rv;
	if (!hz_curve_point(base->curve, p->pPublicData, p->ulPublicDataLen, &raw_point, &len) ||
	    !hz_k256_pub_parse(pub, raw_point, len))
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "the other side's key is no point of this curve");
	if (hz_k256_ecdh_x(z, pub, base->secret))
		rv = hz_soft_ecdh_key(p, z, sizeof z, made);
	else
		rv = hz_fail(CKR_FUNCTION_FAILED, "secp256k1: no shared secret");
	hz_wipe(z, sizeof z);
	return rv;
}
