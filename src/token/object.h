/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects as a session sees them. An object is immutable and reference-counted; a change makes a new one under the same handle.
 * Handles: token object = oid << 9 | ordinal << 1 | 1, session object = counter << 9 | ordinal << 1, so nothing has to be
 * remembered for objects that were only listed, and a handle is never given twice.
 */
#ifndef HZ_TOKEN_OBJECT_H
#define HZ_TOKEN_OBJECT_H

#include "token/token.h"

struct hz_object {
	_Atomic unsigned refs;
	CK_OBJECT_HANDLE handle;
	hz_oid id;                    /* 0: session object */
	CK_SESSION_HANDLE owner;      /* session objects: whose end is theirs */
	struct hz_attrs attrs;
	CK_OBJECT_CLASS cls;
	CK_KEY_TYPE key_type;
	bool is_private, checked;
	uint64_t generation;          /* backend's counter when loaded */
	_Atomic(struct hz_key *) key; /* built at first use */
	struct hz_backend *be;
};

/* Session objects by handle, and a bounded cache of loaded token objects (least recently used go first). */
struct hz_object_table *hz_objects_new(void);
void hz_objects_free(struct hz_object_table *t);

void hz_object_unref(struct hz_object *o);
struct hz_object *hz_object_ref(struct hz_object *o);

/*
 * The object behind a handle as this session may see it (private objects only while the user is logged in), with a reference.
 * `bad` is the code for a handle that is none: CKR_OBJECT_HANDLE_INVALID or CKR_KEY_HANDLE_INVALID and so on.
 */
CK_RV hz_object_get(struct hz_session *s, CK_OBJECT_HANDLE h, CK_RV bad, struct hz_object **out);

/* Its key, built once and shared. */
CK_RV hz_object_key(struct hz_object *o, struct hz_key **key);

/* Make one or several new objects (all or none) from complete attribute sets, taken over. Sets CKA_UNIQUE_ID. */
CK_RV hz_objects_add(struct hz_session *s, struct hz_attrs *sets, size_t n, CK_OBJECT_HANDLE *handles);

/* Session objects of a closed session end; on logout, private session objects of the token end and the cache forgets private ones. */
void hz_objects_end_session(struct hz_token *t, CK_SESSION_HANDLE s);
void hz_objects_logout(struct hz_token *t);
void hz_objects_clear(struct hz_token *t); /* C_InitToken: all of them */

#endif
