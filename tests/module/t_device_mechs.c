/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every mechanism that a slot in front of SoftHSM2 lists, against the software backend with the same keys; what is composed of the
 * device's mechanisms; what is refused, and with which code.
 */
#include <time.h>

#include "kit.h"
#include "softhsm.h"

#define SLOT SOFTHSM_SLOT

static CK_SESSION_HANDLE dev, soft; /* the device's slot, and tier 0 with keys of the session */

/* ---- the same key in software ---- */

static CK_ULONG copy_attribute(CK_OBJECT_HANDLE from, CK_ATTRIBUTE_TYPE type, CK_BYTE *room, CK_ULONG size, CK_ATTRIBUTE *a)
{
	*a = (CK_ATTRIBUTE){ type, room, size };
	return p11->C_GetAttributeValue(dev, from, a, 1) == CKR_OK && a->ulValueLen != 0 ? 1 : 0;
}

/* The public half, or the secret key with its value. */
static CK_OBJECT_HANDLE in_software(struct kit_pair k)
{
	static CK_BYTE room[6][1024];
	static const CK_ATTRIBUTE_TYPE numbers[] = { CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_EC_POINT, CKA_VALUE };
	CK_OBJECT_CLASS cls = kit_ulong(dev, k.pub, CKA_CLASS);
	CK_KEY_TYPE kt = kit_ulong(dev, k.pub, CKA_KEY_TYPE);
	CK_ATTRIBUTE t[12] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, A_TRUE(CKA_VERIFY), A_TRUE(CKA_ENCRYPT) };
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG n = 4;

	if (kt == CKK_EC || kt == CKK_EC_EDWARDS)
		n = 3;
	if (k.pub == k.priv) {
		t[n++] = (CK_ATTRIBUTE)A_TRUE(CKA_DECRYPT);
		t[n++] = (CK_ATTRIBUTE)A_TRUE(CKA_SIGN);
	}
	for (size_t i = 0; i < N(numbers); i++)
		n += copy_attribute(k.pub, numbers[i], room[i], sizeof room[i], &t[n]);
	OK(p11->C_CreateObject(soft, t, n, &h));
	return h;
}

/* ---- each mechanism ---- */

static bool verifies(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig, CK_ULONG n)
{
	return p11->C_VerifyInit(s, m, key) == CKR_OK && p11->C_Verify(s, (CK_BYTE *)(uintptr_t)in, len, sig, n) == CKR_OK;
}

/* Messages that are hashed come in parts too. */
static void sign_parts(const struct kit_recipe *r, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE pub)
{
	CK_MECHANISM m = r->m;
	CK_BYTE sig[1024];
	CK_ULONG n = sizeof sig, half = r->len / 2;
	CK_RV rv;

	if (p11->C_SignInit(dev, &m, key) != CKR_OK)
		return;
	rv = p11->C_SignUpdate(dev, (CK_BYTE *)(uintptr_t)r->data, half);
	if (rv != CKR_OK) {
		CHECK(rv == CKR_FUNCTION_NOT_SUPPORTED || rv == CKR_DATA_LEN_RANGE || rv == CKR_MECHANISM_INVALID);
		return;
	}
	OK(p11->C_SignUpdate(dev, (CK_BYTE *)(uintptr_t)(r->data + half), r->len - half));
	OK(p11->C_SignFinal(dev, NULL, &n));
	OK(p11->C_SignFinal(dev, sig, &n));
	CHECK(verifies(soft, &m, pub, r->data, r->len, sig, n));
}

