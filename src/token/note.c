/* SPDX-License-Identifier: Apache-2.0 */
/* From what a call did to its record in the audit log. */
#include "token/note.h"

#include <stdio.h>
#include <string.h>

#include "backend/served.h"
#include "base/error.h"
#include "base/secmem.h"
#include "ck/names.h"
#include "gov/audit.h"
#include "token/login.h"
#include "token/object.h"

static void begin(struct hz_session *s)
{
	s->note.on = true;
	hz_served = 0;
}

CK_RV hz_note_change(struct hz_session *s)
{
	if (s->token->audit == NULL)
		return CKR_OK;
	begin(s);
	return hz_audit_ready(s->token->audit);
}

void hz_note_user(struct hz_session *s, CK_USER_TYPE who)
{
	s->note.who = who;
	s->note.login = s->note.on;
}

void hz_note_mech(struct hz_session *s, CK_MECHANISM_TYPE type)
{
	s->note.mech = type;
	s->note.has_mech = true;
}

void hz_note_key(struct hz_session *s, struct hz_object *key)
{
	struct hz_object **used = s->note.used;

	if (s->token->audit == NULL || used[1] != NULL)
		return;
	used[used[0] != NULL] = hz_object_ref(key);
}

void hz_note_made(struct hz_session *s, const struct hz_attrs *set)
{
	const struct hz_attr *id = set != NULL ? hz_attrs_find(set, CKA_UNIQUE_ID) : NULL;

	s->note.made_len = 0;
	if (id == NULL || id->len > sizeof s->note.made)
		return;
	memcpy(s->note.made, id->value, id->len);
	s->note.made_len = (unsigned char)id->len;
}

static void forget_used(struct hz_note *n)
{
	for (int i = 0; i < 2; i++) {
		hz_object_unref(n->used[i]);
		n->used[i] = NULL;
	}
}

void hz_note_nothing(struct hz_session *s)
{
	forget_used(&s->note);
	s->note.on = false;
}

/* ---- operations ---- */

static bool signs(enum hz_op_kind kind)
{
	return kind == HZ_OP_SIGN || kind == HZ_OP_VERIFY || kind == HZ_OP_SIGN_RECOVER || kind == HZ_OP_VERIFY_RECOVER;
}

/* Messages are recorded one by one, digests use no key. */
static bool by_step(enum hz_op_kind kind)
{
	return signs(kind) || kind == HZ_OP_ENCRYPT || kind == HZ_OP_DECRYPT;
}

void hz_note_begin(struct hz_session *s, struct hz_active *a, enum hz_op_kind kind)
{
	a->noted = s->token->audit != NULL && kind != HZ_OP_DIGEST;
	if (!a->noted)
		return;
	forget_used(&s->note); /* the use is recorded when it ends */
	a->input_len = 0;
	a->hashed = signs(kind);
	if (a->hashed)
		hz_hash_init(&a->input, HZ_SHA256);
}

void hz_note_refused(struct hz_session *s, enum hz_op_kind kind, CK_MECHANISM_TYPE type)
{
	if (s->token->audit == NULL || kind == HZ_OP_DIGEST)
		return;
	begin(s);
	hz_note_mech(s, type);
}

CK_RV hz_note_step(struct hz_session *s, struct hz_active *a, enum hz_op_kind kind)
{
	struct hz_note *n = &s->note;

	if (!a->noted || !by_step(kind) || n->n_ops == sizeof n->ops / sizeof n->ops[0])
		return CKR_OK;
	hz_served = 0;
	n->ops[n->n_ops] = a;
	n->keys[n->n_ops++] = hz_object_ref(a->key);
	return hz_audit_ready(s->token->audit);
}

CK_RV hz_note_message(struct hz_session *s, struct hz_active *a)
{
	if (!a->noted)
		return CKR_OK;
	begin(s);
	hz_note_mech(s, a->mech);
	hz_note_key(s, a->key);
	return hz_audit_ready(s->token->audit);
}

void hz_note_output(struct hz_session *s, CK_BYTE *out, CK_ULONG *len)
{
	struct hz_note *n = &s->note;

	if (!n->on && n->n_ops == 0)
		return;
	n->out = out;
	n->out_len = len;
}

void hz_note_feed(struct hz_active *a, const uint8_t *in, size_t len)
{
	a->input_len += len;
	if (a->hashed)
		hz_hash_update(&a->input, in, len);
}

/* ---- the record ---- */

static const char *tenant(const struct hz_token *t)
{
	const char *name = atomic_load(&t->tenant);

	return name != NULL ? name : t->own_tenant;
}

static struct hz_blob id_of(const struct hz_object *o)
{
	const struct hz_attr *id = o != NULL ? hz_attrs_find(&o->attrs, CKA_UNIQUE_ID) : NULL;

