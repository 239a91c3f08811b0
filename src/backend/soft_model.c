/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CKM_HANZO_MODEL_WEIGHTS: model weights files (crypto/model.h) by C_Encrypt and C_Decrypt, at once and in parts. The AES key wraps the
 * file key and nothing else, so that it may lie in a device while the bulk is worked off here.
 */
#include "crypto/model.h"

#include <stdlib.h>
#include <string.h>

#include "backend/soft_sym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"

enum { IV = 12, GCM_WRAPPED = IV + HZ_MODEL_KEY + HZ_MODEL_TAG, KWP_WRAPPED = HZ_MODEL_KEY + 8 };

struct model_op {
	struct hz_op op;
	struct hz_key *key;
	bool enc;
	uint16_t wrap_alg;       /* encryption: how the file key will be wrapped */
	struct hz_model *stream; /* NULL: the header is still to be written, or read to its end */
	uint8_t head[HZ_MODEL_HEADER_MAX];
	size_t head_have;        /* decryption: of the header, while it is not complete */
};

static struct model_op *self(struct hz_op *op)
{
	return (struct model_op *)op;
}

static CK_RV refuse(const char *why)
{
	return hz_fail(CKR_ENCRYPTED_DATA_INVALID, "model weights: %s", why);
}

/* ---- the file key under the AES key ---- */

static CK_RV crypt_here(struct hz_key *key, bool enc, const struct hz_mech *m, const uint8_t *in, size_t len, uint8_t *out, size_t *out_len)
{
	const struct hz_soft_mech *row = hz_soft_mech_find(m->type);
	struct hz_op *op = NULL;
	CK_RV rv = row->begin(enc ? HZ_OP_ENCRYPT : HZ_OP_DECRYPT, m, key, &op);

	if (rv != CKR_OK)
		return rv;
	rv = op->ops->once(op, in, len, out, out_len);
	op->ops->free(op);
	return rv;
}

