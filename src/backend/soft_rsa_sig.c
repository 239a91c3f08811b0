/* SPDX-License-Identifier: Apache-2.0 */
/* RSA signatures: PKCS #1 v1.5, PSS and the bare operation. */
#include <openssl/rsa.h>
#include <string.h>

#include "backend/soft_rsa.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"

enum form { V15, PSS, BARE };

static const struct sig_mech {
	CK_MECHANISM_TYPE type;
	enum form form;
	CK_MECHANISM_TYPE hash; /* 0 (no hash mechanism): the caller hashes */
} mechs[] = {
	{ CKM_RSA_PKCS, V15, 0 },
	{ CKM_RSA_X_509, BARE, 0 },
	{ CKM_SHA1_RSA_PKCS, V15, CKM_SHA_1 },
	{ CKM_SHA224_RSA_PKCS, V15, CKM_SHA224 },
	{ CKM_SHA256_RSA_PKCS, V15, CKM_SHA256 },
	{ CKM_SHA384_RSA_PKCS, V15, CKM_SHA384 },
	{ CKM_SHA512_RSA_PKCS, V15, CKM_SHA512 },
	{ CKM_SHA3_224_RSA_PKCS, V15, CKM_SHA3_224 },
	{ CKM_SHA3_256_RSA_PKCS, V15, CKM_SHA3_256 },
	{ CKM_SHA3_384_RSA_PKCS, V15, CKM_SHA3_384 },
	{ CKM_SHA3_512_RSA_PKCS, V15, CKM_SHA3_512 },
	{ CKM_RSA_PKCS_PSS, PSS, 0 },
	{ CKM_SHA1_RSA_PKCS_PSS, PSS, CKM_SHA_1 },
	{ CKM_SHA224_RSA_PKCS_PSS, PSS, CKM_SHA224 },
	{ CKM_SHA256_RSA_PKCS_PSS, PSS, CKM_SHA256 },
	{ CKM_SHA384_RSA_PKCS_PSS, PSS, CKM_SHA384 },
	{ CKM_SHA512_RSA_PKCS_PSS, PSS, CKM_SHA512 },
	{ CKM_SHA3_224_RSA_PKCS_PSS, PSS, CKM_SHA3_224 },
	{ CKM_SHA3_256_RSA_PKCS_PSS, PSS, CKM_SHA3_256 },
	{ CKM_SHA3_384_RSA_PKCS_PSS, PSS, CKM_SHA3_384 },
	{ CKM_SHA3_512_RSA_PKCS_PSS, PSS, CKM_SHA3_512 },
};

struct rsa_sig {
	struct hz_sig s;
	const struct sig_mech *mech;
	CK_RSA_PKCS_PSS_PARAMS pss;
	size_t digest_len; /* PSS */
};

static struct rsa_sig *rsa_of(struct hz_sig *s)
{
	return (struct rsa_sig *)(void *)s;
}

static CK_RV fail(const char *what)
{
	return hz_fail(CKR_FUNCTION_FAILED, "RSA %s: %s", what, hz_ossl_reason());
}

/* Left-pad to the modulus; a number that is not below the modulus cannot be signed or recovered. */
static CK_RV widen(const struct hz_key *key, const uint8_t *in, size_t len, uint8_t *out, size_t k)
{
	const struct hz_attr *n = hz_attrs_find(&key->attrs, CKA_MODULUS);

	if (len > k)
		return hz_fail(CKR_DATA_LEN_RANGE, "%zu bytes for a modulus of %zu", len, k);
	memset(out, 0, k - len);
	if (len != 0)
		memcpy(out + k - len, in, len);
	if (n == NULL || n->len != k || memcmp(out, n->value, k) >= 0)
		return hz_fail(CKR_DATA_INVALID, "the input is not below the modulus");
	return CKR_OK;
}

static CK_RV check_input(struct rsa_sig *r, size_t len)
{
	if (r->mech->form == V15 && r->mech->hash == 0 && len > r->s.sig_len - 11)
		return hz_fail(CKR_DATA_LEN_RANGE, "at most %zu bytes", r->s.sig_len - 11);
	if (r->mech->form == PSS && len != r->digest_len)
		return hz_fail(CKR_DATA_LEN_RANGE, "a digest of %zu bytes, not %zu", len, r->digest_len);
	return CKR_OK;
}

static CK_RV rsa_sign(struct hz_sig *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	struct rsa_sig *r = rsa_of(s);
	uint8_t wide[1024];
	size_t n = s->sig_len;
	CK_RV rv = check_input(r, len);

	if (rv == CKR_OK && r->mech->form == BARE) {
		rv = widen(s->key, in, len, wide, n);
		in = wide;
		len = n;
	}
	if (rv != CKR_OK)
		return rv;
	if (EVP_PKEY_sign(s->pctx, sig, &n, in, len) != 1 || n != s->sig_len)
		return fail("sign");
	*sig_len = n;
	return CKR_OK;
}

static CK_RV refuse(void)
{
	return hz_fail(CKR_SIGNATURE_INVALID, "RSA signature: %s", hz_ossl_reason());
}

