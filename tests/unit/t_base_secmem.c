/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of base/secmem.h: alignment, wiping, guards, canaries, fork, threads and a small lock limit. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secmem.h"
#include "../sanitized.h"

static const size_t sizes[] = { 1, 15, 16, 17, 32, 40, 41, 64, 104, 105, 1000, 4096, 16360, 16361, 70000, 262120, 262121, 1u << 20 };
#define N_SIZES (sizeof sizes / sizeof sizes[0])

static int child_status(void (*body)(void *), void *arg)
{
	int st = 0;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		const struct rlimit none = { 0, 0 };

		(void)setrlimit(RLIMIT_CORE, &none);
		(void)hz_log_open("none", false);
		body(arg);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	return st;
}

START_TEST(blocks_are_zero_aligned_and_counted)
{
	size_t before = hz_secmem_live();

	for (int round = 0; round < 3; round++) {
		uint8_t *p[N_SIZES];

		for (size_t i = 0; i < N_SIZES; i++) {
			p[i] = hz_secmem_alloc(sizes[i]);
			ck_assert_ptr_nonnull(p[i]);
			ck_assert_uint_eq((uintptr_t)p[i] % 16, 0);
			ck_assert(p[i][0] == 0 && memcmp(p[i], p[i] + 1, sizes[i] - 1) == 0);
			memset(p[i], 0xa5, sizes[i]);
			ck_assert(hz_secmem_owns(p[i]) && hz_secmem_owns(p[i] + sizes[i] - 1));
		}
		ck_assert_uint_eq(hz_secmem_live(), before + N_SIZES);
		for (size_t i = 0; i < N_SIZES; i++)
			hz_secmem_free(p[i]);
	}
	ck_assert_uint_eq(hz_secmem_live(), before);
	ck_assert(!hz_secmem_owns(&before));
	hz_secmem_free(NULL);
}
END_TEST

START_TEST(many_blocks_do_not_overlap)
{
	enum { N = 5000 };
	static uint32_t *p[N];

	for (uint32_t i = 0; i < N; i++) {
		p[i] = hz_secmem_alloc(4 + i % 300);
		ck_assert_ptr_nonnull(p[i]);
		*p[i] = i;
	}
	for (uint32_t i = 0; i < N; i++)
		ck_assert_uint_eq(*p[i], i);
	for (uint32_t i = 0; i < N; i += 2)
		hz_secmem_free(p[i]);
	for (uint32_t i = 1; i < N; i += 2) {
		ck_assert_uint_eq(*p[i], i);
		hz_secmem_free(p[i]);
	}
}
END_TEST

START_TEST(dup_and_absurd_sizes)
{
	char *p = hz_secmem_dup("abc", 4), *e = hz_secmem_dup(NULL, 0);

	ck_assert_str_eq(p, "abc");
	ck_assert_ptr_nonnull(e);
	hz_secmem_free(p);
	hz_secmem_free(e);
	ck_assert_ptr_null(hz_secmem_alloc(SIZE_MAX));
	ck_assert_ptr_null(hz_secmem_alloc(SIZE_MAX / 2));
	ck_assert_ptr_null(hz_secmem_alloc(SIZE_MAX / 4));
}
END_TEST

static void write_past_end(void *arg)
{
	uint8_t *p = hz_secmem_alloc(*(size_t *)arg);

	((volatile uint8_t *)p)[*(size_t *)arg] ^= 1;
	hz_secmem_free(p);
}

static void write_before_start(void *arg)
{
	uint8_t *p = hz_secmem_alloc(*(size_t *)arg);

	((volatile uint8_t *)p)[-9] ^= 1;
	hz_secmem_free(p);
}

static void free_twice(void *arg)
{
	void *keep = hz_secmem_alloc(100), *p = hz_secmem_alloc(100);

	(void)arg;
	hz_secmem_free(p);
	hz_secmem_free(p);
	hz_secmem_free(keep);
}

static void run_into_guard(void *arg)
{
	volatile uint8_t *p = hz_secmem_alloc(300000);

	(void)arg;
	for (size_t i = 0; i < 310000; i++)
		p[i] = 1;
}

START_TEST(damage_ends_the_process)
{
	size_t n = 33, middle = 40000, large = 400000;

	ck_assert_int_ne(child_status(write_past_end, &n), 0);
	ck_assert_int_ne(child_status(write_past_end, &middle), 0);
	ck_assert_int_ne(child_status(write_past_end, &large), 0);
	ck_assert_int_ne(child_status(write_before_start, &n), 0);
	ck_assert_int_ne(child_status(free_twice, NULL), 0);
	ck_assert_int_ne(child_status(run_into_guard, NULL), 0);
}
END_TEST

