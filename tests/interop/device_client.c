/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests with real devices do through this module: device_client SLOT PIN WORD... does what each word says, in this order, and
 * every word has to work. PIN "-": no login. Keys carry labels that begin with "dev-"; they stay until the word `clean`, so that
 * another run finds them again.
 */
#include "../module/p11.h"

static CK_SLOT_ID slot;
static CK_SESSION_HANDLE s;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

#define STR(t, v) { t, (void *)(uintptr_t)(v), strlen(v) }
#define VAL(t, v) { t, &(v), sizeof(v) }

struct pair {
	CK_OBJECT_HANDLE pub, priv;
};

static CK_ULONG find(CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *out, CK_ULONG room)
{
	CK_ULONG got = 0;

	OK(p11->C_FindObjectsInit(s, t, n));
	OK(p11->C_FindObjects(s, out, room, &got));
	OK(p11->C_FindObjectsFinal(s));
	return got;
}

/* The one object of a class with a label; 0 and a failure when it is not one. */
static CK_OBJECT_HANDLE the(CK_OBJECT_CLASS cls, const char *label)
{
	CK_ATTRIBUTE t[] = { VAL(CKA_CLASS, cls), STR(CKA_LABEL, label) };
	CK_OBJECT_HANDLE h[2] = { 0, 0 };
	CK_ULONG n = find(t, 2, h, 2);

	if (n != 1)
		fprintf(stderr, "%s: %lu objects of class %lu\n", label, n, cls);
	CHECK(n == 1);
	return h[0];
}

static CK_ULONG bytes(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE t, void *buf, CK_ULONG room)
{
	CK_ATTRIBUTE a = { t, buf, room };

	return RV(p11->C_GetAttributeValue(s, h, &a, 1), CKR_OK) ? a.ulValueLen : 0;
}

static bool flag(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE t)
{
	CK_BBOOL b = 2;

	CHECK(bytes(h, t, &b, 1) == 1);
	return b == CK_TRUE;
}

static void sign_verify(CK_MECHANISM *m, struct pair k, const void *in, CK_ULONG len, CK_ULONG want)
{
	CK_BYTE sig[1024];
	CK_ULONG n = 0;

	OK(p11->C_SignInit(s, m, k.priv));
	OK(p11->C_Sign(s, (CK_BYTE *)(uintptr_t)in, len, NULL, &n));
	CHECK(n >= want);
	n = sizeof sig;
	if (!OK(p11->C_Sign(s, (CK_BYTE *)(uintptr_t)in, len, sig, &n)))
		return;
	CHECK(n == want);
	OK(p11->C_VerifyInit(s, m, k.pub));
	OK(p11->C_Verify(s, (CK_BYTE *)(uintptr_t)in, len, sig, n));
	sig[n - 1] ^= 1;
	OK(p11->C_VerifyInit(s, m, k.pub));
	RV(p11->C_Verify(s, (CK_BYTE *)(uintptr_t)in, len, sig, n), CKR_SIGNATURE_INVALID);
}

static void sign_as(CK_MECHANISM_TYPE type, struct pair k, CK_ULONG want)
{
	CK_MECHANISM m = { type, NULL, 0 };

	sign_verify(&m, k, "attack at dawn, 32 bytes of text", 32, want);
}

