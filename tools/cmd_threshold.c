/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 threshold: options and the choice of what to do. */
#include <getopt.h>
#include <string.h>

#include "threshold.h"

enum { O_THRESHOLD = KEYED_NEXT, O_INDEX, O_NODE, O_SPLIT, O_SHARE, O_NAME, O_TO, O_RSA, O_BLOB, O_EPHEMERAL, O_ROSTER, O_OUT, O_KEY,
       O_OLD, O_ACK };

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
	{ NULL, 0, NULL, 0 },
};

static bool add_node(struct threshold_cmd *c)
{
	if (c->n_nodes == HZ_SHAMIR_MAX)
		return false;
	c->nodes[c->n_nodes++] = optarg;
	return true;
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
	case O_EPHEMERAL: c->ephemeral = optarg; return true;
	case O_ROSTER: c->roster = optarg; return true;
	case O_OUT: c->out = optarg; return true;
	case O_KEY: c->public_key = optarg; return true;
	case O_OLD: c->old = optarg; return true;
	case O_ACK: c->ack = optarg; return true;
	default: return keyed_option(&c->k, o, optarg);
	}
}

static const struct {
	const char *name, *second;
	int (*run)(struct threshold_cmd *c);
} subs[] = {
	{ "split", NULL, threshold_split },
	{ "refresh", "round1", threshold_refresh_round1 }, { "refresh", "round2", threshold_refresh_round2 },
	{ "refresh", "finish", threshold_refresh_finish }, { "refresh", "retire", threshold_refresh_retire },
	{ "refresh", NULL, threshold_refresh },
	{ "import", NULL, threshold_take },       { "verify", NULL, threshold_verify },
	{ "partial", NULL, threshold_partial },   { "combine", NULL, threshold_combine },
	{ "dkg", "round1", threshold_dkg_round1 }, { "dkg", "round2", threshold_dkg_round2 },
	{ "dkg", "finish", threshold_dkg_finish },
};

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
		rc = subs[i].run(&c);
		keyed_close(&c.k);
		return rc;
	}
	return tool_fail(TOOL_USAGE, "threshold split, import, verify, partial, combine, refresh, or dkg or refresh with round1, round2, finish, or refresh retire");
}
