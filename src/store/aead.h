/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM as the store uses it: blob = nonce (12) || ciphertext || tag (16), associated data in up to three parts. */
#ifndef HZ_STORE_AEAD_H
#define HZ_STORE_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_AEAD_KEY 32u
#define HZ_AEAD_NONCE 12u
#define HZ_AEAD_TAG 16u
#define HZ_AEAD_EXTRA (HZ_AEAD_NONCE + HZ_AEAD_TAG)

struct hz_blob {
	const uint8_t *p; /* NULL is SQL's NULL and differs from an empty value */
	size_t n;
};

/* Write plain.n + HZ_AEAD_EXTRA bytes with a fresh random nonce. False: libcrypto or its generator failed. */
bool hz_aead_seal(const uint8_t key[HZ_AEAD_KEY], const struct hz_blob *aad, size_t n_aad, struct hz_blob plain, uint8_t *out);

/* Write blob.n - HZ_AEAD_EXTRA bytes. False: too short, or not authentic (out is wiped then). */
bool hz_aead_open(const uint8_t key[HZ_AEAD_KEY], const struct hz_blob *aad, size_t n_aad, struct hz_blob blob, uint8_t *out);

#endif