/* In parts, with a size query between them. */
static void sign_in_parts(CK_MECHANISM_TYPE type, struct pair k, CK_ULONG want)
{
	CK_MECHANISM m = { type, NULL, 0 };
	CK_BYTE text[] = "in several parts", sig[1024];
	CK_ULONG n = 1;

	OK(p11->C_SignInit(s, &m, k.priv));
	OK(p11->C_SignUpdate(s, text, 3));
	OK(p11->C_SignUpdate(s, text + 3, sizeof text - 3));
	RV(p11->C_SignFinal(s, sig, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == want);
	OK(p11->C_SignFinal(s, sig, &n));
	OK(p11->C_VerifyInit(s, &m, k.pub));
	OK(p11->C_VerifyUpdate(s, text, sizeof text));
	OK(p11->C_VerifyFinal(s, sig, n));
}

/* ---- key pairs ---- */

static void look_at_pair(struct pair k, const char *label)
{
	CK_BYTE a[1024], b[1024], secret[512];
	CK_ATTRIBUTE v = { CKA_VALUE, secret, sizeof secret };
	CK_ULONG n = bytes(k.pub, CKA_PUBLIC_KEY_INFO, a, sizeof a), m = bytes(k.priv, CKA_PUBLIC_KEY_INFO, b, sizeof b);
	CK_KEY_TYPE kt;
	CK_RV rv;

	CHECK(n > 32 && n == m && memcmp(a, b, n) == 0);
	CHECK(bytes(k.priv, CKA_ID, a, sizeof a) == strlen(label) && memcmp(a, label, strlen(label)) == 0);
	CHECK(bytes(k.priv, CKA_LABEL, a, sizeof a) == strlen(label) && memcmp(a, label, strlen(label)) == 0);
	CHECK(bytes(k.priv, CKA_UNIQUE_ID, a, sizeof a) != 0);
	CHECK(bytes(k.priv, CKA_KEY_TYPE, &kt, sizeof kt) == sizeof kt);
	CHECK(flag(k.priv, CKA_SENSITIVE) && flag(k.priv, CKA_PRIVATE) && flag(k.priv, CKA_TOKEN) && flag(k.priv, CKA_SIGN));
	CHECK(flag(k.pub, CKA_VERIFY) && !flag(k.pub, CKA_PRIVATE));
	v.type = kt == CKK_RSA ? CKA_PRIVATE_EXPONENT : CKA_VALUE;
	rv = p11->C_GetAttributeValue(s, k.priv, &v, 1);
	CHECK(rv == CKR_ATTRIBUTE_SENSITIVE && v.ulValueLen == CK_UNAVAILABLE_INFORMATION);
	CHECK(the(CKO_PRIVATE_KEY, label) == k.priv && the(CKO_PUBLIC_KEY, label) == k.pub);
}

static struct pair make_rsa(const char *label)
{
	CK_MECHANISM gen = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_BYTE e[] = { 1, 0, 1 };
	CK_ATTRIBUTE pub[] = { VAL(CKA_MODULUS_BITS, bits), VAL(CKA_PUBLIC_EXPONENT, e), VAL(CKA_TOKEN, yes), STR(CKA_LABEL, label),
			       STR(CKA_ID, label), VAL(CKA_ENCRYPT, yes), VAL(CKA_VERIFY, yes) };
	CK_ATTRIBUTE priv[] = { VAL(CKA_TOKEN, yes), VAL(CKA_PRIVATE, yes), VAL(CKA_SENSITIVE, yes), STR(CKA_LABEL, label),
				STR(CKA_ID, label), VAL(CKA_DECRYPT, yes), VAL(CKA_SIGN, yes) };
	struct pair k = { 0, 0 };

	OK(p11->C_GenerateKeyPair(s, &gen, pub, 7, priv, 7, &k.pub, &k.priv));
	return k;
}

static struct pair old_pair(const char *label)
{
	return (struct pair){ the(CKO_PUBLIC_KEY, label), the(CKO_PRIVATE_KEY, label) };
}

static void use_rsa(struct pair k)
{
	sign_as(CKM_SHA256_RSA_PKCS, k, 256);
	sign_as(CKM_RSA_PKCS, k, 256);
	sign_in_parts(CKM_SHA512_RSA_PKCS, k, 256);
}

static void do_rsa(void)
{
	struct pair k = make_rsa("dev-rsa");
	CK_BYTE n[512], e[8];

	look_at_pair(k, "dev-rsa");
	CHECK(bytes(k.pub, CKA_MODULUS, n, sizeof n) == 256 && n[0] >= 0x80);
	CHECK(bytes(k.priv, CKA_PUBLIC_EXPONENT, e, sizeof e) == 3);
	use_rsa(k);
}

static void do_pss(void)
{
	CK_RSA_PKCS_PSS_PARAMS p = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
	CK_MECHANISM m = { CKM_SHA256_RSA_PKCS_PSS, &p, sizeof p };

	sign_verify(&m, old_pair("dev-rsa"), "hello", 5, 256);
}

static void crypt_pair(CK_MECHANISM *m, struct pair k)
{
	CK_BYTE blob[256], plain[256];
	CK_ULONG n = sizeof blob, len = sizeof plain;

	OK(p11->C_EncryptInit(s, m, k.pub));
	OK(p11->C_Encrypt(s, (CK_BYTE *)(uintptr_t)"secret", 6, blob, &n));
	OK(p11->C_DecryptInit(s, m, k.priv));
	OK(p11->C_Decrypt(s, blob, n, plain, &len));
	CHECK(len == 6 && memcmp(plain, "secret", 6) == 0);
}

static void do_rsa_crypt(void)
{
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };

	crypt_pair(&m, old_pair("dev-rsa"));
}

