/* SPDX-License-Identifier: Apache-2.0 */
/* The policy section "snp": what a genuine report must say to be acceptable. */

#include "attest/snp.h"

#include <stdio.h>

enum { KEY_ANY, KEY_VCEK, KEY_VLEK };

/* Minimum of one product line. */
struct minimum {
	bool given;
	uint64_t fmc, bootloader, tee, snp, microcode;
};

struct hz_snp_policy {
	struct hz_at_hexlist measurement, host_data, id_key, author_key, chip_id, family_id, image_id;
	struct hz_at_textlist product, csp_id;
	bool allow_debug, allow_migration, allow_cxl, allow_provisional, allow_masked_chip, crl_required;
	bool forbid_smt, single_socket, any_vmpl;
	uint64_t max_vmpl, min_guest_svn, min_abi, min_firmware, policy_required, platform_required, platform_forbidden,
	    mitigations;
	unsigned signing_key;
	struct minimum min_tcb[HZ_SNP_LINES];
	bool has_min_tcb;
};

static const char *const key_words[] = { "any", "vcek", "vlek", NULL };

/* ---- reading ---- */

static const struct hz_at_field minimum_fields[] = {
	{ "fmc", HZ_AT_F_U64, offsetof(struct minimum, fmc), 255, false, NULL, NULL, NULL },
	{ "bootloader", HZ_AT_F_U64, offsetof(struct minimum, bootloader), 255, true, NULL, NULL, NULL },
	{ "tee", HZ_AT_F_U64, offsetof(struct minimum, tee), 255, true, NULL, NULL, NULL },
	{ "snp", HZ_AT_F_U64, offsetof(struct minimum, snp), 255, true, NULL, NULL, NULL },
	{ "microcode", HZ_AT_F_U64, offsetof(struct minimum, microcode), 255, true, NULL, NULL, NULL },
	{ NULL, HZ_AT_F_BOOL, 0, 0, false, NULL, NULL, NULL }
};

static int
line_by_name(const char *name)
{
	for (int i = 0; i < HZ_SNP_LINES; i++)
		if (strcmp(hz_snp_line_name((enum hz_snp_line)i), name) == 0)
			return i;
	return -1;
}

static bool
read_min_tcb(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	struct hz_snp_policy *p = dst;

	if (!json_object_is_type(v, json_type_object) || json_object_object_length(v) == 0)
		return hz_at_policy_bad(err, name, "must be an object with a member for each product line");
	json_object_object_foreach(v, key, member) {
		int line = line_by_name(key);

		if (line < 0)
			return hz_at_policy_bad(err, name, "\"%.32s\" is no product line (Milan, Genoa, Turin)", key);
		if (line != HZ_SNP_TURIN && json_object_object_get_ex(member, "fmc", NULL))
			return hz_at_policy_bad(err, name, "only Turin has fmc");
		if (!hz_at_policy_read(err, name, member, minimum_fields, &p->min_tcb[line]))
			return false;
		p->min_tcb[line].given = true;
	}
	p->has_min_tcb = true;
	return true;
}

/* "major.minor" or "major.minor.build" with each part below 256, as one number. */
static bool
parse_version(const char *s, unsigned parts, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < parts; i++) {
		unsigned part = 0, digits = 0;

		for (; *s >= '0' && *s <= '9' && digits < 4; s++, digits++)
			part = part * 10 + (unsigned)(*s - '0');
		if (digits == 0 || part > 255 || *s != (i + 1 < parts ? '.' : '\0'))
			return false;
		s++;
		v = v << 8 | part;
	}
	*out = v;
	return true;
}

static bool
read_abi(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	return (json_object_is_type(v, json_type_string) && parse_version(json_object_get_string(v), 2, dst)) ||
	       hz_at_policy_bad(err, name, "must be \"major.minor\"");
}

static bool
read_firmware(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	return (json_object_is_type(v, json_type_string) && parse_version(json_object_get_string(v), 3, dst)) ||
	       hz_at_policy_bad(err, name, "must be \"major.minor.build\"");
}

static bool
read_smt(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	if (!json_object_is_type(v, json_type_boolean))
		return hz_at_policy_bad(err, name, "must be true or false");
	*(bool *)dst = json_object_get_boolean(v) == 0;
	return true;
}

#define AT(member) offsetof(struct hz_snp_policy, member)

