/* SPDX-License-Identifier: Apache-2.0 */
/* The SEV-SNP attestation report: layout of versions 2 to 5, reserved fields, product line, TCB components, claims. */

#include "attest/snp.h"

#include <stdio.h>

#define KEY_INFO_KNOWN 0x1Fu        /* author key, masked chip key, signing key */
#define KEY_INFO_MASK_CHIP_KEY 0x02u
#define POLICY_KNOWN ((1ull << 26) - 1)

const char *
hz_snp_line_name(enum hz_snp_line line)
{
	static const char *const names[HZ_SNP_LINES] = { "Milan", "Genoa", "Turin" };

	return names[line];
}

/* ---- TCB_VERSION: the order of its bytes depends on the product line, never on the report's version ---- */

bool
hz_snp_tcb_split(enum hz_snp_line line, const uint8_t raw[8], struct hz_snp_tcb *out)
{
	if (line == HZ_SNP_TURIN) {
		*out = (struct hz_snp_tcb){ raw[0], raw[1], raw[2], raw[3], raw[7] };
		return hz_at_zero(raw + 4, 3);
	}
	*out = (struct hz_snp_tcb){ 0, raw[0], raw[1], raw[6], raw[7] };
	return hz_at_zero(raw + 2, 4);
}

bool
hz_snp_tcb_equal(const struct hz_snp_tcb *a, const struct hz_snp_tcb *b)
{
	return hz_snp_tcb_covers(a, b) && hz_snp_tcb_covers(b, a);
}

bool
hz_snp_tcb_covers(const struct hz_snp_tcb *a, const struct hz_snp_tcb *b)
{
	return a->fmc >= b->fmc && a->bootloader >= b->bootloader && a->tee >= b->tee && a->snp >= b->snp &&
	       a->microcode >= b->microcode;
}

/* ---- layout ---- */

struct zeros {
	bool low, cpuid, mit, high, tail;
};

/* Reads everything; only a wrong length makes the reader fail.  Which reserved bytes were zero goes to z. */
static void
read_fields(struct hz_reader *in, struct hz_snp_report *r, struct zeros *z)
{
	r->raw = in->p;
	r->version = hz_rd_u32le(in);
	r->guest_svn = hz_rd_u32le(in);
	r->policy = hz_rd_u64le(in);
	r->family_id = hz_rd_bytes(in, 16);
	r->image_id = hz_rd_bytes(in, 16);
	r->vmpl = hz_rd_u32le(in);
	r->sig_algo = hz_rd_u32le(in);
	r->current_tcb = hz_rd_bytes(in, 8);
	r->platform_info = hz_rd_u64le(in);
	r->key_info = hz_rd_u32le(in);
	z->low = hz_rd_zeros(in, 4);
	r->report_data = hz_rd_bytes(in, 64);
	r->measurement = hz_rd_bytes(in, 48);
	r->host_data = hz_rd_bytes(in, 32);
	r->id_key_digest = hz_rd_bytes(in, 48);
	r->author_key_digest = hz_rd_bytes(in, 48);
	r->report_id = hz_rd_bytes(in, 32);
	r->report_id_ma = hz_rd_bytes(in, 32);
	r->reported_tcb = hz_rd_bytes(in, 8);
	hz_rd_copy(in, r->cpuid, 3);
	z->cpuid = hz_rd_zeros(in, 21);
	r->chip_id = hz_rd_bytes(in, 64);
	r->committed_tcb = hz_rd_bytes(in, 8);
	r->current_fw = hz_rd_bytes(in, 4);
	r->committed_fw = hz_rd_bytes(in, 4);
	r->launch_tcb = hz_rd_bytes(in, 8);
	r->launch_mit = hz_rd_u64le(in);
	r->current_mit = hz_rd_u64le(in);
	z->high = hz_rd_zeros(in, 0x2A0 - 0x208);
	hz_rd_skip(in, 48);
	z->tail = hz_rd_zeros(in, 24);
	hz_rd_skip(in, 48);
	z->tail &= hz_rd_zeros(in, 24 + 0x4A0 - 0x330);
}

