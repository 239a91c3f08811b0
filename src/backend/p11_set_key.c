/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that several modules have: where a use takes place, and where it goes when a module fails. */
#include <stdlib.h>

#include "backend/p11_set.h"
#include "base/error.h"
#include "base/log.h"

bool hz_p11_elsewhere(CK_RV rv, bool asked)
{
	if (rv == CKR_USER_NOT_LOGGED_IN || hz_p11_no_object(rv))
		return true; /* its PIN may be another one; nothing was done with a key that is not there */
	return asked ? hz_p11_lost(rv) || rv == HZ_P11_BLOCKED : hz_p11_sickness(rv);
}

CK_RV hz_p11_place(const struct hz_p11_key *k, unsigned i, struct hz_p11_key *out)
{
	*out = *k;
	out->set = NULL;
	out->p = k->set->m[i].p;
	return hz_p11_counterpart(k->set, k->entry, i, &out->obj);
}

void hz_p11_leave_place(struct hz_p11_key *at)
{
	hz_p11_obj_unref(at->obj);
	at->obj = NULL;
}

CK_RV hz_p11_next_place(struct hz_p11_key *k, unsigned *tried, unsigned *i, struct hz_p11_key *at, CK_RV last)
{
	CK_RV rv;
	int n;

	hz_p11_leave_place(at);
	while ((n = hz_p11_pick(k->set, *tried)) >= 0) {
		*tried |= 1u << n;
		*i = (unsigned)n;
		rv = hz_p11_place(k, *i, at);
		if (rv == CKR_OK)
			return rv;
		if (hz_p11_sickness(rv))
			hz_p11_report(k->set, *i, rv);
		if (last == CKR_OK || hz_p11_no_object(last))
			last = rv;
	}
	return last;
}

/* Which module it was: one line for each use when debugging, and for each that went elsewhere. */
static void served(const struct hz_p11_set *s, unsigned i, bool first)
{
	enum hz_log_level level = first ? HZ_LOG_DEBUG : HZ_LOG_INFO;

	if (hz_log_enabled(level))
		hz_log(level, "a key was used in module.%u (%s)%s", s->m[i].number, s->m[i].p->module, first ? "" : ", after another one failed");
}

CK_RV hz_p11_use_code(CK_RV rv)
{
	return hz_p11_no_object(rv) ? hz_fail(CKR_DEVICE_ERROR, "the device has no such key any more") : hz_p11_code(rv);
}

CK_RV hz_p11_use_key(struct hz_p11_key *k, hz_p11_use use, void *arg, const bool *asked)
{
	struct hz_p11_key at = { .obj = NULL };
	unsigned tried = 0, i = 0;
	CK_RV rv;

	if (k->set == NULL)
		return hz_p11_use_code(use(k, arg));
	rv = hz_p11_next_place(k, &tried, &i, &at, CKR_OK);
	while (rv == CKR_OK) {
		rv = use(&at, arg);
		hz_p11_report(k->set, i, rv);
		if (rv == CKR_OK) {
			served(k->set, i, tried == 1u << i);
			break;
		}
		if (!hz_p11_elsewhere(rv, asked != NULL && *asked))
			break;
		rv = hz_p11_next_place(k, &tried, &i, &at, rv);
	}
	hz_p11_leave_place(&at);
	return hz_p11_use_code(rv);
}

/* ---- opening ---- */

