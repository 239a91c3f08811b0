/* SPDX-License-Identifier: Apache-2.0 */
/* Two operations over the same data give what each gives alone; a length query moves neither. */
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static CK_BYTE plain[192], ct[256], alone[256], md[64], md2[64], back[256], mac[64], mac2[64];
static CK_MECHANISM sha = { CKM_SHA256, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 };
static struct kit_recipe cbc;

static void apart(void)
{
	CK_ULONG n = sizeof alone;

	OK(p11->C_EncryptInit(s, &cbc.m, kit_key(s, KEY_AES).pub));
	OK(p11->C_Encrypt(s, plain, sizeof plain, alone, &n));
	n = sizeof md;
	OK(p11->C_DigestInit(s, &sha));
	OK(p11->C_Digest(s, plain, sizeof plain, md, &n));
	n = sizeof mac;
	OK(p11->C_SignInit(s, &hmac, kit_key(s, KEY_GENERIC).priv));
	OK(p11->C_Sign(s, plain, sizeof plain, mac, &n));
}

typedef CK_RV (*dual_fn)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG, CK_BYTE_PTR, CK_ULONG_PTR);

/* In three parts, each after a length query and a buffer that is too small; the last in place. */
static void through(dual_fn f, CK_BYTE *in, CK_BYTE *out)
{
	for (CK_ULONG at = 0; at < sizeof plain; at += 64) {
		CK_ULONG n = 0;

		OK(f(s, in + at, 64, NULL, &n));
		n = 1;
		if (at != 0)
			RV(f(s, in + at, 64, out + at, &n), CKR_BUFFER_TOO_SMALL);
		n = 64;
		if (at == 128)
			memcpy(out + at, in + at, 64);
		OK(f(s, at == 128 ? out + at : in + at, 64, out + at, &n));
		CHECK(n == 64);
	}
}

static void ends(void)
{
	CK_ULONG n = sizeof ct;

	p11_about("ends");
	RV(p11->C_DigestEncryptUpdate(s, plain, 16, ct, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_DigestInit(s, &sha));
	RV(p11->C_DigestEncryptUpdate(s, plain, 16, ct, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_EncryptInit(s, &cbc.m, kit_key(s, KEY_AES).pub));
	RV(p11->C_DigestEncryptUpdate(s, NULL, 16, ct, &n), CKR_ARGUMENTS_BAD);
	OK(p11->C_DigestInit(s, &sha)); /* both are over */
	OK(p11->C_EncryptInit(s, &cbc.m, kit_key(s, KEY_AES).pub));
	RV(p11->C_DigestEncryptUpdate(s, plain, 16, ct, NULL), CKR_ARGUMENTS_BAD);
	RV(p11->C_DigestFinal(s, md2, &n), CKR_OPERATION_NOT_INITIALIZED);
	RV(p11->C_EncryptFinal(s, ct, &n), CKR_OPERATION_NOT_INITIALIZED);
}

int main(void)
{
	CK_ULONG n;

	kit_start();
	s = kit_session(0, true);
	CHECK(kit_recipe(CKM_AES_CBC, 0, &cbc));
	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (CK_BYTE)i;
	apart();
	p11_about("digest and encrypt");
	OK(p11->C_DigestInit(s, &sha));
	OK(p11->C_EncryptInit(s, &cbc.m, kit_key(s, KEY_AES).pub));
	through(p11->C_DigestEncryptUpdate, plain, ct);
	n = sizeof md2;
	OK(p11->C_DigestFinal(s, md2, &n));
	n = sizeof back;
	OK(p11->C_EncryptFinal(s, back, &n));
	CHECK(memcmp(ct, alone, sizeof plain) == 0 && memcmp(md, md2, 32) == 0);
	p11_about("decrypt and digest");
	OK(p11->C_DigestInit(s, &sha));
	OK(p11->C_DecryptInit(s, &cbc.m, kit_key(s, KEY_AES).priv));
	through(p11->C_DecryptDigestUpdate, ct, back);
	n = sizeof md2;
	OK(p11->C_DigestFinal(s, md2, &n));
	n = sizeof md2;
	OK(p11->C_DecryptFinal(s, mac2, &n));
	CHECK(memcmp(back, plain, sizeof plain) == 0 && memcmp(md, md2, 32) == 0);
	p11_about("sign and encrypt");
	OK(p11->C_SignInit(s, &hmac, kit_key(s, KEY_GENERIC).priv));
	OK(p11->C_EncryptInit(s, &cbc.m, kit_key(s, KEY_AES).pub));
	through(p11->C_SignEncryptUpdate, plain, ct);
	n = sizeof mac2;
	OK(p11->C_SignFinal(s, mac2, &n));
	CHECK(n == 32 && memcmp(mac, mac2, 32) == 0 && memcmp(ct, alone, sizeof plain) == 0);
	OK(p11->C_SessionCancel(s, CKF_ENCRYPT));
	p11_about("decrypt and verify");
	OK(p11->C_VerifyInit(s, &hmac, kit_key(s, KEY_GENERIC).pub));
	OK(p11->C_DecryptInit(s, &cbc.m, kit_key(s, KEY_AES).priv));
	through(p11->C_DecryptVerifyUpdate, ct, back);
	OK(p11->C_VerifyFinal(s, mac, 32));
	OK(p11->C_SessionCancel(s, CKF_DECRYPT));
	ends();
	return kit_end();
}
