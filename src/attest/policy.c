/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: the reference policy, and policy files, hanzo-pkcs11-policy(5). */

#include "attest/policy-int.h"

#include "base/hex.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const tee_io_words[] = { "required", "architecture", NULL };
static const char *const mig_words[] = { "any", "required", "forbidden", NULL };

/* ---- members that are lists of objects ---- */

struct root_text {
	struct hz_at_textlist family;
	struct hz_at_hexlist cert, spki;
};

static const struct hz_at_field root_fields[] = {
	{ "family", HZ_AT_F_TEXT, offsetof(struct root_text, family), 15, true, NULL, NULL, NULL },
	{ "cert_sha256", HZ_AT_F_HEX, offsetof(struct root_text, cert), 32, false, NULL, NULL, NULL },
	{ "spki_sha256", HZ_AT_F_HEX, offsetof(struct root_text, spki), 32, false, NULL, NULL, NULL },
	{ NULL, HZ_AT_F_BOOL, 0, 0, false, NULL, NULL, NULL }
};

/* One entry of "roots": a family, and exactly one digest. */
static bool
take_root(struct hz_at_policy_err *err, const char *name, const struct root_text *t, struct hz_attest_policy *p)
{
	const struct hz_at_hexlist *digest = t->spki.n == 1 ? &t->spki : &t->cert;
	struct hz_at_root *r = &p->root[p->n_roots];

	if (t->family.n != 1 || (hz_attest_kind_by_name(t->family.text[0]) == HZ_ATTEST_KIND_NONE &&
	                         strcmp(t->family.text[0], "nvidia-rim") != 0))
		return hz_at_policy_bad(err, name, "family must be one kind of evidence, or \"nvidia-rim\"");
	if (t->spki.n + t->cert.n != 1 || t->spki.any || t->cert.any)
		return hz_at_policy_bad(err, name, "give either cert_sha256 or spki_sha256, one value");
	snprintf(r->family, sizeof r->family, "%s", t->family.text[0]);
	r->spki = t->spki.n == 1;
	memcpy(r->sha256, digest->data, sizeof r->sha256);
	p->n_roots++;
	return true;
}

static bool
read_roots(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	struct hz_attest_policy *p = dst;

	if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) > HZ_AT_MAX_ROOTS)
		return hz_at_policy_bad(err, name, "must be a list of at most %d objects", HZ_AT_MAX_ROOTS);
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		struct root_text t = { 0 };
		bool ok = hz_at_policy_read(err, name, json_object_array_get_idx(v, i), root_fields, &t) &&
		          take_root(err, name, &t, p);

		hz_at_policy_release(root_fields, &t);
		if (!ok)
			return false;
	}
	return true;
}

struct tenant_text {
	struct hz_at_textlist claim, value, tenant;
};

static const struct hz_at_field tenant_fields[] = {
	{ "claim", HZ_AT_F_TEXT, offsetof(struct tenant_text, claim), 64, true, NULL, NULL, NULL },
	{ "value", HZ_AT_F_TEXT, offsetof(struct tenant_text, value), 256, true, NULL, NULL, NULL },
	{ "tenant", HZ_AT_F_TEXT, offsetof(struct tenant_text, tenant), 64, true, NULL, NULL, NULL },
	{ NULL, HZ_AT_F_BOOL, 0, 0, false, NULL, NULL, NULL }
};

static char *
steal(struct hz_at_textlist *l)
{
	char *s = l->text[0];

	l->text[0] = NULL;
	return s;
}

static bool
is_tenant_name(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return n >= 1 && n <= 64 && s[n] == '\0';
}

static bool
take_tenant(struct hz_at_policy_err *err, const char *name, struct tenant_text *t, struct hz_attest_policy *p)
{
	if (t->claim.n != 1 || t->value.n != 1 || t->tenant.n != 1)
		return hz_at_policy_bad(err, name, "claim, value and tenant must be one text each");
	if (!is_tenant_name(t->tenant.text[0]))
		return hz_at_policy_bad(err, name, "tenant must be 1 to 64 of A-Z a-z 0-9 . _ -");
	p->tenant[p->n_tenants++] = (struct hz_at_tenant){ steal(&t->claim), steal(&t->value), steal(&t->tenant) };
	return true;
}

static bool
read_tenants(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	struct hz_attest_policy *p = dst;

	if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) > HZ_AT_MAX_TENANTS)
		return hz_at_policy_bad(err, name, "must be a list of at most %d objects", HZ_AT_MAX_TENANTS);
	p->tenant = calloc(HZ_AT_MAX_TENANTS, sizeof *p->tenant);
	if (p->tenant == NULL)
		return hz_at_policy_bad(err, name, "out of memory");
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		struct tenant_text t = { 0 };
		bool ok = hz_at_policy_read(err, name, json_object_array_get_idx(v, i), tenant_fields, &t) &&
		          take_tenant(err, name, &t, p);

		hz_at_policy_release(tenant_fields, &t);
		if (!ok)
			return false;
	}
	return true;
}

static bool
read_format(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	(void)dst;
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) != 1)
		return hz_at_policy_bad(err, name, "must be 1");
	return true;
}

/* ---- the file ---- */

