/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ten million live nonces: none is forgotten, recording another beside them takes a handful of looks (tests/bench has the time), and once
 * they have expired their memory is gone. Sanitized builds take fewer.
 */
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"
#include "store/nonce_int.h"
#include "../sanitized.h"

#define TTL 3600
#define MOST_TABLES 16
#define MOST_PROBES 4.5
#define LARGE_LOG2 16

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

static uint64_t serial = 1ull << 40;

/* Words that looking for a new nonce reads in one table, on average over all places where the search may begin. */
static double mean_probes(const struct nonce_table *t)
{
	uint64_t words = (uint64_t)1 << t->e.log2, run = 0, sum = 0;

	for (uint64_t i = 2 * words; i-- > 0;) { /* the run at the end goes on at the beginning: the first round finds its length */
		run = t->word[i & (words - 1)] != 0 ? run + 1 : 0;
		sum += i < words ? run + 1 : 0;
	}
	return (double)sum / (double)words;
}

/*
 * What a record costs beside the others, without a clock: few tables, and in each no longer a search than in a table with places at
 * random that is filled to its room, five eighths: (1 + 1 / (1 - 5/8)^2) / 2 = 4.06 (linear probing, Knuth 6.4). In a small table
 * chance has more to say.
 */
static void cost(const struct hz_nonce *nm, uint64_t count, bool small)
{
	double most = 0, all = 0;
	uint64_t held = 0;

	for (unsigned i = 0; i < nm->tables; i++) {
		double n = mean_probes(nm->table[i]);

		if (nm->table[i]->e.log2 >= LARGE_LOG2 && n > most)
			most = n;
		all += n;
		held += nm->table[i]->head->count;
	}
	printf("%u tables, %.2f words read to record one, at most %.2f in one large table\n", nm->tables, all, most);
	CHECK(held >= count);
	CHECK(nm->tables <= MOST_TABLES);
	CHECK((small || most >= 1) && most < MOST_PROBES && all < MOST_TABLES * MOST_PROBES);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	bool small = is_sanitized();
	const uint64_t count = small ? 100000 : 10000000, now = (uint64_t)time(NULL);
	struct hz_nonce *full;
	uint64_t size;

	snprintf(dir, sizeof dir, "%.40s/hz-many-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL)
		return 99;
	full = memory("full");
	for (uint64_t i = 0; i < count && failures == 0; i++)
		CHECK(record(full, i, now - TTL + i * TTL / count, now) == CKR_OK);
	for (uint64_t i = 0; i < count && failures == 0; i += count / 10000 + 1) /* not again, with whatever time */
		CHECK(record(full, i, now - i % TTL, now) == CKR_FUNCTION_REJECTED);
	cost(full, count, small);
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
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return failures != 0;
}
