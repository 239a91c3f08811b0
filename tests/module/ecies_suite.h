/* SPDX-License-Identifier: Apache-2.0 */
/* ECIES, delegation and threshold shares on one slot, through C_* alone: keys at rest and of the session, checked from outside. */
#ifndef TESTS_MODULE_ECIES_SUITE_H
#define TESTS_MODULE_ECIES_SUITE_H

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "crypto/ecies.h"
#include "crypto/k256.h"
#include "crypto/shamir.h"
#include "p11.h"

static CK_BBOOL suite_yes = CK_TRUE, suite_no = CK_FALSE;
static CK_BYTE suite_k256[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };

struct suite {
	CK_SESSION_HANDLE s;
	bool device;             /* keys at rest are elsewhere: shares are keys of the session there */
	EVP_PKEY *rsa;           /* the requester's */
	CK_OBJECT_HANDLE rsa_pub, pub, priv;
	CK_BYTE blob[200];       /* "for the key" */
	CK_ULONG blob_len;
};

static const CK_BYTE suite_text[] = "for the key";

static CK_MECHANISM suite_ecies = { CKM_HANZO_ECIES, NULL, 0 };

static void suite_pair(CK_SESSION_HANDLE s, const char *label, bool token, CK_BBOOL extractable, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BBOOL at_rest = token ? CK_TRUE : CK_FALSE;
	CK_ATTRIBUTE a[] = { { CKA_EC_PARAMS, suite_k256, sizeof suite_k256 }, { CKA_TOKEN, &at_rest, 1 }, { CKA_ENCRYPT, &suite_yes, 1 },
			     { CKA_WRAP, &suite_yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
			     { CKA_ID, (void *)(uintptr_t)label, strlen(label) } };
	CK_ATTRIBUTE b[] = { { CKA_TOKEN, &at_rest, 1 }, { CKA_DERIVE, &suite_yes, 1 }, { CKA_DECRYPT, &suite_yes, 1 },
			     { CKA_UNWRAP, &suite_yes, 1 }, { CKA_SENSITIVE, &suite_yes, 1 }, { CKA_EXTRACTABLE, &extractable, 1 },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, { CKA_ID, (void *)(uintptr_t)label, strlen(label) } };

	OK(p11->C_GenerateKeyPair(s, &m, a, 6, b, 8, pub, priv));
}

/* The private key of that label. */
static P11_UNUSED CK_OBJECT_HANDLE suite_find(CK_SESSION_HANDLE s, const char *label)
{
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG n = 0;

	OK(p11->C_FindObjectsInit(s, t, 2));
	OK(p11->C_FindObjects(s, &h, 1, &n));
	OK(p11->C_FindObjectsFinal(s));
	CHECK(n == 1);
	return h;
}

static CK_RV suite_encrypt(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_MECHANISM *m, const void *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *len)
{
	CK_RV rv = p11->C_EncryptInit(s, m, key);

	return rv == CKR_OK ? p11->C_Encrypt(s, (CK_BYTE *)(uintptr_t)in, n, out, len) : rv;
}

static CK_RV suite_decrypt(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_MECHANISM *m, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *len)
{
	CK_RV rv = p11->C_DecryptInit(s, m, key);

	return rv == CKR_OK ? p11->C_Decrypt(s, in, n, out, len) : rv;
}

/* Both halves encrypt; every changed byte is one error, whoever holds the key. */
static void suite_crypt(struct suite *u)
{
	CK_BYTE aad[] = "context", out[64], bad[200];
	CK_HANZO_ECIES_PARAMS p = { aad, sizeof aad };
	CK_MECHANISM with = { CKM_HANZO_ECIES, &p, sizeof p };
	CK_ULONG n;

	for (int i = 0; i < 4; i++) {
		CK_MECHANISM *m = i & 1 ? &with : &suite_ecies;
		CK_ULONG len = i < 2 ? sizeof suite_text : 0;

		n = sizeof bad;
		OK(suite_encrypt(u->s, i & 1 ? u->priv : u->pub, m, suite_text, len, bad, &n));
		CHECK(n == len + HZ_ECIES_OVERHEAD);
		u->blob_len = sizeof out;
		OK(suite_decrypt(u->s, u->priv, m, bad, n, out, &u->blob_len));
		CHECK(u->blob_len == len && memcmp(out, suite_text, len) == 0);
		u->blob_len = sizeof out;
		RV(suite_decrypt(u->s, u->priv, i & 1 ? &suite_ecies : &with, bad, n, out, &u->blob_len), CKR_ENCRYPTED_DATA_INVALID);
	}
	u->blob_len = sizeof u->blob;
	OK(suite_encrypt(u->s, u->pub, &suite_ecies, suite_text, sizeof suite_text, u->blob, &u->blob_len));
	for (CK_ULONG at = 0; at < u->blob_len; at += 4) { /* 0: not the parity bit, which the format leaves open */
		CK_ULONG got = sizeof out;

		memcpy(bad, u->blob, u->blob_len);
		bad[at] ^= 4;
		RV(suite_decrypt(u->s, u->priv, &suite_ecies, bad, u->blob_len, out, &got), CKR_ENCRYPTED_DATA_INVALID);
		got = sizeof out;
		RV(suite_decrypt(u->s, u->priv, &suite_ecies, u->blob, at, out, &got), CKR_ENCRYPTED_DATA_INVALID);
	}
}

/* An AES key, and a private key that then does its work, travel under the key. */
static void suite_wrap(struct suite *u)
{
	CK_OBJECT_CLASS secret = CKO_SECRET_KEY, private = CKO_PRIVATE_KEY;
	CK_KEY_TYPE aes = CKK_AES, ec = CKK_EC;
	CK_BYTE value[32] = { 1, 2, 3 }, got[32], w[512], c1[16] = { 0 };
	CK_ATTRIBUTE make[] = { { CKA_CLASS, &secret, sizeof secret }, { CKA_KEY_TYPE, &aes, sizeof aes }, { CKA_VALUE, value, 32 },
				{ CKA_EXTRACTABLE, &suite_yes, 1 } };
	CK_ATTRIBUTE back[] = { { CKA_CLASS, &secret, sizeof secret }, { CKA_KEY_TYPE, &aes, sizeof aes }, { CKA_SENSITIVE, &suite_no, 1 },
				{ CKA_EXTRACTABLE, &suite_yes, 1 } };
	CK_ATTRIBUTE key[] = { { CKA_CLASS, &private, sizeof private }, { CKA_KEY_TYPE, &ec, sizeof ec }, { CKA_DECRYPT, &suite_yes, 1 } };
	CK_ATTRIBUTE v = { CKA_VALUE, got, sizeof got };
	CK_OBJECT_HANDLE h = 0, opened = 0, pub, priv;
	CK_ULONG n = sizeof w, len = sizeof c1;

	OK(p11->C_CreateObject(u->s, make, 4, &h));
	OK(p11->C_WrapKey(u->s, &suite_ecies, u->pub, h, w, &n));
	OK(p11->C_UnwrapKey(u->s, &suite_ecies, u->priv, w, n, back, 4, &opened));
	OK(p11->C_GetAttributeValue(u->s, opened, &v, 1));
	CHECK(v.ulValueLen == 32 && memcmp(got, value, 32) == 0);
	w[n - 1] ^= 1;
	RV(p11->C_UnwrapKey(u->s, &suite_ecies, u->priv, w, n, back, 4, &opened), CKR_WRAPPED_KEY_INVALID);

	suite_pair(u->s, "travels", true, CK_TRUE, &pub, &priv);
	n = 0;
	OK(p11->C_WrapKey(u->s, &suite_ecies, u->pub, priv, NULL, &n));
	len = n;
	n = sizeof w;
	OK(p11->C_WrapKey(u->s, &suite_ecies, u->pub, priv, w, &n));
	CHECK(n <= len);
	OK(p11->C_UnwrapKey(u->s, &suite_ecies, u->priv, w, n, key, 3, &opened));
	len = sizeof w;
	OK(suite_encrypt(u->s, pub, &suite_ecies, "x", 1, w, &len));
	n = sizeof got;
	OK(suite_decrypt(u->s, opened, &suite_ecies, w, len, got, &n));
	CHECK(n == 1 && got[0] == 'x');
	OK(p11->C_DestroyObject(u->s, pub));
	OK(p11->C_DestroyObject(u->s, priv));
	suite_pair(u->s, "stays", false, CK_FALSE, &pub, &priv);
	n = sizeof w;
	RV(p11->C_WrapKey(u->s, &suite_ecies, u->pub, priv, w, &n), CKR_KEY_UNEXTRACTABLE);
}

/* What C_WrapKey gives to the requester, opened with libcrypto alone. */
static CK_RV suite_ask(struct suite *u, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, uint8_t *out, size_t *len)
{
	CK_HANZO_ECIES_DELEGATE_PARAMS p = { u->blob, HZ_ECIES_K };
	CK_MECHANISM m = { type, &p, sizeof p };
	CK_BYTE ct[256];
	CK_ULONG n = sizeof ct;
	CK_RV rv = p11->C_WrapKey(u->s, &m, u->rsa_pub, key, ct, &n);
	EVP_PKEY_CTX *c;

	if (rv != CKR_OK)
		return rv;
	c = EVP_PKEY_CTX_new(u->rsa, NULL);
	*len = 256;
	CHECK(EVP_PKEY_decrypt_init(c) == 1 && EVP_PKEY_CTX_set_rsa_padding(c, 4) == 1 && EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) == 1 &&
	      EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) == 1 && EVP_PKEY_decrypt(c, out, len, ct, n) == 1);
	EVP_PKEY_CTX_free(c);
	return rv;
}

