/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to the device: finding its slot, losing it, finding it again. */
#include <stdio.h>
#include <string.h>

#include "backend/p11_int.h"
#include "backend/p11_load.h"
#include "base/error.h"
#include "base/log.h"
#include "base/secmem.h"
#include "ck/names.h"

#define SLOTS_MAX 1024
#define DRAIN_MS 2000 /* how long ending the module waits for calls inside it */

/* The connection that this thread makes. */
static _Thread_local struct hz_p11 *connecting;

static CK_RV absent(struct hz_p11 *p, const char *why)
{
	return hz_fail(CKR_TOKEN_NOT_PRESENT, "%s: %s", p->module, why);
}

/* Labels are blank-padded; some modules end them with a NUL. */
static bool label_is(const CK_UTF8CHAR label[32], const char *want)
{
	size_t n = strnlen((const char *)label, 32);

	while (n > 0 && label[n - 1] == ' ')
		n--;
	return strlen(want) == n && memcmp(label, want, n) == 0;
}

static bool wanted(const struct hz_p11 *p, CK_SLOT_ID id, const CK_TOKEN_INFO *info)
{
	if (p->by_slot && id != p->slot_wanted)
		return false;
	if ((info->flags & CKF_TOKEN_INITIALIZED) == 0)
		return p->allow_init; /* the label comes with C_InitToken */
	return p->token == NULL || label_is(info->label, p->token);
}

