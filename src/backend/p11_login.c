/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in at the device: with the caller's PIN, or with the one that pin_source names. */
#include <string.h>

#include "backend/p11_int.h"
#include "base/error.h"
#include "base/log.h"
#include "base/secmem.h"
#include "ck/names.h"
#include "crypto/hash.h"

static void forget_pin(struct hz_p11 *p)
{
	hz_secmem_free(p->pin);
	p->pin = NULL;
	p->pin_len = 0;
}

static void changed(struct hz_p11 *p)
{
	(void)atomic_fetch_add(&p->era, 1); /* private objects come and go with the login, and their handles with them */
	(void)atomic_fetch_add(&p->generation, 1);
}

/*
 * The PIN is secret memory, so it may go to C_Login as it is. A login that we may have made already (the answer to it or to C_Logout was
 * a fault), or that a fork left behind, is nobody's: it is ended first, so that the PIN is checked.
 */
static CK_RV device_login(struct hz_p11 *p, CK_USER_TYPE who, const uint8_t *pin, size_t len)
{
	CK_RV rv = p->f->C_Login(p->keeper, who, (CK_UTF8CHAR *)(uintptr_t)pin, len);

	if (rv == CKR_USER_ALREADY_LOGGED_IN && (p->forked || p->unsure) && p->f->C_Logout(p->keeper) == CKR_OK)
		rv = p->f->C_Login(p->keeper, who, (CK_UTF8CHAR *)(uintptr_t)pin, len);
	p->unsure = rv == CKR_SESSION_CLOSED || rv == CKR_DEVICE_REMOVED || rv == CKR_DEVICE_ERROR || rv == CKR_FUNCTION_FAILED ||
		    rv == CKR_GENERAL_ERROR || rv == CKR_DEVICE_MEMORY || rv == CKR_HOST_MEMORY;
	return rv;
}

static void device_logout(struct hz_p11 *p)
{
	CK_RV rv = p->f->C_Logout(p->keeper);

	p->unsure = rv != CKR_OK && rv != CKR_USER_NOT_LOGGED_IN;
}

static CK_RV refused_before(struct hz_p11 *p, const uint8_t *pin, size_t len, uint8_t hash[32])
{
	hz_hash_once(HZ_SHA256, pin, len, hash);
	if (p->has_refused && memcmp(p->refused, hash, 32) == 0)
		return hz_fail(CKR_FUNCTION_FAILED, "the device has refused this PIN, which has not changed since");
	return CKR_OK;
}

/* A PIN that the device refuses is tried once, so that nothing here locks the device. */
static CK_RV login_from_source(struct hz_p11 *p, const uint8_t *pin, size_t len)
{
	uint8_t hash[32];
	CK_RV rv = refused_before(p, pin, len, hash);

	if (rv != CKR_OK)
		return rv;
	rv = device_login(p, CKU_USER, pin, len);
	p->ours = rv == CKR_OK;
	if (rv == CKR_USER_ALREADY_LOGGED_IN)
		rv = CKR_OK; /* the application beside us was first */
	p->has_refused = rv == CKR_PIN_INCORRECT;
	memcpy(p->refused, hash, sizeof hash);
	hz_wipe(hash, sizeof hash);
	if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED || rv == CKR_PIN_EXPIRED || rv == CKR_PIN_LEN_RANGE)
		return hz_fail(CKR_FUNCTION_FAILED, "the device answers %s to pin_source's PIN", hz_ckr_name(rv));
	return rv;
}

