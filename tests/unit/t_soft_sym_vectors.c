/* SPDX-License-Identifier: Apache-2.0 */
/* Symmetric mechanisms against Wycheproof's vectors: whole, in parts, and on a context that is used again and again. */
#include <json.h>
#include <stdio.h>

#include "ck/mech.h"
#include "soft_sym_help.h"

/* One test of a file, its fields decoded. */
struct vec {
	int id;
	bool valid;
	bool acceptable;
	uint8_t *key, *iv, *aad, *msg, *ct, *tag, *ikm, *salt, *info, *okm;
	size_t key_n, iv_n, aad_n, msg_n, ct_n, tag_n, ikm_n, salt_n, info_n, okm_n;
	size_t size, tag_len;
};

static void field(struct json_object *t, const char *name, uint8_t **p, size_t *n)
{
	struct json_object *v;

	*p = unhex(json_object_object_get_ex(t, name, &v) ? json_object_get_string(v) : "", n);
}

static void each(const char *file, unsigned at_least, void (*test)(const struct vec *v))
{
	const char *dir = getenv("HANZO_VECTORS");
	char path[4096];
	struct json_object *root, *groups, *tests, *x;
	unsigned count = 0;

	snprintf(path, sizeof path, "%s/wycheproof/%s_test.json", dir, file);
	root = json_object_from_file(path);
	ck_assert_msg(root != NULL, "%s", path);
	ck_assert(json_object_object_get_ex(root, "testGroups", &groups));
	for (size_t g = 0; g < json_object_array_length(groups); g++) {
		struct json_object *group = json_object_array_get_idx(groups, g);
		size_t tag_len = json_object_object_get_ex(group, "tagSize", &x) ? (size_t)json_object_get_int(x) / 8 : 0;

		ck_assert(json_object_object_get_ex(group, "tests", &tests));
		for (size_t i = 0; i < json_object_array_length(tests); i++) {
			struct json_object *t = json_object_array_get_idx(tests, i);
			struct vec v = { .tag_len = tag_len };

			json_object_object_get_ex(t, "tcId", &x);
			v.id = json_object_get_int(x);
			json_object_object_get_ex(t, "result", &x);
			v.valid = strcmp(json_object_get_string(x), "valid") == 0;
			v.acceptable = strcmp(json_object_get_string(x), "acceptable") == 0;
			v.size = json_object_object_get_ex(t, "size", &x) ? (size_t)json_object_get_int64(x) : 0;
#define FIELD(f) field(t, #f, &v.f, &v.f##_n)
			FIELD(key), FIELD(iv), FIELD(aad), FIELD(msg), FIELD(ct);
			FIELD(tag), FIELD(ikm), FIELD(salt), FIELD(info), FIELD(okm);
			test(&v);
			free(v.key), free(v.iv), free(v.aad), free(v.msg), free(v.ct);
			free(v.tag), free(v.ikm), free(v.salt), free(v.info), free(v.okm);
			count++;
		}
	}
	json_object_put(root);
	ck_assert_uint_ge(count, at_least);
}

static void expect(const struct vec *v, const struct result *r, const uint8_t *a, size_t a_n, const uint8_t *b, size_t b_n)
{
	ck_assert_msg(r->len == a_n + b_n && memcmp(r->p, a, a_n) == 0 && memcmp(r->p + a_n, b, b_n) == 0, "test %d: wrong output", v->id);
}