static const struct hz_at_field fields[] = {
	{ "measurement", HZ_AT_F_HEX, AT(measurement), 48, true, NULL, NULL, NULL },
	{ "host_data", HZ_AT_F_HEX, AT(host_data), 32, false, NULL, NULL, NULL },
	{ "id_key_digest", HZ_AT_F_HEX, AT(id_key), 48, false, NULL, NULL, NULL },
	{ "author_key_digest", HZ_AT_F_HEX, AT(author_key), 48, false, NULL, NULL, NULL },
	{ "chip_id", HZ_AT_F_HEX, AT(chip_id), 64, false, NULL, NULL, NULL },
	{ "family_id", HZ_AT_F_HEX, AT(family_id), 16, false, NULL, NULL, NULL },
	{ "image_id", HZ_AT_F_HEX, AT(image_id), 16, false, NULL, NULL, NULL },
	{ "product", HZ_AT_F_TEXT, AT(product), 16, false, NULL, NULL, NULL },
	{ "csp_id", HZ_AT_F_TEXT, AT(csp_id), 127, false, NULL, NULL, NULL },
	{ "signing_key", HZ_AT_F_WORD, AT(signing_key), 0, false, key_words, NULL, NULL },
	{ "allow_debug", HZ_AT_F_BOOL, AT(allow_debug), 0, false, NULL, NULL, NULL },
	{ "allow_migration", HZ_AT_F_BOOL, AT(allow_migration), 0, false, NULL, NULL, NULL },
	{ "allow_smt", HZ_AT_F_CUSTOM, AT(forbid_smt), 0, false, NULL, read_smt, NULL },
	{ "allow_cxl", HZ_AT_F_BOOL, AT(allow_cxl), 0, false, NULL, NULL, NULL },
	{ "require_single_socket", HZ_AT_F_BOOL, AT(single_socket), 0, false, NULL, NULL, NULL },
	{ "allow_provisional_firmware", HZ_AT_F_BOOL, AT(allow_provisional), 0, false, NULL, NULL, NULL },
	{ "allow_masked_chip_id", HZ_AT_F_BOOL, AT(allow_masked_chip), 0, false, NULL, NULL, NULL },
	{ "crl_required", HZ_AT_F_BOOL, AT(crl_required), 0, false, NULL, NULL, NULL },
	{ "max_vmpl", HZ_AT_F_U64, AT(max_vmpl), 3, false, NULL, NULL, NULL },
	{ "min_guest_svn", HZ_AT_F_U64, AT(min_guest_svn), UINT32_MAX, false, NULL, NULL, NULL },
	{ "min_abi", HZ_AT_F_CUSTOM, AT(min_abi), 0, false, NULL, read_abi, NULL },
	{ "min_firmware", HZ_AT_F_CUSTOM, AT(min_firmware), 0, false, NULL, read_firmware, NULL },
	{ "min_tcb", HZ_AT_F_CUSTOM, 0, 0, false, NULL, read_min_tcb, NULL },
	{ "policy_required", HZ_AT_F_U64, AT(policy_required), 0, false, NULL, NULL, NULL },
	{ "platform_required", HZ_AT_F_U64, AT(platform_required), 0, false, NULL, NULL, NULL },
	{ "platform_forbidden", HZ_AT_F_U64, AT(platform_forbidden), 0, false, NULL, NULL, NULL },
	{ "mitigations_required", HZ_AT_F_U64, AT(mitigations), 0, false, NULL, NULL, NULL },
	{ NULL, HZ_AT_F_BOOL, 0, 0, false, NULL, NULL, NULL }
};

static void
reference(void *section)
{
	struct hz_snp_policy *p = section;

	p->measurement.any = true;
	p->any_vmpl = true;
	p->allow_migration = true;
	p->allow_cxl = true;
	p->allow_provisional = true;
}

const struct hz_at_section hz_snp_section = { "snp", sizeof(struct hz_snp_policy), fields, NULL, reference };

bool
hz_snp_policy_crl(const struct hz_snp_policy *p)
{
	return p->crl_required;
}

bool
hz_snp_policy_masked_chip(const struct hz_snp_policy *p)
{
	return p->allow_masked_chip;
}

/* ---- checking ---- */

