/* SPDX-License-Identifier: Apache-2.0 */
/* A slot of tier 2 whose software keys are sealed to a TPM, as an application meets it: keys survive restarts and resets, and each refusal. */
#include "../swtpm.h"
#include "p11.h"

#define SLOT 2

static struct swtpm tpm;
static char tpm_dir[80];

static void configure(void)
{
	char path[96];
	FILE *f;

	(void)snprintf(tpm_dir, sizeof tpm_dir, "%.40s/tpm", p11_dir);
	(void)mkdir(tpm_dir, 0700);
	if (!swtpm_start(&tpm, tpm_dir))
		exit(99);
	(void)snprintf(path, sizeof path, "%s/conf", p11_dir);
	f = fopen(path, "w");
	if (f == NULL)
		exit(99);
	fprintf(f, "[tier2]\nbackend = soft\nseal = pin, tpm2\ntpm2_tcti = %s\ntpm2_pcrs = sha256:0,7\n", tpm.tcti);
	(void)fclose(f);
	setenv("HANZO_PKCS11_CONF", path, 1);
}

static void reset(void)
{
	swtpm_stop(&tpm);
	CHECK(swtpm_start(&tpm, tpm_dir));
}

static CK_RV login(CK_SESSION_HANDLE h, const char *pin)
{
	CK_RV rv = p11_login(h, CKU_USER, pin);

	if (rv == CKR_OK)
		OK(p11->C_Logout(h));
	return rv;
}

static CK_FLAGS token_flags(void)
{
	CK_TOKEN_INFO info = { .flags = 0 };

	OK(p11->C_GetTokenInfo(SLOT, &info));
	return info.flags;
}

static void reason(char *text, CK_ULONG room)
{
	CK_INTERFACE *interface = NULL;
	CK_C_GetInterface get;

	*(void **)&get = dlsym(p11_handle, "C_GetInterface");
	text[0] = '\0';
	OK(get((CK_UTF8CHAR *)(uintptr_t)"Vendor hanzo", NULL, &interface, 0));
	if (interface != NULL)
		OK(((CK_HANZO_FUNCTION_LIST *)interface->pFunctionList)->HZ_GetLastError(text, &room));
}

static void init(void)
{
	CK_UTF8CHAR label[32];
	CK_SESSION_HANDLE h;

	memset(label, ' ', sizeof label);
	CHECK((token_flags() & CKF_TOKEN_INITIALIZED) == 0);
	OK(p11->C_InitToken(SLOT, (CK_UTF8CHAR *)(uintptr_t)SO_PIN, strlen(SO_PIN), label));
	h = p11_open(SLOT, CKF_RW_SESSION);
	OK(p11_login(h, CKU_SO, SO_PIN));
	OK(p11->C_InitPIN(h, (CK_UTF8CHAR *)(uintptr_t)USER_PIN, strlen(USER_PIN)));
	OK(p11->C_Logout(h));
	OK(p11->C_CloseSession(h));
}

static void make_key(void)
{
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ULONG len = 32, tier = 99;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, sizeof yes }, { CKA_ENCRYPT, &yes, sizeof yes }, { CKA_VALUE_LEN, &len, sizeof len } };
	CK_ATTRIBUTE q = { CKA_HANZO_TIER, &tier, sizeof tier };
	CK_SESSION_HANDLE h = p11_open(SLOT, CKF_RW_SESSION);
	CK_OBJECT_HANDLE key;

	OK(p11_login(h, CKU_USER, USER_PIN));
	OK(p11->C_GenerateKey(h, &gen, t, 3, &key));
	OK(p11->C_GetAttributeValue(h, key, &q, 1));
	CHECK(tier == 2);
	OK(p11->C_CloseSession(h));
}

/* The key is there and works. */
static void use_key(void)
{
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_ATTRIBUTE t = { CKA_CLASS, &cls, sizeof cls };
	CK_SESSION_HANDLE h = p11_open(SLOT, 0);
	CK_OBJECT_HANDLE key = 0;
	CK_BYTE block[16] = { 0 };
	CK_ULONG n = 0, len = sizeof block;

	OK(p11_login(h, CKU_USER, USER_PIN));
	OK(p11->C_FindObjectsInit(h, &t, 1));
	OK(p11->C_FindObjects(h, &key, 1, &n));
	OK(p11->C_FindObjectsFinal(h));
	CHECK(n == 1);
	OK(p11->C_EncryptInit(h, &ecb, key));
	OK(p11->C_Encrypt(h, block, sizeof block, block, &len));
	OK(p11->C_Logout(h));
	OK(p11->C_CloseSession(h));
}

static void refusals(void)
{
	CK_SESSION_HANDLE h = p11_open(SLOT, CKF_RW_SESSION);
	char text[256];

	RV(login(h, "wrong"), CKR_PIN_INCORRECT);
	CHECK((token_flags() & CKF_USER_PIN_COUNT_LOW) != 0);
	OK(login(h, USER_PIN));
	CHECK((token_flags() & CKF_USER_PIN_COUNT_LOW) == 0);
	CHECK(swtpm_extend(&tpm, 7));
	for (int i = 0; i < 11; i++) /* as many as would lock a PIN */
		RV(login(h, i % 2 ? USER_PIN : "wrong"), CKR_DEVICE_ERROR);
	reason(text, sizeof text);
	CHECK(strstr(text, "PCR sha256:7") != NULL);
	swtpm_stop(&tpm);
	RV(login(h, USER_PIN), CKR_DEVICE_REMOVED);
	CHECK((token_flags() & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED)) == 0);
	RV(p11->C_SetPIN(h, NULL, 0, NULL, 0), CKR_ARGUMENTS_BAD);
	CHECK(swtpm_start(&tpm, tpm_dir));
	OK(login(h, USER_PIN));
	OK(p11->C_CloseSession(h));
}

static void doctor_says(const char *pattern)
{
	const char *doctor = getenv("HANZO_P11"), *module = getenv("HANZO_MODULE");
	char command[512];

	if (doctor == NULL)
		return;
	(void)snprintf(command, sizeof command, "'%s' doctor --module '%s' | grep -q '%s'", doctor, module, pattern);
	if (system(command) != 0)
		p11_fail(__FILE__, __LINE__, pattern);
}

/* Without its TPM the slot has no token, and the doctor says so. */
static void absent(void)
{
	CK_TOKEN_INFO info;

	doctor_says("^slot 2 .*: ready$");
	CHECK(swtpm_extend(&tpm, 0));
	doctor_says("^slot 2 .*: sealed, and does not open: .*PCR sha256:0");
	swtpm_stop(&tpm);
	OK(p11->C_Initialize(NULL));
	RV(p11->C_GetTokenInfo(SLOT, &info), CKR_TOKEN_NOT_PRESENT);
	OK(p11->C_Finalize(NULL));
	doctor_says("^slot 2 .*no token: no TPM");
}

int main(void)
{
	if (swtpm_missing()) {
		puts("SKIP t_seal: swtpm is not installed");
		return 77;
	}
	p11_start();
	configure();
	OK(p11->C_Initialize(NULL));
	init();
	make_key();
	use_key();
	OK(p11->C_Finalize(NULL));
	reset();
	OK(p11->C_Initialize(NULL));
	use_key();
	refusals();
	use_key();
	OK(p11->C_Finalize(NULL));
	absent();
	return p11_end();
}
