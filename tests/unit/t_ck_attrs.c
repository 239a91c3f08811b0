/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of attribute sets: copies of callers' templates, secrets, nesting, matching, and the form for the store. */
#include <stdlib.h>

#include "ck_util.h"

START_TEST(set_find_replace_remove)
{
	struct hz_attrs a = HZ_ATTRS_INIT, b;

	RV(CKR_OK, hz_attrs_set_ulong(&a, CKA_MODULUS_BITS, 2048));
	RV(CKR_OK, hz_attrs_set(&a, CKA_LABEL, "abc", 3, false));
	RV(CKR_OK, hz_attrs_set_bool(&a, CKA_TOKEN, true));
	RV(CKR_OK, hz_attrs_set(&a, CKA_LABEL, "de", 2, false));
	ck_assert_uint_eq(a.n, 3);
	ck_assert(a.v[0].type == CKA_TOKEN && a.v[1].type == CKA_LABEL && a.v[2].type == CKA_MODULUS_BITS);
	ck_assert(hz_attrs_find(&a, CKA_LABEL)->len == 2 && memcmp(hz_attrs_find(&a, CKA_LABEL)->value, "de", 2) == 0);
	ck_assert(hz_attrs_bool(&a, CKA_TOKEN, false) && hz_attrs_bool(&a, CKA_PRIVATE, true) && !hz_attrs_bool(&a, CKA_PRIVATE, false));
	ck_assert_uint_eq(hz_attrs_ulong(&a, CKA_MODULUS_BITS, 1), 2048);
	ck_assert_uint_eq(hz_attrs_ulong(&a, CKA_LABEL, 7), 7); /* no number */
	RV(CKR_OK, hz_attrs_dup(&b, &a));
	hz_attrs_remove(&a, CKA_LABEL);
	hz_attrs_remove(&a, CKA_LABEL);
	ck_assert(a.n == 2 && hz_attrs_find(&a, CKA_LABEL) == NULL && hz_attrs_find(&b, CKA_LABEL) != NULL);
	for (CK_ULONG i = 0; i < 100; i++)
		RV(CKR_OK, hz_attrs_set_ulong(&a, 0x90000000UL + (i * 37) % 100, i));
	ck_assert_uint_eq(a.n, 102);
	for (size_t i = 1; i < a.n; i++)
		ck_assert(a.v[i - 1].type < a.v[i].type);
	ck_assert_uint_eq(hz_attrs_size(&b), 3 * sizeof(CK_ATTRIBUTE) + 1 + 2 + sizeof(CK_ULONG));
	hz_attrs_free(&a);
	hz_attrs_free(&b);
	ck_assert(a.v == NULL && a.n == 0);
}
END_TEST

START_TEST(secrets_live_in_secret_memory)
{
	CK_ATTRIBUTE key[] = { ULONG(CKA_CLASS, CKO_SECRET_KEY), BYTES(CKA_VALUE, "0123456789abcdef") };
	CK_ATTRIBUTE cert[] = { ULONG(CKA_CLASS, CKO_CERTIFICATE), BYTES(CKA_VALUE, "0123456789abcdef") };
	size_t before = hz_secmem_live();
	struct hz_attrs a, b;

	RV(CKR_OK, hz_attrs_copy_in(&a, key, 2, true));
	ck_assert(hz_attrs_find(&a, CKA_VALUE)->secret && hz_secmem_owns(hz_attrs_find(&a, CKA_VALUE)->value));
	ck_assert(!hz_attrs_find(&a, CKA_CLASS)->secret);
	RV(CKR_OK, hz_attrs_dup(&b, &a));
	ck_assert(hz_secmem_owns(hz_attrs_find(&b, CKA_VALUE)->value));
	RV(CKR_OK, hz_attrs_mark_secret(&b, CKA_VALUE, false));
	ck_assert(!hz_secmem_owns(hz_attrs_find(&b, CKA_VALUE)->value) && hz_attr_equal(hz_attrs_find(&a, CKA_VALUE), hz_attrs_find(&b, CKA_VALUE)));
	RV(CKR_OK, hz_attrs_mark_secret(&b, CKA_VALUE, true));
	ck_assert(hz_secmem_owns(hz_attrs_find(&b, CKA_VALUE)->value));
	hz_attrs_free(&a);
	hz_attrs_free(&b);
	RV(CKR_OK, hz_attrs_copy_in(&a, cert, 2, true));
	ck_assert(!hz_attrs_find(&a, CKA_VALUE)->secret);
	RV(CKR_OK, hz_attrs_copy_in(&b, cert + 1, 1, false)); /* says no class: careful */
	ck_assert(hz_attrs_find(&b, CKA_VALUE)->secret);
	hz_attrs_free(&a);
	hz_attrs_free(&b);
	ck_assert_uint_eq(hz_secmem_live(), before);
}
END_TEST

