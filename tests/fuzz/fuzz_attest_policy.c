/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: policy files. A refused file must come with a word. */

#include "seeds.h"

#include "hanzo-attest.h"

#include <stdlib.h>

const struct fuzz_seed fuzz_seeds[] = {
	{ NULL, NULL,
	  "{\"hanzo_policy\":1,\"allow_simulated\":true,\"tee_io\":\"architecture\",\"mig\":\"any\",\"min_gpus\":1,\"max_gpus\":8,"
	  "\"roots\":[{\"family\":\"snp\",\"spki_sha256\":\"00000000000000000000000000000000000000000000000000000000000000ff\"}],"
	  "\"snp\":{\"measurement\":\"any\",\"product\":[\"Milan\"],\"min_abi\":\"0.31\",\"min_firmware\":\"1.55.40\","
	  "\"min_tcb\":{\"Turin\":{\"fmc\":1,\"bootloader\":1,\"tee\":1,\"snp\":4,\"microcode\":81}},\"platform_required\":\"0x20\"}}" },
	{ NULL, NULL,
	  "{\"hanzo_policy\":1,\"tdx\":{\"mrtd\":\"any\",\"tcb_status\":[\"UpToDate\",\"OutOfDate\"],\"crl_required\":false},"
	  "\"sim\":{\"measurement\":\"any\"},\"tenants\":[{\"claim\":\"cpu.mrtd\",\"value\":\"x\",\"tenant\":\"t\"}]}" },
	{ NULL, NULL, NULL }
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[80] = "";
	hz_attest_policy *p = hz_attest_policy_parse((const char *)data, size, err, sizeof err);

	if ((p == NULL) != (err[0] != '\0'))
		abort();
	hz_attest_policy_free(p);
	return 0;
}