/* Encrypt and decrypt with one mechanism: whole and in parts of several sizes. */
static void aead_both(const struct vec *v, CK_MECHANISM_TYPE type, void *param, size_t param_len, bool usable)
{
	static const size_t steps[] = { 1, 7, 16, 33 };
	struct hz_key *key = key_of(CKK_AES, v->key, v->key_n);
	uint8_t *sealed = malloc(v->ct_n + v->tag_n + 1);
	struct hz_op *op = NULL;
	struct result r;
	CK_RV rv;

	memcpy(sealed, v->ct, v->ct_n);
	memcpy(sealed + v->ct_n, v->tag, v->tag_n);
	if (!usable) {
		ck_assert_msg(begin_with(HZ_OP_DECRYPT, type, param, param_len, key, &op) == CKR_MECHANISM_PARAM_INVALID, "test %d", v->id);
		goto out;
	}
	rv = begin_with(HZ_OP_DECRYPT, type, param, param_len, key, &op);
	ck_assert_msg(rv == CKR_OK, "test %d: 0x%lx", v->id, rv);
	for (size_t i = 0; i <= sizeof steps / sizeof steps[0]; i++) {
		if (i != 0)
			ck_assert_uint_eq(rearm_with(op, type, param, param_len), CKR_OK);
		rv = i == 0 ? run_once(op, sealed, v->ct_n + v->tag_n, &r) : run_parts(op, sealed, v->ct_n + v->tag_n, steps[i - 1], &r);
		ck_assert_msg(rv == (v->valid ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID), "test %d: 0x%lx", v->id, rv);
		if (v->valid)
			expect(v, &r, v->msg, v->msg_n, v->msg, 0);
		free(r.p);
	}
	op->ops->free(op);
	if (!v->valid)
		goto out;
	ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, type, param, param_len, key, &op), CKR_OK);
	for (size_t i = 0; i <= sizeof steps / sizeof steps[0]; i++) {
		if (i != 0)
			ck_assert_uint_eq(rearm_with(op, type, param, param_len), CKR_OK);
		rv = i == 0 ? run_once(op, v->msg, v->msg_n, &r) : run_parts(op, v->msg, v->msg_n, steps[i - 1], &r);
		ck_assert_uint_eq(rv, CKR_OK);
		expect(v, &r, v->ct, v->ct_n, v->tag, v->tag_n);
		free(r.p);
	}
	op->ops->free(op);
out:
	free(sealed);
	hz_soft_key_free(key);
}

static void gcm(const struct vec *v)
{
	CK_GCM_PARAMS p = { v->iv, v->iv_n, 0, v->aad, v->aad_n, v->tag_len * 8 };

	aead_both(v, CKM_AES_GCM, &p, sizeof p, v->iv_n != 0);
}

static void ccm(const struct vec *v)
{
	CK_CCM_PARAMS p = { v->ct_n, v->iv, v->iv_n, v->aad, v->aad_n, v->tag_len };

	aead_both(v, CKM_AES_CCM, &p, sizeof p, v->iv_n >= 7 && v->iv_n <= 13 && v->tag_len >= 4 && v->tag_len % 2 == 0);
}

static void cbc_pad(const struct vec *v)
{
	struct hz_key *key = key_of(CKK_AES, v->key, v->key_n);
	struct hz_op *op = NULL;
	struct result r;
	CK_RV rv;

	ck_assert_uint_eq(begin_with(HZ_OP_DECRYPT, CKM_AES_CBC_PAD, v->iv, v->iv_n, key, &op), CKR_OK);
	for (size_t step = 0; step < 40; step++) {
		if (step != 0)
			ck_assert_uint_eq(rearm_with(op, CKM_AES_CBC_PAD, v->iv, v->iv_n), CKR_OK);
		rv = step == 0 ? run_once(op, v->ct, v->ct_n, &r) : run_parts(op, v->ct, v->ct_n, step, &r);
		ck_assert_msg(rv == (v->valid ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID), "test %d: 0x%lx", v->id, rv);
		if (v->valid)
			expect(v, &r, v->msg, v->msg_n, v->msg, 0);
		free(r.p);
	}
	op->ops->free(op);
	if (v->valid) {
		ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, CKM_AES_CBC_PAD, v->iv, v->iv_n, key, &op), CKR_OK);
		ck_assert_uint_eq(run_once(op, v->msg, v->msg_n, &r), CKR_OK);
		expect(v, &r, v->ct, v->ct_n, v->ct, 0);
		free(r.p);
		ck_assert_uint_eq(rearm_with(op, CKM_AES_CBC_PAD, v->iv, v->iv_n), CKR_OK);
		ck_assert_uint_eq(run_parts(op, v->msg, v->msg_n, 5, &r), CKR_OK);
		expect(v, &r, v->ct, v->ct_n, v->ct, 0);
		free(r.p);
		op->ops->free(op);
	}
	hz_soft_key_free(key);
}

