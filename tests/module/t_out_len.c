/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The length convention of PKCS#11 3.1 section 5.2 over all functions with an output: a query with NULL answers at least the size
 * needed and changes nothing; a buffer that is too small gives CKR_BUFFER_TOO_SMALL and the size, writes nothing past what was given
 * and keeps the operation; the retry with that size works.
 */
#include <stdlib.h>
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static struct kit_recipe r;
static CK_BYTE ct[4096], big[4096];
static CK_ULONG ct_len;
static CK_GCM_MESSAGE_PARAMS msg;
static CK_BYTE msg_iv[12], msg_tag[16];
static CK_OBJECT_HANDLE made;

/* Each call of a table row: begin(), then call(out, len) as often as wanted. `fresh`: every success must be begun anew. */
struct row {
	const char *name;
	void (*begin)(void);
	CK_RV (*call)(CK_BYTE *, CK_ULONG *);
	bool exact;        /* the query's answer is what comes out */
};

static CK_BYTE *in(void)
{
	return (CK_BYTE *)(uintptr_t)r.data;
}

static void recipe(CK_MECHANISM_TYPE t)
{
	CHECK(kit_recipe(t, 0, &r));
}

static void begin_encrypt(void) { OK(p11->C_EncryptInit(s, &r.m, kit_key(s, r.key).pub)); }
static void begin_decrypt(void) { OK(p11->C_DecryptInit(s, &r.m, kit_key(s, r.key).priv)); }
static void begin_sign(void) { OK(p11->C_SignInit(s, &r.m, kit_key(s, r.key).priv)); }

static CK_RV call_encrypt(CK_BYTE *o, CK_ULONG *n) { return p11->C_Encrypt(s, in(), r.len, o, n); }
static CK_RV call_encrypt_update(CK_BYTE *o, CK_ULONG *n) { return p11->C_EncryptUpdate(s, in(), r.len, o, n); }
static CK_RV call_encrypt_final(CK_BYTE *o, CK_ULONG *n) { return p11->C_EncryptFinal(s, o, n); }
static CK_RV call_decrypt(CK_BYTE *o, CK_ULONG *n) { return p11->C_Decrypt(s, ct, ct_len, o, n); }
static CK_RV call_decrypt_update(CK_BYTE *o, CK_ULONG *n) { return p11->C_DecryptUpdate(s, ct, ct_len, o, n); }
static CK_RV call_decrypt_final(CK_BYTE *o, CK_ULONG *n) { return p11->C_DecryptFinal(s, o, n); }
static CK_RV call_sign(CK_BYTE *o, CK_ULONG *n) { return p11->C_Sign(s, in(), r.len, o, n); }
static CK_RV call_sign_final(CK_BYTE *o, CK_ULONG *n) { return p11->C_SignFinal(s, o, n); }
static CK_RV call_digest(CK_BYTE *o, CK_ULONG *n) { return p11->C_Digest(s, in(), r.len, o, n); }
static CK_RV call_digest_final(CK_BYTE *o, CK_ULONG *n) { return p11->C_DigestFinal(s, o, n); }
static CK_RV call_sign_recover(CK_BYTE *o, CK_ULONG *n) { return p11->C_SignRecover(s, in(), r.len, o, n); }
static CK_RV call_verify_recover(CK_BYTE *o, CK_ULONG *n) { return p11->C_VerifyRecover(s, ct, ct_len, o, n); }
static CK_RV call_state(CK_BYTE *o, CK_ULONG *n) { return p11->C_GetOperationState(s, o, n); }
static CK_RV call_wrap(CK_BYTE *o, CK_ULONG *n)
{
	return p11->C_WrapKey(s, &r.m, kit_key(s, r.key).pub, kit_key(s, KEY_GENERIC).pub, o, n);
}
static CK_RV call_message(CK_BYTE *o, CK_ULONG *n) { return p11->C_EncryptMessage(s, &msg, sizeof msg, NULL, 0, in(), 40, o, n); }
static CK_RV call_message_next(CK_BYTE *o, CK_ULONG *n)
{
	return p11->C_EncryptMessageNext(s, &msg, sizeof msg, in(), 40, o, n, CKF_END_OF_MESSAGE);
}
static CK_RV call_dual(CK_BYTE *o, CK_ULONG *n) { return p11->C_DigestEncryptUpdate(s, in(), 96, o, n); }
static CK_RV call_encapsulate(CK_BYTE *o, CK_ULONG *n)
{
	CK_MECHANISM m = { CKM_ML_KEM, NULL, 0 };

	return p11->C_EncapsulateKey(s, &m, kit_key(s, KEY_ML_KEM).pub, NULL, 0, o, n, &made);
}
/* Lists count in elements. */
static CK_RV call_mechs(CK_BYTE *o, CK_ULONG *n)
{
	CK_ULONG count = *n / sizeof(CK_MECHANISM_TYPE);
	CK_RV rv = p11->C_GetMechanismList(0, (CK_MECHANISM_TYPE *)(void *)o, &count);

	*n = count * sizeof(CK_MECHANISM_TYPE);
	return rv;
}
static CK_RV call_slots(CK_BYTE *o, CK_ULONG *n)
{
	CK_ULONG count = *n / sizeof(CK_SLOT_ID);
	CK_RV rv = p11->C_GetSlotList(CK_FALSE, (CK_SLOT_ID *)(void *)o, &count);

	*n = count * sizeof(CK_SLOT_ID);
	return rv;
}
static CK_RV call_interfaces(CK_BYTE *o, CK_ULONG *n)
{
	CK_ULONG count = *n / sizeof(CK_INTERFACE);
	CK_RV rv = p11->C_GetInterfaceList((CK_INTERFACE *)(void *)o, &count);

	*n = count * sizeof(CK_INTERFACE);
	return rv;
}

