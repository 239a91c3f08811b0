/* SPDX-License-Identifier: Apache-2.0 */
/* AES-GCM, AES-CCM and ChaCha20-Poly1305 with the parameter at C_EncryptInit: one-shot and multi-part, tag after the ciphertext. */
#include <stdlib.h>
#include <string.h>

#include "backend/soft_aead.h"
#include "backend/soft_sym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"

CK_RV hz_soft_aead_failed(void)
{
	return hz_fail(CKR_FUNCTION_FAILED, "authenticated encryption: %s", hz_ossl_reason());
}

bool hz_soft_aead_alg(CK_MECHANISM_TYPE type, enum hz_aead_alg *alg)
{
	switch (type) {
	case CKM_AES_GCM: *alg = HZ_GCM; return true;
	case CKM_AES_CCM: *alg = HZ_CCM; return true;
	case CKM_CHACHA20_POLY1305: *alg = HZ_CHACHA20_POLY1305; return true;
	default: return false;
	}
}

static struct hz_soft_aead *self(struct hz_op *op)
{
	return (struct hz_soft_aead *)op;
}

static bool read_gcm(const struct hz_mech *m, struct hz_aead_start *s)
{
	const CK_GCM_PARAMS *p = m->param;

	if (m->param_len != sizeof *p || p->ulTagBits % 8 != 0 || p->ulTagBits > 128)
		return false;
	*s = (struct hz_aead_start){ p->pIv, p->ulIvLen, p->pAAD, p->ulAADLen, p->ulTagBits / 8, 0 };
	return true;
}

static bool read_ccm(const struct hz_mech *m, struct hz_aead_start *s)
{
	const CK_CCM_PARAMS *p = m->param;

	if (m->param_len != sizeof *p)
		return false;
	*s = (struct hz_aead_start){ p->pNonce, p->ulNonceLen, p->pAAD, p->ulAADLen, p->ulMACLen, p->ulDataLen };
	return true;
}

static bool read_chacha(const struct hz_mech *m, struct hz_aead_start *s)
{
	const CK_SALSA20_CHACHA20_POLY1305_PARAMS *p = m->param;

	if (m->param_len != sizeof *p)
		return false;
	*s = (struct hz_aead_start){ p->pNonce, p->ulNonceLen, p->pAAD, p->ulAADLen, HZ_AEAD_TAG_MAX, 0 };
	return true;
}

/* Begin a message with the parameter in m. */
static CK_RV set_param(struct hz_soft_aead *o, const struct hz_mech *m)
{
	struct hz_aead_start s;
	bool ok = false;

	if (m->param != NULL) {
		switch (o->alg) {
		case HZ_GCM: ok = read_gcm(m, &s); break;
		case HZ_CCM: ok = read_ccm(m, &s); break;
		case HZ_CHACHA20_POLY1305: ok = read_chacha(m, &s); break;
		}
	}
	if (!ok)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "mechanism 0x%lx needs its parameter structure", m->type);
	o->tag_len = s.tag_len;
	o->left = o->alg == HZ_CCM ? s.data_len : UINT64_MAX;
	o->have = 0;
	if (!hz_aead_start(o->aead, &s)) {
		(void)hz_ossl_reason();
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "the IV or tag has a length that the mechanism does not take");
	}
	return CKR_OK;
}

CK_RV hz_soft_aead_crypt(struct hz_soft_aead *o, const uint8_t *in, size_t n, uint8_t *out)
{
	if (n > o->left)
		return hz_fail(o->enc ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE, "more data than ulDataLen announced");
	if (o->left != UINT64_MAX)
		o->left -= n;
	return hz_aead_update(o->aead, in, n, out) ? CKR_OK : hz_soft_aead_failed();
}

CK_RV hz_soft_aead_end(struct hz_soft_aead *o)
{
	if (o->alg == HZ_CCM && o->left != 0)
		return hz_fail(o->enc ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE, "less data than ulDataLen announced");
	return CKR_OK;
}

