/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 threshold: options and the choice of what to do. */
#include <getopt.h>
#include <string.h>

#include "threshold.h"

enum { O_THRESHOLD = KEYED_NEXT, O_INDEX, O_NODE, O_SPLIT, O_SHARE, O_NAME, O_TO, O_RSA, O_BLOB, O_EPHEMERAL, O_ROSTER, O_OUT, O_KEY,
       O_OLD, O_ACK, O_AAD, O_NEW };

static const struct option options[] = {
	KEYED_OPTIONS,
	{ "threshold", required_argument, NULL, O_THRESHOLD },
	{ "index", required_argument, NULL, O_INDEX },
	{ "node", required_argument, NULL, O_NODE },
	{ "split", required_argument, NULL, O_SPLIT },
	{ "share", required_argument, NULL, O_SHARE },
	{ "name", required_argument, NULL, O_NAME },
	{ "to", required_argument, NULL, O_TO },
	{ "rsa", required_argument, NULL, O_RSA },
	{ "blob", required_argument, NULL, O_BLOB },
	{ "ephemeral", required_argument, NULL, O_EPHEMERAL },
	{ "roster", required_argument, NULL, O_ROSTER },
	{ "out", required_argument, NULL, O_OUT },
	{ "public-key", required_argument, NULL, O_KEY },
	{ "old", required_argument, NULL, O_OLD },
	{ "ack", required_argument, NULL, O_ACK },
	{ "aad", required_argument, NULL, O_AAD },
	{ "new-split", required_argument, NULL, O_NEW },
	{ NULL, 0, NULL, 0 },
};

static bool add_node(struct threshold_cmd *c)
{
	if (c->n_nodes == HZ_SHAMIR_MAX)
		return false;
	c->nodes[c->n_nodes++] = optarg;
	return true;
}

static bool take_ephemeral(struct threshold_cmd *c)
{
	size_t n;

	c->has_ephemeral = text_hex(optarg, c->ephemeral, sizeof c->ephemeral, &n) && n == sizeof c->ephemeral;
	return c->has_ephemeral || tool_fail(TOOL_USAGE, "--ephemeral takes a compressed point in hexadecimal") == TOOL_OK;
}

static bool option(struct threshold_cmd *c, int o)
{
	switch (o) {
	case O_THRESHOLD: return tool_number(optarg, &c->threshold);
	case O_INDEX: return tool_number(optarg, &c->index);
	case O_NODE: return add_node(c);
	case O_SPLIT: c->split = optarg; return true;
	case O_SHARE: c->share = optarg; return true;
	case O_NAME: c->name = optarg; return true;
	case O_TO: c->to = optarg; return true;
	case O_RSA: c->rsa = optarg; return true;
	case O_BLOB: c->blob = optarg; return true;
	case O_EPHEMERAL: return take_ephemeral(c);
	case O_ROSTER: c->roster = optarg; return true;
	case O_OUT: c->out = optarg; return true;
	case O_KEY: c->public_key = optarg; return true;
	case O_OLD: c->old = optarg; return true;
	case O_ACK: c->ack = optarg; return true;
	case O_AAD: return c->has_aad = text_aad(optarg, c->aad, &c->aad_len);
	case O_NEW: c->new_split = optarg; return true;
	default: return keyed_option(&c->k, o, optarg);
	}
}

/* What a command cannot do without. */
enum { N_KEY = 1, N_SPLIT = 2, N_ROSTER = 4, N_SHARE = 8, N_NAME = 16, N_TO = 32, N_RSA = 64, N_SECRET = 128, N_OLD = 256, N_ACK = 512,
       N_NEW = 1024 };

