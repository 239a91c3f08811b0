/* SPDX-License-Identifier: Apache-2.0 */
/* The value that a login leaves for later ones. */
#include "store/kept.h"

#include <string.h>

#include "base/error.h"
#include "base/secmem.h"
#include "crypto/hmac.h"

struct job {
	uint8_t *value; /* HZ_STORE_KEPT bytes */
	size_t n;
	uint8_t mac[HZ_KEPT_MAC], key_id[HZ_KEY_ID];
	bool there;
};

void hz_kept_mac(const char *serial, const struct hz_datakey *k, struct hz_blob value, uint8_t mac[HZ_KEPT_MAC])
{
	static const char purpose[] = "hanzo-pkcs11/kept/v1";
	uint8_t data[128 + HZ_STORE_KEPT];
	size_t n = strnlen(serial, 127);

	memcpy(data, serial, n);
	data[n++] = 0;
	if (value.n != 0)
		memcpy(data + n, value.p, value.n);
	hz_hmac_derived(HZ_SHA256, k->key, sizeof k->key, purpose, sizeof purpose - 1, data, n + value.n, mac);
}

CK_RV hz_kept_put(struct hz_conn *c, struct hz_blob value, const uint8_t mac[HZ_KEPT_MAC])
{
	sqlite3_stmt *st;

	if (hz_db_run(hz_db_stmt(c, HZ_S_KEPT_TABLE)) != SQLITE_DONE)
		return hz_db_error(c, "making room for what is kept");
	st = hz_db_stmt(c, HZ_S_KEPT_PUT);
	if (st != NULL) {
		hz_db_bind_blob(st, 1, value);
		hz_db_bind_blob(st, 2, (struct hz_blob){ mac, HZ_KEPT_MAC });
	}
	return hz_db_run(st) == SQLITE_DONE ? CKR_OK : hz_db_error(c, "keeping a value");
}

static CK_RV job_put(struct hz_conn *c, void *arg)
{
	const struct job *j = arg;
	sqlite3_stmt *st = hz_db_stmt(c, HZ_S_TOKEN_KEY);
	int rc = st == NULL ? SQLITE_ERROR : sqlite3_step(st);
	struct hz_blob id;

	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return hz_db_error(c, "reading the token's key");
	id = rc == SQLITE_ROW ? hz_db_blob(st, 0) : (struct hz_blob){ NULL, 0 };
	if (id.n != HZ_KEY_ID || memcmp(id.p, j->key_id, HZ_KEY_ID) != 0)
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "the token was made anew since the login");
	return hz_kept_put(c, (struct hz_blob){ j->value, j->n }, j->mac);
}

/* A store without the table has nothing kept: whoever asks takes that for damage. */
static CK_RV job_get(struct hz_conn *c, void *arg)
{
	struct job *j = arg;
	sqlite3_stmt *st = hz_db_stmt(c, HZ_S_KEPT_THERE);
	struct hz_blob value, mac;
	int rc = st == NULL ? SQLITE_ERROR : sqlite3_step(st);

	j->there = false;
	if (rc == SQLITE_ROW) {
		st = hz_db_stmt(c, HZ_S_KEPT);
		rc = st == NULL ? SQLITE_ERROR : sqlite3_step(st);
	}
	if (rc == SQLITE_DONE)
		return CKR_OK;
	if (rc != SQLITE_ROW)
		return hz_db_error(c, "reading what is kept");
	value = hz_db_blob(st, 0);
	mac = hz_db_blob(st, 1);
	if (value.n > HZ_STORE_KEPT || mac.n != HZ_KEPT_MAC)
		return CKR_OK;
	if (value.n != 0)
		memcpy(j->value, value.p, value.n);
	memcpy(j->mac, mac.p, mac.n);
	j->n = value.n;
	j->there = true;
	return CKR_OK;
}

CK_RV hz_store_keep(struct hz_store *s, const uint8_t *p, size_t n)
{
	uint8_t value[HZ_STORE_KEPT];
	struct job j = { .value = value, .n = n };
	struct hz_datakey *k;

	if (n > sizeof value)
		return hz_fail(CKR_ARGUMENTS_BAD, "%zu bytes to keep", n);
	hz_store_refresh(s);
	k = hz_store_key(s);
	if (k == NULL)
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "nobody is logged in");
	if (n != 0)
		memcpy(value, p, n);
	hz_kept_mac(s->serial, k, (struct hz_blob){ value, n }, j.mac);
	memcpy(j.key_id, k->id, sizeof j.key_id);
	hz_datakey_unref(k);
	return hz_db_write(s, CKR_USER_PIN_NOT_INITIALIZED, job_put, &j);
}

CK_RV hz_store_kept(struct hz_store *s, uint8_t p[HZ_STORE_KEPT], size_t *n)
{
	struct job j = { .value = p };
	struct hz_datakey *k;
	uint8_t mac[HZ_KEPT_MAC];
	bool exists;
	CK_RV rv;

	*n = 0;
	hz_store_refresh(s);
	k = hz_store_key(s);
	if (k == NULL)
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "nobody is logged in");
	rv = hz_db_read(s, job_get, &j, &exists);
	if (rv == CKR_OK && j.there) {
		hz_kept_mac(s->serial, k, (struct hz_blob){ p, j.n }, mac);
		j.there = hz_ct_equal(mac, j.mac, sizeof mac);
	}
	hz_datakey_unref(k);
	if (rv == CKR_OK && !(exists && j.there))
		rv = hz_fail(CKR_SAVED_STATE_INVALID, "what was kept in the store is gone or was changed outside of the module");
	if (rv == CKR_OK)
		*n = j.n;
	return rv;
}
