/* SPDX-License-Identifier: Apache-2.0 */
/* AES and AEAD operations of the software backend: published answers, every length rule, overlapping buffers. */
#include "soft_sym_help.h"

#define KEY128 "2b7e151628aed2a6abf7158809cf4f3c"
#define KEY256 "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
#define TEXT32 "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"

static struct hz_key *aes_key(const char *hex)
{
	size_t n;
	uint8_t *p = unhex(hex, &n);
	struct hz_key *k = key_of(CKK_AES, p, n);

	free(p);
	return k;
}

static void known(const char *key, CK_MECHANISM_TYPE type, void *param, size_t param_len, const char *plain, const char *cipher)
{
	struct hz_key *k = aes_key(key);
	struct hz_op *op = NULL;
	struct result r;
	size_t n, c_n;
	uint8_t *p = unhex(plain, &n), *c = unhex(cipher, &c_n);

	ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, type, param, param_len, k, &op), CKR_OK);
	ck_assert_uint_eq(run_once(op, p, n, &r), CKR_OK);
	expect_hex(r.p, r.len, cipher);
	free(r.p);
	op->ops->free(op);
	ck_assert_uint_eq(begin_with(HZ_OP_DECRYPT, type, param, param_len, k, &op), CKR_OK);
	for (size_t step = 1; step < 35; step++) {
		ck_assert_uint_eq(rearm_with(op, type, param, param_len), CKR_OK);
		ck_assert_uint_eq(run_parts(op, c, c_n, step, &r), CKR_OK);
		expect_hex(r.p, r.len, plain);
		free(r.p);
	}
	op->ops->free(op);
	free(p);
	free(c);
	hz_soft_key_free(k);
}

/* FIPS 197 appendix C; SP 800-38A F.2.1, F.5.1, F.5.5. */
START_TEST(published)
{
	const char *fips = "00112233445566778899aabbccddeeff";
	uint8_t iv[16];
	CK_AES_CTR_PARAMS ctr = { 128, { 0 } };

	for (uint8_t i = 0; i < 16; i++) {
		iv[i] = i;
		ctr.cb[i] = (uint8_t)(0xf0 + i);
	}
	known("000102030405060708090a0b0c0d0e0f", CKM_AES_ECB, NULL, 0, fips, "69c4e0d86a7b0430d8cdb78070b4c55a");
	known("000102030405060708090a0b0c0d0e0f1011121314151617", CKM_AES_ECB, NULL, 0, fips, "dda97ca4864cdfe06eaf70a0ec0d7191");
	known("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", CKM_AES_ECB, NULL, 0, fips,
	      "8ea2b7ca516745bfeafc49904b496089");
	known(KEY128, CKM_AES_CBC, iv, 16, TEXT32, "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
	known(KEY128, CKM_AES_CTR, &ctr, sizeof ctr, TEXT32, "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff");
	known(KEY256, CKM_AES_CTR, &ctr, sizeof ctr, TEXT32, "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5");
}
END_TEST

/* RFC 8439 section 2.8.2. */
START_TEST(chacha20_poly1305)
{
	static const char text[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
	uint8_t raw[32], nonce[12] = { 7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47 };
	uint8_t aad[12] = { 0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7 };
	CK_SALSA20_CHACHA20_POLY1305_PARAMS p = { nonce, 12, aad, 12 };
	struct hz_op *enc = NULL, *dec = NULL;
	struct hz_key *k;
	struct result r, back;

	for (uint8_t i = 0; i < 32; i++)
		raw[i] = (uint8_t)(0x80 + i);
	k = key_of(CKK_CHACHA20, raw, 32);
	ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_CHACHA20_POLY1305, &p, sizeof p, k, &enc), CKR_OK);
	ck_assert_uint_eq(begin_with(HZ_OP_DECRYPT, CKM_CHACHA20_POLY1305, &p, sizeof p, k, &dec), CKR_OK);
	for (size_t step = 0; step < 40; step++) {
		if (step != 0) {
			p.ulNonceLen = step % 2 ? 96 : 12; /* both readings of the standard */
			ck_assert_uint_eq(rearm_with(enc, CKM_CHACHA20_POLY1305, &p, sizeof p), CKR_OK);
			ck_assert_uint_eq(rearm_with(dec, CKM_CHACHA20_POLY1305, &p, sizeof p), CKR_OK);
		}
		ck_assert_uint_eq(step == 0 ? run_once(enc, text, 114, &r) : run_parts(enc, text, 114, step, &r), CKR_OK);
		ck_assert_uint_eq(r.len, 130);
		expect_hex(r.p, 16, "d31a8d34648e60db7b86afbc53ef7ec2");
		expect_hex(r.p + 114, 16, "1ae10b594f09e26a7e902ecbd0600691");
		ck_assert_uint_eq(step == 0 ? run_once(dec, r.p, 130, &back) : run_parts(dec, r.p, 130, step, &back), CKR_OK);
		ck_assert(back.len == 114 && memcmp(back.p, text, 114) == 0);
		free(back.p);
		ck_assert_uint_eq(rearm_with(dec, CKM_CHACHA20_POLY1305, &p, sizeof p), CKR_OK);
		r.p[step] ^= 1;
		ck_assert_uint_eq(run_once(dec, r.p, 130, &back), CKR_ENCRYPTED_DATA_INVALID);
		free(back.p);
		free(r.p);
	}
	enc->ops->free(enc);
	dec->ops->free(dec);
	hz_soft_key_free(k);
}
END_TEST