static void try_sign(struct kit_recipe *r, struct kit_pair k, CK_OBJECT_HANDLE pub)
{
	CK_BYTE sig[1024];
	CK_ULONG n = 0, len;

	OK(p11->C_SignInit(dev, &r->m, k.priv));
	OK(p11->C_Sign(dev, (CK_BYTE *)(uintptr_t)r->data, r->len, NULL, &n));
	CHECK(n != 0 && n <= sizeof sig);
	len = n - 1;
	RV(p11->C_Sign(dev, (CK_BYTE *)(uintptr_t)r->data, r->len, sig, &len), CKR_BUFFER_TOO_SMALL);
	OK(p11->C_Sign(dev, (CK_BYTE *)(uintptr_t)r->data, r->len, sig, &n));
	CHECK(verifies(soft, &r->m, pub, r->data, r->len, sig, n));
	if ((kit_flags(SLOT, r->m.mechanism) & CKF_VERIFY) != 0) {
		CHECK(verifies(dev, &r->m, k.pub, r->data, r->len, sig, n));
		sig[n / 2] ^= 1;
		CHECK(!verifies(dev, &r->m, k.pub, r->data, r->len, sig, n));
	}
	if (r->m.mechanism != CKM_HANZO_POAI && r->m.mechanism != CKM_HANZO_HMM_SETTLEMENT)
		sign_parts(r, k.priv, pub);
}

static void try_crypt(struct kit_recipe *r, struct kit_pair k, CK_OBJECT_HANDLE other)
{
	CK_BYTE ct[2048], pt[2048];
	CK_ULONG n = sizeof ct, len = sizeof pt, a, b;
	CK_FLAGS f = kit_flags(SLOT, r->m.mechanism);

	OK(p11->C_EncryptInit(dev, &r->m, k.pub));
	OK(p11->C_Encrypt(dev, (CK_BYTE *)(uintptr_t)r->data, r->len, ct, &n));
	if ((f & CKF_DECRYPT) == 0)
		return;
	OK(p11->C_DecryptInit(dev, &r->m, k.priv));
	if (r->m.mechanism == CKM_RSA_PKCS_OAEP) { /* SoftHSM2 knows it with SHA-1 only: see below */
		RV(p11->C_Decrypt(dev, ct, n, pt, &len), CKR_MECHANISM_PARAM_INVALID);
		return;
	}
	OK(p11->C_Decrypt(dev, ct, n, pt, &len));
	CHECK(len == r->len && memcmp(pt, r->data, len) == 0);
	if (k.pub != k.priv) /* what software encrypts, the device opens */
		return;
	len = sizeof pt;
	OK(p11->C_DecryptInit(soft, &r->m, other));
	OK(p11->C_Decrypt(soft, ct, n, pt, &len));
	CHECK(len == r->len && memcmp(pt, r->data, len) == 0);
	a = r->len / r->multiple / 2 * r->multiple;
	b = sizeof ct;
	OK(p11->C_EncryptInit(dev, &r->m, k.pub));
	len = sizeof ct;
	OK(p11->C_EncryptUpdate(dev, (CK_BYTE *)(uintptr_t)r->data, a, ct, &len));
	b = sizeof ct - len;
	OK(p11->C_EncryptUpdate(dev, (CK_BYTE *)(uintptr_t)(r->data + a), r->len - a, ct + len, &b));
	len += b;
	b = sizeof ct - len;
	OK(p11->C_EncryptFinal(dev, ct + len, &b));
	len += b;
	CHECK(len == n);
	b = sizeof pt;
	OK(p11->C_DecryptInit(soft, &r->m, other));
	OK(p11->C_Decrypt(soft, ct, len, pt, &b));
	CHECK(b == r->len && memcmp(pt, r->data, b) == 0);
}

static void try_digest(struct kit_recipe *r)
{
	CK_BYTE x[64], y[64];
	CK_ULONG n = sizeof x, k = sizeof y;

	OK(p11->C_DigestInit(dev, &r->m));
	OK(p11->C_DigestUpdate(dev, (CK_BYTE *)(uintptr_t)r->data, 10));
	OK(p11->C_DigestUpdate(dev, (CK_BYTE *)(uintptr_t)(r->data + 10), r->len - 10));
	OK(p11->C_DigestFinal(dev, x, &n));
	OK(p11->C_DigestInit(soft, &r->m));
	OK(p11->C_Digest(soft, (CK_BYTE *)(uintptr_t)r->data, r->len, y, &k));
	CHECK(n == k && memcmp(x, y, n) == 0);
}

