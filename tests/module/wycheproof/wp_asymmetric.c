/* SPDX-License-Identifier: Apache-2.0 */
/* Wycheproof: ECDSA, EdDSA, ECDH, RSA. Cases about encodings that never reach PKCS#11 (DER of signatures, of SubjectPublicKeyInfo) are judged by libcrypto first. */
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wp.h"

static const CK_RV bad_signature[] = { CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE };

static struct wp_bytes oid_of(const char *curve)
{
	static const struct {
		const char *name, *oid;
		size_t n;
	} known[] = {
		{ "secp256r1", "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10 }, { "secp384r1", "\x06\x05\x2b\x81\x04\x00\x22", 7 },
		{ "secp256k1", "\x06\x05\x2b\x81\x04\x00\x0a", 7 },             { "edwards25519", "\x06\x03\x2b\x65\x70", 5 },
		{ "curve25519", "\x06\x03\x2b\x65\x6e", 5 },
	};
	struct wp_bytes b = { NULL, 0 };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (!strcmp(curve, known[i].name)) {
			b.p = malloc(known[i].n);
			b.n = known[i].n;
			memcpy(b.p, known[i].oid, b.n);
		}
	return b;
}

static size_t field_of(const char *curve)
{
	return !strcmp(curve, "secp384r1") ? 48 : 32;
}

/* A point as CKA_EC_POINT wants it: OCTET STRING around it. */
static struct wp_bytes octet_string(struct wp_bytes raw)
{
	struct wp_bytes b = { malloc(raw.n + 3), 0 };

	b.p[b.n++] = 4;
	if (raw.n > 127)
		b.p[b.n++] = 0x81;
	b.p[b.n++] = (uint8_t)raw.n;
	memcpy(b.p + b.n, raw.p, raw.n);
	b.n += raw.n;
	return b;
}

static CK_OBJECT_HANDLE ec_public(struct wp *w, CK_KEY_TYPE kt, const char *curve, struct wp_bytes raw, CK_RV *rv)
{
	CK_OBJECT_CLASS cls = CKO_PUBLIC_KEY;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	struct wp_bytes oid = oid_of(curve), point = octet_string(raw);
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &no, 1 }, { CKA_VERIFY, &yes, 1 },
			     { CKA_EC_PARAMS, oid.p, oid.n }, { CKA_EC_POINT, point.p, point.n } };
	CK_OBJECT_HANDLE h = wp_create(w, t, 6, rv);

	free(oid.p);
	free(point.p);
	return h;
}

static CK_OBJECT_HANDLE ec_private(struct wp *w, CK_KEY_TYPE kt, const char *curve, struct wp_bytes value, CK_RV *rv)
{
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	struct wp_bytes oid = oid_of(curve);
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &no, 1 }, { CKA_DERIVE, &yes, 1 },
			     { CKA_EC_PARAMS, oid.p, oid.n }, { CKA_VALUE, value.p, value.n } };
	CK_OBJECT_HANDLE h = wp_create(w, t, 6, rv);

	free(oid.p);
	return h;
}

static CK_RV verify(struct wp *w, CK_MECHANISM *m, CK_OBJECT_HANDLE h, struct wp_bytes msg, struct wp_bytes sig)
{
	CK_RV rv = w->f->C_VerifyInit(w->s, m, h);

	return rv == CKR_OK ? w->f->C_Verify(w->s, msg.p, msg.n, sig.p, sig.n) : rv;
}

static void judge_signature(struct wp *w, struct json_object *tc, CK_RV rv)
{
	if (wp_valid(tc))
		wp_result(w, tc, rv == CKR_OK, rv, "C_Verify");
	else if (wp_invalid(tc))
		wp_result(w, tc, wp_one_of(rv, bad_signature, 2), rv, "a bad signature verifies");
	else
		wp_result(w, tc, rv == CKR_OK || wp_one_of(rv, bad_signature, 2), rv, "C_Verify");
}

