/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of the store: inserts against a bare append and fdatasync, look-ups and loads at a given number of objects. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "store/store.h"

#define PIN ((const uint8_t *)"bench-pin")
#define PIN_LEN 9

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s: 0x%lx %s\n", what, rv, hz_error_text());
	exit(1);
}

/* A private AES key as the module stores one: some 30 attributes. */
static void make(struct hz_attrs *a, unsigned long i)
{
	static const CK_ATTRIBUTE_TYPE flags[] = { CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_ENCRYPT,
						   CKA_DECRYPT, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE };
	static const CK_ATTRIBUTE_TYPE clear[] = { CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE, CKA_EXTRACTABLE,
						   CKA_NEVER_EXTRACTABLE, CKA_LOCAL, CKA_TRUSTED, CKA_WRAP_WITH_TRUSTED };
	char text[64];
	uint8_t value[32];
	CK_RV rv = CKR_OK;

	*a = (struct hz_attrs)HZ_ATTRS_INIT;
	memset(value, (int)i, sizeof value);
	rv |= hz_attrs_set_ulong(a, CKA_CLASS, CKO_SECRET_KEY);
	rv |= hz_attrs_set_ulong(a, CKA_KEY_TYPE, CKK_AES);
	rv |= hz_attrs_set_ulong(a, CKA_VALUE_LEN, 32);
	rv |= hz_attrs_set_ulong(a, CKA_KEY_GEN_MECHANISM, CKM_AES_KEY_GEN);
	for (size_t k = 0; k < sizeof flags / sizeof flags[0]; k++)
		rv |= hz_attrs_set_bool(a, flags[k], true);
	for (size_t k = 0; k < sizeof clear / sizeof clear[0]; k++)
		rv |= hz_attrs_set_bool(a, clear[k], false);
	(void)snprintf(text, sizeof text, "label %lu", i);
	rv |= hz_attrs_set(a, CKA_LABEL, text, strlen(text), false);
	(void)snprintf(text, sizeof text, "id-%016lu", i);
	rv |= hz_attrs_set(a, CKA_ID, text, strlen(text), false);
	(void)snprintf(text, sizeof text, "%08lx-0000-4000-8000-%012lx", i, i);
	rv |= hz_attrs_set(a, CKA_UNIQUE_ID, text, strlen(text), false);
	rv |= hz_attrs_set(a, CKA_VALUE, value, sizeof value, true);
	must(rv, "attributes");
}

/* n objects in transactions of up to 1000. */
static void fill(struct hz_store *s, unsigned long first, unsigned long n)
{
	enum { BATCH = 1000 };
	static struct hz_attrs a[BATCH];
	static const struct hz_attrs *sets[BATCH];
	static uint64_t ids[BATCH];

	for (unsigned long done = 0; done < n;) {
		size_t k = n - done < BATCH ? (size_t)(n - done) : BATCH;

		for (size_t i = 0; i < k; i++) {
			make(&a[i], first + done + i);
			sets[i] = &a[i];
		}
		must(hz_store_insert(s, sets, k, ids), "insert");
		for (size_t i = 0; i < k; i++)
			hz_attrs_free(&a[i]);
		done += k;
	}
}

/* Microseconds of one append of 512 bytes and fdatasync, and of one insert, taken in turns. */
static void bench_insert(struct hz_store *s, const char *dir, unsigned long first, int rounds)
{
	char path[512], block[512] = { 0 };
	double append = 0, insert = 0;
	int fd;

	(void)snprintf(path, sizeof path, "%s/append", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		must(CKR_DEVICE_ERROR, strerror(errno));
	for (int i = 0; i < rounds; i++) {
		struct hz_attrs a;
		const struct hz_attrs *set = &a;
		uint64_t id;
		double t;

		make(&a, first + (unsigned long)i);
		t = now();
		if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fdatasync(fd) != 0)
			must(CKR_DEVICE_ERROR, "append");
		append += now() - t;
		t = now();
		must(hz_store_insert(s, &set, 1, &id), "insert");
		insert += now() - t;
		hz_attrs_free(&a);
	}
	(void)close(fd);
	(void)unlink(path);
	printf("append+fdatasync %.1f us, insert %.1f us, ratio %.2f\n", 1e6 * append / rounds, 1e6 * insert / rounds,
	       append / insert);
}

