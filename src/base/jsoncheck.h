/* SPDX-License-Identifier: Apache-2.0 */
/* Strict check of untrusted JSON text before any parser builds a tree from it. */

#ifndef HZ_BASE_JSONCHECK_H
#define HZ_BASE_JSONCHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_reader;

/*
 * True when the n bytes at p are exactly one JSON value (RFC 8259) in UTF-8 and nothing else but white space: arrays
 * and objects nest at most `depth` deep (a bare value has depth 0; depth <= 32), no object has two members of one name or more
 * than 256 members, there are at most 65536 values in all (a tree of them is then a few MiB), names have no escapes, texts
 * have no lone surrogates.  Common parsers let the last of two duplicates win
 * and stop at the first complete value; after this check there is nothing left for them to choose.
 */
bool hz_json_check(const void *p, size_t n, unsigned depth);

/* For text that was refused: the name of the member that made it so by standing in one object twice, of *len bytes; NULL for other faults. */
const uint8_t *hz_json_twice(const void *p, size_t n, unsigned depth, size_t *len);

/*
 * The exact bytes of the value of member `name` of the object in p, which hz_json_check() has accepted; NULL if p is
 * no object or has no such member.  *len is the length.
 */
const uint8_t *hz_json_member(const void *p, size_t n, const char *name, size_t *len);

/* A member: its name without quotes and the exact bytes of its value. */
struct hz_json_pair {
	const uint8_t *name;
	size_t name_len;
	const uint8_t *p;
	size_t len;
};

/* The next member of an object: start with hz_rd(text, n) of checked text. False at the end, and for anything but an object. */
bool hz_json_next(struct hz_reader *r, struct hz_json_pair *out);
bool hz_json_name_is(const struct hz_json_pair *pair, const char *name);

/*
 * Decodes a JSON string (with its quotes) to UTF-8 and a NUL.  False if it is no string or does not fit in room bytes;
 * what was written of it may then remain in out.  A \u0000 in it shows as *len != strlen(out).
 */
bool hz_json_text(const void *p, size_t n, char *out, size_t room, size_t *len);

#endif
