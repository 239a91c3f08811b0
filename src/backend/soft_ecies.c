/* SPDX-License-Identifier: Apache-2.0 */
/* CKM_HANZO_ECIES and the mechanisms around it: delegation, threshold shares, partial results. */
#include "crypto/ecies.h"

#include <stdlib.h>
#include <string.h>

#include "backend/soft_vendor.h"
#include "base/error.h"
#include "base/reader.h"
#include "base/secmem.h"
#include "ck/schema.h"
#include "crypto/k256.h"
#include "crypto/shamir.h"

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
static CK_RV open_blob(const struct hz_key *key, const struct hz_ecies_aad *aad, const uint8_t *in, size_t len, struct hz_buf *out)
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
	rv = e->decrypt ? open_blob(e->key, &aad, in, in_len, &b) : hz_ecies_seal(e->key->k256_pub, &aad, in, in_len, &b);
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
static CK_RV needs_public(const struct hz_key *key)
{
	CK_RV rv = hz_vendor_needs_k256(key);

	return rv == CKR_OK && !key->has_k256_pub ? hz_fail(CKR_KEY_TYPE_INCONSISTENT, "the public half is not known") : rv;
}

static bool is_share(const struct hz_attrs *a)
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
	if (target->cls != CKO_PRIVATE_KEY || is_share(&target->attrs))
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, "neither a secret key nor a whole private key");
	return hz_soft_pkcs8(target, out);
}

static CK_RV wrap(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	struct hz_ecies_aad aad = { HZ_ECIES_WRAP, NULL, 0 };
	struct hz_buf text = HZ_BUF_SECRET;
	CK_RV rv = needs_public(wrapping);

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

static const uint8_t k256_params[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };

/*
 * A share becomes an EC private key that does nothing but ECIES_PARTIAL. The split's identity goes into the attribute that no
 * caller sees; the index that the template names must be the blob's.
 */
static CK_RV keep_share(const struct hz_share *s, struct hz_attrs *made)
{
	CK_MECHANISM_TYPE only = CKM_HANZO_ECIES_PARTIAL;
	CK_RV rv;

	if (hz_attrs_ulong(made, CKA_HANZO_SHARE_INDEX, 0) != s->i || hz_attrs_ulong(made, CKA_KEY_TYPE, CKK_EC) != CKK_EC)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "the share is number %u", s->i);
	rv = hz_attrs_set_ulong(made, CKA_KEY_TYPE, CKK_EC);
	if (rv == CKR_OK)
		rv = hz_attrs_set(made, CKA_EC_PARAMS, k256_params, sizeof k256_params, false);
	if (rv == CKR_OK)
		rv = hz_attrs_set(made, CKA_VALUE, s->value, 32, true);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(made, CKA_HANZO_SHARE_THRESHOLD, s->split.t);
	if (rv == CKR_OK)
		rv = hz_attrs_set(made, CKA_ALLOWED_MECHANISMS, &only, sizeof only, false);
	if (rv == CKR_OK)
		rv = hz_attrs_set_bool(made, CKA_DERIVE, true);
	if (rv == CKR_OK)
		rv = hz_attrs_set(made, HZ_CKA_REF, s->split.id, HZ_SHAMIR_ID, false);
	return rv != CKR_OK ? rv : hz_soft_complete(made);
}

static CK_RV open_share(const struct hz_key *unwrapping, const struct hz_ecies_aad *aad, const uint8_t *in, size_t len,
			struct hz_share *s)
{
	struct hz_buf text = HZ_BUF_SECRET;
	CK_RV rv = open_blob(unwrapping, aad, in, len, &text);

	if (rv == CKR_OK)
		rv = hz_share_read(text.p, text.len, s);
	hz_buf_free(&text);
	return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_WRAPPED_KEY_INVALID : rv;
}

/*
 * 0x00 || u16be count || count times (u32be length || share blob): what the dealers of a key made without a dealer send to one
 * node. Their sum is the node's share; neither it nor an addend is ever outside.
 */
