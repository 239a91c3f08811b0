/* SPDX-License-Identifier: Apache-2.0 */
/* The log: syslog or a file; a line is composed on the stack and leaves in one call. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fork.h"

enum sink { SINK_SYSLOG, SINK_FILE, SINK_NONE };

#define LINE_MAX_BYTES 2048u

/*
 * The file: its descriptor, what tells that the number still stands for it, and its name, absolute, for when it does not. Those who
 * change it make `turn` odd, write the slot that is not `now` and then make it that: a child that is forked in between has the old one
 * whole. Those who read take a copy and begin again when the turn has moved. No lock: a lock that another thread holds while the
 * application forks would never be released in the child.
 */
static struct {
	atomic_uint turn, now;
	struct slot {
		atomic_int fd; /* -1: none */
		_Atomic dev_t dev;
		_Atomic ino_t ino;
		_Atomic char path[PATH_MAX]; /* "": none */
	} slot[2];
} file = { .slot = { { .fd = -1 }, { .fd = -1 } } };

struct log_file {
	unsigned turn;
	int fd;
	dev_t dev;
	ino_t ino;
};

static atomic_int log_sink = SINK_SYSLOG;
static atomic_int log_max = HZ_LOG_WARNING;

/* Writers count themselves, and the one who closes the file waits for those who may still hold its number. */
static atomic_uint log_writers;
static atomic_uint fork_gen; /* the process generation that log_writers and file.turn are of */

static const int priority[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
static const char *const level_name[] = { "error", "warning", "info", "debug" };

/* Writers of a parent never leave in the child, and who changed the file there does not end: start again. */
static void after_fork(void)
{
	unsigned seen = atomic_load(&fork_gen), now = hz_fork_gen(), turn;

	if (seen == now || !atomic_compare_exchange_strong(&fork_gen, &seen, now))
		return;
	atomic_store(&log_writers, 0);
	turn = atomic_load(&file.turn);
	if ((turn & 1) != 0)
		atomic_store(&file.turn, turn + 1);
}

static const struct timespec one_ms = { 0, 1000000 };

/* The right to change the file; false: others keep it for a second. */
static bool change_begin(void)
{
	for (int i = 0; i < 1000; i++) {
		unsigned turn = atomic_load(&file.turn);

		if ((turn & 1) == 0 && atomic_compare_exchange_strong(&file.turn, &turn, turn + 1))
			return true;
		(void)nanosleep(&one_ms, NULL);
	}
	return false;
}

static void change_end(void)
{
	(void)atomic_fetch_add(&file.turn, 1);
}

static struct log_file read_slot(const struct slot *s)
{
	return (struct log_file){ 0, atomic_load(&s->fd), atomic_load(&s->dev), atomic_load(&s->ino) };
}

/* A copy of the file's data, with its name unless `path` is NULL; false: it is being changed all the time. */
static bool look(struct log_file *f, char *path)
{
	for (int i = 0; i < 1000; i++) {
		unsigned turn = atomic_load(&file.turn);
		const struct slot *s = &file.slot[atomic_load(&file.now)];

		*f = read_slot(s);
		f->turn = turn;
		for (size_t k = 0; path != NULL && k < PATH_MAX && (k == 0 || path[k - 1] != '\0'); k++)
			path[k] = atomic_load(&s->path[k]);
		if (atomic_load(&file.turn) == turn)
			return true;
		(void)sched_yield();
	}
	return false;
}

/* Close a file that the sink no longer names; leaked when a writer is stuck in it for a second. */
static void retire(const struct log_file *f)
{
	after_fork();
	for (int i = 0; i < 1000 && atomic_load(&log_writers) != 0; i++)
		(void)nanosleep(&one_ms, NULL);
	if (atomic_load(&log_writers) == 0)
		hz_fd_close(f->fd, f->dev, f->ino);
}

/* f->fd is -1 when it cannot be opened. */
static void open_file(const char *path, struct log_file *f)
{
	struct stat st;
	int fd = hz_fd_above_stderr(open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600));

	/* A terminal, pipe or device could block the application or be its own output. */
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		(void)close(fd);
		fd = -1;
	}
	*f = fd < 0 ? (struct log_file){ .fd = -1 } : (struct log_file){ 0, fd, st.st_dev, st.st_ino };
}

/*
 * Between change_begin and change_end. A new file takes over the number of the former one: a writer that looked before goes on with
 * that number, and nobody has to wait for it. Unless the number is not ours any more: it is forgotten. The number that the file has
 * now; f->fd is taken.
 */
static int install(const struct log_file *f, const char *path)
{
	unsigned now = atomic_load(&file.now);
	struct log_file old = read_slot(&file.slot[now]);
	struct slot *s = &file.slot[1 - now];
	int fd = f->fd;
	size_t i = 0;

	if (fd >= 0 && hz_fd_is(old.fd, old.dev, old.ino) && dup3(f->fd, old.fd, O_CLOEXEC) == old.fd) {
		(void)close(f->fd);
		fd = old.fd;
	}
	atomic_store(&s->fd, fd);
	atomic_store(&s->dev, f->dev);
	atomic_store(&s->ino, f->ino);
	do
		atomic_store(&s->path[i], path[i]);
	while (path[i++] != '\0');
	atomic_store(&file.now, 1 - now);
	return fd;
}

/* The name as it will still be right after a chdir(); false: too long. */
static bool absolute(const char *path, char out[PATH_MAX])
{
	char here[PATH_MAX];
	int n;

	if (path[0] == '/')
		n = snprintf(out, PATH_MAX, "%s", path);
	else
		n = getcwd(here, sizeof here) == NULL ? -1 : snprintf(out, PATH_MAX, "%s/%s", here, path);
	return n > 0 && n < PATH_MAX;
}

