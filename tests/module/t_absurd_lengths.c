/* SPDX-License-Identifier: Apache-2.0 */
/* Counts and lengths that no caller can mean: an error code, and neither a crash nor a giant allocation. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static const CK_ULONG sizes[] = { 1UL << 31, 1UL << 32, (1UL << 32) + 1, 1UL << 60, 1UL << 61, 1UL << 63, ~0UL - 1, ~0UL };
static CK_BYTE buf[4096];

static void templates(CK_ULONG n)
{
	CK_ATTRIBUTE a[] = { A_STR(CKA_LABEL, "x"), { CKA_VALUE, buf, n }, { CKA_UNWRAP_TEMPLATE, buf, n }, { CKA_ALLOWED_MECHANISMS, buf, n } };
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_OBJECT_HANDLE h, k = kit_key(s, KEY_AES).pub;

	p11_about("templates of %lu", n);
	CHECK(p11->C_CreateObject(s, NULL, n, &h) != CKR_OK);
	CHECK(p11->C_FindObjectsInit(s, NULL, n) != CKR_OK);
	CHECK(p11->C_GenerateKey(s, &gen, NULL, n, &h) != CKR_OK);
	CHECK(p11->C_GetAttributeValue(s, k, NULL, n) != CKR_OK);
	CHECK(p11->C_SetAttributeValue(s, k, NULL, n) != CKR_OK);
	CHECK(p11->C_CopyObject(s, k, NULL, n, &h) != CKR_OK);
	for (int i = 1; i < 4; i++) {
		CHECK(p11->C_CreateObject(s, &a[i], 1, &h) != CKR_OK);
		CHECK(p11->C_SetAttributeValue(s, k, &a[i], 1) != CKR_OK);
	}
}

static void key_lengths(CK_ULONG n)
{
	static const CK_MECHANISM_TYPE gens[] = { CKM_AES_KEY_GEN, CKM_GENERIC_SECRET_KEY_GEN, CKM_HKDF_KEY_GEN };
	CK_ATTRIBUTE len[] = { A_VAL(CKA_VALUE_LEN, n) }, bits[] = { A_VAL(CKA_MODULUS_BITS, n) };
	CK_MECHANISM rsa = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_BYTE info[4] = "info";
	CK_HKDF_PARAMS p = { CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, info, sizeof info };
	CK_MECHANISM hkdf = { CKM_HKDF_DERIVE, &p, sizeof p };
	CK_OBJECT_HANDLE h, h2;

	p11_about("key lengths of %lu", n);
	for (size_t i = 0; i < N(gens); i++) {
		CK_MECHANISM m = { gens[i], NULL, 0 };

		CHECK(p11->C_GenerateKey(s, &m, len, 1, &h) != CKR_OK);
	}
	CHECK(p11->C_GenerateKeyPair(s, &rsa, bits, 1, NULL, 0, &h, &h2) != CKR_OK);
	CHECK(p11->C_DeriveKey(s, &hkdf, kit_key(s, KEY_GENERIC).pub, len, 1, &h) != CKR_OK);
	p.ulInfoLen = n;
	CHECK(p11->C_DeriveKey(s, &hkdf, kit_key(s, KEY_GENERIC).pub, NULL, 0, &h) != CKR_OK);
}

/* Every mechanism with a parameter of that length, and with its own length and each word of it absurd. */
static void parameters(CK_MECHANISM_TYPE t, CK_ULONG n)
{
	struct kit_recipe r;
	CK_BYTE copy[256];
	CK_OBJECT_HANDLE h;
	CK_FLAGS f = kit_flags(0, t);
	CK_MECHANISM m = { t, buf, n };

	p11_about("0x%lx with a parameter of %lu", t, n);
	if ((f & CKF_ENCRYPT) != 0)
		CHECK(p11->C_EncryptInit(s, &m, kit_key(s, KEY_AES).pub) != CKR_OK);
	if ((f & CKF_SIGN) != 0)
		CHECK(p11->C_SignInit(s, &m, kit_key(s, KEY_GENERIC).pub) != CKR_OK);
	if ((f & CKF_DIGEST) != 0)
		CHECK(p11->C_DigestInit(s, &m) != CKR_OK);
	if ((f & CKF_DERIVE) != 0)
		CHECK(p11->C_DeriveKey(s, &m, kit_key(s, KEY_GENERIC).pub, NULL, 0, &h) != CKR_OK);
	if ((f & (CKF_ENCRYPT | CKF_SIGN)) == 0 || !kit_recipe(t, 0, &r) || r.m.ulParameterLen < 16 || r.m.ulParameterLen > sizeof copy)
		return;
	for (CK_ULONG at = 0; at + sizeof n <= r.m.ulParameterLen; at += sizeof n) {
		const void *p;

		memcpy(&p, (CK_BYTE *)r.m.pParameter + at, sizeof p);
		if (p == buf || (uintptr_t)p > 4096)
			continue; /* a pointer: what it leads to is the caller's promise */
		memcpy(copy, r.m.pParameter, r.m.ulParameterLen);
		memcpy(copy + at, &n, sizeof n);
		m = (CK_MECHANISM){ t, copy, r.m.ulParameterLen };
		if ((f & CKF_ENCRYPT) != 0)
			(void)p11->C_EncryptInit(s, &m, kit_key(s, r.key).pub);
		if ((f & CKF_SIGN) != 0)
			(void)p11->C_SignInit(s, &m, kit_key(s, r.key).priv);
		OK(p11->C_SessionCancel(s, ~0UL));
	}
}

