/* SPDX-License-Identifier: Apache-2.0 */
/* The structure that a TPM signs as a quote, its signature and its register values. */

#include "attest/tpm.h"

#include <stdio.h>

#define MAGIC 0xFF544347
#define ST_ATTEST_QUOTE 0x8018

enum { ALG_SHA256 = 0x000B, ALG_SHA384 = 0x000C, ALG_SHA512 = 0x000D, ALG_RSASSA = 0x0014, ALG_RSAPSS = 0x0016, ALG_ECDSA = 0x0018 };

static size_t
digest_len(uint16_t alg)
{
	switch (alg) {
	case 0x0004: return 20; /* SHA-1 banks are read, so that others can be used beside them */
	case ALG_SHA256: return 32;
	case ALG_SHA384: return 48;
	case ALG_SHA512: return 64;
	default: return 0;
	}
}

static const char *
digest_name(size_t len)
{
	return len == 32 ? "SHA256" : len == 48 ? "SHA384" : len == 64 ? "SHA512" : NULL;
}

/* ---- reading ---- */

/* A buffer with its size in front. */
static struct hz_at_bytes
read_sized(struct hz_reader *r)
{
	size_t n = hz_rd_u16be(r);
	const uint8_t *p = hz_rd_bytes(r, n);

	return (struct hz_at_bytes){ p, p != NULL ? n : 0 };
}

/* Registers above 23 do not exist on PC clients: their bits must be zero. */
static bool
read_bank(struct hz_reader *r, struct hz_tpm_bank *out)
{
	size_t n;

	out->hash = hz_rd_u16be(r);
	n = hz_rd_u8(r);
	for (size_t i = 0; i < n; i++) {
		uint32_t bits = hz_rd_u8(r);

		if (i >= HZ_TPM_PCRS / 8 && bits != 0)
			return false;
		if (i < HZ_TPM_PCRS / 8)
			out->selected |= bits << 8 * i;
	}
	return n <= 8 && (!hz_rd_ok(r) || digest_len(out->hash) != 0);
}

static bool
read_banks(struct hz_reader *r, struct hz_tpm_quote *out)
{
	uint32_t n = hz_rd_u32be(r);

	if (n > HZ_TPM_MAX_BANKS)
		return false;
	for (out->banks = 0; out->banks < n; out->banks++) {
		if (!read_bank(r, &out->bank[out->banks]))
			return false;
		for (unsigned i = 0; i < out->banks; i++)
			if (out->bank[i].hash == out->bank[out->banks].hash)
				return false;
	}
	return true;
}

enum hz_attest_reason
hz_tpm_quote_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_tpm_quote *out)
{
	struct hz_reader r = hz_rd(in.p, in.len);
	uint32_t magic;
	uint8_t safe;

	memset(out, 0, sizeof *out);
	out->raw = in;
	magic = hz_rd_u32be(&r);
	if (magic != MAGIC)
		return hz_at_refuse(run, HZ_ATTEST_R_MAGIC, "not a structure that a TPM made");
	if (hz_rd_u16be(&r) != ST_ATTEST_QUOTE)
		return hz_at_refuse(run, HZ_ATTEST_R_TYPE, "signed by a TPM, but no quote");
	out->signer = read_sized(&r);
	out->extra = read_sized(&r);
	out->clock = hz_rd_u64be(&r);
	out->reset_count = hz_rd_u32be(&r);
	out->restart_count = hz_rd_u32be(&r);
	safe = hz_rd_u8(&r);
	out->safe = safe == 1;
	out->firmware = hz_rd_bytes(&r, 8);
	if (safe > 1 || !read_banks(&r, out))
		return hz_at_refuse(run, HZ_ATTEST_R_PARSE, "the quote's fields do not fit together");
	out->pcr_digest = read_sized(&r);
	if (!hz_rd_end(&r))
		return hz_at_refuse(run, HZ_ATTEST_R_TRAILING_OR_TRUNCATED, "the quote ends too early or too late");
	if (digest_name(out->pcr_digest.len) == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_PARSE, "a register digest of %zu bytes", out->pcr_digest.len);
	return HZ_ATTEST_OK;
}

