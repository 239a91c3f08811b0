/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the forwarding backend: the connection, its sessions, its objects, keys on it.
 *
 * Locks, from the top down:
 *   side     what is kept beside the device; its file's lock comes before
 *   listing  one thread at a time lists the device's objects
 *   conn     connecting, logging in and out
 *   keeping  making objects in the keeper's session
 *   table    the objects known of the device; short
 *   pool     the idle sessions; short
 * The first four are held while the device works, so they are waited for with hz_p11_lock, which gives up; operations take none of
 * them across the device's work. A device that does not come back from a call keeps the thread that made it, and nobody else.
 */
#ifndef HZ_BACKEND_P11_INT_H
#define HZ_BACKEND_P11_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "backend/p11.h"
#include "backend/soft_int.h"
#include "hanzo-pkcs11.h"

/* One object of the device. It lives while the table has it or somebody holds it: keys do, and who got it from a function that says so. */
struct hz_p11_obj {
	hz_oid oid;                  /* never given to another one */
	_Atomic unsigned refs;
	_Atomic hz_oid above;        /* its number among several modules as one (p11_set.h); 0: none */
	_Atomic CK_OBJECT_HANDLE handle;
	_Atomic unsigned era;        /* the handle is the device's since this era; 0: never */
	_Atomic bool gone;
	bool session;                /* lives in the device's keeper session of connection `link` */
	unsigned link;
	_Atomic bool fresh;          /* made, not yet inserted */
	_Atomic uint64_t looked;     /* when the device last said what `seen` holds; milliseconds */
	_Atomic unsigned holders;    /* session objects: our objects that stand for it */
	/* With the table's lock. */
	bool private;
	bool hidden;                 /* our own, for the side store */
	CK_OBJECT_CLASS cls;
	CK_KEY_TYPE kt;
	uint8_t name[32];            /* SHA-256 of class, type, id and label: what it is found again by */
	struct hz_attrs seen;        /* class, type, id, label, private: as last read */
};

/* What a search looks through: small, one after the other. */
struct hz_p11_line {
	hz_oid oid;
	uint64_t label, id;          /* hashes */
	void *what;                  /* the object; NULL: it has ended */
};

/* Lines, ascending by number; whose they are says which lock they are under. No number is given twice. */
struct hz_p11_lines {
	struct hz_p11_line *v;
	size_t n, cap, ended;        /* ended: how many of the n are empty */
	hz_oid last;                 /* the number that was given last */
};

struct hz_p11_set;
struct hz_p11_entry;

struct hz_p11_table {
	pthread_mutex_t listing, lock;
	struct hz_p11_lines lines;   /* of objects */
	unsigned era;                /* of the device when it was last listed; 0: never */
	uint64_t listed, cost;       /* when, and how long it took; milliseconds */
	bool hidden;                 /* with `listing`: private objects were not shown, as no user is logged in at the device */
};

struct hz_p11_pool {
	pthread_mutex_t lock;
	pthread_cond_t free;
	CK_SESSION_HANDLE idle[HZ_P11_SESSIONS];
	unsigned n_idle, open, cap;
	unsigned link;               /* of the connection that they belong to */
};

struct hz_p11 {
	struct hz_backend be;
	char *module, *token, *pin_source, *init_args;
	bool by_slot, allow_init;
	CK_SLOT_ID slot_wanted;
	unsigned tier, max_tries;
	CK_UTF8CHAR label[32];
	struct hz_soft_env env;
	struct hz_p11_side *side;    /* attributes that the device cannot hold */
	unsigned side_refused;       /* with the side's lock: era in which its device did not open it; not asked again before a new login */
	bool side_key;               /* the device is known to have the side's key */
	_Atomic bool side_left;      /* logged out while the side was locked: who holds the lock wipes its key */

	void *handle;                /* p11_load.h's; `f` is the same as this floor sees it */
	CK_FUNCTION_LIST *f;

