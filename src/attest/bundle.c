/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence bundle: a strict JSON object around a CMW collection, with CPU and GPUs bound by one challenge. */

#include "attest/bundle.h"
#include "attest/policy-int.h"
#include "attest/result.h"
#include "attest/snp.h"

#include "base/hex.h"
#include "base/jsoncheck.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_PIN 1024
#define HZ_AT_LABEL 8

struct record {
	enum hz_attest_kind kind;
	struct hz_at_bytes value;
	bool present;
};

struct bundle {
	struct hz_at_arena arena;
	struct hz_at_bytes challenge, runtime, evidence;
	bool has_format, has_runtime;
	bool of_key; /* its challenge is empty: the attestation of a key */
	struct record cpu, certs, gpu[HZ_ATTEST_MAX_GPUS];
	size_t n_gpus;
	struct hz_at_item cpu_item, gpu_item[HZ_ATTEST_MAX_GPUS];
	char gpu_label[HZ_ATTEST_MAX_GPUS][HZ_AT_LABEL];
	uint8_t spki[HZ_ATTEST_MAX_GPUS][32], nonce[HZ_ATTEST_MAX_GPUS][HZ_ATTEST_NONCE_LEN];
	uint8_t report_data[HZ_ATTEST_REPORT_DATA_LEN], quote_nonce[HZ_ATTEST_NONCE_LEN];
};

static const struct {
	const char *type;
	enum hz_attest_kind kind;
} cpu_types[] = {
	{ "application/vnd.amd.sev-snp.attestation-report", HZ_ATTEST_KIND_SNP },
	{ "application/vnd.amd.sev.snp.attestation-report", HZ_ATTEST_KIND_SNP },
	{ "application/vnd.veraison.tsm-report+json", HZ_ATTEST_KIND_TSM },
	{ "application/eat-collection; profile=\"http://arm.com/CCA-SSD/1.0.0\"", HZ_ATTEST_KIND_CCA },
	{ "application/vnd.hanzo.azure-hcl+json", HZ_ATTEST_KIND_AZURE },
	{ "application/vnd.hanzo.tpm-quote+json", HZ_ATTEST_KIND_TPM },
	{ "application/vnd.hanzo.sim-evidence+json", HZ_ATTEST_KIND_SIM },
}, gpu_types[] = {
	{ "application/vnd.veraison.nvidia-gpu-evidence+json", HZ_ATTEST_KIND_NVIDIA },
	{ "application/vnd.hanzo.sim-evidence+json", HZ_ATTEST_KIND_SIM },
};

static enum hz_attest_kind
cpu_kind(const char *type)
{
	for (size_t i = 0; i < sizeof cpu_types / sizeof *cpu_types; i++)
		if (strcmp(cpu_types[i].type, type) == 0)
			return cpu_types[i].kind;
	return HZ_ATTEST_KIND_NONE;
}

static enum hz_attest_kind
gpu_kind(const char *type)
{
	for (size_t i = 0; i < sizeof gpu_types / sizeof *gpu_types; i++)
		if (strcmp(gpu_types[i].type, type) == 0)
			return gpu_types[i].kind;
	return HZ_ATTEST_KIND_NONE;
}

/* Certificates are no kind of evidence: SNP stands for the table of an SNP host, BUNDLE for a PEM chain. */
static enum hz_attest_kind
certs_kind(const char *type)
{
	if (strcmp(type, "application/vnd.amd.ghcb.guid-table") == 0)
		return HZ_ATTEST_KIND_SNP;
	return strcmp(type, "application/pem-certificate-chain") == 0 ? HZ_ATTEST_KIND_BUNDLE : HZ_ATTEST_KIND_NONE;
}

/* ---- reading ---- */

static struct hz_at_bytes
decode_string(struct hz_at_arena *a, const uint8_t *p, size_t n)
{
	if (n < 2 || p[0] != '"')
		return (struct hz_at_bytes){ NULL, 0 };
	return hz_at_arena_b64(a, p + 1, n - 2);
}

