/* SPDX-License-Identifier: Apache-2.0 */
/* The policies that hanzo-pkcs11-policy(5) prints are policies, and say what the page says of them. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hanzo-attest.h"

#define ROOM 20000

static char page[100000];

static void load(void)
{
	const char *dir = getenv("HANZO_SRCDIR");
	char path[500];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof path, "%s/man/hanzo-pkcs11-policy.5", dir != NULL ? dir : ".");
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s", path);
	n = fread(page, 1, sizeof page - 1, f);
	ck_assert(n > 0 && n < sizeof page - 1);
	page[n] = '\0';
	(void)fclose(f);
}

/* The display number i that begins with a brace; "" when there are no more. Escapes of the page would be refused as JSON. */
static const char *display(unsigned i)
{
	static char text[ROOM];
	const char *p = page, *end;

	text[0] = '\0';
	while ((p = strstr(p, "\n.Bd -literal")) != NULL) {
		p = strchr(p + 1, '\n') + 1;
		end = strstr(p, "\n.Ed");
		ck_assert(end != NULL && (size_t)(end - p) < ROOM);
		if (*p == '{' && i-- == 0) {
			(void)snprintf(text, ROOM, "%.*s", (int)(end - p), p);
			break;
		}
	}
	return text;
}

static hz_attest_policy *parse(const char *text)
{
	char why[200] = "";
	hz_attest_policy *p = hz_attest_policy_parse(text, strlen(text), why, sizeof why);

	ck_assert_msg(p != NULL, "%s\n%s", why, text);
	return p;
}

START_TEST(they_load)
{
	unsigned n = 0;

	load();
	for (; display(n)[0] != '\0'; n++)
		hz_attest_policy_free(parse(display(n)));
	ck_assert_uint_eq(n, 2);
}
END_TEST

START_TEST(they_say_so)
{
	hz_attest_policy *annotated, *development;

	load();
	annotated = parse(display(0));
	development = parse(display(1));
	ck_assert(hz_attest_policy_has_tenants(annotated) && !hz_attest_policy_simulated(annotated));
	ck_assert(!hz_attest_policy_has_tenants(development) && hz_attest_policy_simulated(development));
	hz_attest_policy_free(annotated);
	hz_attest_policy_free(development);
}
END_TEST

/* Each name of the annotated example is known because it is that name: with a letter more it is refused. */
START_TEST(every_name_counts)
{
	static char text[ROOM], changed[ROOM + 1];
	unsigned names = 0;

	load();
	(void)snprintf(text, sizeof text, "%s", display(0));
	for (char *p = strchr(text, '"'); p != NULL; p = strchr(p + 1, '"')) {
		char *end = strchr(p + 1, '"');
		size_t at = (size_t)(end - text);

		p = end;
		if (end[1] != ':')
			continue;
		(void)snprintf(changed, sizeof changed, "%.*sx%s", (int)at, text, end);
		ck_assert_msg(hz_attest_policy_parse(changed, strlen(changed), NULL, 0) == NULL, "%s", changed);
		names++;
	}
	ck_assert_uint_gt(names, 20);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy_page");
	TCase *t = tcase_create("page");
	SRunner *r;
	int failed;

	tcase_add_test(t, they_load);
	tcase_add_test(t, they_say_so);
	tcase_add_test(t, every_name_counts);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
