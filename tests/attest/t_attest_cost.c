/* SPDX-License-Identifier: Apache-2.0 */
/* What verifying costs: processor time of whole verifications, and memory for the worst inputs of 1 MiB. */

#include "config.h"

#include "vectors.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEASURED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MEASURED 0
#endif
#endif
#ifndef MEASURED
#define MEASURED 1
#endif

#define ROUNDS 60
#define LIMIT_KIB (32 * 1024)

static hz_attest_verifier *verifier;
static OSSL_LIB_CTX *libctx;
static hz_attest_policy *reference, *simulated;

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* One verification: by a verifier that has seen nothing yet, or by one that knows these authorities. */
static double
verify_once(const char *name, const hz_attest_input *in, bool fresh)
{
	hz_attest_verifier *v = fresh ? hz_attest_verifier_new(libctx) : verifier;
	double start = now_ms(), took;
	hz_attest_result *res = hz_attest_verify(v, reference, in);

	took = now_ms() - start;
	if (hz_attest_result_reason(res) != HZ_ATTEST_OK) {
		failures++;
		fprintf(stderr, "%s: %s\n", name, hz_attest_result_text(res));
	}
	hz_attest_result_free(res);
	if (fresh)
		hz_attest_verifier_free(v);
	return took;
}

/* Prints the median of processor time (other work on the machine does not count); the verdict is what is checked. */
static void
measure(const char *name, const hz_attest_input *in)
{
	double took[2][ROUNDS];

	for (int i = 0; i < 2 * ROUNDS; i++)
		took[i % 2][i / 2] = verify_once(name, in, i % 2 == 0);
	for (int k = 0; k < 2; k++)
		qsort(took[k], ROUNDS, sizeof **took, compare);
	printf("%-28s first %.3f ms, again %.3f ms (medians), 90th percentiles %.3f and %.3f ms\n", name, took[0][ROUNDS / 2],
	       took[1][ROUNDS / 2], took[0][ROUNDS * 9 / 10], took[1][ROUNDS * 9 / 10]);
}

static void
measure_snp(const char *name, const char *path, const char *vek, const char *line, const char *at)
{
	struct blob file = vectors_file(path), certs[3];
	char mid[64], root[64];
	hz_attest_input *in = hz_attest_input_new();

	snprintf(mid, sizeof mid, "snp/roots/%s-ask.der", line);
	snprintf(root, sizeof root, "snp/roots/%s-ark.der", line);
	certs[0] = vectors_file(vek);
	certs[1] = vectors_file(mid);
	certs[2] = vectors_file(root);
	hz_attest_input_evidence(in, HZ_ATTEST_KIND_SNP, file.p, file.len);
	hz_attest_input_time(in, seconds(at));
	for (int i = 0; i < 3; i++)
		hz_attest_input_certs(in, certs[i].p, certs[i].len);
	measure(name, in);
	hz_attest_input_free(in);
	for (int i = 0; i < 3; i++)
		blob_free(&certs[i]);
	blob_free(&file);
}

/* A GPU may take longer: five signatures on P-384, and with manifests seven more, less five of authorities that are known. */
static void
measure_gpu(const char *name, const char *id, bool rims)
{
	static const char *const files[] = { "nvidia/rim/NV_GPU_DRIVER_GH100_550.90.07.xml",
		                             "nvidia/rim/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml" };
	struct blob report, chain, rim[2];
	char path[96];
	hz_attest_input *in = hz_attest_input_new();

	snprintf(path, sizeof path, "nvidia/%s.report.bin", id);
	report = vectors_file(path);
	snprintf(path, sizeof path, "nvidia/%s.chain.pem", id);
	chain = vectors_file(path);
	hz_attest_input_evidence(in, HZ_ATTEST_KIND_NVIDIA, report.p, report.len);
	hz_attest_input_certs(in, chain.p, chain.len);
	hz_attest_input_time(in, seconds("2026-03-01T00:00:00Z"));
	for (int i = 0; i < 2; i++) {
		rim[i] = vectors_file(files[i]);
		if (rims)
			hz_attest_input_collateral(in, HZ_ATTEST_COLL_RIM, rim[i].p, rim[i].len);
	}
	measure(name, in);
	hz_attest_input_free(in);
	blob_free(&report);
	blob_free(&chain);
	blob_free(&rim[0]);
	blob_free(&rim[1]);
}