/* Between the file key and its wrapped form (GCM: without the IV). */
static CK_RV under_key(struct model_op *o, bool enc, uint16_t alg, const uint8_t *iv, const uint8_t *aad, size_t aad_len,
		       const uint8_t *in, size_t len, uint8_t *out, size_t want)
{
	CK_GCM_PARAMS gcm = { (CK_BYTE *)(uintptr_t)iv, IV, 8 * IV, (CK_BYTE *)(uintptr_t)aad, aad_len, 8 * HZ_MODEL_TAG };
	struct hz_mech m = { .type = CKM_AES_KEY_WRAP_KWP };
	uint8_t *room = hz_secmem_alloc(want + HZ_MODEL_TAG);
	size_t n = want + HZ_MODEL_TAG;
	CK_RV rv;

	if (room == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	if (alg == HZ_MODEL_GCM) {
		m.type = CKM_AES_GCM;
		m.param = &gcm;
		m.param_len = sizeof gcm;
	}
	rv = o->key->remote != NULL ? o->key->remote->wrap(o->key, enc, &m, in, len, room, &n) : crypt_here(o->key, enc, &m, in, len, room, &n);
	if (rv == CKR_OK && n != want)
		rv = enc ? hz_fail(CKR_DEVICE_ERROR, "a wrapped file key of %zu bytes", n) : refuse("the wrapped key is no file key");
	if (rv == CKR_OK)
		memcpy(out, room, want);
	hz_secmem_free(room);
	return rv;
}

/* wrapped: GCM_WRAPPED bytes. */
static CK_RV wrap(struct model_op *o, const struct hz_buf *m, const uint8_t file_key[HZ_MODEL_KEY], uint8_t *wrapped, size_t *len)
{
	if (o->wrap_alg == HZ_MODEL_KWP) {
		*len = KWP_WRAPPED;
		return under_key(o, true, HZ_MODEL_KWP, NULL, NULL, 0, file_key, HZ_MODEL_KEY, wrapped, KWP_WRAPPED);
	}
	*len = GCM_WRAPPED;
	if (!hz_random(wrapped, IV))
		return hz_fail(CKR_FUNCTION_FAILED, "no random bytes: %s", hz_ossl_reason());
	return under_key(o, true, HZ_MODEL_GCM, wrapped, m->p, m->len, file_key, HZ_MODEL_KEY, wrapped + IV, GCM_WRAPPED - IV);
}

static CK_RV unwrap(struct model_op *o, const struct hz_model_header *h, uint8_t file_key[HZ_MODEL_KEY])
{
	const bool gcm = h->wrap_alg == HZ_MODEL_GCM;
	CK_RV rv;

	if ((!gcm && h->wrap_alg != HZ_MODEL_KWP) || h->wrapped_len != (gcm ? (size_t)GCM_WRAPPED : (size_t)KWP_WRAPPED))
		return refuse("the file key is not wrapped for a key of this kind");
	rv = gcm ? under_key(o, false, HZ_MODEL_GCM, h->wrapped, o->head, h->m_len, h->wrapped + IV, GCM_WRAPPED - IV, file_key, HZ_MODEL_KEY)
		 : under_key(o, false, HZ_MODEL_KWP, NULL, NULL, 0, h->wrapped, KWP_WRAPPED, file_key, HZ_MODEL_KEY);
	if (rv == CKR_ENCRYPTED_DATA_LEN_RANGE || rv == CKR_ENCRYPTED_DATA_INVALID)
		return refuse("the file key does not open with this key");
	return rv;
}

/* ---- the header ---- */

/* What a header says of the key: its keyspace and version, or nothing and 0. Without rotation a keyspace has its first version. */
static void describe(const struct hz_key *key, struct hz_model_header *h)
{
	const struct hz_attr *at = hz_attrs_find(&key->attrs, CKA_HANZO_KEYSPACE);

	*h = (struct hz_model_header){ .chunk_log2 = HZ_MODEL_LOG2_DEFAULT };
	if (at == NULL || at->len == 0)
		return;
	h->keyspace = at->value;
	h->keyspace_len = at->len;
	h->key_version = (uint32_t)hz_attrs_ulong(&key->attrs, CKA_HANZO_KEY_VERSION, 1);
}

static size_t header_len(const struct model_op *o)
{
	struct hz_model_header h;

	describe(o->key, &h);
	return hz_model_header_len(h.keyspace_len, o->wrap_alg == HZ_MODEL_KWP ? KWP_WRAPPED : GCM_WRAPPED);
}

static CK_RV make_header(struct model_op *o, const uint8_t file_key[HZ_MODEL_KEY], struct hz_buf *out)
{
	uint8_t wrapped[GCM_WRAPPED];
	struct hz_model_header h;
	size_t len = 0;
	CK_RV rv;

	describe(o->key, &h);
	h.wrap_alg = o->wrap_alg;
	if (!hz_model_header_begin(out, &h))
		return hz_fail(CKR_HOST_MEMORY, "model weights: no header");
	rv = wrap(o, out, file_key, wrapped, &len);
	if (rv == CKR_OK && !hz_model_header_end(out, wrapped, len, file_key))
		rv = hz_fail(CKR_HOST_MEMORY, "model weights: no header");
	return rv;
}

static CK_RV begin_file(struct model_op *o, uint8_t *out, size_t *out_len)
{
	struct hz_buf head = HZ_BUF_INIT;
	uint8_t *file_key = hz_secmem_alloc(HZ_MODEL_KEY);
	CK_RV rv = CKR_OK;

	*out_len = 0;
	if (file_key == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	if (!hz_random(file_key, HZ_MODEL_KEY))
		rv = hz_fail(CKR_FUNCTION_FAILED, "no random bytes: %s", hz_ossl_reason());
	if (rv == CKR_OK)
		rv = make_header(o, file_key, &head);
	if (rv == CKR_OK)
		rv = hz_model_new(true, file_key, HZ_MODEL_LOG2_DEFAULT, &o->stream);
	if (rv == CKR_OK) {
		memcpy(out, head.p, head.len);
		*out_len = head.len;
	}
	hz_secmem_free(file_key);
	hz_buf_free(&head);
	return rv;
}

static CK_RV open_file(struct model_op *o, const struct hz_model_header *h)
{
	struct hz_model_header own;
	uint8_t *file_key;
	CK_RV rv;

	describe(o->key, &own);
	if (h->keyspace_len != own.keyspace_len || (own.keyspace_len != 0 && memcmp(h->keyspace, own.keyspace, own.keyspace_len) != 0))
		return refuse("the file belongs to another keyspace");
	file_key = hz_secmem_alloc(HZ_MODEL_KEY);
	if (file_key == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	rv = unwrap(o, h, file_key);
	if (rv == CKR_OK)
		rv = hz_model_header_check(o->head, h, file_key);
	if (rv == CKR_OK)
		rv = hz_model_new(false, file_key, h->chunk_log2, &o->stream);
	hz_secmem_free(file_key);
	return rv;
}

/* Take as much of the header as there is; *used bytes of in. With its last byte o->stream comes to be. */
static CK_RV take_header(struct model_op *o, const uint8_t *in, size_t in_len, size_t *used)
{
	struct hz_model_header h;
	size_t need, n;
	CK_RV rv;

	for (*used = 0;; *used += n) {
		rv = hz_model_header_read(o->head, o->head_have, &h, &need);
		if (rv != CKR_OK || need == 0)
			break;
		n = need - o->head_have < in_len - *used ? need - o->head_have : in_len - *used;
		if (n == 0)
			return CKR_OK;
		memcpy(o->head + o->head_have, in + *used, n);
		o->head_have += n;
	}
	return rv == CKR_OK ? open_file(o, &h) : rv;
}

/* ---- lengths ---- */

static size_t encrypt_len(const struct hz_op *op, enum hz_phase phase, size_t n)
{
	const struct model_op *o = (const struct model_op *)op;
	size_t head = o->stream == NULL ? header_len(o) : 0;

	if (n > SIZE_MAX / 2)
		return n; /* no buffer is that large: any number will do */
	if (phase == HZ_ONCE)
		return head + hz_model_total_len(true, HZ_MODEL_LOG2_DEFAULT, n);
	if (phase == HZ_FINAL)
		return head + (o->stream != NULL ? hz_model_final_len(o->stream) : HZ_MODEL_TAG);
	return head + (o->stream != NULL ? hz_model_update_len(o->stream, n) : hz_model_first_len(true, HZ_MODEL_LOG2_DEFAULT, n));
}

/* Whatever the file says of itself. */
static size_t decrypt_max_out(const struct hz_op *op, enum hz_phase phase, size_t n)
{
	const struct model_op *o = (const struct model_op *)op;

	if (o->stream == NULL)
		return phase == HZ_FINAL ? 0 : n;
	return phase == HZ_FINAL ? hz_model_final_len(o->stream) : hz_model_update_len(o->stream, n);
}

/* By the header as it stands there: nothing is given out for one that turns out to be wrong. */
static size_t decrypt_need(const struct hz_op *op, enum hz_phase phase, const uint8_t *in, size_t n)
{
	const struct model_op *o = (const struct model_op *)op;
	uint8_t head[HZ_MODEL_HEADER_MAX];
	size_t more = sizeof head - o->head_have < n ? sizeof head - o->head_have : n, need;
	struct hz_model_header h;

	if (o->stream != NULL || phase == HZ_FINAL)
		return decrypt_max_out(op, phase, n);
	memcpy(head, o->head, o->head_have);
	memcpy(head + o->head_have, in, more);
	if (hz_model_header_read(head, o->head_have + more, &h, &need) != CKR_OK || need != 0)
		return 0;
	n -= h.len - o->head_have;
	return phase == HZ_ONCE ? hz_model_total_len(false, h.chunk_log2, n) : hz_model_first_len(false, h.chunk_log2, n);
}

/* ---- steps ---- */

static CK_RV encrypt_update(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct model_op *o = self(op);
	size_t head = 0, n = 0;
	uint8_t *copy;
	const uint8_t *from = hz_sym_settle(in, in_len, out, encrypt_len(op, HZ_UPDATE, in_len), true, &copy);
	CK_RV rv = CKR_OK;

	*out_len = 0;
	if (from == NULL && in_len != 0)
		return hz_fail(CKR_HOST_MEMORY, "no memory for overlapping buffers");
	if (o->stream == NULL)
		rv = begin_file(o, out, &head);
	if (rv == CKR_OK)
		rv = hz_model_update(o->stream, from, in_len, out + head, &n);
	hz_sym_release(copy, in_len);
	if (rv == CKR_OK)
		*out_len = head + n;
	return rv;
}

static CK_RV encrypt_final(struct hz_op *op, uint8_t *out, size_t *out_len)
{
	struct model_op *o = self(op);
	size_t head = 0, n = 0;
	CK_RV rv = CKR_OK;

	*out_len = 0;
	if (o->stream == NULL)
		rv = begin_file(o, out, &head);
	if (rv == CKR_OK)
		rv = hz_model_final(o->stream, out + head, &n);
	if (rv == CKR_OK)
		*out_len = head + n;
	return rv;
}

/* The room was told by a header that lay in the caller's memory then; what is taken of it later may say something else. */
static const char changed[] = "the file changed while it was read";

static CK_RV decrypt_update(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct model_op *o = self(op);
	size_t used = 0, room = *out_len;
	uint8_t *copy;
	const uint8_t *from = hz_sym_settle(in, in_len, out, room, true, &copy);
	CK_RV rv = CKR_OK;

	*out_len = 0;
	if (from == NULL && in_len != 0)
		return hz_fail(CKR_HOST_MEMORY, "no memory for overlapping buffers");
	if (o->stream == NULL)
		rv = take_header(o, from, in_len, &used);
	if (rv == CKR_OK && o->stream != NULL)
		rv = hz_model_update_len(o->stream, in_len - used) <= room
			     ? hz_model_update(o->stream, from + used, in_len - used, out, out_len) : refuse(changed);
	hz_sym_release(copy, in_len);
	return rv;
}

static CK_RV decrypt_final(struct hz_op *op, uint8_t *out, size_t *out_len)
{
	struct model_op *o = self(op);
	size_t room = *out_len;

	*out_len = 0;
	if (o->stream == NULL)
		return refuse("the file ends in its header");
	return hz_model_final_len(o->stream) <= room ? hz_model_final(o->stream, out, out_len) : refuse(changed);
}

/* A file at once: all of it, or nothing stays in the output. */
static CK_RV decrypt_once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	size_t room = *out_len, first = room, last;
	CK_RV rv = decrypt_update(op, in, in_len, out, &first);

	*out_len = 0;
	last = room - first;
	if (rv == CKR_OK)
		rv = decrypt_final(op, out + first, &last);
	if (rv == CKR_OK)
		*out_len = first + last;
	else if (room != 0)
		hz_wipe(out, room);
	return rv;
}

/* ---- life ---- */

static CK_RV choose(struct model_op *o)
{
	const struct hz_remote *r = o->key->remote;

	o->wrap_alg = HZ_MODEL_GCM;
	if (!o->enc || r == NULL || r->may_wrap(o->key, true, CKM_AES_GCM) == CKR_OK)
		return CKR_OK;
	o->wrap_alg = HZ_MODEL_KWP;
	return r->may_wrap(o->key, true, CKM_AES_KEY_WRAP_KWP);
}

static void model_free(struct hz_op *op)
{
	hz_model_free(self(op)->stream);
	free(op);
}

/* No rearm: the key of a file and the rest of its text do not outlive the operation. */
static const struct hz_op_ops encrypt_ops = {
	.max_out = encrypt_len,
	.update = encrypt_update,
	.final = encrypt_final,
	.free = model_free,
};

static const struct hz_op_ops decrypt_ops = {
	.max_out = decrypt_max_out,
	.need = decrypt_need,
	.once = decrypt_once,
	.update = decrypt_update,
	.final = decrypt_final,
	.free = model_free,
};

static CK_RV check_key(const struct hz_key *key)
{
	size_t len = key->remote != NULL ? hz_attrs_ulong(&key->attrs, CKA_VALUE_LEN, HZ_MODEL_KEY) : key->secret_len;

	if (key->cls != CKO_SECRET_KEY || key->type != CKK_AES)
		return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "model weights need an AES key");
	return len == HZ_MODEL_KEY ? CKR_OK : hz_fail(CKR_KEY_SIZE_RANGE, "model weights need an AES key of 32 bytes");
}

static CK_RV begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	CK_RV rv = check_key(key);
	struct model_op *o;

	if (rv == CKR_OK)
		rv = hz_sym_no_param(m);
	if (rv != CKR_OK)
		return rv;
	o = calloc(1, sizeof *o);
	if (o == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	o->op.ops = kind == HZ_OP_ENCRYPT ? &encrypt_ops : &decrypt_ops;
	o->enc = kind == HZ_OP_ENCRYPT;
	o->key = key;
	rv = choose(o);
	if (rv != CKR_OK) {
		model_free(&o->op);
		return rv;
	}
	*op = &o->op;
	return CKR_OK;
}

const struct hz_soft_mech hz_soft_model[] = {
	{ .row = { CKM_HANZO_MODEL_WEIGHTS, { 32, 32, CKF_ENCRYPT | CKF_DECRYPT }, { CKK_AES, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, HZ_NO_KEY_TYPE },
	  .begin = begin },
	{ .begin = NULL },
};
