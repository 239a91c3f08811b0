/* SPDX-License-Identifier: Apache-2.0 */
/* The model weights format: files made by another implementation, every boundary, every way to damage a file. */
#include "crypto/model.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "soft_sym_help.h"

#define LOG2 16u
#define CHUNK ((size_t)1 << LOG2)
#define SEALED (CHUNK + HZ_MODEL_TAG)
#define MARK 0xee

/*
 * Made with Python's cryptography package: file key 00 .. 1f under the AES key 20 .. 3f, IV 40 .. 4b, keyspace model:acme:llm in its
 * version 1, chunks of 65,536 bytes.
 */
static const char header_hex[] =
	"485a4d4f44454c310110000100000001000e6d6f64656c3a61636d653a6c6c6d003c404142434445464748494a4bc255bf825473c30c5a3b5a2389475f7d039f8f"
	"90e155b1c976e78e1b7cf7d11d5a99ebdf8a864c2e66fd3353dbf79b88ea658a0e8262e8b2dc9f3677cb8ffb1e205527aa7b91b68364eec4a4420e73e3";
static const struct { size_t n; const char *sha256; } files[] = {
	{ 0, "f4a0ed3de407ed384e057a2f6b08ebba281b559502e2dd2b1792583afc7025a0" },
	{ 1, "9d0d3d60d2e98cf56ed8db7ce9bbef871c8401feb65da81050e95cabcd12db57" },
	{ 65536, "5a9f5c94180c27cdcdaceb83a123f0fd98c88d87fbf8f01b4384cdd03fd45e4f" },
	{ 65537, "d878c2e36247ead31879c4c291bab891a18c88648ad1cf1778ab356f03feec2c" },
	{ 131073, "60462bcf23dad37f02daddffdcf0c955d8b7567a2f3164984fe33a5395465ce8" },
};
enum { HEADER = 126 };

static uint8_t file_key[HZ_MODEL_KEY], header[HEADER], plain[4 * CHUNK], sealed[4 * SEALED], out[4 * SEALED];

static void setup(void)
{
	for (unsigned i = 0; i < sizeof file_key; i++)
		file_key[i] = (uint8_t)i;
	ck_assert(hz_hex_decode(header_hex, strlen(header_hex), header, HEADER));
	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (uint8_t)(i * 31 + 7);
}

/* In parts of `step` bytes, the announced lengths held; *len is 0 after a failure. */
static CK_RV run(bool enc, size_t step, const uint8_t *in, size_t n, uint8_t *to, size_t *len)
{
	struct hz_model *m;
	size_t got, done = 0, want;
	CK_RV rv = CKR_OK;

	*len = 0;
	ck_assert_uint_eq(hz_model_new(enc, file_key, LOG2, &m), CKR_OK);
	for (size_t at = 0; rv == CKR_OK && at < n; at += step) {
		size_t part = n - at < step ? n - at : step;

		want = hz_model_update_len(m, part);
		rv = hz_model_update(m, in + at, part, to + done, &got);
		if (got != (rv == CKR_OK ? want : 0)) /* an assertion that holds takes a system call */
			ck_abort_msg("%zu bytes where %zu were told", got, want);
		done += got;
	}
	if (rv == CKR_OK) {
		want = hz_model_final_len(m);
		rv = hz_model_final(m, to + done, &got);
		ck_assert_uint_eq(got, rv == CKR_OK ? want : 0);
		done += got;
		ck_assert_uint_ne(hz_model_final(m, to, &got), CKR_OK); /* it has ended */
	} else {
		ck_assert_uint_ne(hz_model_update(m, in, 1, to, &got), CKR_OK);
		ck_assert_uint_eq(got, 0);
	}
	hz_model_free(m);
	if (rv == CKR_OK) {
		ck_assert_uint_eq(done, hz_model_total_len(enc, LOG2, n));
		*len = done;
	}
	return rv;
}

static void refused(const uint8_t *in, size_t n)
{
	size_t len;

	ck_assert_uint_eq(run(false, 70001, in, n, out, &len), CKR_ENCRYPTED_DATA_INVALID);
}

START_TEST(reference)
{
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		uint8_t *file = malloc(HEADER + 4 * SEALED), digest[HZ_HASH_MAX];
		char hex[65];
		size_t len;

		ck_assert_ptr_nonnull(file);
		memcpy(file, header, HEADER);
		ck_assert_uint_eq(run(true, SIZE_MAX / 2, plain, files[i].n, file + HEADER, &len), CKR_OK);
		hz_hash_once(HZ_SHA256, file, HEADER + len, digest);
		for (unsigned k = 0; k < 32; k++)
			snprintf(hex + 2 * k, 3, "%02x", digest[k]);
		ck_assert_str_eq(hex, files[i].sha256);
		free(file);
	}
}
END_TEST

