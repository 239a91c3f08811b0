/* SPDX-License-Identifier: Apache-2.0 */
/* The times of the contract, by a clock that the test moves: challenges 300 s, cache 60 s, logins by tier, idle logins, re-attestation. */
#include "clock.h"
#include "gate.h"

static void conf(const char *hanzo, const char *more)
{
	const char *policy = gate_path("policy.json"), *source = gate_path("sim.json");

	gate_write("conf", "[hanzo]\nlog = none\n%s"
		   "[tier1]\nlogin = pin | evidence\nseal = pin, sim\npolicy = %s\nevidence_source = sim:%s\n%s"
		   "[tier2]\nbackend = soft\nlogin = evidence\nseal = sim\npolicy = %s\nevidence_source = sim:%s\n%s"
		   "[tier3]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = sim:%s\nevidence_source.twin = sim:%s\n%s"
		   "[tier4]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = sim:%s\n%s", hanzo, policy, source, more, policy, source, more,
		   policy, source, source, more, policy, source, more);
	OK(p11->C_Initialize(NULL));
}

static CK_RV staged(CK_SESSION_HANDLE h, unsigned gpus)
{
	struct gate_bundle b = { .gpus = gpus, .challenge = gate_challenge(h) };

	gate_stage(h, gate_make(&b));
	return p11->C_Login(h, CKU_USER, NULL, 0);
}

static bool in(CK_SESSION_HANDLE h)
{
	return gate_state(h) == CKS_RW_USER_FUNCTIONS;
}

/* 300 s from its creation, staged or not; staging does not start it anew. */
static void test_challenge(void)
{
	CK_SESSION_HANDLE h = p11_open(4, CKF_RW_SESSION);
	struct gate_bundle b = { .gpus = 1 };

	b.challenge = gate_challenge(h);
	clock_pass(150);
	gate_stage(h, gate_make(&b));
	clock_pass(148);
	OK(p11->C_Login(h, CKU_USER, NULL, 0));
	OK(p11->C_Logout(h));
	b.challenge = gate_challenge(h);
	clock_pass(150);
	gate_stage(h, gate_make(&b));
	clock_pass(150);
	REFUSED(p11->C_Login(h, CKU_USER, NULL, 0), "expired");
	b.challenge = gate_challenge(h);
	clock_pass(300);
	REFUSED(p11_login(h, CKU_USER, gate_make(&b)), "expired");
	OK(p11->C_CloseSession(h));
}

/* 12, 4, 2 and 1 h on tiers 1 to 4 for logins with evidence; a PIN alone lasts. */
static void test_lifetimes(void)
{
	static const long hours[] = { 0, 12, 4, 2, 1 };
	CK_SESSION_HANDLE h;

	for (CK_SLOT_ID tier = 1; tier <= 4; tier++) {
		h = p11_open(tier, CKF_RW_SESSION);
		OK(staged(h, tier >= 3));
		clock_pass(hours[tier] * 3600 - 5);
		CHECK(in(h));
		clock_pass(5);
		CHECK(!in(h));
		RV(p11->C_Logout(h), CKR_USER_NOT_LOGGED_IN);
		OK(p11->C_CloseSession(h));
	}
	h = p11_open(1, CKF_RW_SESSION);
	OK(p11_login(h, CKU_USER, USER_PIN));
	clock_pass(1000 * 24 * 3600L);
	CHECK(in(h));
	OK(p11->C_CloseSession(h));
}

/* A login from the source goes on for good where it is used, and ends where nobody came by to renew it. */
static void test_renewal(void)
{
	CK_SESSION_HANDLE h = p11_open(4, CKF_RW_SESSION);

	OK(p11_login(h, CKU_USER, "attest:"));
	for (int i = 0; i < 12; i++) {
		clock_pass(1805);
		CHECK(in(h));
	}
	clock_pass(3600);
	CHECK(!in(h));
	OK(p11->C_CloseSession(h));
}

