/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: rows of the store, as somebody with write access to the database could make them. Input: flags u8, class and key type
 * (one byte each, signed), then label, cka_id, uid, public attributes and the rest, each of the first four with a u16be length
 * (0xffff: NULL). The rest is the sealed blob as it is, or, with flag 1, a plaintext that is sealed with the right key first, so that
 * the reader behind the seal is reached too.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEAL = 1, KEY = 2, OPEN_TOKEN = 4, PRIVATE = 8, NO_SEAL = 16 };

static struct hz_blob take(struct hz_reader *r)
{
	uint16_t n = hz_rd_u16be(r);
	struct hz_blob b = { NULL, 0 };

	if (n == 0xffff || !hz_rd_ok(r))
		return b;
	b.p = hz_rd_bytes(r, n);
	b.n = b.p == NULL ? 0 : n;
	return b;
}

/* The associated data that row.c documents. */
static void seal(const struct hz_datakey *key, struct hz_row *row, struct hz_blob plain, struct hz_buf *out)
{
	struct hz_buf head = HZ_BUF_INIT;
	struct hz_blob aad[2];
	uint8_t *p = hz_buf_room(out, plain.n + HZ_AEAD_EXTRA);

	hz_buf_str(&head, "hanzo-pkcs11/row/v1");
	hz_buf_u8(&head, 4);
	hz_buf_str(&head, "fuzz");
	hz_buf_be64(&head, row->id);
	aad[0] = (struct hz_blob){ head.p, head.len };
	aad[1] = row->pub;
	if (p == NULL || head.failed || !hz_aead_seal(key->key, aad, 2, plain, p))
		abort();
	row->sec = (struct hz_blob){ out->p, out->len };
	hz_buf_free(&head);
}

static bool same(const struct hz_attrs *a, const struct hz_attrs *b)
{
	struct hz_buf x = HZ_BUF_INIT, y = HZ_BUF_INIT;
	bool equal = hz_attrs_write(a, false, &x) && hz_attrs_write(a, true, &x) && hz_attrs_write(b, false, &y) &&
		     hz_attrs_write(b, true, &y) && x.len == y.len && memcmp(x.p, y.p, x.len) == 0;

	hz_buf_free(&x);
	hz_buf_free(&y);
	return equal;
}

/* What comes out must go in again and come out the same. */
static void again(const struct hz_row_ctx *ctx, const struct hz_row *row, const struct hz_attrs *a)
{
	struct hz_row_mem mem = HZ_ROW_MEM_INIT;
	struct hz_attrs back;
	struct hz_row copy;
	bool checked;

	if (hz_row_encode(ctx, row->id, a, &copy, &mem) != CKR_OK || copy.priv != row->priv || copy.cls != row->cls ||
	    hz_row_open(ctx, &copy, &back, &checked) != CKR_OK || !checked || !same(&back, a))
		abort();
	hz_attrs_free(&back);
	hz_row_mem_free(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hz_datakey *key;
	struct hz_reader r = hz_rd(data, size);
	struct hz_buf sealed = HZ_BUF_INIT;
	struct hz_row row = { .id = 7 };
	struct hz_attrs out;
	uint8_t flags = hz_rd_u8(&r);
	struct hz_row_ctx ctx = { "fuzz", (flags & OPEN_TOKEN) != 0, NULL };
	bool checked;

	if (key == NULL) {
		(void)hz_log_open("none", false);
		key = hz_datakey_new((const uint8_t *)"0123456789abcdef");
		if (key == NULL)
			abort();
	}
	if ((flags & KEY) != 0 && (flags & OPEN_TOKEN) == 0)
		ctx.key = key;
	row.priv = (flags & PRIVATE) != 0;
	row.cls = (int8_t)hz_rd_u8(&r);
	row.kt = (int8_t)hz_rd_u8(&r);
	row.label = take(&r);
	row.cka_id = take(&r);
	row.uid = take(&r);
	row.pub = take(&r);
	if ((flags & NO_SEAL) == 0) {
		row.sec.n = hz_rd_left(&r);
		row.sec.p = hz_rd_bytes(&r, row.sec.n);
		if (row.sec.p == NULL)
			row.sec = (struct hz_blob){ (const uint8_t *)"", 0 };
	}
	if ((flags & SEAL) != 0 && row.sec.p != NULL)
		seal(key, &row, row.sec, &sealed);
	if (hz_row_open(&ctx, &row, &out, &checked) == CKR_OK) {
		if (checked != (ctx.key != NULL && row.sec.p != NULL))
			abort();
		if (checked)
			again(&ctx, &row, &out);
	} else if (out.n != 0 || checked) {
		abort();
	}
	hz_attrs_free(&out);
	hz_buf_free(&sealed);
	return 0;
}