void
hz_tpm_quote_claims(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_tpm_quote *q)
{
	hz_at_claim_hex(run, item, "quote_nonce", q->extra.p, q->extra.len);
	hz_at_claim_hex(run, item, "quote_signer", q->signer.p, q->signer.len);
	hz_at_claim_hex(run, item, "pcr_digest", q->pcr_digest.p, q->pcr_digest.len);
	hz_at_claim_u64(run, item, "tpm_clock", q->clock);
	hz_at_claim_u64(run, item, "tpm_resets", q->reset_count);
	hz_at_claim_u64(run, item, "tpm_restarts", q->restart_count);
	hz_at_claim_bool(run, item, "tpm_clock_safe", q->safe);
	hz_at_claim_hex(run, item, "tpm_firmware", q->firmware, 8);
}

enum hz_attest_reason
hz_tpm_quote_nonce(struct hz_at_run *run, const struct hz_tpm_quote *q, struct hz_at_bytes want)
{
	if (want.p != NULL && (want.len != q->extra.len || !hz_at_equal(want.p, q->extra.p, want.len)))
		return hz_at_refuse(run, HZ_ATTEST_R_NONCE, "the quote answers another nonce");
	return HZ_ATTEST_OK;
}

/* ---- signature ---- */

bool
hz_tpm_key_fits(EVP_PKEY *key)
{
	if (key == NULL)
		return false;
	if (EVP_PKEY_is_a(key, "RSA") == 1)
		return EVP_PKEY_get_bits(key) >= 2048;
	return hz_at_key_on(key, "P-256") || hz_at_key_on(key, "P-384");
}

/* TPMT_SIGNATURE (part 2, 11.3.4): algorithm, hash, one buffer or two. */
struct signature {
	uint16_t alg;
	const char *md;
	struct hz_at_bytes first, second;
};

static bool
read_signature(struct hz_at_bytes in, struct signature *out)
{
	struct hz_reader r = hz_rd(in.p, in.len);

	out->alg = hz_rd_u16be(&r);
	out->md = digest_name(digest_len(hz_rd_u16be(&r)));
	if (out->md == NULL || (out->alg != ALG_RSASSA && out->alg != ALG_RSAPSS && out->alg != ALG_ECDSA))
		return false;
	out->first = read_sized(&r);
	if (out->alg == ALG_ECDSA)
		out->second = read_sized(&r);
	return hz_rd_end(&r);
}

/* r and s come without leading zeros. */
static bool
verify_ecdsa(struct hz_at_run *run, const struct hz_tpm_quote *q, const struct signature *s, EVP_PKEY *key)
{
	const char *group = hz_at_key_on(key, "P-256") ? "P-256" : "P-384";
	size_t n = strcmp(group, "P-256") == 0 ? 32 : 48;
	uint8_t rs[96] = { 0 };

	if (!hz_at_key_on(key, group) || s->first.len == 0 || s->first.len > n || s->second.len == 0 || s->second.len > n)
		return false;
	memcpy(rs + n - s->first.len, s->first.p, s->first.len);
	memcpy(rs + 2 * n - s->second.len, s->second.p, s->second.len);
	return hz_at_ecdsa_verify(run, key, group, s->md, rs, 2 * n, &q->raw, 1);
}

static bool
verify_any(struct hz_at_run *run, const struct hz_tpm_quote *q, struct hz_at_bytes sig, EVP_PKEY *key)
{
	bool rsa = EVP_PKEY_is_a(key, "RSA") == 1;
	struct signature s;

	if (rsa && sig.len == (size_t)EVP_PKEY_get_size(key))
		return hz_at_pkey_verify(run, key, "SHA256", false, sig.p, sig.len, &q->raw, 1);
	memset(&s, 0, sizeof s);
	if (!read_signature(sig, &s))
		return false;
	if (s.alg == ALG_ECDSA)
		return !rsa && verify_ecdsa(run, q, &s, key);
	return rsa && hz_at_pkey_verify(run, key, s.md, s.alg == ALG_RSAPSS, s.first.p, s.first.len, &q->raw, 1);
}

enum hz_attest_reason
hz_tpm_quote_verify(struct hz_at_run *run, const struct hz_tpm_quote *q, struct hz_at_bytes sig, EVP_PKEY *key)
{
	if (sig.p == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_MISSING, "the quote has no signature");
	if (!hz_tpm_key_fits(key))
		return hz_at_refuse(run, HZ_ATTEST_R_AK, "the attestation key is of a kind or size that is not accepted");
	if (!verify_any(run, q, sig, key))
		return hz_at_refuse(run, HZ_ATTEST_R_SIGNATURE, "the quote is not signed by the attestation key");
	return HZ_ATTEST_OK;
}

/* ---- registers ---- */

static unsigned
popcount(uint32_t v)
{
	unsigned n = 0;

	for (; v != 0; v &= v - 1)
		n++;
	return n;
}

