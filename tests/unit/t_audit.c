/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of the audit log: one chain by all threads and processes, kill -9, and whatever can be done to its files. */
#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <json-c/json.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/hmac.h"
#include "gov/audit.h"
#include "gov/audit_file.h"

static char dir[64], path[96], tail_path[96];
static uint8_t token_key[32];
static bool logged_in, kept_changed;
static uint8_t kept_value[64];
static size_t kept_len;

static int remove_one(const char *p, const struct stat *st, int flag, struct FTW *f)
{
	(void)st, (void)flag, (void)f;
	return remove(p);
}

static void setup(void)
{
	strcpy(dir, "/tmp/hz-audit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/deep/s1.audit", dir);
	snprintf(tail_path, sizeof tail_path, "%s/deep/s1.tail", dir);
	logged_in = kept_changed = false;
	kept_len = 0;
	memset(token_key, 7, sizeof token_key);
}

static void drop(size_t i);

static void teardown(void)
{
	for (size_t i = 0; i < 64; i++)
		drop(i);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool vouch(void *arg, const void *data, size_t len, uint8_t mac[32])
{
	struct hz_hmac h;

	(void)arg;
	hz_hmac_init(&h, HZ_SHA256, token_key, sizeof token_key);
	hz_hmac_update(&h, data, len);
	hz_hmac_final(&h, mac);
	return logged_in;
}

static CK_RV keep(void *arg, const uint8_t *p, size_t n)
{
	(void)arg;
	if (!logged_in)
		return CKR_USER_NOT_LOGGED_IN;
	memcpy(kept_value, p, n);
	kept_len = n;
	return CKR_OK;
}

static CK_RV kept(void *arg, uint8_t *p, size_t *n)
{
	(void)arg;
	if (!logged_in)
		return CKR_USER_NOT_LOGGED_IN;
	if (kept_changed)
		return CKR_SAVED_STATE_INVALID;
	memcpy(p, kept_value, kept_len);
	*n = kept_len;
	return CKR_OK;
}

static struct hz_audit *open_log(enum hz_audit_mode mode)
{
	char folder[96];
	struct hz_audit_conf conf = { .mode = mode, .dir = folder, .serial = "s1", .tier = 1, .slot = 1, .token = { vouch, keep, kept, NULL } };
	struct hz_audit *a;

	snprintf(folder, sizeof folder, "%s/deep", dir);
	ck_assert_uint_eq(hz_audit_new(&a, &conf), CKR_OK);
	return a;
}

static CK_RV put(struct hz_audit *a, const char *function, const char *reason)
{
	struct hz_audit_record r = { .function = function, .reason = reason, .result = reason != NULL ? CKR_FUNCTION_FAILED : CKR_OK };

	return hz_audit_write(a, &r);
}

static void put_many(struct hz_audit *a, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ck_assert_uint_eq(put(a, "C_Sign", NULL), CKR_OK);
}

/* ---- looking ---- */

static char said[4096];

static void hear(void *arg, const char *text)
{
	(void)arg;
	strncat(said, text, sizeof said - strlen(said) - 2);
	strcat(said, "\n");
}

static bool tail_now(struct hz_audit_tail *t)
{
	uint8_t raw[HZ_AUDIT_TAIL] = { 0 };
	FILE *f = fopen(tail_path, "r");
	bool good = f != NULL && fread(raw, 1, sizeof raw, f) != 0 && hz_audit_tail_read(raw, t);

	if (f != NULL)
		fclose(f);
	return good;
}

/* Findings; *n: records. */
static unsigned look(uint64_t *n)
{
	struct hz_audit_tail t;
	bool good = tail_now(&t);
	FILE *f = fopen(path, "r");
	unsigned wrong;

	ck_assert_ptr_nonnull(f);
	said[0] = '\0';
	wrong = hz_audit_look_through(f, good ? &t : NULL, n, hear, NULL);
	fclose(f);
	return wrong;
}

static void is_whole(uint64_t records)
{
	uint64_t n;

	ck_assert_msg(look(&n) == 0, "%s", said);
	ck_assert_uint_eq(n, records);
}

static uint64_t lines_now(void)
{
	uint64_t n;

	(void)look(&n);
	return n;
}

static void is_found(const char *what)
{
	uint64_t n;

	ck_assert_uint_gt(look(&n), 0);
	ck_assert_msg(strstr(said, what) != NULL, "not '%s' but: %s", what, said);
}

/* ---- the files as text ---- */

static char *lines[64];
static size_t n_lines;

static void drop(size_t i)
{
	free(lines[i]);
	lines[i] = NULL;
}

static void take_lines(void)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;

	ck_assert_ptr_nonnull(f);
	for (size_t i = 0; i < 64; i++)
		drop(i);
	for (n_lines = 0; n_lines < 64 && getline(&line, &room, f) > 0; n_lines++)
		lines[n_lines] = strdup(line);
	free(line);
	fclose(f);
}

