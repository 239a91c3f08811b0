/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of base/hex.h and base/buf.h: every digit, strictness, growth, sticky failure and secret buffers. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/secmem.h"

START_TEST(hex_round_trip_and_refusals)
{
	uint8_t all[256], back[256];
	char text[513];

	for (unsigned i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	hz_hex_encode(all, sizeof all, text);
	ck_assert_uint_eq(strlen(text), 512);
	ck_assert(strncmp(text, "000102", 6) == 0 && strcmp(text + 508, "feff") == 0);
	ck_assert(hz_hex_decode(text, 512, back, 256) && memcmp(all, back, 256) == 0);
	ck_assert(hz_hex_decode("aBCd", 4, back, 2) && back[0] == 0xab && back[1] == 0xcd);
	ck_assert(hz_hex_decode("", 0, back, 0));
	ck_assert(!hz_hex_decode("abc", 3, back, 1) && !hz_hex_decode("abcd", 4, back, 1) && !hz_hex_decode("ab", 2, back, 2));
	for (int c = 0; c < 256; c++) {
		char t[2] = { '0', (char)c };
		bool digit = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;

		ck_assert_int_eq(hz_hex_decode(t, 2, back, 1), digit);
		t[0] = (char)c;
		t[1] = '0';
		ck_assert_int_eq(hz_hex_decode(t, 2, back, 1), digit);
	}
}
END_TEST

START_TEST(base64url_vectors)
{
	/* RFC 4648 section 10, without padding. */
	static const char *const v[][2] = { { "", "" },	    { "f", "Zg" },	{ "fo", "Zm8" },	 { "foo", "Zm9v" },
					    { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" } };
	char text[16];
	uint8_t back[16];

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		size_t len = strlen(v[i][0]), n = sizeof back;

		ck_assert_uint_eq(hz_b64url_len(len), strlen(v[i][1]));
		hz_b64url_encode(v[i][0], len, text);
		ck_assert_str_eq(text, v[i][1]);
		ck_assert(hz_b64url_decode(text, strlen(text), back, &n));
		ck_assert(n == len && memcmp(back, v[i][0], len) == 0);
	}
}
END_TEST

START_TEST(base64url_is_strict)
{
	uint8_t back[16];
	size_t n;

#define REFUSED(t) (n = sizeof back, !hz_b64url_decode(t, strlen(t), back, &n))
	ck_assert(REFUSED("Z") && REFUSED("Zg=") && REFUSED("Zg==") && REFUSED("Zh") && REFUSED("Zm9") && REFUSED("Zm9vZ"));
	ck_assert(REFUSED("Zm 9v") && REFUSED("Zm9+") && REFUSED("Zm9/") && REFUSED("Zm9\n"));
	n = sizeof back;
	ck_assert(hz_b64url_decode("-_-_", 4, back, &n) && n == 3 && back[0] == 0xfb && back[1] == 0xff && back[2] == 0xbf);
	n = 2;
	ck_assert(!hz_b64url_decode("Zm9v", 4, back, &n));
	for (int c = 0; c < 256; c++) {
		char t[4] = { 'A', 'A', (char)c, 'A' };
		bool digit = c == '-' || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		n = sizeof back;
		ck_assert_int_eq(hz_b64url_decode(t, 4, back, &n), digit);
	}
}
END_TEST

static void check_buf(struct hz_buf *b)
{
	static const uint8_t want[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'a', 'b', 0, 0 };

	hz_buf_u8(b, 1);
	hz_buf_be16(b, 0x0203);
	hz_buf_be32(b, 0x04050607);
	hz_buf_be64(b, 0x08090a0b0c0d0e0full);
	hz_buf_str(b, "ab");
	ck_assert_ptr_nonnull(hz_buf_room(b, 2));
	hz_buf_add(b, NULL, 0);
	ck_assert(!b->failed && b->len == sizeof want && memcmp(b->p, want, sizeof want) == 0);
	for (int i = 0; i < 10000; i++)
		hz_buf_u8(b, (uint8_t)i);
	ck_assert(!b->failed && b->len == sizeof want + 10000 && b->p[sizeof want + 300] == 44);
	ck_assert(memcmp(b->p, want, sizeof want) == 0);
	hz_buf_clear(b);
	ck_assert(b->len == 0 && b->cap != 0);
	ck_assert(hz_buf_reserve(b, 100));
	ck_assert_ptr_nonnull(hz_buf_room(b, 50));
	for (int i = 0; i < 50; i++)
		ck_assert_uint_eq(b->p[i], 0);
}

START_TEST(buffer_grows)
{
	struct hz_buf plain = HZ_BUF_INIT, secret = HZ_BUF_SECRET;
	size_t live = hz_secmem_live();

	check_buf(&plain);
	ck_assert_uint_eq(hz_secmem_live(), live);
	check_buf(&secret);
	ck_assert(hz_secmem_owns(secret.p) && hz_secmem_live() == live + 1);
	hz_buf_free(&plain);
	hz_buf_free(&secret);
	hz_buf_free(&secret);
	ck_assert_uint_eq(hz_secmem_live(), live);
	ck_assert_ptr_nonnull(hz_buf_room(&plain, 0));
	hz_buf_free(&plain);
}
END_TEST

START_TEST(buffer_failure_is_sticky)
{
	struct hz_buf b = HZ_BUF_INIT;

	hz_buf_u8(&b, 1);
	ck_assert(!hz_buf_reserve(&b, SIZE_MAX) && b.failed);
	hz_buf_u8(&b, 2);
	ck_assert(b.len == 1 && hz_buf_room(&b, 1) == NULL);
	hz_buf_clear(&b);
	hz_buf_u8(&b, 3);
	ck_assert(!b.failed && b.len == 1 && b.p[0] == 3);
	ck_assert(!hz_buf_reserve(&b, SIZE_MAX / 2) && b.failed);
	hz_buf_free(&b);
	ck_assert(!b.failed && b.p == NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("text");
	TCase *tc = tcase_create("all");
	SRunner *r;
	int bad;

	tcase_add_test(tc, hex_round_trip_and_refusals);
	tcase_add_test(tc, base64url_vectors);
	tcase_add_test(tc, base64url_is_strict);
	tcase_add_test(tc, buffer_grows);
	tcase_add_test(tc, buffer_failure_is_sticky);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	return bad != 0;
}
