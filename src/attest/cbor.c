/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR (RFC 8949) out of untrusted bytes. */

#include "attest/cbor.h"

static bool
bad(struct hz_reader *r)
{
	hz_rd_fail(r);
	return false;
}

bool
hz_cbor_head(struct hz_reader *r, unsigned *major, uint64_t *arg)
{
	uint8_t first = hz_rd_u8(r), info = first & 0x1F;
	static const uint64_t least[] = { 24, 0x100, 0x10000, 0x100000000 };

	*major = first >> 5;
	*arg = info;
	if (!hz_rd_ok(r) || info > 27)
		return bad(r);
	if (*major == HZ_CBOR_SIMPLE)
		return info >= 20 && info <= 23 ? true : bad(r);
	if (info < 24)
		return true;
	*arg = hz_rd_be(r, (size_t)1 << (info - 24));
	return hz_rd_ok(r) && *arg >= least[info - 24] ? true : bad(r);
}

bool
hz_cbor_want(struct hz_reader *r, unsigned major, uint64_t *arg)
{
	unsigned got;

	return hz_cbor_head(r, &got, arg) && got == major ? true : bad(r);
}

bool
hz_cbor_int(struct hz_reader *r, int64_t *out)
{
	unsigned major;
	uint64_t arg;

	*out = 0;
	if (!hz_cbor_head(r, &major, &arg) || major > HZ_CBOR_NINT || arg > INT64_MAX)
		return bad(r);
	*out = major == HZ_CBOR_UINT ? (int64_t)arg : -1 - (int64_t)arg;
	return true;
}

static bool
string(struct hz_reader *r, unsigned major, struct hz_at_bytes *out)
{
	uint64_t n;

	*out = (struct hz_at_bytes){ NULL, 0 };
	if (!hz_cbor_want(r, major, &n) || n > hz_rd_left(r))
		return bad(r);
	out->p = hz_rd_bytes(r, (size_t)n);
	out->len = (size_t)n;
	return hz_rd_ok(r);
}

bool
hz_cbor_bytes(struct hz_reader *r, struct hz_at_bytes *out)
{
	return string(r, HZ_CBOR_BYTES, out);
}

bool
hz_cbor_text(struct hz_reader *r, struct hz_at_bytes *out)
{
	return string(r, HZ_CBOR_TEXT, out);
}

/* Items still to come on each level; a map counts twice, a tag is one item more. */
bool
hz_cbor_skip(struct hz_reader *r)
{
	uint64_t open[HZ_CBOR_MAX_DEPTH + 1] = { 1 }, arg;
	unsigned depth = 0, major;

	for (;;) {
		while (open[depth] == 0) {
			if (depth == 0)
				return hz_rd_ok(r);
			depth--;
		}
		open[depth]--;
		if (!hz_cbor_head(r, &major, &arg))
			return false;
		if (major == HZ_CBOR_BYTES || major == HZ_CBOR_TEXT) {
			if (arg > hz_rd_left(r))
				return bad(r);
			hz_rd_skip(r, (size_t)arg);
		} else if (major == HZ_CBOR_TAG || major == HZ_CBOR_ARRAY || major == HZ_CBOR_MAP) {
			/* Every item takes a byte at least, so that no count is believed that cannot be true. */
			if (depth == HZ_CBOR_MAX_DEPTH || (major != HZ_CBOR_TAG && arg > hz_rd_left(r)))
				return bad(r);
			open[++depth] = major == HZ_CBOR_TAG ? 1 : major == HZ_CBOR_MAP ? 2 * arg : arg;
		}
	}
}

size_t
hz_cbor_put_bytes_head(uint8_t out[5], size_t n)
{
	size_t bytes = n < 24 ? 0 : n < 0x100 ? 1 : n < 0x10000 ? 2 : 4;

	out[0] = (uint8_t)(HZ_CBOR_BYTES << 5 | (bytes == 0 ? n : bytes == 1 ? 24 : bytes == 2 ? 25 : 26));
	for (size_t i = 0; i < bytes; i++)
		out[1 + i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
	return 1 + bytes;
}
