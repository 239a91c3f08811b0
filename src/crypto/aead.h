/* SPDX-License-Identifier: Apache-2.0 */
/* Authenticated encryption with one key and many messages: AES-GCM, AES-CCM, ChaCha20-Poly1305. */
#ifndef HZ_CRYPTO_AEAD_H
#define HZ_CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hz_aead_alg { HZ_GCM, HZ_CCM, HZ_CHACHA20_POLY1305 };

struct hz_aead;

/*
 * A context keyed for one direction; a message costs no allocation and no key schedule. One thread at a time. Key: 16, 24 or 32 bytes
 * (ChaCha20: 32). NULL: no memory, other key length, or libcrypto lacks it. libcrypto keeps the key schedule in ordinary memory, which
 * it wipes on free.
 */
struct hz_aead *hz_aead_new(enum hz_aead_alg alg, const uint8_t *key, size_t key_len, bool encrypt);
void hz_aead_free(struct hz_aead *a);

/* What a message begins with. */
struct hz_aead_start {
	const uint8_t *iv;   /* GCM: 1 byte or more (SP 800-38D); CCM: 7..13; ChaCha20-Poly1305: 12 */
	size_t iv_len;
	const uint8_t *aad;  /* may be NULL when empty */
	size_t aad_len;
	size_t tag_len;      /* GCM: up to 16; CCM: 4, 6, ... 16; ChaCha20-Poly1305: 16 */
	uint64_t data_len;   /* CCM only: all bytes that update will see (RFC 3610 puts it in the first block) */
};

/* Begin a message, whatever became of the last one. False: a length that the algorithm has not, or libcrypto failed. */
bool hz_aead_start(struct hz_aead *a, const struct hz_aead_start *s);

/*
 * Encrypt or decrypt the next n bytes; as many are written to out, which is `in` itself or apart from it. Decrypted bytes are not
 * authenticated until hz_aead_check says so. False: more than the algorithm or data_len allows, or libcrypto failed.
 */
bool hz_aead_update(struct hz_aead *a, const uint8_t *in, size_t n, uint8_t *out);

/* After encryption: the tag, tag_len bytes. */
bool hz_aead_tag(struct hz_aead *a, uint8_t *tag);
/* After decryption: is this the tag of what was seen? In time that does not depend on it. */
bool hz_aead_check(struct hz_aead *a, const uint8_t *tag);

#endif