	pthread_mutex_t conn;
	bool started;                /* C_Initialize was called for us */
	bool looped;                 /* connecting came back to this slot */
	struct timespec failed;      /* last attempt to connect that failed; zero: none */
	char failed_why[200];        /* its reason */
	_Atomic unsigned inside;     /* calls of ours that are in the module */
	_Atomic int64_t progress;    /* ms: when the device last came back from one, or when the first of them went in */
	_Atomic int64_t tried;       /* ms: when one was let in although nothing came back */
	_Atomic unsigned tries;      /* how often that was since something did */
	int64_t deadline;            /* ms */
	_Atomic unsigned link;       /* 0: never connected; raised by each new connection */
	_Atomic bool up;
	_Atomic unsigned era;        /* raised when the device's object handles may have changed: connecting, login, logout */
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE keeper;    /* keeps the login, and holds session objects */
	pthread_mutex_t keeping;     /* one thread at a time makes objects in the keeper */
	bool read_only, protected_path;
	bool forked;                 /* opened in a forked child */
	_Atomic bool login_wanted;   /* the user's login is to be kept up */
	bool so;                     /* the SO is logged in at the device */
	bool unsure;                 /* a login of ours may be left at the device: a call about it failed */
	bool ours;                   /* the device's login was made by us, not by the application beside us */
	uint8_t *pin;                /* secret memory: the device's PIN while login_wanted; NULL with protected_path */
	size_t pin_len;
	unsigned wrong_pins;         /* compared with pin_source's, not with the device's */
	uint8_t refused[32];         /* hash of a PIN that the device refused: not tried again without being asked */
	bool has_refused;

	struct hz_p11_pool pool;
	struct hz_p11_table table;
	_Atomic uint64_t generation;

	pthread_mutex_t mechs_lock;
	struct hz_p11_device_list *device; /* what it does itself */
	struct hz_mech_row *mechs;   /* ascending */
	size_t n_mechs;
	_Atomic bool mechs_ready;
};

static inline struct hz_p11 *hz_p11_self(struct hz_backend *be)
{
	return (struct hz_p11 *)be;
}

/* ---- p11_pin.c ---- */

/* The PIN that pin_source names, into secret memory. CKR_FUNCTION_FAILED with a reason that holds no part of it. */
CK_RV hz_p11_pin_read(const char *source, uint8_t **pin, size_t *len);

/* ---- p11_conn.c ---- */

/* Connected? Connects when not. CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT. */
CK_RV hz_p11_ready(struct hz_p11 *p);
/* The connection `link` is lost (or only its login): make another one, once for all threads that found out. */
CK_RV hz_p11_recover(struct hz_p11 *p, unsigned link, CK_RV why);
void hz_p11_disconnect(struct hz_p11 *p);
/*
 * By a caller that is inside (hz_p11_enter): does the device still answer for its token? One whose storage is away may go on to answer,
 * that it has no objects; so this is asked before anything is taken to have ended. CKR_DEVICE_REMOVED, or another code of hz_p11_lost: no.
 */
CK_RV hz_p11_there(struct hz_p11 *p);
/* The vtable's token half. */
CK_RV hz_p11_token_state(struct hz_backend *be, struct hz_token_state *st);
bool hz_p11_read_only(struct hz_backend *be);
CK_RV hz_p11_init_token(struct hz_backend *be, const uint8_t *so_pin, size_t len, const CK_UTF8CHAR label[32]);

/* ---- p11_login.c ---- */

CK_RV hz_p11_login(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *pin, size_t len);
CK_RV hz_p11_check_pin(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *pin, size_t len);
void hz_p11_logout(struct hz_backend *be);
CK_RV hz_p11_init_pin(struct hz_backend *be, const uint8_t *pin, size_t len);
CK_RV hz_p11_set_pin(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *old, size_t old_len, const uint8_t *pin, size_t len);
/* The user is to be logged in once the device answers: with this PIN, where none is configured. */
void hz_p11_login_later(struct hz_p11 *p, const uint8_t *pin, size_t len);
/* With the conn lock: log the keeper session in with p->pin. */
CK_RV hz_p11_login_again(struct hz_p11 *p);
/* One more login for one use of a key with CKA_ALWAYS_AUTHENTICATE, in the session of the operation. */
CK_RV hz_p11_context_login(struct hz_p11 *p, CK_SESSION_HANDLE s);