static enum hz_attest_reason
check_guest_policy(struct hz_at_run *run, const struct hz_snp_report *r, const struct hz_snp_policy *p)
{
	if ((r->policy & HZ_SNP_POLICY_DEBUG) && !p->allow_debug)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_DEBUG, "the guest may be debugged by its host");
	if ((r->policy & HZ_SNP_POLICY_MIGRATE) && !p->allow_migration)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MIGRATION, "the guest allows a migration agent");
	if ((r->policy & HZ_SNP_POLICY_SMT) && p->forbid_smt)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_SMT, "the guest may run with SMT");
	if ((r->policy & HZ_SNP_POLICY_CXL) && !p->allow_cxl)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_GUEST, "the guest may use CXL memory");
	if (p->single_socket && !(r->policy & HZ_SNP_POLICY_SINGLE_SOCKET))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_GUEST, "the guest is not bound to one socket");
	if ((r->policy & p->policy_required) != p->policy_required)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_GUEST, "the guest policy lacks a required bit");
	if ((r->policy & 0xFFFF) < p->min_abi)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_ABI, "the guest accepts firmware with ABI %u.%u",
		                    (unsigned)(r->policy >> 8 & 0xFF), (unsigned)(r->policy & 0xFF));
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
check_platform(struct hz_at_run *run, const struct hz_snp_report *r, const struct hz_snp_policy *p)
{
	uint64_t fw = (uint64_t)r->current_fw[2] << 16 | (uint64_t)r->current_fw[1] << 8 | r->current_fw[0];
	bool provisional = memcmp(r->current_fw, r->committed_fw, 3) != 0 || memcmp(r->current_tcb, r->committed_tcb, 8) != 0;

	if ((r->platform_info & p->platform_required) != p->platform_required ||
	    (r->platform_info & p->platform_forbidden) != 0)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_GUEST, "platform information 0x%llx is not acceptable",
		                    (unsigned long long)r->platform_info);
	if (provisional && !p->allow_provisional)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_FIRMWARE, "the firmware is provisional: it can be rolled back");
	if (fw < p->min_firmware)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_FIRMWARE, "firmware %u.%u.%u is too old", r->current_fw[2],
		                    r->current_fw[1], r->current_fw[0]);
	if ((r->current_mit & r->launch_mit & p->mitigations) != p->mitigations)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_FIRMWARE, "a required mitigation was not on");
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
check_min_tcb(struct hz_at_run *run, const struct hz_snp_vek *vek, const struct hz_snp_policy *p)
{
	const struct minimum *m = &p->min_tcb[vek->line];
	const struct hz_snp_tcb least = { (uint8_t)m->fmc, (uint8_t)m->bootloader, (uint8_t)m->tee, (uint8_t)m->snp,
	                                  (uint8_t)m->microcode };

	if (!p->has_min_tcb)
		return HZ_ATTEST_OK;
	if (!m->given)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MIN_TCB, "the policy has no minimum TCB for %s", hz_snp_line_name(vek->line));
	if (!hz_snp_tcb_covers(&vek->tcb, &least))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MIN_TCB, "the TCB is below the policy's minimum for %s",
		                    hz_snp_line_name(vek->line));
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
check_guest(struct hz_at_run *run, const struct hz_snp_report *r, const struct hz_snp_policy *p)
{
	/* A report that the host asked for says VMPL 0xFFFFFFFF. */
	if (r->vmpl > 3 || (!p->any_vmpl && r->vmpl > p->max_vmpl))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_VMPL, "VMPL %u", (unsigned)r->vmpl);
	if (r->guest_svn < p->min_guest_svn)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_GUEST_SVN, "guest SVN %u", (unsigned)r->guest_svn);
	if (!hz_at_hexlist_allows(&p->measurement, r->measurement, 48))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MEASUREMENT, "the measurement is not in the policy");
	if (hz_at_hexlist_given(&p->host_data) && !hz_at_hexlist_allows(&p->host_data, r->host_data, 32))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_HOST_DATA, "the host data is not in the policy");
	if (hz_at_hexlist_given(&p->id_key) && !hz_at_hexlist_allows(&p->id_key, r->id_key_digest, 48))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_ID_KEY, "the id key is not in the policy");
	if (hz_at_hexlist_given(&p->author_key) &&
	    (!(r->key_info & 1) || !hz_at_hexlist_allows(&p->author_key, r->author_key_digest, 48)))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_AUTHOR_KEY, "the author key is not in the policy, or absent");
	if ((hz_at_hexlist_given(&p->family_id) && !hz_at_hexlist_allows(&p->family_id, r->family_id, 16)) ||
	    (hz_at_hexlist_given(&p->image_id) && !hz_at_hexlist_allows(&p->image_id, r->image_id, 16)))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_GUEST, "family or image id is not in the policy");
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
check_identity(struct hz_at_run *run, const struct hz_snp_report *r, const struct hz_snp_vek *vek, const struct hz_snp_policy *p)
{
	if ((p->signing_key == KEY_VCEK && vek->key != HZ_SNP_KEY_VCEK) ||
	    (p->signing_key == KEY_VLEK && vek->key != HZ_SNP_KEY_VLEK))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_DEVICE, "signed by another kind of key than the policy wants");
	if (hz_at_textlist_given(&p->product) && !hz_at_textlist_allows(&p->product, hz_snp_line_name(vek->line)))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_DEVICE, "a %s platform is not in the policy", hz_snp_line_name(vek->line));
	if (hz_at_textlist_given(&p->csp_id) && !hz_at_textlist_allows(&p->csp_id, vek->csp_id))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_DEVICE, "the cloud provider of the VLEK is not in the policy");
	if (hz_at_hexlist_given(&p->chip_id) && !hz_at_hexlist_allows(&p->chip_id, r->chip_id, 64))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_CHIP_ID, "the chip is not in the policy");
	return HZ_ATTEST_OK;
}

enum hz_attest_reason
hz_snp_policy_check(struct hz_at_run *run, const struct hz_snp_report *r, const struct hz_snp_vek *vek,
                    const struct hz_snp_policy *p)
{
	enum hz_attest_reason rc = check_guest_policy(run, r, p);

	if (rc == HZ_ATTEST_OK)
		rc = check_platform(run, r, p);
	if (rc == HZ_ATTEST_OK)
		rc = check_min_tcb(run, vek, p);
	if (rc == HZ_ATTEST_OK)
		rc = check_guest(run, r, p);
	if (rc == HZ_ATTEST_OK)
		rc = check_identity(run, r, vek, p);
	return rc;
}
