/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sessions: places in memory that is never given back, found by index and checked by handle. */
#include "token/session.h"

#include <sched.h>
#include <stdlib.h>

#include "base/error.h"
#include "token/attestation.h"
#include "token/gate.h"
#include "token/login.h"
#include "token/module.h"
#include "token/object.h"
#include "token/op.h"

/*
 * A handle is turn << INDEX_BITS | index, turn counting from 1 how often the place was given out: no handle is given twice. A
 * place whose turns are used up (possible with 32-bit handles only) is not given out again.
 */
#define INDEX_BITS (sizeof(CK_SESSION_HANDLE) >= 8 ? 20u : 14u)
#define MAX_PLACES ((CK_ULONG)1 << INDEX_BITS)
#define MAX_TURN (((CK_ULONG)-1) >> INDEX_BITS)
#define CHUNK 64u

struct place {
	struct hz_session s; /* first: a session is its place */
	CK_ULONG index, turn;
	struct place *next_free;
};

static struct {
	pthread_mutex_t lock; /* the free list and growth; a leaf */
	_Atomic(struct place *) chunks[((size_t)1 << 20) / CHUNK];
	CK_ULONG places;
	struct place *free;
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct place *place_at(CK_ULONG index)
{
	struct place *chunk = atomic_load_explicit(&table.chunks[index / CHUNK], memory_order_acquire);

	return chunk != NULL ? &chunk[index % CHUNK] : NULL;
}

/* One more chunk on the free list, lowest index first; with the table's lock. */
static bool grow(void)
{
	CK_ULONG first = table.places;
	struct place *chunk = first < MAX_PLACES ? calloc(CHUNK, sizeof *chunk) : NULL;

	if (chunk == NULL)
		return false;
	for (CK_ULONG i = CHUNK; i > 0; i--) {
		struct place *p = &chunk[i - 1];

		p->index = first + i - 1;
		p->next_free = table.free;
		table.free = p;
	}
	atomic_store_explicit(&table.chunks[first / CHUNK], chunk, memory_order_release);
	table.places = first + CHUNK;
	return true;
}

static CK_RV take_place(struct place **out)
{
	struct place *p = NULL;
	bool full;

	pthread_mutex_lock(&table.lock);
	full = table.places >= MAX_PLACES;
	if (table.free != NULL || grow()) {
		p = table.free;
		table.free = p->next_free;
		p->turn++;
	}
	pthread_mutex_unlock(&table.lock);
	*out = p;
	if (p != NULL)
		return CKR_OK;
	return full ? hz_fail(CKR_SESSION_COUNT, "%lu sessions are open", MAX_PLACES) : hz_fail(CKR_HOST_MEMORY, "no memory for sessions");
}

static void put_place(struct place *p)
{
	pthread_mutex_lock(&table.lock);
	if (p->turn < MAX_TURN) {
		p->next_free = table.free;
		table.free = p;
	}
	pthread_mutex_unlock(&table.lock);
}

static CK_RV no_session(CK_SESSION_HANDLE h)
{
	if (!hz_module_ready())
		return hz_fail(CKR_CRYPTOKI_NOT_INITIALIZED, "C_Initialize was not called in this process");
	return hz_fail(CKR_SESSION_HANDLE_INVALID, "no session has the handle %#lx", h);
}

CK_RV hz_session_enter(CK_SESSION_HANDLE h, struct hz_session **out)
{
	struct place *p;

	/* Before any lock: in a forked child a thread that does not exist there may hold it. A turn of 0 was never given out. */
	if (!hz_module_ready() || h < MAX_PLACES)
		return no_session(h);
	p = place_at(h & (MAX_PLACES - 1));
	if (p == NULL)
		return no_session(h);
	hz_lock(&p->s.lock);
	if (p->s.handle != h) {
		hz_unlock(&p->s.lock);
		return no_session(h);
	}
	hz_gate_watch(p->s.token);
	*out = &p->s;
	return CKR_OK;
}

static void sweep(struct hz_session *s)
{
	uint64_t epoch = atomic_load_explicit(&s->token->epoch, memory_order_acquire);

	if (epoch != s->swept) {
		s->swept = epoch;
		hz_ops_sweep(s);
	}
}

CK_RV hz_session_leave(struct hz_session *s, CK_RV rv)
{
	sweep(s);
	hz_unlock(&s->lock);
	return rv;
}

/* Count a session in, unless the SO's login forbids it (3.2 section 5.6.1). C_InitToken, which wants no sessions, is waited for. */
static CK_RV count_in(struct hz_token *t, bool rw)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&t->lock);
	while (t->initialising) {
		pthread_mutex_unlock(&t->lock);
		pthread_mutex_lock(&t->login_lock);
		pthread_mutex_unlock(&t->login_lock);
		pthread_mutex_lock(&t->lock);
	}
	if (!rw && atomic_load(&t->login) == HZ_SO) {
		rv = hz_fail(CKR_SESSION_READ_WRITE_SO_EXISTS, "the SO is logged in: sessions must be read/write");
	} else {
		t->sessions++;
		t->rw_sessions += rw;
	}
	pthread_mutex_unlock(&t->lock);
	return rv;
}

