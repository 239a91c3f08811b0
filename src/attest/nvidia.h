/* SPDX-License-Identifier: Apache-2.0 */
/* NVIDIA GPUs (Hopper, Blackwell): SPDM 1.1 measurements, opaque fields, device chain, reference manifests, policy. */

#ifndef HZ_ATTEST_NVIDIA_H
#define HZ_ATTEST_NVIDIA_H

#include "attest/attest-int.h"

#define HZ_SPDM_HASH_LEN 48      /* SHA-384, the only digest that these devices use */
#define HZ_SPDM_SIGNATURE_LEN 96 /* P-384, r || s, big-endian */
#define HZ_SPDM_MAX_INDEX 255
#define HZ_NV_CHAIN_LEN 5

/* A GET_MEASUREMENTS request and its MEASUREMENTS response (DMTF DSP0274 1.1), borrowed from the evidence. */
struct hz_spdm_report {
	struct hz_at_bytes signed_part;                /* request || response without the signature */
	const uint8_t *signature;
	const uint8_t *request_nonce;                  /* 32 bytes, of the verifier */
	const uint8_t *response_nonce;                 /* 32 bytes, of the device: proves no freshness */
	const uint8_t *value[HZ_SPDM_MAX_INDEX + 1];   /* by block index, 1-based; NULL where there is none */
	unsigned blocks;
	struct hz_at_bytes opaque;
};

/* Takes the evidence apart: exact lengths, each index once. */
enum hz_attest_reason hz_spdm_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_spdm_report *out);

enum hz_nv_mode { HZ_NV_SPT, HZ_NV_MPT, HZ_NV_PPCIE };

/* What the opaque fields say; texts are empty where a field is absent. */
struct hz_nv_info {
	char driver[32], vbios[24], project[16], project_sku[16], chip_sku[16], chip_sku_mod[16], chip[16];
	int mode;                     /* enum hz_nv_mode, -1: not stated */
	int nvdec0;                   /* 1 on, 0 off, -1 not stated */
	int ppcie;                    /* likewise: protected PCIe */
	struct hz_at_bytes fwid;      /* 48 bytes, or {NULL, 0} */
};

/* Splits the opaque data (R_OPAQUE_FIELD: overrun, duplicate) and reads the fields that are used. */
enum hz_attest_reason hz_nv_info_read(struct hz_at_run *run, struct hz_at_bytes opaque, struct hz_nv_info *out);

/* "SPT", "MPT", "PPCIE"; NULL for anything else. */
const char *hz_nv_mode_name(int mode);

/* The device of a verified chain. */
struct hz_nv_device {
	X509 *leaf;                   /* borrowed from certs */
	char chip[16];                /* "GH100" */
	char serial[48];              /* serial number of the certificate of the chip's boot ROM, hexadecimal */
	int arch;
};

struct hz_nv_policy;
extern const struct hz_at_section hz_nv_section;

/* Puts the five certificates of a device into the order leaf to root by their names; leaves alone what is no such chain. */
void hz_nv_arrange(STACK_OF(X509) *certs);

/* certs must be exactly the five of the device, leaf first, under a pinned root. */
enum hz_attest_reason hz_nv_chain(struct hz_at_run *run, STACK_OF(X509) *certs, bool crl_required, struct hz_nv_device *out);

/* The DICE digest in the leaf against the opaque field; a report without the field passes only where that is allowed. */
enum hz_attest_reason hz_nv_fwid(struct hz_at_run *run, const struct hz_nv_device *d, const struct hz_nv_info *info,
                                 bool allow_missing);

bool hz_nv_policy_crl(const struct hz_nv_policy *p);
bool hz_nv_policy_missing_fwid(const struct hz_nv_policy *p);
bool hz_nv_policy_rim(const struct hz_nv_policy *p);
enum hz_attest_reason hz_nv_policy_check(struct hz_at_run *run, const struct hz_spdm_report *r, const struct hz_nv_info *info,
                                         const struct hz_nv_device *d, const struct hz_nv_policy *p);

/*
 * Compares the measurements with the reference manifests among the collateral: the one of the driver and the one of the
 * VBIOS.  A manifest of this driver or VBIOS that is given must be signed and match; needed: both must be given.
 */
enum hz_attest_reason hz_nv_rim_check(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_spdm_report *r,
                                      const struct hz_nv_info *info, const struct hz_nv_device *d, bool needed);

#endif
