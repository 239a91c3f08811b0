/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PKCS#11 module for tests alone: the 2.40 functions of another one, which FRONT_MODULE names, and none of its interfaces. With
 * FRONT_IDLE in the environment its signatures are 64 bytes of nothing, made in no time: what is left is the cost of calling it.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs11.h"

static CK_RV idle_sign_init(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k)
{
	(void)s;
	(void)m;
	(void)k;
	return CKR_OK;
}

static CK_RV idle_sign(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	(void)s;
	(void)in;
	(void)len;
	memset(out, 1, 64);
	*out_len = 64;
	return CKR_OK;
}

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
	if (getenv("FRONT_IDLE") != NULL) {
		list.C_SignInit = idle_sign_init;
		list.C_Sign = idle_sign;
	}
	*out = &list;
	return CKR_OK;
}
