/* SPDX-License-Identifier: Apache-2.0 */
/* A set of attributes that owns its values; the only form in which objects exist inside the module. */
#ifndef HZ_CK_ATTRS_H
#define HZ_CK_ATTRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reader.h"
#include "pkcs11.h"

struct hz_attr {
	CK_ATTRIBUTE_TYPE type;
	void *value;    /* NULL only when len is 0 */
	size_t len;     /* bytes; for a nested template its count * sizeof (CK_ATTRIBUTE), value then a struct hz_attrs */
	bool secret;    /* value lies in secret memory (nested: some value in it does) */
	bool nested;    /* value is a struct hz_attrs: CKA_WRAP_TEMPLATE and its kin */
};

struct hz_attrs {
	struct hz_attr *v; /* sorted by type, no duplicates */
	size_t n, cap;
};

#define HZ_ATTRS_INIT { NULL, 0, 0 }

/* Bounds of what a caller may hand in and of what is read back from the store. */
#define HZ_ATTRS_MAX 512                       /* attributes of one template */
#define HZ_ATTR_MAX_LEN ((size_t)16 << 20)     /* bytes of one value */
#define HZ_ATTRS_MAX_DEPTH 3                   /* templates within templates */
#define HZ_ATTRS_MAX_ALL 2048                  /* attributes of one template, nested ones included */
#define HZ_ATTRS_MAX_BYTES ((size_t)64 << 20)  /* values of one template together */

/* Wipe secrets, release everything; the set is empty afterwards and may be used again. */
void hz_attrs_free(struct hz_attrs *a);
/* A deep copy; `out` need not be initialised and is empty on failure. CKR_OK or CKR_HOST_MEMORY. */
CK_RV hz_attrs_dup(struct hz_attrs *out, const struct hz_attrs *in);
/* Move: `out` (which must be empty or freed) gets the contents, `in` becomes empty. */
void hz_attrs_move(struct hz_attrs *out, struct hz_attrs *in);

/* NULL when absent. The pointer lives until the set changes. */
const struct hz_attr *hz_attrs_find(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type);
bool hz_attrs_bool(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool absent);
CK_ULONG hz_attrs_ulong(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, CK_ULONG absent);

/* Set or replace by a copy; `secret` puts it into secret memory. CKR_OK or CKR_HOST_MEMORY. */
CK_RV hz_attrs_set(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, const void *value, size_t len, bool secret);
CK_RV hz_attrs_set_bool(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool v);
CK_RV hz_attrs_set_ulong(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, CK_ULONG v);
void hz_attrs_remove(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type);
/* Set or replace a nested template by a deep copy. */
CK_RV hz_attrs_set_nested(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, const struct hz_attrs *nested);
/* Set or replace by a copy of one attribute of another set. */
CK_RV hz_attrs_set_from(struct hz_attrs *a, const struct hz_attr *from);
/* Move the value into or out of secret memory; nothing where it is absent, nested or there already. */
CK_RV hz_attrs_mark_secret(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool secret);
/* Same type and value? Values in secret memory are compared in constant time. */
bool hz_attr_equal(const struct hz_attr *x, const struct hz_attr *y);
/* The nested set of CKA_WRAP_TEMPLATE and its kin; NULL when absent. */
const struct hz_attrs *hz_attrs_nested(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type);

/*
 * Deep-copy a caller's template, each pointer read once, into `out` (not initialised before; empty on failure). Values that can
 * be secret go to secret memory unless the template names a class that has no secrets; integers of RSA lose leading zeros. Checks the shape of every attribute against the attribute's kind
 * (schema.h): CKR_ARGUMENTS_BAD (NULL with a length, absurd count), CKR_ATTRIBUTE_VALUE_INVALID (wrong length, boolean
 * other than 0 and 1), CKR_TEMPLATE_INCONSISTENT (the same type twice with different values), CKR_ATTRIBUTE_TYPE_INVALID
 * (unknown type; only when `strict`: search templates may name anything).
 */
CK_RV hz_attrs_copy_in(struct hz_attrs *out, const CK_ATTRIBUTE *tmpl, CK_ULONG count, bool strict);

/*
 * True when every attribute of `tmpl` is present in `a` with an equal value (PKCS#11 3.1 section 5.7.7). A value that
 * C_GetAttributeValue would refuse never matches, so that a search cannot confirm a guess at a sensitive key.
 */
bool hz_attrs_match(const struct hz_attrs *a, const struct hz_attrs *tmpl);

/* Makes *out of an object's present attributes. May run more than once for one change; *out is empty before, and freed by the caller. */
typedef CK_RV (*hz_edit_fn)(const struct hz_attrs *now, struct hz_attrs *out, void *arg);

/*
 * Bytes for the store: portable (u8 version, then type u64be, length u64be, value; CK_ULONG values as u64be; nested sets
 * recursively). `which` selects: attributes whose `secret` flag equals it. Reading rebuilds them (secret values in secret memory)
 * and fails on anything malformed (false), leaving `a` for the caller to free. It takes the reader to its end, and adds to `a`,
 * so that the two halves are read one after the other; a type given twice is malformed.
 */
bool hz_attrs_write(const struct hz_attrs *a, bool secret, struct hz_buf *out);
bool hz_attrs_read(struct hz_attrs *a, bool secret, struct hz_reader *r);

#endif
