/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a token's audit log: one record after the other, by all threads and processes. */
#include "gov/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/secmem.h"
#include "crypto/hash.h"
#include "gov/audit_text.h"
#include "store/files.h"

#define LOCK_TRIES 2000u /* some seconds: whoever has the lock has it for microseconds, unless it was stopped */
#define STUCK_TRIES 50u  /* a millisecond: it was stopped, and not every call should wait for it */
#define MOVED_TRIES 5u

/* A file that is kept open. */
struct file {
	int fd;
	dev_t dev;
	ino_t ino;
};

struct hz_audit {
	enum hz_audit_mode mode;
	char *dir, *serial, *path, *tail_path;
	unsigned tier;
	CK_SLOT_ID slot;
	struct hz_audit_token token;
	_Atomic CK_RV complained; /* what the log was told last */
	_Atomic uint64_t lost;    /* records that could not be written since the last that could */
	pthread_mutex_t lock;     /* what follows, and one thread at a time inside flock(), which knows processes only; a leaf */
	struct file log, tail;
	struct hz_audit_end seen; /* the last record that was written here */
	bool stuck;               /* the lock could not be had last time */
};

/* What a writer holds between lock and unlock. */
struct at {
	struct hz_audit_tail tail;
	uint64_t size;            /* of the log */
	char wrong[160];          /* what was found to be wrong with the files; "" */
};

static CK_RV io_fail(const char *path, const char *what)
{
	int e = errno;
	CK_RV rv = e == ENOSPC || e == EDQUOT ? CKR_DEVICE_MEMORY : e == EROFS || e == EACCES || e == EPERM ? CKR_TOKEN_WRITE_PROTECTED
														    : CKR_DEVICE_ERROR;

	return hz_fail(rv, "audit: %s %s: %s", what, path, strerror(e));
}

/* Numbers that stand for something else by now are the application's. */
static void close_files(struct hz_audit *a)
{
	hz_fd_close(a->log.fd, a->log.dev, a->log.ino);
	hz_fd_close(a->tail.fd, a->tail.dev, a->tail.ino);
	a->log.fd = a->tail.fd = -1;
}

void hz_audit_free(struct hz_audit *a)
{
	if (a == NULL)
		return;
	close_files(a);
	(void)pthread_mutex_destroy(&a->lock);
	free(a->dir);
	free(a->serial);
	free(a->path);
	free(a->tail_path);
	free(a);
}

static bool copy_names(struct hz_audit *a, const struct hz_audit_conf *conf)
{
	a->serial = strdup(conf->serial);
	if (a->serial == NULL || conf->dir == NULL || conf->dir[0] == '\0')
		return a->serial != NULL;
	a->dir = strdup(conf->dir);
	if (asprintf(&a->path, "%s/%s.audit", conf->dir, conf->serial) < 0)
		a->path = NULL;
	if (asprintf(&a->tail_path, "%s/%s.tail", conf->dir, conf->serial) < 0)
		a->tail_path = NULL;
	return a->dir != NULL && a->path != NULL && a->tail_path != NULL;
}

CK_RV hz_audit_new(struct hz_audit **out, const struct hz_audit_conf *conf)
{
	struct hz_audit *a;

	*out = NULL;
	if (conf->mode == HZ_AUDIT_OFF)
		return CKR_OK;
	a = calloc(1, sizeof *a);
	if (a == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no memory for an audit log");
	a->mode = conf->mode;
	a->tier = conf->tier;
	a->slot = conf->slot;
	a->token = conf->token;
	a->log.fd = a->tail.fd = -1;
	(void)pthread_mutex_init(&a->lock, NULL);
	if (!copy_names(a, conf)) {
		hz_audit_free(a);
		return hz_fail(CKR_HOST_MEMORY, "no memory for an audit log");
	}
	*out = a;
	return CKR_OK;
}

/* ---- the files, under both locks ---- */

static CK_RV open_one(const char *path, struct file *f)
{
	struct stat st;

	f->fd = hz_fd_above_stderr(open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
	if (f->fd < 0)
		return io_fail(path, "open");
	if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode) || !hz_files_ours(&st)) {
		(void)close(f->fd);
		f->fd = -1;
		return hz_fail(CKR_DEVICE_ERROR, "audit: %s is not a file that only this user can change", path);
	}
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return CKR_OK;
}

