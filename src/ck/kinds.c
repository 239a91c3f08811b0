/* SPDX-License-Identifier: Apache-2.0 */
/* The kind of every attribute type, and the shape that a value of each kind must have. */
#include <stdlib.h>
#include <string.h>

#include "ck/schema.h"
#include "hanzo-pkcs11.h"

struct kind_row {
	CK_ATTRIBUTE_TYPE type;
	enum hz_kind kind;
};

#define X(type, kind) { type, kind },
static const struct kind_row kinds[] = {
#include "ck/attr_list.h"
};
#undef X

static int
by_type(const void *key, const void *elem)
{
	CK_ATTRIBUTE_TYPE t = *(const CK_ATTRIBUTE_TYPE *)key, e = ((const struct kind_row *)elem)->type;

	return t < e ? -1 : t > e;
}

bool
hz_attr_kind(CK_ATTRIBUTE_TYPE type, enum hz_kind *kind)
{
	const struct kind_row *hit = bsearch(&type, kinds, sizeof kinds / sizeof *kinds, sizeof *kinds, by_type);

	if (hit != NULL)
		*kind = hit->kind;
	return hit != NULL;
}

static unsigned
digits(const CK_CHAR *p, size_t n, bool *ok)
{
	unsigned v = 0;

	for (size_t i = 0; i < n; i++) {
		*ok = *ok && p[i] >= '0' && p[i] <= '9';
		v = 10 * v + (unsigned)(p[i] - '0');
	}
	return v;
}

/* YYYYMMDD in ASCII; an empty date says "none" (3.1 section 3.4). */
static bool
date_ok(const CK_DATE *d)
{
	bool ok = true;
	unsigned month, day;

	(void)digits(d->year, sizeof d->year, &ok);
	month = digits(d->month, sizeof d->month, &ok);
	day = digits(d->day, sizeof d->day, &ok);
	return ok && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

bool
hz_kind_len_ok(enum hz_kind kind, size_t len)
{
	switch (kind) {
	case HZ_K_BOOL:
		return len == sizeof(CK_BBOOL);
	case HZ_K_ULONG:
		return len == sizeof(CK_ULONG);
	case HZ_K_DATE:
		return len == 0 || len == sizeof(CK_DATE);
	case HZ_K_MECHS:
		return len % sizeof(CK_MECHANISM_TYPE) == 0 && len / sizeof(CK_MECHANISM_TYPE) <= HZ_ATTRS_MAX;
	case HZ_K_TEMPLATE:
		return len % sizeof(CK_ATTRIBUTE) == 0;
	case HZ_K_BYTES:
	case HZ_K_BIGINT:
	case HZ_K_STRING:
		break;
	}
	return len <= HZ_ATTR_MAX_LEN;
}

bool
hz_kind_ok(enum hz_kind kind, const void *value, size_t len)
{
	if (!hz_kind_len_ok(kind, len))
		return false;
	if (kind == HZ_K_BOOL)
		return *(const CK_BBOOL *)value <= CK_TRUE;
	return kind != HZ_K_DATE || len == 0 || date_ok(value);
}
