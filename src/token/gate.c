/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence at login: the forms of pPin, one-use challenges, staged bundles, and the time that a login lasts. */
#include "token/gate.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/secmem.h"
#include "collect/collect.h"
#include "crypto/libctx.h"
#include "token/login.h"
#include "token/tenant.h"

#define SECOND 1000000000LL
#define CHALLENGE_TTL (300 * SECOND)

/* Time that goes on while the machine sleeps: a login does not outlast its end because the lid was closed. */
static int64_t now_ns(void)
{
	return (int64_t)hz_clock_ns(CLOCK_BOOTTIME);
}

static bool starts(const uint8_t *text, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len >= n && memcmp(text, with, n) == 0;
}

bool hz_gate_is_credential(const uint8_t *text, size_t len)
{
	static const char *const schemes[] = { "{", "attest:", "cap:", "jwt:", "siwe:", "did:", "apikey:" };

	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (starts(text, len, schemes[i]))
			return true;
	return false;
}

/* Challenges and staged bundles. */

CK_RV hz_gate_challenge(struct hz_session *s, uint8_t out[HZ_CHALLENGE])
{
	if (s->token->evidence == NULL)
		return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the slot takes no evidence");
	if (!hz_random(s->challenge, sizeof s->challenge))
		return hz_fail(CKR_FUNCTION_FAILED, "no random bytes: %s", hz_ossl_reason());
	s->challenge_until = now_ns() + CHALLENGE_TTL;
	memcpy(out, s->challenge, HZ_CHALLENGE);
	return CKR_OK;
}

static void drop_staged(struct hz_session *s)
{
	hz_secmem_free(s->staged);
	s->staged = NULL;
	s->staged_len = 0;
}

CK_RV hz_gate_stage(struct hz_session *s, const void *bundle, size_t len)
{
	uint8_t *copy;

	if (s->token->evidence == NULL)
		return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the slot takes no evidence");
	if (bundle == NULL || len == 0 || len > HZ_BUNDLE_MAX)
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "a bundle has 1 to 1048576 bytes");
	copy = hz_secmem_dup(bundle, len); /* a PIN may be in it */
	if (copy == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no secret memory for a bundle");
	drop_staged(s);
	s->staged = copy;
	s->staged_len = len;
	return CKR_OK;
}

void hz_gate_forget(struct hz_session *s)
{
	drop_staged(s);
	s->challenge_until = 0;
}

/* The session's challenge, for this once. */
static CK_RV use_challenge(struct hz_session *s, uint8_t out[HZ_CHALLENGE])
{
	int64_t until = s->challenge_until;

	s->challenge_until = 0;
	memcpy(out, s->challenge, HZ_CHALLENGE);
	if (until == 0)
		return hz_fail(CKR_PIN_INCORRECT, "evidence refused: the session gave out no challenge, or it was used");
	if (now_ns() >= until)
		return hz_fail(CKR_PIN_INCORRECT, "evidence refused: the challenge has expired");
	return CKR_OK;
}

/* What is proved. */

static CK_RV by_bundle(struct hz_session *s, const uint8_t *bundle, size_t len, struct hz_proof *p)
{
	uint8_t challenge[HZ_CHALLENGE];
	CK_RV rv = use_challenge(s, challenge);

	if (rv == CKR_OK)
		rv = hz_evidence_judge(s->token->evidence, bundle, len, challenge, &p->accepted);
	p->evidence = rv == CKR_OK;
	return rv;
}

static CK_RV by_source(struct hz_session *s, const char *name, bool fresh, struct hz_proof *p)
{
	struct hz_evidence *e = s->token->evidence;
	uint8_t challenge[HZ_CHALLENGE];
	bool ready_made;
	CK_RV rv = CKR_OK;

	if (!hz_evidence_has_source(e, name, &ready_made))
		return hz_fail(CKR_PIN_INCORRECT, name[0] != '\0' ? "the slot has no source of evidence of that name"
								  : "no evidence is staged and the slot has no evidence_source");
	if (ready_made)
		rv = use_challenge(s, challenge);
	if (rv == CKR_OK)
		rv = hz_evidence_from(e, name, ready_made ? challenge : NULL, fresh, &p->accepted);
	p->evidence = rv == CKR_OK;
	p->sourced = rv == CKR_OK && !ready_made;
	strncpy(p->source, name, sizeof p->source - 1);
	return rv;
}

