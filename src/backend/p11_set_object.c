/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of several modules as one: numbers of ours for theirs, the same key in another module. */
#include <stdlib.h>
#include <string.h>

#include "backend/p11_set.h"
#include "base/error.h"
#include "base/log.h"
#include "crypto/hash.h"

/* ---- entries ---- */

/* With the lock. NULL: none. */
static struct hz_p11_entry *numbered(struct hz_p11_set *s, hz_oid oid)
{
	const struct hz_p11_line *l = hz_p11_line_of(&s->lines, oid);

	return l != NULL ? l->what : NULL;
}

static struct hz_p11_entry *entry_ref(struct hz_p11_entry *e)
{
	if (e != NULL)
		(void)atomic_fetch_add(&e->refs, 1);
	return e;
}

void hz_p11_entry_unref(struct hz_p11_entry *e)
{
	if (e == NULL || atomic_fetch_sub(&e->refs, 1) != 1)
		return;
	hz_attrs_free(&e->ident);
	free(e);
}

struct hz_p11_entry *hz_p11_entry_of(struct hz_p11_set *s, hz_oid oid)
{
	struct hz_p11_entry *e;

	pthread_mutex_lock(&s->lock);
	e = entry_ref(numbered(s, oid));
	pthread_mutex_unlock(&s->lock);
	return e;
}

struct hz_p11_entry *hz_p11_entry_ref(struct hz_p11_set *s, const struct hz_attrs *a)
{
	const struct hz_attr *r = hz_attrs_find(a, HZ_CKA_REF);
	hz_oid oid;

	if (r == NULL || r->len != sizeof oid)
		return NULL;
	memcpy(&oid, r->value, sizeof oid);
	return hz_p11_entry_of(s, oid);
}

/* With the lock. An entry that another module had first: by name, where there is one only. */
static struct hz_p11_entry *by_name(struct hz_p11_set *s, unsigned i, uint64_t name)
{
	struct hz_p11_entry *found = NULL;

	for (size_t k = 0; k < s->lines.n; k++) {
		struct hz_p11_entry *e = s->lines.v[k].what;

		if (s->lines.v[k].label != name || e == NULL || e->session || e->at[i] != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = e;
	}
	return found;
}

/* With the lock. */
static struct hz_p11_entry *new_entry(struct hz_p11_set *s, uint64_t name)
{
	struct hz_p11_entry *e = calloc(1, sizeof *e);
	struct hz_p11_line *l = e != NULL ? hz_p11_line_add(&s->lines, e) : NULL;

	if (l == NULL) {
		free(e);
		return NULL;
	}
	l->label = name;
	e->oid = l->oid;
	atomic_store(&e->refs, 1);
	return e;
}

/* What it is looked for by in other modules, as module i has it now: kept for when that one has it no more. */
static void note_ident(struct hz_p11_set *s, struct hz_p11_entry *e, unsigned i)
{
	struct hz_attrs a = HZ_ATTRS_INIT, was = HZ_ATTRS_INIT;

	if (hz_p11_obj_ident(s->m[i].p, e->at[i], &a) == CKR_OK) {
		pthread_mutex_lock(&s->lock);
		was = e->ident;
		e->ident = a;
		pthread_mutex_unlock(&s->lock);
		a = was;
	}
	hz_attrs_free(&a);
}

struct hz_p11_entry *hz_p11_entry_for(struct hz_p11_set *s, unsigned i, hz_oid oid)
{
	struct hz_p11_obj *o = hz_p11_obj_of(s->m[i].p, oid);
	struct hz_p11_entry *e = NULL;
	uint64_t name = 0;
	bool session = false, fresh = false;

