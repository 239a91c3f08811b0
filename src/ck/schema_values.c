/* SPDX-License-Identifier: Apache-2.0 */
/* Values of one object against one another and against its key type; which of them are secrets. */
#include <string.h>

#include "base/error.h"
#include "ck/names.h"
#include "ck/schema_table.h"
#include "hanzo-pkcs11.h"

/* A key of a chosen length: no operation makes or takes longer ones (bytes). */
#define MAX_SECRET_LEN 65536u

/* Bits of a big-endian integer without leading zeros. */
static CK_ULONG
bit_len(const struct hz_attr *at)
{
	const uint8_t *p = at->value;
	CK_ULONG bits = 8 * (CK_ULONG)at->len;

	for (unsigned top = 0x80; at->len != 0 && top != 0 && (*p & top) == 0; top >>= 1)
		bits--;
	return bits;
}

static bool
secret_len_ok(const struct hz_def *def, CK_ULONG len)
{
	if (def->value_len[0] == 0)
		return len >= 1 && len <= MAX_SECRET_LEN;
	for (size_t i = 0; i < 3; i++) {
		if (def->value_len[i] != 0 && def->value_len[i] == len)
			return true;
	}
	return false;
}

/* CKA_VALUE and CKA_VALUE_LEN of a secret key: each right, both the same; the length is added where only the value is known. */
static CK_RV
check_secret_key(const struct hz_def *def, struct hz_attrs *object)
{
	const struct hz_attr *value = hz_attrs_find(object, CKA_VALUE);
	const struct hz_attr *given = hz_attrs_find(object, CKA_VALUE_LEN);
	CK_ULONG len = hz_attrs_ulong(object, CKA_VALUE_LEN, 0);

	if (given != NULL && !secret_len_ok(def, len))
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "%s keys have no %lu bytes", hz_ckk_name(def->sub), len);
	if (value == NULL)
		return CKR_OK;
	if (!secret_len_ok(def, value->len))
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "%s keys have no %zu bytes", hz_ckk_name(def->sub), value->len);
	if (given != NULL && len != value->len)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "CKA_VALUE_LEN is not the length of CKA_VALUE");
	return hz_attrs_set_ulong(object, CKA_VALUE_LEN, value->len);
}

static CK_RV
check_rsa_public(struct hz_attrs *object)
{
	const struct hz_attr *n = hz_attrs_find(object, CKA_MODULUS);

	if (n == NULL)
		return CKR_OK;
	if (hz_attrs_find(object, CKA_MODULUS_BITS) != NULL && hz_attrs_ulong(object, CKA_MODULUS_BITS, 0) != bit_len(n))
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "CKA_MODULUS_BITS is not the length of CKA_MODULUS");
	return hz_attrs_set_ulong(object, CKA_MODULUS_BITS, bit_len(n));
}

/* ML-DSA and ML-KEM: lengths follow from the parameter set (FIPS 203 and 204). */
static CK_RV
check_ml(const struct hz_def *def, const struct hz_attrs *object)
{
	const struct hz_attr *set_at = hz_attrs_find(object, CKA_PARAMETER_SET);
	const struct hz_attr *value = hz_attrs_find(object, CKA_VALUE), *seed = hz_attrs_find(object, CKA_SEED);
	CK_ULONG set = hz_attrs_ulong(object, CKA_PARAMETER_SET, 0);

	if (set_at == NULL)
		return CKR_OK;
	if (set < 1 || set > 3)
		return hz_fail(CKR_PARAMETER_SET_NOT_SUPPORTED, "no parameter set %lu of %s", set, hz_ckk_name(def->sub));
	if (value != NULL && value->len != def->set_len[set])
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "CKA_VALUE has %zu bytes, not %u", value->len, def->set_len[set]);
	if (seed != NULL && seed->len != def->set_len[0])
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "CKA_SEED has %zu bytes, not %u", seed->len, def->set_len[0]);
	return CKR_OK;
}

static bool
empty(const struct hz_attrs *object, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_attr *at = hz_attrs_find(object, type);

	return at == NULL || at->len == 0;
}

