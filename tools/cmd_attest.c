/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 attest verify|show|challenge: looks at evidence with libhanzo-attest, from files only. */

#include "config.h"

#include "evidence.h"
#include "tool.h"

#include "base/hex.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* Everything that the command line names, read into memory; the input of the library borrows it. */
struct job {
	hz_attest_input *in;
	struct evidence held;
	enum hz_attest_kind kind;
	const char *file, *policy;
	bool json, has_time;
};

enum { OPT_KIND = 256, OPT_CERTS, OPT_COLLATERAL, OPT_PART, OPT_CHALLENGE, OPT_REPORT_DATA, OPT_NONCE, OPT_KEY, OPT_POLICY, OPT_AT,
       OPT_TIER, OPT_JSON, OPT_MODULE };

static const struct option options[] = {
	{ "kind", required_argument, NULL, OPT_KIND },
	{ "certs", required_argument, NULL, OPT_CERTS },
	{ "collateral", required_argument, NULL, OPT_COLLATERAL },
	{ "part", required_argument, NULL, OPT_PART },
	{ "challenge", required_argument, NULL, OPT_CHALLENGE },
	{ "report-data", required_argument, NULL, OPT_REPORT_DATA },
	{ "nonce", required_argument, NULL, OPT_NONCE },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "at", required_argument, NULL, OPT_AT },
	{ "tier", required_argument, NULL, OPT_TIER },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "module", required_argument, NULL, OPT_MODULE },
	{ NULL, 0, NULL, 0 }
};

/* ---- reading ---- */

static uint8_t *
read_hex(struct job *j, const char *text, size_t *len)
{
	size_t n = strlen(text);
	uint8_t *p = evidence_hold(&j->held, n / 2 + 1);

	*len = n / 2;
	return p != NULL && n % 2 == 0 && hz_hex_decode(text, n, p, n / 2) ? p : NULL;
}

/* NAME=FILE */
static bool
add_part(struct job *j, char *arg)
{
	char *eq = strchr(arg, '=');
	size_t n;
	void *p;

	if (eq == NULL || eq == arg)
		return false;
	*eq = '\0';
	p = evidence_file(&j->held, eq + 1, &n);
	return p != NULL && hz_attest_input_part(j->in, arg, p, n);
}

static bool
set_time(struct job *j, const char *text)
{
	int64_t at;

	j->has_time = evidence_time(text, &at);
	return j->has_time && hz_attest_input_time(j->in, at);
}

static bool
set_bytes(struct job *j, int opt, const char *text)
{
	size_t n;
	uint8_t *p = read_hex(j, text, &n);

	if (p == NULL)
		return false;
	if (opt == OPT_CHALLENGE)
		return hz_attest_input_challenge(j->in, p, n);
	return opt == OPT_NONCE ? hz_attest_input_nonce(j->in, p, n) : hz_attest_input_report_data(j->in, p, n);
}

/* A key attestation: of the key in the file (DER), or with "any" of whatever key it names. */
static bool
set_key(struct job *j, const char *path)
{
	size_t n = 0;
	void *p = strcmp(path, "any") == 0 ? NULL : evidence_file(&j->held, path, &n);

	return (p != NULL || strcmp(path, "any") == 0) && hz_attest_input_key(j->in, p, n);
}

static bool
set_tier(struct job *j, const char *text)
{
	return strlen(text) == 1 && text[0] >= '0' && text[0] <= '4' && hz_attest_input_tier(j->in, (unsigned)(text[0] - '0'));
}

static bool
take_option(struct job *j, int opt, char *arg)
{
	switch (opt) {
	case OPT_KIND:
		j->kind = hz_attest_kind_by_name(arg);
		return j->kind != HZ_ATTEST_KIND_NONE;
	case OPT_CERTS: return evidence_certs(&j->held, j->in, arg);
	case OPT_COLLATERAL: return evidence_collateral(&j->held, j->in, arg);
	case OPT_PART: return add_part(j, arg);
	case OPT_KEY: return set_key(j, arg);
	case OPT_CHALLENGE:
	case OPT_REPORT_DATA:
	case OPT_NONCE: return set_bytes(j, opt, arg);
	case OPT_POLICY: j->policy = arg; return true;
	case OPT_AT: return set_time(j, arg);
	case OPT_TIER: return set_tier(j, arg);
	case OPT_JSON: j->json = true; return true;
	case OPT_MODULE: return true;
	default: return false;
	}
}

