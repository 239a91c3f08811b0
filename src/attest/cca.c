/* SPDX-License-Identifier: Apache-2.0 */
/* Arm CCA tokens: the platform vouches for the realm's key, the realm's key for the realm. */

#include "attest/cbor.h"
#include "attest/cca.h"
#include "attest/spki.h"

#include "base/hex.h"

#define TAG_CCA_TOKEN 399
#define PLATFORM_TOKEN 44234
#define REALM_TOKEN 44241
#define MAX_HEX 128
#define MAX_KEY_TEXT 256 /* base64url of a SubjectPublicKeyInfo */

/* ---- policy ---- */

struct hz_cca_policy {
	struct hz_at_textlist initial, extensible[HZ_CCA_REMS], components, keys;
	struct hz_at_hexlist personalization, implementation_id, instance_id, cpak;
	bool allow_unsecured;
};

#define AT(member) offsetof(struct hz_cca_policy, member)
static const struct hz_at_field fields[] = {
	{ "initial_measurement", HZ_AT_F_TEXT, AT(initial), MAX_HEX, true, NULL, NULL, NULL },
	{ "cpak", HZ_AT_F_HEX, AT(cpak), 32, false, NULL, NULL, NULL },
	{ "cpak_key", HZ_AT_F_TEXT, AT(keys), MAX_KEY_TEXT, false, NULL, NULL, NULL },
	{ "extensible0", HZ_AT_F_TEXT, AT(extensible[0]), MAX_HEX, false, NULL, NULL, NULL },
	{ "extensible1", HZ_AT_F_TEXT, AT(extensible[1]), MAX_HEX, false, NULL, NULL, NULL },
	{ "extensible2", HZ_AT_F_TEXT, AT(extensible[2]), MAX_HEX, false, NULL, NULL, NULL },
	{ "extensible3", HZ_AT_F_TEXT, AT(extensible[3]), MAX_HEX, false, NULL, NULL, NULL },
	{ "component_measurement", HZ_AT_F_TEXT, AT(components), MAX_HEX, false, NULL, NULL, NULL },
	{ "personalization", HZ_AT_F_HEX, AT(personalization), 64, false, NULL, NULL, NULL },
	{ "implementation_id", HZ_AT_F_HEX, AT(implementation_id), 32, false, NULL, NULL, NULL },
	{ "instance_id", HZ_AT_F_HEX, AT(instance_id), 33, false, NULL, NULL, NULL },
	{ "allow_unsecured", HZ_AT_F_BOOL, AT(allow_unsecured), 0, false, NULL, NULL, NULL },
	{ NULL, HZ_AT_F_BOOL, 0, 0, false, NULL, NULL, NULL }
};
#undef AT

static void
reference(void *section)
{
	struct hz_cca_policy *p = section;

	p->initial.any = true;
	p->cpak.any = true;
}

const struct hz_at_section hz_cca_section = { "cca", sizeof(struct hz_cca_policy), fields, NULL, reference };

/* Measurements have the length of the realm's hash, so the policy has them as text: lower-case hexadecimal. */
static bool
text_allows(const struct hz_at_textlist *l, struct hz_at_bytes v)
{
	char hex[MAX_HEX + 1];

	if (!hz_at_textlist_given(l))
		return true;
	if (v.len > MAX_HEX / 2)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		hex[2 * i] = "0123456789abcdef"[v.p[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[v.p[i] & 15];
	}
	hex[2 * v.len] = '\0';
	return hz_at_textlist_allows(l, hex);
}

static bool
hex_allows(const struct hz_at_hexlist *l, struct hz_at_bytes v)
{
	return !hz_at_hexlist_given(l) || hz_at_hexlist_allows(l, v.p, v.len);
}

static enum hz_attest_reason
check_realm(struct hz_at_run *run, const struct hz_cca_realm *r, const struct hz_cca_policy *policy)
{
	if (!text_allows(&policy->initial, r->initial))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MEASUREMENT, "the initial measurement is not in the policy");
	for (int i = 0; i < HZ_CCA_REMS; i++)
		if (!text_allows(&policy->extensible[i], r->extensible[i]))
			return hz_at_refuse(run, HZ_ATTEST_R_POLICY_RTMR, "extensible measurement %d is not in the policy", i);
	if (!hex_allows(&policy->personalization, r->personalization))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_HOST_DATA, "the personalization value is not in the policy");
	return HZ_ATTEST_OK;
}

