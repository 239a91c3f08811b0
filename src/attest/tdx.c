/* SPDX-License-Identifier: Apache-2.0 */
/* Intel TDX: the whole check of one quote, in the order of the steps that may refuse. */

#include "attest/tdx.h"

/* Signer of Intel's quoting enclave for TDs. */
static const uint8_t td_qe_signer[32] = {
	0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03,
	0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba, 0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5,
};

/* The PCK key signs the QE report, the QE report names the attestation key, the attestation key signs the quote. */
static enum hz_attest_reason
check_signatures(struct hz_at_run *run, const struct hz_tdx_quote *q, X509 *leaf)
{
	const struct hz_at_bytes qe_report = { q->qe.raw, 384 };
	const struct hz_at_bytes bound[2] = { { q->att_key, 64 }, q->qe_auth };
	uint8_t digest[32];
	EVP_PKEY *key;
	bool ok;

	if (!hz_at_ecdsa_verify(run, X509_get0_pubkey(leaf), "P-256", "SHA256", q->qe_signature, 64, &qe_report, 1))
		return hz_at_refuse(run, HZ_ATTEST_R_QE_REPORT_SIGNATURE, "the quoting enclave's report is not signed by the PCK");
	if (!hz_at_digest(run, "SHA256", bound, 2, digest))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "a digest failed");
	if (!hz_at_equal(digest, q->qe.report_data, 32) || !hz_at_zero(q->qe.report_data + 32, 32))
		return hz_at_refuse(run, HZ_ATTEST_R_QE_REPORT_DATA, "the quoting enclave does not vouch for the attestation key");
	key = hz_at_ec_key(run, "P-256", q->att_key, 64);
	ok = key != NULL && hz_at_ecdsa_verify(run, key, "P-256", "SHA256", q->signature, 64, &q->signed_part, 1);
	EVP_PKEY_free(key);
	return ok ? HZ_ATTEST_OK : hz_at_refuse(run, HZ_ATTEST_R_QUOTE_SIGNATURE, "the quote is not signed by the attestation key");
}

static enum hz_attest_reason
check_qe(struct hz_at_run *run, const struct hz_tdx_qe *qe)
{
	if (memcmp(qe->mrsigner, td_qe_signer, sizeof td_qe_signer) != 0 || qe->isvprodid != 2)
		return hz_at_refuse(run, HZ_ATTEST_R_QE_IDENTITY, "not the quoting enclave for TDs");
	if (qe->attributes[0] & 0x02)
		return hz_at_refuse(run, HZ_ATTEST_R_QE_IDENTITY, "the quoting enclave may be debugged");
	return HZ_ATTEST_OK;
}

static void
claim_platform(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_tdx_pck *pck)
{
	hz_at_claim_hex(run, item, "fmspc", pck->fmspc, sizeof pck->fmspc);
	hz_at_claim_hex(run, item, "pceid", pck->pceid, sizeof pck->pceid);
	hz_at_claim_hex(run, item, "ppid", pck->ppid, sizeof pck->ppid);
	hz_at_claim_hex(run, item, "pck_components", pck->comp, sizeof pck->comp);
	hz_at_claim_u64(run, item, "pcesvn", pck->pcesvn);
}

/* Advisory identifiers as one text, separated by spaces. */
static void
claim_advisories(struct hz_at_run *run, const struct hz_at_item *item, struct json_object *list)
{
	char text[1024];
	size_t n = 0;

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		size_t len = json_object_is_type(o, json_type_string) ? (size_t)json_object_get_string_len(o) : 0;

		if (len == 0 || n + len + 1 > sizeof text)
			continue;
		if (n > 0)
			text[n++] = ' ';
		memcpy(text + n, json_object_get_string(o), len);
		n += len;
	}
	if (n > 0)
		hz_at_claim_textn(run, item, "advisories", text, n);
}