/* "ind": a set of reference values, endorsements, evidence, results (1, 2, 4, 8). */
static bool
is_indicator(struct json_object *v)
{
	return json_object_is_type(v, json_type_int) && json_object_get_int64(v) >= 1 && json_object_get_int64(v) <= 15;
}

/* One record [media type, value, ind?]. */
static enum hz_attest_reason
read_record(struct hz_at_run *run, struct hz_at_arena *a, struct hz_at_bytes text,
            enum hz_attest_kind (*kind_of)(const char *), struct record *out)
{
	struct json_object *o = hz_at_json_parse(text.p, text.len, 1), *type, *value;
	size_t n = o != NULL && json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 0;
	enum hz_attest_reason rc = HZ_ATTEST_OK;

	type = n >= 2 ? json_object_array_get_idx(o, 0) : NULL;
	value = n >= 2 ? json_object_array_get_idx(o, 1) : NULL;
	if (n < 2 || n > 3 || !json_object_is_type(type, json_type_string) || !json_object_is_type(value, json_type_string) ||
	    (n == 3 && !is_indicator(json_object_array_get_idx(o, 2)))) {
		rc = hz_at_refuse(run, HZ_ATTEST_R_JSON, "a record is not [media type, value]");
		goto out;
	}
	out->present = true;
	if (strlen(json_object_get_string(type)) == (size_t)json_object_get_string_len(type))
		out->kind = kind_of(json_object_get_string(type));
	if (out->kind == HZ_ATTEST_KIND_NONE) {
		rc = hz_at_refuse(run, HZ_ATTEST_R_KIND, "a record has a media type that is not accepted there");
		goto out;
	}
	out->value = hz_at_arena_b64(a, json_object_get_string(value), (size_t)json_object_get_string_len(value));
	if (out->value.p == NULL)
		rc = hz_at_refuse(run, HZ_ATTEST_R_JSON, "a record's value is not unpadded base64url");
out:
	json_object_put(o);
	return rc;
}

static enum hz_attest_kind
any_kind(const char *type)
{
	return cpu_kind(type) != HZ_ATTEST_KIND_NONE ? cpu_kind(type) : gpu_kind(type);
}

enum hz_attest_reason
hz_at_cmw_open(struct hz_at_run *run, struct hz_at_arena *a, struct hz_at_item *item, struct hz_at_bytes json)
{
	struct record r = { .present = false };
	enum hz_attest_reason rc = read_record(run, a, json, any_kind, &r);

	if (rc != HZ_ATTEST_OK)
		return rc;
	item->kind = r.kind;
	item->evidence = r.value;
	if (r.kind == HZ_ATTEST_KIND_NVIDIA)
		item->label = "gpu/0";
	return HZ_ATTEST_OK;
}

/* "gpu/0" to "gpu/15"; what is shorter than the room is filled with NULs. */
static void
gpu_label(unsigned i, char out[HZ_AT_LABEL])
{
	memcpy(out, "gpu/\0\0\0", HZ_AT_LABEL);
	if (i >= 10)
		out[4] = (char)('0' + i / 10 % 10);
	out[i >= 10 ? 5 : 4] = (char)('0' + i % 10);
}

/* Index of "gpu/N" in its only spelling, or -1. */
static int
gpu_index(const struct hz_json_pair *m)
{
	char name[HZ_AT_LABEL];

	for (unsigned i = 0; i < HZ_ATTEST_MAX_GPUS; i++) {
		gpu_label(i, name);
		if (hz_json_name_is(m, name))
			return (int)i;
	}
	return -1;
}

static enum hz_attest_reason
read_member(struct hz_at_run *run, struct bundle *b, const struct hz_json_pair *m)
{
	const struct hz_at_bytes text = { m->p, m->len };
	int i = gpu_index(m);

	if (i >= 0)
		return read_record(run, &b->arena, text, gpu_kind, &b->gpu[i]);
	if (hz_json_name_is(m, "cpu"))
		return read_record(run, &b->arena, text, cpu_kind, &b->cpu);
	if (hz_json_name_is(m, "cpu/certs"))
		return read_record(run, &b->arena, text, certs_kind, &b->certs);
	if (hz_json_name_is(m, "__cmwc_t") && m->p[0] == '"')
		return HZ_ATTEST_OK;
	return hz_at_refuse(run, HZ_ATTEST_R_JSON, "the collection has an unknown member");
}