static void test_every_mechanism(void)
{
	CK_ULONG n, signing = 0, crypting = 0, digesting = 0;
	CK_MECHANISM_TYPE *list = kit_mechs(SLOT, &n);
	CK_OBJECT_HANDLE soft_key[KEY_KINDS] = { 0 };

	for (CK_ULONG i = 0; i < n; i++) {
		CK_FLAGS f = kit_flags(SLOT, list[i]);
		struct kit_recipe r;
		struct kit_pair k;

		p11_about("mechanism 0x%lx", list[i]);
		CHECK(f != 0);
		if ((f & (CKF_SIGN | CKF_ENCRYPT | CKF_DIGEST)) == 0)
			continue;
		CHECK(kit_recipe(list[i], f, &r));
		if ((f & CKF_DIGEST) != 0) {
			try_digest(&r);
			digesting++;
			continue;
		}
		k = kit_key(dev, r.key);
		if (soft_key[r.key] == 0)
			soft_key[r.key] = in_software(k);
		if (r.key == KEY_ED25519)
			softhsm_leaks(true);
		if ((f & CKF_SIGN) != 0)
			try_sign(&r, k, soft_key[r.key]);
		if (r.key == KEY_ED25519)
			softhsm_leaks(false);
		if ((f & CKF_ENCRYPT) != 0)
			try_crypt(&r, k, soft_key[r.key]);
		signing += (f & CKF_SIGN) != 0;
		crypting += (f & CKF_ENCRYPT) != 0;
	}
	free(list);
	printf("%lu mechanisms: %lu sign, %lu encrypt, %lu digest\n", n, signing, crypting, digesting);
	CHECK(signing >= 30 && crypting >= 7 && digesting >= 10);
	p11_about("after all mechanisms");
}

/* ---- statements and typed data ---- */

static CK_RV sign(CK_MECHANISM *m, CK_OBJECT_HANDLE key, const void *in, CK_ULONG len, CK_BYTE *sig, CK_ULONG *n)
{
	CK_RV rv = p11->C_SignInit(dev, m, key);

	return rv == CKR_OK ? p11->C_Sign(dev, (CK_BYTE *)(uintptr_t)in, len, sig, n) : rv;
}

static void test_statements(void)
{
	static const char typed[] = "{\"types\":{\"EIP712Domain\":[{\"name\":\"name\",\"type\":\"string\"}],\"T\":[{\"name\":\"x\",\"type\":"
				    "\"uint256\"}]},\"primaryType\":\"T\",\"domain\":{\"name\":\"Hanzo HMM\"},\"message\":{\"x\":\"1\"}}";
	CK_MECHANISM hmm = { CKM_HANZO_HMM_SETTLEMENT, NULL, 0 }, eip = { CKM_HANZO_EIP712, NULL, 0 }, raw = { CKM_ECDSA, NULL, 0 };
	struct kit_pair k = kit_key(dev, KEY_POAI), free_key = kit_key(dev, KEY_K256);
	struct kit_recipe r;
	CK_BYTE sig[65];
	CK_ULONG n = sizeof sig;

	CHECK(kit_recipe(CKM_HANZO_HMM_SETTLEMENT, CKF_SIGN, &r));
	OK(sign(&hmm, k.priv, r.data, r.len, sig, &n));
	CHECK(n == 65 && (sig[64] == 27 || sig[64] == 28));
	OK(p11->C_VerifyInit(dev, &hmm, k.pub));
	OK(p11->C_Verify(dev, (CK_BYTE *)(uintptr_t)r.data, r.len, sig, n));
	RV(sign(&hmm, k.priv, r.data, r.len, sig, &n), CKR_FUNCTION_REJECTED); /* a job is settled once */
	RV(sign(&hmm, k.priv, "{}", 2, sig, &n), CKR_DATA_INVALID);
	RV(sign(&hmm, free_key.priv, r.data, r.len, sig, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
	RV(sign(&raw, k.priv, sig, 32, sig, &n), CKR_MECHANISM_INVALID);
	RV(sign(&eip, k.priv, typed, sizeof typed - 1, sig, &n), CKR_MECHANISM_INVALID);
	RV(sign(&eip, free_key.priv, typed, sizeof typed - 1, sig, &n), CKR_DATA_INVALID); /* that domain is HMM's */
	RV(sign(&eip, kit_key(dev, KEY_P256).priv, typed, sizeof typed - 1, sig, &n), CKR_KEY_TYPE_INCONSISTENT);
}

/* ---- agreement ---- */

static CK_RV derive(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE base, CK_BYTE *point, CK_ULONG len, CK_KEY_TYPE kt, CK_ULONG bytes, bool stays,
		    CK_OBJECT_HANDLE *h)
{
	CK_ECDH1_DERIVE_PARAMS p = { CKD_NULL, 0, NULL, len, point };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &p, sizeof p };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_BBOOL sensitive = stays ? CK_TRUE : CK_FALSE, extractable = stays ? CK_FALSE : CK_TRUE;
	CK_ATTRIBUTE t[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), A_VAL(CKA_VALUE_LEN, bytes), A_VAL(CKA_SENSITIVE, sensitive),
			     A_VAL(CKA_EXTRACTABLE, extractable), A_TRUE(CKA_ENCRYPT), A_TRUE(CKA_DECRYPT) };

	return p11->C_DeriveKey(s, &m, base, t, kt == CKK_AES ? N(t) : 5, h);
}

