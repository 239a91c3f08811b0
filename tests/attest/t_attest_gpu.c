/* SPDX-License-Identifier: Apache-2.0 */
/* GPUs made for the purpose: what a report must not say, and bundles of a CPU with several GPUs. */

#include "config.h"

#include "forge.h"
#include "forge_gpu.h"

#include "base/hex.h"

#include <stdlib.h>
#include <string.h>

static hz_attest_verifier *verifier;
static struct forge cpu;
static struct forge_gpu hopper[2], blackwell[2];
static const struct forge_spec genoa = { .line = "Genoa", .tcb = { 0, 10, 0, 23, 84 }, .hwid = { 1 } };
static const unsigned char challenge[32] = { 1, 2, 3, 4 };

static hz_attest_policy *
policy(const char *top, const char *nvidia, const struct forge_gpu *root)
{
	char json[2048], ark[65], err[200] = "";
	hz_attest_policy *p;

	hz_hex_encode(cpu.ark_sha256, 32, ark);
	snprintf(json, sizeof json,
	         "{\"hanzo_policy\":1%s,\"roots\":[{\"family\":\"snp\",\"cert_sha256\":\"%s\"},{\"family\":\"nvidia\",\"spki_sha256\":\"%s\"},"
	         "{\"family\":\"nvidia\",\"spki_sha256\":\"%s\"}],\"snp\":{\"measurement\":\"any\"},\"nvidia\":{\"measurements\":\"any\"%s}}",
	         top, ark, root->root_spki, blackwell[0].root_spki, nvidia);
	p = hz_attest_policy_parse(json, strlen(json), err, sizeof err);
	if (p == NULL) {
		fprintf(stderr, "%s: %s\n", json, err);
		exit(99);
	}
	return p;
}

static void
judge(const char *name, const hz_attest_result *res, const char *outcome)
{
	if (!same_verdict(outcome, res)) {
		failures++;
		fprintf(stderr, "%s: want %s, got %s (%s)\n", name, outcome, hz_attest_reason_name(hz_attest_result_reason(res)),
		        hz_attest_result_text(res));
	}
}

/* ---- one device ---- */

struct one {
	const char *name;
	struct gpu_field fields[4];
	bool no_fwid, no_versions;
	const char *nvidia;          /* members of the policy: ",\"x\":1" */
	const char *outcome;
};

#define NO_FIELDS { { 0, NULL, 0 } }

static const struct one reports[] = {
	{ "plain", NO_FIELDS, false, false, "", "accept" },
	{ "no firmware digest", NO_FIELDS, true, false, "", "reject:fwid" },
	{ "no firmware digest, allowed", NO_FIELDS, true, false, ",\"allow_missing_fwid\":true", "accept" },
	{ "field twice", { { 3, "1.2", 4 } }, false, false, "", "reject:opaque_field" },
	{ "empty field twice", { { 40, "", 0 }, { 40, "", 0 } }, false, false, "", "reject:opaque_field" },
	{ "unknown field", { { 200, "abc", 3 } }, false, false, "", "accept" },
	{ "type too large", { { 256, "abc", 3 } }, false, false, "", "reject:opaque_field" },
	{ "short firmware digest", { { 20, "abc", 3 } }, true, false, "", "reject:opaque_field" },
	{ "text with a control character", { { 17, "G5\x1b", 3 } }, false, false, "", "reject:opaque_field" },
	{ "text behind its NUL", { { 17, "G5\0x", 4 } }, false, false, "", "reject:opaque_field" },
	{ "long text", { { 17, "0123456789012345", 16 } }, false, false, "", "reject:opaque_field" },
	{ "flag neither on nor off", { { 11, "\x01", 1 } }, false, false, "", "reject:opaque_field" },
	{ "flag of two bytes", { { 11, "\xaa\xaa", 2 } }, false, false, "", "reject:opaque_field" },
	{ "VBIOS with a tail", { { 6, "\0\x9f\0\x96\1\0\0\1", 8 } }, false, true, "", "reject:opaque_field" },
	{ "no versions", NO_FIELDS, false, true, "", "accept" },
	{ "no versions, one demanded", NO_FIELDS, false, true, ",\"min_driver\":\"1\"", "reject:policy_firmware" },
	{ "SPT", { { 36, "\0\0", 2 } }, false, false, ",\"mode\":\"SPT\"", "accept" },
	{ "MPT", { { 36, "\1\0", 2 } }, false, false, ",\"mode\":\"SPT\"", "reject:gpu_mode" },
	{ "PPCIE by its status", { { 21, "\xaa", 1 } }, false, false, ",\"mode\":\"PPCIE\"", "accept" },
	{ "unknown mode", { { 36, "\3\0", 2 } }, false, false, "", "reject:gpu_mode" },
	{ "mode in the upper byte", { { 36, "\0\1", 2 } }, false, false, "", "reject:gpu_mode" },
	{ "mode of one byte", { { 36, "\0", 1 } }, false, false, "", "reject:opaque_field" },
	{ "SPT with protected PCIe", { { 36, "\0\0", 2 }, { 21, "\xaa", 1 } }, false, false, "", "reject:gpu_mode" },
	{ "PPCIE without", { { 36, "\2\0", 2 }, { 21, "\x55", 1 } }, false, false, "", "reject:gpu_mode" },
	{ "chip of the certificate", { { 35, "GH100", 6 } }, false, false, "", "accept" },
	{ "chip of another", { { 35, "GB100", 6 } }, false, false, "", "reject:device_kind" },
};

