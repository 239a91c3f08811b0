/* SPDX-License-Identifier: Apache-2.0 */
/* Hash tables of objects, and the order in which cached ones were last used. */
#include "token/table.h"

#include <stdlib.h>

#define FIRST_BUCKETS 64

struct hz_object_table *hz_objects_new(void)
{
	struct hz_object_table *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	if (pthread_mutex_init(&t->change, NULL) != 0) {
		free(t);
		return NULL;
	}
	return t;
}

static size_t session_bucket(const struct hz_object_table *t, CK_OBJECT_HANDLE h)
{
	return (h >> 9) & (t->buckets - 1);
}

struct hz_object *hz_table_session_find(const struct hz_object_table *t, CK_OBJECT_HANDLE h)
{
	struct hz_object *o = t->buckets != 0 ? t->session[session_bucket(t, h)] : NULL;

	while (o != NULL && o->handle != h)
		o = o->chain;
	return o;
}

static void session_link(struct hz_object_table *t, struct hz_object *o)
{
	struct hz_object **b = &t->session[session_bucket(t, o->handle)];

	o->chain = *b;
	*b = o;
}

bool hz_table_session_reserve(struct hz_object_table *t, size_t n)
{
	struct hz_object **old = t->session, **fresh, *o, *next;
	size_t want = t->buckets != 0 ? t->buckets : FIRST_BUCKETS, had = t->buckets;

	while (want < t->nsession + n)
		want *= 2;
	if (want == had)
		return true;
	fresh = calloc(want, sizeof(struct hz_object *));
	if (fresh == NULL)
		return false;
	t->session = fresh;
	t->buckets = want;
	for (size_t i = 0; i < had; i++) {
		for (o = old[i]; o != NULL; o = next) {
			next = o->chain;
			session_link(t, o);
		}
	}
	free(old);
	return true;
}

void hz_table_session_put(struct hz_object_table *t, struct hz_object *o)
{
	session_link(t, o);
	t->nsession++;
}

struct hz_object *hz_table_session_take(struct hz_object_table *t, CK_OBJECT_HANDLE h)
{
	struct hz_object **p, *o;

	if (t->buckets == 0)
		return NULL;
	for (p = &t->session[session_bucket(t, h)]; (o = *p) != NULL; p = &o->chain) {
		if (o->handle == h) {
			*p = o->chain;
			o->chain = NULL;
			t->nsession--;
			return o;
		}
	}
	return NULL;
}

struct hz_object *hz_table_session_take_all(struct hz_object_table *t,
					    bool (*which)(const struct hz_object *o, CK_SESSION_HANDLE arg), CK_SESSION_HANDLE arg)
{
	struct hz_object *list = NULL, **p, *o;

	for (size_t i = 0; t->nsession != 0 && i < t->buckets; i++) {
		for (p = &t->session[i]; (o = *p) != NULL;) {
			if (!which(o, arg)) {
				p = &o->chain;
				continue;
			}
			*p = o->chain;
			o->chain = list;
			list = o;
			t->nsession--;
		}
	}
	return list;
}

static struct hz_object **cache_bucket(struct hz_object_table *t, hz_oid id)
{
	return &t->cache[id & (HZ_CACHE_BUCKETS - 1)];
}

static void age_unlink(struct hz_object_table *t, struct hz_object *o)
{
	*(o->newer != NULL ? &o->newer->older : &t->newest) = o->older;
	*(o->older != NULL ? &o->older->newer : &t->oldest) = o->newer;
	o->newer = o->older = NULL;
}

static void age_newest(struct hz_object_table *t, struct hz_object *o)
{
	o->newer = NULL;
	o->older = t->newest;
	*(t->newest != NULL ? &t->newest->newer : &t->oldest) = o;
	t->newest = o;
}

struct hz_object *hz_table_cache_find(struct hz_object_table *t, hz_oid id)
{
	struct hz_object *o = *cache_bucket(t, id);

	while (o != NULL && o->id != id)
		o = o->chain;
	if (o != NULL && o != t->newest) {
		age_unlink(t, o);
		age_newest(t, o);
	}
	return o;
}

