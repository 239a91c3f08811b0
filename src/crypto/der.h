/* SPDX-License-Identifier: Apache-2.0 */
/* The little of DER (X.690) that keys and signatures need, over the bounds-checked reader. */
#ifndef HZ_CRYPTO_DER_H
#define HZ_CRYPTO_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reader.h"

enum {
	HZ_DER_INTEGER = 0x02, HZ_DER_BITS = 0x03, HZ_DER_OCTETS = 0x04, HZ_DER_NULL = 0x05, HZ_DER_OID = 0x06,
	HZ_DER_UTF8 = 0x0c, HZ_DER_PRINTABLE = 0x13, HZ_DER_SEQUENCE = 0x30, HZ_DER_SET = 0x31
};

/*
 * Take one element with this tag (one octet): *content becomes a reader over its contents. Lengths must be in their shortest
 * form. On any difference r fails and false is returned.
 */
bool hz_der_get(struct hz_reader *r, uint8_t tag, struct hz_reader *content);

/* Take one element of any tag with its header: the octets lie in *whole. */
bool hz_der_any(struct hz_reader *r, struct hz_reader *whole);

/* Is the next element's tag this one? Consumes nothing. */
bool hz_der_next_is(const struct hz_reader *r, uint8_t tag);

/* Take a non-negative INTEGER in its shortest form: the magnitude without leading zero octets (zero: one octet). */
bool hz_der_uint(struct hz_reader *r, struct hz_reader *magnitude);

/* Take an INTEGER that fits in an unsigned of one octet. */
bool hz_der_small(struct hz_reader *r, unsigned *v);

/* Take a BIT STRING without unused bits. */
bool hz_der_bits(struct hz_reader *r, struct hz_reader *content);

void hz_der_put_head(struct hz_buf *out, uint8_t tag, size_t content);
void hz_der_put(struct hz_buf *out, uint8_t tag, const void *content, size_t len);
/* An INTEGER from an unsigned big-endian number of any width. */
void hz_der_put_uint(struct hz_buf *out, const uint8_t *p, size_t n);
void hz_der_put_small(struct hz_buf *out, uint8_t v);
/* A BIT STRING of whole octets. */
void hz_der_put_bits(struct hz_buf *out, const uint8_t *p, size_t n);
/* Put the content of inner under this tag and release inner (a failure of inner becomes out's). */
void hz_der_put_buf(struct hz_buf *out, uint8_t tag, struct hz_buf *inner);

#endif
