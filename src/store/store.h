/* SPDX-License-Identifier: Apache-2.0 */
/* One token's database: objects, PINs and the data key, in SQLite, safe with many processes and threads. */
#ifndef HZ_STORE_STORE_H
#define HZ_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ck/attrs.h"
#include "store/seal_conf.h"

/*
 * Every call is safe from many threads and processes at once and takes no lock across the password hash or the disk. A change is on
 * the disk when its call returns CKR_OK, and is all there or not at all after any crash. Codes that any call may give, the reason
 * being in hz_error_text():
 *   CKR_DEVICE_ERROR           damaged, foreign or newer database, unsafe directory or file, or busy for more than 10 s
 *   CKR_DEVICE_MEMORY          no space
 *   CKR_TOKEN_WRITE_PROTECTED  nowhere to write
 *   CKR_HOST_MEMORY
 * In a forked child a store of the parent works on without its login; connections never cross a fork (store/gate.h).
 */
struct hz_store;

struct hz_store_conf {
	const char *dir;        /* made (0700) when first written; refused when others may write it; NULL: nowhere to write */
	const char *serial;     /* file name DIR/SERIAL.db, mode 0600; 1 to 64 of A-Z a-z 0-9 . _ - */
	unsigned tier;
	bool open_token;        /* tier 0: no PIN and no data key; rows are unauthenticated */
	unsigned max_tries;     /* wrong PINs before lock-out, 10 by default; at least 1 */
	const unsigned *seals;  /* enum hz_seal_id of a new user's key, in order; NULL: the PIN's alone */
	size_t n_seals;         /* 1 to 7 */
	bool two_ways;          /* the user may come with or without a PIN: the data key is sealed twice, see hz_store_login */
	const struct hz_seal_conf *seal_conf; /* of hardware seals; NULL: the defaults */
	const char *label;      /* of a token that its first login makes (no PIN among the seals); NULL: blank */
};

struct hz_store_state {
	bool exists, initialised, user_pin_set;
	unsigned user_tries_left, so_tries_left; /* of max_tries */
	unsigned char label[32];                 /* zeros before C_InitToken */
};

/* Copies conf and touches no file. CKR_ARGUMENTS_BAD: also for two_ways without the PIN and another seal in the list. */
CK_RV hz_store_new(struct hz_store **out, const struct hz_store_conf *conf);
void hz_store_free(struct hz_store *s); /* NULL is fine; wipes the data key */
void hz_store_abandon(struct hz_store *s); /* forked child: drop what the parent had without closing it, free the rest */

CK_RV hz_store_state(struct hz_store *s, struct hz_store_state *st);

/*
 * C_InitToken: removes every object and both PINs, makes a new data key under the SO's PIN. On an initialised token the PIN must be
 * the SO's (counted like a login); an open token takes none. Ends the login. Where the user's seals have no PIN among them, the user's
 * key is made here too, and a token that its first login made has no SO: CKR_TOKEN_WRITE_PROTECTED.
 */
CK_RV hz_store_init(struct hz_store *s, const uint8_t *so_pin, size_t len, const unsigned char label[32]);
/*
 * C_InitPIN, with the data key that the SO's login released; CKR_USER_NOT_LOGGED_IN without. CKR_PIN_LEN_RANGE: empty.
 * CKR_FUNCTION_NOT_SUPPORTED: the user has no PIN. With two_ways this and the user's C_SetPIN seal the key for both ways anew; without,
 * they end what is left of a second way.
 */
CK_RV hz_store_init_pin(struct hz_store *s, const uint8_t *pin, size_t len);
CK_RV hz_store_set_pin(struct hz_store *s, bool so, const uint8_t *old, size_t old_len, const uint8_t *pin, size_t len);

