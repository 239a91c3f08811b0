/* SPDX-License-Identifier: Apache-2.0 */
/* What an application is told about slots, tokens and mechanisms. All calls between hz_module_enter and hz_module_leave. */
#ifndef HZ_TOKEN_SLOT_H
#define HZ_TOKEN_SLOT_H

#include "token/token.h"

/* C_GetSlotList, length rule included; ids ascend and never change. */
CK_RV hz_slot_list(bool present_only, CK_SLOT_ID *list, CK_ULONG *count);
void hz_slot_info(const struct hz_token *t, CK_SLOT_INFO *info);

/* CKR_TOKEN_NOT_PRESENT; CKR_DEVICE_ERROR and the like when the store cannot be read. Writes nothing to the store. */
CK_RV hz_token_info(struct hz_token *t, CK_TOKEN_INFO *info);
CK_RV hz_mech_list(struct hz_token *t, CK_MECHANISM_TYPE *list, CK_ULONG *count);
CK_RV hz_mech_info(struct hz_token *t, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info);

/* Text as the standard's structures want it: blank-padded, without NUL, never cut inside a UTF-8 character. */
void hz_pad(CK_UTF8CHAR *out, size_t size, const char *text);
/* The package's version, major and minor. */
CK_VERSION hz_package_version(void);

#endif
