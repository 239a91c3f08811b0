/* SPDX-License-Identifier: Apache-2.0 */
/* PINs: the counted try, login, C_InitToken, C_InitPIN and C_SetPIN. Password hashing happens outside of every transaction. */
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"
#include "base/secmem.h"
#include "store/db.h"
#include "store/kept.h"

/* What the database says about one role. */
struct login {
	enum hz_role role;
	bool initialised, pin_set; /* pin_set: the role has a wrapped key */
	bool second;               /* the user has a second one, without a PIN */
	int64_t tries, flight, tried_at;
	uint8_t label[32], key_id[HZ_KEY_ID];
	uint8_t mac[HZ_AEAD_EXTRA];
	uint8_t wrapped[HZ_WRAPPED];
	struct hz_seal_list seals;
};

/* A new wrapped key on its way into the database. */
struct change {
	enum hz_role role;
	const struct hz_store *s;
	const uint8_t *old_wrapped; /* what it replaces, when that matters */
	const uint8_t *old_key_id;  /* NULL: no token before */
	uint8_t key_id[HZ_KEY_ID];
	uint8_t wrapped[HZ_WRAPPED];
	uint8_t mac[HZ_AEAD_EXTRA];
	uint8_t kept[HZ_KEPT_MAC];  /* authenticates that a new token keeps an empty value */
	uint8_t label[32];
	struct hz_seal_list seals;
	struct change *also;        /* of another role, written with it */
};

static const struct hz_blob nothing = { (const uint8_t *)"", 0 };