static void put_lines(void)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	for (size_t i = 0; i < n_lines; i++)
		if (lines[i] != NULL)
			ck_assert_int_ge(fputs(lines[i], f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* A tail that goes with the log as it is, made by one who has no key. */
static void forge_tail(bool forget_vouched)
{
	struct hz_audit_tail t;
	uint8_t slot[256];
	uint32_t at;
	size_t n;
	int fd;

	ck_assert(tail_now(&t));
	take_lines();
	t.last = (struct hz_audit_end){ .seq = 0 };
	for (size_t i = 0; i < n_lines; i++)
		ck_assert(hz_audit_next(&t.last, lines[i], strlen(lines[i])));
	if (forget_vouched)
		t.vouched = (struct hz_audit_end){ .seq = 0 };
	else
		t.vouched = t.last;
	n = hz_audit_tail_write(&t, slot, &at);
	fd = open(tail_path, O_WRONLY | O_TRUNC);
	ck_assert_int_eq(pwrite(fd, slot, n, at), (ssize_t)n);
	close(fd);
}

/* ---- tests ---- */

START_TEST(a_record_says_what_it_is_given)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);
	uint8_t digest[32] = { 0xab };
	struct hz_audit_record r = {
		.function = "C_Sign", .user = "USER", .tenant = "acme", .mechanism = "CKM_ECDSA", .reason = "quote \" slash \\ line \n end",
		.key = { (const uint8_t *)"k-1", 3 }, .by = { (const uint8_t *)"\"\n", 2 }, .digest = digest, .has_length = true, .length = 5,
		.module = 2, .result = CKR_PIN_INCORRECT,
	};
	struct json_object *o;

	ck_assert_uint_eq(hz_audit_write(a, &r), CKR_OK);
	take_lines();
	ck_assert_uint_eq(n_lines, 1);
	o = json_tokener_parse(lines[0]);
	ck_assert(json_object_is_type(o, json_type_object));
#define IS(name, value) ck_assert_str_eq(json_object_get_string(json_object_object_get(o, name)), value)
	IS("seq", "1");
	IS("prev", "0000000000000000000000000000000000000000000000000000000000000000");
	IS("function", "C_Sign");
	IS("user", "USER");
	IS("tenant", "acme");
	IS("mechanism", "CKM_ECDSA");
	IS("reason", "quote \" slash \\ line \n end");
	IS("key", "k-1");
	IS("by", "220a");
	IS("sha256", "ab00000000000000000000000000000000000000000000000000000000000000");
	IS("length", "5");
	IS("module", "2");
	IS("tier", "1");
	IS("slot", "1");
	IS("result", "CKR_PIN_INCORRECT");
	json_object_put(o);
	is_whole(1);
	hz_audit_free(a);
}
END_TEST

START_TEST(the_longest_reason_fits)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);
	char reason[256];

	memset(reason, 1, sizeof reason - 1);
	reason[255] = '\0';
	ck_assert_uint_eq(put(a, "C_Sign", reason), CKR_OK);
	put_many(a, 1);
	is_whole(2);
	hz_audit_free(a);
}
END_TEST

static void *put_from_thread(void *a)
{
	put_many(a, 100);
	return NULL;
}

static void put_from_threads(void)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);
	pthread_t id[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&id[i], NULL, put_from_thread, a), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(id[i], NULL), 0);
	hz_audit_free(a);
}

START_TEST(threads_and_processes_make_one_chain)
{
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			put_from_threads();
			_exit(0);
		}
	}
	put_from_threads();
	for (int i = 0; i < 3; i++) {
		int status;

		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	is_whole(1600);
}
END_TEST

