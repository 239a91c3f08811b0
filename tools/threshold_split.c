/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 threshold split, refresh, import, verify: shares of a key that one token holds. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "crypto/k256.h"
#include "crypto/libctx.h"
#include "threshold.h"

static void share_path(const struct threshold_cmd *c, unsigned i, char path[4096])
{
	snprintf(path, 4096, "%s/share-%u", c->out, i);
}

static bool write_share(const struct threshold_cmd *c, CK_OBJECT_HANDLE key, const struct hz_split *split, unsigned i)
{
	struct hz_buf blob = HZ_BUF_INIT;
	CK_OBJECT_HANDLE to = 0;
	uint8_t pub[64];
	char path[4096];
	CK_RV rv;
	bool ok = text_point(c->nodes[i - 1], pub) && keyed_import_point(&c->k, pub, &to);

	if (!ok)
		return false;
	rv = threshold_share(&c->k, key, split, i, to, &blob);
	share_path(c, i, path);
	ok = rv == CKR_OK ? file_write(path, blob.p, blob.len, false) : keyed_refused(&c->k, "C_WrapKey", rv) == TOOL_OK;
	hz_buf_free(&blob);
	c->k.tool.p11->C_DestroyObject(c->k.session, to);
	return ok;
}

/* One node twice would hold two shares. */
static bool distinct_nodes(const struct threshold_cmd *c)
{
	uint8_t a[64], b[64];

	for (unsigned i = 0; i < c->n_nodes; i++)
		for (unsigned j = 0; j < i; j++)
			if (!text_point(c->nodes[i], a) || !text_point(c->nodes[j], b) || hz_k256_pub_equal(a, b))
				return tool_fail(TOOL_REFUSED, "nodes %u and %u have one key", j + 1, i + 1) == TOOL_OK;
	return true;
}

/* All shares and the record, or none, so that the same can be tried again. */
static bool write_all(const struct threshold_cmd *c, CK_OBJECT_HANDLE key, const struct hz_share *record)
{
	bool made = mkdir(c->out, 0777) == 0, ok = made || errno == EEXIST;
	char path[4096];
	unsigned n = 0;

	if (!ok)
		return tool_fail(TOOL_REFUSED, "%s: %s", c->out, strerror(errno)) == TOOL_OK;
	while (ok && n < c->n_nodes) {
		ok = write_share(c, key, &record->split, n + 1);
		n += ok;
	}
	snprintf(path, sizeof path, "%s/split.json", c->out);
	if (ok && record_write(path, record))
		return true;
	for (; n > 0; n--) {
		share_path(c, n, path);
		file_undo(path);
	}
	if (made)
		rmdir(c->out);
	return false;
}

/* `old`: the split that this one replaces, of the same key. */
static int split(struct threshold_cmd *c, const struct hz_share *old)
{
	static struct hz_share record;
	CK_OBJECT_HANDLE key;

	if (c->out == NULL || c->threshold < 2 || c->threshold > c->n_nodes)
		return tool_fail(TOOL_USAGE, "--out, --threshold (2 or more) and a --node for each share are needed");
	record.split.t = (unsigned)c->threshold;
	record.split.n = c->n_nodes;
	if (!distinct_nodes(c) || !hz_random(record.split.id, HZ_SHAMIR_ID) || !keyed_open(&c->k) ||
	    !keyed_find(&c->k, c->k.label, c->k.id, &key) || !threshold_commitments(&c->k, key, &record.split, record.commitments))
		return TOOL_REFUSED;
	if (old != NULL && memcmp(old->commitments[0], record.commitments[0], 33) != 0)
		return tool_fail(TOOL_REFUSED, "the record is of another key's split");
	if (!write_all(c, key, &record))
		return TOOL_REFUSED;
	printf("%u shares, any %u of them decrypt: %s\n", record.split.n, record.split.t, c->out);
	return TOOL_OK;
}

int threshold_split(struct threshold_cmd *c)
{
	return split(c, NULL);
}

/* New shares from a polynomial of a new identity: with old ones they lie on no common polynomial. */
int threshold_refresh(struct threshold_cmd *c)
{
	static struct hz_share old;

	return record_read(c->split, &old) ? split(c, &old) : TOOL_REFUSED;
}

int threshold_take(struct threshold_cmd *c)
{
	static struct hz_share record;
	struct hz_buf blob = HZ_BUF_INIT;
	CK_OBJECT_HANDLE node, share;
	int rc = TOOL_REFUSED;
	CK_RV rv;

	if (record_read(c->split, &record) && file_read(c->share, 1 << 16, &blob) && keyed_open(&c->k) &&
	    keyed_unused(&c->k, c->name) && keyed_find(&c->k, c->k.label, c->k.id, &node)) {
		rv = threshold_import(&c->k, node, blob.p, blob.len, (unsigned)c->index, c->name, &share);
		if (rv != CKR_OK) {
			keyed_refused(&c->k, "the share", rv);
		} else if (!threshold_fits(&c->k, share, &record, (unsigned)c->index)) {
			c->k.tool.p11->C_DestroyObject(c->k.session, share);
			tool_fail(TOOL_REFUSED, "the share is not of this split");
		} else {
			rc = TOOL_OK;
		}
	}
	hz_buf_free(&blob);
	return rc;
}

/* The record alone, against a public key, and against a share in a token. */
int threshold_verify(struct threshold_cmd *c)
{
	static struct hz_share record;
	uint8_t pub[64], q[64];
	CK_OBJECT_HANDLE share;
	unsigned index;
	bool in_token = c->k.label != NULL || c->k.id != NULL;

	if (in_token && !keyed_named(&c->k))
		return TOOL_USAGE;
	if (!record_read(c->split, &record))
		return TOOL_REFUSED;
	for (unsigned i = 1; i <= record.split.n; i++)
		if (!hz_share_public(&record, i, pub))
			return tool_fail(TOOL_REFUSED, "the record gives share %u no public key", i);
	if (c->public_key != NULL && (!text_point(c->public_key, pub) || !hz_k256_pub_parse(q, record.commitments[0], 33) ||
				      !hz_k256_pub_equal(pub, q)))
		return tool_fail(TOOL_REFUSED, "the record is of another key's split");
	if (!in_token)
		return puts("the record is consistent") >= 0 ? TOOL_OK : TOOL_REFUSED;
	if (!keyed_open(&c->k) || !keyed_find(&c->k, c->k.label, c->k.id, &share))
		return TOOL_REFUSED;
	index = threshold_index(&c->k, share);
	if (!threshold_fits(&c->k, share, &record, index))
		return tool_fail(TOOL_REFUSED, "the key is no share of this split");
	printf("share %u of %u fits the record\n", index, record.split.n);
	return TOOL_OK;
}
