/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: sequences of C_* calls made from bytes, against the module linked in. Two sessions of tier 0, a key of every cheap
 * kind, and calls whose handles, mechanisms, parameters, templates, lengths and buffers the input chooses. Pointers are always good
 * for the lengths that go with them, as a caller has to promise. Checked: no write past a buffer, a length answered with
 * CKR_BUFFER_TOO_SMALL is larger than what was given, and every operation that failed is over.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(c) ((c) ? (void)0 : abort())
#define STEPS 64

static struct {
	const uint8_t *p;
	size_t left;
} in;

static CK_SESSION_HANDLE keeper, sessions[2];
static CK_OBJECT_HANDLE keys[16], made[8];
static unsigned n_keys, n_made;
static CK_BYTE zero[64];

static uint8_t byte(void)
{
	if (in.left == 0)
		return 0;
	in.left--;
	return *in.p++;
}

/* Up to `max` bytes of the input, borrowed; NULL and 0, or NULL with a length where *len may lie, now and then. */
static CK_BYTE *bytes(CK_ULONG *len, size_t max)
{
	const uint8_t *at;
	size_t n = byte();

	if (n == 0xff) {
		*len = byte();
		return NULL;
	}
	n = n > max ? max : n;
	n = n > in.left ? in.left : n;
	at = in.p;
	in.p += n;
	in.left -= n;
	*len = n;
	return (CK_BYTE *)(uintptr_t)at;
}

static CK_SESSION_HANDLE session(void)
{
	uint8_t b = byte();

	return b == 0xff ? b : sessions[b & 1];
}

static CK_OBJECT_HANDLE key(void)
{
	uint8_t b = byte();

	if (b >= 0xf0)
		return b;
	if (b >= 0x80 && n_made != 0)
		return made[b % n_made];
	return keys[b % n_keys];
}

static void keep(CK_RV rv, CK_OBJECT_HANDLE h)
{
	if (rv == CKR_OK)
		made[n_made < 8 ? n_made++ : byte() % 8] = h;
}

static const CK_MECHANISM_TYPE types[] = {
	CKM_AES_ECB, CKM_AES_CBC, CKM_AES_CBC_PAD, CKM_AES_CTR, CKM_AES_GCM, CKM_AES_CCM, CKM_CHACHA20_POLY1305, CKM_AES_CMAC,
	CKM_AES_CMAC_GENERAL, CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP, CKM_SHA256, CKM_SHA3_256, CKM_HANZO_KECCAK256, CKM_SHA256_HMAC,
	CKM_SHA256_HMAC_GENERAL, CKM_RSA_PKCS, CKM_RSA_X_509, CKM_RSA_PKCS_OAEP, CKM_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS,
	CKM_SHA256_RSA_PKCS_PSS, CKM_ECDSA, CKM_ECDSA_SHA256, CKM_EDDSA, CKM_ECDH1_DERIVE, CKM_HKDF_DERIVE, CKM_HKDF_DATA,
	CKM_SP800_108_COUNTER_KDF, CKM_RSA_AES_KEY_WRAP, CKM_AES_KEY_GEN, CKM_GENERIC_SECRET_KEY_GEN, CKM_EC_KEY_PAIR_GEN,
	CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_HANZO_ECIES, CKM_HANZO_ECDSA_RECOVERABLE, CKM_HANZO_ECDSA_KECCAK256, CKM_HANZO_CERT_SUBJECT,
	CKM_HANZO_EIP712, CKM_HANZO_POAI, CKM_HANZO_ECIES_DELEGATE, CKM_HANZO_SHAMIR_SHARE, CKM_HANZO_ECIES_PARTIAL,
	CKM_HANZO_MODEL_WEIGHTS,
};

