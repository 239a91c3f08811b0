/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM (NIST SP 800-38D) through our own library context. */
#include "store/aead.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/secmem.h"
#include "crypto/libctx.h"

/* Random nonces under one key are safe for 2^32 of them (SP 800-38D section 8.3); a token writes fewer rows. */

static bool feed(EVP_CIPHER_CTX *c, const struct hz_blob *aad, size_t n_aad)
{
	int n;

	for (size_t i = 0; i < n_aad; i++)
		if (aad[i].n > INT_MAX || (aad[i].n != 0 && EVP_CipherUpdate(c, NULL, &n, aad[i].p, (int)aad[i].n) != 1))
			return false;
	return true;
}

static EVP_CIPHER_CTX *start(const uint8_t *key, const uint8_t *nonce, int enc)
{
	EVP_CIPHER *alg = hz_cipher("AES-256-GCM");
	EVP_CIPHER_CTX *c = alg != NULL ? EVP_CIPHER_CTX_new() : NULL;

	if (c != NULL && EVP_CipherInit_ex2(c, alg, key, nonce, enc, NULL) != 1) {
		EVP_CIPHER_CTX_free(c);
		c = NULL;
	}
	return c;
}

bool hz_aead_seal(const uint8_t key[HZ_AEAD_KEY], const struct hz_blob *aad, size_t n_aad, struct hz_blob plain, uint8_t *out)
{
	EVP_CIPHER_CTX *c;
	uint8_t *ct = out + HZ_AEAD_NONCE;
	bool ok;
	int n = 0;

	if (plain.n > INT_MAX || !hz_random(out, HZ_AEAD_NONCE))
		return false;
	c = start(key, out, 1);
	ok = c != NULL && feed(c, aad, n_aad) &&
	     (plain.n == 0 || EVP_CipherUpdate(c, ct, &n, plain.p, (int)plain.n) == 1) &&
	     EVP_CipherFinal_ex(c, ct + plain.n, &n) == 1 &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, HZ_AEAD_TAG, ct + plain.n) == 1;
	EVP_CIPHER_CTX_free(c);
	if (!ok)
		(void)hz_ossl_reason(); /* empties the queue */
	return ok;
}

bool hz_aead_open(const uint8_t key[HZ_AEAD_KEY], const struct hz_blob *aad, size_t n_aad, struct hz_blob blob, uint8_t *out)
{
	EVP_CIPHER_CTX *c;
	uint8_t tag[HZ_AEAD_TAG];
	size_t len;
	bool ok;
	int n = 0;

	if (blob.p == NULL || blob.n < HZ_AEAD_EXTRA || blob.n > INT_MAX)
		return false;
	len = blob.n - HZ_AEAD_EXTRA;
	memcpy(tag, blob.p + HZ_AEAD_NONCE + len, sizeof tag);
	c = start(key, blob.p, 0);
	ok = c != NULL && feed(c, aad, n_aad) &&
	     (len == 0 || EVP_CipherUpdate(c, out, &n, blob.p + HZ_AEAD_NONCE, (int)len) == 1) &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, HZ_AEAD_TAG, tag) == 1 && EVP_CipherFinal_ex(c, tag, &n) == 1;
	EVP_CIPHER_CTX_free(c);
	if (!ok) {
		hz_wipe(out, len);
		(void)hz_ossl_reason();
	}
	return ok;
}
