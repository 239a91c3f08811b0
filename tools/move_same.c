/* SPDX-License-Identifier: Apache-2.0 */
/* Is an object at the target already? What makes a migration that was interrupted go on instead of doubling things. */
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "move.h"

static const struct hz_attr *full(const struct thing *t, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_attr *v = hz_attrs_find(&t->a, type);

	return v != NULL && v->len != 0 ? v : NULL;
}

/* The first three octets of zeros under the key, as CKA_CHECK_VALUE has them (PKCS#11 3.1 section 4.10.2). */
static bool check_by_use(const struct end *e, const struct thing *t, uint8_t out[3])
{
	CK_MECHANISM m = { CKM_AES_ECB, NULL, 0 };
	CK_BYTE zeros[16] = { 0 }, block[32];
	CK_ULONG n = sizeof block;

	if (e == NULL || t->h == CK_INVALID_HANDLE || t->kt != CKK_AES || !hz_attrs_bool(&t->a, CKA_ENCRYPT, false) ||
	    e->p11->C_EncryptInit(e->s, &m, t->h) != CKR_OK || e->p11->C_Encrypt(e->s, zeros, sizeof zeros, block, &n) != CKR_OK || n != 16)
		return false;
	memcpy(out, block, 3);
	return true;
}

static bool check_value(const struct end *e, const struct thing *t, uint8_t out[3])
{
	const struct hz_attr *v = full(t, CKA_CHECK_VALUE);

	if (v != NULL && v->len == 3) {
		memcpy(out, v->value, 3);
		return true;
	}
	return check_by_use(e, t, out);
}

/* A MAC over a fixed text: says as much as a check value, for keys that may sign and have none. */
static bool mac(const struct end *e, const struct thing *t, uint8_t out[32])
{
	static const char text[] = "hanzo-p11 migrate";
	CK_MECHANISM m = { CKM_SHA256_HMAC, NULL, 0 };
	CK_ULONG n = 32;

	return t->h != CK_INVALID_HANDLE && hz_attrs_bool(&t->a, CKA_SIGN, false) && e->p11->C_SignInit(e->s, &m, t->h) == CKR_OK &&
	       e->p11->C_Sign(e->s, (CK_BYTE *)(uintptr_t)text, sizeof text - 1, out, &n) == CKR_OK && n == 32;
}

static enum same same_secret(const struct end *from, const struct end *to, const struct thing *t, const struct thing *o)
{
	uint8_t x[32], y[32];

	if (check_value(from, t, x) && check_value(to, o, y))
		return memcmp(x, y, 3) == 0 ? SAME_THERE : SAME_OTHER;
	if (mac(from, t, x) && mac(to, o, y))
		return memcmp(x, y, 32) == 0 ? SAME_THERE : SAME_OTHER;
	return SAME_UNKNOWN;
}

static bool equal(const struct thing *t, const struct thing *o, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_attr *x = full(t, type), *y = full(o, type);

	return x == NULL || y == NULL ? x == y : hz_attr_equal(x, y);
}

static enum same compare(const struct end *from, const struct end *to, const struct thing *t, const struct thing *o)
{
	switch (t->cls) {
	case CKO_CERTIFICATE:
		return equal(t, o, CKA_VALUE) ? SAME_THERE : SAME_NONE;
	case CKO_DATA:
		return equal(t, o, CKA_VALUE) && equal(t, o, CKA_APPLICATION) ? SAME_THERE : SAME_NONE;
	case CKO_SECRET_KEY:
		return same_secret(from, to, t, o);
	default:
		if (t->spki.len == 0 || o->spki.len == 0)
			return SAME_UNKNOWN;
		return t->spki.len == o->spki.len && memcmp(t->spki.p, o->spki.p, t->spki.len) == 0 ? SAME_THERE : SAME_OTHER;
	}
}

enum same same_object(const struct end *from, const struct end *to, const struct thing *t, CK_OBJECT_HANDLE h)
{
	struct thing o;
	enum same s = thing_read(to, h, &o) == CKR_OK && o.cls == t->cls ? compare(from, to, t, &o) : SAME_UNKNOWN;

	thing_free(&o);
	return s;
}

/* Keys are looked for by CKA_ID, without one by label; what has neither, among all of its kind. */
static CK_ULONG template_of(const struct thing *t, CK_ATTRIBUTE tmpl[4])
{
	const struct hz_attr *id = full(t, CKA_ID), *label = full(t, CKA_LABEL);
	static CK_BBOOL yes = CK_TRUE;
	CK_ULONG n = 0;

	tmpl[n++] = (CK_ATTRIBUTE){ CKA_CLASS, (void *)(uintptr_t)&t->cls, sizeof t->cls };
	tmpl[n++] = (CK_ATTRIBUTE){ CKA_TOKEN, &yes, sizeof yes };
	if (t->kt != CK_UNAVAILABLE_INFORMATION)
		tmpl[n++] = (CK_ATTRIBUTE){ CKA_KEY_TYPE, (void *)(uintptr_t)&t->kt, sizeof t->kt };
	if (id != NULL)
		tmpl[n++] = (CK_ATTRIBUTE){ CKA_ID, id->value, id->len };
	else if (label != NULL)
		tmpl[n++] = (CK_ATTRIBUTE){ CKA_LABEL, label->value, label->len };
	return n;
}

enum same same_at(const struct end *from, const struct end *to, const struct thing *t)
{
	CK_ATTRIBUTE tmpl[4];
	CK_OBJECT_HANDLE *v;
	enum same worst = SAME_NONE;
	size_t n;

	if (end_find(to, tmpl, template_of(t, tmpl), &v, &n) != CKR_OK)
		return SAME_UNKNOWN;
	for (size_t i = 0; i < n && worst != SAME_THERE; i++) {
		enum same s = same_object(from, to, t, v[i]);

		/* Another key under the same label alone is nothing odd. */
		if (s == SAME_THERE || (s > worst && (s == SAME_UNKNOWN || full(t, CKA_ID) != NULL)))
			worst = s;
	}
	free(v);
	return worst;
}
