/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device cannot hold of an object, in our own store beside it: one data object a key, found by class and CKA_ID (by the public
 * key where there is no CKA_ID), and good only for the same public key.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/p11_int.h"
#include "base/error.h"
#include "crypto/hash.h"
#include "store/store.h"

/* Ours to keep: not what is made anew at each reading. */
static bool kept(CK_ATTRIBUTE_TYPE type)
{
	switch (type) {
	case CKA_ALLOWED_MECHANISMS:
		return true;
	case CKA_HANZO_TIER:
	case CKA_HANZO_EFFECTIVE_TIER:
	case CKA_HANZO_ADDRESS:
	case CKA_HANZO_LANE:
	case CKA_HANZO_KEY_ATTESTATION:
	case CKA_HANZO_CHALLENGE:
	case CKA_HANZO_EVIDENCE:
	case HZ_CKA_REF:
		return false;
	default:
		return (type & ~(CK_ATTRIBUTE_TYPE)0xff) == CKA_HANZO_BASE;
	}
}

#define TAG "hanzo-pkcs11/side/v1"

/* The label that a data object is found by; false: nothing ties it to the object. */
static bool tie(const struct hz_attrs *a, char label[65])
{
	static const char hex[] = "0123456789abcdef";
	const struct hz_attr *id = hz_attrs_find(a, CKA_ID), *spki = hz_attrs_find(a, CKA_PUBLIC_KEY_INFO);
	CK_OBJECT_CLASS cls = hz_attrs_ulong(a, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
	const struct hz_attr *by = id != NULL && id->len != 0 ? id : spki;
	uint8_t head[2] = { (uint8_t)cls, by == id }, d[HZ_HASH_MAX];
	struct hz_hash h;

	if (by == NULL || by->len == 0 || (cls != CKO_PUBLIC_KEY && cls != CKO_PRIVATE_KEY && cls != CKO_SECRET_KEY))
		return false;
	hz_hash_init(&h, HZ_SHA256);
	hz_hash_update(&h, TAG, sizeof TAG);
	hz_hash_update(&h, head, sizeof head);
	hz_hash_update(&h, by->value, by->len);
	hz_hash_final(&h, d);
	for (size_t i = 0; i < 32; i++) {
		label[2 * i] = hex[d[i] >> 4];
		label[2 * i + 1] = hex[d[i] & 15];
	}
	label[64] = '\0';
	return true;
}

static bool same_key(const struct hz_attrs *a, const struct hz_attrs *b)
{
	const struct hz_attr *x = hz_attrs_find(a, CKA_PUBLIC_KEY_INFO), *y = hz_attrs_find(b, CKA_PUBLIC_KEY_INFO);

	/* One side may not know the public key: then CKA_ID decides. */
	return x == NULL || y == NULL || x->len == 0 || y->len == 0 || hz_attr_equal(x, y);
}

/* The data object beside a; *id 0: none. */
static CK_RV find(struct hz_p11 *p, const struct hz_attrs *a, uint64_t *id, struct hz_attrs *row)
{
	struct hz_attrs tmpl = HZ_ATTRS_INIT;
	uint64_t *ids = NULL;
	char label[65];
	bool checked;
	size_t n = 0;
	CK_RV rv;

	*id = 0;
	if (p->side == NULL || !tie(a, label))
		return CKR_OK;
	rv = hz_attrs_set(&tmpl, CKA_LABEL, label, 64, false);
	if (rv == CKR_OK)
		rv = hz_store_find(p->side, &tmpl, false, &ids, &n);
	for (size_t i = 0; i < n && rv == CKR_OK && *id == 0; i++) {
		hz_attrs_free(row);
		rv = hz_store_load(p->side, ids[i], row, &checked);
		if (rv == CKR_OK && same_key(a, row))
			*id = ids[i];
	}
	free(ids);
	hz_attrs_free(&tmpl);
	return rv;
}

CK_RV hz_p11_side_load(struct hz_p11 *p, struct hz_attrs *a)
{
	struct hz_attrs row = HZ_ATTRS_INIT;
	uint64_t id;
	CK_RV rv = find(p, a, &id, &row);

	for (size_t i = 0; i < row.n && rv == CKR_OK && id != 0; i++)
		if (kept(row.v[i].type))
			rv = hz_attrs_set_from(a, &row.v[i]);
	hz_attrs_free(&row);
	return rv;
}

static CK_RV build(const struct hz_attrs *set, const char *label, struct hz_attrs *row, bool *any)
{
	const struct hz_attr *spki = hz_attrs_find(set, CKA_PUBLIC_KEY_INFO);
	CK_RV rv = hz_attrs_set_ulong(row, CKA_CLASS, CKO_DATA);

	if (rv == CKR_OK)
		rv = hz_attrs_set_bool(row, CKA_TOKEN, true);
	if (rv == CKR_OK)
		rv = hz_attrs_set_bool(row, CKA_PRIVATE, false);
	if (rv == CKR_OK)
		rv = hz_attrs_set(row, CKA_LABEL, label, 64, false);
	if (rv == CKR_OK && spki != NULL)
		rv = hz_attrs_set_from(row, spki);
	for (size_t i = 0; i < set->n && rv == CKR_OK; i++)
		if (kept(set->v[i].type)) {
			*any = true;
			rv = hz_attrs_set_from(row, &set->v[i]);
		}
	return rv;
}

CK_RV hz_p11_side_save(struct hz_p11 *p, const struct hz_attrs *set)
{
	struct hz_attrs row = HZ_ATTRS_INIT;
	const struct hz_attrs *rows[] = { &row };
	char label[65];
	bool any = false;
	uint64_t id;
	CK_RV rv;

	if (p->side == NULL)
		return CKR_OK;
	if (!tie(set, label)) {
		for (size_t i = 0; i < set->n; i++)
			if (kept(set->v[i].type))
				return hz_fail(CKR_TEMPLATE_INCONSISTENT, "an object without CKA_ID has nothing to tie its attributes to");
		return CKR_OK;
	}
	rv = build(set, label, &row, &any);
	if (rv == CKR_OK && any)
		rv = hz_store_insert(p->side, rows, 1, &id);
	hz_attrs_free(&row);
	return rv;
}

CK_RV hz_p11_side_drop(struct hz_p11 *p, const struct hz_attrs *set)
{
	struct hz_attrs row = HZ_ATTRS_INIT;
	uint64_t id;
	CK_RV rv = find(p, set, &id, &row);

	if (rv == CKR_OK && id != 0)
		rv = hz_store_delete(p->side, id);
	hz_attrs_free(&row);
	return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_OK : rv;
}