/* True when that was the last one of a token with a login. */
static bool decrement(struct hz_token *t, bool rw)
{
	t->sessions--;
	t->rw_sessions -= rw;
	return t->sessions == 0 && atomic_load(&t->login) != HZ_PUBLIC;
}

/*
 * Count a session out; the last one logs out (3.2 section 5.6.2). Only then the login lock is needed: a login in progress belongs to
 * a session that is counted, so nobody logs in between the count and the logout.
 */
static void count_out(struct hz_token *t, bool rw)
{
	bool simple;

	pthread_mutex_lock(&t->lock);
	simple = t->sessions > 1 || atomic_load(&t->login) == HZ_PUBLIC;
	if (simple)
		(void)decrement(t, rw);
	pthread_mutex_unlock(&t->lock);
	if (simple)
		return;
	pthread_mutex_lock(&t->login_lock);
	pthread_mutex_lock(&t->lock);
	simple = !decrement(t, rw);
	pthread_mutex_unlock(&t->lock);
	if (!simple)
		hz_login_end(t);
	pthread_mutex_unlock(&t->login_lock);
}

CK_RV hz_session_open(struct hz_token *t, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify, CK_SESSION_HANDLE *out)
{
	bool rw = (flags & CKF_RW_SESSION) != 0;
	struct place *p;
	CK_RV rv;

	if ((flags & CKF_SERIAL_SESSION) == 0)
		return hz_fail(CKR_SESSION_PARALLEL_NOT_SUPPORTED, "CKF_SERIAL_SESSION is not set");
	if ((flags & CKF_ASYNC_SESSION) != 0)
		return hz_fail(CKR_SESSION_ASYNC_NOT_SUPPORTED, "no asynchronous sessions here");
	if ((flags & ~(CKF_SERIAL_SESSION | CKF_RW_SESSION)) != 0)
		return hz_fail(CKR_ARGUMENTS_BAD, "unknown session flags %#lx", flags);
	if (rw && t->be->ops->read_only != NULL && t->be->ops->read_only(t->be))
		return hz_fail(CKR_TOKEN_WRITE_PROTECTED, "the device's token is write-protected");
	rv = take_place(&p);
	if (rv != CKR_OK)
		return rv;
	rv = count_in(t, rw);
	if (rv != CKR_OK) {
		put_place(p);
		return rv;
	}
	hz_lock(&p->s.lock);
	p->s.token = t;
	p->s.flags = flags;
	p->s.application = app;
	p->s.notify = notify;
	p->s.swept = atomic_load(&t->epoch);
	p->s.handle = p->turn << INDEX_BITS | p->index;
	*out = p->s.handle;
	hz_unlock(&p->s.lock);
	return CKR_OK;
}

