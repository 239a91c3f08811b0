/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens whose user has no PIN: made by their first login, opened by what the seals release, never by a PIN alone. */
#include "store_util.h"

#include <pthread.h>
#include <stdatomic.h>

#include "store/seal.h"

static struct hz_store *open_sealed(void)
{
	static const unsigned sim[] = { HZ_SEAL_SIM };
	char dir[80];
	struct hz_store_conf conf = { .dir = dir, .serial = SERIAL, .tier = 3, .max_tries = 5, .seals = sim, .n_seals = 1, .label = "sealed" };
	struct hz_store *s;

	(void)snprintf(dir, sizeof dir, "%s/s", test_dir);
	ck_ok(hz_store_new(&s, &conf));
	return s;
}

static CK_RV user(struct hz_store *s)
{
	return hz_store_login(s, false, NULL, 0, true);
}

START_TEST(first_login_makes_it)
{
	struct hz_store *s = open_sealed();
	struct hz_store_state st;
	struct hz_attrs key, out;
	unsigned char label[32];
	uint64_t id;
	bool checked;

	ck_ok(user(s));
	ck_ok(hz_store_state(s, &st));
	ck_assert(st.initialised && st.user_pin_set && st.user_tries_left == 5 && memcmp(st.label, "sealed    ", 10) == 0);
	make_key(&key, "key", "id");
	id = put(s, &key);
	hz_store_free(s);
	s = open_sealed();
	ck_ok(user(s));
	ck_ok(hz_store_load(s, id, &out, &checked));
	ck_assert(checked && has_text(&out, CKA_VALUE, "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"));
	hz_attrs_free(&out);
	label_of(label, "new");
	ck_rv(hz_store_init(s, bytes(SO_PIN), strlen(SO_PIN), label), CKR_TOKEN_WRITE_PROTECTED);
	ck_rv(hz_store_init_pin(s, bytes("x"), 1), CKR_FUNCTION_NOT_SUPPORTED);
	ck_rv(hz_store_login(s, true, bytes("x"), 1, true), CKR_USER_PIN_NOT_INITIALIZED);
	hz_store_free(s);
}
END_TEST

START_TEST(with_an_so)
{
	struct hz_store *s = open_sealed();
	unsigned char label[32];
	struct hz_attrs key, none = HZ_ATTRS_INIT;

	label_of(label, "new");
	ck_ok(hz_store_init(s, bytes(SO_PIN), strlen(SO_PIN), label));
	ck_ok(user(s));
	make_key(&key, "key", "id");
	(void)put(s, &key);
	hz_store_logout(s);
	ck_rv(hz_store_login(s, true, bytes("wrong"), 5, true), CKR_PIN_INCORRECT);
	ck_ok(hz_store_login(s, true, bytes(SO_PIN), strlen(SO_PIN), true));
	hz_store_logout(s);
	ck_rv(hz_store_init(s, bytes("wrong"), 5, label), CKR_PIN_INCORRECT);
	ck_ok(hz_store_init(s, bytes(SO_PIN), strlen(SO_PIN), label));
	ck_ok(user(s));
	ck_assert_uint_eq(count_found(s, &none, true, NULL), 0);
	hz_store_free(s);
}
END_TEST

/* Other parameters, another kind, another row's wrapped key: refused, and no try is counted. */
START_TEST(changed_seals)
{
	struct hz_store *s = open_sealed();
	struct hz_store_state st;

	ck_ok(user(s));
	hz_store_logout(s);
	tamper("UPDATE seal SET params = x'01' || zeroblob(32) WHERE role = 1");
	ck_rv(user(s), CKR_DEVICE_ERROR);
	tamper("UPDATE seal SET params = zeroblob(7) WHERE role = 1");
	ck_rv(user(s), CKR_DEVICE_ERROR);
	tamper("UPDATE seal SET kind = 77 WHERE role = 1");
	ck_rv(user(s), CKR_DEVICE_ERROR);
	ck_ok(hz_store_state(s, &st));
	ck_assert_uint_eq(st.user_tries_left, 5);
	hz_store_free(s);
}
END_TEST

/* Who looks while the token is made sees none yet, or a whole one. A thread says nothing to Check, and tells what it found. */
struct looker {
	pthread_t thread;
	struct hz_store *s;
	struct hz_store_state st;
	CK_RV rv;
};

static atomic_bool made;
static pthread_barrier_t looking;

static void *look(void *arg)
{
	struct looker *l = arg;

	(void)pthread_barrier_wait(&looking);
	do {
		bool last = made;

		l->rv = hz_store_state(l->s, &l->st);
		if (last)
			break;
	} while (l->rv == CKR_OK && !l->st.initialised);
	return NULL;
}

START_TEST(looked_at_while_made)
{
	for (int round = 0; round < 20; round++) {
		struct hz_store *maker = open_sealed();
		struct looker l[3];
		CK_RV rv;

		made = false;
		ck_assert_int_eq(pthread_barrier_init(&looking, NULL, 4), 0);
		for (int i = 0; i < 3; i++) {
			l[i] = (struct looker){ .s = open_sealed() };
			ck_assert_int_eq(pthread_create(&l[i].thread, NULL, look, &l[i]), 0);
		}
		(void)pthread_barrier_wait(&looking);
		rv = user(maker);
		made = true; /* whoever has seen none yet looks once more */
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(pthread_join(l[i].thread, NULL), 0);
		(void)pthread_barrier_destroy(&looking);
		ck_ok(rv);
		for (int i = 0; i < 3; i++) {
			ck_ok(l[i].rv);
			ck_assert(l[i].st.initialised && l[i].st.user_pin_set);
			hz_store_free(l[i].s);
		}
		hz_store_free(maker);
		store_teardown();
		store_setup();
	}
}
END_TEST

START_TEST(names)
{
	ck_assert(hz_seal_by_name("pin") == &hz_seal_pin && hz_seal_by_name("sim") == &hz_seal_sim);
	ck_assert(hz_seal_by_name("") == NULL && hz_seal_by_name("pi") == NULL && hz_seal_by_name("hsm2") == NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_sealed");
	TCase *t = tcase_create("sealed");

	tcase_add_checked_fixture(t, store_setup, store_teardown);
	tcase_add_test(t, first_login_makes_it);
	tcase_add_test(t, with_an_so);
	tcase_add_test(t, changed_seals);
	tcase_add_test(t, looked_at_while_made);
	tcase_add_test(t, names);
	suite_add_tcase(s, t);
	return run_case(s);
}
