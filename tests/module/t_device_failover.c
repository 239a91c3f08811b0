/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot with two modules that hold the same keys: which one serves, what happens when one of them fails, and that nothing is signed
 * twice. Each is a SoftHSM2 of its own behind a mock of its own.
 */
#include <pthread.h>

#include "mock.h"
#include "model.h"

static struct mock a, b;
static CK_BYTE key_id[] = { 0x5a, 1 };
static CK_BYTE d[] = { 0xc9, 0xaf, 0xa9, 0xd8, 0x45, 0xba, 0x75, 0x16, 0x6b, 0x5c, 0x21, 0x57, 0x67, 0xb1, 0xd6, 0x93,
		       0x4e, 0x50, 0xc3, 0xdb, 0x36, 0xe8, 0x9b, 0x12, 0x7b, 0x8a, 0x62, 0x2b, 0x12, 0x0f, 0x67, 0x21 };
static CK_BYTE q[] = { 0x04, 0x41, 0x04, 0x60, 0xfe, 0xd4, 0xba, 0x25, 0x5a, 0x9d, 0x31, 0xc9, 0x61, 0xeb, 0x74, 0xc6, 0x35,
		       0x6d, 0x68, 0xc0, 0x49, 0xb8, 0x92, 0x3b, 0x61, 0xfa, 0x6c, 0xe6, 0x69, 0x62, 0x2e, 0x60, 0xf2, 0x9f,
		       0xb6, 0x79, 0x03, 0xfe, 0x10, 0x08, 0xb8, 0xbc, 0x99, 0xa4, 0x1a, 0xe9, 0xe9, 0x56, 0x28, 0xbc, 0x64,
		       0xf2, 0xf1, 0xb2, 0x0c, 0x2d, 0x7e, 0x9f, 0x51, 0x77, 0xa3, 0xc2, 0x94, 0xd4, 0x46, 0x22, 0x99 }; /* RFC 6979 A.2.5 */
static CK_BYTE aes[32] = { 1, 2, 3 };

static void pause_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

static void create(CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_OBJECT_HANDLE h;

	OK(p11->C_CreateObject(s, t, n, &h));
}

/* The keys that both have, and one of the same name that is another key in each. */
static void fill(const char *module, const char *token)
{
	CK_OBJECT_CLASS pub = CKO_PUBLIC_KEY, priv = CKO_PRIVATE_KEY, secret = CKO_SECRET_KEY;
	CK_KEY_TYPE ec = CKK_EC, kt = CKK_AES;
	CK_ATTRIBUTE p[] = { { CKA_CLASS, &pub, sizeof pub }, { CKA_KEY_TYPE, &ec, sizeof ec }, { CKA_TOKEN, &yes, 1 },
			     { CKA_ID, key_id, sizeof key_id }, { CKA_LABEL, (void *)(uintptr_t)"shared", 6 },
			     { CKA_EC_PARAMS, p256_oid, sizeof p256_oid }, { CKA_EC_POINT, q, sizeof q }, { CKA_VERIFY, &yes, 1 } };
	CK_ATTRIBUTE k[] = { { CKA_CLASS, &priv, sizeof priv }, { CKA_KEY_TYPE, &ec, sizeof ec }, { CKA_TOKEN, &yes, 1 },
			     { CKA_ID, key_id, sizeof key_id }, { CKA_LABEL, (void *)(uintptr_t)"shared", 6 },
			     { CKA_EC_PARAMS, p256_oid, sizeof p256_oid }, { CKA_VALUE, d, sizeof d }, { CKA_SIGN, &yes, 1 },
			     { CKA_DERIVE, &yes, 1 } };
	CK_ATTRIBUTE x[] = { { CKA_CLASS, &secret, sizeof secret }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &yes, 1 },
			     { CKA_ID, key_id, sizeof key_id }, { CKA_LABEL, (void *)(uintptr_t)"shared", 6 }, { CKA_VALUE, aes, sizeof aes },
			     { CKA_ENCRYPT, &yes, 1 }, { CKA_DECRYPT, &yes, 1 } };
	char more[100];
	CK_SESSION_HANDLE s;

	snprintf(more, sizeof more, "token = %s\n", token);
	configure(module, more);
	OK(p11->C_Initialize(NULL));
	s = p11_open(SLOT, CKF_RW_SESSION);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	create(s, p, 8);
	create(s, k, 9);
	create(s, x, 8);
	(void)ec_pair(s, "namesake", CK_FALSE);
	OK(p11->C_Finalize(NULL));
}

