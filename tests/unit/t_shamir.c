/* SPDX-License-Identifier: Apache-2.0 */
/* Threshold shares: any t of n, liars, the stored example, the mechanisms around them. */
#include "crypto/shamir.h"

#include <json-c/json.h>
#include <stdio.h>

#include "asym_util.h"
#include "crypto/ecies.h"
#include "crypto/k256.h"

static void share_of(const uint8_t sec[32], unsigned t, unsigned n, unsigned i, struct hz_share *s)
{
	struct hz_split split = { .t = t, .n = n };

	memset(split.id, 0x42, sizeof split.id);
	ck_assert_uint_eq(hz_share_make(sec, &split, i, s), CKR_OK);
}

/* Every subset of 3 of 5 gives x(S), and two do not. */
START_TEST(any_three)
{
	struct hz_share *s = calloc(5, sizeof *s);
	struct hz_partial parts[5];
	uint8_t sec[32], pub[64], eph[32], k[64], want[64], got[64], y[64];

	ck_assert(hz_k256_generate(sec, pub) && hz_k256_generate(eph, k) && hz_k256_mul(want, k, sec));
	for (unsigned i = 0; i < 5; i++) {
		uint8_t raw[HZ_SHAMIR_PARTIAL];

		share_of(sec, 3, 5, i + 1, &s[i]);
		ck_assert_uint_eq(hz_partial_make(s[i].value, i + 1, 3, s[i].split.id, k, raw), CKR_OK);
		ck_assert_uint_eq(hz_partial_read(raw, sizeof raw, &parts[i]), CKR_OK);
		ck_assert(hz_share_public(&s[0], i + 1, y));
		ck_assert(hz_partial_check(&parts[i], k, y));
		ck_assert(!hz_partial_check(&parts[i], pub, y));
		ck_assert(!hz_partial_check(&parts[i], k, pub));
		for (size_t bit = 0; bit < sizeof raw; bit++) {
			struct hz_partial bad;

			if (bit == 3 || bit == 4) /* t is not part of the proof; recombination compares it */
				continue;
			raw[bit] ^= 1;
			if (hz_partial_read(raw, sizeof raw, &bad) == CKR_OK)
				ck_assert_msg(!hz_partial_check(&bad, k, y), "byte %zu", bit);
			raw[bit] ^= 1;
		}
	}
	for (unsigned a = 0; a < 5; a++)
		for (unsigned b = a + 1; b < 5; b++) {
			const struct hz_partial *two[] = { &parts[a], &parts[b] };

			ck_assert_uint_eq(hz_partials_combine(two, 2, got), CKR_DATA_INVALID);
			for (unsigned c = b + 1; c < 5; c++) {
				const struct hz_partial *three[] = { &parts[c], &parts[a], &parts[b] };

				ck_assert_uint_eq(hz_partials_combine(three, 3, got), CKR_OK);
				ck_assert(hz_k256_pub_equal(got, want));
			}
		}
	{
		const struct hz_partial *twice[] = { &parts[0], &parts[0], &parts[1] };

		ck_assert_uint_eq(hz_partials_combine(twice, 3, got), CKR_DATA_INVALID);
	}
	free(s);
}
END_TEST

START_TEST(extremes)
{
	static const unsigned good[][3] = { { 2, 2, 1 }, { 2, 2, 2 }, { 255, 255, 255 }, { 2, 255, 255 } };
	static const unsigned bad[][3] = { { 1, 2, 1 }, { 0, 0, 0 }, { 3, 2, 1 }, { 2, 256, 1 }, { 2, 3, 0 }, { 2, 3, 4 }, { 256, 256, 1 } };
	struct hz_share *s = calloc(2, sizeof *s);
	uint8_t sec[32], pub[64];

	ck_assert(hz_k256_generate(sec, pub));
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct hz_buf b = HZ_BUF_SECRET;
		uint8_t y[64], own[64];

		share_of(sec, good[i][0], good[i][1], good[i][2], &s[0]);
		ck_assert(hz_share_public(&s[0], good[i][2], y) && hz_k256_pub_from_sec(own, s[0].value) && hz_k256_pub_equal(y, own));
		ck_assert_uint_eq(hz_share_write(&s[0], &b), CKR_OK);
		ck_assert_uint_eq(b.len, hz_share_size(good[i][0]));
		ck_assert_uint_eq(hz_share_read(b.p, b.len, &s[1]), CKR_OK);
		ck_assert_mem_eq(&s[0], &s[1], sizeof *s);
		for (size_t n = 0; n < b.len; n += 1 + b.len / 50)
			ck_assert_uint_eq(hz_share_read(b.p, n, &s[1]), CKR_WRAPPED_KEY_INVALID);
		hz_buf_u8(&b, 0);
		ck_assert_uint_eq(hz_share_read(b.p, b.len, &s[1]), CKR_WRAPPED_KEY_INVALID);
		b.len--;
		b.p[30] ^= 1; /* the value no longer fits */
		ck_assert_uint_eq(hz_share_read(b.p, b.len, &s[1]), CKR_WRAPPED_KEY_INVALID);
		hz_buf_free(&b);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct hz_split split = { .t = bad[i][0], .n = bad[i][1] };

		ck_assert_uint_eq(hz_share_make(sec, &split, bad[i][2], &s[0]), CKR_MECHANISM_PARAM_INVALID);
	}
	/* a_0 * G is the public key: commitments show whose shares they are */
	share_of(sec, 2, 3, 1, &s[0]);
	{
		uint8_t octets[33];

		ck_assert(hz_k256_pub_write(pub, true, octets));
		ck_assert_mem_eq(s[0].commitments[0], octets, 33);
	}
	free(s);
}
END_TEST

