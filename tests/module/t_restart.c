/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of every kind survive C_Finalize and the process: made, used by another process, still the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit.h"

static CK_SESSION_HANDLE s;

static CK_MECHANISM_TYPE signs_with(enum kit_key k)
{
	switch (k) {
	case KEY_AES: return CKM_AES_CMAC;
	case KEY_GENERIC: return CKM_SHA256_HMAC;
	case KEY_RSA: return CKM_SHA256_RSA_PKCS;
	case KEY_P256: case KEY_P384: case KEY_P521: case KEY_K256: return CKM_ECDSA_SHA256;
	case KEY_ED25519: case KEY_ED448: return CKM_EDDSA;
	case KEY_ML_DSA: return CKM_ML_DSA;
	default: return CK_UNAVAILABLE_INFORMATION;
	}
}

static void label(char *out, size_t n, enum kit_key k)
{
	snprintf(out, n, "kept-%d", (int)k);
}

static CK_OBJECT_HANDLE find(enum kit_key k, CK_OBJECT_CLASS cls)
{
	char name[32];
	CK_ATTRIBUTE a[] = { { CKA_LABEL, name, 0 }, A_VAL(CKA_CLASS, cls) };
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG n = 0;

	label(name, sizeof name, k);
	a[0].ulValueLen = strlen(name);
	OK(p11->C_FindObjectsInit(s, a, 2));
	OK(p11->C_FindObjects(s, &h, 1, &n));
	OK(p11->C_FindObjectsFinal(s));
	CHECK(n == 1);
	return h;
}

static void make(void)
{
	for (int k = 0; k < KEY_KINDS; k++) {
		char name[32];
		CK_ATTRIBUTE a = { CKA_LABEL, name, 0 };
		struct kit_pair p;
		CK_RV rv = kit_generate(s, k, true, &p);

		p11_about("make %s", kit_key_names[k]);
		if (rv == CKR_MECHANISM_INVALID)
			continue;
		OK(rv);
		label(name, sizeof name, k);
		a.ulValueLen = strlen(name);
		OK(p11->C_SetAttributeValue(s, p.pub, &a, 1));
		if (p.priv != p.pub)
			OK(p11->C_SetAttributeValue(s, p.priv, &a, 1));
	}
}

static bool secret(enum kit_key k)
{
	return k == KEY_AES || k == KEY_CHACHA || k == KEY_GENERIC || k == KEY_HKDF;
}

static void sign(enum kit_key k, CK_OBJECT_HANDLE pub, CK_OBJECT_HANDLE priv)
{
	CK_MECHANISM m = { signs_with(k), NULL, 0 };
	CK_BYTE data[] = "made before", sig[8192];
	CK_ULONG n = sizeof sig;

	if (m.mechanism == CK_UNAVAILABLE_INFORMATION)
		return;
	OK(p11->C_SignInit(s, &m, priv));
	OK(p11->C_Sign(s, data, sizeof data, sig, &n));
	OK(p11->C_VerifyInit(s, &m, pub));
	OK(p11->C_Verify(s, data, sizeof data, sig, n));
}

static void use(void)
{
	for (int k = 0; k < KEY_KINDS; k++) {
		CK_OBJECT_HANDLE pub, priv;
		CK_BYTE id[64];

		if ((k == KEY_ML_DSA && kit_flags(1, CKM_ML_DSA) == 0) || (k == KEY_ML_KEM && kit_flags(1, CKM_ML_KEM) == 0))
			continue;
		p11_about("use %s", kit_key_names[k]);
		pub = find(k, secret(k) ? CKO_SECRET_KEY : CKO_PUBLIC_KEY);
		priv = secret(k) ? pub : find(k, CKO_PRIVATE_KEY);
		CHECK(kit_bool(s, priv, CKA_LOCAL) && kit_bool(s, priv, CKA_TOKEN) && kit_bool(s, priv, CKA_PRIVATE));
		CHECK(kit_ulong(s, priv, CKA_HANZO_TIER) == 1);
		CHECK(kit_bytes(s, priv, CKA_UNIQUE_ID, id, sizeof id) == 36);
		sign(k, pub, priv);
	}
}

/* The same program once more, on the same folder. */
static void in_another_process(const char *self)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		setenv("P11_DIR", p11_dir, 1);
		execl(self, self, "use", (char *)NULL);
		_exit(99);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };

	(void)argv;
	kit_start();
	if (argc == 1)
		kit_init_token();
	s = kit_session(1, true);
	kit_login(s);
	if (argc == 1) {
		make();
		OK(p11->C_Finalize(NULL));
		OK(p11->C_Initialize(&args));
		s = kit_session(1, true);
		RV(kit_count(s, NULL, 0) != 0 ? CKR_OK : CKR_GENERAL_ERROR, CKR_OK);
		kit_login(s);
	}
	use();
	if (argc == 1 && n > 0) {
		self[n] = '\0';
		in_another_process(self);
	}
	return kit_end();
}
