/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: what NVIDIA evidence is made of, behind its signatures: opaque fields, DICE digests, reference manifests. */

#include "seeds.h"

#include "attest/der.h"
#include "attest/nvidia.h"
#include "attest/result.h"
#include "attest/rim.h"

#include <stdlib.h>

const struct fuzz_seed fuzz_seeds[] = {
	{ NULL, "attestation/nvidia/hopper-550.90.07.report.bin", NULL },
	{ NULL, "attestation/nvidia/blackwell-590.48.01-mpt.report.bin", NULL },
	{ NULL, "attestation/nvidia/nvswitch-ls10.report.bin", NULL },
	{ NULL, "attestation/nvidia/rim/NV_GPU_DRIVER_GH100_550.90.07.xml", NULL },
	{ NULL, "attestation/nvidia/rim/bad-root_GB100_97.00.83.00.09.xml", NULL },
	{ NULL, "attestation/nvidia/roots/device-identity-ca.der", NULL },
	{ NULL, NULL, "<?xml version=\"1.0\"?><a xmlns=\"u\" xmlns:b='v' b:c=\"&lt;&#10;\"><b:d/>t&amp;\r\n<e xmlns=\"w\"></e></a>" },
	{ NULL, NULL, NULL }
};

static hz_attest_verifier *verifier;

/* The canonical form is XML of the same canonical form. */
static void
canonical(struct hz_at_bytes in)
{
	struct hz_xml_doc doc, again;
	char *one, *two;
	size_t n, m;

	if (hz_xml_read(in, &doc)) {
		one = hz_xml_canonical(&doc, &doc.node[0], NULL, &n);
		if (one != NULL && n <= HZ_XML_MAX_INPUT) {
			if (!hz_xml_read((struct hz_at_bytes){ (uint8_t *)one, n }, &again))
				abort();
			two = hz_xml_canonical(&again, &again.node[0], NULL, &m);
			if (two != NULL && (n != m || memcmp(one, two, n) != 0))
				abort();
			free(two);
			hz_xml_free(&again);
		}
		free(one);
	}
	hz_xml_free(&doc);
}

static void
manifest(struct hz_at_run *run, struct hz_at_bytes in)
{
	static const uint8_t digest[HZ_RIM_HASH_LEN];
	struct hz_rim rim;

	if (hz_rim_read(in, &rim)) {
		(void)hz_rim_verify(run, &rim);
		for (unsigned i = 0; i <= HZ_RIM_MAX_INDEX; i++)
			(void)hz_rim_allows(&rim, i, digest);
	}
	hz_rim_free(&rim);
}

static void
elements(struct hz_reader r, unsigned depth)
{
	struct hz_reader content;
	uint8_t tag;

	while (depth < 8 && hz_rd_left(&r) > 0 && hz_at_der_next(&r, &tag, &content))
		elements(content, depth + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hz_attest_input *in = hz_attest_input_new();
	struct hz_at_run run = { .in = in, .now = 1772000000, .res = hz_at_result_new(), .policy = NULL };
	const struct hz_at_bytes bytes = { data, size };
	struct hz_spdm_report report;
	struct hz_nv_info info;
	static hz_attest_policy *policy;

	if (verifier == NULL) {
		verifier = hz_attest_verifier_new(NULL);
		policy = hz_attest_policy_reference();
	}
	run.libctx = verifier->libctx;
	run.policy = policy;
	(void)hz_nv_info_read(&run, bytes, &info);
	if (hz_spdm_read(&run, bytes, &report) == HZ_ATTEST_OK)
		(void)hz_nv_info_read(&run, report.opaque, &info);
	elements(hz_rd(data, size), 0);
	canonical(bytes);
	manifest(&run, bytes);
	hz_attest_result_free(run.res);
	hz_attest_input_free(in);
	return 0;
}
