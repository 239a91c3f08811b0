/* SPDX-License-Identifier: Apache-2.0 */
/* Encode, seal, open and check the rows of objects. */
#include "store/row.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/secmem.h"

#define ROW_AAD "hanzo-pkcs11/row/v1"

static struct hz_blob blob_of(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_attr *v = hz_attrs_find(a, type);

	if (v == NULL)
		return (struct hz_blob){ NULL, 0 };
	return (struct hz_blob){ v->len == 0 ? (const uint8_t *)"" : v->value, v->len };
}

/* Everything but id, pub and sec, as the attributes say. */
static void columns(const struct hz_attrs *a, struct hz_row *row)
{
	row->cls = (int64_t)hz_attrs_ulong(a, CKA_CLASS, (CK_ULONG)-1);
	row->kt = (int64_t)hz_attrs_ulong(a, CKA_KEY_TYPE, (CK_ULONG)-1);
	row->priv = hz_attrs_bool(a, CKA_PRIVATE, false);
	row->label = blob_of(a, CKA_LABEL);
	row->cka_id = blob_of(a, CKA_ID);
	row->uid = blob_of(a, CKA_UNIQUE_ID);
}

static bool same_blob(struct hz_blob a, struct hz_blob b)
{
	return (a.p == NULL) == (b.p == NULL) && a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool hz_row_columns_match(const struct hz_row *row, const struct hz_attrs *attrs)
{
	struct hz_row want = { 0 };

	columns(attrs, &want);
	return row->cls == want.cls && row->kt == want.kt && row->priv == want.priv && same_blob(row->label, want.label) &&
	       same_blob(row->cka_id, want.cka_id) && same_blob(row->uid, want.uid);
}

/* Rows that are never written without the data key. */
static bool needs_key(const struct hz_row *row)
{
	return row->priv || row->cls == (int64_t)CKO_PRIVATE_KEY || row->cls == (int64_t)CKO_SECRET_KEY;
}

static bool has_secrets(const struct hz_attrs *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].secret)
			return true;
	return false;
}

/* Associated data: name || u8 length of the serial || serial || u64be id, then the public attributes as they are stored. */
struct row_aad {
	uint8_t head[sizeof ROW_AAD + 1 + 64 + 8];
	struct hz_blob parts[2];
};

static bool make_aad(const struct hz_row_ctx *ctx, const struct hz_row *row, struct row_aad *aad)
{
	size_t n = strlen(ctx->serial), at = sizeof ROW_AAD - 1;

	if (n > 64)
		return false;
	memcpy(aad->head, ROW_AAD, at);
	aad->head[at++] = (uint8_t)n;
	memcpy(aad->head + at, ctx->serial, n);
	at += n;
	for (int shift = 56; shift >= 0; shift -= 8)
		aad->head[at++] = (uint8_t)(row->id >> shift);
	aad->parts[0] = (struct hz_blob){ aad->head, at };
	aad->parts[1] = row->pub;
	return true;
}

static CK_RV seal_row(const struct hz_row_ctx *ctx, const struct hz_attrs *attrs, struct hz_row *row, struct hz_buf *sec)
{
	struct hz_buf plain = HZ_BUF_SECRET;
	struct row_aad aad;
	CK_RV rv = CKR_HOST_MEMORY;
	uint8_t *out;

	if (!hz_attrs_write(attrs, true, &plain))
		goto out;
	out = hz_buf_room(sec, plain.len + HZ_AEAD_EXTRA);
	if (out == NULL)
		goto out;
	if (!make_aad(ctx, row, &aad) ||
	    !hz_aead_seal(ctx->key->key, aad.parts, 2, (struct hz_blob){ plain.p, plain.len }, out)) {
		rv = hz_fail(CKR_FUNCTION_FAILED, "sealing an object failed");
		goto out;
	}
	row->sec = (struct hz_blob){ sec->p, sec->len };
	rv = CKR_OK;
out:
	hz_buf_free(&plain);
	return rv;
}