/* ---- p11_pool.c ---- */

#define HZ_P11_WAIT 10 /* seconds that a call waits for a session when all are busy */

struct hz_p11_session {
	CK_SESSION_HANDLE h;
	unsigned link;
};

/*
 * Every call into the module is between these two. A device that came back from nothing for the configured time counts as blocked:
 * enter answers HZ_P11_BLOCKED, but for one caller now and then, who tries. No other call waits behind a blocked one.
 */
#define HZ_P11_BLOCKED (CKR_VENDOR_DEFINED | 0x485A0002UL)
CK_RV hz_p11_enter(struct hz_p11 *p);
void hz_p11_exit(struct hz_p11 *p);
/* A lock that is held while the device works: HZ_P11_BLOCKED after as long. */
CK_RV hz_p11_lock(struct hz_p11 *p, pthread_mutex_t *lock);

CK_RV hz_p11_take(struct hz_p11 *p, struct hz_p11_session *s);
/* A session that is kept between two calls of the application is not inside meanwhile. CKR_SESSION_HANDLE_INVALID: its connection ended. */
void hz_p11_rest(struct hz_p11 *p);
CK_RV hz_p11_resume(struct hz_p11 *p, const struct hz_p11_session *s);
/* keep: nothing is active in it and it works. */
void hz_p11_give(struct hz_p11 *p, struct hz_p11_session *s, bool keep);
/* Forget all idle sessions of an ended connection. */
void hz_p11_pool_reset(struct hz_p11 *p, unsigned link);

/*
 * Run one piece of work in a session of the pool; when the device says that session, login, token or object handles were lost, recover
 * and run it once more. The result is a code that PKCS#11 has for it.
 */
typedef CK_RV (*hz_p11_work)(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg);
CK_RV hz_p11_run(struct hz_p11 *p, hz_p11_work work, void *arg);
CK_RV hz_p11_run_raw(struct hz_p11 *p, hz_p11_work work, void *arg); /* the result is what the device said */
/* Does the code say that the device lost us, and that the call did nothing or may be made again? */
bool hz_p11_lost(CK_RV rv);
/*
 * Of a call that must not take place twice (a signature, a new object): PKCS#11 gives CKR_DEVICE_REMOVED and CKR_SESSION_CLOSED for what
 * happened while the function was executed (3.2 section 5.1), so that it may have been done; all other codes of hz_p11_lost say how
 * things were when it was called. Those two become HZ_P11_UNCERTAIN, after which nothing is repeated; hz_p11_code makes
 * CKR_DEVICE_REMOVED of it.
 */
#define HZ_P11_UNCERTAIN (CKR_VENDOR_DEFINED | 0x485A0001UL)
CK_RV hz_p11_once(CK_RV rv);
/* Does the code say that there is no such object or key? */
bool hz_p11_no_object(CK_RV rv);
/* By a caller that is inside: such a code stays what it is if the token is there; else it is the code that hz_p11_there gives. */
CK_RV hz_p11_meant(struct hz_p11 *p, CK_RV rv);
/*
 * The device does not know a handle that it gave us in this era: its login was lost, or its handles have changed. True: things were
 * mended and the handle is to be looked up again.
 */
bool hz_p11_stale(struct hz_p11 *p, unsigned link, unsigned era, CK_RV rv);
/* What an application is told. */
CK_RV hz_p11_code(CK_RV rv);

/* ---- p11_attr.c ---- */

/* Read attributes; those that the object has not, or does not give, are left out. */
CK_RV hz_p11_read(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, const CK_ATTRIBUTE_TYPE *types, size_t n,
		  struct hz_attrs *out);
/* All attributes of an object as this module keeps them: forms of EC points, what follows from others, our own marks. */
CK_RV hz_p11_read_all(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_OBJECT_CLASS cls, CK_KEY_TYPE kt,
		      struct hz_attrs *out);
/* The forms of this module. */
CK_RV hz_p11_normalise(struct hz_attrs *a);

