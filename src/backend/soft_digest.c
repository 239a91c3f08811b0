/* SPDX-License-Identifier: Apache-2.0 */
/* Digests: SHA-1, SHA-2, SHA-3, Keccak-256, and their saved states. */
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backend/soft_sym.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/secmem.h"
#include "crypto/libctx.h"
#include "hanzo-pkcs11.h"

struct digest_op {
	struct hz_op op;
	struct hz_hash *h; /* secret memory: C_DigestKey puts key bytes into it */
};

static struct digest_op *self(struct hz_op *op)
{
	return (struct digest_op *)op;
}

static size_t digest_max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	(void)in_len;
	return phase == HZ_UPDATE ? 0 : hz_hash_len(((const struct digest_op *)op)->h->id);
}

static CK_RV digest_update(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	(void)out;
	hz_hash_update(self(op)->h, in, in_len);
	if (out_len != NULL)
		*out_len = 0;
	return CKR_OK;
}

static CK_RV digest_final(struct hz_op *op, uint8_t *out, size_t *out_len)
{
	hz_hash_final(self(op)->h, out);
	*out_len = hz_hash_len(self(op)->h->id);
	return CKR_OK;
}

static CK_RV digest_once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	hz_hash_update(self(op)->h, in, in_len);
	return digest_final(op, out, out_len);
}

static CK_RV digest_rearm(struct hz_op *op, const struct hz_mech *m)
{
	CK_RV rv = hz_sym_no_param(m);

	if (rv == CKR_OK)
		hz_hash_init(self(op)->h, self(op)->h->id);
	return rv;
}

static void digest_free(struct hz_op *op)
{
	hz_secmem_free(self(op)->h);
	free(op);
}

/*
 * A saved state = nonce (12) | AES-256-GCM under a key that only this process has (struct hz_hash) | tag (16). After C_DigestKey the
 * state holds bytes of the key, and C_GetOperationState would otherwise hand out a key that is CKA_SENSITIVE. It may be restored
 * any number of times, in any session, as long as the process lives.
 */
enum { NONCE = 12, TAG = 16, STATE = NONCE + (int)sizeof(struct hz_hash) + TAG };

/* The process's key. Never changed once published: a forked child, where the pages of `key` read as zeros, publishes its own. */
struct seal {
	unsigned gen;
	uint8_t *key; /* 32 bytes of secret memory */
};

static _Atomic(struct seal *) seal;

static struct seal *seal_new(void)
{
	struct seal *s = malloc(sizeof *s);

	if (s == NULL)
		return NULL;
	s->gen = hz_fork_gen();
	s->key = hz_secmem_alloc(32);
	if (s->key != NULL && hz_random(s->key, 32))
		return s;
	hz_secmem_free(s->key);
	free(s);
	return NULL;
}

/* Without a lock, which a fork could leave held for ever. */
static const struct seal *seal_get(void)
{
	struct seal *s = atomic_load(&seal), *fresh;

	if (s != NULL && s->gen == hz_fork_gen())
		return s;
	fresh = seal_new();
	if (fresh == NULL)
		return NULL;
	if (atomic_compare_exchange_strong(&seal, &s, fresh)) {
		hz_secmem_keep(true);
		return fresh;
	}
	hz_secmem_free(fresh->key);
	free(fresh);
	return s; /* another thread was faster */
}

