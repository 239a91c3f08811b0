/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds-checked cursor over bytes that somebody else wrote: the only way a parser of this project touches its input. */

#ifndef HZ_BASE_READER_H
#define HZ_BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A reader borrows the bytes; it never owns, copies or frees them.
 *
 * Failure is sticky: a read past the end returns zero (NULL for pointers), consumes nothing, and sets `failed`;
 * every later read fails too.  A parser may therefore read a whole structure and ask hz_rd_ok() once at its end,
 * as long as it does not loop on or branch to another length by a value that it has not checked first.
 *
 * All sizes are in bytes.  A reader has no lock: one thread at a time.
 */
struct hz_reader {
	const uint8_t *p;  /* next byte */
	size_t left;       /* bytes from p to the end */
	size_t off;        /* bytes consumed so far, for error texts */
	bool failed;
};

/* A reader over len bytes at data; data may be NULL when len is 0. */
static inline struct hz_reader
hz_rd(const void *data, size_t len)
{
	struct hz_reader r = { .p = (const uint8_t *)data, .left = data != NULL ? len : 0, .off = 0,
	                       .failed = data == NULL && len != 0 };
	return r;
}

/* True while no read has failed. */
static inline bool
hz_rd_ok(const struct hz_reader *r)
{
	return !r->failed;
}

/* True when no read has failed and nothing is left: the structure had exactly the expected size. */
static inline bool
hz_rd_end(const struct hz_reader *r)
{
	return !r->failed && r->left == 0;
}

/* Bytes left; 0 after a failure, so that `while (hz_rd_left(&r) > 0)` ends. */
static inline size_t
hz_rd_left(const struct hz_reader *r)
{
	return r->failed ? 0 : r->left;
}

/* Declares the input bad for a reason of the parser's own. */
static inline void
hz_rd_fail(struct hz_reader *r)
{
	r->failed = true;
}

/* The next n bytes, borrowed from the input, or NULL.  For n == 0 the pointer may be NULL on an empty input. */
static inline const uint8_t *
hz_rd_bytes(struct hz_reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->failed || n > r->left) {
		r->failed = true;
		return NULL;
	}
	if (n != 0) {
		r->p += n;
		r->left -= n;
		r->off += n;
	}
	return p;
}

/* The next n bytes without consuming them, or NULL; running out is not a failure here. */
static inline const uint8_t *
hz_rd_peek(const struct hz_reader *r, size_t n)
{
	return r->failed || n > r->left ? NULL : r->p;
}

/* Passes over n bytes. */
static inline void
hz_rd_skip(struct hz_reader *r, size_t n)
{
	(void)hz_rd_bytes(r, n);
}

/* Copies the next n bytes to out; on failure out is filled with zeros. */
static inline void
hz_rd_copy(struct hz_reader *r, void *out, size_t n)
{
	const uint8_t *p = hz_rd_bytes(r, n);

	if (n == 0)
		return;
	if (p != NULL)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

/* Takes the next n bytes as a reader of their own; a failed parent gives a failed child. */
static inline struct hz_reader
hz_rd_sub(struct hz_reader *r, size_t n)
{
	const uint8_t *p = hz_rd_bytes(r, n);
	struct hz_reader sub = { .p = p, .left = r->failed ? 0 : n, .off = 0, .failed = r->failed };

	return sub;
}

/* An unsigned integer of n (1..8) bytes, least significant byte first. */
static inline uint64_t
hz_rd_le(struct hz_reader *r, size_t n)
{
	const uint8_t *p = hz_rd_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = n; p != NULL && i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

/* An unsigned integer of n (1..8) bytes, most significant byte first. */
static inline uint64_t
hz_rd_be(struct hz_reader *r, size_t n)
{
	const uint8_t *p = hz_rd_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p != NULL && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t  hz_rd_u8(struct hz_reader *r)    { return (uint8_t)hz_rd_le(r, 1); }
static inline uint16_t hz_rd_u16le(struct hz_reader *r) { return (uint16_t)hz_rd_le(r, 2); }
static inline uint32_t hz_rd_u24le(struct hz_reader *r) { return (uint32_t)hz_rd_le(r, 3); }
static inline uint32_t hz_rd_u32le(struct hz_reader *r) { return (uint32_t)hz_rd_le(r, 4); }
static inline uint64_t hz_rd_u64le(struct hz_reader *r) { return hz_rd_le(r, 8); }
static inline uint16_t hz_rd_u16be(struct hz_reader *r) { return (uint16_t)hz_rd_be(r, 2); }
static inline uint32_t hz_rd_u32be(struct hz_reader *r) { return (uint32_t)hz_rd_be(r, 4); }
static inline uint64_t hz_rd_u64be(struct hz_reader *r) { return hz_rd_be(r, 8); }

/* True when the next n bytes are all zero; consumes them.  Fails on a short input. */
static inline bool
hz_rd_zeros(struct hz_reader *r, size_t n)
{
	const uint8_t *p = hz_rd_bytes(r, n);
	uint8_t any = 0;

	for (size_t i = 0; p != NULL && i < n; i++)
		any |= p[i];
	return !r->failed && any == 0;
}

#endif