/* The staged bundle if there is one, for this once, else the default source. */
static CK_RV by_staged(struct hz_session *s, bool fresh, struct hz_proof *p)
{
	CK_RV rv;

	if (s->staged == NULL)
		return by_source(s, "", fresh, p);
	rv = by_bundle(s, s->staged, s->staged_len, p);
	drop_staged(s);
	return rv;
}

/* "attest:" or "attest:@NAME" */
static CK_RV by_scheme(struct hz_session *s, const uint8_t *text, size_t len, struct hz_proof *p)
{
	static const char scheme[] = "attest:";
	size_t n = len - (sizeof scheme - 1);
	char name[sizeof p->source] = "";

	text += sizeof scheme - 1;
	if (n == 0)
		return by_source(s, "", false, p);
	if (text[0] != '@' || n < 2 || n > sizeof name || memchr(text, '\0', n) != NULL)
		return hz_fail(CKR_PIN_INCORRECT, "what follows attest: is not @ and a source's name");
	memcpy(name, text + 1, n - 1);
	return by_source(s, name, false, p);
}

/* Is there an alternative of just these factors; or one that they satisfy? */
static bool has_way(const struct hz_token *t, unsigned factors)
{
	for (size_t i = 0; i < t->n_ways; i++)
		if (t->ways[i] == factors)
			return true;
	return false;
}

bool hz_gate_pin_alone(const struct hz_token *t)
{
	return has_way(t, HZ_FACTOR_PIN);
}

static bool satisfied(const struct hz_token *t, unsigned factors)
{
	for (size_t i = 0; i < t->n_ways; i++)
		if ((t->ways[i] & ~factors) == 0)
			return true;
	return false;
}

/* The factors together must be what one alternative asks for; a PIN that was brought is checked whether that one has it or not. */
static CK_RV check_factors(const struct hz_token *t, const struct hz_proof *p)
{
	unsigned brought = (p->pin != NULL ? HZ_FACTOR_PIN : 0u) | (p->evidence ? HZ_FACTOR_EVIDENCE : 0u);

	if (!t->takes_pin && p->pin != NULL)
		return hz_fail(CKR_PIN_INCORRECT, "the slot takes evidence and no PIN");
	if (satisfied(t, brought))
		return CKR_OK;
	return hz_fail(CKR_PIN_INCORRECT, p->pin == NULL ? "the slot wants a PIN besides the evidence" : "the slot wants evidence");
}

/* The tenant that the evidence names must be the slot's, where it has one; a PIN alone is the slot's tenant's. */
static CK_RV fit_tenant(const struct hz_token *t, struct hz_accepted *a)
{
	if (t->own_tenant == NULL)
		return CKR_OK;
	if (a->tenant[0] != '\0' && strcmp(a->tenant, t->own_tenant) != 0)
		return hz_fail(CKR_PIN_INCORRECT, "the evidence belongs to another tenant than the slot");
	strncpy(a->tenant, t->own_tenant, sizeof a->tenant - 1);
	return CKR_OK;
}

static CK_RV prove_evidence(struct hz_session *s, const uint8_t *text, size_t len, bool given, struct hz_proof *p)
{
	const struct hz_token *t = s->token;

	if (!given)
		return by_staged(s, false, p);
	if (starts(text, len, "{"))
		return by_bundle(s, text, len, p);
	if (starts(text, len, "attest:"))
		return by_scheme(s, text, len, p);
	if (hz_gate_is_credential(text, len))
		return hz_fail(CKR_PIN_INCORRECT, "the slot takes no credential of this scheme");
	p->pin = text;
	p->pin_len = len;
	if (!t->takes_pin || (has_way(t, HZ_FACTOR_PIN) && (s->staged == NULL || !has_way(t, HZ_FACTOR_PIN | HZ_FACTOR_EVIDENCE))))
		return CKR_OK; /* check_factors says the rest */
	return by_staged(s, false, p);
}

/* The PIN in a bundle is the login's; beside another it can only repeat it. */
static CK_RV take_bundled_pin(struct hz_proof *p)
{
	const struct hz_accepted *a = &p->accepted;

	if (a->pin == NULL)
		return CKR_OK;
	if (p->pin != NULL && (p->pin_len != a->pin_len || !hz_ct_equal(p->pin, a->pin, a->pin_len)))
		return hz_fail(CKR_PIN_INCORRECT, "the PIN in the bundle is not the one that came beside it");
	p->pin = a->pin;
	p->pin_len = a->pin_len;
	return CKR_OK;
}

