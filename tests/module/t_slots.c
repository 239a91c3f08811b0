/* SPDX-License-Identifier: Apache-2.0 */
/* Slots and tokens as C_GetSlotList, C_GetSlotInfo, C_GetTokenInfo, C_GetMechanismList and C_GetMechanismInfo show them. */
#include <errno.h>

#include "p11.h"

static bool is_padded(const CK_UTF8CHAR *text, size_t size)
{
	return memchr(text, '\0', size) == NULL && text[0] != ' ';
}

static bool begins(const CK_UTF8CHAR *text, const char *with)
{
	return strncmp((const char *)text, with, strlen(with)) == 0;
}

static void test_list(void)
{
	CK_SLOT_ID ids[8];
	CK_ULONG n = 0;

	OK(p11->C_GetSlotList(CK_FALSE, NULL, &n));
	CHECK(n == 5);
	n = 4;
	memset(ids, 0xee, sizeof ids);
	RV(p11->C_GetSlotList(CK_FALSE, ids, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == 5 && ids[0] != 0);
	n = 8;
	OK(p11->C_GetSlotList(CK_FALSE, ids, &n));
	CHECK(n == 5);
	for (CK_ULONG i = 0; i < n; i++)
		CHECK(ids[i] == i);
	n = 8;
	OK(p11->C_GetSlotList(CK_TRUE, ids, &n));
	CHECK(n == 2 && ids[0] == 0 && ids[1] == 1);
	RV(p11->C_GetSlotList(CK_TRUE, ids, NULL), CKR_ARGUMENTS_BAD);
}

static void test_slot_info(void)
{
	CK_SLOT_INFO info, other;

	for (CK_SLOT_ID id = 0; id < 5; id++) {
		OK(p11->C_GetSlotInfo(id, &info));
		CHECK(info.flags == ((id < 2 ? CKF_TOKEN_PRESENT : 0) | (id > 1 ? CKF_REMOVABLE_DEVICE : 0)));
		CHECK(is_padded(info.slotDescription, 64) && is_padded(info.manufacturerID, 32));
		OK(p11->C_GetSlotInfo((id + 1) % 5, &other));
		CHECK(memcmp(info.slotDescription, other.slotDescription, 64) != 0);
	}
	RV(p11->C_GetSlotInfo(5, &info), CKR_SLOT_ID_INVALID);
	RV(p11->C_GetSlotInfo(0, NULL), CKR_ARGUMENTS_BAD);
}

static void check_token(const CK_TOKEN_INFO *info)
{
	CHECK(is_padded(info->label, 32) && is_padded(info->manufacturerID, 32) && is_padded(info->model, 16));
	CHECK(memchr(info->serialNumber, '\0', 16) == NULL && strspn((const char *)info->serialNumber, "0123456789abcdef") >= 16);
	CHECK((info->flags & CKF_RNG) != 0 && (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0);
	CHECK(info->ulMaxSessionCount == CK_EFFECTIVELY_INFINITE && info->ulMaxRwSessionCount == CK_EFFECTIVELY_INFINITE);
	CHECK(info->ulTotalPublicMemory == CK_UNAVAILABLE_INFORMATION && info->ulFreePrivateMemory == CK_UNAVAILABLE_INFORMATION);
	CHECK(info->ulMaxPinLen == 65536 && info->ulMinPinLen <= 1);
}

static void test_token_info(CK_TOKEN_INFO info[2])
{
	CK_TOKEN_INFO other;
	CK_SESSION_HANDLE h;
	struct stat st;

	OK(p11->C_GetTokenInfo(0, &info[0]));
	OK(p11->C_GetTokenInfo(1, &info[1]));
	check_token(&info[0]);
	check_token(&info[1]);
	CHECK(begins(info[0].label, "hanzo-open ") && begins(info[1].label, "hanzo-encrypted "));
	CHECK(memcmp(info[0].serialNumber, info[1].serialNumber, 16) != 0);
	CHECK(info[0].flags == (CKF_RNG | CKF_DUAL_CRYPTO_OPERATIONS | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED));
	CHECK(info[1].flags == (CKF_RNG | CKF_DUAL_CRYPTO_OPERATIONS | CKF_LOGIN_REQUIRED));
	RV(p11->C_GetTokenInfo(2, &other), CKR_TOKEN_NOT_PRESENT);
	RV(p11->C_GetTokenInfo(9, &other), CKR_SLOT_ID_INVALID);
	RV(p11->C_GetTokenInfo(0, NULL), CKR_ARGUMENTS_BAD);
	CHECK(stat(getenv("HANZO_PKCS11_STORE"), &st) != 0 && errno == ENOENT); /* asking writes nothing */
	h = p11_open(0, CKF_RW_SESSION);
	(void)p11_open(0, 0);
	OK(p11->C_GetTokenInfo(0, &other));
	CHECK(other.ulSessionCount == 2 && other.ulRwSessionCount == 1);
	OK(p11->C_GetTokenInfo(1, &other));
	CHECK(other.ulSessionCount == 0);
	OK(p11->C_CloseSession(h));
	OK(p11->C_CloseAllSessions(0));
}

static void test_init_token(const CK_TOKEN_INFO before[2])
{
	CK_TOKEN_INFO info;

	p11_make_token(1, "my token");
	OK(p11->C_GetTokenInfo(1, &info));
	CHECK(begins(info.label, "my token ") && is_padded(info.label, 32));
	CHECK(info.flags == (CKF_RNG | CKF_DUAL_CRYPTO_OPERATIONS | CKF_LOGIN_REQUIRED | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED));
	CHECK(memcmp(info.serialNumber, before[1].serialNumber, 16) == 0);
}

/* The store elsewhere, under another name: its serials go with it. Another store has others. */
static void test_serials(const CK_TOKEN_INFO before[2])
{
	char moved[96];
	CK_TOKEN_INFO info;

	OK(p11->C_Finalize(NULL));
	snprintf(moved, sizeof moved, "%s/moved", p11_dir);
	CHECK(rename(getenv("HANZO_PKCS11_STORE"), moved) == 0);
	OK(p11->C_Initialize(NULL));
	OK(p11->C_GetTokenInfo(0, &info));
	CHECK(memcmp(info.serialNumber, before[0].serialNumber, 16) == 0); /* same path, still empty */
	OK(p11->C_Finalize(NULL));
	setenv("HANZO_PKCS11_STORE", moved, 1);
	OK(p11->C_Initialize(NULL));
	for (CK_SLOT_ID id = 0; id < 2; id++) {
		OK(p11->C_GetTokenInfo(id, &info));
		CHECK(memcmp(info.serialNumber, before[id].serialNumber, 16) == 0);
	}
	CHECK((info.flags & CKF_TOKEN_INITIALIZED) != 0);
	OK(p11->C_Finalize(NULL));
	setenv("HANZO_PKCS11_STORE", p11_dir, 1);
	OK(p11->C_Initialize(NULL));
	OK(p11->C_GetTokenInfo(1, &info));
	CHECK(memcmp(info.serialNumber, before[1].serialNumber, 16) != 0);
}

static void test_mechanisms(CK_SLOT_ID id)
{
	CK_MECHANISM_TYPE list[512];
	CK_MECHANISM_INFO info;
	CK_ULONG n = 0, few;

	OK(p11->C_GetMechanismList(id, NULL, &n));
	CHECK(n > 10 && n < 512);
	few = n - 1;
	RV(p11->C_GetMechanismList(id, list, &few), CKR_BUFFER_TOO_SMALL);
	CHECK(few == n);
	OK(p11->C_GetMechanismList(id, list, &n));
	CHECK(n == few);
	for (CK_ULONG i = 0; i < n; i++) {
		OK(p11->C_GetMechanismInfo(id, list[i], &info));
		CHECK(info.ulMinKeySize <= info.ulMaxKeySize && (info.flags & ~CKF_HW) != 0);
		CHECK(i == 0 || list[i] > list[i - 1]);
	}
	RV(p11->C_GetMechanismInfo(id, 0x7fffffff, &info), CKR_MECHANISM_INVALID);
	RV(p11->C_GetMechanismInfo(id, CKM_SHA256, NULL), CKR_ARGUMENTS_BAD);
	RV(p11->C_GetMechanismList(id, list, NULL), CKR_ARGUMENTS_BAD);
	RV(p11->C_GetMechanismList(2, NULL, &n), CKR_TOKEN_NOT_PRESENT);
}

/* Further slots come from the configuration, with ids from 16 up. */
static void test_configured(void)
{
	char path[96], reserved[112];
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK, .pReserved = reserved };
	CK_SLOT_ID ids[8];
	CK_ULONG n = 8;
	CK_TOKEN_INFO info;
	FILE *f;

	snprintf(path, sizeof path, "%s/slots.conf", p11_dir);
	snprintf(reserved, sizeof reserved, "conf=%s", path);
	f = fopen(path, "w");
	CHECK(f != NULL && fputs("[hanzo]\nslots = b, a\n[slot_a]\nid = 17\ntier = 1\nlabel = tenant a\nserial = ABCDEFGH01234567\n"
				 "[slot_b]\nid = 40\ntier = 1\n", f) >= 0 && fclose(f) == 0 && chmod(path, 0600) == 0);
	OK(p11->C_Finalize(NULL));
	OK(p11->C_Initialize(&args));
	OK(p11->C_GetSlotList(CK_FALSE, ids, &n));
	CHECK(n == 7 && ids[5] == 17 && ids[6] == 40);
	OK(p11->C_GetTokenInfo(17, &info));
	CHECK(begins(info.label, "tenant a  ") && begins(info.serialNumber, "ABCDEFGH01234567"));
	OK(p11->C_GetTokenInfo(40, &info));
	CHECK(begins(info.label, "hanzo-b  ") && (info.flags & CKF_LOGIN_REQUIRED) != 0);
}

int main(void)
{
	CK_TOKEN_INFO before[2];

	p11_start();
	OK(p11->C_Initialize(NULL));
	test_list();
	test_slot_info();
	test_token_info(before);
	test_mechanisms(0);
	test_mechanisms(1);
	test_init_token(before);
	test_serials(before);
	test_configured();
	OK(p11->C_Finalize(NULL));
	return p11_end();
}