static const struct {
	const char *name, *second;
	int (*run)(struct threshold_cmd *c);
	unsigned needs;
} subs[] = {
	{ "split", NULL, threshold_split, N_KEY },
	{ "refresh", "round1", threshold_refresh_round1, N_KEY | N_ROSTER | N_SPLIT },
	{ "refresh", "round2", threshold_refresh_round2, N_KEY | N_ROSTER | N_SPLIT },
	{ "refresh", "finish", threshold_refresh_finish, N_KEY | N_ROSTER | N_SPLIT | N_OLD | N_NAME | N_ACK },
	{ "refresh", "retire", threshold_refresh_retire, N_KEY | N_ROSTER | N_SPLIT | N_OLD | N_NAME | N_NEW },
	{ "refresh", NULL, threshold_refresh, N_KEY | N_SPLIT },
	{ "import", NULL, threshold_take, N_KEY | N_SPLIT | N_SHARE | N_NAME },
	{ "verify", NULL, threshold_verify, N_SPLIT },
	{ "partial", NULL, threshold_partial, N_KEY | N_SECRET | N_TO },
	{ "combine", NULL, threshold_combine, N_SPLIT | N_RSA | N_SECRET },
	{ "dkg", "round1", threshold_dkg_round1, N_KEY | N_ROSTER },
	{ "dkg", "round2", threshold_dkg_round2, N_KEY | N_ROSTER },
	{ "dkg", "finish", threshold_dkg_finish, N_KEY | N_ROSTER | N_NAME },
};

static bool complete(const struct threshold_cmd *c, unsigned needs)
{
	const struct {
		unsigned need;
		bool given;
		const char *missing;
	} all[] = {
		{ N_SPLIT, c->split != NULL, "--split is missing: the record of the split" },
		{ N_ROSTER, c->roster != NULL, "--roster is missing" },
		{ N_SHARE, c->share != NULL, "--share is missing: the file with the share" },
		{ N_NAME, c->name != NULL, "--name is missing: the label of the share" },
		{ N_TO, c->to != NULL, "--to is missing: the requester's public key" },
		{ N_RSA, c->rsa != NULL, "--rsa is missing: the requester's private key" },
		{ N_SECRET, (c->blob != NULL) != c->has_ephemeral, "--blob or --ephemeral is needed" },
		{ N_OLD, c->old != NULL, "--old is missing: the label of the old share" },
		{ N_ACK, c->ack != NULL, "--ack is missing: the file that tells the others" },
		{ N_NEW, c->new_split != NULL, "--new-split is missing: the record that finish has written" },
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if ((needs & all[i].need) != 0 && !all[i].given)
			return tool_fail(TOOL_USAGE, "%s", all[i].missing) == TOOL_OK;
	if (c->share != NULL && (c->index < 1 || c->index > HZ_SHAMIR_MAX))
		return tool_fail(TOOL_USAGE, "--index is missing: which share it is") == TOOL_OK;
	if (c->has_aad && c->blob == NULL)
		return tool_fail(TOOL_USAGE, "--aad goes with --blob") == TOOL_OK;
	return (needs & N_KEY) == 0 || keyed_named(&c->k);
}

int hz_cmd_threshold(int argc, char **argv)
{
	struct threshold_cmd c = { .threshold = 0 };
	int o, rc;

	for (size_t i = 0; argc >= 2 && i < sizeof subs / sizeof subs[0]; i++) {
		if (strcmp(argv[1], subs[i].name) != 0 || (subs[i].second != NULL && (argc < 3 || strcmp(argv[2], subs[i].second) != 0)))
			continue;
		optind = subs[i].second != NULL ? 3 : 2;
		while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
			if (!option(&c, o))
				return tool_fail(TOOL_USAGE, "see hanzo-p11 threshold --help");
		c.files = argv + optind;
		c.nfiles = argc - optind;
		rc = complete(&c, subs[i].needs) ? subs[i].run(&c) : TOOL_USAGE;
		keyed_close(&c.k);
		return rc;
	}
	return tool_fail(TOOL_USAGE, "threshold split, import, verify, partial, combine, refresh, or dkg or refresh with round1, round2, finish, or refresh retire");
}
