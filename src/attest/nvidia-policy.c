/* SPDX-License-Identifier: Apache-2.0 */
/* The policy section "nvidia": what a genuine GPU must report to be acceptable. */

#include "attest/nvidia.h"

#include <stdio.h>
#include <stdlib.h>

enum measured { MEASURED_ANY, MEASURED_RIM, MEASURED_LIST };

struct measurements {
	enum measured how;
	struct hz_at_indexed index;
};

#define VERSION_PARTS 6

/* Numbers of a dotted version; parts that are not there count as zero. */
struct version {
	unsigned part[VERSION_PARTS];
};

struct hz_nv_policy {
	struct measurements measurements;
	struct hz_at_textlist driver, vbios, project, project_sku, chip_sku, chip, mode, device_serial;
	struct version min_driver, min_vbios;
	bool has_min_driver, has_min_vbios;
	bool allow_missing_fwid, crl_required;
};

/* ---- reading ---- */

static bool
read_measurements(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	struct measurements *m = dst;

	if (json_object_is_type(v, json_type_string)) {
		m->how = strcmp(json_object_get_string(v), "rim") == 0 ? MEASURED_RIM : MEASURED_ANY;
		return m->how == MEASURED_RIM || strcmp(json_object_get_string(v), "any") == 0 ||
		       hz_at_policy_bad(err, name, "must be \"rim\", \"any\" or an object of measurements by index");
	}
	m->how = MEASURED_LIST;
	m->index.first = 1;
	m->index.last = HZ_SPDM_MAX_INDEX;
	return hz_at_policy_indexed(err, name, v, HZ_SPDM_HASH_LEN, &m->index);
}

static void
release_measurements(void *dst)
{
	hz_at_indexed_release(&((struct measurements *)dst)->index);
}

/* Dotted numbers to a base; digits of a part at most 6. */
static bool
parse_version(const char *s, unsigned base, struct version *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < VERSION_PARTS; i++) {
		size_t n = strspn(s, base == 16 ? "0123456789abcdefABCDEF" : "0123456789");

		if (n == 0 || n > 6)
			return false;
		out->part[i] = (unsigned)strtoul(s, NULL, (int)base);
		s += n;
		if (*s == '\0')
			return true;
		if (*s++ != '.')
			return false;
	}
	return false;
}

static bool
version_below(const struct version *a, const struct version *b)
{
	for (unsigned i = 0; i < VERSION_PARTS; i++)
		if (a->part[i] != b->part[i])
			return a->part[i] < b->part[i];
	return false;
}

static bool
read_min_driver(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	struct hz_nv_policy *p = dst;

	p->has_min_driver = json_object_is_type(v, json_type_string) &&
	                    parse_version(json_object_get_string(v), 10, &p->min_driver);
	return p->has_min_driver || hz_at_policy_bad(err, name, "must be a version such as \"550.90.07\"");
}

static bool
read_min_vbios(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	struct hz_nv_policy *p = dst;

	p->has_min_vbios = json_object_is_type(v, json_type_string) &&
	                   parse_version(json_object_get_string(v), 16, &p->min_vbios);
	return p->has_min_vbios || hz_at_policy_bad(err, name, "must be a version such as \"96.00.9F.00.01\"");
}

#define AT(member) offsetof(struct hz_nv_policy, member)

static const struct hz_at_field fields[] = {
	{ "measurements", HZ_AT_F_CUSTOM, AT(measurements), 0, true, NULL, read_measurements, release_measurements },
	{ "driver", HZ_AT_F_TEXT, AT(driver), 31, false, NULL, NULL, NULL },
	{ "min_driver", HZ_AT_F_CUSTOM, 0, 0, false, NULL, read_min_driver, NULL },
	{ "vbios", HZ_AT_F_TEXT, AT(vbios), 23, false, NULL, NULL, NULL },
	{ "min_vbios", HZ_AT_F_CUSTOM, 0, 0, false, NULL, read_min_vbios, NULL },
	{ "project", HZ_AT_F_TEXT, AT(project), 15, false, NULL, NULL, NULL },
	{ "project_sku", HZ_AT_F_TEXT, AT(project_sku), 15, false, NULL, NULL, NULL },
	{ "chip_sku", HZ_AT_F_TEXT, AT(chip_sku), 15, false, NULL, NULL, NULL },
	{ "chip", HZ_AT_F_TEXT, AT(chip), 15, false, NULL, NULL, NULL },
	{ "mode", HZ_AT_F_TEXT, AT(mode), 5, false, NULL, NULL, NULL },
	{ "device_serial", HZ_AT_F_TEXT, AT(device_serial), 40, false, NULL, NULL, NULL },
	{ "allow_missing_fwid", HZ_AT_F_BOOL, AT(allow_missing_fwid), 0, false, NULL, NULL, NULL },
	{ "crl_required", HZ_AT_F_BOOL, AT(crl_required), 0, false, NULL, NULL, NULL },
	{ NULL, HZ_AT_F_BOOL, 0, 0, false, NULL, NULL, NULL }
};

