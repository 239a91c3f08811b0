/* SPDX-License-Identifier: Apache-2.0 */
/* One token's database: objects, PINs and the data key, in SQLite, safe with many processes and threads. */
#ifndef HZ_STORE_STORE_H
#define HZ_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ck/attrs.h"

struct hz_store;

struct hz_store_conf {
	const char *dir;        /* made (0700) when first written; refused when others may write it */
	const char *serial;     /* file name DIR/SERIAL.db, mode 0600 */
	unsigned tier;
	bool open_token;        /* tier 0: no PIN and no data key; rows are unauthenticated */
	unsigned max_tries;     /* wrong PINs before lock-out, 10 by default */
};

struct hz_store_state {
	bool exists, initialised, user_pin_set;
	unsigned user_tries_left, so_tries_left; /* of max_tries */
	unsigned char label[32];
};

CK_RV hz_store_new(struct hz_store **out, const struct hz_store_conf *conf); /* touches no file */
void hz_store_free(struct hz_store *s);
void hz_store_abandon(struct hz_store *s); /* forked child: leak connections, wipe nothing that the kernel wiped, free the rest */

CK_RV hz_store_state(struct hz_store *s, struct hz_store_state *st);
CK_RV hz_store_init(struct hz_store *s, const uint8_t *so_pin, size_t len, const unsigned char label[32]); /* empties; right SO PIN needed when initialised */
CK_RV hz_store_init_pin(struct hz_store *s, const uint8_t *pin, size_t len);  /* CKR_USER_NOT_LOGGED_IN without the data key */
CK_RV hz_store_set_pin(struct hz_store *s, bool so, const uint8_t *old, size_t old_len, const uint8_t *pin, size_t len);
/* Unwrap the data key. CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_USER_PIN_NOT_INITIALIZED. The try is counted on disk before it is checked. `keep` false: check only. */
CK_RV hz_store_login(struct hz_store *s, bool so, const uint8_t *pin, size_t len, bool keep);
void hz_store_logout(struct hz_store *s);

/* A counter in shared memory that every committed change of any process raises. Cheap. */
uint64_t hz_store_generation(struct hz_store *s);

CK_RV hz_store_find(struct hz_store *s, const struct hz_attrs *tmpl, bool private_too, uint64_t **ids, size_t *n);
CK_RV hz_store_load(struct hz_store *s, uint64_t id, struct hz_attrs *out, bool *checked);
CK_RV hz_store_insert(struct hz_store *s, const struct hz_attrs *const sets[], size_t n, uint64_t *ids);
CK_RV hz_store_update(struct hz_store *s, uint64_t id, const struct hz_attrs *attrs);
CK_RV hz_store_delete(struct hz_store *s, uint64_t id);

#endif
