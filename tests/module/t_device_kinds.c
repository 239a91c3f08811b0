/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds of devices that SoftHSM2 is not: with a keypad for the PIN, with keys that want a login for each use, without C_CopyObject,
 * write-protected or with objects that cannot be changed, with fewer attributes, with other encodings of EC points.
 */
#include "mock.h"

static CK_SESSION_HANDLE start(const char *script, const char *more)
{
	mock_say(&mock, "%s", script);
	configure(mock.path, more);
	OK(p11->C_Initialize(NULL));
	return p11_open(SLOT, (strstr(script, "write-protected") != NULL) ? 0 : CKF_RW_SESSION);
}

static CK_RV context_login(CK_SESSION_HANDLE s, const char *pin)
{
	return p11->C_Login(s, CKU_CONTEXT_SPECIFIC, (CK_UTF8CHAR *)(uintptr_t)pin, pin != NULL ? strlen(pin) : 0);
}

static void test_keypad(void)
{
	CK_SESSION_HANDLE s = start("feature protected-path\npin " DEVICE_PIN "\n", "");
	CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE sig[64];
	CK_ULONG n = sizeof sig;
	CK_TOKEN_INFO info;
	struct pair k;

	OK(p11->C_GetTokenInfo(SLOT, &info));
	CHECK((info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0);
	RV(p11->C_Login(s, CKU_USER, NULL, 4), CKR_ARGUMENTS_BAD);
	RV(p11->C_Login(s, CKU_SO, NULL, 0), CKR_ARGUMENTS_BAD); /* the SO's is literal */
	OK(p11->C_Login(s, CKU_USER, NULL, 0));
	RV(p11->C_Login(s, CKU_USER, NULL, 0), CKR_USER_ALREADY_LOGGED_IN);
	k = ec_pair(s, "keypad", CK_FALSE);
	sign_verify(s, k);
	mock_say(&mock, "feature protected-path\npin " DEVICE_PIN "\nC_SignInit 1 login\n");
	OK(try_sign(s, k.priv)); /* logged in again at the keypad */
	CHECK(mock.calls("C_Login") == 1);

	k = ec_pair(s, "keypad-always", CK_TRUE); /* each use is confirmed at the keypad, too */
	OK(p11->C_SignInit(s, &m, k.priv));
	RV(p11->C_Sign(s, sig, 5, sig, &n), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_SignInit(s, &m, k.priv));
	OK(context_login(s, NULL));
	n = sizeof sig;
	OK(p11->C_Sign(s, sig, 5, sig, &n));
	mock_say(&mock, "feature protected-path\npin wrong\n");
	OK(p11->C_SignInit(s, &m, k.priv));
	OK(context_login(s, NULL));
	n = sizeof sig;
	RV(p11->C_Sign(s, sig, 5, sig, &n), CKR_FUNCTION_REJECTED);
	CHECK(mock.calls("C_Login") == 1); /* a wrong PIN is not entered twice */
	OK(p11->C_Logout(s));
	RV(p11->C_Login(s, CKU_USER, NULL, 0), CKR_PIN_INCORRECT);
	mock_say(&mock, "feature protected-path\npin " DEVICE_PIN "\n");
	OK(p11->C_Login(s, CKU_USER, NULL, 0));
	OK(p11->C_Finalize(NULL));

	s = start("", ""); /* no keypad: NULL is no PIN */
	RV(p11->C_Login(s, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
	OK(p11->C_Finalize(NULL));
}

static void test_always(void)
{
	CK_SESSION_HANDLE s = start("", "");
	CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE sig[64];
	CK_ULONG n = sizeof sig;
	CK_BBOOL flag = CK_FALSE;
	CK_ATTRIBUTE a = { CKA_ALWAYS_AUTHENTICATE, &flag, 1 };
	struct pair k;

	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	k = ec_pair(s, "always", CK_TRUE);
	OK(p11->C_GetAttributeValue(s, k.priv, &a, 1));
	CHECK(flag == CK_TRUE);
	mock_say(&mock, "pin x\n");
	OK(p11->C_SignInit(s, &m, k.priv));
	RV(context_login(s, "wrong-pin"), CKR_PIN_INCORRECT);
	CHECK(mock.calls("C_Login") == 0 && mock.calls("C_SignInit") == 0); /* the device counts no wrong try of ours */
	OK(context_login(s, DEVICE_PIN));
	OK(p11->C_Sign(s, sig, 5, sig, &n));
	CHECK(mock.calls("C_Login") == 1);
	OK(p11->C_SignInit(s, &m, k.priv)); /* several parts */
	OK(context_login(s, DEVICE_PIN));
	OK(p11->C_SignUpdate(s, sig, 5));
	n = sizeof sig;
	OK(p11->C_SignFinal(s, sig, &n));
	CHECK(mock.calls("C_Login") == 2);
	RV(context_login(s, DEVICE_PIN), CKR_OPERATION_NOT_INITIALIZED);
	mock_say(&mock, "C_Sign 1 rv 0x101\n"); /* CKR_USER_NOT_LOGGED_IN: once more, with its own login */
	OK(p11->C_SignInit(s, &m, k.priv));
	OK(context_login(s, DEVICE_PIN));
	n = sizeof sig;
	OK(p11->C_Sign(s, sig, 5, sig, &n));
	CHECK(mock.calls("C_Sign") == 2 && mock.calls("C_Login") == 2);
	mock_say(&mock, "C_Login 1 rv 0xa4\n"); /* CKR_PIN_LOCKED */
	OK(p11->C_SignInit(s, &m, k.priv));
	OK(context_login(s, DEVICE_PIN));
	n = sizeof sig;
	RV(p11->C_Sign(s, sig, 5, sig, &n), CKR_FUNCTION_REJECTED);
	CHECK(mock.calls("C_Sign") == 0 && mock.calls("C_Login") == 1);
	OK(p11->C_Finalize(NULL));
}

static CK_OBJECT_HANDLE make_data(CK_SESSION_HANDLE s, const char *label)
{
	CK_OBJECT_CLASS cls = CKO_DATA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
			     { CKA_VALUE, (void *)(uintptr_t)"value", 5 } };
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;

	OK(p11->C_CreateObject(s, t, 4, &h));
	return h;
}

static void test_no_copy(void)
{
	CK_SESSION_HANDLE s = start("feature no-copy\n", "");
	CK_ATTRIBUTE l = { CKA_LABEL, (void *)(uintptr_t)"copied", 6 };
	CK_BYTE value[8];
	CK_ATTRIBUTE v = { CKA_VALUE, value, sizeof value };
	CK_OBJECT_HANDLE d, copy = CK_INVALID_HANDLE, k;

	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	d = make_data(s, "to-copy");
	OK(p11->C_CopyObject(s, d, &l, 1, &copy));
	CHECK(copy != d && mock.calls("C_CopyObject") == 1);
	OK(p11->C_GetAttributeValue(s, copy, &v, 1));
	CHECK(v.ulValueLen == 5 && memcmp(value, "value", 5) == 0);
	OK(p11->C_DestroyObject(s, copy));
	OK(p11->C_DestroyObject(s, d));
	k = find_key(s, CKO_PRIVATE_KEY, "keypad"); /* its value never leaves the device */
	RV(p11->C_CopyObject(s, k, &l, 1, &copy), CKR_FUNCTION_NOT_SUPPORTED);
	OK(p11->C_Finalize(NULL));
}

static void test_read_only(void)
{
	CK_SESSION_HANDLE s = start("feature read-only-objects\n", "");
	CK_ATTRIBUTE l = { CKA_LABEL, (void *)(uintptr_t)"renamed", 7 };
	CK_SESSION_HANDLE rw = CK_INVALID_HANDLE;
	CK_OBJECT_HANDLE k;
	CK_TOKEN_INFO info;
	struct pair pair;

	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	k = find_key(s, CKO_PRIVATE_KEY, "keypad");
	RV(p11->C_SetAttributeValue(s, k, &l, 1), CKR_ACTION_PROHIBITED);
	RV(p11->C_DestroyObject(s, k), CKR_ACTION_PROHIBITED);
	CHECK(find_key(s, CKO_PRIVATE_KEY, "keypad") == k);
	OK(try_sign(s, k));
	OK(p11->C_Finalize(NULL));

	s = start("feature write-protected\n", "");
	OK(p11->C_GetTokenInfo(SLOT, &info));
	CHECK((info.flags & CKF_WRITE_PROTECTED) != 0);
	RV(p11->C_OpenSession(SLOT, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &rw), CKR_TOKEN_WRITE_PROTECTED);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	k = find_key(s, CKO_PRIVATE_KEY, "keypad");
	OK(try_sign(s, k));
	RV(p11->C_DestroyObject(s, k), CKR_SESSION_READ_ONLY);
	RV(try_ec_pair(s, "not-made", CK_TRUE, CK_FALSE, &pair), CKR_SESSION_READ_ONLY);
	OK(p11->C_Finalize(NULL));
}

/* The same public key, whatever form the device gives it. */
static void test_points(void)
{
	static const char *const scripts[] = { "", "feature bare-point\n", "feature bit-string-point\n", "feature one-by-one\nhide 0x80\n" };
	CK_BYTE first[200], point[200], spki[300];

	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
		CK_SESSION_HANDLE s = start(scripts[i], "");
		CK_ATTRIBUTE a[] = { { CKA_EC_POINT, point, sizeof point }, { CKA_PUBLIC_KEY_INFO, spki, sizeof spki } };
		CK_ATTRIBUTE b = { CKA_PUBLIC_KEY_INFO, spki, sizeof spki };
		struct pair k;

		OK(p11_login(s, CKU_USER, DEVICE_PIN));
		k.priv = find_key(s, CKO_PRIVATE_KEY, "keypad");
		k.pub = find_key(s, CKO_PUBLIC_KEY, "keypad");
		sign_verify(s, k);
		OK(p11->C_GetAttributeValue(s, k.pub, a, 2));
		CHECK(a[0].ulValueLen == 67 && point[0] == 4 && point[1] == 65 && a[1].ulValueLen == 91);
		if (i == 0)
			memcpy(first, point, 67);
		CHECK(memcmp(first, point, 67) == 0);
		OK(p11->C_GetAttributeValue(s, k.priv, &b, 1)); /* from the public half */
		CHECK(b.ulValueLen == 91 && memcmp(spki + 26, first + 2, 65) == 0);
		k = ec_pair(s, "points", CK_FALSE);
		sign_verify(s, k);
		OK(p11->C_DestroyObject(s, k.priv));
		OK(p11->C_DestroyObject(s, k.pub));
		OK(p11->C_Finalize(NULL));
	}
}

/* A device that lacks attributes that newer ones have, and one that refuses to be told some. */
static void test_attributes(void)
{
	/* CKA_ALWAYS_AUTHENTICATE, CKA_ALLOWED_MECHANISMS, CKA_WRAP_WITH_TRUSTED, CKA_COPYABLE, CKA_DESTROYABLE, CKA_START_DATE, CKA_PRIVATE, CKA_ID */
	CK_SESSION_HANDLE s = start("hide 0x202\nhide 0x40000600\nhide 0x210\nhide 0x171\nhide 0x172\nhide 0x110\nhide 0x2\n"
				    "refuse 0x40000600\nrefuse 0x110\nrefuse 0x101\n", "");
	CK_MECHANISM_TYPE only[] = { CKM_ECDSA_SHA256 };
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, raw = { CKM_ECDSA, NULL, 0 };
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, p256_oid, sizeof p256_oid }, { CKA_TOKEN, &yes, 1 }, { CKA_ID, (void *)(uintptr_t)"few", 3 },
			       { CKA_LABEL, (void *)(uintptr_t)"few", 3 } };
	CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_SIGN, &yes, 1 }, { CKA_ID, (void *)(uintptr_t)"few", 3 },
				{ CKA_LABEL, (void *)(uintptr_t)"few", 3 }, { CKA_ALLOWED_MECHANISMS, only, sizeof only } };
	CK_BBOOL flag = CK_TRUE, private = CK_FALSE;
	CK_ATTRIBUTE a[] = { { CKA_ALWAYS_AUTHENTICATE, &flag, 1 }, { CKA_PRIVATE, &private, 1 } };
	struct pair k = { 0, 0 };

	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	OK(p11->C_GenerateKeyPair(s, &m, pub, 4, priv, 5, &k.pub, &k.priv));
	sign_verify(s, k);
	OK(p11->C_GetAttributeValue(s, k.priv, a, 2));
	CHECK(flag == CK_FALSE && private == CK_TRUE);
	RV(p11->C_SignInit(s, &raw, k.priv), CKR_MECHANISM_INVALID); /* the list that the device refused is kept here */
	OK(p11->C_Finalize(NULL));
	s = start("hide 0x202\nhide 0x40000600\n", "");
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	k.priv = find_key(s, CKO_PRIVATE_KEY, "few");
	k.pub = find_key(s, CKO_PUBLIC_KEY, "few");
	sign_verify(s, k);
	RV(p11->C_SignInit(s, &raw, k.priv), CKR_MECHANISM_INVALID);
	OK(p11->C_Finalize(NULL));
}

int main(void)
{
	mock_start();
	test_keypad();
	test_always();
	test_no_copy();
	test_read_only();
	test_points();
	test_attributes();
	return p11_end();
}
