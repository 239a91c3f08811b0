/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of the device, kept for the next call; and the one retry when the device has lost us. */
#include <string.h>

#include "backend/p11_int.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "ck/names.h"

/* Written only when it changes: all threads read it. */
static void note_progress(struct hz_p11 *p, int64_t now)
{
	if (atomic_load_explicit(&p->progress, memory_order_relaxed) != now)
		atomic_store(&p->progress, now);
}

static CK_RV blocked(struct hz_p11 *p)
{
	return hz_fail(HZ_P11_BLOCKED, "%s: the device has answered nothing for %lld s", p->module, (long long)p->deadline / 1000);
}

/* The first after the deadline tries, then one in twice, four times, ... as long: a call that never comes back costs few threads. */
static bool may_try(struct hz_p11 *p, int64_t now)
{
	unsigned tries = atomic_load(&p->tries);

	if (tries != 0 && now - atomic_load(&p->tried) <= p->deadline << (tries < 8 ? tries : 8))
		return false;
	if (!atomic_compare_exchange_strong(&p->tries, &tries, tries + 1))
		return false;
	atomic_store(&p->tried, now);
	return true;
}

CK_RV hz_p11_enter(struct hz_p11 *p)
{
	int64_t now = (int64_t)hz_clock_ms(CLOCK_MONOTONIC_COARSE);

	if (atomic_load(&p->inside) == 0)
		note_progress(p, now);
	else if (now - atomic_load(&p->progress) > p->deadline && !may_try(p, now))
		return blocked(p);
	(void)atomic_fetch_add(&p->inside, 1);
	return CKR_OK;
}

void hz_p11_exit(struct hz_p11 *p)
{
	note_progress(p, (int64_t)hz_clock_ms(CLOCK_MONOTONIC_COARSE));
	if (atomic_load_explicit(&p->tries, memory_order_relaxed) != 0)
		atomic_store(&p->tries, 0);
	(void)atomic_fetch_sub(&p->inside, 1);
}

void hz_p11_rest(struct hz_p11 *p)
{
	hz_p11_exit(p);
}

CK_RV hz_p11_resume(struct hz_p11 *p, const struct hz_p11_session *s)
{
	CK_RV rv = hz_p11_enter(p);

	if (rv == CKR_OK && (s->link != atomic_load(&p->link) || !atomic_load(&p->up))) {
		hz_p11_exit(p);
		rv = CKR_SESSION_HANDLE_INVALID;
	}
	return rv;
}

CK_RV hz_p11_lock(struct hz_p11 *p, pthread_mutex_t *lock)
{
	struct timespec until;

	if (pthread_mutex_trylock(lock) == 0)
		return CKR_OK;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += p->deadline / 1000;
	return pthread_mutex_timedlock(lock, &until) == 0 ? CKR_OK : blocked(p);
}

bool hz_p11_lost(CK_RV rv)
{
	switch (rv) {
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_SESSION_CLOSED:
	case CKR_DEVICE_REMOVED:
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_USER_NOT_LOGGED_IN:
	case CKR_CRYPTOKI_NOT_INITIALIZED:
		return true;
	default:
		return false;
	}
}

CK_RV hz_p11_once(CK_RV rv)
{
	return rv == CKR_DEVICE_REMOVED || rv == CKR_SESSION_CLOSED ? HZ_P11_UNCERTAIN : rv;
}

bool hz_p11_no_object(CK_RV rv)
{
	return rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_WRAPPING_KEY_HANDLE_INVALID ||
	       rv == CKR_UNWRAPPING_KEY_HANDLE_INVALID;
}

CK_RV hz_p11_meant(struct hz_p11 *p, CK_RV rv)
{
	CK_RV there = hz_p11_no_object(rv) ? hz_p11_there(p) : CKR_OK;

	return hz_p11_lost(there) ? there : rv;
}

