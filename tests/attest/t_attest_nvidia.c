/* SPDX-License-Identifier: Apache-2.0 */
/* Every NVIDIA vector, chain, manifest and recipe of the stored set: verdict, reason, claims. */

#include "config.h"

#include "forge_gpu.h"

#include <stdlib.h>
#include <string.h>

static hz_attest_verifier *verifier;
static hz_attest_policy *reference;

/* One run; NULL pointers and empty blobs stand for nothing given. */
struct run {
	struct blob report, chain;
	const char *at, *const *rims;    /* paths, ends with NULL */
	const struct blob *nonce, *rim;
	const hz_attest_policy *policy;
};

static hz_attest_result *
verify(const struct run *r)
{
	hz_attest_input *in = hz_attest_input_new();
	struct blob rims[8];
	size_t n = 0;
	hz_attest_result *res;

	CHECK(hz_attest_input_evidence(in, HZ_ATTEST_KIND_NVIDIA, r->report.p, r->report.len));
	CHECK(hz_attest_input_time(in, seconds(r->at)));
	if (r->chain.p != NULL)
		CHECK(hz_attest_input_certs(in, r->chain.p, r->chain.len));
	if (r->nonce != NULL)
		CHECK(hz_attest_input_nonce(in, r->nonce->p, r->nonce->len));
	if (r->rim != NULL)
		CHECK(hz_attest_input_collateral(in, HZ_ATTEST_COLL_RIM, r->rim->p, r->rim->len));
	for (; r->rims != NULL && r->rims[n] != NULL; n++) {
		rims[n] = vectors_file(r->rims[n]);
		CHECK(hz_attest_input_collateral(in, HZ_ATTEST_COLL_RIM, rims[n].p, rims[n].len));
	}
	res = hz_attest_verify(verifier, r->policy != NULL ? r->policy : reference, in);
	hz_attest_input_free(in);
	while (n > 0)
		blob_free(&rims[--n]);
	return res;
}

/* Verifies and holds the verdict against "accept" or "reject:reason". */
static void
expect(const char *name, const struct run *r, const char *outcome)
{
	hz_attest_result *res = verify(r);

	if (!same_verdict(outcome, res)) {
		failures++;
		fprintf(stderr, "%s: want %s, got %s (%s)\n", name, outcome, hz_attest_reason_name(hz_attest_result_reason(res)),
		        hz_attest_result_text(res));
	}
	hz_attest_result_free(res);
}

/* ---- vectors ---- */

static void
check_claims(const char *id, struct json_object *facts, const hz_attest_result *res)
{
	struct json_object *measurements = member(facts, "measurements");
	const char *mode = text(facts, "feature_flag");
	char name[40], word[8] = "";

	vectors_claim(id, res, "gpu/0.driver", text(facts, "driver_version"));
	vectors_claim(id, res, "gpu/0.vbios", text(facts, "vbios_version"));
	vectors_claim(id, res, "gpu/0.nonce", text(member(facts, "request"), "nonce"));
	vectors_claim(id, res, "gpu/0.arch", strcmp(text(facts, "arch"), "HOPPER") == 0 ? "hopper" : "blackwell");
	if (mode != NULL) {
		snprintf(word, sizeof word, "%.*s", (int)strcspn(mode, " "), mode);
		vectors_claim(id, res, "gpu/0.mode", word);
	}
	json_object_object_foreach(measurements, key, v) {
		const char *hex = json_object_get_string(v);

		snprintf(name, sizeof name, "gpu/0.measurement.%s", key);
		if (strspn(hex, "0") == strlen(hex))
			CHECK(hz_attest_result_claim(res, name) == NULL);
		else
			vectors_claim(id, res, name, hex);
	}
}

static void
run_vector(struct json_object *v)
{
	struct json_object *expected = member(v, "expected");
	const char *id = text(v, "id"), *outcome = text(expected, "reference_outcome"), *chain = vector_file(v, "device certificate chain");
	struct blob nonce = blob_hex(text(v, "nonce"));
	struct run r = { .at = text(v, "verify_at") != NULL ? text(v, "verify_at") : "2026-03-01T00:00:00Z", .nonce = &nonce };
	hz_attest_result *res;

	r.report = vectors_file(vector_file(v, "report"));
	r.chain = vectors_file(chain != NULL ? chain : vector_file(v, "forged chain"));
	expect(id, &r, outcome);
	res = verify(&r);
	if (hz_attest_result_reason(res) == HZ_ATTEST_OK)
		check_claims(id, member(expected, "facts"), res);
	else
		CHECK(hz_attest_result_claim(res, "gpu/0.driver") == NULL);
	hz_attest_result_free(res);
	blob_free(&r.report);
	blob_free(&r.chain);
	blob_free(&nonce);
}

