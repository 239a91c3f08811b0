/* SPDX-License-Identifier: Apache-2.0 */
/* The log: syslog or a file; a line is composed on the stack and leaves in one call. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/fork.h"

enum sink { SINK_SYSLOG, SINK_FILE, SINK_NONE };

#define LINE_MAX_BYTES 2048u

/*
 * No lock: a lock that another thread holds while the application forks would never be released in the child. Writers count
 * themselves, and the one who closes the file waits for those who may still hold its number.
 */
static atomic_int log_sink = SINK_SYSLOG;
static atomic_int log_max = HZ_LOG_WARNING;
static atomic_int log_fd = -1;
static atomic_uint log_writers;
static atomic_uint log_writers_gen; /* the process generation that log_writers counts for */

static const int priority[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
static const char *const level_name[] = { "error", "warning", "info", "debug" };

/* Writers of a parent never leave in the child: start the count again there. */
static void writers_after_fork(void)
{
	unsigned seen = atomic_load(&log_writers_gen), now = hz_fork_gen();

	if (seen != now && atomic_compare_exchange_strong(&log_writers_gen, &seen, now))
		atomic_store(&log_writers, 0);
}

/* Close a file that the sink no longer names; leaked when a writer is stuck in it for a second. */
static void retire_fd(int fd)
{
	const struct timespec ms = { 0, 1000000 };

	if (fd < 0)
		return;
	writers_after_fork();
	for (int i = 0; i < 1000 && atomic_load(&log_writers) != 0; i++)
		(void)nanosleep(&ms, NULL);
	if (atomic_load(&log_writers) == 0)
		(void)close(fd);
}

static int open_log_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);

	/* A terminal, pipe or device could block the application or be its own output. */
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/*
 * A new file takes over the number of the former one: a fork beside us may copy the table of open files before and the memory after
 * the change, and the child would then write to a number that is not open there, or is somebody else's.
 */
static void install_fd(int fd)
{
	int old = atomic_load(&log_fd);

	if (old >= 0 && dup3(fd, old, O_CLOEXEC) == old)
		(void)close(fd);
	else
		atomic_store(&log_fd, fd);
}

bool hz_log_open(const char *sink, bool debug)
{
	int kind, fd = -1, old = -1;

	hz_fork_watch();
	if (strcmp(sink, "syslog") == 0) {
		kind = SINK_SYSLOG;
	} else if (strcmp(sink, "none") == 0) {
		kind = SINK_NONE;
	} else if (strncmp(sink, "file:", 5) == 0 && sink[5] != '\0') {
		kind = SINK_FILE;
		fd = open_log_file(sink + 5);
		if (fd < 0)
			return false;
	} else {
		return false;
	}
	if (kind == SINK_FILE)
		install_fd(fd);
	else
		old = atomic_exchange(&log_fd, -1);
	atomic_store(&log_sink, kind);
	atomic_store(&log_max, debug ? HZ_LOG_DEBUG : HZ_LOG_INFO);
	retire_fd(old);
	return true;
}

void hz_log_close(void)
{
	int fd;

	atomic_store(&log_sink, SINK_SYSLOG);
	atomic_store(&log_max, HZ_LOG_WARNING);
	fd = atomic_exchange(&log_fd, -1);
	retire_fd(fd);
}

bool hz_log_enabled(enum hz_log_level level)
{
	return (int)level <= atomic_load(&log_max) && atomic_load(&log_sink) != SINK_NONE;
}

/* What a terminal or a line-oriented reader would act on becomes '?': C0, DEL, and C1 in UTF-8 (c2 80 .. c2 9f). */
static void defuse(char *s)
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

static void write_line(char *line, size_t len)
{
	int fd;

	writers_after_fork();
	(void)atomic_fetch_add(&log_writers, 1);
	fd = atomic_load(&log_fd);
	line[len] = '\n';
	if (fd >= 0 && write(fd, line, len + 1) < 0)
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
	defuse(line + at);
	if (sink == SINK_FILE)
		write_line(line, strlen(line));
	else
		to_syslog(level, line);
	errno = saved;
}
