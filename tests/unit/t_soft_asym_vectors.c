/* SPDX-License-Identifier: Apache-2.0 */
/* The project's stored Wycheproof vectors for RSA, ECDSA, ECDH, Ed25519 and X25519, run through the software backend's operations. */
#include <json-c/json.h>
#include <stdio.h>

#include "asym_util.h"
#include "crypto/der.h"
#include "crypto/k256.h"

static json_object *load(const char *name)
{
	const char *dir = getenv("HANZO_VECTORS");
	char path[4096];

	if (dir == NULL)
		return NULL;
	snprintf(path, sizeof path, "%s/wycheproof/%s", dir, name);
	return json_object_from_file(path);
}

static const char *str(json_object *o, const char *key)
{
	json_object *v;

	ck_assert_msg(json_object_object_get_ex(o, key, &v), "no %s", key);
	return json_object_get_string(v);
}

static struct bytes hex(json_object *o, const char *key)
{
	return unhex(str(o, key));
}

typedef CK_RV (*case_fn)(json_object *group, json_object *test, struct hz_key *key, bool *right);
typedef CK_RV (*key_fn)(json_object *group, struct hz_key **key);

/* valid: CKR_OK and the right output; invalid: refused; acceptable: no wrong output. */
static void judge(const char *file, json_object *t, CK_RV rv, bool right)
{
	const char *want = str(t, "result");
	json_object *id;

	json_object_object_get_ex(t, "tcId", &id);
	if (strcmp(want, "valid") == 0)
		ck_assert_msg(rv == CKR_OK && right, "%s %s: valid, got 0x%lx", file, json_object_get_string(id), rv);
	else if (strcmp(want, "invalid") == 0)
		ck_assert_msg(rv != CKR_OK, "%s %s: invalid, but taken", file, json_object_get_string(id));
	else
		ck_assert_msg(rv != CKR_OK || right, "%s %s: wrong output", file, json_object_get_string(id));
	ck_assert_msg(rv != CKR_GENERAL_ERROR && rv != CKR_FUNCTION_FAILED && rv != CKR_HOST_MEMORY, "%s %s: 0x%lx", file,
		      json_object_get_string(id), rv);
}

/* Do both groups have the same key? Checking a private key that is imported takes its time. */
static bool same_key(json_object *a, json_object *b)
{
	static const char *const members[] = { "privateKeyPkcs8", "publicKey" };
	json_object *x, *y;

	for (size_t i = 0; a != NULL && i < sizeof members / sizeof members[0]; i++)
		if (json_object_object_get_ex(a, members[i], &x))
			return json_object_object_get_ex(b, members[i], &y) && json_object_equal(x, y);
	return false;
}

static void run(const char *file, key_fn make, case_fn test, size_t at_least)
{
	json_object *root = load(file), *groups, *tests, *last = NULL;
	struct hz_key *key = NULL;
	CK_RV rv = CKR_OK;
	size_t done = 0;

	if (root == NULL)
		return;
	json_object_object_get_ex(root, "testGroups", &groups);
	for (size_t g = 0; g < json_object_array_length(groups); g++) {
		json_object *group = json_object_array_get_idx(groups, g);

		if (make != NULL && !same_key(last, group)) {
			hz_soft_key_free(key);
			key = NULL;
			rv = make(group, &key);
		}
		last = group;
		json_object_object_get_ex(group, "tests", &tests);
		for (size_t i = 0; i < json_object_array_length(tests); i++) {
			json_object *t = json_object_array_get_idx(tests, i);
			bool right = true;
			CK_RV got = rv;

			if (rv == CKR_CANCEL) /* a group that is not offered */
				continue;
			if (got == CKR_OK)
				got = test(group, t, key, &right);
			if (got == CKR_CANCEL)
				continue;
			judge(file, t, got, right);
			done++;
		}
	}
	hz_soft_key_free(key);
	json_object_put(root);
	ck_assert_msg(done >= at_least, "%s: only %zu cases", file, done);
}

/* ---- ECDSA ---- */

static const char *curve_oid(const char *name)
{
	static const char *const known[][2] = { { "secp256r1", OID_P256 }, { "secp384r1", OID_P384 }, { "secp256k1", OID_K256 },
						{ "curve25519", OID_X25519 }, { "edwards25519", OID_ED25519 } };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(known[i][0], name) == 0)
			return known[i][1];
	ck_abort_msg("curve %s", name);
}

