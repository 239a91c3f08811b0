/* SPDX-License-Identifier: Apache-2.0 */
/* ML-DSA (FIPS 204) and ML-KEM (FIPS 203), where the libcrypto found at run time has them. */
#include <string.h>

#include "backend/soft_asym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"

/* libcrypto's parameter names that the headers of 3.0 do not have. */
#define PARAM_SEED "seed"

static const struct set {
	CK_KEY_TYPE type;
	CK_ULONG id;
	const char *name;
	uint16_t pub, priv, seed, out; /* octets; out: of a signature or a ciphertext */
	uint8_t oid;                   /* last arc */
} sets[] = {
	{ CKK_ML_DSA, CKP_ML_DSA_44, "ML-DSA-44", 1312, 2560, 32, 2420, 17 },
	{ CKK_ML_DSA, CKP_ML_DSA_65, "ML-DSA-65", 1952, 4032, 32, 3309, 18 },
	{ CKK_ML_DSA, CKP_ML_DSA_87, "ML-DSA-87", 2592, 4896, 32, 4627, 19 },
	{ CKK_ML_KEM, CKP_ML_KEM_512, "ML-KEM-512", 800, 1632, 64, 768, 1 },
	{ CKK_ML_KEM, CKP_ML_KEM_768, "ML-KEM-768", 1184, 2400, 64, 1088, 2 },
	{ CKK_ML_KEM, CKP_ML_KEM_1024, "ML-KEM-1024", 1568, 3168, 64, 1568, 3 },
};
enum { SETS = sizeof sets / sizeof sets[0], MAX_OUT = 4627, SHARED = 32 };

static const struct set *find(CK_KEY_TYPE type, CK_ULONG id)
{
	for (size_t i = 0; i < SETS; i++)
		if (sets[i].type == type && sets[i].id == id)
			return &sets[i];
	return NULL;
}

static CK_RV bad(const char *what)
{
	return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "ML-DSA or ML-KEM key: %s", what);
}

static CK_RV set_of(const struct hz_attrs *a, CK_KEY_TYPE type, const struct set **s)
{
	CK_ULONG id = hz_attrs_ulong(a, CKA_PARAMETER_SET, 0);

	*s = find(type, id);
	if (*s != NULL)
		return hz_has_keytype((*s)->name) ? CKR_OK : hz_fail(CKR_PARAMETER_SET_NOT_SUPPORTED, "this libcrypto has no %s", (*s)->name);
	if (hz_attrs_find(a, CKA_PARAMETER_SET) == NULL)
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "CKA_PARAMETER_SET is missing");
	return hz_fail(CKR_PARAMETER_SET_NOT_SUPPORTED, "no parameter set %lu of this key type", id);
}

uint8_t hz_soft_pq_oid(CK_KEY_TYPE type, CK_ULONG id)
{
	const struct set *s = find(type, id);

	return s != NULL ? s->oid : 0;
}

static size_t length(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_attr *v = hz_attrs_find(a, type);

	return v != NULL ? v->len : 0;
}

static void add(struct hz_params *p, const char *name, const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_attr *v = hz_attrs_find(a, type);

	if (v != NULL && v->len != 0)
		hz_params_octets(p, name, v->value, v->len);
}

CK_RV hz_soft_pq_key(struct hz_key *key)
{
	const struct set *s;
	bool private = key->cls == CKO_PRIVATE_KEY;
	size_t value = length(&key->attrs, CKA_VALUE), seed = private ? length(&key->attrs, CKA_SEED) : 0;
	struct hz_params p;
	CK_RV rv = set_of(&key->attrs, key->type, &s);

	if (rv != CKR_OK)
		return rv;
	if (value == 0 && seed == 0)
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "CKA_VALUE is missing");
	if ((value != 0 && value != (private ? s->priv : s->pub)) || (seed != 0 && seed != s->seed))
		return bad("a value has not the parameter set's length");
	hz_params_init(&p, value + seed);
	add(&p, private ? OSSL_PKEY_PARAM_PRIV_KEY : OSSL_PKEY_PARAM_PUB_KEY, &key->attrs, CKA_VALUE);
	if (private)
		add(&p, PARAM_SEED, &key->attrs, CKA_SEED);
	key->pkey = hz_params_key(&p, s->name, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
	hz_params_free(&p);
	if (key->pkey == NULL)
		return bad(hz_ossl_reason());
	key->curve = s;
	key->bits = s->pub * 8;
	return CKR_OK;
}

