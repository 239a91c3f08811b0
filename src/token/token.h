/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token floor's structures and the rules by which threads share them.
 *
 * Locks, from the top down; nobody takes an upper one while holding a lower one:
 *   life (module.h)   initialised or not, the slots; shared in calls without a session, exclusive in C_Initialize and C_Finalize
 *   session lock      one session's operations; held for the whole call, so two threads on one session queue up
 *   login lock        of a token: login, logout, changes of PINs and C_InitToken one after the other; held while the backend works, so
 *                     nothing else waits for it but closing a logged-in token's last session and opening one during C_InitToken
 *   token lock        login state, session counts, the tables of objects; short, never across cryptography or I/O
 *
 * Sessions live in memory that is never given back to the allocator, so a call finds its session with one look, locks it, and then
 * compares the handle: no reference counts, no table lock. C_Finalize closes every session under its lock before tokens go; a call
 * that is inside a session therefore keeps its token alive. Nobody ever waits for a second session while holding one: what ends
 * operations of other sessions is the token's epoch, which each session compares when it is left. C_Logout has those compare it at
 * once that are free just then.
 */
#ifndef HZ_TOKEN_TOKEN_H
#define HZ_TOKEN_TOKEN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "base/lock.h"
#include "ck/attrs.h"
#include "ck/mech.h"
#include "crypto/hash.h"
#include "pkcs11.h"

enum hz_login { HZ_PUBLIC, HZ_USER, HZ_SO };

struct hz_object_table; /* object.h */
struct hz_tenant;       /* tenant.h */
struct hz_evidence;     /* gov/evidence.h */
struct hz_audit;        /* gov/audit.h */

/* One slot with what stands behind it. Made in C_Initialize, freed in C_Finalize. */
struct hz_token {
	CK_SLOT_ID slot_id;
	unsigned ordinal;            /* 0..255, part of this token's object handles */
	unsigned tier;               /* of what serves the slot: lower than `own_tier` on a slot that fell back */
	unsigned own_tier;
	char serial[17];             /* 16 characters and NUL */
	char label[33];              /* default label, until the store names another */
	bool removable, login_required, born_initialised;
	bool hide_secp256k1;         /* searches do not return keys on that curve */
	bool delegate_to_attested;   /* the slot's own wish, or that of the slot that stands in */
	const char *description;     /* of the slot; both strings belong to the configuration */
	char separator;              /* of keyspace labels */
	const char *absent_why;      /* why there is no token; NULL when present */
	char why[160];               /* its text where it is known since C_Initialize only */
	struct hz_backend *be;       /* NULL: slot without token */
	char model[17];
	struct hz_audit *audit;      /* NULL: nothing is recorded */

	/* Login. */
	const unsigned *ways;        /* alternatives, sets of HZ_FACTOR_*; the configuration's */
	size_t n_ways;
	bool takes_pin;              /* one of them has a PIN */
	struct hz_evidence *evidence;/* NULL: no login takes any */
	int64_t ttl, reattest, idle; /* ns; 0: none */
	bool ttl_with_pin;           /* a login by PIN alone ends, too */
	bool tenanted;               /* objects of tenants are kept apart (tenant.h) */
	const char *own_tenant;      /* whose slot it is, or NULL; the configuration's */

	pthread_mutex_t login_lock;
	pthread_mutex_t lock;        /* the token lock */
	bool initialising;           /* C_InitToken is at work: no session may open */
	_Atomic int login;           /* enum hz_login; written under the lock, read freely */
	_Atomic uint64_t epoch;      /* raised by login, logout, and every change or end of an object by this process: cached keys are looked up again */
	_Atomic uint64_t login_epoch;/* raised by logout only: operations begun before with private objects are void */
	unsigned sessions, rw_sessions;
	struct hz_object_table *objects;

