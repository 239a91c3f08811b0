/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out: every call with its first, second, third... allocation refused. It answers with a code of its own, breaks
 * nothing (the same call then works), and loses nothing (a second failure at the same place leaves no more behind than the first).
 * The allocator is this program's, so libcrypto and SQLite meet the same shortage.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

/* The C library's own, under names that a program may define the others over. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static long countdown = -1; /* allocations until one is refused; negative: none is */
static long live;           /* blocks given out and not released */
static bool hit;
static bool slow;           /* the call derives keys from PINs, and warms itself: fewer of them will do */

/* A sanitizer brings an allocator of its own, which ours must not stand in the way of: such a build has nothing to run here. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
static bool refuse(void)
{
	if (countdown < 0 || countdown-- != 0)
		return false;
	hit = true;
	errno = ENOMEM;
	return true;
}

#define EXPORT __attribute__((visibility("default")))

EXPORT void *malloc(size_t n)
{
	void *p = refuse() ? NULL : __libc_malloc(n);

	live += p != NULL;
	return p;
}

EXPORT void *calloc(size_t n, size_t m)
{
	void *p = refuse() ? NULL : __libc_calloc(n, m);

	live += p != NULL;
	return p;
}

EXPORT void *realloc(void *old, size_t n)
{
	void *p = refuse() ? NULL : __libc_realloc(old, n);

	live += p != NULL && old == NULL;
	live -= old != NULL && n == 0;
	return p;
}

EXPORT void free(void *p)
{
	live -= p != NULL;
	__libc_free(p);
}
#endif

static CK_SESSION_HANDLE s;
static CK_BYTE value[32] = "0123456789abcdef0123456789abcde", out[8192], ct[8192];
static CK_ULONG ct_len;
static CK_OBJECT_CLASS secret = CKO_SECRET_KEY, data = CKO_DATA;
static CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static CK_ULONG len32 = 32;
static struct kit_pair keys[KEY_KINDS];
static CK_OBJECT_HANDLE at_rest;

/* A call ends whatever it began. */
static CK_RV and_destroy(CK_RV rv, const CK_OBJECT_HANDLE *h)
{
	countdown = -1;
	return rv == CKR_OK ? p11->C_DestroyObject(s, *h) : rv;
}

static CK_RV create(void)
{
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value), A_STR(CKA_LABEL, "made") };
	CK_OBJECT_HANDLE h = 0;

	return and_destroy(p11->C_CreateObject(s, a, N(a), &h), &h);
}

static CK_RV create_token(void)
{
	CK_ATTRIBUTE a[] = { A_TRUE(CKA_TOKEN), A_TRUE(CKA_PRIVATE), A_VAL(CKA_CLASS, data), A_VAL(CKA_VALUE, value) };
	CK_OBJECT_HANDLE h = 0;

	return and_destroy(p11->C_CreateObject(s, a, N(a), &h), &h);
}

static CK_RV copy(void)
{
	CK_ATTRIBUTE a[] = { A_STR(CKA_LABEL, "copy") };
	CK_OBJECT_HANDLE h = 0;

	return and_destroy(p11->C_CopyObject(s, keys[KEY_AES].pub, a, N(a), &h), &h);
}

static CK_RV set_label(void)
{
	CK_ATTRIBUTE a[] = { A_STR(CKA_LABEL, "another") };

	return p11->C_SetAttributeValue(s, at_rest, a, N(a));
}

static CK_RV find(void)
{
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_VALUE, value) };
	CK_OBJECT_HANDLE h[8];
	CK_ULONG n;
	CK_RV rv = p11->C_FindObjectsInit(s, a, N(a)), end;

	if (rv != CKR_OK)
		return rv;
	rv = p11->C_FindObjects(s, h, N(h), &n);
	end = p11->C_FindObjectsFinal(s);
	return rv == CKR_OK ? end : rv;
}

static CK_RV generate(enum kit_key kind)
{
	struct kit_pair p;
	CK_RV rv = kit_generate(s, kind, false, &p);

	countdown = -1;
	if (rv == CKR_OK && p.priv != p.pub)
		rv = p11->C_DestroyObject(s, p.priv);
	return rv == CKR_OK ? p11->C_DestroyObject(s, p.pub) : rv;
}

static CK_RV generate_aes(void) { return generate(KEY_AES); }
static CK_RV generate_p256(void) { return generate(KEY_P256); }
static CK_RV generate_k256(void) { return generate(KEY_K256); }
static CK_RV generate_ed(void) { return generate(KEY_ED25519); }
static CK_RV generate_x(void) { return generate(KEY_X25519); }

