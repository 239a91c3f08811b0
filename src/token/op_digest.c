/* SPDX-License-Identifier: Apache-2.0 */
/* C_Digest*, and the saved states of digests: C_GetOperationState, C_SetOperationState (PKCS#11 3.1 sections 5.6 and 5.12). */
#include <string.h>

#include "base/error.h"
#include "ck/outlen.h"
#include "ck/schema.h"
#include "token/access.h"
#include "token/calls.h"
#include "token/object.h"
#include "token/note.h"
#include "token/op_int.h"

CK_RV hz_digest(struct hz_session *s, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	return hz_sign(s, HZ_OP_DIGEST, in, len, out, out_len); /* the same states and the same rules */
}

CK_RV hz_digest_update(struct hz_session *s, const CK_BYTE *in, CK_ULONG len)
{
	struct hz_active *a;
	CK_RV rv = hz_op_running(s, HZ_OP_DIGEST, &a);

	return rv == CKR_OK ? hz_op_feed(a, in, len) : rv;
}

CK_RV hz_digest_final(struct hz_session *s, CK_BYTE *out, CK_ULONG *out_len)
{
	struct hz_active *a;
	CK_RV rv = hz_op_running(s, HZ_OP_DIGEST, &a);

	return rv == CKR_OK ? hz_op_step(a, HZ_OP_DIGEST, HZ_FINAL, NULL, 0, out, out_len) : rv;
}

static CK_RV feed_key(struct hz_session *s, struct hz_active *a, const struct hz_object *o)
{
	const struct hz_attr *v = hz_attrs_find(&o->attrs, CKA_VALUE);
	CK_RV rv = hz_schema_allows(&o->attrs, a->mech);

	if (rv != CKR_OK)
		return rv;
	rv = hz_may_take(s, o);
	if (rv != CKR_OK)
		return rv;
	if (o->cls != CKO_SECRET_KEY || v == NULL)
		return hz_fail(CKR_KEY_INDIGESTIBLE, "only secret keys with a value here are digested");
	return hz_op_feed(a, v->value, v->len);
}

CK_RV hz_digest_key(struct hz_session *s, CK_OBJECT_HANDLE key)
{
	struct hz_active *a;
	struct hz_object *o = NULL;
	CK_RV rv = hz_op_running(s, HZ_OP_DIGEST, &a);

	if (rv != CKR_OK)
		return rv;
	hz_note_mech(s, a->mech);
	rv = hz_note_change(s);
	if (rv == CKR_OK)
		rv = hz_object_get_key(s, key, CKR_KEY_HANDLE_INVALID, &o);
	if (rv == CKR_OK)
		rv = feed_key(s, a, o);
	hz_object_unref(o);
	if (rv != CKR_OK && a->state != HZ_IDLE)
		return hz_op_end(a, rv);
	return rv;
}

/*
 * A saved state is the mechanism's number (8 bytes, most significant first) and what the backend made, which protects it itself.
 * Only a digest that runs alone can be saved.
 */
#define PREFIX 8

static CK_RV saveable(const struct hz_session *s)
{
	const struct hz_active *d = &s->active[HZ_OP_DIGEST];
	bool any = false;

	for (int k = 0; k < HZ_OP_KINDS; k++) {
		if (s->active[k].state == HZ_IDLE)
			continue;
		any = true;
		if (k != HZ_OP_DIGEST)
			return hz_fail(CKR_STATE_UNSAVEABLE, "only digests can be saved");
	}
	if (!any)
		return hz_fail(CKR_OPERATION_NOT_INITIALIZED, "no operation is active");
	return d->op->ops->save != NULL ? CKR_OK : hz_fail(CKR_STATE_UNSAVEABLE, "this digest cannot be saved");
}

CK_RV hz_state_save(struct hz_session *s, CK_BYTE *out, CK_ULONG *out_len)
{
	const struct hz_active *a = &s->active[HZ_OP_DIGEST];
	size_t n = 0;
	CK_RV rv = out_len != NULL ? saveable(s) : hz_fail(CKR_ARGUMENTS_BAD, "pulOperationStateLen is NULL");

	if (rv == CKR_OK)
		rv = a->op->ops->save(a->op, NULL, &n);
	if (rv != CKR_OK || hz_out_len(out, out_len, PREFIX + n, &rv) == HZ_OUT_STOP)
		return rv;
	for (int i = 0; i < PREFIX; i++)
		out[i] = (CK_BYTE)((uint64_t)a->mech >> (56 - 8 * i));
	rv = a->op->ops->save(a->op, out + PREFIX, &n);
	if (rv == CKR_OK)
		*out_len = PREFIX + n;
	return rv;
}

CK_RV hz_state_restore(struct hz_session *s, const CK_BYTE *in, CK_ULONG len, CK_OBJECT_HANDLE enc_key, CK_OBJECT_HANDLE auth_key)
{
	struct hz_active *a = &s->active[HZ_OP_DIGEST];
	CK_MECHANISM mech = { 0, NULL, 0 };
	CK_RV rv;

	if (in == NULL && len != 0)
		return hz_fail(CKR_ARGUMENTS_BAD, "pOperationState is NULL");
	if (len <= PREFIX || len > HZ_MAX_INPUT)
		return hz_fail(CKR_SAVED_STATE_INVALID, "a state of %lu bytes", len);
	if (enc_key != CK_INVALID_HANDLE || auth_key != CK_INVALID_HANDLE)
		return hz_fail(CKR_KEY_NOT_NEEDED, "a digest has no key");
	for (int i = 0; i < PREFIX; i++)
		mech.mechanism = mech.mechanism << 8 | in[i];
	for (int k = 0; k < HZ_OP_KINDS; k++) /* the saved state takes the place of what is active (5.6.6) */
		if (s->active[k].state != HZ_IDLE)
			(void)hz_op_end(&s->active[k], CKR_OK);
	rv = hz_op_init(s, HZ_OP_DIGEST, &mech, CK_INVALID_HANDLE);
	if (rv != CKR_OK)
		return hz_fail(CKR_SAVED_STATE_INVALID, "the state's mechanism is no digest of this token");
	rv = a->op->ops->restore != NULL ? a->op->ops->restore(a->op, in + PREFIX, len - PREFIX) : CKR_SAVED_STATE_INVALID;
	if (rv != CKR_OK)
		return hz_op_end(a, rv);
	a->state = HZ_STREAMING;
	return CKR_OK;
}