static void copy_file(const char *from, const char *name, char *to, size_t room)
{
	char cmd[800];

	snprintf(to, room, "%s/%s", p11_dir, name);
	snprintf(cmd, sizeof cmd, "cp '%s' '%s'", from, to);
	if (system(cmd) != 0)
		exit(99);
}

static void make(struct mock *m, const char *letter)
{
	char name[20], soft[300], path[300], token[20];

	snprintf(token, sizeof token, "device-%s", letter);
	make_device(token);
	snprintf(name, sizeof name, "soft-%s.so", letter);
	copy_file(softhsm_module(), name, soft, sizeof soft);
	snprintf(name, sizeof name, "mock-%s.so", letter);
	copy_file(mock.path, name, path, sizeof path);
	mock_open(m, path);
	mock_say(m, "real %s\n", soft);
	fill(path, token);
}

static CK_SESSION_HANDLE start(const char *more)
{
	char text[1000];
	CK_SESSION_HANDLE s;

	mock_say(&a, "# no fault\n");
	mock_say(&b, "# no fault\n");
	snprintf(text, sizeof text, "token = device-a\nmodule.2 = %s\ntoken.2 = device-b\nhealth_interval = 1\n%s", b.path, more);
	configure(a.path, text);
	OK(p11->C_Initialize(NULL));
	s = p11_open(SLOT, CKF_RW_SESSION);
	return s;
}

static CK_SESSION_HANDLE start_logged_in(const char *more)
{
	CK_SESSION_HANDLE s = start(more);

	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	return s;
}

static struct pair shared(CK_SESSION_HANDLE s)
{
	return (struct pair){ find_key(s, CKO_PUBLIC_KEY, "shared"), find_key(s, CKO_PRIVATE_KEY, "shared") };
}

/* Is there a record in the token's audit log? */
static bool recorded(const char *pattern)
{
	char cmd[400];

	snprintf(cmd, sizeof cmd, "grep -rqs --include='*.audit' '%s' '%s'", pattern, p11_dir);
	return system(cmd) == 0;
}

static bool logged(const char *what)
{
	char cmd[300];

	snprintf(cmd, sizeof cmd, "grep -q '%s' '%s/log'", what, p11_dir);
	return system(cmd) == 0;
}

static unsigned long lines(const char *what)
{
	char cmd[300];
	unsigned long n = 0;
	FILE *f;

	snprintf(cmd, sizeof cmd, "grep -c '%s' '%s/log'", what, p11_dir);
	f = popen(cmd, "r");
	if (f == NULL || fscanf(f, "%lu", &n) != 1)
		n = 0;
	if (f != NULL)
		(void)pclose(f);
	return n;
}

/* Until module a serves again. */
static void until_back(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE k)
{
	mock_say(&a, "# no fault\n");
	for (int i = 0; i < 200 && a.calls("C_Sign") == 0; i++) {
		OK(try_sign(s, k));
		pause_ms(50);
	}
	CHECK(a.calls("C_Sign") != 0);
}

