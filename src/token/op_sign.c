/* SPDX-License-Identifier: Apache-2.0 */
/* C_Sign*, C_Verify*, the recovering forms and C_VerifySignature* (PKCS#11 3.1 sections 5.13 to 5.16, 3.2 section 5.16). */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "token/calls.h"
#include "token/note.h"
#include "token/op_int.h"

/* No signature is longer: ML-DSA-87 has 4,627 bytes, SLH-DSA 49,856. */
#define MAX_SIGNATURE 65536

static CK_RV streaming(struct hz_active *a)
{
	return hz_op_end(a, hz_fail(CKR_OPERATION_ACTIVE, "a multi-part operation has begun"));
}

CK_RV hz_sign(struct hz_session *s, enum hz_op_kind kind, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig, CK_ULONG *sig_len)
{
	struct hz_active *a;
	CK_RV rv = hz_op_running(s, kind, &a);

	if (rv != CKR_OK)
		return rv;
	hz_note_output(s, sig, sig_len);
	return a->state == HZ_STREAMING ? streaming(a) : hz_op_step(a, kind, HZ_ONCE, in, len, sig, sig_len);
}

CK_RV hz_sign_update(struct hz_session *s, const CK_BYTE *in, CK_ULONG len)
{
	struct hz_active *a;
	CK_RV rv = hz_op_running(s, HZ_OP_SIGN, &a);

	return rv == CKR_OK ? hz_op_feed(a, in, len) : rv;
}

CK_RV hz_sign_final(struct hz_session *s, CK_BYTE *sig, CK_ULONG *sig_len)
{
	struct hz_active *a;
	CK_RV rv = hz_op_running(s, HZ_OP_SIGN, &a);

	hz_note_output(s, sig, sig_len);
	return rv == CKR_OK ? hz_op_step(a, HZ_OP_SIGN, HZ_FINAL, NULL, 0, sig, sig_len) : rv;
}

/*
 * Verifications come in two shapes, which do not mix: the signature last (C_Verify) or first (C_VerifySignature). A call of the
 * other shape meets no operation of its own.
 */
static CK_RV verifying(struct hz_session *s, bool first, struct hz_active **out)
{
	CK_RV rv = hz_op_running(s, HZ_OP_VERIFY, out);

	if (rv == CKR_OK && ((*out)->signature != NULL) != first)
		rv = hz_fail(CKR_OPERATION_NOT_INITIALIZED, "the active verification has the other shape");
	return rv;
}

static CK_RV check_signature(const CK_BYTE *sig, CK_ULONG len)
{
	if (sig == NULL && len != 0)
		return hz_fail(CKR_ARGUMENTS_BAD, "the signature is NULL and its length is not 0");
	if (len > MAX_SIGNATURE)
		return hz_fail(CKR_SIGNATURE_LEN_RANGE, "signature of %lu bytes", len);
	return CKR_OK;
}

static CK_RV verify_parts(struct hz_op *op, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	size_t none = 0;
	CK_RV rv;

	if (op->ops->update == NULL || op->ops->verify_final == NULL)
		return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the mechanism does not verify");
	rv = op->ops->update(op, in, len, NULL, &none);
	return rv == CKR_OK ? op->ops->verify_final(op, sig, sig_len) : rv;
}

static CK_RV verify_once(struct hz_active *a, const CK_BYTE *in, CK_ULONG len, const CK_BYTE *sig, CK_ULONG sig_len)
{
	CK_RV rv;

	if (a->state == HZ_STREAMING)
		return streaming(a);
	rv = hz_op_input(in, len, false);
	if (rv == CKR_OK)
		rv = check_signature(sig, sig_len);
	if (rv == CKR_OK)
		hz_note_input(a, hz_op_bytes(in), len);
	if (rv == CKR_OK)
		rv = (a->op->ops->verify != NULL ? a->op->ops->verify : verify_parts)(a->op, hz_op_bytes(in), len,
										      hz_op_bytes(sig), sig_len);
	return hz_op_end(a, rv);
}

