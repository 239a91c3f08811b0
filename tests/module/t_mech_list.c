/* SPDX-License-Identifier: Apache-2.0 */
/* Each advertised (mechanism, flag) works, and nothing works that is not advertised. */
#include <stdlib.h>
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static CK_BYTE out[8192], back[8192];

#define IN(r) (CK_BYTE *)(uintptr_t)(r).data

static void transform(CK_MECHANISM_TYPE t)
{
	struct kit_recipe r;
	struct kit_pair p;
	CK_ULONG n = sizeof out, m = sizeof back;

	CHECK(kit_recipe(t, CKF_ENCRYPT, &r));
	p = kit_key(s, r.key);
	OK(p11->C_EncryptInit(s, &r.m, p.pub));
	OK(p11->C_Encrypt(s, IN(r), r.len, out, &n));
	OK(p11->C_DecryptInit(s, &r.m, p.priv));
	OK(p11->C_Decrypt(s, out, n, back, &m));
	CHECK(m == r.len && memcmp(back, r.data, m) == 0);
}

static void sign(CK_MECHANISM_TYPE t, CK_FLAGS flags)
{
	struct kit_recipe r;
	struct kit_pair p;
	CK_ULONG n = sizeof out;

	CHECK(kit_recipe(t, CKF_SIGN, &r));
	p = kit_key(s, r.key);
	if ((flags & CKF_SIGN) != 0) {
		OK(p11->C_SignInit(s, &r.m, p.priv));
		OK(p11->C_Sign(s, IN(r), r.len, out, &n));
	} else { /* verify only: the Init has to work, and a wrong signature has to be said so */
		memset(out, 0x11, sizeof out);
		n = r.key == KEY_RSA ? 256 : 64;
	}
	OK(p11->C_VerifyInit(s, &r.m, p.pub));
	RV(p11->C_Verify(s, IN(r), r.len, out, n), (flags & CKF_SIGN) != 0 ? CKR_OK : CKR_SIGNATURE_INVALID);
	out[n / 2] ^= 1;
	OK(p11->C_VerifyInit(s, &r.m, p.pub));
	RV(p11->C_Verify(s, IN(r), r.len, out, n), CKR_SIGNATURE_INVALID);
}

static void recover(CK_MECHANISM_TYPE t)
{
	struct kit_recipe r;
	struct kit_pair p;
	CK_ULONG n = sizeof out, m = sizeof back;

	CHECK(kit_recipe(t, CKF_SIGN_RECOVER, &r));
	p = kit_key(s, r.key);
	OK(p11->C_SignRecoverInit(s, &r.m, p.priv));
	OK(p11->C_SignRecover(s, IN(r), r.len, out, &n));
	OK(p11->C_VerifyRecoverInit(s, &r.m, p.pub));
	OK(p11->C_VerifyRecover(s, out, n, back, &m));
	CHECK(m == r.len && memcmp(back, r.data, m) == 0);
}

static void digest(CK_MECHANISM_TYPE t)
{
	struct kit_recipe r;
	CK_ULONG n = sizeof out;

	CHECK(kit_recipe(t, CKF_DIGEST, &r));
	OK(p11->C_DigestInit(s, &r.m));
	OK(p11->C_Digest(s, IN(r), r.len, out, &n));
	CHECK(n >= 20 && n <= 64);
}

/* GnuTLS makes Ed25519 keys with the number of the signature mechanism. */
static void generate_eddsa(void)
{
	CK_MECHANISM m = { CKM_EDDSA, NULL, 0 };
	CK_BYTE params[] = { 0x06, 0x03, 0x2b, 0x65, 0x70 };
	CK_ATTRIBUTE a[] = { { CKA_EC_PARAMS, params, sizeof params } };
	CK_OBJECT_HANDLE pub = 0, priv = 0;

	OK(p11->C_GenerateKeyPair(s, &m, a, N(a), NULL, 0, &pub, &priv));
	CHECK(kit_ulong(s, priv, CKA_KEY_TYPE) == CKK_EC_EDWARDS && kit_bool(s, priv, CKA_LOCAL));
	OK(p11->C_DestroyObject(s, pub));
	OK(p11->C_DestroyObject(s, priv));
}