/* One fails, the other serves; handles stay; the first is used again when it is well. */
static void test_fails(void)
{
	CK_SESSION_HANDLE s = start_logged_in("");
	struct pair k = shared(s);
	CK_BYTE id[8];
	CK_ATTRIBUTE at = { CKA_ID, id, sizeof id };
	unsigned long before;

	for (int i = 0; i < 5; i++)
		sign_verify(s, k);
	CHECK(a.calls("C_Sign") == 5 && b.calls("C_Sign") == 0);
	mock_say(&a, "C_SignInit 1 die\n");
	sign_verify(s, k);
	CHECK(b.calls("C_Sign") == 1);
	CHECK(logged("a key was used in module.2 .*after another one failed"));
	CHECK(recorded("\"function\":\"C_Sign\".*\"module\":2"));
	for (int i = 0; i < 5; i++)
		sign_verify(s, k);
	CHECK(logged("module.1 .*3 times in a row"));
	before = a.calls("");
	for (int i = 0; i < 5; i++)
		sign_verify(s, k);
	CHECK(a.calls("") <= before + 8); /* a look at its health may have come, but no use */
	CHECK(a.calls("C_Sign") == 0 && b.calls("C_Sign") == 11);
	CHECK(find_key(s, CKO_PRIVATE_KEY, "shared") == k.priv); /* the handles are those of before */
	CHECK(find_key(s, CKO_PUBLIC_KEY, "shared") == k.pub);
	OK(p11->C_GetAttributeValue(s, k.priv, &at, 1));
	CHECK(at.ulValueLen == sizeof key_id && memcmp(id, key_id, sizeof key_id) == 0);
	a.revive();
	until_back(s, k.priv);
	CHECK(logged("module.1 ([^)]*) is healthy again"));
	OK(p11->C_Finalize(NULL));
}

/* What may have been signed is not signed elsewhere; what was not, is. */
static void test_once(void)
{
	static const struct {
		const char *script;
		CK_RV rv;
		unsigned long at_a, at_b;
	} rows[] = {
		{ "C_Sign 1 done 0x32\n", CKR_DEVICE_REMOVED, 1, 0 },    /* signed, and removed */
		{ "C_Sign 1 dying 1\n", CKR_DEVICE_REMOVED, 1, 0 },
		{ "C_Sign 1 rv 0x32\n", CKR_DEVICE_REMOVED, 1, 0 },      /* nobody knows */
		{ "C_Sign 1 rv 0x30\n", CKR_DEVICE_ERROR, 1, 0 },
		{ "C_Sign * rv 0xb3\n", CKR_OK, 2, 1 },                  /* no session, no signature: again, then elsewhere */
		{ "C_SignInit * rv 0x30\n", CKR_OK, 0, 1 },              /* not asked for a signature yet */
		{ "C_SignInit 1 die 30\n", CKR_OK, 0, 1 },
	};
	CK_SESSION_HANDLE s = start_logged_in("health_failures = 1000\n");
	struct pair k = shared(s);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		mock_say(&a, "%s", rows[i].script);
		mock_say(&b, "# count\n");
		if (!RV(try_sign(s, k.priv), rows[i].rv) || a.calls("C_Sign") != rows[i].at_a || b.calls("C_Sign") != rows[i].at_b) {
			fprintf(stderr, "%s: %lu and %lu signatures\n", rows[i].script, a.calls("C_Sign"), b.calls("C_Sign"));
			p11_failures++;
		}
		a.revive();
		until_back(s, k.priv);
	}
	OK(p11->C_Finalize(NULL));
}

/* An operation in several parts goes on elsewhere, from its beginning. */
static void test_parts(void)
{
	CK_SESSION_HANDLE s = start_logged_in("");
	CK_OBJECT_HANDLE k = find_key(s, CKO_SECRET_KEY, "shared");
	CK_BYTE iv[16] = { 9 }, in[96] = { 3, 4 }, ct[2][128];
	CK_MECHANISM m = { CKM_AES_CBC_PAD, iv, 16 };

	for (int round = 0; round < 2; round++) {
		CK_ULONG n = 128, more;

		OK(p11->C_EncryptInit(s, &m, k));
		OK(p11->C_EncryptUpdate(s, in, 50, ct[round], &n));
		mock_say(&a, round == 1 ? "C_EncryptUpdate 1 die\n" : "# no fault\n");
		more = 128 - n;
		OK(p11->C_EncryptUpdate(s, in + 50, 46, ct[round] + n, &more));
		n += more;
		more = 128 - n;
		OK(p11->C_EncryptFinal(s, ct[round] + n, &more));
		CHECK(n + more == 112);
	}
	CHECK(memcmp(ct[0], ct[1], 112) == 0);
	CHECK(b.calls("C_EncryptFinal") == 1);
	a.revive();
	OK(p11->C_Finalize(NULL));
}

