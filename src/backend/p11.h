/* SPDX-License-Identifier: Apache-2.0 */
/* The forwarding backend: keys in another PKCS#11 module. */
#ifndef HZ_BACKEND_P11_H
#define HZ_BACKEND_P11_H

#include "backend/backend.h"

struct hz_p11_side;

struct hz_p11_conf {
	const char *module;        /* absolute path */
	const char *token;         /* label of the device's token, or NULL */
	bool by_slot;              /* the device's slot is `slot` */
	CK_SLOT_ID slot;
	const char *pin_source;    /* "file:PATH" or "env:NAME"; NULL: the caller's PIN is the device's */
	const char *init_args;     /* string for the device's C_Initialize, or NULL */
	bool allow_init;           /* C_InitToken reaches the device */
	unsigned deadline;         /* s without an answer to anything after which the device counts as blocked; 0: the default */
	unsigned sessions;         /* of the device at once, at most HZ_P11_SESSIONS; 0: the default */

	unsigned weight;           /* share of the uses of keys among several modules; 0: only when no other is healthy */

	const char *store_dir;     /* folder for what the device cannot hold, and for what was signed once */
	const char *serial;        /* of our token */
	const char *label;         /* of our token: it stays, whatever the device is called */
	unsigned tier;
	unsigned max_pin_tries;
	uint64_t chain_id, poai_ttl, hmm_ttl; /* as in soft.h */
	struct hz_p11_side *side;  /* of another module of the same slot, which they share; NULL: one of its own */
};

#define HZ_P11_SESSIONS 256u
#define HZ_P11_SESSIONS_DEFAULT 32u
#define HZ_P11_DEADLINE_DEFAULT 30u

/*
 * Load the module; the device itself is first spoken to when it is needed, and again after it was lost.
 * CKR_TOKEN_NOT_PRESENT: the module cannot be loaded. CKR_GENERAL_ERROR: it is this very module, or p11-kit's proxy, which leads back
 * here. CKR_HOST_MEMORY. The reason in hz_error_text().
 */
CK_RV hz_p11_open(const struct hz_p11_conf *conf, struct hz_backend **out);

/*
 * Several modules with the same keys, of which the first that is healthy shows its objects and all that are healthy use their keys:
 * p11_set.h. A module that cannot be loaded stays out; CKR_TOKEN_NOT_PRESENT when none can. interval: seconds between two looks at a
 * module's health, failures: how many in a row make it sick; 0: the defaults.
 */
CK_RV hz_p11_set_open(const struct hz_p11_conf *confs, size_t n, unsigned interval, unsigned failures, struct hz_backend **out);

#define HZ_P11_MODULES 8u
#define HZ_P11_HEALTH_INTERVAL 30u
#define HZ_P11_HEALTH_FAILURES 3u

/* Is this thread inside a device's module, connecting? Then whoever calls the module is that one: a loop, and its connection fails. */
bool hz_p11_returns(void);

#endif
