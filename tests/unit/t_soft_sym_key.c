/* SPDX-License-Identifier: Apache-2.0 */
/* Secret keys made, derived and wrapped by the software backend; and a table in which every promise has a function. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypto/libctx.h"
#include "soft_sym_help.h"

/* The attribute set of a new key: class, type, and CKA_VALUE_LEN unless 0. */
static struct hz_attrs blank(CK_OBJECT_CLASS cls, CK_KEY_TYPE type, CK_ULONG len)
{
	struct hz_attrs a = HZ_ATTRS_INIT;

	ck_assert_uint_eq(hz_attrs_set_ulong(&a, CKA_CLASS, cls), CKR_OK);
	if (cls != CKO_DATA)
		ck_assert_uint_eq(hz_attrs_set_ulong(&a, CKA_KEY_TYPE, type), CKR_OK);
	if (len != 0)
		ck_assert_uint_eq(hz_attrs_set_ulong(&a, CKA_VALUE_LEN, len), CKR_OK);
	return a;
}

static void expect_attr(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, const char *hex)
{
	const struct hz_attr *v = hz_attrs_find(a, type);

	ck_assert_ptr_nonnull(v);
	expect_hex(v->value, v->len, hex);
}

START_TEST(table)
{
	CK_MECHANISM_TYPE list[256], few[3] = { 0, 0, 77 };
	size_t n = hz_soft_mech_list(list, 256);

	ck_assert_uint_gt(n, 60);
	ck_assert_uint_le(n, 256);
	ck_assert_uint_eq(hz_soft_mech_list(few, 2), n);
	ck_assert(few[0] == list[0] && few[1] == list[1] && few[2] == 77);
	ck_assert_ptr_null(hz_soft_mech_find(0x7fffffff));
	ck_assert_ptr_null(hz_soft_mech_find(CKM_DES3_CBC));
	for (size_t i = 0; i < n; i++) {
		const struct hz_soft_mech *m = hz_soft_mech_find(list[i]);
		const CK_FLAGS ops = CKF_ENCRYPT | CKF_DECRYPT | CKF_DIGEST | CKF_SIGN | CKF_VERIFY | CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER |
				     CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT;
		CK_FLAGS f;

		ck_assert(i == 0 || list[i - 1] < list[i]);
		ck_assert_ptr_nonnull(m);
		ck_assert_uint_eq(m->row.type, list[i]);
		f = m->row.info.flags;
		ck_assert_int_eq(m->begin != NULL, (f & ops) != 0);
		ck_assert_int_eq(m->generate != NULL, (f & CKF_GENERATE) != 0);
		ck_assert_int_eq(m->generate_pair != NULL, (f & CKF_GENERATE_KEY_PAIR) != 0);
		ck_assert_int_eq(m->derive != NULL, (f & CKF_DERIVE) != 0);
		ck_assert_int_eq(m->wrap != NULL && m->wrap_len != NULL, (f & CKF_WRAP) != 0);
		ck_assert_int_eq(m->unwrap != NULL, (f & CKF_UNWRAP) != 0);
		ck_assert_int_eq(m->encapsulate != NULL && m->encapsulate_len != NULL, (f & CKF_ENCAPSULATE) != 0);
		ck_assert_int_eq(m->decapsulate != NULL, (f & CKF_DECAPSULATE) != 0);
		ck_assert_uint_le(m->row.info.ulMinKeySize, m->row.info.ulMaxKeySize);
	}
}
END_TEST

