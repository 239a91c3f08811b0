/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants: whose a login is, whose objects it sees, finds, names and makes; and a caller who says he is somebody. */
#include "gate.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* Tier 3: the measurement says whose; 16: acme's slot, by PIN or evidence; 17: no tenants. */
static void configure(void)
{
	const char *source = gate_path("sim.json");

	gate_write("map.json", "{\"hanzo_policy\":1,\"allow_simulated\":true,\"sim\":{\"measurement\":\"any\"},\"tenants\":["
		   "{\"claim\":\"cpu.measurement\",\"value\":\"" GATE_ZEROS "\",\"tenant\":\"acme\"},"
		   "{\"claim\":\"cpu.measurement\",\"value\":\"" GATE_ONES "\",\"tenant\":\"bolt\"}]}");
	gate_write("conf", "[hanzo]\nevidence_cache = 0\nslots = acme, none\n"
		   "[tier3]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = sim:%s\n"
		   "[slot_acme]\nid = 16\ntier = 1\nlogin = pin | evidence\nseal = pin, sim\npolicy = %s\nevidence_source = sim:%s\ntenant = acme\n"
		   "[slot_none]\nid = 17\ntier = 1\nlogin = pin\n", gate_path("map.json"), source, gate_path("map.json"), source);
	OK(p11->C_Initialize(NULL));
}

static void platform(const char *measurement)
{
	gate_write("sim.json", "{\"measurement\":\"%s\",\"tee_io\":true,\"gpus\":[{\"arch\":\"blackwell\",\"key\":\"k\"}]}", measurement);
}
#define ACME GATE_ZEROS
#define BOLT GATE_ONES
#define NOBODY "22222222" "2222222222222222222222222222222222222222222222222222222222222222222222222222222222222222"

static CK_RV log_in_to(CK_SESSION_HANDLE h, CK_USER_TYPE who, const char *name, const char *pin)
{
	return p11->C_LoginUser(h, who, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin), (CK_UTF8CHAR *)(uintptr_t)name, strlen(name));
}

static CK_RV log_in_as(CK_SESSION_HANDLE h, const char *name, const char *pin)
{
	return log_in_to(h, CKU_USER, name, pin);
}

static CK_RV make(CK_SESSION_HANDLE h, CK_BBOOL token, CK_BBOOL private, const char *label, const char *tenant, CK_OBJECT_HANDLE *out)
{
	CK_OBJECT_CLASS cls = CKO_DATA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_TOKEN, &token, 1 }, { CKA_PRIVATE, &private, 1 },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, { CKA_VALUE, &cls, sizeof cls },
			     { CKA_HANZO_TENANT, (void *)(uintptr_t)tenant, tenant != NULL ? strlen(tenant) : 0 } };

	return p11->C_CreateObject(h, t, tenant != NULL ? 6 : 5, out);
}

/* A key, by generation. */
static CK_RV make_key(CK_SESSION_HANDLE h, const char *label, CK_OBJECT_HANDLE *out)
{
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, { CKA_VALUE_LEN, &len, sizeof len },
			     { CKA_ENCRYPT, &yes, 1 } };

	return p11->C_GenerateKey(h, &gen, t, 4, out);
}

static bool finds(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_OBJECT_HANDLE list[64];
	CK_ULONG found = 0;
	bool is = false;

	OK(p11->C_FindObjectsInit(h, t, n));
	OK(p11->C_FindObjects(h, list, 64, &found));
	OK(p11->C_FindObjectsFinal(h));
	for (CK_ULONG i = 0; i < found; i++)
		is |= list[i] == o;
	return is;
}

