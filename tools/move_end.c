/* SPDX-License-Identifier: Apache-2.0 */
/* One token of a migration: its slot, its session, its answers. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/p11_load.h"
#include "base/secmem.h"
#include "ck/names.h"
#include "move.h"

enum { STEP = 256, LOOKS = 4 };

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

static bool refused_slot(const struct end *e, CK_RV rv)
{
	return tool_fail(TOOL_REFUSED, "the %s has no token called %s that can be read; slot %lu: C_GetTokenInfo: %s", e->what, e->token, e->slot,
			 end_reason(e, rv)) == TOOL_OK;
}

/* One look at all slots: how many have the label. *unread: what the last one answered that could not be read, e->slot being its number. */
static CK_RV look_for_label(struct end *e, unsigned *found, CK_RV *unread)
{
	CK_SLOT_ID slots[256], at = e->slot;
	CK_ULONG n = sizeof slots / sizeof slots[0];
	CK_RV rv = e->p11->C_GetSlotList(CK_TRUE, slots, &n);

	*found = 0;
	*unread = CKR_OK;
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
		CK_TOKEN_INFO info;
		char label[33];
		CK_RV got = e->p11->C_GetTokenInfo(slots[i], &info);

		if (got != CKR_OK) {
			*unread = got;
			e->slot = slots[i];
			continue;
		}
		tool_field(info.label, sizeof info.label, label);
		if (strcmp(label, e->token) != 0)
			continue;
		at = slots[i];
		(*found)++;
	}
	if (*found != 0)
		e->slot = at;
	return rv;
}

/*
 * SoftHSM2 cannot read a token that another process writes to in the moment of C_Initialize (it does at each login), and from then on
 * takes it for a blank one, or for one that does not answer: what is not found is looked for again, after a new start where the module is
 * ours alone to start.
 */
static bool slot_by_label(struct end *e)
{
	const struct timespec moment = { 0, 100000000 };
	unsigned found = 0;
	CK_RV unread, rv = look_for_label(e, &found, &unread);

	for (int i = 1; rv == CKR_OK && found == 0 && i < LOOKS; i++) {
		(void)nanosleep(&moment, NULL);
		if (e->foreign != NULL) {
			(void)hz_p11_stop(e->foreign);
			rv = hz_p11_start(e->foreign, e->init_args);
			if (rv != CKR_OK)
				return refused(e, "C_Initialize", rv);
		}
		rv = look_for_label(e, &found, &unread);
	}
	if (rv != CKR_OK)
		return refused(e, "C_GetSlotList", rv);
	if (found == 0 && unread != CKR_OK)
		return refused_slot(e, unread);
	if (found != 1)
		tool_fail(TOOL_REFUSED, "the %s has %s token called %s", e->what, found == 0 ? "no" : "more than one", e->token);
	return found == 1;
}

static bool log_in(const struct end *e)
{
	CK_TOKEN_INFO info;
	CK_RV rv = e->p11->C_GetTokenInfo(e->slot, &info);
	char prompt[64];

	if (rv != CKR_OK)
		return refused(e, "C_GetTokenInfo", rv);
	snprintf(prompt, sizeof prompt, "user PIN of the %s", e->what);
	/* Both ends may be one token of one module. Without a PIN nothing was tried, and tool_login has said why. */
	return tool_login(e->p11, e->s, info.flags, e->pin_source, prompt, &rv) &&
	       (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN || refused(e, "C_Login", rv));
}

bool end_choose(struct end *e)
{
	e->why = find_why(e->module);
	return e->token == NULL || slot_by_label(e);
}

bool end_open(struct end *e, bool read_write)
{
	CK_RV rv = e->p11->C_OpenSession(e->slot, CKF_SERIAL_SESSION | (read_write ? CKF_RW_SESSION : 0), NULL, NULL, &e->s);

	if (rv != CKR_OK)
		return refused(e, "C_OpenSession", rv);
	return log_in(e);
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
