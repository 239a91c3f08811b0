/* SPDX-License-Identifier: Apache-2.0 */
/* Listing the device's objects, and telling which of them are the ones that were known before. */
#include <stdlib.h>
#include <string.h>

#include "backend/p11_table.h"
#include "base/error.h"

#define BATCH 256

CK_RV hz_p11_search(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_ATTRIBUTE *tmpl, CK_ULONG n, struct hz_p11_handles *out)
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

#define NAME_MAX_LEN 256 /* of labels and ids that one call reads */

static bool take(struct hz_attrs *out, const CK_ATTRIBUTE *a)
{
	size_t want = a->type == CKA_CLASS || a->type == CKA_KEY_TYPE ? sizeof(CK_ULONG) : a->type == CKA_PRIVATE ? sizeof(CK_BBOOL) : a->ulValueLen;

	return a->ulValueLen == want && hz_attrs_set(out, a->type, a->pValue, a->ulValueLen, false) == CKR_OK;
}

CK_RV hz_p11_read_identity(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, struct hz_attrs *out)
{
	CK_BYTE value[HZ_P11_IDENTITY][NAME_MAX_LEN];
	CK_ATTRIBUTE v[HZ_P11_IDENTITY];
	bool good = true;

	for (size_t i = 0; i < HZ_P11_IDENTITY; i++)
		v[i] = (CK_ATTRIBUTE){ hz_p11_identity[i], value[i], NAME_MAX_LEN };
	/* Anything but CKR_OK may mean one attribute or the call: the careful way finds out. */
	if (p->f->C_GetAttributeValue(s, h, v, HZ_P11_IDENTITY) == CKR_OK) {
		for (size_t i = 0; i < HZ_P11_IDENTITY && good; i++)
			good = v[i].ulValueLen <= NAME_MAX_LEN && take(out, &v[i]);
		if (good)
			return CKR_OK;
		hz_attrs_free(out);
	}
	return hz_p11_read(p, s, h, hz_p11_identity, HZ_P11_IDENTITY, out);
}

static int by_value(const void *a, const void *b)
{
	CK_OBJECT_HANDLE x = *(const CK_OBJECT_HANDLE *)a, y = *(const CK_OBJECT_HANDLE *)b;

	return (x > y) - (x < y);
}

static bool has(const struct hz_p11_handles *l, CK_OBJECT_HANDLE h)
{
	return l->n != 0 && bsearch(&h, l->v, l->n, sizeof h, by_value) != NULL;
}

/*
 * With the table's lock: does the sorted list leave out an object that should be in it? Of those with handles of this era each one is
 * looked for, since objects that others made would make up for it in number; the others are counted. What a missing login hides is not
 * expected.
 */
static bool misses(struct hz_p11 *p, const struct hz_p11_handles *l, unsigned era, hz_oid before)
{
	const struct hz_p11_lines *t = &p->table.lines;
	size_t want = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct hz_p11_obj *o = t->v[i].what;
		unsigned seen = o != NULL ? atomic_load(&o->era) : 0;

		if (o == NULL || o->oid > before || o->session || atomic_load(&o->gone) || (seen == 0 && o->private && p->table.hidden))
			continue;
		if (seen == era && !has(l, atomic_load(&o->handle)))
			return true;
		want++;
	}
	return l->n < want;
}

/* A list in which objects are missing: because they have ended, or because the token or its user's login is not there? */
static CK_RV believe(struct hz_p11 *p, CK_SESSION_HANDLE s)
{
	CK_SESSION_INFO info = { .state = CKS_RW_USER_FUNCTIONS };
	CK_RV rv = hz_p11_there(p);

	if (rv == CKR_OK && p->login_wanted)
		rv = p->f->C_GetSessionInfo(s, &info);
	if (rv != CKR_OK)
		return rv;
	p->table.hidden |= !p->login_wanted || info.state == CKS_RW_SO_FUNCTIONS;
	return info.state == CKS_RO_PUBLIC_SESSION || info.state == CKS_RW_PUBLIC_SESSION ? CKR_USER_NOT_LOGGED_IN : CKR_OK;
}

/* Objects that are neither seen nor hidden by a missing login have ended. */
static void not_seen(struct hz_p11 *p, struct hz_p11_obj *o)
{
	if (o->private && p->table.hidden)
		atomic_store(&o->era, 0);
	else
		hz_p11_table_end(p, o);
}

