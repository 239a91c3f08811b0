/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a token's audit log: one record after the other, by all threads and processes. */
#include "gov/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/secmem.h"
#include "ck/names.h"
#include "crypto/hash.h"
#include "gov/audit_file.h"
#include "store/files.h"

#define LOCK_TRIES 2000u /* some seconds: whoever has the lock has it for microseconds, unless it was stopped */

struct hz_audit {
	enum hz_audit_mode mode;
	char *dir, *serial, *path, *tail_path;
	unsigned tier;
	CK_SLOT_ID slot;
	bool (*vouch)(void *arg, const void *data, size_t len, uint8_t mac[32]);
	void *arg;
	_Atomic CK_RV complained; /* what the log was told last */
	pthread_mutex_t lock;     /* the descriptors, and one thread at a time inside flock(), which knows processes only; a leaf */
	int fd, tail_fd;
	ino_t ino;                /* of the log, */
	dev_t dev;                /* and where it lies */
};

/* What a writer holds between lock and unlock. */
struct at {
	struct hz_audit_tail tail;
	char wrong[160];          /* what was found to be wrong with the files; "" */
};

static CK_RV io_fail(const char *path, const char *what)
{
	int e = errno;
	CK_RV rv = e == ENOSPC || e == EDQUOT ? CKR_DEVICE_MEMORY : e == EROFS || e == EACCES || e == EPERM ? CKR_TOKEN_WRITE_PROTECTED
														    : CKR_DEVICE_ERROR;

	return hz_fail(rv, "audit: %s %s: %s", what, path, strerror(e));
}

static void close_files(struct hz_audit *a)
{
	if (a->fd >= 0)
		(void)close(a->fd);
	if (a->tail_fd >= 0)
		(void)close(a->tail_fd);
	a->fd = a->tail_fd = -1;
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
	a->vouch = conf->vouch;
	a->arg = conf->arg;
	a->fd = a->tail_fd = -1;
	(void)pthread_mutex_init(&a->lock, NULL);
	if (!copy_names(a, conf)) {
		hz_audit_free(a);
		return hz_fail(CKR_HOST_MEMORY, "no memory for an audit log");
	}
	*out = a;
	return CKR_OK;
}

/* ---- the files, under both locks ---- */

static CK_RV open_one(const char *path, int *fd, struct stat *st)
{
	*fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (*fd < 0 || fstat(*fd, st) != 0)
		return io_fail(path, "open");
	if (!S_ISREG(st->st_mode) || !hz_files_ours(st))
		return hz_fail(CKR_DEVICE_ERROR, "audit: %s is not a file that only this user can change", path);
	return CKR_OK;
}

static CK_RV open_files(struct hz_audit *a)
{
	struct stat st;
	bool exists;
	CK_RV rv;

	if (a->dir == NULL)
		return hz_fail(CKR_TOKEN_WRITE_PROTECTED, "audit: there is nowhere to write: no home directory, and no store is configured");
	rv = hz_files_dir(a->dir, true, &exists);
	if (rv == CKR_OK)
		rv = open_one(a->tail_path, &a->tail_fd, &st);
	if (rv == CKR_OK)
		rv = open_one(a->path, &a->fd, &st);
	if (rv != CKR_OK) {
		close_files(a);
		return rv;
	}
	a->ino = st.st_ino;
	a->dev = st.st_dev;
	if (a->mode == HZ_AUDIT_REQUIRED)
		hz_files_sync_dir(a->dir);
	return rv;
}

/* A log that was put away is begun anew under its name. */
static bool put_away(const struct hz_audit *a)
{
	struct stat st;

	return stat(a->path, &st) != 0 || st.st_ino != a->ino || st.st_dev != a->dev;
}

static CK_RV lock_file(const struct hz_audit *a)
{
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		struct timespec pause = { 0, i < 100 ? 20000 : 2000000 };

		if (flock(a->tail_fd, LOCK_EX | LOCK_NB) == 0)
			return CKR_OK;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return io_fail(a->tail_path, "lock");
		(void)nanosleep(&pause, NULL);
	}
	return hz_fail(CKR_DEVICE_ERROR, "audit: another process has %s locked for seconds", a->tail_path);
}

static void wrong(struct at *at, const char *what)
{
	if (at->wrong[0] == '\0')
		(void)snprintf(at->wrong, sizeof at->wrong, "%s", what);
}

/*
 * Lines behind the tail: a process was killed between line and tail, or somebody else wrote. What follows the chain is taken over; a line
 * that was not finished goes.
 */
