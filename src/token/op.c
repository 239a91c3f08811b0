/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of operations: begin, rearm, end, cancel, re-authentication. */
#include "token/op.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/secmem.h"
#include "ck/names.h"
#include "token/access.h"
#include "token/calls.h"
#include "token/note.h"
#include "token/object.h"
#include "token/op_int.h"

static const struct {
	CK_FLAGS flag;           /* of CK_MECHANISM_INFO and C_SessionCancel */
	CK_ATTRIBUTE_TYPE usage;
	bool reauth;             /* a use that CKA_ALWAYS_AUTHENTICATE speaks of (3.1 section 4.9) */
	bool message;
} kinds[HZ_OP_KINDS] = {
	[HZ_OP_ENCRYPT] = { CKF_ENCRYPT, CKA_ENCRYPT, false, false },
	[HZ_OP_DECRYPT] = { CKF_DECRYPT, CKA_DECRYPT, true, false },
	[HZ_OP_DIGEST] = { CKF_DIGEST, 0, false, false },
	[HZ_OP_SIGN] = { CKF_SIGN, CKA_SIGN, true, false },
	[HZ_OP_VERIFY] = { CKF_VERIFY, CKA_VERIFY, false, false },
	[HZ_OP_SIGN_RECOVER] = { CKF_SIGN_RECOVER, CKA_SIGN_RECOVER, true, false },
	[HZ_OP_VERIFY_RECOVER] = { CKF_VERIFY_RECOVER, CKA_VERIFY_RECOVER, false, false },
	[HZ_OP_MSG_ENCRYPT] = { CKF_MESSAGE_ENCRYPT, CKA_ENCRYPT, false, true },
	[HZ_OP_MSG_DECRYPT] = { CKF_MESSAGE_DECRYPT, CKA_DECRYPT, true, true },
};

/* A result that waits in secret memory, and a signature that was given first, end with their operation. */
static void drop_extras(struct hz_active *a)
{
	if (a->pending != NULL)
		hz_secmem_free(a->pending);
	if (a->signature != NULL)
		free(a->signature);
	a->pending = NULL;
	a->signature = NULL;
}

static void drop_op(struct hz_active *a)
{
	if (a->op != NULL)
		a->op->ops->free(a->op);
	a->op = NULL;
	hz_object_unref(a->key);
	a->key = NULL;
}

CK_RV hz_op_end(struct hz_active *a, CK_RV rv)
{
	drop_extras(a);
	a->state = HZ_IDLE;
	a->needs_reauth = false;
	a->in_message = false;
	if (a->op != NULL && a->op->ops->rearm == NULL)
		drop_op(a);
	return rv;
}

static bool voided(const struct hz_session *s, const struct hz_active *a)
{
	return a->the_users && a->login_epoch != atomic_load_explicit(&s->token->login_epoch, memory_order_acquire);
}

static CK_RV end_void(struct hz_active *a)
{
	(void)hz_op_end(a, CKR_OK);
	drop_op(a);
	return hz_fail(CKR_USER_NOT_LOGGED_IN, "the operation's key was the user's, who has logged out");
}

CK_RV hz_op_running(struct hz_session *s, enum hz_op_kind kind, struct hz_active **out)
{
	struct hz_active *a = &s->active[kind];
	CK_RV rv;

	if (a->state == HZ_IDLE && a->ended && atomic_load(&s->token->expired)) {
		a->ended = false;
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "the login's time is up, and the operation ended with it");
	}
	if (a->state == HZ_IDLE)
		return hz_fail(CKR_OPERATION_NOT_INITIALIZED, "no such operation is active");
	if (voided(s, a))
		return end_void(a);
	*out = a;
	rv = hz_note_step(s, a, kind);
	return rv == CKR_OK ? rv : hz_op_end(a, rv);
}

CK_RV hz_op_authenticated(const struct hz_active *a)
{
	if (a->needs_reauth)
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "the key has CKA_ALWAYS_AUTHENTICATE: C_Login(CKU_CONTEXT_SPECIFIC) comes first");
	return CKR_OK;
}

CK_RV hz_mech_row_for(struct hz_token *t, CK_MECHANISM_TYPE type, CK_FLAGS flag, const struct hz_mech_row **row)
{
	*row = t->be->ops->mech(t->be, type);
	if (*row == NULL || ((*row)->info.flags & flag) == 0)
		return hz_fail(CKR_MECHANISM_INVALID, "%s is not offered for this", hz_ckm_name(type));
	return CKR_OK;
}

