/* SPDX-License-Identifier: Apache-2.0 */
/* ECIES on secp256k1 as iExec Nox has it, the shared secret kept apart so that it may come from anywhere. */
#ifndef HZ_CRYPTO_ECIES_H
#define HZ_CRYPTO_ECIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pkcs11.h"

/*
 * blob = K (33, compressed) || nonce (12) || ciphertext || tag (16). S = k * Q; key = HKDF-SHA256(x(S), 32 zero bytes,
 * "ECIES:AES_GCM:v1"); AES-256-GCM. All functions are thread-safe. Errors: CKR_ENCRYPTED_DATA_INVALID for any blob that does
 * not open, CKR_DATA_LEN_RANGE for a plaintext above 2^31 - 64 bytes, CKR_HOST_MEMORY, CKR_FUNCTION_FAILED (libcrypto).
 */
enum { HZ_ECIES_K = 33, HZ_ECIES_NONCE = 12, HZ_ECIES_TAG = 16, HZ_ECIES_OVERHEAD = HZ_ECIES_K + HZ_ECIES_NONCE + HZ_ECIES_TAG };

/*
 * What is authenticated besides the plaintext: the caller's bytes as they are (PLAIN), or a domain's name, a zero byte, K and
 * the caller's bytes (wrapped keys, threshold shares).
 */
enum hz_ecies_use { HZ_ECIES_PLAIN, HZ_ECIES_WRAP, HZ_ECIES_SHARE };

struct hz_ecies_aad {
	enum hz_ecies_use use;
	const uint8_t *p; /* may be NULL when n is 0 */
	size_t n;
};

/* K of a blob as a parsed public key (crypto/k256.h): what ECDH has to be done with. */
CK_RV hz_ecies_ephemeral(const uint8_t *blob, size_t len, uint8_t k[64]);

/* The AES key from x(S). key should be secret memory or wiped. */
CK_RV hz_ecies_key(const uint8_t x[32], uint8_t key[32]);

/* Append a blob for the holder of pub (parsed), with a new ephemeral key and nonce. */
CK_RV hz_ecies_seal(const uint8_t pub[64], const struct hz_ecies_aad *aad, const uint8_t *in, size_t len, struct hz_buf *out);
/* The same into len + 61 bytes that do not overlap the text. */
CK_RV hz_ecies_seal_to(const uint8_t pub[64], const struct hz_ecies_aad *aad, const uint8_t *in, size_t len, uint8_t *out);
/* The same when K, x(S) and nonce are already there (vectors, other backends). A nonce must not serve twice with one K. */
CK_RV hz_ecies_seal_with(const uint8_t x[32], const uint8_t k[33], const uint8_t nonce[12], const struct hz_ecies_aad *aad,
			 const uint8_t *in, size_t len, struct hz_buf *out);

/* Append the plaintext (out should be secret); nothing is appended unless the tag is right. */
CK_RV hz_ecies_open(const uint8_t sec[32], const struct hz_ecies_aad *aad, const uint8_t *blob, size_t len, struct hz_buf *out);
/* The same into len - 61 bytes that do not overlap the blob; they are zero after a failure. */
CK_RV hz_ecies_open_to(const uint8_t sec[32], const struct hz_ecies_aad *aad, const uint8_t *blob, size_t len, uint8_t *out);
/* The same from x(S), computed by whoever holds the private key. */
CK_RV hz_ecies_open_with(const uint8_t x[32], const struct hz_ecies_aad *aad, const uint8_t *blob, size_t len, struct hz_buf *out);

#endif
