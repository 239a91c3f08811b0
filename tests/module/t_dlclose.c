/* SPDX-License-Identifier: Apache-2.0 */
/* dlclose with and without C_Finalize, with threads that used the module and end later; then once more from the start. */
#include <pthread.h>

#include "p11.h"

static pthread_barrier_t used, closed;

static void *user(void *arg)
{
	CK_SESSION_HANDLE h = p11_open(0, 0);

	OK(p11_use(h));
	pthread_barrier_wait(&used);
	pthread_barrier_wait(&closed); /* the module's thread-local data goes when this thread ends, after dlclose */
	return arg;
}

static void round_trip(bool finalise)
{
	pthread_t t;
	CK_SESSION_HANDLE h;

	p11_load();
	OK(p11->C_Initialize(NULL));
	h = p11_open(0, CKF_RW_SESSION);
	OK(p11_use(h));
	CHECK(pthread_create(&t, NULL, user, NULL) == 0);
	pthread_barrier_wait(&used);
	if (finalise)
		OK(p11->C_Finalize(NULL));
	CHECK(dlclose(p11_handle) == 0);
	pthread_barrier_wait(&closed);
	CHECK(pthread_join(t, NULL) == 0);
	if (!finalise) {
		p11_load(); /* it was never unmapped: still initialised */
		RV(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
		OK(p11_use(h));
		OK(p11->C_Finalize(NULL));
	}
}

int main(void)
{
	p11_environment();
	CHECK(pthread_barrier_init(&used, NULL, 2) == 0 && pthread_barrier_init(&closed, NULL, 2) == 0);
	for (int i = 0; i < 10; i++)
		round_trip(i % 2 == 0);
	return p11_end();
}
