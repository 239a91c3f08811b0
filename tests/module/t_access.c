/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what with which key, by every way in: logins, read-only sessions, tier 0, trusted wrapping, allowed mechanisms. */
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s, ro; /* of slot 1 */
static CK_BYTE value[32] = "0123456789abcdef0123456789abcde";
static CK_OBJECT_CLASS secret = CKO_SECRET_KEY, private_key = CKO_PRIVATE_KEY, data = CKO_DATA;
static CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static CK_ULONG len16 = 16, len32 = 32;
static CK_MECHANISM kwp = { CKM_AES_KEY_WRAP_KWP, NULL, 0 }, ecb = { CKM_AES_ECB, NULL, 0 }, sha256 = { CKM_SHA256, NULL, 0 };
static CK_MECHANISM aes_gen = { CKM_AES_KEY_GEN, NULL, 0 };
static CK_BYTE out[512];

static CK_UTF8CHAR *text(const char *t)
{
	return (CK_UTF8CHAR *)(uintptr_t)t;
}

static CK_RV login(CK_SESSION_HANDLE h, CK_USER_TYPE who, const char *pin)
{
	return p11->C_Login(h, who, text(pin), strlen(pin));
}

static CK_RV wrap(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE w, CK_OBJECT_HANDLE t, CK_ULONG *n)
{
	*n = sizeof out;
	return p11->C_WrapKey(h, m, w, t, out, n);
}

/* HKDF with no salt and no info from a generic secret. */
static CK_RV derive(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *a, CK_ULONG n, CK_OBJECT_HANDLE *made)
{
	CK_HKDF_PARAMS p = { CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, NULL, 0 };
	CK_MECHANISM m = { CKM_HKDF_DERIVE, &p, sizeof p };

	return p11->C_DeriveKey(h, &m, base, a, n, made);
}

/* A key at rest that everybody sees is of use to the user alone. */
static void nobody_uses(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE k, CK_OBJECT_HANDLE g)
{
	CK_ATTRIBUTE plain[] = { A_FALSE(CKA_PRIVATE), A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_WRAP) };
	CK_ATTRIBUTE copy[] = { A_FALSE(CKA_TOKEN) };
	CK_ATTRIBUTE tmpl[] = { A_FALSE(CKA_PRIVATE), A_VAL(CKA_VALUE_LEN, len16) };
	CK_OBJECT_HANDLE w = 0, made = 0;
	CK_ULONG n;

	RV(p11->C_EncryptInit(h, &ecb, k), CKR_USER_NOT_LOGGED_IN);
	RV(p11->C_CopyObject(h, k, copy, N(copy), &made), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_GenerateKey(h, &aes_gen, plain, N(plain), &w));
	RV(wrap(h, &kwp, w, k, &n), CKR_USER_NOT_LOGGED_IN);
	n = 0;
	RV(p11->C_WrapKey(h, &kwp, w, k, NULL, &n), CKR_USER_NOT_LOGGED_IN);
	RV(wrap(h, &kwp, k, w, &n), CKR_USER_NOT_LOGGED_IN);
	RV(derive(h, g, tmpl, N(tmpl), &made), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_DigestInit(h, &sha256));
	RV(p11->C_DigestKey(h, k), CKR_USER_NOT_LOGGED_IN);
	RV(p11->C_DigestUpdate(h, value, 1), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_DestroyObject(h, w));
}