START_TEST(check_values)
{
	uint8_t zero[32] = { 0 };
	struct hz_attrs a = blank(CKO_SECRET_KEY, CKK_AES, 0);

	ck_assert_uint_eq(hz_soft_set_secret(&a, zero, 16), CKR_OK);
	expect_attr(&a, CKA_CHECK_VALUE, "66e94b"); /* AES-128 of a zero block under a zero key: SP 800-38A's H */
	ck_assert_uint_eq(hz_attrs_ulong(&a, CKA_VALUE_LEN, 0), 16);
	ck_assert(hz_attrs_find(&a, CKA_VALUE)->secret);
	hz_attrs_free(&a);

	a = blank(CKO_SECRET_KEY, CKK_GENERIC_SECRET, 0);
	ck_assert_uint_eq(hz_soft_set_secret(&a, (const uint8_t *)"abc", 3), CKR_OK);
	expect_attr(&a, CKA_CHECK_VALUE, "a9993e");
	hz_attrs_free(&a);

	a = blank(CKO_SECRET_KEY, CKK_AES, 0); /* given: right, wrong, none wanted */
	ck_assert_uint_eq(hz_attrs_set(&a, CKA_CHECK_VALUE, "\x66\xe9\x4b", 3, false), CKR_OK);
	ck_assert_uint_eq(hz_soft_set_secret(&a, zero, 16), CKR_OK);
	ck_assert_uint_eq(hz_attrs_set(&a, CKA_CHECK_VALUE, "\x66\xe9\x4c", 3, false), CKR_OK);
	ck_assert_uint_eq(hz_soft_secret_complete(&a), CKR_ATTRIBUTE_VALUE_INVALID);
	ck_assert_uint_eq(hz_attrs_set(&a, CKA_CHECK_VALUE, "", 0, false), CKR_OK);
	ck_assert_uint_eq(hz_soft_secret_complete(&a), CKR_OK);
	ck_assert_uint_eq(hz_attrs_find(&a, CKA_CHECK_VALUE)->len, 0);
	hz_attrs_free(&a);

	for (size_t n = 0; n <= 32; n++) {
		bool fits = n == 16 || n == 24 || n == 32;

		a = blank(CKO_SECRET_KEY, CKK_AES, 0);
		ck_assert_uint_eq(hz_soft_set_secret(&a, zero, n), fits ? CKR_OK : CKR_KEY_SIZE_RANGE);
		ck_assert_uint_eq(hz_attrs_set(&a, CKA_VALUE, zero, n, true), CKR_OK);
		hz_attrs_remove(&a, CKA_VALUE_LEN);
		ck_assert_uint_eq(hz_soft_secret_complete(&a), fits ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID);
		hz_attrs_free(&a);
	}
	a = blank(CKO_SECRET_KEY, CKK_AES, 32);
	ck_assert_uint_eq(hz_soft_set_secret(&a, zero, 16), CKR_TEMPLATE_INCONSISTENT);
	hz_attrs_free(&a);
}
END_TEST

START_TEST(generation)
{
	static const struct {
		CK_MECHANISM_TYPE m;
		CK_KEY_TYPE kt;
		CK_ULONG len, made; /* made 0: refused */
		CK_RV rv;
	} cases[] = {
		{ CKM_AES_KEY_GEN, CKK_AES, 16, 16, CKR_OK },
		{ CKM_AES_KEY_GEN, CKK_AES, 32, 32, CKR_OK },
		{ CKM_AES_KEY_GEN, CKK_AES, 17, 0, CKR_KEY_SIZE_RANGE },
		{ CKM_AES_KEY_GEN, CKK_AES, 0, 0, CKR_TEMPLATE_INCOMPLETE },
		{ CKM_AES_KEY_GEN, CKK_AES, (CK_ULONG)-1, 0, CKR_KEY_SIZE_RANGE },
		{ CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 1, 1, CKR_OK },
		{ CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 65536, 65536, CKR_OK },
		{ CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 65537, 0, CKR_KEY_SIZE_RANGE },
		{ CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, (CK_ULONG)-1, 0, CKR_KEY_SIZE_RANGE },
		{ CKM_CHACHA20_KEY_GEN, CKK_CHACHA20, 0, 32, CKR_OK },
		{ CKM_CHACHA20_KEY_GEN, CKK_CHACHA20, 16, 0, CKR_KEY_SIZE_RANGE },
		{ CKM_SHA3_384_KEY_GEN, CKK_SHA3_384_HMAC, 0, 48, CKR_OK },
		{ CKM_SHA256_KEY_GEN, CKK_SHA256_HMAC, 20, 20, CKR_OK },
		{ CKM_HKDF_KEY_GEN, CKK_HKDF, 40, 40, CKR_OK },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct hz_mech m = { .type = cases[i].m };
		struct hz_attrs a = blank(CKO_SECRET_KEY, cases[i].kt, cases[i].len), b = blank(CKO_SECRET_KEY, cases[i].kt, cases[i].len);
		const struct hz_soft_mech *row = hz_soft_mech_find(cases[i].m);

		ck_assert_uint_eq(row->generate(&m, &a), cases[i].rv);
		ck_assert_uint_eq(row->generate(&m, &b), cases[i].rv);
		if (cases[i].made != 0)
			ck_assert_uint_eq(hz_attrs_find(&a, CKA_VALUE)->len, cases[i].made);
		if (cases[i].made >= 16)
			ck_assert(memcmp(hz_attrs_find(&a, CKA_VALUE)->value, hz_attrs_find(&b, CKA_VALUE)->value, cases[i].made) != 0);
		hz_attrs_free(&a);
		hz_attrs_free(&b);
	}
}
END_TEST

