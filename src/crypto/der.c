/* SPDX-License-Identifier: Apache-2.0 */
/* DER reading and writing. */
#include "crypto/der.h"

static bool fail(struct hz_reader *r)
{
	hz_rd_fail(r);
	return false;
}

static bool read_length(struct hz_reader *r, size_t *len)
{
	uint8_t first = hz_rd_u8(r), octets = first & 0x7f;
	uint64_t v;

	if (!(first & 0x80)) {
		*len = first;
		return hz_rd_ok(r);
	}
	if (octets == 0 || octets > 4)
		return fail(r);
	v = hz_rd_be(r, octets);
	/* X.690 section 10.1: the definite form in the fewest octets. */
	if (v < 0x80 || v >> 8 * (octets - 1) == 0)
		return fail(r);
	*len = (size_t)v;
	return hz_rd_ok(r);
}

bool hz_der_get(struct hz_reader *r, uint8_t tag, struct hz_reader *content)
{
	size_t len = 0;

	*content = hz_rd(NULL, 1);
	if (hz_rd_u8(r) != tag || !read_length(r, &len))
		return fail(r);
	*content = hz_rd_sub(r, len);
	return hz_rd_ok(r);
}

bool hz_der_any(struct hz_reader *r, struct hz_reader *whole)
{
	struct hz_reader ahead = *r;
	size_t len = 0;

	*whole = hz_rd(NULL, 1);
	hz_rd_skip(&ahead, 1);
	if (!read_length(&ahead, &len))
		return fail(r);
	hz_rd_skip(&ahead, len);
	if (!hz_rd_ok(&ahead))
		return fail(r);
	*whole = hz_rd_sub(r, r->left - ahead.left);
	return hz_rd_ok(r);
}

bool hz_der_next_is(const struct hz_reader *r, uint8_t tag)
{
	const uint8_t *p = hz_rd_peek(r, 1);

	return p != NULL && *p == tag;
}

bool hz_der_uint(struct hz_reader *r, struct hz_reader *magnitude)
{
	const uint8_t *p;

	if (!hz_der_get(r, HZ_DER_INTEGER, magnitude))
		return false;
	p = magnitude->p;
	if (magnitude->left == 0 || (p[0] & 0x80) != 0)
		return fail(r);
	if (magnitude->left > 1 && p[0] == 0) {
		if ((p[1] & 0x80) == 0)
			return fail(r);
		hz_rd_skip(magnitude, 1);
	}
	return true;
}

bool hz_der_small(struct hz_reader *r, unsigned *v)
{
	struct hz_reader m;

	if (!hz_der_uint(r, &m) || m.left != 1)
		return fail(r);
	*v = hz_rd_u8(&m);
	return true;
}

bool hz_der_bits(struct hz_reader *r, struct hz_reader *content)
{
	if (!hz_der_get(r, HZ_DER_BITS, content))
		return false;
	if (hz_rd_u8(content) != 0 || !hz_rd_ok(content))
		return fail(r);
	return true;
}

static unsigned length_octets(size_t len)
{
	unsigned n = 0;

	if (len < 0x80)
		return 1;
	for (; len != 0; len >>= 8)
		n++;
	return n + 1;
}

void hz_der_put_head(struct hz_buf *out, uint8_t tag, size_t content)
{
	unsigned n = length_octets(content) - 1;

	hz_buf_u8(out, tag);
	if (n == 0) {
		hz_buf_u8(out, (uint8_t)content);
		return;
	}
	hz_buf_u8(out, (uint8_t)(0x80 | n));
	while (n-- > 0)
		hz_buf_u8(out, (uint8_t)(content >> 8 * n));
}

void hz_der_put(struct hz_buf *out, uint8_t tag, const void *content, size_t len)
{
	hz_der_put_head(out, tag, len);
	hz_buf_add(out, content, len);
}

void hz_der_put_uint(struct hz_buf *out, const uint8_t *p, size_t n)
{
	bool pad;

	while (n > 1 && *p == 0) {
		p++;
		n--;
	}
	if (n == 0) {
		hz_der_put_small(out, 0);
		return;
	}
	pad = (*p & 0x80) != 0;
	hz_der_put_head(out, HZ_DER_INTEGER, n + pad);
	if (pad)
		hz_buf_u8(out, 0);
	hz_buf_add(out, p, n);
}

void hz_der_put_small(struct hz_buf *out, uint8_t v)
{
	hz_der_put_head(out, HZ_DER_INTEGER, v < 0x80 ? 1 : 2);
	if (v >= 0x80)
		hz_buf_u8(out, 0);
	hz_buf_u8(out, v);
}

void hz_der_put_bits(struct hz_buf *out, const uint8_t *p, size_t n)
{
	hz_der_put_head(out, HZ_DER_BITS, n + 1);
	hz_buf_u8(out, 0);
	hz_buf_add(out, p, n);
}

void hz_der_put_buf(struct hz_buf *out, uint8_t tag, struct hz_buf *inner)
{
	if (inner->failed)
		out->failed = true;
	else
		hz_der_put(out, tag, inner->p, inner->len);
	hz_buf_free(inner);
}