static int64_t now_ms(void)
{
	struct timespec t = { 0, 0 };

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct hz_wrap_for wrap_for(const struct hz_store *s, enum hz_role role)
{
	return (struct hz_wrap_for){ s->serial, s->tier, role };
}

static bool take(struct hz_blob b, uint8_t *out, size_t n)
{
	if (b.n != n)
		return false;
	memcpy(out, b.p, n);
	return true;
}

static CK_RV damaged(const struct hz_store *s, const char *what)
{
	hz_log(HZ_LOG_ERROR, "token %s: %s", s->serial, what);
	return hz_fail(CKR_DEVICE_ERROR, "token %s: %s", s->serial, what);
}

/* The token's own row. */
static CK_RV read_token(struct hz_conn *c, const struct hz_store *s, struct login *l)
{
	sqlite3_stmt *st = hz_db_stmt(c, HZ_S_TOKEN);
	int rc = st == NULL ? SQLITE_ERROR : sqlite3_step(st);
	struct hz_blob serial;

	l->initialised = rc == SQLITE_ROW;
	if (rc == SQLITE_DONE)
		return CKR_OK;
	if (rc != SQLITE_ROW)
		return hz_db_error(c, "reading the token");
	serial = hz_db_blob(st, 0);
	if (serial.n != strlen(s->serial) || memcmp(serial.p, s->serial, serial.n) != 0 || sqlite3_column_int64(st, 1) != s->tier)
		return damaged(s, "the database belongs to another token");
	if (!take(hz_db_blob(st, 2), l->label, sizeof l->label) || !take(hz_db_blob(st, 3), l->key_id, sizeof l->key_id) ||
	    (!s->open_token && !take(hz_db_blob(st, 4), l->mac, sizeof l->mac)))
		return damaged(s, "the token's row was changed outside of the module");
	return CKR_OK;
}

static CK_RV read_seals(struct hz_conn *c, struct login *l)
{
	sqlite3_stmt *st = hz_db_stmt(c, HZ_S_SEALS);
	CK_RV rv = CKR_OK;
	int rc = SQLITE_ERROR;

	if (st != NULL) {
		(void)sqlite3_bind_int(st, 1, (int)l->role);
		while (rv == CKR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
			rv = hz_seal_list_add(&l->seals, (unsigned)sqlite3_column_int64(st, 0), hz_db_blob(st, 1));
	}
	return rv != CKR_OK || rc == SQLITE_DONE ? rv : hz_db_error(c, "reading the seals");
}

static CK_RV read_login(struct hz_conn *c, const struct hz_store *s, struct login *l)
{
	sqlite3_stmt *st;
	CK_RV rv;
	int rc;

	hz_seal_list_free(&l->seals);
	l->pin_set = false;
	rv = read_token(c, s, l);
	if (rv != CKR_OK || !l->initialised || s->open_token)
		return rv;
	st = hz_db_stmt(c, HZ_S_LOGIN);
	if (st == NULL)
		return hz_db_error(c, "reading the login");
	(void)sqlite3_bind_int(st, 1, (int)l->role);
	rc = sqlite3_step(st);
	if (rc == SQLITE_DONE)
		return CKR_OK;
	if (rc != SQLITE_ROW)
		return hz_db_error(c, "reading the login");
	l->pin_set = true;
	l->tries = sqlite3_column_int64(st, 0);
	l->tried_at = sqlite3_column_int64(st, 1);
	l->flight = sqlite3_column_int64(st, 3);
	l->second = sqlite3_column_int64(st, 4) != 0;
	if (!take(hz_db_blob(st, 2), l->wrapped, sizeof l->wrapped))
		return damaged(s, "the wrapped key was changed outside of the module");
	return read_seals(c, l);
}

struct login_job {
	struct hz_store *s;
	struct login *l;
};

static CK_RV job_read(struct hz_conn *c, void *arg)
{
	struct login_job *j = arg;

	return read_login(c, j->s, j->l);
}

/* Count a try before anybody checks it: whoever is killed in between has used it up. */
static CK_RV job_count(struct hz_conn *c, void *arg)
{
	struct login_job *j = arg;
	sqlite3_stmt *st;
	CK_RV rv = read_login(c, j->s, j->l);

	if (rv != CKR_OK)
		return rv;
	if (!j->l->pin_set)
		return hz_fail(CKR_USER_PIN_NOT_INITIALIZED, "token %s has no such PIN", j->s->serial);
	if (j->l->tries < 0 || j->l->tries >= (int64_t)j->s->max_tries)
		return hz_fail(CKR_PIN_LOCKED, "token %s: the PIN is locked", j->s->serial);
	st = hz_db_stmt(c, HZ_S_LOGIN_COUNT);
	if (st != NULL) {
		(void)sqlite3_bind_int(st, 1, (int)j->l->role);
		(void)sqlite3_bind_int64(st, 2, now_ms());
	}
	return hz_db_run(st) == SQLITE_DONE ? CKR_OK : hz_db_error(c, "counting the try");
}

/* A try has its result. */
static CK_RV end_try(struct hz_conn *c, const struct login *l, enum hz_stmt how)
{
	sqlite3_stmt *st = hz_db_stmt(c, how);

	if (st != NULL) {
		(void)sqlite3_bind_int(st, 1, (int)l->role);
		hz_db_bind_blob(st, 2, (struct hz_blob){ l->wrapped, sizeof l->wrapped });
	}
	return hz_db_run(st) == SQLITE_DONE ? CKR_OK : hz_db_error(c, "recording the result of a try");
}

static CK_RV job_right(struct hz_conn *c, void *arg)
{
	return end_try(c, ((struct login_job *)arg)->l, HZ_S_LOGIN_RESET);
}

static CK_RV job_wrong(struct hz_conn *c, void *arg)
{
	return end_try(c, ((struct login_job *)arg)->l, HZ_S_LOGIN_WRONG);
}

static CK_RV job_undo(struct hz_conn *c, void *arg)
{
	return end_try(c, ((struct login_job *)arg)->l, HZ_S_LOGIN_UNDO);
}

/*
 * Tries that others have begun and not ended count too, so that guessing side by side gains nothing. Where such tries fill the count,
 * one may still be right: wait until the last of them is surely over before saying "locked".
 */
#define TRY_MS 5000

static CK_RV count_try(struct login_job *j)
{
	const struct timespec pause = { 0, 50000000 };
	CK_RV rv;

	for (;;) {
		int64_t age;

		rv = hz_db_write(j->s, CKR_USER_PIN_NOT_INITIALIZED, job_count, j);
		age = now_ms() - j->l->tried_at;
		if (rv != CKR_PIN_LOCKED || j->l->flight <= 0 || age < 0 || age >= TRY_MS)
			return rv;
		(void)nanosleep(&pause, NULL);
	}
}

/* Does a login of this role bring a PIN, which may be guessed? */
static bool by_pin(const struct hz_store *s, enum hz_role role)
{
	return role == HZ_ROLE_SO || (role == HZ_ROLE_USER && s->pin_sealed);
}

/* A key that a PIN alone must open has a seal that looks at it; any PIN would open it otherwise. */
static bool pin_in(const struct hz_seal_list *seals)
{
	size_t i = 0;

	while (i < seals->n && seals->v[i].kind != HZ_SEAL_PIN)
		i++;
	return i < seals->n;
}

/* The user's key of a token whose user has no PIN: nothing to guess, nothing to count. */
static CK_RV read_sealed(struct login_job *j)
{
	bool exists;
	CK_RV rv = hz_db_read(j->s, job_read, j, &exists);

	if (rv == CKR_OK && !j->l->pin_set)
		rv = hz_fail(CKR_USER_PIN_NOT_INITIALIZED, "token %s has no key for its user%s", j->s->serial,
			     j->l->role == HZ_ROLE_BARE && j->l->initialised ? " without a PIN: C_SetPIN seals one" : "");
	if (rv == CKR_OK && pin_in(&j->l->seals)) /* which could be guessed without a count */
		rv = hz_fail(CKR_DEVICE_ERROR, "token %s was sealed with a PIN, and its configuration has none", j->s->serial);
	return rv;
}

/* A try that ended before anybody could tell whether the PIN was right, because a device failed, is none. */
static void record(struct hz_store *s, struct login_job *j, CK_RV result)
{
	if (hz_db_write(s, CKR_DEVICE_ERROR, result == CKR_OK ? job_right : result == CKR_PIN_INCORRECT ? job_wrong : job_undo, j) != CKR_OK)
		hz_log(HZ_LOG_WARNING, "token %s: the result of a try could not be recorded: %s", s->serial, hz_error_text());
}

/* A counted check of a PIN; *out gets the data key, *l what it was checked against (the caller frees its seals). */
static CK_RV check_pin(struct hz_store *s, enum hz_role role, const uint8_t *pin, size_t len, struct login *l,
		       struct hz_datakey **out)
{
	const struct hz_seal_input in = { pin, len, &s->seal_conf };
	const struct hz_wrap_for f = wrap_for(s, role);
	struct login_job j = { s, l };
	struct hz_datakey *k = NULL;
	CK_RV rv;

	*out = NULL;
	*l = (struct login){ .role = role };
	if (s->open_token)
		return hz_fail(CKR_USER_PIN_NOT_INITIALIZED, "this token has no PIN");
	rv = by_pin(s, role) ? count_try(&j) : read_sealed(&j);
	if (rv != CKR_OK)
		return rv;
	k = hz_datakey_new(l->key_id);
	if (k == NULL) {
		if (by_pin(s, role))
			record(s, &j, CKR_HOST_MEMORY);
		return CKR_HOST_MEMORY;
	}
	if (by_pin(s, role) && !pin_in(&l->seals))
		rv = hz_fail(CKR_DEVICE_ERROR, "token %s was sealed without a PIN, and its configuration has one", s->serial);
	else
		rv = hz_seal_unwrap(&f, &l->seals, &in, (struct hz_blob){ l->wrapped, sizeof l->wrapped }, k);
	if (by_pin(s, role))
		record(s, &j, rv);
	if (rv == CKR_PIN_INCORRECT)
		rv = by_pin(s, role) ? hz_fail(rv, "wrong PIN") : damaged(s, "this platform does not unseal its key");
	if (rv == CKR_OK && !hz_token_mac_ok(k, &f, l->label, (struct hz_blob){ l->mac, sizeof l->mac }))
		rv = damaged(s, "its label was changed outside of the module");
	if (rv == CKR_OK)
		*out = k;
	else
		hz_datakey_unref(k);
	return rv;
}

/*
 * A token that was sealed by less than its configuration asks for now is not opened for its user: its keys would seem better kept
 * than they are. So is one that a second way leads to which the configuration has not. C_SetPIN seals it anew, which the SO can only
 * do after the login.
 */
static CK_RV less_sealed(const struct hz_store *s, bool so)
{
	static const char text[] = "token %s was sealed by less than its configuration asks for now: C_SetPIN seals it anew";

	if (!so)
		return hz_fail(CKR_DEVICE_ERROR, text, s->serial);
	hz_log(HZ_LOG_WARNING, text, s->serial);
	return CKR_OK;
}

static bool sealed_enough(const struct hz_store *s, const struct login *l)
{
	bool all = l->role != HZ_ROLE_USER || !l->second || s->two_ways;

	for (size_t i = 0; i < s->n_seals; i++) {
		size_t k = 0;

		if (l->role == HZ_ROLE_BARE && s->seals[i] == HZ_SEAL_PIN)
			continue;
		while (k < l->seals.n && l->seals.v[k].kind != s->seals[i])
			k++;
		all = all && k < l->seals.n;
	}
	return all;
}

static CK_RV first_login(struct hz_store *s);

CK_RV hz_store_login(struct hz_store *s, bool so, const uint8_t *pin, size_t len, bool keep)
{
	enum hz_role role = so ? HZ_ROLE_SO : pin == NULL && s->two_ways ? HZ_ROLE_BARE : HZ_ROLE_USER;
	struct hz_datakey *k;
	struct login l;
	CK_RV rv = check_pin(s, role, pin, len, &l, &k);

	if (rv == CKR_OK && !sealed_enough(s, &l))
		rv = less_sealed(s, so);
	hz_seal_list_free(&l.seals);
	if (rv == CKR_USER_PIN_NOT_INITIALIZED && !l.initialised && role == HZ_ROLE_USER && !by_pin(s, role) &&
	    !s->open_token) {
		rv = first_login(s);
		if (rv == CKR_OK)
			rv = check_pin(s, role, pin, len, &l, &k);
		hz_seal_list_free(&l.seals);
	}
	if (rv == CKR_OK && keep)
		hz_store_key_take(s, k);
	else
		hz_datakey_unref(k);
	return rv;
}

CK_RV hz_store_probe(struct hz_store *s)
{
	const struct hz_seal_input in = { NULL, 0, &s->seal_conf };
	struct login l = { .role = s->two_ways ? HZ_ROLE_BARE : HZ_ROLE_USER };
	struct login_job j = { s, &l };
	bool exists;
	CK_RV rv;

	hz_store_refresh(s);
	rv = hz_db_read(s, job_read, &j, &exists);
	if (rv == CKR_OK && exists)
		rv = hz_seal_probe(&l.seals, &in);
	hz_seal_list_free(&l.seals);
	return rv;
}

void hz_store_logout(struct hz_store *s)
{
	hz_store_refresh(s);
	hz_store_key_take(s, NULL);
}

/* Write wrapped key and seals of a role. */
static CK_RV put_login(struct hz_conn *c, const struct change *n)
{
	sqlite3_stmt *st = hz_db_stmt(c, HZ_S_SEAL_DROP);

	if (st != NULL)
		(void)sqlite3_bind_int(st, 1, (int)n->role);
	if (hz_db_run(st) != SQLITE_DONE)
		return hz_db_error(c, "dropping seals");
	for (size_t i = 0; i < n->seals.n; i++) {
		st = hz_db_stmt(c, HZ_S_SEAL_PUT);
		if (st != NULL) {
			(void)sqlite3_bind_int(st, 1, (int)n->role);
			(void)sqlite3_bind_int(st, 2, (int)i);
			(void)sqlite3_bind_int64(st, 3, n->seals.v[i].kind);
			hz_db_bind_blob(st, 4, (struct hz_blob){ n->seals.v[i].params.p, n->seals.v[i].params.len });
		}
		if (hz_db_run(st) != SQLITE_DONE)
			return hz_db_error(c, "writing a seal");
	}
	st = hz_db_stmt(c, HZ_S_LOGIN_PUT);
	if (st != NULL) {
		(void)sqlite3_bind_int(st, 1, (int)n->role);
		hz_db_bind_blob(st, 2, (struct hz_blob){ n->wrapped, sizeof n->wrapped });
	}
	return hz_db_run(st) == SQLITE_DONE ? CKR_OK : hz_db_error(c, "writing the wrapped key");
}

/* Is the token still the one that the change was made for? */
static CK_RV same_token(struct hz_conn *c, const struct change *n, bool *same)
{
	struct login now = { .role = n->role };
	CK_RV rv = read_login(c, n->s, &now);

	*same = rv == CKR_OK && now.initialised == (n->old_key_id != NULL) &&
		(n->old_key_id == NULL || n->s->open_token || memcmp(now.key_id, n->old_key_id, HZ_KEY_ID) == 0) &&
		(n->old_wrapped == NULL || (now.pin_set && memcmp(now.wrapped, n->old_wrapped, HZ_WRAPPED) == 0));
	hz_seal_list_free(&now.seals);
	return rv;
}

/* The user's second way ends. */
static CK_RV drop_second(struct hz_conn *c)
{
	static const enum hz_stmt drop[] = { HZ_S_SEAL_DROP, HZ_S_LOGIN_DROP };

	for (size_t i = 0; i < sizeof drop / sizeof drop[0]; i++) {
		sqlite3_stmt *st = hz_db_stmt(c, drop[i]);

		if (st != NULL)
			(void)sqlite3_bind_int(st, 1, (int)HZ_ROLE_BARE);
		if (hz_db_run(st) != SQLITE_DONE)
			return hz_db_error(c, "dropping a wrapped key");
	}
	return CKR_OK;
}

/* A role's key, and with the user's what belongs to it. */
static CK_RV put_all(struct hz_conn *c, const struct change *n)
{
	CK_RV rv = put_login(c, n);

	if (rv == CKR_OK && n->also != NULL)
		return put_login(c, n->also);
	return rv == CKR_OK && n->role == HZ_ROLE_USER ? drop_second(c) : rv;
}

static CK_RV job_put_login(struct hz_conn *c, void *arg)
{
	const struct change *n = arg;
	bool same;
	CK_RV rv = same_token(c, n, &same);

	if (rv == CKR_OK && !same)
		rv = n->old_wrapped != NULL ? hz_fail(CKR_PIN_INCORRECT, "the PIN was changed meanwhile")
					    : hz_fail(CKR_USER_NOT_LOGGED_IN, "the token was initialised anew meanwhile");
	return rv == CKR_OK ? put_all(c, n) : rv;
}

/*
 * The seals that the configuration asks for now. The SO's are the user's and the PIN in any case, so that a PIN alone opens nothing
 * elsewhere.
 */
static size_t kinds_of(const struct hz_store *s, enum hz_role role, unsigned kinds[HZ_SEALS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_seals; i++)
		if (role != HZ_ROLE_BARE || s->seals[i] != HZ_SEAL_PIN)
			kinds[n++] = s->seals[i];
	if (role == HZ_ROLE_SO && !s->pin_sealed)
		kinds[n++] = HZ_SEAL_PIN;
	return n;
}

static CK_RV wrap_new(struct hz_store *s, struct change *n, const struct hz_datakey *k, const uint8_t *pin, size_t len)
{
	const struct hz_seal_input in = { pin, len, &s->seal_conf };
	const struct hz_wrap_for f = wrap_for(s, n->role);
	unsigned kinds[HZ_SEALS_MAX];

	return hz_seal_wrap(&f, kinds, kinds_of(s, n->role, kinds), &in, k, &n->seals, n->wrapped);
}

/* Wrap k for the role of n under fresh seals, for the user's second way too, and store it. */
static CK_RV change_pin(struct hz_store *s, struct change *n, const struct hz_datakey *k, const uint8_t *pin, size_t len)
{
	struct change bare = { .role = HZ_ROLE_BARE, .s = s };
	CK_RV rv;

	if (len == 0)
		return hz_fail(CKR_PIN_LEN_RANGE, "an empty PIN");
	n->s = s;
	n->also = n->role == HZ_ROLE_USER && s->two_ways ? &bare : NULL;
	rv = wrap_new(s, n, k, pin, len);
	if (rv == CKR_OK && n->also != NULL)
		rv = wrap_new(s, &bare, k, NULL, 0);
	if (rv == CKR_OK)
		rv = hz_db_write(s, CKR_USER_NOT_LOGGED_IN, job_put_login, n);
	hz_seal_list_free(&n->seals);
	hz_seal_list_free(&bare.seals);
	n->also = NULL;
	return rv;
}

CK_RV hz_store_init_pin(struct hz_store *s, const uint8_t *pin, size_t len)
{
	struct change n = { .role = HZ_ROLE_USER };
	struct hz_datakey *k;
	CK_RV rv;

	if (!s->pin_sealed)
		return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the user of this token has no PIN");
	hz_store_refresh(s);
	k = hz_store_key(s);
	if (k == NULL)
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "setting the user's PIN needs the SO's login");
	n.old_key_id = k->id;
	rv = change_pin(s, &n, k, pin, len);
	hz_datakey_unref(k);
	return rv;
}

CK_RV hz_store_set_pin(struct hz_store *s, bool so, const uint8_t *old, size_t old_len, const uint8_t *pin, size_t len)
{
	struct change n = { .role = so ? HZ_ROLE_SO : HZ_ROLE_USER };
	struct hz_datakey *k = NULL;
	struct login l;
	CK_RV rv;

	if (len == 0)
		return hz_fail(CKR_PIN_LEN_RANGE, "an empty PIN");
	rv = check_pin(s, n.role, old, old_len, &l, &k);
	if (rv == CKR_OK) {
		n.old_key_id = l.key_id;
		n.old_wrapped = l.wrapped;
		rv = change_pin(s, &n, k, pin, len);
	}
	hz_seal_list_free(&l.seals);
	hz_datakey_unref(k);
	return rv;
}

static CK_RV put_token(struct hz_conn *c, const struct change *n)
{
	static const enum hz_stmt clear[] = { HZ_S_EMPTY, HZ_S_LOGIN_CLEAR, HZ_S_SEAL_CLEAR };
	sqlite3_stmt *st;

	for (size_t i = 0; i < sizeof clear / sizeof clear[0]; i++)
		if (hz_db_run(hz_db_stmt(c, clear[i])) != SQLITE_DONE)
			return hz_db_error(c, "emptying the token");
	st = hz_db_stmt(c, HZ_S_TOKEN_PUT);
	if (st != NULL) {
		(void)sqlite3_bind_text(st, 1, n->s->serial, -1, SQLITE_STATIC);
		(void)sqlite3_bind_int64(st, 2, n->s->tier);
		hz_db_bind_blob(st, 3, (struct hz_blob){ n->label, sizeof n->label });
		hz_db_bind_blob(st, 4, (struct hz_blob){ n->key_id, sizeof n->key_id });
		hz_db_bind_blob(st, 5, (struct hz_blob){ n->s->open_token ? NULL : n->mac, sizeof n->mac });
	}
	if (hz_db_run(st) != SQLITE_DONE)
		return hz_db_error(c, "writing the token");
	return n->s->open_token ? CKR_OK : hz_kept_put(c, nothing, n->kept);
}

/* CKR_FUNCTION_FAILED: another process initialised the token since we looked. */
static CK_RV job_init(struct hz_conn *c, void *arg)
{
	const struct change *n = arg;
	bool same = true;
	CK_RV rv = n->s->open_token ? CKR_OK : same_token(c, n, &same);

	if (rv == CKR_OK && !same)
		return hz_fail(CKR_FUNCTION_FAILED, "another process initialises the token");
	if (rv == CKR_OK)
		rv = put_token(c, n);
	if (rv == CKR_OK && !n->s->open_token)
		rv = put_login(c, n);
	return rv == CKR_OK && n->also != NULL ? put_login(c, n->also) : rv;
}

/* A new data key under the SO's PIN; for a user who comes without a PIN under the platform's seals too, or alone when `n` is theirs. */
static CK_RV make_token(struct hz_store *s, struct change *n, struct change *user, const uint8_t *pin, size_t len)
{
	const struct hz_wrap_for f = wrap_for(s, n->role);
	struct hz_datakey *k = hz_datakey_new(NULL);
	CK_RV rv = CKR_HOST_MEMORY;

	if (k == NULL)
		return rv;
	memcpy(n->key_id, k->id, sizeof n->key_id);
	rv = wrap_new(s, n, k, pin, len);
	if (rv == CKR_OK && user != NULL)
		rv = wrap_new(s, user, k, NULL, 0);
	n->also = user;
	hz_kept_mac(s->serial, k, nothing, n->kept);
	if (rv == CKR_OK && !hz_token_mac(k, &f, n->label, n->mac))
		rv = hz_fail(CKR_FUNCTION_FAILED, "authenticating the token's row failed");
	hz_datakey_unref(k);
	return rv;
}

/* A token without an SO: what its user is and has says who may use it, and nobody may make it anew from here. */
static CK_RV first_login(struct hz_store *s)
{
	struct change n = { .role = HZ_ROLE_USER, .s = s };
	CK_RV rv;

	memcpy(n.label, s->label, sizeof n.label);
	rv = make_token(s, &n, NULL, NULL, 0);
	if (rv == CKR_OK)
		rv = hz_db_write(s, CKR_OK, job_init, &n);
	hz_seal_list_free(&n.seals);
	return rv == CKR_FUNCTION_FAILED ? CKR_OK : rv; /* another process was first: its token is as good */
}

static bool has_so(const struct hz_store *s, const struct login *l)
{
	return s->pin_sealed || l->pin_set;
}

/* One attempt; what the token was before is in l. */
static CK_RV init_once(struct hz_store *s, const uint8_t *pin, size_t len, const unsigned char label[32])
{
	struct login l = { .role = HZ_ROLE_SO };
	struct login_job j = { s, &l };
	struct change n = { .role = HZ_ROLE_SO, .s = s }, user = { .role = s->two_ways ? HZ_ROLE_BARE : HZ_ROLE_USER, .s = s };
	struct hz_datakey *k = NULL;
	bool exists;
	CK_RV rv;

	memcpy(n.label, label, sizeof n.label);
	rv = hz_db_read(s, job_read, &j, &exists);
	if (rv == CKR_OK && l.initialised && !s->open_token && !has_so(s, &l)) {
		rv = hz_fail(CKR_TOKEN_WRITE_PROTECTED, "the token was made by its first login and has no SO");
	} else if (rv == CKR_OK && l.initialised && !s->open_token) {
		hz_seal_list_free(&l.seals);
		rv = check_pin(s, HZ_ROLE_SO, pin, len, &l, &k);
		hz_datakey_unref(k);
		n.old_key_id = l.key_id;
	}
	if (rv == CKR_OK && !s->open_token)
		rv = make_token(s, &n, s->pin_sealed && !s->two_ways ? NULL : &user, pin, len);
	if (rv == CKR_OK)
		rv = hz_db_write(s, CKR_OK, job_init, &n);
	hz_seal_list_free(&l.seals);
	hz_seal_list_free(&n.seals);
	hz_seal_list_free(&user.seals);
	return rv;
}

CK_RV hz_store_init(struct hz_store *s, const uint8_t *so_pin, size_t len, const unsigned char label[32])
{
	CK_RV rv = CKR_FUNCTION_FAILED;

	if (len == 0 && !s->open_token)
		return hz_fail(CKR_PIN_LEN_RANGE, "an empty PIN");
	for (int i = 0; rv == CKR_FUNCTION_FAILED && i < 3; i++)
		rv = init_once(s, so_pin, len, label);
	if (rv == CKR_OK)
		hz_store_logout(s);
	return rv;
}

struct state_job {
	struct hz_store *s;
	struct hz_store_state *st;
};

static unsigned left(const struct hz_store *s, sqlite3_stmt *st, int col)
{
	sqlite3_int64 tries = sqlite3_column_int64(st, col);

	return tries < 0 || tries >= (sqlite3_int64)s->max_tries ? 0 : s->max_tries - (unsigned)tries;
}

static CK_RV job_state(struct hz_conn *c, void *arg)
{
	struct state_job *j = arg;
	sqlite3_stmt *st = hz_db_stmt(c, HZ_S_STATE);
	int rc = st == NULL ? SQLITE_ERROR : sqlite3_step(st);

	if (rc == SQLITE_DONE)
		return CKR_OK;
	if (rc != SQLITE_ROW)
		return hz_db_error(c, "reading the token's state");
	if (!take(hz_db_blob(st, 0), j->st->label, sizeof j->st->label))
		return damaged(j->s, "the token's row was changed outside of the module");
	j->st->initialised = true;
	if (j->s->open_token)
		return CKR_OK;
	j->st->so_tries_left = left(j->s, st, 1);
	j->st->user_pin_set = sqlite3_column_type(st, 2) != SQLITE_NULL;
	j->st->user_tries_left = left(j->s, st, 2);
	return CKR_OK;
}

CK_RV hz_store_state(struct hz_store *s, struct hz_store_state *st)
{
	struct state_job j = { s, st };

	*st = (struct hz_store_state){ .initialised = s->open_token, .user_tries_left = s->max_tries, .so_tries_left = s->max_tries };
	return hz_db_read(s, job_state, &j, &st->exists);
}
