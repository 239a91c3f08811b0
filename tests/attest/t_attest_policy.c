/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: what a file may say, and each check of the "snp" section against reports made for it. */

#include "config.h"

#include "forge.h"

#include "attest/policy-int.h"
#include "base/hex.h"

#include <stdlib.h>
#include <string.h>

#define M5A "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
#define M00 "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"

#define M32 "0000000000000000000000000000000000000000000000000000000000000000"

static hz_attest_verifier *verifier;

/* ---- files ---- */

/* Texts may have any letters, whichever json-c reads them. */
static void
test_letters(void)
{
	static const char text[] = "{\"hanzo_policy\":1,\"tenants\":[{\"claim\":\"a\",\"value\":\"caf\xc3\xa9 \xf0\x9f\x98\x80\",\"tenant\":\"t\"}]}";
	char err[128] = "";
	hz_attest_policy *p = hz_attest_policy_parse(text, sizeof text - 1, err, sizeof err);

	if (p == NULL) {
		failures++;
		fprintf(stderr, "letters beyond ASCII: %s\n", err);
	}
	hz_attest_policy_free(p);
}

static const char *const bad_files[] = {
	"", "{}", "[]", "{\"hanzo_policy\":2}", "{\"hanzo_policy\":1}x", "{\"hanzo_policy\":1,\"hanzo_policy\":1}",
	"{\"hanzo_policy\":1,\"unknown\":true}", "{\"hanzo_policy\":\"1\"}", "{\"hanzo_policy\":1,\"allow_simulated\":1}",
	"{\"hanzo_policy\":1,\"tee_io\":\"maybe\"}", "{\"hanzo_policy\":1,\"min_gpus\":3,\"max_gpus\":2}",
	"{\"hanzo_policy\":1,\"max_gpus\":17}", "{\"hanzo_policy\":1,\"max_gpus\":-1}", "{\"hanzo_policy\":1,\"snp\":true}",
	"{\"hanzo_policy\":1,\"snp\":{}}", "{\"hanzo_policy\":1,\"snp\":{\"measurement\":[]}}",
	"{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"\"}}", "{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"5a\"}}",
	"{\"hanzo_policy\":1,\"snp\":{\"measurement\":[\"any\"]}}", "{\"hanzo_policy\":1,\"snp\":{\"measurement\":[1]}}",
	"{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"max_vmpl\":4}}",
	"{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"max_vmpl\":1.5}}",
	"{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"min_tcb\":{}}}",
	"{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"min_tcb\":{\"Milan\":{}}}}",
	"{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"min_tcb\":{\"Rome\":{\"bootloader\":1,\"tee\":0,\"snp\":1,\"microcode\":1}}}}",
	"{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"min_tcb\":{\"Milan\":{\"fmc\":1,\"bootloader\":1,\"tee\":0,\"snp\":1,\"microcode\":1}}}}",
	"{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"min_abi\":\"1\"}}",
	"{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"min_abi\":\"1.256\"}}",
	"{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"platform_required\":\"7\"}}",
	"{\"hanzo_policy\":1,\"roots\":[{\"family\":\"snp\"}]}", "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"what\",\"cert_sha256\":\"00\"}]}",
	"{\"hanzo_policy\":1,\"tdx\":{\"mrtd\":\"any\",\"tcb_status\":[\"Revoked\"]}}",
	"{\"hanzo_policy\":1,\"tdx\":{\"mrtd\":\"any\",\"tcb_status\":\"any\"}}",
	"{\"hanzo_policy\":1,\"tdx\":{\"mrtd\":\"any\",\"tcb_status\":[]}}",
	"{\"hanzo_policy\":1,\"tenants\":[{\"claim\":\"a\",\"value\":\"b\",\"tenant\":\"a b\"}]}",
	"{\"hanzo_policy\":1,\"tenants\":[{\"claim\":\"a\",\"value\":\"b\"}]}",
	"{\"hanzo_policy\":1,\"sim\":{}}", "{\"hanzo_policy\":1,\"mig\":true}",
};