static CK_RV open_sum(const struct hz_key *unwrapping, const struct hz_ecies_aad *aad, const uint8_t *in, size_t len,
		      struct hz_share *two)
{
	struct hz_reader r = hz_rd(in + 1, len - 1);
	unsigned count = hz_rd_u16be(&r);
	CK_RV rv = CKR_OK;

	if (count == 0 || count > HZ_SHAMIR_MAX)
		hz_rd_fail(&r);
	for (unsigned i = 0; rv == CKR_OK && i < count && hz_rd_ok(&r); i++) {
		size_t n = hz_rd_u32be(&r);
		const uint8_t *blob = hz_rd_bytes(&r, n);

		if (blob == NULL)
			break;
		rv = open_share(unwrapping, aad, blob, n, &two[i != 0]);
		if (rv == CKR_OK && i != 0)
			rv = hz_share_add(&two[0], &two[1]);
	}
	if (rv == CKR_OK && !hz_rd_end(&r))
		rv = hz_fail(CKR_WRAPPED_KEY_INVALID, "malformed list of share blobs");
	return rv;
}

static CK_RV read_share(const struct hz_key *unwrapping, const struct hz_ecies_aad *aad, const uint8_t *in, size_t len,
			struct hz_attrs *made)
{
	struct hz_share *s = hz_secmem_alloc(2 * sizeof *s);
	CK_RV rv;

	if (s == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	rv = in[0] == 0 ? open_sum(unwrapping, aad, in, len, s) : open_share(unwrapping, aad, in, len, s);
	if (rv == CKR_OK)
		rv = keep_share(s, made);
	hz_secmem_free(s);
	return rv;
}

/* ---- CKM_HANZO_SHARE_REFRESH ---- */

/* The next blob of the list, opened. */
static CK_RV next_share(const struct hz_key *unwrapping, struct hz_reader *r, struct hz_share *s)
{
	const struct hz_ecies_aad aad = { HZ_ECIES_SHARE, NULL, 0 };
	size_t n = hz_rd_u32be(r);
	const uint8_t *blob = hz_rd_bytes(r, n);

	return blob != NULL ? open_share(unwrapping, &aad, blob, n, s)
			    : hz_fail(CKR_WRAPPED_KEY_INVALID, "malformed list of share blobs");
}

/* value becomes the new share; *id is the new split's, the same in every pair. two: secret memory for two shares. */
static CK_RV add_pairs(const struct hz_key *unwrapping, const uint8_t *in, size_t len, const struct hz_split *old, unsigned i,
		       struct hz_share *two, uint8_t value[32], uint8_t id[HZ_SHAMIR_ID])
{
	struct hz_reader r = hz_rd(in, len);
	unsigned form = hz_rd_u8(&r), count = hz_rd_u16be(&r);
	CK_RV rv = CKR_OK;

