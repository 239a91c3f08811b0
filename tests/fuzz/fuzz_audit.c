/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the tail and the lines of an audit log, as somebody could have left them. 1024 bytes of tail, then the log. */
#include <stdlib.h>
#include <string.h>

#include "gov/audit_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(c) ((c) ? (void)0 : abort())

static unsigned reports;

static void hear(void *arg, const char *text)
{
	(void)arg;
	CHECK(text[0] != '\0');
	reports++;
}

static void tail(const struct hz_audit_tail *t)
{
	uint8_t again[HZ_AUDIT_TAIL] = { 0 }, slot[256];
	uint32_t at;
	size_t n = hz_audit_tail_write(t, slot, &at);
	struct hz_audit_tail copy;

	CHECK(at + n <= sizeof again);
	memcpy(again + at, slot, n);
	CHECK(hz_audit_tail_read(again, &copy) && memcmp(&copy, t, sizeof copy) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_audit_tail t;
	bool good;
	uint64_t n;
	FILE *f;

	if (size <= HZ_AUDIT_TAIL)
		return 0;
	good = hz_audit_tail_read(data, &t);
	if (good)
		tail(&t);
	f = fmemopen((void *)(uintptr_t)(data + HZ_AUDIT_TAIL), size - HZ_AUDIT_TAIL, "r");
	CHECK(f != NULL);
	reports = 0;
	CHECK(hz_audit_look_through(f, good ? &t : NULL, &n, hear, NULL) == reports);
	CHECK(n <= size);
	fclose(f);
	return 0;
}
