/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute sets: sorted arrays of owned values, secrets in secret memory, nested templates as sets of their own. */
#include "ck/attrs.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/secmem.h"
#include "ck/schema.h"

static void
value_free(struct hz_attr *at)
{
	if (at->nested && at->value != NULL) {
		hz_attrs_free(at->value);
		free(at->value);
	} else if (at->secret) {
		hz_secmem_free(at->value);
	} else {
		free(at->value);
	}
	at->value = NULL;
	at->len = 0;
}

/* A copy of len bytes in the memory that `secret` asks for; NULL with *ok true when there is nothing to copy. */
static void *
bytes_dup(const void *p, size_t len, bool secret, bool *ok)
{
	void *copy;

	*ok = true;
	if (len == 0)
		return NULL;
	copy = secret ? hz_secmem_dup(p, len) : malloc(len);
	if (copy == NULL)
		*ok = false;
	else if (!secret)
		memcpy(copy, p, len);
	return copy;
}

static struct hz_attrs *
nested_dup(const struct hz_attrs *in)
{
	struct hz_attrs *copy = malloc(sizeof *copy);

	if (copy != NULL && hz_attrs_dup(copy, in) != CKR_OK) {
		free(copy);
		copy = NULL;
	}
	return copy;
}

static bool
attr_dup(struct hz_attr *out, const struct hz_attr *in)
{
	bool ok;

	*out = *in;
	if (!in->nested) {
		out->value = bytes_dup(in->value, in->len, in->secret, &ok);
		return ok;
	}
	out->value = nested_dup(in->value);
	return out->value != NULL;
}