CK_RV hz_p11_set_key_open(struct hz_backend *be, const struct hz_attrs *attrs, hz_oid id, struct hz_key **key)
{
	struct hz_p11_set *s = hz_p11_set_self(be);
	struct hz_p11_entry *e = hz_p11_entry_ref(s, attrs);
	struct hz_attrs down = HZ_ATTRS_INIT;
	struct hz_p11_key *k;
	CK_RV rv = CKR_KEY_HANDLE_INVALID;

	/* The number is the set's: module 0 has its own. */
	if (e == NULL && hz_p11_has_ref(attrs))
		return hz_fail(CKR_KEY_HANDLE_INVALID, "the device has no such key any more");
	if (e == NULL)
		return hz_p11_key_open(&s->m[0].p->be, attrs, id, key);
	for (unsigned i = 0; i < s->n && rv == CKR_KEY_HANDLE_INVALID; i++) {
		if (e->at[i] == 0)
			continue;
		hz_attrs_free(&down);
		rv = hz_p11_ref_down(e, i, attrs, &down);
		if (rv == CKR_OK)
			rv = hz_p11_key_open(&s->m[i].p->be, &down, id, key);
	}
	hz_attrs_free(&down);
	if (rv != CKR_OK) {
		hz_p11_entry_unref(e);
		return rv;
	}
	(*key)->env = &s->m[0].p->env; /* one record of what was signed once */
	rv = hz_attrs_set(&(*key)->attrs, HZ_CKA_REF, &e->oid, sizeof e->oid, false);
	k = hz_p11_key_of(*key);
	if (k != NULL) {
		k->set = s;
		k->entry = e; /* held by the key from now on */
	} else {
		hz_p11_entry_unref(e);
	}
	return rv;
}

/* ---- making ---- */

static bool stays(const struct hz_attrs *a)
{
	return a != NULL && hz_attrs_bool(a, CKA_TOKEN, false);
}

struct making {
	const struct hz_mech *m;
	struct hz_attrs *a, *priv;
	struct hz_key *with, *target; /* keys; their halves at the module are put in by use_at */
	const uint8_t *in;
	size_t in_len;
	struct hz_buf *out;
	size_t *len;
};
typedef CK_RV (*make_at)(struct hz_backend *be, struct making *w);

/* A copy of the key that stands for it at module i. Public keys, which are here, get a half there unless the mechanism is one of ours. */
static CK_RV stand_in(struct hz_p11_set *s, unsigned i, const struct hz_key *key, bool ours, struct hz_key *copy, struct hz_p11_key *at)
{
	struct hz_p11_key *k = hz_p11_key_of(key);
	struct hz_p11_key of_public = { .set = s, .entry = hz_p11_entry_ref(s, &key->attrs) };
	CK_RV rv = CKR_OK;

	*copy = *key;
	if (k == NULL && of_public.entry == NULL && !ours && hz_p11_has_ref(&key->attrs))
		return hz_fail(CKR_KEY_HANDLE_INVALID, "the key has ended");
	if (k != NULL || (of_public.entry != NULL && !ours)) {
		copy->remote = &at->remote;
		rv = hz_p11_place(k != NULL ? k : &of_public, i, at);
	}
	hz_p11_entry_unref(of_public.entry);
	return rv;
}

static CK_RV make_there(struct hz_p11_set *s, unsigned i, make_at make, const struct making *w)
{
	struct hz_key with, target;
	struct hz_p11_key with_at = { .obj = NULL }, target_at = { .obj = NULL };
	struct making at = *w;
	bool ours = (w->m->type & ~(CK_MECHANISM_TYPE)0xff) == (CKM_HANZO_ECIES & ~(CK_MECHANISM_TYPE)0xff);
	CK_RV rv = hz_p11_ready(s->m[i].p);

	if (rv == CKR_OK && w->with != NULL) {
		rv = stand_in(s, i, w->with, ours, &with, &with_at);
		at.with = &with;
	}
	if (rv == CKR_OK && w->target != NULL) {
		rv = stand_in(s, i, w->target, ours, &target, &target_at);
		at.target = &target;
	}
	if (rv == CKR_OK)
		rv = make(&s->m[i].p->be, &at);
	if (rv == CKR_OK && w->a != NULL)
		rv = hz_p11_ref_up(s, i, w->a);
	if (rv == CKR_OK && w->priv != NULL)
		rv = hz_p11_ref_up(s, i, w->priv);
	hz_p11_leave_place(&with_at);
	hz_p11_leave_place(&target_at);
	return rv;
}

