/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that somebody changed from outside: each column and each blob, at every byte; the other objects keep working. */
#include "store_util.h"

static struct hz_store *s;
static uint64_t key_id, other_id, cert_id;

static void setup(void)
{
	struct hz_attrs a;

	store_setup();
	s = ready_store();
	make_key(&a, "key", "id");
	key_id = put(s, &a);
	make_key(&a, "other", "id2");
	other_id = put(s, &a);
	make_cert(&a, "cert", false);
	cert_id = put(s, &a);
}

static void teardown(void)
{
	hz_store_free(s);
	store_teardown();
}

static CK_RV load(uint64_t id)
{
	struct hz_attrs out;
	bool checked = false;
	CK_RV rv = hz_store_load(s, id, &out, &checked);

	ck_assert(rv != CKR_OK || checked);
	ck_assert(rv == CKR_OK || out.n == 0);
	hz_attrs_free(&out);
	return rv;
}

static void check_refused(uint64_t id)
{
	ck_rv(load(id), CKR_DEVICE_ERROR);
	ck_ok(load(other_id));
}

START_TEST(every_column)
{
	static const char *const change[] = {
		"class = 3", "class = class + 1", "class = 'x'", "kt = 0", "kt = -1", "private = 0",
		"label = 'yek'", "label = NULL", "label = x''", "label = label || x'00'", "cka_id = x''", "cka_id = NULL",
		"cka_id = 'di'", "uid = 'other'", "uid = NULL", "pub = x''", "pub = x'01'", "pub = substr(pub, 1, length(pub) - 1)",
		"pub = pub || x'00'", "sec = NULL", "sec = x''", "sec = zeroblob(28)", "sec = substr(sec, 2)", "sec = sec || x'00'",
		"sec = (SELECT sec FROM object WHERE label = CAST('other' AS BLOB))",
	};

	ck_ok(load(key_id));
	for (size_t i = 0; i < sizeof change / sizeof change[0]; i++) {
		tamper("CREATE TABLE IF NOT EXISTS saved AS SELECT * FROM object; UPDATE object SET %s WHERE id = %lld",
		       change[i], (long long)key_id);
		check_refused(key_id);
		tamper("REPLACE INTO object SELECT * FROM saved WHERE id = %lld", (long long)key_id);
		ck_ok(load(key_id));
	}
}
END_TEST

/* A row under another row's number, and two rows exchanged. */
START_TEST(moved_rows)
{
	tamper("UPDATE object SET id = %lld WHERE id = %lld", (long long)cert_id + 1, (long long)key_id);
	ck_rv(load(key_id), CKR_OBJECT_HANDLE_INVALID);
	check_refused(cert_id + 1);
	tamper("UPDATE object SET id = %lld WHERE id = %lld", (long long)key_id, (long long)cert_id);
	check_refused(key_id);
}
END_TEST

/* Public attributes and seal of another object in all columns: the number gives it away. */
START_TEST(copied_rows)
{
	tamper("UPDATE object SET (label, cka_id, uid, pub, sec) = (SELECT label, cka_id, uid, pub, sec FROM object WHERE id = %lld)"
	       " WHERE id = %lld", (long long)other_id, (long long)key_id);
	check_refused(key_id);
}
END_TEST

