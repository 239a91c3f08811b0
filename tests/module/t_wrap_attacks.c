/* SPDX-License-Identifier: Apache-2.0 */
/* The known attacks on key management: each step that one of them needs is refused. */
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static CK_BYTE value[32] = "thirty-two bytes of an AES key..", blob[512], out[512];
static CK_OBJECT_CLASS secret = CKO_SECRET_KEY, private = CKO_PRIVATE_KEY;
static CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET, ec = CKK_EC, rsa = CKK_RSA;
static CK_MECHANISM kwp = { CKM_AES_KEY_WRAP_KWP, NULL, 0 }, kw = { CKM_AES_KEY_WRAP, NULL, 0 };

/* A secret key with just these attributes beside its value. */
static CK_OBJECT_HANDLE key(CK_ATTRIBUTE *more, CK_ULONG n)
{
	CK_ATTRIBUTE a[16] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value) };
	CK_OBJECT_HANDLE h = 0;

	memcpy(a + 3, more, n * sizeof *more);
	OK(p11->C_CreateObject(s, a, 3 + n, &h));
	return h;
}

static CK_OBJECT_HANDLE wrapping(void)
{
	CK_ATTRIBUTE a[] = { A_TRUE(CKA_WRAP), A_TRUE(CKA_UNWRAP), A_FALSE(CKA_DECRYPT), A_FALSE(CKA_ENCRYPT) };

	return key(a, N(a));
}

static CK_RV wrap(CK_OBJECT_HANDLE w, CK_OBJECT_HANDLE t)
{
	CK_ULONG n = sizeof blob;

	return p11->C_WrapKey(s, &kwp, w, t, blob, &n);
}

static void export(void)
{
	CK_ATTRIBUTE shut[] = { A_FALSE(CKA_EXTRACTABLE) }, sensitive[] = { A_TRUE(CKA_SENSITIVE), A_TRUE(CKA_EXTRACTABLE) };
	CK_ATTRIBUTE trusting[] = { A_TRUE(CKA_EXTRACTABLE), A_TRUE(CKA_WRAP_WITH_TRUSTED) };
	CK_ATTRIBUTE both[] = { A_TRUE(CKA_WRAP), A_TRUE(CKA_DECRYPT) }, none[] = { A_FALSE(CKA_WRAP) };
	CK_ATTRIBUTE claim[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, aes), A_VAL(CKA_VALUE, value), A_TRUE(CKA_TRUSTED) };
	CK_OBJECT_HANDLE w = wrapping(), h;

	p11_about("export");
	RV(wrap(w, key(shut, 1)), CKR_KEY_UNEXTRACTABLE);
	OK(wrap(w, key(sensitive, 2)));
	RV(wrap(w, key(trusting, 2)), CKR_KEY_NOT_WRAPPABLE);
	RV(p11->C_CreateObject(s, claim, 4, &h), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_SetAttributeValue(s, w, claim + 3, 1), CKR_ATTRIBUTE_READ_ONLY);
	OK(wrap(key(both, 2), key(sensitive, 2))); /* as pkcs11-tool makes wrapping keys */
	RV(wrap(key(none, 1), key(sensitive, 2)), CKR_KEY_FUNCTION_NOT_PERMITTED);
	RV(wrap(w, kit_key(s, KEY_RSA).pub), CKR_KEY_NOT_WRAPPABLE);
	RV(wrap(kit_key(s, KEY_P256).priv, key(sensitive, 2)), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
	RV(wrap(0, w), CKR_WRAPPING_KEY_HANDLE_INVALID);
	RV(wrap(w, 0), CKR_KEY_HANDLE_INVALID);
}

/* Modes that let a caller put values together block by block do not wrap. */
static void modes(void)
{
	static const CK_MECHANISM_TYPE no[] = { CKM_AES_ECB, CKM_AES_CBC, CKM_AES_CBC_PAD, CKM_AES_CTR, CKM_AES_GCM };

	for (size_t i = 0; i < N(no); i++)
		CHECK((kit_flags(0, no[i]) & (CKF_WRAP | CKF_UNWRAP)) == 0);
	CHECK((kit_flags(0, CKM_AES_KEY_WRAP) & (CKF_ENCRYPT | CKF_DECRYPT)) == 0 ||
	      (kit_flags(0, CKM_AES_KEY_WRAP) & CKF_WRAP) != 0);
	CHECK(kit_flags(0, CKM_XOR_BASE_AND_DATA) == 0 && kit_flags(0, CKM_EXTRACT_KEY_FROM_KEY) == 0 &&
	      kit_flags(0, CKM_CONCATENATE_BASE_AND_DATA) == 0 && kit_flags(0, CKM_AES_ECB_ENCRYPT_DATA) == 0);
}

