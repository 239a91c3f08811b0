/* SPDX-License-Identifier: Apache-2.0 */
/* One step of an operation: the length convention, results that wait for a larger buffer, and what ends. */
#include <string.h>

#include "base/error.h"
#include "base/secmem.h"
#include "ck/outlen.h"
#include "crypto/hash.h"
#include "token/note.h"
#include "token/op_int.h"

CK_RV hz_op_input(const CK_BYTE *in, CK_ULONG len, bool decrypt)
{
	if (in == NULL && len != 0)
		return hz_fail(CKR_ARGUMENTS_BAD, "input is NULL and its length is not 0");
	if (len > HZ_MAX_INPUT)
		return hz_fail(decrypt ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE, "input of %lu bytes", len);
	return CKR_OK;
}

static CK_RV unsupported(void)
{
	return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the mechanism does not work in parts");
}

static CK_RV in_parts(struct hz_op *op, const uint8_t *in, size_t len, uint8_t *out, size_t *n)
{
	size_t first = 0, last = *n;
	CK_RV rv;

	if (op->ops->update == NULL || op->ops->final == NULL)
		return unsupported();
	first = *n;
	rv = op->ops->update(op, in, len, out, &first);
	if (rv != CKR_OK)
		return rv;
	last -= first;
	rv = op->ops->final(op, out + first, &last);
	*n = first + last;
	return rv;
}

/* For kinds whose updates give nothing. */
static CK_RV fed_then_final(struct hz_op *op, const uint8_t *in, size_t len, uint8_t *out, size_t *n)
{
	size_t none = 0;
	CK_RV rv;

	if (op->ops->update == NULL || op->ops->final == NULL)
		return unsupported();
	rv = op->ops->update(op, in, len, NULL, &none);
	return rv == CKR_OK ? op->ops->final(op, out, n) : rv;
}

/* *n: room in, bytes out. */
static CK_RV run(struct hz_op *op, enum hz_op_kind kind, enum hz_phase phase, const uint8_t *in, size_t len, uint8_t *out, size_t *n)
{
	bool crypt = kind == HZ_OP_ENCRYPT || kind == HZ_OP_DECRYPT;

	if (phase == HZ_UPDATE)
		return op->ops->update(op, in, len, out, n);
	if (phase == HZ_FINAL)
		return op->ops->final(op, out, n);
	if (op->ops->once != NULL)
		return op->ops->once(op, in, len, out, n);
	return crypt ? in_parts(op, in, len, out, n) : fed_then_final(op, in, len, out, n);
}

static bool has_step(const struct hz_op *op, enum hz_phase phase)
{
	if (phase == HZ_ONCE)
		return op->ops->once != NULL || op->ops->update != NULL;
	return phase == HZ_UPDATE ? op->ops->update != NULL : op->ops->final != NULL;
}

/*
 * Is the bound possibly larger than what comes out, so that the caller's smaller buffer might do? Unpadding takes off a block at
 * most, or (RSA) most of a modulus; where the buffer lacks more than that, the bound is answered at once.
 */
static bool may_be_shorter(enum hz_op_kind kind, enum hz_phase phase, size_t need, size_t room)
{
	if (phase == HZ_UPDATE || (kind != HZ_OP_DECRYPT && kind != HZ_OP_VERIFY_RECOVER))
		return false;
	return need <= 2048 || need - room <= 32;
}

static CK_RV hand_over(struct hz_active *a, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv = CKR_OK;

	if (hz_out_len(out, out_len, a->pending_len, &rv) == HZ_OUT_STOP)
		return rv;
	if (a->pending_len != 0)
		memcpy(out, a->pending, a->pending_len);
	*out_len = a->pending_len;
	return hz_op_end(a, CKR_OK);
}

/* The retry comes with the input that the result is of; what was worked off cannot be undone for another one. */
static bool same_input(const struct hz_active *a, const uint8_t *in, size_t len)
{
	uint8_t digest[sizeof a->pending_of];

	hz_hash_once(HZ_SHA256, in, len, digest);
	return memcmp(digest, a->pending_of, sizeof a->pending_of) == 0;
}

static CK_RV compute_aside(struct hz_active *a, enum hz_op_kind kind, enum hz_phase phase, const uint8_t *in, size_t len,
			   size_t need, CK_BYTE *out, CK_ULONG *out_len)
{
	size_t n = need;
	CK_RV rv = hz_op_authenticated(a);

	if (rv != CKR_OK)
		return hz_op_end(a, rv);
	a->pending = hz_secmem_alloc(need != 0 ? need : 1);
	if (a->pending == NULL)
		return hz_op_end(a, CKR_HOST_MEMORY);
	hz_hash_once(HZ_SHA256, in, len, a->pending_of);
	hz_note_input(a, in, len);
	rv = run(a->op, kind, phase, in, len, a->pending, &n);
	a->pending_len = n;
	return rv == CKR_OK ? hand_over(a, out, out_len) : hz_op_end(a, rv);
}

size_t hz_op_need(const struct hz_op *op, enum hz_phase phase, const uint8_t *in, size_t len)
{
	return op->ops->need != NULL ? op->ops->need(op, phase, in, len) : op->ops->max_out(op, phase, len);
}

CK_RV hz_op_step(struct hz_active *a, enum hz_op_kind kind, enum hz_phase phase, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out,
		 CK_ULONG *out_len)
{
	size_t need, n;
	CK_RV rv = out_len != NULL ? hz_op_input(in, len, kind == HZ_OP_DECRYPT) : hz_fail(CKR_ARGUMENTS_BAD, "the length is NULL");

	if (rv == CKR_OK && !has_step(a->op, phase))
		rv = unsupported();
	if (rv != CKR_OK)
		return hz_op_end(a, rv);
	in = hz_op_bytes(in);
	if (a->pending != NULL && !same_input(a, in, len))
		return hz_op_end(a, hz_fail(CKR_ARGUMENTS_BAD, "the result of another input waits to be fetched"));
	if (a->pending != NULL)
		return hand_over(a, out, out_len);
	need = hz_op_need(a->op, phase, in, len);
	if (out != NULL && *out_len < need && a->op->ops->need == NULL && may_be_shorter(kind, phase, need, *out_len))
		return compute_aside(a, kind, phase, in, len, need, out, out_len);
	if (hz_out_len(out, out_len, need, &rv) == HZ_OUT_STOP)
		return rv;
	rv = hz_op_authenticated(a);
	if (rv != CKR_OK)
		return hz_op_end(a, rv);
	n = need;
	hz_note_input(a, in, len);
	rv = run(a->op, kind, phase, in, len, out, &n);
	if (rv == CKR_OK)
		*out_len = n;
	if (rv != CKR_OK || phase != HZ_UPDATE)
		return hz_op_end(a, rv);
	a->state = HZ_STREAMING;
	return CKR_OK;
}

CK_RV hz_op_feed(struct hz_active *a, const CK_BYTE *in, CK_ULONG len)
{
	size_t none = 0;
	CK_RV rv = hz_op_input(in, len, false);

	if (rv == CKR_OK && a->op->ops->update == NULL)
		rv = unsupported();
	if (rv == CKR_OK)
		rv = hz_op_authenticated(a);
	if (rv == CKR_OK)
		hz_note_input(a, hz_op_bytes(in), len);
	if (rv == CKR_OK)
		rv = a->op->ops->update(a->op, hz_op_bytes(in), len, NULL, &none);
	if (rv != CKR_OK)
		return hz_op_end(a, rv);
	a->state = HZ_STREAMING;
	return CKR_OK;
}