static enum hz_attest_reason
read_collection(struct hz_at_run *run, struct bundle *b)
{
	struct hz_reader r = hz_rd(b->evidence.p, b->evidence.len);
	struct hz_json_pair m;
	enum hz_attest_reason rc;

	while (hz_json_next(&r, &m)) {
		rc = read_member(run, b, &m);
		if (rc != HZ_ATTEST_OK)
			return rc;
	}
	if (!b->cpu.present)
		return hz_at_refuse(run, HZ_ATTEST_R_MISSING, "the collection has no \"cpu\"");
	while (b->n_gpus < HZ_ATTEST_MAX_GPUS && b->gpu[b->n_gpus].present)
		b->n_gpus++;
	for (size_t i = b->n_gpus; i < HZ_ATTEST_MAX_GPUS; i++)
		if (b->gpu[i].present)
			return hz_at_refuse(run, HZ_ATTEST_R_GPU_COUNT, "gpu/%zu is there, gpu/%zu is not", i, b->n_gpus);
	return HZ_ATTEST_OK;
}

/* Keeps the PIN outside json-c, which does not wipe its copies. */
static bool
read_pin(struct hz_at_run *run, const struct hz_json_pair *m)
{
	char *pin = malloc(MAX_PIN);
	size_t len;

	if (pin == NULL)
		return false;
	if (!hz_json_text(m->p, m->len, pin, MAX_PIN, &len) || len != strlen(pin)) {
		OPENSSL_cleanse(pin, MAX_PIN);
		free(pin);
		return false;
	}
	run->res->pin = pin;
	return true;
}

static bool
read_top_member(struct hz_at_run *run, struct bundle *b, const struct hz_json_pair *m)
{
	if (hz_json_name_is(m, "hanzo_evidence")) {
		b->has_format = m->len == 1 && m->p[0] == '1';
		return b->has_format;
	}
	if (hz_json_name_is(m, "challenge")) {
		b->challenge = decode_string(&b->arena, m->p, m->len);
		b->of_key = b->challenge.len == 0;
		return b->challenge.p != NULL;
	}
	if (hz_json_name_is(m, "runtime_data")) {
		b->has_runtime = true;
		b->runtime = decode_string(&b->arena, m->p, m->len);
		return b->runtime.p != NULL;
	}
	if (hz_json_name_is(m, "pin"))
		return read_pin(run, m);
	if (!hz_json_name_is(m, "evidence") || m->p[0] != '{')
		return false;
	b->evidence = (struct hz_at_bytes){ m->p, m->len };
	return true;
}

/* An answer to a challenge is no attestation of a key, and the other way round. Who only looks sees either. */
static enum hz_attest_reason
check_purpose(struct hz_at_run *run, const struct bundle *b)
{
	if (run->inspect || b->of_key == run->in->key_attestation)
		return HZ_ATTEST_OK;
	return b->of_key ? hz_at_refuse(run, HZ_ATTEST_R_CHALLENGE, "this is the attestation of a key: --key is missing")
	                 : hz_at_refuse(run, HZ_ATTEST_R_CHALLENGE, "this bundle answers a challenge and attests no key");
}

static enum hz_attest_reason
read_bundle(struct hz_at_run *run, struct bundle *b)
{
	struct hz_reader r = hz_rd(run->in->evidence.p, run->in->evidence.len);
	struct hz_json_pair m;
	enum hz_attest_reason rc;

	if (!hz_json_check(run->in->evidence.p, run->in->evidence.len, HZ_AT_JSON_DEPTH))
		return hz_at_refuse(run, HZ_ATTEST_R_JSON, "the bundle is not strict JSON");
	while (hz_json_next(&r, &m))
		if (!read_top_member(run, b, &m))
			return hz_at_refuse(run, HZ_ATTEST_R_JSON, "the bundle has an unknown or malformed member \"%.*s\"",
			                    (int)(m.name_len < 32 ? m.name_len : 32), (const char *)m.name);
	if (!b->has_format || b->challenge.p == NULL || b->evidence.p == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_MISSING, "the bundle lacks hanzo_evidence, challenge or evidence");
	rc = check_purpose(run, b);
	return rc == HZ_ATTEST_OK ? read_collection(run, b) : rc;
}

