/* SPDX-License-Identifier: Apache-2.0 */
/* Making a threshold key without a dealer, and giving one new shares: the ceremony's identity, the messages of its two rounds, and the public arithmetic. */
#ifndef HZ_CRYPTO_DKG_H
#define HZ_CRYPTO_DKG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/shamir.h"
#include "pkcs11.h"

/*
 * Every one of n nodes deals shares of a key of its own (P. Feldman 1987); the sum of what a node gets is its share of the sum of the
 * keys (T. P. Pedersen 1991), which is nowhere. Round 1 shows commitments and proves that their dealer knows the key; round 2
 * repeats what was seen, so that nobody tells different things to different nodes, and carries the encrypted shares.
 *
 *   id        first 16 bytes of SHA-256("hanzo-pkcs11/dkg/v1" || nonce[16] || u16be t || u16be n || n node keys[33]); also the split's
 *   message   "HZDKG1" || u8 round || id[16] || u16be from || body || signature[64] (BIP-340, by the node key, over all before it)
 *   body 1    t commitments[33] || proof[64] (BIP-340, by the dealt key, over the message up to here)
 *   body 2    SHA-256 of all messages of round 1 in the nodes' order || n times (u32be length || share blob), in the nodes' order
 *
 * A refresh has the same rounds. Each node deals shares of zero as crypto/shamir.h says, by two splits of a key of its own, so that the
 * sum of what a node gets, added to its share, is a share of the same key by another polynomial:
 *
 *   id        first 16 bytes of SHA-256("hanzo-pkcs11/refresh/v1" || old splitId[16] || t old commitments[33] || nonce[16] || u16be t ||
 *             u16be n || n node keys[33])
 *   body 1    t commitments of the split named id, then those but the first of the split named by id's bits turned over (the first is
 *             the same), and the proof
 *   body 2    as above, where an encrypted share is u32be length || share blob || u32be length || share blob of the two splits
 *   body 3    SHA-256 of the new commitments: the sender has its new share, and it fits them
 *
 * A node keeps its old share until all have said so in round 3: were some to give theirs up while others, who were cheated, stay with
 * the old ones, there might be too few of either kind.
 *
 * The last node to speak in round 1 can bias the public key (it learns nothing by that); the proofs keep it from cancelling the
 * others' keys. Everything here is public and thread-safe.
 */
enum { HZ_DKG_SIG = 64, HZ_DKG_HEAD = 6 + 1 + HZ_SHAMIR_ID + 2 };

struct hz_dkg {
	uint8_t nonce[16];
	struct hz_split split; /* id is computed */
	uint8_t nodes[HZ_SHAMIR_MAX][33];
	const struct hz_share *old; /* the public record of what is refreshed (value and index unused), NULL: a new key */
};

/* Fill split.id. CKR_DATA_INVALID: t or n out of range or not the old ones, a node key that is no point or occurs twice. */
CK_RV hz_dkg_begin(struct hz_dkg *d);

/* How many commitments a message of round 1 has: t, or 2 t - 1. */
unsigned hz_dkg_points(const struct hz_dkg *d);
enum { HZ_DKG_POINTS = 2 * HZ_SHAMIR_MAX - 1 };

/* Everything before the proof of round 1, and everything before the signature of rounds 2 and 3. */
void hz_dkg_round1(const struct hz_dkg *d, unsigned from, const uint8_t (*commitments)[33], struct hz_buf *out);
void hz_dkg_round2(const struct hz_dkg *d, unsigned from, const uint8_t transcript[32], const struct hz_buf *blobs, struct hz_buf *out);

void hz_dkg_round3(const struct hz_dkg *d, unsigned from, const struct hz_share *record, struct hz_buf *out);

/* A message that was checked: its form, ceremony, signature, and in round 1 the points and the proof. Points into the message. */
struct hz_dkg_msg {
	unsigned round, from;
	const uint8_t *all;
	size_t len;
	const uint8_t *commitments;        /* round 1: hz_dkg_points times 33 */
	const uint8_t *transcript;         /* rounds 2 and 3: 32 */
	const uint8_t *blob[HZ_SHAMIR_MAX]; /* round 2: n of them */
	uint32_t blob_len[HZ_SHAMIR_MAX];
};
/* CKR_DATA_INVALID (another ceremony or malformed), CKR_SIGNATURE_INVALID (a signature or proof). */
CK_RV hz_dkg_read(const struct hz_dkg *d, const uint8_t *in, size_t len, struct hz_dkg_msg *out);

/* SHA-256 of the n messages of round 1. */
void hz_dkg_transcript(const struct hz_dkg *d, const struct hz_dkg_msg *round1, uint8_t out[32]);

/*
 * The commitments of the sum of what `count` dealers deal (d->split.n: of the new key), or of the old ones and that sum. False when
 * one is infinity.
 */
bool hz_dkg_sum(const struct hz_dkg *d, const struct hz_dkg_msg *round1, unsigned count, struct hz_share *record);

/*
 * Commitments A_0 .. A_(t-1) from the public keys of shares 1 .. t: the polynomial through them. False when a coefficient is zero,
 * which happens to no key in practice.
 */
bool hz_dkg_interpolate(const uint8_t (*y)[64], unsigned t, uint8_t (*commitments)[33]);

#endif
