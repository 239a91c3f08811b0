/* SPDX-License-Identifier: Apache-2.0 */
/* CKM_HANZO_EIP712, CKM_HANZO_POAI and CKM_HANZO_HMM_SETTLEMENT: typed data, signed under rules. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/soft_vendor.h"
#include "base/error.h"
#include "ck/keyspace.h"
#include "crypto/eip712.h"
#include "crypto/k256.h"
#include "crypto/keccak.h"
#include "crypto/libctx.h"
#include "crypto/poai.h"
#include "store/nonce.h"

enum { ML_DSA_65_SIG = 3309 };

struct typed {
	struct hz_op base;
	struct hz_key *key;
	bool verify, settlement, generic;
	uint8_t separator[32];
	uint8_t scope[32];          /* whose nonces: the keyspace's, or the key's own */
	struct hz_keyspace keyspace;
	bool has_keyspace;
	CK_ULONG format;            /* CK_HANZO_FORMAT_ bits */
	CK_HANZO_EIP712_PARAMS param;
	EVP_MD_CTX *pq;             /* ML-DSA: ready to sign or verify; NULL: make one */
};

static struct typed *typed_of(struct hz_op *op)
{
	return (struct typed *)(void *)op;
}

static const struct typed *typed_of_const(const struct hz_op *op)
{
	return (const struct typed *)(const void *)op;
}

static size_t signature_len(const struct typed *t)
{
	if (t->key->type == CKK_ML_DSA)
		return ML_DSA_65_SIG;
	return (t->format & CK_HANZO_FORMAT_RS) != 0 ? 64 : 65;
}

static size_t max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	(void)in_len;
	return phase == HZ_UPDATE || typed_of_const(op)->verify ? 0 : signature_len(typed_of_const(op));
}

/* ---- the two signatures over a 32-byte digest ---- */

static CK_RV pq_ready(struct typed *t)
{
	struct hz_msg_opts opts;
	CK_RV rv = CKR_OK;

	/* A context signs once in some versions of libcrypto, so each signature gets its own; beside ML-DSA its cost does not show. */
	EVP_MD_CTX_free(t->pq);
	memset(&opts, 0, sizeof opts);
	t->pq = hz_msg_ctx(t->key, t->verify, &opts, &rv);
	return rv;
}

static CK_RV pq_sign(struct typed *t, const uint8_t digest[32], uint8_t *sig, size_t *sig_len)
{
	CK_RV rv = pq_ready(t);

	*sig_len = ML_DSA_65_SIG;
	if (rv == CKR_OK && (EVP_DigestSign(t->pq, sig, sig_len, digest, 32) != 1 || *sig_len != ML_DSA_65_SIG))
		rv = hz_fail(CKR_FUNCTION_FAILED, "ML-DSA signature: %s", hz_ossl_reason());
	return rv;
}

static CK_RV pq_verify(struct typed *t, const uint8_t digest[32], const uint8_t *sig)
{
	CK_RV rv = pq_ready(t);

	if (rv == CKR_OK && EVP_DigestVerify(t->pq, sig, ML_DSA_65_SIG, digest, 32) != 1)
		rv = hz_fail(CKR_SIGNATURE_INVALID, "the signature is not valid %s", hz_ossl_reason());
	return rv;
}

static CK_RV sign_digest(struct typed *t, const uint8_t digest[32], uint8_t *sig, size_t *sig_len)
{
	uint8_t rsv[65];
	CK_RV rv;

	if (t->key->type == CKK_ML_DSA)
		return pq_sign(t, digest, sig, sig_len);
	rv = hz_key_sign_recoverable(t->key, digest, rsv);
	if (rv != CKR_OK)
		return rv;
	*sig_len = signature_len(t);
	memcpy(sig, rsv, *sig_len);
	return CKR_OK;
}

static CK_RV verify_digest(struct typed *t, const uint8_t digest[32], const uint8_t *sig, size_t sig_len)
{
	uint8_t signer[HZ_K256_PUB];
	bool ok;

	if (t->key->type == CKK_ML_DSA)
		return pq_verify(t, digest, sig);
	if (sig_len == 64)
		ok = hz_k256_verify(t->key->k256_pub, digest, sig, true);
	else
		ok = hz_k256_recover(signer, digest, sig) && hz_k256_pub_equal(signer, t->key->k256_pub);
	return ok ? CKR_OK : hz_fail(CKR_SIGNATURE_INVALID, "secp256k1: the signature is not valid");
}

/* ---- CKM_HANZO_EIP712 ---- */

static CK_RV generic_digest(const uint8_t *in, size_t len, uint8_t digest[32])
{
	char why[HZ_EIP712_WHY];
	struct hz_eip712 out;

	if (!hz_eip712_digest(in, len, &out, why))
		return hz_fail(CKR_DATA_INVALID, "typed data: %s", why);
	if (out.hanzo_domain)
		return hz_fail(CKR_DATA_INVALID, "this domain is signed by CKM_HANZO_POAI and CKM_HANZO_HMM_SETTLEMENT only");
	memcpy(digest, out.digest, 32);
	return CKR_OK;
}

