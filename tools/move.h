/* SPDX-License-Identifier: Apache-2.0 */
/* What `hanzo-p11 import` and `hanzo-p11 migrate` share: two tokens, objects between them, the list of what became of each. */
#ifndef HZ_TOOLS_MOVE_H
#define HZ_TOOLS_MOVE_H

#include "base/buf.h"
#include "ck/attrs.h"
#include "gov/config.h"
#include "hanzo-pkcs11.h"
#include "tool.h"

/* ---- move_end.c ---- */

/* A token that objects come from or go to, with a session on it. */
struct end {
	const char *what;       /* "source" or "target", for messages */
	const char *module;     /* path */
	const char *token;      /* its label, or NULL: `slot` */
	bool has_slot;
	CK_SLOT_ID slot;
	const char *pin_source;
	CK_FUNCTION_LIST *p11;
	void *foreign;          /* p11_load.h's, where it was loaded and started for this end alone; else NULL */
	const char *init_args;  /* of a foreign one, or NULL */
	CK_SESSION_HANDLE s;
	HZ_GetLastError_t why;  /* NULL: not this module */
};

/* Choose the slot. p11 is set, and token or slot. False after a message. */
bool end_choose(struct end *e);
/* Then: open a session, log in. False after a message. */
bool end_open(struct end *e, bool read_write);
/* The code's name, with the module's own reason where it has one; good until the next call. */
const char *end_reason(const struct end *e, CK_RV rv);
/* Does the token advertise the mechanism with all of these flags? */
bool end_does(const struct end *e, CK_MECHANISM_TYPE type, CK_FLAGS flags);
/* All objects that match, in memory for free(). */
CK_RV end_find(const struct end *e, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE **found, size_t *count);
/* Read one attribute into a; what the object has not, or does not give, is left out. CKR_HOST_MEMORY. */
CK_RV end_read(const struct end *e, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, bool secret, struct hz_attrs *a);

/* ---- move_token.c ---- */

/*
 * Are both ends, whose slots are chosen, one token? A slot of ours that forwards stands for the tokens of its devices, which `conf` (NULL: none) names.
 * Tokens are told by label, manufacturer, model and serial number.
 */
bool end_same(const struct end *a, const struct end *b, const struct hz_config *conf);
/*
 * Keep other runs of this program out of the token `to`: a lock of that token in the store's folder, waited for with a message.
 * The descriptor for end_unlock, or -1 after a message where there is no such folder. Runs with other stores, or on other hosts that
 * reach the same device, are not kept out. A process that ends gives its lock back.
 */
int end_lock(const struct end *to, const struct hz_config *conf);
/* The same for the beginning of a run, from before its modules are loaded until both ends are logged in; without a folder: nothing. */
int start_lock(const struct hz_config *conf);
void end_unlock(int fd);

/* ---- move_thing.c ---- */

/* An object on its way. */
struct thing {
	CK_OBJECT_HANDLE h;     /* at the source; CK_INVALID_HANDLE: it is in `a` with its value */
	CK_OBJECT_CLASS cls;
	CK_KEY_TYPE kt;         /* CK_UNAVAILABLE_INFORMATION: no key */
	struct hz_attrs a;      /* what may be read without its secret */
	struct hz_buf spki;     /* of keys and certificates; empty: not known */
};

/* CKR_OK with cls set to CK_UNAVAILABLE_INFORMATION: nothing that can be moved. */
CK_RV thing_read(const struct end *e, CK_OBJECT_HANDLE h, struct thing *t);
/* Fill in class, type and public key from `a`. */
CK_RV thing_from_attrs(struct thing *t);
/* Add the secret, where the token gives it. */
CK_RV thing_read_secret(const struct end *e, struct thing *t);
void thing_free(struct thing *t);
/* SubjectPublicKeyInfo of a certificate. False: none. */
bool certificate_spki(const void *der, size_t len, struct hz_buf *spki);

/* ---- move_same.c ---- */

enum same { SAME_NONE, SAME_THERE, SAME_OTHER, SAME_UNKNOWN };
/*
 * Is the object at the target already? THERE: the same one. OTHER: a different key has its CKA_ID. UNKNOWN: a key has its CKA_ID and
 * nothing tells whether it is the same. Certificates and data are told by their value, keys by CKA_ID, class and public key, secret
 * keys by CKA_ID and check value.
 */
enum same same_at(const struct end *from, const struct end *to, const struct thing *t);
/* Is the object h of `to` the same key as t? NONE: no. */
enum same same_object(const struct end *from, const struct end *to, const struct thing *t, CK_OBJECT_HANDLE h);

/* ---- move_put.c ---- */

struct put_how {
	bool lock;              /* sensitive and not extractable at the target, whatever it is at the source */
};

/* C_CreateObject with the value in t. */
CK_RV put_create(const struct end *to, const struct thing *t, const struct put_how *how, CK_OBJECT_HANDLE *h);
/* C_UnwrapKey with the attributes in t. */
CK_RV put_unwrap(const struct end *to, CK_MECHANISM *m, CK_OBJECT_HANDLE with, const struct hz_buf *blob, const struct thing *t,
		 const struct put_how *how, CK_OBJECT_HANDLE *h);

/* ---- move_wrap.c ---- */

#define CARRIERS 24

/* A way to take a wrapped key across: what wraps at the source and unwraps at the target. */
struct carrier {
	const char *name;
	CK_OBJECT_HANDLE from, to;
	CK_MECHANISM wrap, unwrap;
};

struct carriers {
	const char *shared;     /* label of an AES key that both tokens have; NULL: keys are made */
	bool ready, failed;
	struct carrier v[CARRIERS];
	size_t n;
	CK_OBJECT_HANDLE rsa_pub, rsa_priv; /* at the target; session objects */
	CK_RSA_PKCS_OAEP_PARAMS oaep[2];
	CK_RSA_AES_KEY_WRAP_PARAMS rsa_aes[2];
};

#define WHY 512

/*
 * Take the key across wrapped, by the first carrier that works. *by: its name. False with the reason; nothing is left at the target
 * then.
 */
bool carry(struct carriers *c, const struct end *from, const struct end *to, const struct thing *t, const struct put_how *how,
	   const char **by, char why[WHY]);
/* The same for a private key whose value is in t: wrapped here, for targets that take no private key in the clear. */
bool carry_value(struct carriers *c, const struct end *to, const struct thing *t, const struct put_how *how, const char **by,
		 char why[WHY]);

/* ---- move_report.c ---- */

enum fate { FATE_MOVED, FATE_THERE, FATE_NOT, FATE_PASSED, FATES };

struct report {
	struct json_object *objects; /* with --json */
	unsigned long n[FATES];
};

/* text: how it was moved, or why not. */
void report_add(struct report *r, enum fate fate, const struct thing *t, const char *text);
/* For what never became an object: a block of a file. */
void report_refused(struct report *r, const char *what, const char *why);
/* Print the totals; the exit code. */
int report_end(struct report *r);

#endif
