/* SPDX-License-Identifier: Apache-2.0 */
/* VCEK and VLEK certificates (AMD 57230): extensions, chain to a pinned ARK, binding to the report. */

#include "attest/snp.h"

#include <stdio.h>
#include <stdlib.h>

#define ARC "1.3.6.1.4.1.3704.1."

/* ARK certificates, SHA-256 of the DER; in the order of enum hz_snp_line. */
static const struct hz_at_pin arks[HZ_SNP_LINES] = {
	{ "ARK-Milan", false, { 0x69, 0xd0, 0x63, 0xb4, 0x53, 0x44, 0xd2, 0x6a, 0x2e, 0x94, 0xe1, 0xf4, 0x21, 0x0d, 0xe4, 0x9e,
	                        0xf5, 0x55, 0x30, 0x82, 0x87, 0xd4, 0xc1, 0x74, 0x44, 0x5c, 0x95, 0x63, 0x9a, 0x54, 0x0b, 0xcd } },
	{ "ARK-Genoa", false, { 0x4c, 0x65, 0x98, 0xd1, 0x9c, 0x18, 0x71, 0x9c, 0x5d, 0xfd, 0x4a, 0x7d, 0x33, 0x5f, 0x67, 0x4e,
	                        0x5b, 0xfe, 0x1d, 0x8f, 0x80, 0x0c, 0xea, 0x2c, 0xf2, 0x70, 0xc1, 0x0d, 0x10, 0x3d, 0xb2, 0xf1 } },
	{ "ARK-Turin", false, { 0x1f, 0x08, 0x41, 0x61, 0xa4, 0x4b, 0xb6, 0xd9, 0x37, 0x78, 0xa9, 0x04, 0x87, 0x7d, 0x48, 0x19,
	                        0xca, 0xfa, 0x5d, 0x05, 0xef, 0x41, 0x93, 0xb2, 0xde, 0xd9, 0xdd, 0x9c, 0x73, 0xdd, 0x3f, 0x6a } },
};

static const char *const intermediates[2][HZ_SNP_LINES] = {
	{ "SEV-Milan", "SEV-Genoa", "SEV-Turin" },
	{ "SEV-VLEK-Milan", "SEV-VLEK-Genoa", "SEV-VLEK-Turin" },
};

/* ---- extensions ---- */

static struct hz_at_bytes
extension(const X509 *cert, const char *suffix)
{
	char oid[40];

	snprintf(oid, sizeof oid, ARC "%s", suffix);
	return hz_at_cert_ext(cert, oid);
}

/* A DER INTEGER of 0..255; values from 128 have a leading zero byte. */
static bool
read_spl(const X509 *cert, const char *suffix, uint8_t *out)
{
	struct hz_at_bytes v = extension(cert, suffix);
	struct hz_reader r = hz_rd(v.p, v.len);
	uint8_t tag = hz_rd_u8(&r), len = hz_rd_u8(&r), first = hz_rd_u8(&r);

	if (v.p == NULL || tag != 0x02)
		return false;
	*out = first;
	if (len == 1)
		return first < 0x80 && hz_rd_end(&r);
	*out = hz_rd_u8(&r);
	return len == 2 && first == 0 && *out >= 0x80 && hz_rd_end(&r);
}

/* Absent counts as zero; present must be well formed. */
static bool
read_optional_spl(const X509 *cert, const char *suffix, uint8_t *out)
{
	*out = 0;
	return extension(cert, suffix).p == NULL || read_spl(cert, suffix, out);
}

/* An IA5String (tag 0x16) as text; empty when absent or of another form. */
static void
read_ia5(const X509 *cert, const char *suffix, char *out, size_t size)
{
	struct hz_at_bytes v = extension(cert, suffix);
	struct hz_reader r = hz_rd(v.p, v.len);
	uint8_t tag = hz_rd_u8(&r), len = hz_rd_u8(&r);

	out[0] = '\0';
	if (tag != 0x16 || len >= 0x80 || len >= size || hz_rd_left(&r) != len)
		return;
	hz_rd_copy(&r, out, len);
	out[len] = '\0';
}

/*
 * The chip's identity is raw bytes, 64 or 8 of them, or wrapped in an OCTET STRING: told by the length, because random
 * raw bytes may look like a tag.
 */
