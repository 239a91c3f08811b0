/* SPDX-License-Identifier: Apache-2.0 */
/* A process ends without C_Finalize, with open sessions, running operations and threads inside the module. */
#include <pthread.h>

#include "p11.h"

static void *worker(void *arg)
{
	CK_SESSION_HANDLE h = p11_open((CK_SLOT_ID)(uintptr_t)arg, CKF_RW_SESSION);

	while (h != CK_INVALID_HANDLE)
		(void)p11_use(h);
	return NULL;
}

static void *waiter(void *arg)
{
	CK_SLOT_ID slot;

	(void)p11->C_WaitForSlotEvent(0, &slot, NULL);
	return arg;
}

static int child(bool threads)
{
	CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };
	CK_BYTE byte = 0;
	CK_SESSION_HANDLE h;
	pthread_t t;

	p11_load();
	OK(p11->C_Initialize(NULL));
	h = p11_open(0, CKF_RW_SESSION);
	OK(p11->C_DigestInit(h, &sha256));
	OK(p11->C_DigestUpdate(h, &byte, 1));
	for (uintptr_t i = 0; threads && i < 2; i++)
		CHECK(pthread_create(&t, NULL, worker, (void *)i) == 0);
	if (threads)
		CHECK(pthread_create(&t, NULL, waiter, NULL) == 0);
	usleep(20000);
	exit(p11_failures != 0);
}

int main(void)
{
	p11_environment();
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (pid == 0)
			return child(i % 2 == 1);
		p11_wait(pid);
	}
	return p11_end();
}