/* ---- CKM_HANZO_POAI, CKM_HANZO_HMM_SETTLEMENT ---- */

static CK_RV parse(const struct typed *t, struct hz_statement *st, const uint8_t *in, size_t len)
{
	if (hz_statement_parse(st, t->settlement ? HZ_HMM : HZ_POAI, in, len))
		return CKR_OK;
	return hz_fail(CKR_DATA_INVALID, "%s%s%s", st->field, st->field[0] != '\0' ? ": " : "", st->why);
}

static uint64_t ttl_of(const struct typed *t)
{
	return t->settlement ? t->key->env->hmm_ttl : t->key->env->poai_ttl;
}

static CK_RV reject(const char *why)
{
	return hz_fail(CKR_FUNCTION_REJECTED, "%s", why);
}

/* Every rule of signing; the last one records the nonce. */
static CK_RV may_sign(const struct typed *t, const struct hz_statement *st)
{
	uint64_t now = (uint64_t)time(NULL), ts = hz_statement_timestamp(st);
	const char *why = hz_poai_time(ts, now, ttl_of(t));
	uint8_t once[32];

	if (why != NULL)
		return reject(why);
	if (!t->settlement && t->has_keyspace &&
	    (t->keyspace.name_len != st->poai.model_id.len || memcmp(t->keyspace.name, st->poai.model_id.s, t->keyspace.name_len) != 0))
		return reject("modelId is not the name of the key's keyspace");
	hz_statement_once(st, once);
	return hz_nonce_record(t->key->env->nonce[t->settlement], t->scope, once, ts, now);
}

static CK_RV statement_sign(struct typed *t, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	struct hz_statement st;
	uint8_t digest[32];
	CK_RV rv = parse(t, &st, in, len);

	if (rv != CKR_OK)
		return rv;
	rv = may_sign(t, &st);
	hz_statement_digest(&st, t->separator, digest);
	hz_statement_free(&st);
	return rv == CKR_OK ? sign_digest(t, digest, sig, sig_len) : rv;
}

static CK_RV statement_verify(struct typed *t, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	struct hz_statement st;
	const char *why = NULL;
	uint8_t digest[32];
	CK_RV rv = parse(t, &st, in, len);

	if (rv != CKR_OK)
		return rv;
	if ((t->format & CK_HANZO_FORMAT_IGNORE_TTL) == 0)
		why = hz_poai_time(hz_statement_timestamp(&st), (uint64_t)time(NULL), ttl_of(t));
	hz_statement_digest(&st, t->separator, digest);
	hz_statement_free(&st);
	return why != NULL ? hz_fail(CKR_SIGNATURE_INVALID, "%s", why) : verify_digest(t, digest, sig, sig_len);
}

/* ---- the operation ---- */

static CK_RV once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct typed *t = typed_of(op);
	uint8_t digest[32];
	CK_RV rv;

	if (!t->generic)
		return statement_sign(t, in, in_len, out, out_len);
	rv = generic_digest(in, in_len, digest);
	return rv == CKR_OK ? sign_digest(t, digest, out, out_len) : rv;
}

static CK_RV verify(struct hz_op *op, const uint8_t *in, size_t in_len, const uint8_t *sig, size_t sig_len)
{
	struct typed *t = typed_of(op);
	uint8_t digest[32];
	CK_RV rv;

	if (sig_len != signature_len(t))
		return hz_fail(CKR_SIGNATURE_LEN_RANGE, "a signature of %zu bytes, not %zu", sig_len, signature_len(t));
	if (!t->generic)
		return statement_verify(t, in, in_len, sig, sig_len);
	rv = generic_digest(in, in_len, digest);
	return rv == CKR_OK ? verify_digest(t, digest, sig, sig_len) : rv;
}

/* The domain and the format; the separator is kept as long as they stay the same. */
static CK_RV take_param(struct typed *t, const struct hz_mech *m, bool first)
{
	CK_HANZO_EIP712_PARAMS p = { .ulChainId = t->key->env->chain_id };
	const CK_HANZO_EIP712_PARAMS *given = m->param;

	if (t->generic)
		return CKR_OK;
	if (given != NULL) {
		p.ulChainId = given->ulChainId;
		p.hasContract = given->hasContract;
		p.ulFormat = given->ulFormat;
		if (given->hasContract)
			memcpy(p.verifyingContract, given->verifyingContract, sizeof p.verifyingContract);
	}
	if (t->key->type == CKK_ML_DSA && (p.ulFormat & CK_HANZO_FORMAT_RS) != 0)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "r || s is no form of an ML-DSA signature");
	t->format = p.ulFormat;
	if (!first && p.ulChainId == t->param.ulChainId && p.hasContract == t->param.hasContract &&
	    memcmp(p.verifyingContract, t->param.verifyingContract, sizeof p.verifyingContract) == 0)
		return CKR_OK;
	t->param = p;
	hz_poai_separator(t->settlement ? HZ_HMM : HZ_POAI, p.ulChainId, p.hasContract ? p.verifyingContract : NULL, t->separator);
	return CKR_OK;
}

