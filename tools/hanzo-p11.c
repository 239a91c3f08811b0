/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11(1): one program, one table of commands. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "tool.h"

static const struct tool_command commands[] = {
	{ "init", "--slot N [--label TEXT]", "initialise a token and set its PINs", hz_cmd_init },
	{ "doctor", "", "say what is configured, what works, and why the rest does not", hz_cmd_doctor },
	{ "audit", "show|verify [--slot N | --file PATH]", "show the audit log of a token, or check that nothing of it is missing or changed", hz_cmd_audit },
	{ "attest", "verify|show FILE | collect|key|challenge [OPTIONS]", "check evidence of a TEE from files; collect it; attest a key", hz_cmd_attest },
	{ "ecies", "encrypt|decrypt|delegate [OPTIONS] [FILE]", "encrypt to a key on secp256k1, decrypt, delegate decryption", hz_cmd_ecies },
	{ "import", "--slot N [OPTIONS] FILE...", "bring keys and certificates from PEM files into a token", hz_cmd_import },
	{ "migrate", "--from-token LABEL --slot N [--from-softhsm | --from-module PATH] [OPTIONS]",
	  "bring the objects of another token into this one", hz_cmd_migrate },
	{ "list", "[--slot N] [--login]", "list slots and the objects in them", hz_cmd_list },
	{ "poai", "sign|verify [OPTIONS] [FILE...]", "sign and verify Proof-of-AI attestations, in files or lines of JSON", hz_cmd_poai },
	{ "hmm", "sign|verify [OPTIONS] [FILE...]", "sign and verify HMM settlements, in files or lines of JSON", hz_cmd_hmm },
	{ "threshold", "split|import|verify|partial|combine|refresh [OPTIONS] [FILE...], dkg|refresh round1|round2|finish, refresh retire",
	  "keys that any t of n nodes use together", hz_cmd_threshold },
};

static void help(FILE *f)
{
	fputs("usage: hanzo-p11 COMMAND [OPTIONS]\n\n", f);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\nEvery command takes --help, --json and --module PATH; see hanzo-p11(1).\n", f);
}

static bool is(const char *arg, const char *a, const char *b)
{
	return !strcmp(arg, a) || !strcmp(arg, b);
}

/* Anywhere behind the command, up to "--". */
static bool wants_help(int argc, char **argv)
{
	for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--help"))
			return true;
	return false;
}

static int run(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return TOOL_USAGE;
	}
	if (is(argv[1], "--help", "help")) {
		help(stdout);
		return TOOL_OK;
	}
	if (is(argv[1], "--version", "version")) {
		puts("hanzo-p11 " PACKAGE_VERSION);
		return TOOL_OK;
	}
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		if (wants_help(argc, argv)) {
			printf("usage: hanzo-p11 %s %s\n\n%s\n", commands[i].name, commands[i].synopsis, commands[i].summary);
			return TOOL_OK;
		}
		return commands[i].run(argc - 1, argv + 1);
	}
	help(stderr);
	return tool_fail(TOOL_USAGE, "no command %s", argv[1]);
}

/* What could not be written, to a full disk for example, was not done. */
int main(int argc, char **argv)
{
	int rc = run(argc, argv);

	if ((fflush(stdout) != 0 || ferror(stdout)) && rc == TOOL_OK)
		return tool_fail(TOOL_REFUSED, "the output could not be written");
	return rc;
}
