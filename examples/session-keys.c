/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of one session in tier 0 (Open): no login, nothing on disk, gone with the process. Makes a P-256 pair and an AES-256 key, signs,
 * verifies, encrypts and decrypts, and asks for a private key at rest, which this tier refuses.
 *
 *     cc $(pkg-config --cflags p11-kit-1) session-keys.c -o session-keys -ldl
 *     ./session-keys "$(pkg-config --variable=module hanzo-pkcs11)"
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST *f;
static CK_BBOOL yes = CK_TRUE;

static void must(const char *what, CK_RV rv)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s: 0x%lx\n", what, (unsigned long)rv);
	exit(1);
}

static void load(const char *path)
{
	CK_C_GetFunctionList get;
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (module == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&get = dlsym(module, "C_GetFunctionList");
	must("C_GetFunctionList", get(&f));
	must("C_Initialize", f->C_Initialize(NULL));
}

static CK_RV make_pair(CK_SESSION_HANDLE s, CK_BBOOL at_rest, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE a[] = { { CKA_EC_PARAMS, p256, sizeof p256 }, { CKA_VERIFY, &yes, sizeof yes } };
	CK_ATTRIBUTE b[] = { { CKA_TOKEN, &at_rest, sizeof at_rest }, { CKA_SIGN, &yes, sizeof yes } };

	return f->C_GenerateKeyPair(s, &m, a, 2, b, 2, pub, priv);
}

static void sign(CK_SESSION_HANDLE s)
{
	CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_OBJECT_HANDLE pub, priv;
	CK_BYTE message[] = "attack at dawn", sig[64];
	CK_ULONG n = sizeof sig;

	must("C_GenerateKeyPair", make_pair(s, CK_FALSE, &pub, &priv));
	must("C_SignInit", f->C_SignInit(s, &m, priv));
	must("C_Sign", f->C_Sign(s, message, sizeof message, sig, &n));
	must("C_VerifyInit", f->C_VerifyInit(s, &m, pub));
	must("C_Verify", f->C_Verify(s, message, sizeof message, sig, n));
	message[0] = 'A';
	must("C_VerifyInit", f->C_VerifyInit(s, &m, pub));
	if (f->C_Verify(s, message, sizeof message, sig, n) != CKR_SIGNATURE_INVALID)
		must("a changed message verifies", CKR_GENERAL_ERROR);
	printf("session key: P-256 signature of %lu bytes verifies, a changed message does not\n", (unsigned long)n);
}

static void encrypt(CK_SESSION_HANDLE s)
{
	CK_BYTE iv[16], text[] = "attack at dawn", ct[64], pt[64];
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 }, m = { CKM_AES_CBC_PAD, iv, sizeof iv };
	CK_ULONG len = 32, n = sizeof ct, got = sizeof pt;
	CK_ATTRIBUTE a[] = { { CKA_VALUE_LEN, &len, sizeof len }, { CKA_ENCRYPT, &yes, sizeof yes }, { CKA_DECRYPT, &yes, sizeof yes } };
	CK_OBJECT_HANDLE key;

	must("C_GenerateRandom", f->C_GenerateRandom(s, iv, sizeof iv));
	must("C_GenerateKey", f->C_GenerateKey(s, &gen, a, 3, &key));
	must("C_EncryptInit", f->C_EncryptInit(s, &m, key));
	must("C_Encrypt", f->C_Encrypt(s, text, sizeof text, ct, &n));
	must("C_DecryptInit", f->C_DecryptInit(s, &m, key));
	must("C_Decrypt", f->C_Decrypt(s, ct, n, pt, &got));
	if (got != sizeof text || memcmp(pt, text, got) != 0)
		must("what was decrypted differs", CKR_GENERAL_ERROR);
	printf("session key: AES-256 encrypts %lu bytes to %lu and back\n", (unsigned long)sizeof text, (unsigned long)n);
}

int main(int argc, char **argv)
{
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE pub, priv;

	if (argc != 2) {
		fprintf(stderr, "usage: %s MODULE\n", argv[0]);
		return 2;
	}
	load(argv[1]);
	must("C_OpenSession", f->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	sign(s);
	encrypt(s);
	if (make_pair(s, CK_TRUE, &pub, &priv) != CKR_TEMPLATE_INCONSISTENT)
		must("a private key at rest in tier 0", CKR_GENERAL_ERROR);
	printf("a private key at rest is refused in this tier\n");
	must("C_Finalize", f->C_Finalize(NULL));
	return 0;
}
