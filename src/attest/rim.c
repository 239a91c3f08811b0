/* SPDX-License-Identifier: Apache-2.0 */
/* What a reference manifest says: product, version, digests; and the comparison of a GPU's measurements with it. */

#include "attest/nvidia.h"
#include "attest/rim.h"

#include "base/hex.h"

#include <stdio.h>

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
			return hz_at_refuse(run, HZ_ATTEST_R_RIM, "measurement %u is not in the %s's manifest", i + 1, what);
	}
	return HZ_ATTEST_OK;
}

/* Which measurements the accepted manifest of the driver and that of the VBIOS cover. */
struct covered {
	bool driver[HZ_RIM_MAX_INDEX + 1], vbios[HZ_RIM_MAX_INDEX + 1];
};

static enum hz_attest_reason
check_file(struct hz_at_run *run, const struct hz_at_bytes *file, const struct hz_spdm_report *r, const struct hz_nv_info *info,
           const struct hz_nv_device *d, const char *version, const char *what, bool *ours, bool *covered)
{
	struct hz_rim rim;
	enum hz_attest_reason rc = HZ_ATTEST_OK;

	*ours = false;
	if (!hz_rim_read(*file, &rim)) {
		rc = hz_at_refuse(run, HZ_ATTEST_R_RIM, "a reference manifest cannot be read");
		goto out;
	}
	*ours = version[0] != '\0' && hz_xml_is(rim.version, version) && hz_xml_is(rim.product, d->chip);
	if (!*ours)
		goto out;
	rc = hz_rim_verify(run, &rim);
	if (rc == HZ_ATTEST_OK)
		rc = compare(run, &rim, r, info, what);
	for (unsigned i = 0; i <= HZ_RIM_MAX_INDEX; i++)
		covered[i] = rim.active[i] != NULL;
out:
	hz_rim_free(&rim);
	return rc;
}

/* Manifests do not name the board, so several may be of one version: one of them must match completely. */
static enum hz_attest_reason
check_version(struct hz_at_run *run, const struct hz_spdm_report *r, const struct hz_nv_info *info, const struct hz_nv_device *d,
              const char *version, const char *what, bool *found, bool *covered)
{
	enum hz_attest_reason rc = HZ_ATTEST_OK;

	*found = false;
	for (size_t i = 0; i < run->in->n_coll; i++) {
		bool ours;
		enum hz_attest_reason one;

		if (run->in->coll[i].kind != HZ_ATTEST_COLL_RIM)
			continue;
		one = check_file(run, &run->in->coll[i].data, r, info, d, version, what, &ours, covered);
		if (!ours && one != HZ_ATTEST_OK)
			return one;
		if (!ours)
			continue;
		*found = true;
		if (one == HZ_ATTEST_OK)
			return one;
		rc = one;
	}
	return rc;
}

enum hz_attest_reason
hz_nv_rim_check(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_spdm_report *r,
                const struct hz_nv_info *info, const struct hz_nv_device *d, bool needed)
{
	struct covered c = { { false }, { false } };
	bool driver, vbios;
	enum hz_attest_reason rc = check_version(run, r, info, d, info->driver, "driver", &driver, c.driver);

	if (rc == HZ_ATTEST_OK)
		rc = check_version(run, r, info, d, info->vbios, "VBIOS", &vbios, c.vbios);
	if (rc != HZ_ATTEST_OK)
		return rc;
	hz_at_claim_text(run, item, "rim_driver", driver ? "matched" : "not compared");
	hz_at_claim_text(run, item, "rim_vbios", vbios ? "matched" : "not compared");
	for (unsigned i = 0; i <= HZ_RIM_MAX_INDEX; i++)
		if (driver && vbios && c.driver[i] && c.vbios[i])
			return hz_at_refuse(run, HZ_ATTEST_R_RIM, "both manifests claim measurement %u", i + 1);
	if (needed && !driver)
		return hz_at_refuse(run, HZ_ATTEST_R_RIM, "no reference manifest of driver %s for %s was given", info->driver, d->chip);
	if (needed && !vbios)
		return hz_at_refuse(run, HZ_ATTEST_R_RIM, "no reference manifest of VBIOS %s for %s was given", info->vbios, d->chip);
	return HZ_ATTEST_OK;
}
