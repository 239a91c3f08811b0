/* SPDX-License-Identifier: Apache-2.0 */
/* Options and input of `hanzo-p11 poai` and `hanzo-p11 hmm`. */
#include "statement.h"

#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/ethaddr.h"
#include "evidence.h"

enum { MAX_FILE = 1 << 16 };

void statement_refused(struct statement_cmd *c, const char *error, const char *reason)
{
	c->refused++;
	if (c->k.tool.json) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "error", json_object_new_string(error));
		json_object_object_add(o, "reason", json_object_new_string(reason));
		puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(o);
	} else {
		printf("refused: %s%s%s\n", error, reason[0] != '\0' ? ": " : "", reason);
	}
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* At most five times a second, and once at the end. */
static void progress(const struct statement_cmd *c, double began, double *shown, bool end)
{
	double now;

	if (c->nfiles == 1 || !isatty(STDERR_FILENO))
		return;
	now = seconds();
	if (!end && now - *shown < 0.2)
		return;
	*shown = now;
	fprintf(stderr, "\r%lu done, %lu refused, %.0f/s ", c->done, c->refused, (double)(c->done + c->refused) / (now - began + 1e-9));
	if (end)
		fputc('\n', stderr);
}

static int each_line(struct statement_cmd *c, statement_fn fn, void *state, double began)
{
	char *line = NULL;
	size_t room = 0;
	double shown = began;
	ssize_t n;
	bool go = true;

	while (go && (n = getline(&line, &room, stdin)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		if (n == 0)
			continue;
		go = fn(c, state, line, (size_t)n);
		progress(c, began, &shown, false);
	}
	progress(c, began, &shown, true);
	free(line);
	return ferror(stdin) ? tool_fail(TOOL_REFUSED, "stdin: %s", strerror(errno)) : TOOL_OK;
}

static int each_file(struct statement_cmd *c, statement_fn fn, void *state, double began)
{
	static char text[MAX_FILE + 1];
	double shown = began;
	bool go = true;

	for (int i = 0; go && i < c->nfiles; i++) {
		FILE *f = fopen(c->files[i], "re");
		size_t n;
		bool read;

		if (f == NULL)
			return tool_fail(TOOL_REFUSED, "%s: %s", c->files[i], strerror(errno));
		n = fread(text, 1, sizeof text, f);
		read = ferror(f) == 0;
		if (!read)
			tool_fail(TOOL_REFUSED, "%s: %s", c->files[i], strerror(errno));
		fclose(f);
		if (!read)
			return TOOL_REFUSED;
		go = fn(c, state, text, n);
		progress(c, began, &shown, false);
	}
	progress(c, began, &shown, true);
	return TOOL_OK;
}

int statement_each(struct statement_cmd *c, statement_fn fn, void *state)
{
	double began = seconds();
	int rc;

	setvbuf(stdout, NULL, _IOLBF, 0); /* whoever feeds lines may wait for each answer */
	rc = c->nfiles != 0 ? each_file(c, fn, state, began) : each_line(c, fn, state, began);
	if (fflush(stdout) != 0)
		return tool_fail(TOOL_REFUSED, "stdout: %s", strerror(errno));
	return rc == TOOL_OK && c->refused != 0 ? TOOL_REFUSED : rc;
}

enum { O_CHAIN = KEYED_NEXT, O_CONTRACT, O_RS, O_PROFILE, O_ADDRESS, O_KEY, O_SIGNATURE, O_SIGNATURES, O_TTL, O_IGNORE,
       O_ATTEST, O_REQUIRE, O_POLICY, O_BUNDLE, O_CERTS, O_COLLATERAL, O_TIER, O_AT };

static const struct option options[] = {
	KEYED_OPTIONS,
	{ "chain-id", required_argument, NULL, O_CHAIN },
	{ "contract", required_argument, NULL, O_CONTRACT },
	{ "rs", no_argument, NULL, O_RS },
	{ "profile", required_argument, NULL, O_PROFILE },
	{ "address", required_argument, NULL, O_ADDRESS },
	{ "public-key", required_argument, NULL, O_KEY },
	{ "signature", required_argument, NULL, O_SIGNATURE },
	{ "signatures", required_argument, NULL, O_SIGNATURES },
	{ "ttl", required_argument, NULL, O_TTL },
	{ "ignore-ttl", no_argument, NULL, O_IGNORE },
	{ "attest", no_argument, NULL, O_ATTEST },
	{ "require-attested", no_argument, NULL, O_REQUIRE },
	{ "policy", required_argument, NULL, O_POLICY },
	{ "attestation", required_argument, NULL, O_BUNDLE },
	{ "certs", required_argument, NULL, O_CERTS },
	{ "collateral", required_argument, NULL, O_COLLATERAL },
	{ "tier", required_argument, NULL, O_TIER },
	{ "at", required_argument, NULL, O_AT },
	{ NULL, 0, NULL, 0 },
};

static int no_profile(const char *name)
{
	tool_fail(TOOL_USAGE, "no profile %s; there are:", name);
	for (size_t i = 0; hz_profile_at(i) != NULL; i++) {
		fprintf(stderr, "  %s:", hz_profile_name(hz_profile_at(i)));
		for (size_t k = 0; hz_profile_field(hz_profile_at(i), k) != NULL; k++)
			fprintf(stderr, " %s", hz_profile_field(hz_profile_at(i), k));
		fputc('\n', stderr);
	}
	return TOOL_USAGE;
}

static int number(const char *option, uint64_t *out)
{
	CK_ULONG v;

	if (!tool_number(optarg, &v))
		return tool_fail(TOOL_USAGE, "--%s takes a number", option);
	*out = v;
	return TOOL_OK;
}

static int take_tier(struct statement_cmd *c)
{
	bool ok = strlen(optarg) == 1 && optarg[0] >= '2' && optarg[0] <= '4';

	c->ask.tier = ok ? (unsigned)(optarg[0] - '0') : 0;
	return ok ? TOOL_OK : tool_fail(TOOL_USAGE, "--tier takes 2, 3 or 4");
}

static int take_certs(struct statement_cmd *c)
{
	if (c->ncerts == ATTESTED_CERTS)
		return tool_fail(TOOL_USAGE, "--certs: too many files");
	c->ask.certs[c->ncerts++] = optarg;
	return TOOL_OK;
}

static int take_at(struct statement_cmd *c)
{
	c->ask.has_at = evidence_time(optarg, &c->ask.at) && c->ask.at >= 0;
	return c->ask.has_at ? TOOL_OK : tool_fail(TOOL_USAGE, "--at takes a time such as 2026-01-31T12:00:00Z");
}

/* What --require-attested asks of the attestation. */
static int take_ask(struct statement_cmd *c, int option)
{
	switch (option) {
	case O_REQUIRE: c->require_attested = true; break;
	case O_POLICY: c->ask.policy = optarg; break;
	case O_BUNDLE: c->ask.bundle = optarg; break;
	case O_COLLATERAL: c->ask.collateral = optarg; break;
	case O_CERTS: return take_certs(c);
	case O_TIER: return take_tier(c);
	case O_AT: return take_at(c);
	default: return keyed_option(&c->k, option, optarg) ? TOOL_OK : TOOL_USAGE;
	}
	return TOOL_OK;
}

/* Options that take more than a copy of the pointer. */
static int take_value(struct statement_cmd *c, int option)
{
	switch (option) {
	case O_CHAIN:
		c->has_chain = true;
		return number("chain-id", &c->chain_id);
	case O_TTL:
		return number("ttl", &c->ttl);
	case O_CONTRACT:
		c->has_contract = true;
		return hz_ethaddr_parse(optarg, strlen(optarg), c->contract) ? TOOL_OK : tool_fail(TOOL_USAGE, "--contract takes an address");
	case O_PROFILE:
		c->profile = hz_profile_find(optarg);
		return c->profile != NULL ? TOOL_OK : no_profile(optarg);
	default:
		return take_ask(c, option);
	}
}

static int take(struct statement_cmd *c, int option)
{
	switch (option) {
	case O_RS: c->rs = true; break;
	case O_ADDRESS: c->address = optarg; break;
	case O_KEY: c->public_key = optarg; break;
	case O_SIGNATURE: c->signature = optarg; break;
	case O_SIGNATURES: c->signatures = optarg; break;
	case O_IGNORE: c->ignore_ttl = true; break;
	case O_ATTEST: c->attest = true; break;
	default: return take_value(c, option);
	}
	return TOOL_OK;
}

static int usage(enum hz_poai_kind kind)
{
	const char *name = kind == HZ_HMM ? "hmm" : "poai", *profile = kind == HZ_HMM ? "" : " [--profile NAME]";

	return tool_fail(TOOL_USAGE,
			 "%s sign --slot N --label TEXT|--id HEX [--pin-source SOURCE] [--chain-id N] [--contract ADDRESS] [--rs] [--attest]%s "
			 "[FILE...]\n"
			 "           %s verify --address ADDRESS|--public-key HEX|FILE --signature HEX|--signatures FILE [--chain-id N] "
			 "[--contract ADDRESS] [--ttl SECONDS|--ignore-ttl] [--at TIME]%s [--require-attested --policy FILE [--attestation FILE] "
			 "[--tier N] [--certs FILE]... [--collateral FOLDER]] [FILE...]",
			 name, profile, name, profile);
}

/* Nobody shall believe that something was attested because an option for it was accepted. */
static bool ask_complete(const struct statement_cmd *c, bool sign)
{
	const struct attested_ask *a = &c->ask;
	bool details = a->policy != NULL || a->bundle != NULL || a->collateral != NULL || c->ncerts != 0 || a->tier != 0;

	if (sign)
		return !c->require_attested && !details && !a->has_at;
	return !c->attest && (c->require_attested ? a->policy != NULL : !details);
}

/* Which options make sense together. */
static bool complete(const struct statement_cmd *c, bool sign)
{
	bool key = c->k.label != NULL || c->k.id != NULL, who = (c->address != NULL) != (c->public_key != NULL);
	bool signature = (c->signature != NULL) != (c->signatures != NULL);

	if ((c->profile != NULL && (c->kind == HZ_HMM || c->has_chain || c->has_contract)) || !ask_complete(c, sign))
		return false;
	if (sign)
		return c->k.tool.has_slot && key && c->address == NULL && c->public_key == NULL && c->signature == NULL && c->signatures == NULL;
	return who && signature && !key && !c->k.tool.has_slot && !c->rs;
}

int statement_main(enum hz_poai_kind kind, int argc, char **argv)
{
	struct statement_cmd c = { .kind = kind, .chain_id = 36963, .ttl = kind == HZ_HMM ? 86400 : 3600 };
	bool sign = argc > 1 && strcmp(argv[1], "sign") == 0;
	int option, rc = TOOL_OK;

	if (argc < 2 || (!sign && strcmp(argv[1], "verify") != 0))
		return usage(kind);
	optind = 2;
	while (rc == TOOL_OK && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		rc = take(&c, option);
	if (rc != TOOL_OK)
		return rc;
	c.files = argv + optind;
	c.nfiles = argc - optind;
	if (!complete(&c, sign))
		return usage(kind);
	if (c.signature != NULL && c.nfiles > 1)
		return tool_fail(TOOL_USAGE, "--signature is that of one statement: give --signatures with the signatures of %d files", c.nfiles);
	if (c.ask.tier == 0)
		c.ask.tier = 2;
	return sign ? statement_sign(&c) : statement_verify(&c);
}
