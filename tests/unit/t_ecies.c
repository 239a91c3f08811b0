/* SPDX-License-Identifier: Apache-2.0 */
/* ECIES: the stored vectors of Nox and our own, refusals, wrapping, delegation. */
#include "crypto/ecies.h"

#include <json-c/json.h>
#include <stdio.h>

#include "asym_util.h"
#include "crypto/k256.h"

static const struct hz_ecies_aad no_aad = { HZ_ECIES_PLAIN, NULL, 0 };
static json_object *root;

static json_object *member(json_object *o, const char *key)
{
	json_object *v = NULL;

	ck_assert_msg(json_object_object_get_ex(o, key, &v), "no %s", key);
	return v;
}

static struct bytes hex(json_object *o, const char *key)
{
	return unhex(json_object_get_string(member(o, key)));
}

/* Both ways with everything given; then opened with the private key alone. */
START_TEST(end_to_end)
{
	json_object *all = member(root, "end_to_end");

	ck_assert_uint_ge(json_object_array_length(all), 3);
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		json_object *v = json_object_array_get_idx(all, i);
		struct bytes d = hex(v, "d"), k = hex(v, "k"), kk = hex(v, "K"), q = hex(v, "Q"), s = hex(v, "S"), aes = hex(v, "aes_key"),
			     nonce = hex(v, "nonce"), text = hex(v, "plaintext"), blob = hex(v, "blob");
		struct hz_buf out = HZ_BUF_INIT;
		uint8_t pub[64], x[32], key[32];

		ck_assert(hz_k256_pub_parse(pub, q.p, q.n) && hz_k256_ecdh_x(x, pub, k.p));
		ck_assert_mem_eq(x, s.p + 1, 32);
		ck_assert_uint_eq(hz_ecies_key(x, key), CKR_OK);
		ck_assert_mem_eq(key, aes.p, 32);
		ck_assert_uint_eq(hz_ecies_seal_with(x, kk.p, nonce.p, &no_aad, text.p, text.n, &out), CKR_OK);
		ck_assert_uint_eq(out.len, blob.n);
		ck_assert_mem_eq(out.p, blob.p, blob.n);
		hz_buf_clear(&out);
		ck_assert_uint_eq(hz_ecies_open(d.p, &no_aad, blob.p, blob.n, &out), CKR_OK);
		ck_assert_uint_eq(out.len, text.n);
		ck_assert(text.n == 0 || memcmp(out.p, text.p, text.n) == 0);
		hz_buf_free(&out);
		for (struct bytes *b[] = { &d, &k, &kk, &q, &s, &aes, &nonce, &text, &blob }, **p = b; p < b + 9; p++)
			free((*p)->p);
	}
}
END_TEST

/* What Nox published: x(S), nonce, ciphertext. */
START_TEST(published)
{
	json_object *all = member(member(root, "from_shared_x"), "cases");

	ck_assert_uint_ge(json_object_array_length(all), 6);
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		json_object *v = json_object_array_get_idx(all, i);
		struct bytes x = hex(v, "x"), nonce = hex(v, "nonce"), ct = hex(v, "ciphertext_tag"), text = hex(v, "plaintext");
		struct hz_buf blob = HZ_BUF_INIT, out = HZ_BUF_INIT;

		(void)hz_buf_room(&blob, 33);
		hz_buf_add(&blob, nonce.p, nonce.n);
		hz_buf_add(&blob, ct.p, ct.n);
		ck_assert_uint_eq(hz_ecies_open_with(x.p, &no_aad, blob.p, blob.len, &out), CKR_OK);
		ck_assert_uint_eq(out.len, text.n);
		ck_assert_mem_eq(out.p, text.p, text.n);
		hz_buf_free(&blob);
		hz_buf_free(&out);
		free(x.p);
		free(nonce.p);
		free(ct.p);
		free(text.p);
	}
}
END_TEST

