/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of PoAI and HMM statements and of the other profiles: digests against vectors, strictness, rules of time. */
#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/eip712.h"
#include "crypto/keccak.h"
#include "crypto/poai.h"
#include "crypto/poai_profiles.h"

#define B32(digits2) "0x" digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 \
	digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2  \
	digits2 digits2
#define B20(digits2) "0x" digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 digits2 \
	digits2 digits2 digits2 digits2 digits2 digits2

#define POAI_TEXT \
	"{\"modelId\":\"gpt4\",\"inputHash\":\"" B32("11") "\",\"outputHash\":\"" B32("22") "\",\"timestamp\":1763700000,\"computeTime\":812," \
	"\"nodeId\":\"node-7\",\"nonce\":\"" B32("33") "\"}"
#define HMM_TEXT \
	"{\"jobId\":\"job-0\",\"provider\":\"" B20("11") "\",\"consumer\":\"" B20("22") "\",\"amount\":\"1\",\"attestation\":" POAI_TEXT \
	",\"timestamp\":1763700100}"

static bool digest_of(enum hz_poai_kind kind, const char *text, uint64_t chain, const uint8_t *contract, uint8_t out[32])
{
	struct hz_statement st;
	uint8_t sep[32];

	if (!hz_statement_parse(&st, kind, text, strlen(text)))
		return false;
	hz_poai_separator(kind, chain, contract, sep);
	hz_statement_digest(&st, sep, out);
	hz_statement_free(&st);
	return true;
}

static char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *out = malloc(strlen(text) + strlen(to) + 1);

	ck_assert_msg(at != NULL, "%s", from);
	ck_assert_ptr_nonnull(out);
	sprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return out;
}

START_TEST(test_equal_forms)
{
	static const char *const same[][2] = {
		{ "1763700000", "\"1763700000\"" },
		{ "\"modelId\":\"gpt4\",", " \"modelId\" : \"g\\u0070t4\"\n, " },
		{ "33\"}", "33\"\r\n}" },
	};
	uint8_t want[32], got[32];

	ck_assert(digest_of(HZ_POAI, POAI_TEXT, 36963, NULL, want));
	for (size_t i = 0; i < 3; i++) {
		char *text = replaced(POAI_TEXT, same[i][0], same[i][1]);

		ck_assert_msg(digest_of(HZ_POAI, text, 36963, NULL, got), "%s", text);
		ck_assert_mem_eq(want, got, 32);
		free(text);
	}
	ck_assert(digest_of(HZ_POAI,
		"{\"nonce\":\"" B32("33") "\",\"nodeId\":\"node-7\",\"computeTime\":812,\"timestamp\":1763700000,\"outputHash\":\"" B32("22")
		"\",\"inputHash\":\"" B32("11") "\",\"modelId\":\"gpt4\"}", 36963, NULL, got));
	ck_assert_mem_eq(want, got, 32);
}
END_TEST

