/* SPDX-License-Identifier: Apache-2.0 */
/* Signing and verifying in one or many parts: a hash in front of a family's raw operation. */
#include <stdlib.h>

#include "backend/soft_asym.h"
#include "base/error.h"

static struct hz_sig *sig_of(struct hz_op *op)
{
	return (struct hz_sig *)(void *)op;
}

static size_t max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	const struct hz_sig *s = (const struct hz_sig *)(const void *)op;

	(void)in_len;
	return phase == HZ_UPDATE || s->verify ? 0 : s->sig_len;
}

static void hash_add(struct hz_sig *s, const uint8_t *in, size_t len)
{
	if (!s->hashing)
		hz_hash_init(&s->hash, s->id);
	s->hashing = true;
	hz_hash_update(&s->hash, in, len);
}

static size_t hash_end(struct hz_sig *s, uint8_t digest[HZ_HASH_MAX])
{
	hash_add(s, NULL, 0);
	hz_hash_final(&s->hash, digest);
	s->hashing = false;
	return hz_hash_len(s->id);
}

static CK_RV hashed_update(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	(void)out;
	if (out_len != NULL)
		*out_len = 0;
	hash_add(sig_of(op), in, in_len);
	return CKR_OK;
}

static CK_RV hashed_final(struct hz_op *op, uint8_t *out, size_t *out_len)
{
	struct hz_sig *s = sig_of(op);
	uint8_t digest[HZ_HASH_MAX];
	size_t len = hash_end(s, digest);

	return s->raw->sign(s, digest, len, out, out_len);
}

static CK_RV hashed_once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	hash_add(sig_of(op), in, in_len);
	return hashed_final(op, out, out_len);
}

/* The length of a signature is public: it is judged before anything is computed. */
static CK_RV check_len(const struct hz_sig *s, size_t sig_len)
{
	if (sig_len == s->sig_len)
		return CKR_OK;
	return hz_fail(CKR_SIGNATURE_LEN_RANGE, "a signature of %zu bytes, not %zu", sig_len, s->sig_len);
}

static CK_RV hashed_verify_final(struct hz_op *op, const uint8_t *sig, size_t sig_len)
{
	struct hz_sig *s = sig_of(op);
	uint8_t digest[HZ_HASH_MAX];
	CK_RV rv = check_len(s, sig_len);
	size_t len;

	if (rv != CKR_OK)
		return rv;
	len = hash_end(s, digest);
	return s->raw->verify(s, digest, len, sig, sig_len);
}

static CK_RV hashed_verify(struct hz_op *op, const uint8_t *in, size_t in_len, const uint8_t *sig, size_t sig_len)
{
	hash_add(sig_of(op), in, in_len);
	return hashed_verify_final(op, sig, sig_len);
}

static CK_RV bare_once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct hz_sig *s = sig_of(op);

	return s->raw->sign(s, in, in_len, out, out_len);
}

static CK_RV bare_verify(struct hz_op *op, const uint8_t *in, size_t in_len, const uint8_t *sig, size_t sig_len)
{
	struct hz_sig *s = sig_of(op);
	CK_RV rv = check_len(s, sig_len);

	return rv != CKR_OK ? rv : s->raw->verify(s, in, in_len, sig, sig_len);
}

static CK_RV rearm(struct hz_op *op, const struct hz_mech *m)
{
	struct hz_sig *s = sig_of(op);

	s->hashing = false;
	return s->raw->rearm != NULL ? s->raw->rearm(s, m) : CKR_OK;
}

void hz_sig_free(struct hz_op *op)
{
	struct hz_sig *s = sig_of(op);

	if (s->raw->release != NULL)
		s->raw->release(s);
	EVP_PKEY_CTX_free(s->pctx);
	free(s);
}

static const struct hz_op_ops hashed_ops = {
	.max_out = max_out, .once = hashed_once, .update = hashed_update, .final = hashed_final, .verify = hashed_verify,
	.verify_final = hashed_verify_final, .rearm = rearm, .free = hz_sig_free,
};

static const struct hz_op_ops bare_ops = {
	.max_out = max_out, .once = bare_once, .verify = bare_verify, .rearm = rearm, .free = hz_sig_free,
};

CK_RV hz_sig_new(size_t size, const struct hz_sig_raw *raw, enum hz_op_kind kind, struct hz_key *key, enum hz_hash_id hash,
		 struct hz_sig **op)
{
	bool verify = kind == HZ_OP_VERIFY;
	CK_RV rv = hz_key_is(key, verify ? CKO_PUBLIC_KEY : CKO_PRIVATE_KEY);
	struct hz_sig *s;

	if (rv != CKR_OK)
		return rv;
	if (kind != HZ_OP_SIGN && kind != HZ_OP_VERIFY)
		return hz_fail(CKR_MECHANISM_INVALID, "the mechanism signs and verifies only");
	s = calloc(1, size);
	if (s == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	s->base.ops = hash != HZ_HASH_IDS ? &hashed_ops : &bare_ops;
	s->raw = raw;
	s->key = key;
	s->verify = verify;
	s->id = hash;
	*op = s;
	return CKR_OK;
}
