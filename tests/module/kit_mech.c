/* SPDX-License-Identifier: Apache-2.0 */
/* The tests' kit: how each mechanism is used. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kit.h"

static CK_BYTE data[1024], zero_led[256], iv[16] = "0123456789abcde";
static CK_ULONG ten = 10;
static CK_AES_CTR_PARAMS ctr = { 128, "fedcba987654321" };
static CK_GCM_PARAMS gcm = { iv, 12, 96, data, 20, 128 };
static CK_CCM_PARAMS ccm = { 0, iv, 12, data, 20, 16 };
static CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha = { iv, 12, data, 20 };
static CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
static CK_RSA_PKCS_PSS_PARAMS pss;
static CK_HANZO_CERT_SUBJECT_PARAMS subject;
static CK_HASH_SIGN_ADDITIONAL_CONTEXT prehash = { CKH_HEDGE_PREFERRED, NULL, 0, CKM_SHA256 };

/* There is no HashML-DSA with SHA-1. */
#define NO_MECH CK_UNAVAILABLE_INFORMATION

static const struct {
	CK_MECHANISM_TYPE rsa, pss, ecdsa, ml_dsa, md, hmac, general;
	CK_RSA_PKCS_MGF_TYPE mgf;
	CK_ULONG len;
} hashes[] = {
	{ CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKM_ECDSA_SHA1, NO_MECH, CKM_SHA_1, CKM_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL, CKG_MGF1_SHA1, 20 },
	{ CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, CKM_ECDSA_SHA224, CKM_HASH_ML_DSA_SHA224, CKM_SHA224, CKM_SHA224_HMAC, CKM_SHA224_HMAC_GENERAL, CKG_MGF1_SHA224, 28 },
	{ CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_ECDSA_SHA256, CKM_HASH_ML_DSA_SHA256, CKM_SHA256, CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, CKG_MGF1_SHA256, 32 },
	{ CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKM_ECDSA_SHA384, CKM_HASH_ML_DSA_SHA384, CKM_SHA384, CKM_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL, CKG_MGF1_SHA384, 48 },
	{ CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, CKM_ECDSA_SHA512, CKM_HASH_ML_DSA_SHA512, CKM_SHA512, CKM_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL, CKG_MGF1_SHA512, 64 },
	{ CKM_SHA3_224_RSA_PKCS, CKM_SHA3_224_RSA_PKCS_PSS, CKM_ECDSA_SHA3_224, CKM_HASH_ML_DSA_SHA3_224, CKM_SHA3_224, CKM_SHA3_224_HMAC, CKM_SHA3_224_HMAC_GENERAL, CKG_MGF1_SHA3_224, 28 },
	{ CKM_SHA3_256_RSA_PKCS, CKM_SHA3_256_RSA_PKCS_PSS, CKM_ECDSA_SHA3_256, CKM_HASH_ML_DSA_SHA3_256, CKM_SHA3_256, CKM_SHA3_256_HMAC, CKM_SHA3_256_HMAC_GENERAL, CKG_MGF1_SHA3_256, 32 },
	{ CKM_SHA3_384_RSA_PKCS, CKM_SHA3_384_RSA_PKCS_PSS, CKM_ECDSA_SHA3_384, CKM_HASH_ML_DSA_SHA3_384, CKM_SHA3_384, CKM_SHA3_384_HMAC, CKM_SHA3_384_HMAC_GENERAL, CKG_MGF1_SHA3_384, 48 },
	{ CKM_SHA3_512_RSA_PKCS, CKM_SHA3_512_RSA_PKCS_PSS, CKM_ECDSA_SHA3_512, CKM_HASH_ML_DSA_SHA3_512, CKM_SHA3_512, CKM_SHA3_512_HMAC, CKM_SHA3_512_HMAC_GENERAL, CKG_MGF1_SHA3_512, 64 },
};

static void param(struct kit_recipe *r, void *p, CK_ULONG len)
{
	r->m.pParameter = p;
	r->m.ulParameterLen = len;
}