static union {
	CK_GCM_PARAMS gcm;
	CK_CCM_PARAMS ccm;
	CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha;
	CK_AES_CTR_PARAMS ctr;
	CK_RSA_PKCS_OAEP_PARAMS oaep;
	CK_RSA_PKCS_PSS_PARAMS pss;
	CK_ECDH1_DERIVE_PARAMS ecdh;
	CK_HKDF_PARAMS hkdf;
	CK_SP800_108_KDF_PARAMS sp800;
	CK_RSA_AES_KEY_WRAP_PARAMS rsa_aes;
	CK_HANZO_ECIES_PARAMS ecies;
	CK_HANZO_ECIES_DELEGATE_PARAMS delegate;
	CK_HANZO_SHAMIR_PARAMS shamir;
	CK_ULONG number;
} param;
static CK_RSA_PKCS_OAEP_PARAMS inner;
static CK_PRF_DATA_PARAM prf[4];

static CK_ULONG hash(void)
{
	static const CK_MECHANISM_TYPE h[] = { CKM_SHA256, CKM_SHA_1, CKM_SHA384, CKM_SHA3_512, CKM_AES_ECB };

	return h[byte() % 5];
}

static CK_ULONG fill_sp800(void)
{
	param.sp800.prfType = byte() & 1 ? CKM_SHA256_HMAC : CKM_AES_CMAC;
	param.sp800.ulNumberOfDataParams = byte() % 5;
	param.sp800.pDataParams = prf;
	for (int i = 0; i < 4; i++) {
		prf[i].type = byte() % 6;
		prf[i].pValue = bytes(&prf[i].ulValueLen, 32);
		if (prf[i].pValue == NULL)
			prf[i].ulValueLen = 0;
	}
	return sizeof param.sp800;
}

static CK_ULONG fill_oaep(CK_RSA_PKCS_OAEP_PARAMS *o)
{
	o->hashAlg = hash();
	o->mgf = byte() % 10;
	o->source = byte() & 3;
	o->pSourceData = bytes(&o->ulSourceDataLen, 64);
	return sizeof *o;
}

static CK_ULONG fill_hkdf(void)
{
	param.hkdf.bExtract = byte() & 1;
	param.hkdf.bExpand = byte() & 1;
	param.hkdf.prfHashMechanism = hash();
	param.hkdf.ulSaltType = byte() & 7;
	param.hkdf.pSalt = bytes(&param.hkdf.ulSaltLen, 64);
	param.hkdf.hSaltKey = key();
	param.hkdf.pInfo = bytes(&param.hkdf.ulInfoLen, 64);
	return sizeof param.hkdf;
}

static CK_ULONG fill_aead(CK_MECHANISM_TYPE t)
{
	if (t == CKM_AES_GCM) {
		param.gcm.pIv = bytes(&param.gcm.ulIvLen, 32);
		param.gcm.pAAD = bytes(&param.gcm.ulAADLen, 64);
		param.gcm.ulTagBits = byte();
		return sizeof param.gcm;
	}
	if (t == CKM_AES_CCM) {
		param.ccm.ulDataLen = byte();
		param.ccm.pNonce = bytes(&param.ccm.ulNonceLen, 16);
		param.ccm.pAAD = bytes(&param.ccm.ulAADLen, 64);
		param.ccm.ulMACLen = byte() & 31;
		return sizeof param.ccm;
	}
	param.chacha.pNonce = bytes(&param.chacha.ulNonceLen, 24);
	param.chacha.pAAD = bytes(&param.chacha.ulAADLen, 64);
	return sizeof param.chacha;
}

