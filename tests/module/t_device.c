/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot whose keys are in SoftHSM2: objects, every kind of operation, what is composed here of what the device has, limits that the
 * device cannot hold, fork, loss of the device's sessions. SOFTHSM2 names the module; without one the test is skipped.
 */
#include <pthread.h>
#include <sys/types.h>
#include <time.h>

#include "mock.h"
#include "../sanitized.h"

static struct pair curve_pair(CK_SESSION_HANDLE s, CK_BYTE *oid, CK_ULONG len, const char *label, bool token, CK_MECHANISM_TYPE *only, CK_ULONG n)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BBOOL at_rest = token ? CK_TRUE : CK_FALSE;
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, oid, len }, { CKA_TOKEN, &at_rest, 1 }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
			       { CKA_ID, (void *)(uintptr_t)label, strlen(label) }, { CKA_ENCRYPT, &yes, 1 } };
	CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &at_rest, 1 }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
				{ CKA_ID, (void *)(uintptr_t)label, strlen(label) }, { CKA_SIGN, &yes, 1 }, { CKA_DERIVE, &yes, 1 }, { CKA_DECRYPT, &yes, 1 },
				{ CKA_ALLOWED_MECHANISMS, only, n * sizeof *only } };
	struct pair p = { 0, 0 };

	OK(p11->C_GenerateKeyPair(s, &m, pub, 5, priv, n != 0 ? 7 : 6, &p.pub, &p.priv));
	return p;
}

/* Sign and verify; the length of the signature. */
static CK_ULONG signed_len(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE type, struct pair k, const void *in, CK_ULONG len)
{
	CK_MECHANISM m = { type, NULL, 0 };
	CK_BYTE sig[512];
	CK_ULONG n = sizeof sig;

	OK(p11->C_SignInit(s, &m, k.priv));
	OK(p11->C_Sign(s, (CK_BYTE *)(uintptr_t)in, len, sig, &n));
	OK(p11->C_VerifyInit(s, &m, k.pub));
	OK(p11->C_Verify(s, (CK_BYTE *)(uintptr_t)in, len, sig, n));
	sig[n - 1] ^= 1;
	OK(p11->C_VerifyInit(s, &m, k.pub));
	CHECK(p11->C_Verify(s, (CK_BYTE *)(uintptr_t)in, len, sig, n) == CKR_SIGNATURE_INVALID);
	return n;
}