static bool
reserved_zero(const struct hz_snp_report *r, const struct zeros *z)
{
	bool mit = r->version >= 5 || (r->launch_mit == 0 && r->current_mit == 0);
	bool cpuid = r->version >= 3 || hz_at_zero(r->cpuid, sizeof r->cpuid);

	return z->low && z->cpuid && z->high && mit && cpuid && r->current_fw[3] == 0 && r->committed_fw[3] == 0;
}

/* CPUID family and model to the line whose ARK endorses the chip; Siena and Bergamo belong to Genoa. */
static bool
line_of_cpuid(const uint8_t cpuid[3], enum hz_snp_line *line)
{
	uint8_t model = cpuid[1];

	if (cpuid[0] == 0x19 && model <= 0x0F)
		*line = HZ_SNP_MILAN;
	else if (cpuid[0] == 0x19 && ((model >= 0x10 && model <= 0x1F) || (model >= 0xA0 && model <= 0xAF)))
		*line = HZ_SNP_GENOA;
	else if (cpuid[0] == 0x1A && model <= 0x11)
		*line = HZ_SNP_TURIN;
	else
		return false;
	return true;
}

static enum hz_attest_reason
check_key_info(struct hz_at_run *run, struct hz_snp_report *r)
{
	uint32_t key = r->key_info >> 2 & 7;

	if ((r->key_info & ~KEY_INFO_KNOWN) != 0)
		return hz_at_refuse(run, HZ_ATTEST_R_FLAGS_RESERVED, "KEY_INFO has unknown bits set");
	if (key > 1)
		return hz_at_refuse(run, HZ_ATTEST_R_SIGNING_KEY, "the report is signed by no VCEK and no VLEK (%u)", (unsigned)key);
	if (r->key_info & KEY_INFO_MASK_CHIP_KEY)
		return hz_at_refuse(run, HZ_ATTEST_R_SIGNING_KEY, "the chip key is masked: the report has no signature");
	r->key = key == 0 ? HZ_SNP_KEY_VCEK : HZ_SNP_KEY_VLEK;
	return HZ_ATTEST_OK;
}

enum hz_attest_reason
hz_snp_report_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_snp_report *r)
{
	struct hz_reader rd = hz_rd(in.p, in.len);
	struct zeros z;
	enum hz_attest_reason rc;

	memset(r, 0, sizeof *r);
	read_fields(&rd, r, &z);
	if (!hz_rd_end(&rd))
		return hz_at_refuse(run, HZ_ATTEST_R_LENGTH, "an SNP report has %d bytes, not %zu", HZ_SNP_REPORT_LEN, in.len);
	/* A newer version gives meaning to bytes that are reserved here, so that it must not be read as the nearest. */
	if (r->version != 2 && r->version != 3 && r->version != 5)
		return hz_at_refuse(run, HZ_ATTEST_R_VERSION, "unknown report version %u", (unsigned)r->version);
	if (r->sig_algo != 1)
		return hz_at_refuse(run, HZ_ATTEST_R_SIG_ALGO, "unknown signature algorithm %u", (unsigned)r->sig_algo);
	if (!(r->policy & HZ_SNP_POLICY_ONE) || (r->policy & ~POLICY_KNOWN) != 0)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_RESERVED, "reserved bits of the guest policy are wrong");
	rc = check_key_info(run, r);
	if (rc != HZ_ATTEST_OK)
		return rc;
	if (!reserved_zero(r, &z))
		return hz_at_refuse(run, HZ_ATTEST_R_RESERVED_NONZERO, "a reserved field is not zero");
	if (!z.tail)
		return hz_at_refuse(run, HZ_ATTEST_R_SIGNATURE_PADDING, "bytes beside the signature are not zero");
	if (r->version >= 3 && !line_of_cpuid(r->cpuid, &r->line))
		return hz_at_refuse(run, HZ_ATTEST_R_UNKNOWN_PRODUCT, "CPUID family %02x model %02x is no known product",
		                    r->cpuid[0], r->cpuid[1]);
	return HZ_ATTEST_OK;
}