/* What the message of a refused file says. */
static const struct {
	const char *file, *says;
} named_files[] = {
	{ "{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"max_vmpl\":1,\"max_vmpl\":2}}", "member \"max_vmpl\" stands twice" },
	{ "{\"hanzo_policy\":1,\"hanzo_policy\":1}", "member \"hanzo_policy\" stands twice" },
	{ "{\"hanzo_policy\":1,}", "policy: is not strict JSON" },
	{ "{\"hanzo_policy\":1,\"tdx\":{\"mrtd\":\"any\",\"tcb_status\":[]}}", "tdx.tcb_status: must be a text or a non-empty list" },
	{ "{\"hanzo_policy\":1,\"tdx\":{\"mrtd\":\"any\",\"tcb_status\":\"any\"}}", "tdx.tcb_status: \"any\" is no status" },
	{ "{\"hanzo_policy\":1,\"tdx\":{\"mrtd\":\"any\",\"tcb_status\":[1]}}", "tdx.tcb_status: entry 1" },
	/* A NUL would end what is compared, and let anything follow it. */
	{ "{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\\u0000ff\"}}", "snp.measurement: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"product\":\"any\\u0000\"}}", "snp.product: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"tee_io\":\"required\\u0000x\"}", "tee_io: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"min_gpus\":\"0x1\\u0000\"}", "min_gpus: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"min_abi\":\"0.31\\u0000\"}}", "snp.min_abi: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"min_firmware\":\"1.5.1\\u0000\"}}", "min_firmware: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\",\"min_tcb\":{\"Milan\":{\"bootloader\":\"0x1\\u0000\",\"tee\":0,\"snp\":1,"
	  "\"microcode\":1}}}}", "bootloader: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"nvidia\":{\"measurements\":\"any\\u0000\"}}", "nvidia.measurements: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"nvidia\":{\"measurements\":\"rim\\u0000\"}}", "nvidia.measurements: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"nvidia\":{\"measurements\":\"any\",\"min_driver\":\"550.90\\u0000\"}}", "min_driver: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"nvidia\":{\"measurements\":\"any\",\"min_vbios\":\"96.00\\u0000\"}}", "min_vbios: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"tpm\":{\"pcrs\":\"any\\u0000\",\"ak\":\"any\"}}", "tpm.pcrs: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"azure\":{\"pcrs\":\"any\\u0000\"}}", "azure.pcrs: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"snp\\u0000\",\"cert_sha256\":\"" M32 "\"}]}", "family: is a text with a NUL" },
	{ "{\"hanzo_policy\":1,\"tenants\":[{\"claim\":\"a\",\"value\":\"b\\u0000c\",\"tenant\":\"t\"}]}", "value: is a text with a NUL" },
};

static void
test_named_files(void)
{
	for (size_t i = 0; i < sizeof named_files / sizeof *named_files; i++) {
		char err[128] = "";
		hz_attest_policy *p = hz_attest_policy_parse(named_files[i].file, strlen(named_files[i].file), err, sizeof err);

		if (p != NULL || strstr(err, named_files[i].says) == NULL) {
			failures++;
			fprintf(stderr, "%s: %s\n", named_files[i].file, p != NULL ? "accepted" : err);
		}
		hz_attest_policy_free(p);
	}
}

static void
test_bad_files(void)
{
	for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
		char err[128];
		hz_attest_policy *p = hz_attest_policy_parse(bad_files[i], strlen(bad_files[i]), err, sizeof err);

		if (p != NULL || err[0] == '\0') {
			failures++;
			fprintf(stderr, "accepted, or refused without a word: %s\n", bad_files[i]);
		}
		hz_attest_policy_free(p);
	}
}

