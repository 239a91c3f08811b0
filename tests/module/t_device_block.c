/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that does not come back from a call keeps the threads that are in it, and nobody else: others go on as long as it answers
 * them, and are refused at once when it answers nothing. What it held is whole when it comes back.
 */
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sys/file.h>

/* What the module measures the device's silence with passes only where a test says so: a slow machine is no silence. */
#define TEST_CLOCK CLOCK_MONOTONIC_COARSE
#include "clock.h"
#include "mock.h"

#define MANY 6

static CK_OBJECT_HANDLE key;

struct job {
	pthread_t id;
	const char *label;
	CK_RV rv;
	_Atomic bool done;
};

static void *sign_one(void *arg)
{
	struct job *j = arg;
	CK_SESSION_HANDLE s = p11_open(SLOT, 0);

	j->rv = try_sign(s, key);
	OK(p11->C_CloseSession(s));
	j->done = true;
	return NULL;
}

static void begin(struct job *j)
{
	*j = (struct job){ .rv = CKR_GENERAL_ERROR };
	CHECK(pthread_create(&j->id, NULL, sign_one, j) == 0);
}

static CK_RV end(struct job *j)
{
	CHECK(pthread_join(j->id, NULL) == 0);
	return j->rv;
}

static void pause_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

static void until_blocked(unsigned n)
{
	for (int i = 0; i < 3000 && mock.blocked() < n; i++)
		pause_ms(10);
	CHECK(mock.blocked() == n);
}

/* One call that hangs; the device answers all others. */
static void test_one(CK_SESSION_HANDLE s)
{
	struct job j;

	mock_say(&mock, "C_Sign 1 block\n");
	begin(&j);
	until_blocked(1);
	for (int i = 0; i < 20; i++) { /* longer than the deadline, all in all */
		OK(try_sign(s, key));
		clock_pass_ms(100);
	}
	clock_pass_ms(1500); /* idle for longer than the deadline: the first call tries, and finds the device well */
	OK(try_sign(s, key));
	OK(try_sign(s, key));
	CHECK(!j.done);
	mock.release();
	RV(end(&j), CKR_OK);
	CHECK(mock.calls("C_Sign") == 23); /* the blocked one was not asked for again */
}

/* Every call hangs. */
static void test_all(CK_SESSION_HANDLE s)
{
	struct job first, probe, late[MANY];
	CK_BYTE random[16];

	mock_say(&mock, "C_SignInit * block\n");
	begin(&first);
	until_blocked(1);
	clock_pass_ms(1500);
	begin(&probe); /* who comes first after the deadline tries */
	until_blocked(2);
	for (int i = 0; i < MANY; i++)
		begin(&late[i]);
	for (int i = 0; i < MANY; i++)
		RV(end(&late[i]), CKR_DEVICE_ERROR);
	CHECK(mock.blocked() == 2);
	OK(p11->C_GenerateRandom(s, random, sizeof random)); /* needs no device */
	mock_say(&mock, "# well again\n");
	mock.release();
	RV(end(&first), CKR_OK);
	RV(end(&probe), CKR_OK);
	OK(try_sign(s, key));
}

/* Behind a list of objects that does not end: look-ups that need none of it, and searches, which give up. */
static void test_list(CK_SESSION_HANDLE s)
{
	CK_SESSION_HANDLE other = p11_open(SLOT, 0);
	CK_BYTE id[32];
	CK_ATTRIBUTE a = { CKA_ID, id, sizeof id };
	struct job j;

	mock_say(&mock, "C_SignInit 1 login\nC_FindObjectsInit 1 block\n");
	begin(&j); /* its login is lost, so that handles are looked up anew */
	until_blocked(1);
	mock_say(&mock, "# the list alone hangs\n");
	CHECK(try_sign(other, key) == CKR_DEVICE_ERROR); /* wants the list, too */
	mock.release();
	RV(end(&j), CKR_OK);
	OK(try_sign(other, key));
	OK(p11->C_GetAttributeValue(s, key, &a, 1));
	OK(p11->C_CloseSession(other));
}

/* ---- what is kept beside the device ---- */

static CK_RV make_limited(CK_SESSION_HANDLE s, const char *label)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_MECHANISM_TYPE only = CKM_AES_GCM;
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_ENCRYPT, &yes, 1 }, { CKA_VALUE_LEN, &len, sizeof len },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, { CKA_ID, (void *)(uintptr_t)label, strlen(label) },
			     { CKA_ALLOWED_MECHANISMS, &only, sizeof only } };
	CK_OBJECT_HANDLE h;

	return p11->C_GenerateKey(s, &m, t, 6, &h);
}