/* Both sides of an agreement, one in the device, come to the same secret. */
static void agree(enum kit_key kind, CK_ULONG bytes)
{
	struct kit_pair d = kit_key(dev, kind), s;
	CK_BYTE dp[160], sp[160], x[80], y[80], iv[16] = { 1 }, a[32], b[32];
	CK_ULONG dn, sn, n = sizeof a;
	CK_OBJECT_HANDLE dh = 0, sh = 0, kept = 0, same = 0;
	CK_MECHANISM cbc = { CKM_AES_CBC, iv, sizeof iv };

	p11_about("agreement on %s", kit_key_names[kind]);
	OK(kit_generate(soft, kind, false, &s));
	dn = kit_bytes(dev, d.pub, CKA_EC_POINT, dp, sizeof dp);
	sn = kit_bytes(soft, s.pub, CKA_EC_POINT, sp, sizeof sp);
	OK(derive(dev, d.priv, sp, sn, CKK_GENERIC_SECRET, bytes, false, &dh));
	OK(derive(soft, s.priv, dp, dn, CKK_GENERIC_SECRET, bytes, false, &sh));
	CHECK(kit_bytes(dev, dh, CKA_VALUE, x, sizeof x) == bytes && kit_bytes(soft, sh, CKA_VALUE, y, sizeof y) == bytes);
	CHECK(memcmp(x, y, bytes) == 0);
	RV(derive(dev, d.priv, sp, sn - 1, CKK_GENERIC_SECRET, bytes, false, &dh), CKR_MECHANISM_PARAM_INVALID);
	/* One that stays in the device, and does the same there. */
	OK(derive(dev, d.priv, sp, sn, CKK_AES, 32, true, &kept));
	OK(derive(soft, s.priv, dp, dn, CKK_AES, 32, false, &same));
	CHECK(kit_bool(dev, kept, CKA_SENSITIVE) && !kit_bool(dev, kept, CKA_EXTRACTABLE));
	OK(p11->C_EncryptInit(dev, &cbc, kept));
	OK(p11->C_Encrypt(dev, x, 32, a, &n));
	OK(p11->C_EncryptInit(soft, &cbc, same));
	OK(p11->C_Encrypt(soft, x, 32, b, &n));
	CHECK(memcmp(a, b, 32) == 0);
	OK(p11->C_DestroyObject(dev, kept));
}