static bool
read_hwid(const X509 *cert, struct hz_snp_vek *vek)
{
	struct hz_at_bytes v = extension(cert, "4");
	struct hz_reader r = hz_rd(v.p, v.len);

	vek->hwid_len = 0;
	if (v.p == NULL)
		return true;
	if (v.len == 66 || v.len == 10) {
		if (hz_rd_u8(&r) != 0x04 || hz_rd_u8(&r) != v.len - 2)
			return false;
	} else if (v.len != 64 && v.len != 8) {
		return false;
	}
	vek->hwid_len = hz_rd_left(&r);
	hz_rd_copy(&r, vek->hwid, vek->hwid_len);
	return true;
}

static bool
read_extensions(const X509 *cert, struct hz_snp_vek *vek)
{
	static const char *const rest[4] = { "3.4", "3.5", "3.6", "3.7" };

	for (size_t i = 0; i < 4; i++)
		if (!read_optional_spl(cert, rest[i], &vek->spl_rest[i]))
			return false;
	if (vek->line == HZ_SNP_TURIN ? !read_spl(cert, "3.9", &vek->tcb.fmc) : extension(cert, "3.9").p != NULL)
		return false;
	read_ia5(cert, "2", vek->product_name, sizeof vek->product_name);
	read_ia5(cert, "5", vek->csp_id, sizeof vek->csp_id);
	return read_spl(cert, "3.1", &vek->tcb.bootloader) && read_spl(cert, "3.2", &vek->tcb.tee) &&
	       read_spl(cert, "3.3", &vek->tcb.snp) && read_spl(cert, "3.8", &vek->tcb.microcode) && read_hwid(cert, vek);
}

/* Kind and line by the names; the chain proves them later. False when it is no VEK certificate. */
static bool
read_names(X509 *cert, struct hz_snp_vek *vek)
{
	char subject[64], issuer[64];

	if (!hz_at_subject_cn(cert, subject, sizeof subject) || !hz_at_issuer_cn(cert, issuer, sizeof issuer))
		return false;
	if (strcmp(subject, "SEV-VCEK") != 0 && strcmp(subject, "SEV-VLEK") != 0)
		return false;
	vek->cert = cert;
	vek->key = strcmp(subject, "SEV-VCEK") == 0 ? HZ_SNP_KEY_VCEK : HZ_SNP_KEY_VLEK;
	for (int line = 0; line < HZ_SNP_LINES; line++)
		if (strcmp(issuer, intermediates[vek->key][line]) == 0) {
			vek->line = (enum hz_snp_line)line;
			return true;
		}
	return false;
}

/* ---- choosing ---- */

/* How well a certificate fits: the best one is checked in full, and its own fault is the reason of a refusal. */
static int
fitness(const struct hz_snp_report *r, const struct hz_snp_vek *vek)
{
	struct hz_snp_tcb tcb;
	int score = 1;

	if (vek->key == r->key)
		score += 8;
	if (r->version < 3 || vek->line == r->line)
		score += 4;
	if (hz_snp_tcb_split(vek->line, r->reported_tcb, &tcb) && hz_snp_tcb_equal(&tcb, &vek->tcb))
		score += 2;
	if (vek->hwid_len != 0 && memcmp(vek->hwid, r->chip_id, vek->hwid_len) == 0)
		score += 1;
	return score;
}

enum hz_attest_reason
hz_snp_vek_find(struct hz_at_run *run, STACK_OF(X509) *certs, const struct hz_snp_report *r, struct hz_snp_vek *vek)
{
	int best = 0;
	bool unreadable = false;

	for (int i = 0; i < sk_X509_num(certs); i++) {
		struct hz_snp_vek cur = { 0 };

		if (!read_names(sk_X509_value(certs, i), &cur))
			continue;
		if (!read_extensions(cur.cert, &cur)) {
			unreadable = true;
			continue;
		}
		if (fitness(r, &cur) > best) {
			best = fitness(r, &cur);
			*vek = cur;
		}
	}
	if (best == 0)
		return unreadable ? hz_at_refuse(run, HZ_ATTEST_R_CERT_PARSE, "the VCEK or VLEK has malformed extensions")
		                  : hz_at_refuse(run, HZ_ATTEST_R_MISSING, "no VCEK or VLEK certificate was given");
	if (vek->key != r->key)
		return hz_at_refuse(run, HZ_ATTEST_R_CERT_KIND, "the report is signed by a %s, the certificate is a %s",
		                    r->key == HZ_SNP_KEY_VCEK ? "VCEK" : "VLEK", vek->key == HZ_SNP_KEY_VCEK ? "VCEK" : "VLEK");
	if (r->version >= 3 && vek->line != r->line)
		return hz_at_refuse(run, HZ_ATTEST_R_CERT_PRODUCT, "the report is of a %s, the certificate of a %s",
		                    hz_snp_line_name(r->line), hz_snp_line_name(vek->line));
	return HZ_ATTEST_OK;
}

