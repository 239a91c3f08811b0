/* SPDX-License-Identifier: Apache-2.0 */
/* Shares, partial results, recombination. */
#include "crypto/shamir.h"

#include <openssl/bn.h>
#include <string.h>

#include "base/error.h"
#include "base/reader.h"
#include "base/secmem.h"
#include "crypto/hmac.h"
#include "crypto/k256.h"
#include "crypto/libctx.h"

static CK_RV failed(const char *what)
{
	return hz_fail(CKR_FUNCTION_FAILED, "threshold: %s", what);
}

static bool in_range(const struct hz_split *s, unsigned i)
{
	return s->t >= 2 && s->t <= s->n && s->n <= HZ_SHAMIR_MAX && i >= 1 && i <= s->n;
}

static void put_u16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* a_j of the split's polynomial. */
static bool coefficient(const uint8_t sec[32], const struct hz_split *split, unsigned j, uint8_t a[32])
{
	static const char name[] = "hanzo-pkcs11/shamir/v1";
	uint8_t info[sizeof name - 1 + 6], wide[48];
	bool ok;

	if (j == 0) {
		memcpy(a, sec, 32);
		return true;
	}
	memcpy(info, name, sizeof name - 1);
	put_u16(info + sizeof name - 1, split->t);
	put_u16(info + sizeof name + 1, split->n);
	put_u16(info + sizeof name + 3, j);
	ok = hz_hkdf(HZ_SHA256, split->id, sizeof split->id, sec, 32, info, sizeof info, wide, sizeof wide) &&
	     hz_k256_scalar_reduce(a, wide, sizeof wide);
	hz_wipe(wide, sizeof wide);
	return ok;
}

static bool commit(const uint8_t a[32], uint8_t out[33])
{
	uint8_t pub[HZ_K256_PUB];

	return hz_k256_pub_from_sec(pub, a) && hz_k256_pub_write(pub, true, out);
}

static void small_scalar(uint8_t out[32], unsigned v)
{
	memset(out, 0, 32);
	put_u16(out + 30, v);
}

CK_RV hz_share_make(const uint8_t sec[32], const struct hz_split *split, unsigned i, struct hz_share *out)
{
	uint8_t a[32], x[32];
	bool ok = true;

	if (!in_range(split, i))
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "threshold: 2 <= t <= n <= 255 and 1 <= i <= n");
	memset(out, 0, sizeof *out);
	out->split = *split;
	out->i = i;
	small_scalar(x, i);
	/* Horner's rule from the highest coefficient down */
	for (unsigned j = split->t; ok && j-- > 0;)
		ok = coefficient(sec, split, j, a) && commit(a, out->commitments[j]) && hz_k256_scalar_mul(out->value, x) &&
		     hz_k256_scalar_add(out->value, a);
	hz_wipe(a, sizeof a);
	if (ok && hz_k256_sec_ok(out->value))
		return CKR_OK;
	hz_wipe(out->value, sizeof out->value);
	return failed("no share");
}

size_t hz_share_size(unsigned t)
{
	return 1 + 3 * 2 + HZ_SHAMIR_ID + 32 + 33 * (size_t)t;
}

CK_RV hz_share_write(const struct hz_share *s, struct hz_buf *out)
{
	hz_buf_u8(out, 1);
	hz_buf_be16(out, (uint16_t)s->i);
	hz_buf_be16(out, (uint16_t)s->split.t);
	hz_buf_be16(out, (uint16_t)s->split.n);
	hz_buf_add(out, s->split.id, HZ_SHAMIR_ID);
	hz_buf_add(out, s->value, 32);
	hz_buf_add(out, s->commitments, 33 * (size_t)s->split.t);
	return out->failed ? hz_fail(CKR_HOST_MEMORY, "threshold: out of memory") : CKR_OK;
}

