/* SPDX-License-Identifier: Apache-2.0 */
/* What each class and key type consists of: one const table, and the rules of PKCS#11 3.1 section 4 that follow from it. */
#ifndef HZ_CK_SCHEMA_H
#define HZ_CK_SCHEMA_H

#include "ck/attrs.h"

/* How an object comes to be; decides which attributes a template may, must or must not give. */
enum hz_origin { HZ_CREATE, HZ_GENERATE, HZ_UNWRAP, HZ_DERIVE };

enum hz_kind { HZ_K_BOOL, HZ_K_ULONG, HZ_K_BYTES, HZ_K_BIGINT, HZ_K_STRING, HZ_K_DATE, HZ_K_MECHS, HZ_K_TEMPLATE };

/* The kind of an attribute type; false for a type that neither the standard nor this module knows. */
bool hz_attr_kind(CK_ATTRIBUTE_TYPE type, enum hz_kind *kind);
/* May a value of this kind have so many bytes? */
bool hz_kind_len_ok(enum hz_kind kind, size_t len);
/* May it look like this? (Length; booleans 0 or 1; dates empty or YYYYMMDD.) */
bool hz_kind_ok(enum hz_kind kind, const void *value, size_t len);

/* Is the attribute's value a secret of this class and key type (CKA_VALUE of keys, the private RSA numbers, ...)? */
bool hz_attr_is_secret(CK_OBJECT_CLASS cls, CK_KEY_TYPE kt, CK_ATTRIBUTE_TYPE type);
/* The same of any class. */
bool hz_attr_can_be_secret(CK_ATTRIBUTE_TYPE type);
/*
 * Does C_GetAttributeValue refuse this attribute of this object (CKR_ATTRIBUTE_SENSITIVE)? Secrets of keys that are sensitive or not
 * extractable; CKA_HANZO_EVIDENCE and what no caller knows of (a backend's own attributes) always. A key without CKA_SENSITIVE or CKA_EXTRACTABLE counts as sensitive.
 */
bool hz_schema_hides(const struct hz_attrs *object, CK_ATTRIBUTE_TYPE type);

/*
 * What an object gets when its template is silent, where the standard leaves it to the token:
 *   CKA_PRIVATE            TRUE for private and secret keys, FALSE for everything else
 *   CKA_SENSITIVE          TRUE, but FALSE for secret keys in the session that are created, derived or unwrapped
 *   CKA_EXTRACTABLE        FALSE, but for those same keys the opposite of their CKA_SENSITIVE: what callers make for themselves
 *                          (ECDH and KEM secrets, HKDF output) they can read, as they do with other modules
 *   CKA_ENCRYPT, SIGN, ... TRUE for what the key type is for; CKA_WRAP and CKA_UNWRAP only for RSA; CKA_DERIVE FALSE (3.1 section 4.7)
 *   CKA_ALLOWED_MECHANISMS, the nested templates: absent = no restriction; an empty list allows nothing
 */

/*
 * Make the full attribute set of a new object from a template that hz_attrs_copy_in took.
 *   cls, kt    what the operation makes (mechanism of generation); (CK_ULONG)-1 = read from the template (required then, but
 *              HZ_DERIVE makes a generic secret key where it is silent). A template that says otherwise: CKR_TEMPLATE_INCONSISTENT.
 *   so         the SO is logged in (may set CKA_TRUSTED).
 * Fills every default; sets CKA_LOCAL, ALWAYS_SENSITIVE, NEVER_EXTRACTABLE, KEY_GEN_MECHANISM as the origin demands (DERIVE and
 * UNWRAP callers adjust with hz_schema_inherit). Does not set CKA_UNIQUE_ID, values, CKA_CHECK_VALUE, CKA_PUBLIC_KEY_INFO.
 * Codes: CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID,
 * CKR_ATTRIBUTE_READ_ONLY (something that the module makes, or key material where none may be given), CKR_PARAMETER_SET_NOT_SUPPORTED.
 * Key pairs: CKA_PARAMETER_SET may stand in either template; the caller copies it to the public one first. C_EncapsulateKey and
 * C_DecapsulateKey are HZ_DERIVE. `out` need not be initialised and is empty on failure.
 */
CK_RV hz_schema_new(struct hz_attrs *out, enum hz_origin origin, const struct hz_attrs *tmpl, CK_OBJECT_CLASS cls,
		    CK_KEY_TYPE kt, CK_MECHANISM_TYPE gen_mech, bool so);

/* CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE of a derived key: the base key's, ANDed with the new key's own (3.1 section 5.18.5). */
CK_RV hz_schema_inherit(struct hz_attrs *derived, const struct hz_attrs *base);

/* Attributes that a nested template (CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE) forces: added where the template is silent, CKR_TEMPLATE_INCONSISTENT where it differs. */
CK_RV hz_schema_force(struct hz_attrs *tmpl, const struct hz_attrs *forced);

/*
 * C_SetAttributeValue: check the whole change, then make *out = object with the change (nothing when it fails). A key that is
 * CKA_TRUSTED gets another use from the SO only: else whoever may wrap with it could let it open what it wrapped.
 * CKR_ACTION_PROHIBITED (CKA_MODIFIABLE FALSE), CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_VALUE_INVALID.
 */
CK_RV hz_schema_change(struct hz_attrs *out, const struct hz_attrs *object, const struct hz_attrs *change, bool so);

/*
 * C_CopyObject: the copy's attributes, without CKA_UNIQUE_ID. Beyond what C_SetAttributeValue may change the template may set
 * CKA_TOKEN, CKA_MODIFIABLE, CKA_DESTROYABLE and CKA_PRIVATE (to TRUE), and may repeat what the object has.
 * CKR_ACTION_PROHIBITED (CKA_COPYABLE FALSE), CKR_TEMPLATE_INCONSISTENT (CKA_PRIVATE to FALSE), else as above.
 */
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
