/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: model weights files. First byte: bytes that come at a time (0: all). What opens under the file key 00 01 ... 1f must be
 * what sealing makes of its plaintext, and the lengths told beforehand are exact.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(c) ((c) ? (void)0 : abort())

static void fill(uint8_t key[HZ_MODEL_KEY])
{
	for (unsigned i = 0; i < HZ_MODEL_KEY; i++)
		key[i] = (uint8_t)i;
}

/* All of in; out has room for it. False: refused. */
static bool run(bool enc, unsigned log2, size_t step, const uint8_t *in, size_t n, uint8_t *out, size_t *out_len)
{
	uint8_t key[HZ_MODEL_KEY];
	struct hz_model *m;
	size_t got, total = hz_model_total_len(enc, log2, n), want;
	CK_RV rv = CKR_OK;

	fill(key);
	*out_len = 0;
	if (hz_model_new(enc, key, log2, &m) != CKR_OK)
		abort();
	for (size_t at = 0; rv == CKR_OK && at < n; at += step) {
		size_t part = n - at < step ? n - at : step;

		want = hz_model_update_len(m, part);
		rv = hz_model_update(m, in + at, part, out + *out_len, &got);
		CHECK(got == (rv == CKR_OK ? want : 0));
		*out_len += got;
	}
	if (rv == CKR_OK) {
		want = hz_model_final_len(m);
		rv = hz_model_final(m, out + *out_len, &got);
		CHECK(got == (rv == CKR_OK ? want : 0));
		*out_len += got;
	}
	CHECK(rv == CKR_OK ? *out_len == total : rv == CKR_ENCRYPTED_DATA_INVALID);
	hz_model_free(m);
	return rv == CKR_OK;
}

static void chunks(unsigned log2, size_t step, const uint8_t *in, size_t n)
{
	uint8_t *plain = malloc(n + 1), *again = malloc(n + 1);
	size_t len, back;

	CHECK(plain != NULL && again != NULL);
	if (run(false, log2, step, in, n, plain, &len))
		CHECK(run(true, log2, step + 1, plain, len, again, &back) && back == n && memcmp(again, in, n) == 0);
	free(plain);
	free(again);
}

static void reseal(const uint8_t *p, const struct hz_model_header *h, const uint8_t key[HZ_MODEL_KEY])
{
	struct hz_buf b = HZ_BUF_INIT;

	CHECK(hz_model_header_begin(&b, h) && b.len == h->m_len && hz_model_header_end(&b, h->wrapped, h->wrapped_len, key));
	CHECK(b.len == h->len && memcmp(b.p, p, b.len) == 0);
	hz_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t key[HZ_MODEL_KEY];
	struct hz_model_header h;
	size_t need;

	if (size == 0)
		return 0;
	if (hz_model_header_read(data + 1, size - 1, &h, &need) != CKR_OK)
		return 0;
	if (need != 0) {
		CHECK(need > size - 1 && need <= HZ_MODEL_HEADER_MAX);
		return 0;
	}
	CHECK(h.len <= size - 1 && h.len == hz_model_header_len(h.keyspace_len, h.wrapped_len));
	fill(key);
	if (hz_model_header_check(data + 1, &h, key) == CKR_OK)
		reseal(data + 1, &h, key);
	chunks(h.chunk_log2, data[0] != 0 ? data[0] : size, data + 1 + h.len, size - 1 - h.len);
	return 0;
}