bool hz_share_public(const struct hz_share *s, unsigned i, uint8_t y[64])
{
	uint8_t x[32], point[2][64];

	if (s->split.t < 2 || s->split.t > HZ_SHAMIR_MAX || i < 1 || i > HZ_SHAMIR_MAX)
		return false;
	small_scalar(x, i);
	if (!hz_k256_pub_parse(point[0], s->commitments[s->split.t - 1], 33))
		return false;
	for (unsigned j = s->split.t - 1; j-- > 0;)
		if (!hz_k256_mul_public(point[0], point[0], x) || !hz_k256_pub_parse(point[1], s->commitments[j], 33) ||
		    !hz_k256_sum(point[0], (const uint8_t(*)[64])point, 2))
			return false;
	memcpy(y, point[0], 64);
	return true;
}

CK_RV hz_share_read(const uint8_t *in, size_t len, struct hz_share *out)
{
	struct hz_reader r = hz_rd(in, len);
	uint8_t y[64], own[64], version = hz_rd_u8(&r);
	bool ok;

	memset(out, 0, sizeof *out);
	out->i = hz_rd_u16be(&r);
	out->split.t = hz_rd_u16be(&r);
	out->split.n = hz_rd_u16be(&r);
	hz_rd_copy(&r, out->split.id, HZ_SHAMIR_ID);
	hz_rd_copy(&r, out->value, 32);
	ok = hz_rd_ok(&r) && version == 1 && in_range(&out->split, out->i);
	if (ok)
		hz_rd_copy(&r, out->commitments, 33 * (size_t)out->split.t);
	ok = ok && hz_rd_end(&r) && hz_share_public(out, out->i, y) && hz_k256_pub_from_sec(own, out->value) &&
	     hz_k256_pub_equal(y, own);
	if (ok)
		return CKR_OK;
	hz_wipe(out, sizeof *out);
	return hz_fail(CKR_WRAPPED_KEY_INVALID, "threshold: the share is malformed or does not fit its commitments");
}

static bool add_commitment(uint8_t a[33], const uint8_t b[33])
{
	uint8_t v[2][64];

	return hz_k256_pub_parse(v[0], a, 33) && hz_k256_pub_parse(v[1], b, 33) && hz_k256_sum(v[0], (const uint8_t(*)[64])v, 2) &&
	       hz_k256_pub_write(v[0], true, a);
}

CK_RV hz_share_add(struct hz_share *sum, const struct hz_share *s)
{
	bool ok = sum->i == s->i && sum->split.t == s->split.t && sum->split.n == s->split.n &&
		  memcmp(sum->split.id, s->split.id, HZ_SHAMIR_ID) == 0 && hz_k256_scalar_add(sum->value, s->value) &&
		  hz_k256_sec_ok(sum->value);

	for (unsigned j = 0; ok && j < s->split.t; j++)
		ok = add_commitment(sum->commitments[j], s->commitments[j]);
	return ok ? CKR_OK : hz_fail(CKR_WRAPPED_KEY_INVALID, "threshold: these shares do not add up");
}

void hz_split_other(const uint8_t id[HZ_SHAMIR_ID], uint8_t other[HZ_SHAMIR_ID])
{
	for (size_t i = 0; i < HZ_SHAMIR_ID; i++)
		other[i] = (uint8_t)~id[i];
}

CK_RV hz_share_refresh(uint8_t value[32], const struct hz_split *old, unsigned i, const struct hz_share *plus, const struct hz_share *minus)
{
	uint8_t other[HZ_SHAMIR_ID], down[32];
	bool ok;

	hz_split_other(plus->split.id, other);
	memcpy(down, minus->value, sizeof down);
	ok = plus->i == i && minus->i == i && plus->split.t == old->t && minus->split.t == old->t && plus->split.n == minus->split.n &&
	     memcmp(plus->split.id, old->id, HZ_SHAMIR_ID) != 0 && memcmp(minus->split.id, other, HZ_SHAMIR_ID) == 0 &&
	     memcmp(plus->commitments[0], minus->commitments[0], 33) == 0 && hz_k256_scalar_negate(down) &&
	     hz_k256_scalar_add(value, plus->value) && hz_k256_scalar_add(value, down) && hz_k256_sec_ok(value);
	hz_wipe(down, sizeof down);
	return ok ? CKR_OK : hz_fail(CKR_WRAPPED_KEY_INVALID, "threshold: no pair of shares that refreshes this one");
}

