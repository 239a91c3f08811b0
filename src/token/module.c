/* SPDX-License-Identifier: Apache-2.0 */
/* The module's life: C_Initialize, C_Finalize, waiting for events, and what a forked child does with its inheritance. */
#include "token/module.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/p11.h"
#include "backend/soft.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/secmem.h"
#include "crypto/libctx.h"
#include "gov/config.h"
#include "gov/evidence.h"
#include "store/seal.h"
#include "collect/collect.h"
#include "token/note.h"
#include "token/object.h"
#include "token/session.h"
#include "token/tenant.h"

_Atomic unsigned hz_module_life;

static struct {
	pthread_mutex_t change; /* one C_Initialize or C_Finalize at a time */
	pthread_rwlock_t life;  /* shared by calls without a session; C_Finalize waits for them */
	pthread_mutex_t event_lock;
	pthread_cond_t event;   /* C_Finalize has begun */
	unsigned lives;         /* raised by each C_Initialize, with event_lock */
	struct hz_config *conf;
	struct hz_token **tokens;
	size_t ntokens;
} module = {
	.change = PTHREAD_MUTEX_INITIALIZER,
	.life = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP,
	.event_lock = PTHREAD_MUTEX_INITIALIZER,
	.event = PTHREAD_COND_INITIALIZER,
};

static CK_RV not_initialised(void)
{
	return hz_fail(CKR_CRYPTOKI_NOT_INITIALIZED, "C_Initialize was not called in this process");
}

/* Tokens. */