/* ---- claims ---- */

static void
claim_version(struct hz_at_run *run, const struct hz_at_item *item, const char *name, const uint8_t fw[3])
{
	char text[16];

	snprintf(text, sizeof text, "%u.%u.%u", fw[2], fw[1], fw[0]);
	hz_at_claim_text(run, item, name, text);
}

static void
claim_policy(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_snp_report *r)
{
	char text[24];

	snprintf(text, sizeof text, "0x%016llx", (unsigned long long)r->policy);
	hz_at_claim_text(run, item, "policy", text);
	snprintf(text, sizeof text, "%u.%u", (unsigned)(r->policy >> 8 & 0xFF), (unsigned)(r->policy & 0xFF));
	hz_at_claim_text(run, item, "policy_abi", text);
	hz_at_claim_bool(run, item, "debug", (r->policy & HZ_SNP_POLICY_DEBUG) != 0);
	hz_at_claim_bool(run, item, "migration", (r->policy & HZ_SNP_POLICY_MIGRATE) != 0);
	hz_at_claim_bool(run, item, "smt", (r->policy & HZ_SNP_POLICY_SMT) != 0);
	hz_at_claim_bool(run, item, "single_socket", (r->policy & HZ_SNP_POLICY_SINGLE_SOCKET) != 0);
	snprintf(text, sizeof text, "0x%llx", (unsigned long long)r->platform_info);
	hz_at_claim_text(run, item, "platform_info", text);
	hz_at_claim_bool(run, item, "tee_io", (r->platform_info & HZ_SNP_PLATFORM_TIO) != 0);
}

void
hz_snp_report_claims(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_snp_report *r)
{
	hz_at_claim_u64(run, item, "version", r->version);
	if (r->version >= 3)
		hz_at_claim_text(run, item, "product", hz_snp_line_name(r->line));
	hz_at_claim_text(run, item, "signing_key", r->key == HZ_SNP_KEY_VCEK ? "VCEK" : "VLEK");
	claim_policy(run, item, r);
	hz_at_claim_u64(run, item, "guest_svn", r->guest_svn);
	hz_at_claim_u64(run, item, "vmpl", r->vmpl);
	hz_at_claim_hex(run, item, "measurement", r->measurement, 48);
	hz_at_claim_hex(run, item, "report_data", r->report_data, 64);
	hz_at_claim_hex(run, item, "host_data", r->host_data, 32);
	hz_at_claim_hex(run, item, "id_key_digest", r->id_key_digest, 48);
	hz_at_claim_hex(run, item, "author_key_digest", r->author_key_digest, 48);
	hz_at_claim_hex(run, item, "family_id", r->family_id, 16);
	hz_at_claim_hex(run, item, "image_id", r->image_id, 16);
	hz_at_claim_hex(run, item, "report_id", r->report_id, 32);
	hz_at_claim_hex(run, item, "chip_id", r->chip_id, 64);
	hz_at_claim_hex(run, item, "reported_tcb", r->reported_tcb, 8);
	hz_at_claim_hex(run, item, "current_tcb", r->current_tcb, 8);
	hz_at_claim_hex(run, item, "committed_tcb", r->committed_tcb, 8);
	hz_at_claim_hex(run, item, "launch_tcb", r->launch_tcb, 8);
	claim_version(run, item, "current_firmware", r->current_fw);
	claim_version(run, item, "committed_firmware", r->committed_fw);
	if (r->version >= 5) {
		hz_at_claim_u64(run, item, "launch_mitigations", r->launch_mit);
		hz_at_claim_u64(run, item, "current_mitigations", r->current_mit);
	}
}
