/* SPDX-License-Identifier: Apache-2.0 */
/* C_GetFunctionList, C_GetInterfaceList and C_GetInterface: versions, names, flags, lengths, and no NULL in any list. */
#include "p11.h"

static CK_C_GetFunctionList get_list;
static CK_C_GetInterfaceList get_interfaces;
static CK_C_GetInterface get_interface;

static CK_VERSION version_of(const CK_INTERFACE *i)
{
	return *(const CK_VERSION *)i->pFunctionList;
}

/* All pointers after the version are set. */
static void check_pointers(const void *list, size_t size)
{
	const char *p = list;

	for (size_t at = offsetof(CK_FUNCTION_LIST, C_Initialize); at < size; at += sizeof(void *)) {
		void *f;

		memcpy(&f, p + at, sizeof f);
		CHECK(f != NULL);
	}
}

static void expect(const char *name, CK_BYTE major, CK_BYTE minor)
{
	CK_VERSION v = { major, minor };
	CK_INTERFACE *i = NULL;

	if (!OK(get_interface((CK_UTF8CHAR *)(uintptr_t)name, &v, &i, 0)))
		return;
	CHECK(version_of(i).major == major && version_of(i).minor == minor);
	CHECK(name == NULL || strcmp((char *)i->pInterfaceName, name) == 0);
}

static void refuse(const char *name, CK_VERSION *v, CK_FLAGS flags)
{
	CK_INTERFACE *i = NULL;

	RV(get_interface((CK_UTF8CHAR *)(uintptr_t)name, v, &i, flags), CKR_ARGUMENTS_BAD);
	CHECK(i == NULL);
}

