/* SPDX-License-Identifier: Apache-2.0 */
/* What a reference manifest says: product, version, digests; and the comparison of a GPU's measurements with it. */

#include "attest/nvidia.h"
#include "attest/rim.h"

#include "base/hex.h"

#include <stdio.h>
#include <stdlib.h>

#define SWID "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define HASH "http://www.w3.org/2001/04/xmlenc#sha384"

#define MAX_ALTERNATIVES 64
#define NVDEC_INDEX 35 /* the video decoder's: not measured where it is off */

/* ---- reading ---- */

/* A decimal number up to max, or -1. */
static int
small_number(struct hz_xml_span s, int max)
{
	int v = 0;

	if (s.p == NULL || s.len == 0 || s.len > 4)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	return v <= max ? v : -1;
}

static bool
alternative(const struct hz_rim *rim, const struct hz_xml_node *resource, int i, uint8_t out[HZ_RIM_HASH_LEN])
{
	char name[16];
	struct hz_xml_span s;

	snprintf(name, sizeof name, "Hash%d", i);
	s = hz_xml_attribute(&rim->doc, resource, HASH, name);
	return s.p != NULL && hz_hex_decode(s.p, s.len, out, HZ_RIM_HASH_LEN);
}

static int
alternatives(const struct hz_rim *rim, const struct hz_xml_node *resource)
{
	return small_number(hz_xml_attribute(&rim->doc, resource, "", "alternatives"), MAX_ALTERNATIVES);
}

/* Each hash must be well-formed, and there must be none besides: a digest in a form not understood is not left out silently. */
static bool
well_formed(const struct hz_rim *rim, const struct hz_xml_node *resource)
{
	int n = alternatives(rim, resource), named = 0;
	uint8_t digest[HZ_RIM_HASH_LEN];

	for (size_t i = 0; i < resource->attributes; i++) {
		const struct hz_xml_attribute *a = &rim->doc.attribute[resource->first_attribute + i];

		named += !a->is_namespace && a->uri.len > 0;
	}
	if (n < 1 || named != n || small_number(hz_xml_attribute(&rim->doc, resource, "", "size"), 48) != HZ_RIM_HASH_LEN)
		return false;
	for (int i = 0; i < n; i++)
		if (!alternative(rim, resource, i, digest))
			return false;
	return true;
}

static bool
read_resource(struct hz_rim *rim, const struct hz_xml_node *n)
{
	int i = small_number(hz_xml_attribute(&rim->doc, n, "", "index"), HZ_RIM_MAX_INDEX);
	struct hz_xml_span active = hz_xml_attribute(&rim->doc, n, "", "active");

	if (!hz_xml_is(hz_xml_attribute(&rim->doc, n, "", "type"), "Measurement") || i < 0)
		return false;
	if (hz_xml_is(active, "False"))
		return true;
	if (!hz_xml_is(active, "True") || rim->active[i] != NULL || !well_formed(rim, n))
		return false;
	rim->active[i] = n;
	return true;
}

static bool
read_payload(struct hz_rim *rim, const struct hz_xml_node *payload)
{
	for (const struct hz_xml_node *n = payload->child; n != NULL; n = n->next)
		if (n->local.len > 0 && (!hz_xml_named(n, SWID, "Resource") || !read_resource(rim, n)))
			return false;
	return true;
}

/* The children of the root, each of which may be there once. */
static bool
read_root(struct hz_rim *rim, const struct hz_xml_node *root)
{
	const struct hz_xml_node *meta = NULL, *payload = NULL;

	for (const struct hz_xml_node *n = root->child; n != NULL; n = n->next) {
		const struct hz_xml_node **slot = hz_xml_named(n, SWID, "Meta")      ? &meta
		                                  : hz_xml_named(n, SWID, "Payload") ? &payload
		                                  : hz_xml_named(n, DSIG, "Signature") ? &rim->signature
		                                                                       : NULL;

		if (slot != NULL && *slot != NULL)
			return false;
		if (slot != NULL)
			*slot = n;
	}
	if (meta == NULL || payload == NULL || rim->signature == NULL)
		return false;
	rim->version = hz_xml_attribute(&rim->doc, meta, "", "colloquialVersion");
	rim->product = hz_xml_attribute(&rim->doc, meta, "", "product");
	return rim->version.p != NULL && rim->product.p != NULL &&
	       hz_xml_is(hz_xml_attribute(&rim->doc, meta, "", "edition"), "GPU") && read_payload(rim, payload);
}

bool
hz_rim_read(struct hz_at_bytes in, struct hz_rim *out)
{
	memset(out, 0, sizeof *out);
	return hz_xml_read(in, &out->doc) && hz_xml_named(&out->doc.node[0], SWID, "SoftwareIdentity") &&
	       read_root(out, &out->doc.node[0]);
}

void
hz_rim_free(struct hz_rim *rim)
{
	hz_xml_free(&rim->doc);
}

bool
hz_rim_allows(const struct hz_rim *rim, unsigned i, const uint8_t digest[HZ_RIM_HASH_LEN])
{
	const struct hz_xml_node *resource = i <= HZ_RIM_MAX_INDEX ? rim->active[i] : NULL;
	int n = resource != NULL ? alternatives(rim, resource) : 0;
	uint8_t want[HZ_RIM_HASH_LEN];

	for (int k = 0; k < n; k++)
		if (alternative(rim, resource, k, want) && hz_at_equal(want, digest, HZ_RIM_HASH_LEN))
			return true;
	return false;
}

/* ---- comparing ---- */