/* What was begun and not ended by a failure is ended here, so that the next round starts anew with cold operations. */
static CK_RV transform(CK_MECHANISM_TYPE t)
{
	struct kit_recipe r;
	CK_ULONG n = sizeof ct, m = sizeof out;
	CK_RV rv;

	if (!kit_recipe(t, 0, &r))
		return CKR_MECHANISM_INVALID;
	rv = p11->C_EncryptInit(s, &r.m, keys[r.key].pub);
	if (rv == CKR_OK)
		rv = p11->C_Encrypt(s, (CK_BYTE *)(uintptr_t)r.data, r.len, ct, &n);
	if (rv == CKR_OK)
		rv = p11->C_DecryptInit(s, &r.m, keys[r.key].priv);
	if (rv == CKR_OK)
		rv = p11->C_Decrypt(s, ct, n, out, &m);
	if (rv == CKR_OK && (m != r.len || memcmp(out, r.data, m) != 0))
		rv = CKR_VENDOR_DEFINED;
	countdown = -1;
	(void)p11->C_SessionCancel(s, CKF_ENCRYPT | CKF_DECRYPT);
	return rv;
}

static CK_RV crypt_cbc(void) { return transform(CKM_AES_CBC_PAD); }
static CK_RV crypt_gcm(void) { return transform(CKM_AES_GCM); }
static CK_RV crypt_ccm(void) { return transform(CKM_AES_CCM); }
static CK_RV crypt_kwp(void) { return transform(CKM_AES_KEY_WRAP_KWP); }
static CK_RV crypt_oaep(void) { return transform(CKM_RSA_PKCS_OAEP); }
static CK_RV crypt_pkcs(void) { return transform(CKM_RSA_PKCS); }
static CK_RV crypt_ecies(void) { return transform(CKM_HANZO_ECIES); }
static CK_RV crypt_model(void) { return transform(CKM_HANZO_MODEL_WEIGHTS); }

static CK_RV sign(CK_MECHANISM_TYPE t)
{
	struct kit_recipe r;
	CK_ULONG n = sizeof out;
	CK_RV rv;

	if (!kit_recipe(t, 0, &r))
		return CKR_MECHANISM_INVALID;
	rv = p11->C_SignInit(s, &r.m, keys[r.key].priv);
	if (rv == CKR_OK)
		rv = p11->C_Sign(s, (CK_BYTE *)(uintptr_t)r.data, r.len, out, &n);
	if (rv == CKR_OK)
		rv = p11->C_VerifyInit(s, &r.m, keys[r.key].pub);
	if (rv == CKR_OK)
		rv = p11->C_Verify(s, (CK_BYTE *)(uintptr_t)r.data, r.len, out, n);
	countdown = -1;
	(void)p11->C_SessionCancel(s, CKF_SIGN | CKF_VERIFY);
	return rv;
}

static CK_RV sign_rsa(void) { return sign(CKM_SHA256_RSA_PKCS); }
static CK_RV sign_pss(void) { return sign(CKM_SHA256_RSA_PKCS_PSS); }
static CK_RV sign_ecdsa(void) { return sign(CKM_ECDSA_SHA256); }
static CK_RV sign_k256(void) { return sign(CKM_HANZO_ECDSA_RECOVERABLE); }
static CK_RV sign_eddsa(void) { return sign(CKM_EDDSA); }
static CK_RV sign_hmac(void) { return sign(CKM_SHA256_HMAC); }
static CK_RV sign_cmac(void) { return sign(CKM_AES_CMAC); }

static CK_RV digest(void)
{
	CK_MECHANISM m = { CKM_SHA3_256, NULL, 0 };
	CK_BYTE state[1024];
	CK_ULONG n = sizeof state, k = sizeof out;
	CK_RV rv = p11->C_DigestInit(s, &m);

	if (rv == CKR_OK)
		rv = p11->C_DigestKey(s, keys[KEY_AES].pub);
	if (rv == CKR_OK)
		rv = p11->C_GetOperationState(s, state, &n);
	if (rv == CKR_OK)
		rv = p11->C_SetOperationState(s, state, n, 0, 0);
	if (rv == CKR_OK)
		rv = p11->C_DigestFinal(s, out, &k);
	countdown = -1;
	(void)p11->C_SessionCancel(s, CKF_DIGEST);
	return rv;
}

