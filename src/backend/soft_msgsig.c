/* SPDX-License-Identifier: Apache-2.0 */
/* Signature schemes that need the whole message at once: parts are collected, then libcrypto signs or verifies. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "backend/soft_asym.h"
#include "base/error.h"
#include "crypto/libctx.h"

struct msgsig {
	struct hz_op base;
	struct hz_key *key;
	enum hz_op_kind kind;
	size_t sig_len;
	hz_msg_take take;
	struct hz_msg_opts opts;
	EVP_MD_CTX *ctx;
	struct hz_buf parts;
	bool used; /* ctx has signed or verified */
};

static struct msgsig *msg_of(struct hz_op *op)
{
	return (struct msgsig *)(void *)op;
}

/* Parameters that this libcrypto's signature has no name for would be ignored by it; they must be refused here. */
static bool knows(EVP_PKEY_CTX *pctx, const char *name)
{
	const OSSL_PARAM *all = EVP_PKEY_CTX_settable_params(pctx);

	return all != NULL && OSSL_PARAM_locate_const(all, name) != NULL;
}

static bool set_opts(EVP_PKEY_CTX *pctx, const struct hz_msg_opts *o)
{
	OSSL_PARAM p[5];
	size_t n = 0;
	int one = 1, zero = 0;

	if (o->instance != NULL)
		p[n++] = OSSL_PARAM_construct_utf8_string("instance", (char *)(uintptr_t)o->instance, 0);
	if (o->context_len != 0)
		p[n++] = OSSL_PARAM_construct_octet_string("context-string", (void *)(uintptr_t)o->context, o->context_len);
	if (o->deterministic)
		p[n++] = OSSL_PARAM_construct_int("deterministic", &one);
	if (o->raw)
		p[n++] = OSSL_PARAM_construct_int("message-encoding", &zero);
	p[n] = OSSL_PARAM_construct_end();
	for (size_t i = 0; i < n; i++)
		if (!knows(pctx, p[i].key))
			return false;
	return n == 0 || EVP_PKEY_CTX_set_params(pctx, p) == 1;
}

EVP_MD_CTX *hz_msg_ctx(const struct hz_key *key, bool verify, const struct hz_msg_opts *opts, CK_RV *rv)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	int ok = 0;

	if (ctx != NULL)
		ok = verify ? EVP_DigestVerifyInit_ex(ctx, &pctx, NULL, hz_libctx(), NULL, key->pkey, NULL)
			    : EVP_DigestSignInit_ex(ctx, &pctx, NULL, hz_libctx(), NULL, key->pkey, NULL);
	if (ok != 1)
		*rv = hz_fail(CKR_FUNCTION_FAILED, "signature context: %s", hz_ossl_reason());
	else if (!set_opts(pctx, opts))
		*rv = hz_fail(CKR_MECHANISM_PARAM_INVALID, "this libcrypto lacks the variant: %s", hz_ossl_reason());
	else
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

static size_t max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	const struct msgsig *s = (const struct msgsig *)(const void *)op;

	(void)in_len;
	return phase == HZ_UPDATE || s->kind == HZ_OP_VERIFY ? 0 : s->sig_len;
}

static CK_RV once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct msgsig *s = msg_of(op);
	uint8_t sig[HZ_MSG_SIG]; /* the message is read twice: it must not be where the signature goes */
	size_t n = sizeof sig;

	s->used = true;
	if (EVP_DigestSign(s->ctx, sig, &n, in_len != 0 ? in : (const uint8_t *)"", in_len) != 1 || n != s->sig_len)
		return hz_fail(CKR_FUNCTION_FAILED, "signature: %s", hz_ossl_reason());
	memcpy(out, sig, n);
	*out_len = n;
	return CKR_OK;
}