/* ---- chain ---- */

/*
 * No list of an intermediate exists (VCEK serial numbers are all zero), so that the ARK's list is asked about the
 * intermediate only.  X509_V_FLAG_X509_STRICT cannot be used: a VEK certificate has no authority key identifier.
 */
enum hz_attest_reason
hz_snp_vek_chain(struct hz_at_run *run, STACK_OF(X509) *certs, const struct hz_snp_vek *vek, bool crl_needed)
{
	const struct hz_at_chain_req req = { .pins = arks, .n_pins = HZ_SNP_LINES, .family = "snp", .length = 3 };
	STACK_OF(X509) *chain = NULL;
	char cn[64];
	int root = -1;
	enum hz_attest_reason rc = hz_at_chain(run, vek->cert, certs, &req, &chain, &root);

	if (rc != HZ_ATTEST_OK)
		return rc;
	if (root >= 0 && root != (int)vek->line)
		rc = hz_at_refuse(run, HZ_ATTEST_R_CERT_PRODUCT, "a certificate for %s under %s", hz_snp_line_name(vek->line),
		                  arks[root].name);
	else if (!hz_at_subject_cn(sk_X509_value(chain, 1), cn, sizeof cn) ||
	         strcmp(cn, intermediates[vek->key][vek->line]) != 0)
		rc = hz_at_refuse(run, HZ_ATTEST_R_CERT_KIND, "the intermediate certificate is not the one for this key");
	else
		rc = hz_at_crl_check(run, sk_X509_value(chain, 1), sk_X509_value(chain, 2), crl_needed);
	hz_at_chain_free(chain);
	return rc;
}

/* ---- binding ---- */

static enum hz_attest_reason
check_tcb(struct hz_at_run *run, const struct hz_snp_report *r, const struct hz_snp_vek *vek)
{
	struct hz_snp_tcb tcb;

	if (!hz_snp_tcb_split(vek->line, r->reported_tcb, &tcb) || !hz_at_zero(vek->spl_rest, sizeof vek->spl_rest))
		return hz_at_refuse(run, HZ_ATTEST_R_TCB, "the reported TCB uses bytes that a %s reserves", hz_snp_line_name(vek->line));
	if (!hz_snp_tcb_equal(&tcb, &vek->tcb))
		return hz_at_refuse(run, HZ_ATTEST_R_TCB,
		                    "reported TCB %u/%u/%u/%u/%u, the certificate is for %u/%u/%u/%u/%u (fmc/bl/tee/snp/ucode)",
		                    tcb.fmc, tcb.bootloader, tcb.tee, tcb.snp, tcb.microcode, vek->tcb.fmc,
		                    vek->tcb.bootloader, vek->tcb.tee, vek->tcb.snp, vek->tcb.microcode);
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
check_chip(struct hz_at_run *run, const struct hz_snp_report *r, const struct hz_snp_vek *vek, bool allow_masked)
{
	size_t want = vek->line == HZ_SNP_TURIN ? 8 : 64;

	if (vek->key == HZ_SNP_KEY_VLEK) {
		if (vek->hwid_len != 0 || !hz_at_zero(r->chip_id, 64))
			return hz_at_refuse(run, HZ_ATTEST_R_CHIP_ID, "a VLEK, and the report or the certificate names a chip");
		return HZ_ATTEST_OK;
	}
	if (vek->hwid_len != want)
		return hz_at_refuse(run, HZ_ATTEST_R_CHIP_ID, "the VCEK certificate names a chip by %zu bytes, not %zu", vek->hwid_len, want);
	if (hz_at_zero(r->chip_id, 64))
		return allow_masked ? HZ_ATTEST_OK : hz_at_refuse(run, HZ_ATTEST_R_CHIP_ID, "the report masks its chip id");
	if (memcmp(r->chip_id, vek->hwid, want) != 0 || !hz_at_zero(r->chip_id + want, 64 - want))
		return hz_at_refuse(run, HZ_ATTEST_R_CHIP_ID, "the certificate is of another chip");
	return HZ_ATTEST_OK;
}

enum hz_attest_reason
hz_snp_vek_binds(struct hz_at_run *run, const struct hz_snp_report *r, const struct hz_snp_vek *vek, bool allow_masked_chip)
{
	enum hz_attest_reason rc = check_tcb(run, r, vek);

	return rc == HZ_ATTEST_OK ? check_chip(run, r, vek, allow_masked_chip) : rc;
}
