/* SPDX-License-Identifier: Apache-2.0 */
/* Lengths and counts that no caller can mean, beside pointers that are good: refused before anything is read or allocated. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static CK_BYTE buf[64];
/* What a machine could have, and what nobody's memory has. */
static const CK_ULONG large[] = { 1UL << 31, 1UL << 32, (1UL << 32) + 1, 1UL << 60, 1UL << 61 };
static const CK_ULONG absurd[] = { ~0UL, ~0UL - 1, ~0UL - 15, 1UL << 63, (1UL << 63) - 1, (1UL << 62) + 1 };
static CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
static CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static CK_ULONG len32 = 32;

/* Refused, and not as the module's own fault. */
static void refused(CK_RV rv, int line, const char *what, CK_ULONG n)
{
	p11_about("%s, %#lx: code %#lx", what, n, rv);
	p11_check(__FILE__, line, what, rv != CKR_OK && rv != CKR_GENERAL_ERROR && rv != CKR_HOST_MEMORY && rv != CKR_FUNCTION_FAILED &&
						rv != CKR_DEVICE_ERROR);
}
#define REFUSED(call, n) refused((call), __LINE__, #call, (n))

static void counts(CK_ULONG n)
{
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, secret) };
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 }, pair = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 }, kwp = { CKM_AES_KEY_WRAP_KWP, NULL, 0 };
	CK_OBJECT_HANDLE k = kit_key(s, KEY_AES).pub, h = 0, g = 0;

	REFUSED(p11->C_CreateObject(s, a, n, &h), n);
	REFUSED(p11->C_CopyObject(s, k, a, n, &h), n);
	REFUSED(p11->C_GetAttributeValue(s, k, a, n), n);
	REFUSED(p11->C_SetAttributeValue(s, k, a, n), n);
	REFUSED(p11->C_FindObjectsInit(s, a, n), n);
	REFUSED(p11->C_GenerateKey(s, &gen, a, n, &h), n);
	REFUSED(p11->C_GenerateKeyPair(s, &pair, a, n, a, 1, &h, &g), n);
	REFUSED(p11->C_GenerateKeyPair(s, &pair, a, 1, a, n, &h, &g), n);
	REFUSED(p11->C_UnwrapKey(s, &kwp, k, buf, 24, a, n, &h), n);
	REFUSED(p11->C_DeriveKey(s, &kwp, k, a, n, &h), n);
	REFUSED(p11->C_CreateObject(s, NULL, n, &h), n);
	REFUSED(p11->C_CopyObject(s, k, NULL, n, &h), n);
	REFUSED(p11->C_GetAttributeValue(s, k, NULL, n), n);
	REFUSED(p11->C_SetAttributeValue(s, k, NULL, n), n);
	REFUSED(p11->C_FindObjectsInit(s, NULL, n), n);
	REFUSED(p11->C_GenerateKey(s, &gen, NULL, n, &h), n);
}

static void values(CK_ULONG n)
{
	CK_ATTRIBUTE inner[] = { A_VAL(CKA_CLASS, secret) };
	CK_ATTRIBUTE v[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), { CKA_VALUE, buf, n } };
	CK_ATTRIBUTE t[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), A_VAL(CKA_VALUE, buf), { CKA_WRAP_TEMPLATE, inner, n } };
	CK_ATTRIBUTE u[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), A_VAL(CKA_VALUE, buf),
			     { CKA_WRAP_TEMPLATE, inner, n / sizeof inner * sizeof inner } };
	CK_ATTRIBUTE m[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), A_VAL(CKA_VALUE, buf), { CKA_ALLOWED_MECHANISMS, buf, n / 8 * 8 } };
	CK_ATTRIBUTE alone[] = { { CKA_LABEL, buf, n }, { CKA_VALUE, buf, n }, { CKA_UNWRAP_TEMPLATE, buf, n }, { CKA_ALLOWED_MECHANISMS, buf, n } };
	CK_OBJECT_HANDLE h = 0;

	REFUSED(p11->C_CreateObject(s, v, N(v), &h), n);
	REFUSED(p11->C_CreateObject(s, t, N(t), &h), n);
	REFUSED(p11->C_CreateObject(s, u, N(u), &h), n);
	REFUSED(p11->C_CreateObject(s, m, N(m), &h), n);
	REFUSED(p11->C_FindObjectsInit(s, alone, 1), n);
	for (size_t i = 0; i < N(alone); i++) {
		REFUSED(p11->C_CreateObject(s, &alone[i], 1, &h), n);
		REFUSED(p11->C_SetAttributeValue(s, kit_key(s, KEY_AES).pub, &alone[i], 1), n);
	}
}

