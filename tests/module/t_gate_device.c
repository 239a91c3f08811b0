/* SPDX-License-Identifier: Apache-2.0 */
/* Tier 2 with an HSM: its PIN, the evidence of a CPU TEE, or both open the slot; its keys are not the platform's. */
#include "gate.h"
#include "softhsm.h"

static void configure(const char *login, bool pin_source)
{
	char text[700];

	gate_write("pin", "%s", SOFTHSM_PIN);
	snprintf(text, sizeof text, "login = %s\npolicy = %s\nevidence_source = sim:%s\nevidence_cache = 0\n%s%s%s", login, gate_path("policy.json"),
		 gate_path("sim.json"), pin_source ? "pin_source = file:" : "", pin_source ? gate_path("pin") : "", pin_source ? "\n" : "");
	softhsm_configure(text);
	OK(p11->C_Initialize(NULL));
}

static CK_FLAGS flags(void)
{
	CK_TOKEN_INFO ti = { .flags = 0 };

	OK(p11->C_GetTokenInfo(2, &ti));
	return ti.flags;
}

static void platform_of(const char *measurement)
{
	gate_write("sim.json", "{\"measurement\":\"%s\"}", measurement);
}

static void test_either(void)
{
	CK_SESSION_HANDLE h;
	CK_OBJECT_HANDLE key;

	configure("pin | evidence", true);
	h = p11_open(2, CKF_RW_SESSION);
	CHECK((flags() & CKF_PROTECTED_AUTHENTICATION_PATH) == 0);
	OK(p11_login(h, CKU_USER, SOFTHSM_PIN));
	OK(gate_make_key(h, &key));
	OK(p11->C_Logout(h));
	OK(p11_login(h, CKU_USER, "attest:")); /* the device's PIN is pin_source's */
	OK(gate_use_key(h, key));
	OK(p11->C_Logout(h));
	RV(p11_login(h, CKU_USER, "wrong"), CKR_PIN_INCORRECT);
	platform_of(GATE_ONES);
	REFUSED(p11_login(h, CKU_USER, "attest:"), "policy_measurement");
	OK(p11_login(h, CKU_USER, SOFTHSM_PIN));
	OK(gate_use_key(h, key));
	OK(p11->C_DestroyObject(h, key));
	OK(p11->C_Finalize(NULL));
	platform_of(GATE_ZEROS);
}

static void test_evidence(void)
{
	CK_SESSION_HANDLE h;

	configure("evidence", true);
	h = p11_open(2, CKF_RW_SESSION);
	CHECK((flags() & CKF_PROTECTED_AUTHENTICATION_PATH) != 0);
	REFUSED(p11_login(h, CKU_USER, SOFTHSM_PIN), "no PIN");
	OK(p11->C_Login(h, CKU_USER, NULL, 0));
	OK(p11->C_Finalize(NULL));
}

/* Both, and the PIN goes to the device: refused evidence never reaches it. */
static void test_both(void)
{
	CK_SESSION_HANDLE h;
	CK_OBJECT_HANDLE key;

	configure("pin+evidence", false);
	h = p11_open(2, CKF_RW_SESSION);
	REFUSED(p11->C_Login(h, CKU_USER, NULL, 0), "wants a PIN");
	platform_of(GATE_ONES);
	for (int i = 0; i < 3; i++)
		REFUSED(p11_login(h, CKU_USER, i % 2 == 0 ? "wrong" : SOFTHSM_PIN), "policy_measurement");
	CHECK((flags() & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED)) == 0);
	platform_of(GATE_ZEROS);
	OK(p11_login(h, CKU_USER, SOFTHSM_PIN));
	OK(gate_make_key(h, &key));
	OK(gate_use_key(h, key));
	OK(p11->C_DestroyObject(h, key));
	OK(p11->C_Finalize(NULL));
}

