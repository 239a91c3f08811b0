/* SPDX-License-Identifier: Apache-2.0 */
/* Fork: a child knows nothing of its parent's login and sessions, may start anew, and leaves the parent's alone. */
#include "p11.h"

static void everything_is_void(CK_SESSION_HANDLE h)
{
	CK_INFO info;
	CK_SLOT_ID slot;
	CK_ULONG n = 0;
	CK_SESSION_INFO si;

	RV(p11->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
	RV(p11->C_GetSlotList(CK_FALSE, NULL, &n), CKR_CRYPTOKI_NOT_INITIALIZED);
	RV(p11->C_GetSessionInfo(h, &si), CKR_CRYPTOKI_NOT_INITIALIZED);
	RV(p11_use(h), CKR_CRYPTOKI_NOT_INITIALIZED);
	RV(p11->C_Logout(h), CKR_CRYPTOKI_NOT_INITIALIZED);
	RV(p11->C_CloseSession(h), CKR_CRYPTOKI_NOT_INITIALIZED);
	RV(p11->C_CloseAllSessions(1), CKR_CRYPTOKI_NOT_INITIALIZED);
	RV(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	RV(p11->C_GetFunctionStatus(h), CKR_CRYPTOKI_NOT_INITIALIZED);
	RV(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static CK_STATE state_of(CK_SESSION_HANDLE h)
{
	CK_SESSION_INFO si = { .state = 99 };

	OK(p11->C_GetSessionInfo(h, &si));
	return si.state;
}

/* A child that initialises: sessions and login are its own. */
static int start_anew(CK_SESSION_HANDLE parents, int depth)
{
	CK_SESSION_HANDLE h;
	pid_t pid;

	alarm(P11_TIMEOUT);
	everything_is_void(parents);
	OK(p11->C_Initialize(NULL));
	RV(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	RV(p11_use(parents), CKR_SESSION_HANDLE_INVALID);
	h = p11_open(1, CKF_RW_SESSION);
	CHECK(h != parents);
	CHECK(state_of(h) == CKS_RW_PUBLIC_SESSION);
	OK(p11_login(h, CKU_USER, USER_PIN));
	CHECK(state_of(h) == CKS_RW_USER_FUNCTIONS);
	OK(p11_use(h));
	if (depth > 0) {
		pid = fork();
		if (pid == 0)
			_exit(start_anew(h, depth - 1));
		p11_wait(pid);
	}
	OK(p11_use(h));
	OK(p11->C_Finalize(NULL));
	return p11_failures != 0;
}

int main(void)
{
	CK_SESSION_HANDLE h;
	pid_t pid;

	p11_start();
	OK(p11->C_Initialize(NULL));
	p11_make_token(1, "forked");
	h = p11_open(1, CKF_RW_SESSION);
	OK(p11_login(h, CKU_USER, USER_PIN));

	pid = fork(); /* never initialises */
	if (pid == 0) {
		everything_is_void(h);
		_exit(p11_failures != 0);
	}
	p11_wait(pid);
	pid = fork();
	if (pid == 0)
		_exit(start_anew(h, 2));
	p11_wait(pid);

	CHECK(state_of(h) == CKS_RW_USER_FUNCTIONS);
	OK(p11_use(h));
	OK(p11->C_Finalize(NULL));
	return p11_end();
}
