/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of the device: listed once, looked for in memory, found again when the device's handles have changed. */
#include <stdlib.h>
#include <string.h>

#include "backend/p11_int.h"
#include "backend/soft_asym.h"
#include "base/error.h"

#define FRESH_SECONDS 5 /* how long a list holds; what other processes add is found at once when a search finds nothing */
#define BATCH 256

static const CK_ATTRIBUTE_TYPE identity[] = { CKA_CLASS, CKA_KEY_TYPE, CKA_ID, CKA_LABEL, CKA_PRIVATE };

static uint64_t hash64(const struct hz_attr *a)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; a != NULL && i < a->len; i++)
		h = (h ^ ((const uint8_t *)a->value)[i]) * 0x100000001b3u;
	return h;
}

static void name_of(const struct hz_attrs *a, uint8_t name[32])
{
	struct hz_hash h;

	hz_hash_init(&h, HZ_SHA256);
	for (size_t i = 0; i < 4; i++) {
		const struct hz_attr *v = hz_attrs_find(a, identity[i]);
		uint32_t len = v != NULL ? (uint32_t)v->len : 0; /* devices say so of what they were not told */

		hz_hash_update(&h, &len, sizeof len);
		if (v != NULL && v->len != 0)
			hz_hash_update(&h, v->value, v->len);
	}
	hz_hash_final(&h, name);
}

