/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that open in two ways, with a PIN and without: two copies of one data key, neither of which needs the other. */
#include "store_util.h"

#include "base/error.h"
#include "store/seal.h"

static struct hz_store *open_with(const unsigned *seals, size_t n, bool two_ways)
{
	char dir[80];
	struct hz_store_conf conf = { .dir = dir, .serial = SERIAL, .tier = 1, .max_tries = 3, .seals = seals, .n_seals = n, .two_ways = two_ways };
	struct hz_store *s;

	(void)snprintf(dir, sizeof dir, "%s/s", test_dir);
	ck_ok(hz_store_new(&s, &conf));
	return s;
}

static const unsigned both[] = { HZ_SEAL_PIN, HZ_SEAL_SIM };

static CK_RV bare(struct hz_store *s)
{
	return hz_store_login(s, false, NULL, 0, true);
}

static CK_RV by_pin(struct hz_store *s, const char *pin)
{
	return hz_store_login(s, false, bytes(pin), strlen(pin), true);
}

static CK_RV set_pin(struct hz_store *s, const char *old, const char *pin)
{
	return hz_store_set_pin(s, false, bytes(old), strlen(old), bytes(pin), strlen(pin));
}

static void make(struct hz_store *s)
{
	unsigned char label[32];

	label_of(label, "ways");
	ck_ok(hz_store_init(s, bytes(SO_PIN), strlen(SO_PIN), label));
}

static void first_pin(struct hz_store *s)
{
	ck_ok(hz_store_login(s, true, bytes(SO_PIN), strlen(SO_PIN), true));
	ck_ok(hz_store_init_pin(s, bytes(USER_PIN), strlen(USER_PIN)));
	hz_store_logout(s);
}

static uint64_t put_key(struct hz_store *s)
{
	struct hz_attrs key;

	make_key(&key, "key", "id");
	return put(s, &key);
}

static void must_read(struct hz_store *s, uint64_t id)
{
	struct hz_attrs out;
	bool checked;

	ck_ok(hz_store_load(s, id, &out, &checked));
	ck_assert(checked && has_text(&out, CKA_VALUE, "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"));
	hz_attrs_free(&out);
	hz_store_logout(s);
}

