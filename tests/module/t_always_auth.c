/* SPDX-License-Identifier: Apache-2.0 */
/* CKA_ALWAYS_AUTHENTICATE: a CKU_CONTEXT_SPECIFIC login before each use, good for that use only. */
#include "kit.h"

static CK_SESSION_HANDLE s;
static CK_OBJECT_HANDLE pub, priv;
static CK_MECHANISM rsa = { CKM_SHA256_RSA_PKCS, NULL, 0 }, dec = { CKM_RSA_PKCS, NULL, 0 };
static CK_BYTE data[32] = "data", sig[512], ct[512];

static CK_RV context(const char *pin, CK_ULONG len)
{
	return p11->C_Login(s, CKU_CONTEXT_SPECIFIC, (CK_UTF8CHAR *)(uintptr_t)pin, len);
}
#define RIGHT() context(USER_PIN, sizeof USER_PIN - 1)

static CK_RV make(CK_SESSION_HANDLE in, CK_BBOOL token)
{
	CK_MECHANISM gen = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE a[] = { A_VAL(CKA_MODULUS_BITS, bits) };
	CK_ATTRIBUTE b[] = { A_TRUE(CKA_ALWAYS_AUTHENTICATE), A_VAL(CKA_TOKEN, token), A_TRUE(CKA_SIGN), A_TRUE(CKA_DECRYPT),
			     A_TRUE(CKA_UNWRAP) };

	return p11->C_GenerateKeyPair(in, &gen, a, N(a), b, N(b), &pub, &priv);
}

static CK_RV sign(void)
{
	CK_ULONG n = sizeof sig;

	return p11->C_Sign(s, data, sizeof data, sig, &n);
}

static void one_use(void)
{
	CK_ULONG n = 0;

	p11_about("one use");
	RV(RIGHT(), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_SignInit(s, &rsa, priv));
	OK(p11->C_Sign(s, data, sizeof data, NULL, &n)); /* a length query is no use */
	RV(sign(), CKR_USER_NOT_LOGGED_IN);
	RV(sign(), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_SignInit(s, &rsa, priv));
	OK(RIGHT());
	OK(sign());
	OK(p11->C_SignInit(s, &rsa, priv)); /* the second use is one of its own, rearmed or not */
	RV(sign(), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_SignInit(s, &rsa, priv));
	RV(context("wrong-pin", 9), CKR_PIN_INCORRECT);
	RV(sign(), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_SignInit(s, &rsa, priv));
	OK(RIGHT());
	OK(p11->C_SignInit(s, NULL, 0));
	OK(p11->C_SignInit(s, &rsa, priv)); /* the login went with the operation */
	RV(sign(), CKR_USER_NOT_LOGGED_IN);
}

static void parts(void)
{
	CK_ULONG n = sizeof sig;

	p11_about("parts");
	OK(p11->C_SignInit(s, &rsa, priv));
	RV(p11->C_SignUpdate(s, data, 5), CKR_USER_NOT_LOGGED_IN);
	RV(p11->C_SignFinal(s, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_SignInit(s, &rsa, priv));
	OK(RIGHT());
	OK(p11->C_SignUpdate(s, data, 5));
	OK(p11->C_SignUpdate(s, data, 5));
	OK(p11->C_SignFinal(s, sig, &n));
}

/* With two operations waiting, one login serves the one that was begun last. */
static void two(void)
{
	CK_ULONG n = sizeof ct, m = sizeof sig;

	p11_about("two operations");
	OK(p11->C_EncryptInit(s, &dec, pub));
	OK(p11->C_Encrypt(s, data, 20, ct, &n));
	OK(p11->C_SignInit(s, &rsa, priv));
	OK(p11->C_DecryptInit(s, &dec, priv));
	OK(RIGHT());
	RV(sign(), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_Decrypt(s, ct, n, sig, &m));
	CHECK(m == 20);
}

/* Where no login can come between, the key is not used at all. */
static void no_place(void)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt) };
	CK_OBJECT_HANDLE h = 0;

	p11_about("unwrap");
	RV(p11->C_UnwrapKey(s, &dec, priv, ct, 256, a, 2, &h), CKR_USER_NOT_LOGGED_IN);
}

int main(void)
{
	CK_SESSION_HANDLE open;

	kit_start();
	kit_init_token();
	s = kit_session(1, true);
	kit_login(s);
	for (int token = 0; token < 2; token++) {
		OK(make(s, (CK_BBOOL)token));
		CHECK(kit_bool(s, priv, CKA_ALWAYS_AUTHENTICATE));
		one_use();
		parts();
		two();
		no_place();
	}
	p11_about("tier 0");
	open = kit_session(0, true);
	RV(make(open, CK_FALSE), CKR_TEMPLATE_INCONSISTENT);
	return kit_end();
}
