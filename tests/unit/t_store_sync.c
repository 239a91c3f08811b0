/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fails while a change is brought to it: what was answered as failed is not there, and what was there stays. */
#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "store_util.h"

/* How many of the next syncs of the database and of its log fail. SQLite's calls come here, since the program is searched first. */
static atomic_int failing;
static atomic_int failed;

__attribute__((visibility("default"))) int fsync(int fd);
__attribute__((visibility("default"))) int fdatasync(int fd);

static bool must_fail(int fd)
{
	char link[64], name[256];
	ssize_t n;

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof name - 1);
	name[n > 0 ? n : 0] = '\0';
	if (failing == 0 || strstr(name, ".db") == NULL)
		return false;
	failing--;
	failed++;
	errno = EIO;
	return true;
}

int fsync(int fd)
{
	return must_fail(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return must_fail(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static CK_RV write_one(struct hz_store *s, const char *label)
{
	struct hz_attrs a;
	const struct hz_attrs *set = &a;
	uint64_t id;
	CK_RV rv;

	make_data(&a, label);
	rv = hz_store_insert(s, &set, 1, &id);
	hz_attrs_free(&a);
	return rv;
}

static size_t count(struct hz_store *s)
{
	struct hz_attrs t = HZ_ATTRS_INIT;

	return count_found(s, &t, true, NULL);
}

/* As a process sees it that comes after all others have gone: it reads the log. */
static size_t count_afresh(void)
{
	struct hz_store *s = open_store(true);
	size_t n = count(s);

	hz_store_free(s);
	return n;
}

static void fails(int syncs, bool beside)
{
	struct hz_store *other = NULL, *s = open_store(true);

	failing = 0;
	ck_ok(write_one(s, "before"));
	if (beside) { /* another that has the database open */
		other = open_store(true);
		ck_assert_uint_eq(count(other), 1);
	}
	failed = 0;
	failing = syncs;
	ck_rv(write_one(s, "lost"), CKR_DEVICE_ERROR);
	ck_assert_int_gt(failed, 0);
	ck_assert_uint_eq(count(s), 1);
	failing = 0;
	ck_assert_uint_eq(count(s), 1);
	if (other != NULL)
		ck_assert_uint_eq(count(other), 1);
	ck_ok(write_one(s, "after"));
	ck_assert_uint_eq(count(s), 2);
	hz_store_free(s);
	hz_store_free(other);
	ck_assert_uint_eq(count_afresh(), 2);
}

START_TEST(one_sync_fails)
{
	fails(1, false);
}
END_TEST

START_TEST(all_syncs_fail)
{
	fails(1000000, false);
}
END_TEST

START_TEST(syncs_fail_beside_another)
{
	fails(1, true);
}
END_TEST

/* The process ends at once after the failure, and leaves the log to the next. */
START_TEST(the_process_ends_then)
{
	for (int syncs = 1; syncs < 4; syncs++) {
		pid_t pid = fork();
		int st;

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			struct hz_store *s = open_store(true);

			if (syncs == 1 && write_one(s, "before") != CKR_OK)
				_exit(1);
			(void)count(s);
			failing = syncs;
			_exit(write_one(s, "lost") == CKR_DEVICE_ERROR && failed > 0 ? 0 : 2);
		}
		ck_assert_int_eq(waitpid(pid, &st, 0), pid);
		ck_assert_int_eq(st, 0);
		ck_assert_uint_eq(count_afresh(), 1);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store sync");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, store_setup, store_teardown);
	tcase_add_test(tc, one_sync_fails);
	tcase_add_test(tc, all_syncs_fail);
	tcase_add_test(tc, syncs_fail_beside_another);
	tcase_add_test(tc, the_process_ends_then);
	suite_add_tcase(s, tc);
	return run_case(s);
}
