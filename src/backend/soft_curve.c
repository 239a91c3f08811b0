/* SPDX-License-Identifier: Apache-2.0 */
/* Curve names, point forms, groups. */
#include "backend/soft_curve.h"

#include <openssl/obj_mac.h>
#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "crypto/der.h"
#include "crypto/libctx.h"

static const struct hz_curve curves[] = {
	{ CKK_EC, "P-256", "secp256r1", { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 }, 10, { 0 }, 0,
	  32, 32, 256, NID_X9_62_prime256v1, false },
	{ CKK_EC, "P-384", "secp384r1", { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 }, 7, { 0 }, 0,
	  48, 48, 384, NID_secp384r1, false },
	{ CKK_EC, "P-521", "secp521r1", { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23 }, 7, { 0 }, 0,
	  66, 66, 521, NID_secp521r1, false },
	{ CKK_EC, "secp256k1", "secp256k1", { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a }, 7, { 0 }, 0,
	  32, 32, 256, NID_undef, true },
	{ CKK_EC_EDWARDS, "ED25519", "edwards25519", { 0x06, 0x03, 0x2b, 0x65, 0x70 }, 5,
	  { 0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01 }, 11, 32, 32, 256, NID_ED25519, false },
	{ CKK_EC_EDWARDS, "ED448", "edwards448", { 0x06, 0x03, 0x2b, 0x65, 0x71 }, 5, { 0 }, 0,
	  57, 57, 456, NID_ED448, false },
	{ CKK_EC_MONTGOMERY, "X25519", "curve25519", { 0x06, 0x03, 0x2b, 0x65, 0x6e }, 5,
	  { 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01 }, 12, 32, 32, 256, NID_X25519, false },
	{ CKK_EC_MONTGOMERY, "X448", "curve448", { 0x06, 0x03, 0x2b, 0x65, 0x6f }, 5, { 0 }, 0,
	  56, 56, 448, NID_X448, false },
};
enum { CURVES = sizeof curves / sizeof curves[0] };

static bool has_oid(const struct hz_curve *c, const uint8_t *oid, size_t len)
{
	return (len == c->oid_len && memcmp(oid, c->oid, len) == 0) ||
	       (len == c->old_oid_len && len != 0 && memcmp(oid, c->old_oid, len) == 0);
}

const struct hz_curve *hz_curve_of_oid(const uint8_t *oid, size_t len)
{
	for (size_t i = 0; i < CURVES; i++)
		if (has_oid(&curves[i], oid, len))
			return &curves[i];
	return NULL;
}

static bool has_name(const struct hz_curve *c, const struct hz_reader *name)
{
	const char *const names[] = { c->printable, c->name };

	for (size_t i = 0; i < 2; i++)
		if (strlen(names[i]) == name->left && memcmp(names[i], name->p, name->left) == 0)
			return true;
	return false;
}

/* OpenSC 0.23 sends "curve25519" with a length of eleven. */
static bool is_misspelt(const void *params, size_t len)
{
	static const uint8_t wrong[] = { 0x13, 0x0b, 'c', 'u', 'r', 'v', 'e', '2', '5', '5', '1', '9' };

	return len == sizeof wrong && memcmp(params, wrong, len) == 0;
}

CK_RV hz_curve_of_params(CK_KEY_TYPE type, const void *params, size_t len, const struct hz_curve **curve)
{
	struct hz_reader r = hz_rd(params, len), content = hz_rd(NULL, 0);
	const uint8_t *tag = hz_rd_peek(&r, 1);
	bool named = tag != NULL && (*tag == HZ_DER_PRINTABLE || *tag == HZ_DER_UTF8);

	if (is_misspelt(params, len)) {
		content = hz_rd((const uint8_t *)params + 2, len - 2);
	} else if (tag == NULL || !hz_der_get(&r, *tag, &content) || !hz_rd_end(&r)) {
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "CKA_EC_PARAMS is no DER element");
	}
	for (size_t i = 0; i < CURVES; i++) {
		if (curves[i].type != type)
			continue;
		if (named ? has_name(&curves[i], &content) : has_oid(&curves[i], params, len)) {
			*curve = &curves[i];
			return CKR_OK;
		}
	}
	return hz_fail(CKR_CURVE_NOT_SUPPORTED, "no such named curve for this key type");
}

CK_RV hz_curve_of_attrs(const struct hz_attrs *a, CK_KEY_TYPE type, const struct hz_curve **curve)
{
	const struct hz_attr *params = hz_attrs_find(a, CKA_EC_PARAMS);

	if (params == NULL || params->len == 0)
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "CKA_EC_PARAMS is missing");
	return hz_curve_of_params(type, params->value, params->len, curve);
}

static bool is_bare(const struct hz_curve *c, const uint8_t *p, size_t len)
{
	if (c->type != CKK_EC)
		return len == c->field;
	if (len == 1 + 2 * (size_t)c->field)
		return p[0] == 4;
	return len == 1 + (size_t)c->field && (p[0] == 2 || p[0] == 3);
}

CK_RV hz_curve_mend(struct hz_attrs *a, const struct hz_curve *c)
{
	const struct hz_attr *p = hz_attrs_find(a, CKA_EC_PARAMS);

	if (p == NULL || !is_misspelt(p->value, p->len))
		return CKR_OK;
	return hz_attrs_set(a, CKA_EC_PARAMS, c->oid, c->oid_len, false);
}

bool hz_curve_point(const struct hz_curve *c, const uint8_t *in, size_t len, const uint8_t **point, size_t *point_len)
{
	struct hz_reader r = hz_rd(in, len), content;
	bool ok = hz_der_next_is(&r, HZ_DER_BITS) ? hz_der_bits(&r, &content) : false;

	if (is_bare(c, in, len)) {
		*point = in;
		*point_len = len;
		return true;
	}
	if (!ok) {
		r = hz_rd(in, len);
		ok = hz_der_get(&r, HZ_DER_OCTETS, &content);
	}
	if (!ok || !hz_rd_end(&r) || !is_bare(c, content.p, content.left))
		return false;
	*point = content.p;
	*point_len = content.left;
	return true;
}

/*
 * An OCTET STRING for every curve. 3.1 section 6.3.3 has bare octets for Edwards and Montgomery points, but OpenSC up to 0.23 and
 * GnuTLS up to 3.7 read nothing else than the OCTET STRING of 3.0, and newer callers read both.
 */
CK_RV hz_curve_set_point(struct hz_attrs *a, const uint8_t *point, size_t len)
{
	struct hz_buf der = HZ_BUF_INIT;
	CK_RV rv;

	hz_der_put(&der, HZ_DER_OCTETS, point, len);
	rv = der.failed ? hz_fail(CKR_HOST_MEMORY, "out of memory") : hz_attrs_set(a, CKA_EC_POINT, der.p, der.len, false);
	hz_buf_free(&der);
	return rv;
}

const EC_GROUP *hz_curve_group(const struct hz_curve *c)
{
	static _Atomic(EC_GROUP *) groups[CURVES];
	size_t i = (size_t)(c - curves);
	EC_GROUP *g = atomic_load_explicit(&groups[i], memory_order_acquire), *mine;

	if (g != NULL)
		return g;
	mine = EC_GROUP_new_by_curve_name_ex(hz_libctx_math(), NULL, c->nid);
	if (mine != NULL && atomic_compare_exchange_strong(&groups[i], &g, mine))
		return mine;
	EC_GROUP_free(mine);
	return g;
}