static void key_lengths(CK_ULONG n)
{
	static const CK_MECHANISM_TYPE gens[] = { CKM_AES_KEY_GEN, CKM_GENERIC_SECRET_KEY_GEN, CKM_HKDF_KEY_GEN };
	CK_ATTRIBUTE len[] = { A_VAL(CKA_VALUE_LEN, n) }, bits[] = { A_VAL(CKA_MODULUS_BITS, n) };
	CK_MECHANISM pair = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_BYTE info[4] = "info";
	CK_HKDF_PARAMS p = { CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, info, sizeof info };
	CK_MECHANISM hkdf = { CKM_HKDF_DERIVE, &p, sizeof p };
	CK_OBJECT_HANDLE h = 0, g = 0;

	for (size_t i = 0; i < N(gens); i++)
		REFUSED(p11->C_GenerateKey(s, &(CK_MECHANISM){ gens[i], NULL, 0 }, len, 1, &h), n);
	REFUSED(p11->C_GenerateKeyPair(s, &pair, bits, 1, NULL, 0, &h, &g), n);
	REFUSED(p11->C_DeriveKey(s, &hkdf, kit_key(s, KEY_GENERIC).pub, len, 1, &h), n);
	p.ulInfoLen = n;
	REFUSED(p11->C_DeriveKey(s, &hkdf, kit_key(s, KEY_GENERIC).pub, NULL, 0, &h), n);
}

/* Data of a length that is not there, where what is asked for can be said without it. */
static void data(CK_ULONG n)
{
	struct kit_recipe r;
	CK_OBJECT_HANDLE h = 0, k = kit_key(s, KEY_AES).pub;
	CK_ULONG out = sizeof buf;

	p11_about("data of %#lx", n);
	CHECK(kit_recipe(CKM_AES_KEY_WRAP_KWP, 0, &r));
	REFUSED(p11->C_UnwrapKey(s, &r.m, k, buf, n, NULL, 0, &h), n);
	CHECK(kit_recipe(CKM_AES_GCM, 0, &r));
	OK(p11->C_DecryptInit(s, &r.m, k));
	RV(p11->C_Decrypt(s, buf, n, NULL, &out), n > ~0UL / 4 ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_OK);
	OK(p11->C_DecryptInit(s, NULL, 0));
	RV(p11->C_SetOperationState(s, buf, n, 0, 0), CKR_SAVED_STATE_INVALID);
}

static void lengths(CK_ULONG n)
{
	CK_MECHANISM sha = { CKM_SHA256, NULL, 0 }, cmac = { CKM_AES_CMAC, NULL, 0 }, kwp = { CKM_AES_KEY_WRAP_KWP, NULL, 0 };
	CK_ATTRIBUTE tmpl[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes) };
	CK_OBJECT_HANDLE k = kit_key(s, KEY_AES).pub, h = 0;
	CK_UTF8CHAR label[32] = "x";

	REFUSED(p11->C_GenerateRandom(s, buf, n), n);
	REFUSED(p11->C_SeedRandom(s, buf, n), n);
	REFUSED(p11->C_UnwrapKey(s, &kwp, k, buf, n, tmpl, N(tmpl), &h), n);
	REFUSED(p11->C_InitToken(1, buf, n, label), n);
	OK(p11->C_DigestInit(s, &sha));
	RV(p11->C_DigestUpdate(s, buf, n), CKR_DATA_LEN_RANGE);
	OK(p11->C_SignInit(s, &cmac, k));
	REFUSED(p11->C_SignUpdate(s, buf, n), n);
	OK(p11->C_VerifyInit(s, &cmac, k));
	REFUSED(p11->C_VerifyUpdate(s, buf, n), n);
	OK(p11->C_VerifyInit(s, &cmac, k));
	REFUSED(p11->C_Verify(s, buf, 1, buf, n), n);
	OK(p11->C_VerifyInit(s, &cmac, k));
	REFUSED(p11->C_VerifyFinal(s, buf, n), n);
	REFUSED(p11->C_VerifySignatureInit(s, &cmac, k, buf, n), n);
	OK(p11->C_VerifyInit(s, &cmac, k)); /* nothing was left active */
	OK(p11->C_VerifyInit(s, NULL, 0));
}