START_TEST(killed_writers_leave_a_whole_chain)
{
	unsigned seed = 1;
	uint64_t n, before = 0;

	for (int round = 0; round < 25; round++) {
		pid_t pid = fork();
		struct hz_audit *a;

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			a = open_log(HZ_AUDIT_ON);
			for (;;)
				(void)put(a, "C_Sign", NULL);
		}
		for (int ms = 0; ms < 20000 && (access(path, F_OK) != 0 || (look(&n), n <= before)); ms++)
			usleep(1000);
		usleep((useconds_t)rand_r(&seed) % 3000);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		a = open_log(HZ_AUDIT_ON);
		put_many(a, 1);
		hz_audit_free(a);
		ck_assert_msg(look(&n) == 0, "%s", said);
		ck_assert_uint_gt(n, before);
		before = n;
	}
}
END_TEST

START_TEST(an_unfinished_line_is_cut)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);
	FILE *f;

	put_many(a, 2);
	f = fopen(path, "a");
	fputs("{\"seq\":3,\"prev\":", f);
	fclose(f);
	put_many(a, 1);
	is_whole(3);
	hz_audit_free(a);
}
END_TEST

static void five(void)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);

	logged_in = true;
	ck_assert_uint_eq(put(a, "C_Login", NULL), CKR_OK);
	put_many(a, 4);
	hz_audit_free(a);
	is_whole(5);
	take_lines();
}

START_TEST(a_changed_record_is_found)
{
	five();
	memcpy(strstr(lines[2], "C_Sign"), "C_Seal", 6);
	put_lines();
	is_found("after record 3, byte");
	is_found("the record before the next one was changed");
}
END_TEST

START_TEST(a_missing_record_is_found)
{
	five();
	drop(2);
	put_lines();
	is_found("records are missing");
}
END_TEST

START_TEST(an_order_that_changed_is_found)
{
	char *one;

	five();
	one = lines[1];
	lines[1] = lines[2];
	lines[2] = one;
	put_lines();
	is_found("the order changed");
}
END_TEST

START_TEST(the_last_record_changed_is_found)
{
	five();
	memcpy(strstr(lines[4], "C_Sign"), "C_Seal", 6);
	put_lines();
	is_found("the last record that the tail knows of is not in the log");
}
END_TEST

START_TEST(a_cut_end_is_found_and_recorded)
{
	struct hz_audit *a;

	five();
	drop(4);
	put_lines();
	is_found("the tail knows of later records");
	a = open_log(HZ_AUDIT_ON);
	put_many(a, 1);
	hz_audit_free(a);
	is_found("it says: the log was cut");
	is_found("records are missing"); /* for good: the number of the cut one is not used again */
}
END_TEST

START_TEST(a_removed_log_is_recorded)
{
	struct hz_audit *a;

	five();
	ck_assert_int_eq(unlink(path), 0);
	a = open_log(HZ_AUDIT_ON);
	put_many(a, 1);
	hz_audit_free(a);
	is_found("it says: the log was cut");
}
END_TEST

START_TEST(a_removed_tail_is_recorded)
{
	struct hz_audit *a;

	five();
	ck_assert_int_eq(unlink(tail_path), 0);
	is_found("there is no good tail");
	a = open_log(HZ_AUDIT_ON);
	put_many(a, 1);
	hz_audit_free(a);
	is_found("it says: the tail was lost");
}
END_TEST

START_TEST(what_others_wrote_is_found_and_recorded)
{
	struct hz_audit *a;
	FILE *f;

	five();
	f = fopen(path, "a");
	fputs("{\"seq\":6,\"prev\":\"00\"}\n", f);
	fclose(f);
	is_found("a line that is no record");
	a = open_log(HZ_AUDIT_ON);
	put_many(a, 1);
	hz_audit_free(a);
	is_found("it says: something was written into the log");
}
END_TEST

/* A log that was cut, with a tail that goes with it: only the key tells. */
static void cut_and_forged(bool forget_vouched, const char *what)
{
	struct hz_audit *a;

	five();
	drop(4);
	drop(3);
	put_lines();
	forge_tail(forget_vouched);
	is_whole(3);
	a = open_log(HZ_AUDIT_ON);
	hz_audit_check(a);
	hz_audit_free(a);
	is_found(what);
}

