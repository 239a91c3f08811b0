/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of mechanism copies: every form of parameter, what is refused, independence from the caller's memory. */
#include <stdlib.h>

#include "ck/mech.h"
#include "ck/outlen.h"
#include "ck_util.h"
#include "mech_equal.h"

#define MECH(type, p) { type, p, sizeof *(p) }

/* Copies, compares with a second copy, then scribbles over `mem` (len bytes) and sees that the copy is unmoved. */
static void
copied_well(CK_MECHANISM_TYPE type, void *p, CK_ULONG p_len, void *mem, size_t len)
{
	CK_MECHANISM m = { type, p, p_len };
	struct hz_mech a, b;

	RV(CKR_OK, hz_mech_copy(&a, &m));
	RV(CKR_OK, hz_mech_copy(&b, &m));
	ck_assert(a.type == type && mech_equal(&a, &b));
	memset(mem, 0xa5, len);
	memset(p, 0xa5, p_len);
	ck_assert(mech_equal(&a, &b));
	hz_mech_clear(&b);
	hz_mech_clear(&b);
	ck_assert(b.param == NULL && b.heap == NULL);
	hz_mech_clear(&a);
}

static void
refused(CK_MECHANISM_TYPE type, const void *p, CK_ULONG len)
{
	CK_MECHANISM m = { type, (void *)(uintptr_t)p, len };
	struct hz_mech a;

	RV(CKR_MECHANISM_PARAM_INVALID, hz_mech_copy(&a, &m));
	ck_assert(a.param == NULL && a.heap == NULL);
	hz_mech_clear(&a);
}

START_TEST(plain_forms)
{
	unsigned char iv[16] = { 1 };
	CK_ULONG mac = 16;
	CK_MECHANISM none = { CKM_SHA256, iv, 0 }, unknown = { 0x7777, iv, 16 }, kw = { CKM_AES_KEY_WRAP, NULL, 0 };
	struct hz_mech a;

	RV(CKR_ARGUMENTS_BAD, hz_mech_copy(&a, NULL));
	RV(CKR_OK, hz_mech_copy(&a, &none));
	ck_assert(a.type == CKM_SHA256 && a.param == NULL && a.param_len == 0);
	RV(CKR_OK, hz_mech_copy(&a, &unknown));
	ck_assert(a.type == 0x7777 && a.param == NULL);
	RV(CKR_OK, hz_mech_copy(&a, &kw));
	refused(CKM_SHA256, iv, 16);
	refused(CKM_AES_CBC, NULL, 0);
	refused(CKM_AES_CBC, NULL, 16);
	refused(CKM_AES_CBC, iv, 15);
	refused(CKM_AES_CBC, iv, 17);
	refused(CKM_AES_CBC, iv, (CK_ULONG)-1);
	refused(CKM_AES_KEY_WRAP, iv, 4);
	refused(CKM_AES_KEY_WRAP_KWP, iv, 8);
	copied_well(CKM_AES_CBC, iv, 16, iv, 16);
	refused(CKM_SHA256_HMAC_GENERAL, &mac, 4);
	copied_well(CKM_SHA256_HMAC_GENERAL, &mac, sizeof mac, &mac, 0);
	mac = 0;
	refused(CKM_SHA256_HMAC_GENERAL, &mac, sizeof mac);
	mac = (CK_ULONG)-1;
	refused(CKM_AES_CMAC_GENERAL, &mac, sizeof mac);
}
END_TEST