static void test_delegation(void)
{
	struct kit_pair k = kit_key(dev, KEY_K256), rsa = kit_key(soft, KEY_RSA), peer;
	CK_BYTE point[80], compressed[33], ct[256], x[64], secret[32];
	CK_HANZO_ECIES_DELEGATE_PARAMS p = { compressed, sizeof compressed };
	CK_MECHANISM m = { CKM_HANZO_ECIES_DELEGATE, &p, sizeof p };
	CK_RSA_PKCS_OAEP_PARAMS o = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, &o, sizeof o };
	CK_OBJECT_CLASS cls = CKO_PUBLIC_KEY;
	CK_KEY_TYPE kt = CKK_RSA;
	CK_BYTE n[512], e[8];
	CK_ATTRIBUTE t[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), { CKA_MODULUS, n, 0 }, { CKA_PUBLIC_EXPONENT, e, 0 },
			     A_TRUE(CKA_WRAP) };
	CK_OBJECT_HANDLE requester = 0, dh = 0;
	CK_ULONG len = sizeof ct, got = sizeof secret;

	p11_about("delegation");
	t[2].ulValueLen = kit_bytes(soft, rsa.pub, CKA_MODULUS, n, sizeof n);
	t[3].ulValueLen = kit_bytes(soft, rsa.pub, CKA_PUBLIC_EXPONENT, e, sizeof e);
	OK(p11->C_CreateObject(dev, t, N(t), &requester));
	OK(kit_generate(soft, KEY_K256, false, &peer));
	OK(kit_bytes(soft, peer.pub, CKA_EC_POINT, point, sizeof point) == 67 ? CKR_OK : CKR_GENERAL_ERROR);
	compressed[0] = (CK_BYTE)(2 + (point[66] & 1));
	memcpy(compressed + 1, point + 3, 32);
	OK(p11->C_WrapKey(dev, &m, requester, k.priv, ct, &len));
	OK(p11->C_DecryptInit(soft, &oaep, rsa.priv));
	OK(p11->C_Decrypt(soft, ct, len, secret, &got));
	OK(derive(dev, k.priv, point, 67, CKK_GENERIC_SECRET, 32, false, &dh));
	CHECK(got == 32 && kit_bytes(dev, dh, CKA_VALUE, x, sizeof x) == 32 && memcmp(x, secret, 32) == 0);
	memset(compressed + 1, 0xff, 32);
	RV(p11->C_WrapKey(dev, &m, requester, k.priv, ct, &len), CKR_MECHANISM_PARAM_INVALID);
}

/* ---- wrapping ---- */

static CK_OBJECT_HANDLE aes(CK_SESSION_HANDLE s, const CK_BYTE *value, CK_BBOOL *token, CK_BBOOL *extractable)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_ULONG len = 32;
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ATTRIBUTE t[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), { CKA_TOKEN, token, 1 }, A_TRUE(CKA_WRAP), A_TRUE(CKA_UNWRAP),
			     { CKA_EXTRACTABLE, extractable, 1 }, A_TRUE(CKA_SENSITIVE), A_FALSE(CKA_ENCRYPT), A_FALSE(CKA_DECRYPT), { CKA_VALUE, (void *)(uintptr_t)value, 32 } };
	CK_OBJECT_HANDLE h = 0;

	if (value == NULL) {
		t[9] = (CK_ATTRIBUTE)A_VAL(CKA_VALUE_LEN, len);
		OK(p11->C_GenerateKey(s, &m, t, N(t), &h));
	} else {
		OK(p11->C_CreateObject(s, t, N(t), &h));
	}
	return h;
}

static CK_RV wrap(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *n)
{
	CK_MECHANISM m = { type, NULL, 0 };
	CK_ULONG len = 0;
	CK_RV rv = p11->C_WrapKey(s, &m, with, key, NULL, &len);

	CHECK(rv != CKR_OK || len <= *n);
	return rv == CKR_OK ? p11->C_WrapKey(s, &m, with, key, out, n) : rv;
}

static CK_RV unwrap(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE with, CK_BYTE *in, CK_ULONG n, CK_OBJECT_CLASS cls,
		    CK_KEY_TYPE kt, CK_OBJECT_HANDLE *h)
{
	CK_MECHANISM m = { type, NULL, 0 };
	CK_ATTRIBUTE t[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), A_TRUE(CKA_SENSITIVE),
			     cls == CKO_PRIVATE_KEY ? (CK_ATTRIBUTE)A_TRUE(CKA_SIGN) : (CK_ATTRIBUTE)A_TRUE(CKA_ENCRYPT) };

	return p11->C_UnwrapKey(s, &m, with, in, n, t, N(t), h);
}

