/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the attestation object through whatever module HANZO_MODULE names: challenge, bundle, login, use, replay. */
#include "../module/gate.h"

/* The slot whose token has this label. */
static CK_SLOT_ID find_slot(const char *label)
{
	CK_SLOT_ID list[64];
	CK_ULONG n = 64;
	CK_TOKEN_INFO ti;

	OK(p11->C_GetSlotList(CK_TRUE, list, &n));
	for (CK_ULONG i = 0; i < n; i++)
		if (p11->C_GetTokenInfo(list[i], &ti) == CKR_OK && memcmp(ti.label, label, strlen(label)) == 0)
			return list[i];
	CHECK(!"the token is not there");
	return 0;
}

static CK_RV by_evidence(CK_SESSION_HANDLE h, bool honest)
{
	struct gate_bundle b = { .gpus = 1, .hopper = true, .wrong_report_data = !honest, .challenge = gate_challenge(h) };

	gate_stage(h, gate_make(&b));
	return p11->C_Login(h, CKU_USER, NULL, 0);
}

static void use(CK_SLOT_ID slot)
{
	CK_SESSION_HANDLE h = p11_open(slot, CKF_RW_SESSION);
	struct gate_bundle b = { .gpus = 1, .hopper = true };
	CK_OBJECT_HANDLE key;
	char *text;

	RV(by_evidence(h, false), CKR_PIN_INCORRECT);
	OK(by_evidence(h, true));
	OK(gate_make_key(h, &key));
	OK(p11->C_DestroyObject(h, key));
	OK(p11->C_Logout(h));
	b.challenge = gate_challenge(h);
	text = gate_make(&b);
	OK(p11_login(h, CKU_USER, text)); /* inline */
	OK(p11->C_Logout(h));
	RV(p11_login(h, CKU_USER, text), CKR_PIN_INCORRECT);
	OK(p11->C_CloseSession(h));
}

/* By the function list of 2.40, which is all that p11-kit's client has; only its functions are called. */
static void load(void)
{
	CK_C_GetFunctionList get;
	CK_FUNCTION_LIST *list = NULL;

	p11_handle = dlopen(getenv("HANZO_MODULE"), RTLD_NOW | RTLD_LOCAL);
	if (p11_handle == NULL)
		exit(99);
	*(void **)&get = dlsym(p11_handle, "C_GetFunctionList");
	if (get == NULL || get(&list) != CKR_OK)
		exit(99);
	p11 = (CK_FUNCTION_LIST_3_2 *)(void *)list;
}

static char *copy_of(const char *name)
{
	const char *v = getenv(name);

	return v != NULL ? strdup(v) : NULL;
}

int main(int argc, char **argv)
{
	char *store = copy_of("HANZO_PKCS11_STORE"), *conf = copy_of("HANZO_PKCS11_CONF");

	p11_environment();
	load();
	if (store != NULL)
		setenv("HANZO_PKCS11_STORE", store, 1);
	if (conf != NULL)
		setenv("HANZO_PKCS11_CONF", conf, 1);
	gate_verifier = hz_attest_verifier_new(NULL);
	OK(p11->C_Initialize(NULL));
	use(find_slot(argc > 1 ? argv[1] : "hanzo-gpu-cc"));
	OK(p11->C_Finalize(NULL));
	free(store);
	free(conf);
	return gate_end();
}