static CK_RV open_files(struct hz_audit *a)
{
	bool exists;
	CK_RV rv;

	if (a->dir == NULL)
		return hz_fail(CKR_TOKEN_WRITE_PROTECTED, "audit: there is nowhere to write: no home directory, and no store is configured");
	rv = hz_files_dir(a->dir, true, &exists);
	if (rv == CKR_OK)
		rv = open_one(a->tail_path, &a->tail);
	if (rv == CKR_OK)
		rv = open_one(a->path, &a->log);
	if (rv != CKR_OK)
		close_files(a);
	else if (a->mode == HZ_AUDIT_REQUIRED)
		hz_files_sync_dir(a->dir);
	return rv;
}

static bool is_ours(const struct file *f)
{
	return hz_fd_is(f->fd, f->dev, f->ino);
}

/* Is the file still the one of that name? Others begin a new one there once it was put away. */
static bool in_place(const char *path, const struct file *f, uint64_t *size)
{
	struct stat st;
	bool same = stat(path, &st) == 0 && st.st_ino == f->ino && st.st_dev == f->dev;

	if (same)
		*size = (uint64_t)st.st_size;
	return same;
}

static CK_RV lock_file(struct hz_audit *a)
{
	unsigned most = a->stuck && a->mode != HZ_AUDIT_REQUIRED ? STUCK_TRIES : LOCK_TRIES;

	for (unsigned i = 0; i < most; i++) {
		struct timespec pause = { 0, i < 100 ? 20000 : 2000000 };

		if (flock(a->tail.fd, LOCK_EX | LOCK_NB) == 0) {
			a->stuck = false;
			return CKR_OK;
		}
		if (errno != EWOULDBLOCK && errno != EINTR)
			return io_fail(a->tail_path, "lock");
		(void)nanosleep(&pause, NULL);
	}
	a->stuck = true;
	return hz_fail(CKR_DEVICE_ERROR, "audit: another process has %s locked for seconds", a->tail_path);
}

/* Locked, and the files that have the names; the log's size. */
static CK_RV open_and_lock(struct hz_audit *a, uint64_t *size)
{
	for (unsigned i = 0; i < MOVED_TRIES; i++) {
		uint64_t tail_size;
		CK_RV rv = CKR_OK;

		if (!is_ours(&a->log) || !is_ours(&a->tail)) {
			close_files(a);
			rv = open_files(a);
		}
		if (rv == CKR_OK)
			rv = lock_file(a);
		if (rv != CKR_OK)
			return rv;
		if (in_place(a->tail_path, &a->tail, &tail_size) && in_place(a->path, &a->log, size))
			return CKR_OK;
		(void)flock(a->tail.fd, LOCK_UN);
		close_files(a);
	}
	return hz_fail(CKR_DEVICE_ERROR, "audit: %s is moved again and again", a->path);
}

/* The first finding counts: others follow from it. */
static void wrong(struct at *at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct at *at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (at->wrong[0] == '\0')
		(void)vsnprintf(at->wrong, sizeof at->wrong, fmt, args);
	va_end(args);
}

/*
 * Lines behind the tail: a process was killed between line and tail, or somebody else wrote. What follows the chain is taken over; a line
 * that was not finished goes.
 */