static void
reference(void *section)
{
	struct hz_nv_policy *p = section;

	p->measurements.how = MEASURED_ANY;
	p->allow_missing_fwid = true;
}

const struct hz_at_section hz_nv_section = { "nvidia", sizeof(struct hz_nv_policy), fields, NULL, reference };

bool
hz_nv_policy_crl(const struct hz_nv_policy *p)
{
	return p->crl_required;
}

bool
hz_nv_policy_missing_fwid(const struct hz_nv_policy *p)
{
	return p->allow_missing_fwid;
}

bool
hz_nv_policy_rim(const struct hz_nv_policy *p)
{
	return p->measurements.how == MEASURED_RIM;
}

/* ---- checking ---- */

static enum hz_attest_reason
check_measurements(struct hz_at_run *run, const struct hz_spdm_report *r, const struct hz_nv_policy *p)
{
	for (unsigned i = 1; i <= HZ_SPDM_MAX_INDEX; i++) {
		if (!hz_at_indexed_given(&p->measurements.index, i))
			continue;
		if (r->value[i] == NULL)
			return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MEASUREMENT, "measurement %u is not in the report", i);
		if (!hz_at_hexlist_allows(&p->measurements.index.list[i], r->value[i], HZ_SPDM_HASH_LEN))
			return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MEASUREMENT, "measurement %u is not in the policy", i);
	}
	return HZ_ATTEST_OK;
}

static bool
allowed(const struct hz_at_textlist *l, const char *text)
{
	return !hz_at_textlist_given(l) || hz_at_textlist_allows(l, text);
}

static enum hz_attest_reason
check_versions(struct hz_at_run *run, const struct hz_nv_info *info, const struct hz_nv_policy *p)
{
	struct version v;

	if (!allowed(&p->driver, info->driver))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_FIRMWARE, "driver %s is not in the policy", info->driver);
	if (p->has_min_driver && (!parse_version(info->driver, 10, &v) || version_below(&v, &p->min_driver)))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_FIRMWARE, "driver %s is too old", info->driver);
	if (!allowed(&p->vbios, info->vbios))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_FIRMWARE, "VBIOS %s is not in the policy", info->vbios);
	if (p->has_min_vbios && (!parse_version(info->vbios, 16, &v) || version_below(&v, &p->min_vbios)))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_FIRMWARE, "VBIOS %s is too old", info->vbios);
	return HZ_ATTEST_OK;
}

enum hz_attest_reason
hz_nv_policy_check(struct hz_at_run *run, const struct hz_spdm_report *r, const struct hz_nv_info *info,
                   const struct hz_nv_device *d, const struct hz_nv_policy *p)
{
	const char *mode = hz_nv_mode_name(info->mode);
	enum hz_attest_reason rc = check_versions(run, info, p);

	if (rc != HZ_ATTEST_OK)
		return rc;
	if (!allowed(&p->project, info->project) || !allowed(&p->project_sku, info->project_sku) ||
	    !allowed(&p->chip_sku, info->chip_sku) || !allowed(&p->chip, d->chip))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_DEVICE, "%s, project %s %s, chip SKU %s is not in the policy", d->chip,
		                    info->project, info->project_sku, info->chip_sku);
	if (!allowed(&p->device_serial, d->serial))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_DEVICE, "the chip %s is not in the policy", d->serial);
	if (!allowed(&p->mode, mode != NULL ? mode : ""))
		return hz_at_refuse(run, HZ_ATTEST_R_GPU_MODE, "mode %s is not in the policy", mode != NULL ? mode : "not stated");
	return check_measurements(run, r, p);
}