static CK_RV derive(CK_MECHANISM_TYPE type, void *param, CK_ULONG len, struct hz_key *base, struct hz_attrs *made)
{
	CK_MECHANISM m = { type, param, len };
	struct hz_mech copy;
	CK_RV rv = hz_mech_copy(&copy, &m);

	if (rv == CKR_OK)
		rv = (hz_soft_mech_find(type)->derive != NULL ? hz_soft_mech_find(type)->derive(&copy, base, made)
							      : hz_soft_mech_find(type)->generate(&copy, made));
	hz_mech_clear(&copy);
	return rv;
}

/* RFC 5869 test case 1 in its two halves and as a whole, as a key and as data. */
START_TEST(hkdf)
{
	uint8_t ikm[22], salt[13], info[10];
	CK_HKDF_PARAMS p = { CK_TRUE, CK_FALSE, CKM_SHA256, CKF_HKDF_SALT_DATA, salt, 13, 0, NULL, 0 };
	struct hz_key *base, *prk;
	struct hz_attrs a;

	memset(ikm, 0x0b, sizeof ikm);
	for (uint8_t i = 0; i < 13; i++)
		salt[i] = i;
	for (uint8_t i = 0; i < 10; i++)
		info[i] = (uint8_t)(0xf0 + i);
	base = key_of(CKK_HKDF, ikm, 22);

	a = blank(CKO_SECRET_KEY, CKK_HKDF, 0);
	ck_assert_uint_eq(derive(CKM_HKDF_DERIVE, &p, sizeof p, base, &a), CKR_OK);
	expect_attr(&a, CKA_VALUE, "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
	prk = key_of(CKK_GENERIC_SECRET, hz_attrs_find(&a, CKA_VALUE)->value, 32);
	hz_attrs_free(&a);
	a = blank(CKO_SECRET_KEY, CKK_HKDF, 31);
	ck_assert_uint_eq(derive(CKM_HKDF_DERIVE, &p, sizeof p, base, &a), CKR_TEMPLATE_INCONSISTENT);
	hz_attrs_free(&a);

	p = (CK_HKDF_PARAMS){ CK_FALSE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, info, 10 };
	a = blank(CKO_SECRET_KEY, CKK_GENERIC_SECRET, 42);
	ck_assert_uint_eq(derive(CKM_HKDF_DERIVE, &p, sizeof p, prk, &a), CKR_OK);
	expect_attr(&a, CKA_VALUE, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
	hz_attrs_free(&a);

	p = (CK_HKDF_PARAMS){ CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_DATA, salt, 13, 0, info, 10 };
	a = blank(CKO_DATA, 0, 42);
	ck_assert_uint_eq(derive(CKM_HKDF_DATA, &p, sizeof p, base, &a), CKR_OK);
	expect_attr(&a, CKA_VALUE, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
	ck_assert_ptr_null(hz_attrs_find(&a, CKA_VALUE_LEN));
	hz_attrs_free(&a);

	a = blank(CKO_SECRET_KEY, CKK_GENERIC_SECRET, 0);
	ck_assert_uint_eq(derive(CKM_HKDF_DERIVE, &p, sizeof p, base, &a), CKR_TEMPLATE_INCOMPLETE);
	hz_attrs_free(&a);
	a = blank(CKO_SECRET_KEY, CKK_GENERIC_SECRET, 255 * 32 + 1);
	ck_assert_uint_eq(derive(CKM_HKDF_DERIVE, &p, sizeof p, base, &a), CKR_KEY_SIZE_RANGE);
	hz_attrs_free(&a);
	a = blank(CKO_SECRET_KEY, CKK_AES, 20);
	ck_assert_uint_eq(derive(CKM_HKDF_DERIVE, &p, sizeof p, base, &a), CKR_KEY_SIZE_RANGE);
	hz_attrs_free(&a);
	p.prfHashMechanism = CKM_SHA256_HMAC;
	a = blank(CKO_SECRET_KEY, CKK_AES, 16);
	ck_assert_uint_eq(derive(CKM_HKDF_DERIVE, &p, sizeof p, base, &a), CKR_MECHANISM_PARAM_INVALID);
	hz_attrs_free(&a);
	hz_soft_key_free(base);
	hz_soft_key_free(prk);
}
END_TEST

START_TEST(pbkdf2)
{
	CK_PKCS5_PBKD2_PARAMS2 p = { CKZ_SALT_SPECIFIED, (void *)(uintptr_t)"salt", 4, 4096, CKP_PKCS5_PBKD2_HMAC_SHA1, NULL, 0,
				     (CK_UTF8CHAR *)(uintptr_t)"password", 8 };
	struct hz_attrs a = blank(CKO_SECRET_KEY, CKK_GENERIC_SECRET, 20);

	ck_assert_uint_eq(derive(CKM_PKCS5_PBKD2, &p, sizeof p, NULL, &a), CKR_OK);
	expect_attr(&a, CKA_VALUE, "4b007901b765489abead49d926f721d065a429c1");
	hz_attrs_free(&a);
	a = blank(CKO_SECRET_KEY, CKK_GENERIC_SECRET, 65536);
	p.iterations = 10000000;
	ck_assert_uint_eq(derive(CKM_PKCS5_PBKD2, &p, sizeof p, NULL, &a), CKR_KEY_SIZE_RANGE); /* hours */
	p.iterations = 0;
	ck_assert_uint_eq(derive(CKM_PKCS5_PBKD2, &p, sizeof p, NULL, &a), CKR_MECHANISM_PARAM_INVALID);
	p.iterations = (CK_ULONG)-1;
	ck_assert_uint_eq(derive(CKM_PKCS5_PBKD2, &p, sizeof p, NULL, &a), CKR_MECHANISM_PARAM_INVALID);
	p.iterations = 1;
	p.prf = CKP_PKCS5_PBKD2_HMAC_GOSTR3411;
	ck_assert_uint_eq(derive(CKM_PKCS5_PBKD2, &p, sizeof p, NULL, &a), CKR_MECHANISM_PARAM_INVALID);
	hz_attrs_free(&a);
}
END_TEST

/* libcrypto's KBKDF: [i]32 | label | 00 | context | [L]32. */
static void kbkdf(const char *mac, const char *with, const char *alg, const uint8_t *key, size_t key_len, uint8_t *out, size_t n)
{
	char mac_name[16], alg_name[32];
	OSSL_PARAM p[7];
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(hz_kdf("KBKDF"));

	strcpy(mac_name, mac);
	strcpy(alg_name, alg);
	p[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MAC, mac_name, 0);
	p[1] = OSSL_PARAM_construct_utf8_string(with, alg_name, 0);
	p[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key, key_len);
	p[3] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)"label", 5);
	p[4] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)"context", 7);
	p[5] = OSSL_PARAM_construct_end();
	ck_assert_int_eq(EVP_KDF_derive(ctx, out, n, p), 1);
	EVP_KDF_CTX_free(ctx);
}