/* 4.6.3: a certificate is here or at a URL; hashes are those of what is not here. */
static CK_RV
check_x509(const struct hz_attrs *object)
{
	if (!empty(object, CKA_VALUE))
		return CKR_OK;
	if (empty(object, CKA_URL))
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "a certificate needs CKA_VALUE or CKA_URL");
	if (empty(object, CKA_HASH_OF_SUBJECT_PUBLIC_KEY) || empty(object, CKA_HASH_OF_ISSUER_PUBLIC_KEY))
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "a certificate at a URL needs both hashes of public keys");
	return CKR_OK;
}

static CK_RV
check_private_key(const struct hz_def *def, const struct hz_attrs *object)
{
	if (hz_attrs_bool(object, CKA_ALWAYS_AUTHENTICATE, false) && !hz_attrs_bool(object, CKA_PRIVATE, true))
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "CKA_ALWAYS_AUTHENTICATE needs CKA_PRIVATE");
	return def->set_len[0] != 0 ? check_ml(def, object) : CKR_OK;
}

CK_RV
hz_schema_values(const struct hz_def *def, struct hz_attrs *object)
{
	switch (def->cls) {
	case CKO_SECRET_KEY:
		return check_secret_key(def, object);
	case CKO_PRIVATE_KEY:
		return check_private_key(def, object);
	case CKO_PUBLIC_KEY:
		return def->sub == CKK_RSA ? check_rsa_public(object) : check_ml(def, object);
	case CKO_CERTIFICATE:
		return def->sub == CKC_X_509 ? check_x509(object) : CKR_OK;
	default:
		return CKR_OK;
	}
}

bool
hz_attr_can_be_secret(CK_ATTRIBUTE_TYPE type)
{
	switch (type) {
	case CKA_VALUE:
	case CKA_SEED:
	case CKA_PRIVATE_EXPONENT:
	case CKA_PRIME_1:
	case CKA_PRIME_2:
	case CKA_EXPONENT_1:
	case CKA_EXPONENT_2:
	case CKA_COEFFICIENT:
		return true;
	default:
		return false;
	}
}

bool
hz_attr_is_secret(CK_OBJECT_CLASS cls, CK_KEY_TYPE kt, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_def *def = hz_def_find(cls, kt);
	const struct hz_row *row = def != NULL ? hz_def_row(def, type) : NULL;

	if (def == NULL) /* another token's kind of key: rather too careful */
		return (cls == CKO_PRIVATE_KEY || cls == CKO_SECRET_KEY) && hz_attr_can_be_secret(type);
	return row != NULL && (row->rules & HZ_R_SECRET) != 0;
}

bool
hz_schema_hides(const struct hz_attrs *object, CK_ATTRIBUTE_TYPE type)
{
	CK_OBJECT_CLASS cls = hz_attrs_ulong(object, CKA_CLASS, (CK_ULONG)-1);
	enum hz_kind kind;

	if (type == CKA_HANZO_EVIDENCE || !hz_attr_kind(type, &kind))
		return true;
	if (!hz_attr_can_be_secret(type) || (cls != CKO_PRIVATE_KEY && cls != CKO_SECRET_KEY))
		return false;
	if (!hz_attr_is_secret(cls, hz_attrs_ulong(object, CKA_KEY_TYPE, (CK_ULONG)-1), type))
		return false;
	return hz_attrs_bool(object, CKA_SENSITIVE, true) || !hz_attrs_bool(object, CKA_EXTRACTABLE, false);
}

/* A private data object is the user's own secret: its value is kept like one, though the user may read it. */
static bool
kept_secret(const struct hz_def *def, const struct hz_attrs *object, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_row *row = hz_def_row(def, type);

	if (def->cls == CKO_DATA && type == CKA_VALUE)
		return hz_attrs_bool(object, CKA_PRIVATE, true);
	return row != NULL && (row->rules & HZ_R_SECRET) != 0;
}

CK_RV
hz_schema_place(const struct hz_def *def, struct hz_attrs *object)
{
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < object->n && rv == CKR_OK; i++)
		rv = hz_attrs_mark_secret(object, object->v[i].type, kept_secret(def, object, object->v[i].type));
	return rv;
}