static enum hz_attest_reason
compare(struct hz_at_run *run, const struct hz_rim *rim, const struct hz_spdm_report *r, const struct hz_nv_info *info,
        const char *what)
{
	for (unsigned i = 0; i <= HZ_RIM_MAX_INDEX; i++) {
		if (rim->active[i] == NULL || (i == NVDEC_INDEX && info->nvdec0 == 0))
			continue;
		if (r->value[i + 1] == NULL || !hz_rim_allows(rim, i, r->value[i + 1]))
			return hz_at_refuse(run, HZ_ATTEST_R_RIM, "measurement %u is not in the manifest of the %s", i + 1, what);
	}
	return HZ_ATTEST_OK;
}

/* The manifest of the driver, or that of the VBIOS: whether one was given, and which measurements the accepted one covers. */
struct target {
	const char *what, *version;
	bool given, accepted;
	enum hz_attest_reason failed;
	bool covers[HZ_RIM_MAX_INDEX + 1];
};

struct comparison {
	const struct hz_spdm_report *report;
	const struct hz_nv_info *info;
	const struct hz_nv_device *device;
	struct target target[2];
};

/* The manifests among the collateral of a run, each read and verified once however many GPUs there are. */
struct hz_rim_cache {
	struct {
		bool read, readable, verified;
		enum hz_attest_reason verdict;
		struct hz_rim rim;
	} file[HZ_AT_MAX_FILES];
};

static const struct hz_rim *
read_once(struct hz_at_run *run, size_t i)
{
	if (!run->rims->file[i].read)
		run->rims->file[i].readable = hz_rim_read(run->in->coll[i].data, &run->rims->file[i].rim);
	run->rims->file[i].read = true;
	return run->rims->file[i].readable ? &run->rims->file[i].rim : NULL;
}

static enum hz_attest_reason
verify_once(struct hz_at_run *run, size_t i)
{
	enum hz_attest_reason *verdict = &run->rims->file[i].verdict;

	if (run->rims->file[i].verified)
		return *verdict == HZ_ATTEST_OK ? HZ_ATTEST_OK : hz_at_refuse(run, *verdict, "a manifest was refused for another GPU");
	run->rims->file[i].verified = true;
	*verdict = hz_rim_verify(run, &run->rims->file[i].rim);
	return *verdict;
}

void
hz_rim_cache_free(struct hz_rim_cache *cache)
{
	for (size_t i = 0; cache != NULL && i < HZ_AT_MAX_FILES; i++)
		hz_rim_free(&cache->file[i].rim);
	free(cache);
}

/* Manifests do not name the board, so several may be of one version: one of them must match completely. */
static void
check_target(struct hz_at_run *run, size_t i, const struct hz_rim *rim, const struct comparison *c, struct target *t)
{
	t->given = true;
	if (t->accepted)
		return;
	t->failed = verify_once(run, i);
	if (t->failed == HZ_ATTEST_OK)
		t->failed = compare(run, rim, c->report, c->info, t->what);
	t->accepted = t->failed == HZ_ATTEST_OK;
	for (unsigned k = 0; k <= HZ_RIM_MAX_INDEX; k++)
		t->covers[k] = rim->active[k] != NULL;
}

static enum hz_attest_reason
check_file(struct hz_at_run *run, size_t i, struct comparison *c)
{
	const struct hz_rim *rim = read_once(run, i);

	if (rim == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_RIM, "a reference manifest cannot be read");
	for (struct target *t = c->target; t < c->target + 2; t++)
		if (t->version[0] != '\0' && hz_xml_is(rim->version, t->version) && hz_xml_is(rim->product, c->device->chip))
			check_target(run, i, rim, c, t);
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
judge(struct hz_at_run *run, const struct hz_at_item *item, const struct comparison *c, bool needed)
{
	const struct target *driver = &c->target[0], *vbios = &c->target[1];

	hz_at_claim_text(run, item, "rim_driver", driver->accepted ? "matched" : driver->given ? "not matched" : "not compared");
	hz_at_claim_text(run, item, "rim_vbios", vbios->accepted ? "matched" : vbios->given ? "not matched" : "not compared");
	for (int i = 0; i < 2; i++) {
		if (c->target[i].given && !c->target[i].accepted)
			return c->target[i].failed;
		if (needed && !c->target[i].given)
			return hz_at_refuse(run, HZ_ATTEST_R_RIM, "no reference manifest of %s %s for %s was given", c->target[i].what,
			                    c->target[i].version, c->device->chip);
	}
	for (unsigned i = 0; i <= HZ_RIM_MAX_INDEX; i++)
		if (driver->covers[i] && vbios->covers[i])
			return hz_at_refuse(run, HZ_ATTEST_R_RIM, "both manifests claim measurement %u", i + 1);
	return HZ_ATTEST_OK;
}

enum hz_attest_reason
hz_nv_rim_check(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_spdm_report *r,
                const struct hz_nv_info *info, const struct hz_nv_device *d, bool needed)
{
	struct comparison c = { .report = r, .info = info, .device = d,
		                .target = { { .what = "driver", .version = info->driver }, { .what = "VBIOS", .version = info->vbios } } };
	enum hz_attest_reason rc = HZ_ATTEST_OK;

	if (run->rims == NULL)
		run->rims = calloc(1, sizeof *run->rims);
	if (run->rims == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "out of memory");
	for (size_t i = 0; rc == HZ_ATTEST_OK && i < run->in->n_coll; i++)
		if (run->in->coll[i].kind == HZ_ATTEST_COLL_RIM)
			rc = check_file(run, i, &c);
	return rc == HZ_ATTEST_OK ? judge(run, item, &c, needed) : rc;
}