START_TEST(gcm)
{
	unsigned char iv[300] = { 0 }, aad[1000] = { 0 };
	CK_GCM_PARAMS p = { iv, 12, 96, aad, 20, 128 }, q;
	struct { void *iv; CK_ULONG iv_len; void *aad; CK_ULONG aad_len, tag; } old = { iv, 12, aad, 20, 128 };
	const CK_ULONG bad_tags[] = { 0, 8, 95, 97, 129, 136, (CK_ULONG)-1 };
	CK_MECHANISM m = MECH(CKM_AES_GCM, &p), mo = MECH(CKM_AES_GCM, &old);
	struct hz_mech a, b;
	const CK_GCM_PARAMS *c;

	RV(CKR_OK, hz_mech_copy(&a, &m));
	c = a.param;
	ck_assert(a.param == a.small && c->pIv != iv && c->ulIvLen == 12 && c->ulIvBits == 96 && c->pAAD != aad && c->ulAADLen == 20);
	RV(CKR_OK, hz_mech_copy(&b, &mo)); /* without ulIvBits */
	ck_assert(mech_equal(&a, &b) && ((CK_GCM_PARAMS *)b.param)->ulTagBits == 128);
	p.ulIvBits = 0;
	RV(CKR_OK, hz_mech_copy(&b, &m));
	ck_assert(mech_equal(&a, &b));
	p.ulIvBits = 0xdeadbeef12345678; /* never set */
	RV(CKR_OK, hz_mech_copy(&b, &m));
	ck_assert(mech_equal(&a, &b));
	iv[3] = 9;
	RV(CKR_OK, hz_mech_copy(&b, &m));
	ck_assert(!mech_equal(&a, &b));
	p.ulIvBits = 64;
	refused(CKM_AES_GCM, &p, sizeof p);
	p.ulIvBits = 96;
	for (size_t i = 0; i < COUNT(bad_tags); i++) {
		q = p;
		q.ulTagBits = bad_tags[i];
		refused(CKM_AES_GCM, &q, sizeof q);
	}
	q = p, q.ulIvLen = 0, q.ulIvBits = 0;
	refused(CKM_AES_GCM, &q, sizeof q);
	q = p, q.pIv = NULL;
	refused(CKM_AES_GCM, &q, sizeof q);
	q = p, q.pAAD = NULL;
	refused(CKM_AES_GCM, &q, sizeof q);
	q = p, q.ulAADLen = (CK_ULONG)-1;
	refused(CKM_AES_GCM, &q, sizeof q);
	refused(CKM_AES_GCM, &p, sizeof p - 1);
	refused(CKM_AES_GCM, iv, 12);
	p.ulAADLen = 1000; /* needs the heap */
	RV(CKR_OK, hz_mech_copy(&b, &m));
	ck_assert(b.param == b.heap && !b.secret);
	hz_mech_clear(&b);
	copied_well(CKM_AES_GCM, &p, sizeof p, aad, sizeof aad);
	hz_mech_clear(&a);
}
END_TEST

