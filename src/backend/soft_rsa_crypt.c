/* SPDX-License-Identifier: Apache-2.0 */
/* RSA encryption, recovery and key transport: PKCS #1 v1.5, OAEP and the bare operation. */
#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "backend/soft_rsa.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"

enum { MAX_SIZE = 1024 };

struct rsa_crypt {
	struct hz_op base;
	struct hz_key *key;
	EVP_PKEY_CTX *pctx;
	enum hz_op_kind kind;
	CK_MECHANISM_TYPE mech;
	size_t k;             /* octets of the modulus */
	size_t overhead;      /* octets of it that padding takes */
	CK_MECHANISM_TYPE hash; /* OAEP */
	CK_RSA_PKCS_MGF_TYPE mgf;
	size_t label_len;
};

static struct rsa_crypt *crypt_of(struct hz_op *op)
{
	return (struct rsa_crypt *)(void *)op;
}

size_t hz_rsa_size(const struct hz_key *key)
{
	return ((size_t)key->bits + 7) / 8;
}

static size_t max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	const struct rsa_crypt *c = (const struct rsa_crypt *)(const void *)op;
	bool opens = c->kind == HZ_OP_DECRYPT || c->kind == HZ_OP_VERIFY_RECOVER;

	(void)in_len;
	(void)phase;
	return opens ? c->k - c->overhead : c->k;
}

/* ---- what goes in: encrypt, sign-recover ---- */

static CK_RV seal(struct rsa_crypt *c, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	uint8_t wide[MAX_SIZE];
	size_t n = c->k;
	const struct hz_attr *mod = hz_attrs_find(&c->key->attrs, CKA_MODULUS);
	int ok;

	if (in_len > c->k - c->overhead)
		return hz_fail(CKR_DATA_LEN_RANGE, "%zu bytes, at most %zu", in_len, c->k - c->overhead);
	if (c->mech == CKM_RSA_X_509) {
		memset(wide, 0, c->k - in_len);
		if (in_len != 0)
			memcpy(wide + c->k - in_len, in, in_len);
		in = wide;
		in_len = c->k;
		if (mod == NULL || mod->len != c->k || memcmp(wide, mod->value, c->k) >= 0) {
			hz_wipe(wide, sizeof wide);
			return hz_fail(CKR_DATA_INVALID, "the input is not below the modulus");
		}
	}
	if (c->kind == HZ_OP_ENCRYPT)
		ok = EVP_PKEY_encrypt(c->pctx, out, &n, in_len != 0 ? in : (const uint8_t *)"", in_len);
	else
		ok = EVP_PKEY_sign(c->pctx, out, &n, in, in_len);
	if (c->mech == CKM_RSA_X_509)
		hz_wipe(wide, sizeof wide);
	if (ok != 1)
		return hz_fail(CKR_FUNCTION_FAILED, "RSA: %s", hz_ossl_reason());
	*out_len = n;
	return CKR_OK;
}

/* ---- what comes out: decrypt, verify-recover ---- */

static uint32_t ct_is_zero(uint32_t v)
{
	return 0u - ((~v & (v - 1)) >> 31);
}

static uint32_t ct_less(uint32_t a, uint32_t b)
{
	return 0u - ((a - b) >> 31); /* both below 2^31 */
}

/* em moves left by `by` octets, whatever `by` is, with the same accesses. */
static void ct_shift_left(uint8_t *em, size_t len, uint32_t by)
{
	for (uint32_t step = 1; step < len; step <<= 1) {
		uint8_t mask = (uint8_t)~ct_is_zero(by & step);

		for (size_t i = 0; i + step < len; i++)
			em[i] = (uint8_t)((em[i] & (uint8_t)~mask) | (em[i + step] & mask));
	}
}

/*
 * RFC 8017 section 7.2.2: 00 02 PS(>= 8, no zero) 00 M. Whatever is wrong, the same work is done and one bit comes of it;
 * M is moved to the front of em.
 */
static bool open_v15(uint8_t *em, size_t k, size_t *len)
{
	uint32_t good = ct_is_zero(em[0]) & ct_is_zero(em[1] ^ 2u), at = 0, looking = ~0u;

	for (size_t i = 2; i < k; i++) {
		uint32_t here = ct_is_zero(em[i]) & looking;

		at |= here & (uint32_t)i;
		looking &= ~here;
	}
	good &= ~looking & ~ct_less(at, 10);
	ct_shift_left(em, k, at + 1);
	*len = (k - 1 - at) & good;
	return good != 0;
}