START_TEST(copy_in_refuses_bad_shapes)
{
	CK_BBOOL two = 2;
	CK_ULONG u = 1;
	const struct { CK_ATTRIBUTE at; CK_RV rv; } bad[] = {
		{ { CKA_TOKEN, &u, sizeof u }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_TOKEN, &two, 1 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_TOKEN, NULL, 0 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_TOKEN, NULL, 1 }, CKR_ARGUMENTS_BAD },
		{ { CKA_CLASS, &u, 1 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_CLASS, &u, 4 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_CLASS, &u, 16 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_VALUE_LEN, NULL, 0 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_LABEL, NULL, 5 }, CKR_ARGUMENTS_BAD },
		{ { CKA_LABEL, &u, (CK_ULONG)-1 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_VALUE, &u, (CK_ULONG)1 << 63 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_WRAP_TEMPLATE, &u, (CK_ULONG)-8 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_WRAP_TEMPLATE, &u, 8 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_ALLOWED_MECHANISMS, &u, 7 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_START_DATE, "2026010", 7 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_START_DATE, "20261301", 8 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_START_DATE, "2026 101", 8 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { 0x12345678, &u, 8 }, CKR_ATTRIBUTE_TYPE_INVALID },
	};
	struct hz_attrs a;

	for (size_t i = 0; i < COUNT(bad); i++) {
		CK_ATTRIBUTE pair[2] = { BYTES(CKA_ID, "x"), { 0, NULL, 0 } };

		pair[1] = bad[i].at;
		RV(bad[i].rv, hz_attrs_copy_in(&a, pair, 2, true));
		ck_assert(a.v == NULL && a.n == 0);
	}
	RV(CKR_ARGUMENTS_BAD, hz_attrs_copy_in(&a, NULL, 1, true));
	RV(CKR_ARGUMENTS_BAD, hz_attrs_copy_in(&a, &bad[0].at, (CK_ULONG)-1, true));
	RV(CKR_ARGUMENTS_BAD, hz_attrs_copy_in(&a, &bad[0].at, (CK_ULONG)1 << 32, true));
	RV(CKR_OK, hz_attrs_copy_in(&a, NULL, 0, true));
	RV(CKR_OK, hz_attrs_copy_in(&a, &bad[17].at, 1, false)); /* a search may name anything */
	hz_attrs_free(&a);
}
END_TEST

START_TEST(copy_in_accepts_edges)
{
	CK_ATTRIBUTE t[] = { BYTES(CKA_START_DATE, "20260228"), { CKA_END_DATE, NULL, 0 }, { CKA_ALLOWED_MECHANISMS, NULL, 0 },
			     BYTES(CKA_MODULUS, "\0\0\1\0"), BYTES(CKA_ID, "\0\1"), BYTES(CKA_ID, "\0\1") };
	CK_ATTRIBUTE twice[] = { BYTES(CKA_ID, "a"), BYTES(CKA_ID, "b") };
	struct hz_attrs a;

	RV(CKR_OK, hz_attrs_copy_in(&a, t, COUNT(t), true));
	ck_assert_uint_eq(a.n, 5);
	ck_assert_uint_eq(hz_attrs_find(&a, CKA_MODULUS)->len, 2); /* one number, one form */
	ck_assert_uint_eq(hz_attrs_find(&a, CKA_ID)->len, 2);
	ck_assert(hz_attrs_find(&a, CKA_ALLOWED_MECHANISMS)->len == 0);
	hz_attrs_free(&a);
	RV(CKR_TEMPLATE_INCONSISTENT, hz_attrs_copy_in(&a, twice, 2, true));
}
END_TEST

