/* SPDX-License-Identifier: Apache-2.0 */
/* A lock for calls that almost never meet: one atomic operation to take, a plain store to give back. */
#ifndef HZ_BASE_LOCK_H
#define HZ_BASE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Zero is free, so memory from calloc holds usable locks and a forked child makes its locks anew by clearing them. Not recursive.
 *
 * Giving back is a store and then a look for waiters, without the fence that would order the two: a waiter that arrives just between
 * them is not woken. It therefore never sleeps for more than a millisecond before it looks again. Where two threads do share a
 * session this costs them a moment now and then; every other call saves the second atomic operation that a mutex needs.
 */
struct hz_lock {
	_Atomic uint32_t taken, waiters;
};

/* The slow paths (lock.c). */
void hz_lock_wait(struct hz_lock *l);
void hz_lock_wake(struct hz_lock *l);

/* Take it if it is free. */
static inline bool hz_lock_try(struct hz_lock *l)
{
	uint32_t free = 0;

	return atomic_compare_exchange_strong_explicit(&l->taken, &free, 1, memory_order_acquire, memory_order_relaxed);
}

static inline void hz_lock(struct hz_lock *l)
{
	if (!hz_lock_try(l))
		hz_lock_wait(l);
}

static inline void hz_unlock(struct hz_lock *l)
{
	atomic_store_explicit(&l->taken, 0, memory_order_release);
	if (atomic_load_explicit(&l->waiters, memory_order_relaxed) != 0)
		hz_lock_wake(l);
}

#endif
