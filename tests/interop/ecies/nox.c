/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user of $HANZO_MODULE for the scripts: makes a key for ECIES on slot 1 and encrypts or decrypts lines with it.
 *   nox keygen LABEL             prints the public point, compressed
 *   nox import LABEL             a key whose scalar is the line on stdin
 *   nox encrypt|decrypt LABEL    reads lines "DATA AAD" in hexadecimal ("-": empty), prints one line each ("refused": no)
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "hanzo-pkcs11.h"
#include "pkcs11.h"

enum { LINE = 1 << 18 };

static CK_FUNCTION_LIST *F;
static CK_SESSION_HANDLE S;
static CK_BBOOL yes = CK_TRUE;

static void must(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s: 0x%lx\n", what, rv);
	exit(1);
}

static void start(void)
{
	const char *pin = getenv("HANZO_PIN"), *path = getenv("HANZO_MODULE");
	void *lib = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_RV (*get)(CK_FUNCTION_LIST **);

	if (lib == NULL || pin == NULL)
		must(CKR_GENERAL_ERROR, "HANZO_MODULE, HANZO_PIN");
	*(void **)&get = dlsym(lib, "C_GetFunctionList");
	must(get(&F), "C_GetFunctionList");
	must(F->C_Initialize(NULL), "C_Initialize");
	must(F->C_OpenSession(1, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &S), "C_OpenSession");
	must(F->C_Login(S, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin)), "C_Login");
}

static void keygen(char *label)
{
	static CK_BYTE oid[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x0a };
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, oid, sizeof oid } };
	CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &yes, 1 },  { CKA_LABEL, label, strlen(label) }, { CKA_DECRYPT, &yes, 1 }, { CKA_UNWRAP, &yes, 1 },
				{ CKA_DERIVE, &yes, 1 }, { CKA_SIGN, &yes, 1 },                { CKA_EXTRACTABLE, &yes, 1 } };
	CK_OBJECT_HANDLE p, s;
	CK_BYTE spki[128];
	CK_ATTRIBUTE info = { CKA_PUBLIC_KEY_INFO, spki, sizeof spki };
	char hex[67];

	must(F->C_GenerateKeyPair(S, &m, pub, 1, priv, 7, &p, &s), "C_GenerateKeyPair");
	must(F->C_GetAttributeValue(S, s, &info, 1), "CKA_PUBLIC_KEY_INFO");
	spki[info.ulValueLen - 65] = (CK_BYTE)(2 + (spki[info.ulValueLen - 1] & 1)); /* the point's last 65 octets, compressed */
	hz_hex_encode(spki + info.ulValueLen - 65, 33, hex);
	puts(hex);
}

static CK_ULONG field(const char *text, CK_BYTE *out);

static void import(char *label)
{
	static CK_BYTE oid[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x0a }, value[100];
	static char line[150];
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_KEY_TYPE kt = CKK_EC;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_EC_PARAMS, oid, sizeof oid },
			     { CKA_VALUE, value, 32 },        { CKA_TOKEN, &yes, 1 },           { CKA_LABEL, label, strlen(label) },
			     { CKA_DECRYPT, &yes, 1 } };
	CK_OBJECT_HANDLE h;

	if (fgets(line, sizeof line, stdin) == NULL || field(strtok(line, " \n"), value) != 32)
		must(CKR_DATA_INVALID, "the scalar");
	must(F->C_CreateObject(S, t, sizeof t / sizeof t[0], &h), "C_CreateObject");
}

static CK_ULONG field(const char *text, CK_BYTE *out)
{
	size_t n = text == NULL || !strcmp(text, "-") ? 0 : strlen(text);

	if (!hz_hex_decode(text, n, out, n / 2))
		must(CKR_DATA_INVALID, "a line");
	return n / 2;
}

static void stream(bool enc, char *label)
{
	static char line[LINE], hex[LINE + 200];
	static CK_BYTE in[LINE / 2], aad[LINE / 2], out[LINE / 2 + 100];
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_LABEL, label, strlen(label) } };
	CK_OBJECT_HANDLE key = 0;
	CK_ULONG n = 0;

	must(F->C_FindObjectsInit(S, t, 2), "C_FindObjectsInit");
	must(F->C_FindObjects(S, &key, 1, &n), "C_FindObjects");
	F->C_FindObjectsFinal(S);
	while (fgets(line, sizeof line, stdin) != NULL) {
		CK_ULONG in_len = field(strtok(line, " \n"), in);
		CK_HANZO_ECIES_PARAMS p = { aad, field(strtok(NULL, " \n"), aad) };
		CK_MECHANISM m = { CKM_HANZO_ECIES, &p, sizeof p };
		CK_RV rv;

		n = sizeof out;
		must(enc ? F->C_EncryptInit(S, &m, key) : F->C_DecryptInit(S, &m, key), "Init");
		rv = enc ? F->C_Encrypt(S, in, in_len, out, &n) : F->C_Decrypt(S, in, in_len, out, &n);
		if (rv != CKR_ENCRYPTED_DATA_INVALID)
			must(rv, "the operation");
		hz_hex_encode(out, rv == CKR_OK ? n : 0, hex);
		puts(rv != CKR_OK ? "refused" : n == 0 ? "-" : hex);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	start();
	if (!strcmp(argv[1], "keygen"))
		keygen(argv[2]);
	else if (!strcmp(argv[1], "import"))
		import(argv[2]);
	else
		stream(!strcmp(argv[1], "encrypt"), argv[2]);
	return F->C_Finalize(NULL) != CKR_OK;
}
