/* SPDX-License-Identifier: Apache-2.0 */
/* The software backend's vtable: the store behind its token half, the mechanism table behind its cryptographic half. */
#include "backend/soft.h"

#include <stdlib.h>
#include <string.h>

#include "backend/soft_int.h"
#include "base/error.h"
#include "crypto/libctx.h"
#include "store/nonce.h"
#include "store/store.h"

struct soft {
	struct hz_backend be;
	struct hz_store *store;
	unsigned max_tries;
	bool born_initialised;
	CK_UTF8CHAR label[32]; /* until C_InitToken names another */
	struct hz_soft_env env;
};

static struct soft *self(struct hz_backend *be)
{
	return (struct soft *)be;
}

static void soft_close(struct hz_backend *be)
{
	hz_nonce_free(self(be)->env.nonce[0]);
	hz_nonce_free(self(be)->env.nonce[1]);
	hz_store_free(self(be)->store);
	free(be);
}

static void soft_abandon(struct hz_backend *be)
{
	hz_nonce_abandon(self(be)->env.nonce[0]);
	hz_nonce_abandon(self(be)->env.nonce[1]);
	hz_store_abandon(self(be)->store);
	free(be);
}

static CK_RV soft_token_state(struct hz_backend *be, struct hz_token_state *st)
{
	const struct soft *s = self(be);
	struct hz_store_state db;
	CK_RV rv = hz_store_state(s->store, &db);

	if (rv != CKR_OK)
		return rv;
	memset(st, 0, sizeof *st);
	st->present = true;
	st->initialised = db.initialised || s->born_initialised;
	st->user_pin_set = db.user_pin_set;
	if (db.initialised) {
		st->user_pin_count_low = db.user_tries_left < s->max_tries;
		st->user_pin_final_try = db.user_tries_left == 1;
		st->user_pin_locked = db.user_pin_set && db.user_tries_left == 0;
		st->so_pin_count_low = db.so_tries_left < s->max_tries;
		st->so_pin_final_try = db.so_tries_left == 1;
		st->so_pin_locked = db.so_tries_left == 0;
	}
	memcpy(st->label, db.label[0] != 0 ? db.label : s->label, sizeof st->label); /* a token born initialised has no name of its own */
	return CKR_OK;
}

static CK_RV soft_init_token(struct hz_backend *be, const uint8_t *so_pin, size_t len, const CK_UTF8CHAR label[32])
{
	return hz_store_init(self(be)->store, so_pin, len, label);
}

static CK_RV soft_init_pin(struct hz_backend *be, const uint8_t *pin, size_t len)
{
	return hz_store_init_pin(self(be)->store, pin, len);
}

static CK_RV soft_set_pin(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *old, size_t old_len, const uint8_t *pin,
			  size_t len)
{
	return hz_store_set_pin(self(be)->store, who == CKU_SO, old, old_len, pin, len);
}

static CK_RV soft_login(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *pin, size_t len)
{
	return hz_store_login(self(be)->store, who == CKU_SO, pin, len, true);
}

static CK_RV soft_check_pin(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *pin, size_t len)
{
	return hz_store_login(self(be)->store, who == CKU_SO, pin, len, false);
}

static void soft_logout(struct hz_backend *be)
{
	hz_store_logout(self(be)->store);
}

static bool soft_vouch(struct hz_backend *be, const char *purpose, const void *data, size_t len, uint8_t mac[32])
{
	return hz_store_vouch(self(be)->store, purpose, data, len, mac);
}

static CK_RV soft_keep(struct hz_backend *be, const uint8_t *p, size_t n)
{
	return hz_store_keep(self(be)->store, p, n);
}

static CK_RV soft_kept(struct hz_backend *be, uint8_t *p, size_t *n)
{
	return hz_store_kept(self(be)->store, p, n);
}

static uint64_t soft_generation(struct hz_backend *be)
{
	return hz_store_generation(self(be)->store);
}

static CK_RV soft_find(struct hz_backend *be, const struct hz_attrs *tmpl, bool private_too, hz_oid **ids, size_t *n)
{
	return hz_store_find(self(be)->store, tmpl, private_too, ids, n);
}