/* ---- encryption ---- */

static size_t encrypt_max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	size_t tag = ((const struct hz_soft_aead *)op)->tag_len;

	if (phase == HZ_UPDATE)
		return in_len;
	if (phase == HZ_FINAL)
		return tag;
	return in_len <= SIZE_MAX - tag ? in_len + tag : in_len;
}

static CK_RV encrypt_update(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	uint8_t *copy;
	const uint8_t *from = hz_sym_settle(in, in_len, out, in_len, false, &copy);
	CK_RV rv;

	*out_len = 0;
	if (from == NULL && in_len != 0)
		return hz_fail(CKR_HOST_MEMORY, "no memory for overlapping buffers");
	rv = hz_soft_aead_crypt(self(op), from, in_len, out);
	hz_sym_release(copy, in_len);
	if (rv == CKR_OK)
		*out_len = in_len;
	return rv;
}

static CK_RV encrypt_final(struct hz_op *op, uint8_t *out, size_t *out_len)
{
	struct hz_soft_aead *o = self(op);
	CK_RV rv = hz_soft_aead_end(o);

	*out_len = 0;
	if (rv != CKR_OK)
		return rv;
	if (!hz_aead_tag(o->aead, out))
		return hz_soft_aead_failed();
	*out_len = o->tag_len;
	return CKR_OK;
}

static CK_RV encrypt_once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	size_t tag;
	CK_RV rv = encrypt_update(op, in, in_len, out, out_len);

	if (rv != CKR_OK)
		return rv;
	rv = encrypt_final(op, out + *out_len, &tag);
	*out_len = rv == CKR_OK ? *out_len + tag : 0;
	return rv;
}

/* ---- decryption: the last tag_len bytes seen are held back, because they may be the tag ---- */

static size_t decrypt_max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	const struct hz_soft_aead *o = (const struct hz_soft_aead *)op;
	size_t total = in_len <= SIZE_MAX - HZ_AEAD_TAG_MAX ? o->have + in_len : in_len;

	if (phase == HZ_FINAL)
		return 0;
	return total > o->tag_len ? total - o->tag_len : 0;
}

static CK_RV bad_tag(void)
{
	(void)hz_ossl_reason();
	return hz_fail(CKR_ENCRYPTED_DATA_INVALID, "the tag does not match");
}

/* out_n bytes from the held ones and `in` go out, the rest is held. */
static CK_RV decrypt_parts(struct hz_soft_aead *o, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_n)
{
	size_t old = out_n < o->have ? out_n : o->have;
	CK_RV rv = hz_soft_aead_crypt(o, o->held, old, out);

	if (rv == CKR_OK)
		rv = hz_soft_aead_crypt(o, in, out_n - old, out + old);
	if (rv != CKR_OK)
		return rv;
	o->have -= old;
	memmove(o->held, o->held + old, o->have);
	if (in_len > out_n - old)
		memcpy(o->held + o->have, in + (out_n - old), in_len - (out_n - old));
	o->have += in_len - (out_n - old);
	return CKR_OK;
}

static CK_RV decrypt_update(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct hz_soft_aead *o = self(op);
	size_t out_n = decrypt_max_out(op, HZ_UPDATE, in_len);
	uint8_t *copy;
	const uint8_t *from = hz_sym_settle(in, in_len, out, out_n, o->have != 0, &copy);
	CK_RV rv;

	*out_len = 0;
	if (from == NULL && in_len != 0)
		return hz_fail(CKR_HOST_MEMORY, "no memory for overlapping buffers");
	rv = decrypt_parts(o, from, in_len, out, out_n);
	hz_sym_release(copy, in_len);
	if (rv == CKR_OK)
		*out_len = out_n;
	return rv;
}