/* A mechanism with a parameter of an absurd length, and the key it wants. */
static void parameter(CK_MECHANISM_TYPE t, CK_ULONG n)
{
	CK_ATTRIBUTE tmpl[] = { A_VAL(CKA_VALUE_LEN, len32) };
	CK_MECHANISM m = { t, buf, n };
	CK_FLAGS f = kit_flags(0, t);
	CK_OBJECT_HANDLE h = 0, g = 0, k = 0;
	struct kit_recipe r;

	if (kit_recipe(t, 0, &r) && (f & (CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN | CKF_VERIFY | CKF_WRAP | CKF_DERIVE)) != 0)
		k = kit_key(s, r.key).priv;
	if ((f & CKF_DIGEST) != 0)
		REFUSED(p11->C_DigestInit(s, &m), t);
	if ((f & CKF_SIGN) != 0)
		REFUSED(p11->C_SignInit(s, &m, k), t);
	if ((f & CKF_ENCRYPT) != 0)
		REFUSED(p11->C_EncryptInit(s, &m, kit_key(s, r.key).pub), t);
	if ((f & CKF_DECRYPT) != 0)
		REFUSED(p11->C_DecryptInit(s, &m, k), t);
	if ((f & CKF_MESSAGE_ENCRYPT) != 0)
		REFUSED(p11->C_MessageEncryptInit(s, &m, k), t);
	if ((f & CKF_DERIVE) != 0) {
		REFUSED(p11->C_DeriveKey(s, &m, k, tmpl, 1, &h), t);
		REFUSED(p11->C_DeriveKey(s, &m, kit_key(s, KEY_GENERIC).pub, NULL, 0, &h), t);
	}
	if ((f & CKF_GENERATE) != 0)
		REFUSED(p11->C_GenerateKey(s, &m, tmpl, 1, &h), t);
	if ((f & CKF_GENERATE_KEY_PAIR) != 0)
		REFUSED(p11->C_GenerateKeyPair(s, &m, NULL, 0, NULL, 0, &h, &g), t);
}

/* A good parameter with each of its words absurd: whatever the answer, the session can go on. */
static void words(CK_MECHANISM_TYPE t, CK_ULONG n)
{
	CK_FLAGS f = kit_flags(0, t);
	CK_BYTE copy[256];
	struct kit_recipe r;

	if ((f & (CKF_ENCRYPT | CKF_SIGN)) == 0 || !kit_recipe(t, 0, &r) || r.m.ulParameterLen < 16 || r.m.ulParameterLen > sizeof copy)
		return;
	p11_about("0x%lx with a word of %#lx", t, n);
	for (CK_ULONG at = 0; at + sizeof n <= r.m.ulParameterLen; at += sizeof n) {
		CK_MECHANISM m = { t, copy, r.m.ulParameterLen };
		const void *p;

		memcpy(&p, (CK_BYTE *)r.m.pParameter + at, sizeof p);
		if ((uintptr_t)p > 4096)
			continue; /* a pointer: what it leads to is the caller's promise */
		memcpy(copy, r.m.pParameter, r.m.ulParameterLen);
		memcpy(copy + at, &n, sizeof n);
		if ((f & CKF_ENCRYPT) != 0)
			(void)p11->C_EncryptInit(s, &m, kit_key(s, r.key).pub);
		if ((f & CKF_SIGN) != 0)
			(void)p11->C_SignInit(s, &m, kit_key(s, r.key).priv);
		OK(p11->C_SessionCancel(s, ~0UL));
	}
}

static void parameters(CK_ULONG n)
{
	CK_ULONG count;
	CK_MECHANISM_TYPE *list = kit_mechs(0, &count);

	CHECK(count > 100);
	for (CK_ULONG i = 0; i < count; i++) {
		parameter(list[i], n);
		words(list[i], n);
	}
	free(list);
}