/* Each field, the chain and the contract change the digest. */
START_TEST(test_everything_is_bound)
{
	static const char *const changes[][2] = {
		{ "gpt4", "gpt5" }, { "0x11", "0x12" }, { "0x22", "0x23" }, { "1763700000", "1763700001" }, { "812", "813" },
		{ "node-7", "node-8" }, { "0x33", "0x34" },
	};
	static const char *const outer[][2] = {
		{ "job-0", "job-1" }, { "\"provider\":\"0x11", "\"provider\":\"0x12" }, { "\"consumer\":\"0x22", "\"consumer\":\"0x23" },
		{ "\"amount\":\"1\"", "\"amount\":\"2\"" }, { "1763700100", "1763700101" },
	};
	const uint8_t contract[20] = { 1 };
	uint8_t seen[32][32];
	size_t n = 0;

	ck_assert(digest_of(HZ_POAI, POAI_TEXT, 36963, NULL, seen[n++]));
	ck_assert(digest_of(HZ_POAI, POAI_TEXT, 36962, NULL, seen[n++]));
	ck_assert(digest_of(HZ_POAI, POAI_TEXT, 36963, contract, seen[n++]));
	ck_assert(digest_of(HZ_HMM, HMM_TEXT, 36963, NULL, seen[n++]));
	for (size_t i = 0; i < 7; i++) {
		char *a = replaced(POAI_TEXT, changes[i][0], changes[i][1]), *b = replaced(HMM_TEXT, POAI_TEXT, a);

		ck_assert(digest_of(HZ_POAI, a, 36963, NULL, seen[n++]));
		ck_assert(digest_of(HZ_HMM, b, 36963, NULL, seen[n++]));
		free(a);
		free(b);
	}
	for (size_t i = 0; i < 5; i++) {
		char *a = replaced(HMM_TEXT, outer[i][0], outer[i][1]);

		ck_assert(digest_of(HZ_HMM, a, 36963, NULL, seen[n++]));
		free(a);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			ck_assert(memcmp(seen[i], seen[k], 32) != 0);
}
END_TEST

START_TEST(test_refused)
{
	static const char *const bad[][3] = {
		{ "\"modelId\":\"gpt4\",", "", "modelId" },
		{ "\"modelId\":\"gpt4\",", "\"modelId\":\"gpt4\",\"modelId\":\"gpt4\",", "" },
		{ "\"modelId\":\"gpt4\",", "\"modelId\":\"gpt4\",\"extra\":1,", "" },
		{ "\"gpt4\"", "4", "modelId" },
		{ "\"modelId\"", "\"ModelId\"", "modelId" },
		{ "1763700000", "1763700000.0", "timestamp" },
		{ "1763700000", "1.7637e9", "timestamp" },
		{ "1763700000", "-1", "timestamp" },
		{ "1763700000", "\"0x692000\"", "timestamp" },
		{ "1763700000", "\"01763700000\"", "timestamp" },
		{ "1763700000", "\"1763700000 \"", "timestamp" },
		{ "1763700000", "18446744073709551616", "timestamp" },
		{ "812", "null", "computeTime" },
		{ "\"0x33", "\"33", "nonce" },
		{ "\"0x33", "\"0x", "nonce" },
		{ "\"0x33", "\"0x3333", "nonce" },
		{ "\"0x33", "\"0X33", "nonce" },
		{ "\"0x33", "\"0xg3", "nonce" },
		{ "33\"}", "33\"}}", "" },
		{ "33\"}", "33\"", "" },
	};
	struct hz_statement st;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char *a = replaced(POAI_TEXT, bad[i][0], bad[i][1]), *b = replaced(HMM_TEXT, POAI_TEXT, a);

		ck_assert_msg(!hz_statement_parse(&st, HZ_POAI, a, strlen(a)), "%s", a);
		ck_assert_ptr_nonnull(st.why);
		ck_assert_str_eq(st.field, bad[i][2]);
		ck_assert_msg(!hz_statement_parse(&st, HZ_HMM, b, strlen(b)), "%s", b);
		free(a);
		free(b);
	}
	ck_assert(!hz_statement_parse(&st, HZ_HMM, POAI_TEXT, strlen(POAI_TEXT)));
	ck_assert(!hz_statement_parse(&st, HZ_POAI, HMM_TEXT, strlen(HMM_TEXT)));
	ck_assert(!hz_statement_parse(&st, HZ_POAI, "", 0));
	ck_assert(!hz_statement_parse(&st, HZ_POAI, NULL, 0));
	ck_assert(!hz_statement_parse(&st, HZ_POAI, "[]", 2));
}
END_TEST

START_TEST(test_time)
{
	const uint64_t now = 1763700000, top = UINT64_MAX;

	ck_assert(hz_poai_time(now, now, 3600) == NULL);
	ck_assert(hz_poai_time(now - 3600, now, 3600) == NULL);
	ck_assert(hz_poai_time(now - 3601, now, 3600) != NULL);
	ck_assert(hz_poai_time(now + 60, now, 3600) == NULL);
	ck_assert(hz_poai_time(now + 61, now, 3600) != NULL);
	ck_assert(hz_poai_time(0, now, 3600) != NULL);
	ck_assert(hz_poai_time(top, now, 3600) != NULL);
	ck_assert(hz_poai_time(0, now, top) == NULL);
}
END_TEST

START_TEST(test_once)
{
	struct hz_statement st;
	uint8_t a[32], b[32];

	ck_assert(hz_statement_parse(&st, HZ_POAI, POAI_TEXT, strlen(POAI_TEXT)));
	hz_statement_once(&st, a);
	memset(b, 0x33, 32);
	ck_assert_mem_eq(a, b, 32);
	hz_statement_free(&st);
	ck_assert(hz_statement_parse(&st, HZ_HMM, HMM_TEXT, strlen(HMM_TEXT)));
	ck_assert_uint_eq(hz_statement_timestamp(&st), 1763700100);
	hz_statement_once(&st, a);
	hz_keccak256("job-0", 5, b);
	ck_assert_mem_eq(a, b, 32);
	hz_statement_free(&st);
}
END_TEST

static json_object *vectors(void)
{
	const char *dir = getenv("HANZO_VECTORS");
	char path[4096];

	snprintf(path, sizeof path, "%s/eip712/poai-hmm.json", dir != NULL ? dir : "../shared/vectors");
	return json_object_from_file(path);
}