static void
measure_tdx(bool collateral)
{
	static const char *const files[] = { "tcb-info.json", "tcb-info.sig", "tcb-info-chain.pem", "qe-identity.json",
		                             "qe-identity.sig", "qe-identity-chain.pem", "pck-crl.der", "root-ca-crl.der" };
	struct blob quote = vectors_file("tdx/v5-td15-2026.quote.bin"), coll[8];
	hz_attest_input *in = hz_attest_input_new();
	char path[96];

	hz_attest_input_evidence(in, HZ_ATTEST_KIND_TDX, quote.p, quote.len);
	hz_attest_input_time(in, seconds("2026-03-17T00:00:00Z"));
	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof path, "tdx/collateral/90c06f-2026-03/%s", files[i]);
		coll[i] = vectors_file(path);
		if (collateral)
			hz_attest_input_collateral(in, hz_attest_collateral_by_name(path), coll[i].p, coll[i].len);
	}
	measure(collateral ? "TDX with collateral" : "TDX", in);
	hz_attest_input_free(in);
	blob_free(&quote);
	for (int i = 0; i < 8; i++)
		blob_free(&coll[i]);
}

/* ---- memory ---- */

static long
peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void
hostile(const char *name, enum hz_attest_kind kind, const char *head, const char *unit, const char *tail)
{
	size_t n = strlen(head), u = strlen(unit), t = strlen(tail);
	char *text = malloc(HZ_ATTEST_MAX_INPUT);
	long before;
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *res;
	double start;

	memcpy(text, head, n);
	while (n + u + t <= HZ_ATTEST_MAX_INPUT) {
		memcpy(text + n, unit, u);
		n += u;
	}
	memcpy(text + n, tail, t);
	n += t;
	before = peak_kib();
	hz_attest_input_evidence(in, kind, text, n);
	hz_attest_input_time(in, 1780000000);
	start = now_ms();
	res = hz_attest_verify(verifier, simulated, in);
	printf("%-28s %-12s %.1f ms, %ld KiB more\n", name, hz_attest_reason_name(hz_attest_result_reason(res)), now_ms() - start,
	       peak_kib() - before);
	CHECK(hz_attest_result_reason(res) != HZ_ATTEST_OK);
	if (MEASURED)
		CHECK(peak_kib() - before < LIMIT_KIB);
	hz_attest_result_free(res);
	hz_attest_input_free(in);
	free(text);
}

/* A manifest that is all elements, or all attributes, as long as one may be and longer, beside a genuine report. */
static void
hostile_manifest(const char *name, const char *unit, size_t size)
{
	struct blob report = vectors_file("nvidia/hopper-550.90.07.report.bin"), chain = vectors_file("nvidia/hopper-550.90.07.chain.pem");
	size_t u = strlen(unit), n = 0;
	char *text = malloc(size);
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *res;
	long before;
	double start;

	n = (size_t)snprintf(text, size, "<a>");
	for (; n + u <= size; n += u)
		memcpy(text + n, unit, u);
	before = peak_kib();
	hz_attest_input_evidence(in, HZ_ATTEST_KIND_NVIDIA, report.p, report.len);
	hz_attest_input_certs(in, chain.p, chain.len);
	hz_attest_input_time(in, seconds("2026-03-01T00:00:00Z"));
	hz_attest_input_collateral(in, HZ_ATTEST_COLL_RIM, text, n);
	start = now_ms();
	res = hz_attest_verify(verifier, reference, in);
	printf("%-28s %-12s %.1f ms, %ld KiB more\n", name, hz_attest_reason_name(hz_attest_result_reason(res)), now_ms() - start,
	       peak_kib() - before);
	CHECK(hz_attest_result_reason(res) == HZ_ATTEST_R_RIM);
	if (MEASURED)
		CHECK(peak_kib() - before < LIMIT_KIB);
	hz_attest_result_free(res);
	hz_attest_input_free(in);
	free(text);
	blob_free(&report);
	blob_free(&chain);
}