/* Every prefix and every cut of the error buffer: no crash, always terminated. */
static void
test_truncated(void)
{
	static const char whole[] = "{\"hanzo_policy\":1,\"snp\":{\"measurement\":[\"" M5A "\"],\"min_tcb\":{\"Turin\":{\"fmc\":1,"
				    "\"bootloader\":1,\"tee\":1,\"snp\":1,\"microcode\":1}},\"min_abi\":\"0.31\"},\"tenants\":[{\"claim\":"
				    "\"cpu.measurement\",\"value\":\"" M5A "\",\"tenant\":\"acme\"}]}";
	char err[64];

	for (size_t n = 0; n < sizeof whole - 1; n++) {
		hz_attest_policy *p = hz_attest_policy_parse(whole, n, err, n % sizeof err + 1);

		CHECK(p == NULL && memchr(err, 0, n % sizeof err + 1) != NULL);
		hz_attest_policy_free(p);
	}
	hz_attest_policy_free(hz_attest_policy_parse(whole, sizeof whole - 1, NULL, 0));
}

/* ---- SNP ---- */

struct change {
	size_t at;
	unsigned char value;
};

struct snp_case {
	const char *section;            /* members beside "measurement" where none is given */
	struct change change[2];        /* bytes of the report, before it is signed; at == 0: none */
	enum hz_attest_reason want;
};

#define ANY "\"measurement\":\"any\""

