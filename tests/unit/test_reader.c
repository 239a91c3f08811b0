/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of base/reader.h: every width, both orders, the sticky failure, sub-readers and empty inputs. */

#include "base/reader.h"

#include <stdio.h>

static int failures;

#define CHECK(cond) \
	((cond) ? (void)0 : (void)(failures++, fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond)))

static const uint8_t data[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static void
test_integers(void)
{
	struct hz_reader r = hz_rd(data, sizeof data);

	CHECK(hz_rd_u8(&r) == 0x01);
	CHECK(hz_rd_u16le(&r) == 0x0302);
	CHECK(hz_rd_u16be(&r) == 0x0405);
	CHECK(hz_rd_u24le(&r) == 0x080706);
	CHECK(r.off == 8 && hz_rd_left(&r) == 8);
	CHECK(hz_rd_u64be(&r) == 0x090A0B0C0D0E0F10u);
	CHECK(hz_rd_end(&r));

	r = hz_rd(data, sizeof data);
	CHECK(hz_rd_u64le(&r) == 0x0807060504030201u);
	CHECK(hz_rd_u32le(&r) == 0x0C0B0A09u);
	CHECK(hz_rd_u32be(&r) == 0x0D0E0F10u);
	CHECK(hz_rd_end(&r));
}

static void
test_failure_is_sticky(void)
{
	struct hz_reader r = hz_rd(data, 3);
	uint8_t out[4] = { 9, 9, 9, 9 };

	CHECK(hz_rd_u32le(&r) == 0);
	CHECK(!hz_rd_ok(&r) && hz_rd_left(&r) == 0);
	CHECK(hz_rd_u8(&r) == 0);
	CHECK(hz_rd_bytes(&r, 1) == NULL);
	CHECK(hz_rd_peek(&r, 1) == NULL);
	hz_rd_copy(&r, out, sizeof out);
	CHECK(out[0] == 0 && out[3] == 0);
	CHECK(!hz_rd_end(&r));

	r = hz_rd(data, 3);
	CHECK(hz_rd_bytes(&r, SIZE_MAX) == NULL && !hz_rd_ok(&r));
}

static void
test_sub_reader(void)
{
	struct hz_reader r = hz_rd(data, sizeof data);
	struct hz_reader sub = hz_rd_sub(&r, 4);

	CHECK(hz_rd_u32be(&sub) == 0x01020304u && hz_rd_end(&sub));
	CHECK(hz_rd_u8(&r) == 5);
	CHECK(hz_rd_u8(&sub) == 0 && !hz_rd_ok(&sub));
	CHECK(hz_rd_ok(&r));
	sub = hz_rd_sub(&r, 12);
	CHECK(!hz_rd_ok(&sub) && !hz_rd_ok(&r));
}

static void
test_zeros_and_empty(void)
{
	static const uint8_t z[4] = { 0, 0, 0, 1 };
	struct hz_reader r = hz_rd(z, sizeof z);

	CHECK(hz_rd_zeros(&r, 3));
	CHECK(!hz_rd_zeros(&r, 1) && hz_rd_ok(&r));
	CHECK(!hz_rd_zeros(&r, 1) && !hz_rd_ok(&r));

	r = hz_rd(NULL, 0);
	CHECK(hz_rd_end(&r));
	hz_rd_skip(&r, 0);
	CHECK(hz_rd_ok(&r));
	r = hz_rd(NULL, 1);
	CHECK(!hz_rd_ok(&r));
}

int
main(void)
{
	test_integers();
	test_failure_is_sticky();
	test_sub_reader();
	test_zeros_and_empty();
	return failures != 0;
}
