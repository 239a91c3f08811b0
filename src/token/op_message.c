/* SPDX-License-Identifier: Apache-2.0 */
/* Message-based encryption and decryption (PKCS#11 3.1 sections 5.9 and 5.11): many messages under one key, each with its own parameters. */
#include "base/error.h"
#include "ck/outlen.h"
#include "token/calls.h"
#include "token/note.h"
#include "token/op_int.h"

/*
 * A message that fails ends alone: the process that C_Message*Init began goes on until C_Message*Final, as 3.1 has it.
 * Everything that a caller gives is looked at before any of it is used.
 */
static CK_RV check(const struct hz_active *a, void *param, CK_ULONG param_len, const CK_BYTE *aad, CK_ULONG aad_len, bool decrypt,
		   const CK_BYTE *in, CK_ULONG len)
{
	CK_RV rv = hz_mech_check_message(a->mech, param, param_len);

	if (rv == CKR_OK && ((aad == NULL && aad_len != 0) || aad_len > HZ_MAX_INPUT))
		rv = hz_fail(CKR_ARGUMENTS_BAD, "bad associated data of %lu bytes", aad_len);
	return rv == CKR_OK ? hz_op_input(in, len, decrypt) : rv;
}

/* The running process; between messages, or inside of one. */
static CK_RV process(struct hz_session *s, enum hz_op_kind kind, bool inside, struct hz_active **a)
{
	CK_RV rv = hz_op_running(s, kind, a);

	if (rv == CKR_OK)
		rv = hz_op_authenticated(*a);
	if (rv != CKR_OK || (*a)->in_message == inside)
		return rv;
	return inside ? hz_fail(CKR_OPERATION_NOT_INITIALIZED, "no message has begun")
		      : hz_fail(CKR_OPERATION_ACTIVE, "a message in parts has begun");
}

/* One message is one use of the key. */
static CK_RV note(struct hz_session *s, struct hz_active *a, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv = hz_note_message(s, a);

	a->input_len = len;
	hz_note_output(s, out, out_len);
	return rv;
}

CK_RV hz_message(struct hz_session *s, enum hz_op_kind kind, void *param, CK_ULONG param_len, const CK_BYTE *aad, CK_ULONG aad_len,
		 const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct hz_active *a;
	size_t n;
	CK_RV rv = process(s, kind, false, &a);

	if (rv != CKR_OK)
		return rv;
	if (out_len == NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "the length is NULL");
	if (a->op->ops->message == NULL)
		return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the mechanism has no messages");
	rv = check(a, param, param_len, aad, aad_len, kind == HZ_OP_MSG_DECRYPT, in, len);
	if (rv != CKR_OK)
		return rv;
	n = a->op->ops->max_out(a->op, HZ_ONCE, len);
	if (hz_out_len(out, out_len, n, &rv) == HZ_OUT_STOP)
		return rv;
	rv = note(s, a, len, out, out_len);
	if (rv != CKR_OK)
		return rv;
	rv = a->op->ops->message(a->op, param, param_len, hz_op_bytes(aad), aad_len, hz_op_bytes(in), len, out, &n);
	if (rv == CKR_OK)
		*out_len = n;
	return rv;
}

CK_RV hz_message_begin(struct hz_session *s, enum hz_op_kind kind, void *param, CK_ULONG param_len, const CK_BYTE *aad, CK_ULONG aad_len)
{
	struct hz_active *a;
	CK_RV rv = process(s, kind, false, &a);

	if (rv != CKR_OK)
		return rv;
	if (a->op->ops->message_begin == NULL || a->op->ops->message_next == NULL)
		return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the mechanism has no messages in parts");
	rv = check(a, param, param_len, aad, aad_len, false, NULL, 0);
	if (rv == CKR_OK)
		rv = a->op->ops->message_begin(a->op, param, param_len, hz_op_bytes(aad), aad_len);
	a->in_message = rv == CKR_OK;
	a->input_len = 0;
	return rv;
}

/* Once a message has begun, all but a length query and a short buffer ends it, as other multi-part operations do. */
CK_RV hz_message_next(struct hz_session *s, enum hz_op_kind kind, void *param, CK_ULONG param_len, const CK_BYTE *in, CK_ULONG len,
		      CK_BYTE *out, CK_ULONG *out_len, CK_FLAGS flags)
{
	struct hz_active *a;
	bool last = (flags & CKF_END_OF_MESSAGE) != 0;
	size_t n;
	CK_RV rv = process(s, kind, true, &a);

	if (rv != CKR_OK)
		return rv;
	rv = out_len != NULL ? check(a, param, param_len, NULL, 0, kind == HZ_OP_MSG_DECRYPT, in, len)
			     : hz_fail(CKR_ARGUMENTS_BAD, "the length is NULL");
	if (rv == CKR_OK) {
		n = a->op->ops->max_out(a->op, HZ_UPDATE, len);
		if (hz_out_len(out, out_len, n, &rv) == HZ_OUT_STOP)
			return rv;
		rv = last ? note(s, a, a->input_len + len, out, out_len) : CKR_OK;
		a->input_len += last ? 0 : len;
		if (rv == CKR_OK)
			rv = a->op->ops->message_next(a->op, param, param_len, hz_op_bytes(in), len, out, &n, last);
		if (rv == CKR_OK)
			*out_len = n;
	}
	a->in_message = rv == CKR_OK && !last;
	return rv;
}

CK_RV hz_message_final(struct hz_session *s, enum hz_op_kind kind)
{
	struct hz_active *a;
	CK_RV rv = hz_op_running(s, kind, &a);

	return rv == CKR_OK ? hz_op_end(a, CKR_OK) : rv;
}