/* ---- checking ---- */

/* A key attestation answers no challenge; what it vouches for is the key in its runtime data. */
static enum hz_attest_reason
check_key(struct hz_at_run *run, const struct bundle *b)
{
	const struct hz_at_bytes *want = &run->in->key;

	if (b->runtime.len == 0)
		return hz_at_refuse(run, HZ_ATTEST_R_MISSING, "a key attestation without a key");
	hz_at_claim_hex(run, NULL, "key", b->runtime.p, b->runtime.len);
	if (run->in->challenge.p != NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_ARGUMENT, "a key attestation answers no challenge");
	if (want->len != 0 && (want->len != b->runtime.len || !hz_at_equal(want->p, b->runtime.p, want->len)))
		return hz_at_refuse(run, HZ_ATTEST_R_BINDING, "the attestation is of another key");
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
check_challenge(struct hz_at_run *run, const struct bundle *b)
{
	const struct hz_at_bytes *want = &run->in->challenge;

	if (run->in->report_data.p != NULL || run->in->nonce.p != NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_ARGUMENT, "a bundle is bound by its challenge, not by report data or a nonce");
	if (b->of_key)
		return check_key(run, b);
	hz_at_claim_hex(run, NULL, "challenge", b->challenge.p, b->challenge.len);
	hz_at_claim_bool(run, NULL, "challenge_expected", want->p != NULL);
	if (want->p != NULL && (want->len != b->challenge.len || !hz_at_equal(want->p, b->challenge.p, want->len)))
		return hz_at_refuse(run, HZ_ATTEST_R_CHALLENGE, "the bundle answers another challenge");
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
verify_gpu(struct hz_at_run *run, struct bundle *b, size_t i)
{
	const struct hz_attest_verifier v = { .libctx = run->libctx };
	struct hz_at_item *item = &b->gpu_item[i];
	enum hz_attest_reason rc;

	gpu_label((unsigned)i, b->gpu_label[i]);
	rc = hz_at_item_begin(run, item, b->gpu[i].kind, b->gpu_label[i]);
	if (rc != HZ_ATTEST_OK)
		return rc;
	if (!hz_attest_gpu_nonce(&v, b->challenge.p, b->challenge.len, (uint32_t)i, b->nonce[i]))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "a digest failed");
	item->evidence = b->gpu[i].value;
	item->nonce = (struct hz_at_bytes){ b->nonce[i], HZ_ATTEST_NONCE_LEN };
	rc = hz_at_item_verify(run, item);
	if (rc == HZ_ATTEST_OK && !item->is_gpu)
		return hz_at_refuse(run, HZ_ATTEST_R_DEVICE_KIND, "gpu/%zu is not the evidence of a GPU", i);
	memcpy(b->spki[i], item->leaf_spki_sha256, 32);
	for (size_t k = 0; rc == HZ_ATTEST_OK && k < i; k++)
		if (memcmp(b->spki[k], b->spki[i], 32) == 0)
			return hz_at_refuse(run, HZ_ATTEST_R_GPU_SAME_KEY, "gpu/%zu and gpu/%zu are one device", k, i);
	return rc;
}

/* What the CPU evidence must carry, for the challenge or the key of the bundle and its GPUs. */
static bool
expected_binding(struct hz_at_run *run, struct bundle *b)
{
	const struct hz_attest_verifier v = { .libctx = run->libctx };
	const uint8_t(*spki)[32] = (const uint8_t(*)[32])b->spki;
	bool ok = b->of_key
	              ? hz_attest_key_report_data(&v, b->runtime.p, b->runtime.len, spki, b->n_gpus, b->report_data)
	              : hz_attest_report_data(&v, b->challenge.p, b->challenge.len, b->runtime.p, b->runtime.len, spki,
	                                      b->n_gpus, b->report_data);

	return ok && hz_attest_tpm_nonce(&v, b->report_data, b->quote_nonce);
}

static enum hz_attest_reason
verify_cpu(struct hz_at_run *run, struct bundle *b)
{
	struct hz_at_item *item = &b->cpu_item;
	enum hz_attest_reason rc = hz_at_item_begin(run, item, b->cpu.kind, "cpu");

	item->evidence = b->cpu.value;
	if (rc == HZ_ATTEST_OK && item->kind == HZ_ATTEST_KIND_TSM)
		rc = hz_at_tsm_open(run, &b->arena, item, b->cpu.value);
	if (rc == HZ_ATTEST_OK && b->certs.present)
		rc = b->certs.kind == HZ_ATTEST_KIND_SNP
		         ? hz_at_snp_table(run, b->certs.value.p, b->certs.value.len, item->certs)
		         : hz_at_item_certs(run, item, b->certs.value);
	if (rc != HZ_ATTEST_OK)
		return rc;
	if (!expected_binding(run, b))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "a digest failed");
	if (item->kind == HZ_ATTEST_KIND_AZURE || item->kind == HZ_ATTEST_KIND_TPM)
		item->nonce = (struct hz_at_bytes){ b->quote_nonce, sizeof b->quote_nonce };
	else
		item->report_data = (struct hz_at_bytes){ b->report_data, sizeof b->report_data };
	rc = hz_at_item_verify(run, item);
	if (rc == HZ_ATTEST_OK && item->is_gpu)
		return hz_at_refuse(run, HZ_ATTEST_R_DEVICE_KIND, "cpu is the evidence of a GPU");
	return rc;
}

