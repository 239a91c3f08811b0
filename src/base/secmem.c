/* SPDX-License-Identifier: Apache-2.0 */
/* Secret memory: blocks of fixed sizes in guarded, locked, undumped pages, with canaries on both sides. */
#include "base/secmem.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fork.h"
#include "base/log.h"

/*
 * A chunk is one mapping: guard page, slots of one size, guard page. A slot is
 *     head (16 bytes: canary, chunk) | n bytes for the caller | tail canary (8 bytes) | unused
 * and everything else about it is in ordinary memory, because a forked child finds the pages zeroed: an all-zero head is how a
 * child recognises a block of its parent. Freed slots are zero throughout, so that a new block needs no clearing.
 *
 * Each process generation has an arena of its own. A child starts a new one instead of repairing the old, whose locks another
 * thread may have held during the fork.
 */
#define N_CLASSES 13u
#define CLASS_MIN 64u                               /* smallest slot */
#define CLASS_MAX (CLASS_MIN << (N_CLASSES - 1))    /* 256 KiB; more gets a mapping of its own */
#define FIRST_DATA 16384u                           /* bytes of slots in the first chunk of a class, */
#define LATER_DATA 65536u                           /* and in the later ones; at least one slot */
#define HEAD sizeof(struct head)
#define TAIL sizeof(uint64_t)

struct chunk;

struct head {
	uint64_t canary;
	struct chunk *chunk;
};

struct chunk {
	struct chunk *next, **link;  /* list of the chunks of a class */
	uint8_t *map, *data;
	size_t map_len, data_len, stride;
	unsigned cls;                /* N_CLASSES for one large block */
	uint32_t slots, used, free_head;
	struct slot {
		size_t len;              /* bytes given out */
		uint32_t next_free;
		bool live;
	} slot[];
};

struct size_class {
	pthread_mutex_t lock;
	struct chunk *room;          /* chunks with a free slot */
	struct chunk *full;
	unsigned chunks;
};

struct arena {
	unsigned gen;
	struct arena *parent;        /* of the process that forked this one */
	uint64_t secret;             /* canaries are derived from it */
	atomic_size_t live;
	struct size_class cls[N_CLASSES + 1];
};

static _Atomic(struct arena *) arena_now;
static atomic_flag lock_warned = ATOMIC_FLAG_INIT;

void hz_wipe(void *p, size_t n)
{
	if (n == 0)
		return;
	memset(p, 0, n);
	__asm__ __volatile__("" : : "r"(p) : "memory"); /* somebody may read it: the memset stays */
}

bool hz_ct_equal(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	unsigned diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= (unsigned)(x[i] ^ y[i]);
	return diff == 0;
}

static size_t page_size(void)
{
	static atomic_size_t size;
	size_t n = atomic_load_explicit(&size, memory_order_relaxed);

	if (n == 0) {
		n = (size_t)sysconf(_SC_PAGESIZE);
		atomic_store_explicit(&size, n, memory_order_relaxed);
	}
	return n;
}

static struct arena *arena_make(unsigned gen, struct arena *parent)
{
	struct arena *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->gen = gen;
	a->parent = parent;
	/* Canaries catch accidents and blind overruns; without the kernel's generator the address layout has to do. */
	if (getrandom(&a->secret, sizeof a->secret, GRND_NONBLOCK) != (ssize_t)sizeof a->secret)
		a->secret = (uint64_t)(uintptr_t)a * 0x9e3779b97f4a7c15u;
	a->secret |= 1u;
	for (unsigned i = 0; i <= N_CLASSES; i++)
		(void)pthread_mutex_init(&a->cls[i].lock, NULL);
	return a;
}

/* This process's arena; made at first use and after a fork. NULL without memory. */
static struct arena *arena_get(void)
{
	struct arena *a = atomic_load_explicit(&arena_now, memory_order_acquire), *made;

	if (a != NULL && a->gen == hz_fork_gen())
		return a;
	hz_fork_watch();
	made = arena_make(hz_fork_gen(), a);
	if (made == NULL)
		return NULL;
	if (atomic_compare_exchange_strong(&arena_now, &a, made))
		return made;
	free(made); /* another thread was first */
	return a;
}

static void secure_pages(void *p, size_t n)
{
	bool locked = mlock(p, n) == 0;
	int why = errno;

	(void)madvise(p, n, MADV_DONTDUMP);
	(void)madvise(p, n, MADV_WIPEONFORK);
	if (!locked && !atomic_flag_test_and_set(&lock_warned))
		hz_log(HZ_LOG_WARNING, "secret memory cannot be locked (%s): raise RLIMIT_MEMLOCK, or secrets may reach the swap",
		       strerror(why));
}

