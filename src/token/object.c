/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: references, looking a handle up, keys built once, making, changing and ending them. */
#include "token/object.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/secmem.h"
#include "ck/schema.h"
#include "hanzo-pkcs11.h"
#include "token/access.h"
#include "token/attestation.h"
#include "token/builtin.h"
#include "token/note.h"
#include "token/session.h"
#include "token/table.h"
#include "token/tenant.h"

static _Atomic CK_OBJECT_HANDLE next_counter = HZ_FIRST_COUNTER;

struct hz_object *hz_object_new_take(struct hz_token *t, CK_OBJECT_HANDLE handle, hz_oid id, struct hz_attrs *attrs)
{
	struct hz_object *o = calloc(1, sizeof *o);

	if (o == NULL) {
		hz_attrs_free(attrs);
		return NULL;
	}
	atomic_init(&o->refs, 1);
	atomic_init(&o->key, NULL);
	o->handle = handle;
	o->id = id;
	o->attrs = *attrs;
	*attrs = (struct hz_attrs)HZ_ATTRS_INIT;
	o->cls = hz_attrs_ulong(&o->attrs, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
	o->key_type = hz_attrs_ulong(&o->attrs, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	o->is_private = hz_attrs_bool(&o->attrs, CKA_PRIVATE, false);
	o->always_auth = o->cls == CKO_PRIVATE_KEY && hz_attrs_bool(&o->attrs, CKA_ALWAYS_AUTHENTICATE, false);
	o->checked = true;
	o->be = t->be;
	if (id == 0 && t->be->ops->hold != NULL)
		t->be->ops->hold(t->be, &o->attrs);
	return o;
}

struct hz_object *hz_object_ref(struct hz_object *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void hz_object_unref(struct hz_object *o)
{
	struct hz_key *key;

	if (o == NULL || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	key = atomic_load_explicit(&o->key, memory_order_relaxed);
	if (key != NULL)
		o->be->ops->key_free(o->be, key);
	if (o->id == 0 && o->be->ops->release != NULL)
		o->be->ops->release(o->be, &o->attrs);
	hz_attrs_free(&o->attrs);
	free(o);
}

static bool same_attrs(const struct hz_attrs *a, const struct hz_attrs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct hz_attr *x = &a->v[i], *y = &b->v[i];
		const struct hz_attrs *nx, *ny;

		if (x->type != y->type || x->len != y->len)
			return false;
		nx = hz_attrs_nested(a, x->type);
		ny = hz_attrs_nested(b, y->type);
		if (nx != NULL && ny != NULL ? !same_attrs(nx, ny)
					     : x->len != 0 && !hz_ct_equal(x->value, y->value, x->len))
			return false;
	}
	return true;
}

/* What a look-up compares: taken before anything is read, so that a change in between shows. */
struct view {
	uint64_t generation, login_epoch;
	bool anonymous;
};

static struct view view_now(struct hz_token *t)
{
	struct view v;

	v.login_epoch = atomic_load(&t->login_epoch);
	v.anonymous = atomic_load(&t->login) == HZ_PUBLIC;
	v.generation = t->be->ops->generation != NULL ? t->be->ops->generation(t->be) : 0;
	return v;
}

/* The cached object if it is still what is stored; else a reference to the old one in *stale, or NULL. */
static struct hz_object *cached(struct hz_token *t, hz_oid id, const struct view *v, struct hz_object **stale)
{
	struct hz_object *o, *found = NULL;

	*stale = NULL;
	pthread_mutex_lock(&t->lock);
	o = hz_table_cache_find(t->objects, id);
	if (o != NULL && o->generation == v->generation && (!o->public_load || v->anonymous))
		found = hz_object_ref(o);
	else if (o != NULL)
		*stale = hz_object_ref(o);
	pthread_mutex_unlock(&t->lock);
	return found;
}

static void forget(struct hz_token *t, hz_oid id)
{
	struct hz_object *o;

	pthread_mutex_lock(&t->lock);
	o = hz_table_cache_take(t->objects, id);
	pthread_mutex_unlock(&t->lock);
	hz_table_release(o);
}

/* Cache what was loaded, unless somebody logged out meanwhile. */
static void keep(struct hz_token *t, struct hz_object *o, const struct view *v)
{
	struct hz_object *out = NULL;

	o->generation = v->generation;
	o->public_load = v->anonymous;
	pthread_mutex_lock(&t->lock);
	if (atomic_load(&t->login_epoch) == v->login_epoch)
		out = hz_table_cache_put(t->objects, hz_object_ref(o));
	pthread_mutex_unlock(&t->lock);
	hz_table_release(out);
}

/* Something changed, but not this object: it may stay, and its key with it. */
static void still_good(struct hz_token *t, struct hz_object *o, const struct view *v)
{
	pthread_mutex_lock(&t->lock);
	o->generation = v->generation;
	pthread_mutex_unlock(&t->lock);
}

static CK_RV load(struct hz_token *t, hz_oid id, const struct view *v, struct hz_object *stale, struct hz_object **out)
{
	struct hz_attrs a = HZ_ATTRS_INIT;
	bool checked = false;
	CK_RV rv = t->be->ops->load(t->be, id, &a, &checked);

	if (rv != CKR_OK) {
		hz_attrs_free(&a);
		forget(t, id);
		return rv == CKR_USER_NOT_LOGGED_IN ? CKR_OBJECT_HANDLE_INVALID : rv; /* private: as if it were not there */
	}
	if (stale != NULL && stale->public_load == v->anonymous && stale->checked == checked && same_attrs(&stale->attrs, &a)) {
		hz_attrs_free(&a);
		still_good(t, stale, v);
		*out = hz_object_ref(stale);
		return CKR_OK;
	}
	*out = hz_object_new_take(t, hz_token_handle(t, id), id, &a);
	if (*out == NULL)
		return CKR_HOST_MEMORY;
	(*out)->checked = checked;
	keep(t, *out, v);
	return CKR_OK;
}

static CK_RV get_token(struct hz_token *t, hz_oid id, struct hz_object **out)
{
	struct view v = view_now(t);
	struct hz_object *stale;
	CK_RV rv = CKR_OK;

	*out = cached(t, id, &v, &stale);
	if (*out == NULL)
		rv = load(t, id, &v, stale, out);
	hz_object_unref(stale);
	return rv;
}

static CK_RV get_session(struct hz_token *t, CK_OBJECT_HANDLE h, struct hz_object **out)
{
	pthread_mutex_lock(&t->lock);
	*out = hz_table_session_find(t->objects, h);
	if (*out != NULL)
		hz_object_ref(*out);
	pthread_mutex_unlock(&t->lock);
	return *out != NULL ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
}

CK_RV hz_object_get(struct hz_session *s, CK_OBJECT_HANDLE h, CK_RV bad, struct hz_object **out)
{
	struct hz_token *t = s->token;
	CK_RV rv;

	*out = NULL;
	if (((h >> 1) & 0xff) != t->ordinal || h >> 9 == 0)
		return hz_fail(bad, "no object has handle %lu on this token", h);
	if ((h & 1) != 0)
		rv = get_token(t, h >> 9, out);
	else if (hz_attestation_is(t, h))
		rv = hz_attestation_object(t, out);
	else if (h >> 9 < HZ_FIRST_COUNTER)
		rv = hz_builtin_object(t, h, out);
	else
		rv = get_session(t, h, out);
	if (rv == CKR_OK && !hz_may_see(t, *out)) {
		hz_object_unref(*out);
		rv = CKR_OBJECT_HANDLE_INVALID;
	}
	if (rv != CKR_OK)
		*out = NULL;
	if (rv == CKR_OBJECT_HANDLE_INVALID && atomic_load(&t->expired))
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "the login's time is up");
	return rv == CKR_OBJECT_HANDLE_INVALID ? hz_fail(bad, "no object has handle %lu", h) : rv;
}

CK_RV hz_object_get_key(struct hz_session *s, CK_OBJECT_HANDLE h, CK_RV bad, struct hz_object **out)
{
	CK_RV rv = hz_object_get(s, h, bad, out);

	if (rv != CKR_OK)
		return rv;
	if ((*out)->cls == CKO_PUBLIC_KEY || (*out)->cls == CKO_PRIVATE_KEY || (*out)->cls == CKO_SECRET_KEY) {
		hz_note_key(s, *out);
		return CKR_OK;
	}
	hz_object_unref(*out);
	*out = NULL;
	return hz_fail(bad, "object %lu is no key", h);
}

CK_RV hz_object_key(struct hz_object *o, struct hz_key **key)
{
	struct hz_key *made = NULL, *was = NULL;
	CK_RV rv;

	*key = atomic_load_explicit(&o->key, memory_order_acquire);
	if (*key != NULL)
		return CKR_OK;
	rv = o->be->ops->key_open(o->be, &o->attrs, o->id, &made);
	if (rv != CKR_OK)
		return rv;
	if (!atomic_compare_exchange_strong(&o->key, &was, made)) {
		o->be->ops->key_free(o->be, made); /* another thread was first */
		made = was;
	}
	*key = made;
	return CKR_OK;
}

/* CKA_UNIQUE_ID: a random UUID (RFC 9562 version 4) as text. */
static CK_RV set_unique_id(struct hz_backend *be, struct hz_attrs *a)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t r[16];
	char text[36];
	size_t n = 0;
	CK_RV rv = be->ops->random(be, r, sizeof r);

	if (rv != CKR_OK)
		return rv;
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof r; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[n++] = '-';
		text[n++] = hex[r[i] >> 4];
		text[n++] = hex[r[i] & 15];
	}
	return hz_attrs_set(a, CKA_UNIQUE_ID, text, sizeof text, false);
}

