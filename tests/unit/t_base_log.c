/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of base/log.h, base/error.h and base/fork.h: sinks, whole lines from threads and processes, texts per thread. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "../sanitized.h"

static char dir[64], path[80], sink[96];

static void setup(void)
{
	(void)snprintf(dir, sizeof dir, "/tmp/t_base_log.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/log", dir);
	(void)snprintf(sink, sizeof sink, "file:%s", path);
}

static void teardown(void)
{
	hz_log_close();
	(void)unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* Each line of the log in turn; the number of lines. */
static int each_line(void (*f)(const char *))
{
	char line[4096];
	FILE *in = fopen(path, "re");
	int n = 0;

	ck_assert_ptr_nonnull(in);
	while (fgets(line, sizeof line, in) != NULL) {
		f(line);
		n++;
	}
	(void)fclose(in);
	return n;
}

static void is_clean(const char *line)
{
	const char *text = strstr(line, " error: ");

	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strstr(line, "hanzo-pkcs11["));
	ck_assert_str_eq(text, " error: a?b?c??d\xc3\xa4 7\n");
}

static time_t before, after;

/* As the log does: time() reads a clock that is up to a tick behind. */
static time_t seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

static void has_now(const char *line)
{
	char text[32];
	bool found = false;

	for (time_t t = before; t <= after && !found; t++) {
		ck_assert_uint_gt(strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", gmtime(&t)), 0);
		found = strncmp(line, text, strlen(text)) == 0;
	}
	ck_assert_msg(found, "wrong time: %s", line);
}

START_TEST(the_time_is_utc)
{
	ck_assert(hz_log_open(sink, false));
	before = seconds();
	hz_log(HZ_LOG_ERROR, "now");
	after = seconds();
	ck_assert_int_eq(each_line(has_now), 1);
}
END_TEST

START_TEST(one_line_without_control_characters)
{
	struct stat st;

	ck_assert(hz_log_open(sink, false));
	errno = 42;
	hz_log(HZ_LOG_ERROR, "a\nb\x1b" "c\xc2\x9b" "d\xc3\xa4 %d", 7);
	ck_assert_int_eq(errno, 42);
	ck_assert_int_eq(each_line(is_clean), 1);
	ck_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
}
END_TEST

static void any(const char *line)
{
	ck_assert_uint_gt(strlen(line), 10);
}

START_TEST(levels)
{
	ck_assert(!hz_log_enabled(HZ_LOG_INFO) && hz_log_enabled(HZ_LOG_WARNING));
	ck_assert(hz_log_open(sink, false));
	ck_assert(hz_log_enabled(HZ_LOG_INFO) && !hz_log_enabled(HZ_LOG_DEBUG));
	hz_log(HZ_LOG_DEBUG, "no");
	ck_assert_int_eq(each_line(any), 0);
	ck_assert(hz_log_open(sink, true));
	hz_log(HZ_LOG_DEBUG, "yes");
	ck_assert_int_eq(each_line(any), 1);
	ck_assert(hz_log_open("none", true));
	ck_assert(!hz_log_enabled(HZ_LOG_ERROR));
	hz_log(HZ_LOG_ERROR, "nowhere");
	ck_assert_int_eq(each_line(any), 1);
	hz_log_close();
	ck_assert(hz_log_enabled(HZ_LOG_ERROR) && !hz_log_enabled(HZ_LOG_INFO));
}
END_TEST

START_TEST(bad_sinks_leave_the_former)
{
	char other[128];

	ck_assert(hz_log_open(sink, false));
	ck_assert(!hz_log_open("file:", false) && !hz_log_open("stderr", false) && !hz_log_open("", false));
	ck_assert(!hz_log_open("file:/nonexistent/x", false) && !hz_log_open("file:/dev/null", false));
	(void)snprintf(other, sizeof other, "%s/link", dir);
	ck_assert_int_eq(symlink(path, other), 0);
	(void)snprintf(other, sizeof other, "file:%s/link", dir);
	ck_assert(!hz_log_open(other, false));
	ck_assert_int_eq(unlink(other + 5), 0);
	(void)snprintf(other, sizeof other, "file:%s", dir);
	ck_assert(!hz_log_open(other, false));
	hz_log(HZ_LOG_WARNING, "still here");
	ck_assert_int_eq(each_line(any), 1);
}
END_TEST

static void is_long(const char *line)
{
	size_t n = strlen(line);

	ck_assert(n > 1900 && n < 2100 && line[n - 1] == '\n');
}

START_TEST(long_lines_are_cut)
{
	char *text = malloc(100000);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', 99999);
	text[99999] = '\0';
	ck_assert(hz_log_open(sink, false));
	hz_log(HZ_LOG_ERROR, "%s", text);
	ck_assert_int_eq(each_line(is_long), 1);
	free(text);
}
END_TEST

static void is_whole(const char *line)
{
	const char *text = strstr(line, " info: ");
	int n;

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(sscanf(text, " info: <%d ", &n), 1);
	ck_assert_str_eq(text + strlen(text) - 3, "x>\n");
}

static void *write_lines(void *arg)
{
	for (int i = 0; i < 200; i++) {
		hz_log(HZ_LOG_INFO, "<%d %.*sx>", i, i, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
		if (arg != NULL && i % 10 == 0)
			(void)hz_log_open(sink, true); /* swaps the file under the other writers */
	}
	return NULL;
}

START_TEST(lines_stay_whole)
{
	int children = is_sanitized() ? 0 : 2; /* a sanitizer does not survive the fork of a busy process */
	pthread_t t[4];
	pid_t pid[2];
	int st;

	ck_assert(hz_log_open(sink, true));
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, write_lines, i == 0 ? &t : NULL), 0);
	for (int i = 0; i < children; i++) {
		pid[i] = fork();
		ck_assert_int_ge(pid[i], 0);
		if (pid[i] == 0) {
			(void)write_lines(NULL);
			hz_log_close(); /* does not wait for the parent's writers */
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(t[i], NULL), 0);
	for (int i = 0; i < children; i++)
		ck_assert(waitpid(pid[i], &st, 0) == pid[i] && st == 0);
	ck_assert_int_eq(each_line(is_whole), (4 + children) * 200);
}
END_TEST

/* The number under which this process has the file open; -1: none. */
static int number_of(const char *name)
{
	struct stat want, st;

	ck_assert_int_eq(stat(name, &want), 0);
	for (int fd = 0; fd < 256; fd++)
		if (fstat(fd, &st) == 0 && st.st_dev == want.st_dev && st.st_ino == want.st_ino)
			return fd;
	return -1;
}

static void a_line_goes_into_the_log(int lines)
{
	hz_log(HZ_LOG_ERROR, "line %d", lines);
	ck_assert_int_eq(each_line(any), lines);
}

/* Close the log behind the module's back, and open a file of the application's under its number. */
static int take_over(const char *name)
{
	int fd = number_of(path), own;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	own = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(own, 0);
	if (own != fd) {
		ck_assert_int_eq(dup2(own, fd), fd);
		ck_assert_int_eq(close(own), 0);
	}
	return fd;
}

static void is_still_empty(int fd, const char *name)
{
	struct stat st, named;

	ck_assert(fstat(fd, &st) == 0 && stat(name, &named) == 0);
	ck_assert(st.st_dev == named.st_dev && st.st_ino == named.st_ino && st.st_size == 0);
}

/* As daemons do: close all numbers, open files of their own, which get them. */
START_TEST(a_number_that_was_taken_over)
{
	char name[128];
	int fd, own;

	(void)snprintf(name, sizeof name, "%s/own", dir);
	ck_assert(hz_log_open(sink, false));
	a_line_goes_into_the_log(1);
	fd = take_over(name);
	a_line_goes_into_the_log(2);
	a_line_goes_into_the_log(3);
	is_still_empty(fd, name);
	ck_assert_int_eq(close(fd), 0);

	fd = take_over(name);
	ck_assert(hz_log_open(sink, false)); /* C_Initialize once more */
	a_line_goes_into_the_log(4);
	is_still_empty(fd, name);
	ck_assert_int_eq(close(fd), 0);

	own = take_over(name);
	hz_log_close();
	is_still_empty(own, name);
	ck_assert_int_eq(number_of(path), -1);
	ck_assert_int_eq(close(own), 0);
	ck_assert_int_eq(unlink(name), 0);
}
END_TEST

START_TEST(a_number_that_was_closed)
{
	char here[4096];

	ck_assert_ptr_nonnull(getcwd(here, sizeof here));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert(hz_log_open("file:log", false));
	ck_assert_int_eq(chdir("/"), 0); /* as daemons do, too */
	for (int i = 1; i < 4; i++) {
		ck_assert_int_eq(close(number_of(path)), 0);
		a_line_goes_into_the_log(i);
	}
	hz_log_close();
	ck_assert_int_eq(number_of(path), -1);
	ck_assert_int_eq(chdir(here), 0);
}
END_TEST

START_TEST(never_a_standard_stream)
{
	int saved = fcntl(0, F_DUPFD_CLOEXEC, 10);

	ck_assert_int_ge(saved, 10);
	ck_assert_int_eq(close(0), 0);
	ck_assert(hz_log_open(sink, false));
	a_line_goes_into_the_log(1);
	ck_assert_int_gt(number_of(path), 2);
	ck_assert_int_eq(dup2(saved, 0), 0);
	ck_assert_int_eq(close(saved), 0);
}
END_TEST

enum { CLOSERS = 200 };

static void *close_the_number(void *arg)
{
	int *fd = arg;

	for (int i = 0; i < CLOSERS; i++) {
		(void)usleep(200);
		*fd = number_of(path);
		if (*fd >= 0)
			(void)close(*fd);
	}
	return NULL;
}

/* Lines may be lost in the moment between the look and the write; none is torn, and the log goes on. */
START_TEST(closed_all_the_time)
{
	pthread_t t[3], c;
	int fd = -1, lines;

	if (is_sanitized())
		return; /* the thread sanitizer reports the race that is made here on purpose */
	ck_assert(hz_log_open(sink, true));
	ck_assert_int_eq(pthread_create(&c, NULL, close_the_number, &fd), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, write_lines, i == 0 ? &t : NULL), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(t[i], NULL), 0);
	ck_assert_int_eq(pthread_join(c, NULL), 0);
	lines = each_line(is_whole);
	ck_assert_int_gt(lines, 0);
	hz_log(HZ_LOG_INFO, "<1 x>");
	ck_assert_int_eq(each_line(is_whole), lines + 1);
}
END_TEST

