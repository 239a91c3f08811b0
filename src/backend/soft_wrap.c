/* SPDX-License-Identifier: Apache-2.0 */
/* AES key wrap without and with padding (RFC 3394, RFC 5649), for keys and for data, and RSA_AES_KEY_WRAP on top of it. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "backend/soft_sym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/der.h"
#include "crypto/libctx.h"

/* A key encrypting key with the mechanism's form and initial value. Borrows the key. */
struct kw {
	const uint8_t *key;
	size_t key_len;
	bool kwp;
	bool has_iv;
	uint8_t iv[8];
};

/* What a call says of a wrong length and of data that do not open. */
struct codes {
	CK_RV len, bad;
};

static const struct codes enc_codes = { CKR_DATA_LEN_RANGE, CKR_FUNCTION_FAILED }; /* any data can be wrapped: only libcrypto fails */
static const struct codes dec_codes = { CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID };
static const struct codes wrap_codes = { CKR_KEY_SIZE_RANGE, CKR_FUNCTION_FAILED };
static const struct codes unwrap_codes = { CKR_WRAPPED_KEY_LEN_RANGE, CKR_WRAPPED_KEY_INVALID };

#define DATA_MAX ((size_t)1 << 30) /* bytes: libcrypto counts in int */

static CK_RV kw_set(struct kw *k, const struct hz_mech *m, const struct hz_key *key)
{
	size_t iv_len;

	k->key = key->secret;
	k->key_len = key->secret_len;
	k->kwp = m->type == CKM_AES_KEY_WRAP_KWP;
	iv_len = k->kwp ? 4 : 8;
	k->has_iv = m->param != NULL;
	if (k->has_iv && m->param_len != iv_len)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "the initial value has %zu bytes or is left out", iv_len);
	if (k->has_iv)
		memcpy(k->iv, m->param, iv_len);
	return CKR_OK;
}

/* RFC 3394: two blocks of 8 bytes or more; RFC 5649: any number of bytes but none. */
static bool plain_len_ok(bool kwp, size_t n)
{
	return n <= DATA_MAX && (kwp ? n >= 1 : n >= 16 && n % 8 == 0);
}

static bool wrapped_len_ok(bool kwp, size_t n)
{
	return n <= DATA_MAX && n % 8 == 0 && n >= (kwp ? 16u : 24u);
}

static size_t wrapped_len(size_t n)
{
	return (n + 7) / 8 * 8 + 8;
}

/* libcrypto's wrap cipher in one step. out has room for n + 16 bytes: a damaged blob is written in full before it is refused. */
static bool run(const struct kw *k, bool enc, const uint8_t *in, size_t n, uint8_t *out, size_t *out_len)
{
	EVP_CIPHER *cipher = hz_sym_aes(k->key_len, k->kwp ? "WRAP-PAD" : "WRAP");
	EVP_CIPHER_CTX *ctx = cipher != NULL ? EVP_CIPHER_CTX_new() : NULL;
	int got = 0;
	bool ok = false;

	if (ctx != NULL) {
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
		ok = EVP_CipherInit_ex2(ctx, cipher, k->key, k->has_iv ? k->iv : NULL, enc, NULL) == 1 &&
		     EVP_CipherUpdate(ctx, out, &got, in, (int)n) == 1 && got > 0;
	}
	EVP_CIPHER_CTX_free(ctx);
	*out_len = ok ? (size_t)got : 0;
	return ok;
}

/* Wrap or unwrap into *out (made secret by the caller where it must be). */
static CK_RV kw_run(const struct kw *k, bool enc, const struct codes *c, const uint8_t *in, size_t n, struct hz_buf *out)
{
	size_t start = out->len, got;
	uint8_t *p;

	if (!(enc ? plain_len_ok(k->kwp, n) : wrapped_len_ok(k->kwp, n)))
		return hz_fail(c->len, "AES key wrap of %zu bytes", n);
	p = hz_buf_room(out, n + 16);
	if (p == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	if (!run(k, enc, in, n, p, &got)) {
		(void)hz_ossl_reason();
		hz_wipe(p, n + 16);
		out->len = start;
		return hz_fail(c->bad, "AES key wrap: %s", enc ? "libcrypto failed" : "the integrity check failed");
	}
	out->len = start + got;
	return CKR_OK;
}

/* ---- encryption and decryption of data, in one part ---- */

struct kw_op {
	struct hz_op op;
	struct kw kw;
	bool enc;
	struct hz_key *key;
};

static size_t kw_max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	(void)phase;
	if (((const struct kw_op *)op)->enc)
		return in_len <= DATA_MAX ? wrapped_len(in_len) : 0;
	return in_len >= 8 ? in_len - 8 : 0;
}

