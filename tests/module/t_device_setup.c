/* SPDX-License-Identifier: Apache-2.0 */
/* A device's token made through the slot (allow_init), its PINs, and the PIN from a variable. */
#include "mock.h"

static CK_FLAGS token_flags(void)
{
	CK_TOKEN_INFO info = { 0 };

	OK(p11->C_GetTokenInfo(SLOT, &info));
	return info.flags;
}

static CK_RV init_token(const char *pin)
{
	CK_UTF8CHAR label[32];

	memset(label, ' ', sizeof label);
	memcpy(label, "ours", 4);
	return p11->C_InitToken(SLOT, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin), label);
}

static CK_RV set_pin(CK_SESSION_HANDLE s, const char *old, const char *new)
{
	return p11->C_SetPIN(s, (CK_UTF8CHAR *)(uintptr_t)old, strlen(old), (CK_UTF8CHAR *)(uintptr_t)new, strlen(new));
}

static void test_init(void)
{
	CK_SESSION_HANDLE s;
	struct pair k;

	configure(mock.path, "token = fresh\nallow_init = yes\n");
	OK(p11->C_Initialize(NULL));
	CHECK((token_flags() & CKF_TOKEN_INITIALIZED) == 0);
	OK(init_token("so-pin-1"));
	CHECK((token_flags() & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED)) == CKF_TOKEN_INITIALIZED);
	s = p11_open(SLOT, CKF_RW_SESSION);
	RV(p11_login(s, CKU_SO, "no-so-pin"), CKR_PIN_INCORRECT);
	OK(p11_login(s, CKU_SO, "so-pin-1"));
	OK(p11->C_InitPIN(s, (CK_UTF8CHAR *)(uintptr_t)"user-pin-1", 10));
	OK(p11->C_Logout(s));
	OK(p11_login(s, CKU_USER, "user-pin-1"));
	k = ec_pair(s, "first", CK_FALSE);
	sign_verify(s, k);
	RV(set_pin(s, "wrong-pin", "user-pin-2"), CKR_PIN_INCORRECT);
	OK(set_pin(s, "user-pin-1", "user-pin-2"));
	mock_say(&mock, "C_SignInit 1 login\n");
	OK(try_sign(s, k.priv)); /* logged in again with the new one */
	OK(p11->C_Logout(s));
	RV(p11_login(s, CKU_USER, "user-pin-1"), CKR_PIN_INCORRECT);
	OK(p11_login(s, CKU_USER, "user-pin-2"));
	RV(init_token("so-pin-1"), CKR_SESSION_EXISTS);
	OK(p11->C_CloseSession(s));
	RV(init_token("no-so-pin"), CKR_PIN_INCORRECT);
	OK(init_token("so-pin-1")); /* the key is gone with the token that it was in */
	s = p11_open(SLOT, CKF_RW_SESSION);
	OK(p11_login(s, CKU_SO, "so-pin-1"));
	OK(p11->C_InitPIN(s, (CK_UTF8CHAR *)(uintptr_t)"user-pin-3", 10));
	OK(p11->C_Logout(s));
	OK(p11_login(s, CKU_USER, "user-pin-3"));
	CHECK(find_key(s, CKO_PRIVATE_KEY, "first") == CK_INVALID_HANDLE);
	OK(p11->C_Finalize(NULL));

	configure(mock.path, "token = fresh\n"); /* not without the key */
	OK(p11->C_Initialize(NULL));
	RV(init_token("so-pin-1"), CKR_TOKEN_WRITE_PROTECTED);
	OK(p11->C_Finalize(NULL));
}

static void test_variable(void)
{
	CK_SESSION_HANDLE s;

	configure(mock.path, "token = device\npin_source = env:HZ_TEST_DEVICE_PIN\n");
	unsetenv("HZ_TEST_DEVICE_PIN");
	OK(p11->C_Initialize(NULL));
	s = p11_open(SLOT, CKF_RW_SESSION);
	RV(p11_login(s, CKU_USER, DEVICE_PIN), CKR_FUNCTION_FAILED);
	setenv("HZ_TEST_DEVICE_PIN", "", 1);
	RV(p11_login(s, CKU_USER, DEVICE_PIN), CKR_FUNCTION_FAILED);
	setenv("HZ_TEST_DEVICE_PIN", "not-the-pin", 1);
	RV(p11_login(s, CKU_USER, DEVICE_PIN), CKR_PIN_INCORRECT); /* not what the variable says */
	RV(p11_login(s, CKU_USER, "not-the-pin"), CKR_FUNCTION_FAILED); /* the device does not take it, */
	mock_say(&mock, "# count\n");
	RV(p11_login(s, CKU_USER, "not-the-pin"), CKR_FUNCTION_FAILED); /* and is not shown it twice */
	CHECK(mock.calls("C_Login") == 0);
	setenv("HZ_TEST_DEVICE_PIN", DEVICE_PIN, 1);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	sign_verify(s, ec_pair(s, "variable", CK_FALSE));
	OK(p11->C_Logout(s));
	RV(p11_login(s, CKU_USER, "not-the-pin"), CKR_PIN_INCORRECT);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	RV(set_pin(s, DEVICE_PIN, "user-pin-2"), CKR_FUNCTION_NOT_SUPPORTED);
	OK(p11->C_Finalize(NULL));
}

int main(void)
{
	mock_start();
	test_variable();
	test_init();
	return p11_end();
}
