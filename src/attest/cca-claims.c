/* SPDX-License-Identifier: Apache-2.0 */
/* The claims of the platform token and of the realm token. */

#include "attest/cbor.h"
#include "attest/cca.h"

#include <stdio.h>

/* ---- reading by a table ---- */

enum shape { BYTES, TEXT };

struct claim {
	int64_t label;
	enum shape shape;
	bool required;
	size_t offset;                /* of a struct hz_at_bytes */
	size_t len1, len2, len3;      /* lengths that are allowed; 0: any that is not empty */
};

typedef bool other_fn(struct hz_reader *r, int64_t label, void *out, bool *known);

static bool
length_fits(const struct claim *c, size_t n)
{
	return c->len1 == 0 ? n > 0 && n <= 4096 : n == c->len1 || (c->len2 != 0 && n == c->len2) || (c->len3 != 0 && n == c->len3);
}

static bool
read_claim(struct hz_reader *r, const struct claim *c, void *out)
{
	struct hz_at_bytes *dst = (struct hz_at_bytes *)((char *)out + c->offset);

	if (dst->p != NULL)
		return false;
	if (!(c->shape == BYTES ? hz_cbor_bytes(r, dst) : hz_cbor_text(r, dst)))
		return false;
	return length_fits(c, dst->len);
}

/* A map of claims by number; what neither the table nor other() knows is passed over. */
static bool
read_map(struct hz_reader *r, const struct claim *table, size_t n, other_fn *other, void *out)
{
	uint64_t pairs;
	int64_t label;

	if (!hz_cbor_want(r, HZ_CBOR_MAP, &pairs) || pairs > 64)
		return false;
	for (uint64_t i = 0; i < pairs; i++) {
		size_t k = 0;
		bool known = true;

		if (!hz_cbor_int(r, &label))
			return false;
		while (k < n && table[k].label != label)
			k++;
		if (k < n ? !read_claim(r, &table[k], out) : other != NULL && !other(r, label, out, &known))
			return false;
		if (k == n && (other == NULL || !known) && !hz_cbor_skip(r))
			return false;
	}
	for (size_t k = 0; k < n; k++)
		if (table[k].required && ((struct hz_at_bytes *)((char *)out + table[k].offset))->p == NULL)
			return false;
	return hz_rd_ok(r);
}

/* ---- platform ---- */

#define C(member) offsetof(struct hz_cca_component, member)
static const struct claim component_claims[] = {
	{ 1, TEXT, false, C(type), 0, 0, 0 },
	{ 2, BYTES, true, C(measurement), 32, 48, 64 },
	{ 4, TEXT, false, C(version), 0, 0, 0 },
	{ 5, BYTES, true, C(signer), 32, 48, 64 },
};
#undef C

static bool
read_components(struct hz_reader *r, struct hz_cca_platform *out)
{
	uint64_t n;

	if (out->components != 0 || !hz_cbor_want(r, HZ_CBOR_ARRAY, &n) || n == 0 || n > HZ_CCA_MAX_COMPONENTS)
		return false;
	for (out->components = 0; out->components < n; out->components++)
		if (!read_map(r, component_claims, 4, NULL, &out->component[out->components]))
			return false;
	return true;
}

static bool
other_platform(struct hz_reader *r, int64_t label, void *dst, bool *known)
{
	struct hz_cca_platform *out = dst;

	*known = label == 2395 || label == 2399;
	if (label == 2395)
		return out->lifecycle < 0 && hz_cbor_int(r, &out->lifecycle) && out->lifecycle >= 0 && out->lifecycle <= 0xFFFF;
	return label != 2399 || read_components(r, out);
}

#define P(member) offsetof(struct hz_cca_platform, member)
static const struct claim platform_claims[] = {
	{ 265, TEXT, true, P(profile), 0, 0, 0 },
	{ 10, BYTES, true, P(nonce), 32, 48, 64 },
	{ 2396, BYTES, true, P(implementation_id), 32, 0, 0 },
	{ 256, BYTES, true, P(instance_id), 33, 0, 0 },
	{ 2401, BYTES, true, P(config), 0, 0, 0 },
	{ 2402, TEXT, true, P(hash), 0, 0, 0 },
	{ 2400, TEXT, false, P(service), 0, 0, 0 },
};
#undef P

static bool
text_is(struct hz_at_bytes t, const char *s)
{
	return t.p != NULL && t.len == strlen(s) && memcmp(t.p, s, t.len) == 0;
}