static const struct snp_case milan_cases[] = {
	{ ANY, { { 0 } }, HZ_ATTEST_OK },
	{ "\"measurement\":\"" M5A "\"", { { 0 } }, HZ_ATTEST_OK },
	{ "\"measurement\":[\"" M00 "\",\"" M5A "\"]", { { 0 } }, HZ_ATTEST_OK },
	{ "\"measurement\":[\"" M00 "\"]", { { 0 } }, HZ_ATTEST_R_POLICY_MEASUREMENT },
	{ ANY, { { 0x0A, 0x0B } }, HZ_ATTEST_R_POLICY_DEBUG },
	{ ANY ",\"allow_debug\":true", { { 0x0A, 0x0B } }, HZ_ATTEST_OK },
	{ ANY, { { 0x0A, 0x07 } }, HZ_ATTEST_R_POLICY_MIGRATION },
	{ ANY ",\"allow_migration\":true", { { 0x0A, 0x07 } }, HZ_ATTEST_OK },
	{ ANY ",\"allow_smt\":false", { { 0 } }, HZ_ATTEST_R_POLICY_SMT },
	{ ANY ",\"allow_smt\":false", { { 0x0A, 0x02 } }, HZ_ATTEST_OK },
	{ ANY, { { 0x0A, 0x23 } }, HZ_ATTEST_R_POLICY_GUEST },
	{ ANY ",\"allow_cxl\":true", { { 0x0A, 0x23 } }, HZ_ATTEST_OK },
	{ ANY ",\"require_single_socket\":true", { { 0 } }, HZ_ATTEST_R_POLICY_GUEST },
	{ ANY ",\"require_single_socket\":true", { { 0x0A, 0x13 } }, HZ_ATTEST_OK },
	{ ANY ",\"policy_required\":\"0x400000\"", { { 0 } }, HZ_ATTEST_R_POLICY_GUEST },
	{ ANY ",\"min_abi\":\"0.31\"", { { 0 } }, HZ_ATTEST_R_POLICY_ABI },
	{ ANY ",\"min_abi\":\"0.31\"", { { 0x08, 0x1F } }, HZ_ATTEST_OK },
	{ ANY, { { 0x30, 1 } }, HZ_ATTEST_R_POLICY_VMPL },
	{ ANY ",\"max_vmpl\":1", { { 0x30, 1 } }, HZ_ATTEST_OK },
	{ ANY ",\"max_vmpl\":3", { { 0x30, 4 } }, HZ_ATTEST_R_POLICY_VMPL },
	{ ANY ",\"min_guest_svn\":2", { { 0x04, 1 } }, HZ_ATTEST_R_POLICY_GUEST_SVN },
	{ ANY ",\"min_guest_svn\":2", { { 0x04, 2 } }, HZ_ATTEST_OK },
	{ ANY ",\"host_data\":\"0000000000000000000000000000000000000000000000000000000000000000\"", { { 0 } }, HZ_ATTEST_OK },
	{ ANY ",\"host_data\":\"0000000000000000000000000000000000000000000000000000000000000000\"", { { 0xDF, 1 } }, HZ_ATTEST_R_POLICY_HOST_DATA },
	{ ANY ",\"id_key_digest\":\"" M5A "\"", { { 0 } }, HZ_ATTEST_R_POLICY_ID_KEY },
	{ ANY ",\"author_key_digest\":\"" M00 "\"", { { 0 } }, HZ_ATTEST_R_POLICY_AUTHOR_KEY },
	{ ANY ",\"author_key_digest\":\"" M00 "\"", { { 0x48, 1 } }, HZ_ATTEST_OK },
	{ ANY ",\"family_id\":\"00000000000000000000000000000001\"", { { 0 } }, HZ_ATTEST_R_POLICY_GUEST },
	{ ANY ",\"image_id\":\"00000000000000000000000000000000\"", { { 0 } }, HZ_ATTEST_OK },
	{ ANY ",\"product\":[\"Genoa\",\"Turin\"]", { { 0 } }, HZ_ATTEST_R_POLICY_DEVICE },
	{ ANY ",\"product\":\"Milan\"", { { 0 } }, HZ_ATTEST_OK },
	{ ANY ",\"signing_key\":\"vlek\"", { { 0 } }, HZ_ATTEST_R_POLICY_DEVICE },
	{ ANY ",\"signing_key\":\"vcek\"", { { 0 } }, HZ_ATTEST_OK },
	{ ANY ",\"csp_id\":\"CN=test\"", { { 0 } }, HZ_ATTEST_R_POLICY_DEVICE },
	{ ANY ",\"platform_required\":\"0x20\"", { { 0 } }, HZ_ATTEST_R_POLICY_GUEST },
	{ ANY ",\"platform_required\":\"0x20\"", { { 0x40, 0x20 } }, HZ_ATTEST_OK },
	{ ANY ",\"platform_forbidden\":\"0x1\"", { { 0x40, 0x21 } }, HZ_ATTEST_R_POLICY_GUEST },
	{ ANY, { { 0x1E8, 0x29 } }, HZ_ATTEST_R_POLICY_FIRMWARE },
	{ ANY ",\"allow_provisional_firmware\":true", { { 0x1E8, 0x29 } }, HZ_ATTEST_OK },
	{ ANY ",\"min_firmware\":\"1.55.41\"", { { 0 } }, HZ_ATTEST_R_POLICY_FIRMWARE },
	{ ANY ",\"min_firmware\":\"1.55.40\"", { { 0 } }, HZ_ATTEST_OK },
	{ ANY ",\"mitigations_required\":\"0x1\"", { { 0 } }, HZ_ATTEST_R_POLICY_FIRMWARE },
	{ ANY ",\"mitigations_required\":\"0x1\"", { { 0x1F8, 1 }, { 0x200, 3 } }, HZ_ATTEST_R_RESERVED_NONZERO },
	{ ANY ",\"crl_required\":true", { { 0 } }, HZ_ATTEST_R_CRL },
	{ ANY ",\"min_tcb\":{\"Milan\":{\"bootloader\":4,\"tee\":0,\"snp\":24,\"microcode\":219}}", { { 0 } }, HZ_ATTEST_OK },
	{ ANY ",\"min_tcb\":{\"Milan\":{\"bootloader\":4,\"tee\":0,\"snp\":24,\"microcode\":220}}", { { 0 } }, HZ_ATTEST_R_POLICY_MIN_TCB },
	{ ANY ",\"min_tcb\":{\"Milan\":{\"bootloader\":5,\"tee\":0,\"snp\":1,\"microcode\":1}}", { { 0 } }, HZ_ATTEST_R_POLICY_MIN_TCB },
	{ ANY ",\"min_tcb\":{\"Genoa\":{\"bootloader\":1,\"tee\":0,\"snp\":1,\"microcode\":1}}", { { 0 } }, HZ_ATTEST_R_POLICY_MIN_TCB },
	{ ANY, { { 0x1A0, 0xEE } }, HZ_ATTEST_R_CHIP_ID },
	{ ANY, { { 0x186, 0x17 } }, HZ_ATTEST_R_TCB },
	{ ANY, { { 0x182, 0x01 } }, HZ_ATTEST_R_TCB },
	{ ANY, { { 0x48, 2 } }, HZ_ATTEST_R_SIGNING_KEY },
	{ ANY, { { 0x48, 0x20 } }, HZ_ATTEST_R_FLAGS_RESERVED },
};

