/* SPDX-License-Identifier: Apache-2.0 */
/* Keyspaces: labels taken apart, and what follows from them for a new key. */
#include "ck/keyspace.h"

#include <string.h>

#include "base/error.h"
#include "hanzo-pkcs11.h"

enum { MAX_PART = 64 };

static const CK_MECHANISM_TYPE model_mechs[] = { CKM_HANZO_MODEL_WEIGHTS };
static const CK_MECHANISM_TYPE poai_mechs[] = { CKM_HANZO_POAI };
static const CK_MECHANISM_TYPE hmm_mechs[] = { CKM_HANZO_HMM_SETTLEMENT };
static const CK_MECHANISM_TYPE ecies_mechs[] = { CKM_HANZO_ECIES, CKM_HANZO_ECIES_DELEGATE, CKM_HANZO_ECIES_PARTIAL,
						 CKM_HANZO_SHAMIR_SHARE, CKM_HANZO_SHARE_REFRESH };
static const CK_MECHANISM_TYPE data_mechs[] = { CKM_AES_GCM,	  CKM_AES_CCM,		CKM_CHACHA20_POLY1305,
						CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP, CKM_HANZO_KMS_BLOB };

#define MECHS(list) list, sizeof list / sizeof list[0]

static const struct {
	const char *name;
	const CK_MECHANISM_TYPE *mechs;
	size_t n;
} purposes[] = {
	[HZ_PURPOSE_MODEL] = { "model", MECHS(model_mechs) },
	[HZ_PURPOSE_POAI] = { "poai", MECHS(poai_mechs) },
	[HZ_PURPOSE_HMM] = { "hmm", MECHS(hmm_mechs) },
	[HZ_PURPOSE_ECIES] = { "ecies", MECHS(ecies_mechs) },
	[HZ_PURPOSE_DATA] = { "data", MECHS(data_mechs) },
};
enum { PURPOSES = sizeof purposes / sizeof purposes[0] };

static bool part_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool good_part(const char *s, size_t n)
{
	if (n == 0 || n > MAX_PART)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!part_char(s[i]))
			return false;
	return true;
}

static bool find_purpose(const char *s, size_t n, enum hz_purpose *out)
{
	for (unsigned i = 0; i < PURPOSES; i++)
		if (strlen(purposes[i].name) == n && memcmp(purposes[i].name, s, n) == 0) {
			*out = (enum hz_purpose)i;
			return true;
		}
	return false;
}

bool hz_keyspace_parse(const char *text, size_t len, char separator, struct hz_keyspace *out)
{
	const char *first = len != 0 ? memchr(text, separator, len) : NULL, *second;
	size_t left;

	if (first == NULL || !find_purpose(text, (size_t)(first - text), &out->purpose))
		return false;
	out->tenant = first + 1;
	left = len - (size_t)(out->tenant - text);
	second = left != 0 ? memchr(out->tenant, separator, left) : NULL;
	if (second == NULL)
		return false;
	out->tenant_len = (size_t)(second - out->tenant);
	out->name = second + 1;
	out->name_len = len - (size_t)(out->name - text);
	return good_part(out->tenant, out->tenant_len) && good_part(out->name, out->name_len);
}

bool hz_keyspace_of(const struct hz_attrs *key, struct hz_keyspace *out)
{
	const struct hz_attr *at = hz_attrs_find(key, CKA_HANZO_KEYSPACE);

	return at != NULL && hz_keyspace_parse(at->value, at->len, ':', out);
}

static bool is_key(const struct hz_attrs *a)
{
	CK_OBJECT_CLASS c = hz_attrs_ulong(a, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);

	return c == CKO_PUBLIC_KEY || c == CKO_PRIVATE_KEY || c == CKO_SECRET_KEY;
}

/* Set the attribute, or find it equal already. */
static CK_RV fix(struct hz_attrs *set, CK_ATTRIBUTE_TYPE type, const void *value, size_t len, const char *what)
{
	const struct hz_attr *have = hz_attrs_find(set, type);

	if (have == NULL || have->len == 0)
		return hz_attrs_set(set, type, value, len, false);
	if (have->len != len || memcmp(have->value, value, len) != 0)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "the template's %s is not that of the keyspace", what);
	return CKR_OK;
}

static bool listed(enum hz_purpose p, CK_MECHANISM_TYPE m)
{
	for (size_t i = 0; i < purposes[p].n; i++)
		if (purposes[p].mechs[i] == m)
			return true;
	return false;
}

/* The purpose's mechanisms, or those of them that the template chose. */
static CK_RV fix_mechanisms(struct hz_attrs *set, enum hz_purpose p)
{
	const struct hz_attr *have = hz_attrs_find(set, CKA_ALLOWED_MECHANISMS);
	CK_MECHANISM_TYPE m;

	if (have == NULL)
		return hz_attrs_set(set, CKA_ALLOWED_MECHANISMS, purposes[p].mechs, purposes[p].n * sizeof m, false);
	if (have->len == 0)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "the template leaves the keyspace's key no mechanism");
	for (size_t at = 0; at + sizeof m <= have->len; at += sizeof m) {
		memcpy(&m, (const uint8_t *)have->value + at, sizeof m);
		if (!listed(p, m))
			return hz_fail(CKR_TEMPLATE_INCONSISTENT, "a %s key does nothing but its purpose", purposes[p].name);
	}
	return CKR_OK;
}

/* The keyspace that the new key asks for, from its label or its own attribute. */
static CK_RV wanted(const struct hz_attrs *set, char separator, struct hz_keyspace *ks, bool *any)
{
	const struct hz_attr *label = hz_attrs_find(set, CKA_LABEL), *given = hz_attrs_find(set, CKA_HANZO_KEYSPACE);

	*any = label != NULL && hz_keyspace_parse(label->value, label->len, separator, ks);
	if (*any || given == NULL || given->len == 0)
		return CKR_OK;
	*any = hz_keyspace_of(set, ks);
	return *any ? CKR_OK : hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "CKA_HANZO_KEYSPACE is not purpose:tenant:name");
}

CK_RV hz_keyspace_apply(struct hz_attrs *set, char separator)
{
	struct hz_keyspace ks;
	struct hz_buf text = HZ_BUF_INIT, tenant = HZ_BUF_INIT;
	bool any = false;
	CK_RV rv = is_key(set) ? wanted(set, separator, &ks, &any) : CKR_OK;

	if (rv != CKR_OK || !any)
		return rv;
	hz_buf_add(&tenant, ks.tenant, ks.tenant_len); /* the parts point into attributes that are about to change */
	hz_buf_str(&text, purposes[ks.purpose].name);
	hz_buf_u8(&text, ':');
	hz_buf_add(&text, ks.tenant, ks.tenant_len);
	hz_buf_u8(&text, ':');
	hz_buf_add(&text, ks.name, ks.name_len);
	if (text.failed || tenant.failed)
		rv = hz_fail(CKR_HOST_MEMORY, "out of memory");
	if (rv == CKR_OK)
		rv = fix(set, CKA_HANZO_KEYSPACE, text.p, text.len, "CKA_HANZO_KEYSPACE");
	if (rv == CKR_OK)
		rv = fix(set, CKA_HANZO_TENANT, tenant.p, tenant.len, "CKA_HANZO_TENANT");
	if (rv == CKR_OK)
		rv = fix_mechanisms(set, ks.purpose);
	hz_buf_free(&text);
	hz_buf_free(&tenant);
	return rv;
}
