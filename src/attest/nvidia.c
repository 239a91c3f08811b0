/* SPDX-License-Identifier: Apache-2.0 */
/* NVIDIA GPUs: the whole check of one device, in the order of the steps that may refuse. */

#include "attest/b64.h"
#include "attest/nvidia.h"

#include "base/hex.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the evidence list: [{"arch","certificate","evidence","nonce"}], values base64, nonce hexadecimal ---- */

struct envelope {
	uint8_t *report, *pem;
	size_t report_len, pem_len;
	char arch[16];
	bool has_nonce;
	uint8_t nonce[HZ_ATTEST_NONCE_LEN];
};

static bool
known_members(struct json_object *o)
{
	static const char *const names[] = { "arch", "certificate", "evidence", "nonce" };

	json_object_object_foreach(o, key, v) {
		size_t i = 0;

		while (i < sizeof names / sizeof *names && strcmp(names[i], key) != 0)
			i++;
		if (i == sizeof names / sizeof *names || !json_object_is_type(v, json_type_string))
			return false;
	}
	return true;
}

static uint8_t *
decode(const char *text, size_t *len)
{
	size_t n = text != NULL ? strlen(text) : 0;
	uint8_t *out = n > 0 ? malloc(n) : NULL;

	*len = n;
	if (out != NULL && !hz_at_b64_decode(text, n, false, out, len)) {
		free(out);
		out = NULL;
	}
	return out;
}

static bool
read_device(struct json_object *o, struct envelope *e)
{
	const char *arch = hz_at_json_text(o, "arch"), *nonce = hz_at_json_text(o, "nonce");

	if (!known_members(o) || arch == NULL || strlen(arch) >= sizeof e->arch)
		return false;
	memcpy(e->arch, arch, strlen(arch) + 1);
	e->has_nonce = nonce != NULL;
	if (e->has_nonce && !hz_hex_decode(nonce, strlen(nonce), e->nonce, sizeof e->nonce))
		return false;
	e->report = decode(hz_at_json_text(o, "evidence"), &e->report_len);
	e->pem = decode(hz_at_json_text(o, "certificate"), &e->pem_len);
	return e->report != NULL && e->pem != NULL;
}

static enum hz_attest_reason
open_envelope(struct hz_at_run *run, struct hz_at_bytes in, struct envelope *e)
{
	struct json_object *list = hz_at_json_parse(in.p, in.len, 2), *o;
	enum hz_attest_reason rc = HZ_ATTEST_OK;

	if (list == NULL || !json_object_is_type(list, json_type_array))
		rc = hz_at_refuse(run, HZ_ATTEST_R_JSON, "the list of GPU evidence is not strict JSON");
	else if (json_object_array_length(list) != 1)
		rc = hz_at_refuse(run, HZ_ATTEST_R_GPU_COUNT, "a list of %zu GPUs; each has an entry of its own",
		                  json_object_array_length(list));
	else if (o = json_object_array_get_idx(list, 0), !json_object_is_type(o, json_type_object) || !read_device(o, e))
		rc = hz_at_refuse(run, HZ_ATTEST_R_JSON, "the entry of the GPU is malformed");
	json_object_put(list);
	return rc;
}

/* ---- claims ---- */

static void
claim_text(struct hz_at_run *run, const struct hz_at_item *item, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		hz_at_claim_text(run, item, name, text);
}

static void
claim_info(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_nv_info *info)
{
	claim_text(run, item, "driver", info->driver);
	claim_text(run, item, "vbios", info->vbios);
	claim_text(run, item, "project", info->project);
	claim_text(run, item, "project_sku", info->project_sku);
	claim_text(run, item, "chip_sku", info->chip_sku);
	claim_text(run, item, "chip_sku_mod", info->chip_sku_mod);
	claim_text(run, item, "chip_info", info->chip);
	claim_text(run, item, "mode", hz_nv_mode_name(info->mode));
	if (info->nvdec0 >= 0)
		hz_at_claim_bool(run, item, "nvdec0", info->nvdec0 == 1);
	if (info->fwid.p != NULL)
		hz_at_claim_hex(run, item, "fwid", info->fwid.p, info->fwid.len);
}

/* All-zero measurements are registers that nothing was measured into. */
static void
claim_report(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_spdm_report *r)
{
	char name[24];

	hz_at_claim_hex(run, item, "nonce", r->request_nonce, HZ_ATTEST_NONCE_LEN);
	for (unsigned i = 1; i <= HZ_SPDM_MAX_INDEX; i++) {
		if (r->value[i] == NULL || hz_at_zero(r->value[i], HZ_SPDM_HASH_LEN))
			continue;
		snprintf(name, sizeof name, "measurement.%u", i);
		hz_at_claim_hex(run, item, name, r->value[i], HZ_SPDM_HASH_LEN);
	}
}

static void
claim_device(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_nv_device *d)
{
	hz_at_claim_text(run, item, "arch", d->arch == HZ_AT_ARCH_BLACKWELL ? "blackwell" : "hopper");
	hz_at_claim_text(run, item, "chip", d->chip);
	hz_at_claim_text(run, item, "device_serial", d->serial);
}

/* ---- checks ---- */