static EVP_CIPHER_CTX *state_ctx(const uint8_t *nonce, int enc)
{
	EVP_CIPHER *gcm = hz_cipher("AES-256-GCM");
	const struct seal *s = seal_get();
	EVP_CIPHER_CTX *ctx = gcm != NULL && s != NULL ? EVP_CIPHER_CTX_new() : NULL;

	if (ctx != NULL && EVP_CipherInit_ex2(ctx, gcm, s->key, nonce, enc, NULL) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static CK_RV digest_save(const struct hz_op *op, uint8_t *out, size_t *out_len)
{
	const struct hz_hash *h = ((const struct digest_op *)op)->h;
	EVP_CIPHER_CTX *ctx;
	int n = 0;
	bool ok;

	if (out == NULL || *out_len < STATE) {
		CK_RV rv = out == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;

		*out_len = STATE;
		return rv;
	}
	ctx = hz_random(out, NONCE) ? state_ctx(out, 1) : NULL;
	ok = ctx != NULL && EVP_EncryptUpdate(ctx, out + NONCE, &n, (const uint8_t *)h, (int)sizeof *h) == 1 &&
	     EVP_EncryptFinal_ex(ctx, out + NONCE + n, &n) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + STATE - TAG) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		return hz_fail(CKR_FUNCTION_FAILED, "saving a digest: %s", hz_ossl_reason());
	*out_len = STATE;
	return CKR_OK;
}

static bool open_state(const uint8_t *in, struct hz_hash *h)
{
	uint8_t tag[TAG];
	EVP_CIPHER_CTX *ctx = state_ctx(in, 0);
	int n = 0;
	bool ok;

	memcpy(tag, in + STATE - TAG, TAG);
	ok = ctx != NULL && EVP_DecryptUpdate(ctx, (uint8_t *)h, &n, in + NONCE, (int)sizeof *h) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 && EVP_DecryptFinal_ex(ctx, (uint8_t *)h + n, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

static CK_RV digest_restore(struct hz_op *op, const uint8_t *in, size_t in_len)
{
	struct hz_hash h;
	CK_RV rv = CKR_OK;

	if (in_len != STATE || !open_state(in, &h)) {
		(void)hz_ossl_reason();
		rv = hz_fail(CKR_SAVED_STATE_INVALID, "not a state that this process saved");
	} else if (h.id != self(op)->h->id) {
		rv = hz_fail(CKR_SAVED_STATE_INVALID, "the saved state is another digest's");
	} else {
		*self(op)->h = h;
	}
	hz_wipe(&h, sizeof h);
	return rv;
}

static const struct hz_op_ops digest_ops = {
	.max_out = digest_max_out,
	.once = digest_once,
	.update = digest_update,
	.final = digest_final,
	.rearm = digest_rearm,
	.save = digest_save,
	.restore = digest_restore,
	.free = digest_free,
};

static CK_RV digest_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	const struct hz_sym_hash *hash = hz_sym_by_digest(m->type);
	struct digest_op *d;
	CK_RV rv = hz_sym_no_param(m);

	(void)key;
	if (rv != CKR_OK)
		return rv;
	if (kind != HZ_OP_DIGEST || hash == NULL)
		return hz_fail(CKR_MECHANISM_INVALID, "mechanism 0x%lx digests only", m->type);
	d = calloc(1, sizeof *d);
	if (d == NULL || (d->h = hz_secmem_alloc(sizeof *d->h)) == NULL) {
		free(d);
		return hz_fail(CKR_HOST_MEMORY, "no memory for a digest");
	}
	d->op.ops = &digest_ops;
	hz_hash_init(d->h, hash->id);
	*op = &d->op;
	return CKR_OK;
}

#define DIGEST(t) \
	{ \
		.row = { .type = (t), \
			 .info = { 0, 0, CKF_DIGEST }, \
			 .key_types = { HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, \
			 .made_class = HZ_NO_KEY_TYPE }, \
		.begin = digest_begin, \
	}

const struct hz_soft_mech hz_soft_digest[] = {
	DIGEST(CKM_SHA_1),    DIGEST(CKM_SHA224),   DIGEST(CKM_SHA256),   DIGEST(CKM_SHA384),
	DIGEST(CKM_SHA512),   DIGEST(CKM_SHA512_224), DIGEST(CKM_SHA512_256), DIGEST(CKM_SHA3_224),
	DIGEST(CKM_SHA3_256), DIGEST(CKM_SHA3_384), DIGEST(CKM_SHA3_512), DIGEST(CKM_HANZO_KECCAK256),
	{ .begin = NULL },
};
