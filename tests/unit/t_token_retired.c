/* SPDX-License-Identifier: Apache-2.0 */
/* A key that ended is out of secret memory, though sessions keep their last operation to begin the next one faster. */
#include <check.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "base/secmem.h"

#define SESSIONS 40

static char dir[64];
static CK_SESSION_HANDLE session[SESSIONS];

#define ok(call) ck_assert_uint_eq((call), CKR_OK)

static void setup(void)
{
	(void)snprintf(dir, sizeof dir, "/tmp/hz-retired-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	setenv("HANZO_PKCS11_STORE", dir, 1);
	setenv("HOME", dir, 1);
	setenv("HANZO_PKCS11_LOG", "none", 1);
	unsetenv("HANZO_PKCS11_CONF");
	unsetenv("XDG_CONFIG_HOME");
	ok(hz_api_Initialize(NULL));
	for (int i = 0; i < SESSIONS; i++)
		ok(hz_api_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session[i]));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void teardown(void)
{
	ok(hz_api_Finalize(NULL));
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static CK_OBJECT_HANDLE make_key(CK_SESSION_HANDLE h)
{
	static CK_BBOOL yes = CK_TRUE;
	static CK_ULONG len = 32;
	CK_MECHANISM gen = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_ATTRIBUTE t[] = { { CKA_SIGN, &yes, 1 }, { CKA_VALUE_LEN, &len, sizeof len } };
	CK_OBJECT_HANDLE key;

	ok(hz_api_GenerateKey(h, &gen, t, 2, &key));
	return key;
}

static CK_RV use(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 };
	CK_BYTE data[8] = { 1 }, mac[32];
	CK_ULONG n = sizeof mac;
	CK_RV rv = hz_api_SignInit(h, &hmac, key);

	return rv == CKR_OK ? hz_api_Sign(h, data, sizeof data, mac, &n) : rv;
}

/* Live blocks without any key; what is made once only is made before. */
static size_t at_rest(void)
{
	CK_OBJECT_HANDLE key = make_key(session[0]);

	ok(hz_api_DestroyObject(session[0], key));
	return hz_secmem_live();
}

START_TEST(destroyed)
{
	size_t before = at_rest();
	CK_OBJECT_HANDLE key = make_key(session[0]);

	for (int i = 0; i < SESSIONS; i++)
		ok(use(session[i], key));
	ck_assert_uint_gt(hz_secmem_live(), before);
	ok(hz_api_DestroyObject(session[1], key));
	ck_assert_uint_eq(hz_secmem_live(), before);
	ck_assert_uint_eq(use(session[2], key), CKR_KEY_HANDLE_INVALID);
}
END_TEST

/* The session that made it is closed. */
START_TEST(owner_closed)
{
	size_t before = at_rest();
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE own;

	ok(hz_api_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &own));
	key = make_key(own);
	for (int i = 0; i < SESSIONS; i++)
		ok(use(session[i], key));
	ok(hz_api_CloseSession(own));
	ck_assert_uint_eq(hz_secmem_live(), before);
}
END_TEST

/* Other keys' operations stay, and so does one that is running. */
START_TEST(others_stay)
{
	size_t before = at_rest(), with_one;
	CK_OBJECT_HANDLE a = make_key(session[0]), b;
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 };
	CK_BYTE data[8] = { 1 }, mac[32];
	CK_ULONG n = sizeof mac;

	ok(use(session[1], a));
	with_one = hz_secmem_live();
	b = make_key(session[0]);
	ok(use(session[2], b));
	ok(hz_api_SignInit(session[3], &hmac, b));
	ok(hz_api_DestroyObject(session[0], b));
	ck_assert_uint_gt(hz_secmem_live(), with_one); /* session 3 is at work */
	ok(hz_api_Sign(session[3], data, sizeof data, mac, &n));
	ck_assert_uint_eq(hz_secmem_live(), with_one);
	ok(hz_api_DestroyObject(session[0], a));
	ck_assert_uint_eq(hz_secmem_live(), before);
}
END_TEST

/* Threads that use a key while it is destroyed: whoever was busy lets go by itself. */
static _Atomic CK_OBJECT_HANDLE shared;
static atomic_bool over;

static void *worker(void *arg)
{
	CK_SESSION_HANDLE h = *(CK_SESSION_HANDLE *)arg;

	while (!over) {
		CK_RV rv = use(h, shared);

		ck_assert(rv == CKR_OK || rv == CKR_KEY_HANDLE_INVALID);
	}
	return NULL;
}

START_TEST(threads)
{
	size_t before = at_rest();
	pthread_t t[4];

	over = false;
	shared = make_key(session[0]);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, worker, &session[i + 1]), 0);
	for (int i = 0; i < 300; i++) {
		CK_OBJECT_HANDLE old = shared;

		shared = make_key(session[0]);
		ok(hz_api_DestroyObject(session[0], old));
	}
	over = true;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(t[i], NULL), 0);
	ok(hz_api_DestroyObject(session[0], shared));
	ck_assert_uint_eq(hz_secmem_live(), before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("token_retired");
	TCase *t = tcase_create("retired");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, destroyed);
	tcase_add_test(t, owner_closed);
	tcase_add_test(t, others_stay);
	tcase_add_test(t, threads);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
