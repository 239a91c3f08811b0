/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An application whose ENGINE is libcrypto's default for keys, as libp11's becomes when `openssl -engine pkcs11` signs: the module's
 * own operations must not end in it.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/opensslconf.h>
#include <stdio.h>
#ifdef OPENSSL_NO_ENGINE
int main(void)
{
	puts("SKIP t_app_engine: this libcrypto has no ENGINEs");
	return 77;
}
#else
#include <openssl/engine.h>
#include <openssl/evp.h>
#include <string.h>

#include "kit.h"

static const int nids[] = { EVP_PKEY_RSA, EVP_PKEY_EC, EVP_PKEY_ED25519, EVP_PKEY_ED448, EVP_PKEY_X25519, EVP_PKEY_X448 };
static EVP_PKEY_METHOD *method;
static unsigned asked;

static int refuse(EVP_PKEY_CTX *ctx)
{
	(void)ctx;
	return 0;
}

static int methods(ENGINE *me, EVP_PKEY_METHOD **m, const int **types, int nid)
{
	(void)me;
	(void)nid;
	if (m == NULL) {
		*types = nids;
		return N(nids);
	}
	asked++;
	*m = method;
	return 1;
}

/* Kept for good: freeing it would free its one method once for each key type. */
static ENGINE *e;

static void become_default(void)
{
	e = ENGINE_new();
	method = EVP_PKEY_meth_new(EVP_PKEY_RSA, 0);
	EVP_PKEY_meth_set_init(method, refuse);
	CHECK(ENGINE_set_id(e, "test") && ENGINE_set_name(e, "test") && ENGINE_set_pkey_meths(e, methods));
	CHECK(ENGINE_set_default_pkey_meths(e) == 1);
}

/* The trap works: the application's own context for such a key ends in the engine. */
static void check_trap(void)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

	CHECK(c == NULL && asked > 0);
	EVP_PKEY_CTX_free(c);
	asked = 0;
}

static void sign_and_verify(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE type, enum kit_key kind)
{
	CK_MECHANISM m = { type, NULL, 0 };
	struct kit_pair key = { 0, 0 };
	CK_BYTE sig[512], data[32] = "thirty-two bytes of a test, yes";
	CK_ULONG n = sizeof sig;

	p11_about("%s", kit_key_names[kind]);
	OK(kit_generate(s, kind, true, &key));
	OK(p11->C_SignInit(s, &m, key.priv));
	OK(p11->C_Sign(s, data, sizeof data, sig, &n));
	OK(p11->C_VerifyInit(s, &m, key.pub));
	OK(p11->C_Verify(s, data, sizeof data, sig, n));
	data[0] ^= 1;
	OK(p11->C_VerifyInit(s, &m, key.pub));
	RV(p11->C_Verify(s, data, sizeof data, sig, n), CKR_SIGNATURE_INVALID);
}

static void decrypt(CK_SESSION_HANDLE s)
{
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
	struct kit_pair key = kit_key(s, KEY_RSA);
	CK_BYTE ct[512], pt[512], data[] = "secret";
	CK_ULONG n = sizeof ct, got = sizeof pt;

	OK(p11->C_EncryptInit(s, &m, key.pub));
	OK(p11->C_Encrypt(s, data, sizeof data, ct, &n));
	OK(p11->C_DecryptInit(s, &m, key.priv));
	OK(p11->C_Decrypt(s, ct, n, pt, &got));
	CHECK(got == sizeof data && memcmp(pt, data, got) == 0);
}

static void derive(CK_SESSION_HANDLE s, enum kit_key kind)
{
	CK_BYTE point[160];
	CK_ECDH1_DERIVE_PARAMS p = { .kdf = CKD_NULL, .pPublicData = point };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &p, sizeof p };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), A_VAL(CKA_VALUE_LEN, len) };
	struct kit_pair key = kit_key(s, kind);
	CK_OBJECT_HANDLE made = 0;

	p11_about("%s", kit_key_names[kind]);
	p.ulPublicDataLen = kit_bytes(s, key.pub, CKA_EC_POINT, point, sizeof point);
	OK(p11->C_DeriveKey(s, &m, key.priv, t, N(t), &made));
}

int main(void)
{
	CK_SESSION_HANDLE s;

	become_default();
	check_trap();
	kit_start();
	kit_init_token();
	s = kit_session(1, true);
	kit_login(s);
	sign_and_verify(s, CKM_SHA256_RSA_PKCS, KEY_RSA);
	sign_and_verify(s, CKM_RSA_PKCS, KEY_RSA);
	sign_and_verify(s, CKM_ECDSA, KEY_P256);
	sign_and_verify(s, CKM_ECDSA_SHA384, KEY_P384);
	sign_and_verify(s, CKM_EDDSA, KEY_ED25519);
	sign_and_verify(s, CKM_EDDSA, KEY_ED448);
	decrypt(s);
	derive(s, KEY_P256);
	derive(s, KEY_X25519);
	derive(s, KEY_X448);
	p11_about("the engine");
	CHECK(asked == 0);
	return kit_end();
}
#endif