static CK_RV take_over(struct hz_audit *a, struct at *at, uint64_t size)
{
	struct hz_audit_end *e = &at->tail.last;
	char buf[HZ_AUDIT_LINE];

	while (e->at < size) {
		ssize_t n = pread(a->fd, buf, sizeof buf, (off_t)e->at);
		const char *lf;

		if (n < 0)
			return io_fail(a->path, "read");
		lf = n > 0 ? memchr(buf, '\n', (size_t)n) : NULL;
		if (lf == NULL && (size_t)n < sizeof buf) {
			if (ftruncate(a->fd, (off_t)e->at) != 0)
				return io_fail(a->path, "cut an unfinished record of");
			return CKR_OK;
		}
		if (lf == NULL || !hz_audit_next(e, buf, (size_t)(lf - buf) + 1)) {
			wrong(at, "something was written into the log that is no record of it");
			e->at = size;
		}
	}
	return CKR_OK;
}

static CK_RV reconcile(struct hz_audit *a, struct at *at)
{
	struct stat st;
	bool lost = false;
	uint8_t raw[HZ_AUDIT_TAIL] = { 0 };
	ssize_t n = pread(a->tail_fd, raw, sizeof raw, 0);

	if (n < 0 || fstat(a->fd, &st) != 0)
		return io_fail(a->tail_path, "read");
	at->wrong[0] = '\0';
	if (!hz_audit_tail_read(raw, &at->tail)) {
		at->tail = (struct hz_audit_tail){ .last = { .seq = 0 } };
		lost = n > 0 || st.st_size > 0;
	}
	if (at->tail.last.at > (uint64_t)st.st_size) {
		wrong(at, "the log was cut: it ended before its last record");
		at->tail.last.at = (uint64_t)st.st_size;
	} else if (at->tail.last.at < (uint64_t)st.st_size) {
		CK_RV rv = take_over(a, at, (uint64_t)st.st_size);

		if (rv != CKR_OK)
			return rv;
	}
	if (lost && (n > 0 || at->tail.last.seq != 0))
		wrong(at, "the tail was lost: records may be missing before this one");
	return CKR_OK;
}

static CK_RV enter(struct hz_audit *a, struct at *at)
{
	CK_RV rv = CKR_OK;

	(void)pthread_mutex_lock(&a->lock);
	if (a->fd >= 0 && put_away(a))
		close_files(a);
	if (a->fd < 0)
		rv = open_files(a);
	if (rv == CKR_OK)
		rv = lock_file(a);
	if (rv == CKR_OK) {
		rv = reconcile(a, at);
		if (rv == CKR_OK)
			return rv;
		(void)flock(a->tail_fd, LOCK_UN);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return rv;
}

static void leave(struct hz_audit *a)
{
	(void)flock(a->tail_fd, LOCK_UN);
	(void)pthread_mutex_unlock(&a->lock);
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

/* With a login the tail's end can be shown to be ours later on. */
static void vouch_for(struct hz_audit *a, struct hz_audit_tail *t)
{
	uint8_t data[256], mac[32];

	if (a->vouch == NULL || !a->vouch(a->arg, data, hz_audit_vouched(a->serial, &t->last, data), mac))
		return;
	t->vouched = t->last;
	memcpy(t->mac, mac, sizeof mac);
}

/* `members`: what follows prev, without the closing brace. */
static CK_RV append(struct hz_audit *a, struct at *at, const char *members, size_t len)
{
	char line[HZ_AUDIT_LINE];
	uint8_t slot[256];
	uint32_t where;
	size_t n = hz_audit_begin(&at->tail.last, line);
	uint64_t begins = at->tail.last.at;
	CK_RV rv;

	memcpy(line + n, members, len);
	memcpy(line + n + len, "}\n", 2);
	n += len + 2;
	rv = write_all(a->fd, a->path, line, n, begins);
	if (rv != CKR_OK)
		return rv;
	hz_hash_once(HZ_SHA256, line, n, at->tail.last.hash);
	at->tail.last.seq++;
	at->tail.last.at = begins + n;
	vouch_for(a, &at->tail);
	n = hz_audit_tail_write(&at->tail, slot, &where);
	return pwrite(a->tail_fd, slot, n, where) == (ssize_t)n ? CKR_OK : io_fail(a->tail_path, "write to");
}

/* ---- records ---- */

struct text {
	char p[HZ_AUDIT_LINE - 256]; /* leaves room for seq, prev and the end */
	size_t n;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->p + t->n, sizeof t->p - t->n, fmt, args);
	va_end(args);
	if (n > 0 && (size_t)n < sizeof t->p - t->n)
		t->n += (size_t)n;
	else
		t->p[t->n] = '\0'; /* a member that does not fit is left out: only a reason could be that long */
}

/* A text of any origin, as JSON. */
static void add_text(struct text *t, const char *name, const char *value)
{
	struct json_object *o = json_object_new_string(value);
	const char *quoted = o != NULL ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;

	if (quoted != NULL)
		add(t, ",\"%s\":%s", name, quoted);
	json_object_put(o);
}

static void add_hex(struct text *t, const char *name, const uint8_t *p, size_t n)
{
	char hex[129];

	if (n > 64)
		n = 64;
	hz_hex_encode(p, n, hex);
	add(t, ",\"%s\":\"%s\"", name, hex);
}

static void add_time(struct text *t)
{
	struct timespec now;
	struct tm tm;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	add(t, "\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ\"", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, now.tv_nsec / 1000);
}

/* CKA_UNIQUE_ID is text of ours; a device's may be anything. */
static bool plain(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x7e || p[i] == '"' || p[i] == '\\')
			return false;
	return n <= 128;
}

