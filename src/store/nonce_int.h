/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the nonce memory: its durable state, the values shared in one boot, and one table. */
#ifndef HZ_STORE_NONCE_INT_H
#define HZ_STORE_NONCE_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "store/nonce.h"

enum {
	NONCE_BOOT_ID = 36,
	NONCE_MAX_TABLES = 128,
	NONCE_PAGE = 4096,
	NONCE_MIN_LOG2 = 12,
	NONCE_MAX_LOG2 = 28,
	NONCE_SKEW = 60,
};

/* A table as the state lists it. */
struct nonce_entry {
	uint64_t number, start, end;
	uint8_t log2; /* of the index words */
};

/* The durable state. */
struct nonce_disk {
	uint64_t seq;
	uint8_t salt[32];
	char boot_id[NONCE_BOOT_ID];
	bool clean;
	uint64_t mark, floor, tables_version, next_number;
	uint32_t count;
	struct nonce_entry entry[NONCE_MAX_TABLES];
};

/* Page 0 of `state`: valid only for the boot that it names. */
struct nonce_shared {
	char boot_id[NONCE_BOOT_ID];
	_Atomic uint32_t ready;
	_Atomic uint64_t tables_version, floor, mark, last_sync_ms;
};
#define NONCE_READY 0x485A4E31u

/* First page of an index. */
struct nonce_index_head {
	_Atomic uint64_t count;   /* records begun; may pass the room when several find it full at once */
	_Atomic uint64_t synced;  /* count at the last sync */
	_Atomic uint32_t quiet;   /* syncs in a row that found that count */
};

/* A table that is mapped here. */
struct nonce_table {
	struct nonce_entry e;
	size_t log_size, idx_size;
	uint8_t *log;
	struct nonce_index_head *head;
	_Atomic uint64_t *word;   /* 1 << log2 of them */
	_Atomic uint64_t *record; /* two words each */
	uint64_t room;            /* records */
};

/* The hash of what is recorded. */
struct nonce_id {
	uint64_t a;
	uint32_t b;
};

/* What a descriptor was opened for. */
struct nonce_file {
	dev_t dev;
	ino_t ino;
};

struct hz_nonce {
	char *dir;
	uint64_t ttl;
	char boot_id[NONCE_BOOT_ID + 1];
	unsigned fork_gen;
	_Atomic bool open;
	pthread_mutex_t lock;   /* covers flock(state_fd) and every change of `table`; taken before tables_lock */
	pthread_rwlock_t tables_lock;
	int dir_fd, state_fd;   /* ours while they stand for these: */
	struct nonce_file dir_is, state_is;
	struct nonce_shared *sh;
	uint8_t salt[32];
	uint64_t tables_version; /* of `table` */
	struct nonce_table *table[NONCE_MAX_TABLES];
	unsigned tables;
};

enum nonce_find { NONCE_ABSENT, NONCE_HELD, NONCE_DAMAGED };
enum nonce_put { NONCE_PUT, NONCE_USED, NONCE_FULL, NONCE_PUT_DAMAGED };

/* nonce_state.c: the folder and the state. All CK_RV functions give their reason. */
CK_RV nonce_open_folder(struct hz_nonce *nm);
void nonce_close_folder(struct hz_nonce *nm);
/*
 * flock over the state; nm->lock is held. *got false: `wait` was false and another process has it. Descriptors that the application
 * closed, or has files of its own under, are opened anew first.
 */
CK_RV nonce_lock_state(struct hz_nonce *nm, bool wait, bool *got);
void nonce_unlock_state(struct hz_nonce *nm);
/* Newest valid slot. *fresh: there has never been any state, d is a new one (not yet written). */
CK_RV nonce_read_state(struct hz_nonce *nm, struct nonce_disk *d, bool *fresh);
/* Write d (with the next sequence number) and wait for the disk. */
CK_RV nonce_write_state(struct hz_nonce *nm, struct nonce_disk *d);
/* Remove the files of tables that d does not list. */
void nonce_sweep(struct hz_nonce *nm, const struct nonce_disk *d);

/* nonce_table.c */
/* Make the files of a new table durable. */
CK_RV nonce_table_create(struct hz_nonce *nm, const struct nonce_entry *e);
/* Map it; rebuild: make the index from the log first. */
CK_RV nonce_table_open(struct hz_nonce *nm, const struct nonce_entry *e, bool rebuild, struct nonce_table **out);
void nonce_table_close(struct nonce_table *t);
void nonce_table_unlink(struct hz_nonce *nm, uint64_t number);
/* Is the id held with a timestamp of at least `oldest`? */
enum nonce_find nonce_table_find(const struct nonce_table *t, const struct nonce_id *id, uint64_t oldest);
enum nonce_put nonce_table_put(struct nonce_table *t, const struct nonce_id *id, uint64_t timestamp, uint64_t oldest);
/* Bring the log to the disk where something may be new in it. */
CK_RV nonce_table_sync(struct nonce_table *t);
/* Records that 1 << log2 index words may serve. */
uint64_t nonce_table_room(uint8_t log2);

#endif
