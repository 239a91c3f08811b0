/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers of the tests of asymmetric keys: attribute sets in a line, operations in a call. */
#ifndef T_ASYM_UTIL_H
#define T_ASYM_UTIL_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/soft_asym.h"
#include "backend/soft_sym.h"
#include "base/hex.h"
#include "base/secmem.h"

struct bytes {
	uint8_t *p;
	size_t n;
};

static inline struct bytes unhex(const char *text)
{
	struct bytes b = { NULL, strlen(text) / 2 };

	b.p = malloc(b.n + 1);
	ck_assert_ptr_nonnull(b.p);
	ck_assert(hz_hex_decode(text, strlen(text), b.p, b.n));
	return b;
}

static inline void put(struct hz_attrs *a, CK_ATTRIBUTE_TYPE t, const void *p, size_t n)
{
	ck_assert_uint_eq(hz_attrs_set(a, t, p, n, false), CKR_OK);
}

static inline void put_secret(struct hz_attrs *a, CK_ATTRIBUTE_TYPE t, const void *p, size_t n)
{
	ck_assert_uint_eq(hz_attrs_set(a, t, p, n, true), CKR_OK);
}

static inline void put_num(struct hz_attrs *a, CK_ATTRIBUTE_TYPE t, CK_ULONG v)
{
	ck_assert_uint_eq(hz_attrs_set_ulong(a, t, v), CKR_OK);
}

static inline struct hz_attrs new_set(CK_OBJECT_CLASS cls, CK_KEY_TYPE type)
{
	struct hz_attrs a = HZ_ATTRS_INIT;

	put_num(&a, CKA_CLASS, cls);
	put_num(&a, CKA_KEY_TYPE, type);
	return a;
}

/* Complete and build as C_CreateObject does. */
static inline CK_RV try_key(struct hz_attrs *a, struct hz_key **key)
{
	CK_RV rv = hz_soft_complete(a);

	*key = NULL;
	return rv != CKR_OK ? rv : hz_soft_key_new(a, key);
}

static inline void copy_mech(struct hz_mech *m, CK_MECHANISM_TYPE type, const void *param, size_t len)
{
	CK_MECHANISM raw = { type, (void *)(uintptr_t)param, (CK_ULONG)len };

	ck_assert_uint_eq(hz_mech_copy(m, &raw), CKR_OK);
}

static inline CK_RV begin_op(enum hz_op_kind kind, CK_MECHANISM_TYPE type, const void *param, size_t len, struct hz_key *key,
			     struct hz_op **op)
{
	const struct hz_soft_mech *row = hz_soft_mech_find(type);
	CK_MECHANISM raw = { type, (void *)(uintptr_t)param, (CK_ULONG)len };
	struct hz_mech m;
	CK_RV rv;

	ck_assert_ptr_nonnull(row);
	rv = hz_mech_copy(&m, &raw);
	if (rv != CKR_OK)
		return rv;
	rv = row->begin(kind, &m, key, op);
	hz_mech_clear(&m);
	return rv;
}

static inline CK_RV once(enum hz_op_kind kind, CK_MECHANISM_TYPE type, const void *param, size_t plen, struct hz_key *key,
			 const void *in, size_t len, uint8_t *out, size_t *out_len)
{
	struct hz_op *op = NULL;
	CK_RV rv = begin_op(kind, type, param, plen, key, &op);

	if (rv != CKR_OK)
		return rv;
	rv = op->ops->once(op, in, len, out, out_len);
	if (rv == CKR_OK)
		ck_assert_uint_le(*out_len, op->ops->max_out(op, HZ_ONCE, len));
	op->ops->free(op);
	return rv;
}

static inline CK_RV verify(CK_MECHANISM_TYPE type, const void *param, size_t plen, struct hz_key *key, const void *in, size_t len,
			   const uint8_t *sig, size_t sig_len)
{
	struct hz_op *op = NULL;
	CK_RV rv = begin_op(HZ_OP_VERIFY, type, param, plen, key, &op);

	if (rv != CKR_OK)
		return rv;
	rv = op->ops->verify(op, in, len, sig, sig_len);
	op->ops->free(op);
	return rv;
}

static inline CK_RV derive(CK_MECHANISM_TYPE type, const CK_ECDH1_DERIVE_PARAMS *p, struct hz_key *base, struct hz_attrs *made)
{
	CK_MECHANISM raw = { type, (void *)(uintptr_t)p, sizeof *p };
	struct hz_mech m;
	CK_RV rv = hz_mech_copy(&m, &raw);

	if (rv != CKR_OK)
		return rv;
	rv = hz_soft_mech_find(type)->derive(&m, base, made);
	hz_mech_clear(&m);
	return rv;
}

/* DER of the named curves, as templates carry them. */
#define OID_P256 "06082a8648ce3d030107"
#define OID_P384 "06052b81040022"
#define OID_P521 "06052b81040023"
#define OID_K256 "06052b8104000a"
#define OID_ED25519 "06032b6570"
#define OID_ED448 "06032b6571"
#define OID_X25519 "06032b656e"
#define OID_X448 "06032b656f"

static inline void put_hex(struct hz_attrs *a, CK_ATTRIBUTE_TYPE t, const char *hex)
{
	struct bytes b = unhex(hex);

	put_secret(a, t, b.p, b.n);
	free(b.p);
}

/* A generated pair: sets and keys. */
struct pair {
	struct hz_attrs pub, priv;
	struct hz_key *kpub, *kpriv;
};

static inline void make_pair(struct pair *p, CK_MECHANISM_TYPE gen, CK_KEY_TYPE type, const char *oid, CK_ULONG number)
{
	struct hz_mech m;

	p->pub = new_set(CKO_PUBLIC_KEY, type);
	p->priv = new_set(CKO_PRIVATE_KEY, type);
	if (oid != NULL)
		put_hex(&p->pub, CKA_EC_PARAMS, oid);
	if (type == CKK_RSA)
		put_num(&p->pub, CKA_MODULUS_BITS, number);
	if (type == CKK_ML_DSA || type == CKK_ML_KEM)
		put_num(&p->priv, CKA_PARAMETER_SET, number);
	copy_mech(&m, gen, NULL, 0);
	ck_assert_uint_eq(hz_soft_mech_find(gen)->generate_pair(&m, &p->pub, &p->priv), CKR_OK);
	ck_assert_uint_eq(hz_soft_key_new(&p->pub, &p->kpub), CKR_OK);
	ck_assert_uint_eq(hz_soft_key_new(&p->priv, &p->kpriv), CKR_OK);
}

static inline void free_pair(struct pair *p)
{
	hz_soft_key_free(p->kpub);
	hz_soft_key_free(p->kpriv);
	hz_attrs_free(&p->pub);
	hz_attrs_free(&p->priv);
}

#endif