static size_t
run_vectors(struct json_object *manifest)
{
	struct json_object *list = member(manifest, "vectors");
	size_t n = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (strcmp(text(v, "family"), "nvidia") == 0) {
			run_vector(v);
			n++;
		}
	}
	return n;
}

/* ---- recipes ---- */

#define MAX_CERTS 8

/* Starts of the PEM blocks of a chain, and its end. */
static size_t
split(const struct blob *chain, size_t at[MAX_CERTS + 1])
{
	static const char begin[] = "-----BEGIN";
	size_t n = 0;

	for (size_t i = 0; i + sizeof begin - 1 <= chain->len; i++)
		if (memcmp(chain->p + i, begin, sizeof begin - 1) == 0 && n < MAX_CERTS)
			at[n++] = i;
	at[n] = chain->len;
	return n;
}

static void
take_cert(struct blob *to, const struct blob *from, const size_t *at, size_t i)
{
	memcpy(to->p + to->len, from->p + at[i], at[i + 1] - at[i]);
	to->len += at[i + 1] - at[i];
}

/* "drop certificate 2", "reverse the order", "append certificate 4 again", "replace certificate 4 by PATH", "xor 01 at byte 300 …". */
static void
edit_chain(const char *how, struct blob *chain)
{
	size_t at[MAX_CERTS + 1], n = split(chain, at);
	unsigned which = MAX_CERTS, byte = 0;
	struct blob out = { malloc(1 << 16), 0 }, other = { NULL, 0 };
	char path[256] = "";

	CHECK(n == 5 && chain->len < 1 << 15);
	if (sscanf(how, "xor 01 at byte %u", &byte) == 1) {
		chain->p[byte] ^= 1;
		free(out.p);
		return;
	}
	if (sscanf(how, "replace certificate %u by %255s", &which, path) == 2)
		other = vectors_file(path);
	else if (sscanf(how, "drop certificate %u", &which) != 1 && sscanf(how, "append certificate %u", &which) != 1)
		CHECK(strcmp(how, "reverse the order") == 0);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(how, "reverse", 7) == 0)
			take_cert(&out, chain, at, n - 1 - i);
		else if (i != which || strncmp(how, "append", 6) == 0)
			take_cert(&out, chain, at, i);
		else if (other.p != NULL)
			take_cert(&out, &other, (size_t[]){ 0, other.len }, 0);
	}
	if (strncmp(how, "append", 6) == 0)
		take_cert(&out, chain, at, which);
	blob_free(&other);
	blob_free(chain);
	*chain = out;
}

static void
run_recipe(const char *group, struct json_object *v, struct json_object *recipe)
{
	const char *want = text(recipe, "expect_nonce") != NULL ? text(recipe, "expect_nonce") : text(v, "nonce");
	const char *chain = text(recipe, "use_chain") != NULL ? text(recipe, "use_chain") : vector_file(v, "device certificate chain");
	struct blob nonce = blob_hex(want);
	struct run r = { .at = text(v, "verify_at"), .nonce = &nonce };
	hz_attest_result *res;

	r.report = vectors_file(text(recipe, "file"));
	r.chain = vectors_file(chain);
	recipe_apply(member(recipe, "ops"), &r.report);
	if (text(recipe, "chain_edit") != NULL)
		edit_chain(text(recipe, "chain_edit"), &r.chain);
	res = verify(&r);
	vectors_judge(group, recipe, res);
	hz_attest_result_free(res);
	blob_free(&r.report);
	blob_free(&r.chain);
	blob_free(&nonce);
}

static size_t
run_recipes(struct json_object *manifest)
{
	size_t n = 0;

	json_object_object_foreach(member(manifest, "mutations"), group, g) {
		struct json_object *list = member(g, "recipes");

		if (strncmp(group, "nvidia:", 7) != 0)
			continue;
		for (size_t i = 0; i < json_object_array_length(list); i++, n++)
			run_recipe(group, vectors_find(manifest, group + 7), json_object_array_get_idx(list, i));
	}
	return n;
}

/* ---- chains and look-alikes ---- */

