/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of what has been signed once: survives processes and machine stops, is shared by all processes, forgets in time. */
#ifndef HZ_STORE_NONCE_H
#define HZ_STORE_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"

/*
 * What it promises. hz_nonce_record returns CKR_OK for a pair (scope, once) and a timestamp T at most once until T + ttl + 60 s,
 * whatever threads, processes, kill -9 and restarts come between.
 *
 * How. A folder (0700) holds, each file 0600 and locked with flock:
 *
 *   state        24 KiB. Bytes 0..4095: values shared by the processes of one boot, mapped. At 8192 and 16384: two slots with the
 *                durable state, written in turn, so that a torn write leaves the other one. A slot is, most significant byte
 *                first: "HZNONCE1", sequence u64, salt[32], boot id[36], clean u8, mark u64, floor u64, tables' version u64,
 *                next table u64, count u32, count x {number u64, start u64, end u64, log2 of slots u8}, keccak256 of all before.
 *   NUMBER.log   One table: what was recorded with a timestamp in [start, end). 4096 bytes of header, then records of 16 bytes in
 *                the order of their making: 12 bytes of keccak256(salt || scope || once), 20 bits timestamp - start, 12 bits check.
 *   NUMBER.idx   Open addressing over that log: 4096 bytes of header, then 64-bit words, 32 bits of the hash and the record's
 *                place + 1. Never synced: it is made anew from the log after each boot.
 *
 * Recording takes no lock between processes: a place in the log by fetch-and-add, the record, then the index word by
 * compare-and-swap; the other tables are searched before and after, so that of two who race with different timestamps at most one
 * (perhaps none) gets through. A process that is killed in between leaves a record that was never signed, which does no harm. The
 * pages belong to the kernel, so kill -9 loses nothing.
 *
 * Forgetting is dropping a table once its end is ttl + 60 s ago; `floor` remembers the largest end dropped, and timestamps below
 * it are refused, so that a clock set back or a longer ttl does not open what was forgotten.
 *
 * The disk. There is no thread behind this: the caller that finds the last sync a second old syncs the logs and writes `mark`, the
 * later of the clock and the largest timestamp it knows. A timestamp later than mark + 1 s is not accepted before a sync has
 * raised the mark. So whatever an unclean stop of the machine loses has a timestamp of at most mark + 1 s, and after one (the boot id
 * differs and the state is not marked clean) those are refused. The last user to leave marks the state clean.
 *
 * Damage (a checksum, a size, a missing file, an unknown version) refuses every record: CKR_DEVICE_ERROR. The folder must be on a
 * local file system; a process that truncates the files under us ends us, as with any mapped file, which 0700 and 0600 are there for.
 */
struct hz_nonce;

struct hz_nonce_conf {
	const char *dir;     /* made, with its parents, when first used */
	uint64_t ttl;        /* seconds */
	const char *boot_id; /* 36 characters that change when the machine starts; NULL: the kernel's */
};

/* Touches no file. CKR_OK or CKR_HOST_MEMORY. */
CK_RV hz_nonce_new(struct hz_nonce **out, const struct hz_nonce_conf *conf);

/*
 * Record `once` in `scope` with its timestamp; now is the time (both Unix seconds). The caller has checked the timestamp against
 * ttl and clock skew. CKR_OK: never recorded before, may be signed. CKR_FUNCTION_REJECTED: recorded before, or the timestamp may have
 * been lost or forgotten. CKR_DEVICE_ERROR: damage or I/O. CKR_DEVICE_MEMORY: no room on the disk. Thread-safe.
 */
CK_RV hz_nonce_record(struct hz_nonce *nm, const uint8_t scope[32], const uint8_t once[32], uint64_t timestamp, uint64_t now);

/* Sync, mark clean when nobody else has it open, release. nm may be NULL. No other thread may be inside. */
void hz_nonce_free(struct hz_nonce *nm);

/* In a forked child: let go of what was inherited without touching any file or lock of the parent's. */
void hz_nonce_abandon(struct hz_nonce *nm);

#endif