START_TEST(sp800_108)
{
	CK_SP800_108_COUNTER_FORMAT i32 = { CK_FALSE, 32 }, i8 = { CK_FALSE, 8 };
	CK_SP800_108_DKM_LENGTH_FORMAT l32 = { CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, CK_FALSE, 32 };
	CK_SP800_108_DKM_LENGTH_FORMAT l8 = { CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, CK_FALSE, 8 };
	uint8_t zero = 0, raw[32] = { 1, 2, 3 }, want[100];
	CK_PRF_DATA_PARAM d[5] = { { CK_SP800_108_ITERATION_VARIABLE, &i32, sizeof i32 },
				   { CK_SP800_108_BYTE_ARRAY, (void *)(uintptr_t)"label", 5 },
				   { CK_SP800_108_BYTE_ARRAY, &zero, 1 },
				   { CK_SP800_108_BYTE_ARRAY, (void *)(uintptr_t)"context", 7 },
				   { CK_SP800_108_DKM_LENGTH, &l32, sizeof l32 } };
	CK_SP800_108_KDF_PARAMS p = { CKM_SHA256_HMAC, 5, d, 0, NULL };
	struct hz_key *secret = key_of(CKK_GENERIC_SECRET, raw, 32), *aes = key_of(CKK_AES, raw, 32);

	for (size_t n = 1; n <= sizeof want; n += 11) {
		struct hz_attrs a = blank(CKO_SECRET_KEY, CKK_GENERIC_SECRET, n);

		kbkdf("HMAC", OSSL_KDF_PARAM_DIGEST, "SHA2-256", raw, 32, want, n);
		p.prfType = CKM_SHA256_HMAC;
		ck_assert_uint_eq(derive(CKM_SP800_108_COUNTER_KDF, &p, sizeof p, secret, &a), CKR_OK);
		ck_assert_mem_eq(hz_attrs_find(&a, CKA_VALUE)->value, want, n);
		hz_attrs_free(&a);
		a = blank(CKO_SECRET_KEY, CKK_GENERIC_SECRET, n);
		kbkdf("CMAC", OSSL_KDF_PARAM_CIPHER, "AES-256-CBC", raw, 32, want, n);
		p.prfType = CKM_AES_CMAC;
		ck_assert_uint_eq(derive(CKM_SP800_108_COUNTER_KDF, &p, sizeof p, aes, &a), CKR_OK);
		ck_assert_mem_eq(hz_attrs_find(&a, CKA_VALUE)->value, want, n);
		ck_assert_uint_eq(derive(CKM_SP800_108_COUNTER_KDF, &p, sizeof p, secret, &a), CKR_KEY_TYPE_INCONSISTENT);
		hz_attrs_free(&a);
	}
	{
		struct hz_attrs a = blank(CKO_SECRET_KEY, CKK_GENERIC_SECRET, 256 * 16 + 1);

		d[0].pValue = &i8; /* 255 blocks at most */
		d[0].ulValueLen = sizeof i8;
		ck_assert_uint_eq(derive(CKM_SP800_108_COUNTER_KDF, &p, sizeof p, aes, &a), CKR_MECHANISM_PARAM_INVALID);
		d[0].pValue = &i32;
		d[4].pValue = &l8; /* 4097 bytes do not fit 8 bits */
		ck_assert_uint_eq(derive(CKM_SP800_108_COUNTER_KDF, &p, sizeof p, aes, &a), CKR_MECHANISM_PARAM_INVALID);
		d[4] = d[0];
		ck_assert_uint_eq(derive(CKM_SP800_108_COUNTER_KDF, &p, sizeof p, aes, &a), CKR_MECHANISM_PARAM_INVALID);
		p.ulNumberOfDataParams = 0;
		ck_assert_uint_eq(derive(CKM_SP800_108_COUNTER_KDF, &p, sizeof p, aes, &a), CKR_MECHANISM_PARAM_INVALID);
		hz_attrs_free(&a);
	}
	hz_soft_key_free(secret);
	hz_soft_key_free(aes);
}
END_TEST

