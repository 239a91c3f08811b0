/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of every kind out and in again: by attributes, wrapped, copied; the result is the same key. */
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s;

static const CK_ATTRIBUTE_TYPE rsa_priv[] = { CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2,
					      CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT };
static const CK_ATTRIBUTE_TYPE rsa_pub[] = { CKA_MODULUS, CKA_PUBLIC_EXPONENT };
static const CK_ATTRIBUTE_TYPE ec_priv[] = { CKA_EC_PARAMS, CKA_VALUE }, ec_pub[] = { CKA_EC_PARAMS, CKA_EC_POINT };
static const CK_ATTRIBUTE_TYPE ml[] = { CKA_PARAMETER_SET, CKA_VALUE }, plain[] = { CKA_VALUE };

struct parts {
	const CK_ATTRIBUTE_TYPE *t;
	size_t n;
};

static struct parts parts_of(enum kit_key k, bool private)
{
	if (k == KEY_RSA)
		return private ? (struct parts){ rsa_priv, N(rsa_priv) } : (struct parts){ rsa_pub, N(rsa_pub) };
	if (k == KEY_ML_DSA || k == KEY_ML_KEM)
		return (struct parts){ ml, N(ml) };
	if (k <= KEY_HKDF)
		return (struct parts){ plain, N(plain) };
	return private ? (struct parts){ ec_priv, N(ec_priv) } : (struct parts){ ec_pub, N(ec_pub) };
}

static CK_BYTE store[16][8192];

/* The key's own parts, then what the test wants of the new one. */
static CK_ULONG template(CK_ATTRIBUTE *a, CK_OBJECT_HANDLE h, enum kit_key k, bool private)
{
	static CK_OBJECT_CLASS cls;
	static CK_KEY_TYPE kt;
	struct parts p = parts_of(k, private);
	CK_ULONG n = 0;

	cls = kit_ulong(s, h, CKA_CLASS);
	kt = kit_ulong(s, h, CKA_KEY_TYPE);
	a[n++] = (CK_ATTRIBUTE)A_VAL(CKA_CLASS, cls);
	a[n++] = (CK_ATTRIBUTE)A_VAL(CKA_KEY_TYPE, kt);
	for (size_t i = 0; i < p.n; i++) {
		a[n] = (CK_ATTRIBUTE){ p.t[i], store[i], 0 };
		a[n].ulValueLen = kit_bytes(s, h, p.t[i], store[i], sizeof store[i]);
		n++;
	}
	return n;
}

static void same(CK_OBJECT_HANDLE a, CK_OBJECT_HANDLE b, enum kit_key k, bool private)
{
	struct parts p = parts_of(k, private);
	CK_BYTE x[8192], y[8192];

	for (size_t i = 0; i < p.n; i++) {
		CK_ULONG n = kit_bytes(s, a, p.t[i], x, sizeof x), m = kit_bytes(s, b, p.t[i], y, sizeof y);

		CHECK(n == m && n != 0 && memcmp(x, y, n) == 0);
	}
	if (k > KEY_HKDF) { /* SubjectPublicKeyInfo, the same on both halves */
		CK_ULONG n = kit_bytes(s, a, CKA_PUBLIC_KEY_INFO, x, sizeof x), m = kit_bytes(s, b, CKA_PUBLIC_KEY_INFO, y, sizeof y);

		CHECK(n == m && n > 20 && memcmp(x, y, n) == 0);
	} else {
		CHECK(kit_bytes(s, a, CKA_CHECK_VALUE, x, sizeof x) == 3 && kit_bytes(s, b, CKA_CHECK_VALUE, y, sizeof y) == 3);
		CHECK(memcmp(x, y, 3) == 0);
	}
}

static void by_attributes(CK_OBJECT_HANDLE h, enum kit_key k, bool private)
{
	CK_ATTRIBUTE a[20];
	CK_ULONG n = template(a, h, k, private);
	CK_OBJECT_HANDLE in = 0;

	if (private) {
		a[n++] = (CK_ATTRIBUTE)A_FALSE(CKA_SENSITIVE);
		a[n++] = (CK_ATTRIBUTE)A_TRUE(CKA_EXTRACTABLE);
	}
	OK(p11->C_CreateObject(s, a, n, &in));
	same(h, in, k, private);
	OK(p11->C_DestroyObject(s, in));
}

static void wrapped(CK_OBJECT_HANDLE h, enum kit_key k)
{
	CK_MECHANISM kwp = { CKM_AES_KEY_WRAP_KWP, NULL, 0 };
	CK_OBJECT_CLASS cls = kit_ulong(s, h, CKA_CLASS);
	CK_KEY_TYPE kt = kit_ulong(s, h, CKA_KEY_TYPE);
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), A_FALSE(CKA_SENSITIVE), A_TRUE(CKA_EXTRACTABLE) };
	CK_OBJECT_HANDLE in = 0, w = kit_key(s, KEY_AES).pub;
	static CK_BYTE blob[8192];
	CK_ULONG n = sizeof blob;

	OK(p11->C_WrapKey(s, &kwp, w, h, blob, &n));
	OK(p11->C_UnwrapKey(s, &kwp, w, blob, n, a, N(a), &in));
	same(h, in, k, true);
	OK(p11->C_DestroyObject(s, in));
}

static void copied(CK_OBJECT_HANDLE h, enum kit_key k, bool private)
{
	CK_OBJECT_HANDLE in = 0;

	OK(p11->C_CopyObject(s, h, NULL, 0, &in));
	same(h, in, k, private);
	OK(p11->C_DestroyObject(s, in));
}

int main(void)
{
	kit_start();
	s = kit_session(0, true);
	for (int k = 0; k < KEY_POAI; k++) {
		struct kit_pair p;

		p11_about("%s", kit_key_names[k]);
		if ((k == KEY_ML_DSA && kit_flags(0, CKM_ML_DSA) == 0) || (k == KEY_ML_KEM && kit_flags(0, CKM_ML_KEM) == 0))
			continue;
		p = kit_key(s, k);
		p11_about("%s, private or secret", kit_key_names[k]);
		by_attributes(p.priv, k, true);
		wrapped(p.priv, k);
		copied(p.priv, k, true);
		if (p.pub == p.priv)
			continue;
		p11_about("%s, public", kit_key_names[k]);
		by_attributes(p.pub, k, false);
		copied(p.pub, k, false);
	}
	return kit_end();
}
