/* SPDX-License-Identifier: Apache-2.0 */
/* 256-bit integers: eight 32-bit limbs while reading text, bytes otherwise. */
#include "crypto/u256.h"

#include <string.h>

/* 2^256 has 78 decimal digits. */
enum { MAX_DEC = 78 };

bool hz_u256_from_dec(const char *s, size_t n, uint8_t out[32])
{
	uint32_t limb[8] = { 0 }; /* least significant first */

	if (n == 0 || n > MAX_DEC || (s[0] == '0' && n > 1))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t carry = (uint64_t)(uint8_t)s[i] - '0';

		if (carry > 9)
			return false;
		for (size_t k = 0; k < 8; k++) {
			carry += (uint64_t)limb[k] * 10;
			limb[k] = (uint32_t)carry;
			carry >>= 32;
		}
		if (carry != 0)
			return false;
	}
	for (size_t k = 0; k < 32; k++)
		out[31 - k] = (uint8_t)(limb[k / 4] >> (k % 4 * 8));
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hz_u256_from_hex(const char *s, size_t n, uint8_t out[32])
{
	if (n < 3 || n > 66 || s[0] != '0' || s[1] != 'x')
		return false;
	memset(out, 0, 32);
	for (size_t i = 0; i < n - 2; i++) {
		int d = digit(s[n - 1 - i]);

		if (d < 0)
			return false;
		out[31 - i / 2] = (uint8_t)(out[31 - i / 2] | d << (i % 2 * 4));
	}
	return true;
}

unsigned hz_u256_bits(const uint8_t v[32])
{
	for (unsigned i = 0; i < 32; i++) {
		unsigned bits = (32 - i) * 8;

		if (v[i] == 0)
			continue;
		for (unsigned top = 0x80; (v[i] & top) == 0; top >>= 1)
			bits--;
		return bits;
	}
	return 0;
}

void hz_u256_negate(uint8_t v[32])
{
	unsigned carry = 1;

	for (unsigned i = 32; i-- > 0;) {
		carry += (uint8_t)~v[i];
		v[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

uint64_t hz_u256_low64(const uint8_t v[32])
{
	uint64_t low = 0;

	for (unsigned i = 24; i < 32; i++)
		low = low << 8 | v[i];
	return low;
}

void hz_u256_from_u64(uint8_t out[32], uint64_t v)
{
	memset(out, 0, 24);
	for (unsigned i = 0; i < 8; i++)
		out[31 - i] = (uint8_t)(v >> (i * 8));
}
