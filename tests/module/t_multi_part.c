/* SPDX-License-Identifier: Apache-2.0 */
/* In parts as at once: every mechanism that works in parts, cut into chunks of 0, 1, odd and whole sizes. */
#include <stdlib.h>
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static CK_BYTE whole[8192], parts[8192];
static const CK_ULONG chunks[] = { 1, 3, 16, 17, 33, 1000 };

/* Only these may say that they do not work in parts. */
static bool one_part(CK_MECHANISM_TYPE t)
{
	static const CK_MECHANISM_TYPE list[] = { CKM_RSA_PKCS, CKM_RSA_PKCS_OAEP, CKM_RSA_X_509, CKM_RSA_PKCS_PSS, CKM_ECDSA, CKM_HASH_ML_DSA,
						  CKM_HANZO_ECDSA_RECOVERABLE, CKM_HANZO_SCHNORR_BIP340, CKM_HANZO_ECIES, CKM_HANZO_POAI,
						  CKM_HANZO_HMM_SETTLEMENT, CKM_HANZO_EIP712, CKM_AES_KEY_WRAP,
						  CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD };

	for (size_t i = 0; i < N(list); i++)
		if (list[i] == t)
			return true;
	return false;
}

static CK_ULONG next(CK_ULONG left, CK_ULONG chunk)
{
	return left < chunk ? left : chunk;
}

typedef CK_RV (*update_fn)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG, CK_BYTE_PTR, CK_ULONG_PTR);
typedef CK_RV (*final_fn)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG_PTR);

/* Buffers of exactly the size that the query gives, so that a write past it is seen by the sanitizers and here. */
static CK_ULONG crypt_parts(update_fn update, final_fn final, const CK_BYTE *in, CK_ULONG len, CK_ULONG chunk)
{
	CK_ULONG total = 0, n, need;
	CK_BYTE *p;

	for (CK_ULONG at = 0; at < len; at += chunk) {
		n = 0;
		OK(update(s, (CK_BYTE *)(uintptr_t)in + at, next(len - at, chunk), NULL, &n));
		need = n;
		p = malloc(need + 1);
		if (p == NULL)
			abort();
		p[need] = 0xa5;
		OK(update(s, (CK_BYTE *)(uintptr_t)in + at, next(len - at, chunk), p, &n));
		CHECK(n <= need && p[need] == 0xa5);
		memcpy(parts + total, p, n);
		total += n;
		free(p);
		n = sizeof parts - total;
		OK(update(s, NULL, 0, parts + total, &n)); /* an empty part changes nothing */
		total += n;
	}
	n = sizeof parts - total;
	OK(final(s, parts + total, &n));
	return total + n;
}

/* Each file has a key of its own: what came in parts is known by what it opens to. */
static bool opens(struct kit_recipe *r, CK_OBJECT_HANDLE key, CK_BYTE *in, CK_ULONG len)
{
	CK_ULONG n = sizeof whole;

	OK(p11->C_DecryptInit(s, &r->m, key));
	OK(p11->C_Decrypt(s, in, len, whole, &n));
	return n == r->len && memcmp(whole, r->data, n) == 0;
}

static void transform(struct kit_recipe *r)
{
	struct kit_pair p = kit_key(s, r->key);
	CK_ULONG n = sizeof whole, m, ct_len;
	static CK_BYTE ct[8192];

	p11_about("0x%lx encrypt", r->m.mechanism);
	OK(p11->C_EncryptInit(s, &r->m, p.pub));
	OK(p11->C_Encrypt(s, (CK_BYTE *)(uintptr_t)r->data, r->len, whole, &n));
	if (one_part(r->m.mechanism)) {
		m = sizeof parts;
		OK(p11->C_EncryptInit(s, &r->m, p.pub));
		RV(p11->C_EncryptUpdate(s, (CK_BYTE *)(uintptr_t)r->data, r->len, parts, &m), CKR_FUNCTION_NOT_SUPPORTED);
		return;
	}
	memcpy(ct, whole, n);
	ct_len = n;
	for (size_t i = 0; i < N(chunks); i++) {
		p11_about("0x%lx encrypt in parts of %lu", r->m.mechanism, chunks[i]);
		OK(p11->C_EncryptInit(s, &r->m, p.pub));
		m = crypt_parts(p11->C_EncryptUpdate, p11->C_EncryptFinal, r->data, r->len, chunks[i]);
		if (r->m.mechanism == CKM_HANZO_MODEL_WEIGHTS)
			CHECK(m == ct_len && opens(r, p.priv, parts, m));
		else
			CHECK(m == ct_len && memcmp(parts, ct, m) == 0);
		p11_about("0x%lx decrypt in parts of %lu", r->m.mechanism, chunks[i]);
		OK(p11->C_DecryptInit(s, &r->m, p.priv));
		m = crypt_parts(p11->C_DecryptUpdate, p11->C_DecryptFinal, ct, ct_len, chunks[i]);
		CHECK(m == r->len && memcmp(parts, r->data, m) == 0);
	}
}

