/* SPDX-License-Identifier: Apache-2.0 */
/* Digests, raw ECDSA signatures and bare EC points, through the library context of the run only. */

#include "attest/attest-int.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#define MAX_POINT 132 /* P-521: two coordinates of 66 bytes */

bool
hz_at_equal(const void *a, const void *b, size_t n)
{
	return n == 0 || CRYPTO_memcmp(a, b, n) == 0;
}

bool
hz_at_zero(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= b[i];
	return any == 0;
}

bool
hz_at_digest(struct hz_at_run *run, const char *md, const struct hz_at_bytes *piece, size_t n, uint8_t *out)
{
	EVP_MD *type = EVP_MD_fetch(run->libctx, md, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = type != NULL && ctx != NULL && EVP_DigestInit_ex2(ctx, type, NULL) == 1;

	for (size_t i = 0; ok && i < n; i++)
		ok = piece[i].len == 0 || EVP_DigestUpdate(ctx, piece[i].p, piece[i].len) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(type);
	return ok;
}

/* Makes the key from its parameters and checks that the point is on the curve. */
static EVP_PKEY *
key_from_point(struct hz_at_run *run, const char *group, uint8_t *point, size_t n)
{
	OSSL_PARAM params[3];
	EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(run->libctx, "1.2.840.10045.2.1", NULL);
	EVP_PKEY_CTX *check = NULL;
	EVP_PKEY *key = NULL;
	char name[16];

	OPENSSL_strlcpy(name, group, sizeof name);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, n);
	params[2] = OSSL_PARAM_construct_end();
	if (make == NULL || EVP_PKEY_fromdata_init(make) != 1 ||
	    EVP_PKEY_fromdata(make, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		goto out;
	check = EVP_PKEY_CTX_new_from_pkey(run->libctx, key, NULL);
	if (check == NULL || EVP_PKEY_public_check(check) != 1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
out:
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(make);
	return key;
}

EVP_PKEY *
hz_at_ec_key(struct hz_at_run *run, const char *group, const uint8_t *xy, size_t n)
{
	uint8_t point[1 + MAX_POINT];

	if (xy == NULL || n == 0 || n > MAX_POINT || n % 2 != 0)
		return NULL;
	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(point + 1, xy, n);
	return key_from_point(run, group, point, n + 1);
}

bool
hz_at_key_on(EVP_PKEY *key, const char *group)
{
	char name[64];
	size_t len;

	if (key == NULL || EVP_PKEY_is_a(key, "EC") != 1 || EVP_PKEY_get_group_name(key, name, sizeof name, &len) != 1)
		return false;
	return OBJ_sn2nid(name) != NID_undef && OBJ_sn2nid(name) == EC_curve_nist2nid(group);
}

bool
hz_at_pkey_verify(struct hz_at_run *run, EVP_PKEY *key, const char *md, bool pss,
                  const uint8_t *sig, size_t n, const struct hz_at_bytes *piece, size_t n_piece)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	bool ok = ctx != NULL && key != NULL && sig != NULL &&
	          EVP_DigestVerifyInit_ex(ctx, &pctx, md, run->libctx, NULL, key, NULL) == 1;

	if (ok && pss)
		ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	for (size_t i = 0; ok && i < n_piece; i++)
		ok = EVP_DigestVerifyUpdate(ctx, piece[i].p, piece[i].len) == 1;
	ok = ok && EVP_DigestVerifyFinal(ctx, sig, n) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

/* r || s as the SEQUENCE that libcrypto verifies; -1 on failure.  *der is allocated. */
static int
ecdsa_der(const uint8_t *rs, size_t n, uint8_t **der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(rs, (int)(n / 2), NULL);
	BIGNUM *s = BN_bin2bn(rs + n / 2, (int)(n / 2), NULL);
	int len = -1;

	if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL;
		len = i2d_ECDSA_SIG(sig, der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return len;
}

bool
hz_at_ecdsa_verify(struct hz_at_run *run, EVP_PKEY *key, const char *group, const char *md,
                   const uint8_t *rs, size_t n, const struct hz_at_bytes *piece, size_t n_piece)
{
	uint8_t *der = NULL;
	int len;
	bool ok;

	if (rs == NULL || n == 0 || n > MAX_POINT || n % 2 != 0 || !hz_at_key_on(key, group))
		return false;
	len = ecdsa_der(rs, n, &der);
	ok = len > 0 && hz_at_pkey_verify(run, key, md, false, der, (size_t)len, piece, n_piece);
	OPENSSL_free(der);
	return ok;
}
