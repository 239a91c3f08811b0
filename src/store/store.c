/* SPDX-License-Identifier: Apache-2.0 */
/* A token's store: its life, its data key, and reading and writing single objects. */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/fork.h"
#include "crypto/hmac.h"
#include "crypto/libctx.h"
#include "store/db.h"
#include "store/row.h"

#define SERIAL_MAX 64u

static bool serial_ok(const char *t)
{
	size_t n = strlen(t);

	return n != 0 && n <= SERIAL_MAX && t[0] != '.' &&
	       strspn(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static void before_fork(struct hz_gate_client *c)
{
	struct hz_store *s = (struct hz_store *)c;

	if (s->fork_gen == hz_fork_gen())
		hz_db_close_idle(s, true);
}

static void release(struct hz_store *s)
{
	free(s->dir);
	free(s->serial);
	free(s->path);
	free(s->gen_path);
	free(s);
}

static void copy_seals(struct hz_store *s, const struct hz_store_conf *conf)
{
	static const unsigned pin[] = { HZ_SEAL_PIN };
	const unsigned *from = conf->seals != NULL ? conf->seals : pin;
	size_t len = conf->label != NULL ? strnlen(conf->label, sizeof s->label) : 0;

	if (conf->seal_conf != NULL)
		s->seal_conf = *conf->seal_conf;
	s->n_seals = conf->seals != NULL ? conf->n_seals : 1;
	for (size_t i = 0; i < s->n_seals; i++) {
		s->seals[i] = from[i];
		s->pin_sealed |= from[i] == HZ_SEAL_PIN;
	}
	s->two_ways = conf->two_ways;
	memset(s->label, ' ', sizeof s->label);
	memcpy(s->label, conf->label != NULL ? conf->label : "", len);
}

static CK_RV copy_conf(struct hz_store *s, const struct hz_store_conf *conf)
{
	s->tier = conf->tier;
	s->max_tries = conf->max_tries;
	s->open_token = conf->open_token;
	copy_seals(s, conf);
	s->serial = strdup(conf->serial);
	if (s->serial == NULL)
		return CKR_HOST_MEMORY;
	if (conf->dir == NULL || conf->dir[0] == '\0')
		return CKR_OK;
	s->dir = strdup(conf->dir);
	if (asprintf(&s->path, "%s/%s.db", conf->dir, conf->serial) < 0)
		s->path = NULL;
	if (asprintf(&s->gen_path, "%s/%s.gen", conf->dir, conf->serial) < 0)
		s->gen_path = NULL;
	return s->dir != NULL && s->path != NULL && s->gen_path != NULL ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV hz_store_new(struct hz_store **out, const struct hz_store_conf *conf)
{
	struct hz_store *s;
	CK_RV rv;

	*out = NULL;
	if (conf->serial == NULL || !serial_ok(conf->serial) || conf->max_tries == 0)
		return hz_fail(CKR_ARGUMENTS_BAD, "a store needs a serial of letters and digits, and at least one try");
	if (conf->seals != NULL && (conf->n_seals == 0 || conf->n_seals >= HZ_SEALS_MAX))
		return hz_fail(CKR_ARGUMENTS_BAD, "no seals, or too many");
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return CKR_HOST_MEMORY;
	rv = copy_conf(s, conf);
	if (rv == CKR_OK && s->two_ways && (!s->pin_sealed || s->n_seals < 2 || s->open_token))
		rv = hz_fail(CKR_ARGUMENTS_BAD, "two ways in need the PIN and another seal");
	if (rv != CKR_OK) {
		release(s);
		return rv;
	}
	hz_fork_watch();
	s->fork_gen = hz_fork_gen();
	(void)pthread_mutex_init(&s->lock, NULL);
	s->gate.before_fork = before_fork;
	hz_gate_add(&s->gate);
	*out = s;
	return CKR_OK;
}

void hz_store_free(struct hz_store *s)
{
	if (s == NULL)
		return;
	hz_store_refresh(s);
	hz_gate_remove(&s->gate);
	hz_gate_enter();
	hz_db_close_idle(s, false);
	hz_gate_leave();
	hz_store_key_take(s, NULL);
	(void)pthread_mutex_destroy(&s->lock);
	hz_gen_close(&s->gen);
	release(s);
}

/* refresh drops what the parent had; what is left is this process's own. */
void hz_store_abandon(struct hz_store *s)
{
	hz_store_free(s);
}

void hz_store_refresh(struct hz_store *s)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER; /* taken inside the gate: free in every child */

	if (s->fork_gen == hz_fork_gen())
		return;
	hz_gate_enter();
	(void)pthread_mutex_lock(&one);
	if (s->fork_gen != hz_fork_gen()) {
		(void)pthread_mutex_init(&s->lock, NULL); /* a thread of the parent may have held it */
		s->n_idle = 0; /* none, as a rule: they were closed before the fork; never close one here */
		s->key = NULL; /* its page reads as zero in this process */
		s->fork_gen = hz_fork_gen();
	}
	(void)pthread_mutex_unlock(&one);
	hz_gate_leave();
}

struct hz_datakey *hz_store_key(struct hz_store *s)
{
	struct hz_datakey *k;

	(void)pthread_mutex_lock(&s->lock);
	k = s->key;
	if (k != NULL)
		(void)atomic_fetch_add(&k->refs, 1);
	(void)pthread_mutex_unlock(&s->lock);
	return k;
}

void hz_store_key_take(struct hz_store *s, struct hz_datakey *k)
{
	struct hz_datakey *old;

	(void)pthread_mutex_lock(&s->lock);
	old = s->key;
	s->key = k;
	(void)pthread_mutex_unlock(&s->lock);
	hz_datakey_unref(old);
}

bool hz_store_vouch(struct hz_store *s, const char *purpose, const void *data, size_t len, uint8_t mac[32])
{
	struct hz_datakey *k;

	hz_store_refresh(s);
	k = hz_store_key(s);
	if (k == NULL)
		return false;
	hz_hmac_derived(HZ_SHA256, k->key, sizeof k->key, purpose, strlen(purpose), data, len, mac);
	hz_datakey_unref(k);
	return true;
}

uint64_t hz_store_generation(struct hz_store *s)
{
	return s->gen_path == NULL ? 0 : hz_gen_read(&s->gen, s->gen_path);
}

/* One row on its way between database and caller. */
struct row_job {
	const struct hz_store *s;
	struct hz_row_ctx ctx;
	struct hz_row *rows;
	size_t n;
	uint8_t *mem;   /* holds the blobs of a row that was read */
	bool taken;     /* an id of the rows to insert exists already */
	const struct hz_row *was; /* what a row is replaced for */
	bool lost;      /* it is not that any more */
};

static struct hz_blob keep(uint8_t **at, struct hz_blob b)
{
	struct hz_blob out = { b.p == NULL ? NULL : *at, b.n };

	if (b.n != 0)
		memcpy(*at, b.p, b.n);
	*at += b.n;
	return out;
}

/* Copy the row out of SQLite's memory: opening it is the work of a moment when no connection is held. */
static CK_RV job_load(struct hz_conn *c, void *arg)
{
	struct row_job *j = arg;
	struct hz_row *row = j->rows;
	sqlite3_stmt *st = hz_db_stmt(c, HZ_S_LOAD);
	struct hz_blob b[5];
	size_t total = 1;
	uint8_t *at;
	int rc;

	if (st == NULL)
		return hz_db_error(c, "loading an object");
	hz_db_bind_u64(st, 1, row->id);
	rc = sqlite3_step(st);
	if (rc == SQLITE_DONE)
		return hz_fail(CKR_OBJECT_HANDLE_INVALID, "the object is gone");
	if (rc != SQLITE_ROW)
		return hz_db_error(c, "loading an object");
	row->cls = sqlite3_column_int64(st, 0);
	row->kt = sqlite3_column_int64(st, 1);
	row->priv = sqlite3_column_int64(st, 2) != 0;
	for (int i = 0; i < 5; i++) {
		b[i] = hz_db_blob(st, 3 + i);
		total += b[i].n;
	}
	free(j->mem);
	at = j->mem = malloc(total);
	if (at == NULL)
		return CKR_HOST_MEMORY;
	row->label = keep(&at, b[0]);
	row->cka_id = keep(&at, b[1]);
	row->uid = keep(&at, b[2]);
	row->pub = keep(&at, b[3]);
	row->sec = keep(&at, b[4]);
	return CKR_OK;
}

static struct hz_row_ctx row_ctx(struct hz_store *s)
{
	hz_store_refresh(s);
	return (struct hz_row_ctx){ s->serial, s->open_token, hz_store_key(s) };
}

static void row_ctx_end(struct hz_row_ctx *ctx)
{
	hz_datakey_unref((struct hz_datakey *)(uintptr_t)ctx->key);
}

CK_RV hz_store_load(struct hz_store *s, uint64_t id, struct hz_attrs *out, bool *checked)
{
	struct hz_row row = { .id = id };
	struct row_job j = { .s = s, .ctx = row_ctx(s), .rows = &row };
	bool exists;
	CK_RV rv = hz_db_read(s, job_load, &j, &exists);

	*checked = false;
	*out = (struct hz_attrs)HZ_ATTRS_INIT;
	if (rv == CKR_OK && !exists)
		rv = hz_fail(CKR_OBJECT_HANDLE_INVALID, "the object is gone");
	if (rv == CKR_OK)
		rv = hz_row_open(&j.ctx, &row, out, checked);
	row_ctx_end(&j.ctx);
	free(j.mem);
	return rv;
}

/* Is the token initialised, and our data key still its own? */
static CK_RV check_token(struct hz_conn *c, const struct row_job *j)
{
	sqlite3_stmt *st;
	struct hz_blob id;
	int rc;

	if (j->s->open_token)
		return CKR_OK;
	st = hz_db_stmt(c, HZ_S_TOKEN_KEY);
	rc = st == NULL ? SQLITE_ERROR : sqlite3_step(st);
	if (rc == SQLITE_DONE)
		return hz_fail(CKR_TOKEN_NOT_RECOGNIZED, "the token is not initialised");
	if (rc != SQLITE_ROW)
		return hz_db_error(c, "reading the token");
	id = hz_db_blob(st, 0);
	if (j->ctx.key != NULL && (id.n != HZ_KEY_ID || memcmp(id.p, j->ctx.key->id, HZ_KEY_ID) != 0))
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "another process initialised the token anew");
	return CKR_OK;
}

static int put_row(struct hz_conn *c, enum hz_stmt which, const struct hz_row *row)
{
	sqlite3_stmt *st = hz_db_stmt(c, which);

	if (st == NULL)
		return SQLITE_ERROR;
	hz_db_bind_u64(st, 1, row->id);
	(void)sqlite3_bind_int64(st, 2, row->cls);
	(void)sqlite3_bind_int64(st, 3, row->kt);
	(void)sqlite3_bind_int(st, 4, row->priv);
	hz_db_bind_blob(st, 5, row->label);
	hz_db_bind_blob(st, 6, row->cka_id);
	hz_db_bind_blob(st, 7, row->uid);
	hz_db_bind_blob(st, 8, row->pub);
	hz_db_bind_blob(st, 9, row->sec);
	return hz_db_run(st);
}

static CK_RV job_insert(struct hz_conn *c, void *arg)
{
	struct row_job *j = arg;
	CK_RV rv = check_token(c, j);

	j->taken = false;
	for (size_t i = 0; rv == CKR_OK && i < j->n; i++) {
		if (put_row(c, HZ_S_INSERT, &j->rows[i]) == SQLITE_DONE)
			continue;
		j->taken = hz_db_exists_already(c);
		rv = j->taken ? CKR_FUNCTION_FAILED : hz_db_error(c, "writing an object");
	}
	return rv;
}

/*
 * First of n successive ids: units of 64 microseconds since 1970 and 9 random bits, below 2^55 until 2112, because object handles
 * carry 9 bits of their own beside the id. New rows so go to the end of the table, an id is known before the transaction (the seal
 * binds it), and one is not used again after its object is gone. Within a process a later object has the larger id.
 */
static bool draw_ids(size_t n, uint64_t *first)
{
	static _Atomic uint64_t next;
	uint64_t least = atomic_load(&next), id;
	struct timespec t = { 0, 0 };
	uint32_t r;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (!hz_random(&r, sizeof r))
		return false;
	id = ((uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u) >> 6 << 9 | (r & 0x1ffu);
	do
		*first = id > least ? id : least;
	while (!atomic_compare_exchange_weak(&next, &least, *first + n));
	return true;
}

static CK_RV encode_all(struct row_job *j, const struct hz_attrs *const sets[], struct hz_row_mem *mem, uint64_t first)
{
	CK_RV rv = CKR_OK;

	for (size_t i = 0; rv == CKR_OK && i < j->n; i++) {
		hz_row_mem_free(&mem[i]);
		rv = hz_row_encode(&j->ctx, first + i, sets[i], &j->rows[i], &mem[i]);
	}
	return rv;
}

CK_RV hz_store_insert(struct hz_store *s, const struct hz_attrs *const sets[], size_t n, uint64_t *ids)
{
	struct row_job j = { .s = s, .ctx = row_ctx(s), .n = n };
	struct hz_row_mem *mem = calloc(n == 0 ? 1 : n, sizeof *mem);
	uint64_t first = 0;
	CK_RV rv = CKR_HOST_MEMORY;

	j.rows = calloc(n == 0 ? 1 : n, sizeof *j.rows);
	if (mem == NULL || j.rows == NULL)
		goto out;
	for (int i = 0; i < 8; i++) {
		rv = draw_ids(n, &first) ? encode_all(&j, sets, mem, first) : hz_fail(CKR_FUNCTION_FAILED, "no random bytes");
		if (rv != CKR_OK)
			goto out;
		rv = hz_db_write(s, s->open_token ? CKR_OK : CKR_TOKEN_NOT_RECOGNIZED, job_insert, &j);
		if (rv != CKR_FUNCTION_FAILED || !j.taken)
			break;
	}
	for (size_t i = 0; rv == CKR_OK && i < n; i++)
		ids[i] = first + i;
out:
	for (size_t i = 0; mem != NULL && i < n; i++)
		hz_row_mem_free(&mem[i]);
	free(mem);
	free(j.rows);
	row_ctx_end(&j.ctx);
	return rv;
}

static bool same_bytes(struct hz_blob a, struct hz_blob b)
{
	return a.n == b.n && (a.p == NULL) == (b.p == NULL) && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* A private object is touched by those who could read it. */
static CK_RV check_row(struct hz_conn *c, struct row_job *j, uint64_t id)
{
	sqlite3_stmt *st = hz_db_stmt(c, HZ_S_LOAD);
	int rc = SQLITE_ERROR;
	CK_RV rv = check_token(c, j);

	if (rv != CKR_OK)
		return rv;
	if (st != NULL) {
		hz_db_bind_u64(st, 1, id);
		rc = sqlite3_step(st);
	}
	if (rc == SQLITE_DONE)
		return hz_fail(CKR_OBJECT_HANDLE_INVALID, "the object is gone");
	if (rc != SQLITE_ROW)
		return hz_db_error(c, "looking up an object");
	j->lost = j->was != NULL && !(same_bytes(hz_db_blob(st, 6), j->was->pub) && same_bytes(hz_db_blob(st, 7), j->was->sec));
	if (sqlite3_column_int64(st, 2) != 0 && j->ctx.key == NULL && !j->s->open_token)
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "a private object needs a login");
	return CKR_OK;
}

static CK_RV job_update(struct hz_conn *c, void *arg)
{
	struct row_job *j = arg;
	CK_RV rv = check_row(c, j, j->rows->id);

	if (rv == CKR_OK && !j->lost && put_row(c, HZ_S_UPDATE, j->rows) != SQLITE_DONE)
		rv = hz_db_error(c, "changing an object");
	return rv;
}

/* One attempt; *again: somebody was faster. */
static CK_RV update_once(struct hz_store *s, uint64_t id, hz_edit_fn edit, void *arg, bool *again)
{
	struct hz_row was = { .id = id }, row;
	struct row_job old = { .s = s, .ctx = row_ctx(s), .rows = &was }, j = { .s = s, .ctx = old.ctx, .rows = &row, .n = 1, .was = &was };
	struct hz_row_mem mem = HZ_ROW_MEM_INIT;
	struct hz_attrs now = HZ_ATTRS_INIT, set = HZ_ATTRS_INIT;
	bool exists, checked;
	CK_RV rv = hz_db_read(s, job_load, &old, &exists);

	if (rv == CKR_OK && !exists)
		rv = hz_fail(CKR_OBJECT_HANDLE_INVALID, "the object is gone");
	if (rv == CKR_OK)
		rv = hz_row_open(&old.ctx, &was, &now, &checked);
	if (rv == CKR_OK)
		rv = edit(&now, &set, arg);
	if (rv == CKR_OK)
		rv = hz_row_encode(&j.ctx, id, &set, &row, &mem);
	if (rv == CKR_OK)
		rv = hz_db_write(s, CKR_OBJECT_HANDLE_INVALID, job_update, &j);
	*again = rv == CKR_OK && j.lost;
	hz_attrs_free(&now);
	hz_attrs_free(&set);
	hz_row_mem_free(&mem);
	free(old.mem);
	row_ctx_end(&old.ctx);
	return rv;
}

CK_RV hz_store_update(struct hz_store *s, uint64_t id, hz_edit_fn edit, void *arg)
{
	bool again = true;
	CK_RV rv = CKR_OK;

	for (int i = 0; i < 100 && again; i++)
		rv = update_once(s, id, edit, arg, &again);
	return rv == CKR_OK && again ? hz_fail(CKR_FUNCTION_FAILED, "others change the object without end") : rv;
}

static CK_RV job_delete(struct hz_conn *c, void *arg)
{
	struct row_job *j = arg;
	sqlite3_stmt *st;
	CK_RV rv = check_row(c, j, j->rows->id);

	if (rv != CKR_OK)
		return rv;
	st = hz_db_stmt(c, HZ_S_DELETE);
	if (st != NULL)
		hz_db_bind_u64(st, 1, j->rows->id);
	return hz_db_run(st) == SQLITE_DONE ? CKR_OK : hz_db_error(c, "deleting an object");
}

CK_RV hz_store_delete(struct hz_store *s, uint64_t id)
{
	struct hz_row row = { .id = id };
	struct row_job j = { .s = s, .ctx = row_ctx(s), .rows = &row, .n = 1 };
	CK_RV rv = hz_db_write(s, CKR_OBJECT_HANDLE_INVALID, job_delete, &j);

	row_ctx_end(&j.ctx);
	return rv;
}
