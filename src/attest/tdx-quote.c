/* SPDX-License-Identifier: Apache-2.0 */
/* The TDX quote, versions 4 and 5 (DCAP quoting library, appendix A): layout and claims. */

#include "attest/tdx.h"

#include <stdio.h>

#define BODY_10 584
#define BODY_15 648
#define QE_REPORT 384

static const uint8_t qe_vendor[16] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
	                               0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };

static void
read_body(struct hz_reader *r, struct hz_tdx_body *b)
{
	b->tee_tcb_svn = hz_rd_bytes(r, 16);
	b->mrseam = hz_rd_bytes(r, 48);
	b->mrsignerseam = hz_rd_bytes(r, 48);
	b->seam_attributes = hz_rd_bytes(r, 8);
	b->td_attributes = hz_rd_u64le(r);
	b->xfam = hz_rd_u64le(r);
	b->mrtd = hz_rd_bytes(r, 48);
	b->mrconfigid = hz_rd_bytes(r, 48);
	b->mrowner = hz_rd_bytes(r, 48);
	b->mrownerconfig = hz_rd_bytes(r, 48);
	for (int i = 0; i < 4; i++)
		b->rtmr[i] = hz_rd_bytes(r, 48);
	b->report_data = hz_rd_bytes(r, 64);
	if (hz_rd_left(r) > 0) {
		b->svn2 = hz_rd_bytes(r, 16);
		b->mrservicetd = hz_rd_bytes(r, 48);
	}
}

static void
read_qe(struct hz_reader *r, struct hz_tdx_qe *qe)
{
	qe->raw = r->p;
	qe->cpusvn = hz_rd_bytes(r, 16);
	qe->miscselect = hz_rd_bytes(r, 4);
	hz_rd_skip(r, 28);
	qe->attributes = hz_rd_bytes(r, 16);
	qe->mrenclave = hz_rd_bytes(r, 32);
	hz_rd_skip(r, 32);
	qe->mrsigner = hz_rd_bytes(r, 32);
	hz_rd_skip(r, 96);
	qe->isvprodid = hz_rd_u16le(r);
	qe->isvsvn = hz_rd_u16le(r);
	hz_rd_skip(r, 60);
	qe->report_data = hz_rd_bytes(r, 64);
}

/* Header, 48 bytes. */
static enum hz_attest_reason
read_header(struct hz_at_run *run, struct hz_reader *r, struct hz_tdx_quote *q)
{
	uint16_t version = hz_rd_u16le(r), key_type = hz_rd_u16le(r);
	uint32_t tee = hz_rd_u32le(r), reserved = hz_rd_u32le(r);
	const uint8_t *vendor = hz_rd_bytes(r, 16);

	hz_rd_skip(r, 20);
	if (!hz_rd_ok(r))
		return hz_at_refuse(run, HZ_ATTEST_R_TOO_SHORT, "the quote ends in its header");
	if (version != 4 && version != 5)
		return hz_at_refuse(run, HZ_ATTEST_R_VERSION, "quote version %u is not a TDX quote that is known", version);
	if (key_type != 2)
		return hz_at_refuse(run, HZ_ATTEST_R_ATT_KEY_TYPE, "attestation key type %u is not ECDSA P-256", key_type);
	if (tee != 0x81)
		return hz_at_refuse(run, HZ_ATTEST_R_TEE_TYPE, "TEE type 0x%x is not TDX", (unsigned)tee);
	if (memcmp(vendor, qe_vendor, sizeof qe_vendor) != 0)
		return hz_at_refuse(run, HZ_ATTEST_R_QE_VENDOR, "the quoting enclave is of another vendor");
	if (reserved != 0)
		return hz_at_refuse(run, HZ_ATTEST_R_RESERVED_NONZERO, "a reserved field of the header is not zero");
	q->version = version;
	return HZ_ATTEST_OK;
}

/* Version 5 says in 6 bytes which body follows; version 4 always has the TD 1.0 body. */
static enum hz_attest_reason
read_typed_body(struct hz_at_run *run, struct hz_reader *r, struct hz_tdx_quote *q)
{
	uint32_t size = BODY_10;
	struct hz_reader body;

	q->body_type = 2;
	if (q->version == 5) {
		q->body_type = hz_rd_u16le(r);
		size = hz_rd_u32le(r);
		if (!hz_rd_ok(r))
			return hz_at_refuse(run, HZ_ATTEST_R_TOO_SHORT, "the quote ends before its body");
		if (q->body_type != 2 && q->body_type != 3)
			return hz_at_refuse(run, HZ_ATTEST_R_BODY_TYPE, "body type %u is no TD report", q->body_type);
		if (size != (q->body_type == 2 ? BODY_10 : BODY_15))
			return hz_at_refuse(run, HZ_ATTEST_R_BODY_SIZE, "body type %u with %u bytes", q->body_type, (unsigned)size);
	}
	body = hz_rd_sub(r, size);
	read_body(&body, &q->body);
	if (!hz_rd_end(&body))
		return hz_at_refuse(run, HZ_ATTEST_R_TOO_SHORT, "the quote ends in its body");
	return HZ_ATTEST_OK;
}