START_TEST(header_both_ways)
{
	struct hz_buf b = HZ_BUF_INIT;
	struct hz_model_header h;
	size_t need;

	ck_assert_uint_eq(hz_model_header_read(header, HEADER, &h, &need), CKR_OK);
	ck_assert_uint_eq(need, 0);
	ck_assert(h.len == HEADER && h.chunk_log2 == LOG2 && h.wrap_alg == HZ_MODEL_GCM && h.key_version == 1 && h.wrapped_len == 60);
	ck_assert(h.keyspace_len == 14 && memcmp(h.keyspace, "model:acme:llm", 14) == 0 && h.m_len == 32);
	ck_assert_uint_eq(hz_model_header_check(header, &h, file_key), CKR_OK);
	ck_assert(hz_model_header_begin(&b, &h));
	ck_assert_uint_eq(b.len, h.m_len);
	ck_assert(hz_model_header_end(&b, h.wrapped, h.wrapped_len, file_key));
	ck_assert_uint_eq(b.len, HEADER);
	ck_assert_mem_eq(b.p, header, HEADER);
	hz_buf_free(&b);
}
END_TEST

/* Each prefix asks for more, and for no more than the header has. */
START_TEST(header_cut)
{
	struct hz_model_header h;
	size_t need, asked = 0, rounds = 0;

	for (size_t n = 0; n < HEADER; n++) {
		uint8_t *exact = malloc(n + 1);

		ck_assert_ptr_nonnull(exact);
		memcpy(exact, header, n);
		ck_assert_uint_eq(hz_model_header_read(exact, n, &h, &need), CKR_OK);
		ck_assert(need > n && need <= HEADER);
		rounds += need != asked;
		asked = need;
		free(exact);
	}
	ck_assert_uint_eq(rounds, 3);
}
END_TEST

/* With every bit of every byte changed: refused as it is read, or by the MAC; the file key is another one where its wrapping is. */
START_TEST(header_changed)
{
	struct hz_model_header h;
	uint8_t *changed = malloc(HEADER + 65536);
	size_t need;

	ck_assert_ptr_nonnull(changed);
	memset(changed, 0, HEADER + 65536);
	memcpy(changed, header, HEADER);
	for (size_t i = 0; i < HEADER; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			CK_RV rv;

			changed[i] ^= (uint8_t)(1u << bit);
			rv = hz_model_header_read(changed, HEADER + 2000, &h, &need);
			if (rv == CKR_OK && need == 0)
				rv = hz_model_header_check(changed, &h, file_key);
			ck_assert_msg(rv == CKR_ENCRYPTED_DATA_INVALID, "byte %zu bit %u: 0x%lx", i, bit, rv);
			changed[i] ^= (uint8_t)(1u << bit);
		}
	free(changed);
	file_key[31] ^= 1;
	ck_assert_uint_eq(hz_model_header_read(header, HEADER, &h, &need), CKR_OK);
	ck_assert_uint_eq(hz_model_header_check(header, &h, file_key), CKR_ENCRYPTED_DATA_INVALID);
}
END_TEST

START_TEST(sizes_and_parts)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4095, 4097, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 4 * CHUNK - 5 };
	static const size_t steps[] = { 1, 17, 4096, CHUNK - 1, CHUNK, CHUNK + 1, SEALED, SEALED + 1, 3 * CHUNK, 8 * CHUNK };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
			size_t len, back;

			if (steps[k] == 1 && sizes[i] > 2 * CHUNK)
				continue;
			ck_assert_uint_eq(run(true, steps[k], plain, sizes[i], sealed, &len), CKR_OK);
			ck_assert_uint_eq(len, sizes[i] + (sizes[i] == 0 ? 1 : (sizes[i] - 1) / CHUNK + 1) * HZ_MODEL_TAG);
			ck_assert_uint_eq(run(false, steps[k], sealed, len, out, &back), CKR_OK);
			ck_assert_uint_eq(back, sizes[i]);
			ck_assert(back == 0 || memcmp(out, plain, back) == 0);
		}
}
END_TEST

START_TEST(cut_and_prolonged)
{
	static const size_t sizes[] = { 0, 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		size_t len;

		ck_assert_uint_eq(run(true, CHUNK, plain, sizes[i], sealed, &len), CKR_OK);
		for (size_t at = 0; at < len; at += SEALED) /* at each boundary and around it */
			for (size_t d = 0; d < 40; d++)
				if (at + d < len)
					refused(sealed, at + d);
		for (size_t d = 1; d < 40 && d <= len; d++)
			refused(sealed, len - d);
		for (size_t d = 1; d < 40; d++) {
			sealed[len + d - 1] = 0;
			refused(sealed, len + d);
		}
	}
}
END_TEST

static void swap(size_t a, size_t b)
{
	memcpy(out, sealed + a * SEALED, SEALED);
	memmove(sealed + a * SEALED, sealed + b * SEALED, SEALED);
	memcpy(sealed + b * SEALED, out, SEALED);
}