static void keys_at_rest(void)
{
	CK_ATTRIBUTE a[] = { A_TRUE(CKA_TOKEN), A_FALSE(CKA_PRIVATE), A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes),
			     A_VAL(CKA_VALUE, value), A_TRUE(CKA_EXTRACTABLE), A_FALSE(CKA_SENSITIVE), A_TRUE(CKA_WRAP), A_TRUE(CKA_ENCRYPT) };
	CK_ATTRIBUTE b[] = { A_TRUE(CKA_TOKEN), A_FALSE(CKA_PRIVATE), A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic),
			     A_VAL(CKA_VALUE, value), A_TRUE(CKA_DERIVE) };
	CK_OBJECT_HANDLE k = 0, g = 0;
	CK_ULONG n = sizeof out;

	p11_about("keys at rest");
	OK(p11->C_CreateObject(s, a, N(a), &k));
	OK(p11->C_CreateObject(s, b, N(b), &g));
	OK(p11->C_EncryptInit(s, &ecb, k));
	OK(p11->C_EncryptUpdate(s, value, 16, out, &n));
	OK(p11->C_Logout(ro)); /* in another session: what runs with a key at rest ends */
	n = sizeof out;
	RV(p11->C_EncryptUpdate(s, value, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	p11_about("keys at rest, nobody logged in");
	nobody_uses(s, k, g);
	p11_about("keys at rest, SO");
	OK(p11->C_CloseSession(ro));
	OK(login(s, CKU_SO, SO_PIN));
	nobody_uses(s, k, g);
	OK(p11->C_Logout(s));
	ro = kit_session(1, false);
	OK(login(s, CKU_USER, USER_PIN));
	OK(p11->C_EncryptInit(s, &ecb, k));
	OK(p11->C_EncryptInit(s, NULL, 0));
	OK(p11->C_DestroyObject(s, k));
	OK(p11->C_DestroyObject(s, g));
}

/* Everything that would leave a new object on the token. */
static void makes_none(CK_SESSION_HANDLE h, CK_RV want, bool data_too)
{
	CK_BYTE v16[16] = "another value ..", blob[64];
	CK_ULONG n = sizeof blob;
	CK_ATTRIBUTE gen[] = { A_TRUE(CKA_TOKEN), A_VAL(CKA_VALUE_LEN, len16) };
	CK_ATTRIBUTE create[] = { A_TRUE(CKA_TOKEN), A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, v16) };
	CK_ATTRIBUTE unwrap[] = { A_TRUE(CKA_TOKEN), A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes) };
	CK_ATTRIBUTE der[] = { A_TRUE(CKA_TOKEN), A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), A_VAL(CKA_VALUE_LEN, len16) };
	CK_ATTRIBUTE copy[] = { A_TRUE(CKA_TOKEN) };
	CK_ATTRIBUTE d[] = { A_TRUE(CKA_TOKEN), A_FALSE(CKA_PRIVATE), A_VAL(CKA_CLASS, data) };
	struct kit_pair pair;
	CK_OBJECT_HANDLE made = 0, key = kit_aes(h, value, 32), base = kit_secret(h, CKK_GENERIC_SECRET, value, 32);

	RV(p11->C_GenerateKey(h, &aes_gen, gen, N(gen), &made), want);
	RV(kit_generate(h, KEY_P256, true, &pair), want);
	RV(p11->C_CreateObject(h, create, N(create), &made), want);
	RV(p11->C_CopyObject(h, key, copy, N(copy), &made), want);
	OK(p11->C_WrapKey(h, &kwp, key, base, blob, &n));
	RV(p11->C_UnwrapKey(h, &kwp, key, blob, n, unwrap, N(unwrap), &made), want);
	RV(derive(h, base, der, N(der), &made), want);
	RV(p11->C_CreateObject(h, d, N(d), &made), data_too ? want : CKR_OK);
	CHECK(kit_count(h, gen, 1) == (data_too ? 3 : 4)); /* the profiles, and the data object where it may be */
	if (!data_too)
		OK(p11->C_DestroyObject(h, made));
	OK(p11->C_DestroyObject(h, key));
	OK(p11->C_DestroyObject(h, base));
}