static CK_RV kw_once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct kw_op *o = (struct kw_op *)op;
	struct hz_buf b = HZ_BUF_SECRET;
	CK_RV rv = kw_run(&o->kw, o->enc, o->enc ? &enc_codes : &dec_codes, in, in_len, &b);

	*out_len = 0;
	if (rv == CKR_OK) {
		memcpy(out, b.p, b.len);
		*out_len = b.len;
	}
	hz_buf_free(&b);
	return rv;
}

static CK_RV kw_rearm(struct hz_op *op, const struct hz_mech *m)
{
	struct kw_op *o = (struct kw_op *)op;

	return kw_set(&o->kw, m, o->key);
}

static void kw_free(struct hz_op *op)
{
	free(op);
}

static const struct hz_op_ops kw_ops = {
	.max_out = kw_max_out,
	.once = kw_once,
	.rearm = kw_rearm,
	.free = kw_free,
};

static CK_RV kw_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	struct kw_op *o = calloc(1, sizeof *o);
	CK_RV rv;

	if (o == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	o->op.ops = &kw_ops;
	o->enc = kind == HZ_OP_ENCRYPT;
	o->key = key;
	rv = kw_set(&o->kw, m, key);
	if (rv != CKR_OK) {
		free(o);
		return rv;
	}
	*op = &o->op;
	return CKR_OK;
}

/* ---- wrapping of keys ---- */

/* What is wrapped: the value of a secret key, the PKCS #8 form of a private one (3.1 section 6.13.13). */
static CK_RV plain_key(const struct hz_key *target, struct hz_buf *out)
{
	if (target->cls == CKO_PRIVATE_KEY)
		return hz_soft_pkcs8(target, out);
	if (target->cls != CKO_SECRET_KEY)
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, "public keys are not wrapped");
	hz_buf_add(out, target->secret, target->secret_len);
	return out->failed ? hz_fail(CKR_HOST_MEMORY, "no secret memory for a key") : CKR_OK;
}

/* SoftHSM2 fills a private key up with zeros to whole blocks before AES key wrap, with padding or without: they are no part of the key. */
static size_t without_fill(const struct hz_buf *plain)
{
	struct hz_reader r = hz_rd(plain->p, plain->len), whole;
	uint8_t fill = 0;

	if (!hz_der_any(&r, &whole) || r.left > 7)
		return plain->len;
	for (size_t i = 0; i < r.left; i++)
		fill |= r.p[i];
	return fill == 0 ? plain->len - r.left : plain->len;
}

/* The new object's value from what was unwrapped. A value that its template's type cannot have is the blob's fault. */
static CK_RV made_key(struct hz_attrs *made, const struct hz_buf *plain)
{
	CK_RV rv;

	if (hz_attrs_ulong(made, CKA_CLASS, CKO_SECRET_KEY) == CKO_PRIVATE_KEY)
		rv = hz_soft_from_pkcs8(plain->p, without_fill(plain), made);
	else
		rv = hz_soft_set_secret(made, plain->p, plain->len);
	return rv == CKR_KEY_SIZE_RANGE ? hz_fail(CKR_WRAPPED_KEY_INVALID, "the wrapped value is no key of that type") : rv;
}

static CK_RV kw_wrap(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	struct hz_buf plain = HZ_BUF_SECRET;
	struct kw k;
	CK_RV rv = kw_set(&k, m, wrapping);

	if (rv == CKR_OK)
		rv = plain_key(target, &plain);
	if (rv == CKR_OK)
		rv = kw_run(&k, true, &wrap_codes, plain.p, plain.len, out);
	hz_buf_free(&plain);
	return rv;
}