static const struct snp_case turin_cases[] = {
	{ ANY, { { 0 } }, HZ_ATTEST_OK },
	{ ANY ",\"min_tcb\":{\"Turin\":{\"fmc\":1,\"bootloader\":2,\"tee\":3,\"snp\":4,\"microcode\":81}}", { { 0 } }, HZ_ATTEST_OK },
	{ ANY ",\"min_tcb\":{\"Turin\":{\"fmc\":2,\"bootloader\":2,\"tee\":3,\"snp\":4,\"microcode\":81}}", { { 0 } }, HZ_ATTEST_R_POLICY_MIN_TCB },
	{ ANY ",\"min_tcb\":{\"Turin\":{\"bootloader\":2,\"tee\":4,\"snp\":4,\"microcode\":81}}", { { 0 } }, HZ_ATTEST_R_POLICY_MIN_TCB },
	{ ANY, { { 0x1A8, 1 } }, HZ_ATTEST_R_CHIP_ID },
	{ ANY, { { 0x184, 1 } }, HZ_ATTEST_R_TCB },
	{ ANY, { { 0x189, 0x50 } }, HZ_ATTEST_R_UNKNOWN_PRODUCT },
	{ ANY, { { 0x188, 0x19 } }, HZ_ATTEST_R_CERT_PRODUCT },
};

static const struct snp_case vlek_cases[] = {
	{ ANY, { { 0 } }, HZ_ATTEST_OK },
	{ ANY ",\"csp_id\":\"CN=test\"", { { 0 } }, HZ_ATTEST_OK },
	{ ANY ",\"csp_id\":\"CN=other\"", { { 0 } }, HZ_ATTEST_R_POLICY_DEVICE },
	{ ANY ",\"signing_key\":\"vcek\"", { { 0 } }, HZ_ATTEST_R_POLICY_DEVICE },
	{ ANY, { { 0x48, 0 } }, HZ_ATTEST_R_CERT_KIND },
	{ ANY, { { 0x1A0, 1 } }, HZ_ATTEST_R_CHIP_ID },
};

static hz_attest_policy *
policy_for(const struct forge *f, const char *section, bool spki)
{
	char json[2048], hex[65], err[256];
	hz_attest_policy *p;

	hz_hex_encode(spki ? f->ark_spki : f->ark_sha256, 32, hex);
	snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"snp\",\"%s\":\"%s\"}],\"snp\":{%s}}",
	         spki ? "spki_sha256" : "cert_sha256", hex, section);
	p = hz_attest_policy_parse(json, strlen(json), err, sizeof err);
	if (p == NULL) {
		failures++;
		fprintf(stderr, "%s: %s\n", json, err);
	}
	return p;
}

static enum hz_attest_reason
verify_with(const hz_attest_policy *p, const struct blob *pem, const unsigned char *report, const char *what)
{
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *res;
	enum hz_attest_reason reason;

	hz_attest_input_evidence(in, HZ_ATTEST_KIND_SNP, report, REPORT_LEN);
	hz_attest_input_certs(in, pem->p, pem->len);
	hz_attest_input_time(in, FORGE_NOW);
	res = hz_attest_verify(verifier, p, in);
	reason = hz_attest_result_reason(res);
	if (what != NULL)
		fprintf(stderr, "%s: %s (%s)\n", what, hz_attest_reason_name(reason), hz_attest_result_text(res));
	hz_attest_result_free(res);
	hz_attest_input_free(in);
	return reason;
}

