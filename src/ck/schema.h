/* SPDX-License-Identifier: Apache-2.0 */
/* What each class and key type consists of: one const table, and the rules of PKCS#11 3.1 section 4 that follow from it. */
#ifndef HZ_CK_SCHEMA_H
#define HZ_CK_SCHEMA_H

#include "ck/attrs.h"

/* How an object comes to be; decides which attributes a template may, must or must not give. */
enum hz_origin { HZ_CREATE, HZ_GENERATE, HZ_UNWRAP, HZ_DERIVE };

enum hz_kind { HZ_K_BOOL, HZ_K_ULONG, HZ_K_BYTES, HZ_K_BIGINT, HZ_K_STRING, HZ_K_DATE, HZ_K_MECHS, HZ_K_TEMPLATE };

/* The kind of an attribute type; false for a type that no class has. */
bool hz_attr_kind(CK_ATTRIBUTE_TYPE type, enum hz_kind *kind);

/* Is the attribute's value a secret of this class and key type (CKA_VALUE of keys, the private RSA numbers, ...)? */
bool hz_attr_is_secret(CK_OBJECT_CLASS cls, CK_KEY_TYPE kt, CK_ATTRIBUTE_TYPE type);

/*
 * Make the full attribute set of a new object from a template that hz_attrs_copy_in took.
 *   cls, kt    what the operation makes (mechanism of generation); (CK_ULONG)-1 = read from the template (required then).
 *              A template that says otherwise: CKR_TEMPLATE_INCONSISTENT.
 *   so         the SO is logged in (may set CKA_TRUSTED).
 * Fills every default; sets CKA_LOCAL, ALWAYS_SENSITIVE, NEVER_EXTRACTABLE, KEY_GEN_MECHANISM as the origin demands (DERIVE and
 * UNWRAP callers adjust with hz_schema_inherit). Does not set CKA_UNIQUE_ID, values, CKA_CHECK_VALUE, CKA_PUBLIC_KEY_INFO.
 * Codes: CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID,
 * CKR_ATTRIBUTE_READ_ONLY.
 */
CK_RV hz_schema_new(struct hz_attrs *out, enum hz_origin origin, const struct hz_attrs *tmpl, CK_OBJECT_CLASS cls,
		    CK_KEY_TYPE kt, CK_MECHANISM_TYPE gen_mech, bool so);

/* CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE of a derived key: the base key's, ANDed with the new key's own (3.1 section 5.18.5). */
CK_RV hz_schema_inherit(struct hz_attrs *derived, const struct hz_attrs *base);

/* Attributes that a nested template (CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE) forces: added where the template is silent, CKR_TEMPLATE_INCONSISTENT where it differs. */
CK_RV hz_schema_force(struct hz_attrs *tmpl, const struct hz_attrs *forced);

/* C_SetAttributeValue: check the whole change, then make *out = object with the change (nothing when it fails). */
CK_RV hz_schema_change(struct hz_attrs *out, const struct hz_attrs *object, const struct hz_attrs *change, bool so);

/* C_CopyObject: the copy's attributes, without CKA_UNIQUE_ID. */
CK_RV hz_schema_copy(struct hz_attrs *out, const struct hz_attrs *object, const struct hz_attrs *change, bool so);

/*
 * C_GetAttributeValue's five cases (3.1 section 5.7.5) over the caller's template. `trusted` false makes CKA_TRUSTED read false.
 * CKR_OK, CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_BUFFER_TOO_SMALL; every entry is processed whatever the code.
 */
CK_RV hz_schema_get(const struct hz_attrs *object, CK_ATTRIBUTE *tmpl, CK_ULONG count, bool trusted);

/* Bytes that hz_attrs hold, for C_GetObjectSize. */
CK_ULONG hz_attrs_size(const struct hz_attrs *a);

/* CKR_OK, or CKR_MECHANISM_INVALID when CKA_ALLOWED_MECHANISMS exists and does not list it. */
CK_RV hz_schema_allows(const struct hz_attrs *key, CK_MECHANISM_TYPE mech);

#endif
