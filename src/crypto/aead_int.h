/* SPDX-License-Identifier: Apache-2.0 */
/* Inside aead.c and the two constructions that EVP does not offer as streams. */
#ifndef HZ_CRYPTO_AEAD_INT_H
#define HZ_CRYPTO_AEAD_INT_H

#include <openssl/evp.h>
#include <openssl/modes.h>

#include "crypto/aead.h"

/* CCM's own state; secret memory, because it holds plaintext. */
struct hz_ccm {
	uint8_t mac[16];    /* the CBC-MAC so far */
	uint8_t part[16];   /* an unfinished block of its input */
	size_t n;           /* bytes in part, < 16 */
	uint8_t s0[16];     /* what the tag is masked with */
};

struct hz_aead {
	enum hz_aead_alg alg;
	bool enc;
	EVP_CIPHER_CTX *ctx;     /* GCM, ChaCha20-Poly1305; CCM: AES-CTR */
	size_t iv_len;           /* what ctx is set to */
	size_t tag_len;
	uint8_t *key;            /* AES: a copy, for contexts that are made only when needed; secret memory */
	size_t key_len;

	EVP_CIPHER_CTX *cbc;     /* CCM: the CBC-MAC */
	struct hz_ccm *ccm;
	uint64_t left;           /* CCM: bytes still to come */

	bool is_long;            /* GCM: this message's IV is longer than EVP takes */
	EVP_CIPHER_CTX *ecb;
	GCM128_CONTEXT *gcm;
};

bool hz_ccm_new(struct hz_aead *a);
bool hz_ccm_start(struct hz_aead *a, const struct hz_aead_start *s);
bool hz_ccm_update(struct hz_aead *a, const uint8_t *in, size_t n, uint8_t *out);
bool hz_ccm_tag(struct hz_aead *a, uint8_t tag[16]);

/* GCM over libcrypto's mode functions, for an IV of any length. */
bool hz_gcm_long_start(struct hz_aead *a, const struct hz_aead_start *s);
bool hz_gcm_long_update(struct hz_aead *a, const uint8_t *in, size_t n, uint8_t *out);
void hz_gcm_long_tag(struct hz_aead *a, uint8_t tag[16]);

#endif