static int rows_of(int role)
{
	char sql[120];
	sqlite3_stmt *st;
	sqlite3 *db;
	int n;

	(void)snprintf(sql, sizeof sql, "SELECT (SELECT count(*) FROM login WHERE role = %d) + (SELECT count(*) FROM seal WHERE role = %d)", role, role);
	ck_assert_int_eq(sqlite3_open(test_db, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	(void)sqlite3_finalize(st);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	return n;
}

/* The second way works before a PIN was ever set; each opens what the other wrote; a PIN that is changed or locked is its own matter. */
START_TEST(either_opens)
{
	struct hz_store *s = open_with(both, 2, true);
	struct hz_store_state st;
	uint64_t id;

	ck_rv(bare(s), CKR_USER_PIN_NOT_INITIALIZED); /* a first login makes no token that can have an SO */
	make(s);
	ck_rv(by_pin(s, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED);
	ck_ok(bare(s));
	id = put_key(s);
	hz_store_logout(s);
	ck_ok(hz_store_state(s, &st));
	ck_assert(st.initialised && !st.user_pin_set);
	first_pin(s);
	ck_ok(by_pin(s, USER_PIN));
	must_read(s, id);
	ck_ok(bare(s));
	must_read(s, id);
	ck_ok(set_pin(s, USER_PIN, "new"));
	ck_rv(by_pin(s, USER_PIN), CKR_PIN_INCORRECT);
	ck_ok(by_pin(s, "new"));
	must_read(s, id);
	for (int i = 0; i < 3; i++)
		ck_rv(by_pin(s, "wrong"), CKR_PIN_INCORRECT);
	ck_rv(by_pin(s, "new"), CKR_PIN_LOCKED);
	ck_ok(bare(s)); /* and unlocks nothing */
	must_read(s, id);
	ck_rv(by_pin(s, "new"), CKR_PIN_LOCKED);
	first_pin(s);
	ck_ok(by_pin(s, USER_PIN));
	must_read(s, id);
	hz_store_free(s);
}
END_TEST

/* Damage to one copy leaves the other; a copy put in the other's place opens nothing. */
START_TEST(independent)
{
	struct hz_store *s = open_with(both, 2, true);
	uint64_t id;

	make(s);
	first_pin(s);
	ck_ok(bare(s));
	id = put_key(s);
	hz_store_logout(s);
	tamper("UPDATE login SET wrapped = zeroblob(length(wrapped)) WHERE role = 2");
	ck_rv(bare(s), CKR_DEVICE_ERROR);
	ck_ok(by_pin(s, USER_PIN));
	must_read(s, id);
	ck_ok(set_pin(s, USER_PIN, USER_PIN)); /* which makes both anew */
	tamper("UPDATE login SET wrapped = zeroblob(length(wrapped)) WHERE role = 1");
	ck_rv(by_pin(s, USER_PIN), CKR_PIN_INCORRECT);
	ck_ok(bare(s));
	must_read(s, id);
	tamper("UPDATE login SET wrapped = (SELECT wrapped FROM login WHERE role = 2) WHERE role = 1");
	tamper("DELETE FROM seal WHERE role = 1");
	tamper("INSERT INTO seal SELECT 1, pos, kind, params FROM seal WHERE role = 2");
	ck_rv(by_pin(s, USER_PIN), CKR_DEVICE_ERROR);
	tamper("UPDATE login SET role = 3 WHERE role = 2");
	ck_rv(bare(s), CKR_USER_PIN_NOT_INITIALIZED);
	hz_store_free(s);
}
END_TEST

/* A configuration that changed: nothing opens more easily than it says, and C_SetPIN brings the file into line. */
START_TEST(changed_configuration)
{
	struct hz_store *s = open_with(both, 2, false);
	uint64_t id;

	make(s);
	first_pin(s);
	ck_ok(by_pin(s, USER_PIN));
	id = put_key(s);
	hz_store_free(s);
	s = open_with(both, 2, true);
	ck_rv(bare(s), CKR_USER_PIN_NOT_INITIALIZED);
	ck_assert_ptr_nonnull(strstr(hz_error_text(), "C_SetPIN"));
	ck_ok(by_pin(s, USER_PIN));
	must_read(s, id);
	ck_ok(set_pin(s, USER_PIN, USER_PIN));
	ck_ok(bare(s));
	must_read(s, id);
	hz_store_free(s);
	ck_assert_int_eq(rows_of(2), 2);
	s = open_with(both, 2, false); /* the way without a PIN is not wanted any more, and still there */
	ck_rv(by_pin(s, USER_PIN), CKR_DEVICE_ERROR);
	ck_assert_ptr_nonnull(strstr(hz_error_text(), "C_SetPIN"));
	ck_ok(set_pin(s, USER_PIN, USER_PIN));
	ck_assert_int_eq(rows_of(2), 0);
	ck_ok(by_pin(s, USER_PIN));
	must_read(s, id);
	hz_store_free(s);
}
END_TEST

/* A token sealed without a PIN, then a configuration with one: no PIN is as good as another, at C_SetPIN neither. */
START_TEST(no_pin_among_the_seals)
{
	static const unsigned sim[] = { HZ_SEAL_SIM };
	struct hz_store *s = open_with(sim, 1, false);
	uint64_t id;

	make(s);
	ck_ok(bare(s));
	id = put_key(s);
	hz_store_free(s);
	s = open_with(both, 2, false);
	ck_rv(by_pin(s, "anything"), CKR_DEVICE_ERROR);
	ck_rv(set_pin(s, "anything", "mine"), CKR_DEVICE_ERROR);
	ck_rv(by_pin(s, "mine"), CKR_DEVICE_ERROR);
	first_pin(s); /* but the SO can */
	ck_ok(by_pin(s, USER_PIN));
	must_read(s, id);
	hz_store_free(s);
}
END_TEST

START_TEST(refused)
{
	static const unsigned pin[] = { HZ_SEAL_PIN }, sim[] = { HZ_SEAL_SIM, HZ_SEAL_TPM2 };
	struct hz_store_conf conf = { .serial = SERIAL, .tier = 1, .max_tries = 3, .seals = pin, .n_seals = 1, .two_ways = true };
	struct hz_store *s;

	ck_rv(hz_store_new(&s, &conf), CKR_ARGUMENTS_BAD);
	conf.seals = NULL;
	ck_rv(hz_store_new(&s, &conf), CKR_ARGUMENTS_BAD);
	conf.seals = sim;
	conf.n_seals = 2;
	ck_rv(hz_store_new(&s, &conf), CKR_ARGUMENTS_BAD);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_ways");
	TCase *t = tcase_create("ways");

	tcase_add_checked_fixture(t, store_setup, store_teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, either_opens);
	tcase_add_test(t, independent);
	tcase_add_test(t, changed_configuration);
	tcase_add_test(t, no_pin_among_the_seals);
	tcase_add_test(t, refused);
	suite_add_tcase(s, t);
	return run_case(s);
}
