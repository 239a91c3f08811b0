/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of C_SetAttributeValue, C_CopyObject and C_GetAttributeValue over the schema. */
#include <stdlib.h>

#include "ck_util.h"

#define GONE CK_UNAVAILABLE_INFORMATION

typedef CK_RV changer(struct hz_attrs *out, const struct hz_attrs *object, const struct hz_attrs *change, bool so);

static struct hz_attrs object, result;

static void
make(enum hz_origin origin, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_CLASS cls, CK_KEY_TYPE kt)
{
	struct hz_attrs tmpl;

	hz_attrs_free(&object);
	RV(CKR_OK, hz_attrs_copy_in(&tmpl, t, n, true));
	RV(CKR_OK, hz_schema_new(&object, origin, &tmpl, cls, kt, CKM_AES_KEY_GEN, false));
	RV(CKR_OK, hz_attrs_set(&object, CKA_UNIQUE_ID, "id", 2, false));
	hz_attrs_free(&tmpl);
}

static void
make_key(CK_ATTRIBUTE extra)
{
	CK_ATTRIBUTE t[] = { ULONG(CKA_VALUE_LEN, 16), BYTES(CKA_LABEL, "old"), { 0, NULL, 0 } };

	t[2] = extra;
	make(HZ_GENERATE, t, 3, CKO_SECRET_KEY, CKK_AES);
	RV(CKR_OK, hz_attrs_set(&object, CKA_VALUE, "0123456789abcdef", 16, true));
}

static CK_RV
change(changer *how, CK_ATTRIBUTE *t, CK_ULONG n, bool so)
{
	struct hz_attrs c;
	CK_RV rv;

	hz_attrs_free(&result);
	RV(CKR_OK, hz_attrs_copy_in(&c, t, n, true));
	rv = how(&result, &object, &c, so);
	hz_attrs_free(&c);
	ck_assert(rv == CKR_OK || result.n == 0);
	return rv;
}

#define SET1(...) change(hz_schema_change, &(CK_ATTRIBUTE)__VA_ARGS__, 1, false)
#define SET1_SO(...) change(hz_schema_change, &(CK_ATTRIBUTE)__VA_ARGS__, 1, true)
#define COPY1(...) change(hz_schema_copy, &(CK_ATTRIBUTE)__VA_ARGS__, 1, false)

