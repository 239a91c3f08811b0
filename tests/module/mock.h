/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of a forwarding slot share: a SoftHSM2 token in the test's folder, and the mock in front of it. */
#ifndef TESTS_MODULE_MOCK_H
#define TESTS_MODULE_MOCK_H

#include <malloc.h>
#include <stdarg.h>
#include <time.h>

#include "p11.h"
#include "softhsm.h"

#define SLOT SOFTHSM_SLOT
#define DEVICE_PIN SOFTHSM_PIN
#define DEVICE_SO SOFTHSM_SO

static struct mock {
	void *so;
	bool (*script)(const char *text);
	unsigned long (*calls)(const char *function);
	unsigned long (*bytes)(void);
	unsigned long (*hits)(void);
	unsigned (*blocked)(void);
	void (*release)(void);
	void (*revive)(void);
	char path[300];
} mock;

static P11_UNUSED CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static P11_UNUSED CK_BYTE p256_oid[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static P11_UNUSED CK_BYTE k256_oid[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };

static P11_UNUSED void write_file(const char *name, const char *text, mode_t mode)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", p11_dir, name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, mode) != 0)
		exit(99);
}

static P11_UNUSED void skip(const char *why)
{
	printf("SKIP: %s\n", why);
	p11_clean();
	exit(77);
}

/* A token of SoftHSM2 in our folder. */
static P11_UNUSED void make_device(const char *label)
{
	if (!softhsm_token(p11_dir, label))
		skip("softhsm2-util makes no token");
}

/* The folder of a SoftHSM2's token goes away, as a disk does that is unmounted, and all such come back. */
static P11_UNUSED void storage_away(const char *label)
{
	char cmd[600];

	snprintf(cmd, sizeof cmd, "cd '%s' && mkdir -p away && mv \"$(dirname \"$(grep -l '%s *' tokens/*/token.object)\")\" away/", p11_dir, label);
	if (system(cmd) != 0)
		exit(99);
}

static P11_UNUSED void storage_back(void)
{
	char cmd[300];

	snprintf(cmd, sizeof cmd, "cd '%s' && mv away/* tokens/", p11_dir);
	if (system(cmd) != 0)
		exit(99);
}

static P11_UNUSED void *mock_symbol(void *so, const char *name)
{
	void *p = dlsym(so, name);

	if (p == NULL)
		exit(99);
	return p;
}

/* `file` in the build's folder of modules, or an absolute path. */
static P11_UNUSED void mock_open(struct mock *m, const char *file)
{
	if (file[0] == '/')
		snprintf(m->path, sizeof m->path, "%s", file);
	else
		snprintf(m->path, sizeof m->path, "%s/.libs/%s", getenv("HANZO_BUILDDIR"), file);
	m->so = dlopen(m->path, RTLD_NOW | RTLD_LOCAL);
	if (m->so == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(99);
	}
	*(void **)&m->script = mock_symbol(m->so, "mock_script");
	*(void **)&m->calls = mock_symbol(m->so, "mock_calls");
	*(void **)&m->bytes = mock_symbol(m->so, "mock_bytes");
	*(void **)&m->hits = mock_symbol(m->so, "mock_hits");
	*(void **)&m->blocked = mock_symbol(m->so, "mock_blocked");
	*(void **)&m->release = mock_symbol(m->so, "mock_release");
	*(void **)&m->revive = mock_symbol(m->so, "mock_revive");
}

static P11_UNUSED void mock_say(struct mock *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static P11_UNUSED void mock_say(struct mock *m, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	CHECK(m->script(text));
}

static P11_UNUSED void configure(const char *module, const char *more)
{
	char text[2048], path[160];

	snprintf(text, sizeof text, "[hanzo]\nstore = %s/store\nlog = file:%s/log\n[tier2]\nbackend = pkcs11\nmodule = %s\n%s", p11_dir,
		 p11_dir, module, more);
	write_file("pkcs11.conf", text, 0600);
	snprintf(path, sizeof path, "%s/pkcs11.conf", p11_dir);
	setenv("HANZO_PKCS11_CONF", path, 1);
}

/* The environment, a token "device", the mock and our module. */
static P11_UNUSED void mock_start(void)
{
	if (access(softhsm_module(), R_OK) != 0) {
		printf("SKIP: no SoftHSM2 at %s\n", softhsm_module());
		exit(77);
	}
	p11_environment();
	unsetenv("HANZO_PKCS11_STORE");
	unsetenv("HANZO_PKCS11_LOG");
	make_device("device");
	mock_open(&mock, "mock-hsm.so");
	mock_say(&mock, "real %s\n", softhsm_module());
	p11_load();
}

struct pair {
	CK_OBJECT_HANDLE pub, priv;
};

static P11_UNUSED CK_RV try_ec_pair(CK_SESSION_HANDLE s, const char *label, CK_BBOOL token, CK_BBOOL always, struct pair *p)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, p256_oid, sizeof p256_oid }, { CKA_TOKEN, &token, 1 },
			       { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, { CKA_ID, (void *)(uintptr_t)label, strlen(label) } };
	CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &token, 1 }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
				{ CKA_ID, (void *)(uintptr_t)label, strlen(label) }, { CKA_SIGN, &yes, 1 }, { CKA_ALWAYS_AUTHENTICATE, &always, 1 } };

	return p11->C_GenerateKeyPair(s, &m, pub, 4, priv, 5, &p->pub, &p->priv);
}

