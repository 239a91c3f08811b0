/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of the public headers: every number, the layout of structures and the order of the function lists. */
#include <check.h>
#include <stddef.h>
#include <string.h>

#include "ck/names.h"
#include "hanzo-pkcs11.h"

START_TEST(numbers_are_frozen)
{
	static const struct { const char *name; CK_ULONG is, should; } list[] = {
#define N(name, value) { #name, name, value },
#include "ck_numbers.h"
#undef N
	};

	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		ck_assert_msg(list[i].is == list[i].should, "%s is 0x%lx, not 0x%lx", list[i].name, list[i].is, list[i].should);
	ck_assert_uint_ge(sizeof list / sizeof *list, 1070);
}
END_TEST

/* Positions from the lists of the standard: version, then one pointer after the other. */
START_TEST(function_lists_keep_their_order)
{
	size_t at = sizeof(void *);

#define F(name)                                                                                                        \
	ck_assert_uint_eq(offsetof(CK_FUNCTION_LIST, name), at);                                                       \
	ck_assert_uint_eq(offsetof(CK_FUNCTION_LIST_3_0, name), at);                                                   \
	ck_assert_uint_eq(offsetof(CK_FUNCTION_LIST_3_2, name), at);                                                   \
	at += sizeof(void *);
#define F30(name)                                                                                                      \
	ck_assert_uint_eq(offsetof(CK_FUNCTION_LIST_3_0, name), at);                                                   \
	ck_assert_uint_eq(offsetof(CK_FUNCTION_LIST_3_2, name), at);                                                   \
	at += sizeof(void *);
#define F32(name)                                                                                                      \
	ck_assert_uint_eq(offsetof(CK_FUNCTION_LIST_3_2, name), at);                                                   \
	at += sizeof(void *);
#include "ck_functions.h"
	ck_assert_uint_eq(sizeof(CK_FUNCTION_LIST), 69 * sizeof(void *));
	ck_assert_uint_eq(sizeof(CK_FUNCTION_LIST_3_0), 93 * sizeof(void *));
	ck_assert_uint_eq(sizeof(CK_FUNCTION_LIST_3_2), 105 * sizeof(void *));
	ck_assert_uint_eq(at, sizeof(CK_FUNCTION_LIST_3_2));
}
END_TEST

START_TEST(structures_have_their_sizes)
{
	ck_assert_uint_eq(sizeof(CK_BBOOL), 1);
	ck_assert_uint_eq(sizeof(CK_DATE), 8);
	ck_assert_uint_eq(sizeof(CK_VERSION), 2);
	if (sizeof(CK_ULONG) != 8)
		return;
	ck_assert_uint_eq(sizeof(CK_INFO), 88);
	ck_assert_uint_eq(sizeof(CK_SLOT_INFO), 112);
	ck_assert_uint_eq(sizeof(CK_TOKEN_INFO), 208);
	ck_assert_uint_eq(sizeof(CK_ATTRIBUTE), 24);
	ck_assert_uint_eq(sizeof(CK_MECHANISM), 24);
	ck_assert_uint_eq(sizeof(CK_GCM_PARAMS), 48);
	ck_assert_uint_eq(sizeof(CK_GCM_MESSAGE_PARAMS), 48);
	ck_assert_uint_eq(sizeof(CK_CCM_MESSAGE_PARAMS), 56);
	ck_assert_uint_eq(sizeof(CK_HKDF_PARAMS), 64);
	ck_assert_uint_eq(sizeof(CK_PKCS5_PBKD2_PARAMS2), 72);
	ck_assert_uint_eq(sizeof(CK_SP800_108_KDF_PARAMS), 40);
	ck_assert_uint_eq(sizeof(CK_HASH_SIGN_ADDITIONAL_CONTEXT), 32);
	ck_assert_uint_eq(sizeof(CK_HANZO_ECIES_PARAMS), 16);
	ck_assert_uint_eq(sizeof(CK_HANZO_SHAMIR_PARAMS), 40);
	ck_assert_uint_eq(sizeof(CK_HANZO_SHARE_REFRESH_PARAMS), 8);
	ck_assert_uint_eq(sizeof(CK_HANZO_EIP712_PARAMS), 40);
	ck_assert_uint_eq(sizeof(CK_HANZO_CERT_SUBJECT_PARAMS), 32);
	ck_assert_uint_eq(offsetof(CK_HANZO_FUNCTION_LIST, HZ_Renew), 32);
}
END_TEST

/* Look-up by halving finds every entry only where the lists ascend without a double. */
START_TEST(names_are_found)
{
#define X(n) ck_assert_str_eq(hz_ckr_name(n), #n);
#include "ck/rv_list.h"
#undef X
#define X(n) ck_assert_str_eq(hz_ckm_name(n), #n);
#include "ck/mech_list.h"
#undef X
#define X(n) ck_assert_str_eq(hz_cko_name(n), #n);
#include "ck/class_list.h"
#undef X
#define X(n) ck_assert_str_eq(hz_ckk_name(n), #n);
#include "ck/key_type_list.h"
#undef X
#define X(n, kind) ck_assert_str_eq(hz_cka_name(n), #n);
#include "ck/attr_list.h"
#undef X
	ck_assert_str_eq(hz_ckr_name(0x12345), "CKR_0x00012345");
	ck_assert_str_eq(hz_cka_name(CK_UNAVAILABLE_INFORMATION), "CKA_0xffffffffffffffff");
	ck_assert_str_eq(hz_ckm_name(CKM_HANZO_BASE | 0xff), "CKM_0x80485aff");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ck_numbers");
	TCase *tc = tcase_create("all");
	SRunner *r;
	int bad;

	tcase_add_test(tc, numbers_are_frozen);
	tcase_add_test(tc, function_lists_keep_their_order);
	tcase_add_test(tc, structures_have_their_sizes);
	tcase_add_test(tc, names_are_found);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	return bad != 0;
}