static CK_RV verify_end(struct hz_active *a, const CK_BYTE *sig, CK_ULONG sig_len)
{
	CK_RV rv = check_signature(sig, sig_len);

	if (rv == CKR_OK && a->op->ops->verify_final == NULL)
		rv = hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the mechanism does not work in parts");
	if (rv == CKR_OK)
		rv = a->op->ops->verify_final(a->op, hz_op_bytes(sig), sig_len);
	return hz_op_end(a, rv);
}

CK_RV hz_verify(struct hz_session *s, const CK_BYTE *in, CK_ULONG len, const CK_BYTE *sig, CK_ULONG sig_len)
{
	struct hz_active *a;
	CK_RV rv = verifying(s, false, &a);

	return rv == CKR_OK ? verify_once(a, in, len, sig, sig_len) : rv;
}

CK_RV hz_verify_update(struct hz_session *s, const CK_BYTE *in, CK_ULONG len)
{
	struct hz_active *a;
	CK_RV rv = verifying(s, false, &a);

	return rv == CKR_OK ? hz_op_feed(a, in, len) : rv;
}

CK_RV hz_verify_final(struct hz_session *s, const CK_BYTE *sig, CK_ULONG sig_len)
{
	struct hz_active *a;
	CK_RV rv = verifying(s, false, &a);

	return rv == CKR_OK ? verify_end(a, sig, sig_len) : rv;
}

CK_RV hz_verify_recover(struct hz_session *s, const CK_BYTE *sig, CK_ULONG sig_len, CK_BYTE *data, CK_ULONG *data_len)
{
	struct hz_active *a;
	CK_RV rv = hz_op_running(s, HZ_OP_VERIFY_RECOVER, &a);

	if (rv != CKR_OK)
		return rv;
	rv = check_signature(sig, sig_len);
	if (rv != CKR_OK)
		return hz_op_end(a, rv);
	hz_note_output(s, data, data_len);
	return hz_op_step(a, HZ_OP_VERIFY_RECOVER, HZ_ONCE, sig, sig_len, data, data_len);
}

CK_RV hz_verify_signature_init(struct hz_session *s, const CK_MECHANISM *mech, CK_OBJECT_HANDLE key, const CK_BYTE *sig, CK_ULONG sig_len)
{
	struct hz_active *a = &s->active[HZ_OP_VERIFY];
	uint8_t *copy;
	CK_RV rv = mech != NULL ? check_signature(sig, sig_len) : CKR_OK;

	if (rv == CKR_OK)
		rv = hz_op_init(s, HZ_OP_VERIFY, mech, key);
	if (rv != CKR_OK || mech == NULL)
		return rv;
	copy = malloc(sig_len != 0 ? sig_len : 1);
	if (copy == NULL)
		return hz_op_end(a, CKR_HOST_MEMORY);
	if (sig_len != 0)
		memcpy(copy, sig, sig_len);
	a->signature = copy;
	a->signature_len = sig_len;
	return CKR_OK;
}

CK_RV hz_verify_signature(struct hz_session *s, const CK_BYTE *in, CK_ULONG len)
{
	struct hz_active *a;
	CK_RV rv = verifying(s, true, &a);

	return rv == CKR_OK ? verify_once(a, in, len, a->signature, a->signature_len) : rv;
}

CK_RV hz_verify_signature_update(struct hz_session *s, const CK_BYTE *in, CK_ULONG len)
{
	struct hz_active *a;
	CK_RV rv = verifying(s, true, &a);

	return rv == CKR_OK ? hz_op_feed(a, in, len) : rv;
}

CK_RV hz_verify_signature_final(struct hz_session *s)
{
	struct hz_active *a;
	CK_RV rv = verifying(s, true, &a);

	return rv == CKR_OK ? verify_end(a, a->signature, a->signature_len) : rv;
}