/* The formula of the coefficients, computed apart: HKDF with the stated salt and info, 48 bytes, modulo n. */
START_TEST(formula)
{
	struct hz_share *s = calloc(1, sizeof *s);
	uint8_t sec[32] = { 0 }, want[32];

	sec[31] = 1;
	share_of(sec, 2, 3, 2, s);
	ck_assert(hz_hex_decode("af0ed88c07425ea12919d339792119a606bdbe8ba64c740006c4c19bb29268c2", 64, want, 32));
	ck_assert_mem_eq(s->value, want, 32);
	free(s);
}
END_TEST

START_TEST(stored)
{
	const char *dir = getenv("HANZO_VECTORS");
	char path[4096];
	json_object *root, *th, *shares, *v;
	struct hz_partial parts[3];
	struct bytes b;
	uint8_t k[64], want[64], got[64];

	snprintf(path, sizeof path, "%s/ecies/ecies.json", dir != NULL ? dir : "");
	root = json_object_from_file(path);
	if (root == NULL)
		return;
	json_object_object_get_ex(root, "threshold", &th);
	json_object_object_get_ex(th, "K", &v);
	b = unhex(json_object_get_string(v));
	ck_assert(hz_k256_pub_parse(k, b.p, b.n));
	free(b.p);
	json_object_object_get_ex(th, "S", &v);
	b = unhex(json_object_get_string(v));
	ck_assert(hz_k256_pub_parse(want, b.p, b.n));
	free(b.p);
	json_object_object_get_ex(th, "shares", &shares);
	memset(parts, 0, sizeof parts);
	for (size_t i = 0; i < 3; i++) {
		json_object *o = json_object_array_get_idx(shares, i);
		struct bytes share, partial;
		uint8_t octets[33];

		json_object_object_get_ex(o, "share", &v);
		share = unhex(json_object_get_string(v));
		json_object_object_get_ex(o, "partial", &v);
		partial = unhex(json_object_get_string(v));
		ck_assert(hz_k256_mul(parts[i].d, k, share.p) && hz_k256_pub_write(parts[i].d, true, octets));
		ck_assert_mem_eq(octets, partial.p, 33);
		parts[i].i = (unsigned)i + 1;
		parts[i].t = 2;
		free(share.p);
		free(partial.p);
	}
	for (size_t a = 0; a < 3; a++) {
		const struct hz_partial *two[] = { &parts[a], &parts[(a + 1) % 3] };

		ck_assert_uint_eq(hz_partials_combine(two, 2, got), CKR_OK);
		ck_assert(hz_k256_pub_equal(got, want));
	}
	json_object_put(root);
}
END_TEST

