/* SPDX-License-Identifier: Apache-2.0 */
/* Login, logout and PINs: who may, in which state, and what the backend is asked. */
#include "token/login.h"

#include <string.h>

#include "base/error.h"
#include "base/secmem.h"
#include "collect/collect.h"
#include "gov/audit.h"
#include "token/gate.h"
#include "token/note.h"
#include "token/object.h"
#include "token/op.h"
#include "token/session.h"

/* A caller's PIN, read once. */
struct pin {
	uint8_t *p; /* secret memory */
	size_t len;
};

static CK_RV pin_take(struct pin *out, const CK_UTF8CHAR *pin, CK_ULONG len)
{
	out->p = NULL;
	out->len = len;
	if (pin == NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "PIN is NULL and this slot knows no other way to log in");
	if (len > (len != 0 && pin[0] == '{' ? HZ_BUNDLE_MAX : HZ_PIN_MAX))
		return hz_fail(CKR_PIN_LEN_RANGE, "a PIN has at most %u bytes, a bundle %zu", HZ_PIN_MAX, HZ_BUNDLE_MAX);
	out->p = hz_secmem_dup(pin, len);
	return out->p != NULL ? CKR_OK : hz_fail(CKR_HOST_MEMORY, "no secret memory for a PIN");
}

/* Is the PIN entered at the device when the caller gives none (CKF_PROTECTED_AUTHENTICATION_PATH)? */
static bool has_keypad(const struct hz_token *t)
{
	struct hz_token_state st = { 0 };

	return t->be != NULL && t->be->ops->token_state(t->be, &st) == CKR_OK && st.keypad;
}

static void pin_drop(struct pin *pin)
{
	hz_secmem_free(pin->p);
	pin->p = NULL;
}

/* May this PIN be set? */
static CK_RV new_pin_take(struct pin *out, const CK_UTF8CHAR *pin, CK_ULONG len, bool user)
{
	CK_RV rv = pin_take(out, pin, len);

	if (rv != CKR_OK)
		return rv;
	if (len == 0)
		return hz_fail(CKR_PIN_LEN_RANGE, "a PIN has at least one byte");
	if (user && hz_gate_is_credential(out->p, len))
		return hz_fail(CKR_PIN_INVALID, "a PIN may not begin like another credential");
	return CKR_OK;
}

static void set_login(struct hz_token *t, enum hz_login login)
{
	atomic_store(&t->login, (int)login);
	atomic_fetch_add(&t->epoch, 1);
}

void hz_login_end(struct hz_token *t)
{
	pthread_mutex_lock(&t->lock);
	atomic_fetch_add(&t->login_epoch, 1);
	set_login(t, HZ_PUBLIC);
	pthread_mutex_unlock(&t->lock);
	hz_gate_end(t);
	hz_objects_logout(t);
	hz_session_sweep_idle(t);
	if (t->be->ops->logout != NULL)
		t->be->ops->logout(t->be);
}

/* The rules of C_Login that need no PIN (3.2 section 5.6.8); asked before and, because sessions may open meanwhile, after the backend. */
static CK_RV may_login(struct hz_token *t, CK_USER_TYPE who)
{
	enum hz_login now;
	bool ro;

	pthread_mutex_lock(&t->lock);
	now = (enum hz_login)atomic_load(&t->login);
	ro = t->sessions != t->rw_sessions;
	pthread_mutex_unlock(&t->lock);
	if (now == (who == CKU_SO ? HZ_SO : HZ_USER))
		return hz_fail(CKR_USER_ALREADY_LOGGED_IN, "already logged in");
	if (now != HZ_PUBLIC)
		return hz_fail(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, "the %s is logged in", now == HZ_SO ? "SO" : "user");
	if (who == CKU_SO && ro)
		return hz_fail(CKR_SESSION_READ_ONLY_EXISTS, "a read-only session is open: the SO cannot log in");
	return CKR_OK;
}

/* The login took place in the backend: publish it, unless a read-only session was opened meanwhile and it is the SO's. */
static CK_RV publish_login(struct hz_token *t, CK_USER_TYPE who)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&t->lock);
	if (who == CKU_SO && t->sessions != t->rw_sessions)
		rv = hz_fail(CKR_SESSION_READ_ONLY_EXISTS, "a read-only session was opened while the SO logged in");
	else
		set_login(t, who == CKU_SO ? HZ_SO : HZ_USER);
	pthread_mutex_unlock(&t->lock);
	if (rv != CKR_OK && t->be->ops->logout != NULL)
		t->be->ops->logout(t->be);
	return rv;
}

