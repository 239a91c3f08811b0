/* SPDX-License-Identifier: Apache-2.0 */
/* Names of PKCS#11 numbers for logs, tools and error texts. */
#ifndef HZ_CK_NAMES_H
#define HZ_CK_NAMES_H

#include "pkcs11.h"

/* "CKR_OK" etc.; for unknown numbers a hexadecimal form in a per-thread buffer (good until the thread's next call of the same function). */
const char *hz_ckr_name(CK_RV rv);
const char *hz_ckm_name(CK_MECHANISM_TYPE m);
const char *hz_cka_name(CK_ATTRIBUTE_TYPE a);
const char *hz_cko_name(CK_OBJECT_CLASS c);
const char *hz_ckk_name(CK_KEY_TYPE k);

#endif
