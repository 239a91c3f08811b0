/* SPDX-License-Identifier: Apache-2.0 */
/* The forwarding backend's vtable and its life. */
#include "backend/p11.h"

#include <stdlib.h>
#include <string.h>

#include "backend/p11_int.h"
#include "backend/p11_load.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/secmem.h"
#include "crypto/libctx.h"
#include "store/nonce.h"

static void release(struct hz_p11 *p)
{
	hz_p11_table_free(p);
	hz_secmem_free(p->pin);
	free(p->mechs);
	free(p->device);
	free(p->module);
	free(p->token);
	free(p->pin_source);
	free(p->init_args);
	free(p);
}

static void p11_close(struct hz_backend *be)
{
	struct hz_p11 *p = hz_p11_self(be);

	hz_nonce_free(p->env.nonce[0]);
	hz_nonce_free(p->env.nonce[1]);
	hz_p11_side_free(p);
	hz_p11_disconnect(p);
	if (p->handle != NULL)
		hz_p11_unload(p->handle);
	(void)pthread_cond_destroy(&p->pool.free);
	(void)pthread_mutex_destroy(&p->pool.lock);
	(void)pthread_mutex_destroy(&p->table.listing);
	(void)pthread_mutex_destroy(&p->table.lock);
	(void)pthread_mutex_destroy(&p->conn);
	(void)pthread_mutex_destroy(&p->keeping);
	(void)pthread_mutex_destroy(&p->mechs_lock);
	release(p);
}

/* The device's sessions are the parent's: nobody is spoken to, and p11-kit's list of the parent is left where it is. */
static void p11_abandon(struct hz_backend *be)
{
	struct hz_p11 *p = hz_p11_self(be);

	hz_nonce_abandon(p->env.nonce[0]);
	hz_nonce_abandon(p->env.nonce[1]);
	hz_p11_side_abandon(p);
	p->pin = NULL; /* its memory was the parent's */
	release(p);
}

static uint64_t p11_generation(struct hz_backend *be)
{
	return atomic_load_explicit(&hz_p11_self(be)->generation, memory_order_acquire);
}

static bool p11_present(struct hz_backend *be)
{
	return hz_p11_ready(hz_p11_self(be)) == CKR_OK;
}

struct randomness {
	uint8_t *out;
	size_t n;
};

static CK_RV random_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct randomness *r = arg;

	return p->f->C_GenerateRandom(s, r->out, r->n);
}

#define MIX 64

/* Ours, and the device's on top: neither alone decides. A device without a generator, or none at all, takes nothing away. */
static CK_RV p11_random(struct hz_backend *be, uint8_t *out, size_t n)
{
	uint8_t block[MIX];
	struct randomness r = { block, 0 };

	if (!hz_random(out, n))
		return hz_fail(CKR_FUNCTION_FAILED, "random bytes: %s", hz_ossl_reason());
	for (size_t at = 0; at < n && at < 16 * MIX; at += r.n) {
		r.n = n - at < MIX ? n - at : MIX;
		if (hz_p11_run(hz_p11_self(be), random_work, &r) != CKR_OK)
			break;
		for (size_t i = 0; i < r.n; i++)
			out[at + i] ^= block[i];
	}
	hz_wipe(block, sizeof block);
	return CKR_OK;
}

static CK_RV p11_seed(struct hz_backend *be, const uint8_t *in, size_t n)
{
	(void)be;
	return hz_random_add(in, n) ? CKR_OK : hz_fail(CKR_FUNCTION_FAILED, "seeding: %s", hz_ossl_reason());
}

static const struct hz_backend_ops p11_ops = {
	.name = "pkcs11",
	.close = p11_close,
	.abandon = p11_abandon,
	.present = p11_present,
	.token_state = hz_p11_token_state,
	.read_only = hz_p11_read_only,
	.init_token = hz_p11_init_token,
	.init_pin = hz_p11_init_pin,
	.set_pin = hz_p11_set_pin,
	.login = hz_p11_login,
	.check_pin = hz_p11_check_pin,
	.logout = hz_p11_logout,
	.generation = p11_generation,
	.find = hz_p11_find,
	.load = hz_p11_obj_load,
	.insert = hz_p11_insert,
	.update = hz_p11_update,
	.destroy = hz_p11_destroy,
	.hold = hz_p11_hold,
	.release = hz_p11_release,
	.mech = hz_p11_mech,
	.mech_list = hz_p11_mech_list,
	.key_open = hz_p11_key_open,
	.key_free = hz_p11_key_free,
	.complete = hz_p11_complete,
	.op_begin = hz_p11_op_begin,
	.generate = hz_p11_generate,
	.generate_pair = hz_p11_generate_pair,
	.derive = hz_p11_derive,
	.wrap = hz_p11_wrap,
	.wrap_len = hz_p11_wrap_len,
	.unwrap = hz_p11_unwrap,
	.random = p11_random,
	.seed = p11_seed,
};