/* Wrap and unwrap again, and every byte of the blob changed. */
static void round_trip(CK_MECHANISM_TYPE type, void *param, CK_ULONG param_len, struct hz_key *wrapping, struct hz_key *unwrapping,
		       struct hz_key *target, CK_KEY_TYPE made_type)
{
	CK_MECHANISM mech = { type, param, param_len };
	const struct hz_soft_mech *row = hz_soft_mech_find(type);
	struct hz_buf out = HZ_BUF_INIT;
	struct hz_mech m;
	struct hz_attrs a;
	size_t len = 0;

	ck_assert_uint_eq(hz_mech_copy(&m, &mech), CKR_OK);
	ck_assert_uint_eq(row->wrap(&m, wrapping, target, &out), CKR_OK);
	ck_assert_uint_eq(row->wrap_len(&m, wrapping, target, &len), CKR_OK);
	ck_assert_uint_eq(len, out.len);
	a = blank(target->cls, made_type, 0);
	ck_assert_uint_eq(row->unwrap(&m, unwrapping, out.p, out.len, &a), CKR_OK);
	if (target->cls == CKO_SECRET_KEY)
		ck_assert(hz_attrs_find(&a, CKA_VALUE)->len == target->secret_len &&
			  memcmp(hz_attrs_find(&a, CKA_VALUE)->value, target->secret, target->secret_len) == 0);
	hz_attrs_free(&a);
	for (size_t i = 0; i < out.len; i += out.len > 100 ? 13 : 1) {
		out.p[i] ^= 0x40;
		a = blank(target->cls, made_type, 0);
		ck_assert_uint_eq(row->unwrap(&m, unwrapping, out.p, out.len, &a), CKR_WRAPPED_KEY_INVALID);
		ck_assert_ptr_null(hz_attrs_find(&a, CKA_VALUE));
		hz_attrs_free(&a);
		out.p[i] ^= 0x40;
	}
	for (size_t n = 0; n < out.len; n += 5) {
		CK_RV rv;

		a = blank(target->cls, made_type, 0);
		rv = row->unwrap(&m, unwrapping, out.p, n, &a);
		ck_assert(rv == CKR_WRAPPED_KEY_INVALID || rv == CKR_WRAPPED_KEY_LEN_RANGE);
		hz_attrs_free(&a);
	}
	hz_buf_free(&out);
	hz_mech_clear(&m);
}

