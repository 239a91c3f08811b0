/* SPDX-License-Identifier: Apache-2.0 */
/* The policy section "tdx": what a genuine quote must say to be acceptable. */

#include "attest/tdx.h"

/* Attribute bits with a meaning (TDX Module ABI); the rest must be zero. XFAM: always-set bits, and all known ones. */
#define ATTR_KNOWN (0xFFull | 0x1Full << 27 | 3ull << 62)
#define XFAM_FIXED 0x3ull
#define XFAM_KNOWN 0x6DBE7ull

struct hz_tdx_policy {
	struct hz_at_hexlist mrtd, rtmr[4], mrseam, mrsignerseam, mrconfigid, mrowner, mrownerconfig, mrservicetd;
	struct hz_at_textlist tcb_status;
	bool allow_debug, allow_migratable, allow_sept_ve, any_status;
	bool no_collateral, no_crl;
	uint64_t attributes_required, attributes_forbidden, xfam_required, xfam_forbidden, min_evaluation;
};

/* Reads a boolean into its opposite, so that zero is the strict value. */
static bool
read_not(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	if (!json_object_is_type(v, json_type_boolean))
		return hz_at_policy_bad(err, name, "must be true or false");
	*(bool *)dst = json_object_get_boolean(v) == 0;
	return true;
}

static bool
read_statuses(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst)
{
	struct hz_at_textlist *l = dst;
	bool ok = hz_at_policy_texts(err, name, v, 64, l);

	for (size_t i = 0; ok && i < l->n; i++)
		if (hz_tdx_status_by_name(l->text[i]) >= HZ_TDX_REVOKED)
			ok = hz_at_policy_bad(err, name, "\"%.64s\" is no status that can be accepted", l->text[i]);
	return ok;
}

static void
release_statuses(void *dst)
{
	hz_at_textlist_release(dst);
}

#define AT(member) offsetof(struct hz_tdx_policy, member)

static const struct hz_at_field fields[] = {
	{ "mrtd", HZ_AT_F_HEX, AT(mrtd), 48, true, NULL, NULL, NULL },
	{ "rtmr0", HZ_AT_F_HEX, AT(rtmr[0]), 48, false, NULL, NULL, NULL },
	{ "rtmr1", HZ_AT_F_HEX, AT(rtmr[1]), 48, false, NULL, NULL, NULL },
	{ "rtmr2", HZ_AT_F_HEX, AT(rtmr[2]), 48, false, NULL, NULL, NULL },
	{ "rtmr3", HZ_AT_F_HEX, AT(rtmr[3]), 48, false, NULL, NULL, NULL },
	{ "mrseam", HZ_AT_F_HEX, AT(mrseam), 48, false, NULL, NULL, NULL },
	{ "mrsignerseam", HZ_AT_F_HEX, AT(mrsignerseam), 48, false, NULL, NULL, NULL },
	{ "mrconfigid", HZ_AT_F_HEX, AT(mrconfigid), 48, false, NULL, NULL, NULL },
	{ "mrowner", HZ_AT_F_HEX, AT(mrowner), 48, false, NULL, NULL, NULL },
	{ "mrownerconfig", HZ_AT_F_HEX, AT(mrownerconfig), 48, false, NULL, NULL, NULL },
	{ "mrservicetd", HZ_AT_F_HEX, AT(mrservicetd), 48, false, NULL, NULL, NULL },
	{ "allow_debug", HZ_AT_F_BOOL, AT(allow_debug), 0, false, NULL, NULL, NULL },
	{ "allow_migratable", HZ_AT_F_BOOL, AT(allow_migratable), 0, false, NULL, NULL, NULL },
	{ "require_sept_ve_disable", HZ_AT_F_CUSTOM, AT(allow_sept_ve), 0, false, NULL, read_not, NULL },
	{ "attributes_required", HZ_AT_F_U64, AT(attributes_required), 0, false, NULL, NULL, NULL },
	{ "attributes_forbidden", HZ_AT_F_U64, AT(attributes_forbidden), 0, false, NULL, NULL, NULL },
	{ "xfam_required", HZ_AT_F_U64, AT(xfam_required), 0, false, NULL, NULL, NULL },
	{ "xfam_forbidden", HZ_AT_F_U64, AT(xfam_forbidden), 0, false, NULL, NULL, NULL },
	{ "collateral_required", HZ_AT_F_CUSTOM, AT(no_collateral), 0, false, NULL, read_not, NULL },
	{ "crl_required", HZ_AT_F_CUSTOM, AT(no_crl), 0, false, NULL, read_not, NULL },
	{ "tcb_status", HZ_AT_F_CUSTOM, AT(tcb_status), 0, false, NULL, read_statuses, release_statuses },
	{ "min_tcb_evaluation_number", HZ_AT_F_U64, AT(min_evaluation), UINT32_MAX, false, NULL, NULL, NULL },
	{ NULL, HZ_AT_F_BOOL, 0, 0, false, NULL, NULL, NULL }
};

static void
reference(void *section)
{
	struct hz_tdx_policy *p = section;

	p->mrtd.any = true;
	p->any_status = true;
	p->no_collateral = true;
	p->no_crl = true;
	p->allow_migratable = true;
	p->allow_sept_ve = true;
}

