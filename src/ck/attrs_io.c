/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute sets as portable bytes, for rows of the store; reading refuses everything that writing cannot have made. */
#include <limits.h>
#include <string.h>

#include "base/secmem.h"
#include "ck/attrs.h"
#include "ck/schema.h"

#define FORMAT_VERSION 1

/* How a value travels; a type without a kind (the backend's own) is bytes. */
static enum hz_kind
wire_kind(CK_ATTRIBUTE_TYPE type)
{
	enum hz_kind kind;

	return hz_attr_kind(type, &kind) ? kind : HZ_K_BYTES;
}

/* ~0 keeps its meaning ("unavailable", "infinite") whatever the width of CK_ULONG. */
static uint64_t
to_wire(CK_ULONG v)
{
	return v == CK_UNAVAILABLE_INFORMATION ? UINT64_MAX : v;
}

static bool
from_wire(uint64_t w, CK_ULONG *v)
{
	*v = w == UINT64_MAX ? CK_UNAVAILABLE_INFORMATION : (CK_ULONG)w;
	return w == UINT64_MAX || w < ULONG_MAX;
}

static bool
write_ulongs(const struct hz_attr *at, struct hz_buf *out)
{
	size_t n = at->len / sizeof(CK_ULONG);

	if (at->len % sizeof(CK_ULONG) != 0)
		return false;
	hz_buf_be64(out, 8 * (uint64_t)n);
	for (size_t i = 0; i < n; i++) {
		CK_ULONG v;

		memcpy(&v, (const uint8_t *)at->value + i * sizeof v, sizeof v);
		hz_buf_be64(out, to_wire(v));
	}
	return true;
}

static bool write_all(const struct hz_attrs *a, struct hz_buf *out);

static bool
write_nested(const struct hz_attr *at, struct hz_buf *out)
{
	struct hz_buf inner = HZ_BUF_INIT;
	bool ok;

	inner.secret = at->secret;
	ok = write_all(at->value, &inner) && !inner.failed;
	if (ok) {
		hz_buf_be64(out, inner.len);
		hz_buf_add(out, inner.p, inner.len);
	}
	hz_buf_free(&inner);
	return ok;
}

static bool
write_one(const struct hz_attr *at, struct hz_buf *out)
{
	enum hz_kind kind = wire_kind(at->type);

	hz_buf_be64(out, to_wire(at->type));
	if (at->nested)
		return write_nested(at, out);
	if (kind == HZ_K_ULONG || kind == HZ_K_MECHS)
		return write_ulongs(at, out);
	hz_buf_be64(out, at->len);
	hz_buf_add(out, at->value, at->len);
	return true;
}

/* A nested set travels whole: the flag of the attribute that holds it decides in which half. */
static bool
write_all(const struct hz_attrs *a, struct hz_buf *out)
{
	hz_buf_u8(out, FORMAT_VERSION);
	for (size_t i = 0; i < a->n; i++) {
		if (!write_one(&a->v[i], out))
			return false;
	}
	return !out->failed;
}

bool
hz_attrs_write(const struct hz_attrs *a, bool secret, struct hz_buf *out)
{
	hz_buf_u8(out, FORMAT_VERSION);
	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].secret == secret && !write_one(&a->v[i], out))
			return false;
	}
	return !out->failed;
}

static bool
read_ulongs(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool secret, struct hz_reader *r, bool single)
{
	CK_ULONG buf[HZ_ATTRS_MAX];
	size_t n = hz_rd_left(r) / 8;
	bool ok = true;

	if (hz_rd_left(r) % 8 != 0 || n > HZ_ATTRS_MAX || (single && n != 1))
		return false;
	for (size_t i = 0; i < n; i++)
		ok = from_wire(hz_rd_u64be(r), &buf[i]) && ok;
	return ok && hz_attrs_set(a, type, buf, n * sizeof *buf, secret) == CKR_OK;
}

static bool read_level(struct hz_attrs *a, bool secret, struct hz_reader *r, unsigned depth);

static bool
read_nested(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool secret, struct hz_reader *r, unsigned depth)
{
	struct hz_attrs inner = HZ_ATTRS_INIT;
	bool ok = depth < HZ_ATTRS_MAX_DEPTH && read_level(&inner, secret, r, depth + 1);

	ok = ok && hz_attrs_set_nested(a, type, &inner) == CKR_OK;
	/* A set without a secret anywhere in it belongs to the public half. */
	ok = ok && (depth != 0 || hz_attrs_find(a, type)->secret == secret);
	hz_attrs_free(&inner);
	return ok;
}

static bool
read_bytes(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, enum hz_kind kind, bool secret, struct hz_reader *r)
{
	size_t len = hz_rd_left(r);
	const uint8_t *p = hz_rd_bytes(r, len);

	if (kind == HZ_K_BOOL && (len != 1 || *p > 1))
		return false;
	if (kind == HZ_K_DATE && len != 0 && len != sizeof(CK_DATE))
		return false;
	return len <= HZ_ATTR_MAX_LEN && hz_attrs_set(a, type, p, len, secret) == CKR_OK;
}

static bool
read_one(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool secret, struct hz_reader *value, unsigned depth)
{
	enum hz_kind kind = wire_kind(type);

	if (kind == HZ_K_TEMPLATE)
		return read_nested(a, type, secret, value, depth);
	if (kind == HZ_K_ULONG || kind == HZ_K_MECHS)
		return read_ulongs(a, type, secret, value, kind == HZ_K_ULONG);
	return read_bytes(a, type, kind, secret, value);
}

static bool
read_level(struct hz_attrs *a, bool secret, struct hz_reader *r, unsigned depth)
{
	uint64_t last = 0;
	bool first = true;

	if (hz_rd_u8(r) != FORMAT_VERSION)
		return false;
	while (hz_rd_left(r) > 0) {
		uint64_t wire = hz_rd_u64be(r), len = hz_rd_u64be(r);
		struct hz_reader value;
		CK_ATTRIBUTE_TYPE type;

		if (!hz_rd_ok(r) || len > hz_rd_left(r) || !from_wire(wire, &type) || a->n >= HZ_ATTRS_MAX)
			return false;
		if ((!first && wire <= last) || hz_attrs_find(a, type) != NULL)
			return false;
		value = hz_rd_sub(r, (size_t)len);
		if (!read_one(a, type, secret, &value, depth))
			return false;
		last = wire;
		first = false;
	}
	return hz_rd_end(r);
}

bool
hz_attrs_read(struct hz_attrs *a, bool secret, struct hz_reader *r)
{
	return read_level(a, secret, r, 0);
}