bool hz_mech_takes(const struct hz_mech_row *row, const struct hz_object *key)
{
	if (row->key_types[0] == HZ_ANY_KEY_TYPE)
		return key->cls == CKO_SECRET_KEY;
	for (size_t i = 0; i < sizeof row->key_types / sizeof row->key_types[0]; i++)
		if (row->key_types[i] == key->key_type && row->key_types[i] != HZ_NO_KEY_TYPE)
			return true;
	return false;
}

/* What an Init compares with the last one. Read before the key is looked up, so that a change in between shows. */
struct stamp {
	uint64_t epoch, login_epoch, generation;
};

/* What other processes do concerns keys at rest only: the lowest bit of a handle says which those are. */
static inline uint64_t generation_for(const struct hz_token *t, CK_OBJECT_HANDLE h)
{
	return (h & 1) != 0 && t->be->ops->generation != NULL ? t->be->ops->generation(t->be) : 0;
}

/* The short way: the same key and mechanism as last time, and nothing changed since. No lock, no look-up, no memory. */
static inline bool unchanged(const struct hz_session *s, const struct hz_active *a, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE h)
{
	const struct hz_token *t = s->token;

	return a->op != NULL && a->mech == type && (a->key != NULL ? a->key->handle : CK_INVALID_HANDLE) == h &&
	       a->epoch == atomic_load_explicit(&t->epoch, memory_order_acquire) && a->generation == generation_for(t, h);
}

static _Atomic uint64_t next_order = 1;

static void set_ready(struct hz_active *a, enum hz_op_kind kind)
{
	a->state = HZ_READY;
	a->ended = false;
	if (a->key != NULL && a->key->always_auth && kinds[kind].reauth) {
		a->needs_reauth = true;
		a->order = atomic_fetch_add(&next_order, 1);
	}
}

static CK_RV copy_mech(enum hz_op_kind kind, struct hz_mech *m, const CK_MECHANISM *mech)
{
	return kinds[kind].message ? hz_mech_copy_message(m, mech) : hz_mech_copy(m, mech);
}

static CK_RV rearm(struct hz_active *a, enum hz_op_kind kind, const struct hz_mech *m)
{
	CK_RV rv = a->op->ops->rearm(a->op, m);

	if (rv != CKR_OK) {
		drop_op(a);
		return rv;
	}
	set_ready(a, kind);
	return CKR_OK;
}

static CK_RV init_again(struct hz_active *a, enum hz_op_kind kind, const CK_MECHANISM *mech)
{
	struct hz_mech m;
	CK_RV rv = copy_mech(kind, &m, mech);

	if (rv == CKR_OK && m.type == a->mech)
		rv = rearm(a, kind, &m);
	else if (rv == CKR_OK)
		rv = hz_fail(CKR_ARGUMENTS_BAD, "the mechanism changed while it was read");
	if (m.heap != NULL)
		hz_mech_clear(&m);
	return rv;
}

/* The key behind the handle, checked in the order that op.h promises. */
static CK_RV take_key(struct hz_session *s, enum hz_op_kind kind, const struct hz_mech_row *row, CK_OBJECT_HANDLE h,
		      struct hz_object **out)
{
	CK_RV rv = hz_object_get_key(s, h, CKR_KEY_HANDLE_INVALID, out);

	if (rv != CKR_OK)
		return rv;
	if (!hz_mech_takes(row, *out))
		rv = hz_fail(CKR_KEY_TYPE_INCONSISTENT, "%s takes no %s key", hz_ckm_name(row->type), hz_ckk_name((*out)->key_type));
	else
		rv = hz_may_use(s, *out, kinds[kind].usage, row->type);
	if (rv != CKR_OK) {
		hz_object_unref(*out);
		*out = NULL;
	}
	return rv;
}

static void note(struct hz_active *a, const struct hz_mech *m, const struct stamp *now)
{
	a->mech = m->type;
	a->epoch = now->epoch;
	a->login_epoch = now->login_epoch;
	a->generation = now->generation;
	a->the_users = a->key != NULL && hz_is_the_users(a->key);
}

/* Takes over the reference to the object. */
static CK_RV begin(struct hz_session *s, struct hz_active *a, enum hz_op_kind kind, const struct hz_mech *m, struct hz_object *o,
		   const struct stamp *now)
{
	struct hz_backend *be = s->token->be;
	struct hz_key *key = NULL;
	CK_RV rv = CKR_OK;

	if (a->op != NULL && a->mech == m->type && a->key == o) { /* other things changed, this key did not */
		hz_object_unref(o);
		note(a, m, now);
		return rearm(a, kind, m);
	}
	drop_op(a);
	if (o != NULL)
		rv = hz_object_key(o, &key);
	if (rv == CKR_OK)
		rv = be->ops->op_begin(be, kind, m, key, &a->op);
	if (rv != CKR_OK) {
		a->op = NULL;
		hz_object_unref(o);
		return rv;
	}
	a->key = o;
	note(a, m, now);
	set_ready(a, kind);
	return CKR_OK;
}

