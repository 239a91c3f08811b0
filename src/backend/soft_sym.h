/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of symmetric cryptography share: hash mechanisms, buffers that overlap. */
#ifndef HZ_BACKEND_SOFT_SYM_H
#define HZ_BACKEND_SOFT_SYM_H

#include <openssl/evp.h>

#include "backend/soft_int.h"
#include "crypto/hash.h"

/* One hash and everything PKCS#11 builds on it; HZ_NO_KEY_TYPE / HZ_NO_MECH where the standard has no number. */
struct hz_sym_hash {
	enum hz_hash_id id;
	CK_MECHANISM_TYPE digest, hmac, hmac_general, key_gen;
	CK_KEY_TYPE key_type;
	CK_ULONG pbkd2; /* CKP_PKCS5_PBKD2_*, 0: none */
};
#define HZ_NO_MECH ((CK_MECHANISM_TYPE)-1)

/* Longest secret key, bytes. */
#define HZ_SYM_SECRET_MAX 65536UL

extern const struct hz_sym_hash hz_sym_hashes[];
extern const size_t hz_sym_hash_count;

/* By CKM_SHA256 and its kin; by CKM_*_HMAC or CKM_*_HMAC_GENERAL; by the key type CKK_*_HMAC. NULL: none. */
const struct hz_sym_hash *hz_sym_by_digest(CK_MECHANISM_TYPE m);
const struct hz_sym_hash *hz_sym_by_hmac(CK_MECHANISM_TYPE m);
const struct hz_sym_hash *hz_sym_by_key_type(CK_KEY_TYPE t);

/* libcrypto's cipher for an AES key of 16, 24 or 32 bytes and a mode ("CBC", "GCM", "WRAP"...); NULL for other lengths. */
EVP_CIPHER *hz_sym_aes(size_t key_len, const char *mode);

/* A keyed AES-CMAC (soft_mac.c); EVP_MAC_init(ctx, NULL, 0, NULL) begins anew. NULL: libcrypto failed. */
EVP_MAC_CTX *hz_soft_cmac(const uint8_t *key, size_t key_len);

/* CKR_OK when the mechanism came without a parameter, as it must. */
CK_RV hz_sym_no_param(const struct hz_mech *m);

/* Do [a, a+n) and [b, b+m) share a byte? */
bool hz_sym_overlap(const void *a, size_t n, const void *b, size_t m);

/*
 * libcrypto's bulk code takes input and output that are the same or apart, nothing between. When writing out_n bytes to out would
 * destroy input before it is read, returns a private copy in *copy (release with hz_sym_release), else `in` itself. `lag`: output does
 * not start where its input starts (bytes held back from before), so that even in == out needs the copy. NULL: out of memory.
 */
const uint8_t *hz_sym_settle(const uint8_t *in, size_t n, const uint8_t *out, size_t out_n, bool lag, uint8_t **copy);
void hz_sym_release(uint8_t *copy, size_t n);

#endif