static void suite_opens(const struct suite *u, const uint8_t x[32])
{
	const struct hz_ecies_aad aad = { HZ_ECIES_PLAIN, NULL, 0 };
	struct hz_buf text = HZ_BUF_SECRET;

	OK(hz_ecies_open_with(x, &aad, u->blob, u->blob_len, &text));
	CHECK(text.len == sizeof suite_text && memcmp(text.p, suite_text, sizeof suite_text) == 0);
	hz_buf_free(&text);
}

static void suite_delegate(struct suite *u)
{
	uint8_t x[256];
	size_t n = 0;

	OK(suite_ask(u, CKM_HANZO_ECIES_DELEGATE, u->priv, x, &n));
	CHECK(n == 32);
	suite_opens(u, x);
	RV(suite_ask(u, CKM_HANZO_ECIES_PARTIAL, u->priv, x, &n), CKR_KEY_NOT_WRAPPABLE);
}

/* Share i of the key to a node's key, and from there into the slot. */
static CK_OBJECT_HANDLE suite_share(struct suite *u, CK_OBJECT_HANDLE node_pub, CK_OBJECT_HANDLE node, CK_ULONG i)
{
	CK_HANZO_SHAMIR_PARAMS p = { i, 2, 3, { 9 } };
	CK_MECHANISM m = { CKM_HANZO_SHAMIR_SHARE, &p, sizeof p };
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_KEY_TYPE kt = CKK_EC;
	CK_BBOOL token = u->device ? CK_FALSE : CK_TRUE;
	char label[16];
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_HANZO_SHARE_INDEX, &i, sizeof i },
			     { CKA_TOKEN, &token, 1 }, { CKA_LABEL, label, 7 } };
	CK_OBJECT_HANDLE h = 0;
	CK_BYTE w[512];
	CK_ULONG n = sizeof w;

	snprintf(label, sizeof label, "share-%lu", i);
	OK(p11->C_WrapKey(u->s, &m, node_pub, u->priv, w, &n));
	OK(p11->C_UnwrapKey(u->s, &suite_ecies, node, w, n, t, 5, &h));
	if (u->device) { /* the proof needs the share itself, which no device would give */
		token = CK_TRUE;
		RV(p11->C_UnwrapKey(u->s, &suite_ecies, node, w, n, t, 5, &node_pub), CKR_TEMPLATE_INCONSISTENT);
	}
	return h;
}

