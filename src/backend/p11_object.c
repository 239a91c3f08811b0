/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of the device through the backend's vtable: load, insert, update, destroy. */
#include <stdlib.h>
#include <string.h>

#include "backend/p11_int.h"
#include "base/error.h"

CK_RV hz_p11_set_ref(struct hz_attrs *set, const struct hz_p11_obj *o)
{
	return hz_attrs_set(set, HZ_CKA_REF, &o->oid, sizeof o->oid, false);
}

bool hz_p11_has_ref(const struct hz_attrs *set)
{
	const struct hz_attr *a = hz_attrs_find(set, HZ_CKA_REF);

	return a != NULL && hz_attrs_find(set, CKA_HANZO_SHARE_INDEX) == NULL; /* a share has its split's name there */
}

struct hz_p11_obj *hz_p11_ref(struct hz_p11 *p, const struct hz_attrs *set)
{
	const struct hz_attr *a = hz_attrs_find(set, HZ_CKA_REF);
	hz_oid oid;

	if (a == NULL || a->len != sizeof oid)
		return NULL;
	memcpy(&oid, a->value, sizeof oid);
	return hz_p11_obj_of(p, oid);
}

CK_RV hz_p11_maker(struct hz_p11 *p, CK_SESSION_HANDLE s, const struct hz_attrs *set, CK_SESSION_HANDLE *at)
{
	CK_RV rv = hz_attrs_bool(set, CKA_TOKEN, false) ? CKR_OK : hz_p11_lock(p, &p->keeping);

	*at = hz_attrs_bool(set, CKA_TOKEN, false) ? s : p->keeper;
	return rv;
}

void hz_p11_made(struct hz_p11 *p, const struct hz_attrs *set)
{
	if (!hz_attrs_bool(set, CKA_TOKEN, false))
		pthread_mutex_unlock(&p->keeping);
}

/* ---- load ---- */

struct loading {
	struct hz_p11_obj *o;
	struct hz_attrs *out;
};

static CK_RV load_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct loading *l = arg;
	CK_OBJECT_HANDLE h;
	CK_RV rv = hz_p11_handle(p, s, l->o, &h);

	hz_attrs_free(l->out);
	if (rv == CKR_OK)
		rv = hz_p11_read_all(p, s, h, l->o->cls, l->o->kt, l->out);
	return rv;
}

CK_RV hz_p11_obj_read(struct hz_p11 *p, hz_oid id, struct hz_attrs *out)
{
	struct loading l = { hz_p11_obj_of(p, id), out };
	CK_RV rv;

	*out = (struct hz_attrs)HZ_ATTRS_INIT;
	if (l.o == NULL)
		return hz_fail(CKR_OBJECT_HANDLE_INVALID, "no such object");
	rv = hz_p11_run(p, load_work, &l);
	if (rv == CKR_OK)
		rv = hz_p11_side_load(p, out);
	if (rv == CKR_OK)
		rv = hz_p11_set_ref(out, l.o);
	if (rv != CKR_OK)
		hz_attrs_free(out);
	hz_p11_obj_unref(l.o);
	return rv;
}

CK_RV hz_p11_obj_load(struct hz_backend *be, hz_oid id, struct hz_attrs *out, bool *checked)
{
	CK_RV rv = hz_p11_obj_read(hz_p11_self(be), id, out);

	*checked = true;
	return rv == HZ_P11_REFUSED ? CKR_DEVICE_ERROR : rv;
}

/* ---- insert ---- */

struct making {
	const struct hz_attrs *set;
	struct hz_p11_obj *from; /* to copy, or NULL to create */
	CK_OBJECT_HANDLE h;
};

static CK_RV create_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct making *m = arg;
	struct hz_p11_tmpl t;
	CK_RV rv = CKR_OK;

	for (int spare = 0; spare < 2; spare++) {
		rv = hz_p11_template(&t, m->set, HZ_P11_CREATE, spare != 0);
		if (rv == CKR_OK)
			rv = hz_p11_once(p->f->C_CreateObject(s, t.v, t.n, &m->h));
		if (!hz_p11_template_refused(rv))
			break;
	}
	return rv;
}

/* Only what differs from the source is said. */
static CK_RV differences(struct hz_p11 *p, const struct hz_p11_obj *from, const struct hz_attrs *set, struct hz_attrs *diff)
{
	struct hz_attrs was = HZ_ATTRS_INIT;
	bool checked;
	CK_RV rv = from->session ? CKR_OK : hz_p11_obj_load(&p->be, from->oid, &was, &checked);

	for (size_t i = 0; i < set->n && rv == CKR_OK; i++) {
		const struct hz_attr *now = &set->v[i], *then = hz_attrs_find(&was, now->type);

		if (then == NULL ? now->len != 0 : !hz_attr_equal(then, now))
			rv = hz_attrs_set_from(diff, now);
	}
	hz_attrs_free(&was);
	return rv;
}

