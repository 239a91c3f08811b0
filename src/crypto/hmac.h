/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC (RFC 2104), HKDF (RFC 5869) and PBKDF2 (RFC 8018) over any hash of hash.h, without allocation. */
#ifndef HZ_CRYPTO_HMAC_H
#define HZ_CRYPTO_HMAC_H

#include <stdbool.h>

#include "crypto/hash.h"

/*
 * A keyed HMAC: the states after the two padded key blocks are kept, so that a new message costs a copy of one of them.
 * All three states are secrets: keep the structure in secret memory, or wipe it at the end of the function that holds it.
 */
struct hz_hmac {
	struct hz_hash inner, outer, run;
};

/* Keys of any length, 0 included (key may be NULL then). Ready for the first message. */
void hz_hmac_init(struct hz_hmac *m, enum hz_hash_id id, const void *key, size_t key_len);
/* Begin a new message with the same key, whatever became of the last one. */
void hz_hmac_restart(struct hz_hmac *m);
void hz_hmac_update(struct hz_hmac *m, const void *data, size_t len);
/* hz_hash_len bytes; restart before the next message. */
void hz_hmac_final(struct hz_hmac *m, uint8_t *out);

/* prk gets hz_hash_len bytes. No salt (NULL, 0) means a hash length of zeros, as RFC 5869 section 2.2 says. */
void hz_hkdf_extract(enum hz_hash_id id, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len, uint8_t *prk);
/* False when len exceeds 255 hash lengths; nothing is written then. */
bool hz_hkdf_expand(enum hz_hash_id id, const void *prk, size_t prk_len, const void *info, size_t info_len, uint8_t *out,
		    size_t len);
bool hz_hkdf(enum hz_hash_id id, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len, const void *info,
	     size_t info_len, uint8_t *out, size_t len);

/* HMAC of data under hz_hkdf(key, no salt, info), which is as long as the hash and wiped again. */
void hz_hmac_derived(enum hz_hash_id id, const void *key, size_t key_len, const void *info, size_t info_len, const void *data, size_t len,
		     uint8_t *out);

/* RFC 8018 section 5.2. iterations >= 1. The time is proportional to iterations * ceil(len / hash length): the caller bounds it. */
void hz_pbkdf2(enum hz_hash_id id, const void *password, size_t password_len, const void *salt, size_t salt_len, uint64_t iterations,
	       uint8_t *out, size_t len);

#endif
