/* SPDX-License-Identifier: Apache-2.0 */
/* Objects in a store: they persist, are found, changed and deleted; what is private needs a login; bad directories are refused. */
#include <sched.h>
#include <sys/mount.h>

#include "store_util.h"

START_TEST(a_new_store_touches_nothing)
{
	struct hz_store *s = open_store(false);
	struct hz_store_state st;
	struct hz_attrs none = HZ_ATTRS_INIT, out;
	struct stat sb;
	bool checked;

	ck_ok(hz_store_state(s, &st));
	ck_assert(!st.exists && !st.initialised && !st.user_pin_set && st.user_tries_left == 5);
	ck_assert_uint_eq(count_found(s, &none, true, NULL), 0);
	ck_rv(hz_store_load(s, 1, &out, &checked), CKR_OBJECT_HANDLE_INVALID);
	ck_rv(hz_store_delete(s, 1), CKR_OBJECT_HANDLE_INVALID);
	(void)hz_store_generation(s);
	hz_store_free(s);
	ck_assert_int_ne(lstat(test_db, &sb), 0);
}
END_TEST

START_TEST(objects_persist)
{
	struct hz_store *s = ready_store();
	struct hz_store_state st;
	struct hz_attrs key, data, out;
	struct stat sb;
	uint64_t kid, did;
	bool checked;

	make_key(&key, "key one", "id1");
	make_data(&data, "some data");
	kid = put(s, &key);
	did = put(s, &data);
	ck_assert(stat(test_db, &sb) == 0 && (sb.st_mode & 0777) == 0600);
	hz_store_free(s);

	s = open_store(false);
	ck_ok(hz_store_state(s, &st));
	ck_assert(st.exists && st.initialised && st.user_pin_set && memcmp(st.label, "test token ", 11) == 0);
	ck_rv(hz_store_load(s, kid, &out, &checked), CKR_USER_NOT_LOGGED_IN);
	ck_ok(hz_store_load(s, did, &out, &checked));
	ck_assert(!checked && has_text(&out, CKA_VALUE, "some data"));
	hz_attrs_free(&out);
	ck_ok(hz_store_login(s, false, bytes(USER_PIN), strlen(USER_PIN), true));
	ck_ok(hz_store_load(s, kid, &out, &checked));
	ck_assert(checked && has_text(&out, CKA_VALUE, "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"));
	ck_assert(hz_attrs_find(&out, CKA_VALUE)->secret && hz_secmem_owns(hz_attrs_find(&out, CKA_VALUE)->value));
	hz_attrs_free(&out);
	ck_ok(hz_store_load(s, did, &out, &checked));
	ck_assert(checked);
	hz_attrs_free(&out);
	hz_store_logout(s);
	ck_rv(hz_store_load(s, kid, &out, &checked), CKR_USER_NOT_LOGGED_IN);
	hz_store_free(s);
}
END_TEST

/* The value of a key is nowhere in the files. */
START_TEST(secrets_are_not_in_the_files)
{
	struct hz_store *s = ready_store();
	struct hz_attrs key;
	char cmd[256];

	make_key(&key, "Zkey", "id1");
	(void)put(s, &key);
	(void)snprintf(cmd, sizeof cmd, "grep -q ZZZZZZZZ '%s/s/'*", test_dir);
	ck_assert_int_ne(system(cmd), 0);
	(void)snprintf(cmd, sizeof cmd, "grep -q Zkey '%s/s/'*", test_dir); /* the search itself works */
	ck_assert_int_eq(system(cmd), 0);
	hz_store_free(s);
}
END_TEST