	if (form != 0 || count == 0 || count > HZ_SHAMIR_MAX)
		return hz_fail(CKR_WRAPPED_KEY_INVALID, "malformed list of share blobs");
	for (unsigned k = 0; k < count && rv == CKR_OK; k++) {
		rv = next_share(unwrapping, &r, &two[0]);
		if (rv == CKR_OK)
			rv = next_share(unwrapping, &r, &two[1]);
		if (rv == CKR_OK && k != 0 && memcmp(id, two[0].split.id, HZ_SHAMIR_ID) != 0)
			rv = hz_fail(CKR_WRAPPED_KEY_INVALID, "shares of two splits");
		memcpy(id, two[0].split.id, HZ_SHAMIR_ID);
		if (rv == CKR_OK)
			rv = hz_share_refresh(value, old, i, &two[0], &two[1]);
	}
	return rv == CKR_OK && !hz_rd_end(&r) ? hz_fail(CKR_WRAPPED_KEY_INVALID, "malformed list of share blobs") : rv;
}

/* The share's own value, and what follows from it. */
static CK_RV set_refreshed(struct hz_attrs *made, const uint8_t value[32], const uint8_t id[HZ_SHAMIR_ID])
{
	static const CK_ATTRIBUTE_TYPE follow[] = { CKA_PUBLIC_KEY_INFO, CKA_EC_POINT, CKA_HANZO_ADDRESS, CKA_HANZO_LANE };
	CK_RV rv = hz_attrs_set(made, CKA_VALUE, value, 32, true);

	for (size_t k = 0; k < sizeof follow / sizeof follow[0]; k++)
		hz_attrs_remove(made, follow[k]);
	if (rv == CKR_OK)
		rv = hz_attrs_set(made, HZ_CKA_REF, id, HZ_SHAMIR_ID, false);
	return rv == CKR_OK ? hz_soft_complete(made) : rv;
}

/* made is a copy of the old share's attributes, its value included. */
static CK_RV refresh(const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len, struct hz_attrs *made)
{
	const struct hz_attr *id = hz_attrs_find(made, HZ_CKA_REF), *value = hz_attrs_find(made, CKA_VALUE);
	struct hz_split old = { .t = (unsigned)hz_attrs_ulong(made, CKA_HANZO_SHARE_THRESHOLD, 0) };
	unsigned i = (unsigned)hz_attrs_ulong(made, CKA_HANZO_SHARE_INDEX, 0);
	uint8_t new_id[HZ_SHAMIR_ID] = { 0 };
	struct hz_share *three;
	CK_RV rv = hz_vendor_needs_k256(unwrapping);

	(void)m;
	if (rv == CKR_OK)
		rv = hz_key_is(unwrapping, CKO_PRIVATE_KEY);
	if (rv == CKR_OK && (id == NULL || id->len != HZ_SHAMIR_ID || value == NULL || value->len != 32))
		rv = hz_fail(CKR_KEY_TYPE_INCONSISTENT, "only a threshold share is refreshed");
	if (rv != CKR_OK)
		return rv;
	three = hz_secmem_alloc(3 * sizeof *three);
	if (three == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	memcpy(old.id, id->value, HZ_SHAMIR_ID);
	memcpy(three[2].value, value->value, 32);
	rv = add_pairs(unwrapping, in, len, &old, i, three, three[2].value, new_id);
	if (rv == CKR_OK)
		rv = set_refreshed(made, three[2].value, new_id);
	hz_secmem_free(three);
	return rv;
}

static CK_RV unwrap(const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len, struct hz_attrs *made)
{
	bool private = hz_attrs_ulong(made, CKA_CLASS, CKO_SECRET_KEY) == CKO_PRIVATE_KEY, share = private && is_share(made);
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
		return read_share(unwrapping, &aad, in, len, made);
	if (rv == CKR_OK)
		rv = open_blob(unwrapping, &aad, in, len, &text);
	if (rv == CKR_ENCRYPTED_DATA_INVALID)
		rv = CKR_WRAPPED_KEY_INVALID;
	if (rv == CKR_OK)
		rv = private ? hz_soft_from_pkcs8(text.p, text.len, made) : hz_soft_set_secret(made, text.p, text.len);
	hz_buf_free(&text);
	return rv;
}

/* ---- delegation ---- */

static CK_RV take_ephemeral(const struct hz_mech *m, uint8_t k[64])
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

static CK_RV check_pair(const struct hz_key *rsa, const struct hz_key *target, CK_MECHANISM_TYPE type, bool share)
{
	CK_RV rv = check_requester(rsa);

	if (rv != CKR_OK)
		return rv;
	if (target->cls != CKO_PRIVATE_KEY || !target->is_k256 || is_share(&target->attrs) != share)
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, share ? "not a threshold share" : "not a whole secp256k1 private key");
	return hz_schema_allows(&target->attrs, type);
}

static CK_RV delegate(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	uint8_t k[HZ_K256_PUB], x[32];
	CK_RV rv = check_pair(wrapping, target, m->type, false);

	if (rv == CKR_OK)
		rv = take_ephemeral(m, k);
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

/* ---- threshold ---- */

static CK_RV share_wrap(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	const CK_HANZO_SHAMIR_PARAMS *p = m->param;
	const struct hz_ecies_aad aad = { HZ_ECIES_SHARE, NULL, 0 };
	struct hz_split split;
	struct hz_buf text = HZ_BUF_SECRET;
	struct hz_share *s;
	CK_RV rv = needs_public(wrapping);

	if (rv != CKR_OK)
		return rv;
	if (target->cls != CKO_PRIVATE_KEY || !target->is_k256 || is_share(&target->attrs))
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, "only a whole secp256k1 private key can be shared");
	if (p == NULL || m->param_len != sizeof *p || p->ulIndex > HZ_SHAMIR_MAX || p->ulThreshold > HZ_SHAMIR_MAX ||
	    p->ulShares > HZ_SHAMIR_MAX)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "bad share parameter");
	s = hz_secmem_alloc(sizeof *s);
	if (s == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	memcpy(split.id, p->splitId, sizeof split.id);
	split.t = (unsigned)p->ulThreshold;
	split.n = (unsigned)p->ulShares;
	rv = hz_share_make(target->secret, &split, (unsigned)p->ulIndex, s);
	if (rv == CKR_OK)
		rv = hz_share_write(s, &text);
	if (rv == CKR_OK)
		rv = hz_ecies_seal(wrapping->k256_pub, &aad, text.p, text.len, out);
	hz_buf_free(&text);
	hz_secmem_free(s);
	return rv;
}

static CK_RV share_len(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len)
{
	const CK_HANZO_SHAMIR_PARAMS *p = m->param;

	(void)wrapping;
	(void)target;
	if (p == NULL || m->param_len != sizeof *p || p->ulThreshold > HZ_SHAMIR_MAX)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "bad share parameter");
	*len = hz_share_size((unsigned)p->ulThreshold) + HZ_ECIES_OVERHEAD;
	return CKR_OK;
}

