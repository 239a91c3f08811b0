/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clock that stands still but for what a test says, however slow the machine is: CLOCK_BOOTTIME, or what TEST_CLOCK names. The
 * program defines clock_gettime and exports it, so that the module, which is loaded afterwards and looks its symbols up in the program
 * first, asks here. Link with -export-dynamic.
 */
#ifndef TESTS_MODULE_CLOCK_H
#define TESTS_MODULE_CLOCK_H

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef TEST_CLOCK
#define TEST_CLOCK CLOCK_BOOTTIME
#endif

static _Atomic long long clock_began; /* ns of the real one when it was first asked for; 0: not yet */
static _Atomic long long clock_ahead; /* ns */
static _Atomic long clock_asked;

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *t)
{
	long rc = syscall(SYS_clock_gettime, id, t);

	if (id == TEST_CLOCK) {
		long long ns = t->tv_sec * 1000000000LL + t->tv_nsec, none = 0;

		if (atomic_compare_exchange_strong(&clock_began, &none, ns))
			none = ns;
		ns = none + clock_ahead;
		t->tv_sec = (time_t)(ns / 1000000000);
		t->tv_nsec = (long)(ns % 1000000000);
		clock_asked++;
	}
	return (int)rc;
}

static inline void clock_pass_ms(long ms)
{
	clock_ahead += ms * 1000000LL;
}

static inline void clock_pass(long seconds)
{
	clock_ahead += seconds * 1000000000LL;
}

#endif
