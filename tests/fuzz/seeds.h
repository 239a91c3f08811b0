/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target defines, for libFuzzer and for the program that runs its seeds. */

#ifndef HZ_FUZZ_SEEDS_H
#define HZ_FUZZ_SEEDS_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inputs to start from. A file lies under HANZO_VECTORS; prefix (may be NULL) is put before the bytes of file or text. */
struct fuzz_seed {
	const char *prefix, *file, *text;
};

/* Ends with an entry of NULLs. */
extern const struct fuzz_seed fuzz_seeds[];

#endif