enum hz_attest_reason
hz_cca_policy_check(struct hz_at_run *run, const struct hz_cca_platform *p, const struct hz_cca_realm *r,
                    const uint8_t cpak_sha256[32], const struct hz_cca_policy *policy)
{
	/* 0x3000 to 0x30ff: secured. */
	if (p->lifecycle >> 8 != 0x30 && !policy->allow_unsecured)
		return hz_at_refuse(run, HZ_ATTEST_R_LIFECYCLE, "the platform's lifecycle is 0x%x", (unsigned)p->lifecycle);
	if (cpak_sha256 != NULL && !hz_at_hexlist_allows(&policy->cpak, cpak_sha256, 32))
		return hz_at_refuse(run, HZ_ATTEST_R_AK, "the platform's key is not in the policy");
	if (!hex_allows(&policy->implementation_id, p->implementation_id) || !hex_allows(&policy->instance_id, p->instance_id))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_DEVICE, "the platform is not in the policy");
	for (size_t i = 0; i < p->components; i++)
		if (!text_allows(&policy->components, p->component[i].measurement))
			return hz_at_refuse(run, HZ_ATTEST_R_POLICY_FIRMWARE, "component %zu of the platform is not in the policy", i);
	return check_realm(run, r, policy);
}

/* ---- token ---- */

struct token {
	struct hz_cose platform, realm;
};

static enum hz_attest_reason
read_token(struct hz_at_run *run, struct hz_at_bytes in, struct token *out)
{
	struct hz_reader r = hz_rd(in.p, in.len);
	struct hz_at_bytes platform = { NULL, 0 }, realm = { NULL, 0 };
	uint64_t v;
	int64_t label;
	enum hz_attest_reason rc;

	if (!hz_cbor_want(&r, HZ_CBOR_TAG, &v))
		return hz_at_refuse(run, HZ_ATTEST_R_CBOR, "not a CBOR tag");
	if (v != TAG_CCA_TOKEN)
		return hz_at_refuse(run, HZ_ATTEST_R_TAG, "CBOR tag %u is not a CCA token", (unsigned)v);
	if (!hz_cbor_want(&r, HZ_CBOR_MAP, &v) || v != 2)
		return hz_at_refuse(run, HZ_ATTEST_R_CBOR, "the token is not a pair of tokens");
	for (int i = 0; i < 2; i++) {
		struct hz_at_bytes *dst;

		dst = !hz_cbor_int(&r, &label) ? NULL : label == PLATFORM_TOKEN ? &platform : label == REALM_TOKEN ? &realm : NULL;
		if (dst == NULL || dst->p != NULL || !hz_cbor_bytes(&r, dst))
			return hz_at_refuse(run, HZ_ATTEST_R_CBOR, "the token is not a platform token and a realm token");
	}
	if (!hz_rd_end(&r))
		return hz_at_refuse(run, HZ_ATTEST_R_TRAILING, "bytes follow the token");
	rc = hz_cose_read(run, platform, &out->platform);
	return rc == HZ_ATTEST_OK ? hz_cose_read(run, realm, &out->realm) : rc;
}

static const char *
hash_name(struct hz_at_bytes t, size_t *len)
{
	static const struct {
		const char *name, *md;
		size_t len;
	} hashes[] = { { "sha-256", "SHA256", 32 }, { "sha-384", "SHA384", 48 }, { "sha-512", "SHA512", 64 } };

	for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
		if (t.len == strlen(hashes[i].name) && memcmp(t.p, hashes[i].name, t.len) == 0) {
			*len = hashes[i].len;
			return hashes[i].md;
		}
	return NULL;
}

/* The platform's nonce is the hash of the realm's key, as the bytes of the claim stand. */
static enum hz_attest_reason
check_binding(struct hz_at_run *run, const struct hz_cca_platform *p, const struct hz_cca_realm *r)
{
	uint8_t digest[64];
	size_t n = 0;
	const char *md = hash_name(r->key_hash, &n);

	if (md == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_RAK, "the realm's key is hashed with an unknown algorithm");
	if (!hz_at_digest(run, md, &r->key, 1, digest))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "a digest failed");
	if (p->nonce.len != n || !hz_at_equal(p->nonce.p, digest, n))
		return hz_at_refuse(run, HZ_ATTEST_R_BINDING, "the platform does not vouch for the realm's key");
	return HZ_ATTEST_OK;
}