static void tier_0(void)
{
	CK_SESSION_HANDLE open = kit_session(0, true);
	CK_BYTE oid[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	CK_MECHANISM gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE pub[] = { A_TRUE(CKA_TOKEN), A_VAL(CKA_EC_PARAMS, oid) }, priv[] = { A_FALSE(CKA_TOKEN) };
	CK_ATTRIBUTE d[] = { A_TRUE(CKA_TOKEN), A_TRUE(CKA_PRIVATE), A_VAL(CKA_CLASS, data), A_STR(CKA_VALUE, "text") };
	CK_OBJECT_HANDLE a = 0, b = 0;

	p11_about("tier 0");
	makes_none(open, CKR_TEMPLATE_INCONSISTENT, false);
	OK(p11->C_GenerateKeyPair(open, &gen, pub, N(pub), priv, N(priv), &a, &b)); /* the public half may stay */
	OK(p11->C_DestroyObject(open, a));
	RV(p11->C_CreateObject(open, d, N(d), &a), CKR_TEMPLATE_INCONSISTENT);
	OK(p11->C_CloseSession(open));
}

static void read_only(void)
{
	CK_ATTRIBUTE a[] = { A_TRUE(CKA_TOKEN), A_TRUE(CKA_PRIVATE), A_VAL(CKA_CLASS, data), A_STR(CKA_LABEL, "ro") };
	CK_ATTRIBUTE label[] = { A_STR(CKA_LABEL, "no") };
	CK_OBJECT_HANDLE h = 0;

	p11_about("read-only session");
	makes_none(ro, CKR_SESSION_READ_ONLY, true);
	OK(p11->C_CreateObject(s, a, N(a), &h));
	RV(p11->C_SetAttributeValue(ro, h, label, 1), CKR_SESSION_READ_ONLY);
	RV(p11->C_DestroyObject(ro, h), CKR_SESSION_READ_ONLY);
	OK(p11->C_DestroyObject(s, h));
}

/* CKA_TRUSTED is the SO's to give; who may only wrap does not become one who opens. */
static void trusted(void)
{
	CK_ATTRIBUTE yes[] = { A_TRUE(CKA_TRUSTED) }, may_open[] = { A_TRUE(CKA_DECRYPT) }, may_unwrap[] = { A_TRUE(CKA_UNWRAP) };
	CK_ATTRIBUTE w[] = { A_TRUE(CKA_TOKEN), A_FALSE(CKA_PRIVATE), A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_WRAP), A_FALSE(CKA_DECRYPT) };
	CK_ATTRIBUTE opens[] = { A_TRUE(CKA_TOKEN), A_FALSE(CKA_PRIVATE), A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_WRAP), A_TRUE(CKA_DECRYPT) };
	CK_ATTRIBUTE t[] = { A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_EXTRACTABLE), A_TRUE(CKA_WRAP_WITH_TRUSTED) };
	CK_ATTRIBUTE with[] = { A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_TRUSTED) };
	CK_OBJECT_HANDLE key = 0, opener = 0, target = 0, copy = 0;
	CK_ULONG n;

	p11_about("trusted");
	OK(p11->C_GenerateKey(s, &aes_gen, w, N(w), &key));
	OK(p11->C_GenerateKey(s, &aes_gen, opens, N(opens), &opener));
	RV(p11->C_GenerateKey(s, &aes_gen, with, N(with), &target), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_SetAttributeValue(s, key, yes, 1), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_CopyObject(s, key, yes, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	OK(p11->C_GenerateKey(s, &aes_gen, t, N(t), &target));
	RV(wrap(s, &kwp, key, target, &n), CKR_KEY_NOT_WRAPPABLE);
	OK(p11->C_DestroyObject(s, target));
	OK(p11->C_Logout(s));
	OK(p11->C_CloseSession(ro));
	OK(login(s, CKU_SO, SO_PIN));
	OK(p11->C_SetAttributeValue(s, key, yes, 1));
	OK(p11->C_SetAttributeValue(s, opener, yes, 1));
	OK(p11->C_Logout(s));
	ro = kit_session(1, false);
	OK(login(s, CKU_USER, USER_PIN));
	CHECK(kit_bool(s, key, CKA_TRUSTED));
	OK(p11->C_GenerateKey(s, &aes_gen, t, N(t), &target));
	OK(wrap(s, &kwp, key, target, &n));
	RV(wrap(s, &kwp, opener, target, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(p11->C_DestroyObject(s, opener));
	RV(p11->C_SetAttributeValue(s, key, may_open, 1), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_SetAttributeValue(s, key, may_unwrap, 1), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_CopyObject(s, key, may_open, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	OK(p11->C_DestroyObject(s, target));
	OK(p11->C_DestroyObject(s, key));
}

/* Both attributes on one key, as pkcs11-tool makes them: it wraps all that may leave, but for what trusts the SO's choice only. */
static void wraps_and_opens(void)
{
	CK_ATTRIBUTE both[] = { A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_WRAP), A_TRUE(CKA_DECRYPT) };
	CK_ATTRIBUTE t[] = { A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_EXTRACTABLE) };
	CK_ATTRIBUTE shut[] = { A_VAL(CKA_VALUE_LEN, len32), A_FALSE(CKA_EXTRACTABLE) };
	CK_ATTRIBUTE only[] = { A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_WRAP), A_FALSE(CKA_DECRYPT) };
	CK_OBJECT_HANDLE w = 0, k = 0, target = 0, no = 0;
	CK_ULONG n;

	p11_about("wrap and decrypt");
	OK(p11->C_GenerateKey(s, &aes_gen, both, N(both), &w));
	OK(p11->C_GenerateKey(s, &aes_gen, only, N(only), &k));
	OK(p11->C_GenerateKey(s, &aes_gen, t, N(t), &target));
	OK(p11->C_GenerateKey(s, &aes_gen, shut, N(shut), &no));
	OK(wrap(s, &kwp, w, target, &n));
	OK(wrap(s, &kwp, k, target, &n));
	RV(wrap(s, &kwp, k, no, &n), CKR_KEY_UNEXTRACTABLE);
	n = 0;
	RV(p11->C_WrapKey(s, &kwp, k, no, NULL, &n), CKR_KEY_UNEXTRACTABLE);
	OK(p11->C_DestroyObject(s, w));
	OK(p11->C_DestroyObject(s, k));
	OK(p11->C_DestroyObject(s, target));
	OK(p11->C_DestroyObject(s, no));
}

/* What is not in the list is refused in every kind of call. */
static void allowed(void)
{
	CK_MECHANISM_TYPE list[] = { CKM_AES_CMAC };
	CK_ATTRIBUTE a[] = { A_VAL(CKA_VALUE_LEN, len32), A_VAL(CKA_ALLOWED_MECHANISMS, list), A_TRUE(CKA_WRAP), A_TRUE(CKA_UNWRAP),
			     A_TRUE(CKA_DERIVE), A_TRUE(CKA_ENCRYPT), A_TRUE(CKA_DECRYPT), A_TRUE(CKA_SIGN), A_TRUE(CKA_VERIFY) };
	CK_ATTRIBUTE tmpl[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes) };
	CK_ATTRIBUTE wider[] = { { CKA_ALLOWED_MECHANISMS, NULL, 0 } };
	CK_SP800_108_COUNTER_FORMAT f = { CK_FALSE, 32 };
	CK_PRF_DATA_PARAM seg = { CK_SP800_108_ITERATION_VARIABLE, &f, sizeof f };
	CK_SP800_108_KDF_PARAMS kdf = { CKM_AES_CMAC, 1, &seg, 0, NULL };
	CK_MECHANISM sp800 = { CKM_SP800_108_COUNTER_KDF, &kdf, sizeof kdf }, gcm = { CKM_AES_GCM, NULL, 0 };
	CK_MECHANISM hmac = { CKM_AES_CMAC_GENERAL, &len16, sizeof len16 }, cmac = { CKM_AES_CMAC, NULL, 0 };
	CK_OBJECT_HANDLE k = 0, other = kit_aes(s, value, 16), made = 0;
	CK_ULONG n;

	p11_about("allowed mechanisms");
	OK(p11->C_GenerateKey(s, &aes_gen, a, N(a), &k));
	RV(wrap(s, &kwp, k, other, &n), CKR_MECHANISM_INVALID);
	RV(p11->C_UnwrapKey(s, &kwp, k, value, 24, tmpl, N(tmpl), &made), CKR_MECHANISM_INVALID);
	RV(p11->C_DeriveKey(s, &sp800, k, tmpl, N(tmpl), &made), CKR_MECHANISM_INVALID);
	RV(p11->C_MessageEncryptInit(s, &gcm, k), CKR_MECHANISM_INVALID);
	RV(p11->C_MessageDecryptInit(s, &gcm, k), CKR_MECHANISM_INVALID);
	RV(p11->C_DecryptInit(s, &ecb, k), CKR_MECHANISM_INVALID);
	RV(p11->C_VerifyInit(s, &hmac, k), CKR_MECHANISM_INVALID);
	RV(p11->C_VerifySignatureInit(s, &hmac, k, value, 16), CKR_MECHANISM_INVALID);
	OK(p11->C_DigestInit(s, &sha256));
	RV(p11->C_DigestKey(s, k), CKR_MECHANISM_INVALID);
	RV(p11->C_DigestUpdate(s, value, 1), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_VerifyInit(s, &cmac, k));
	OK(p11->C_VerifyInit(s, NULL, 0));
	RV(p11->C_SetAttributeValue(s, k, wider, 1), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_CopyObject(s, k, wider, 1, &made), CKR_ATTRIBUTE_READ_ONLY);
	OK(p11->C_DestroyObject(s, k));
	OK(p11->C_DestroyObject(s, other));
}

/* CKA_UNWRAP_TEMPLATE and CKA_DERIVE_TEMPLATE force, CKA_WRAP_TEMPLATE chooses. */
static void templates(void)
{
	CK_ATTRIBUTE forced[] = { A_FALSE(CKA_EXTRACTABLE), A_TRUE(CKA_SENSITIVE) }, chosen[] = { A_STR(CKA_LABEL, "mine") };
	CK_ATTRIBUTE a[] = { A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_WRAP), A_TRUE(CKA_UNWRAP), A_FALSE(CKA_DECRYPT),
			     { CKA_UNWRAP_TEMPLATE, forced, sizeof forced }, { CKA_WRAP_TEMPLATE, chosen, sizeof chosen } };
	CK_ATTRIBUTE b[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), A_VAL(CKA_VALUE, value), A_TRUE(CKA_DERIVE),
			     { CKA_DERIVE_TEMPLATE, forced, sizeof forced } };
	CK_ATTRIBUTE silent[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), A_VAL(CKA_VALUE_LEN, len32) };
	CK_ATTRIBUTE differs[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_EXTRACTABLE) };
	CK_OBJECT_HANDLE k = 0, base = 0, t = kit_secret(s, CKK_GENERIC_SECRET, value, 32), made = 0;
	CK_ULONG n;

	p11_about("templates");
	OK(p11->C_GenerateKey(s, &aes_gen, a, N(a), &k));
	OK(p11->C_CreateObject(s, b, N(b), &base));
	RV(wrap(s, &kwp, k, t, &n), CKR_KEY_HANDLE_INVALID);
	OK(p11->C_SetAttributeValue(s, t, chosen, 1));
	OK(wrap(s, &kwp, k, t, &n));
	RV(p11->C_UnwrapKey(s, &kwp, k, out, n, differs, N(differs), &made), CKR_TEMPLATE_INCONSISTENT);
	OK(p11->C_UnwrapKey(s, &kwp, k, out, n, silent, N(silent), &made));
	CHECK(!kit_bool(s, made, CKA_EXTRACTABLE) && kit_bool(s, made, CKA_SENSITIVE) && !kit_bool(s, made, CKA_LOCAL));
	CHECK(!kit_bool(s, made, CKA_ALWAYS_SENSITIVE) && !kit_bool(s, made, CKA_NEVER_EXTRACTABLE));
	OK(p11->C_DestroyObject(s, made));
	RV(derive(s, base, differs, N(differs), &made), CKR_TEMPLATE_INCONSISTENT);
	OK(derive(s, base, silent, N(silent), &made));
	CHECK(!kit_bool(s, made, CKA_EXTRACTABLE) && kit_bool(s, made, CKA_SENSITIVE));
	OK(p11->C_DestroyObject(s, made));
	OK(p11->C_DestroyObject(s, k));
	OK(p11->C_DestroyObject(s, base));
	OK(p11->C_DestroyObject(s, t));
}