static void pair(CK_MECHANISM_TYPE type, CK_KEY_TYPE kt, struct hz_key **pub, struct hz_key **priv)
{
	static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	struct hz_mech m = { .type = type };
	struct hz_attrs a = blank(CKO_PUBLIC_KEY, kt, 0), b = blank(CKO_PRIVATE_KEY, kt, 0);

	ck_assert_uint_eq(kt == CKK_RSA ? hz_attrs_set_ulong(&a, CKA_MODULUS_BITS, 2048)
					: hz_attrs_set(&a, CKA_EC_PARAMS, p256, sizeof p256, false), CKR_OK);
	ck_assert_uint_eq(hz_soft_mech_find(type)->generate_pair(&m, &a, &b), CKR_OK);
	ck_assert_uint_eq(hz_soft_key_new(&a, pub), CKR_OK);
	ck_assert_uint_eq(hz_soft_key_new(&b, priv), CKR_OK);
	hz_attrs_free(&a);
	hz_attrs_free(&b);
}

START_TEST(wrapping)
{
	uint8_t raw[40], oddly[] = "seventeen bytes!!";
	struct hz_key *kek, *aes, *odd, *ec_pub, *ec_priv;
	struct hz_buf out = HZ_BUF_INIT;
	struct hz_mech m = { .type = CKM_AES_KEY_WRAP };
	uint8_t iv8[8] = { 1, 2, 3 }, iv4[4] = { 9 };
	struct hz_attrs a;

	for (uint8_t i = 0; i < 40; i++)
		raw[i] = i;
	kek = key_of(CKK_AES, raw, 16);
	aes = key_of(CKK_AES, raw + 8, 32);
	odd = key_of(CKK_GENERIC_SECRET, oddly, 17);
	pair(CKM_EC_KEY_PAIR_GEN, CKK_EC, &ec_pub, &ec_priv);
	round_trip(CKM_AES_KEY_WRAP, NULL, 0, kek, kek, aes, CKK_AES);
	round_trip(CKM_AES_KEY_WRAP, iv8, 8, kek, kek, aes, CKK_AES);
	round_trip(CKM_AES_KEY_WRAP_KWP, NULL, 0, kek, kek, aes, CKK_AES);
	round_trip(CKM_AES_KEY_WRAP_KWP, iv4, 4, kek, kek, odd, CKK_GENERIC_SECRET);
	round_trip(CKM_AES_KEY_WRAP_KWP, NULL, 0, kek, kek, ec_priv, CKK_EC);
	ck_assert_uint_eq(hz_soft_mech_find(CKM_AES_KEY_WRAP)->wrap(&m, kek, odd, &out), CKR_KEY_SIZE_RANGE);
	ck_assert_uint_eq(hz_soft_mech_find(CKM_AES_KEY_WRAP)->wrap(&m, kek, ec_pub, &out), CKR_KEY_NOT_WRAPPABLE);

	m.type = CKM_AES_KEY_WRAP_KWP; /* a blob of 17 bytes is no AES key, and 16 bytes no 32 */
	ck_assert_uint_eq(hz_soft_mech_find(CKM_AES_KEY_WRAP_KWP)->wrap(&m, kek, odd, &out), CKR_OK);
	a = blank(CKO_SECRET_KEY, CKK_AES, 0);
	ck_assert_uint_eq(hz_soft_mech_find(CKM_AES_KEY_WRAP_KWP)->unwrap(&m, kek, out.p, out.len, &a), CKR_WRAPPED_KEY_INVALID);
	hz_attrs_free(&a);
	hz_buf_free(&out);
	hz_soft_key_free(kek);
	hz_soft_key_free(aes);
	hz_soft_key_free(odd);
	hz_soft_key_free(ec_pub);
	hz_soft_key_free(ec_priv);
}
END_TEST