static CK_RV kw_wrap_len(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len)
{
	struct hz_buf plain = HZ_BUF_SECRET;
	struct kw k;
	CK_RV rv = kw_set(&k, m, wrapping);

	if (rv == CKR_OK)
		rv = plain_key(target, &plain);
	if (rv == CKR_OK && !plain_len_ok(k.kwp, plain.len))
		rv = hz_fail(CKR_KEY_SIZE_RANGE, "AES key wrap of %zu bytes", plain.len);
	if (rv == CKR_OK)
		*len = wrapped_len(plain.len);
	hz_buf_free(&plain);
	return rv;
}

static CK_RV kw_unwrap(const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len, struct hz_attrs *made)
{
	struct hz_buf plain = HZ_BUF_SECRET;
	struct kw k;
	CK_RV rv = kw_set(&k, m, unwrapping);

	if (rv == CKR_OK)
		rv = kw_run(&k, false, &unwrap_codes, in, len, &plain);
	if (rv == CKR_OK)
		rv = made_key(made, &plain);
	hz_buf_free(&plain);
	return rv;
}

/* ---- RSA_AES_KEY_WRAP (3.1 section 6.1.18): RSA-OAEP(fresh AES key) | KWP(AES key, target) ---- */

static CK_RV rsa_params(const struct hz_mech *m, const CK_RSA_AES_KEY_WRAP_PARAMS **p)
{
	*p = m->param;
	if (*p == NULL || m->param_len != sizeof **p || (*p)->pOAEPParams == NULL)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "RSA_AES_KEY_WRAP needs its parameter structure");
	if ((*p)->ulAESKeyBits != 128 && (*p)->ulAESKeyBits != 192 && (*p)->ulAESKeyBits != 256)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "%lu AES key bits", (*p)->ulAESKeyBits);
	return CKR_OK;
}

/* RSA-OAEP as the table has it, in one step; out has room for the modulus. */
static CK_RV oaep(enum hz_op_kind kind, const CK_RSA_AES_KEY_WRAP_PARAMS *p, struct hz_key *rsa, const uint8_t *in, size_t n,
		  uint8_t *out, size_t room, size_t *out_len)
{
	const struct hz_soft_mech *row = hz_soft_mech_find(CKM_RSA_PKCS_OAEP);
	struct hz_mech m = { .type = CKM_RSA_PKCS_OAEP, .param = p->pOAEPParams, .param_len = sizeof *p->pOAEPParams };
	struct hz_op *op = NULL;
	CK_RV rv;

	if (row == NULL)
		return hz_fail(CKR_MECHANISM_INVALID, "no RSA-OAEP here");
	rv = row->begin(kind, &m, rsa, &op);
	if (rv != CKR_OK)
		return rv;
	if (op->ops->max_out(op, HZ_ONCE, n) > room)
		rv = hz_fail(CKR_KEY_SIZE_RANGE, "the RSA key is too long");
	else
		rv = op->ops->once(op, in, n, out, out_len);
	op->ops->free(op);
	return rv;
}

static size_t modulus_len(const struct hz_key *rsa)
{
	int n = EVP_PKEY_get_size(rsa->pkey);

	return n > 0 ? (size_t)n : 0;
}

static CK_RV rsa_wrap(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	const CK_RSA_AES_KEY_WRAP_PARAMS *p;
	struct hz_buf plain = HZ_BUF_SECRET;
	uint8_t *aes = NULL, *head;
	size_t n = modulus_len(wrapping), got = 0;
	struct kw k;
	CK_RV rv = rsa_params(m, &p);

	if (rv == CKR_OK)
		rv = plain_key(target, &plain);
	if (rv != CKR_OK)
		goto out;
	aes = hz_secmem_alloc(p->ulAESKeyBits / 8);
	head = hz_buf_room(out, n);
	if (aes == NULL || head == NULL || !hz_random(aes, p->ulAESKeyBits / 8)) {
		rv = hz_fail(CKR_HOST_MEMORY, "no memory or no random bytes");
		goto out;
	}
	rv = oaep(HZ_OP_ENCRYPT, p, wrapping, aes, p->ulAESKeyBits / 8, head, n, &got);
	if (rv == CKR_OK && got != n)
		rv = hz_fail(CKR_FUNCTION_FAILED, "RSA gave %zu bytes of %zu", got, n);
	if (rv == CKR_OK) {
		k = (struct kw){ .key = aes, .key_len = p->ulAESKeyBits / 8, .kwp = true };
		rv = kw_run(&k, true, &wrap_codes, plain.p, plain.len, out);
	}
out:
	hz_secmem_free(aes);
	hz_buf_free(&plain);
	return rv;
}

