/* SPDX-License-Identifier: Apache-2.0 */
/* Logins, logouts and the closing of last sessions by many threads at once: state and codes stay consistent. */
#include <pthread.h>
#include <stdatomic.h>

#include "p11.h"

#define THREADS 4

static pthread_barrier_t gate;
static atomic_int won;

/* All log in at once: one wins, the others learn that somebody is logged in. */
static void *log_in(void *arg)
{
	CK_SESSION_HANDLE h = p11_open(1, (uintptr_t)arg & 1 ? CKF_RW_SESSION : 0);
	CK_SESSION_INFO si;
	CK_RV rv;

	pthread_barrier_wait(&gate);
	rv = p11_login(h, CKU_USER, USER_PIN);
	if (rv == CKR_OK)
		won++;
	else
		RV(rv, CKR_USER_ALREADY_LOGGED_IN);
	OK(p11->C_GetSessionInfo(h, &si));
	CHECK(si.state == CKS_RW_USER_FUNCTIONS || si.state == CKS_RO_USER_FUNCTIONS);
	pthread_barrier_wait(&gate);
	OK(p11->C_CloseSession(h));
	return NULL;
}

/* Open, log in, close: the login lasts while anybody has a session, and never longer. */
static void *come_and_go(void *arg)
{
	for (int i = 0; i < 8; i++) {
		CK_SESSION_HANDLE h = p11_open(1, CKF_RW_SESSION);
		CK_RV rv = p11_login(h, CKU_USER, USER_PIN);

		CHECK(rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN);
		OK(p11_use(h));
		if ((uintptr_t)arg == 0) {
			rv = p11->C_Logout(h);
			CHECK(rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN);
		}
		OK(p11->C_CloseSession(h));
	}
	return NULL;
}

static void run(void *(*f)(void *))
{
	pthread_t t[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, f, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
}

static void expect_public(void)
{
	CK_SESSION_HANDLE h = p11_open(1, 0);
	CK_SESSION_INFO si;

	OK(p11->C_GetSessionInfo(h, &si));
	CHECK(si.state == CKS_RO_PUBLIC_SESSION);
	OK(p11->C_CloseSession(h));
}

int main(void)
{
	p11_start();
	CHECK(pthread_barrier_init(&gate, NULL, THREADS) == 0);
	OK(p11->C_Initialize(NULL));
	p11_make_token(1, "race");
	for (int i = 0; i < 5; i++) {
		won = 0;
		run(log_in);
		CHECK(won == 1);
		expect_public();
	}
	run(come_and_go);
	expect_public();
	OK(p11->C_Finalize(NULL));
	return p11_end();
}