static CK_RV partial(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	const struct hz_attr *id = hz_attrs_find(&target->attrs, HZ_CKA_REF);
	CK_ULONG i = hz_attrs_ulong(&target->attrs, CKA_HANZO_SHARE_INDEX, 0);
	CK_ULONG t = hz_attrs_ulong(&target->attrs, CKA_HANZO_SHARE_THRESHOLD, 0);
	uint8_t k[HZ_K256_PUB], text[HZ_SHAMIR_PARTIAL];
	CK_RV rv = check_pair(wrapping, target, m->type, true);

	if (rv == CKR_OK && (id == NULL || id->len != HZ_SHAMIR_ID || i == 0 || i > HZ_SHAMIR_MAX || t < 2 || t > HZ_SHAMIR_MAX))
		rv = hz_fail(CKR_KEY_NOT_WRAPPABLE, "the share lacks its split");
	if (rv == CKR_OK)
		rv = take_ephemeral(m, k);
	if (rv == CKR_OK)
		rv = hz_partial_make(target->secret, (unsigned)i, (unsigned)t, id->value, k, text);
	if (rv == CKR_OK)
		rv = hz_soft_rsa_oaep256(wrapping, text, sizeof text, out);
	hz_wipe(text, sizeof text); /* t of these are the secret */
	return rv;
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
	  .wrap = partial, .wrap_len = rsa_len },
	{ .row = { CKM_HANZO_SHAMIR_SHARE, { K256_SIZES, CKF_WRAP | EC_FLAGS }, { CKK_EC, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE },
		   HZ_NO_KEY_TYPE },
	  .wrap = share_wrap, .wrap_len = share_len },
	{ .row = { CKM_HANZO_SHARE_REFRESH, { K256_SIZES, CKF_UNWRAP | EC_FLAGS }, { CKK_EC, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE },
		   HZ_NO_KEY_TYPE },
	  .unwrap = refresh },
	{ .row = { .type = 0 } },
};