START_TEST(a_forged_tail_is_found_at_login)
{
	cut_and_forged(false, "it says: the tail was not written by this token");
}
END_TEST

START_TEST(a_tail_that_forgot_is_found_at_login)
{
	cut_and_forged(true, "it says: the tail no longer knows what was written under a login");
}
END_TEST

static void copy(const char *from, const char *to)
{
	char cmd[300];

	snprintf(cmd, sizeof cmd, "cp -p '%s' '%s'", from, to);
	ck_assert_int_eq(system(cmd), 0);
}

START_TEST(an_old_tail_is_found)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);
	char old[160];

	logged_in = true;
	put_many(a, 3);
	snprintf(old, sizeof old, "%s/old", dir);
	copy(tail_path, old);
	put_many(a, 2);
	hz_audit_free(a);
	ck_assert_int_eq(rename(old, tail_path), 0);
	take_lines();
	memcpy(strstr(lines[1], "C_Sign"), "C_Seal", 6);
	put_lines();
	is_found("was changed");
}
END_TEST

START_TEST(a_login_that_agrees_says_nothing)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);

	logged_in = true;
	hz_audit_check(a);
	put_many(a, 3);
	logged_in = false;
	put_many(a, 2);
	logged_in = true;
	hz_audit_check(a);
	put_many(a, 1);
	hz_audit_free(a);
	is_whole(6);
}
END_TEST

/* The token was made anew: its key is another one, and says nothing of what was before. */
START_TEST(a_token_made_anew_is_no_finding)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);

	logged_in = true;
	ck_assert_uint_eq(put(a, "C_Login", NULL), CKR_OK);
	logged_in = false;
	ck_assert_uint_eq(put(a, "C_InitToken", NULL), CKR_OK);
	memset(token_key, 9, sizeof token_key);
	logged_in = true;
	hz_audit_check(a);
	hz_audit_free(a);
	is_whole(2);
}
END_TEST

START_TEST(a_log_put_away_is_begun_anew)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);
	char away[160], tail_away[160];

	put_many(a, 3);
	snprintf(away, sizeof away, "%s/old.audit", dir);
	snprintf(tail_away, sizeof tail_away, "%s/old.tail", dir);
	ck_assert_int_eq(rename(tail_path, tail_away), 0);
	ck_assert_int_eq(rename(path, away), 0);
	put_many(a, 2);
	hz_audit_free(a);
	is_found("record 3, which was written here, is not in the log"); /* whoever reads the new one is told of the old one */
	ck_assert_uint_eq(lines_now(), 3);
}
END_TEST

/* Both writers notice, whoever has the files open. */
START_TEST(a_tail_removed_below_writers)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON), *b = open_log(HZ_AUDIT_ON);

	put_many(a, 3);
	put_many(b, 3);
	ck_assert_int_eq(unlink(tail_path), 0);
	for (int i = 0; i < 5; i++) {
		put_many(b, 1);
		put_many(a, 1);
	}
	hz_audit_free(a);
	hz_audit_free(b);
	is_found("the tail was lost");
	ck_assert_uint_eq(lines_now(), 17);
}
END_TEST

/* Close the descriptors of the log and its tail, as a daemon closes whatever it does not know. */
static void close_behind(void)
{
	struct stat log, tail, st;
	int n = 0;

	ck_assert(stat(path, &log) == 0 && stat(tail_path, &tail) == 0);
	for (int fd = 3; fd < 256; fd++)
		if (fstat(fd, &st) == 0 && (st.st_ino == log.st_ino || st.st_ino == tail.st_ino))
			n += close(fd) == 0;
	ck_assert_int_eq(n, 2);
}

/* Then it opens files of its own. */
START_TEST(numbers_of_the_application)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);
	struct stat st;
	int own[16];

	put_many(a, 1);
	close_behind();
	for (size_t i = 0; i < 16; i++) {
		own[i] = open(dir, O_TMPFILE | O_RDWR, 0600);
		ck_assert_int_ge(own[i], 3);
	}
	put_many(a, 1);
	for (size_t i = 0; i < 16; i++)
		ck_assert(fstat(own[i], &st) == 0 && st.st_size == 0);
	close_behind();
	for (size_t i = 0; i < 16; i++) {
		close(own[i]);
		own[i] = open(dir, O_TMPFILE | O_RDWR, 0600);
	}
	hz_audit_free(a);
	for (size_t i = 0; i < 16; i++)
		ck_assert_int_eq(fstat(own[i], &st), 0);
	is_whole(2);
}
END_TEST

