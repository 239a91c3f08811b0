/* SPDX-License-Identifier: Apache-2.0 */
/* The output-length convention of PKCS#11 3.1 section 5.2. */
#include "ck/outlen.h"

#include <stddef.h>

#include "base/error.h"

enum hz_out
hz_out_len(const void *out, CK_ULONG *out_len, CK_ULONG need, CK_RV *rv)
{
	CK_ULONG room = *out_len;

	if (out != NULL && room >= need)
		return HZ_OUT_GO;
	*out_len = need;
	*rv = CKR_OK;
	if (out != NULL)
		*rv = hz_fail(CKR_BUFFER_TOO_SMALL, "the buffer has %lu bytes, %lu are needed", room, need);
	return HZ_OUT_STOP;
}
