/* SPDX-License-Identifier: Apache-2.0 */
/* What a clock of the system shows. */
#ifndef HZ_BASE_CLOCK_H
#define HZ_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* `id` is one that every Linux has: CLOCK_MONOTONIC, _MONOTONIC_COARSE (ticks of some ms, cheaper), _BOOTTIME (goes on while the machine sleeps). */
static inline uint64_t hz_clock_ns(clockid_t id)
{
	struct timespec t = { 0, 0 };

	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t hz_clock_ms(clockid_t id)
{
	return hz_clock_ns(id) / 1000000u;
}

#endif
