/* SPDX-License-Identifier: Apache-2.0 */
/* The result of one verification: verdict, reason text, claims in order, and what a bundle carried besides evidence. */

#ifndef HZ_ATTEST_RESULT_H
#define HZ_ATTEST_RESULT_H

#include "attest/attest-int.h"

enum hz_at_claim_type { HZ_AT_CLAIM_TEXT, HZ_AT_CLAIM_NUMBER, HZ_AT_CLAIM_BOOL };

struct hz_at_claim {
	char *name;   /* "cpu.measurement" */
	char *value;
	enum hz_at_claim_type type;
};

struct hz_attest_result {
	enum hz_attest_reason reason;
	char text[256];
	struct hz_at_claim *claim;
	size_t n_claims, cap;
	bool oom;             /* a claim was lost: the verdict becomes R_INTERNAL */
	uint8_t *runtime;     /* owned */
	size_t runtime_len;
	char *pin;            /* owned, wiped */
};

struct hz_attest_result *hz_at_result_new(void);

/* Closes the result: the verdict is rc, unless a claim was lost.  A refused result keeps neither runtime data nor PIN. */
void hz_at_result_close(struct hz_attest_result *res, enum hz_attest_reason rc);

#endif
