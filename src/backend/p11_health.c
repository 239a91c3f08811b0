/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several modules is asked: who is healthy, who is due to be looked at, whose turn it is. */
#include "backend/p11_set.h"
#include "backend/served.h"
#include "base/clock.h"
#include "base/log.h"
#include "ck/names.h"

_Thread_local unsigned hz_served;

bool hz_p11_sickness(CK_RV rv)
{
	switch (rv) {
	case HZ_P11_UNCERTAIN:
	case HZ_P11_BLOCKED:
	case CKR_DEVICE_ERROR:
	case CKR_DEVICE_MEMORY:
	case CKR_GENERAL_ERROR:
	case CKR_FUNCTION_FAILED:
	case CKR_TOKEN_RESOURCE_EXCEEDED:
	case CKR_SESSION_COUNT:
		return true;
	default:
		return hz_p11_lost(rv);
	}
}

static void recovered(struct hz_p11_set *s, struct hz_p11_member *m, int64_t now)
{
	bool sick = true;

	if (atomic_load_explicit(&m->fails, memory_order_relaxed) != 0)
		atomic_store(&m->fails, 0);
	if (now - atomic_load_explicit(&m->looked, memory_order_relaxed) > s->interval / 2)
		atomic_store(&m->looked, now);
	if (atomic_load_explicit(&m->sick, memory_order_relaxed) && atomic_compare_exchange_strong(&m->sick, &sick, false)) {
		hz_log(HZ_LOG_WARNING, "module.%u (%s) is healthy again", m->number, m->p->module);
		(void)atomic_fetch_add(&s->generation, 1);
	}
}

static void failed(struct hz_p11_set *s, struct hz_p11_member *m, int64_t now, CK_RV rv)
{
	bool sick = false;

	if (atomic_fetch_add(&m->fails, 1) + 1 < s->failures)
		return;
	if (atomic_compare_exchange_strong(&m->sick, &sick, true)) {
		atomic_store(&m->looked, now);
		hz_log(HZ_LOG_WARNING, "module.%u (%s) failed %u times in a row, last with %s: not used until it is healthy again", m->number,
		       m->p->module, s->failures, hz_ckr_name(hz_p11_code(rv)));
		(void)atomic_fetch_add(&s->generation, 1);
	}
}

void hz_p11_report(struct hz_p11_set *s, unsigned i, CK_RV rv)
{
	struct hz_p11_member *m = &s->m[i];
	int64_t now = (int64_t)hz_clock_ms(CLOCK_MONOTONIC_COARSE);

	hz_served = m->number;
	if (hz_p11_sickness(rv))
		failed(s, m, now, rv);
	else if (!atomic_load(&m->sick) && !atomic_load(&m->doubted) && atomic_load(&m->p->up))
		recovered(s, m, now);
}

void hz_p11_examined(struct hz_p11_set *s, unsigned i, CK_RV rv)
{
	struct hz_p11_member *m = &s->m[i];

	atomic_store(&m->doubted, rv != CKR_OK);
	if (rv == CKR_OK)
		recovered(s, m, (int64_t)hz_clock_ms(CLOCK_MONOTONIC_COARSE));
	hz_p11_report(s, i, rv);
}

/* One caller asks, the others go on. */
static void look_after(struct hz_p11_set *s)
{
	int64_t now = (int64_t)hz_clock_ms(CLOCK_MONOTONIC_COARSE);

	for (unsigned i = 0; i < s->n; i++) {
		struct hz_p11_member *m = &s->m[i];
		int64_t looked = atomic_load_explicit(&m->looked, memory_order_relaxed);
		struct hz_token_state st;

		if (now - looked > s->interval && atomic_compare_exchange_strong(&m->looked, &looked, now))
			hz_p11_examined(s, i, hz_p11_token_state(&m->p->be, &st));
	}
}

static bool free_of(unsigned tried, unsigned i)
{
	return (tried & 1u << i) == 0;
}

static int first(const struct hz_p11_set *s, unsigned tried)
{
	for (unsigned i = 0; i < s->n; i++)
		if (free_of(tried, i) && !atomic_load(&s->m[i].sick))
			return (int)i;
	for (unsigned i = 0; i < s->n; i++)
		if (free_of(tried, i))
			return (int)i;
	return -1;
}

int hz_p11_lead(struct hz_p11_set *s, unsigned tried)
{
	look_after(s);
	return first(s, tried);
}

int hz_p11_pick(struct hz_p11_set *s, unsigned tried)
{
	unsigned total = 0, turn;

	look_after(s);
	for (unsigned i = 0; i < s->n; i++)
		if (free_of(tried, i) && !atomic_load(&s->m[i].sick))
			total += s->m[i].weight;
	if (total == 0)
		return first(s, tried);
	turn = atomic_fetch_add(&s->turn, 1) % total;
	for (unsigned i = 0; i < s->n; i++) {
		if (!free_of(tried, i) || atomic_load(&s->m[i].sick))
			continue;
		if (turn < s->m[i].weight)
			return (int)i;
		turn -= s->m[i].weight;
	}
	return first(s, tried); /* the healthy ones have changed meanwhile */
}
