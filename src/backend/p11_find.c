/* SPDX-License-Identifier: Apache-2.0 */
/* Searching for objects in memory, checked against the device; and for the public half of a private key. */
#include <stdlib.h>
#include <string.h>

#include "backend/p11_table.h"
#include "base/error.h"

#define LIST_MIN 5000   /* milliseconds that a list is good for, at least and at most */
#define LIST_MAX 900000
#define LOOK_AGAIN 1000 /* milliseconds that an object is taken for what it was */
#define LOOK_MAX 16     /* results that are looked at one by one */

struct query {
	struct hz_p11 *p;
	const struct hz_attrs *tmpl;
	bool private_too;
	const struct hz_attr *label, *id;
	uint64_t label_hash, id_hash;
	bool deep;       /* asks for more than the table knows */
	hz_oid *ids;
	size_t n, cap;
};

static bool known_here(CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < HZ_P11_IDENTITY; i++)
		if (hz_p11_identity[i] == type)
			return true;
	return type == CKA_TOKEN;
}

static void plan(struct query *q)
{
	q->label = hz_attrs_find(q->tmpl, CKA_LABEL);
	q->id = hz_attrs_find(q->tmpl, CKA_ID);
	q->label_hash = hz_p11_hash(q->label);
	q->id_hash = hz_p11_hash(q->id);
	for (size_t i = 0; i < q->tmpl->n; i++)
		q->deep |= !known_here(q->tmpl->v[i].type);
}

static bool same_value(const struct hz_attr *x, const struct hz_attr *y)
{
	return y != NULL && x->len == y->len && (x->len == 0 || memcmp(x->value, y->value, x->len) == 0);
}

static bool line_fits(const struct query *q, const struct hz_p11_line *l)
{
	const struct hz_p11_obj *o = l->what;

	if ((q->label != NULL && l->label != q->label_hash) || (q->id != NULL && l->id != q->id_hash))
		return false;
	if (o == NULL || o->hidden || o->session || atomic_load(&o->gone) || atomic_load(&o->era) == 0 || (o->private && !q->private_too))
		return false;
	for (size_t i = 0; i < q->tmpl->n; i++) {
		const struct hz_attr *x = &q->tmpl->v[i];

		if (x->type == CKA_PRIVATE) {
			if (hz_attrs_bool(q->tmpl, CKA_PRIVATE, false) != o->private)
				return false;
		} else if (x->type != CKA_TOKEN && known_here(x->type) && !same_value(x, hz_attrs_find(&o->seen, x->type)) &&
			   !(x->len == 0 && hz_attrs_find(&o->seen, x->type) == NULL)) {
			return false;
		}
	}
	return true;
}

static bool keep(struct query *q, hz_oid id)
{
	if (q->n == q->cap) {
		size_t cap = q->cap != 0 ? 2 * q->cap : 16;
		hz_oid *v = reallocarray(q->ids, cap, sizeof *v);

		if (v == NULL)
			return false;
		q->ids = v;
		q->cap = cap;
	}
	q->ids[q->n++] = id;
	return true;
}

static CK_RV scan(struct query *q)
{
	const struct hz_p11_lines *t = &q->p->table.lines;

	q->n = 0;
	for (size_t i = 0; i < t->n; i++)
		if (line_fits(q, &t->v[i]) && !keep(q, t->v[i].oid))
			return CKR_HOST_MEMORY;
	return CKR_OK;
}

static bool has_handle(const struct hz_p11_line *l, CK_OBJECT_HANDLE h)
{
	const struct hz_p11_obj *o = l->what;

	return o != NULL && atomic_load(&o->handle) == h && !atomic_load(&o->gone);
}

/* With the table's lock: one object that the device's search has found. */
static CK_RV probed(struct query *q, CK_OBJECT_HANDLE h, const struct hz_attrs *a)
{
	struct hz_p11_lines *t = &q->p->table.lines;
	size_t k = 0;

	while (k < t->n && !has_handle(&t->v[k], h))
		k++;
	if (k < t->n)
		hz_p11_note(&t->v[k], a);
	else if (!q->deep && hz_p11_table_add(q->p, h, a, false) == NULL)
		return CKR_HOST_MEMORY;
	return CKR_OK;
}