CK_RV hz_soft_pq_public(const struct hz_key *key, struct hz_buf *out)
{
	const struct set *s = key->curve;
	uint8_t *at = hz_buf_room(out, s->pub);
	size_t n = 0;

	if (at == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	if (EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PUB_KEY, at, s->pub, &n) != 1 || n != s->pub)
		return hz_fail(CKR_FUNCTION_FAILED, "public key: %s", hz_ossl_reason());
	return CKR_OK;
}

/* An imported seed alone is enough: the expanded form is added, so that callers of either find it. */
CK_RV hz_soft_pq_complete(struct hz_attrs *a)
{
	struct hz_key *key = NULL;
	const struct set *s;
	CK_RV rv;

	if (hz_attrs_ulong(a, CKA_CLASS, 0) != CKO_PRIVATE_KEY || length(a, CKA_VALUE) != 0)
		return CKR_OK;
	rv = hz_soft_key_new(a, &key);
	if (rv != CKR_OK)
		return rv;
	s = key->curve;
	rv = hz_pkey_octets(key->pkey, OSSL_PKEY_PARAM_PRIV_KEY, s->priv, a, CKA_VALUE, true);
	hz_soft_key_free(key);
	return rv;
}

static CK_RV keep_pair(EVP_PKEY *pkey, const struct set *s, struct hz_attrs *pub, struct hz_attrs *priv)
{
	CK_RV rv = hz_attrs_set_ulong(pub, CKA_PARAMETER_SET, s->id);

	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(priv, CKA_PARAMETER_SET, s->id);
	if (rv == CKR_OK)
		rv = hz_pkey_octets(pkey, OSSL_PKEY_PARAM_PUB_KEY, s->pub, pub, CKA_VALUE, false);
	if (rv == CKR_OK)
		rv = hz_pkey_octets(pkey, OSSL_PKEY_PARAM_PRIV_KEY, s->priv, priv, CKA_VALUE, true);
	if (rv == CKR_OK)
		rv = hz_pkey_octets(pkey, PARAM_SEED, s->seed, priv, CKA_SEED, true);
	return rv != CKR_OK ? rv : hz_soft_pair_done(pub, priv);
}

/* Callers put the parameter set into one template or both. */
static CK_RV generate(const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv)
{
	CK_KEY_TYPE type = m->type == CKM_ML_DSA_KEY_PAIR_GEN ? CKK_ML_DSA : CKK_ML_KEM;
	bool in_pub = hz_attrs_find(pub, CKA_PARAMETER_SET) != NULL, in_priv = hz_attrs_find(priv, CKA_PARAMETER_SET) != NULL;
	const struct set *s;
	EVP_PKEY *pkey;
	CK_RV rv = set_of(in_pub ? pub : priv, type, &s);

	if (rv != CKR_OK)
		return rv;
	if (in_pub && in_priv && hz_attrs_ulong(pub, CKA_PARAMETER_SET, 0) != hz_attrs_ulong(priv, CKA_PARAMETER_SET, 0))
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "the templates name two parameter sets");
	pkey = hz_pkey_generate(s->name, NULL);
	if (pkey == NULL)
		return hz_fail(CKR_FUNCTION_FAILED, "%s generation: %s", s->name, hz_ossl_reason());
	rv = keep_pair(pkey, s, pub, priv);
	EVP_PKEY_free(pkey);
	return rv;
}

/* ---- ML-DSA ---- */