static void make_locks(struct hz_p11 *p)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&p->pool.free, &attr);
	(void)pthread_condattr_destroy(&attr);
	(void)pthread_mutex_init(&p->pool.lock, NULL);
	(void)pthread_mutex_init(&p->table.listing, NULL);
	(void)pthread_mutex_init(&p->table.lock, NULL);
	(void)pthread_mutex_init(&p->conn, NULL);
	(void)pthread_mutex_init(&p->keeping, NULL);
	(void)pthread_mutex_init(&p->mechs_lock, NULL);
}

static bool copy_text(char **to, const char *from)
{
	*to = from != NULL ? strdup(from) : NULL;
	return from == NULL || *to != NULL;
}

static CK_RV take_conf(struct hz_p11 *p, const struct hz_p11_conf *c)
{
	size_t n = strnlen(c->label, sizeof p->label);

	p->be.ops = &p11_ops;
	p->forked = hz_fork_gen() != 0;
	p->by_slot = c->by_slot;
	p->slot_wanted = c->slot;
	p->allow_init = c->allow_init;
	p->tier = c->tier;
	p->max_tries = c->max_pin_tries;
	p->deadline = (int64_t)(c->deadline != 0 ? c->deadline : HZ_P11_DEADLINE_DEFAULT) * 1000;
	p->pool.cap = c->sessions != 0 ? c->sessions : HZ_P11_SESSIONS_DEFAULT;
	if (p->pool.cap > HZ_P11_SESSIONS)
		p->pool.cap = HZ_P11_SESSIONS;
	memset(p->label, ' ', sizeof p->label);
	memcpy(p->label, c->label, n);
	if (!copy_text(&p->module, c->module) || !copy_text(&p->token, c->token) || !copy_text(&p->pin_source, c->pin_source) ||
	    !copy_text(&p->init_args, c->init_args))
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	return CKR_OK;
}

static CK_RV refuse_loop(struct hz_p11 *p)
{
	switch (hz_p11_identify(p->module)) {
	case HZ_P11_OURSELVES:
		return hz_fail(CKR_GENERAL_ERROR, "module = %s is this very module: a loop", p->module);
	case HZ_P11_PROXY:
		return hz_fail(CKR_GENERAL_ERROR, "module = %s is p11-kit's proxy, which leads back to this module: a loop", p->module);
	default:
		return CKR_OK;
	}
}

/* Asked before, of what is in the process already, and after, of what was not. */
static CK_RV load(struct hz_p11 *p)
{
	CK_RV rv = refuse_loop(p);

	if (rv != CKR_OK)
		return rv;
	p->handle = hz_p11_load(p->module);
	if (p->handle == NULL)
		return hz_fail(CKR_TOKEN_NOT_PRESENT, "%s: %s", p->module, hz_p11_load_reason());
	p->f = p->handle;
	return refuse_loop(p);
}

CK_RV hz_p11_open(const struct hz_p11_conf *conf, struct hz_backend **out)
{
	struct hz_p11 *p = calloc(1, sizeof *p);
	CK_RV rv;

	if (p == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	make_locks(p);
	rv = take_conf(p, conf);
	if (rv == CKR_OK)
		rv = hz_p11_side_new(p, conf);
	if (rv == CKR_OK)
		rv = hz_soft_env_open(conf->store_dir, conf->chain_id, conf->poai_ttl, conf->hmm_ttl, &p->env);
	if (rv == CKR_OK)
		rv = load(p);
	if (rv == CKR_OK)
		*out = &p->be;
	else
		p11_close(&p->be);
	return rv;
}