static void test_ec(CK_SESSION_HANDLE s)
{
	struct pair k = curve_pair(s, p256_oid, sizeof p256_oid, "device-p256", true, NULL, 0);
	CK_BYTE digest[32] = { 1, 2, 3 }, value[8], sig[64];
	CK_BBOOL flag = CK_FALSE;
	CK_ATTRIBUTE a = { CKA_VALUE, value, sizeof value }, f = { CKA_NEVER_EXTRACTABLE, &flag, 1 };
	CK_MECHANISM m = { CKM_ECDSA_SHA3_256, NULL, 0 };
	CK_ULONG n = sizeof sig;

	CHECK(signed_len(s, CKM_ECDSA, k, digest, 32) == 64);
	CHECK(signed_len(s, CKM_ECDSA_SHA256, k, "hello", 5) == 64);
	CHECK(signed_len(s, CKM_ECDSA_SHA3_384, k, "hello", 5) == 64); /* the device knows no SHA-3 */
	RV(p11->C_GetAttributeValue(s, k.priv, &a, 1), CKR_ATTRIBUTE_SENSITIVE);
	OK(p11->C_GetAttributeValue(s, k.priv, &f, 1));
	CHECK(flag == CK_TRUE);
	OK(p11->C_SignInit(s, &m, k.priv));
	OK(p11->C_SignUpdate(s, digest, 10));
	OK(p11->C_SignUpdate(s, digest + 10, 22));
	n = 10;
	RV(p11->C_SignFinal(s, sig, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == 64);
	OK(p11->C_SignFinal(s, sig, &n));
	OK(p11->C_VerifyInit(s, &m, k.pub));
	OK(p11->C_Verify(s, digest, 32, sig, n));
	k = curve_pair(s, p256_oid, sizeof p256_oid, "session-p256", false, NULL, 0);
	CHECK(signed_len(s, CKM_ECDSA_SHA256, k, "hello", 5) == 64);
	OK(p11->C_DestroyObject(s, k.priv));
}

static void test_vendor(CK_SESSION_HANDLE s)
{
	CK_MECHANISM_TYPE only[] = { CKM_HANZO_POAI };
	struct pair k = curve_pair(s, k256_oid, sizeof k256_oid, "device-k256", true, NULL, 0);
	struct pair poai = curve_pair(s, k256_oid, sizeof k256_oid, "device-poai", true, only, 1);
	CK_BYTE digest[32] = { 9 }, address[20], blob[256], plain[64];
	CK_ATTRIBUTE a = { CKA_HANZO_ADDRESS, address, sizeof address };
	CK_MECHANISM ecies = { CKM_HANZO_ECIES, NULL, 0 }, m = { CKM_HANZO_POAI, NULL, 0 };
	CK_ULONG n = sizeof blob, len = sizeof plain;
	char text[512];

	CHECK(signed_len(s, CKM_ECDSA, k, digest, 32) == 64);
	CHECK(signed_len(s, CKM_HANZO_ECDSA_RECOVERABLE, k, digest, 32) == 65);
	CHECK(signed_len(s, CKM_HANZO_ECDSA_KECCAK256, k, "hello", 5) == 64);
	OK(p11->C_GetAttributeValue(s, k.priv, &a, 1));
	CHECK(a.ulValueLen == 20);
	OK(p11->C_EncryptInit(s, &ecies, k.pub));
	OK(p11->C_Encrypt(s, (CK_BYTE *)(uintptr_t)"secret", 6, blob, &n));
	OK(p11->C_DecryptInit(s, &ecies, k.priv));
	OK(p11->C_Decrypt(s, blob, n, plain, &len));
	CHECK(len == 6 && memcmp(plain, "secret", 6) == 0);
	blob[40] ^= 1;
	OK(p11->C_DecryptInit(s, &ecies, k.priv));
	len = sizeof plain;
	RV(p11->C_Decrypt(s, blob, n, plain, &len), CKR_ENCRYPTED_DATA_INVALID);

	snprintf(text, sizeof text,
		 "{\"modelId\":\"m\",\"inputHash\":\"0x%064d\",\"outputHash\":\"0x%064d\",\"timestamp\":%lld,\"computeTime\":5,"
		 "\"nodeId\":\"n\",\"nonce\":\"0x%064d\"}", 1, 2, (long long)time(NULL), 3);
	RV(p11->C_SignInit(s, &m, k.priv), CKR_KEY_FUNCTION_NOT_PERMITTED);
	CHECK(signed_len(s, CKM_HANZO_POAI, poai, text, strlen(text)) == 65);
	OK(p11->C_SignInit(s, &m, poai.priv)); /* the nonce was signed */
	n = sizeof blob;
	RV(p11->C_Sign(s, (CK_BYTE *)text, strlen(text), blob, &n), CKR_FUNCTION_REJECTED);
	m.mechanism = CKM_ECDSA; /* the list is ours: the device's says CKM_ECDSA */
	RV(p11->C_SignInit(s, &m, poai.priv), CKR_MECHANISM_INVALID);
}

static void test_rsa(CK_SESSION_HANDLE s)
{
	CK_MECHANISM gen = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 }, raw = { CKM_RSA_PKCS, NULL, 0 }, wrap = { CKM_RSA_PKCS, NULL, 0 };
	CK_ULONG bits = 2048, n = 256, len = 256;
	CK_BYTE e[] = { 1, 0, 1 }, blob[256], plain[256];
	CK_ATTRIBUTE pub[] = { { CKA_MODULUS_BITS, &bits, sizeof bits }, { CKA_PUBLIC_EXPONENT, e, 3 }, { CKA_TOKEN, &yes, 1 },
			       { CKA_LABEL, (void *)(uintptr_t)"device-rsa", 10 } };
	CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)"device-rsa", 10 } };
	CK_RSA_PKCS_PSS_PARAMS p = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
	CK_MECHANISM pss = { CKM_SHA256_RSA_PKCS_PSS, &p, sizeof p };
	struct pair k;

	(void)wrap;
	OK(p11->C_GenerateKeyPair(s, &gen, pub, 4, priv, 2, &k.pub, &k.priv));
	CHECK(signed_len(s, CKM_SHA256_RSA_PKCS, k, "hello", 5) == 256);
	CHECK(signed_len(s, CKM_SHA3_256_RSA_PKCS, k, "hello", 5) == 256); /* composed */
	OK(p11->C_SignInit(s, &pss, k.priv));
	OK(p11->C_Sign(s, blob, 100, plain, &n));
	OK(p11->C_VerifyInit(s, &pss, k.pub));
	OK(p11->C_Verify(s, blob, 100, plain, n));
	OK(p11->C_EncryptInit(s, &raw, k.pub));
	n = sizeof blob;
	OK(p11->C_Encrypt(s, (CK_BYTE *)(uintptr_t)"secret", 6, blob, &n));
	OK(p11->C_DecryptInit(s, &raw, k.priv));
	OK(p11->C_Decrypt(s, blob, n, plain, &len));
	CHECK(len == 6 && memcmp(plain, "secret", 6) == 0);
}

