/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer; failure to allocate is sticky, so that a chain of appends is checked once. */
#ifndef HZ_BASE_BUF_H
#define HZ_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_buf {
	uint8_t *p;
	size_t len, cap;
	bool secret; /* lives in secret memory and is wiped */
	bool failed; /* an append ran out of memory (or would pass SIZE_MAX/2): contents are void */
};

#define HZ_BUF_INIT { NULL, 0, 0, false, false }
#define HZ_BUF_SECRET { NULL, 0, 0, true, false }

void hz_buf_add(struct hz_buf *b, const void *p, size_t n);
void hz_buf_u8(struct hz_buf *b, uint8_t v);
void hz_buf_be16(struct hz_buf *b, uint16_t v);
void hz_buf_be32(struct hz_buf *b, uint32_t v);
void hz_buf_be64(struct hz_buf *b, uint64_t v);
void hz_buf_str(struct hz_buf *b, const char *s);
/* Room for n more bytes, zeroed, counted as appended; NULL on failure. */
uint8_t *hz_buf_room(struct hz_buf *b, size_t n);
/* Make sure that n more bytes can be appended without moving the block. */
bool hz_buf_reserve(struct hz_buf *b, size_t n);
/* Forget the contents (wiping secrets) and keep the memory. */
void hz_buf_clear(struct hz_buf *b);
/* Release everything; the buffer is as after HZ_BUF_INIT. */
void hz_buf_free(struct hz_buf *b);

#endif