START_TEST(find_by_every_way)
{
	struct hz_store *s = ready_store();
	struct hz_attrs a, t = HZ_ATTRS_INIT;
	uint64_t id = 0, ids[6];
	char label[16];

	for (int i = 0; i < 6; i++) {
		(void)snprintf(label, sizeof label, "l%d", i % 3);
		if (i < 3)
			make_key(&a, label, i == 1 ? "" : "common");
		else
			make_data(&a, label);
		ids[i] = put(s, &a);
	}
	ck_assert_uint_eq(count_found(s, &t, true, &id), 6);
	ck_assert_uint_eq(id, ids[0]);
	ck_assert_uint_eq(count_found(s, &t, false, &id), 3);
	ck_assert_uint_eq(id, ids[3]);
	ck_ok(hz_attrs_set_ulong(&t, CKA_CLASS, CKO_DATA));
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 3);
	ck_ok(hz_attrs_set(&t, CKA_LABEL, "l2", 2, false));
	ck_assert(count_found(s, &t, true, &id) == 1 && id == ids[5]);
	ck_ok(hz_attrs_set(&t, CKA_VALUE, "l2", 2, false));
	ck_assert(count_found(s, &t, true, &id) == 1 && id == ids[5]);
	ck_ok(hz_attrs_set(&t, CKA_VALUE, "l3", 2, false));
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 0);
	hz_attrs_free(&t);
	t = (struct hz_attrs)HZ_ATTRS_INIT;
	ck_ok(hz_attrs_set(&t, CKA_ID, "common", 6, false));
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 2);
	ck_assert_uint_eq(count_found(s, &t, false, NULL), 0);
	ck_ok(hz_attrs_set(&t, CKA_ID, "", 0, false)); /* empty differs from absent */
	ck_assert(count_found(s, &t, true, &id) == 1 && id == ids[1]);
	hz_attrs_remove(&t, CKA_ID);
	ck_ok(hz_attrs_set_ulong(&t, CKA_KEY_TYPE, CKK_AES));
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 3);
	ck_ok(hz_attrs_set_bool(&t, CKA_SENSITIVE, true));
	ck_ok(hz_attrs_set(&t, CKA_UNIQUE_ID, "l0", 2, false));
	ck_assert(count_found(s, &t, true, &id) == 1 && id == ids[0]);
	ck_ok(hz_attrs_set_bool(&t, CKA_SENSITIVE, false));
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 0);
	hz_attrs_free(&t);
	t = (struct hz_attrs)HZ_ATTRS_INIT;
	ck_ok(hz_attrs_set_bool(&t, CKA_PRIVATE, false));
	ck_ok(hz_attrs_set_bool(&t, CKA_TOKEN, true));
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 3);
	ck_ok(hz_attrs_set_bool(&t, CKA_TOKEN, false));
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 0);
	hz_attrs_free(&t);
	hz_store_free(s);
}
END_TEST

/* A secret value is no search key, whoever asks. */
START_TEST(secrets_do_not_match)
{
	struct hz_store *s = ready_store();
	struct hz_attrs a, t = HZ_ATTRS_INIT;

	make_key(&a, "k", "i");
	(void)put(s, &a);
	ck_ok(hz_attrs_set(&t, CKA_VALUE, "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", 32, false));
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 0);
	hz_attrs_free(&t);
	hz_store_free(s);
}
END_TEST

static CK_RV instead(const struct hz_attrs *now, struct hz_attrs *out, void *arg)
{
	(void)now;
	return hz_attrs_dup(out, arg);
}

START_TEST(update_and_delete)
{
	struct hz_store *s = ready_store(), *other = open_store(false);
	struct hz_attrs a, out;
	uint64_t id, gen;
	bool checked;

	make_key(&a, "before", "id");
	id = put(s, &a);
	gen = hz_store_generation(other);
	ck_assert_uint_eq(hz_store_generation(other), gen);
	make_key(&a, "after", "id");
	ck_rv(hz_store_update(other, id, instead, &a), CKR_USER_NOT_LOGGED_IN);
	ck_ok(hz_store_update(s, id, instead, &a));
	ck_rv(hz_store_update(s, id + 1, instead, &a), CKR_OBJECT_HANDLE_INVALID);
	hz_attrs_free(&a);
	ck_assert_uint_ne(hz_store_generation(other), gen);
	gen = hz_store_generation(other);
	ck_ok(hz_store_load(s, id, &out, &checked));
	ck_assert(checked && has_text(&out, CKA_LABEL, "after"));
	hz_attrs_free(&out);
	/* Public attributes only: the class still says that this needs a login. */
	make_base(&a, CKO_SECRET_KEY, false, "x", NULL);
	ck_rv(hz_store_update(other, id, instead, &a), CKR_USER_NOT_LOGGED_IN);
	hz_attrs_free(&a);
	ck_rv(hz_store_delete(other, id), CKR_USER_NOT_LOGGED_IN);
	ck_ok(hz_store_delete(s, id));
	ck_rv(hz_store_delete(s, id), CKR_OBJECT_HANDLE_INVALID);
	ck_rv(hz_store_load(s, id, &out, &checked), CKR_OBJECT_HANDLE_INVALID);
	ck_assert_uint_ne(hz_store_generation(other), gen);
	hz_store_free(other);
	hz_store_free(s);
}
END_TEST