static void test_aes(CK_SESSION_HANDLE s, CK_BBOOL *token)
{
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_BYTE iv[16] = { 7 }, in[50] = { 1, 2, 3 }, ct[80], pt[80];
	CK_GCM_PARAMS g = { iv, 12, 96, NULL, 0, 128 };
	CK_MECHANISM gcm = { CKM_AES_GCM, &g, sizeof g }, cbc = { CKM_AES_CBC_PAD, iv, 16 };
	CK_ULONG len = 32, n = sizeof ct, k = sizeof pt, more;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &len, sizeof len }, { CKA_TOKEN, token, 1 }, { CKA_LABEL, (void *)(uintptr_t)"device-aes", 10 } };
	CK_OBJECT_HANDLE h = 0;

	OK(p11->C_GenerateKey(s, &gen, t, 3, &h));
	OK(p11->C_EncryptInit(s, &gcm, h));
	OK(p11->C_Encrypt(s, in, sizeof in, ct, &n));
	CHECK(n == sizeof in + 16);
	OK(p11->C_DecryptInit(s, &gcm, h));
	OK(p11->C_Decrypt(s, ct, n, pt, &k));
	CHECK(k == sizeof in && memcmp(in, pt, k) == 0);
	ct[3] ^= 1;
	OK(p11->C_DecryptInit(s, &gcm, h));
	k = sizeof pt;
	CHECK(p11->C_Decrypt(s, ct, n, pt, &k) != CKR_OK);

	OK(p11->C_EncryptInit(s, &cbc, h));
	n = sizeof ct;
	OK(p11->C_EncryptUpdate(s, in, 20, ct, &n));
	CHECK(n == 16);
	more = sizeof ct - n;
	OK(p11->C_EncryptUpdate(s, in + 20, 30, ct + n, &more));
	n += more;
	more = sizeof ct - n;
	OK(p11->C_EncryptFinal(s, ct + n, &more));
	n += more;
	CHECK(n == 64);
	OK(p11->C_DecryptInit(s, &cbc, h));
	k = sizeof pt;
	OK(p11->C_Decrypt(s, ct, n, pt, &k));
	CHECK(k == sizeof in && memcmp(in, pt, k) == 0);
	OK(p11->C_DestroyObject(s, h));
	RV(p11->C_EncryptInit(s, &cbc, h), CKR_KEY_HANDLE_INVALID);
}

static CK_ULONG count(CK_SESSION_HANDLE s, const char *label, CK_OBJECT_HANDLE *first)
{
	CK_ATTRIBUTE t = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
	CK_OBJECT_HANDLE h[16];
	CK_ULONG n = 0;

	OK(p11->C_FindObjectsInit(s, &t, 1));
	OK(p11->C_FindObjects(s, h, 16, &n));
	OK(p11->C_FindObjectsFinal(s));
	if (n != 0 && first != NULL)
		*first = h[0];
	return n;
}