/* DER to r||s as an application does it; false: not DER, or too large for the curve, so nothing for PKCS#11 to judge. */
static bool raw_signature(struct wp_bytes der, size_t field, struct wp_bytes *raw)
{
	const unsigned char *p = der.p;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
	unsigned char *again = NULL;
	int n = sig ? i2d_ECDSA_SIG(sig, &again) : -1;
	bool ok = n >= 0 && (size_t)n == der.n && !memcmp(again, der.p, der.n) && !BN_is_negative(ECDSA_SIG_get0_r(sig)) &&
		  !BN_is_negative(ECDSA_SIG_get0_s(sig));

	raw->n = 2 * field;
	raw->p = calloc(1, raw->n);
	ok = ok && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw->p, (int)field) >= 0 && BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw->p + field, (int)field) >= 0;
	OPENSSL_free(again);
	ECDSA_SIG_free(sig);
	return ok;
}

/* The bitcoin file asks for low s, which the CKM_ECDSA mechanisms do not (a caller's choice): those cases verify here. */
static bool asks_low_s(struct wp *w, struct json_object *tc)
{
	struct json_object *flags = wp_get(tc, "flags");

	if (!strstr(w->file, "bitcoin"))
		return false;
	for (size_t i = 0; i < json_object_array_length(flags); i++)
		if (strstr(json_object_get_string(json_object_array_get_idx(flags, i)), "Malleability"))
			return true;
	return strstr(wp_str(tc, "comment"), "malleability") != NULL;
}

void wp_ecdsa(struct wp *w, struct json_object *group, struct json_object *tc)
{
	struct json_object *pub = wp_get(group, "publicKey");
	const char *curve = wp_str(pub, "curve");
	struct wp_bytes msg = wp_hex(tc, "msg"), sig = wp_hex(tc, "sig"), point = wp_hex(pub, "uncompressed"), raw = { NULL, 0 };
	CK_MECHANISM m = { strcmp(wp_str(group, "sha"), "SHA-384") ? CKM_ECDSA_SHA256 : CKM_ECDSA_SHA384, NULL, 0 };

	if ((asks_low_s(w, tc) && wp_invalid(tc)) || (!strstr(w->file, "p1363") && !raw_signature(sig, field_of(curve), &raw))) {
		if (wp_valid(tc))
			wp_result(w, tc, false, 0, "libcrypto cannot read a valid signature");
		else
			w->not_offered++;
		goto out;
	}
	if (!w->group_tried)
		w->group_key = ec_public(w, CKK_EC, curve, point, &w->group_rv);
	w->group_tried = true;
	if (w->group_key == CK_INVALID_HANDLE) {
		wp_result(w, tc, false, w->group_rv, "public key refused");
		goto out;
	}
	judge_signature(w, tc, verify(w, &m, w->group_key, msg, raw.p ? raw : sig));
out:
	free(msg.p);
	free(sig.p);
	free(point.p);
	free(raw.p);
}

void wp_eddsa(struct wp *w, struct json_object *group, struct json_object *tc)
{
	struct json_object *pub = wp_get(group, "publicKey");
	struct wp_bytes msg = wp_hex(tc, "msg"), sig = wp_hex(tc, "sig"), point = wp_hex(pub, "pk");
	CK_MECHANISM m = { CKM_EDDSA, NULL, 0 };
	CK_RV rv;
	CK_OBJECT_HANDLE h = ec_public(w, CKK_EC_EDWARDS, "edwards25519", point, &rv);

	if (h == CK_INVALID_HANDLE) {
		wp_result(w, tc, wp_invalid(tc), rv, "public key refused");
	} else {
		judge_signature(w, tc, verify(w, &m, h, msg, sig));
		w->f->C_DestroyObject(w->s, h);
	}
	free(msg.p);
	free(sig.p);
	free(point.p);
}

