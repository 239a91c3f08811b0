/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a slot over another module costs: the same SoftHSM2, in the same process and by turns, called directly and through this module.
 *
 *   device_bench sign [SECONDS]          signatures on one thread and on eight
 *   device_bench idle [SECONDS]          the same with a device (FRONT, a mock-front.so) that takes no time: what forwarding itself costs
 *   device_bench objects [N [SECONDS]]   start and look-ups with N objects on the device (10,000)
 *
 * HANZO_MODULE and SOFTHSM2 name the modules. Everything is made in a folder under TMPDIR and removed.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hanzo-pkcs11.h"
#include "pkcs11.h"

#define PIN "device-pin-1"
#define THREADS 8
#define ROUNDS_MAX 400

static char dir[256];
static CK_BBOOL yes = CK_TRUE;

/* One way to the same keys. */
struct way {
	const char *name;
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE key;
};

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Processor time of all threads: what else the machine does is not in it. */
static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void need(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s: 0x%lx\n", what, rv);
	exit(1);
}

static void run(const char *cmd)
{
	if (system(cmd) != 0) {
		fprintf(stderr, "failed: %s\n", cmd);
		exit(1);
	}
}

static void write_file(const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, 0600) != 0)
		exit(1);
}

static const char *softhsm(void)
{
	const char *p = getenv("SOFTHSM2");

	return p != NULL ? p : "/usr/lib/softhsm/libsofthsm2.so";
}

