/* SPDX-License-Identifier: Apache-2.0 */
/* The objects known of the device, and the device's handles for them. */
#include <stdlib.h>
#include <string.h>

#include "backend/p11_side.h"
#include "backend/p11_table.h"
#include "base/clock.h"
#include "base/error.h"
#include "crypto/hash.h"

const CK_ATTRIBUTE_TYPE hz_p11_identity[HZ_P11_IDENTITY] = { CKA_CLASS, CKA_KEY_TYPE, CKA_ID, CKA_LABEL, CKA_PRIVATE };

uint64_t hz_p11_now(void)
{
	return hz_clock_ms(CLOCK_MONOTONIC);
}

uint64_t hz_p11_hash(const struct hz_attr *a)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; a != NULL && i < a->len; i++)
		h = (h ^ ((const uint8_t *)a->value)[i]) * 0x100000001b3u;
	return h;
}

void hz_p11_name(const struct hz_attrs *a, uint8_t name[32])
{
	struct hz_hash h;

	hz_hash_init(&h, HZ_SHA256);
	for (size_t i = 0; i < 4; i++) {
		const struct hz_attr *v = hz_attrs_find(a, hz_p11_identity[i]);
		uint32_t len = v != NULL ? (uint32_t)v->len : 0; /* devices say so of what they were not told */

		hz_hash_update(&h, &len, sizeof len);
		if (v != NULL && v->len != 0)
			hz_hash_update(&h, v->value, v->len);
	}
	hz_hash_final(&h, name);
}

