/* SPDX-License-Identifier: Apache-2.0 */
/* Azure confidential VMs: an HCL report names the vTPM's key, the hardware report vouches for it, a quote answers the nonce. */

#include "attest/bundle.h"
#include "attest/spki.h"
#include "attest/tpm.h"

#include "base/hex.h"

#define HARDWARE_LEN 1184       /* an SNP report, or a TDREPORT of 1024 bytes and zeros */
#define TDREPORT_DATA 128       /* REPORTDATA in the TDREPORT */
#define SNP_VMPL 0x30
#define TYPE_SNP 2
#define TYPE_TDX 4
#define HASH_SHA256 1
#define MAX_RSA 1024

struct policy {
	struct hz_tpm_pcr_policy pcrs;
	struct hz_at_textlist vm_id;
	struct hz_at_hexlist user_data;
	bool allow_insecure_boot;
};

static const struct hz_at_field fields[] = {
	{ "pcrs", HZ_AT_F_CUSTOM, offsetof(struct policy, pcrs), 0, true, NULL, hz_tpm_pcr_policy_read, hz_tpm_pcr_policy_release },
	{ "vm_id", HZ_AT_F_TEXT, offsetof(struct policy, vm_id), 64, false, NULL, NULL, NULL },
	{ "user_data", HZ_AT_F_HEX, offsetof(struct policy, user_data), 64, false, NULL, NULL, NULL },
	{ "allow_insecure_boot", HZ_AT_F_BOOL, offsetof(struct policy, allow_insecure_boot), 0, false, NULL, NULL, NULL },
	{ NULL, HZ_AT_F_BOOL, 0, 0, false, NULL, NULL, NULL }
};

static void
reference(void *section)
{
	struct policy *p = section;

	p->pcrs.any = true;
	p->allow_insecure_boot = true;
}

static const struct hz_at_section section = { "azure", sizeof(struct policy), fields, NULL, reference };

/* ---- the report of the paravisor ---- */

struct hcl {
	uint32_t version, type;
	struct hz_at_bytes hardware, runtime;
};

/* Header, hardware report, {size, version, type, hash, length}, runtime data, zeros up to the size of the NV index. */
static enum hz_attest_reason
read_hcl(struct hz_at_run *run, struct hz_at_bytes in, struct hcl *out)
{
	struct hz_reader r = hz_rd(in.p, in.len);
	const uint8_t *magic = hz_rd_bytes(&r, 4);
	uint32_t total, size, data_version, hash, length;

	if (magic == NULL || memcmp(magic, "HCLA", 4) != 0)
		return hz_at_refuse(run, HZ_ATTEST_R_MAGIC, "not an HCL report");
	out->version = hz_rd_u32le(&r);
	total = hz_rd_u32le(&r);
	hz_rd_skip(&r, 20);
	out->hardware = (struct hz_at_bytes){ hz_rd_bytes(&r, HARDWARE_LEN), HARDWARE_LEN };
	size = hz_rd_u32le(&r);
	data_version = hz_rd_u32le(&r);
	out->type = hz_rd_u32le(&r);
	hash = hz_rd_u32le(&r);
	length = hz_rd_u32le(&r);
	out->runtime = (struct hz_at_bytes){ hz_rd_bytes(&r, length), length };
	if (!hz_rd_ok(&r))
		return hz_at_refuse(run, HZ_ATTEST_R_TOO_SHORT, "the HCL report ends before its runtime data");
	if (out->version < 1 || out->version > 2 || data_version != 1)
		return hz_at_refuse(run, HZ_ATTEST_R_VERSION, "HCL report %u, runtime data %u", (unsigned)out->version,
		                    (unsigned)data_version);
	if (hash != HASH_SHA256 || size - 20 != length || total != r.off)
		return hz_at_refuse(run, HZ_ATTEST_R_HCL, "the HCL report's sizes or its hash do not fit");
	if (!hz_rd_zeros(&r, hz_rd_left(&r)))
		return hz_at_refuse(run, HZ_ATTEST_R_TRAILING, "bytes follow the runtime data");
	return HZ_ATTEST_OK;
}

/* ---- runtime data ---- */

struct runtime {
	EVP_PKEY *ak;
	char vm_id[65];
	bool secure_boot;
	uint8_t user_data[64];
	bool has_user_data;
};

static EVP_PKEY *
read_jwk(struct hz_at_run *run, struct json_object *jwk)
{
	const char *kty = hz_at_json_text(jwk, "kty"), *n = hz_at_json_text(jwk, "n"), *e = hz_at_json_text(jwk, "e");
	uint8_t nb[MAX_RSA], eb[8];
	size_t nl = sizeof nb, el = sizeof eb;

	if (kty == NULL || n == NULL || e == NULL || strcmp(kty, "RSA") != 0 || !hz_b64url_decode(n, strlen(n), nb, &nl) ||
	    !hz_b64url_decode(e, strlen(e), eb, &el))
		return NULL;
	return hz_at_rsa_key(run, (struct hz_at_bytes){ nb, nl }, (struct hz_at_bytes){ eb, el });
}