static void set_up(const char *module)
{
	const char *tmp = getenv("TMPDIR");
	char text[2048], path[512];

	snprintf(dir, sizeof dir, "%s/hz-device-bench-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL)
		exit(1);
	snprintf(path, sizeof path, "%s/tokens", dir);
	(void)mkdir(path, 0700);
	snprintf(text, sizeof text, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", dir);
	write_file("softhsm2.conf", text);
	write_file("pin", PIN "\n");
	snprintf(text, sizeof text, "[hanzo]\nstore = %s/store\nlog = file:%s/log\n[tier2]\nbackend = pkcs11\nmodule = %s\npin_source = file:%s/pin\n",
		 dir, dir, module, dir);
	write_file("pkcs11.conf", text);
	snprintf(path, sizeof path, "%s/softhsm2.conf", dir);
	setenv("SOFTHSM2_CONF", path, 1);
	snprintf(path, sizeof path, "%s/pkcs11.conf", dir);
	setenv("HANZO_PKCS11_CONF", path, 1);
	run("softhsm2-util --init-token --free --label device --so-pin device-so-1 --pin " PIN " >/dev/null");
}

static CK_FUNCTION_LIST *load(const char *path)
{
	void *so = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_C_GetFunctionList get;
	CK_FUNCTION_LIST *f = NULL;

	if (so == NULL) {
		fprintf(stderr, "%s\n", path != NULL ? dlerror() : "HANZO_MODULE is not set");
		exit(1);
	}
	*(void **)&get = dlsym(so, "C_GetFunctionList");
	need(get(&f), "C_GetFunctionList");
	return f;
}

static CK_SLOT_ID device_slot(CK_FUNCTION_LIST *f)
{
	CK_SLOT_ID ids[16];
	CK_ULONG n = 16;

	need(f->C_GetSlotList(CK_TRUE, ids, &n), "C_GetSlotList");
	return ids[0];
}

static CK_SESSION_HANDLE open_session(const struct way *w)
{
	CK_SESSION_HANDLE s;

	need(w->f->C_OpenSession(w->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), "C_OpenSession");
	return s;
}

static void login(struct way *w)
{
	CK_RV rv = w->f->C_Login(w->s, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)PIN, strlen(PIN));

	need(rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv, "C_Login");
}

/* Ours first: SoftHSM2 is then shared through p11-kit, and the direct way joins it. */
static void open_ways(struct way w[2])
{
	w[1] = (struct way){ .name = "through us", .f = load(getenv("HANZO_MODULE")), .slot = 2 };
	need(w[1].f->C_Initialize(NULL), "C_Initialize");
	w[1].s = open_session(&w[1]);
	login(&w[1]);
	w[0] = (struct way){ .name = "SoftHSM2", .f = load(softhsm()) };
	w[0].slot = device_slot(w[0].f);
	w[0].s = open_session(&w[0]);
	login(&w[0]);
}

static CK_OBJECT_HANDLE find_class(const struct way *w, CK_OBJECT_CLASS cls, const char *label, CK_ULONG *n)
{
	CK_ATTRIBUTE t[] = { { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, { CKA_CLASS, &cls, sizeof cls } };
	CK_OBJECT_HANDLE h[8] = { 0 };

	need(w->f->C_FindObjectsInit(w->s, t, 2), "C_FindObjectsInit");
	need(w->f->C_FindObjects(w->s, h, 8, n), "C_FindObjects");
	need(w->f->C_FindObjectsFinal(w->s), "C_FindObjectsFinal");
	return h[0];
}

/* ---- signing ---- */

struct kind {
	const char *label;
	CK_MECHANISM_TYPE sign;
	CK_ULONG in;
	CK_BYTE oid[12];
	CK_ULONG oid_len;
};

static const struct kind kinds[] = {
	{ "ecdsa-p256", CKM_ECDSA, 32, { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 }, 10 },
	{ "ecdsa-secp256k1", CKM_ECDSA, 32, { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a }, 7 },
	{ "rsa2048-pkcs1-sha256", CKM_SHA256_RSA_PKCS, 100, { 0 }, 0 },
};

static void make_key(const struct way *w, const struct kind *k)
{
	CK_MECHANISM gen = { k->oid_len != 0 ? CKM_EC_KEY_PAIR_GEN : CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE pub[] = { { CKA_TOKEN, &yes, 1 }, { CKA_VERIFY, &yes, 1 }, { CKA_MODULUS_BITS, &bits, sizeof bits } };
	CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_SIGN, &yes, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 },
				{ CKA_LABEL, (void *)(uintptr_t)k->label, strlen(k->label) },
				{ CKA_ID, (void *)(uintptr_t)k->label, strlen(k->label) } };
	CK_OBJECT_HANDLE a, b;

	if (k->oid_len != 0)
		pub[2] = (CK_ATTRIBUTE){ CKA_EC_PARAMS, (void *)(uintptr_t)k->oid, k->oid_len };
	need(w->f->C_GenerateKeyPair(w->s, &gen, pub, 3, priv, 6, &a, &b), "C_GenerateKeyPair");
}

static void sign_once(const struct way *w, CK_SESSION_HANDLE s, const struct kind *k)
{
	CK_MECHANISM m = { k->sign, NULL, 0 };
	CK_BYTE in[128] = { 1, 2, 3 }, sig[512];
	CK_ULONG n = sizeof sig;

	need(w->f->C_SignInit(s, &m, w->key), "C_SignInit");
	need(w->f->C_Sign(s, in, k->in, sig, &n), "C_Sign");
}

/* Microseconds of one signature. */
struct cost {
	double wall, cpu;
};

/* Over `span` seconds. */
static struct cost sign_time(const struct way *w, const struct kind *k, double span)
{
	double from = seconds(), cpu = cpu_seconds(), now;
	unsigned long n = 0;

	do {
		for (int i = 0; i < 16; i++)
			sign_once(w, w->s, k);
		n += 16;
		now = seconds();
	} while (now - from < span);
	return (struct cost){ (now - from) * 1e6 / (double)n, (cpu_seconds() - cpu) * 1e6 / (double)n };
}

struct job {
	const struct way *w;
	const struct kind *k;
	double span;
	unsigned long n;
};

static void *worker(void *arg)
{
	struct job *j = arg;
	CK_SESSION_HANDLE s = open_session(j->w);
	double from = seconds();

	do {
		for (int i = 0; i < 16; i++)
			sign_once(j->w, s, j->k);
		j->n += 16;
	} while (seconds() - from < j->span);
	need(j->w->f->C_CloseSession(s), "C_CloseSession");
	return NULL;
}

/* With eight threads at work: wall time by signatures. */
static struct cost sign_time_threads(const struct way *w, const struct kind *k, double span)
{
	struct job j[THREADS];
	pthread_t id[THREADS];
	unsigned long n = 0;
	double from = seconds(), cpu = cpu_seconds();

	for (int i = 0; i < THREADS; i++) {
		j[i] = (struct job){ w, k, span, 0 };
		if (pthread_create(&id[i], NULL, worker, &j[i]) != 0)
			exit(1);
	}
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(id[i], NULL);
		n += j[i].n;
	}
	return (struct cost){ (seconds() - from) * 1e6 / (double)n, (cpu_seconds() - cpu) * 1e6 / (double)n };
}

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_double);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* By turns, each way first in every other round, so that what else the machine does falls on both alike. */
static void compare(struct way w[2], const struct kind *k, bool threads, double span)
{
	double us[2][ROUNDS_MAX], cpu[2][ROUNDS_MAX], ratio[ROUNDS_MAX], more[ROUNDS_MAX], turn = threads ? 0.1 : 0.02;
	size_t rounds = (size_t)(span / (2 * turn));
	struct cost (*measure)(const struct way *, const struct kind *, double) = threads ? sign_time_threads : sign_time;

	rounds = rounds < 5 ? 5 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
	for (size_t r = 0; r < rounds; r++) {
		for (size_t i = 0; i < 2; i++) {
			struct cost c = measure(&w[(r + i) % 2], k, turn);

			us[(r + i) % 2][r] = c.wall;
			cpu[(r + i) % 2][r] = c.cpu;
		}
		ratio[r] = us[0][r] / us[1][r];
		more[r] = cpu[1][r] - cpu[0][r];
	}
	printf("| %s, %d thread%s | %.2f us | %.2f us | %.3f |", k->label, threads ? THREADS : 1, threads ? "s" : "", median(us[0], rounds),
	       median(us[1], rounds), median(ratio, rounds));
	printf(" %.2f us | %.2f us | %+.2f us |\n", median(cpu[0], rounds), median(cpu[1], rounds), median(more, rounds));
	(void)fflush(stdout);
}

