/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what, in one place (PKCS#11 3.1 sections 4.2, 4.4, 5.6, 5.7 and the tiers of this module).
 *
 *   see       private objects           user logged in, or a token without login (tier 0); the SO sees none
 *             everything else           anybody
 *             another tenant's objects  nobody, where the slot has tenants (tenant.h)
 *   make      private objects           user logged in, or tier 0: else CKR_USER_NOT_LOGGED_IN
 *             token objects             read/write sessions only: else CKR_SESSION_READ_ONLY
 *             secret and private token keys: never on tier 0 (CKR_TEMPLATE_INCONSISTENT); elsewhere the user logged in
 *             CKA_ALWAYS_AUTHENTICATE   never on tier 0, where no login could follow (CKR_TEMPLATE_INCONSISTENT)
 *   change    CKA_MODIFIABLE false      CKR_ACTION_PROHIBITED; token object in a read-only session: CKR_SESSION_READ_ONLY
 *   copy      CKA_COPYABLE false        CKR_ACTION_PROHIBITED, and as "make" for the copy
 *   destroy   CKA_DESTROYABLE false     CKR_ACTION_PROHIBITED; token object in a read-only session: CKR_SESSION_READ_ONLY
 *   use       usage attribute false     CKR_KEY_FUNCTION_NOT_PERMITTED
 *             not in CKA_ALLOWED_MECHANISMS: CKR_MECHANISM_INVALID (an empty list allows none)
 *             secret and private token keys: user logged in, else CKR_USER_NOT_LOGGED_IN, whatever CKA_PRIVATE says; the same
 *             for copying, wrapping and digesting them, and a logout ends operations that run with them
 *             CKA_ALWAYS_AUTHENTICATE   one CKU_CONTEXT_SPECIFIC login a use; calls that have no place for it (unwrap, derive,
 *                                       decapsulate, delegate) are refused with CKR_USER_NOT_LOGGED_IN
 *   wrap      CKA_EXTRACTABLE false     CKR_KEY_UNEXTRACTABLE
 *             CKA_WRAP_WITH_TRUSTED     wrapping key with an authenticated CKA_TRUSTED, else CKR_KEY_NOT_WRAPPABLE; only the SO gives
 *                                       such a key or its copy another use (schema_change.c)
 *             CKA_WRAP_TEMPLATE         mismatch: CKR_KEY_HANDLE_INVALID
 *             a sensitive key under a secret key that may also decrypt (so that the result could be opened on the spot):
 *             CKR_KEY_FUNCTION_NOT_PERMITTED. One object may have both attributes, because common callers set them all.
 *   compare   a search by a value that may not be read matches nothing
 */
#include "token/access.h"

#include "base/error.h"
#include "ck/names.h"
#include "ck/schema.h"
#include "hanzo-pkcs11.h"
#include "token/session.h"
#include "token/tenant.h"

static bool has_secret(CK_OBJECT_CLASS cls)
{
	return cls == CKO_PRIVATE_KEY || cls == CKO_SECRET_KEY;
}

bool hz_user_present(const struct hz_token *t)
{
	return !t->login_required || atomic_load_explicit(&t->login, memory_order_acquire) == HZ_USER;
}

bool hz_is_the_users(const struct hz_object *o)
{
	return o->is_private || (o->id != 0 && has_secret(o->cls));
}

bool hz_may_see(const struct hz_token *t, const struct hz_object *o)
{
	return (!o->is_private || hz_user_present(t)) && hz_tenant_sees(t, o);
}

static CK_RV may_make_key(const struct hz_session *s, const struct hz_attrs *set, bool token)
{
	if (s->token->tier == 0 && token)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "tier 0 keeps no private or secret key beyond the session");
	if (s->token->tier == 0 && hz_attrs_bool(set, CKA_ALWAYS_AUTHENTICATE, false))
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "tier 0 has no login for CKA_ALWAYS_AUTHENTICATE");
	if (token && !hz_user_present(s->token))
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "a key at rest needs the user's login");
	return CKR_OK;
}

CK_RV hz_may_promise(const struct hz_attrs *set)
{
	static const CK_ATTRIBUTE_TYPE limits[] = { CKA_HANZO_ROTATE_DAYS, CKA_HANZO_RATE_LIMIT, CKA_HANZO_USES_LEFT };

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
		if (hz_attrs_find(set, limits[i]) != NULL)
			return hz_fail(CKR_ATTRIBUTE_TYPE_INVALID, "%s is not enforced by this version", hz_cka_name(limits[i]));
	return CKR_OK;
}

CK_RV hz_may_make(const struct hz_session *s, const struct hz_attrs *set)
{
	bool token = hz_attrs_bool(set, CKA_TOKEN, false);
	CK_RV rv = CKR_OK;

	if (token && !hz_session_rw(s))
		return hz_fail(CKR_SESSION_READ_ONLY, "token object in a read-only session");
	rv = hz_may_promise(set);
	if (rv != CKR_OK)
		return rv;
	if (has_secret(hz_attrs_ulong(set, CKA_CLASS, CK_UNAVAILABLE_INFORMATION)))
		rv = may_make_key(s, set, token);
	if (rv == CKR_OK && hz_attrs_bool(set, CKA_PRIVATE, false) && !hz_user_present(s->token))
		rv = hz_fail(CKR_USER_NOT_LOGGED_IN, "a private object needs the user's login");
	return rv;
}

