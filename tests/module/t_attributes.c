/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: the five cases of reading, what may be set and changed, shapes that are refused, what an object says of its origin. */
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static CK_BYTE value[32] = "0123456789abcdef0123456789abcde";

static CK_RV create(CK_ATTRIBUTE *a, CK_ULONG n)
{
	CK_OBJECT_HANDLE h = 0;
	CK_RV rv = p11->C_CreateObject(s, a, n, &h);

	if (rv == CKR_OK)
		OK(p11->C_DestroyObject(s, h));
	return rv;
}

static CK_OBJECT_CLASS secret = CKO_SECRET_KEY, data = CKO_DATA, pub = CKO_PUBLIC_KEY;
static CK_KEY_TYPE aes = CKK_AES, ec = CKK_EC;

/* 3.1 section 5.7.5: refused, absent, query, fits, too small; every entry is processed. */
static void five_cases(void)
{
	CK_ATTRIBUTE make[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value),
				A_TRUE(CKA_SENSITIVE), A_STR(CKA_LABEL, "five") };
	CK_OBJECT_HANDLE h = 0;
	CK_BYTE buf[5][64];
	CK_ULONG len = 99;
	CK_ATTRIBUTE get[] = { { CKA_VALUE, buf[0], 64 }, { CKA_MODULUS, buf[1], 64 }, { CKA_LABEL, NULL, 0 },
			       { CKA_VALUE_LEN, &len, sizeof len }, { CKA_LABEL, buf[4], 2 } };

	p11_about("five cases");
	OK(p11->C_CreateObject(s, make, N(make), &h));
	memset(buf, 0x77, sizeof buf);
	CHECK(p11->C_GetAttributeValue(s, h, get, N(get)) != CKR_OK);
	CHECK(get[0].ulValueLen == CK_UNAVAILABLE_INFORMATION && buf[0][0] == 0x77);
	CHECK(get[1].ulValueLen == CK_UNAVAILABLE_INFORMATION);
	CHECK(get[2].ulValueLen == 4);
	CHECK(get[3].ulValueLen == sizeof len && len == 32);
	CHECK(get[4].ulValueLen == CK_UNAVAILABLE_INFORMATION && buf[4][0] == 0x77);
	RV(p11->C_GetAttributeValue(s, h, &get[0], 1), CKR_ATTRIBUTE_SENSITIVE);
	RV(p11->C_GetAttributeValue(s, h, &get[1], 1), CKR_ATTRIBUTE_TYPE_INVALID);
	get[4].ulValueLen = 2;
	RV(p11->C_GetAttributeValue(s, h, &get[4], 1), CKR_BUFFER_TOO_SMALL);
	OK(p11->C_GetAttributeValue(s, h, NULL, 0));
	RV(p11->C_GetAttributeValue(s, h, NULL, 3), CKR_ARGUMENTS_BAD);
	OK(p11->C_GetObjectSize(s, h, &len));
	CHECK(len > 32 && len < 4096);
	OK(p11->C_DestroyObject(s, h));
}

