/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target without libFuzzer: over the files that are named, or over its seeds and mutations of them. With --write FOLDER it
 * writes the seeds there instead.
 */

#include "seeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_INPUT (1u << 20)

/* xorshift64*: the same mutations on every machine. */
static uint64_t state = 0x9E3779B97F4A7C15u;

static size_t
pick(size_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return n == 0 ? 0 : (size_t)(state * 0x2545F4914F6CDD1Du >> 33) % n;
}

/* A copy of exactly n bytes, so that a sanitizer sees a read past the end. */
static void
feed(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);

	if (copy == NULL)
		exit(99);
	memcpy(copy, p, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static size_t
read_file(const char *path, uint8_t *out, size_t room)
{
	FILE *f = fopen(path, "rb");
	size_t n = 0;

	if (f == NULL)
		return 0;
	n = fread(out, 1, room, f);
	fclose(f);
	return n;
}

static size_t
load_seed(const struct fuzz_seed *s, uint8_t *out)
{
	const char *dir = getenv("HANZO_VECTORS");
	size_t n = s->prefix != NULL ? strlen(s->prefix) : 0, more = 0;
	char path[1024];

	memcpy(out, s->prefix != NULL ? s->prefix : "", n);
	if (s->text != NULL) {
		memcpy(out + n, s->text, strlen(s->text));
		return n + strlen(s->text);
	}
	snprintf(path, sizeof path, "%s/%s", dir != NULL ? dir : "../shared/vectors", s->file);
	more = read_file(path, out + n, MAX_INPUT - n);
	return more == 0 ? 0 : n + more;
}

static const uint8_t interesting[] = { 0x00, 0x01, 0x7F, 0x80, 0xFF, '{', '}', '[', '"', ',', '\\', '0', '-', 'A' };

/* One small change; returns the new length. */
static size_t
mutate(uint8_t *p, size_t n)
{
	size_t at = pick(n), from = pick(n), len = pick(n < 64 ? n : 64);

	switch (n == 0 ? 0 : pick(7)) {
	case 0: return n < MAX_INPUT ? (p[n] = (uint8_t)pick(256), n + 1) : n;
	case 1: p[at] ^= (uint8_t)(1u << pick(8)); return n;
	case 2: p[at] = interesting[pick(sizeof interesting)]; return n;
	case 3: return pick(4) == 0 ? at : n;
	case 4:
		len = len > n - at ? n - at : len;
		memmove(p + at, p + at + len, n - at - len);
		return n - len;
	case 5:
		len = len > n - at ? n - at : len;
		len = len > n - from ? n - from : len;
		memmove(p + at, p + from, len);
		return n;
	default: p[at] = (uint8_t)pick(256); return n;
	}
}

static void
run_mutations(const uint8_t *seed, size_t n, size_t rounds)
{
	uint8_t *p = malloc(MAX_INPUT + 1);
	clock_t stop = clock() + CLOCKS_PER_SEC / 2;

	if (p == NULL)
		exit(99);
	for (size_t i = 0; i < rounds && clock() < stop; i++) {
		size_t len = n, changes = 1 + pick(4);

		memcpy(p, seed, n);
		for (size_t k = 0; k < changes; k++)
			len = mutate(p, len);
		feed(p, len);
	}
	free(p);
}

/* --write FOLDER: the seeds as files, for libFuzzer. */
static int
write_seeds(const char *folder, uint8_t *buf)
{
	unsigned written = 0;

	for (const struct fuzz_seed *s = fuzz_seeds; s->file != NULL || s->text != NULL; s++) {
		size_t n = load_seed(s, buf);
		char path[1024];
		FILE *f;

		if (n == 0)
			continue;
		snprintf(path, sizeof path, "%s/%u", folder, written);
		f = fopen(path, "wb");
		if (f == NULL || fwrite(buf, 1, n, f) != n || fclose(f) != 0)
			return 1;
		written++;
	}
	return written > 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	uint8_t *buf = malloc(MAX_INPUT + 4096);
	size_t used = 0;

	if (buf == NULL)
		return 99;
	if (argc == 3 && strcmp(argv[1], "--write") == 0) {
		int rc = write_seeds(argv[2], buf);

		free(buf);
		return rc;
	}
	for (int i = 1; i < argc; i++)
		feed(buf, read_file(argv[i], buf, MAX_INPUT));
	for (const struct fuzz_seed *s = fuzz_seeds; argc == 1 && (s->file != NULL || s->text != NULL); s++) {
		size_t n = load_seed(s, buf);

		if (n == 0)
			continue;
		used++;
		feed(buf, n);
		run_mutations(buf, n, 2000);
	}
	free(buf);
	return argc == 1 && used == 0 ? 77 : 0;
}