/* The published wrap of x(S) opens with the published RSA key; ours opens in the same way and K of a bad form is refused. */
START_TEST(delegation)
{
	json_object *v = member(root, "delegation");
	struct bytes der = hex(v, "rsa_pkcs8_der"), ct = hex(v, "encrypted_shared_secret"), want = hex(v, "x");
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	struct hz_attrs a = HZ_ATTRS_INIT, pub = new_set(CKO_PUBLIC_KEY, CKK_RSA);
	const struct hz_soft_mech *row = hz_soft_mech_find(CKM_HANZO_ECIES_DELEGATE);
	const struct hz_attr *n_attr, *e_attr;
	struct hz_key *rsa, *rsa_pub;
	struct pair node, eph;
	uint8_t out[512], k[33], x[32];
	size_t n, len;
	struct hz_buf w = HZ_BUF_INIT;
	CK_HANZO_ECIES_DELEGATE_PARAMS p = { k, 33 };
	struct hz_mech m;

	ck_assert_uint_eq(hz_soft_from_pkcs8(der.p, der.n, &a), CKR_OK);
	ck_assert_uint_eq(hz_soft_key_new(&a, &rsa), CKR_OK);
	ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep, rsa, ct.p, ct.n, out, &n), CKR_OK);
	ck_assert_uint_eq(n, 32);
	ck_assert_mem_eq(out, want.p, 32);
	free(ct.p);
	free(want.p);
	n_attr = hz_attrs_find(&a, CKA_MODULUS);
	e_attr = hz_attrs_find(&a, CKA_PUBLIC_EXPONENT);
	put(&pub, CKA_MODULUS, n_attr->value, n_attr->len);
	put(&pub, CKA_PUBLIC_EXPONENT, e_attr->value, e_attr->len);
	ck_assert_uint_eq(try_key(&pub, &rsa_pub), CKR_OK);
	make_pair(&node, CKM_EC_KEY_PAIR_GEN, CKK_EC, OID_K256, 0);
	make_pair(&eph, CKM_EC_KEY_PAIR_GEN, CKK_EC, OID_K256, 0);
	ck_assert(hz_k256_pub_write(eph.kpub->k256_pub, true, k));
	copy_mech(&m, CKM_HANZO_ECIES_DELEGATE, &p, sizeof p);
	ck_assert_uint_eq(row->wrap_len(&m, rsa_pub, node.kpriv, &len), CKR_OK);
	ck_assert_uint_eq(row->wrap(&m, rsa_pub, node.kpriv, &w), CKR_OK);
	ck_assert_uint_eq(w.len, len);
	ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep, rsa, w.p, w.len, out, &n), CKR_OK);
	ck_assert_uint_eq(n, 32);
	ck_assert(hz_k256_ecdh_x(x, node.kpub->k256_pub, eph.kpriv->secret));
	ck_assert_mem_eq(out, x, 32);
	ck_assert_uint_eq(row->wrap(&m, rsa_pub, node.kpub, &w), CKR_KEY_NOT_WRAPPABLE);
	ck_assert_uint_eq(row->wrap(&m, node.kpub, node.kpriv, &w), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
	hz_mech_clear(&m);
	memset(k + 1, 0xff, 32);
	copy_mech(&m, CKM_HANZO_ECIES_DELEGATE, &p, sizeof p);
	ck_assert_uint_eq(row->wrap(&m, rsa_pub, node.kpriv, &w), CKR_MECHANISM_PARAM_INVALID);
	hz_mech_clear(&m);
	hz_buf_free(&w);
	free_pair(&node);
	free_pair(&eph);
	hz_soft_key_free(rsa);
	hz_soft_key_free(rsa_pub);
	hz_attrs_free(&a);
	hz_attrs_free(&pub);
	free(der.p);
}
END_TEST

/* Any one bit, any shorter form, another K: one code. The parity of K is not authenticated in this use: that is Nox's format. */
START_TEST(refusals)
{
	uint8_t text[20] = "some text", out[200], blob[200];
	size_t n, m;
	struct pair p;

	make_pair(&p, CKM_EC_KEY_PAIR_GEN, CKK_EC, OID_K256, 0);
	ck_assert_uint_eq(once(HZ_OP_ENCRYPT, CKM_HANZO_ECIES, NULL, 0, p.kpub, text, sizeof text, blob, &n), CKR_OK);
	ck_assert_uint_eq(n, sizeof text + 61);
	for (size_t i = 1; i < n; i++) {
		blob[i] ^= 1;
		ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_HANZO_ECIES, NULL, 0, p.kpriv, blob, n, out, &m), CKR_ENCRYPTED_DATA_INVALID);
		blob[i] ^= 1;
	}
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_HANZO_ECIES, NULL, 0, p.kpriv, blob, i, out, &m), CKR_ENCRYPTED_DATA_INVALID);
	for (int first = 0; first < 256; first++) {
		if (first == 2 || first == 3)
			continue;
		memcpy(out, blob, n);
		out[0] = (uint8_t)first;
		ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_HANZO_ECIES, NULL, 0, p.kpriv, out, n, out + 100, &m), CKR_ENCRYPTED_DATA_INVALID);
	}
	/* over its own input, both ways, from either half */
	memcpy(out, text, sizeof text);
	ck_assert_uint_eq(once(HZ_OP_ENCRYPT, CKM_HANZO_ECIES, NULL, 0, p.kpriv, out, sizeof text, out, &n), CKR_OK);
	ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_HANZO_ECIES, NULL, 0, p.kpriv, out, n, out, &m), CKR_OK);
	ck_assert_uint_eq(m, sizeof text);
	ck_assert_mem_eq(out, text, m);
	ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_HANZO_ECIES, NULL, 0, p.kpub, blob, n, out, &m), CKR_KEY_TYPE_INCONSISTENT);
	free_pair(&p);
}
END_TEST

