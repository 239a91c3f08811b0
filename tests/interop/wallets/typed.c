/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs and verifies lines of JSON with the built module, for the wallet libraries to compare with:
 *     typed sign MECHANISM                      a new session key on slot 0; its public key, then a signature a line
 *     typed verify MECHANISM POINT SIGNATURES   the point's key; "valid" or "invalid" a line
 * MECHANISM: eip712, poai or hmm (the latter verify whatever the time). POINT and signatures in hexadecimal.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hanzo-pkcs11.h"
#include "pkcs11.h"

enum { POINT = 65, SIG = 65 };

static CK_FUNCTION_LIST *p11;
static CK_SESSION_HANDLE session;
static CK_HANZO_EIP712_PARAMS param = { .ulChainId = 36963, .ulFormat = CK_HANZO_FORMAT_IGNORE_TTL };
static CK_BYTE curve[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };

static void need(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s: 0x%lx\n", what, rv);
	exit(1);
}

static void load(void)
{
	const char *path = getenv("HANZO_MODULE");
	void *lib = path != NULL ? dlopen(path, RTLD_NOW) : NULL;
	CK_RV (*get)(CK_FUNCTION_LIST **);

	if (lib == NULL) {
		fprintf(stderr, "HANZO_MODULE: %s\n", path != NULL ? dlerror() : "not set");
		exit(1);
	}
	*(void **)&get = dlsym(lib, "C_GetFunctionList");
	need(get(&p11), "C_GetFunctionList");
	need(p11->C_Initialize(NULL), "C_Initialize");
	need(p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), "C_OpenSession");
}

static CK_MECHANISM mechanism(const char *name)
{
	CK_MECHANISM m = { CKM_HANZO_EIP712, NULL, 0 };

	if (strcmp(name, "eip712") == 0)
		return m;
	m.mechanism = strcmp(name, "hmm") == 0 ? CKM_HANZO_HMM_SETTLEMENT : CKM_HANZO_POAI;
	m.pParameter = &param;
	m.ulParameterLen = sizeof param;
	return m;
}

static void print_hex(const CK_BYTE *p, CK_ULONG n)
{
	printf("0x");
	for (CK_ULONG i = 0; i < n; i++)
		printf("%02x", p[i]);
	putchar('\n');
}

static int read_hex(const char *s, CK_BYTE *out, size_t n)
{
	unsigned v;

	if (strncmp(s, "0x", 2) == 0)
		s += 2;
	for (size_t i = 0; i < n; i++) {
		if (sscanf(s + 2 * i, "%2x", &v) != 1)
			return 0;
		out[i] = (CK_BYTE)v;
	}
	return s[2 * n] == '\0' || s[2 * n] == '\n';
}

/* A line without its end; NULL after the last. */
static char *next_line(FILE *f, size_t *len)
{
	static char *line[2];
	static size_t room[2];
	int which = f == stdin;
	ssize_t n = getline(&line[which], &room[which], f);

	if (n <= 0)
		return NULL;
	*len = (size_t)n - (line[which][n - 1] == '\n');
	return line[which];
}

static int sign_lines(CK_MECHANISM m)
{
	CK_MECHANISM gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_MECHANISM_TYPE only = m.mechanism;
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, curve, sizeof curve } };
	CK_ATTRIBUTE priv[] = { { CKA_ALLOWED_MECHANISMS, &only, sizeof only } };
	CK_BYTE der[POINT + 2], sig[SIG];
	CK_ATTRIBUTE point = { CKA_EC_POINT, der, sizeof der };
	CK_OBJECT_HANDLE hpub, hpriv;
	size_t len;
	char *text;

	need(p11->C_GenerateKeyPair(session, &gen, pub, 1, priv, 1, &hpub, &hpriv), "C_GenerateKeyPair");
	need(p11->C_GetAttributeValue(session, hpub, &point, 1), "CKA_EC_POINT");
	print_hex(der + 2, POINT);
	while ((text = next_line(stdin, &len)) != NULL) {
		CK_ULONG n = sizeof sig;

		need(p11->C_SignInit(session, &m, hpriv), "C_SignInit");
		need(p11->C_Sign(session, (CK_BYTE *)text, len, sig, &n), text);
		print_hex(sig, n);
	}
	return 0;
}

static int verify_lines(CK_MECHANISM m, const char *point, const char *signatures)
{
	CK_OBJECT_CLASS cls = CKO_PUBLIC_KEY;
	CK_KEY_TYPE kt = CKK_EC;
	CK_BYTE der[POINT + 2] = { 0x04, POINT }, sig[SIG];
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_EC_PARAMS, curve, sizeof curve },
			     { CKA_EC_POINT, der, sizeof der } };
	FILE *f = fopen(signatures, "r");
	CK_OBJECT_HANDLE key;
	size_t len, sig_len;
	char *text, *line;

	if (f == NULL || !read_hex(point, der + 2, POINT)) {
		fprintf(stderr, "no signatures, or no point\n");
		return 1;
	}
	need(p11->C_CreateObject(session, t, 4, &key), "C_CreateObject");
	while ((text = next_line(stdin, &len)) != NULL) {
		line = next_line(f, &sig_len);
		if (line == NULL || !read_hex(line, sig, SIG)) {
			fprintf(stderr, "a signature is missing\n");
			return 1;
		}
		need(p11->C_VerifyInit(session, &m, key), "C_VerifyInit");
		puts(p11->C_Verify(session, (CK_BYTE *)text, len, sig, SIG) == CKR_OK ? "valid" : "invalid");
	}
	fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	int rc = 2;

	if (argc < 3)
		return rc;
	load();
	if (strcmp(argv[1], "sign") == 0 && argc == 3)
		rc = sign_lines(mechanism(argv[2]));
	else if (strcmp(argv[1], "verify") == 0 && argc == 5)
		rc = verify_lines(mechanism(argv[2]), argv[3], argv[4]);
	need(p11->C_Finalize(NULL), "C_Finalize");
	return rc;
}