static void oaep(CK_MECHANISM_TYPE hash, CK_RSA_PKCS_MGF_TYPE mgf)
{
	CK_RSA_PKCS_OAEP_PARAMS p = { hash, mgf, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &p, sizeof p };

	crypt_pair(&m, old_pair("dev-rsa"));
}

static void do_oaep(void)
{
	oaep(CKM_SHA256, CKG_MGF1_SHA256);
}

static void do_oaep_sha1(void)
{
	oaep(CKM_SHA_1, CKG_MGF1_SHA1);
}

struct curve {
	const char *label;
	CK_BYTE oid[12];
	CK_ULONG oid_len, bytes;
};

static const struct curve curves[] = {
	{ "dev-p256", { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 }, 10, 32 },
	{ "dev-p384", { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 }, 7, 48 },
	{ "dev-p521", { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23 }, 7, 66 },
	{ "dev-k256", { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a }, 7, 32 },
};

static struct pair make_ec(const struct curve *c, const char *label, CK_BBOOL derive)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, (void *)(uintptr_t)c->oid, c->oid_len }, VAL(CKA_TOKEN, yes), STR(CKA_LABEL, label),
			       STR(CKA_ID, label), VAL(CKA_VERIFY, yes) };
	CK_ATTRIBUTE priv[] = { VAL(CKA_TOKEN, yes), VAL(CKA_PRIVATE, yes), VAL(CKA_SENSITIVE, yes), STR(CKA_LABEL, label),
				STR(CKA_ID, label), VAL(CKA_SIGN, yes), VAL(CKA_DERIVE, derive) };
	struct pair k = { 0, 0 };

	OK(p11->C_GenerateKeyPair(s, &m, pub, 5, priv, derive ? 7 : 6, &k.pub, &k.priv));
	return k;
}

/* One form whatever the device's is: an OCTET STRING with the uncompressed point. */
static void look_at_point(const struct curve *c, struct pair k)
{
	CK_BYTE point[256], params[64];
	CK_ULONG n = bytes(k.pub, CKA_EC_POINT, point, sizeof point), head = c->bytes == 66 ? 3 : 2;

	CHECK(n == head + 1 + 2 * c->bytes && point[0] == 0x04 && point[head] == 0x04);
	for (int i = 0; i < 2; i++)
		CHECK(bytes(i == 0 ? k.pub : k.priv, CKA_EC_PARAMS, params, sizeof params) == c->oid_len &&
		      memcmp(params, c->oid, c->oid_len) == 0);
}

static void use_ec(const struct curve *c, struct pair k)
{
	sign_as(CKM_ECDSA, k, 2 * c->bytes);
	sign_as(CKM_ECDSA_SHA256, k, 2 * c->bytes);
	sign_as(CKM_ECDSA_SHA3_384, k, 2 * c->bytes);
	sign_in_parts(CKM_ECDSA_SHA512, k, 2 * c->bytes);
}

static void ec(size_t i)
{
	struct pair k = make_ec(&curves[i], curves[i].label, CK_FALSE);

	look_at_pair(k, curves[i].label);
	look_at_point(&curves[i], k);
	use_ec(&curves[i], k);
}

static void do_p256(void)
{
	ec(0);
}

static void do_p384(void)
{
	ec(1);
}

static void do_p521(void)
{
	ec(2);
}

/* With what is composed here of the device's CKM_ECDSA. */
static void do_k256(void)
{
	CK_BYTE address[20];
	struct pair k;

	ec(3);
	k = old_pair("dev-k256");
	CHECK(bytes(k.priv, CKA_HANZO_ADDRESS, address, sizeof address) == 20);
	sign_as(CKM_HANZO_ECDSA_RECOVERABLE, k, 65);
	sign_as(CKM_HANZO_ECDSA_KECCAK256, k, 64);
}

static CK_OBJECT_HANDLE agree(CK_OBJECT_HANDLE with, CK_BYTE *point, CK_ULONG len)
{
	CK_ECDH1_DERIVE_PARAMS p = { CKD_NULL, 0, NULL, len, point };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &p, sizeof p };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_ULONG size = 32;
	CK_ATTRIBUTE t[] = { VAL(CKA_CLASS, cls), VAL(CKA_KEY_TYPE, kt), VAL(CKA_SENSITIVE, no), VAL(CKA_EXTRACTABLE, yes),
			     VAL(CKA_VALUE_LEN, size) };
	CK_OBJECT_HANDLE h = 0;

	OK(p11->C_DeriveKey(s, &m, with, t, 5, &h));
	return h;
}

