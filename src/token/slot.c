/* SPDX-License-Identifier: Apache-2.0 */
/* Slot, token and mechanism information. */
#include "token/slot.h"

#include <config.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "ck/outlen.h"
#include "gov/config.h"
#include "token/login.h"
#include "token/module.h"

#define MANUFACTURER "Hanzo"

void hz_pad(CK_UTF8CHAR *out, size_t size, const char *text)
{
	size_t n = strlen(text);

	if (n > size)
		for (n = size; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
			;
	memset(out, ' ', size);
	memcpy(out, text, n);
}

CK_VERSION hz_package_version(void)
{
	char *end;
	CK_BYTE major = (CK_BYTE)strtoul(PACKAGE_VERSION, &end, 10);

	return (CK_VERSION){ major, (CK_BYTE)(*end == '.' ? strtoul(end + 1, NULL, 10) : 0) };
}

static bool is_present(const struct hz_token *t)
{
	return t->be != NULL && (t->be->ops->present == NULL || t->be->ops->present(t->be));
}

/* A device may come or go between two looks: each is looked at once. */
CK_RV hz_slot_list(bool present_only, CK_SLOT_ID *list, CK_ULONG *count)
{
	struct hz_token *const *tokens;
	size_t all = hz_module_tokens(&tokens), n = 0;
	CK_SLOT_ID *found = calloc(all != 0 ? all : 1, sizeof *found);
	CK_RV rv = CKR_OK;

	if (found == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no memory for a list of slots");
	for (size_t i = 0; i < all; i++)
		if (!present_only || is_present(tokens[i]))
			found[n++] = tokens[i]->slot_id;
	if (hz_out_len(list, count, n, &rv) != HZ_OUT_STOP) {
		*count = n;
		memcpy(list, found, n * sizeof *found);
	}
	free(found);
	return rv;
}

void hz_slot_info(const struct hz_token *t, CK_SLOT_INFO *info)
{
	memset(info, 0, sizeof *info);
	hz_pad(info->slotDescription, sizeof info->slotDescription, t->description);
	hz_pad(info->manufacturerID, sizeof info->manufacturerID, MANUFACTURER);
	info->flags = (is_present(t) ? CKF_TOKEN_PRESENT : 0) | (t->removable ? CKF_REMOVABLE_DEVICE : 0);
	info->firmwareVersion = hz_package_version();
}

static CK_RV need_token(const struct hz_token *t)
{
	return t->be != NULL ? CKR_OK : hz_fail(CKR_TOKEN_NOT_PRESENT, "%s", t->absent_why);
}

/*
 * Tier 0 has no PIN, and callers refuse a token without CKF_USER_PIN_INITIALIZED although it asks for no login: it is set there. So it
 * is where evidence alone logs in, and such a token is made by its first login: it always counts as initialised.
 */
static CK_FLAGS token_flags(const struct hz_token *t, const struct hz_token_state *st)
{
	CK_FLAGS f = CKF_RNG | CKF_DUAL_CRYPTO_OPERATIONS;

	f |= t->login_required ? CKF_LOGIN_REQUIRED : 0;
	f |= st->initialised || !t->takes_pin ? CKF_TOKEN_INITIALIZED : 0;
	f |= st->user_pin_set || !t->takes_pin ? CKF_USER_PIN_INITIALIZED : 0;
	f |= (t->n_ways != 0 && (t->ways[0] & HZ_FACTOR_PIN) == 0) || st->keypad ? CKF_PROTECTED_AUTHENTICATION_PATH : 0;
	f |= st->write_protected ? CKF_WRITE_PROTECTED : 0;
	if (t->born_initialised)
		return f;
	f |= st->user_pin_count_low ? CKF_USER_PIN_COUNT_LOW : 0;
	f |= st->user_pin_final_try ? CKF_USER_PIN_FINAL_TRY : 0;
	f |= st->user_pin_locked ? CKF_USER_PIN_LOCKED : 0;
	f |= st->so_pin_count_low ? CKF_SO_PIN_COUNT_LOW : 0;
	f |= st->so_pin_final_try ? CKF_SO_PIN_FINAL_TRY : 0;
	f |= st->so_pin_locked ? CKF_SO_PIN_LOCKED : 0;
	return f;
}

static void fill_counts(struct hz_token *t, CK_TOKEN_INFO *info)
{
	info->ulMaxSessionCount = CK_EFFECTIVELY_INFINITE;
	info->ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
	info->ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION;
	info->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
	info->ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION;
	info->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
	pthread_mutex_lock(&t->lock);
	info->ulSessionCount = t->sessions;
	info->ulRwSessionCount = t->rw_sessions;
	pthread_mutex_unlock(&t->lock);
}

CK_RV hz_token_info(struct hz_token *t, CK_TOKEN_INFO *info)
{
	struct hz_token_state st = { 0 };
	CK_RV rv = need_token(t);

	if (rv == CKR_OK)
		rv = t->be->ops->token_state(t->be, &st);
	if (rv != CKR_OK)
		return rv;
	memset(info, 0, sizeof *info);
	if (t->tier != t->own_tier) /* the store is another slot's, the name is its own */
		hz_pad(info->label, sizeof info->label, t->label);
	else
		memcpy(info->label, st.label, sizeof info->label);
	hz_pad(info->manufacturerID, sizeof info->manufacturerID, MANUFACTURER);
	hz_pad(info->model, sizeof info->model, t->model);
	memcpy(info->serialNumber, t->serial, sizeof info->serialNumber);
	info->flags = token_flags(t, &st);
	fill_counts(t, info);
	info->ulMaxPinLen = HZ_PIN_MAX;
	info->ulMinPinLen = t->born_initialised ? 0 : 1;
	info->firmwareVersion = hz_package_version();
	memset(info->utcTime, ' ', sizeof info->utcTime); /* meaningful with CKF_CLOCK_ON_TOKEN only */
	return CKR_OK;
}

CK_RV hz_mech_list(struct hz_token *t, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	CK_RV rv = need_token(t);
	size_t n;

	if (rv != CKR_OK)
		return rv;
	n = t->be->ops->mech_list(t->be, NULL, 0);
	if (hz_out_len(list, count, n, &rv) == HZ_OUT_STOP)
		return rv;
	*count = t->be->ops->mech_list(t->be, list, *count);
	return CKR_OK;
}

CK_RV hz_mech_info(struct hz_token *t, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	const struct hz_mech_row *row;
	CK_RV rv = need_token(t);

	if (rv != CKR_OK)
		return rv;
	row = t->be->ops->mech(t->be, type);
	if (row == NULL)
		return hz_fail(CKR_MECHANISM_INVALID, "the slot does not offer mechanism %#lx", type);
	*info = row->info;
	return CKR_OK;
}
