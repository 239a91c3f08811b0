/* SPDX-License-Identifier: Apache-2.0 */
/* Judging evidence with libhanzo-attest, and remembering for a moment what the machine itself proved. */
#include "gov/evidence.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/secmem.h"
#include "collect/collect.h"
#include "crypto/hash.h"
#include "crypto/libctx.h"
#include "hanzo-attest.h"

#define COLLATERAL_MAX HZ_ATTEST_MAX_FILES

/* What a source proved last. */
struct remembered {
	int64_t failed_at; /* when it last failed to */
	int64_t until; /* ns of CLOCK_BOOTTIME; 0: nothing */
	struct hz_accepted what; /* without a PIN */
};

struct hz_evidence {
	const struct hz_slot_conf *slot;
	hz_attest_verifier *verifier;
	hz_attest_policy *policy;
	pthread_mutex_t lock; /* remembered; short */
	struct remembered remembered[HZ_SLOT_SOURCES];
};

void hz_accepted_clear(struct hz_accepted *a)
{
	hz_secmem_free(a->pin);
	*a = (struct hz_accepted){ .pin = NULL };
}

static CK_RV read_policy(struct hz_evidence *e)
{
	char *text, why[200];
	size_t len;
	CK_RV rv = hz_conf_file(e->slot->policy, HZ_ATTEST_MAX_INPUT, &text, &len);

	if (rv != CKR_OK)
		return rv;
	e->policy = hz_attest_policy_parse(text, len, why, sizeof why);
	free(text);
	return e->policy != NULL ? CKR_OK : hz_fail(CKR_GENERAL_ERROR, "%s: %s", e->slot->policy, why);
}

CK_RV hz_evidence_new(struct hz_evidence **out, const struct hz_slot_conf *slot)
{
	struct hz_evidence *e = calloc(1, sizeof *e);
	CK_RV rv = CKR_HOST_MEMORY;

	if (e == NULL)
		return hz_fail(rv, "no memory for a policy");
	e->slot = slot;
	(void)pthread_mutex_init(&e->lock, NULL);
	e->verifier = hz_attest_verifier_new(hz_libctx());
	if (e->verifier != NULL)
		rv = read_policy(e);
	if (rv == CKR_OK)
		*out = e;
	else
		hz_evidence_free(e);
	return rv;
}

void hz_evidence_free(struct hz_evidence *e)
{
	if (e == NULL)
		return;
	hz_attest_policy_free(e->policy);
	hz_attest_verifier_free(e->verifier);
	(void)pthread_mutex_destroy(&e->lock);
	free(e);
}

bool hz_evidence_simulated(const struct hz_evidence *e)
{
	return hz_attest_policy_simulated(e->policy);
}

bool hz_evidence_has_tenants(const struct hz_evidence *e)
{
	return hz_attest_policy_has_tenants(e->policy);
}

/* Index of a source, or -1. */
static int source_of(const struct hz_evidence *e, const char *name)
{
	for (size_t i = 0; i < e->slot->nsources; i++)
		if (strcmp(e->slot->sources[i].name, name) == 0)
			return (int)i;
	return -1;
}

bool hz_evidence_has_source(const struct hz_evidence *e, const char *name, bool *ready_made)
{
	int i = source_of(e, name);

	*ready_made = i >= 0 && hz_collect_is_ready_made(e->slot->sources[i].source);
	return i >= 0;
}

/* Files that lie in the slot's folder of collateral: read each time, so that lists may be renewed while the module runs. */
struct collateral {
	char *text[COLLATERAL_MAX];
	size_t n;
};

static void collateral_free(struct collateral *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->text[i]);
}

/* A file that cannot be told is refused: it may be the list that revokes. */
static CK_RV add_text(struct collateral *c, hz_attest_input *in, const char *path, const char *name)
{
	enum hz_attest_collateral kind;
	size_t len;
	CK_RV rv = hz_conf_file(path, HZ_ATTEST_MAX_INPUT, &c->text[c->n], &len);

	if (rv != CKR_OK)
		return rv == CKR_GENERAL_ERROR ? CKR_PIN_INCORRECT : rv;
	kind = hz_attest_collateral_of(name, c->text[c->n], len);
	c->n++;
	if (kind == HZ_ATTEST_COLL_NONE)
		return hz_fail(CKR_PIN_INCORRECT, "%s: neither its name nor its content says what collateral it is", path);
	return hz_attest_input_collateral(in, kind, c->text[c->n - 1], len) ? CKR_OK : hz_fail(CKR_HOST_MEMORY, "no memory for %s", name);
}

