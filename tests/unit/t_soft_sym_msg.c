/* SPDX-License-Identifier: Apache-2.0 */
/* The message-based AEAD calls: who makes the IV, where IV and tag go, and what a forged message leaves. */
#include "soft_sym_help.h"

static struct hz_key *new_key(CK_KEY_TYPE type)
{
	static const uint8_t raw[32] = { 42 };

	return key_of(type, raw, 32);
}

/* One message by one call into exact buffers. */
static CK_RV one(struct hz_op *op, void *param, CK_ULONG len, const char *aad, const void *in, size_t n, uint8_t *out)
{
	uint8_t *a = exact(aad, strlen(aad)), *copy = exact(in, n), *room = malloc(n != 0 ? n : 1);
	size_t got = 99;
	CK_RV rv = op->ops->message(op, param, len, a, strlen(aad), copy, n, room, &got);

	ck_assert_uint_eq(got, rv == CKR_OK ? n : 0);
	memcpy(out, room, n);
	free(a);
	free(copy);
	free(room);
	return rv;
}

/* The classic one-shot gives ciphertext | tag; messages give the same two apart. */
START_TEST(same_as_classic)
{
	struct hz_key *k = new_key(CKK_AES);
	uint8_t iv[12] = { 1, 2 }, tag[16], text[100], ct[100], back[100];
	CK_GCM_PARAMS classic = { iv, 12, 0, (uint8_t *)(uintptr_t)"aad", 3, 112 };
	CK_GCM_MESSAGE_PARAMS m = { iv, 12, 0, CKG_NO_GENERATE, tag, 112 };
	struct hz_op *op = NULL, *enc = NULL, *dec = NULL;
	struct result r;

	memset(text, 't', sizeof text);
	ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_AES_GCM, &classic, sizeof classic, k, &op), CKR_OK);
	ck_assert_uint_eq(begin_with(HZ_OP_MSG_ENCRYPT, CKM_AES_GCM, &classic, sizeof classic, k, &enc), CKR_OK);
	ck_assert_uint_eq(begin_with(HZ_OP_MSG_DECRYPT, CKM_AES_GCM, &classic, sizeof classic, k, &dec), CKR_OK);
	for (size_t n = 0; n <= sizeof text; n += 20) {
		ck_assert_uint_eq(rearm_with(op, CKM_AES_GCM, &classic, sizeof classic), CKR_OK);
		ck_assert_uint_eq(run_once(op, text, n, &r), CKR_OK);
		memset(tag, 0xee, sizeof tag);
		ck_assert_uint_eq(one(enc, &m, sizeof m, "aad", text, n, ct), CKR_OK);
		ck_assert(memcmp(ct, r.p, n) == 0 && memcmp(tag, r.p + n, 14) == 0);
		ck_assert(tag[14] == 0xee && tag[15] == 0xee);
		ck_assert_uint_eq(one(dec, &m, sizeof m, "aad", ct, n, back), CKR_OK);
		ck_assert_mem_eq(back, text, n);
		ck_assert_uint_eq(one(dec, &m, sizeof m, "aae", ct, n, back), CKR_AEAD_DECRYPT_FAILED);
		free(r.p);
	}
	op->ops->free(op);
	enc->ops->free(enc);
	dec->ops->free(dec);
	hz_soft_key_free(k);
}
END_TEST