/* Generation: the kit's keys cover it, but for the mechanisms that only fill in a value. */
static void generate(CK_MECHANISM_TYPE t, CK_FLAGS flags)
{
	CK_PKCS5_PBKD2_PARAMS2 pb = { CKZ_SALT_SPECIFIED, out, 16, 10, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, (CK_UTF8CHAR *)back, 8 };
	CK_MECHANISM m = { t, &pb, sizeof pb };
	CK_KEY_TYPE kt = CKK_AES;
	CK_ULONG len = 32;
	CK_ATTRIBUTE a[] = { A_VAL(CKA_KEY_TYPE, kt), A_VAL(CKA_VALUE_LEN, len) };
	CK_OBJECT_HANDLE h = 0;
	struct kit_pair p;
	bool done = false;

	if (t == CKM_EDDSA) {
		generate_eddsa();
		return;
	}
	if (t == CKM_PKCS5_PBKD2) {
		OK(p11->C_GenerateKey(s, &m, a, N(a), &h));
		CHECK(kit_bool(s, h, CKA_LOCAL));
		return;
	}
	for (int k = 0; k < KEY_KINDS; k++) {
		CK_RV rv = k == KEY_RSA ? CKR_OK : kit_generate(s, k, false, &p);

		if (k == KEY_RSA)
			p = kit_key(s, k);
		if (rv == CKR_OK && kit_ulong(s, p.priv, CKA_KEY_GEN_MECHANISM) == t)
			done = true;
		if (rv == CKR_OK && k != KEY_RSA) {
			OK(p11->C_DestroyObject(s, p.pub));
			if (p.priv != p.pub)
				OK(p11->C_DestroyObject(s, p.priv));
		}
	}
	if (!done) { /* keys of one HMAC */
		m = (CK_MECHANISM){ t, NULL, 0 };
		OK(p11->C_GenerateKey(s, &m, &a[1], 1, &h));
		CHECK(kit_ulong(s, h, CKA_KEY_GEN_MECHANISM) == t && kit_ulong(s, h, CKA_VALUE_LEN) == 32);
	}
	CHECK((flags & (CKF_GENERATE | CKF_GENERATE_KEY_PAIR)) != (CKF_GENERATE | CKF_GENERATE_KEY_PAIR));
}

static void wrap(CK_MECHANISM_TYPE t)
{
	struct kit_recipe r;
	struct kit_pair p;
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_RSA_AES_KEY_WRAP_PARAMS rsa_aes = { 256, &oaep };
	CK_MECHANISM m = { t, &rsa_aes, sizeof rsa_aes };
	CK_OBJECT_HANDLE target = kit_key(s, KEY_GENERIC).pub, h = 0;
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_ULONG n = sizeof out, len = 64; /* which RSA_X_509, without padding, has to be told */
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), A_FALSE(CKA_SENSITIVE), A_TRUE(CKA_EXTRACTABLE),
			     A_VAL(CKA_VALUE_LEN, len) };

	if (t == CKM_RSA_AES_KEY_WRAP) {
		p = kit_key(s, KEY_RSA);
	} else {
		CHECK(kit_recipe(t, CKF_WRAP, &r));
		m = r.m;
		p = kit_key(s, r.key);
	}
	OK(p11->C_WrapKey(s, &m, p.pub, target, out, &n));
	OK(p11->C_UnwrapKey(s, &m, p.priv, out, n, a, t == CKM_RSA_X_509 ? 5 : 4, &h));
	CHECK(kit_bytes(s, target, CKA_VALUE, out, sizeof out) == 64);
	CHECK(kit_bytes(s, h, CKA_VALUE, back, sizeof back) == 64);
	CHECK(memcmp(out, back, 64) == 0);
}

