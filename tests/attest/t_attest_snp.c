/* SPDX-License-Identifier: Apache-2.0 */
/* Every SEV-SNP vector and recipe of the manifest: expected verdict, exact reason, claims. */

#include "config.h"

#include "vectors.h"

#include "base/hex.h"

#include <openssl/pem.h>

#include <stdlib.h>
#include <string.h>

static hz_attest_verifier *verifier;
static hz_attest_policy *reference, *crl_policy;
static int reasons_differ;

static const char crl_policy_text[] =
	"{\"hanzo_policy\":1, \"snp\":{\"measurement\":\"any\", \"max_vmpl\":3, \"allow_debug\":true, \"allow_migration\":true,"
	" \"allow_provisional_firmware\":true, \"crl_required\":true}}";

static const char *const products[] = { "milan", "genoa", "turin" };

/* Certificates of one run: which VEK, which intermediates, which roots; NULL for a list means all. */
struct certs {
	struct blob file[16];
	size_t n;
};

static void
add_file(struct certs *c, hz_attest_input *in, const char *path)
{
	c->file[c->n] = vectors_file(path);
	CHECK(hz_attest_input_certs(in, c->file[c->n].p, c->file[c->n].len));
	c->n++;
}

static void
add_products(struct certs *c, hz_attest_input *in, const char *const *suffix)
{
	char path[128];

	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; suffix[k] != NULL; k++) {
			snprintf(path, sizeof path, "snp/roots/%s-%s", products[i], suffix[k]);
			add_file(c, in, path);
		}
}

static void
free_certs(struct certs *c)
{
	for (size_t i = 0; i < c->n; i++)
		blob_free(&c->file[i]);
}

struct run {
	enum hz_attest_kind kind;    /* NONE: guessed by the library */
	struct blob report;
	const char *vek, *intermediate, *root;
	struct blob vek_bytes;       /* instead of vek, where set */
	int64_t at;
	const char *crl;
	const struct blob *crl_bytes;
};

static hz_attest_result *
verify(const struct run *r, const hz_attest_policy *policy)
{
	static const char *const mids[] = { "ask.der", "asvk.pem", NULL }, *const roots[] = { "ark.pem", NULL };
	hz_attest_input *in = hz_attest_input_new();
	struct certs c = { .n = 0 };
	hz_attest_result *res;

	CHECK(hz_attest_input_evidence(in, r->kind, r->report.p, r->report.len));
	CHECK(hz_attest_input_time(in, r->at));
	if (r->vek_bytes.p != NULL)
		CHECK(hz_attest_input_certs(in, r->vek_bytes.p, r->vek_bytes.len));
	else if (r->vek != NULL)
		add_file(&c, in, r->vek);
	if (r->intermediate != NULL)
		add_file(&c, in, r->intermediate);
	else
		add_products(&c, in, mids);
	if (r->root != NULL)
		add_file(&c, in, r->root);
	else
		add_products(&c, in, roots);
	if (r->crl_bytes != NULL)
		CHECK(hz_attest_input_collateral(in, HZ_ATTEST_COLL_CRL, r->crl_bytes->p, r->crl_bytes->len));
	res = hz_attest_verify(verifier, policy, in);
	hz_attest_input_free(in);
	free_certs(&c);
	return res;
}

/* ---- vectors ---- */

static struct json_object *
find_vector(struct json_object *manifest, const char *id)
{
	struct json_object *list = member(manifest, "vectors");

	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (strcmp(text(json_object_array_get_idx(list, i), "id"), id) == 0)
			return json_object_array_get_idx(list, i);
	return NULL;
}

static void
expect_claim(const char *id, const hz_attest_result *res, const char *claim, const char *want)
{
	const char *got = hz_attest_result_claim(res, claim);

	if (want == NULL || (got != NULL && strcmp(got, want) == 0))
		return;
	failures++;
	fprintf(stderr, "%s: claim %s is %s, not %s\n", id, claim, got != NULL ? got : "absent", want);
}

static void
check_claims(struct json_object *v, const hz_attest_result *res)
{
	static const char *const same[] = { "guest_svn", "policy", "measurement", "report_data", "host_data", "id_key_digest",
		                            "author_key_digest", "family_id", "image_id", "report_id", "chip_id",
		                            "reported_tcb", "current_tcb", "committed_tcb", "launch_tcb", "vmpl", "version",
		                            "signing_key", NULL };
	struct json_object *expected = member(v, "expected"), *facts = member(expected, "facts");
	char name[64];

	for (size_t i = 0; same[i] != NULL; i++) {
		snprintf(name, sizeof name, "cpu.%s", same[i]);
		expect_claim(text(v, "id"), res, name, text(facts, same[i]));
	}
	expect_claim(text(v, "id"), res, "cpu.product", text(member(expected, "crypto"), "product"));
	expect_claim(text(v, "id"), res, "cpu.product_name", text(member(expected, "vek"), "product_name"));
	expect_claim(text(v, "id"), res, "cpu.current_firmware", text(facts, "current_fw"));
}

