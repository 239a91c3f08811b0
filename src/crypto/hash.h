/* SPDX-License-Identifier: Apache-2.0 */
/* Hash functions as plain values: no allocation, copied by assignment, state savable. */
#ifndef HZ_CRYPTO_HASH_H
#define HZ_CRYPTO_HASH_H

#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/keccak.h"

enum hz_hash_id {
	HZ_SHA1, HZ_SHA224, HZ_SHA256, HZ_SHA384, HZ_SHA512, HZ_SHA512_224, HZ_SHA512_256,
	HZ_SHA3_224, HZ_SHA3_256, HZ_SHA3_384, HZ_SHA3_512, HZ_KECCAK256, HZ_HASH_IDS
};

#define HZ_HASH_MAX 64        /* longest output, bytes */
#define HZ_HASH_BLOCK_MAX 144 /* longest block (SHA3-224), bytes */

/*
 * A running hash. SHA-1 and SHA-2 are libcrypto's own functions on its plain structures (they need no library context, and EVP can
 * neither save a state nor copy one without allocating); SHA-3 and Keccak-256 are keccak.h's. Wipe it where the input was secret.
 */
struct hz_hash {
	enum hz_hash_id id;
	union {
		SHA_CTX sha1;
		SHA256_CTX sha256;
		SHA512_CTX sha512;
		struct hz_sponge sponge;
	} u;
};

size_t hz_hash_len(enum hz_hash_id id);   /* output, bytes */
size_t hz_hash_block(enum hz_hash_id id); /* block as HMAC means it, bytes */

void hz_hash_init(struct hz_hash *h, enum hz_hash_id id);
void hz_hash_update(struct hz_hash *h, const void *data, size_t len); /* data may be NULL when len is 0 */
void hz_hash_final(struct hz_hash *h, uint8_t *out);                  /* hz_hash_len bytes; then only init is allowed */
void hz_hash_once(enum hz_hash_id id, const void *data, size_t len, uint8_t *out);

#endif