static void derive(CK_MECHANISM_TYPE t)
{
	CK_BYTE point[160], info[4] = "info";
	CK_ECDH1_DERIVE_PARAMS ecdh = { CKD_NULL, 0, NULL, 0, point };
	CK_HKDF_PARAMS hkdf = { CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, info, sizeof info };
	CK_SP800_108_COUNTER_FORMAT counter = { CK_FALSE, 32 };
	CK_PRF_DATA_PARAM data[] = { { CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof counter }, { CK_SP800_108_BYTE_ARRAY, info, sizeof info } };
	CK_SP800_108_KDF_PARAMS kdf = { CKM_SHA256_HMAC, N(data), data, 0, NULL };
	CK_MECHANISM m = { t, &hkdf, sizeof hkdf };
	CK_OBJECT_CLASS cls = t == CKM_HKDF_DATA ? CKO_DATA : CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_ULONG len = 32;
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_VALUE_LEN, len), A_VAL(CKA_KEY_TYPE, kt) };
	CK_OBJECT_HANDLE base = kit_key(s, KEY_GENERIC).pub, h = 0;

	if (t == CKM_ECDH1_DERIVE || t == CKM_ECDH1_COFACTOR_DERIVE) {
		base = kit_key(s, KEY_P256).priv;
		ecdh.ulPublicDataLen = kit_bytes(s, kit_key(s, KEY_P256).pub, CKA_EC_POINT, point, sizeof point);
		m = (CK_MECHANISM){ t, &ecdh, sizeof ecdh };
	} else if (t == CKM_SP800_108_COUNTER_KDF) {
		m = (CK_MECHANISM){ t, &kdf, sizeof kdf };
	}
	OK(p11->C_DeriveKey(s, &m, base, a, cls == CKO_DATA ? 2 : 3, &h));
	CHECK(kit_bytes(s, h, CKA_VALUE, out, sizeof out) == 32);
}

static void kem(CK_MECHANISM_TYPE t)
{
	CK_MECHANISM m = { t, NULL, 0 };
	struct kit_pair p = kit_key(s, KEY_ML_KEM);
	CK_OBJECT_HANDLE a = 0, b = 0;
	CK_ULONG n = 0;

	OK(p11->C_EncapsulateKey(s, &m, p.pub, NULL, 0, NULL, &n, &a));
	CHECK(n == 1088 && a == 0);
	OK(p11->C_EncapsulateKey(s, &m, p.pub, NULL, 0, out, &n, &a));
	OK(p11->C_DecapsulateKey(s, &m, p.priv, NULL, 0, out, n, &b));
	CHECK(kit_bytes(s, a, CKA_VALUE, out, sizeof out) == 32);
	CHECK(kit_bytes(s, b, CKA_VALUE, back, sizeof back) == 32);
	CHECK(memcmp(out, back, 32) == 0);
}

static void advertised(CK_MECHANISM_TYPE t)
{
	CK_FLAGS f = kit_flags(0, t);

	p11_about("0x%lx with flags 0x%lx", t, f);
	CHECK((f & (CKF_ENCRYPT | CKF_DECRYPT | CKF_DIGEST | CKF_SIGN | CKF_VERIFY | CKF_GENERATE | CKF_GENERATE_KEY_PAIR | CKF_WRAP |
		    CKF_UNWRAP | CKF_DERIVE | CKF_ENCAPSULATE | CKF_MESSAGE_ENCRYPT)) != 0);
	if ((f & (CKF_ENCRYPT | CKF_DECRYPT)) != 0)
		transform(t);
	if ((f & CKF_DIGEST) != 0)
		digest(t);
	if ((f & (CKF_SIGN | CKF_VERIFY)) != 0)
		sign(t, f);
	if ((f & (CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER)) != 0)
		recover(t);
	if ((f & (CKF_GENERATE | CKF_GENERATE_KEY_PAIR)) != 0)
		generate(t, f);
	if ((f & (CKF_WRAP | CKF_UNWRAP)) == (CKF_WRAP | CKF_UNWRAP))
		wrap(t);
	if ((f & CKF_DERIVE) != 0)
		derive(t);
	if ((f & CKF_ENCAPSULATE) != 0)
		kem(t);
}

