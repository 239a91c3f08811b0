/* SPDX-License-Identifier: Apache-2.0 */
/* The stable words for reasons and kinds. */

#include "attest/attest-int.h"

static const struct {
	enum hz_attest_reason reason;
	const char *name;
} reasons[] = {
	{ HZ_ATTEST_OK, "ok" },
	{ HZ_ATTEST_R_ARGUMENT, "argument" },
	{ HZ_ATTEST_R_INTERNAL, "internal" },
	{ HZ_ATTEST_R_TOO_LARGE, "too_large" },
	{ HZ_ATTEST_R_KIND, "kind" },
	{ HZ_ATTEST_R_UNSUPPORTED, "unsupported" },
	{ HZ_ATTEST_R_LENGTH, "length" },
	{ HZ_ATTEST_R_TOO_SHORT, "too_short" },
	{ HZ_ATTEST_R_TRAILING, "trailing" },
	{ HZ_ATTEST_R_PARSE, "parse" },
	{ HZ_ATTEST_R_JSON, "json" },
	{ HZ_ATTEST_R_CBOR, "cbor" },
	{ HZ_ATTEST_R_VERSION, "version" },
	{ HZ_ATTEST_R_RESERVED_NONZERO, "reserved_nonzero" },
	{ HZ_ATTEST_R_MISSING, "missing" },
	{ HZ_ATTEST_R_DUPLICATE, "duplicate" },
	{ HZ_ATTEST_R_CERT_PARSE, "cert_parse" },
	{ HZ_ATTEST_R_CERT_KIND, "cert_kind" },
	{ HZ_ATTEST_R_CERT_PRODUCT, "cert_product" },
	{ HZ_ATTEST_R_CHAIN, "chain" },
	{ HZ_ATTEST_R_CHAIN_LEN, "chain_len" },
	{ HZ_ATTEST_R_ROOT, "root" },
	{ HZ_ATTEST_R_REVOKED, "revoked" },
	{ HZ_ATTEST_R_CRL, "crl" },
	{ HZ_ATTEST_R_SIGNATURE, "signature" },
	{ HZ_ATTEST_R_SIG_ALGO, "sig_algo" },
	{ HZ_ATTEST_R_SIGNATURE_PADDING, "signature_padding_nonzero" },
	{ HZ_ATTEST_R_SIGNING_KEY, "signing_key" },
	{ HZ_ATTEST_R_BINDING, "binding" },
	{ HZ_ATTEST_R_REPORT_DATA, "report_data" },
	{ HZ_ATTEST_R_NONCE, "nonce" },
	{ HZ_ATTEST_R_CHALLENGE, "challenge" },
	{ HZ_ATTEST_R_FLAGS_RESERVED, "flags_reserved" },
	{ HZ_ATTEST_R_POLICY_RESERVED, "policy_reserved" },
	{ HZ_ATTEST_R_UNKNOWN_PRODUCT, "unknown_product" },
	{ HZ_ATTEST_R_TCB, "tcb" },
	{ HZ_ATTEST_R_CHIP_ID, "chip_id" },
	{ HZ_ATTEST_R_TABLE_OFFSET, "table_offset_in_header" },
	{ HZ_ATTEST_R_TABLE_OVERRUN, "table_overrun" },
	{ HZ_ATTEST_R_TABLE_DUPLICATE, "table_duplicate" },
	{ HZ_ATTEST_R_TABLE_NO_TERMINATOR, "table_no_terminator" },
	{ HZ_ATTEST_R_TABLE_TERMINATOR, "table_terminator" },
	{ HZ_ATTEST_R_ATT_KEY_TYPE, "att_key_type" },
	{ HZ_ATTEST_R_TEE_TYPE, "tee_type" },
	{ HZ_ATTEST_R_QE_VENDOR, "qe_vendor" },
	{ HZ_ATTEST_R_BODY_TYPE, "body_type" },
	{ HZ_ATTEST_R_BODY_SIZE, "body_size" },
	{ HZ_ATTEST_R_SIGDATA_LEN, "sigdata_len" },
	{ HZ_ATTEST_R_OUTER_CERT_TYPE, "outer_cert_type" },
	{ HZ_ATTEST_R_OUTER_CERT_LEN, "outer_cert_len" },
	{ HZ_ATTEST_R_QE_AUTH_LEN, "qe_auth_len" },
	{ HZ_ATTEST_R_PCK_CERT_TYPE, "pck_cert_type" },
	{ HZ_ATTEST_R_PCK_CERT_LEN, "pck_cert_len" },
	{ HZ_ATTEST_R_PCK_CHAIN_LEN, "pck_chain_len" },
	{ HZ_ATTEST_R_QE_REPORT_SIGNATURE, "qe_report_signature" },
	{ HZ_ATTEST_R_QE_REPORT_DATA, "qe_report_data" },
	{ HZ_ATTEST_R_QE_IDENTITY, "qe_identity" },
	{ HZ_ATTEST_R_QUOTE_SIGNATURE, "quote_signature" },
	{ HZ_ATTEST_R_TDX_MODULE, "tdx_module" },
	{ HZ_ATTEST_R_TCB_STATUS, "tcb_status" },
	{ HZ_ATTEST_R_COLLATERAL, "collateral" },
	{ HZ_ATTEST_R_COLLATERAL_SIGNATURE, "collateral_signature" },
	{ HZ_ATTEST_R_EXPIRED, "expired" },
	{ HZ_ATTEST_R_NOT_YET_ISSUED, "not_yet_issued" },
	{ HZ_ATTEST_R_FMSPC, "fmspc" },
	{ HZ_ATTEST_R_COLLATERAL_ID, "id" },
	{ HZ_ATTEST_R_REQUEST_HEADER, "request_header" },
	{ HZ_ATTEST_R_NO_SIGNATURE_ASKED, "request_signature_not_asked" },
	{ HZ_ATTEST_R_RESPONSE_HEADER, "response_header" },
	{ HZ_ATTEST_R_NO_BLOCKS, "no_blocks" },
	{ HZ_ATTEST_R_BLOCK_OVERRUN, "block_overrun" },
	{ HZ_ATTEST_R_RECORD_LEN, "record_len" },
	{ HZ_ATTEST_R_BLOCK_INDEX, "block_index" },
	{ HZ_ATTEST_R_BLOCK_SPEC, "block_spec" },
	{ HZ_ATTEST_R_BLOCK_SIZE, "block_size" },
	{ HZ_ATTEST_R_OPAQUE_LEN, "opaque_len" },
	{ HZ_ATTEST_R_OPAQUE_FIELD, "opaque_field" },
	{ HZ_ATTEST_R_FWID, "fwid" },
	{ HZ_ATTEST_R_DEVICE_KIND, "device_kind" },
	{ HZ_ATTEST_R_RIM, "rim" },
	{ HZ_ATTEST_R_RIM_SIGNATURE, "rim_signature" },
	{ HZ_ATTEST_R_GPU_MODE, "gpu_mode" },
	{ HZ_ATTEST_R_GPU_COUNT, "gpu_count" },
	{ HZ_ATTEST_R_GPU_SAME_KEY, "gpu_same_key" },
	{ HZ_ATTEST_R_MAGIC, "magic" },
	{ HZ_ATTEST_R_TYPE, "type" },
	{ HZ_ATTEST_R_TRAILING_OR_TRUNCATED, "trailing_or_truncated" },
	{ HZ_ATTEST_R_PCR_DIGEST, "pcr_digest" },
	{ HZ_ATTEST_R_AK, "ak" },
	{ HZ_ATTEST_R_HCL, "hcl" },
	{ HZ_ATTEST_R_TAG, "tag" },
	{ HZ_ATTEST_R_COSE_SIGNATURE, "cose_signature" },
	{ HZ_ATTEST_R_COSE_ALG, "cose_alg" },
	{ HZ_ATTEST_R_COSE_ALG_KEY, "cose_alg_key" },
	{ HZ_ATTEST_R_RAK, "rak" },
	{ HZ_ATTEST_R_LIFECYCLE, "lifecycle" },
	{ HZ_ATTEST_R_POLICY_KIND, "policy_kind" },
	{ HZ_ATTEST_R_POLICY_SIMULATED, "policy_simulated" },
	{ HZ_ATTEST_R_POLICY_DEBUG, "policy_debug" },
	{ HZ_ATTEST_R_POLICY_MIGRATION, "policy_migration" },
	{ HZ_ATTEST_R_POLICY_SMT, "policy_smt" },
	{ HZ_ATTEST_R_POLICY_ABI, "policy_abi" },
	{ HZ_ATTEST_R_POLICY_GUEST, "policy_guest" },
	{ HZ_ATTEST_R_POLICY_VMPL, "policy_vmpl" },
	{ HZ_ATTEST_R_POLICY_MIN_TCB, "policy_min_tcb" },
	{ HZ_ATTEST_R_POLICY_GUEST_SVN, "policy_guest_svn" },
	{ HZ_ATTEST_R_POLICY_MEASUREMENT, "policy_measurement" },
	{ HZ_ATTEST_R_POLICY_HOST_DATA, "policy_host_data" },
	{ HZ_ATTEST_R_POLICY_ID_KEY, "policy_id_key" },
	{ HZ_ATTEST_R_POLICY_AUTHOR_KEY, "policy_author_key" },
	{ HZ_ATTEST_R_POLICY_CHIP_ID, "policy_chip_id" },
	{ HZ_ATTEST_R_POLICY_MRTD, "policy_mrtd" },
	{ HZ_ATTEST_R_POLICY_RTMR, "policy_rtmr" },
	{ HZ_ATTEST_R_POLICY_MRSEAM, "policy_mrseam" },
	{ HZ_ATTEST_R_POLICY_ATTRIBUTES, "policy_attributes" },
	{ HZ_ATTEST_R_POLICY_XFAM, "policy_xfam" },
	{ HZ_ATTEST_R_POLICY_MRSERVICETD, "policy_mrservicetd" },
	{ HZ_ATTEST_R_POLICY_MRCONFIG, "policy_mrconfig" },
	{ HZ_ATTEST_R_POLICY_FIRMWARE, "policy_firmware" },
	{ HZ_ATTEST_R_POLICY_PCR, "policy_pcr" },
	{ HZ_ATTEST_R_POLICY_TEE_IO, "policy_tee_io" },
	{ HZ_ATTEST_R_POLICY_MIG, "policy_mig" },
	{ HZ_ATTEST_R_POLICY_DEVICE, "policy_device" },
};

