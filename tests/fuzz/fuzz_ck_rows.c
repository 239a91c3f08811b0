/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: serialised attribute sets. What is read must be written back as the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "ck/attrs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
one(const uint8_t *data, size_t size, bool secret)
{
	struct hz_attrs a = HZ_ATTRS_INIT;
	struct hz_reader r = hz_rd(data, size);
	struct hz_buf out = HZ_BUF_INIT;

	if (hz_attrs_read(&a, secret, &r)) {
		if (!hz_attrs_write(&a, secret, &out) || out.len != size || memcmp(out.p, data, size) != 0)
			abort();
		if (!hz_attrs_match(&a, &(struct hz_attrs)HZ_ATTRS_INIT))
			abort();
	}
	hz_buf_free(&out);
	hz_attrs_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	one(data, size, false);
	one(data, size, true);
	return 0;
}
