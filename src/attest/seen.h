/* SPDX-License-Identifier: Apache-2.0 */
/* What was parsed in this verification, and proved by this verifier, by digests of the whole bytes. */

#ifndef HZ_ATTEST_SEEN_H
#define HZ_ATTEST_SEEN_H

#include "attest/attest-int.h"

/* A certificate and a key that made its signature, both by SHA-256: of the DER, and of the SubjectPublicKeyInfo. */
struct hz_at_link {
	uint8_t cert[32], key[32];
};

/* Facts of the source (nvidia-known.c), beside those that a verifier finds. */
#define HZ_AT_KNOWN_LINKS 8
extern const struct hz_at_link hz_at_known_links[HZ_AT_KNOWN_LINKS];

/* A reference to the certificate parsed from bytes of this digest before, or NULL. */
X509 *hz_at_seen_cert(struct hz_at_run *run, const uint8_t sha256[32]);
/* Keeps a reference of its own, while there is room. */
void hz_at_seen_keep(struct hz_at_run *run, const uint8_t sha256[32], X509 *cert);

/* What a verifier keeps: pairs of certificate and key that fit. Threads share it; NULL is fine everywhere and keeps nothing. */
struct hz_at_links *hz_at_links_new(void);
void hz_at_links_free(struct hz_at_links *l);

/* X509_verify() with the issuer's key; a pair that is a known fact, or that this verifier proved before, is not computed again. */
bool hz_at_seen_signed(struct hz_at_run *run, X509 *cert, X509 *issuer);

#endif