static void test_objects(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS cls = CKO_DATA;
	CK_BYTE value[] = "some data", got[32];
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)"a-data", 6 },
			     { CKA_VALUE, value, sizeof value } };
	CK_ATTRIBUTE a = { CKA_VALUE, got, sizeof got }, l = { CKA_LABEL, (void *)(uintptr_t)"b-data", 6 };
	CK_OBJECT_HANDLE h = 0, found = 0, copy = 0;

	OK(p11->C_CreateObject(s, t, 4, &h));
	CHECK(count(s, "a-data", &found) == 1 && found == h);
	OK(p11->C_GetAttributeValue(s, h, &a, 1));
	CHECK(a.ulValueLen == sizeof value && memcmp(got, value, sizeof value) == 0);
	OK(p11->C_SetAttributeValue(s, h, &l, 1));
	CHECK(count(s, "a-data", NULL) == 0);
	CHECK(count(s, "b-data", NULL) == 1);
	OK(p11->C_CopyObject(s, h, NULL, 0, &copy));
	CHECK(copy != h && count(s, "b-data", NULL) == 2);
	OK(p11->C_DestroyObject(s, h));
	CHECK(count(s, "b-data", &found) == 1 && found == copy);
	OK(p11->C_DestroyObject(s, copy));
	RV(p11->C_GetAttributeValue(s, copy, &a, 1), CKR_OBJECT_HANDLE_INVALID);
}