static CK_RV rearm(struct hz_op *op, const struct hz_mech *m)
{
	return take_param(typed_of(op), m, false);
}

static void typed_free(struct hz_op *op)
{
	EVP_MD_CTX_free(typed_of(op)->pq);
	free(op);
}

static const struct hz_op_ops typed_ops = { .max_out = max_out, .once = once, .verify = verify, .rearm = rearm, .free = typed_free };

/* Nothing but attestations and settlements may come from the key, so that no other mechanism signs the same digest. */
static CK_RV only_statements(const struct hz_key *key)
{
	const struct hz_attr *at = hz_attrs_find(&key->attrs, CKA_ALLOWED_MECHANISMS);
	CK_MECHANISM_TYPE m;
	bool any = false;

	for (size_t i = 0; at != NULL && i + sizeof m <= at->len; i += sizeof m) {
		memcpy(&m, (const uint8_t *)at->value + i, sizeof m);
		if (m != CKM_HANZO_POAI && m != CKM_HANZO_HMM_SETTLEMENT)
			return hz_fail(CKR_KEY_FUNCTION_NOT_PERMITTED, "CKA_ALLOWED_MECHANISMS names other mechanisms too");
		any = true;
	}
	return any ? CKR_OK : hz_fail(CKR_KEY_FUNCTION_NOT_PERMITTED, "CKA_ALLOWED_MECHANISMS does not restrict the key");
}

static CK_RV key_fits(const struct hz_key *key, bool generic)
{
	if (key->type != CKK_ML_DSA || generic)
		return hz_vendor_needs_k256(key);
	if (hz_attrs_ulong(&key->attrs, CKA_PARAMETER_SET, 0) != CKP_ML_DSA_65)
		return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "of the ML-DSA keys only ML-DSA-65");
	return CKR_OK;
}

/* Whose memory of nonces: tag, 0x00, and the keyspace or the public key. */
static CK_RV find_scope(struct typed *t)
{
	static const char keyspace[] = "hanzo-pkcs11/nonce/keyspace/v1", own[] = "hanzo-pkcs11/nonce/key/v1";
	const struct hz_attr *at = hz_attrs_find(&t->key->attrs, CKA_HANZO_KEYSPACE);
	struct hz_buf b = HZ_BUF_INIT;
	uint8_t point[HZ_K256_UNCOMPRESSED];
	CK_RV rv = CKR_OK;

	hz_buf_add(&b, t->has_keyspace ? keyspace : own, t->has_keyspace ? sizeof keyspace : sizeof own);
	if (t->has_keyspace)
		hz_buf_add(&b, at->value, at->len);
	else if (t->key->type == CKK_ML_DSA)
		rv = hz_soft_pq_public(t->key, &b);
	else if (t->key->has_k256_pub && hz_k256_pub_write(t->key->k256_pub, false, point))
		hz_buf_add(&b, point, sizeof point);
	else
		rv = hz_fail(CKR_FUNCTION_FAILED, "secp256k1: no public key");
	if (rv == CKR_OK && b.failed)
		rv = hz_fail(CKR_HOST_MEMORY, "out of memory");
	if (rv == CKR_OK)
		hz_keccak256(b.p, b.len, t->scope);
	hz_buf_free(&b);
	return rv;
}

static CK_RV sign_ready(struct typed *t)
{
	CK_RV rv = only_statements(t->key);

	if (rv != CKR_OK)
		return rv;
	t->has_keyspace = hz_keyspace_of(&t->key->attrs, &t->keyspace);
	return find_scope(t);
}

static CK_RV typed_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	bool generic = m->type == CKM_HANZO_EIP712, sign = kind == HZ_OP_SIGN;
	CK_RV rv = hz_key_is(key, sign ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY);
	struct typed *t;

	if (rv == CKR_OK)
		rv = key_fits(key, generic);
	if (rv != CKR_OK)
		return rv;
	if (key->env == NULL)
		return hz_fail(CKR_GENERAL_ERROR, "the key belongs to no token");
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	t->base.ops = &typed_ops;
	t->key = key;
	t->verify = !sign;
	t->generic = generic;
	t->settlement = m->type == CKM_HANZO_HMM_SETTLEMENT;
	rv = take_param(t, m, true);
	if (rv == CKR_OK && sign && !generic)
		rv = sign_ready(t);
	if (rv != CKR_OK) {
		typed_free(&t->base);
		return rv;
	}
	*op = &t->base;
	return CKR_OK;
}

#define FLAGS (CKF_SIGN | CKF_VERIFY | CKF_EC_F_P | CKF_EC_OID | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS)
#define ROW(mech, second) \
	{ .row = { mech, { 256, 256, FLAGS }, { CKK_EC, second, HZ_NO_KEY_TYPE }, HZ_NO_KEY_TYPE }, .begin = typed_begin }

const struct hz_soft_mech hz_soft_poai[] = {
	ROW(CKM_HANZO_POAI, CKK_ML_DSA),
	ROW(CKM_HANZO_HMM_SETTLEMENT, CKK_ML_DSA),
	ROW(CKM_HANZO_EIP712, HZ_NO_KEY_TYPE),
	{ .row = { .type = 0 } },
};