static CK_ULONG fill(CK_MECHANISM_TYPE t)
{
	switch (t) {
	case CKM_AES_GCM:
	case CKM_AES_CCM:
	case CKM_CHACHA20_POLY1305:
		return fill_aead(t);
	case CKM_AES_CTR:
		param.ctr.ulCounterBits = byte();
		return sizeof param.ctr;
	case CKM_RSA_PKCS_OAEP:
		return fill_oaep(&param.oaep);
	case CKM_RSA_AES_KEY_WRAP:
		(void)fill_oaep(&inner);
		param.rsa_aes.ulAESKeyBits = byte() & 1 ? 256 : byte();
		param.rsa_aes.pOAEPParams = byte() == 0 ? NULL : &inner;
		return sizeof param.rsa_aes;
	case CKM_RSA_PKCS_PSS:
	case CKM_SHA256_RSA_PKCS_PSS:
		param.pss.hashAlg = hash();
		param.pss.mgf = byte() % 10;
		param.pss.sLen = byte();
		return sizeof param.pss;
	case CKM_ECDH1_DERIVE:
		param.ecdh.kdf = byte() % 9;
		param.ecdh.pSharedData = bytes(&param.ecdh.ulSharedDataLen, 32);
		param.ecdh.pPublicData = bytes(&param.ecdh.ulPublicDataLen, 80);
		return sizeof param.ecdh;
	case CKM_HKDF_DERIVE:
	case CKM_HKDF_DATA:
		return fill_hkdf();
	case CKM_SP800_108_COUNTER_KDF:
		return fill_sp800();
	case CKM_HANZO_ECIES:
		param.ecies.pAAD = bytes(&param.ecies.ulAADLen, 64);
		return byte() & 1 ? sizeof param.ecies : 0;
	case CKM_HANZO_ECIES_DELEGATE:
	case CKM_HANZO_ECIES_PARTIAL:
		param.delegate.pEphemeralKey = bytes(&param.delegate.ulEphemeralKeyLen, 65);
		return sizeof param.delegate;
	case CKM_HANZO_SHAMIR_SHARE:
		param.shamir.ulIndex = byte();
		param.shamir.ulThreshold = byte();
		param.shamir.ulShares = byte();
		return sizeof param.shamir;
	case CKM_AES_CMAC_GENERAL:
	case CKM_SHA256_HMAC_GENERAL:
		param.number = byte();
		return sizeof param.number;
	default:
		return 0;
	}
}

static CK_MECHANISM *mechanism(void)
{
	static CK_MECHANISM m;
	uint8_t b = byte();

	if (b == 0xff)
		return NULL;
	memset(&param, 0, sizeof param);
	m.mechanism = types[b % (sizeof types / sizeof types[0])];
	m.pParameter = &param;
	m.ulParameterLen = fill(m.mechanism);
	if (m.ulParameterLen == 0 && (m.mechanism == CKM_AES_CBC || m.mechanism == CKM_AES_CBC_PAD)) {
		m.pParameter = zero;
		m.ulParameterLen = 16;
	}
	if (m.mechanism == CKM_HANZO_CERT_SUBJECT) {
		m.pParameter = zero;
		m.ulParameterLen = 32;
	}
	if (byte() == 0xfe)
		m.ulParameterLen = m.ulParameterLen != 0 ? byte() % m.ulParameterLen : 0;
	return &m;
}

static const CK_ATTRIBUTE_TYPE attrs[] = {
	CKA_CLASS, CKA_KEY_TYPE, CKA_TOKEN, CKA_PRIVATE, CKA_LABEL, CKA_ID, CKA_VALUE, CKA_VALUE_LEN, CKA_SENSITIVE, CKA_EXTRACTABLE,
	CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE, CKA_EC_PARAMS, CKA_EC_POINT, CKA_MODIFIABLE,
	CKA_COPYABLE, CKA_DESTROYABLE, CKA_ALLOWED_MECHANISMS, CKA_UNWRAP_TEMPLATE, CKA_TRUSTED, CKA_WRAP_WITH_TRUSTED, CKA_MODULUS,
	CKA_PUBLIC_EXPONENT, CKA_SUBJECT, CKA_CERTIFICATE_TYPE, CKA_HANZO_RATE_LIMIT, CKA_HANZO_KEYSPACE, CKA_HANZO_SHARE_INDEX,
	CKA_UNIQUE_ID, CKA_CHECK_VALUE, CKA_ALWAYS_AUTHENTICATE,
};