/* ---- partial results ---- */

/* c = SHA-256(name || id || u16be i || Y || K || D || r G || r K) mod n, points compressed. */
static bool challenge(const uint8_t id[HZ_SHAMIR_ID], unsigned i, const uint8_t *const points[5], uint8_t c[32])
{
	static const char name[] = "hanzo-pkcs11/partial/v1";
	uint8_t index[2], octets[33], digest[32];
	struct hz_hash h;

	put_u16(index, i);
	hz_hash_init(&h, HZ_SHA256);
	hz_hash_update(&h, name, sizeof name - 1);
	hz_hash_update(&h, id, HZ_SHAMIR_ID);
	hz_hash_update(&h, index, sizeof index);
	for (size_t j = 0; j < 5; j++) {
		if (!hz_k256_pub_write(points[j], true, octets))
			return false;
		hz_hash_update(&h, octets, sizeof octets);
	}
	hz_hash_final(&h, digest);
	return hz_k256_scalar_reduce(c, digest, sizeof digest);
}

/* The proof's nonce from fresh randomness and the secret together: a generator that repeats itself does not give the share away. */
static bool nonce(const uint8_t share[32], const uint8_t k[64], uint8_t r[32])
{
	static const char info[] = "hanzo-pkcs11/partial/nonce/v1";
	uint8_t mix[64], wide[48], salt[33];
	bool ok;

	memcpy(mix, share, 32);
	ok = hz_random(mix + 32, 32) && hz_k256_pub_write(k, true, salt) &&
	     hz_hkdf(HZ_SHA256, salt, sizeof salt, mix, sizeof mix, info, sizeof info - 1, wide, sizeof wide) &&
	     hz_k256_scalar_reduce(r, wide, sizeof wide) && hz_k256_sec_ok(r);
	hz_wipe(mix, sizeof mix);
	hz_wipe(wide, sizeof wide);
	return ok;
}

CK_RV hz_partial_make(const uint8_t share[32], unsigned i, unsigned t, const uint8_t id[HZ_SHAMIR_ID], const uint8_t k[64],
		      uint8_t out[HZ_SHAMIR_PARTIAL])
{
	uint8_t y[64], d[64], rg[64], rk[64], r[32], c[32], s[32];
	const uint8_t *const points[5] = { y, k, d, rg, rk };
	bool ok = hz_k256_pub_from_sec(y, share) && hz_k256_mul(d, k, share) && nonce(share, k, r) && hz_k256_pub_from_sec(rg, r) &&
		  hz_k256_mul(rk, k, r) && challenge(id, i, points, c);

	memcpy(s, share, 32);
	ok = ok && hz_k256_scalar_mul(s, c) && hz_k256_scalar_add(s, r) && hz_k256_pub_write(d, true, out + 5 + HZ_SHAMIR_ID);
	out[0] = 1;
	put_u16(out + 1, i);
	put_u16(out + 3, t);
	memcpy(out + 5, id, HZ_SHAMIR_ID);
	memcpy(out + 54, c, 32);
	memcpy(out + 86, s, 32);
	hz_wipe(r, sizeof r);
	hz_wipe(s, sizeof s);
	hz_wipe(d, sizeof d);
	return ok ? CKR_OK : failed("no partial result");
}

CK_RV hz_partial_read(const uint8_t *in, size_t len, struct hz_partial *out)
{
	struct hz_reader r = hz_rd(in, len);
	uint8_t version = hz_rd_u8(&r), d[33];

	memset(out, 0, sizeof *out);
	out->i = hz_rd_u16be(&r);
	out->t = hz_rd_u16be(&r);
	hz_rd_copy(&r, out->id, HZ_SHAMIR_ID);
	hz_rd_copy(&r, d, sizeof d);
	hz_rd_copy(&r, out->c, 32);
	hz_rd_copy(&r, out->s, 32);
	if (hz_rd_end(&r) && version == 1 && out->t >= 2 && out->t <= HZ_SHAMIR_MAX && out->i >= 1 && out->i <= HZ_SHAMIR_MAX &&
	    hz_k256_sec_ok(out->c) && hz_k256_sec_ok(out->s) && hz_k256_pub_parse(out->d, d, sizeof d))
		return CKR_OK;
	return hz_fail(CKR_DATA_INVALID, "threshold: no partial result");
}

