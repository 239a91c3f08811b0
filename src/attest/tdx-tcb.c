/* SPDX-License-Identifier: Apache-2.0 */
/* TCB status of a TD: platform level, TDX module, quoting enclave, merged as Intel's verification library does. */

#include "attest/tdx.h"

#include "base/hex.h"

#include <stdio.h>

static const char *const names[HZ_TDX_STATUSES] = {
	[HZ_TDX_UPTODATE] = "UpToDate",
	[HZ_TDX_SW_HARDENING] = "SWHardeningNeeded",
	[HZ_TDX_CONFIGURATION] = "ConfigurationNeeded",
	[HZ_TDX_CONFIGURATION_AND_SW] = "ConfigurationAndSWHardeningNeeded",
	[HZ_TDX_OUT_OF_DATE] = "OutOfDate",
	[HZ_TDX_OUT_OF_DATE_CONFIGURATION] = "OutOfDateConfigurationNeeded",
	[HZ_TDX_RELAUNCH] = "TDRelaunchAdvised",
	[HZ_TDX_RELAUNCH_CONFIGURATION] = "TDRelaunchAdvisedConfigurationNeeded",
	[HZ_TDX_REVOKED] = "Revoked",
	[HZ_TDX_UNSUPPORTED] = "Unsupported",
};

const char *
hz_tdx_status_name(enum hz_tdx_status s)
{
	return names[s];
}

enum hz_tdx_status
hz_tdx_status_by_name(const char *name)
{
	for (unsigned i = 0; name != NULL && i < HZ_TDX_UNSUPPORTED; i++)
		if (strcmp(names[i], name) == 0)
			return (enum hz_tdx_status)i;
	return HZ_TDX_UNSUPPORTED;
}

/* ---- reading ---- */

static struct json_object *
get(struct json_object *o, const char *name, json_type type)
{
	struct json_object *v;

	return o != NULL && json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, name, &v) &&
	               json_object_is_type(v, type) ? v : NULL;
}

/* A number 0..max, or -1. */
static int64_t
get_number(struct json_object *o, const char *name, int64_t max)
{
	struct json_object *v = get(o, name, json_type_int);
	int64_t n = v != NULL ? json_object_get_int64(v) : -1;

	return n >= 0 && n <= max ? n : -1;
}

static bool
get_hex(struct json_object *o, const char *name, uint8_t *out, size_t n)
{
	const char *s = hz_at_json_text(o, name);

	return s != NULL && hz_hex_decode(s, strlen(s), out, n);
}

/* 16 component SVNs. */
static bool
get_components(struct json_object *tcb, const char *name, uint8_t out[16])
{
	struct json_object *list = get(tcb, name, json_type_array);

	if (list == NULL || json_object_array_length(list) != 16)
		return false;
	for (size_t i = 0; i < 16; i++) {
		int64_t svn = get_number(json_object_array_get_idx(list, i), "svn", 255);

		if (svn < 0)
			return false;
		out[i] = (uint8_t)svn;
	}
	return true;
}

static enum hz_tdx_status
level_status(struct json_object *level)
{
	return hz_tdx_status_by_name(hz_at_json_text(level, "tcbStatus"));
}

/* ---- platform ---- */

struct level {
	uint8_t key[16 + 2 + 16]; /* SGX components, PCESVN, TDX components: compared as bytes, it orders the levels */
	enum hz_tdx_status status;
	struct json_object *json;
};

static bool
read_level(struct json_object *json, struct level *l)
{
	struct json_object *tcb = get(json, "tcb", json_type_object);
	int64_t pcesvn = get_number(tcb, "pcesvn", 65535);

	if (tcb == NULL || pcesvn < 0 || !get_components(tcb, "sgxtcbcomponents", l->key) ||
	    !get_components(tcb, "tdxtcbcomponents", l->key + 18))
		return false;
	l->key[16] = (uint8_t)(pcesvn >> 8);
	l->key[17] = (uint8_t)pcesvn;
	l->status = level_status(json);
	l->json = json;
	return true;
}

/* True when the platform has at least what the level asks.  With a module of its own version, components 0 and 1 are the module's. */
static bool
reaches(const struct level *l, const struct hz_tdx_pck *pck, const uint8_t svn[16])
{
	if (pck->pcesvn < (l->key[16] << 8 | l->key[17]))
		return false;
	for (int i = 0; i < 16; i++)
		if (pck->comp[i] < l->key[i])
			return false;
	for (int i = svn[1] > 0 ? 2 : 0; i < 16; i++)
		if (svn[i] < l->key[18 + i])
			return false;
	return true;
}