static CK_RV stamp(struct hz_token *t, struct hz_attrs *a)
{
	CK_RV rv = hz_tenant_stamp(t, a);

	if (rv == CKR_OK)
		rv = set_unique_id(t->be, a);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(a, CKA_HANZO_TIER, t->tier);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(a, CKA_HANZO_EFFECTIVE_TIER, t->tier);
	return rv;
}

#define MAX_NEW 2 /* a key pair */

static CK_RV add_token(struct hz_token *t, const struct hz_attrs *sets, const bool *token, size_t n, CK_OBJECT_HANDLE *handles)
{
	const struct hz_attrs *list[MAX_NEW];
	hz_oid ids[MAX_NEW];
	size_t k = 0;
	CK_RV rv;

	for (size_t i = 0; i < n; i++)
		if (token[i])
			list[k++] = &sets[i];
	if (k == 0)
		return CKR_OK;
	if (t->be->ops->insert == NULL)
		return hz_fail(CKR_TOKEN_WRITE_PROTECTED, "this token keeps no new objects");
	rv = t->be->ops->insert(t->be, list, k, ids);
	if (rv != CKR_OK)
		return rv;
	k = 0;
	for (size_t i = 0; i < n; i++)
		if (token[i])
			handles[i] = hz_token_handle(t, ids[k++]);
	return CKR_OK;
}

