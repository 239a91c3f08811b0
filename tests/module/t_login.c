/* SPDX-License-Identifier: Apache-2.0 */
/* Login, logout, PINs and session states: every code of the standard that a PIN slot can give, and tier 0's own rules. */
#include "p11.h"

static CK_UTF8CHAR *utf8(const char *text)
{
	return (CK_UTF8CHAR *)(uintptr_t)text;
}

static CK_STATE state_of(CK_SESSION_HANDLE h)
{
	CK_SESSION_INFO si = { .state = 99 };

	OK(p11->C_GetSessionInfo(h, &si));
	return si.state;
}

static CK_RV set_pin(CK_SESSION_HANDLE h, const char *old, const char *pin)
{
	return p11->C_SetPIN(h, utf8(old), strlen(old), utf8(pin), strlen(pin));
}

static CK_RV init_token(CK_SLOT_ID slot, const char *pin)
{
	CK_UTF8CHAR label[32];

	memset(label, ' ', sizeof label);
	memcpy(label, "again", 5);
	return p11->C_InitToken(slot, utf8(pin), strlen(pin), label);
}

static void test_tier_0(void)
{
	CK_SESSION_HANDLE h = p11_open(0, CKF_RW_SESSION);
	CK_TOKEN_INFO info;

	RV(p11_login(h, CKU_USER, "1234"), CKR_USER_PIN_NOT_INITIALIZED);
	RV(p11_login(h, CKU_SO, "1234"), CKR_USER_PIN_NOT_INITIALIZED);
	RV(p11->C_Login(h, CKU_USER, NULL, 0), CKR_USER_PIN_NOT_INITIALIZED);
	RV(p11->C_InitPIN(h, utf8("1234"), 4), CKR_FUNCTION_NOT_SUPPORTED);
	RV(set_pin(h, "1234", "5678"), CKR_FUNCTION_NOT_SUPPORTED);
	RV(p11->C_Logout(h), CKR_USER_NOT_LOGGED_IN);
	CHECK(state_of(h) == CKS_RW_PUBLIC_SESSION);
	RV(init_token(0, "whatever"), CKR_SESSION_EXISTS);
	OK(p11->C_CloseSession(h));
	OK(init_token(0, "whatever"));
	OK(p11->C_GetTokenInfo(0, &info));
	CHECK((info.flags & (CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED)) == CKF_TOKEN_INITIALIZED);
}