START_TEST(additional_data)
{
	uint8_t aad[] = "context", text[] = "text", blob[100], out[100];
	CK_HANZO_ECIES_PARAMS with = { aad, sizeof aad }, other = { aad, sizeof aad - 1 };
	size_t n, m;
	struct pair p;

	make_pair(&p, CKM_EC_KEY_PAIR_GEN, CKK_EC, OID_K256, 0);
	ck_assert_uint_eq(once(HZ_OP_ENCRYPT, CKM_HANZO_ECIES, &with, sizeof with, p.kpub, text, sizeof text, blob, &n), CKR_OK);
	ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_HANZO_ECIES, &with, sizeof with, p.kpriv, blob, n, out, &m), CKR_OK);
	ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_HANZO_ECIES, &other, sizeof other, p.kpriv, blob, n, out, &m), CKR_ENCRYPTED_DATA_INVALID);
	ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_HANZO_ECIES, NULL, 0, p.kpriv, blob, n, out, &m), CKR_ENCRYPTED_DATA_INVALID);
	free_pair(&p);
}
END_TEST

/* Wrapped keys carry their domain and K in the additional data: the plain mechanism does not open them. */
START_TEST(wrapping)
{
	const struct hz_soft_mech *row = hz_soft_mech_find(CKM_HANZO_ECIES);
	struct hz_attrs s = new_set(CKO_SECRET_KEY, CKK_AES), made;
	uint8_t value[32] = { 0, 5, 6 }, out[2000];
	struct hz_key *aes;
	struct pair node, targets[3];
	struct hz_mech m;
	size_t n, len;

	make_pair(&node, CKM_EC_KEY_PAIR_GEN, CKK_EC, OID_K256, 0);
	make_pair(&targets[0], CKM_EC_KEY_PAIR_GEN, CKK_EC, OID_K256, 0);
	make_pair(&targets[1], CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, NULL, 2048);
	make_pair(&targets[2], CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, OID_ED25519, 0);
	put_secret(&s, CKA_VALUE, value, 32);
	ck_assert_uint_eq(try_key(&s, &aes), CKR_OK);
	copy_mech(&m, CKM_HANZO_ECIES, NULL, 0);
	for (int i = -1; i < 3; i++) {
		struct hz_key *target = i < 0 ? aes : targets[i].kpriv;
		struct hz_buf w = HZ_BUF_INIT;
		const struct hz_attr *a, *b;

		ck_assert_uint_eq(row->wrap_len(&m, node.kpub, target, &len), CKR_OK);
		ck_assert_uint_eq(row->wrap(&m, node.kpub, target, &w), CKR_OK);
		ck_assert_uint_eq(w.len, len);
		ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_HANZO_ECIES, NULL, 0, node.kpriv, w.p, w.len, out, &n), CKR_ENCRYPTED_DATA_INVALID);
		made = new_set(target->cls, target->type);
		ck_assert_uint_eq(row->unwrap(&m, node.kpriv, w.p, w.len, &made), CKR_OK);
		a = hz_attrs_find(&made, i == 1 ? CKA_PRIVATE_EXPONENT : CKA_VALUE);
		b = hz_attrs_find(&target->attrs, i == 1 ? CKA_PRIVATE_EXPONENT : CKA_VALUE);
		ck_assert_uint_eq(a->len, b->len);
		ck_assert_mem_eq(a->value, b->value, a->len);
		ck_assert(a->secret);
		hz_attrs_free(&made);
		w.p[0] ^= 1; /* the other point with this x: same secret, but K is authenticated */
		made = new_set(target->cls, target->type);
		ck_assert_uint_eq(row->unwrap(&m, node.kpriv, w.p, w.len, &made), CKR_WRAPPED_KEY_INVALID);
		ck_assert_uint_eq(row->unwrap(&m, node.kpriv, w.p, 60, &made), CKR_WRAPPED_KEY_LEN_RANGE);
		hz_attrs_free(&made);
		hz_buf_free(&w);
	}
	hz_mech_clear(&m);
	for (int i = 0; i < 3; i++)
		free_pair(&targets[i]);
	free_pair(&node);
	hz_soft_key_free(aes);
	hz_attrs_free(&s);
}
END_TEST

int main(void)
{
	const char *dir = getenv("HANZO_VECTORS");
	char path[4096] = "";
	Suite *s;
	TCase *t;
	SRunner *r;
	int failed;

	if (dir != NULL)
		snprintf(path, sizeof path, "%s/ecies/ecies.json", dir);
	root = dir != NULL ? json_object_from_file(path) : NULL;
	s = suite_create("ecies");
	t = tcase_create("ecies");
	tcase_set_timeout(t, 60);
	if (root != NULL) {
		tcase_add_test(t, end_to_end);
		tcase_add_test(t, published);
		tcase_add_test(t, delegation);
	}
	tcase_add_test(t, refusals);
	tcase_add_test(t, additional_data);
	tcase_add_test(t, wrapping);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	if (failed == 0 && root == NULL) {
		puts("SKIP t_ecies: no vectors");
		return 77;
	}
	json_object_put(root);
	return failed != 0;
}