/* Where nothing comes to be at rest, another module may do what one did not. */
static CK_RV make_in_turn(struct hz_p11_set *s, make_at make, const struct making *w)
{
	unsigned tried = 0;
	CK_RV rv = CKR_DEVICE_REMOVED, last = CKR_KEY_HANDLE_INVALID;

	for (int i; (i = hz_p11_lead(s, tried)) >= 0; tried |= 1u << i) {
		bool up = hz_p11_ready(s->m[i].p) == CKR_OK;

		rv = make_there(s, (unsigned)i, make, w);
		hz_p11_report(s, (unsigned)i, rv);
		if (!hz_p11_elsewhere(rv, false))
			return rv;
		if (up && (stays(w->a) || stays(w->priv)) && !hz_p11_no_object(rv))
			break;
		if (!hz_p11_no_object(rv))
			last = rv;
	}
	return hz_p11_no_object(rv) ? last : hz_p11_code(rv);
}

static CK_RV generate_at(struct hz_backend *be, struct making *w)
{
	return w->priv != NULL ? hz_p11_generate_pair(be, w->m, w->a, w->priv) : hz_p11_generate(be, w->m, w->a);
}

CK_RV hz_p11_set_generate(struct hz_backend *be, const struct hz_mech *m, struct hz_attrs *secret)
{
	const struct making w = { .m = m, .a = secret };

	return make_in_turn(hz_p11_set_self(be), generate_at, &w);
}

CK_RV hz_p11_set_generate_pair(struct hz_backend *be, const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv)
{
	const struct making w = { .m = m, .a = pub, .priv = priv };

	return make_in_turn(hz_p11_set_self(be), generate_at, &w);
}

static CK_RV derive_at(struct hz_backend *be, struct making *w)
{
	return hz_p11_derive(be, w->m, w->with, w->a);
}

CK_RV hz_p11_set_derive(struct hz_backend *be, const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made)
{
	const struct making w = { .m = m, .a = made, .with = base };

	return hz_p11_key_of(base) != NULL ? make_in_turn(hz_p11_set_self(be), derive_at, &w)
					   : hz_p11_derive(&hz_p11_set_self(be)->m[0].p->be, m, base, made);
}

static CK_RV unwrap_at(struct hz_backend *be, struct making *w)
{
	return hz_p11_unwrap(be, w->m, w->with, w->in, w->in_len, w->a);
}

CK_RV hz_p11_set_unwrap(struct hz_backend *be, const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len,
			struct hz_attrs *made)
{
	const struct making w = { .m = m, .a = made, .with = unwrapping, .in = in, .in_len = len };

	return hz_p11_key_of(unwrapping) != NULL ? make_in_turn(hz_p11_set_self(be), unwrap_at, &w)
						 : hz_p11_unwrap(&hz_p11_set_self(be)->m[0].p->be, m, unwrapping, in, len, made);
}

static CK_RV wrap_at(struct hz_backend *be, struct making *w)
{
	return w->out != NULL ? hz_p11_wrap(be, w->m, w->with, w->target, w->out) : hz_p11_wrap_len(be, w->m, w->with, w->target, w->len);
}

CK_RV hz_p11_set_wrap(struct hz_backend *be, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	const struct making w = { .m = m, .with = wrapping, .target = target, .out = out };

	return hz_p11_key_of(target) != NULL ? make_in_turn(hz_p11_set_self(be), wrap_at, &w)
					     : hz_p11_wrap(&hz_p11_set_self(be)->m[0].p->be, m, wrapping, target, out);
}

CK_RV hz_p11_set_wrap_len(struct hz_backend *be, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len)
{
	const struct making w = { .m = m, .with = wrapping, .target = target, .len = len };

	return hz_p11_key_of(target) != NULL ? make_in_turn(hz_p11_set_self(be), wrap_at, &w)
					     : hz_p11_wrap_len(&hz_p11_set_self(be)->m[0].p->be, m, wrapping, target, len);
}
