/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hanzo-p11 threshold dkg: a key that no machine ever holds (crypto/dkg.h), and refresh with rounds: new shares of one. What a node
 * deals is a key in its own token until `finish` destroys it; shares pass from module to module encrypted, and are added up inside.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/dkg.h"
#include "crypto/k256.h"
#include "threshold.h"

struct ceremony {
	struct hz_dkg d;
	unsigned me;                /* 1 .. n */
	CK_OBJECT_HANDLE node, dealt, share; /* share: the one that is refreshed */
	char name[2 * HZ_SHAMIR_ID + 5];
	struct hz_buf text[2 * HZ_SHAMIR_MAX];
	struct hz_dkg_msg one[HZ_SHAMIR_MAX], two[HZ_SHAMIR_MAX], three[HZ_SHAMIR_MAX]; /* by node; len 0: not seen */
};

static struct ceremony C; /* large, and there is one a run */
static struct hz_share old_record; /* of a refresh: C.d.old points to it */

static bool parse_roster(struct json_object *o)
{
	struct json_object *t, *nodes, *nonce;
	size_t n;

	if (!json_object_object_get_ex(o, "threshold", &t) || !json_object_object_get_ex(o, "nodes", &nodes) ||
	    !json_object_object_get_ex(o, "ceremony", &nonce) || !json_object_is_type(t, json_type_int) ||
	    !json_object_is_type(nodes, json_type_array) || !json_object_is_type(nonce, json_type_string) ||
	    json_object_array_length(nodes) > HZ_SHAMIR_MAX || json_object_get_int64(t) < 2 || json_object_get_int64(t) > HZ_SHAMIR_MAX)
		return false;
	C.d.split.t = (unsigned)json_object_get_int(t);
	C.d.split.n = (unsigned)json_object_array_length(nodes);
	for (unsigned i = 0; i < C.d.split.n; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(nodes, i));

		if (text == NULL || !text_hex(text, C.d.nodes[i], 33, &n) || n != 33)
			return false;
	}
	return text_hex(json_object_get_string(nonce), C.d.nonce, sizeof C.d.nonce, &n) && n == sizeof C.d.nonce;
}

static bool read_roster(const char *path)
{
	struct hz_buf b = HZ_BUF_INIT;
	struct json_object *o = NULL;
	bool ok;

	if (!file_read(path, 1 << 20, &b))
		return false;
	hz_buf_u8(&b, 0);
	o = b.failed ? NULL : json_tokener_parse((char *)b.p);
	ok = json_object_is_type(o, json_type_object) && parse_roster(o) && hz_dkg_begin(&C.d) == CKR_OK;
	json_object_put(o);
	hz_buf_free(&b);
	return ok || tool_fail(TOOL_REFUSED, "%s is no roster: threshold, distinct node keys, and 16 bytes of ceremony", path) == TOOL_OK;
}

/* The roster, the node's key in the token, its place in the roster, and the name of what it deals. */
static bool join(struct threshold_cmd *c)
{
	uint8_t pub[64], raw[33];

	if (C.d.old != NULL && !record_read(c->split, &old_record))
		return false;
	if (!read_roster(c->roster) || !keyed_open(&c->k) || !keyed_find(&c->k, c->k.label, c->k.id, &C.node) ||
	    !keyed_point(&c->k, C.node, pub) || !hz_k256_pub_write(pub, true, raw))
		return false;
	for (unsigned i = 0; i < C.d.split.n; i++)
		if (memcmp(C.d.nodes[i], raw, 33) == 0)
			C.me = i + 1;
	memcpy(C.name, "dkg:", 5);
	hz_hex_encode(C.d.split.id, HZ_SHAMIR_ID, C.name + 4);
	return C.me != 0 || tool_fail(TOOL_REFUSED, "the roster has not this node's key") == TOOL_OK;
}

