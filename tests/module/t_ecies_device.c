/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ECIES mechanisms with keys in a device that knows ECDH and nothing of them: SoftHSM2. SOFTHSM2 names its module; without one the
 * test is skipped.
 */
#include "ecies_suite.h"
#include "softhsm.h"

static void log_in(struct suite *u)
{
	OK(p11->C_Initialize(NULL));
	u->s = p11_open(SOFTHSM_SLOT, CKF_RW_SESSION);
	OK(p11_login(u->s, CKU_USER, SOFTHSM_PIN));
}

int main(void)
{
	struct suite u = { .device = true };

	p11_environment();
	if (!softhsm_make()) {
		printf("SKIP t_ecies_device: no SoftHSM2 at %s\n", softhsm_module());
		p11_clean();
		return 77;
	}
	p11_load();
	log_in(&u);
	suite_first(&u);
	OK(p11->C_Finalize(NULL));
	log_in(&u);
	suite_again(&u);
	suite_end(&u);
	OK(p11->C_Finalize(NULL));
	softhsm_end();
	return p11_end();
}