static CK_RV bare_verify(struct rsa_sig *r, const uint8_t *in, size_t len, const uint8_t *sig)
{
	uint8_t wide[1024], plain[1024];
	size_t k = r->s.sig_len, n = sizeof plain;
	CK_RV rv = widen(r->s.key, in, len, wide, k);

	if (rv != CKR_OK)
		return rv;
	if (EVP_PKEY_verify_recover(r->s.pctx, plain, &n, sig, k) != 1 || n != k || memcmp(plain, wide, k) != 0)
		return refuse();
	return CKR_OK;
}

static CK_RV rsa_verify(struct hz_sig *s, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	struct rsa_sig *r = rsa_of(s);
	CK_RV rv = check_input(r, len);

	if (rv != CKR_OK)
		return rv;
	if (r->mech->form == BARE)
		return bare_verify(r, in, len, sig);
	return EVP_PKEY_verify(s->pctx, sig, sig_len, in, len) == 1 ? CKR_OK : refuse();
}

/* Everything that PSS verification depends on is taken from the parameter, nothing from the signature. */
static CK_RV take_pss(struct rsa_sig *r, const struct hz_mech *m)
{
	const CK_RSA_PKCS_PSS_PARAMS *p = m->param;
	const EVP_MD *md;

	if (p == NULL || m->param_len != sizeof *p)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "PSS needs CK_RSA_PKCS_PSS_PARAMS");
	md = hz_md_of_mech(p->hashAlg);
	if (md == NULL || hz_md_of_mgf(p->mgf) == NULL)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "PSS: unknown hash or mask function");
	if (r->mech->hash != 0 && p->hashAlg != r->mech->hash)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "PSS: the hash is not the mechanism's");
	if (p->hashAlg == CKM_SHA_1 && !r->s.verify)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "PSS: SHA-1 is for verifying only");
	r->digest_len = (size_t)EVP_MD_get_size(md);
	/* RFC 8017 section 9.1.1: emLen >= hLen + sLen + 2, with emBits = modBits - 1. */
	if (p->sLen > ((size_t)r->s.key->bits + 6) / 8 - r->digest_len - 2)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "PSS: the salt is longer than the key allows");
	r->pss = *p;
	return CKR_OK;
}

static bool set_pss(struct rsa_sig *r)
{
	EVP_PKEY_CTX *c = r->s.pctx;

	return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(c, hz_md_of_mech(r->pss.hashAlg)) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(c, hz_md_of_mgf(r->pss.mgf)) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(c, (int)r->pss.sLen) == 1;
}

static CK_RV prepare(struct rsa_sig *r)
{
	EVP_PKEY_CTX *c = r->s.pctx;
	int ok;

	if (r->s.verify)
		ok = r->mech->form == BARE ? EVP_PKEY_verify_recover_init(c) : EVP_PKEY_verify_init(c);
	else
		ok = EVP_PKEY_sign_init(c);
	if (ok != 1)
		return fail("init");
	switch (r->mech->form) {
	case PSS:
		ok = set_pss(r);
		break;
	case V15:
		ok = EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1 &&
		     (r->mech->hash == 0 || EVP_PKEY_CTX_set_signature_md(c, hz_md_of_mech(r->mech->hash)) == 1);
		break;
	case BARE:
		ok = EVP_PKEY_CTX_set_rsa_padding(c, RSA_NO_PADDING) == 1;
		break;
	}
	return ok ? CKR_OK : fail("init");
}

static CK_RV rsa_rearm(struct hz_sig *s, const struct hz_mech *m)
{
	struct rsa_sig *r = rsa_of(s);
	const CK_RSA_PKCS_PSS_PARAMS old = r->pss;
	CK_RV rv;

	if (r->mech->form != PSS)
		return CKR_OK;
	rv = take_pss(r, m);
	if (rv != CKR_OK || (old.hashAlg == r->pss.hashAlg && old.mgf == r->pss.mgf && old.sLen == r->pss.sLen))
		return rv;
	return prepare(r);
}

static const struct hz_sig_raw raw = { .sign = rsa_sign, .verify = rsa_verify, .rearm = rsa_rearm };

static const struct sig_mech *find(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < sizeof mechs / sizeof mechs[0]; i++)
		if (mechs[i].type == type)
			return &mechs[i];
	return NULL;
}

CK_RV hz_rsa_sig_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	const struct sig_mech *row = find(m->type);
	struct hz_sig *s = NULL;
	struct rsa_sig *r;
	CK_RV rv;

	if (row == NULL || (row->hash == CKM_SHA_1 && kind == HZ_OP_SIGN))
		return hz_fail(CKR_MECHANISM_INVALID, "no RSA signature mechanism, or SHA-1 for signing");
	rv = hz_sig_new(sizeof *r, &raw, kind, key, hz_hash_of_mech(row->hash), &s);
	if (rv != CKR_OK)
		return rv;
	r = rsa_of(s);
	r->mech = row;
	s->sig_len = hz_rsa_size(key);
	s->pctx = EVP_PKEY_CTX_new_from_pkey(hz_libctx(), key->pkey, NULL);
	if (s->pctx == NULL)
		rv = fail("context");
	if (rv == CKR_OK && row->form == PSS)
		rv = take_pss(r, m);
	if (rv == CKR_OK)
		rv = prepare(r);
	if (rv != CKR_OK) {
		hz_sig_free(&s->base);
		return rv;
	}
	*op = &s->base;
	return CKR_OK;
}