static CK_RV take_over(const struct hz_audit *a, struct at *at)
{
	struct hz_audit_end *e = &at->tail.last;
	char buf[HZ_AUDIT_LINE];

	while (e->at < at->size) {
		ssize_t n = pread(a->log.fd, buf, sizeof buf, (off_t)e->at);
		const char *lf;

		if (n < 0)
			return io_fail(a->path, "read");
		lf = n > 0 ? memchr(buf, '\n', (size_t)n) : NULL;
		if (lf == NULL && (size_t)n < sizeof buf) {
			if (ftruncate(a->log.fd, (off_t)e->at) != 0)
				return io_fail(a->path, "cut an unfinished record of");
			return CKR_OK;
		}
		if (lf == NULL || !hz_audit_next(e, buf, (size_t)(lf - buf) + 1)) {
			wrong(at, "something was written into the log that is no record of it");
			e->at = at->size;
		}
	}
	return CKR_OK;
}

static CK_RV reconcile(struct hz_audit *a, struct at *at)
{
	bool lost = false;
	uint8_t raw[HZ_AUDIT_TAIL] = { 0 };
	ssize_t n = pread(a->tail.fd, raw, sizeof raw, 0);
	struct hz_audit_end *last = &at->tail.last;
	CK_RV rv = CKR_OK;

	if (n < 0)
		return io_fail(a->tail_path, "read");
	at->wrong[0] = '\0';
	if (!hz_audit_tail_read(raw, &at->tail)) {
		at->tail = (struct hz_audit_tail){ .last = { .seq = 0 } };
		lost = n > 0 || at->size > 0;
	}
	if (last->at > at->size) {
		wrong(at, "the log was cut: it ended before its last record");
		last->at = at->size;
	} else if (last->at < at->size) {
		rv = take_over(a, at);
	}
	if (rv == CKR_OK && lost && (n > 0 || last->seq != 0))
		wrong(at, "the tail was lost: records may be missing before this one");
	if (rv == CKR_OK && (last->seq < a->seen.seq || (last->seq == a->seen.seq && memcmp(last->hash, a->seen.hash, 32) != 0)))
		wrong(at, "record %llu, which was written here, is not in the log: it was put away or replaced", (unsigned long long)a->seen.seq);
	return rv;
}

static CK_RV enter(struct hz_audit *a, struct at *at)
{
	CK_RV rv;

	(void)pthread_mutex_lock(&a->lock);
	rv = open_and_lock(a, &at->size);
	if (rv == CKR_OK) {
		rv = reconcile(a, at);
		if (rv == CKR_OK)
			return rv;
		(void)flock(a->tail.fd, LOCK_UN);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return rv;
}

static void leave(struct hz_audit *a)
{
	(void)flock(a->tail.fd, LOCK_UN);
	(void)pthread_mutex_unlock(&a->lock);
}

/* Beyond the limit the kernel would end the process (SIGXFSZ). */
static CK_RV fits(const char *path, uint64_t end)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_FSIZE, &r) != 0 || r.rlim_cur == RLIM_INFINITY || end <= r.rlim_cur)
		return CKR_OK;
	return hz_fail(CKR_DEVICE_MEMORY, "audit: %s may not grow beyond %llu bytes (RLIMIT_FSIZE)", path, (unsigned long long)r.rlim_cur);
}

static CK_RV write_all(int fd, const char *path, const void *p, size_t n, uint64_t at)
{
	for (size_t done = 0; done < n;) {
		ssize_t k = pwrite(fd, (const char *)p + done, n - done, (off_t)(at + done));

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			CK_RV rv = io_fail(path, "write to");

			(void)!ftruncate(fd, (off_t)at); /* else the next writer cuts it */
			return rv;
		}
		done += (size_t)k;
	}
	return CKR_OK;
}

static bool vouch(const struct hz_audit *a, const struct hz_audit_end *e, uint8_t mac[32])
{
	uint8_t data[256];

	return a->token.vouch != NULL && a->token.vouch(a->token.arg, data, hz_audit_vouched(a->serial, e, data), mac);
}

static CK_RV write_tail(const struct hz_audit *a, const struct hz_audit_tail *t)
{
	uint8_t slot[256];
	uint32_t where;
	size_t n = hz_audit_tail_write(t, slot, &where);

	return pwrite(a->tail.fd, slot, n, where) == (ssize_t)n ? CKR_OK : io_fail(a->tail_path, "write to");
}

