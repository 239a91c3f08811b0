/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of SQLite connections, each used by one thread at a time, and bounded retries while the database is busy. */
#include "store/db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "crypto/libctx.h"
#include "store/files.h"
#include "store/schema.h"

#define BUSY_LIMIT_NS UINT64_C(10000000000)

struct hz_conn {
	struct hz_store *store;
	sqlite3 *db;
	sqlite3_stmt *st[HZ_S_COUNT];
	bool busy;   /* the last attempt met a lock */
	bool broken; /* do not put it back into the pool */
};

static CK_RV map_error(int rc, int os)
{
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return CKR_HOST_MEMORY;
	case SQLITE_FULL:
	case SQLITE_TOOBIG:
		return CKR_DEVICE_MEMORY;
	case SQLITE_READONLY:
		return CKR_TOKEN_WRITE_PROTECTED;
	case SQLITE_IOERR:
		return os == ENOSPC || os == EDQUOT ? CKR_DEVICE_MEMORY : CKR_DEVICE_ERROR;
	case SQLITE_CANTOPEN:
		return os == EROFS ? CKR_TOKEN_WRITE_PROTECTED : CKR_DEVICE_ERROR;
	default:
		return CKR_DEVICE_ERROR;
	}
}

CK_RV hz_db_error(struct hz_conn *c, const char *what)
{
	int rc = sqlite3_extended_errcode(c->db), os = sqlite3_system_errno(c->db);
	CK_RV rv = map_error(rc, os);

	if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED) {
		c->busy = true;
		return hz_fail(CKR_DEVICE_ERROR, "%s: another process keeps %s busy", what, c->store->path);
	}
	c->broken = true;
	hz_log(HZ_LOG_ERROR, "%s: %s: %s (%d, %s)", c->store->path, what, sqlite3_errmsg(c->db), rc, os ? strerror(os) : "-");
	return hz_fail(rv, "%s: %s: %s", c->store->path, what, sqlite3_errmsg(c->db));
}

bool hz_db_exists_already(struct hz_conn *c)
{
	return sqlite3_extended_errcode(c->db) == SQLITE_CONSTRAINT_PRIMARYKEY;
}

sqlite3_stmt *hz_db_stmt(struct hz_conn *c, enum hz_stmt which)
{
	if (c->st[which] == NULL &&
	    sqlite3_prepare_v3(c->db, hz_db_sql[which], -1, SQLITE_PREPARE_PERSISTENT, &c->st[which], NULL) != SQLITE_OK)
		return NULL;
	(void)sqlite3_reset(c->st[which]);
	return c->st[which];
}

void hz_db_bind_blob(sqlite3_stmt *st, int at, struct hz_blob b)
{
	if (b.p == NULL)
		(void)sqlite3_bind_null(st, at);
	else
		(void)sqlite3_bind_blob64(st, at, b.n == 0 ? (const void *)"" : b.p, b.n, SQLITE_STATIC);
}

void hz_db_bind_u64(sqlite3_stmt *st, int at, uint64_t v)
{
	(void)sqlite3_bind_int64(st, at, (sqlite3_int64)v);
}

struct hz_blob hz_db_blob(sqlite3_stmt *st, int col)
{
	const uint8_t *p;

	if (sqlite3_column_type(st, col) == SQLITE_NULL)
		return (struct hz_blob){ NULL, 0 };
	p = sqlite3_column_blob(st, col);
	return (struct hz_blob){ p == NULL ? (const uint8_t *)"" : p, (size_t)sqlite3_column_bytes(st, col) };
}

int hz_db_run(sqlite3_stmt *st)
{
	int rc = st == NULL ? SQLITE_ERROR : sqlite3_step(st);

	if (st != NULL && rc != SQLITE_DONE)
		return rc;
	if (st != NULL)
		(void)sqlite3_reset(st);
	return rc;
}

static void reset_all(struct hz_conn *c)
{
	for (size_t i = 0; i < HZ_S_COUNT; i++)
		if (c->st[i] != NULL) {
			(void)sqlite3_reset(c->st[i]);
			(void)sqlite3_clear_bindings(c->st[i]);
		}
}

static void conn_close(struct hz_conn *c, bool quick)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < HZ_S_COUNT; i++)
		(void)sqlite3_finalize(c->st[i]);
	if (quick && c->db != NULL)
		(void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	(void)sqlite3_close(c->db);
	free(c);
}

/* A file: URI that opens the database as it lies there, without lock and log files, for a directory that cannot be written to. */
static char *immutable_uri(const char *path)
{
	size_t len = strlen(path), at;
	char *uri = malloc(3 * len + sizeof "file:?immutable=1");

	if (uri == NULL)
		return NULL;
	at = (size_t)sprintf(uri, "file:");
	for (const char *p = path; *p != '\0'; p++)
		at += (size_t)sprintf(uri + at, strchr("?#%", *p) != NULL ? "%%%02X" : "%c", (unsigned char)*p);
	(void)strcpy(uri + at, "?immutable=1");
	return uri;
}

