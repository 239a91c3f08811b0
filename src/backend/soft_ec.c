/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA on the P curves and the EC rows of the mechanism table. */
#include "backend/soft_ec.h"

#include <string.h>

#include "base/error.h"
#include "crypto/der.h"
#include "crypto/libctx.h"

enum { MAX_FIELD = 66, MAX_DER = 2 * (MAX_FIELD + 3) + 4 };

bool hz_ecdsa_hash(CK_MECHANISM_TYPE m, enum hz_hash_id *hash)
{
	static const CK_MECHANISM_TYPE hashed[][2] = {
		{ CKM_ECDSA_SHA1, CKM_SHA_1 }, { CKM_ECDSA_SHA224, CKM_SHA224 }, { CKM_ECDSA_SHA256, CKM_SHA256 },
		{ CKM_ECDSA_SHA384, CKM_SHA384 }, { CKM_ECDSA_SHA512, CKM_SHA512 }, { CKM_ECDSA_SHA3_224, CKM_SHA3_224 },
		{ CKM_ECDSA_SHA3_256, CKM_SHA3_256 }, { CKM_ECDSA_SHA3_384, CKM_SHA3_384 }, { CKM_ECDSA_SHA3_512, CKM_SHA3_512 },
	};

	*hash = HZ_HASH_IDS;
	if (m == CKM_ECDSA)
		return true;
	for (size_t i = 0; i < sizeof hashed / sizeof hashed[0]; i++)
		if (hashed[i][0] == m)
			*hash = hz_hash_of_mech(hashed[i][1]);
	return *hash != HZ_HASH_IDS;
}

/* One INTEGER of a signature into its half of r || s. */
static bool half(struct hz_reader *r, uint8_t *out, size_t width)
{
	struct hz_reader v;

	if (!hz_der_uint(r, &v) || v.left > width)
		return false;
	memset(out, 0, width - v.left);
	memcpy(out + width - v.left, v.p, v.left);
	return true;
}

static bool der_to_raw(const uint8_t *der, size_t len, uint8_t *raw, size_t width)
{
	struct hz_reader r = hz_rd(der, len), seq;

	return hz_der_get(&r, HZ_DER_SEQUENCE, &seq) && half(&seq, raw, width) && half(&seq, raw + width, width);
}

static uint8_t *put_half(uint8_t *at, const uint8_t *v, size_t width)
{
	bool pad;

	while (width > 1 && *v == 0) {
		v++;
		width--;
	}
	pad = (*v & 0x80) != 0;
	*at++ = HZ_DER_INTEGER;
	*at++ = (uint8_t)(width + pad);
	*at = 0;
	at += pad;
	memcpy(at, v, width);
	return at + width;
}

static size_t raw_to_der(const uint8_t *raw, size_t width, uint8_t der[MAX_DER])
{
	uint8_t body[MAX_DER], *end = put_half(put_half(body, raw, width), raw + width, width);
	size_t len = (size_t)(end - body), head = len < 0x80 ? 2 : 3;

	der[0] = HZ_DER_SEQUENCE;
	der[1] = 0x81;
	der[head - 1] = (uint8_t)len;
	memcpy(der + head, body, len);
	return head + len;
}

static CK_RV ec_sign(struct hz_sig *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	uint8_t der[MAX_DER];
	size_t n = sizeof der;

	if (len == 0)
		return hz_fail(CKR_DATA_LEN_RANGE, "ECDSA needs a digest");
	if (EVP_PKEY_sign(s->pctx, der, &n, in, len) != 1 || !der_to_raw(der, n, sig, s->sig_len / 2))
		return hz_fail(CKR_FUNCTION_FAILED, "ECDSA: %s", hz_ossl_reason());
	*sig_len = s->sig_len;
	return CKR_OK;
}

