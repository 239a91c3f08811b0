/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share: the store itself. */
#ifndef HZ_STORE_INT_H
#define HZ_STORE_INT_H

#include <pthread.h>

#include "store/gate.h"
#include "store/gen.h"
#include "store/seal.h"
#include "store/store.h"

struct hz_conn;

#define HZ_POOL 16u /* idle connections kept */

struct hz_store {
	struct hz_gate_client gate; /* first: the gate gives it back */
	char *dir;                  /* NULL: nowhere to write (no home directory) */
	char *serial;
	char *path, *gen_path;      /* DIR/SERIAL.db, DIR/SERIAL.gen; NULL without dir */
	unsigned tier, max_tries;
	bool open_token;
	unsigned seals[HZ_SEALS_MAX]; /* of the user's wrapped key */
	size_t n_seals;
	struct hz_seal_conf seal_conf;
	bool pin_sealed;            /* the PIN is one of them */
	bool two_ways;              /* a second copy of the user's key is under all but the PIN */
	uint8_t label[32];          /* of a token that its first login makes */
	atomic_uint fork_gen;       /* process generation that `lock`, `idle` and `key` belong to */
	pthread_mutex_t lock;       /* idle, n_idle, key; short, never across I/O */
	struct hz_conn *idle[HZ_POOL];
	size_t n_idle;
	struct hz_datakey *key;     /* while somebody is logged in */
	struct hz_gen gen;
	_Atomic uint64_t unreadable; /* last row that a search left out, so that the log names it once and not with each search */
};

/* Every public call begins with this: in a forked child it drops what belongs to the parent. */
void hz_store_refresh(struct hz_store *s);

/* The data key with a reference, or NULL. */
struct hz_datakey *hz_store_key(struct hz_store *s);
/* Make k (which it takes; may be NULL) the store's data key. */
void hz_store_key_take(struct hz_store *s, struct hz_datakey *k);

#endif