/* Check, too, writes into a file. */
static void lose(struct hz_audit *a, int n)
{
	struct rlimit small = { 600, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	int good = setrlimit(RLIMIT_FSIZE, &small) == 0;

	for (int i = 0; i < n; i++)
		good += put(a, "C_Sign", NULL) == CKR_OK;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
	ck_assert_int_eq(good, n + 1);
}

START_TEST(lost_records_are_told)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);

	put_many(a, 1);
	lose(a, 7);
	put_many(a, 1);
	is_found("7 records could not be written");
	ck_assert_uint_eq(lines_now(), 3);
	lose(a, 2);
	hz_audit_flush(a);
	hz_audit_free(a);
	is_found("2 records could not be written");
	ck_assert_uint_eq(lines_now(), 4);
}
END_TEST

/* Seconds are waited once, not for each of a hundred records. */
START_TEST(a_stopped_writer_stops_nobody)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);
	int fd;

	put_many(a, 1);
	fd = open(tail_path, O_RDWR);
	ck_assert(fd >= 0 && flock(fd, LOCK_EX) == 0);
	put_many(a, 100);
	close(fd);
	put_many(a, 1);
	hz_audit_free(a);
	is_found("100 records could not be written");
	ck_assert_uint_eq(lines_now(), 3);
}
END_TEST

/* A login begins: what the log says now. */
static void login_finds(const char *what)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);

	logged_in = true;
	hz_audit_check(a);
	hz_audit_free(a);
	is_found(what);
}

START_TEST(an_older_log_is_found)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);
	char old[160], old_tail[160];

	logged_in = true;
	put_many(a, 3);
	snprintf(old, sizeof old, "%s/old.audit", dir);
	snprintf(old_tail, sizeof old_tail, "%s/old.tail", dir);
	copy(path, old);
	copy(tail_path, old_tail);
	put_many(a, 3);
	hz_audit_keep(a);
	hz_audit_free(a);
	copy(old, path);
	copy(old_tail, tail_path);
	login_finds("record 6, which the store knows of, is not in the log");
	ck_assert_uint_eq(lines_now(), 4);
	a = open_log(HZ_AUDIT_ON);
	hz_audit_check(a);
	hz_audit_free(a);
	ck_assert_uint_eq(lines_now(), 4); /* told once */
}
END_TEST

/* Somebody without the PIN leaves the first line only, and makes a tail that fits: no HMAC is needed where nobody has logged in yet. */
START_TEST(a_log_cut_to_its_beginning_is_found)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);
	struct hz_audit_tail t = { .last = { .seq = 0 } };
	uint8_t raw[HZ_AUDIT_TAIL] = { 0 }, slot[256];
	uint32_t where;
	size_t n;
	int fd;

	ck_assert_uint_eq(put(a, "C_InitToken", NULL), CKR_OK);
	logged_in = true;
	hz_audit_check(a);
	ck_assert_uint_eq(put(a, "C_Login", NULL), CKR_OK);
	put_many(a, 5);
	hz_audit_keep(a);
	hz_audit_free(a);
	take_lines();
	ck_assert(hz_audit_next(&t.last, lines[0], strlen(lines[0])));
	n = hz_audit_tail_write(&t, slot, &where);
	memcpy(raw + where, slot, n);
	ck_assert_int_eq(truncate(path, (off_t)strlen(lines[0])), 0);
	fd = open(tail_path, O_WRONLY | O_TRUNC);
	ck_assert_int_eq(write(fd, raw, sizeof raw), sizeof raw);
	close(fd);
	is_whole(1); /* without the PIN nobody can tell */
	login_finds("record 7, which the store knows of");
}
END_TEST

START_TEST(what_the_store_knew_is_gone)
{
	struct hz_audit *a = open_log(HZ_AUDIT_ON);

	put_many(a, 1);
	hz_audit_free(a);
	kept_changed = true;
	login_finds("what the store knew of the log is gone or was changed");
}
END_TEST

