/* SPDX-License-Identifier: Apache-2.0 */
/* Built-in objects: read-only, public, made from this table when somebody asks for them. */
#include "token/builtin.h"

#include <stdio.h>
#include <string.h>

static const struct {
	CK_PROFILE_ID id;
	const char *label;
} profiles[] = {
	{ CKP_BASELINE_PROVIDER, "Baseline Provider" },
	{ CKP_EXTENDED_PROVIDER, "Extended Provider" },
	{ CKP_AUTHENTICATION_TOKEN, "Authentication Token" },
};

size_t hz_builtin_count(void)
{
	return sizeof profiles / sizeof profiles[0];
}

CK_OBJECT_HANDLE hz_builtin_handle(const struct hz_token *t, size_t i)
{
	return (i + 1) << 9 | (CK_OBJECT_HANDLE)t->ordinal << 1;
}

static CK_RV fill(struct hz_attrs *a, const struct hz_token *t, size_t i)
{
	static const CK_ATTRIBUTE_TYPE no[] = { CKA_PRIVATE, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE };
	char unique[48];
	CK_RV rv;

	snprintf(unique, sizeof unique, "%s-profile-%lu", t->serial, profiles[i].id);
	rv = hz_attrs_set_ulong(a, CKA_CLASS, CKO_PROFILE);
	if (rv == CKR_OK)
		rv = hz_attrs_set_bool(a, CKA_TOKEN, true);
	for (size_t k = 0; rv == CKR_OK && k < sizeof no / sizeof no[0]; k++)
		rv = hz_attrs_set_bool(a, no[k], false);
	if (rv == CKR_OK)
		rv = hz_attrs_set(a, CKA_LABEL, profiles[i].label, strlen(profiles[i].label), false);
	if (rv == CKR_OK)
		rv = hz_attrs_set(a, CKA_UNIQUE_ID, unique, strlen(unique), false);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(a, CKA_PROFILE_ID, profiles[i].id);
	return rv;
}

CK_RV hz_builtin_object(struct hz_token *t, CK_OBJECT_HANDLE h, struct hz_object **out)
{
	struct hz_attrs a = HZ_ATTRS_INIT;
	size_t i = (size_t)(h >> 9) - 1;
	CK_RV rv;

	if (h >> 9 == 0 || i >= hz_builtin_count())
		return CKR_OBJECT_HANDLE_INVALID;
	rv = fill(&a, t, i);
	if (rv != CKR_OK) {
		hz_attrs_free(&a);
		return rv;
	}
	*out = hz_object_new_take(t, h, 0, &a);
	return *out != NULL ? CKR_OK : CKR_HOST_MEMORY;
}
