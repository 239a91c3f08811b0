/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies attestations of keys with libhanzo-attest and files. */
#include "attested.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/libctx.h"
#include "evidence.h"
#include "tool.h"

enum { FRESH = 60 }; /* seconds for which a verdict is not asked for again */

struct attested {
	hz_attest_verifier *verifier;
	hz_attest_policy *policy;
	hz_attest_input *in;
	struct evidence files;
	const void *given;          /* the ask's bundle; NULL: none */
	size_t given_len;
	bool has_at;
	void *last;                 /* copy of the bundle that was judged last, and the verdict */
	size_t last_len;
	int64_t judged;
	hz_attest_result *verdict;
};

static bool load(struct attested *a, const struct attested_ask *ask)
{
	a->policy = evidence_policy(&a->files, ask->policy);
	if (a->policy == NULL)
		return false;
	if (ask->bundle != NULL && (a->given = evidence_file(&a->files, ask->bundle, &a->given_len)) == NULL)
		return false;
	for (size_t i = 0; i < ATTESTED_CERTS && ask->certs[i] != NULL; i++)
		if (!evidence_certs(&a->files, a->in, ask->certs[i]))
			return false;
	return ask->collateral == NULL || evidence_collateral(&a->files, a->in, ask->collateral);
}

struct attested *attested_new(const struct attested_ask *ask)
{
	struct attested *a = calloc(1, sizeof *a);

	if (a != NULL) {
		a->verifier = hz_attest_verifier_new(hz_libctx());
		a->in = hz_attest_input_new();
		a->has_at = ask->has_at;
	}
	if (a == NULL || a->verifier == NULL || a->in == NULL || !hz_attest_input_tier(a->in, ask->tier) ||
	    !hz_attest_input_key(a->in, NULL, 0) || !hz_attest_input_time(a->in, ask->at)) {
		tool_fail(0, "out of memory");
	} else if (load(a, ask)) {
		return a;
	}
	attested_free(a);
	return NULL;
}

void attested_free(struct attested *a)
{
	if (a == NULL)
		return;
	hz_attest_result_free(a->verdict);
	hz_attest_input_free(a->in);
	hz_attest_policy_free(a->policy);
	hz_attest_verifier_free(a->verifier);
	evidence_free(&a->files);
	free(a->last);
	free(a);
}

static bool judged_already(const struct attested *a, const void *bundle, size_t n, int64_t now)
{
	return a->verdict != NULL && a->last_len == n && memcmp(a->last, bundle, n) == 0 && now - a->judged < FRESH && now >= a->judged;
}

static bool judge(struct attested *a, const void *bundle, size_t n)
{
	int64_t now = (int64_t)time(NULL);
	void *copy;

	if (judged_already(a, bundle, n, now))
		return true;
	copy = malloc(n);
	hz_attest_result_free(a->verdict);
	free(a->last);
	a->verdict = NULL;
	a->last = copy;
	a->last_len = n;
	a->judged = now;
	if (copy == NULL || (!a->has_at && !hz_attest_input_time(a->in, now)))
		return false;
	memcpy(copy, bundle, n);
	if (hz_attest_input_evidence(a->in, HZ_ATTEST_KIND_BUNDLE, copy, n))
		a->verdict = hz_attest_verify(a->verifier, a->policy, a->in);
	return a->verdict != NULL;
}

const uint8_t *attested_key(struct attested *a, const uint8_t *bundle, size_t n, size_t *key_len, bool *simulated, char why[ATTESTED_WHY])
{
	const uint8_t *key;
	const char *claim;

	*key_len = 0;
	*simulated = false;
	if (a->given != NULL) {
		bundle = a->given;
		n = a->given_len;
	}
	if (bundle == NULL || n == 0) {
		snprintf(why, ATTESTED_WHY, "no attestation bundle, neither in a file nor in the record");
		return NULL;
	}
	if (!judge(a, bundle, n)) {
		snprintf(why, ATTESTED_WHY, "out of memory, or longer than 1 MiB");
		return NULL;
	}
	if (hz_attest_result_reason(a->verdict) != HZ_ATTEST_OK) {
		snprintf(why, ATTESTED_WHY, "%s: %s", hz_attest_reason_name(hz_attest_result_reason(a->verdict)), hz_attest_result_text(a->verdict));
		return NULL;
	}
	claim = hz_attest_result_claim(a->verdict, "cpu.simulated");
	*simulated = claim != NULL && strcmp(claim, "true") == 0;
	key = hz_attest_result_runtime(a->verdict, key_len);
	if (key == NULL)
		snprintf(why, ATTESTED_WHY, "key: the bundle vouches for no key");
	return key;
}
