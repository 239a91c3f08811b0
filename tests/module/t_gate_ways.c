/* SPDX-License-Identifier: Apache-2.0 */
/* Slots with alternatives in `login`: a PIN or evidence, evidence or both; software keys that either way opens. */
#include "gate.h"

/* tier 1: pin | evidence; tier 2: evidence | pin+evidence; tier 3: evidence; 16: pin | pin+evidence, at tier 1. */
static void configure(void)
{
	const char *policy = gate_path("policy.json"), *source = gate_path("sim.json");

	gate_write("conf", "[hanzo]\nevidence_cache = 0\nmax_pin_tries = 3\nslots = more\n"
		   "[tier1]\nlogin = pin | evidence\nseal = pin, sim\npolicy = %s\nevidence_source = sim:%s\n"
		   "[tier2]\nbackend = soft\nlogin = evidence | pin+evidence\nseal = sim, pin\npolicy = %s\nevidence_source = sim:%s\n"
		   "[slot_more]\nid = 16\ntier = 1\nlogin = pin | pin+evidence\nseal = pin\npolicy = %s\n",
		   policy, source, policy, source, policy);
	OK(p11->C_Initialize(NULL));
}

static CK_FLAGS flags(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO ti = { .flags = 0 };

	OK(p11->C_GetTokenInfo(slot, &ti));
	return ti.flags;
}

static CK_RV staged(CK_SESSION_HANDLE h, const char *bundle_pin, const char *pin, bool good)
{
	struct gate_bundle b = { .pin = bundle_pin, .other_measurement = !good, .challenge = gate_challenge(h) };

	gate_stage(h, gate_make(&b));
	return pin != NULL ? p11_login(h, CKU_USER, pin) : p11->C_Login(h, CKU_USER, NULL, 0);
}

/* Evidence opens the token as soon as it is made, then both do; each uses the other's key. */
static void test_either(void)
{
	CK_SESSION_HANDLE h;
	CK_OBJECT_HANDLE key;
	CK_UTF8CHAR label[32];

	CHECK((flags(1) & (CKF_TOKEN_INITIALIZED | CKF_PROTECTED_AUTHENTICATION_PATH)) == 0);
	h = p11_open(1, CKF_RW_SESSION);
	RV(p11_login(h, CKU_USER, "attest:"), CKR_USER_PIN_NOT_INITIALIZED);
	OK(p11->C_CloseSession(h));
	memset(label, ' ', sizeof label);
	OK(p11->C_InitToken(1, (CK_UTF8CHAR *)(uintptr_t)SO_PIN, strlen(SO_PIN), label));
	CHECK((flags(1) & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED)) == CKF_TOKEN_INITIALIZED);
	h = p11_open(1, CKF_RW_SESSION);
	RV(p11_login(h, CKU_USER, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED);
	OK(p11->C_Login(h, CKU_USER, NULL, 0));
	OK(gate_make_key(h, &key));
	OK(p11->C_Logout(h));
	OK(p11_login(h, CKU_SO, SO_PIN));
	RV(p11->C_InitPIN(h, (CK_UTF8CHAR *)(uintptr_t)"attest:", 7), CKR_PIN_INVALID);
	RV(p11->C_InitPIN(h, (CK_UTF8CHAR *)(uintptr_t)"{pin", 4), CKR_PIN_INVALID);
	OK(p11->C_InitPIN(h, (CK_UTF8CHAR *)(uintptr_t)USER_PIN, strlen(USER_PIN)));
	OK(p11->C_Logout(h));
	OK(p11_login(h, CKU_USER, USER_PIN));
	OK(gate_use_key(h, key));
	RV(p11->C_SetPIN(h, (CK_UTF8CHAR *)(uintptr_t)USER_PIN, strlen(USER_PIN), (CK_UTF8CHAR *)(uintptr_t)"jwt:1", 5), CKR_PIN_INVALID);
	OK(p11->C_SetPIN(h, (CK_UTF8CHAR *)(uintptr_t)USER_PIN, strlen(USER_PIN), (CK_UTF8CHAR *)(uintptr_t)"second", 6));
	OK(p11->C_Logout(h));
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(gate_use_key(h, key));
	OK(p11->C_Logout(h));
	OK(p11_login(h, CKU_USER, "second"));
	OK(gate_use_key(h, key));
	OK(p11->C_CloseSession(h));
}