static void test_wrapping(void)
{
	CK_BYTE value[32] = { 3, 1, 4 }, blob[512], sig[64];
	CK_OBJECT_HANDLE kek = aes(dev, value, &kit_true, &kit_false), same = aes(soft, value, &kit_false, &kit_false);
	CK_OBJECT_HANDLE open = aes(dev, NULL, &kit_true, &kit_true), shut = aes(dev, NULL, &kit_true, &kit_false), h = 0, back = 0;
	struct kit_pair p256 = kit_key(dev, KEY_P256), other;
	CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_ULONG n = sizeof blob, k = sizeof sig;

	p11_about("wrapping");
	OK(wrap(dev, CKM_AES_KEY_WRAP, kek, open, blob, &n));
	CHECK(n == 40);
	OK(unwrap(dev, CKM_AES_KEY_WRAP, kek, blob, n, CKO_SECRET_KEY, CKK_AES, &back));
	OK(unwrap(soft, CKM_AES_KEY_WRAP, same, blob, n, CKO_SECRET_KEY, CKK_AES, &h)); /* with the same key elsewhere */
	blob[5] ^= 1;
	RV(unwrap(dev, CKM_AES_KEY_WRAP, kek, blob, n, CKO_SECRET_KEY, CKK_AES, &back), CKR_WRAPPED_KEY_INVALID);
	n = sizeof blob;
	RV(wrap(dev, CKM_AES_KEY_WRAP, kek, shut, blob, &n), CKR_KEY_UNEXTRACTABLE);
	RV(wrap(dev, CKM_AES_KEY_WRAP_KWP, kek, open, blob, &n), CKR_MECHANISM_INVALID); /* the device is not known to have RFC 5649 */
	RV(wrap(dev, CKM_AES_KEY_WRAP, shut, p256.pub, blob, &n), CKR_KEY_NOT_WRAPPABLE);

	/* RFC 5649 from elsewhere goes into the device, whatever number it has for it. */
	OK(kit_generate(soft, KEY_P256, false, &other));
	n = sizeof blob;
	p11_about("unwrapping RFC 5649");
	{
		CK_OBJECT_HANDLE plain_kek = kit_aes(soft, value, sizeof value);

		OK(wrap(soft, CKM_AES_KEY_WRAP_KWP, plain_kek, other.priv, blob, &n));
	}
	OK(unwrap(dev, CKM_AES_KEY_WRAP_KWP, kek, blob, n, CKO_PRIVATE_KEY, CKK_EC, &back));
	OK(sign(&m, back, "hello", 5, sig, &k));
	OK(p11->C_VerifyInit(soft, &m, other.pub));
	OK(p11->C_Verify(soft, (CK_BYTE *)(uintptr_t)"hello", 5, sig, k));
	blob[9] ^= 1;
	RV(unwrap(dev, CKM_AES_KEY_WRAP_KWP, kek, blob, n, CKO_PRIVATE_KEY, CKK_EC, &back), CKR_WRAPPED_KEY_INVALID);

	/* What the device wraps of a private key, software opens. */
	n = sizeof blob;
	OK(wrap(dev, CKM_AES_KEY_WRAP, kek, p256.priv, blob, &n));
	OK(unwrap(soft, CKM_AES_KEY_WRAP, same, blob, n, CKO_PRIVATE_KEY, CKK_EC, &h));
	OK(p11->C_SignInit(soft, &m, h));
	k = sizeof sig;
	OK(p11->C_Sign(soft, (CK_BYTE *)(uintptr_t)"hello", 5, sig, &k));
	CHECK(verifies(dev, &m, p256.pub, (const CK_BYTE *)"hello", 5, sig, k));
	p11_about("after wrapping");
	OK(p11->C_DestroyObject(dev, kek));
	OK(p11->C_DestroyObject(dev, open));
	OK(p11->C_DestroyObject(dev, shut));
}

