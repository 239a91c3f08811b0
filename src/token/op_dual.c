/* SPDX-License-Identifier: Apache-2.0 */
/* Two operations over the same data: C_DigestEncryptUpdate and its kin (PKCS#11 3.1 section 5.17). */
#include "base/error.h"
#include "token/calls.h"
#include "token/op_int.h"

static CK_RV both(struct hz_session *s, enum hz_op_kind crypt, enum hz_op_kind other, struct hz_active **c, struct hz_active **o)
{
	CK_RV rv = hz_op_running(s, crypt, c);

	if (rv == CKR_OK)
		rv = hz_op_running(s, other, o);
	if (rv == CKR_OK && ((*o)->signature != NULL || (*c)->pending != NULL))
		rv = hz_fail(CKR_OPERATION_NOT_INITIALIZED, "the active operations do not go together");
	return rv;
}

/* A failure of either ends both: what one has seen and the other has not, nobody could bring together again. */
static CK_RV end_both(struct hz_active *c, struct hz_active *o, CK_RV rv)
{
	if (c->state != HZ_IDLE)
		(void)hz_op_end(c, rv);
	if (o->state != HZ_IDLE)
		(void)hz_op_end(o, rv);
	return rv;
}

/* Would the update of `c` stop at the length? Then nothing may happen to the other operation either. */
static bool asks_length(const struct hz_active *c, const CK_BYTE *in, CK_ULONG len, const CK_BYTE *out, const CK_ULONG *out_len)
{
	if (out_len == NULL || hz_op_input(in, len, false) != CKR_OK || c->op->ops->update == NULL)
		return false;
	return out == NULL || *out_len < hz_op_need(c->op, HZ_UPDATE, hz_op_bytes(in), len);
}

CK_RV hz_dual_encrypt(struct hz_session *s, enum hz_op_kind other, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct hz_active *c, *o;
	CK_RV rv = both(s, HZ_OP_ENCRYPT, other, &c, &o);

	if (rv != CKR_OK)
		return rv;
	if (asks_length(c, in, len, out, out_len))
		return hz_op_step(c, HZ_OP_ENCRYPT, HZ_UPDATE, in, len, out, out_len);
	rv = hz_op_feed(o, in, len); /* first: the output may lie over the input */
	if (rv == CKR_OK)
		rv = hz_op_step(c, HZ_OP_ENCRYPT, HZ_UPDATE, in, len, out, out_len);
	return rv == CKR_OK ? CKR_OK : end_both(c, o, rv);
}

CK_RV hz_dual_decrypt(struct hz_session *s, enum hz_op_kind other, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct hz_active *c, *o;
	CK_RV rv = both(s, HZ_OP_DECRYPT, other, &c, &o);
	bool query;

	if (rv != CKR_OK)
		return rv;
	query = asks_length(c, in, len, out, out_len);
	rv = hz_op_step(c, HZ_OP_DECRYPT, HZ_UPDATE, in, len, out, out_len);
	if (query && c->state != HZ_IDLE)
		return rv;
	if (rv == CKR_OK)
		rv = hz_op_feed(o, out, *out_len);
	return rv == CKR_OK ? CKR_OK : end_both(c, o, rv);
}