CK_RV hz_row_encode(const struct hz_row_ctx *ctx, uint64_t id, const struct hz_attrs *attrs, struct hz_row *row,
		    struct hz_row_mem *mem)
{
	*row = (struct hz_row){ .id = id };
	columns(attrs, row);
	if (!hz_attrs_write(attrs, false, &mem->pub))
		return CKR_HOST_MEMORY;
	row->pub = (struct hz_blob){ mem->pub.p, mem->pub.len };
	if (ctx->key != NULL)
		return seal_row(ctx, attrs, row, &mem->sec);
	if (!needs_key(row) && !has_secrets(attrs))
		return CKR_OK;
	return ctx->open_token ? hz_fail(CKR_TEMPLATE_INCONSISTENT, "this token keeps public objects only")
			       : hz_fail(CKR_USER_NOT_LOGGED_IN, "a private object needs a login");
}

void hz_row_mem_free(struct hz_row_mem *m)
{
	hz_buf_free(&m->pub);
	hz_buf_free(&m->sec);
}

static CK_RV changed(const struct hz_row_ctx *ctx, const struct hz_row *row, const char *what)
{
	hz_log(HZ_LOG_ERROR, "token %s: object %" PRIu64 " is refused: %s", ctx->serial, row->id, what);
	return hz_fail(CKR_DEVICE_ERROR, "object %" PRIu64 " is refused: %s", row->id, what);
}

/* Read attributes that must fill the blob exactly. */
static bool read_all(struct hz_attrs *a, bool secret, struct hz_blob b)
{
	struct hz_reader r = hz_rd(b.p, b.n);

	return b.p != NULL && hz_attrs_read(a, secret, &r) && hz_rd_end(&r);
}

/* Open the sealed half into *out, which holds the public one. */
static CK_RV open_secrets(const struct hz_row_ctx *ctx, const struct hz_row *row, struct hz_attrs *out)
{
	size_t n = row->sec.n < HZ_AEAD_EXTRA ? 0 : row->sec.n - HZ_AEAD_EXTRA;
	uint8_t *plain = hz_secmem_alloc(n + 1);
	struct row_aad aad;
	CK_RV rv = CKR_OK;

	if (plain == NULL)
		return CKR_HOST_MEMORY;
	if (!make_aad(ctx, row, &aad) || !hz_aead_open(ctx->key->key, aad.parts, 2, row->sec, plain))
		rv = changed(ctx, row, "it was changed outside of the module");
	else if (!read_all(out, true, (struct hz_blob){ plain, n }))
		rv = changed(ctx, row, "its secret attributes cannot be read");
	hz_secmem_free(plain);
	return rv;
}

static CK_RV open_row(const struct hz_row_ctx *ctx, const struct hz_row *row, struct hz_attrs *out, bool *checked)
{
	CK_RV rv;

	if (row->priv && ctx->key == NULL && !ctx->open_token)
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "a private object needs a login");
	if (!read_all(out, false, row->pub))
		return changed(ctx, row, "its attributes cannot be read");
	if (!hz_row_columns_match(row, out))
		return changed(ctx, row, "its index says something else than its attributes");
	if (row->sec.p == NULL && needs_key(row))
		return changed(ctx, row, "a private object or key without its seal");
	if (row->sec.p != NULL && ctx->key != NULL) {
		rv = open_secrets(ctx, row, out);
		if (rv != CKR_OK)
			return rv;
		*checked = true;
	}
	/* Nobody vouches for the mark: it must not reach a later, authenticated update of the row. */
	if (!*checked && hz_attrs_find(out, CKA_TRUSTED) != NULL)
		return hz_attrs_set_bool(out, CKA_TRUSTED, false);
	return CKR_OK;
}

CK_RV hz_row_open(const struct hz_row_ctx *ctx, const struct hz_row *row, struct hz_attrs *out, bool *checked)
{
	CK_RV rv;

	*checked = false;
	*out = (struct hz_attrs)HZ_ATTRS_INIT;
	rv = open_row(ctx, row, out, checked);
	if (rv != CKR_OK) {
		*checked = false;
		hz_attrs_free(out);
		*out = (struct hz_attrs)HZ_ATTRS_INIT;
	}
	return rv;
}
