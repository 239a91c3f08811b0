/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CKM_HANZO_POAI (JSON in, signature out, nonce recorded) and CKM_HANZO_ECDSA_RECOVERABLE through the module beside libsecp256k1 alone
 * and, where argv[2] names it and SOFTHSM2_CONF a configuration with token 0, SoftHSM2's ECDSA; on one thread and two, interleaved.
 *     poai_bench MODULE [SOFTHSM2-MODULE USER-PIN]
 * Each figure is the best of all rounds, by the clock and by the threads' own CPU time, which other work on the machine does not touch.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hanzo-pkcs11.h"
#include "pkcs11.h"

enum { ROUNDS = 6, MOST_THREADS = 2 };
static const double run_for = 1.2; /* seconds a measurement: each of PoAI contains a sync of the nonces */

static CK_FUNCTION_LIST *ours, *softhsm;
static const char *softhsm_pin;

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void need(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s: 0x%lx\n", what, rv);
	exit(1);
}

/* One thread's work: prepare, then `one` as often as there is time. */
struct worker {
	const struct workload *what;
	unsigned id;
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE key;
	secp256k1_context *ctx;
	double per_second, per_cpu_second;
};

struct workload {
	const char *name;
	void (*prepare)(struct worker *w);
	void (*one)(struct worker *w, unsigned long n);
	double best[MOST_THREADS], best_cpu[MOST_THREADS];
};

/* ---- libsecp256k1 alone ---- */

static void prepare_raw(struct worker *w)
{
	w->ctx = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
}

static void raw(struct worker *w, unsigned long n)
{
	unsigned char key[32] = { 1 }, digest[32] = { 2 };
	secp256k1_ecdsa_signature sig;

	memcpy(digest, &n, sizeof n);
	if (!secp256k1_ecdsa_sign(w->ctx, &sig, digest, key, NULL, NULL))
		exit(1);
}

static void raw_recoverable(struct worker *w, unsigned long n)
{
	unsigned char key[32] = { 1 }, digest[32] = { 2 }, out[64];
	secp256k1_ecdsa_recoverable_signature sig;
	int id;

	memcpy(digest, &n, sizeof n);
	if (!secp256k1_ecdsa_sign_recoverable(w->ctx, &sig, digest, key, NULL, NULL) ||
	    !secp256k1_ecdsa_recoverable_signature_serialize_compact(w->ctx, out, &id, &sig))
		exit(1);
}

/* ---- modules ---- */

static void generate(struct worker *w, CK_BYTE *curve, CK_ULONG len, CK_MECHANISM_TYPE only)
{
	static CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
	CK_MECHANISM gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, curve, len } };
	CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &no, 1 }, { CKA_SIGN, &yes, 1 }, { CKA_ALLOWED_MECHANISMS, &only, sizeof only } };
	CK_OBJECT_HANDLE public;

	need(w->p11->C_GenerateKeyPair(w->s, &gen, pub, 1, priv, only != 0 ? 3 : 2, &public, &w->key), "C_GenerateKeyPair");
}

static void prepare_ours(struct worker *w, CK_MECHANISM_TYPE only)
{
	static CK_BYTE k256[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };

	w->p11 = ours;
	need(ours->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &w->s), "C_OpenSession");
	generate(w, k256, sizeof k256, only);
}

static void prepare_poai(struct worker *w) { prepare_ours(w, CKM_HANZO_POAI); }
static void prepare_recoverable(struct worker *w) { prepare_ours(w, 0); }

static void sign(struct worker *w, CK_MECHANISM_TYPE type, void *in, CK_ULONG n)
{
	CK_MECHANISM m = { type, NULL, 0 };
	CK_BYTE sig[256];
	CK_ULONG len = sizeof sig;

	need(w->p11->C_SignInit(w->s, &m, w->key), "C_SignInit");
	need(w->p11->C_Sign(w->s, in, n, sig, &len), "C_Sign");
}

static void poai(struct worker *w, unsigned long n)
{
	char text[512];
	int chars = snprintf(text, sizeof text,
			     "{\"modelId\":\"gpt4\",\"inputHash\":\"0x%064lx\",\"outputHash\":\"0x%064x\",\"timestamp\":%lld,\"computeTime\":812,"
			     "\"nodeId\":\"node-7\",\"nonce\":\"0x%016llx%08x%040lx\"}", n, 7, (long long)time(NULL), (unsigned long long)time(NULL),
			     w->id, n);

	sign(w, CKM_HANZO_POAI, text, (CK_ULONG)chars);
}

static void recoverable(struct worker *w, unsigned long n)
{
	CK_BYTE digest[32] = { 2 };

	memcpy(digest, &n, sizeof n);
	sign(w, CKM_HANZO_ECDSA_RECOVERABLE, digest, sizeof digest);
}