static void cbc_pad(void) { recipe(CKM_AES_CBC_PAD); }
static void encrypt_pad(void) { cbc_pad(); begin_encrypt(); }
static void encrypt_pad_fed(void)
{
	CK_ULONG n = sizeof big;

	encrypt_pad();
	OK(p11->C_EncryptUpdate(s, in(), 5, big, &n));
}

static void make_ct(CK_MECHANISM_TYPE t, CK_ULONG len)
{
	recipe(t);
	r.len = len;
	ct_len = sizeof ct;
	begin_encrypt();
	OK(p11->C_Encrypt(s, in(), r.len, ct, &ct_len));
	begin_decrypt();
}
static void decrypt_pad(void) { make_ct(CKM_AES_CBC_PAD, 33); }
static void decrypt_pad_full(void) { make_ct(CKM_AES_CBC_PAD, 32); }
static void decrypt_pad_empty(void) { make_ct(CKM_AES_CBC_PAD, 0); }
static void decrypt_pad_fed(void)
{
	CK_ULONG n = sizeof big;

	decrypt_pad();
	OK(p11->C_DecryptUpdate(s, ct, ct_len, big, &n));
}
static void decrypt_rsa(void) { make_ct(CKM_RSA_PKCS, 11); }
static void decrypt_oaep(void) { make_ct(CKM_RSA_PKCS_OAEP, 20); }
static void decrypt_gcm(void) { make_ct(CKM_AES_GCM, 50); }
static void decrypt_ctr(void) { make_ct(CKM_AES_CTR, 50); }
static void encrypt_gcm(void) { recipe(CKM_AES_GCM); begin_encrypt(); }
static void encrypt_gcm_fed(void)
{
	CK_ULONG n = sizeof big;

	encrypt_gcm();
	OK(p11->C_EncryptUpdate(s, in(), 5, big, &n));
}
static void encrypt_chacha(void) { recipe(CKM_CHACHA20_POLY1305); begin_encrypt(); }
static void encrypt_rsa(void) { recipe(CKM_RSA_PKCS); begin_encrypt(); }
static void sign_rsa(void) { recipe(CKM_SHA256_RSA_PKCS); begin_sign(); }
static void sign_ec(void) { recipe(CKM_ECDSA_SHA256); begin_sign(); }
static void sign_ed(void) { recipe(CKM_EDDSA); begin_sign(); }
static void sign_hmac(void) { recipe(CKM_SHA256_HMAC); begin_sign(); }
static void sign_hmac_fed(void) { sign_hmac(); OK(p11->C_SignUpdate(s, in(), 5)); }
static void sign_rsa_fed(void) { sign_rsa(); OK(p11->C_SignUpdate(s, in(), 5)); }
static void digest(void) { recipe(CKM_SHA384); OK(p11->C_DigestInit(s, &r.m)); }
static void digest_fed(void) { digest(); OK(p11->C_DigestUpdate(s, in(), 5)); }
static void sign_recover(void) { recipe(CKM_RSA_PKCS); OK(p11->C_SignRecoverInit(s, &r.m, kit_key(s, KEY_RSA).priv)); }
static void verify_recover(void)
{
	sign_recover();
	ct_len = sizeof ct;
	OK(p11->C_SignRecover(s, in(), r.len, ct, &ct_len));
	OK(p11->C_VerifyRecoverInit(s, &r.m, kit_key(s, KEY_RSA).pub));
}
static void wrap_kwp(void) { recipe(CKM_AES_KEY_WRAP_KWP); }
static void wrap_oaep(void) { recipe(CKM_RSA_PKCS_OAEP); }
static void message(void)
{
	recipe(CKM_AES_GCM);
	msg = (CK_GCM_MESSAGE_PARAMS){ msg_iv, 12, 0, CKG_NO_GENERATE, msg_tag, 128 };
	OK(p11->C_MessageEncryptInit(s, &r.m, kit_key(s, KEY_AES).pub));
}
static void message_next(void) { message(); OK(p11->C_EncryptMessageBegin(s, &msg, sizeof msg, NULL, 0)); }
static void dual(void) { digest(); recipe(CKM_AES_CBC); begin_encrypt(); }
static void nothing(void) { }