/* The device's own search finds what others have made or renamed since the list was made. With the listing lock. */
static CK_RV probe(struct query *q, CK_SESSION_HANDLE s)
{
	struct hz_p11 *p = q->p;
	struct hz_p11_handles l = { NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE tmpl[8] = { { CKA_TOKEN, &yes, sizeof yes } };
	CK_ULONG n = 1;
	CK_RV rv;

	for (size_t i = 0; i < q->tmpl->n && n < 8; i++)
		if (known_here(q->tmpl->v[i].type) && q->tmpl->v[i].type != CKA_TOKEN)
			tmpl[n++] = (CK_ATTRIBUTE){ q->tmpl->v[i].type, q->tmpl->v[i].value, q->tmpl->v[i].len };
	rv = hz_p11_search(p, s, tmpl, n, &l);
	for (size_t i = 0; i < l.n && rv == CKR_OK; i++) {
		struct hz_attrs a = HZ_ATTRS_INIT;

		rv = hz_p11_read_identity(p, s, l.v[i], &a);
		pthread_mutex_lock(&p->table.lock);
		if (rv == CKR_OK)
			rv = probed(q, l.v[i], &a);
		pthread_mutex_unlock(&p->table.lock);
		hz_attrs_free(&a);
		if (rv == CKR_OBJECT_HANDLE_INVALID)
			rv = CKR_OK; /* ended meanwhile */
	}
	if (rv == CKR_OK && l.n == 0)
		rv = hz_p11_there(p);
	free(l.v);
	return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID ? CKR_OK : rv;
}

static CK_RV scan_locked(struct query *q)
{
	CK_RV rv;

	pthread_mutex_lock(&q->p->table.lock);
	rv = scan(q);
	pthread_mutex_unlock(&q->p->table.lock);
	return rv;
}

/* Asked by name, an object is looked at itself: the list may be older. */
static bool by_name(const struct query *q)
{
	return (q->label != NULL && q->label->len != 0) || (q->id != NULL && q->id->len != 0);
}

/* With the table's lock or the listing lock. */
static bool current(const struct query *q)
{
	const struct hz_p11_table *t = &q->p->table;
	uint64_t most = t->cost * (by_name(q) ? 1000 : 20);

	most = most < LIST_MIN ? LIST_MIN : most > LIST_MAX ? LIST_MAX : most;
	return atomic_load(&q->p->up) && t->era != 0 && t->era == atomic_load(&q->p->era) && hz_p11_now() - t->listed < most;
}

static CK_RV work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct query *q = arg;
	CK_RV rv = hz_p11_lock(p, &p->table.listing);
	bool listed = false;

	if (rv != CKR_OK)
		return rv;
	if (!current(q)) {
		rv = hz_p11_list(p, s);
		listed = true;
	}
	if (rv == CKR_OK)
		rv = scan_locked(q);
	if (rv == CKR_OK && q->n == 0 && !listed && !q->deep && q->tmpl->n != 0 && !hz_attrs_find(q->tmpl, CKA_PRIVATE)) {
		rv = probe(q, s);
		if (rv == CKR_OK)
			rv = scan_locked(q);
	}
	pthread_mutex_unlock(&p->table.listing);
	return rv;
}

/* ---- is it still so? ---- */

static bool same_identity(const struct hz_attrs *a, const struct hz_attrs *b)
{
	for (size_t i = 0; i < HZ_P11_IDENTITY; i++) {
		const struct hz_attr *x = hz_attrs_find(a, hz_p11_identity[i]), *y = hz_attrs_find(b, hz_p11_identity[i]);

		if ((x == NULL) != (y == NULL) || (x != NULL && !same_value(x, y)))
			return false;
	}
	return true;
}

struct checking {
	struct hz_p11_obj *o;
	bool changed;
};

static CK_RV check_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct checking *c = arg;
	struct hz_attrs now = HZ_ATTRS_INIT;
	CK_OBJECT_HANDLE h;
	CK_RV rv = hz_p11_handle(p, s, c->o, &h);

	if (rv == CKR_OK)
		rv = hz_p11_read_identity(p, s, h, &now);
	if (rv == CKR_OK) {
		struct hz_p11_line *l;

		pthread_mutex_lock(&p->table.lock);
		l = hz_p11_line_of(&p->table.lines, c->o->oid);
		c->changed = l == NULL || !same_identity(&now, &c->o->seen);
		if (l != NULL && c->changed)
			hz_p11_note(l, &now);
		pthread_mutex_unlock(&p->table.lock);
		atomic_store(&c->o->looked, hz_p11_now());
	}
	hz_attrs_free(&now);
	return rv;
}

static CK_RV check_one(struct hz_p11 *p, struct checking *c)
{
	CK_RV rv = hz_p11_now() - atomic_load(&c->o->looked) < LOOK_AGAIN ? CKR_OK : hz_p11_run(p, check_work, c);

	if (rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_KEY_HANDLE_INVALID) {
		hz_p11_obj_end(p, c->o);
		c->changed = true;
		rv = CKR_OK;
	}
	return rv;
}

/* The few objects that a search by name has found: are they there, and still called so? *changed: no, search again. */
static CK_RV check(struct query *q, bool *changed)
{
	CK_RV rv = CKR_OK;

	*changed = false;
	for (size_t i = 0; i < q->n && rv == CKR_OK; i++) {
		struct checking c = { hz_p11_obj_of(q->p, q->ids[i]), false };

		if (c.o != NULL)
			rv = check_one(q->p, &c);
		*changed |= c.o == NULL || c.changed;
		hz_p11_obj_unref(c.o);
	}
	if (*changed)
		(void)atomic_fetch_add(&q->p->generation, 1);
	return rv;
}

