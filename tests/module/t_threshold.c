/* SPDX-License-Identifier: Apache-2.0 */
/* Delegation and threshold decryption through the module: who may be asked for what, shares that survive as token objects. */
#include <string.h>

#include "kit.h"

static CK_SESSION_HANDLE s;
static CK_BYTE oid_k256[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };
static CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
static CK_MECHANISM open_rsa = { CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep };
static CK_MECHANISM ecies = { CKM_HANZO_ECIES, NULL, 0 };

static void pair(CK_BBOOL extractable, CK_BBOOL derive, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE a[] = { { CKA_EC_PARAMS, oid_k256, sizeof oid_k256 }, { CKA_ENCRYPT, &kit_true, 1 }, { CKA_WRAP, &kit_true, 1 } };
	CK_ATTRIBUTE b[] = { { CKA_EXTRACTABLE, &extractable, 1 }, { CKA_DERIVE, &derive, 1 }, { CKA_DECRYPT, &kit_true, 1 },
			     { CKA_UNWRAP, &kit_true, 1 } };

	OK(p11->C_GenerateKeyPair(s, &m, a, 3, b, 4, pub, priv));
}

/* x(S) for K goes out though the key itself may not; a key without CKA_DERIVE is not asked, a wrong K is told apart. */
static void delegation(CK_OBJECT_HANDLE rsa_pub, CK_OBJECT_HANDLE rsa_priv)
{
	CK_OBJECT_HANDLE pub, priv, mute_pub, mute;
	CK_BYTE text[] = "delegated", blob[128], out[512], x[512];
	CK_HANZO_ECIES_DELEGATE_PARAMS p = { blob, 33 };
	CK_MECHANISM m = { CKM_HANZO_ECIES_DELEGATE, &p, sizeof p };
	CK_ULONG n = sizeof blob, len = sizeof out, x_len = sizeof x, need = 0;

	pair(CK_FALSE, CK_TRUE, &pub, &priv);
	pair(CK_FALSE, CK_FALSE, &mute_pub, &mute);
	OK(p11->C_EncryptInit(s, &ecies, pub));
	OK(p11->C_Encrypt(s, text, sizeof text, blob, &n));
	CHECK(n == sizeof text + 61);
	OK(p11->C_WrapKey(s, &m, rsa_pub, priv, NULL, &need));
	OK(p11->C_WrapKey(s, &m, rsa_pub, priv, out, &len));
	CHECK(len == need);
	OK(p11->C_DecryptInit(s, &open_rsa, rsa_priv));
	OK(p11->C_Decrypt(s, out, len, x, &x_len));
	CHECK(x_len == 32);
	len = sizeof out;
	RV(p11->C_WrapKey(s, &m, rsa_pub, mute, out, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
	RV(p11->C_WrapKey(s, &ecies, pub, priv, out, &len), CKR_KEY_UNEXTRACTABLE);
	memset(blob + 1, 0xff, 32);
	RV(p11->C_WrapKey(s, &m, rsa_pub, priv, out, &len), CKR_MECHANISM_PARAM_INVALID);
}

static CK_OBJECT_HANDLE share(CK_OBJECT_HANDLE key, CK_ULONG i)
{
	CK_OBJECT_HANDLE node_pub, node, h = 0;
	CK_HANZO_SHAMIR_PARAMS p = { i, 2, 3, { 7 } };
	CK_MECHANISM m = { CKM_HANZO_SHAMIR_SHARE, &p, sizeof p };
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_KEY_TYPE kt = CKK_EC;
	CK_ATTRIBUTE a[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &kit_true, 1 },
			     { CKA_HANZO_SHARE_INDEX, &i, sizeof i } };
	CK_BYTE w[512];
	CK_ULONG n = sizeof w;

	pair(CK_FALSE, CK_FALSE, &node_pub, &node);
	OK(p11->C_WrapKey(s, &m, node_pub, key, w, &n));
	OK(p11->C_UnwrapKey(s, &ecies, node, w, n, a, 4, &h));
	CHECK(kit_ulong(s, h, CKA_HANZO_SHARE_INDEX) == i && kit_ulong(s, h, CKA_HANZO_SHARE_THRESHOLD) == 2);
	return h;
}

static void threshold(CK_OBJECT_HANDLE rsa_pub, CK_OBJECT_HANDLE rsa_priv)
{
	CK_OBJECT_HANDLE pub, priv, shut_pub, shut, h[2];
	CK_BYTE blob[128], out[512], part[512];
	CK_HANZO_ECIES_DELEGATE_PARAMS q = { blob, 33 };
	CK_HANZO_SHAMIR_PARAMS p = { 1, 2, 3, { 7 } };
	CK_MECHANISM m = { CKM_HANZO_ECIES_PARTIAL, &q, sizeof q }, d = { CKM_HANZO_ECIES_DELEGATE, &q, sizeof q },
		     split = { CKM_HANZO_SHAMIR_SHARE, &p, sizeof p }, sign = { CKM_ECDSA, NULL, 0 };
	CK_ULONG n = sizeof blob, len;

	pair(CK_TRUE, CK_TRUE, &pub, &priv);
	pair(CK_FALSE, CK_TRUE, &shut_pub, &shut);
	OK(p11->C_EncryptInit(s, &ecies, pub));
	OK(p11->C_Encrypt(s, (CK_BYTE *)"x", 1, blob, &n));
	n = sizeof out;
	RV(p11->C_WrapKey(s, &split, pub, shut, out, &n), CKR_KEY_UNEXTRACTABLE);
	for (CK_ULONG i = 0; i < 2; i++) {
		h[i] = share(priv, i + 1);
		n = sizeof out;
		len = sizeof part;
		OK(p11->C_WrapKey(s, &m, rsa_pub, h[i], out, &n));
		OK(p11->C_DecryptInit(s, &open_rsa, rsa_priv));
		OK(p11->C_Decrypt(s, out, n, part, &len));
		CHECK(len == 118 && part[0] == 1 && part[2] == i + 1 && part[4] == 2 && part[5] == 7);
		/* and nothing else */
		n = sizeof out;
		RV(p11->C_WrapKey(s, &d, rsa_pub, h[i], out, &n), CKR_MECHANISM_INVALID);
		RV(p11->C_SignInit(s, &sign, h[i]), CKR_MECHANISM_INVALID);
		OK(p11->C_DestroyObject(s, h[i]));
	}
	n = sizeof out;
	RV(p11->C_WrapKey(s, &m, rsa_pub, priv, out, &n), CKR_KEY_NOT_WRAPPABLE);
}

int main(void)
{
	struct kit_pair rsa;

	kit_start();
	kit_init_token();
	s = kit_session(1, true);
	kit_login(s);
	rsa = kit_key(s, KEY_RSA);
	delegation(rsa.pub, rsa.priv);
	threshold(rsa.pub, rsa.priv);
	return kit_end();
}
