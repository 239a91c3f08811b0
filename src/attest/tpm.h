/* SPDX-License-Identifier: Apache-2.0 */
/* TPM 2.0 quotes: structure, signature, register values; also what an Azure vTPM signs. */

#ifndef HZ_ATTEST_TPM_H
#define HZ_ATTEST_TPM_H

#include "attest/attest-int.h"

#define HZ_TPM_PCRS 24
#define HZ_TPM_MAX_BANKS 4
#define HZ_TPM_MAX_DIGEST 64

/* One TPMS_PCR_SELECTION. */
struct hz_tpm_bank {
	uint16_t hash;              /* TPM_ALG_ID */
	uint32_t selected;          /* bit i: register i */
};

/* TPMS_ATTEST of a quote (TPM 2.0 Library, part 2, 10.12.12), borrowed. */
struct hz_tpm_quote {
	struct hz_at_bytes raw, signer, extra, pcr_digest;
	uint64_t clock;
	const uint8_t *firmware;    /* 8 bytes */
	uint32_t reset_count, restart_count;
	bool safe;
	struct hz_tpm_bank bank[HZ_TPM_MAX_BANKS];
	unsigned banks;
};

enum hz_attest_reason hz_tpm_quote_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_tpm_quote *out);
void hz_tpm_quote_claims(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_tpm_quote *q);

/*
 * The signature of key over the quote: a TPMT_SIGNATURE (RSASSA, RSAPSS with a salt of the digest's length, ECDSA; SHA-256,
 * SHA-384, SHA-512), or the bare signature of an RSA key (PKCS #1 v1.5 with SHA-256).
 */
enum hz_attest_reason hz_tpm_quote_verify(struct hz_at_run *run, const struct hz_tpm_quote *q, struct hz_at_bytes sig, EVP_PKEY *key);

/* extraData is exactly the expected nonce; nothing is expected where it has no bytes. */
enum hz_attest_reason hz_tpm_quote_nonce(struct hz_at_run *run, const struct hz_tpm_quote *q, struct hz_at_bytes want);

/* Register values that a policy wants: {"7": hex, ...} of the SHA-256 bank, or "any". */
struct hz_tpm_pcr_policy {
	bool any;
	struct hz_at_indexed index;
};
bool hz_tpm_pcr_policy_read(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst);
void hz_tpm_pcr_policy_release(void *dst);

/*
 * The values in pcrs (all selected registers in the order of the quote, or all 24 of its only bank) hash to the quote's
 * digest, and are what the policy wants.  pcrs may be absent where the policy wants none.  Adds claims "pcr.7".
 */
enum hz_attest_reason hz_tpm_pcrs_check(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_tpm_quote *q,
                                        struct hz_at_bytes pcrs, const struct hz_tpm_pcr_policy *policy);

/* The public key must be RSA of 2048 bits or more, or EC on P-256 or P-384. */
bool hz_tpm_key_fits(EVP_PKEY *key);

#endif
