/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer in ordinary or secret memory. */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/secmem.h"

#define BUF_MIN 64u

static uint8_t *buf_alloc(const struct hz_buf *b, size_t cap)
{
	return b->secret ? hz_secmem_alloc(cap) : malloc(cap);
}

static void buf_release(const struct hz_buf *b, void *p)
{
	if (b->secret)
		hz_secmem_free(p);
	else
		free(p);
}

/* Never realloc(): it would leave an unwiped copy of a secret behind. */
static bool buf_grow(struct hz_buf *b, size_t need)
{
	size_t cap = b->cap < BUF_MIN ? BUF_MIN : b->cap;
	uint8_t *p;

	while (cap < need)
		cap *= 2; /* need <= SIZE_MAX / 2, so this cannot wrap before it is reached */
	p = buf_alloc(b, cap);
	if (p == NULL)
		return false;
	if (b->len != 0)
		memcpy(p, b->p, b->len);
	buf_release(b, b->p);
	b->p = p;
	b->cap = cap;
	return true;
}

bool hz_buf_reserve(struct hz_buf *b, size_t n)
{
	if (b->failed)
		return false;
	if (n > SIZE_MAX / 2 - b->len || (b->len + n > b->cap && !buf_grow(b, b->len + n))) {
		b->failed = true;
		return false;
	}
	return true;
}

uint8_t *hz_buf_room(struct hz_buf *b, size_t n)
{
	uint8_t *p;

	/* An empty room still gets an address, so that NULL means failure and nothing else. */
	if (!hz_buf_reserve(b, n) || (b->p == NULL && !hz_buf_reserve(b, 1)))
		return NULL;
	p = b->p + b->len;
	memset(p, 0, n);
	b->len += n;
	return p;
}

void hz_buf_add(struct hz_buf *b, const void *p, size_t n)
{
	if (n == 0 || !hz_buf_reserve(b, n))
		return;
	memcpy(b->p + b->len, p, n);
	b->len += n;
}

static void buf_be(struct hz_buf *b, uint64_t v, size_t n)
{
	uint8_t t[8];

	for (size_t i = n; i-- > 0; v >>= 8)
		t[i] = (uint8_t)v;
	hz_buf_add(b, t, n);
}

void hz_buf_u8(struct hz_buf *b, uint8_t v)
{
	hz_buf_add(b, &v, 1);
}

void hz_buf_be16(struct hz_buf *b, uint16_t v)
{
	buf_be(b, v, 2);
}

void hz_buf_be32(struct hz_buf *b, uint32_t v)
{
	buf_be(b, v, 4);
}

void hz_buf_be64(struct hz_buf *b, uint64_t v)
{
	buf_be(b, v, 8);
}

void hz_buf_str(struct hz_buf *b, const char *s)
{
	hz_buf_add(b, s, strlen(s));
}

void hz_buf_clear(struct hz_buf *b)
{
	if (b->secret && b->p != NULL)
		hz_wipe(b->p, b->len);
	b->len = 0;
	b->failed = false;
}

void hz_buf_free(struct hz_buf *b)
{
	buf_release(b, b->p);
	*b = (struct hz_buf)HZ_BUF_INIT;
}
