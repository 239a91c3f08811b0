/* SPDX-License-Identifier: Apache-2.0 */
/* Arm CCA attestation tokens: COSE signatures, platform and realm claims, policy. */

#ifndef HZ_ATTEST_CCA_H
#define HZ_ATTEST_CCA_H

#include "attest/attest-int.h"

#define HZ_CCA_CHALLENGE_LEN 64
#define HZ_CCA_MAX_COMPONENTS 64
#define HZ_CCA_REMS 4

/* COSE_Sign1 (RFC 9052, 4.2), borrowed. */
struct hz_cose {
	struct hz_at_bytes protected, payload, signature;
	int64_t alg;
};

/* Takes a COSE_Sign1 (tag 18) apart: R_CBOR, R_TRAILING. */
enum hz_attest_reason hz_cose_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_cose *out);

/* ES256 or ES384 (R_COSE_ALG) of a key on the curve that belongs to it (R_COSE_ALG_KEY), over the payload (R_COSE_SIGNATURE). */
enum hz_attest_reason hz_cose_verify(struct hz_at_run *run, const struct hz_cose *c, EVP_PKEY *key, const char *what);

struct hz_cca_component {
	struct hz_at_bytes type, measurement, version, signer;
};

struct hz_cca_platform {
	struct hz_at_bytes profile, nonce, implementation_id, instance_id, config, hash, service;
	int64_t lifecycle;
	struct hz_cca_component component[HZ_CCA_MAX_COMPONENTS];
	size_t components;
};

struct hz_cca_realm {
	struct hz_at_bytes profile, challenge, personalization, hash, key, key_hash, initial, extensible[HZ_CCA_REMS];
};

/* The claims of a payload: R_CBOR for anything malformed, missing or there twice. */
enum hz_attest_reason hz_cca_platform_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_cca_platform *out);
enum hz_attest_reason hz_cca_realm_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_cca_realm *out);
void hz_cca_claims(struct hz_at_run *run, const struct hz_at_item *item, const struct hz_cca_platform *p, const struct hz_cca_realm *r);

/* The realm's key: a bare point, or a COSE_Key; NULL where it is neither or not on its curve. */
EVP_PKEY *hz_cca_realm_key(struct hz_at_run *run, struct hz_at_bytes in);

struct hz_cca_policy;
extern const struct hz_at_section hz_cca_section;
/* cpak_sha256 is NULL where the platform's key is one of the policy itself. */
enum hz_attest_reason hz_cca_policy_check(struct hz_at_run *run, const struct hz_cca_platform *p, const struct hz_cca_realm *r,
                                          const uint8_t cpak_sha256[32], const struct hz_cca_policy *policy);

#endif