/* The whole way: shares wrapped to nodes, unwrapped as keys, partial results wrapped to the requester, recombined, the blob opened. */
START_TEST(mechanisms)
{
	static const char secret[] = "threshold secret";
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	struct pair key, rsa, node[3];
	struct hz_partial parts[3];
	const struct hz_partial *chosen[] = { &parts[2], &parts[0] };
	const struct hz_soft_mech *split = hz_soft_mech_find(CKM_HANZO_SHAMIR_SHARE), *open = hz_soft_mech_find(CKM_HANZO_ECIES),
				  *partial = hz_soft_mech_find(CKM_HANZO_ECIES_PARTIAL);
	struct hz_ecies_aad aad = { HZ_ECIES_PLAIN, NULL, 0 };
	struct hz_buf blob = HZ_BUF_INIT, text = HZ_BUF_SECRET;
	uint8_t k[64], s[64], compressed[33];

	make_pair(&key, CKM_EC_KEY_PAIR_GEN, CKK_EC, OID_K256, 0);
	make_pair(&rsa, CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, NULL, 2048);
	ck_assert_uint_eq(hz_ecies_seal(key.kpub->k256_pub, &aad, (const uint8_t *)secret, sizeof secret, &blob), CKR_OK);
	ck_assert_uint_eq(hz_ecies_ephemeral(blob.p, blob.len, k), CKR_OK);
	for (unsigned i = 0; i < 3; i++) {
		CK_HANZO_SHAMIR_PARAMS p = { i + 1, 2, 3, { 1, 2, 3 } };
		CK_HANZO_ECIES_DELEGATE_PARAMS q = { blob.p, 33 };
		struct hz_attrs made = new_set(CKO_PRIVATE_KEY, CKK_EC);
		struct hz_buf w = HZ_BUF_INIT, answer = HZ_BUF_INIT;
		const struct hz_attr *allowed;
		struct hz_key *share;
		struct hz_mech m;
		uint8_t out[512];
		size_t n;

		make_pair(&node[i], CKM_EC_KEY_PAIR_GEN, CKK_EC, OID_K256, 0);
		copy_mech(&m, CKM_HANZO_SHAMIR_SHARE, &p, sizeof p);
		ck_assert_uint_eq(split->wrap_len(&m, node[i].kpub, key.kpriv, &n), CKR_OK);
		ck_assert_uint_eq(split->wrap(&m, node[i].kpub, key.kpriv, &w), CKR_OK);
		ck_assert_uint_eq(w.len, n);
		hz_mech_clear(&m);
		copy_mech(&m, CKM_HANZO_ECIES, NULL, 0);
		/* not as an ordinary key, not under another number */
		ck_assert_uint_eq(open->unwrap(&m, node[i].kpriv, w.p, w.len, &made), CKR_WRAPPED_KEY_INVALID);
		put_num(&made, CKA_HANZO_SHARE_INDEX, i + 2);
		ck_assert_uint_eq(open->unwrap(&m, node[i].kpriv, w.p, w.len, &made), CKR_TEMPLATE_INCONSISTENT);
		put_num(&made, CKA_HANZO_SHARE_INDEX, i + 1);
		ck_assert_uint_eq(open->unwrap(&m, node[i].kpriv, w.p, w.len, &made), CKR_OK);
		hz_mech_clear(&m);
		allowed = hz_attrs_find(&made, CKA_ALLOWED_MECHANISMS);
		ck_assert_uint_eq(allowed->len, sizeof(CK_MECHANISM_TYPE));
		ck_assert_uint_eq(*(CK_MECHANISM_TYPE *)allowed->value, CKM_HANZO_ECIES_PARTIAL);
		ck_assert_uint_eq(hz_attrs_ulong(&made, CKA_HANZO_SHARE_THRESHOLD, 0), 2);
		ck_assert_uint_eq(hz_soft_key_new(&made, &share), CKR_OK);
		copy_mech(&m, CKM_HANZO_ECIES_PARTIAL, &q, sizeof q);
		ck_assert_uint_eq(partial->wrap(&m, rsa.kpub, key.kpriv, &answer), CKR_KEY_NOT_WRAPPABLE);
		ck_assert_uint_eq(partial->wrap(&m, rsa.kpub, share, &answer), CKR_OK);
		hz_mech_clear(&m);
		ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep, rsa.kpriv, answer.p, answer.len, out, &n), CKR_OK);
		ck_assert_uint_eq(hz_partial_read(out, n, &parts[i]), CKR_OK);
		ck_assert(hz_partial_check(&parts[i], k, share->k256_pub));
		/* a share does nothing else */
		copy_mech(&m, CKM_HANZO_ECIES_DELEGATE, &q, sizeof q);
		ck_assert_uint_eq(hz_soft_mech_find(m.type)->wrap(&m, rsa.kpub, share, &answer), CKR_KEY_NOT_WRAPPABLE);
		hz_mech_clear(&m);
		copy_mech(&m, CKM_HANZO_ECIES, NULL, 0);
		ck_assert_uint_eq(open->wrap(&m, node[i].kpub, share, &answer), CKR_KEY_NOT_WRAPPABLE);
		hz_mech_clear(&m);
		copy_mech(&m, CKM_HANZO_SHAMIR_SHARE, &p, sizeof p);
		ck_assert_uint_eq(split->wrap(&m, node[i].kpub, share, &answer), CKR_KEY_NOT_WRAPPABLE);
		hz_mech_clear(&m);
		hz_soft_key_free(share);
		hz_attrs_free(&made);
		hz_buf_free(&w);
		hz_buf_free(&answer);
	}
	ck_assert_uint_eq(hz_partials_combine(chosen, 2, s), CKR_OK);
	ck_assert(hz_k256_pub_write(s, true, compressed));
	ck_assert_uint_eq(hz_ecies_open_with(compressed + 1, &aad, blob.p, blob.len, &text), CKR_OK);
	ck_assert_uint_eq(text.len, sizeof secret);
	ck_assert_mem_eq(text.p, secret, sizeof secret);
	hz_buf_free(&blob);
	hz_buf_free(&text);
	for (int i = 0; i < 3; i++)
		free_pair(&node[i]);
	free_pair(&key);
	free_pair(&rsa);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("threshold");
	TCase *t = tcase_create("shamir");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, any_three);
	tcase_add_test(t, extremes);
	tcase_add_test(t, formula);
	tcase_add_test(t, stored);
	tcase_add_test(t, mechanisms);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