struct copying {
	struct making m;
	struct hz_attrs diff;
};

static CK_RV copy_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct copying *c = arg;
	struct hz_p11_tmpl t;
	CK_OBJECT_HANDLE h;
	CK_RV rv = hz_p11_template(&t, &c->diff, HZ_P11_COPY, false);

	if (rv == CKR_OK)
		rv = hz_p11_handle(p, s, c->m.from, &h);
	return rv == CKR_OK ? hz_p11_once(p->f->C_CopyObject(s, h, t.v, t.n, &c->m.h)) : rv;
}

static bool has_value(const struct hz_attrs *set)
{
	CK_OBJECT_CLASS cls = hz_attrs_ulong(set, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);

	return (cls != CKO_PRIVATE_KEY && cls != CKO_SECRET_KEY) || hz_attrs_find(set, CKA_VALUE) != NULL ||
	       hz_attrs_find(set, CKA_PRIVATE_EXPONENT) != NULL;
}

/* Devices without C_CopyObject get what can be read anew; a key that never leaves them cannot be copied. */
static CK_RV copy(struct hz_p11 *p, struct making *m)
{
	struct copying c = { *m, HZ_ATTRS_INIT };
	CK_RV rv = differences(p, m->from, m->set, &c.diff);

	if (rv == CKR_OK)
		rv = hz_p11_run(p, copy_work, &c);
	hz_attrs_free(&c.diff);
	if (rv == CKR_FUNCTION_NOT_SUPPORTED && has_value(m->set))
		return hz_p11_run(p, create_work, m);
	m->h = c.m.h;
	return rv;
}

static CK_RV destroy(struct hz_p11 *p, hz_oid id, bool drop);

static void undo(struct hz_p11 *p, const hz_oid *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)hz_p11_destroy(&p->be, ids[i]);
}

/* Made there, and known here: *o, which it was made from or NULL, is let go of. */
static CK_RV make_anew(struct hz_p11 *p, struct making *m, struct hz_p11_obj **o)
{
	CK_RV rv = *o != NULL ? copy(p, m) : hz_p11_run(p, create_work, m);

	hz_p11_obj_unref(*o);
	*o = rv == CKR_OK ? hz_p11_obj_add(p, m->h, m->set, false) : NULL;
	if (*o == NULL)
		return rv != CKR_OK ? rv : CKR_HOST_MEMORY;
	atomic_store(&(*o)->fresh, false);
	return CKR_OK;
}

static CK_RV insert_one(struct hz_p11 *p, const struct hz_attrs *set, hz_oid *id)
{
	struct making m = { set, hz_p11_ref(p, set), CK_INVALID_HANDLE };
	struct hz_p11_obj *o = m.from;
	CK_RV rv = CKR_OK;

	/* The proof that a partial result carries takes the share's value, which no device would give for it. */
	if (hz_attrs_find(set, CKA_HANZO_SHARE_INDEX) != NULL) {
		hz_p11_obj_unref(o);
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "shares are keys of the session here: keep the blob, which the device's key opens");
	}
	if (o == NULL && hz_p11_has_ref(set))
		return hz_fail(CKR_OBJECT_HANDLE_INVALID, "the device's object has ended");
	if (o == NULL || !atomic_exchange(&o->fresh, false)) {
		rv = make_anew(p, &m, &o);
		if (rv != CKR_OK)
			return rv;
	}
	rv = hz_p11_side_save(p, set);
	if (rv != CKR_OK)
		(void)destroy(p, o->oid, false); /* what is kept under its name is another key's, which has not counted this one */
	*id = o->oid;
	hz_p11_obj_unref(o);
	return rv;
}

CK_RV hz_p11_insert(struct hz_backend *be, const struct hz_attrs *const sets[], size_t n, hz_oid *ids)
{
	struct hz_p11 *p = hz_p11_self(be);
	CK_RV rv = CKR_OK;
	size_t k = 0;

	while (k < n && rv == CKR_OK) {
		rv = insert_one(p, sets[k], &ids[k]);
		k += rv == CKR_OK;
	}
	if (rv != CKR_OK)
		undo(p, ids, k);
	return rv;
}

/* ---- update, destroy ---- */

struct changing {
	struct hz_p11_obj *o;
	struct hz_attrs diff;
};

