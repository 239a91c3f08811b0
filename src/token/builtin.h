/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that every token shows without storing them: the profiles it implements (PKCS#11 3.1 section 4.13). */
#ifndef HZ_TOKEN_BUILTIN_H
#define HZ_TOKEN_BUILTIN_H

#include "token/object.h"

size_t hz_builtin_count(void);
CK_OBJECT_HANDLE hz_builtin_handle(const struct hz_token *t, size_t i);
/* A fresh object behind a handle whose counter is below HZ_FIRST_COUNTER; CKR_OBJECT_HANDLE_INVALID when there is none. */
CK_RV hz_builtin_object(struct hz_token *t, CK_OBJECT_HANDLE h, struct hz_object **out);

#endif