static CK_RV add_file(struct collateral *c, hz_attest_input *in, const char *dir, const char *name)
{
	char *path = NULL;
	CK_RV rv;

	if (name[0] == '.')
		return CKR_OK;
	if (c->n == COLLATERAL_MAX)
		return hz_fail(CKR_PIN_INCORRECT, "%s: more than %d files", dir, COLLATERAL_MAX);
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return hz_fail(CKR_HOST_MEMORY, "no memory for a path");
	rv = add_text(c, in, path, name);
	free(path);
	return rv;
}

static CK_RV add_collateral(const struct hz_evidence *e, struct collateral *c, hz_attest_input *in)
{
	DIR *d = e->slot->collateral != NULL ? opendir(e->slot->collateral) : NULL;
	const struct dirent *f;
	CK_RV rv = CKR_OK;

	if (e->slot->collateral != NULL && d == NULL)
		return hz_fail(CKR_PIN_INCORRECT, "%s: cannot be opened", e->slot->collateral);
	while (d != NULL && rv == CKR_OK && (errno = 0, f = readdir(d)) != NULL)
		rv = add_file(c, in, e->slot->collateral, f->d_name);
	if (d != NULL && rv == CKR_OK && errno != 0) /* what could not be read may be a list that revokes */
		rv = hz_fail(CKR_PIN_INCORRECT, "%s: %s", e->slot->collateral, strerror(errno));
	if (d != NULL)
		(void)closedir(d);
	return rv;
}

static CK_RV take_result(const hz_attest_result *r, struct hz_accepted *out)
{
	const char *pin = hz_attest_result_pin(r), *tenant = hz_attest_result_claim(r, "tenant");
	const uint8_t *runtime;
	size_t len;

	if (hz_attest_result_reason(r) != HZ_ATTEST_OK)
		return hz_fail(CKR_PIN_INCORRECT, "evidence refused: %s: %s", hz_attest_reason_name(hz_attest_result_reason(r)),
			       hz_attest_result_text(r));
	if (tenant != NULL && strlen(tenant) > HZ_TENANT_MAX)
		return hz_fail(CKR_PIN_INCORRECT, "evidence refused: the tenant's name is too long");
	if (tenant != NULL)
		memcpy(out->tenant, tenant, strlen(tenant) + 1);
	runtime = hz_attest_result_runtime(r, &len);
	out->has_runtime = runtime != NULL;
	if (runtime != NULL)
		hz_hash_once(HZ_SHA256, runtime, len, out->runtime);
	if (pin == NULL)
		return CKR_OK;
	out->pin_len = strlen(pin);
	out->pin = hz_secmem_dup(pin, out->pin_len);
	return out->pin != NULL ? CKR_OK : hz_fail(CKR_HOST_MEMORY, "no secret memory for a PIN");
}

static CK_RV judge(struct hz_evidence *e, hz_attest_input *in, const void *bundle, size_t len, const uint8_t *challenge,
		   struct hz_accepted *out)
{
	struct collateral c = { .n = 0 };
	hz_attest_result *r = NULL;
	CK_RV rv = CKR_HOST_MEMORY;

	if (hz_attest_input_evidence(in, HZ_ATTEST_KIND_BUNDLE, bundle, len) &&
	    hz_attest_input_challenge(in, challenge, HZ_CHALLENGE) && hz_attest_input_time(in, (int64_t)time(NULL)) &&
	    hz_attest_input_tier(in, e->slot->tier))
		rv = add_collateral(e, &c, in);
	if (rv == CKR_OK)
		r = hz_attest_verify(e->verifier, e->policy, in);
	if (r != NULL)
		rv = take_result(r, out);
	else if (rv == CKR_OK)
		rv = hz_fail(CKR_HOST_MEMORY, "no memory to verify evidence");
	hz_attest_result_free(r);
	collateral_free(&c);
	return rv;
}