#define MAX_ATTRS 8
static CK_ATTRIBUTE tmpl[MAX_ATTRS], nested[2];
static CK_ULONG numbers[MAX_ATTRS];

/* Numbers are mostly ones that mean something; tokens stay out: a database for each input would be slow. */
static CK_ULONG template(void)
{
	CK_ULONG n = byte() % (MAX_ATTRS + 1);

	for (CK_ULONG i = 0; i < n; i++) {
		uint8_t how = byte();

		tmpl[i].type = attrs[byte() % (sizeof attrs / sizeof attrs[0])];
		if (tmpl[i].type == CKA_UNWRAP_TEMPLATE) {
			nested[0] = (CK_ATTRIBUTE){ attrs[byte() % (sizeof attrs / sizeof attrs[0])], NULL, 0 };
			nested[0].pValue = bytes(&nested[0].ulValueLen, 16);
			tmpl[i].pValue = nested;
			tmpl[i].ulValueLen = sizeof nested[0];
		} else if (how < 0x60 && tmpl[i].type != CKA_TOKEN) {
			tmpl[i].pValue = bytes(&tmpl[i].ulValueLen, 64);
		} else if (how < 0xc0) {
			static const CK_ULONG some[] = { 0, 1, 2, 3, 4, 0x10, 0x1f, 0x40, 16, 32 };

			numbers[i] = some[byte() % 10];
			tmpl[i].pValue = &numbers[i];
			tmpl[i].ulValueLen = sizeof numbers[i];
		} else {
			numbers[i] = tmpl[i].type != CKA_TOKEN && (how & 1) != 0;
			tmpl[i].pValue = &numbers[i];
			tmpl[i].ulValueLen = 1;
		}
	}
	return n;
}

/* An output buffer of exactly the size that the input chooses. */
static CK_BYTE *out;
static CK_ULONG out_len, given;

static void buffer(void)
{
	uint8_t b = byte();

	free(out);
	given = out_len = b < 0x20 ? b : 4096;
	out = b == 0xff ? NULL : malloc(given != 0 ? given : 1);
}

static CK_RV gave(CK_RV rv)
{
	CHECK(rv != CKR_BUFFER_TOO_SMALL || out_len > given);
	CHECK(rv != CKR_OK || out == NULL || out_len <= given);
	return rv;
}

/* After a failure that is no question the operation must be over: ending it by Init(NULL) then changes nothing, and so says. */
typedef CK_RV (*init_fn)(CK_SESSION_HANDLE, CK_MECHANISM_PTR, CK_OBJECT_HANDLE);
static void over(CK_RV rv, CK_SESSION_HANDLE s, init_fn init, CK_MECHANISM_TYPE t, CK_OBJECT_HANDLE k)
{
	CK_MECHANISM m = { t, NULL, 0 };

	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL || rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_OPERATION_NOT_INITIALIZED)
		return;
	CHECK(init(s, &m, k) == CKR_OK);
	CHECK(init(s, NULL, 0) == CKR_OK);
}