/*
 * Unwrap the data key. CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_USER_PIN_NOT_INITIALIZED. The try is counted on the disk before it is
 * checked, so a read-only store gives CKR_TOKEN_WRITE_PROTECTED. `keep` false: check only. While tries of other processes that
 * have no result yet fill the count, the call waits for them, up to 5 s.
 *
 * A user whose seals have no PIN among them logs in without one (pin is not looked at): nothing is counted, the first login makes
 * the token, and CKR_DEVICE_ERROR says that the platform released something else than the key was sealed to.
 *
 * With two_ways there are two wrapped copies of the data key, independent of each other: one under all seals, for those who bring a
 * PIN, and one under all but the PIN's, for a user with pin == NULL. C_InitToken makes the second, because somebody has to be able to
 * set a PIN. A user's key that has a second copy which the configuration does not ask for is CKR_DEVICE_ERROR until C_SetPIN.
 */
CK_RV hz_store_login(struct hz_store *s, bool so, const uint8_t *pin, size_t len, bool keep);
void hz_store_logout(struct hz_store *s);

/* HMAC-SHA256 of data under a key derived from the data key for `purpose`. False: nobody is logged in. */
bool hz_store_vouch(struct hz_store *s, const char *purpose, const void *data, size_t len, uint8_t mac[32]);

#define HZ_STORE_KEPT 64u

/*
 * One value of at most HZ_STORE_KEPT bytes that a login leaves for later ones, authenticated under the data key; a new token has an empty
 * one. CKR_USER_NOT_LOGGED_IN, also where the token was made anew since the login; CKR_SAVED_STATE_INVALID from hz_store_kept: it is missing
 * or was changed from outside; codes of any read or write.
 */
CK_RV hz_store_keep(struct hz_store *s, const uint8_t *p, size_t n);
CK_RV hz_store_kept(struct hz_store *s, uint8_t p[HZ_STORE_KEPT], size_t *n);

/*
 * Would the hardware seals of the user's key open now? Needs no PIN, counts nothing, keeps nothing. CKR_OK also without such seals or
 * without a token.
 */
CK_RV hz_store_probe(struct hz_store *s);

/*
 * A counter in shared memory that every committed change of any process raises; some nanoseconds. Read it before the rows: what was
 * read holds as long as later calls give the same number. While somebody writes, each call gives another one.
 */
uint64_t hz_store_generation(struct hz_store *s);

/*
 * Ids of the objects that match, oldest first, in memory for free(). By CKA_LABEL or CKA_ID an index is used, else rows are read one
 * by one (by class first). Secret attributes match nothing. Rows that cannot be read are left out, with a log line.
 */
CK_RV hz_store_find(struct hz_store *s, const struct hz_attrs *tmpl, bool private_too, uint64_t **ids, size_t *n);

/*
 * *checked: the row is authentic. Else (nobody is logged in, or the row was written so) it comes without its secret attributes and
 * with CKA_TRUSTED false. CKR_OBJECT_HANDLE_INVALID: no such object; CKR_USER_NOT_LOGGED_IN: it is private; CKR_DEVICE_ERROR: the
 * row was changed from outside. *out is empty on failure.
 */
CK_RV hz_store_load(struct hz_store *s, uint64_t id, struct hz_attrs *out, bool *checked);

/*
 * All n or none. Private objects and private and secret keys need the login (CKR_USER_NOT_LOGGED_IN), and no open token takes them
 * (CKR_TEMPLATE_INCONSISTENT). CKR_TOKEN_NOT_RECOGNIZED: not initialised. Ids are below 2^55 and not used twice.
 */
CK_RV hz_store_insert(struct hz_store *s, const struct hz_attrs *const sets[], size_t n, uint64_t *ids);
/*
 * Replace all attributes by what `edit` makes of them. It runs outside of any transaction; where another process changed the object
 * meanwhile it runs again, so that no change is lost. CKR_OBJECT_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN, what edit returns.
 */
CK_RV hz_store_update(struct hz_store *s, uint64_t id, hz_edit_fn edit, void *arg);
CK_RV hz_store_delete(struct hz_store *s, uint64_t id);

#endif
