/* SPDX-License-Identifier: Apache-2.0 */
/* A slot's judgement of evidence: its policy, its sources, and what of them was accepted a moment ago. */
#ifndef HZ_GOV_EVIDENCE_H
#define HZ_GOV_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "gov/config.h"

#define HZ_CHALLENGE 32u
#define HZ_TENANT_MAX 64u

/* Never changes after it was made, but for its cache: any number of threads may ask it at once. No call takes a lock while it works. */
struct hz_evidence;

/* What accepted evidence brings along. */
struct hz_accepted {
	uint8_t *pin;                   /* secret memory, or NULL: none in the bundle */
	size_t pin_len;
	char tenant[HZ_TENANT_MAX + 1]; /* "": the policy names none */
	bool has_runtime;               /* the evidence vouches for runtime data, */
	uint8_t runtime[32];            /* whose SHA-256 this is */
};
void hz_accepted_clear(struct hz_accepted *a);

/* Reads the policy file. The slot's strings are borrowed. CKR_GENERAL_ERROR names the file; CKR_HOST_MEMORY. */
CK_RV hz_evidence_new(struct hz_evidence **out, const struct hz_slot_conf *slot);
void hz_evidence_free(struct hz_evidence *e); /* NULL is fine */

/* Does the policy accept the simulated TEE? */
bool hz_evidence_simulated(const struct hz_evidence *e);

/* Does it give tenants to some evidence? */
bool hz_evidence_has_tenants(const struct hz_evidence *e);

/* Is there a source of that name ("": the default one)? *ready_made: its bundles answer a challenge given out before. */
bool hz_evidence_has_source(const struct hz_evidence *e, const char *name, bool *ready_made);

/*
 * Judge a bundle that answers `challenge`: signature, chain, binding, policy, tier. *out is to be cleared by the caller in any case.
 * CKR_PIN_INCORRECT with the reason; CKR_HOST_MEMORY.
 */
CK_RV hz_evidence_judge(struct hz_evidence *e, const void *bundle, size_t len, const uint8_t challenge[HZ_CHALLENGE], struct hz_accepted *out);

/*
 * Collect from a source and judge. `challenge` for sources with ready-made bundles, else NULL: a fresh one. `fresh`: accept nothing from
 * the cache. Also CKR_DEVICE_REMOVED and CKR_DEVICE_ERROR, as hz_collect.
 */
CK_RV hz_evidence_from(struct hz_evidence *e, const char *name, const uint8_t *challenge, bool fresh, struct hz_accepted *out);

/* An attestation of a key (SubjectPublicKeyInfo, DER) from the default source. */
CK_RV hz_evidence_of_key(struct hz_evidence *e, const uint8_t *spki, size_t len, struct hz_buf *bundle);

#endif