/* Guard, n bytes (a multiple of the page size) of ready pages, guard. */
static bool map_pages(struct chunk *c, size_t n)
{
	size_t page = page_size();
	uint8_t *m = mmap(NULL, n + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return false;
	if (mprotect(m + page, n, PROT_READ | PROT_WRITE) != 0) {
		(void)munmap(m, n + 2 * page);
		return false;
	}
	c->map = m;
	c->map_len = n + 2 * page;
	c->data = m + page;
	c->data_len = n;
	secure_pages(c->data, n);
	return true;
}

static struct chunk *chunk_new(unsigned cls, size_t stride, size_t data_len)
{
	size_t page = page_size(), len = (data_len + page - 1) / page * page;
	uint32_t slots = cls == N_CLASSES ? 1 : (uint32_t)(len / stride);
	struct chunk *c = calloc(1, sizeof *c + slots * sizeof c->slot[0]);

	if (c == NULL || !map_pages(c, len)) {
		free(c);
		return NULL;
	}
	c->cls = cls;
	c->stride = stride;
	c->slots = slots;
	for (uint32_t i = 0; i < slots; i++)
		c->slot[i].next_free = i + 1;
	return c;
}

static void chunk_free(struct chunk *c)
{
	(void)munmap(c->map, c->map_len);
	free(c);
}

static void chunk_link(struct chunk **list, struct chunk *c)
{
	c->next = *list;
	c->link = list;
	if (c->next != NULL)
		c->next->link = &c->next;
	*list = c;
}

static void chunk_unlink(struct chunk *c)
{
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
}

static uint64_t canary_of(const struct arena *a, const void *p)
{
	return a->secret ^ (uint64_t)(uintptr_t)p;
}

/* Take a free slot of c for n bytes; the caller holds the class's lock. */
static void *slot_take(struct arena *a, struct chunk *c, size_t n)
{
	uint32_t i = c->free_head;
	uint8_t *p = c->data + (size_t)i * c->stride + HEAD;
	struct head h = { canary_of(a, p), c };
	uint64_t tail = ~h.canary;

	c->free_head = c->slot[i].next_free;
	c->slot[i].len = n;
	c->slot[i].live = true;
	c->used++;
	memcpy(p - HEAD, &h, HEAD);
	memcpy(p + n, &tail, TAIL);
	(void)atomic_fetch_add_explicit(&a->live, 1, memory_order_relaxed);
	return p;
}

static void *alloc_large(struct arena *a, size_t n)
{
	struct size_class *k = &a->cls[N_CLASSES];
	struct chunk *c = chunk_new(N_CLASSES, n + HEAD + TAIL, n + HEAD + TAIL);
	void *p;

	if (c == NULL)
		return NULL;
	(void)pthread_mutex_lock(&k->lock);
	chunk_link(&k->full, c);
	p = slot_take(a, c, n);
	(void)pthread_mutex_unlock(&k->lock);
	return p;
}

static void *alloc_small(struct arena *a, unsigned cls, size_t n)
{
	struct size_class *k = &a->cls[cls];
	struct chunk *c;
	void *p = NULL;

	(void)pthread_mutex_lock(&k->lock);
	c = k->room;
	if (c == NULL) {
		size_t stride = (size_t)CLASS_MIN << cls, data = k->chunks == 0 ? FIRST_DATA : LATER_DATA;

		c = chunk_new(cls, stride, data < stride ? stride : data);
		if (c == NULL)
			goto out;
		k->chunks++;
		chunk_link(&k->room, c);
	}
	p = slot_take(a, c, n);
	if (c->used == c->slots) {
		chunk_unlink(c);
		chunk_link(&k->full, c);
	}
out:
	(void)pthread_mutex_unlock(&k->lock);
	return p;
}

void *hz_secmem_alloc(size_t n)
{
	struct arena *a = arena_get();
	unsigned cls = 0;

	if (a == NULL || n > SIZE_MAX / 2)
		return NULL;
	if (n + HEAD + TAIL > CLASS_MAX)
		return alloc_large(a, n);
	while (((size_t)CLASS_MIN << cls) < n + HEAD + TAIL)
		cls++;
	return alloc_small(a, cls, n);
}

/* Memory of secrets is damaged, or a block is released twice: nothing that follows could be trusted. */
static _Noreturn void broken(const char *what)
{
	hz_log(HZ_LOG_ERROR, "secret memory: %s; the process ends", what);
	abort();
}

/* The slot of p, checked; the caller holds the lock of the chunk's class. */
static struct slot *slot_check(const struct arena *a, struct chunk *c, const uint8_t *p)
{
	size_t off = (size_t)(p - HEAD - c->data);
	struct slot *s = &c->slot[off / c->stride];
	uint64_t tail;

	if (off % c->stride != 0 || off / c->stride >= c->slots || !s->live)
		broken("a block is released that is not in use");
	memcpy(&tail, p + s->len, TAIL);
	if (tail != ~canary_of(a, p))
		broken("a block was written past its end");
	return s;
}

/* Give slot s at p back; returns the chunk when it should go. */
static struct chunk *slot_release(struct size_class *k, struct chunk *c, struct slot *s, uint8_t *p)
{
	bool was_full = c->used == c->slots;

	hz_wipe(p - HEAD, HEAD + s->len + TAIL);
	s->live = false;
	s->next_free = c->free_head;
	c->free_head = (uint32_t)(s - c->slot);
	c->used--;
	if (c->cls == N_CLASSES) {
		chunk_unlink(c);
		return c;
	}
	if (was_full) {
		chunk_unlink(c);
		chunk_link(&k->room, c);
	}
	/* Keep one empty chunk of a class: a program that takes and releases one block must not map and unmap each time. */
	if (c->used == 0 && (k->room != c || c->next != NULL)) {
		chunk_unlink(c);
		k->chunks--;
		return c;
	}
	return NULL;
}

/* No head of this arena at p: a block of the process that forked us (its pages are wiped and stay as they are), or damage. */
static void free_foreign(const struct arena *a, const void *p, const struct head *h)
{
	if (a->parent != NULL && h->canary == 0 && h->chunk == NULL && !hz_secmem_owns(p))
		return;
	for (const struct arena *old = a->parent; old != NULL; old = old->parent)
		if (h->canary == canary_of(old, p))
			return; /* a kernel that does not wipe */
	broken("a block was written before its start, or released twice");
}

void hz_secmem_free(void *p)
{
	struct arena *a;
	struct size_class *k;
	struct chunk *gone;
	struct head h;

	if (p == NULL)
		return;
	a = arena_get();
	if (a == NULL)
		return;
	memcpy(&h, (uint8_t *)p - HEAD, HEAD);
	if (h.canary != canary_of(a, p)) {
		free_foreign(a, p, &h);
		return;
	}
	k = &a->cls[h.chunk->cls];
	(void)pthread_mutex_lock(&k->lock);
	gone = slot_release(k, h.chunk, slot_check(a, h.chunk, p), p);
	(void)pthread_mutex_unlock(&k->lock);
	(void)atomic_fetch_sub_explicit(&a->live, 1, memory_order_relaxed);
	if (gone != NULL)
		chunk_free(gone);
}

void *hz_secmem_dup(const void *p, size_t n)
{
	void *q = hz_secmem_alloc(n);

	if (q != NULL && n != 0)
		memcpy(q, p, n);
	return q;
}

static bool list_owns(const struct chunk *c, const uint8_t *p)
{
	for (; c != NULL; c = c->next)
		if (p >= c->data && p < c->data + c->data_len)
			return true;
	return false;
}

bool hz_secmem_owns(const void *p)
{
	struct arena *a = arena_get();
	bool found = false;

	for (unsigned i = 0; a != NULL && !found && i <= N_CLASSES; i++) {
		(void)pthread_mutex_lock(&a->cls[i].lock);
		found = list_owns(a->cls[i].room, p) || list_owns(a->cls[i].full, p);
		(void)pthread_mutex_unlock(&a->cls[i].lock);
	}
	return found;
}

size_t hz_secmem_live(void)
{
	struct arena *a = arena_get();

	return a == NULL ? 0 : atomic_load(&a->live);
}

void hz_secmem_keep(bool keep)
{
	struct arena *a = arena_get();

	if (a != NULL && keep)
		atomic_fetch_sub(&a->live, 1);
	else if (a != NULL)
		atomic_fetch_add(&a->live, 1);
}

void hz_secmem_after_fork(void)
{
	(void)arena_get(); /* a generation without an arena gets one; in the generation that has one there is nothing to do */
}
