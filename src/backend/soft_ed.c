/* SPDX-License-Identifier: Apache-2.0 */
/* Edwards and Montgomery curves: Ed25519, Ed448, X25519, X448. */
#include <openssl/bn.h>
#include <string.h>

#include "backend/soft_ec.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/der.h"
#include "crypto/libctx.h"
#include "crypto/provider.h"

static CK_RV bad(const char *what)
{
	return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "Edwards or Montgomery key: %s", what);
}

CK_RV hz_soft_ed_key(struct hz_key *key)
{
	const struct hz_curve *c;
	struct hz_reader v;
	const uint8_t *raw;
	size_t len;
	CK_RV rv = hz_curve_of_attrs(&key->attrs, key->type, &c);

	if (rv != CKR_OK)
		return rv;
	key->curve = c;
	key->bits = c->bits;
	rv = hz_attr_need(&key->attrs, key->cls == CKO_PRIVATE_KEY ? CKA_VALUE : CKA_EC_POINT, &v);
	if (rv != CKR_OK)
		return rv;
	if (!hz_curve_point(c, v.p, v.left, &raw, &len))
		return bad("the value has not the curve's length");
	/* The public half of a private key is computed by libcrypto: one that does not belong to it would betray it when signing. */
	if (key->cls == CKO_PRIVATE_KEY)
		key->pkey = EVP_PKEY_new_raw_private_key_ex(hz_libctx(), hz_keytype(c->name), NULL, raw, len);
	else
		key->pkey = EVP_PKEY_new_raw_public_key_ex(hz_libctx(), hz_keytype(c->name), NULL, raw, len);
	return key->pkey != NULL ? CKR_OK : bad(hz_ossl_reason());
}

CK_RV hz_soft_ed_point(const struct hz_key *key, uint8_t *point, size_t *len)
{
	*len = 133;
	if (EVP_PKEY_get_raw_public_key(key->pkey, point, len) != 1)
		return hz_fail(CKR_FUNCTION_FAILED, "public key: %s", hz_ossl_reason());
	return CKR_OK;
}

/* The curve's prime and d (RFC 8032 sections 5.1 and 5.2), and y from an encoded point, its sign bit taken off. */
static bool ed_numbers(const struct hz_curve *c, const uint8_t *raw, BIGNUM *p, BIGNUM *d, BIGNUM *y)
{
	static const char p25519[] = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
	static const char d25519[] = "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3";
	static const char p448[] = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
				   "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
	bool small = c->nid == EVP_PKEY_ED25519;
	uint8_t copy[57];

	memcpy(copy, raw, c->field);
	copy[c->field - 1] &= 0x7f;
	if (!BN_hex2bn(&p, small ? p25519 : p448) || BN_lebin2bn(copy, c->field, y) == NULL)
		return false;
	if (small)
		return BN_hex2bn(&d, d25519) != 0;
	return BN_copy(d, p) != NULL && BN_sub_word(d, 39081);
}

/*
 * Is it the encoding of a point that generates more than the cofactor's subgroup? x^2 = (y^2 - 1) / (d y^2 -+ 1) must have a root.
 * y = 0, 1 and -1 have order 1, 2 or 4; order 8 (Ed25519 only) has x^2 = -y^2.
 */
static bool ed_point_ok(const struct hz_curve *c, const uint8_t *raw)
{
	bool small = c->nid == EVP_PKEY_ED25519, ok;
	BN_CTX *ctx = BN_CTX_new_ex(hz_libctx_math());
	BIGNUM *p, *d, *y, *u, *v, *w;

	if (ctx == NULL)
		return false;
	BN_CTX_start(ctx);
	p = BN_CTX_get(ctx);
	d = BN_CTX_get(ctx);
	y = BN_CTX_get(ctx);
	u = BN_CTX_get(ctx);
	v = BN_CTX_get(ctx);
	w = BN_CTX_get(ctx);
	ok = w != NULL && ed_numbers(c, raw, p, d, y) && BN_cmp(y, p) < 0 && !BN_is_zero(y) && BN_mod_sqr(w, y, p, ctx) &&
	     BN_mod_mul(v, w, d, p, ctx) && BN_copy(u, w) != NULL && BN_sub_word(u, 1) &&
	     (small ? BN_add_word(v, 1) : BN_mod_sub(v, v, BN_value_one(), p, ctx)) && BN_mod_mul(d, u, v, p, ctx) &&
	     BN_kronecker(d, p, ctx) == 1;
	if (ok && small) /* u / v = -y^2 */
		ok = BN_mod_mul(w, w, v, p, ctx) && BN_mod_add(w, w, u, p, ctx) && !BN_is_zero(w);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return ok;
}