struct hz_object *hz_table_cache_take(struct hz_object_table *t, hz_oid id)
{
	struct hz_object **p = cache_bucket(t, id), *o;

	while ((o = *p) != NULL && o->id != id)
		p = &o->chain;
	if (o == NULL)
		return NULL;
	*p = o->chain;
	o->chain = NULL;
	age_unlink(t, o);
	t->ncache--;
	return o;
}

struct hz_object *hz_table_cache_put(struct hz_object_table *t, struct hz_object *o)
{
	struct hz_object *out = hz_table_cache_take(t, o->id), **b;

	if (out == NULL && t->ncache >= HZ_CACHE_MAX)
		out = hz_table_cache_take(t, t->oldest->id);
	b = cache_bucket(t, o->id);
	o->chain = *b;
	*b = o;
	age_newest(t, o);
	t->ncache++;
	return out;
}

struct hz_object *hz_table_cache_take_all(struct hz_object_table *t)
{
	struct hz_object *list = NULL, *o;

	while (t->newest != NULL) {
		o = hz_table_cache_take(t, t->newest->id);
		o->chain = list;
		list = o;
	}
	return list;
}

void hz_table_release(struct hz_object *list)
{
	while (list != NULL) {
		struct hz_object *next = list->chain;

		list->chain = NULL;
		hz_object_unref(list);
		list = next;
	}
}

static bool any(const struct hz_object *o, CK_SESSION_HANDLE arg)
{
	(void)o;
	(void)arg;
	return true;
}

void hz_objects_free(struct hz_object_table *t)
{
	if (t == NULL)
		return;
	hz_table_release(hz_table_session_take_all(t, any, 0));
	hz_table_release(hz_table_cache_take_all(t));
	free(t->session);
	pthread_mutex_destroy(&t->change);
	free(t);
}

static bool owned_by(const struct hz_object *o, CK_SESSION_HANDLE s)
{
	return o->owner == s;
}

static bool is_private(const struct hz_object *o, CK_SESSION_HANDLE s)
{
	(void)s;
	return o->is_private;
}

/* Objects that end are released after the lock is gone: freeing a key is not short. */
bool hz_objects_end_session(struct hz_token *t, CK_SESSION_HANDLE s)
{
	struct hz_object *list;

	pthread_mutex_lock(&t->lock);
	list = hz_table_session_take_all(t->objects, owned_by, s);
	if (list != NULL)
		atomic_fetch_add(&t->epoch, 1);
	pthread_mutex_unlock(&t->lock);
	hz_table_release(list);
	return list != NULL;
}

static void end_both(struct hz_token *t, bool (*which)(const struct hz_object *o, CK_SESSION_HANDLE arg))
{
	struct hz_object *mine, *cached;

	pthread_mutex_lock(&t->lock);
	mine = hz_table_session_take_all(t->objects, which, 0);
	cached = hz_table_cache_take_all(t->objects);
	atomic_fetch_add(&t->epoch, 1);
	pthread_mutex_unlock(&t->lock);
	hz_table_release(mine);
	hz_table_release(cached);
}

void hz_objects_logout(struct hz_token *t)
{
	end_both(t, is_private);
}

void hz_objects_clear(struct hz_token *t)
{
	end_both(t, any);
}

CK_RV hz_objects_select(struct hz_token *t, bool (*match)(const struct hz_object *o, const void *arg), const void *arg,
			CK_OBJECT_HANDLE **out, size_t *n)
{
	struct hz_object_table *tab = t->objects;
	CK_OBJECT_HANDLE *v;
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&t->lock);
	if (tab->nsession != 0) {
		v = realloc(*out, (*n + tab->nsession) * sizeof *v);
		if (v == NULL)
			rv = CKR_HOST_MEMORY;
		else
			*out = v;
	}
	for (size_t i = 0; rv == CKR_OK && tab->nsession != 0 && i < tab->buckets; i++)
		for (const struct hz_object *o = tab->session[i]; o != NULL; o = o->chain)
			if (match(o, arg))
				(*out)[(*n)++] = o->handle;
	pthread_mutex_unlock(&t->lock);
	return rv;
}
