/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points: the verifier object, the dispatch to a family, the tenant map. */

#include "attest/bundle.h"
#include "attest/policy-int.h"
#include "attest/result.h"
#include "attest/seen.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

const struct hz_at_family *const hz_at_families[HZ_AT_N_FAMILIES] = {
	&hz_at_snp,
	&hz_at_tdx,
	&hz_at_sim,
	&hz_at_nvidia,
	&hz_at_tpm,
	&hz_at_azure,
	&hz_at_cca,
};

const struct hz_at_family *
hz_at_family_of(enum hz_attest_kind kind)
{
	for (size_t i = 0; i < HZ_AT_N_FAMILIES; i++)
		if (hz_at_families[i]->kind == kind)
			return hz_at_families[i];
	return NULL;
}

hz_attest_verifier *
hz_attest_verifier_new(struct ossl_lib_ctx_st *libctx)
{
	struct hz_attest_verifier *v = calloc(1, sizeof *v);

	if (v == NULL)
		return NULL;
	v->own_libctx = libctx == NULL;
	v->libctx = libctx != NULL ? libctx : OSSL_LIB_CTX_new();
	if (v->libctx == NULL) {
		free(v);
		return NULL;
	}
	v->links = hz_at_links_new();
	return v;
}

void
hz_attest_verifier_free(hz_attest_verifier *v)
{
	if (v == NULL)
		return;
	if (v->own_libctx)
		OSSL_LIB_CTX_free(v->libctx);
	hz_at_links_free(v->links);
	free(v);
}

/* ---- items ---- */

struct hz_at_bytes
hz_at_item_part(const struct hz_at_item *item, const char *name)
{
	for (size_t i = 0; i < item->parts; i++)
		if (strcmp(item->part[i].name, name) == 0)
			return item->part[i].data;
	return (struct hz_at_bytes){ NULL, 0 };
}

enum hz_attest_reason
hz_at_item_add_part(struct hz_at_run *run, struct hz_at_item *item, const char *name, struct hz_at_bytes data)
{
	if (hz_at_item_part(item, name).p != NULL || item->parts == HZ_AT_MAX_PARTS)
		return hz_at_refuse(run, HZ_ATTEST_R_DUPLICATE, "part \"%s\" is given twice", name);
	item->part[item->parts++] = (struct hz_at_part){ name, data };
	return HZ_ATTEST_OK;
}

/*
 * Certificates among the collateral belong to whatever looks for an issuer. A GPU brings its own chain and nothing else, a TD quote has
 * its chain inside and reads the signer of TCB info for itself, and the simulated TEE has none.
 */
static enum hz_attest_reason
add_collateral_certs(struct hz_at_run *run, struct hz_at_item *item)
{
	enum hz_attest_reason rc = HZ_ATTEST_OK;

	if (item->kind == HZ_ATTEST_KIND_NVIDIA || item->kind == HZ_ATTEST_KIND_TDX || item->kind == HZ_ATTEST_KIND_SIM)
		return HZ_ATTEST_OK;
	for (size_t i = 0; rc == HZ_ATTEST_OK && i < run->in->n_coll; i++)
		if (run->in->coll[i].kind == HZ_ATTEST_COLL_CERTS)
			rc = hz_at_item_certs(run, item, run->in->coll[i].data);
	return rc;
}

enum hz_attest_reason
hz_at_item_begin(struct hz_at_run *run, struct hz_at_item *item, enum hz_attest_kind kind, const char *label)
{
	enum hz_attest_reason rc = HZ_ATTEST_OK;

	*item = (struct hz_at_item){ .kind = kind, .label = label, .mode = -1, .mig = -1 };
	item->certs = sk_X509_new_null();
	if (item->certs == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "out of memory");
	for (size_t i = 0; rc == HZ_ATTEST_OK && i < run->in->n_certs; i++)
		rc = hz_at_item_certs(run, item, run->in->certs[i]);
	return rc == HZ_ATTEST_OK ? add_collateral_certs(run, item) : rc;
}

void
hz_at_item_end(struct hz_at_item *item)
{
	sk_X509_pop_free(item->certs, X509_free);
	item->certs = NULL;
}

