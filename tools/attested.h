/* SPDX-License-Identifier: Apache-2.0 */
/* Attestations of keys, judged by a policy: what "verify --require-attested" asks of a signer besides the signature. */
#ifndef HZ_TOOLS_ATTESTED_H
#define HZ_TOOLS_ATTESTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ATTESTED_CERTS = 8, ATTESTED_WHY = 320 };

struct attested_ask {
	const char *policy;                /* file */
	const char *bundle;                /* file of the bundle that counts; NULL: each record brings its own */
	const char *certs[ATTESTED_CERTS]; /* files, as many as there are */
	const char *collateral;            /* folder, or NULL */
	unsigned tier;                     /* 2 to 4: what the platform has to be */
	bool has_at;
	int64_t at;                        /* moment of verification in Unix seconds; without: now */
};

struct attested;

/* Reads everything that the ask names. NULL after a message. */
struct attested *attested_new(const struct attested_ask *ask);
void attested_free(struct attested *a);

/*
 * Judge a bundle (NULL: the ask's). The key that it vouches for is SubjectPublicKeyInfo (DER), borrowed until the next call; NULL when it
 * is refused, with the reason in `why`. *simulated: by a platform that proves nothing. The same bundle again costs nothing for a minute.
 */
const uint8_t *attested_key(struct attested *a, const uint8_t *bundle, size_t n, size_t *key_len, bool *simulated, char why[ATTESTED_WHY]);

#endif
