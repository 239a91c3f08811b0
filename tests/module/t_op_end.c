/* SPDX-License-Identifier: Apache-2.0 */
/* An operation always ends: every mechanism of the list, every kind of operation, every way to fail (PKCS#11 3.1 section 5.2). */
#include <stdlib.h>

#include "kit.h"

typedef CK_RV (*out_fn)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG, CK_BYTE_PTR, CK_ULONG_PTR);

static CK_SESSION_HANDLE s;
static CK_BYTE out[8192];

/* C_DigestInit has no key and C_Verify no output: the same shapes for all. */
static CK_RV digest_init(CK_SESSION_HANDLE h, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE key)
{
	(void)key;
	return p11->C_DigestInit(h, m);
}

struct kind {
	const char *name;
	CK_FLAGS flag;
	bool public;
	CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM_PTR, CK_OBJECT_HANDLE);
	out_fn once;
	CK_RV (*feed)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG);
	out_fn update;
	CK_RV (*final)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG_PTR);
};

static void kinds(struct kind k[5])
{
	k[0] = (struct kind){ "encrypt", CKF_ENCRYPT, true, p11->C_EncryptInit, p11->C_Encrypt, NULL, p11->C_EncryptUpdate, p11->C_EncryptFinal };
	k[1] = (struct kind){ "decrypt", CKF_DECRYPT, false, p11->C_DecryptInit, p11->C_Decrypt, NULL, p11->C_DecryptUpdate, p11->C_DecryptFinal };
	k[2] = (struct kind){ "digest", CKF_DIGEST, false, digest_init, p11->C_Digest, p11->C_DigestUpdate, NULL, p11->C_DigestFinal };
	k[3] = (struct kind){ "sign", CKF_SIGN, false, p11->C_SignInit, p11->C_Sign, p11->C_SignUpdate, NULL, p11->C_SignFinal };
	k[4] = (struct kind){ "sign-recover", CKF_SIGN_RECOVER, false, p11->C_SignRecoverInit, p11->C_SignRecover, NULL, NULL, NULL };
}

static CK_OBJECT_HANDLE key_of(const struct kind *k, const struct kit_recipe *r)
{
	struct kit_pair p = { 0, 0 };

	if (k->flag != CKF_DIGEST)
		p = kit_key(s, r->key);
	return k->public ? p.pub : p.priv;
}

/* No operation of this kind may be active: Init works, and Init(NULL) ends it again. */
static void is_over(const struct kind *k, struct kit_recipe *r)
{
	OK(k->init(s, &r->m, key_of(k, r)));
	OK(k->init(s, NULL, 0));
}

static void begin(const struct kind *k, struct kit_recipe *r, const char *what)
{
	p11_about("0x%lx %s, %s", r->m.mechanism, k->name, what);
	OK(k->init(s, &r->m, key_of(k, r)));
	RV(k->init(s, &r->m, key_of(k, r)), CKR_OPERATION_ACTIVE);
}

static void bad_arguments(const struct kind *k, struct kit_recipe *r)
{
	CK_BYTE *in = (CK_BYTE *)(uintptr_t)r->data;
	CK_ULONG n = sizeof out;

	begin(k, r, "NULL length");
	RV(k->once(s, in, r->len, out, NULL), CKR_ARGUMENTS_BAD);
	is_over(k, r);
	begin(k, r, "NULL input with a length");
	RV(k->once(s, NULL, 16, out, &n), CKR_ARGUMENTS_BAD);
	is_over(k, r);
	begin(k, r, "absurd length");
	n = sizeof out;
	CHECK(k->once(s, in, ~0UL, out, &n) != CKR_OK);
	is_over(k, r);
	if (k->final != NULL) {
		begin(k, r, "final with NULL length");
		RV(k->final(s, out, NULL), CKR_ARGUMENTS_BAD);
		is_over(k, r);
	}
	if (k->feed != NULL) {
		begin(k, r, "update with NULL");
		RV(k->feed(s, NULL, 16), CKR_ARGUMENTS_BAD);
		is_over(k, r);
	}
	if (k->update != NULL) {
		begin(k, r, "update with NULL");
		n = sizeof out;
		RV(k->update(s, NULL, 16, out, &n), CKR_ARGUMENTS_BAD);
		is_over(k, r);
	}
}