/* Does the session know the object: by search, by its label, and by its handle? All or none. */
static bool knows(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, const char *label)
{
	CK_BYTE b[64];
	CK_ATTRIBUTE get = { CKA_LABEL, b, sizeof b }, by = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
	CK_ULONG size;
	CK_OBJECT_HANDLE copy;
	bool all = finds(h, o, NULL, 0);

	CHECK(finds(h, o, &by, 1) == all);
	RV(p11->C_GetAttributeValue(h, o, &get, 1), all ? CKR_OK : CKR_OBJECT_HANDLE_INVALID);
	if (all)
		return true;
	RV(p11->C_GetObjectSize(h, o, &size), CKR_OBJECT_HANDLE_INVALID);
	RV(p11->C_SetAttributeValue(h, o, &by, 1), CKR_OBJECT_HANDLE_INVALID);
	RV(p11->C_CopyObject(h, o, NULL, 0, &copy), CKR_OBJECT_HANDLE_INVALID);
	RV(p11->C_DestroyObject(h, o), CKR_OBJECT_HANDLE_INVALID);
	return false;
}

static bool is_of(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, const char *tenant)
{
	CK_BYTE b[64];
	CK_ATTRIBUTE t = { CKA_HANZO_TENANT, b, sizeof b };

	return p11->C_GetAttributeValue(h, o, &t, 1) == CKR_OK && t.ulValueLen == strlen(tenant) && memcmp(b, tenant, t.ulValueLen) == 0;
}