START_TEST(nested_templates_are_copied_deeply)
{
	char label[] = "inner";
	CK_ATTRIBUTE inner[] = { FALSE_(CKA_EXTRACTABLE), { CKA_LABEL, label, 5 } };
	CK_ATTRIBUTE outer[] = { { CKA_UNWRAP_TEMPLATE, inner, sizeof inner }, { CKA_WRAP_TEMPLATE, NULL, 0 } };
	struct hz_attrs a, b;
	const struct hz_attrs *n;

	RV(CKR_OK, hz_attrs_copy_in(&a, outer, 2, true));
	memset(label, 'x', 5);
	memset(inner, 0xff, sizeof inner);
	RV(CKR_OK, hz_attrs_dup(&b, &a));
	hz_attrs_free(&a);
	n = hz_attrs_nested(&b, CKA_UNWRAP_TEMPLATE);
	ck_assert(n != NULL && n->n == 2 && !hz_attrs_bool(n, CKA_EXTRACTABLE, true));
	ck_assert(memcmp(hz_attrs_find(n, CKA_LABEL)->value, "inner", 5) == 0);
	ck_assert_uint_eq(hz_attrs_find(&b, CKA_UNWRAP_TEMPLATE)->len, 2 * sizeof(CK_ATTRIBUTE));
	n = hz_attrs_nested(&b, CKA_WRAP_TEMPLATE);
	ck_assert(n != NULL && n->n == 0);
	ck_assert(hz_attrs_nested(&b, CKA_DERIVE_TEMPLATE) == NULL);
	hz_attrs_free(&b);
}
END_TEST

START_TEST(nesting_has_a_bottom)
{
	CK_ATTRIBUTE level[6], self = { CKA_WRAP_TEMPLATE, NULL, sizeof self };
	struct hz_attrs a;

	level[0] = (CK_ATTRIBUTE)TRUE_(CKA_TOKEN);
	for (size_t i = 1; i < COUNT(level); i++)
		level[i] = (CK_ATTRIBUTE){ CKA_WRAP_TEMPLATE, &level[i - 1], sizeof *level };
	RV(CKR_OK, hz_attrs_copy_in(&a, &level[HZ_ATTRS_MAX_DEPTH], 1, true));
	hz_attrs_free(&a);
	RV(CKR_ATTRIBUTE_VALUE_INVALID, hz_attrs_copy_in(&a, &level[HZ_ATTRS_MAX_DEPTH + 1], 1, true));
	self.pValue = &self; /* a template that contains itself */
	RV(CKR_ATTRIBUTE_VALUE_INVALID, hz_attrs_copy_in(&a, &self, 1, true));
}
END_TEST

/* A small array named over and over stands for millions of attributes. */
START_TEST(wide_templates_end)
{
	static CK_ATTRIBUTE level[4][HZ_ATTRS_MAX];
	static unsigned char big[1 << 20];
	struct hz_attrs a;

	for (size_t i = 0; i < HZ_ATTRS_MAX; i++)
		level[0][i] = (CK_ATTRIBUTE)TRUE_(CKA_TOKEN);
	for (size_t l = 1; l < 4; l++) {
		for (size_t i = 0; i < HZ_ATTRS_MAX; i++)
			level[l][i] = (CK_ATTRIBUTE){ CKA_WRAP_TEMPLATE, level[l - 1], sizeof level[0] };
	}
	RV(CKR_ARGUMENTS_BAD, hz_attrs_copy_in(&a, level[3], HZ_ATTRS_MAX, true));
	for (size_t i = 0; i < HZ_ATTRS_MAX; i++)
		level[0][i] = (CK_ATTRIBUTE){ 0x91000000UL + i, big, sizeof big };
	RV(CKR_ATTRIBUTE_VALUE_INVALID, hz_attrs_copy_in(&a, level[0], HZ_ATTRS_MAX, false));
	RV(CKR_OK, hz_attrs_copy_in(&a, level[0], 8, false));
	hz_attrs_free(&a);
}
END_TEST

