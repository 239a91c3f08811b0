/* SPDX-License-Identifier: Apache-2.0 */
/* The message-based form of the AEAD mechanisms (3.1 section 5.10): one key, many messages, IVs made here if asked, tag apart. */
#include <string.h>

#include "backend/soft_aead.h"
#include "backend/soft_sym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"

#define RANDOM_BITS_MIN 64u     /* fewer random bits repeat too soon */
#define COUNTER_BITS_MIN 64u    /* each process starts at a random place: with fewer bits their runs would soon meet */

static struct hz_soft_aead *self(struct hz_op *op)
{
	return (struct hz_soft_aead *)op;
}

static bool read_gcm(const CK_GCM_MESSAGE_PARAMS *p, CK_ULONG len, struct hz_aead_msg *m)
{
	if (len != sizeof *p || p->ulTagBits % 8 != 0)
		return false;
	*m = (struct hz_aead_msg){ p->pIv, p->pTag, p->ulIvLen, p->ulIvFixedBits, p->ulTagBits / 8, p->ivGenerator, 0 };
	return true;
}

static bool read_ccm(const CK_CCM_MESSAGE_PARAMS *p, CK_ULONG len, struct hz_aead_msg *m)
{
	if (len != sizeof *p)
		return false;
	*m = (struct hz_aead_msg){ p->pNonce, p->pMAC, p->ulNonceLen, p->ulNonceFixedBits, p->ulMACLen, p->nonceGenerator, p->ulDataLen };
	return true;
}

static bool read_chacha(const CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS *p, CK_ULONG len, struct hz_aead_msg *m)
{
	if (len != sizeof *p)
		return false;
	*m = (struct hz_aead_msg){ p->pNonce, p->pTag, p->ulNonceLen == 96 ? 12 : p->ulNonceLen, 0, HZ_AEAD_TAG_MAX, CKG_NO_GENERATE, 0 };
	return true;
}

static CK_RV bad_param(const char *why)
{
	return hz_fail(CKR_MECHANISM_PARAM_INVALID, "message parameter: %s", why);
}

CK_RV hz_aead_msg_read(const struct hz_soft_aead *o, const void *param, CK_ULONG len, struct hz_aead_msg *m)
{
	bool ok = false;

	if (param != NULL) {
		switch (o->alg) {
		case HZ_GCM: ok = read_gcm(param, len, m); break;
		case HZ_CCM: ok = read_ccm(param, len, m); break;
		case HZ_CHACHA20_POLY1305: ok = read_chacha(param, len, m); break;
		}
	}
	if (!ok || m->iv == NULL || m->tag == NULL || m->tag_len == 0 || m->tag_len > HZ_AEAD_TAG_MAX)
		return bad_param("not the mechanism's structure, or a pointer in it is NULL");
	return CKR_OK;
}

/* ---- IVs made here ---- */

/* Replace (or, with `mix`, XOR into) the bits of iv after the first fixed_bits by those of src. */
static void put_free_bits(uint8_t *iv, size_t len, size_t fixed_bits, const uint8_t *src, bool mix)
{
	for (size_t i = fixed_bits / 8; i < len; i++) {
		uint8_t mask = (uint8_t)(i == fixed_bits / 8 ? 0xff >> fixed_bits % 8 : 0xff);

		iv[i] = mix ? (uint8_t)(iv[i] ^ (src[i] & mask)) : (uint8_t)((iv[i] & ~mask) | (src[i] & mask));
	}
}

static void put_counter(uint8_t *iv, size_t len, size_t fixed_bits, uint64_t v, bool mix)
{
	uint8_t src[HZ_AEAD_IV_MAX] = { 0 };

	for (size_t i = 0; i < 8 && i < len; i++)
		src[len - 1 - i] = (uint8_t)(v >> (8 * i));
	put_free_bits(iv, len, fixed_bits, src, mix);
}

static CK_RV exhausted(void)
{
	return hz_fail(CKR_KEY_EXHAUSTED, "no IV is left that this key has not been used with");
}

/*
 * SP 800-38D section 8.3 allows 2^32 random IVs of 96 bits or more under one key, which meet with a probability of 2^-33; fewer
 * bits allow so many that theirs is no greater.
 */