/* out = s * base - c * other: the commitment that the proof claims. */
static bool claimed(const uint8_t s[32], const uint8_t base[64], const uint8_t c[32], const uint8_t other[64], uint8_t out[64])
{
	uint8_t v[2][64];

	return hz_k256_mul_public(v[0], base, s) && hz_k256_mul_public(v[1], other, c) && hz_k256_negate(v[1]) &&
	       hz_k256_sum(out, (const uint8_t(*)[64])v, 2);
}

bool hz_partial_check(const struct hz_partial *p, const uint8_t k[64], const uint8_t y[64])
{
	uint8_t g[64], one[32], rg[64], rk[64], c[32];
	const uint8_t *const points[5] = { y, k, p->d, rg, rk };

	small_scalar(one, 1);
	return hz_k256_pub_from_sec(g, one) && claimed(p->s, g, p->c, y, rg) && claimed(p->s, k, p->c, p->d, rk) &&
	       challenge(p->id, p->i, points, c) && hz_ct_equal(c, p->c, sizeof c);
}

/* ---- recombination: everything here is public ---- */

/* lambda_i at 0: product over the other indices j of j / (j - i), mod n. */
static bool lagrange(const struct hz_partial *const parts[], size_t n, size_t which, uint8_t out[32])
{
	BN_CTX *ctx = BN_CTX_new_ex(hz_libctx_math());
	BIGNUM *num, *den, *v, *order;
	bool ok;

	if (ctx == NULL)
		return false;
	BN_CTX_start(ctx);
	num = BN_CTX_get(ctx);
	den = BN_CTX_get(ctx);
	v = BN_CTX_get(ctx);
	order = BN_CTX_get(ctx);
	ok = order != NULL && BN_one(num) && BN_one(den) && BN_bin2bn(hz_k256_order, 32, order) != NULL;
	for (size_t j = 0; ok && j < n; j++) {
		unsigned a = parts[j]->i, b = parts[which]->i;

		if (j == which)
			continue;
		ok = BN_set_word(v, a) && BN_mod_mul(num, num, v, order, ctx) && BN_set_word(v, a > b ? a - b : b - a);
		if (ok && a < b)
			ok = BN_sub(v, order, v);
		ok = ok && BN_mod_mul(den, den, v, order, ctx);
	}
	ok = ok && BN_mod_inverse(den, den, order, ctx) != NULL && BN_mod_mul(num, num, den, order, ctx) &&
	     BN_bn2binpad(num, out, 32) == 32;
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return ok;
}

static bool one_split(const struct hz_partial *const parts[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (parts[i]->t != n || memcmp(parts[i]->id, parts[0]->id, HZ_SHAMIR_ID) != 0)
			return false;
		for (size_t j = 0; j < i; j++)
			if (parts[i]->i == parts[j]->i)
				return false;
	}
	return n >= 2 && n <= HZ_SHAMIR_MAX;
}

CK_RV hz_partials_combine(const struct hz_partial *const parts[], size_t n, uint8_t s[64])
{
	uint8_t sum[HZ_SHAMIR_MAX][64], lambda[32];

	if (!one_split(parts, n))
		return hz_fail(CKR_DATA_INVALID, "threshold: not t partial results of one split with distinct indices");
	for (size_t i = 0; i < n; i++)
		if (!lagrange(parts, n, i, lambda) || !hz_k256_mul_public(sum[i], parts[i]->d, lambda))
			return failed("recombination");
	return hz_k256_sum(s, (const uint8_t(*)[64])sum, n) ? CKR_OK : failed("recombination");
}