static void bad_shapes(void)
{
	CK_ULONG one = 1;
	CK_BBOOL two = 2;
	CK_BYTE cls8[1] = { 4 };
	CK_ATTRIBUTE wide_bool[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value), { CKA_ENCRYPT, &one, 8 } };
	CK_ATTRIBUTE odd_bool[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value), { CKA_ENCRYPT, &two, 1 } };
	CK_ATTRIBUTE short_ulong[] = { { CKA_CLASS, cls8, 1 }, A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value) };
	CK_ATTRIBUTE null[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), { CKA_VALUE, NULL, 32 } };
	CK_ATTRIBUTE twice[] = { A_VAL(CKA_CLASS, data), A_STR(CKA_LABEL, "a"), A_STR(CKA_LABEL, "b") };
	CK_ATTRIBUTE key17[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), { CKA_VALUE, value, 17 } };
	CK_ATTRIBUTE no_class[] = { A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value) };
	CK_ATTRIBUTE no_value[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes) };
	CK_ATTRIBUTE unique[] = { A_VAL(CKA_CLASS, data), A_STR(CKA_UNIQUE_ID, "mine") };
	CK_ATTRIBUTE tier[] = { A_VAL(CKA_CLASS, data), A_VAL(CKA_HANZO_TIER, one) };
	CK_ATTRIBUTE local[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value), A_TRUE(CKA_LOCAL) };
	CK_ATTRIBUTE trusted[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value), A_TRUE(CKA_TRUSTED) };
	CK_ULONG sixteen = 16;
	CK_ATTRIBUTE lies[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value), A_VAL(CKA_VALUE_LEN, sixteen) };

	p11_about("bad shapes");
	RV(create(wide_bool, N(wide_bool)), CKR_ATTRIBUTE_VALUE_INVALID);
	RV(create(odd_bool, N(odd_bool)), CKR_ATTRIBUTE_VALUE_INVALID);
	RV(create(short_ulong, N(short_ulong)), CKR_ATTRIBUTE_VALUE_INVALID);
	RV(create(null, N(null)), CKR_ARGUMENTS_BAD);
	RV(create(twice, N(twice)), CKR_TEMPLATE_INCONSISTENT);
	CHECK(create(key17, N(key17)) != CKR_OK);
	RV(create(no_class, N(no_class)), CKR_TEMPLATE_INCOMPLETE);
	RV(create(no_value, N(no_value)), CKR_TEMPLATE_INCOMPLETE);
	RV(create(unique, N(unique)), CKR_ATTRIBUTE_READ_ONLY);
	RV(create(tier, N(tier)), CKR_ATTRIBUTE_READ_ONLY);
	RV(create(local, N(local)), CKR_ATTRIBUTE_READ_ONLY);
	RV(create(trusted, N(trusted)), CKR_ATTRIBUTE_READ_ONLY);
	CHECK(create(lies, N(lies)) != CKR_OK);
	RV(create(NULL, 2), CKR_ARGUMENTS_BAD);
	RV(p11->C_CreateObject(s, no_value, 2, NULL), CKR_ARGUMENTS_BAD);
}

