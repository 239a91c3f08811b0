/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of base/jdoc.h: what RFC 8259 allows is read exactly, everything else is refused. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jdoc.h"

static const struct hz_jdoc_limits lim = { .text = 1 << 16, .nodes = 1000, .members = 40, .depth = 8 };

static bool parses(const char *text, size_t len)
{
	struct hz_jdoc j;
	bool ok = hz_jdoc_parse(&j, text, len, &lim);

	ck_assert(ok == (j.why == NULL));
	hz_jdoc_free(&j);
	return ok;
}

START_TEST(test_accepted)
{
	static const char *const good[] = {
		"null", " true ", "false", "0", "-0", "10", "-1.5e+3", "1E9", "0.25", "\"\"", "[]", "{}", "[1,2,[3]]",
		"{\"a\":1,\"b\":{\"a\":2}}", "\t{ \"a\" :\r\n[ ] } ", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u00e9\\ud83d\\ude00\"",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "{\"\":1}", "[[[[[[[[]]]]]]]]", "\"\x7f\"", "123456789012345678901234567890",
	};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		ck_assert_msg(parses(good[i], strlen(good[i])), "%s", good[i]);
}
END_TEST

START_TEST(test_refused)
{
	static const char *const bad[] = {
		"", " ", "nul", "nulll", "True", "+1", "01", "-", "1.", ".5", "1e", "1e+", "0x10", "NaN", "Infinity", "'a'", "\"", "\"a",
		"\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"",
		"\"\t\"", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}",
		"{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}", "1 1", "{}x", "// c\n1", "[1]/**/", "[[[[[[[[[]]]]]]]]]",
		"\"\x80\"", "\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xe0\x9f\xbf\"", "\"\xed\xa0\x80\"", "\"\xf0\x8f\xbf\xbf\"",
		"\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xe2\x82\"", "\"\xe2\x28\xa1\"", "\xef\xbb\xbf{}", "\f1", "\"\\",
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(!parses(bad[i], strlen(bad[i])), "%s", bad[i]);
	ck_assert(!parses("1\0", 2));
	ck_assert(!parses("\"a\0b\"", 5));
}
END_TEST

START_TEST(test_reasons)
{
	static const struct {
		const char *text, *why;
	} cases[] = { { "", "no data" }, { " \r\n\t", "no data" }, { "[1,", "the text ends early" }, { "{\"a\":", "the text ends early" },
		      { "+1", "bad number" }, { "-", "bad number" } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct hz_jdoc j;

		ck_assert(!hz_jdoc_parse(&j, cases[i].text, strlen(cases[i].text), &lim));
		ck_assert_str_eq(j.why, cases[i].why);
		hz_jdoc_free(&j);
	}
}
END_TEST

START_TEST(test_every_prefix_of_a_text_is_refused)
{
	static const char text[] = "{\"a\":[1,-2.5e3,\"\\u00e9\xc3\xa9\"],\"b\":{\"c\":true,\"d\":null}}";

	ck_assert(parses(text, sizeof text - 1));
	for (size_t n = 0; n + 1 < sizeof text; n++)
		ck_assert_msg(!parses(text, n), "%zu bytes", n);
}
END_TEST

START_TEST(test_values)
{
	static const char text[] = "{\"s\":\"a\\u0000\\n\\ud83d\\ude00\",\"n\":-12.50,\"o\":{\"x\":[1,[2],3]},\"z\":\"\"}";
	const struct hz_jnode *s, *n, *x, *c;
	struct hz_jdoc j;

	ck_assert(hz_jdoc_parse(&j, text, sizeof text - 1, &lim));
	ck_assert(j.v->type == HZ_J_OBJECT && j.v->len == 4 && j.v->end == j.n);
	s = hz_jdoc_get(&j, j.v, "s");
	ck_assert(s != NULL && s->len == 7 && memcmp(s->s, "a\0\n\xf0\x9f\x98\x80", 7) == 0);
	n = hz_jdoc_get(&j, j.v, "n");
	ck_assert(n != NULL && n->type == HZ_J_NUMBER && n->len == 6 && memcmp(n->s, "-12.50", 6) == 0);
	x = hz_jdoc_get(&j, hz_jdoc_get(&j, j.v, "o"), "x");
	ck_assert(x != NULL && x->type == HZ_J_ARRAY && x->len == 3);
	c = hz_jdoc_next(&j, hz_jdoc_next(&j, hz_jdoc_first(x)));
	ck_assert(c->len == 1 && c->s[0] == '3');
	ck_assert(hz_jdoc_is(hz_jdoc_get(&j, j.v, "z"), ""));
	ck_assert(hz_jdoc_get(&j, j.v, "none") == NULL);
	ck_assert(hz_jdoc_get(&j, s, "none") == NULL);
	hz_jdoc_free(&j);
}
END_TEST

/* A text beyond the inline room: nodes and text move to the heap, and every limit is exact. */
START_TEST(test_limits)
{
	char *text = malloc(1 << 17);
	size_t n = 0;

	ck_assert_ptr_nonnull(text);
	text[n++] = '[';
	for (unsigned i = 0; i < 999; i++)
		n += (size_t)sprintf(text + n, "%s%u", i != 0 ? "," : "", i % 10);
	text[n] = ']';
	ck_assert(parses(text, n + 1));
	memcpy(text + n, ",1]", 3);
	ck_assert(!parses(text, n + 3));

	n = 0;
	text[n++] = '{';
	for (unsigned i = 0; i < 40; i++)
		n += (size_t)sprintf(text + n, "%s\"k%u\":%u", i != 0 ? "," : "", i, i);
	text[n] = '}';
	ck_assert(parses(text, n + 1));
	memcpy(text + n, ",\"k\":1}", 7);
	ck_assert(!parses(text, n + 7));

	memset(text, ' ', 1 << 17);
	text[0] = '1';
	ck_assert(parses(text, 1 << 16));
	ck_assert(!parses(text, (1 << 16) + 1));
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jdoc");
	TCase *tc = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_test(tc, test_accepted);
	tcase_add_test(tc, test_refused);
	tcase_add_test(tc, test_reasons);
	tcase_add_test(tc, test_every_prefix_of_a_text_is_refused);
	tcase_add_test(tc, test_values);
	tcase_add_test(tc, test_limits);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
