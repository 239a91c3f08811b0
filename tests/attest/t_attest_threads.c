/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads verify with one verifier and one policy; every verdict is right. Meant for a thread sanitizer too. */

#include "config.h"

#include "forge.h"

#include "base/hex.h"

#include <pthread.h>
#include <string.h>

#define THREADS 8
#define ROUNDS 25

static hz_attest_verifier *verifier;
static hz_attest_policy *policy;
static struct blob pem;
static unsigned char good[REPORT_LEN], bad[REPORT_LEN];

static void *
work(void *arg)
{
	size_t wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		bool broken = i % 3 == 0;
		hz_attest_input *in = hz_attest_input_new();
		hz_attest_result *res;

		hz_attest_input_evidence(in, HZ_ATTEST_KIND_SNP, broken ? bad : good, REPORT_LEN);
		hz_attest_input_certs(in, pem.p, pem.len);
		hz_attest_input_time(in, FORGE_NOW);
		res = hz_attest_verify(verifier, policy, in);
		wrong += hz_attest_result_reason(res) != (broken ? HZ_ATTEST_R_SIGNATURE : HZ_ATTEST_OK);
		hz_attest_result_free(res);
		hz_attest_input_free(in);
	}
	*(size_t *)arg = wrong;
	return NULL;
}

int
main(void)
{
	static const struct forge_spec spec = { "Genoa", false, { 0, 10, 0, 23, 84 }, { 1, 2, 3 }, false, false, false };
	pthread_t thread[THREADS];
	size_t wrong[THREADS];
	struct forge f;
	char json[256], hex[65];

	forge_begin(&f, &spec);
	pem = forge_pem(&f);
	hz_hex_encode(f.ark_sha256, 32, hex);
	snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"snp\",\"cert_sha256\":\"%s\"}],"
	         "\"snp\":{\"measurement\":\"any\"}}", hex);
	verifier = hz_attest_verifier_new(NULL);
	policy = hz_attest_policy_parse(json, strlen(json), NULL, 0);
	forge_report(good, &spec);
	forge_sign(&f, good);
	memcpy(bad, good, sizeof bad);
	bad[0x90] ^= 1;
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, work, &wrong[i]) == 0);
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(thread[i], NULL) == 0);
		CHECK(wrong[i] == 0);
	}
	hz_attest_policy_free(policy);
	hz_attest_verifier_free(verifier);
	blob_free(&pem);
	forge_end(&f);
	return failures != 0;
}