START_TEST(forged)
{
	struct hz_key *k = new_key(CKK_AES);
	uint8_t iv[12] = { 5 }, tag[16], text[64], ct[64], out[64], zero[64] = { 0 };
	CK_GCM_MESSAGE_PARAMS m = { iv, 12, 0, CKG_NO_GENERATE, tag, 128 };
	struct hz_mech none = { .type = CKM_AES_GCM };
	struct hz_op *enc = NULL, *dec = NULL;
	size_t got;

	memset(text, 's', sizeof text);
	ck_assert_uint_eq(hz_soft_mech_find(CKM_AES_GCM)->begin(HZ_OP_MSG_ENCRYPT, &none, k, &enc), CKR_OK);
	ck_assert_uint_eq(hz_soft_mech_find(CKM_AES_GCM)->begin(HZ_OP_MSG_DECRYPT, &none, k, &dec), CKR_OK);
	ck_assert_uint_eq(one(enc, &m, sizeof m, "", text, 64, ct), CKR_OK);
	for (size_t i = 0; i < 16 + 64 + 12; i++) {
		uint8_t *at = i < 16 ? tag + i : i < 80 ? ct + i - 16 : iv + i - 80;

		*at ^= 4;
		memset(out, 0, sizeof out);
		ck_assert_uint_eq(dec->ops->message(dec, &m, sizeof m, NULL, 0, ct, 64, out, &got), CKR_AEAD_DECRYPT_FAILED);
		ck_assert(got == 0 && memcmp(out, zero, sizeof out) == 0);
		*at ^= 4;
	}
	ck_assert_uint_eq(dec->ops->message(dec, &m, sizeof m, NULL, 0, ct, 64, ct, &got), CKR_OK); /* the same op, in place */
	ck_assert_mem_eq(ct, text, 64);
	ck_assert_uint_eq(dec->ops->message(dec, &m, sizeof m - 1, NULL, 0, ct, 64, ct, &got), CKR_MECHANISM_PARAM_INVALID);
	ck_assert_uint_eq(dec->ops->message(dec, NULL, 0, NULL, 0, ct, 64, ct, &got), CKR_MECHANISM_PARAM_INVALID);
	m.pTag = NULL;
	ck_assert_uint_eq(dec->ops->message(dec, &m, sizeof m, NULL, 0, ct, 64, ct, &got), CKR_MECHANISM_PARAM_INVALID);
	enc->ops->free(enc);
	dec->ops->free(dec);
	hz_soft_key_free(k);
}
END_TEST

/* The value of bits `from` and on of an IV, most significant first, modulo 2^64. */
static uint64_t tail(const uint8_t *iv, size_t len, size_t from)
{
	uint64_t v = 0;

	for (size_t bit = from; bit < 8 * len; bit++)
		v = v << 1 | (iv[bit / 8] >> (7 - bit % 8) & 1);
	return v;
}

/* IVs made here come back, keep their fixed bits, are never the same, and open the message again. */
START_TEST(generated)
{
	static const CK_GENERATOR_FUNCTION gens[] = { CKG_GENERATE, CKG_GENERATE_RANDOM, CKG_GENERATE_COUNTER, CKG_GENERATE_COUNTER_XOR };
	CK_GENERATOR_FUNCTION g = gens[_i % 4];
	CK_ULONG fixed = (CK_ULONG[]){ 0, 32, 29, 13 }[_i / 4];
	struct hz_mech none = { .type = CKM_AES_GCM };
	struct hz_key *k = new_key(CKK_AES);
	uint8_t first[12] = { 0xa5, 0x5a, 0xff, 0x0f, 9, 8, 7, 6, 5, 4, 3, 2 }, ivs[40][12], tag[16], ct[5], back[5];
	struct hz_op *enc[2], *dec = NULL;

	ck_assert_uint_eq(hz_soft_mech_find(CKM_AES_GCM)->begin(HZ_OP_MSG_ENCRYPT, &none, k, &enc[0]), CKR_OK);
	ck_assert_uint_eq(hz_soft_mech_find(CKM_AES_GCM)->begin(HZ_OP_MSG_ENCRYPT, &none, k, &enc[1]), CKR_OK);
	ck_assert_uint_eq(hz_soft_mech_find(CKM_AES_GCM)->begin(HZ_OP_MSG_DECRYPT, &none, k, &dec), CKR_OK);
	for (size_t i = 0; i < 40; i++) {
		/* Two operations on one key in turn, except where the base is the operation's own. */
		struct hz_op *op = enc[g == CKG_GENERATE_COUNTER_XOR ? 0 : i % 2];
		CK_GCM_MESSAGE_PARAMS m = { ivs[i], 12, fixed, g, tag, 128 };

		memcpy(ivs[i], i == 0 ? first : ivs[i - 1], 12); /* as a caller does who passes the same structure again */
		ck_assert_uint_eq(one(op, &m, sizeof m, "a", "hello", 5, ct), CKR_OK);
		for (size_t bit = 0; bit < fixed; bit++)
			ck_assert(((ivs[i][bit / 8] ^ first[bit / 8]) >> (7 - bit % 8) & 1) == 0);
		for (size_t j = 0; j < i; j++)
			ck_assert(memcmp(ivs[i], ivs[j], 12) != 0);
		if (g == CKG_GENERATE_COUNTER && i > 0)
			ck_assert_uint_eq(tail(ivs[i], 12, 32), tail(ivs[i - 1], 12, 32) + 1);
		if (g == CKG_GENERATE_COUNTER_XOR)
			ck_assert_uint_eq(tail(ivs[i], 12, 32) ^ tail(first, 12, 32), i);
		m.ivGenerator = CKG_NO_GENERATE;
		ck_assert_uint_eq(one(dec, &m, sizeof m, "a", ct, 5, back), CKR_OK);
		ck_assert_mem_eq(back, "hello", 5);
	}
	enc[0]->ops->free(enc[0]);
	enc[1]->ops->free(enc[1]);
	dec->ops->free(dec);
	hz_soft_key_free(k);
}
END_TEST

