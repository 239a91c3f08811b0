/* SPDX-License-Identifier: Apache-2.0 */
/* A read-only session makes, changes and ends no token object by any call; session objects are its own to make. */
#include "kit.h"

static CK_SESSION_HANDLE rw, ro;
static CK_BYTE blob[512], value[16];
static CK_OBJECT_CLASS secret = CKO_SECRET_KEY, data = CKO_DATA;
static CK_KEY_TYPE aes = CKK_AES;
static CK_ULONG len = 32;

#define READ_ONLY(call) RV(call, CKR_SESSION_READ_ONLY)

static void token_objects(void)
{
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 }, pair = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, kwp = { CKM_AES_KEY_WRAP_KWP, NULL, 0 };
	CK_BYTE info[4] = "info", oid[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	CK_HKDF_PARAMS p = { CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, info, sizeof info };
	CK_MECHANISM hkdf = { CKM_HKDF_DERIVE, &p, sizeof p };
	CK_ATTRIBUTE create[] = { A_VAL(CKA_CLASS, data), A_TRUE(CKA_TOKEN) };
	CK_ATTRIBUTE key[] = { A_VAL(CKA_VALUE_LEN, len), A_TRUE(CKA_TOKEN) };
	CK_ATTRIBUTE unwrap[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_TRUE(CKA_TOKEN) };
	CK_ATTRIBUTE pub[] = { A_VAL(CKA_EC_PARAMS, oid), A_TRUE(CKA_TOKEN) }, priv[] = { A_TRUE(CKA_TOKEN) };
	CK_ATTRIBUTE label[] = { A_STR(CKA_LABEL, "no") };
	CK_OBJECT_HANDLE h = 0, h2 = 0, mine;
	CK_ULONG n = sizeof blob;
	struct kit_pair t;

	p11_about("token objects");
	OK(kit_generate(rw, KEY_AES, true, &t));
	mine = kit_aes(ro, value, 16);
	READ_ONLY(p11->C_CreateObject(ro, create, 2, &h));
	READ_ONLY(p11->C_CopyObject(ro, mine, priv, 1, &h));
	READ_ONLY(p11->C_CopyObject(ro, t.pub, NULL, 0, &h));
	READ_ONLY(p11->C_SetAttributeValue(ro, t.pub, label, 1));
	READ_ONLY(p11->C_DestroyObject(ro, t.pub));
	READ_ONLY(p11->C_GenerateKey(ro, &gen, key, 2, &h));
	READ_ONLY(p11->C_GenerateKeyPair(ro, &pair, pub, 2, NULL, 0, &h, &h2));
	READ_ONLY(p11->C_GenerateKeyPair(ro, &pair, pub, 1, priv, 1, &h, &h2));
	OK(p11->C_WrapKey(ro, &kwp, kit_key(ro, KEY_AES).pub, mine, blob, &n));
	READ_ONLY(p11->C_UnwrapKey(ro, &kwp, kit_key(ro, KEY_AES).pub, blob, n, unwrap, 3, &h));
	READ_ONLY(p11->C_DeriveKey(ro, &hkdf, kit_key(ro, KEY_GENERIC).pub, key, 2, &h));
	if (kit_flags(1, CKM_ML_KEM) != 0) {
		CK_MECHANISM kem = { CKM_ML_KEM, NULL, 0 };
		static CK_BYTE ct[2048];

		n = sizeof ct;
		READ_ONLY(p11->C_EncapsulateKey(ro, &kem, kit_key(ro, KEY_ML_KEM).pub, priv, 1, ct, &n, &h));
	}
	CHECK(h == 0 && h2 == 0);
	OK(p11->C_DestroyObject(rw, t.pub));
}

static void session_objects(void)
{
	CK_ATTRIBUTE label[] = { A_STR(CKA_LABEL, "mine") };
	CK_OBJECT_HANDLE h = kit_aes(ro, value, 16), c = 0;

	p11_about("session objects");
	OK(p11->C_SetAttributeValue(ro, h, label, 1));
	OK(p11->C_CopyObject(ro, h, NULL, 0, &c));
	OK(p11->C_DestroyObject(ro, c));
	OK(p11->C_DestroyObject(ro, h));
}

/* Without a login: public token objects may be made, private ones and keys at rest may not. */
static void public_session(void)
{
	CK_ATTRIBUTE open[] = { A_VAL(CKA_CLASS, data), A_TRUE(CKA_TOKEN), A_FALSE(CKA_PRIVATE) };
	CK_ATTRIBUTE shut[] = { A_VAL(CKA_CLASS, data), A_TRUE(CKA_TOKEN), A_TRUE(CKA_PRIVATE) };
	CK_ATTRIBUTE key[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value), A_FALSE(CKA_PRIVATE), A_TRUE(CKA_TOKEN) };
	CK_OBJECT_HANDLE h = 0;

	p11_about("public session");
	OK(p11->C_Logout(rw));
	OK(p11->C_CreateObject(rw, open, 3, &h));
	OK(p11->C_DestroyObject(rw, h));
	RV(p11->C_CreateObject(rw, shut, 3, &h), CKR_USER_NOT_LOGGED_IN);
	RV(p11->C_CreateObject(rw, shut, 1, &h), CKR_OK);
	RV(p11->C_CreateObject(rw, key, 5, &h), CKR_USER_NOT_LOGGED_IN);
	RV(p11->C_CreateObject(rw, key, 3, &h), CKR_USER_NOT_LOGGED_IN); /* keys are private unless they say otherwise */
	OK(p11->C_CreateObject(rw, key, 4, &h));
	READ_ONLY(p11->C_CreateObject(ro, open, 3, &h));
}

static void tier_0(void)
{
	CK_SESSION_HANDLE s = kit_session(0, true);
	CK_ATTRIBUTE key[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value), A_TRUE(CKA_TOKEN) };
	CK_ATTRIBUTE to_token[] = { A_TRUE(CKA_TOKEN) };
	CK_OBJECT_HANDLE h = 0;
	struct kit_pair p;

	p11_about("tier 0");
	RV(p11->C_CreateObject(s, key, 4, &h), CKR_TEMPLATE_INCONSISTENT);
	RV(kit_generate(s, KEY_AES, true, &p), CKR_TEMPLATE_INCONSISTENT);
	RV(kit_generate(s, KEY_P256, true, &p), CKR_TEMPLATE_INCONSISTENT);
	h = kit_aes(s, value, 16);
	CHECK(kit_bool(s, h, CKA_PRIVATE)); /* private session objects need no login there */
	RV(p11->C_CopyObject(s, h, to_token, 1, &h), CKR_TEMPLATE_INCONSISTENT);
	OK(p11->C_CopyObject(s, kit_key(s, KEY_P256).pub, to_token, 1, &h));
	CHECK(kit_bool(s, h, CKA_TOKEN));
	OK(p11->C_DestroyObject(s, h));
}

int main(void)
{
	kit_start();
	kit_init_token();
	rw = kit_session(1, true);
	ro = kit_session(1, false);
	kit_login(rw);
	token_objects();
	session_objects();
	public_session();
	tier_0();
	return kit_end();
}