	if (o == NULL || !hz_p11_obj_name(s->m[i].p, oid, &name, &session)) {
		hz_p11_obj_unref(o);
		return NULL;
	}
	pthread_mutex_lock(&s->lock);
	e = numbered(s, atomic_load(&o->above));
	if (e == NULL && !session)
		e = by_name(s, i, name);
	if (e == NULL) {
		e = new_entry(s, name);
		fresh = e != NULL;
	}
	if (e != NULL) {
		atomic_store(&o->above, e->oid);
		e->session = session;
		e->at[i] = oid;
		(void)entry_ref(e);
	}
	pthread_mutex_unlock(&s->lock);
	hz_p11_obj_unref(o);
	if (fresh && !session)
		note_ident(s, e, i);
	return e;
}

/* Does any module still have it, as far as is known? */
static bool stands(struct hz_p11_set *s, const struct hz_p11_entry *e)
{
	bool has = false;

	for (unsigned i = 0; !has && i < s->n; i++) {
		struct hz_p11_obj *o = hz_p11_obj_of(s->m[i].p, e->at[i]);

		has = o != NULL;
		hz_p11_obj_unref(o);
	}
	return has;
}

static void end_entry(struct hz_p11_set *s, struct hz_p11_entry *e)
{
	struct hz_p11_entry *was;

	pthread_mutex_lock(&s->lock);
	was = hz_p11_line_end(&s->lines, e->oid);
	hz_p11_lines_settle(&s->lines);
	pthread_mutex_unlock(&s->lock);
	hz_p11_entry_unref(was);
}

void hz_p11_entries_free(struct hz_p11_set *s)
{
	for (size_t i = 0; i < s->lines.n; i++)
		hz_p11_entry_unref(s->lines.v[i].what);
	free(s->lines.v);
}

/* ---- references ---- */

/* Why there is no entry for module i's object. */
static CK_RV no_entry(struct hz_p11_set *s, unsigned i, hz_oid oid)
{
	struct hz_p11_obj *o = hz_p11_obj_of(s->m[i].p, oid);
	const bool there = o != NULL;

	hz_p11_obj_unref(o);
	return there ? hz_fail(CKR_HOST_MEMORY, "no memory for an object") : hz_fail(CKR_OBJECT_HANDLE_INVALID, "the device's object has ended");
}

CK_RV hz_p11_ref_up(struct hz_p11_set *s, unsigned i, struct hz_attrs *a)
{
	const struct hz_attr *r = hz_attrs_find(a, HZ_CKA_REF);
	struct hz_p11_entry *e;
	hz_oid oid;
	CK_RV rv;

	if (r == NULL || r->len != sizeof oid)
		return CKR_OK; /* its value is in the set */
	memcpy(&oid, r->value, sizeof oid);
	e = hz_p11_entry_for(s, i, oid);
	if (e == NULL)
		return no_entry(s, i, oid);
	rv = hz_attrs_set(a, HZ_CKA_REF, &e->oid, sizeof e->oid, false);
	hz_p11_entry_unref(e);
	return rv;
}

CK_RV hz_p11_ref_down(const struct hz_p11_entry *e, unsigned i, const struct hz_attrs *a, struct hz_attrs *out)
{
	hz_oid oid = e->at[i];
	CK_RV rv = hz_attrs_dup(out, a);

	return rv == CKR_OK ? hz_attrs_set(out, HZ_CKA_REF, &oid, sizeof oid, false) : rv;
}

/* ---- the same key elsewhere ---- */

/* What shows that two objects are the same: the public key, a secret key's type and check value, anything else's value. */
static bool print_of(const struct hz_attrs *a, uint8_t print[32])
{
	CK_OBJECT_CLASS cls = hz_attrs_ulong(a, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
	CK_KEY_TYPE kt = hz_attrs_ulong(a, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	bool pair = cls == CKO_PRIVATE_KEY || cls == CKO_PUBLIC_KEY;
	const struct hz_attr *v = hz_attrs_find(a, pair ? CKA_PUBLIC_KEY_INFO : cls == CKO_SECRET_KEY ? CKA_CHECK_VALUE : CKA_VALUE);
	struct hz_hash h;

	if (v == NULL || v->len == 0)
		return false;
	hz_hash_init(&h, HZ_SHA256);
	hz_hash_update(&h, &cls, sizeof cls);
	hz_hash_update(&h, &kt, sizeof kt);
	hz_hash_update(&h, v->value, v->len);
	hz_hash_final(&h, print);
	return true;
}

/* Attributes of an entry, as a module gives them: of the same object as before? The first ones tell. */
static bool known_as(struct hz_p11_set *s, struct hz_p11_entry *e, unsigned i, const struct hz_attrs *a)
{
	uint8_t print[HZ_HASH_MAX];
	bool has = print_of(a, print), same;

	pthread_mutex_lock(&s->lock);
	if (!e->known && !e->alone) {
		e->known = has;
		e->alone = !has;
		memcpy(e->print, print, sizeof e->print);
		same = true; /* apart: clang assigns no atomic value further */
		e->sure[i] = true;
	} else {
		same = e->alone ? e->sure[i] : has && memcmp(e->print, print, sizeof e->print) == 0;
		e->sure[i] = same;
	}
	pthread_mutex_unlock(&s->lock);
	return same;
}

static void link_to(struct hz_p11_set *s, struct hz_p11_entry *e, unsigned i, hz_oid oid)
{
	struct hz_p11_obj *o = hz_p11_obj_of(s->m[i].p, oid);

	pthread_mutex_lock(&s->lock);
	if (o != NULL)
		atomic_store(&o->above, e->oid);
	e->at[i] = o != NULL ? oid : 0;
	pthread_mutex_unlock(&s->lock);
	hz_p11_obj_unref(o);
}

/* Module i's object with this number, if it is what the entry stands for. CKR_OBJECT_HANDLE_INVALID: it is not. */
static CK_RV load_at(struct hz_p11_set *s, struct hz_p11_entry *e, unsigned i, hz_oid oid, struct hz_attrs *a)
{
	bool checked;
	CK_RV rv = hz_p11_obj_load(&s->m[i].p->be, oid, a, &checked);

	if (rv == CKR_OK && !known_as(s, e, i, a)) {
		hz_attrs_free(a);
		rv = hz_fail(CKR_OBJECT_HANDLE_INVALID, "module.%u has another object of this class and CKA_ID", s->m[i].number);
	}
	return rv;
}

/* Module i's object for the entry, found by class, key type and CKA_ID (CKA_LABEL where there is none). */
static CK_RV seek(struct hz_p11_set *s, struct hz_p11_entry *e, unsigned i, struct hz_attrs *a)
{
	struct hz_attrs tmpl = HZ_ATTRS_INIT;
	hz_oid *ids = NULL;
	size_t n = 0;
	CK_RV rv = CKR_OBJECT_HANDLE_INVALID, one = CKR_OBJECT_HANDLE_INVALID;

	for (unsigned k = 0; k < s->n && rv != CKR_OK; k++)
		if (e->at[k] != 0)
			rv = hz_p11_obj_ident(s->m[k].p, e->at[k], &tmpl);
	pthread_mutex_lock(&s->lock);
	if (rv == CKR_OBJECT_HANDLE_INVALID && e->ident.n != 0)
		rv = hz_attrs_dup(&tmpl, &e->ident);
	pthread_mutex_unlock(&s->lock);
	if (rv == CKR_OK)
		rv = hz_p11_find(&s->m[i].p->be, &tmpl, true, &ids, &n);
	for (size_t k = 0; k < n && rv == CKR_OK && one != CKR_OK; k++) {
		one = load_at(s, e, i, ids[k], a);
		if (one == CKR_OK)
			link_to(s, e, i, ids[k]);
		else if (one != CKR_OBJECT_HANDLE_INVALID)
			rv = one;
	}
	free(ids);
	hz_attrs_free(&tmpl);
	return rv == CKR_OK ? one : rv;
}

/* The entry's attributes as module i has them. */
static CK_RV load_entry(struct hz_p11_set *s, struct hz_p11_entry *e, unsigned i, struct hz_attrs *a)
{
	CK_RV rv = e->at[i] != 0 ? load_at(s, e, i, e->at[i], a) : CKR_OBJECT_HANDLE_INVALID;

	if (rv == CKR_OBJECT_HANDLE_INVALID && !e->session && !e->alone)
		rv = seek(s, e, i, a);
	return rv;
}

CK_RV hz_p11_counterpart(struct hz_p11_set *s, struct hz_p11_entry *e, unsigned i, struct hz_p11_obj **o)
{
	struct hz_attrs a = HZ_ATTRS_INIT;
	bool sure;
	CK_RV rv;

	pthread_mutex_lock(&s->lock);
	sure = e->at[i] != 0 && (e->sure[i] || e->session);
	pthread_mutex_unlock(&s->lock);
	*o = sure ? hz_p11_obj_of(s->m[i].p, e->at[i]) : NULL;
	if (*o != NULL)
		return CKR_OK;
	rv = load_entry(s, e, i, &a);
	hz_attrs_free(&a);
	if (rv == CKR_OK)
		*o = hz_p11_obj_of(s->m[i].p, e->at[i]);
	if (rv == CKR_OBJECT_HANDLE_INVALID || (rv == CKR_OK && *o == NULL))
		return hz_fail(CKR_KEY_HANDLE_INVALID, "module.%u has no key with this CKA_ID and public key", s->m[i].number);
	return rv;
}

/* ---- the vtable's calls about objects ---- */

CK_RV hz_p11_set_find(struct hz_backend *be, const struct hz_attrs *tmpl, bool private_too, hz_oid **ids, size_t *n)
{
	struct hz_p11_set *s = hz_p11_set_self(be);
	unsigned tried = 0;
	CK_RV rv = CKR_DEVICE_REMOVED;

	for (int i; (i = hz_p11_lead(s, tried)) >= 0; tried |= 1u << i) {
		rv = hz_p11_find(&s->m[i].p->be, tmpl, private_too, ids, n);
		hz_p11_report(s, (unsigned)i, rv);
		for (size_t k = 0; rv == CKR_OK && k < *n; k++) {
			struct hz_p11_entry *e = hz_p11_entry_for(s, (unsigned)i, (*ids)[k]);

			if (e != NULL)
				(*ids)[k] = e->oid;
			else
				(*ids)[k--] = (*ids)[--*n]; /* ended meanwhile */
			hz_p11_entry_unref(e);
		}
		if (!hz_p11_sickness(rv))
			break;
	}
	return rv;
}

/* From the leading module that has it. */
CK_RV hz_p11_set_load(struct hz_backend *be, hz_oid id, struct hz_attrs *out, bool *checked)
{
	struct hz_p11_set *s = hz_p11_set_self(be);
	struct hz_p11_entry *e = hz_p11_entry_of(s, id);
	unsigned tried = 0;
	CK_RV rv = CKR_OBJECT_HANDLE_INVALID, other = CKR_OBJECT_HANDLE_INVALID;

	*out = (struct hz_attrs)HZ_ATTRS_INIT;
	*checked = true;
	for (int i; e != NULL && (i = hz_p11_lead(s, tried)) >= 0; tried |= 1u << i) {
		rv = load_entry(s, e, (unsigned)i, out);
		hz_p11_report(s, (unsigned)i, rv);
		if (rv == CKR_OK) {
			rv = hz_p11_ref_up(s, (unsigned)i, out);
			hz_p11_entry_unref(e);
			return rv;
		}
		if (hz_p11_sickness(rv) || other == CKR_OBJECT_HANDLE_INVALID)
			other = rv;
	}
	if (e != NULL && other == CKR_OBJECT_HANDLE_INVALID && !e->session && !stands(s, e))
		end_entry(s, e); /* every module answers that it has none */
	hz_p11_entry_unref(e);
	return hz_p11_sickness(other) ? other : hz_fail(CKR_OBJECT_HANDLE_INVALID, "no such object");
}

static CK_RV insert_one(struct hz_p11_set *s, const struct hz_attrs *set, hz_oid *id)
{
	struct hz_p11_entry *from = hz_p11_entry_ref(s, set), *e;
	struct hz_attrs down = HZ_ATTRS_INIT;
	const struct hz_attrs *one[] = { set };
	int i = hz_p11_lead(s, 0);
	CK_RV rv = CKR_OK;

	if (from == NULL && hz_p11_has_ref(set))
		return hz_fail(CKR_OBJECT_HANDLE_INVALID, "the device's object has ended");
	for (unsigned k = 0; from != NULL && from->at[i] == 0 && k < s->n; k++)
		if (from->at[k] != 0)
			i = (int)k;
	if (from != NULL) {
		rv = hz_p11_ref_down(from, (unsigned)i, set, &down);
		one[0] = &down;
	}
	if (rv == CKR_OK)
		rv = hz_p11_insert(&s->m[i].p->be, one, 1, id);
	hz_p11_report(s, (unsigned)i, rv);
	hz_attrs_free(&down);
	hz_p11_entry_unref(from);
	if (rv != CKR_OK)
		return rv;
	e = hz_p11_entry_for(s, (unsigned)i, *id);
	if (e == NULL)
		return no_entry(s, (unsigned)i, *id);
	hz_log(HZ_LOG_INFO, "an object was made in module.%u alone", s->m[i].number);
	*id = e->oid;
	hz_p11_entry_unref(e);
	return CKR_OK;
}

CK_RV hz_p11_set_insert(struct hz_backend *be, const struct hz_attrs *const sets[], size_t n, hz_oid *ids)
{
	CK_RV rv = CKR_OK;
	size_t k = 0;

	while (k < n && rv == CKR_OK) {
		rv = insert_one(hz_p11_set_self(be), sets[k], &ids[k]);
		k += rv == CKR_OK;
	}
	for (size_t i = 0; rv != CKR_OK && i < k; i++)
		(void)hz_p11_set_destroy(be, ids[i]);
	return rv;
}

/* In every module that has the object; one that does not answer is told in the log, and the leading one decides. No edit: destroy it. */
static CK_RV everywhere(struct hz_p11_set *s, hz_oid id, hz_edit_fn edit, void *arg)
{
	struct hz_p11_entry *e = hz_p11_entry_of(s, id);
	CK_RV rv = CKR_OBJECT_HANDLE_INVALID, one;
	bool done = false;

	for (unsigned i = 0; e != NULL && i < s->n; i++) {
		struct hz_backend *be = &s->m[i].p->be;

		if (e->at[i] == 0)
			continue;
		one = edit != NULL ? hz_p11_update(be, e->at[i], edit, arg) : hz_p11_destroy(be, e->at[i]);
		hz_p11_report(s, i, one);
		if (one != CKR_OK)
			hz_log(HZ_LOG_WARNING, "module.%u keeps an object as it was: %s", s->m[i].number, hz_error_text());
		if (!done)
			rv = one;
		done |= one == CKR_OK;
		if (one == CKR_OK && edit != NULL)
			note_ident(s, e, i);
	}
	if (done && edit == NULL)
		end_entry(s, e);
	hz_p11_entry_unref(e);
	return rv;
}

CK_RV hz_p11_set_update(struct hz_backend *be, hz_oid id, hz_edit_fn edit, void *arg)
{
	return everywhere(hz_p11_set_self(be), id, edit, arg);
}

CK_RV hz_p11_set_destroy(struct hz_backend *be, hz_oid id)
{
	return everywhere(hz_p11_set_self(be), id, NULL, NULL);
}

static void count(struct hz_p11_set *s, const struct hz_attrs *set, void (*by)(struct hz_backend *be, const struct hz_attrs *set))
{
	struct hz_p11_entry *e = hz_p11_entry_ref(s, set);

	for (unsigned i = 0; e != NULL && e->session && i < s->n; i++) {
		struct hz_attrs down = HZ_ATTRS_INIT;

		if (e->at[i] != 0 && hz_p11_ref_down(e, i, set, &down) == CKR_OK)
			by(&s->m[i].p->be, &down);
		hz_attrs_free(&down);
	}
	hz_p11_entry_unref(e);
}

void hz_p11_set_hold(struct hz_backend *be, const struct hz_attrs *set)
{
	count(hz_p11_set_self(be), set, hz_p11_hold);
}

void hz_p11_set_release(struct hz_backend *be, const struct hz_attrs *set)
{
	struct hz_p11_set *s = hz_p11_set_self(be);
	struct hz_p11_entry *e = hz_p11_entry_ref(s, set);

	count(s, set, hz_p11_release);
	if (e != NULL && e->session && !stands(s, e))
		end_entry(s, e);
	hz_p11_entry_unref(e);
}
