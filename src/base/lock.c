/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when two threads want the same lock. */
#include "base/lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPINS 100

void hz_lock_wait(struct hz_lock *l)
{
	const struct timespec most = { 0, 1000000 };
	int saved = errno;

	for (int i = 0; i < SPINS; i++)
		if (atomic_load_explicit(&l->taken, memory_order_relaxed) == 0 && hz_lock_try(l))
			return;
	atomic_fetch_add(&l->waiters, 1);
	while (!hz_lock_try(l))
		(void)syscall(SYS_futex, &l->taken, FUTEX_WAIT_PRIVATE, 1, &most, NULL, 0);
	atomic_fetch_sub(&l->waiters, 1);
	errno = saved;
}

void hz_lock_wake(struct hz_lock *l)
{
	int saved = errno;

	(void)syscall(SYS_futex, &l->taken, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	errno = saved;
}
