/* SPDX-License-Identifier: Apache-2.0 */
/* PINs of a store: counted on disk before they are checked, locked after too many, replaced without losing keys. */
#include "store_util.h"

static CK_RV login(struct hz_store *s, bool so, const char *pin)
{
	return hz_store_login(s, so, bytes(pin), strlen(pin), true);
}

START_TEST(states_of_a_token)
{
	struct hz_store *s = open_store(false);
	struct hz_store_state st;
	unsigned char label[32];

	label_of(label, "one");
	ck_rv(login(s, false, "x"), CKR_USER_PIN_NOT_INITIALIZED);
	ck_rv(login(s, true, "x"), CKR_USER_PIN_NOT_INITIALIZED);
	ck_rv(hz_store_init_pin(s, bytes("x"), 1), CKR_USER_NOT_LOGGED_IN);
	ck_rv(hz_store_init(s, bytes(""), 0, label), CKR_PIN_LEN_RANGE);
	ck_ok(hz_store_init(s, bytes(SO_PIN), strlen(SO_PIN), label));
	ck_rv(login(s, false, "x"), CKR_USER_PIN_NOT_INITIALIZED);
	ck_rv(hz_store_init_pin(s, bytes("x"), 1), CKR_USER_NOT_LOGGED_IN);
	ck_rv(login(s, true, "wrong"), CKR_PIN_INCORRECT);
	ck_ok(hz_store_state(s, &st));
	ck_assert(st.initialised && !st.user_pin_set && st.so_tries_left == 4 && st.user_tries_left == 5);
	ck_ok(login(s, true, SO_PIN));
	ck_rv(hz_store_init_pin(s, bytes(""), 0), CKR_PIN_LEN_RANGE);
	ck_ok(hz_store_init_pin(s, bytes(USER_PIN), strlen(USER_PIN)));
	ck_ok(hz_store_state(s, &st));
	ck_assert(st.user_pin_set && st.so_tries_left == 5);
	hz_store_logout(s);
	ck_ok(hz_store_login(s, false, bytes(USER_PIN), strlen(USER_PIN), false)); /* a check keeps nothing */
	ck_rv(hz_store_init_pin(s, bytes("x"), 1), CKR_USER_NOT_LOGGED_IN);
	hz_store_free(s);
}
END_TEST

START_TEST(lock_out_and_reset)
{
	struct hz_store *s = ready_store();
	struct hz_store_state st;
	struct hz_attrs key, out;
	uint64_t id;
	bool checked;

	make_key(&key, "survivor", "id");
	id = put(s, &key);
	hz_store_logout(s);
	for (unsigned i = 0; i < 5; i++) {
		ck_rv(login(s, false, "guess"), CKR_PIN_INCORRECT);
		ck_ok(hz_store_state(s, &st));
		ck_assert_uint_eq(st.user_tries_left, 4 - i);
		if (i == 2) { /* success gives all tries back */
			ck_ok(login(s, false, USER_PIN));
			ck_ok(hz_store_state(s, &st));
			ck_assert_uint_eq(st.user_tries_left, 5);
			for (unsigned k = 0; k < 3; k++)
				ck_rv(login(s, false, "guess"), CKR_PIN_INCORRECT);
		}
	}
	hz_store_free(s);
	s = open_store(false);
	ck_rv(login(s, false, USER_PIN), CKR_PIN_LOCKED);
	ck_rv(hz_store_set_pin(s, false, bytes(USER_PIN), strlen(USER_PIN), bytes("new"), 3), CKR_PIN_LOCKED);
	ck_ok(login(s, true, SO_PIN));
	ck_ok(hz_store_init_pin(s, bytes("new pin"), 7));
	hz_store_logout(s);
	ck_rv(login(s, false, USER_PIN), CKR_PIN_INCORRECT);
	ck_ok(login(s, false, "new pin"));
	ck_ok(hz_store_load(s, id, &out, &checked));
	ck_assert(checked && has_text(&out, CKA_VALUE, "ssssssssssssssssssssssssssssssss"));
	hz_attrs_free(&out);
	hz_store_free(s);
}
END_TEST