static bool hashed(struct kit_recipe *r, CK_MECHANISM_TYPE t)
{
	for (size_t i = 0; i < N(hashes); i++) {
		r->key = t == hashes[i].ecdsa ? KEY_P256 : t == hashes[i].ml_dsa ? KEY_ML_DSA :
			 t == hashes[i].hmac || t == hashes[i].general ? KEY_GENERIC : KEY_RSA;
		if (t == hashes[i].general)
			param(r, &ten, sizeof ten);
		if (t == hashes[i].pss) {
			pss = (CK_RSA_PKCS_PSS_PARAMS){ hashes[i].md, hashes[i].mgf, hashes[i].len };
			param(r, &pss, sizeof pss);
		}
		if (t == hashes[i].rsa || t == hashes[i].pss || t == hashes[i].ecdsa || t == hashes[i].ml_dsa ||
		    t == hashes[i].md || t == hashes[i].hmac || t == hashes[i].general)
			return true;
	}
	return false;
}

static bool fixed(struct kit_recipe *r, enum kit_key key, CK_ULONG len)
{
	r->key = key;
	r->len = len;
	return true;
}

static bool plain(struct kit_recipe *r, enum kit_key key)
{
	r->key = key;
	return true;
}

static bool blocks(struct kit_recipe *r, void *p, CK_ULONG len)
{
	param(r, p, len);
	r->len = 96;
	r->multiple = 16;
	return plain(r, KEY_AES);
}

static bool with(struct kit_recipe *r, enum kit_key key, void *p, CK_ULONG len)
{
	param(r, p, len);
	return plain(r, key);
}

static bool rsa_x509(struct kit_recipe *r)
{
	r->data = zero_led;
	return fixed(r, KEY_RSA, sizeof zero_led);
}

static bool prehashed_pss(struct kit_recipe *r)
{
	pss = (CK_RSA_PKCS_PSS_PARAMS){ CKM_SHA256, CKG_MGF1_SHA256, 32 };
	param(r, &pss, sizeof pss);
	return fixed(r, KEY_RSA, 32);
}

/* CCM has to know the length of the message beforehand. */
static bool with_ccm(struct kit_recipe *r)
{
	ccm.ulDataLen = r->len;
	return with(r, KEY_AES, &ccm, sizeof ccm);
}

/* A statement is signed once: each recipe is a new one, made now. */
static bool statement(struct kit_recipe *r, bool settlement)
{
	static char text[1200], poai[700];
	static unsigned long turn;
	unsigned long now = (unsigned long)time(NULL);
	const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

	snprintf(poai, sizeof poai,
		 "{\"modelId\":\"m\",\"inputHash\":\"0x%s\",\"outputHash\":\"0x%s\",\"timestamp\":%lu,\"computeTime\":5,"
		 "\"nodeId\":\"n\",\"nonce\":\"0x%.32s%016lx%016lx\"}", zeros, zeros, now, zeros, (unsigned long)getpid(), ++turn);
	snprintf(text, sizeof text,
		 "{\"jobId\":\"job-%lu-%lu\",\"provider\":\"0x%.40s\",\"consumer\":\"0x%.40s\",\"amount\":\"7\",\"attestation\":%s,"
		 "\"timestamp\":%lu}", (unsigned long)getpid(), turn, zeros, zeros, poai, now);
	r->data = (const CK_BYTE *)(settlement ? text : poai);
	r->len = strlen((const char *)r->data);
	return plain(r, KEY_POAI);
}

static bool typed_data(struct kit_recipe *r)
{
	static const char text[] = "{\"types\":{\"EIP712Domain\":[{\"name\":\"name\",\"type\":\"string\"}],\"T\":[{\"name\":\"x\","
				   "\"type\":\"uint256\"}]},\"primaryType\":\"T\",\"domain\":{\"name\":\"kit\"},\"message\":{\"x\":\"1\"}}";

	r->data = (const CK_BYTE *)text;
	r->len = sizeof text - 1;
	return plain(r, KEY_K256);
}