/* One change while another is under way. */
struct meddling {
	struct hz_store *other;
	uint64_t id;
	unsigned runs;
};

static CK_RV set_id(const struct hz_attrs *now, struct hz_attrs *out, void *arg)
{
	CK_RV rv = hz_attrs_dup(out, now);

	(void)arg;
	return rv == CKR_OK ? hz_attrs_set(out, CKA_ID, "new", 3, false) : rv;
}

static CK_RV set_label(const struct hz_attrs *now, struct hz_attrs *out, void *arg)
{
	struct meddling *m = arg;
	CK_RV rv = hz_attrs_dup(out, now);

	if (m->runs++ == 0)
		ck_ok(hz_store_update(m->other, m->id, set_id, NULL));
	return rv == CKR_OK ? hz_attrs_set(out, CKA_LABEL, "late", 4, false) : rv;
}

static CK_RV refuse(const struct hz_attrs *now, struct hz_attrs *out, void *arg)
{
	(void)arg;
	ck_ok(hz_attrs_dup(out, now));
	return CKR_ATTRIBUTE_READ_ONLY;
}

START_TEST(two_changes_of_one_object)
{
	struct hz_store *s = ready_store();
	struct meddling m = { open_store(false), 0, 0 };
	struct hz_attrs a, out;
	bool checked;

	make_key(&a, "before", "id");
	m.id = put(s, &a);
	ck_ok(hz_store_login(m.other, false, bytes(USER_PIN), strlen(USER_PIN), true));
	ck_ok(hz_store_update(s, m.id, set_label, &m));
	ck_assert_uint_eq(m.runs, 2);
	ck_rv(hz_store_update(s, m.id, refuse, NULL), CKR_ATTRIBUTE_READ_ONLY);
	ck_ok(hz_store_load(s, m.id, &out, &checked));
	ck_assert(checked && has_text(&out, CKA_LABEL, "late") && has_text(&out, CKA_ID, "new"));
	hz_attrs_free(&out);
	hz_store_free(m.other);
	hz_store_free(s);
}
END_TEST

START_TEST(without_login_rows_are_unchecked)
{
	struct hz_store *s = ready_store(), *out_side = open_store(false);
	struct hz_attrs a, out, t = HZ_ATTRS_INIT;
	const struct hz_attrs *set = &a;
	uint64_t id, sealed;
	bool checked;

	make_cert(&a, "written outside", true);
	id = put(out_side, &a);
	make_cert(&a, "written inside", true);
	sealed = put(s, &a);
	ck_ok(hz_store_load(s, id, &out, &checked));
	ck_assert(!checked && !hz_attrs_bool(&out, CKA_TRUSTED, true));
	/* Changing it while logged in vouches for what was loaded, so the mark stays off. */
	ck_ok(hz_store_update(s, id, instead, &out));
	hz_attrs_free(&out);
	ck_ok(hz_store_load(s, id, &out, &checked));
	ck_assert(checked && !hz_attrs_bool(&out, CKA_TRUSTED, true));
	hz_attrs_free(&out);
	ck_ok(hz_store_load(out_side, sealed, &out, &checked));
	ck_assert(!checked && !hz_attrs_bool(&out, CKA_TRUSTED, true));
	hz_attrs_free(&out);
	ck_ok(hz_attrs_set_bool(&t, CKA_TRUSTED, true));
	ck_assert(count_found(s, &t, true, &id) == 1 && id == sealed);
	ck_assert_uint_eq(count_found(out_side, &t, true, &id), 0);
	hz_attrs_free(&t);
	make_key(&a, "k", "i");
	ck_rv(hz_store_insert(out_side, &set, 1, &id), CKR_USER_NOT_LOGGED_IN);
	ck_ok(hz_attrs_set_bool(&a, CKA_PRIVATE, false));
	ck_rv(hz_store_insert(out_side, &set, 1, &id), CKR_USER_NOT_LOGGED_IN);
	hz_attrs_free(&a);
	hz_store_free(out_side);
	hz_store_free(s);
}
END_TEST

