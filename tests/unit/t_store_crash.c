/* SPDX-License-Identifier: Apache-2.0 */
/* A store under kill -9, many processes and threads, and fork: what was acknowledged is there, and nothing hangs. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "store/gen.h"
#include "store_util.h"
#include "../sanitized.h"

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The data object of a label from an unlogged store; false: it cannot be had. */
static bool there(struct hz_store *s, const char *label)
{
	struct hz_attrs t = HZ_ATTRS_INIT, out;
	uint64_t *ids = NULL;
	size_t n = 0;
	bool checked, ok;

	ck_ok(hz_attrs_set(&t, CKA_LABEL, label, strlen(label), false));
	ok = hz_store_find(s, &t, true, &ids, &n) == CKR_OK && n == 1;
	if (ok) {
		ok = hz_store_load(s, ids[0], &out, &checked) == CKR_OK && has_text(&out, CKA_VALUE, label);
		hz_attrs_free(&out);
	}
	free(ids);
	hz_attrs_free(&t);
	return ok;
}

static bool write_one(struct hz_store *s, const char *label)
{
	struct hz_attrs a;
	const struct hz_attrs *set = &a;
	uint64_t id;
	bool ok;

	make_data(&a, label);
	ok = hz_store_insert(s, &set, 1, &id) == CKR_OK;
	hz_attrs_free(&a);
	return ok;
}

/* Write objects until killed; each number goes into the pipe when its object is acknowledged. */
static void writer(int out, unsigned who)
{
	struct hz_store *s = open_store(true);

	for (uint32_t i = 0;; i++) {
		char label[32];
		uint32_t msg[2] = { who, i };

		(void)snprintf(label, sizeof label, "w%u-%u", who, i);
		if (!write_one(s, label) || write(out, msg, sizeof msg) != (ssize_t)sizeof msg)
			_exit(1);
	}
}

static size_t read_acks(int in, uint32_t (*acks)[2], size_t max)
{
	size_t n = 0;

	while (n < max && read(in, acks[n], sizeof acks[n]) == (ssize_t)sizeof acks[n])
		n++;
	return n;
}

START_TEST(kill_at_any_point)
{
	enum { MAX = 200000 };
	uint32_t (*acks)[2] = calloc(MAX, sizeof *acks);
	size_t total = 0, got;
	unsigned who = 0, seed = (unsigned)time(NULL), life = 60000; /* microseconds; longer where the disk is slow */
	double start = now();
	struct hz_store *s;

	ck_assert_ptr_nonnull(acks);
	while (now() < start + 4.0 || (total <= 50 && now() < start + 40.0)) {
		int fd[2];
		pid_t pid[2];

		ck_assert_int_eq(pipe(fd), 0);
		for (int i = 0; i < 2; i++) {
			who++;
			pid[i] = fork();
			ck_assert_int_ge(pid[i], 0);
			if (pid[i] == 0)
				writer(fd[1], who);
		}
		(void)close(fd[1]);
		for (int i = 0; i < 2; i++) {
			(void)usleep((useconds_t)rand_r(&seed) % life);
			ck_assert_int_eq(kill(pid[i], SIGKILL), 0);
		}
		got = read_acks(fd[0], acks + total, MAX - total);
		total += got;
		if (got < 2 && life < 1000000)
			life *= 2;
		(void)close(fd[0]);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(waitpid(pid[i], NULL, 0), pid[i]);
	}
	ck_assert_uint_gt(total, 50);
	s = open_store(true);
	for (size_t i = 0; i < total; i++) {
		char label[32];

		(void)snprintf(label, sizeof label, "w%u-%u", acks[i][0], acks[i][1]);
		ck_assert_msg(there(s, label), "%s was acknowledged and is lost", label);
	}
	hz_store_free(s);
	free(acks);
}
END_TEST

enum { PROCS = 4, THREADS = 4, EACH = 15 };

struct worker {
	struct hz_store *s;
	int proc, thread;
	bool ok;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	char label[32];

	w->ok = true;
	for (int i = 0; i < EACH && w->ok; i++) {
		uint64_t gen = hz_store_generation(w->s);

		(void)snprintf(label, sizeof label, "p%d-t%d-%d", w->proc, w->thread, i);
		w->ok = write_one(w->s, label) && hz_store_generation(w->s) != gen && there(w->s, label);
	}
	if (!w->ok)
		(void)fprintf(stderr, "%s: %s\n", label, hz_error_text());
	return NULL;
}

