/* SPDX-License-Identifier: Apache-2.0 */
/* secp256k1 operations of composed mechanisms, on a private key that is here or elsewhere. */
#include <string.h>

#include "backend/soft_int.h"
#include "base/error.h"
#include "crypto/k256.h"

/* s or n - s, whichever is lower; a signature is no secret. */
void hz_k256_low_s(uint8_t sig[64])
{
	uint8_t other[32];
	int borrow = 0;

	for (int i = 31; i >= 0; i--) {
		int d = hz_k256_order[i] - sig[32 + i] - borrow;

		borrow = d < 0;
		other[i] = (uint8_t)(d + (borrow << 8));
	}
	if (!borrow && memcmp(other, sig + 32, 32) < 0)
		memcpy(sig + 32, other, 32);
}

/* No device tells v: of the two, the one that recovers this very key is right. */
static bool find_v(const struct hz_key *key, const uint8_t digest[32], uint8_t sig[65])
{
	uint8_t signer[HZ_K256_PUB];

	for (uint8_t v = 27; v <= 28; v++) {
		sig[64] = v;
		if (hz_k256_recover(signer, digest, sig) && hz_k256_pub_equal(signer, key->k256_pub))
			return true;
	}
	return false;
}

CK_RV hz_key_sign_recoverable(const struct hz_key *key, const uint8_t digest[32], uint8_t sig[65])
{
	CK_RV rv;

	if (key->remote == NULL)
		return hz_k256_sign_recoverable(key->secret, digest, sig) ? CKR_OK : hz_fail(CKR_FUNCTION_FAILED, "secp256k1: no signature");
	if (!key->has_k256_pub)
		return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "the public half is not known");
	rv = key->remote->sign(key->remote, digest, sig);
	if (rv != CKR_OK)
		return rv;
	hz_k256_low_s(sig);
	return find_v(key, digest, sig) ? CKR_OK : hz_fail(CKR_DEVICE_ERROR, "the device's signature is not by this key");
}

CK_RV hz_key_ecdh_x(const struct hz_key *key, const uint8_t pub[64], uint8_t x[32])
{
	if (key->remote != NULL)
		return key->remote->ecdh(key->remote, pub, x);
	return hz_k256_ecdh_x(x, pub, key->secret) ? CKR_OK : hz_fail(CKR_FUNCTION_FAILED, "no shared secret");
}