static bool sign(const struct keyed *k, CK_OBJECT_HANDLE key, struct hz_buf *b)
{
	CK_MECHANISM m = { CKM_HANZO_SCHNORR_BIP340, NULL, 0 };
	uint8_t sig[HZ_DKG_SIG];
	CK_ULONG n = sizeof sig;
	CK_RV rv = k->tool.p11->C_SignInit(k->session, &m, key);

	if (rv == CKR_OK)
		rv = k->tool.p11->C_Sign(k->session, b->p, b->len, sig, &n);
	hz_buf_add(b, sig, sizeof sig);
	return rv == CKR_OK || keyed_refused(k, "signing", rv) == TOOL_OK;
}

static void forget(const struct keyed *k, CK_OBJECT_HANDLE key)
{
	k->tool.p11->C_DestroyObject(k->session, key);
}

/* The same where it is the point of the command. */
static bool destroy(const struct keyed *k, CK_OBJECT_HANDLE key, const char *what)
{
	CK_RV rv = k->tool.p11->C_DestroyObject(k->session, key);

	return rv == CKR_OK || keyed_refused(k, what, rv) == TOOL_OK;
}

/* The split that a refresh subtracts. */
static struct hz_split other_split(void)
{
	struct hz_split s = C.d.split;

	hz_split_other(C.d.split.id, s.id);
	return s;
}

/* What round 1 shows of the dealt key: one split's commitments, or two splits' with the first, which they share, once. */
static bool show(const struct keyed *k, uint8_t (*commitments)[33])
{
	static uint8_t second[HZ_SHAMIR_MAX][33];
	struct hz_split other = other_split();

	if (!threshold_commitments(k, C.dealt, &C.d.split, commitments))
		return false;
	if (C.d.old == NULL)
		return true;
	if (!threshold_commitments(k, C.dealt, &other, second))
		return false;
	memcpy(commitments[C.d.split.t], second[1], 33 * ((size_t)C.d.split.t - 1));
	return true;
}

/* The key that this node deals: the one of an earlier run, whose message may have been sent, or a new one. */
static bool find_or_make_dealt(const struct keyed *k, bool *made)
{
	CK_OBJECT_HANDLE found[2], pub;
	CK_ULONG n;

	if (!keyed_look(k, C.name, NULL, found, &n))
		return false;
	*made = n == 0;
	return n == 0 ? keyed_pair(k, C.name, &pub, &C.dealt) : keyed_find(k, C.name, NULL, &C.dealt);
}

int threshold_dkg_round1(struct threshold_cmd *c)
{
	static uint8_t commitments[HZ_DKG_POINTS][33];
	struct hz_buf b = HZ_BUF_INIT;
	bool made, ok;

	if (!join(c) || !find_or_make_dealt(&c->k, &made))
		return TOOL_REFUSED;
	ok = show(&c->k, commitments);
	if (ok)
		hz_dkg_round1(&C.d, C.me, (const uint8_t(*)[33])commitments, &b);
	ok = ok && sign(&c->k, C.dealt, &b) && sign(&c->k, C.node, &b) && !b.failed && file_write(c->out, b.p, b.len, false);
	if (!ok && made)
		forget(&c->k, C.dealt);
	hz_buf_free(&b);
	return ok ? TOOL_OK : TOOL_REFUSED;
}

/* Every file is a good message of this ceremony, of a round that is expected, and no node speaks twice. */
static bool read_messages(const struct threshold_cmd *c, unsigned first, unsigned last)
{
	for (int i = 0; i < c->nfiles; i++) {
		struct hz_dkg_msg m, *to;
		CK_RV rv;

		if (i >= (int)(2 * HZ_SHAMIR_MAX))
			return tool_fail(TOOL_REFUSED, "too many messages") == TOOL_OK;
		if (!file_read(c->files[i], 1 << 22, &C.text[i]))
			return false;
		rv = hz_dkg_read(&C.d, C.text[i].p, C.text[i].len, &m);
		if (rv == CKR_SIGNATURE_INVALID)
			return tool_fail(TOOL_REFUSED, "%s: node %u: a signature or the proof of what it deals does not hold", c->files[i],
					 m.from) == TOOL_OK;
		if (rv != CKR_OK || m.round < first || m.round > last)
			return tool_fail(TOOL_REFUSED, "%s: no message of this ceremony and round", c->files[i]) == TOOL_OK;
		to = &(m.round == 1 ? C.one : m.round == 2 ? C.two : C.three)[m.from - 1];
		if (to->len != 0 && (to->len != m.len || memcmp(to->all, m.all, m.len) != 0))
			return tool_fail(TOOL_REFUSED, "node %u has sent two different messages of round %u", m.from, m.round) == TOOL_OK;
		*to = m;
	}
	return true;
}

