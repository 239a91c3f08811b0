/* SPDX-License-Identifier: Apache-2.0 */
/* Wrapped evidence: the bundle of this project, CMW records, configfs-tsm records. */

#ifndef HZ_ATTEST_BUNDLE_H
#define HZ_ATTEST_BUNDLE_H

#include "attest/attest-int.h"

/* Starts an item with the certificates of the input; free with hz_at_item_end(). */
enum hz_attest_reason hz_at_item_begin(struct hz_at_run *run, struct hz_at_item *item,
                                       enum hz_attest_kind kind, const char *label);
void hz_at_item_end(struct hz_at_item *item);

/* Adds PEM, DER, or (SNP) a certificate table to item->certs. */
enum hz_attest_reason hz_at_item_certs(struct hz_at_run *run, struct hz_at_item *item, struct hz_at_bytes data);

/* Adds a named part; R_DUPLICATE if it is there already. */
enum hz_attest_reason hz_at_item_add_part(struct hz_at_run *run, struct hz_at_item *item,
                                          const char *name, struct hz_at_bytes data);

/* Asks the policy whether the family is allowed, then the family. */
enum hz_attest_reason hz_at_item_verify(struct hz_at_run *run, struct hz_at_item *item);

/* Memory for what is decoded from a wrapper: one block, because decoding never makes anything longer. */
struct hz_at_arena {
	uint8_t *p;
	size_t used, cap;
};

bool hz_at_arena_begin(struct hz_at_arena *a, size_t cap);
void hz_at_arena_end(struct hz_at_arena *a);
/* Decodes strict unpadded base64url of n characters; {NULL, 0} if it is malformed. */
struct hz_at_bytes hz_at_arena_b64(struct hz_at_arena *a, const void *text, size_t n);

/* Takes a configfs-tsm record apart: provider, evidence, certificate table; sets the item's kind. */
enum hz_attest_reason hz_at_tsm_open(struct hz_at_run *run, struct hz_at_arena *a, struct hz_at_item *item,
                                     struct hz_at_bytes json);

/* Takes a CMW record apart, into the item's kind and evidence; what kind it then is may be TSM. */
enum hz_attest_reason hz_at_cmw_open(struct hz_at_run *run, struct hz_at_arena *a, struct hz_at_item *item,
                                     struct hz_at_bytes json);

/*
 * Calls check() with item->evidence as it stands, or, where it is a JSON object, with the member `main` as the evidence and the members
 * named in parts (NULL-terminated) as parts, values base64url; the decoded bytes live as long as the call.
 */
enum hz_attest_reason hz_at_object_verify(struct hz_at_run *run, struct hz_at_item *item, const char *main, const char *const *parts,
                                          enum hz_attest_reason (*check)(struct hz_at_run *run, struct hz_at_item *item));

/* Verifies a whole bundle. */
enum hz_attest_reason hz_at_bundle(struct hz_at_run *run);

/* What a tier demands of the CPU item and the GPU items together. */
enum hz_attest_reason hz_at_tier_check(struct hz_at_run *run, const struct hz_at_item *cpu,
                                       const struct hz_at_item *gpu, size_t n);

#endif