static CK_RV not_ours(const struct rsa_crypt *c)
{
	(void)hz_ossl_reason();
	return c->kind == HZ_OP_DECRYPT ? hz_fail(CKR_ENCRYPTED_DATA_INVALID, "RSA: the ciphertext does not open")
					: hz_fail(CKR_SIGNATURE_INVALID, "RSA: the signature is not valid");
}

static CK_RV unseal(struct rsa_crypt *c, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	uint8_t em[MAX_SIZE];
	size_t n = sizeof em;
	bool ok;

	if (in_len != c->k)
		return hz_fail(c->kind == HZ_OP_DECRYPT ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_SIGNATURE_LEN_RANGE,
			       "%zu bytes instead of %zu", in_len, c->k);
	if (c->kind == HZ_OP_DECRYPT) {
		ok = EVP_PKEY_decrypt(c->pctx, em, &n, in, in_len) == 1;
		if (ok && c->mech == CKM_RSA_PKCS)
			ok = n == c->k && open_v15(em, c->k, &n);
	} else {
		ok = EVP_PKEY_verify_recover(c->pctx, em, &n, in, in_len) == 1;
	}
	ok = ok && n <= c->k - c->overhead;
	if (ok) {
		memcpy(out, em, n);
		*out_len = n;
	}
	hz_wipe(em, sizeof em);
	return ok ? CKR_OK : not_ours(c);
}

static CK_RV once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct rsa_crypt *c = crypt_of(op);
	bool opens = c->kind == HZ_OP_DECRYPT || c->kind == HZ_OP_VERIFY_RECOVER;

	return opens ? unseal(c, in, in_len, out, out_len) : seal(c, in, in_len, out, out_len);
}

/* ---- the context ---- */

static bool set_oaep(struct rsa_crypt *c, const CK_RSA_PKCS_OAEP_PARAMS *p)
{
	void *label = NULL;

	if (EVP_PKEY_CTX_set_rsa_padding(c->pctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(c->pctx, hz_md_of_mech(p->hashAlg)) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(c->pctx, hz_md_of_mgf(p->mgf)) != 1)
		return false;
	if (p->ulSourceDataLen == 0)
		return true;
	label = OPENSSL_memdup(p->pSourceData, p->ulSourceDataLen);
	if (label == NULL || EVP_PKEY_CTX_set0_rsa_oaep_label(c->pctx, label, (int)p->ulSourceDataLen) != 1) {
		OPENSSL_free(label);
		return false;
	}
	return true;
}

static CK_RV take_oaep(struct rsa_crypt *c, const struct hz_mech *m)
{
	const CK_RSA_PKCS_OAEP_PARAMS *p = m->param;
	const EVP_MD *md;

	if (p == NULL || m->param_len != sizeof *p)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "OAEP needs CK_RSA_PKCS_OAEP_PARAMS");
	md = hz_md_of_mech(p->hashAlg);
	if (md == NULL || hz_md_of_mgf(p->mgf) == NULL)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "OAEP: unknown hash or mask function");
	/* Callers without a label leave the source unset; a label comes with CKZ_DATA_SPECIFIED only. */
	if (p->source != CKZ_DATA_SPECIFIED && (p->source != 0 || p->ulSourceDataLen != 0))
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "OAEP: unknown source of the label");
	if ((p->ulSourceDataLen != 0 && p->pSourceData == NULL) || p->ulSourceDataLen > 1u << 20)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "OAEP: bad label");
	c->overhead = 2 * (size_t)EVP_MD_get_size(md) + 2;
	c->hash = p->hashAlg;
	c->mgf = p->mgf;
	c->label_len = p->ulSourceDataLen;
	return set_oaep(c, p) ? CKR_OK : hz_fail(CKR_FUNCTION_FAILED, "OAEP: %s", hz_ossl_reason());
}

