/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the store share: a fresh directory, objects, and a look at the database from outside. */
#ifndef STORE_UTIL_H
#define STORE_UTIL_H

#include <check.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/secmem.h"
#include "store/store.h"

#define SERIAL "0123456789abcdef"
#define SO_PIN "so-pin-1"
#define USER_PIN "user-pin"

/*
 * Check hears of failures only: for each assertion it takes a lock of its own, and the child of a process whose threads assert would find
 * it taken for ever.
 */
#define ck_rv(call, want) \
	do { \
		CK_RV ck_rv_ = (call); \
		if (ck_rv_ != (want)) \
			ck_abort_msg("%s: 0x%lx, not %s: %s", #call, ck_rv_, #want, hz_error_text()); \
	} while (0)
#define ck_ok(call) ck_rv(call, CKR_OK)

/*
 * A failure in a forked child ends the child: Check would jump back into its runner, and the child run the rest of the suite a second
 * time. Every assertion of Check comes by this name.
 */
static pid_t test_pid; /* of the process that runs the suite; 0 before */

static __attribute__((unused, noreturn, format(printf, 4, 5))) void failed_in_child(const char *file, int line, const char *expr, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "%s:%d: in a child: %s", file, line, expr);
	if (fmt != NULL) {
		(void)fputs(": ", stderr);
		va_start(ap, fmt);
		(void)vfprintf(stderr, fmt, ap);
		va_end(ap);
	}
	(void)fputc('\n', stderr);
	_exit(1);
}
#define _ck_assert_failed(file, line, ...) \
	(test_pid != 0 && getpid() != test_pid ? failed_in_child(file, line, __VA_ARGS__) : _ck_assert_failed(file, line, __VA_ARGS__))

static char test_dir[64], test_db[128];
static char model_dir[64]; /* of ready_store; run_case removes it */

static __attribute__((unused)) const uint8_t *bytes(const char *s)
{
	return (const uint8_t *)s;
}

