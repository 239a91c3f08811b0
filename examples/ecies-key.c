/* SPDX-License-Identifier: Apache-2.0 */
/* Make a key pair on secp256k1 for ECIES in slot 1: ecies-key MODULE LABEL, the PIN in HZ_PIN. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs11.h"

static CK_FUNCTION_LIST *load(const char *path)
{
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_FUNCTION_LIST *f = NULL;
	CK_RV (*get)(CK_FUNCTION_LIST **);

	*(void **)&get = lib ? dlsym(lib, "C_GetFunctionList") : NULL;
	return get && get(&f) == CKR_OK && f->C_Initialize(NULL) == CKR_OK ? f : NULL;
}

static CK_RV generate(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, char *label)
{
	static CK_BYTE secp256k1[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE pub[] = { { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, label, strlen(label) }, { CKA_ENCRYPT, &yes, 1 },
			       { CKA_EC_PARAMS, secp256k1, sizeof secp256k1 } };
	CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, label, strlen(label) }, { CKA_DECRYPT, &yes, 1 } };
	CK_OBJECT_HANDLE hpub, hpriv;

	return f->C_GenerateKeyPair(s, &m, pub, 4, priv, 3, &hpub, &hpriv);
}

int main(int argc, char **argv)
{
	char *pin = getenv("HZ_PIN");
	CK_FUNCTION_LIST *f = argc == 3 && pin ? load(argv[1]) : NULL;
	CK_SESSION_HANDLE s;
	CK_RV rv;

	if (!f)
		return 2;
	rv = f->C_OpenSession(1, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s);
	if (rv == CKR_OK)
		rv = f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin));
	if (rv == CKR_OK)
		rv = generate(f, s, argv[2]);
	f->C_Finalize(NULL);
	if (rv != CKR_OK)
		fprintf(stderr, "refused: 0x%lx\n", rv);
	return rv != CKR_OK;
}