static void bench_find(struct hz_store *s, CK_ATTRIBUTE_TYPE type, const char *fmt_name, unsigned long n, int rounds)
{
	double t, total = 0;
	uint64_t last = 0;

	for (int i = 0; i < rounds; i++) {
		struct hz_attrs obj, tmpl = HZ_ATTRS_INIT;
		const struct hz_attr *v;
		uint64_t *ids;
		size_t k;

		make(&obj, (unsigned long)rand() % n);
		v = hz_attrs_find(&obj, type);
		must(hz_attrs_set_ulong(&tmpl, CKA_CLASS, CKO_SECRET_KEY), "template");
		must(hz_attrs_set(&tmpl, type, v->value, v->len, false), "template");
		t = now();
		must(hz_store_find(s, &tmpl, true, &ids, &k), "find");
		total += now() - t;
		if (k != 1)
			must(CKR_GENERAL_ERROR, "found another number than one");
		last = ids[0];
		free(ids);
		hz_attrs_free(&tmpl);
		hz_attrs_free(&obj);
	}
	printf("find by %s %.2f us (object %llu)\n", fmt_name, 1e6 * total / rounds, (unsigned long long)last);
}

static void bench_rest(struct hz_store *s, int rounds)
{
	struct hz_attrs t = HZ_ATTRS_INIT, out;
	uint64_t *ids, sum = 0;
	size_t n;
	bool checked;
	double at = now();

	must(hz_attrs_set_bool(&t, CKA_WRAP, true), "template");
	must(hz_store_find(s, &t, true, &ids, &n), "find");
	printf("scan with attributes %.1f ms\n", 1e3 * (now() - at));
	hz_attrs_free(&t);
	t = (struct hz_attrs)HZ_ATTRS_INIT;
	must(hz_store_find(s, &t, true, &ids, &n), "find");
	at = now();
	for (int i = 0; i < rounds; i++) {
		must(hz_store_load(s, ids[(size_t)rand() % n], &out, &checked), "load");
		hz_attrs_free(&out);
	}
	printf("load and open %.2f us\n", 1e6 * (now() - at) / rounds);
	free(ids);
	at = now();
	for (int i = 0; i < 1000000; i++)
		sum += hz_store_generation(s);
	printf("generation %.1f ns (%llu)\n", 1e3 * (now() - at), (unsigned long long)sum);
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
	struct hz_store_conf conf = { .dir = argc > 1 ? argv[1] : NULL, .serial = "bench", .tier = 1, .max_tries = 10 };
	unsigned char label[32];
	struct hz_store *s;
	double t;

	if (argc < 2 || n == 0) {
		fprintf(stderr, "usage: store_bench EMPTY-DIRECTORY [OBJECTS]\n");
		return 2;
	}
	memset(label, ' ', sizeof label);
	must(hz_store_new(&s, &conf), "new");
	must(hz_store_init(s, PIN, PIN_LEN, label), "init");
	must(hz_store_login(s, true, PIN, PIN_LEN, true), "login");
	bench_insert(s, conf.dir, n + 1000000, 2000);
	t = now();
	fill(s, 0, n);
	printf("%lu objects in batches: %.1f s\n", n, now() - t);
	bench_insert(s, conf.dir, n + 2000000, 2000);
	bench_find(s, CKA_LABEL, "label", n, 20000);
	bench_find(s, CKA_ID, "id", n, 20000);
	bench_rest(s, 20000);
	hz_store_free(s);
	return 0;
}
