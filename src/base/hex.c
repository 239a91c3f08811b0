/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal and base64url (RFC 4648 section 5) without tables, so that no memory access depends on a secret. */
#include "base/hex.h"

/* All ones when lo <= c <= hi, else zero; all three are below 2^31. */
static unsigned in_range(unsigned c, unsigned lo, unsigned hi)
{
	return (((c - lo) | (hi - c)) >> 31) - 1u;
}

static char hex_digit(unsigned v)
{
	return (char)('0' + v + (in_range(v, 10, 15) & ('a' - '0' - 10)));
}

/* The digit's value, or a value with bit 8 set. */
static unsigned hex_value(unsigned c)
{
	unsigned num = in_range(c, '0', '9'), low = in_range(c, 'a', 'f'), up = in_range(c, 'A', 'F');

	return (num & (c - '0')) | (low & (c - 'a' + 10)) | (up & (c - 'A' + 10)) | (~(num | low | up) & 0x100u);
}

void hz_hex_encode(const void *p, size_t n, char *out)
{
	const uint8_t *in = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex_digit(in[i] >> 4);
		out[2 * i + 1] = hex_digit(in[i] & 15u);
	}
	out[2 * n] = '\0';
}

bool hz_hex_decode(const char *text, size_t text_len, uint8_t *out, size_t n)
{
	unsigned bad = 0;

	if (text_len % 2 != 0 || text_len / 2 != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned hi = hex_value((unsigned char)text[2 * i]), lo = hex_value((unsigned char)text[2 * i + 1]);

		bad |= hi | lo;
		out[i] = (uint8_t)(hi << 4 | (lo & 15u));
	}
	return (bad & 0x100u) == 0;
}

size_t hz_b64url_len(size_t n)
{
	return n / 3 * 4 + (n % 3 == 0 ? 0 : n % 3 + 1);
}

static char b64_digit(unsigned v)
{
	unsigned c = (in_range(v, 0, 25) & ('A' + v)) | (in_range(v, 26, 51) & ('a' + v - 26)) |
		     (in_range(v, 52, 61) & ('0' + v - 52)) | (in_range(v, 62, 62) & '-') | (in_range(v, 63, 63) & '_');

	return (char)c;
}

/* The digit's value, or a value with bit 8 set. */
static unsigned b64_value(unsigned c)
{
	unsigned up = in_range(c, 'A', 'Z'), low = in_range(c, 'a', 'z'), num = in_range(c, '0', '9');
	unsigned dash = in_range(c, '-', '-'), line = in_range(c, '_', '_');

	return (up & (c - 'A')) | (low & (c - 'a' + 26)) | (num & (c - '0' + 52)) | (dash & 62u) | (line & 63u) |
	       (~(up | low | num | dash | line) & 0x100u);
}

void hz_b64url_encode(const void *p, size_t n, char *out)
{
	const uint8_t *in = p;
	unsigned bits = 0, have = 0;

	for (size_t i = 0; i < n; i++) {
		bits = (bits << 8 | in[i]) & 0xffffu;
		for (have += 8; have >= 6; have -= 6)
			*out++ = b64_digit(bits >> (have - 6) & 63u);
	}
	if (have != 0)
		*out++ = b64_digit(bits << (6 - have) & 63u);
	*out = '\0';
}

bool hz_b64url_decode(const char *text, size_t text_len, uint8_t *out, size_t *n)
{
	size_t need = text_len / 4 * 3 + text_len % 4 * 3 / 4, at = 0;
	unsigned bits = 0, have = 0, bad = 0;

	if (text_len % 4 == 1 || need > *n)
		return false;
	for (size_t i = 0; i < text_len; i++) {
		unsigned v = b64_value((unsigned char)text[i]);

		bad |= v;
		bits = (bits << 6 | (v & 63u)) & 0xffffu;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[at++] = (uint8_t)(bits >> have);
		}
	}
	*n = at;
	/* One text for one value: the bits that no byte takes must be zero. */
	return (bad & 0x100u) == 0 && (bits & ((1u << have) - 1u)) == 0;
}