START_TEST(changing_a_pin)
{
	struct hz_store *s = ready_store();

	ck_rv(hz_store_set_pin(s, false, bytes("wrong"), 5, bytes("next"), 4), CKR_PIN_INCORRECT);
	ck_rv(hz_store_set_pin(s, false, bytes(USER_PIN), strlen(USER_PIN), bytes(""), 0), CKR_PIN_LEN_RANGE);
	ck_ok(hz_store_set_pin(s, false, bytes(USER_PIN), strlen(USER_PIN), bytes("next"), 4));
	ck_rv(login(s, false, USER_PIN), CKR_PIN_INCORRECT);
	ck_ok(login(s, false, "next"));
	ck_ok(hz_store_set_pin(s, true, bytes(SO_PIN), strlen(SO_PIN), bytes("so 2"), 4));
	ck_rv(login(s, true, SO_PIN), CKR_PIN_INCORRECT);
	ck_ok(login(s, true, "so 2"));
	hz_store_free(s);
}
END_TEST

START_TEST(initialising_anew)
{
	struct hz_store *s = ready_store(), *other = open_store(false);
	struct hz_attrs a, none = HZ_ATTRS_INIT;
	const struct hz_attrs *set = &a;
	struct hz_store_state st;
	unsigned char label[32];
	uint64_t id;

	make_key(&a, "old", "id");
	id = put(s, &a);
	label_of(label, "two");
	ck_rv(hz_store_init(other, bytes("wrong"), 5, label), CKR_PIN_INCORRECT);
	ck_ok(hz_store_init(other, bytes(SO_PIN), strlen(SO_PIN), label));
	ck_ok(hz_store_state(other, &st));
	ck_assert(!st.user_pin_set && memcmp(st.label, label, 32) == 0);
	ck_assert_uint_eq(count_found(other, &none, true, NULL), 0);
	/* The other store's data key is worth nothing any more, and must not make rows that nobody can read. */
	make_key(&a, "late", "id");
	ck_rv(hz_store_insert(s, &set, 1, &id), CKR_USER_NOT_LOGGED_IN);
	hz_attrs_free(&a);
	ck_rv(hz_store_init_pin(s, bytes("x"), 1), CKR_USER_NOT_LOGGED_IN);
	ck_rv(login(s, false, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED);
	hz_store_free(other);
	hz_store_free(s);
}
END_TEST

/* 12 processes guess at once: no more than the 5 tries are answered. */
START_TEST(guessing_side_by_side)
{
	struct hz_store *s = ready_store();
	int answered = 0, locked = 0;

	hz_store_logout(s);
	for (int i = 0; i < 12; i++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			struct hz_store *mine = open_store(false);
			CK_RV rv = login(mine, false, "guess");

			hz_store_free(mine);
			_exit(rv == CKR_PIN_INCORRECT ? 1 : rv == CKR_PIN_LOCKED ? 2 : 3);
		}
	}
	for (int i = 0; i < 12; i++) {
		int st;

		ck_assert_int_gt(wait(&st), 0);
		ck_assert(WIFEXITED(st) && WEXITSTATUS(st) != 3);
		answered += WEXITSTATUS(st) == 1;
		locked += WEXITSTATUS(st) == 2;
	}
	ck_assert_int_eq(answered, 5);
	ck_assert_int_eq(locked, 7);
	ck_rv(login(s, false, USER_PIN), CKR_PIN_LOCKED);
	hz_store_free(s);
}
END_TEST

/* 10 processes with the right PIN at once: tries that are under way lock nobody out. */
START_TEST(right_side_by_side)
{
	struct hz_store *s = ready_store();
	struct hz_store_state st;

	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			struct hz_store *mine = open_store(false);
			CK_RV rv = login(mine, false, USER_PIN);

			hz_store_free(mine);
			_exit(rv == CKR_OK ? 0 : 1);
		}
	}
	for (int i = 0; i < 10; i++) {
		int status;

		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	ck_ok(hz_store_state(s, &st));
	ck_assert_uint_eq(st.user_tries_left, 5);
	hz_store_free(s);
}
END_TEST

