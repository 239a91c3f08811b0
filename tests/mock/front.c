/* SPDX-License-Identifier: Apache-2.0 */
/* A PKCS#11 module for tests alone: the 2.40 functions of another one, which FRONT_MODULE names, and none of its interfaces. */
#include <dlfcn.h>
#include <stdlib.h>

#include "pkcs11.h"

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR out);

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR out)
{
	static CK_FUNCTION_LIST list;
	const char *path = getenv("FRONT_MODULE");
	void *so = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_C_GetFunctionList get;
	CK_FUNCTION_LIST *f = NULL;

	if (so == NULL)
		return CKR_GENERAL_ERROR;
	*(void **)&get = dlsym(so, "C_GetFunctionList");
	if (get == NULL || get(&f) != CKR_OK)
		return CKR_GENERAL_ERROR;
	list = *f;
	list.C_GetFunctionList = C_GetFunctionList;
	*out = &list;
	return CKR_OK;
}