static CK_RV prove_all(struct hz_session *s, const uint8_t *text, size_t len, bool given, struct hz_proof *p)
{
	CK_RV rv = prove_evidence(s, text, len, given, p);

	if (rv == CKR_OK)
		rv = take_bundled_pin(p);
	return rv == CKR_OK ? check_factors(s->token, p) : rv;
}

CK_RV hz_gate_prove(struct hz_session *s, const uint8_t *text, size_t len, bool given, struct hz_proof *p)
{
	CK_RV rv;

	*p = (struct hz_proof){ .pin = NULL };
	if (s->token->evidence == NULL) {
		if (hz_gate_is_credential(text, len))
			return hz_fail(CKR_PIN_INCORRECT, "this slot takes a PIN and no other credential");
		p->pin = text;
		p->pin_len = len;
		return fit_tenant(s->token, &p->accepted);
	}
	rv = prove_all(s, text, len, given, p);
	hz_gate_forget(s); /* challenge and bundle were for this attempt, whatever it used of them */
	return rv == CKR_OK ? fit_tenant(s->token, &p->accepted) : rv;
}

void hz_proof_clear(struct hz_proof *p)
{
	hz_accepted_clear(&p->accepted);
	p->pin = NULL;
}

/* Time. All but check_at belongs to the login lock. */

static int64_t earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* A login that ends when it is idle is looked at with every use. */
static void set_check(struct hz_token *t)
{
	int64_t at = earlier(t->deadline, earlier(t->renew_at, t->reattest_at));

	atomic_store(&t->check_at, at == 0 && t->idle != 0 ? INT64_MAX : at);
}

static void set_runtime(struct hz_token *t, const struct hz_accepted *a)
{
	pthread_mutex_lock(&t->lock);
	t->has_runtime = a != NULL && a->has_runtime;
	if (t->has_runtime)
		memcpy(t->runtime, a->runtime, sizeof t->runtime);
	pthread_mutex_unlock(&t->lock);
}

CK_RV hz_gate_begin(struct hz_token *t, const struct hz_proof *p)
{
	static const struct hz_proof so;
	int64_t now = now_ns();
	bool timed = p != NULL && (p->evidence ? t->ttl != 0 : t->ttl_with_pin);
	CK_RV rv = hz_tenant_set(t, p != NULL ? p->accepted.tenant : NULL);

	if (rv != CKR_OK)
		return rv;
	p = p != NULL ? p : &so;
	t->deadline = timed ? now + t->ttl : 0;
	t->renew_at = timed && p->sourced ? now + t->ttl / 2 : 0;
	t->reattest_at = p->sourced && t->reattest != 0 ? now + t->reattest : 0;
	memcpy(t->source, p->source, sizeof t->source);
	set_runtime(t, &p->accepted);
	atomic_store(&t->expired, false);
	atomic_store(&t->used_at, now);
	set_check(t);
	return CKR_OK;
}

void hz_gate_end(struct hz_token *t)
{
	t->deadline = t->renew_at = t->reattest_at = 0;
	(void)hz_tenant_set(t, NULL);
	set_runtime(t, NULL);
	atomic_store(&t->expired, false);
	atomic_store(&t->check_at, 0);
}

static void expire(struct hz_token *t, const char *why)
{
	hz_log(HZ_LOG_WARNING, "slot %lu: the login ends: %s", t->slot_id, why);
	hz_login_end(t);
	atomic_store(&t->expired, true);
}

/* Evidence once more from the source of the login, of the same tenant. */
static CK_RV again(struct hz_token *t, struct hz_proof *p)
{
	CK_RV rv;

	*p = (struct hz_proof){ .evidence = true, .sourced = true };
	memcpy(p->source, t->source, sizeof p->source);
	rv = hz_evidence_from(t->evidence, t->source, NULL, true, &p->accepted);
	if (rv == CKR_OK)
		rv = fit_tenant(t, &p->accepted);
	if (rv == CKR_OK && !hz_gate_same_tenant(t, &p->accepted))
		rv = hz_fail(CKR_PIN_INCORRECT, "the evidence now belongs to another tenant");
	return rv;
}

static void reattest(struct hz_token *t)
{
	struct hz_proof p;
	CK_RV rv = again(t, &p);

	if (rv == CKR_OK)
		rv = hz_gate_begin(t, &p);
	if (rv != CKR_OK)
		expire(t, hz_error_text());
	hz_proof_clear(&p);
}