static void
test_chains(struct json_object *manifest)
{
	struct json_object *list = member(manifest, "nvidia_bad_chains"), *v = vectors_find(manifest, "hopper-550.90.07");
	struct json_object *forged = vectors_find(manifest, "forged-chain-hopper");
	struct run r = { .at = text(v, "verify_at"), .report = vectors_file(vector_file(v, "report")) };

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *path = text(member(json_object_array_get_idx(list, i), "file"), "path");

		r.chain = vectors_file(path);
		expect(path, &r, "reject:chain_len");
		blob_free(&r.chain);
	}
	blob_free(&r.report);
	r.report = vectors_file(vector_file(forged, "report"));
	r.chain = vectors_file(vector_file(forged, "forged chain ending in the real root"));
	expect("real root behind a forged chain", &r, text(member(member(forged, "expected"), "outcomes"), "real_root_appended_to_forged_chain"));
	blob_free(&r.report);
	blob_free(&r.chain);
}

/* The look-alike chain under a policy that names its root key. */
static void
test_forged_root(struct json_object *manifest)
{
	struct json_object *forged = vectors_find(manifest, "forged-chain-hopper");
	struct blob nonce = blob_hex(text(forged, "nonce"));
	struct run r = { .at = "2026-03-01T00:00:00Z", .nonce = &nonce, .report = vectors_file(vector_file(forged, "report")),
		         .chain = vectors_file(vector_file(forged, "forged chain")) };
	char json[320], spki[65];
	hz_attest_policy *p;

	vectors_spki_of_last(&r.chain, spki);
	snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"nvidia\",\"spki_sha256\":\"%s\"}],"
	         "\"nvidia\":{\"measurements\":\"any\",\"allow_missing_fwid\":true}}", spki);
	p = hz_attest_policy_parse(json, strlen(json), NULL, 0);
	CHECK(p != NULL);
	r.policy = p;
	expect("forged chain, root trusted", &r, text(member(member(forged, "expected"), "outcomes"), "with_forged_root_trusted"));
	hz_attest_policy_free(p);
	blob_free(&nonce);
	blob_free(&r.report);
	blob_free(&r.chain);
}

/* ---- the list in a CMW collection ---- */

