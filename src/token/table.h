/* SPDX-License-Identifier: Apache-2.0 */
/* The token's two tables of objects: session objects by handle, and the cache of loaded token objects by number. */
#ifndef HZ_TOKEN_TABLE_H
#define HZ_TOKEN_TABLE_H

#include "token/object.h"

#define HZ_CACHE_BUCKETS 1024
#define HZ_CACHE_MAX 512 /* loaded token objects that are kept */

struct hz_object_table {
	pthread_mutex_t change;      /* one change of an object at a time; taken below a session's lock and above the token lock */
	struct hz_object **session;  /* chained buckets */
	size_t buckets, nsession;
	struct hz_object *cache[HZ_CACHE_BUCKETS];
	struct hz_object *newest, *oldest;
	size_t ncache;
};

/* All of these are called under the token lock. Objects in a table hold one reference for it. */

struct hz_object *hz_table_session_find(const struct hz_object_table *t, CK_OBJECT_HANDLE h);
/* Make the table large enough for n more; after the first success a put cannot fail, it only gets slower. */
bool hz_table_session_reserve(struct hz_object_table *t, size_t n);
void hz_table_session_put(struct hz_object_table *t, struct hz_object *o);
/* Takes it out; the caller gets the table's reference. NULL when it is not there. */
struct hz_object *hz_table_session_take(struct hz_object_table *t, CK_OBJECT_HANDLE h);
/* Takes out all that `which` accepts, linked by `chain`. */
struct hz_object *hz_table_session_take_all(struct hz_object_table *t,
					    bool (*which)(const struct hz_object *o, CK_SESSION_HANDLE arg), CK_SESSION_HANDLE arg);

/* Found objects become the newest. */
struct hz_object *hz_table_cache_find(struct hz_object_table *t, hz_oid id);
/* Puts it in, in place of one with the same number; what falls out is returned, linked by `chain`, for the caller to release. */
struct hz_object *hz_table_cache_put(struct hz_object_table *t, struct hz_object *o);
struct hz_object *hz_table_cache_take(struct hz_object_table *t, hz_oid id);
struct hz_object *hz_table_cache_take_all(struct hz_object_table *t);

/* Release a list linked by `chain`; not under the token lock. */
void hz_table_release(struct hz_object *list);

#endif
