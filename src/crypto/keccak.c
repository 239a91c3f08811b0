/* SPDX-License-Identifier: Apache-2.0 */
/* Keccak-f[1600] and the sponge around it (FIPS 202 sections 3 and 4). */
#include "crypto/keccak.h"

#include <string.h>

#include "base/secmem.h"

static const uint64_t round_constant[24] = {
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
	0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
	0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

static inline uint64_t rol(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

/* One output row of chi, from five lanes that theta, rho and pi have prepared. */
static inline void chi(uint64_t *e, uint64_t b0, uint64_t b1, uint64_t b2, uint64_t b3, uint64_t b4)
{
	e[0] = b0 ^ (~b1 & b2);
	e[1] = b1 ^ (~b2 & b3);
	e[2] = b2 ^ (~b3 & b4);
	e[3] = b3 ^ (~b4 & b0);
	e[4] = b4 ^ (~b0 & b1);
}

/* One round from a to e; lane (x, y) is element x + 5y. Two alternating arrays spare the copies that pi would need in place. */
static inline void round_to(uint64_t e[25], const uint64_t a[25], uint64_t rc)
{
	const uint64_t c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
	const uint64_t c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
	const uint64_t c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
	const uint64_t c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
	const uint64_t c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
	const uint64_t d0 = c4 ^ rol(c1, 1);
	const uint64_t d1 = c0 ^ rol(c2, 1);
	const uint64_t d2 = c1 ^ rol(c3, 1);
	const uint64_t d3 = c2 ^ rol(c4, 1);
	const uint64_t d4 = c3 ^ rol(c0, 1);

	chi(e, a[0] ^ d0, rol(a[6] ^ d1, 44), rol(a[12] ^ d2, 43), rol(a[18] ^ d3, 21), rol(a[24] ^ d4, 14));
	e[0] ^= rc;
	chi(e + 5, rol(a[3] ^ d3, 28), rol(a[9] ^ d4, 20), rol(a[10] ^ d0, 3), rol(a[16] ^ d1, 45), rol(a[22] ^ d2, 61));
	chi(e + 10, rol(a[1] ^ d1, 1), rol(a[7] ^ d2, 6), rol(a[13] ^ d3, 25), rol(a[19] ^ d4, 8), rol(a[20] ^ d0, 18));
	chi(e + 15, rol(a[4] ^ d4, 27), rol(a[5] ^ d0, 36), rol(a[11] ^ d1, 10), rol(a[17] ^ d2, 15), rol(a[23] ^ d3, 56));
	chi(e + 20, rol(a[2] ^ d2, 62), rol(a[8] ^ d3, 55), rol(a[14] ^ d4, 39), rol(a[15] ^ d0, 41), rol(a[21] ^ d1, 2));
}

static void permute(uint64_t state[25])
{
	uint64_t a[25], e[25];

	memcpy(a, state, sizeof a);
	for (unsigned i = 0; i < 24; i += 2) {
		round_to(e, a, round_constant[i]);
		round_to(a, e, round_constant[i + 1]);
	}
	memcpy(state, a, sizeof a);
}

static inline uint64_t load_le(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static inline void xor_byte(struct hz_sponge *s, uint32_t at, uint8_t v)
{
	s->a[at / 8] ^= (uint64_t)v << (8 * (at % 8));
}

static void absorb_block(struct hz_sponge *s, const uint8_t *p)
{
	for (uint32_t i = 0; i < s->rate / 8; i++)
		s->a[i] ^= load_le(p + (size_t)i * 8);
	permute(s->a);
}

void
hz_sponge_init(struct hz_sponge *s, size_t out_len, uint8_t suffix)
{
	memset(s, 0, sizeof *s);
	s->rate = (uint32_t)(200 - 2 * out_len);
	s->suffix = suffix;
}

void
hz_sponge_update(struct hz_sponge *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len > 0) {
		if (s->pos == 0 && len >= s->rate) {
			absorb_block(s, p);
			p += s->rate;
			len -= s->rate;
			continue;
		}
		xor_byte(s, s->pos++, *p++);
		len--;
		if (s->pos == s->rate) {
			permute(s->a);
			s->pos = 0;
		}
	}
}

void
hz_sponge_final(struct hz_sponge *s, uint8_t *out, size_t out_len)
{
	xor_byte(s, s->pos, s->suffix);
	xor_byte(s, s->rate - 1, 0x80);
	permute(s->a);
	for (size_t i = 0; i < out_len; i++)
		out[i] = (uint8_t)(s->a[i / 8] >> (8 * (i % 8)));
}

void
hz_keccak256_init(hz_keccak256_ctx *c)
{
	hz_sponge_init(c, 32, HZ_SUFFIX_KECCAK);
}

void
hz_keccak256_update(hz_keccak256_ctx *c, const void *data, size_t len)
{
	hz_sponge_update(c, data, len);
}

void
hz_keccak256_final(hz_keccak256_ctx *c, uint8_t out[32])
{
	hz_sponge_final(c, out, 32);
}

void
hz_keccak256(const void *data, size_t len, uint8_t out[32])
{
	hz_keccak256_ctx c;

	hz_keccak256_init(&c);
	hz_keccak256_update(&c, data, len);
	hz_keccak256_final(&c, out);
	hz_wipe(&c, sizeof c);
}
