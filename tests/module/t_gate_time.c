/* SPDX-License-Identifier: Apache-2.0 */
/* How long a login with evidence lasts: its end, renewal, re-attestation, the cache, threads and fork. */
#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "gate.h"

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void configure(const char *more)
{
	gate_write("conf", "[tier3]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = sim:%s\n%s"
		   "[tier2]\nbackend = soft\nlogin = pin+evidence\nseal = pin, sim\npolicy = %s\n", gate_path("policy.json"), gate_path("sim.json"), more,
		   gate_path("policy.json"));
	OK(p11->C_Initialize(NULL));
}

static CK_RV staged(CK_SESSION_HANDLE h)
{
	struct gate_bundle b = { .gpus = 1, .challenge = gate_challenge(h) };

	gate_stage(h, gate_make(&b));
	return p11->C_Login(h, CKU_USER, NULL, 0);
}

/* Checked at every use: the running operation, the next one, another session; then C_Login works again. */
static void test_expiry(void)
{
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	CK_SESSION_HANDLE h, other;
	CK_OBJECT_HANDLE key;
	CK_BYTE in[16] = { 0 }, out[16];
	CK_ULONG n = sizeof out;

	configure("session_ttl = 1s\n");
	h = p11_open(3, CKF_RW_SESSION);
	other = p11_open(3, 0);
	OK(staged(h));
	OK(gate_make_key(h, &key));
	OK(p11->C_EncryptInit(h, &ecb, key));
	clock_pass_ms(1100);
	RV(p11->C_Encrypt(h, in, 16, out, &n), CKR_USER_NOT_LOGGED_IN);
	RV(p11->C_EncryptInit(h, &ecb, key), CKR_USER_NOT_LOGGED_IN);
	RV(gate_use_key(other, key), CKR_USER_NOT_LOGGED_IN);
	CHECK(gate_state(h) == CKS_RW_PUBLIC_SESSION && gate_state(other) == CKS_RO_PUBLIC_SESSION);
	RV(p11->C_Logout(h), CKR_USER_NOT_LOGGED_IN);
	OK(staged(other));
	OK(gate_use_key(h, key));
	clock_pass_ms(1100);
	CHECK(gate_state(h) == CKS_RW_PUBLIC_SESSION);
	/* HZ_Renew before the end moves it. */
	OK(staged(h));
	clock_pass_ms(600);
	OK(gate_vendor->HZ_Renew(h));
	clock_pass_ms(600);
	CHECK(gate_state(h) == CKS_RW_USER_FUNCTIONS);
	/* A refused renewal changes nothing. */
	gate_stage(h, "{}");
	REFUSED(gate_vendor->HZ_Renew(h), "challenge");
	CHECK(gate_state(h) == CKS_RW_USER_FUNCTIONS);
	OK(p11->C_Finalize(NULL));
}

/* A login from a source renews itself at half its time, and outlasts a source that fails for a while. */
static void test_renewal(void)
{
	CK_SESSION_HANDLE h;

	configure("session_ttl = 2s\n");
	h = p11_open(3, CKF_RW_SESSION);
	OK(p11_login(h, CKU_USER, "attest:"));
	for (int i = 0; i < 5; i++) {
		clock_pass_ms(600);
		CHECK(gate_state(h) == CKS_RW_USER_FUNCTIONS);
	}
	CHECK(unlink(gate_path("sim.json")) == 0);
	clock_pass_ms(600);
	CHECK(gate_state(h) == CKS_RW_USER_FUNCTIONS);
	gate_platform("blackwell");
	for (int i = 0; i < 4; i++) {
		clock_pass_ms(600);
		CHECK(gate_state(h) == CKS_RW_USER_FUNCTIONS);
	}
	CHECK(unlink(gate_path("sim.json")) == 0);
	clock_pass_ms(2100);
	CHECK(gate_state(h) == CKS_RW_PUBLIC_SESSION);
	gate_platform("blackwell");
	OK(p11->C_Finalize(NULL));
}

/* reattest: good again and again, and over at once when the platform changes. Staged logins are not concerned. */
static void test_reattest(void)
{
	CK_SESSION_HANDLE h;
	CK_OBJECT_HANDLE key;

	configure("reattest = 1\n");
	h = p11_open(3, CKF_RW_SESSION);
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(gate_make_key(h, &key));
	clock_pass_ms(1100);
	OK(gate_use_key(h, key));
	gate_write("sim.json", "{\"measurement\":\"" GATE_ONES "\"}");
	OK(gate_use_key(h, key)); /* not due yet */
	clock_pass_ms(1100);
	RV(gate_use_key(h, key), CKR_USER_NOT_LOGGED_IN);
	CHECK(gate_state(h) == CKS_RW_PUBLIC_SESSION);
	OK(staged(h));
	clock_pass_ms(1100);
	OK(gate_use_key(h, key));
	gate_platform("blackwell");
	OK(p11->C_Finalize(NULL));
}

static double cached_login_us(CK_SESSION_HANDLE h)
{
	double best = 1e9, t;

	for (int i = 0; i < 50; i++) {
		t = now_us();
		OK(p11_login(h, CKU_USER, "attest:"));
		t = now_us() - t;
		best = t < best ? t : best;
		OK(p11->C_Logout(h));
	}
	return best;
}