static void add_key(struct text *t, const char *name, struct hz_blob id)
{
	if (id.p != NULL && plain(id.p, id.n))
		add(t, ",\"%s\":\"%.*s\"", name, (int)id.n, (const char *)id.p);
	else if (id.p != NULL)
		add_hex(t, name, id.p, id.n);
}

static void describe(struct text *t, const struct hz_audit *a, const struct hz_audit_record *r)
{
	t->n = 0;
	add_time(t);
	add(t, ",\"process\":%ld", (long)getpid());
	if (r->tenant != NULL)
		add(t, ",\"tenant\":\"%s\"", r->tenant);
	add(t, ",\"tier\":%u,\"slot\":%lu,\"function\":\"%s\"", a->tier, a->slot, r->function);
	if (r->user != NULL)
		add(t, ",\"user\":\"%s\"", r->user);
	if (r->mechanism != NULL)
		add(t, ",\"mechanism\":\"%s\"", r->mechanism);
	add_key(t, "key", r->key);
	add_key(t, "by", r->by);
	if (r->digest != NULL)
		add_hex(t, "sha256", r->digest, 32);
	if (r->has_length)
		add(t, ",\"length\":%llu", (unsigned long long)r->length);
	if (r->module != 0)
		add(t, ",\"module\":%u", r->module);
	add(t, ",\"result\":\"%s\"", hz_ckr_name(r->result));
	if (r->reason != NULL && r->reason[0] != '\0')
		add_text(t, "reason", r->reason);
}

/* What is wrong with the files becomes a record of its own, before anything else is written. */
static CK_RV append_wrong(struct hz_audit *a, struct at *at)
{
	struct hz_audit_record r = { .function = "audit", .result = CKR_DEVICE_ERROR, .reason = at->wrong };
	struct text t;

	if (at->wrong[0] == '\0')
		return CKR_OK;
	hz_log(HZ_LOG_ERROR, "audit: %s: %s", a->path, at->wrong);
	describe(&t, a, &r);
	at->wrong[0] = '\0';
	return append(a, at, t.p, t.n);
}

static bool made_anew(const struct hz_audit_record *r)
{
	return r->result == CKR_OK && strcmp(r->function, "C_InitToken") == 0;
}

/* What is synced without the locks must not be closed meanwhile. */
static CK_RV copy_files(const struct hz_audit *a, int fd[2])
{
	fd[0] = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
	fd[1] = fcntl(a->tail_fd, F_DUPFD_CLOEXEC, 0);
	if (fd[0] >= 0 && fd[1] >= 0)
		return CKR_OK;
	if (fd[0] >= 0)
		(void)close(fd[0]);
	return io_fail(a->path, "sync");
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
	struct text t;
	struct at at;
	int fd[2] = { -1, -1 };
	CK_RV rv;

	describe(&t, a, r);
	rv = enter(a, &at);
	if (rv != CKR_OK)
		return rv;
	rv = append_wrong(a, &at);
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
	return settle(a, write_record(a, r));
}

/* Room on the disk for what is going to be written, where the file system can promise it. */
static CK_RV reserve(const struct hz_audit *a, uint64_t at)
{
	if (fallocate(a->fd, FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)2 * HZ_AUDIT_LINE) == 0 || errno == EOPNOTSUPP || errno == ENOSYS)
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
	ssize_t n = pread(a->fd, buf, room, (off_t)(e->at - room));
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

static void check_vouched(struct hz_audit *a, struct at *at)
{
	const struct hz_audit_end *e = &at->tail.vouched;
	uint8_t data[256], mac[32];

	if (!a->vouch(a->arg, data, hz_audit_vouched(a->serial, e, data), mac))
		return; /* logged out meanwhile: the next login looks again */
	if (e->seq == 0) {
		if (had_login(a))
			wrong(at, "the tail no longer knows what was written under a login");
		return;
	}
	if (!hz_ct_equal(mac, at->tail.mac, sizeof mac))
		wrong(at, "the tail was not written by this token");
	else if (!line_is_there(a, e))
		wrong(at, "the last record made under a login is not where it was");
}

void hz_audit_check(struct hz_audit *a)
{
	struct at at;
	CK_RV rv;

	if (a->vouch == NULL)
		return;
	rv = enter(a, &at);
	if (rv == CKR_OK) {
		check_vouched(a, &at);
		rv = append_wrong(a, &at);
		leave(a);
	}
	(void)settle(a, rv);
}
