/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: evidence of every kind. The first byte is the kind; policies allow everything. */

#include "seeds.h"

#include "hanzo-attest.h"

#include <stdlib.h>
#include <string.h>

const struct fuzz_seed fuzz_seeds[] = {
	{ "\1", "attestation/snp/v5-turin-vcek/report.bin", NULL },
	{ "\1", "attestation/snp/v5-turin-vcek/extended-der.bin", NULL },
	{ "\1", "attestation/snp/v3-genoa-vcek-extended/extended.bin", NULL },
	{ "\2", "attestation/tdx/v4-emr-2025.quote.bin", NULL },
	{ "\2", "attestation/tdx/v5-td15-2026.quote.bin", NULL },
	{ "\3", "attestation/nvidia/hopper-550.90.07.report.bin", NULL },
	{ "\3", "attestation/nvidia/blackwell-590.48.01-mpt.report.bin", NULL },
	{ "\4", "attestation/tpm/tpm2-quote-rsassa/quote.msg", NULL },
	{ "\5", "attestation/tdx/azure-v4-hcl-2026/hcl-report.bin", NULL },
	{ "\5", "attestation/snp/azure-v3-genoa-hcl/hcl-report.bin", NULL },
	{ "\5", NULL, "{\"hcl\":\"SENMQQ\",\"quote\":\"_1RDR4AY\",\"signature\":\"ABQ\",\"pcrs\":\"AA\",\"tdx\":\"BAAC\"}" },
	{ "\4", NULL, "{\"quote\":\"_1RDR4AY\",\"signature\":\"ABgACwABAQABAQ\",\"pcrs\":\"AA\",\"ak\":\"MFkw\"}" },
	{ "\6", "attestation/cca/veraison-good-profile1/token.cbor", NULL },
	{ "\6", "attestation/cca/emulated-platform/token.cbor", NULL },
	{ "\11", "attestation/snp/v3-genoa-vcek-extended/tsm-report.json", NULL },
	{ "\3", NULL, "[{\"arch\":\"HOPPER\",\"certificate\":\"MAA=\",\"evidence\":\"EeAB/w==\",\"nonce\":\"00\"}]" },
	{ "\12", "attestation/cmw/snp-record.json", NULL },
	{ "\12", "attestation/cmw/tdx-tsm-record.json", NULL },
	{ "\7", NULL, "{\"hanzo_sim\":1,\"statement\":\"eyJkZXZpY2UiOiJjcHUifQ\",\"signature\":\"AAAA\"}" },
	{ "\10", NULL,
	  "{\"hanzo_evidence\":1,\"challenge\":\"AQID\",\"runtime_data\":\"aGk\",\"pin\":\"1234\",\"evidence\":{\"__cmwc_t\":\"x\","
	  "\"cpu\":[\"application/vnd.amd.sev-snp.attestation-report\",\"AwAAAA\",4],"
	  "\"cpu/certs\":[\"application/vnd.amd.ghcb.guid-table\",\"AAAA\"],"
	  "\"gpu/0\":[\"application/vnd.veraison.nvidia-gpu-evidence+json\",\"W3t9XQ\"]}}" },
	{ NULL, NULL, NULL }
};

static const char policy_text[] =
	"{\"hanzo_policy\":1,\"allow_simulated\":true,\"sim\":{\"measurement\":\"any\"},\"snp\":{\"measurement\":\"any\"},"
	"\"tdx\":{\"mrtd\":\"any\"},\"nvidia\":{\"measurements\":\"any\"},"
	"\"tpm\":{\"pcrs\":\"any\",\"ak\":\"any\"},\"azure\":{\"pcrs\":\"any\"},\"cca\":{\"initial_measurement\":\"any\"}}";

static hz_attest_verifier *verifier;
static hz_attest_policy *policies[2];

static void
run(const hz_attest_policy *p, enum hz_attest_kind kind, const uint8_t *data, size_t size)
{
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *res;

	if (!hz_attest_input_evidence(in, kind, data, size)) {
		hz_attest_input_free(in);
		return;
	}
	hz_attest_input_time(in, 1772000000);
	res = hz_attest_verify(verifier, p, in);
	free(hz_attest_result_dump_json(res));
	free(hz_attest_result_dump_text(res));
	hz_attest_result_free(res);
	hz_attest_input_free(in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (verifier == NULL) {
		verifier = hz_attest_verifier_new(NULL);
		policies[0] = hz_attest_policy_reference();
		policies[1] = hz_attest_policy_parse(policy_text, strlen(policy_text), NULL, 0);
	}
	if (size == 0 || policies[1] == NULL)
		return 0;
	run(policies[data[0] >> 7], (enum hz_attest_kind)((data[0] & 0x7F) % 11), data + 1, size - 1);
	return 0;
}