/* Index of the first attribute whose type is not below `type`. */
static size_t
lower_bound(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type)
{
	size_t lo = 0, hi = a->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (a->v[mid].type < type)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool
grow(struct hz_attrs *a)
{
	size_t cap = a->cap != 0 ? 2 * a->cap : 16;
	struct hz_attr *v;

	if (a->n < a->cap)
		return true;
	v = realloc(a->v, cap * sizeof *v);
	if (v == NULL)
		return false;
	a->v = v;
	a->cap = cap;
	return true;
}

/* Take over *at, replacing an attribute of the same type; on failure *at is released. */
static CK_RV
put_take(struct hz_attrs *a, struct hz_attr *at)
{
	size_t i = lower_bound(a, at->type);

	if (i < a->n && a->v[i].type == at->type) {
		value_free(&a->v[i]);
		a->v[i] = *at;
		return CKR_OK;
	}
	if (!grow(a)) {
		value_free(at);
		return hz_fail(CKR_HOST_MEMORY, "no memory for an attribute");
	}
	memmove(a->v + i + 1, a->v + i, (a->n - i) * sizeof *a->v);
	a->v[i] = *at;
	a->n++;
	return CKR_OK;
}

void
hz_attrs_free(struct hz_attrs *a)
{
	for (size_t i = 0; i < a->n; i++)
		value_free(&a->v[i]);
	free(a->v);
	*a = (struct hz_attrs)HZ_ATTRS_INIT;
}

void
hz_attrs_move(struct hz_attrs *out, struct hz_attrs *in)
{
	*out = *in;
	*in = (struct hz_attrs)HZ_ATTRS_INIT;
}

CK_RV
hz_attrs_dup(struct hz_attrs *out, const struct hz_attrs *in)
{
	*out = (struct hz_attrs)HZ_ATTRS_INIT;
	if (in->n == 0)
		return CKR_OK;
	out->v = calloc(in->n, sizeof *out->v);
	out->cap = out->v != NULL ? in->n : 0;
	for (size_t i = 0; out->v != NULL && i < in->n && attr_dup(&out->v[i], &in->v[i]); i++)
		out->n++;
	if (out->n == in->n)
		return CKR_OK;
	hz_attrs_free(out);
	return hz_fail(CKR_HOST_MEMORY, "no memory for %zu attributes", in->n);
}

const struct hz_attr *
hz_attrs_find(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type)
{
	size_t i = lower_bound(a, type);

	return i < a->n && a->v[i].type == type ? &a->v[i] : NULL;
}

bool
hz_attrs_bool(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool absent)
{
	const struct hz_attr *at = hz_attrs_find(a, type);

	return at != NULL && at->len == sizeof(CK_BBOOL) ? *(const CK_BBOOL *)at->value != CK_FALSE : absent;
}

CK_ULONG
hz_attrs_ulong(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, CK_ULONG absent)
{
	const struct hz_attr *at = hz_attrs_find(a, type);
	CK_ULONG v = absent;

	if (at != NULL && !at->nested && at->len == sizeof v)
		memcpy(&v, at->value, sizeof v);
	return v;
}

CK_RV
hz_attrs_set(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, const void *value, size_t len, bool secret)
{
	bool ok;
	struct hz_attr at = { .type = type, .value = bytes_dup(value, len, secret, &ok), .len = len, .secret = secret };

	if (!ok)
		return hz_fail(CKR_HOST_MEMORY, "no memory for an attribute of %zu bytes", len);
	return put_take(a, &at);
}

CK_RV
hz_attrs_set_bool(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool v)
{
	CK_BBOOL b = v ? CK_TRUE : CK_FALSE;

	return hz_attrs_set(a, type, &b, sizeof b, false);
}

CK_RV
hz_attrs_set_ulong(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, CK_ULONG v)
{
	return hz_attrs_set(a, type, &v, sizeof v, false);
}

CK_RV
hz_attrs_set_nested(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, const struct hz_attrs *nested)
{
	struct hz_attr at = { .type = type, .len = nested->n * sizeof(CK_ATTRIBUTE), .nested = true };

	for (size_t i = 0; i < nested->n; i++)
		at.secret |= nested->v[i].secret;
	at.value = nested_dup(nested);
	if (at.value == NULL)
		return CKR_HOST_MEMORY;
	return put_take(a, &at);
}

CK_RV
hz_attrs_set_from(struct hz_attrs *a, const struct hz_attr *from)
{
	struct hz_attr at;

	if (!attr_dup(&at, from))
		return hz_fail(CKR_HOST_MEMORY, "no memory for an attribute of %zu bytes", from->len);
	return put_take(a, &at);
}

CK_RV
hz_attrs_mark_secret(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool secret)
{
	const struct hz_attr *at = hz_attrs_find(a, type);
	struct hz_attr moved;
	bool ok;

	if (at == NULL || at->nested || at->secret == secret)
		return CKR_OK;
	moved = *at;
	moved.secret = secret;
	moved.value = bytes_dup(at->value, at->len, secret, &ok);
	if (!ok)
		return hz_fail(CKR_HOST_MEMORY, "no secret memory for %zu bytes", at->len);
	if (secret && at->len != 0)
		hz_wipe(at->value, at->len);
	return put_take(a, &moved);
}

void
hz_attrs_remove(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type)
{
	size_t i = lower_bound(a, type);

	if (i == a->n || a->v[i].type != type)
		return;
	value_free(&a->v[i]);
	a->n--;
	memmove(a->v + i, a->v + i + 1, (a->n - i) * sizeof *a->v);
}

const struct hz_attrs *
hz_attrs_nested(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_attr *at = hz_attrs_find(a, type);

	return at != NULL && at->nested ? at->value : NULL;
}

static bool
sets_equal(const struct hz_attrs *x, const struct hz_attrs *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++) {
		if (!hz_attr_equal(&x->v[i], &y->v[i]))
			return false;
	}
	return true;
}

bool
hz_attr_equal(const struct hz_attr *x, const struct hz_attr *y)
{
	if (x->type != y->type || x->nested != y->nested || x->len != y->len)
		return false;
	if (x->nested)
		return sets_equal(x->value, y->value);
	if (x->len == 0)
		return true;
	return x->secret || y->secret ? hz_ct_equal(x->value, y->value, x->len) : memcmp(x->value, y->value, x->len) == 0;
}

bool
hz_attrs_match(const struct hz_attrs *a, const struct hz_attrs *tmpl)
{
	for (size_t i = 0; i < tmpl->n; i++) {
		const struct hz_attr *have = hz_attrs_find(a, tmpl->v[i].type);

		if (have == NULL || hz_schema_hides(a, have->type) || !hz_attr_equal(have, &tmpl->v[i]))
			return false;
	}
	return true;
}

CK_ULONG
hz_attrs_size(const struct hz_attrs *a)
{
	CK_ULONG sum = 0;

	for (size_t i = 0; i < a->n; i++)
		sum += sizeof(CK_ATTRIBUTE) + (a->v[i].nested ? hz_attrs_size(a->v[i].value) : a->v[i].len);
	return sum;
}
