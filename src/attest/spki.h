/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys that come beside evidence: SubjectPublicKeyInfo, DER or PEM. */

#ifndef HZ_ATTEST_SPKI_H
#define HZ_ATTEST_SPKI_H

#include "attest/attest-int.h"

/* The key in a DER structure or in exactly one "PUBLIC KEY" block of at most 4 KiB; NULL on anything else. Free with EVP_PKEY_free(). */
EVP_PKEY *hz_at_spki_read(struct hz_at_run *run, struct hz_at_bytes in);

/* SHA-256 of the key's SubjectPublicKeyInfo. */
bool hz_at_spki_digest(struct hz_at_run *run, EVP_PKEY *key, uint8_t out[32]);

/* RSA public key from its numbers, big-endian; NULL on anything but 2048 to 8192 bits. */
EVP_PKEY *hz_at_rsa_key(struct hz_at_run *run, struct hz_at_bytes n, struct hz_at_bytes e);

#endif