static __attribute__((unused)) void store_setup(void)
{
	(void)snprintf(test_dir, sizeof test_dir, "/tmp/t_store.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(test_dir));
	(void)snprintf(test_db, sizeof test_db, "%s/s/%s.db", test_dir, SERIAL);
	(void)hz_log_open("none", false);
}

static __attribute__((unused)) void run_shell(const char *fmt, ...)
{
	char cmd[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cmd, sizeof cmd, fmt, ap);
	va_end(ap);
	ck_assert_int_eq(system(cmd), 0);
}

static __attribute__((unused)) void store_teardown(void)
{
	run_shell("rm -rf '%s'", test_dir);
}

static __attribute__((unused)) struct hz_store *open_store(bool open_token)
{
	char dir[80];
	struct hz_store_conf conf = { .dir = dir, .serial = SERIAL, .tier = open_token ? 0 : 1, .open_token = open_token,
				      .max_tries = 5 };
	struct hz_store *s;

	(void)snprintf(dir, sizeof dir, "%s/s", test_dir);
	ck_ok(hz_store_new(&s, &conf));
	return s;
}

static __attribute__((unused)) void label_of(unsigned char out[32], const char *text)
{
	memset(out, ' ', 32);
	memcpy(out, text, strlen(text));
}

static __attribute__((unused)) void make_token(void)
{
	struct hz_store *s = open_store(false);
	unsigned char label[32];

	label_of(label, "test token");
	ck_ok(hz_store_init(s, bytes(SO_PIN), strlen(SO_PIN), label));
	ck_ok(hz_store_login(s, true, bytes(SO_PIN), strlen(SO_PIN), true));
	ck_ok(hz_store_init_pin(s, bytes(USER_PIN), strlen(USER_PIN)));
	hz_store_free(s);
}

/* An initialised token with both PINs, logged in as user. Deriving keys from PINs takes long: it is made once and copied. */
static __attribute__((unused)) struct hz_store *ready_store(void)
{
	struct hz_store *s;

	if (model_dir[0] == '\0') {
		make_token();
		(void)snprintf(model_dir, sizeof model_dir, "/tmp/t_store.XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(model_dir));
		run_shell("cp -a '%s/s' '%s'", test_dir, model_dir);
	} else {
		run_shell("cp -a '%s/s' '%s'", model_dir, test_dir);
	}
	s = open_store(false);
	ck_ok(hz_store_login(s, false, bytes(USER_PIN), strlen(USER_PIN), true));
	return s;
}

static __attribute__((unused)) void make_base(struct hz_attrs *a, CK_OBJECT_CLASS cls, bool priv, const char *label, const char *id)
{
	*a = (struct hz_attrs)HZ_ATTRS_INIT;
	ck_ok(hz_attrs_set_ulong(a, CKA_CLASS, cls));
	ck_ok(hz_attrs_set_bool(a, CKA_TOKEN, true));
	ck_ok(hz_attrs_set_bool(a, CKA_PRIVATE, priv));
	ck_ok(hz_attrs_set(a, CKA_LABEL, label, strlen(label), false));
	if (id != NULL)
		ck_ok(hz_attrs_set(a, CKA_ID, id, strlen(id), false));
	ck_ok(hz_attrs_set(a, CKA_UNIQUE_ID, label, strlen(label), false));
}

/* A private AES key whose value is 32 times the first character of its label. */
static __attribute__((unused)) void make_key(struct hz_attrs *a, const char *label, const char *id)
{
	uint8_t value[32];

	memset(value, label[0], sizeof value);
	make_base(a, CKO_SECRET_KEY, true, label, id);
	ck_ok(hz_attrs_set_ulong(a, CKA_KEY_TYPE, CKK_AES));
	ck_ok(hz_attrs_set_bool(a, CKA_SENSITIVE, true));
	ck_ok(hz_attrs_set(a, CKA_VALUE, value, sizeof value, true));
}

/* A public object whose value is its label. */
static __attribute__((unused)) void make_data(struct hz_attrs *a, const char *label)
{
	make_base(a, CKO_DATA, false, label, NULL);
	ck_ok(hz_attrs_set(a, CKA_VALUE, label, strlen(label), false));
}

static __attribute__((unused)) void make_cert(struct hz_attrs *a, const char *label, bool trusted)
{
	make_base(a, CKO_CERTIFICATE, false, label, "certid");
	ck_ok(hz_attrs_set_bool(a, CKA_TRUSTED, trusted));
}

static __attribute__((unused)) uint64_t put(struct hz_store *s, struct hz_attrs *a)
{
	const struct hz_attrs *set = a;
	uint64_t id;

	ck_ok(hz_store_insert(s, &set, 1, &id));
	hz_attrs_free(a);
	*a = (struct hz_attrs)HZ_ATTRS_INIT;
	return id;
}

static __attribute__((unused)) bool has_text(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, const char *text)
{
	const struct hz_attr *v = hz_attrs_find(a, type);

	return v != NULL && v->len == strlen(text) && memcmp(v->value, text, v->len) == 0;
}

static __attribute__((unused)) size_t count_found(struct hz_store *s, const struct hz_attrs *tmpl, bool private_too, uint64_t *first)
{
	uint64_t *ids;
	size_t n;

	ck_ok(hz_store_find(s, tmpl, private_too, &ids, &n));
	if (n != 0 && first != NULL)
		*first = ids[0];
	free(ids);
	return n;
}

/* Run SQL on the database as somebody outside would. */
static __attribute__((unused, format(printf, 1, 2))) void tamper(const char *fmt, ...)
{
	char sql[512], *err = NULL;
	sqlite3 *db;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sql, sizeof sql, fmt, ap);
	va_end(ap);
	ck_assert_int_eq(sqlite3_open(test_db, &db), SQLITE_OK);
	(void)sqlite3_busy_timeout(db, 5000);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &err) == SQLITE_OK, "%s: %s", sql, err);
	ck_assert_msg(sqlite3_changes(db) > 0, "%s changes nothing", sql);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static __attribute__((unused)) int run_case(Suite *s)
{
	SRunner *r = srunner_create(s);
	int bad;

	test_pid = getpid();
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	if (model_dir[0] != '\0') {
		char cmd[96];

		(void)snprintf(cmd, sizeof cmd, "rm -rf '%s'", model_dir);
		bad += system(cmd) != 0;
	}
	return bad != 0;
}

#endif
