/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of one tenant kept apart from those of another. */
#include "token/tenant.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "ck/keyspace.h"
#include "hanzo-pkcs11.h"

/* Names are kept until the token ends, because readers hold no lock; a policy knows few. */
struct hz_tenant {
	struct hz_tenant *next;
	char name[];
};

static struct hz_tenant *known(const struct hz_token *t, const char *name)
{
	struct hz_tenant *k = t->tenants;

	while (k != NULL && strcmp(k->name, name) != 0)
		k = k->next;
	return k;
}

static struct hz_tenant *learn(struct hz_token *t, const char *name)
{
	size_t n = strlen(name) + 1;
	struct hz_tenant *k = malloc(sizeof *k + n);

	if (k == NULL)
		return NULL;
	memcpy(k->name, name, n);
	k->next = t->tenants;
	t->tenants = k;
	return k;
}

CK_RV hz_tenant_set(struct hz_token *t, const char *name)
{
	struct hz_tenant *k = NULL;

	if (name != NULL && name[0] != '\0') {
		k = known(t, name);
		if (k == NULL)
			k = learn(t, name);
		if (k == NULL)
			return hz_fail(CKR_HOST_MEMORY, "no memory for a tenant's name");
	}
	atomic_store_explicit(&t->tenant, k != NULL ? k->name : NULL, memory_order_release);
	return CKR_OK;
}

const char *hz_tenant_now(const struct hz_token *t)
{
	return atomic_load_explicit(&t->tenant, memory_order_acquire);
}

void hz_tenants_free(struct hz_token *t)
{
	struct hz_tenant *next;

	for (struct hz_tenant *k = t->tenants; k != NULL; k = next) {
		next = k->next;
		free(k);
	}
	t->tenants = NULL;
}

static bool is_text(const void *p, size_t len, const char *text)
{
	size_t n = text != NULL ? strlen(text) : 0;

	return len == n && (n == 0 || memcmp(p, text, n) == 0);
}

static bool built_in(const struct hz_object *o)
{
	return o->id == 0 && o->handle >> 9 < HZ_FIRST_COUNTER;
}

bool hz_tenant_sees(const struct hz_token *t, const struct hz_object *o)
{
	const struct hz_attr *a;

	if (!t->tenanted || built_in(o))
		return true;
	a = hz_attrs_find(&o->attrs, CKA_HANZO_TENANT);
	return is_text(a != NULL ? a->value : NULL, a != NULL ? a->len : 0, hz_tenant_now(t));
}

static CK_RV another(void)
{
	return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "the object would belong to another tenant than the login");
}

CK_RV hz_tenant_label(const struct hz_token *t, const struct hz_attrs *change)
{
	const struct hz_attr *label = hz_attrs_find(change, CKA_LABEL);
	struct hz_keyspace k;

	if (!t->tenanted || label == NULL || !hz_keyspace_parse((const char *)label->value, label->len, t->separator, &k))
		return CKR_OK;
	return is_text(k.tenant, k.tenant_len, hz_tenant_now(t)) ? CKR_OK : another();
}

CK_RV hz_tenant_stamp(const struct hz_token *t, struct hz_attrs *set)
{
	const struct hz_attr *a = hz_attrs_find(set, CKA_HANZO_TENANT);
	const char *now = hz_tenant_now(t);
	CK_RV rv = hz_tenant_label(t, set);

	if (!t->tenanted || rv != CKR_OK)
		return rv;
	if (a != NULL && a->len != 0)
		return is_text(a->value, a->len, now) ? CKR_OK : another();
	return now != NULL ? hz_attrs_set(set, CKA_HANZO_TENANT, now, strlen(now), false) : CKR_OK;
}
