/* SPDX-License-Identifier: Apache-2.0 */
/* Searching: one snapshot of handles a search, the stored part of it made by the backend's index (PKCS#11 3.1 section 5.7.7). */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "ck/schema.h"
#include "token/access.h"
#include "token/attestation.h"
#include "token/builtin.h"
#include "token/calls.h"
#include "token/object.h"

/* CKA_EC_PARAMS of secp256k1: OBJECT IDENTIFIER 1.3.132.0.10, or a string of its name with any of the tags that strings have. */
static bool is_secp256k1(const struct hz_attr *p)
{
	static const uint8_t oid[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };
	static const char name[] = "secp256k1";
	const uint8_t *v = p->value;

	if (p->len == sizeof oid && memcmp(v, oid, sizeof oid) == 0)
		return true;
	return p->len == 2 + sizeof name - 1 && memcmp(v + 2, name, sizeof name - 1) == 0;
}

struct query {
	const struct hz_token *token;
	const struct hz_attrs *tmpl;
};

static bool hidden(const struct hz_token *t, const struct hz_object *o)
{
	const struct hz_attr *p;

	if (!t->hide_secp256k1 || o->key_type != CKK_EC)
		return false;
	p = hz_attrs_find(&o->attrs, CKA_EC_PARAMS);
	return p != NULL && is_secp256k1(p);
}

static bool matches(const struct hz_object *o, const void *arg)
{
	const struct query *q = arg;

	/* What rules most objects out comes first: this runs over all session objects. */
	return hz_attrs_match(&o->attrs, q->tmpl) && hz_may_see(q->token, o) && !hidden(q->token, o) && hz_may_compare(o, q->tmpl);
}

static CK_RV grow(CK_OBJECT_HANDLE **out, size_t n, size_t more)
{
	CK_OBJECT_HANDLE *v;

	if (more == 0)
		return CKR_OK;
	v = realloc(*out, (n + more) * sizeof *v);
	if (v == NULL)
		return CKR_HOST_MEMORY;
	*out = v;
	return CKR_OK;
}

static CK_RV add_builtin(struct hz_token *t, const struct query *q, CK_OBJECT_HANDLE **out, size_t *n)
{
	CK_RV rv = grow(out, *n, hz_builtin_count());

	for (size_t i = 0; rv == CKR_OK && i < hz_builtin_count(); i++) {
		struct hz_object *o;

		rv = hz_builtin_object(t, hz_builtin_handle(t, i), &o);
		if (rv != CKR_OK)
			return rv;
		if (matches(o, q))
			(*out)[(*n)++] = o->handle;
		hz_object_unref(o);
	}
	return rv;
}

/* Only searches by what may be secret, and slots that hide a curve or keep tenants apart, have to look at each object that the index gave. */
static bool must_look(const struct hz_token *t, const struct hz_attrs *tmpl)
{
	CK_OBJECT_CLASS cls = hz_attrs_ulong(tmpl, CKA_CLASS, CKO_PRIVATE_KEY);

	if (t->hide_secp256k1 || t->tenanted)
		return true;
	if (cls != CKO_PRIVATE_KEY && cls != CKO_SECRET_KEY)
		return false;
	for (size_t i = 0; i < tmpl->n; i++)
		if (hz_attr_can_be_secret(tmpl->v[i].type))
			return true;
	return false;
}

static bool confirmed(struct hz_session *s, CK_OBJECT_HANDLE h, const struct query *q)
{
	struct hz_object *o;
	bool ok;

	if (hz_object_get(s, h, CKR_OBJECT_HANDLE_INVALID, &o) != CKR_OK)
		return false;
	ok = matches(o, q);
	hz_object_unref(o);
	return ok;
}

/* Only for those who name its class. */
static CK_RV add_attestation(struct hz_token *t, const struct query *q, CK_OBJECT_HANDLE **out, size_t *n)
{
	struct hz_object *o;
	CK_RV rv;

	if (t->evidence == NULL || hz_attrs_ulong(q->tmpl, CKA_CLASS, CKO_DATA) != CKO_HW_FEATURE)
		return CKR_OK;
	rv = grow(out, *n, 1);
	if (rv == CKR_OK)
		rv = hz_attestation_object(t, &o);
	if (rv != CKR_OK)
		return rv;
	if (matches(o, q))
		(*out)[(*n)++] = o->handle;
	hz_object_unref(o);
	return CKR_OK;
}