	return id != NULL ? (struct hz_blob){ id->value, id->len } : (struct hz_blob){ NULL, 0 };
}

/* What came to be, or was wrapped, is the key; what did it stands beside it. */
static void name_keys(struct hz_audit_record *r, const struct hz_note *n)
{
	if (n->made_len != 0)
		r->key = (struct hz_blob){ n->made, n->made_len };
	else
		r->key = id_of(n->used[n->used[1] != NULL]);
	if (n->made_len != 0 || n->used[1] != NULL)
		r->by = id_of(n->used[0]);
}

static CK_RV write_op(struct hz_session *s, const char *function, struct hz_active *a, struct hz_object *key, CK_RV rv, const char *reason)
{
	struct hz_audit_record r = { .function = function, .tenant = tenant(s->token), .mechanism = hz_ckm_name(a->mech), .reason = reason,
				     .has_length = true, .length = a->input_len, .module = hz_served, .result = rv };
	uint8_t digest[HZ_HASH_MAX];

	if (a->hashed) {
		hz_hash_final(&a->input, digest);
		r.digest = digest;
	}
	a->noted = false;
	r.key = id_of(key);
	return hz_audit_write(s->token->audit, &r);
}

static const char *user(CK_USER_TYPE who)
{
	switch (who) {
	case CKU_SO: return "SO";
	case CKU_USER: return "USER";
	case CKU_CONTEXT_SPECIFIC: return "CONTEXT_SPECIFIC";
	default: return "unknown";
	}
}

static CK_RV write_call(struct hz_session *s, const char *function, CK_RV rv, const char *reason)
{
	const struct hz_note *n = &s->note;
	struct hz_audit_record r = { .function = function, .user = n->login ? user(n->who) : NULL, .tenant = tenant(s->token), .reason = reason,
				     .module = hz_served, .result = rv };

	if (n->has_mech)
		r.mechanism = hz_ckm_name(n->mech);
	name_keys(&r, n);
	return hz_audit_write(s->token->audit, &r);
}

static void forget(struct hz_note *n)
{
	for (unsigned i = 0; i < n->n_ops; i++)
		hz_object_unref(n->keys[i]);
	forget_used(n);
	*n = (struct hz_note){ .on = false };
}

/* A result without its record is not given, and a login not granted. */
static void take_back(struct hz_session *s, CK_RV rv)
{
	const struct hz_note *n = &s->note;
	struct hz_token *t = s->token;

	if (rv == CKR_OK && n->login && n->who != CKU_CONTEXT_SPECIFIC) {
		pthread_mutex_lock(&t->login_lock);
		hz_login_end(t);
		pthread_mutex_unlock(&t->login_lock);
	}
	if (rv == CKR_OK && n->out != NULL && n->out_len != NULL)
		hz_wipe(n->out, *n->out_len);
}

/* The reason of the call's failure; writing records may put another one into its place. */
struct reason {
	CK_RV rv;
	char text[256];
};

static const char *keep_reason(struct reason *r, CK_RV rv)
{
	r->rv = rv;
	(void)snprintf(r->text, sizeof r->text, "%s", rv != CKR_OK ? hz_error_settle(rv) : "");
	return r->text;
}

static void give_reason_back(const struct reason *r)
{
	if (r->text[0] != '\0')
		(void)hz_fail(r->rv, "%s", r->text);
}

CK_RV hz_note_write(struct hz_session *s, const char *function, CK_RV rv)
{
	struct hz_note *n = &s->note;
	struct reason kept;
	const char *reason = keep_reason(&kept, rv);
	CK_RV why = CKR_OK;

	if (n->on && rv != CKR_BUFFER_TOO_SMALL)
		why = write_call(s, function, rv, reason);
	for (unsigned i = 0; i < n->n_ops && why == CKR_OK; i++)
		if (n->ops[i]->state == HZ_IDLE)
			why = write_op(s, function, n->ops[i], n->keys[i], rv, reason);
	if (why == CKR_OK)
		give_reason_back(&kept);
	else
		take_back(s, rv);
	forget(n);
	return why == CKR_OK ? rv : why;
}

CK_RV hz_note_token(struct hz_token *t, const char *function, CK_RV rv, const char *reason)
{
	struct hz_audit_record r = { .function = function, .tenant = t->own_tenant, .result = rv, .reason = reason };
	struct reason kept;
	CK_RV why;

	if (t->audit == NULL)
		return rv;
	if (reason == NULL)
		r.reason = keep_reason(&kept, rv);
	why = hz_audit_write(t->audit, &r);
	if (why != CKR_OK)
		return why;
	if (reason == NULL)
		give_reason_back(&kept);
	return rv;
}