/* What the list does not say is refused before anything else is looked at. */
static void unadvertised(CK_MECHANISM_TYPE t)
{
	CK_FLAGS f = kit_flags(0, t);
	CK_MECHANISM m = { t, NULL, 0 };
	CK_MECHANISM_INFO info;
	CK_OBJECT_HANDLE h, h2;
	CK_ULONG n = sizeof out;
	const CK_RV no = CKR_MECHANISM_INVALID;

	p11_about("0x%lx without a flag of 0x%lx", t, f);
	if (f == 0)
		RV(p11->C_GetMechanismInfo(0, t, &info), no);
	if ((f & CKF_ENCRYPT) == 0)
		RV(p11->C_EncryptInit(s, &m, 1), no);
	if ((f & CKF_DECRYPT) == 0)
		RV(p11->C_DecryptInit(s, &m, 1), no);
	if ((f & CKF_DIGEST) == 0)
		RV(p11->C_DigestInit(s, &m), no);
	if ((f & CKF_SIGN) == 0)
		RV(p11->C_SignInit(s, &m, 1), no);
	if ((f & CKF_VERIFY) == 0)
		RV(p11->C_VerifyInit(s, &m, 1), no);
	if ((f & CKF_SIGN_RECOVER) == 0)
		RV(p11->C_SignRecoverInit(s, &m, 1), no);
	if ((f & CKF_VERIFY_RECOVER) == 0)
		RV(p11->C_VerifyRecoverInit(s, &m, 1), no);
	if ((f & CKF_GENERATE) == 0)
		RV(p11->C_GenerateKey(s, &m, NULL, 0, &h), no);
	if ((f & CKF_GENERATE_KEY_PAIR) == 0)
		RV(p11->C_GenerateKeyPair(s, &m, NULL, 0, NULL, 0, &h, &h2), no);
	if ((f & CKF_WRAP) == 0)
		RV(p11->C_WrapKey(s, &m, 1, 1, out, &n), no);
	if ((f & CKF_UNWRAP) == 0)
		RV(p11->C_UnwrapKey(s, &m, 1, out, 16, NULL, 0, &h), no);
	if ((f & CKF_DERIVE) == 0)
		RV(p11->C_DeriveKey(s, &m, 1, NULL, 0, &h), no);
	if ((f & CKF_ENCAPSULATE) == 0)
		RV(p11->C_EncapsulateKey(s, &m, 1, NULL, 0, out, &n, &h), no);
	if ((f & CKF_DECAPSULATE) == 0)
		RV(p11->C_DecapsulateKey(s, &m, 1, NULL, 0, out, 16, &h), no);
	if ((f & CKF_MESSAGE_ENCRYPT) == 0)
		RV(p11->C_MessageEncryptInit(s, &m, 1), no);
	if ((f & CKF_MESSAGE_DECRYPT) == 0)
		RV(p11->C_MessageDecryptInit(s, &m, 1), no);
}

int main(void)
{
	CK_MECHANISM_TYPE *list, *again;
	CK_ULONG n, n2;

	kit_start();
	s = kit_session(0, true);
	list = kit_mechs(0, &n);
	again = kit_mechs(1, &n2);
	CHECK(n == n2 && memcmp(list, again, n * sizeof *list) == 0);
	for (CK_ULONG i = 0; i < n; i++) {
		CHECK(i == 0 || list[i - 1] < list[i]);
		advertised(list[i]);
	}
	for (CK_MECHANISM_TYPE t = 0; t < 0x4200; t++)
		unadvertised(t);
	for (CK_MECHANISM_TYPE t = CKM_HANZO_ECIES; t < CKM_HANZO_ECIES + 255; t++)
		unadvertised(t);
	free(list);
	free(again);
	return kit_end();
}