/* The tenant is the credential's; a name that the caller gives may only repeat it. */
static CK_RV check_name(const char *tenant, const CK_UTF8CHAR *name, CK_ULONG len)
{
	if (len == 0 || (len == strlen(tenant) && memcmp(name, tenant, len) == 0))
		return CKR_OK;
	return hz_fail(CKR_PIN_INCORRECT, "the user name is not that of the login's tenant");
}

/* With the login lock. `proof` is the user's, NULL for the SO. */
static CK_RV log_in(struct hz_token *t, CK_USER_TYPE who, const struct pin *pin, const struct hz_proof *proof)
{
	CK_RV rv = may_login(t, who);

	if (rv != CKR_OK)
		return rv;
	rv = proof == NULL ? t->be->ops->login(t->be, who, pin->p, pin->len)
			   : t->be->ops->login(t->be, who, proof->pin, proof->pin_len);
	if (rv != CKR_OK)
		return rv;
	rv = hz_gate_begin(t, proof); /* first: nobody may use a login before its end and its tenant are known */
	if (rv == CKR_OK)
		rv = publish_login(t, who);
	else if (t->be->ops->logout != NULL)
		t->be->ops->logout(t->be);
	if (rv != CKR_OK)
		hz_gate_end(t);
	return rv;
}

/* Evidence first, with no lock that others need, and before a PIN is tried: what it lacks counts no PIN. */
static CK_RV log_in_user(struct hz_session *s, const struct pin *pin, bool given, const CK_UTF8CHAR *name, CK_ULONG name_len)
{
	struct hz_token *t = s->token;
	struct hz_proof proof = { .pin = NULL };
	CK_RV rv = may_login(t, CKU_USER);

	if (rv == CKR_OK)
		rv = hz_gate_prove(s, pin->p, pin->len, given, &proof);
	if (rv == CKR_OK)
		rv = check_name(proof.accepted.tenant, name, name_len);
	if (rv == CKR_OK) {
		pthread_mutex_lock(&t->login_lock);
		rv = log_in(t, CKU_USER, pin, &proof);
		pthread_mutex_unlock(&t->login_lock);
	}
	hz_proof_clear(&proof);
	return rv;
}

static CK_RV log_in_so(struct hz_token *t, const struct pin *pin, CK_ULONG name_len)
{
	CK_RV rv;

	if (name_len != 0)
		return hz_fail(CKR_PIN_INCORRECT, "the SO belongs to no tenant: no user name fits");
	pthread_mutex_lock(&t->login_lock);
	rv = log_in(t, CKU_SO, pin, NULL);
	pthread_mutex_unlock(&t->login_lock);
	return rv;
}

/* CKU_CONTEXT_SPECIFIC: for operations with a key of CKA_ALWAYS_AUTHENTICATE, one use each (3.2 section 5.6.8). */
static CK_RV reauthenticate(struct hz_session *s, const struct pin *pin, bool given, const CK_UTF8CHAR *name, CK_ULONG name_len)
{
	struct hz_backend *be = s->token->be;
	struct hz_proof proof;
	CK_RV rv;

	if (!hz_op_awaits_login(s))
		return hz_fail(CKR_OPERATION_NOT_INITIALIZED, "no operation of the session waits for a login");
	if (atomic_load(&s->token->login) != HZ_USER)
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "the user is not logged in");
	rv = hz_gate_prove(s, pin->p, pin->len, given, &proof);
	if (rv == CKR_OK && !hz_gate_same_tenant(s->token, &proof.accepted))
		rv = hz_fail(CKR_PIN_INCORRECT, "the evidence belongs to another tenant than the login");
	if (rv == CKR_OK)
		rv = check_name(proof.accepted.tenant, name, name_len);
	if (rv == CKR_OK && proof.pin != NULL)
		rv = be->ops->check_pin(be, CKU_USER, proof.pin, proof.pin_len);
	hz_proof_clear(&proof);
	return rv == CKR_OK ? hz_op_reauthenticate(s) : rv;
}