static void flip(const char *column, size_t at)
{
	char sql[160];
	uint8_t value[4096];
	sqlite3 *db;
	sqlite3_stmt *st;
	size_t n;

	ck_assert_int_eq(sqlite3_open(test_db, &db), SQLITE_OK);
	(void)snprintf(sql, sizeof sql, "SELECT %s FROM object WHERE id = ?1", column);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	(void)sqlite3_bind_int64(st, 1, (sqlite3_int64)key_id);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	n = (size_t)sqlite3_column_bytes(st, 0);
	ck_assert(n <= sizeof value && at < n);
	memcpy(value, sqlite3_column_blob(st, 0), n);
	(void)sqlite3_finalize(st);
	value[at] ^= 0x20;
	(void)snprintf(sql, sizeof sql, "UPDATE object SET %s = ?2 WHERE id = ?1", column);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	(void)sqlite3_bind_int64(st, 1, (sqlite3_int64)key_id);
	(void)sqlite3_bind_blob(st, 2, value, (int)n, SQLITE_STATIC);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_DONE);
	(void)sqlite3_finalize(st);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static size_t length_of(const char *column)
{
	char sql[128];
	sqlite3 *db;
	sqlite3_stmt *st;
	size_t n;

	(void)snprintf(sql, sizeof sql, "SELECT length(%s) FROM object WHERE id = %lld", column, (long long)key_id);
	ck_assert_int_eq(sqlite3_open(test_db, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	n = (size_t)sqlite3_column_int(st, 0);
	(void)sqlite3_finalize(st);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	return n;
}

START_TEST(every_byte)
{
	static const char *const column[] = { "pub", "sec", "label", "cka_id", "uid" };

	for (size_t i = 0; i < sizeof column / sizeof column[0]; i++) {
		size_t n = length_of(column[i]);

		ck_assert_uint_gt(n, 0);
		for (size_t at = 0; at < n; at++) {
			flip(column[i], at);
			ck_rv(load(key_id), CKR_DEVICE_ERROR);
			flip(column[i], at);
		}
		ck_ok(load(key_id));
	}
}
END_TEST

/* Taking the seal off a public row makes it a row that was written without a login: seen, not vouched for. */
START_TEST(unsealed_public_row)
{
	struct hz_attrs out;
	bool checked;

	tamper("UPDATE object SET sec = NULL WHERE id = %lld", (long long)cert_id);
	ck_ok(hz_store_load(s, cert_id, &out, &checked));
	ck_assert(!checked && !hz_attrs_bool(&out, CKA_TRUSTED, true));
	hz_attrs_free(&out);
}
END_TEST

/* A search over unreadable rows leaves them out. */
START_TEST(search_over_damage)
{
	struct hz_attrs t = HZ_ATTRS_INIT;
	uint64_t id = 0;

	ck_ok(hz_attrs_set_bool(&t, CKA_SENSITIVE, true));
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 2);
	tamper("UPDATE object SET pub = x'0102' WHERE id = %lld", (long long)key_id);
	ck_assert(count_found(s, &t, true, &id) == 1 && id == other_id);
	hz_attrs_free(&t);
}
END_TEST

/* Triggers and views that somebody plants are not run. */
START_TEST(planted_schema)
{
	struct hz_attrs a, t = HZ_ATTRS_INIT;

	tamper("CREATE TRIGGER evil AFTER INSERT ON object BEGIN DELETE FROM object; END; UPDATE object SET kt = kt");
	make_data(&a, "new");
	(void)put(s, &a);
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 4);
	ck_ok(load(key_id));
}
END_TEST

START_TEST(damaged_pages)
{
	FILE *f;
	struct hz_attrs t = HZ_ATTRS_INIT;
	struct hz_store_state st;
	uint64_t *ids = NULL;
	size_t n;

	hz_store_free(s); /* the log goes into the database */
	f = fopen(test_db, "r+b");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fseek(f, 4096, SEEK_SET), 0);
	for (int i = 0; i < 4096 * 6; i++)
		(void)fputc(0x5c, f);
	ck_assert_int_eq(fclose(f), 0);
	s = open_store(false);
	ck_rv(hz_store_state(s, &st), CKR_DEVICE_ERROR);
	ck_rv(hz_store_find(s, &t, true, &ids, &n), CKR_DEVICE_ERROR);
	ck_rv(load(key_id), CKR_DEVICE_ERROR);
	ck_rv(hz_store_login(s, false, bytes(USER_PIN), strlen(USER_PIN), true), CKR_DEVICE_ERROR);
	ck_assert(ids == NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store rows");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_column);
	tcase_add_test(tc, moved_rows);
	tcase_add_test(tc, copied_rows);
	tcase_add_test(tc, every_byte);
	tcase_add_test(tc, unsealed_public_row);
	tcase_add_test(tc, search_over_damage);
	tcase_add_test(tc, planted_schema);
	tcase_add_test(tc, damaged_pages);
	suite_add_tcase(suite, tc);
	return run_case(suite);
}
