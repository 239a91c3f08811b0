/* SPDX-License-Identifier: Apache-2.0 */
/* Several modules as one backend: the vtable, the login at all of them, the life. */
#include "backend/p11_set.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"

static struct hz_backend *member(struct hz_p11_set *s, int i)
{
	return &s->m[i].p->be;
}

static struct hz_backend *leading(struct hz_backend *be)
{
	struct hz_p11_set *s = hz_p11_set_self(be);

	return member(s, hz_p11_lead(s, 0));
}

/* ---- life ---- */

static void set_free(struct hz_p11_set *s)
{
	hz_p11_entries_free(s);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

static void set_close(struct hz_backend *be)
{
	struct hz_p11_set *s = hz_p11_set_self(be);

	for (unsigned i = 0; i < s->n; i++)
		member(s, (int)i)->ops->close(member(s, (int)i));
	set_free(s);
}

static void set_abandon(struct hz_backend *be)
{
	struct hz_p11_set *s = hz_p11_set_self(be);

	for (unsigned i = 0; i < s->n; i++)
		member(s, (int)i)->ops->abandon(member(s, (int)i));
	set_free(s);
}

/* ---- the token ---- */

static bool set_present(struct hz_backend *be)
{
	struct hz_p11_set *s = hz_p11_set_self(be);

	for (unsigned i = 0; i < s->n; i++)
		if (member(s, (int)i)->ops->present(member(s, (int)i)))
			return true;
	return false;
}

static CK_RV set_token_state(struct hz_backend *be, struct hz_token_state *st)
{
	struct hz_p11_set *s = hz_p11_set_self(be);
	CK_RV rv = CKR_TOKEN_NOT_PRESENT;
	unsigned tried = 0;

	for (int i; (i = hz_p11_lead(s, tried)) >= 0; tried |= 1u << i) {
		rv = hz_p11_token_state(member(s, i), st);
		hz_p11_examined(s, (unsigned)i, rv);
		if (rv == CKR_OK)
			break;
	}
	return rv;
}

static bool set_read_only(struct hz_backend *be)
{
	return hz_p11_read_only(leading(be));
}

static CK_RV set_init_token(struct hz_backend *be, const uint8_t *so_pin, size_t len, const CK_UTF8CHAR label[32])
{
	(void)be, (void)so_pin, (void)len, (void)label;
	return hz_fail(CKR_TOKEN_WRITE_PROTECTED, "several modules stand behind the slot: their tokens are made with their own tools");
}

static CK_RV one_pin_each(void)
{
	return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "several modules stand behind the slot: their PINs are set with their own tools");
}

static CK_RV set_init_pin(struct hz_backend *be, const uint8_t *pin, size_t len)
{
	(void)be, (void)pin, (void)len;
	return one_pin_each();
}

static CK_RV set_set_pin(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *old, size_t old_len, const uint8_t *pin, size_t len)
{
	(void)be, (void)who, (void)old, (void)old_len, (void)pin, (void)len;
	return one_pin_each();
}

/*
 * The first module that answers decides; a PIN that it refuses is shown to no other. One that does not answer is logged in when it comes
 * back, one that refuses what the first has taken is not used until the next login.
 */
static CK_RV user_login(struct hz_p11_set *s, const uint8_t *pin, size_t len)
{
	CK_RV rv = CKR_DEVICE_REMOVED, one;
	bool any = false;

	for (unsigned i = 0; i < s->n; i++) {
		one = hz_p11_login(member(s, (int)i), CKU_USER, pin, len);
		hz_p11_report(s, i, one);
		if (one == CKR_OK) {
			any = true;
		} else if (hz_p11_sickness(one)) {
			hz_p11_login_later(s->m[i].p, pin, len);
			rv = one;
		} else if (!any) {
			return one;
		} else {
			hz_log(HZ_LOG_ERROR, "module.%u does not take the PIN that another one took: %s", s->m[i].number, hz_error_text());
		}
	}
	return any ? CKR_OK : rv;
}

static CK_RV set_login(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *pin, size_t len)
{
	CK_RV rv = who == CKU_USER ? user_login(hz_p11_set_self(be), pin, len) : hz_p11_login(leading(be), who, pin, len);

	if (rv != CKR_OK && who == CKU_USER && hz_p11_sickness(rv))
		be->ops->logout(be); /* no login is to be made later for one that did not take place */
	return rv;
}

static CK_RV set_check_pin(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *pin, size_t len)
{
	return hz_p11_check_pin(leading(be), who, pin, len);
}

static void set_logout(struct hz_backend *be)
{
	struct hz_p11_set *s = hz_p11_set_self(be);

	for (unsigned i = 0; i < s->n; i++)
		hz_p11_logout(member(s, (int)i));
}