static CK_RV attempt(struct hz_session *s, CK_USER_TYPE who, const CK_UTF8CHAR *pin, CK_ULONG pin_len, const CK_UTF8CHAR *name,
		     CK_ULONG name_len)
{
	struct hz_token *t = s->token;
	struct pin p = { NULL, 0 };
	CK_RV rv = hz_note_change(s);

	hz_note_user(s, who);
	if (rv != CKR_OK)
		return rv;
	if (who != CKU_SO && who != CKU_USER && who != CKU_CONTEXT_SPECIFIC)
		return hz_fail(CKR_USER_TYPE_INVALID, "user type %lu", who);
	if ((pin == NULL && pin_len != 0) || (name == NULL && name_len != 0))
		return hz_fail(CKR_ARGUMENTS_BAD, "NULL with a length");
	if (t->born_initialised)
		return hz_fail(CKR_USER_PIN_NOT_INITIALIZED, "tier 0 has no PIN and needs none");
	if (pin != NULL || who == CKU_SO || (t->evidence == NULL && !has_keypad(t)))
		rv = pin_take(&p, pin, pin_len);
	if (rv == CKR_OK && who == CKU_CONTEXT_SPECIFIC)
		rv = reauthenticate(s, &p, pin != NULL, name, name_len);
	else if (rv == CKR_OK && who == CKU_USER)
		rv = log_in_user(s, &p, pin != NULL, name, name_len);
	else if (rv == CKR_OK)
		rv = log_in_so(t, &p, name_len);
	pin_drop(&p);
	if (rv == CKR_OK && t->audit != NULL)
		hz_audit_check(t->audit);
	return rv;
}

CK_RV hz_login(struct hz_session *s, CK_USER_TYPE who, const CK_UTF8CHAR *pin, CK_ULONG pin_len, const CK_UTF8CHAR *name,
	       CK_ULONG name_len)
{
	CK_RV rv = attempt(s, who, pin, pin_len, name, name_len);

	hz_gate_forget(s); /* challenge and bundle were for one attempt, also where it failed before anybody looked at them */
	return rv;
}

CK_RV hz_logout(struct hz_session *s)
{
	struct hz_token *t = s->token;
	CK_RV rv = CKR_OK;

	(void)hz_note_change(s); /* with or without a record: what ends a login is never refused */
	if (t->audit != NULL && atomic_load(&t->login) != HZ_PUBLIC)
		hz_audit_keep(t->audit);
	pthread_mutex_lock(&t->login_lock);
	if (atomic_load(&t->login) == HZ_PUBLIC)
		rv = hz_fail(CKR_USER_NOT_LOGGED_IN, "nobody is logged in");
	else
		hz_login_end(t);
	pthread_mutex_unlock(&t->login_lock);
	return rv;
}

CK_RV hz_init_pin(struct hz_session *s, const CK_UTF8CHAR *pin, CK_ULONG len)
{
	struct hz_token *t = s->token;
	struct pin p = { NULL, 0 };
	CK_RV rv = CKR_OK;

	if (!t->takes_pin || t->be->ops->init_pin == NULL)
		return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "this slot has no PIN to set");
	rv = hz_note_change(s);
	if (rv != CKR_OK)
		return rv;
	if (atomic_load(&t->login) != HZ_SO)
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "only the SO sets the user's first PIN");
	if (pin != NULL || len != 0 || !has_keypad(t))
		rv = new_pin_take(&p, pin, len, true);
	pthread_mutex_lock(&t->login_lock);
	if (rv == CKR_OK && atomic_load(&t->login) != HZ_SO)
		rv = hz_fail(CKR_USER_NOT_LOGGED_IN, "the SO has logged out");
	if (rv == CKR_OK)
		rv = t->be->ops->init_pin(t->be, p.p, p.len);
	pthread_mutex_unlock(&t->login_lock);
	pin_drop(&p);
	return rv;
}

/* With the login lock: `proof` is what the old PIN came with where it is worth nothing alone. */
static CK_RV change_pin(struct hz_token *t, const struct pin *was, const struct hz_proof *proof, bool gated, const CK_UTF8CHAR *pin,
			CK_ULONG len)
{
	enum hz_login now = (enum hz_login)atomic_load(&t->login);
	CK_USER_TYPE who = now == HZ_SO ? CKU_SO : CKU_USER;
	struct pin new = { NULL, 0 }, old = *was;
	CK_RV rv = CKR_OK;

	if (gated && now == HZ_PUBLIC) {
		if (!proof->evidence)
			return hz_fail(CKR_PIN_INCORRECT, "the user has logged out meanwhile");
		if (proof->pin == NULL)
			return hz_fail(CKR_PIN_INCORRECT, "evidence and no old PIN");
		old = (struct pin){ (uint8_t *)(uintptr_t)proof->pin, proof->pin_len };
	}
	if (old.p != NULL) /* else both are entered at the device */
		rv = new_pin_take(&new, pin, len, who == CKU_USER);
	if (rv == CKR_OK)
		rv = t->be->ops->set_pin(t->be, who, old.p, old.len, new.p, new.len);
	pin_drop(&new);
	return rv;
}

