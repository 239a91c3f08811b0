/* SPDX-License-Identifier: Apache-2.0 */
/* Short ways to write templates and to run a suite, for the tests of src/ck. */
#ifndef CK_UTIL_H
#define CK_UTIL_H

#include <check.h>
#include <string.h>

#include "base/secmem.h"
#include "ck/attrs.h"
#include "ck/names.h"
#include "ck/schema.h"
#include "hanzo-pkcs11.h"

#define COUNT(t) (sizeof(t) / sizeof *(t))
#define BYTES(type, text) { type, (void *)(uintptr_t)(text), sizeof(text) - 1 }
#define RV(expected, call)                                                                                             \
	do {                                                                                                           \
		CK_RV rv_ = (call);                                                                                    \
		ck_assert_msg(rv_ == (expected), "%s is %s, not %s", #call, hz_ckr_name(rv_), hz_ckr_name(expected));  \
	} while (0)

static __attribute__((unused)) CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
#define TRUE_(type) { type, &yes, sizeof yes }
#define FALSE_(type) { type, &no, sizeof no }
/* A number with storage of its own, good until the block ends. */
#define ULONG(type, v) { type, &(CK_ULONG){ v }, sizeof(CK_ULONG) }

static inline int
run_suite(const char *name, const TTest *const tests[], size_t n)
{
	Suite *s = suite_create(name);
	TCase *tc = tcase_create("all");
	SRunner *r = srunner_create(s);
	int bad;

	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	return bad != 0;
}

#endif
