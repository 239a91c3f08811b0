/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector "tpm": on an Azure confidential VM the platform's report that the paravisor keeps in the vTPM, with a quote of the key
 * that the report names; on any other machine a quote of a TPM 2.0 by an attestation key of its own, which is no proof of a TEE.
 */
#include <string.h>

#include "base/error.h"
#include "collect/collect_int.h"
#include "store/tpm2.h"

#define HCL_INDEX 0x01400001u
#define HCL_AK 0x81000003u

static const struct hz_pcrs registers = { 1, { { 0x000b, 0xffffff } } }; /* all of the SHA-256 bank */

static CK_RV probe(const char *tcti)
{
	struct hz_tpm *t;
	CK_RV rv = hz_tpm_open(tcti, &t);

	hz_tpm_close(t);
	return rv;
}

static void member(struct hz_buf *out, const char *name, const struct hz_buf *value)
{
	hz_buf_str(out, out->len == 0 ? "{\"" : ",\"");
	hz_buf_str(out, name);
	hz_buf_str(out, "\":\"");
	hz_put_b64(out, value->p, value->len);
	hz_buf_str(out, "\"");
}

struct work {
	struct hz_buf hcl, ak, quote, signature, values;
	uint32_t made; /* handle of the key, 0: none */
};

static CK_RV collect(struct hz_tpm *t, const uint8_t nonce[HZ_ATTEST_NONCE_LEN], struct work *w)
{
	CK_RV rv = hz_tpm_nv_read(t, HCL_INDEX, &w->hcl);

	if (rv == CKR_OK && w->hcl.len == 0)
		rv = hz_tpm_ak(t, &w->made, &w->ak);
	if (rv == CKR_OK)
		rv = hz_tpm_quote(t, w->made != 0 ? w->made : HCL_AK, &registers, (struct hz_blob){ nonce, HZ_ATTEST_NONCE_LEN },
				  &w->quote, &w->signature, &w->values);
	hz_tpm_forget(t, &w->made);
	return rv;
}

static CK_RV write_object(const struct work *w, struct hz_piece *out)
{
	out->type = w->hcl.len != 0 ? "application/vnd.hanzo.azure-hcl+json" : "application/vnd.hanzo.tpm-quote+json";
	member(&out->value, w->hcl.len != 0 ? "hcl" : "ak", w->hcl.len != 0 ? &w->hcl : &w->ak);
	member(&out->value, "quote", &w->quote);
	member(&out->value, "signature", &w->signature);
	member(&out->value, "pcrs", &w->values);
	hz_buf_str(&out->value, "}");
	return out->value.failed ? CKR_HOST_MEMORY : CKR_OK;
}

static CK_RV cpu(const char *tcti, const uint8_t report_data[HZ_ATTEST_REPORT_DATA_LEN], struct hz_cpu_pieces *out)
{
	struct work w = { HZ_BUF_INIT, HZ_BUF_INIT, HZ_BUF_INIT, HZ_BUF_INIT, HZ_BUF_INIT, 0 };
	hz_attest_verifier *v = hz_collect_verifier();
	uint8_t nonce[HZ_ATTEST_NONCE_LEN];
	struct hz_tpm *t = NULL;
	CK_RV rv = v != NULL && hz_attest_tpm_nonce(v, report_data, nonce) ? hz_tpm_open(tcti, &t) : CKR_HOST_MEMORY;

	if (rv == CKR_OK)
		rv = collect(t, nonce, &w);
	if (rv == CKR_OK)
		rv = write_object(&w, &out->report);
	hz_tpm_close(t);
	hz_buf_free(&w.hcl);
	hz_buf_free(&w.ak);
	hz_buf_free(&w.quote);
	hz_buf_free(&w.signature);
	hz_buf_free(&w.values);
	hz_attest_verifier_free(v);
	return rv;
}

const struct hz_collector hz_collect_tpm = { "tpm", "device:/dev/tpmrm0", false, probe, NULL, cpu, hz_tpm2_tcti_ok };