CK_RV hz_evidence_judge(struct hz_evidence *e, const void *bundle, size_t len, const uint8_t challenge[HZ_CHALLENGE], struct hz_accepted *out)
{
	hz_attest_input *in = hz_attest_input_new();
	CK_RV rv;

	*out = (struct hz_accepted){ .pin = NULL };
	if (in == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no memory to verify evidence");
	rv = len <= HZ_ATTEST_MAX_INPUT ? judge(e, in, bundle, len, challenge, out)
					: hz_fail(CKR_PIN_INCORRECT, "evidence refused: longer than 1 MiB");
	hz_attest_input_free(in);
	(void)hz_ossl_reason();
	return rv;
}

static int64_t now_ns(void)
{
	return (int64_t)hz_clock_ns(CLOCK_BOOTTIME); /* goes on while the machine sleeps */
}

static bool recall(struct hz_evidence *e, int i, struct hz_accepted *out)
{
	struct remembered *m = &e->remembered[i];
	bool good;

	pthread_mutex_lock(&e->lock);
	good = m->until != 0 && now_ns() < m->until;
	if (good)
		*out = m->what;
	pthread_mutex_unlock(&e->lock);
	return good;
}

/*
 * A PIN is never remembered, and so neither is a bundle that brought one. `asked_at` is when the source was asked: from then on it is good
 * for its time, and a failure of another thread since then says more.
 */
static void remember(struct hz_evidence *e, int i, CK_RV rv, const struct hz_accepted *a, int64_t asked_at)
{
	struct remembered *m = &e->remembered[i];

	pthread_mutex_lock(&e->lock);
	if (rv != CKR_OK)
		m->failed_at = now_ns();
	m->until = rv == CKR_OK && a->pin == NULL && e->slot->evidence_cache != 0 && asked_at > m->failed_at
			   ? asked_at + (int64_t)e->slot->evidence_cache * 1000000000 : 0;
	m->what = *a;
	m->what.pin = NULL;
	pthread_mutex_unlock(&e->lock);
}

static CK_RV collect(struct hz_evidence *e, int i, const uint8_t *challenge, struct hz_accepted *out)
{
	const char *source = e->slot->sources[i].source;
	struct hz_collect_ask ask = { .challenge = challenge, .challenge_len = HZ_CHALLENGE, .gpus = hz_conf_gpus(e->slot, source) };
	struct hz_buf bundle = HZ_BUF_SECRET; /* it may hold a PIN */
	uint8_t fresh[HZ_CHALLENGE];
	CK_RV rv = CKR_OK;

	if (challenge == NULL && !hz_random(fresh, sizeof fresh))
		return hz_fail(CKR_FUNCTION_FAILED, "no random bytes: %s", hz_ossl_reason());
	if (challenge == NULL)
		ask.challenge = fresh;
	rv = hz_collect(source, &ask, &bundle);
	if (rv == CKR_OK)
		rv = hz_evidence_judge(e, bundle.p, bundle.len, ask.challenge, out);
	hz_buf_free(&bundle);
	return rv;
}

CK_RV hz_evidence_from(struct hz_evidence *e, const char *name, const uint8_t *challenge, bool fresh, struct hz_accepted *out)
{
	int i = source_of(e, name);
	int64_t asked_at;
	CK_RV rv;

	*out = (struct hz_accepted){ .pin = NULL };
	if (i < 0)
		return hz_fail(CKR_PIN_INCORRECT, "the slot has no source of evidence%s%s", name[0] != '\0' ? " named " : "", name);
	if (challenge == NULL && !fresh && recall(e, i, out))
		return CKR_OK;
	asked_at = now_ns();
	rv = collect(e, i, challenge, out);
	if (challenge == NULL)
		remember(e, i, rv, out, asked_at);
	return rv;
}

CK_RV hz_evidence_of_key(struct hz_evidence *e, const uint8_t *spki, size_t len, struct hz_buf *bundle)
{
	struct hz_collect_ask ask = { .key = spki, .key_len = len };
	int i = source_of(e, "");

	if (i < 0)
		return hz_fail(CKR_DEVICE_ERROR, "the slot has no source of evidence");
	ask.gpus = hz_conf_gpus(e->slot, e->slot->sources[i].source);
	return hz_collect(e->slot->sources[i].source, &ask, bundle);
}
