/* SPDX-License-Identifier: Apache-2.0 */
/* CKM_HANZO_ECIES and delegation; the table of these and of the mechanisms of soft_share.c. */
#include "crypto/ecies.h"

#include <stdlib.h>
#include <string.h>

#include "backend/soft_ecies.h"
#include "base/error.h"
#include "base/secmem.h"
#include "ck/schema.h"
#include "crypto/k256.h"

/* ---- C_Encrypt, C_Decrypt ---- */

struct ecies_op {
	struct hz_op base;
	struct hz_key *key;
	bool decrypt;
	uint8_t *aad;
	size_t aad_len;
};

static struct ecies_op *ecies_of(struct hz_op *op)
{
	return (struct ecies_op *)(void *)op;
}

static size_t max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	const struct ecies_op *e = (const struct ecies_op *)(const void *)op;

	(void)phase;
	if (!e->decrypt)
		return in_len + HZ_ECIES_OVERHEAD;
	return in_len > HZ_ECIES_OVERHEAD ? in_len - HZ_ECIES_OVERHEAD : 0;
}

static bool apart(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return (uintptr_t)a + a_len <= (uintptr_t)b || (uintptr_t)b + b_len <= (uintptr_t)a;
}

/* The private key may lie elsewhere: x(S) comes from there, and the blob is opened here. */
CK_RV hz_ecies_open_blob(const struct hz_key *key, const struct hz_ecies_aad *aad, const uint8_t *in, size_t len, struct hz_buf *out)
{
	uint8_t k[HZ_K256_PUB], *x;
	CK_RV rv;

	if (key->remote == NULL)
		return hz_ecies_open(key->secret, aad, in, len, out);
	rv = hz_ecies_ephemeral(in, len, k);
	if (rv != CKR_OK)
		return rv;
	x = hz_secmem_alloc(32);
	if (x == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	rv = hz_key_ecdh_x(key, k, x);
	if (rv == CKR_OK)
		rv = hz_ecies_open_with(x, aad, in, len, out);
	hz_secmem_free(x);
	return rv;
}

/* Input and output may overlap: then the result is made apart. No plaintext is left in the output unless its tag was right. */
static CK_RV once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	const struct ecies_op *e = ecies_of(op);
	const struct hz_ecies_aad aad = { HZ_ECIES_PLAIN, e->aad, e->aad_len };
	struct hz_buf b = HZ_BUF_INIT;
	CK_RV rv;

	if (e->decrypt && e->key->remote == NULL && in_len >= HZ_ECIES_OVERHEAD && apart(in, in_len, out, in_len - HZ_ECIES_OVERHEAD)) {
		rv = hz_ecies_open_to(e->key->secret, &aad, in, in_len, out);
		*out_len = in_len - HZ_ECIES_OVERHEAD;
		return rv;
	}
	if (!e->decrypt && apart(in, in_len, out, in_len + HZ_ECIES_OVERHEAD)) {
		*out_len = in_len + HZ_ECIES_OVERHEAD;
		return hz_ecies_seal_to(e->key->k256_pub, &aad, in, in_len, out);
	}
	b.secret = e->decrypt;
	rv = e->decrypt ? hz_ecies_open_blob(e->key, &aad, in, in_len, &b) : hz_ecies_seal(e->key->k256_pub, &aad, in, in_len, &b);
	if (rv == CKR_OK) {
		if (b.len != 0)
			memcpy(out, b.p, b.len);
		*out_len = b.len;
	}
	hz_buf_free(&b);
	return rv;
}

static CK_RV take_aad(const struct hz_mech *m, const uint8_t **p, size_t *n)
{
	const CK_HANZO_ECIES_PARAMS *q = m->param;

	*p = NULL;
	*n = 0;
	if (q == NULL)
		return CKR_OK;
	if (m->param_len != sizeof *q || (q->pAAD == NULL && q->ulAADLen != 0) || q->ulAADLen > 1u << 30)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "ECIES: bad parameter");
	*p = q->pAAD;
	*n = q->ulAADLen;
	return CKR_OK;
}

