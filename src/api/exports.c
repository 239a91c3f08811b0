/* SPDX-License-Identifier: Apache-2.0 */
/* The three symbols that the module exports; everything else is reached through the lists they return. */
#include "api/api.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
	return hz_api_GetFunctionList(list);
}

EXPORT CK_RV C_GetInterfaceList(CK_INTERFACE_PTR list, CK_ULONG_PTR count)
{
	return hz_api_GetInterfaceList(list, count);
}

EXPORT CK_RV C_GetInterface(CK_UTF8CHAR_PTR name, CK_VERSION_PTR version, CK_INTERFACE_PTR_PTR interface, CK_FLAGS flags)
{
	return hz_api_GetInterface(name, version, interface, flags);
}
