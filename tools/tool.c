/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the commands: the module, PINs, messages. */
#include "tool.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secmem.h"
#include "ck/names.h"
#include "keyed.h"

enum { PIN_ROOM = 1024 };

int tool_fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("hanzo-p11: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return code;
}

int tool_refused(const char *what, CK_RV rv)
{
	return tool_fail(TOOL_REFUSED, "%s: %s", what, hz_ckr_name(rv));
}

bool tool_load(struct tool *t)
{
	const char *path = t->module ? t->module : HZ_MODULE_PATH;
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	CK_RV (*get)(CK_FUNCTION_LIST **);
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_RV rv;

	if (!lib) {
		tool_fail(TOOL_REFUSED, "%s", dlerror());
		return false;
	}
	*(void **)&get = dlsym(lib, "C_GetFunctionList");
	if (!get || get(&t->p11) != CKR_OK) {
		tool_fail(TOOL_REFUSED, "%s is not a PKCS#11 module", path);
		return false;
	}
	rv = t->p11->C_Initialize(&args);
	if (rv != CKR_OK) {
		const struct keyed k = { .why = keyed_find_why(t) };

		keyed_refused(&k, "C_Initialize", rv);
		t->p11 = NULL;
		return false;
	}
	return true;
}

void tool_unload(struct tool *t)
{
	if (t->p11)
		t->p11->C_Finalize(NULL);
	t->p11 = NULL;
}

static long pin_from_file(const char *path, char *pin, size_t room)
{
	struct stat st;
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return tool_fail(-1, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0 || (st.st_mode & (S_IRGRP | S_IROTH)) != 0)
		tool_fail(-1, "%s may be read by others: not used as a source of PINs", path);
	else if ((n = read(fd, pin, room)) < 0)
		tool_fail(-1, "%s: %s", path, strerror(errno));
	else if ((size_t)n == room)
		n = tool_fail(-1, "%s is too long for a PIN", path);
	close(fd);
	while (n > 0 && (pin[n - 1] == '\n' || pin[n - 1] == '\r'))
		n--;
	return n;
}

static long pin_from_env(const char *name, char *pin, size_t room)
{
	const char *v = getenv(name);

	if (!v)
		return tool_fail(-1, "the environment has no %s", name);
	if (strlen(v) >= room)
		return tool_fail(-1, "%s is too long for a PIN", name);
	memcpy(pin, v, strlen(v));
	return (long)strlen(v);
}

bool tool_source(const char *text)
{
	return !strncmp(text, "file:", 5) || !strncmp(text, "env:", 4) ||
	       tool_fail(TOOL_USAGE, "a PIN source is file:PATH or env:NAME") == TOOL_OK;
}

long tool_pin(const char *source, const char *prompt, char *pin, size_t room)
{
	if (!source)
		return tool_ask(prompt, pin, room);
	if (!strncmp(source, "file:", 5))
		return pin_from_file(source + 5, pin, room);
	if (!strncmp(source, "env:", 4))
		return pin_from_env(source + 4, pin, room);
	tool_source(source);
	return -1;
}

bool tool_login(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_FLAGS token, const char *source, const char *prompt, CK_RV *rv)
{
	char *pin = NULL;
	long n = 0;

	*rv = CKR_OK;
	if ((token & CKF_LOGIN_REQUIRED) == 0)
		return true;
	if ((token & CKF_PROTECTED_AUTHENTICATION_PATH) == 0 || source != NULL) {
		pin = hz_secmem_alloc(PIN_ROOM);
		n = pin != NULL ? tool_pin(source, prompt, pin, PIN_ROOM) : tool_fail(-1, "out of secret memory");
	}
	if (n >= 0)
		*rv = p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, (CK_ULONG)n);
	hz_secmem_free(pin);
	return n >= 0;
}

bool tool_number(const char *text, CK_ULONG *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *text != '-';
}

void tool_field(const CK_UTF8CHAR *field, size_t n, char *out)
{
	memcpy(out, field, n);
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

void tool_print_json(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}
