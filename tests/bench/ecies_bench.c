/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of ECIES decryption and delegation through the module, in one thread, against what they are made of. */
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hanzo-pkcs11.h"
#include "pkcs11.h"

enum { BIG = 1 << 20 };

static CK_FUNCTION_LIST *F;
static CK_SESSION_HANDLE S;
static CK_BBOOL yes = CK_TRUE;
static secp256k1_context *ctx;
static EVP_CIPHER_CTX *gcm;
static EVP_CIPHER *aes;
static unsigned char sec[32] = { [31] = 77 }, blob[BIG + 100], out[BIG + 100];
static size_t blob_len;
static CK_OBJECT_HANDLE key, rsa;
static EVP_PKEY *rsa_raw;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s fails\n", what);
	exit(1);
}

static int only_x(unsigned char *o, const unsigned char *x, const unsigned char *y, void *data)
{
	(void)y;
	(void)data;
	memcpy(o, x, 32);
	return 1;
}

static void raw_ecdh_hkdf(unsigned char k[32])
{
	static const unsigned char zeros[32], info[] = "ECIES:AES_GCM:v1\1";
	unsigned char x[32], prk[32];
	secp256k1_pubkey pub;

	must(secp256k1_ec_pubkey_parse(ctx, &pub, blob, 33) && secp256k1_ecdh(ctx, x, &pub, sec, only_x, NULL), "ECDH");
	HMAC(EVP_sha256(), zeros, 32, x, 32, prk, NULL);
	HMAC(EVP_sha256(), prk, 32, info, 17, k, NULL);
}

static void raw_gcm(const unsigned char k[32])
{
	int n;

	must(EVP_DecryptInit_ex2(gcm, aes, k, blob + 33, NULL) == 1 &&
		     EVP_DecryptUpdate(gcm, out, &n, blob + 45, (int)(blob_len - 61)) == 1 &&
		     EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_SET_TAG, 16, blob + blob_len - 16) == 1 && EVP_DecryptFinal_ex(gcm, out, &n) == 1,
	     "GCM");
}

static void raw_decrypt(void)
{
	unsigned char k[32];

	raw_ecdh_hkdf(k);
	raw_gcm(k);
}

static void raw_gcm_only(void)
{
	static unsigned char k[32];

	if (k[0] == 0 && k[1] == 0)
		raw_ecdh_hkdf(k);
	raw_gcm(k);
}

static void module_decrypt(void)
{
	CK_MECHANISM m = { CKM_HANZO_ECIES, NULL, 0 };
	CK_ULONG n = sizeof out;

	must(F->C_DecryptInit(S, &m, key) == CKR_OK && F->C_Decrypt(S, blob, blob_len, out, &n) == CKR_OK, "C_Decrypt");
}

static void module_delegate(void)
{
	CK_HANZO_ECIES_DELEGATE_PARAMS p = { blob, 33 };
	CK_MECHANISM m = { CKM_HANZO_ECIES_DELEGATE, &p, sizeof p };
	CK_ULONG n = sizeof out;

	must(F->C_WrapKey(S, &m, rsa, key, out, &n) == CKR_OK, "C_WrapKey");
}

static void raw_delegate(void)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(rsa_raw, NULL);
	unsigned char x[32];
	size_t n = sizeof out;

	raw_ecdh_hkdf(x);
	must(EVP_PKEY_encrypt_init(c) == 1 && EVP_PKEY_CTX_set_rsa_padding(c, 4) == 1 && EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) == 1 &&
		     EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) == 1 && EVP_PKEY_encrypt(c, out, &n, x, 32) == 1, "OAEP");
	EVP_PKEY_CTX_free(c);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double once(void (*f)(void), unsigned rounds)
{
	double began = now();

	for (unsigned i = 0; i < rounds; i++)
		f();
	return (now() - began) / rounds;
}

/* The fastest of interleaved runs on either side: what other processes take is no part of it. */
static void compare(const char *what, void (*ours)(void), void (*theirs)(void), unsigned rounds)
{
	double a = 1e9, b = 1e9;

	for (int i = 0; i < 15; i++) {
		double x = once(ours, rounds), y = once(theirs, rounds);

		a = x < a ? x : a;
		b = y < b ? y : b;
	}
	printf("%-34s %9.2f us, raw %9.2f us, ratio %.3f\n", what, a * 1e6, b * 1e6, b / a);
}

static void encrypt(size_t n)
{
	CK_MECHANISM m = { CKM_HANZO_ECIES, NULL, 0 };
	CK_ULONG len = sizeof blob;

	memset(out, 7, n);
	must(F->C_EncryptInit(S, &m, key) == CKR_OK && F->C_Encrypt(S, out, n, blob, &len) == CKR_OK, "C_Encrypt");
	blob_len = len;
}

static void keys(void)
{
	static CK_BYTE oid[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x0a }, n_raw[512], e_raw[] = { 1, 0, 1 };
	CK_OBJECT_CLASS priv = CKO_PRIVATE_KEY, pub = CKO_PUBLIC_KEY;
	CK_KEY_TYPE ec = CKK_EC, kt = CKK_RSA;
	BIGNUM *n = NULL;
	CK_ATTRIBUTE a[] = { { CKA_CLASS, &priv, sizeof priv }, { CKA_KEY_TYPE, &ec, sizeof ec }, { CKA_EC_PARAMS, oid, sizeof oid },
			     { CKA_VALUE, sec, 32 }, { CKA_DECRYPT, &yes, 1 }, { CKA_DERIVE, &yes, 1 } };
	CK_ATTRIBUTE b[] = { { CKA_CLASS, &pub, sizeof pub }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_WRAP, &yes, 1 },
			     { CKA_MODULUS, n_raw, 256 }, { CKA_PUBLIC_EXPONENT, e_raw, 3 } };

	rsa_raw = EVP_RSA_gen(2048);
	must(EVP_PKEY_get_bn_param(rsa_raw, "n", &n) == 1 && BN_bn2bin(n, n_raw) == 256, "an RSA key");
	must(F->C_CreateObject(S, a, 6, &key) == CKR_OK && F->C_CreateObject(S, b, 5, &rsa) == CKR_OK, "C_CreateObject");
	BN_free(n);
}

int main(void)
{
	const char *path = getenv("HANZO_MODULE");
	void *lib = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_RV (*get)(CK_FUNCTION_LIST **);

	must(lib != NULL, "HANZO_MODULE");
	*(void **)&get = dlsym(lib, "C_GetFunctionList");
	must(get(&F) == CKR_OK && F->C_Initialize(NULL) == CKR_OK &&
		     F->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &S) == CKR_OK, "the module");
	ctx = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	gcm = EVP_CIPHER_CTX_new();
	aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	keys();
	encrypt(32);
	compare("decrypt 32 bytes", module_decrypt, raw_decrypt, 1000);
	compare("delegate to RSA-2048", module_delegate, raw_delegate, 500);
	encrypt(BIG);
	compare("decrypt 1 MiB", module_decrypt, raw_decrypt, 30);
	compare("decrypt 1 MiB, raw: GCM alone", module_decrypt, raw_gcm_only, 30);
	return F->C_Finalize(NULL) != CKR_OK;
}