/* Attributes that the table does not hold are compared with the object itself. */
static CK_RV look_closely(struct query *q)
{
	size_t k = 0;
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < q->n && rv == CKR_OK; i++) {
		struct hz_attrs a = HZ_ATTRS_INIT;
		CK_RV one = hz_p11_obj_read(q->p, q->ids[i], &a);

		if (one == CKR_OK && hz_attrs_match(&a, q->tmpl))
			q->ids[k++] = q->ids[i];
		else if (one != CKR_OK && one != CKR_OBJECT_HANDLE_INVALID && one != HZ_P11_REFUSED)
			rv = one;
		hz_attrs_free(&a);
	}
	q->n = k;
	return rv;
}

/* From memory where that is good enough. */
static CK_RV look(struct query *q)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&q->p->table.lock);
	q->n = 0;
	if (current(q))
		rv = scan(q);
	pthread_mutex_unlock(&q->p->table.lock);
	return rv;
}

CK_RV hz_p11_find(struct hz_backend *be, const struct hz_attrs *tmpl, bool private_too, hz_oid **ids, size_t *n)
{
	struct query q = { .p = hz_p11_self(be), .tmpl = tmpl, .private_too = private_too };
	bool changed = false;
	CK_RV rv;

	plan(&q);
	rv = look(&q);
	if (rv == CKR_OK && q.n != 0 && q.n <= LOOK_MAX && by_name(&q))
		rv = check(&q, &changed);
	if (rv == CKR_OK && changed)
		rv = look(&q);
	if (rv == CKR_OK && q.n == 0)
		rv = hz_p11_run(q.p, work, &q);
	if (rv == CKR_OK && q.deep)
		rv = look_closely(&q);
	if (rv == CKR_USER_NOT_LOGGED_IN) /* no code of a search */
		rv = hz_fail(CKR_DEVICE_ERROR, "the login at the device is lost and cannot be made again");
	if (rv != CKR_OK) {
		free(q.ids);
		return rv;
	}
	*ids = q.ids;
	*n = q.n;
	return CKR_OK;
}

/* ---- halves ---- */

static bool is_half(const struct hz_p11_obj *o, const struct hz_attrs *priv, const struct hz_attr *id)
{
	return o != NULL && !atomic_load(&o->gone) && o->cls == CKO_PUBLIC_KEY && same_value(id, hz_attrs_find(&o->seen, CKA_ID)) &&
	       hz_attrs_ulong(&o->seen, CKA_KEY_TYPE, 0) == hz_attrs_ulong(priv, CKA_KEY_TYPE, 1);
}

/* With the table's lock, and good for as long. */
static struct hz_p11_obj *find_half(struct hz_p11 *p, const struct hz_attrs *priv, const struct hz_attr *id)
{
	const struct hz_p11_lines *t = &p->table.lines;
	struct hz_p11_obj *found = NULL;
	uint64_t hash = hz_p11_hash(id);

	for (size_t i = 0; i < t->n && found == NULL; i++)
		if (t->v[i].id == hash && is_half(t->v[i].what, priv, id))
			found = t->v[i].what;
	return found;
}

CK_RV hz_p11_public_half(struct hz_p11 *p, CK_SESSION_HANDLE s, const struct hz_attrs *priv, struct hz_attrs *pub)
{
	const struct hz_attr *id = hz_attrs_find(priv, CKA_ID), *curve = hz_attrs_find(priv, CKA_EC_PARAMS), *has_curve;
	CK_KEY_TYPE kt = hz_attrs_ulong(priv, CKA_KEY_TYPE, 0);
	struct hz_p11_obj *o;
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;
	CK_RV rv = CKR_OK;

	if (id == NULL || id->len == 0)
		return CKR_OK;
	rv = hz_p11_lock(p, &p->table.listing);
	if (rv != CKR_OK)
		return rv;
	if (p->table.era != atomic_load(&p->era))
		rv = hz_p11_list(p, s);
	pthread_mutex_unlock(&p->table.listing);
	pthread_mutex_lock(&p->table.lock);
	o = find_half(p, priv, id);
	if (o != NULL)
		h = atomic_load(&o->handle);
	pthread_mutex_unlock(&p->table.lock);
	if (rv != CKR_OK || o == NULL)
		return rv;
	rv = hz_p11_read_all(p, s, h, CKO_PUBLIC_KEY, kt, pub);
	has_curve = hz_attrs_find(pub, CKA_EC_PARAMS);
	if (rv == CKR_OBJECT_HANDLE_INVALID || (rv == CKR_OK && curve != NULL && (has_curve == NULL || !same_value(curve, has_curve)))) {
		hz_attrs_free(pub);
		return CKR_OK;
	}
	return rv;
}