static enum hz_attest_reason
ask_family(struct hz_at_run *run, struct hz_at_item *item)
{
	const struct hz_at_family *family = hz_at_family_of(item->kind);

	if (family == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_UNSUPPORTED, "this kind of evidence is not verified");
	if (item->kind == HZ_ATTEST_KIND_SIM && !run->policy->allow_simulated)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_SIMULATED, "simulated evidence is not allowed by the policy");
	if (family->section != NULL && hz_at_policy_section(run->policy, family->section) == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_KIND, "the policy has no section \"%s\"", family->section->name);
	return family->verify(run, item);
}

enum hz_attest_reason
hz_at_item_verify(struct hz_at_run *run, struct hz_at_item *item)
{
	enum hz_attest_reason rc;
	char text[sizeof run->res->text];

	hz_at_claim_text(run, item, "kind", hz_attest_kind_name(item->kind));
	rc = ask_family(run, item);
	if (rc != HZ_ATTEST_OK) {
		memcpy(text, run->res->text, sizeof text);
		hz_at_refuse(run, rc, "%s: %s", item->label, text);
	}
	return rc;
}

/* ---- one piece of evidence outside a bundle ---- */

/* The kind by the first bytes. */
static enum hz_attest_kind
guess_kind(const struct hz_at_bytes *e)
{
	struct hz_reader r = hz_rd(e->p, e->len);
	const uint8_t *p = hz_rd_peek(&r, 12);

	if (p == NULL)
		return HZ_ATTEST_KIND_NONE;
	if (p[0] == '{' && hz_at_json_span(e->p, e->len, "hanzo_evidence").p != NULL)
		return HZ_ATTEST_KIND_BUNDLE;
	if (p[0] == '{' && hz_at_json_span(e->p, e->len, "hanzo_sim").p != NULL)
		return HZ_ATTEST_KIND_SIM;
	if (p[0] == '{' && hz_at_json_span(e->p, e->len, "hcl").p != NULL)
		return HZ_ATTEST_KIND_AZURE;
	if (p[0] == '{' && hz_at_json_span(e->p, e->len, "quote").p != NULL)
		return HZ_ATTEST_KIND_TPM;
	if (p[0] == '{')
		return HZ_ATTEST_KIND_TSM;
	if (p[0] == '[' && p[1] == '"')
		return HZ_ATTEST_KIND_CMW;
	if (p[0] == '[' || (p[0] == 0x11 && p[1] == 0xE0))
		return HZ_ATTEST_KIND_NVIDIA;
	if (memcmp(p, "HCLA", 4) == 0)
		return HZ_ATTEST_KIND_AZURE;
	if (memcmp(p, "\xff" "TCG", 4) == 0)
		return HZ_ATTEST_KIND_TPM;
	if (memcmp(p, "\xd9\x01\x8f", 3) == 0)
		return HZ_ATTEST_KIND_CCA;
	if (memcmp(p + 1, "\0\2\0", 3) == 0 || memcmp(p + 1, "\0\3\0", 3) == 0)
		return HZ_ATTEST_KIND_TDX;
	return memcmp(p + 1, "\0\0\0", 3) == 0 ? HZ_ATTEST_KIND_SNP : HZ_ATTEST_KIND_NONE;
}

/* Storage for expectations derived from a challenge. */
struct derived {
	uint8_t report_data[HZ_ATTEST_REPORT_DATA_LEN];
	uint8_t nonce[HZ_ATTEST_NONCE_LEN];
};

static bool
derive(const struct hz_at_run *run, enum hz_attest_kind kind, struct derived *d)
{
	const struct hz_attest_verifier v = { .libctx = run->libctx };
	const struct hz_at_bytes *c = &run->in->challenge;

	if (!hz_attest_report_data(&v, c->p, c->len, NULL, 0, NULL, 0, d->report_data))
		return false;
	return kind == HZ_ATTEST_KIND_NVIDIA || kind == HZ_ATTEST_KIND_SIM ? hz_attest_gpu_nonce(&v, c->p, c->len, 0, d->nonce)
	                                     : hz_attest_tpm_nonce(&v, d->report_data, d->nonce);
}