static CK_RV wrap_with(CK_MECHANISM_TYPE t, enum kit_key with, enum kit_key what)
{
	static CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	static CK_RSA_AES_KEY_WRAP_PARAMS rsa_aes = { 256, &oaep };
	struct kit_recipe r = { .m = { t, &rsa_aes, sizeof rsa_aes } };
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic) };
	CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
	CK_KEY_TYPE ec = CKK_EC;
	CK_ATTRIBUTE b[] = { A_VAL(CKA_CLASS, private_key), A_VAL(CKA_KEY_TYPE, ec) };
	CK_OBJECT_HANDLE h = 0;
	CK_RV rv;

	if (t != CKM_RSA_AES_KEY_WRAP && !kit_recipe(t, 0, &r))
		return CKR_MECHANISM_INVALID;
	ct_len = sizeof ct;
	rv = p11->C_WrapKey(s, &r.m, keys[with].pub, keys[what].priv, ct, &ct_len);
	return rv != CKR_OK ? rv : and_destroy(p11->C_UnwrapKey(s, &r.m, keys[with].priv, ct, ct_len, what == KEY_P256 ? b : a, N(a), &h), &h);
}

static CK_RV wrap_kwp(void) { return wrap_with(CKM_AES_KEY_WRAP_KWP, KEY_AES, KEY_P256); }
static CK_RV wrap_oaep(void) { return wrap_with(CKM_RSA_PKCS_OAEP, KEY_RSA, KEY_GENERIC); }
static CK_RV wrap_rsa_aes(void) { return wrap_with(CKM_RSA_AES_KEY_WRAP, KEY_RSA, KEY_P256); }
static CK_RV wrap_ecies(void) { return wrap_with(CKM_HANZO_ECIES, KEY_K256, KEY_GENERIC); }

/* Share 1 of the secp256k1 key, to that key itself; second: of the split that a refresh subtracts. */
static CK_RV share_to(CK_BYTE id, bool second, CK_BYTE *w, CK_ULONG *n)
{
	CK_HANZO_SHAMIR_PARAMS p = { 1, 2, 3, { 0 } };
	CK_MECHANISM m = { CKM_HANZO_SHAMIR_SHARE, &p, sizeof p };

	memset(p.splitId, second ? ~id : id, sizeof p.splitId);
	return p11->C_WrapKey(s, &m, keys[KEY_K256].pub, keys[KEY_K256].priv, w, n);
}

static CK_RV refresh_share(CK_OBJECT_HANDLE old)
{
	CK_HANZO_SHARE_REFRESH_PARAMS p = { old };
	CK_MECHANISM m = { CKM_HANZO_SHARE_REFRESH, &p, sizeof p };
	CK_BYTE list[700] = { 0, 0, 1 };
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG at = 3, n;
	CK_RV rv = CKR_OK;

	for (int second = 0; rv == CKR_OK && second < 2; second++) {
		n = 300;
		rv = share_to(6, second, list + at + 4, &n);
		list[at + 2] = (CK_BYTE)(n >> 8);
		list[at + 3] = (CK_BYTE)n;
		at += 4 + n;
	}
	return rv != CKR_OK ? rv : and_destroy(p11->C_UnwrapKey(s, &m, keys[KEY_K256].priv, list, at, NULL, 0, &h), &h);
}

/* A share is made, taken, answers, and is refreshed. */
static CK_RV threshold(void)
{
	static CK_BYTE g[33] = { 2, 0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07,
				 0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98 };
	CK_HANZO_ECIES_DELEGATE_PARAMS k = { g, sizeof g };
	CK_MECHANISM open = { CKM_HANZO_ECIES, NULL, 0 }, answer = { CKM_HANZO_ECIES_PARTIAL, &k, sizeof k };
	CK_MECHANISM delegate = { CKM_HANZO_ECIES_DELEGATE, &k, sizeof k };
	CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
	CK_KEY_TYPE ec = CKK_EC;
	CK_ULONG one = 1;
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, private_key), A_VAL(CKA_KEY_TYPE, ec), A_VAL(CKA_HANZO_SHARE_INDEX, one) };
	CK_OBJECT_HANDLE h = 0;
	CK_RV rv;

	ct_len = sizeof ct;
	rv = share_to(5, false, ct, &ct_len);
	if (rv == CKR_OK)
		rv = p11->C_UnwrapKey(s, &open, keys[KEY_K256].priv, ct, ct_len, a, N(a), &h);
	if (rv != CKR_OK)
		return rv;
	ct_len = sizeof ct;
	rv = p11->C_WrapKey(s, &answer, keys[KEY_RSA].pub, h, ct, &ct_len);
	ct_len = sizeof ct;
	if (rv == CKR_OK)
		rv = p11->C_WrapKey(s, &delegate, keys[KEY_RSA].pub, keys[KEY_K256].priv, ct, &ct_len);
	if (rv == CKR_OK)
		rv = refresh_share(h);
	countdown = -1;
	(void)p11->C_DestroyObject(s, h);
	return rv;
}