static bool
take_arguments(struct job *j, int argc, char **argv)
{
	int opt, which = 0;
	size_t n;
	void *p;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "", options, &which)) != -1) {
		if (opt == '?')
			return false;
		if (!take_option(j, opt, optarg)) {
			tool_fail(0, "bad value for --%s", options[which].name);
			return false;
		}
	}
	if (optind != argc - 1) {
		tool_fail(0, "name one file of evidence");
		return false;
	}
	j->file = argv[optind];
	p = evidence_file(&j->held, j->file, &n);
	if (p == NULL || !hz_attest_input_evidence(j->in, j->kind, p, n))
		return false;
	return j->has_time || hz_attest_input_time(j->in, (int64_t)time(NULL));
}

/* ---- output ---- */

static void
print_result(const struct job *j, const hz_attest_result *res)
{
	const char *status = hz_attest_result_claim(res, "cpu.tcb_status");
	char *dump = j->json ? hz_attest_result_dump_json(res) : hz_attest_result_dump_text(res);

	fputs(dump != NULL ? dump : "", stdout);
	free(dump);
	if (j->json)
		return;
	if (status != NULL && strcmp(status, "not evaluated") == 0)
		puts("TCB status not evaluated: no collateral was given");
	if (j->policy == NULL && hz_attest_result_reason(res) == HZ_ATTEST_OK)
		puts("a genuine platform; without --policy nothing was expected of the software in it");
}

/* Prints what the evidence says of itself, whatever its signatures are worth. */
static bool
print_claim(void *arg, const char *name, const char *value)
{
	++*(size_t *)arg;
	printf("%-32s %s\n", name, value);
	return true;
}

static int
show(const struct job *j, const hz_attest_result *res)
{
	size_t n = 0;
	char *dump;

	if (j->json) {
		dump = hz_attest_result_dump_json(res);
		fputs(dump != NULL ? dump : "", stdout);
		free(dump);
		return TOOL_OK;
	}
	hz_attest_result_each(res, print_claim, &n);
	if (n == 0)
		return tool_fail(TOOL_REFUSED, "nothing to show: %s", hz_attest_result_text(res));
	puts("claims are shown as they stand in the evidence; \"attest verify\" says whether they are true");
	return TOOL_OK;
}

static int
run_job(struct job *j, bool verify)
{
	hz_attest_verifier *v = hz_attest_verifier_new(NULL);
	hz_attest_policy *p = evidence_policy(&j->held, j->policy);
	hz_attest_result *res = NULL;
	int rc = TOOL_USAGE;

	if (v != NULL && p != NULL)
		res = verify ? hz_attest_verify(v, p, j->in) : hz_attest_inspect(v, j->in);

	if (res != NULL && !verify)
		rc = show(j, res);
	else if (res != NULL) {
		print_result(j, res);
		rc = hz_attest_result_reason(res) == HZ_ATTEST_OK ? TOOL_OK : TOOL_REFUSED;
	}
	hz_attest_result_free(res);
	hz_attest_policy_free(p);
	hz_attest_verifier_free(v);
	return rc;
}

static int
verify_or_show(int argc, char **argv, bool verify)
{
	struct job j = { .in = hz_attest_input_new() };
	int rc = j.in != NULL && take_arguments(&j, argc, argv) ? run_job(&j, verify) : TOOL_USAGE;

	hz_attest_input_free(j.in);
	evidence_free(&j.held);
	return rc;
}

/* A fresh challenge for evidence that is collected elsewhere and checked with --challenge. */
static int
challenge(int argc, char **argv)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	uint8_t bytes[32];
	char hex[65];

	if (argc != 1 && !json)
		return tool_fail(TOOL_USAGE, "attest challenge [--json]");
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return tool_fail(TOOL_REFUSED, "no random bytes: %s", strerror(errno));
	hz_hex_encode(bytes, sizeof bytes, hex);
	printf(json ? "{\"challenge\":\"%s\"}\n" : "%s\n", hex);
	return TOOL_OK;
}

int
hz_cmd_attest(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "verify") == 0)
		return verify_or_show(argc - 1, argv + 1, true);
	if (argc >= 2 && strcmp(argv[1], "show") == 0)
		return verify_or_show(argc - 1, argv + 1, false);
	if (argc >= 2 && strcmp(argv[1], "collect") == 0)
		return hz_cmd_attest_collect(argc - 1, argv + 1);
	if (argc >= 2 && strcmp(argv[1], "key") == 0)
		return hz_cmd_attest_key(argc - 1, argv + 1);
	if (argc >= 2 && strcmp(argv[1], "challenge") == 0)
		return challenge(argc - 1, argv + 1);
	return tool_fail(TOOL_USAGE, "attest verify FILE, attest show FILE, attest collect, attest key or attest challenge; see hanzo-p11(1)");
}