/* A file's key is wrapped where there is a module that does it; what one wrapped the other unwraps. */
static void test_model(void)
{
	CK_SESSION_HANDLE s = start_logged_in("");
	CK_OBJECT_HANDLE k = find_key(s, CKO_SECRET_KEY, "shared");
	struct model_text text = model_plain(70000), file, back;

	mock_say(&a, "C_EncryptInit 1 die\n");
	OK(model_parts(s, k, true, &text, 999, &file));
	CHECK(a.hits() == 1 && b.calls("C_Encrypt") == 1);
	OK(model_parts(s, k, false, &file, 1234, &back));
	CHECK(model_same(&back, &text));
	free(back.p);
	a.revive();
	mock_say(&a, "# no fault\n");
	mock_say(&b, "C_DecryptInit 1 die\n");
	until_back(s, find_key(s, CKO_PRIVATE_KEY, "shared"));
	OK(model_once(s, k, false, &file, &back));
	CHECK(model_same(&back, &text));
	free(back.p);
	free(file.p);
	free(text.p);
	b.revive();
	OK(p11->C_Finalize(NULL));
}

/* Another key of the same CKA_ID and label is not the same key. */
static void test_namesake(void)
{
	CK_SESSION_HANDLE s = start_logged_in("");
	CK_OBJECT_HANDLE k = find_key(s, CKO_PRIVATE_KEY, "namesake");

	OK(try_sign(s, k));
	mock_say(&a, "C_SignInit 1 die\n");
	RV(try_sign(s, k), CKR_DEVICE_REMOVED);
	RV(try_sign(s, k), CKR_DEVICE_REMOVED);
	CHECK(b.calls("C_Sign") == 0);
	OK(try_sign(s, shared(s).priv));
	a.revive();
	OK(p11->C_Finalize(NULL));
}

static void test_weights(void)
{
	CK_SESSION_HANDLE s = start_logged_in("weight = 3\nweight.2 = 1\n");
	CK_OBJECT_HANDLE k = shared(s).priv;

	mock_say(&a, "# count\n");
	mock_say(&b, "# count\n");
	for (int i = 0; i < 40; i++)
		OK(try_sign(s, k));
	CHECK(a.calls("C_Sign") == 30 && b.calls("C_Sign") == 10);
	OK(p11->C_Finalize(NULL));
}

/* A child has nothing of its parent's, which goes on. */
static void test_fork(void)
{
	CK_SESSION_HANDLE s = start_logged_in("");
	CK_OBJECT_HANDLE k = shared(s).priv;
	pid_t pid;

	OK(try_sign(s, k));
	pid = fork();
	if (pid == 0) {
		OK(p11->C_Initialize(NULL));
		s = p11_open(SLOT, 0);
		RV(p11_login(s, CKU_USER, "wrong-pin"), CKR_PIN_INCORRECT);
		OK(p11_login(s, CKU_USER, DEVICE_PIN));
		OK(try_sign(s, shared(s).priv));
		mock_say(&a, "C_SignInit 1 die\n");
		OK(try_sign(s, shared(s).priv));
		OK(p11->C_Finalize(NULL));
		_exit(p11_failures == 0 ? 0 : 1);
	}
	p11_wait(pid);
	OK(try_sign(s, k));
	OK(p11->C_Finalize(NULL));
}