/* Both sides in the device: the same secret, from a point in either form. */
static void do_ecdh(void)
{
	struct pair a = make_ec(&curves[0], "dev-dh-a", CK_TRUE), b = make_ec(&curves[0], "dev-dh-b", CK_TRUE);
	CK_BYTE pa[128], pb[128], x[32], y[32];
	CK_ULONG na = bytes(a.pub, CKA_EC_POINT, pa, sizeof pa), nb = bytes(b.pub, CKA_EC_POINT, pb, sizeof pb);

	CHECK(na == 67 && nb == 67);
	CHECK(bytes(agree(a.priv, pb, nb), CKA_VALUE, x, 32) == 32);
	CHECK(bytes(agree(b.priv, pa + 2, na - 2), CKA_VALUE, y, 32) == 32);
	CHECK(memcmp(x, y, 32) == 0);
}

/* ---- secret keys ---- */

/* A key that ciphers, or one that wraps: this module lets none do both. */
static CK_OBJECT_HANDLE make_aes(const char *label, bool wraps)
{
	CK_BBOOL *ciphers = wraps ? &no : &yes, *moves = wraps ? &yes : &no;
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = { VAL(CKA_VALUE_LEN, len), VAL(CKA_TOKEN, yes), STR(CKA_LABEL, label), STR(CKA_ID, label), VAL(CKA_PRIVATE, yes),
			     VAL(CKA_SENSITIVE, yes), { CKA_EXTRACTABLE, ciphers, 1 }, { CKA_ENCRYPT, ciphers, 1 }, { CKA_DECRYPT, ciphers, 1 },
			     { CKA_WRAP, moves, 1 }, { CKA_UNWRAP, moves, 1 } };
	CK_OBJECT_HANDLE h = 0;

	OK(p11->C_GenerateKey(s, &gen, t, 11, &h));
	return h;
}

static void do_aes(void)
{
	CK_OBJECT_HANDLE h = make_aes("dev-aes", false);
	CK_BYTE v[32];
	CK_ATTRIBUTE a = { CKA_VALUE, v, sizeof v };
	CK_ULONG len = 0;

	RV(p11->C_GetAttributeValue(s, h, &a, 1), CKR_ATTRIBUTE_SENSITIVE);
	CHECK(bytes(h, CKA_VALUE_LEN, &len, sizeof len) == sizeof len && len == 32);
	CHECK(flag(h, CKA_SENSITIVE) && flag(h, CKA_EXTRACTABLE) && flag(h, CKA_PRIVATE));
	CHECK(the(CKO_SECRET_KEY, "dev-aes") == h);
}

static CK_BYTE iv[16] = { 7, 1, 2 };

/* At once and in parts, to and fro; `grow`: the longest that the output may be longer than the input. */
static void cipher(CK_MECHANISM *m, CK_OBJECT_HANDLE h, CK_ULONG len, CK_ULONG grow)
{
	CK_BYTE in[80] = { 1, 2, 3 }, ct[128], again[128], pt[128];
	CK_ULONG n = sizeof ct, k = sizeof pt, part, more;

	OK(p11->C_EncryptInit(s, m, h));
	OK(p11->C_Encrypt(s, in, len, ct, &n));
	CHECK(n >= len && n <= len + grow);
	OK(p11->C_DecryptInit(s, m, h));
	OK(p11->C_Decrypt(s, ct, n, pt, &k));
	CHECK(k == len && memcmp(in, pt, k) == 0);
	OK(p11->C_EncryptInit(s, m, h));
	part = sizeof again;
	OK(p11->C_EncryptUpdate(s, in, 20, again, &part));
	more = sizeof again - part;
	OK(p11->C_EncryptUpdate(s, in + 20, len - 20, again + part, &more));
	part += more;
	more = sizeof again - part;
	OK(p11->C_EncryptFinal(s, again + part, &more));
	part += more;
	CHECK(part == n && memcmp(ct, again, n) == 0);
	OK(p11->C_DecryptInit(s, m, h));
	part = sizeof pt;
	OK(p11->C_DecryptUpdate(s, ct, n - 5, pt, &part));
	more = sizeof pt - part;
	OK(p11->C_DecryptUpdate(s, ct + n - 5, 5, pt + part, &more));
	part += more;
	more = sizeof pt - part;
	OK(p11->C_DecryptFinal(s, pt + part, &more));
	part += more;
	CHECK(part == len && memcmp(in, pt, len) == 0);
}