CK_RV hz_soft_ed_complete(struct hz_attrs *a)
{
	CK_KEY_TYPE type = hz_attrs_ulong(a, CKA_KEY_TYPE, 0);
	bool private = hz_attrs_ulong(a, CKA_CLASS, 0) == CKO_PRIVATE_KEY;
	const struct hz_curve *c;
	struct hz_reader v;
	const uint8_t *raw;
	uint8_t copy[57];
	size_t len;
	CK_RV rv = hz_curve_of_attrs(a, type, &c);

	if (rv == CKR_OK)
		rv = hz_curve_mend(a, c);
	if (rv == CKR_OK)
		rv = hz_attr_need(a, private ? CKA_VALUE : CKA_EC_POINT, &v);
	if (rv != CKR_OK)
		return rv;
	if (!hz_curve_point(c, v.p, v.left, &raw, &len))
		return bad("the value has not the curve's length");
	if (!private && type == CKK_EC_EDWARDS && !ed_point_ok(c, raw))
		return bad("CKA_EC_POINT is no point of this curve");
	memcpy(copy, raw, len);
	rv = private ? hz_attrs_set(a, CKA_VALUE, copy, len, true) : hz_curve_set_point(a, copy, len);
	hz_wipe(copy, sizeof copy);
	return rv;
}

static CK_RV keep_pair(EVP_PKEY *pkey, const struct hz_curve *c, struct hz_attrs *pub, struct hz_attrs *priv)
{
	uint8_t raw[57], *sec = hz_secmem_alloc(c->field);
	size_t len = sizeof raw, sec_len = c->field;
	CK_RV rv;

	if (sec == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	if (EVP_PKEY_get_raw_public_key(pkey, raw, &len) != 1 || EVP_PKEY_get_raw_private_key(pkey, sec, &sec_len) != 1) {
		hz_secmem_free(sec);
		return hz_fail(CKR_FUNCTION_FAILED, "%s generation: %s", c->name, hz_ossl_reason());
	}
	rv = hz_curve_set_point(pub, raw, len);
	if (rv == CKR_OK)
		rv = hz_attrs_set(priv, CKA_VALUE, sec, sec_len, true);
	hz_secmem_free(sec);
	return rv != CKR_OK ? rv : hz_soft_pair_done(pub, priv);
}

CK_RV hz_soft_ed_generate(const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv)
{
	CK_KEY_TYPE type = m->type == CKM_EC_MONTGOMERY_KEY_PAIR_GEN ? CKK_EC_MONTGOMERY : CKK_EC_EDWARDS;
	const struct hz_curve *c;
	EVP_PKEY *pkey;
	CK_RV rv = hz_ec_curve_wanted(type, pub, priv, &c);

	if (rv != CKR_OK)
		return rv;
	pkey = hz_pkey_generate(c->name, NULL);
	if (pkey == NULL)
		return hz_fail(CKR_FUNCTION_FAILED, "%s generation: %s", c->name, hz_ossl_reason());
	rv = keep_pair(pkey, c, pub, priv);
	EVP_PKEY_free(pkey);
	return rv;
}

/*
 * 3.1 section 6.3.5: without a parameter Ed25519 or Ed448 as they are; phFlag chooses the pre-hashed scheme, a context
 * Ed25519ctx (RFC 8032 forbids an empty one: a parameter that says nothing means plain Ed25519).
 */
static CK_RV take(const struct hz_mech *m, const struct hz_key *key, enum hz_op_kind kind, struct hz_msg_opts *o)
{
	const CK_EDDSA_PARAMS *p = m->param;
	bool small = ((const struct hz_curve *)key->curve)->nid == EVP_PKEY_ED25519;

	(void)kind;
	if (p == NULL)
		return CKR_OK;
	if (m->param_len != sizeof *p || p->ulContextDataLen > sizeof o->context ||
	    (p->ulContextDataLen != 0 && p->pContextData == NULL) || (p->phFlag != CK_FALSE && p->phFlag != CK_TRUE))
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "bad CK_EDDSA_PARAMS");
	if (p->phFlag)
		o->instance = small ? "Ed25519ph" : "Ed448ph";
	else if (p->ulContextDataLen != 0)
		o->instance = small ? "Ed25519ctx" : "Ed448";
	o->context_len = p->ulContextDataLen;
	if (o->context_len != 0)
		memcpy(o->context, p->pContextData, o->context_len);
	return CKR_OK;
}