static void test_uninitialised(void)
{
	CK_SESSION_HANDLE h = p11_open(1, CKF_RW_SESSION);

	RV(p11_login(h, CKU_USER, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED);
	RV(p11->C_InitPIN(h, utf8(USER_PIN), strlen(USER_PIN)), CKR_USER_NOT_LOGGED_IN);
	RV(init_token(1, SO_PIN), CKR_SESSION_EXISTS);
	OK(p11->C_CloseSession(h));
	RV(p11->C_InitToken(1, utf8(""), 0, utf8("12345678901234567890123456789012")), CKR_PIN_LEN_RANGE);
	RV(p11->C_InitToken(1, NULL, 0, utf8("12345678901234567890123456789012")), CKR_ARGUMENTS_BAD);
	RV(p11->C_InitToken(1, utf8("x"), 1, NULL), CKR_ARGUMENTS_BAD);
	RV(p11->C_InitToken(1, utf8("x"), 65537, utf8("12345678901234567890123456789012")), CKR_PIN_LEN_RANGE);
	RV(init_token(2, SO_PIN), CKR_TOKEN_NOT_PRESENT);
	RV(init_token(9, SO_PIN), CKR_SLOT_ID_INVALID);
}

static void test_so(void)
{
	CK_SESSION_HANDLE rw, ro;

	OK(init_token(1, SO_PIN));
	RV(init_token(1, "wrong"), CKR_PIN_INCORRECT);
	OK(init_token(1, SO_PIN));
	rw = p11_open(1, CKF_RW_SESSION);
	ro = p11_open(1, 0);
	RV(p11_login(rw, CKU_SO, SO_PIN), CKR_SESSION_READ_ONLY_EXISTS);
	RV(p11_login(ro, CKU_SO, SO_PIN), CKR_SESSION_READ_ONLY_EXISTS);
	OK(p11->C_CloseSession(ro));
	RV(p11_login(rw, CKU_USER, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED);
	RV(p11_login(rw, CKU_SO, "wrong"), CKR_PIN_INCORRECT);
	OK(p11_login(rw, CKU_SO, SO_PIN));
	CHECK(state_of(rw) == CKS_RW_SO_FUNCTIONS);
	RV(p11->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &ro), CKR_SESSION_READ_WRITE_SO_EXISTS);
	RV(p11_login(rw, CKU_SO, SO_PIN), CKR_USER_ALREADY_LOGGED_IN);
	RV(p11_login(rw, CKU_USER, USER_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	RV(p11->C_InitPIN(rw, NULL, 0), CKR_ARGUMENTS_BAD);
	RV(p11->C_InitPIN(rw, utf8(""), 0), CKR_PIN_LEN_RANGE);
	RV(p11->C_InitPIN(rw, utf8("x"), (CK_ULONG)-1), CKR_PIN_LEN_RANGE);
	RV(p11->C_InitPIN(rw, utf8("{\"pin\":1}"), 9), CKR_PIN_INVALID);
	RV(p11->C_InitPIN(rw, utf8("attest:"), 7), CKR_PIN_INVALID);
	RV(p11->C_InitPIN(rw, utf8("jwt:abc"), 7), CKR_PIN_INVALID);
	OK(p11->C_InitPIN(rw, utf8(USER_PIN), strlen(USER_PIN)));
	OK(set_pin(rw, SO_PIN, "so-pin-2"));
	RV(set_pin(rw, SO_PIN, "so-pin-3"), CKR_PIN_INCORRECT);
	OK(set_pin(rw, "so-pin-2", SO_PIN));
	OK(p11->C_Logout(rw));
	CHECK(state_of(rw) == CKS_RW_PUBLIC_SESSION);
	RV(p11->C_InitPIN(rw, utf8(USER_PIN), strlen(USER_PIN)), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_CloseSession(rw));
}

static void test_user(void)
{
	CK_SESSION_HANDLE rw = p11_open(1, CKF_RW_SESSION), ro = p11_open(1, 0);

	CHECK(state_of(ro) == CKS_RO_PUBLIC_SESSION);
	RV(p11->C_Logout(ro), CKR_USER_NOT_LOGGED_IN);
	RV(p11_login(ro, 7, USER_PIN), CKR_USER_TYPE_INVALID);
	RV(p11->C_Login(ro, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
	RV(p11->C_Login(ro, CKU_USER, NULL, 5), CKR_ARGUMENTS_BAD);
	RV(p11->C_Login(ro, CKU_USER, utf8("x"), 65537), CKR_PIN_LEN_RANGE);
	RV(p11_login(ro, CKU_USER, ""), CKR_PIN_INCORRECT);
	RV(p11_login(ro, CKU_USER, "wrong"), CKR_PIN_INCORRECT);
	RV(p11_login(ro, CKU_USER, "attest:"), CKR_PIN_INCORRECT);
	RV(p11_login(ro, CKU_USER, "{}"), CKR_PIN_INCORRECT);
	RV(p11_login(ro, CKU_CONTEXT_SPECIFIC, USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11_login(ro, CKU_USER, USER_PIN));
	CHECK(state_of(ro) == CKS_RO_USER_FUNCTIONS && state_of(rw) == CKS_RW_USER_FUNCTIONS);
	RV(p11_login(rw, CKU_USER, USER_PIN), CKR_USER_ALREADY_LOGGED_IN);
	RV(p11_login(rw, CKU_SO, SO_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	RV(p11_login(rw, CKU_CONTEXT_SPECIFIC, USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
	RV(p11->C_InitPIN(rw, utf8("1234"), 4), CKR_USER_NOT_LOGGED_IN);
	RV(set_pin(ro, USER_PIN, "other"), CKR_SESSION_READ_ONLY);
	RV(set_pin(rw, "wrong", "other"), CKR_PIN_INCORRECT);
	RV(set_pin(rw, USER_PIN, "did:x"), CKR_PIN_INVALID);
	RV(set_pin(rw, USER_PIN, ""), CKR_PIN_LEN_RANGE);
	OK(set_pin(rw, USER_PIN, "other"));
	OK(p11->C_Logout(ro));
	CHECK(state_of(rw) == CKS_RW_PUBLIC_SESSION);
	OK(set_pin(rw, "other", USER_PIN)); /* in a public session */
	OK(p11_login(rw, CKU_USER, USER_PIN));
	OK(p11->C_CloseSession(ro));
	CHECK(state_of(rw) == CKS_RW_USER_FUNCTIONS);
	OK(p11->C_CloseSession(rw)); /* the last one logs out */
	rw = p11_open(1, CKF_RW_SESSION);
	CHECK(state_of(rw) == CKS_RW_PUBLIC_SESSION);
	OK(p11->C_CloseSession(rw));
}

static void test_login_user(void)
{
	CK_SESSION_HANDLE h = p11_open(1, CKF_RW_SESSION);

	RV(p11->C_LoginUser(h, CKU_USER, utf8(USER_PIN), strlen(USER_PIN), utf8("somebody"), 8), CKR_PIN_INCORRECT);
	RV(p11->C_LoginUser(h, CKU_USER, utf8(USER_PIN), strlen(USER_PIN), NULL, 8), CKR_ARGUMENTS_BAD);
	OK(p11->C_LoginUser(h, CKU_USER, utf8(USER_PIN), strlen(USER_PIN), NULL, 0));
	OK(p11->C_CloseAllSessions(1));
	h = p11_open(1, CKF_RW_SESSION);
	CHECK(state_of(h) == CKS_RW_PUBLIC_SESSION);
	OK(p11->C_LoginUser(h, CKU_USER, utf8(USER_PIN), strlen(USER_PIN), utf8(""), 0));
	OK(p11->C_CloseSession(h));
}

/* A key that wants a login for each use: the Init succeeds, the use waits, one login is good for one use. */
static void test_context_specific(void)
{
	static const CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, (void *)(uintptr_t)p256, sizeof p256 } };
	CK_ATTRIBUTE priv[] = { { CKA_ALWAYS_AUTHENTICATE, &yes, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SIGN, &yes, 1 } };
	CK_MECHANISM gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, ecdsa = { CKM_ECDSA, NULL, 0 };
	CK_SESSION_HANDLE h = p11_open(1, CKF_RW_SESSION), other = p11_open(1, 0);
	CK_OBJECT_HANDLE hpub = 0, hpriv = 0;
	CK_BYTE digest[32] = { 1 }, sig[64];
	CK_ULONG len = sizeof sig;

	OK(p11_login(h, CKU_USER, USER_PIN));
	OK(p11->C_GenerateKeyPair(h, &gen, pub, 1, priv, 3, &hpub, &hpriv));
	OK(p11->C_SignInit(h, &ecdsa, hpriv));
	RV(p11_login(other, CKU_CONTEXT_SPECIFIC, USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
	RV(p11_login(h, CKU_CONTEXT_SPECIFIC, "wrong"), CKR_PIN_INCORRECT);
	OK(p11_login(h, CKU_CONTEXT_SPECIFIC, USER_PIN));
	RV(p11_login(h, CKU_CONTEXT_SPECIFIC, USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_Sign(h, digest, sizeof digest, NULL, &len)); /* a length query uses nothing up */
	OK(p11->C_Sign(h, digest, sizeof digest, sig, &len));
	CHECK(len == 64);
	OK(p11->C_SignInit(h, &ecdsa, hpriv)); /* the next use wants the next login */
	RV(p11->C_Sign(h, digest, sizeof digest, sig, &len), CKR_USER_NOT_LOGGED_IN);
	CHECK(state_of(h) == CKS_RW_USER_FUNCTIONS);
	OK(p11->C_CloseAllSessions(1));
}

static void test_validation_flags(void)
{
	CK_SESSION_HANDLE h = p11_open(1, 0);
	CK_FLAGS flags = 99;

	OK(p11->C_GetSessionValidationFlags(h, CKS_LAST_VALIDATION_OK, &flags));
	CHECK(flags == 0);
	RV(p11->C_GetSessionValidationFlags(h, CKS_LAST_VALIDATION_OK, NULL), CKR_ARGUMENTS_BAD);
	RV(p11->C_GetSessionValidationFlags(h, 77, &flags), CKR_ARGUMENTS_BAD);
	OK(p11->C_CloseSession(h));
}

int main(void)
{
	p11_start();
	OK(p11->C_Initialize(NULL));
	test_tier_0();
	test_uninitialised();
	test_so();
	test_user();
	test_login_user();
	test_context_specific();
	test_validation_flags();
	OK(p11->C_Finalize(NULL));
	return p11_end();
}
