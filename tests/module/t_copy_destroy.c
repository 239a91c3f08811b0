/* SPDX-License-Identifier: Apache-2.0 */
/* Copies, destruction and the three attributes that govern them. */
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static CK_BYTE value[16] = "fifteen and one";

static CK_OBJECT_HANDLE data(CK_ATTRIBUTE_TYPE off, bool token)
{
	CK_OBJECT_CLASS cls = CKO_DATA;
	CK_BBOOL t = token;
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_TOKEN, t), A_STR(CKA_LABEL, "d"), A_FALSE(off) };
	CK_OBJECT_HANDLE h = 0;

	OK(p11->C_CreateObject(s, a, off != 0 ? 4 : 3, &h));
	return h;
}

static void flags(bool token)
{
	CK_ATTRIBUTE label[] = { A_STR(CKA_LABEL, "new") }, again[] = { A_TRUE(CKA_COPYABLE) }, off[] = { A_FALSE(CKA_DESTROYABLE) };
	CK_OBJECT_HANDLE h, copy = 0;

	p11_about("flags, %s object", token ? "token" : "session");
	h = data(CKA_MODIFIABLE, token);
	RV(p11->C_SetAttributeValue(s, h, label, 1), CKR_ACTION_PROHIBITED);
	OK(p11->C_DestroyObject(s, h));
	h = data(CKA_COPYABLE, token);
	RV(p11->C_CopyObject(s, h, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
	CHECK(p11->C_SetAttributeValue(s, h, again, 1) != CKR_OK);
	OK(p11->C_DestroyObject(s, h));
	h = data(CKA_DESTROYABLE, token);
	RV(p11->C_DestroyObject(s, h), CKR_ACTION_PROHIBITED);
	h = data(0, token);
	RV(p11->C_SetAttributeValue(s, h, off, 1), CKR_ATTRIBUTE_READ_ONLY);
	OK(p11->C_DestroyObject(s, h));
	RV(p11->C_DestroyObject(s, h), CKR_OBJECT_HANDLE_INVALID);
}

static void places(void)
{
	CK_ATTRIBUTE to_token[] = { A_TRUE(CKA_TOKEN) }, to_session[] = { A_FALSE(CKA_TOKEN), A_STR(CKA_LABEL, "copy") };
	CK_OBJECT_HANDLE h = data(0, false), t = 0, b = 0;
	CK_BYTE buf[8];

	p11_about("places");
	OK(p11->C_CopyObject(s, h, to_token, 1, &t));
	CHECK(t != h && kit_bool(s, t, CKA_TOKEN) && !kit_bool(s, h, CKA_TOKEN));
	OK(p11->C_CopyObject(s, t, to_session, 2, &b));
	CHECK(!kit_bool(s, b, CKA_TOKEN) && kit_bytes(s, b, CKA_LABEL, buf, sizeof buf) == 4);
	CHECK(kit_bytes(s, t, CKA_LABEL, buf, sizeof buf) == 1);
	OK(p11->C_DestroyObject(s, h));
	CHECK(kit_bool(s, t, CKA_TOKEN));
	OK(p11->C_DestroyObject(s, t));
	OK(p11->C_DestroyObject(s, b));
	RV(p11->C_CopyObject(s, b, NULL, 0, &t), CKR_OBJECT_HANDLE_INVALID);
	RV(p11->C_CopyObject(s, b, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
}

/* A copy is never weaker than its original. */
static void keys(void)
{
	CK_OBJECT_HANDLE k = kit_aes(s, value, 16), c = 0;
	CK_ATTRIBUTE hard[] = { A_TRUE(CKA_SENSITIVE), A_FALSE(CKA_EXTRACTABLE) };
	CK_ATTRIBUTE soft[] = { A_FALSE(CKA_SENSITIVE) }, open[] = { A_TRUE(CKA_EXTRACTABLE) }, public[] = { A_FALSE(CKA_PRIVATE) };
	CK_ATTRIBUTE val[] = { A_STR(CKA_VALUE, "sixteen bytes!!!") }, never[] = { A_TRUE(CKA_NEVER_EXTRACTABLE) };
	CK_BYTE buf[32];
	CK_ATTRIBUTE get = { CKA_VALUE, buf, sizeof buf };

	p11_about("keys");
	OK(p11->C_CopyObject(s, k, hard, 2, &c));
	RV(p11->C_GetAttributeValue(s, c, &get, 1), CKR_ATTRIBUTE_SENSITIVE);
	RV(p11->C_CopyObject(s, c, soft, 1, &k), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_CopyObject(s, c, open, 1, &k), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_CopyObject(s, c, public, 1, &k), CKR_TEMPLATE_INCONSISTENT);
	RV(p11->C_CopyObject(s, c, val, 1, &k), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_CopyObject(s, c, never, 1, &k), CKR_ATTRIBUTE_READ_ONLY);
	CHECK(!kit_bool(s, c, CKA_NEVER_EXTRACTABLE) && !kit_bool(s, c, CKA_ALWAYS_SENSITIVE));
	OK(p11->C_DestroyObject(s, c));
	OK(p11->C_DestroyObject(s, k));
}

int main(void)
{
	kit_start();
	kit_init_token();
	s = kit_session(1, true);
	kit_login(s);
	flags(false);
	flags(true);
	places();
	keys();
	return kit_end();
}
