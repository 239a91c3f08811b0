/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several modules with the same keys behind one slot. Objects are shown as the leading module has them: the first that is healthy. A key
 * is used wherever it is, found there by CKA_ID and public key (secret keys: by CKA_ID and check value; without either it stays where it
 * is). Objects made in the session live in one module and end with it; token objects are made in the leading module alone, changed and
 * ended in every module that has them and answers.
 *
 * Health is looked after by the calls that come: a module that was not used for the interval is asked for its token's state by one of
 * them; so many failures in a row make it sick, and it is left alone until such a question is answered.
 */
#ifndef HZ_BACKEND_P11_SET_H
#define HZ_BACKEND_P11_SET_H

#include "backend/p11_int.h"

struct hz_p11_member {
	struct hz_p11 *p;
	unsigned weight, number;     /* number: as the configuration counts, from 1 */
	_Atomic unsigned fails;      /* in a row */
	_Atomic bool sick;
	_Atomic bool doubted;        /* its token's state was asked for last time in vain */
	_Atomic int64_t looked;      /* ms: when its state was last known */
};

/* One object as the application knows it. It lives while the set has it or somebody holds it: keys do. */
struct hz_p11_entry {
	hz_oid oid;                  /* ours; never given to another one */
	_Atomic unsigned refs;
	_Atomic hz_oid at[HZ_P11_MODULES]; /* each module's own; 0: not known there */
	_Atomic bool sure[HZ_P11_MODULES]; /* by its public key, not by its name alone */
	_Atomic bool session;
	_Atomic bool known, alone;   /* known: print is set; alone: nothing tells this object from another one */
	uint8_t print[32];           /* hash of the public key, or of what else shows that it is the same; with the set's lock */
	struct hz_attrs ident;       /* class, key type, CKA_ID (CKA_LABEL where there is none), not of the session's; with the set's lock */
};

struct hz_p11_set {
	struct hz_backend be;
	struct hz_p11_member m[HZ_P11_MODULES];
	unsigned n, failures;
	int64_t interval;            /* ms */
	_Atomic unsigned turn;
	_Atomic uint64_t generation;
	pthread_mutex_t lock;        /* of what follows; short */
	struct hz_p11_lines lines;   /* of entries; `label`: hash of what is in `ident` */
};

/* ---- p11_health.c ---- */

/* The leading module that is none of `tried` (bits): the first healthy one, else the first. -1: all were tried. */
int hz_p11_lead(struct hz_p11_set *s, unsigned tried);
/* The module for one use of a key: the healthy ones by weight, else as hz_p11_lead. */
int hz_p11_pick(struct hz_p11_set *s, unsigned tried);
/*
 * How a call to module i ended. One that went well takes back the failures that were counted, but not that of an examination: it may
 * have been answered from memory here, or by a device without its storage.
 */
void hz_p11_report(struct hz_p11_set *s, unsigned i, CK_RV rv);
/* What came of asking module i for its token's state. */
void hz_p11_examined(struct hz_p11_set *s, unsigned i, CK_RV rv);
/* Is the code the module's fault, so that another one may do better? */
bool hz_p11_sickness(CK_RV rv);

/* ---- p11_set_object.c ---- */

/* These three hold what they give for the caller. */
struct hz_p11_entry *hz_p11_entry_of(struct hz_p11_set *s, hz_oid oid);
/* The entry that a set's HZ_CKA_REF names; NULL: none. */
struct hz_p11_entry *hz_p11_entry_ref(struct hz_p11_set *s, const struct hz_attrs *a);
/* Module i's object `oid`, which may be new. NULL: no memory. */
struct hz_p11_entry *hz_p11_entry_for(struct hz_p11_set *s, unsigned i, hz_oid oid);
void hz_p11_entry_unref(struct hz_p11_entry *e); /* NULL: nothing */
/* The object of module i that is the same, held for the caller. CKR_KEY_HANDLE_INVALID: it has none. Codes of the device otherwise. */
CK_RV hz_p11_counterpart(struct hz_p11_set *s, struct hz_p11_entry *e, unsigned i, struct hz_p11_obj **o);
/* A set's HZ_CKA_REF from module i's number to ours, and a copy with the way back. */
CK_RV hz_p11_ref_up(struct hz_p11_set *s, unsigned i, struct hz_attrs *a);
CK_RV hz_p11_ref_down(const struct hz_p11_entry *e, unsigned i, const struct hz_attrs *a, struct hz_attrs *out);
void hz_p11_entries_free(struct hz_p11_set *s);

CK_RV hz_p11_set_find(struct hz_backend *be, const struct hz_attrs *tmpl, bool private_too, hz_oid **ids, size_t *n);
CK_RV hz_p11_set_load(struct hz_backend *be, hz_oid id, struct hz_attrs *out, bool *checked);
CK_RV hz_p11_set_insert(struct hz_backend *be, const struct hz_attrs *const sets[], size_t n, hz_oid *ids);
CK_RV hz_p11_set_update(struct hz_backend *be, hz_oid id, hz_edit_fn edit, void *arg);
CK_RV hz_p11_set_destroy(struct hz_backend *be, hz_oid id);
void hz_p11_set_hold(struct hz_backend *be, const struct hz_attrs *set);
void hz_p11_set_release(struct hz_backend *be, const struct hz_attrs *set);

/* ---- p11_set_key.c ---- */

/* Key k at module i: *out stands for k there, and holds the object until hz_p11_leave_place. */
CK_RV hz_p11_place(const struct hz_p11_key *k, unsigned i, struct hz_p11_key *out);
CK_RV hz_p11_set_key_open(struct hz_backend *be, const struct hz_attrs *attrs, hz_oid id, struct hz_key **key);
CK_RV hz_p11_set_generate(struct hz_backend *be, const struct hz_mech *m, struct hz_attrs *secret);
CK_RV hz_p11_set_generate_pair(struct hz_backend *be, const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv);
CK_RV hz_p11_set_derive(struct hz_backend *be, const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made);
CK_RV hz_p11_set_unwrap(struct hz_backend *be, const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len,
			struct hz_attrs *made);
CK_RV hz_p11_set_wrap(struct hz_backend *be, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out);
CK_RV hz_p11_set_wrap_len(struct hz_backend *be, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len);

static inline struct hz_p11_set *hz_p11_set_self(struct hz_backend *be)
{
	return (struct hz_p11_set *)be;
}

#endif