/* The highest level that the platform reaches; false for malformed collateral, status UNSUPPORTED where none is reached. */
static bool
find_level(struct json_object *tcb_info, const struct hz_tdx_pck *pck, const uint8_t svn[16], struct level *best)
{
	struct json_object *levels = get(tcb_info, "tcbLevels", json_type_array);
	bool found = false;
	struct level l;

	*best = (struct level){ .status = HZ_TDX_UNSUPPORTED };
	for (size_t i = 0; levels != NULL && i < json_object_array_length(levels); i++) {
		if (!read_level(json_object_array_get_idx(levels, i), &l))
			return false;
		if (reaches(&l, pck, svn) && (!found || memcmp(l.key, best->key, sizeof l.key) > 0)) {
			*best = l;
			found = true;
		}
	}
	return levels != NULL;
}

/* ---- module and quoting enclave: levels by ISVSVN ---- */

static enum hz_tdx_status
isvsvn_status(struct json_object *identity, unsigned isvsvn)
{
	struct json_object *levels = get(identity, "tcbLevels", json_type_array);
	enum hz_tdx_status status = HZ_TDX_UNSUPPORTED;
	int64_t best = -1;

	for (size_t i = 0; levels != NULL && i < json_object_array_length(levels); i++) {
		struct json_object *level = json_object_array_get_idx(levels, i);
		int64_t need = get_number(get(level, "tcb", json_type_object), "isvsvn", 65535);

		if (need > best && need <= (int64_t)isvsvn) {
			best = need;
			status = level_status(level);
		}
	}
	return status;
}

static bool
masked_equal(const uint8_t *have, const uint8_t *want, const uint8_t *mask, size_t n)
{
	bool equal = true;

	for (size_t i = 0; i < n; i++)
		equal &= (have[i] & mask[i]) == (want[i] & mask[i]);
	return equal;
}

static struct json_object *
find_module(struct json_object *tcb_info, uint8_t version)
{
	struct json_object *list = get(tcb_info, "tdxModuleIdentities", json_type_array);
	char id[8];

	snprintf(id, sizeof id, "TDX_%02X", version);
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *s = json_object_is_type(o, json_type_object) ? hz_at_json_text(o, "id") : NULL;

		if (s != NULL && strcmp(s, id) == 0)
			return o;
	}
	return NULL;
}

/* MRSIGNERSEAM, SEAM_ATTRIBUTES and, for a module with an identity of its own, its level. */
static enum hz_attest_reason
evaluate_module(struct hz_at_run *run, const struct hz_tdx_body *b, const uint8_t svn[16], struct json_object *tcb_info,
                enum hz_tdx_status *status)
{
	struct json_object *m = svn[1] > 0 ? find_module(tcb_info, svn[1]) : get(tcb_info, "tdxModule", json_type_object);
	uint8_t signer[48], attributes[8], mask[8];