/* The messages of round 1, or of rounds 1 and 2, of every node. */
static bool collect(const struct threshold_cmd *c, unsigned rounds)
{
	if (!read_messages(c, 1, rounds))
		return false;
	for (unsigned i = 0; i < C.d.split.n; i++)
		if (C.one[i].len == 0 || (rounds == 2 && C.two[i].len == 0))
			return tool_fail(TOOL_REFUSED, "the message of node %u is missing", i + 1) == TOOL_OK;
	return true;
}

static void release(void)
{
	for (size_t i = 0; i < sizeof C.text / sizeof C.text[0]; i++)
		hz_buf_free(&C.text[i]);
}

/* A share for node i, in a refresh with its length and with what is subtracted. */
static CK_RV deal_one(const struct keyed *k, unsigned i, CK_OBJECT_HANDLE to, struct hz_buf *out)
{
	const struct hz_split splits[2] = { C.d.split, other_split() };
	struct hz_buf blob = HZ_BUF_INIT;
	CK_RV rv = CKR_OK;

	if (C.d.old == NULL)
		return threshold_share(k, C.dealt, &C.d.split, i, to, out);
	for (int j = 0; rv == CKR_OK && j < 2; j++) {
		hz_buf_clear(&blob);
		rv = threshold_share(k, C.dealt, &splits[j], i, to, &blob);
		hz_buf_be32(out, (uint32_t)blob.len);
		hz_buf_add(out, blob.p, blob.len);
	}
	hz_buf_free(&blob);
	return rv;
}

static bool deal(const struct keyed *k, struct hz_buf *blobs)
{
	for (unsigned i = 0; i < C.d.split.n; i++) {
		CK_OBJECT_HANDLE to;
		uint8_t pub[64];
		CK_RV rv;

		if (!hz_k256_pub_parse(pub, C.d.nodes[i], 33) || !keyed_import_point(k, pub, &to))
			return false;
		rv = deal_one(k, i + 1, to, &blobs[i]);
		forget(k, to);
		if (rv != CKR_OK)
			return keyed_refused(k, "C_WrapKey", rv) == TOOL_OK;
	}
	return true;
}

int threshold_dkg_round2(struct threshold_cmd *c)
{
	static struct hz_buf blobs[HZ_SHAMIR_MAX];
	struct hz_buf b = HZ_BUF_INIT;
	uint8_t transcript[32];
	bool ok = join(c) && keyed_find(&c->k, C.name, NULL, &C.dealt) && collect(c, 1) && deal(&c->k, blobs);

	if (ok) {
		hz_dkg_transcript(&C.d, C.one, transcript);
		hz_dkg_round2(&C.d, C.me, transcript, blobs, &b);
		ok = sign(&c->k, C.node, &b) && !b.failed && file_write(c->out, b.p, b.len, false);
	}
	for (unsigned i = 0; i < HZ_SHAMIR_MAX; i++)
		hz_buf_free(&blobs[i]);
	hz_buf_free(&b);
	release();
	return ok ? TOOL_OK : TOOL_REFUSED;
}

static void list_one(const struct hz_dkg_msg *m, struct hz_buf *list)
{
	if (C.d.old == NULL) /* pairs have their lengths already */
		hz_buf_be32(list, m->blob_len[C.me - 1]);
	hz_buf_add(list, m->blob[C.me - 1], m->blob_len[C.me - 1]);
}