void hz_p11_note(struct hz_p11_line *l, const struct hz_attrs *attrs)
{
	struct hz_p11_obj *o = l->what;

	hz_attrs_free(&o->seen);
	for (size_t i = 0; i < HZ_P11_IDENTITY; i++) {
		const struct hz_attr *v = hz_attrs_find(attrs, hz_p11_identity[i]);

		if (v != NULL)
			(void)hz_attrs_set_from(&o->seen, v);
	}
	o->cls = hz_attrs_ulong(attrs, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
	o->kt = hz_attrs_ulong(attrs, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	o->private = hz_attrs_bool(attrs, CKA_PRIVATE, o->cls == CKO_PRIVATE_KEY || o->cls == CKO_SECRET_KEY);
	hz_p11_name(attrs, o->name);
	l->label = hz_p11_hash(hz_attrs_find(attrs, CKA_LABEL));
	l->id = hz_p11_hash(hz_attrs_find(attrs, CKA_ID));
	atomic_store(&o->looked, hz_p11_now());
}

struct hz_p11_obj *hz_p11_table_add(struct hz_p11 *p, CK_OBJECT_HANDLE h, const struct hz_attrs *attrs, bool session)
{
	struct hz_p11_obj *o = calloc(1, sizeof *o);
	struct hz_p11_line *l = o != NULL ? hz_p11_line_add(&p->table.lines, o) : NULL;

	if (l == NULL) {
		free(o);
		return NULL;
	}
	o->hidden = hz_p11_side_key(p, attrs);
	hz_p11_note(l, attrs);
	o->oid = l->oid;
	atomic_store(&o->refs, 1);
	o->session = session;
	o->link = atomic_load(&p->link);
	atomic_store(&o->handle, h);
	atomic_store(&o->era, atomic_load(&p->era));
	return o;
}

/* With the table's lock: a list made meanwhile may know the object already. */
static struct hz_p11_obj *by_handle(struct hz_p11 *p, CK_OBJECT_HANDLE h)
{
	unsigned era = atomic_load(&p->era);

	for (size_t i = p->table.lines.n; i > 0; i--) {
		struct hz_p11_obj *o = p->table.lines.v[i - 1].what;

		if (o != NULL && !o->session && !atomic_load(&o->gone) && atomic_load(&o->handle) == h && atomic_load(&o->era) == era)
			return o;
	}
	return NULL;
}

struct hz_p11_obj *hz_p11_obj_add(struct hz_p11 *p, CK_OBJECT_HANDLE h, const struct hz_attrs *attrs, bool session)
{
	struct hz_p11_obj *o;

	pthread_mutex_lock(&p->table.lock);
	o = session ? NULL : by_handle(p, h);
	if (o != NULL)
		hz_p11_note(hz_p11_line_of(&p->table.lines, o->oid), attrs);
	else
		o = hz_p11_table_add(p, h, attrs, session);
	if (o != NULL)
		atomic_store(&hz_p11_obj_ref(o)->fresh, true);
	pthread_mutex_unlock(&p->table.lock);
	(void)atomic_fetch_add(&p->generation, 1);
	return o;
}

void hz_p11_obj_seen(struct hz_p11 *p, struct hz_p11_obj *o, const struct hz_attrs *attrs)
{
	struct hz_p11_line *l;

	pthread_mutex_lock(&p->table.lock);
	l = hz_p11_line_of(&p->table.lines, o->oid);
	if (l != NULL)
		hz_p11_note(l, attrs);
	pthread_mutex_unlock(&p->table.lock);
	(void)atomic_fetch_add(&p->generation, 1);
}

struct hz_p11_obj *hz_p11_obj_ref(struct hz_p11_obj *o)
{
	(void)atomic_fetch_add(&o->refs, 1);
	return o;
}

void hz_p11_obj_unref(struct hz_p11_obj *o)
{
	if (o == NULL || atomic_fetch_sub(&o->refs, 1) != 1)
		return;
	hz_attrs_free(&o->seen);
	free(o);
}

void hz_p11_table_end(struct hz_p11 *p, struct hz_p11_obj *o)
{
	atomic_store(&o->gone, true);
	hz_p11_obj_unref(hz_p11_line_end(&p->table.lines, o->oid));
}

void hz_p11_obj_end(struct hz_p11 *p, struct hz_p11_obj *o)
{
	pthread_mutex_lock(&p->table.lock);
	hz_p11_table_end(p, o);
	hz_p11_lines_settle(&p->table.lines);
	pthread_mutex_unlock(&p->table.lock);
}

struct hz_p11_obj *hz_p11_obj_of(struct hz_p11 *p, hz_oid oid)
{
	const struct hz_p11_line *l;
	struct hz_p11_obj *o;

	pthread_mutex_lock(&p->table.lock);
	l = hz_p11_line_of(&p->table.lines, oid);
	o = l != NULL ? hz_p11_obj_ref(l->what) : NULL;
	pthread_mutex_unlock(&p->table.lock);
	return o;
}

/* CKA_ID tells objects of one class and type; CKA_LABEL those without. */
static const struct hz_attr *telling(const struct hz_attrs *a)
{
	const struct hz_attr *id = hz_attrs_find(a, CKA_ID);

	return id != NULL && id->len != 0 ? id : hz_attrs_find(a, CKA_LABEL);
}

bool hz_p11_obj_name(struct hz_p11 *p, hz_oid oid, uint64_t *name, bool *session)
{
	const struct hz_p11_line *l;

	pthread_mutex_lock(&p->table.lock);
	l = hz_p11_line_of(&p->table.lines, oid);
	if (l != NULL) {
		const struct hz_p11_obj *o = l->what;

		*name = (hz_p11_hash(telling(&o->seen)) * 31 + o->cls) * 31 + o->kt;
		*session = o->session;
	}
	pthread_mutex_unlock(&p->table.lock);
	return l != NULL;
}

CK_RV hz_p11_obj_ident(struct hz_p11 *p, hz_oid oid, struct hz_attrs *out)
{
	const struct hz_attr *which;
	const struct hz_p11_line *l;
	const struct hz_p11_obj *o;
	CK_RV rv = CKR_OBJECT_HANDLE_INVALID;

	pthread_mutex_lock(&p->table.lock);
	l = hz_p11_line_of(&p->table.lines, oid);
	o = l != NULL ? l->what : NULL;
	if (o != NULL)
		rv = hz_attrs_set_ulong(out, CKA_CLASS, o->cls);
	if (rv == CKR_OK && o->kt != CK_UNAVAILABLE_INFORMATION)
		rv = hz_attrs_set_ulong(out, CKA_KEY_TYPE, o->kt);
	which = o != NULL ? telling(&o->seen) : NULL;
	if (rv == CKR_OK && which != NULL)
		rv = hz_attrs_set_from(out, which);
	pthread_mutex_unlock(&p->table.lock);
	return rv;
}

void hz_p11_table_free(struct hz_p11 *p)
{
	for (size_t i = 0; i < p->table.lines.n; i++)
		hz_p11_obj_unref(p->table.lines.v[i].what);
	free(p->table.lines.v);
}

CK_RV hz_p11_handle(struct hz_p11 *p, CK_SESSION_HANDLE s, struct hz_p11_obj *o, CK_OBJECT_HANDLE *h)
{
	CK_RV rv = CKR_OK;

	if (o->session && o->link != atomic_load(&p->link))
		return hz_fail(CKR_KEY_HANDLE_INVALID, "the session key was lost with the device's session");
	if (!o->session && atomic_load(&o->era) != atomic_load(&p->era)) {
		rv = hz_p11_lock(p, &p->table.listing);
		if (rv != CKR_OK)
			return rv;
		if (atomic_load(&o->era) != atomic_load(&p->era))
			rv = hz_p11_list(p, s);
		pthread_mutex_unlock(&p->table.listing);
	}
	if (rv == CKR_OK && (atomic_load(&o->gone) || (!o->session && atomic_load(&o->era) == 0)))
		rv = hz_fail(CKR_OBJECT_HANDLE_INVALID, "the device has no such object any more");
	*h = atomic_load(&o->handle);
	return rv;
}