static CK_RV writable(const struct hz_session *s, const struct hz_object *o, CK_ATTRIBUTE_TYPE flag)
{
	if (!hz_attrs_bool(&o->attrs, flag, true))
		return hz_fail(CKR_ACTION_PROHIBITED, "%s is false", hz_cka_name(flag));
	if (o->id != 0 && !hz_session_rw(s))
		return hz_fail(CKR_SESSION_READ_ONLY, "token object in a read-only session");
	return CKR_OK;
}

CK_RV hz_may_modify(const struct hz_session *s, const struct hz_object *o)
{
	return writable(s, o, CKA_MODIFIABLE);
}

CK_RV hz_may_destroy(const struct hz_session *s, const struct hz_object *o)
{
	return writable(s, o, CKA_DESTROYABLE);
}

CK_RV hz_may_take(const struct hz_session *s, const struct hz_object *o)
{
	if (hz_is_the_users(o) && !hz_user_present(s->token))
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "a key at rest needs the user's login");
	return CKR_OK;
}

/*
 * ECIES needs a public half only, and a private key knows its own: there the right to undo stands for the right to do, since private
 * keys have neither CKA_ENCRYPT nor CKA_WRAP.
 */
static CK_ATTRIBUTE_TYPE usage_of(const struct hz_object *key, CK_ATTRIBUTE_TYPE usage, CK_MECHANISM_TYPE mech)
{
	if (key->cls != CKO_PRIVATE_KEY || (mech != CKM_HANZO_ECIES && mech != CKM_HANZO_SHAMIR_SHARE))
		return usage;
	return usage == CKA_ENCRYPT ? CKA_DECRYPT : usage == CKA_WRAP ? CKA_UNWRAP : usage;
}

CK_RV hz_may_use(const struct hz_session *s, const struct hz_object *key, CK_ATTRIBUTE_TYPE usage, CK_MECHANISM_TYPE mech)
{
	CK_RV rv;

	usage = usage_of(key, usage, mech);
	if (!hz_attrs_bool(&key->attrs, usage, false))
		return hz_fail(CKR_KEY_FUNCTION_NOT_PERMITTED, "the key has no %s", hz_cka_name(usage));
	rv = hz_schema_allows(&key->attrs, mech);
	if (rv != CKR_OK)
		return rv;
	return hz_may_take(s, key);
}

CK_RV hz_may_use_at_once(const struct hz_session *s, const struct hz_object *key, CK_ATTRIBUTE_TYPE usage, CK_MECHANISM_TYPE mech)
{
	CK_RV rv = hz_may_use(s, key, usage, mech);

	if (rv == CKR_OK && key->always_auth)
		rv = hz_fail(CKR_USER_NOT_LOGGED_IN, "the key has CKA_ALWAYS_AUTHENTICATE and this call has no place for a login");
	return rv;
}

static bool trusted(const struct hz_object *o)
{
	return o->checked && hz_attrs_bool(&o->attrs, CKA_TRUSTED, false);
}

CK_RV hz_may_wrap(const struct hz_session *s, const struct hz_object *wrapping, const struct hz_object *target, bool by_use)
{
	const struct hz_attrs *only = hz_attrs_nested(&wrapping->attrs, CKA_WRAP_TEMPLATE);

	if (!has_secret(target->cls))
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, "only private and secret keys are wrapped");
	if (!by_use && !hz_attrs_bool(&target->attrs, CKA_EXTRACTABLE, false))
		return hz_fail(CKR_KEY_UNEXTRACTABLE, "the key has no CKA_EXTRACTABLE");
	if (hz_attrs_bool(&target->attrs, CKA_WRAP_WITH_TRUSTED, false) && !trusted(wrapping))
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, "the key may be wrapped by trusted keys only");
	/* Of other extractable keys the user, who can make wrapping keys of any value, has the value anyway. */
	if (hz_attrs_bool(&target->attrs, CKA_WRAP_WITH_TRUSTED, false) && wrapping->cls == CKO_SECRET_KEY &&
	    hz_attrs_bool(&wrapping->attrs, CKA_DECRYPT, false))
		return hz_fail(CKR_KEY_FUNCTION_NOT_PERMITTED, "a key that may decrypt is trusted with no key");
	if (only != NULL && !hz_attrs_match(&target->attrs, only))
		return hz_fail(CKR_KEY_HANDLE_INVALID, "the key does not match the wrapping key's CKA_WRAP_TEMPLATE");
	return hz_may_take(s, target);
}

bool hz_may_compare(const struct hz_object *o, const struct hz_attrs *tmpl)
{
	for (size_t i = 0; i < tmpl->n; i++)
		if (hz_schema_hides(&o->attrs, tmpl->v[i].type))
			return false;
	return true;
}