START_TEST(open_token)
{
	struct hz_store *s = open_store(true);
	struct hz_store_state st;
	struct hz_attrs a, out, t = HZ_ATTRS_INIT;
	const struct hz_attrs *set = &a;
	unsigned char label[32];
	uint64_t id;
	bool checked;

	ck_ok(hz_store_state(s, &st));
	ck_assert(st.initialised && !st.exists && !st.user_pin_set);
	make_cert(&a, "c", true);
	id = put(s, &a);
	ck_ok(hz_store_load(s, id, &out, &checked));
	ck_assert(!checked && !hz_attrs_bool(&out, CKA_TRUSTED, true));
	hz_attrs_free(&out);
	make_key(&a, "k", NULL);
	ck_rv(hz_store_insert(s, &set, 1, &id), CKR_TEMPLATE_INCONSISTENT);
	hz_attrs_free(&a);
	ck_rv(hz_store_login(s, false, bytes("x"), 1, true), CKR_USER_PIN_NOT_INITIALIZED);
	label_of(label, "named");
	ck_ok(hz_store_init(s, NULL, 0, label));
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 0);
	ck_ok(hz_store_state(s, &st));
	ck_assert(st.exists && memcmp(st.label, label, 32) == 0);
	ck_ok(hz_store_init(s, NULL, 0, label));
	hz_store_free(s);
}
END_TEST

START_TEST(several_sets_in_one_call)
{
	struct hz_store *s = ready_store();
	struct hz_attrs a[3];
	const struct hz_attrs *sets[3] = { &a[0], &a[1], &a[2] };
	struct hz_attrs t = HZ_ATTRS_INIT;
	uint64_t ids[3];

	make_data(&a[0], "a");
	make_key(&a[1], "b", "b");
	make_data(&a[2], "c");
	ck_ok(hz_store_insert(s, sets, 3, ids));
	ck_assert(ids[0] < ids[1] && ids[1] < ids[2]);
	hz_store_logout(s);
	ck_rv(hz_store_insert(s, sets, 3, ids), CKR_USER_NOT_LOGGED_IN); /* all or nothing */
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 3);
	ck_ok(hz_store_insert(s, sets, 0, ids));
	for (int i = 0; i < 3; i++)
		hz_attrs_free(&a[i]);
	hz_store_free(s);
}
END_TEST

static CK_RV try_state(void)
{
	struct hz_store *s = open_store(true);
	struct hz_store_state st;
	CK_RV rv = hz_store_state(s, &st);

	hz_store_free(s);
	return rv;
}

static CK_RV try_insert(void)
{
	struct hz_store *s = open_store(true);
	struct hz_attrs a;
	const struct hz_attrs *set = &a;
	uint64_t id;
	CK_RV rv;

	make_data(&a, "x");
	rv = hz_store_insert(s, &set, 1, &id);
	hz_attrs_free(&a);
	hz_store_free(s);
	return rv;
}

static __attribute__((format(printf, 1, 2))) void shell(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cmd, sizeof cmd, fmt, ap);
	va_end(ap);
	ck_assert_int_eq(system(cmd), 0);
}

START_TEST(bad_places_are_refused)
{
	char dir[80];

	(void)snprintf(dir, sizeof dir, "%s/s", test_dir);
	shell("touch '%s'", dir); /* a file where the directory should be */
	ck_rv(try_state(), CKR_DEVICE_ERROR);
	ck_rv(try_insert(), CKR_DEVICE_ERROR);
	shell("rm '%s' && mkdir -m 0777 '%s'", dir, dir);
	ck_rv(try_insert(), CKR_DEVICE_ERROR);
	shell("chmod 0700 '%s'; mkdir '%s'", dir, test_db);
	ck_rv(try_state(), CKR_DEVICE_ERROR);
	ck_rv(try_insert(), CKR_DEVICE_ERROR);
	shell("rmdir '%s'; ln -s /etc/passwd '%s'", test_db, test_db);
	ck_rv(try_state(), CKR_DEVICE_ERROR);
	ck_rv(try_insert(), CKR_DEVICE_ERROR);
	shell("rm '%s'; mkfifo -m 0600 '%s'", test_db, test_db);
	ck_rv(try_insert(), CKR_DEVICE_ERROR);
	shell("rm '%s'; head -c 10000 /dev/zero | tr '\\0' x > '%s'; chmod 600 '%s'", test_db, test_db, test_db);
	ck_rv(try_state(), CKR_DEVICE_ERROR);
	ck_rv(try_insert(), CKR_DEVICE_ERROR);
	shell("rm '%s'; touch '%s'", test_db, test_db); /* its creator was killed at once */
	ck_rv(try_state(), CKR_OK);
	ck_rv(try_insert(), CKR_OK);
}
END_TEST

