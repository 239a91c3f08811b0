/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ten million live nonces: none is forgotten, signing beside them is no more than a tenth slower than beside an empty memory, and once
 * they have expired their memory is gone. Sanitized builds take fewer and measure nothing.
 */
#include <dirent.h>
#include <ftw.h>
#include <secp256k1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"
#include "store/nonce.h"

enum { TTL = 3600, BATCH = 400, BATCHES = 40, TRIES = 8 };

static const uint8_t scope[32] = { 7 };
static char dir[64];
static int failures;

#define CHECK(c) ((c) ? (void)0 : (void)(failures++, fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #c, hz_error_text())))

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st, (void)flag, (void)f;
	return remove(path);
}

static struct hz_nonce *memory(const char *name)
{
	char path[96];
	struct hz_nonce_conf conf = { .dir = path, .ttl = TTL };
	struct hz_nonce *nm = NULL;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (hz_nonce_new(&nm, &conf) != CKR_OK)
		exit(99);
	return nm;
}

static CK_RV record(struct hz_nonce *nm, uint64_t n, uint64_t ts, uint64_t now)
{
	uint8_t once[32] = { 0 };

	memcpy(once, &n, sizeof n);
	return hz_nonce_record(nm, scope, once, ts, now);
}

/* Blocks on the disk, in MiB. */
static uint64_t mebibytes(const char *name)
{
	char path[512];
	struct dirent *e;
	struct stat st;
	uint64_t blocks = 0;
	DIR *d;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof path, "%s/%s/%s", dir, name, e->d_name);
		if (e->d_name[0] != '.' && stat(path, &st) == 0)
			blocks += (uint64_t)st.st_blocks;
	}
	if (d != NULL)
		closedir(d);
	return blocks >> 11;
}

/* CPU time of this thread, which other work on the machine takes no part in. */
static double cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec * 1e-3;
}

static uint64_t serial = 1ull << 40;

/* Microseconds for recording and signing, in one batch. */
static double batch(const secp256k1_context *ctx, struct hz_nonce *nm, uint64_t now)
{
	const uint8_t key[32] = { 1 };
	uint8_t digest[32] = { 2 };
	secp256k1_ecdsa_signature sig;
	double from = cpu();

	for (unsigned i = 0; i < BATCH; i++) {
		serial++;
		CHECK(record(nm, serial, now, now) == CKR_OK);
		memcpy(digest, &serial, sizeof serial);
		CHECK(secp256k1_ecdsa_sign(ctx, &sig, digest, key, NULL, NULL) == 1);
	}
	return (cpu() - from) / BATCH;
}

/* Full against empty, turn by turn, the best batch of each: work beside this one only ever makes a batch slower. */
static double slowdown(struct hz_nonce *full, struct hz_nonce *empty, uint64_t now)
{
	secp256k1_context *ctx = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	double best[2] = { 1e9, 1e9 };

	for (unsigned i = 0; i < 2 * BATCHES; i++) {
		double t = batch(ctx, i % 2 ? full : empty, now);

		if (t < best[i % 2])
			best[i % 2] = t;
	}
	secp256k1_context_destroy(ctx);
	printf("with a record: %.2f us beside none, %.2f us beside all\n", best[0], best[1]);
	return best[1] / best[0];
}

int main(void)
{
	const char *sanitized = getenv("HANZO_SANITIZED"), *tmp = getenv("TMPDIR");
	bool small = sanitized != NULL && sanitized[0] != '\0';
	const uint64_t count = small ? 100000 : 10000000, now = (uint64_t)time(NULL);
	struct hz_nonce *full, *empty;
	uint64_t size;
	double ratio = 2;

	snprintf(dir, sizeof dir, "%.40s/hz-many-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL)
		return 99;
	full = memory("full");
	empty = memory("empty");
	for (uint64_t i = 0; i < count && failures == 0; i++)
		CHECK(record(full, i, now - TTL + i * TTL / count, now) == CKR_OK);
	for (uint64_t i = 0; i < count && failures == 0; i += count / 10000 + 1) /* not again, with whatever time */
		CHECK(record(full, i, now - i % TTL, now) == CKR_FUNCTION_REJECTED);
	for (unsigned i = 0; i < TRIES && !small && ratio > 1.1; i++)
		ratio = slowdown(full, empty, now);
	CHECK(small || ratio <= 1.1);
	size = mebibytes("full");
	for (unsigned i = 0; i < 3; i++) { /* syncs come with records, and take away what has expired */
		struct timespec pause = { 1, 100000000 };

		CHECK(record(full, ++serial, now + 3 * TTL, now + 3 * TTL) == CKR_OK);
		nanosleep(&pause, NULL);
	}
	printf("%llu nonces: %llu MiB, and %llu once they have expired\n", (unsigned long long)count, (unsigned long long)size,
	       (unsigned long long)mebibytes("full"));
	CHECK(mebibytes("full") * 4 <= size || small);
	CHECK(record(full, 1, now, now) == CKR_FUNCTION_REJECTED); /* forgotten, and not open again to a clock that goes back */
	hz_nonce_free(full);
	hz_nonce_free(empty);
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return failures != 0;
}