static void cipher(uint8_t which)
{
	CK_SESSION_HANDLE s = session();
	CK_ULONG n;
	CK_BYTE *d;

	if (which < 2) {
		CK_MECHANISM *m = mechanism();

		(void)(which == 0 ? hz_api_EncryptInit : hz_api_DecryptInit)(s, m, key());
		return;
	}
	d = bytes(&n, 600);
	buffer();
	switch (which) {
	case 2: over(gave(hz_api_Encrypt(s, d, n, out, &out_len)), s, hz_api_EncryptInit, CKM_AES_ECB, keys[0]); break;
	case 3: over(gave(hz_api_Decrypt(s, d, n, out, &out_len)), s, hz_api_DecryptInit, CKM_AES_ECB, keys[0]); break;
	case 4: over(gave(hz_api_EncryptUpdate(s, d, n, out, &out_len)), s, hz_api_EncryptInit, CKM_AES_ECB, keys[0]); break;
	case 5: over(gave(hz_api_DecryptUpdate(s, d, n, out, &out_len)), s, hz_api_DecryptInit, CKM_AES_ECB, keys[0]); break;
	case 6: over(gave(hz_api_EncryptFinal(s, out, &out_len)), s, hz_api_EncryptInit, CKM_AES_ECB, keys[0]); break;
	case 7: over(gave(hz_api_DecryptFinal(s, out, &out_len)), s, hz_api_DecryptInit, CKM_AES_ECB, keys[0]); break;
	case 8: (void)gave(hz_api_DigestEncryptUpdate(s, d, n, out, &out_len)); break;
	case 9: (void)gave(hz_api_DecryptDigestUpdate(s, d, n, out, &out_len)); break;
	case 10: (void)gave(hz_api_SignEncryptUpdate(s, d, n, out, &out_len)); break;
	default: (void)gave(hz_api_DecryptVerifyUpdate(s, d, n, out, &out_len)); break;
	}
}

static void sign(uint8_t which)
{
	CK_SESSION_HANDLE s = session();
	CK_ULONG n, sn;
	CK_BYTE *d, *sig;
	static const init_fn inits[] = { hz_api_SignInit, hz_api_VerifyInit, hz_api_SignRecoverInit, hz_api_VerifyRecoverInit };

	if (which < 4) {
		CK_MECHANISM *m = mechanism();

		(void)inits[which](s, m, key());
		return;
	}
	d = bytes(&n, 600);
	sig = bytes(&sn, 300);
	buffer();
	switch (which) {
	case 4: over(gave(hz_api_Sign(s, d, n, out, &out_len)), s, hz_api_SignInit, CKM_AES_CMAC, keys[0]); break;
	case 5: over(hz_api_SignUpdate(s, d, n), s, hz_api_SignInit, CKM_AES_CMAC, keys[0]); break;
	case 6: over(gave(hz_api_SignFinal(s, out, &out_len)), s, hz_api_SignInit, CKM_AES_CMAC, keys[0]); break;
	case 7: over(hz_api_Verify(s, d, n, sig, sn), s, hz_api_VerifyInit, CKM_AES_CMAC, keys[0]); break;
	case 8: over(hz_api_VerifyUpdate(s, d, n), s, hz_api_VerifyInit, CKM_AES_CMAC, keys[0]); break;
	case 9: over(hz_api_VerifyFinal(s, sig, sn), s, hz_api_VerifyInit, CKM_AES_CMAC, keys[0]); break;
	case 10: (void)hz_api_VerifySignatureInit(s, mechanism(), key(), sig, sn); break;
	case 11: over(hz_api_VerifySignature(s, d, n), s, hz_api_VerifyInit, CKM_AES_CMAC, keys[0]); break;
	case 12: (void)gave(hz_api_SignRecover(s, d, n, out, &out_len)); break;
	default: (void)gave(hz_api_VerifyRecover(s, sig, sn, out, &out_len)); break;
	}
}

static void digest(uint8_t which)
{
	CK_SESSION_HANDLE s = session();
	CK_ULONG n;
	CK_BYTE *d = bytes(&n, 600);

	buffer();
	switch (which) {
	case 0: (void)hz_api_DigestInit(s, mechanism()); break;
	case 1: (void)gave(hz_api_Digest(s, d, n, out, &out_len)); break;
	case 2: (void)hz_api_DigestUpdate(s, d, n); break;
	case 3: (void)hz_api_DigestKey(s, key()); break;
	case 4: (void)gave(hz_api_DigestFinal(s, out, &out_len)); break;
	case 5: (void)gave(hz_api_GetOperationState(s, out, &out_len)); break;
	default: (void)hz_api_SetOperationState(s, d, n, byte() == 0 ? key() : 0, 0); break;
	}
}