START_TEST(foreign_newer_and_truncated)
{
	struct hz_store *s;

	ck_ok(try_insert());
	tamper("PRAGMA user_version = 99; UPDATE object SET kt = kt");
	ck_rv(try_state(), CKR_DEVICE_ERROR);
	ck_assert_ptr_nonnull(strstr(hz_error_text(), "99"));
	tamper("PRAGMA user_version = 1; PRAGMA application_id = 1; UPDATE object SET kt = kt");
	ck_rv(try_state(), CKR_DEVICE_ERROR);
	tamper("PRAGMA application_id = %d; UPDATE object SET kt = kt", 0x485A5031);
	ck_ok(try_state());
	tamper("UPDATE object SET kt = kt; DROP TABLE token");
	ck_rv(try_state(), CKR_DEVICE_ERROR);
	ck_assert_int_eq(truncate(test_db, 5000), 0);
	ck_rv(try_state(), CKR_DEVICE_ERROR);
	s = open_store(true);
	ck_rv(try_insert(), CKR_DEVICE_ERROR);
	hz_store_free(s);
}
END_TEST

START_TEST(cut_to_nothing_beside_a_log)
{
	struct hz_store *s = open_store(true), *other;
	struct hz_store_state st;
	struct hz_attrs a;

	make_data(&a, "x");
	(void)put(s, &a); /* s stays open, and so does its log */
	ck_assert_int_eq(truncate(test_db, 0), 0);
	other = open_store(true);
	ck_rv(hz_store_state(other, &st), CKR_DEVICE_ERROR);
	hz_store_free(other);
	hz_store_free(s);
}
END_TEST

START_TEST(a_replaced_database_is_noticed)
{
	struct hz_store *s = open_store(true);
	struct hz_attrs a, t = HZ_ATTRS_INIT;

	make_data(&a, "x");
	(void)put(s, &a);
	shell("rm -rf '%s/s'", test_dir);
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 0);
	make_data(&a, "y");
	(void)put(s, &a);
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 1);
	ck_ok(try_state());
	hz_store_free(s);
	ck_assert_int_eq(access(test_db, F_OK), 0);
}
END_TEST

START_TEST(without_a_home)
{
	struct hz_store_conf conf = { .dir = NULL, .serial = SERIAL, .open_token = true, .max_tries = 10 };
	struct hz_store *s;
	struct hz_store_state st;
	struct hz_attrs a, t = HZ_ATTRS_INIT;
	const struct hz_attrs *set = &a;
	uint64_t id;

	ck_ok(hz_store_new(&s, &conf));
	ck_ok(hz_store_state(s, &st));
	ck_assert(!st.exists && st.initialised);
	ck_assert_uint_eq(count_found(s, &t, true, NULL), 0);
	make_data(&a, "x");
	ck_rv(hz_store_insert(s, &set, 1, &id), CKR_TOKEN_WRITE_PROTECTED);
	hz_attrs_free(&a);
	(void)hz_store_generation(s);
	hz_store_free(s);
	conf.serial = "../x";
	ck_rv(hz_store_new(&s, &conf), CKR_ARGUMENTS_BAD);
	conf.serial = "";
	ck_rv(hz_store_new(&s, &conf), CKR_ARGUMENTS_BAD);
}
END_TEST

/* In a child that is not root, on a directory that it may not write to. */
static int read_only_child(void)
{
	int st;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct hz_store *s;
		struct hz_attrs t = HZ_ATTRS_INIT;
		uint64_t *ids = NULL;
		size_t n = 0;

		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(1);
		s = open_store(true);
		if (hz_store_find(s, &t, true, &ids, &n) != CKR_OK || n != 1)
			_exit(2);
		free(ids);
		hz_store_free(s);
		_exit(try_insert() == CKR_TOKEN_WRITE_PROTECTED ? 0 : 3);
	}
	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	return st;
}