/* What is brought must be right, all of it; refused evidence costs no PIN, a locked PIN keeps evidence out no more than before. */
static void test_refusals(void)
{
	CK_SESSION_HANDLE h = p11_open(1, CKF_RW_SESSION);

	REFUSED(staged(h, NULL, NULL, false), "policy_measurement");
	REFUSED(staged(h, "second", NULL, false), "policy_measurement");
	CHECK((flags(1) & CKF_USER_PIN_COUNT_LOW) == 0);
	OK(staged(h, "second", NULL, true));
	OK(p11->C_Logout(h));
	REFUSED(staged(h, "wrong", NULL, true), "wrong PIN"); /* though evidence alone would have been enough */
	CHECK((flags(1) & CKF_USER_PIN_COUNT_LOW) != 0);
	OK(staged(h, NULL, "second", false)); /* the PIN alone is asked for, the bundle is not looked at */
	OK(p11->C_Logout(h));
	REFUSED(p11_login(h, CKU_USER, "attest:@none"), "name");
	CHECK(unlink(gate_path("sim.json")) == 0);
	RV(p11_login(h, CKU_USER, "attest:"), CKR_DEVICE_REMOVED);
	OK(p11_login(h, CKU_USER, "second"));
	OK(p11->C_Logout(h));
	gate_platform("blackwell");
	for (int i = 0; i < 3; i++)
		RV(p11_login(h, CKU_USER, "wrong"), CKR_PIN_INCORRECT);
	RV(p11_login(h, CKU_USER, "second"), CKR_PIN_LOCKED);
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(p11->C_Logout(h));
	RV(p11_login(h, CKU_USER, "second"), CKR_PIN_LOCKED);
	OK(p11->C_CloseSession(h));
}

/* A bundle and a challenge are for the next login of the session, whatever that one looked at. */
static void test_one_attempt(void)
{
	CK_SESSION_HANDLE h;
	struct gate_bundle b = { .gpus = 0 };
	char *text;

	p11_make_token(16, "more");
	h = p11_open(16, CKF_RW_SESSION);
	CHECK((flags(16) & CKF_PROTECTED_AUTHENTICATION_PATH) == 0);
	b.challenge = gate_challenge(h);
	text = strdup(gate_make(&b));
	gate_stage(h, text);
	OK(p11_login(h, CKU_USER, USER_PIN)); /* judged, because an alternative has both */
	OK(p11->C_Logout(h));
	REFUSED(p11->C_Login(h, CKU_USER, NULL, 0), "no evidence is staged");
	REFUSED(p11_login(h, CKU_USER, text), "challenge");
	free(text);
	REFUSED(staged(h, NULL, USER_PIN, false), "policy_measurement");
	OK(p11_login(h, CKU_USER, USER_PIN)); /* alone */
	OK(p11->C_Logout(h));
	REFUSED(staged(h, NULL, NULL, true), "wants a PIN"); /* evidence alone is no alternative here */
	b.challenge = gate_challenge(h);
	text = strdup(gate_make(&b));
	OK(p11_login(h, CKU_USER, USER_PIN)); /* an attempt with no bundle: the challenge is over, too */
	OK(p11->C_Logout(h));
	b.pin = USER_PIN;
	REFUSED(p11_login(h, CKU_USER, text), "challenge");
	free(text);
	OK(p11->C_CloseSession(h));
}

