/* SPDX-License-Identifier: Apache-2.0 */
/* Message-based AEAD (PKCS#11 3.0): against the one-shot calls, in parts, generated IVs written back, what a failure leaves. */
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static CK_BYTE plain[100], ct[128], whole[160], back[128], aad[20] = "associated data, 20", iv[12], tag[16];
static CK_GCM_MESSAGE_PARAMS gcm;
static CK_CCM_MESSAGE_PARAMS ccm;
static CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS chacha;

struct aead {
	CK_MECHANISM_TYPE type;
	enum kit_key key;
	void *param;
	CK_ULONG len;
	bool parts;
};
static const struct aead all[] = {
	{ CKM_AES_GCM, KEY_AES, &gcm, sizeof gcm, true },
	{ CKM_AES_CCM, KEY_AES, &ccm, sizeof ccm, false },
	{ CKM_CHACHA20_POLY1305, KEY_CHACHA, &chacha, sizeof chacha, true },
};

static void params(CK_GENERATOR_FUNCTION g, CK_ULONG fixed_bits)
{
	gcm = (CK_GCM_MESSAGE_PARAMS){ iv, sizeof iv, fixed_bits, g, tag, 128 };
	ccm = (CK_CCM_MESSAGE_PARAMS){ sizeof plain, iv, sizeof iv, fixed_bits, g, tag, 16 };
	chacha = (CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS){ iv, 96, tag };
}

static void init(const struct aead *a, bool encrypt)
{
	CK_MECHANISM m = { a->type, NULL, 0 };
	struct kit_pair k = kit_key(s, a->key);

	OK(encrypt ? p11->C_MessageEncryptInit(s, &m, k.pub) : p11->C_MessageDecryptInit(s, &m, k.priv));
}

/* The one-shot call with the same key, IV and associated data. */
static void one_shot(const struct aead *a)
{
	CK_GCM_PARAMS g = { iv, 12, 96, aad, sizeof aad, 128 };
	CK_CCM_PARAMS c = { sizeof plain, iv, 12, aad, sizeof aad, 16 };
	CK_SALSA20_CHACHA20_POLY1305_PARAMS x = { iv, 96, aad, sizeof aad };
	CK_MECHANISM m = { a->type, &g, sizeof g };
	CK_ULONG n = sizeof whole;

	if (a->type == CKM_AES_CCM)
		m = (CK_MECHANISM){ a->type, &c, sizeof c };
	if (a->type == CKM_CHACHA20_POLY1305) {
		x.ulNonceLen = 12;
		m = (CK_MECHANISM){ a->type, &x, sizeof x };
	}
	OK(p11->C_EncryptInit(s, &m, kit_key(s, a->key).pub));
	OK(p11->C_Encrypt(s, plain, sizeof plain, whole, &n));
	CHECK(n == sizeof plain + 16);
}