static CK_RV prepare(struct rsa_crypt *c, const struct hz_mech *m)
{
	/* Padding of v1.5 is taken off here, in constant time, because libcrypto before 3.2 tells bad padding apart by error and time. */
	bool bare = c->mech == CKM_RSA_X_509 || (c->mech == CKM_RSA_PKCS && c->kind == HZ_OP_DECRYPT);
	int ok = 0;

	switch (c->kind) {
	case HZ_OP_ENCRYPT:
		ok = EVP_PKEY_encrypt_init(c->pctx);
		break;
	case HZ_OP_DECRYPT:
		ok = EVP_PKEY_decrypt_init(c->pctx);
		break;
	case HZ_OP_SIGN_RECOVER:
		ok = EVP_PKEY_sign_init(c->pctx);
		break;
	case HZ_OP_VERIFY_RECOVER:
		ok = EVP_PKEY_verify_recover_init(c->pctx);
		break;
	default:
		break;
	}
	if (ok != 1)
		return hz_fail(CKR_FUNCTION_FAILED, "RSA: %s", hz_ossl_reason());
	c->overhead = c->mech == CKM_RSA_PKCS ? 11 : 0;
	if (c->mech == CKM_RSA_PKCS_OAEP)
		return take_oaep(c, m);
	ok = EVP_PKEY_CTX_set_rsa_padding(c->pctx, bare ? RSA_NO_PADDING : RSA_PKCS1_PADDING);
	return ok == 1 ? CKR_OK : hz_fail(CKR_FUNCTION_FAILED, "RSA: %s", hz_ossl_reason());
}

static CK_RV rearm(struct hz_op *op, const struct hz_mech *m)
{
	struct rsa_crypt *c = crypt_of(op);
	const CK_RSA_PKCS_OAEP_PARAMS *p = m->param;

	if (c->mech != CKM_RSA_PKCS_OAEP)
		return CKR_OK;
	if (p != NULL && m->param_len == sizeof *p && p->hashAlg == c->hash && p->mgf == c->mgf && p->ulSourceDataLen == 0 &&
	    c->label_len == 0 && (p->source == CKZ_DATA_SPECIFIED || p->source == 0))
		return CKR_OK;
	return prepare(c, m);
}

static void crypt_free(struct hz_op *op)
{
	EVP_PKEY_CTX_free(crypt_of(op)->pctx);
	free(op);
}

static const struct hz_op_ops ops = { .max_out = max_out, .once = once, .rearm = rearm, .free = crypt_free };

CK_RV hz_rsa_crypt_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	bool private = kind == HZ_OP_DECRYPT || kind == HZ_OP_SIGN_RECOVER;
	CK_RV rv = hz_key_is(key, private ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY);
	struct rsa_crypt *c;

	if (rv != CKR_OK)
		return rv;
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	c->base.ops = &ops;
	c->key = key;
	c->kind = kind;
	c->mech = m->type;
	c->k = hz_rsa_size(key);
	c->pctx = EVP_PKEY_CTX_new_from_pkey(hz_libctx(), key->pkey, NULL);
	if (c->pctx == NULL)
		rv = hz_fail(CKR_FUNCTION_FAILED, "RSA: %s", hz_ossl_reason());
	if (rv == CKR_OK)
		rv = prepare(c, m);
	if (rv != CKR_OK) {
		crypt_free(&c->base);
		return rv;
	}
	*op = &c->base;
	return CKR_OK;
}

/* ---- key transport ---- */

static CK_RV target_value(const struct hz_key *target, const uint8_t **p, size_t *n)
{
	if (target->cls != CKO_SECRET_KEY || target->secret == NULL)
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, "RSA wraps secret keys only");
	*p = target->secret;
	*n = target->secret_len;
	return CKR_OK;
}

CK_RV hz_rsa_wrap(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	const uint8_t *value = NULL;
	size_t n = 0, len = 0;
	struct hz_op *op = NULL;
	uint8_t ct[MAX_SIZE];
	CK_RV rv = target_value(target, &value, &n);

	if (rv == CKR_OK)
		rv = hz_rsa_crypt_begin(HZ_OP_ENCRYPT, m, wrapping, &op);
	if (rv != CKR_OK)
		return rv;
	rv = once(op, value, n, ct, &len);
	crypt_free(op);
	if (rv == CKR_DATA_LEN_RANGE || rv == CKR_DATA_INVALID)
		return hz_fail(CKR_KEY_SIZE_RANGE, "the key is too long to be wrapped with this one");
	if (rv != CKR_OK)
		return rv;
	hz_buf_add(out, ct, len);
	return out->failed ? hz_fail(CKR_HOST_MEMORY, "out of memory") : CKR_OK;
}

