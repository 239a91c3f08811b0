/* SPDX-License-Identifier: Apache-2.0 */
/* AMD SEV-SNP: the decoded report, certificate facts, and the steps of its verification. */

#ifndef HZ_ATTEST_SNP_H
#define HZ_ATTEST_SNP_H

#include "attest/attest-int.h"

#define HZ_SNP_REPORT_LEN 1184
#define HZ_SNP_SIGNED_LEN 0x2A0

enum hz_snp_line { HZ_SNP_MILAN, HZ_SNP_GENOA, HZ_SNP_TURIN, HZ_SNP_LINES };

/* Bits of the guest policy and of the platform information (AMD 56860). */
#define HZ_SNP_POLICY_SMT (1u << 16)
#define HZ_SNP_POLICY_ONE (1u << 17)
#define HZ_SNP_POLICY_MIGRATE (1u << 18)
#define HZ_SNP_POLICY_DEBUG (1u << 19)
#define HZ_SNP_POLICY_SINGLE_SOCKET (1u << 20)
#define HZ_SNP_POLICY_CXL (1u << 21)
#define HZ_SNP_PLATFORM_TIO (1u << 7)

enum hz_snp_key { HZ_SNP_KEY_VCEK = 0, HZ_SNP_KEY_VLEK = 1 };

/* A TCB_VERSION by component; fmc is 0 where the line has none. */
struct hz_snp_tcb {
	uint8_t fmc, bootloader, tee, snp, microcode;
};

/* ATTESTATION_REPORT (AMD 56860, table "ATTESTATION_REPORT structure"); pointers are into the report. */
struct hz_snp_report {
	uint32_t version, guest_svn, vmpl, sig_algo, key_info;
	uint64_t policy, platform_info, launch_mit, current_mit;
	const uint8_t *raw, *family_id, *image_id, *report_data, *measurement, *host_data, *id_key_digest,
	    *author_key_digest, *report_id, *report_id_ma, *chip_id;
	const uint8_t *current_tcb, *reported_tcb, *committed_tcb, *launch_tcb;   /* 8 bytes each */
	const uint8_t *current_fw, *committed_fw;                                 /* build, minor, major */
	uint8_t cpuid[3];                                                         /* family, model, stepping */
	enum hz_snp_line line;
	enum hz_snp_key key;
};

/* What a VCEK or VLEK certificate says. */
struct hz_snp_vek {
	X509 *cert;                   /* borrowed */
	enum hz_snp_key key;
	enum hz_snp_line line;        /* of the issuer's name */
	struct hz_snp_tcb tcb;
	uint8_t spl_rest[4];          /* .3.4 to .3.7 */
	uint8_t hwid[64];
	size_t hwid_len;              /* 64, 8, or 0 without one */
	char csp_id[128], product_name[32];
};

const char *hz_snp_line_name(enum hz_snp_line line);

/* Splits a TCB_VERSION of the line; false when a reserved byte is set. */
bool hz_snp_tcb_split(enum hz_snp_line line, const uint8_t raw[8], struct hz_snp_tcb *out);
bool hz_snp_tcb_equal(const struct hz_snp_tcb *a, const struct hz_snp_tcb *b);
/* True when every component of a is at least that of b. */
bool hz_snp_tcb_covers(const struct hz_snp_tcb *a, const struct hz_snp_tcb *b);

/* snp-report.c: form of the report; line is left open for version 2. */
enum hz_attest_reason hz_snp_report_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_snp_report *r);
void hz_snp_report_claims(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_snp_report *r);

/* snp-cert.c: picks and reads the signing certificate, checks its chain, binds it to the report. */
enum hz_attest_reason hz_snp_vek_find(struct hz_at_run *run, STACK_OF(X509) *certs, const struct hz_snp_report *r,
                                      struct hz_snp_vek *vek);
enum hz_attest_reason hz_snp_vek_chain(struct hz_at_run *run, STACK_OF(X509) *certs, const struct hz_snp_vek *vek,
                                       bool crl_needed);
enum hz_attest_reason hz_snp_vek_binds(struct hz_at_run *run, const struct hz_snp_report *r, const struct hz_snp_vek *vek,
                                       bool allow_masked_chip);

/* snp-table.c: adds the certificates of a GHCB certificate table to certs. */
enum hz_attest_reason hz_at_snp_table(struct hz_at_run *run, const void *p, size_t n, STACK_OF(X509) *certs);

/* snp-policy.c */
struct hz_snp_policy;
extern const struct hz_at_section hz_snp_section;
bool hz_snp_policy_crl(const struct hz_snp_policy *p);
bool hz_snp_policy_masked_chip(const struct hz_snp_policy *p);
enum hz_attest_reason hz_snp_policy_check(struct hz_at_run *run, const struct hz_snp_report *r,
                                          const struct hz_snp_vek *vek, const struct hz_snp_policy *p);

#endif