static json_object *get(json_object *o, const char *name)
{
	json_object *v = NULL;

	json_object_object_get_ex(o, name, &v);
	return v;
}

START_TEST(test_vectors)
{
	json_object *root = vectors(), *cases = get(root, "cases");

	ck_assert(json_object_array_length(cases) > 0);
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		json_object *c = json_object_array_get_idx(cases, i), *td = get(c, "typed_data"), *domain = get(td, "domain");
		enum hz_poai_kind kind = strcmp(json_object_get_string(get(c, "kind")), "hmm") == 0 ? HZ_HMM : HZ_POAI;
		json_object *contract = get(domain, "verifyingContract");
		uint8_t addr[20], d[32];
		char hex[67] = "0x";

		if (contract != NULL)
			ck_assert(hz_hex_decode(json_object_get_string(contract) + 2, 40, addr, 20));
		ck_assert(digest_of(kind, json_object_to_json_string_ext(get(td, "message"), JSON_C_TO_STRING_PLAIN),
				    (uint64_t)json_object_get_int64(get(domain, "chainId")), contract != NULL ? addr : NULL, d));
		hz_hex_encode(d, 32, hex + 2);
		ck_assert_str_eq(hex, json_object_get_string(get(c, "digest")));
	}
	json_object_put(root);
}
END_TEST

static void profile_is(const char *name, const char *text, const char *want)
{
	const struct hz_profile *p = hz_profile_find(name);
	uint8_t d[32];
	char hex[65], why[128] = "";

	ck_assert_ptr_nonnull(p);
	ck_assert_msg(hz_profile_digest(p, text, strlen(text), d, why, sizeof why), "%s: %s", name, why);
	hz_hex_encode(d, 32, hex);
	ck_assert_str_eq(hex, want);
}

#define REPORT \
	"{\"taskId\":1,\"intentId\":\"" B32("11") "\",\"modelSpecHash\":\"" B32("5e") "\",\"promptHash\":\"" B32("9d") "\",\"openBlockHash\":\"" \
	B32("b0") "\",\"operator\":\"" B20("11") "\",\"outputHash\":\"" B32("0f") "\",\"runtimeMeasurement\":\"" B32("77") "\"}"
#define RECEIPT \
	"{\"version\":1,\"intentId\":\"0x13346f5fe5f8feda7fec68968366fb397cf3854096a07a1528ada9a0c910d758\",\"taskId\":\"" B32("7a") \
	"\",\"cChainId\":\"" B32("c0") "\",\"aChainId\":\"" B32("a0") "\",\"requester\":\"" B20("11") "\",\"modelSpecHash\":\"" B32("5e") \
	"\",\"promptHash\":\"" B32("9d") "\",\"canonicalOutputHash\":\"" B32("0f") "\",\"status\":2,\"n\":3,\"threshold\":2,\"winnersRoot\":\"" \
	B32("44") "\",\"operatorsRoot\":\"" B32("55") "\",\"feePaid\":\"1000000\",\"settledAtHeight\":72623859790382856}"

/* The node's canonical 299 bytes: nine hashes whose bytes count up from 0x10, 0x20, .. 0x90. */
START_TEST(test_attestation_root)
{
	static const char *const names[] = { "cpuTeeMeasurement", "gpuAttestationReport", "driverFirmwareMeasurement", "quasarGpuBinaryHash",
					     "cryptoKernelHash", "aiModelRuntimeHash", "precompileBinaryHash", "policyRoot", "nodeIdentity" };
	char text[2048] = "{", hex[65], why[128];
	uint8_t h[32], d[32];

	for (size_t i = 0; i < 9; i++) {
		for (size_t k = 0; k < 32; k++)
			h[k] = (uint8_t)(0x10 * (i + 1) + k);
		hz_hex_encode(h, 32, hex);
		snprintf(text + strlen(text), sizeof text - strlen(text), "\"%s\":\"0x%s\",", names[i], hex);
	}
	strcat(text, "\"epoch\":72623859790382856,\"cpuTeeKind\":1,\"gpuTeeKind\":1,\"ioLevel\":3}");
	profile_is("attestation-root", text, "56f1d8e537973913091159c532ecc657f3e0cd63946dfcaea831d42a62682152");
	text[strlen(text) - 2] = '5';
	ck_assert(!hz_profile_digest(hz_profile_find("attestation-root"), text, strlen(text), d, why, sizeof why));
	ck_assert_str_eq(why, "ioLevel: not from 0 to 4");
}
END_TEST