static int run_threads(struct hz_store *s, int proc)
{
	struct worker w[THREADS];
	pthread_t t[THREADS];
	int bad = 0;

	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .s = s, .proc = proc, .thread = i };
		if (pthread_create(&t[i], NULL, work, &w[i]) != 0)
			return 1;
	}
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(t[i], NULL);
		bad += !w[i].ok;
	}
	return bad;
}

START_TEST(processes_and_threads)
{
	struct hz_attrs t = HZ_ATTRS_INIT;
	struct hz_store *s = open_store(true);

	for (int p = 0; p < PROCS; p++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			struct hz_store *mine = open_store(true);
			int bad = run_threads(mine, p);

			hz_store_free(mine);
			_exit(bad);
		}
	}
	for (int p = 0; p < PROCS; p++) {
		int st;

		ck_assert_int_gt(wait(&st), 0);
		ck_assert_int_eq(st, 0);
	}
	ck_assert_uint_eq(count_found(s, &t, true, NULL), PROCS * THREADS * EACH);
	hz_store_free(s);
}
END_TEST

static atomic_bool stop;

static void *keep_busy(void *arg)
{
	struct hz_store *s = arg;
	char label[32];

	for (int i = 0; !stop; i++) {
		(void)snprintf(label, sizeof label, "busy-%p-%d", (void *)&i, i);
		if (!write_one(s, label) || !there(s, label))
			abort();
	}
	return NULL;
}

/* In the child: the parent's store, then a new one. */
static void child_uses_store(struct hz_store *s, uint64_t key, int n)
{
	struct hz_attrs out;
	struct hz_store *mine;
	char label[32];
	bool checked;

	(void)signal(SIGALRM, SIG_DFL); /* Check's handler kills the process group */
	(void)alarm(60);
	(void)snprintf(label, sizeof label, "child-%d", n);
	if (key != 0 && hz_store_load(s, key, &out, &checked) != CKR_USER_NOT_LOGGED_IN)
		_exit(2); /* the login is not inherited */
	if (!write_one(s, label) || !there(s, label))
		_exit(3);
	hz_store_abandon(s);
	mine = open_store(key == 0);
	if (!there(mine, label))
		_exit(4);
	if (key != 0 && (hz_store_login(mine, false, bytes(USER_PIN), strlen(USER_PIN), true) != CKR_OK ||
			 hz_store_load(mine, key, &out, &checked) != CKR_OK || !checked))
		_exit(5);
	if (key != 0)
		hz_attrs_free(&out);
	hz_store_free(mine);
	_exit(0);
}

/* The threads say nothing to Check (store_util.h). */
START_TEST(fork_while_threads_write)
{
	int children = is_sanitized() ? 0 : 20; /* a sanitizer does not survive the fork of a busy process */
	struct hz_store *s = open_store(true);
	pthread_t t[3];

	ck_assert(write_one(s, "first"));
	stop = false;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, keep_busy, s), 0);
	for (int i = 0; i < children; i++) {
		int st;
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			child_uses_store(s, 0, i);
		ck_assert_int_eq(waitpid(pid, &st, 0), pid);
		ck_assert_int_eq(st, 0);
	}
	if (children == 0)
		(void)usleep(100000);
	stop = true;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(t[i], NULL), 0);
	hz_store_free(s);
}
END_TEST

START_TEST(fork_drops_the_login)
{
	struct hz_store *s = ready_store();
	struct hz_attrs a, out;
	uint64_t id;
	bool checked;
	int st;
	pid_t pid;

	make_key(&a, "k", "i");
	id = put(s, &a);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		child_uses_store(s, id, 0);
	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	ck_assert_int_eq(st, 0);
	ck_ok(hz_store_load(s, id, &out, &checked)); /* and the parent keeps it */
	ck_assert(checked);
	hz_attrs_free(&out);
	hz_store_free(s);
}
END_TEST