static CK_RV ec_public(json_object *group, struct hz_key **key)
{
	struct hz_attrs a = new_set(CKO_PUBLIC_KEY, CKK_EC);
	json_object *pub;
	CK_RV rv;

	json_object_object_get_ex(group, "publicKey", &pub);
	put_hex(&a, CKA_EC_PARAMS, curve_oid(str(pub, "curve")));
	put_hex(&a, CKA_EC_POINT, str(pub, "uncompressed"));
	rv = try_key(&a, key);
	hz_attrs_free(&a);
	return rv;
}

static CK_MECHANISM_TYPE ecdsa_mech(json_object *group)
{
	const char *sha = str(group, "sha");

	return strcmp(sha, "SHA-256") == 0 ? CKM_ECDSA_SHA256 : strcmp(sha, "SHA-384") == 0 ? CKM_ECDSA_SHA384 : CKM_ECDSA_SHA512;
}

static CK_RV ecdsa_p1363(json_object *group, json_object *t, struct hz_key *key, bool *right)
{
	struct bytes msg = hex(t, "msg"), sig = hex(t, "sig");
	CK_RV rv = verify(ecdsa_mech(group), NULL, 0, key, msg.p, msg.n, sig.p, sig.n);

	(void)right;
	ck_assert(rv == CKR_OK || rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE);
	free(msg.p);
	free(sig.p);
	return rv;
}

/* Signatures in DER: what parses strictly goes in as r || s, the rest cannot reach PKCS #11 at all. */
static bool der_sig(const struct bytes *sig, uint8_t *raw, size_t width)
{
	struct hz_reader r = hz_rd(sig->p, sig->n), seq, v[2];

	if (!hz_der_get(&r, HZ_DER_SEQUENCE, &seq) || !hz_rd_end(&r) || !hz_der_uint(&seq, &v[0]) || !hz_der_uint(&seq, &v[1]) ||
	    !hz_rd_end(&seq) || v[0].left > width || v[1].left > width)
		return false;
	memset(raw, 0, 2 * width);
	memcpy(raw + width - v[0].left, v[0].p, v[0].left);
	memcpy(raw + 2 * width - v[1].left, v[1].p, v[1].left);
	return true;
}

static CK_RV ecdsa_der(json_object *group, json_object *t, struct hz_key *key, bool *right)
{
	struct bytes msg = hex(t, "msg"), sig = hex(t, "sig");
	size_t width = (size_t)key->bits / 8;
	uint8_t raw[132];
	CK_RV rv = CKR_CANCEL;

	(void)right;
	if (der_sig(&sig, raw, width))
		rv = verify(ecdsa_mech(group), NULL, 0, key, msg.p, msg.n, raw, 2 * width);
	free(msg.p);
	free(sig.p);
	return rv;
}

/* Bitcoin's rule, low s only, is that of the vendor mechanisms: asked of the function behind them. */
static CK_RV ecdsa_bitcoin(json_object *group, json_object *t, struct hz_key *key, bool *right)
{
	struct bytes msg = hex(t, "msg"), sig = hex(t, "sig");
	uint8_t raw[64], digest[32];
	CK_RV rv = CKR_CANCEL;

	(void)group;
	(void)right;
	hz_hash_once(HZ_SHA256, msg.p, msg.n, digest);
	if (der_sig(&sig, raw, 32))
		rv = hz_k256_verify(key->k256_pub, digest, raw, true) ? CKR_OK : CKR_SIGNATURE_INVALID;
	free(msg.p);
	free(sig.p);
	return rv;
}

START_TEST(ecdsa)
{
	run("ecdsa_secp256r1_sha256_p1363_test.json", ec_public, ecdsa_p1363, 250);
	run("ecdsa_secp384r1_sha384_p1363_test.json", ec_public, ecdsa_p1363, 250);
	run("ecdsa_secp256k1_sha256_p1363_test.json", ec_public, ecdsa_p1363, 240);
	run("ecdsa_secp256r1_sha256_test.json", ec_public, ecdsa_der, 200);
	run("ecdsa_secp384r1_sha256_test.json", ec_public, ecdsa_der, 200);
	run("ecdsa_secp384r1_sha384_test.json", ec_public, ecdsa_der, 200);
	run("ecdsa_secp256k1_sha256_test.json", ec_public, ecdsa_der, 200);
	run("ecdsa_secp256k1_sha256_bitcoin_test.json", ec_public, ecdsa_bitcoin, 200);
}
END_TEST