static void message(uint8_t which)
{
	CK_SESSION_HANDLE s = session();
	CK_BYTE iv[12] = { 0 }, tag[16] = { 0 };
	CK_GCM_MESSAGE_PARAMS p = { iv, sizeof iv, byte(), byte() % 6, tag, 128 };
	CK_ULONG n, aad_len, len = byte() == 0xff ? 3 : sizeof p;
	CK_BYTE *d = bytes(&n, 300), *aad = bytes(&aad_len, 64);
	bool enc = (which & 1) != 0;

	buffer();
	switch (which >> 1) {
	case 0: (void)(enc ? hz_api_MessageEncryptInit : hz_api_MessageDecryptInit)(s, mechanism(), key()); break;
	case 1: (void)gave((enc ? hz_api_EncryptMessage : hz_api_DecryptMessage)(s, &p, len, aad, aad_len, d, n, out, &out_len)); break;
	case 2: (void)(enc ? hz_api_EncryptMessageBegin : hz_api_DecryptMessageBegin)(s, &p, len, aad, aad_len); break;
	case 3: (void)gave((enc ? hz_api_EncryptMessageNext : hz_api_DecryptMessageNext)(s, &p, len, d, n, out, &out_len, byte() & 1)); break;
	default: (void)(enc ? hz_api_MessageEncryptFinal : hz_api_MessageDecryptFinal)(s); break;
	}
}

static void manage(uint8_t which)
{
	CK_SESSION_HANDLE s = session();
	CK_OBJECT_HANDLE h = 0, h2 = 0;
	CK_ULONG n = template(), len;
	CK_MECHANISM *m = mechanism();
	CK_BYTE *d = bytes(&len, 600);

	buffer();
	switch (which) {
	case 0: keep(hz_api_GenerateKey(s, m, tmpl, n, &h), h); break;
	case 1:
		if (m == NULL || m->mechanism != CKM_RSA_PKCS_KEY_PAIR_GEN) {
			CK_RV rv = hz_api_GenerateKeyPair(s, m, tmpl, n, tmpl, n / 2, &h, &h2);

			keep(rv, h);
			keep(rv, h2);
		}
		break;
	case 2: (void)gave(hz_api_WrapKey(s, m, key(), key(), out, &out_len)); break;
	case 3: keep(hz_api_UnwrapKey(s, m, key(), d, len, tmpl, n, &h), h); break;
	case 4: keep(hz_api_DeriveKey(s, m, key(), tmpl, n, &h), h); break;
	case 5: keep(hz_api_CreateObject(s, tmpl, n, &h), h); break;
	case 6: keep(hz_api_CopyObject(s, key(), tmpl, n, &h), h); break;
	case 7:
		if (n_made != 0)
			(void)hz_api_DestroyObject(s, made[byte() % n_made]);
		break;
	case 8:
		if (n_made != 0)
			(void)hz_api_SetAttributeValue(s, made[byte() % n_made], tmpl, n);
		break;
	case 9: (void)hz_api_FindObjectsInit(s, tmpl, n); break;
	case 10: (void)hz_api_FindObjects(s, &h, byte() & 1, &len); break;
	case 11: (void)hz_api_FindObjectsFinal(s); break;
	case 12: (void)hz_api_SessionCancel(s, (CK_FLAGS)byte() << (byte() & 31)); break;
	default: (void)hz_api_GetObjectSize(s, key(), &len); break;
	}
}

static void get_attributes(void)
{
	CK_ATTRIBUTE a[4];
	CK_BYTE buf[4][40];

	for (int i = 0; i < 4; i++)
		a[i] = (CK_ATTRIBUTE){ attrs[byte() % (sizeof attrs / sizeof attrs[0])], (byte() & 3) == 0 ? NULL : buf[i], byte() % 41 };
	(void)hz_api_GetAttributeValue(session(), key(), a, byte() % 5);
}

