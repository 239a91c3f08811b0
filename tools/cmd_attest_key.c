/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 attest key: the attestation of a private key, as a bundle on the standard output. */
#include <stdio.h>

#include "keyed.h"

static const struct option options[] = { KEYED_OPTIONS, { NULL, 0, NULL, 0 } };

int hz_cmd_attest_key(int argc, char **argv)
{
	struct keyed k = { .read_only = true };
	struct hz_buf bundle = HZ_BUF_INIT;
	CK_OBJECT_HANDLE key;
	bool known = true;
	int option, rc = TOOL_REFUSED;

	optind = 0;
	while (known && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		known = keyed_option(&k, option, optarg);
	if (!known || optind != argc || !k.tool.has_slot || (k.label == NULL && k.id == NULL))
		return tool_fail(TOOL_USAGE, "attest key --slot N --label TEXT|--id HEX [--pin-source SOURCE]");
	if (keyed_open(&k) && keyed_find(&k, k.label, k.id, &key) && keyed_attestation(&k, key, &bundle))
		rc = printf("%.*s\n", (int)bundle.len, (const char *)bundle.p) > 0 && fflush(stdout) == 0 ? TOOL_OK : TOOL_REFUSED;
	hz_buf_free(&bundle);
	keyed_close(&k);
	return rc;
}
