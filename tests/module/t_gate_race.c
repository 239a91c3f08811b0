/* SPDX-License-Identifier: Apache-2.0 */
/* Several threads at the gate at once: logins, one challenge wanted twice, renewals and logouts in each other's way, tenants that alternate. */
#include <pthread.h>
#include <stdatomic.h>

#include "gate.h"

#define ROUNDS 40
#define THREADS 4

static void configure(void)
{
	gate_write("map.json", "{\"hanzo_policy\":1,\"allow_simulated\":true,\"sim\":{\"measurement\":\"any\"},\"tenants\":["
		   "{\"claim\":\"cpu.measurement\",\"value\":\"" GATE_ZEROS "\",\"tenant\":\"acme\"},"
		   "{\"claim\":\"cpu.measurement\",\"value\":\"" GATE_ONES "\",\"tenant\":\"bolt\"}]}");
	gate_write("ones.json", "{\"measurement\":\"" GATE_ONES "\",\"tee_io\":true,\"gpus\":[{\"arch\":\"blackwell\",\"key\":\"k\"}]}");
	gate_write("conf", "[hanzo]\nlog = none\nevidence_cache = 0\n"
		   "[tier3]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = sim:%s\nidle_ttl = 10m\n"
		   "[tier4]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source.acme = sim:%s\nevidence_source.bolt = sim:%s\n",
		   gate_path("policy.json"), gate_path("sim.json"), gate_path("map.json"),
		   gate_path("sim.json"), gate_path("ones.json"));
	OK(p11->C_Initialize(NULL));
}

static pthread_barrier_t together;
static atomic_int in_now;

struct worker {
	pthread_t thread;
	CK_SESSION_HANDLE h;
	const char *text; /* what it logs in with */
	unsigned times;
};

static void run(struct worker *w, unsigned n, void *(*what)(void *))
{
	CHECK(pthread_barrier_init(&together, NULL, n) == 0);
	for (unsigned i = 0; i < n; i++)
		CHECK(pthread_create(&w[i].thread, NULL, what, &w[i]) == 0);
	for (unsigned i = 0; i < n; i++)
		CHECK(pthread_join(w[i].thread, NULL) == 0);
	pthread_barrier_destroy(&together);
}

/* All at once: one is first, the others find it done. */
static void *log_in(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < ROUNDS; i++) {
		CK_RV rv;

		pthread_barrier_wait(&together);
		rv = p11_login(w->h, CKU_USER, "attest:");
		CHECK(rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN);
		in_now += rv == CKR_OK;
		CHECK(gate_state(w->h) == CKS_RW_USER_FUNCTIONS);
		if (pthread_barrier_wait(&together) == PTHREAD_BARRIER_SERIAL_THREAD) {
			CHECK(in_now == 1);
			in_now = 0;
			OK(p11->C_Logout(w->h));
		}
	}
	return NULL;
}

/* One bundle, one session, several threads: its challenge serves one of them. */
static void *log_in_by_text(void *arg)
{
	struct worker *w = arg;
	CK_RV rv;

	pthread_barrier_wait(&together);
	rv = p11_login(w->h, CKU_USER, w->text);
	CHECK(rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN || rv == CKR_PIN_INCORRECT);
	w->times = rv == CKR_OK;
	if (rv == CKR_OK)
		OK(p11->C_Logout(w->h)); /* at once, so that another may try */
	return NULL;
}

static void test_logins(struct worker *w)
{
	struct gate_bundle b = { .gpus = 1 };
	unsigned sum;

	run(w, THREADS, log_in);
	for (int i = 0; i < ROUNDS; i++) {
		struct worker same[THREADS] = { { .times = 0 } };

		b.challenge = gate_challenge(w[0].h);
		same[0].text = gate_make(&b);
		for (unsigned k = 0; k < THREADS; k++) {
			same[k].h = w[0].h;
			same[k].text = same[0].text;
		}
		run(same, THREADS, log_in_by_text);
		sum = 0;
		for (unsigned k = 0; k < THREADS; k++)
			sum += same[k].times;
		CHECK(sum == 1);
		CHECK(gate_state(w[0].h) == CKS_RW_PUBLIC_SESSION);
	}
}

