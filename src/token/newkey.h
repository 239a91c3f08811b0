/* SPDX-License-Identifier: Apache-2.0 */
/* What the calls that make keys share: what the template asks for, what the mechanism makes, and the end of it. */
#ifndef HZ_TOKEN_NEWKEY_H
#define HZ_TOKEN_NEWKEY_H

#include "ck/schema.h"
#include "token/object.h"

struct hz_mech_row;

/* One new key on its way: the caller's template, then the full set. Free with hz_newkey_free whatever happened. */
struct hz_newkey {
	struct hz_attrs tmpl, set;
};
#define HZ_NEWKEY_INIT { HZ_ATTRS_INIT, HZ_ATTRS_INIT }

void hz_newkey_free(struct hz_newkey *k);

/*
 * Copy the template in and add what the other key's nested template (CKA_UNWRAP_TEMPLATE and its kin; `with` NULL: none) forces.
 */
CK_RV hz_newkey_template(struct hz_newkey *k, const CK_ATTRIBUTE *tmpl, CK_ULONG count, const struct hz_object *with,
			 CK_ATTRIBUTE_TYPE nested);

/* The full set, and may this session make it? cls and kt as hz_schema_new takes them. */
CK_RV hz_newkey_prepare(struct hz_newkey *k, struct hz_session *s, enum hz_origin origin, CK_OBJECT_CLASS cls, CK_KEY_TYPE kt,
			CK_MECHANISM_TYPE gen_mech);

/* Is the value that came from outside one that such a key can have? `bad` is the code where it is not. */
CK_RV hz_newkey_validate(struct hz_newkey *k, struct hz_session *s, CK_RV bad);

/* What a mechanism of generation makes, as far as it decides that: HZ_NO_KEY_TYPE where the template chooses. */
CK_KEY_TYPE hz_newkey_type(const struct hz_mech_row *row, const struct hz_attrs *tmpl);

/* The mechanism, copied, offered for `flag`; clear it in any case. */
struct hz_mech;
CK_RV hz_newkey_mech(struct hz_session *s, struct hz_mech *m, const CK_MECHANISM *mech, CK_FLAGS flag, const struct hz_mech_row **row);

#endif