static void
run_cases(const struct forge_spec *spec, const struct snp_case *c, size_t n)
{
	struct forge f;
	struct blob pem;

	forge_begin(&f, spec);
	pem = forge_pem(&f);
	for (size_t i = 0; i < n; i++) {
		unsigned char report[REPORT_LEN];
		hz_attest_policy *p = policy_for(&f, c[i].section, i % 2 == 1);

		forge_report(report, spec);
		for (size_t k = 0; k < 2; k++)
			if (c[i].change[k].at != 0)
				report[c[i].change[k].at] = c[i].change[k].value;
		forge_sign(&f, report);
		if (p != NULL && verify_with(p, &pem, report, NULL) != c[i].want) {
			failures++;
			fprintf(stderr, "%s %zu: want %s\n", spec->line, i, hz_attest_reason_name(c[i].want));
			verify_with(p, &pem, report, c[i].section);
		}
		hz_attest_policy_free(p);
	}
	blob_free(&pem);
	forge_end(&f);
}

static const struct forge_spec milan = { "Milan", false, { 0, 4, 0, 24, 219 }, { 4, 64, 3 }, false, false, false };
static const struct forge_spec turin = { "Turin", false, { 1, 2, 3, 4, 81 }, { 2, 8, 3, 4, 5, 6, 7, 8 }, false, false, false };
static const struct forge_spec vlek = { "Genoa", true, { 0, 10, 0, 23, 84 }, { 0 }, false, false, false };

/* Report versions 3 and 5 pass, 4 and 6 do not, mitigations of version 5 count. */
static void
test_versions(void)
{
	struct forge f;
	struct blob pem;
	unsigned char report[REPORT_LEN];
	hz_attest_policy *p;

	forge_begin(&f, &milan);
	pem = forge_pem(&f);
	p = policy_for(&f, ANY ",\"mitigations_required\":\"0x1\"", false);
	for (unsigned char version = 3; version <= 7; version++) {
		forge_report(report, &milan);
		report[0] = version;
		report[0x1F8] = report[0x200] = version >= 5 ? 3 : 0;
		forge_sign(&f, report);
		CHECK(verify_with(p, &pem, report, NULL) == (version == 3 ? HZ_ATTEST_R_POLICY_FIRMWARE
		                                             : version == 5 ? HZ_ATTEST_OK : HZ_ATTEST_R_VERSION));
	}
	hz_attest_policy_free(p);
	blob_free(&pem);
	forge_end(&f);
}

/* A chain that is one certificate too long, though every signature in it is good. */
static void
test_chain_length(void)
{
	struct forge_spec spec = milan;
	struct forge f;
	struct blob pem;
	unsigned char report[REPORT_LEN];
	hz_attest_policy *p;

	spec.long_chain = true;
	forge_begin(&f, &spec);
	pem = forge_pem(&f);
	/* Pinned by certificate: the extra CA has the same key. */
	p = policy_for(&f, ANY, false);
	forge_report(report, &spec);
	forge_sign(&f, report);
	CHECK(verify_with(p, &pem, report, NULL) == HZ_ATTEST_R_CHAIN_LEN);
	hz_attest_policy_free(p);
	blob_free(&pem);
	forge_end(&f);
}

/* hwID in an OCTET STRING, an intermediate that is no CA, a masked chip id, and the chain without a policy root. */
static void
test_certificates(void)
{
	struct forge_spec wrapped = milan, no_ca = milan;
	const struct forge_spec *specs[2] = { &wrapped, &no_ca };
	hz_attest_policy *reference = hz_attest_policy_reference();

	wrapped.wrapped_hwid = true;
	no_ca.no_ask_ca = true;
	for (size_t i = 0; i < 2; i++) {
		struct forge f;
		struct blob pem;
		unsigned char report[REPORT_LEN];
		hz_attest_policy *p;

		forge_begin(&f, specs[i]);
		pem = forge_pem(&f);
		p = policy_for(&f, ANY, false);
		forge_report(report, specs[i]);
		forge_sign(&f, report);
		CHECK(verify_with(p, &pem, report, NULL) == (i == 0 ? HZ_ATTEST_OK : HZ_ATTEST_R_CHAIN));
		CHECK(verify_with(reference, &pem, report, NULL) == HZ_ATTEST_R_CHAIN);
		memset(report + 0x1A0, 0, 64);
		forge_sign(&f, report);
		if (i == 0)
			CHECK(verify_with(p, &pem, report, NULL) == HZ_ATTEST_R_CHIP_ID);
		hz_attest_policy_free(p);
		p = policy_for(&f, ANY ",\"allow_masked_chip_id\":true", false);
		if (i == 0)
			CHECK(verify_with(p, &pem, report, NULL) == HZ_ATTEST_OK);
		hz_attest_policy_free(p);
		blob_free(&pem);
		forge_end(&f);
	}
	hz_attest_policy_free(reference);
}