/* Lengths inside of parameters. */
static void nested(CK_ULONG n)
{
	CK_OBJECT_HANDLE a = kit_key(s, KEY_AES).pub, c = kit_key(s, KEY_CHACHA).pub, rsa = kit_key(s, KEY_RSA).pub, g = kit_key(s, KEY_GENERIC).pub,
			 ec = kit_key(s, KEY_P256).priv, ed = kit_key(s, KEY_ED25519).priv, h = 0;
	CK_GCM_PARAMS gcm[] = { { buf, n, 0, NULL, 0, 128 }, { buf, 12, 96, buf, n, 128 }, { buf, 12, 96, NULL, 0, n }, { buf, 12, n / 8 * 8 + 8, NULL, 0, 127 } };
	CK_CCM_PARAMS ccm[] = { { n, buf, 12, NULL, 0, 16 }, { 1, buf, n, NULL, 0, 16 }, { 1, buf, 12, buf, n, 16 }, { 1, buf, 12, NULL, 0, n } };
	CK_SALSA20_CHACHA20_POLY1305_PARAMS cha[] = { { buf, n, NULL, 0 }, { buf, 12, buf, n } };
	CK_AES_CTR_PARAMS ctr = { n, { 0 } };
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, buf, n };
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, CKG_MGF1_SHA256, n };
	CK_HKDF_PARAMS hkdf[] = { { 1, 1, CKM_SHA256, CKF_HKDF_SALT_DATA, buf, n, 0, NULL, 0 }, { 1, 1, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, buf, n } };
	CK_PRF_DATA_PARAM seg[2] = { { CK_SP800_108_ITERATION_VARIABLE, buf, n }, { CK_SP800_108_BYTE_ARRAY, buf, n } };
	CK_SP800_108_KDF_PARAMS sp[] = { { CKM_SHA256_HMAC, n, seg, 0, NULL }, { CKM_SHA256_HMAC, 1, seg, 0, NULL }, { CKM_SHA256_HMAC, 2, seg, 0, NULL },
					 { CKM_SHA256_HMAC, 1, seg, n, (void *)buf } };
	CK_PKCS5_PBKD2_PARAMS2 pb[] = { { CKZ_SALT_SPECIFIED, buf, n, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, buf, 4 },
					{ CKZ_SALT_SPECIFIED, buf, 8, n, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, buf, 4 },
					{ CKZ_SALT_SPECIFIED, buf, 8, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, buf, n, buf, 4 },
					{ CKZ_SALT_SPECIFIED, buf, 8, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, buf, n } };
	CK_ECDH1_DERIVE_PARAMS dh[] = { { CKD_NULL, 0, NULL, n, buf }, { CKD_SHA256_KDF, n, buf, 65, buf } };
	CK_EDDSA_PARAMS eddsa = { CK_FALSE, n, buf };
	CK_ATTRIBUTE tmpl[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), A_VAL(CKA_VALUE_LEN, len32) };
#define INIT(f, t, p, k) REFUSED(f(s, &(CK_MECHANISM){ (t), &(p), sizeof(p) }, (k)), n)
#define MAKE(t, p, k) REFUSED(p11->C_DeriveKey(s, &(CK_MECHANISM){ (t), &(p), sizeof(p) }, (k), tmpl, N(tmpl), &h), n)

	for (size_t i = 0; i < N(gcm); i++)
		INIT(p11->C_EncryptInit, CKM_AES_GCM, gcm[i], a);
	for (size_t i = 0; i < N(ccm); i++)
		INIT(p11->C_DecryptInit, CKM_AES_CCM, ccm[i], a);
	for (size_t i = 0; i < N(cha); i++)
		INIT(p11->C_EncryptInit, CKM_CHACHA20_POLY1305, cha[i], c);
	INIT(p11->C_EncryptInit, CKM_AES_CTR, ctr, a);
	INIT(p11->C_EncryptInit, CKM_RSA_PKCS_OAEP, oaep, rsa);
	INIT(p11->C_VerifyInit, CKM_SHA256_RSA_PKCS_PSS, pss, rsa);
	INIT(p11->C_SignInit, CKM_EDDSA, eddsa, ed);
	INIT(p11->C_SignInit, CKM_AES_CMAC_GENERAL, n, a);
	for (size_t i = 0; i < N(hkdf); i++)
		MAKE(CKM_HKDF_DERIVE, hkdf[i], g);
	for (size_t i = 0; i < N(sp); i++)
		MAKE(CKM_SP800_108_COUNTER_KDF, sp[i], g);
	for (size_t i = 0; i < N(dh); i++)
		MAKE(CKM_ECDH1_DERIVE, dh[i], ec);
	for (size_t i = 0; i < N(pb); i++)
		REFUSED(p11->C_GenerateKey(s, &(CK_MECHANISM){ CKM_PKCS5_PBKD2, &pb[i], sizeof pb[i] }, tmpl, N(tmpl), &h), n);
}