static CK_RV hkdf(void)
{
	CK_HKDF_PARAMS p = { CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_DATA, value, 32, 0, value, 32 };
	CK_MECHANISM m = { CKM_HKDF_DERIVE, &p, sizeof p };
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE_LEN, len32) };
	CK_OBJECT_HANDLE h = 0;

	return and_destroy(p11->C_DeriveKey(s, &m, keys[KEY_HKDF].pub, a, N(a), &h), &h);
}

static CK_RV ecdh(void)
{
	CK_BYTE point[80];
	CK_ATTRIBUTE read[] = { { CKA_EC_POINT, point, sizeof point } };
	CK_ECDH1_DERIVE_PARAMS p = { CKD_SHA256_KDF, 0, NULL, 0, point };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &p, sizeof p };
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE_LEN, len32) };
	CK_OBJECT_HANDLE h = 0;
	CK_RV rv = p11->C_GetAttributeValue(s, keys[KEY_P256].pub, read, 1);

	p.ulPublicDataLen = read[0].ulValueLen;
	return rv != CKR_OK ? rv : and_destroy(p11->C_DeriveKey(s, &m, keys[KEY_P256].priv, a, N(a), &h), &h);
}

static CK_RV session(void)
{
	CK_SESSION_HANDLE h;
	CK_RV rv = p11->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &h);

	return rv == CKR_OK ? p11->C_CloseSession(h) : rv;
}

static CK_RV token_info(void)
{
	CK_TOKEN_INFO i;

	return p11->C_GetTokenInfo(1, &i);
}

/* A wrong PIN, or any failure, leaves the user logged out. */
static CK_RV log_in(void)
{
	CK_RV rv;
	long left = countdown;

	countdown = -1;
	(void)p11->C_Logout(s);
	countdown = left;
	rv = p11->C_Login(s, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)USER_PIN, sizeof USER_PIN - 1);
	if (rv != CKR_OK) {
		countdown = -1;
		OK(p11->C_Login(s, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)USER_PIN, sizeof USER_PIN - 1));
	}
	return rv;
}

/*
 * Codes that may follow from a want of memory. The last six are the caller's faults by their names: libcrypto says of many failures
 * no more than that it failed, where a bad key, ciphertext, signature, state or point is what makes it fail.
 */
static bool fits(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_HOST_MEMORY || rv == CKR_DEVICE_MEMORY || rv == CKR_FUNCTION_FAILED || rv == CKR_DEVICE_ERROR ||
	       rv == CKR_GENERAL_ERROR || rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_ENCRYPTED_DATA_INVALID ||
	       rv == CKR_SIGNATURE_INVALID || rv == CKR_WRAPPED_KEY_INVALID || rv == CKR_SAVED_STATE_INVALID ||
	       rv == CKR_MECHANISM_PARAM_INVALID;
}

/* One failure at allocation `at`, and a call that warms what it made cold; the blocks that are live then. */
static CK_RV failing(CK_RV (*call)(void), long at, long *left)
{
	CK_RV rv;

	hit = false;
	countdown = at;
	rv = call();
	countdown = -1;
	for (int i = 0; i < 40 && !slow && call() != CKR_OK; i++)
		; /* libcrypto's blinding of an RSA key may be out of step until its 32nd use */
	*left = live;
	return rv;
}

/* Errors of libcrypto keep their texts until their 16 places are used again: what still grows after those is lost. */
static bool leaks(CK_RV (*call)(void), long at)
{
	long was, now;
	int grown = 0;

	(void)failing(call, at, &was);
	for (int i = 0; i < 40; i++, was = now) {
		(void)failing(call, at, &now);
		grown = now > was ? grown + 1 : 0;
		if ((i >= 2 || slow) && grown == 0)
			return false;
	}
	return grown > 8;
}

