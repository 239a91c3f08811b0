/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: what TPM, Azure and CCA evidence is made of, behind its signatures: quotes, keys, COSE, claims. */

#include "seeds.h"

#include "attest/cbor.h"
#include "attest/cca.h"
#include "attest/result.h"
#include "attest/spki.h"
#include "attest/tpm.h"

#include <stdlib.h>

const struct fuzz_seed fuzz_seeds[] = {
	{ NULL, "attestation/tpm/tpm2-quote-rsassa/quote.msg", NULL },
	{ NULL, "attestation/tpm/tpm2-quote-rsassa/quote.tpmt-signature", NULL },
	{ NULL, "attestation/tpm/tpm2-quote-rsassa/ak-pub.der", NULL },
	{ NULL, "attestation/tdx/azure-v4-hcl-2026/tpm-quote.msg", NULL },
	{ NULL, "attestation/cca/veraison-good-profile1/platform.cose", NULL },
	{ NULL, "attestation/cca/veraison-good-profile1/realm.cose", NULL },
	{ NULL, "attestation/cca/tf-rmm/realm.cose", NULL },
	{ NULL, "attestation/cca/tf-rmm/cpak-pub.pem", NULL },
	{ NULL, "attestation/cmw/collection-snp-plus-certs.cbor", NULL },
	{ NULL, NULL, NULL }
};

static hz_attest_verifier *verifier;
static EVP_PKEY *key;

static void
cose(struct hz_at_run *run, const struct hz_at_item *item, struct hz_at_bytes in)
{
	static struct hz_cca_platform p;
	static struct hz_cca_realm r;
	static bool have_platform, have_realm;
	struct hz_cose c;

	if (hz_cose_read(run, in, &c) == HZ_ATTEST_OK) {
		(void)hz_cose_verify(run, &c, key, "token");
		in = c.payload;
	}
	/* Claims borrow their input: they are shown only with what was read just now. */
	have_platform = hz_cca_platform_read(run, in, &p) == HZ_ATTEST_OK;
	have_realm = hz_cca_realm_read(run, in, &r) == HZ_ATTEST_OK;
	if (have_realm)
		EVP_PKEY_free(hz_cca_realm_key(run, r.key));
	if (have_platform && have_realm)
		hz_cca_claims(run, item, &p, &r);
	EVP_PKEY_free(hz_cca_realm_key(run, in));
}

static void
quote(struct hz_at_run *run, const struct hz_at_item *item, struct hz_at_bytes in)
{
	static const struct hz_tpm_pcr_policy any = { .any = true };
	static const uint8_t values[768];
	struct hz_tpm_quote q = { .raw = in };
	struct hz_at_bytes pcrs = { values, sizeof values };

	(void)hz_tpm_quote_verify(run, &q, in, key);
	if (hz_tpm_quote_read(run, in, &q) != HZ_ATTEST_OK)
		return;
	hz_tpm_quote_claims(run, item, &q);
	(void)hz_tpm_pcrs_check(run, item, &q, pcrs, &any);
	(void)hz_tpm_pcrs_check(run, item, &q, in, &any);
}

static void
skip(struct hz_at_bytes in)
{
	struct hz_reader r = hz_rd(in.p, in.len);

	while (hz_rd_left(&r) > 0 && hz_cbor_skip(&r))
		continue;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hz_attest_input *in = hz_attest_input_new();
	struct hz_at_run run = { .in = in, .now = 1772000000, .res = hz_at_result_new() };
	const struct hz_at_item item = { .kind = HZ_ATTEST_KIND_TPM, .label = "cpu" };
	const struct hz_at_bytes bytes = { data, size };

	if (verifier == NULL)
		verifier = hz_attest_verifier_new(NULL);
	run.libctx = verifier->libctx;
	if (key == NULL)
		key = EVP_PKEY_Q_keygen(run.libctx, NULL, "EC", "P-256");
	cose(&run, &item, bytes);
	quote(&run, &item, bytes);
	skip(bytes);
	EVP_PKEY_free(hz_at_spki_read(&run, bytes));
	hz_attest_result_free(run.res);
	hz_attest_input_free(in);
	return 0;
}