struct crl_case {
	struct forge_crl crl;
	enum hz_attest_reason want;
};

#define YEAR "20260101000000Z", "20261231000000Z"

/* Each list alone, required by the policy. */
static const struct crl_case crl_cases[] = {
	{ { 0, YEAR, false, false, false }, HZ_ATTEST_OK },
	{ { 0, YEAR, false, false, true }, HZ_ATTEST_OK },
	{ { 2, YEAR, false, false, false }, HZ_ATTEST_OK },
	{ { 1, YEAR, false, false, false }, HZ_ATTEST_R_REVOKED },
	{ { 1, YEAR, false, false, true }, HZ_ATTEST_R_REVOKED },
	{ { 1, "20260101000000Z", "20260201000000Z", false, false, false }, HZ_ATTEST_R_REVOKED },
	{ { 0, "20260101000000Z", "20260201000000Z", false, false, false }, HZ_ATTEST_R_EXPIRED },
	{ { 0, "20261201000000Z", "20261231000000Z", false, false, false }, HZ_ATTEST_R_NOT_YET_ISSUED },
	{ { 0, YEAR, true, false, false }, HZ_ATTEST_R_CRL },
	{ { 1, YEAR, true, false, false }, HZ_ATTEST_R_CRL },
	{ { 0, YEAR, false, true, false }, HZ_ATTEST_R_CRL },
};

static enum hz_attest_reason
verify_crls(const hz_attest_policy *p, const struct blob *pem, const unsigned char *report, const struct blob *crl, size_t n)
{
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *res;
	enum hz_attest_reason reason;

	hz_attest_input_evidence(in, HZ_ATTEST_KIND_SNP, report, REPORT_LEN);
	hz_attest_input_certs(in, pem->p, pem->len);
	hz_attest_input_time(in, FORGE_NOW);
	for (size_t i = 0; i < n; i++)
		CHECK(hz_attest_input_collateral(in, HZ_ATTEST_COLL_CRL, crl[i].p, crl[i].len));
	res = hz_attest_verify(verifier, p, in);
	reason = hz_attest_result_reason(res);
	hz_attest_result_free(res);
	hz_attest_input_free(in);
	return reason;
}

static void
test_revocation(void)
{
	struct forge f;
	struct blob pem, both[2];
	unsigned char report[REPORT_LEN];
	hz_attest_policy *required, *optional;

	forge_begin(&f, &milan);
	pem = forge_pem(&f);
	required = policy_for(&f, ANY ",\"crl_required\":true", false);
	optional = policy_for(&f, ANY, false);
	forge_report(report, &milan);
	forge_sign(&f, report);
	for (size_t i = 0; i < sizeof crl_cases / sizeof *crl_cases; i++) {
		struct blob crl = forge_crl(&f, &crl_cases[i].crl);

		if (verify_crls(required, &pem, report, &crl, 1) != crl_cases[i].want ||
		    verify_crls(optional, &pem, report, &crl, 1) != crl_cases[i].want) {
			failures++;
			fprintf(stderr, "list %zu: want %s\n", i, hz_attest_reason_name(crl_cases[i].want));
		}
		blob_free(&crl);
	}
	/* An old list beside the present one does no harm; one that revokes always counts. */
	both[0] = forge_crl(&f, &crl_cases[6].crl);
	both[1] = forge_crl(&f, &crl_cases[0].crl);
	CHECK(verify_crls(required, &pem, report, both, 2) == HZ_ATTEST_OK);
	blob_free(&both[0]);
	both[0] = forge_crl(&f, &crl_cases[3].crl);
	CHECK(verify_crls(required, &pem, report, both, 2) == HZ_ATTEST_R_REVOKED);
	blob_free(&both[0]);
	blob_free(&both[1]);
	/* Two in one file: refused, since the second would not be looked at. White space behind a list is none. */
	both[0] = forge_crl(&f, &crl_cases[1].crl);
	both[1] = forge_crl(&f, &crl_cases[4].crl);
	both[0].p = realloc(both[0].p, both[0].len + both[1].len + 2);
	memcpy(both[0].p + both[0].len, "\r\n", 2);
	both[0].len += 2;
	CHECK(verify_crls(required, &pem, report, both, 1) == HZ_ATTEST_OK);
	memcpy(both[0].p + both[0].len, both[1].p, both[1].len);
	both[0].len += both[1].len;
	CHECK(verify_crls(required, &pem, report, both, 1) == HZ_ATTEST_R_CRL);
	CHECK(verify_crls(optional, &pem, report, both, 1) == HZ_ATTEST_R_CRL);
	blob_free(&both[0]);
	blob_free(&both[1]);
	CHECK(verify_crls(required, &pem, report, NULL, 0) == HZ_ATTEST_R_CRL);
	CHECK(verify_crls(optional, &pem, report, NULL, 0) == HZ_ATTEST_OK);
	hz_attest_policy_free(required);
	hz_attest_policy_free(optional);
	blob_free(&pem);
	forge_end(&f);
}

