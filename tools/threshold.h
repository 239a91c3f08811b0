/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of `hanzo-p11 threshold` share: options, and the public record of a split. */
#ifndef HZ_TOOLS_THRESHOLD_H
#define HZ_TOOLS_THRESHOLD_H

#include "crypto/shamir.h"
#include "keyed.h"

struct threshold_cmd {
	struct keyed k;
	CK_ULONG threshold, index;
	const char *nodes[HZ_SHAMIR_MAX]; /* --node, in order */
	unsigned n_nodes;
	const char *split, *new_split, *share, *name, *to, *rsa, *blob, *roster, *out, *public_key, *old, *ack;
	uint8_t ephemeral[33], aad[TEXT_AAD];
	size_t aad_len;
	bool has_ephemeral, has_aad;
	char **files;
	int nfiles;
};

/*
 * The record: {"splitId", "threshold", "shares", "publicKey", "commitments"}, all public. It is kept in a struct hz_share whose
 * value and index stay 0. Writing refuses to replace a file. False after a message.
 */
bool record_read(const char *path, struct hz_share *record);
bool record_write(const char *path, const struct hz_share *record);

/* The commitments of the split of `key`, learnt from the public keys of shares that never leave the module. */
bool threshold_commitments(const struct keyed *k, CK_OBJECT_HANDLE key, const struct hz_split *split, uint8_t (*commitments)[33]);
/* Share i of key for the holder of `to`. */
CK_RV threshold_share(const struct keyed *k, CK_OBJECT_HANDLE key, const struct hz_split *split, unsigned i, CK_OBJECT_HANDLE to,
		      struct hz_buf *out);
/* Unwrap a share blob (or a list of them) as share i: a token key with a label, else a session key. */
CK_RV threshold_import(const struct keyed *k, CK_OBJECT_HANDLE node, const uint8_t *in, size_t len, unsigned i, const char *label,
		       CK_OBJECT_HANDLE *share);

/* Is it share i of the record's split? */
bool threshold_fits(const struct keyed *k, CK_OBJECT_HANDLE share, const struct hz_share *record, unsigned i);
/* Which share a key of the token is; 0: none. */
unsigned threshold_index(const struct keyed *k, CK_OBJECT_HANDLE key);

/* The new share that a list of pairs makes of an old one, by CKM_HANZO_SHARE_REFRESH; otherwise as above. */
CK_RV threshold_renew(const struct keyed *k, CK_OBJECT_HANDLE node, CK_OBJECT_HANDLE old, const uint8_t *in, size_t len, const char *label,
		      CK_OBJECT_HANDLE *share);

/* Each returns an exit code. What they cannot do without has been given: cmd_threshold.c has looked. */
int threshold_split(struct threshold_cmd *c);
int threshold_refresh(struct threshold_cmd *c);
int threshold_take(struct threshold_cmd *c);
int threshold_verify(struct threshold_cmd *c);
int threshold_partial(struct threshold_cmd *c);
int threshold_combine(struct threshold_cmd *c);
int threshold_dkg_round1(struct threshold_cmd *c);
int threshold_dkg_round2(struct threshold_cmd *c);
int threshold_dkg_finish(struct threshold_cmd *c);
int threshold_refresh_round1(struct threshold_cmd *c);
int threshold_refresh_round2(struct threshold_cmd *c);
int threshold_refresh_finish(struct threshold_cmd *c);
int threshold_refresh_retire(struct threshold_cmd *c);

#endif
