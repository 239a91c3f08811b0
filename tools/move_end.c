/* SPDX-License-Identifier: Apache-2.0 */
/* One token of a migration: its slot, its session, its answers. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secmem.h"
#include "ck/names.h"
#include "move.h"

enum { PIN_ROOM = 1024, STEP = 256 };

static HZ_GetLastError_t find_why(const char *module)
{
	void *lib = module != NULL ? dlopen(module, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD) : NULL;
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS) = NULL;
	CK_INTERFACE *i = NULL;

	if (lib == NULL)
		return NULL;
	*(void **)&get = dlsym(lib, "C_GetInterface");
	if (get == NULL || get((CK_UTF8CHAR *)(uintptr_t)CK_HANZO_INTERFACE_NAME, NULL, &i, 0) != CKR_OK)
		return NULL;
	return ((CK_HANZO_FUNCTION_LIST *)i->pFunctionList)->HZ_GetLastError;
}

const char *end_reason(const struct end *e, CK_RV rv)
{
	static char text[400];
	char reason[256];
	CK_ULONG n = sizeof reason;

	if (e->why == NULL || e->why(reason, &n) != CKR_OK || reason[0] == '\0')
		snprintf(text, sizeof text, "%s", hz_ckr_name(rv));
	else
		snprintf(text, sizeof text, "%s: %s", hz_ckr_name(rv), reason);
	return text;
}

static bool refused(const struct end *e, const char *call, CK_RV rv)
{
	return tool_fail(TOOL_REFUSED, "the %s: %s: %s", e->what, call, end_reason(e, rv)) == TOOL_OK;
}

static bool slot_by_label(struct end *e)
{
	CK_SLOT_ID slots[256];
	CK_ULONG n = sizeof slots / sizeof slots[0];
	CK_RV rv = e->p11->C_GetSlotList(CK_TRUE, slots, &n);
	unsigned found = 0;

	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
		CK_TOKEN_INFO info;
		char label[33];

		if (e->p11->C_GetTokenInfo(slots[i], &info) != CKR_OK)
			continue;
		tool_field(info.label, sizeof info.label, label);
		if (strcmp(label, e->token) != 0)
			continue;
		e->slot = slots[i];
		found++;
	}
	if (rv != CKR_OK)
		return refused(e, "C_GetSlotList", rv);
	if (found != 1)
		tool_fail(TOOL_REFUSED, "the %s has %s token called %s", e->what, found == 0 ? "no" : "more than one", e->token);
	return found == 1;
}

static CK_RV log_in(const struct end *e)
{
	CK_TOKEN_INFO info;
	CK_RV rv = e->p11->C_GetTokenInfo(e->slot, &info);
	char prompt[64], *pin;
	long n;

	if (rv != CKR_OK || (info.flags & CKF_LOGIN_REQUIRED) == 0)
		return rv;
	if ((info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0) {
		rv = e->p11->C_Login(e->s, CKU_USER, NULL, 0);
	} else {
		snprintf(prompt, sizeof prompt, "user PIN of the %s", e->what);
		pin = hz_secmem_alloc(PIN_ROOM);
		n = pin != NULL ? tool_pin(e->pin_source, prompt, pin, PIN_ROOM) : -1;
		rv = n < 0 ? CKR_PIN_INCORRECT : e->p11->C_Login(e->s, CKU_USER, (CK_UTF8CHAR *)pin, (CK_ULONG)n);
		hz_secmem_free(pin);
	}
	return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv; /* both ends may be one token of one module */
}

bool end_open(struct end *e, bool read_write)
{
	CK_RV rv;

	e->why = find_why(e->module);
	if (e->token != NULL ? !slot_by_label(e) : !e->has_slot)
		return e->token == NULL && tool_fail(TOOL_USAGE, "the slot of the %s is missing", e->what) == TOOL_OK;
	rv = e->p11->C_OpenSession(e->slot, CKF_SERIAL_SESSION | (read_write ? CKF_RW_SESSION : 0), NULL, NULL, &e->s);
	if (rv != CKR_OK)
		return refused(e, "C_OpenSession", rv);
	rv = log_in(e);
	return rv == CKR_OK || refused(e, "C_Login", rv);
}

bool end_does(const struct end *e, CK_MECHANISM_TYPE type, CK_FLAGS flags)
{
	CK_MECHANISM_INFO info;

	return e->p11->C_GetMechanismInfo(e->slot, type, &info) == CKR_OK && (info.flags & flags) == flags;
}

static bool grow(CK_OBJECT_HANDLE **v, size_t n)
{
	CK_OBJECT_HANDLE *more = realloc(*v, (n + STEP) * sizeof **v);

	if (more != NULL)
		*v = more;
	return more != NULL;
}

CK_RV end_find(const struct end *e, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE **found, size_t *count)
{
	CK_RV rv = e->p11->C_FindObjectsInit(e->s, (CK_ATTRIBUTE *)(uintptr_t)t, n);
	CK_ULONG got = 1;

	*found = NULL;
	*count = 0;
	if (rv != CKR_OK)
		return rv;
	while (rv == CKR_OK && got != 0) {
		rv = grow(found, *count) ? e->p11->C_FindObjects(e->s, *found + *count, STEP, &got) : CKR_HOST_MEMORY;
		*count += rv == CKR_OK ? got : 0;
	}
	(void)e->p11->C_FindObjectsFinal(e->s);
	if (rv != CKR_OK) {
		free(*found);
		*found = NULL;
		*count = 0;
	}
	return rv;
}

CK_RV end_read(const struct end *e, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, bool secret, struct hz_attrs *a)
{
	CK_ATTRIBUTE v = { type, NULL, 0 };
	CK_RV rv = e->p11->C_GetAttributeValue(e->s, h, &v, 1);

	if (rv != CKR_OK || v.ulValueLen == CK_UNAVAILABLE_INFORMATION || v.ulValueLen > HZ_ATTR_MAX_LEN)
		return CKR_OK;
	v.pValue = hz_secmem_alloc(v.ulValueLen + 1);
	if (v.pValue == NULL)
		return CKR_HOST_MEMORY;
	rv = e->p11->C_GetAttributeValue(e->s, h, &v, 1);
	rv = rv == CKR_OK && v.ulValueLen <= HZ_ATTR_MAX_LEN ? hz_attrs_set(a, type, v.pValue, v.ulValueLen, secret) : CKR_OK;
	hz_secmem_free(v.pValue);
	return rv;
}
