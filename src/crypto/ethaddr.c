/* SPDX-License-Identifier: Apache-2.0 */
/* Ethereum addresses: EIP-55 writes a letter in upper case where the digest of the lower-case digits has a digit of 8 or more. */
#include "crypto/ethaddr.h"

#include <string.h>

#include "base/hex.h"
#include "crypto/keccak.h"

void hz_ethaddr_text(const uint8_t addr[20], char out[HZ_ETHADDR_TEXT])
{
	uint8_t h[32];

	out[0] = '0';
	out[1] = 'x';
	hz_hex_encode(addr, 20, out + 2);
	hz_keccak256(out + 2, 40, h);
	for (size_t i = 0; i < 40; i++)
		if (out[2 + i] >= 'a' && (h[i / 2] >> (i % 2 != 0 ? 0 : 4) & 8) != 0)
			out[2 + i] = (char)(out[2 + i] - 'a' + 'A');
}

/* Do the digits use both cases? */
static bool mixed_case(const char *s, size_t n)
{
	bool lower = false, upper = false;

	for (size_t i = 0; i < n; i++) {
		lower |= s[i] >= 'a' && s[i] <= 'f';
		upper |= s[i] >= 'A' && s[i] <= 'F';
	}
	return lower && upper;
}

bool hz_ethaddr_parse(const char *s, size_t n, uint8_t addr[20])
{
	char right[HZ_ETHADDR_TEXT];

	if (n != 42 || s[0] != '0' || s[1] != 'x' || !hz_hex_decode(s + 2, 40, addr, 20))
		return false;
	if (!mixed_case(s + 2, 40))
		return true;
	hz_ethaddr_text(addr, right);
	return memcmp(right, s, 42) == 0;
}
