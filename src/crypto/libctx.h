/* SPDX-License-Identifier: Apache-2.0 */
/* Our own libcrypto: a private library context with the default provider, never the application's. */
#ifndef HZ_CRYPTO_LIBCTX_H
#define HZ_CRYPTO_LIBCTX_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The context and the algorithms fetched from it, made at first use and kept for the life of the process (nothing runs at exit;
 * the module is never unmapped). Thread-safe. NULL when libcrypto cannot make one.
 */
OSSL_LIB_CTX *hz_libctx(void);

/* The default provider's own context, for what knows no key types: random numbers, big numbers, curve points (see provider.h). */
OSSL_LIB_CTX *hz_libctx_math(void);

/*
 * In a forked child, before it uses anything of this file again and while it does so in one thread: forget the parent's context and
 * what was fetched from it (leaked), and make anew at first use. Locks inside them may be held by threads that the child has not.
 */
void hz_libctx_after_fork(void);

/* Fetched once, shared: name as EVP_MD_fetch and its kin take it. NULL when this libcrypto lacks it. Owned by the cache. */
EVP_MD *hz_md(const char *name);
EVP_CIPHER *hz_cipher(const char *name);
EVP_MAC *hz_mac(const char *name);
EVP_KDF *hz_kdf(const char *name);

/* Does this libcrypto have the key type ("ML-DSA-65", "ML-KEM-768")? */
bool hz_has_keytype(const char *name);

/* Turn libcrypto's error queue into a short text for hz_fail and empty it (we leave nothing in the application's queue). */
const char *hz_ossl_reason(void);

/*
 * EVP_CipherUpdate over any length (libcrypto counts in int), for ciphers that return as many bytes as they get. `in` and `out` are the
 * same or apart; out NULL: additional data of an AEAD. False: libcrypto failed.
 */
bool hz_evp_run(EVP_CIPHER_CTX *keyed, const uint8_t *in, size_t n, uint8_t *out);

/*
 * Random bytes: a buffer per thread filled from RAND_priv_bytes of our context, dropped at fork. n of any size. False on failure
 * of the generator.
 */
bool hz_random(void *out, size_t n);

/* Stir caller-given bytes into the generator besides its own entropy (C_SeedRandom); the calling thread's buffer is dropped. */
bool hz_random_add(const void *in, size_t n);

#endif