bool hz_p11_stale(struct hz_p11 *p, unsigned link, unsigned era, CK_RV rv)
{
	if (!hz_p11_no_object(rv))
		return false;
	if (era != atomic_load(&p->era))
		return true; /* another thread connected or logged in meanwhile */
	if (hz_p11_recover(p, link, CKR_USER_NOT_LOGGED_IN) == CKR_OK && era != atomic_load(&p->era))
		return true;
	if (atomic_compare_exchange_strong(&p->era, &era, era + 1))
		(void)atomic_fetch_add(&p->generation, 1);
	return true;
}

/* Codes that no caller of ours can do anything with, or that would speak of handles which are not its own. */
CK_RV hz_p11_code(CK_RV rv)
{
	switch (rv) {
	case CKR_OK:
		return rv;
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_SESSION_CLOSED:
	case CKR_CRYPTOKI_NOT_INITIALIZED:
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_TOKEN_NOT_RECOGNIZED:
	case CKR_SLOT_ID_INVALID:
	case CKR_DEVICE_REMOVED:
		return hz_fail(CKR_DEVICE_REMOVED, "the device answers %s", hz_ckr_name(rv));
	case CKR_SESSION_COUNT:
	case CKR_SESSION_PARALLEL_NOT_SUPPORTED:
	case CKR_OPERATION_ACTIVE:
	case CKR_OPERATION_NOT_INITIALIZED:
	case CKR_BUFFER_TOO_SMALL:
	case CKR_ARGUMENTS_BAD:
	case CKR_CANCEL:
		return hz_fail(CKR_DEVICE_ERROR, "the device answers %s", hz_ckr_name(rv));
	default:
		break;
	}
	if (rv == HZ_P11_BLOCKED)
		return hz_fail(CKR_DEVICE_ERROR, "the device has answered nothing for its deadline: it counts as blocked");
	if (rv == HZ_P11_UNCERTAIN)
		return hz_fail(CKR_DEVICE_REMOVED, "the device was lost while it worked: it may have done it, and is not asked again");
	if (rv >= CKR_VENDOR_DEFINED || strncmp(hz_ckr_name(rv), "CKR_0x", 6) == 0) /* not the standard's */
		return hz_fail(CKR_DEVICE_ERROR, "the device answers %#lx", rv);
	return rv;
}

void hz_p11_pool_reset(struct hz_p11 *p, unsigned link)
{
	pthread_mutex_lock(&p->pool.lock);
	p->pool.n_idle = 0;
	p->pool.open = 0;
	p->pool.link = link;
	(void)pthread_cond_broadcast(&p->pool.free);
	pthread_mutex_unlock(&p->pool.lock);
}

/* With the pool lock: an idle session, or the right to open one; false: none of either in time. */
static bool wait_for_room(struct hz_p11_pool *pool, int64_t deadline, CK_SESSION_HANDLE *h)
{
	struct timespec until;

	*h = CK_INVALID_HANDLE;
	if (pool->n_idle != 0) {
		*h = pool->idle[--pool->n_idle];
		return true;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += deadline / 1000 < HZ_P11_WAIT ? deadline / 1000 : HZ_P11_WAIT;
	while (pool->n_idle == 0 && pool->open >= pool->cap)
		if (pthread_cond_timedwait(&pool->free, &pool->lock, &until) != 0)
			return false;
	if (pool->n_idle != 0)
		*h = pool->idle[--pool->n_idle];
	else
		pool->open++;
	return true;
}

/* A device that has no more sessions than these sets the cap for us. */
static void not_opened(struct hz_p11_pool *pool, unsigned link, CK_RV rv)
{
	pthread_mutex_lock(&pool->lock);
	if (pool->link == link && pool->open > 0) {
		pool->open--;
		if (rv == CKR_SESSION_COUNT && pool->open > 0)
			pool->cap = pool->open;
	}
	(void)pthread_cond_signal(&pool->free);
	pthread_mutex_unlock(&pool->lock);
}

static CK_RV take_once(struct hz_p11 *p, struct hz_p11_session *s)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION | (p->read_only ? 0 : CKF_RW_SESSION);
	bool room;
	CK_RV rv;

	pthread_mutex_lock(&p->pool.lock);
	room = wait_for_room(&p->pool, p->deadline, &s->h);
	s->link = p->pool.link;
	pthread_mutex_unlock(&p->pool.lock);
	if (!room)
		return hz_fail(CKR_TOKEN_RESOURCE_EXCEEDED, "all %u sessions of the device stayed busy", p->pool.cap);
	if (s->h != CK_INVALID_HANDLE)
		return CKR_OK;
	rv = p->f->C_OpenSession(p->slot, flags, NULL, NULL, &s->h);
	if (rv == CKR_OK && s->h == CK_INVALID_HANDLE)
		rv = CKR_DEVICE_ERROR;
	if (rv != CKR_OK)
		not_opened(&p->pool, s->link, rv);
	return rv;
}