/* The point inside a SubjectPublicKeyInfo with the group's named curve and nothing odd; false for everything else. */
static bool spki_point(struct wp_bytes der, struct wp_bytes oid, struct wp_bytes *point)
{
	const unsigned char *p = der.p, *bits;
	X509_PUBKEY *k = d2i_X509_PUBKEY(NULL, &p, (long)der.n);
	X509_ALGOR *alg = NULL;
	const void *param = NULL;
	unsigned char *again = NULL, *params = NULL;
	int n = k ? i2d_X509_PUBKEY(k, &again) : -1, nbits = 0, type = 0, nparam;
	bool ok = n >= 0 && (size_t)n == der.n && !memcmp(again, der.p, der.n) && X509_PUBKEY_get0_param(NULL, &bits, &nbits, &alg, k);

	if (ok) {
		X509_ALGOR_get0(NULL, &type, &param, alg);
		nparam = type == V_ASN1_OBJECT ? i2d_ASN1_OBJECT(param, &params) : -1;
		ok = nparam == (int)oid.n && !memcmp(params, oid.p, oid.n);
	}
	if (ok) {
		point->n = (size_t)nbits;
		point->p = malloc(point->n + 1);
		if (point->n > 0)
			memcpy(point->p, bits, point->n);
	}
	OPENSSL_free(again);
	OPENSSL_free(params);
	X509_PUBKEY_free(k);
	return ok;
}

/* A private scalar as CKA_VALUE: fixed width, without the sign byte of the vectors. */
static struct wp_bytes scalar(struct json_object *tc, size_t field)
{
	struct wp_bytes v = wp_hex(tc, "private"), out = { calloc(1, field), field };
	size_t skip = v.n > field ? v.n - field : 0;

	memcpy(out.p + (field - (v.n - skip)), v.p + skip, v.n - skip);
	free(v.p);
	return out;
}

static bool derived_is(struct wp *w, CK_OBJECT_HANDLE made, struct wp_bytes want)
{
	uint8_t got[66];
	CK_ATTRIBUTE a = { CKA_VALUE, got, sizeof got };

	return w->f->C_GetAttributeValue(w->s, made, &a, 1) == CKR_OK && a.ulValueLen == want.n && !memcmp(got, want.p, want.n);
}

void wp_ecdh(struct wp *w, struct json_object *group, struct json_object *tc)
{
	static const CK_RV bad_point[] = { CKR_MECHANISM_PARAM_INVALID };
	const char *curve = wp_str(group, "curve");
	bool xdh = !strcmp(curve, "curve25519");
	struct wp_bytes pub = wp_hex(tc, "public"), priv = xdh ? wp_hex(tc, "private") : scalar(tc, field_of(curve)), shared = wp_hex(tc, "shared");
	struct wp_bytes oid = oid_of(curve), point = { NULL, 0 };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &no, 1 },
			     { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 } };
	CK_ECDH1_DERIVE_PARAMS p = { .kdf = CKD_NULL };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &p, sizeof p };
	CK_OBJECT_HANDLE base, made = CK_INVALID_HANDLE;
	CK_RV rv;

	if (!strcmp(wp_str(group, "encoding"), "asn") && !spki_point(pub, oid, &point)) {
		if (wp_valid(tc))
			wp_result(w, tc, false, 0, "libcrypto cannot read a valid key");
		else
			w->not_offered++;
		goto out;
	}
	p.pPublicData = point.p ? point.p : pub.p;
	p.ulPublicDataLen = point.p ? point.n : pub.n;
	base = ec_private(w, xdh ? CKK_EC_MONTGOMERY : CKK_EC, curve, priv, &rv);
	if (base == CK_INVALID_HANDLE) {
		wp_result(w, tc, !wp_valid(tc), rv, "private key refused");
		goto out;
	}
	rv = w->f->C_DeriveKey(w->s, &m, base, t, 5, &made);
	if (wp_valid(tc))
		wp_result(w, tc, rv == CKR_OK && derived_is(w, made, shared), rv, "C_DeriveKey");
	else if (wp_invalid(tc))
		wp_result(w, tc, wp_one_of(rv, bad_point, 1), rv, "a bad point derives");
	else
		wp_result(w, tc, rv == CKR_OK ? derived_is(w, made, shared) : wp_one_of(rv, bad_point, 1), rv, "C_DeriveKey");
	if (made != CK_INVALID_HANDLE)
		w->f->C_DestroyObject(w->s, made);
	w->f->C_DestroyObject(w->s, base);