/* Others go on meanwhile; what fails is tried again until the login's time is up. */
static void renew_early(struct hz_token *t)
{
	struct hz_proof p;
	CK_RV rv;

	t->renew_at = 0;
	set_check(t);
	rv = again(t, &p);
	if (rv == CKR_OK)
		rv = hz_gate_begin(t, &p);
	if (rv != CKR_OK) {
		hz_log(HZ_LOG_WARNING, "slot %lu: the login could not be renewed: %s", t->slot_id, hz_error_text());
		t->renew_at = now_ns() + t->ttl / 8;
		set_check(t);
	}
	hz_proof_clear(&p);
}

static bool idle_too_long(const struct hz_token *t, int64_t now)
{
	return t->idle != 0 && now - atomic_load_explicit(&t->used_at, memory_order_relaxed) >= t->idle;
}

/* Is anything due? If not, this was a use. */
static bool due(struct hz_token *t, int64_t now)
{
	int64_t at = atomic_load(&t->check_at);

	if (at == 0)
		return false;
	if (now >= at || idle_too_long(t, now))
		return true;
	if (t->idle != 0)
		atomic_store_explicit(&t->used_at, now, memory_order_relaxed);
	return false;
}

void hz_gate_due(struct hz_token *t)
{
	int64_t now = now_ns();

	if (!due(t, now))
		return;
	pthread_mutex_lock(&t->login_lock);
	now = now_ns();
	if (due(t, now)) { /* nobody was faster */
		if (t->deadline != 0 && now >= t->deadline)
			expire(t, "its time is up");
		else if (idle_too_long(t, now))
			expire(t, "nobody used it");
		else if (t->reattest_at != 0 && now >= t->reattest_at)
			reattest(t);
		else
			renew_early(t);
	}
	pthread_mutex_unlock(&t->login_lock);
	hz_error_clear();
}

bool hz_gate_same_tenant(const struct hz_token *t, const struct hz_accepted *a)
{
	const char *now = hz_tenant_now(t);

	return strcmp(a->tenant, now != NULL ? now : "") == 0;
}

bool hz_gate_vouches(struct hz_token *t, const uint8_t digest[32])
{
	bool same;

	pthread_mutex_lock(&t->lock);
	same = t->has_runtime && memcmp(t->runtime, digest, sizeof t->runtime) == 0;
	pthread_mutex_unlock(&t->lock);
	return same;
}

/* A renewal needs no PIN where the login had one, but one that is brought is checked as a login's is. */
static CK_RV renewal_pin(const struct hz_token *t, struct hz_proof *p)
{
	CK_RV rv = take_bundled_pin(p);

	if (rv == CKR_OK && p->pin != NULL && !t->takes_pin)
		rv = hz_fail(CKR_PIN_INCORRECT, "the slot takes evidence and no PIN");
	return rv;
}

static CK_RV publish_renewal(struct hz_token *t, uint64_t epoch, const struct hz_proof *p)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&t->login_lock);
	if (atomic_load(&t->login) != HZ_USER || atomic_load(&t->login_epoch) != epoch)
		rv = hz_fail(CKR_USER_NOT_LOGGED_IN, "the user has logged out meanwhile");
	else if (!hz_gate_same_tenant(t, &p->accepted))
		rv = hz_fail(CKR_PIN_INCORRECT, "the evidence belongs to another tenant");
	else if (p->pin != NULL)
		rv = t->be->ops->check_pin(t->be, CKU_USER, p->pin, p->pin_len);
	if (rv == CKR_OK)
		rv = hz_gate_begin(t, p);
	pthread_mutex_unlock(&t->login_lock);
	return rv;
}

CK_RV hz_gate_renew(struct hz_session *s)
{
	struct hz_token *t = s->token;
	uint64_t epoch = atomic_load(&t->login_epoch);
	struct hz_proof p = { .pin = NULL };
	CK_RV rv;

	if (t->evidence == NULL)
		return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the slot takes no evidence");
	if (atomic_load(&t->login) != HZ_USER)
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "the user is not logged in");
	rv = by_staged(s, true, &p);
	if (rv == CKR_OK)
		rv = renewal_pin(t, &p);
	if (rv == CKR_OK)
		rv = fit_tenant(t, &p.accepted);
	if (rv == CKR_OK)
		rv = publish_renewal(t, epoch, &p);
	hz_proof_clear(&p);
	return rv;
}
