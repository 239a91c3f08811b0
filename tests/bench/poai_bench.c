/* SPDX-License-Identifier: Apache-2.0 */
/* CKM_HANZO_POAI through the module (JSON in, signature out, nonce recorded) beside libsecp256k1 alone, on one thread and two. */
#include <dlfcn.h>
#include <pthread.h>
#include <secp256k1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hanzo-pkcs11.h"
#include "pkcs11.h"

static CK_FUNCTION_LIST *p11;
static const double run_for = 2.0; /* seconds a measurement */

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void need(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s: 0x%lx\n", what, rv);
	exit(1);
}

struct worker {
	unsigned id;
	double per_second;
};

/* Each worker has a session and a key of its own. */
static CK_OBJECT_HANDLE make_key(CK_SESSION_HANDLE *s)
{
	static CK_BYTE curve[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };
	CK_MECHANISM gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_MECHANISM_TYPE only = CKM_HANZO_POAI;
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, curve, sizeof curve } }, priv[] = { { CKA_ALLOWED_MECHANISMS, &only, sizeof only } };
	CK_OBJECT_HANDLE hpub, hpriv;

	need(p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, s), "C_OpenSession");
	need(p11->C_GenerateKeyPair(*s, &gen, pub, 1, priv, 1, &hpub, &hpriv), "C_GenerateKeyPair");
	return hpriv;
}

static void *sign_poai(void *arg)
{
	CK_MECHANISM m = { CKM_HANZO_POAI, NULL, 0 };
	struct worker *w = arg;
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE key = make_key(&s);
	unsigned long n = 0;
	double from = seconds(), now;
	char text[512];
	CK_BYTE sig[65];

	do {
		CK_ULONG len = sizeof sig;
		int chars = snprintf(text, sizeof text,
			"{\"modelId\":\"gpt4\",\"inputHash\":\"0x%064lx\",\"outputHash\":\"0x%064x\",\"timestamp\":%lld,\"computeTime\":812,"
			"\"nodeId\":\"node-7\",\"nonce\":\"0x%016llx%08x%040lx\"}", n, 7, (long long)time(NULL), (unsigned long long)time(NULL), w->id, n);

		need(p11->C_SignInit(s, &m, key), "C_SignInit");
		need(p11->C_Sign(s, (CK_BYTE *)text, (CK_ULONG)chars, sig, &len), "C_Sign");
		n++;
	} while ((now = seconds()) - from < run_for);
	w->per_second = (double)n / (now - from);
	need(p11->C_CloseSession(s), "C_CloseSession");
	return NULL;
}

static void *sign_raw(void *arg)
{
	secp256k1_context *ctx = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	struct worker *w = arg;
	unsigned char key[32] = { 1 }, digest[32] = { 2 };
	secp256k1_ecdsa_signature sig;
	unsigned long n = 0;
	double from = seconds(), now;

	do {
		memcpy(digest, &n, sizeof n);
		if (!secp256k1_ecdsa_sign(ctx, &sig, digest, key, NULL, NULL))
			exit(1);
		n++;
	} while ((now = seconds()) - from < run_for);
	w->per_second = (double)n / (now - from);
	secp256k1_context_destroy(ctx);
	return NULL;
}

static double run(void *(*fn)(void *), unsigned threads)
{
	struct worker w[8];
	pthread_t t[8];
	double sum = 0;

	for (unsigned i = 0; i < threads; i++) {
		w[i].id = i;
		if (pthread_create(&t[i], NULL, fn, &w[i]) != 0)
			exit(1);
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(t[i], NULL);
		sum += w[i].per_second;
	}
	return sum;
}

int main(int argc, char **argv)
{
	void *lib = dlopen(argc > 1 ? argv[1] : ".libs/libhanzo-pkcs11.so", RTLD_NOW);
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	CK_RV (*get)(CK_FUNCTION_LIST **);
	double raw = 0, raw2 = 0, one = 0, two = 0;

	if (lib == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	*(void **)&get = dlsym(lib, "C_GetFunctionList");
	need(get(&p11), "C_GetFunctionList");
	need(p11->C_Initialize(&args), "C_Initialize");
	for (unsigned round = 0; round < 3; round++) { /* the best of each: other work on the machine only ever slows down */
		double r = run(sign_raw, 1), r2 = run(sign_raw, 2), o = run(sign_poai, 1), t = run(sign_poai, 2);

		raw2 = r2 > raw2 ? r2 : raw2;
		raw = r > raw ? r : raw;
		one = o > one ? o : one;
		two = t > two ? t : two;
	}
	printf("libsecp256k1 alone  %8.0f/s  %.1f us; two threads %.2f times that\n", raw, 1e6 / raw, raw2 / raw);
	printf("PoAI, one thread    %8.0f/s  %.1f us, %.2f of it\n", one, 1e6 / one, one / raw);
	printf("PoAI, two threads   %8.0f/s  %.2f times one\n", two, two / one);
	need(p11->C_Finalize(NULL), "C_Finalize");
	return 0;
}