static void do_cbc(void)
{
	CK_MECHANISM m = { CKM_AES_CBC, iv, 16 };

	cipher(&m, the(CKO_SECRET_KEY, "dev-aes"), 64, 0);
}

static void do_cbc_pad(void)
{
	CK_MECHANISM m = { CKM_AES_CBC_PAD, iv, 16 };

	cipher(&m, the(CKO_SECRET_KEY, "dev-aes"), 50, 16);
	cipher(&m, the(CKO_SECRET_KEY, "dev-aes"), 64, 16);
}

static void do_ecb(void)
{
	CK_MECHANISM m = { CKM_AES_ECB, NULL, 0 };

	cipher(&m, the(CKO_SECRET_KEY, "dev-aes"), 64, 0);
}

static void ctr(CK_ULONG len)
{
	CK_AES_CTR_PARAMS p = { 128, { 1, 2, 3 } };
	CK_MECHANISM m = { CKM_AES_CTR, &p, sizeof p };

	cipher(&m, the(CKO_SECRET_KEY, "dev-aes"), len, 0);
}

static void do_ctr(void)
{
	ctr(50);
}

static void gcm(bool parts)
{
	CK_GCM_PARAMS g = { iv, 12, 96, (CK_BYTE *)(uintptr_t)"aad", 3, 128 };
	CK_MECHANISM m = { CKM_AES_GCM, &g, sizeof g };
	CK_OBJECT_HANDLE h = the(CKO_SECRET_KEY, "dev-aes");
	CK_BYTE in[50] = { 9 }, ct[80], pt[80];
	CK_ULONG n = sizeof ct, k = sizeof pt;

	OK(p11->C_EncryptInit(s, &m, h));
	OK(p11->C_Encrypt(s, in, 50, ct, &n));
	CHECK(n == 66);
	OK(p11->C_DecryptInit(s, &m, h));
	OK(p11->C_Decrypt(s, ct, n, pt, &k));
	CHECK(k == 50 && memcmp(in, pt, k) == 0);
	ct[3] ^= 1;
	OK(p11->C_DecryptInit(s, &m, h));
	k = sizeof pt;
	RV(p11->C_Decrypt(s, ct, n, pt, &k), CKR_ENCRYPTED_DATA_INVALID);
	if (parts)
		cipher(&m, h, 50, 16);
}

static void do_gcm(void)
{
	gcm(true);
}

/* Devices whose C_EncryptUpdate does not do GCM as the standard has it. */
static void do_gcm_once(void)
{
	gcm(false);
}

/* With a key that was there. */
static void do_old_hmac(void)
{
	CK_OBJECT_HANDLE h = the(CKO_SECRET_KEY, "dev-mac");

	sign_as(CKM_SHA256_HMAC, (struct pair){ h, h }, 32);
	sign_in_parts(CKM_SHA256_HMAC, (struct pair){ h, h }, 32);
}

static void do_hmac(void)
{
	CK_MECHANISM gen = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = { VAL(CKA_VALUE_LEN, len), VAL(CKA_TOKEN, yes), STR(CKA_LABEL, "dev-mac"), STR(CKA_ID, "dev-mac"),
			     VAL(CKA_SENSITIVE, yes), VAL(CKA_SIGN, yes), VAL(CKA_VERIFY, yes) };
	CK_OBJECT_HANDLE h = 0;

	OK(p11->C_GenerateKey(s, &gen, t, 7, &h));
	do_old_hmac();
}