/* The example files of the tree are read as they are. */
static void
test_examples(void)
{
	static const char *const names[] = { "policy-snp.json", "policy-tdx.json", "policy-simulated.json" };
	const char *dir = getenv("HANZO_SRCDIR") != NULL ? getenv("HANZO_SRCDIR") : ".";
	char path[1024], json[16384], err[256];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		FILE *file;
		size_t n;
		hz_attest_policy *p;

		snprintf(path, sizeof path, "%s/examples/%s", dir, names[i]);
		file = fopen(path, "rb");
		if (file == NULL) {
			failures++;
			fprintf(stderr, "%s is missing\n", path);
			continue;
		}
		n = fread(json, 1, sizeof json, file);
		fclose(file);
		p = hz_attest_policy_parse(json, n, err, sizeof err);
		if (p == NULL) {
			failures++;
			fprintf(stderr, "%s: %s\n", names[i], err);
		}
		hz_attest_policy_free(p);
	}
}

/* Each member of each section is described by the manual page. */
static void
test_manual(void)
{
	const char *dir = getenv("HANZO_SRCDIR") != NULL ? getenv("HANZO_SRCDIR") : ".";
	static char page[65536];
	char path[1024], name[96];
	FILE *file;

	snprintf(path, sizeof path, "%s/man/hanzo-pkcs11-policy.5", dir);
	file = fopen(path, "rb");
	CHECK(file != NULL);
	if (file == NULL)
		return;
	page[fread(page, 1, sizeof page - 1, file)] = '\0';
	fclose(file);
	for (size_t i = 0; i < HZ_AT_N_FAMILIES; i++) {
		const struct hz_at_section *s = hz_at_families[i]->section;

		snprintf(name, sizeof name, ".Ss Section %s\n", s->name);
		CHECK(strstr(page, name) != NULL);
		for (const struct hz_at_field *f = s->fields; f->name != NULL; f++) {
			snprintf(name, sizeof name, " %s", f->name);
			if (strstr(page, name) == NULL) {
				failures++;
				fprintf(stderr, "%s.%s is not in hanzo-pkcs11-policy(5)\n", s->name, f->name);
			}
		}
	}
}

int
main(void)
{
	verifier = hz_attest_verifier_new(NULL);
	test_letters();
	test_bad_files();
	test_named_files();
	test_truncated();
	run_cases(&milan, milan_cases, sizeof milan_cases / sizeof *milan_cases);
	run_cases(&turin, turin_cases, sizeof turin_cases / sizeof *turin_cases);
	run_cases(&vlek, vlek_cases, sizeof vlek_cases / sizeof *vlek_cases);
	test_versions();
	test_certificates();
	test_chain_length();
	test_revocation();
	test_examples();
	test_manual();
	hz_attest_verifier_free(verifier);
	return failures != 0;
}