static enum hz_attest_reason
check_nonce(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_spdm_report *r, const struct envelope *e)
{
	const struct hz_at_bytes *want = &item->nonce;

	if (e != NULL && e->has_nonce && !hz_at_equal(e->nonce, r->request_nonce, HZ_ATTEST_NONCE_LEN))
		return hz_at_refuse(run, HZ_ATTEST_R_NONCE, "the list names another nonce than the report");
	if (want->p != NULL && (want->len != HZ_ATTEST_NONCE_LEN || !hz_at_equal(want->p, r->request_nonce, HZ_ATTEST_NONCE_LEN)))
		return hz_at_refuse(run, HZ_ATTEST_R_NONCE, "the nonce of the request is not what was expected");
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
check_signature(struct hz_at_run *run, const struct hz_spdm_report *r, const struct hz_nv_device *d)
{
	if (!hz_at_ecdsa_verify(run, X509_get0_pubkey(d->leaf), "P-384", "SHA384", r->signature, HZ_SPDM_SIGNATURE_LEN,
	                        &r->signed_part, 1))
		return hz_at_refuse(run, HZ_ATTEST_R_SIGNATURE, "the measurements are not signed by the device");
	return HZ_ATTEST_OK;
}

/* What the certificate says of the chip, the report must not contradict. */
static enum hz_attest_reason
check_chip(struct hz_at_run *run, const struct hz_nv_info *info, const struct hz_nv_device *d, const struct envelope *e)
{
	const char *arch = d->arch == HZ_AT_ARCH_BLACKWELL ? "BLACKWELL" : "HOPPER";

	if (info->chip[0] != '\0' && strcmp(info->chip, d->chip) != 0)
		return hz_at_refuse(run, HZ_ATTEST_R_DEVICE_KIND, "the report is of a %s, the certificate of a %s", info->chip, d->chip);
	if (e != NULL && strcmp(e->arch, arch) != 0)
		return hz_at_refuse(run, HZ_ATTEST_R_DEVICE_KIND, "the list says %s, the certificate %s", e->arch, arch);
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
describe(struct hz_at_run *run, struct hz_at_item *item, const struct hz_nv_info *info, const struct hz_nv_device *d)
{
	item->is_gpu = true;
	item->arch = d->arch == HZ_AT_ARCH_BLACKWELL ? HZ_AT_ARCH_BLACKWELL : HZ_AT_ARCH_HOPPER;
	item->mode = info->mode;
	if (!hz_at_spki_sha256(run, d->leaf, item->leaf_spki_sha256))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "a digest failed");
	hz_at_claim_hex(run, item, "key_sha256", item->leaf_spki_sha256, 32);
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
check_report(struct hz_at_run *run, struct hz_at_item *item, struct hz_at_bytes report, STACK_OF(X509) *certs,
             const struct envelope *e)
{
	const struct hz_nv_policy *policy = hz_at_policy_section(run->policy, &hz_nv_section);
	struct hz_spdm_report r;
	struct hz_nv_info info;
	struct hz_nv_device d;
	enum hz_attest_reason rc = hz_spdm_read(run, report, &r);

	if (rc != HZ_ATTEST_OK)
		return rc;
	claim_report(run, item, &r);
	rc = hz_nv_info_read(run, r.opaque, &info);
	if (rc != HZ_ATTEST_OK)
		return rc;
	claim_info(run, item, &info);
	rc = hz_nv_chain(run, certs, hz_nv_policy_crl(policy), &d);
	if (rc != HZ_ATTEST_OK)
		return rc;
	claim_device(run, item, &d);
	rc = hz_nv_fwid(run, &d, &info, hz_nv_policy_missing_fwid(policy));
	if (rc == HZ_ATTEST_OK)
		rc = check_chip(run, &info, &d, e);
	if (rc == HZ_ATTEST_OK)
		rc = check_nonce(run, item, &r, e);
	if (rc == HZ_ATTEST_OK)
		rc = check_signature(run, &r, &d);
	if (rc == HZ_ATTEST_OK)
		rc = hz_nv_rim_check(run, item, &r, &info, &d, hz_nv_policy_rim(policy));
	if (rc == HZ_ATTEST_OK)
		rc = hz_nv_policy_check(run, &r, &info, &d, policy);
	return rc == HZ_ATTEST_OK ? describe(run, item, &info, &d) : rc;
}

static enum hz_attest_reason
verify_list(struct hz_at_run *run, struct hz_at_item *item)
{
	struct envelope e = { .report = NULL };
	STACK_OF(X509) *certs = sk_X509_new_null();
	enum hz_attest_reason rc;

	if (certs == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "out of memory");
	rc = open_envelope(run, item->evidence, &e);
	if (rc == HZ_ATTEST_OK && !hz_at_certs_read(run, certs, e.pem, e.pem_len))
		rc = hz_at_refuse(run, HZ_ATTEST_R_CERT_PARSE, "a certificate of the list cannot be read");
	if (rc == HZ_ATTEST_OK)
		rc = check_report(run, item, (struct hz_at_bytes){ e.report, e.report_len }, certs, &e);
	sk_X509_pop_free(certs, X509_free);
	free(e.report);
	free(e.pem);
	return rc;
}

static enum hz_attest_reason
verify(struct hz_at_run *run, struct hz_at_item *item)
{
	struct hz_reader r = hz_rd(item->evidence.p, item->evidence.len);
	const uint8_t *first = hz_rd_peek(&r, 1);

	if (first != NULL && *first == '[')
		return verify_list(run, item);
	/* One file is the chain as the device gave it; the order of several files is the caller's, who may give them in any. */
	if (run->in->n_certs > 1)
		hz_nv_arrange(item->certs);
	return check_report(run, item, item->evidence, item->certs, NULL);
}

const struct hz_at_family hz_at_nvidia = { HZ_ATTEST_KIND_NVIDIA, verify, &hz_nv_section, NULL };
