/* SPDX-License-Identifier: Apache-2.0 */
/* Callers' templates become sets of ours: every pointer read once, every value checked against its kind. */
#include <string.h>

#include "base/error.h"
#include "ck/attrs.h"
#include "ck/names.h"
#include "ck/schema.h"

struct copy {
	bool strict;    /* unknown types are refused */
	bool no_secret; /* the template names a class without secrets */
	/* What may still come. A template can name one array many times over, so bounds on each level alone would not end. */
	size_t attrs_left, bytes_left;
};

static bool
is_true(const CK_ATTRIBUTE *at)
{
	return at->pValue != NULL && at->ulValueLen == sizeof(CK_BBOOL) && *(const CK_BBOOL *)at->pValue != CK_FALSE;
}

/* Does the template say that it describes something that holds no secret? A private data object is the user's secret. */
static bool
names_open_class(const CK_ATTRIBUTE *tmpl, CK_ULONG count)
{
	CK_OBJECT_CLASS cls = CK_UNAVAILABLE_INFORMATION;
	bool private = false;

	for (CK_ULONG i = 0; i < count; i++) {
		if (tmpl[i].type == CKA_PRIVATE)
			private |= is_true(&tmpl[i]);
		else if (tmpl[i].type == CKA_CLASS && tmpl[i].pValue != NULL && tmpl[i].ulValueLen == sizeof cls)
			memcpy(&cls, tmpl[i].pValue, sizeof cls);
	}
	return (cls == CKO_DATA && !private) || cls == CKO_CERTIFICATE || cls == CKO_PUBLIC_KEY;
}

/* Add one value; the same type again is fine when it says the same. */
static CK_RV
add(struct hz_attrs *out, const struct hz_attr *at)
{
	const struct hz_attr *have = hz_attrs_find(out, at->type);

	if (have == NULL)
		return hz_attrs_set_from(out, at);
	if (hz_attr_equal(have, at))
		return CKR_OK;
	return hz_fail(CKR_TEMPLATE_INCONSISTENT, "%s is given twice", hz_cka_name(at->type));
}

static CK_RV copy_level(struct hz_attrs *out, const CK_ATTRIBUTE *tmpl, CK_ULONG count, struct copy *how, unsigned depth);

/* A template inside a template; its array may lie unaligned. */
static CK_RV
add_nested(struct hz_attrs *out, const CK_ATTRIBUTE *from, struct copy *how, unsigned depth)
{
	CK_ULONG count = from->ulValueLen / sizeof(CK_ATTRIBUTE);
	struct hz_attrs inner = HZ_ATTRS_INIT;
	struct hz_attr at = { .type = from->type, .len = from->ulValueLen, .nested = true, .value = &inner };
	CK_RV rv;

	if (depth >= HZ_ATTRS_MAX_DEPTH)
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "%s is nested too deeply", hz_cka_name(from->type));
	rv = copy_level(&inner, from->pValue, count, how, depth + 1);
	at.len = inner.n * sizeof(CK_ATTRIBUTE);
	for (size_t i = 0; i < inner.n; i++)
		at.secret |= inner.v[i].secret;
	if (rv == CKR_OK)
		rv = add(out, &at);
	hz_attrs_free(&inner);
	return rv;
}

static CK_RV
bad_value(const CK_ATTRIBUTE *from)
{
	return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "%s has %lu bytes or a value that it cannot have", hz_cka_name(from->type),
		       from->ulValueLen);
}

/* The value as it is kept: RSA's integers without leading zeros, so that one number has one form. */
static CK_RV
add_value(struct hz_attrs *out, const CK_ATTRIBUTE *from, enum hz_kind kind, struct copy *how)
{
	struct hz_attr at = { .type = from->type, .value = from->pValue, .len = from->ulValueLen };
	struct hz_attrs one = HZ_ATTRS_INIT;
	const uint8_t *p = from->pValue;
	CK_RV rv;

	if (!hz_kind_len_ok(kind, at.len) || at.len > how->bytes_left)
		return bad_value(from);
	how->bytes_left -= at.len;
	while (kind == HZ_K_BIGINT && at.len > 1 && *p == 0) {
		p++;
		at.len--;
	}
	at.secret = !how->no_secret && hz_attr_can_be_secret(from->type);
	/* Copied before it is compared or checked: the caller's memory may change meanwhile. */
	rv = hz_attrs_set(&one, at.type, p, at.len, at.secret);
	if (rv == CKR_OK && !hz_kind_ok(kind, one.v[0].value, at.len))
		rv = bad_value(from);
	if (rv == CKR_OK)
		rv = add(out, &one.v[0]);
	hz_attrs_free(&one);
	return rv;
}

static CK_RV
copy_one(struct hz_attrs *out, const CK_ATTRIBUTE *from, struct copy *how, unsigned depth)
{
	enum hz_kind kind = HZ_K_BYTES;

	if (!hz_attr_kind(from->type, &kind) && how->strict)
		return hz_fail(CKR_ATTRIBUTE_TYPE_INVALID, "unknown attribute %s", hz_cka_name(from->type));
	if (from->pValue == NULL && from->ulValueLen != 0)
		return hz_fail(CKR_ARGUMENTS_BAD, "%s is NULL with a length", hz_cka_name(from->type));
	if (kind != HZ_K_TEMPLATE)
		return add_value(out, from, kind, how);
	return hz_kind_len_ok(kind, from->ulValueLen) ? add_nested(out, from, how, depth) : bad_value(from);
}

static CK_RV
copy_level(struct hz_attrs *out, const CK_ATTRIBUTE *tmpl, CK_ULONG count, struct copy *how, unsigned depth)
{
	CK_RV rv = CKR_OK;

	if (count > HZ_ATTRS_MAX || count > how->attrs_left)
		return hz_fail(CKR_ARGUMENTS_BAD, "a template of %lu attributes, or too many within it", count);
	how->attrs_left -= count;
	for (CK_ULONG i = 0; i < count && rv == CKR_OK; i++) {
		CK_ATTRIBUTE at;

		memcpy(&at, (const unsigned char *)(const void *)tmpl + i * sizeof at, sizeof at);
		rv = copy_one(out, &at, how, depth);
	}
	return rv;
}

CK_RV
hz_attrs_copy_in(struct hz_attrs *out, const CK_ATTRIBUTE *tmpl, CK_ULONG count, bool strict)
{
	struct copy how = { .strict = strict, .attrs_left = HZ_ATTRS_MAX_ALL, .bytes_left = HZ_ATTRS_MAX_BYTES };
	CK_RV rv;

	*out = (struct hz_attrs)HZ_ATTRS_INIT;
	if (tmpl == NULL && count != 0)
		return hz_fail(CKR_ARGUMENTS_BAD, "the template is NULL with a count");
	if (count > HZ_ATTRS_MAX)
		return hz_fail(CKR_ARGUMENTS_BAD, "a template of %lu attributes", count);
	how.no_secret = names_open_class(tmpl, count);
	rv = copy_level(out, tmpl, count, &how, 0);
	if (rv != CKR_OK)
		hz_attrs_free(out);
	return rv;
}
