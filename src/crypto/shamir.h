/* SPDX-License-Identifier: Apache-2.0 */
/* Threshold decryption on secp256k1: Feldman shares of a private key, partial results with proofs, recombination. */
#ifndef HZ_CRYPTO_SHAMIR_H
#define HZ_CRYPTO_SHAMIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pkcs11.h"

/*
 * P(x) = a_0 + a_1 x + ... + a_(t-1) x^(t-1) over the scalars, a_0 the private key, the others derived from it and the split's
 * identity, so that every call for one split gives shares of the same polynomial. Share i is P(i); A_j = a_j * G are public
 * (P. Feldman, "A practical scheme for non-interactive verifiable secret sharing", 1987).
 */
enum { HZ_SHAMIR_ID = 16, HZ_SHAMIR_MAX = 255, HZ_SHAMIR_PARTIAL = 118 };

struct hz_split {
	uint8_t id[HZ_SHAMIR_ID];
	unsigned t, n; /* 2 <= t <= n <= 255 */
};

/* A share as it travels (inside ECIES) and as a node keeps it. value should lie in secret memory or be wiped. */
struct hz_share {
	struct hz_split split;
	unsigned i;                             /* 1 .. n */
	uint8_t value[32];
	uint8_t commitments[HZ_SHAMIR_MAX][33]; /* t of them */
};

/* Share i of a private key. CKR_MECHANISM_PARAM_INVALID when t, n, i are out of range. */
CK_RV hz_share_make(const uint8_t sec[32], const struct hz_split *split, unsigned i, struct hz_share *out);

/* 0x01 || u16be i || u16be t || u16be n || id || value || t commitments; octets: 55 + 33 t. */
CK_RV hz_share_write(const struct hz_share *s, struct hz_buf *out);
size_t hz_share_size(unsigned t);
/* Parse, and hold the value against the commitments; CKR_WRAPPED_KEY_INVALID. */
CK_RV hz_share_read(const uint8_t *in, size_t len, struct hz_share *out);

/*
 * sum becomes the sum of two shares with one split, index, t and n: a share of the sum of the two keys, with the sum of the
 * commitments (T. P. Pedersen, "A threshold cryptosystem without a trusted party", 1991). CKR_WRAPPED_KEY_INVALID when they differ in
 * any of these, or a sum is zero.
 */
CK_RV hz_share_add(struct hz_share *sum, const struct hz_share *s);

/*
 * Refresh (A. Herzberg, S. Jarecki, H. Krawczyk, M. Yung, "Proactive secret sharing", 1995): every dealer deals shares of zero, as the
 * difference of two splits of one key, the second named by the first one's id with all bits turned over. value, share i of split `old`,
 * becomes value + plus - minus, a share of the same key by another polynomial. CKR_WRAPPED_KEY_INVALID when the two are no such pair
 * for this i and t, carry the old id, or the result is zero.
 */
CK_RV hz_share_refresh(uint8_t value[32], const struct hz_split *old, unsigned i, const struct hz_share *plus, const struct hz_share *minus);
void hz_split_other(const uint8_t id[HZ_SHAMIR_ID], uint8_t other[HZ_SHAMIR_ID]);

/* Y_i = sum of i^j * A_j: the public key of share i. */
bool hz_share_public(const struct hz_share *s, unsigned i, uint8_t y[64]);

/*
 * What a node answers for K: D = share * K with a proof (Chaum-Pedersen) that D / K and Y_i / G have the same exponent:
 * 0x01 || u16be i || u16be t || id || D || c || s. CKR_FUNCTION_FAILED: no randomness.
 */
CK_RV hz_partial_make(const uint8_t share[32], unsigned i, unsigned t, const uint8_t id[HZ_SHAMIR_ID], const uint8_t k[64],
		      uint8_t out[HZ_SHAMIR_PARTIAL]);

struct hz_partial {
	unsigned i, t;
	uint8_t id[HZ_SHAMIR_ID];
	uint8_t d[64]; /* parsed */
	uint8_t c[32], s[32];
};

/* Shape only. CKR_DATA_INVALID. */
CK_RV hz_partial_read(const uint8_t *in, size_t len, struct hz_partial *out);
/* Is it what the holder of Y_i's share computes from K? */
bool hz_partial_check(const struct hz_partial *p, const uint8_t k[64], const uint8_t y[64]);
/* S from exactly t checked partials of one split with distinct indices: sum of lambda_i * D_i. CKR_DATA_INVALID otherwise. */
CK_RV hz_partials_combine(const struct hz_partial *const parts[], size_t n, uint8_t s[64]);

#endif
