/* SPDX-License-Identifier: Apache-2.0 */
/* The generation file under the hands of others: removed, cut, put back from a copy. No number lasts that should not, and nobody dies. */
#include <fcntl.h>

#include "store/gen.h"
#include "store_util.h"

static char gen_file[160];

static void setup(void)
{
	store_setup();
	(void)snprintf(gen_file, sizeof gen_file, "%s/s/%s.gen", test_dir, SERIAL);
}

static void write_one(struct hz_store *s, const char *label)
{
	struct hz_attrs a;

	make_data(&a, label);
	(void)put(s, &a);
}

/* Longer than the name is taken for ours without a look. */
static void wait_for_a_look(void)
{
	(void)usleep(50000);
}

static void steady(struct hz_store *s)
{
	uint64_t a = hz_store_generation(s);

	ck_assert_uint_ne(a, 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_uint_eq(hz_store_generation(s), a);
}

/* A process that comes later makes another file, and changes the store. */
START_TEST(removed_beside_a_reader)
{
	struct hz_store *a = open_store(true), *b;
	uint64_t before;

	write_one(a, "x");
	steady(a);
	for (int i = 0; i < 3; i++) {
		before = hz_store_generation(a);
		ck_assert_int_eq(unlink(gen_file), 0);
		b = open_store(true);
		write_one(b, "y");
		wait_for_a_look();
		ck_assert_uint_ne(hz_store_generation(a), before);
		steady(a);
		before = hz_store_generation(a);
		write_one(b, "z");
		ck_assert_uint_ne(hz_store_generation(a), before);
		ck_assert_uint_eq(hz_store_generation(a), hz_store_generation(b));
		hz_store_free(b);
	}
	hz_store_free(a);
}
END_TEST

/* Whoever maps the file and changes something finds it gone: makes another, at once. */
START_TEST(removed_beside_a_writer)
{
	struct hz_store *a = open_store(true), *b;
	uint64_t before;

	write_one(a, "x");
	ck_assert_int_eq(unlink(gen_file), 0);
	write_one(a, "y");
	ck_assert_int_eq(access(gen_file, F_OK), 0);
	b = open_store(true);
	before = hz_store_generation(b);
	steady(b);
	write_one(a, "z");
	ck_assert_uint_ne(hz_store_generation(b), before);
	hz_store_free(a);
	hz_store_free(b);
}
END_TEST

START_TEST(gone_while_a_commit_runs)
{
	struct hz_gen a = { 0 }, b = { 0 };
	uint64_t before;

	(void)snprintf(gen_file, sizeof gen_file, "%s/alone", test_dir);
	for (int i = 0; i < 2; i++) {
		ck_assert(hz_gen_begin(&a, gen_file));
		hz_gen_end(&a, gen_file);
		before = hz_gen_read(&b, gen_file);
		ck_assert(hz_gen_begin(&a, gen_file));
		ck_assert_int_eq(i == 0 ? unlink(gen_file) : truncate(gen_file, 0), 0);
		hz_gen_end(&a, gen_file);
		hz_gen_look(&b, gen_file);
		ck_assert_uint_ne(hz_gen_read(&b, gen_file), before);
		ck_assert_uint_eq(hz_gen_read(&b, gen_file), hz_gen_read(&a, gen_file));
	}
	hz_gen_close(&a);
	hz_gen_close(&b);
}
END_TEST

START_TEST(cut)
{
	struct hz_store *s = open_store(true);
	uint64_t before, now;

	write_one(s, "x");
	before = hz_store_generation(s);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(truncate(gen_file, i == 2 ? 9 : 0), 0);
		wait_for_a_look();
		now = hz_store_generation(s);
		ck_assert_uint_ne(now, before);
		ck_assert_uint_ne(hz_store_generation(s), now); /* cannot tell */
		ck_assert_int_eq(truncate(gen_file, i == 1 ? 4096 : 0), 0);
		now = hz_store_generation(s);
		ck_assert_uint_ne(hz_store_generation(s), now); /* a page of zeros tells nothing either */
		ck_assert_int_eq(truncate(gen_file, 0), 0);
		wait_for_a_look();
		write_one(s, "y");
		ck_assert_uint_ne(hz_store_generation(s), before);
		steady(s);
		before = hz_store_generation(s);
	}
	hz_store_free(s);
}
END_TEST

/* As cp does it: the same file, cut and written anew. */
static void put_back(const char *copy, size_t n)
{
	int fd = open(gen_file, O_WRONLY | O_TRUNC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, copy, n), (ssize_t)n);
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(put_back_from_a_copy)
{
	struct hz_store *s = open_store(true);
	uint64_t seen[3];
	char copy[4096];
	ssize_t n;
	int fd;

	write_one(s, "x");
	fd = open(gen_file, O_RDONLY);
	n = read(fd, copy, sizeof copy);
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(close(fd), 0);
	for (size_t i = 0; i < 3; i++) {
		if (i != 0)
			put_back(copy, (size_t)n);
		write_one(s, "y");
		seen[i] = hz_store_generation(s);
		for (size_t k = 0; k < i; k++)
			ck_assert_uint_ne(seen[k], seen[i]);
	}
	hz_store_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store generation");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, store_teardown);
	tcase_add_test(tc, removed_beside_a_reader);
	tcase_add_test(tc, removed_beside_a_writer);
	tcase_add_test(tc, gone_while_a_commit_runs);
	tcase_add_test(tc, cut);
	tcase_add_test(tc, put_back_from_a_copy);
	suite_add_tcase(s, tc);
	return run_case(s);
}