static void digest(struct kit_recipe *r)
{
	CK_ULONG n = sizeof whole, m;

	OK(p11->C_DigestInit(s, &r->m));
	OK(p11->C_Digest(s, (CK_BYTE *)(uintptr_t)r->data, r->len, whole, &n));
	for (size_t i = 0; i < N(chunks); i++) {
		p11_about("0x%lx digest in parts of %lu", r->m.mechanism, chunks[i]);
		OK(p11->C_DigestInit(s, &r->m));
		for (CK_ULONG at = 0; at < r->len; at += chunks[i]) {
			OK(p11->C_DigestUpdate(s, (CK_BYTE *)(uintptr_t)r->data + at, next(r->len - at, chunks[i])));
			OK(p11->C_DigestUpdate(s, NULL, 0));
		}
		m = sizeof parts;
		OK(p11->C_DigestFinal(s, parts, &m));
		CHECK(m == n && memcmp(whole, parts, n) == 0);
	}
	p11_about("0x%lx digest of nothing", r->m.mechanism);
	n = m = sizeof whole;
	OK(p11->C_DigestInit(s, &r->m));
	OK(p11->C_Digest(s, NULL, 0, whole, &n));
	OK(p11->C_DigestInit(s, &r->m));
	OK(p11->C_DigestFinal(s, parts, &m));
	CHECK(n == m && memcmp(whole, parts, n) == 0);
}

static void verify_parts(struct kit_recipe *r, const CK_BYTE *sig, CK_ULONG n, CK_ULONG chunk)
{
	CK_OBJECT_HANDLE key = kit_key(s, r->key).pub;

	OK(p11->C_VerifyInit(s, &r->m, key));
	for (CK_ULONG at = 0; at < r->len; at += chunk)
		OK(p11->C_VerifyUpdate(s, (CK_BYTE *)(uintptr_t)r->data + at, next(r->len - at, chunk)));
	OK(p11->C_VerifyFinal(s, (CK_BYTE *)(uintptr_t)sig, n));
	OK(p11->C_VerifySignatureInit(s, &r->m, key, (CK_BYTE *)(uintptr_t)sig, n));
	for (CK_ULONG at = 0; at < r->len; at += chunk)
		OK(p11->C_VerifySignatureUpdate(s, (CK_BYTE *)(uintptr_t)r->data + at, next(r->len - at, chunk)));
	OK(p11->C_VerifySignatureFinal(s));
	OK(p11->C_VerifyInit(s, &r->m, key));
	OK(p11->C_VerifyUpdate(s, (CK_BYTE *)(uintptr_t)r->data, r->len - 1));
	RV(p11->C_VerifyFinal(s, (CK_BYTE *)(uintptr_t)sig, n), CKR_SIGNATURE_INVALID);
}

static void sign(struct kit_recipe *r)
{
	struct kit_pair p = kit_key(s, r->key);
	CK_ULONG m;

	if (one_part(r->m.mechanism)) {
		p11_about("0x%lx sign in parts", r->m.mechanism);
		OK(p11->C_SignInit(s, &r->m, p.priv));
		RV(p11->C_SignUpdate(s, (CK_BYTE *)(uintptr_t)r->data, r->len), CKR_FUNCTION_NOT_SUPPORTED);
		return;
	}
	for (size_t i = 0; i < N(chunks); i++) {
		p11_about("0x%lx sign in parts of %lu", r->m.mechanism, chunks[i]);
		OK(p11->C_SignInit(s, &r->m, p.priv));
		for (CK_ULONG at = 0; at < r->len; at += chunks[i]) {
			OK(p11->C_SignUpdate(s, (CK_BYTE *)(uintptr_t)r->data + at, next(r->len - at, chunks[i])));
			OK(p11->C_SignUpdate(s, NULL, 0));
		}
		m = sizeof parts;
		OK(p11->C_SignFinal(s, parts, &m));
		OK(p11->C_VerifyInit(s, &r->m, p.pub));
		OK(p11->C_Verify(s, (CK_BYTE *)(uintptr_t)r->data, r->len, parts, m));
		verify_parts(r, parts, m, chunks[i]);
	}
}

int main(void)
{
	struct kit_recipe r;
	CK_MECHANISM_TYPE *list;
	CK_ULONG n;

	kit_start();
	s = kit_session(0, true);
	list = kit_mechs(0, &n);
	for (CK_ULONG i = 0; i < n; i++) {
		CK_FLAGS f = kit_flags(0, list[i]);

		if ((f & CKF_ENCRYPT) != 0 && kit_recipe(list[i], CKF_ENCRYPT, &r))
			transform(&r);
		if ((f & CKF_DIGEST) != 0 && kit_recipe(list[i], CKF_DIGEST, &r))
			digest(&r);
		if ((f & CKF_SIGN) != 0 && kit_recipe(list[i], CKF_SIGN, &r))
			sign(&r);
	}
	free(list);
	return kit_end();
}
