/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tenants: a slot has them when its configuration names one, or its policy knows some. There a login that carries a tenant sees, finds,
 * names and makes objects of that tenant only; a login without one, and whoever is not logged in, objects without one only. Objects that
 * every token has built in belong to nobody. On other slots a tenant is an attribute like any other.
 */
#ifndef HZ_TOKEN_TENANT_H
#define HZ_TOKEN_TENANT_H

#include "token/object.h"

/* Whose login it is from now on; "" or NULL: nobody's. With the login lock. CKR_HOST_MEMORY. */
CK_RV hz_tenant_set(struct hz_token *t, const char *name);
/* The login's tenant, or NULL; the text lives as long as the token. */
const char *hz_tenant_now(const struct hz_token *t);
void hz_tenants_free(struct hz_token *t);

/* May the login that is in force know of this object? */
bool hz_tenant_sees(const struct hz_token *t, const struct hz_object *o);

/* A new object gets the login's tenant. CKR_ATTRIBUTE_VALUE_INVALID: its template or its label names another. */
CK_RV hz_tenant_stamp(const struct hz_token *t, struct hz_attrs *set);
/* The same question for a label that is set later. */
CK_RV hz_tenant_label(const struct hz_token *t, const struct hz_attrs *change);

#endif