/* A template for the device: what it can hold, without what is so anyway. Points into `from`. */
struct hz_p11_tmpl {
	CK_ATTRIBUTE v[96];
	CK_MECHANISM_TYPE allowed[16];
	size_t n;
};
enum hz_p11_purpose { HZ_P11_CREATE, HZ_P11_GENERATE, HZ_P11_UNWRAP, HZ_P11_DERIVE, HZ_P11_COPY, HZ_P11_SET };
/* spare: without what some devices refuse to be told. */
CK_RV hz_p11_template(struct hz_p11_tmpl *t, const struct hz_attrs *from, enum hz_p11_purpose purpose, bool spare);
/* Did the device refuse the template as such, so that a sparer one is worth a try? */
bool hz_p11_template_refused(CK_RV rv);
/* Can no device be given this attribute (ours, or made by the token)? */
bool hz_p11_not_for_device(CK_ATTRIBUTE_TYPE type);

/* ---- p11_lines.c ---- */

/* A new line with the next number. NULL: no memory. Lines move. */
struct hz_p11_line *hz_p11_line_add(struct hz_p11_lines *t, void *what);
/* NULL: none, or it has ended. */
struct hz_p11_line *hz_p11_line_of(const struct hz_p11_lines *t, hz_oid oid);
/* Ends a line and gives what it had; NULL: it has ended before. No line moves before the next of these two. */
void *hz_p11_line_end(struct hz_p11_lines *t, hz_oid oid);
/* Close the gaps if they are many: lines move. */
void hz_p11_lines_settle(struct hz_p11_lines *t);

/* ---- p11_table.c ---- */

CK_RV hz_p11_find(struct hz_backend *be, const struct hz_attrs *tmpl, bool private_too, hz_oid **ids, size_t *n);
/* Held for the caller. NULL: none. */
struct hz_p11_obj *hz_p11_obj_of(struct hz_p11 *p, hz_oid oid);
struct hz_p11_obj *hz_p11_obj_ref(struct hz_p11_obj *o);
void hz_p11_obj_unref(struct hz_p11_obj *o); /* NULL: nothing */
/* A new object (fresh), known by its handle and attributes, held for the caller. NULL: no memory. */
struct hz_p11_obj *hz_p11_obj_add(struct hz_p11 *p, CK_OBJECT_HANDLE h, const struct hz_attrs *attrs, bool session);
/* Its attributes are now these. */
void hz_p11_obj_seen(struct hz_p11 *p, struct hz_p11_obj *o, const struct hz_attrs *attrs);
/* It is gone: the table lets go of it. */
void hz_p11_obj_end(struct hz_p11 *p, struct hz_p11_obj *o);
/* What tells an object from others, for several modules (p11_set.h): a hash, and a template. False, CKR_OBJECT_HANDLE_INVALID: none. */
bool hz_p11_obj_name(struct hz_p11 *p, hz_oid oid, uint64_t *name, bool *session);
CK_RV hz_p11_obj_ident(struct hz_p11 *p, hz_oid oid, struct hz_attrs *out);
/* The device's handle of an object, found again when handles have changed. Codes are the device's (hz_p11_run maps them). */
CK_RV hz_p11_handle(struct hz_p11 *p, CK_SESSION_HANDLE s, struct hz_p11_obj *o, CK_OBJECT_HANDLE *h);
/* The public half beside a private key of the device, which has the same type, CKA_ID and (EC) curve. *pub stays empty: none. */
CK_RV hz_p11_public_half(struct hz_p11 *p, CK_SESSION_HANDLE s, const struct hz_attrs *priv, struct hz_attrs *pub);
void hz_p11_table_free(struct hz_p11 *p);

/* ---- p11_object.c ---- */

/* As hz_p11_obj_load, with HZ_P11_REFUSED for what it is. */
CK_RV hz_p11_obj_read(struct hz_p11 *p, hz_oid id, struct hz_attrs *out);

