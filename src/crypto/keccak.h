/* SPDX-License-Identifier: Apache-2.0 */
/* The Keccak sponge of FIPS 202: Keccak-256 as Ethereum uses it, and SHA-3. */
#ifndef HZ_CRYPTO_KECCAK_H
#define HZ_CRYPTO_KECCAK_H

#include <stddef.h>
#include <stdint.h>

/*
 * A running hash. A plain value: may be copied and compared, needs no release; wipe it where the input was secret. One thread at
 * a time. It is our own code because libcrypto has no Keccak-256 before 3.2, none of its versions exports the state of a running
 * SHA-3 (which C_GetOperationState needs), and the two differ by one padding byte.
 */
struct hz_sponge {
	uint64_t a[25];
	uint32_t rate;   /* bytes absorbed per permutation: 200 - 2 * output length */
	uint32_t pos;    /* bytes of the current block, < rate */
	uint8_t suffix;  /* first padding byte: 0x06 SHA-3, 0x01 Keccak */
};

/* out_len: 28, 32, 48 or 64. */
void hz_sponge_init(struct hz_sponge *s, size_t out_len, uint8_t suffix);
void hz_sponge_update(struct hz_sponge *s, const void *data, size_t len);
/* Write out_len bytes (at most the rate); the state is void afterwards. */
void hz_sponge_final(struct hz_sponge *s, uint8_t *out, size_t out_len);

#define HZ_SUFFIX_SHA3 0x06
#define HZ_SUFFIX_KECCAK 0x01

/* Keccak-256 (the Keccak submission's padding, not FIPS 202's). */
typedef struct hz_sponge hz_keccak256_ctx;

void hz_keccak256_init(hz_keccak256_ctx *c);
void hz_keccak256_update(hz_keccak256_ctx *c, const void *data, size_t len);
void hz_keccak256_final(hz_keccak256_ctx *c, uint8_t out[32]);
void hz_keccak256(const void *data, size_t len, uint8_t out[32]);

#endif