START_TEST(block_lengths)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_AES_ECB, CKM_AES_CBC };
	struct hz_key *k = aes_key(KEY128);
	uint8_t iv[16] = { 0 }, data[64] = { 0 };
	struct hz_op *op = NULL;
	struct result r;

	for (size_t t = 0; t < 2; t++) {
		void *param = t != 0 ? iv : NULL;

		for (int enc = 0; enc < 2; enc++) {
			ck_assert_uint_eq(begin_with(enc ? HZ_OP_ENCRYPT : HZ_OP_DECRYPT, types[t], param, t * 16, k, &op), CKR_OK);
			for (size_t n = 0; n <= 48; n++) {
				CK_RV want = n % 16 == 0 ? CKR_OK : enc ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;

				ck_assert_uint_eq(rearm_with(op, types[t], param, t * 16), CKR_OK);
				ck_assert_uint_eq(run_once(op, data, n, &r), want);
				ck_assert_uint_eq(r.len, want == CKR_OK ? n : 0);
				free(r.p);
				ck_assert_uint_eq(rearm_with(op, types[t], param, t * 16), CKR_OK);
				ck_assert_uint_eq(run_parts(op, data, n, 5, &r), want);
				free(r.p);
			}
			op->ops->free(op);
		}
	}
	ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_AES_CBC, iv, 15, k, &op), CKR_MECHANISM_PARAM_INVALID);
	ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_AES_CBC, NULL, 0, k, &op), CKR_MECHANISM_PARAM_INVALID);
	ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_AES_ECB, iv, 16, k, &op), CKR_MECHANISM_PARAM_INVALID);
	hz_soft_key_free(k);
}
END_TEST

/* Every last byte, and each byte of a padding changed: one code, whatever is wrong. */
START_TEST(padding_has_one_answer)
{
	struct hz_key *k = aes_key(KEY256);
	uint8_t iv[16] = { 9 }, block[32];
	struct hz_op *raw = NULL, *dec = NULL;
	struct result r, back;

	ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_AES_CBC, iv, 16, k, &raw), CKR_OK);
	ck_assert_uint_eq(begin_with(HZ_OP_DECRYPT, CKM_AES_CBC_PAD, iv, 16, k, &dec), CKR_OK);
	for (unsigned pad = 0; pad < 256; pad++) {
		for (unsigned flaw = 0; flaw <= 16; flaw++) {
			bool good = pad >= 1 && pad <= 16 && (flaw == 0 || flaw > pad);

			memset(block, 0x5a, sizeof block);
			for (unsigned i = 0; i < pad && i < 16; i++)
				block[31 - i] = (uint8_t)pad;
			block[31] = (uint8_t)pad;
			if (flaw > 1)
				block[32 - flaw] ^= 0x80;
			if (flaw == 1)
				continue; /* that is another pad */
			ck_assert_uint_eq(rearm_with(raw, CKM_AES_CBC, iv, 16), CKR_OK);
			ck_assert_uint_eq(run_once(raw, block, 32, &r), CKR_OK);
			ck_assert_uint_eq(rearm_with(dec, CKM_AES_CBC_PAD, iv, 16), CKR_OK);
			ck_assert_uint_eq(run_once(dec, r.p, 32, &back), good ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID);
			ck_assert_uint_eq(back.len, good ? 32 - pad : 0);
			free(back.p);
			free(r.p);
		}
	}
	for (size_t n = 0; n < 48; n++) {
		if (n == 32)
			continue;
		ck_assert_uint_eq(rearm_with(dec, CKM_AES_CBC_PAD, iv, 16), CKR_OK);
		ck_assert_uint_eq(run_once(dec, block, n > 32 ? 32 : n, &back), CKR_ENCRYPTED_DATA_INVALID);
		free(back.p);
	}
	raw->ops->free(raw);
	dec->ops->free(dec);
	hz_soft_key_free(k);
}
END_TEST