static CK_RV decrypt_final(struct hz_op *op, uint8_t *out, size_t *out_len)
{
	struct hz_soft_aead *o = self(op);
	CK_RV rv;

	(void)out;
	*out_len = 0;
	if (o->have != o->tag_len)
		return hz_fail(CKR_ENCRYPTED_DATA_LEN_RANGE, "the ciphertext is shorter than its tag");
	rv = hz_soft_aead_end(o);
	if (rv != CKR_OK)
		return rv;
	return hz_aead_check(o->aead, o->held) ? CKR_OK : bad_tag();
}

/* Nothing unauthenticated leaves a one-shot call. */
static CK_RV decrypt_once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	size_t released, none;
	CK_RV rv = decrypt_update(op, in, in_len, out, &released);

	*out_len = 0;
	if (rv == CKR_OK)
		rv = decrypt_final(op, NULL, &none);
	if (rv == CKR_OK)
		*out_len = released;
	else if (released != 0)
		hz_wipe(out, released);
	return rv;
}

static CK_RV aead_rearm(struct hz_op *op, const struct hz_mech *m)
{
	return set_param(self(op), m);
}

void hz_soft_aead_free(struct hz_op *op)
{
	hz_aead_free(self(op)->aead);
	hz_wipe(op, sizeof(struct hz_soft_aead));
	free(op);
}

static const struct hz_op_ops encrypt_ops = {
	.max_out = encrypt_max_out,
	.once = encrypt_once,
	.update = encrypt_update,
	.final = encrypt_final,
	.rearm = aead_rearm,
	.free = hz_soft_aead_free,
};

static const struct hz_op_ops decrypt_ops = {
	.max_out = decrypt_max_out,
	.once = decrypt_once,
	.update = decrypt_update,
	.final = decrypt_final,
	.rearm = aead_rearm,
	.free = hz_soft_aead_free,
};

CK_RV hz_soft_aead_new(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, const struct hz_op_ops *ops,
		       struct hz_soft_aead **out)
{
	struct hz_soft_aead *o = calloc(1, sizeof *o);

	if (o == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no memory for a cipher");
	o->op.ops = ops;
	o->enc = kind == HZ_OP_ENCRYPT || kind == HZ_OP_MSG_ENCRYPT;
	o->key = key;
	if (hz_soft_aead_alg(m->type, &o->alg))
		o->aead = hz_aead_new(o->alg, key->secret, key->secret_len, o->enc);
	if (o->aead == NULL) {
		hz_soft_aead_free(&o->op);
		return hz_soft_aead_failed();
	}
	*out = o;
	return CKR_OK;
}

static CK_RV aead_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	struct hz_soft_aead *o;
	CK_RV rv;

	if (kind == HZ_OP_MSG_ENCRYPT || kind == HZ_OP_MSG_DECRYPT)
		return hz_soft_aead_messages(kind, m, key, op);
	rv = hz_soft_aead_new(kind, m, key, kind == HZ_OP_ENCRYPT ? &encrypt_ops : &decrypt_ops, &o);
	if (rv != CKR_OK)
		return rv;
	rv = set_param(o, m);
	if (rv != CKR_OK) {
		hz_soft_aead_free(&o->op);
		return rv;
	}
	*op = &o->op;
	return CKR_OK;
}

#define AEAD_FLAGS (CKF_ENCRYPT | CKF_DECRYPT | CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE)
#define AEAD(t, kt, min, max) \
	{ \
		.row = { .type = (t), \
			 .info = { (min), (max), AEAD_FLAGS }, \
			 .key_types = { (kt), HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, \
			 .made_class = HZ_NO_KEY_TYPE }, \
		.begin = aead_begin, \
	}

const struct hz_soft_mech hz_soft_aead[] = {
	AEAD(CKM_AES_GCM, CKK_AES, 16, 32),
	AEAD(CKM_AES_CCM, CKK_AES, 16, 32),
	AEAD(CKM_CHACHA20_POLY1305, CKK_CHACHA20, 32, 32),
	{ .begin = NULL },
};