static void
test_list(struct json_object *manifest)
{
	struct blob file = vectors_file("cmw/collection-tdx-plus-gpu.json"), nonce;
	struct json_object *o = json_tokener_parse((const char *)file.p), *record = member(o, "gpu");
	const char *whole = json_object_to_json_string_ext(record, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	struct json_object *v = vectors_find(manifest, "blackwell-590.48.01-mpt");
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *res;

	/* The indicator is a list there; a record has a number or none. */
	char *text_of = malloc(strlen(whole) + 1), *cut;
	memcpy(text_of, whole, strlen(whole) + 1);
	cut = strstr(text_of, "\",[");
	if (cut != NULL)
		memcpy(cut, "\"]", 3);
	nonce = blob_hex(text(v, "nonce"));
	CHECK(hz_attest_input_evidence(in, HZ_ATTEST_KIND_NONE, text_of, strlen(text_of)));
	hz_attest_input_nonce(in, nonce.p, nonce.len);
	hz_attest_input_time(in, seconds(text(v, "verify_at")));
	res = hz_attest_verify(verifier, reference, in);
	if (hz_attest_result_reason(res) != HZ_ATTEST_OK) {
		failures++;
		fprintf(stderr, "GPU evidence list: %s\n", hz_attest_result_text(res));
	}
	vectors_claim("list", res, "gpu/0.chip", "GB100");
	hz_attest_result_free(res);
	hz_attest_input_free(in);
	free(text_of);
	blob_free(&nonce);
	blob_free(&file);
	json_object_put(o);
}

/* ---- policies ---- */

struct policy_case {
	const char *vector, *members, *outcome;
};

#define M7 "80161aac5e7509f038a6457b111e048207d1dc0e78edbb8c172fca4139c1d5f29cda67ecdd261fdc9203b76387f7389f"
#define Z48 "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"

static const struct policy_case policies[] = {
	{ "hopper-550.90.07", "\"measurements\":\"any\"", "accept" },
	{ "hopper-550.90.07", "\"measurements\":\"rim\"", "reject:rim" },
	{ "hopper-550.90.07", "\"measurements\":{\"8\":\"" M7 "\",\"1\":\"" Z48 "\"}", "accept" },
	{ "hopper-550.90.07", "\"measurements\":{\"8\":[\"" Z48 "\",\"" M7 "\"]}", "accept" },
	{ "hopper-550.90.07", "\"measurements\":{\"8\":\"" Z48 "\"}", "reject:policy_measurement" },
	{ "hopper-550.90.07", "\"measurements\":{\"65\":\"" Z48 "\"}", "reject:policy_measurement" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"driver\":[\"535.1\",\"550.90.07\"]", "accept" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"driver\":\"550.90.7\"", "reject:policy_firmware" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"min_driver\":\"550.90.07\"", "accept" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"min_driver\":\"550.100\"", "reject:policy_firmware" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"vbios\":\"96.00.9F.00.01\",\"min_vbios\":\"96.00.9E.FF\"", "accept" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"min_vbios\":\"96.00.A0\"", "reject:policy_firmware" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"project\":\"1010\",\"project_sku\":\"0200\",\"chip_sku\":\"882\"", "accept" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"project\":\"G520\"", "reject:policy_device" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"chip\":\"GB100\"", "reject:policy_device" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"device_serial\":\"41431d480fe5e87274\"", "accept" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"device_serial\":\"41431d480fe5e87275\"", "reject:policy_device" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"mode\":\"SPT\"", "reject:gpu_mode" },
	{ "hopper-550.90.07", "\"measurements\":\"any\",\"crl_required\":true", "reject:crl" },
	{ "hopper-580.159.03", "\"measurements\":\"any\",\"mode\":\"SPT\"", "accept" },
	{ "hopper-590.12-ppcie", "\"measurements\":\"any\",\"mode\":[\"SPT\",\"MPT\"]", "reject:gpu_mode" },
	{ "blackwell-590.48.01-mpt", "\"measurements\":\"any\",\"mode\":\"MPT\",\"chip\":\"GB100\"", "accept" },
	{ "hopper-535.86.09-nofwid", "\"measurements\":\"any\"", "reject:fwid" },
	{ "hopper-535.86.09-nofwid", "\"measurements\":\"any\",\"allow_missing_fwid\":true", "accept" },
};

static void
test_policies(struct json_object *manifest)
{
	for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
		struct json_object *v = vectors_find(manifest, policies[i].vector);
		struct run r = { .at = text(v, "verify_at"), .report = vectors_file(vector_file(v, "report")),
			         .chain = vectors_file(vector_file(v, "device certificate chain")) };
		char json[512], err[160] = "";
		hz_attest_policy *p;

		snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"nvidia\":{%s}}", policies[i].members);
		p = hz_attest_policy_parse(json, strlen(json), err, sizeof err);
		if (p == NULL) {
			failures++;
			fprintf(stderr, "%s: %s\n", json, err);
		} else {
			r.policy = p;
			expect(json, &r, policies[i].outcome);
		}
		hz_attest_policy_free(p);
		blob_free(&r.report);
		blob_free(&r.chain);
	}
}

static void
test_bad_policies(void)
{
	static const char *const bad[] = { "", "\"measurements\":\"all\"", "\"measurements\":{}", "\"measurements\":{\"0\":\"" Z48 "\"}",
		                           "\"measurements\":{\"256\":\"" Z48 "\"}", "\"measurements\":{\"08\":\"" Z48 "\"}",
		                           "\"measurements\":{\"8\":\"00\"}", "\"measurements\":{\"8\":[]}", "\"measurements\":[]",
		                           "\"measurements\":\"any\",\"min_driver\":\"550.x\"",
		                           "\"measurements\":\"any\",\"min_driver\":\"1.2.3.4.5.6.7\"",
		                           "\"measurements\":\"any\",\"min_vbios\":\"\"", "\"measurements\":\"any\",\"drivers\":\"any\"" };
	char json[512];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"nvidia\":{%s}}", bad[i]);
		if (hz_attest_policy_parse(json, strlen(json), NULL, 0) != NULL) {
			failures++;
			fprintf(stderr, "accepted: %s\n", json);
		}
	}
}

/* ---- reference manifests ---- */

#define RIM "nvidia/rim/"

struct rim_case {
	const char *name, *vector, *at, *rims[4], *outcome;
	bool required;
};

