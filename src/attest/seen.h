/* SPDX-License-Identifier: Apache-2.0 */
/* What one verification has parsed and proved already, by digests of the whole bytes; nothing outlives the verification. */

#ifndef HZ_ATTEST_SEEN_H
#define HZ_ATTEST_SEEN_H

#include "attest/attest-int.h"

/* A reference to the certificate parsed from bytes of this digest before, or NULL. */
X509 *hz_at_seen_cert(struct hz_at_run *run, const uint8_t sha256[32]);
/* Keeps a reference of its own, while there is room. */
void hz_at_seen_keep(struct hz_at_run *run, const uint8_t sha256[32], X509 *cert);

/* X509_verify() with the issuer's key; a pair of certificate and key that was verified before is not computed again. */
bool hz_at_seen_signed(struct hz_at_run *run, X509 *cert, X509 *issuer);

#endif