/* `members`: what follows prev, without the closing brace. With a login the tail's end can be shown to be ours later on. */
static CK_RV append(struct hz_audit *a, struct at *at, const char *members, size_t len)
{
	char line[HZ_AUDIT_LINE];
	uint8_t mac[32];
	struct hz_audit_tail *t = &at->tail;
	size_t n = hz_audit_begin(&t->last, line);
	uint64_t begins = t->last.at;
	CK_RV rv;

	memcpy(line + n, members, len);
	memcpy(line + n + len, "}\n", 2);
	n += len + 2;
	rv = fits(a->path, (begins > HZ_AUDIT_TAIL ? begins : HZ_AUDIT_TAIL) + n);
	if (rv == CKR_OK && t->last.seq == 0)
		rv = write_tail(a, t); /* a line without any tail would look like a lost one */
	if (rv == CKR_OK)
		rv = write_all(a->log.fd, a->path, line, n, begins);
	if (rv != CKR_OK)
		return rv;
	hz_hash_once(HZ_SHA256, line, n, t->last.hash);
	t->last.seq++;
	t->last.at += n;
	if (vouch(a, &t->last, mac)) {
		t->vouched = t->last;
		memcpy(t->mac, mac, sizeof mac);
	}
	rv = write_tail(a, t);
	if (rv != CKR_OK)
		(void)!ftruncate(a->log.fd, (off_t)begins); /* else the next writer takes the line over */
	else
		a->seen = t->last;
	return rv;
}

/* ---- records ---- */

static CK_RV append_own(struct hz_audit *a, struct at *at, const char *reason)
{
	struct hz_audit_record r = { .function = "audit", .result = CKR_DEVICE_ERROR, .reason = reason };
	struct hz_audit_text t;

	hz_log(HZ_LOG_ERROR, "audit: %s: %s", a->path, reason);
	hz_audit_describe(&t, a->tier, a->slot, &r);
	return append(a, at, t.p, t.n);
}

/* What is wrong with the files, and what could not be written, become records of their own, before anything else is written. */
static CK_RV append_findings(struct hz_audit *a, struct at *at)
{
	uint64_t lost = atomic_exchange(&a->lost, 0);
	char reason[64];
	CK_RV rv = CKR_OK;

	if (at->wrong[0] != '\0')
		rv = append_own(a, at, at->wrong);
	at->wrong[0] = '\0';
	(void)snprintf(reason, sizeof reason, "%llu records could not be written", (unsigned long long)lost);
	if (rv == CKR_OK && lost != 0)
		rv = append_own(a, at, reason);
	if (rv != CKR_OK)
		(void)atomic_fetch_add(&a->lost, lost);
	return rv;
}

static bool made_anew(const struct hz_audit_record *r)
{
	return r->result == CKR_OK && strcmp(r->function, "C_InitToken") == 0;
}

/* What is synced without the locks must not be closed meanwhile. */
static CK_RV copy_files(const struct hz_audit *a, int fd[2])
{
	CK_RV rv;

	fd[0] = fcntl(a->log.fd, F_DUPFD_CLOEXEC, 3);
	fd[1] = fcntl(a->tail.fd, F_DUPFD_CLOEXEC, 3);
	if (fd[0] >= 0 && fd[1] >= 0)
		return CKR_OK;
	rv = io_fail(a->path, "sync");
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
	return rv;
}

/* Others write meanwhile, and one sync serves them, too. */
static CK_RV sync_files(const struct hz_audit *a, int fd[2])
{
	bool good = fdatasync(fd[0]) == 0 && fdatasync(fd[1]) == 0;
	CK_RV rv = good ? CKR_OK : io_fail(a->path, "sync");

	(void)close(fd[0]);
	(void)close(fd[1]);
	return rv;
}