static CK_RV rearm(struct hz_op *op, const struct hz_mech *m)
{
	struct ecies_op *e = ecies_of(op);
	const uint8_t *p;
	size_t n;
	CK_RV rv = take_aad(m, &p, &n);

	if (rv != CKR_OK)
		return rv;
	free(e->aad);
	e->aad_len = n;
	e->aad = n != 0 ? malloc(n) : NULL;
	if (n != 0 && e->aad == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	if (n != 0)
		memcpy(e->aad, p, n);
	return CKR_OK;
}

static void ecies_free(struct hz_op *op)
{
	free(ecies_of(op)->aad);
	free(op);
}

static const struct hz_op_ops ops = { .max_out = max_out, .once = once, .rearm = rearm, .free = ecies_free };

/* Encrypting needs the public half only: a private key knows its own. */
static CK_RV begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	CK_RV rv = hz_vendor_needs_k256(key);
	struct ecies_op *e;

	if (rv == CKR_OK && kind == HZ_OP_DECRYPT)
		rv = hz_key_is(key, CKO_PRIVATE_KEY);
	if (rv == CKR_OK && !key->has_k256_pub)
		rv = hz_fail(CKR_KEY_TYPE_INCONSISTENT, "the public half is not known");
	if (rv != CKR_OK)
		return rv;
	e = calloc(1, sizeof *e);
	if (e == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	e->base.ops = &ops;
	e->key = key;
	e->decrypt = kind == HZ_OP_DECRYPT;
	rv = rearm(&e->base, m);
	if (rv != CKR_OK) {
		ecies_free(&e->base);
		return rv;
	}
	*op = &e->base;
	return CKR_OK;
}

/* ---- C_WrapKey, C_UnwrapKey with CKM_HANZO_ECIES ---- */

/* A private key in a device may not say what its public half is. */
CK_RV hz_ecies_needs_public(const struct hz_key *key)
{
	CK_RV rv = hz_vendor_needs_k256(key);

	return rv == CKR_OK && !key->has_k256_pub ? hz_fail(CKR_KEY_TYPE_INCONSISTENT, "the public half is not known") : rv;
}

bool hz_soft_is_share(const struct hz_attrs *a)
{
	return hz_attrs_find(a, CKA_HANZO_SHARE_INDEX) != NULL;
}

/* Secret key: its value; private key: PKCS #8. A share travels as a share or not at all. */
static CK_RV target_text(const struct hz_key *target, struct hz_buf *out)
{
	if (target->cls == CKO_SECRET_KEY && target->secret != NULL) {
		hz_buf_add(out, target->secret, target->secret_len);
		return out->failed ? hz_fail(CKR_HOST_MEMORY, "out of memory") : CKR_OK;
	}
	if (target->cls != CKO_PRIVATE_KEY || hz_soft_is_share(&target->attrs))
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, "neither a secret key nor a whole private key");
	return hz_soft_pkcs8(target, out);
}

static CK_RV wrap(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	struct hz_ecies_aad aad = { HZ_ECIES_WRAP, NULL, 0 };
	struct hz_buf text = HZ_BUF_SECRET;
	CK_RV rv = hz_ecies_needs_public(wrapping);

	if (rv == CKR_OK)
		rv = take_aad(m, &aad.p, &aad.n);
	if (rv == CKR_OK)
		rv = target_text(target, &text);
	if (rv == CKR_OK)
		rv = hz_ecies_seal(wrapping->k256_pub, &aad, text.p, text.len, out);
	hz_buf_free(&text);
	return rv;
}

static CK_RV wrap_len(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len)
{
	struct hz_buf text = HZ_BUF_SECRET;
	CK_RV rv = target_text(target, &text);

	(void)m;
	(void)wrapping;
	*len = text.len + HZ_ECIES_OVERHEAD;
	hz_buf_free(&text);
	return rv;
}

static CK_RV unwrap(const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len, struct hz_attrs *made)
{
	bool private = hz_attrs_ulong(made, CKA_CLASS, CKO_SECRET_KEY) == CKO_PRIVATE_KEY, share = private && hz_soft_is_share(made);
	struct hz_ecies_aad aad = { share ? HZ_ECIES_SHARE : HZ_ECIES_WRAP, NULL, 0 };
	struct hz_buf text = HZ_BUF_SECRET;
	CK_RV rv = hz_vendor_needs_k256(unwrapping);

	if (rv == CKR_OK)
		rv = hz_key_is(unwrapping, CKO_PRIVATE_KEY);
	if (rv == CKR_OK)
		rv = take_aad(m, &aad.p, &aad.n);
	if (rv == CKR_OK && len < HZ_ECIES_OVERHEAD)
		rv = hz_fail(CKR_WRAPPED_KEY_LEN_RANGE, "%zu bytes are no ECIES blob", len);
	if (rv == CKR_OK && share)
		return hz_share_unwrap(unwrapping, &aad, in, len, made);
	if (rv == CKR_OK)
		rv = hz_ecies_open_blob(unwrapping, &aad, in, len, &text);
	if (rv == CKR_ENCRYPTED_DATA_INVALID)
		rv = CKR_WRAPPED_KEY_INVALID;
	if (rv == CKR_OK)
		rv = private ? hz_soft_from_pkcs8(text.p, text.len, made) : hz_soft_set_secret(made, text.p, text.len);
	hz_buf_free(&text);
	return rv;
}