	_Atomic int64_t check_at;    /* ns of CLOCK_BOOTTIME at which something is due on the login (gate.h); 0: nothing ever */
	_Atomic int64_t used_at;     /* with `idle`: when the login was used last */
	_Atomic bool expired;        /* the last login ended because its time was up */
	int64_t deadline, renew_at, reattest_at; /* these and the next: with the login lock */
	char source[17];             /* where the login's evidence came from */
	_Atomic(const char *) tenant;/* whom it belongs to, or NULL; one of: */
	struct hz_tenant *tenants;
	bool has_runtime;            /* with the token lock: the login's evidence vouches for runtime data, */
	uint8_t runtime[32];         /* whose SHA-256 this is */
};

/* The state of one kind of operation in a session. `op` outlives the operation: rearm makes the next Init with the same key cheap. */
enum hz_op_state { HZ_IDLE, HZ_READY, HZ_STREAMING };

struct hz_object;

struct hz_active {
	enum hz_op_state state;
	CK_MECHANISM_TYPE mech;
	struct hz_op *op;            /* running (state != HZ_IDLE) or retired and reusable */
	struct hz_object *key;       /* reference; NULL for digests */
	uint64_t epoch, generation;  /* token's and backend's counters when key was looked up: valid while both are unchanged */
	uint64_t login_epoch;
	bool the_users;              /* so is the key (hz_is_the_users): a logout ends the operation */
	bool ended;                  /* by the end of a login, while nobody looked */
	bool needs_reauth;           /* CKA_ALWAYS_AUTHENTICATE: waits for a CKU_CONTEXT_SPECIFIC login */
	uint64_t order;              /* with needs_reauth: later operations have higher numbers; such a login serves the last one */
	bool in_message;             /* between C_*MessageBegin and the last C_*MessageNext */
	uint8_t *pending;            /* a result that did not fit the caller's buffer (secret memory); given at the next call */
	size_t pending_len;
	uint8_t pending_of[32];      /* SHA-256 of the input that gave it: another input must not get it */
	uint8_t *signature;          /* C_VerifySignatureInit's signature */
	size_t signature_len;
	bool noted, hashed;          /* for the audit log: what was fed is counted, and hashed */
	uint64_t input_len;
	struct hz_hash input;
};

/* What the call that is inside the session does (note.h). */
struct hz_note {
	bool on, has_mech, login;
	unsigned char made_len;
	uint8_t made[64];            /* CKA_UNIQUE_ID of what was made */
	CK_MECHANISM_TYPE mech;
	CK_USER_TYPE who;            /* with `login` */
	struct hz_object *used[2];   /* references to keys, in the order of the arguments */
	unsigned n_ops;
	struct hz_active *ops[2];    /* operations that it is a step of, */
	struct hz_object *keys[2];   /* and references to their keys, which may end with them */
	CK_BYTE *out;                /* where the result goes */
	CK_ULONG *out_len;
};

struct hz_find {
	bool active;
	CK_OBJECT_HANDLE *handles;   /* snapshot */
	size_t n, next;
	uint64_t login_epoch;        /* token's counter at the snapshot: after a logout the rest is not given */
};

struct hz_session {
	struct hz_lock lock;
	CK_SESSION_HANDLE handle;    /* 0: free. Never given twice in a process */
	struct hz_token *token;
	CK_FLAGS flags;
	CK_VOID_PTR application;
	CK_NOTIFY notify;
	struct hz_active active[HZ_OP_KINDS];
	struct hz_find find;
	uint8_t challenge[32];       /* given out to the caller, for one login */
	int64_t challenge_until;     /* ns of CLOCK_BOOTTIME; 0: none is out */
	uint8_t *staged;             /* bundle for the next login (secret memory) */
	size_t staged_len;
	CK_OBJECT_HANDLE attested;   /* key whose attestation a length query made and nobody fetched yet */
	uint8_t *attestation;
	size_t attestation_len;
	struct hz_note note;
	uint64_t swept;              /* the token's epoch when retired operations were last looked through */
};

#endif