static void test_apart(void)
{
	CK_SESSION_HANDLE h = p11_open(3, CKF_RW_SESSION);
	CK_OBJECT_HANDLE data, key, session, secret, theirs, nobodys, x;
	CK_ATTRIBUTE bad = { CKA_LABEL, (void *)(uintptr_t)"data:bolt:x", 11 };
	CK_ATTRIBUTE good = { CKA_LABEL, (void *)(uintptr_t)"data:acme:y", 11 };

	platform(ACME);
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(make(h, CK_TRUE, CK_FALSE, "public", NULL, &data));
	OK(make(h, CK_FALSE, CK_FALSE, "session", NULL, &session));
	OK(make(h, CK_TRUE, CK_TRUE, "private", "acme", &secret));
	OK(make_key(h, "model:acme:m", &key));
	CHECK(is_of(h, data, "acme") && is_of(h, session, "acme") && is_of(h, secret, "acme") && is_of(h, key, "acme"));
	CHECK(knows(h, data, "public") && knows(h, key, "model:acme:m"));
	RV(make(h, CK_TRUE, CK_FALSE, "x", "bolt", &x), CKR_ATTRIBUTE_VALUE_INVALID);
	RV(make(h, CK_FALSE, CK_FALSE, "x", "bolt", &x), CKR_ATTRIBUTE_VALUE_INVALID);
	RV(make(h, CK_FALSE, CK_FALSE, "data:bolt:x", NULL, &x), CKR_ATTRIBUTE_VALUE_INVALID);
	RV(make_key(h, "model:bolt:m", &x), CKR_ATTRIBUTE_VALUE_INVALID);
	RV(p11->C_SetAttributeValue(h, data, &bad, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	OK(p11->C_SetAttributeValue(h, data, &good, 1));
	RV(p11->C_CopyObject(h, secret, &bad, 1, &x), CKR_ATTRIBUTE_VALUE_INVALID);
	OK(p11->C_CopyObject(h, secret, NULL, 0, &x));
	CHECK(is_of(h, x, "acme"));
	OK(p11->C_Logout(h));

	CHECK(!knows(h, data, "data:acme:y") && !knows(h, session, "session")); /* before login: nobody's only */
	RV(make(h, CK_TRUE, CK_FALSE, "x", "acme", &x), CKR_ATTRIBUTE_VALUE_INVALID);
	OK(make(h, CK_TRUE, CK_FALSE, "nobody", NULL, &nobodys));
	CHECK(knows(h, nobodys, "nobody"));

	platform(BOLT);
	OK(p11_login(h, CKU_USER, "attest:"));
	CHECK(!knows(h, data, "data:acme:y") && !knows(h, session, "session") && !knows(h, secret, "private") && !knows(h, key, "model:acme:m"));
	CHECK(!knows(h, nobodys, "nobody"));
	RV(gate_use_key(h, key), CKR_KEY_HANDLE_INVALID);
	OK(make(h, CK_TRUE, CK_FALSE, "theirs", NULL, &theirs));
	OK(p11->C_Logout(h));

	platform(NOBODY); /* accepted, and no tenant's */
	OK(p11_login(h, CKU_USER, "attest:"));
	CHECK(!knows(h, data, "data:acme:y") && !knows(h, theirs, "theirs") && knows(h, nobodys, "nobody"));
	RV(make_key(h, "model:acme:m", &x), CKR_ATTRIBUTE_VALUE_INVALID);
	OK(p11->C_Logout(h));

	platform(ACME);
	OK(p11_login(h, CKU_USER, "attest:"));
	CHECK(knows(h, data, "data:acme:y") && knows(h, secret, "private") && !knows(h, theirs, "theirs"));
	CHECK(gate_object(h) != 0); /* nobody's, everybody's */
	OK(p11->C_CloseSession(h));
}

/* The tenant is the credential's. */
static void test_names(void)
{
	CK_SESSION_HANDLE h = p11_open(3, CKF_RW_SESSION);
	struct gate_bundle b = { .gpus = 1 };

	platform(ACME);
	REFUSED(log_in_as(h, "bolt", "attest:"), "tenant");
	REFUSED(log_in_as(h, "acm", "attest:"), "tenant");
	REFUSED(log_in_as(h, "acme2", "attest:"), "tenant");
	OK(log_in_as(h, "acme", "attest:"));
	platform(BOLT); /* another tenant's evidence renews nothing */
	REFUSED(gate_vendor->HZ_Renew(h), "another tenant");
	b.challenge = gate_challenge(h);
	gate_stage(h, gate_make(&b)); /* acme's */
	OK(gate_vendor->HZ_Renew(h));
	OK(p11->C_Logout(h));
	REFUSED(log_in_as(h, "acme", "attest:"), "tenant");
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(p11->C_CloseSession(h));
	platform(NOBODY);
	h = p11_open(3, CKF_RW_SESSION);
	REFUSED(log_in_as(h, "acme", "attest:"), "tenant");
	OK(p11->C_CloseSession(h));
}

/* A slot of one tenant: a PIN is its, evidence of another is refused, of nobody is its. */
static void test_own_slot(void)
{
	CK_SESSION_HANDLE h;
	CK_OBJECT_HANDLE key, x;

	p11_make_token(16, "acme");
	h = p11_open(16, CKF_RW_SESSION);
	REFUSED(log_in_as(h, "bolt", USER_PIN), "tenant");
	OK(log_in_as(h, "acme", USER_PIN));
	OK(make_key(h, "plain", &key));
	CHECK(is_of(h, key, "acme"));
	OK(make_key(h, "data:acme:k", &x));
	RV(make_key(h, "data:bolt:k", &x), CKR_ATTRIBUTE_VALUE_INVALID);
	OK(p11->C_Logout(h));
	REFUSED(p11->C_LoginUser(h, CKU_SO, (CK_UTF8CHAR *)(uintptr_t)SO_PIN, strlen(SO_PIN), (CK_UTF8CHAR *)(uintptr_t)"acme", 4), "SO");
	platform(BOLT);
	REFUSED(p11_login(h, CKU_USER, "attest:"), "another tenant");
	platform(ACME);
	OK(p11_login(h, CKU_USER, "attest:"));
	OK(gate_use_key(h, key));
	OK(p11->C_Logout(h));
	platform(NOBODY);
	OK(log_in_as(h, "acme", "attest:"));
	OK(gate_use_key(h, key));
	OK(p11->C_CloseSession(h));
}

/* An ECDSA operation of a key that wants a login of its own. */
static void begin_guarded(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE *public, CK_OBJECT_HANDLE *key)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_MECHANISM gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, ecdsa = { CKM_ECDSA, NULL, 0 };
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, p256, sizeof p256 } };
	CK_ATTRIBUTE prv[] = { { CKA_PRIVATE, &yes, 1 }, { CKA_SIGN, &yes, 1 }, { CKA_ALWAYS_AUTHENTICATE, &yes, 1 }, { CKA_TOKEN, &no, 1 } };

	OK(p11->C_GenerateKeyPair(h, &gen, pub, 1, prv, 4, public, key));
	OK(p11->C_SignInit(h, &ecdsa, *key));
}

