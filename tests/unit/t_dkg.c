/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of key generation without a dealer: every changed byte refused, sums, commitments learnt from shares' public keys. */
#include "crypto/dkg.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/k256.h"

static struct hz_dkg d;
static uint8_t sec[3][32], dealt[3][32];
static struct hz_buf one[3], two[3];
static struct hz_dkg_msg m1[3], m2[3];

static void sign(const uint8_t key[32], struct hz_buf *b)
{
	uint8_t sig[64];

	ck_assert(hz_k256_schnorr_sign(key, b->p, b->len, sig));
	hz_buf_add(b, sig, 64);
}

static void setup(void)
{
	uint8_t pub[64];

	memset(&d, 0, sizeof d);
	d.split.t = 2;
	d.split.n = 3;
	for (int i = 0; i < 3; i++)
		ck_assert(hz_k256_generate(sec[i], pub) && hz_k256_pub_write(pub, true, d.nodes[i]) && hz_k256_generate(dealt[i], pub));
	ck_assert_uint_eq(hz_dkg_begin(&d), CKR_OK);
	for (unsigned i = 0; i < 3; i++) {
		struct hz_share s;

		ck_assert_uint_eq(hz_share_make(dealt[i], &d.split, 1, &s), CKR_OK);
		hz_dkg_round1(&d, i + 1, (const uint8_t(*)[33])s.commitments, &one[i]);
		sign(dealt[i], &one[i]);
		sign(sec[i], &one[i]);
		ck_assert_uint_eq(hz_dkg_read(&d, one[i].p, one[i].len, &m1[i]), CKR_OK);
		ck_assert(m1[i].round == 1 && m1[i].from == i + 1);
	}
}

static void teardown(void)
{
	for (int i = 0; i < 3; i++) {
		hz_buf_free(&one[i]);
		hz_buf_free(&two[i]);
	}
}

START_TEST(messages)
{
	struct hz_buf blobs[3] = { HZ_BUF_INIT, HZ_BUF_INIT, HZ_BUF_INIT };
	uint8_t transcript[32];

	hz_buf_str(&blobs[0], "first");
	hz_buf_str(&blobs[2], "third, the second is empty");
	hz_dkg_transcript(&d, m1, transcript);
	hz_dkg_round2(&d, 2, transcript, blobs, &two[1]);
	sign(sec[1], &two[1]);
	ck_assert_uint_eq(hz_dkg_read(&d, two[1].p, two[1].len, &m2[1]), CKR_OK);
	ck_assert(m2[1].round == 2 && m2[1].blob_len[0] == 5 && m2[1].blob_len[1] == 0 && memcmp(m2[1].blob[2], "third", 5) == 0);
	ck_assert_mem_eq(m2[1].transcript, transcript, 32);
	for (int r = 0; r < 2; r++) {
		struct hz_buf *b = r ? &two[1] : &one[1];
		struct hz_dkg_msg m;

		for (size_t i = 0; i < b->len; i++) {
			b->p[i] ^= 1;
			ck_assert_msg(hz_dkg_read(&d, b->p, b->len, &m) != CKR_OK, "round %d, byte %zu", r + 1, i);
			b->p[i] ^= 1;
			ck_assert(hz_dkg_read(&d, b->p, i, &m) != CKR_OK);
		}
	}
	for (int i = 0; i < 3; i++)
		hz_buf_free(&blobs[i]);
}
END_TEST

/* Commitments that their sender has no key for: another's, negated to cancel it, under a good signature of the node. */
START_TEST(rogue)
{
	struct hz_buf b = HZ_BUF_INIT;
	uint8_t c[2][33];
	struct hz_dkg_msg m;

	memcpy(c, m1[0].commitments, sizeof c);
	c[0][0] ^= 1;
	hz_dkg_round1(&d, 2, (const uint8_t(*)[33])c, &b);
	sign(dealt[1], &b);
	sign(sec[1], &b);
	ck_assert_uint_eq(hz_dkg_read(&d, b.p, b.len, &m), CKR_SIGNATURE_INVALID);
	hz_buf_free(&b);
}
END_TEST

/* The sum's commitments give the public keys of the summed shares, and its first is the sum of the keys. */
START_TEST(sum)
{
	struct hz_share record, s, total;
	uint8_t y[64], own[64];

	ck_assert(hz_dkg_sum(&d, m1, 3, &record));
	for (unsigned i = 1; i <= 3; i++) {
		ck_assert_uint_eq(hz_share_make(dealt[0], &d.split, i, &total), CKR_OK);
		for (int k = 1; k < 3; k++) {
			ck_assert_uint_eq(hz_share_make(dealt[k], &d.split, i, &s), CKR_OK);
			ck_assert_uint_eq(hz_share_add(&total, &s), CKR_OK);
		}
		ck_assert(hz_share_public(&record, i, y) && hz_k256_pub_from_sec(own, total.value) && hz_k256_pub_equal(y, own));
		ck_assert_mem_eq(total.commitments, record.commitments, 66);
	}
	s.i = 1;
	ck_assert_uint_eq(hz_share_add(&total, &s), CKR_WRAPPED_KEY_INVALID);
}
END_TEST

