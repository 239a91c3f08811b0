/* SPDX-License-Identifier: Apache-2.0 */
/* Helper of the module tests: load the built module as an application does, with a fresh store, and check return codes. */
#ifndef TESTS_MODULE_P11_H
#define TESTS_MODULE_P11_H

#include <dlfcn.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hanzo-pkcs11.h"
#include "pkcs11.h"

#define P11_UNUSED __attribute__((unused))
#define P11_TIMEOUT 120 /* seconds after which a test that hangs is killed */

static CK_FUNCTION_LIST_3_2 *p11;
static void *p11_handle;
static char p11_dir[64];
static _Atomic int p11_failures;

#define CHECK(cond) ((cond) ? (void)0 : p11_fail(__FILE__, __LINE__, #cond))
#define RV(call, expected) p11_rv(__FILE__, __LINE__, #call, (call), (expected))
#define OK(call) RV(call, CKR_OK)

static P11_UNUSED void p11_fail(const char *file, int line, const char *what)
{
	p11_failures++;
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
}

/* True when the code is the expected one. */
static P11_UNUSED bool p11_rv(const char *file, int line, const char *what, CK_RV rv, CK_RV expected)
{
	if (rv == expected)
		return true;
	p11_failures++;
	fprintf(stderr, "%s:%d: %s = %#lx, expected %#lx\n", file, line, what, rv, expected);
	return false;
}

static int p11_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static P11_UNUSED void p11_clean(void)
{
	if (p11_dir[0] != '\0')
		(void)nftw(p11_dir, p11_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* A folder of our own that is home, store and place of the configuration. */
static P11_UNUSED void p11_environment(void)
{
	const char *tmp = getenv("TMPDIR");
	char store[80];

	snprintf(p11_dir, sizeof p11_dir, "%s/hz-test-XXXXXX", tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
	if (mkdtemp(p11_dir) == NULL)
		exit(99);
	snprintf(store, sizeof store, "%s/store", p11_dir);
	setenv("HANZO_PKCS11_STORE", store, 1);
	setenv("HOME", p11_dir, 1);
	unsetenv("HANZO_PKCS11_CONF");
	unsetenv("HANZO_PKCS11_LOG");
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_DATA_HOME");
	snprintf(store, sizeof store, "file:%s/log", p11_dir);
	setenv("HANZO_PKCS11_LOG", store, 1);
	alarm(P11_TIMEOUT);
}

/* dlopen the module and take the newest standard interface. */
static P11_UNUSED void p11_load(void)
{
	const char *path = getenv("HANZO_MODULE");
	CK_C_GetInterface get;
	CK_INTERFACE *interface = NULL;

	p11_handle = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	if (p11_handle == NULL) {
		fprintf(stderr, "HANZO_MODULE: %s\n", path != NULL ? dlerror() : "not set");
		exit(99);
	}
	*(void **)&get = dlsym(p11_handle, "C_GetInterface");
	if (get == NULL || get(NULL, NULL, &interface, 0) != CKR_OK)
		exit(99);
	p11 = interface->pFunctionList;
}

static P11_UNUSED void p11_start(void)
{
	p11_environment();
	p11_load();
}

/* The exit status of a test. */
static P11_UNUSED int p11_end(void)
{
	p11_clean();
	return p11_failures == 0 ? 0 : 1;
}

static P11_UNUSED CK_SESSION_HANDLE p11_open(CK_SLOT_ID slot, CK_FLAGS flags)
{
	CK_SESSION_HANDLE h = CK_INVALID_HANDLE;

	OK(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &h));
	return h;
}

static P11_UNUSED CK_RV p11_login(CK_SESSION_HANDLE h, CK_USER_TYPE who, const char *pin)
{
	return p11->C_Login(h, who, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
}

#define SO_PIN "so-pin-1"
#define USER_PIN "user-pin-1"

/* C_InitToken and C_InitPIN on a slot. */
static P11_UNUSED void p11_make_token(CK_SLOT_ID slot, const char *label)
{
	CK_UTF8CHAR padded[32];
	CK_SESSION_HANDLE h;

	memset(padded, ' ', sizeof padded);
	memcpy(padded, label, strlen(label));
	OK(p11->C_InitToken(slot, (CK_UTF8CHAR *)(uintptr_t)SO_PIN, strlen(SO_PIN), padded));
	h = p11_open(slot, CKF_RW_SESSION);
	OK(p11_login(h, CKU_SO, SO_PIN));
	OK(p11->C_InitPIN(h, (CK_UTF8CHAR *)(uintptr_t)USER_PIN, strlen(USER_PIN)));
	OK(p11->C_CloseSession(h));
}

/* Wait for a child and expect that it ended with status 0. */
static P11_UNUSED void p11_wait(pid_t pid)
{
	int status = -1;

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		p11_failures++;
		fprintf(stderr, "child %ld: status %#x\n", (long)pid, (unsigned)status);
	}
}

/* A random number and a digest: the least that shows that a session works. */
static P11_UNUSED CK_RV p11_use(CK_SESSION_HANDLE h)
{
	CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };
	CK_BYTE buf[32];
	CK_ULONG len = sizeof buf;
	CK_RV rv = p11->C_GenerateRandom(h, buf, 16);

	if (rv == CKR_OK)
		rv = p11->C_DigestInit(h, &sha256);
	if (rv == CKR_OK)
		rv = p11->C_Digest(h, buf, 16, buf, &len);
	return rv;
}

#endif