START_TEST(rsa_aes_wrapping)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_RSA_AES_KEY_WRAP_PARAMS p = { 256, &oaep };
	uint8_t raw[32] = { 7 };
	struct hz_key *rsa_pub, *rsa_priv, *aes = key_of(CKK_AES, raw, 32), *ec_pub, *ec_priv;

	pair(CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, &rsa_pub, &rsa_priv);
	pair(CKM_EC_KEY_PAIR_GEN, CKK_EC, &ec_pub, &ec_priv);
	round_trip(CKM_RSA_AES_KEY_WRAP, &p, sizeof p, rsa_pub, rsa_priv, aes, CKK_AES);
	p.ulAESKeyBits = 128;
	round_trip(CKM_RSA_AES_KEY_WRAP, &p, sizeof p, rsa_pub, rsa_priv, ec_priv, CKK_EC);
	hz_soft_key_free(rsa_pub);
	hz_soft_key_free(rsa_priv);
	hz_soft_key_free(ec_pub);
	hz_soft_key_free(ec_priv);
	hz_soft_key_free(aes);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("soft_sym_key");
	TCase *c = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c, table);
	tcase_add_test(c, check_values);
	tcase_add_test(c, generation);
	tcase_add_test(c, hkdf);
	tcase_add_test(c, pbkdf2);
	tcase_add_test(c, sp800_108);
	tcase_add_test(c, wrapping);
	tcase_add_test(c, rsa_aes_wrapping);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
