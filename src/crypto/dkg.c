/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and public arithmetic of key generation without a dealer. */
#include "crypto/dkg.h"

#include <openssl/bn.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/reader.h"
#include "crypto/hash.h"
#include "crypto/k256.h"
#include "crypto/libctx.h"

static const char magic[6] = { 'H', 'Z', 'D', 'K', 'G', '1' };

unsigned hz_dkg_points(const struct hz_dkg *d)
{
	return d->old == NULL ? d->split.t : 2 * d->split.t - 1;
}

static void hash_purpose(const struct hz_dkg *d, struct hz_hash *h)
{
	static const char new_key[] = "hanzo-pkcs11/dkg/v1", new_shares[] = "hanzo-pkcs11/refresh/v1";

	hz_hash_init(h, HZ_SHA256);
	if (d->old == NULL) {
		hz_hash_update(h, new_key, sizeof new_key - 1);
		return;
	}
	hz_hash_update(h, new_shares, sizeof new_shares - 1);
	hz_hash_update(h, d->old->split.id, HZ_SHAMIR_ID);
	hz_hash_update(h, d->old->commitments, 33 * (size_t)d->old->split.t);
}

CK_RV hz_dkg_begin(struct hz_dkg *d)
{
	unsigned t = d->split.t, n = d->split.n;
	uint8_t sizes[4] = { (uint8_t)(t >> 8), (uint8_t)t, (uint8_t)(n >> 8), (uint8_t)n }, digest[32], pub[64];
	struct hz_hash h;

	if (t < 2 || t > n || n > HZ_SHAMIR_MAX)
		return hz_fail(CKR_DATA_INVALID, "2 <= threshold <= nodes <= 255");
	if (d->old != NULL && (d->old->split.t != t || d->old->split.n != n))
		return hz_fail(CKR_DATA_INVALID, "threshold and nodes are not those of the shares to be refreshed");
	hash_purpose(d, &h);
	hz_hash_update(&h, d->nonce, sizeof d->nonce);
	hz_hash_update(&h, sizes, sizeof sizes);
	for (unsigned i = 0; i < n; i++) {
		if (!hz_k256_pub_parse(pub, d->nodes[i], 33))
			return hz_fail(CKR_DATA_INVALID, "node %u has no valid key", i + 1);
		for (unsigned j = 0; j < i; j++) /* x alone: signatures do not tell a key from its negative */
			if (memcmp(d->nodes[i] + 1, d->nodes[j] + 1, 32) == 0)
				return hz_fail(CKR_DATA_INVALID, "nodes %u and %u have one key", j + 1, i + 1);
		hz_hash_update(&h, d->nodes[i], 33);
	}
	hz_hash_final(&h, digest);
	memcpy(d->split.id, digest, HZ_SHAMIR_ID);
	return CKR_OK;
}

static void head(const struct hz_dkg *d, uint8_t round, unsigned from, struct hz_buf *out)
{
	hz_buf_add(out, magic, sizeof magic);
	hz_buf_u8(out, round);
	hz_buf_add(out, d->split.id, HZ_SHAMIR_ID);
	hz_buf_be16(out, (uint16_t)from);
}

void hz_dkg_round1(const struct hz_dkg *d, unsigned from, const uint8_t (*commitments)[33], struct hz_buf *out)
{
	head(d, 1, from, out);
	hz_buf_add(out, commitments, 33 * (size_t)hz_dkg_points(d));
}

void hz_dkg_round2(const struct hz_dkg *d, unsigned from, const uint8_t transcript[32], const struct hz_buf *blobs, struct hz_buf *out)
{
	head(d, 2, from, out);
	hz_buf_add(out, transcript, 32);
	for (unsigned i = 0; i < d->split.n; i++) {
		hz_buf_be32(out, (uint32_t)blobs[i].len);
		hz_buf_add(out, blobs[i].p, blobs[i].len);
	}
}

void hz_dkg_round3(const struct hz_dkg *d, unsigned from, const struct hz_share *record, struct hz_buf *out)
{
	uint8_t digest[32];

	hz_hash_once(HZ_SHA256, record->commitments, 33 * (size_t)record->split.t, digest);
	head(d, 3, from, out);
	hz_buf_add(out, digest, sizeof digest);
}

