/* SPDX-License-Identifier: Apache-2.0 */
/* The model weights file: a header that says how its file key is wrapped, and chunks that are each authenticated in their place. */
#ifndef HZ_CRYPTO_MODEL_H
#define HZ_CRYPTO_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pkcs11.h"

/*
 * file = M || u16be length || wrapped file key || MAC (32) || chunks
 * M    = "HZMODEL1" || alg u8 (1) || chunk_log2 u8 || wrap_alg u16be || key_version u32be || u16be length || keyspace
 * MAC  = HMAC-SHA256(HKDF-SHA256(file key, no salt, "hanzo model header v1"), all before it)
 * chunk i: AES-256-GCM under HKDF-SHA256(file key, no salt, "hanzo model payload v1"), nonce = u88be(i) || (1: last, 0: not), no
 * additional data, 2^chunk_log2 bytes (the last: 1 to as many, or none where the whole is empty), tag (16) after it.
 *
 * Whatever is wrong with a file, the one code for it is CKR_ENCRYPTED_DATA_INVALID. Others: CKR_HOST_MEMORY, CKR_FUNCTION_FAILED
 * (libcrypto). Nothing here is shared: different streams may be used by different threads.
 */
enum {
	HZ_MODEL_KEY = 32, /* bytes of a file key */
	HZ_MODEL_TAG = 16,
	HZ_MODEL_LOG2_MIN = 16, HZ_MODEL_LOG2_MAX = 24, HZ_MODEL_LOG2_DEFAULT = 20,
	HZ_MODEL_KEYSPACE_MAX = 256, HZ_MODEL_WRAPPED_MAX = 1024,
	HZ_MODEL_HEADER_MAX = 18 + HZ_MODEL_KEYSPACE_MAX + 2 + HZ_MODEL_WRAPPED_MAX + 32
};
enum hz_model_wrap { HZ_MODEL_GCM = 1, HZ_MODEL_KWP = 2, HZ_MODEL_INFISICAL = 3 };

struct hz_model_header {
	uint8_t chunk_log2;
	uint16_t wrap_alg;
	uint32_t key_version;   /* 0 exactly where there is no keyspace */
	const uint8_t *keyspace, *wrapped; /* borrowed */
	size_t keyspace_len, wrapped_len;
	size_t m_len, len;      /* bytes of M and of the whole header: set by read, not needed to write */
};

/* Bytes of a header with a keyspace and a wrapped key of these lengths. */
size_t hz_model_header_len(size_t keyspace_len, size_t wrapped_len);

/* Append M of h: what the wrapping authenticates. False: no memory, or lengths above the limits. */
bool hz_model_header_begin(struct hz_buf *out, const struct hz_model_header *h);
/* After begin, in the same otherwise empty buffer: the wrapped key and the MAC. */
bool hz_model_header_end(struct hz_buf *out, const uint8_t *wrapped, size_t wrapped_len, const uint8_t file_key[HZ_MODEL_KEY]);

/*
 * Take a header apart that begins at p, where n bytes are there by now. CKR_OK and *need == 0: h is complete, and what it borrows lies
 * in p; CKR_OK and *need > n: ask again with so many. wrap_alg may be any that the format names. Nothing is authenticated yet.
 */
CK_RV hz_model_header_read(const uint8_t *p, size_t n, struct hz_model_header *h, size_t *need);
/* Is the MAC of the header (h of read, from the same p) that of the file key? CKR_OK, CKR_ENCRYPTED_DATA_INVALID. */
CK_RV hz_model_header_check(const uint8_t *p, const struct hz_model_header *h, const uint8_t file_key[HZ_MODEL_KEY]);

/*
 * The chunks in one direction. Keeps at most one chunk in memory; less while less has come. Once a call has failed all others fail.
 */
struct hz_model;
CK_RV hz_model_new(bool encrypt, const uint8_t file_key[HZ_MODEL_KEY], unsigned chunk_log2, struct hz_model **out);
void hz_model_free(struct hz_model *m); /* takes NULL */

/* Exactly what update writes for n more bytes, and final after them. Decryption: of a file that is not cut short. */
size_t hz_model_update_len(const struct hz_model *m, size_t n);
size_t hz_model_final_len(const struct hz_model *m);
/* The same for the first n bytes of a stream that is yet to be made, and for update and final of them together. */
size_t hz_model_first_len(bool encrypt, unsigned chunk_log2, size_t n);
size_t hz_model_total_len(bool encrypt, unsigned chunk_log2, size_t n);

/*
 * in and out do not overlap. A decrypted chunk is written only after its tag was right; when a later one of the same call fails, those
 * before it stay in out and *out_len is 0. A chunk is the last one only when final says so: cut, prolonged or reordered files fail there
 * at the latest.
 */
CK_RV hz_model_update(struct hz_model *m, const uint8_t *in, size_t n, uint8_t *out, size_t *out_len);
CK_RV hz_model_final(struct hz_model *m, uint8_t *out, size_t *out_len);

#endif
