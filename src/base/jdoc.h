/* SPDX-License-Identifier: Apache-2.0 */
/* A strict JSON reader (RFC 8259) for text that gets signed: an array of values, with numbers exact and strings resolved. */
#ifndef HZ_BASE_JDOC_H
#define HZ_BASE_JDOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hz_jtype { HZ_J_NULL, HZ_J_FALSE, HZ_J_TRUE, HZ_J_NUMBER, HZ_J_STRING, HZ_J_ARRAY, HZ_J_OBJECT };

/*
 * One value. The values of a text lie in one array in the order of the text: the first element or member of a container
 * follows it, and `end` is the index of the value after the whole subtree.
 */
struct hz_jnode {
	const char *s;     /* string: its bytes, escapes resolved, UTF-8, may hold NUL; number: its text as written */
	const char *key;   /* name of this member; NULL where the value is not one */
	uint32_t len;      /* bytes at s, or count of elements or members */
	uint32_t key_len;
	uint32_t key_hash; /* makes unequal names cheap to tell; no meaning elsewhere */
	uint32_t end;
	enum hz_jtype type;
};

struct hz_jdoc_limits {
	uint32_t text;    /* bytes of the whole text */
	uint32_t nodes;   /* values in it */
	uint32_t members; /* members of one object (they are compared pairwise) */
	uint32_t depth;   /* nesting: 1 is a text without containers inside containers */
};

enum { HZ_JDOC_SMALL_NODES = 24, HZ_JDOC_SMALL_TEXT = 1024 };

/* A parsed text. It owns a copy of the text, so the caller's bytes are read exactly once. Not to be moved or copied by assignment. */
struct hz_jdoc {
	struct hz_jnode *v; /* v[0] is the whole; NULL until parsed */
	uint32_t n, cap;
	const char *why;        /* after a failure: a constant text, and the offset in bytes that it is about */
	size_t at;
	char *text;
	struct hz_jnode small_v[HZ_JDOC_SMALL_NODES];
	char small_text[HZ_JDOC_SMALL_TEXT];
};

/*
 * Parse exactly one value with nothing but space around it. Refused: names that occur twice in an object (after resolving
 * escapes), invalid UTF-8, unpaired surrogates, unescaped control characters, numbers not of JSON's grammar, anything past a limit.
 * j need not be initialised. On false j->why says what is wrong ("out of memory" included) and j holds nothing to free.
 */
bool hz_jdoc_parse(struct hz_jdoc *j, const void *text, size_t len, const struct hz_jdoc_limits *limits);

/* Release; j may be freed again. Small texts own no heap. */
void hz_jdoc_free(struct hz_jdoc *j);

/* The member of that name (NUL-terminated, or n bytes), or NULL when absent or obj is no object. */
const struct hz_jnode *hz_jdoc_get(const struct hz_jdoc *j, const struct hz_jnode *obj, const char *name);
const struct hz_jnode *hz_jdoc_get_n(const struct hz_jdoc *j, const struct hz_jnode *obj, const char *name, size_t n);

/* First child of a container with len > 0; the value after a child's subtree. Count with the container's len. */
static inline const struct hz_jnode *hz_jdoc_first(const struct hz_jnode *c)
{
	return c + 1;
}
static inline const struct hz_jnode *hz_jdoc_next(const struct hz_jdoc *j, const struct hz_jnode *c)
{
	return j->v + c->end;
}

/* Is it a string (or, for the second, a member name) with exactly these bytes? */
bool hz_jdoc_is(const struct hz_jnode *node, const char *text);
bool hz_jdoc_key_is(const struct hz_jnode *node, const char *name);

#endif
