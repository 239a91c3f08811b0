/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: typed data. The encoder must not read outside its input, must give the same answer twice and a reason with every
 * refusal; and what the other strict JSON checker of this project accepts, its reader must accept too. */
#include <stdlib.h>
#include <string.h>

#include "base/jdoc.h"
#include "base/jsoncheck.h"
#include "crypto/eip712.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(c) ((c) ? (void)0 : abort())

static const struct hz_jdoc_limits wide = { .text = 1 << 20, .nodes = 1 << 20, .members = 512, .depth = 32 };

static void read_json(const uint8_t *data, size_t size)
{
	struct hz_jdoc doc;
	bool ok = hz_jdoc_parse(&doc, data, size, &wide);

	CHECK(ok || doc.why != NULL);
	CHECK(!ok || (doc.n > 0 && doc.v->end == doc.n));
	CHECK(ok || size > wide.text || !hz_json_check(data, size, 16));
	hz_jdoc_free(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_eip712 a, b;
	char why[HZ_EIP712_WHY];
	bool ok = hz_eip712_digest(data, size, &a, why);

	CHECK(ok == (why[0] == '\0'));
	CHECK(hz_eip712_digest(data, size, &b, why) == ok);
	if (ok)
		CHECK(memcmp(a.digest, b.digest, 32) == 0);
	read_json(data, size);
	return 0;
}