/* A point beside the curve, the point at infinity, a point of another curve: refused where the key is made. */
static void bad_points(void)
{
	static CK_BYTE oid[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, k1[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x0a };
	CK_BYTE point[67], infinity[3] = { 4, 1, 0 };
	CK_ULONG n = kit_bytes(s, kit_key(s, KEY_P256).pub, CKA_EC_POINT, point, sizeof point);
	CK_ATTRIBUTE good[] = { A_VAL(CKA_CLASS, pub), A_VAL(CKA_KEY_TYPE, ec), A_VAL(CKA_EC_PARAMS, oid), { CKA_EC_POINT, point, n } };
	CK_ATTRIBUTE other[] = { A_VAL(CKA_CLASS, pub), A_VAL(CKA_KEY_TYPE, ec), A_VAL(CKA_EC_PARAMS, k1), { CKA_EC_POINT, point, n } };
	CK_ATTRIBUTE inf[] = { A_VAL(CKA_CLASS, pub), A_VAL(CKA_KEY_TYPE, ec), A_VAL(CKA_EC_PARAMS, oid), A_VAL(CKA_EC_POINT, infinity) };

	p11_about("points");
	CHECK(n == 67);
	OK(create(good, N(good)));
	CHECK(create(other, N(other)) != CKR_OK);
	CHECK(create(inf, N(inf)) != CKR_OK);
	point[66] ^= 1;
	RV(create(good, N(good)), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void origin(void)
{
	CK_OBJECT_HANDLE gen = kit_key(s, KEY_AES).pub, imp = kit_aes(s, value, 16), copy = 0;
	CK_BYTE a[64], b[64];

	p11_about("origin");
	CHECK(kit_bool(s, gen, CKA_LOCAL) && !kit_bool(s, gen, CKA_ALWAYS_SENSITIVE) && !kit_bool(s, gen, CKA_NEVER_EXTRACTABLE));
	CHECK(kit_ulong(s, gen, CKA_KEY_GEN_MECHANISM) == CKM_AES_KEY_GEN);
	CHECK(!kit_bool(s, imp, CKA_LOCAL) && !kit_bool(s, imp, CKA_ALWAYS_SENSITIVE) && !kit_bool(s, imp, CKA_NEVER_EXTRACTABLE));
	CHECK(kit_ulong(s, imp, CKA_KEY_GEN_MECHANISM) == CK_UNAVAILABLE_INFORMATION);
	CHECK(kit_ulong(s, imp, CKA_HANZO_TIER) == 0 && kit_ulong(s, imp, CKA_HANZO_EFFECTIVE_TIER) == 0);
	CHECK(kit_bytes(s, imp, CKA_UNIQUE_ID, a, sizeof a) == 36 && kit_bytes(s, gen, CKA_UNIQUE_ID, b, sizeof b) == 36);
	CHECK(memcmp(a, b, 36) != 0 && a[14] == '4' && a[8] == '-');
	CHECK(kit_bytes(s, imp, CKA_CHECK_VALUE, a, sizeof a) == 3);
	OK(p11->C_CopyObject(s, gen, NULL, 0, &copy));
	CHECK(kit_bytes(s, copy, CKA_UNIQUE_ID, a, sizeof a) == 36 && memcmp(a, b, 36) != 0);
	OK(p11->C_DestroyObject(s, copy));
	OK(p11->C_DestroyObject(s, imp));
}

/* C_SetAttributeValue: whole or not at all, one direction only, read-only stays. */
static void changes(void)
{
	CK_OBJECT_HANDLE h = kit_aes(s, value, 32);
	CK_ATTRIBUTE half[] = { A_STR(CKA_LABEL, "half"), A_VAL(CKA_CLASS, data) };
	CK_ATTRIBUTE label[] = { A_STR(CKA_LABEL, "whole") };
	CK_ATTRIBUTE up[] = { A_TRUE(CKA_SENSITIVE) }, down[] = { A_FALSE(CKA_SENSITIVE) };
	CK_ATTRIBUTE shut[] = { A_FALSE(CKA_EXTRACTABLE) }, open[] = { A_TRUE(CKA_EXTRACTABLE) };
	CK_ATTRIBUTE ro[] = { A_VAL(CKA_KEY_TYPE, ec) }, val[] = { A_VAL(CKA_VALUE, value) }, tok[] = { A_TRUE(CKA_TOKEN) };
	CK_ATTRIBUTE so[] = { A_TRUE(CKA_TRUSTED) };
	CK_BYTE buf[32];

	p11_about("changes");
	CHECK(p11->C_SetAttributeValue(s, h, half, 2) != CKR_OK);
	CHECK(kit_bytes(s, h, CKA_LABEL, buf, sizeof buf) == 0);
	OK(p11->C_SetAttributeValue(s, h, label, 1));
	CHECK(kit_bytes(s, h, CKA_LABEL, buf, sizeof buf) == 5 && memcmp(buf, "whole", 5) == 0);
	RV(p11->C_SetAttributeValue(s, h, ro, 1), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_SetAttributeValue(s, h, val, 1), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_SetAttributeValue(s, h, tok, 1), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_SetAttributeValue(s, h, so, 1), CKR_ATTRIBUTE_READ_ONLY);
	OK(p11->C_SetAttributeValue(s, h, up, 1));
	RV(p11->C_SetAttributeValue(s, h, down, 1), CKR_ATTRIBUTE_READ_ONLY);
	OK(p11->C_SetAttributeValue(s, h, shut, 1));
	RV(p11->C_SetAttributeValue(s, h, open, 1), CKR_ATTRIBUTE_READ_ONLY);
	CHECK(!kit_bool(s, h, CKA_ALWAYS_SENSITIVE) && !kit_bool(s, h, CKA_NEVER_EXTRACTABLE));
	OK(p11->C_DestroyObject(s, h));
}

/* CKA_ALLOWED_MECHANISMS and the usage attributes hold in every kind of operation; an empty list allows nothing. */
static void allowed(void)
{
	CK_MECHANISM_TYPE list[] = { CKM_AES_CBC };
	CK_ATTRIBUTE some[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value),
				A_VAL(CKA_ALLOWED_MECHANISMS, list), A_TRUE(CKA_ENCRYPT), A_FALSE(CKA_DECRYPT), A_TRUE(CKA_WRAP) };
	CK_ATTRIBUTE none[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value),
				{ CKA_ALLOWED_MECHANISMS, NULL, 0 }, A_TRUE(CKA_ENCRYPT) };
	CK_OBJECT_HANDLE h = 0, e = 0;
	struct kit_recipe cbc, ecb, cmac, kwp;
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;

	p11_about("allowed mechanisms");
	CHECK(kit_recipe(CKM_AES_CBC, 0, &cbc) && kit_recipe(CKM_AES_ECB, 0, &ecb) && kit_recipe(CKM_AES_CMAC, 0, &cmac) &&
	      kit_recipe(CKM_AES_KEY_WRAP_KWP, 0, &kwp));
	OK(p11->C_CreateObject(s, some, N(some), &h));
	OK(p11->C_EncryptInit(s, &cbc.m, h));
	OK(p11->C_EncryptInit(s, NULL, 0));
	RV(p11->C_EncryptInit(s, &ecb.m, h), CKR_MECHANISM_INVALID);
	RV(p11->C_DecryptInit(s, &cbc.m, h), CKR_KEY_FUNCTION_NOT_PERMITTED);
	RV(p11->C_SignInit(s, &cmac.m, h), CKR_MECHANISM_INVALID);
	RV(p11->C_WrapKey(s, &kwp.m, h, kit_key(s, KEY_GENERIC).pub, out, &n), CKR_MECHANISM_INVALID);
	OK(p11->C_CreateObject(s, none, N(none), &e));
	RV(p11->C_EncryptInit(s, &cbc.m, e), CKR_MECHANISM_INVALID);
	OK(p11->C_DestroyObject(s, h));
	OK(p11->C_DestroyObject(s, e));
}

static void wrong_keys(void)
{
	struct kit_recipe r;
	CK_ATTRIBUTE d[] = { A_VAL(CKA_CLASS, data), A_STR(CKA_VALUE, "text") };
	CK_OBJECT_HANDLE h = 0;

	p11_about("wrong keys");
	CHECK(kit_recipe(CKM_ECDSA, 0, &r));
	RV(p11->C_SignInit(s, &r.m, kit_key(s, KEY_RSA).priv), CKR_KEY_TYPE_INCONSISTENT);
	RV(p11->C_SignInit(s, &r.m, kit_key(s, KEY_AES).priv), CKR_KEY_TYPE_INCONSISTENT);
	RV(p11->C_SignInit(s, &r.m, kit_key(s, KEY_P256).pub), CKR_KEY_FUNCTION_NOT_PERMITTED);
	RV(p11->C_SignInit(s, &r.m, 0), CKR_KEY_HANDLE_INVALID);
	OK(p11->C_CreateObject(s, d, N(d), &h));
	RV(p11->C_SignInit(s, &r.m, h), CKR_KEY_HANDLE_INVALID);
	CHECK(kit_recipe(CKM_SHA256_HMAC, 0, &r));
	RV(p11->C_SignInit(s, &r.m, kit_key(s, KEY_RSA).priv), CKR_KEY_TYPE_INCONSISTENT);
	OK(p11->C_DestroyObject(s, h));
}

int main(void)
{
	kit_start();
	s = kit_session(0, true);
	five_cases();
	bad_shapes();
	bad_points();
	origin();
	changes();
	allowed();
	wrong_keys();
	return kit_end();
}
