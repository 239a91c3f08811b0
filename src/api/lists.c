/* SPDX-License-Identifier: Apache-2.0 */
/* The function lists and interfaces: constant tables made from functions.def, and the three functions that give them out. */
#include <string.h>

#include "api/api.h"
#include "api/guard.h"
#include "base/error.h"
#include "ck/outlen.h"

#define ENTRY(name) .C_##name = hz_api_##name,
#define NO_ENTRY(name)

/* Which functions a list takes: entries since 2.40 always, later ones as SINCE_30 and SINCE_32 say. */
#define HZ_FN(since, name, parameters) SINCE_##since(name)
#define HZ_OWN(since, name, parameters) .C_##name = hz_api_##name##_2_40,
#define SINCE_240 ENTRY
#define SINCE_30 NO_ENTRY
#define SINCE_32 NO_ENTRY
static const CK_FUNCTION_LIST list_2_40 = {
	.version = { 2, 40 },
#include "api/functions.def"
};

#undef SINCE_30
#define SINCE_30 ENTRY
#define HZ_FN(since, name, parameters) SINCE_##since(name)
#define HZ_OWN(since, name, parameters) .C_##name = hz_api_##name##_3_0,
static const CK_FUNCTION_LIST_3_0 list_3_0 = {
	.version = { 3, 0 },
#include "api/functions.def"
};

/* 3.1 added no function: its list has the shape of 3.0's. */
#define HZ_FN(since, name, parameters) SINCE_##since(name)
#define HZ_OWN(since, name, parameters) .C_##name = hz_api_##name##_3_1,
static const CK_FUNCTION_LIST_3_0 list_3_1 = {
	.version = { 3, 1 },
#include "api/functions.def"
};

#undef SINCE_32
#define SINCE_32 ENTRY
#define HZ_FN(since, name, parameters) SINCE_##since(name)
#define HZ_OWN(since, name, parameters) .C_##name = hz_api_##name##_3_2,
static const CK_FUNCTION_LIST_3_2 list_3_2 = {
	.version = { 3, 2 },
#include "api/functions.def"
};

static const CK_HANZO_FUNCTION_LIST list_vendor = {
	.version = { CK_HANZO_INTERFACE_MAJOR, CK_HANZO_INTERFACE_MINOR },
	.HZ_GetLastError = hz_vendor_GetLastError,
	.HZ_GetChallenge = hz_vendor_GetChallenge,
	.HZ_StageEvidence = hz_vendor_StageEvidence,
	.HZ_Renew = hz_vendor_Renew,
};

#define STANDARD_NAME "PKCS 11"

/*
 * Oldest first, so that the last match of a search without a version is the newest. The standard's structures are not const, the
 * tables are: nobody has a reason to write to them. No flags: sessions and logins do not survive fork (CKF_INTERFACE_FORK_SAFE).
 */
#define INTERFACE(name, list) { (CK_CHAR *)(name), (void *)&(list), 0 }
static const CK_INTERFACE interfaces[] = {
	INTERFACE(STANDARD_NAME, list_2_40),
	INTERFACE(STANDARD_NAME, list_3_0),
	INTERFACE(STANDARD_NAME, list_3_1),
	INTERFACE(STANDARD_NAME, list_3_2),
	INTERFACE(CK_HANZO_INTERFACE_NAME, list_vendor),
};
#define INTERFACES (sizeof interfaces / sizeof interfaces[0])

CK_RV hz_api_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
	if (list == NULL)
		return hz_guard_fail("C_GetFunctionList", HZ_NO_SLOT, hz_fail(CKR_ARGUMENTS_BAD, "ppFunctionList is NULL"));
	*list = (CK_FUNCTION_LIST *)&list_2_40;
	return CKR_OK;
}

CK_RV hz_api_GetInterfaceList(CK_INTERFACE_PTR list, CK_ULONG_PTR count)
{
	CK_RV rv = CKR_OK;

	if (count == NULL)
		return hz_guard_fail("C_GetInterfaceList", HZ_NO_SLOT, hz_fail(CKR_ARGUMENTS_BAD, "pulCount is NULL"));
	if (hz_out_len(list, count, INTERFACES, &rv) == HZ_OUT_STOP)
		return rv == CKR_OK ? rv : hz_guard_fail("C_GetInterfaceList", HZ_NO_SLOT, rv);
	memcpy(list, interfaces, sizeof interfaces);
	*count = INTERFACES;
	return CKR_OK;
}

static bool is_wanted(const CK_INTERFACE *i, const char *name, const CK_VERSION *version, CK_FLAGS flags)
{
	const CK_VERSION *own = i->pFunctionList; /* every list starts with one */

	return strcmp((const char *)i->pInterfaceName, name) == 0 && (i->flags & flags) == flags &&
	       (version == NULL || (version->major == own->major && version->minor == own->minor));
}

/* PKCS#11 3.0 section 5.4.6. Name NULL: the standard interface; version NULL: the newest of that name. */
CK_RV hz_api_GetInterface(CK_UTF8CHAR_PTR name, CK_VERSION_PTR version, CK_INTERFACE_PTR_PTR interface, CK_FLAGS flags)
{
	const char *wanted = name != NULL ? (const char *)name : STANDARD_NAME;

	if (interface == NULL)
		return hz_guard_fail("C_GetInterface", HZ_NO_SLOT, hz_fail(CKR_ARGUMENTS_BAD, "ppInterface is NULL"));
	for (size_t i = INTERFACES; i > 0; i--)
		if (is_wanted(&interfaces[i - 1], wanted, version, flags)) {
			*interface = (CK_INTERFACE *)&interfaces[i - 1];
			return CKR_OK;
		}
	return hz_guard_fail("C_GetInterface", HZ_NO_SLOT, hz_fail(CKR_ARGUMENTS_BAD, "no such interface, version or flag"));
}