/* An attempt is over though nobody looked at what came with it: the bundle opens nothing afterwards, staged or given again. */
static void test_failed_attempt(void)
{
	static CK_UTF8CHAR long_pin[70000];
	CK_SESSION_HANDLE h = p11_open(2, CKF_RW_SESSION), e = p11_open(2, CKF_RW_SESSION);
	struct gate_bundle b = { .gpus = 0 };
	char *text;

	memset(long_pin, '1', sizeof long_pin);
	for (int i = 0; i < 6; i++) {
		b.challenge = gate_challenge(e);
		text = strdup(gate_make(&b));
		gate_stage(e, text);
		if (i == 0) {
			OK(p11_login(h, CKU_USER, "attest:"));
			RV(p11_login(e, CKU_USER, text), CKR_USER_ALREADY_LOGGED_IN);
			OK(p11->C_Logout(h));
		} else if (i == 1) {
			OK(p11_login(h, CKU_SO, SO_PIN));
			RV(p11_login(e, CKU_USER, text), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
			OK(p11->C_Logout(h));
		} else if (i == 2) {
			RV(p11_login(e, CKU_SO, "wrong"), CKR_PIN_INCORRECT);
		} else if (i == 3) {
			RV(p11->C_Login(e, CKU_USER, long_pin, sizeof long_pin), CKR_PIN_LEN_RANGE);
		} else if (i == 4) {
			RV(p11_login(e, CKU_CONTEXT_SPECIFIC, text), CKR_OPERATION_NOT_INITIALIZED);
		} else {
			RV(p11->C_Login(e, 99, NULL, 0), CKR_USER_TYPE_INVALID);
		}
		REFUSED(p11_login(e, CKU_USER, text), "challenge");
		gate_stage(e, text);
		REFUSED(p11->C_Login(e, CKU_USER, NULL, 0), "challenge");
		OK(p11->C_Login(e, CKU_USER, NULL, 0)); /* nothing is staged: the source */
		OK(p11->C_Logout(e));
		free(text);
	}
	OK(p11->C_CloseSession(h));
	OK(p11->C_CloseSession(e));
}

/* The first alternative has no PIN: a login with NULL. A plain PIN still wants evidence beside it. */
static void test_evidence_first(void)
{
	CK_SESSION_HANDLE h;
	CK_OBJECT_HANDLE key;

	p11_make_token(2, "two");
	CHECK((flags(2) & CKF_PROTECTED_AUTHENTICATION_PATH) != 0);
	h = p11_open(2, CKF_RW_SESSION);
	OK(p11->C_Login(h, CKU_USER, NULL, 0));
	OK(gate_make_key(h, &key));
	OK(p11->C_Logout(h));
	OK(p11_login(h, CKU_USER, USER_PIN)); /* and the source's evidence */
	OK(gate_use_key(h, key));
	OK(p11->C_Logout(h));
	REFUSED(staged(h, NULL, USER_PIN, false), "policy_measurement");
	CHECK(unlink(gate_path("sim.json")) == 0);
	RV(p11_login(h, CKU_USER, USER_PIN), CKR_DEVICE_REMOVED);
	gate_platform("blackwell");
	CHECK((flags(2) & CKF_USER_PIN_COUNT_LOW) == 0);
	REFUSED(p11_login(h, CKU_USER, "wrong"), "wrong PIN");
	OK(p11->C_CloseSession(h));
}

/* CKA_ALWAYS_AUTHENTICATE: whichever way satisfies the slot, once a use. */
static void test_context(void)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	static CK_BBOOL yes = CK_TRUE;
	CK_MECHANISM gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, ecdsa = { CKM_ECDSA, NULL, 0 };
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, p256, sizeof p256 } };
	CK_ATTRIBUTE prv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SIGN, &yes, 1 }, { CKA_ALWAYS_AUTHENTICATE, &yes, 1 } };
	CK_SESSION_HANDLE h = p11_open(2, CKF_RW_SESSION);
	CK_OBJECT_HANDLE public, key;
	CK_BYTE digest[32] = { 1 }, sig[64];
	CK_ULONG n = sizeof sig;
	struct gate_bundle b = { .other_measurement = true };

	OK(p11->C_Login(h, CKU_USER, NULL, 0));
	OK(p11->C_GenerateKeyPair(h, &gen, pub, 1, prv, 4, &public, &key));
	RV(p11->C_Login(h, CKU_CONTEXT_SPECIFIC, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
	for (int i = 0; i < 4; i++) {
		OK(p11->C_SignInit(h, &ecdsa, key));
		b.challenge = gate_challenge(h);
		b.other_measurement = i == 3;
		if (i == 0)
			OK(p11->C_Login(h, CKU_CONTEXT_SPECIFIC, NULL, 0));
		else if (i == 1)
			OK(p11_login(h, CKU_CONTEXT_SPECIFIC, USER_PIN));
		else if (i == 2)
			OK(p11_login(h, CKU_CONTEXT_SPECIFIC, gate_make(&b)));
		else
			REFUSED(p11_login(h, CKU_CONTEXT_SPECIFIC, gate_make(&b)), "policy_measurement");
		n = sizeof sig;
		RV(p11->C_Sign(h, digest, sizeof digest, sig, &n), i == 3 ? CKR_USER_NOT_LOGGED_IN : CKR_OK);
		CHECK(gate_state(h) == CKS_RW_USER_FUNCTIONS);
	}
	OK(p11->C_CloseSession(h));
}

int main(void)
{
	gate_environment();
	gate_load_vendor();
	configure();
	test_either();
	test_refusals();
	test_one_attempt();
	test_evidence_first();
	test_context();
	test_failed_attempt();
	OK(p11->C_Finalize(NULL));
	return gate_end();
}