/* The one key that is called HCLAkPub. */
static EVP_PKEY *
find_ak(struct hz_at_run *run, struct json_object *o)
{
	struct json_object *keys, *found = NULL;

	if (!json_object_object_get_ex(o, "keys", &keys) || !json_object_is_type(keys, json_type_array))
		return NULL;
	for (size_t i = 0; i < json_object_array_length(keys); i++) {
		struct json_object *jwk = json_object_array_get_idx(keys, i);
		const char *kid = json_object_is_type(jwk, json_type_object) ? hz_at_json_text(jwk, "kid") : NULL;

		if (kid == NULL || strcmp(kid, "HCLAkPub") != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = jwk;
	}
	return found != NULL ? read_jwk(run, found) : NULL;
}

static void
read_configuration(struct json_object *o, struct runtime *out)
{
	const char *user = hz_at_json_text(o, "user-data"), *id;
	struct json_object *vm, *boot;

	out->has_user_data = user != NULL && hz_hex_decode(user, strlen(user), out->user_data, sizeof out->user_data);
	if (!json_object_object_get_ex(o, "vm-configuration", &vm) || !json_object_is_type(vm, json_type_object))
		return;
	id = hz_at_json_text(vm, "vmUniqueId");
	if (id != NULL && strlen(id) < sizeof out->vm_id)
		memcpy(out->vm_id, id, strlen(id) + 1);
	out->secure_boot = json_object_object_get_ex(vm, "secure-boot", &boot) && json_object_is_type(boot, json_type_boolean) &&
	                   json_object_get_boolean(boot);
}

static enum hz_attest_reason
read_runtime(struct hz_at_run *run, const struct hz_at_item *item, struct hz_at_bytes text, struct runtime *out)
{
	struct json_object *o = hz_at_json_parse(text.p, text.len, HZ_AT_JSON_DEPTH);
	enum hz_attest_reason rc = HZ_ATTEST_OK;

	memset(out, 0, sizeof *out);
	if (o == NULL || !json_object_is_type(o, json_type_object)) {
		rc = hz_at_refuse(run, HZ_ATTEST_R_JSON, "the runtime data is not strict JSON");
		goto out;
	}
	read_configuration(o, out);
	out->ak = find_ak(run, o);
	if (out->ak == NULL)
		rc = hz_at_refuse(run, HZ_ATTEST_R_AK, "the runtime data names no usable HCLAkPub");
	if (out->vm_id[0] != '\0')
		hz_at_claim_text(run, item, "vm_id", out->vm_id);
	hz_at_claim_bool(run, item, "secure_boot", out->secure_boot);
	if (out->has_user_data)
		hz_at_claim_hex(run, item, "user_data", out->user_data, sizeof out->user_data);
out:
	json_object_put(o);
	return rc;
}

/* ---- the hardware behind it ---- */

/* The quote is what counts; the TDREPORT beside it has no signature, but it must not be of something else. */
static enum hz_attest_reason
check_tdreport(struct hz_at_run *run, const struct hcl *h, const uint8_t want[64])
{
	if (!hz_at_equal(h->hardware.p + TDREPORT_DATA, want, 64))
		return hz_at_refuse(run, HZ_ATTEST_R_HCL, "the TDREPORT is not of this runtime data");
	return HZ_ATTEST_OK;
}

/* Only the paravisor may choose the report data: what runs above it could name a key of its own. */
static enum hz_attest_reason
check_vmpl(struct hz_at_run *run, const struct hcl *h)
{
	struct hz_reader r = hz_rd(h->hardware.p, h->hardware.len);
	uint32_t vmpl;

	hz_rd_skip(&r, SNP_VMPL);
	vmpl = hz_rd_u32le(&r);
	return vmpl == 0 ? HZ_ATTEST_OK : hz_at_refuse(run, HZ_ATTEST_R_POLICY_VMPL, "VMPL %u is not the paravisor's", (unsigned)vmpl);
}

/* The SNP report, or the TDX quote of part "tdx", with the hash of the runtime data as its report data. */
static enum hz_attest_reason
check_hardware(struct hz_at_run *run, struct hz_at_item *item, const struct hcl *h)
{
	uint8_t want[64] = { 0 };
	struct hz_at_item inner = *item;
	const struct hz_at_family *family;
	enum hz_attest_reason rc;

	if (!hz_at_digest(run, "SHA256", &h->runtime, 1, want))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "a digest failed");
	if (item->report_data.p != NULL && !hz_at_equal(item->report_data.p, want, sizeof want))
		return hz_at_refuse(run, HZ_ATTEST_R_REPORT_DATA, "report data is not what was expected");
	if (h->type != TYPE_SNP && h->type != TYPE_TDX)
		return hz_at_refuse(run, HZ_ATTEST_R_TYPE, "HCL report of type %u", (unsigned)h->type);
	inner.kind = h->type == TYPE_SNP ? HZ_ATTEST_KIND_SNP : HZ_ATTEST_KIND_TDX;
	inner.evidence = h->type == TYPE_SNP ? h->hardware : hz_at_item_part(item, "tdx");
	inner.parts = 0;
	inner.report_data = (struct hz_at_bytes){ want, sizeof want };
	rc = h->type == TYPE_TDX ? check_tdreport(run, h, want) : check_vmpl(run, h);
	if (rc == HZ_ATTEST_OK && inner.evidence.p == NULL)
		rc = hz_at_refuse(run, HZ_ATTEST_R_MISSING, "an HCL report of a TD needs the quote of the TD");
	family = hz_at_family_of(inner.kind);
	if (rc == HZ_ATTEST_OK && hz_at_policy_section(run->policy, family->section) == NULL)
		rc = hz_at_refuse(run, HZ_ATTEST_R_POLICY_KIND, "the policy has no section \"%s\"", family->section->name);
	hz_at_claim_text(run, item, "hardware", hz_attest_kind_name(inner.kind));
	if (rc == HZ_ATTEST_OK)
		rc = family->verify(run, &inner);
	item->tee_io = inner.tee_io;
	return rc;
}