static int open_file(const struct hz_store *s, sqlite3 **db)
{
	const int common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	char *uri;
	int rc;

	if (hz_files_writable(s))
		return sqlite3_open_v2(s->path, db, SQLITE_OPEN_READWRITE | common, "unix");
	uri = immutable_uri(s->path);
	if (uri == NULL)
		return SQLITE_NOMEM;
	rc = sqlite3_open_v2(uri, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | common, "unix");
	free(uri);
	return rc;
}

/* Check whose database it is, and make the tables when asked to. *none: an empty file. */
static CK_RV conn_check(struct hz_conn *c, bool create, bool *none)
{
	const char *path = c->store->path;
	int version;

	switch (hz_db_kind(c->db, &version)) {
	case HZ_DB_READY:
		return CKR_OK;
	case HZ_DB_EMPTY:
		*none = !create;
		if (create && hz_db_make(c->db) != SQLITE_OK)
			return hz_db_error(c, "making the tables");
		return CKR_OK;
	case HZ_DB_NEWER:
		return hz_fail(CKR_DEVICE_ERROR, "%s has format %d, this version knows %d", path, version, HZ_DB_VERSION);
	case HZ_DB_FOREIGN:
		return hz_fail(CKR_DEVICE_ERROR, "%s is not a token's database", path);
	default:
		return hz_db_error(c, "opening");
	}
}

/* A new connection; *out stays NULL with CKR_OK when there is no database. */
static CK_RV conn_open(struct hz_store *s, bool create, struct hz_conn **out, bool *busy)
{
	struct hz_conn *c = NULL;
	bool exists, none = false;
	CK_RV rv = hz_files_check(s, create, &exists);

	if (rv != CKR_OK) {
		hz_log(HZ_LOG_ERROR, "%s", hz_error_text());
		return rv;
	}
	if (!exists)
		return CKR_OK;
	if (sqlite3_threadsafe() == 0)
		return hz_fail(CKR_DEVICE_ERROR, "this SQLite library is built without threads");
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return CKR_HOST_MEMORY;
	c->store = s;
	if (open_file(s, &c->db) != SQLITE_OK)
		rv = c->db == NULL ? CKR_HOST_MEMORY : hz_db_error(c, "opening");
	else if (hz_db_setup(c->db) != SQLITE_OK)
		rv = hz_db_error(c, "opening");
	else
		rv = conn_check(c, create, &none);
	*busy = c->busy;
	if (rv != CKR_OK || none)
		conn_close(c, true);
	else
		*out = c;
	return rv;
}

/* Is the file that c has open still the one under the name? */
static bool conn_current(struct hz_conn *c)
{
	int moved = 0;

	return sqlite3_file_control(c->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || moved == 0;
}

static CK_RV conn_take(struct hz_store *s, bool create, struct hz_conn **out, bool *busy)
{
	struct hz_conn *c = NULL;

	*out = NULL;
	*busy = false;
	(void)pthread_mutex_lock(&s->lock);
	if (s->n_idle != 0)
		c = s->idle[--s->n_idle];
	(void)pthread_mutex_unlock(&s->lock);
	if (c != NULL && !conn_current(c)) {
		conn_close(c, true);
		c = NULL;
	}
	if (s->gen_path != NULL)
		hz_gen_look(&s->gen, s->gen_path);
	if (c == NULL)
		return conn_open(s, create, out, busy);
	c->busy = false;
	*out = c;
	return CKR_OK;
}

static void conn_give(struct hz_store *s, struct hz_conn *c)
{
	reset_all(c);
	(void)pthread_mutex_lock(&s->lock);
	if (!c->broken && s->n_idle < HZ_POOL && sqlite3_get_autocommit(c->db) != 0) {
		s->idle[s->n_idle++] = c;
		c = NULL;
	}
	(void)pthread_mutex_unlock(&s->lock);
	conn_close(c, true);
}

void hz_db_close_idle(struct hz_store *s, bool quick)
{
	while (s->n_idle != 0)
		conn_close(s->idle[--s->n_idle], quick);
}

/*
 * A COMMIT that failed in its sync has left a whole transaction in the log (WAL), which nobody sees now, but which whoever next opens
 * the database alone would take for done. Another transaction, that changes nothing, is written over it: the checksums of the frames
 * are chained, so that nothing after it counts. True: the log says for sure that nothing was done. False: even that did not reach the
 * disk for sure; as long as the machine does not stop the log says so all the same.
 */
static bool take_back(struct hz_conn *c)
{
	const struct timespec pause = { 0, 5000000 };
	int rc;

	reset_all(c);
	if (sqlite3_get_autocommit(c->db) == 0)
		(void)sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
	for (int i = 0; (rc = sqlite3_exec(c->db, "BEGIN IMMEDIATE", NULL, NULL, NULL)) == SQLITE_BUSY && i < 200; i++)
		(void)nanosleep(&pause, NULL); /* another writer, who writes over it just as well */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->db, hz_db_touch, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL);
	return rc == SQLITE_OK;
}