static CK_RV soft_load(struct hz_backend *be, hz_oid id, struct hz_attrs *out, bool *checked)
{
	return hz_store_load(self(be)->store, id, out, checked);
}

static CK_RV soft_insert(struct hz_backend *be, const struct hz_attrs *const sets[], size_t n, hz_oid *ids)
{
	return hz_store_insert(self(be)->store, sets, n, ids);
}

static CK_RV soft_update(struct hz_backend *be, hz_oid id, hz_edit_fn edit, void *arg)
{
	return hz_store_update(self(be)->store, id, edit, arg);
}

static CK_RV soft_destroy(struct hz_backend *be, hz_oid id)
{
	return hz_store_delete(self(be)->store, id);
}

static const struct hz_mech_row *soft_mech(struct hz_backend *be, CK_MECHANISM_TYPE type)
{
	const struct hz_soft_mech *m = hz_soft_mech_find(type);

	(void)be;
	return m != NULL ? &m->row : NULL;
}

static size_t soft_mech_list(struct hz_backend *be, CK_MECHANISM_TYPE *out, size_t room)
{
	(void)be;
	return hz_soft_mech_list(out, room);
}

static CK_RV soft_key_open(struct hz_backend *be, const struct hz_attrs *attrs, hz_oid id, struct hz_key **key)
{
	CK_RV rv = hz_soft_key_new(attrs, key);

	(void)id;
	if (rv == CKR_OK)
		(*key)->env = &self(be)->env;
	return rv;
}

static void soft_key_free(struct hz_backend *be, struct hz_key *key)
{
	(void)be;
	hz_soft_key_free(key);
}

static CK_RV soft_complete(struct hz_backend *be, struct hz_attrs *attrs)
{
	(void)be;
	return hz_soft_complete(attrs);
}

static bool takes(const struct hz_mech_row *row, const struct hz_key *key)
{
	if (row->key_types[0] == HZ_ANY_KEY_TYPE)
		return key->cls == CKO_SECRET_KEY;
	for (size_t i = 0; i < sizeof row->key_types / sizeof row->key_types[0]; i++)
		if (row->key_types[i] == key->type && row->key_types[i] != HZ_NO_KEY_TYPE)
			return true;
	return false;
}

/*
 * The row of a mechanism that offers every one of `flags`. The floor above has asked the same questions; an operation on a key of
 * another type would still be a fault in memory, so they are asked again here.
 */
static CK_RV row_for(const struct hz_mech *m, CK_FLAGS flags, const struct hz_key *key, const struct hz_soft_mech **row)
{
	*row = hz_soft_mech_find(m->type);
	if (*row == NULL || ((*row)->row.info.flags & flags) != flags)
		return hz_fail(CKR_MECHANISM_INVALID, "mechanism 0x%lx does not do this", m->type);
	if (key != NULL && !takes(&(*row)->row, key))
		return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "mechanism 0x%lx takes no key of type 0x%lx", m->type, key->type);
	return CKR_OK;
}

static const CK_FLAGS kind_flag[HZ_OP_KINDS] = {
	[HZ_OP_ENCRYPT] = CKF_ENCRYPT,
	[HZ_OP_DECRYPT] = CKF_DECRYPT,
	[HZ_OP_DIGEST] = CKF_DIGEST,
	[HZ_OP_SIGN] = CKF_SIGN,
	[HZ_OP_VERIFY] = CKF_VERIFY,
	[HZ_OP_SIGN_RECOVER] = CKF_SIGN_RECOVER,
	[HZ_OP_VERIFY_RECOVER] = CKF_VERIFY_RECOVER,
	[HZ_OP_MSG_ENCRYPT] = CKF_MESSAGE_ENCRYPT,
	[HZ_OP_MSG_DECRYPT] = CKF_MESSAGE_DECRYPT,
};

static CK_RV soft_op_begin(struct hz_backend *be, enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key,
			   struct hz_op **op)
{
	const struct hz_soft_mech *row;
	CK_RV rv = row_for(m, kind_flag[kind], key, &row);

	(void)be;
	if (rv == CKR_OK && key == NULL && kind != HZ_OP_DIGEST)
		rv = hz_fail(CKR_KEY_HANDLE_INVALID, "no key");
	return rv == CKR_OK ? row->begin(kind, m, key, op) : rv;
}