static const struct rim_case rims[] = {
	{ "both", "hopper-550.90.07", "2026-03-01T00:00:00Z",
	  { RIM "NV_GPU_DRIVER_GH100_550.90.07.xml", RIM "NV_GPU_VBIOS_1010_0200_882_96009F0001.xml" }, "accept", true },
	{ "both, others beside", "hopper-550.90.07", "2026-03-01T00:00:00Z",
	  { RIM "NV_GPU_DRIVER_GH100_550.144.03.xml", RIM "NV_GPU_DRIVER_GH100_550.90.07.xml",
	    RIM "NV_GPU_VBIOS_1010_0200_882_96009F0001.xml" }, "accept", true },
	{ "driver alone", "hopper-550.90.07", "2026-03-01T00:00:00Z", { RIM "NV_GPU_DRIVER_GH100_550.90.07.xml" }, "reject:rim", true },
	{ "driver alone", "hopper-550.90.07", "2026-03-01T00:00:00Z", { RIM "NV_GPU_DRIVER_GH100_550.90.07.xml" }, "accept", false },
	{ "VBIOS alone", "hopper-550.90.07", "2026-03-01T00:00:00Z", { RIM "NV_GPU_VBIOS_1010_0200_882_96009F0001.xml" }, "reject:rim", true },
	{ "other driver", "hopper-550.90.07", "2026-03-01T00:00:00Z",
	  { RIM "NV_GPU_DRIVER_GH100_550.144.03.xml", RIM "NV_GPU_VBIOS_1010_0200_882_96009F0001.xml" }, "reject:rim", true },
	{ "expired", "hopper-550.90.07", "2026-07-01T00:00:00Z",
	  { RIM "NV_GPU_DRIVER_GH100_550.90.07.xml", RIM "NV_GPU_VBIOS_1010_0200_882_96009F0001.xml" }, "reject:chain", true },
	{ "altered", "hopper-535.86.09-nofwid", "2026-03-01T00:00:00Z", { RIM "NV_GPU_DRIVER_GH100_535.86.09_altered.xml" },
	  "reject:rim_signature", false },
	{ "VBIOS of the old driver", "hopper-535.86.09-nofwid", "2024-03-01T00:00:00Z",
	  { RIM "NV_GPU_VBIOS_1010_0200_882_96005E0001.xml" }, "accept", false },
	{ "VBIOS, its signer expired", "hopper-535.86.09-nofwid", "2026-03-01T00:00:00Z",
	  { RIM "NV_GPU_VBIOS_1010_0200_882_96005E0001.xml" }, "reject:chain", false },
};

static void
test_rims(struct json_object *manifest, const hz_attest_policy *required)
{
	for (size_t i = 0; i < sizeof rims / sizeof *rims; i++) {
		struct json_object *v = vectors_find(manifest, rims[i].vector);
		struct run r = { .at = rims[i].at, .rims = rims[i].rims, .policy = rims[i].required ? required : NULL,
			         .report = vectors_file(vector_file(v, "report")),
			         .chain = vectors_file(vector_file(v, "device certificate chain")) };

		expect(rims[i].name, &r, rims[i].outcome);
		blob_free(&r.report);
		blob_free(&r.chain);
	}
}

/* Where the text of the last certificate starts: of the root only its key counts, so that what its issuer signed does not. */
static size_t
last_certificate(const struct blob *rim)
{
	static const char tag[] = "<ds:X509Certificate>";
	size_t at = 0;

	for (size_t i = 0; i + sizeof tag <= rim->len; i++)
		if (memcmp(rim->p + i, tag, sizeof tag - 1) == 0)
			at = i;
	return at;
}

/* One changed bit of the driver's manifest is always refused. */
static void
test_rim_bits(struct json_object *manifest, const hz_attest_policy *required)
{
	static const char *const vbios[] = { RIM "NV_GPU_VBIOS_1010_0200_882_96009F0001.xml", NULL };
	struct json_object *v = vectors_find(manifest, "hopper-550.90.07");
	struct blob rim = vectors_file(RIM "NV_GPU_DRIVER_GH100_550.90.07.xml");
	struct run r = { .at = "2026-03-01T00:00:00Z", .rim = &rim, .rims = vbios, .policy = required,
		         .report = vectors_file(vector_file(v, "report")),
		         .chain = vectors_file(vector_file(v, "device certificate chain")) };
	size_t refused = 0, tried = 0;

	expect("unchanged", &r, "accept");
	for (size_t i = 3; i < last_certificate(&rim); i += 97, tried++) {
		hz_attest_result *res;

		rim.p[i] ^= 1;
		res = verify(&r);
		if (hz_attest_result_reason(res) != HZ_ATTEST_OK)
			refused++;
		else
			fprintf(stderr, "byte %zu of the manifest can be changed\n", i);
		hz_attest_result_free(res);
		rim.p[i] ^= 1;
	}
	CHECK(refused == tried && tried > 200);
	for (size_t n = 0; n < rim.len; n += 1009) {
		struct blob cut = { rim.p, n };

		r.rim = &cut;
		expect("cut", &r, "reject:rim");
	}
	blob_free(&rim);
	blob_free(&r.report);
	blob_free(&r.chain);
}