static void one_call(void)
{
	uint8_t op = byte();

	switch (op & 7) {
	case 0:
	case 1: cipher((uint8_t)((op >> 3) % 12)); break;
	case 2:
	case 3: sign((uint8_t)((op >> 3) % 14)); break;
	case 4: digest((uint8_t)((op >> 3) % 7)); break;
	case 5: message((uint8_t)((op >> 3) % 10)); break;
	case 6: manage((uint8_t)((op >> 3) % 14)); break;
	default: get_attributes(); break;
	}
}

static void new_pair(CK_MECHANISM_TYPE t, CK_ATTRIBUTE *pub, CK_ULONG n)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE priv[] = { { CKA_DERIVE, &yes, 1 }, { CKA_EXTRACTABLE, &yes, 1 }, { CKA_SENSITIVE, &no, 1 } };
	CK_MECHANISM m = { t, NULL, 0 };

	CHECK(hz_api_GenerateKeyPair(keeper, &m, pub, n, priv, 3, &keys[n_keys], &keys[n_keys + 1]) == CKR_OK);
	n_keys += 2;
}

static void new_secret(CK_MECHANISM_TYPE t, CK_ULONG len)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE a[] = { { CKA_VALUE_LEN, &len, sizeof len }, { CKA_EXTRACTABLE, &yes, 1 }, { CKA_SENSITIVE, &no, 1 },
			     { CKA_WRAP, &yes, 1 }, { CKA_UNWRAP, &yes, 1 }, { CKA_DERIVE, &yes, 1 } };
	CK_MECHANISM m = { t, NULL, 0 };

	CHECK(hz_api_GenerateKey(keeper, &m, a, 6, &keys[n_keys]) == CKR_OK);
	n_keys++;
}

static void start(void)
{
	static CK_BYTE p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, k256[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x0a };
	static CK_BYTE ed[] = { 6, 3, 0x2b, 0x65, 0x70 }, e[] = { 1, 0, 1 };
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE rsa[] = { { CKA_MODULUS_BITS, &bits, sizeof bits }, { CKA_PUBLIC_EXPONENT, e, 3 } };
	CK_ATTRIBUTE a = { CKA_EC_PARAMS, p256, sizeof p256 }, b = { CKA_EC_PARAMS, k256, sizeof k256 }, c = { CKA_EC_PARAMS, ed, sizeof ed };
	char dir[] = "/tmp/hanzo-fuzz-XXXXXX";

	CHECK(mkdtemp(dir) != NULL);
	setenv("HANZO_PKCS11_STORE", dir, 1);
	setenv("XDG_CONFIG_HOME", dir, 1);
	CHECK(hz_api_Initialize(NULL) == CKR_OK);
	(void)rmdir(dir); /* nothing is stored: it is made again only if something were */
	CHECK(hz_api_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &keeper) == CKR_OK);
	new_secret(CKM_AES_KEY_GEN, 32);
	new_secret(CKM_GENERIC_SECRET_KEY_GEN, 40);
	new_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, rsa, 2);
	new_pair(CKM_EC_KEY_PAIR_GEN, &a, 1);
	new_pair(CKM_EC_KEY_PAIR_GEN, &b, 1);
	new_pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, &c, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (n_keys == 0)
		start();
	in.p = data;
	in.left = size;
	n_made = 0;
	for (int i = 0; i < 2; i++)
		CHECK(hz_api_OpenSession(0, CKF_SERIAL_SESSION | (i == 0 ? CKF_RW_SESSION : 0), NULL, NULL, &sessions[i]) == CKR_OK);
	for (int i = 0; i < STEPS && in.left != 0; i++)
		one_call();
	for (int i = 0; i < 2; i++)
		CHECK(hz_api_CloseSession(sessions[i]) == CKR_OK);
	free(out);
	out = NULL;
	return 0;
}