/* What a search for the key says; CKR_OBJECT_HANDLE_INVALID: it has found none. */
static CK_RV look_for(CK_SESSION_HANDLE s, const char *label)
{
	CK_ATTRIBUTE t = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
	CK_BYTE got[32];
	CK_ATTRIBUTE name = { CKA_LABEL, got, sizeof got };
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;
	CK_ULONG n = 0;
	CK_RV rv = p11->C_FindObjectsInit(s, &t, 1);

	if (rv != CKR_OK)
		return rv;
	rv = p11->C_FindObjects(s, &h, 1, &n);
	OK(p11->C_FindObjectsFinal(s));
	if (rv == CKR_OK)
		rv = n != 0 ? p11->C_GetAttributeValue(s, h, &name, 1) : CKR_OBJECT_HANDLE_INVALID;
	return rv;
}

static void *look_one(void *arg)
{
	struct job *j = arg;
	CK_SESSION_HANDLE s = p11_open(SLOT, 0);

	j->rv = look_for(s, j->label);
	OK(p11->C_CloseSession(s));
	j->done = true;
	return NULL;
}

static void begin_look(struct job *j, const char *label)
{
	*j = (struct job){ .label = label, .rv = CKR_GENERAL_ERROR };
	CHECK(pthread_create(&j->id, NULL, look_one, j) == 0);
}

static void *logout_one(void *arg)
{
	struct job *j = arg;
	CK_SESSION_HANDLE s = p11_open(SLOT, 0);

	j->rv = p11->C_Logout(s);
	OK(p11->C_CloseSession(s));
	j->done = true;
	return NULL;
}

static bool comes_back(const struct job *j)
{
	for (int i = 0; i < 3000 && !j->done; i++)
		pause_ms(10);
	return j->done;
}

/* The device hangs while the store beside it is opened: others who need that store give up, and a logout waits for nobody. */
static void test_side(CK_SESSION_HANDLE s)
{
	struct job first, other, out;

	OK(make_limited(s, "limited"));
	OK(p11->C_Logout(s)); /* so that the store opens anew */
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	mock_say(&mock, "C_EncryptInit * block\n");
	begin_look(&first, "limited");
	until_blocked(1);
	begin_look(&other, "blocked");
	CHECK(comes_back(&other) && other.rv != CKR_OK);
	out = (struct job){ .rv = CKR_GENERAL_ERROR };
	CHECK(pthread_create(&out.id, NULL, logout_one, &out) == 0);
	CHECK(comes_back(&out) && !first.done);
	mock_say(&mock, "# well again\n");
	mock.release();
	(void)end(&first); /* whatever the device says of a session that is not logged in any more */
	(void)end(&other);
	RV(end(&out), CKR_OK);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	OK(look_for(s, "limited"));
	OK(look_for(s, "blocked"));
}

/* Another process keeps the store's file: changes to it give up, and what they were for is not left behind. */
static void test_file(CK_SESSION_HANDLE s)
{
	struct timespec from, to;
	char pattern[160];
	glob_t found;
	int fd;

	snprintf(pattern, sizeof pattern, "%s/store/*.side.lock", p11_dir);
	CHECK(glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1);
	fd = open(found.gl_pathv[0], O_RDWR | O_CLOEXEC);
	globfree(&found);
	CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
	alarm(60); /* it would wait for ever */
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	RV(make_limited(s, "late"), CKR_DEVICE_ERROR);
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	alarm(0);
	CHECK(to.tv_sec - from.tv_sec >= 1);
	RV(look_for(s, "late"), CKR_OBJECT_HANDLE_INVALID);
	OK(look_for(s, "limited")); /* reading changes nothing */
	CHECK(close(fd) == 0);
	OK(make_limited(s, "late"));
	OK(look_for(s, "late"));
}

/* More callers than sessions: those that find none in time say so. */
static void test_pool(void)
{
	CK_SESSION_HANDLE s;
	struct job j[2];

	configure(mock.path, "deadline = 2\nsessions = 2\n");
	OK(p11->C_Initialize(NULL));
	s = p11_open(SLOT, CKF_RW_SESSION);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	key = find_key(s, CKO_PRIVATE_KEY, "blocked");
	OK(try_sign(s, key));
	mock_say(&mock, "C_Sign * block\n");
	begin(&j[0]);
	begin(&j[1]);
	until_blocked(2);
	RV(try_sign(s, key), CKR_TOKEN_RESOURCE_EXCEEDED);
	mock_say(&mock, "# well again\n");
	mock.release();
	RV(end(&j[0]), CKR_OK);
	RV(end(&j[1]), CKR_OK);
	OK(try_sign(s, key));
	OK(p11->C_Finalize(NULL));
}

int main(void)
{
	CK_SESSION_HANDLE s;

	mock_start();
	configure(mock.path, "deadline = 1\n");
	OK(p11->C_Initialize(NULL));
	s = p11_open(SLOT, CKF_RW_SESSION);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	key = ec_pair(s, "blocked", CK_FALSE).priv;
	test_one(s);
	test_all(s);
	test_list(s);
	test_side(s);
	test_file(s);
	OK(p11->C_Finalize(NULL));
	test_pool();
	return p11_end();
}
