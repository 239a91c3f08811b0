/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node of a key generation or refresh that is no module and may cheat: it deals a share that is not the one that its commitments
 * promise. Its private key and the key that it deals are the SHA-256 of its name and of its name with "-dealt".
 *   liar point NAME                                   prints the node's public key
 *   liar round1 ROSTER OLD NAME                       writes its message to stdout; OLD: the record that is refreshed, or -
 *   liar round2 ROSTER OLD NAME HOW VICTIM ROUND1...  HOW: honest, another (a share of another key), index (the next node's), garbage
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/dkg.h"
#include "crypto/ecies.h"
#include "crypto/hash.h"
#include "crypto/k256.h"

static struct hz_dkg d;
static struct hz_share old;
static uint8_t node[32], dealt[32], other[32];
static unsigned me;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "liar: %s\n", what);
	exit(2);
}

static void keys(const char *name)
{
	char text[80];

	hz_hash_once(HZ_SHA256, name, strlen(name), node);
	snprintf(text, sizeof text, "%s-dealt", name);
	hz_hash_once(HZ_SHA256, text, strlen(text), dealt);
	snprintf(text, sizeof text, "%s-other", name);
	hz_hash_once(HZ_SHA256, text, strlen(text), other);
}

static struct json_object *get(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	must(json_object_object_get_ex(o, name, &v), name);
	return v;
}

static void hex(struct json_object *v, uint8_t *out, size_t n)
{
	const char *text = json_object_get_string(v);

	must(text != NULL && strlen(text) == 2 * n && hz_hex_decode(text, 2 * n, out, n), "hexadecimal");
}

static void read_old(const char *path)
{
	struct json_object *o = json_object_from_file(path);

	must(o != NULL, path);
	old.split.t = (unsigned)json_object_get_int(get(o, "threshold"));
	old.split.n = (unsigned)json_object_get_int(get(o, "shares"));
	hex(get(o, "splitId"), old.split.id, HZ_SHAMIR_ID);
	for (unsigned j = 0; j < old.split.t; j++)
		hex(json_object_array_get_idx(get(o, "commitments"), j), old.commitments[j], 33);
	json_object_put(o);
	d.old = &old;
}

static void read_roster(const char *path)
{
	struct json_object *o = json_object_from_file(path), *nodes;
	uint8_t pub[64], own[33];

	must(o != NULL, path);
	nodes = get(o, "nodes");
	d.split.t = (unsigned)json_object_get_int(get(o, "threshold"));
	d.split.n = (unsigned)json_object_array_length(nodes);
	hex(get(o, "ceremony"), d.nonce, 16);
	must(hz_k256_pub_from_sec(pub, node) && hz_k256_pub_write(pub, true, own), "key");
	for (unsigned i = 0; i < d.split.n; i++) {
		hex(json_object_array_get_idx(nodes, i), d.nodes[i], 33);
		if (memcmp(d.nodes[i], own, 33) == 0)
			me = i + 1;
	}
	json_object_put(o);
	must(hz_dkg_begin(&d) == CKR_OK && me != 0, "roster");
}

static void sign(const uint8_t key[32], struct hz_buf *b)
{
	uint8_t sig[64];

	must(hz_k256_schnorr_sign(key, b->p, b->len, sig), "signature");
	hz_buf_add(b, sig, 64);
}

static struct hz_split split_of(int second)
{
	struct hz_split s = d.split;

	if (second)
		hz_split_other(d.split.id, s.id);
	return s;
}

static void round1(struct hz_buf *out)
{
	static uint8_t points[HZ_DKG_POINTS][33];
	static struct hz_share s;

	for (int second = d.old != NULL; second >= 0; second--) {
		struct hz_split split = split_of(second);

		must(hz_share_make(dealt, &split, 1, &s) == CKR_OK, "share");
		memcpy(points[second ? d.split.t : 0], s.commitments[second], 33 * (size_t)(d.split.t - (unsigned)second));
	}
	hz_dkg_round1(&d, me, (const uint8_t(*)[33])points, out);
	sign(dealt, out);
	sign(node, out);
}

