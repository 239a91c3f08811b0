/* SPDX-License-Identifier: Apache-2.0 */
/* The vendor mechanisms of the software backend: signatures for Ethereum and Lux. */
#include <string.h>

#include "backend/soft_vendor.h"
#include "base/error.h"
#include "crypto/k256.h"

static CK_RV not_valid(void)
{
	return hz_fail(CKR_SIGNATURE_INVALID, "secp256k1: the signature is not valid");
}

static CK_RV no_signature(void)
{
	return hz_fail(CKR_FUNCTION_FAILED, "secp256k1: no signature");
}

CK_RV hz_vendor_needs_k256(const struct hz_key *key)
{
	if (key->type == CKK_EC && key->is_k256)
		return CKR_OK;
	return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "the mechanism needs a secp256k1 key");
}

/* ---- CKM_HANZO_ECDSA_RECOVERABLE: a digest in, r || s || v out ---- */

static CK_RV is_digest(size_t len)
{
	return len == 32 ? CKR_OK : hz_fail(CKR_DATA_LEN_RANGE, "%zu bytes are no 32-byte digest", len);
}

static CK_RV recoverable_sign(struct hz_sig *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	uint8_t out[65];
	CK_RV rv = is_digest(len);

	if (rv != CKR_OK)
		return rv;
	rv = hz_key_sign_recoverable(s->key, in, out);
	if (rv != CKR_OK)
		return rv;
	memcpy(sig, out, sizeof out);
	*sig_len = sizeof out;
	return CKR_OK;
}

static CK_RV recoverable_verify(struct hz_sig *s, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	uint8_t signer[HZ_K256_PUB];
	CK_RV rv = is_digest(len);

	(void)sig_len;
	if (rv != CKR_OK)
		return rv;
	if (!hz_k256_recover(signer, in, sig) || !hz_k256_pub_equal(signer, s->key->k256_pub))
		return not_valid();
	return CKR_OK;
}

static const struct hz_sig_raw recoverable = { .sign = recoverable_sign, .verify = recoverable_verify };

/* ---- CKM_HANZO_ECDSA_KECCAK256: the hash goes in front ---- */

static CK_RV keccak_sign(struct hz_sig *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	uint8_t out[65];
	CK_RV rv = CKR_OK;

	(void)len;
	if (s->key->remote == NULL && !hz_k256_sign(s->key->secret, in, sig))
		rv = no_signature();
	if (s->key->remote != NULL) {
		rv = hz_key_sign_recoverable(s->key, in, out);
		memcpy(sig, out, 64);
	}
	*sig_len = 64;
	return rv;
}

static CK_RV keccak_verify(struct hz_sig *s, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	(void)len;
	(void)sig_len;
	return hz_k256_verify(s->key->k256_pub, in, sig, true) ? CKR_OK : not_valid();
}

static const struct hz_sig_raw keccak = { .sign = keccak_sign, .verify = keccak_verify };

/* ---- CKM_HANZO_CERT_SUBJECT: keccak256(tag || subject || keccak256(message)) ---- */

struct cert_sig {
	struct hz_sig s;
	uint8_t subject[32];
};

static struct cert_sig *cert_of(struct hz_sig *s)
{
	return (struct cert_sig *)(void *)s;
}

static void cert_digest(struct hz_sig *s, const uint8_t inner[32], uint8_t digest[32])
{
	static const char tag[] = "hanzo/cert-subject/v1";
	hz_keccak256_ctx c;

	hz_keccak256_init(&c);
	hz_keccak256_update(&c, tag, sizeof tag - 1);
	hz_keccak256_update(&c, cert_of(s)->subject, 32);
	hz_keccak256_update(&c, inner, 32);
	hz_keccak256_final(&c, digest);
}

static CK_RV cert_sign(struct hz_sig *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	uint8_t digest[32];

	cert_digest(s, in, digest);
	return keccak_sign(s, digest, len, sig, sig_len);
}

static CK_RV cert_verify(struct hz_sig *s, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	uint8_t digest[32];

	cert_digest(s, in, digest);
	return keccak_verify(s, digest, len, sig, sig_len);
}

static CK_RV cert_rearm(struct hz_sig *s, const struct hz_mech *m)
{
	const CK_HANZO_CERT_SUBJECT_PARAMS *p = m->param;

	if (p == NULL || m->param_len != sizeof *p)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "the certificate subject is missing");
	memcpy(cert_of(s)->subject, p->subject, 32);
	return CKR_OK;
}

static const struct hz_sig_raw cert = { .sign = cert_sign, .verify = cert_verify, .rearm = cert_rearm };

static CK_RV sig_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	bool bare = m->type == CKM_HANZO_ECDSA_RECOVERABLE, subject = m->type == CKM_HANZO_CERT_SUBJECT;
	const struct hz_sig_raw *raw = bare ? &recoverable : subject ? &cert : &keccak;
	struct hz_sig *s = NULL;
	CK_RV rv = hz_vendor_needs_k256(key);

	if (rv == CKR_OK)
		rv = hz_sig_new(subject ? sizeof(struct cert_sig) : sizeof *s, raw, kind, key, bare ? HZ_HASH_IDS : HZ_KECCAK256, &s);
	if (rv != CKR_OK)
		return rv;
	s->sig_len = bare ? 65 : 64;
	if (subject)
		rv = cert_rearm(s, m);
	if (rv != CKR_OK) {
		hz_sig_free(&s->base);
		return rv;
	}
	*op = &s->base;
	return CKR_OK;
}

#define K256_ROW(mech, flags) \
	{ mech, { 256, 256, (flags) | CKF_EC_F_P | CKF_EC_OID | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS }, \
	  { CKK_EC, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, HZ_NO_KEY_TYPE }
#define SIGNS(mech) { .row = K256_ROW(mech, CKF_SIGN | CKF_VERIFY), .begin = sig_begin }

const struct hz_soft_mech hz_soft_vendor[] = {
	SIGNS(CKM_HANZO_ECDSA_RECOVERABLE),
	SIGNS(CKM_HANZO_ECDSA_KECCAK256),
	SIGNS(CKM_HANZO_CERT_SUBJECT),
	{ .row = { .type = 0 } },
};
