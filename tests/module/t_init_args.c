/* SPDX-License-Identifier: Apache-2.0 */
/* C_Initialize and C_Finalize: every combination of arguments, and the configuration through pReserved. */
#include "p11.h"

static CK_RV create(void **m)
{
	*m = NULL;
	return CKR_OK;
}

static CK_RV mutex(void *m)
{
	(void)m;
	return CKR_OK;
}

static void cycle(CK_C_INITIALIZE_ARGS *args, CK_RV expected)
{
	if (RV(p11->C_Initialize(args), expected) && expected == CKR_OK)
		OK(p11->C_Finalize(NULL));
	RV(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void test_locking(void)
{
	CK_C_INITIALIZE_ARGS none = { 0 }, os = { .flags = CKF_OS_LOCKING_OK };
	CK_C_INITIALIZE_ARGS all = { create, mutex, mutex, mutex, 0, NULL }, both = all, some = all;
	CK_C_INITIALIZE_ARGS threads = { .flags = CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS };

	both.flags = CKF_OS_LOCKING_OK;
	cycle(NULL, CKR_OK);
	cycle(&none, CKR_OK);
	cycle(&os, CKR_OK);
	cycle(&threads, CKR_OK);
	cycle(&both, CKR_OK);
	cycle(&all, CKR_CANT_LOCK);
	for (int i = 0; i < 4; i++) {
		some = both;
		if (i == 0)
			some.CreateMutex = NULL;
		if (i == 1)
			some.DestroyMutex = NULL;
		if (i == 2)
			some.LockMutex = NULL;
		if (i == 3)
			some.UnlockMutex = NULL;
		cycle(&some, CKR_ARGUMENTS_BAD);
	}
}

static void test_twice(void)
{
	int anything = 0;

	OK(p11->C_Initialize(NULL));
	RV(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	RV(p11->C_Finalize(&anything), CKR_ARGUMENTS_BAD);
	OK(p11->C_Finalize(NULL));
	RV(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void write_conf(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, mode) == 0);
}

/* The label of slot 1 shows which file won. */
static void expect_label(const char *reserved, const char *label)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK, .pReserved = (void *)(uintptr_t)reserved };
	CK_TOKEN_INFO info;

	if (!OK(p11->C_Initialize(&args)))
		return;
	OK(p11->C_GetTokenInfo(1, &info));
	CHECK(strncmp((char *)info.label, label, strlen(label)) == 0 && info.label[strlen(label)] == ' ');
	OK(p11->C_Finalize(NULL));
}

static void refuse(const char *reserved, CK_RV expected)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK, .pReserved = (void *)(uintptr_t)reserved };

	if (!RV(p11->C_Initialize(&args), expected))
		(void)p11->C_Finalize(NULL);
}

static void test_reserved(void)
{
	char path[128], reserved[160], user[128];

	snprintf(path, sizeof path, "%s/a.conf", p11_dir);
	snprintf(user, sizeof user, "%s/.config", p11_dir);
	CHECK(mkdir(user, 0700) == 0);
	snprintf(user, sizeof user, "%s/.config/hanzo", p11_dir);
	CHECK(mkdir(user, 0700) == 0);
	snprintf(user, sizeof user, "%s/.config/hanzo/pkcs11.conf", p11_dir);
	snprintf(reserved, sizeof reserved, "conf=%s", path);

	expect_label(NULL, "hanzo-encrypted");
	write_conf(user, "[tier1]\nlabel = from-user\n", 0600);
	expect_label(NULL, "from-user");
	write_conf(path, "[tier1]\nlabel = from-path\n", 0644);
	setenv("HANZO_PKCS11_CONF", path, 1);
	expect_label(NULL, "from-path");
	setenv("HANZO_PKCS11_CONF", user, 1);
	expect_label(reserved, "from-path");
	setenv("HANZO_PKCS11_CONF", "/nonexistent/file", 1);
	refuse(NULL, CKR_GENERAL_ERROR);
	unsetenv("HANZO_PKCS11_CONF");

	refuse("", CKR_ARGUMENTS_BAD);
	refuse("conf=", CKR_ARGUMENTS_BAD);
	refuse("configdir='sql:/etc'", CKR_ARGUMENTS_BAD);
	refuse("conf=/tmp/a\nb", CKR_ARGUMENTS_BAD);
	refuse("conf=/nonexistent/file", CKR_GENERAL_ERROR);
	write_conf(path, "[tier1]\nlabel = from-path\n", 0666);
	refuse(reserved, CKR_GENERAL_ERROR);
	write_conf(path, "[tier1]\nno_such_key = 1\n", 0600);
	refuse(reserved, CKR_GENERAL_ERROR);
	expect_label(NULL, "from-user");
}

int main(void)
{
	p11_start();
	test_locking();
	test_twice();
	test_reserved();
	return p11_end();
}
