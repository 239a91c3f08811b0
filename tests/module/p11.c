/* SPDX-License-Identifier: Apache-2.0 */
/* What every test of the built module shares: loading it, a folder of its own, counting checks. */
#include "p11.h"

#include <ftw.h>
#include <pthread.h>
#include <stdarg.h>

CK_FUNCTION_LIST_3_2 *p11;
void *p11_handle;
char p11_dir[64];
_Atomic int p11_failures;

static CK_HANZO_FUNCTION_LIST *vendor;
static _Atomic unsigned checks;
static char about[160];

void p11_about(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(about, sizeof about, fmt, ap);
	va_end(ap);
}

/* A child counts its own failures: the parent's are not for it to exit with. */
static void forget_failures(void)
{
	p11_failures = 0;
}

/* Counts a failure; true while there is room for another line. */
static bool failed(void)
{
	enum { MOST_LINES = 200 };

	return ++p11_failures <= MOST_LINES;
}

void p11_fail(const char *file, int line, const char *what)
{
	if (failed())
		fprintf(stderr, "%s:%d: %s%s%s\n", file, line, about, about[0] != '\0' ? ": " : "", what);
}

bool p11_check(const char *file, int line, const char *what, bool ok)
{
	checks++;
	if (!ok)
		p11_fail(file, line, what);
	return ok;
}

bool p11_rv(const char *file, int line, const char *what, CK_RV rv, CK_RV expected)
{
	char reason[300];
	CK_ULONG n = sizeof reason;

	checks++;
	if (rv == expected)
		return true;
	if (!failed())
		return false;
	if (vendor == NULL || vendor->HZ_GetLastError(reason, &n) != CKR_OK)
		reason[0] = '\0';
	fprintf(stderr, "%s:%d: %s%s%s = %#lx, expected %#lx (last reason: %s)\n", file, line, about, about[0] != '\0' ? ": " : "", what, rv,
		expected, reason);
	return false;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void p11_clean(void)
{
	if (p11_dir[0] != '\0' && getenv("P11_DIR") == NULL)
		(void)nftw(p11_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_folder(void)
{
	const char *tmp = getenv("TMPDIR"), *given = getenv("P11_DIR");

	if (given != NULL) {
		snprintf(p11_dir, sizeof p11_dir, "%s", given);
		return;
	}
	snprintf(p11_dir, sizeof p11_dir, "%s/hz-test-XXXXXX", tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
	if (mkdtemp(p11_dir) == NULL)
		exit(99);
}

void p11_environment(void)
{
	char text[100];

	make_folder();
	snprintf(text, sizeof text, "%s/store", p11_dir);
	setenv("HANZO_PKCS11_STORE", text, 1);
	setenv("HOME", p11_dir, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_DATA_HOME");
	snprintf(text, sizeof text, "debug,file:%s/log", p11_dir);
	setenv("HANZO_PKCS11_LOG", text, 1);
	if (pthread_atfork(NULL, NULL, forget_failures) != 0)
		exit(99);
	alarm(P11_TIMEOUT);
}

void p11_load(void)
{
	const char *path = getenv("HANZO_MODULE");
	CK_C_GetInterface get;
	CK_INTERFACE *interface = NULL;
	char hanzo[] = CK_HANZO_INTERFACE_NAME;

	p11_handle = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	if (p11_handle == NULL) {
		fprintf(stderr, "HANZO_MODULE: %s\n", path != NULL ? dlerror() : "not set");
		exit(99);
	}
	*(void **)&get = dlsym(p11_handle, "C_GetInterface");
	if (get == NULL || get(NULL, NULL, &interface, 0) != CKR_OK)
		exit(99);
	p11 = interface->pFunctionList;
	if (get((CK_UTF8CHAR *)hanzo, NULL, &interface, 0) == CKR_OK)
		vendor = interface->pFunctionList;
}

void p11_start(void)
{
	p11_environment();
	p11_load();
}

bool p11_logged(const char *text)
{
	char path[80], line[4096];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof path, "%s/log", p11_dir);
	f = fopen(path, "re");
	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL)
		found = strstr(line, text) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

int p11_end(void)
{
	p11_clean();
	fprintf(stderr, "%u checks, %d failed\n", checks, p11_failures);
	return p11_failures == 0 && checks != 0 ? 0 : 1;
}

CK_SESSION_HANDLE p11_open(CK_SLOT_ID slot, CK_FLAGS flags)
{
	CK_SESSION_HANDLE h = CK_INVALID_HANDLE;

	OK(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &h));
	return h;
}

CK_RV p11_login(CK_SESSION_HANDLE h, CK_USER_TYPE who, const char *pin)
{
	return p11->C_Login(h, who, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
}

void p11_make_token(CK_SLOT_ID slot, const char *label)
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

void p11_wait(pid_t pid)
{
	int status = -1;

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0))
		fprintf(stderr, "child %ld: status %#x\n", (long)pid, (unsigned)status);
}

CK_RV p11_use(CK_SESSION_HANDLE h)
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