/* One login is good for one use of one operation; calls without a place for it are refused. */
static void always_authenticate(void)
{
	CK_MECHANISM gen = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 }, pkcs = { CKM_RSA_PKCS, NULL, 0 };
	CK_ULONG bits = 2048, n = sizeof out, m = sizeof out;
	CK_BYTE ct[256], back[256];
	CK_ATTRIBUTE pub[] = { A_VAL(CKA_MODULUS_BITS, bits), A_TRUE(CKA_WRAP), A_TRUE(CKA_ENCRYPT) };
	CK_ATTRIBUTE priv[] = { A_TRUE(CKA_ALWAYS_AUTHENTICATE), A_TRUE(CKA_SIGN), A_TRUE(CKA_DECRYPT), A_TRUE(CKA_UNWRAP), A_TRUE(CKA_SIGN_RECOVER) };
	CK_ATTRIBUTE tmpl[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes) }, off[] = { A_FALSE(CKA_ALWAYS_AUTHENTICATE) };
	CK_OBJECT_HANDLE a = 0, b = 0, made = 0;
	CK_ULONG ct_len = sizeof ct, back_len = 4;

	p11_about("always authenticate");
	OK(p11->C_GenerateKeyPair(s, &gen, pub, N(pub), priv, N(priv), &a, &b));
	OK(p11->C_EncryptInit(s, &pkcs, a));
	OK(p11->C_Encrypt(s, value, 16, ct, &ct_len));
	RV(p11->C_UnwrapKey(s, &pkcs, b, ct, ct_len, tmpl, N(tmpl), &made), CKR_USER_NOT_LOGGED_IN);
	RV(p11->C_SetAttributeValue(s, b, off, 1), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_CopyObject(s, b, off, 1, &made), CKR_ATTRIBUTE_READ_ONLY);
	OK(p11->C_SignInit(s, &pkcs, b));
	OK(p11->C_DecryptInit(s, &pkcs, b)); /* begun last: the login is for it */
	OK(login(s, CKU_CONTEXT_SPECIFIC, USER_PIN));
	RV(p11->C_Sign(s, value, 20, out, &n), CKR_USER_NOT_LOGGED_IN);
	RV(p11->C_Decrypt(s, ct, ct_len, back, &back_len), CKR_BUFFER_TOO_SMALL);
	CHECK(back_len == 16);
	OK(p11->C_Decrypt(s, ct, ct_len, back, &back_len));
	CHECK(back_len == 16 && memcmp(back, value, 16) == 0);
	OK(p11->C_DecryptInit(s, &pkcs, b));
	back_len = 4; /* a short buffer is no way round the login */
	RV(p11->C_Decrypt(s, ct, ct_len, back, &back_len), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_SignRecoverInit(s, &pkcs, b));
	RV(p11->C_SignRecover(s, value, 20, out, &m), CKR_USER_NOT_LOGGED_IN);
	RV(login(s, CKU_CONTEXT_SPECIFIC, USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_DestroyObject(s, a));
	OK(p11->C_DestroyObject(s, b));
}