/* ---- the vTPM ---- */

static enum hz_attest_reason
check_quote(struct hz_at_run *run, const struct hz_at_item *item, EVP_PKEY *ak, const struct policy *p)
{
	struct hz_at_bytes quote = hz_at_item_part(item, "quote");
	struct hz_tpm_quote q;
	enum hz_attest_reason rc;

	if (quote.p == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_MISSING, "no quote of the vTPM was given");
	rc = hz_tpm_quote_read(run, quote, &q);
	if (rc != HZ_ATTEST_OK)
		return rc;
	hz_tpm_quote_claims(run, item, &q);
	rc = hz_tpm_quote_verify(run, &q, hz_at_item_part(item, "signature"), ak);
	if (rc == HZ_ATTEST_OK)
		rc = hz_tpm_quote_nonce(run, &q, item->nonce);
	if (rc == HZ_ATTEST_OK)
		rc = hz_tpm_pcrs_check(run, item, &q, hz_at_item_part(item, "pcrs"), &p->pcrs);
	return rc;
}

static enum hz_attest_reason
check_policy(struct hz_at_run *run, const struct runtime *r, const struct policy *p)
{
	if (!r->secure_boot && !p->allow_insecure_boot)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_GUEST, "the VM does not state that secure boot is on");
	if (hz_at_textlist_given(&p->vm_id) && !hz_at_textlist_allows(&p->vm_id, r->vm_id))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_DEVICE, "the VM is not in the policy");
	if (hz_at_hexlist_given(&p->user_data) &&
	    (!r->has_user_data || !hz_at_hexlist_allows(&p->user_data, r->user_data, sizeof r->user_data)))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_HOST_DATA, "the user data is not in the policy, or absent");
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
check_report(struct hz_at_run *run, struct hz_at_item *item)
{
	const struct policy *p = hz_at_policy_section(run->policy, &section);
	struct hcl h;
	struct runtime runtime;
	enum hz_attest_reason rc = read_hcl(run, item->evidence, &h);

	if (rc != HZ_ATTEST_OK)
		return rc;
	hz_at_claim_u64(run, item, "hcl_version", h.version);
	rc = read_runtime(run, item, h.runtime, &runtime);
	if (rc == HZ_ATTEST_OK)
		rc = check_hardware(run, item, &h);
	if (rc == HZ_ATTEST_OK)
		rc = check_quote(run, item, runtime.ak, p);
	if (rc == HZ_ATTEST_OK)
		rc = check_policy(run, &runtime, p);
	EVP_PKEY_free(runtime.ak);
	return rc;
}

static const char *const parts[] = { "quote", "signature", "pcrs", "tdx", NULL };

/* In a bundle: {"hcl","quote","signature","pcrs","tdx"?}. */
static enum hz_attest_reason
verify(struct hz_at_run *run, struct hz_at_item *item)
{
	return hz_at_object_verify(run, item, "hcl", parts, check_report);
}

const struct hz_at_family hz_at_azure = { HZ_ATTEST_KIND_AZURE, verify, &section, parts };
