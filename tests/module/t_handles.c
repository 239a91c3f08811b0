/* SPDX-License-Identifier: Apache-2.0 */
/* Session handles: never 0, never given twice, void once closed, garbage refused, other slots' sessions left alone. */
#include "p11.h"

#define MANY 5000

static int by_value(const void *x, const void *y)
{
	const CK_SESSION_HANDLE *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static void test_garbage(CK_SESSION_HANDLE good)
{
	static const CK_ULONG bits = sizeof(CK_ULONG) * 8;
	CK_SESSION_INFO si;

	RV(p11->C_GetSessionInfo(0, &si), CKR_SESSION_HANDLE_INVALID);
	RV(p11->C_GetSessionInfo((CK_ULONG)-1, &si), CKR_SESSION_HANDLE_INVALID);
	for (CK_ULONG i = 0; i < bits; i++) {
		RV(p11->C_GetSessionInfo(good ^ (CK_ULONG)1 << i, &si), CKR_SESSION_HANDLE_INVALID);
		RV(p11->C_GetSessionInfo((CK_ULONG)1 << i, &si), (CK_ULONG)1 << i == good ? CKR_OK : CKR_SESSION_HANDLE_INVALID);
		RV(p11->C_CloseSession(good ^ (CK_ULONG)1 << i), CKR_SESSION_HANDLE_INVALID);
	}
	OK(p11->C_GetSessionInfo(good, &si));
}

/* Thousands at once, closed in another order, and again: all handles ever seen are different. */
static void test_unique(void)
{
	CK_SESSION_HANDLE *h = calloc(2 * MANY, sizeof *h);
	CK_TOKEN_INFO info;

	if (h == NULL)
		exit(99);
	for (int i = 0; i < MANY; i++)
		h[i] = p11_open(0, i % 2 == 0 ? CKF_RW_SESSION : 0);
	OK(p11->C_GetTokenInfo(0, &info));
	CHECK(info.ulSessionCount == MANY && info.ulRwSessionCount == MANY / 2);
	for (int i = 0; i < MANY; i++)
		OK(p11->C_CloseSession(h[i * 7 % MANY]));
	OK(p11->C_GetTokenInfo(0, &info));
	CHECK(info.ulSessionCount == 0 && info.ulRwSessionCount == 0);
	for (int i = MANY; i < 2 * MANY; i++)
		h[i] = p11_open(0, 0);
	for (int i = 0; i < MANY; i++)
		RV(p11_use(h[i]), CKR_SESSION_HANDLE_INVALID);
	OK(p11->C_CloseAllSessions(0));
	for (int i = MANY; i < 2 * MANY; i++)
		RV(p11->C_CloseSession(h[i]), CKR_SESSION_HANDLE_INVALID);
	qsort(h, 2 * MANY, sizeof *h, by_value);
	CHECK(h[0] != CK_INVALID_HANDLE);
	for (int i = 1; i < 2 * MANY; i++)
		CHECK(h[i] != h[i - 1]);
	free(h);
}

static void test_other_slot(void)
{
	CK_SESSION_HANDLE a = p11_open(0, 0), b = p11_open(1, 0);

	OK(p11->C_CloseAllSessions(0));
	RV(p11_use(a), CKR_SESSION_HANDLE_INVALID);
	OK(p11_use(b));
	RV(p11->C_CloseAllSessions(77), CKR_SLOT_ID_INVALID);
	OK(p11->C_CloseSession(b));
}

static void test_across_lives(void)
{
	CK_SESSION_HANDLE old = p11_open(0, 0), h;

	OK(p11->C_Finalize(NULL));
	OK(p11->C_Initialize(NULL));
	h = p11_open(0, 0);
	CHECK(h != old);
	RV(p11_use(old), CKR_SESSION_HANDLE_INVALID);
	OK(p11_use(h));
}

static void test_open_arguments(void)
{
	CK_SESSION_HANDLE h = 4711;

	RV(p11->C_OpenSession(0, 0, NULL, NULL, &h), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	RV(p11->C_OpenSession(0, CKF_RW_SESSION, NULL, NULL, &h), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	RV(p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_ASYNC_SESSION, NULL, NULL, &h), CKR_SESSION_ASYNC_NOT_SUPPORTED);
	RV(p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
	RV(p11->C_OpenSession(77, CKF_SERIAL_SESSION, NULL, NULL, &h), CKR_SLOT_ID_INVALID);
	RV(p11->C_OpenSession(3, CKF_SERIAL_SESSION, NULL, NULL, &h), CKR_TOKEN_NOT_PRESENT);
	CHECK(h == 4711);
}

int main(void)
{
	p11_start();
	OK(p11->C_Initialize(NULL));
	test_garbage(p11_open(0, 0));
	OK(p11->C_CloseAllSessions(0));
	test_unique();
	test_other_slot();
	test_open_arguments();
	test_across_lives();
	OK(p11->C_Finalize(NULL));
	return p11_end();
}
