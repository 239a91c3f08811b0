/* SPDX-License-Identifier: Apache-2.0 */
/* Creating, copying, reading, changing and destroying objects (PKCS#11 3.1 section 5.7). */
#include "base/error.h"
#include "ck/keyspace.h"
#include "ck/schema.h"
#include "token/access.h"
#include "token/attestation.h"
#include "token/calls.h"
#include "token/note.h"
#include "token/object.h"
#include "token/tenant.h"

static bool so(const struct hz_session *s)
{
	return atomic_load(&s->token->login) == HZ_SO;
}

static bool is_key(const struct hz_attrs *a)
{
	CK_OBJECT_CLASS c = hz_attrs_ulong(a, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);

	return c == CKO_PUBLIC_KEY || c == CKO_PRIVATE_KEY || c == CKO_SECRET_KEY;
}

/* What a created object says of itself must be true: lengths, points on their curve, halves that belong together. */
static CK_RV validate(struct hz_backend *be, struct hz_attrs *set)
{
	struct hz_key *key = NULL;
	CK_RV rv = be->ops->complete != NULL ? be->ops->complete(be, set) : CKR_OK;

	if (rv != CKR_OK || !is_key(set))
		return rv;
	rv = be->ops->key_open(be, set, 0, &key);
	if (rv == CKR_OK)
		be->ops->key_free(be, key);
	return rv;
}

CK_RV hz_create_object(struct hz_session *s, const CK_ATTRIBUTE *tmpl, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
	struct hz_attrs given = HZ_ATTRS_INIT, set = HZ_ATTRS_INIT;
	CK_RV rv;

	if (out == NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "phObject is NULL");
	rv = hz_note_change(s);
	if (rv == CKR_OK)
		rv = hz_attrs_copy_in(&given, tmpl, count, true);
	if (rv == CKR_OK)
		rv = hz_schema_new(&set, HZ_CREATE, &given, CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION,
				   CK_UNAVAILABLE_INFORMATION, so(s));
	if (rv == CKR_OK)
		rv = hz_keyspace_apply(&set, s->token->separator);
	if (rv == CKR_OK)
		rv = hz_may_make(s, &set);
	if (rv == CKR_OK)
		rv = validate(s->token->be, &set);
	if (rv == CKR_OK)
		rv = hz_objects_add(s, &set, 1, out);
	hz_attrs_free(&given);
	hz_attrs_free(&set);
	return rv;
}

/* The object that the call is about. */
static CK_RV changed(struct hz_session *s, CK_OBJECT_HANDLE h, struct hz_object **o)
{
	CK_RV rv = hz_object_get(s, h, CKR_OBJECT_HANDLE_INVALID, o);

	if (rv == CKR_OK)
		hz_note_key(s, *o);
	return rv;
}

CK_RV hz_copy_object(struct hz_session *s, CK_OBJECT_HANDLE h, const CK_ATTRIBUTE *tmpl, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
	struct hz_attrs change = HZ_ATTRS_INIT, set = HZ_ATTRS_INIT;
	struct hz_object *o = NULL;
	CK_RV rv;

	if (out == NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "phNewObject is NULL");
	rv = hz_note_change(s);
	if (rv == CKR_OK)
		rv = hz_attrs_copy_in(&change, tmpl, count, true);
	if (rv == CKR_OK)
		rv = changed(s, h, &o);
	if (rv == CKR_OK && !hz_attrs_bool(&o->attrs, CKA_COPYABLE, true))
		rv = hz_fail(CKR_ACTION_PROHIBITED, "CKA_COPYABLE is false");
	if (rv == CKR_OK)
		rv = hz_may_take(s, o);
	if (rv == CKR_OK)
		rv = hz_schema_copy(&set, &o->attrs, &change, so(s));
	if (rv == CKR_OK)
		rv = hz_may_make(s, &set);
	if (rv == CKR_OK)
		rv = hz_objects_add(s, &set, 1, out);
	hz_object_unref(o);
	hz_attrs_free(&change);
	hz_attrs_free(&set);
	return rv;
}

CK_RV hz_destroy_object(struct hz_session *s, CK_OBJECT_HANDLE h)
{
	struct hz_object *o;
	CK_RV rv = hz_note_change(s);

	if (rv == CKR_OK)
		rv = changed(s, h, &o);
	if (rv != CKR_OK)
		return rv;
	rv = hz_may_destroy(s, o);
	if (rv == CKR_OK)
		rv = hz_object_destroy(s, o);
	hz_object_unref(o);
	return rv;
}

CK_RV hz_object_size(struct hz_session *s, CK_OBJECT_HANDLE h, CK_ULONG *size)
{
	struct hz_object *o;
	CK_RV rv;

	if (size == NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "pulSize is NULL");
	rv = hz_object_get(s, h, CKR_OBJECT_HANDLE_INVALID, &o);
	if (rv != CKR_OK)
		return rv;
	*size = hz_attrs_size(&o->attrs);
	hz_object_unref(o);
	return CKR_OK;
}

CK_RV hz_get_attributes(struct hz_session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE *tmpl, CK_ULONG count)
{
	struct hz_object *o;
	CK_RV rv;

	if ((tmpl == NULL && count != 0) || count > HZ_ATTRS_MAX)
		return hz_fail(CKR_ARGUMENTS_BAD, "pTemplate is NULL or ulCount is absurd");
	if (hz_attestation_is(s->token, h))
		return hz_attestation_get(s, tmpl, count);
	rv = hz_object_get(s, h, CKR_OBJECT_HANDLE_INVALID, &o);
	if (rv != CKR_OK)
		return rv;
	rv = hz_attestation_read(s, o, tmpl, count);
	hz_object_unref(o);
	return rv;
}

struct change {
	struct hz_attrs attrs;
	bool so;
};

static CK_RV apply(const struct hz_attrs *now, struct hz_attrs *out, void *arg)
{
	const struct change *c = arg;

	return hz_schema_change(out, now, &c->attrs, c->so);
}

CK_RV hz_set_attributes(struct hz_session *s, CK_OBJECT_HANDLE h, const CK_ATTRIBUTE *tmpl, CK_ULONG count)
{
	struct change change = { HZ_ATTRS_INIT, so(s) };
	struct hz_object *o = NULL;
	CK_RV rv;

	if (hz_attestation_is(s->token, h))
		return hz_attestation_set(s, tmpl, count);
	rv = hz_note_change(s);
	if (rv == CKR_OK)
		rv = hz_attrs_copy_in(&change.attrs, tmpl, count, true);
	if (rv == CKR_OK)
		rv = changed(s, h, &o);
	if (rv != CKR_OK)
		goto out;
	rv = hz_may_modify(s, o);
	if (rv == CKR_OK)
		rv = hz_may_promise(&change.attrs);
	if (rv == CKR_OK)
		rv = hz_tenant_label(s->token, &change.attrs);
	if (rv == CKR_OK && change.attrs.n != 0)
		rv = hz_object_change(s, o, apply, &change);
	hz_object_unref(o);
out:
	hz_attrs_free(&change.attrs);
	return rv;
}