/* With the PIN that the caller gave; another one that the device has by now is not guessed at. */
static CK_RV login_kept(struct hz_p11 *p)
{
	uint8_t hash[32];
	CK_RV rv = p->pin != NULL ? refused_before(p, p->pin, p->pin_len, hash) : CKR_OK;

	if (rv != CKR_OK)
		return rv;
	rv = device_login(p, CKU_USER, p->pin, p->pin_len);
	p->ours = rv == CKR_OK;
	if (rv == CKR_PIN_INCORRECT && p->pin != NULL) {
		p->has_refused = true;
		memcpy(p->refused, hash, sizeof hash);
	}
	hz_wipe(hash, sizeof hash);
	return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

CK_RV hz_p11_login_again(struct hz_p11 *p)
{
	uint8_t *pin = NULL;
	size_t len = 0;
	CK_RV rv;

	if (p->pin_source == NULL) {
		rv = login_kept(p);
	} else {
		rv = hz_p11_pin_read(p->pin_source, &pin, &len);
		if (rv == CKR_OK)
			rv = login_from_source(p, pin, len);
		if (rv == CKR_OK) {
			forget_pin(p);
			p->pin = pin;
			p->pin_len = len;
		} else {
			hz_secmem_free(pin);
		}
	}
	if (rv == CKR_OK)
		changed(p);
	return rv;
}

static bool same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	uint8_t x[32], y[32];
	bool equal;

	hz_hash_once(HZ_SHA256, a, a_len, x);
	hz_hash_once(HZ_SHA256, b, b_len, y);
	equal = hz_ct_equal(x, y, sizeof x);
	hz_wipe(x, sizeof x);
	hz_wipe(y, sizeof y);
	return equal;
}

/* The slot's `pin` factor where the device's PIN is configured: the same PIN, with tries of its own. */
static CK_RV compare(struct hz_p11 *p, const uint8_t *pin, size_t len, const uint8_t *want, size_t want_len)
{
	if (p->wrong_pins >= p->max_tries)
		return hz_fail(CKR_PIN_LOCKED, "%u wrong PINs", p->wrong_pins);
	if (same(pin, len, want, want_len)) {
		p->wrong_pins = 0;
		return CKR_OK;
	}
	p->wrong_pins++;
	return hz_fail(CKR_PIN_INCORRECT, "not the PIN that pin_source names");
}

static CK_RV user_from_source(struct hz_p11 *p, const uint8_t *pin, size_t len)
{
	uint8_t *want = NULL;
	size_t want_len = 0;
	CK_RV rv = hz_p11_pin_read(p->pin_source, &want, &want_len);

	if (rv == CKR_OK && pin != NULL)
		rv = compare(p, pin, len, want, want_len);
	if (rv == CKR_OK)
		rv = login_from_source(p, want, want_len);
	if (rv != CKR_OK) {
		hz_secmem_free(want);
		return rv;
	}
	forget_pin(p);
	p->pin = want;
	p->pin_len = want_len;
	return CKR_OK;
}

/*
 * The caller's PIN is the device's. When the application beside us is logged in already the device says so without looking at the
 * PIN, and nobody could say whether it is right.
 */
static CK_RV user_direct(struct hz_p11 *p, const uint8_t *pin, size_t len)
{
	uint8_t *copy = NULL;
	CK_RV rv;

	if (pin == NULL && !p->protected_path)
		return hz_fail(CKR_ARGUMENTS_BAD, "no PIN, and the device has no way of its own to ask for one");
	if (pin != NULL) {
		copy = hz_secmem_dup(pin, len);
		if (copy == NULL)
			return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	}
	rv = device_login(p, CKU_USER, copy, len);
	if (rv == CKR_USER_ALREADY_LOGGED_IN)
		rv = hz_fail(CKR_FUNCTION_FAILED, "the application is logged in at the device itself, so that the PIN cannot be checked: set pin_source");
	if (rv != CKR_OK) {
		hz_secmem_free(copy);
		return rv;
	}
	forget_pin(p);
	p->pin = copy;
	p->pin_len = len;
	p->ours = true;
	p->has_refused = false;
	return CKR_OK;
}

static CK_RV user_login(struct hz_p11 *p, const uint8_t *pin, size_t len)
{
	CK_RV rv = p->pin_source != NULL ? user_from_source(p, pin, len) : user_direct(p, pin, len);

	if (rv == CKR_OK)
		p->login_wanted = true;
	return rv;
}