static void
run_vector(struct json_object *v)
{
	const char *report = vector_file(v, "report"), *outcome = text(member(v, "expected"), "reference_outcome");
	struct run r = { .kind = HZ_ATTEST_KIND_SNP, .vek = vector_file(v, "vek"), .at = 1800000000 };
	hz_attest_result *res;

	if (report == NULL || outcome == NULL || r.vek == NULL)
		return;
	if (text(v, "verify_at") != NULL)
		r.at = seconds(text(v, "verify_at"));
	r.report = vectors_file(report);
	res = verify(&r, reference);
	if (!same_verdict(outcome, res)) {
		failures++;
		fprintf(stderr, "%s: want %s, got %s (%s)\n", text(v, "id"), outcome,
		        hz_attest_reason_name(hz_attest_result_reason(res)), hz_attest_result_text(res));
	}
	if (hz_attest_result_reason(res) == HZ_ATTEST_OK)
		check_claims(v, res);
	else
		CHECK(hz_attest_result_claim(res, "cpu.measurement") == NULL);
	hz_attest_result_free(res);
	blob_free(&r.report);
}

static size_t
run_vectors(struct json_object *manifest)
{
	struct json_object *list = member(manifest, "vectors");
	size_t n = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (strcmp(text(v, "family"), "snp") == 0) {
			run_vector(v);
			n++;
		}
	}
	return n;
}

/* ---- recipes ---- */

static void
judge(const char *group, struct json_object *recipe, const hz_attest_result *res)
{
	bool accepted = hz_attest_result_reason(res) == HZ_ATTEST_OK;
	bool want = strcmp(text(recipe, "must"), "accept") == 0;

	if (accepted != want) {
		failures++;
		fprintf(stderr, "%s/%s: must %s, got %s (%s)\n", group, text(recipe, "id"), text(recipe, "must"),
		        hz_attest_reason_name(hz_attest_result_reason(res)), hz_attest_result_text(res));
	} else if (!same_verdict(text(recipe, "outcome"), res)) {
		reasons_differ++;
		printf("%s/%s: refused by %s, the reference order by %s\n", group, text(recipe, "id"),
		       hz_attest_reason_name(hz_attest_result_reason(res)), text(recipe, "outcome"));
	}
}

static bool
names_vek(const char *id)
{
	return strcmp(id, "vek-signature-bit") == 0 || strcmp(id, "vek-truncated") == 0;
}

static void
run_recipe(const char *group, struct json_object *v, struct json_object *recipe)
{
	struct json_object *crypto = member(member(v, "expected"), "crypto");
	struct run r = { .kind = HZ_ATTEST_KIND_SNP, .vek = vector_file(v, "vek"), .at = seconds(text(v, "verify_at")) };
	hz_attest_result *res;

	r.intermediate = text(crypto, "intermediate");
	r.root = text(crypto, "root");
	if (text(recipe, "use_vek") != NULL) {
		/* Another certificate comes with its own chain, so that not a missing issuer is what refuses it. */
		r.vek = text(recipe, "use_vek");
		r.intermediate = r.root = NULL;
	}
	if (text(recipe, "use_intermediate") != NULL)
		r.intermediate = text(recipe, "use_intermediate");
	if (text(recipe, "use_root") != NULL)
		r.root = text(recipe, "use_root");
	r.at = number(recipe, "verify_at_unix", r.at);
	r.report = vectors_file(names_vek(text(recipe, "id")) ? vector_file(v, "report") : text(recipe, "file"));
	if (names_vek(text(recipe, "id"))) {
		r.vek_bytes = vectors_file(text(recipe, "file"));
		recipe_apply(member(recipe, "ops"), &r.vek_bytes);
	} else {
		recipe_apply(member(recipe, "ops"), &r.report);
	}
	res = verify(&r, reference);
	judge(group, recipe, res);
	hz_attest_result_free(res);
	blob_free(&r.report);
	blob_free(&r.vek_bytes);
}

static size_t
run_report_recipes(struct json_object *manifest)
{
	size_t n = 0;

	json_object_object_foreach(member(manifest, "mutations"), group, g) {
		struct json_object *list = member(g, "recipes");

		if (strncmp(group, "snp:", 4) != 0)
			continue;
		for (size_t i = 0; i < json_object_array_length(list); i++, n++)
			run_recipe(group, find_vector(manifest, group + 4), json_object_array_get_idx(list, i));
	}
	return n;
}