/* Messages bring their parameter with each call; a refused one leaves the process running. */
static void messages(CK_ULONG n)
{
	CK_BYTE iv[12] = { 0 }, tag[16], out[64];
	CK_GCM_MESSAGE_PARAMS good = { iv, 12, 0, CKG_NO_GENERATE, tag, 128 };
	CK_GCM_MESSAGE_PARAMS bad[] = { { iv, n, 0, CKG_NO_GENERATE, tag, 128 }, { iv, 12, n, CKG_GENERATE_RANDOM, tag, 128 },
					{ iv, n, 0, CKG_GENERATE_COUNTER, tag, 128 }, { iv, 12, 0, n, tag, 128 }, { iv, 12, 0, CKG_NO_GENERATE, tag, n } };
	CK_MECHANISM m = { CKM_AES_GCM, NULL, 0 };
	CK_ULONG len = sizeof out;

	OK(p11->C_MessageEncryptInit(s, &m, kit_key(s, KEY_AES).pub));
	for (size_t i = 0; i < N(bad); i++) {
		REFUSED(p11->C_EncryptMessage(s, &bad[i], sizeof bad[i], NULL, 0, buf, 16, out, &len), n);
		REFUSED(p11->C_EncryptMessageBegin(s, &bad[i], sizeof bad[i], NULL, 0), n);
	}
	REFUSED(p11->C_EncryptMessage(s, &good, n, NULL, 0, buf, 16, out, &len), n);
	REFUSED(p11->C_EncryptMessage(s, &good, sizeof good, buf, n, buf, 16, out, &len), n);
	REFUSED(p11->C_EncryptMessage(s, &good, sizeof good, NULL, 0, buf, n, out, &len), n);
	len = sizeof out;
	OK(p11->C_EncryptMessage(s, &good, sizeof good, NULL, 0, buf, 16, out, &len));
	OK(p11->C_MessageEncryptFinal(s));
}

static void rsa_case(CK_ULONG bits, const CK_BYTE *e, CK_ULONG n)
{
	CK_ATTRIBUTE pub[] = { A_VAL(CKA_MODULUS_BITS, bits), { CKA_PUBLIC_EXPONENT, (void *)(uintptr_t)e, n } };
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_OBJECT_HANDLE a = 0, b = 0;

	REFUSED(p11->C_GenerateKeyPair(s, &m, pub, N(pub), NULL, 0, &a, &b), bits);
}

/* RSA with exponents and lengths that never end or never work. */
static void rsa(void)
{
	static const struct { CK_ULONG bits; CK_BYTE e[33]; CK_ULONG n; } cases[] = {
		{ 2048, { 0 }, 0 }, { 2048, { 0 }, 1 }, { 2048, { 1 }, 1 }, { 2048, { 2 }, 1 }, { 2048, { 1, 0, 0 }, 3 }, { 2048, { 0xff, [32] = 0xff }, 33 },
		{ 0, { 1, 0, 1 }, 3 }, { 1, { 1, 0, 1 }, 3 }, { 512, { 1, 0, 1 }, 3 }, { 2047, { 1, 0, 1 }, 3 }, { 1UL << 31, { 1, 0, 1 }, 3 }, { ~0UL, { 1, 0, 1 }, 3 },
	};
	CK_BYTE long_e[600];

	for (size_t i = 0; i < N(cases); i++)
		rsa_case(cases[i].bits, cases[i].e, cases[i].n);
	memset(long_e, 0xff, sizeof long_e);
	rsa_case(2048, long_e, sizeof long_e);
}

/* What any number can be given for; the rest of the lengths promises memory that is there. */
static void everywhere(CK_ULONG n)
{
	counts(n);
	values(n);
	key_lengths(n);
	parameters(n);
}

int main(void)
{
	struct rlimit lim = { 3UL << 30, 3UL << 30 };

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	CHECK(setrlimit(RLIMIT_AS, &lim) == 0);
#else
	(void)lim;
#endif
	kit_start();
	s = kit_session(0, true);
	counts(1UL << 16);
	for (size_t i = 0; i < N(large); i++)
		everywhere(large[i]);
	data(1UL << 61);
	for (size_t i = 0; i < N(absurd); i++) {
		everywhere(absurd[i]);
		data(absurd[i]);
		lengths(absurd[i]);
		nested(absurd[i]);
		messages(absurd[i]);
	}
	rsa();
	return kit_end();
}