static CK_RV unwrap(CK_OBJECT_HANDLE u, CK_ULONG n, CK_OBJECT_CLASS cls, CK_KEY_TYPE kt, CK_ATTRIBUTE *more, CK_ULONG count,
		    CK_OBJECT_HANDLE *h)
{
	CK_ATTRIBUTE a[12] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt) };

	if (count != 0)
		memcpy(a + 2, more, count * sizeof *more);
	return p11->C_UnwrapKey(s, &kwp, u, blob, n, a, 2 + count, h);
}

/* The same bytes may not come back as a key of another kind, nor half a key, nor one that claims a better past. */
static void confusion(void)
{
	CK_ATTRIBUTE ok[] = { A_TRUE(CKA_EXTRACTABLE), A_FALSE(CKA_SENSITIVE) };
	CK_ULONG n = sizeof blob, m, short_len = 16;
	CK_ATTRIBUTE len[] = { A_VAL(CKA_VALUE_LEN, short_len) }, past[] = { A_TRUE(CKA_ALWAYS_SENSITIVE) }, local[] = { A_TRUE(CKA_LOCAL) };
	CK_ATTRIBUTE val[] = { A_VAL(CKA_VALUE, value) };
	CK_OBJECT_HANDLE w = wrapping(), target = key(ok, 2), h = 0;

	p11_about("confusion");
	OK(p11->C_WrapKey(s, &kwp, w, target, blob, &n));
	OK(unwrap(w, n, secret, aes, ok, 2, &h));
	CHECK(!kit_bool(s, h, CKA_LOCAL) && !kit_bool(s, h, CKA_ALWAYS_SENSITIVE) && !kit_bool(s, h, CKA_NEVER_EXTRACTABLE));
	CHECK(kit_bytes(s, h, CKA_VALUE, out, sizeof out) == 32 && memcmp(out, value, 32) == 0);
	CHECK(unwrap(w, n, private, ec, NULL, 0, &h) != CKR_OK);
	CHECK(unwrap(w, n, private, rsa, NULL, 0, &h) != CKR_OK);
	CHECK(unwrap(w, n, CKO_PUBLIC_KEY, rsa, NULL, 0, &h) != CKR_OK);
	CHECK(unwrap(w, n, secret, CKK_DES3, NULL, 0, &h) != CKR_OK);
	CHECK(unwrap(w, n, secret, aes, len, 1, &h) != CKR_OK);
	CHECK(unwrap(w, n, secret, aes, past, 1, &h) != CKR_OK);
	CHECK(unwrap(w, n, secret, aes, local, 1, &h) != CKR_OK);
	CHECK(unwrap(w, n, secret, aes, val, 1, &h) != CKR_OK);
	blob[3] ^= 1;
	RV(unwrap(w, n, secret, aes, NULL, 0, &h), CKR_WRAPPED_KEY_INVALID);
	blob[3] ^= 1;
	for (m = 0; m < n; m++)
		CHECK(unwrap(w, m, secret, generic, NULL, 0, &h) != CKR_OK);
	/* A private key comes back as what it is only. */
	n = sizeof blob;
	OK(p11->C_WrapKey(s, &kwp, w, kit_key(s, KEY_P256).priv, blob, &n));
	OK(unwrap(w, n, private, ec, NULL, 0, &h));
	CHECK(kit_bool(s, h, CKA_SENSITIVE) && !kit_bool(s, h, CKA_EXTRACTABLE));
	CHECK(unwrap(w, n, private, CKK_EC_EDWARDS, NULL, 0, &h) != CKR_OK);
	CHECK(unwrap(w, n, private, rsa, NULL, 0, &h) != CKR_OK);
	CHECK(unwrap(w, n, secret, aes, NULL, 0, &h) != CKR_OK);
}

