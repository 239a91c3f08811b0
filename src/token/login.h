/* SPDX-License-Identifier: Apache-2.0 */
/* Login, logout and PINs (PKCS#11 3.2 sections 5.5.7 to 5.5.9 and 5.6.8 to 5.6.10). */
#ifndef HZ_TOKEN_LOGIN_H
#define HZ_TOKEN_LOGIN_H

#include "token/token.h"

#define HZ_PIN_MAX 65536u /* bytes */

/*
 * PINs are the caller's memory, read once into secret memory. All but hz_init_token are called inside a session. Codes as the
 * standard has them; a wrong PIN is CKR_PIN_INCORRECT, or CKR_PIN_LOCKED once the tries are used up.
 * hz_login uses up the session's challenge and staged bundle, whatever its result.
 */
CK_RV hz_login(struct hz_session *s, CK_USER_TYPE who, const CK_UTF8CHAR *pin, CK_ULONG pin_len, const CK_UTF8CHAR *name,
	       CK_ULONG name_len);
CK_RV hz_logout(struct hz_session *s);
CK_RV hz_init_pin(struct hz_session *s, const CK_UTF8CHAR *pin, CK_ULONG len);
CK_RV hz_set_pin(struct hz_session *s, const CK_UTF8CHAR *old, CK_ULONG old_len, const CK_UTF8CHAR *pin, CK_ULONG len);

/* C_InitToken: between hz_module_enter and hz_module_leave. `label` is 32 bytes. Tier 0 takes any SO PIN, or none. */
CK_RV hz_init_token(struct hz_token *t, const CK_UTF8CHAR *so_pin, CK_ULONG len, const CK_UTF8CHAR *label);

/* End the token's login and what depends on it. With the login lock, without the token lock. */
void hz_login_end(struct hz_token *t);

#endif