/* The COMMIT's own failure is the answer, whatever becomes of taking it back. */
static CK_RV commit_failed(struct hz_conn *c)
{
	CK_RV rv = hz_db_error(c, "commit");

	if (!c->busy && !take_back(c))
		hz_log(HZ_LOG_ERROR, "%s: a change that failed could not be taken back for sure: should the machine stop now, it may be there afterwards",
		       c->store->path);
	return rv;
}

static CK_RV commit(struct hz_conn *c)
{
	struct hz_store *s = c->store;
	CK_RV rv = CKR_OK;

	reset_all(c);
	if (!hz_gen_begin(&s->gen, s->gen_path))
		return hz_fail(errno == ENOSPC || errno == EDQUOT ? CKR_DEVICE_MEMORY : CKR_TOKEN_WRITE_PROTECTED, "%s: %s",
			       s->gen_path, strerror(errno));
	if (hz_db_run(hz_db_stmt(c, HZ_S_COMMIT)) != SQLITE_DONE)
		rv = commit_failed(c);
	hz_gen_end(&s->gen, s->gen_path);
	return rv;
}

static CK_RV transaction(struct hz_conn *c, hz_db_fn fn, void *arg)
{
	CK_RV rv;

	if (hz_db_run(hz_db_stmt(c, HZ_S_BEGIN)) != SQLITE_DONE)
		return hz_db_error(c, "begin");
	rv = fn(c, arg);
	if (rv == CKR_OK)
		rv = commit(c);
	if (rv != CKR_OK && sqlite3_get_autocommit(c->db) == 0) {
		reset_all(c);
		(void)hz_db_run(hz_db_stmt(c, HZ_S_ROLLBACK));
	}
	return rv;
}

/*
 * Between two attempts, outside of the gate: 0.2 ms at first, up to 25 ms, spread so that waiters do not march in step. The call whose
 * turn it is comes back within 2 ms.
 */
static void pause_before(unsigned attempt, bool next)
{
	uint32_t r = 0;
	unsigned most = next ? 3 : 7, shift = attempt < most ? attempt : most;
	long max = 200000L << shift;
	struct timespec t = { 0, 0 };

	(void)hz_random(&r, sizeof r);
	t.tv_nsec = max / 4 + (long)(r % 65536u) * (max / 65536);
	if (t.tv_nsec > 25000000L)
		t.tv_nsec = 25000000L;
	(void)nanosleep(&t, NULL);
}

enum mode { MODE_READ, MODE_WRITE, MODE_CREATE };

static CK_RV attempt(struct hz_store *s, enum mode mode, hz_db_fn fn, void *arg, bool *exists, bool *busy)
{
	struct hz_conn *c;
	CK_RV rv;

	hz_gate_enter();
	rv = conn_take(s, mode == MODE_CREATE, &c, busy);
	*exists = c != NULL;
	if (c != NULL) {
		rv = mode == MODE_READ ? fn(c, arg) : transaction(c, fn, arg);
		*busy = c->busy;
		conn_give(s, c);
	}
	hz_gate_leave();
	return rv;
}

static CK_RV with_retries(struct hz_store *s, enum mode mode, hz_db_fn fn, void *arg, bool *exists)
{
	uint64_t began = hz_clock_ns(CLOCK_MONOTONIC);
	bool busy = true, queued = false, late = false, next = false;
	CK_RV rv = CKR_OK;

	hz_store_refresh(s);
	for (unsigned i = 0;; i++) {
		if (mode == MODE_READ || late || s->gen_path == NULL || hz_gen_my_turn(&s->gen, s->gen_path, began)) {
			rv = attempt(s, mode, fn, arg, exists, &busy);
			if (!busy || rv == CKR_OK || late)
				break;
			queued |= mode != MODE_READ;
			next = mode != MODE_READ && hz_gen_queue(&s->gen, s->gen_path, began);
		}
		pause_before(i, next);
		late = hz_clock_ns(CLOCK_MONOTONIC) - began >= BUSY_LIMIT_NS;
	}
	if (queued)
		hz_gen_leave_queue(&s->gen, s->gen_path, began);
	if (busy && rv != CKR_OK)
		hz_log(HZ_LOG_ERROR, "%s", hz_error_text());
	return rv;
}

CK_RV hz_db_read(struct hz_store *s, hz_db_fn fn, void *arg, bool *exists)
{
	return with_retries(s, MODE_READ, fn, arg, exists);
}

CK_RV hz_db_write(struct hz_store *s, CK_RV absent, hz_db_fn fn, void *arg)
{
	bool exists;
	CK_RV rv = with_retries(s, absent == CKR_OK ? MODE_CREATE : MODE_WRITE, fn, arg, &exists);

	return rv == CKR_OK && !exists ? hz_fail(absent, "token %s has no database", s->serial) : rv;
}
