/* SPDX-License-Identifier: Apache-2.0 */
/* The policy object: what the whole evidence must satisfy, and one section for each family. */

#ifndef HZ_ATTEST_POLICY_INT_H
#define HZ_ATTEST_POLICY_INT_H

#include "attest/attest-int.h"

#define HZ_AT_MAX_ROOTS 16
#define HZ_AT_MAX_TENANTS 256
#define HZ_AT_N_FAMILIES 7 /* entries of hz_at_families[] */

/* A root that the configuration names beside the vendor's. */
struct hz_at_root {
	char family[16];
	bool spki;
	uint8_t sha256[32];
};

/* Evidence whose claim has this value belongs to this tenant. */
struct hz_at_tenant {
	char *claim, *value, *tenant;
};

enum hz_at_tee_io { HZ_AT_TEE_IO_REQUIRED, HZ_AT_TEE_IO_ARCHITECTURE };
enum hz_at_mig { HZ_AT_MIG_ANY, HZ_AT_MIG_REQUIRED, HZ_AT_MIG_FORBIDDEN };

struct hz_attest_policy {
	bool allow_simulated;
	unsigned tee_io;            /* enum hz_at_tee_io */
	unsigned mig;               /* enum hz_at_mig */
	uint64_t min_gpus, max_gpus;
	struct hz_at_root root[HZ_AT_MAX_ROOTS];
	size_t n_roots;
	struct hz_at_tenant *tenant;
	size_t n_tenants;
	void *section[HZ_AT_N_FAMILIES]; /* in the order of hz_at_families[]; NULL: the family is not allowed */
};

/* All families, in the order of the policy's sections (verifier.c). */
extern const struct hz_at_family *const hz_at_families[HZ_AT_N_FAMILIES];

/* True when the policy names a root of the family with one of these digests. */
bool hz_at_policy_has_root(const struct hz_attest_policy *p, const char *family,
                           const uint8_t der[32], const uint8_t spki[32]);

#endif