static uint64_t random_limit(size_t bits)
{
	return (uint64_t)1 << (bits < 96 ? (bits - 32) / 2 : 32);
}

static CK_RV random_iv(struct hz_soft_aead *o, const struct hz_aead_msg *m, uint8_t *iv)
{
	size_t bits = 8 * m->iv_len - m->fixed_bits;
	uint8_t src[HZ_AEAD_IV_MAX];

	if (bits < RANDOM_BITS_MIN)
		return bad_param("too few bits for a random IV");
	if (atomic_fetch_add(&o->key->random_ivs, 1) >= random_limit(bits))
		return exhausted();
	if (!hz_random(src, m->iv_len))
		return hz_soft_aead_failed();
	put_free_bits(iv, m->iv_len, m->fixed_bits, src, false);
	return CKR_OK;
}

/*
 * The counter belongs to the key as it is loaded in this process, so that all sessions count together, and starts at a random place, so
 * that processes which share a token key are unlikely to meet.
 */
static CK_RV counter_iv(struct hz_soft_aead *o, const struct hz_aead_msg *m, uint8_t *iv)
{
	uint64_t start = atomic_load(&o->key->counter_start), n;

	if (8 * m->iv_len - m->fixed_bits < COUNTER_BITS_MIN)
		return bad_param("too few bits for a counter");
	if (start == 0) {
		uint64_t fresh;

		if (!hz_random(&fresh, sizeof fresh))
			return hz_soft_aead_failed();
		fresh |= 1;
		if (atomic_compare_exchange_strong(&o->key->counter_start, &start, fresh))
			start = fresh;
	}
	n = atomic_fetch_add(&o->key->counter_ivs, 1);
	put_counter(iv, m->iv_len, m->fixed_bits, start + n, false);
	return CKR_OK;
}

/* As TLS 1.3 (RFC 8446 section 5.3) has it: the first message's IV is the base, the count starts at zero. */
static CK_RV xor_iv(struct hz_soft_aead *o, const struct hz_aead_msg *m, uint8_t *iv)
{
	size_t bits = 8 * m->iv_len - m->fixed_bits;

	if (m->iv_len > sizeof o->base || bits == 0)
		return bad_param("the IV is too long for a counter, or all of it is fixed");
	if (!o->has_base) {
		memcpy(o->base, iv, m->iv_len);
		o->base_len = m->iv_len;
		o->count = 0;
		o->has_base = true;
	}
	if (o->base_len != m->iv_len)
		return bad_param("the IV's length changed");
	if (bits < 64 && o->count >> bits != 0)
		return exhausted();
	memcpy(iv, o->base, m->iv_len);
	put_counter(iv, m->iv_len, m->fixed_bits, o->count++, true);
	return CKR_OK;
}

CK_RV hz_aead_msg_iv(struct hz_soft_aead *o, const struct hz_aead_msg *m, uint8_t iv[HZ_AEAD_IV_MAX])
{
	if (m->iv_len > HZ_AEAD_IV_MAX || m->fixed_bits > 8 * m->iv_len)
		return bad_param("length of the IV or of its fixed part");
	memcpy(iv, m->iv, m->iv_len);
	switch (m->generator) {
	case CKG_GENERATE:
	case CKG_GENERATE_RANDOM: return random_iv(o, m, iv);
	case CKG_GENERATE_COUNTER: return counter_iv(o, m, iv);
	case CKG_GENERATE_COUNTER_XOR: return xor_iv(o, m, iv);
	default: return bad_param("unknown generator");
	}
}

/* ---- messages ---- */

static CK_RV start(struct hz_soft_aead *o, const struct hz_aead_msg *m, const uint8_t *aad, size_t aad_len)
{
	struct hz_aead_start s = { m->iv, m->iv_len, aad, aad_len, m->tag_len, m->data_len };
	uint8_t iv[HZ_AEAD_IV_MAX];
	bool made = o->enc && m->generator != CKG_NO_GENERATE; /* who decrypts has the IV */

	if (made) {
		CK_RV rv = hz_aead_msg_iv(o, m, iv);

		if (rv != CKR_OK)
			return rv;
		s.iv = iv;
	}
	o->tag_len = m->tag_len;
	o->left = o->alg == HZ_CCM ? m->data_len : UINT64_MAX;
	if (!hz_aead_start(o->aead, &s)) {
		(void)hz_ossl_reason();
		return bad_param("length of IV or tag");
	}
	if (made)
		memcpy(m->iv, iv, m->iv_len);
	return CKR_OK;
}