/* The table alone, given as certificates beside the plain report. */
static size_t
run_table_recipes(struct json_object *manifest)
{
	struct json_object *v = find_vector(manifest, "v3-genoa-vcek-extended");
	struct json_object *list = member(member(member(manifest, "mutations"), "snp-certtable"), "recipes");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *recipe = json_object_array_get_idx(list, i);
		struct blob report = vectors_file(vector_file(v, "report")), table = vectors_file(text(recipe, "file"));
		hz_attest_input *in = hz_attest_input_new();
		hz_attest_result *res;

		recipe_apply(member(recipe, "ops"), &table);
		CHECK(hz_attest_input_evidence(in, HZ_ATTEST_KIND_SNP, report.p, report.len));
		CHECK(hz_attest_input_certs(in, table.p, table.len));
		hz_attest_input_time(in, seconds(text(v, "verify_at")));
		res = hz_attest_verify(verifier, reference, in);
		judge("snp-certtable", recipe, res);
		hz_attest_result_free(res);
		hz_attest_input_free(in);
		blob_free(&report);
		blob_free(&table);
	}
	return json_object_array_length(list);
}

/* Each list is asked about a report of the product, at the recipe's time, with a list required. */
static size_t
run_crl_recipes(struct json_object *manifest)
{
	static const char *const of[3] = { "v3-milan-vcek", "v3-genoa-vcek-extended", "v5-turin-vcek" };
	struct json_object *list = member(member(member(manifest, "mutations"), "amd-crl"), "recipes");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *recipe = json_object_array_get_idx(list, i), *v = NULL;
		struct blob crl = vectors_file(text(recipe, "file"));
		struct run r = { .kind = HZ_ATTEST_KIND_SNP, .at = number(recipe, "verify_at_unix", 0), .crl_bytes = &crl };
		hz_attest_result *res;

		for (size_t k = 0; k < 3; k++)
			if (strcasecmp(text(recipe, "product"), products[k]) == 0)
				v = find_vector(manifest, of[k]);
		recipe_apply(member(recipe, "ops"), &crl);
		r.vek = vector_file(v, "vek");
		r.report = vectors_file(vector_file(v, "report"));
		res = verify(&r, crl_policy);
		judge("amd-crl", recipe, res);
		hz_attest_result_free(res);
		blob_free(&r.report);
		blob_free(&crl);
	}
	return json_object_array_length(list);
}

/* ---- certificates and lists as collateral ---- */

/* A plain report, as a guest without a certificate table gets it: what it lacks lies among the collateral, and is believed no more. */
static void
test_collateral_certs(struct json_object *manifest)
{
	struct json_object *v = find_vector(manifest, "v5-turin-vcek");
	static const char *const files[] = { "snp/v5-turin-vcek/vek.der", "snp/roots/turin-ask.pem", "snp/roots/turin-ark.der", "snp/crl/turin.crl.der" };
	static const enum hz_attest_reason want[] = { HZ_ATTEST_R_MISSING, HZ_ATTEST_R_CHAIN, HZ_ATTEST_R_CHAIN, HZ_ATTEST_OK, HZ_ATTEST_R_CERT_PARSE };
	struct blob report = vectors_file(vector_file(v, "report")), file[4];

	for (size_t i = 0; i < 4; i++)
		file[i] = vectors_file(files[i]);
	for (size_t n = 0; n <= 4; n++) {
		hz_attest_input *in = hz_attest_input_new();
		hz_attest_result *res;

		CHECK(hz_attest_input_evidence(in, HZ_ATTEST_KIND_SNP, report.p, report.len));
		hz_attest_input_time(in, seconds(text(v, "verify_at")));
		for (size_t i = 0; i < n; i++) /* the fourth is no certificate at all */
			CHECK(hz_attest_input_collateral(in, HZ_ATTEST_COLL_CERTS, file[i].p, file[i].len));
		res = hz_attest_verify(verifier, reference, in);
		if (hz_attest_result_reason(res) != want[n]) {
			failures++;
			fprintf(stderr, "%zu files of collateral: %s\n", n, hz_attest_result_text(res));
		}
		hz_attest_result_free(res);
		hz_attest_input_free(in);
	}
	for (size_t i = 0; i < 4; i++)
		blob_free(&file[i]);
	blob_free(&report);
}