/* What `count` dealers from the given one on have dealt to this node, as its share; with a label it stays. */
static CK_RV take(const struct keyed *k, unsigned first, unsigned count, const char *label, CK_OBJECT_HANDLE *share)
{
	struct hz_buf list = HZ_BUF_INIT;
	CK_RV rv = CKR_HOST_MEMORY;

	hz_buf_u8(&list, 0);
	hz_buf_be16(&list, (uint16_t)count);
	for (unsigned i = first; i < first + count; i++)
		list_one(&C.two[i], &list);
	if (!list.failed)
		rv = C.d.old == NULL ? threshold_import(k, C.node, list.p, list.len, C.me, label, share)
				     : threshold_renew(k, C.node, C.share, list.p, list.len, label, share);
	hz_buf_free(&list);
	return rv;
}

/* Is the share the one that those dealers' commitments promise? */
static bool as_shown(const struct keyed *k, unsigned first, unsigned count, CK_OBJECT_HANDLE share)
{
	static struct hz_share shown;
	uint8_t want[64], got[64];

	return hz_dkg_sum(&C.d, &C.one[first], count, &shown) && hz_share_public(&shown, C.me, want) && keyed_point(k, share, got) &&
	       hz_k256_pub_equal(want, got);
}

/* Name the dealers whose share does not fit what they showed in round 1. */
static void blame(const struct keyed *k)
{
	for (unsigned i = 0; i < C.d.split.n; i++) {
		CK_OBJECT_HANDLE share;
		CK_RV rv = take(k, i, 1, NULL, &share);

		if (rv != CKR_OK || !as_shown(k, i, 1, share))
			tool_fail(0, "node %u has dealt a wrong share", i + 1);
		if (rv == CKR_OK)
			forget(k, share);
	}
}

static bool same_round1(void)
{
	uint8_t transcript[32];

	hz_dkg_transcript(&C.d, C.one, transcript);
	for (unsigned i = 0; i < C.d.split.n; i++)
		if (memcmp(C.two[i].transcript, transcript, 32) != 0)
			return tool_fail(TOOL_REFUSED, "node %u has seen other messages of round 1", i + 1) == TOOL_OK;
	return true;
}

/* The sum of what was dealt to this node becomes its share. */
static bool add_up(const struct threshold_cmd *c, CK_OBJECT_HANDLE *share)
{
	CK_RV rv = take(&c->k, 0, C.d.split.n, c->name, share);
	bool ok = rv == CKR_OK && as_shown(&c->k, 0, C.d.split.n, *share);

	if (rv != CKR_OK && rv != CKR_WRAPPED_KEY_INVALID && rv != CKR_WRAPPED_KEY_LEN_RANGE && rv != CKR_TEMPLATE_INCONSISTENT)
		return keyed_refused(&c->k, "the share", rv) == TOOL_OK; /* nobody's fault but ours */
	if (!ok) {
		if (rv == CKR_OK)
			forget(&c->k, *share);
		blame(&c->k);
		tool_fail(TOOL_REFUSED, "no share: begin again without whom you do not trust");
	}
	return ok;
}

/* In a refresh: the share that --old names, of this node and of the record. */
static bool find_old(const struct threshold_cmd *c)
{
	uint8_t want[64], got[64];

	if (C.d.old == NULL)
		return true;
	if (!keyed_find(&c->k, c->old, NULL, &C.share) || !keyed_point(&c->k, C.share, got))
		return false;
	return (hz_share_public(&old_record, C.me, want) && hz_k256_pub_equal(want, got)) ||
	       tool_fail(TOOL_REFUSED, "%s is not this node's share of the record's split", c->old) == TOOL_OK;
}

/* Tell the others that this node has its new share. */
static bool acknowledge(const struct threshold_cmd *c, const struct hz_share *record)
{
	struct hz_buf b = HZ_BUF_INIT;
	bool ok;

	hz_dkg_round3(&C.d, C.me, record, &b);
	ok = sign(&c->k, C.node, &b) && !b.failed && file_write(c->ack, b.p, b.len, false);
	hz_buf_free(&b);
	return ok;
}