/* One user at a time at the device, too: the user's login is taken up again when it is needed. */
static CK_RV so_login(struct hz_p11 *p, const uint8_t *pin, size_t len)
{
	CK_RV rv;

	if (p->login_wanted && p->ours)
		device_logout(p);
	rv = device_login(p, CKU_SO, pin, len);
	p->so = rv == CKR_OK;
	return rv;
}

/* A device without its storage may say of a login that was made before that it is there. */
static CK_RV login_once(struct hz_p11 *p, CK_USER_TYPE who, const uint8_t *pin, size_t len)
{
	CK_RV rv = hz_p11_lock(p, &p->conn);

	if (rv != CKR_OK)
		return rv;
	rv = hz_p11_there(p);
	if (rv == CKR_OK)
		rv = who == CKU_SO ? so_login(p, pin, len) : user_login(p, pin, len);
	if (rv == CKR_OK)
		changed(p);
	pthread_mutex_unlock(&p->conn);
	return rv;
}

CK_RV hz_p11_login(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *pin, size_t len)
{
	struct hz_p11 *p = hz_p11_self(be);
	unsigned link;
	CK_RV rv = hz_p11_ready(p);

	if (rv != CKR_OK)
		return hz_p11_code(rv);
	link = atomic_load(&p->link);
	rv = login_once(p, who, pin, len);
	if (hz_p11_lost(rv) && (rv == CKR_USER_NOT_LOGGED_IN || hz_p11_recover(p, link, rv) == CKR_OK))
		rv = login_once(p, who, pin, len);
	if (rv == CKR_USER_NOT_LOGGED_IN)
		rv = hz_fail(CKR_DEVICE_ERROR, "the device answers CKR_USER_NOT_LOGGED_IN to a login");
	return rv == CKR_OK ? rv : hz_p11_code(rv);
}

void hz_p11_login_later(struct hz_p11 *p, const uint8_t *pin, size_t len)
{
	if (hz_p11_lock(p, &p->conn) != CKR_OK)
		return;
	p->login_wanted = true;
	if (p->pin_source == NULL && pin != NULL) {
		forget_pin(p);
		p->pin = hz_secmem_dup(pin, len);
		p->pin_len = p->pin != NULL ? len : 0;
	}
	pthread_mutex_unlock(&p->conn);
}

CK_RV hz_p11_check_pin(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *pin, size_t len)
{
	struct hz_p11 *p = hz_p11_self(be);
	CK_RV rv = hz_p11_lock(p, &p->conn);

	(void)who;
	if (rv != CKR_OK)
		return hz_p11_code(rv);
	if (p->pin == NULL && !p->protected_path)
		rv = hz_fail(CKR_USER_NOT_LOGGED_IN, "the user is not logged in at the device");
	else if (p->pin != NULL && pin != NULL)
		rv = compare(p, pin, len, p->pin, p->pin_len);
	pthread_mutex_unlock(&p->conn);
	return rv;
}

/* With pin_source the device's login stays: what is private is hidden above, and the next login costs nothing. */
void hz_p11_logout(struct hz_backend *be)
{
	struct hz_p11 *p = hz_p11_self(be);

	if (hz_p11_lock(p, &p->conn) != CKR_OK) { /* a blocked device has it: it is logged out when it comes back, or by nobody */
		hz_log(HZ_LOG_ERROR, "%s: blocked, so that its login could not be ended", p->module);
		hz_p11_side_logout(p);
		return;
	}
	if (p->so || (p->pin_source == NULL && p->ours && p->login_wanted)) {
		device_logout(p);
		changed(p);
	}
	p->so = false;
	if (p->pin_source == NULL) {
		p->login_wanted = false;
		p->ours = false;
		forget_pin(p);
	}
	pthread_mutex_unlock(&p->conn);
	hz_p11_side_logout(p);
}