/* In another process, at the device itself: make, rename (`to`) or destroy (`to` NULL) a data object. */
static void elsewhere(const char *label, const char *to, bool make)
{
	pid_t pid = fork();

	if (pid == 0) {
		void *so = dlopen(softhsm_module(), RTLD_NOW | RTLD_LOCAL);
		CK_C_GetFunctionList get;
		CK_FUNCTION_LIST *f = NULL;
		CK_SLOT_ID ids[8];
		CK_ULONG n = 8;
		CK_SESSION_HANDLE s = 0;
		CK_OBJECT_HANDLE h = 0;
		CK_OBJECT_CLASS cls = CKO_DATA;
		CK_ATTRIBUTE t[] = { { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, { CKA_CLASS, &cls, sizeof cls },
				     { CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &no, 1 }, { CKA_VALUE, &yes, 1 } };

		*(void **)&get = dlsym(so, "C_GetFunctionList");
		OK(get(&f));
		(void)f->C_Finalize(NULL); /* what came through fork */
		OK(f->C_Initialize(NULL));
		OK(f->C_GetSlotList(CK_TRUE, ids, &n));
		OK(f->C_OpenSession(ids[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
		if (make) {
			OK(f->C_CreateObject(s, t, 5, &h));
			_exit(p11_failures == 0 ? 0 : 1);
		}
		OK(f->C_FindObjectsInit(s, t, 1));
		OK(f->C_FindObjects(s, &h, 1, &n));
		OK(f->C_FindObjectsFinal(s));
		t[0] = (CK_ATTRIBUTE){ CKA_LABEL, (void *)(uintptr_t)to, to != NULL ? strlen(to) : 0 };
		OK(to != NULL ? f->C_SetAttributeValue(s, h, t, 1) : f->C_DestroyObject(s, h));
		_exit(p11_failures == 0 ? 0 : 1);
	}
	p11_wait(pid);
}

/* Until a search finds so many, or long after it has to. */
static void becomes(CK_SESSION_HANDLE s, const char *label, CK_ULONG n)
{
	const struct timespec pause = { 0, 50000000 };

	for (int i = 0; i < 1200 && count(s, label, NULL) != n; i++)
		(void)nanosleep(&pause, NULL);
	CHECK(count(s, label, NULL) == n);
}

/* What others change on the device. */
static void test_others(CK_SESSION_HANDLE s)
{
	elsewhere("others-a", NULL, true);
	CHECK(count(s, "others-a", NULL) == 1); /* asked for and not known */
	elsewhere("others-a", "others-b", false);
	becomes(s, "others-a", 0);
	CHECK(count(s, "others-b", NULL) == 1);
	elsewhere("others-b", NULL, true); /* another one of that name */
	becomes(s, "others-b", 2);
	elsewhere("others-b", NULL, false);
	becomes(s, "others-b", 1);
	elsewhere("others-b", NULL, false);
	becomes(s, "others-b", 0);
}

/* Other users of the same module in this process: their login, their end of the module. */
static void test_beside(CK_SESSION_HANDLE s)
{
	CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
	void *so = dlopen(softhsm_module(), RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get;
	CK_FUNCTION_LIST *f = NULL;
	CK_OBJECT_HANDLE k = 0;
	CK_BYTE sig[64];
	CK_ULONG n = sizeof sig;
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_LABEL, (void *)(uintptr_t)"device-p256", 11 } };

	*(void **)&get = dlsym(so, "C_GetFunctionList");
	CHECK(get != NULL && get(&f) == CKR_OK);
	if (f == NULL)
		return;
	RV(f->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	OK(p11->C_FindObjectsInit(s, t, 2));
	OK(p11->C_FindObjects(s, &k, 1, &n));
	OK(p11->C_FindObjectsFinal(s));
	CHECK(n == 1);
	OK(f->C_Finalize(NULL)); /* every session of the device is gone, ours too */
	n = sizeof sig;
	OK(p11->C_SignInit(s, &m, k));
	OK(p11->C_Sign(s, sig, 20, sig, &n));
	OK(p11->C_SignInit(s, &m, k));
	OK(f->C_Finalize(NULL)); /* in the middle of an operation */
	n = sizeof sig;
	OK(p11->C_SignUpdate(s, sig, 20));
	OK(p11->C_SignFinal(s, sig, &n));
	(void)dlclose(so);
}

static void *sign_many(void *arg)
{
	CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_OBJECT_HANDLE k = *(CK_OBJECT_HANDLE *)arg;
	CK_SESSION_HANDLE s = p11_open(SLOT, 0);
	CK_BYTE sig[64];

	for (int i = 0; i < 50; i++) {
		CK_ULONG n = sizeof sig;

		OK(p11->C_SignInit(s, &m, k));
		OK(p11->C_Sign(s, (CK_BYTE *)(uintptr_t)"x", 1, sig, &n));
	}
	OK(p11->C_CloseSession(s));
	return NULL;
}

/* More threads than the device may have sessions. */
static void test_threads(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_LABEL, (void *)(uintptr_t)"device-p256", 11 } };
	CK_OBJECT_HANDLE k = 0;
	CK_ULONG n = 0;
	pthread_t id[8];

	OK(p11->C_FindObjectsInit(s, t, 2));
	OK(p11->C_FindObjects(s, &k, 1, &n));
	OK(p11->C_FindObjectsFinal(s));
	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&id[i], NULL, sign_many, &k) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(pthread_join(id[i], NULL) == 0);
}

/* ---- objects that end ---- */

static void public_point(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE pub, CK_BYTE point[65])
{
	CK_BYTE der[80];
	CK_ATTRIBUTE a = { CKA_EC_POINT, der, sizeof der };

	OK(p11->C_GetAttributeValue(s, pub, &a, 1));
	CHECK(a.ulValueLen == 67);
	memcpy(point, der + 2, 65);
}

#define ENDED 20

/* What has ended stays ended: its handle never means one that came later. */
static void test_ended(CK_SESSION_HANDLE s)
{
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_BYTE label[32], id[16];
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_VALUE_LEN, &len, sizeof len }, { CKA_ID, id, 1 } }, a = { CKA_LABEL, label, sizeof label };
	CK_OBJECT_HANDLE old[ENDED], h = CK_INVALID_HANDLE, stays = CK_INVALID_HANDLE;
	struct pair k = curve_pair(s, p256_oid, sizeof p256_oid, "ended-p256", true, NULL, 0);
	CK_BYTE point[65];

	public_point(s, k.pub, point);
	pass_without_trace(s, CK_INVALID_HANDLE, NULL);
	pass_without_trace(s, k.priv, point);
	id[0] = 200;
	OK(p11->C_GenerateKey(s, &gen, t, 3, &stays));
	for (unsigned i = 0; i < ENDED; i++) {
		id[0] = (CK_BYTE)i;
		OK(p11->C_GenerateKey(s, &gen, t, 3, &old[i]));
		OK(p11->C_DestroyObject(s, old[i]));
	}
	for (unsigned i = 0; i < ENDED; i++) {
		id[0] = (CK_BYTE)i;
		OK(p11->C_GenerateKey(s, &gen, t, 3, &h));
		for (unsigned j = 0; j < ENDED; j++)
			CHECK(h != old[j]);
		RV(p11->C_GetAttributeValue(s, old[i], &a, 1), CKR_OBJECT_HANDLE_INVALID);
		a.ulValueLen = sizeof label;
		OK(p11->C_DestroyObject(s, h));
	}
	a = (CK_ATTRIBUTE){ CKA_ID, id, sizeof id };
	OK(p11->C_GetAttributeValue(s, stays, &a, 1));
	CHECK(a.ulValueLen == 1 && id[0] == 200);
	OK(p11->C_DestroyObject(s, stays));
	OK(p11->C_DestroyObject(s, k.priv));
	OK(p11->C_DestroyObject(s, k.pub));
}