CK_RV hz_rsa_wrap_len(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len)
{
	const uint8_t *value;
	size_t n;

	(void)m;
	*len = hz_rsa_size(wrapping);
	return target_value(target, &value, &n);
}

/* X_509 gives as many octets as the modulus has: the key is at their end. */
static CK_RV trailing(const struct hz_attrs *made, size_t n, size_t *want)
{
	CK_ULONG v = hz_attrs_ulong(made, CKA_VALUE_LEN, 0);

	if (v == 0)
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "CKA_VALUE_LEN is missing");
	if (v > n)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "CKA_VALUE_LEN is above the modulus");
	*want = v;
	return CKR_OK;
}

CK_RV hz_rsa_unwrap(const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len, struct hz_attrs *made)
{
	struct hz_op *op = NULL;
	size_t n = 0, want;
	uint8_t value[MAX_SIZE];
	CK_RV rv;

	if (hz_attrs_ulong(made, CKA_CLASS, CKO_SECRET_KEY) != CKO_SECRET_KEY)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "RSA unwraps secret keys only");
	rv = hz_rsa_crypt_begin(HZ_OP_DECRYPT, m, unwrapping, &op);
	if (rv != CKR_OK)
		return rv;
	rv = once(op, in, len, value, &n);
	crypt_free(op);
	want = n;
	if (rv == CKR_OK && m->type == CKM_RSA_X_509)
		rv = trailing(made, n, &want);
	if (rv == CKR_OK)
		rv = hz_soft_set_secret(made, value + n - want, want);
	/* One code and one text, whether the padding or what it held was wrong: the difference would open any ciphertext. */
	if (rv == CKR_ENCRYPTED_DATA_INVALID || (m->type != CKM_RSA_X_509 && (rv == CKR_KEY_SIZE_RANGE || rv == CKR_TEMPLATE_INCONSISTENT)))
		rv = hz_fail(CKR_WRAPPED_KEY_INVALID, "the wrapped key cannot be opened");
	else if (rv == CKR_ENCRYPTED_DATA_LEN_RANGE)
		rv = CKR_WRAPPED_KEY_LEN_RANGE;
	hz_wipe(value, sizeof value);
	return rv;
}

/* The private half may stand in for the public one, and a key in a device for one that is here: its own numbers make a public key. */
static EVP_PKEY *public_half(const struct hz_key *rsa)
{
	const struct hz_attr *n = hz_attrs_find(&rsa->attrs, CKA_MODULUS), *e = hz_attrs_find(&rsa->attrs, CKA_PUBLIC_EXPONENT);
	struct hz_params p;
	EVP_PKEY *pkey;

	if (rsa->cls == CKO_PUBLIC_KEY && rsa->pkey != NULL) {
		EVP_PKEY_up_ref(rsa->pkey);
		return rsa->pkey;
	}
	if (n == NULL || e == NULL)
		return NULL;
	hz_params_init(&p, n->len + e->len);
	hz_params_num(&p, OSSL_PKEY_PARAM_RSA_N, n->value, n->len);
	hz_params_num(&p, OSSL_PKEY_PARAM_RSA_E, e->value, e->len);
	pkey = hz_params_key(&p, "RSA", EVP_PKEY_PUBLIC_KEY);
	hz_params_free(&p);
	return pkey;
}

CK_RV hz_soft_rsa_oaep256(struct hz_key *rsa, const uint8_t *in, size_t len, struct hz_buf *out)
{
	EVP_PKEY *pkey = public_half(rsa);
	EVP_PKEY_CTX *ctx = pkey != NULL ? EVP_PKEY_CTX_new_from_pkey(hz_libctx(), pkey, NULL) : NULL;
	uint8_t ct[MAX_SIZE];
	size_t n = sizeof ct;
	bool ok = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		  EVP_PKEY_CTX_set_rsa_oaep_md(ctx, hz_md("SHA2-256")) == 1 &&
		  EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, hz_md("SHA2-256")) == 1 && EVP_PKEY_encrypt(ctx, ct, &n, in, len) == 1;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	if (!ok)
		return hz_fail(CKR_FUNCTION_FAILED, "RSA-OAEP: %s", hz_ossl_reason());
	hz_buf_add(out, ct, n);
	return out->failed ? hz_fail(CKR_HOST_MEMORY, "out of memory") : CKR_OK;
}