static void test_interface(void)
{
	CK_VERSION v = { 2, 20 };
	CK_INTERFACE *i;

	expect("PKCS 11", 2, 40);
	expect("PKCS 11", 3, 0);
	expect("PKCS 11", 3, 1);
	expect("PKCS 11", 3, 2);
	expect(NULL, 3, 0);
	expect(CK_HANZO_INTERFACE_NAME, 1, 0);
	OK(get_interface(NULL, NULL, &i, 0));
	CHECK(version_of(i).major == 3 && version_of(i).minor == 2);
	OK(get_interface((CK_UTF8CHAR *)"PKCS 11", NULL, &i, 0));
	CHECK(version_of(i).major == 3 && version_of(i).minor == 2);
	refuse("PKCS 11", &v, 0);
	refuse(CK_HANZO_INTERFACE_NAME, &v, 0);
	refuse("PKCS 1", NULL, 0);
	refuse("Vendor other", NULL, 0);
	refuse("", NULL, 0);
	refuse("PKCS 11", NULL, CKF_INTERFACE_FORK_SAFE);
	refuse("PKCS 11", NULL, 0x8000);
	RV(get_interface(NULL, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
}

static void test_list_of_interfaces(void)
{
	CK_INTERFACE list[8];
	CK_ULONG n = 0;

	RV(get_interfaces(NULL, NULL), CKR_ARGUMENTS_BAD);
	OK(get_interfaces(NULL, &n));
	CHECK(n == 5);
	n = 4;
	RV(get_interfaces(list, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == 5);
	n = 8;
	OK(get_interfaces(list, &n));
	CHECK(n == 5);
	for (CK_ULONG i = 0; i < n; i++)
		expect((char *)list[i].pInterfaceName, version_of(&list[i]).major, version_of(&list[i]).minor);
}

static void test_lists(void)
{
	static const struct { CK_BYTE major, minor; size_t size; } standard[] = {
		{ 2, 40, sizeof(CK_FUNCTION_LIST) }, { 3, 0, sizeof(CK_FUNCTION_LIST_3_0) },
		{ 3, 1, sizeof(CK_FUNCTION_LIST_3_0) }, { 3, 2, sizeof(CK_FUNCTION_LIST_3_2) },
	};
	CK_FUNCTION_LIST *list = NULL;
	CK_INFO info;

	RV(get_list(NULL), CKR_ARGUMENTS_BAD);
	OK(get_list(&list));
	CHECK(list->version.major == 2 && list->version.minor == 40);
	OK(p11->C_Initialize(NULL));
	for (size_t s = 0; s < sizeof standard / sizeof standard[0]; s++) {
		CK_VERSION v = { standard[s].major, standard[s].minor };
		CK_INTERFACE *i = NULL;

		OK(get_interface((CK_UTF8CHAR *)"PKCS 11", &v, &i, 0));
		check_pointers(i->pFunctionList, standard[s].size);
		list = i->pFunctionList;
		OK(list->C_GetInfo(&info)); /* each interface reports its own version */
		CHECK(info.cryptokiVersion.major == v.major && info.cryptokiVersion.minor == v.minor);
		CHECK(info.flags == 0 && memchr(info.manufacturerID, 0, 32) == NULL && memchr(info.libraryDescription, 0, 32) == NULL);
		CHECK((info.libraryVersion.major | info.libraryVersion.minor) != 0);
	}
	OK(p11->C_Finalize(NULL));
}

static void test_vendor(void)
{
	CK_INTERFACE *i = NULL;
	CK_HANZO_FUNCTION_LIST *hz;
	CK_SESSION_HANDLE h;
	CK_ULONG len = 0, need;
	char text[300];

	OK(get_interface((CK_UTF8CHAR *)(uintptr_t)CK_HANZO_INTERFACE_NAME, NULL, &i, 0));
	hz = i->pFunctionList;
	check_pointers(hz, sizeof *hz);
	OK(p11->C_Initialize(NULL));
	h = p11_open(0, 0);
	RV(p11->C_CloseSession(h + 1), CKR_SESSION_HANDLE_INVALID);
	RV(hz->HZ_GetLastError(text, NULL), CKR_ARGUMENTS_BAD);
	OK(hz->HZ_GetLastError(NULL, &len));
	need = len;
	CHECK(need > 10);
	text[0] = '\0';
	len = need - 1;
	RV(hz->HZ_GetLastError(text, &len), CKR_BUFFER_TOO_SMALL);
	CHECK(len == need);
	OK(hz->HZ_GetLastError(text, &len));
	CHECK(len == need && strlen(text) == need - 1 && strstr(text, "session") != NULL);
	len = 32;
	RV(hz->HZ_GetChallenge(h, (CK_BYTE *)text, &len), CKR_FUNCTION_NOT_SUPPORTED);
	RV(hz->HZ_StageEvidence(h, (CK_BYTE *)text, 1), CKR_FUNCTION_NOT_SUPPORTED);
	RV(hz->HZ_Renew(h), CKR_FUNCTION_NOT_SUPPORTED);
	RV(hz->HZ_Renew(0), CKR_SESSION_HANDLE_INVALID);
	OK(p11->C_Finalize(NULL));
	RV(hz->HZ_Renew(h), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void test_legacy(void)
{
	OK(p11->C_Initialize(NULL));
	RV(p11->C_GetFunctionStatus(0), CKR_FUNCTION_NOT_PARALLEL);
	RV(p11->C_CancelFunction(12345), CKR_FUNCTION_NOT_PARALLEL);
	RV(p11->C_AsyncJoin(0, NULL, 0, NULL, 0), CKR_FUNCTION_NOT_SUPPORTED);
	OK(p11->C_Finalize(NULL));
}

int main(void)
{
	p11_start();
	*(void **)&get_list = dlsym(p11_handle, "C_GetFunctionList");
	*(void **)&get_interfaces = dlsym(p11_handle, "C_GetInterfaceList");
	*(void **)&get_interface = dlsym(p11_handle, "C_GetInterface");
	test_interface();
	test_list_of_interfaces();
	test_lists();
	test_vendor();
	test_legacy();
	return p11_end();
}