static void bench_sign(double span)
{
	struct way w[2];
	CK_ULONG n;

	open_ways(w);
	printf("| signature | SoftHSM2 | through us | ratio | processor: SoftHSM2 | through us | more |\n");
	printf("| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		make_key(&w[0], &kinds[i]);
		for (int k = 0; k < 2; k++) {
			w[k].key = find_class(&w[k], CKO_PRIVATE_KEY, kinds[i].label, &n);
			if (n != 1)
				exit(1);
		}
		compare(w, &kinds[i], false, span);
		compare(w, &kinds[i], true, span);
	}
	need(w[1].f->C_Finalize(NULL), "C_Finalize");
}

static void bench_idle(double span)
{
	struct way w = { .name = "through us", .f = load(getenv("HANZO_MODULE")), .slot = 2 };
	CK_ULONG n;

	need(w.f->C_Initialize(NULL), "C_Initialize");
	w.s = open_session(&w);
	login(&w);
	make_key(&w, &kinds[0]);
	w.key = find_class(&w, CKO_PRIVATE_KEY, kinds[0].label, &n);
	for (int threads = 0; threads < 2; threads++) {
		struct cost c = (threads ? sign_time_threads : sign_time)(&w, &kinds[0], span);

		printf("a device that takes no time, %d thread%s: %.3f us of processor time a signature\n", threads ? THREADS : 1, threads ? "s" : "", c.cpu);
	}
	need(w.f->C_Finalize(NULL), "C_Finalize");
}

/* ---- many objects ---- */