/* The same handles as before: some have gone (then true), and the new ones are what is left in *l. */
static bool compare(struct hz_p11 *p, struct hz_p11_handles *l, unsigned era, hz_oid before)
{
	const struct hz_p11_lines *t = &p->table.lines;
	struct hz_p11_handles known = { NULL, 0 };
	bool ended = false;
	size_t k = 0;

	known.v = t->n != 0 ? calloc(t->n, sizeof *known.v) : NULL;
	for (size_t i = 0; i < t->n; i++) {
		struct hz_p11_obj *o = t->v[i].what;

		if (o == NULL || o->session || atomic_load(&o->gone) || atomic_load(&o->era) != era)
			continue;
		if (o->oid <= before && !has(l, atomic_load(&o->handle))) {
			not_seen(p, o);
			ended = true;
			continue;
		}
		if (known.v != NULL)
			known.v[known.n++] = atomic_load(&o->handle);
	}
	if (known.n != 0)
		qsort(known.v, known.n, sizeof *known.v, by_value);
	for (size_t i = 0; i < l->n; i++)
		if (!has(&known, l->v[i]))
			l->v[k++] = l->v[i];
	l->n = k;
	free(known.v);
	return ended;
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
static struct hz_p11_obj **stale(struct hz_p11 *p, unsigned era, hz_oid before, size_t *n)
{
	const struct hz_p11_lines *t = &p->table.lines;
	struct hz_p11_obj **v = t->n != 0 ? calloc(t->n, sizeof(struct hz_p11_obj *)) : NULL;

	*n = 0;
	for (size_t i = 0; v != NULL && i < t->n && t->v[i].oid <= before; i++) {
		struct hz_p11_obj *o = t->v[i].what;

		if (o != NULL && !o->session && !atomic_load(&o->gone) && atomic_load(&o->era) != era)
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
static CK_RV match(struct hz_p11 *p, struct newcomer *in, size_t n, unsigned era, hz_oid before)
{
	size_t m, k;
	struct hz_p11_obj **old = stale(p, era, before, &m);
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
				hz_p11_table_end(p, old[j + q]);
			for (size_t q = 0; q < k && rv == CKR_OK; q++)
				rv = hz_p11_table_add(p, in[i + q].h, &in[i + q].attrs, false) != NULL ? CKR_OK : CKR_HOST_MEMORY;
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

/* Those that this process made while the device was listed are known. */
static size_t leave_known(struct hz_p11 *p, struct newcomer *v, size_t n, unsigned era, hz_oid before)
{
	const struct hz_p11_lines *t = &p->table.lines;

	for (size_t i = t->n; i > 0 && t->v[i - 1].oid > before; i--) {
		const struct hz_p11_obj *o = t->v[i - 1].what;

		for (size_t k = 0; o != NULL && k < n && !o->session && atomic_load(&o->era) == era; k++)
			if (v[k].h == atomic_load(&o->handle)) {
				hz_attrs_free(&v[k].attrs);
				v[k] = v[--n];
				break;
			}
	}
	return n;
}

static CK_RV meet(struct hz_p11 *p, CK_SESSION_HANDLE s, const struct hz_p11_handles *l, unsigned era, hz_oid before)
{
	struct newcomer *v = l->n != 0 ? calloc(l->n, sizeof *v) : NULL;
	size_t n = 0;
	CK_RV rv = l->n != 0 && v == NULL ? CKR_HOST_MEMORY : CKR_OK;

	for (size_t i = 0; i < l->n && rv == CKR_OK; i++) {
		v[n].h = l->v[i];
		rv = hz_p11_read_identity(p, s, l->v[i], &v[n].attrs);
		if (rv == CKR_OBJECT_HANDLE_INVALID) { /* ended meanwhile */
			hz_attrs_free(&v[n].attrs);
			rv = CKR_OK;
			continue;
		}
		hz_p11_name(&v[n].attrs, v[n].name);
		n++;
	}
	if (rv == CKR_OK && n < l->n)
		rv = hz_p11_there(p);
	pthread_mutex_lock(&p->table.lock);
	if (rv == CKR_OK) {
		n = leave_known(p, v, n, era, before);
		rv = match(p, v, n, era, before);
	}
	pthread_mutex_unlock(&p->table.lock);
	for (size_t i = 0; i < n; i++)
		hz_attrs_free(&v[i].attrs);
	free(v);
	return rv;
}

/* Objects with numbers after `before` were made by this process meanwhile. The table is not locked while the device works. */
CK_RV hz_p11_list(struct hz_p11 *p, CK_SESSION_HANDLE s)
{
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE token = { CKA_TOKEN, &yes, sizeof yes };
	struct hz_p11_handles l = { NULL, 0 };
	unsigned era = atomic_load(&p->era);
	uint64_t from = hz_p11_now();
	hz_oid before;
	bool ended = false, missing = false;
	CK_RV rv;

	pthread_mutex_lock(&p->table.lock);
	before = p->table.lines.last;
	pthread_mutex_unlock(&p->table.lock);
	p->table.hidden = !p->login_wanted;
	rv = hz_p11_search(p, s, &token, 1, &l);
	if (rv == CKR_OK) {
		if (l.n != 0)
			qsort(l.v, l.n, sizeof *l.v, by_value);
		pthread_mutex_lock(&p->table.lock);
		missing = misses(p, &l, era, before);
		pthread_mutex_unlock(&p->table.lock);
	}
	if (rv == CKR_OK && missing)
		rv = believe(p, s);
	if (rv == CKR_OK) {
		pthread_mutex_lock(&p->table.lock);
		ended = compare(p, &l, era, before);
		pthread_mutex_unlock(&p->table.lock);
		rv = meet(p, s, &l, era, before);
	}
	free(l.v);
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&p->table.lock);
	p->table.era = era;
	p->table.listed = hz_p11_now();
	p->table.cost = p->table.listed - from;
	hz_p11_lines_settle(&p->table.lines);
	if (before != p->table.lines.last || ended)
		(void)atomic_fetch_add(&p->generation, 1);
	pthread_mutex_unlock(&p->table.lock);
	return CKR_OK;
}
