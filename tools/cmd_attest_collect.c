/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 attest collect: this machine's evidence for a challenge, as a bundle on the standard output. */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hex.h"
#include "collect/collect.h"
#include "tool.h"

#define CHALLENGE_MAX 64

static const struct option options[] = {
	{ "challenge", required_argument, NULL, 'c' },
	{ "source", required_argument, NULL, 's' },
	{ "gpu-source", required_argument, NULL, 'g' },
	{ "json", no_argument, NULL, 'j' }, /* a bundle is JSON */
	{ "module", required_argument, NULL, 'm' },
	{ NULL, 0, NULL, 0 }
};

struct ask {
	const char *source, *gpus, *challenge;
};

static bool take_arguments(struct ask *a, int argc, char **argv)
{
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'c')
			a->challenge = optarg;
		else if (opt == 's')
			a->source = optarg;
		else if (opt == 'g')
			a->gpus = optarg;
		else if (opt != 'j' && opt != 'm')
			return false;
	}
	if (optind != argc || a->challenge == NULL) {
		(void)tool_fail(0, "attest collect needs --challenge HEX and takes no file");
		return false;
	}
	return true;
}

static bool known(const struct ask *a)
{
	const char *wrong = hz_collect_wrong(a->source);

	if (wrong == NULL && a->gpus != NULL)
		wrong = hz_collect_wrong_gpus(a->gpus);
	if (wrong != NULL)
		(void)tool_fail(0, "the source of evidence is %s", wrong);
	return wrong == NULL;
}

int hz_cmd_attest_collect(int argc, char **argv)
{
	struct ask a = { .source = "tsm" };
	uint8_t challenge[CHALLENGE_MAX];
	struct hz_buf bundle = HZ_BUF_INIT;
	size_t n;
	CK_RV rv;

	if (!take_arguments(&a, argc, argv) || !known(&a))
		return TOOL_USAGE;
	n = strlen(a.challenge) / 2;
	if (n == 0 || n > sizeof challenge || !hz_hex_decode(a.challenge, strlen(a.challenge), challenge, n))
		return tool_fail(TOOL_USAGE, "--challenge wants 1 to %d bytes in hexadecimal", CHALLENGE_MAX);
	rv = hz_collect(a.source, &(struct hz_collect_ask){ .challenge = challenge, .challenge_len = n, .gpus = a.gpus }, &bundle);
	if (rv == CKR_OK)
		printf("%.*s\n", (int)bundle.len, (const char *)bundle.p);
	hz_buf_free(&bundle);
	return rv == CKR_OK ? TOOL_OK : tool_fail(TOOL_REFUSED, "%s", hz_error_text());
}