/* Made in the device, always sensitive, never extractable: and still nothing that this platform could vouch for. */
static void test_attestation(void)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_MECHANISM gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BBOOL local = CK_FALSE;
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, p256, sizeof p256 } };
	CK_ATTRIBUTE prv[] = { { CKA_TOKEN, &no, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 }, { CKA_EXTRACTABLE, &no, 1 },
			       { CKA_SIGN, &yes, 1 } };
	CK_ATTRIBUTE t = { CKA_HANZO_KEY_ATTESTATION, NULL, 0 }, l = { CKA_LOCAL, &local, 1 };
	CK_SESSION_HANDLE h;
	CK_OBJECT_HANDLE public, key;

	configure("pin+evidence", false);
	h = p11_open(2, CKF_RW_SESSION);
	OK(p11_login(h, CKU_USER, SOFTHSM_PIN));
	OK(p11->C_GenerateKeyPair(h, &gen, pub, 1, prv, 5, &public, &key));
	OK(p11->C_GetAttributeValue(h, key, &l, 1));
	CHECK(local == CK_TRUE);
	RV(p11->C_GetAttributeValue(h, key, &t, 1), CKR_ATTRIBUTE_TYPE_INVALID);
	OK(p11->C_Finalize(NULL));
}

/* A tenant's slot before a device: what is made there is the tenant's, what was there before is not. */
static void test_tenant(void)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	static CK_BBOOL yes = CK_TRUE;
	static CK_BYTE id[] = { 7 };
	CK_MECHANISM gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, ecdsa = { CKM_ECDSA, NULL, 0 };
	CK_ATTRIBUTE pub[] = { { CKA_TOKEN, &yes, 1 }, { CKA_ID, id, 1 }, { CKA_EC_PARAMS, p256, sizeof p256 } };
	CK_ATTRIBUTE prv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_ID, id, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SIGN, &yes, 1 } };
	CK_BYTE digest[32] = { 1 }, sig[64], name[8];
	CK_ULONG n = sizeof sig, found = 0;
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t = { CKA_HANZO_TENANT, name, sizeof name }, private = { CKA_CLASS, &cls, sizeof cls };
	CK_SESSION_HANDLE h;
	CK_OBJECT_HANDLE public, key, before, list[8];

	configure("pin", true);
	h = p11_open(2, CKF_RW_SESSION);
	OK(p11_login(h, CKU_USER, SOFTHSM_PIN));
	OK(gate_make_key(h, &before));
	OK(p11->C_Finalize(NULL));
	configure("pin\ntenant = acme", true);
	h = p11_open(2, CKF_RW_SESSION);
	OK(p11_login(h, CKU_USER, SOFTHSM_PIN));
	RV(gate_use_key(h, before), CKR_KEY_HANDLE_INVALID);
	OK(p11->C_GenerateKeyPair(h, &gen, pub, 3, prv, 4, &public, &key));
	OK(p11->C_GetAttributeValue(h, key, &t, 1));
	CHECK(t.ulValueLen == 4 && memcmp(name, "acme", 4) == 0);
	OK(p11->C_Finalize(NULL));
	OK(p11->C_Initialize(NULL));
	h = p11_open(2, CKF_RW_SESSION);
	OK(p11_login(h, CKU_USER, SOFTHSM_PIN));
	OK(p11->C_FindObjectsInit(h, &private, 1));
	OK(p11->C_FindObjects(h, list, 8, &found));
	OK(p11->C_FindObjectsFinal(h));
	CHECK(found == 1);
	OK(p11->C_SignInit(h, &ecdsa, list[0]));
	OK(p11->C_Sign(h, digest, sizeof digest, sig, &n));
	OK(p11->C_DestroyObject(h, list[0]));
	RV(gate_make_key(h, &key), CKR_TEMPLATE_INCONSISTENT); /* without CKA_ID nothing would say whose it is */
	OK(p11->C_Finalize(NULL));
}

int main(void)
{
	if (!softhsm_make()) {
		printf("SKIP t_gate_device: no SoftHSM2 at %s\n", softhsm_module());
		return 77;
	}
	p11_start();
	gate_verifier = hz_attest_verifier_new(NULL);
	gate_load_vendor();
	gate_write("policy.json", "{\"hanzo_policy\":1,\"allow_simulated\":true,\"sim\":{\"measurement\":\"" GATE_ZEROS "\"}}");
	platform_of(GATE_ZEROS);
	softhsm_configure("");
	test_either();
	test_evidence();
	test_both();
	test_attestation();
	test_tenant();
	softhsm_end();
	return gate_end();
}