static struct {
	_Atomic CK_OBJECT_HANDLE key;
	_Atomic bool over;
	_Atomic unsigned uses;
} shared_key;

static void *use_what_ends(void *arg)
{
	CK_SESSION_HANDLE s = p11_open(SLOT, 0);
	CK_BYTE block[16] = { 1 }, out[16];
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };

	(void)arg;
	while (!shared_key.over) {
		CK_ULONG n = sizeof out;
		CK_RV rv = p11->C_EncryptInit(s, &ecb, shared_key.key);

		if (rv == CKR_OK)
			rv = p11->C_Encrypt(s, block, sizeof block, out, &n);
		CHECK(rv == CKR_OK || rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_DEVICE_REMOVED);
		shared_key.uses += rv == CKR_OK;
	}
	OK(p11->C_CloseSession(s));
	return NULL;
}

/* Keys end while others use them, and while others look for something else. */
static void test_ending(CK_SESSION_HANDLE s)
{
	CK_OBJECT_HANDLE now = CK_INVALID_HANDLE, next;
	pthread_t id[2];

	OK(session_key(s, CK_INVALID_HANDLE, NULL, &now));
	shared_key.key = now;
	shared_key.over = false;
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&id[i], NULL, use_what_ends, NULL) == 0);
	for (unsigned i = 0; i < 30 || (shared_key.uses < 10 && i < 100000); i++) {
		OK(session_key(s, CK_INVALID_HANDLE, NULL, &next));
		shared_key.key = next;
		OK(p11->C_DestroyObject(s, now));
		now = next;
		CHECK(count(s, "device-p256", NULL) == 2);
	}
	shared_key.over = true;
	for (int i = 0; i < 2; i++)
		CHECK(pthread_join(id[i], NULL) == 0);
	OK(p11->C_DestroyObject(s, now));
}

static void test_fork(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		CK_SESSION_HANDLE s;

		RV(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
		OK(p11->C_Initialize(NULL));
		s = p11_open(SLOT, 0);
		OK(p11_login(s, CKU_USER, DEVICE_PIN));
		CHECK(count(s, "device-p256", NULL) == 2);
		OK(p11->C_Finalize(NULL));
		_exit(p11_failures == 0 ? 0 : 1);
	}
	p11_wait(pid);
}

static void run_device(const char *source)
{
	CK_UTF8CHAR label[32];
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO info;
	bool again = source[0] != '\0';

	configure(softhsm_module(), source);
	OK(p11->C_Initialize(NULL));
	OK(p11->C_GetTokenInfo(SLOT, &info));
	CHECK((info.flags & (CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED)) ==
	      (CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED));
	CHECK(memcmp(info.label, "hanzo-secure ", 13) == 0);
	memset(label, ' ', sizeof label);
	RV(p11->C_InitToken(SLOT, (CK_UTF8CHAR *)(uintptr_t)"device-so-1", 11, label), CKR_TOKEN_WRITE_PROTECTED);
	s = p11_open(SLOT, CKF_RW_SESSION);
	CHECK(count(s, "device-p256", NULL) == (again ? 1u : 0u)); /* the private half shows after the login */
	RV(p11_login(s, CKU_USER, "wrong-pin"), CKR_PIN_INCORRECT);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	RV(p11_login(s, CKU_USER, DEVICE_PIN), CKR_USER_ALREADY_LOGGED_IN);
	if (!again) {
		test_ec(s);
		test_vendor(s);
		test_rsa(s);
		test_aes(s, &yes);
		test_aes(s, &no);
		test_objects(s);
		test_others(s);
	}
	CHECK(count(s, "device-p256", NULL) == 2);
	test_threads(s);
	if (again)
		test_beside(s);
	test_ended(s);
	test_ending(s);
	test_fork();
	OK(p11->C_Logout(s));
	CHECK(count(s, "device-p256", NULL) == 1);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	CHECK(count(s, "device-p256", NULL) == 2);
	OK(p11->C_Finalize(NULL));
}