/* The share: a new one, or what a run that was cut short has left under its name. No other key has that name. */
static bool find_or_make_share(const struct threshold_cmd *c, const struct hz_share *record, CK_OBJECT_HANDLE *share, bool *made)
{
	CK_OBJECT_HANDLE found[2];
	CK_ULONG n;

	if (!keyed_look(&c->k, c->name, NULL, found, &n))
		return false;
	*share = found[0];
	*made = n == 0;
	if (n == 0)
		return add_up(c, share);
	return (n == 1 && threshold_fits(&c->k, found[0], record, C.me)) || keyed_unused(&c->k, c->name);
}

/* The record and the message to the others, or neither. */
static bool publish(const struct threshold_cmd *c, const struct hz_share *record)
{
	if (!record_write(c->out, record))
		return false;
	if (C.d.old == NULL || acknowledge(c, record))
		return true;
	file_undo(c->out);
	return false;
}

int threshold_dkg_finish(struct threshold_cmd *c)
{
	static struct hz_share record;
	CK_OBJECT_HANDLE share;
	bool made, ok;

	ok = join(c) && keyed_find(&c->k, C.name, NULL, &C.dealt) && find_old(c) && collect(c, 2) && same_round1() &&
	     hz_dkg_sum(&C.d, C.one, C.d.split.n, &record) && find_or_make_share(c, &record, &share, &made);
	if (ok && !publish(c, &record)) {
		if (made)
			forget(&c->k, share); /* so that finish can be asked again */
		ok = false;
	}
	/* What was dealt has done its work; kept, it would be one addend of the key. */
	ok = ok && destroy(&c->k, C.dealt, "destroying what this node has dealt");
	release();
	return ok ? TOOL_OK : TOOL_REFUSED;
}

/* ---- refresh ---- */

int threshold_refresh_round1(struct threshold_cmd *c)
{
	C.d.old = &old_record;
	return threshold_dkg_round1(c);
}

int threshold_refresh_round2(struct threshold_cmd *c)
{
	C.d.old = &old_record;
	return threshold_dkg_round2(c);
}

int threshold_refresh_finish(struct threshold_cmd *c)
{
	C.d.old = &old_record;
	if (strcmp(c->name, c->old) == 0)
		return tool_fail(TOOL_USAGE, "the new share needs a label of its own: the old one stays until it is retired");
	return threshold_dkg_finish(c);
}

/* Has every node, this one too, its share of one new split? */
static bool all_have_theirs(void)
{
	for (unsigned i = 0; i < C.d.split.n; i++) {
		if (C.three[i].len == 0)
			return tool_fail(TOOL_REFUSED, "node %u has not said that it has its new share", i + 1) == TOOL_OK;
		if (memcmp(C.three[i].transcript, C.three[C.me - 1].transcript, 32) != 0)
			return tool_fail(TOOL_REFUSED, "node %u has a share of another split", i + 1) == TOOL_OK;
	}
	return true;
}

/* Is that what they have shares of? */
static bool is_theirs(const struct hz_share *record)
{
	struct hz_buf b = HZ_BUF_INIT;
	bool ok;

	hz_dkg_round3(&C.d, C.me, record, &b);
	ok = !b.failed && memcmp(b.p + HZ_DKG_HEAD, C.three[C.me - 1].transcript, 32) == 0;
	hz_buf_free(&b);
	return ok || tool_fail(TOOL_REFUSED, "the record of --new-split is not that of the nodes' new shares") == TOOL_OK;
}

/* Old shares would do as well as new ones, so they are destroyed; but not before everybody, this node too, has a new one. */
int threshold_refresh_retire(struct threshold_cmd *c)
{
	static struct hz_share record;
	CK_OBJECT_HANDLE new;
	bool ok;

	C.d.old = &old_record;
	ok = join(c) && find_old(c) && record_read(c->new_split, &record) && keyed_find(&c->k, c->name, NULL, &new) &&
	     read_messages(c, 3, 3) && all_have_theirs() && is_theirs(&record);
	if (ok && !threshold_fits(&c->k, new, &record, C.me))
		ok = tool_fail(TOOL_REFUSED, "%s is not this node's new share", c->name) == TOOL_OK;
	ok = ok && destroy(&c->k, C.share, "destroying the old share");
	release();
	return ok ? TOOL_OK : TOOL_REFUSED;
}