/* A guesser that is killed before the answer has used a try up. */
START_TEST(killed_guesses_count)
{
	struct hz_store *s = ready_store();
	struct hz_store_state st;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)login(open_store(false), false, "guess");
		_exit(0);
	}
	for (int ms = 0; ms < 60000 && hz_store_state(s, &st) == CKR_OK && st.user_tries_left == 5; ms++)
		(void)usleep(1000);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_ok(hz_store_state(s, &st));
	ck_assert_uint_eq(st.user_tries_left, 4);
	hz_store_free(s);
}
END_TEST

/* Authentic, for every login of the same token, and only for those. */
START_TEST(a_login_keeps_a_value)
{
	struct hz_store *s = ready_store(), *other = open_store(false);
	unsigned char label[32];
	uint8_t p[HZ_STORE_KEPT];
	size_t n = 9;

	ck_ok(hz_store_kept(s, p, &n));
	ck_assert_uint_eq(n, 0);
	ck_ok(hz_store_keep(s, bytes("value"), 5));
	ck_rv(hz_store_kept(other, p, &n), CKR_USER_NOT_LOGGED_IN);
	ck_ok(login(other, false, USER_PIN));
	ck_ok(hz_store_kept(other, p, &n));
	ck_assert(n == 5 && memcmp(p, "value", 5) == 0);
	tamper("UPDATE kept SET value = x'00'");
	ck_rv(hz_store_kept(s, p, &n), CKR_SAVED_STATE_INVALID);
	ck_assert_uint_eq(n, 0);
	tamper("DELETE FROM kept");
	ck_rv(hz_store_kept(s, p, &n), CKR_SAVED_STATE_INVALID);
	ck_ok(hz_store_keep(s, bytes("again"), 5));
	label_of(label, "anew");
	ck_ok(hz_store_init(other, bytes(SO_PIN), strlen(SO_PIN), label));
	ck_rv(hz_store_keep(s, bytes("old"), 3), CKR_USER_NOT_LOGGED_IN); /* its token is no more */
	ck_ok(login(other, true, SO_PIN));
	ck_ok(hz_store_kept(other, p, &n));
	ck_assert_uint_eq(n, 0);
	hz_store_free(s);
	hz_store_free(other);
}
END_TEST

static void set_params(int role, const char *hex)
{
	tamper("UPDATE seal SET params = x'%s' WHERE role = %d", hex, role);
}

/* version, kdf, salt, three costs: none of these may be tried, and none uses up a try. */
START_TEST(absurd_costs_are_refused)
{
#define SALT "0000000000000000000000000000000000000000000000000000000000000000"
	static const char *const bad[] = {
		"0101" SALT "800000000000000800000001", /* N = 2^31 */
		"0101" SALT "000100000000000800000100", /* p = 256 */
		"0101" SALT "000100000000100000000001", /* r = 4096 */
		"0101" SALT "000000020000000800000001", /* N = 2 */
		"0101" SALT "000100010000000800000001", /* no power of two */
		"0101" SALT "000000000000000000000000",
		"0102" SALT "ffffffff0000000300000004", /* 4 TiB */
		"0102" SALT "00010000ffffffff00000004",
		"0103" SALT "000100000000000800000001", /* no such hash */
		"0201" SALT "000100000000000800000001", /* no such version */
		"0101" SALT "00010000000000080000000100",
		"0101" SALT "00010000000000080000",
		"",
	};
	struct hz_store *s = ready_store();
	struct hz_store_state st;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		set_params(1, bad[i]);
		ck_rv(login(s, false, USER_PIN), CKR_DEVICE_ERROR);
	}
	ck_ok(hz_store_state(s, &st));
	ck_assert_uint_eq(st.user_tries_left, 5);
	set_params(1, "0101" SALT "000100000000000800000001"); /* sane, and another salt: just wrong */
	ck_rv(login(s, false, USER_PIN), CKR_PIN_INCORRECT);
	tamper("UPDATE seal SET kind = 77 WHERE role = 1");
	ck_rv(login(s, false, USER_PIN), CKR_DEVICE_ERROR);
	tamper("DELETE FROM seal WHERE role = 1");
	ck_rv(login(s, false, USER_PIN), CKR_DEVICE_ERROR);
	ck_ok(login(s, true, SO_PIN));
	ck_ok(hz_store_init_pin(s, bytes("again"), 5)); /* the SO repairs it */
	ck_ok(login(s, false, "again"));
	hz_store_free(s);
}
END_TEST