static void token_free(struct hz_token *t)
{
	if (t == NULL)
		return;
	hz_objects_free(t->objects);
	hz_tenants_free(t);
	hz_evidence_free(t->evidence);
	hz_audit_flush(t->audit);
	hz_audit_free(t->audit);
	if (t->be != NULL)
		t->be->ops->close(t->be);
	(void)pthread_mutex_destroy(&t->login_lock);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

/* How users log in, from the slot that serves the token. */
static CK_RV token_login(struct hz_token *t, const struct hz_slot_conf *slot)
{
	CK_RV rv = CKR_OK;

	t->ways = slot->login;
	t->n_ways = slot->nlogin;
	t->takes_pin = hz_conf_login_any(slot, HZ_FACTOR_PIN);
	t->ttl = (int64_t)slot->session_ttl * 1000000000;
	t->ttl_with_pin = slot->session_ttl_set;
	t->idle = (int64_t)slot->idle_ttl * 1000000000;
	t->reattest = (int64_t)slot->reattest * 1000000000;
	t->own_tenant = slot->tenant;
	if (hz_conf_login_any(slot, HZ_FACTOR_EVIDENCE))
		rv = hz_evidence_new(&t->evidence, slot);
	t->tenanted = t->own_tenant != NULL || (t->evidence != NULL && hz_evidence_has_tenants(t->evidence));
	return rv;
}

static bool simulated_seal(const struct hz_slot_conf *slot)
{
	for (size_t i = 0; i < slot->n_seals; i++)
		if (slot->seals[i] == HZ_SEAL_SIM)
			return true;
	return false;
}

/* The slot's token as C_GetTokenInfo describes it. A simulated seal belongs to a simulated platform. */
static CK_RV token_model(struct hz_token *t, const struct hz_config *conf, const struct hz_slot_conf *slot)
{
	bool simulated = t->evidence != NULL && hz_evidence_simulated(t->evidence);

	if (simulated_seal(slot) && !simulated)
		return hz_fail(CKR_GENERAL_ERROR, "%s: [%s] seal: sim needs a policy that says allow_simulated", conf->path, slot->section);
	if (simulated)
		(void)snprintf(t->model, sizeof t->model, "SIMULATED");
	else if (t->tier != t->own_tier)
		(void)snprintf(t->model, sizeof t->model, "tier %u as %u", t->own_tier, t->tier);
	else
		(void)snprintf(t->model, sizeof t->model, "Hanzo Tier %u", t->tier);
	return CKR_OK;
}

/* A device that is not there now leaves the slot without a token; the other slots work. */
static CK_RV device_backend(struct hz_token *t, const struct hz_config *conf, const struct hz_slot_conf *slot)
{
	const struct hz_device_conf *d = &slot->device;
	struct hz_p11_conf p11[HZ_DEVICES];
	size_t n = 0;
	CK_RV rv;

	for (; n < HZ_DEVICES && d->at[n].module != NULL; n++)
		p11[n] = (struct hz_p11_conf){
			.module = d->at[n].module, .token = d->at[n].token, .by_slot = d->at[n].by_slot, .slot = d->at[n].slot,
			.pin_source = d->at[n].pin_source, .init_args = d->at[n].init_args,
			.weight = d->at[n].has_weight ? d->at[n].weight : n == 0,
			.allow_init = d->allow_init, .deadline = d->deadline, .sessions = d->sessions,
			.store_dir = conf->store_dir, .serial = slot->serial, .label = t->label, .tier = slot->tier,
			.max_pin_tries = conf->max_pin_tries, .chain_id = conf->chain_id, .poai_ttl = conf->poai_ttl, .hmm_ttl = conf->hmm_ttl,
		};
	rv = n == 1 ? hz_p11_open(p11, &t->be) : hz_p11_set_open(p11, n, d->health_interval, d->health_failures, &t->be);
	if (rv != CKR_TOKEN_NOT_PRESENT)
		return rv;
	(void)snprintf(t->why, sizeof t->why, "%s", hz_error_text());
	t->absent_why = t->why;
	return CKR_OK;
}

static CK_RV token_backend(struct hz_token *t, const struct hz_config *conf, const struct hz_slot_conf *slot)
{
	const struct hz_soft_conf soft = {
		.store_dir = conf->store_dir, .serial = slot->serial, .tier = slot->tier,
		.default_label = t->label,
		.born_initialised = t->born_initialised, .max_pin_tries = conf->max_pin_tries,
		.seals = slot->n_seals != 0 ? slot->seals : NULL, .n_seals = slot->n_seals, .seal_conf = &slot->seal,
		.two_ways = hz_conf_two_ways(slot),
		.chain_id = conf->chain_id, .poai_ttl = conf->poai_ttl, .hmm_ttl = conf->hmm_ttl,
	};
	CK_RV rv;

	t->objects = hz_objects_new();
	if (t->objects == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no memory for a token");
	rv = token_login(t, slot);
	if (rv == CKR_OK)
		rv = token_model(t, conf, slot);
	if (rv == CKR_OK)
		rv = slot->backend == HZ_BACKEND_PKCS11 ? device_backend(t, conf, slot) : hz_soft_open(&soft, &t->be);
	return rv;
}

/* A source, and the GPUs' beside it. */
static CK_RV probe(const struct hz_slot_conf *slot, const char *source)
{
	const char *gpus = hz_conf_gpus(slot, source);
	CK_RV rv = hz_collect_probe(source);

	return rv == CKR_OK && gpus != NULL ? hz_collect_probe_gpus(gpus) : rv;
}

/* Is what the slot needs there? Where it is not, absent_why says what is missing. */
static CK_RV check_present(struct hz_slot_conf *slot)
{
	CK_RV rv = CKR_OK;

	if (slot->backend == HZ_BACKEND_NONE)
		return CKR_OK;
	for (size_t i = 0; rv == CKR_OK && i < slot->nsources; i++)
		if (slot->sources[i].name[0] == '\0')
			rv = probe(slot, slot->sources[i].source);
	if (rv == CKR_OK)
		return rv;
	slot->backend = HZ_BACKEND_NONE;
	free(slot->absent_why);
	slot->absent_why = strdup(hz_error_text());
	hz_error_clear();
	return slot->absent_why != NULL ? CKR_OK : hz_fail(CKR_HOST_MEMORY, "no memory for a reason");
}

/* A tenant's slot is served by the same tenant's, or by nobody's where it is nobody's. */
static bool same_tenant(const struct hz_slot_conf *a, const struct hz_slot_conf *b)
{
	return a->tenant == NULL || b->tenant == NULL ? a->tenant == b->tenant : strcmp(a->tenant, b->tenant) == 0;
}

/* The slot that serves this one: itself, or the next lower tier's that is there, no lower than it allows; NULL: none. */
static const struct hz_slot_conf *serving(const struct hz_config *conf, const struct hz_slot_conf *slot)
{
	if (slot->backend != HZ_BACKEND_NONE || slot->fallback == 0)
		return slot->backend != HZ_BACKEND_NONE ? slot : NULL;
	for (unsigned tier = slot->tier; tier-- > slot->fallback;)
		if (conf->slots[tier].backend != HZ_BACKEND_NONE && same_tenant(slot, &conf->slots[tier])) /* ids 0 to 4 come first, and are tiers */
			return &conf->slots[tier];
	return NULL;
}

/* Lower than asked for: nobody shall have to find out by himself. */
static void note_fallback(struct hz_token *t, const struct hz_slot_conf *slot)
{
	char text[250];

	(void)snprintf(text, sizeof text, "tier %u is served as tier %u: %s", t->own_tier, t->tier, slot->absent_why);
	hz_log(HZ_LOG_WARNING, "slot %lu: %s", t->slot_id, text);
	(void)hz_note_token(t, "C_Initialize", CKR_OK, text);
}

static bool vouch(void *arg, const void *data, size_t len, uint8_t mac[32])
{
	struct hz_backend *be = arg;

	return be->ops->vouch(be, "hanzo-pkcs11/audit/v1", data, len, mac);
}

static CK_RV keep(void *arg, const uint8_t *p, size_t n)
{
	struct hz_backend *be = arg;

	return be->ops->keep(be, p, n);
}

static CK_RV kept(void *arg, uint8_t *p, size_t *n)
{
	struct hz_backend *be = arg;

	return be->ops->kept(be, p, n);
}

/* By the serial of the token that serves: slots that fall back on it write into its log. */
static CK_RV token_audit(struct hz_token *t, const struct hz_config *conf, const struct hz_slot_conf *by)
{
	struct hz_audit_conf audit = { .mode = conf->audit, .dir = conf->store_dir, .serial = by->serial, .tier = t->tier, .slot = t->slot_id };

	if (t->be->ops->vouch != NULL)
		audit.token = (struct hz_audit_token){ vouch, keep, kept, t->be };
	return hz_audit_new(&t->audit, &audit);
}

static CK_RV token_new(struct hz_token **out, const struct hz_config *conf, const struct hz_slot_conf *slot, unsigned ordinal)
{
	const struct hz_slot_conf *by = serving(conf, slot);
	struct hz_token *t = calloc(1, sizeof *t);
	CK_RV rv;

	if (t == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no memory for a token");
	(void)pthread_mutex_init(&t->login_lock, NULL);
	(void)pthread_mutex_init(&t->lock, NULL);
	t->slot_id = slot->id;
	t->ordinal = ordinal;
	t->own_tier = slot->tier;
	t->tier = by != NULL ? by->tier : slot->tier;
	t->absent_why = slot->absent_why;
	memcpy(t->serial, slot->serial, sizeof t->serial - 1);
	strncpy(t->label, slot->label, sizeof t->label - 1);
	t->description = slot->description;
	t->removable = slot->id > 1;
	t->login_required = slot->tier != 0;
	t->born_initialised = slot->tier == 0;
	t->hide_secp256k1 = slot->hide_secp256k1;
	t->delegate_to_attested = slot->delegate_to_attested || (by != NULL && by->delegate_to_attested);
	t->separator = conf->separator;
	rv = by != NULL ? token_backend(t, conf, by) : CKR_OK;
	if (rv == CKR_OK && t->be != NULL)
		rv = token_audit(t, conf, by);
	if (rv == CKR_OK && by != NULL && by != slot)
		note_fallback(t, slot);
	if (rv == CKR_OK)
		*out = t;
	else
		token_free(t);
	return rv;
}

static void tokens_free(void)
{
	for (size_t i = 0; i < module.ntokens; i++)
		token_free(module.tokens[i]);
	free(module.tokens);
	module.tokens = NULL;
	module.ntokens = 0;
}

static CK_RV tokens_new(struct hz_config *conf)
{
	CK_RV rv = CKR_OK;

	module.tokens = calloc(conf->nslots, sizeof *module.tokens);
	if (module.tokens == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no memory for tokens");
	for (size_t i = 0; rv == CKR_OK && i < conf->nslots; i++)
		rv = check_present(&conf->slots[i]);
	while (rv == CKR_OK && module.ntokens < conf->nslots) {
		size_t i = module.ntokens;

		rv = token_new(&module.tokens[i], conf, &conf->slots[i], (unsigned)i);
		if (rv == CKR_OK)
			module.ntokens++;
	}
	return rv;
}

/* Fork. */

/*
 * The generation whose locks these are, times two; odd while one thread of the child makes them anew. A fork amid that leaves an odd
 * number of an older generation, which the next child takes over.
 */
static _Atomic unsigned locks_of;

/* Everything inherited is dropped without a word to anybody: connections, files and locks belong to the parent. */
static void abandon(void)
{
	hz_secmem_after_fork();
	hz_libctx_after_fork();
	(void)pthread_mutex_init(&module.change, NULL);
	module.life = (pthread_rwlock_t)PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
	(void)pthread_mutex_init(&module.event_lock, NULL);
	(void)pthread_cond_init(&module.event, NULL);
	hz_session_after_fork();
	/* Tables and tokens may be half changed by threads of the parent: leaked. */
	for (size_t i = 0; i < module.ntokens; i++)
		if (module.tokens[i]->be != NULL) {
			module.tokens[i]->be->ops->abandon(module.tokens[i]->be);
			hz_audit_free(module.tokens[i]->audit);
		}
	module.tokens = NULL;
	module.ntokens = 0;
	module.conf = NULL;
	atomic_store(&hz_module_life, 0);
}

static void fresh_after_fork(void)
{
	unsigned mine = hz_fork_gen() * 2, seen = atomic_load(&locks_of);

	while (seen != mine) {
		if (seen == mine + 1) {
			(void)sched_yield();
			seen = atomic_load(&locks_of);
		} else if (atomic_compare_exchange_weak(&locks_of, &seen, mine + 1)) {
			abandon();
			atomic_store(&locks_of, mine);
			return;
		}
	}
}

/* C_Initialize. */

static CK_RV check_args(const CK_C_INITIALIZE_ARGS *a)
{
	int n;

	if (a == NULL)
		return CKR_OK;
	n = (a->CreateMutex != NULL) + (a->DestroyMutex != NULL) + (a->LockMutex != NULL) + (a->UnlockMutex != NULL);
	if (n != 0 && n != 4)
		return hz_fail(CKR_ARGUMENTS_BAD, "%d of the 4 mutex functions are given", n);
	if (n == 4 && (a->flags & CKF_OS_LOCKING_OK) == 0)
		return hz_fail(CKR_CANT_LOCK, "only the system's own locks are used, and CKF_OS_LOCKING_OK is not set");
	return CKR_OK;
}

/* The file's choice, or the environment's; a bad one of the file is an error, a bad one of the environment a line in the log. */
static CK_RV open_log(const struct hz_config *conf)
{
	if (conf->log_env != NULL && hz_log_open(conf->log_env, conf->log_debug))
		return CKR_OK;
	if (conf->log_env != NULL)
		hz_log(HZ_LOG_ERROR, "HANZO_PKCS11_LOG: cannot open %s", conf->log_env);
	if (hz_log_open(conf->log, conf->log_debug))
		return CKR_OK;
	return hz_fail(CKR_GENERAL_ERROR, "%s: [hanzo] log: cannot open %s", conf->path, conf->log);
}

static CK_RV start(const char *reserved)
{
	CK_RV rv;

	/*
	 * Made here and not at first use: while libcrypto makes a context it holds locks of the whole process, and an application that
	 * forks just then would find them taken for ever in the child.
	 */
	if (hz_libctx() == NULL)
		return hz_fail(CKR_GENERAL_ERROR, "libcrypto cannot make a library context");
	rv = hz_config_load(&module.conf, reserved);

	if (rv == CKR_OK)
		rv = open_log(module.conf);
	if (rv == CKR_OK)
		rv = tokens_new(module.conf);
	if (rv != CKR_OK) {
		tokens_free();
		hz_config_free(module.conf);
		module.conf = NULL;
		return rv;
	}
	pthread_mutex_lock(&module.event_lock);
	module.lives++;
	pthread_mutex_unlock(&module.event_lock);
	atomic_store(&hz_module_life, hz_fork_gen() + 1u);
	return CKR_OK;
}

/* This thread is inside C_Initialize: a module that we load there may lead back here. */
static _Thread_local bool starting;

CK_RV hz_module_init(const CK_C_INITIALIZE_ARGS *args)
{
	CK_RV rv = check_args(args);

	if (rv != CKR_OK)
		return rv;
	hz_fork_watch();
	fresh_after_fork();
	if (starting || hz_p11_returns())
		return hz_fail(CKR_FUNCTION_FAILED, "a module behind a slot leads back to this one: a loop");
	pthread_mutex_lock(&module.change);
	starting = true;
	if (hz_module_ready())
		rv = hz_fail(CKR_CRYPTOKI_ALREADY_INITIALIZED, "initialised already");
	else
		rv = start(args != NULL ? args->pReserved : NULL);
	starting = false;
	pthread_mutex_unlock(&module.change);
	return rv;
}

/* C_Finalize. */

static void stop(void)
{
	atomic_store(&hz_module_life, 0); /* from now on nobody comes in */
	pthread_mutex_lock(&module.event_lock);
	(void)pthread_cond_broadcast(&module.event);
	pthread_mutex_unlock(&module.event_lock);
	pthread_rwlock_wrlock(&module.life);
		hz_session_close_all(NULL); /* waits for calls inside sessions */
		tokens_free();
		hz_config_free(module.conf);
		module.conf = NULL;
	pthread_rwlock_unlock(&module.life);
	if (hz_secmem_live() != 0) /* a leak, or a call that has read its parameters and finds the door shut */
		hz_log(HZ_LOG_DEBUG, "C_Finalize: %zu secrets are left in memory", hz_secmem_live());
	hz_log_close();
}

CK_RV hz_module_finalize(void *reserved)
{
	CK_RV rv = CKR_OK;

	if (reserved != NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "pReserved is not NULL");
	if (!hz_module_ready())
		return not_initialised();
	if (hz_p11_returns())
		return hz_fail(CKR_FUNCTION_FAILED, "a module behind a slot leads back to this one: a loop");
	pthread_mutex_lock(&module.change);
	if (hz_module_ready())
		stop();
	else
		rv = not_initialised();
	pthread_mutex_unlock(&module.change);
	return rv;
}

/* In between. */

CK_RV hz_module_enter(void)
{
	if (!hz_module_ready())
		return not_initialised();
	pthread_rwlock_rdlock(&module.life);
	if (hz_module_ready())
		return CKR_OK;
	pthread_rwlock_unlock(&module.life);
	return not_initialised();
}

CK_RV hz_module_leave(CK_RV rv)
{
	pthread_rwlock_unlock(&module.life);
	return rv;
}

CK_RV hz_module_wait(CK_FLAGS flags)
{
	unsigned life;

	if (!hz_module_ready())
		return not_initialised();
	if ((flags & CKF_DONT_BLOCK) != 0)
		return CKR_NO_EVENT;
	pthread_mutex_lock(&module.event_lock);
	life = module.lives;
	while (hz_module_ready() && module.lives == life)
		pthread_cond_wait(&module.event, &module.event_lock);
	pthread_mutex_unlock(&module.event_lock);
	return hz_fail(CKR_CRYPTOKI_NOT_INITIALIZED, "C_Finalize was called");
}

struct hz_token *hz_module_token(CK_SLOT_ID id)
{
	for (size_t i = 0; i < module.ntokens; i++)
		if (module.tokens[i]->slot_id == id)
			return module.tokens[i];
	return NULL;
}

size_t hz_module_tokens(struct hz_token *const **out)
{
	*out = module.tokens;
	return module.ntokens;
}