CK_RV hz_p11_obj_load(struct hz_backend *be, hz_oid id, struct hz_attrs *out, bool *checked);
CK_RV hz_p11_insert(struct hz_backend *be, const struct hz_attrs *const sets[], size_t n, hz_oid *ids);
CK_RV hz_p11_update(struct hz_backend *be, hz_oid id, hz_edit_fn edit, void *arg);
CK_RV hz_p11_destroy(struct hz_backend *be, hz_oid id);
/* The object that a set stands for (HZ_CKA_REF), held for the caller; NULL: none, its value is in the set. */
bool hz_p11_has_ref(const struct hz_attrs *set);
struct hz_p11_obj *hz_p11_ref(struct hz_p11 *p, const struct hz_attrs *set);
CK_RV hz_p11_set_ref(struct hz_attrs *set, const struct hz_p11_obj *o);
void hz_p11_hold(struct hz_backend *be, const struct hz_attrs *set);
void hz_p11_release(struct hz_backend *be, const struct hz_attrs *set);

/* Make something in the device: in the keeper's session when the set says CKA_TOKEN false, else in s. */
CK_RV hz_p11_maker(struct hz_p11 *p, CK_SESSION_HANDLE s, const struct hz_attrs *set, CK_SESSION_HANDLE *at);
void hz_p11_made(struct hz_p11 *p, const struct hz_attrs *set);

/* ---- p11_side.c: CKA_HANZO_* and mechanism lists, beside the device's object ---- */

/* An object whose limits cannot be told any more (hz_p11_obj_load: CKR_DEVICE_ERROR). */
#define HZ_P11_REFUSED (CKR_VENDOR_DEFINED | 0x485afeUL)

struct hz_p11_side;
/* p->side, new or conf's. Touches no file. On failure it is for the caller to free. */
CK_RV hz_p11_side_new(struct hz_p11 *p, const struct hz_p11_conf *c);
void hz_p11_side_free(struct hz_p11 *p);
void hz_p11_side_abandon(struct hz_p11 *p);
/* The device's user is logged out: the store's key is wiped, at once or by the thread that uses it. Waits for nobody. */
void hz_p11_side_logout(struct hz_p11 *p);

/* Add what is kept beside the object with these attributes. HZ_P11_REFUSED. */
CK_RV hz_p11_side_load(struct hz_p11 *p, struct hz_attrs *a);
/*
 * Keep what of a new object's set the device cannot hold; what of a changed one; no more of one that has ended.
 * CKR_TEMPLATE_INCONSISTENT: nothing ties it to the object, or another object with its CKA_ID has other limits.
 */
CK_RV hz_p11_side_save(struct hz_p11 *p, const struct hz_attrs *set);
CK_RV hz_p11_side_change(struct hz_p11 *p, const struct hz_attrs *was, const struct hz_attrs *now);
CK_RV hz_p11_side_drop(struct hz_p11 *p, const struct hz_attrs *set);

/* ---- p11_mechs.c ---- */

const struct hz_mech_row *hz_p11_mech(struct hz_backend *be, CK_MECHANISM_TYPE type);
size_t hz_p11_mech_list(struct hz_backend *be, CK_MECHANISM_TYPE *out, size_t room);
/* What the device calls the mechanism that unwraps. */
CK_MECHANISM_TYPE hz_p11_unwrap_mech(struct hz_p11 *p, CK_MECHANISM_TYPE type);
/* Add what is composed here to a device's own CKA_ALLOWED_MECHANISMS. */
CK_RV hz_p11_widen_allowed(struct hz_attrs *a);
/* The mechanism that signs what *hash (0: the caller) has hashed; CK_UNAVAILABLE_INFORMATION: none. */
CK_MECHANISM_TYPE hz_p11_raw_mech(CK_MECHANISM_TYPE type, CK_MECHANISM_TYPE *hash);
/* Does the device itself do this? */
bool hz_p11_device_does(struct hz_p11 *p, CK_MECHANISM_TYPE type, CK_FLAGS flag);

/* ---- p11_key.c, p11_op.c, p11_make.c ---- */