/* What is inside certification data of type 6: QE report, its signature, its data, the PCK chain. */
static enum hz_attest_reason
read_certification(struct hz_at_run *run, struct hz_reader *r, struct hz_tdx_quote *q)
{
	struct hz_reader qe = hz_rd_sub(r, QE_REPORT);
	uint16_t type;
	uint32_t len;

	read_qe(&qe, &q->qe);
	q->qe_signature = hz_rd_bytes(r, 64);
	q->qe_auth.len = hz_rd_u16le(r);
	q->qe_auth.p = hz_rd_bytes(r, q->qe_auth.len);
	if (!hz_rd_ok(r) || !hz_rd_end(&qe))
		return hz_at_refuse(run, HZ_ATTEST_R_QE_AUTH_LEN, "the quoting enclave's data exceeds the signature data");
	type = hz_rd_u16le(r);
	len = hz_rd_u32le(r);
	if (!hz_rd_ok(r) || type != 5)
		return hz_at_refuse(run, HZ_ATTEST_R_PCK_CERT_TYPE, "certification data of type %u is no PCK chain", type);
	if (len != hz_rd_left(r))
		return hz_at_refuse(run, HZ_ATTEST_R_PCK_CERT_LEN, "the PCK chain's length does not fill the signature data");
	q->pem.p = hz_rd_bytes(r, len);
	q->pem.len = len;
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
read_signature_data(struct hz_at_run *run, struct hz_reader *r, struct hz_tdx_quote *q)
{
	uint16_t type;
	uint32_t len;

	q->signature = hz_rd_bytes(r, 64);
	q->att_key = hz_rd_bytes(r, 64);
	type = hz_rd_u16le(r);
	len = hz_rd_u32le(r);
	if (!hz_rd_ok(r))
		return hz_at_refuse(run, HZ_ATTEST_R_SIGDATA_LEN, "the signature data is too short");
	if (type != 6)
		return hz_at_refuse(run, HZ_ATTEST_R_OUTER_CERT_TYPE, "certification data of type %u", type);
	if (len != hz_rd_left(r))
		return hz_at_refuse(run, HZ_ATTEST_R_OUTER_CERT_LEN, "certification data does not fill the signature data");
	return read_certification(run, r, q);
}

enum hz_attest_reason
hz_tdx_quote_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_tdx_quote *q)
{
	struct hz_reader r = hz_rd(in.p, in.len), data;
	enum hz_attest_reason rc;
	uint32_t len;

	memset(q, 0, sizeof *q);
	rc = read_header(run, &r, q);
	if (rc == HZ_ATTEST_OK)
		rc = read_typed_body(run, &r, q);
	if (rc != HZ_ATTEST_OK)
		return rc;
	q->signed_part = (struct hz_at_bytes){ in.p, r.off };
	len = hz_rd_u32le(&r);
	data = hz_rd_sub(&r, len);
	if (!hz_rd_ok(&r))
		return hz_at_refuse(run, HZ_ATTEST_R_SIGDATA_LEN, "the signature data exceeds the quote");
	rc = read_signature_data(run, &data, q);
	/* Quoting services hand out their whole buffer: zeros may follow, anything else may not. */
	if (rc == HZ_ATTEST_OK && !hz_rd_zeros(&r, hz_rd_left(&r)))
		rc = hz_at_refuse(run, HZ_ATTEST_R_TRAILING, "bytes other than zero follow the quote");
	return rc;
}

/* ---- claims ---- */

static void
claim_attributes(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_tdx_body *b)
{
	char text[24];

	snprintf(text, sizeof text, "0x%016llx", (unsigned long long)b->td_attributes);
	hz_at_claim_text(run, item, "td_attributes", text);
	hz_at_claim_bool(run, item, "debug", (b->td_attributes & HZ_TDX_ATTR_DEBUG) != 0);
	hz_at_claim_bool(run, item, "sept_ve_disable", (b->td_attributes & HZ_TDX_ATTR_SEPT_VE_DISABLE) != 0);
	hz_at_claim_bool(run, item, "migratable", (b->td_attributes & HZ_TDX_ATTR_MIGRATABLE) != 0);
	snprintf(text, sizeof text, "0x%llx", (unsigned long long)b->xfam);
	hz_at_claim_text(run, item, "xfam", text);
}

void
hz_tdx_quote_claims(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_tdx_quote *q)
{
	static const char *const rtmr[4] = { "rtmr0", "rtmr1", "rtmr2", "rtmr3" };
	const struct hz_tdx_body *b = &q->body;

	hz_at_claim_u64(run, item, "version", q->version);
	hz_at_claim_text(run, item, "td_report", q->body_type == 3 ? "1.5" : "1.0");
	claim_attributes(run, item, b);
	hz_at_claim_hex(run, item, "mrtd", b->mrtd, 48);
	for (int i = 0; i < 4; i++)
		hz_at_claim_hex(run, item, rtmr[i], b->rtmr[i], 48);
	hz_at_claim_hex(run, item, "report_data", b->report_data, 64);
	hz_at_claim_hex(run, item, "mrseam", b->mrseam, 48);
	hz_at_claim_hex(run, item, "mrsignerseam", b->mrsignerseam, 48);
	hz_at_claim_hex(run, item, "mrconfigid", b->mrconfigid, 48);
	hz_at_claim_hex(run, item, "mrowner", b->mrowner, 48);
	hz_at_claim_hex(run, item, "mrownerconfig", b->mrownerconfig, 48);
	hz_at_claim_hex(run, item, "tee_tcb_svn", b->tee_tcb_svn, 16);
	if (b->svn2 != NULL) {
		hz_at_claim_hex(run, item, "tee_tcb_svn_2", b->svn2, 16);
		hz_at_claim_hex(run, item, "mrservicetd", b->mrservicetd, 48);
	}
	hz_at_claim_u64(run, item, "qe_isvsvn", q->qe.isvsvn);
}