/*
 * 3.2 section 5.5.9: the PIN of the one who is logged in, the user's in a public session. Where a PIN opens nothing without evidence it
 * is not tried without either: before login the old PIN is given as it is given to C_Login, and judged as there.
 */
CK_RV hz_set_pin(struct hz_session *s, const CK_UTF8CHAR *old, CK_ULONG old_len, const CK_UTF8CHAR *pin, CK_ULONG len)
{
	struct hz_token *t = s->token;
	struct pin was = { NULL, 0 };
	struct hz_proof proof = { .pin = NULL };
	CK_RV rv = CKR_OK;
	bool keypad = old == NULL && old_len == 0 && pin == NULL && len == 0 && has_keypad(t);
	bool gated = t->evidence != NULL && !hz_gate_pin_alone(t);

	if (!t->takes_pin || t->be->ops->set_pin == NULL)
		return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "this slot has no PIN to set");
	rv = hz_note_change(s);
	if (rv != CKR_OK)
		return rv;
	if (!hz_session_rw(s))
		return hz_fail(CKR_SESSION_READ_ONLY, "a read-only session changes no PIN");
	if (!keypad)
		rv = pin_take(&was, old, old_len);
	if (rv == CKR_OK && gated && atomic_load(&t->login) == HZ_PUBLIC)
		rv = hz_gate_prove(s, was.p, was.len, !keypad, &proof);
	pthread_mutex_lock(&t->login_lock);
	if (rv == CKR_OK)
		rv = change_pin(t, &was, &proof, gated, pin, len);
	pthread_mutex_unlock(&t->login_lock);
	hz_proof_clear(&proof);
	pin_drop(&was);
	return rv;
}

/* Labels come blank-padded; from callers who end them with a NUL all the same, what follows it is not part of the name. */
static void label_take(CK_UTF8CHAR out[32], const CK_UTF8CHAR *label)
{
	const CK_UTF8CHAR *end;

	memcpy(out, label, 32);
	end = memchr(out, '\0', 32);
	if (end != NULL)
		memset(out + (end - out), ' ', (size_t)(out + 32 - end));
}

/* No session may be open (3.2 section 5.5.7), and none opens while the token is made anew. */
static CK_RV block_sessions(struct hz_token *t)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&t->lock);
	if (t->sessions != 0)
		rv = hz_fail(CKR_SESSION_EXISTS, "%u sessions are open on the token", t->sessions);
	else
		t->initialising = true;
	pthread_mutex_unlock(&t->lock);
	return rv;
}

static void admit_sessions(struct hz_token *t)
{
	pthread_mutex_lock(&t->lock);
	t->initialising = false;
	atomic_fetch_add(&t->epoch, 1);
	pthread_mutex_unlock(&t->lock);
}

static CK_RV make_token(struct hz_token *t, const struct pin *pin, const CK_UTF8CHAR label[32])
{
	CK_RV rv = block_sessions(t);

	if (rv != CKR_OK)
		return rv;
	rv = t->be->ops->init_token(t->be, pin->p, pin->len, label);
	if (rv == CKR_OK)
		hz_objects_clear(t);
	admit_sessions(t);
	return rv;
}

CK_RV hz_init_token(struct hz_token *t, const CK_UTF8CHAR *so_pin, CK_ULONG len, const CK_UTF8CHAR *label)
{
	CK_UTF8CHAR own[32];
	struct pin p = { NULL, 0 };
	CK_RV rv = CKR_OK;

	if (t->be == NULL)
		return hz_fail(CKR_TOKEN_NOT_PRESENT, "%s", t->absent_why);
	if (t->be->ops->init_token == NULL)
		return hz_fail(CKR_TOKEN_WRITE_PROTECTED, "the token cannot be made anew from here");
	if (label == NULL || (so_pin == NULL && len != 0))
		return hz_fail(CKR_ARGUMENTS_BAD, "label or PIN is NULL");
	label_take(own, label);
	if (t->audit != NULL)
		rv = hz_audit_ready(t->audit);
	if (rv == CKR_OK && !t->born_initialised)
		rv = new_pin_take(&p, so_pin, len, false);
	if (rv == CKR_OK) {
		pthread_mutex_lock(&t->login_lock);
		rv = make_token(t, &p, own);
		pthread_mutex_unlock(&t->login_lock);
	}
	pin_drop(&p);
	return hz_note_token(t, "C_InitToken", rv, NULL);
}
