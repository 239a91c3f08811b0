/* SPDX-License-Identifier: Apache-2.0 */
/* AES without authentication: ECB, CBC, CBC with PKCS #7 padding, CTR (3.1 section 6.13). */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "backend/soft_sym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"

#define BLOCK 16u

enum mode { ECB, CBC, CBC_PAD, CTR };

/*
 * Partial blocks are held here and not in libcrypto, which also pads nothing for us: so the number of bytes each step gives is known
 * beforehand, and a padding is checked in constant time.
 */
struct cipher_op {
	struct hz_op op;
	EVP_CIPHER_CTX *ctx; /* keyed for good */
	enum mode mode;
	bool enc;
	unsigned have;       /* bytes in buf; a full block while decrypting with padding, until more comes */
	uint8_t buf[BLOCK];
	uint64_t left;       /* CTR: bytes until the counter bits are used up */
};

static struct cipher_op *self(struct hz_op *op)
{
	return (struct cipher_op *)op;
}

static CK_RV failed(void)
{
	return hz_fail(CKR_FUNCTION_FAILED, "AES: %s", hz_ossl_reason());
}

static CK_RV bad_length(const struct cipher_op *o)
{
	if (o->enc)
		return hz_fail(CKR_DATA_LEN_RANGE, "the data is not a whole number of blocks");
	return hz_fail(CKR_ENCRYPTED_DATA_LEN_RANGE, "the ciphertext is not a whole number of blocks");
}

/* The one answer to everything that can be wrong with a padded ciphertext, so that none of it can be told apart. */
static CK_RV bad_padding(void)
{
	return hz_fail(CKR_ENCRYPTED_DATA_INVALID, "the ciphertext cannot be decrypted");
}

/* How many of `total` bytes stay behind after an update. */
static size_t keep(const struct cipher_op *o, size_t total)
{
	size_t part = total % BLOCK;

	return o->mode == CBC_PAD && !o->enc && part == 0 && total != 0 ? BLOCK : part;
}

static size_t cipher_max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	const struct cipher_op *o = (const struct cipher_op *)op;
	size_t total = in_len <= SIZE_MAX - BLOCK ? o->have + in_len : in_len; /* no buffer is that large: any number will do */

	if (o->mode == CTR)
		return phase == HZ_FINAL ? 0 : in_len;
	if (phase == HZ_UPDATE)
		return total - keep(o, total);
	if (o->mode != CBC_PAD)
		return phase == HZ_FINAL ? 0 : in_len;
	if (phase == HZ_FINAL)
		return BLOCK;
	return o->enc ? total - total % BLOCK + BLOCK : in_len;
}

/* Whole blocks from the held bytes and `in` (which must not be overwritten by out), then the rest is held. */
static bool run_blocks(struct cipher_op *o, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_n)
{
	if (o->have > 0 && out_n > 0) {
		size_t take = BLOCK - o->have;

		if (take > 0)
			memcpy(o->buf + o->have, in, take);
		if (!hz_evp_run(o->ctx, o->buf, BLOCK, out))
			return false;
		in += take;
		in_len -= take;
		out += BLOCK;
		out_n -= BLOCK;
		o->have = 0;
	}
	if (out_n > 0 && !hz_evp_run(o->ctx, in, out_n, out))
		return false;
	if (in_len > out_n)
		memcpy(o->buf + o->have, in + out_n, in_len - out_n);
	o->have += (unsigned)(in_len - out_n);
	return true;
}

static CK_RV update_blocks(struct cipher_op *o, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	size_t total, out_n;
	uint8_t *copy;
	const uint8_t *from;
	bool ok;

	*out_len = 0;
	if (in_len > SIZE_MAX - BLOCK)
		return bad_length(o);
	total = o->have + in_len;
	out_n = total - keep(o, total);
	from = hz_sym_settle(in, in_len, out, out_n, o->have != 0, &copy);
	if (from == NULL && in_len != 0)
		return hz_fail(CKR_HOST_MEMORY, "no memory for overlapping buffers");
	ok = run_blocks(o, from, in_len, out, out_n);
	hz_sym_release(copy, in_len);
	if (!ok)
		return failed();
	*out_len = out_n;
	return CKR_OK;
}