/* A length query and a short buffer keep the operation; success ends it; a second call finds none. */
static void kept_then_over(const struct kind *k, struct kit_recipe *r)
{
	CK_BYTE *in = (CK_BYTE *)(uintptr_t)r->data;
	CK_ULONG n = 0, need;

	if (k->flag == CKF_DECRYPT)
		return; /* needs a ciphertext: t_out_len */
	begin(k, r, "length query");
	OK(k->once(s, in, r->len, NULL, &n));
	CHECK(n != 0 && n <= sizeof out);
	need = n;
	n = 0;
	RV(k->once(s, in, r->len, out, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == need);
	OK(k->once(s, in, r->len, out, &n));
	CHECK(n <= need);
	n = sizeof out;
	RV(k->once(s, in, r->len, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	is_over(k, r);
}

static CK_RV feed(const struct kind *k, const struct kit_recipe *r)
{
	CK_ULONG n = sizeof out;
	CK_BYTE *in = (CK_BYTE *)(uintptr_t)r->data;

	return k->feed != NULL ? k->feed(s, in, r->multiple) : k->update != NULL ? k->update(s, in, r->multiple, out, &n) : CKR_FUNCTION_NOT_SUPPORTED;
}

static void mixed(const struct kind *k, struct kit_recipe *r)
{
	CK_ULONG n = sizeof out;
	CK_RV rv;

	begin(k, r, "update, then one-shot");
	rv = feed(k, r);
	if (rv == CKR_OK) {
		RV(k->once(s, (CK_BYTE *)(uintptr_t)r->data, r->len, out, &n), CKR_OPERATION_ACTIVE);
		is_over(k, r);
	} else if (k->feed != NULL || k->update != NULL) {
		is_over(k, r);
	} else {
		OK(k->init(s, NULL, 0));
	}
}

static void cancelled(const struct kind *k, struct kit_recipe *r)
{
	CK_ULONG n = sizeof out;

	begin(k, r, "C_SessionCancel");
	OK(p11->C_SessionCancel(s, k->flag == CKF_SIGN ? CKF_VERIFY : CKF_SIGN & ~k->flag));
	RV(k->init(s, &r->m, key_of(k, r)), CKR_OPERATION_ACTIVE);
	OK(p11->C_SessionCancel(s, k->flag));
	RV(k->once(s, (CK_BYTE *)(uintptr_t)r->data, r->len, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	is_over(k, r);
}

static void bad_decrypts(const struct kind *k, struct kit_recipe *r)
{
	CK_BYTE *in = (CK_BYTE *)(uintptr_t)r->data;
	CK_ULONG n = sizeof out;

	begin(k, r, "nonsense");
	(void)k->once(s, in, 17, out, &n);
	is_over(k, r);
	begin(k, r, "empty");
	n = sizeof out;
	(void)k->once(s, NULL, 0, out, &n);
	is_over(k, r);
}

static void verify_over(struct kit_recipe *r)
{
	OK(p11->C_VerifyInit(s, &r->m, kit_key(s, r->key).pub));
	OK(p11->C_VerifyInit(s, NULL, 0));
}

static void verifies(struct kit_recipe *r)
{
	CK_OBJECT_HANDLE key = kit_key(s, r->key).pub;
	CK_BYTE *in = (CK_BYTE *)(uintptr_t)r->data;
	static CK_BYTE sig[70000];
	static const CK_ULONG lens[] = { 0, 1, 32, 63, 64, 65, 256, 257, 65536, 70000 };

	for (size_t i = 0; i < N(lens); i++) {
		p11_about("0x%lx verify, signature of %lu bytes", r->m.mechanism, lens[i]);
		OK(p11->C_VerifyInit(s, &r->m, key));
		RV(p11->C_VerifyInit(s, &r->m, key), CKR_OPERATION_ACTIVE);
		CHECK(p11->C_Verify(s, in, r->len, sig, lens[i]) != CKR_OK);
		verify_over(r);
		OK(p11->C_VerifyInit(s, &r->m, key));
		CHECK(p11->C_VerifyFinal(s, sig, lens[i]) != CKR_OK);
		verify_over(r);
		OK(p11->C_VerifySignatureInit(s, &r->m, key, sig, lens[i] <= 65536 ? lens[i] : 65536));
		CHECK(p11->C_VerifySignature(s, in, r->len) != CKR_OK);
		verify_over(r);
	}
	p11_about("0x%lx verify, NULL", r->m.mechanism);
	OK(p11->C_VerifyInit(s, &r->m, key));
	RV(p11->C_Verify(s, in, r->len, NULL, 64), CKR_ARGUMENTS_BAD);
	verify_over(r);
	OK(p11->C_VerifyInit(s, &r->m, key));
	RV(p11->C_Verify(s, NULL, 3, sig, 64), CKR_ARGUMENTS_BAD);
	verify_over(r);
	OK(p11->C_VerifyInit(s, &r->m, key));
	RV(p11->C_VerifyUpdate(s, NULL, 3), CKR_ARGUMENTS_BAD);
	verify_over(r);
}

/* A result that waits for a larger buffer belongs to its input: who comes with another one gets neither. */
static void other_input(void)
{
	CK_MECHANISM rsa = { CKM_RSA_PKCS, NULL, 0 };
	CK_OBJECT_HANDLE pub = kit_key(s, KEY_AES).pub;
	CK_BYTE sig[2][256];
	CK_ULONG n = 3, len[2];
	struct kit_recipe r;

	p11_about("another input");
	CHECK(kit_recipe(CKM_AES_CBC_PAD, 0, &r));
	for (int i = 0; i < 2; i++) {
		CK_BYTE text[20] = { (CK_BYTE)i };

		len[i] = sizeof sig[i];
		OK(p11->C_EncryptInit(s, &r.m, pub));
		OK(p11->C_Encrypt(s, text, sizeof text, sig[i], &len[i]));
	}
	OK(p11->C_DecryptInit(s, &r.m, pub));
	RV(p11->C_Decrypt(s, sig[0], len[0], out, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == 20);
	RV(p11->C_Decrypt(s, sig[1], len[1], out, &n), CKR_ARGUMENTS_BAD);
	RV(p11->C_Decrypt(s, sig[0], len[0], out, &n), CKR_OPERATION_NOT_INITIALIZED);
	for (int i = 0; i < 2; i++) {
		CK_BYTE text[20] = { (CK_BYTE)i };

		len[i] = sizeof sig[i];
		OK(p11->C_SignRecoverInit(s, &rsa, kit_key(s, KEY_RSA).priv));
		OK(p11->C_SignRecover(s, text, sizeof text, sig[i], &len[i]));
	}
	sig[1][9] ^= 1; /* no signature any more */
	n = 3;
	OK(p11->C_VerifyRecoverInit(s, &rsa, kit_key(s, KEY_RSA).pub));
	RV(p11->C_VerifyRecover(s, sig[0], len[0], out, &n), CKR_BUFFER_TOO_SMALL);
	RV(p11->C_VerifyRecover(s, sig[1], len[1], out, &n), CKR_ARGUMENTS_BAD);
	RV(p11->C_VerifyRecover(s, sig[0], len[0], out, &n), CKR_OPERATION_NOT_INITIALIZED);
}

static void try_all(const struct kind *k, struct kit_recipe *r)
{
	bad_arguments(k, r);
	kept_then_over(k, r);
	mixed(k, r);
	cancelled(k, r);
	if (k->flag == CKF_DECRYPT)
		bad_decrypts(k, r);
}

int main(void)
{
	struct kind k[5];
	struct kit_recipe r;
	CK_MECHANISM_TYPE *list;
	CK_ULONG n;

	kit_start();
	s = kit_session(0, true);
	list = kit_mechs(0, &n);
	kinds(k);
	for (CK_ULONG i = 0; i < n; i++) {
		CK_FLAGS flags = kit_flags(0, list[i]);

		for (size_t j = 0; j < 5; j++)
			if ((flags & k[j].flag) != 0 && kit_recipe(list[i], k[j].flag, &r))
				try_all(&k[j], &r);
		if ((flags & CKF_VERIFY) != 0 && kit_recipe(list[i], CKF_VERIFY, &r))
			verifies(&r);
	}
	other_input();
	free(list);
	return kit_end();
}