/* The source is not asked again within the time; staged bundles are always judged, and a refusal is not remembered as anything. */
static void test_cache(void)
{
	CK_SESSION_HANDLE h;
	struct gate_bundle b = { .gpus = 1, .other_measurement = true };
	double t;

	configure("evidence_cache = 2\n");
	h = p11_open(3, CKF_RW_SESSION);
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(p11->C_Logout(h));
	gate_write("sim.json", "{\"measurement\":\"" GATE_ONES "\"}");
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(p11->C_Logout(h));
	OK(p11->C_Login(h, CKU_USER, NULL, 0)); /* the same source */
	OK(p11->C_Logout(h));
	b.challenge = gate_challenge(h);
	gate_stage(h, gate_make(&b));
	REFUSED(p11->C_Login(h, CKU_USER, NULL, 0), "policy_measurement");
	t = cached_login_us(h);
	printf("a cached login takes %.0f us\n", t);
	clock_pass_ms(2100);
	REFUSED(p11_login(h, CKU_USER, "attest:"), "policy_measurement");
	gate_platform("blackwell");
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(p11->C_Finalize(NULL));
	configure("evidence_cache = 2\n"); /* a new life remembers nothing */
	gate_write("sim.json", "{\"measurement\":\"" GATE_ONES "\"}");
	h = p11_open(3, CKF_RW_SESSION);
	REFUSED(p11_login(h, CKU_USER, "attest:"), "policy_measurement");
	gate_platform("blackwell");
	OK(p11->C_Finalize(NULL));
}

/* Threads that use keys while logins end, renew and begin: only the codes that say so, and no harm. */
static CK_OBJECT_HANDLE shared;
static atomic_bool over;

static void *worker(void *arg)
{
	CK_SESSION_HANDLE h = p11_open(3, CKF_RW_SESSION);
	atomic_uint *used = arg;

	while (!over) {
		CK_RV rv = gate_use_key(h, shared);

		/* An operation that a logout met between its two calls is gone. */
		CHECK(rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OPERATION_NOT_INITIALIZED);
		if (rv == CKR_OK) {
			(*used)++;
			continue;
		}
		rv = p11_login(h, CKU_USER, "attest:");
		CHECK(rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN);
	}
	OK(p11->C_CloseSession(h));
	return NULL;
}

static void test_threads(void)
{
	const struct timespec moment = { 0, 30000000 };
	CK_SESSION_HANDLE h;
	pthread_t t[4];
	atomic_uint used[4] = { 0 };

	configure("session_ttl = 1\nreattest = 1\nevidence_cache = 0\n");
	h = p11_open(3, CKF_RW_SESSION);
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(gate_make_key(h, &shared));
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&t[i], NULL, worker, &used[i]) == 0);
	for (int i = 0; i < 30 || (i < 4000 && (used[0] == 0 || used[1] == 0 || used[2] == 0 || used[3] == 0)); i++) {
		nanosleep(&moment, NULL);
		clock_pass_ms(100);
		(void)p11->C_Logout(h);
		(void)gate_vendor->HZ_Renew(h);
	}
	over = true;
	for (int i = 0; i < 4; i++) {
		CHECK(pthread_join(t[i], NULL) == 0);
		CHECK(used[i] != 0);
	}
	OK(p11->C_Finalize(NULL));
}

/* A child has neither the parent's login nor its challenges. */
static void test_fork(void)
{
	CK_SESSION_HANDLE h;
	struct gate_bundle b = { .gpus = 1 };
	uint8_t c[32];
	pid_t pid;

	configure("");
	h = p11_open(3, CKF_RW_SESSION);
	memcpy(c, gate_challenge(h), 32);
	b.challenge = c;
	gate_stage(h, gate_make(&b));
	pid = fork();
	if (pid == 0) {
		CK_OBJECT_HANDLE key;

		RV(p11->C_Login(h, CKU_USER, NULL, 0), CKR_CRYPTOKI_NOT_INITIALIZED);
		OK(p11->C_Initialize(NULL));
		h = p11_open(3, CKF_RW_SESSION);
		REFUSED(p11_login(h, CKU_USER, gate_make(&b)), "challenge");
		OK(p11->C_Login(h, CKU_USER, NULL, 0)); /* its own source */
		OK(gate_make_key(h, &key));
		OK(gate_use_key(h, key));
		OK(p11->C_Finalize(NULL));
		_exit(p11_failures == 0 ? 0 : 1);
	}
	p11_wait(pid);
	OK(p11->C_Login(h, CKU_USER, NULL, 0)); /* the staged bundle is still there, and its challenge */
	OK(p11->C_Finalize(NULL));
}

/* A login with evidence staged is not renewed; a slot without a source says so. */
static void test_no_source(void)
{
	CK_SESSION_HANDLE h;

	configure("");
	p11_make_token(2, "two");
	h = p11_open(2, CKF_RW_SESSION);
	REFUSED(p11_login(h, CKU_USER, USER_PIN), "no evidence_source");
	REFUSED(p11_login(h, CKU_USER, "attest:"), "no evidence_source");
	OK(p11->C_Finalize(NULL));
}

int main(void)
{
	gate_environment();
	gate_load_vendor();
	test_expiry();
	test_renewal();
	test_reattest();
	test_cache();
	test_threads();
	test_fork();
	test_no_source();
	return gate_end();
}