static P11_UNUSED struct pair ec_pair(CK_SESSION_HANDLE s, const char *label, CK_BBOOL always)
{
	struct pair p = { 0, 0 };

	OK(try_ec_pair(s, label, CK_TRUE, always, &p));
	return p;
}

static P11_UNUSED CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE s, CK_OBJECT_CLASS cls, const char *label)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;
	CK_ULONG n = 0;

	OK(p11->C_FindObjectsInit(s, t, 2));
	OK(p11->C_FindObjects(s, &h, 1, &n));
	OK(p11->C_FindObjectsFinal(s));
	return n == 1 ? h : CK_INVALID_HANDLE;
}

static P11_UNUSED CK_RV try_sign(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE priv)
{
	CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE sig[64];
	CK_ULONG n = sizeof sig;
	CK_RV rv = p11->C_SignInit(s, &m, priv);

	return rv == CKR_OK ? p11->C_Sign(s, (CK_BYTE *)(uintptr_t)"hello", 5, sig, &n) : rv;
}

/* A device that was away is looked for at most every second. */
static P11_UNUSED CK_RV sign_soon(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE priv)
{
	const struct timespec pause = { 0, 100000000 };
	CK_RV rv = try_sign(s, priv);

	for (int i = 0; i < 300 && rv != CKR_OK; i++) {
		(void)nanosleep(&pause, NULL);
		rv = try_sign(s, priv);
	}
	return rv;
}

/* Sign, and verify here with what the device says is the public key. */
static P11_UNUSED void sign_verify(CK_SESSION_HANDLE s, struct pair k)
{
	CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE sig[64];
	CK_ULONG n = sizeof sig;

	OK(p11->C_SignInit(s, &m, k.priv));
	OK(p11->C_Sign(s, (CK_BYTE *)(uintptr_t)"hello", 5, sig, &n));
	OK(p11->C_VerifyInit(s, &m, k.pub));
	OK(p11->C_Verify(s, (CK_BYTE *)(uintptr_t)"hello", 5, sig, n));
}

/* A key of the session, generated, or agreed on by `base` with its own public point. */
static P11_UNUSED CK_RV session_key(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE base, CK_BYTE point[65], CK_OBJECT_HANDLE *h)
{
	CK_ECDH1_DERIVE_PARAMS param = { CKD_NULL, 0, NULL, 65, point };
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 }, derive = { CKM_ECDH1_DERIVE, &param, sizeof param };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &no, 1 }, { CKA_VALUE_LEN, &len, sizeof len }, { CKA_LABEL, (void *)(uintptr_t)"passing", 7 },
			     { CKA_ENCRYPT, &yes, 1 }, { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt } };

	return point == NULL ? p11->C_GenerateKey(s, &gen, t, 4, h) : p11->C_DeriveKey(s, &derive, base, t, 6, h);
}

static P11_UNUSED void pass_keys(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE base, CK_BYTE *point, unsigned n)
{
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;

	for (unsigned i = 0; i < n; i++) {
		OK(session_key(s, base, point, &h));
		OK(p11->C_DestroyObject(s, h));
	}
}

/*
 * Keys that come and go leave nothing behind, but for the 250 bytes that SoftHSM2 2.6.1 itself keeps of each until it is finalised. (Under
 * a sanitizer nothing is counted.)
 */
static P11_UNUSED void pass_without_trace(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE base, CK_BYTE *point)
{
	size_t before, after;

	pass_keys(s, base, point, 100);
	before = mallinfo2().uordblks;
	pass_keys(s, base, point, 200);
	after = mallinfo2().uordblks;
	if (after > before + 200 * 500)
		fprintf(stderr, "%zu bytes a key\n", (after - before) / 200);
	CHECK(after <= before + 200 * 500);
}

#endif
