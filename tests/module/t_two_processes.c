/* SPDX-License-Identifier: Apache-2.0 */
/* Several processes on one token: each sees what the others make, change and destroy, at its next call; none loses anything. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static struct kit_recipe gcm;

/* Commands on the worker's stdin, one byte answers on its stdout. */
static int to_worker, from_worker;

static CK_OBJECT_HANDLE by_label(const char *label)
{
	CK_ATTRIBUTE a = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG n = 0;

	if (p11->C_FindObjectsInit(s, &a, 1) != CKR_OK)
		return 0;
	(void)p11->C_FindObjects(s, &h, 1, &n);
	(void)p11->C_FindObjectsFinal(s);
	return n == 1 ? h : 0;
}

static CK_RV encrypt(CK_OBJECT_HANDLE h)
{
	CK_BYTE out[256];
	CK_ULONG n = sizeof out;
	CK_RV rv = p11->C_EncryptInit(s, &gcm.m, h);

	return rv == CKR_OK ? p11->C_Encrypt(s, (CK_BYTE *)(uintptr_t)gcm.data, 16, out, &n) : rv;
}

static CK_RV set(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE t, const void *v, CK_ULONG n)
{
	CK_ATTRIBUTE a = { t, (void *)(uintptr_t)v, n };

	return p11->C_SetAttributeValue(s, h, &a, 1);
}

static CK_RV work(char c)
{
	CK_OBJECT_HANDLE h = by_label("shared");
	struct kit_pair p;
	CK_RV rv;

	switch (c) {
	case 'm':
		rv = kit_generate(s, KEY_AES, true, &p);
		return rv == CKR_OK ? set(p.pub, CKA_LABEL, "shared", 6) : rv;
	case 'u':
		return encrypt(h);
	case 'f':
		return set(h, CKA_ENCRYPT, &kit_false, sizeof kit_false);
	case 't':
		return set(h, CKA_ENCRYPT, &kit_true, sizeof kit_true);
	case 'd':
		return p11->C_DestroyObject(s, h);
	case 'n': /* many, as fast as it goes */
		for (int i = 0; i < 40; i++) {
			rv = kit_generate(s, KEY_AES, true, &p);
			if (rv == CKR_OK)
				rv = set(p.pub, CKA_LABEL, "many", 4);
			if (rv != CKR_OK)
				return rv;
		}
		return CKR_OK;
	default:
		return CKR_ARGUMENTS_BAD;
	}
}

static int worker(void)
{
	char c, answer;

	kit_start();
	s = kit_session(1, true);
	kit_login(s);
	while (read(0, &c, 1) == 1) {
		answer = work(c) == CKR_OK ? '+' : '-';
		if (write(3, &answer, 1) != 1)
			break;
	}
	return kit_end();
}

static pid_t start(const char *self)
{
	int in[2], out[2];
	pid_t pid;

	CHECK(pipe(in) == 0 && pipe(out) == 0);
	pid = fork();
	if (pid == 0) {
		setenv("P11_DIR", p11_dir, 1);
		if (to_worker > 0)
			close(to_worker);
		dup2(in[0], 0);
		dup2(out[1], 3);
		close(in[1]);
		execl(self, self, "worker", (char *)NULL);
		_exit(99);
	}
	close(in[0]);
	close(out[1]);
	to_worker = in[1];
	from_worker = out[0];
	return pid;
}

static bool answer(void)
{
	char a = '-';

	return read(from_worker, &a, 1) == 1 && a == '+';
}

static void ask(char c)
{
	CHECK(write(to_worker, &c, 1) == 1);
}

static bool other(char c)
{
	ask(c);
	return answer();
}

static void seen(void)
{
	CK_OBJECT_HANDLE h;

	p11_about("seen");
	CHECK(other('m'));
	h = by_label("shared");
	CHECK(h != 0);
	for (int i = 0; i < 3; i++) {
		OK(encrypt(h));
		CHECK(other('u'));
		CHECK(other('f')); /* the usage is gone: here, at the next Init, although it was cached */
		RV(encrypt(h), CKR_KEY_FUNCTION_NOT_PERMITTED);
		CHECK(other('t'));
		OK(encrypt(h));
		OK(set(h, CKA_ENCRYPT, &kit_false, sizeof kit_false)); /* and the other way round */
		CHECK(!other('u'));
		OK(set(h, CKA_ENCRYPT, &kit_true, sizeof kit_true));
		CHECK(other('u'));
	}
	CHECK(other('d'));
	RV(encrypt(h), CKR_KEY_HANDLE_INVALID);
	CHECK(by_label("shared") == 0 && !other('u'));
}

/* The generation file of the store. */
static void gen_file(char *path, size_t n)
{
	char pattern[300];
	glob_t g;

	(void)snprintf(pattern, sizeof pattern, "%s/store/*.gen", p11_dir);
	path[0] = '\0';
	if (glob(pattern, 0, NULL, &g) == 0) {
		(void)snprintf(path, n, "%s", g.gl_pathv[0]);
		globfree(&g);
	}
}

/* A third process, which comes now, destroys the key and goes. */
static bool newcomer_destroys(const char *self)
{
	int to = to_worker, from = from_worker, status = 0;
	pid_t pid = start(self);
	bool done = other('d');

	close(to_worker);
	close(from_worker);
	to_worker = to;
	from_worker = from;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 && done;
}

/* Somebody takes the generation file away, or cuts it; the key that is destroyed then is gone here too, and nobody dies. */
static void without_generation(const char *self)
{
	char path[400];
	CK_OBJECT_HANDLE h;

	p11_about("without generation");
	for (int i = 0; i < 2; i++) {
		CHECK(other('m'));
		h = by_label("shared");
		OK(encrypt(h));
		gen_file(path, sizeof path);
		CHECK(i == 0 ? unlink(path) == 0 : truncate(path, 0) == 0);
		(void)usleep(50000); /* the name is looked up some 10 ms after the last look */
		if (i != 0)
			OK(encrypt(h));
		CHECK(i == 0 ? newcomer_destroys(self) : other('d'));
		(void)usleep(50000);
		RV(encrypt(h), CKR_KEY_HANDLE_INVALID);
	}
}

static void at_once(void)
{
	CK_ATTRIBUTE a = A_STR(CKA_LABEL, "many");

	p11_about("at once");
	ask('n');
	OK(work('n'));
	CHECK(answer());
	CHECK(kit_count(s, &a, 1) == 80);
}

int main(int argc, char **argv)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	int status = 0;
	pid_t pid;

	(void)argv;
	CHECK(kit_recipe(CKM_AES_GCM, 0, &gcm));
	if (argc > 1)
		return worker();
	self[n > 0 ? n : 0] = '\0';
	kit_start();
	kit_init_token();
	pid = start(self);
	s = kit_session(1, true);
	kit_login(s);
	seen();
	without_generation(self);
	at_once();
	close(to_worker);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return kit_end();
}
