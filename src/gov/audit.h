/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log of a token: who logged in, what was done with which key, what was changed. hanzo-pkcs11(7) describes it for readers.
 *
 * DIR/SERIAL.audit has one JSON object a line: `seq` counts from 1, `prev` is the hex SHA-256 of the line before with its line feed
 * (zeros for the first). DIR/SERIAL.tail has the number, the end in the file and the hash of the last line, and the same of the last
 * line that was written while somebody was logged in, with an HMAC under a key that only a login releases (`vouch`). So a changed,
 * missing or reordered line breaks the chain, and a cut end shows against the tail. Somebody without the token's PIN (or seals) who
 * rewrites both is found out at the next login, which leaves a record about it: the HMAC is compared, and the store has kept, just as
 * authentic, where the log ended at the last login and logout.
 *
 * tail: two slots of 512 bytes, written in turn: "HZAUDIT1", seq u64, end u64, hash[32], vouched seq u64, end u64, hash[32], HMAC[32],
 * SHA-256 of all before; integers most significant byte first.
 */
#ifndef HZ_GOV_AUDIT_H
#define HZ_GOV_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"
#include "store/aead.h"
#include "store/store.h"

enum hz_audit_mode { HZ_AUDIT_OFF, HZ_AUDIT_ON, HZ_AUDIT_REQUIRED };

struct hz_audit;

/* What the token does for its log; all NULL: nothing. */
struct hz_audit_token {
	/* HMAC-SHA256 under a key of the token's that is there while somebody is logged in; false: nobody is. */
	bool (*vouch)(void *arg, const void *data, size_t len, uint8_t mac[32]);
	/* hz_store_keep and hz_store_kept: an authenticated value in the store. */
	CK_RV (*keep)(void *arg, const uint8_t *p, size_t n);
	CK_RV (*kept)(void *arg, uint8_t *p, size_t *n);
	void *arg;
};

struct hz_audit_conf {
	enum hz_audit_mode mode;
	const char *dir;    /* the store's folder; NULL: nowhere to write */
	const char *serial; /* of the token */
	unsigned tier;      /* that serves the slot */
	CK_SLOT_ID slot;
	struct hz_audit_token token;
};

/* What is recorded of one call. Texts are plain ASCII without quotes but for `reason`; NULL and 0 leave a member out. */
struct hz_audit_record {
	const char *function, *user, *tenant, *mechanism, *reason;
	struct hz_blob key, by; /* CKA_UNIQUE_ID of the key, and of the one by which it was made or wrapped; p NULL: none */
	const uint8_t *digest; /* SHA-256 of the input */
	bool has_length;
	uint64_t length;       /* of the input */
	unsigned module;       /* which of several modules did it */
	CK_RV result;
};

/* Copies conf, touches no file. mode OFF gives *out NULL. CKR_HOST_MEMORY. */
CK_RV hz_audit_new(struct hz_audit **out, const struct hz_audit_conf *conf);
void hz_audit_free(struct hz_audit *a); /* NULL is fine; in a forked child it leaves the parent's locks alone */

/*
 * Write a record; safe from many threads and processes. The line is in the file (not on the disk) afterwards; with REQUIRED it is on the
 * disk, together with the tail. CKR_OK also where a record could not be written and the mode is ON: the log says so, once for each
 * reason; the thread's error text may be another one afterwards. With REQUIRED: CKR_DEVICE_ERROR, CKR_DEVICE_MEMORY (no space), CKR_TOKEN_WRITE_PROTECTED.
 */
CK_RV hz_audit_write(struct hz_audit *a, const struct hz_audit_record *r);

/*
 * Somebody has just logged in: does the tail's HMAC hold, does the file end where it says, and does it reach what the store knows of?
 * What is wrong is recorded and logged. Then the store knows how far the log goes now.
 */
void hz_audit_check(struct hz_audit *a);

/* Somebody is about to log out: let the store know how far the log goes. */
void hz_audit_keep(struct hz_audit *a);

/* Before the end: say how many records could not be written, where that can be written now. NULL is fine. */
void hz_audit_flush(struct hz_audit *a);

/* Could a record be written now? With REQUIRED only, else CKR_OK; asked before what could not be undone. Codes of hz_audit_write. */
CK_RV hz_audit_ready(struct hz_audit *a);

#endif