static void wrap_with(CK_MECHANISM *m)
{
	CK_OBJECT_HANDLE kek = make_aes("dev-kek", true), key = the(CKO_SECRET_KEY, "dev-aes"), back = 0;
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_ATTRIBUTE t[] = { VAL(CKA_CLASS, cls), VAL(CKA_KEY_TYPE, kt), VAL(CKA_TOKEN, yes), STR(CKA_LABEL, "dev-back"),
			     STR(CKA_ID, "dev-back"), VAL(CKA_ENCRYPT, yes), VAL(CKA_DECRYPT, yes) };
	CK_BYTE blob[128], in[16] = { 5 }, a[16], b[16];
	CK_MECHANISM cbc = { CKM_AES_CBC, iv, 16 };
	CK_ULONG n = 0, k = 16;

	OK(p11->C_WrapKey(s, m, kek, key, NULL, &n));
	CHECK(n >= 32 && n <= sizeof blob);
	OK(p11->C_WrapKey(s, m, kek, key, blob, &n));
	OK(p11->C_UnwrapKey(s, m, kek, blob, n, t, 7, &back));
	OK(p11->C_EncryptInit(s, &cbc, key));
	OK(p11->C_Encrypt(s, in, 16, a, &k));
	OK(p11->C_EncryptInit(s, &cbc, back));
	OK(p11->C_Encrypt(s, in, 16, b, &k));
	CHECK(memcmp(a, b, 16) == 0);
	n = sizeof blob; /* a key that may not leave */
	RV(p11->C_WrapKey(s, m, kek, kek, blob, &n), CKR_KEY_UNEXTRACTABLE);
	OK(p11->C_DestroyObject(s, kek));
	OK(p11->C_DestroyObject(s, back));
}

static void do_wrap_kwp(void)
{
	CK_MECHANISM m = { CKM_AES_KEY_WRAP_KWP, NULL, 0 };

	wrap_with(&m);
}

static void do_wrap_kw(void)
{
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };

	wrap_with(&m);
}

/* An RSA key of the device wraps and opens an AES key. */
static void do_wrap_rsa(void)
{
	CK_MECHANISM gen = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 }, m = { CKM_RSA_PKCS, NULL, 0 };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_ULONG bits = 2048, n = 256, k = 16;
	CK_BYTE e[] = { 1, 0, 1 }, blob[256], in[16] = { 5 }, x[16], y[16];
	CK_ATTRIBUTE pub[] = { VAL(CKA_MODULUS_BITS, bits), VAL(CKA_PUBLIC_EXPONENT, e), VAL(CKA_TOKEN, yes), VAL(CKA_WRAP, yes),
			       STR(CKA_LABEL, "dev-wrapper"), STR(CKA_ID, "dev-wrapper") };
	CK_ATTRIBUTE priv[] = { VAL(CKA_TOKEN, yes), VAL(CKA_UNWRAP, yes), VAL(CKA_SENSITIVE, yes), STR(CKA_LABEL, "dev-wrapper"),
				STR(CKA_ID, "dev-wrapper") };
	CK_ATTRIBUTE t[] = { VAL(CKA_CLASS, cls), VAL(CKA_KEY_TYPE, kt), VAL(CKA_TOKEN, no), VAL(CKA_ENCRYPT, yes), VAL(CKA_SENSITIVE, yes) };
	CK_MECHANISM cbc = { CKM_AES_CBC, iv, 16 };
	CK_OBJECT_HANDLE key = the(CKO_SECRET_KEY, "dev-aes"), back = 0;
	struct pair p = { 0, 0 };

	OK(p11->C_GenerateKeyPair(s, &gen, pub, 6, priv, 5, &p.pub, &p.priv));
	OK(p11->C_WrapKey(s, &m, p.pub, key, blob, &n));
	OK(p11->C_UnwrapKey(s, &m, p.priv, blob, n, t, 5, &back));
	OK(p11->C_EncryptInit(s, &cbc, key));
	OK(p11->C_Encrypt(s, in, 16, x, &k));
	OK(p11->C_EncryptInit(s, &cbc, back));
	OK(p11->C_Encrypt(s, in, 16, y, &k));
	CHECK(memcmp(x, y, 16) == 0);
}

