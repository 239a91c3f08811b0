/* SPDX-License-Identifier: Apache-2.0 */
/* Attestations of keys, what tier an object says it has, and slots that fall back to a lower tier. */
#include "gate.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static CK_RV make_pair(CK_SESSION_HANDLE h, CK_BBOOL *extractable, CK_OBJECT_HANDLE *priv)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_MECHANISM gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, p256, sizeof p256 } };
	CK_ATTRIBUTE prv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 }, { CKA_SIGN, &yes, 1 },
			       { CKA_EXTRACTABLE, extractable, 1 } };
	CK_OBJECT_HANDLE public;

	return p11->C_GenerateKeyPair(h, &gen, pub, 1, prv, 5, &public, priv);
}

static CK_ULONG number(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG v = 99;
	CK_ATTRIBUTE t = { type, &v, sizeof v };

	OK(p11->C_GetAttributeValue(h, o, &t, 1));
	return v;
}

static enum hz_attest_reason judge(const void *bundle, size_t len, const void *spki, size_t spki_len)
{
	static const char text[] = "{\"hanzo_policy\":1,\"allow_simulated\":true,\"sim\":{\"measurement\":\"" GATE_ZEROS "\"}}";
	hz_attest_policy *p = hz_attest_policy_parse(text, sizeof text - 1, NULL, 0);
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *r;
	enum hz_attest_reason why;

	CHECK(p != NULL && hz_attest_input_evidence(in, HZ_ATTEST_KIND_BUNDLE, bundle, len) && hz_attest_input_key(in, spki, spki_len) &&
	      hz_attest_input_time(in, time(NULL)) && hz_attest_input_tier(in, 4));
	r = hz_attest_verify(gate_verifier, p, in);
	why = hz_attest_result_reason(r);
	if (why != HZ_ATTEST_OK)
		fprintf(stderr, "%s\n", hz_attest_result_text(r));
	hz_attest_result_free(r);
	hz_attest_input_free(in);
	hz_attest_policy_free(p);
	return why;
}

static void test_attested(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE other)
{
	static CK_BYTE bundle[GATE_ROOM], spki[200], spki2[200];
	CK_ATTRIBUTE t = { CKA_HANZO_KEY_ATTESTATION, NULL, 0 };
	CK_ATTRIBUTE pub = { CKA_PUBLIC_KEY_INFO, spki, sizeof spki }, pub2 = { CKA_PUBLIC_KEY_INFO, spki2, sizeof spki2 };
	CK_ULONG len;

	OK(p11->C_GetAttributeValue(h, key, &pub, 1));
	OK(p11->C_GetAttributeValue(h, other, &pub2, 1));
	OK(p11->C_GetAttributeValue(h, key, &t, 1));
	len = t.ulValueLen;
	t = (CK_ATTRIBUTE){ CKA_HANZO_KEY_ATTESTATION, bundle, 10 };
	RV(p11->C_GetAttributeValue(h, key, &t, 1), CKR_BUFFER_TOO_SMALL);
	t = (CK_ATTRIBUTE){ CKA_HANZO_KEY_ATTESTATION, bundle, len };
	OK(p11->C_GetAttributeValue(h, key, &t, 1));
	CHECK(t.ulValueLen == len);
	CHECK(judge(bundle, len, spki, pub.ulValueLen) == HZ_ATTEST_OK);
	CHECK(judge(bundle, len, spki2, pub2.ulValueLen) == HZ_ATTEST_R_BINDING);
	bundle[len / 2] ^= 1;
	CHECK(judge(bundle, len, spki, pub.ulValueLen) != HZ_ATTEST_OK);
	t = (CK_ATTRIBUTE){ CKA_HANZO_KEY_ATTESTATION, bundle, sizeof bundle };
	OK(p11->C_GetAttributeValue(h, other, &t, 1)); /* made when read: of this key */
	CHECK(judge(bundle, t.ulValueLen, spki2, pub2.ulValueLen) == HZ_ATTEST_OK);
}

static void test_keys(void)
{
	CK_SESSION_HANDLE h = p11_open(4, CKF_RW_SESSION);
	CK_OBJECT_HANDLE key, other, loose, aes;
	CK_ATTRIBUTE t = { CKA_HANZO_KEY_ATTESTATION, NULL, 0 };

	OK(p11_login(h, CKU_USER, "attest:"));
	OK(make_pair(h, &no, &key));
	OK(make_pair(h, &no, &other));
	OK(make_pair(h, &yes, &loose));
	OK(gate_make_key(h, &aes));
	CHECK(number(h, key, CKA_HANZO_TIER) == 4 && number(h, key, CKA_HANZO_EFFECTIVE_TIER) == 4);
	test_attested(h, key, other);
	RV(p11->C_GetAttributeValue(h, loose, &t, 1), CKR_ATTRIBUTE_TYPE_INVALID);
	RV(p11->C_GetAttributeValue(h, aes, &t, 1), CKR_ATTRIBUTE_TYPE_INVALID);
	CHECK(unlink(gate_path("sim.json")) == 0);
	RV(p11->C_GetAttributeValue(h, key, &t, 1), CKR_DEVICE_REMOVED);
	gate_platform("blackwell");
	OK(p11->C_CloseSession(h));
	p11_make_token(1, "one");
	h = p11_open(1, CKF_RW_SESSION);
	OK(p11_login(h, CKU_USER, USER_PIN));
	OK(make_pair(h, &no, &key));
	RV(p11->C_GetAttributeValue(h, key, &t, 1), CKR_ATTRIBUTE_TYPE_INVALID);
	CHECK(number(h, key, CKA_HANZO_TIER) == 1);
	OK(p11->C_CloseSession(h));
}