static CK_RV init_anew(struct hz_session *s, enum hz_op_kind kind, CK_MECHANISM_TYPE type, const CK_MECHANISM *mech,
		       CK_OBJECT_HANDLE h)
{
	struct hz_token *t = s->token;
	const struct hz_mech_row *row;
	struct hz_object *o = NULL;
	struct stamp now = { atomic_load(&t->epoch), atomic_load(&t->login_epoch), generation_for(t, h) };
	struct hz_mech m;
	CK_RV rv = hz_mech_row_for(t, type, kinds[kind].flag, &row);

	if (rv != CKR_OK)
		return rv;
	rv = copy_mech(kind, &m, mech);
	if (rv == CKR_OK && m.type != type)
		rv = hz_fail(CKR_ARGUMENTS_BAD, "the mechanism changed while it was read");
	if (rv == CKR_OK && kind != HZ_OP_DIGEST)
		rv = take_key(s, kind, row, h, &o);
	if (rv == CKR_OK)
		rv = begin(s, &s->active[kind], kind, &m, o, &now);
	hz_mech_clear(&m);
	return rv;
}

CK_RV hz_op_init(struct hz_session *s, enum hz_op_kind kind, const CK_MECHANISM *mech, CK_OBJECT_HANDLE key)
{
	struct hz_active *a = &s->active[kind];
	CK_MECHANISM_TYPE type;
	CK_RV rv;

	if (mech == NULL) /* 3.0: ends what is active */
		return a->state != HZ_IDLE ? hz_op_end(a, CKR_OK) : CKR_OK;
	if (a->state != HZ_IDLE) {
		if (!voided(s, a))
			return hz_fail(CKR_OPERATION_ACTIVE, "an operation of this kind is active");
		(void)end_void(a);
	}
	type = *(const volatile CK_MECHANISM_TYPE *)&mech->mechanism;
	rv = unchanged(s, a, type, key) ? init_again(a, kind, mech) : init_anew(s, kind, type, mech, key);
	if (rv == CKR_OK)
		hz_note_begin(s, a, kind);
	else
		hz_note_refused(s, kind, type);
	return rv;
}

void hz_ops_free(struct hz_session *s)
{
	for (int k = 0; k < HZ_OP_KINDS; k++) {
		(void)hz_op_end(&s->active[k], CKR_OK);
		drop_op(&s->active[k]);
	}
	hz_find_drop(s);
}

void hz_ops_sweep(struct hz_session *s)
{
	uint64_t epoch = atomic_load(&s->token->epoch);

	for (int k = 0; k < HZ_OP_KINDS; k++) {
		struct hz_active *a = &s->active[k];

		if (a->state != HZ_IDLE && voided(s, a)) {
			(void)end_void(a);
			a->ended = true;
		} else if (a->state == HZ_IDLE && a->op != NULL && a->key != NULL && a->epoch != epoch)
			drop_op(a);
	}
}

void hz_ops_forget(struct hz_session *s, CK_OBJECT_HANDLE key, CK_SESSION_HANDLE owner)
{
	for (int k = 0; k < HZ_OP_KINDS; k++) {
		struct hz_active *a = &s->active[k];

		if (a->state == HZ_IDLE && a->key != NULL && (key == 0 || a->key->handle == key) && (owner == 0 || a->key->owner == owner))
			drop_op(a);
	}
}

CK_RV hz_ops_cancel(struct hz_session *s, CK_FLAGS flags)
{
	for (int k = 0; k < HZ_OP_KINDS; k++)
		if ((flags & kinds[k].flag) != 0 && s->active[k].state != HZ_IDLE)
			(void)hz_op_end(&s->active[k], CKR_OK);
	if ((flags & CKF_FIND_OBJECTS) != 0)
		hz_find_drop(s);
	return CKR_OK;
}

static struct hz_active *waiting(const struct hz_session *s)
{
	const struct hz_active *last = NULL;

	for (int k = 0; k < HZ_OP_KINDS; k++) {
		const struct hz_active *a = &s->active[k];

		if (a->state != HZ_IDLE && a->needs_reauth && (last == NULL || a->order > last->order))
			last = a;
	}
	return (struct hz_active *)(uintptr_t)last;
}

bool hz_op_awaits_login(const struct hz_session *s)
{
	return waiting(s) != NULL;
}

CK_RV hz_op_reauthenticate(struct hz_session *s)
{
	struct hz_active *a = waiting(s);

	if (a == NULL)
		return hz_fail(CKR_OPERATION_NOT_INITIALIZED, "no operation waits for a login");
	a->needs_reauth = false;
	return CKR_OK;
}
