/* SPDX-License-Identifier: Apache-2.0 */
/* AMD SEV-SNP: the whole check of one report, in the order of the steps that may refuse. */

#include "attest/bundle.h"
#include "attest/snp.h"

/* R and S are little-endian integers of 72 bytes whose upper 24 were found zero. */
static enum hz_attest_reason
check_signature(struct hz_at_run *run, const struct hz_snp_report *r, const struct hz_snp_vek *vek)
{
	const struct hz_at_bytes signed_part = { r->raw, HZ_SNP_SIGNED_LEN };
	uint8_t rs[96];

	for (size_t i = 0; i < 48; i++) {
		rs[i] = r->raw[0x2A0 + 47 - i];
		rs[48 + i] = r->raw[0x2E8 + 47 - i];
	}
	if (!hz_at_ecdsa_verify(run, X509_get0_pubkey(vek->cert), "P-384", "SHA384", rs, sizeof rs, &signed_part, 1))
		return hz_at_refuse(run, HZ_ATTEST_R_SIGNATURE, "the report's signature is not the certificate's");
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
check_report_data(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_snp_report *r)
{
	if (item->report_data.p != NULL && !hz_at_equal(item->report_data.p, r->report_data, 64))
		return hz_at_refuse(run, HZ_ATTEST_R_REPORT_DATA, "report data is not what was expected");
	return HZ_ATTEST_OK;
}

static void
claim_certificate(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_snp_report *r,
                  const struct hz_snp_vek *vek)
{
	if (r->version < 3)
		hz_at_claim_text(run, item, "product", hz_snp_line_name(vek->line));
	hz_at_claim_text(run, item, "product_name", vek->product_name);
	if (vek->csp_id[0] != '\0')
		hz_at_claim_text(run, item, "csp_id", vek->csp_id);
	hz_at_claim_u64(run, item, "tcb.bootloader", vek->tcb.bootloader);
	hz_at_claim_u64(run, item, "tcb.tee", vek->tcb.tee);
	hz_at_claim_u64(run, item, "tcb.snp", vek->tcb.snp);
	hz_at_claim_u64(run, item, "tcb.microcode", vek->tcb.microcode);
	if (vek->line == HZ_SNP_TURIN)
		hz_at_claim_u64(run, item, "tcb.fmc", vek->tcb.fmc);
}

/* An extended report carries its certificate table behind the report. */
static enum hz_attest_reason
split_extended(struct hz_at_run *run, struct hz_at_item *item)
{
	struct hz_at_bytes *e = &item->evidence;
	enum hz_attest_reason rc;

	if (e->len < HZ_SNP_REPORT_LEN + 48) /* shorter than a report and the least table: the length is refused later */
		return HZ_ATTEST_OK;
	rc = hz_at_snp_table(run, e->p + HZ_SNP_REPORT_LEN, e->len - HZ_SNP_REPORT_LEN, item->certs);
	e->len = HZ_SNP_REPORT_LEN;
	return rc;
}

static enum hz_attest_reason
verify(struct hz_at_run *run, struct hz_at_item *item)
{
	const struct hz_snp_policy *policy = hz_at_policy_section(run->policy, &hz_snp_section);
	struct hz_snp_report r;
	struct hz_snp_vek vek = { 0 };
	enum hz_attest_reason rc = split_extended(run, item);

	if (rc == HZ_ATTEST_OK)
		rc = hz_snp_report_read(run, item->evidence, &r);
	if (rc != HZ_ATTEST_OK)
		return rc;
	hz_snp_report_claims(run, item, &r);
	rc = hz_snp_vek_find(run, item->certs, &r, &vek);
	if (rc != HZ_ATTEST_OK)
		return rc;
	claim_certificate(run, item, &r, &vek);
	/* Version 2 does not say what it is: the issuer's name does, and the chain must then end in that line's root. */
	r.line = vek.line;
	rc = hz_snp_vek_chain(run, item->certs, &vek, hz_snp_policy_crl(policy));
	if (rc == HZ_ATTEST_OK)
		rc = hz_snp_vek_binds(run, &r, &vek, hz_snp_policy_masked_chip(policy));
	if (rc == HZ_ATTEST_OK)
		rc = check_signature(run, &r, &vek);
	if (rc == HZ_ATTEST_OK)
		rc = hz_snp_policy_check(run, &r, &vek, policy);
	if (rc == HZ_ATTEST_OK)
		rc = check_report_data(run, item, &r);
	item->tee_io = (r.platform_info & HZ_SNP_PLATFORM_TIO) != 0;
	return rc;
}

const struct hz_at_family hz_at_snp = { HZ_ATTEST_KIND_SNP, verify, &hz_snp_section, NULL };
