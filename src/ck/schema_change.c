/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of existing objects, whole or not at all: C_SetAttributeValue and C_CopyObject. */
#include <string.h>

#include "base/error.h"
#include "ck/names.h"
#include "ck/schema_table.h"
#include "hanzo-pkcs11.h"

struct changing {
	const struct hz_def *def;
	const struct hz_attrs *object;
	bool copy; /* C_CopyObject */
	bool so;
};

/* No limit is the widest: an absent count of uses, a rate of 0. */
static CK_ULONG
width(CK_ATTRIBUTE_TYPE type, CK_ULONG v)
{
	return type == CKA_HANZO_RATE_LIMIT && v == 0 ? CK_UNAVAILABLE_INFORMATION : v;
}

static CK_RV
check_limit(const struct changing *c, const struct hz_attr *at)
{
	CK_ULONG absent = at->type == CKA_HANZO_RATE_LIMIT ? 0 : CK_UNAVAILABLE_INFORMATION;
	CK_ULONG now = hz_attrs_ulong(c->object, at->type, absent), then;

	memcpy(&then, at->value, sizeof then);
	if (!c->so && width(at->type, then) > width(at->type, now))
		return hz_fail(CKR_ATTRIBUTE_READ_ONLY, "only the SO loosens %s", hz_cka_name(at->type));
	return CKR_OK;
}

/* Booleans with a direction. Saying again what already is changes nothing and is allowed. */
static CK_RV
check_direction(const struct changing *c, const struct hz_row *row, const struct hz_attr *at)
{
	bool then = *(const CK_BBOOL *)at->value != CK_FALSE;
	bool now = hz_attrs_bool(c->object, at->type, (row->rules & HZ_R_UP) != 0);

	if (now == then)
		return CKR_OK;
	if (at->type == CKA_PRIVATE && !then)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "a copy of a private object is private");
	if ((row->rules & HZ_R_UP) && !then)
		return hz_fail(CKR_ATTRIBUTE_READ_ONLY, "%s cannot become FALSE", hz_cka_name(at->type));
	if ((row->rules & HZ_R_DOWN) && then)
		return hz_fail(CKR_ATTRIBUTE_READ_ONLY, "%s cannot become TRUE", hz_cka_name(at->type));
	if ((row->rules & HZ_R_SO) && then && !c->so)
		return hz_fail(CKR_ATTRIBUTE_READ_ONLY, "only the SO sets %s", hz_cka_name(at->type));
	return CKR_OK;
}

/* Does this give a trusted key a use that it had not when the SO trusted it? */
static bool
widens_trusted(const struct changing *c, const struct hz_row *row, const struct hz_attr *at)
{
	bool usage = row->dflt == HZ_D_USAGE || at->type == CKA_DERIVE;

	return usage && !c->so && hz_attrs_bool(c->object, CKA_TRUSTED, false) && *(const CK_BBOOL *)at->value != CK_FALSE &&
	       !hz_attrs_bool(c->object, at->type, false);
}

static bool
repeats(const struct changing *c, const struct hz_attr *at)
{
	const struct hz_attr *have = hz_attrs_find(c->object, at->type);

	return c->copy && have != NULL && !hz_schema_hides(c->object, at->type) && hz_attr_equal(have, at);
}

static CK_RV
check_one(const struct changing *c, const struct hz_attr *at)
{
	const struct hz_row *row = c->def != NULL ? hz_def_row(c->def, at->type) : NULL;
	unsigned changeable = HZ_R_SET | HZ_R_SO | HZ_R_TIGHTEN | (c->copy ? HZ_R_COPY : 0);

	if (row == NULL)
		return hz_fail(CKR_ATTRIBUTE_TYPE_INVALID, "the object has no %s", hz_cka_name(at->type));
	if (!(row->rules & changeable) && !repeats(c, at))
		return hz_fail(CKR_ATTRIBUTE_READ_ONLY, "%s cannot be changed", hz_cka_name(at->type));
	if (widens_trusted(c, row, at))
		return hz_fail(CKR_ATTRIBUTE_READ_ONLY, "only the SO gives a trusted key %s", hz_cka_name(at->type));
	if (row->rules & HZ_R_TIGHTEN)
		return check_limit(c, at);
	if (row->rules & (HZ_R_UP | HZ_R_DOWN | HZ_R_SO))
		return check_direction(c, row, at);
	return CKR_OK;
}

static CK_RV
apply(struct hz_attrs *out, const struct changing *c, const struct hz_attrs *change)
{
	CK_RV rv = CKR_OK;

	*out = (struct hz_attrs)HZ_ATTRS_INIT;
	for (size_t i = 0; i < change->n && rv == CKR_OK; i++)
		rv = check_one(c, &change->v[i]);
	if (rv == CKR_OK)
		rv = hz_attrs_dup(out, c->object);
	for (size_t i = 0; i < change->n && rv == CKR_OK; i++)
		rv = hz_attrs_set_from(out, &change->v[i]);
	if (rv == CKR_OK && c->def != NULL)
		rv = hz_schema_values(c->def, out);
	if (rv == CKR_OK && c->def != NULL)
		rv = hz_schema_place(c->def, out);
	if (rv != CKR_OK)
		hz_attrs_free(out);
	return rv;
}

CK_RV
hz_schema_change(struct hz_attrs *out, const struct hz_attrs *object, const struct hz_attrs *change, bool so)
{
	struct changing c = { .def = hz_def_of(object), .object = object, .so = so };

	*out = (struct hz_attrs)HZ_ATTRS_INIT;
	if (!hz_attrs_bool(object, CKA_MODIFIABLE, true))
		return hz_fail(CKR_ACTION_PROHIBITED, "CKA_MODIFIABLE is FALSE");
	return apply(out, &c, change);
}

CK_RV
hz_schema_copy(struct hz_attrs *out, const struct hz_attrs *object, const struct hz_attrs *change, bool so)
{
	struct changing c = { .def = hz_def_of(object), .object = object, .copy = true, .so = so };
	CK_RV rv;

	*out = (struct hz_attrs)HZ_ATTRS_INIT;
	if (!hz_attrs_bool(object, CKA_COPYABLE, true))
		return hz_fail(CKR_ACTION_PROHIBITED, "CKA_COPYABLE is FALSE");
	rv = apply(out, &c, change);
	if (rv == CKR_OK)
		hz_attrs_remove(out, CKA_UNIQUE_ID);
	return rv;
}

CK_RV
hz_schema_allows(const struct hz_attrs *key, CK_MECHANISM_TYPE mech)
{
	const struct hz_attr *at = hz_attrs_find(key, CKA_ALLOWED_MECHANISMS);
	const CK_MECHANISM_TYPE *list = at != NULL ? at->value : NULL;

	if (at == NULL)
		return CKR_OK;
	for (size_t i = 0; i < at->len / sizeof *list; i++) {
		if (list[i] == mech)
			return CKR_OK;
	}
	return hz_fail(CKR_MECHANISM_INVALID, "CKA_ALLOWED_MECHANISMS does not name %s", hz_ckm_name(mech));
}
