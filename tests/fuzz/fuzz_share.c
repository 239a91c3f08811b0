/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: ECIES blobs, threshold shares and partial results. First byte: which. */
#include <stdlib.h>
#include <string.h>

#include "crypto/ecies.h"
#include "crypto/k256.h"
#include "crypto/shamir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(c) ((c) ? (void)0 : abort())

static void share(const uint8_t *data, size_t size)
{
	struct hz_share *s = calloc(1, sizeof *s);
	struct hz_buf out = HZ_BUF_INIT;

	CHECK(s != NULL);
	if (hz_share_read(data, size, s) == CKR_OK) {
		CHECK(hz_share_write(s, &out) == CKR_OK && out.len == size && memcmp(out.p, data, size) == 0);
		CHECK(size == hz_share_size(s->split.t));
	}
	hz_buf_free(&out);
	free(s);
}

static void partial(const uint8_t *data, size_t size)
{
	static const uint8_t one[32] = { [31] = 1 };
	struct hz_partial p;
	const struct hz_partial *both[] = { &p, &p };
	uint8_t g[64], s[64];

	if (hz_partial_read(data, size, &p) != CKR_OK)
		return;
	CHECK(hz_k256_pub_from_sec(g, one));
	(void)hz_partial_check(&p, g, p.d);
	CHECK(hz_partials_combine(both, 2, s) != CKR_OK); /* one index twice */
}

static void blob(const uint8_t *data, size_t size)
{
	static const uint8_t sec[32] = { [31] = 2 };
	const struct hz_ecies_aad aad = { HZ_ECIES_PLAIN, NULL, 0 };
	struct hz_buf out = HZ_BUF_INIT;

	if (hz_ecies_open(sec, &aad, data, size, &out) == CKR_OK)
		CHECK(out.len == size - HZ_ECIES_OVERHEAD);
	else
		CHECK(out.len == 0);
	hz_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 0)
		share(data + 1, size - 1);
	else if (data[0] == 1)
		partial(data + 1, size - 1);
	else
		blob(data + 1, size - 1);
	return 0;
}