static hz_attest_result *
verify_one(const struct forge_gpu *g, const struct gpu_report *r, const hz_attest_policy *p, const struct blob *crl, size_t crls)
{
	struct blob report = forge_gpu_report(g, r), pem = forge_gpu_pem(g);
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *res;

	hz_attest_input_evidence(in, HZ_ATTEST_KIND_NVIDIA, report.p, report.len);
	hz_attest_input_certs(in, pem.p, pem.len);
	hz_attest_input_time(in, FORGE_NOW);
	for (size_t i = 0; i < crls; i++)
		hz_attest_input_collateral(in, HZ_ATTEST_COLL_CRL, crl[i].p, crl[i].len);
	res = hz_attest_verify(verifier, p, in);
	hz_attest_input_free(in);
	blob_free(&report);
	blob_free(&pem);
	return res;
}

static void
test_reports(void)
{
	for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
		struct gpu_report r = { .fields = reports[i].fields, .no_fwid = reports[i].no_fwid, .no_versions = reports[i].no_versions };
		hz_attest_policy *p = policy("", reports[i].nvidia, &hopper[0]);
		hz_attest_result *res = verify_one(&hopper[0], &r, p, NULL, 0);

		judge(reports[i].name, res, reports[i].outcome);
		hz_attest_result_free(res);
		hz_attest_policy_free(p);
	}
}