static CK_RV take_context(CK_HEDGE_TYPE hedge, const CK_BYTE *context, CK_ULONG len, struct hz_msg_opts *o)
{
	if (len > sizeof o->context || (len != 0 && context == NULL) || hedge > CKH_DETERMINISTIC_REQUIRED)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "ML-DSA: bad context or hedge variant");
	o->deterministic = hedge == CKH_DETERMINISTIC_REQUIRED;
	o->context_len = len;
	if (len != 0)
		memcpy(o->context, context, len);
	return CKR_OK;
}

static CK_RV take(const struct hz_mech *m, const struct hz_key *key, enum hz_op_kind kind, struct hz_msg_opts *o)
{
	const CK_SIGN_ADDITIONAL_CONTEXT *p = m->param;

	(void)key;
	(void)kind;
	if (p == NULL)
		return CKR_OK;
	if (m->param_len != sizeof *p)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "ML-DSA: bad parameter");
	return take_context(p->hedgeVariant, p->pContext, p->ulContextLen, o);
}

static CK_RV dsa_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	return hz_msgsig_begin(kind, m, key, ((const struct set *)key->curve)->out, take, op);
}

/* HashML-DSA: the hash runs here and libcrypto signs the formatted message of FIPS 204 algorithm 4. */
struct hash_dsa {
	struct hz_sig s;
	struct hz_msg_opts opts;
	CK_MECHANISM_TYPE hash;
	EVP_MD_CTX *ctx;
};

static const struct {
	CK_MECHANISM_TYPE mech, hash;
	uint8_t oid; /* last arc below 2.16.840.1.101.3.4.2 */
} hashed[] = {
	{ CKM_HASH_ML_DSA_SHA224, CKM_SHA224, 4 },     { CKM_HASH_ML_DSA_SHA256, CKM_SHA256, 1 },
	{ CKM_HASH_ML_DSA_SHA384, CKM_SHA384, 2 },     { CKM_HASH_ML_DSA_SHA512, CKM_SHA512, 3 },
	{ CKM_HASH_ML_DSA_SHA3_224, CKM_SHA3_224, 7 }, { CKM_HASH_ML_DSA_SHA3_256, CKM_SHA3_256, 8 },
	{ CKM_HASH_ML_DSA_SHA3_384, CKM_SHA3_384, 9 }, { CKM_HASH_ML_DSA_SHA3_512, CKM_SHA3_512, 10 },
};
enum { HASHED = sizeof hashed / sizeof hashed[0] };

static CK_RV format(const struct hash_dsa *h, const uint8_t *digest, size_t len, uint8_t out[400], size_t *n)
{
	static const uint8_t oid[] = { 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02 };
	size_t i = 0;

	while (i < HASHED && hashed[i].hash != h->hash)
		i++;
	if (i == HASHED || len != hz_hash_len(hz_hash_of_mech(h->hash)))
		return hz_fail(CKR_DATA_LEN_RANGE, "HashML-DSA: %zu bytes are no digest of this hash", len);
	out[0] = 1;
	out[1] = (uint8_t)h->opts.context_len;
	*n = 2;
	memcpy(out + *n, h->opts.context, h->opts.context_len);
	*n += h->opts.context_len;
	memcpy(out + *n, oid, sizeof oid);
	*n += sizeof oid;
	out[(*n)++] = hashed[i].oid;
	memcpy(out + *n, digest, len);
	*n += len;
	return CKR_OK;
}

static struct hash_dsa *hash_dsa_of(struct hz_sig *s)
{
	return (struct hash_dsa *)(void *)s;
}

static CK_RV fresh_ctx(struct hash_dsa *h)
{
	struct hz_msg_opts o = { .deterministic = h->opts.deterministic, .raw = true };
	CK_RV rv = CKR_OK;

	EVP_MD_CTX_free(h->ctx);
	h->ctx = hz_msg_ctx(h->s.key, h->s.verify, &o, &rv);
	return rv;
}

static CK_RV hash_sign(struct hz_sig *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	struct hash_dsa *h = hash_dsa_of(s);
	uint8_t message[400], out[HZ_MSG_SIG];
	size_t n, m = sizeof out;
	CK_RV rv = format(h, in, len, message, &n);

	if (rv != CKR_OK)
		return rv;
	if (EVP_DigestSign(h->ctx, out, &m, message, n) != 1 || m != s->sig_len)
		return hz_fail(CKR_FUNCTION_FAILED, "HashML-DSA: %s", hz_ossl_reason());
	memcpy(sig, out, m);
	*sig_len = m;
	return CKR_OK;
}