/* The session's half of a new set: objects made first, so that nothing can fail once the token's half is stored. */
static CK_RV make_session(struct hz_session *s, struct hz_attrs *sets, const bool *token, size_t n, struct hz_object **made)
{
	struct hz_token *t = s->token;

	for (size_t i = 0; i < n; i++) {
		CK_OBJECT_HANDLE h;

		if (token[i])
			continue;
		h = atomic_fetch_add(&next_counter, 1) << 9 | (CK_OBJECT_HANDLE)t->ordinal << 1;
		made[i] = hz_object_new_take(t, h, 0, &sets[i]);
		if (made[i] == NULL)
			return CKR_HOST_MEMORY;
		made[i]->owner = s->handle;
	}
	return CKR_OK;
}

static CK_RV add(struct hz_session *s, struct hz_attrs *sets, const bool *token, size_t n, struct hz_object **made,
		 CK_OBJECT_HANDLE *handles)
{
	struct hz_token *t = s->token;
	bool room;
	CK_RV rv = make_session(s, sets, token, n, made);

	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&t->lock);
	room = hz_table_session_reserve(t->objects, n);
	pthread_mutex_unlock(&t->lock);
	if (!room)
		return CKR_HOST_MEMORY;
	rv = add_token(t, sets, token, n, handles);
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < n; i++) {
		if (made[i] == NULL)
			continue;
		handles[i] = made[i]->handle;
		hz_table_session_put(t->objects, hz_object_ref(made[i]));
	}
	pthread_mutex_unlock(&t->lock);
	return CKR_OK;
}

