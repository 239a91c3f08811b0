/* SPDX-License-Identifier: Apache-2.0 */
/* CKM_HANZO_SCHNORR_BIP340: Schnorr signatures of BIP-340 with secp256k1 keys, an extension. */
#include <string.h>

#include "backend/soft_vendor.h"
#include "base/error.h"
#include "crypto/k256.h"

enum { SCHNORR_SIG = 64 };

/* The message is signed as it is, of any length; the output may lie where the message is. */
static CK_RV schnorr_sign(struct hz_sig *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	uint8_t out[SCHNORR_SIG];

	if (!hz_k256_schnorr_sign(s->key->secret, in, len, out))
		return hz_fail(CKR_FUNCTION_FAILED, "secp256k1: no Schnorr signature");
	memcpy(sig, out, sizeof out);
	*sig_len = sizeof out;
	return CKR_OK;
}

static CK_RV schnorr_verify(struct hz_sig *s, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	(void)sig_len;
	if (hz_k256_schnorr_verify(s->key->k256_pub, in, len, sig))
		return CKR_OK;
	return hz_fail(CKR_SIGNATURE_INVALID, "secp256k1: the Schnorr signature is not valid");
}

static const struct hz_sig_raw schnorr = { .sign = schnorr_sign, .verify = schnorr_verify };

static CK_RV schnorr_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	struct hz_sig *s = NULL;
	CK_RV rv = hz_vendor_needs_k256(key);

	(void)m;
	if (rv == CKR_OK)
		rv = hz_sig_new(sizeof *s, &schnorr, kind, key, HZ_HASH_IDS, &s);
	if (rv != CKR_OK)
		return rv;
	s->sig_len = SCHNORR_SIG;
	*op = &s->base;
	return CKR_OK;
}

#define FLAGS (CKF_SIGN | CKF_VERIFY | CKF_EC_F_P | CKF_EC_OID | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS)

const struct hz_soft_mech hz_soft_schnorr[] = {
	{ .row = { CKM_HANZO_SCHNORR_BIP340, { 256, 256, FLAGS }, { CKK_EC, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, HZ_NO_KEY_TYPE },
	  .begin = schnorr_begin },
	{ .row = { .type = 0 } },
};