START_TEST(matching)
{
	CK_ATTRIBUTE object[] = { ULONG(CKA_CLASS, CKO_SECRET_KEY), ULONG(CKA_KEY_TYPE, CKK_AES), BYTES(CKA_LABEL, "k"),
				  BYTES(CKA_VALUE, "0123456789abcdef"), TRUE_(CKA_SENSITIVE), FALSE_(CKA_EXTRACTABLE) };
	CK_ATTRIBUTE want[] = { BYTES(CKA_LABEL, "k"), ULONG(CKA_KEY_TYPE, CKK_AES) };
	struct hz_attrs a, t;

	RV(CKR_OK, hz_attrs_copy_in(&a, object, COUNT(object), true));
	RV(CKR_OK, hz_attrs_copy_in(&t, want, 2, false));
	ck_assert(hz_attrs_match(&a, &t));
	RV(CKR_OK, hz_attrs_set(&t, CKA_ID, "", 0, false));
	ck_assert(!hz_attrs_match(&a, &t)); /* absent is not empty */
	hz_attrs_free(&t);
	ck_assert(hz_attrs_match(&a, &t)); /* the empty template finds everything */
	RV(CKR_OK, hz_attrs_copy_in(&t, object + 3, 1, false));
	ck_assert(!hz_attrs_match(&a, &t)); /* no oracle for guesses at a sensitive value */
	RV(CKR_OK, hz_attrs_set_bool(&a, CKA_SENSITIVE, false));
	RV(CKR_OK, hz_attrs_set_bool(&a, CKA_EXTRACTABLE, true));
	ck_assert(hz_attrs_match(&a, &t));
	hz_attrs_free(&t);
	RV(CKR_OK, hz_attrs_set(&t, CKA_LABEL, "K", 1, false));
	ck_assert(!hz_attrs_match(&a, &t));
	hz_attrs_free(&t);
	RV(CKR_OK, hz_attrs_set(&a, CKA_HANZO_BASE | 0xff, "ref", 3, false));
	RV(CKR_OK, hz_attrs_set(&t, CKA_HANZO_BASE | 0xff, "ref", 3, false));
	ck_assert(!hz_attrs_match(&a, &t)); /* a backend's own */
	hz_attrs_free(&t);
	hz_attrs_free(&a);
}
END_TEST

/* Both halves written, read into one set, and the same as before. */
static void
round_trip(const struct hz_attrs *a)
{
	struct hz_buf open = HZ_BUF_INIT, hidden = HZ_BUF_SECRET;
	struct hz_attrs b = HZ_ATTRS_INIT;
	struct hz_reader r;

	ck_assert(hz_attrs_write(a, false, &open) && hz_attrs_write(a, true, &hidden));
	r = hz_rd(open.p, open.len);
	ck_assert(hz_attrs_read(&b, false, &r));
	r = hz_rd(hidden.p, hidden.len);
	ck_assert(hz_attrs_read(&b, true, &r));
	ck_assert_uint_eq(a->n, b.n);
	for (size_t i = 0; i < a->n; i++)
		ck_assert(hz_attr_equal(&a->v[i], &b.v[i]) && a->v[i].secret == b.v[i].secret);
	for (size_t cut = 0; cut < open.len; cut++) { /* every cut is noticed unless it falls between attributes */
		struct hz_attrs c = HZ_ATTRS_INIT;

		r = hz_rd(open.p, cut);
		ck_assert(!hz_attrs_read(&c, false, &r) || c.n < a->n);
		hz_attrs_free(&c);
	}
	hz_buf_free(&open);
	hz_buf_free(&hidden);
	hz_attrs_free(&b);
}