CK_RV hz_objects_add(struct hz_session *s, struct hz_attrs *sets, size_t n, CK_OBJECT_HANDLE *handles)
{
	struct hz_object *made[MAX_NEW] = { NULL, NULL };
	bool token[MAX_NEW];
	CK_RV rv = n <= MAX_NEW ? CKR_OK : CKR_GENERAL_ERROR;

	for (size_t i = 0; i < n && rv == CKR_OK; i++) {
		token[i] = hz_attrs_bool(&sets[i], CKA_TOKEN, false);
		rv = stamp(s->token, &sets[i]);
	}
	if (rv == CKR_OK)
		hz_note_made(s, &sets[n - 1]);
	if (rv == CKR_OK)
		rv = add(s, sets, token, n, made, handles);
	if (rv != CKR_OK)
		hz_note_made(s, NULL);
	for (size_t i = 0; i < n; i++) {
		if (i < MAX_NEW)
			hz_object_unref(made[i]);
		hz_attrs_free(&sets[i]);
	}
	return rv;
}

/* The new object takes the old one's place under its handle; gone meanwhile: CKR_OBJECT_HANDLE_INVALID. */
static CK_RV replace_session(struct hz_token *t, const struct hz_object *o, struct hz_attrs *changed)
{
	struct hz_object *fresh = hz_object_new_take(t, o->handle, 0, changed), *old;

	if (fresh == NULL)
		return CKR_HOST_MEMORY;
	fresh->owner = o->owner;
	pthread_mutex_lock(&t->lock);
	old = hz_table_session_take(t->objects, o->handle);
	if (old != NULL)
		hz_table_session_put(t->objects, fresh);
	pthread_mutex_unlock(&t->lock);
	hz_table_release(old != NULL ? old : fresh);
	return old != NULL ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
}

static CK_RV change_session(struct hz_session *s, CK_OBJECT_HANDLE h, hz_edit_fn edit, void *arg)
{
	struct hz_attrs set = HZ_ATTRS_INIT;
	struct hz_object *now;
	CK_RV rv = hz_object_get(s, h, CKR_OBJECT_HANDLE_INVALID, &now);

	if (rv != CKR_OK)
		return rv;
	rv = edit(&now->attrs, &set, arg);
	if (rv == CKR_OK)
		rv = replace_session(s->token, now, &set);
	hz_attrs_free(&set);
	hz_object_unref(now);
	return rv;
}

static CK_RV change_token(struct hz_token *t, hz_oid id, hz_edit_fn edit, void *arg)
{
	CK_RV rv;

	if (t->be->ops->update == NULL)
		return hz_fail(CKR_TOKEN_WRITE_PROTECTED, "objects of this token cannot be changed");
	rv = t->be->ops->update(t->be, id, edit, arg);
	if (rv == CKR_OK)
		forget(t, id);
	return rv;
}

CK_RV hz_object_change(struct hz_session *s, struct hz_object *o, hz_edit_fn edit, void *arg)
{
	struct hz_token *t = s->token;
	CK_RV rv;

	pthread_mutex_lock(&t->objects->change);
	rv = o->id == 0 ? change_session(s, o->handle, edit, arg) : change_token(t, o->id, edit, arg);
	pthread_mutex_unlock(&t->objects->change);
	if (rv == CKR_OK)
		atomic_fetch_add(&t->epoch, 1);
	return rv;
}

CK_RV hz_object_destroy(struct hz_session *s, struct hz_object *o)
{
	struct hz_token *t = s->token;
	struct hz_object *old = NULL;
	CK_RV rv = CKR_OK;

	if (o->id != 0 && t->be->ops->destroy == NULL)
		return hz_fail(CKR_TOKEN_WRITE_PROTECTED, "objects of this token cannot be destroyed");
	if (o->id != 0) {
		rv = t->be->ops->destroy(t->be, o->id);
		forget(t, o->id);
	} else {
		pthread_mutex_lock(&t->lock);
		old = hz_table_session_take(t->objects, o->handle);
		pthread_mutex_unlock(&t->lock);
		rv = old != NULL ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
		hz_table_release(old);
	}
	atomic_fetch_add(&t->epoch, 1);
	if (rv == CKR_OK)
		hz_session_forget_key(s, o->handle, 0);
	return rv;
}