static enum hz_attest_reason
check_gpu_group(struct hz_at_run *run, const struct bundle *b)
{
	for (size_t i = 1; i < b->n_gpus; i++)
		if (b->gpu_item[i].mode != b->gpu_item[0].mode || b->gpu_item[i].arch != b->gpu_item[0].arch)
			return hz_at_refuse(run, HZ_ATTEST_R_GPU_MODE, "gpu/0 and gpu/%zu differ in architecture or mode", i);
	return HZ_ATTEST_OK;
}

/* A simulated piece beside a genuine one would let the genuine one's name cover what nobody measured. */
static enum hz_attest_reason
check_no_mix(struct hz_at_run *run, const struct bundle *b)
{
	for (size_t i = 0; i < b->n_gpus; i++)
		if ((b->gpu_item[i].kind == HZ_ATTEST_KIND_SIM) != (b->cpu_item.kind == HZ_ATTEST_KIND_SIM))
			return hz_at_refuse(run, HZ_ATTEST_R_POLICY_SIMULATED, "simulated and genuine evidence in one bundle");
	return HZ_ATTEST_OK;
}

/* GPUs first: the CPU's report names their keys. Who only looks sees the pieces behind a refused one as well. */
static enum hz_attest_reason
check_pieces(struct hz_at_run *run, struct bundle *b)
{
	enum hz_attest_reason rc = check_challenge(run, b), next;

	for (size_t i = 0; (rc == HZ_ATTEST_OK || run->inspect) && i < b->n_gpus; i++) {
		next = verify_gpu(run, b, i);
		rc = rc == HZ_ATTEST_OK ? next : rc;
	}
	if (rc == HZ_ATTEST_OK)
		rc = check_gpu_group(run, b);
	if (rc == HZ_ATTEST_OK || run->inspect) {
		next = verify_cpu(run, b);
		rc = rc == HZ_ATTEST_OK ? next : rc;
	}
	return rc;
}

static enum hz_attest_reason
check_bundle(struct hz_at_run *run, struct bundle *b)
{
	enum hz_attest_reason rc = check_pieces(run, b);

	if (rc == HZ_ATTEST_OK)
		rc = check_no_mix(run, b);
	if (rc == HZ_ATTEST_OK)
		rc = hz_at_tier_check(run, &b->cpu_item, b->gpu_item, b->n_gpus);
	return rc;
}

