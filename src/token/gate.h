/* SPDX-License-Identifier: Apache-2.0 */
/* The gate of slots that ask for evidence: challenges, staged bundles, what a login proves, how long it lasts. */
#ifndef HZ_TOKEN_GATE_H
#define HZ_TOKEN_GATE_H

#include "gov/evidence.h"
#include "token/token.h"

/* What a login brought. `pin` is the caller's copy or lies in `accepted`. */
struct hz_proof {
	const uint8_t *pin; /* NULL: no PIN */
	size_t pin_len;
	bool evidence;      /* some was accepted */
	bool sourced;       /* it came from the source named so, which can renew it */
	char source[17];
	struct hz_accepted accepted;
};

/* "{", "attest:", "cap:" and so on: the text is no plain PIN. */
bool hz_gate_is_credential(const uint8_t *text, size_t len);

/*
 * Work out what a user's pPin proves: `text` is its copy in secret memory, `given` false for NULL. Collects and verifies evidence where
 * the slot wants it, before any PIN is tried; uses up the session's challenge and staged bundle with that. No lock but the session's is
 * held. CKR_PIN_INCORRECT (refused, the wrong factors, or one PIN in the bundle and another beside it), CKR_ARGUMENTS_BAD (NULL where
 * only a PIN will do), CKR_DEVICE_REMOVED, CKR_DEVICE_ERROR (the source). The proof is to be cleared in any case.
 */
CK_RV hz_gate_prove(struct hz_session *s, const uint8_t *text, size_t len, bool given, struct hz_proof *proof);
void hz_proof_clear(struct hz_proof *p);

/* Is a PIN, and nothing beside it, one of the alternatives? */
bool hz_gate_pin_alone(const struct hz_token *t);

/* A fresh challenge for the session; the last one is void. */
CK_RV hz_gate_challenge(struct hz_session *s, uint8_t out[HZ_CHALLENGE]);
/* Keep a copy of a bundle for the session's next login. CKR_ATTRIBUTE_VALUE_INVALID: empty or longer than 1 MiB. */
CK_RV hz_gate_stage(struct hz_session *s, const void *bundle, size_t len);
/* The session's end: challenge and staged bundle with it. */
void hz_gate_forget(struct hz_session *s);

/*
 * A login begins, with the login lock: whose is it, when does it end, when is it renewed? `proof` is the user's, NULL for the SO.
 * CKR_HOST_MEMORY.
 */
CK_RV hz_gate_begin(struct hz_token *t, const struct hz_proof *proof);
/* It ends. With the login lock. */
void hz_gate_end(struct hz_token *t);

/* Does accepted evidence belong to the tenant of the login that is in force? */
bool hz_gate_same_tenant(const struct hz_token *t, const struct hz_accepted *a);

/* Does the evidence of the login that is in force vouch for runtime data with this SHA-256? */
bool hz_gate_vouches(struct hz_token *t, const uint8_t digest[32]);

/*
 * HZ_Renew: CKR_USER_NOT_LOGGED_IN, CKR_FUNCTION_NOT_SUPPORTED, as hz_gate_prove, and what a wrong PIN in the bundle gives, which
 * counts as one at login; a refusal leaves the login as it is.
 */
CK_RV hz_gate_renew(struct hz_session *s);

/* Something is due on the token: end the login whose time is up, or renew it. Takes the login lock; cold. */
void hz_gate_due(struct hz_token *t);

/* Asked at every use; one load where no time runs. */
static inline void hz_gate_watch(struct hz_token *t)
{
	if (atomic_load_explicit(&t->check_at, memory_order_relaxed) != 0)
		hz_gate_due(t);
}

#endif
