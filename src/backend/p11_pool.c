/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of the device, kept for the next call; and the one retry when the device has lost us. */
#include <string.h>

#include "backend/p11_int.h"
#include "base/error.h"
#include "base/log.h"
#include "ck/names.h"

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

bool hz_p11_stale(struct hz_p11 *p, unsigned link, unsigned era, CK_RV rv)
{
	if (rv != CKR_KEY_HANDLE_INVALID && rv != CKR_OBJECT_HANDLE_INVALID && rv != CKR_WRAPPING_KEY_HANDLE_INVALID &&
	    rv != CKR_UNWRAPPING_KEY_HANDLE_INVALID)
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
static bool wait_for_room(struct hz_p11_pool *pool, CK_SESSION_HANDLE *h)
{
	struct timespec until;

	*h = CK_INVALID_HANDLE;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += HZ_P11_WAIT;
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
	CK_RV rv = hz_p11_ready(p);

	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&p->pool.lock);
	room = wait_for_room(&p->pool, &s->h);
	s->link = p->pool.link;
	pthread_mutex_unlock(&p->pool.lock);
	if (!room)
		return hz_fail(CKR_TOKEN_RESOURCE_EXCEEDED, "all %u sessions of the device were busy for %d s", p->pool.cap, HZ_P11_WAIT);
	if (s->h != CK_INVALID_HANDLE)
		return CKR_OK;
	rv = p->f->C_OpenSession(p->slot, flags, NULL, NULL, &s->h);
	if (rv == CKR_OK && s->h == CK_INVALID_HANDLE)
		rv = CKR_DEVICE_ERROR;
	if (rv != CKR_OK)
		not_opened(&p->pool, s->link, rv);
	return rv;
}

CK_RV hz_p11_take(struct hz_p11 *p, struct hz_p11_session *s)
{
	CK_RV rv;

	(void)atomic_fetch_add(&p->inside, 1);
	rv = take_once(p, s);
	if (rv == CKR_SESSION_COUNT)
		rv = take_once(p, s); /* the cap has shrunk: now it waits */
	if (rv != CKR_OK)
		(void)atomic_fetch_sub(&p->inside, 1);
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
	(void)atomic_fetch_sub(&p->inside, 1);
}

CK_RV hz_p11_run(struct hz_p11 *p, hz_p11_work work, void *arg)
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
			rv = work(p, s.h, arg);
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
	return hz_p11_code(rv);
}