/* One is away when the application starts, and is logged in when it comes. */
static void test_late(void)
{
	char text[1000];
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE k;

	mock_say(&a, "C_Initialize 1 die\n");
	snprintf(text, sizeof text, "token = device-a\nmodule.2 = %s\ntoken.2 = device-b\nhealth_interval = 1\n", b.path);
	configure(a.path, text);
	OK(p11->C_Initialize(NULL));
	s = p11_open(SLOT, CKF_RW_SESSION);
	RV(p11_login(s, CKU_USER, "wrong-pin"), CKR_PIN_INCORRECT);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	k = shared(s).priv;
	OK(try_sign(s, k));
	a.revive();
	until_back(s, k);
	OK(p11->C_Logout(s));
	RV(try_sign(s, k), CKR_KEY_HANDLE_INVALID);
	OK(p11->C_Finalize(NULL));
}

static bool present(void)
{
	CK_SLOT_INFO info = { 0 };

	OK(p11->C_GetSlotInfo(SLOT, &info));
	return (info.flags & CKF_TOKEN_PRESENT) != 0;
}

static bool wait_present(void)
{
	for (int i = 0; i < 100 && !present(); i++)
		pause_ms(50);
	return present();
}

/* Both away, and back. */
static void test_both(void)
{
	CK_SESSION_HANDLE s = start_logged_in("");
	struct pair k = shared(s);
	CK_RV rv = CKR_DEVICE_REMOVED;

	OK(try_sign(s, k.priv));
	mock_say(&a, "C_SignInit 1 die\n");
	mock_say(&b, "C_SignInit 1 die\n");
	for (int i = 0; i < 5; i++)
		RV(try_sign(s, k.priv), CKR_DEVICE_REMOVED);
	CHECK(!present());
	a.revive();
	CHECK(wait_present());
	b.revive();
	for (int i = 0; i < 100 && rv != CKR_OK; i++) {
		pause_ms(100);
		rv = try_sign(s, k.priv);
	}
	RV(rv, CKR_OK);
	sign_verify(s, k);
	OK(p11->C_Finalize(NULL));
}

struct job {
	pthread_t id;
	CK_OBJECT_HANDLE key;
	unsigned long ok, removed, other;
};

static void *sign_many(void *arg)
{
	struct job *j = arg;
	CK_SESSION_HANDLE s = p11_open(SLOT, 0);

	for (int i = 0; i < 150; i++) {
		CK_RV rv = try_sign(s, j->key);

		j->ok += rv == CKR_OK;
		j->removed += rv == CKR_DEVICE_REMOVED;
		j->other += rv != CKR_OK && rv != CKR_DEVICE_REMOVED;
	}
	OK(p11->C_CloseSession(s));
	return NULL;
}

/* Many callers while one module comes and goes: each gets a signature, but for those that the removal may have left with one. */
static void test_threads(void)
{
	CK_SESSION_HANDLE s = start_logged_in("weight = 1\nweight.2 = 1\n");
	struct job j[6];
	unsigned long ok = 0, other = 0;

	for (size_t i = 0; i < sizeof j / sizeof j[0]; i++) {
		j[i] = (struct job){ .key = shared(s).priv };
		CHECK(pthread_create(&j[i].id, NULL, sign_many, &j[i]) == 0);
	}
	for (int i = 0; i < 4; i++) {
		pause_ms(60);
		mock_say(&a, "C_Sign 1 die\n");
		pause_ms(60);
		a.revive();
	}
	for (size_t i = 0; i < sizeof j / sizeof j[0]; i++) {
		CHECK(pthread_join(j[i].id, NULL) == 0);
		ok += j[i].ok;
		other += j[i].other;
	}
	CHECK(other == 0 && ok > 6 * 150 - 100);
	a.revive();
	until_back(s, shared(s).priv);
	OK(p11->C_Finalize(NULL));
}

/* Objects: made in the leading module, changed and ended everywhere; session keys and what is derived. */
static void test_passing(void)
{
	CK_SESSION_HANDLE s = start_logged_in("");
	struct pair k;

	pass_without_trace(s, CK_INVALID_HANDLE, NULL);
	pass_without_trace(s, shared(s).priv, q + 2);
	for (int i = 0; i < 3; i++) {
		k = ec_pair(s, "passing", CK_FALSE);
		sign_verify(s, k);
		OK(p11->C_DestroyObject(s, k.priv));
		OK(p11->C_DestroyObject(s, k.pub));
		CHECK(find_key(s, CKO_PRIVATE_KEY, "passing") == CK_INVALID_HANDLE);
		RV(try_sign(s, k.priv), CKR_KEY_HANDLE_INVALID);
	}
	sign_verify(s, shared(s));
	OK(p11->C_Finalize(NULL));
}