static void same(const struct aead *a)
{
	CK_ULONG n;

	p11_about("0x%lx whole", a->type);
	params(CKG_NO_GENERATE, 0);
	for (int round = 0; round < 2; round++) { /* several messages under one Init */
		memset(iv, 0x30 + round, sizeof iv);
		one_shot(a);
		init(a, true);
		n = sizeof ct;
		OK(p11->C_EncryptMessage(s, a->param, a->len, aad, sizeof aad, plain, sizeof plain, ct, &n));
		CHECK(n == sizeof plain && memcmp(ct, whole, n) == 0 && memcmp(tag, whole + n, 16) == 0);
		OK(p11->C_MessageEncryptFinal(s));
		init(a, false);
		n = sizeof back;
		OK(p11->C_DecryptMessage(s, a->param, a->len, aad, sizeof aad, ct, sizeof plain, back, &n));
		CHECK(n == sizeof plain && memcmp(back, plain, n) == 0);
		tag[0] ^= 1;
		memset(back, 0, sizeof back);
		n = sizeof back;
		RV(p11->C_DecryptMessage(s, a->param, a->len, aad, sizeof aad, ct, sizeof plain, back, &n), CKR_AEAD_DECRYPT_FAILED);
		CHECK(memcmp(back, plain, 16) != 0); /* nothing unauthenticated comes out */
		tag[0] ^= 1;
		n = sizeof back;
		OK(p11->C_DecryptMessage(s, a->param, a->len, aad, sizeof aad, ct, sizeof plain, back, &n));
		OK(p11->C_MessageDecryptFinal(s));
	}
	RV(p11->C_MessageEncryptFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	RV(p11->C_EncryptMessage(s, a->param, a->len, NULL, 0, plain, 1, ct, &n), CKR_OPERATION_NOT_INITIALIZED);
}

static void in_parts(const struct aead *a)
{
	CK_ULONG n, total = 0;

	p11_about("0x%lx in parts", a->type);
	params(CKG_NO_GENERATE, 0);
	memset(iv, 0x31, sizeof iv);
	one_shot(a);
	init(a, true);
	n = 1;
	RV(p11->C_EncryptMessageNext(s, a->param, a->len, plain, 1, ct, &n, 0), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_EncryptMessageBegin(s, a->param, a->len, aad, sizeof aad));
	RV(p11->C_EncryptMessageBegin(s, a->param, a->len, aad, sizeof aad), CKR_OPERATION_ACTIVE);
	RV(p11->C_EncryptMessage(s, a->param, a->len, aad, sizeof aad, plain, 1, ct, &n), CKR_OPERATION_ACTIVE);
	for (CK_ULONG at = 0; at < sizeof plain; at += 33) {
		CK_ULONG part = sizeof plain - at < 33 ? sizeof plain - at : 33;
		CK_FLAGS last = at + part == sizeof plain ? CKF_END_OF_MESSAGE : 0;

		n = 0;
		OK(p11->C_EncryptMessageNext(s, a->param, a->len, plain + at, part, NULL, &n, last));
		CHECK(n >= part);
		n = part - 1;
		RV(p11->C_EncryptMessageNext(s, a->param, a->len, plain + at, part, ct + total, &n, last), CKR_BUFFER_TOO_SMALL);
		OK(p11->C_EncryptMessageNext(s, a->param, a->len, plain + at, part, ct + total, &n, last));
		total += n;
	}
	CHECK(total == sizeof plain && memcmp(ct, whole, total) == 0 && memcmp(tag, whole + total, 16) == 0);
	OK(p11->C_MessageEncryptFinal(s));
	init(a, false);
	OK(p11->C_DecryptMessageBegin(s, a->param, a->len, aad, sizeof aad));
	n = sizeof back;
	OK(p11->C_DecryptMessageNext(s, a->param, a->len, ct, 50, back, &n, 0));
	n = sizeof back - 50;
	OK(p11->C_DecryptMessageNext(s, a->param, a->len, ct + 50, 50, back + 50, &n, CKF_END_OF_MESSAGE));
	CHECK(memcmp(back, plain, sizeof plain) == 0);
	OK(p11->C_DecryptMessageBegin(s, a->param, a->len, aad, sizeof aad));
	ct[0] ^= 1;
	n = sizeof back;
	RV(p11->C_DecryptMessageNext(s, a->param, a->len, ct, 100, back, &n, CKF_END_OF_MESSAGE), CKR_AEAD_DECRYPT_FAILED);
	ct[0] ^= 1;
	OK(p11->C_DecryptMessageBegin(s, a->param, a->len, aad, sizeof aad)); /* that message is over, the process is not */
	OK(p11->C_MessageDecryptFinal(s));
}

/* Generated IVs come back to the caller, keep their fixed part, and never repeat. */
static void generated(const struct aead *a, CK_GENERATOR_FUNCTION g)
{
	CK_BYTE seen[8][12];
	CK_ULONG n;

	if (a->type == CKM_CHACHA20_POLY1305)
		return; /* its parameter has no generator */
	p11_about("0x%lx generator %lu", a->type, g);
	params(g, 32);
	init(a, true);
	for (int i = 0; i < 8; i++) {
		memset(iv, 0, sizeof iv);
		memcpy(iv, "FIX!", 4);
		n = sizeof ct;
		OK(p11->C_EncryptMessage(s, a->param, a->len, NULL, 0, plain, sizeof plain, ct, &n));
		CHECK(memcmp(iv, "FIX!", 4) == 0);
		memcpy(seen[i], iv, 12);
		for (int k = 0; k < i; k++)
			CHECK(memcmp(seen[k], iv, 12) != 0);
	}
	OK(p11->C_MessageEncryptFinal(s));
	params(CKG_NO_GENERATE, 0);
	init(a, false);
	n = sizeof back;
	OK(p11->C_DecryptMessage(s, a->param, a->len, NULL, 0, ct, sizeof plain, back, &n));
	CHECK(memcmp(back, plain, sizeof plain) == 0);
	OK(p11->C_MessageDecryptFinal(s));
}

static void bad(const struct aead *a)
{
	CK_ULONG n = sizeof ct;

	p11_about("0x%lx bad arguments", a->type);
	params(CKG_NO_GENERATE, 0);
	init(a, true);
	RV(p11->C_EncryptMessage(s, NULL, 0, NULL, 0, plain, 16, ct, &n), CKR_MECHANISM_PARAM_INVALID);
	RV(p11->C_EncryptMessage(s, a->param, a->len - 1, NULL, 0, plain, 16, ct, &n), CKR_MECHANISM_PARAM_INVALID);
	RV(p11->C_EncryptMessage(s, a->param, a->len, NULL, 5, plain, 16, ct, &n), CKR_ARGUMENTS_BAD);
	RV(p11->C_EncryptMessage(s, a->param, a->len, NULL, 0, NULL, 16, ct, &n), CKR_ARGUMENTS_BAD);
	RV(p11->C_EncryptMessage(s, a->param, a->len, NULL, 0, plain, 16, ct, NULL), CKR_ARGUMENTS_BAD);
	CHECK(p11->C_EncryptMessage(s, a->param, a->len, NULL, 0, plain, ~0UL, ct, &n) != CKR_OK);
	gcm.pIv = NULL;
	ccm.pNonce = NULL;
	chacha.pNonce = NULL;
	RV(p11->C_EncryptMessage(s, a->param, a->len, NULL, 0, plain, 16, ct, &n), CKR_MECHANISM_PARAM_INVALID);
	OK(p11->C_SessionCancel(s, CKF_MESSAGE_ENCRYPT));
	RV(p11->C_MessageEncryptFinal(s), CKR_OPERATION_NOT_INITIALIZED);
}

int main(void)
{
	kit_start();
	s = kit_session(0, true);
	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (CK_BYTE)(i + 1);
	for (size_t i = 0; i < N(all); i++) {
		if ((kit_flags(0, all[i].type) & CKF_MESSAGE_ENCRYPT) == 0)
			continue;
		same(&all[i]);
		if (all[i].parts)
			in_parts(&all[i]);
		generated(&all[i], CKG_GENERATE);
		generated(&all[i], CKG_GENERATE_COUNTER);
		generated(&all[i], CKG_GENERATE_RANDOM);
		bad(&all[i]);
	}
	return kit_end();
}