static void
expect(const struct hz_attest_input *in, const struct derived *d, struct hz_at_item *item)
{
	bool tpm = item->kind == HZ_ATTEST_KIND_TPM || item->kind == HZ_ATTEST_KIND_AZURE;

	item->report_data = in->report_data;
	item->nonce = in->nonce;
	if (in->challenge.p == NULL)
		return;
	/* The report data of Azure evidence is the hash of its runtime data: the challenge is in the quote. */
	if (tpm || item->kind == HZ_ATTEST_KIND_NVIDIA || item->kind == HZ_ATTEST_KIND_SIM)
		item->nonce = (struct hz_at_bytes){ d->nonce, sizeof d->nonce };
	if (!tpm && item->kind != HZ_ATTEST_KIND_NVIDIA)
		item->report_data = (struct hz_at_bytes){ d->report_data, sizeof d->report_data };
}

/* Report data or a nonce that this kind of evidence does not carry cannot have been compared. */
static enum hz_attest_reason
check_expected(struct hz_at_run *run, const struct hz_at_item *item)
{
	bool quote = item->kind == HZ_ATTEST_KIND_TPM || item->kind == HZ_ATTEST_KIND_AZURE;

	if (run->in->nonce.p != NULL && !item->is_gpu && !quote)
		return hz_at_refuse(run, HZ_ATTEST_R_ARGUMENT, "a nonce is expected, and this kind of evidence has report data");
	if (run->in->report_data.p != NULL && (item->is_gpu || item->kind == HZ_ATTEST_KIND_TPM))
		return hz_at_refuse(run, HZ_ATTEST_R_ARGUMENT, "report data are expected, and this kind of evidence has a nonce");
	return HZ_ATTEST_OK;
}

/* A piece that nothing would look at is not passed over. */
static enum hz_attest_reason
add_parts(struct hz_at_run *run, struct hz_at_item *item)
{
	const struct hz_at_family *family = hz_at_family_of(item->kind);
	enum hz_attest_reason rc = HZ_ATTEST_OK;

	for (size_t i = 0; rc == HZ_ATTEST_OK && i < run->in->parts; i++) {
		const char *name = run->in->part[i].name, *const *known = family != NULL ? family->parts : NULL;

		while (known != NULL && *known != NULL && strcmp(*known, name) != 0)
			known++;
		if (known == NULL || *known == NULL)
			rc = hz_at_refuse(run, HZ_ATTEST_R_ARGUMENT, "%s evidence has no part \"%s\"", hz_attest_kind_name(item->kind), name);
		else
			rc = hz_at_item_add_part(run, item, name, run->in->part[i].data);
	}
	return rc;
}

static enum hz_attest_reason
verify_opened(struct hz_at_run *run, struct hz_at_arena *arena, struct hz_at_item *item)
{
	const struct hz_attest_input *in = run->in;
	enum hz_attest_reason rc = HZ_ATTEST_OK;
	struct derived d;

	item->evidence = in->evidence;
	if (item->kind == HZ_ATTEST_KIND_CMW)
		rc = hz_at_cmw_open(run, arena, item, in->evidence);
	if (rc == HZ_ATTEST_OK && item->kind == HZ_ATTEST_KIND_TSM)
		rc = hz_at_tsm_open(run, arena, item, item->evidence);
	if (rc == HZ_ATTEST_OK)
		rc = add_parts(run, item);
	if (rc != HZ_ATTEST_OK)
		return rc;
	if (in->challenge.p != NULL && !derive(run, item->kind, &d))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "a digest failed");
	expect(in, &d, item);
	rc = hz_at_item_verify(run, item);
	if (rc == HZ_ATTEST_OK)
		rc = check_expected(run, item);
	if (rc != HZ_ATTEST_OK)
		return rc;
	return item->is_gpu ? hz_at_tier_check(run, NULL, item, 1) : hz_at_tier_check(run, item, NULL, 0);
}

static enum hz_attest_reason
verify_single(struct hz_at_run *run, enum hz_attest_kind kind)
{
	struct hz_at_arena arena;
	struct hz_at_item item;
	enum hz_attest_reason rc;

	/* A record inside a record is decoded twice: less than twice the text in all. */
	if (!hz_at_arena_begin(&arena, 2 * run->in->evidence.len))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "out of memory");
	rc = hz_at_item_begin(run, &item, kind, kind == HZ_ATTEST_KIND_NVIDIA ? "gpu/0" : "cpu");
	if (rc == HZ_ATTEST_OK)
		rc = verify_opened(run, &arena, &item);
	hz_at_item_end(&item);
	hz_at_arena_end(&arena);
	return rc;
}