static CK_RV soft_generate(struct hz_backend *be, const struct hz_mech *m, struct hz_attrs *secret)
{
	const struct hz_soft_mech *row;
	CK_RV rv = row_for(m, CKF_GENERATE, NULL, &row);

	(void)be;
	return rv == CKR_OK ? row->generate(m, secret) : rv;
}

static CK_RV soft_generate_pair(struct hz_backend *be, const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv)
{
	const struct hz_soft_mech *row;
	CK_RV rv = row_for(m, CKF_GENERATE_KEY_PAIR, NULL, &row);

	(void)be;
	return rv == CKR_OK ? row->generate_pair(m, pub, priv) : rv;
}

static CK_RV soft_derive(struct hz_backend *be, const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made)
{
	const struct hz_soft_mech *row;
	CK_RV rv = row_for(m, CKF_DERIVE, base, &row);

	(void)be;
	return rv == CKR_OK ? row->derive(m, base, made) : rv;
}

static CK_RV soft_wrap(struct hz_backend *be, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target,
		       struct hz_buf *out)
{
	const struct hz_soft_mech *row;
	CK_RV rv = row_for(m, CKF_WRAP, wrapping, &row);

	(void)be;
	return rv == CKR_OK ? row->wrap(m, wrapping, target, out) : rv;
}

static CK_RV soft_wrap_len(struct hz_backend *be, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target,
			   size_t *len)
{
	const struct hz_soft_mech *row;
	CK_RV rv = row_for(m, CKF_WRAP, wrapping, &row);

	(void)be;
	return rv == CKR_OK ? row->wrap_len(m, wrapping, target, len) : rv;
}

static CK_RV soft_unwrap(struct hz_backend *be, const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len,
			 struct hz_attrs *made)
{
	const struct hz_soft_mech *row;
	CK_RV rv = row_for(m, CKF_UNWRAP, unwrapping, &row);

	(void)be;
	return rv == CKR_OK ? row->unwrap(m, unwrapping, in, len, made) : rv;
}

static CK_RV soft_encapsulate(struct hz_backend *be, const struct hz_mech *m, struct hz_key *pub, struct hz_buf *ct,
			      struct hz_attrs *made)
{
	const struct hz_soft_mech *row;
	CK_RV rv = row_for(m, CKF_ENCAPSULATE, pub, &row);

	(void)be;
	return rv == CKR_OK ? row->encapsulate(m, pub, ct, made) : rv;
}

static CK_RV soft_encapsulate_len(struct hz_backend *be, const struct hz_mech *m, struct hz_key *pub, size_t *len)
{
	const struct hz_soft_mech *row;
	CK_RV rv = row_for(m, CKF_ENCAPSULATE, pub, &row);

	(void)be;
	return rv == CKR_OK ? row->encapsulate_len(m, pub, len) : rv;
}

static CK_RV soft_decapsulate(struct hz_backend *be, const struct hz_mech *m, struct hz_key *priv, const uint8_t *ct, size_t len,
			      struct hz_attrs *made)
{
	const struct hz_soft_mech *row;
	CK_RV rv = row_for(m, CKF_DECAPSULATE, priv, &row);

	(void)be;
	return rv == CKR_OK ? row->decapsulate(m, priv, ct, len, made) : rv;
}

static CK_RV soft_random(struct hz_backend *be, uint8_t *out, size_t n)
{
	(void)be;
	return hz_random(out, n) ? CKR_OK : hz_fail(CKR_FUNCTION_FAILED, "random bytes: %s", hz_ossl_reason());
}

static CK_RV soft_seed(struct hz_backend *be, const uint8_t *in, size_t n)
{
	(void)be;
	return hz_random_add(in, n) ? CKR_OK : hz_fail(CKR_FUNCTION_FAILED, "seeding: %s", hz_ossl_reason());
}