/* A refresh: its messages, that its commitments are those of the new shares, and that the key stays. */
START_TEST(refresh)
{
	static struct hz_share old, record, plus, minus, share;
	struct hz_dkg e = d;
	struct hz_dkg_msg m[3];
	struct hz_buf b[3] = { HZ_BUF_INIT, HZ_BUF_INIT, HZ_BUF_INIT }, ack = HZ_BUF_INIT;
	uint8_t points[3][33], y[64], own[64];
	struct hz_split other;

	ck_assert_uint_eq(hz_share_make(sec[0], &d.split, 1, &old), CKR_OK);
	e.old = &old;
	ck_assert_uint_eq(hz_dkg_begin(&e), CKR_OK);
	ck_assert_mem_ne(e.split.id, d.split.id, HZ_SHAMIR_ID);
	ck_assert_uint_eq(hz_dkg_points(&e), 3);
	other = e.split;
	hz_split_other(e.split.id, other.id);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(hz_share_make(dealt[i], &e.split, 1, &plus), CKR_OK);
		ck_assert_uint_eq(hz_share_make(dealt[i], &other, 1, &minus), CKR_OK);
		memcpy(points, plus.commitments, 66);
		memcpy(points[2], minus.commitments[1], 33);
		hz_dkg_round1(&e, i + 1, (const uint8_t(*)[33])points, &b[i]);
		sign(dealt[i], &b[i]);
		sign(sec[i], &b[i]);
		ck_assert_uint_eq(hz_dkg_read(&e, b[i].p, b[i].len, &m[i]), CKR_OK);
		ck_assert_uint_eq(hz_dkg_read(&d, b[i].p, b[i].len, &m2[0]), CKR_DATA_INVALID); /* another ceremony */
	}
	ck_assert(hz_dkg_sum(&e, m, 3, &record));
	ck_assert_mem_eq(record.commitments[0], old.commitments[0], 33);
	ck_assert_mem_ne(record.commitments[1], old.commitments[1], 33);
	for (unsigned i = 1; i <= 3; i++) {
		ck_assert_uint_eq(hz_share_make(sec[0], &d.split, i, &share), CKR_OK);
		for (int k = 0; k < 3; k++) {
			ck_assert_uint_eq(hz_share_make(dealt[k], &e.split, i, &plus), CKR_OK);
			ck_assert_uint_eq(hz_share_make(dealt[k], &other, i, &minus), CKR_OK);
			ck_assert_uint_eq(hz_share_refresh(share.value, &d.split, i, &plus, &minus), CKR_OK);
		}
		ck_assert(hz_share_public(&record, i, y) && hz_k256_pub_from_sec(own, share.value) && hz_k256_pub_equal(y, own));
	}
	hz_dkg_round3(&e, 2, &record, &ack);
	sign(sec[1], &ack);
	ck_assert_uint_eq(hz_dkg_read(&e, ack.p, ack.len, &m[0]), CKR_OK);
	ck_assert(m[0].round == 3 && m[0].from == 2);
	for (size_t i = 0; i < ack.len; i++) {
		ack.p[i] ^= 1;
		ck_assert_msg(hz_dkg_read(&e, ack.p, ack.len, &m[0]) != CKR_OK, "byte %zu", i);
		ack.p[i] ^= 1;
	}
	memcpy(ack.p + 7, d.split.id, HZ_SHAMIR_ID); /* a key generation has no third round */
	ack.len -= 64;
	sign(sec[1], &ack);
	ck_assert_uint_eq(hz_dkg_read(&d, ack.p, ack.len, &m[0]), CKR_DATA_INVALID);
	e.split.t = 3;
	ck_assert_uint_eq(hz_dkg_begin(&e), CKR_DATA_INVALID);
	for (int i = 0; i < 3; i++)
		hz_buf_free(&b[i]);
	hz_buf_free(&ack);
}
END_TEST

START_TEST(interpolation)
{
	static const unsigned sizes[] = { 2, 3, 4, 7, 20, 60 };
	static uint8_t y[60][64], got[60][33];
	struct hz_share s;

	for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
		struct hz_split split = { .t = sizes[k], .n = 60 };

		for (unsigned i = 1; i <= sizes[k]; i++) {
			ck_assert_uint_eq(hz_share_make(sec[0], &split, i, &s), CKR_OK);
			ck_assert(hz_k256_pub_from_sec(y[i - 1], s.value));
		}
		ck_assert(hz_dkg_interpolate((const uint8_t(*)[64])y, sizes[k], got));
		ck_assert_mem_eq(got, s.commitments, 33 * sizes[k]);
	}
}
END_TEST

START_TEST(rosters)
{
	struct hz_dkg e = d;

	e.split.t = 1;
	ck_assert_uint_eq(hz_dkg_begin(&e), CKR_DATA_INVALID);
	e.split.t = 4;
	ck_assert_uint_eq(hz_dkg_begin(&e), CKR_DATA_INVALID);
	e = d;
	memcpy(e.nodes[2], e.nodes[0], 33);
	e.nodes[2][0] ^= 1; /* the negative of a key signs what the key signs */
	ck_assert_uint_eq(hz_dkg_begin(&e), CKR_DATA_INVALID);
	e = d;
	e.nodes[1][0] = 4;
	ck_assert_uint_eq(hz_dkg_begin(&e), CKR_DATA_INVALID);
	e = d;
	e.nonce[3] ^= 1;
	ck_assert_uint_eq(hz_dkg_begin(&e), CKR_OK);
	ck_assert_mem_ne(e.split.id, d.split.id, HZ_SHAMIR_ID);
	ck_assert_uint_eq(hz_dkg_read(&e, one[0].p, one[0].len, &m2[0]), CKR_DATA_INVALID);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dkg");
	TCase *t = tcase_create("dkg");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, messages);
	tcase_add_test(t, rogue);
	tcase_add_test(t, sum);
	tcase_add_test(t, refresh);
	tcase_add_test(t, interpolation);
	tcase_add_test(t, rosters);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