/* The counter bits may be used up to the last value and no further; the rest of the block never changes. */
START_TEST(counter_bits)
{
	struct hz_key *k = aes_key(KEY128);
	CK_AES_CTR_PARAMS ctr = { 0, { 0 } };
	uint8_t data[5 * 16] = { 0 };
	struct hz_op *op = NULL;
	struct result r;

	ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_AES_CTR, &ctr, sizeof ctr, k, &op), CKR_MECHANISM_PARAM_INVALID);
	ctr.ulCounterBits = 129;
	ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_AES_CTR, &ctr, sizeof ctr, k, &op), CKR_MECHANISM_PARAM_INVALID);
	for (CK_ULONG bits = 1; bits <= 128; bits++) {
		for (int enc = 0; enc < 2; enc++) {
			CK_RV full = enc ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
			size_t room = bits == 1 ? 16 : 32; /* the last two values are left; of one bit, the last one */

			memset(ctr.cb, 0xff, 16);
			if (bits > 1)
				ctr.cb[15] = 0xfe;
			ctr.ulCounterBits = bits;
			ck_assert_uint_eq(begin_with(enc ? HZ_OP_ENCRYPT : HZ_OP_DECRYPT, CKM_AES_CTR, &ctr, sizeof ctr, k, &op), CKR_OK);
			ck_assert_uint_eq(run_once(op, data, room, &r), CKR_OK);
			free(r.p);
			ck_assert_uint_eq(rearm_with(op, CKM_AES_CTR, &ctr, sizeof ctr), CKR_OK);
			ck_assert_uint_eq(run_once(op, data, room + 1, &r), bits == 128 ? CKR_OK : full);
			free(r.p);
			ck_assert_uint_eq(rearm_with(op, CKM_AES_CTR, &ctr, sizeof ctr), CKR_OK);
			ck_assert_uint_eq(run_parts(op, data, room + 1, 3, &r), bits == 128 ? CKR_OK : full);
			free(r.p);
			memset(ctr.cb, 0, 16);
			ck_assert_uint_eq(rearm_with(op, CKM_AES_CTR, &ctr, sizeof ctr), CKR_OK);
			ck_assert_uint_eq(run_once(op, data, 80, &r), bits >= 3 ? CKR_OK : full);
			free(r.p);
			op->ops->free(op);
		}
	}
	hz_soft_key_free(k);
}
END_TEST

