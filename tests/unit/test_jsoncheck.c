/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of base/jsoncheck.h: what must pass, what must not, and the exact bytes of a member. */

#include "base/jsoncheck.h"
#include "base/reader.h"

#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(cond) \
	((cond) ? (void)0 : (void)(failures++, fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond)))

static const char *const good[] = {
	"{}", "[]", " { } ", "0", "-0", "1.5e-3", "\"\"", "true", "null", "[1,2,[3]]", "{\"a\":1,\"b\":{\"a\":2}}",
	"\"\\u00e9\\ud83d\\ude00\\n\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"", "{\"a\" : [ ] , \"b\" : \"x\"}\n",
};

static const char *const bad[] = {
	"", " ", "{", "}", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "01", "1.", ".5", "+1", "1e", "-", "tru", "nul",
	"truex", "{} {}", "{}x", "{\"a\":1,\"a\":2}", "{\"a\":1 \"b\":2}", "\"a", "\"\t\"", "\"\\x\"", "\"\\u12\"",
	"\"\\ud800\"", "\"\\ude00\"", "\"\\ud800\\u0041\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf5\x80\x80\x80\"",
	"\"\x80\"", "\"\xc3\"", "[[[[[1]]]]]", "{\"a\\u0062\":1}", "NaN", "Infinity", "/* */1", "[1", "[,1]", "{,}", "{\"a\"}",
};

static void
test_member(void)
{
	static const char text[] = "{ \"x\" : {\"y\": [1, 2]} , \"y\" : \"z\" }";
	size_t len;
	const uint8_t *p = hz_json_member(text, strlen(text), "x", &len);

	CHECK(p != NULL && len == 13 && memcmp(p, "{\"y\": [1, 2]}", 13) == 0);
	p = hz_json_member(text, strlen(text), "y", &len);
	CHECK(p != NULL && len == 3 && memcmp(p, "\"z\"", 3) == 0);
	CHECK(hz_json_member(text, strlen(text), "q", &len) == NULL && len == 0);
	CHECK(hz_json_member("[1]", 3, "q", &len) == NULL);
	CHECK(hz_json_member("{}", 2, "q", &len) == NULL);
}

static void
test_many_members(void)
{
	char text[16384] = "{";
	size_t n = 1;

	for (int i = 0; i < 256; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s\"m%d\":%d", i ? "," : "", i, i);
	text[n] = '}';
	CHECK(hz_json_check(text, n + 1, 4));
	n += (size_t)snprintf(text + n, sizeof text - n, ",\"more\":0}");
	CHECK(!hz_json_check(text, n, 4));
}

static void
test_many_values(void)
{
	static char text[2 * 65536 + 8];
	size_t n = 0;

	text[n++] = '[';
	for (int i = 0; i < 65535; i++) {
		text[n++] = '1';
		text[n++] = ',';
	}
	text[n - 1] = ']';
	CHECK(hz_json_check(text, n, 1));
	memcpy(text + n - 1, ",1]", 3);
	CHECK(!hz_json_check(text, n + 2, 1));
}

static void
test_text(void)
{
	static const char text[] = "\"a\\n\\\"\\u00e9\\ud83d\\ude00z\"";
	char out[32];
	size_t len;

	CHECK(hz_json_text(text, strlen(text), out, sizeof out, &len) && len == 10);
	CHECK(memcmp(out, "a\n\"\xc3\xa9\xf0\x9f\x98\x80z", 11) == 0);
	CHECK(hz_json_text(text, strlen(text), out, 11, &len) && !hz_json_text(text, strlen(text), out, 10, &len));
	CHECK(!hz_json_text("12", 2, out, sizeof out, &len) && !hz_json_text("\"a\" ", 4, out, sizeof out, &len));
	CHECK(hz_json_text("\"\\u0000\"", 8, out, sizeof out, &len) && len == 1);
}

static void
test_iterate(void)
{
	static const char text[] = " { \"a\" : 1 , \"b\":[ ] }";
	struct hz_reader r = hz_rd(text, strlen(text));
	struct hz_json_pair m;

	CHECK(hz_json_next(&r, &m) && hz_json_name_is(&m, "a") && m.len == 1 && *m.p == '1');
	CHECK(hz_json_next(&r, &m) && hz_json_name_is(&m, "b") && m.len == 3);
	CHECK(!hz_json_next(&r, &m) && hz_rd_ok(&r));
}

int
main(void)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!hz_json_check(good[i], strlen(good[i]), 4))
			failures++, fprintf(stderr, "refused: %s\n", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (hz_json_check(bad[i], strlen(bad[i]), 4))
			failures++, fprintf(stderr, "accepted: %s\n", bad[i]);
	CHECK(!hz_json_check("1\0", 2, 4));
	CHECK(hz_json_check("[[[[1]]]]", 9, 4));
	test_member();
	test_many_members();
	test_many_values();
	test_text();
	test_iterate();
	return failures != 0;
}