static const char *const kinds[] = {
	[HZ_ATTEST_KIND_SNP] = "snp",     [HZ_ATTEST_KIND_TDX] = "tdx", [HZ_ATTEST_KIND_NVIDIA] = "nvidia",
	[HZ_ATTEST_KIND_TPM] = "tpm",     [HZ_ATTEST_KIND_AZURE] = "azure", [HZ_ATTEST_KIND_CCA] = "cca",
	[HZ_ATTEST_KIND_SIM] = "sim",     [HZ_ATTEST_KIND_BUNDLE] = "bundle", [HZ_ATTEST_KIND_TSM] = "tsm",
	[HZ_ATTEST_KIND_CMW] = "cmw",
};

const char *
hz_attest_reason_name(enum hz_attest_reason reason)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].reason == reason)
			return reasons[i].name;
	return "unknown";
}

const char *
hz_attest_kind_name(enum hz_attest_kind kind)
{
	return (unsigned)kind < sizeof kinds / sizeof *kinds ? kinds[kind] : NULL;
}

enum hz_attest_kind
hz_attest_kind_by_name(const char *name)
{
	for (unsigned i = 1; name != NULL && i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i], name) == 0)
			return (enum hz_attest_kind)i;
	return HZ_ATTEST_KIND_NONE;
}