static void starve(const char *name, CK_RV (*call)(void), long most)
{
	long at, left;

	p11_about("%s", name);
	OK(call());
	OK(call());
	for (at = 0, hit = true; hit && at < most; at++) {
		CK_RV rv = failing(call, at, &left);
		bool was_hit = hit;

		p11_about("%s, allocation %ld: code %#lx", name, at, rv);
		CHECK(fits(rv));
		CHECK(!leaks(call, at));
		OK(call());
		hit = was_hit;
	}
	printf("%s: %ld places\n", name, at);
}

/* A PIN set while memory runs out is the PIN afterwards, or was not set; nobody is locked out. */
static void set_pins(void)
{
	CK_UTF8CHAR *pin = (CK_UTF8CHAR *)(uintptr_t)USER_PIN;
	const CK_ULONG n = sizeof USER_PIN - 1;
	long at;

	for (at = 0, hit = true; hit && at < 6000; at += at < 8 ? 1 : 211) {
		CK_RV rv;

		hit = false;
		countdown = at;
		rv = p11->C_SetPIN(s, pin, n, pin, n);
		countdown = -1;
		p11_about("C_SetPIN, allocation %ld: code %#lx", at, rv);
		CHECK(fits(rv) && (hit || rv == CKR_OK));
		OK(p11->C_Logout(s));
		OK(p11->C_Login(s, CKU_USER, pin, n));
	}
	printf("C_SetPIN: up to allocation %ld\n", at);
}

/* C_Initialize that fails leaves the module as it was: not initialised, and ready for the next attempt. */
static void lives(void)
{
	CK_SESSION_HANDLE h;
	long at, was = 0, grown = 0;

	OK(p11->C_Finalize(NULL));
	for (at = 0, hit = true; hit; at++) {
		CK_RV rv;

		hit = false;
		countdown = at;
		rv = p11->C_Initialize(NULL);
		countdown = -1;
		p11_about("C_Initialize, allocation %ld: code %#lx", at, rv);
		CHECK(rv == CKR_OK || rv == CKR_HOST_MEMORY || rv == CKR_GENERAL_ERROR);
		if (rv != CKR_OK) {
			RV(p11->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &h), CKR_CRYPTOKI_NOT_INITIALIZED);
			OK(p11->C_Initialize(NULL));
		}
		OK(p11->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &h));
		OK(p11->C_Finalize(NULL));
		grown = live > was ? grown + 1 : 0;
		was = live;
		CHECK(grown < 24);
	}
	printf("C_Initialize: %ld places\n", at);
	OK(p11->C_Initialize(NULL));
}

static void make_keys(void)
{
	CK_ATTRIBUTE a[] = { A_TRUE(CKA_TOKEN), A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value) };

	for (unsigned k = 0; k < KEY_KINDS; k++)
		if (k != KEY_ML_DSA && k != KEY_ML_KEM)
			OK(kit_generate(s, (enum kit_key)k, false, &keys[k]));
	OK(p11->C_CreateObject(s, a, N(a), &at_rest));
}

#define STARVE(f) starve(#f, f, 450)

int main(void)
{
	if (SANITIZED) {
		puts("SKIP t_oom: a sanitizer has an allocator of its own");
		return 77;
	}
	kit_start();
	kit_init_token();
	s = kit_session(1, true);
	kit_login(s);
	make_keys();
	STARVE(create);
	STARVE(create_token);
	STARVE(copy);
	STARVE(set_label);
	STARVE(find);
	STARVE(session);
	STARVE(token_info);
	STARVE(generate_aes);
	STARVE(generate_p256);
	STARVE(generate_k256);
	STARVE(generate_ed);
	STARVE(generate_x);
	STARVE(crypt_cbc);
	STARVE(crypt_gcm);
	STARVE(crypt_ccm);
	STARVE(crypt_kwp);
	STARVE(crypt_oaep);
	STARVE(crypt_pkcs);
	STARVE(crypt_ecies);
	STARVE(crypt_model);
	STARVE(sign_rsa);
	STARVE(sign_pss);
	STARVE(sign_ecdsa);
	STARVE(sign_k256);
	STARVE(sign_eddsa);
	STARVE(sign_hmac);
	STARVE(sign_cmac);
	STARVE(digest);
	STARVE(wrap_kwp);
	STARVE(wrap_oaep);
	STARVE(wrap_rsa_aes);
	STARVE(wrap_ecies);
	STARVE(threshold);
	STARVE(hkdf);
	STARVE(ecdh);
	slow = true;
	starve("log_in", log_in, 12);
	slow = false;
	set_pins();
	lives();
	return kit_end();
}