CK_RV hz_p11_init_pin(struct hz_backend *be, const uint8_t *pin, size_t len)
{
	struct hz_p11 *p = hz_p11_self(be);
	CK_RV rv;

	if (p->pin_source != NULL)
		return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the device's PIN is pin_source's");
	rv = hz_p11_lock(p, &p->conn);
	if (rv != CKR_OK)
		return hz_p11_code(rv);
	rv = p->f->C_InitPIN(p->keeper, (CK_UTF8CHAR *)(uintptr_t)pin, len);
	pthread_mutex_unlock(&p->conn);
	return rv == CKR_OK ? rv : hz_p11_code(rv);
}

CK_RV hz_p11_set_pin(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *old, size_t old_len, const uint8_t *pin, size_t len)
{
	struct hz_p11 *p = hz_p11_self(be);
	CK_RV rv;

	if (p->pin_source != NULL && who != CKU_SO)
		return hz_fail(CKR_FUNCTION_NOT_SUPPORTED, "the device's PIN is pin_source's");
	rv = hz_p11_ready(p);
	if (rv == CKR_OK)
		rv = hz_p11_lock(p, &p->conn);
	if (rv != CKR_OK)
		return hz_p11_code(rv);
	rv = p->f->C_SetPIN(p->keeper, (CK_UTF8CHAR *)(uintptr_t)old, old_len, (CK_UTF8CHAR *)(uintptr_t)pin, len);
	if (rv == CKR_OK && p->login_wanted && who == CKU_USER) {
		uint8_t *copy = pin != NULL ? hz_secmem_dup(pin, len) : NULL;

		forget_pin(p);
		p->pin = copy;
		p->pin_len = copy != NULL ? len : 0;
	}
	pthread_mutex_unlock(&p->conn);
	return rv == CKR_OK ? rv : hz_p11_code(rv);
}

/* What the device says to the PIN of a context-specific login. Codes that C_Sign and the like do not have become one that they have. */
static CK_RV context_result(struct hz_p11 *p, CK_RV rv, const uint8_t hash[32])
{
	switch (rv) {
	case CKR_OPERATION_NOT_INITIALIZED: /* devices that do not ask */
	case CKR_USER_ALREADY_LOGGED_IN:
	case CKR_USER_TYPE_INVALID:
		return CKR_OK;
	case CKR_PIN_INCORRECT:
		if (hz_p11_lock(p, &p->conn) == CKR_OK) {
			p->has_refused = true;
			memcpy(p->refused, hash, sizeof p->refused);
			pthread_mutex_unlock(&p->conn);
		}
		return hz_fail(CKR_FUNCTION_REJECTED, "the device refuses the PIN for a key with CKA_ALWAYS_AUTHENTICATE");
	case CKR_PIN_LOCKED:
	case CKR_PIN_EXPIRED:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
	case CKR_FUNCTION_CANCELED:
		return hz_fail(CKR_FUNCTION_REJECTED, "the device answers %s to the login for this use of the key", hz_ckr_name(rv));
	default:
		return rv;
	}
}

CK_RV hz_p11_context_login(struct hz_p11 *p, CK_SESSION_HANDLE s)
{
	uint8_t *pin = NULL, hash[32] = { 0 };
	size_t len;
	CK_RV rv = hz_p11_lock(p, &p->conn);

	if (rv != CKR_OK)
		return rv;
	len = p->pin_len;
	if (p->pin != NULL)
		pin = hz_secmem_dup(p->pin, len);
	if (pin != NULL)
		rv = refused_before(p, pin, len, hash);
	pthread_mutex_unlock(&p->conn);
	if (pin == NULL && !p->protected_path)
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "no PIN for a key with CKA_ALWAYS_AUTHENTICATE");
	if (rv == CKR_OK)
		rv = context_result(p, p->f->C_Login(s, CKU_CONTEXT_SPECIFIC, pin, pin != NULL ? len : 0), hash);
	else
		rv = CKR_FUNCTION_REJECTED;
	hz_secmem_free(pin);
	hz_wipe(hash, sizeof hash);
	return rv;
}
