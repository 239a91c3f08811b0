/* SPDX-License-Identifier: Apache-2.0 */
/* Fork handlers around everything that uses SQLite. */
#include "store/gate.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/fork.h"

static pthread_once_t gate_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* guards the rest; held during a fork, by the thread that forks */
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;  /* opened, or the last one left */
static unsigned n_inside;
static bool shut;
static struct hz_gate_client *clients;
static _Thread_local bool inside;

static void fork_prepare(void)
{
	if (inside)
		return; /* fork() in a signal handler that interrupted us: waiting for ourselves would be worse */
	(void)pthread_mutex_lock(&gate);
	shut = true; /* before waiting: a stream of threads must not keep us for ever */
	while (n_inside != 0)
		(void)pthread_cond_wait(&moved, &gate);
	for (struct hz_gate_client *c = clients; c != NULL; c = c->next)
		c->before_fork(c);
}

static void fork_parent(void)
{
	if (inside)
		return;
	shut = false;
	(void)pthread_cond_broadcast(&moved);
	(void)pthread_mutex_unlock(&gate);
}

/* One thread is left, and it is not inside. Waiters that the condition remembers are the parent's. */
static void fork_child(void)
{
	bool was_inside = inside;

	inside = false;
	shut = false;
	n_inside = 0;
	(void)pthread_cond_init(&moved, NULL);
	if (was_inside)
		(void)pthread_mutex_init(&gate, NULL);
	else
		(void)pthread_mutex_unlock(&gate);
}

static void gate_install(void)
{
	hz_fork_watch();
	(void)pthread_atfork(fork_prepare, fork_parent, fork_child);
}

void hz_gate_enter(void)
{
	(void)pthread_once(&gate_once, gate_install);
	inside = true; /* first: from here on a signal handler that forks must not wait for us */
	(void)pthread_mutex_lock(&gate);
	while (shut)
		(void)pthread_cond_wait(&moved, &gate);
	n_inside++;
	(void)pthread_mutex_unlock(&gate);
}

void hz_gate_leave(void)
{
	(void)pthread_mutex_lock(&gate);
	if (--n_inside == 0 && shut)
		(void)pthread_cond_broadcast(&moved);
	(void)pthread_mutex_unlock(&gate);
	inside = false;
}

void hz_gate_add(struct hz_gate_client *c)
{
	(void)pthread_once(&gate_once, gate_install);
	(void)pthread_mutex_lock(&gate);
	c->next = clients;
	c->link = &clients;
	if (c->next != NULL)
		c->next->link = &c->next;
	clients = c;
	(void)pthread_mutex_unlock(&gate);
}

void hz_gate_remove(struct hz_gate_client *c)
{
	(void)pthread_mutex_lock(&gate);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	(void)pthread_mutex_unlock(&gate);
}
