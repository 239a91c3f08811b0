/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: what NVIDIA evidence is made of, behind its signatures: SPDM messages, opaque fields, DER elements, DICE digests. */

#include "seeds.h"

#include "attest/der.h"
#include "attest/nvidia.h"
#include "attest/result.h"

#include <stdlib.h>

const struct fuzz_seed fuzz_seeds[] = {
	{ NULL, "attestation/nvidia/hopper-550.90.07.report.bin", NULL },
	{ NULL, "attestation/nvidia/blackwell-590.48.01-mpt.report.bin", NULL },
	{ NULL, "attestation/nvidia/nvswitch-ls10.report.bin", NULL },
	{ NULL, "attestation/nvidia/roots/device-identity-ca.der", NULL },
	{ NULL, NULL, NULL }
};

static void
elements(struct hz_reader r, unsigned depth)
{
	struct hz_reader content;
	uint8_t tag;

	while (depth < 8 && hz_rd_left(&r) > 0 && hz_at_der_next(&r, &tag, &content))
		elements(content, depth + 1);
}

/* The input as the firmware digest's extension of a leaf certificate, in either of its forms. */
static void
firmware(struct hz_at_run *run, const struct hz_at_bytes *in)
{
	static const uint8_t digest[HZ_SPDM_HASH_LEN];
	struct hz_nv_info info = { .fwid = { digest, sizeof digest } };
	struct hz_nv_device d = { .leaf = X509_new_ex(run->libctx, NULL) };
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *oid = OBJ_txt2obj(in->len % 2 == 0 ? "2.23.133.5.4.1" : "2.23.133.5.4.1.1", 1);
	X509_EXTENSION *ext = NULL;

	if (value != NULL && ASN1_OCTET_STRING_set(value, in->p, (int)in->len) == 1)
		ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
	if (ext != NULL && d.leaf != NULL && X509_add_ext(d.leaf, ext, -1) == 1)
		(void)hz_nv_fwid(run, &d, &info, false);
	X509_EXTENSION_free(ext);
	ASN1_OBJECT_free(oid);
	ASN1_OCTET_STRING_free(value);
	X509_free(d.leaf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hz_attest_input *in = hz_attest_input_new();
	struct hz_at_run run = { .in = in, .now = 1772000000, .res = hz_at_result_new() };
	const struct hz_at_bytes bytes = { data, size };
	struct hz_spdm_report report;
	struct hz_nv_info info;

	(void)hz_nv_info_read(&run, bytes, &info);
	if (hz_spdm_read(&run, bytes, &report) == HZ_ATTEST_OK)
		(void)hz_nv_info_read(&run, report.opaque, &info);
	elements(hz_rd(data, size), 0);
	firmware(&run, &bytes);
	hz_attest_result_free(run.res);
	hz_attest_input_free(in);
	return 0;
}