static void note(struct hz_p11_line *l, const struct hz_attrs *attrs)
{
	struct hz_p11_obj *o = l->o;

	hz_attrs_free(&o->seen);
	for (size_t i = 0; i < sizeof identity / sizeof identity[0]; i++) {
		const struct hz_attr *v = hz_attrs_find(attrs, identity[i]);

		if (v != NULL)
			(void)hz_attrs_set_from(&o->seen, v);
	}
	o->cls = hz_attrs_ulong(attrs, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
	o->kt = hz_attrs_ulong(attrs, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	o->private = hz_attrs_bool(attrs, CKA_PRIVATE, o->cls == CKO_PRIVATE_KEY || o->cls == CKO_SECRET_KEY);
	name_of(attrs, o->name);
	l->label = hash64(hz_attrs_find(attrs, CKA_LABEL));
	l->id = hash64(hz_attrs_find(attrs, CKA_ID));
}

/* With the table's lock. */
static struct hz_p11_obj *add(struct hz_p11 *p, CK_OBJECT_HANDLE h, const struct hz_attrs *attrs, bool session)
{
	struct hz_p11_table *t = &p->table;
	struct hz_p11_obj *o;

	if (t->n == t->cap) {
		size_t cap = t->cap != 0 ? 2 * t->cap : 64;
		struct hz_p11_line *v = reallocarray(t->v, cap, sizeof *v);

		if (v == NULL)
			return NULL;
		t->v = v;
		t->cap = cap;
	}
	o = calloc(1, sizeof *o);
	if (o == NULL)
		return NULL;
	t->v[t->n] = (struct hz_p11_line){ 0, 0, o };
	note(&t->v[t->n], attrs);
	o->oid = ++t->n;
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

	for (size_t i = p->table.n; i > 0; i--) {
		struct hz_p11_obj *o = p->table.v[i - 1].o;

		if (!o->session && !atomic_load(&o->gone) && atomic_load(&o->handle) == h && atomic_load(&o->era) == era)
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
		note(&p->table.v[o->oid - 1], attrs);
	else
		o = add(p, h, attrs, session);
	if (o != NULL)
		atomic_store(&o->fresh, true);
	pthread_mutex_unlock(&p->table.lock);
	(void)atomic_fetch_add(&p->generation, 1);
	return o;
}

void hz_p11_obj_seen(struct hz_p11 *p, struct hz_p11_obj *o, const struct hz_attrs *attrs)
{
	pthread_mutex_lock(&p->table.lock);
	note(&p->table.v[o->oid - 1], attrs);
	pthread_mutex_unlock(&p->table.lock);
	(void)atomic_fetch_add(&p->generation, 1);
}

void hz_p11_obj_end(struct hz_p11_obj *o)
{
	atomic_store(&o->gone, true);
}

struct hz_p11_obj *hz_p11_obj_of(struct hz_p11 *p, hz_oid oid)
{
	struct hz_p11_obj *o = NULL;

	pthread_mutex_lock(&p->table.lock);
	if (oid > 0 && oid <= p->table.n)
		o = p->table.v[oid - 1].o;
	pthread_mutex_unlock(&p->table.lock);
	return o != NULL && !atomic_load(&o->gone) ? o : NULL;
}

void hz_p11_table_free(struct hz_p11 *p)
{
	for (size_t i = 0; i < p->table.n; i++) {
		hz_attrs_free(&p->table.v[i].o->seen);
		free(p->table.v[i].o);
	}
	free(p->table.v);
}

/* ---- listing ---- */

struct handles {
	CK_OBJECT_HANDLE *v;
	size_t n;
};

static CK_RV search(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_ATTRIBUTE *tmpl, CK_ULONG n, struct handles *out)
{
	CK_ULONG got = 0;
	CK_RV rv = p->f->C_FindObjectsInit(s, tmpl, n);

	if (rv != CKR_OK)
		return rv;
	do {
		CK_OBJECT_HANDLE *v = reallocarray(out->v, out->n + BATCH, sizeof *v);

		if (v == NULL)
			rv = CKR_HOST_MEMORY;
		else
			out->v = v;
		if (rv == CKR_OK)
			rv = p->f->C_FindObjects(s, out->v + out->n, BATCH, &got);
		if (rv == CKR_OK && got > BATCH)
			rv = hz_fail(CKR_DEVICE_ERROR, "C_FindObjects gives %lu of %u objects", got, BATCH);
		if (rv == CKR_OK)
			out->n += got;
	} while (rv == CKR_OK && got != 0);
	(void)p->f->C_FindObjectsFinal(s);
	return rv;
}

static int by_value(const void *a, const void *b)
{
	CK_OBJECT_HANDLE x = *(const CK_OBJECT_HANDLE *)a, y = *(const CK_OBJECT_HANDLE *)b;

	return (x > y) - (x < y);
}

static bool has(const struct handles *l, CK_OBJECT_HANDLE h)
{
	return l->n != 0 && bsearch(&h, l->v, l->n, sizeof h, by_value) != NULL;
}

/* Objects that are neither seen nor hidden by a missing login have ended. */
static void not_seen(struct hz_p11 *p, struct hz_p11_obj *o)
{
	if (o->private && !p->login_wanted)
		atomic_store(&o->era, 0);
	else
		atomic_store(&o->gone, true);
}

/* The same handles as before: some have gone, and the new ones are what is left in *l. */
static void compare(struct hz_p11 *p, struct handles *l, unsigned era)
{
	struct handles known = { NULL, 0 };
	size_t k = 0;

	known.v = p->table.n != 0 ? calloc(p->table.n, sizeof *known.v) : NULL;
	for (size_t i = 0; i < p->table.n; i++) {
		struct hz_p11_obj *o = p->table.v[i].o;

		if (o->session || atomic_load(&o->gone) || atomic_load(&o->era) != era)
			continue;
		if (!has(l, atomic_load(&o->handle)))
			not_seen(p, o);
		else if (known.v != NULL)
			known.v[known.n++] = atomic_load(&o->handle);
	}
	if (known.n != 0)
		qsort(known.v, known.n, sizeof *known.v, by_value);
	for (size_t i = 0; i < l->n; i++)
		if (!has(&known, l->v[i]))
			l->v[k++] = l->v[i];
	l->n = k;
	free(known.v);
}

/* An object that was listed now, and what becomes of the one that had its name. */
struct newcomer {
	CK_OBJECT_HANDLE h;
	struct hz_attrs attrs;
	uint8_t name[32];
};

static int by_name(const void *a, const void *b)
{
	return memcmp(((const struct newcomer *)a)->name, ((const struct newcomer *)b)->name, 32);
}

static int line_by_name(const void *a, const void *b)
{
	return memcmp((*(struct hz_p11_obj *const *)a)->name, (*(struct hz_p11_obj *const *)b)->name, 32);
}

/* Objects whose handles are of an older era, by name. */
static struct hz_p11_obj **stale(struct hz_p11 *p, unsigned era, size_t *n)
{
	struct hz_p11_obj **v = p->table.n != 0 ? calloc(p->table.n, sizeof(struct hz_p11_obj *)) : NULL;

	*n = 0;
	for (size_t i = 0; v != NULL && i < p->table.n; i++) {
		struct hz_p11_obj *o = p->table.v[i].o;

		if (!o->session && !atomic_load(&o->gone) && atomic_load(&o->era) != era)
			v[(*n)++] = o;
	}
	if (*n != 0)
		qsort(v, *n, sizeof(struct hz_p11_obj *), line_by_name);
	return v;
}

static size_t run_of(const struct newcomer *v, size_t n)
{
	size_t k = 1;

	while (k < n && memcmp(v[k].name, v[0].name, 32) == 0)
		k++;
	return k;
}

/* An object is taken for an old one only where one old and one new object have the name: never a guess between two keys. */
static CK_RV match(struct hz_p11 *p, struct newcomer *in, size_t n, unsigned era)
{
	size_t m, k;
	struct hz_p11_obj **old = stale(p, era, &m);
	CK_RV rv = CKR_OK;

	if (n != 0)
		qsort(in, n, sizeof *in, by_name);
	for (size_t i = 0, j = 0; i < n && rv == CKR_OK; i += k) {
		size_t same = 0;

		k = run_of(in + i, n - i);
		while (j < m && memcmp(old[j]->name, in[i].name, 32) < 0)
			not_seen(p, old[j++]);
		while (j + same < m && memcmp(old[j + same]->name, in[i].name, 32) == 0)
			same++;
		if (k == 1 && same == 1) {
			atomic_store(&old[j]->handle, in[i].h);
			atomic_store(&old[j]->era, era);
		} else {
			for (size_t q = 0; q < same; q++)
				atomic_store(&old[j + q]->gone, true);
			for (size_t q = 0; q < k && rv == CKR_OK; q++)
				rv = add(p, in[i + q].h, &in[i + q].attrs, false) != NULL ? CKR_OK : CKR_HOST_MEMORY;
		}
		j += same;
		if (i + k == n)
			while (j < m)
				not_seen(p, old[j++]);
	}
	if (n == 0)
		for (size_t j = 0; j < m; j++)
			not_seen(p, old[j]);
	free(old);
	return rv;
}

static CK_RV meet(struct hz_p11 *p, CK_SESSION_HANDLE s, const struct handles *l, unsigned era)
{
	struct newcomer *v = l->n != 0 ? calloc(l->n, sizeof *v) : NULL;
	size_t n = 0;
	CK_RV rv = l->n != 0 && v == NULL ? CKR_HOST_MEMORY : CKR_OK;

	for (size_t i = 0; i < l->n && rv == CKR_OK; i++) {
		v[n].h = l->v[i];
		rv = hz_p11_read(p, s, l->v[i], identity, sizeof identity / sizeof identity[0], &v[n].attrs);
		if (rv == CKR_OBJECT_HANDLE_INVALID) { /* ended meanwhile */
			hz_attrs_free(&v[n].attrs);
			rv = CKR_OK;
			continue;
		}
		name_of(&v[n].attrs, v[n].name);
		n++;
	}
	if (rv == CKR_OK)
		rv = match(p, v, n, era);
	for (size_t i = 0; i < n; i++)
		hz_attrs_free(&v[i].attrs);
	free(v);
	return rv;
}

/* With the table's lock and a session. */
static CK_RV list(struct hz_p11 *p, CK_SESSION_HANDLE s)
{
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE token = { CKA_TOKEN, &yes, sizeof yes };
	struct handles l = { NULL, 0 };
	unsigned era = atomic_load(&p->era);
	size_t before = p->table.n;
	CK_RV rv = search(p, s, &token, 1, &l);

	if (rv == CKR_OK) {
		if (l.n != 0)
			qsort(l.v, l.n, sizeof *l.v, by_value);
		compare(p, &l, era);
		rv = meet(p, s, &l, era);
	}
	free(l.v);
	if (rv != CKR_OK)
		return rv;
	p->table.era = era;
	(void)clock_gettime(CLOCK_MONOTONIC, &p->table.listed);
	if (before != p->table.n)
		(void)atomic_fetch_add(&p->generation, 1);
	return CKR_OK;
}

static bool current(const struct hz_p11 *p)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return p->table.era != 0 && p->table.era == atomic_load(&p->era) && now.tv_sec - p->table.listed.tv_sec < FRESH_SECONDS;
}

CK_RV hz_p11_handle(struct hz_p11 *p, CK_SESSION_HANDLE s, struct hz_p11_obj *o, CK_OBJECT_HANDLE *h)
{
	CK_RV rv = CKR_OK;

	if (o->session && o->link != atomic_load(&p->link))
		return hz_fail(CKR_KEY_HANDLE_INVALID, "the session key was lost with the device's session");
	if (!o->session && atomic_load(&o->era) != atomic_load(&p->era)) {
		pthread_mutex_lock(&p->table.lock);
		if (atomic_load(&o->era) != atomic_load(&p->era))
			rv = list(p, s);
		pthread_mutex_unlock(&p->table.lock);
	}
	if (rv == CKR_OK && (atomic_load(&o->gone) || (!o->session && atomic_load(&o->era) == 0)))
		rv = hz_fail(CKR_OBJECT_HANDLE_INVALID, "the device has no such object any more");
	*h = atomic_load(&o->handle);
	return rv;
}

/* ---- searching ---- */

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
	for (size_t i = 0; i < sizeof identity / sizeof identity[0]; i++)
		if (identity[i] == type)
			return true;
	return type == CKA_TOKEN;
}

static void plan(struct query *q)
{
	q->label = hz_attrs_find(q->tmpl, CKA_LABEL);
	q->id = hz_attrs_find(q->tmpl, CKA_ID);
	q->label_hash = hash64(q->label);
	q->id_hash = hash64(q->id);
	for (size_t i = 0; i < q->tmpl->n; i++)
		q->deep |= !known_here(q->tmpl->v[i].type);
}

static bool same_value(const struct hz_attr *x, const struct hz_attr *y)
{
	return y != NULL && x->len == y->len && (x->len == 0 || memcmp(x->value, y->value, x->len) == 0);
}

static bool line_fits(const struct query *q, const struct hz_p11_line *l)
{
	const struct hz_p11_obj *o = l->o;

	if ((q->label != NULL && l->label != q->label_hash) || (q->id != NULL && l->id != q->id_hash))
		return false;
	if (o->session || atomic_load(&o->gone) || atomic_load(&o->era) == 0 || (o->private && !q->private_too))
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
	q->n = 0;
	for (size_t i = 0; i < q->p->table.n; i++)
		if (line_fits(q, &q->p->table.v[i]) && !keep(q, i + 1))
			return CKR_HOST_MEMORY;
	return CKR_OK;
}

/* The device's own search finds what others have made or renamed since the list was made. */
static CK_RV probe(struct query *q, CK_SESSION_HANDLE s)
{
	struct hz_p11 *p = q->p;
	struct handles l = { NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE tmpl[8] = { { CKA_TOKEN, &yes, sizeof yes } };
	CK_ULONG n = 1;
	CK_RV rv;

	for (size_t i = 0; i < q->tmpl->n && n < 8; i++)
		if (known_here(q->tmpl->v[i].type) && q->tmpl->v[i].type != CKA_TOKEN)
			tmpl[n++] = (CK_ATTRIBUTE){ q->tmpl->v[i].type, q->tmpl->v[i].value, q->tmpl->v[i].len };
	rv = search(p, s, tmpl, n, &l);
	for (size_t i = 0; i < l.n && rv == CKR_OK; i++) {
		struct hz_attrs a = HZ_ATTRS_INIT;
		size_t k = 0;

		rv = hz_p11_read(p, s, l.v[i], identity, sizeof identity / sizeof identity[0], &a);
		while (k < p->table.n && (atomic_load(&p->table.v[k].o->handle) != l.v[i] || atomic_load(&p->table.v[k].o->gone)))
			k++;
		if (rv == CKR_OK && k < p->table.n)
			note(&p->table.v[k], &a);
		else if (rv == CKR_OK && !q->deep && add(p, l.v[i], &a, false) == NULL)
			rv = CKR_HOST_MEMORY;
		hz_attrs_free(&a);
	}
	free(l.v);
	return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID ? CKR_OK : rv;
}

static CK_RV work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct query *q = arg;
	CK_RV rv = CKR_OK;
	bool listed = false;

	pthread_mutex_lock(&p->table.lock);
	if (!current(p)) {
		rv = list(p, s);
		listed = true;
	}
	if (rv == CKR_OK)
		rv = scan(q);
	if (rv == CKR_OK && q->n == 0 && !listed && !q->deep && q->tmpl->n != 0 && !hz_attrs_find(q->tmpl, CKA_PRIVATE)) {
		rv = probe(q, s);
		if (rv == CKR_OK)
			rv = scan(q);
	}
	pthread_mutex_unlock(&p->table.lock);
	return rv;
}

/* Attributes that the table does not hold are compared with the object itself. */
static CK_RV look_closely(struct query *q)
{
	size_t k = 0;
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < q->n && rv == CKR_OK; i++) {
		struct hz_attrs a = HZ_ATTRS_INIT;
		bool checked;
		CK_RV one = hz_p11_obj_load(&q->p->be, q->ids[i], &a, &checked);

		if (one == CKR_OK && hz_attrs_match(&a, q->tmpl))
			q->ids[k++] = q->ids[i];
		else if (one != CKR_OK && one != CKR_OBJECT_HANDLE_INVALID)
			rv = one;
		hz_attrs_free(&a);
	}
	q->n = k;
	return rv;
}