static CK_RV update_ctr(struct cipher_op *o, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	uint8_t *copy;
	const uint8_t *from;
	bool ok;

	*out_len = 0;
	if (in_len > o->left)
		return hz_fail(o->enc ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE, "the counter bits would wrap");
	from = hz_sym_settle(in, in_len, out, in_len, false, &copy);
	if (from == NULL && in_len != 0)
		return hz_fail(CKR_HOST_MEMORY, "no memory for overlapping buffers");
	ok = hz_evp_run(o->ctx, from, in_len, out);
	hz_sym_release(copy, in_len);
	if (!ok)
		return failed();
	if (o->left != UINT64_MAX)
		o->left -= in_len;
	*out_len = in_len;
	return CKR_OK;
}

static CK_RV cipher_update(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct cipher_op *o = self(op);

	return o->mode == CTR ? update_ctr(o, in, in_len, out, out_len) : update_blocks(o, in, in_len, out, out_len);
}

static CK_RV pad_last(struct cipher_op *o, uint8_t *out, size_t *out_len)
{
	memset(o->buf + o->have, (int)(BLOCK - o->have), BLOCK - o->have);
	o->have = 0;
	if (!hz_evp_run(o->ctx, o->buf, BLOCK, out))
		return failed();
	*out_len = BLOCK;
	return CKR_OK;
}

/* Length of the padding of a last block, or 0 when it is malformed; the time does not depend on the bytes. */
static unsigned padding(const uint8_t block[BLOCK])
{
	unsigned n = block[BLOCK - 1], bad = 0;

	for (unsigned i = 0; i < BLOCK; i++) {
		unsigned in_pad = (i - n) >> 31; /* 1 when i < n; both are small */

		bad |= (0u - in_pad) & (block[BLOCK - 1 - i] ^ n);
	}
	bad |= (n - 1) >> 31 | (BLOCK - n) >> 31;
	return n & (((bad - 1) >> 31) * 0xffu); /* bad - 1 borrows only for bad == 0 */
}

static CK_RV unpad_last(struct cipher_op *o, uint8_t *out, size_t *out_len)
{
	uint8_t block[BLOCK];
	unsigned n;

	if (o->have != BLOCK)
		return bad_padding();
	o->have = 0;
	if (!hz_evp_run(o->ctx, o->buf, BLOCK, block))
		return failed();
	n = padding(block);
	if (n != 0) {
		memcpy(out, block, BLOCK - n);
		*out_len = BLOCK - n;
	}
	hz_wipe(block, sizeof block);
	return n != 0 ? CKR_OK : bad_padding();
}

static CK_RV cipher_final(struct hz_op *op, uint8_t *out, size_t *out_len)
{
	struct cipher_op *o = self(op);

	*out_len = 0;
	if (o->mode == CBC_PAD)
		return o->enc ? pad_last(o, out, out_len) : unpad_last(o, out, out_len);
	return o->have == 0 ? CKR_OK : bad_length(o);
}

static CK_RV cipher_once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct cipher_op *o = self(op);
	size_t first, last = 0;
	CK_RV rv;

	*out_len = 0;
	if (in_len % BLOCK != 0 && o->mode != CTR && !(o->mode == CBC_PAD && o->enc))
		return o->mode == CBC_PAD ? bad_padding() : bad_length(o);
	rv = cipher_update(op, in, in_len, out, &first);
	if (rv == CKR_OK)
		rv = cipher_final(op, out + first, &last);
	if (rv == CKR_OK)
		*out_len = first + last;
	else if (!o->enc)
		hz_wipe(out, first);
	return rv;
}

/*
 * Bytes until the counter bits return to zero: 16 for each value that they still have before them. 2^58 blocks and more are as good as
 * endless, and so is a counter of the whole block: there nothing lies beyond it that a carry could change.
 */
