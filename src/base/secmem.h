/* SPDX-License-Identifier: Apache-2.0 */
/* Secret memory: locked, not dumped, not inherited by a forked child, wiped when released. */
#ifndef HZ_BASE_SECMEM_H
#define HZ_BASE_SECMEM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Allocate n bytes (n > 0) of zeroed secret memory, aligned to 16. Returns NULL when memory is exhausted.
 * Pages are surrounded by guard pages, mlock()ed as far as RLIMIT_MEMLOCK allows (the first failure is logged),
 * and marked MADV_DONTDUMP and MADV_WIPEONFORK: in a forked child every secret reads as zero. Thread-safe.
 */
void *hz_secmem_alloc(size_t n);

/* Wipe and release; p may be NULL. The arena knows each block's size. Thread-safe. */
void hz_secmem_free(void *p);

/* A new block with a copy of n bytes; n == 0 gives a valid, empty block. */
void *hz_secmem_dup(const void *p, size_t n);

/* True when p lies in the arena. */
bool hz_secmem_owns(const void *p);

/* Number of live blocks: what C_Finalize finds left has leaked. */
size_t hz_secmem_live(void);

/* A block that was allocated will live as long as its thread or the process and does not count; false: it is about to be released. */
void hz_secmem_keep(bool keep);

/* After fork, in the child: forget the parent's arena (its pages read as zero) and start an empty one. */
void hz_secmem_after_fork(void);

/* Overwrite n bytes so that the compiler cannot drop it. */
void hz_wipe(void *p, size_t n);

/* Compare n bytes in time that depends on n only. */
bool hz_ct_equal(const void *a, const void *b, size_t n);

#endif