START_TEST(nowhere_to_write)
{
	struct hz_audit_conf conf = { .mode = HZ_AUDIT_ON, .dir = NULL, .serial = "s1" };
	struct hz_audit *a;

	ck_assert_uint_eq(hz_audit_new(&a, &conf), CKR_OK);
	ck_assert_uint_eq(put(a, "C_Sign", NULL), CKR_OK);
	hz_audit_free(a);
	conf.mode = HZ_AUDIT_REQUIRED;
	ck_assert_uint_eq(hz_audit_new(&a, &conf), CKR_OK);
	ck_assert_uint_eq(hz_audit_ready(a), CKR_TOKEN_WRITE_PROTECTED);
	ck_assert_uint_eq(put(a, "C_Sign", NULL), CKR_TOKEN_WRITE_PROTECTED);
	hz_audit_free(a);
	conf.mode = HZ_AUDIT_OFF;
	ck_assert_uint_eq(hz_audit_new(&a, &conf), CKR_OK);
	ck_assert_ptr_null(a);
}
END_TEST

START_TEST(no_room)
{
	struct rlimit small = { 2048, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	struct hz_audit *a = open_log(HZ_AUDIT_REQUIRED);
	unsigned done = 0;

	ck_assert_uint_eq(hz_audit_ready(a), CKR_OK);
	put_many(a, 1);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	while (put(a, "C_Sign", NULL) == CKR_OK && done < 100)
		done++;
	ck_assert_uint_lt(done, 10);
	is_whole(1 + done); /* nothing is left of the one that did not fit */
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
	put_many(a, 1);
	is_whole(2 + done);
	hz_audit_free(a);
}
END_TEST

START_TEST(files_of_others_are_refused)
{
	struct hz_audit *a = open_log(HZ_AUDIT_REQUIRED);

	put_many(a, 1);
	hz_audit_free(a);
	ck_assert_int_eq(chmod(path, 0666), 0);
	a = open_log(HZ_AUDIT_REQUIRED);
	ck_assert_uint_eq(put(a, "C_Sign", NULL), CKR_DEVICE_ERROR);
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_uint_eq(put(a, "C_Sign", NULL), CKR_OK);
	hz_audit_free(a);
	ck_assert_int_eq(rename(path, tail_path), 0);
	ck_assert_int_eq(symlink(tail_path, path), 0);
	a = open_log(HZ_AUDIT_REQUIRED);
	ck_assert_uint_eq(put(a, "C_Sign", NULL), CKR_DEVICE_ERROR);
	hz_audit_free(a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("audit");
	TCase *tc = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, a_record_says_what_it_is_given);
	tcase_add_test(tc, the_longest_reason_fits);
	tcase_add_test(tc, threads_and_processes_make_one_chain);
	tcase_add_test(tc, killed_writers_leave_a_whole_chain);
	tcase_add_test(tc, an_unfinished_line_is_cut);
	tcase_add_test(tc, a_changed_record_is_found);
	tcase_add_test(tc, a_missing_record_is_found);
	tcase_add_test(tc, an_order_that_changed_is_found);
	tcase_add_test(tc, the_last_record_changed_is_found);
	tcase_add_test(tc, a_cut_end_is_found_and_recorded);
	tcase_add_test(tc, a_removed_log_is_recorded);
	tcase_add_test(tc, a_removed_tail_is_recorded);
	tcase_add_test(tc, what_others_wrote_is_found_and_recorded);
	tcase_add_test(tc, a_forged_tail_is_found_at_login);
	tcase_add_test(tc, a_tail_that_forgot_is_found_at_login);
	tcase_add_test(tc, an_old_tail_is_found);
	tcase_add_test(tc, a_login_that_agrees_says_nothing);
	tcase_add_test(tc, a_token_made_anew_is_no_finding);
	tcase_add_test(tc, a_log_put_away_is_begun_anew);
	tcase_add_test(tc, a_tail_removed_below_writers);
	tcase_add_test(tc, numbers_of_the_application);
	tcase_add_test(tc, lost_records_are_told);
	tcase_add_test(tc, a_stopped_writer_stops_nobody);
	tcase_add_test(tc, an_older_log_is_found);
	tcase_add_test(tc, a_log_cut_to_its_beginning_is_found);
	tcase_add_test(tc, what_the_store_knew_is_gone);
	tcase_add_test(tc, nowhere_to_write);
	tcase_add_test(tc, no_room);
	tcase_add_test(tc, files_of_others_are_refused);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