/* ---- ECDH ---- */

/* Only the named curve of the group itself is a key that an ECDH mechanism of ours could be given. */
static bool spki_point(const char *curve, const struct bytes *spki, struct hz_reader *point)
{
	struct bytes oid = unhex(curve_oid(curve));
	struct hz_reader r = hz_rd(spki->p, spki->n), seq, alg, id, params;
	bool ok = hz_der_get(&r, HZ_DER_SEQUENCE, &seq) && hz_rd_end(&r) && hz_der_get(&seq, HZ_DER_SEQUENCE, &alg) &&
		  hz_der_any(&alg, &id) && hz_der_any(&alg, &params) && params.left == oid.n && memcmp(params.p, oid.p, oid.n) == 0 &&
		  hz_der_bits(&seq, point) && hz_rd_end(&seq);

	free(oid.p);
	return ok;
}

static CK_RV ecdh_with(const char *curve, CK_KEY_TYPE type, const struct bytes *priv, const uint8_t *point, size_t len,
		       const struct bytes *want, bool *right)
{
	struct hz_attrs a = new_set(CKO_PRIVATE_KEY, type), made = new_set(CKO_SECRET_KEY, CKK_GENERIC_SECRET);
	CK_ECDH1_DERIVE_PARAMS p = { CKD_NULL, 0, NULL, (CK_ULONG)len, (CK_BYTE *)(uintptr_t)point };
	struct hz_key *key;
	const struct hz_attr *z;
	CK_RV rv;

	put_hex(&a, CKA_EC_PARAMS, curve_oid(curve));
	put_secret(&a, CKA_VALUE, priv->p, priv->n);
	rv = try_key(&a, &key);
	if (rv == CKR_OK && len == 0)
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv == CKR_OK)
		rv = derive(CKM_ECDH1_DERIVE, &p, key, &made);
	if (rv == CKR_OK) {
		z = hz_attrs_find(&made, CKA_VALUE);
		*right = z != NULL && z->len == want->n && memcmp(z->value, want->p, want->n) == 0;
	}
	hz_soft_key_free(key);
	hz_attrs_free(&a);
	hz_attrs_free(&made);
	return rv;
}

static CK_RV ecdh(json_object *group, json_object *t, struct hz_key *key, bool *right)
{
	struct bytes pub = hex(t, "public"), want = hex(t, "shared"), priv;
	bool x = strcmp(str(group, "curve"), "curve25519") == 0, asn = !x && strcmp(str(group, "encoding"), "asn") == 0;
	char even[256];
	struct hz_reader point = hz_rd(pub.p, pub.n);
	CK_RV rv = CKR_CANCEL;

	(void)key;
	snprintf(even, sizeof even, "%s%s", strlen(str(t, "private")) % 2 ? "0" : "", str(t, "private"));
	priv = unhex(even);
	if (!asn || spki_point(str(group, "curve"), &pub, &point))
		rv = ecdh_with(str(group, "curve"), x ? CKK_EC_MONTGOMERY : CKK_EC, &priv, point.p, point.left, &want, right);
	free(pub.p);
	free(want.p);
	free(priv.p);
	return rv;
}

START_TEST(shared_secrets)
{
	run("ecdh_secp256r1_ecpoint_test.json", NULL, ecdh, 300);
	run("ecdh_secp256r1_test.json", NULL, ecdh, 300);
	run("ecdh_secp384r1_ecpoint_test.json", NULL, ecdh, 700);
	run("ecdh_secp384r1_test.json", NULL, ecdh, 700);
	run("ecdh_secp256k1_test.json", NULL, ecdh, 500);
	run("x25519_test.json", NULL, ecdh, 500);
}
END_TEST

/* ---- EdDSA ---- */

static CK_RV ed_public(json_object *group, struct hz_key **key)
{
	struct hz_attrs a = new_set(CKO_PUBLIC_KEY, CKK_EC_EDWARDS);
	json_object *pub;
	CK_RV rv;

	json_object_object_get_ex(group, "publicKey", &pub);
	put_hex(&a, CKA_EC_PARAMS, curve_oid(str(pub, "curve")));
	put_hex(&a, CKA_EC_POINT, str(pub, "pk"));
	rv = try_key(&a, key);
	hz_attrs_free(&a);
	return rv;
}

