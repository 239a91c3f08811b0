/* SPDX-License-Identifier: Apache-2.0 */
/* What a login with evidence costs, in one thread: from the cache, and collected and judged each time; beside what the store needs. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "store/seal.h"
#include "store/store.h"
#include "token/module.h"

enum { ROUNDS = 15, LOGINS = 200 };

static char dir[64];

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s fails\n", what);
	exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void put(const char *name, const char *text)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	must(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, 0600) == 0, path);
}

/* Slot 3 remembers, slot 4 does not. */
static void configure(void)
{
	char path[100], text[1000];

	put("policy.json", "{\"hanzo_policy\":1,\"allow_simulated\":true,\"tee_io\":\"architecture\",\"sim\":{\"measurement\":\"any\"}}");
	put("sim.json", "{\"tee_io\":true,\"gpus\":[{\"arch\":\"blackwell\",\"key\":\"k\"}]}");
	snprintf(text, sizeof text, "[hanzo]\nlog = none\n"
	    "[tier3]\nbackend = soft\nseal = sim\nevidence_cache = 1h\npolicy = %s/policy.json\nevidence_source = sim:%s/sim.json\n"
	    "[tier4]\nbackend = soft\nseal = sim\nevidence_cache = 0\npolicy = %s/policy.json\nevidence_source = sim:%s/sim.json\n", dir, dir, dir, dir);
	put("conf", text);
	snprintf(path, sizeof path, "%s/conf", dir);
	setenv("HANZO_PKCS11_CONF", path, 1);
	snprintf(path, sizeof path, "%s/store", dir);
	setenv("HANZO_PKCS11_STORE", path, 1);
}

static CK_SESSION_HANDLE session;
static struct hz_store *store;

static void login(void)
{
	must(hz_api_Login(session, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)"attest:", 7) == CKR_OK, "C_Login");
	must(hz_api_Logout(session) == CKR_OK, "C_Logout");
}

/* Read the token's row, unseal, check: what any login of the token needs. */
static void bare(void)
{
	must(hz_store_login(store, false, NULL, 0, true) == CKR_OK, "the store's login");
	hz_store_logout(store);
}

/* The median of rounds. */
static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double measure(void (*what)(void))
{
	double t[ROUNDS];

	what();
	for (int i = 0; i < ROUNDS; i++) {
		t[i] = now_us();
		for (int k = 0; k < LOGINS; k++)
			what();
		t[i] = (now_us() - t[i]) / LOGINS;
	}
	qsort(t, ROUNDS, sizeof t[0], by_value);
	return t[ROUNDS / 2];
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	static const unsigned sim[] = { HZ_SEAL_SIM };
	struct hz_store_conf sc = { .tier = 3, .max_tries = 10, .seals = sim, .n_seals = 1 };
	double cached, fresh, least;

	snprintf(dir, sizeof dir, "%s/hz-gate-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	must(mkdtemp(dir) != NULL, "mkdtemp");
	configure();
	must(hz_api_Initialize(NULL) == CKR_OK, "C_Initialize");
	must(hz_api_OpenSession(4, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK, "C_OpenSession");
	fresh = measure(login);
	must(hz_api_OpenSession(3, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK, "C_OpenSession");
	cached = measure(login);
	sc.dir = getenv("HANZO_PKCS11_STORE");
	sc.serial = hz_module_token(3)->serial;
	must(hz_store_new(&store, &sc) == CKR_OK, "the store");
	least = measure(bare);
	printf("login and logout, evidence collected and judged   %8.1f us\n", fresh);
	printf("login and logout, evidence from the cache         %8.1f us\n", cached);
	printf("the store's part of either                        %8.1f us\n", least);
	printf("a cached login adds                               %8.1f us\n", cached - least);
	hz_store_free(store);
	must(hz_api_Finalize(NULL) == CKR_OK, "C_Finalize");
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}