static void test_objects(void)
{
	CK_SESSION_HANDLE s = start_logged_in("");
	CK_ECDH1_DERIVE_PARAMS param = { CKD_NULL, 0, NULL, 65, q + 2 };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &param, sizeof param };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_ULONG len = 32;
	CK_BYTE value[2][32];
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_VALUE_LEN, &len, sizeof len },
			     { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 } };
	CK_ATTRIBUTE label = { CKA_LABEL, (void *)(uintptr_t)"renamed", 7 };
	struct pair k = { 0, 0 }, both;

	OK(try_ec_pair(s, "session", CK_FALSE, CK_FALSE, &k));
	sign_verify(s, k);
	OK(p11->C_DestroyObject(s, k.priv));
	k = ec_pair(s, "made", CK_FALSE);
	sign_verify(s, k);
	CHECK(find_key(s, CKO_PRIVATE_KEY, "made") == k.priv);
	OK(p11->C_DestroyObject(s, k.priv));
	OK(p11->C_DestroyObject(s, k.pub));
	CHECK(find_key(s, CKO_PRIVATE_KEY, "made") == CK_INVALID_HANDLE);
	both = shared(s);
	for (int round = 0; round < 2; round++) {
		CK_ATTRIBUTE v = { CKA_VALUE, value[round], 32 };
		CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;

		mock_say(&a, round == 1 ? "C_DeriveKey 1 die\n" : "# no fault\n");
		OK(p11->C_DeriveKey(s, &m, both.priv, t, 5, &h));
		OK(p11->C_GetAttributeValue(s, h, &v, 1));
	}
	CHECK(memcmp(value[0], value[1], 32) == 0);
	CHECK(b.calls("C_DeriveKey") == 1);
	a.revive();
	until_back(s, both.priv);
	OK(p11->C_SetAttributeValue(s, both.pub, &label, 1));
	CHECK(find_key(s, CKO_PUBLIC_KEY, "renamed") == both.pub);
	OK(p11->C_Finalize(NULL));
}

/* While one module is away: every use and every search goes well, and so long that the module is left alone. */
static void works_without(CK_SESSION_HANDLE s, struct pair k)
{
	static const char sick[] = "module.1 .*times in a row";
	unsigned long before = lines(sick);

	sign_verify(s, k);
	for (int i = 0; i < 200 && lines(sick) == before; i++) {
		CHECK(find_key(s, CKO_PRIVATE_KEY, "shared") == k.priv);
		OK(try_sign(s, k.priv));
		pause_ms(50);
	}
	CHECK(lines(sick) == before + 1);
	CHECK(find_key(s, CKO_PUBLIC_KEY, "shared") == k.pub);
	sign_verify(s, k);
}

/* The storage of one goes away, while its calls answer, that it has no objects; it comes back. */
static void test_storage(void)
{
	CK_SESSION_HANDLE s = start_logged_in("");
	struct pair k = shared(s);
	unsigned long healthy = lines("module.1 ([^)]*) is healthy again");

	sign_verify(s, k);
	mock_say(&a, "# count\n");
	mock_say(&b, "# count\n");
	storage_away("device-a");
	OK(try_sign(s, k.priv));
	CHECK(a.calls("C_Sign") == 0 && b.calls("C_Sign") == 1); /* once, and at the other one */
	works_without(s, k);
	storage_back();
	until_back(s, k.priv);
	CHECK(lines("module.1 ([^)]*) is healthy again") == healthy + 1);
	CHECK(find_key(s, CKO_PRIVATE_KEY, "shared") == k.priv);
	sign_verify(s, k);
	OK(p11->C_Finalize(NULL));
}