static enum hz_attest_reason
keep_runtime(struct hz_at_run *run, const struct bundle *b)
{
	if (!b->has_runtime)
		return HZ_ATTEST_OK;
	run->res->runtime = malloc(b->runtime.len + 1);
	if (run->res->runtime == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "out of memory");
	memcpy(run->res->runtime, b->runtime.p, b->runtime.len);
	run->res->runtime_len = b->runtime.len;
	return HZ_ATTEST_OK;
}

enum hz_attest_reason
hz_at_bundle(struct hz_at_run *run)
{
	struct bundle *b = calloc(1, sizeof *b);
	enum hz_attest_reason rc;

	if (run->in->parts != 0) {
		free(b);
		return hz_at_refuse(run, HZ_ATTEST_R_ARGUMENT, "a bundle has no further parts");
	}
	/* The value of a tsm record is decoded once more inside the decoded record: less than twice the text in all. */
	if (b == NULL || !hz_at_arena_begin(&b->arena, 2 * run->in->evidence.len)) {
		free(b);
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "out of memory");
	}
	rc = read_bundle(run, b);
	if (rc == HZ_ATTEST_OK)
		rc = check_bundle(run, b);
	if (rc == HZ_ATTEST_OK)
		rc = keep_runtime(run, b);
	hz_at_item_end(&b->cpu_item);
	for (size_t i = 0; i < HZ_ATTEST_MAX_GPUS; i++)
		hz_at_item_end(&b->gpu_item[i]);
	hz_at_arena_end(&b->arena);
	free(b);
	return rc;
}

/* ---- tiers ---- */

static enum hz_attest_reason
check_mig(struct hz_at_run *run, const struct hz_at_item *gpu, size_t n)
{
	int want = run->policy->mig == HZ_AT_MIG_REQUIRED;

	for (size_t i = 0; run->policy->mig != HZ_AT_MIG_ANY && i < n; i++)
		if (gpu[i].mig != want)
			return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MIG, "gpu/%zu: MIG is %s, the policy has it %s", i,
			                    gpu[i].mig < 0 ? "not stated" : gpu[i].mig ? "on" : "off",
			                    want ? "required" : "forbidden");
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
check_tee_io(struct hz_at_run *run, const struct hz_at_item *cpu, const struct hz_at_item *gpu, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (gpu[i].arch != HZ_AT_ARCH_BLACKWELL)
			return hz_at_refuse(run, HZ_ATTEST_R_POLICY_TEE_IO, "gpu/%zu is not a Blackwell device", i);
	if (run->policy->tee_io == HZ_AT_TEE_IO_REQUIRED && !cpu->tee_io)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_TEE_IO, "the platform does not sign that TEE-I/O is on");
	return HZ_ATTEST_OK;
}

enum hz_attest_reason
hz_at_tier_check(struct hz_at_run *run, const struct hz_at_item *cpu, const struct hz_at_item *gpu, size_t n)
{
	unsigned tier = run->in->tier;

	if (tier >= 2 && (cpu == NULL || cpu->kind == HZ_ATTEST_KIND_TPM))
		return hz_at_refuse(run, HZ_ATTEST_R_MISSING, "tier %u needs the evidence of a CPU TEE", tier);
	if (tier >= 3 && n == 0)
		return hz_at_refuse(run, HZ_ATTEST_R_GPU_COUNT, "tier %u needs the evidence of a GPU", tier);
	if (n < run->policy->min_gpus || n > run->policy->max_gpus)
		return hz_at_refuse(run, HZ_ATTEST_R_GPU_COUNT, "%zu GPUs, the policy wants %u to %u", n, (unsigned)run->policy->min_gpus,
		                    (unsigned)run->policy->max_gpus);
	if (tier >= 4) {
		enum hz_attest_reason rc = check_tee_io(run, cpu, gpu, n);

		if (rc != HZ_ATTEST_OK)
			return rc;
	}
	return check_mig(run, gpu, n);
}