/* The slot that the configuration names, or the only token there is. */
static CK_RV find_slot(struct hz_p11 *p, CK_TOKEN_INFO *found)
{
	CK_SLOT_ID ids[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	bool any = false, any_init = false;
	CK_RV rv = p->f->C_GetSlotList(CK_TRUE, ids, &n);

	if (rv != CKR_OK)
		return rv;
	for (CK_ULONG i = 0; i < n && i < SLOTS_MAX; i++) {
		CK_TOKEN_INFO info;
		bool made;

		memset(&info, 0, sizeof info);
		if (p->f->C_GetTokenInfo(ids[i], &info) != CKR_OK || !wanted(p, ids[i], &info))
			continue;
		made = (info.flags & CKF_TOKEN_INITIALIZED) != 0;
		if (any && made && any_init)
			return absent(p, "several tokens fit; `token` or `slot` must name one");
		if (any && !made)
			continue;
		any = true;
		any_init = made;
		*found = info;
		p->slot = ids[i];
	}
	return any ? CKR_OK : absent(p, "no token as configured is present");
}

static unsigned session_cap(const CK_TOKEN_INFO *info, unsigned cap)
{
	CK_ULONG most = info->ulMaxSessionCount;

	if (most == CK_EFFECTIVELY_INFINITE || most == CK_UNAVAILABLE_INFORMATION || most > cap)
		return cap;
	return most > 1 ? (unsigned)most - 1 : 1; /* the keeper is one */
}

static CK_RV open_keeper(struct hz_p11 *p, const CK_TOKEN_INFO *info)
{
	CK_RV rv;

	p->read_only = (info->flags & CKF_WRITE_PROTECTED) != 0;
	p->protected_path = (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
	p->keeper = CK_INVALID_HANDLE;
	if ((info->flags & CKF_TOKEN_INITIALIZED) == 0)
		return CKR_OK;
	rv = p->f->C_OpenSession(p->slot, CKF_SERIAL_SESSION | (p->read_only ? 0 : CKF_RW_SESSION), NULL, NULL, &p->keeper);
	if (rv == CKR_TOKEN_WRITE_PROTECTED && !p->read_only) {
		p->read_only = true;
		rv = p->f->C_OpenSession(p->slot, CKF_SERIAL_SESSION, NULL, NULL, &p->keeper);
	}
	return rv;
}

/* With the conn lock. The module is started already. */
static CK_RV attach(struct hz_p11 *p)
{
	CK_TOKEN_INFO info;
	CK_RV rv;

	memset(&info, 0, sizeof info);
	rv = find_slot(p, &info);
	if (rv == CKR_OK)
		rv = open_keeper(p, &info);
	if (rv != CKR_OK)
		return rv;
	p->pool.cap = session_cap(&info, p->pool.cap);
	p->ours = false;
	p->so = false;
	(void)atomic_fetch_add(&p->link, 1);
	(void)atomic_fetch_add(&p->era, 1);
	(void)atomic_fetch_add(&p->generation, 1);
	hz_p11_pool_reset(p, atomic_load(&p->link));
	if (p->login_wanted) {
		rv = hz_p11_login_again(p);
		if (rv != CKR_OK)
			hz_log(HZ_LOG_ERROR, "%s: the device is back, its login is not: %s", p->module, hz_error_text());
	}
	atomic_store(&p->up, true);
	return CKR_OK;
}

static CK_RV start(struct hz_p11 *p)
{
	CK_RV rv = hz_p11_start(p->handle, p->init_args);

	if (rv != CKR_OK)
		return hz_fail(CKR_DEVICE_REMOVED, "%s: C_Initialize: %s", p->module, hz_ckr_name(rv));
	p->started = true;
	return CKR_OK;
}

static void stop(struct hz_p11 *p)
{
	if (p->started)
		(void)hz_p11_stop(p->handle);
	p->started = false;
}

/* Close what is idle; sessions at work are closed by who holds them (their link is not the pool's any more: see hz_p11_give). */
static void drop_sessions(struct hz_p11 *p)
{
	CK_SESSION_HANDLE idle[HZ_P11_SESSIONS];
	unsigned n;

	pthread_mutex_lock(&p->pool.lock);
	n = p->pool.n_idle;
	memcpy(idle, p->pool.idle, n * sizeof idle[0]);
	p->pool.n_idle = 0;
	pthread_mutex_unlock(&p->pool.lock);
	for (unsigned i = 0; i < n; i++)
		(void)p->f->C_CloseSession(idle[i]);
	if (p->keeper != CK_INVALID_HANDLE)
		(void)p->f->C_CloseSession(p->keeper);
	p->keeper = CK_INVALID_HANDLE;
}

/* A module must not be finalised under calls of other threads. */
static bool drained(struct hz_p11 *p)
{
	const struct timespec ms = { 0, 1000000 };

	for (int i = 0; i < DRAIN_MS && atomic_load(&p->inside) != 0; i++)
		(void)nanosleep(&ms, NULL);
	return atomic_load(&p->inside) == 0;
}

/* First by new sessions alone; some devices come back only after C_Finalize and C_Initialize. */
static CK_RV connect_again(struct hz_p11 *p, bool ended)
{
	CK_RV rv = CKR_CRYPTOKI_NOT_INITIALIZED;

	atomic_store(&p->up, false);
	drop_sessions(p);
	if (p->started && !ended)
		rv = attach(p);
	if (rv == CKR_OK)
		return rv;
	hz_p11_pool_reset(p, atomic_fetch_add(&p->link, 1) + 1); /* nobody takes a session of the old connection any more */
	if (p->started && !drained(p))
		return hz_fail(CKR_DEVICE_REMOVED, "%s: calls are still inside the module", p->module);
	stop(p);
	rv = start(p);
	if (rv == CKR_OK)
		rv = attach(p);
	return rv;
}

static bool too_soon(const struct timespec *last)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return last->tv_sec != 0 && now.tv_sec - last->tv_sec < 1;
}

static CK_RV refuse_return(const struct hz_p11 *p)
{
	return hz_fail(CKR_TOKEN_NOT_PRESENT, "module = %s leads back to this very slot: a loop", p->module);
}

/* Some modules stand in front of another one (OpenSC's spy, remoting): in front of us they come back here while we connect. */
static CK_RV connect_once(struct hz_p11 *p)
{
	CK_RV rv;

	connecting = p;
	p->looped = false;
	rv = connect_again(p, !p->started);
	connecting = NULL;
	return rv != CKR_OK && p->looped ? refuse_return(p) : rv;
}

bool hz_p11_returns(void)
{
	if (connecting != NULL)
		connecting->looped = true;
	return connecting != NULL;
}

/* Whoever asks next, too soon to try again, is told the same reason. */
static void note_failure(struct hz_p11 *p, CK_RV rv)
{
	const char *reason = rv != CKR_OK ? hz_error_settle(rv) : "";

	if (rv != CKR_OK && reason[0] == '\0')
		snprintf(p->failed_why, sizeof p->failed_why, "%s: the device answers %s", p->module, hz_ckr_name(rv));
	else
		snprintf(p->failed_why, sizeof p->failed_why, "%s", reason);
}

CK_RV hz_p11_ready(struct hz_p11 *p)
{
	CK_RV rv = CKR_OK;

	if (atomic_load_explicit(&p->up, memory_order_acquire))
		return CKR_OK;
	if (connecting == p && hz_p11_returns())
		return refuse_return(p);
	rv = hz_p11_lock(p, &p->conn);
	if (rv != CKR_OK)
		return rv;
	if (!atomic_load(&p->up)) {
		if (too_soon(&p->failed))
			rv = CKR_TOKEN_NOT_PRESENT;
		else
			note_failure(p, rv = connect_once(p));
		(void)clock_gettime(CLOCK_MONOTONIC, &p->failed);
		if (rv == CKR_OK)
			p->failed.tv_sec = 0;
		else if (rv != HZ_P11_BLOCKED)
			rv = hz_fail(CKR_TOKEN_NOT_PRESENT, "%s", p->failed_why);
	}
	pthread_mutex_unlock(&p->conn);
	return rv;
}

/* With the conn lock: does the keeper live, and is the user logged in? */
static CK_RV keeper_state(struct hz_p11 *p, bool *user)
{
	CK_SESSION_INFO info;
	CK_RV rv;

	memset(&info, 0, sizeof info);
	rv = p->f->C_GetSessionInfo(p->keeper, &info);
	*user = rv == CKR_OK && (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
	return rv;
}

static CK_RV mend(struct hz_p11 *p, CK_RV why)
{
	bool user;
	CK_RV rv = keeper_state(p, &user);

	if (why == CKR_CRYPTOKI_NOT_INITIALIZED || rv == CKR_CRYPTOKI_NOT_INITIALIZED)
		return connect_again(p, true);
	if (rv != CKR_OK || why == CKR_DEVICE_REMOVED || why == CKR_TOKEN_NOT_PRESENT)
		return connect_again(p, false);
	if (p->login_wanted && !user)
		return hz_p11_login_again(p);
	return CKR_OK;
}

CK_RV hz_p11_recover(struct hz_p11 *p, unsigned link, CK_RV why)
{
	CK_RV rv = CKR_OK;

	if (why == CKR_USER_NOT_LOGGED_IN && !p->login_wanted)
		return why;
	rv = hz_p11_lock(p, &p->conn);
	if (rv != CKR_OK)
		return rv;
	if (atomic_load(&p->link) == link)
		rv = !atomic_load(&p->up) && too_soon(&p->failed) ? CKR_TOKEN_NOT_PRESENT : mend(p, why);
	pthread_mutex_unlock(&p->conn);
	return rv;
}

void hz_p11_disconnect(struct hz_p11 *p)
{
	if (p->started) {
		drop_sessions(p);
		stop(p);
	}
	atomic_store(&p->up, false);
}

/* Asked twice: one failure may pass, and what follows from two costs the keys of the session. */
static CK_RV ask_info(struct hz_p11 *p, CK_TOKEN_INFO *info)
{
	CK_RV rv = CKR_OK;

	for (int round = 0; round < 2; round++) {
		memset(info, 0, sizeof *info);
		rv = p->f->C_GetTokenInfo(p->slot, info);
		if (rv == CKR_OK || rv == CKR_HOST_MEMORY || hz_p11_lost(rv))
			return rv;
	}
	return hz_fail(CKR_DEVICE_REMOVED, "%s: the device has lost its token: C_GetTokenInfo: %s", p->module, hz_ckr_name(rv));
}

CK_RV hz_p11_there(struct hz_p11 *p)
{
	CK_TOKEN_INFO info;

	return ask_info(p, &info);
}

static CK_RV get_info(struct hz_p11 *p, CK_TOKEN_INFO *info)
{
	unsigned link;
	CK_RV rv = hz_p11_ready(p);

	for (int round = 0; rv == CKR_OK && round < 2; round++) {
		link = atomic_load(&p->link);
		rv = hz_p11_enter(p);
		if (rv != CKR_OK)
			break;
		rv = ask_info(p, info);
		hz_p11_exit(p);
		if (rv == CKR_OK || !hz_p11_lost(rv) || round == 1)
			break;
		rv = hz_p11_recover(p, link, rv);
	}
	return rv == CKR_OK || !hz_p11_lost(rv) ? hz_p11_code(rv) : CKR_TOKEN_NOT_PRESENT;
}

CK_RV hz_p11_token_state(struct hz_backend *be, struct hz_token_state *st)
{
	struct hz_p11 *p = hz_p11_self(be);
	CK_TOKEN_INFO info;
	CK_FLAGS f;
	CK_RV rv;

	memset(st, 0, sizeof *st);
	memset(&info, 0, sizeof info);
	rv = get_info(p, &info);
	if (rv != CKR_OK)
		return rv;
	f = info.flags;
	st->present = true;
	st->initialised = (f & CKF_TOKEN_INITIALIZED) != 0;
	st->user_pin_set = (f & CKF_USER_PIN_INITIALIZED) != 0;
	st->write_protected = (f & CKF_WRITE_PROTECTED) != 0;
	st->keypad = (f & CKF_PROTECTED_AUTHENTICATION_PATH) != 0 && p->pin_source == NULL;
	st->so_pin_count_low = (f & CKF_SO_PIN_COUNT_LOW) != 0;
	st->so_pin_final_try = (f & CKF_SO_PIN_FINAL_TRY) != 0;
	st->so_pin_locked = (f & CKF_SO_PIN_LOCKED) != 0;
	memcpy(st->label, p->label, sizeof st->label);
	if (p->pin_source != NULL) { /* what the caller's PIN is compared with is here */
		st->user_pin_count_low = p->wrong_pins != 0;
		st->user_pin_final_try = p->wrong_pins + 1 == p->max_tries;
		st->user_pin_locked = p->wrong_pins >= p->max_tries;
		return CKR_OK;
	}
	st->user_pin_count_low = (f & CKF_USER_PIN_COUNT_LOW) != 0;
	st->user_pin_final_try = (f & CKF_USER_PIN_FINAL_TRY) != 0;
	st->user_pin_locked = (f & CKF_USER_PIN_LOCKED) != 0;
	return CKR_OK;
}

bool hz_p11_read_only(struct hz_backend *be)
{
	struct hz_p11 *p = hz_p11_self(be);

	return atomic_load(&p->up) && p->read_only;
}

/* The device keeps the label that the configuration looks for; our token keeps its own. */
static CK_RV init_device(struct hz_p11 *p, const uint8_t *so_pin, size_t len, const CK_UTF8CHAR label[32])
{
	CK_UTF8CHAR own[32], pin[256];
	CK_RV rv;

	memcpy(own, label, sizeof own);
	if (p->token != NULL) {
		memset(own, ' ', sizeof own);
		memcpy(own, p->token, strnlen(p->token, sizeof own));
	}
	if (len > sizeof pin)
		return hz_fail(CKR_PIN_LEN_RANGE, "SO PIN of %zu bytes", len);
	drop_sessions(p);
	memcpy(pin, so_pin, len);
	rv = p->f->C_InitToken(p->slot, pin, len, own);
	hz_wipe(pin, sizeof pin);
	atomic_store(&p->up, false);
	p->login_wanted = false;
	return rv;
}

CK_RV hz_p11_init_token(struct hz_backend *be, const uint8_t *so_pin, size_t len, const CK_UTF8CHAR label[32])
{
	struct hz_p11 *p = hz_p11_self(be);
	CK_RV rv;

	if (!p->allow_init)
		return hz_fail(CKR_TOKEN_WRITE_PROTECTED, "the device's token is made anew only with allow_init = yes");
	rv = hz_p11_ready(p);
	if (rv == CKR_OK)
		rv = hz_p11_lock(p, &p->conn);
	if (rv != CKR_OK)
		return hz_p11_code(rv);
	rv = init_device(p, so_pin, len, label);
	pthread_mutex_unlock(&p->conn);
	return rv == CKR_OK ? rv : hz_p11_code(rv);
}