static void test_rsa_wrapping(void)
{
	struct kit_pair k = kit_key(dev, KEY_RSA);
	CK_RSA_PKCS_OAEP_PARAMS o = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &o, sizeof o };
	CK_OBJECT_HANDLE key = aes(dev, NULL, &kit_true, &kit_true), back = 0;
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_ATTRIBUTE t[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), A_TRUE(CKA_ENCRYPT) };
	CK_BYTE blob[256], plain[256];
	CK_ULONG n = sizeof blob, len = sizeof plain;

	p11_about("wrapping with RSA");
	OK(p11->C_WrapKey(dev, &m, k.pub, key, blob, &n));
	CHECK(n == 256);
	OK(p11->C_UnwrapKey(dev, &m, k.priv, blob, n, t, N(t), &back));
	CHECK(kit_ulong(dev, back, CKA_VALUE_LEN) == 32);
	blob[7] ^= 1;
	RV(p11->C_UnwrapKey(dev, &m, k.priv, blob, n, t, N(t), &back), CKR_WRAPPED_KEY_INVALID);
	n = sizeof blob;
	OK(p11->C_EncryptInit(dev, &m, k.pub));
	OK(p11->C_Encrypt(dev, (CK_BYTE *)(uintptr_t)"secret", 6, blob, &n));
	OK(p11->C_DecryptInit(dev, &m, k.priv));
	OK(p11->C_Decrypt(dev, blob, n, plain, &len));
	CHECK(len == 6 && memcmp(plain, "secret", 6) == 0);
	blob[7] ^= 1;
	OK(p11->C_DecryptInit(dev, &m, k.priv));
	len = sizeof plain;
	RV(p11->C_Decrypt(dev, blob, n, plain, &len), CKR_ENCRYPTED_DATA_INVALID);
	OK(p11->C_DestroyObject(dev, key));
}

/* ---- messages ---- */

static void test_messages(void)
{
	CK_BYTE iv[12] = { 9 }, tag[16], in[70] = { 1, 2, 3 }, ct[70], back[70], whole[86], aad[] = "associated", seen[3][12];
	CK_GCM_MESSAGE_PARAMS p = { iv, sizeof iv, 0, CKG_NO_GENERATE, tag, 128 };
	CK_GCM_PARAMS g = { iv, sizeof iv, 96, aad, sizeof aad, 128 };
	CK_MECHANISM m = { CKM_AES_GCM, NULL, 0 }, once = { CKM_AES_GCM, &g, sizeof g }, ccm = { CKM_AES_CCM, NULL, 0 };
	CK_OBJECT_HANDLE k = kit_key(dev, KEY_AES).pub;
	CK_ULONG n = sizeof ct, len = sizeof whole;

	p11_about("messages");
	CHECK((kit_flags(SLOT, CKM_AES_GCM) & (CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT)) == (CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT));
	OK(p11->C_EncryptInit(dev, &once, k));
	OK(p11->C_Encrypt(dev, in, sizeof in, whole, &len));
	OK(p11->C_MessageEncryptInit(dev, &m, k));
	OK(p11->C_EncryptMessage(dev, &p, sizeof p, aad, sizeof aad, in, sizeof in, NULL, &n));
	OK(p11->C_EncryptMessage(dev, &p, sizeof p, aad, sizeof aad, in, sizeof in, ct, &n));
	CHECK(n == sizeof in && memcmp(ct, whole, n) == 0 && memcmp(tag, whole + n, 16) == 0);
	RV(p11->C_EncryptMessageBegin(dev, &p, sizeof p, aad, sizeof aad), CKR_FUNCTION_NOT_SUPPORTED);
	p.ivGenerator = CKG_GENERATE_RANDOM;
	for (int i = 0; i < 3; i++) {
		n = sizeof ct;
		OK(p11->C_EncryptMessage(dev, &p, sizeof p, NULL, 0, in, sizeof in, ct, &n));
		memcpy(seen[i], iv, sizeof iv);
		CHECK(i == 0 || memcmp(seen[i], seen[i - 1], sizeof iv) != 0);
	}
	OK(p11->C_MessageEncryptFinal(dev));
	p.ivGenerator = CKG_NO_GENERATE;
	OK(p11->C_MessageDecryptInit(dev, &m, k));
	n = sizeof back;
	OK(p11->C_DecryptMessage(dev, &p, sizeof p, NULL, 0, ct, sizeof ct, back, &n));
	CHECK(n == sizeof in && memcmp(back, in, n) == 0);
	tag[3] ^= 1;
	memset(back, 0, sizeof back);
	RV(p11->C_DecryptMessage(dev, &p, sizeof p, NULL, 0, ct, sizeof ct, back, &n), CKR_AEAD_DECRYPT_FAILED);
	CHECK(back[1] != 2);
	tag[3] ^= 1;
	n = sizeof back;
	OK(p11->C_DecryptMessage(dev, &p, sizeof p, NULL, 0, ct, sizeof ct, ct, &n)); /* in place; the process went on */
	CHECK(memcmp(ct, in, n) == 0);
	p.ulTagBits = 4;
	RV(p11->C_DecryptMessage(dev, &p, sizeof p, NULL, 0, ct, sizeof ct, back, &n), CKR_MECHANISM_PARAM_INVALID);
	OK(p11->C_MessageDecryptFinal(dev));
	RV(p11->C_MessageEncryptInit(dev, &ccm, k), CKR_MECHANISM_INVALID); /* the device has no CCM */
}