/* The login ends amid an operation, and another begins: what was begun under the first stays void. */
static void test_running(void)
{
	CK_SESSION_HANDLE h = p11_open(4, CKF_RW_SESSION), other = p11_open(4, CKF_RW_SESSION);
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	CK_OBJECT_HANDLE key, list[4];
	CK_BYTE in16[16] = { 1 }, out[32];
	CK_ULONG n = sizeof out;

	OK(staged(h, 1));
	OK(gate_make_key(h, &key));
	OK(p11->C_EncryptInit(h, &ecb, key));
	OK(p11->C_EncryptUpdate(h, in16, sizeof in16, out, &n));
	OK(p11->C_FindObjectsInit(h, NULL, 0));
	clock_pass(3600);
	CHECK(!in(other)); /* which is where the end is noticed */
	n = sizeof out;
	RV(p11->C_EncryptUpdate(h, in16, sizeof in16, out, &n), CKR_USER_NOT_LOGGED_IN);
	RV(p11->C_EncryptFinal(h, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(staged(other, 1));
	OK(p11->C_EncryptInit(h, &ecb, key));
	clock_pass(3600);
	OK(staged(other, 1));
	RV(p11->C_EncryptUpdate(h, in16, sizeof in16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_FindObjects(h, list, 4, &n));
	CHECK(n == 0);
	OK(p11->C_FindObjectsFinal(h));
	OK(gate_use_key(h, key)); /* a new one is the new login's */
	OK(p11->C_CloseSession(h));
	OK(p11->C_CloseSession(other));
}

/* 60 s, and by source: what one has proved does not speak for the other. */
static void test_cache(void)
{
	CK_SESSION_HANDLE h = p11_open(3, CKF_RW_SESSION);

	OK(p11_login(h, CKU_USER, "attest:"));
	OK(p11->C_Logout(h));
	gate_write("sim.json", "{\"measurement\":\"" GATE_ONES "\"}");
	clock_pass(58);
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(p11->C_Logout(h));
	REFUSED(p11_login(h, CKU_USER, "attest:@twin"), "policy_measurement");
	clock_pass(3); /* 61 s after the proof: the login in between was none */
	REFUSED(p11_login(h, CKU_USER, "attest:"), "policy_measurement");
	OK(p11->C_CloseSession(h));
	h = p11_open(4, CKF_RW_SESSION);
	REFUSED(p11_login(h, CKU_USER, "attest:"), "policy_measurement"); /* another slot's cache is its own */
	OK(p11->C_CloseSession(h));
	gate_platform("blackwell");
}

/* Nobody used it for 300 s: any login ends, one by PIN too, and the SO's. */
static void test_idle(void)
{
	CK_SESSION_HANDLE h = p11_open(1, CKF_RW_SESSION), other = p11_open(1, CKF_RW_SESSION);
	CK_OBJECT_HANDLE key;

	OK(p11_login(h, CKU_USER, USER_PIN));
	OK(gate_make_key(h, &key));
	for (int i = 0; i < 20; i++) {
		clock_pass(295);
		OK(gate_use_key(i % 2 == 0 ? h : other, key));
	}
	clock_pass(300);
	RV(gate_use_key(h, key), CKR_USER_NOT_LOGGED_IN);
	CHECK(!in(h) && !in(other));
	OK(p11_login(h, CKU_SO, SO_PIN));
	clock_pass(290);
	CHECK(gate_state(h) == CKS_RW_SO_FUNCTIONS);
	clock_pass(300);
	CHECK(gate_state(h) == CKS_RW_PUBLIC_SESSION);
	OK(p11_login(h, CKU_USER, "attest:"));
	clock_pass(301);
	CHECK(!in(h));
	OK(p11->C_CloseSession(h));
	OK(p11->C_CloseSession(other));
}

/* Every N s, at the first use after; over at once when it fails, whatever is left of session_ttl. */
static void test_reattest(void)
{
	CK_SESSION_HANDLE h = p11_open(4, CKF_RW_SESSION);

	OK(p11_login(h, CKU_USER, "attest:"));
	for (int i = 0; i < 5; i++) {
		clock_pass(601);
		CHECK(in(h));
	}
	gate_write("sim.json", "{\"measurement\":\"" GATE_ONES "\"}");
	clock_pass(590);
	CHECK(in(h));
	clock_pass(11);
	CHECK(!in(h));
	gate_platform("blackwell");
	OK(p11->C_CloseSession(h));
}

int main(void)
{
	gate_environment();
	gate_load_vendor();
	conf("", "");
	CHECK(clock_asked == 0);
	p11_make_token(1, "one");
	test_challenge();
	CHECK(clock_asked != 0); /* else nothing here was tested */
	test_lifetimes();
	test_renewal();
	test_running();
	test_cache();
	OK(p11->C_Finalize(NULL));
	conf("", "idle_ttl = yes\n");
	test_idle();
	OK(p11->C_Finalize(NULL));
	conf("evidence_cache = 0\n", "reattest = 10m\n");
	test_reattest();
	OK(p11->C_Finalize(NULL));
	return gate_end();
}