/* What RSA takes off is a key of that type or not: nothing says which of padding and length was wrong. */
static void rsa_unwrap(void)
{
	CK_MECHANISM m[2] = { { CKM_RSA_PKCS, NULL, 0 }, { CKM_RSA_PKCS_OAEP, NULL, 0 } };
	CK_RSA_PKCS_OAEP_PARAMS p = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_ATTRIBUTE tmpl[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes) };
	CK_ATTRIBUTE sized[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), A_VAL(CKA_VALUE_LEN, len16) };
	struct kit_pair k = kit_key(s, KEY_RSA);
	CK_BYTE ct[256];
	CK_ULONG n;
	CK_OBJECT_HANDLE made = 0;

	p11_about("RSA unwrap");
	m[1].pParameter = &p;
	m[1].ulParameterLen = sizeof p;
	for (int i = 0; i < 2; i++) {
		n = sizeof ct;
		OK(p11->C_EncryptInit(s, &m[i], k.pub));
		OK(p11->C_Encrypt(s, value, 17, ct, &n));
		RV(p11->C_UnwrapKey(s, &m[i], k.priv, ct, n, tmpl, N(tmpl), &made), CKR_WRAPPED_KEY_INVALID);
		RV(p11->C_UnwrapKey(s, &m[i], k.priv, ct, n, sized, N(sized), &made), CKR_WRAPPED_KEY_INVALID);
		ct[n - 1] ^= 1;
		RV(p11->C_UnwrapKey(s, &m[i], k.priv, ct, n, tmpl, N(tmpl), &made), CKR_WRAPPED_KEY_INVALID);
		RV(p11->C_UnwrapKey(s, &m[i], k.priv, ct, n - 1, tmpl, N(tmpl), &made), CKR_WRAPPED_KEY_LEN_RANGE);
	}
}