START_TEST(set_attribute_value)
{
	CK_ATTRIBUTE mixed[] = { BYTES(CKA_LABEL, "new"), TRUE_(CKA_EXTRACTABLE) };

	make_key((CK_ATTRIBUTE)BYTES(CKA_ID, "i"));
	RV(CKR_OK, SET1(BYTES(CKA_LABEL, "new")));
	ck_assert(memcmp(hz_attrs_find(&result, CKA_LABEL)->value, "new", 3) == 0);
	ck_assert(memcmp(hz_attrs_find(&object, CKA_LABEL)->value, "old", 3) == 0);
	ck_assert(hz_attrs_find(&result, CKA_VALUE)->secret && result.n == object.n);
	RV(CKR_OK, SET1(FALSE_(CKA_ENCRYPT)));
	RV(CKR_OK, SET1(BYTES(CKA_START_DATE, "20260101")));
	RV(CKR_ATTRIBUTE_READ_ONLY, change(hz_schema_change, mixed, 2, false)); /* all or nothing */
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(FALSE_(CKA_SENSITIVE)));
	RV(CKR_OK, SET1(TRUE_(CKA_SENSITIVE)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(TRUE_(CKA_EXTRACTABLE)));
	RV(CKR_OK, SET1(TRUE_(CKA_WRAP_WITH_TRUSTED)));
	RV(CKR_OK, SET1(FALSE_(CKA_COPYABLE)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(FALSE_(CKA_DESTROYABLE))); /* only while copying, 4.1.3 */
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(ULONG(CKA_CLASS, CKO_DATA)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(ULONG(CKA_CLASS, CKO_SECRET_KEY)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(ULONG(CKA_KEY_TYPE, CKK_DES3)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(TRUE_(CKA_TOKEN)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(FALSE_(CKA_PRIVATE)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(FALSE_(CKA_MODIFIABLE)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(FALSE_(CKA_LOCAL)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(BYTES(CKA_VALUE, "0123456789abcdef")));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1({ CKA_ALLOWED_MECHANISMS, NULL, 0 }));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(BYTES(CKA_UNIQUE_ID, "x")));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(BYTES(CKA_HANZO_TENANT, "x")));
	RV(CKR_ATTRIBUTE_TYPE_INVALID, SET1(BYTES(CKA_MODULUS, "x")));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(TRUE_(CKA_TRUSTED)));
	RV(CKR_OK, SET1_SO(TRUE_(CKA_TRUSTED)));
	RV(CKR_OK, SET1_SO(BYTES(CKA_LABEL, "so")));
	make_key((CK_ATTRIBUTE)FALSE_(CKA_MODIFIABLE));
	RV(CKR_ACTION_PROHIBITED, SET1(BYTES(CKA_LABEL, "new")));
	make_key((CK_ATTRIBUTE)FALSE_(CKA_COPYABLE));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(TRUE_(CKA_COPYABLE)));
	RV(CKR_ACTION_PROHIBITED, COPY1(BYTES(CKA_LABEL, "new")));
	make_key((CK_ATTRIBUTE)TRUE_(CKA_WRAP_WITH_TRUSTED));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(FALSE_(CKA_WRAP_WITH_TRUSTED)));
}
END_TEST

START_TEST(limits_only_tighten)
{
	make_key((CK_ATTRIBUTE)BYTES(CKA_ID, "i"));
	RV(CKR_OK, SET1(ULONG(CKA_HANZO_RATE_LIMIT, 10)));
	RV(CKR_OK, SET1(ULONG(CKA_HANZO_USES_LEFT, 10)));
	make_key((CK_ATTRIBUTE)ULONG(CKA_HANZO_RATE_LIMIT, 10));
	RV(CKR_OK, SET1(ULONG(CKA_HANZO_RATE_LIMIT, 9)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(ULONG(CKA_HANZO_RATE_LIMIT, 11)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(ULONG(CKA_HANZO_RATE_LIMIT, 0))); /* none at all */
	RV(CKR_ATTRIBUTE_READ_ONLY, COPY1(ULONG(CKA_HANZO_RATE_LIMIT, 0)));
	RV(CKR_OK, SET1_SO(ULONG(CKA_HANZO_RATE_LIMIT, 0)));
	make_key((CK_ATTRIBUTE)ULONG(CKA_HANZO_USES_LEFT, 3));
	RV(CKR_OK, SET1(ULONG(CKA_HANZO_USES_LEFT, 0)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(ULONG(CKA_HANZO_USES_LEFT, 4)));
	RV(CKR_OK, SET1_SO(ULONG(CKA_HANZO_USES_LEFT, 4)));
}
END_TEST

START_TEST(copies)
{
	CK_ATTRIBUTE many[] = { TRUE_(CKA_TOKEN), BYTES(CKA_LABEL, "copy"), FALSE_(CKA_MODIFIABLE), ULONG(CKA_CLASS, CKO_SECRET_KEY) };

	make_key((CK_ATTRIBUTE)BYTES(CKA_ID, "i"));
	RV(CKR_OK, change(hz_schema_copy, many, COUNT(many), false));
	ck_assert(hz_attrs_bool(&result, CKA_TOKEN, false) && !hz_attrs_bool(&result, CKA_MODIFIABLE, true));
	ck_assert(hz_attrs_find(&result, CKA_UNIQUE_ID) == NULL && hz_attrs_bool(&result, CKA_LOCAL, false));
	ck_assert(hz_attrs_bool(&result, CKA_ALWAYS_SENSITIVE, false) && hz_attrs_bool(&result, CKA_NEVER_EXTRACTABLE, false));
	RV(CKR_OK, change(hz_schema_copy, NULL, 0, false));
	RV(CKR_TEMPLATE_INCONSISTENT, COPY1(FALSE_(CKA_PRIVATE)));
	RV(CKR_ATTRIBUTE_READ_ONLY, COPY1(FALSE_(CKA_SENSITIVE)));
	RV(CKR_ATTRIBUTE_READ_ONLY, COPY1(TRUE_(CKA_EXTRACTABLE)));
	RV(CKR_ATTRIBUTE_READ_ONLY, COPY1(ULONG(CKA_CLASS, CKO_DATA)));
	RV(CKR_ATTRIBUTE_READ_ONLY, COPY1(BYTES(CKA_VALUE, "0123456789abcdef"))); /* not even to confirm a guess */
	RV(CKR_ATTRIBUTE_READ_ONLY, COPY1(BYTES(CKA_VALUE, "0123456789abcdee")));
	RV(CKR_ATTRIBUTE_READ_ONLY, COPY1(TRUE_(CKA_TRUSTED)));
	make_key((CK_ATTRIBUTE)FALSE_(CKA_PRIVATE));
	RV(CKR_OK, COPY1(TRUE_(CKA_PRIVATE)));
	make_key((CK_ATTRIBUTE)FALSE_(CKA_DESTROYABLE));
	RV(CKR_OK, COPY1(TRUE_(CKA_DESTROYABLE)));
	RV(CKR_ATTRIBUTE_READ_ONLY, SET1(TRUE_(CKA_DESTROYABLE)));
	make(HZ_CREATE, (CK_ATTRIBUTE[]){ ULONG(CKA_CLASS, CKO_DATA), BYTES(CKA_VALUE, "v"), FALSE_(CKA_PRIVATE) }, 3, GONE, GONE);
	RV(CKR_OK, COPY1(TRUE_(CKA_PRIVATE)));
	ck_assert(hz_attrs_find(&result, CKA_VALUE)->secret); /* private data is kept like a secret */
	RV(CKR_OK, SET1(BYTES(CKA_VALUE, "w")));
}
END_TEST

START_TEST(the_five_cases)
{
	unsigned char buf[64], small[2];
	CK_ATTRIBUTE t[] = { { CKA_VALUE, buf, 64 },   { CKA_MODULUS, buf, 64 }, { CKA_LABEL, NULL, 77 }, { CKA_ID, buf, 64 },
			     { CKA_LABEL, small, 2 }, { CKA_CLASS, NULL, 0 },	 { CKA_TOKEN, small, 1 },  { 0x7f7f7f7f, NULL, 0 } };

	make_key((CK_ATTRIBUTE)BYTES(CKA_ID, "id"));
	memset(buf, 0, sizeof buf);
	RV(CKR_ATTRIBUTE_SENSITIVE, hz_schema_get(&object, t, COUNT(t), true));
	ck_assert(t[0].ulValueLen == GONE && t[1].ulValueLen == GONE && t[2].ulValueLen == 3);
	ck_assert(t[3].ulValueLen == 2 && memcmp(buf, "id", 3) == 0);
	ck_assert(t[4].ulValueLen == GONE && t[5].ulValueLen == sizeof(CK_ULONG) && t[6].ulValueLen == 1 && small[0] == CK_FALSE);
	ck_assert(t[7].ulValueLen == GONE);
	RV(CKR_ATTRIBUTE_TYPE_INVALID, hz_schema_get(&object, t + 1, 2, true));
	t[4].ulValueLen = 2;
	RV(CKR_BUFFER_TOO_SMALL, hz_schema_get(&object, t + 4, 1, true));
	t[4].ulValueLen = (CK_ULONG)-1, t[4].pValue = buf; /* a huge buffer, says the caller */
	RV(CKR_OK, hz_schema_get(&object, t + 4, 1, true));
	ck_assert_uint_eq(t[4].ulValueLen, 3);
	RV(CKR_ARGUMENTS_BAD, hz_schema_get(&object, NULL, 1, true));
	RV(CKR_ARGUMENTS_BAD, hz_schema_get(&object, t, (CK_ULONG)-1, true));
	RV(CKR_OK, hz_schema_get(&object, NULL, 0, true));
}
END_TEST

START_TEST(what_is_sensitive)
{
	unsigned char buf[64];
	CK_ATTRIBUTE v = { CKA_VALUE, buf, 64 }, ref = { CKA_HANZO_BASE | 0xff, buf, 64 }, ev = { CKA_HANZO_EVIDENCE, buf, 64 };
	CK_ATTRIBUTE tr = { CKA_TRUSTED, buf, 1 };
	static const struct { bool sensitive, extractable, shown; } cases[] = {
		{ true, true, false }, { true, false, false }, { false, false, false }, { false, true, true } };

	make_key((CK_ATTRIBUTE)BYTES(CKA_ID, "id"));
	for (size_t i = 0; i < COUNT(cases); i++) {
		RV(CKR_OK, hz_attrs_set_bool(&object, CKA_SENSITIVE, cases[i].sensitive));
		RV(CKR_OK, hz_attrs_set_bool(&object, CKA_EXTRACTABLE, cases[i].extractable));
		v.ulValueLen = 64;
		RV(cases[i].shown ? CKR_OK : CKR_ATTRIBUTE_SENSITIVE, hz_schema_get(&object, &v, 1, true));
		ck_assert(v.ulValueLen == (cases[i].shown ? 16 : GONE));
	}
	hz_attrs_remove(&object, CKA_EXTRACTABLE); /* a key of another token that does not say */
	RV(CKR_ATTRIBUTE_SENSITIVE, hz_schema_get(&object, &v, 1, true));
	hz_attrs_remove(&object, CKA_VALUE); /* and whose value is not here at all */
	RV(CKR_ATTRIBUTE_SENSITIVE, hz_schema_get(&object, &v, 1, true));
	RV(CKR_OK, hz_attrs_set_ulong(&object, CKA_KEY_TYPE, CKK_DES3)); /* of a type that the schema lacks */
	RV(CKR_ATTRIBUTE_SENSITIVE, hz_schema_get(&object, &v, 1, true));
	RV(CKR_OK, hz_attrs_set(&object, ref.type, "r", 1, false));
	RV(CKR_ATTRIBUTE_TYPE_INVALID, hz_schema_get(&object, &ref, 1, true));
	RV(CKR_ATTRIBUTE_SENSITIVE, hz_schema_get(&object, &ev, 1, true));
	RV(CKR_OK, hz_attrs_set_bool(&object, CKA_TRUSTED, true));
	RV(CKR_OK, hz_schema_get(&object, &tr, 1, false));
	ck_assert(buf[0] == CK_FALSE);
	RV(CKR_OK, hz_schema_get(&object, &tr, 1, true));
	ck_assert(buf[0] == CK_TRUE);
	make(HZ_CREATE, (CK_ATTRIBUTE[]){ ULONG(CKA_CLASS, CKO_DATA), BYTES(CKA_VALUE, "v"), TRUE_(CKA_PRIVATE) }, 3, GONE, GONE);
	v.ulValueLen = 64;
	RV(CKR_OK, hz_schema_get(&object, &v, 1, true));
	ck_assert(v.ulValueLen == 1 && buf[0] == 'v');
}
END_TEST

START_TEST(arrays_of_attributes)
{
	CK_BBOOL b = 9;
	char label[8];
	CK_ATTRIBUTE inner[] = { FALSE_(CKA_EXTRACTABLE), BYTES(CKA_LABEL, "abc") }, got[3], t = { CKA_UNWRAP_TEMPLATE, NULL, 0 };
	CK_ATTRIBUTE absent = { CKA_WRAP_TEMPLATE, NULL, 5 };

	make_key((CK_ATTRIBUTE){ CKA_UNWRAP_TEMPLATE, inner, sizeof inner });
	RV(CKR_OK, hz_schema_get(&object, &t, 1, true));
	ck_assert_uint_eq(t.ulValueLen, 2 * sizeof(CK_ATTRIBUTE));
	memset(got, 0, sizeof got);
	t.pValue = got, t.ulValueLen = sizeof got;
	RV(CKR_OK, hz_schema_get(&object, &t, 1, true)); /* lengths of the elements */
	ck_assert_uint_eq(t.ulValueLen, 2 * sizeof(CK_ATTRIBUTE));
	ck_assert(got[0].type == CKA_LABEL && got[0].ulValueLen == 3 && got[1].type == CKA_EXTRACTABLE && got[1].ulValueLen == 1);
	got[0].pValue = label, got[0].ulValueLen = 2, got[1].pValue = &b;
	RV(CKR_BUFFER_TOO_SMALL, hz_schema_get(&object, &t, 1, true));
	ck_assert(got[0].ulValueLen == GONE && b == CK_FALSE);
	got[0].ulValueLen = sizeof label;
	RV(CKR_OK, hz_schema_get(&object, &t, 1, true));
	ck_assert(got[0].ulValueLen == 3 && memcmp(label, "abc", 3) == 0);
	t.ulValueLen = sizeof(CK_ATTRIBUTE);
	RV(CKR_BUFFER_TOO_SMALL, hz_schema_get(&object, &t, 1, true));
	RV(CKR_OK, hz_schema_get(&object, &absent, 1, true)); /* never set: empty */
	ck_assert_uint_eq(absent.ulValueLen, 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { set_attribute_value, limits_only_tighten, copies, the_five_cases, what_is_sensitive, arrays_of_attributes };
	int bad = run_suite("ck_change", tests, COUNT(tests));

	hz_attrs_free(&object);
	hz_attrs_free(&result);
	return bad;
}
