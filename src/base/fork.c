/* SPDX-License-Identifier: Apache-2.0 */
/* Fork detection by one atfork handler that does nothing but count. */
#include "base/fork.h"

#include <pthread.h>

volatile unsigned hz_fork_counter;

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* Runs in the child before fork() returns there, when it has one thread only: a plain increment is enough. */
static void fork_child(void)
{
	hz_fork_counter = hz_fork_counter + 1;
}

static void fork_install(void)
{
	(void)pthread_atfork(NULL, NULL, fork_child);
}

void hz_fork_watch(void)
{
	(void)pthread_once(&fork_once, fork_install);
}