/* ---- the whole ---- */

/* The tenant that the policy gives to this evidence, as claim "tenant"; the first entry that fits. */
static void
name_tenant(struct hz_at_run *run)
{
	const struct hz_attest_result *res = run->res;

	for (size_t i = 0; i < run->policy->n_tenants; i++) {
		const struct hz_at_tenant *t = &run->policy->tenant[i];

		for (size_t k = 0; k < res->n_claims; k++)
			if (strcmp(res->claim[k].name, t->claim) == 0 && strcmp(res->claim[k].value, t->value) == 0) {
				hz_at_claim_text(run, NULL, "tenant", t->tenant);
				return;
			}
	}
}

static enum hz_attest_reason
verify(struct hz_at_run *run)
{
	enum hz_attest_kind kind = run->in->kind;
	enum hz_attest_reason rc;

	if (run->in->evidence.p == NULL || (!run->in->has_now && !run->inspect))
		return hz_at_refuse(run, HZ_ATTEST_R_ARGUMENT, "no evidence, or no time of verification");
	if (run->in->challenge.p != NULL && (run->in->report_data.p != NULL || run->in->nonce.p != NULL))
		return hz_at_refuse(run, HZ_ATTEST_R_ARGUMENT, "a challenge, and report data or a nonce besides");
	if (kind == HZ_ATTEST_KIND_NONE)
		kind = guess_kind(&run->in->evidence);
	if (kind == HZ_ATTEST_KIND_NONE)
		return hz_at_refuse(run, HZ_ATTEST_R_KIND, "not evidence of a known kind");
	if (run->in->key_attestation && kind != HZ_ATTEST_KIND_BUNDLE)
		return hz_at_refuse(run, HZ_ATTEST_R_KIND, "a key attestation is a bundle");
	rc = kind == HZ_ATTEST_KIND_BUNDLE ? hz_at_bundle(run) : verify_single(run, kind);
	if (rc == HZ_ATTEST_OK)
		name_tenant(run);
	return rc;
}

static hz_attest_result *
look_at(const hz_attest_verifier *v, const hz_attest_policy *p, const hz_attest_input *in, bool inspect)
{
	struct hz_at_run run = { .libctx = v->libctx, .policy = p, .in = in, .now = in->now, .inspect = inspect, .links = v->links,
		                 .res = hz_at_result_new() };
	enum hz_attest_reason rc;

	if (run.res == NULL)
		return NULL;
	ERR_set_mark();
	rc = verify(&run);
	if (inspect && rc == HZ_ATTEST_OK)
		rc = hz_at_refuse(&run, HZ_ATTEST_R_UNSUPPORTED, "only shown, not verified");
	hz_at_result_close(run.res, rc);
	hz_rim_cache_free(run.rims);
	hz_at_seen_free(run.seen);
	ERR_pop_to_mark();
	return run.res;
}

hz_attest_result *
hz_attest_verify(const hz_attest_verifier *v, const hz_attest_policy *p, const hz_attest_input *in)
{
	return v != NULL && p != NULL && in != NULL ? look_at(v, p, in, false) : NULL;
}

hz_attest_result *
hz_attest_inspect(const hz_attest_verifier *v, const hz_attest_input *in)
{
	static const char everything[] =
	        "{\"hanzo_policy\":1,\"allow_simulated\":true,\"sim\":{\"measurement\":\"any\"},\"snp\":{\"measurement\":\"any\"},"
	        "\"tdx\":{\"mrtd\":\"any\",\"collateral_required\":false},\"nvidia\":{\"measurements\":\"any\"},"
	        "\"tpm\":{\"pcrs\":\"any\",\"ak\":\"any\"},\"azure\":{\"pcrs\":\"any\"},\"cca\":{\"initial_measurement\":\"any\"}}";
	hz_attest_policy *p = hz_attest_policy_parse(everything, sizeof everything - 1, NULL, 0);
	hz_attest_result *res = v != NULL && in != NULL && p != NULL ? look_at(v, p, in, true) : NULL;

	hz_attest_policy_free(p);
	return res;
}