START_TEST(too_little_room_for_an_iv)
{
	struct hz_mech none = { .type = CKM_AES_GCM };
	struct hz_key *k = new_key(CKK_AES);
	uint8_t iv[12] = { 0 }, tag[16], ct[1];
	struct hz_op *op = NULL;

	ck_assert_uint_eq(hz_soft_mech_find(CKM_AES_GCM)->begin(HZ_OP_MSG_ENCRYPT, &none, k, &op), CKR_OK);
	for (CK_ULONG fixed = 0; fixed <= 97; fixed++) {
		CK_GCM_MESSAGE_PARAMS m = { iv, 12, fixed, CKG_GENERATE_RANDOM, tag, 128 };

		ck_assert_uint_eq(one(op, &m, sizeof m, "", "x", 1, ct), fixed <= 32 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
		m.ivGenerator = CKG_GENERATE_COUNTER;
		ck_assert_uint_eq(one(op, &m, sizeof m, "", "x", 1, ct), fixed <= 32 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
	}
	{
		CK_GCM_MESSAGE_PARAMS m = { iv, 12, 94, CKG_GENERATE_COUNTER_XOR, tag, 128 }; /* two bits: four IVs */

		for (int i = 0; i < 6; i++)
			ck_assert_uint_eq(one(op, &m, sizeof m, "", "x", 1, ct), i < 4 ? CKR_OK : CKR_KEY_EXHAUSTED);
		m.ivGenerator = 99;
		ck_assert_uint_eq(one(op, &m, sizeof m, "", "x", 1, ct), CKR_MECHANISM_PARAM_INVALID);
	}
	atomic_store(&k->random_ivs, (uint64_t)1 << 16);
	{
		CK_GCM_MESSAGE_PARAMS m = { iv, 12, 32, CKG_GENERATE, tag, 128 }; /* 64 random bits serve fewer messages than 96 */

		ck_assert_uint_eq(one(op, &m, sizeof m, "", "x", 1, ct), CKR_KEY_EXHAUSTED);
		m.ulIvFixedBits = 0;
		ck_assert_uint_eq(one(op, &m, sizeof m, "", "x", 1, ct), CKR_OK);
	}
	atomic_store(&k->random_ivs, (uint64_t)1 << 32);
	{
		CK_GCM_MESSAGE_PARAMS m = { iv, 12, 0, CKG_GENERATE, tag, 128 };

		ck_assert_uint_eq(one(op, &m, sizeof m, "", "x", 1, ct), CKR_KEY_EXHAUSTED);
	}
	op->ops->free(op);
	hz_soft_key_free(k);
}
END_TEST

/* Messages in parts give what one call gives, for all three mechanisms; the tag is read and written with the last part. */
static void in_parts(CK_MECHANISM_TYPE type, CK_KEY_TYPE kt, void *param, CK_ULONG param_len, uint8_t *tag)
{
	struct hz_mech none = { .type = type };
	struct hz_key *k = new_key(kt);
	struct hz_op *enc = NULL, *dec = NULL;
	uint8_t text[90], ct[90], whole_tag[16], part[90];
	size_t got;

	memset(text, 'p', sizeof text);
	ck_assert_uint_eq(hz_soft_mech_find(type)->begin(HZ_OP_MSG_ENCRYPT, &none, k, &enc), CKR_OK);
	ck_assert_uint_eq(hz_soft_mech_find(type)->begin(HZ_OP_MSG_DECRYPT, &none, k, &dec), CKR_OK);
	ck_assert_uint_eq(one(enc, param, param_len, "xyz", text, 90, ct), CKR_OK);
	memcpy(whole_tag, tag, 16);
	for (size_t step = 1; step <= 90; step += 11) {
		for (int side = 0; side < 3; side++) { /* encrypt, decrypt, decrypt with a bad tag */
			struct hz_op *op = side == 0 ? enc : dec;
			CK_RV rv = op->ops->message_begin(op, param, param_len, (const uint8_t *)"xyz", 3);

			if (side == 0)
				memset(tag, 0, 16);
			else
				memcpy(tag, whole_tag, 16);
			tag[0] ^= side == 2;
			ck_assert_uint_eq(rv, CKR_OK);
			for (size_t at = 0; at < 90; at += step) {
				size_t n = 90 - at < step ? 90 - at : step;
				bool last = at + n == 90;

				rv = op->ops->message_next(op, param, param_len, (side == 0 ? text : ct) + at, n, part + at, &got, last);
				ck_assert_uint_eq(rv, last && side == 2 ? CKR_AEAD_DECRYPT_FAILED : CKR_OK);
				ck_assert_uint_eq(got, rv == CKR_OK ? n : 0);
			}
			if (side < 2)
				ck_assert_mem_eq(part, side == 0 ? ct : text, 90);
			if (side == 0)
				ck_assert_mem_eq(tag, whole_tag, 16);
		}
	}
	enc->ops->free(enc);
	dec->ops->free(dec);
	hz_soft_key_free(k);
}

START_TEST(parts)
{
	uint8_t iv[12] = { 3 }, tag[16];
	CK_GCM_MESSAGE_PARAMS gcm = { iv, 12, 0, CKG_NO_GENERATE, tag, 128 };
	CK_CCM_MESSAGE_PARAMS ccm = { 90, iv, 12, 0, CKG_NO_GENERATE, tag, 16 };
	CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS cc = { iv, 12, tag };

	in_parts(CKM_AES_GCM, CKK_AES, &gcm, sizeof gcm, tag);
	in_parts(CKM_AES_CCM, CKK_AES, &ccm, sizeof ccm, tag);
	in_parts(CKM_CHACHA20_POLY1305, CKK_CHACHA20, &cc, sizeof cc, tag);
}
END_TEST

/* CCM: the announced length binds. */
START_TEST(ccm_length)
{
	struct hz_mech none = { .type = CKM_AES_CCM };
	struct hz_key *k = new_key(CKK_AES);
	uint8_t nonce[13] = { 1 }, mac[8], ct[10];
	struct hz_op *op = NULL;

	ck_assert_uint_eq(hz_soft_mech_find(CKM_AES_CCM)->begin(HZ_OP_MSG_ENCRYPT, &none, k, &op), CKR_OK);
	for (CK_ULONG n = 0; n < 20; n++) {
		CK_CCM_MESSAGE_PARAMS m = { n, nonce, 13, 0, CKG_GENERATE, mac, 8 };

		ck_assert_uint_eq(one(op, &m, sizeof m, "", "0123456789", 10, ct), n == 10 ? CKR_OK : CKR_DATA_LEN_RANGE);
	}
	op->ops->free(op);
	hz_soft_key_free(k);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("soft_sym_msg");
	TCase *c = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_test(c, same_as_classic);
	tcase_add_test(c, forged);
	tcase_add_loop_test(c, generated, 0, 16);
	tcase_add_test(c, too_little_room_for_an_iv);
	tcase_add_test(c, parts);
	tcase_add_test(c, ccm_length);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
