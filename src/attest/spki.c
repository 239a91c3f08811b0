/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys that come beside evidence. */

#include "attest/spki.h"

#include "attest/b64.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#define MAX_LEN 4096

static EVP_PKEY *
read_der(struct hz_at_run *run, const uint8_t *p, size_t n)
{
	const unsigned char *cur = p;
	EVP_PKEY *key = n > 0 && n <= MAX_LEN ? d2i_PUBKEY_ex(NULL, &cur, (long)n, run->libctx, NULL) : NULL;

	if (key != NULL && cur == p + n)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static bool
take(struct hz_reader *r, const char *s)
{
	const uint8_t *p = hz_rd_peek(r, strlen(s));

	if (p == NULL || memcmp(p, s, strlen(s)) != 0)
		return false;
	hz_rd_skip(r, strlen(s));
	return true;
}

EVP_PKEY *
hz_at_spki_read(struct hz_at_run *run, struct hz_at_bytes in)
{
	struct hz_reader r = hz_rd(in.p, in.len);
	const uint8_t *c, *body;
	uint8_t der[MAX_LEN];
	size_t n = 0, len = sizeof der;

	if (in.len == 0 || in.len > 2 * MAX_LEN)
		return NULL;
	if (in.p[0] == 0x30)
		return read_der(run, in.p, in.len);
	if (!take(&r, "-----BEGIN PUBLIC KEY-----"))
		return NULL;
	body = hz_rd_peek(&r, 1);
	for (; (c = hz_rd_peek(&r, 1)) != NULL && *c != '-'; n++)
		hz_rd_skip(&r, 1);
	if (!take(&r, "-----END PUBLIC KEY-----") || !hz_at_b64_decode(body, n, true, der, &len))
		return NULL;
	while (hz_rd_left(&r) > 0)
		if (strchr(" \t\r\n", hz_rd_u8(&r)) == NULL)
			return NULL;
	return read_der(run, der, len);
}

bool
hz_at_spki_digest(struct hz_at_run *run, EVP_PKEY *key, uint8_t out[32])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	bool ok = len > 0 && hz_at_digest(run, "SHA256", &(struct hz_at_bytes){ der, (size_t)len }, 1, out);

	OPENSSL_free(der);
	return ok;
}

static EVP_PKEY *
key_from(struct hz_at_run *run, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(run->libctx, "RSA", NULL);
	EVP_PKEY *key = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

EVP_PKEY *
hz_at_rsa_key(struct hz_at_run *run, struct hz_at_bytes n, struct hz_at_bytes e)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	BIGNUM *bn = NULL, *be = NULL;
	EVP_PKEY *key = NULL;

	if (n.len < 256 || n.len > 1024 || n.p[0] == 0 || e.len == 0 || e.len > 8 || bld == NULL)
		goto out;
	bn = BN_bin2bn(n.p, (int)n.len, NULL);
	be = BN_bin2bn(e.p, (int)e.len, NULL);
	if (bn == NULL || be == NULL || !BN_is_odd(be) || BN_is_one(be))
		goto out;
	if (OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) == 1 && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be) == 1)
		params = OSSL_PARAM_BLD_to_param(bld);
	key = params != NULL ? key_from(run, params) : NULL;
out:
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(bn);
	BN_free(be);
	return key;
}