static const struct hz_at_field top_fields[] = {
	{ "hanzo_policy", HZ_AT_F_CUSTOM, 0, 0, true, NULL, read_format, NULL },
	{ "allow_simulated", HZ_AT_F_BOOL, offsetof(struct hz_attest_policy, allow_simulated), 0, false, NULL, NULL, NULL },
	{ "tee_io", HZ_AT_F_WORD, offsetof(struct hz_attest_policy, tee_io), 0, false, tee_io_words, NULL, NULL },
	{ "mig", HZ_AT_F_WORD, offsetof(struct hz_attest_policy, mig), 0, false, mig_words, NULL, NULL },
	{ "min_gpus", HZ_AT_F_U64, offsetof(struct hz_attest_policy, min_gpus), HZ_ATTEST_MAX_GPUS, false, NULL, NULL, NULL },
	{ "max_gpus", HZ_AT_F_U64, offsetof(struct hz_attest_policy, max_gpus), HZ_ATTEST_MAX_GPUS, false, NULL, NULL, NULL },
	{ "roots", HZ_AT_F_CUSTOM, 0, 0, false, NULL, read_roots, NULL },
	{ "tenants", HZ_AT_F_CUSTOM, 0, 0, false, NULL, read_tenants, NULL },
	{ NULL, HZ_AT_F_BOOL, 0, 0, false, NULL, NULL, NULL }
};

static bool
read_section(struct hz_at_policy_err *err, struct hz_attest_policy *p, int i, struct json_object *v)
{
	const struct hz_at_section *s = hz_at_families[i]->section;

	p->section[i] = calloc(1, s->size);
	if (p->section[i] == NULL)
		return hz_at_policy_bad(err, s->name, "out of memory");
	if (s->defaults != NULL)
		s->defaults(p->section[i]);
	return hz_at_policy_read(err, s->name, v, s->fields, p->section[i]);
}

/* Moves the members that are sections out of the root object and reads them; what is left belongs to top_fields. */
static bool
read_sections(struct hz_at_policy_err *err, struct hz_attest_policy *p, struct json_object *root)
{
	struct json_object *v;

	for (int i = 0; i < HZ_AT_N_FAMILIES; i++) {
		const struct hz_at_section *s = hz_at_families[i]->section;

		if (s == NULL || !json_object_object_get_ex(root, s->name, &v))
			continue;
		if (!read_section(err, p, i, v))
			return false;
		json_object_object_del(root, s->name);
	}
	return true;
}

static struct hz_attest_policy *
policy_new(void)
{
	struct hz_attest_policy *p = calloc(1, sizeof *p);

	if (p != NULL)
		p->max_gpus = HZ_ATTEST_MAX_GPUS;
	return p;
}

static void
say_unreadable(struct hz_at_policy_err *err, const char *json, size_t len)
{
	struct hz_at_bytes twice = hz_at_json_twice(json, len, HZ_AT_JSON_DEPTH);

	if (twice.p != NULL)
		hz_at_policy_bad(err, "policy", "member \"%.*s\" stands twice in one object", (int)(twice.len < 64 ? twice.len : 64),
		                 (const char *)twice.p);
	else
		hz_at_policy_bad(err, "policy", "is not strict JSON, or too large");
}

hz_attest_policy *
hz_attest_policy_parse(const char *json, size_t len, char *text, size_t textlen)
{
	struct hz_at_policy_err err = { text, textlen };
	struct hz_attest_policy *p = policy_new();
	struct json_object *root = hz_at_json_parse(json, len, HZ_AT_JSON_DEPTH);
	bool ok = false;

	if (textlen > 0)
		text[0] = '\0';
	if (p == NULL)
		hz_at_policy_bad(&err, "policy", "out of memory");
	else if (root == NULL)
		say_unreadable(&err, json, len);
	else if (!json_object_is_type(root, json_type_object))
		hz_at_policy_bad(&err, "policy", "must be an object");
	else
		ok = read_sections(&err, p, root) && hz_at_policy_read(&err, "policy", root, top_fields, p);
	if (ok && p->min_gpus > p->max_gpus)
		ok = hz_at_policy_bad(&err, "policy.min_gpus", "is larger than max_gpus");
	json_object_put(root);
	if (!ok) {
		hz_attest_policy_free(p);
		return NULL;
	}
	return p;
}

hz_attest_policy *
hz_attest_policy_reference(void)
{
	struct hz_attest_policy *p = policy_new();

	for (int i = 0; p != NULL && i < HZ_AT_N_FAMILIES; i++) {
		const struct hz_at_section *s = hz_at_families[i]->section;

		if (s == NULL || s->reference == NULL)
			continue;
		p->section[i] = calloc(1, s->size);
		if (p->section[i] == NULL) {
			hz_attest_policy_free(p);
			return NULL;
		}
		s->reference(p->section[i]);
	}
	return p;
}

void
hz_attest_policy_free(hz_attest_policy *p)
{
	if (p == NULL)
		return;
	for (int i = 0; i < HZ_AT_N_FAMILIES; i++) {
		if (p->section[i] != NULL)
			hz_at_policy_release(hz_at_families[i]->section->fields, p->section[i]);
		free(p->section[i]);
	}
	for (size_t i = 0; i < p->n_tenants; i++) {
		free(p->tenant[i].claim);
		free(p->tenant[i].value);
		free(p->tenant[i].tenant);
	}
	free(p->tenant);
	free(p);
}

const void *
hz_at_policy_section(const struct hz_attest_policy *p, const struct hz_at_section *s)
{
	for (int i = 0; i < HZ_AT_N_FAMILIES; i++)
		if (hz_at_families[i]->section == s)
			return p->section[i];
	return NULL;
}

bool
hz_at_policy_has_root(const struct hz_attest_policy *p, const char *family,
                      const uint8_t der[32], const uint8_t spki[32])
{
	for (size_t i = 0; family != NULL && i < p->n_roots; i++)
		if (strcmp(p->root[i].family, family) == 0 && memcmp(p->root[i].sha256, p->root[i].spki ? spki : der, 32) == 0)
			return true;
	return false;
}

bool
hz_attest_policy_simulated(const hz_attest_policy *p)
{
	return p->allow_simulated;
}

bool
hz_attest_policy_has_tenants(const hz_attest_policy *p)
{
	return p->n_tenants != 0;
}