static CK_RV eddsa_case(json_object *group, json_object *t, struct hz_key *key, bool *right)
{
	struct bytes msg = hex(t, "msg"), sig = hex(t, "sig");
	CK_RV rv = verify(CKM_EDDSA, NULL, 0, key, msg.p, msg.n, sig.p, sig.n);

	(void)group;
	(void)right;
	ck_assert(rv == CKR_OK || rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE);
	free(msg.p);
	free(sig.p);
	return rv;
}

START_TEST(eddsa)
{
	run("ed25519_test.json", ed_public, eddsa_case, 150);
}
END_TEST

/* ---- RSA ---- */

static const struct {
	const char *name;
	CK_MECHANISM_TYPE hash, v15;
	CK_RSA_PKCS_MGF_TYPE mgf;
} shas[] = {
	{ "SHA-1", CKM_SHA_1, CKM_SHA1_RSA_PKCS, CKG_MGF1_SHA1 },
	{ "SHA-224", CKM_SHA224, CKM_SHA224_RSA_PKCS, CKG_MGF1_SHA224 },
	{ "SHA-256", CKM_SHA256, CKM_SHA256_RSA_PKCS, CKG_MGF1_SHA256 },
	{ "SHA-384", CKM_SHA384, CKM_SHA384_RSA_PKCS, CKG_MGF1_SHA384 },
	{ "SHA-512", CKM_SHA512, CKM_SHA512_RSA_PKCS, CKG_MGF1_SHA512 },
};

static int sha_of(const char *name)
{
	for (size_t i = 0; i < sizeof shas / sizeof shas[0]; i++)
		if (strcmp(shas[i].name, name) == 0)
			return (int)i;
	return -1;
}

static CK_RV rsa_public(json_object *group, struct hz_key **key)
{
	struct hz_attrs a = new_set(CKO_PUBLIC_KEY, CKK_RSA);
	json_object *pub;
	CK_RV rv;

	json_object_object_get_ex(group, "publicKey", &pub);
	put_hex(&a, CKA_MODULUS, str(pub, "modulus"));
	put_hex(&a, CKA_PUBLIC_EXPONENT, str(pub, "publicExponent"));
	rv = try_key(&a, key);
	hz_attrs_free(&a);
	return rv;
}

static CK_RV rsa_v15(json_object *group, json_object *t, struct hz_key *key, bool *right)
{
	struct bytes msg = hex(t, "msg"), sig = hex(t, "sig");
	int sha = sha_of(str(group, "sha"));
	CK_RV rv = verify(shas[sha].v15, NULL, 0, key, msg.p, msg.n, sig.p, sig.n);

	(void)right;
	free(msg.p);
	free(sig.p);
	return rv;
}

/* PSS over a message goes through the mechanism of its hash. */
static CK_RV rsa_pss(json_object *group, json_object *t, struct hz_key *key, bool *right)
{
	static const CK_MECHANISM_TYPE mech[] = { CKM_SHA1_RSA_PKCS_PSS, CKM_SHA224_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS_PSS,
						  CKM_SHA384_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS_PSS };
	int sha = sha_of(str(group, "sha")), mgf = strcmp(str(group, "mgf"), "MGF1") == 0 ? sha_of(str(group, "mgfSha")) : -1;
	struct bytes msg, sig;
	json_object *salt;
	CK_RSA_PKCS_PSS_PARAMS p;
	CK_RV rv;

	(void)right;
	if (sha < 0 || mgf < 0) /* SHA-512/256 and SHAKE as MGF are not offered */
		return CKR_CANCEL;
	json_object_object_get_ex(group, "sLen", &salt);
	p = (CK_RSA_PKCS_PSS_PARAMS){ shas[sha].hash, shas[mgf].mgf, (CK_ULONG)json_object_get_int64(salt) };
	msg = hex(t, "msg");
	sig = hex(t, "sig");
	rv = verify(mech[sha], &p, sizeof p, key, msg.p, msg.n, sig.p, sig.n);
	free(msg.p);
	free(sig.p);
	return rv;
}

