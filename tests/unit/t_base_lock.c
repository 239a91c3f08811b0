/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of base/lock.h: exclusion under contention, and that a waiter wakes although the lock was held for long. */
#include <check.h>
#include <pthread.h>
#include <unistd.h>

#include "base/lock.h"

#define THREADS 4
#define ROUNDS 50000

static struct hz_lock lock;
static unsigned long counter;

static void *count(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		hz_lock(&lock);
		counter++;
		hz_unlock(&lock);
	}
	return arg;
}

START_TEST(excludes)
{
	pthread_t t[THREADS];

	counter = 0;
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, count, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(t[i], NULL), 0);
	ck_assert_uint_eq(counter, (unsigned long)THREADS * ROUNDS);
	ck_assert_uint_eq(lock.taken, 0);
	ck_assert_uint_eq(lock.waiters, 0);
}
END_TEST

static void *wait_once(void *arg)
{
	hz_lock(&lock);
	counter++;
	hz_unlock(&lock);
	return arg;
}

START_TEST(waiter_wakes)
{
	pthread_t t;

	counter = 0;
	hz_lock(&lock);
	ck_assert_int_eq(pthread_create(&t, NULL, wait_once, NULL), 0);
	usleep(50000);
	ck_assert_uint_eq(counter, 0);
	hz_unlock(&lock);
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	ck_assert_uint_eq(counter, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lock");
	TCase *t = tcase_create("lock");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, excludes);
	tcase_add_test(t, waiter_wakes);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
