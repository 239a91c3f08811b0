/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target without libFuzzer: over every file of its corpus, as it is, cut short at each length and with each byte
 * changed. Arguments: files or folders; without any, tests/fuzz/corpus/NAME for a program called replay_NAME. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_FILE (1u << 20)
#define MAX_VARIED 4096u /* longer inputs are run as they are */

static unsigned long runs;

/* Each input lies in a block of exactly its size, so that a read past its end is seen. */
static void
run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	runs++;
}

static void
run_variations(uint8_t *data, size_t size)
{
	run(data, size);
	for (size_t i = 0; size <= MAX_VARIED && i < size; i++) {
		const uint8_t was = data[i], others[] = { 0, 0xff, (uint8_t)(was + 1), (uint8_t)(was ^ 0x80) };

		run(data, i);
		for (size_t k = 0; k < sizeof others; k++) {
			data[i] = others[k];
			run(data, size);
		}
		data[i] = was;
	}
}

static int
replay_file(const char *path)
{
	static uint8_t data[MAX_FILE];
	FILE *f = fopen(path, "rb");
	size_t size;

	if (f == NULL) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, sizeof data, f);
	(void)fclose(f);
	run_variations(data, size);
	return 0;
}

static int
replay(const char *path)
{
	struct stat st;
	char name[4096];
	const struct dirent *e;
	int bad = 0;
	DIR *d;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return replay_file(path);
	d = opendir(path);
	if (d == NULL) {
		perror(path);
		return 1;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof name, "%s/%s", path, e->d_name);
		bad |= replay_file(name);
	}
	(void)closedir(d);
	return bad;
}

int
main(int argc, char **argv)
{
	const char *src = getenv("HANZO_SRCDIR"), *self = strstr(argv[0], "replay_");
	char path[4096];
	int bad = 0;

	for (int i = 1; i < argc; i++)
		bad |= replay(argv[i]);
	if (argc == 1) {
		(void)snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", src != NULL ? src : ".",
			       self != NULL ? self + strlen("replay_") : "");
		bad = replay(path);
	}
	printf("%lu inputs\n", runs);
	return bad != 0 || runs == 0;
}
