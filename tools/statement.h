/* SPDX-License-Identifier: Apache-2.0 */
/* What `hanzo-p11 poai` and `hanzo-p11 hmm` share: options, input in files or lines, signing with a module, verifying without one. */
#ifndef HZ_TOOLS_STATEMENT_H
#define HZ_TOOLS_STATEMENT_H

#include <stdint.h>
#include <stdio.h>

#include "attested.h"
#include "crypto/poai.h"
#include "crypto/poai_profiles.h"
#include "keyed.h"

enum { STATEMENT_SIG = 3309 }; /* ML-DSA-65; the others have 64 or 65 bytes */

struct statement_cmd {
	struct keyed k; /* sign: the key */
	enum hz_poai_kind kind;
	const struct hz_profile *profile; /* NULL: ours */
	uint64_t chain_id, ttl;
	bool has_chain, ignore_ttl, rs;
	uint8_t contract[20];
	bool has_contract;
	bool attest; /* sign: put the key's attestation beside each signature */
	/* verify */
	const char *address, *public_key, *signature, *signatures;
	bool require_attested;
	struct attested_ask ask; /* of --require-attested; its moment is that of the statements too */
	size_t ncerts;
	/* input */
	char **files; /* none: lines from stdin */
	int nfiles;
	/* counts */
	unsigned long done, refused;
};

/* What becomes of one statement; prints its line. False ends the run. */
typedef bool (*statement_fn)(struct statement_cmd *c, void *state, const char *text, size_t len);

/* Feed every file (one object each), or every line of stdin, to fn, with a progress line where stderr is a terminal. */
int statement_each(struct statement_cmd *c, statement_fn fn, void *state);

int statement_sign(struct statement_cmd *c);
int statement_verify(struct statement_cmd *c);

/* "sign ..." or "verify ..." of either command. */
int statement_main(enum hz_poai_kind kind, int argc, char **argv);

/* One line on stdout: {"error": ..., "reason": ...} with --json, "refused: error: reason" without; counts it. */
void statement_refused(struct statement_cmd *c, const char *error, const char *reason);

#endif
