/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long recording a nonce takes with an empty memory and with ten million live ones, beside a secp256k1 signature: nonce_bench [FOLDER
 * [NONCES]]; FOLDER and FOLDER-empty must not exist yet.
 */
#include <pthread.h>
#include <secp256k1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "store/nonce.h"

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static const uint8_t scope[32] = { 7 };
static uint64_t serial;

static void record(struct hz_nonce *nm, uint64_t ts, uint64_t now)
{
	uint8_t once[32] = { 0 };

	serial++;
	memcpy(once, &serial, sizeof serial);
	if (hz_nonce_record(nm, scope, once, ts, now) != CKR_OK) {
		fprintf(stderr, "%s\n", hz_error_text());
		exit(1);
	}
}

/* Microseconds for one signature, with or without a record, over `n` of them. */
static double sign(struct hz_nonce *nm, unsigned n)
{
	static secp256k1_context *ctx;
	uint8_t key[32] = { 1 }, digest[32] = { 2 };
	secp256k1_ecdsa_signature sig;
	double from;

	if (ctx == NULL)
		ctx = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	from = seconds();
	for (unsigned i = 0; i < n; i++) {
		uint64_t now = (uint64_t)time(NULL);

		if (nm != NULL)
			record(nm, now, now);
		memcpy(digest, &i, sizeof i);
		if (!secp256k1_ecdsa_sign(ctx, &sig, digest, key, NULL, NULL))
			exit(1);
	}
	return (seconds() - from) / n * 1e6;
}

/* CPU time of this thread, which other work on the machine takes no part in. */
static double cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec * 1e-3;
}

/* Full against empty, turn by turn, the best batch of each: work beside this one only ever makes a batch slower. */
static void compare(struct hz_nonce *full, struct hz_nonce *empty)
{
	enum { BATCH = 400, BATCHES = 40 };
	double best[2] = { 1e9, 1e9 };

	for (unsigned i = 0; i < 2 * BATCHES; i++) {
		double from = cpu(), t;

		(void)sign(i % 2 ? full : empty, BATCH);
		t = (cpu() - from) / BATCH;
		best[i % 2] = t < best[i % 2] ? t : best[i % 2];
	}
	printf("CPU time with a record: %.2f us beside none, %.2f us beside all (%+.1f %%)\n", best[0], best[1], (best[1] / best[0] - 1) * 100);
}

int main(int argc, char **argv)
{
	struct hz_nonce_conf conf = { .dir = argc > 1 ? argv[1] : "nonce-bench", .ttl = 3600 };
	const uint64_t fill = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000000;
	uint64_t now = (uint64_t)time(NULL);
	struct hz_nonce *nm, *none;
	char path[512];
	struct hz_nonce_conf beside = { .dir = path, .ttl = 3600 };
	double from, raw, empty, full;

	(void)snprintf(path, sizeof path, "%s-empty", conf.dir);
	if (hz_nonce_new(&nm, &conf) != CKR_OK || hz_nonce_new(&none, &beside) != CKR_OK)
		return 1;
	raw = sign(NULL, 20000);
	(void)sign(nm, 20000);
	empty = sign(nm, 60000);
	raw = (raw + sign(NULL, 60000)) / 2;
	from = seconds();
	for (uint64_t i = 0; i < fill; i++)
		record(nm, now - 3500 + i * 3500 / (fill + 1), now);
	printf("filled with %llu in %.1f s: %.2f us a record\n", (unsigned long long)fill, seconds() - from, (seconds() - from) / (double)fill * 1e6);
	(void)sign(nm, 20000);
	full = sign(nm, 60000);
	raw = (raw + sign(NULL, 60000)) / 2;
	printf("records %llu\nsign alone          %.2f us\nwith record, empty  %.2f us\nwith record, full   %.2f us (%+.1f %%)\n",
	       (unsigned long long)serial, raw, empty, full, (full / empty - 1) * 100);
	compare(nm, none);
	hz_nonce_free(none);
	from = seconds();
	hz_nonce_free(nm);
	printf("close %.2f s\n", seconds() - from);
	conf.boot_id = "00000000-0000-4000-8000-000000000000";
	if (hz_nonce_new(&nm, &conf) != CKR_OK)
		return 1;
	from = seconds();
	record(nm, (uint64_t)time(NULL), (uint64_t)time(NULL));
	printf("first use after a boot %.2f s\n", seconds() - from);
	hz_nonce_free(nm);
	return 0;
}
