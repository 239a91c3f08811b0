/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of the nonce memory: once only, across threads, processes, kill -9 and machine stops; forgetting; damage. */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "store/nonce.h"

#define BOOT_A "aaaaaaaa-aaaa-4aaa-aaaa-aaaaaaaaaaaa"
#define BOOT_B "bbbbbbbb-bbbb-4bbb-bbbb-bbbbbbbbbbbb"
#define BOOT_C "cccccccc-cccc-4ccc-cccc-cccccccccccc"

static const uint64_t T0 = 1763700000;
static const uint8_t scope_a[32] = { 1 }, scope_b[32] = { 2 };
static char dir[128], folder[160];

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st, (void)flag, (void)f;
	return remove(path);
}

static void setup(void)
{
	strcpy(dir, "/tmp/hz-nonce-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(folder, sizeof folder, "%s/deep/memory", dir);
}

static void teardown(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct hz_nonce *memory(const char *boot, uint64_t ttl)
{
	struct hz_nonce_conf conf = { .dir = folder, .ttl = ttl, .boot_id = boot };
	struct hz_nonce *nm;

	ck_assert_uint_eq(hz_nonce_new(&nm, &conf), CKR_OK);
	return nm;
}

static void number(uint8_t once[32], uint64_t n)
{
	memset(once, 0, 32);
	memcpy(once, &n, sizeof n);
}

static CK_RV rec(struct hz_nonce *nm, const uint8_t *scope, uint64_t n, uint64_t ts, uint64_t now)
{
	uint8_t once[32];

	number(once, n);
	return hz_nonce_record(nm, scope, once, ts, now);
}

/* Calls fn with every file of the folder whose name ends so. */
static void each_file(const char *ending, void (*fn)(const char *path, void *arg), void *arg)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	char path[512];

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name), m = strlen(ending);

		if (e->d_name[0] == '.' || n < m || strcmp(e->d_name + n - m, ending) != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		fn(path, arg);
	}
	closedir(d);
}

/* Places of 16 bytes that are taken, behind the 4096 bytes of a log's header. */
static void add_records(const char *path, void *sum)
{
	static const uint8_t none[16];
	uint8_t record[16];
	FILE *f = fopen(path, "rb");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fseek(f, 4096, SEEK_SET), 0);
	while (fread(record, sizeof record, 1, f) == 1)
		*(uint64_t *)sum += memcmp(record, none, sizeof none) != 0;
	fclose(f);
}

static uint64_t records(void)
{
	uint64_t n = 0;

	each_file(".log", add_records, &n);
	return n;
}

START_TEST(test_once)
{
	struct hz_nonce *nm = memory(NULL, 3600);

	ck_assert_uint_eq(rec(nm, scope_a, 1, T0, T0), CKR_OK);
	ck_assert_uint_eq(rec(nm, scope_a, 1, T0, T0), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(nm, scope_a, 1, T0 + 5, T0), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(nm, scope_a, 1, T0 - 3600, T0), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(nm, scope_a, 1, T0 + 60, T0 + 60), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(nm, scope_b, 1, T0, T0), CKR_OK);
	ck_assert_uint_eq(rec(nm, scope_a, 2, T0, T0), CKR_OK);
	hz_nonce_free(nm);
	nm = memory(NULL, 3600);
	ck_assert_uint_eq(rec(nm, scope_a, 1, T0 + 10, T0 + 10), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(nm, scope_b, 1, T0, T0 + 10), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(nm, scope_b, 2, T0, T0 + 10), CKR_OK);
	ck_assert_uint_eq(records(), 4);
	hz_nonce_free(nm);
}
END_TEST