static const struct hz_backend_ops soft_ops = {
	.name = "soft",
	.close = soft_close,
	.abandon = soft_abandon,
	.token_state = soft_token_state,
	.init_token = soft_init_token,
	.init_pin = soft_init_pin,
	.set_pin = soft_set_pin,
	.login = soft_login,
	.check_pin = soft_check_pin,
	.logout = soft_logout,
	.vouch = soft_vouch,
	.keep = soft_keep,
	.kept = soft_kept,
	.generation = soft_generation,
	.find = soft_find,
	.load = soft_load,
	.insert = soft_insert,
	.update = soft_update,
	.destroy = soft_destroy,
	.mech = soft_mech,
	.mech_list = soft_mech_list,
	.key_open = soft_key_open,
	.key_free = soft_key_free,
	.complete = soft_complete,
	.op_begin = soft_op_begin,
	.generate = soft_generate,
	.generate_pair = soft_generate_pair,
	.derive = soft_derive,
	.wrap = soft_wrap,
	.wrap_len = soft_wrap_len,
	.unwrap = soft_unwrap,
	.encapsulate = soft_encapsulate,
	.encapsulate_len = soft_encapsulate_len,
	.decapsulate = soft_decapsulate,
	.random = soft_random,
	.seed = soft_seed,
};

/* Labels are 32 bytes, padded with blanks and without a NUL (3.1 section 3.4, CK_TOKEN_INFO). */
static void set_label(struct soft *s, const char *text)
{
	size_t n = strnlen(text, sizeof s->label);

	memset(s->label, ' ', sizeof s->label);
	memcpy(s->label, text, n);
}

/* One memory for all tokens of a store: a keyspace, or a key, is the same wherever it is used. */
static CK_RV open_nonces(const char *store_dir, const char *kind, uint64_t ttl, struct hz_nonce **out)
{
	struct hz_buf dir = HZ_BUF_INIT;
	struct hz_nonce_conf conf = { .ttl = ttl };
	CK_RV rv;

	hz_buf_str(&dir, store_dir);
	hz_buf_str(&dir, "/nonces/");
	hz_buf_str(&dir, kind);
	hz_buf_u8(&dir, 0);
	conf.dir = (const char *)dir.p;
	rv = dir.failed ? hz_fail(CKR_HOST_MEMORY, "out of memory") : hz_nonce_new(out, &conf);
	hz_buf_free(&dir);
	return rv;
}

CK_RV hz_soft_env_open(const char *store_dir, uint64_t chain_id, uint64_t poai_ttl, uint64_t hmm_ttl, struct hz_soft_env *env)
{
	CK_RV rv;

	env->chain_id = chain_id != 0 ? chain_id : 36963;
	env->poai_ttl = poai_ttl != 0 ? poai_ttl : 3600;
	env->hmm_ttl = hmm_ttl != 0 ? hmm_ttl : 86400;
	rv = open_nonces(store_dir, "poai", env->poai_ttl, &env->nonce[0]);
	return rv == CKR_OK ? open_nonces(store_dir, "hmm", env->hmm_ttl, &env->nonce[1]) : rv;
}

CK_RV hz_soft_open(const struct hz_soft_conf *conf, struct hz_backend **out)
{
	const struct hz_store_conf sc = {
		.dir = conf->store_dir,
		.serial = conf->serial,
		.tier = conf->tier,
		.open_token = conf->born_initialised,
		.max_tries = conf->max_pin_tries,
		.seals = conf->seals,
		.n_seals = conf->n_seals,
		.two_ways = conf->two_ways,
		.seal_conf = conf->seal_conf,
		.label = conf->default_label,
	};
	struct soft *s;
	CK_RV rv;

	if (hz_libctx() == NULL)
		return hz_fail(CKR_GENERAL_ERROR, "libcrypto cannot make a library context");
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	s->be.ops = &soft_ops;
	s->born_initialised = conf->born_initialised;
	s->max_tries = conf->max_pin_tries;
	set_label(s, conf->default_label);
	rv = hz_store_new(&s->store, &sc);
	if (rv == CKR_OK)
		rv = hz_soft_env_open(conf->store_dir, conf->chain_id, conf->poai_ttl, conf->hmm_ttl, &s->env);
	if (rv != CKR_OK) {
		if (s->store != NULL)
			soft_close(&s->be);
		else
			free(s);
		return rv;
	}
	*out = &s->be;
	return CKR_OK;
}
