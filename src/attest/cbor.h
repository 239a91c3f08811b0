/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR (RFC 8949) out of untrusted bytes: definite lengths and shortest forms only. */

#ifndef HZ_ATTEST_CBOR_H
#define HZ_ATTEST_CBOR_H

#include "attest/attest-int.h"

#define HZ_CBOR_MAX_DEPTH 8

/* Major types. */
enum { HZ_CBOR_UINT, HZ_CBOR_NINT, HZ_CBOR_BYTES, HZ_CBOR_TEXT, HZ_CBOR_ARRAY, HZ_CBOR_MAP, HZ_CBOR_TAG, HZ_CBOR_SIMPLE };

/*
 * The next head: major type and argument.  False (and the reader failed) for an indefinite length, a form longer than
 * needed, a floating-point number or an unassigned simple value.  Every function below fails the reader in the same way.
 */
bool hz_cbor_head(struct hz_reader *r, unsigned *major, uint64_t *arg);

/* An item of one type: members of an array, pairs of a map, number of a tag. */
bool hz_cbor_want(struct hz_reader *r, unsigned major, uint64_t *arg);
bool hz_cbor_int(struct hz_reader *r, int64_t *out);
bool hz_cbor_bytes(struct hz_reader *r, struct hz_at_bytes *out);
bool hz_cbor_text(struct hz_reader *r, struct hz_at_bytes *out);

/* Passes over one item of any type. */
bool hz_cbor_skip(struct hz_reader *r);

/* Writes the head of a byte string of n bytes; returns its length (at most 5). */
size_t hz_cbor_put_bytes_head(uint8_t out[5], size_t n);

#endif