/* Input and output anywhere over one another give what separate buffers give. */
static void overlaps(enum hz_op_kind kind, CK_MECHANISM_TYPE type, void *param, size_t param_len, CK_KEY_TYPE kt)
{
	static const uint8_t raw[32] = { 1, 2, 3 };
	struct hz_key *k = key_of(kt, raw, 32);
	struct hz_op *op = NULL;
	uint8_t in[160], area[600];
	struct result want;
	size_t n = sizeof in, got;

	for (size_t i = 0; i < n; i++)
		in[i] = (uint8_t)(i * 5);
	if (kind == HZ_OP_DECRYPT) { /* something that opens */
		ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, type, param, param_len, k, &op), CKR_OK);
		ck_assert_uint_eq(run_once(op, in, 128, &want), CKR_OK);
		n = want.len;
		ck_assert_uint_le(n, sizeof in);
		memcpy(in, want.p, n);
		free(want.p);
		op->ops->free(op);
	} else {
		n = 128;
	}
	ck_assert_uint_eq(begin_with(kind, type, param, param_len, k, &op), CKR_OK);
	ck_assert_uint_eq(run_once(op, in, n, &want), CKR_OK);
	for (size_t at = 0; at <= 400; at++) { /* where the output lies; the input is at 200 */
		memset(area, 0xee, sizeof area);
		memcpy(area + 200, in, n);
		ck_assert_uint_eq(rearm_with(op, type, param, param_len), CKR_OK);
		ck_assert_uint_eq(op->ops->once(op, area + 200, n, area + at, &got), CKR_OK);
		ck_assert(got == want.len && memcmp(area + at, want.p, got) == 0);
	}
	for (size_t head = 0; op->ops->update != NULL && head < 40; head++) { /* in place, after `head` bytes that may be held back */
		size_t a, b, c;

		ck_assert_uint_eq(rearm_with(op, type, param, param_len), CKR_OK);
		memcpy(area + 200, in, n);
		ck_assert_uint_eq(op->ops->update(op, in, head, area, &a), CKR_OK);
		ck_assert_uint_eq(op->ops->update(op, area + 200 + head, n - head, area + 200 + head, &b), CKR_OK);
		memmove(area + a, area + 200 + head, b);
		ck_assert_uint_eq(op->ops->final(op, area + a + b, &c), CKR_OK);
		ck_assert(a + b + c == want.len && memcmp(area, want.p, want.len) == 0);
	}
	free(want.p);
	op->ops->free(op);
	hz_soft_key_free(k);
}

START_TEST(overlapping_buffers)
{
	uint8_t iv[16] = { 3 }, aad[3] = { 1, 2, 3 };
	CK_AES_CTR_PARAMS ctr = { 128, { 7 } };
	CK_GCM_PARAMS gcm = { iv, 12, 96, aad, 3, 128 };
	CK_GCM_PARAMS gcm_short = { iv, 12, 96, aad, 3, 32 };
	CK_CCM_PARAMS ccm = { 128, iv, 12, aad, 3, 8 };
	CK_SALSA20_CHACHA20_POLY1305_PARAMS cc = { iv, 12, aad, 3 };

	for (int enc = 0; enc < 2; enc++) {
		enum hz_op_kind kind = enc ? HZ_OP_ENCRYPT : HZ_OP_DECRYPT;

		overlaps(kind, CKM_AES_ECB, NULL, 0, CKK_AES);
		overlaps(kind, CKM_AES_CBC, iv, 16, CKK_AES);
		overlaps(kind, CKM_AES_CBC_PAD, iv, 16, CKK_AES);
		overlaps(kind, CKM_AES_CTR, &ctr, sizeof ctr, CKK_AES);
		overlaps(kind, CKM_AES_GCM, &gcm, sizeof gcm, CKK_AES);
		overlaps(kind, CKM_AES_GCM, &gcm_short, sizeof gcm_short, CKK_AES);
		overlaps(kind, CKM_AES_CCM, &ccm, sizeof ccm, CKK_AES);
		overlaps(kind, CKM_CHACHA20_POLY1305, &cc, sizeof cc, CKK_CHACHA20);
		overlaps(kind, CKM_AES_KEY_WRAP, NULL, 0, CKK_AES);
		overlaps(kind, CKM_AES_KEY_WRAP_KWP, NULL, 0, CKK_AES);
	}
}
END_TEST