/* `all`: the token's other sessions are closed, too. */
static void close_session(struct hz_session *s, bool all)
{
	struct hz_token *t = s->token;
	CK_SESSION_HANDLE h = s->handle;

	hz_ops_free(s);
	hz_gate_forget(s);
	hz_attestation_forget(s);
	free(s->find.handles);
	s->find = (struct hz_find){ 0 };
	if (hz_objects_end_session(t, h) && !all)
		hz_session_forget_key(s, 0, h);
	s->handle = 0;
	s->token = NULL;
	count_out(t, hz_session_rw(s));
	hz_unlock(&s->lock); /* not before: C_Finalize, which ends the token, waits for it */
	put_place((struct place *)s);
}

void hz_session_close(struct hz_session *s)
{
	close_session(s, false);
}

void hz_session_close_all(struct hz_token *t)
{
	CK_ULONG n;

	pthread_mutex_lock(&table.lock);
	n = table.places;
	pthread_mutex_unlock(&table.lock);
	for (CK_ULONG i = 0; i < n; i++) {
		struct place *p = place_at(i);

		hz_lock(&p->s.lock);
		if (p->s.handle != 0 && (t == NULL || p->s.token == t))
			close_session(&p->s, true);
		else
			hz_unlock(&p->s.lock);
	}
}

void hz_session_sweep_idle(const struct hz_token *t)
{
	struct place *p;

	for (CK_ULONG i = 0; i < MAX_PLACES && (p = place_at(i)) != NULL; i++) {
		if (!hz_lock_try(&p->s.lock))
			continue;
		if (p->s.handle != 0 && p->s.token == t)
			sweep(&p->s);
		hz_unlock(&p->s.lock);
	}
}

/*
 * A session that is just being left may have compared the epoch a moment too early and still be locked: it is given some moments.
 * Nobody waits for it, because two such calls would wait for each other.
 */
static bool try_some(struct hz_lock *l)
{
	for (int i = 0; i < 20; i++) {
		if (hz_lock_try(l))
			return true;
		(void)sched_yield();
	}
	return false;
}

void hz_session_forget_key(const struct hz_session *own, CK_OBJECT_HANDLE key, CK_SESSION_HANDLE owner)
{
	struct place *p;

	for (CK_ULONG i = 0; i < MAX_PLACES && (p = place_at(i)) != NULL; i++) {
		if (&p->s == own || !try_some(&p->s.lock))
			continue;
		if (p->s.handle != 0 && p->s.token == own->token)
			hz_ops_forget(&p->s, key, owner);
		hz_unlock(&p->s.lock);
	}
}

CK_STATE hz_session_state(const struct hz_session *s)
{
	switch (atomic_load(&s->token->login)) {
	case HZ_SO:
		return CKS_RW_SO_FUNCTIONS;
	case HZ_USER:
		return hz_session_rw(s) ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
	default:
		return hz_session_rw(s) ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
	}
}

void hz_session_info(const struct hz_session *s, CK_SESSION_INFO *info)
{
	info->slotID = s->token->slot_id;
	info->state = hz_session_state(s);
	info->flags = s->flags;
	info->ulDeviceError = 0;
}

/*
 * What the sessions held belongs to threads that do not exist here and may be half changed: it is leaked, once a fork. Turns go on,
 * so that a handle of the parent stays void.
 */
static void void_place(struct place *p)
{
	CK_ULONG index = p->index, turn = p->turn;

	*p = (struct place){ .index = index, .turn = turn };
}

void hz_session_after_fork(void)
{
	(void)pthread_mutex_init(&table.lock, NULL);
	table.free = NULL;
	table.places = 0;
	while (table.places < MAX_PLACES && place_at(table.places) != NULL)
		table.places += CHUNK;
	for (CK_ULONG i = table.places; i > 0; i--) {
		struct place *p = place_at(i - 1);

		void_place(p);
		if (p->turn < MAX_TURN) {
			p->next_free = table.free;
			table.free = p;
		}
	}
}
