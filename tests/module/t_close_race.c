/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions are used, opened and closed by many threads at once, and the module is finalised under them. */
#include <pthread.h>
#include <stdatomic.h>

#include "p11.h"

#define THREADS 8
#define SHARED 16

static _Atomic CK_SESSION_HANDLE shared[SHARED];
static atomic_bool ended;
static _Atomic unsigned long good;

/* What a call may answer while others close sessions and finalise. */
static bool is_fair(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_CRYPTOKI_NOT_INITIALIZED ||
	       rv == CKR_OPERATION_ACTIVE || rv == CKR_OPERATION_NOT_INITIALIZED;
}

static void *worker(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	while (!atomic_load(&ended)) {
		unsigned r = (unsigned)rand_r(&seed), i = r / 8 % SHARED;
		CK_SESSION_HANDLE h = atomic_load(&shared[i]);
		CK_RV rv = CKR_OK;

		if (r % 8 < 5) {
			rv = p11_use(h);
			good += rv == CKR_OK;
		} else if (r % 8 == 5) {
			rv = p11->C_CloseSession(h);
		} else if (r % 8 == 6) {
			rv = p11->C_OpenSession(i & 1, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &h);
			if (rv == CKR_OK)
				(void)p11->C_CloseSession(atomic_exchange(&shared[i], h));
		} else if (r % 64 == 7) {
			rv = p11->C_CloseAllSessions(i & 1);
		}
		if (!is_fair(rv))
			RV(rv, CKR_OK);
	}
	return NULL;
}

int main(void)
{
	pthread_t t[THREADS];

	p11_start();
	OK(p11->C_Initialize(NULL));
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, worker, (void *)(i + 1)) == 0);
	for (int i = 0; i < 200; i++) {
		usleep(5000);
		OK(p11->C_Finalize(NULL));
		OK(p11->C_Initialize(NULL));
	}
	atomic_store(&ended, true);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	CHECK(good > 0);
	OK(p11->C_Finalize(NULL));
	return p11_end();
}