static void body1(const struct hz_dkg *d, struct hz_reader *r, struct hz_dkg_msg *m)
{
	m->commitments = hz_rd_bytes(r, 33 * (size_t)hz_dkg_points(d));
	(void)hz_rd_bytes(r, HZ_DKG_SIG);
}

static void body2(const struct hz_dkg *d, struct hz_reader *r, struct hz_dkg_msg *m)
{
	m->transcript = hz_rd_bytes(r, 32);
	for (unsigned i = 0; i < d->split.n && hz_rd_ok(r); i++) {
		m->blob_len[i] = hz_rd_u32be(r);
		m->blob[i] = hz_rd_bytes(r, m->blob_len[i]);
	}
}

static void body3(const struct hz_dkg *d, struct hz_reader *r, struct hz_dkg_msg *m)
{
	(void)d;
	m->transcript = hz_rd_bytes(r, 32);
}

static bool signed_by(const uint8_t *key, const struct hz_dkg_msg *m, size_t up_to)
{
	uint8_t pub[64];

	return hz_k256_pub_parse(pub, key, 33) && hz_k256_schnorr_verify(pub, m->all, up_to, m->all + up_to);
}

CK_RV hz_dkg_read(const struct hz_dkg *d, const uint8_t *in, size_t len, struct hz_dkg_msg *m)
{
	struct hz_reader r = hz_rd(in, len);
	const uint8_t *name = hz_rd_bytes(&r, sizeof magic), *id;
	uint8_t pub[64];

	memset(m, 0, sizeof *m);
	m->all = in;
	m->len = len;
	m->round = hz_rd_u8(&r);
	id = hz_rd_bytes(&r, HZ_SHAMIR_ID);
	m->from = hz_rd_u16be(&r);
	if (!hz_rd_ok(&r) || memcmp(name, magic, sizeof magic) != 0 || m->round < 1 || m->round > (d->old != NULL ? 3 : 2))
		return hz_fail(CKR_DATA_INVALID, "no message of a key generation or refresh");
	if (memcmp(id, d->split.id, HZ_SHAMIR_ID) != 0 || m->from < 1 || m->from > d->split.n)
		return hz_fail(CKR_DATA_INVALID, "a message of another ceremony");
	(m->round == 1 ? body1 : m->round == 2 ? body2 : body3)(d, &r, m);
	(void)hz_rd_bytes(&r, HZ_DKG_SIG);
	if (!hz_rd_end(&r))
		return hz_fail(CKR_DATA_INVALID, "node %u: malformed message", m->from);
	if (!signed_by(d->nodes[m->from - 1], m, len - HZ_DKG_SIG))
		return hz_fail(CKR_SIGNATURE_INVALID, "node %u: the message is not signed by its key", m->from);
	if (m->round != 1)
		return CKR_OK;
	for (unsigned j = 0; j < hz_dkg_points(d); j++)
		if (!hz_k256_pub_parse(pub, m->commitments + 33 * j, 33))
			return hz_fail(CKR_DATA_INVALID, "node %u: commitment %u is no point", m->from, j);
	if (!signed_by(m->commitments, m, len - 2 * HZ_DKG_SIG))
		return hz_fail(CKR_SIGNATURE_INVALID, "node %u does not prove that it knows what it deals", m->from);
	return CKR_OK;
}

void hz_dkg_transcript(const struct hz_dkg *d, const struct hz_dkg_msg *round1, uint8_t out[32])
{
	struct hz_hash h;

	hz_hash_init(&h, HZ_SHA256);
	for (unsigned i = 0; i < d->split.n; i++)
		hz_hash_update(&h, round1[i].all, round1[i].len);
	hz_hash_final(&h, out);
}

/* Commitment number j of every dealer, added up. */
static bool add_up(const struct hz_dkg_msg *round1, unsigned count, unsigned j, uint8_t sum[64])
{
	uint8_t v[HZ_SHAMIR_MAX][64];

	for (unsigned i = 0; i < count; i++)
		if (!hz_k256_pub_parse(v[i], round1[i].commitments + 33 * (size_t)j, 33))
			return false;
	return hz_k256_sum(sum, (const uint8_t(*)[64])v, count);
}

/* Coefficient j >= 1 of the refreshed polynomial: the old one, and what is dealt above what is dealt below. */
static bool refreshed(const struct hz_dkg *d, const struct hz_dkg_msg *round1, unsigned count, unsigned j, uint8_t sum[64])
{
	uint8_t v[3][64];

	return hz_k256_pub_parse(v[0], d->old->commitments[j], 33) && add_up(round1, count, j, v[1]) &&
	       add_up(round1, count, d->split.t - 1 + j, v[2]) && hz_k256_negate(v[2]) && hz_k256_sum(sum, (const uint8_t(*)[64])v, 3);
}