static const struct row rows[] = {
	{ "C_Encrypt CBC_PAD", encrypt_pad, call_encrypt, true },
	{ "C_EncryptUpdate CBC_PAD", encrypt_pad, call_encrypt_update, false },
	{ "C_EncryptFinal CBC_PAD", encrypt_pad_fed, call_encrypt_final, true },
	{ "C_Encrypt GCM", encrypt_gcm, call_encrypt, true },
	{ "C_EncryptUpdate GCM", encrypt_gcm, call_encrypt_update, true },
	{ "C_EncryptFinal GCM", encrypt_gcm_fed, call_encrypt_final, true },
	{ "C_Encrypt ChaCha20-Poly1305", encrypt_chacha, call_encrypt, true },
	{ "C_Encrypt RSA", encrypt_rsa, call_encrypt, true },
	{ "C_Decrypt CBC_PAD", decrypt_pad, call_decrypt, false },
	{ "C_Decrypt CBC_PAD, whole block of padding", decrypt_pad_full, call_decrypt, false },
	{ "C_Decrypt CBC_PAD, empty", decrypt_pad_empty, call_decrypt, false },
	{ "C_DecryptUpdate CBC_PAD", decrypt_pad, call_decrypt_update, false },
	{ "C_DecryptFinal CBC_PAD", decrypt_pad_fed, call_decrypt_final, false },
	{ "C_Decrypt RSA", decrypt_rsa, call_decrypt, false },
	{ "C_Decrypt OAEP", decrypt_oaep, call_decrypt, false },
	{ "C_Decrypt GCM", decrypt_gcm, call_decrypt, true },
	{ "C_DecryptUpdate CTR", decrypt_ctr, call_decrypt_update, true },
	{ "C_Sign RSA", sign_rsa, call_sign, true },
	{ "C_Sign ECDSA", sign_ec, call_sign, true },
	{ "C_Sign EdDSA", sign_ed, call_sign, true },
	{ "C_Sign HMAC", sign_hmac, call_sign, true },
	{ "C_SignFinal HMAC", sign_hmac_fed, call_sign_final, true },
	{ "C_SignFinal RSA", sign_rsa_fed, call_sign_final, true },
	{ "C_Digest", digest, call_digest, true },
	{ "C_DigestFinal", digest_fed, call_digest_final, true },
	{ "C_SignRecover", sign_recover, call_sign_recover, true },
	{ "C_VerifyRecover", verify_recover, call_verify_recover, false },
	{ "C_GetOperationState", digest_fed, call_state, true },
	{ "C_WrapKey KWP", wrap_kwp, call_wrap, true },
	{ "C_WrapKey OAEP", wrap_oaep, call_wrap, true },
	{ "C_EncryptMessage", message, call_message, true },
	{ "C_EncryptMessageNext", message_next, call_message_next, true },
	{ "C_DigestEncryptUpdate", dual, call_dual, true },
	{ "C_GetMechanismList", nothing, call_mechs, true },
	{ "C_GetSlotList", nothing, call_slots, true },
	{ "C_GetInterfaceList", nothing, call_interfaces, true },
};

static void end_all(void)
{
	OK(p11->C_SessionCancel(s, ~0UL));
}

/* A heap block of exactly `room` bytes: the sanitizers see what goes past it, the canary too. */
static CK_RV boxed(const struct row *w, CK_ULONG room, CK_ULONG *n)
{
	CK_BYTE *p = malloc(room + 16);
	CK_RV rv;

	if (p == NULL)
		abort();
	memset(p, 0xa5, room + 16);
	*n = room;
	rv = w->call(p, n);
	for (int i = 0; i < 16; i++)
		CHECK(p[room + (CK_ULONG)i] == 0xa5);
	if (rv == CKR_BUFFER_TOO_SMALL)
		CHECK(*n > room);
	free(p);
	return rv;
}

static void shape(const struct row *w, CK_ULONG small)
{
	CK_ULONG n = 0, need, got, again = 0;
	CK_RV rv;

	p11_about("%s, buffer of %lu less", w->name, small);
	w->begin();
	OK(w->call(NULL, &n));
	need = n;
	OK(w->call(NULL, &again));
	CHECK(again == need);
	rv = boxed(w, need >= small ? need - small : 0, &n);
	if (rv == CKR_BUFFER_TOO_SMALL) {
		CHECK(n <= need && (!w->exact || n == need));
		need = n;
		rv = boxed(w, need, &n);
	}
	RV(rv, CKR_OK);
	got = n;
	CHECK(got <= need && (!w->exact || got == need || small == 0));
	end_all();
}

int main(void)
{
	CK_FLAGS kem;

	kit_start();
	s = kit_session(0, true);
	for (size_t i = 0; i < N(rows); i++) {
		static const CK_ULONG small[] = { 0, 1, 8, 15, 16, 17, 200, 1UL << 30 };

		for (size_t k = 0; k < N(small); k++)
			if (small[k] != 0 || rows[i].begin != nothing)
				shape(&rows[i], small[k] - (rows[i].begin == nothing ? small[k] % 8 : 0));
	}
	kem = kit_flags(0, CKM_ML_KEM);
	if ((kem & CKF_ENCAPSULATE) != 0) {
		static const struct row w = { "C_EncapsulateKey", nothing, call_encapsulate, true };

		shape(&w, 1);
	}
	return kit_end();
}
