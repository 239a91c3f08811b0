/* SPDX-License-Identifier: Apache-2.0 */
/* Keyspaces: what a key's label purpose:tenant:name says about it. */
#ifndef HZ_CK_KEYSPACE_H
#define HZ_CK_KEYSPACE_H

#include "ck/attrs.h"

enum hz_purpose { HZ_PURPOSE_MODEL, HZ_PURPOSE_POAI, HZ_PURPOSE_HMM, HZ_PURPOSE_ECIES, HZ_PURPOSE_DATA };

/* Parts of a keyspace; they point into the text. */
struct hz_keyspace {
	enum hz_purpose purpose;
	const char *tenant, *name;
	size_t tenant_len, name_len;
};

/*
 * purpose, separator, tenant, separator, name: purpose is model, poai, hmm, ecies or data; tenant and name are 1 to 64 of
 * A-Z a-z 0-9 . _ -. False for any other text, which is a plain label.
 */
bool hz_keyspace_parse(const char *text, size_t len, char separator, struct hz_keyspace *out);

/* The keyspace of a key (its CKA_HANZO_KEYSPACE); false where it has none. */
bool hz_keyspace_of(const struct hz_attrs *key, struct hz_keyspace *out);

/*
 * For the full set of a new object, before it is stored. A key whose CKA_LABEL is a keyspace, or which brings CKA_HANZO_KEYSPACE,
 * gets CKA_HANZO_KEYSPACE (always with ':'), CKA_HANZO_TENANT and the CKA_ALLOWED_MECHANISMS of the purpose. A template may name the
 * same keyspace and tenant, and fewer of the mechanisms (at least one); anything else is CKR_TEMPLATE_INCONSISTENT, a
 * CKA_HANZO_KEYSPACE that is none CKR_ATTRIBUTE_VALUE_INVALID. Other classes and plain labels: CKR_OK and no change.
 * Not for copies and changes: relabelling changes neither tenant nor keyspace.
 */
CK_RV hz_keyspace_apply(struct hz_attrs *set, char separator);

#endif
