/* SPDX-License-Identifier: Apache-2.0 */
/* Handles whose object or session has ended: the right code, and operations that had begun stay safe. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static struct kit_recipe gcm;

static void destroyed(bool token)
{
	CK_BYTE out[256];
	CK_ULONG n = sizeof out;
	CK_ATTRIBUTE a = { CKA_LABEL, out, sizeof out };
	struct kit_pair p;
	CK_OBJECT_HANDLE h;

	p11_about("destroyed %s key", token ? "token" : "session");
	OK(kit_generate(s, KEY_AES, token, &p));
	OK(p11->C_EncryptInit(s, &gcm.m, p.pub));
	OK(p11->C_Encrypt(s, (CK_BYTE *)(uintptr_t)gcm.data, gcm.len, out, &n));
	OK(p11->C_EncryptInit(s, &gcm.m, p.pub)); /* in use when it ends */
	OK(p11->C_DestroyObject(s, p.pub));
	n = sizeof out;
	(void)p11->C_Encrypt(s, (CK_BYTE *)(uintptr_t)gcm.data, gcm.len, out, &n);
	RV(p11->C_EncryptInit(s, &gcm.m, p.pub), CKR_KEY_HANDLE_INVALID);
	RV(p11->C_GetAttributeValue(s, p.pub, &a, 1), CKR_OBJECT_HANDLE_INVALID);
	RV(p11->C_SetAttributeValue(s, p.pub, &a, 0), CKR_OBJECT_HANDLE_INVALID);
	RV(p11->C_DestroyObject(s, p.pub), CKR_OBJECT_HANDLE_INVALID);
	RV(p11->C_GetObjectSize(s, p.pub, &n), CKR_OBJECT_HANDLE_INVALID);
	RV(p11->C_CopyObject(s, p.pub, NULL, 0, &h), CKR_OBJECT_HANDLE_INVALID);
}

/* A session's objects end with it, for every other session too; its handle is not another's. */
static void closed(void)
{
	CK_SESSION_HANDLE other = kit_session(1, true), third;
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	struct kit_pair p;

	p11_about("closed session");
	OK(kit_generate(other, KEY_AES, false, &p));
	OK(p11->C_EncryptInit(s, &gcm.m, p.pub)); /* visible here as well */
	OK(p11->C_CloseSession(other));
	(void)p11->C_Encrypt(s, (CK_BYTE *)(uintptr_t)gcm.data, 16, out, &n);
	RV(p11->C_EncryptInit(s, &gcm.m, p.pub), CKR_KEY_HANDLE_INVALID);
	RV(p11->C_EncryptInit(other, &gcm.m, p.pub), CKR_SESSION_HANDLE_INVALID);
	third = kit_session(1, true);
	CHECK(third != other);
	RV(p11->C_DestroyObject(third, p.pub), CKR_OBJECT_HANDLE_INVALID);
	OK(p11->C_CloseSession(third));
}

static void logged_out(void)
{
	CK_BYTE out[256];
	CK_ULONG n = sizeof out;
	struct kit_pair token, session;
	CK_RV rv;

	p11_about("logout");
	OK(kit_generate(s, KEY_AES, true, &token));
	OK(kit_generate(s, KEY_AES, false, &session));
	OK(p11->C_EncryptInit(s, &gcm.m, token.pub));
	OK(p11->C_Logout(s));
	rv = p11->C_Encrypt(s, (CK_BYTE *)(uintptr_t)gcm.data, gcm.len, out, &n);
	CHECK(rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_OPERATION_NOT_INITIALIZED);
	RV(p11->C_EncryptInit(s, &gcm.m, token.pub), CKR_KEY_HANDLE_INVALID);
	RV(p11->C_EncryptInit(s, &gcm.m, session.pub), CKR_KEY_HANDLE_INVALID);
	kit_login(s);
	OK(p11->C_EncryptInit(s, &gcm.m, token.pub));
	OK(p11->C_EncryptInit(s, NULL, 0));
	RV(p11->C_EncryptInit(s, &gcm.m, session.pub), CKR_KEY_HANDLE_INVALID); /* it ended with the login */
}

/* Another token's handle names nothing here, whatever its number. */
static void elsewhere(void)
{
	CK_SESSION_HANDLE zero = kit_session(0, true);
	struct kit_pair p;

	p11_about("elsewhere");
	OK(kit_generate(s, KEY_AES, true, &p));
	RV(p11->C_DestroyObject(zero, p.pub), CKR_OBJECT_HANDLE_INVALID);
	RV(p11->C_EncryptInit(zero, &gcm.m, p.pub), CKR_KEY_HANDLE_INVALID);
	for (CK_OBJECT_HANDLE h = 0; h < 4096; h++)
		RV(p11->C_EncryptInit(zero, &gcm.m, h), CKR_KEY_HANDLE_INVALID);
	RV(p11->C_EncryptInit(zero, &gcm.m, ~0UL), CKR_KEY_HANDLE_INVALID);
	OK(p11->C_CloseSession(zero));
}

static _Atomic CK_OBJECT_HANDLE shared;
static atomic_bool stop;

static void *user(void *arg)
{
	CK_SESSION_HANDLE own = 0;
	CK_BYTE out[256];
	(void)arg;

	if (p11->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &own) != CKR_OK)
		return (void *)1;
	while (!atomic_load(&stop)) {
		CK_ULONG n = sizeof out;
		CK_RV rv = p11->C_EncryptInit(own, &gcm.m, atomic_load(&shared));

		if (rv == CKR_OK)
			rv = p11->C_Encrypt(own, (CK_BYTE *)(uintptr_t)gcm.data, gcm.len, out, &n);
		if (rv != CKR_OK && rv != CKR_KEY_HANDLE_INVALID)
			return (void *)1;
	}
	return p11->C_CloseSession(own) == CKR_OK ? NULL : (void *)1;
}

/* Keys that end while other threads use them. */
static void raced(void)
{
	pthread_t t[3];
	struct kit_pair p;
	void *bad;

	p11_about("race");
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&t[i], NULL, user, NULL) == 0);
	for (int i = 0; i < 300; i++) {
		OK(kit_generate(s, KEY_AES, i % 30 == 0, &p));
		atomic_store(&shared, p.pub);
		if (i % 2 != 0) {
			CK_ATTRIBUTE a[] = { A_STR(CKA_LABEL, "changed") };

			OK(p11->C_SetAttributeValue(s, p.pub, a, 1));
		}
		OK(p11->C_DestroyObject(s, p.pub));
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++) {
		CHECK(pthread_join(t[i], &bad) == 0);
		CHECK(bad == NULL);
	}
}

int main(void)
{
	kit_start();
	kit_init_token();
	s = kit_session(1, true);
	kit_login(s);
	CHECK(kit_recipe(CKM_AES_GCM, 0, &gcm));
	destroyed(false);
	destroyed(true);
	closed();
	logged_out();
	elsewhere();
	raced();
	return kit_end();
}