static void
test_hostile(void)
{
	hostile_manifest("manifest of elements", "<a/>", 256 << 10);
	hostile_manifest("manifest of attributes", "<a b='' c='' d='' e='' f='' g='' h=''/>", 256 << 10);
	hostile_manifest("manifest of names", "<a xmlns:b='c' b:d='' b:e=''/>", 256 << 10);
	hostile_manifest("manifest too long", "<a/>", 1 << 20);
	hostile("record of many numbers", HZ_ATTEST_KIND_BUNDLE,
	        "{\"hanzo_evidence\":1,\"challenge\":\"AA\",\"evidence\":{\"cpu\":[\"a\",\"b\"", ",1", "]}}");
	hostile("record of few numbers", HZ_ATTEST_KIND_BUNDLE,
	        "{\"hanzo_evidence\":1,\"challenge\":\"AA\",\"evidence\":{\"cpu\":[\"a\",\"b\"", ",12345678901234567", "]}}");
	hostile("record of long text", HZ_ATTEST_KIND_BUNDLE,
	        "{\"hanzo_evidence\":1,\"challenge\":\"AA\",\"evidence\":{\"cpu\":[\"application/vnd.veraison.tsm-report+json\",\"", "A", "\"]}}");
	hostile("deep nesting", HZ_ATTEST_KIND_BUNDLE, "", "[", "");
	hostile("many members", HZ_ATTEST_KIND_BUNDLE, "{\"a\":1", ",\"a1\":1", "}");
	hostile("simulated, long statement", HZ_ATTEST_KIND_SIM, "{\"hanzo_sim\":1,\"signature\":\"AA\",\"statement\":\"", "e", "\"}");
	hostile("zeros as SNP", HZ_ATTEST_KIND_SNP, "", "\1", "");
	hostile("spaces as TDX", HZ_ATTEST_KIND_TDX, "", " ", "");
}

int
main(void)
{
	static const char policy[] = "{\"hanzo_policy\":1,\"allow_simulated\":true,\"sim\":{\"measurement\":\"any\"},"
				     "\"snp\":{\"measurement\":\"any\"},\"tdx\":{\"mrtd\":\"any\"}}";
	struct json_object *manifest = vectors_manifest();

	libctx = OSSL_LIB_CTX_new();
	verifier = hz_attest_verifier_new(libctx);
	reference = hz_attest_policy_reference();
	simulated = hz_attest_policy_parse(policy, strlen(policy), NULL, 0);
	test_hostile();
	measure_snp("SNP Milan", "snp/v3-milan-vcek/report.bin", "snp/v3-milan-vcek/vek.der", "milan", "2026-07-17T01:05:04Z");
	measure_snp("SNP Turin", "snp/v5-turin-vcek/report.bin", "snp/v5-turin-vcek/vek.der", "turin", "2025-08-16T17:04:46Z");
	measure_tdx(false);
	measure_tdx(true);
	measure_gpu("GPU Hopper", "hopper-550.90.07", false);
	measure_gpu("GPU Hopper with manifests", "hopper-550.90.07", true);
	measure_gpu("GPU Blackwell", "blackwell-590.48.01-mpt", false);
	hz_attest_policy_free(reference);
	hz_attest_policy_free(simulated);
	hz_attest_verifier_free(verifier);
	OSSL_LIB_CTX_free(libctx);
	json_object_put(manifest);
	return failures != 0;
}
