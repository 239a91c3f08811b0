/* SPDX-License-Identifier: Apache-2.0 */
/* Threshold shares of secp256k1 keys: made, taken, added up, refreshed, and their partial results. */
#include "crypto/shamir.h"

#include <string.h>

#include "backend/soft_ecies.h"
#include "base/error.h"
#include "base/reader.h"
#include "base/secmem.h"
#include "crypto/ecies.h"
#include "crypto/k256.h"

/* ---- taking ---- */

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
	CK_RV rv = hz_ecies_open_blob(unwrapping, aad, in, len, &text);

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

CK_RV hz_share_unwrap(const struct hz_key *unwrapping, const struct hz_ecies_aad *aad, const uint8_t *in, size_t len,
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
CK_RV hz_share_renew(const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len, struct hz_attrs *made)
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

/* ---- making, answering ---- */

CK_RV hz_share_wrap(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	const CK_HANZO_SHAMIR_PARAMS *p = m->param;
	const struct hz_ecies_aad aad = { HZ_ECIES_SHARE, NULL, 0 };
	struct hz_split split;
	struct hz_buf text = HZ_BUF_SECRET;
	struct hz_share *s;
	CK_RV rv = hz_ecies_needs_public(wrapping);

	if (rv != CKR_OK)
		return rv;
	if (target->cls != CKO_PRIVATE_KEY || !target->is_k256 || hz_soft_is_share(&target->attrs))
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

CK_RV hz_share_wrap_len(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len)
{
	const CK_HANZO_SHAMIR_PARAMS *p = m->param;

	(void)wrapping;
	(void)target;
	if (p == NULL || m->param_len != sizeof *p || p->ulThreshold > HZ_SHAMIR_MAX)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "bad share parameter");
	*len = hz_share_size((unsigned)p->ulThreshold) + HZ_ECIES_OVERHEAD;
	return CKR_OK;
}

CK_RV hz_share_partial(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	const struct hz_attr *id = hz_attrs_find(&target->attrs, HZ_CKA_REF);
	CK_ULONG i = hz_attrs_ulong(&target->attrs, CKA_HANZO_SHARE_INDEX, 0);
	CK_ULONG t = hz_attrs_ulong(&target->attrs, CKA_HANZO_SHARE_THRESHOLD, 0);
	uint8_t k[HZ_K256_PUB], text[HZ_SHAMIR_PARTIAL];
	CK_RV rv = hz_ecies_check_pair(wrapping, target, m->type, true);

	if (rv == CKR_OK && (id == NULL || id->len != HZ_SHAMIR_ID || i == 0 || i > HZ_SHAMIR_MAX || t < 2 || t > HZ_SHAMIR_MAX))
		rv = hz_fail(CKR_KEY_NOT_WRAPPABLE, "the share lacks its split");
	if (rv == CKR_OK)
		rv = hz_ecies_take_k(m, k);
	if (rv == CKR_OK)
		rv = hz_partial_make(target->secret, (unsigned)i, (unsigned)t, id->value, k, text);
	if (rv == CKR_OK)
		rv = hz_soft_rsa_oaep256(wrapping, text, sizeof text, out);
	hz_wipe(text, sizeof text); /* t of these are the secret */
	return rv;
}