CK_RV hz_p11_find(struct hz_backend *be, const struct hz_attrs *tmpl, bool private_too, hz_oid **ids, size_t *n)
{
	struct query q = { .p = hz_p11_self(be), .tmpl = tmpl, .private_too = private_too };
	CK_RV rv = CKR_OK;

	plan(&q);
	pthread_mutex_lock(&q.p->table.lock);
	if (current(q.p))
		rv = scan(&q);
	pthread_mutex_unlock(&q.p->table.lock);
	if (rv == CKR_OK && q.n == 0)
		rv = hz_p11_run(q.p, work, &q);
	if (rv == CKR_OK && q.deep)
		rv = look_closely(&q);
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
	return !atomic_load(&o->gone) && o->cls == CKO_PUBLIC_KEY && same_value(id, hz_attrs_find(&o->seen, CKA_ID)) &&
	       hz_attrs_ulong(&o->seen, CKA_KEY_TYPE, 0) == hz_attrs_ulong(priv, CKA_KEY_TYPE, 1);
}

static struct hz_p11_obj *find_half(struct hz_p11 *p, const struct hz_attrs *priv, const struct hz_attr *id)
{
	struct hz_p11_obj *found = NULL;
	uint64_t hash = hash64(id);

	for (size_t i = 0; i < p->table.n && found == NULL; i++)
		if (p->table.v[i].id == hash && is_half(p->table.v[i].o, priv, id))
			found = p->table.v[i].o;
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
	pthread_mutex_lock(&p->table.lock);
	if (p->table.era != atomic_load(&p->era))
		rv = list(p, s);
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