/* What a caller of pkcs11-provider 1.0 leaves out arrives as 0 and means RFC 8017's defaults. */
START_TEST(oaep_defaults)
{
	static const struct {
		CK_RSA_PKCS_OAEP_PARAMS sent;
		CK_MECHANISM_TYPE hash;
		CK_RSA_PKCS_MGF_TYPE mgf;
	} cases[] = {
		{ { 0, 0, CKZ_DATA_SPECIFIED, NULL, 0 }, CKM_SHA_1, CKG_MGF1_SHA1 },
		{ { CKM_SHA384, 0, CKZ_DATA_SPECIFIED, NULL, 0 }, CKM_SHA384, CKG_MGF1_SHA384 },
		{ { 0, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 }, CKM_SHA_1, CKG_MGF1_SHA256 },
		{ { CKM_SHA256, CKG_MGF1_SHA512, CKZ_DATA_SPECIFIED, NULL, 0 }, CKM_SHA256, CKG_MGF1_SHA512 },
		{ { CKM_MD5, 0, CKZ_DATA_SPECIFIED, NULL, 0 }, CKM_MD5, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CK_RSA_PKCS_OAEP_PARAMS p = cases[i].sent;
		CK_MECHANISM m = MECH(CKM_RSA_PKCS_OAEP, &p);
		const CK_RSA_PKCS_OAEP_PARAMS *q;
		struct hz_mech a;

		RV(CKR_OK, hz_mech_copy(&a, &m));
		q = a.param;
		ck_assert(q->hashAlg == cases[i].hash && q->mgf == cases[i].mgf);
		hz_mech_clear(&a);
	}
}
END_TEST

START_TEST(other_aeads)
{
	unsigned char n[13] = { 0 }, aad[20] = { 0 };
	CK_CCM_PARAMS p = { 1000, n, 13, aad, 20, 16 }, q;
	CK_SALSA20_CHACHA20_POLY1305_PARAMS c = { n, 12, aad, 20 };
	CK_AES_CTR_PARAMS t = { 128, { 0 } };
	CK_MECHANISM m = MECH(CKM_CHACHA20_POLY1305, &c);
	struct hz_mech a, b;

	q = p, q.ulDataLen = 65536; /* two bytes hold the length beside a nonce of 13 */
	refused(CKM_AES_CCM, &q, sizeof q);
	q = p, q.ulNonceLen = 6;
	refused(CKM_AES_CCM, &q, sizeof q);
	q = p, q.ulMACLen = 5;
	refused(CKM_AES_CCM, &q, sizeof q);
	q = p, q.ulNonceLen = 7, q.ulDataLen = (CK_ULONG)-1;
	copied_well(CKM_AES_CCM, &q, sizeof q, n, 0);
	copied_well(CKM_AES_CCM, &p, sizeof p, n, sizeof n);
	RV(CKR_OK, hz_mech_copy(&a, &m));
	c.ulNonceLen = 96;
	RV(CKR_OK, hz_mech_copy(&b, &m));
	ck_assert(mech_equal(&a, &b) && ((CK_SALSA20_CHACHA20_POLY1305_PARAMS *)b.param)->ulNonceLen == 12);
	c.ulNonceLen = 8;
	refused(CKM_CHACHA20_POLY1305, &c, sizeof c);
	t.ulCounterBits = 0;
	refused(CKM_AES_CTR, &t, sizeof t);
	t.ulCounterBits = 129;
	refused(CKM_AES_CTR, &t, sizeof t);
	t.ulCounterBits = 32;
	copied_well(CKM_AES_CTR, &t, sizeof t, n, 0);
}
END_TEST

START_TEST(rsa)
{
	unsigned char label[10] = { 1 };
	CK_RSA_PKCS_OAEP_PARAMS p = { CKM_SHA256, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, label, sizeof label }, q;
	CK_RSA_PKCS_PSS_PARAMS s = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
	CK_RSA_AES_KEY_WRAP_PARAMS w = { 256, &p };
	CK_MECHANISM mw = MECH(CKM_RSA_AES_KEY_WRAP, &w);
	struct hz_mech a, b;

	RV(CKR_OK, hz_mech_copy(&a, &mw));
	ck_assert(((CK_RSA_AES_KEY_WRAP_PARAMS *)a.param)->pOAEPParams != &p);
	ck_assert(((CK_RSA_AES_KEY_WRAP_PARAMS *)a.param)->pOAEPParams->pSourceData != label);
	label[9] = 1;
	RV(CKR_OK, hz_mech_copy(&b, &mw));
	ck_assert(!mech_equal(&a, &b));
	label[9] = 0;
	RV(CKR_OK, hz_mech_copy(&b, &mw));
	ck_assert(mech_equal(&a, &b));
	w.ulAESKeyBits = 129;
	refused(CKM_RSA_AES_KEY_WRAP, &w, sizeof w);
	w.ulAESKeyBits = 128, w.pOAEPParams = NULL;
	refused(CKM_RSA_AES_KEY_WRAP, &w, sizeof w);
	q = p, q.pSourceData = NULL;
	w.pOAEPParams = &q;
	refused(CKM_RSA_AES_KEY_WRAP, &w, sizeof w);
	refused(CKM_RSA_PKCS_OAEP, &q, sizeof q);
	q = p, q.source = 2;
	refused(CKM_RSA_PKCS_OAEP, &q, sizeof q);
	q = p, q.source = 0;
	refused(CKM_RSA_PKCS_OAEP, &q, sizeof q);
	q.pSourceData = NULL, q.ulSourceDataLen = 0;
	copied_well(CKM_RSA_PKCS_OAEP, &q, sizeof q, label, 0);
	copied_well(CKM_RSA_PKCS_OAEP, &p, sizeof p, label, sizeof label);
	refused(CKM_SHA256_RSA_PKCS_PSS, &s, sizeof s - 8);
	s.sLen = (CK_ULONG)-1;
	refused(CKM_RSA_PKCS_PSS, &s, sizeof s);
}
END_TEST

START_TEST(derivation)
{
	unsigned char pub[65] = { 4 }, shared[5] = { 0 }, salt[40] = { 0 };
	CK_ECDH1_DERIVE_PARAMS e = { CKD_NULL, 0, NULL, sizeof pub, pub };
	CK_HKDF_PARAMS h = { CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_DATA, salt, 40, 0, shared, 5 }, k;

	copied_well(CKM_ECDH1_DERIVE, &(CK_ECDH1_DERIVE_PARAMS){ CKD_SHA256_KDF, 5, shared, 65, pub }, sizeof e, shared, 0);
	e.ulSharedDataLen = 5, e.pSharedData = shared;
	refused(CKM_ECDH1_DERIVE, &e, sizeof e);
	e.ulSharedDataLen = 0, e.ulPublicDataLen = 0;
	refused(CKM_ECDH1_DERIVE, &e, sizeof e);
	e.ulPublicDataLen = (CK_ULONG)-1;
	refused(CKM_ECDH1_COFACTOR_DERIVE, &e, sizeof e);
	k = h, k.bExtract = 2;
	refused(CKM_HKDF_DERIVE, &k, sizeof k);
	k = h, k.bExtract = k.bExpand = CK_FALSE;
	refused(CKM_HKDF_DERIVE, &k, sizeof k);
	k = h, k.ulSaltType = 3;
	refused(CKM_HKDF_DERIVE, &k, sizeof k);
	k = h, k.ulSaltType = CKF_HKDF_SALT_NULL;
	refused(CKM_HKDF_DATA, &k, sizeof k);
	k = h, k.pInfo = NULL;
	refused(CKM_HKDF_DATA, &k, sizeof k);
	copied_well(CKM_HKDF_DERIVE, &h, sizeof h, salt, sizeof salt);
}
END_TEST

START_TEST(passwords_are_secret)
{
	unsigned char salt[8] = { 1 }, pw[6] = "secret";
	CK_PKCS5_PBKD2_PARAMS2 p = { CKZ_SALT_SPECIFIED, salt, 8, 1000, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, pw, 6 }, q;
	CK_MECHANISM m = MECH(CKM_PKCS5_PBKD2, &p);
	size_t before = hz_secmem_live();
	struct hz_mech a;

	RV(CKR_OK, hz_mech_copy(&a, &m));
	ck_assert(a.secret && hz_secmem_owns(a.param) && hz_secmem_owns(((CK_PKCS5_PBKD2_PARAMS2 *)a.param)->pPassword));
	hz_mech_clear(&a);
	ck_assert_uint_eq(hz_secmem_live(), before);
	q = p, q.ulPasswordLen = (CK_ULONG)(uintptr_t)&before; /* the old structure has a pointer here */
	refused(CKM_PKCS5_PBKD2, &q, sizeof q);
	q = p, q.iterations = 0;
	refused(CKM_PKCS5_PBKD2, &q, sizeof q);
	q = p, q.iterations = (CK_ULONG)-1;
	refused(CKM_PKCS5_PBKD2, &q, sizeof q);
	q = p, q.saltSource = 0;
	refused(CKM_PKCS5_PBKD2, &q, sizeof q);
	q = p, q.prf = 9;
	refused(CKM_PKCS5_PBKD2, &q, sizeof q);
	q = p, q.pPrfData = salt, q.ulPrfDataLen = 1;
	refused(CKM_PKCS5_PBKD2, &q, sizeof q);
	copied_well(CKM_PKCS5_PBKD2, &p, sizeof p, pw, sizeof pw);
}
END_TEST

START_TEST(sp800_108)
{
	CK_SP800_108_COUNTER_FORMAT ctr = { CK_FALSE, 32 };
	CK_SP800_108_DKM_LENGTH_FORMAT dkm = { CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, CK_FALSE, 32 };
	unsigned char label[300] = { 1 };
	CK_PRF_DATA_PARAM d[17] = { { CK_SP800_108_ITERATION_VARIABLE, &ctr, sizeof ctr }, { CK_SP800_108_BYTE_ARRAY, label, sizeof label },
				    { CK_SP800_108_DKM_LENGTH, &dkm, sizeof dkm } };
	CK_SP800_108_KDF_PARAMS p = { CKM_SHA256_HMAC, 3, d, 0, NULL }, q;
	CK_MECHANISM m = MECH(CKM_SP800_108_COUNTER_KDF, &p);
	struct hz_mech a;
	const CK_SP800_108_KDF_PARAMS *c;

	RV(CKR_OK, hz_mech_copy(&a, &m));
	c = a.param;
	ck_assert(c->pDataParams != d && c->pDataParams[1].pValue != label && c->pDataParams[1].ulValueLen == sizeof label);
	ck_assert(((CK_SP800_108_COUNTER_FORMAT *)c->pDataParams[0].pValue)->ulWidthInBits == 32);
	hz_mech_clear(&a);
	q = p, q.ulNumberOfDataParams = 17;
	refused(CKM_SP800_108_COUNTER_KDF, &q, sizeof q);
	q = p, q.ulNumberOfDataParams = (CK_ULONG)1 << 60;
	refused(CKM_SP800_108_COUNTER_KDF, &q, sizeof q);
	q = p, q.pDataParams = NULL;
	refused(CKM_SP800_108_COUNTER_KDF, &q, sizeof q);
	q = p, q.ulAdditionalDerivedKeys = 1;
	refused(CKM_SP800_108_COUNTER_KDF, &q, sizeof q);
	ctr.ulWidthInBits = 33;
	refused(CKM_SP800_108_COUNTER_KDF, &p, sizeof p);
	ctr.ulWidthInBits = 8, dkm.dkmLengthMethod = 7;
	refused(CKM_SP800_108_COUNTER_KDF, &p, sizeof p);
	dkm.dkmLengthMethod = 2, d[1].ulValueLen = (CK_ULONG)-1;
	refused(CKM_SP800_108_COUNTER_KDF, &p, sizeof p);
	d[1].ulValueLen = 4, d[1].type = CK_SP800_108_KEY_HANDLE;
	refused(CKM_SP800_108_COUNTER_KDF, &p, sizeof p);
	d[1].type = CK_SP800_108_BYTE_ARRAY;
	copied_well(CKM_SP800_108_COUNTER_KDF, &p, sizeof p, d, sizeof d);
}
END_TEST

START_TEST(signature_contexts)
{
	unsigned char ctx[256] = { 0 };
	CK_SIGN_ADDITIONAL_CONTEXT s = { CKH_HEDGE_REQUIRED, ctx, 255 };
	CK_HASH_SIGN_ADDITIONAL_CONTEXT hs = { CKH_HEDGE_PREFERRED, ctx, 3, CKM_SHA256 };
	CK_EDDSA_PARAMS e;
	CK_MECHANISM m = { CKM_ML_DSA, NULL, 0 }, me = MECH(CKM_EDDSA, &e);
	struct hz_mech a, b;

	RV(CKR_OK, hz_mech_copy(&a, &m));
	ck_assert(a.param == NULL);
	s.ulContextLen = 256;
	refused(CKM_ML_DSA, &s, sizeof s);
	s.ulContextLen = 255, s.hedgeVariant = 3;
	refused(CKM_ML_DSA, &s, sizeof s);
	s.hedgeVariant = 2;
	copied_well(CKM_HASH_ML_DSA_SHA256, &s, sizeof s, ctx, 0);
	refused(CKM_HASH_ML_DSA, NULL, 0);
	copied_well(CKM_HASH_ML_DSA, &hs, sizeof hs, ctx, 0);
	memset(&e, 0xff, sizeof e); /* padding differs, meaning does not */
	e.phFlag = CK_FALSE, e.ulContextDataLen = 0, e.pContextData = NULL;
	RV(CKR_OK, hz_mech_copy(&a, &me));
	memset(&e, 0, sizeof e);
	RV(CKR_OK, hz_mech_copy(&b, &me));
	ck_assert(mech_equal(&a, &b));
	e.phFlag = 2;
	refused(CKM_EDDSA, &e, sizeof e);
}
END_TEST

START_TEST(vendor)
{
	unsigned char k[33] = { 2 };
	CK_HANZO_ECIES_DELEGATE_PARAMS d = { k, 32 };
	CK_HANZO_ECIES_PARAMS e = { NULL, 1 };
	CK_HANZO_SHAMIR_PARAMS s = { 1, 2, 3, { 0 } }, t;
	CK_HANZO_EIP712_PARAMS p, q;
	CK_MECHANISM mp = MECH(CKM_HANZO_POAI, &p), mq = MECH(CKM_HANZO_POAI, &q);
	struct hz_mech a, b;

	refused(CKM_HANZO_ECIES_DELEGATE, &d, sizeof d);
	d.ulEphemeralKeyLen = 33;
	copied_well(CKM_HANZO_ECIES_PARTIAL, &d, sizeof d, k, sizeof k);
	refused(CKM_HANZO_ECIES, &e, sizeof e);
	t = s, t.ulIndex = 0;
	refused(CKM_HANZO_SHAMIR_SHARE, &t, sizeof t);
	t = s, t.ulIndex = 4;
	refused(CKM_HANZO_SHAMIR_SHARE, &t, sizeof t);
	t = s, t.ulThreshold = 1;
	refused(CKM_HANZO_SHAMIR_SHARE, &t, sizeof t);
	t = s, t.ulThreshold = 4;
	refused(CKM_HANZO_SHAMIR_SHARE, &t, sizeof t);
	t = s, t.ulShares = 256;
	refused(CKM_HANZO_SHAMIR_SHARE, &t, sizeof t);
	copied_well(CKM_HANZO_SHAMIR_SHARE, &s, sizeof s, k, 0);
	memset(&p, 0xee, sizeof p);
	p.ulChainId = 1, p.hasContract = CK_FALSE, p.ulFormat = CK_HANZO_FORMAT_RS | CK_HANZO_FORMAT_IGNORE_TTL;
	memset(&q, 0, sizeof q);
	q.ulChainId = 1, q.ulFormat = p.ulFormat;
	RV(CKR_OK, hz_mech_copy(&a, &mp));
	RV(CKR_OK, hz_mech_copy(&b, &mq));
	ck_assert(mech_equal(&a, &b));
	p.ulFormat = 2;
	refused(CKM_HANZO_POAI, &p, sizeof p);
	p.ulFormat = 0, p.hasContract = 7;
	refused(CKM_HANZO_HMM_SETTLEMENT, &p, sizeof p);
	refused(CKM_HANZO_EIP712, k, 1);
	refused(CKM_HANZO_CERT_SUBJECT, NULL, 0);
	refused(CKM_HANZO_CERT_SUBJECT, k, 31);
}
END_TEST

START_TEST(messages)
{
	unsigned char iv[12], tag[16];
	CK_GCM_MESSAGE_PARAMS g = { iv, 12, 0, CKG_GENERATE, tag, 128 }, h;
	CK_MECHANISM m = MECH(CKM_AES_GCM, &g), none = { CKM_AES_GCM, NULL, 0 }, ec = { CKM_ECDSA, NULL, 0 };
	struct hz_mech a;

	RV(CKR_OK, hz_mech_copy_message(&a, &none));
	RV(CKR_OK, hz_mech_copy_message(&a, &m));
	ck_assert(a.type == CKM_AES_GCM && a.param == NULL);
	RV(CKR_OK, hz_mech_copy_message(&a, &ec));
	RV(CKR_ARGUMENTS_BAD, hz_mech_copy_message(&a, NULL));
	m.ulParameterLen--;
	RV(CKR_MECHANISM_PARAM_INVALID, hz_mech_copy_message(&a, &m));
	RV(CKR_OK, hz_mech_check_message(CKM_AES_GCM, &g, sizeof g));
	RV(CKR_MECHANISM_PARAM_INVALID, hz_mech_check_message(CKM_AES_GCM, &g, sizeof g - 8));
	RV(CKR_MECHANISM_PARAM_INVALID, hz_mech_check_message(CKM_AES_GCM, NULL, sizeof g));
	RV(CKR_MECHANISM_PARAM_INVALID, hz_mech_check_message(CKM_ECDSA, NULL, 0));
	h = g, h.pTag = NULL;
	RV(CKR_MECHANISM_PARAM_INVALID, hz_mech_check_message(CKM_AES_GCM, &h, sizeof h));
	h = g, h.pIv = NULL;
	RV(CKR_MECHANISM_PARAM_INVALID, hz_mech_check_message(CKM_AES_GCM, &h, sizeof h));
	h = g, h.ulIvFixedBits = 97;
	RV(CKR_MECHANISM_PARAM_INVALID, hz_mech_check_message(CKM_AES_GCM, &h, sizeof h));
	h = g, h.ivGenerator = 5;
	RV(CKR_MECHANISM_PARAM_INVALID, hz_mech_check_message(CKM_AES_GCM, &h, sizeof h));
	h = g, h.ulTagBits = 127;
	RV(CKR_MECHANISM_PARAM_INVALID, hz_mech_check_message(CKM_AES_GCM, &h, sizeof h));
}
END_TEST

START_TEST(output_length)
{
	unsigned char out[4];
	CK_ULONG len = 99;
	CK_RV rv = CKR_GENERAL_ERROR;

	ck_assert(hz_out_len(NULL, &len, 4, &rv) == HZ_OUT_STOP && rv == CKR_OK && len == 4);
	len = 3;
	ck_assert(hz_out_len(out, &len, 4, &rv) == HZ_OUT_STOP && rv == CKR_BUFFER_TOO_SMALL && len == 4);
	rv = 77, len = 5;
	ck_assert(hz_out_len(out, &len, 4, &rv) == HZ_OUT_GO && rv == 77 && len == 5);
	len = 0;
	ck_assert(hz_out_len(out, &len, 0, &rv) == HZ_OUT_GO && len == 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { plain_forms, gcm, oaep_defaults, other_aeads, rsa, derivation, passwords_are_secret, sp800_108,
				       signature_contexts, vendor, messages, output_length };

	return run_suite("ck_mech", tests, COUNT(tests));
}