/* A share blob for node i of one of the splits. */
static void blob(const uint8_t key[32], unsigned i, unsigned to, int second, struct hz_buf *out)
{
	static struct hz_share s;
	const struct hz_ecies_aad aad = { HZ_ECIES_SHARE, NULL, 0 };
	struct hz_split split = split_of(second);
	struct hz_buf text = HZ_BUF_SECRET, b = HZ_BUF_INIT;
	uint8_t pub[64];

	must(hz_share_make(key, &split, i, &s) == CKR_OK && hz_share_write(&s, &text) == CKR_OK && hz_k256_pub_parse(pub, d.nodes[to - 1], 33) &&
	     hz_ecies_seal(pub, &aad, text.p, text.len, &b) == CKR_OK, "blob");
	if (d.old != NULL)
		hz_buf_be32(out, (uint32_t)b.len);
	hz_buf_add(out, b.p, b.len);
	hz_buf_free(&text);
	hz_buf_free(&b);
}

static void deal(const char *how, unsigned to, bool lie, struct hz_buf *out)
{
	const uint8_t *key = lie && strcmp(how, "another") == 0 ? other : dealt;
	unsigned i = lie && strcmp(how, "index") == 0 ? to % d.split.n + 1 : to;

	blob(key, i, to, 0, out);
	if (d.old != NULL)
		blob(dealt, i, to, 1, out);
	if (lie && strcmp(how, "garbage") == 0)
		out->p[out->len - 20] ^= 1;
}

static void round2(const char *how, unsigned victim, char **files, struct hz_buf *out)
{
	static struct hz_buf blobs[HZ_SHAMIR_MAX];
	static struct hz_dkg_msg m[HZ_SHAMIR_MAX];
	static uint8_t text[HZ_SHAMIR_MAX][20000];
	uint8_t transcript[32];

	for (; *files != NULL; files++) {
		struct hz_dkg_msg one;
		FILE *f = fopen(*files, "r");
		size_t n;

		must(f != NULL, *files);
		n = fread(text[HZ_SHAMIR_MAX - 1], 1, sizeof text[0], f);
		fclose(f);
		must(hz_dkg_read(&d, text[HZ_SHAMIR_MAX - 1], n, &one) == CKR_OK, *files);
		memcpy(text[one.from - 1], text[HZ_SHAMIR_MAX - 1], n);
		must(hz_dkg_read(&d, text[one.from - 1], n, &m[one.from - 1]) == CKR_OK, *files);
	}
	hz_dkg_transcript(&d, m, transcript);
	for (unsigned to = 1; to <= d.split.n; to++)
		deal(how, to, to == victim, &blobs[to - 1]);
	hz_dkg_round2(&d, me, transcript, blobs, out);
	sign(node, out);
	for (unsigned i = 0; i < d.split.n; i++)
		hz_buf_free(&blobs[i]);
}

int main(int argc, char **argv)
{
	struct hz_buf out = HZ_BUF_INIT;
	uint8_t pub[64], raw[33];
	char text[67];

	must(argc >= 3, "usage");
	keys(argv[argc > 4 ? 4 : 2]);
	if (strcmp(argv[1], "point") == 0) {
		must(hz_k256_pub_from_sec(pub, node) && hz_k256_pub_write(pub, true, raw), "key");
		hz_hex_encode(raw, 33, text);
		puts(text);
		return 0;
	}
	must(argc >= 5, "usage");
	if (strcmp(argv[3], "-") != 0)
		read_old(argv[3]);
	read_roster(argv[2]);
	if (strcmp(argv[1], "round1") == 0)
		round1(&out);
	else if (argc >= 8)
		round2(argv[5], (unsigned)atoi(argv[6]), argv + 7, &out);
	must(!out.failed && fwrite(out.p, 1, out.len, stdout) == out.len && fflush(stdout) == 0, "output");
	hz_buf_free(&out);
	return 0;
}