static bool use_file(const char *name)
{
	char path[PATH_MAX];
	struct log_file f;

	if (!absolute(name, path))
		return false;
	open_file(path, &f);
	if (f.fd < 0)
		return false;
	if (!change_begin()) {
		(void)close(f.fd);
		return false;
	}
	(void)install(&f, path);
	change_end();
	return true;
}

static void use_no_file(void)
{
	const struct log_file none = { .fd = -1 };
	struct log_file old;

	if (!change_begin())
		return;
	old = read_slot(&file.slot[atomic_load(&file.now)]);
	(void)install(&none, "");
	change_end();
	if (old.fd >= 0)
		retire(&old);
}

bool hz_log_open(const char *sink, bool debug)
{
	int kind;

	hz_fork_watch();
	after_fork();
	if (strcmp(sink, "syslog") == 0) {
		kind = SINK_SYSLOG;
	} else if (strcmp(sink, "none") == 0) {
		kind = SINK_NONE;
	} else if (strncmp(sink, "file:", 5) == 0 && sink[5] != '\0') {
		kind = SINK_FILE;
		if (!use_file(sink + 5))
			return false;
	} else {
		return false;
	}
	atomic_store(&log_sink, kind);
	atomic_store(&log_max, debug ? HZ_LOG_DEBUG : HZ_LOG_INFO);
	if (kind != SINK_FILE)
		use_no_file();
	return true;
}

void hz_log_close(void)
{
	after_fork();
	atomic_store(&log_sink, SINK_SYSLOG);
	atomic_store(&log_max, HZ_LOG_WARNING);
	use_no_file();
}

bool hz_log_enabled(enum hz_log_level level)
{
	return (int)level <= atomic_load(&log_max) && atomic_load(&log_sink) != SINK_NONE;
}

void hz_log_defuse(char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)s[0], next = (unsigned char)s[1];

		if (c < 0x20 || c == 0x7f)
			*s = '?';
		else if (c == 0xc2 && next >= 0x80 && next <= 0x9f)
			s[0] = s[1] = '?';
	}
}

/*
 * Civil date of a day since 1970-01-01, in the proleptic Gregorian calendar (400 years = 146097 days; years begin in March so that
 * the leap day is the last). gmtime_r() takes a lock of the C library that another thread may hold during a fork.
 */
static void civil(long day, int *year, int *month, int *mday)
{
	long era, doe, yoe, doy, m;

	day += 719468; /* days from 0000-03-01 */
	era = day / 146097;
	doe = day % 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	m = (5 * doy + 2) / 153;
	*mday = (int)(doy - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(era * 400 + yoe + (*month <= 2));
}

/* Time, process, thread and level; the number of bytes. */
static size_t put_prefix(char *line, size_t size, enum hz_log_level level)
{
	struct timespec now = { 0, 0 };
	int n, year, month, day;
	long sec;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	civil((long)(now.tv_sec / 86400), &year, &month, &day);
	sec = (long)(now.tv_sec % 86400);
	n = snprintf(line, size, "%04d-%02d-%02dT%02ld:%02ld:%02ld.%03ldZ hanzo-pkcs11[%ld:%ld] %s: ", year, month, day, sec / 3600,
		     sec / 60 % 60, sec % 60, now.tv_nsec / 1000000, (long)getpid(), (long)gettid(), level_name[level]);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

/*
 * The application closed our number, and may have given it to a file of its own: open the log anew. Who cannot make that the file of
 * all, because others are at it, closes it after its line.
 */
static void write_anew(const struct log_file *seen, const char *line, size_t len)
{
	struct log_file now, f;
	char path[PATH_MAX];
	unsigned turn = seen->turn;
	bool mine;

	if (!look(&now, path) || path[0] == '\0')
		return;
	open_file(path, &f);
	if (f.fd < 0)
		return;
	mine = now.turn == turn && (turn & 1) == 0 && atomic_compare_exchange_strong(&file.turn, &turn, turn + 1);
	if (mine) {
		f.fd = install(&f, path);
		change_end();
	}
	(void)!write(f.fd, line, len);
	if (!mine)
		(void)close(f.fd);
}

static void write_line(char *line, size_t len)
{
	struct log_file f;

	after_fork();
	(void)atomic_fetch_add(&log_writers, 1);
	line[len++] = '\n';
	if (!look(&f, NULL))
		line[0] = '\0'; /* lost */
	else if (!hz_fd_is(f.fd, f.dev, f.ino))
		write_anew(&f, line, len);
	else if (write(f.fd, line, len) < 0)
		line[0] = '\0'; /* a full disk: nobody is left to be told */
	(void)atomic_fetch_sub(&log_writers, 1);
}

/*
 * openlog() would replace the application's ident, options and facility, which are global to the process: the name goes into the
 * text and the facility into the priority instead.
 */
static void to_syslog(enum hz_log_level level, const char *text)
{
	syslog(LOG_AUTHPRIV | priority[level], "hanzo-pkcs11[%ld:%ld] %s", (long)getpid(), (long)gettid(), text);
}

void hz_log(enum hz_log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	size_t at = 0;
	int saved = errno, sink = atomic_load(&log_sink);
	va_list ap;

	if (!hz_log_enabled(level))
		return;
	if (sink == SINK_FILE)
		at = put_prefix(line, sizeof line - 1, level);
	line[at] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(line + at, sizeof line - 1 - at, fmt, ap);
	va_end(ap);
	hz_log_defuse(line + at);
	if (sink == SINK_FILE)
		write_line(line, strlen(line));
	else
		to_syslog(level, line);
	errno = saved;
}
