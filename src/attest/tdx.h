/* SPDX-License-Identifier: Apache-2.0 */
/* Intel TDX: the decoded quote, the PCK certificate's facts, collateral, TCB status. */

#ifndef HZ_ATTEST_TDX_H
#define HZ_ATTEST_TDX_H

#include "attest/attest-int.h"

#define HZ_TDX_ATTR_DEBUG 0xFFull /* bits 7:0: any of them ends the confidentiality of the TD */
#define HZ_TDX_ATTR_SEPT_VE_DISABLE (1ull << 28)
#define HZ_TDX_ATTR_MIGRATABLE (1ull << 29)

/* The TD report of a quote; pointers into the quote.  svn2 and mrservicetd are NULL for a TD 1.0 body. */
struct hz_tdx_body {
	const uint8_t *tee_tcb_svn, *mrseam, *mrsignerseam, *seam_attributes, *mrtd, *mrconfigid, *mrowner, *mrownerconfig,
	    *rtmr[4], *report_data, *svn2, *mrservicetd;
	uint64_t td_attributes, xfam;
};

/* The SGX report of the quoting enclave. */
struct hz_tdx_qe {
	const uint8_t *raw, *cpusvn, *miscselect, *attributes, *mrenclave, *mrsigner, *report_data;
	uint16_t isvprodid, isvsvn;
};

struct hz_tdx_quote {
	unsigned version, body_type;              /* body_type: 2 = TD 1.0, 3 = TD 1.5 */
	struct hz_at_bytes signed_part;           /* header, body descriptor, body */
	const uint8_t *signature, *att_key;       /* 64 bytes each, big-endian */
	const uint8_t *qe_signature;
	struct hz_at_bytes qe_auth, pem;
	struct hz_tdx_body body;
	struct hz_tdx_qe qe;
};

/* The extension 1.2.840.113741.1.13.1 of a PCK certificate. */
struct hz_tdx_pck {
	uint8_t comp[16], fmspc[6], pceid[2], ppid[16];
	uint16_t pcesvn;
};

enum hz_tdx_status {
	HZ_TDX_UPTODATE,
	HZ_TDX_SW_HARDENING,
	HZ_TDX_CONFIGURATION,
	HZ_TDX_CONFIGURATION_AND_SW,
	HZ_TDX_OUT_OF_DATE,
	HZ_TDX_OUT_OF_DATE_CONFIGURATION,
	HZ_TDX_RELAUNCH,
	HZ_TDX_RELAUNCH_CONFIGURATION,
	HZ_TDX_REVOKED,
	HZ_TDX_UNSUPPORTED,     /* no level matches */
	HZ_TDX_STATUSES
};

const char *hz_tdx_status_name(enum hz_tdx_status s);
/* By the word of Intel's collateral; UNSUPPORTED for an unknown one. */
enum hz_tdx_status hz_tdx_status_by_name(const char *name);

/* tdx-quote.c */
enum hz_attest_reason hz_tdx_quote_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_tdx_quote *q);
void hz_tdx_quote_claims(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_tdx_quote *q);

/* tdx-pck.c: chain of the quote to the pinned Intel root (leaf first, freed by the caller), and the leaf's extension. */
enum hz_attest_reason hz_tdx_pck_chain(struct hz_at_run *run, const struct hz_tdx_quote *q, bool crl_needed,
                                       STACK_OF(X509) **chain);
bool hz_tdx_pck_read(const X509 *leaf, struct hz_tdx_pck *pck);
/* Chain of a signer of collateral, from the collateral's certificates, to the same root. *signer is to be freed. */
enum hz_attest_reason hz_tdx_tcb_signer(struct hz_at_run *run, bool crl_needed, X509 **signer);

/* tdx-collateral.c */
struct hz_tdx_collateral {
	struct json_object *tcb_info, *qe_identity;   /* the inner objects, signatures and dates checked */
	uint64_t evaluation_number;                   /* the lower of the two */
};

/* HZ_ATTEST_OK with tcb_info == NULL when none was given and none is required. Free in every case. */
enum hz_attest_reason hz_tdx_collateral_open(struct hz_at_run *run, const struct hz_tdx_pck *pck, bool required,
                                             bool crl_needed, struct hz_tdx_collateral *c);
void hz_tdx_collateral_free(struct hz_tdx_collateral *c);
/* "2025-06-19T10:16:03Z" as seconds since 1970; false for any other form. */
bool hz_tdx_time(const char *text, int64_t *out);

/* tdx-tcb.c */
struct hz_tdx_tcb {
	enum hz_tdx_status platform, module, qe, merged;
	const char *tcb_date;                         /* of the platform level; inside the collateral */
	struct json_object *advisories;               /* of the platform level, or NULL; borrowed */
};

/* Evaluates the levels in the order of Intel's verification library. */
enum hz_attest_reason hz_tdx_tcb_evaluate(struct hz_at_run *run, const struct hz_tdx_quote *q, const struct hz_tdx_pck *pck,
                                          const struct hz_tdx_collateral *c, struct hz_tdx_tcb *out);

/* tdx-policy.c */
struct hz_tdx_policy;
extern const struct hz_at_section hz_tdx_section;
bool hz_tdx_policy_collateral(const struct hz_tdx_policy *p);
bool hz_tdx_policy_crl(const struct hz_tdx_policy *p);
enum hz_attest_reason hz_tdx_policy_check(struct hz_at_run *run, const struct hz_tdx_quote *q, const struct hz_tdx_policy *p);
enum hz_attest_reason hz_tdx_policy_tcb(struct hz_at_run *run, const struct hz_tdx_tcb *tcb, uint64_t evaluation_number,
                                        const struct hz_tdx_policy *p);

#endif
