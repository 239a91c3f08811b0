/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where the output-length convention (3.1 section 5.2) is decided. */
#ifndef HZ_CK_OUTLEN_H
#define HZ_CK_OUTLEN_H

#include "pkcs11.h"

enum hz_out { HZ_OUT_GO, HZ_OUT_STOP };

/*
 * `need` bytes are about to be written to out (room *out_len).
 *   out == NULL          *out_len = need, *rv = CKR_OK,               HZ_OUT_STOP
 *   *out_len < need      *out_len = need, *rv = CKR_BUFFER_TOO_SMALL, HZ_OUT_STOP
 *   else                 nothing changes,                             HZ_OUT_GO
 * out_len must not be NULL (entries refuse that first, CKR_ARGUMENTS_BAD).
 */
enum hz_out hz_out_len(const void *out, CK_ULONG *out_len, CK_ULONG need, CK_RV *rv);

#endif
