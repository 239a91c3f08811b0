/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: certificates in PEM, DER and certificate tables, and their AMD extensions, beside a well-formed report. */

#include "seeds.h"

#include "hanzo-attest.h"

#include <stdlib.h>
#include <string.h>

const struct fuzz_seed fuzz_seeds[] = {
	{ NULL, "attestation/snp/v5-turin-vcek/vek.der", NULL },
	{ NULL, "attestation/snp/v3-milan-vlek-aws/vek.der", NULL },
	{ NULL, "attestation/snp/roots/milan-ask.pem", NULL },
	{ NULL, "attestation/snp/v3-genoa-vcek-extended/certtable.bin", NULL },
	{ NULL, "attestation/snp/v5-turin-vcek/certtable-der.bin", NULL },
	{ NULL, "attestation/tdx/v5-td15-2026.pck-chain.pem", NULL },
	{ NULL, NULL, NULL }
};

static hz_attest_verifier *verifier;
static hz_attest_policy *policy;
static uint8_t report[1184];

static void
set_up(void)
{
	verifier = hz_attest_verifier_new(NULL);
	policy = hz_attest_policy_reference();
	report[0] = 3;
	report[0x0A] = 3;
	report[0x34] = 1;
	report[0x188] = 0x1A;
	report[0x2A0] = report[0x2E8] = 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hz_attest_input *in;
	hz_attest_result *res;

	if (verifier == NULL)
		set_up();
	in = hz_attest_input_new();
	hz_attest_input_evidence(in, HZ_ATTEST_KIND_SNP, report, sizeof report);
	hz_attest_input_time(in, 1772000000);
	if (hz_attest_input_certs(in, data, size)) {
		res = hz_attest_verify(verifier, policy, in);
		if (hz_attest_result_reason(res) == HZ_ATTEST_OK)
			abort();
		hz_attest_result_free(res);
	}
	hz_attest_input_free(in);
	return 0;
}