static CK_RV add_stored(struct hz_session *s, const struct query *q, CK_OBJECT_HANDLE **out, size_t *n)
{
	struct hz_token *t = s->token;
	hz_oid *ids = NULL;
	size_t count = 0;
	bool look = must_look(t, q->tmpl);
	CK_RV rv = t->be->ops->find(t->be, q->tmpl, hz_user_present(t), &ids, &count);

	if (rv == CKR_OK)
		rv = grow(out, *n, count);
	for (size_t i = 0; rv == CKR_OK && i < count; i++) {
		CK_OBJECT_HANDLE h = hz_token_handle(t, ids[i]);

		if (!look || confirmed(s, h, q))
			(*out)[(*n)++] = h;
	}
	free(ids);
	return rv;
}

/* A template that says CKA_TOKEN need not ask both sides. */
static CK_RV snapshot(struct hz_session *s, const struct hz_attrs *tmpl, CK_OBJECT_HANDLE **out, size_t *n)
{
	struct query q = { s->token, tmpl };
	bool stored = hz_attrs_bool(tmpl, CKA_TOKEN, true), session = !hz_attrs_bool(tmpl, CKA_TOKEN, false);
	CK_RV rv = CKR_OK;

	if (stored && hz_attrs_ulong(tmpl, CKA_CLASS, CKO_PROFILE) == CKO_PROFILE && hz_attrs_find(tmpl, CKA_ID) == NULL)
		rv = add_builtin(s->token, &q, out, n);
	if (rv == CKR_OK && stored && s->token->be->ops->find != NULL)
		rv = add_stored(s, &q, out, n);
	if (rv == CKR_OK && session)
		rv = add_attestation(s->token, &q, out, n);
	if (rv == CKR_OK && session)
		rv = hz_objects_select(s->token, matches, &q, out, n);
	return rv;
}

CK_RV hz_find_init(struct hz_session *s, const CK_ATTRIBUTE *tmpl, CK_ULONG count)
{
	struct hz_attrs t = HZ_ATTRS_INIT;
	CK_OBJECT_HANDLE *list = NULL;
	size_t n = 0;
	uint64_t login_epoch = atomic_load(&s->token->login_epoch);
	CK_RV rv;

	if (s->find.active)
		return hz_fail(CKR_OPERATION_ACTIVE, "a search is active");
	rv = hz_attrs_copy_in(&t, tmpl, count, false);
	if (rv == CKR_OK)
		rv = snapshot(s, &t, &list, &n);
	hz_attrs_free(&t);
	if (rv != CKR_OK) {
		free(list);
		return rv;
	}
	s->find = (struct hz_find){ .active = true, .handles = list, .n = n, .login_epoch = login_epoch };
	return CKR_OK;
}

CK_RV hz_find_next(struct hz_session *s, CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *n)
{
	struct hz_find *f = &s->find;
	size_t give;

	if (!f->active)
		return hz_fail(CKR_OPERATION_NOT_INITIALIZED, "no search is active");
	if (n == NULL || (out == NULL && max != 0))
		return hz_fail(CKR_ARGUMENTS_BAD, "phObject or pulObjectCount is NULL");
	if (f->login_epoch != atomic_load(&s->token->login_epoch))
		f->next = f->n; /* logged out since: the rest may be private */
	give = f->n - f->next < max ? f->n - f->next : max;
	if (give != 0)
		memcpy(out, f->handles + f->next, give * sizeof *out);
	f->next += give;
	*n = give;
	return CKR_OK;
}

void hz_find_drop(struct hz_session *s)
{
	free(s->find.handles);
	s->find = (struct hz_find){ .active = false };
}

CK_RV hz_find_final(struct hz_session *s)
{
	if (!s->find.active)
		return hz_fail(CKR_OPERATION_NOT_INITIALIZED, "no search is active");
	hz_find_drop(s);
	return CKR_OK;
}