static void data(CK_ULONG n)
{
	struct kit_recipe r;
	CK_OBJECT_HANDLE h, k = kit_key(s, KEY_AES).pub;
	CK_ULONG out = sizeof buf;

	p11_about("data of %lu", n);
	if (n < 1UL << 61)
		return; /* a buffer of such a size could be there */
	CHECK(kit_recipe(CKM_AES_KEY_WRAP_KWP, 0, &r));
	CHECK(p11->C_UnwrapKey(s, &r.m, k, buf, n, NULL, 0, &h) != CKR_OK);
	CHECK(kit_recipe(CKM_AES_GCM, 0, &r));
	OK(p11->C_DecryptInit(s, &r.m, k));
	RV(p11->C_Decrypt(s, buf, n, NULL, &out), n > ~0UL / 4 ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_OK);
	OK(p11->C_DecryptInit(s, NULL, 0));
	RV(p11->C_SetOperationState(s, buf, n, 0, 0), CKR_SAVED_STATE_INVALID);
	CHECK(kit_recipe(CKM_SHA256, 0, &r));
	OK(p11->C_DigestInit(s, &r.m));
	if (n > ~0UL / 4)
		RV(p11->C_DigestUpdate(s, buf, n), CKR_DATA_LEN_RANGE);
	OK(p11->C_DigestInit(s, NULL));
}

/* RSA exponents that would keep a generator busy for ever. */
static void exponents(void)
{
	static CK_BYTE e0[1] = { 0 }, e1[1] = { 1 }, e2[1] = { 2 }, even[3] = { 1, 0, 0 }, huge[600];
	struct { CK_BYTE *e; CK_ULONG n; } list[] = { { e0, 1 }, { e1, 1 }, { e2, 1 }, { even, 3 }, { huge, 600 }, { NULL, 0 } };
	CK_MECHANISM rsa = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_OBJECT_HANDLE a, b;

	memset(huge, 0xff, sizeof huge);
	for (size_t i = 0; i < N(list); i++) {
		CK_ATTRIBUTE t[] = { A_VAL(CKA_MODULUS_BITS, bits), { CKA_PUBLIC_EXPONENT, list[i].e, list[i].n } };

		p11_about("exponent %zu", i);
		CHECK(p11->C_GenerateKeyPair(s, &rsa, t, 2, NULL, 0, &a, &b) != CKR_OK);
	}
}

int main(void)
{
	struct rlimit lim = { 3UL << 30, 3UL << 30 };
	CK_MECHANISM_TYPE *list;
	CK_ULONG n;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	CHECK(setrlimit(RLIMIT_AS, &lim) == 0);
#else
	(void)lim;
#endif
	kit_start();
	s = kit_session(0, true);
	list = kit_mechs(0, &n);
	for (size_t i = 0; i < N(sizes); i++) {
		templates(sizes[i]);
		key_lengths(sizes[i]);
		data(sizes[i]);
		for (CK_ULONG k = 0; k < n; k++)
			parameters(list[k], sizes[i]);
	}
	exponents();
	free(list);
	return kit_end();
}
