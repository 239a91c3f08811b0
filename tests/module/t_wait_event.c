/* SPDX-License-Identifier: Apache-2.0 */
/* C_WaitForSlotEvent: answers at once when told not to block, else sleeps until C_Finalize, and never holds that up. */
#include <pthread.h>
#include <stdatomic.h>

#include "p11.h"

static atomic_int inside, woken;

static void *wait_for_event(void *arg)
{
	CK_SLOT_ID slot;

	inside++;
	RV(p11->C_WaitForSlotEvent(0, &slot, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	woken++;
	return arg;
}

int main(void)
{
	pthread_t t[3];
	CK_SLOT_ID slot;
	int x = 0;

	p11_start();
	RV(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	for (int round = 0; round < 20; round++) {
		inside = woken = 0;
		OK(p11->C_Initialize(NULL));
		RV(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
		RV(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD);
		RV(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, &x), CKR_ARGUMENTS_BAD);
		for (int i = 0; i < 3; i++)
			CHECK(pthread_create(&t[i], NULL, wait_for_event, NULL) == 0);
		while (inside < 3)
			usleep(100);
		usleep(2000);
		CHECK(woken == 0);
		OK(p11_use(p11_open(0, 0))); /* sleepers are in nobody's way */
		OK(p11->C_Finalize(NULL));
		if (round % 2 == 0) {
			OK(p11->C_Initialize(NULL)); /* a new life does not send them back to sleep */
			OK(p11->C_Finalize(NULL));
		}
		for (int i = 0; i < 3; i++)
			CHECK(pthread_join(t[i], NULL) == 0);
		CHECK(woken == 3);
	}
	return p11_end();
}
