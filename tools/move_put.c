/* SPDX-License-Identifier: Apache-2.0 */
/* New objects at the target: the template from what the source says, with a sparer one for tokens that refuse the full one. */
#include <string.h>

#include "move.h"

enum { ROOM = 64 };

struct template {
	CK_ATTRIBUTE v[ROOM];
	CK_ULONG n;
};

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* Uses: what the source says, false included, so that a token's own defaults widen nothing. */
static const CK_ATTRIBUTE_TYPE uses[] = { CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE };
/* Restrictions: the key is not moved where the target does not take them. */
static const CK_ATTRIBUTE_TYPE limits[] = { CKA_ALLOWED_MECHANISMS, CKA_HANZO_RATE_LIMIT, CKA_HANZO_USES_LEFT, CKA_HANZO_ROTATE_DAYS };
/* Nice to have: left out of the sparer template. */
static const CK_ATTRIBUTE_TYPE extras[] = { CKA_SUBJECT, CKA_START_DATE, CKA_END_DATE, CKA_SIGN_RECOVER, CKA_VERIFY_RECOVER,
					    CKA_MODIFIABLE };

static void put(struct template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	if (t->n < ROOM)
		t->v[t->n++] = (CK_ATTRIBUTE){ type, (void *)(uintptr_t)value, len };
}

static void put_from(struct template *t, const struct hz_attrs *a, const CK_ATTRIBUTE_TYPE *types, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct hz_attr *v = hz_attrs_find(a, types[i]);

		if (v != NULL && v->len != 0)
			put(t, types[i], v->value, v->len);
	}
}
#define PUT(t, a, list) put_from(t, a, list, sizeof(list) / sizeof((list)[0]))

static bool is_secret(const struct thing *t)
{
	return t->cls == CKO_PRIVATE_KEY || t->cls == CKO_SECRET_KEY;
}

static void put_protection(struct template *o, const struct thing *t, const struct put_how *how)
{
	bool sensitive = how->lock || hz_attrs_bool(&t->a, CKA_SENSITIVE, true);
	bool extractable = !how->lock && hz_attrs_bool(&t->a, CKA_EXTRACTABLE, false);

	put(o, CKA_SENSITIVE, sensitive ? &yes : &no, 1);
	put(o, CKA_EXTRACTABLE, extractable ? &yes : &no, 1);
	if (hz_attrs_bool(&t->a, CKA_WRAP_WITH_TRUSTED, false))
		put(o, CKA_WRAP_WITH_TRUSTED, &yes, 1);
	if (hz_attrs_bool(&t->a, CKA_ALWAYS_AUTHENTICATE, false))
		put(o, CKA_ALWAYS_AUTHENTICATE, &yes, 1);
}

static void common(struct template *o, const struct thing *t, const struct put_how *how, bool spare)
{
	static const CK_ATTRIBUTE_TYPE names[] = { CKA_LABEL, CKA_ID, CKA_PRIVATE };

	o->n = 0;
	put(o, CKA_CLASS, &t->cls, sizeof t->cls);
	put(o, CKA_TOKEN, &yes, 1);
	PUT(o, &t->a, names);
	if (t->kt != CK_UNAVAILABLE_INFORMATION) {
		put(o, CKA_KEY_TYPE, &t->kt, sizeof t->kt);
		PUT(o, &t->a, uses);
		PUT(o, &t->a, limits);
	}
	if (is_secret(t))
		put_protection(o, t, how);
	if (!spare && t->cls != CKO_CERTIFICATE && t->cls != CKO_DATA)
		PUT(o, &t->a, extras);
}

static void values(struct template *o, const struct thing *t, bool spare)
{
	static const CK_ATTRIBUTE_TYPE certificate[] = { CKA_CERTIFICATE_TYPE, CKA_SUBJECT, CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_VALUE };
	static const CK_ATTRIBUTE_TYPE certificate_extras[] = { CKA_CERTIFICATE_CATEGORY, CKA_START_DATE, CKA_END_DATE };
	static const CK_ATTRIBUTE_TYPE data[] = { CKA_APPLICATION, CKA_OBJECT_ID, CKA_VALUE };
	static const CK_ATTRIBUTE_TYPE rsa[] = { CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2,
						 CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT };
	static const CK_ATTRIBUTE_TYPE other_public[] = { CKA_EC_PARAMS, CKA_EC_POINT, CKA_PARAMETER_SET, CKA_VALUE };
	static const CK_ATTRIBUTE_TYPE other_private[] = { CKA_EC_PARAMS, CKA_PARAMETER_SET, CKA_VALUE };
	static const CK_ATTRIBUTE_TYPE secret[] = { CKA_VALUE };

	if (t->cls == CKO_CERTIFICATE) {
		PUT(o, &t->a, certificate);
		if (!spare)
			PUT(o, &t->a, certificate_extras);
	} else if (t->cls == CKO_DATA) {
		PUT(o, &t->a, data);
	} else if (t->cls == CKO_SECRET_KEY) {
		PUT(o, &t->a, secret);
	} else if (t->kt == CKK_RSA) {
		PUT(o, &t->a, rsa);
	} else if (t->cls == CKO_PUBLIC_KEY) {
		PUT(o, &t->a, other_public);
	} else {
		PUT(o, &t->a, other_private);
	}
}

static bool refused(CK_RV rv)
{
	return rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID ||
	       rv == CKR_ATTRIBUTE_READ_ONLY;
}

CK_RV put_create(const struct end *to, const struct thing *t, const struct put_how *how, CK_OBJECT_HANDLE *h)
{
	struct template o;
	CK_RV rv = CKR_OK;

	for (int spare = 0; spare < 2; spare++) {
		common(&o, t, how, spare != 0);
		values(&o, t, spare != 0);
		rv = to->p11->C_CreateObject(to->s, o.v, o.n, h);
		if (!refused(rv))
			break;
	}
	return rv;
}

CK_RV put_unwrap(const struct end *to, CK_MECHANISM *m, CK_OBJECT_HANDLE with, const struct hz_buf *blob, const struct thing *t,
		 const struct put_how *how, CK_OBJECT_HANDLE *h)
{
	struct template o;
	CK_RV rv = CKR_OK;

	for (int spare = 0; spare < 2; spare++) {
		common(&o, t, how, spare != 0);
		rv = to->p11->C_UnwrapKey(to->s, m, with, blob->p, blob->len, o.v, o.n, h);
		if (!refused(rv))
			break;
	}
	return rv;
}
