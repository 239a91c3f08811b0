/* SPDX-License-Identifier: Apache-2.0 */
/* Fork handlers around everything that uses SQLite. */
#include "store/gate.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/fork.h"

static pthread_once_t gate_once = PTHREAD_ONCE_INIT;
static pthread_rwlock_t gate;
static pthread_mutex_t clients_lock = PTHREAD_MUTEX_INITIALIZER; /* taken inside the gate only, so never held during a fork */
static struct hz_gate_client *clients;
static _Thread_local bool inside;

/* A stream of threads must not keep the one that forks waiting for ever. */
static void gate_make(void)
{
	pthread_rwlockattr_t a;

	(void)pthread_rwlockattr_init(&a);
	(void)pthread_rwlockattr_setkind_np(&a, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void)pthread_rwlock_init(&gate, &a);
	(void)pthread_rwlockattr_destroy(&a);
}

static void fork_prepare(void)
{
	if (inside)
		return; /* fork() in a signal handler that interrupted us: waiting for ourselves would be worse */
	(void)pthread_rwlock_wrlock(&gate);
	for (struct hz_gate_client *c = clients; c != NULL; c = c->next)
		c->before_fork(c);
}

static void fork_parent(void)
{
	if (inside)
		return;
	(void)pthread_rwlock_unlock(&gate);
}

/* The lock remembers thread ids of the parent: make a new one. */
static void fork_child(void)
{
	inside = false;
	gate_make();
}

static void gate_install(void)
{
	gate_make();
	hz_fork_watch();
	(void)pthread_atfork(fork_prepare, fork_parent, fork_child);
}

void hz_gate_enter(void)
{
	(void)pthread_once(&gate_once, gate_install);
	(void)pthread_rwlock_rdlock(&gate);
	inside = true;
}

void hz_gate_leave(void)
{
	inside = false;
	(void)pthread_rwlock_unlock(&gate);
}

void hz_gate_add(struct hz_gate_client *c)
{
	hz_gate_enter();
	(void)pthread_mutex_lock(&clients_lock);
	c->next = clients;
	c->link = &clients;
	if (c->next != NULL)
		c->next->link = &c->next;
	clients = c;
	(void)pthread_mutex_unlock(&clients_lock);
	hz_gate_leave();
}

void hz_gate_remove(struct hz_gate_client *c)
{
	hz_gate_enter();
	(void)pthread_mutex_lock(&clients_lock);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	(void)pthread_mutex_unlock(&clients_lock);
	hz_gate_leave();
}