static void *other_thread(void *arg)
{
	ck_assert_str_eq(hz_error_text(), "");
	ck_assert_uint_eq(hz_fail(3, "other %s", "thread"), 3);
	ck_assert_str_eq(hz_error_text(), "other thread");
	return arg;
}

START_TEST(reasons_are_per_thread)
{
	char *text = malloc(1001);
	pthread_t t;

	ck_assert_ptr_nonnull(text);
	errno = 17;
	ck_assert_uint_eq(hz_fail(0x80000001ul, "reason %d", 1), 0x80000001ul);
	ck_assert_int_eq(errno, 17);
	ck_assert_int_eq(pthread_create(&t, NULL, other_thread, NULL), 0);
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	ck_assert_str_eq(hz_error_text(), "reason 1");
	memset(text, 'y', 1000);
	text[1000] = '\0';
	(void)hz_fail(1, "%s", text);
	ck_assert_uint_eq(strlen(hz_error_text()), 255);
	hz_error_clear();
	ck_assert_str_eq(hz_error_text(), "");
	free(text);
}
END_TEST

START_TEST(forks_are_counted)
{
	unsigned gen;
	int st;
	pid_t pid;

	hz_fork_watch();
	hz_fork_watch();
	gen = hz_fork_gen();
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(hz_fork_gen() == gen + 1 ? 0 : 1);
	ck_assert(waitpid(pid, &st, 0) == pid && st == 0);
	ck_assert_uint_eq(hz_fork_gen(), gen);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *tc = tcase_create("all");
	SRunner *r;
	int bad;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, one_line_without_control_characters);
	tcase_add_test(tc, the_time_is_utc);
	tcase_add_test(tc, levels);
	tcase_add_test(tc, bad_sinks_leave_the_former);
	tcase_add_test(tc, long_lines_are_cut);
	tcase_add_test(tc, lines_stay_whole);
	tcase_add_test(tc, a_number_that_was_taken_over);
	tcase_add_test(tc, a_number_that_was_closed);
	tcase_add_test(tc, never_a_standard_stream);
	tcase_add_test(tc, closed_all_the_time);
	tcase_add_test(tc, reasons_are_per_thread);
	tcase_add_test(tc, forks_are_counted);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	return bad != 0;
}
