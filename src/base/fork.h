/* SPDX-License-Identifier: Apache-2.0 */
/* Fork detection: a counter that the atfork child handler raises, and nothing else happens there. */
#ifndef HZ_BASE_FORK_H
#define HZ_BASE_FORK_H

/* Install the handler once per process image; idempotent. */
void hz_fork_watch(void);

extern volatile unsigned hz_fork_counter;

/* The generation this process is; state made in another generation belongs to a parent and must not be touched. */
static inline unsigned hz_fork_gen(void)
{
	return hz_fork_counter;
}

#endif