START_TEST(serialised_and_read_back)
{
	CK_MECHANISM_TYPE mechs[] = { CKM_AES_GCM, CKM_HANZO_POAI };
	CK_ATTRIBUTE deep[] = { ULONG(CKA_KEY_TYPE, CKK_AES) };
	CK_ATTRIBUTE inner[] = { FALSE_(CKA_EXTRACTABLE), BYTES(CKA_VALUE, "s"), { CKA_DERIVE_TEMPLATE, deep, sizeof deep },
				 { CKA_WRAP_TEMPLATE, NULL, 0 } };
	CK_ATTRIBUTE t[] = { ULONG(CKA_CLASS, CKO_SECRET_KEY), ULONG(CKA_KEY_GEN_MECHANISM, CK_UNAVAILABLE_INFORMATION), TRUE_(CKA_TOKEN),
			     BYTES(CKA_VALUE, "0123456789abcdef"), BYTES(CKA_LABEL, "l"), { CKA_ID, NULL, 0 },
			     { CKA_ALLOWED_MECHANISMS, mechs, sizeof mechs }, BYTES(CKA_START_DATE, "20260101"), { CKA_END_DATE, NULL, 0 },
			     { CKA_UNWRAP_TEMPLATE, inner, sizeof inner }, { CKA_DERIVE_TEMPLATE, deep, sizeof deep },
			     { CKA_WRAP_TEMPLATE, NULL, 0 } };
	struct hz_attrs a, none = HZ_ATTRS_INIT;

	round_trip(&none);
	RV(CKR_OK, hz_attrs_copy_in(&a, t, COUNT(t), true));
	ck_assert(hz_attrs_find(&a, CKA_UNWRAP_TEMPLATE)->secret && !hz_attrs_find(&a, CKA_DERIVE_TEMPLATE)->secret);
	RV(CKR_OK, hz_attrs_set(&a, CKA_HANZO_BASE | 0xff, "ref", 3, false));
	round_trip(&a);
	hz_attrs_free(&a);
}
END_TEST

START_TEST(reading_refuses_malformed_rows)
{
#define T0 "\0\0\0\0\0\0\0"
	static const struct { const char *p; size_t n; } bad[] = {
#define ROW(s) { s, sizeof(s) - 1 }
		ROW(""), ROW("\2"), ROW("\1\0"),
		ROW("\1" T0 "\1" T0 "\1\2"),                        /* CKA_TOKEN = 2 */
		ROW("\1" T0 "\1" T0 "\2\1\1"),                      /* two bytes */
		ROW("\1" T0 "\0" T0 "\4\0\0\0\1"),                  /* CKA_CLASS in 4 bytes */
		ROW("\1" T0 "\3" T0 "\2x"),                         /* past the end */
		ROW("\1" T0 "\3\377\377\377\377\377\377\377\377x"), /* absurd */
		ROW("\1" T0 "\3" T0 "\1x" T0 "\3" T0 "\1y"),        /* twice */
		ROW("\1" T0 "\3" T0 "\1x" T0 "\1" T0 "\1\1"),       /* not ascending */
		ROW("\1\0\0\0\0\100\0\2\21" T0 "\1\2"),             /* nested: another version */
		ROW("\1\0\0\0\0\100\0\2\21" T0 "\0"),               /* nested: nothing at all */
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct hz_attrs a = HZ_ATTRS_INIT;
		struct hz_reader r = hz_rd(bad[i].p, bad[i].n);

		ck_assert_msg(!hz_attrs_read(&a, false, &r), "row %zu", i);
		hz_attrs_free(&a);
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { set_find_replace_remove, secrets_live_in_secret_memory, copy_in_refuses_bad_shapes,
				       copy_in_accepts_edges, nested_templates_are_copied_deeply, nesting_has_a_bottom, wide_templates_end, matching,
				       serialised_and_read_back, reading_refuses_malformed_rows };

	return run_suite("ck_attrs", tests, COUNT(tests));
}
