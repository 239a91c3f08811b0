/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 hmm: sign and verify HMM settlements. */
#include "statement.h"

int hz_cmd_hmm(int argc, char **argv)
{
	return statement_main(HZ_HMM, argc, argv);
}
