/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects as a session sees them. An object is immutable and reference-counted; a change makes a new one under the same handle.
 * Handles: token object = oid << 9 | ordinal << 1 | 1, session object = counter << 9 | ordinal << 1, so nothing has to be
 * remembered for objects that were only listed, and a handle is never given twice. Counters below HZ_FIRST_COUNTER are the
 * objects that every token has built in (builtin.h).
 */
#ifndef HZ_TOKEN_OBJECT_H
#define HZ_TOKEN_OBJECT_H

#include "token/token.h"

struct hz_object {
	_Atomic unsigned refs;
	CK_OBJECT_HANDLE handle;
	hz_oid id;                    /* 0: session object or built in */
	CK_SESSION_HANDLE owner;      /* session objects: whose end is theirs */
	struct hz_attrs attrs;
	CK_OBJECT_CLASS cls;
	CK_KEY_TYPE key_type;
	bool is_private, checked;
	bool always_auth;             /* CKA_ALWAYS_AUTHENTICATE */
	_Atomic(struct hz_key *) key; /* built at first use */
	struct hz_backend *be;

	/* Guarded by the token lock. */
	uint64_t generation;          /* backend's counter when last compared with what is stored */
	bool public_load;             /* loaded while nobody was logged in: without secrets, unchecked */
	struct hz_object *chain, *newer, *older;
};

#define HZ_FIRST_COUNTER 16

static inline CK_OBJECT_HANDLE hz_token_handle(const struct hz_token *t, hz_oid id)
{
	return id << 9 | (CK_OBJECT_HANDLE)t->ordinal << 1 | 1;
}

/* Session objects by handle, and a bounded cache of loaded token objects (least recently used go first). */
struct hz_object_table *hz_objects_new(void);
void hz_objects_free(struct hz_object_table *t);

/* An object with one reference from attributes that it takes over; NULL when out of memory (attrs are freed then, too). */
struct hz_object *hz_object_new_take(struct hz_token *t, CK_OBJECT_HANDLE handle, hz_oid id, struct hz_attrs *attrs);
void hz_object_unref(struct hz_object *o);
struct hz_object *hz_object_ref(struct hz_object *o);

/*
 * The object behind a handle as this session may see it (private objects only while the user is logged in), with a reference.
 * `bad` is the code for a handle that is none: CKR_OBJECT_HANDLE_INVALID or CKR_KEY_HANDLE_INVALID and so on.
 */
CK_RV hz_object_get(struct hz_session *s, CK_OBJECT_HANDLE h, CK_RV bad, struct hz_object **out);

/* The same for a handle that must be a key's (public, private or secret), else `bad`. */
CK_RV hz_object_get_key(struct hz_session *s, CK_OBJECT_HANDLE h, CK_RV bad, struct hz_object **out);

/* Its key, built once and shared. It lives as long as the object. */
CK_RV hz_object_key(struct hz_object *o, struct hz_key **key);

/*
 * Make one or several new objects (all or none) from complete attribute sets, taken over (also on failure: they are freed).
 * Sets CKA_UNIQUE_ID and the tier attributes. The caller has asked hz_may_make.
 */
CK_RV hz_objects_add(struct hz_session *s, struct hz_attrs *sets, size_t n, CK_OBJECT_HANDLE *handles);

/*
 * Change or end one object. Changes of this process run one after the other; `edit` makes the new attributes of those that the object
 * has at that moment, in this process or another.
 */
CK_RV hz_object_change(struct hz_session *s, struct hz_object *o, hz_edit_fn edit, void *arg);
CK_RV hz_object_destroy(struct hz_session *s, struct hz_object *o);

/* Handles of the session objects that `match` accepts, appended to *out (realloc'ed). Called under the token lock: short. */
CK_RV hz_objects_select(struct hz_token *t, bool (*match)(const struct hz_object *o, const void *arg), const void *arg,
			CK_OBJECT_HANDLE **out, size_t *n);

/*
 * Session objects of a closed session end; on logout, private session objects of the token end and the cache of token objects is
 * emptied (what was loaded with the data key goes with it). These take the token lock themselves.
 */
bool hz_objects_end_session(struct hz_token *t, CK_SESSION_HANDLE s); /* were there any? */
void hz_objects_logout(struct hz_token *t);
void hz_objects_clear(struct hz_token *t); /* C_InitToken: all of them */

#endif