out:
	free(pub.p);
	free(priv.p);
	free(shared.p);
	free(oid.p);
	free(point.p);
}

/* ---- RSA */

static const struct {
	const char *name;
	CK_ATTRIBUTE_TYPE type;
} rsa_fields[] = {
	{ "modulus", CKA_MODULUS }, { "publicExponent", CKA_PUBLIC_EXPONENT }, { "privateExponent", CKA_PRIVATE_EXPONENT },
	{ "prime1", CKA_PRIME_1 },  { "prime2", CKA_PRIME_2 },                 { "exponent1", CKA_EXPONENT_1 },
	{ "exponent2", CKA_EXPONENT_2 }, { "coefficient", CKA_COEFFICIENT },
};

static CK_OBJECT_HANDLE make_rsa_key(struct wp *w, struct json_object *key, bool private_key, CK_RV *rv)
{
	CK_OBJECT_CLASS cls = private_key ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY;
	CK_KEY_TYPE kt = CKK_RSA;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE t[4 + 8] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &no, 1 },
				  { private_key ? CKA_DECRYPT : CKA_VERIFY, &yes, 1 } };
	/* Keys of more than two primes have no form in PKCS#11 but the plain one. */
	bool multi = wp_get(key, "otherPrimeInfos") != NULL;
	struct wp_bytes v[8];
	size_t n = private_key ? (multi ? 3 : 8) : 2;
	CK_OBJECT_HANDLE h;

	for (size_t i = 0; i < n; i++) {
		size_t zeros = 0;

		v[i] = wp_hex(key, rsa_fields[i].name);
		while (zeros + 1 < v[i].n && v[i].p[zeros] == 0)
			zeros++;
		t[4 + i] = (CK_ATTRIBUTE){ rsa_fields[i].type, v[i].p + zeros, v[i].n - zeros };
	}
	h = wp_create(w, t, 4 + n, rv);
	for (size_t i = 0; i < n; i++)
		free(v[i].p);
	return h;
}

/* The group's key, made once: a private key is checked at import, which takes its time. */
static CK_OBJECT_HANDLE rsa_key(struct wp *w, struct json_object *key, bool private_key, CK_RV *rv)
{
	if (!w->group_tried)
		w->group_key = make_rsa_key(w, key, private_key, &w->group_rv);
	w->group_tried = true;
	*rv = w->group_rv;
	return w->group_key;
}

static bool too_small(struct json_object *group)
{
	return wp_int(group, "keySize") < 2048;
}

