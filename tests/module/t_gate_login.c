/* SPDX-License-Identifier: Apache-2.0 */
/* Logins with evidence: every way in, one use of a challenge, every reason of a refusal, and PINs that it never costs. */
#include "gate.h"

static CK_UTF8CHAR *utf8(const char *text)
{
	return (CK_UTF8CHAR *)(uintptr_t)text;
}

static void test_slots(void)
{
	CK_TOKEN_INFO ti;

	for (CK_SLOT_ID slot = 2; slot < 5; slot++) {
		OK(p11->C_GetTokenInfo(slot, &ti));
		CHECK(memcmp(ti.model, "SIMULATED       ", 16) == 0);
		CHECK((ti.flags & CKF_LOGIN_REQUIRED) != 0);
		CHECK(((ti.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0) == (slot != 2));
		CHECK(((ti.flags & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED)) != 0) == (slot != 2));
	}
	OK(p11->C_GetTokenInfo(1, &ti));
	CHECK((ti.flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0 && memcmp(ti.model, "Hanzo Tier 1    ", 16) == 0);
}

/* Found when the class is named, and then only. */
static void test_object(void)
{
	CK_SESSION_HANDLE h = p11_open(3, 0), other = p11_open(1, 0);
	CK_OBJECT_HANDLE o = gate_object(h), list[8];
	CK_OBJECT_CLASS cls = CKO_HW_FEATURE;
	CK_ATTRIBUTE find = { CKA_CLASS, &cls, sizeof cls };
	CK_ULONG n = 9, type = 0;
	CK_BYTE c[32], d[32];
	CK_BBOOL b = CK_TRUE;
	CK_ATTRIBUTE t = { CKA_HANZO_CHALLENGE, NULL, 0 };

	OK(p11->C_FindObjectsInit(h, NULL, 0));
	OK(p11->C_FindObjects(h, list, 8, &n));
	OK(p11->C_FindObjectsFinal(h));
	for (CK_ULONG i = 0; i < n; i++)
		CHECK(list[i] != o);
	OK(p11->C_FindObjectsInit(other, &find, 1));
	OK(p11->C_FindObjects(other, list, 8, &n));
	OK(p11->C_FindObjectsFinal(other));
	CHECK(n == 0);
	OK(p11->C_GetAttributeValue(h, o, &t, 1)); /* a length query makes none: the login below has no challenge */
	CHECK(t.ulValueLen == 32);
	t = (CK_ATTRIBUTE){ CKA_HANZO_CHALLENGE, c, 31 };
	RV(p11->C_GetAttributeValue(h, o, &t, 1), CKR_BUFFER_TOO_SMALL);
	gate_stage(h, "{}");
	REFUSED(p11->C_Login(h, CKU_USER, NULL, 0), "no challenge");
	t = (CK_ATTRIBUTE){ CKA_HANZO_CHALLENGE, c, 32 };
	OK(p11->C_GetAttributeValue(h, o, &t, 1));
	t.pValue = d;
	OK(p11->C_GetAttributeValue(h, o, &t, 1));
	CHECK(memcmp(c, d, 32) != 0);
	t = (CK_ATTRIBUTE){ CKA_HANZO_EVIDENCE, c, 32 };
	RV(p11->C_GetAttributeValue(h, o, &t, 1), CKR_ATTRIBUTE_SENSITIVE);
	t = (CK_ATTRIBUTE){ CKA_HW_FEATURE_TYPE, &type, sizeof type };
	OK(p11->C_GetAttributeValue(h, o, &t, 1));
	CHECK(type == CKH_HANZO_ATTESTATION);
	t = (CK_ATTRIBUTE){ CKA_TOKEN, &b, 1 };
	OK(p11->C_GetAttributeValue(h, o, &t, 1));
	CHECK(b == CK_FALSE);
	RV(p11->C_SetAttributeValue(h, o, &t, 1), CKR_ATTRIBUTE_READ_ONLY);
	t = (CK_ATTRIBUTE){ CKA_HANZO_EVIDENCE, c, 0 };
	RV(p11->C_SetAttributeValue(h, o, &t, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	t = (CK_ATTRIBUTE){ CKA_HANZO_EVIDENCE, c, (1 << 20) + 1 };
	RV(p11->C_SetAttributeValue(h, o, &t, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	RV(p11->C_DestroyObject(h, o), CKR_ACTION_PROHIBITED);
	RV(p11->C_CopyObject(h, o, NULL, 0, list), CKR_ACTION_PROHIBITED);
	RV(p11->C_GetAttributeValue(other, o, &t, 1), CKR_OBJECT_HANDLE_INVALID);
	OK(p11->C_CloseSession(h));
	OK(p11->C_CloseSession(other));
}

/* A login of the slot with this bundle, staged. */
static CK_RV try_staged(CK_SESSION_HANDLE h, struct gate_bundle *b)
{
	b->challenge = gate_challenge(h);
	gate_stage(h, gate_make(b));
	return p11->C_Login(h, CKU_USER, NULL, 0);
}

static void test_ways_in(void)
{
	CK_SESSION_HANDLE h = p11_open(4, CKF_RW_SESSION);
	CK_OBJECT_HANDLE key;
	struct gate_bundle b = { .gpus = 2 };
	uint8_t c[32];
	CK_ULONG n = 0;
	char *text;

	OK(p11->C_Login(h, CKU_USER, NULL, 0)); /* the source */
	CHECK(gate_state(h) == CKS_RW_USER_FUNCTIONS);
	OK(gate_make_key(h, &key));
	RV(p11->C_Login(h, CKU_USER, NULL, 0), CKR_USER_ALREADY_LOGGED_IN);
	OK(p11->C_Logout(h));
	RV(gate_use_key(h, key), CKR_KEY_HANDLE_INVALID);
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(gate_use_key(h, key));
	OK(p11->C_Logout(h));
	OK(p11_login(h, CKU_USER, "attest:@other"));
	OK(p11->C_Logout(h));
	OK(try_staged(h, &b));
	OK(gate_use_key(h, key));
	OK(p11->C_Logout(h));
	b.challenge = gate_challenge(h);
	text = gate_make(&b);
	OK(p11_login(h, CKU_USER, text)); /* inline */
	OK(p11->C_Logout(h));
	REFUSED(p11_login(h, CKU_USER, text), "challenge"); /* replayed */
	OK(p11->C_LoginUser(h, CKU_USER, NULL, 0, NULL, 0));
	OK(p11->C_Logout(h));
	REFUSED(p11->C_LoginUser(h, CKU_USER, NULL, 0, utf8("acme"), 4), "tenant");

	/* The vendor interface. */
	OK(gate_vendor->HZ_GetChallenge(h, NULL, &n));
	CHECK(n == 32);
	n = 31;
	RV(gate_vendor->HZ_GetChallenge(h, c, &n), CKR_BUFFER_TOO_SMALL);
	OK(gate_vendor->HZ_GetChallenge(h, c, &n));
	RV(gate_vendor->HZ_GetChallenge(h, c, NULL), CKR_ARGUMENTS_BAD);
	b.challenge = c;
	text = gate_make(&b);
	RV(gate_vendor->HZ_StageEvidence(h, NULL, 5), CKR_ARGUMENTS_BAD);
	OK(gate_vendor->HZ_StageEvidence(h, (CK_BYTE *)text, strlen(text)));
	RV(gate_vendor->HZ_Renew(h), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_Login(h, CKU_USER, NULL, 0));
	OK(gate_vendor->HZ_Renew(h)); /* from the source */
	CHECK(gate_state(h) == CKS_RW_USER_FUNCTIONS);
	OK(p11->C_CloseSession(h));
	h = p11_open(1, 0);
	RV(gate_vendor->HZ_GetChallenge(h, c, &n), CKR_FUNCTION_NOT_SUPPORTED);
	RV(gate_vendor->HZ_StageEvidence(h, (CK_BYTE *)text, 5), CKR_FUNCTION_NOT_SUPPORTED);
	RV(gate_vendor->HZ_Renew(h), CKR_FUNCTION_NOT_SUPPORTED);
	OK(p11->C_CloseSession(h));
}

/* Each refusal with its reason, on tier 4. */
static void test_refusals(void)
{
	static const struct {
		struct gate_bundle b;
		const char *why;
	} cases[] = {
		{ { .gpus = 1, .debug = true }, "policy_debug" },
		{ { .gpus = 1, .other_measurement = true }, "policy_measurement" },
		{ { .gpus = 1, .wrong_report_data = true }, "report_data" },
		{ { .gpus = 1, .wrong_nonce = true }, "nonce" },
		{ { .gpus = 2, .same_gpu = true }, "gpu_same_key" },
		{ { .gpus = 1, .hopper = true }, "policy_tee_io" },
		{ { .gpus = 1, .no_tee_io = true }, "policy_tee_io" },
		{ { .gpus = 0 }, "gpu_count" },
		{ { .gpus = 1, .extra = "\"what\":1," }, "json" },
		{ { .gpus = 1, .extra = "\"challenge\":\"AA\"," }, "json" },
		{ { .gpus = 1, .pin = "1234" }, "no PIN" },
	};
	static const char *const broken[] = { "{", "{}", "{\"hanzo_evidence\":1}", "{]" };
	static const char *const schemes[] = { "cap:a~b", "jwt:a.b.c", "siwe:AA", "did:x#y", "apikey:a:b" };
	CK_SESSION_HANDLE h = p11_open(4, 0), other = p11_open(4, 0);
	struct gate_bundle b;
	uint8_t first[32];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		b = cases[i].b;
		REFUSED(try_staged(h, &b), cases[i].why);
		CHECK(gate_state(h) == CKS_RO_PUBLIC_SESSION);
	}
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		(void)gate_challenge(h);
		REFUSED(p11_login(h, CKU_USER, broken[i]), "evidence refused");
	}
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		REFUSED(p11_login(h, CKU_USER, schemes[i]), "scheme");
	REFUSED(p11_login(h, CKU_USER, "1234"), "no PIN");
	REFUSED(p11_login(h, CKU_USER, ""), "no PIN");
	REFUSED(p11_login(h, CKU_USER, "attest:other"), "attest:");
	REFUSED(p11_login(h, CKU_USER, "attest:@"), "attest:");
	REFUSED(p11_login(h, CKU_USER, "attest:@nosuch"), "name");
	REFUSED(p11_login(h, CKU_USER, "attest:@01234567890123456789"), "attest:");
	RV(p11->C_Login(h, CKU_USER, NULL, 1), CKR_ARGUMENTS_BAD);
	RV(p11->C_Login(h, CKU_SO, NULL, 0), CKR_ARGUMENTS_BAD);

	/* A challenge belongs to its session, and a fresh one ends the last. */
	memcpy(first, gate_challenge(other), 32);
	b = (struct gate_bundle){ .gpus = 1, .challenge = first };
	(void)gate_challenge(h);
	REFUSED(p11_login(h, CKU_USER, gate_make(&b)), "challenge");
	memcpy(first, gate_challenge(h), 32);
	(void)gate_challenge(h);
	b.challenge = first;
	REFUSED(p11_login(h, CKU_USER, gate_make(&b)), "challenge");
	/* A refused attempt uses it up, and the staged bundle with it. */
	b.wrong_report_data = true;
	REFUSED(try_staged(h, &b), "report_data");
	b.wrong_report_data = false;
	REFUSED(p11_login(h, CKU_USER, gate_make(&b)), "challenge");
	OK(p11->C_CloseSession(h));
	OK(p11->C_CloseSession(other));
}

/* Tier 3 takes a Hopper GPU, and a Blackwell one as well; tier 4 took neither Hopper nor less. */
static void test_tiers(void)
{
	CK_SESSION_HANDLE h = p11_open(3, 0);
	struct gate_bundle b = { .gpus = 1, .hopper = true, .no_tee_io = true };

	OK(try_staged(h, &b));
	OK(p11->C_Logout(h));
	b.gpus = 0;
	REFUSED(try_staged(h, &b), "gpu_count");
	OK(p11->C_CloseSession(h));
}

/* No PIN can be set where there is none, and the SO is who made the token. */
static void test_pins_of_evidence_slots(void)
{
	CK_SESSION_HANDLE h = p11_open(4, CKF_RW_SESSION);
	CK_UTF8CHAR label[32];

	OK(p11_login(h, CKU_USER, "attest:"));
	OK(p11->C_Logout(h));
	RV(p11->C_InitPIN(h, utf8("1234"), 4), CKR_FUNCTION_NOT_SUPPORTED);
	RV(p11->C_SetPIN(h, utf8("1234"), 4, utf8("5678"), 4), CKR_FUNCTION_NOT_SUPPORTED);
	RV(p11_login(h, CKU_SO, SO_PIN), CKR_USER_PIN_NOT_INITIALIZED);
	OK(p11->C_CloseSession(h));
	memset(label, ' ', sizeof label);
	RV(p11->C_InitToken(4, utf8(SO_PIN), strlen(SO_PIN), label), CKR_TOKEN_WRITE_PROTECTED);
	OK(p11->C_InitToken(3, utf8(SO_PIN), strlen(SO_PIN), label));
	h = p11_open(3, CKF_RW_SESSION);
	OK(p11_login(h, CKU_SO, SO_PIN));
	RV(p11->C_InitPIN(h, utf8("1234"), 4), CKR_FUNCTION_NOT_SUPPORTED);
	OK(p11->C_Logout(h));
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(p11->C_CloseSession(h));
}

/* Tier 2 wants both. Refused evidence never costs a PIN try; a wrong PIN does. */
static void test_both(void)
{
	CK_SESSION_HANDLE h;
	struct gate_bundle b = { .other_measurement = true };
	CK_TOKEN_INFO ti;

	p11_make_token(2, "both");
	h = p11_open(2, CKF_RW_SESSION);
	for (int i = 0; i < 4; i++) {
		b.challenge = gate_challenge(h);
		gate_stage(h, gate_make(&b));
		REFUSED(p11_login(h, CKU_USER, USER_PIN), "policy_measurement");
		REFUSED(p11_login(h, CKU_USER, "attest:"), "wants a PIN");
		REFUSED(p11->C_Login(h, CKU_USER, NULL, 0), "wants a PIN");
	}
	OK(p11->C_GetTokenInfo(2, &ti));
	CHECK((ti.flags & CKF_USER_PIN_COUNT_LOW) == 0);
	OK(p11_login(h, CKU_USER, USER_PIN)); /* with the source's evidence */
	OK(p11->C_Logout(h));
	b = (struct gate_bundle){ .pin = USER_PIN };
	OK(try_staged(h, &b)); /* both in the bundle */
	OK(p11->C_Logout(h));
	b.pin = NULL;
	b.challenge = gate_challenge(h);
	gate_stage(h, gate_make(&b));
	OK(p11_login(h, CKU_USER, USER_PIN)); /* one beside the other */
	OK(p11->C_Logout(h));
	b.pin = "wrong";
	REFUSED(try_staged(h, &b), "wrong PIN");
	OK(p11->C_GetTokenInfo(2, &ti));
	CHECK((ti.flags & CKF_USER_PIN_COUNT_LOW) != 0);
	REFUSED(p11_login(h, CKU_USER, "wrong"), "wrong PIN");
	RV(p11_login(h, CKU_USER, "wrong"), CKR_PIN_INCORRECT);
	RV(p11_login(h, CKU_USER, USER_PIN), CKR_PIN_LOCKED);
	b.pin = NULL;
	b.other_measurement = true;
	b.challenge = gate_challenge(h);
	gate_stage(h, gate_make(&b));
	REFUSED(p11_login(h, CKU_USER, USER_PIN), "policy_measurement"); /* evidence comes first */
	OK(p11->C_CloseSession(h));
}

/* A PIN in the bundle and one beside it must be the same; a renewal checks the one that its bundle has. */
static void test_two_pins(void)
{
	CK_SESSION_HANDLE h;
	struct gate_bundle b = { .pin = "9999" };
	CK_TOKEN_INFO ti;
	static const char *const others[] = { "9999", USER_PIN "0", "user-pin-123", "x" };

	p11_make_token(2, "pins");
	h = p11_open(2, CKF_RW_SESSION);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) { /* more often than there are tries */
		b.pin = others[i];
		b.challenge = gate_challenge(h);
		gate_stage(h, gate_make(&b));
		REFUSED(p11_login(h, CKU_USER, USER_PIN), "beside it");
	}
	b.pin = USER_PIN;
	b.challenge = gate_challenge(h);
	gate_stage(h, gate_make(&b));
	REFUSED(p11_login(h, CKU_USER, "9999"), "beside it");
	OK(p11->C_GetTokenInfo(2, &ti));
	CHECK((ti.flags & CKF_USER_PIN_COUNT_LOW) == 0);
	b.challenge = gate_challenge(h);
	gate_stage(h, gate_make(&b));
	OK(p11_login(h, CKU_USER, USER_PIN));
	b.challenge = gate_challenge(h);
	gate_stage(h, gate_make(&b));
	OK(gate_vendor->HZ_Renew(h));
	b.pin = "9999";
	b.challenge = gate_challenge(h);
	gate_stage(h, gate_make(&b));
	REFUSED(gate_vendor->HZ_Renew(h), "wrong PIN");
	OK(p11->C_GetTokenInfo(2, &ti));
	CHECK((ti.flags & CKF_USER_PIN_COUNT_LOW) != 0);
	CHECK(gate_state(h) == CKS_RW_USER_FUNCTIONS);
	OK(p11->C_CloseSession(h));
	h = p11_open(4, 0);
	OK(p11->C_Login(h, CKU_USER, NULL, 0));
	b = (struct gate_bundle){ .pin = USER_PIN, .gpus = 1, .challenge = gate_challenge(h) };
	gate_stage(h, gate_make(&b));
	REFUSED(gate_vendor->HZ_Renew(h), "no PIN");
	OK(p11->C_CloseSession(h));
}

static CK_RV set_pin(CK_SESSION_HANDLE h, const char *old, const char *pin)
{
	return p11->C_SetPIN(h, utf8(old), strlen(old), utf8(pin), strlen(pin));
}

/* A PIN that is worth nothing without evidence is not tried without: C_SetPIN is no way to guess it, to lock it, or to change it. */
static void test_set_pin(void)
{
	CK_SESSION_HANDLE h;
	struct gate_bundle b = { .other_measurement = true };
	CK_TOKEN_INFO ti;

	p11_make_token(2, "both");
	h = p11_open(2, CKF_RW_SESSION);
	for (int i = 0; i < 4; i++) {
		b.challenge = gate_challenge(h);
		gate_stage(h, gate_make(&b));
		REFUSED(set_pin(h, i % 2 == 0 ? USER_PIN : "wrong", "mine"), "policy_measurement");
	}
	OK(p11->C_GetTokenInfo(2, &ti));
	CHECK((ti.flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED)) == 0);
	REFUSED(set_pin(h, "attest:", "mine"), "wants a PIN");
	RV(set_pin(h, USER_PIN, "{x"), CKR_PIN_INVALID);
	OK(set_pin(h, USER_PIN, "second")); /* with the source's evidence */
	b = (struct gate_bundle){ .pin = "second", .challenge = gate_challenge(h) };
	OK(set_pin(h, gate_make(&b), "third")); /* as C_Login takes it */
	REFUSED(set_pin(h, "second", "x"), "wrong PIN");
	OK(p11_login(h, CKU_USER, "third"));
	CHECK(unlink(gate_path("sim.json")) == 0);
	OK(set_pin(h, "third", USER_PIN)); /* who is logged in has proved it */
	OK(p11->C_Logout(h));
	RV(set_pin(h, USER_PIN, "x"), CKR_DEVICE_REMOVED);
	OK(p11_login(h, CKU_SO, SO_PIN));
	OK(set_pin(h, SO_PIN, "so-second")); /* SO PINs are always literal */
	OK(set_pin(h, "so-second", SO_PIN));
	OK(p11->C_CloseSession(h));
	gate_platform("blackwell");
}

/* A source that went away is a device removed; one that lies is refused. */
static void test_source(void)
{
	CK_SESSION_HANDLE h = p11_open(4, 0);

	CHECK(unlink(gate_path("sim.json")) == 0);
	RV(p11_login(h, CKU_USER, "attest:"), CKR_DEVICE_REMOVED);
	gate_write("sim.json", "{\"measurement\":\"" GATE_ONES "\"}");
	REFUSED(p11_login(h, CKU_USER, "attest:"), "policy_measurement");
	gate_platform("hopper");
	REFUSED(p11_login(h, CKU_USER, "attest:"), "policy_tee_io");
	gate_platform("blackwell");
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(p11->C_CloseSession(h));
}

/* "attest:" as an SO's PIN is a PIN. */
static void test_so(void)
{
	CK_SESSION_HANDLE h;
	CK_UTF8CHAR label[32];

	memset(label, ' ', sizeof label);
	OK(p11->C_InitToken(3, utf8(SO_PIN), strlen(SO_PIN), label));
	h = p11_open(3, CKF_RW_SESSION);
	RV(p11_login(h, CKU_SO, "attest:"), CKR_PIN_INCORRECT);
	OK(p11_login(h, CKU_SO, SO_PIN));
	OK(p11->C_CloseSession(h));
	OK(p11->C_InitToken(1, utf8("attest:"), 7, label));
	h = p11_open(1, CKF_RW_SESSION);
	OK(p11_login(h, CKU_SO, "attest:"));
	RV(p11->C_SetPIN(h, utf8("attest:"), 7, utf8("{"), 0), CKR_PIN_LEN_RANGE);
	OK(p11->C_SetPIN(h, utf8("attest:"), 7, utf8("{so"), 3));
	OK(p11->C_Logout(h));
	OK(p11_login(h, CKU_SO, "{so"));
	OK(p11->C_CloseSession(h));
}

/* The reason of each refusal is in the log, and no PIN, no challenge and no bundle ever. */
static void test_log(void)
{
	static char log[1 << 20];
	CK_SESSION_HANDLE h;
	struct gate_bundle b = { .pin = "secret-of-mine", .other_measurement = true };
	char challenge[64], hex[65], *text;
	FILE *f;

	p11_make_token(2, "log");
	h = p11_open(2, CKF_RW_SESSION);
	REFUSED(try_staged(h, &b), "policy_measurement");
	b = (struct gate_bundle){ .pin = "secret-of-mine", .extra = "\"more\":\"secret-of-mine\"," };
	RV(try_staged(h, &b), CKR_PIN_INCORRECT);
	b = (struct gate_bundle){ .pin = "secret-of-mine\\u0001" };
	RV(try_staged(h, &b), CKR_PIN_INCORRECT);
	b = (struct gate_bundle){ .pin = "secret-of-mine", .challenge = gate_challenge(h), .wrong_report_data = true };
	hz_b64url_encode(b.challenge, 32, challenge);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", b.challenge[i]);
	text = gate_make(&b);
	text[strlen(text) - 1] = '\0'; /* cut */
	RV(p11_login(h, CKU_USER, text), CKR_PIN_INCORRECT);
	b.challenge = gate_challenge(h);
	REFUSED(p11_login(h, CKU_USER, gate_make(&b)), "report_data");
	RV(p11_login(h, CKU_USER, "secret-of-mine"), CKR_PIN_INCORRECT);
	OK(p11->C_CloseSession(h));
	f = fopen(gate_path("log"), "r");
	CHECK(f != NULL && fread(log, 1, sizeof log - 1, f) > 0 && fclose(f) == 0);
	CHECK(strstr(log, "C_Login: slot 2: CKR_PIN_INCORRECT: evidence refused: policy_measurement") != NULL);
	CHECK(strstr(log, "report_data") != NULL);
	CHECK(strstr(log, "secret-of-mine") == NULL && strstr(log, USER_PIN) == NULL && strstr(log, SO_PIN) == NULL);
	CHECK(strstr(log, challenge) == NULL && strstr(log, hex) == NULL);
	CHECK(strstr(log, "application/vnd.hanzo") == NULL);
}

int main(void)
{
	gate_environment();
	gate_write("other.json", "{\"tee_io\":true,\"gpus\":[{\"arch\":\"blackwell\",\"key\":\"z\"}]}");
	gate_write("conf", "[hanzo]\nevidence_cache = 0\nmax_pin_tries = 3\n"
		   "[tier2]\nbackend = soft\nlogin = pin+evidence\nseal = pin, sim\npolicy = %s\nevidence_source = sim:%s\n"
		   "[tier3]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = sim:%s\n"
		   "[tier4]\nbackend = soft\nseal = sim\nlogin = evidence\npolicy = %s/policy.json\nevidence_source = sim:%s/sim.json\nevidence_source.other = sim:%s/other.json\n",
		   gate_path("policy.json"), gate_path("sim.json"), gate_path("policy.json"), gate_path("sim.json"), p11_dir, p11_dir, p11_dir);
	gate_load_vendor();
	OK(p11->C_Initialize(NULL));
	test_slots();
	test_pins_of_evidence_slots();
	test_object();
	test_ways_in();
	test_refusals();
	test_tiers();
	test_set_pin();
	test_both();
	test_two_pins();
	test_source();
	test_so();
	test_log();
	OK(p11->C_Finalize(NULL));
	return gate_end();
}