static CK_RV write_record(struct hz_audit *a, const struct hz_audit_record *r)
{
	struct hz_audit_text t;
	struct at at;
	int fd[2] = { -1, -1 };
	CK_RV rv;

	hz_audit_describe(&t, a->tier, a->slot, r);
	rv = enter(a, &at);
	if (rv != CKR_OK)
		return rv;
	rv = append_findings(a, &at);
	if (made_anew(r))
		at.tail.vouched = (struct hz_audit_end){ .seq = 0 }; /* by a key that is no more */
	if (rv == CKR_OK)
		rv = append(a, &at, t.p, t.n);
	if (rv == CKR_OK && a->mode == HZ_AUDIT_REQUIRED)
		rv = copy_files(a, fd);
	leave(a);
	return rv == CKR_OK && a->mode == HZ_AUDIT_REQUIRED ? sync_files(a, fd) : rv;
}

static CK_RV settle(struct hz_audit *a, CK_RV rv)
{
	if (rv == CKR_OK) {
		atomic_store(&a->complained, CKR_OK);
		return CKR_OK;
	}
	if (atomic_exchange(&a->complained, rv) != rv)
		hz_log(HZ_LOG_ERROR, "audit: slot %lu: records are not written: %s", a->slot, hz_error_text());
	if (a->mode == HZ_AUDIT_REQUIRED)
		return rv;
	hz_error_clear();
	return CKR_OK;
}

CK_RV hz_audit_write(struct hz_audit *a, const struct hz_audit_record *r)
{
	CK_RV rv = write_record(a, r);

	if (rv != CKR_OK && a->mode == HZ_AUDIT_ON)
		(void)atomic_fetch_add(&a->lost, 1);
	return settle(a, rv);
}

void hz_audit_flush(struct hz_audit *a)
{
	struct at at;

	if (a == NULL || atomic_load(&a->lost) == 0 || enter(a, &at) != CKR_OK)
		return;
	(void)append_findings(a, &at);
	leave(a);
}

/* Room on the disk for what is going to be written, where the file system can promise it. */
static CK_RV reserve(const struct hz_audit *a, uint64_t at)
{
	CK_RV rv = fits(a->path, at + 2 * HZ_AUDIT_LINE);

	if (rv != CKR_OK)
		return rv;
	if (fallocate(a->log.fd, FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)2 * HZ_AUDIT_LINE) == 0 || errno == EOPNOTSUPP || errno == ENOSYS)
		return CKR_OK;
	return io_fail(a->path, "reserve room in");
}

CK_RV hz_audit_ready(struct hz_audit *a)
{
	struct at at;
	CK_RV rv;

	if (a->mode != HZ_AUDIT_REQUIRED)
		return CKR_OK;
	rv = enter(a, &at);
	if (rv == CKR_OK) {
		rv = reserve(a, at.tail.last.at);
		leave(a);
	}
	return settle(a, rv);
}

/* ---- at a login ---- */

/* Is the line that ends there the one with that hash? */
static bool line_is_there(const struct hz_audit *a, const struct hz_audit_end *e)
{
	char buf[HZ_AUDIT_LINE + 1];
	size_t room = e->at < sizeof buf ? (size_t)e->at : sizeof buf, from = 0;
	ssize_t n = pread(a->log.fd, buf, room, (off_t)(e->at - room));
	uint8_t hash[32];

	if (n < 2 || (size_t)n != room || buf[n - 1] != '\n')
		return false;
	for (size_t i = 0; i + 1 < room; i++)
		if (buf[i] == '\n')
			from = i + 1;
	hz_hash_once(HZ_SHA256, buf + from, room - from, hash);
	return memcmp(hash, e->hash, sizeof hash) == 0;
}