static void
test_devices(void)
{
	static const struct {
		struct gpu_spec spec;
		const char *outcome;
	} cases[] = {
		{ { .chip = "GH100" }, "accept" },
		{ { .chip = "GB100" }, "accept" },
		{ { .chip = "GB112" }, "accept" },
		{ { .chip = "GB1xx" }, "reject:device_kind" },
		{ { .chip = "LS_10" }, "reject:device_kind" },
		{ { .chip = "GH100", .leaf_cn = "GH100 A01 GSP FMC" }, "reject:device_kind" },
		{ { .chip = "GH100", .leaf_cn = "GH100 GSP FMC LF x" }, "reject:device_kind" },
		{ { .chip = "GH100", .leaf_cn = "GSP FMC LF" }, "reject:device_kind" },
		{ { .chip = "GH100", .leaf_fwid = FWID_NONE }, "reject:fwid" },
		{ { .chip = "GH100", .leaf_fwid = FWID_OTHER }, "reject:fwid" },
		{ { .chip = "GH100", .leaf_fwid = FWID_BOTH }, "reject:fwid" },
		{ { .chip = "GH100", .leaf_fwid = FWID_SHORT }, "reject:fwid" },
		{ { .chip = "GB100", .leaf_fwid = FWID_OTHER }, "reject:fwid" },
		{ { .chip = "GH100", .curve = "P-256" }, "reject:cert_kind" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct gpu_report r = { .fields = NULL };
		struct forge_gpu g;
		hz_attest_policy *p;
		hz_attest_result *res;

		forge_gpu_begin(&g, &cases[i].spec, NULL);
		p = policy("", "", &g);
		res = verify_one(&g, &r, p, NULL, 0);
		judge(cases[i].spec.leaf_cn != NULL ? cases[i].spec.leaf_cn : cases[i].spec.chip, res, cases[i].outcome);
		hz_attest_result_free(res);
		hz_attest_policy_free(p);
		forge_gpu_end(&g);
	}
}

/* With the lists of the two authorities all is well; one missing is noticed where they are required, a revocation always. */
static void
test_lists(void)
{
	const struct gpu_report r = { .fields = NULL };
	struct blob good[2] = { forge_gpu_crl(&hopper[0], 3, false), forge_gpu_crl(&hopper[0], 4, false) };
	struct blob bad = forge_gpu_crl(&hopper[0], 3, true);
	hz_attest_policy *need = policy("", ",\"crl_required\":true", &hopper[0]), *plain = policy("", "", &hopper[0]);
	const struct {
		const hz_attest_policy *p;
		const struct blob *crl;
		size_t n;
		const char *outcome;
	} cases[] = { { need, good, 2, "accept" }, { need, good, 1, "reject:crl" }, { need, NULL, 0, "reject:crl" },
		      { plain, good, 1, "accept" }, { plain, &bad, 1, "reject:revoked" } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		hz_attest_result *res = verify_one(&hopper[0], &r, cases[i].p, cases[i].crl, cases[i].n);

		judge("revocation lists", res, cases[i].outcome);
		hz_attest_result_free(res);
	}
	blob_free(&good[0]);
	blob_free(&good[1]);
	blob_free(&bad);
	hz_attest_policy_free(need);
	hz_attest_policy_free(plain);
}

/* ---- bundles ---- */

struct bundle {
	const char *name;
	size_t gpus;
	bool blackwell, mixed_arch, same_device, swapped, unbound, tee_io, other_list_nonce, two_in_list;
	const char *arch;            /* in the list */
	int mode[2];
	unsigned tier;
	const char *top, *outcome;
};

static const struct bundle bundles[] = {
	{ .name = "no GPU", .gpus = 0, .top = "", .outcome = "accept" },
	{ .name = "no GPU, tier 3", .gpus = 0, .tier = 3, .top = "", .outcome = "reject:gpu_count" },
	{ .name = "one GPU", .gpus = 1, .tier = 3, .top = "", .outcome = "accept" },
	{ .name = "two GPUs", .gpus = 2, .tier = 3, .top = "", .outcome = "accept" },
	{ .name = "two GPUs, three wanted", .gpus = 2, .top = ",\"min_gpus\":3", .outcome = "reject:gpu_count" },
	{ .name = "two GPUs, one allowed", .gpus = 2, .top = ",\"max_gpus\":1", .outcome = "reject:gpu_count" },
	{ .name = "nonces swapped", .gpus = 2, .swapped = true, .top = "", .outcome = "reject:nonce" },
	{ .name = "one device twice", .gpus = 2, .same_device = true, .top = "", .outcome = "reject:gpu_same_key" },
	{ .name = "device not in the report data", .gpus = 1, .unbound = true, .top = "", .outcome = "reject:report_data" },
	{ .name = "modes mixed", .gpus = 2, .mode = { 0, 2 }, .top = "", .outcome = "reject:gpu_mode" },
	{ .name = "architectures mixed", .gpus = 2, .mixed_arch = true, .top = "", .outcome = "reject:gpu_mode" },
	{ .name = "list of another architecture", .gpus = 1, .arch = "BLACKWELL", .top = "", .outcome = "reject:device_kind" },
	{ .name = "list with another nonce", .gpus = 1, .other_list_nonce = true, .top = "", .outcome = "reject:nonce" },
	{ .name = "list of two", .gpus = 1, .two_in_list = true, .top = "", .outcome = "reject:gpu_count" },
	{ .name = "MIG required", .gpus = 1, .top = ",\"mig\":\"required\"", .outcome = "reject:policy_mig" },
	{ .name = "MIG forbidden", .gpus = 1, .top = ",\"mig\":\"forbidden\"", .outcome = "reject:policy_mig" },
	{ .name = "tier 4 on Hopper", .gpus = 1, .tier = 4, .tee_io = true, .top = "", .outcome = "reject:policy_tee_io" },
	{ .name = "tier 4", .gpus = 2, .blackwell = true, .tier = 4, .tee_io = true, .top = "", .outcome = "accept" },
	{ .name = "tier 4 without TEE-I/O", .gpus = 2, .blackwell = true, .tier = 4, .top = "", .outcome = "reject:policy_tee_io" },
	{ .name = "tier 4 by architecture", .gpus = 2, .blackwell = true, .tier = 4, .top = ",\"tee_io\":\"architecture\"", .outcome = "accept" },
};

static const struct forge_gpu *
device(const struct bundle *b, size_t i)
{
	const struct forge_gpu *set = b->blackwell || (b->mixed_arch && i == 1) ? blackwell : hopper;

	return &set[b->same_device ? 0 : i];
}

static char *
b64(const void *p, size_t n)
{
	char *s = malloc(hz_b64url_len(n) + 1);

	hz_b64url_encode(p, n, s);
	return s;
}

static char *
gpu_value(const struct bundle *b, size_t i)
{
	const char flag[2] = { (char)b->mode[i], 0 };
	const struct gpu_field fields[] = { { 36, flag, 2 }, { 0, NULL, 0 } };
	struct gpu_report r = { .fields = fields };
	static const unsigned char other[32] = { 9 };
	char *list, *twice, *out;

	CHECK(hz_attest_gpu_nonce(verifier, challenge, sizeof challenge, (uint32_t)(b->swapped ? 1 - i : i), r.nonce));
	list = forge_gpu_list(device(b, i), &r, b->arch, b->other_list_nonce ? other : NULL);
	if (b->two_in_list) {
		twice = malloc(2 * strlen(list) + 1);
		sprintf(twice, "%.*s,%s", (int)strlen(list) - 1, list, list + 1);
		free(list);
		list = twice;
	}
	out = b64(list, strlen(list));
	free(list);
	return out;
}

static char *
cpu_value(const struct bundle *b)
{
	unsigned char report[REPORT_LEN], spki[2][32];

	forge_report(report, &genoa);
	for (size_t i = 0; i < b->gpus; i++)
		memcpy(spki[i], device(b, i)->leaf_spki, 32);
	if (b->unbound)
		spki[0][0] ^= 1;
	CHECK(hz_attest_report_data(verifier, challenge, sizeof challenge, NULL, 0, (const uint8_t(*)[32])spki, b->gpus, report + 0x50));
	if (b->tee_io)
		report[0x40] |= 0x80;
	forge_sign(&cpu, report);
	return b64(report, sizeof report);
}

static char *
make_bundle(const struct bundle *b)
{
	struct blob pem = forge_pem(&cpu);
	char *out = malloc(1 << 17), *at = out, *ch = b64(challenge, sizeof challenge), *report = cpu_value(b), *certs = b64(pem.p, pem.len);

	at += sprintf(at, "{\"hanzo_evidence\":1,\"challenge\":\"%s\",\"evidence\":{\"cpu\":[\"application/vnd.amd.sev-snp.attestation-report\","
	              "\"%s\"],\"cpu/certs\":[\"application/pem-certificate-chain\",\"%s\"]", ch, report, certs);
	for (size_t i = 0; i < b->gpus; i++) {
		char *gpu = gpu_value(b, i);

		at += sprintf(at, ",\"gpu/%zu\":[\"application/vnd.veraison.nvidia-gpu-evidence+json\",\"%s\",4]", i, gpu);
		free(gpu);
	}
	sprintf(at, "}}");
	free(ch);
	free(report);
	free(certs);
	blob_free(&pem);
	return out;
}

static void
test_bundles(void)
{
	for (size_t i = 0; i < sizeof bundles / sizeof *bundles; i++) {
		char *json = make_bundle(&bundles[i]);
		hz_attest_policy *p = policy(bundles[i].top, "", &hopper[0]);
		hz_attest_input *in = hz_attest_input_new();
		hz_attest_result *res;

		hz_attest_input_evidence(in, HZ_ATTEST_KIND_NONE, json, strlen(json));
		hz_attest_input_challenge(in, challenge, sizeof challenge);
		hz_attest_input_time(in, FORGE_NOW);
		hz_attest_input_tier(in, bundles[i].tier);
		res = hz_attest_verify(verifier, p, in);
		judge(bundles[i].name, res, bundles[i].outcome);
		if (hz_attest_result_reason(res) == HZ_ATTEST_OK && bundles[i].gpus == 2) {
			vectors_claim(bundles[i].name, res, "gpu/1.driver", "550.90.07");
			vectors_claim(bundles[i].name, res, "gpu/0.arch", bundles[i].blackwell ? "blackwell" : "hopper");
		}
		hz_attest_result_free(res);
		hz_attest_input_free(in);
		hz_attest_policy_free(p);
		free(json);
	}
}

int
main(void)
{
	static const struct gpu_spec gh = { .chip = "GH100" }, gb = { .chip = "GB100" };

	verifier = hz_attest_verifier_new(NULL);
	forge_begin(&cpu, &genoa);
	forge_gpu_begin(&hopper[0], &gh, NULL);
	forge_gpu_begin(&hopper[1], &gh, &hopper[0]);
	forge_gpu_begin(&blackwell[0], &gb, NULL);
	forge_gpu_begin(&blackwell[1], &gb, &blackwell[0]);
	test_reports();
	test_devices();
	test_lists();
	test_bundles();
	for (int i = 1; i >= 0; i--) {
		forge_gpu_end(&hopper[i]);
		forge_gpu_end(&blackwell[i]);
	}
	forge_end(&cpu);
	hz_attest_verifier_free(verifier);
	return failures != 0;
}