/* ---- what is not there ---- */

static void test_refusals(void)
{
	static const CK_MECHANISM_TYPE absent[] = { CKM_AES_CCM, CKM_ML_DSA, CKM_HANZO_SCHNORR_BIP340, CKM_AES_CMAC_GENERAL };
	CK_OBJECT_HANDLE k256 = kit_key(dev, KEY_K256).priv, key = kit_key(dev, KEY_AES).pub;
	CK_BYTE sig[128];
	CK_ULONG n = sizeof sig;
	CK_OBJECT_HANDLE h;

	for (size_t i = 0; i < N(absent); i++) {
		CK_MECHANISM m = { absent[i], NULL, 0 };
		CK_MECHANISM_INFO info;

		p11_about("0x%lx is not there", absent[i]);
		if ((kit_flags(SLOT, absent[i]) & (CKF_SIGN | CKF_ENCRYPT)) != 0)
			continue;
		RV(sign(&m, k256, sig, 32, sig, &n), CKR_MECHANISM_INVALID);
		RV(p11->C_EncryptInit(dev, &m, key), CKR_MECHANISM_INVALID);
		if (kit_flags(SLOT, absent[i]) == 0)
			RV(p11->C_GetMechanismInfo(SLOT, absent[i], &info), CKR_MECHANISM_INVALID);
	}
	{
		CK_MECHANISM hkdf = { CKM_HKDF_DERIVE, NULL, 0 }, ecdsa = { CKM_ECDSA, NULL, 0 }, gcm = { CKM_AES_GCM, NULL, 0 };

		p11_about("wrong keys");
		RV(p11->C_DeriveKey(dev, &hkdf, key, NULL, 0, &h), CKR_MECHANISM_INVALID);
		RV(p11->C_SignInit(dev, &ecdsa, key), CKR_KEY_TYPE_INCONSISTENT);
		RV(p11->C_EncryptInit(dev, &gcm, key), CKR_MECHANISM_PARAM_INVALID);
	}
}

/* Neither the device's bytes nor ours alone: two calls give two answers, and lengths that the mixing cuts differently work. */
static void test_random(void)
{
	CK_BYTE x[2000] = { 0 }, y[2000] = { 0 };

	p11_about("random bytes");
	OK(p11->C_GenerateRandom(dev, x, sizeof x));
	OK(p11->C_GenerateRandom(dev, y, sizeof y));
	CHECK(memcmp(x, y, sizeof x) != 0 && memcmp(x, y, 16) != 0 && memcmp(x + 1984, y + 1984, 16) != 0);
	OK(p11->C_GenerateRandom(dev, x, 1));
	OK(p11->C_SeedRandom(dev, x, sizeof x));
}

int main(void)
{
	int status;

	if (!softhsm_make()) {
		printf("SKIP t_device_mechs: no SoftHSM2 at %s\n", softhsm_module());
		return 77;
	}
	kit_start();
	dev = kit_session(SLOT, true);
	soft = kit_session(0, true);
	OK(p11->C_Login(dev, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)SOFTHSM_PIN, sizeof SOFTHSM_PIN - 1));
	test_every_mechanism();
	test_statements();
	agree(KEY_P256, 32);
	agree(KEY_P384, 48);
	agree(KEY_P521, 66);
	agree(KEY_K256, 32);
	test_delegation();
	test_wrapping();
	test_rsa_wrapping();
	test_messages();
	test_refusals();
	test_random();
	status = kit_end();
	softhsm_end();
	return status;
}