/* Enough for several tables in a bucket and several buckets. */
START_TEST(test_growth)
{
	struct hz_nonce *nm = memory(NULL, 3600);
	const uint64_t n = 60000;

	for (uint64_t i = 0; i < n; i++)
		ck_assert_uint_eq(rec(nm, scope_a, i, T0 - i % 3000, T0), CKR_OK);
	hz_nonce_free(nm);
	nm = memory(NULL, 3600);
	for (uint64_t i = 0; i < n; i++)
		ck_assert_uint_eq(rec(nm, scope_a, i, T0 - (i + 7) % 3000, T0), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(records(), n);
	hz_nonce_free(nm);
}
END_TEST

static void add_one(const char *path, void *sum)
{
	(void)path;
	++*(unsigned *)sum;
}

static unsigned files(void)
{
	unsigned n = 0;

	each_file("", add_one, &n);
	return n;
}

START_TEST(test_forgetting)
{
	struct hz_nonce *nm = memory(NULL, 1000);
	uint64_t now;

	ck_assert_uint_eq(rec(nm, scope_a, 1, T0, T0), CKR_OK);
	/* The very last second, and the first after it: exact, although the table lives on. */
	ck_assert_uint_eq(rec(nm, scope_a, 1, T0 + 1060, T0 + 1060), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(nm, scope_a, 1, T0 + 1061, T0 + 1061), CKR_OK);
	ck_assert_uint_eq(rec(nm, scope_a, 1, T0 + 1061, T0 + 1061), CKR_FUNCTION_REJECTED);
	/* A long time: the number of files and of records stays bounded. */
	for (now = T0; now < T0 + 40000; now += 10)
		ck_assert_uint_eq(rec(nm, scope_b, now, now, now), CKR_OK);
	ck_assert_uint_le(files(), 1 + 2 * 11);
	ck_assert_uint_le(records(), 150);
	/* What was dropped cannot come back, even for a clock that was set back. */
	ck_assert_uint_eq(rec(nm, scope_b, T0, T0, T0), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(nm, scope_b, 99, T0 + 100, T0 + 100), CKR_FUNCTION_REJECTED);
	hz_nonce_free(nm);
	/* Nor for a longer time to live. */
	nm = memory(NULL, 100000);
	ck_assert_uint_eq(rec(nm, scope_b, T0, T0, now), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(nm, scope_b, now - 10, now, now), CKR_FUNCTION_REJECTED);
	hz_nonce_free(nm);
}
END_TEST

struct race {
	struct hz_nonce *nm;
	uint64_t salt, won;
	bool spread; /* different timestamps for the same nonce */
};

enum { RACES = 20000, RACERS = 6 };

static void *run_race(void *arg)
{
	struct race *r = arg;

	for (uint64_t i = 0; i < RACES; i++)
		r->won += rec(r->nm, scope_a, i, r->spread ? T0 - r->salt * 400 : T0, T0) == CKR_OK;
	return NULL;
}

static uint64_t race_threads(bool spread)
{
	struct hz_nonce *nm = memory(NULL, 3600);
	struct race r[RACERS];
	pthread_t t[RACERS];
	uint64_t won = 0;

	for (unsigned i = 0; i < RACERS; i++) {
		r[i] = (struct race){ .nm = nm, .salt = i, .spread = spread };
		ck_assert_int_eq(pthread_create(&t[i], NULL, run_race, &r[i]), 0);
	}
	for (unsigned i = 0; i < RACERS; i++) {
		pthread_join(t[i], NULL);
		won += r[i].won;
	}
	for (uint64_t i = 0; i < RACES; i++)
		ck_assert_uint_eq(rec(nm, scope_a, i, T0, T0), CKR_FUNCTION_REJECTED);
	hz_nonce_free(nm);
	return won;
}

START_TEST(test_threads)
{
	uint64_t won = race_threads(false);

	/* Two who race across the growth of a table may both lose; nobody wins twice. */
	ck_assert_uint_le(won, RACES);
	ck_assert_uint_ge(won, RACES - 20);
}
END_TEST

START_TEST(test_threads_with_different_timestamps)
{
	ck_assert_uint_le(race_threads(true), RACES);
}
END_TEST

struct board {
	_Atomic uint32_t wins[RACES];
	_Atomic uint32_t go;
};

/* Several processes sign the same nonces, a nonce now and then killed in the middle; what a process won it has put on the board before. */
static void racer(struct board *b, unsigned who, unsigned die_after)
{
	struct hz_nonce *nm = memory(BOOT_A, 3600);

	while (atomic_load(&b->go) == 0)
		usleep(100);
	for (uint64_t i = 0; i < RACES; i++) {
		uint64_t n = (i + who * 1000) % RACES;

		if (rec(nm, scope_a, n, T0 - who % 2, T0) == CKR_OK)
			atomic_fetch_add(&b->wins[n], 1);
		if (i == die_after)
			kill(getpid(), SIGKILL);
	}
	hz_nonce_free(nm);
	_exit(0);
}

START_TEST(test_processes_and_kill)
{
	struct board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[RACERS];
	unsigned won = 0;
	struct hz_nonce *nm;

	ck_assert(b != MAP_FAILED);
	for (unsigned i = 0; i < RACERS; i++) {
		pid[i] = fork();
		ck_assert_int_ge(pid[i], 0);
		if (pid[i] == 0)
			racer(b, i, i < RACERS / 2 ? 500 + i * 3000 : RACES);
	}
	atomic_store(&b->go, 1);
	for (unsigned i = 0; i < RACERS; i++)
		ck_assert_int_eq(waitpid(pid[i], NULL, 0), pid[i]);
	nm = memory(BOOT_A, 3600);
	for (unsigned i = 0; i < RACES; i++) {
		unsigned n = atomic_load(&b->wins[i]);

		ck_assert_uint_le(n, 1);
		won += n;
		if (n == 1)
			ck_assert_uint_eq(rec(nm, scope_a, i, T0, T0), CKR_FUNCTION_REJECTED);
	}
	ck_assert_uint_ge(won, RACES - 100);
	hz_nonce_free(nm);
	munmap(b, sizeof *b);
}
END_TEST

/* Killed at a random instant, many times over: the parent, not the child, judges which nonces are taken. */
START_TEST(test_kill_at_any_time)
{
	uint64_t *last = mmap(NULL, sizeof *last, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t from = 0;

	ck_assert(last != MAP_FAILED);
	for (unsigned round = 0; round < 15; round++) {
		struct hz_nonce *nm;
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			nm = memory(BOOT_A, 3600);
			for (uint64_t i = from;; i++) {
				if (rec(nm, scope_a, i, T0 + i % 7, T0) != CKR_OK)
					_exit(1);
				*(volatile uint64_t *)last = i + 1;
			}
		}
		for (unsigned ms = 0; *(volatile uint64_t *)last < from + 20 && ms < 10000; ms++)
			usleep(1000); /* a slow machine gets the time for some records first */
		usleep(round * 1777);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		nm = memory(BOOT_A, 3600);
		for (uint64_t i = from; i < *last; i++)
			ck_assert_uint_eq(rec(nm, scope_a, i, T0, T0), CKR_FUNCTION_REJECTED);
		from = *last + 1; /* one may have been recorded without being reported */
		hz_nonce_free(nm);
	}
	ck_assert_uint_ge(from, 15 * 20);
	munmap(last, sizeof *last);
}
END_TEST

/* Leave without marking clean, as a process that dies. */
static void crash(struct hz_nonce *nm)
{
	hz_nonce_abandon(nm);
}

START_TEST(test_unclean_stop)
{
	struct hz_nonce *nm = memory(BOOT_A, 3600);

	ck_assert_uint_eq(rec(nm, scope_a, 1, T0, T0), CKR_OK);       /* raises the mark to T0 */
	ck_assert_uint_eq(rec(nm, scope_a, 2, T0 - 100, T0), CKR_OK);
	ck_assert_uint_eq(rec(nm, scope_a, 3, T0 + 1, T0 + 1), CKR_OK);
	crash(nm);
	nm = memory(BOOT_A, 3600); /* the same boot: nothing is lost */
	ck_assert_uint_eq(rec(nm, scope_a, 4, T0 - 100, T0 + 1), CKR_OK);
	crash(nm);
	nm = memory(BOOT_B, 3600);
	for (uint64_t ts = T0 - 200; ts <= T0 + 1; ts++)
		ck_assert_uint_eq(rec(nm, scope_a, 1000 + ts, ts, T0 + 30), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(nm, scope_a, 1, T0 + 2, T0 + 30), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(nm, scope_a, 5, T0 + 2, T0 + 30), CKR_OK);
	hz_nonce_free(nm);
	nm = memory(BOOT_C, 3600); /* a clean stop: all timestamps stay open, all nonces known */
	ck_assert_uint_eq(rec(nm, scope_a, 6, T0 + 2, T0 + 40), CKR_OK);
	ck_assert_uint_eq(rec(nm, scope_a, 5, T0 + 2, T0 + 40), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(nm, scope_a, 7, T0 + 1, T0 + 40), CKR_FUNCTION_REJECTED); /* the floor is for good */
	hz_nonce_free(nm);
}
END_TEST

/* While a second user has it open, the first to leave must not mark it clean. */
START_TEST(test_only_the_last_user_marks_clean)
{
	struct hz_nonce *a = memory(BOOT_A, 3600), *b = memory(BOOT_A, 3600);

	ck_assert_uint_eq(rec(a, scope_a, 1, T0, T0), CKR_OK);
	ck_assert_uint_eq(rec(b, scope_a, 2, T0, T0), CKR_OK);
	hz_nonce_free(a);
	crash(b);
	a = memory(BOOT_B, 3600);
	ck_assert_uint_eq(rec(a, scope_a, 3, T0, T0), CKR_FUNCTION_REJECTED);
	hz_nonce_free(a);
}
END_TEST

static void copy_folder(const char *to)
{
	char cmd[4400];

	snprintf(cmd, sizeof cmd, "cp -a '%s' '%s'", folder, to);
	ck_assert_int_eq(system(cmd), 0);
}

/* The newest sequence number in the two slots of the state: it grows with every sync. */
static uint64_t syncs(void)
{
	char path[192];
	uint8_t seq[8];
	uint64_t newest = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/state", folder);
	f = fopen(path, "rb");
	ck_assert_ptr_nonnull(f);
	for (long slot = 8192; slot <= 16384; slot += 8192) {
		uint64_t n = 0;

		ck_assert_int_eq(fseek(f, slot + 8, SEEK_SET), 0); /* behind "HZNONCE1" */
		ck_assert_uint_eq(fread(seq, 1, sizeof seq, f), sizeof seq);
		for (size_t i = 0; i < sizeof seq; i++)
			n = n << 8 | seq[i];
		newest = n > newest ? n : newest;
	}
	fclose(f);
	return newest;
}

enum { SNAPS = 20, PER_SNAP = 40 };

/* The folder after a sync, and which records were made between it and the next one. */
struct snap {
	char path[192];
	unsigned first, last;
};

static void take(struct snap *s, unsigned number, unsigned first)
{
	snprintf(s->path, sizeof s->path, "%s/snap%u", dir, number);
	copy_folder(s->path);
	s->first = first;
}

/*
 * The disk as it was after any sync, found by the next boot: nothing recorded since may be signed again. A sync is forced by what
 * comes later than the last one allows, which happens often enough while the clock moves on.
 */
START_TEST(test_what_a_power_cut_loses_stays_refused)
{
	struct hz_nonce *nm = memory(BOOT_A, 600);
	uint64_t now = T0, ts[SNAPS * PER_SNAP], seq;
	struct snap snap[SNAPS];
	unsigned snaps = 0, tried = 0;
	char real[160];

	srand(7);
	ck_assert_uint_eq(rec(nm, scope_b, 0, now, now), CKR_OK);
	take(&snap[0], 0, 0);
	seq = syncs();
	for (unsigned n = 0; snaps < SNAPS; n++) {
		ck_assert_uint_lt(n, SNAPS * PER_SNAP);
		now += (uint64_t)(rand() % 3);
		ts[n] = now - 300 + (uint64_t)(rand() % 361);
		ck_assert_uint_eq(rec(nm, scope_a, n, ts[n], now), CKR_OK);
		if (syncs() == seq)
			continue;
		seq = syncs();
		snap[snaps++].last = n;
		if (snaps < SNAPS)
			take(&snap[snaps], snaps, n + 1);
	}
	crash(nm);
	strcpy(real, folder);
	for (unsigned s = 0; s < snaps; s++) {
		snprintf(folder, sizeof folder, "%.150s", snap[s].path);
		nm = memory(BOOT_B, 600);
		for (unsigned i = snap[s].first; i < snap[s].last; i++, tried++)
			ck_assert_uint_eq(rec(nm, scope_a, i, ts[i], now), CKR_FUNCTION_REJECTED);
		hz_nonce_free(nm);
	}
	ck_assert_uint_gt(tried, 5 * SNAPS);
	strcpy(folder, real);
}
END_TEST

struct flip {
	long at;
	bool done;
};

static void flip_one(const char *path, void *arg)
{
	struct flip *flip = arg;
	FILE *f = fopen(path, "r+b");
	int c;

	ck_assert_ptr_nonnull(f);
	fseek(f, flip->at, SEEK_SET);
	c = fgetc(f);
	if (c != EOF) {
		fseek(f, flip->at, SEEK_SET);
		fputc(c ^ 0x40, f);
		flip->done = true;
	}
	fclose(f);
}

/* Change one byte of a file of the folder whose name ends so; false when the file is shorter. */
static bool flip(const char *ending, long at)
{
	struct flip f = { .at = at };

	each_file(ending, flip_one, &f);
	return f.done;
}

/* A memory with three records in one table, closed. */
static void three(void)
{
	struct hz_nonce *nm = memory(BOOT_A, 3600);

	for (uint64_t i = 0; i < 3; i++)
		ck_assert_uint_eq(rec(nm, scope_a, i, T0, T0), CKR_OK);
	hz_nonce_free(nm);
}

static CK_RV try_boot(const char *boot)
{
	struct hz_nonce *nm = memory(boot, 3600);
	CK_RV rv = rec(nm, scope_a, 77, T0, T0);

	hz_nonce_free(nm);
	return rv;
}

START_TEST(test_damage)
{
	static const struct { const char *file; long at; } both_slots[] = { { "state", 8192 }, { "state", 8300 }, { "state", 8192 + 40 } };
	unsigned found = 0;

	three();
	for (size_t i = 0; i < 3; i++) {
		ck_assert(flip("state", both_slots[i].at) && flip("state", both_slots[i].at + 8192));
		ck_assert_uint_eq(try_boot(BOOT_A), CKR_DEVICE_ERROR);
		ck_assert_ptr_nonnull(strstr(hz_error_text(), "damaged"));
		ck_assert(flip("state", both_slots[i].at) && flip("state", both_slots[i].at + 8192));
	}
	for (long at = 0; at < 65; at += 8) {
		ck_assert(flip(".log", at));
		ck_assert_uint_eq(try_boot(BOOT_A), CKR_DEVICE_ERROR);
		ck_assert(flip(".log", at));
	}
	for (long at = 4096; at < 4096 + 48; at++) { /* found when the index is made anew, but for one change in 4095 */
		ck_assert(flip(".log", at));
		found += try_boot(BOOT_B) == CKR_DEVICE_ERROR;
		ck_assert(flip(".log", at));
	}
	ck_assert_uint_ge(found, 45);
	ck_assert_uint_ne(try_boot(BOOT_A), CKR_DEVICE_ERROR);
}
END_TEST

START_TEST(test_missing_and_cut_files)
{
	char cmd[1024];

	three();
	snprintf(cmd, sizeof cmd, "cp -a '%s' '%s.good'", folder, folder);
	ck_assert_int_eq(system(cmd), 0);
	static const char *const harm[] = {
		"rm '%s'/*.log", "rm '%s'/state", "truncate -s -16 '%s'/*.log", "truncate -s +4096 '%s'/*.log", "truncate -s 4096 '%s'/state",
		"truncate -s -8 '%s'/*.idx", "rm '%s'/*.log; ln -s /dev/zero '%s'/x.log", "mv '%s'/state '%s'/s; ln -s s '%s'/state",
		"chmod 0777 '%s'", "dd if=/dev/zero of='%s'/state bs=4096 count=6 conv=notrunc status=none",
	};
	for (size_t i = 0; i < sizeof harm / sizeof harm[0]; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(cmd, sizeof cmd, harm[i], folder, folder, folder);
#pragma GCC diagnostic pop
		ck_assert_int_eq(system(cmd), 0);
		ck_assert_msg(try_boot(BOOT_A) == CKR_DEVICE_ERROR, "%s", cmd);
		snprintf(cmd, sizeof cmd, "rm -r '%s' && cp -a '%s.good' '%s'", folder, folder, folder);
		ck_assert_int_eq(system(cmd), 0);
	}
	ck_assert_uint_eq(try_boot(BOOT_A), CKR_OK);
}
END_TEST

/* One slot of the state torn: the other one serves. */
START_TEST(test_torn_slot)
{
	three();
	ck_assert(flip("state", 8200));
	ck_assert_uint_eq(try_boot(BOOT_A), CKR_OK);
	ck_assert(flip("state", 16392));
	ck_assert_uint_eq(try_boot(BOOT_A), CKR_FUNCTION_REJECTED);
}
END_TEST

/* A table whose creator died before anybody was told of it is swept away; its number is used again. */
START_TEST(test_leftover_files)
{
	char cmd[1024];

	three();
	snprintf(cmd, sizeof cmd, "touch '%s'/0000000000000002.log '%s'/0000000000000002.idx '%s'/000000000000ffff.log", folder, folder, folder);
	ck_assert_int_eq(system(cmd), 0);
	ck_assert_uint_eq(try_boot(BOOT_A), CKR_OK);
	ck_assert_uint_eq(files(), 3);
}
END_TEST

START_TEST(test_full_disk)
{
	char cmd[1024];
	struct hz_nonce *nm;
	CK_RV rv = CKR_OK;
	uint64_t n = 0;

	snprintf(cmd, sizeof cmd, "mkdir -p '%s' && mount -t tmpfs -o size=400k,mode=0700 none '%s' 2>/dev/null", folder, folder);
	if (geteuid() != 0 || system(cmd) != 0) {
		puts("skip: the full disk needs a file system of its own");
		return;
	}
	nm = memory(NULL, 3600);
	while (rv == CKR_OK && n < 100000)
		rv = rec(nm, scope_a, n++, T0, T0);
	ck_assert_uint_eq(rv, CKR_DEVICE_MEMORY);
	ck_assert_uint_gt(n, 1000);
	ck_assert_uint_eq(rec(nm, scope_a, 0, T0, T0), CKR_FUNCTION_REJECTED);
	hz_nonce_free(nm);
	snprintf(cmd, sizeof cmd, "umount '%s'", folder);
	ck_assert_int_eq(system(cmd), 0);
}
END_TEST

/* The application closes the number under which the file is open, and opens a file of its own there. */
static int take_over(const char *path, const char *own)
{
	struct stat want, st;
	int fd, mine;

	ck_assert_int_eq(stat(path, &want), 0);
	for (fd = 3; fd < 256; fd++)
		if (fstat(fd, &st) == 0 && st.st_dev == want.st_dev && st.st_ino == want.st_ino)
			break;
	ck_assert_int_lt(fd, 256);
	mine = open(own, O_RDWR | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(mine, 0);
	ck_assert_int_eq(dup2(mine, fd), fd);
	ck_assert_int_eq(close(mine), 0);
	return fd;
}

static void is_still_empty(int fd, const char *own)
{
	struct stat st, named;

	ck_assert(fstat(fd, &st) == 0 && stat(own, &named) == 0);
	ck_assert(st.st_dev == named.st_dev && st.st_ino == named.st_ino && st.st_size == 0);
}

START_TEST(numbers_that_were_taken_over)
{
	char state[200], own[2][200];
	struct hz_nonce *nm = memory(BOOT_A, 3600), *other;
	int fd[2];

	snprintf(state, sizeof state, "%s/state", folder);
	for (int i = 0; i < 2; i++)
		snprintf(own[i], sizeof own[i], "%s/own%d", dir, i);
	ck_assert_uint_eq(rec(nm, scope_a, 1, T0, T0), CKR_OK);
	fd[0] = take_over(state, own[0]);
	fd[1] = take_over(folder, own[1]);
	ck_assert_uint_eq(rec(nm, scope_a, 2, T0 + 50, T0 + 50), CKR_OK); /* the state is written before that goes out */
	ck_assert_uint_eq(rec(nm, scope_a, 1, T0, T0 + 50), CKR_FUNCTION_REJECTED);
	for (int i = 0; i < 2; i++) {
		is_still_empty(fd[i], own[i]);
		ck_assert_int_eq(close(fd[i]), 0);
	}
	fd[0] = take_over(state, own[0]);
	fd[1] = take_over(folder, own[1]);
	hz_nonce_free(nm);
	for (int i = 0; i < 2; i++) {
		is_still_empty(fd[i], own[i]);
		ck_assert_int_eq(close(fd[i]), 0);
	}
	other = memory(BOOT_B, 3600); /* freed in order: nothing is forgotten, nothing is refused that is new */
	ck_assert_uint_eq(rec(other, scope_a, 2, T0 + 50, T0 + 51), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(rec(other, scope_a, 3, T0 + 50, T0 + 51), CKR_OK);
	hz_nonce_free(other);
}
END_TEST

START_TEST(another_folder_under_the_name)
{
	char state[200], own[200], aside[200];
	struct hz_nonce *nm = memory(BOOT_A, 3600);
	int fd;

	snprintf(state, sizeof state, "%s/state", folder);
	snprintf(own, sizeof own, "%s/own", dir);
	snprintf(aside, sizeof aside, "%s/aside", dir);
	ck_assert_uint_eq(rec(nm, scope_a, 1, T0, T0), CKR_OK);
	fd = take_over(folder, own);
	ck_assert_int_eq(rename(folder, aside), 0);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	ck_assert_uint_eq(rec(nm, scope_a, 2, T0 + 50, T0 + 50), CKR_DEVICE_ERROR);
	is_still_empty(fd, own);
	ck_assert_int_eq(close(fd), 0);
	hz_nonce_free(nm);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nonce");
	TCase *tc = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, test_once);
	tcase_add_test(tc, test_growth);
	tcase_add_test(tc, test_forgetting);
	tcase_add_test(tc, test_threads);
	tcase_add_test(tc, test_threads_with_different_timestamps);
	tcase_add_test(tc, test_processes_and_kill);
	tcase_add_test(tc, test_kill_at_any_time);
	tcase_add_test(tc, test_unclean_stop);
	tcase_add_test(tc, test_only_the_last_user_marks_clean);
	tcase_add_test(tc, test_what_a_power_cut_loses_stays_refused);
	tcase_add_test(tc, test_damage);
	tcase_add_test(tc, test_missing_and_cut_files);
	tcase_add_test(tc, test_torn_slot);
	tcase_add_test(tc, test_leftover_files);
	tcase_add_test(tc, test_full_disk);
	tcase_add_test(tc, numbers_that_were_taken_over);
	tcase_add_test(tc, another_folder_under_the_name);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
