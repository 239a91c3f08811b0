/* SPDX-License-Identifier: Apache-2.0 */
/* Everything of secp256k1, through libsecp256k1 and nothing else. */
#ifndef HZ_CRYPTO_K256_H
#define HZ_CRYPTO_K256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Private keys and scalars are 32 bytes, most significant first. Public keys are 64 opaque bytes, libsecp256k1's parsed form,
 * which is always a valid point other than infinity. Signatures are r || s. All functions are thread-safe, take constant time
 * where a private key or scalar is involved (unless said otherwise), and return false instead of ending the process on bad arguments.
 *
 * The library's context is made and blinded with fresh randomness at first use in a process, again in a forked child.
 */
enum { HZ_K256_PUB = 64, HZ_K256_COMPRESSED = 33, HZ_K256_UNCOMPRESSED = 65 };

/* n, the order of the group. */
extern const uint8_t hz_k256_order[32];

/* SEC 1 octets, 33 (compressed) or 65 (uncompressed); the hybrid form and infinity are refused. */
bool hz_k256_pub_parse(uint8_t pub[64], const uint8_t *in, size_t len);
/* 33 or 65 bytes. */
bool hz_k256_pub_write(const uint8_t pub[64], bool compressed, uint8_t *out);
bool hz_k256_pub_equal(const uint8_t a[64], const uint8_t b[64]);
bool hz_k256_pub_from_sec(uint8_t pub[64], const uint8_t sec[32]);
/* 1 <= sec < n. */
bool hz_k256_sec_ok(const uint8_t sec[32]);
/* A new key pair; sec should be secret memory. */
bool hz_k256_generate(uint8_t sec[32], uint8_t pub[64]);

/* ECDSA over a 32-byte digest: nonce by RFC 6979, low s. */
bool hz_k256_sign(const uint8_t sec[32], const uint8_t digest[32], uint8_t sig[64]);
/* Either form of s, or low s only. */
bool hz_k256_verify(const uint8_t pub[64], const uint8_t digest[32], const uint8_t sig[64], bool low_s_only);
/* r || s || v with v = 27 or 28 (r never overflows: such a nonce is not used). */
bool hz_k256_sign_recoverable(const uint8_t sec[32], const uint8_t digest[32], uint8_t sig[65]);
/* The signer's key from r || s || v, v = 27 or 28 and s low; false for anything else. */
bool hz_k256_recover(uint8_t pub[64], const uint8_t digest[32], const uint8_t sig[65]);

/* BIP-340 over a message of any length with 32 bytes of auxiliary randomness; the x-only key is that of pub. */
bool hz_k256_schnorr_sign(const uint8_t sec[32], const uint8_t *msg, size_t len, uint8_t sig[64]);
bool hz_k256_schnorr_verify(const uint8_t pub[64], const uint8_t *msg, size_t len, const uint8_t sig[64]);

/* x of sec * pub. */
bool hz_k256_ecdh_x(uint8_t x[32], const uint8_t pub[64], const uint8_t sec[32]);
/* out = sec * pub, sec secret. */
bool hz_k256_mul(uint8_t out[64], const uint8_t pub[64], const uint8_t sec[32]);
/* out = scalar * pub in variable time: scalar is public. */
bool hz_k256_mul_public(uint8_t out[64], const uint8_t pub[64], const uint8_t scalar[32]);
/* out = sum of n >= 1 points; false when it is infinity. */
bool hz_k256_sum(uint8_t out[64], const uint8_t (*pubs)[64], size_t n);
bool hz_k256_negate(uint8_t pub[64]);

/*
 * Arithmetic modulo n. Values are below n; zero is allowed and, unlike other values, may show in the time taken.
 * reduce takes 32 to 48 bytes of any value.
 */
bool hz_k256_scalar_reduce(uint8_t out[32], const uint8_t *in, size_t len);
bool hz_k256_scalar_add(uint8_t a[32], const uint8_t b[32]);
/* a = -a. */
bool hz_k256_scalar_negate(uint8_t a[32]);
bool hz_k256_scalar_mul(uint8_t a[32], const uint8_t b[32]);
bool hz_k256_scalar_is_zero(const uint8_t a[32]);

/* Ethereum address: the last 20 bytes of keccak256(x || y). */
bool hz_k256_address(const uint8_t pub[64], uint8_t address[20]);

#endif