/* What an owner put into the key's own templates is not the caller's to change. */
static void templates(void)
{
	CK_ATTRIBUTE force[] = { A_FALSE(CKA_EXTRACTABLE), A_TRUE(CKA_SENSITIVE) }, want[] = { A_TRUE(CKA_SENSITIVE) };
	CK_ATTRIBUTE a[] = { A_TRUE(CKA_WRAP), A_TRUE(CKA_UNWRAP), { CKA_UNWRAP_TEMPLATE, force, sizeof force },
			     { CKA_WRAP_TEMPLATE, want, sizeof want }, A_FALSE(CKA_DECRYPT) };
	CK_ATTRIBUTE open[] = { A_TRUE(CKA_EXTRACTABLE) }, readable[] = { A_TRUE(CKA_EXTRACTABLE), A_FALSE(CKA_SENSITIVE) };
	CK_ATTRIBUTE hidden[] = { A_TRUE(CKA_EXTRACTABLE), A_TRUE(CKA_SENSITIVE) };
	CK_OBJECT_HANDLE w = key(a, N(a)), h = 0;
	CK_ULONG n = sizeof blob;

	p11_about("templates");
	RV(wrap(w, key(readable, 2)), CKR_KEY_HANDLE_INVALID);
	OK(p11->C_WrapKey(s, &kwp, w, key(hidden, 2), blob, &n));
	RV(unwrap(w, n, secret, aes, open, 1, &h), CKR_TEMPLATE_INCONSISTENT);
	OK(unwrap(w, n, secret, aes, NULL, 0, &h));
	CHECK(!kit_bool(s, h, CKA_EXTRACTABLE) && kit_bool(s, h, CKA_SENSITIVE));
}

static void derivation(void)
{
	CK_BYTE info[4] = "info";
	CK_HKDF_PARAMS p = { CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, info, sizeof info };
	CK_MECHANISM m = { CKM_HKDF_DERIVE, &p, sizeof p };
	CK_ULONG len = 32;
	CK_ATTRIBUTE force[] = { A_TRUE(CKA_SENSITIVE) };
	CK_ATTRIBUTE base[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), A_VAL(CKA_VALUE, value), A_TRUE(CKA_DERIVE),
				{ CKA_DERIVE_TEMPLATE, force, sizeof force } };
	CK_ATTRIBUTE soft[] = { A_VAL(CKA_VALUE_LEN, len), A_FALSE(CKA_SENSITIVE) }, past[] = { A_VAL(CKA_VALUE_LEN, len), A_TRUE(CKA_ALWAYS_SENSITIVE) };
	CK_ATTRIBUTE hard[] = { A_VAL(CKA_VALUE_LEN, len), A_TRUE(CKA_SENSITIVE), A_FALSE(CKA_EXTRACTABLE) };
	CK_OBJECT_HANDLE b = 0, h = 0;

	p11_about("derivation");
	OK(p11->C_CreateObject(s, base, N(base), &b));
	RV(p11->C_DeriveKey(s, &m, b, soft, 2, &h), CKR_TEMPLATE_INCONSISTENT);
	CHECK(p11->C_DeriveKey(s, &m, b, past, 2, &h) != CKR_OK);
	OK(p11->C_DeriveKey(s, &m, b, hard, 3, &h));
	CHECK(!kit_bool(s, h, CKA_ALWAYS_SENSITIVE) && !kit_bool(s, h, CKA_NEVER_EXTRACTABLE)); /* the base key was imported */
	CHECK(!kit_bool(s, h, CKA_LOCAL));
	RV(p11->C_DeriveKey(s, &m, wrapping(), hard, 3, &h), CKR_KEY_TYPE_INCONSISTENT);
	base[3].pValue = &kit_false;
	OK(p11->C_CreateObject(s, base, N(base), &b));
	RV(p11->C_DeriveKey(s, &m, b, hard, 3, &h), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* Length and capacity of C_WrapKey: what the query says is enough, for every key and mechanism. */
static void lengths(void)
{
	CK_OBJECT_HANDLE w = wrapping();
	static const enum kit_key kinds[] = { KEY_AES, KEY_GENERIC, KEY_RSA, KEY_P256, KEY_P521, KEY_K256, KEY_ED25519, KEY_X448 };

	for (size_t i = 0; i < N(kinds); i++) {
		CK_ULONG n = 0, m;
		CK_BYTE big[4096];

		p11_about("length of a wrapped %s key", kit_key_names[kinds[i]]);
		OK(p11->C_WrapKey(s, &kwp, w, kit_key(s, kinds[i]).priv, NULL, &n));
		m = n;
		CHECK(n != 0 && n <= sizeof big);
		OK(p11->C_WrapKey(s, &kwp, w, kit_key(s, kinds[i]).priv, big, &m));
		CHECK(m <= n);
		m = 1;
		RV(p11->C_WrapKey(s, &kwp, w, kit_key(s, kinds[i]).priv, big, &m), CKR_BUFFER_TOO_SMALL);
		CHECK(m > 1 && m <= n);
	}
	p11_about("KW");
	{
		CK_ULONG n = sizeof blob;

		OK(p11->C_WrapKey(s, &kw, w, kit_key(s, KEY_AES).pub, blob, &n));
		CHECK(n == 40);
	}
}

int main(void)
{
	kit_start();
	s = kit_session(0, true);
	export();
	modes();
	confusion();
	templates();
	derivation();
	lengths();
	return kit_end();
}
