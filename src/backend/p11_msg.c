/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message-based AEAD (PKCS#11 3.1 section 5.10) on devices of version 2.40: each message is one C_Encrypt or C_Decrypt there, its IV made
 * here where the caller wants that, its tag taken apart. Messages in parts are not offered.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/p11_int.h"
#include "backend/soft_aead.h"
#include "base/error.h"

struct messages {
	struct hz_soft_aead a; /* algorithm, direction, key and what the generators remember; no context */
};

/* A parameter of version 2.40 for the message. */
union param {
	CK_GCM_PARAMS gcm;
	CK_CCM_PARAMS ccm;
	CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha;
};

static void classic(const struct hz_soft_aead *o, const struct hz_aead_msg *m, uint8_t *iv, const uint8_t *aad, size_t aad_len,
		    size_t in_len, union param *p, struct hz_mech *mech)
{
	uint8_t *a = aad_len != 0 ? (uint8_t *)(uintptr_t)aad : NULL;

	*mech = (struct hz_mech){ .param = p };
	switch (o->alg) {
	case HZ_GCM:
		p->gcm = (CK_GCM_PARAMS){ iv, m->iv_len, 8 * m->iv_len, a, aad_len, 8 * m->tag_len };
		mech->type = CKM_AES_GCM;
		mech->param_len = sizeof p->gcm;
		break;
	case HZ_CCM:
		p->ccm = (CK_CCM_PARAMS){ in_len, iv, m->iv_len, a, aad_len, m->tag_len };
		mech->type = CKM_AES_CCM;
		mech->param_len = sizeof p->ccm;
		break;
	case HZ_CHACHA20_POLY1305:
		p->chacha = (CK_SALSA20_CHACHA20_POLY1305_PARAMS){ iv, m->iv_len, a, aad_len };
		mech->type = CKM_CHACHA20_POLY1305;
		mech->param_len = sizeof p->chacha;
		break;
	}
}

static CK_RV on_device(struct hz_soft_aead *o, const struct hz_mech *mech, const struct hz_buf *in, struct hz_buf *out, size_t room)
{
	static const uint8_t nothing[1];
	struct hz_op *op = NULL;
	size_t n = room;
	CK_RV rv = hz_p11_stream(o->enc ? HZ_OP_ENCRYPT : HZ_OP_DECRYPT, mech, o->key, &op);

	if (rv != CKR_OK)
		return rv;
	rv = hz_buf_room(out, room + 1) != NULL
		     ? op->ops->once(op, in->len != 0 ? in->p : nothing, in->len, out->p, &n) : hz_fail(CKR_HOST_MEMORY, "out of memory");
	op->ops->free(op);
	if (rv == CKR_OK && n != room)
		rv = hz_fail(CKR_DEVICE_ERROR, "%zu bytes of output where %zu must be", n, room);
	return rv;
}

bool hz_p11_wrong_tag(CK_RV rv)
{
	return rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE || rv == CKR_SIGNATURE_INVALID ||
	       rv == CKR_AEAD_DECRYPT_FAILED;
}

/* PKCS#11 3.0 has one code for it. */
static CK_RV opened(CK_RV rv)
{
	return hz_p11_wrong_tag(rv) ? hz_fail(CKR_AEAD_DECRYPT_FAILED, "the tag does not match") : rv;
}

static CK_RV encrypt(struct hz_soft_aead *o, const struct hz_mech *mech, const struct hz_aead_msg *m, struct hz_buf *in, uint8_t *out,
		     size_t *out_len)
{
	struct hz_buf made = HZ_BUF_INIT;
	size_t n = in->len;
	CK_RV rv = on_device(o, mech, in, &made, n + m->tag_len);

	if (rv == CKR_OK) {
		if (n != 0)
			memcpy(out, made.p, n);
		memcpy(m->tag, made.p + n, m->tag_len);
		*out_len = n;
	}
	hz_buf_free(&made);
	return rv;
}

static CK_RV decrypt(struct hz_soft_aead *o, const struct hz_mech *mech, const struct hz_aead_msg *m, struct hz_buf *in, uint8_t *out,
		     size_t *out_len)
{
	struct hz_buf made = HZ_BUF_SECRET;
	size_t n = in->len;
	CK_RV rv;

	hz_buf_add(in, m->tag, m->tag_len);
	rv = in->failed ? hz_fail(CKR_HOST_MEMORY, "out of memory") : opened(on_device(o, mech, in, &made, n));
	if (rv == CKR_OK) {
		if (n != 0)
			memcpy(out, made.p, n);
		*out_len = n;
	}
	hz_buf_free(&made);
	return rv;
}

static CK_RV message(struct hz_op *op, void *param, CK_ULONG param_len, const uint8_t *aad, size_t aad_len, const uint8_t *in,
		     size_t in_len, uint8_t *out, size_t *out_len)
{
	struct hz_soft_aead *o = &((struct messages *)(void *)op)->a;
	struct hz_buf copy = HZ_BUF_SECRET;
	uint8_t iv[HZ_AEAD_IV_MAX];
	struct hz_aead_msg m;
	struct hz_mech mech;
	union param p;
	bool made;
	CK_RV rv = hz_aead_msg_read(o, param, param_len, &m);

	*out_len = 0;
	if (rv != CKR_OK)
		return rv;
	if (m.iv_len > sizeof iv)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "message parameter: an IV of %zu bytes", m.iv_len);
	made = o->enc && m.generator != CKG_NO_GENERATE;
	memcpy(iv, m.iv, m.iv_len);
	if (made)
		rv = hz_aead_msg_iv(o, &m, iv);
	if (rv != CKR_OK)
		return rv;
	hz_buf_add(&copy, in, in_len); /* in and out may be one buffer */
	classic(o, &m, iv, aad, aad_len, in_len, &p, &mech);
	rv = copy.failed ? hz_fail(CKR_HOST_MEMORY, "out of memory")
	   : o->enc	 ? encrypt(o, &mech, &m, &copy, out, out_len)
			 : decrypt(o, &mech, &m, &copy, out, out_len);
	if (rv == CKR_OK && made)
		memcpy(m.iv, iv, m.iv_len);
	hz_buf_free(&copy);
	return rv;
}

static size_t max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	(void)op;
	return phase == HZ_FINAL ? 0 : in_len;
}

static void messages_free(struct hz_op *op)
{
	free(op);
}

static const struct hz_op_ops message_ops = { .max_out = max_out, .message = message, .free = messages_free };

CK_RV hz_p11_messages(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	struct messages *o = calloc(1, sizeof *o);

	if (o == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	if (!hz_soft_aead_alg(m->type, &o->a.alg)) {
		free(o);
		return hz_fail(CKR_MECHANISM_INVALID, "mechanism 0x%lx has no messages", m->type);
	}
	o->a.op.ops = &message_ops;
	o->a.enc = kind == HZ_OP_MSG_ENCRYPT;
	o->a.key = key;
	*op = &o->a.op;
	return CKR_OK;
}