START_TEST(changed_token_rows)
{
	struct hz_store *s = ready_store();
	struct hz_store_state st;

	tamper("UPDATE login SET wrapped = substr(wrapped, 1, 59) || x'00' WHERE role = 1");
	ck_rv(login(s, false, USER_PIN), CKR_PIN_INCORRECT);
	tamper("UPDATE login SET wrapped = x'0011' WHERE role = 1");
	ck_rv(login(s, false, USER_PIN), CKR_DEVICE_ERROR);
	tamper("UPDATE login SET wrapped = NULL, role = 3 WHERE role = 9 OR 0; UPDATE login SET tries = -1 WHERE role = 0");
	ck_rv(login(s, true, SO_PIN), CKR_PIN_LOCKED);
	tamper("UPDATE login SET tries = 9223372036854775807 WHERE role = 0");
	ck_rv(login(s, true, SO_PIN), CKR_PIN_LOCKED);
	ck_ok(hz_store_state(s, &st));
	ck_assert_uint_eq(st.so_tries_left, 0);
	tamper("UPDATE login SET tries = 0 WHERE role = 0");
	ck_ok(login(s, true, SO_PIN));
	tamper("UPDATE token SET key_id = x'00112233445566778899aabbccddeeff'");
	ck_rv(login(s, true, SO_PIN), CKR_PIN_INCORRECT);
	tamper("UPDATE token SET key_id = 'short'");
	ck_rv(login(s, true, SO_PIN), CKR_DEVICE_ERROR);
	hz_store_free(s);
}
END_TEST

START_TEST(changed_label_serial_tier)
{
	struct hz_store *s = ready_store();

	tamper("UPDATE token SET label = upper(label)");
	tamper("UPDATE token SET label = CAST(label AS BLOB)");
	ck_rv(login(s, false, USER_PIN), CKR_DEVICE_ERROR);
	tamper("UPDATE token SET label = CAST('test token' || substr('                                ', 11) AS BLOB)");
	ck_ok(login(s, false, USER_PIN));
	tamper("UPDATE token SET mac = zeroblob(28)");
	ck_rv(login(s, false, USER_PIN), CKR_DEVICE_ERROR);
	tamper("UPDATE token SET mac = NULL");
	ck_rv(login(s, false, USER_PIN), CKR_DEVICE_ERROR);
	tamper("UPDATE token SET tier = 0");
	ck_rv(login(s, false, USER_PIN), CKR_DEVICE_ERROR);
	tamper("UPDATE token SET tier = 1, serial = 'fedcba9876543210'");
	ck_rv(login(s, false, USER_PIN), CKR_DEVICE_ERROR);
	hz_store_free(s);
}
END_TEST

START_TEST(wiping)
{
	size_t live = hz_secmem_live();
	struct hz_store *s = ready_store();

	ck_assert_uint_eq(hz_secmem_live(), live + 1); /* the data key and nothing else */
	hz_store_logout(s);
	ck_assert_uint_eq(hz_secmem_live(), live);
	hz_store_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store pins");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, store_setup, store_teardown);
	tcase_add_test(tc, states_of_a_token);
	tcase_add_test(tc, lock_out_and_reset);
	tcase_add_test(tc, changing_a_pin);
	tcase_add_test(tc, initialising_anew);
	tcase_add_test(tc, guessing_side_by_side);
	tcase_add_test(tc, right_side_by_side);
	tcase_add_test(tc, killed_guesses_count);
	tcase_add_test(tc, a_login_keeps_a_value);
	tcase_add_test(tc, absurd_costs_are_refused);
	tcase_add_test(tc, changed_token_rows);
	tcase_add_test(tc, changed_label_serial_tier);
	tcase_add_test(tc, wiping);
	suite_add_tcase(s, tc);
	return run_case(s);
}