START_TEST(read_only_directory)
{
	ck_ok(try_insert());
	shell("chmod 0755 '%s'; chmod 0500 '%s'/s", test_dir, test_dir);
	if (geteuid() == 0)
		shell("chown -R 65534 '%s' '%s'", test_dir, test_dir);
	ck_assert_int_eq(read_only_child(), 0);
	shell("chmod 0700 '%s'/s", test_dir);
}
END_TEST

/* Fill a small file system of our own with objects until no more fit; then nothing is lost and reading goes on. 0, or 77: no mount. */
static int full_disk(void)
{
	struct hz_store *s;
	struct hz_attrs t = HZ_ATTRS_INIT, a;
	const struct hz_attrs *set = &a;
	uint64_t *ids, id;
	size_t written = 0, n;
	CK_RV rv = CKR_OK;
	char label[16], *text = calloc(1, 20001);

	if (text == NULL || unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", test_dir, "tmpfs", 0, "size=600k,mode=0700") != 0)
		return 77;
	memset(text, 'x', 20000);
	s = open_store(true);
	while (rv == CKR_OK && written < 1000) {
		(void)snprintf(label, sizeof label, "%zu", written);
		make_data(&a, label);
		ck_ok(hz_attrs_set(&a, CKA_VALUE, text, 20000, false));
		rv = hz_store_insert(s, &set, 1, &id);
		written += rv == CKR_OK;
		hz_attrs_free(&a);
	}
	free(text);
	if (rv != CKR_DEVICE_MEMORY)
		return 2;
	if (hz_store_find(s, &t, true, &ids, &n) != CKR_OK || n != written || written < 3)
		return 3;
	free(ids);
	hz_store_free(s);
	s = open_store(true);
	if (hz_store_find(s, &t, true, &ids, &n) != CKR_OK || n != written)
		return 4;
	free(ids);
	hz_store_free(s);
	return 0;
}

/* No room even for the first page. */
static int no_room_at_all(void)
{
	CK_RV rv;
	FILE *f;
	char path[128];

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", test_dir, "tmpfs", 0, "size=16k,mode=0700") != 0)
		return 77;
	(void)snprintf(path, sizeof path, "%s/fill", test_dir);
	f = fopen(path, "we");
	if (f == NULL)
		return 2;
	(void)setvbuf(f, NULL, _IONBF, 0);
	while (fputc('x', f) != EOF)
		continue;
	(void)fclose(f);
	rv = try_insert();
	return rv == CKR_DEVICE_MEMORY ? 0 : 3;
}

static void in_child(int (*body)(void))
{
	int st;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(body());
	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	if (WIFEXITED(st) && WEXITSTATUS(st) == 77)
		puts("SKIP a case of t_store_objects: no file system of its own can be mounted here");
	else
		ck_assert_msg(st == 0, "status %d", st);
}

START_TEST(disk_full)
{
	in_child(full_disk);
	in_child(no_room_at_all);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store objects");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, store_setup, store_teardown);
	tcase_add_test(tc, a_new_store_touches_nothing);
	tcase_add_test(tc, objects_persist);
	tcase_add_test(tc, secrets_are_not_in_the_files);
	tcase_add_test(tc, find_by_every_way);
	tcase_add_test(tc, secrets_do_not_match);
	tcase_add_test(tc, update_and_delete);
	tcase_add_test(tc, two_changes_of_one_object);
	tcase_add_test(tc, without_login_rows_are_unchecked);
	tcase_add_test(tc, open_token);
	tcase_add_test(tc, several_sets_in_one_call);
	tcase_add_test(tc, bad_places_are_refused);
	tcase_add_test(tc, foreign_newer_and_truncated);
	tcase_add_test(tc, cut_to_nothing_beside_a_log);
	tcase_add_test(tc, a_replaced_database_is_noticed);
	tcase_add_test(tc, without_a_home);
	tcase_add_test(tc, read_only_directory);
	tcase_add_test(tc, disk_full);
	suite_add_tcase(s, tc);
	return run_case(s);
}
