/* SPDX-License-Identifier: Apache-2.0 */
/* What a record says, but for its place in the chain. */
#ifndef HZ_GOV_AUDIT_TEXT_H
#define HZ_GOV_AUDIT_TEXT_H

#include "gov/audit.h"
#include "gov/audit_file.h"

struct hz_audit_text {
	char p[HZ_AUDIT_LINE - 256]; /* leaves room for seq, prev and the end */
	size_t n;
};

/* The members from `time` on, without the closing brace. */
void hz_audit_describe(struct hz_audit_text *t, unsigned tier, CK_SLOT_ID slot, const struct hz_audit_record *r);

#endif