static CK_RV ec_verify(struct hz_sig *s, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	uint8_t der[MAX_DER];
	size_t n = raw_to_der(sig, sig_len / 2, der);

	if (len == 0)
		return hz_fail(CKR_DATA_LEN_RANGE, "ECDSA needs a digest");
	if (EVP_PKEY_verify(s->pctx, der, n, in, len) == 1)
		return CKR_OK;
	return hz_fail(CKR_SIGNATURE_INVALID, "ECDSA: the signature is not valid %s", hz_ossl_reason());
}

static const struct hz_sig_raw raw = { .sign = ec_sign, .verify = ec_verify };

static CK_RV begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	enum hz_hash_id hash;
	struct hz_sig *s = NULL;
	int ok;
	CK_RV rv;

	if (key->is_k256)
		return hz_soft_k256_begin(kind, m, key, op);
	if (!hz_ecdsa_hash(m->type, &hash) || (m->type == CKM_ECDSA_SHA1 && kind == HZ_OP_SIGN))
		return hz_fail(CKR_MECHANISM_INVALID, "no ECDSA mechanism, or SHA-1 for signing");
	rv = hz_sig_new(sizeof *s, &raw, kind, key, hash, &s);
	if (rv != CKR_OK)
		return rv;
	s->sig_len = 2 * (size_t)((const struct hz_curve *)key->curve)->scalar;
	s->pctx = EVP_PKEY_CTX_new_from_pkey(hz_libctx(), key->pkey, NULL);
	ok = s->pctx == NULL ? 0 : s->verify ? EVP_PKEY_verify_init(s->pctx) : EVP_PKEY_sign_init(s->pctx);
	if (ok != 1) {
		hz_sig_free(&s->base);
		return hz_fail(CKR_FUNCTION_FAILED, "ECDSA: %s", hz_ossl_reason());
	}
	*op = &s->base;
	return CKR_OK;
}

#define EC_FLAGS (CKF_EC_F_P | CKF_EC_OID | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS | CKF_EC_CURVENAME)
#define SIGNS(mech, flags) \
	{ .row = { mech, { 256, 521, (flags) | EC_FLAGS }, { CKK_EC, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, HZ_NO_KEY_TYPE }, .begin = begin }

const struct hz_soft_mech hz_soft_ec[] = {
	{ .row = { CKM_EC_KEY_PAIR_GEN, { 256, 521, CKF_GENERATE_KEY_PAIR | EC_FLAGS }, { CKK_EC, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE },
		   CKO_PRIVATE_KEY },
	  .generate_pair = hz_soft_ec_generate },
	SIGNS(CKM_ECDSA, CKF_SIGN | CKF_VERIFY),
	SIGNS(CKM_ECDSA_SHA1, CKF_VERIFY),
	SIGNS(CKM_ECDSA_SHA224, CKF_SIGN | CKF_VERIFY),
	SIGNS(CKM_ECDSA_SHA256, CKF_SIGN | CKF_VERIFY),
	SIGNS(CKM_ECDSA_SHA384, CKF_SIGN | CKF_VERIFY),
	SIGNS(CKM_ECDSA_SHA512, CKF_SIGN | CKF_VERIFY),
	SIGNS(CKM_ECDSA_SHA3_224, CKF_SIGN | CKF_VERIFY),
	SIGNS(CKM_ECDSA_SHA3_256, CKF_SIGN | CKF_VERIFY),
	SIGNS(CKM_ECDSA_SHA3_384, CKF_SIGN | CKF_VERIFY),
	SIGNS(CKM_ECDSA_SHA3_512, CKF_SIGN | CKF_VERIFY),
	{ .row = { CKM_ECDH1_DERIVE, { 255, 521, CKF_DERIVE | EC_FLAGS }, { CKK_EC, CKK_EC_MONTGOMERY, HZ_NO_KEY_TYPE }, CKO_SECRET_KEY },
	  .derive = hz_soft_ecdh },
	{ .row = { CKM_ECDH1_COFACTOR_DERIVE, { 256, 521, CKF_DERIVE | EC_FLAGS }, { CKK_EC, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE },
		   CKO_SECRET_KEY },
	  .derive = hz_soft_ecdh },
	{ .row = { .type = 0 } },
};