/* CKU_CONTEXT_SPECIFIC: another tenant's evidence does not serve, nor another name. */
static void test_context(void)
{
	CK_SESSION_HANDLE h = p11_open(3, CKF_RW_SESSION);
	CK_OBJECT_HANDLE public, key;
	CK_BYTE digest[32] = { 1 }, sig[64];
	CK_ULONG n = sizeof sig;

	platform(ACME);
	OK(p11_login(h, CKU_USER, "attest:"));
	begin_guarded(h, &public, &key);
	CHECK(is_of(h, public, "acme") && is_of(h, key, "acme"));
	platform(BOLT);
	REFUSED(p11_login(h, CKU_CONTEXT_SPECIFIC, "attest:"), "another tenant");
	platform(ACME);
	REFUSED(log_in_to(h, CKU_CONTEXT_SPECIFIC, "bolt", "attest:"), "user name");
	OK(log_in_to(h, CKU_CONTEXT_SPECIFIC, "acme", "attest:"));
	OK(p11->C_Sign(h, digest, sizeof digest, sig, &n));
	OK(p11->C_CloseSession(h));

	h = p11_open(17, CKF_RW_SESSION); /* nobody's slot: no name fits, and none costs a PIN */
	OK(p11_login(h, CKU_USER, USER_PIN));
	begin_guarded(h, &public, &key);
	REFUSED(log_in_to(h, CKU_CONTEXT_SPECIFIC, "bob", USER_PIN), "user name");
	REFUSED(log_in_to(h, CKU_CONTEXT_SPECIFIC, "bob", "wrong"), "user name");
	RV(p11->C_Sign(h, digest, sizeof digest, sig, &n), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_CloseSession(h));
}

/* A slot without tenants: an attribute like any other. */
static void test_without(void)
{
	CK_SESSION_HANDLE h;
	CK_OBJECT_HANDLE x;

	p11_make_token(17, "none");
	h = p11_open(17, CKF_RW_SESSION);
	REFUSED(log_in_as(h, "acme", USER_PIN), "tenant");
	OK(p11_login(h, CKU_USER, USER_PIN));
	OK(make_key(h, "model:acme:m", &x));
	CHECK(knows(h, x, "model:acme:m") && is_of(h, x, "acme"));
	OK(p11->C_CloseSession(h));
}

/* A slot that falls back is not served by another tenant's. */
static void test_fallback(void)
{
	static const char *const below[] = { "tenant = bolt\n", "", "tenant = acme\n" };
	CK_TOKEN_INFO ti;

	for (int i = 0; i < 3; i++) {
		gate_write("conf", "[tier1]\n%s[tier4]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = sim:%s\nfallback = 1\ntenant = acme\n",
			   below[i], gate_path("map.json"), gate_path("none.json"));
		OK(p11->C_Initialize(NULL));
		RV(p11->C_GetTokenInfo(4, &ti), i == 2 ? CKR_OK : CKR_TOKEN_NOT_PRESENT);
		OK(p11->C_Finalize(NULL));
	}
	CHECK(memcmp(ti.model, "tier 4 as 1", 11) == 0);
}

int main(void)
{
	gate_environment();
	gate_load_vendor();
	configure();
	test_apart();
	test_names();
	test_own_slot();
	test_without();
	test_context();
	OK(p11->C_Finalize(NULL));
	test_fallback();
	return gate_end();
}