static void make_objects(unsigned n)
{
	struct way w = { .name = "SoftHSM2", .f = load(softhsm()) };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_BYTE value[32] = { 1 };
	char label[32];

	need(w.f->C_Initialize(NULL), "C_Initialize");
	w.slot = device_slot(w.f);
	w.s = open_session(&w);
	login(&w);
	for (unsigned i = 0; i < n; i++) {
		CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &yes, 1 },
				     { CKA_PRIVATE, &yes, 1 }, { CKA_LABEL, label, 0 }, { CKA_ID, label, 0 }, { CKA_VALUE, value, 32 } };
		CK_OBJECT_HANDLE h;

		t[4].ulValueLen = t[5].ulValueLen = (CK_ULONG)snprintf(label, sizeof label, "key-%06u", i);
		need(w.f->C_CreateObject(w.s, t, 7, &h), "C_CreateObject");
	}
	need(w.f->C_Finalize(NULL), "C_Finalize");
}

static double find_time(const struct way *w, unsigned i)
{
	char label[32];
	double from;
	CK_ULONG n;

	(void)snprintf(label, sizeof label, "key-%06u", i);
	from = seconds();
	(void)find_class(w, CKO_SECRET_KEY, label, &n);
	from = seconds() - from;
	if (n != 1) {
		fprintf(stderr, "%s: %lu objects\n", label, n);
		exit(1);
	}
	return from;
}

/* In a process of its own, as a program that starts. */
static void use_objects(struct way *w, unsigned n, double span)
{
	double t[5], *us = calloc(1000000, sizeof *us), from;
	size_t k = 0;

	if (us == NULL)
		exit(1);
	t[0] = seconds();
	need(w->f->C_Initialize(NULL), "C_Initialize");
	t[1] = seconds();
	if (w->slot == 0)
		w->slot = device_slot(w->f);
	w->s = open_session(w);
	t[2] = seconds();
	login(w);
	t[3] = seconds();
	(void)find_time(w, n / 2);
	t[4] = seconds();
	for (from = seconds(); seconds() - from < span && k < 1000000; k++)
		us[k] = find_time(w, (unsigned)((k * 7919) % n)) * 1e6;
	printf("| %s | %.2f ms | %.2f ms | %.1f ms | %.1f ms | %.1f us |", w->name, (t[1] - t[0]) * 1e3, (t[2] - t[1]) * 1e3, (t[3] - t[2]) * 1e3,
	       (t[4] - t[3]) * 1e3, median(us, k));
	printf(" %.1f us | %.1f us | %zu |\n", us[k * 99 / 100], us[k - 1], k);
	free(us);
	need(w->f->C_Finalize(NULL), "C_Finalize");
}

static void in_child(void (*work)(unsigned, double), unsigned n, double span)
{
	pid_t pid;
	int status;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		work(n, span);
		(void)fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		exit(1);
}

static void child_make(unsigned n, double span)
{
	(void)span;
	make_objects(n);
}

static void child_direct(unsigned n, double span)
{
	struct way w = { .name = "SoftHSM2", .f = load(softhsm()) };

	use_objects(&w, n, span);
}

static void child_ours(unsigned n, double span)
{
	struct way w = { .name = "through us", .f = load(getenv("HANZO_MODULE")), .slot = 2 };

	use_objects(&w, n, span);
}

static void bench_objects(unsigned n, double span)
{
	in_child(child_make, n, span);
	printf("| %u objects | C_Initialize | C_OpenSession | C_Login | first find | find by label | 99 %% of them | slowest | finds |\n", n);
	printf("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
	in_child(child_direct, n, span);
	in_child(child_ours, n, span);
	in_child(child_ours, n, span);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *front = getenv("FRONT");
	bool objects = strcmp(what, "objects") == 0, idle = strcmp(what, "idle") == 0;
	char cmd[300];

	if ((!objects && !idle && strcmp(what, "sign") != 0) || (idle && front == NULL)) {
		fprintf(stderr, "usage: device_bench sign [SECONDS] | idle [SECONDS] | objects [N [SECONDS]]\n");
		return 2;
	}
	setenv("FRONT_MODULE", softhsm(), 1);
	setenv("FRONT_IDLE", "yes", 1);
	set_up(idle ? front : softhsm());
	if (objects)
		bench_objects(argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10000, argc > 3 ? strtod(argv[3], NULL) : 20);
	else
		(idle ? bench_idle : bench_sign)(argc > 2 ? strtod(argv[2], NULL) : 5);
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
	run(cmd);
	return 0;
}