/* Where the value of each register of each bank lies in `pcrs`; false where the length fits neither form. */
struct values {
	struct hz_at_bytes piece[HZ_TPM_MAX_BANKS * HZ_TPM_PCRS];  /* in the order of the quote */
	size_t n;
	const uint8_t *sha256[HZ_TPM_PCRS];
};

static bool
locate(const struct hz_tpm_quote *q, struct hz_at_bytes pcrs, struct values *out)
{
	struct hz_reader r = hz_rd(pcrs.p, pcrs.len);
	size_t selected = 0;
	bool whole;

	memset(out, 0, sizeof *out);
	for (unsigned b = 0; b < q->banks; b++)
		selected += popcount(q->bank[b].selected) * digest_len(q->bank[b].hash);
	whole = q->banks == 1 && pcrs.len == HZ_TPM_PCRS * digest_len(q->bank[0].hash);
	if (!whole && pcrs.len != selected)
		return false;
	for (unsigned b = 0; b < q->banks; b++)
		for (unsigned i = 0; i < HZ_TPM_PCRS; i++) {
			bool in = q->bank[b].selected >> i & 1;
			size_t n = digest_len(q->bank[b].hash);
			const uint8_t *p = in || whole ? hz_rd_bytes(&r, n) : NULL;

			if (!in)
				continue;
			out->piece[out->n++] = (struct hz_at_bytes){ p, n };
			if (q->bank[b].hash == ALG_SHA256)
				out->sha256[i] = p;
		}
	return hz_rd_end(&r);
}

static enum hz_attest_reason
check_digest(struct hz_at_run *run, const struct hz_tpm_quote *q, const struct values *v)
{
	uint8_t digest[HZ_TPM_MAX_DIGEST];

	if (!hz_at_digest(run, digest_name(q->pcr_digest.len), v->piece, v->n, digest))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "a digest failed");
	if (!hz_at_equal(digest, q->pcr_digest.p, q->pcr_digest.len))
		return hz_at_refuse(run, HZ_ATTEST_R_PCR_DIGEST, "the register values are not those of the quote");
	return HZ_ATTEST_OK;
}

static void
claim_values(struct hz_at_run *run, const struct hz_at_item *item, const struct values *v)
{
	char name[8];

	for (unsigned i = 0; i < HZ_TPM_PCRS; i++) {
		snprintf(name, sizeof name, "pcr.%u", i);
		if (v->sha256[i] != NULL)
			hz_at_claim_hex(run, item, name, v->sha256[i], 32);
	}
}

enum hz_attest_reason
hz_tpm_pcrs_check(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_tpm_quote *q, struct hz_at_bytes pcrs,
                  const struct hz_tpm_pcr_policy *policy)
{
	struct values v;
	enum hz_attest_reason rc;

	if (pcrs.p == NULL)
		return policy->any ? HZ_ATTEST_OK : hz_at_refuse(run, HZ_ATTEST_R_MISSING, "the register values were not given");
	if (!locate(q, pcrs, &v))
		return hz_at_refuse(run, HZ_ATTEST_R_PCR_DIGEST, "%zu bytes are not the registers of the quote", pcrs.len);
	rc = check_digest(run, q, &v);
	if (rc != HZ_ATTEST_OK)
		return rc;
	claim_values(run, item, &v);
	for (unsigned i = 0; i < HZ_TPM_PCRS; i++) {
		if (!hz_at_indexed_given(&policy->index, i))
			continue;
		if (v.sha256[i] == NULL)
			return hz_at_refuse(run, HZ_ATTEST_R_POLICY_PCR, "register %u is not in the quote", i);
		if (!hz_at_hexlist_allows(&policy->index.list[i], v.sha256[i], 32))
			return hz_at_refuse(run, HZ_ATTEST_R_POLICY_PCR, "register %u is not in the policy", i);
	}
	return HZ_ATTEST_OK;
}

bool
hz_tpm_pcr_policy_read(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	struct hz_tpm_pcr_policy *p = dst;

	p->any = json_object_is_type(v, json_type_string) && strcmp(json_object_get_string(v), "any") == 0;
	p->index.first = 0;
	p->index.last = HZ_TPM_PCRS - 1;
	return p->any || hz_at_policy_indexed(err, name, v, 32, &p->index);
}

void
hz_tpm_pcr_policy_release(void *dst)
{
	hz_at_indexed_release(&((struct hz_tpm_pcr_policy *)dst)->index);
}