static void ecdsa(struct worker *w, unsigned long n)
{
	CK_BYTE digest[32] = { 2 };

	memcpy(digest, &n, sizeof n);
	sign(w, CKM_ECDSA, digest, sizeof digest);
}

static void prepare_softhsm(struct worker *w, CK_BYTE *curve, CK_ULONG len)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = 8;
	CK_RV rv;

	w->p11 = softhsm;
	need(softhsm->C_GetSlotList(CK_TRUE, slots, &n), "C_GetSlotList");
	need(softhsm->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &w->s), "C_OpenSession");
	rv = softhsm->C_Login(w->s, CKU_USER, (CK_UTF8CHAR *)(size_t)softhsm_pin, strlen(softhsm_pin));
	need(rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv, "C_Login");
	generate(w, curve, len, 0);
}

static void prepare_softhsm_p256(struct worker *w)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

	prepare_softhsm(w, p256, sizeof p256);
}

static void prepare_softhsm_k256(struct worker *w)
{
	static CK_BYTE k256[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };

	prepare_softhsm(w, k256, sizeof k256);
}

/* ---- running ---- */

static void *work(void *arg)
{
	struct worker *w = arg;
	double from, cpu_from, now;
	unsigned long n = 0;

	w->what->prepare(w);
	from = seconds(CLOCK_MONOTONIC);
	cpu_from = seconds(CLOCK_THREAD_CPUTIME_ID);
	do
		w->what->one(w, n++);
	while (n % 16 != 0 || (now = seconds(CLOCK_MONOTONIC)) - from < run_for);
	w->per_second = (double)n / (now - from);
	w->per_cpu_second = (double)n / (seconds(CLOCK_THREAD_CPUTIME_ID) - cpu_from);
	if (w->p11 != NULL)
		need(w->p11->C_CloseSession(w->s), "C_CloseSession");
	if (w->ctx != NULL)
		secp256k1_context_destroy(w->ctx);
	return NULL;
}

static void better(double *best, double v)
{
	if (v > *best)
		*best = v;
}

static void run(struct workload *what, unsigned threads)
{
	struct worker w[MOST_THREADS];
	pthread_t t[MOST_THREADS];
	double sum = 0, cpu = 0;

	for (unsigned i = 0; i < threads; i++) {
		w[i] = (struct worker){ .what = what, .id = i };
		if (pthread_create(&t[i], NULL, work, &w[i]) != 0)
			exit(1);
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(t[i], NULL);
		sum += w[i].per_second;
		cpu += w[i].per_cpu_second;
	}
	better(&what->best[threads - 1], sum);
	better(&what->best_cpu[threads - 1], cpu);
}

static struct workload all[] = {
	{ .name = "libsecp256k1, sign", .prepare = prepare_raw, .one = raw },
	{ .name = "libsecp256k1, recoverable", .prepare = prepare_raw, .one = raw_recoverable },
	{ .name = "recoverable", .prepare = prepare_recoverable, .one = recoverable },
	{ .name = "PoAI", .prepare = prepare_poai, .one = poai },
	{ .name = "SoftHSM2, ECDSA P-256", .prepare = prepare_softhsm_p256, .one = ecdsa },
	{ .name = "SoftHSM2, ECDSA secp256k1", .prepare = prepare_softhsm_k256, .one = ecdsa },
};

static CK_FUNCTION_LIST *load(const char *path)
{
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	CK_RV (*get)(CK_FUNCTION_LIST **);
	CK_FUNCTION_LIST *p11;

	if (lib == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(2);
	}
	*(void **)&get = dlsym(lib, "C_GetFunctionList");
	need(get(&p11), "C_GetFunctionList");
	need(p11->C_Initialize(&args), "C_Initialize");
	return p11;
}

int main(int argc, char **argv)
{
	unsigned kinds = argc > 3 ? 6 : 4;

	ours = load(argc > 1 ? argv[1] : ".libs/libhanzo-pkcs11.so");
	if (argc > 3) {
		softhsm = load(argv[2]);
		softhsm_pin = argv[3];
	}
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < kinds; i++)
			for (unsigned threads = 1; threads <= MOST_THREADS; threads++)
				run(&all[i], threads);
	printf("%-26s %10s %8s %10s %8s %12s %12s\n", "one thread", "per s", "x raw", "per CPU s", "x raw", "two threads", "by CPU time");
	for (unsigned i = 0; i < kinds; i++)
		printf("%-26s %10.0f %8.3f %10.0f %8.3f %11.2fx %11.2fx\n", all[i].name, all[i].best[0], all[i].best[0] / all[0].best[0],
		       all[i].best_cpu[0], all[i].best_cpu[0] / all[0].best_cpu[0], all[i].best[1] / all[i].best[0],
		       all[i].best_cpu[1] / all[i].best_cpu[0]);
	need(ours->C_Finalize(NULL), "C_Finalize");
	return 0;
}