static CK_RV rsa_pkcs8(json_object *group, struct hz_key **key)
{
	struct bytes der = hex(group, "privateKeyPkcs8");
	struct hz_attrs a = HZ_ATTRS_INIT;
	json_object *size;
	CK_RV rv = hz_soft_from_pkcs8(der.p, der.n, &a);

	free(der.p);
	json_object_object_get_ex(group, "keySize", &size);
	if (rv == CKR_OK)
		rv = hz_soft_key_new(&a, key);
	hz_attrs_free(&a);
	if (json_object_get_int64(size) < 2048) { /* smaller keys are refused, whatever the vector says */
		ck_assert_uint_ne(rv, CKR_OK);
		return CKR_CANCEL;
	}
	ck_assert_uint_eq(rv, CKR_OK);
	return rv;
}

static CK_RV decrypt(CK_MECHANISM_TYPE mech, const void *param, size_t plen, json_object *t, struct hz_key *key, bool *right)
{
	struct bytes msg = hex(t, "msg"), ct = hex(t, "ct");
	uint8_t out[1024];
	size_t n = 0;
	CK_RV rv = once(HZ_OP_DECRYPT, mech, param, plen, key, ct.p, ct.n, out, &n);

	ck_assert(rv == CKR_OK || rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE);
	*right = n == msg.n && memcmp(out, msg.p, n) == 0;
	free(msg.p);
	free(ct.p);
	return rv;
}

static CK_RV rsa_decrypt(json_object *group, json_object *t, struct hz_key *key, bool *right)
{
	(void)group;
	return decrypt(CKM_RSA_PKCS, NULL, 0, t, key, right);
}

static CK_RV rsa_oaep(json_object *group, json_object *t, struct hz_key *key, bool *right)
{
	struct bytes label = hex(t, "label");
	int sha = sha_of(str(group, "sha")), mgf = sha_of(str(group, "mgfSha"));
	CK_RSA_PKCS_OAEP_PARAMS p;
	CK_RV rv = CKR_CANCEL;

	if (sha >= 0 && mgf >= 0) {
		p = (CK_RSA_PKCS_OAEP_PARAMS){ shas[sha].hash, shas[mgf].mgf, CKZ_DATA_SPECIFIED, label.n != 0 ? label.p : NULL, label.n };
		rv = decrypt(CKM_RSA_PKCS_OAEP, &p, sizeof p, t, key, right);
	}
	free(label.p);
	return rv;
}

START_TEST(rsa_signatures)
{
	run("rsa_signature_2048_sha256_test.json", rsa_public, rsa_v15, 250);
	run("rsa_pss_2048_sha1_mgf1_20_test.json", rsa_public, rsa_pss, 80);
	run("rsa_pss_2048_sha256_mgf1_0_test.json", rsa_public, rsa_pss, 100);
	run("rsa_pss_2048_sha256_mgf1_32_test.json", rsa_public, rsa_pss, 100);
	run("rsa_pss_3072_sha256_mgf1_32_test.json", rsa_public, rsa_pss, 100);
	run("rsa_pss_4096_sha512_mgf1_64_test.json", rsa_public, rsa_pss, 170);
	run("rsa_pss_misc_test.json", rsa_public, rsa_pss, 90);
}
END_TEST

START_TEST(rsa_decryption)
{
	run("rsa_pkcs1_2048_test.json", rsa_pkcs8, rsa_decrypt, 60);
	run("rsa_oaep_2048_sha1_mgf1sha1_test.json", rsa_pkcs8, rsa_oaep, 36);
	run("rsa_oaep_2048_sha256_mgf1sha1_test.json", rsa_pkcs8, rsa_oaep, 31);
	run("rsa_oaep_2048_sha256_mgf1sha256_test.json", rsa_pkcs8, rsa_oaep, 37);
	run("rsa_oaep_3072_sha256_mgf1sha256_test.json", rsa_pkcs8, rsa_oaep, 37);
	run("rsa_oaep_misc_test.json", rsa_pkcs8, rsa_oaep, 50);
}
END_TEST

int main(void)
{
	json_object *probe = load("ed25519_test.json");
	Suite *s;
	TCase *t;
	SRunner *r;
	int failed;

	if (probe == NULL) {
		puts("SKIP t_soft_asym_vectors: no vectors");
		return 77;
	}
	json_object_put(probe);
	s = suite_create("asymmetric vectors");
	t = tcase_create("wycheproof");
	tcase_set_timeout(t, 1800);
	tcase_add_test(t, ecdsa);
	tcase_add_test(t, shared_secrets);
	tcase_add_test(t, eddsa);
	tcase_add_test(t, rsa_signatures);
	tcase_add_test(t, rsa_decryption);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
