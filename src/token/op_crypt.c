/* SPDX-License-Identifier: Apache-2.0 */
/* C_Encrypt*, C_Decrypt* (PKCS#11 3.1 sections 5.8 and 5.10). */
#include "base/error.h"
#include "token/calls.h"
#include "token/note.h"
#include "token/op_int.h"

CK_RV hz_crypt(struct hz_session *s, enum hz_op_kind kind, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct hz_active *a;
	CK_RV rv = hz_op_running(s, kind, &a);

	if (rv != CKR_OK)
		return rv;
	if (a->state == HZ_STREAMING)
		return hz_op_end(a, hz_fail(CKR_OPERATION_ACTIVE, "a multi-part operation has begun"));
	hz_note_output(s, out, out_len);
	return hz_op_step(a, kind, HZ_ONCE, in, len, out, out_len);
}

CK_RV hz_crypt_update(struct hz_session *s, enum hz_op_kind kind, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct hz_active *a;
	CK_RV rv = hz_op_running(s, kind, &a);

	if (rv != CKR_OK)
		return rv;
	if (a->pending != NULL)
		return hz_op_end(a, hz_fail(CKR_OPERATION_ACTIVE, "the result waits to be fetched"));
	return hz_op_step(a, kind, HZ_UPDATE, in, len, out, out_len);
}

CK_RV hz_crypt_final(struct hz_session *s, enum hz_op_kind kind, CK_BYTE *out, CK_ULONG *out_len)
{
	struct hz_active *a;
	CK_RV rv = hz_op_running(s, kind, &a);

	hz_note_output(s, out, out_len);
	return rv == CKR_OK ? hz_op_step(a, kind, HZ_FINAL, NULL, 0, out, out_len) : rv;
}
