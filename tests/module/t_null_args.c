/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function of the 3.2 list with NULL and zero for every argument, and with NULL pointers beside absurd lengths: before
 * C_Initialize, after it, with a valid session and with a void one. Nothing crashes, and nothing that needs a pointer succeeds.
 */
#include "p11.h"

/*
 * All functions in the order of the standard. Called through one type with more arguments than any of them has: what a callee does not
 * expect it does not see on the platforms that this runs on (registers or a stack that the caller clears).
 */
typedef CK_RV (*any)(CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG);

#define ARGS_0(a) (a), 0, 0, 0, 0, 0, 0, 0, 0, 0

struct entry {
	const char *name;
	size_t offset;
};

#define HZ_FN(since, name, parameters) { "C_" #name, offsetof(CK_FUNCTION_LIST_3_2, C_##name) },
static const struct entry entries[] = {
#include "api/functions.def"
};
#define ENTRIES (sizeof entries / sizeof entries[0])

static any function(const struct entry *e)
{
	any f;

	memcpy(&f, (const char *)p11 + e->offset, sizeof f);
	return f;
}

static bool is_any_of(const char *name, const char *list)
{
	size_t n = strlen(name);

	for (const char *p = strstr(list, name); p != NULL; p = strstr(p + 1, name))
		if (p[n] == ' ')
			return true;
	return false;
}

/* These answer without C_Initialize. */
#define ALWAYS "C_Initialize C_GetFunctionList C_GetInterfaceList C_GetInterface "

static void before_initialize(void)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		CK_RV rv;

		if (strcmp(entries[i].name, "C_Initialize") == 0)
			continue;
		CHECK(function(&entries[i]) != NULL);
		rv = function(&entries[i])(ARGS_0(0));
		if (rv != (is_any_of(entries[i].name, ALWAYS) ? CKR_ARGUMENTS_BAD : CKR_CRYPTOKI_NOT_INITIALIZED))
			p11_rv(entries[i].name, 0, "before C_Initialize", rv, CKR_CRYPTOKI_NOT_INITIALIZED);
	}
}

/* With no pointers at all these may succeed or depend on the state of the session; the rest must refuse. */
#define MAY_SUCCEED \
	"C_SeedRandom C_GenerateRandom C_SessionCancel C_CloseSession C_CloseAllSessions C_Finalize C_FindObjectsInit " \
	"C_DigestInit C_EncryptInit C_DecryptInit C_SignInit C_VerifyInit C_SignRecoverInit C_VerifyRecoverInit " \
	"C_MessageEncryptInit C_MessageDecryptInit C_VerifySignatureInit C_FindObjectsFinal C_InitToken "
#define UNSAFE "C_Initialize C_Finalize C_CloseSession C_CloseAllSessions "
/* The first argument of these is a pointer, not a session or a slot. */
#define POINTER_FIRST "C_GetInfo C_GetFunctionList C_GetInterfaceList C_GetInterface "

static void with_first(CK_ULONG first, bool must_fail)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		CK_RV rv;

		if (is_any_of(entries[i].name, UNSAFE) || (first != 0 && is_any_of(entries[i].name, POINTER_FIRST)))
			continue;
		rv = function(&entries[i])(ARGS_0(first));
		if (rv == CKR_OK && (must_fail || !is_any_of(entries[i].name, MAY_SUCCEED)))
			p11_fail(entries[i].name, 0, "succeeded without arguments");
		if (rv == CKR_GENERAL_ERROR || rv == CKR_HOST_MEMORY || rv == CKR_DEVICE_ERROR)
			p11_rv(entries[i].name, 0, "a code that blames the module", rv, CKR_ARGUMENTS_BAD);
	}
}

/* Arguments alternate between NULL and an absurd length, in both phases. Only calls with a session: the others have no lengths. */
static void with_lengths(CK_ULONG h, CK_ULONG len)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		any f = function(&entries[i]);

		/* An absurd number where a pointer is due would crash any module: only functions whose second argument is a pointer
		 * followed by its length can be tried, that is the ones with data only. */
		if (!is_any_of(entries[i].name, "C_InitPIN C_SeedRandom C_GenerateRandom C_DigestUpdate C_SignUpdate C_VerifyUpdate "
						"C_FindObjectsInit C_VerifyFinal C_VerifySignature C_VerifySignatureUpdate "))
			continue;
		if (f(h, 0, len, 0, 0, 0, 0, 0, 0, 0) == CKR_OK)
			p11_fail(entries[i].name, 0, "took NULL with a length");
	}
	RV(p11->C_SetPIN(h, NULL, len, NULL, len), CKR_FUNCTION_NOT_SUPPORTED); /* tier 0 */
	RV(p11->C_Login(h, CKU_USER, NULL, len), CKR_ARGUMENTS_BAD);
	RV(p11->C_LoginUser(h, CKU_USER, (CK_UTF8CHAR *)"x", 1, NULL, len), CKR_ARGUMENTS_BAD);
}

int main(void)
{
	CK_SESSION_HANDLE h, closed;

	p11_start();
	before_initialize();
	OK(p11->C_Initialize(NULL));
	closed = p11_open(0, CKF_RW_SESSION);
	OK(p11->C_CloseSession(closed));
	with_first(0, false);
	with_first(closed, true);
	h = p11_open(0, CKF_RW_SESSION);
	with_first(h, false);
	with_lengths(h, 1);
	with_lengths(h, (CK_ULONG)-1);
	with_lengths(h, (CK_ULONG)1 << (sizeof(CK_ULONG) * 8 - 1));
	OK(p11->C_CloseSession(h));
	OK(p11->C_Finalize(NULL));
	return p11_end();
}
