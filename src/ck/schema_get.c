/* SPDX-License-Identifier: Apache-2.0 */
/* C_GetAttributeValue: each entry of the caller's template is one of five cases (PKCS#11 3.1 section 5.7.5). */
#include <string.h>

#include "base/error.h"
#include "ck/names.h"
#include "ck/schema_table.h"
#include "hanzo-pkcs11.h"

/* Codes of single entries; the worst of them is the call's. */
static CK_RV
worse(CK_RV a, CK_RV b)
{
	static const CK_RV order[] = { CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_BUFFER_TOO_SMALL };

	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		if (a == order[i] || b == order[i])
			return order[i];
	}
	return a != CKR_OK ? a : b;
}

/* Cases 3 to 5 for a value of len bytes: *room becomes what the caller reads in ulValueLen. True: copy. */
static bool
fits(const void *to, CK_ULONG *room, size_t len, CK_RV *rv)
{
	bool copy = to != NULL && *room >= len;

	*rv = to == NULL || copy ? CKR_OK : CKR_BUFFER_TOO_SMALL;
	*room = *rv == CKR_OK ? (CK_ULONG)len : CK_UNAVAILABLE_INFORMATION;
	return copy;
}

static CK_RV give(const struct hz_attr *at, void *to, CK_ULONG *len);

/*
 * A nested template: the caller's array has one CK_ATTRIBUTE for each, with room for the value or NULL for its length;
 * the array may lie unaligned.
 */
static CK_RV
give_nested(const struct hz_attrs *set, unsigned char *to)
{
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < set->n; i++) {
		CK_ATTRIBUTE el;

		memcpy(&el, to + i * sizeof el, sizeof el);
		el.type = set->v[i].type;
		if (set->v[i].secret) {
			el.ulValueLen = CK_UNAVAILABLE_INFORMATION;
			rv = worse(rv, CKR_ATTRIBUTE_SENSITIVE);
		} else {
			rv = worse(rv, give(&set->v[i], el.pValue, &el.ulValueLen));
		}
		memcpy(to + i * sizeof el, &el, sizeof el);
	}
	return rv;
}

static CK_RV
give(const struct hz_attr *at, void *to, CK_ULONG *len)
{
	CK_RV rv;

	if (!fits(to, len, at->len, &rv))
		return rv;
	if (at->nested)
		return give_nested(at->value, to);
	if (at->len != 0)
		memcpy(to, at->value, at->len);
	return CKR_OK;
}

/* A nested template that was never set reads as an empty one, which says the same. */
static bool
reads_empty(const struct hz_attrs *object, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_def *def = hz_def_of(object);
	enum hz_kind kind;

	return hz_attr_kind(type, &kind) && kind == HZ_K_TEMPLATE && def != NULL && hz_def_row(def, type) != NULL;
}

static CK_RV
get_one(const struct hz_attrs *object, CK_ATTRIBUTE_TYPE type, void *to, CK_ULONG *len, bool trusted)
{
	static const CK_BBOOL no = CK_FALSE;
	const struct hz_attr none = { .type = type }, untrusted = { .type = type, .value = (void *)&no, .len = sizeof no };
	const struct hz_attr *at = hz_attrs_find(object, type);
	enum hz_kind kind;

	if (!hz_attr_kind(type, &kind)) {
		at = NULL; /* a backend's own attribute does not exist for callers */
	} else if (hz_schema_hides(object, type)) {
		*len = CK_UNAVAILABLE_INFORMATION;
		return hz_fail(CKR_ATTRIBUTE_SENSITIVE, "%s is sensitive", hz_cka_name(type));
	}
	if (at == NULL && reads_empty(object, type))
		at = &none;
	if (at == NULL) {
		*len = CK_UNAVAILABLE_INFORMATION;
		return hz_fail(CKR_ATTRIBUTE_TYPE_INVALID, "the object has no %s", hz_cka_name(type));
	}
	if (type == CKA_TRUSTED && !trusted)
		at = &untrusted;
	return give(at, to, len);
}

CK_RV
hz_schema_get(const struct hz_attrs *object, CK_ATTRIBUTE *tmpl, CK_ULONG count, bool trusted)
{
	CK_RV rv = CKR_OK;

	if ((tmpl == NULL && count != 0) || count > HZ_ATTRS_MAX)
		return hz_fail(CKR_ARGUMENTS_BAD, "a template of %lu attributes that is NULL or too long", count);
	for (CK_ULONG i = 0; i < count; i++) {
		CK_ATTRIBUTE at = tmpl[i];

		rv = worse(rv, get_one(object, at.type, at.pValue, &at.ulValueLen, trusted));
		tmpl[i].ulValueLen = at.ulValueLen;
	}
	if (rv == CKR_BUFFER_TOO_SMALL)
		return hz_fail(rv, "a buffer is too small for its attribute");
	return rv;
}