enum hz_attest_reason
hz_cca_platform_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_cca_platform *out)
{
	struct hz_reader r = hz_rd(in.p, in.len);

	memset(out, 0, sizeof *out);
	out->lifecycle = -1;
	if (!read_map(&r, platform_claims, sizeof platform_claims / sizeof *platform_claims, other_platform, out) || !hz_rd_end(&r) ||
	    out->lifecycle < 0 || out->components == 0 || out->instance_id.p[0] != 0x01)
		return hz_at_refuse(run, HZ_ATTEST_R_CBOR, "the platform claims are malformed or incomplete");
	if (!text_is(out->profile, "http://arm.com/CCA-SSD/1.0.0") && !text_is(out->profile, "tag:arm.com,2023:cca_platform#1.0.0"))
		return hz_at_refuse(run, HZ_ATTEST_R_VERSION, "the platform token has an unknown profile");
	return HZ_ATTEST_OK;
}

/* ---- realm ---- */

static bool
other_realm(struct hz_reader *r, int64_t label, void *dst, bool *known)
{
	struct hz_cca_realm *out = dst;
	uint64_t n;

	*known = label == 44239;
	if (!*known)
		return true;
	if (out->extensible[0].p != NULL || !hz_cbor_want(r, HZ_CBOR_ARRAY, &n) || n != HZ_CCA_REMS)
		return false;
	for (int i = 0; i < HZ_CCA_REMS; i++)
		if (!hz_cbor_bytes(r, &out->extensible[i]) ||
		    (out->extensible[i].len != 32 && out->extensible[i].len != 48 && out->extensible[i].len != 64))
			return false;
	return true;
}

#define R(member) offsetof(struct hz_cca_realm, member)
static const struct claim realm_claims[] = {
	{ 265, TEXT, false, R(profile), 0, 0, 0 },
	{ 10, BYTES, true, R(challenge), HZ_CCA_CHALLENGE_LEN, 0, 0 },
	{ 44235, BYTES, true, R(personalization), 64, 0, 0 },
	{ 44236, TEXT, true, R(hash), 0, 0, 0 },
	{ 44237, BYTES, true, R(key), 0, 0, 0 },
	{ 44238, BYTES, true, R(initial), 32, 48, 64 },
	{ 44240, TEXT, true, R(key_hash), 0, 0, 0 },
};
#undef R

enum hz_attest_reason
hz_cca_realm_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_cca_realm *out)
{
	struct hz_reader r = hz_rd(in.p, in.len);

	memset(out, 0, sizeof *out);
	if (!read_map(&r, realm_claims, sizeof realm_claims / sizeof *realm_claims, other_realm, out) || !hz_rd_end(&r) ||
	    out->extensible[0].p == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_CBOR, "the realm claims are malformed or incomplete");
	if (out->profile.p != NULL && !text_is(out->profile, "tag:arm.com,2023:realm#1.0.0"))
		return hz_at_refuse(run, HZ_ATTEST_R_VERSION, "the realm token has an unknown profile");
	return HZ_ATTEST_OK;
}

/* ---- showing ---- */

void
hz_cca_claims(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_cca_platform *p, const struct hz_cca_realm *r)
{
	char name[64];

	hz_at_claim_textn(run, item, "profile", p->profile.p, p->profile.len);
	hz_at_claim_hex(run, item, "implementation_id", p->implementation_id.p, p->implementation_id.len);
	hz_at_claim_hex(run, item, "instance_id", p->instance_id.p, p->instance_id.len);
	hz_at_claim_hex(run, item, "platform_config", p->config.p, p->config.len);
	hz_at_claim_u64(run, item, "lifecycle", (uint64_t)p->lifecycle);
	for (size_t i = 0; i < p->components; i++) {
		snprintf(name, sizeof name, "component.%zu.measurement", i);
		hz_at_claim_hex(run, item, name, p->component[i].measurement.p, p->component[i].measurement.len);
		snprintf(name, sizeof name, "component.%zu.signer", i);
		hz_at_claim_hex(run, item, name, p->component[i].signer.p, p->component[i].signer.len);
		snprintf(name, sizeof name, "component.%zu.type", i);
		if (p->component[i].type.p != NULL)
			hz_at_claim_textn(run, item, name, p->component[i].type.p, p->component[i].type.len);
	}
	hz_at_claim_hex(run, item, "challenge", r->challenge.p, r->challenge.len);
	hz_at_claim_hex(run, item, "personalization", r->personalization.p, r->personalization.len);
	hz_at_claim_hex(run, item, "initial_measurement", r->initial.p, r->initial.len);
	for (int i = 0; i < HZ_CCA_REMS; i++) {
		snprintf(name, sizeof name, "extensible%d", i);
		hz_at_claim_hex(run, item, name, r->extensible[i].p, r->extensible[i].len);
	}
}