/* A value that came from outside: FIPS 197 appendix C.3. */
static void do_import(void)
{
	static const CK_BYTE want[16] = { 0x8e, 0xa2, 0xb7, 0xca, 0x51, 0x67, 0x45, 0xbf, 0xea, 0xfc, 0x49, 0x90, 0x4b, 0x49, 0x60, 0x89 };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_BYTE value[32], in[16], out[16];
	CK_ATTRIBUTE t[] = { VAL(CKA_CLASS, cls), VAL(CKA_KEY_TYPE, kt), VAL(CKA_TOKEN, yes), VAL(CKA_PRIVATE, yes), VAL(CKA_VALUE, value),
			     STR(CKA_LABEL, "dev-import"), STR(CKA_ID, "dev-import"), VAL(CKA_ENCRYPT, yes), VAL(CKA_SENSITIVE, yes) };
	CK_MECHANISM m = { CKM_AES_ECB, NULL, 0 };
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG n = 16;

	for (size_t i = 0; i < 32; i++)
		value[i] = (CK_BYTE)i;
	for (size_t i = 0; i < 16; i++)
		in[i] = (CK_BYTE)(i * 17);
	OK(p11->C_CreateObject(s, t, 9, &h));
	OK(p11->C_EncryptInit(s, &m, h));
	OK(p11->C_Encrypt(s, in, 16, out, &n));
	CHECK(n == 16 && memcmp(out, want, 16) == 0);
	CHECK(flag(h, CKA_SENSITIVE) && !flag(h, CKA_LOCAL));
}

/* ---- objects ---- */

static void data_object(CK_BBOOL *private)
{
	CK_OBJECT_CLASS cls = CKO_DATA;
	CK_BYTE value[] = "some data", got[32];
	CK_ATTRIBUTE t[] = { VAL(CKA_CLASS, cls), VAL(CKA_TOKEN, yes), STR(CKA_LABEL, "dev-data"), VAL(CKA_VALUE, value),
			     { CKA_PRIVATE, private, 1 } };
	CK_OBJECT_HANDLE h = 0;

	OK(p11->C_CreateObject(s, t, 5, &h));
	CHECK(the(CKO_DATA, "dev-data") == h);
	CHECK(bytes(h, CKA_VALUE, got, sizeof got) == sizeof value && memcmp(got, value, sizeof value) == 0);
	OK(p11->C_DestroyObject(s, h));
	RV(p11->C_GetAttributeValue(s, h, t, 1), CKR_OBJECT_HANDLE_INVALID);
}

static void do_data(void)
{
	data_object(&no);
}

static void do_private_data(void)
{
	data_object(&yes);
}

/* A private key of the device is renamed and gets its name back. */
static void do_rename(void)
{
	CK_ATTRIBUTE other = STR(CKA_LABEL, "dev-renamed"), back = STR(CKA_LABEL, "dev-rsa");
	CK_OBJECT_HANDLE h = the(CKO_PRIVATE_KEY, "dev-rsa");

	OK(p11->C_SetAttributeValue(s, h, &other, 1));
	CHECK(the(CKO_PRIVATE_KEY, "dev-renamed") == h);
	use_rsa((struct pair){ the(CKO_PUBLIC_KEY, "dev-rsa"), h });
	OK(p11->C_SetAttributeValue(s, h, &back, 1));
	CHECK(the(CKO_PRIVATE_KEY, "dev-rsa") == h);
}

static void do_find(void)
{
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_KEY_TYPE kt = CKK_RSA;
	CK_ATTRIBUTE t[] = { VAL(CKA_CLASS, cls), VAL(CKA_KEY_TYPE, kt), STR(CKA_ID, "dev-rsa"), VAL(CKA_SIGN, yes) };
	CK_ATTRIBUTE none[] = { STR(CKA_LABEL, "dev-no-such") };
	CK_OBJECT_HANDLE h[2], all[256];

	CHECK(find(t, 4, h, 2) == 1);
	CHECK(find(none, 1, h, 2) == 0);
	CHECK(find(NULL, 0, all, 256) >= 2);
	kt = CKK_EC;
	CHECK(find(t, 4, h, 2) == 0);
}

/* Keys that an earlier run has made. */
static void do_again(void)
{
	CK_ATTRIBUTE none[] = { STR(CKA_LABEL, "dev-rsa") };
	CK_OBJECT_HANDLE h[4];
	size_t met = 0;

	if (find(none, 1, h, 4) != 0) {
		use_rsa(old_pair("dev-rsa"));
		met++;
	}
	for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
		CK_ATTRIBUTE t = STR(CKA_LABEL, curves[i].label);

		if (find(&t, 1, h, 4) == 0)
			continue;
		met++;
		look_at_pair(old_pair(curves[i].label), curves[i].label);
		look_at_point(&curves[i], old_pair(curves[i].label));
		use_ec(&curves[i], old_pair(curves[i].label));
	}
	CHECK(met != 0);
}

