/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1 structures and COSE keys, as far as CCA tokens use them. */

#include "attest/cbor.h"
#include "attest/cca.h"

#define TAG_COSE_SIGN1 18
#define HEADER_ALG 1
#define HEADER_CRIT 2

/* RFC 9053, 2.1; COSE itself leaves the curve open, these tokens do not. */
static const struct {
	int64_t alg;
	const char *group, *md;
	size_t signature;
} algs[] = {
	{ -7, "P-256", "SHA256", 64 },
	{ -35, "P-384", "SHA384", 96 },
};

/* The protected header: alg is there once; what must be understood is refused. */
static bool
read_protected(struct hz_at_bytes in, int64_t *alg)
{
	struct hz_reader r = hz_rd(in.p, in.len);
	uint64_t pairs;
	int64_t label;
	bool found = false;

	if (!hz_cbor_want(&r, HZ_CBOR_MAP, &pairs) || pairs > 8)
		return false;
	for (uint64_t i = 0; i < pairs; i++) {
		if (!hz_cbor_int(&r, &label) || label == HEADER_CRIT)
			return false;
		if (label != HEADER_ALG) {
			if (!hz_cbor_skip(&r))
				return false;
			continue;
		}
		if (found || !hz_cbor_int(&r, alg))
			return false;
		found = true;
	}
	return found && hz_rd_end(&r);
}

enum hz_attest_reason
hz_cose_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_cose *out)
{
	struct hz_reader r = hz_rd(in.p, in.len);
	uint64_t v;

	memset(out, 0, sizeof *out);
	if (!hz_cbor_want(&r, HZ_CBOR_TAG, &v) || v != TAG_COSE_SIGN1 || !hz_cbor_want(&r, HZ_CBOR_ARRAY, &v) || v != 4)
		return hz_at_refuse(run, HZ_ATTEST_R_CBOR, "a part of the token is no COSE_Sign1");
	if (!hz_cbor_bytes(&r, &out->protected) || hz_rd_peek(&r, 1) == NULL || *hz_rd_peek(&r, 1) >> 5 != HZ_CBOR_MAP ||
	    !hz_cbor_skip(&r) || !hz_cbor_bytes(&r, &out->payload) || !hz_cbor_bytes(&r, &out->signature) ||
	    !read_protected(out->protected, &out->alg))
		return hz_at_refuse(run, HZ_ATTEST_R_CBOR, "a COSE_Sign1 of the token is malformed");
	if (!hz_rd_end(&r))
		return hz_at_refuse(run, HZ_ATTEST_R_TRAILING, "bytes follow a COSE_Sign1");
	return HZ_ATTEST_OK;
}

enum hz_attest_reason
hz_cose_verify(struct hz_at_run *run, const struct hz_cose *c, EVP_PKEY *key, const char *what)
{
	/* Sig_structure: ["Signature1", protected, external data, payload] */
	static const uint8_t head[] = { 0x84, 0x6A, 'S', 'i', 'g', 'n', 'a', 't', 'u', 'r', 'e', '1' }, external[] = { 0x40 };
	uint8_t h1[5], h2[5];
	const struct hz_at_bytes piece[] = { { head, sizeof head }, { h1, hz_cbor_put_bytes_head(h1, c->protected.len) },
		                             c->protected, { external, sizeof external },
		                             { h2, hz_cbor_put_bytes_head(h2, c->payload.len) }, c->payload };
	size_t i = 0;

	while (i < sizeof algs / sizeof *algs && algs[i].alg != c->alg)
		i++;
	if (i == sizeof algs / sizeof *algs)
		return hz_at_refuse(run, HZ_ATTEST_R_COSE_ALG, "%s: algorithm %d is not accepted", what, (int)(c->alg % 100000));
	if (!hz_at_key_on(key, algs[i].group))
		return hz_at_refuse(run, HZ_ATTEST_R_COSE_ALG_KEY, "%s: the algorithm does not fit the key", what);
	if (c->signature.len != algs[i].signature ||
	    !hz_at_ecdsa_verify(run, key, algs[i].group, algs[i].md, c->signature.p, c->signature.len, piece, 6))
		return hz_at_refuse(run, HZ_ATTEST_R_COSE_SIGNATURE, "%s: the signature is not the key's", what);
	return HZ_ATTEST_OK;
}

/* ---- the realm's key ---- */

static const char *
group_of(size_t coordinate)
{
	return coordinate == 32 ? "P-256" : coordinate == 48 ? "P-384" : NULL;
}

static EVP_PKEY *
key_from(struct hz_at_run *run, struct hz_at_bytes x, struct hz_at_bytes y)
{
	uint8_t xy[96];

	if (x.len != y.len || group_of(x.len) == NULL)
		return NULL;
	memcpy(xy, x.p, x.len);
	memcpy(xy + x.len, y.p, y.len);
	return hz_at_ec_key(run, group_of(x.len), xy, 2 * x.len);
}

/* RFC 9053, 7.1.1: {1: 2 (EC2), -1: curve, -2: x, -3: y}; alg and key_ops may stand beside. */
static EVP_PKEY *
read_cose_key(struct hz_at_run *run, struct hz_at_bytes in)
{
	struct hz_reader r = hz_rd(in.p, in.len);
	struct hz_at_bytes x = { NULL, 0 }, y = { NULL, 0 };
	int64_t label, kty = 0, crv = 0;
	uint64_t pairs;

	if (!hz_cbor_want(&r, HZ_CBOR_MAP, &pairs) || pairs > 8)
		return NULL;
	for (uint64_t i = 0; i < pairs; i++) {
		bool ok = hz_cbor_int(&r, &label);

		if (ok && label == 1)
			ok = kty == 0 && hz_cbor_int(&r, &kty);
		else if (ok && label == -1)
			ok = crv == 0 && hz_cbor_int(&r, &crv);
		else if (ok && label == -2)
			ok = x.p == NULL && hz_cbor_bytes(&r, &x);
		else if (ok && label == -3)
			ok = y.p == NULL && hz_cbor_bytes(&r, &y);
		else if (ok)
			ok = hz_cbor_skip(&r);
		if (!ok)
			return NULL;
	}
	if (!hz_rd_end(&r) || kty != 2 || (crv != 1 && crv != 2) || x.len != (crv == 1 ? 32u : 48u))
		return NULL;
	return key_from(run, x, y);
}

EVP_PKEY *
hz_cca_realm_key(struct hz_at_run *run, struct hz_at_bytes in)
{
	struct hz_reader r = hz_rd(in.p, in.len);
	size_t n = in.len / 2;

	if ((in.len == 65 || in.len == 97) && hz_rd_u8(&r) == 0x04)
		return hz_at_ec_key(run, group_of(n), hz_rd_bytes(&r, 2 * n), 2 * n);
	return read_cose_key(run, in);
}
