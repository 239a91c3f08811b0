/* SPDX-License-Identifier: Apache-2.0 */
/* The collector "sim": evidence of a simulated platform that a JSON file describes, signed with the key that everybody knows. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hex.h"
#include "base/jdoc.h"
#include "collect/collect_int.h"
#include "crypto/hash.h"

#define FILE_MAX ((size_t)64 << 10)
#define MEDIA_TYPE "application/vnd.hanzo.sim-evidence+json"

/* {"measurement": 96 hexadecimal digits, "debug": bool, "tee_io": bool, "gpus": [{"arch": "hopper" | "blackwell", "key": text}]} */
struct platform {
	struct hz_attest_sim cpu;
	struct hz_attest_sim gpu[HZ_ATTEST_MAX_GPUS];
	size_t n;
};

static bool flag(const struct hz_jnode *v, bool *out)
{
	*out = v->type == HZ_J_TRUE;
	return *out || v->type == HZ_J_FALSE;
}

static bool read_gpu(const struct hz_jdoc *j, const struct hz_jnode *o, struct hz_attest_sim *g)
{
	const struct hz_jnode *arch = hz_jdoc_get(j, o, "arch"), *key = hz_jdoc_get(j, o, "key");

	if (arch == NULL || key == NULL || o->len != 2 || key->type != HZ_J_STRING || key->len == 0)
		return false;
	g->gpu = true;
	g->blackwell = hz_jdoc_is(arch, "blackwell");
	g->spki = key->s;
	g->spki_len = key->len;
	return g->blackwell || hz_jdoc_is(arch, "hopper");
}

static bool read_gpus(const struct hz_jdoc *j, const struct hz_jnode *list, struct platform *p)
{
	const struct hz_jnode *o = hz_jdoc_first(list);

	if (list->type != HZ_J_ARRAY || list->len > HZ_ATTEST_MAX_GPUS)
		return false;
	for (p->n = 0; p->n < list->len; p->n++, o = hz_jdoc_next(j, o))
		if (!read_gpu(j, o, &p->gpu[p->n]))
			return false;
	return true;
}

static bool read_member(const struct hz_jdoc *j, const struct hz_jnode *m, struct platform *p)
{
	if (hz_jdoc_key_is(m, "measurement"))
		return m->type == HZ_J_STRING && m->len == 96 && hz_hex_decode(m->s, 96, p->cpu.measurement, 48);
	if (hz_jdoc_key_is(m, "debug"))
		return flag(m, &p->cpu.debug);
	if (hz_jdoc_key_is(m, "tee_io"))
		return flag(m, &p->cpu.tee_io);
	return hz_jdoc_key_is(m, "gpus") && read_gpus(j, m, p);
}

static bool read_platform(const struct hz_jdoc *j, struct platform *p)
{
	const struct hz_jnode *m = hz_jdoc_first(j->v);

	if (j->v->type != HZ_J_OBJECT)
		return false;
	for (uint32_t i = 0; i < j->v->len; i++, m = hz_jdoc_next(j, m))
		if (!read_member(j, m, p))
			return false;
	for (size_t i = 0; i < p->n; i++)
		memcpy(p->gpu[i].measurement, p->cpu.measurement, sizeof p->cpu.measurement);
	return true;
}

static bool sign(const hz_attest_verifier *v, const struct hz_attest_sim *sim, struct hz_piece *out)
{
	char *text = hz_attest_sim_make(v, sim);

	out->type = MEDIA_TYPE;
	if (text != NULL)
		hz_buf_str(&out->value, text);
	free(text);
	return text != NULL && !out->value.failed;
}

static bool make(const hz_attest_verifier *v, const struct hz_collect_ask *ask, struct platform *p, struct hz_cpu_pieces *cpu,
		 struct hz_gpu_piece *gpu)
{
	uint8_t spki[HZ_ATTEST_MAX_GPUS][32];
	bool ok = true;

	for (size_t i = 0; ok && i < p->n; i++) {
		hz_hash_once(HZ_SHA256, p->gpu[i].spki, p->gpu[i].spki_len, spki[i]);
		ok = hz_attest_gpu_nonce(v, ask->challenge, ask->challenge_len, (uint32_t)i, p->gpu[i].nonce) &&
		     sign(v, &p->gpu[i], &gpu[i].evidence);
	}
	if (ok && ask->key_len != 0)
		ok = hz_attest_key_report_data(v, ask->key, ask->key_len, (const uint8_t(*)[32])spki, p->n, p->cpu.report_data);
	else if (ok)
		ok = hz_attest_report_data(v, ask->challenge, ask->challenge_len, NULL, 0, (const uint8_t(*)[32])spki, p->n,
					   p->cpu.report_data);
	return ok && sign(v, &p->cpu, &cpu->report);
}

static CK_RV answer(const struct hz_collect_ask *ask, struct platform *p, struct hz_buf *out)
{
	struct hz_gpu_piece gpu[HZ_ATTEST_MAX_GPUS] = { { { NULL, HZ_BUF_INIT }, { 0 } } };
	struct hz_cpu_pieces cpu = { { NULL, HZ_BUF_INIT }, { NULL, HZ_BUF_INIT } };
	hz_attest_verifier *v = hz_collect_verifier();
	CK_RV rv = CKR_HOST_MEMORY;

	if (v != NULL && make(v, ask, p, &cpu, gpu))
		rv = hz_bundle_write(ask, &cpu, gpu, p->n, out);
	for (size_t i = 0; i < HZ_ATTEST_MAX_GPUS; i++)
		hz_buf_free(&gpu[i].evidence.value);
	hz_buf_free(&cpu.report.value);
	hz_attest_verifier_free(v);
	return rv;
}

static CK_RV bundle(const char *path, const struct hz_collect_ask *ask, struct hz_buf *out)
{
	static const struct hz_jdoc_limits limits = { FILE_MAX, 256, 16, 4 };
	struct platform *p = calloc(1, sizeof *p);
	struct hz_buf text = HZ_BUF_INIT;
	struct hz_jdoc j;
	CK_RV rv = p != NULL ? hz_collect_read(path, FILE_MAX, "simulated platform", &text) : CKR_HOST_MEMORY;

	if (rv == CKR_OK && !hz_jdoc_parse(&j, text.p, text.len, &limits)) {
		rv = hz_fail(CKR_DEVICE_ERROR, "simulated platform %s: %s", path, j.why);
	} else if (rv == CKR_OK) {
		rv = read_platform(&j, p) ? answer(ask, p, out)
					  : hz_fail(CKR_DEVICE_ERROR, "simulated platform %s: a member is unknown or malformed", path);
		hz_jdoc_free(&j);
	}
	hz_buf_free(&text);
	free(p);
	return rv;
}

static CK_RV probe(const char *path)
{
	struct hz_buf text = HZ_BUF_INIT;
	CK_RV rv = hz_collect_read(path, FILE_MAX, "simulated platform", &text);

	hz_buf_free(&text);
	return rv;
}

const struct hz_collector hz_collect_sim = { "sim", NULL, false, probe, bundle, NULL, NULL };
