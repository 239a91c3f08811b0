/* SPDX-License-Identifier: Apache-2.0 */
/* Fork while other threads are inside the module with locks held: no child hangs. */
#include <pthread.h>
#include <stdatomic.h>

#include "p11.h"

static atomic_bool ended;

static void *worker(void *arg)
{
	CK_SLOT_ID slot = (CK_SLOT_ID)(uintptr_t)arg & 1;
	CK_SLOT_INFO info;

	while (!atomic_load(&ended)) {
		CK_SESSION_HANDLE h = p11_open(slot, CKF_RW_SESSION);

		for (int i = 0; i < 20; i++)
			OK(p11_use(h));
		OK(p11->C_GetSlotInfo(slot, &info));
		OK(p11->C_CloseSession(h));
	}
	return NULL;
}

/* Two threads of the child race to initialise it. */
static void *initialise(void *arg)
{
	CK_RV rv = p11->C_Initialize(NULL);

	CHECK(rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED);
	*(CK_RV *)arg = rv;
	return NULL;
}

static int child(void)
{
	CK_RV rv[2] = { 0, 0 };
	CK_SESSION_HANDLE h;
	pthread_t t;

	alarm(30);
	RV(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	CHECK(pthread_create(&t, NULL, initialise, &rv[0]) == 0);
	initialise(&rv[1]);
	CHECK(pthread_join(t, NULL) == 0);
	CHECK((rv[0] == CKR_OK) != (rv[1] == CKR_OK));
	h = p11_open(0, CKF_RW_SESSION);
	OK(p11_use(h));
	OK(p11->C_Finalize(NULL));
	return p11_failures != 0;
}

int main(void)
{
	pthread_t threads[4];

	p11_start();
	/* The allocators of these sanitizers keep locks that other threads hold across a fork: children hang in malloc. */
	if (dlsym(RTLD_DEFAULT, "__asan_init") != NULL || dlsym(RTLD_DEFAULT, "__tsan_init") != NULL) {
		p11_clean();
		puts("SKIP t_fork_threads: a sanitizer does not survive the fork of a busy process");
		return 77;
	}
	OK(p11->C_Initialize(NULL));
	for (uintptr_t i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, worker, (void *)i) == 0);
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(child());
		p11_wait(pid);
	}
	atomic_store(&ended, true);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	OK(p11->C_Finalize(NULL));
	return p11_end();
}
