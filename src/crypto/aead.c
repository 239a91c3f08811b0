/* SPDX-License-Identifier: Apache-2.0 */
/* Authenticated encryption over libcrypto's keyed contexts. */
#include "crypto/aead.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/secmem.h"
#include "crypto/aead_int.h"
#include "crypto/libctx.h"

#define EVP_IV_MAX 128 /* bytes: GCM_IV_MAX_SIZE of libcrypto's provider */

static EVP_CIPHER *cipher_of(enum hz_aead_alg alg, size_t key_len)
{
	char name[32];

	if (alg == HZ_CHACHA20_POLY1305)
		return key_len == 32 ? hz_cipher("ChaCha20-Poly1305") : NULL;
	if (key_len != 16 && key_len != 24 && key_len != 32)
		return NULL;
	snprintf(name, sizeof name, "AES-%zu-%s", key_len * 8, alg == HZ_GCM ? "GCM" : "CTR");
	return hz_cipher(name);
}

static bool set_up(struct hz_aead *a, const uint8_t *key)
{
	EVP_CIPHER *cipher = cipher_of(a->alg, a->key_len);
	int enc = a->alg == HZ_CCM || a->enc; /* CTR is the same in both directions */

	a->ctx = EVP_CIPHER_CTX_new();
	if (a->ctx == NULL || cipher == NULL || EVP_CipherInit_ex2(a->ctx, cipher, key, NULL, enc, NULL) != 1)
		return false;
	a->iv_len = (size_t)EVP_CIPHER_CTX_get_iv_length(a->ctx);
	if (a->alg == HZ_CHACHA20_POLY1305)
		return true;
	a->key = hz_secmem_dup(key, a->key_len);
	return a->key != NULL && (a->alg != HZ_CCM || hz_ccm_new(a));
}

struct hz_aead *hz_aead_new(enum hz_aead_alg alg, const uint8_t *key, size_t key_len, bool encrypt)
{
	struct hz_aead *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->alg = alg;
	a->enc = encrypt;
	a->key_len = key_len;
	if (!set_up(a, key)) {
		hz_aead_free(a);
		return NULL;
	}
	return a;
}

void hz_aead_free(struct hz_aead *a)
{
	if (a == NULL)
		return;
	EVP_CIPHER_CTX_free(a->ctx);
	EVP_CIPHER_CTX_free(a->cbc);
	EVP_CIPHER_CTX_free(a->ecb);
	CRYPTO_gcm128_release(a->gcm);
	hz_secmem_free(a->ccm);
	hz_secmem_free(a->key);
	free(a);
}

static bool set_iv_len(struct hz_aead *a, size_t n)
{
	OSSL_PARAM params[2] = { OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, &n), OSSL_PARAM_construct_end() };

	if (EVP_CIPHER_CTX_set_params(a->ctx, params) != 1)
		return false;
	a->iv_len = n;
	return true;
}

static bool lengths_ok(const struct hz_aead *a, const struct hz_aead_start *s)
{
	if (a->alg == HZ_CHACHA20_POLY1305)
		return s->iv_len == 12 && s->tag_len == 16;
	return s->iv_len >= 1 && s->tag_len >= 1 && s->tag_len <= 16;
}

bool hz_aead_start(struct hz_aead *a, const struct hz_aead_start *s)
{
	if (a->alg == HZ_CCM)
		return hz_ccm_start(a, s);
	if (!lengths_ok(a, s))
		return false;
	a->tag_len = s->tag_len;
	a->is_long = s->iv_len > EVP_IV_MAX;
	if (a->is_long)
		return hz_gcm_long_start(a, s);
	if (a->iv_len != s->iv_len && !set_iv_len(a, s->iv_len))
		return false;
	return EVP_CipherInit_ex2(a->ctx, NULL, NULL, s->iv, -1, NULL) == 1 && hz_evp_run(a->ctx, s->aad, s->aad_len, NULL);
}

bool hz_aead_update(struct hz_aead *a, const uint8_t *in, size_t n, uint8_t *out)
{
	if (a->alg == HZ_CCM)
		return hz_ccm_update(a, in, n, out);
	return a->is_long ? hz_gcm_long_update(a, in, n, out) : hz_evp_run(a->ctx, in, n, out);
}

/* The tag of a construction of ours, whatever the direction. */
static bool own_tag(struct hz_aead *a, uint8_t tag[16])
{
	if (a->alg == HZ_CCM)
		return hz_ccm_tag(a, tag);
	hz_gcm_long_tag(a, tag);
	return true;
}

bool hz_aead_tag(struct hz_aead *a, uint8_t *tag)
{
	OSSL_PARAM params[2] = { OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, a->tag_len),
				 OSSL_PARAM_construct_end() };
	uint8_t none[16], full[16];
	int n = 0;

	if (a->alg == HZ_CCM || a->is_long) {
		if (!own_tag(a, full))
			return false;
		for (size_t i = 0; i < a->tag_len; i++)
			tag[i] = full[i];
		return true;
	}
	return EVP_EncryptFinal_ex(a->ctx, none, &n) == 1 && EVP_CIPHER_CTX_get_params(a->ctx, params) == 1;
}

bool hz_aead_check(struct hz_aead *a, const uint8_t *tag)
{
	uint8_t copy[16], own[16];
	OSSL_PARAM params[2] = { OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, copy, a->tag_len),
				 OSSL_PARAM_construct_end() };
	int n = 0;

	if (a->alg == HZ_CCM || a->is_long)
		return own_tag(a, own) && hz_ct_equal(own, tag, a->tag_len);
	for (size_t i = 0; i < a->tag_len; i++)
		copy[i] = tag[i];
	return EVP_CIPHER_CTX_set_params(a->ctx, params) == 1 && EVP_DecryptFinal_ex(a->ctx, own, &n) == 1;
}