/* A one-shot decryption that fails leaves nothing of the plaintext; a stream may have given it already but fails in the end. */
START_TEST(bad_tags)
{
	struct hz_key *k = aes_key(KEY256);
	uint8_t iv[12] = { 1 }, text[100], zero[200] = { 0 }, out[200];
	CK_GCM_PARAMS gcm = { iv, 12, 0, NULL, 0, 96 };
	struct hz_op *op = NULL;
	struct result r;
	size_t got;

	memset(text, 'x', sizeof text);
	ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_AES_GCM, &gcm, sizeof gcm, k, &op), CKR_OK);
	ck_assert_uint_eq(run_once(op, text, sizeof text, &r), CKR_OK);
	ck_assert_uint_eq(r.len, 112);
	op->ops->free(op);
	ck_assert_uint_eq(begin_with(HZ_OP_DECRYPT, CKM_AES_GCM, &gcm, sizeof gcm, k, &op), CKR_OK);
	for (size_t i = 0; i < r.len; i++) {
		struct result s;

		r.p[i] ^= 0x10;
		memset(out, 0, sizeof out);
		ck_assert_uint_eq(rearm_with(op, CKM_AES_GCM, &gcm, sizeof gcm), CKR_OK);
		ck_assert_uint_eq(op->ops->once(op, r.p, r.len, out, &got), CKR_ENCRYPTED_DATA_INVALID);
		ck_assert(got == 0 && memcmp(out, zero, sizeof out) == 0);
		ck_assert_uint_eq(rearm_with(op, CKM_AES_GCM, &gcm, sizeof gcm), CKR_OK);
		ck_assert_uint_eq(run_parts(op, r.p, r.len, 17, &s), CKR_ENCRYPTED_DATA_INVALID);
		free(s.p);
		r.p[i] ^= 0x10;
	}
	for (size_t n = 0; n < 12; n++) {
		ck_assert_uint_eq(rearm_with(op, CKM_AES_GCM, &gcm, sizeof gcm), CKR_OK);
		ck_assert_uint_eq(op->ops->once(op, r.p, n, out, &got), CKR_ENCRYPTED_DATA_LEN_RANGE);
	}
	op->ops->free(op);
	free(r.p);
	hz_soft_key_free(k);
}
END_TEST

START_TEST(aead_parameters)
{
	static const CK_ULONG tags[] = { 32, 64, 96, 104, 112, 120, 128 };
	struct hz_key *k = aes_key(KEY128);
	uint8_t iv[300] = { 1 };
	struct hz_op *op = NULL;
	struct result r;

	for (CK_ULONG bits = 0; bits <= 136; bits++) {
		CK_GCM_PARAMS gcm = { iv, 12, 0, NULL, 0, bits };
		bool good = false;

		for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
			good = good || tags[i] == bits;
		ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_AES_GCM, &gcm, sizeof gcm, k, &op), good ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
		if (!good)
			continue;
		ck_assert_uint_eq(run_once(op, NULL, 0, &r), CKR_OK);
		ck_assert_uint_eq(r.len, bits / 8);
		free(r.p);
		op->ops->free(op);
	}
	for (CK_ULONG n = 0; n <= 300; n++) {
		CK_GCM_PARAMS gcm = { iv, n, 0, NULL, 0, 128 };

		ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_AES_GCM, &gcm, sizeof gcm, k, &op), n != 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
		if (n != 0)
			op->ops->free(op);
	}
	for (CK_ULONG announced = 0; announced < 40; announced++) { /* CCM: neither more nor less than announced */
		CK_CCM_PARAMS ccm = { announced, iv, 12, NULL, 0, 16 };

		ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_AES_CCM, &ccm, sizeof ccm, k, &op), CKR_OK);
		ck_assert_uint_eq(run_once(op, iv, 20, &r), announced == 20 ? CKR_OK : CKR_DATA_LEN_RANGE);
		free(r.p);
		op->ops->free(op);
		ck_assert_uint_eq(begin_with(HZ_OP_DECRYPT, CKM_AES_CCM, &ccm, sizeof ccm, k, &op), CKR_OK);
		ck_assert_uint_eq(run_parts(op, iv, 36, 7, &r), announced == 20 ? CKR_ENCRYPTED_DATA_INVALID : CKR_ENCRYPTED_DATA_LEN_RANGE);
		free(r.p);
		op->ops->free(op);
	}
	hz_soft_key_free(k);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("soft_sym_cipher");
	TCase *c = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c, published);
	tcase_add_test(c, chacha20_poly1305);
	tcase_add_test(c, block_lengths);
	tcase_add_test(c, padding_has_one_answer);
	tcase_add_test(c, counter_bits);
	tcase_add_test(c, overlapping_buffers);
	tcase_add_test(c, bad_tags);
	tcase_add_test(c, aead_parameters);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