static CK_RV hash_verify(struct hz_sig *s, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	struct hash_dsa *h = hash_dsa_of(s);
	uint8_t message[400];
	size_t n;
	CK_RV rv = format(h, in, len, message, &n);

	if (rv != CKR_OK)
		return rv;
	if (EVP_DigestVerify(h->ctx, sig, sig_len, message, n) != 1)
		return hz_fail(CKR_SIGNATURE_INVALID, "the signature is not valid %s", hz_ossl_reason());
	return CKR_OK;
}

static CK_RV hash_take(struct hash_dsa *h, const struct hz_mech *m)
{
	const CK_HASH_SIGN_ADDITIONAL_CONTEXT *q = m->param;

	memset(&h->opts, 0, sizeof h->opts);
	if (m->type != CKM_HASH_ML_DSA)
		return take(m, h->s.key, HZ_OP_SIGN, &h->opts);
	if (q == NULL || m->param_len != sizeof *q || hz_hash_of_mech(q->hash) == HZ_HASH_IDS || q->hash == CKM_SHA_1)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "CKM_HASH_ML_DSA needs a hash");
	h->hash = q->hash;
	return take_context(q->hedgeVariant, q->pContext, q->ulContextLen, &h->opts);
}

static CK_RV hash_rearm(struct hz_sig *s, const struct hz_mech *m)
{
	CK_RV rv = hash_take(hash_dsa_of(s), m);

	return rv != CKR_OK ? rv : fresh_ctx(hash_dsa_of(s));
}

static void hash_release(struct hz_sig *s)
{
	EVP_MD_CTX_free(hash_dsa_of(s)->ctx);
}

static const struct hz_sig_raw hash_raw = { .sign = hash_sign, .verify = hash_verify, .rearm = hash_rearm, .release = hash_release };

static CK_RV hash_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	CK_MECHANISM_TYPE hash = 0;
	struct hz_sig *s = NULL;
	CK_RV rv;

	for (size_t i = 0; i < HASHED; i++)
		if (hashed[i].mech == m->type)
			hash = hashed[i].hash;
	rv = hz_sig_new(sizeof(struct hash_dsa), &hash_raw, kind, key, hz_hash_of_mech(hash), &s);
	if (rv != CKR_OK)
		return rv;
	hash_dsa_of(s)->hash = hash;
	s->sig_len = ((const struct set *)key->curve)->out;
	rv = hash_rearm(s, m);
	if (rv != CKR_OK) {
		hz_sig_free(&s->base);
		return rv;
	}
	*op = &s->base;
	return CKR_OK;
}

/* ---- ML-KEM ---- */

static CK_RV encapsulate_len(const struct hz_mech *m, struct hz_key *pub, size_t *len)
{
	(void)m;
	*len = ((const struct set *)pub->curve)->out;
	return CKR_OK;
}

static CK_RV encapsulate(const struct hz_mech *m, struct hz_key *pub, struct hz_buf *ct, struct hz_attrs *made)
{
	uint8_t c[MAX_OUT], z[SHARED];
	size_t n = sizeof c, z_len = sizeof z;
	EVP_PKEY_CTX *ctx;
	CK_RV rv = hz_key_is(pub, CKO_PUBLIC_KEY);

	(void)m;
	if (rv != CKR_OK)
		return rv;
	ctx = EVP_PKEY_CTX_new_from_pkey(hz_libctx(), pub->pkey, NULL);
	if (ctx == NULL || EVP_PKEY_encapsulate_init(ctx, NULL) != 1 || EVP_PKEY_encapsulate(ctx, c, &n, z, &z_len) != 1)
		rv = hz_fail(CKR_FUNCTION_FAILED, "ML-KEM: %s", hz_ossl_reason());
	EVP_PKEY_CTX_free(ctx);
	if (rv == CKR_OK)
		rv = hz_soft_set_secret(made, z, z_len);
	if (rv == CKR_OK) {
		hz_buf_add(ct, c, n);
		rv = ct->failed ? hz_fail(CKR_HOST_MEMORY, "out of memory") : CKR_OK;
	}
	hz_wipe(z, sizeof z);
	return rv;
}

