/* SPDX-License-Identifier: Apache-2.0 */
/* C_Finalize out of an exit handler that runs after everybody else's, as OpenSSL's engine and NSS do. */
#include "p11.h"

static void late(void)
{
	if (p11->C_Finalize(NULL) != CKR_OK)
		_exit(3);
}

static int child(bool use_libcrypto_first)
{
	CK_SESSION_HANDLE h;

	(void)atexit(late); /* before the module is loaded: runs after whatever it registers */
	if (use_libcrypto_first)
		CHECK(dlopen("libcrypto.so.3", RTLD_NOW | RTLD_GLOBAL) != NULL);
	p11_load();
	OK(p11->C_Initialize(NULL));
	h = p11_open(0, CKF_RW_SESSION);
	OK(p11_use(h));
	exit(p11_failures != 0);
}

int main(void)
{
	p11_environment();
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0)
			return child(i == 1);
		p11_wait(pid);
	}
	return p11_end();
}
