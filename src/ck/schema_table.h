/* SPDX-License-Identifier: Apache-2.0 */
/* The schema tables as the rest of this floor reads them: what each class and key type consists of. Internal to src/ck. */
#ifndef HZ_CK_SCHEMA_TABLE_H
#define HZ_CK_SCHEMA_TABLE_H

#include <stdint.h>

#include "ck/schema.h"

/* Rules of one attribute; after the footnotes of the attribute tables (3.1 section 4, Table 12), given in brackets. */
enum {
	HZ_R_NEED_CREATE = 1u << 0, /* [1] */
	HZ_R_NO_CREATE = 1u << 1,   /* [2] */
	HZ_R_NEED_GEN = 1u << 2,    /* [3] */
	HZ_R_NO_GEN = 1u << 3,      /* [4] */
	HZ_R_NO_UNWRAP = 1u << 4,   /* [6] */
	HZ_R_NO_DERIVE = 1u << 5,   /* as [6], for C_DeriveKey and encapsulation */
	HZ_R_SECRET = 1u << 6,      /* [7] refused by C_GetAttributeValue while sensitive or not extractable */
	HZ_R_SET = 1u << 7,         /* [8] */
	HZ_R_SO = 1u << 8,          /* [10] TRUE only by the SO */
	HZ_R_UP = 1u << 9,          /* [11] never from TRUE to FALSE */
	HZ_R_DOWN = 1u << 10,       /* [12] never from FALSE to TRUE */
	HZ_R_COPY = 1u << 11,       /* may change while copying only (4.4) */
	HZ_R_TIGHTEN = 1u << 12,    /* a limit: anybody may tighten it, the SO may loosen it */
	HZ_R_FULL = 1u << 13,       /* an empty value is no value */
	HZ_R_MADE = HZ_R_NO_CREATE | HZ_R_NO_GEN | HZ_R_NO_UNWRAP | HZ_R_NO_DERIVE
};

/* What an attribute is when the template is silent. */
enum hz_default {
	HZ_D_NONE, HZ_D_EMPTY, HZ_D_FALSE, HZ_D_TRUE, HZ_D_ZERO, HZ_D_SHA1,
	HZ_D_USAGE,       /* TRUE when the definition's `usage` has the bit for it */
	HZ_D_PRIVATE,     /* TRUE for private and secret keys */
	HZ_D_SENSITIVE, HZ_D_EXTRACTABLE,                      /* see key_defaults in schema.c */
	HZ_D_LOCAL, HZ_D_GEN_MECH, HZ_D_ALWAYS, HZ_D_NEVER     /* made by the module */
};

struct hz_row {
	CK_ATTRIBUTE_TYPE type;
	unsigned rules;
	enum hz_default dflt;
};

/* Bits of hz_def.usage. */
enum {
	HZ_U_ENCRYPT = 1u << 0, HZ_U_DECRYPT = 1u << 1, HZ_U_SIGN = 1u << 2, HZ_U_VERIFY = 1u << 3, HZ_U_SIGN_RECOVER = 1u << 4,
	HZ_U_VERIFY_RECOVER = 1u << 5, HZ_U_WRAP = 1u << 6, HZ_U_UNWRAP = 1u << 7, HZ_U_ENCAPSULATE = 1u << 8, HZ_U_DECAPSULATE = 1u << 9
};

#define HZ_DEF_PARTS 5
#define HZ_ANY_SUB ((CK_ULONG)-1)

/* One kind of object: class and subtype (key type, or certificate type; HZ_ANY_SUB where there is none). */
struct hz_def {
	CK_OBJECT_CLASS cls;
	CK_ULONG sub;
	unsigned usage;
	uint16_t value_len[3];  /* the lengths that CKA_VALUE may have; all 0: any */
	uint16_t set_len[4];    /* by CKA_PARAMETER_SET: the length of CKA_VALUE; [0] is that of CKA_SEED */
	const struct hz_row *parts[HZ_DEF_PARTS]; /* each ended by HZ_ROW_END */
};

#define HZ_ROW_END { (CK_ATTRIBUTE_TYPE)-1, 0, HZ_D_NONE }

/* NULL: no such object here. */
const struct hz_def *hz_def_find(CK_OBJECT_CLASS cls, CK_ULONG sub);
/* NULL: objects of this kind have no such attribute. */
const struct hz_row *hz_def_row(const struct hz_def *def, CK_ATTRIBUTE_TYPE type);
/* The definition of an existing object; NULL for kinds that only other tokens have. */
const struct hz_def *hz_def_of(const struct hz_attrs *object);

/* Values against one another and against the definition: lengths, parameter sets, CKA_ALWAYS_AUTHENTICATE. */
CK_RV hz_schema_values(const struct hz_def *def, struct hz_attrs *object);
/* Put every value where it belongs: secrets into secret memory, the rest out of it. */
CK_RV hz_schema_place(const struct hz_def *def, struct hz_attrs *object);

#endif