static CK_RV decapsulate(const struct hz_mech *m, struct hz_key *priv, const uint8_t *ct, size_t len, struct hz_attrs *made)
{
	uint8_t z[SHARED];
	size_t z_len = sizeof z;
	EVP_PKEY_CTX *ctx;
	CK_RV rv = hz_key_is(priv, CKO_PRIVATE_KEY);

	(void)m;
	if (rv != CKR_OK)
		return rv;
	if (len != ((const struct set *)priv->curve)->out)
		return hz_fail(CKR_WRAPPED_KEY_LEN_RANGE, "ML-KEM: %zu bytes are no ciphertext of this parameter set", len);
	ctx = EVP_PKEY_CTX_new_from_pkey(hz_libctx(), priv->pkey, NULL);
	if (ctx == NULL || EVP_PKEY_decapsulate_init(ctx, NULL) != 1 || EVP_PKEY_decapsulate(ctx, z, &z_len, ct, len) != 1)
		rv = hz_fail(CKR_FUNCTION_FAILED, "ML-KEM: %s", hz_ossl_reason());
	EVP_PKEY_CTX_free(ctx);
	if (rv == CKR_OK)
		rv = hz_soft_set_secret(made, z, z_len);
	hz_wipe(z, sizeof z);
	return rv;
}

/* ---- rows: sizes are those of the parameter sets, in bits of the public key ---- */

#define DSA_SIZES 1312 * 8, 2592 * 8
#define KEM_SIZES 800 * 8, 1568 * 8
#define DSA_ROW(mech, flags, made) { mech, { DSA_SIZES, flags }, { CKK_ML_DSA, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, made }
#define KEM_ROW(mech, flags, made) { mech, { KEM_SIZES, flags }, { CKK_ML_KEM, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, made }
#define HASH_ROW(mech) \
	{ .row = DSA_ROW(mech, CKF_SIGN | CKF_VERIFY, HZ_NO_KEY_TYPE), .needs = HZ_NEED_ML_DSA, .begin = hash_begin }

const struct hz_soft_mech hz_soft_pq[] = {
	{ .row = DSA_ROW(CKM_ML_DSA_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, CKO_PRIVATE_KEY), .needs = HZ_NEED_ML_DSA,
	  .generate_pair = generate },
	{ .row = DSA_ROW(CKM_ML_DSA, CKF_SIGN | CKF_VERIFY, HZ_NO_KEY_TYPE), .needs = HZ_NEED_ML_DSA, .begin = dsa_begin },
	HASH_ROW(CKM_HASH_ML_DSA),
	HASH_ROW(CKM_HASH_ML_DSA_SHA224),
	HASH_ROW(CKM_HASH_ML_DSA_SHA256),
	HASH_ROW(CKM_HASH_ML_DSA_SHA384),
	HASH_ROW(CKM_HASH_ML_DSA_SHA512),
	HASH_ROW(CKM_HASH_ML_DSA_SHA3_224),
	HASH_ROW(CKM_HASH_ML_DSA_SHA3_256),
	HASH_ROW(CKM_HASH_ML_DSA_SHA3_384),
	HASH_ROW(CKM_HASH_ML_DSA_SHA3_512),
	{ .row = KEM_ROW(CKM_ML_KEM_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, CKO_PRIVATE_KEY), .needs = HZ_NEED_ML_KEM,
	  .generate_pair = generate },
	{ .row = KEM_ROW(CKM_ML_KEM, CKF_ENCAPSULATE | CKF_DECAPSULATE, CKO_SECRET_KEY), .needs = HZ_NEED_ML_KEM,
	  .encapsulate = encapsulate, .encapsulate_len = encapsulate_len, .decapsulate = decapsulate },
	{ .row = { .type = 0 } },
};