static void do_clean(void)
{
	CK_OBJECT_HANDLE h[256];
	CK_ULONG n = find(NULL, 0, h, 256), left = 0;
	char label[64];

	for (int round = 0; round < 2; round++) {
		left = 0;
		for (CK_ULONG i = 0; i < n; i++) {
			CK_ATTRIBUTE a = { CKA_LABEL, label, sizeof label };

			if (p11->C_GetAttributeValue(s, h[i], &a, 1) != CKR_OK || a.ulValueLen < 4 || memcmp(label, "dev-", 4) != 0)
				continue;
			left++;
			if (round == 0)
				OK(p11->C_DestroyObject(s, h[i]));
		}
		n = find(NULL, 0, h, 256);
	}
	CHECK(left == 0);
}

static void do_list(void)
{
	CK_MECHANISM_TYPE types[512];
	CK_TOKEN_INFO info;
	CK_ULONG n = 512;
	CK_BYTE random[100] = { 0 }, zero[100] = { 0 };

	OK(p11->C_GetTokenInfo(slot, &info));
	CHECK((info.flags & CKF_TOKEN_INITIALIZED) != 0);
	OK(p11->C_GetMechanismList(slot, types, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		CK_MECHANISM_INFO m;

		OK(p11->C_GetMechanismInfo(slot, types[i], &m));
		CHECK(m.flags != 0);
	}
	OK(p11->C_GenerateRandom(s, random, sizeof random));
	CHECK(memcmp(random, zero, sizeof random) != 0);
	printf("%lu mechanisms\n", n);
}

/* Wrong PIN, then the right one; the session is logged in again at the end. */
static const char *the_pin;

static void do_login(void)
{
	OK(p11->C_Logout(s));
	RV(p11_login(s, CKU_USER, "wrong-pin-1"), CKR_PIN_INCORRECT);
	OK(p11_login(s, CKU_USER, the_pin));
	RV(p11_login(s, CKU_USER, the_pin), CKR_USER_ALREADY_LOGGED_IN);
}

/* C_Finalize, C_Initialize, and the keys are there. */
static void do_reopen(void)
{
	OK(p11->C_Finalize(NULL));
	OK(p11->C_Initialize(NULL));
	s = p11_open(slot, CKF_RW_SESSION);
	if (strcmp(the_pin, "-") != 0)
		OK(p11_login(s, CKU_USER, the_pin));
	do_again();
}

static const struct { const char *word; void (*does)(void); } words[] = {
	{ "list", do_list }, { "login", do_login }, { "rsa", do_rsa }, { "pss", do_pss }, { "rsa-crypt", do_rsa_crypt }, { "oaep", do_oaep },
	{ "oaep-sha1", do_oaep_sha1 }, { "p256", do_p256 }, { "p384", do_p384 }, { "p521", do_p521 }, { "k256", do_k256 },
	{ "ecdh", do_ecdh }, { "aes", do_aes }, { "cbc", do_cbc }, { "cbc-pad", do_cbc_pad }, { "ecb", do_ecb }, { "ctr", do_ctr },
	{ "gcm", do_gcm }, { "gcm-once", do_gcm_once }, { "hmac", do_hmac }, { "wrap-kwp", do_wrap_kwp }, { "wrap-kw", do_wrap_kw },
	{ "wrap-rsa", do_wrap_rsa }, { "import", do_import }, { "old-hmac", do_old_hmac },
	{ "data", do_data }, { "private-data", do_private_data }, { "rename", do_rename }, { "find", do_find },
	{ "again", do_again }, { "clean", do_clean }, { "reopen", do_reopen },
};

static void act(const char *word)
{
	int before = p11_failures;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i].word, word) == 0) {
			words[i].does();
			printf("%-10s %s\n", word, p11_failures == before ? "ok" : "FAILED");
			(void)fflush(stdout);
			return;
		}
	fprintf(stderr, "no such word: %s\n", word);
	exit(2);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: device_client SLOT PIN WORD...\n");
		return 2;
	}
	alarm(P11_TIMEOUT);
	slot = strtoul(argv[1], NULL, 10);
	the_pin = argv[2];
	p11_load();
	OK(p11->C_Initialize(NULL));
	s = p11_open(slot, CKF_RW_SESSION);
	if (s != CK_INVALID_HANDLE && (strcmp(the_pin, "-") == 0 || OK(p11_login(s, CKU_USER, the_pin))))
		for (int i = 3; i < argc; i++)
			act(argv[i]);
	OK(p11->C_Finalize(NULL));
	return p11_failures == 0 ? 0 : 1;
}
