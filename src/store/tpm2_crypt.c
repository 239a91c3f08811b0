/* SPDX-License-Identifier: Apache-2.0 */
/* Cryptography between us and a TPM: key derivation, the salt of a session, HMACs and encrypted parameters. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/secmem.h"
#include "crypto/hmac.h"
#include "crypto/libctx.h"
#include "crypto/provider.h"
#include "store/tpm2.h"

static void put32(uint8_t out[4], uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (24 - 8 * i));
}

void hz_tpm_kdfa(const uint8_t *key, size_t key_len, const char *label, struct hz_blob u, struct hz_blob v, uint8_t *out, size_t n)
{
	uint8_t be[4], full[32];
	struct hz_hmac m;

	hz_hmac_init(&m, HZ_SHA256, key, key_len);
	put32(be, 1);
	hz_hmac_update(&m, be, sizeof be);
	hz_hmac_update(&m, label, strlen(label) + 1);
	hz_hmac_update(&m, u.p, u.n);
	hz_hmac_update(&m, v.p, v.n);
	put32(be, (uint32_t)n * 8);
	hz_hmac_update(&m, be, sizeof be);
	hz_hmac_final(&m, full);
	memcpy(out, full, n);
	hz_wipe(full, sizeof full);
	hz_wipe(&m, sizeof m);
}

/* The TPM's public key as libcrypto has it; NULL: not a point of the curve. */
static EVP_PKEY *peer(struct hz_blob x, struct hz_blob y)
{
	uint8_t point[65] = { 4 };
	char curve[] = "P-256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
				OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point), OSSL_PARAM_END };
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(hz_libctx(), hz_keytype("EC"), NULL);
	EVP_PKEY *k = NULL;

	if (c == NULL || x.n == 0 || x.n > 32 || y.n == 0 || y.n > 32)
		goto out;
	memcpy(point + 33 - x.n, x.p, x.n);
	memcpy(point + 65 - y.n, y.p, y.n);
	if (EVP_PKEY_fromdata_init(c) != 1 || EVP_PKEY_fromdata(c, &k, EVP_PKEY_PUBLIC_KEY, params) != 1)
		k = NULL;
out:
	EVP_PKEY_CTX_free(c);
	return k;
}

static EVP_PKEY *ephemeral(void)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(hz_libctx(), hz_keytype("EC"), NULL);
	EVP_PKEY *k = NULL;

	if (c == NULL || EVP_PKEY_keygen_init(c) != 1 || EVP_PKEY_CTX_set_group_name(c, "P-256") != 1 || EVP_PKEY_generate(c, &k) != 1)
		k = NULL;
	EVP_PKEY_CTX_free(c);
	return k;
}

/* z: x coordinate of the shared point; own: our ephemeral point, uncompressed. */
static bool agree(EVP_PKEY *with, uint8_t own[65], uint8_t z[32])
{
	EVP_PKEY *mine = ephemeral();
	EVP_PKEY_CTX *c = mine != NULL ? EVP_PKEY_CTX_new_from_pkey(hz_libctx(), mine, NULL) : NULL;
	size_t n = 0, zn = 32;
	bool ok = c != NULL && EVP_PKEY_get_octet_string_param(mine, OSSL_PKEY_PARAM_PUB_KEY, own, 65, &n) == 1 && n == 65 &&
		  own[0] == 4 && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, with) == 1 &&
		  EVP_PKEY_derive(c, z, &zn) == 1 && zn == 32;

	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(mine);
	return ok;
}

bool hz_tpm_salt(struct hz_blob x, struct hz_blob y, struct hz_buf *enc, uint8_t seed[32])
{
	static const uint8_t counter[4] = { 0, 0, 0, 1 };
	EVP_PKEY *k = peer(x, y);
	uint8_t own[65], z[32];
	bool ok = k != NULL && agree(k, own, z);
	struct hz_hash h;

	if (ok) {
		hz_hash_init(&h, HZ_SHA256);
		hz_hash_update(&h, counter, sizeof counter);
		hz_hash_update(&h, z, sizeof z);
		hz_hash_update(&h, "SECRET", 7);
		hz_hash_update(&h, own + 1, 32);
		hz_hash_update(&h, x.p, x.n);
		hz_hash_final(&h, seed);
		hz_buf_be16(enc, 32);
		hz_buf_add(enc, own + 1, 32);
		hz_buf_be16(enc, 32);
		hz_buf_add(enc, own + 33, 32);
		hz_wipe(&h, sizeof h);
	}
	hz_wipe(z, sizeof z);
	EVP_PKEY_free(k);
	return ok && !enc->failed;
}

static struct hz_blob newer(const struct hz_tpm_session *s, bool response)
{
	return response ? (struct hz_blob){ s->tpm, s->tpm_len } : (struct hz_blob){ s->caller, sizeof s->caller };
}

bool hz_tpm_param(const struct hz_tpm_session *s, bool response, uint8_t *data, size_t n)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t key_iv[32];
	bool ok;

	hz_tpm_kdfa(s->key, sizeof s->key, "CFB", newer(s, response), newer(s, !response), key_iv, sizeof key_iv);
	ok = c != NULL && EVP_CipherInit_ex2(c, hz_cipher("AES-128-CFB"), key_iv, key_iv + 16, !response, NULL) == 1 &&
	     hz_evp_run(c, data, n, data);
	EVP_CIPHER_CTX_free(c);
	hz_wipe(key_iv, sizeof key_iv);
	return ok;
}

void hz_tpm_auth(const struct hz_tpm_session *s, bool response, const uint8_t digest[32], uint8_t attrs, uint8_t out[32])
{
	struct hz_blob a = newer(s, response), b = newer(s, !response);
	struct hz_hmac m;

	hz_hmac_init(&m, HZ_SHA256, s->key, sizeof s->key);
	hz_hmac_update(&m, digest, 32);
	hz_hmac_update(&m, a.p, a.n);
	hz_hmac_update(&m, b.p, b.n);
	hz_hmac_update(&m, &attrs, 1);
	hz_hmac_final(&m, out);
	hz_wipe(&m, sizeof m);
}