	if (m == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_TDX_MODULE, "the collateral does not know TDX module version %u", svn[1]);
	if (!get_hex(m, "mrsigner", signer, 48) || !get_hex(m, "attributes", attributes, 8) ||
	    !get_hex(m, "attributesMask", mask, 8))
		return hz_at_refuse(run, HZ_ATTEST_R_COLLATERAL, "tcbInfo describes the TDX module in an unknown way");
	if (memcmp(b->mrsignerseam, signer, 48) != 0 || !masked_equal(b->seam_attributes, attributes, mask, 8))
		return hz_at_refuse(run, HZ_ATTEST_R_TDX_MODULE, "the TDX module is not signed or set up as the collateral says");
	*status = svn[1] > 0 ? isvsvn_status(m, svn[0]) : HZ_TDX_UPTODATE;
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
evaluate_qe(struct hz_at_run *run, const struct hz_tdx_qe *qe, struct json_object *identity, enum hz_tdx_status *status)
{
	uint8_t signer[32], misc[4], misc_mask[4], attributes[16], mask[16], have[4];

	if (!get_hex(identity, "mrsigner", signer, 32) || !get_hex(identity, "miscselect", misc, 4) ||
	    !get_hex(identity, "miscselectMask", misc_mask, 4) || !get_hex(identity, "attributes", attributes, 16) ||
	    !get_hex(identity, "attributesMask", mask, 16))
		return hz_at_refuse(run, HZ_ATTEST_R_COLLATERAL, "enclaveIdentity is incomplete");
	for (int i = 0; i < 4; i++) /* a number in the identity, little-endian in the report */
		have[i] = qe->miscselect[3 - i];
	if (memcmp(qe->mrsigner, signer, 32) != 0 || get_number(identity, "isvprodid", 65535) != qe->isvprodid ||
	    !masked_equal(have, misc, misc_mask, 4) || !masked_equal(qe->attributes, attributes, mask, 16))
		return hz_at_refuse(run, HZ_ATTEST_R_QE_IDENTITY, "the quoting enclave is not the one that the collateral describes");
	*status = isvsvn_status(identity, qe->isvsvn);
	return HZ_ATTEST_OK;
}

/* ---- merging ---- */

/* Lowers a platform status by the status of the module or of the quoting enclave. */
static enum hz_tdx_status
merge(enum hz_tdx_status platform, enum hz_tdx_status other)
{
	if (platform == HZ_TDX_UNSUPPORTED || other == HZ_TDX_UNSUPPORTED)
		return HZ_TDX_UNSUPPORTED;
	if (platform == HZ_TDX_REVOKED || other == HZ_TDX_REVOKED)
		return HZ_TDX_REVOKED;
	if (other != HZ_TDX_OUT_OF_DATE)
		return platform;
	if (platform == HZ_TDX_UPTODATE || platform == HZ_TDX_SW_HARDENING)
		return HZ_TDX_OUT_OF_DATE;
	if (platform == HZ_TDX_CONFIGURATION || platform == HZ_TDX_CONFIGURATION_AND_SW)
		return HZ_TDX_OUT_OF_DATE_CONFIGURATION;
	return platform;
}

static enum hz_attest_reason
evaluate_with(struct hz_at_run *run, const struct hz_tdx_quote *q, const struct hz_tdx_pck *pck,
              const struct hz_tdx_collateral *c, const uint8_t svn[16], struct hz_tdx_tcb *out)
{
	struct level level;
	enum hz_attest_reason rc;

	if (!find_level(c->tcb_info, pck, svn, &level))
		return hz_at_refuse(run, HZ_ATTEST_R_COLLATERAL, "tcbInfo has malformed levels");
	out->platform = level.status;
	out->tcb_date = level.json != NULL ? hz_at_json_text(level.json, "tcbDate") : NULL;
	out->advisories = get(level.json, "advisoryIDs", json_type_array);
	rc = evaluate_module(run, &q->body, svn, c->tcb_info, &out->module);
	if (rc == HZ_ATTEST_OK)
		rc = evaluate_qe(run, &q->qe, c->qe_identity, &out->qe);
	if (rc == HZ_ATTEST_OK)
		out->merged = merge(merge(out->platform, out->module), out->qe);
	return rc;
}

/* A TD started under an older module than the one that is loaded now: starting it again would bring it up to date. */
static enum hz_tdx_status
relaunch_status(enum hz_tdx_status now, enum hz_tdx_status after)
{
	if (now != HZ_TDX_OUT_OF_DATE && now != HZ_TDX_OUT_OF_DATE_CONFIGURATION)
		return now;
	if (after == HZ_TDX_UPTODATE || after == HZ_TDX_SW_HARDENING)
		return HZ_TDX_RELAUNCH;
	if (after == HZ_TDX_CONFIGURATION || after == HZ_TDX_CONFIGURATION_AND_SW)
		return HZ_TDX_RELAUNCH_CONFIGURATION;
	return now;
}

enum hz_attest_reason
hz_tdx_tcb_evaluate(struct hz_at_run *run, const struct hz_tdx_quote *q, const struct hz_tdx_pck *pck,
                    const struct hz_tdx_collateral *c, struct hz_tdx_tcb *out)
{
	enum hz_attest_reason rc = evaluate_with(run, q, pck, c, q->body.tee_tcb_svn, out);
	struct hz_tdx_tcb later;

	if (rc == HZ_ATTEST_OK && q->body.svn2 != NULL && memcmp(q->body.svn2, q->body.tee_tcb_svn, 16) != 0 &&
	    evaluate_with(run, q, pck, c, q->body.svn2, &later) == HZ_ATTEST_OK)
		out->merged = relaunch_status(out->merged, later.merged);
	return rc;
}