/* C_Logout ends private session objects, running operations with them in every session, and a search's remainder. */
static void logout(void)
{
	CK_ATTRIBUTE a[] = { A_TRUE(CKA_PRIVATE), A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_ENCRYPT), A_TRUE(CKA_SIGN) };
	CK_ATTRIBUTE b[] = { A_FALSE(CKA_PRIVATE), A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_ENCRYPT) };
	CK_OBJECT_HANDLE mine = 0, open = 0, got[64];
	CK_MECHANISM cmac = { CKM_AES_CMAC, NULL, 0 };
	CK_ULONG n = sizeof out;

	p11_about("logout");
	OK(p11->C_GenerateKey(s, &aes_gen, a, N(a), &mine));
	OK(p11->C_GenerateKey(s, &aes_gen, b, N(b), &open));
	OK(p11->C_EncryptInit(ro, &ecb, mine));
	OK(p11->C_SignInit(ro, &cmac, mine));
	OK(p11->C_SignUpdate(ro, value, 5));
	OK(p11->C_EncryptInit(s, &ecb, open));
	OK(p11->C_FindObjectsInit(ro, NULL, 0));
	OK(p11->C_Logout(s));
	RV(p11->C_Logout(ro), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_FindObjects(ro, got, N(got), &n));
	CHECK(n == 0);
	OK(p11->C_FindObjectsFinal(ro));
	n = sizeof out;
	RV(p11->C_Encrypt(ro, value, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	RV(p11->C_SignFinal(ro, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_Encrypt(s, value, 16, out, &n));
	RV(p11->C_DestroyObject(s, mine), CKR_OBJECT_HANDLE_INVALID);
	RV(p11->C_EncryptInit(s, &ecb, mine), CKR_KEY_HANDLE_INVALID);
	OK(login(s, CKU_USER, USER_PIN));
	RV(p11->C_EncryptInit(s, &ecb, mine), CKR_KEY_HANDLE_INVALID);
	OK(p11->C_DestroyObject(s, open));
}

/* A copy or an unwrapped key is never more open than its original or its wrapping allows. */
static void copies(void)
{
	CK_ATTRIBUTE a[] = { A_VAL(CKA_VALUE_LEN, len32), A_TRUE(CKA_SENSITIVE), A_FALSE(CKA_EXTRACTABLE) };
	CK_ATTRIBUTE bad[][1] = { { A_FALSE(CKA_SENSITIVE) }, { A_TRUE(CKA_EXTRACTABLE) }, { A_FALSE(CKA_PRIVATE) }, { A_FALSE(CKA_ALWAYS_SENSITIVE) },
				  { A_VAL(CKA_CLASS, private_key) }, { A_VAL(CKA_KEY_TYPE, generic) }, { A_VAL(CKA_VALUE_LEN, len16) },
				  { A_VAL(CKA_VALUE, value) } };
	CK_ATTRIBUTE stay[] = { A_FALSE(CKA_COPYABLE), A_FALSE(CKA_MODIFIABLE), A_FALSE(CKA_DESTROYABLE), A_VAL(CKA_VALUE_LEN, len32) };
	CK_ATTRIBUTE label[] = { A_STR(CKA_LABEL, "x") };
	CK_OBJECT_HANDLE k = 0, c = 0;

	p11_about("copies");
	OK(p11->C_GenerateKey(s, &aes_gen, a, N(a), &k));
	CHECK(kit_bool(s, k, CKA_ALWAYS_SENSITIVE) && kit_bool(s, k, CKA_NEVER_EXTRACTABLE));
	for (size_t i = 0; i < N(bad); i++) {
		p11_about("copies %zu", i);
		CHECK(p11->C_CopyObject(s, k, bad[i], 1, &c) != CKR_OK);
		CHECK(p11->C_SetAttributeValue(s, k, bad[i], 1) != CKR_OK);
	}
	OK(p11->C_CopyObject(s, k, label, 1, &c));
	CHECK(kit_bool(s, c, CKA_SENSITIVE) && !kit_bool(s, c, CKA_EXTRACTABLE) && kit_bool(s, c, CKA_LOCAL) && kit_bool(s, c, CKA_NEVER_EXTRACTABLE));
	OK(p11->C_DestroyObject(s, c));
	OK(p11->C_DestroyObject(s, k));
	OK(p11->C_GenerateKey(s, &aes_gen, stay, N(stay), &k));
	RV(p11->C_CopyObject(s, k, NULL, 0, &c), CKR_ACTION_PROHIBITED);
	RV(p11->C_SetAttributeValue(s, k, label, 1), CKR_ACTION_PROHIBITED);
	RV(p11->C_DestroyObject(s, k), CKR_ACTION_PROHIBITED);
}

/* A limit that nothing enforces must not be kept as if it held. */
static void no_empty_promises(void)
{
	static const CK_ATTRIBUTE_TYPE limits[] = { CKA_HANZO_ROTATE_DAYS, CKA_HANZO_RATE_LIMIT, CKA_HANZO_USES_LEFT };
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 32, one = 1;
	CK_OBJECT_HANDLE k;

	for (size_t i = 0; i < N(limits); i++) {
		CK_ATTRIBUTE t[] = { A_VAL(CKA_VALUE_LEN, len), A_VAL(limits[i], one) };

		RV(p11->C_GenerateKey(s, &m, t, 2, &k), CKR_ATTRIBUTE_TYPE_INVALID);
		OK(p11->C_GenerateKey(s, &m, t, 1, &k));
		RV(p11->C_SetAttributeValue(s, k, &t[1], 1), CKR_ATTRIBUTE_TYPE_INVALID);
		OK(p11->C_DestroyObject(s, k));
	}
}

int main(void)
{
	kit_start();
	kit_init_token();
	s = kit_session(1, true);
	ro = kit_session(1, false);
	OK(login(s, CKU_USER, USER_PIN));
	tier_0();
	read_only();
	keys_at_rest();
	trusted();
	wraps_and_opens();
	allowed();
	no_empty_promises();
	templates();
	always_authenticate();
	rsa_unwrap();
	copies();
	logout();
	return kit_end();
}
