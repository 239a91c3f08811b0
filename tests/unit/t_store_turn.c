/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is among calls that wait for the database; a waiting call that died has none. */
#define TEST_CLOCK CLOCK_MONOTONIC
#include "../module/clock.h"

#include "store/gen.h"
#include "store_util.h"

enum { TURN_LIFE_MS = 500 }; /* src/store/gen.c */

static struct hz_gen g;
static char path[80];

static void setup(void)
{
	store_setup();
	(void)snprintf(path, sizeof path, "%s/turns", test_dir);
	g = (struct hz_gen){ 0 };
}

static void teardown(void)
{
	hz_gen_close(&g);
	store_teardown();
}

START_TEST(the_oldest_call_has_the_turn)
{
	ck_assert(hz_gen_my_turn(&g, path, 7)); /* no file: nobody waits */
	ck_assert(hz_gen_begin(&g, path));
	hz_gen_end(&g, path);
	ck_assert(hz_gen_queue(&g, path, 20));
	ck_assert(!hz_gen_queue(&g, path, 30));
	ck_assert(!hz_gen_my_turn(&g, path, 30));
	ck_assert(hz_gen_queue(&g, path, 10)); /* began earlier, met the lock later */
	ck_assert(!hz_gen_my_turn(&g, path, 20));
	hz_gen_leave_queue(&g, path, 20); /* does not give away another's turn */
	ck_assert(!hz_gen_my_turn(&g, path, 20));
	hz_gen_leave_queue(&g, path, 10);
	ck_assert(hz_gen_my_turn(&g, path, 30));
}
END_TEST

START_TEST(the_dead_have_no_turn)
{
	ck_assert(hz_gen_begin(&g, path));
	hz_gen_end(&g, path);
	ck_assert(hz_gen_queue(&g, path, 20));
	clock_pass_ms(TURN_LIFE_MS);
	ck_assert(!hz_gen_my_turn(&g, path, 30));
	ck_assert(!hz_gen_queue(&g, path, 30));
	ck_assert(hz_gen_queue(&g, path, 20)); /* tries: it lives */
	clock_pass_ms(TURN_LIFE_MS);
	ck_assert(!hz_gen_my_turn(&g, path, 30));
	clock_pass_ms(1); /* and dies */
	ck_assert(hz_gen_my_turn(&g, path, 30));
	ck_assert(hz_gen_queue(&g, path, 30));
	ck_assert(!hz_gen_my_turn(&g, path, 40));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store turn");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_oldest_call_has_the_turn);
	tcase_add_test(tc, the_dead_have_no_turn);
	suite_add_tcase(s, tc);
	return run_case(s);
}