/* Everything at once, on sessions that are shared in pairs. */
static void *anything(void *arg)
{
	struct worker *w = arg;
	CK_OBJECT_HANDLE key;

	for (int i = 0; i < ROUNDS * 3; i++) {
		CK_BYTE challenge[32];
		CK_ULONG n = sizeof challenge;
		CK_RV rv = p11_login(w->h, CKU_USER, "attest:");

		CHECK(rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN);
		rv = gate_make_key(w->h, &key);
		CHECK(rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN);
		if (rv == CKR_OK) {
			rv = gate_use_key(w->h, key);
			CHECK(rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OPERATION_NOT_INITIALIZED ||
			      rv == CKR_OPERATION_ACTIVE);
			rv = p11->C_DestroyObject(w->h, key);
			CHECK(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_USER_NOT_LOGGED_IN);
		}
		OK(gate_vendor->HZ_GetChallenge(w->h, challenge, &n));
		if (i % 3 == 0) {
			rv = gate_vendor->HZ_StageEvidence(w->h, (CK_BYTE *)(uintptr_t)"{}", 2);
			CHECK(rv == CKR_OK);
			rv = gate_vendor->HZ_Renew(w->h); /* refused, or another thread's login has used the bundle up */
			CHECK(rv == CKR_PIN_INCORRECT || rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN);
		}
		if (i % 5 == 0) {
			rv = p11->C_Logout(w->h);
			CHECK(rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN);
		}
	}
	return NULL;
}

/* Two tenants take turns; a third thread reads whatever it finds, and must never meet both in one search, nor read what it may not see. */
static atomic_bool over, seen;

static CK_RV tenant_of(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, char name[8])
{
	CK_ATTRIBUTE t = { CKA_HANZO_TENANT, name, 7 };
	CK_RV rv = p11->C_GetAttributeValue(h, o, &t, 1);

	name[rv == CKR_OK && t.ulValueLen < 8 ? t.ulValueLen : 0] = '\0';
	return rv;
}

/* Half a minute is for a machine that has much else to do. */
static void until_seen(void)
{
	const struct timespec moment = { 0, 1000000 };

	for (int i = 0; i < 30000 && !seen; i++)
		(void)nanosleep(&moment, NULL);
	CHECK(seen);
}

static void *take_turns(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < ROUNDS * 2; i++) {
		CK_RV rv = p11_login(w->h, CKU_USER, i % 2 == 0 ? "attest:@acme" : "attest:@bolt");
		CK_OBJECT_HANDLE key;

		CHECK(rv == CKR_OK);
		OK(gate_make_key(w->h, &key));
		if (i == ROUNDS) /* the others may have had no turn at all: now they have */
			until_seen();
		OK(p11->C_Logout(w->h));
	}
	over = true;
	return NULL;
}

static void *look(void *arg)
{
	struct worker *w = arg;
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_ATTRIBUTE t = { CKA_CLASS, &cls, sizeof cls };
	CK_OBJECT_HANDLE list[200];
	char first[8], name[8];

	while (!over) {
		CK_ULONG n = 0;

		if (!OK(p11->C_FindObjectsInit(w->h, &t, 1)))
			(void)gate_said("no reason");
		OK(p11->C_FindObjects(w->h, list, 200, &n));
		OK(p11->C_FindObjectsFinal(w->h));
		first[0] = '\0';
		for (CK_ULONG i = 0; i < n; i++) {
			CK_RV rv = tenant_of(w->h, list[i], name);

			CHECK(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID);
			if (rv != CKR_OK)
				break; /* logged out since */
			if (first[0] == '\0')
				strcpy(first, name);
			if (strcmp(first, name) != 0)
				p11_fail(__FILE__, __LINE__, "keys of two tenants in one search");
			seen = true;
		}
	}
	return NULL;
}

static void *turns_or_look(void *arg)
{
	return ((struct worker *)arg)->text != NULL ? take_turns(arg) : look(arg);
}

int main(void)
{
	struct worker w[THREADS] = { { .times = 0 } }, t[3] = { { .text = "turns" } };

	gate_environment();
	gate_load_vendor();
	configure();
	for (unsigned i = 0; i < THREADS; i++)
		w[i].h = p11_open(3, CKF_RW_SESSION);
	test_logins(w);
	w[1].h = w[0].h;
	w[3].h = w[2].h;
	run(w, THREADS, anything);
	for (unsigned i = 0; i < 3; i++)
		t[i].h = p11_open(4, CKF_RW_SESSION);
	run(t, 3, turns_or_look);
	OK(p11->C_Finalize(NULL));
	return gate_end();
}