START_TEST(test_profiles)
{
	profile_is("compute-report", REPORT, "3a2ccde8f8d9d8767461f76935a268626faf979d9fe51cffc2976ab3d43b0633");
	profile_is("intent",
		   "{\"cChainId\":\"" B32("c0") "\",\"aChainId\":\"" B32("a0") "\",\"cTxHash\":\"" B32("77") "\",\"callIndex\":16909060,\"caller\":\""
		   B20("11") "\",\"modelSpecHash\":\"" B32("5e") "\",\"promptHash\":\"" B32("9d") "\",\"n\":3,\"threshold\":2,\"fee\":1000000}",
		   "13346f5fe5f8feda7fec68968366fb397cf3854096a07a1528ada9a0c910d758");
	profile_is("receipt", RECEIPT, "c6e07d2b28f8cafa0ccf12a540379eb37afe50cf48567e59d96e386a73ca5b5b");
	profile_is("consensus",
		   "{\"modelSpecHash\":\"0xe48ded87386a1be78fd0407f658f49b15bd4e27773758004db1236537ba2ac70\",\"vote\":1,\"bucket\":8000}",
		   "dd43f1ec0082fb4e93128362785605a036e583c9d9d29dd0e1493cd83a5660b1");
}
END_TEST

/* The verdict has no published digest with chain id and contract: build the preimage by hand. */
START_TEST(test_verdict)
{
	uint8_t pre[32 + 32 + 20 + 32 + 32 + 1 + 2 + 32 + 20] = { 0 }, d[32];
	char hex[65];

	ck_assert(hz_hex_decode("0c578d46b25c72738e526644e19909fc3e5561532154c246fb4876115bf47a8d", 64, pre, 32));
	pre[62] = 0x90; /* chain id 36963 = 0x9063 */
	pre[63] = 0x63;
	memset(pre + 64, 0xAA, 20);
	pre[115] = 7;
	memset(pre + 116, 0x5e, 32);
	pre[148] = 1;
	pre[149] = 0x1f; /* 8000 */
	pre[150] = 0x40;
	memset(pre + 151, 0xee, 32);
	memset(pre + 183, 0xbb, 20);
	hz_keccak256(pre, sizeof pre, d);
	hz_hex_encode(d, 32, hex);
	profile_is("verdict",
		   "{\"chainId\":36963,\"governor\":\"" B20("aa") "\",\"taskId\":\"7\",\"modelSpecHash\":\"" B32("5e") "\",\"vote\":1,\"bucket\":8000,"
		   "\"evidenceHash\":\"" B32("ee") "\",\"operator\":\"" B20("bb") "\"}", hex);
}
END_TEST

START_TEST(test_profiles_refuse)
{
	static const char *const bad[][3] = {
		{ "receipt", "\"version\":1", "\"version\":2" }, { "receipt", "\"version\":1", "\"version\":0" },
		{ "receipt", "\"status\":2", "\"status\":5" }, { "receipt", "\"n\":3", "\"n\":65536" },
		{ "receipt", "\"n\":3,", "" }, { "receipt", "\"n\":3,", "\"n\":3,\"m\":3," },
		{ "receipt", "72623859790382856", "18446744073709551616" },
		{ "compute-report", "\"taskId\":1", "\"taskId\":-1" }, { "compute-report", "\"operator\":\"0x11", "\"operator\":\"0x" },
	};
	uint8_t d[32];
	char why[128];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char *text = replaced(bad[i][0][0] == 'r' ? RECEIPT : REPORT, bad[i][1], bad[i][2]);

		why[0] = '\0';
		ck_assert_msg(!hz_profile_digest(hz_profile_find(bad[i][0]), text, strlen(text), d, why, sizeof why), "%s", text);
		ck_assert_str_ne(why, "");
		free(text);
	}
	ck_assert(hz_profile_find("none") == NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("poai");
	TCase *tc = tcase_create("all");
	json_object *probe = vectors();
	SRunner *r;
	int failed;

	tcase_add_test(tc, test_equal_forms);
	tcase_add_test(tc, test_everything_is_bound);
	tcase_add_test(tc, test_refused);
	tcase_add_test(tc, test_time);
	tcase_add_test(tc, test_once);
	tcase_add_test(tc, test_profiles);
	tcase_add_test(tc, test_attestation_root);
	tcase_add_test(tc, test_verdict);
	tcase_add_test(tc, test_profiles_refuse);
	if (probe != NULL)
		tcase_add_test(tc, test_vectors);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	if (probe == NULL)
		puts("skip: eip712 vectors are not here");
	json_object_put(probe);
	return failed != 0 ? 1 : probe == NULL ? 77 : 0;
}