/* Files under names of the vendors' services, and what is none of them. */
static void
test_told(void)
{
	static const struct {
		const char *path;
		enum hz_attest_collateral kind;
	} files[] = {
		{ "snp/crl/turin.crl.der", HZ_ATTEST_COLL_CRL }, { "tdx/collateral/90c06f-2026-03/pck-crl.der", HZ_ATTEST_COLL_CRL },
		{ "tdx/collateral/90c06f-2026-03/root-ca-crl.der", HZ_ATTEST_COLL_CRL },
		{ "snp/v5-turin-vcek/vek.der", HZ_ATTEST_COLL_CERTS }, { "snp/v3-milan-vlek-aws/vek.der", HZ_ATTEST_COLL_CERTS },
		{ "snp/roots/milan-asvk.pem", HZ_ATTEST_COLL_CERTS }, { "nvidia/hopper-550.90.07.chain.pem", HZ_ATTEST_COLL_CERTS },
		{ "tdx/collateral/90c06f-2026-03/tcb-info-response.json", HZ_ATTEST_COLL_TCB_INFO },
		{ "tdx/collateral/90c06f-2026-03/qe-identity-response.json", HZ_ATTEST_COLL_QE_IDENTITY },
		{ "nvidia/rim/NV_GPU_DRIVER_GH100_550.90.07.xml", HZ_ATTEST_COLL_RIM },
		{ "nvidia/rim/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml", HZ_ATTEST_COLL_RIM },
		{ "tdx/collateral/90c06f-2026-03/tcb-info.sig", HZ_ATTEST_COLL_NONE }, { "snp/v5-turin-vcek/report.bin", HZ_ATTEST_COLL_NONE },
		{ "snp/azure-v3-milan-hcl-challenge/runtime-data.json", HZ_ATTEST_COLL_NONE },
	};
	static const char *const none[] = { "", "0", "\x30", "\x30\x03\x30\x01\x05", "{}", "{\"tcbInfo\":", "<html></html>", "-----BEGIN PUBLIC KEY-----", "read me" };

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct blob b = vectors_file(files[i].path);

		if (hz_attest_collateral_of("whatever", b.p, b.len) != files[i].kind || hz_attest_collateral_of(".crl", b.p, b.len) != HZ_ATTEST_COLL_CRL) {
			failures++;
			fprintf(stderr, "%s is told as %d\n", files[i].path, (int)hz_attest_collateral_by_content(b.p, b.len));
		}
		for (size_t n = 0; n < 32 && n < b.len; n++) { /* cut, in a block of its own for the sanitizer */
			unsigned char *cut = malloc(n + 1);

			memcpy(cut, b.p, n);
			(void)hz_attest_collateral_by_content(cut, n);
			free(cut);
		}
		blob_free(&b);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		CHECK(hz_attest_collateral_by_content(none[i], strlen(none[i])) == HZ_ATTEST_COLL_NONE);
	CHECK(hz_attest_collateral_by_content(NULL, 5) == HZ_ATTEST_COLL_NONE && hz_attest_collateral_of(NULL, "x", 1) == HZ_ATTEST_COLL_NONE);
}

/* ---- traps that are not in the manifest ---- */

static void
test_wrapped(struct json_object *manifest)
{
	struct json_object *v = find_vector(manifest, "v3-genoa-vcek-extended");
	static const char *const roles[] = { "extended_report", "configfs-tsm JSON" };

	for (size_t i = 0; i < 2; i++) {
		struct blob file = vectors_file(vector_file(v, roles[i]));
		hz_attest_input *in = hz_attest_input_new();
		hz_attest_result *res;

		CHECK(hz_attest_input_evidence(in, HZ_ATTEST_KIND_NONE, file.p, file.len));
		hz_attest_input_time(in, seconds(text(v, "verify_at")));
		res = hz_attest_verify(verifier, reference, in);
		if (hz_attest_result_reason(res) != HZ_ATTEST_OK) {
			failures++;
			fprintf(stderr, "%s: %s\n", roles[i], hz_attest_result_text(res));
		}
		hz_attest_result_free(res);
		hz_attest_input_free(in);
		blob_free(&file);
	}
}