static void child_sees_zero(void *arg)
{
	uint8_t *secret = arg, *mine;

	for (size_t i = 0; i < 64; i++)
		if (secret[i] != 0)
			_exit(2);
	hz_secmem_free(secret); /* nothing happens */
	hz_secmem_after_fork();
	hz_secmem_after_fork();
	if (hz_secmem_live() != 0 || hz_secmem_owns(secret))
		_exit(3);
	mine = hz_secmem_alloc(64);
	if (mine == NULL || mine == secret || hz_secmem_live() != 1)
		_exit(4);
	memset(mine, 7, 64);
	hz_secmem_free(mine);
	hz_secmem_free(secret);
	if (hz_secmem_live() != 0)
		_exit(5);
}

static void child_forks_again(void *arg)
{
	void *mine = hz_secmem_dup("x", 1);
	int st = child_status(child_sees_zero, arg);

	hz_secmem_free(mine);
	_exit(st == 0 && hz_secmem_live() == 0 ? 0 : 6);
}

START_TEST(fork_wipes_and_starts_anew)
{
	uint8_t *p = hz_secmem_alloc(64);

	memset(p, 0x5a, 64);
	ck_assert_int_eq(child_status(child_sees_zero, p), 0);
	ck_assert_int_eq(child_status(child_forks_again, p), 0);
	ck_assert_uint_eq(p[63], 0x5a);
	hz_secmem_free(p);
}
END_TEST

static atomic_bool stop;

static void *churn(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	while (!stop) {
		size_t n = (size_t)(rand_r(&seed) % 3000 + 1);
		uint8_t *p = hz_secmem_alloc(n);

		if (p == NULL || p[0] != 0 || p[n - 1] != 0)
			abort();
		memset(p, 0xff, n);
		hz_secmem_free(p);
	}
	return NULL;
}

START_TEST(threads_and_forks_together)
{
	int children = is_sanitized() ? 0 : 40; /* a sanitizer does not survive the fork of a busy process */
	pthread_t t[4];
	size_t before = hz_secmem_live();

	stop = false;
	for (uintptr_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, churn, (void *)(i + 1)), 0);
	for (int i = 0; i < children; i++) {
		uint8_t *p = hz_secmem_dup("0123456789012345678901234567890123456789012345678901234567890123", 64);

		ck_assert_int_eq(child_status(child_sees_zero, p), 0);
		hz_secmem_free(p);
	}
	if (children == 0)
		(void)usleep(100000);
	stop = true;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(t[i], NULL), 0);
	ck_assert_uint_eq(hz_secmem_live(), before);
}
END_TEST

/* Everything works, and the log gets one line about it. */
static void use_without_lock(void *arg)
{
	const struct rlimit tiny = { 4096, 4096 };
	char path[] = "/tmp/t_base_secmem.XXXXXX", sink[64], text[2048];
	int fd = mkstemp(path);
	ssize_t n;

	(void)arg;
	(void)snprintf(sink, sizeof sink, "file:%s", path);
	if (fd < 0 || !hz_log_open(sink, false) || unlink(path) != 0)
		_exit(2);
	(void)setrlimit(RLIMIT_MEMLOCK, &tiny);
	(void)seteuid(65534); /* root may lock without limit */
	for (int i = 0; i < 10; i++) {
		char *p = hz_secmem_alloc(100000);

		if (p == NULL)
			_exit(3);
		memset(p, 1, 100000);
	}
	n = read(fd, text, sizeof text);
	if (n < 0 || (n > 0 && memchr(text, '\n', (size_t)n) != text + n - 1))
		_exit(4);
}

START_TEST(small_lock_limit_is_survived)
{
	ck_assert_int_eq(child_status(use_without_lock, NULL), 0);
}
END_TEST

START_TEST(compare_and_wipe)
{
	uint8_t a[32], b[32];

	memset(a, 1, sizeof a);
	memcpy(b, a, sizeof b);
	ck_assert(hz_ct_equal(a, b, sizeof a));
	for (size_t i = 0; i < sizeof a; i++) {
		b[i] ^= 0x80;
		ck_assert(!hz_ct_equal(a, b, sizeof a));
		b[i] ^= 0x80;
	}
	ck_assert(hz_ct_equal(a, b, 0));
	hz_wipe(a, sizeof a);
	for (size_t i = 0; i < sizeof a; i++)
		ck_assert_uint_eq(a[i], 0);
	hz_wipe(NULL, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("secmem");
	TCase *tc = tcase_create("all");
	SRunner *r;
	int bad;

	tcase_add_test(tc, blocks_are_zero_aligned_and_counted);
	tcase_add_test(tc, many_blocks_do_not_overlap);
	tcase_add_test(tc, dup_and_absurd_sizes);
	tcase_add_test(tc, damage_ends_the_process);
	tcase_add_test(tc, fork_wipes_and_starts_anew);
	tcase_add_test(tc, threads_and_forks_together);
	tcase_add_test(tc, small_lock_limit_is_survived);
	tcase_add_test(tc, compare_and_wipe);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	return bad != 0;
}