/* Connected before it counts as inside: connecting may have to wait until nobody is. */
static CK_RV come_in(struct hz_p11 *p)
{
	CK_RV rv = CKR_TOKEN_NOT_PRESENT;

	for (int round = 0; round < 2; round++) {
		rv = hz_p11_ready(p);
		if (rv == CKR_OK)
			rv = hz_p11_enter(p);
		if (rv != CKR_OK || atomic_load(&p->up))
			return rv;
		hz_p11_exit(p); /* lost in between */
	}
	return CKR_TOKEN_NOT_PRESENT;
}

CK_RV hz_p11_take(struct hz_p11 *p, struct hz_p11_session *s)
{
	CK_RV rv = come_in(p);

	if (rv != CKR_OK)
		return rv;
	rv = take_once(p, s);
	if (rv == CKR_SESSION_COUNT)
		rv = take_once(p, s); /* the cap has shrunk: now it waits */
	if (rv != CKR_OK)
		hz_p11_exit(p);
	return rv;
}

void hz_p11_give(struct hz_p11 *p, struct hz_p11_session *s, bool keep)
{
	bool mine;

	pthread_mutex_lock(&p->pool.lock);
	mine = p->pool.link == s->link;
	if (mine && keep)
		p->pool.idle[p->pool.n_idle++] = s->h;
	pthread_mutex_unlock(&p->pool.lock);
	if (mine && !keep) { /* closed before its place is free: the device counts, too */
		(void)p->f->C_CloseSession(s->h);
		pthread_mutex_lock(&p->pool.lock);
		if (p->pool.link == s->link && p->pool.open > 0)
			p->pool.open--;
		pthread_mutex_unlock(&p->pool.lock);
	}
	(void)pthread_cond_signal(&p->pool.free);
	s->h = CK_INVALID_HANDLE;
	hz_p11_exit(p);
}

CK_RV hz_p11_run(struct hz_p11 *p, hz_p11_work work, void *arg)
{
	return hz_p11_code(hz_p11_run_raw(p, work, arg));
}

CK_RV hz_p11_run_raw(struct hz_p11 *p, hz_p11_work work, void *arg)
{
	struct hz_p11_session s;
	unsigned era;
	CK_RV rv = CKR_OK;

	for (int round = 0; round < 2; round++) {
		unsigned link = atomic_load(&p->link);

		era = atomic_load(&p->era);
		rv = hz_p11_take(p, &s);
		if (rv == CKR_OK) {
			link = s.link;
			rv = hz_p11_meant(p, work(p, s.h, arg));
			hz_p11_give(p, &s, rv == CKR_OK);
		}
		if (rv == CKR_OK)
			return CKR_OK;
		if (round == 1)
			break;
		if (hz_p11_stale(p, link, era, rv))
			continue;
		if (rv == HZ_P11_UNCERTAIN)
			(void)hz_p11_recover(p, link, CKR_DEVICE_REMOVED); /* for the next call */
		if (!hz_p11_lost(rv))
			break;
		hz_log(HZ_LOG_INFO, "%s: the device answers %s: connecting again", p->module, hz_ckr_name(rv));
		if (hz_p11_recover(p, link, rv) != CKR_OK)
			break;
	}
	return rv;
}
