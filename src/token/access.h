/* SPDX-License-Identifier: Apache-2.0 */
/* Who may see, make, change and use which objects; the table is in access.c. */
#ifndef HZ_TOKEN_ACCESS_H
#define HZ_TOKEN_ACCESS_H

#include "token/object.h"

/* The user is logged in, or the token asks for no login. */
bool hz_user_present(const struct hz_token *t);
/* Is the object the user's alone: private, or a secret or private key at rest? A logout ends what is done with it. */
bool hz_is_the_users(const struct hz_object *o);
bool hz_may_see(const struct hz_token *t, const struct hz_object *o);

/* Limits that nothing enforces yet are refused, not kept: CKR_ATTRIBUTE_TYPE_INVALID. */
CK_RV hz_may_promise(const struct hz_attrs *set);
/* May this session make an object with these complete attributes? */
CK_RV hz_may_make(const struct hz_session *s, const struct hz_attrs *set);
/* May it change or end this one (read-only sessions, CKA_MODIFIABLE, CKA_DESTROYABLE)? */
CK_RV hz_may_modify(const struct hz_session *s, const struct hz_object *o);
CK_RV hz_may_destroy(const struct hz_session *s, const struct hz_object *o);
/* May the key be used so: usage attribute, CKA_ALLOWED_MECHANISMS, login (in this order)? */
CK_RV hz_may_use(const struct hz_session *s, const struct hz_object *key, CK_ATTRIBUTE_TYPE usage, CK_MECHANISM_TYPE mech);
/* As hz_may_use for calls that have no place for a context-specific login: keys with CKA_ALWAYS_AUTHENTICATE are refused. */
CK_RV hz_may_use_at_once(const struct hz_session *s, const struct hz_object *key, CK_ATTRIBUTE_TYPE usage, CK_MECHANISM_TYPE mech);
/* May its secret be copied, wrapped or digested, as far as logins go? CKR_USER_NOT_LOGGED_IN. */
CK_RV hz_may_take(const struct hz_session *s, const struct hz_object *o);
/* May `target` leave wrapped under `wrapping`? `by_use`: the wrapped value is made from the target by use, not exported. */
CK_RV hz_may_wrap(const struct hz_session *s, const struct hz_object *wrapping, const struct hz_object *target, bool by_use);
/* Could the caller read all attributes that the template names, so that a search with it tells nothing new? */
bool hz_may_compare(const struct hz_object *o, const struct hz_attrs *tmpl);

#endif
