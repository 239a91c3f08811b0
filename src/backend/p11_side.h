/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the side store of a device: what its two files share. */
#ifndef HZ_BACKEND_P11_SIDE_H
#define HZ_BACKEND_P11_SIDE_H

#include "backend/p11_int.h"
#include "store/store.h"

#define HZ_P11_TIE 32 /* bytes that say which object a row belongs to */

struct hz_p11_side {
	struct hz_store *store;
	char *lock_path;             /* one process at a time changes rows and index together */
	char serial[65], label[sizeof "hanzo-pkcs11 side store" + 65];
	_Atomic bool key_seen;       /* the device has a key of ours: there was a store */
	uint8_t *secret;             /* HZ_SEAL_SECRET bytes of secret memory; zeros but for the moment of opening */
	pthread_mutex_t lock;        /* all below; held across the device's work, so it is waited for with hz_p11_lock */
	struct hz_p11 *of[HZ_P11_MODULES]; /* the modules before it, as they were opened */
	size_t n_of;
	bool open;                   /* the store's key is there: rows are checked */
	struct hz_p11 *opener;       /* whose device had the key, and which of its candidates it was */
	size_t which;
	uint64_t gen;                /* of the store, when the index was read; 0: never */
	bool indexed;                /* there is an index, and (open) it is authentic */
	uint8_t *ties;               /* sorted */
	size_t n;
};

/* The side's lock: CKR_DEVICE_ERROR with the reason after the deadline. What a logout left to wipe is wiped at either end. */
CK_RV hz_p11_side_lock(struct hz_p11 *p);
void hz_p11_side_unlock(struct hz_p11_side *side);
/*
 * A descriptor that holds the file's lock until it is closed: nobody else changes the store. -1 with the reason: after the deadline, or
 * errno ENOENT: there is no folder yet. Without the side's lock.
 */
int hz_p11_side_lock_file(struct hz_p11 *p);

/*
 * With the side's lock: open the store by the device's key, which is made when `make` says so and there is none. CKR_OK: open. Other
 * codes with the reason: nobody is logged in, no key, or not the one that the store was made with. Codes of hz_p11_side_later are as
 * the device gave them, for hz_p11_code.
 */
CK_RV hz_p11_side_open(struct hz_p11 *p, bool make);
/* Does the code say nothing about the key, but that the device or this process was short of something or away? It may open later. */
bool hz_p11_side_later(CK_RV rv);

/* Label of what the device holds for it, before a blank and our token's serial; hidden from searches. */
#define HZ_P11_SIDE_LABEL "hanzo-pkcs11 side store"
/* With the table's lock: is the object such a key, of any slot's? Notes that the device has ours. */
bool hz_p11_side_key(struct hz_p11 *p, const struct hz_attrs *a);

#endif