/* Both: no search says then that there are no keys, and none is forgotten. */
static void test_no_storage(void)
{
	CK_SESSION_HANDLE s = start_logged_in("");
	struct pair k = shared(s);
	CK_OBJECT_HANDLE own = find_key(s, CKO_PRIVATE_KEY, "namesake");
	CK_ATTRIBUTE t = { CKA_LABEL, (void *)(uintptr_t)"shared", 6 };

	OK(try_sign(s, own));
	storage_away("device-a");
	storage_away("device-b");
	for (int i = 0; i < 3; i++) {
		RV(try_sign(s, k.priv), CKR_DEVICE_REMOVED);
		RV(try_sign(s, own), CKR_DEVICE_REMOVED);
		RV(p11->C_FindObjectsInit(s, &t, 1), CKR_DEVICE_REMOVED);
	}
	CHECK(!present());
	storage_back();
	OK(sign_soon(s, own));
	OK(sign_soon(s, k.priv));
	CHECK(find_key(s, CKO_PRIVATE_KEY, "shared") == k.priv && find_key(s, CKO_PRIVATE_KEY, "namesake") == own);
	sign_verify(s, k);
	OK(p11->C_Finalize(NULL));
}

/* Two tokens of one library. */
static void test_one_library(void)
{
	char text[1000];
	CK_SESSION_HANDLE s;
	struct pair k;

	snprintf(text, sizeof text, "token = device-a\nmodule.2 = %s\ntoken.2 = device-b\nhealth_interval = 1\n", softhsm_module());
	configure(softhsm_module(), text);
	OK(p11->C_Initialize(NULL));
	s = p11_open(SLOT, CKF_RW_SESSION);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	k = shared(s);
	sign_verify(s, k);
	storage_away("device-a");
	works_without(s, k);
	storage_back();
	sign_verify(s, k);
	OK(p11->C_Finalize(NULL));
}

/* A key that was ended in one module, by whoever has the device, is used in the other one. */
static void test_ended(void)
{
	CK_SESSION_HANDLE s = start_logged_in("");
	CK_OBJECT_HANDLE k = find_key(s, CKO_PRIVATE_KEY, "shared");

	OK(try_sign(s, k));
	mock_say(&a, "C_SignInit * rv 0x60\n");
	mock_say(&b, "# count\n");
	OK(try_sign(s, k));
	CHECK(a.calls("C_Sign") == 0 && b.calls("C_Sign") == 1);
	mock_say(&b, "C_SignInit * rv 0x60\n");
	RV(try_sign(s, k), CKR_DEVICE_ERROR); /* in none */
	mock_say(&a, "# no fault\n");
	OK(try_sign(s, k));
	OK(p11->C_Finalize(NULL));
}

/* A module that is not there at all stays out. */
static void test_missing(void)
{
	char text[1000];
	CK_SESSION_HANDLE s;
	CK_UTF8CHAR name[32];

	mock_say(&b, "# no fault\n");
	snprintf(text, sizeof text, "module.2 = %s\ntoken.2 = device-b\n", b.path);
	configure("/nonexistent/module.so", text);
	OK(p11->C_Initialize(NULL));
	s = p11_open(SLOT, CKF_RW_SESSION);
	OK(p11_login(s, CKU_USER, DEVICE_PIN));
	OK(try_sign(s, shared(s).priv));
	OK(p11->C_CloseSession(s));
	memset(name, ' ', sizeof name);
	RV(p11->C_InitToken(SLOT, (CK_UTF8CHAR *)(uintptr_t)DEVICE_SO, strlen(DEVICE_SO), name), CKR_TOKEN_WRITE_PROTECTED);
	OK(p11->C_Finalize(NULL));
}

int main(void)
{
	mock_start();
	make(&a, "a");
	make(&b, "b");
	test_fails();
	test_once();
	test_parts();
	test_model();
	test_namesake();
	test_weights();
	test_threads();
	test_fork();
	test_late();
	test_both();
	test_ended();
	test_storage();
	test_no_storage();
	test_one_library();
	test_passing();
	test_objects();
	test_missing();
	return p11_end();
}
