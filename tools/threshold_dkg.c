/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hanzo-p11 threshold dkg: a key that no machine ever holds (crypto/dkg.h). What a node deals is a key in its own token until
 * `finish` destroys it; shares pass from module to module encrypted, and are added up inside.
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
	CK_OBJECT_HANDLE node, dealt;
	char name[2 * HZ_SHAMIR_ID + 5];
	struct hz_buf text[2 * HZ_SHAMIR_MAX];
	struct hz_dkg_msg one[HZ_SHAMIR_MAX], two[HZ_SHAMIR_MAX]; /* by node; len 0: not seen */
};

static struct ceremony C; /* large, and there is one a run */

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

	if (path == NULL)
		return tool_fail(TOOL_USAGE, "--roster is missing") == TOOL_OK;
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

int threshold_dkg_round1(struct threshold_cmd *c)
{
	static uint8_t commitments[HZ_SHAMIR_MAX][33];
	struct hz_buf b = HZ_BUF_INIT;
	CK_OBJECT_HANDLE pub;
	bool ok;

	if (!join(c) || !keyed_pair(&c->k, C.name, &pub, &C.dealt))
		return TOOL_REFUSED;
	ok = threshold_commitments(&c->k, C.dealt, &C.d.split, commitments);
	if (ok)
		hz_dkg_round1(&C.d, C.me, (const uint8_t(*)[33])commitments, &b);
	ok = ok && sign(&c->k, C.dealt, &b) && sign(&c->k, C.node, &b) && !b.failed && file_write(c->out, b.p, b.len, false);
	if (!ok)
		forget(&c->k, C.dealt);
	hz_buf_free(&b);
	return ok ? TOOL_OK : TOOL_REFUSED;
}

/* Every file is a good message of this ceremony, of a round that is expected, and no node speaks twice. */
static bool collect(const struct threshold_cmd *c, unsigned rounds)
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
		if (rv != CKR_OK || m.round > rounds)
			return tool_fail(TOOL_REFUSED, "%s: no message of this ceremony and round", c->files[i]) == TOOL_OK;
		to = &(m.round == 1 ? C.one : C.two)[m.from - 1];
		if (to->len != 0 && (to->len != m.len || memcmp(to->all, m.all, m.len) != 0))
			return tool_fail(TOOL_REFUSED, "node %u has sent two different messages of round %u", m.from, m.round) == TOOL_OK;
		*to = m;
	}
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

static bool deal(const struct keyed *k, struct hz_buf *blobs)
{
	for (unsigned i = 0; i < C.d.split.n; i++) {
		CK_OBJECT_HANDLE to;
		uint8_t pub[64];
		CK_RV rv;

		if (!hz_k256_pub_parse(pub, C.d.nodes[i], 33) || !keyed_import_point(k, pub, &to))
			return false;
		rv = threshold_share(k, C.dealt, &C.d.split, i + 1, to, &blobs[i]);
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
	hz_buf_be32(list, m->blob_len[C.me - 1]);
	hz_buf_add(list, m->blob[C.me - 1], m->blob_len[C.me - 1]);
}

/* Name the dealers whose share does not fit what they showed in round 1. */
static void blame(const struct keyed *k)
{
	static struct hz_share shown;

	for (unsigned i = 0; i < C.d.split.n; i++) {
		const struct hz_dkg_msg *m = &C.two[i];
		CK_OBJECT_HANDLE share;
		uint8_t want[64], got[64];
		CK_RV rv = threshold_import(k, C.node, m->blob[C.me - 1], m->blob_len[C.me - 1], C.me, NULL, &share);

		shown.split = C.d.split;
		memcpy(shown.commitments, C.one[i].commitments, 33 * (size_t)C.d.split.t);
		if (rv != CKR_OK || !keyed_point(k, share, got) || !hz_share_public(&shown, C.me, want) || !hz_k256_pub_equal(want, got))
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
static bool add_up(const struct threshold_cmd *c, const struct hz_share *record)
{
	struct hz_buf list = HZ_BUF_INIT;
	CK_OBJECT_HANDLE share;
	uint8_t want[64], got[64];
	CK_RV rv;
	bool ok;

	hz_buf_u8(&list, 0);
	hz_buf_be16(&list, (uint16_t)C.d.split.n);
	for (unsigned i = 0; i < C.d.split.n; i++)
		list_one(&C.two[i], &list);
	rv = list.failed ? CKR_HOST_MEMORY : threshold_import(&c->k, C.node, list.p, list.len, C.me, c->name, &share);
	hz_buf_free(&list);
	ok = rv == CKR_OK && keyed_point(&c->k, share, got) && hz_share_public(record, C.me, want) && hz_k256_pub_equal(want, got);
	if (!ok) {
		if (rv == CKR_OK)
			forget(&c->k, share);
		blame(&c->k);
		tool_fail(TOOL_REFUSED, "no share: begin again without whom you do not trust");
	}
	return ok;
}

int threshold_dkg_finish(struct threshold_cmd *c)
{
	static struct hz_share record;
	bool ok;

	if (c->name == NULL)
		return tool_fail(TOOL_USAGE, "--name is missing: the label of the share");
	ok = join(c) && keyed_find(&c->k, C.name, NULL, &C.dealt) && collect(c, 2) && same_round1() && hz_dkg_sum(&C.d, C.one, &record) &&
	     add_up(c, &record);
	/* What was dealt has done its work; kept, it would be one addend of the key. */
	if (ok)
		forget(&c->k, C.dealt);
	release();
	return ok && record_write(c->out, &record) ? TOOL_OK : TOOL_REFUSED;
}