static void mac(const struct vec *v, CK_KEY_TYPE kt, CK_MECHANISM_TYPE whole, CK_MECHANISM_TYPE general, size_t full)
{
	CK_MAC_GENERAL_PARAMS n = v->tag_len;
	struct hz_key *key = key_of(kt, v->key, v->key_n);
	CK_MECHANISM_TYPE type = v->tag_len == full ? whole : general;
	void *param = type == whole ? NULL : &n;
	size_t param_len = type == whole ? 0 : sizeof n;
	struct hz_op *op = NULL;
	struct result r;
	CK_RV rv;

	ck_assert_uint_eq(begin_with(HZ_OP_VERIFY, type, param, param_len, key, &op), CKR_OK);
	rv = op->ops->verify(op, v->msg, v->msg_n, v->tag, v->tag_n);
	ck_assert_msg(rv == (v->valid ? CKR_OK : CKR_SIGNATURE_INVALID), "test %d: 0x%lx", v->id, rv);
	ck_assert_uint_eq(rearm_with(op, type, param, param_len), CKR_OK);
	for (size_t i = 0; i < v->msg_n; i++)
		ck_assert_uint_eq(op->ops->update(op, v->msg + i, 1, NULL, NULL), CKR_OK);
	rv = op->ops->verify_final(op, v->tag, v->tag_n);
	ck_assert_msg(rv == (v->valid ? CKR_OK : CKR_SIGNATURE_INVALID), "test %d: 0x%lx", v->id, rv);
	op->ops->free(op);
	if (v->valid) {
		ck_assert_uint_eq(begin_with(HZ_OP_SIGN, type, param, param_len, key, &op), CKR_OK);
		ck_assert_uint_eq(run_once(op, v->msg, v->msg_n, &r), CKR_OK);
		expect(v, &r, v->tag, v->tag_n, v->tag, 0);
		free(r.p);
		op->ops->free(op);
	}
	hz_soft_key_free(key);
}

static void cmac(const struct vec *v)
{
	if (v->key_n == 16 || v->key_n == 24 || v->key_n == 32)
		mac(v, CKK_AES, CKM_AES_CMAC, CKM_AES_CMAC_GENERAL, 16);
	else
		ck_assert(!v->valid);
}

static void hmac1(const struct vec *v)
{
	mac(v, CKK_GENERIC_SECRET, CKM_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL, 20);
}

static void hmac256(const struct vec *v)
{
	mac(v, CKK_GENERIC_SECRET, CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, 32);
}

static void hmac384(const struct vec *v)
{
	mac(v, CKK_SHA384_HMAC, CKM_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL, 48);
}

static void hmac512(const struct vec *v)
{
	mac(v, CKK_SHA512_HMAC, CKM_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL, 64);
}