/* The parent of a daemon ends, and closes its store, while the daemon writes; a third process comes and goes. */
START_TEST(daemon_outlives_its_parent)
{
	struct hz_store *s;
	int fd[2], st;
	char c;
	pid_t pid;

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		s = open_store(true);
		(void)write_one(s, "parent");
		if (fork() != 0) {
			hz_store_free(s);
			_exit(0);
		}
		for (int i = 0; i < 50; i++) {
			char label[16];

			(void)snprintf(label, sizeof label, "d%d", i);
			if (!write_one(s, label))
				_exit(1);
			(void)usleep(2000);
		}
		(void)(write(fd[1], "x", 1) + 1);
		_exit(0); /* without closing: the log must be enough */
	}
	(void)close(fd[1]);
	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	for (int i = 0; i < 20; i++) {
		s = open_store(true);
		ck_assert(there(s, "parent"));
		hz_store_free(s);
		(void)usleep(3000);
	}
	ck_assert_int_eq(read(fd[0], &c, 1), 1);
	(void)close(fd[0]);
	s = open_store(true);
	for (int i = 0; i < 50; i++) {
		char label[16];

		(void)snprintf(label, sizeof label, "d%d", i);
		ck_assert_msg(there(s, label), "%s is lost", label);
	}
	hz_store_free(s);
}
END_TEST

/* The machine may hold a call up for any time, but not every one of ten: the first that takes less than `bound`, else the last. */
static double soon(bool (*call)(struct hz_store *, const char *), bool want, struct hz_store *s, const char *label, double bound, int tries)
{
	double t = bound;

	for (int i = 0; i < tries && t >= bound; i++) {
		t = now();
		ck_assert(call(s, label) == want);
		t = now() - t;
	}
	return t;
}

/* Somebody sits on the write lock: callers get an answer within bounds, and readers, who would wait as long as writers, do not wait. */
START_TEST(a_busy_database_is_an_answer)
{
	struct hz_store *s = open_store(true);
	sqlite3 *db;
	double t;

	ck_assert(write_one(s, "x"));
	ck_assert_int_eq(sqlite3_open(test_db, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	t = soon(there, true, s, "x", 2.0, 10);
	ck_assert_msg(t < 2.0, "%f s", t);
	t = soon(write_one, false, s, "y", 20.0, 4);
	ck_assert_msg(t > 5.0 && t < 20.0, "%f s", t);
	ck_assert_int_eq(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	ck_assert(write_one(s, "y"));
	(void)sqlite3_close(db);
	hz_store_free(s);
}
END_TEST

/* A writer died between the two raises of the counter: nobody trusts a cached answer meanwhile. */
START_TEST(a_dead_writer_and_the_generation)
{
	struct hz_store *s = open_store(true);
	char path[160];
	uint64_t words[3], a, b;
	FILE *f;

	ck_assert(write_one(s, "x"));
	a = hz_store_generation(s);
	ck_assert_uint_eq(hz_store_generation(s), a);
	(void)snprintf(path, sizeof path, "%s/s/%s.gen", test_dir, SERIAL);
	f = fopen(path, "r+b");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fread(words, 8, 3, f), 3);
	words[1] = 1;
	rewind(f);
	ck_assert_uint_eq(fwrite(words, 8, 3, f), 3);
	ck_assert_int_eq(fflush(f), 0);
	a = hz_store_generation(s);
	b = hz_store_generation(s);
	ck_assert_uint_ne(a, b);
	words[0] = b;
	words[2] = UINT64_MAX; /* begun before the machine was restarted */
	rewind(f);
	ck_assert_uint_eq(fwrite(words, 8, 3, f), 3);
	ck_assert_int_eq(fclose(f), 0);
	(void)hz_store_generation(s);
	a = hz_store_generation(s);
	ck_assert_uint_eq(hz_store_generation(s), a);
	hz_store_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store crash");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, store_setup, store_teardown);
	tcase_add_test(tc, kill_at_any_point);
	tcase_add_test(tc, processes_and_threads);
	tcase_add_test(tc, fork_while_threads_write);
	tcase_add_test(tc, fork_drops_the_login);
	tcase_add_test(tc, daemon_outlives_its_parent);
	tcase_add_test(tc, a_busy_database_is_an_answer);
	tcase_add_test(tc, a_dead_writer_and_the_generation);
	suite_add_tcase(s, tc);
	return run_case(s);
}