static CK_RV finish(struct hz_soft_aead *o, const struct hz_aead_msg *m)
{
	CK_RV rv = hz_soft_aead_end(o);

	if (rv != CKR_OK)
		return rv;
	if (m->tag_len != o->tag_len)
		return bad_param("the tag's length changed");
	if (o->enc)
		return hz_aead_tag(o->aead, m->tag) ? CKR_OK : hz_soft_aead_failed();
	if (hz_aead_check(o->aead, m->tag))
		return CKR_OK;
	(void)hz_ossl_reason();
	return hz_fail(CKR_AEAD_DECRYPT_FAILED, "the tag does not match");
}

static CK_RV crypt(struct hz_soft_aead *o, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	uint8_t *copy;
	const uint8_t *from = hz_sym_settle(in, in_len, out, in_len, false, &copy);
	CK_RV rv;

	*out_len = 0;
	if (from == NULL && in_len != 0)
		return hz_fail(CKR_HOST_MEMORY, "no memory for overlapping buffers");
	rv = hz_soft_aead_crypt(o, from, in_len, out);
	hz_sym_release(copy, in_len);
	if (rv == CKR_OK)
		*out_len = in_len;
	return rv;
}

static CK_RV msg_once(struct hz_op *op, void *param, CK_ULONG param_len, const uint8_t *aad, size_t aad_len, const uint8_t *in,
		      size_t in_len, uint8_t *out, size_t *out_len)
{
	struct hz_soft_aead *o = self(op);
	struct hz_aead_msg m;
	CK_RV rv = hz_aead_msg_read(o, param, param_len, &m);

	*out_len = 0;
	if (rv == CKR_OK)
		rv = start(o, &m, aad, aad_len);
	if (rv == CKR_OK)
		rv = crypt(o, in, in_len, out, out_len);
	if (rv == CKR_OK)
		rv = finish(o, &m);
	if (rv != CKR_OK && *out_len != 0) {
		hz_wipe(out, *out_len); /* nothing unauthenticated leaves a one-shot call */
		*out_len = 0;
	}
	return rv;
}

static CK_RV msg_begin(struct hz_op *op, void *param, CK_ULONG param_len, const uint8_t *aad, size_t aad_len)
{
	struct hz_aead_msg m;
	CK_RV rv = hz_aead_msg_read(self(op), param, param_len, &m);

	return rv == CKR_OK ? start(self(op), &m, aad, aad_len) : rv;
}

static CK_RV msg_next(struct hz_op *op, void *param, CK_ULONG param_len, const uint8_t *in, size_t in_len, uint8_t *out,
		      size_t *out_len, bool last)
{
	struct hz_aead_msg m;
	CK_RV rv = hz_aead_msg_read(self(op), param, param_len, &m);

	*out_len = 0;
	if (rv == CKR_OK)
		rv = crypt(self(op), in, in_len, out, out_len);
	if (rv == CKR_OK && last)
		rv = finish(self(op), &m);
	if (rv != CKR_OK && *out_len != 0) {
		hz_wipe(out, *out_len); /* the last part at least */
		*out_len = 0;
	}
	return rv;
}

static size_t msg_max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	(void)op;
	return phase == HZ_FINAL ? 0 : in_len;
}

static CK_RV msg_rearm(struct hz_op *op, const struct hz_mech *m)
{
	(void)m; /* each message brings its own parameter */
	self(op)->has_base = false;
	return CKR_OK;
}

static const struct hz_op_ops msg_ops = {
	.max_out = msg_max_out,
	.message = msg_once,
	.message_begin = msg_begin,
	.message_next = msg_next,
	.rearm = msg_rearm,
	.free = hz_soft_aead_free,
};

CK_RV hz_soft_aead_messages(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	struct hz_soft_aead *o;
	CK_RV rv = hz_soft_aead_new(kind, m, key, &msg_ops, &o);

	if (rv == CKR_OK)
		*op = &o->op;
	return rv;
}