static void hkdf(const struct vec *v)
{
	CK_HKDF_PARAMS p = { CK_TRUE, CK_TRUE, CKM_SHA256, v->salt_n != 0 ? CKF_HKDF_SALT_DATA : CKF_HKDF_SALT_NULL,
			     v->salt, v->salt_n, 0, v->info, v->info_n };
	CK_MECHANISM m = { CKM_HKDF_DERIVE, &p, sizeof p };
	struct hz_key *key = key_of(CKK_GENERIC_SECRET, v->ikm, v->ikm_n);
	struct hz_attrs made = HZ_ATTRS_INIT;
	struct hz_mech copy;
	CK_RV rv;

	ck_assert_uint_eq(hz_mech_copy(&copy, &m), CKR_OK);
	ck_assert_uint_eq(hz_attrs_set_ulong(&made, CKA_CLASS, CKO_SECRET_KEY), CKR_OK);
	ck_assert_uint_eq(hz_attrs_set_ulong(&made, CKA_KEY_TYPE, CKK_GENERIC_SECRET), CKR_OK);
	ck_assert_uint_eq(hz_attrs_set_ulong(&made, CKA_VALUE_LEN, v->size), CKR_OK);
	rv = hz_soft_mech_find(CKM_HKDF_DERIVE)->derive(&copy, key, &made);
	if (v->valid) {
		const struct hz_attr *value = hz_attrs_find(&made, CKA_VALUE);

		ck_assert_msg(rv == CKR_OK, "test %d: 0x%lx", v->id, rv);
		ck_assert(value->len == v->okm_n && memcmp(value->value, v->okm, v->okm_n) == 0);
	} else {
		ck_assert_msg(rv == CKR_KEY_SIZE_RANGE, "test %d: 0x%lx", v->id, rv);
	}
	hz_mech_clear(&copy);
	hz_attrs_free(&made);
	hz_soft_key_free(key);
}

static void wrap(const struct vec *v, CK_MECHANISM_TYPE type)
{
	struct hz_key *key = key_of(CKK_AES, v->key, v->key_n);
	struct hz_op *op = NULL;
	struct result r;
	CK_RV rv;

	ck_assert_uint_eq(begin_with(HZ_OP_DECRYPT, type, NULL, 0, key, &op), CKR_OK);
	rv = run_once(op, v->ct, v->ct_n, &r);
	if (v->valid) {
		ck_assert_msg(rv == CKR_OK, "test %d: 0x%lx", v->id, rv);
		expect(v, &r, v->msg, v->msg_n, v->msg, 0);
	} else if (!v->acceptable) {
		ck_assert_msg(rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE, "test %d: 0x%lx", v->id, rv);
	}
	free(r.p);
	op->ops->free(op);
	if (v->valid) {
		ck_assert_uint_eq(begin_with(HZ_OP_ENCRYPT, type, NULL, 0, key, &op), CKR_OK);
		ck_assert_uint_eq(run_once(op, v->msg, v->msg_n, &r), CKR_OK);
		expect(v, &r, v->ct, v->ct_n, v->ct, 0);
		free(r.p);
		op->ops->free(op);
	}
	hz_soft_key_free(key);
}

static void kw(const struct vec *v)
{
	wrap(v, CKM_AES_KEY_WRAP);
}

static void kwp(const struct vec *v)
{
	wrap(v, CKM_AES_KEY_WRAP_KWP);
}

static const struct {
	const char *file;
	unsigned at_least;
	void (*test)(const struct vec *v);
} files[] = {
	{ "aes_gcm", 300, gcm },	 { "aes_ccm", 500, ccm },	  { "aes_cbc_pkcs5", 200, cbc_pad }, { "aes_cmac", 300, cmac },
	{ "hmac_sha1", 150, hmac1 },	 { "hmac_sha256", 150, hmac256 }, { "hmac_sha384", 150, hmac384 },   { "hmac_sha512", 150, hmac512 },
	{ "hkdf_sha256", 80, hkdf },	 { "aes_wrap", 150, kw },	  { "aes_kwp", 200, kwp },
};

START_TEST(file)
{
	each(files[_i].file, files[_i].at_least, files[_i].test);
}
END_TEST

int main(void)
{
	const char *dir = getenv("HANZO_VECTORS");
	Suite *s = suite_create("soft_sym_vectors");
	TCase *c = tcase_create("wycheproof");
	SRunner *sr;
	char path[4096];
	FILE *f;
	int failed;

	snprintf(path, sizeof path, "%s/wycheproof/aes_gcm_test.json", dir != NULL ? dir : "");
	f = fopen(path, "r");
	if (f == NULL) {
		puts("SKIP t_soft_sym_vectors: no vectors");
		return 77;
	}
	fclose(f);
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, file, 0, (int)(sizeof files / sizeof files[0]));
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