static void suite_combine(struct suite *u, const CK_OBJECT_HANDLE share[2])
{
	struct hz_partial p[2];
	const struct hz_partial *parts[2] = { &p[0], &p[1] };
	uint8_t text[256], s[64], raw[33];
	size_t n;

	for (int i = 0; i < 2; i++) {
		OK(suite_ask(u, CKM_HANZO_ECIES_PARTIAL, share[i], text, &n));
		CHECK(n == HZ_SHAMIR_PARTIAL);
		OK(hz_partial_read(text, n, &p[i]));
		RV(suite_ask(u, CKM_HANZO_ECIES_DELEGATE, share[i], text, &n), CKR_MECHANISM_INVALID);
	}
	OK(hz_partials_combine(parts, 2, s));
	CHECK(hz_k256_pub_write(s, true, raw));
	suite_opens(u, raw + 1);
}

static void suite_threshold(struct suite *u)
{
	CK_OBJECT_HANDLE pub, node, share[2];

	suite_pair(u->s, "node", true, CK_FALSE, &pub, &node);
	share[0] = suite_share(u, pub, node, 1);
	share[1] = suite_share(u, pub, node, 3);
	suite_combine(u, share);
}

static void suite_requester(struct suite *u)
{
	CK_OBJECT_CLASS cls = CKO_PUBLIC_KEY;
	CK_KEY_TYPE kt = CKK_RSA;
	uint8_t n[256], e[8];
	BIGNUM *bn = NULL, *be = NULL;

	if (u->rsa == NULL)
		u->rsa = EVP_RSA_gen(2048);
	CHECK(EVP_PKEY_get_bn_param(u->rsa, OSSL_PKEY_PARAM_RSA_N, &bn) == 1 && EVP_PKEY_get_bn_param(u->rsa, OSSL_PKEY_PARAM_RSA_E, &be) == 1);
	{
		CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_WRAP, &suite_yes, 1 },
				     { CKA_MODULUS, n, (CK_ULONG)BN_bn2bin(bn, n) }, { CKA_PUBLIC_EXPONENT, e, (CK_ULONG)BN_bn2bin(be, e) } };

		OK(p11->C_CreateObject(u->s, t, 5, &u->rsa_pub));
	}
	BN_free(bn);
	BN_free(be);
}

/* Everything, with a new key at rest, in a logged-in read/write session. */
static P11_UNUSED void suite_first(struct suite *u)
{
	suite_requester(u);
	suite_pair(u->s, "ecies-key", true, CK_TRUE, &u->pub, &u->priv);
	suite_crypt(u);
	suite_wrap(u);
	suite_delegate(u);
	suite_threshold(u);
}

/* After a restart: what was encrypted before still opens, and the shares still answer. */
static P11_UNUSED void suite_again(struct suite *u)
{
	CK_OBJECT_HANDLE share[2];
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;

	suite_requester(u);
	u->priv = suite_find(u->s, "ecies-key");
	OK(suite_decrypt(u->s, u->priv, &suite_ecies, u->blob, u->blob_len, out, &n));
	CHECK(n == sizeof suite_text && memcmp(out, suite_text, n) == 0);
	suite_delegate(u);
	if (u->device)
		return;
	share[0] = suite_find(u->s, "share-1");
	share[1] = suite_find(u->s, "share-3");
	suite_combine(u, share);
}

static P11_UNUSED void suite_end(struct suite *u)
{
	EVP_PKEY_free(u->rsa);
}

#endif
