/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: strict form, binding of CPU and GPUs by one challenge, tiers, simulated evidence, genuine evidence inside. */

#include "config.h"

#include "forge.h"

#include "base/hex.h"

#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

#define SIM_TYPE "application/vnd.hanzo.sim-evidence+json"
#define SNP_TYPE "application/vnd.amd.sev-snp.attestation-report"
#define NOW 1780000000

static hz_attest_verifier *verifier;
static OSSL_LIB_CTX *own; /* the test's own digests */

static const unsigned char challenge[32] = { 1, 2, 3, 4 };
static const unsigned char runtime[5] = { 'h', 'e', 'l', 'l', 'o' };

/* What the next bundle is made of; each test changes what it is about. */
struct recipe {
	size_t gpus;
	bool no_runtime, other_runtime_signed, blackwell, mixed_arch, tee_io, debug, same_key, gpu_as_cpu;
	bool swap_nonces, drop_first_gpu, other_challenge_signed;
	const char *top;         /* more members of the bundle: ",\"x\":1" */
	const char *inner;       /* more members of the collection */
	const char *cpu_tail;    /* after the value of "cpu": ",4" */
	const char *tail;        /* after the bundle */
	const char *cpu_type;
};

static char *
b64(const void *p, size_t n)
{
	char *s = malloc(hz_b64url_len(n) + 1);

	hz_b64url_encode(p, n, s);
	return s;
}

static char *
sim_gpu(const struct recipe *r, size_t i)
{
	struct hz_attest_sim s = { .gpu = true, .blackwell = r->blackwell && !(r->mixed_arch && i == 0) };
	unsigned char spki = r->same_key ? 7 : (unsigned char)(7 + i);
	size_t nonce = r->swap_nonces ? r->gpus - 1 - i : i;
	char *json, *out;

	s.spki = &spki;
	s.spki_len = 1;
	CHECK(hz_attest_gpu_nonce(verifier, challenge, sizeof challenge, (uint32_t)nonce, s.nonce));
	json = hz_attest_sim_make(verifier, &s);
	out = b64(json, strlen(json));
	free(json);
	return out;
}

static char *
sim_cpu(const struct recipe *r)
{
	struct hz_attest_sim s = { .gpu = r->gpu_as_cpu, .tee_io = r->tee_io, .debug = r->debug, .spki = "x", .spki_len = 1 };
	unsigned char digests[HZ_ATTEST_MAX_GPUS][32];
	unsigned char other[32] = { 9 };
	char *json, *out;

	for (size_t i = 0; i < r->gpus; i++) {
		unsigned char spki = r->same_key ? 7 : (unsigned char)(7 + i);

		EVP_Q_digest(own, "SHA256", NULL, &spki, 1, digests[i], NULL);
	}
	CHECK(hz_attest_report_data(verifier, r->other_challenge_signed ? other : challenge, sizeof challenge,
	                            r->no_runtime ? NULL : runtime, r->no_runtime ? 0 : r->other_runtime_signed ? 4 : 5,
	                            (const uint8_t(*)[32])digests, r->gpus, s.report_data));
	json = hz_attest_sim_make(verifier, &s);
	out = b64(json, strlen(json));
	free(json);
	return out;
}

static const char *
or_empty(const char *s)
{
	return s != NULL ? s : "";
}