static CK_RV verify(struct hz_op *op, const uint8_t *in, size_t in_len, const uint8_t *sig, size_t sig_len)
{
	struct msgsig *s = msg_of(op);

	if (sig_len != s->sig_len)
		return hz_fail(CKR_SIGNATURE_LEN_RANGE, "a signature of %zu bytes, not %zu", sig_len, s->sig_len);
	s->used = true;
	if (EVP_DigestVerify(s->ctx, sig, sig_len, in_len != 0 ? in : (const uint8_t *)"", in_len) != 1)
		return hz_fail(CKR_SIGNATURE_INVALID, "the signature is not valid %s", hz_ossl_reason());
	return CKR_OK;
}

static CK_RV update(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct msgsig *s = msg_of(op);

	(void)out;
	if (out_len != NULL)
		*out_len = 0;
	hz_buf_add(&s->parts, in, in_len);
	return s->parts.failed ? hz_fail(CKR_HOST_MEMORY, "message parts: out of memory") : CKR_OK;
}

static CK_RV final(struct hz_op *op, uint8_t *out, size_t *out_len)
{
	return once(op, msg_of(op)->parts.p, msg_of(op)->parts.len, out, out_len);
}

static CK_RV verify_final(struct hz_op *op, const uint8_t *sig, size_t sig_len)
{
	return verify(op, msg_of(op)->parts.p, msg_of(op)->parts.len, sig, sig_len);
}

static bool same(const struct hz_msg_opts *a, const struct hz_msg_opts *b)
{
	return a->instance == b->instance && a->context_len == b->context_len && a->deterministic == b->deterministic &&
	       a->raw == b->raw && memcmp(a->context, b->context, a->context_len) == 0;
}

static CK_RV rearm(struct hz_op *op, const struct hz_mech *m)
{
	struct msgsig *s = msg_of(op);
	struct hz_msg_opts o;
	CK_RV rv;

	memset(&o, 0, sizeof o);
	rv = s->take(m, s->key, s->kind, &o);
	if (rv != CKR_OK)
		return rv;
	hz_buf_clear(&s->parts);
	/* 3.0 lets a context sign again and again; later versions end it with the first signature. */
	if (same(&o, &s->opts) && (!s->used || OPENSSL_version_major() < 3 || OPENSSL_version_minor() == 0))
		return CKR_OK;
	EVP_MD_CTX_free(s->ctx);
	s->opts = o;
	s->used = false;
	s->ctx = hz_msg_ctx(s->key, s->kind == HZ_OP_VERIFY, &s->opts, &rv);
	return rv;
}

static void msg_free(struct hz_op *op)
{
	struct msgsig *s = msg_of(op);

	EVP_MD_CTX_free(s->ctx);
	hz_buf_free(&s->parts);
	free(s);
}

static const struct hz_op_ops ops = {
	.max_out = max_out, .once = once, .update = update, .final = final, .verify = verify, .verify_final = verify_final,
	.rearm = rearm, .free = msg_free,
};

CK_RV hz_msgsig_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, size_t sig_len, hz_msg_take take,
		      struct hz_op **op)
{
	CK_RV rv = hz_key_is(key, kind == HZ_OP_VERIFY ? CKO_PUBLIC_KEY : CKO_PRIVATE_KEY);
	struct msgsig *s;

	if (rv != CKR_OK)
		return rv;
	if (kind != HZ_OP_SIGN && kind != HZ_OP_VERIFY)
		return hz_fail(CKR_MECHANISM_INVALID, "the mechanism signs and verifies only");
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	s->base.ops = &ops;
	s->key = key;
	s->kind = kind;
	s->sig_len = sig_len;
	s->take = take;
	rv = take(m, key, kind, &s->opts);
	if (rv == CKR_OK)
		s->ctx = hz_msg_ctx(key, kind == HZ_OP_VERIFY, &s->opts, &rv);
	if (rv != CKR_OK) {
		msg_free(&s->base);
		return rv;
	}
	*op = &s->base;
	return CKR_OK;
}
