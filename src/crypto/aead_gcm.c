/* SPDX-License-Identifier: Apache-2.0 */
/* GCM with an IV of more than 128 bytes, which EVP refuses: libcrypto's public mode functions over its AES. Slow, and rarely needed. */
#include "crypto/aead_int.h"
#include "crypto/libctx.h"

/* block128_f over an EVP context in ECB mode. The type leaves no way to report a failure; AES on 16 bytes has none. */
static void encrypt_block(const unsigned char in[16], unsigned char out[16], const void *key)
{
	EVP_CIPHER_CTX *ctx = (EVP_CIPHER_CTX *)(uintptr_t)key;
	int n = 0;

	(void)EVP_EncryptUpdate(ctx, out, &n, in, 16);
}

static bool make(struct hz_aead *a)
{
	EVP_CIPHER *ecb = hz_cipher(a->key_len == 16 ? "AES-128-ECB" : a->key_len == 24 ? "AES-192-ECB" : "AES-256-ECB");

	if (a->ecb == NULL)
		a->ecb = EVP_CIPHER_CTX_new();
	if (a->ecb == NULL || ecb == NULL || EVP_EncryptInit_ex2(a->ecb, ecb, a->key, NULL, NULL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(a->ecb, 0) != 1)
		return false;
	a->gcm = CRYPTO_gcm128_new(a->ecb, encrypt_block);
	return a->gcm != NULL;
}

bool hz_gcm_long_start(struct hz_aead *a, const struct hz_aead_start *s)
{
	if (a->gcm == NULL && !make(a))
		return false;
	CRYPTO_gcm128_setiv(a->gcm, s->iv, s->iv_len);
	return s->aad_len == 0 || CRYPTO_gcm128_aad(a->gcm, s->aad, s->aad_len) == 0;
}

bool hz_gcm_long_update(struct hz_aead *a, const uint8_t *in, size_t n, uint8_t *out)
{
	if (n == 0)
		return true;
	return (a->enc ? CRYPTO_gcm128_encrypt(a->gcm, in, out, n) : CRYPTO_gcm128_decrypt(a->gcm, in, out, n)) == 0;
}

void hz_gcm_long_tag(struct hz_aead *a, uint8_t tag[16])
{
	CRYPTO_gcm128_tag(a->gcm, tag, 16);
}
