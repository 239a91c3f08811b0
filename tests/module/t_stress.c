/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many threads at once on one token: sessions come and go, the user logs in and out, objects are made, copied, changed, found and
 * destroyed while others use them, and one key's label is changed by all, each change of which must arrive whole.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kit.h"

enum { THREADS = 6, SHARED = 8 };

static _Atomic CK_OBJECT_HANDLE shared[SHARED]; /* session keys of `keeper`, replaced now and then */
static CK_SESSION_HANDLE keeper;
static CK_OBJECT_HANDLE token_key, label_key;
static atomic_bool over;
static atomic_ulong done[16], wrong;
static CK_BYTE value[32] = "0123456789abcdef0123456789abcde";

/* Codes that another thread's logout, close or destruction explains. */
static void note(unsigned what, CK_RV rv)
{
	switch (rv) {
	case CKR_OK:
		atomic_fetch_add(&done[what], 1);
		break;
	case CKR_USER_NOT_LOGGED_IN:
	case CKR_USER_ALREADY_LOGGED_IN:
	case CKR_OBJECT_HANDLE_INVALID:
	case CKR_KEY_HANDLE_INVALID:
	case CKR_OPERATION_NOT_INITIALIZED:
	case CKR_SESSION_HANDLE_INVALID:
		break;
	default:
		if (atomic_fetch_add(&wrong, 1) < 20)
			printf("action %u: %#lx\n", what, rv);
	}
}

static CK_RV replace(CK_SESSION_HANDLE s, unsigned i)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), A_VAL(CKA_VALUE, value), A_FALSE(CKA_PRIVATE) };
	CK_OBJECT_HANDLE h = 0;
	CK_RV rv = p11->C_CreateObject(keeper, a, N(a), &h);

	(void)s;
	if (rv != CKR_OK)
		return rv;
	h = atomic_exchange(&shared[i % SHARED], h);
	return h != 0 ? p11->C_DestroyObject(keeper, h) : CKR_OK;
}

static CK_RV use(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE k)
{
	CK_BYTE iv[12] = { 0 }, out[64], mac[16];
	CK_GCM_PARAMS p = { iv, 12, 96, NULL, 0, 128 };
	CK_MECHANISM gcm = { CKM_AES_GCM, &p, sizeof p }, cmac = { CKM_AES_CMAC, NULL, 0 };
	CK_ULONG n = sizeof out, m = sizeof mac;
	CK_RV rv = p11->C_EncryptInit(s, &gcm, k);

	if (rv == CKR_OK)
		rv = p11->C_Encrypt(s, value, 32, out, &n);
	if (rv == CKR_OK)
		rv = p11->C_SignInit(s, &cmac, k);
	if (rv == CKR_OK)
		rv = p11->C_SignUpdate(s, value, 32);
	if (rv == CKR_OK)
		rv = p11->C_SignFinal(s, mac, &m);
	(void)p11->C_SessionCancel(s, CKF_ENCRYPT | CKF_SIGN);
	return rv;
}

static CK_RV look(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, cls) };
	CK_OBJECT_HANDLE h[4];
	CK_ULONG n = 1;
	CK_RV rv = p11->C_FindObjectsInit(s, a, N(a));

	while (rv == CKR_OK && n != 0)
		rv = p11->C_FindObjects(s, h, N(h), &n);
	(void)p11->C_SessionCancel(s, CKF_FIND_OBJECTS);
	return rv;
}

static CK_RV copy(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE k)
{
	CK_OBJECT_HANDLE h = 0;
	CK_RV rv = p11->C_CopyObject(s, k, NULL, 0, &h);

	return rv == CKR_OK ? p11->C_DestroyObject(s, h) : rv;
}

/* CKA_LABEL and CKA_ID are written together, equal: nobody may ever read two that differ. */
static CK_RV change(CK_SESSION_HANDLE s, unsigned r)
{
	CK_BYTE text[8], label[8] = { 0 }, id[8] = { 0 };
	CK_ATTRIBUTE set[] = { A_VAL(CKA_LABEL, text), A_VAL(CKA_ID, text) }, get[] = { A_VAL(CKA_LABEL, label), A_VAL(CKA_ID, id) };
	CK_RV rv;

	snprintf((char *)text, sizeof text, "%07u", r % 10000000u);
	rv = p11->C_SetAttributeValue(s, label_key, set, N(set));
	if (rv == CKR_OK)
		rv = p11->C_GetAttributeValue(s, label_key, get, N(get));
	if (rv == CKR_OK && memcmp(label, id, sizeof id) != 0)
		rv = CKR_VENDOR_DEFINED;
	return rv;
}

static CK_RV in_and_out(CK_SESSION_HANDLE s, unsigned r)
{
	if (r % 3 == 0)
		return p11->C_Logout(s);
	return p11->C_Login(s, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)USER_PIN, sizeof USER_PIN - 1);
}

static CK_RV act(CK_SESSION_HANDLE s, unsigned what, unsigned r)
{
	switch (what) {
	case 0: return r % 50 == 0 ? in_and_out(s, r / 50) : CKR_OK;
	case 1: return replace(s, r);
	case 2: return use(s, token_key);
	case 3: return use(s, atomic_load(&shared[r % SHARED]));
	case 4: return look(s);
	case 5: return copy(s, atomic_load(&shared[r % SHARED]));
	case 6: return r % 8 == 0 ? change(s, r) : CKR_OK;
	case 7: return copy(s, token_key);
	default: return use(s, atomic_load(&shared[r % SHARED]));
	}
}

static void *run(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	CK_SESSION_HANDLE s = 0;

	while (!atomic_load(&over)) {
		unsigned r = (unsigned)rand_r(&seed);

		if (s == 0 && p11->C_OpenSession(1, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s) != CKR_OK)
			continue;
		note(r / 7 % 9, act(s, r / 7 % 9, r / 64));
		if (r % 97 == 0) {
			(void)p11->C_CloseSession(s);
			s = 0;
		}
	}
	return NULL;
}

int main(void)
{
	const struct timespec pause = { 4, 0 };
	pthread_t t[THREADS];
	struct kit_pair p;

	kit_start();
	kit_init_token();
	keeper = kit_session(1, true);
	kit_login(keeper);
	OK(kit_generate(keeper, KEY_AES, true, &p));
	token_key = p.pub;
	OK(kit_generate(keeper, KEY_AES, true, &p));
	label_key = p.pub;
	for (unsigned i = 0; i < SHARED; i++)
		OK(replace(keeper, i));
	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, run, (void *)(uintptr_t)(i + 1)) == 0);
	(void)nanosleep(&pause, NULL);
	atomic_store(&over, true);
	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	CHECK(atomic_load(&wrong) == 0);
	for (unsigned i = 0; i < 9; i++) {
		p11_about("action %u never succeeded", i);
		CHECK(atomic_load(&done[i]) != 0);
	}
	return kit_end();
}
