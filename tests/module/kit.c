/* SPDX-License-Identifier: Apache-2.0 */
/* The tests' kit: a module that is ready with a token, attributes, mechanisms. */
#include "kit.h"

CK_BBOOL kit_true = CK_TRUE, kit_false = CK_FALSE;

void kit_start(void)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };

	p11_start();
	if (!OK(p11->C_Initialize(&args)))
		exit(p11_end());
}

int kit_end(void)
{
	OK(p11->C_Finalize(NULL));
	CHECK(!p11_logged("left in memory"));
	return p11_end();
}

CK_SESSION_HANDLE kit_session(CK_SLOT_ID slot, bool rw)
{
	return p11_open(slot, rw ? CKF_RW_SESSION : 0);
}

void kit_init_token(void)
{
	p11_make_token(1, "kit");
}

void kit_login(CK_SESSION_HANDLE s)
{
	OK(p11_login(s, CKU_USER, USER_PIN));
}

bool kit_bool(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE t)
{
	CK_BBOOL v = 2;
	CK_ATTRIBUTE a = { t, &v, sizeof v };

	OK(p11->C_GetAttributeValue(s, o, &a, 1));
	CHECK(v <= 1);
	return v == CK_TRUE;
}

CK_ULONG kit_ulong(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE t)
{
	CK_ULONG v = 0;
	CK_ATTRIBUTE a = { t, &v, sizeof v };

	OK(p11->C_GetAttributeValue(s, o, &a, 1));
	CHECK(a.ulValueLen == sizeof v);
	return v;
}

CK_ULONG kit_bytes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE t, void *buf, CK_ULONG room)
{
	CK_ATTRIBUTE a = { t, buf, room };

	OK(p11->C_GetAttributeValue(s, o, &a, 1));
	return a.ulValueLen;
}

CK_ULONG kit_count(CK_SESSION_HANDLE s, CK_ATTRIBUTE *tmpl, CK_ULONG n)
{
	CK_OBJECT_HANDLE h[64];
	CK_ULONG got = 1, total = 0;

	OK(p11->C_FindObjectsInit(s, tmpl, n));
	while (got != 0) {
		got = 0;
		OK(p11->C_FindObjects(s, h, N(h), &got));
		total += got;
	}
	OK(p11->C_FindObjectsFinal(s));
	return total;
}

CK_MECHANISM_TYPE *kit_mechs(CK_SLOT_ID slot, CK_ULONG *n)
{
	CK_MECHANISM_TYPE *list;

	OK(p11->C_GetMechanismList(slot, NULL, n));
	list = calloc(*n + 1, sizeof *list);
	if (list == NULL)
		abort();
	OK(p11->C_GetMechanismList(slot, list, n));
	return list;
}

CK_FLAGS kit_flags(CK_SLOT_ID slot, CK_MECHANISM_TYPE type)
{
	CK_MECHANISM_INFO i = { 0, 0, 0 };

	return p11->C_GetMechanismInfo(slot, type, &i) == CKR_OK ? i.flags : 0;
}
