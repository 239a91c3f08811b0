/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: the module itself, slots, tokens and mechanisms. */
#include <string.h>

#include "api/api.h"
#include "api/guard.h"
#include "base/error.h"
#include "token/login.h"
#include "token/slot.h"

static CK_RV done(const char *function, CK_RV rv)
{
	return rv == CKR_OK ? rv : hz_guard_fail(function, HZ_NO_SLOT, rv);
}

CK_RV hz_api_Initialize(CK_VOID_PTR args)
{
	return done("C_Initialize", hz_module_init(args));
}

CK_RV hz_api_Finalize(CK_VOID_PTR reserved)
{
	return done("C_Finalize", hz_module_finalize(reserved));
}

/* PKCS#11 3.2 section 5.4.3: the version is that of the interface through which the call came. */
static CK_RV get_info(CK_INFO_PTR info, CK_BYTE major, CK_BYTE minor)
{
	CK_RV rv = hz_guard_module("C_GetInfo");

	if (rv != CKR_OK)
		return rv;
	if (info == NULL)
		return hz_guard_done("C_GetInfo", HZ_NO_SLOT, hz_fail(CKR_ARGUMENTS_BAD, "pInfo is NULL"));
	memset(info, 0, sizeof *info);
	info->cryptokiVersion = (CK_VERSION){ major, minor };
	hz_pad(info->manufacturerID, sizeof info->manufacturerID, "Hanzo");
	hz_pad(info->libraryDescription, sizeof info->libraryDescription, "Hanzo privacy-tier PKCS#11");
	info->libraryVersion = hz_package_version();
	return hz_module_leave(CKR_OK);
}

CK_RV hz_api_GetInfo_2_40(CK_INFO_PTR info)
{
	return get_info(info, 2, 40);
}

CK_RV hz_api_GetInfo_3_0(CK_INFO_PTR info)
{
	return get_info(info, 3, 0);
}

CK_RV hz_api_GetInfo_3_1(CK_INFO_PTR info)
{
	return get_info(info, 3, 1);
}

CK_RV hz_api_GetInfo_3_2(CK_INFO_PTR info)
{
	return get_info(info, 3, 2);
}

/* Enter the module for a call about a slot; `out` is what the caller wants filled. */
static CK_RV enter_slot(const char *function, CK_SLOT_ID id, const void *out, struct hz_token **t)
{
	CK_RV rv = hz_guard_module(function);

	if (rv != CKR_OK)
		return rv;
	*t = hz_module_token(id);
	if (*t == NULL)
		return hz_guard_done(function, id, hz_fail(CKR_SLOT_ID_INVALID, "no such slot"));
	if (out == NULL)
		return hz_guard_done(function, id, hz_fail(CKR_ARGUMENTS_BAD, "NULL where a result goes"));
	return CKR_OK;
}

CK_RV hz_api_GetSlotList(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count)
{
	CK_RV rv = hz_guard_module("C_GetSlotList");

	if (rv != CKR_OK)
		return rv;
	if (count == NULL)
		rv = hz_fail(CKR_ARGUMENTS_BAD, "pulCount is NULL");
	else
		rv = hz_slot_list(present != CK_FALSE, list, count);
	return hz_guard_done("C_GetSlotList", HZ_NO_SLOT, rv);
}

CK_RV hz_api_GetSlotInfo(CK_SLOT_ID id, CK_SLOT_INFO_PTR info)
{
	struct hz_token *t;
	CK_RV rv = enter_slot("C_GetSlotInfo", id, info, &t);

	if (rv != CKR_OK)
		return rv;
	hz_slot_info(t, info);
	return hz_module_leave(CKR_OK);
}

CK_RV hz_api_GetTokenInfo(CK_SLOT_ID id, CK_TOKEN_INFO_PTR info)
{
	struct hz_token *t;
	CK_RV rv = enter_slot("C_GetTokenInfo", id, info, &t);

	return rv != CKR_OK ? rv : hz_guard_done("C_GetTokenInfo", id, hz_token_info(t, info));
}

CK_RV hz_api_GetMechanismList(CK_SLOT_ID id, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR count)
{
	struct hz_token *t;
	CK_RV rv = enter_slot("C_GetMechanismList", id, count, &t);

	return rv != CKR_OK ? rv : hz_guard_done("C_GetMechanismList", id, hz_mech_list(t, list, count));
}

CK_RV hz_api_GetMechanismInfo(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR info)
{
	struct hz_token *t;
	CK_RV rv = enter_slot("C_GetMechanismInfo", id, info, &t);

	return rv != CKR_OK ? rv : hz_guard_done("C_GetMechanismInfo", id, hz_mech_info(t, type, info));
}

CK_RV hz_api_InitToken(CK_SLOT_ID id, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len, CK_UTF8CHAR_PTR label)
{
	struct hz_token *t;
	CK_RV rv = enter_slot("C_InitToken", id, label, &t);

	return rv != CKR_OK ? rv : hz_guard_done("C_InitToken", id, hz_init_token(t, pin, pin_len, label));
}

CK_RV hz_api_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved)
{
	if (!hz_module_ready())
		return done("C_WaitForSlotEvent", hz_fail(CKR_CRYPTOKI_NOT_INITIALIZED, "C_Initialize was not called in this process"));
	if (slot == NULL || reserved != NULL)
		return done("C_WaitForSlotEvent", hz_fail(CKR_ARGUMENTS_BAD, "pSlot is NULL or pReserved is not"));
	return done("C_WaitForSlotEvent", hz_module_wait(flags));
}
