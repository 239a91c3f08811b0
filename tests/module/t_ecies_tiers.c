/* SPDX-License-Identifier: Apache-2.0 */
/* The ECIES mechanisms with keys that are sealed: to a TPM at tier 2, to a simulated platform at tiers 3 and 4. */
#include "../swtpm.h"
#include "ecies_suite.h"
#include "gate.h"

static struct swtpm tpm;
static struct suite u[5];

static void log_in(CK_SLOT_ID slot)
{
	u[slot].s = p11_open(slot, CKF_RW_SESSION);
	OK(p11_login(u[slot].s, CKU_USER, slot == 2 ? USER_PIN : "attest:"));
}

static void configure(bool has_tpm)
{
	char tier2[300] = "";

	if (has_tpm) {
		(void)mkdir(gate_path("tpm"), 0700);
		CHECK(swtpm_start(&tpm, gate_path("tpm")));
		snprintf(tier2, sizeof tier2, "[tier2]\nbackend = soft\nseal = pin, tpm2\ntpm2_tcti = %s\ntpm2_pcrs = sha256:0,7\n", tpm.tcti);
	}
	gate_write("conf", "%s[tier3]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = sim:%s\n"
		   "[tier4]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = sim:%s\n", tier2, gate_path("policy.json"),
		   gate_path("sim.json"), gate_path("policy.json"), gate_path("sim.json"));
}

int main(void)
{
	CK_SLOT_ID first = swtpm_missing() ? 3 : 2;

	gate_environment();
	configure(first == 2);
	if (first != 2)
		puts("SKIP tier 2: swtpm is not installed");
	OK(p11->C_Initialize(NULL));
	if (first == 2)
		p11_make_token(2, "sealed");
	for (CK_SLOT_ID slot = first; slot < 5; slot++) {
		log_in(slot);
		suite_first(&u[slot]);
	}
	OK(p11->C_Finalize(NULL));
	OK(p11->C_Initialize(NULL));
	for (CK_SLOT_ID slot = first; slot < 5; slot++) {
		log_in(slot);
		suite_again(&u[slot]);
		suite_end(&u[slot]);
	}
	OK(p11->C_Finalize(NULL));
	if (first == 2)
		swtpm_stop(&tpm);
	return gate_end();
}
