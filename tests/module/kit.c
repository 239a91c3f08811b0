/* SPDX-License-Identifier: Apache-2.0 */
/* The tests' kit: loading, tokens, counting. */
#include "kit.h"

#include <dlfcn.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

CK_FUNCTION_LIST_3_2 *F;
CK_BBOOL kit_true = CK_TRUE, kit_false = CK_FALSE;

static CK_HANZO_FUNCTION_LIST *vendor;
static unsigned checks, failures;
static char about[160];
static char store[64];

void kit_about(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(about, sizeof about, fmt, ap);
	va_end(ap);
}

static void failed(const char *file, int line)
{
	failures++;
	if (failures <= 200)
		printf("%s:%d: %s%s", file, line, about, about[0] != '\0' ? ": " : "");
}

void kit_check(bool ok, const char *file, int line, const char *what)
{
	checks++;
	if (ok)
		return;
	failed(file, line);
	if (failures <= 200)
		printf("%s\n", what);
}

/* The module's own text on its last failure in this thread; after a success it is an old one. */
static const char *reason(void)
{
	static char text[300];
	CK_ULONG n = sizeof text;

	return vendor != NULL && vendor->HZ_GetLastError(text, &n) == CKR_OK ? text : "";
}

void kit_rv(CK_RV got, CK_RV want, const char *file, int line, const char *what)
{
	checks++;
	if (got == want)
		return;
	failed(file, line);
	if (failures <= 200)
		printf("%s: 0x%lx, not 0x%lx (%s)\n", what, got, want, reason());
}

int kit_result(void)
{
	printf("%u checks, %u failed\n", checks, failures);
	return failures != 0 || checks == 0 ? 1 : 0;
}

static void load(void)
{
	const char *path = getenv("HANZO_MODULE");
	void *lib = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS);
	CK_VERSION v = { 3, 2 };
	CK_INTERFACE *i = NULL;
	char name[] = "PKCS 11", hanzo[] = CK_HANZO_INTERFACE_NAME;

	if (lib == NULL) {
		printf("HANZO_MODULE: %s\n", path != NULL ? dlerror() : "not set");
		exit(1);
	}
	*(void **)&get = dlsym(lib, "C_GetInterface");
	if (get == NULL || get((CK_UTF8CHAR *)name, &v, &i, 0) != CKR_OK) {
		printf("the module has no interface 3.2\n");
		exit(1);
	}
	F = i->pFunctionList;
	if (get((CK_UTF8CHAR *)hanzo, NULL, &i, 0) == CKR_OK)
		vendor = i->pFunctionList;
}

void kit_start(void)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	const char *given = getenv("KIT_STORE");

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (given != NULL) {
		snprintf(store, sizeof store, "%s", given);
	} else {
		snprintf(store, sizeof store, "/tmp/hanzo-kit-XXXXXX");
		if (mkdtemp(store) == NULL)
			exit(1);
	}
	setenv("HANZO_PKCS11_STORE", store, 1);
	setenv("XDG_CONFIG_HOME", store, 1); /* no configuration of the machine's */
	load();
	if (F->C_Initialize(&args) != CKR_OK) {
		printf("C_Initialize fails\n");
		exit(1);
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void kit_end(void)
{
	OK(F->C_Finalize(NULL));
	if (getenv("KIT_STORE") == NULL)
		(void)nftw(store, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *kit_store(void)
{
	return store;
}

CK_SESSION_HANDLE kit_session(CK_SLOT_ID slot, bool rw)
{
	CK_SESSION_HANDLE s = 0;

	OK(F->C_OpenSession(slot, CKF_SERIAL_SESSION | (rw ? CKF_RW_SESSION : 0), NULL, NULL, &s));
	return s;
}

void kit_init_token(void)
{
	CK_UTF8CHAR label[32];
	CK_SESSION_HANDLE s;

	memset(label, ' ', sizeof label);
	memcpy(label, "kit", 3);
	OK(F->C_InitToken(1, (CK_UTF8CHAR *)(uintptr_t)KIT_SO, sizeof KIT_SO - 1, label));
	s = kit_session(1, true);
	OK(F->C_Login(s, CKU_SO, (CK_UTF8CHAR *)(uintptr_t)KIT_SO, sizeof KIT_SO - 1));
	OK(F->C_InitPIN(s, (CK_UTF8CHAR *)(uintptr_t)KIT_PIN, sizeof KIT_PIN - 1));
	OK(F->C_Logout(s));
	OK(F->C_CloseSession(s));
}

void kit_login(CK_SESSION_HANDLE s)
{
	OK(F->C_Login(s, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)KIT_PIN, sizeof KIT_PIN - 1));
}

bool kit_bool(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE t)
{
	CK_BBOOL v = 2;
	CK_ATTRIBUTE a = { t, &v, sizeof v };

	OK(F->C_GetAttributeValue(s, o, &a, 1));
	CHECK(v <= 1);
	return v == CK_TRUE;
}

CK_ULONG kit_ulong(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE t)
{
	CK_ULONG v = 0;
	CK_ATTRIBUTE a = { t, &v, sizeof v };

	OK(F->C_GetAttributeValue(s, o, &a, 1));
	CHECK(a.ulValueLen == sizeof v);
	return v;
}

CK_ULONG kit_bytes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE t, void *buf, CK_ULONG room)
{
	CK_ATTRIBUTE a = { t, buf, room };

	OK(F->C_GetAttributeValue(s, o, &a, 1));
	return a.ulValueLen;
}

CK_ULONG kit_count(CK_SESSION_HANDLE s, CK_ATTRIBUTE *tmpl, CK_ULONG n)
{
	CK_OBJECT_HANDLE h[64];
	CK_ULONG got = 1, total = 0;

	OK(F->C_FindObjectsInit(s, tmpl, n));
	while (got != 0) {
		got = 0;
		OK(F->C_FindObjects(s, h, N(h), &got));
		total += got;
	}
	OK(F->C_FindObjectsFinal(s));
	return total;
}

CK_MECHANISM_TYPE *kit_mechs(CK_SLOT_ID slot, CK_ULONG *n)
{
	CK_MECHANISM_TYPE *list;

	OK(F->C_GetMechanismList(slot, NULL, n));
	list = calloc(*n + 1, sizeof *list);
	if (list == NULL)
		abort();
	OK(F->C_GetMechanismList(slot, list, n));
	return list;
}

CK_FLAGS kit_flags(CK_SLOT_ID slot, CK_MECHANISM_TYPE type)
{
	CK_MECHANISM_INFO i = { 0, 0, 0 };

	return F->C_GetMechanismInfo(slot, type, &i) == CKR_OK ? i.flags : 0;
}
