/* SPDX-License-Identifier: Apache-2.0 */
/* EIP-712 values of atomic types: JSON value to 32-byte word. */
#include <string.h>

#include "base/hex.h"
#include "crypto/eip712_int.h"
#include "crypto/ethaddr.h"
#include "crypto/keccak.h"
#include "crypto/u256.h"

static bool bad(struct e712 *e, const struct e712_field *f, const char *what)
{
	return e712_refuse(e, "field %.*s (%.*s): %s", (int)f->name.len, f->name.s, (int)f->type_name.len, f->type_name.s, what);
}

/* Does the magnitude fit intN, N = bits, with this sign? */
static bool int_fits(const uint8_t v[32], bool negative, unsigned bits)
{
	unsigned have = hz_u256_bits(v);

	if (have < bits)
		return true;
	if (!negative || have > bits)
		return false;
	/* Only -2^(N-1) itself: its one set bit is the top one. */
	for (unsigned i = 0; i < 32; i++)
		if (v[i] != (i == 32 - bits / 8 ? 0x80 : 0))
			return false;
	return true;
}

static bool integer(struct e712 *e, const struct e712_field *f, const struct hz_jnode *v, uint8_t word[32])
{
	const char *s = v->s;
	size_t n = v->len;
	bool negative;

	if (v->type != HZ_J_NUMBER && v->type != HZ_J_STRING)
		return bad(e, f, "not an integer");
	negative = n > 0 && s[0] == '-';
	if (negative && (s++, n--, f->type.kind == E712_UINT))
		return bad(e, f, "negative");
	if (!hz_u256_from_dec(s, n, word) && (negative || v->type != HZ_J_STRING || !hz_u256_from_hex(s, n, word)))
		return bad(e, f, "not an integer below 2^256");
	if (negative && hz_u256_bits(word) == 0)
		return bad(e, f, "negative zero");
	if (f->type.kind == E712_UINT ? hz_u256_bits(word) > f->type.size : !int_fits(word, negative, f->type.size))
		return bad(e, f, "out of range");
	if (negative)
		hz_u256_negate(word);
	return true;
}

static bool boolean(struct e712 *e, const struct e712_field *f, const struct hz_jnode *v, uint8_t word[32])
{
	if (v->type != HZ_J_TRUE && v->type != HZ_J_FALSE)
		return bad(e, f, "neither true nor false");
	memset(word, 0, 32);
	word[31] = v->type == HZ_J_TRUE;
	return true;
}

static bool address(struct e712 *e, const struct e712_field *f, const struct hz_jnode *v, uint8_t word[32])
{
	memset(word, 0, 12);
	if (v->type != HZ_J_STRING || !hz_ethaddr_parse(v->s, v->len, word + 12))
		return bad(e, f, "not an address, or its checksum is wrong");
	return true;
}

static bool hex_prefixed(const struct hz_jnode *v)
{
	return v->type == HZ_J_STRING && v->len >= 2 && v->s[0] == '0' && v->s[1] == 'x' && v->len % 2 == 0;
}

static bool fixed_bytes(struct e712 *e, const struct e712_field *f, const struct hz_jnode *v, uint8_t word[32])
{
	memset(word, 0, 32);
	if (!hex_prefixed(v) || !hz_hex_decode(v->s + 2, v->len - 2, word, f->type.size))
		return bad(e, f, "not 0x and that many bytes in hexadecimal");
	return true;
}

static bool dynamic_bytes(struct e712 *e, const struct e712_field *f, const struct hz_jnode *v, uint8_t word[32])
{
	hz_keccak256_ctx k;
	uint8_t part[256];

	if (!hex_prefixed(v))
		return bad(e, f, "not bytes in hexadecimal with 0x");
	hz_keccak256_init(&k);
	for (size_t at = 2, n; at < v->len; at += 2 * n) {
		n = (v->len - at) / 2 < sizeof part ? (v->len - at) / 2 : sizeof part;
		if (!hz_hex_decode(v->s + at, 2 * n, part, n))
			return bad(e, f, "not bytes in hexadecimal with 0x");
		hz_keccak256_update(&k, part, n);
	}
	hz_keccak256_final(&k, word);
	return true;
}

static bool text(struct e712 *e, const struct e712_field *f, const struct hz_jnode *v, uint8_t word[32])
{
	if (v->type != HZ_J_STRING)
		return bad(e, f, "not a string");
	hz_keccak256(v->s, v->len, word);
	return true;
}

bool e712_atomic(struct e712 *e, const struct e712_field *f, const struct hz_jnode *v, uint8_t word[32])
{
	switch (f->type.kind) {
	case E712_UINT:
	case E712_INT:
		return integer(e, f, v, word);
	case E712_BOOL:
		return boolean(e, f, v, word);
	case E712_ADDRESS:
		return address(e, f, v, word);
	case E712_BYTES_N:
		return fixed_bytes(e, f, v, word);
	case E712_BYTES:
		return dynamic_bytes(e, f, v, word);
	case E712_STRING:
		return text(e, f, v, word);
	case E712_STRUCT:
		break;
	}
	return bad(e, f, "not atomic");
}