START_TEST(reordered)
{
	size_t len;

	ck_assert_uint_eq(run(true, CHUNK, plain, 3 * CHUNK, sealed, &len), CKR_OK);
	for (size_t a = 0; a < 3; a++)
		for (size_t b = a + 1; b < 3; b++) {
			swap(a, b);
			refused(sealed, len);
			swap(a, b);
		}
	memcpy(sealed + SEALED, sealed, SEALED); /* one twice */
	refused(sealed, len);
	ck_assert_uint_eq(run(true, CHUNK, plain, 3 * CHUNK, sealed, &len), CKR_OK);
	memmove(sealed + SEALED, sealed + 2 * SEALED, SEALED); /* one left out */
	refused(sealed, 2 * SEALED);
	ck_assert_uint_eq(run(true, CHUNK, plain, 3 * CHUNK, sealed, &len), CKR_OK);
	refused(sealed + SEALED, 2 * SEALED); /* the first left out */
	/* an empty chunk, well made, as the last of more than one */
	ck_assert_uint_eq(run(true, CHUNK, plain, CHUNK, sealed, &len), CKR_OK);
	ck_assert_uint_eq(run(true, 1, plain, 0, sealed + len, &len), CKR_OK);
	refused(sealed, SEALED + HZ_MODEL_TAG);
}
END_TEST

static bool untouched(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] == MARK)
		n--;
	return n == 0;
}

/* Damage anywhere is found, and nothing of the damaged chunk is in the output then. */
START_TEST(nothing_unauthenticated)
{
	size_t len, n = 2 * CHUNK + 100;

	ck_assert_uint_eq(run(true, CHUNK, plain, n, sealed, &len), CKR_OK);
	for (size_t at = 0; at < len; at += at % SEALED < 20 || at % SEALED > SEALED - 20 || at > 2 * SEALED ? 1 : 4001) {
		size_t got, bad = at / SEALED;

		sealed[at] ^= 0x20;
		memset(out, MARK, n);
		ck_assert_uint_eq(run(false, len, sealed, len, out, &got), CKR_ENCRYPTED_DATA_INVALID);
		ck_assert(bad == 0 || memcmp(out, plain, bad * CHUNK) == 0);
		ck_assert_msg(untouched(out + bad * CHUNK, n - bad * CHUNK), "after damage at %zu", at);
		sealed[at] ^= 0x20;
	}
}
END_TEST

static CK_RV step(enum hz_op_kind kind, struct hz_key *key, const uint8_t *in, size_t n, uint8_t *to, size_t *len)
{
	size_t room = *len, first = room, last;
	struct hz_op *op = NULL;
	CK_RV rv = begin_with(kind, CKM_HANZO_MODEL_WEIGHTS, NULL, 0, key, &op);

	ck_assert_uint_eq(rv, CKR_OK);
	if (op->ops->once != NULL) {
		rv = op->ops->once(op, in, n, to, len);
	} else {
		ck_assert_uint_eq(op->ops->update(op, in, n, to, &first), CKR_OK);
		last = room - first;
		rv = op->ops->final(op, to + first, &last);
		*len = first + last;
	}
	op->ops->free(op);
	return rv;
}

/* A header that says something else than when it was asked for lengths: nothing beyond the room that was told. */
START_TEST(room_is_held_to)
{
	const size_t n = ((size_t)1 << 20) + 50, room = n + 1000;
	uint8_t *text = calloc(1, n), *file = malloc(room), *back = malloc(n);
	struct hz_key *key = key_of(CKK_AES, file_key, sizeof file_key);
	size_t len = room, shorter[] = { n - 1, 1 << 20, 100, 0 };

	ck_assert(text != NULL && file != NULL && back != NULL);
	ck_assert_uint_eq(step(HZ_OP_ENCRYPT, key, text, n, file, &len), CKR_OK);
	for (size_t i = 0; i < sizeof shorter / sizeof shorter[0]; i++) {
		size_t got = shorter[i];

		memset(back, MARK, n);
		ck_assert_uint_eq(step(HZ_OP_DECRYPT, key, file, len, back, &got), CKR_ENCRYPTED_DATA_INVALID);
		ck_assert_uint_eq(got, 0);
		ck_assert_msg(untouched(back + shorter[i], n - shorter[i]), "room for %zu", shorter[i]);
		got = n;
		ck_assert_uint_eq(step(HZ_OP_DECRYPT, key, file, len, back, &got), CKR_OK);
		ck_assert(got == n && memcmp(back, text, n) == 0);
	}
	free(text);
	free(file);
	free(back);
	hz_soft_key_free(key);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model");
	TCase *t = tcase_create("model");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, reference);
	tcase_add_test(t, header_both_ways);
	tcase_add_test(t, header_cut);
	tcase_add_test(t, header_changed);
	tcase_add_test(t, sizes_and_parts);
	tcase_add_test(t, cut_and_prolonged);
	tcase_add_test(t, reordered);
	tcase_add_test(t, nothing_unauthenticated);
	tcase_add_test(t, room_is_held_to);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
