/* SPDX-License-Identifier: Apache-2.0 */
/* Searches: snapshots, small steps, what is shown before and after a login, profiles, equal names, values that must not be guessed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static CK_OBJECT_CLASS data = CKO_DATA, secret = CKO_SECRET_KEY, profile = CKO_PROFILE, hw = CKO_HW_FEATURE, mech = CKO_MECHANISM;

static CK_OBJECT_HANDLE make(const char *label, bool token, bool private)
{
	CK_BBOOL t = token, p = private;
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, data), A_VAL(CKA_TOKEN, t), A_VAL(CKA_PRIVATE, p),
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, A_STR(CKA_VALUE, "v") };
	CK_OBJECT_HANDLE h = 0;

	OK(p11->C_CreateObject(s, a, N(a), &h));
	return h;
}

static CK_ULONG labelled(CK_SESSION_HANDLE in, const char *label)
{
	CK_ATTRIBUTE a[] = { { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };

	return kit_count(in, a, 1);
}

static void states(void)
{
	CK_OBJECT_HANDLE h[3];
	CK_ULONG n = 9;

	p11_about("states");
	RV(p11->C_FindObjects(s, h, 3, &n), CKR_OPERATION_NOT_INITIALIZED);
	RV(p11->C_FindObjectsFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_FindObjectsInit(s, NULL, 0));
	RV(p11->C_FindObjectsInit(s, NULL, 0), CKR_OPERATION_ACTIVE);
	RV(p11->C_FindObjects(s, NULL, 3, &n), CKR_ARGUMENTS_BAD);
	RV(p11->C_FindObjects(s, h, 3, NULL), CKR_ARGUMENTS_BAD);
	OK(p11->C_FindObjects(s, h, 0, &n));
	CHECK(n == 0);
	OK(p11->C_SessionCancel(s, CKF_FIND_OBJECTS));
	RV(p11->C_FindObjectsFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	RV(p11->C_FindObjectsInit(s, NULL, 1), CKR_ARGUMENTS_BAD);
}

static void profiles(void)
{
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, profile) }, b[] = { A_VAL(CKA_CLASS, hw) }, c[] = { A_VAL(CKA_CLASS, mech) };
	CK_PROFILE_ID id = CKP_EXTENDED_PROVIDER;
	CK_ATTRIBUTE d[] = { A_VAL(CKA_CLASS, profile), A_VAL(CKA_PROFILE_ID, id) };
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG n = 0;

	p11_about("profiles");
	CHECK(kit_count(s, a, 1) == 3);
	CHECK(kit_count(s, d, 2) == 1);
	CHECK(kit_count(s, b, 1) <= 1 && kit_count(s, c, 1) == 0);
	OK(p11->C_FindObjectsInit(s, d, 2));
	OK(p11->C_FindObjects(s, &h, 1, &n));
	OK(p11->C_FindObjectsFinal(s));
	CHECK(kit_ulong(s, h, CKA_PROFILE_ID) == id);
	RV(p11->C_DestroyObject(s, h), CKR_ACTION_PROHIBITED);
	RV(p11->C_SetAttributeValue(s, h, d, 2), CKR_ACTION_PROHIBITED);
}

static int by_handle(const void *a, const void *b)
{
	CK_OBJECT_HANDLE x = *(const CK_OBJECT_HANDLE *)a, y = *(const CK_OBJECT_HANDLE *)b;

	return x < y ? -1 : x > y;
}

/* Many objects in steps of every size; objects made and ended while the search runs. */
static void many(void)
{
	enum { COUNT = 700 };
	CK_OBJECT_HANDLE h[COUNT], got[COUNT + 8];
	CK_ULONG n, total = 0, step = 1;
	CK_ATTRIBUTE a[] = { A_STR(CKA_LABEL, "many") };

	p11_about("many");
	for (int i = 0; i < COUNT; i++)
		h[i] = make("many", i % 70 == 0, false);
	OK(p11->C_FindObjectsInit(s, a, 1));
	do {
		n = 0;
		OK(p11->C_FindObjects(s, got + total, total + step > COUNT ? 8 : step, &n));
		total += n;
		step = step % 37 + 1;
		if (total > 100 && total < 140)
			(void)make("many", false, false);
	} while (n != 0 && total <= COUNT);
	OK(p11->C_FindObjectsFinal(s));
	CHECK(total == COUNT);
	qsort(h, COUNT, sizeof h[0], by_handle);
	qsort(got, COUNT, sizeof got[0], by_handle);
	CHECK(memcmp(h, got, sizeof h) == 0);
	for (int i = 0; i < COUNT; i++)
		OK(p11->C_DestroyObject(s, h[i]));
	CHECK(labelled(s, "many") > 0 && labelled(s, "many") < 50);
}

static void private_ones(void)
{
	CK_OBJECT_HANDLE h, left;
	CK_BYTE buf[8];
	CK_ATTRIBUTE a = { CKA_VALUE, buf, sizeof buf };
	CK_ULONG n = 1;

	p11_about("private objects");
	(void)make("public", true, false);
	h = make("private", true, true);
	(void)make("private", false, true);
	CHECK(labelled(s, "private") == 2 && labelled(s, "public") == 1);
	OK(p11->C_FindObjectsInit(s, NULL, 0));
	OK(p11->C_Logout(s));
	OK(p11->C_FindObjects(s, &left, 1, &n));
	CHECK(n == 0);
	OK(p11->C_FindObjectsFinal(s));
	CHECK(labelled(s, "private") == 0 && labelled(s, "public") == 1);
	RV(p11->C_GetAttributeValue(s, h, &a, 1), CKR_OBJECT_HANDLE_INVALID);
	RV(p11->C_DestroyObject(s, h), CKR_OBJECT_HANDLE_INVALID);
	kit_login(s);
	CHECK(labelled(s, "private") == 1); /* the session's own ended with the login */
	OK(p11->C_GetAttributeValue(s, h, &a, 1));
}

static void names(void)
{
	CK_ATTRIBUTE id[] = { { CKA_ID, NULL, 0 }, A_VAL(CKA_CLASS, secret) };
	CK_ATTRIBUTE odd[] = { { 0x12345, NULL, 0 } };
	CK_OBJECT_HANDLE a, b;
	CK_BYTE v[16] = "sixteen bytes!!";
	CK_ATTRIBUTE value[] = { { CKA_VALUE, v, 16 } }, hide[] = { A_TRUE(CKA_SENSITIVE) };

	p11_about("names and values");
	(void)make("twin", true, false);
	(void)make("twin", true, false);
	CHECK(labelled(s, "twin") == 2);
	a = kit_aes(s, v, 16);
	b = kit_aes(s, v, 16);
	CHECK(kit_count(s, id, 2) == 2);
	CHECK(kit_count(s, odd, 1) == 0);
	CHECK(kit_count(s, value, 1) == 2);
	OK(p11->C_SetAttributeValue(s, a, hide, 1));
	CHECK(kit_count(s, value, 1) == 1); /* a search is no way to guess */
	OK(p11->C_DestroyObject(s, a));
	OK(p11->C_DestroyObject(s, b));
}

int main(void)
{
	kit_start();
	kit_init_token();
	s = kit_session(1, true);
	profiles();
	states();
	kit_login(s);
	many();
	names();
	private_ones();
	return kit_end();
}
