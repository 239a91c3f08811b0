/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: TCB info, QE identity, revocation lists and PCK extensions behind their signatures. */

#include "seeds.h"

#include "attest/result.h"
#include "attest/tdx.h"

#include <stdlib.h>

const struct fuzz_seed fuzz_seeds[] = {
	{ NULL, "attestation/tdx/collateral/90c06f-2026-02/tcb-info.json", NULL },
	{ NULL, "attestation/tdx/collateral/90c06f-2026-02/qe-identity.json", NULL },
	{ NULL, "attestation/tdx/collateral/90c06f-2026-01/tcb-info-response.json", NULL },
	{ NULL, "attestation/tdx/collateral/90c06f-2026-01/pck-crl.der", NULL },
	{ NULL, "attestation/snp/crl/genoa.crl.der", NULL },
	{ NULL, NULL, NULL }
};

static hz_attest_verifier *verifier;

static void
evaluate(struct hz_at_run *run, const struct hz_at_bytes *in)
{
	static const uint8_t zeros[384], svn[16] = { 5, 1, 3 }, svn2[16] = { 9, 1, 4 };
	struct hz_tdx_quote q = { .body = { .tee_tcb_svn = svn, .svn2 = svn2, .mrsignerseam = zeros, .seam_attributes = zeros },
		                  .qe = { .miscselect = zeros, .attributes = zeros, .mrsigner = zeros, .isvprodid = 2 } };
	struct hz_tdx_pck pck = { .pcesvn = 13 };
	struct hz_tdx_collateral c = { 0 };
	struct hz_tdx_tcb tcb;

	c.tcb_info = hz_at_json_parse(in->p, in->len, HZ_AT_JSON_DEPTH);
	c.qe_identity = json_object_get(c.tcb_info);
	for (int i = 0; i < 16; i++)
		pck.comp[i] = 4;
	if (c.tcb_info != NULL)
		(void)hz_tdx_tcb_evaluate(run, &q, &pck, &c, &tcb);
	hz_tdx_collateral_free(&c);
}

/* The input as the value of Intel's extension. */
static void
extension(X509 *cert, const struct hz_at_bytes *in)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.840.113741.1.13.1", 1);
	X509_EXTENSION *ext = NULL;
	struct hz_tdx_pck pck;

	if (value != NULL && ASN1_OCTET_STRING_set(value, in->p, (int)in->len) == 1)
		ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
	if (ext != NULL && X509_add_ext(cert, ext, -1) == 1)
		(void)hz_tdx_pck_read(cert, &pck);
	X509_EXTENSION_free(ext);
	ASN1_OBJECT_free(oid);
	ASN1_OCTET_STRING_free(value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hz_attest_input *in = hz_attest_input_new();
	struct hz_at_run run = { .in = in, .now = 1772000000, .res = hz_at_result_new() };
	const struct hz_at_bytes bytes = { data, size };
	struct hz_tdx_collateral c;
	struct hz_tdx_pck pck = { .pcesvn = 1 };
	X509 *cert;

	if (verifier == NULL)
		verifier = hz_attest_verifier_new(NULL);
	run.libctx = verifier->libctx;
	evaluate(&run, &bytes);
	(void)hz_attest_collateral_by_content(data, size);
	if (hz_attest_input_collateral(in, HZ_ATTEST_COLL_CRL, data, size) &&
	    hz_attest_input_collateral(in, HZ_ATTEST_COLL_TCB_INFO, data, size) &&
	    hz_attest_input_collateral(in, HZ_ATTEST_COLL_CERTS, data, size)) {
		(void)hz_tdx_collateral_open(&run, &pck, true, false, &c);
		hz_tdx_collateral_free(&c);
		cert = X509_new_ex(run.libctx, NULL);
		if (cert != NULL) {
			(void)hz_at_crl_check(&run, cert, cert, true);
			extension(cert, &bytes);
		}
		X509_free(cert);
	}
	hz_at_seen_free(run.seen);
	hz_attest_result_free(run.res);
	hz_attest_input_free(in);
	return 0;
}
