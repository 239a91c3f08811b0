/* SPDX-License-Identifier: Apache-2.0 */
/* The named curves: one table, and the forms in which callers write curve and point. */
#ifndef HZ_BACKEND_SOFT_CURVE_H
#define HZ_BACKEND_SOFT_CURVE_H

#include <openssl/ec.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "ck/attrs.h"

struct hz_curve {
	CK_KEY_TYPE type;        /* CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY */
	const char *name;        /* as libcrypto names it */
	const char *printable;   /* curveName of PKCS#11 3.1 section 6.3.3 */
	uint8_t oid[10];         /* DER OBJECT IDENTIFIER, header included */
	uint8_t oid_len;
	uint8_t old_oid[12];     /* an older one that callers still send, or length 0 */
	uint8_t old_oid_len;
	uint8_t field;           /* octets of a coordinate; Edwards and Montgomery: of the encoded point */
	uint8_t scalar;          /* octets of a private key */
	int bits;
	int nid;
	bool k256;
};

/*
 * The curve that CKA_EC_PARAMS (an OID, or a curve's name as PrintableString or UTF8String) names for this key type.
 * CKR_CURVE_NOT_SUPPORTED for others and for explicit parameters, CKR_ATTRIBUTE_VALUE_INVALID for what is no parameter at all.
 */
CK_RV hz_curve_of_params(CK_KEY_TYPE type, const void *params, size_t len, const struct hz_curve **curve);
/* The same from an object's CKA_EC_PARAMS; CKR_TEMPLATE_INCOMPLETE when absent. */
CK_RV hz_curve_of_attrs(const struct hz_attrs *a, CK_KEY_TYPE type, const struct hz_curve **curve);
/* By the contents of an OBJECT IDENTIFIER, header included; NULL when unknown. */
const struct hz_curve *hz_curve_of_oid(const uint8_t *oid, size_t len);

/*
 * The encoded point inside a CKA_EC_POINT or a mechanism's public data: bare, in an OCTET STRING or in a BIT STRING. Decided by
 * the length, which differs between the forms for every curve (32 bare octets of Curve25519 may begin 04 1e). False: none of them.
 */
bool hz_curve_point(const struct hz_curve *c, const uint8_t *in, size_t len, const uint8_t **point, size_t *point_len);

/* CKA_EC_POINT as objects keep it, from the encoded point. CKR_OK or CKR_HOST_MEMORY. */
CK_RV hz_curve_set_point(struct hz_attrs *a, const uint8_t *point, size_t len);

/* Replace CKA_EC_PARAMS by the curve's OID where it has a form that is taken but not DER. CKR_OK or CKR_HOST_MEMORY. */
CK_RV hz_curve_mend(struct hz_attrs *a, const struct hz_curve *c);

/* libcrypto's group of a Weierstrass curve other than secp256k1: made once, shared, never freed. NULL: out of memory. */
const EC_GROUP *hz_curve_group(const struct hz_curve *c);

#endif