static bool symmetric(struct kit_recipe *r, CK_MECHANISM_TYPE t)
{
	switch (t) {
	case CKM_AES_ECB: return blocks(r, NULL, 0);
	case CKM_AES_CBC: return blocks(r, iv, 16);
	case CKM_AES_CBC_PAD: return with(r, KEY_AES, iv, 16);
	case CKM_AES_CTR: return with(r, KEY_AES, &ctr, sizeof ctr);
	case CKM_AES_GCM: return with(r, KEY_AES, &gcm, sizeof gcm);
	case CKM_AES_CCM: return with_ccm(r);
	case CKM_CHACHA20_POLY1305: return with(r, KEY_CHACHA, &chacha, sizeof chacha);
	case CKM_AES_CMAC: return plain(r, KEY_AES);
	case CKM_AES_CMAC_GENERAL: return with(r, KEY_AES, &ten, sizeof ten);
	case CKM_AES_KEY_WRAP: return fixed(r, KEY_AES, 96);
	case CKM_AES_KEY_WRAP_KWP:
	case CKM_AES_KEY_WRAP_PAD: return plain(r, KEY_AES);
	case CKM_SHA512_224_HMAC:
	case CKM_SHA512_256_HMAC: return plain(r, KEY_GENERIC);
	case CKM_SHA512_224_HMAC_GENERAL:
	case CKM_SHA512_256_HMAC_GENERAL: return with(r, KEY_GENERIC, &ten, sizeof ten);
	case CKM_SHA512_224:
	case CKM_SHA512_256:
	case CKM_HANZO_KECCAK256: return true;
	case CKM_HANZO_MODEL_WEIGHTS: return plain(r, KEY_AES);
	default: return false;
	}
}

bool kit_recipe(CK_MECHANISM_TYPE t, CK_FLAGS op, struct kit_recipe *r)
{
	(void)op;
	if (data[1] == 0)
		for (size_t i = 0; i < sizeof data; i++)
			data[i] = (CK_BYTE)(i * 7 + 1);
	memcpy(zero_led + 1, data, sizeof zero_led - 1);
	memset(r, 0, sizeof *r);
	r->m.mechanism = t;
	r->data = data;
	r->len = 100;
	r->multiple = 1;
	if (hashed(r, t) || symmetric(r, t))
		return true;
	switch (t) {
	case CKM_RSA_PKCS: return fixed(r, KEY_RSA, 32);
	case CKM_RSA_PKCS_OAEP: return fixed(r, KEY_RSA, 32) && with(r, KEY_RSA, &oaep, sizeof oaep);
	case CKM_RSA_X_509: return rsa_x509(r);
	case CKM_RSA_PKCS_PSS: return prehashed_pss(r);
	case CKM_ECDSA: return fixed(r, KEY_P256, 32);
	case CKM_EDDSA: return plain(r, KEY_ED25519);
	case CKM_ML_DSA: return plain(r, KEY_ML_DSA);
	case CKM_HASH_ML_DSA: return fixed(r, KEY_ML_DSA, 32) && with(r, KEY_ML_DSA, &prehash, sizeof prehash);
	case CKM_HANZO_ECDSA_RECOVERABLE: return fixed(r, KEY_K256, 32);
	case CKM_HANZO_ECDSA_KECCAK256: return plain(r, KEY_K256);
	case CKM_HANZO_CERT_SUBJECT: return with(r, KEY_K256, &subject, sizeof subject);
	case CKM_HANZO_SCHNORR_BIP340: return plain(r, KEY_K256);
	case CKM_HANZO_POAI: return statement(r, false);
	case CKM_HANZO_HMM_SETTLEMENT: return statement(r, true);
	case CKM_HANZO_EIP712: return typed_data(r);
	case CKM_HANZO_ECIES: return plain(r, KEY_K256);
	default: return false;
	}
}
