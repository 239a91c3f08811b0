/* SPDX-License-Identifier: Apache-2.0 */
/* Shared memory that tells the processes of a token that its database changed, and whose turn it is to change it. */
#ifndef HZ_STORE_GEN_H
#define HZ_STORE_GEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hz_gen_map;

/* All zero at first. */
struct hz_gen {
	_Atomic(struct hz_gen_map *) map;      /* NULL until the file could be mapped */
	_Atomic(struct hz_gen_map *) given_up; /* of files that are not under the name any more */
	_Atomic uint64_t looked;               /* when the name was last seen to be that of `map`, ms of the coarse clock */
	atomic_uint_fast64_t own;              /* counts calls while there is no file */
};

/*
 * The file may be removed, replaced or cut while it is mapped: each function looks at the name, where it writes with every call, else
 * when the last look is 10 ms ago. So a process that reads goes on with an old number for so long at most. A file that is cut between
 * the look and the access ends the process with SIGBUS, as SQLite's own shared memory does.
 */

/*
 * Around a commit. A writer raises the counter before and after: one who reads between the two sees the old rows under a number
 * that does not last. The file is made by the first writer (path: DIR/SERIAL.gen). False when it cannot be mapped.
 */
bool hz_gen_begin(struct hz_gen *g, const char *path);
void hz_gen_end(struct hz_gen *g, const char *path);

/* Never 0. Equal numbers of two calls: no commit was begun between them. While writers are at work each call gives another number. */
uint64_t hz_gen_read(struct hz_gen *g, const char *path);

/*
 * Turns. SQLite's write lock has no queue: whoever has just released it takes it again while the others sleep, and on a slow disk
 * they sleep for ever. So the call that began first (`began`: ns of the monotonic clock) has the turn and younger ones hold back;
 * the order is a courtesy, the lock alone protects the data. A call that died in the queue is passed over after half a second.
 *   hz_gen_my_turn      may a call of this age try now? (path: the file, which a reader's process may not have mapped yet)
 *   hz_gen_queue        it met the lock: waits from now on; true when it is the oldest, which tries again soon
 *   hz_gen_leave_queue  it went through or gave up
 */
bool hz_gen_my_turn(struct hz_gen *g, const char *path, uint64_t began);
bool hz_gen_queue(struct hz_gen *g, const char *path, uint64_t began);
void hz_gen_leave_queue(struct hz_gen *g, const char *path, uint64_t began);

/* Look at the name now: for one who is about to read rows. */
void hz_gen_look(struct hz_gen *g, const char *path);

/* No other thread uses g. */
void hz_gen_close(struct hz_gen *g);

#endif