void wp_rsa_verify(struct wp *w, struct json_object *group, struct json_object *tc)
{
	struct wp_bytes msg = wp_hex(tc, "msg"), sig = wp_hex(tc, "sig");
	CK_RSA_PKCS_PSS_PARAMS pss = { 0 };
	CK_MECHANISM m = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_RSA_PKCS_MGF_TYPE unused_mgf;
	CK_MECHANISM_TYPE unused_hash;
	CK_ULONG unused_len;
	CK_OBJECT_HANDLE h;
	CK_RV rv;

	if (strstr(w->file, "pss")) {
		static const struct {
			CK_MECHANISM_TYPE hash, mech;
		} with[] = { { CKM_SHA_1, CKM_SHA1_RSA_PKCS_PSS }, { CKM_SHA224, CKM_SHA224_RSA_PKCS_PSS }, { CKM_SHA256, CKM_SHA256_RSA_PKCS_PSS },
			     { CKM_SHA384, CKM_SHA384_RSA_PKCS_PSS }, { CKM_SHA512, CKM_SHA512_RSA_PKCS_PSS } };

		pss.sLen = (CK_ULONG)wp_int(group, "sLen");
		m = (CK_MECHANISM){ 0, &pss, sizeof pss };
		if (wp_hash(wp_str(group, "sha"), &pss.hashAlg, &unused_mgf, &unused_len) &&
		    wp_hash(wp_str(group, "mgfSha"), &unused_hash, &pss.mgf, &unused_len))
			for (size_t i = 0; i < sizeof with / sizeof with[0]; i++)
				if (with[i].hash == pss.hashAlg)
					m.mechanism = with[i].mech;
	}
	if (m.mechanism == 0 || too_small(group)) {
		w->not_offered++;
		goto out;
	}
	h = rsa_key(w, wp_get(group, "publicKey"), false, &rv);
	if (h == CK_INVALID_HANDLE) {
		wp_result(w, tc, false, rv, "public key refused");
		goto out;
	}
	judge_signature(w, tc, verify(w, &m, h, msg, sig));
out:
	free(msg.p);
	free(sig.p);
}

/* PKCS#1 v1.5 may answer a malformed block with a random message (implicit rejection), never with the block's own. */
static void judge_decryption(struct wp *w, struct json_object *tc, CK_RV rv, const uint8_t *out, CK_ULONG n, struct wp_bytes msg, bool v15)
{
	static const CK_RV bad[] = { CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE };
	bool same = rv == CKR_OK && n == msg.n && !memcmp(out, msg.p, n);

	if (wp_invalid(tc))
		wp_result(w, tc, wp_one_of(rv, bad, 2) || (v15 && rv == CKR_OK && (!same || !n)), rv, "a bad ciphertext decrypts");
	else if (wp_valid(tc))
		wp_result(w, tc, same, rv, "C_Decrypt");
	else
		wp_result(w, tc, same || wp_one_of(rv, bad, 2), rv, "C_Decrypt");
}

void wp_rsa_decrypt(struct wp *w, struct json_object *group, struct json_object *tc)
{
	struct wp_bytes msg = wp_hex(tc, "msg"), ct = wp_hex(tc, "ct"), label = wp_hex(tc, "label");
	bool v15 = strstr(w->file, "pkcs1") != NULL;
	CK_RSA_PKCS_OAEP_PARAMS oaep = { .source = CKZ_DATA_SPECIFIED, .pSourceData = label.n ? label.p : NULL, .ulSourceDataLen = label.n };
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
	CK_RSA_PKCS_MGF_TYPE unused_mgf;
	CK_MECHANISM_TYPE unused_hash;
	CK_ULONG unused_len, n;
	CK_OBJECT_HANDLE h;
	uint8_t out[1024];
	CK_RV rv;

	if (!v15) {
		m = (CK_MECHANISM){ CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep };
		if (!wp_hash(wp_str(group, "sha"), &oaep.hashAlg, &unused_mgf, &unused_len) ||
		    !wp_hash(wp_str(group, "mgfSha"), &unused_hash, &oaep.mgf, &unused_len) || too_small(group)) {
			w->not_offered++;
			goto out;
		}
	}
	h = rsa_key(w, wp_get(group, "privateKey"), true, &rv);
	if (h == CK_INVALID_HANDLE) {
		wp_result(w, tc, false, rv, "private key refused");
		goto out;
	}
	n = sizeof out;
	rv = w->f->C_DecryptInit(w->s, &m, h);
	if (rv == CKR_OK)
		rv = w->f->C_Decrypt(w->s, ct.p, ct.n, out, &n);
	judge_decryption(w, tc, rv, out, n, msg, v15);
out:
	free(msg.p);
	free(ct.p);
	free(label.p);
}