static void
claim_tcb(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_tdx_tcb *tcb, uint64_t evaluation_number)
{
	hz_at_claim_text(run, item, "tcb_status", hz_tdx_status_name(tcb->merged));
	hz_at_claim_text(run, item, "tcb_status_platform", hz_tdx_status_name(tcb->platform));
	hz_at_claim_text(run, item, "tcb_status_module", hz_tdx_status_name(tcb->module));
	hz_at_claim_text(run, item, "tcb_status_qe", hz_tdx_status_name(tcb->qe));
	if (tcb->tcb_date != NULL)
		hz_at_claim_text(run, item, "tcb_date", tcb->tcb_date);
	hz_at_claim_u64(run, item, "tcb_evaluation_number", evaluation_number);
	claim_advisories(run, item, tcb->advisories);
}

static enum hz_attest_reason
check_tcb(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_tdx_quote *q, const struct hz_tdx_pck *pck,
          const struct hz_tdx_policy *p)
{
	struct hz_tdx_collateral c;
	struct hz_tdx_tcb tcb = { .platform = HZ_TDX_UNSUPPORTED };
	enum hz_attest_reason rc = hz_tdx_collateral_open(run, pck, hz_tdx_policy_collateral(p), hz_tdx_policy_crl(p), &c);

	if (rc == HZ_ATTEST_OK && c.tcb_info == NULL) {
		hz_at_claim_text(run, item, "tcb_status", "not evaluated");
	} else if (rc == HZ_ATTEST_OK) {
		rc = hz_tdx_tcb_evaluate(run, q, pck, &c, &tcb);
		if (rc == HZ_ATTEST_OK) {
			claim_tcb(run, item, &tcb, c.evaluation_number);
			rc = hz_tdx_policy_tcb(run, &tcb, c.evaluation_number, p);
		}
	}
	hz_tdx_collateral_free(&c);
	return rc;
}

static enum hz_attest_reason
check_quote(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_tdx_quote *q, X509 *leaf,
            const struct hz_tdx_policy *policy)
{
	struct hz_tdx_pck pck;
	enum hz_attest_reason rc = check_signatures(run, q, leaf);

	if (rc == HZ_ATTEST_OK)
		rc = check_qe(run, &q->qe);
	if (rc == HZ_ATTEST_OK && !hz_tdx_pck_read(leaf, &pck))
		rc = hz_at_refuse(run, HZ_ATTEST_R_CERT_PARSE, "the PCK certificate's SGX extension is malformed");
	if (rc != HZ_ATTEST_OK)
		return rc;
	claim_platform(run, item, &pck);
	rc = check_tcb(run, item, q, &pck, policy);
	if (rc == HZ_ATTEST_OK)
		rc = hz_tdx_policy_check(run, q, policy);
	if (rc == HZ_ATTEST_OK && item->report_data.p != NULL && !hz_at_equal(item->report_data.p, q->body.report_data, 64))
		rc = hz_at_refuse(run, HZ_ATTEST_R_REPORT_DATA, "report data is not what was expected");
	return rc;
}

static enum hz_attest_reason
verify(struct hz_at_run *run, struct hz_at_item *item)
{
	const struct hz_tdx_policy *policy = hz_at_policy_section(run->policy, &hz_tdx_section);
	STACK_OF(X509) *chain = NULL;
	struct hz_tdx_quote q;
	enum hz_attest_reason rc = hz_tdx_quote_read(run, item->evidence, &q);

	if (rc != HZ_ATTEST_OK)
		return rc;
	hz_tdx_quote_claims(run, item, &q);
	rc = hz_tdx_pck_chain(run, &q, hz_tdx_policy_crl(policy), &chain);
	if (rc == HZ_ATTEST_OK)
		rc = check_quote(run, item, &q, sk_X509_value(chain, 0), policy);
	hz_at_chain_free(chain);
	return rc;
}

const struct hz_at_family hz_at_tdx = { HZ_ATTEST_KIND_TDX, verify, &hz_tdx_section, NULL };