/* What hz_key.remote points to for a key on the device. */
struct hz_p11_key {
	struct hz_remote remote;
	struct hz_p11 *p;
	struct hz_p11_obj *obj;      /* held, as the entry is */
	bool always_auth;
	struct hz_p11_set *set;      /* several modules: p and obj are those that it was opened with */
	struct hz_p11_entry *entry;
};

/*
 * Use a key: in its module, or in one of several after the other until one does it. `use` is called with what stands for the key there
 * and ends with what hz_p11_run_raw gave. *asked tells whether the device was asked for what must not be done twice, or is NULL where
 * nothing is: after that, only codes which say that nothing was done lead to another module. The result is mapped.
 */
typedef CK_RV (*hz_p11_use)(struct hz_p11_key *at, void *arg);
CK_RV hz_p11_use_key(struct hz_p11_key *k, hz_p11_use use, void *arg, const bool *asked);
/* As hz_p11_code, of a use of a key that was there when it began: C_SignInit has a code for a key that has ended, C_Sign has not. */
CK_RV hz_p11_use_code(CK_RV rv);
/*
 * One step of that, for operations that go on: the next module for k, none of *tried. CKR_OK, or the last code when all were tried. *at
 * is empty, or of the step before, whose object it lets go of; the last one's is let go of by hz_p11_leave_place.
 */
CK_RV hz_p11_next_place(struct hz_p11_key *k, unsigned *tried, unsigned *i, struct hz_p11_key *at, CK_RV last);
void hz_p11_leave_place(struct hz_p11_key *at);
/* Does this code of a use lead to another module? One that has no such object (any more) leaves it to the next. */
bool hz_p11_elsewhere(CK_RV rv, bool asked);

/* The device's half of a key; NULL for keys that are here. */
struct hz_p11_key *hz_p11_key_of(const struct hz_key *key);
CK_RV hz_p11_key_open(struct hz_backend *be, const struct hz_attrs *attrs, hz_oid id, struct hz_key **key);
void hz_p11_key_free(struct hz_backend *be, struct hz_key *key);
/* p11_borrow.c: an extractable key of the device as a key that is here; hz_soft_key_free. CKR_KEY_NOT_WRAPPABLE: no way out of there. */
CK_RV hz_p11_borrow(struct hz_p11 *p, struct hz_key *target, struct hz_key **out);
/* p11_model.c: the last two functions of struct hz_remote. */
CK_RV hz_p11_model_wrap(struct hz_key *key, bool encrypt, const struct hz_mech *m, const uint8_t *in, size_t len, uint8_t *out,
			size_t *out_len);
CK_RV hz_p11_model_may_wrap(const struct hz_key *key, bool encrypt, CK_MECHANISM_TYPE type);
CK_RV hz_p11_complete(struct hz_backend *be, struct hz_attrs *attrs);
CK_RV hz_p11_op_begin(struct hz_backend *be, enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op);
/* Some devices (SoftHSM2) say CKR_GENERAL_ERROR of wrong input; while their session lives, `input` is the better word for it. */
CK_RV hz_p11_blame(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_RV rv, CK_RV input);
/* One signature by one call each of C_SignInit and C_Sign. *sig_len: room in, length out. */
CK_RV hz_p11_sign(struct hz_p11_key *k, const CK_MECHANISM *m, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len);
/* A streaming operation of the device (p11_stream.c). */
CK_RV hz_p11_stream(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op);

/* Message-based AEAD, a message a call of the device (p11_msg.c). */
CK_RV hz_p11_messages(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op);
/* Is this what a device says of a wrong tag at the end of authenticated decryption? */
bool hz_p11_wrong_tag(CK_RV rv);

CK_RV hz_p11_generate(struct hz_backend *be, const struct hz_mech *m, struct hz_attrs *secret);
CK_RV hz_p11_generate_pair(struct hz_backend *be, const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv);
CK_RV hz_p11_derive(struct hz_backend *be, const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made);
CK_RV hz_p11_wrap(struct hz_backend *be, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out);
CK_RV hz_p11_wrap_len(struct hz_backend *be, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len);
CK_RV hz_p11_unwrap(struct hz_backend *be, const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len,
		    struct hz_attrs *made);

#endif