/* Free the text. */
static char *
make_bundle(const struct recipe *r)
{
	char *text = malloc(65536), *ch = b64(challenge, sizeof challenge), *rt = b64(runtime, sizeof runtime), *v = sim_cpu(r);
	size_t n = 0, room = 65536;

	n += (size_t)snprintf(text + n, room - n, "{\"hanzo_evidence\":1,\"challenge\":\"%s\"", ch);
	if (!r->no_runtime)
		n += (size_t)snprintf(text + n, room - n, ",\"runtime_data\":\"%s\"", rt);
	n += (size_t)snprintf(text + n, room - n, "%s,\"evidence\":{\"cpu\":[\"%s\",\"%s\"%s]", or_empty(r->top),
	                      r->cpu_type != NULL ? r->cpu_type : SIM_TYPE, v, or_empty(r->cpu_tail));
	for (size_t i = r->drop_first_gpu ? 1 : 0; i < r->gpus; i++) {
		char *g = sim_gpu(r, i);

		n += (size_t)snprintf(text + n, room - n, ",\"gpu/%zu\":[\"" SIM_TYPE "\",\"%s\"]", i, g);
		free(g);
	}
	snprintf(text + n, room - n, "%s}}%s", or_empty(r->inner), or_empty(r->tail));
	free(ch);
	free(rt);
	free(v);
	return text;
}

static hz_attest_policy *
policy(const char *json)
{
	char err[256];
	hz_attest_policy *p = hz_attest_policy_parse(json, strlen(json), err, sizeof err);

	if (p == NULL) {
		failures++;
		fprintf(stderr, "%s: %s\n", json, err);
	}
	return p;
}

static hz_attest_result *
verify(const char *text, const hz_attest_policy *p, unsigned tier)
{
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *res;

	hz_attest_input_evidence(in, HZ_ATTEST_KIND_BUNDLE, text, strlen(text));
	hz_attest_input_challenge(in, challenge, sizeof challenge);
	hz_attest_input_time(in, NOW);
	hz_attest_input_tier(in, tier);
	res = hz_attest_verify(verifier, p, in);
	hz_attest_input_free(in);
	return res;
}

/* ---- cases ---- */

struct bundle_case {
	const char *name;
	struct recipe recipe;
	const char *policy;       /* members beside hanzo_policy and sim; NULL: the usual one */
	unsigned tier;
	enum hz_attest_reason want;
};

#define SIM "\"allow_simulated\":true,\"sim\":{\"measurement\":\"any\"}"