/* A CMW record, with the certificates beside it; cut anywhere it is refused. */
static void
test_record(struct json_object *manifest)
{
	struct blob file = vectors_file("cmw/snp-record.json");
	struct json_object *list = member(manifest, "vectors"), *record = json_tokener_parse((const char *)file.p);
	bool accepted = false;

	CHECK(record != NULL);
	for (size_t i = 0; !accepted && i < json_object_array_length(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);
		struct run r = { .vek = vector_file(v, "vek"), .report = file };
		hz_attest_result *res;

		if (strcmp(text(v, "family"), "snp") != 0 || r.vek == NULL || text(v, "verify_at") == NULL)
			continue;
		r.at = seconds(text(v, "verify_at"));
		r.kind = HZ_ATTEST_KIND_NONE;
		res = verify(&r, reference);
		accepted = hz_attest_result_reason(res) == HZ_ATTEST_OK;
		hz_attest_result_free(res);
		for (r.report.len = 0; accepted && r.report.len < file.len; r.report.len += 13) {
			res = verify(&r, reference);
			CHECK(hz_attest_result_reason(res) != HZ_ATTEST_OK);
			hz_attest_result_free(res);
		}
	}
	CHECK(accepted);
	json_object_put(record);
	blob_free(&file);
}

/* A genuine certificate of another chip of the same line and a hwID in an OCTET STRING. */
static void
test_other_certificates(struct json_object *manifest)
{
	struct json_object *v = find_vector(manifest, "v5-turin-vcek");
	struct run r = { .kind = HZ_ATTEST_KIND_SNP, .vek = "snp/bad-certs/other-turin-chip-vcek.der", .at = seconds(text(v, "verify_at")) };
	hz_attest_result *res;

	r.report = vectors_file(vector_file(v, "report"));
	res = verify(&r, reference);
	CHECK(hz_attest_result_reason(res) != HZ_ATTEST_OK);
	printf("other chip: %s\n", hz_attest_result_text(res));
	hz_attest_result_free(res);
	blob_free(&r.report);
}

/* The look-alike chain of the manifest: refused under the pinned roots, accepted where a policy names its root. */
static void
test_forged(struct json_object *manifest)
{
	struct json_object *v = find_vector(manifest, "forged-chain-turin");
	struct run r = { .kind = HZ_ATTEST_KIND_SNP, .vek = vector_file(v, "vek"), .intermediate = vector_file(v, "forged ASK"), .root = vector_file(v, "forged ARK"),
		         .at = 1800000000 };
	static const char *const outcomes[] = { "with_forged_intermediate", "with_forged_root_trusted" };
	char json[256], hex[65];
	struct blob pem = vectors_file(r.root);
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	X509 *ark = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	unsigned char digest[32];
	hz_attest_policy *trusting;

	CHECK(ark != NULL && X509_digest(ark, EVP_sha256(), digest, NULL) == 1);
	hz_hex_encode(digest, sizeof digest, hex);
	snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"snp\",\"cert_sha256\":\"%s\"}],"
	         "\"snp\":{\"measurement\":\"any\",\"allow_provisional_firmware\":true}}", hex);
	trusting = hz_attest_policy_parse(json, strlen(json), NULL, 0);
	r.report = vectors_file(vector_file(v, "report"));
	for (size_t i = 0; i < 2; i++) {
		hz_attest_result *res = verify(&r, i == 0 ? reference : trusting);

		if (!same_verdict(text(member(member(v, "expected"), "outcomes"), outcomes[i]), res)) {
			failures++;
			fprintf(stderr, "%s: %s\n", outcomes[i], hz_attest_result_text(res));
		}
		hz_attest_result_free(res);
	}
	hz_attest_policy_free(trusting);
	X509_free(ark);
	BIO_free(bio);
	blob_free(&pem);
	blob_free(&r.report);
}

int
main(void)
{
	struct json_object *manifest = vectors_manifest();
	char err[256];
	size_t vectors, recipes;

	verifier = hz_attest_verifier_new(NULL);
	reference = hz_attest_policy_reference();
	crl_policy = hz_attest_policy_parse(crl_policy_text, strlen(crl_policy_text), err, sizeof err);
	if (verifier == NULL || reference == NULL || crl_policy == NULL) {
		fprintf(stderr, "set-up failed: %s\n", err);
		return 99;
	}
	vectors = run_vectors(manifest);
	recipes = run_report_recipes(manifest) + run_table_recipes(manifest) + run_crl_recipes(manifest);
	test_wrapped(manifest);
	test_collateral_certs(manifest);
	test_told();
	test_record(manifest);
	test_other_certificates(manifest);
	test_forged(manifest);
	printf("%zu vectors, %zu recipes, %d refused for another reason, %d failures\n", vectors, recipes, reasons_differ, failures);
	/* Another order of checks is fine, a new difference is to be looked at. */
	CHECK(reasons_differ == 21);
	CHECK(vectors_all(manifest, "snp ", "snp amd-crl ", vectors, recipes));
	hz_attest_policy_free(reference);
	hz_attest_policy_free(crl_policy);
	hz_attest_verifier_free(verifier);
	json_object_put(manifest);
	return failures != 0;
}
