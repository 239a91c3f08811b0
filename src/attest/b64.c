/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 with padding (RFC 4648 section 4). */

#include "attest/b64.h"

#include "base/reader.h"

/* Value of a character; 64 for padding, 65 for a blank, 66 for anything else. */
static unsigned
value_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	if (c == '+' || c == '/')
		return c == '+' ? 62 : 63;
	if (c == '=')
		return 64;
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' ? 65 : 66;
}

bool
hz_at_b64_decode(const void *text, size_t n, bool blanks, uint8_t *out, size_t *len)
{
	struct hz_reader r = hz_rd(text, n);
	uint32_t bits = 0;
	unsigned have = 0, pad = 0, chars = 0;
	size_t used = 0;

	while (hz_rd_left(&r) > 0) {
		unsigned v = value_of(hz_rd_u8(&r));

		if (v == 65 && blanks)
			continue;
		if (v > 64 || (pad > 0 && v != 64))
			return false;
		chars = (chars + 1) % 4;
		if (v == 64) {
			if (++pad > 2)
				return false;
			continue;
		}
		bits = bits << 6 | v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			if (used == *len)
				return false;
			out[used++] = (uint8_t)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	*len = used;
	return hz_rd_ok(&r) && chars == 0 && bits == 0 && pad * 2 == have;
}