static CK_RV update_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct changing *c = arg;
	struct hz_p11_tmpl t;
	CK_OBJECT_HANDLE h;
	CK_RV rv = hz_p11_template(&t, &c->diff, HZ_P11_SET, false);

	if (rv == CKR_OK && t.n != 0)
		rv = hz_p11_handle(p, s, c->o, &h);
	return rv == CKR_OK && t.n != 0 ? hz_p11_once(p->f->C_SetAttributeValue(s, h, t.v, t.n)) : rv; /* it may have a new name now */
}

/* A device has no transactions: of two changes to one attribute the later one stays, and changes to different ones both do. */
CK_RV hz_p11_update(struct hz_backend *be, hz_oid id, hz_edit_fn edit, void *arg)
{
	struct hz_p11 *p = hz_p11_self(be);
	struct changing c = { hz_p11_obj_of(p, id), HZ_ATTRS_INIT };
	struct hz_attrs was = HZ_ATTRS_INIT, now = HZ_ATTRS_INIT;
	bool checked;
	CK_RV rv;

	if (c.o == NULL)
		return hz_fail(CKR_OBJECT_HANDLE_INVALID, "no such object");
	rv = hz_p11_obj_load(be, id, &was, &checked);
	if (rv == CKR_OK)
		rv = edit(&was, &now, arg);
	if (rv == CKR_OK)
		rv = differences(p, c.o, &now, &c.diff);
	if (rv == CKR_OK)
		rv = hz_p11_run(p, update_work, &c);
	if (rv == CKR_OK)
		rv = hz_p11_side_change(p, &was, &now);
	if (rv == CKR_OK)
		hz_p11_obj_seen(p, c.o, &now);
	hz_attrs_free(&was);
	hz_attrs_free(&now);
	hz_attrs_free(&c.diff);
	hz_p11_obj_unref(c.o);
	return rv;
}

struct ending {
	struct hz_p11_obj *o;
	bool asked; /* once before, and the answer did not come */
};

static CK_RV destroy_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct ending *e = arg;
	CK_OBJECT_HANDLE h;
	CK_RV rv = hz_p11_handle(p, s, e->o, &h);

	if (rv == CKR_OK)
		rv = p->f->C_DestroyObject(s, h);
	if (e->asked && rv == CKR_OBJECT_HANDLE_INVALID)
		rv = CKR_OK;
	e->asked = hz_p11_once(rv) == HZ_P11_UNCERTAIN;
	return rv;
}

/* drop: with what is kept beside it. */
static CK_RV destroy(struct hz_p11 *p, hz_oid id, bool drop)
{
	struct hz_p11_obj *o = hz_p11_obj_of(p, id);
	struct ending e = { o, false };
	struct loading l = { o, NULL };
	struct hz_attrs was = HZ_ATTRS_INIT;
	CK_RV rv;

	if (o == NULL)
		return hz_fail(CKR_OBJECT_HANDLE_INVALID, "no such object");
	l.out = &was;
	rv = o->session || !drop ? CKR_OK : hz_p11_run(p, load_work, &l); /* what is refused can be destroyed */
	if (rv == CKR_OK)
		rv = hz_p11_run(p, destroy_work, &e);
	if (rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID)
		hz_p11_obj_end(p, o);
	if (rv == CKR_OK && !o->session && drop)
		rv = hz_p11_side_drop(p, &was);
	(void)atomic_fetch_add(&p->generation, 1);
	hz_attrs_free(&was);
	hz_p11_obj_unref(o);
	return rv;
}

CK_RV hz_p11_destroy(struct hz_backend *be, hz_oid id)
{
	return destroy(hz_p11_self(be), id, true);
}

/* ---- session objects that stand for one in the keeper's session ---- */

void hz_p11_hold(struct hz_backend *be, const struct hz_attrs *set)
{
	struct hz_p11_obj *o = hz_p11_ref(hz_p11_self(be), set);

	if (o != NULL && o->session)
		(void)atomic_fetch_add(&o->holders, 1);
	hz_p11_obj_unref(o);
}

void hz_p11_release(struct hz_backend *be, const struct hz_attrs *set)
{
	struct hz_p11 *p = hz_p11_self(be);
	struct hz_p11_obj *o = hz_p11_ref(p, set);
	struct ending e = { o, false };

	if (o != NULL && o->session && atomic_fetch_sub(&o->holders, 1) == 1) {
		if (atomic_load(&p->up) && o->link == atomic_load(&p->link))
			(void)hz_p11_run(p, destroy_work, &e);
		hz_p11_obj_end(p, o);
	}
	hz_p11_obj_unref(o);
}