/* One of the policy's keys that the platform token is signed with, or the last that can be read, or NULL. */
static EVP_PKEY *
policy_key(struct hz_at_run *run, const struct token *t, const struct hz_cca_policy *policy)
{
	EVP_PKEY *key = NULL;

	for (size_t i = 0; i < policy->keys.n; i++) {
		uint8_t der[MAX_KEY_TEXT];
		size_t n = sizeof der;

		if (!hz_b64url_decode(policy->keys.text[i], strlen(policy->keys.text[i]), der, &n))
			continue;
		EVP_PKEY_free(key);
		key = hz_at_spki_read(run, (struct hz_at_bytes){ der, n });
		if (key != NULL && hz_cose_verify(run, &t->platform, key, "platform token") == HZ_ATTEST_OK)
			break;
	}
	return key;
}

static enum hz_attest_reason
check_signatures(struct hz_at_run *run, const struct token *t, const struct hz_cca_realm *r, EVP_PKEY *cpak)
{
	enum hz_attest_reason rc = hz_cose_verify(run, &t->platform, cpak, "platform token");
	EVP_PKEY *rak;

	if (rc != HZ_ATTEST_OK)
		return rc;
	rak = hz_cca_realm_key(run, r->key);
	rc = rak == NULL ? hz_at_refuse(run, HZ_ATTEST_R_RAK, "the realm's key cannot be read")
	                 : hz_cose_verify(run, &t->realm, rak, "realm token");
	EVP_PKEY_free(rak);
	return rc;
}

static enum hz_attest_reason
check_token(struct hz_at_run *run, const struct hz_at_item *item, const struct token *t, const struct hz_cca_policy *policy)
{
	struct hz_at_bytes part = hz_at_item_part(item, "cpak");
	struct hz_cca_platform p;
	struct hz_cca_realm r;
	uint8_t digest[32];
	EVP_PKEY *cpak;
	enum hz_attest_reason rc = hz_cca_platform_read(run, t->platform.payload, &p);

	if (rc == HZ_ATTEST_OK)
		rc = hz_cca_realm_read(run, t->realm.payload, &r);
	if (rc != HZ_ATTEST_OK)
		return rc;
	hz_cca_claims(run, item, &p, &r);
	cpak = part.p != NULL ? hz_at_spki_read(run, part) : policy_key(run, t, policy);
	if (cpak == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_MISSING, "the platform's key was not given, or cannot be read");
	if (hz_at_spki_digest(run, cpak, digest))
		hz_at_claim_hex(run, item, "cpak_sha256", digest, sizeof digest);
	else
		rc = hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "a digest failed");
	if (rc == HZ_ATTEST_OK)
		rc = check_signatures(run, t, &r, cpak);
	EVP_PKEY_free(cpak);
	if (rc == HZ_ATTEST_OK)
		rc = check_binding(run, &p, &r);
	if (rc == HZ_ATTEST_OK && item->report_data.p != NULL &&
	    (item->report_data.len != r.challenge.len || !hz_at_equal(item->report_data.p, r.challenge.p, r.challenge.len)))
		rc = hz_at_refuse(run, HZ_ATTEST_R_CHALLENGE, "the realm answers another challenge");
	return rc == HZ_ATTEST_OK ? hz_cca_policy_check(run, &p, &r, part.p != NULL ? digest : NULL, policy) : rc;
}

static enum hz_attest_reason
verify(struct hz_at_run *run, struct hz_at_item *item)
{
	struct token t;
	enum hz_attest_reason rc = read_token(run, item->evidence, &t);

	return rc == HZ_ATTEST_OK ? check_token(run, item, &t, hz_at_policy_section(run->policy, &hz_cca_section)) : rc;
}

static const char *const parts[] = { "cpak", NULL };

const struct hz_at_family hz_at_cca = { HZ_ATTEST_KIND_CCA, verify, &hz_cca_section, parts };