static uint64_t bytes_left(const CK_AES_CTR_PARAMS *p)
{
	uint64_t blocks = 0;

	if (p->ulCounterBits == 8 * BLOCK)
		return UINT64_MAX;
	for (unsigned i = (unsigned)p->ulCounterBits; i-- > 0;) {
		unsigned bit = p->cb[BLOCK - 1 - i / 8] >> i % 8 & 1;

		if (blocks >> 57 != 0)
			return UINT64_MAX;
		blocks = 2 * blocks + (1 - bit);
	}
	return (blocks + 1) * BLOCK;
}

static CK_RV set_iv(struct cipher_op *o, const struct hz_mech *m)
{
	const uint8_t *iv = NULL;
	CK_AES_CTR_PARAMS ctr;

	if (o->mode == ECB) {
		CK_RV rv = hz_sym_no_param(m);

		if (rv != CKR_OK)
			return rv;
	} else if (m->param == NULL || m->param_len != (o->mode == CTR ? sizeof ctr : BLOCK)) {
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "the parameter has %lu bytes", m->param_len);
	} else if (o->mode == CTR) {
		memcpy(&ctr, m->param, sizeof ctr);
		if (ctr.ulCounterBits < 1 || ctr.ulCounterBits > 128)
			return hz_fail(CKR_MECHANISM_PARAM_INVALID, "%lu counter bits", ctr.ulCounterBits);
		o->left = bytes_left(&ctr);
		iv = ctr.cb;
	} else {
		iv = m->param;
	}
	o->have = 0;
	if (EVP_CipherInit_ex2(o->ctx, NULL, NULL, iv, -1, NULL) != 1)
		return failed();
	return CKR_OK;
}

static CK_RV cipher_rearm(struct hz_op *op, const struct hz_mech *m)
{
	return set_iv(self(op), m);
}

static void cipher_free(struct hz_op *op)
{
	EVP_CIPHER_CTX_free(self(op)->ctx);
	hz_wipe(self(op), sizeof(struct cipher_op));
	free(op);
}

static const struct hz_op_ops cipher_ops = {
	.max_out = cipher_max_out,
	.once = cipher_once,
	.update = cipher_update,
	.final = cipher_final,
	.rearm = cipher_rearm,
	.free = cipher_free,
};

static const char *const mode_names[] = { [ECB] = "ECB", [CBC] = "CBC", [CBC_PAD] = "CBC", [CTR] = "CTR" };

static enum mode mode_of(CK_MECHANISM_TYPE type)
{
	switch (type) {
	case CKM_AES_ECB: return ECB;
	case CKM_AES_CBC: return CBC;
	case CKM_AES_CBC_PAD: return CBC_PAD;
	default: return CTR;
	}
}

static CK_RV cipher_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	struct cipher_op *o = calloc(1, sizeof *o);
	EVP_CIPHER *cipher;
	CK_RV rv;

	if (o == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no memory for a cipher");
	o->op.ops = &cipher_ops;
	o->mode = mode_of(m->type);
	o->enc = kind == HZ_OP_ENCRYPT;
	o->ctx = EVP_CIPHER_CTX_new();
	cipher = hz_sym_aes(key->secret_len, mode_names[o->mode]);
	if (o->ctx == NULL || cipher == NULL || EVP_CipherInit_ex2(o->ctx, cipher, key->secret, NULL, o->enc, NULL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(o->ctx, 0) != 1)
		rv = failed();
	else
		rv = set_iv(o, m);
	if (rv != CKR_OK) {
		cipher_free(&o->op);
		return rv;
	}
	*op = &o->op;
	return CKR_OK;
}

#define CIPHER(t) \
	{ \
		.row = { .type = (t), \
			 .info = { 16, 32, CKF_ENCRYPT | CKF_DECRYPT }, \
			 .key_types = { CKK_AES, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, \
			 .made_class = HZ_NO_KEY_TYPE }, \
		.begin = cipher_begin, \
	}

const struct hz_soft_mech hz_soft_cipher[] = {
	CIPHER(CKM_AES_ECB), CIPHER(CKM_AES_CBC), CIPHER(CKM_AES_CBC_PAD), CIPHER(CKM_AES_CTR),
	{ .begin = NULL },
};
