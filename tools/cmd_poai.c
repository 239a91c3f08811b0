/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 poai: sign and verify Proof-of-AI attestations. */
#include "statement.h"

int hz_cmd_poai(int argc, char **argv)
{
	return statement_main(HZ_POAI, argc, argv);
}
