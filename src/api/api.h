/* SPDX-License-Identifier: Apache-2.0 */
/* Prototypes of all entries. Inside, an entry is called hz_api_Sign and never C_Sign, which could be another module's. */
#ifndef HZ_API_API_H
#define HZ_API_API_H

#include "hanzo-pkcs11.h"
#include "pkcs11.h"

#define HZ_FN(since, name, parameters) CK_RV hz_api_##name parameters;
#define HZ_OWN(since, name, parameters) \
	CK_RV hz_api_##name##_2_40 parameters; \
	CK_RV hz_api_##name##_3_0 parameters; \
	CK_RV hz_api_##name##_3_1 parameters; \
	CK_RV hz_api_##name##_3_2 parameters;
#include "api/functions.def"

/* The vendor interface (hanzo-pkcs11.h says what each does). */
CK_RV hz_vendor_GetLastError(char *buf, CK_ULONG *len);
CK_RV hz_vendor_GetChallenge(CK_SESSION_HANDLE session, CK_BYTE *buf, CK_ULONG *len);
CK_RV hz_vendor_StageEvidence(CK_SESSION_HANDLE session, CK_BYTE *bundle, CK_ULONG len);
CK_RV hz_vendor_Renew(CK_SESSION_HANDLE session);

#endif