const struct hz_at_section hz_tdx_section = { "tdx", sizeof(struct hz_tdx_policy), fields, NULL, reference };

bool
hz_tdx_policy_collateral(const struct hz_tdx_policy *p)
{
	return !p->no_collateral;
}

bool
hz_tdx_policy_crl(const struct hz_tdx_policy *p)
{
	return !p->no_crl;
}

/* ---- checking ---- */

static enum hz_attest_reason
check_attributes(struct hz_at_run *run, const struct hz_tdx_body *b, const struct hz_tdx_policy *p)
{
	uint64_t a = b->td_attributes;

	if ((a & HZ_TDX_ATTR_DEBUG) != 0 && !p->allow_debug)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_DEBUG, "the TD may be debugged (attributes 0x%llx)", (unsigned long long)a);
	if ((a & ~ATTR_KNOWN) != 0)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_ATTRIBUTES, "the TD has unknown attributes");
	if ((a & HZ_TDX_ATTR_MIGRATABLE) != 0 && !p->allow_migratable)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MIGRATION, "the TD may be migrated");
	if ((a & HZ_TDX_ATTR_SEPT_VE_DISABLE) == 0 && !p->allow_sept_ve)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_ATTRIBUTES, "SEPT_VE_DISABLE is off");
	if ((a & p->attributes_required) != p->attributes_required || (a & p->attributes_forbidden) != 0)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_ATTRIBUTES, "attributes 0x%llx are not acceptable", (unsigned long long)a);
	if ((b->xfam & XFAM_FIXED) != XFAM_FIXED || (b->xfam & ~XFAM_KNOWN) != 0 ||
	    (b->xfam & p->xfam_required) != p->xfam_required || (b->xfam & p->xfam_forbidden) != 0)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_XFAM, "XFAM 0x%llx is not acceptable", (unsigned long long)b->xfam);
	return HZ_ATTEST_OK;
}

/* A register that the policy does not name may hold anything. */
static bool
refuses(const struct hz_at_hexlist *l, const uint8_t *value)
{
	return hz_at_hexlist_given(l) && !hz_at_hexlist_allows(l, value, 48);
}

/* A register that must be zero unless the policy names values for it. */
static bool
refuses_unless_zero(const struct hz_at_hexlist *l, const uint8_t *value)
{
	return hz_at_hexlist_given(l) ? !hz_at_hexlist_allows(l, value, 48) : !hz_at_zero(value, 48);
}

static enum hz_attest_reason
check_registers(struct hz_at_run *run, const struct hz_tdx_body *b, const struct hz_tdx_policy *p)
{
	if (refuses_unless_zero(&p->mrsignerseam, b->mrsignerseam) || refuses(&p->mrseam, b->mrseam))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MRSEAM, "the TDX module is not in the policy");
	if (!hz_at_hexlist_allows(&p->mrtd, b->mrtd, 48))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MRTD, "MRTD is not in the policy");
	for (int i = 0; i < 4; i++)
		if (refuses(&p->rtmr[i], b->rtmr[i]))
			return hz_at_refuse(run, HZ_ATTEST_R_POLICY_RTMR, "RTMR%d is not in the policy", i);
	if (refuses(&p->mrconfigid, b->mrconfigid) || refuses(&p->mrowner, b->mrowner) ||
	    refuses(&p->mrownerconfig, b->mrownerconfig))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MRCONFIG, "MRCONFIGID, MROWNER or MROWNERCONFIG is not in the policy");
	if (b->mrservicetd != NULL && refuses_unless_zero(&p->mrservicetd, b->mrservicetd))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MRSERVICETD, "a service TD is bound that the policy does not name");
	return HZ_ATTEST_OK;
}

enum hz_attest_reason
hz_tdx_policy_check(struct hz_at_run *run, const struct hz_tdx_quote *q, const struct hz_tdx_policy *p)
{
	enum hz_attest_reason rc = check_attributes(run, &q->body, p);

	return rc == HZ_ATTEST_OK ? check_registers(run, &q->body, p) : rc;
}

static bool
status_allowed(enum hz_tdx_status s, const struct hz_tdx_policy *p)
{
	if (s >= HZ_TDX_REVOKED)
		return false;
	if (p->any_status)
		return true;
	if (p->tcb_status.n == 0)
		return s == HZ_TDX_UPTODATE;
	return hz_at_textlist_allows(&p->tcb_status, hz_tdx_status_name(s));
}

enum hz_attest_reason
hz_tdx_policy_tcb(struct hz_at_run *run, const struct hz_tdx_tcb *tcb, uint64_t evaluation_number,
                  const struct hz_tdx_policy *p)
{
	if (evaluation_number < p->min_evaluation)
		return hz_at_refuse(run, HZ_ATTEST_R_TCB_STATUS, "TCB evaluation data %u is older than the policy wants",
		                    (unsigned)evaluation_number);
	if (!status_allowed(tcb->merged, p))
		return hz_at_refuse(run, HZ_ATTEST_R_TCB_STATUS, "TCB status %s", hz_tdx_status_name(tcb->merged));
	return HZ_ATTEST_OK;
}
