/* SPDX-License-Identifier: Apache-2.0 */
/* The counter in shared memory that tells the processes of a token that its database changed. */
#ifndef HZ_STORE_GEN_H
#define HZ_STORE_GEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hz_gen_page;

struct hz_gen {
	_Atomic(struct hz_gen_page *) page; /* NULL until the file could be mapped */
	atomic_uint_fast64_t own;           /* counts calls while there is no file */
};

/*
 * Around a commit. A writer raises the counter before and after: one who reads between the two sees the old rows under a number
 * that does not last. The file is made by the first writer (path: DIR/SERIAL.gen). False when it cannot be mapped.
 */
bool hz_gen_begin(struct hz_gen *g, const char *path);
void hz_gen_end(struct hz_gen *g);

/* Equal numbers of two calls: no commit was begun between them. While writers are at work each call gives another number. */
uint64_t hz_gen_read(struct hz_gen *g, const char *path);

/* Forget the mapping: the file under the name is another one now. The old pages stay mapped for threads that still look at them. */
void hz_gen_forget(struct hz_gen *g);
void hz_gen_close(struct hz_gen *g);

#endif