static const struct bundle_case cases[] = {
	{ "cpu alone", { 0 }, SIM, 2, HZ_ATTEST_OK },
	{ "no runtime data", { .no_runtime = true }, SIM, 2, HZ_ATTEST_OK },
	{ "two GPUs", { .gpus = 2 }, SIM, 3, HZ_ATTEST_OK },
	{ "sixteen GPUs", { .gpus = 16 }, SIM, 3, HZ_ATTEST_OK },
	{ "tier 3 without a GPU", { 0 }, SIM, 3, HZ_ATTEST_R_GPU_COUNT },
	{ "tier 4 with Hopper", { .gpus = 1, .tee_io = true }, SIM, 4, HZ_ATTEST_R_POLICY_TEE_IO },
	{ "tier 4 without TEE-I/O", { .gpus = 1, .blackwell = true }, SIM, 4, HZ_ATTEST_R_POLICY_TEE_IO },
	{ "tier 4", { .gpus = 2, .blackwell = true, .tee_io = true }, SIM, 4, HZ_ATTEST_OK },
	{ "tier 4 by architecture", { .gpus = 1, .blackwell = true }, SIM ",\"tee_io\":\"architecture\"", 4, HZ_ATTEST_OK },
	{ "tier 4, Hopper, by architecture", { .gpus = 1 }, SIM ",\"tee_io\":\"architecture\"", 4, HZ_ATTEST_R_POLICY_TEE_IO },
	{ "mixed architectures", { .gpus = 2, .blackwell = true, .mixed_arch = true }, SIM, 3, HZ_ATTEST_R_GPU_MODE },
	{ "MIG is not stated", { .gpus = 1 }, SIM ",\"mig\":\"forbidden\"", 3, HZ_ATTEST_R_POLICY_MIG },
	{ "too few GPUs", { .gpus = 1 }, SIM ",\"min_gpus\":2", 3, HZ_ATTEST_R_GPU_COUNT },
	{ "too many GPUs", { .gpus = 2 }, SIM ",\"max_gpus\":1", 3, HZ_ATTEST_R_GPU_COUNT },
	{ "one GPU twice", { .gpus = 2, .same_key = true }, SIM, 3, HZ_ATTEST_R_GPU_SAME_KEY },
	{ "nonces of two GPUs swapped", { .gpus = 2, .swap_nonces = true }, SIM, 3, HZ_ATTEST_R_NONCE },
	{ "gpu/0 left out", { .gpus = 2, .drop_first_gpu = true }, SIM, 3, HZ_ATTEST_R_GPU_COUNT },
	{ "GPU evidence as cpu", { .gpu_as_cpu = true }, SIM, 2, HZ_ATTEST_R_DEVICE_KIND },
	{ "other runtime data", { .other_runtime_signed = true }, SIM, 2, HZ_ATTEST_R_REPORT_DATA },
	{ "other challenge signed", { .other_challenge_signed = true }, SIM, 2, HZ_ATTEST_R_REPORT_DATA },
	{ "debug", { .debug = true }, SIM, 2, HZ_ATTEST_R_POLICY_DEBUG },
	{ "measurement", { 0 }, "\"allow_simulated\":true,\"sim\":{\"measurement\":\"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
	  "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\"}", 2, HZ_ATTEST_R_POLICY_MEASUREMENT },
	{ "simulated not allowed", { 0 }, "\"sim\":{\"measurement\":\"any\"}", 2, HZ_ATTEST_R_POLICY_SIMULATED },
	{ "no section", { 0 }, "\"allow_simulated\":true", 2, HZ_ATTEST_R_POLICY_KIND },
	{ "pin", { .top = ",\"pin\":\"s\\u00e9same\"" }, SIM, 2, HZ_ATTEST_OK },
	{ "pin of another type", { .top = ",\"pin\":1" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "pin with a NUL", { .top = ",\"pin\":\"a\\u0000b\"" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "unknown member", { .top = ",\"more\":1" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "duplicate member", { .top = ",\"challenge\":\"AA\"" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "collection type", { .inner = ",\"__cmwc_t\":\"tag:x\"" }, SIM, 2, HZ_ATTEST_OK },
	{ "collection type of another type", { .inner = ",\"__cmwc_t\":1" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "indicator", { .cpu_tail = ",4" }, SIM, 2, HZ_ATTEST_OK },
	{ "indicator of another type", { .cpu_tail = ",\"4\"" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "four members", { .cpu_tail = ",4,4" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "nested", { .cpu_tail = ",[[[[[[[[1]]]]]]]]" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "unknown part", { .inner = ",\"tpm\":[\"" SIM_TYPE "\",\"AA\"]" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "gpu/01", { .inner = ",\"gpu/01\":[\"" SIM_TYPE "\",\"AA\"]" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "gpu/16", { .inner = ",\"gpu/16\":[\"" SIM_TYPE "\",\"AA\"]" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "certificates of another type", { .inner = ",\"cpu/certs\":[\"text/plain\",\"AA\"]" }, SIM, 2, HZ_ATTEST_R_KIND },
	{ "certificates that are none", { .inner = ",\"cpu/certs\":[\"application/pem-certificate-chain\",\"AAAA\"]" }, SIM, 2,
	  HZ_ATTEST_R_CERT_PARSE },
	{ "padded base64", { .inner = ",\"gpu/0\":[\"" SIM_TYPE "\",\"AA==\"]" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "unknown media type", { .cpu_type = "application/json" }, SIM, 2, HZ_ATTEST_R_KIND },
	{ "another media type", { .cpu_type = SNP_TYPE }, SIM, 2, HZ_ATTEST_R_POLICY_KIND },
	{ "left over", { .tail = "{}" }, SIM, 2, HZ_ATTEST_R_JSON },
	{ "white space", { .tail = "\n" }, SIM, 2, HZ_ATTEST_OK },
};

static void
run_case(const struct bundle_case *c)
{
	char json[1024];
	char *text = make_bundle(&c->recipe);
	hz_attest_policy *p;
	hz_attest_result *res;

	snprintf(json, sizeof json, "{\"hanzo_policy\":1,%s}", c->policy);
	p = policy(json);
	res = verify(text, p, c->tier);
	if (hz_attest_result_reason(res) != c->want) {
		failures++;
		fprintf(stderr, "%s: want %s, got %s (%s)\n", c->name, hz_attest_reason_name(c->want),
		        hz_attest_reason_name(hz_attest_result_reason(res)), hz_attest_result_text(res));
	}
	hz_attest_result_free(res);
	hz_attest_policy_free(p);
	free(text);
}

/* What an accepted bundle hands on, and what a refused one does not. */
/* What would be accepted is shown and not accepted. */
static void
inspect(const char *text)
{
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *res;
	char *dump;

	CHECK(hz_attest_input_evidence(in, HZ_ATTEST_KIND_NONE, text, strlen(text)));
	res = hz_attest_inspect(verifier, in);
	dump = hz_attest_result_dump_json(res);
	CHECK(hz_attest_result_reason(res) == HZ_ATTEST_R_UNSUPPORTED && hz_attest_result_pin(res) == NULL);
	CHECK(hz_attest_result_claim(res, "cpu.simulated") == NULL);
	CHECK(strstr(dump, "simulated") != NULL && strstr(dump, "\"verified\":false") != NULL);
	CHECK(hz_attest_inspect(verifier, NULL) == NULL && hz_attest_inspect(NULL, in) == NULL);
	free(dump);
	hz_attest_result_free(res);
	hz_attest_input_free(in);
}

static void
test_result(void)
{
	struct recipe r = { .gpus = 1, .top = ",\"pin\":\"1234\"" };
	char *text = make_bundle(&r), *dump;
	hz_attest_policy *good = policy("{\"hanzo_policy\":1," SIM ",\"tenants\":[{\"claim\":\"cpu.device\",\"value\":\"cpu\",\"tenant\":\"acme\"}]}");
	hz_attest_policy *bad = policy("{\"hanzo_policy\":1,\"max_gpus\":0," SIM "}");
	hz_attest_result *res = verify(text, good, 3);
	struct json_object *json;
	size_t len;

	CHECK(hz_attest_result_reason(res) == HZ_ATTEST_OK);
	CHECK(hz_attest_result_pin(res) != NULL && strcmp(hz_attest_result_pin(res), "1234") == 0);
	CHECK(hz_attest_result_runtime(res, &len) != NULL && len == sizeof runtime);
	CHECK(strcmp(or_empty(hz_attest_result_claim(res, "tenant")), "acme") == 0);
	CHECK(strcmp(or_empty(hz_attest_result_claim(res, "cpu.simulated")), "true") == 0);
	CHECK(strcmp(or_empty(hz_attest_result_claim(res, "gpu/0.arch")), "hopper") == 0);
	dump = hz_attest_result_dump_json(res);
	json = json_tokener_parse(dump);
	CHECK(json != NULL && json_object_get_boolean(member(json, "verified")));
	CHECK(strstr(dump, "1234\"") == NULL);
	json_object_put(json);
	free(dump);
	dump = hz_attest_result_dump_text(res);
	CHECK(dump != NULL && strstr(dump, "result: verified\n") != NULL);
	free(dump);
	hz_attest_result_free(res);
	inspect(text);
	res = verify(text, bad, 3);
	CHECK(hz_attest_result_reason(res) == HZ_ATTEST_R_GPU_COUNT);
	CHECK(hz_attest_result_pin(res) == NULL && hz_attest_result_runtime(res, &len) == NULL && len == 0);
	CHECK(hz_attest_result_claim(res, "cpu.simulated") == NULL && hz_attest_result_claim(res, "tenant") == NULL);
	hz_attest_result_free(res);
	hz_attest_policy_free(good);
	hz_attest_policy_free(bad);
	free(text);
}

/* Every prefix, and a changed byte at every tenth place: never accepted unless nothing was changed, never a crash. */
static void
test_damaged(void)
{
	struct recipe r = { .gpus = 1 };
	char *text = make_bundle(&r);
	size_t n = strlen(text);
	hz_attest_policy *p = policy("{\"hanzo_policy\":1," SIM "}");

	for (size_t i = 0; i < n; i += 7) {
		char *cut = malloc(n + 1), kept = text[i];
		hz_attest_result *res;

		memcpy(cut, text, i);
		cut[i] = '\0';
		res = verify(cut, p, 3);
		CHECK(hz_attest_result_reason(res) != HZ_ATTEST_OK);
		hz_attest_result_free(res);
		free(cut);
		text[i] = kept == 'A' ? 'B' : 'A';
		res = verify(text, p, 3);
		CHECK(hz_attest_result_reason(res) != HZ_ATTEST_OK);
		hz_attest_result_free(res);
		text[i] = kept;
	}
	hz_attest_policy_free(p);
	free(text);
}

/* A genuine form: an SNP report with its certificates, bound to challenge and runtime data. */
static void
test_snp(void)
{
	static const struct forge_spec spec = { "Turin", false, { 1, 2, 3, 4, 81 }, { 2, 8 }, false, false, false };
	struct forge f;
	struct blob pem;
	unsigned char report[REPORT_LEN];
	char json[512], hex[65], *text = malloc(65536), *ch = b64(challenge, 32), *rt = b64(runtime, 5), *rep, *crt;

	forge_begin(&f, &spec);
	pem = forge_pem(&f);
	hz_hex_encode(f.ark_sha256, 32, hex);
	snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"snp\",\"cert_sha256\":\"%s\"}],"
	         "\"snp\":{\"measurement\":\"any\"}}", hex);
	for (int good = 0; good < 2; good++) {
		hz_attest_policy *p = policy(json);
		hz_attest_result *res;

		forge_report(report, &spec);
		CHECK(hz_attest_report_data(verifier, challenge, 32, runtime, 5, NULL, 0, report + 0x50));
		report[0x50 + 63] ^= good ? 0 : 1; /* the last byte counts too */
		forge_sign(&f, report);
		rep = b64(report, sizeof report);
		crt = b64(pem.p, pem.len);
		snprintf(text, 65536, "{\"hanzo_evidence\":1,\"challenge\":\"%s\",\"runtime_data\":\"%s\",\"evidence\":{\"cpu\":"
		         "[\"" SNP_TYPE "\",\"%s\"],\"cpu/certs\":[\"application/pem-certificate-chain\",\"%s\",2]}}", ch, rt, rep, crt);
		res = verify(text, p, 2);
		CHECK(hz_attest_result_reason(res) == (good ? HZ_ATTEST_OK : HZ_ATTEST_R_REPORT_DATA));
		hz_attest_result_free(res);
		hz_attest_policy_free(p);
		free(rep);
		free(crt);
	}
	blob_free(&pem);
	forge_end(&f);
	free(text);
	free(ch);
	free(rt);
}

/*
 * A replay cache must not be keyed by the bytes of the evidence: (r, n - s) is a second signature of the same statement.
 * Both are accepted here, and both answer the same challenge, which is what a caller has to remember.
 */
static void
test_malleable(void)
{
	static const unsigned char order[48] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
		0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
	};
	static const struct forge_spec spec = { "Milan", false, { 0, 4, 0, 24, 219 }, { 4 }, false, false, false };
	struct forge f;
	struct blob pem;
	unsigned char report[REPORT_LEN], second[REPORT_LEN];
	char json[512], hex[65];
	hz_attest_policy *p;
	int borrow = 0;

	forge_begin(&f, &spec);
	pem = forge_pem(&f);
	hz_hex_encode(f.ark_sha256, 32, hex);
	snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"snp\",\"cert_sha256\":\"%s\"}],"
	         "\"snp\":{\"measurement\":\"any\"}}", hex);
	p = policy(json);
	forge_report(report, &spec);
	CHECK(hz_attest_report_data(verifier, challenge, 32, NULL, 0, NULL, 0, report + 0x50));
	forge_sign(&f, report);
	memcpy(second, report, sizeof second);
	for (int i = 0; i < 48; i++) {
		int v = order[47 - i] - report[0x2E8 + i] - borrow;

		borrow = v < 0;
		second[0x2E8 + i] = (unsigned char)v;
	}
	CHECK(memcmp(report, second, sizeof report) != 0);
	for (int i = 0; i < 2; i++) {
		hz_attest_input *in = hz_attest_input_new();
		hz_attest_result *res;

		hz_attest_input_evidence(in, HZ_ATTEST_KIND_SNP, i == 0 ? report : second, REPORT_LEN);
		hz_attest_input_certs(in, pem.p, pem.len);
		hz_attest_input_challenge(in, challenge, 32);
		hz_attest_input_time(in, NOW);
		res = hz_attest_verify(verifier, p, in);
		CHECK(hz_attest_result_reason(res) == HZ_ATTEST_OK);
		hz_attest_result_free(res);
		hz_attest_input_free(in);
	}
	hz_attest_policy_free(p);
	blob_free(&pem);
	forge_end(&f);
}

/* Key attestation: empty challenge, key as runtime data, its own domain; and neither form passes for the other. */
static void
test_key(void)
{
	static const unsigned char key[3] = { 0x30, 0x01, 0x00 }, other[3] = { 0x30, 0x01, 0x01 };
	struct recipe r = { 0 };
	struct hz_attest_sim s = { .gpu = false };
	hz_attest_policy *p = policy("{\"hanzo_policy\":1," SIM "}");
	char text[2048], *json, *ev, *plain = make_bundle(&r);

	CHECK(hz_attest_key_report_data(verifier, key, sizeof key, NULL, 0, s.report_data));
	json = hz_attest_sim_make(verifier, &s);
	ev = b64(json, strlen(json));
	snprintf(text, sizeof text, "{\"hanzo_evidence\":1,\"challenge\":\"\",\"runtime_data\":\"MAEA\",\"evidence\":{\"cpu\":[\""
	         SIM_TYPE "\",\"%s\"]}}", ev);
	for (int i = 0; i < 5; i++) {
		static const enum hz_attest_reason want[] = { HZ_ATTEST_OK, HZ_ATTEST_OK, HZ_ATTEST_R_BINDING, HZ_ATTEST_R_CHALLENGE,
			                                      HZ_ATTEST_R_CHALLENGE };
		static const char *const why[] = { "", "", "another key", "--key is missing", "attests no key" };
		const char *bundle = i == 4 ? plain : text;
		hz_attest_input *in = hz_attest_input_new();
		hz_attest_result *res;

		hz_attest_input_evidence(in, HZ_ATTEST_KIND_NONE, bundle, strlen(bundle));
		hz_attest_input_time(in, NOW);
		if (i != 3) /* 3: a key attestation where the answer to a challenge is expected; 4: the reverse */
			CHECK(hz_attest_input_key(in, i == 0 ? key : i == 2 ? other : NULL, i == 0 || i == 2 ? 3 : 0));
		res = hz_attest_verify(verifier, p, in);
		if (hz_attest_result_reason(res) != want[i]) {
			failures++;
			fprintf(stderr, "key %d: %s\n", i, hz_attest_result_text(res));
		}
		CHECK(strstr(hz_attest_result_text(res), why[i]) != NULL);
		hz_attest_result_free(res);
		hz_attest_input_free(in);
	}
	/* Either is shown to somebody who looks, with or without a key in mind. */
	for (int i = 0; i < 4; i++) {
		hz_attest_input *in = hz_attest_input_new();
		hz_attest_result *res;
		char *dump;

		hz_attest_input_evidence(in, HZ_ATTEST_KIND_NONE, i < 2 ? text : plain, strlen(i < 2 ? text : plain));
		if (i % 2 == 1)
			CHECK(hz_attest_input_key(in, NULL, 0));
		res = hz_attest_inspect(verifier, in);
		dump = hz_attest_result_dump_text(res);
		CHECK(hz_attest_result_reason(res) == HZ_ATTEST_R_UNSUPPORTED); /* nothing else is wrong with it */
		CHECK(strstr(dump, i < 2 ? "300100" : "challenge") != NULL && strstr(dump, "cpu.report_data") != NULL);
		free(dump);
		hz_attest_result_free(res);
		hz_attest_input_free(in);
	}
	hz_attest_policy_free(p);
	free(json);
	free(ev);
	free(plain);
}

/* The formulas, computed independently over fixed inputs. */
static void
test_formulas(void)
{
	static const unsigned char two[2][32] = { { 0xAA }, { 0xBB } };
	unsigned char out[64], want[64], text[256];
	size_t n = 0;

	memcpy(text, "hanzo-pkcs11/attest/v1", 23);
	n = 23;
	memcpy(text + n, "\0\0\0\x20", 4);
	memcpy(text + n + 4, challenge, 32);
	n += 36;
	memcpy(text + n, "\0\0\0\5hello", 9);
	n += 9;
	memcpy(text + n, "\0\0\0\2", 4);
	memcpy(text + n + 4, two, 64);
	n += 68;
	EVP_Q_digest(own, "SHA512", NULL, text, n, want, NULL);
	CHECK(hz_attest_report_data(verifier, challenge, 32, runtime, 5, two, 2, out) && memcmp(out, want, 64) == 0);
	CHECK(!hz_attest_report_data(verifier, challenge, 32, runtime, 5, two, HZ_ATTEST_MAX_GPUS + 1, out));
	memcpy(text, "hanzo-pkcs11/gpu/v1", 20);
	memcpy(text + 20, challenge, 32);
	memcpy(text + 52, "\0\0\1\2", 4);
	EVP_Q_digest(own, "SHA256", NULL, text, 56, want, NULL);
	CHECK(hz_attest_gpu_nonce(verifier, challenge, 32, 0x102, out) && memcmp(out, want, 32) == 0);
}

/* Arguments that are missing or too large are refused, never read. */
static void
test_arguments(void)
{
	hz_attest_policy *p = hz_attest_policy_reference();
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *res;

	CHECK(hz_attest_verify(NULL, p, in) == NULL && hz_attest_verify(verifier, NULL, in) == NULL);
	res = hz_attest_verify(verifier, p, in);
	CHECK(hz_attest_result_reason(res) == HZ_ATTEST_R_ARGUMENT);
	hz_attest_result_free(res);
	CHECK(!hz_attest_input_evidence(in, HZ_ATTEST_KIND_SNP, NULL, 1));
	CHECK(!hz_attest_input_evidence(in, HZ_ATTEST_KIND_SNP, "x", HZ_ATTEST_MAX_INPUT + 1));
	CHECK(!hz_attest_input_evidence(in, (enum hz_attest_kind)99, "x", 1));
	CHECK(!hz_attest_input_challenge(in, "", 0) && !hz_attest_input_report_data(in, "x", 1));
	CHECK(!hz_attest_input_tier(in, 5));
	for (int kind = 0; kind <= HZ_ATTEST_KIND_CMW; kind++) {
		CHECK(hz_attest_input_evidence(in, (enum hz_attest_kind)kind, "", 0));
		hz_attest_input_time(in, NOW);
		hz_attest_input_tier(in, 0);
		res = hz_attest_verify(verifier, p, in);
		CHECK(hz_attest_result_reason(res) != HZ_ATTEST_OK);
		hz_attest_result_free(res);
	}
	hz_attest_input_free(in);
	hz_attest_policy_free(p);
}

/* A simulated GPU outside a bundle answers a challenge by its nonce, and nothing else makes up for it. */
static void
test_lone_gpu(void)
{
	struct hz_attest_sim sim = { .gpu = true, .spki = "key", .spki_len = 3 };
	hz_attest_policy *p = policy("{\"hanzo_policy\":1," SIM "}");
	static const unsigned char other[32] = { 9 }, data[64];
	char *text;

	CHECK(hz_attest_gpu_nonce(verifier, challenge, 32, 0, sim.nonce));
	text = hz_attest_sim_make(verifier, &sim);
	for (int i = 0; i < 4; i++) {
		hz_attest_input *in = hz_attest_input_new();
		hz_attest_result *res;
		static const enum hz_attest_reason want[] = { HZ_ATTEST_OK, HZ_ATTEST_R_NONCE, HZ_ATTEST_R_ARGUMENT, HZ_ATTEST_R_NONCE };

		hz_attest_input_evidence(in, HZ_ATTEST_KIND_SIM, text, strlen(text));
		hz_attest_input_time(in, NOW);
		if (i == 2)
			CHECK(hz_attest_input_report_data(in, data, sizeof data));
		else
			CHECK(i == 3 ? hz_attest_input_nonce(in, other, 32) : hz_attest_input_challenge(in, i == 0 ? challenge : other, 32));
		res = hz_attest_verify(verifier, p, in);
		CHECK(hz_attest_result_reason(res) == want[i]);
		hz_attest_result_free(res);
		hz_attest_input_free(in);
	}
	free(text);
	hz_attest_policy_free(p);
}

/* How many GPUs the policy wants holds for evidence outside a bundle as well: one, or none. */
static void
test_lone_count(void)
{
	static const struct {
		bool gpu;
		const char *policy;
		enum hz_attest_reason want;
	} c[] = {
		{ false, "\"min_gpus\":1,", HZ_ATTEST_R_GPU_COUNT }, { false, "\"max_gpus\":0,", HZ_ATTEST_OK }, { false, "", HZ_ATTEST_OK },
		{ true, "\"max_gpus\":0,", HZ_ATTEST_R_GPU_COUNT }, { true, "\"min_gpus\":2,", HZ_ATTEST_R_GPU_COUNT },
		{ true, "\"min_gpus\":1,\"max_gpus\":1,", HZ_ATTEST_OK },
	};

	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct hz_attest_sim sim = { .gpu = c[i].gpu, .spki = "key", .spki_len = 3 };
		char *text = hz_attest_sim_make(verifier, &sim), json[160];
		hz_attest_input *in = hz_attest_input_new();
		hz_attest_result *res;
		hz_attest_policy *p;

		snprintf(json, sizeof json, "{\"hanzo_policy\":1,%s" SIM "}", c[i].policy);
		p = policy(json);
		hz_attest_input_evidence(in, HZ_ATTEST_KIND_SIM, text, strlen(text));
		hz_attest_input_time(in, NOW);
		res = hz_attest_verify(verifier, p, in);
		if (hz_attest_result_reason(res) != c[i].want) {
			failures++;
			fprintf(stderr, "%s alone, %s: %s\n", c[i].gpu ? "GPU" : "CPU", c[i].policy, hz_attest_result_text(res));
		}
		hz_attest_result_free(res);
		hz_attest_policy_free(p);
		hz_attest_input_free(in);
		free(text);
	}
}

/* With nothing but the null provider in the default context, any use of that context would fail. */
static OSSL_PROVIDER *
close_default_context(void)
{
	OSSL_PROVIDER *null = OSSL_PROVIDER_load(NULL, "null");
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);

	CHECK(null != NULL && md == NULL);
	EVP_MD_free(md);
	return null;
}

int
main(void)
{
	OSSL_PROVIDER *null = close_default_context();

	own = OSSL_LIB_CTX_new();
	verifier = hz_attest_verifier_new(NULL);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		run_case(&cases[i]);
	test_result();
	test_damaged();
	test_snp();
	test_malleable();
	test_key();
	test_formulas();
	test_arguments();
	test_lone_gpu();
	test_lone_count();
	hz_attest_verifier_free(verifier);
	OSSL_LIB_CTX_free(own);
	OSSL_PROVIDER_unload(null);
	return failures != 0;
}