/* A device that answers although its storage is away, and without the keys: none is forgotten, no search says that there are none. */
static void test_storage(const char *source)
{
	CK_ATTRIBUTE t = { CKA_LABEL, (void *)(uintptr_t)"device-p256", 11 };
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO info;
	struct pair k;

	configure(softhsm_module(), source);
	OK(p11->C_Initialize(NULL));
	s = p11_open(SLOT, CKF_RW_SESSION);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	k = (struct pair){ find_key(s, CKO_PUBLIC_KEY, "device-p256"), find_key(s, CKO_PRIVATE_KEY, "device-p256") };
	for (int login = 0; login < 2; login++) {
		sign_verify(s, k);
		storage_away("device");
		for (int i = 0; i < 2; i++) {
			RV(try_sign(s, k.priv), CKR_DEVICE_REMOVED);
			RV(p11->C_FindObjectsInit(s, &t, 1), CKR_DEVICE_REMOVED);
			RV(p11->C_GetTokenInfo(SLOT, &info), CKR_TOKEN_NOT_PRESENT);
		}
		if (login != 0) {
			OK(p11->C_Logout(s));
			CHECK(p11_login(s, CKU_USER, DEVICE_PIN) != CKR_OK);
		}
		storage_back();
		for (int i = 0; i < 300 && login != 0 && p11_login(s, CKU_USER, DEVICE_PIN) != CKR_OK; i++)
			(void)nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
		OK(sign_soon(s, k.priv));
		CHECK(count(s, "device-p256", NULL) == 2);
		CHECK(find_key(s, CKO_PUBLIC_KEY, "device-p256") == k.pub && find_key(s, CKO_PRIVATE_KEY, "device-p256") == k.priv);
		OK(p11->C_GetTokenInfo(SLOT, &info));
	}
	storage_away("device");
	(void)p11->C_Logout(s);
	CHECK(p11_login(s, CKU_USER, DEVICE_PIN) != CKR_OK); /* first of all calls */
	storage_back();
	OK(p11->C_Finalize(NULL));
}

static void reason_says(const char *what)
{
	CK_INTERFACE *i = NULL;
	char text[512] = "";
	CK_ULONG n = sizeof text;
	CK_C_GetInterface get;

	*(void **)&get = dlsym(p11_handle, "C_GetInterface");
	OK(get((CK_UTF8CHAR *)(uintptr_t)CK_HANZO_INTERFACE_NAME, NULL, &i, 0));
	if (i != NULL)
		OK(((CK_HANZO_FUNCTION_LIST *)i->pFunctionList)->HZ_GetLastError(text, &n));
	if (strstr(text, what) == NULL)
		fprintf(stderr, "the reason is: %s\n", text);
	CHECK(strstr(text, what) != NULL);
}

/* A module that stands in front of ourselves: a way back that no look at the file shows. */
static void test_way_back(void)
{
	static const char spy[] = "/usr/lib/x86_64-linux-gnu/pkcs11/pkcs11-spy.so";
	char path[1024];
	CK_SLOT_ID ids[8];
	CK_TOKEN_INFO info;
	CK_ULONG n = 8;

	setenv("FRONT_MODULE", getenv("HANZO_MODULE"), 1);
	snprintf(path, sizeof path, "%s/.libs/mock-front.so", getenv("HANZO_BUILDDIR"));
	configure(path, "token = hanzo-secure\n");
	OK(p11->C_Initialize(NULL));
	RV(p11->C_GetTokenInfo(SLOT, &info), CKR_TOKEN_NOT_PRESENT);
	reason_says("leads back to this very slot: a loop");
	OK(p11->C_GetSlotList(CK_TRUE, ids, &n));
	CHECK(n == 2 && ids[0] == 0 && ids[1] == 1);
	OK(p11->C_Finalize(NULL));
	if (access(spy, R_OK) != 0 || is_sanitized()) /* it leaks */
		return;
	snprintf(path, sizeof path, "%s/spy", p11_dir); /* OpenSC's shows our interfaces */
	setenv("PKCS11SPY_OUTPUT", path, 1);
	setenv("PKCS11SPY", getenv("HANZO_MODULE"), 1);
	configure(spy, "token = hanzo-secure\n");
	RV(p11->C_Initialize(NULL), CKR_GENERAL_ERROR);
	reason_says("a loop");
}