static uint64_t set_generation(struct hz_backend *be)
{
	struct hz_p11_set *s = hz_p11_set_self(be);
	uint64_t sum = atomic_load(&s->generation);

	for (unsigned i = 0; i < s->n; i++)
		sum += atomic_load(&s->m[i].p->generation);
	return sum;
}

/* ---- mechanisms: of the first module that has told them; modules with the same keys do the same ---- */

static struct hz_backend *knowing(struct hz_p11_set *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (atomic_load_explicit(&s->m[i].p->mechs_ready, memory_order_acquire))
			return member(s, (int)i);
	for (unsigned tried = 0, k = 0; k < s->n; k++) {
		int i = hz_p11_lead(s, tried);

		tried |= 1u << i;
		if (hz_p11_mech_list(member(s, i), NULL, 0) != 0)
			return member(s, i);
	}
	return member(s, 0);
}

static const struct hz_mech_row *set_mech(struct hz_backend *be, CK_MECHANISM_TYPE type)
{
	return hz_p11_mech(knowing(hz_p11_set_self(be)), type);
}

static size_t set_mech_list(struct hz_backend *be, CK_MECHANISM_TYPE *out, size_t room)
{
	return hz_p11_mech_list(knowing(hz_p11_set_self(be)), out, room);
}

static CK_RV set_op_begin(struct hz_backend *be, enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	return hz_p11_op_begin(knowing(hz_p11_set_self(be)), kind, m, key, op);
}

static CK_RV set_random(struct hz_backend *be, uint8_t *out, size_t n)
{
	return leading(be)->ops->random(leading(be), out, n);
}

static CK_RV set_seed(struct hz_backend *be, const uint8_t *in, size_t n)
{
	return leading(be)->ops->seed(leading(be), in, n);
}

static const struct hz_backend_ops set_ops = {
	.name = "pkcs11",
	.close = set_close,
	.abandon = set_abandon,
	.present = set_present,
	.token_state = set_token_state,
	.read_only = set_read_only,
	.init_token = set_init_token,
	.init_pin = set_init_pin,
	.set_pin = set_set_pin,
	.login = set_login,
	.check_pin = set_check_pin,
	.logout = set_logout,
	.generation = set_generation,
	.find = hz_p11_set_find,
	.load = hz_p11_set_load,
	.insert = hz_p11_set_insert,
	.update = hz_p11_set_update,
	.destroy = hz_p11_set_destroy,
	.hold = hz_p11_set_hold,
	.release = hz_p11_set_release,
	.mech = set_mech,
	.mech_list = set_mech_list,
	.key_open = hz_p11_set_key_open,
	.key_free = hz_p11_key_free,
	.complete = hz_p11_complete,
	.op_begin = set_op_begin,
	.generate = hz_p11_set_generate,
	.generate_pair = hz_p11_set_generate_pair,
	.derive = hz_p11_set_derive,
	.wrap = hz_p11_set_wrap,
	.wrap_len = hz_p11_set_wrap_len,
	.unwrap = hz_p11_set_unwrap,
	.random = set_random,
	.seed = set_seed,
};

/* ---- opening ---- */

static CK_RV open_members(struct hz_p11_set *s, const struct hz_p11_conf *confs, size_t n)
{
	struct hz_backend *be = NULL;
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < n && i < HZ_P11_MODULES && rv == CKR_OK; i++) {
		struct hz_p11_conf conf = confs[i];

		conf.side = s->n != 0 ? s->m[0].p->side : NULL; /* what is kept beside a key holds for it wherever it is */
		rv = hz_p11_open(&conf, &be);
		if (rv == CKR_TOKEN_NOT_PRESENT) {
			hz_log(HZ_LOG_ERROR, "module.%zu stays out: %s", i + 1, hz_error_text());
			rv = CKR_OK;
		} else if (rv == CKR_OK) {
			s->m[s->n].p = hz_p11_self(be);
			s->m[s->n].weight = confs[i].weight;
			s->m[s->n++].number = (unsigned)i + 1;
		}
	}
	if (rv == CKR_OK && s->n == 0)
		rv = hz_fail(CKR_TOKEN_NOT_PRESENT, "none of the %zu modules can be loaded", n);
	return rv;
}

CK_RV hz_p11_set_open(const struct hz_p11_conf *confs, size_t n, unsigned interval, unsigned failures, struct hz_backend **out)
{
	struct hz_p11_set *s = calloc(1, sizeof *s);
	CK_RV rv;

	if (s == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	s->be.ops = &set_ops;
	s->interval = (int64_t)(interval != 0 ? interval : HZ_P11_HEALTH_INTERVAL) * 1000;
	s->failures = failures != 0 ? failures : HZ_P11_HEALTH_FAILURES;
	(void)pthread_mutex_init(&s->lock, NULL);
	rv = open_members(s, confs, n);
	if (rv == CKR_OK)
		*out = &s->be;
	else
		set_close(&s->be);
	return rv;
}