/* A GPU made for the purpose that reports the genuine values, and then one value less, under the genuine manifests. */
static void
test_rim_values(struct json_object *manifest)
{
	static const struct gpu_field nvdec_off[] = { { 11, "\x55", 1 }, { 0, NULL, 0 } };
	static const struct gpu_spec spec = { .chip = "GH100" }, other = { .chip = "GB100" };
	struct json_object *v = vectors_find(manifest, "hopper-550.90.07");
	struct blob genuine = vectors_file(vector_file(v, "report"));
	static unsigned char values[64][48];
	struct forge_gpu g, b;
	size_t refused = 0;
	char json[400];
	hz_attest_policy *p;

	forge_gpu_begin(&g, &spec, NULL);
	forge_gpu_begin(&b, &other, NULL);
	snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"nvidia\":{\"measurements\":\"rim\"},\"roots\":[{\"family\":\"nvidia\","
	         "\"spki_sha256\":\"%s\"},{\"family\":\"nvidia\",\"spki_sha256\":\"%s\"}]}", g.root_spki, b.root_spki);
	p = hz_attest_policy_parse(json, strlen(json), NULL, 0);
	CHECK(p != NULL);
	for (size_t i = 0; i < 64; i++)
		memcpy(values[i], genuine.p + 45 + 55 * i + 7, 48);
	for (size_t i = 0; i <= 65; i++) {
		struct gpu_report report = { .values = (const unsigned char(*)[48])values, .fields = i == 65 ? NULL : nvdec_off };
		struct run r = { .at = "2026-05-01T00:00:00Z", .rims = rims[0].rims, .policy = p };
		hz_attest_result *res;
		size_t changed = i == 65 ? 35 : i;

		if (i != 64)
			values[changed][5] ^= 1;
		r.report = forge_gpu_report(&g, &report);
		r.chain = forge_gpu_pem(&g);
		res = verify(&r);
		/* Round 64 changes nothing; the video decoder's value, 35, counts only where it is not off. */
		if (i == 64)
			CHECK(hz_attest_result_reason(res) == HZ_ATTEST_OK);
		else if (hz_attest_result_reason(res) != HZ_ATTEST_OK) {
			refused++;
			CHECK(hz_attest_result_reason(res) == HZ_ATTEST_R_RIM);
		}
		hz_attest_result_free(res);
		blob_free(&r.report);
		blob_free(&r.chain);
		if (i == 64) {
			r.report = forge_gpu_report(&b, &report);
			r.chain = forge_gpu_pem(&b);
			expect("another chip with the manifests of GH100", &r, "reject:rim");
			blob_free(&r.report);
			blob_free(&r.chain);
		}
		if (i != 64)
			values[changed][5] ^= 1;
	}
	/* 20 measurements of the driver, 12 of the VBIOS, and the decoder's once it is not off. */
	CHECK(refused == 20 + 12 + 1);
	hz_attest_policy_free(p);
	forge_gpu_end(&g);
	forge_gpu_end(&b);
	blob_free(&genuine);
}

int
main(void)
{
	static const char rim_policy[] = "{\"hanzo_policy\":1,\"nvidia\":{\"measurements\":\"rim\"}}";
	struct json_object *manifest = vectors_manifest();
	hz_attest_policy *required = hz_attest_policy_parse(rim_policy, sizeof rim_policy - 1, NULL, 0);
	size_t vectors, recipes;

	verifier = hz_attest_verifier_new(NULL);
	reference = hz_attest_policy_reference();
	if (verifier == NULL || reference == NULL || required == NULL)
		return 99;
	vectors = run_vectors(manifest);
	recipes = run_recipes(manifest);
	test_chains(manifest);
	test_forged_root(manifest);
	test_list(manifest);
	test_policies(manifest);
	test_bad_policies();
	test_rims(manifest, required);
	test_rim_bits(manifest, required);
	test_rim_values(manifest);
	printf("%zu vectors, %zu recipes, %d refused for another reason, %d failures\n", vectors, recipes, vectors_reasons_differ, failures);
	CHECK(vectors_all(manifest, "nvidia ", "nvidia ", vectors, recipes));
	hz_attest_policy_free(required);
	hz_attest_policy_free(reference);
	hz_attest_verifier_free(verifier);
	json_object_put(manifest);
	return failures != 0;
}