static CK_RV begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	const struct hz_curve *c = key->curve;

	return hz_msgsig_begin(kind, m, key, 2 * (size_t)c->field, take, op);
}

static CK_RV x_shared(EVP_PKEY *mine, EVP_PKEY *peer, uint8_t *z, size_t *len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hz_libctx(), mine, NULL);
	/* RFC 7748 section 6: libcrypto refuses the all-zero result that a point of small order gives. */
	bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) == 1 &&
		  EVP_PKEY_derive(ctx, z, len) == 1;
	uint8_t any = 0;

	EVP_PKEY_CTX_free(ctx);
	for (size_t i = 0; ok && i < *len; i++)
		any |= z[i];
	if (ok && any != 0)
		return CKR_OK;
	return hz_fail(CKR_MECHANISM_PARAM_INVALID, "the shared secret is zero: %s", hz_ossl_reason());
}

CK_RV hz_soft_x_derive(const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made)
{
	const CK_ECDH1_DERIVE_PARAMS *p;
	const struct hz_curve *c = base->curve;
	const uint8_t *raw;
	uint8_t z[57];
	size_t len, z_len = sizeof z;
	EVP_PKEY *peer;
	CK_RV rv = hz_soft_ecdh_params(m, &p);

	if (rv == CKR_OK && base->cls != CKO_PRIVATE_KEY)
		rv = hz_fail(CKR_KEY_TYPE_INCONSISTENT, "ECDH needs a private key");
	if (rv != CKR_OK)
		return rv;
	if (!hz_curve_point(c, p->pPublicData, p->ulPublicDataLen, &raw, &len))
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "the other side's key has not the curve's length");
	peer = EVP_PKEY_new_raw_public_key_ex(hz_libctx(), hz_keytype(c->name), NULL, raw, len);
	if (peer == NULL)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "the other side's key: %s", hz_ossl_reason());
	rv = x_shared(base->pkey, peer, z, &z_len);
	if (rv == CKR_OK)
		rv = hz_soft_ecdh_key(p, z, z_len, made);
	hz_wipe(z, sizeof z);
	EVP_PKEY_free(peer);
	return rv;
}

#define ED_FLAGS (CKF_EC_F_P | CKF_EC_OID | CKF_EC_COMPRESS | CKF_EC_CURVENAME)
#define GENERATES(mech, type) \
	{ .row = { mech, { 255, 448, CKF_GENERATE_KEY_PAIR | ED_FLAGS }, { type, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, CKO_PRIVATE_KEY }, \
	  .generate_pair = hz_soft_ed_generate }

const struct hz_soft_mech hz_soft_ed[] = {
	GENERATES(CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS),
	GENERATES(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY),
	/* GnuTLS up to 3.7 generates Ed25519 keys with the signature mechanism's number. */
	{ .row = { CKM_EDDSA, { 255, 448, CKF_SIGN | CKF_VERIFY | CKF_GENERATE_KEY_PAIR | ED_FLAGS },
		   { CKK_EC_EDWARDS, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, CKO_PRIVATE_KEY },
	  .begin = begin, .generate_pair = hz_soft_ed_generate },
	{ .row = { .type = 0 } },
};