/* ---- delegation ---- */

CK_RV hz_ecies_take_k(const struct hz_mech *m, uint8_t k[64])
{
	const CK_HANZO_ECIES_DELEGATE_PARAMS *p = m->param;

	if (p == NULL || m->param_len != sizeof *p || p->pEphemeralKey == NULL || p->ulEphemeralKeyLen != HZ_ECIES_K ||
	    !hz_k256_pub_parse(k, p->pEphemeralKey, HZ_ECIES_K))
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "the ephemeral key is no compressed point");
	return CKR_OK;
}

/*
 * Exponents are kept without leading zeros: three bytes and an odd end make 65537 at least. A small exponent turns a slip in somebody's
 * padding into the plaintext. Even ones and short moduli make no key here at all, but a device may have such.
 */
static CK_RV check_requester(const struct hz_key *rsa)
{
	const struct hz_attr *e = hz_attrs_find(&rsa->attrs, CKA_PUBLIC_EXPONENT);

	if (rsa->type != CKK_RSA)
		return hz_fail(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, "the answer goes to an RSA key");
	if (rsa->bits < 2048)
		return hz_fail(CKR_WRAPPING_KEY_SIZE_RANGE, "an RSA key of %d bits", rsa->bits);
	if (e == NULL || e->len < 3 || (((const uint8_t *)e->value)[e->len - 1] & 1) == 0)
		return hz_fail(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, "the RSA key's public exponent is even or below 65537");
	return CKR_OK;
}

CK_RV hz_ecies_check_pair(const struct hz_key *rsa, const struct hz_key *target, CK_MECHANISM_TYPE type, bool share)
{
	CK_RV rv = check_requester(rsa);

	if (rv != CKR_OK)
		return rv;
	if (target->cls != CKO_PRIVATE_KEY || !target->is_k256 || hz_soft_is_share(&target->attrs) != share)
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, share ? "not a threshold share" : "not a whole secp256k1 private key");
	return hz_schema_allows(&target->attrs, type);
}

static CK_RV delegate(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	uint8_t k[HZ_K256_PUB], x[32];
	CK_RV rv = hz_ecies_check_pair(wrapping, target, m->type, false);

	if (rv == CKR_OK)
		rv = hz_ecies_take_k(m, k);
	if (rv != CKR_OK)
		return rv;
	rv = hz_key_ecdh_x(target, k, x);
	if (rv == CKR_OK)
		rv = hz_soft_rsa_oaep256(wrapping, x, sizeof x, out);
	hz_wipe(x, sizeof x);
	return rv;
}

static CK_RV rsa_len(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len)
{
	(void)target;
	(void)m;
	*len = ((size_t)wrapping->bits + 7) / 8;
	return CKR_OK;
}

#define K256_SIZES 256, 256
#define EC_FLAGS (CKF_EC_F_P | CKF_EC_OID | CKF_EC_COMPRESS)

const struct hz_soft_mech hz_soft_ecies[] = {
	{ .row = { CKM_HANZO_ECIES, { K256_SIZES, CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP | EC_FLAGS },
		   { CKK_EC, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, HZ_NO_KEY_TYPE },
	  .begin = begin, .wrap = wrap, .wrap_len = wrap_len, .unwrap = unwrap },
	{ .row = { CKM_HANZO_ECIES_DELEGATE, { 2048, 8192, CKF_WRAP }, { CKK_RSA, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, HZ_NO_KEY_TYPE },
	  .wrap = delegate, .wrap_len = rsa_len },
	{ .row = { CKM_HANZO_ECIES_PARTIAL, { 2048, 8192, CKF_WRAP }, { CKK_RSA, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, HZ_NO_KEY_TYPE },
	  .wrap = hz_share_partial, .wrap_len = rsa_len },
	{ .row = { CKM_HANZO_SHAMIR_SHARE, { K256_SIZES, CKF_WRAP | EC_FLAGS }, { CKK_EC, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE },
		   HZ_NO_KEY_TYPE },
	  .wrap = hz_share_wrap, .wrap_len = hz_share_wrap_len },
	{ .row = { CKM_HANZO_SHARE_REFRESH, { K256_SIZES, CKF_UNWRAP | EC_FLAGS }, { CKK_EC, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE },
		   HZ_NO_KEY_TYPE },
	  .unwrap = hz_share_renew },
	{ .row = { .type = 0 } },
};