/* Was somebody logged in since the token was made? Read only where the tail knows of no such record. */
static bool had_login(const struct hz_audit *a)
{
	FILE *f = fopen(a->path, "re");
	char *line = NULL;
	size_t room = 0;
	bool had = false;

	while (f != NULL && getline(&line, &room, f) > 0) {
		bool good = strstr(line, "\"result\":\"CKR_OK\"") != NULL;

		if (good && strstr(line, "\"function\":\"C_InitToken\"") != NULL)
			had = false;
		else if (good && strstr(line, "\"function\":\"C_Login") != NULL)
			had = true;
	}
	free(line);
	if (f != NULL)
		(void)fclose(f);
	return had;
}

/* How far the log went at the last login or logout, as the token keeps it; seq 0: it does not know. */
static void recall(const struct hz_audit *a, struct at *at, struct hz_audit_end *e)
{
	uint8_t raw[HZ_STORE_KEPT];
	size_t n = 0;
	CK_RV rv = a->token.kept(a->token.arg, raw, &n);

	*e = (struct hz_audit_end){ .seq = 0 };
	if (rv == CKR_SAVED_STATE_INVALID || (rv == CKR_OK && n != 0 && n != HZ_AUDIT_END))
		wrong(at, "what the store knew of the log is gone or was changed");
	if (rv != CKR_OK)
		hz_error_clear();
	else if (n == HZ_AUDIT_END)
		hz_audit_end_read(raw, e);
}

static void remember(const struct hz_audit *a, const struct hz_audit_end *e)
{
	uint8_t raw[HZ_AUDIT_END];

	hz_audit_end_write(e, raw);
	if (a->token.keep(a->token.arg, raw, sizeof raw) != CKR_OK)
		hz_error_clear(); /* as where the store is read-only: the older one is true, too */
}

/* `had`: somebody was logged in, says the log. */
static void check_vouched(const struct hz_audit *a, struct at *at, const struct hz_audit_end *known, bool had)
{
	const struct hz_audit_end *e = &at->tail.vouched;
	uint8_t mac[32];

	if (!vouch(a, e, mac))
		return; /* logged out meanwhile: the next login looks again */
	if (known->seq != 0 && (known->at > at->size || !line_is_there(a, known)))
		wrong(at, "record %llu, which the store knows of, is not in the log: it was put away or replaced", (unsigned long long)known->seq);
	if (e->seq == 0 && (known->seq != 0 || had))
		wrong(at, "the tail no longer knows what was written under a login");
	if (e->seq != 0 && !hz_ct_equal(mac, at->tail.mac, sizeof mac))
		wrong(at, "the tail was not written by this token");
	else if (e->seq != 0 && !line_is_there(a, e))
		wrong(at, "the last record made under a login is not where it was");
}

/* `compare`: with what is known, before the store is told. */
static void bring_up_to_date(struct hz_audit *a, bool compare)
{
	struct at at, early = { .wrong = "" };
	struct hz_audit_end known, now = { .seq = 0 };
	int fd[2] = { -1, -1 };
	bool had = false;
	CK_RV rv;

	if (a->token.vouch == NULL)
		return;
	if (compare) { /* not while the file is locked */
		recall(a, &early, &known);
		had = known.seq == 0 && had_login(a);
	}
	rv = enter(a, &at);
	if (rv == CKR_OK) {
		if (early.wrong[0] != '\0')
			wrong(&at, "%s", early.wrong);
		if (compare)
			check_vouched(a, &at, &known, had);
		rv = append_findings(a, &at);
		now = at.tail.last;
		if (rv == CKR_OK && a->mode == HZ_AUDIT_REQUIRED)
			rv = copy_files(a, fd);
		leave(a);
	}
	if (rv == CKR_OK && a->mode == HZ_AUDIT_REQUIRED)
		rv = sync_files(a, fd); /* the store must not know of more than the disk */
	if (rv == CKR_OK)
		remember(a, &now);
	(void)settle(a, rv);
}

void hz_audit_check(struct hz_audit *a)
{
	bring_up_to_date(a, true);
}

void hz_audit_keep(struct hz_audit *a)
{
	bring_up_to_date(a, false);
}