bool hz_dkg_sum(const struct hz_dkg *d, const struct hz_dkg_msg *round1, unsigned count, struct hz_share *record)
{
	uint8_t s[64];

	memset(record, 0, sizeof *record);
	record->split = d->split;
	for (unsigned j = 0; j < d->split.t; j++) {
		if (d->old != NULL && j == 0)
			memcpy(record->commitments[0], d->old->commitments[0], 33);
		else if (!(d->old != NULL ? refreshed(d, round1, count, j, s) : add_up(round1, count, j, s)) ||
			 !hz_k256_pub_write(s, true, record->commitments[j]))
			return false;
	}
	return true;
}

/* ---- interpolation ---- */

/* Coefficients of the polynomial that is 1 at `which` and 0 at the other indices 1 .. t, modulo the order, into c[0 .. t-1]. */
static bool basis(unsigned which, unsigned t, const BIGNUM *order, BN_CTX *ctx, BIGNUM **c)
{
	BIGNUM *den = BN_CTX_get(ctx), *v = BN_CTX_get(ctx);
	unsigned degree = 0;
	bool ok = v != NULL && BN_one(den) && BN_one(c[0]);

	for (unsigned j = 1; ok && j <= t; j++) {
		if (j == which)
			continue;
		BN_zero(c[++degree]);
		for (unsigned k = degree; ok && k > 0; k--) /* times (x - j), in place */
			ok = BN_set_word(v, j) && BN_mod_mul(v, c[k], v, order, ctx) && BN_mod_sub(c[k], c[k - 1], v, order, ctx);
		ok = ok && BN_set_word(v, j) && BN_mod_mul(v, c[0], v, order, ctx) && BN_mod_sub(c[0], order, v, order, ctx);
		ok = ok && BN_set_word(v, which > j ? which - j : j - which) && BN_mod_mul(den, den, v, order, ctx);
		if (ok && which < j)
			ok = BN_mod_sub(den, order, den, order, ctx) == 1;
	}
	ok = ok && BN_mod_inverse(den, den, order, ctx) != NULL;
	for (unsigned k = 0; ok && k < t; k++)
		ok = BN_mod_mul(c[k], c[k], den, order, ctx) == 1;
	return ok;
}

/* scalars[which][k]: what share `which` + 1 contributes to coefficient k. */
static bool weights(unsigned t, uint8_t (*scalars)[32])
{
	BN_CTX *ctx = BN_CTX_new_ex(hz_libctx_math());
	BIGNUM *order = BN_bin2bn(hz_k256_order, 32, NULL), *c[HZ_SHAMIR_MAX];
	bool ok = ctx != NULL && order != NULL;

	for (unsigned i = 0; ok && i < t; i++) {
		BN_CTX_start(ctx);
		for (unsigned k = 0; k < t; k++)
			c[k] = BN_CTX_get(ctx);
		ok = c[t - 1] != NULL && basis(i + 1, t, order, ctx, c);
		for (unsigned k = 0; ok && k < t; k++)
			ok = BN_bn2binpad(c[k], scalars[(size_t)i * t + k], 32) == 32;
		BN_CTX_end(ctx);
	}
	BN_free(order);
	BN_CTX_free(ctx);
	return ok;
}

bool hz_dkg_interpolate(const uint8_t (*y)[64], unsigned t, uint8_t (*commitments)[33])
{
	uint8_t(*w)[32] = calloc((size_t)t * t, sizeof *w), v[HZ_SHAMIR_MAX][64], s[64];
	bool ok = w != NULL && t <= HZ_SHAMIR_MAX && weights(t, w);

	for (unsigned k = 0; ok && k < t; k++) {
		size_t n = 0;

		for (unsigned i = 0; ok && i < t; i++)
			if (!hz_k256_scalar_is_zero(w[(size_t)i * t + k]))
				ok = hz_k256_mul_public(v[n++], y[i], w[(size_t)i * t + k]);
		ok = ok && n != 0 && hz_k256_sum(s, (const uint8_t(*)[64])v, n) && hz_k256_pub_write(s, true, commitments[k]);
	}
	free(w);
	return ok;
}
