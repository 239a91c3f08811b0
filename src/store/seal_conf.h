/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration says about a slot's hardware seals; plain values, copied by assignment. */
#ifndef HZ_STORE_SEAL_CONF_H
#define HZ_STORE_SEAL_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"

#define HZ_PCR_BANKS 3u
#define HZ_PCRS 24u

/* Platform configuration registers of a TPM, by bank: algorithm (TPM_ALG_ID of SHA-256, SHA-384, SHA-512) and one bit a register. */
struct hz_pcrs {
	size_t n;
	struct {
		uint16_t alg;
		uint32_t mask;
	} bank[HZ_PCR_BANKS];
};

/* "sha256:0,2,7" or "sha256:0,2,7+sha384:0". False, with a text that says why: nothing selected, twice, or no such bank or register. */
bool hz_pcrs_parse(const char *text, struct hz_pcrs *out, const char **why);
/* Bytes of a digest of this bank; 0: not a bank that is known. */
size_t hz_pcr_len(uint16_t alg);
const char *hz_pcr_bank(uint16_t alg); /* "sha256", ... */

enum hz_snp_key { HZ_SNP_VCEK = 0, HZ_SNP_VMRK = 1 };

/* Zeroed: the defaults, everywhere. */
struct hz_seal_conf {
	char tpm2_tcti[128];       /* "": HZ_TPM2_TCTI */
	struct hz_pcrs tpm2_pcrs;  /* n == 0: HZ_TPM2_PCRS */
	char snp_device[128];      /* "": HZ_SNP_DEVICE */
	enum hz_snp_key snp_key;   /* root of the derived key */
	const uint8_t *hsm_secret; /* 32 bytes that the owner of the store keeps while it is used, and fills in before a login; NULL: none */
	unsigned snp_vmpl;         /* 0..3: the level of the report and the key, at least the one that the module runs at */
};

#define HZ_TPM2_TCTI "device:/dev/tpmrm0"
#define HZ_TPM2_PCRS "sha256:0,1,2,3,7"
#define HZ_SNP_DEVICE "/dev/sev-guest"

/* "device:PATH", an absolute PATH, "swtpm:path=PATH", "swtpm[:host=ADDRESS,port=N]" (in any order, numeric). False: malformed. */
bool hz_tpm2_tcti_ok(const char *tcti);

/*
 * Is there what a seal of this kind (enum hz_seal_id) needs on this machine? A look at the file system, some microseconds; a TPM
 * behind a network address is taken to be there. CKR_DEVICE_REMOVED with the reason: no.
 */
CK_RV hz_seal_present(unsigned kind, const struct hz_seal_conf *conf);

#endif