static void configure(const char *fallback)
{
	gate_write("conf", "[tier4]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = sim:%s\n%s", gate_path("policy.json"),
		   gate_path("sim.json"), fallback);
	OK(p11->C_Initialize(NULL));
}

/* Is there a record in a token's audit log? */
static bool recorded(const char *pattern)
{
	char cmd[400];

	snprintf(cmd, sizeof cmd, "grep -qs '%s' '%s'/*.audit", pattern, getenv("HANZO_PKCS11_STORE"));
	return system(cmd) == 0;
}

/* The platform is gone: no token, or a lower tier's under the slot's own name. */
static void test_fallback(void)
{
	CK_TOKEN_INFO was, ti, one;
	CK_SLOT_INFO si;
	CK_SESSION_HANDLE h;
	CK_OBJECT_HANDLE key;

	configure("");
	OK(p11->C_GetTokenInfo(4, &was));
	OK(p11->C_Finalize(NULL));
	CHECK(unlink(gate_path("sim.json")) == 0);
	configure("");
	OK(p11->C_GetSlotInfo(4, &si));
	CHECK((si.flags & CKF_TOKEN_PRESENT) == 0);
	RV(p11->C_GetTokenInfo(4, &ti), CKR_TOKEN_NOT_PRESENT);
	CHECK(gate_said("simulated platform"));
	OK(p11->C_Finalize(NULL));
	configure("fallback = 2\n"); /* nothing is there at 3 and 2 */
	RV(p11->C_GetTokenInfo(4, &ti), CKR_TOKEN_NOT_PRESENT);
	OK(p11->C_Finalize(NULL));
	configure("fallback = 1\n");
	OK(p11->C_GetTokenInfo(4, &ti));
	OK(p11->C_GetTokenInfo(1, &one));
	CHECK(memcmp(ti.model, "tier 4 as 1     ", 16) == 0);
	CHECK(recorded("\"slot\":4,\"function\":\"C_Initialize\".*\"reason\":\"tier 4 is served as tier 1: "));
	CHECK(memcmp(ti.serialNumber, was.serialNumber, 16) == 0 && memcmp(ti.serialNumber, one.serialNumber, 16) != 0);
	CHECK(memcmp(ti.label, "hanzo-gpu-tee-io    ", 20) == 0);
	CHECK((ti.flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0);
	h = p11_open(4, CKF_RW_SESSION);
	RV(p11_login(h, CKU_USER, "attest:"), CKR_PIN_INCORRECT);
	OK(p11_login(h, CKU_USER, USER_PIN)); /* tier 1's token */
	OK(gate_make_key(h, &key));
	CHECK(number(h, key, CKA_HANZO_TIER) == 1 && number(h, key, CKA_HANZO_EFFECTIVE_TIER) == 1);
	OK(p11->C_Finalize(NULL));
	gate_platform("blackwell");
	configure("fallback = 1\n"); /* back: its own token, with its own keys */
	OK(p11->C_GetTokenInfo(4, &ti));
	CHECK(memcmp(ti.model, was.model, 16) == 0);
	OK(p11->C_Finalize(NULL));
}

/* Tier 3 asks NVIDIA's library for its GPUs whether the configuration says so or not: where it is not, both fall back. */
static void test_default_gpus(void)
{
	static const char *const key[] = { "", "gpu_source = nvml\n", "gpu_source = nvml:/nowhere/nvml.so\n" };
	void *nvml = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	CK_TOKEN_INFO ti[3];

	for (int i = 0; i < 3; i++) {
		gate_write("conf", "[tier3]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = tsm:%s\nfallback = 1\n%s", gate_path("policy.json"),
			   p11_dir, key[i]);
		OK(p11->C_Initialize(NULL));
		OK(p11->C_GetTokenInfo(3, &ti[i]));
		OK(p11->C_Finalize(NULL));
	}
	CHECK(memcmp(ti[0].model, ti[1].model, 16) == 0);
	CHECK(memcmp(ti[2].model, "tier 3 as 1     ", 16) == 0);
	if (nvml == NULL)
		CHECK(memcmp(ti[0].model, ti[2].model, 16) == 0);
	else
		(void)dlclose(nvml);
}

/* What does not fit together is refused, not ignored. */
static void test_refused(void)
{
	static const char *const bad[] = {
		"[tier4]\nbackend = soft\nseal = sim\npolicy = /nonexistent/policy.json\n",
		"[tier4]\nbackend = soft\nseal = sim\npolicy = %s/strict.json\n",
		"[tier4]\nbackend = soft\nseal = sim\npolicy = %s/broken.json\n",
		"[tier4]\nbackend = soft\nseal = sim\npolicy = %s/open.json\n",
	};

	gate_write("strict.json", "{\"hanzo_policy\":1,\"snp\":{\"measurement\":\"any\"}}");
	gate_write("broken.json", "{\"hanzo_policy\":1,\"what\":2}");
	gate_write("open.json", "{\"hanzo_policy\":1,\"allow_simulated\":true,\"sim\":{\"measurement\":\"any\"}}");
	CHECK(chmod(gate_path("open.json"), 0666) == 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[300];

		snprintf(text, sizeof text, "%.*s%s%s", (int)strcspn(bad[i], "%"), bad[i], strchr(bad[i], '%') != NULL ? p11_dir : "",
			 strchr(bad[i], '%') != NULL ? strchr(bad[i], '%') + 2 : "");
		gate_write("conf", "%s", text);
		RV(p11->C_Initialize(NULL), CKR_GENERAL_ERROR);
	}
	CHECK(gate_said("others may write"));
}

int main(void)
{
	gate_environment();
	gate_load_vendor();
	configure("");
	test_keys();
	OK(p11->C_Finalize(NULL));
	test_fallback();
	test_default_gpus();
	test_refused();
	return gate_end();
}
