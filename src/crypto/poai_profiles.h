/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of other Proof-of-AI objects, as contracts and precompiles compute them, from JSON. */
#ifndef HZ_CRYPTO_POAI_PROFILES_H
#define HZ_CRYPTO_POAI_PROFILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A profile turns one JSON object (fields in any order, all of them and no other; hashes and addresses with 0x, integers as JSON
 * integers or decimal strings) into the 32 bytes that are signed raw, without an EIP-191 prefix:
 *   compute-report  HIP-0901, ComputeProofLib: reportData over the challenge of the same fields
 *   intent          aivmbridge: intent id
 *   receipt         aivmbridge: AInferenceReceipt, the settlement record, version 1
 *   verdict         ThinkingGovernor: verdict with chain id and contract address
 *   consensus       ThinkingGovernor: consensus hash
 */
struct hz_profile;

/* By name; NULL when unknown. */
const struct hz_profile *hz_profile_find(const char *name);

/* The i-th profile, NULL past the last; its name; the i-th field's name, NULL past the last. */
const struct hz_profile *hz_profile_at(size_t i);
const char *hz_profile_name(const struct hz_profile *p);
const char *hz_profile_field(const struct hz_profile *p, size_t i);

/* False: why has the reason. */
bool hz_profile_digest(const struct hz_profile *p, const void *json, size_t len, uint8_t digest[32], char *why, size_t why_room);

#endif