static CK_RV rsa_wrap_len(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len)
{
	const CK_RSA_AES_KEY_WRAP_PARAMS *p;
	struct hz_buf plain = HZ_BUF_SECRET;
	CK_RV rv = rsa_params(m, &p);

	if (rv == CKR_OK)
		rv = plain_key(target, &plain);
	if (rv == CKR_OK && !plain_len_ok(true, plain.len))
		rv = hz_fail(CKR_KEY_SIZE_RANGE, "a key of %zu bytes cannot be wrapped", plain.len);
	if (rv == CKR_OK)
		*len = modulus_len(wrapping) + wrapped_len(plain.len);
	hz_buf_free(&plain);
	return rv;
}

/* Whatever is wrong inside has one answer, so that the RSA part is no oracle. */
static CK_RV rsa_unwrap(const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len, struct hz_attrs *made)
{
	const CK_RSA_AES_KEY_WRAP_PARAMS *p;
	struct hz_buf plain = HZ_BUF_SECRET;
	uint8_t *aes = NULL;
	size_t n = modulus_len(unwrapping), got = 0;
	struct kw k;
	CK_RV rv = rsa_params(m, &p);

	if (rv != CKR_OK)
		return rv;
	if (len < n || !wrapped_len_ok(true, len - n))
		return hz_fail(CKR_WRAPPED_KEY_LEN_RANGE, "%zu bytes are not an RSA block and a wrapped key", len);
	aes = hz_secmem_alloc(n + 1);
	if (aes == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no secret memory for a key");
	rv = oaep(HZ_OP_DECRYPT, p, unwrapping, in, n, aes, n, &got);
	if (rv == CKR_OK && got != p->ulAESKeyBits / 8)
		rv = CKR_ENCRYPTED_DATA_INVALID;
	if (rv == CKR_OK) {
		k = (struct kw){ .key = aes, .key_len = got, .kwp = true };
		rv = kw_run(&k, false, &unwrap_codes, in + n, len - n, &plain);
	}
	if (rv != CKR_OK && rv != CKR_HOST_MEMORY && rv != CKR_MECHANISM_PARAM_INVALID && rv != CKR_MECHANISM_INVALID)
		rv = hz_fail(CKR_WRAPPED_KEY_INVALID, "the wrapped key cannot be opened");
	if (rv == CKR_OK)
		rv = made_key(made, &plain);
	hz_secmem_free(aes);
	hz_buf_free(&plain);
	return rv;
}

#define KW(t) \
	{ \
		.row = { .type = (t), \
			 .info = { 16, 32, CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP }, \
			 .key_types = { CKK_AES, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, \
			 .made_class = HZ_NO_KEY_TYPE }, \
		.begin = kw_begin, .wrap = kw_wrap, .wrap_len = kw_wrap_len, .unwrap = kw_unwrap, \
	}

const struct hz_soft_mech hz_soft_wrap[] = {
	KW(CKM_AES_KEY_WRAP),
	KW(CKM_AES_KEY_WRAP_KWP),
	{
		.row = { .type = CKM_RSA_AES_KEY_WRAP,
			 .info = { 2048, 8192, CKF_WRAP | CKF_UNWRAP },
			 .key_types = { CKK_RSA, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE },
			 .made_class = HZ_NO_KEY_TYPE },
		.wrap = rsa_wrap, .wrap_len = rsa_wrap_len, .unwrap = rsa_unwrap,
	},
	{ .begin = NULL },
};