/* The application itself came first to the module, and its login with it. */
static void test_host_first(void)
{
	void *so = dlopen(softhsm_module(), RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get;
	CK_FUNCTION_LIST *f = NULL;
	CK_SESSION_HANDLE host = 0, s;
	CK_SESSION_INFO info;
	CK_SLOT_ID ids[8];
	CK_ULONG n = 8;
	char source[200];

	*(void **)&get = dlsym(so, "C_GetFunctionList");
	CHECK(get != NULL && get(&f) == CKR_OK);
	if (f == NULL)
		return;
	OK(f->C_Initialize(NULL));
	OK(f->C_GetSlotList(CK_TRUE, ids, &n));
	OK(f->C_OpenSession(ids[0], CKF_SERIAL_SESSION, NULL, NULL, &host));
	OK(f->C_Login(host, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)DEVICE_PIN, strlen(DEVICE_PIN)));
	for (int i = 0; i < 2; i++) {
		snprintf(source, sizeof source, "token = device\n%s%s%s", i == 0 ? "" : "pin_source = file:", i == 0 ? "" : p11_dir,
			 i == 0 ? "" : "/pin\n");
		configure(softhsm_module(), source);
		OK(p11->C_Initialize(NULL));
		s = p11_open(SLOT, CKF_RW_SESSION);
		RV(p11_login(s, CKU_USER, DEVICE_PIN), i == 0 ? CKR_FUNCTION_FAILED : CKR_OK); /* nobody could say whether the PIN is right */
		CHECK(count(s, "device-p256", NULL) == (i == 0 ? 1u : 2u));
		OK(p11->C_Finalize(NULL));
		OK(f->C_GetSessionInfo(host, &info)); /* its session and its login are its own still */
		CHECK(info.state == CKS_RO_USER_FUNCTIONS);
	}
	OK(f->C_Finalize(NULL));
	(void)dlclose(so);
}

/* Configurations that lead back to us, or nowhere. */
static void test_bad_modules(void)
{
	CK_SLOT_INFO info;
	char copy[160], cmd[400];

	configure(getenv("HANZO_MODULE"), "");
	RV(p11->C_Initialize(NULL), CKR_GENERAL_ERROR);
	reason_says("this very module: a loop");
	snprintf(copy, sizeof copy, "%s/copy.so", p11_dir);
	snprintf(cmd, sizeof cmd, "cp %s %s", getenv("HANZO_MODULE"), copy);
	CHECK(system(cmd) == 0);
	configure(copy, "");
	RV(p11->C_Initialize(NULL), CKR_GENERAL_ERROR);
	configure("/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so", "");
	if (access("/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so", R_OK) == 0) {
		RV(p11->C_Initialize(NULL), CKR_GENERAL_ERROR);
		reason_says("a loop");
	}
	configure("/nonexistent/module.so", "");
	OK(p11->C_Initialize(NULL)); /* the other slots work */
	OK(p11->C_GetSlotInfo(SLOT, &info));
	CHECK((info.flags & CKF_TOKEN_PRESENT) == 0);
	OK(p11->C_Finalize(NULL));
	configure(softhsm_module(), "token = no-such-token\n");
	OK(p11->C_Initialize(NULL));
	{
		CK_TOKEN_INFO token;

		RV(p11->C_GetTokenInfo(SLOT, &token), CKR_TOKEN_NOT_PRESENT);
	}
	OK(p11->C_Finalize(NULL));
}

static void test_pin_source_refused(void)
{
	char source[200];
	CK_SESSION_HANDLE s;

	write_file("open-pin", DEVICE_PIN "\n", 0644);
	snprintf(source, sizeof source, "token = device\npin_source = file:%s/open-pin\n", p11_dir);
	configure(softhsm_module(), source);
	OK(p11->C_Initialize(NULL));
	s = p11_open(SLOT, CKF_RW_SESSION);
	RV(p11_login(s, CKU_USER, DEVICE_PIN), CKR_FUNCTION_FAILED);
	OK(p11->C_Finalize(NULL));
}

int main(void)
{
	char source[200];

	if (access(softhsm_module(), R_OK) != 0) {
		printf("SKIP t_device: no SoftHSM2 at %s\n", softhsm_module());
		return 77;
	}
	p11_environment();
	unsetenv("HANZO_PKCS11_STORE");
	unsetenv("HANZO_PKCS11_LOG");
	make_device("device");
	p11_load();
	run_device("");
	test_storage("");
	write_file("pin", DEVICE_PIN "\n", 0600);
	snprintf(source, sizeof source, "token = device\nsessions = 3\npin_source = file:%s/pin\n", p11_dir);
	run_device(source);
	test_storage(source);
	test_pin_source_refused();
	test_host_first();
	test_bad_modules();
	test_way_back();
	return p11_end();
}
