/* SPDX-License-Identifier: Apache-2.0 */
/* ECIES: key derivation, AES-256-GCM, the blob. */
#include "crypto/ecies.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/error.h"
#include "base/secmem.h"
#include "crypto/hmac.h"
#include "crypto/k256.h"
#include "crypto/libctx.h"

enum { MAX_TEXT = 0x7fffffc0 };

static CK_RV refuse(void)
{
	return hz_fail(CKR_ENCRYPTED_DATA_INVALID, "ECIES: the blob does not open");
}

CK_RV hz_ecies_ephemeral(const uint8_t *blob, size_t len, uint8_t k[64])
{
	if (len < HZ_ECIES_OVERHEAD || !hz_k256_pub_parse(k, blob, HZ_ECIES_K))
		return refuse();
	return CKR_OK;
}

CK_RV hz_ecies_key(const uint8_t x[32], uint8_t key[32])
{
	static const char info[] = "ECIES:AES_GCM:v1";

	/* RFC 5869 section 2.2: no salt is a salt of zeros. */
	if (!hz_hkdf(HZ_SHA256, NULL, 0, x, 32, info, sizeof info - 1, key, 32))
		return hz_fail(CKR_FUNCTION_FAILED, "ECIES: key derivation");
	return CKR_OK;
}

static bool add_aad(EVP_CIPHER_CTX *c, const void *p, size_t n)
{
	int out;

	return n == 0 || (n <= MAX_TEXT && EVP_CipherUpdate(c, NULL, &out, p, (int)n) == 1);
}

static bool authenticate(EVP_CIPHER_CTX *c, const struct hz_ecies_aad *aad, const uint8_t k[33])
{
	static const char *const domains[] = { [HZ_ECIES_WRAP] = "hanzo-pkcs11/wrap/v1", [HZ_ECIES_SHARE] = "hanzo-pkcs11/share/v1" };

	if (aad->use != HZ_ECIES_PLAIN) /* the text's own NUL is the zero byte */
		if (!add_aad(c, domains[aad->use], strlen(domains[aad->use]) + 1) || !add_aad(c, k, HZ_ECIES_K))
			return false;
	return add_aad(c, aad->p, aad->n);
}

/* A context keyed from x(S) with nonce and additional data in place. */
static EVP_CIPHER_CTX *start(const uint8_t x[32], const uint8_t *k, const uint8_t *nonce, const struct hz_ecies_aad *aad, int enc)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	EVP_CIPHER *gcm = hz_cipher("AES-256-GCM");
	uint8_t key[32];
	bool ok = c != NULL && gcm != NULL && hz_ecies_key(x, key) == CKR_OK &&
		  EVP_CipherInit_ex2(c, gcm, key, nonce, enc, NULL) == 1 && authenticate(c, aad, k);

	hz_wipe(key, sizeof key);
	if (ok)
		return c;
	EVP_CIPHER_CTX_free(c);
	return NULL;
}

static CK_RV check_text(size_t len)
{
	return len <= MAX_TEXT ? CKR_OK : hz_fail(CKR_DATA_LEN_RANGE, "ECIES: %zu bytes are too many", len);
}

/* p has room for the blob, apart from the text, whose length was checked. */
static CK_RV seal_at(const uint8_t x[32], const uint8_t k[33], const uint8_t nonce[12], const struct hz_ecies_aad *aad, const uint8_t *in,
		     size_t len, uint8_t *p)
{
	uint8_t *text = p + HZ_ECIES_K + HZ_ECIES_NONCE;
	EVP_CIPHER_CTX *c = start(x, k, nonce, aad, 1);
	int n = 0;
	bool ok;

	memcpy(p, k, HZ_ECIES_K);
	memcpy(p + HZ_ECIES_K, nonce, HZ_ECIES_NONCE);
	ok = c != NULL && (len == 0 || EVP_EncryptUpdate(c, text, &n, in, (int)len) == 1) && EVP_EncryptFinal_ex(c, text + len, &n) == 1 &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, HZ_ECIES_TAG, text + len) == 1;
	EVP_CIPHER_CTX_free(c);
	if (ok)
		return CKR_OK;
	hz_wipe(p, len + HZ_ECIES_OVERHEAD);
	return hz_fail(CKR_FUNCTION_FAILED, "ECIES: %s", hz_ossl_reason());
}

CK_RV hz_ecies_seal_with(const uint8_t x[32], const uint8_t k[33], const uint8_t nonce[12], const struct hz_ecies_aad *aad,
			 const uint8_t *in, size_t len, struct hz_buf *out)
{
	size_t at = out->len;
	uint8_t *p;
	CK_RV rv = check_text(len);

	if (rv != CKR_OK)
		return rv;
	p = hz_buf_room(out, len + HZ_ECIES_OVERHEAD);
	if (p == NULL)
		return hz_fail(CKR_HOST_MEMORY, "ECIES: out of memory");
	rv = seal_at(x, k, nonce, aad, in, len, p);
	if (rv != CKR_OK)
		out->len = at;
	return rv;
}

/* What one blob takes: an ephemeral key, the secret that it gives with pub, a nonce. x is secret. */
static CK_RV agree(const uint8_t pub[64], uint8_t x[32], uint8_t k[HZ_ECIES_K], uint8_t nonce[HZ_ECIES_NONCE])
{
	uint8_t sec[32], own[HZ_K256_PUB];
	bool ok = hz_k256_generate(sec, own) && hz_k256_pub_write(own, true, k) && hz_k256_ecdh_x(x, pub, sec) && hz_random(nonce, HZ_ECIES_NONCE);

	hz_wipe(sec, sizeof sec);
	return ok ? CKR_OK : hz_fail(CKR_FUNCTION_FAILED, "ECIES: no ephemeral key");
}

CK_RV hz_ecies_seal(const uint8_t pub[64], const struct hz_ecies_aad *aad, const uint8_t *in, size_t len, struct hz_buf *out)
{
	uint8_t k[HZ_ECIES_K], x[32], nonce[HZ_ECIES_NONCE];
	CK_RV rv = agree(pub, x, k, nonce);

	if (rv == CKR_OK)
		rv = hz_ecies_seal_with(x, k, nonce, aad, in, len, out);
	hz_wipe(x, sizeof x);
	return rv;
}

CK_RV hz_ecies_seal_to(const uint8_t pub[64], const struct hz_ecies_aad *aad, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t k[HZ_ECIES_K], x[32], nonce[HZ_ECIES_NONCE];
	CK_RV rv = check_text(len);

	if (rv == CKR_OK)
		rv = agree(pub, x, k, nonce);
	if (rv == CKR_OK)
		rv = seal_at(x, k, nonce, aad, in, len, out);
	hz_wipe(x, sizeof x);
	return rv;
}

static CK_RV check_size(size_t len)
{
	return len >= HZ_ECIES_OVERHEAD && len <= (size_t)MAX_TEXT + HZ_ECIES_OVERHEAD ? CKR_OK : refuse();
}

/* p has room for the plaintext, apart from the blob, whose size was checked. */
static CK_RV open_at(const uint8_t x[32], const struct hz_ecies_aad *aad, const uint8_t *blob, size_t len, uint8_t *p)
{
	const uint8_t *nonce = blob + HZ_ECIES_K, *text = nonce + HZ_ECIES_NONCE;
	size_t n = len - HZ_ECIES_OVERHEAD;
	uint8_t tag[HZ_ECIES_TAG];
	EVP_CIPHER_CTX *c;
	int done = 0;
	bool ok;

	memcpy(tag, text + n, sizeof tag);
	c = start(x, blob, nonce, aad, 0);
	ok = c != NULL && (n == 0 || EVP_DecryptUpdate(c, p, &done, text, (int)n) == 1) &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, HZ_ECIES_TAG, tag) == 1 && EVP_DecryptFinal_ex(c, tag, &done) == 1;
	EVP_CIPHER_CTX_free(c);
	if (ok)
		return CKR_OK;
	if (n != 0)
		hz_wipe(p, n);
	(void)hz_ossl_reason();
	return refuse();
}

CK_RV hz_ecies_open_with(const uint8_t x[32], const struct hz_ecies_aad *aad, const uint8_t *blob, size_t len, struct hz_buf *out)
{
	size_t at = out->len;
	uint8_t *p;
	CK_RV rv = check_size(len);

	if (rv != CKR_OK)
		return rv;
	p = hz_buf_room(out, len - HZ_ECIES_OVERHEAD);
	if (p == NULL && len != HZ_ECIES_OVERHEAD)
		return hz_fail(CKR_HOST_MEMORY, "ECIES: out of memory");
	rv = open_at(x, aad, blob, len, p);
	if (rv != CKR_OK)
		out->len = at;
	return rv;
}

/* x(S) of a blob whose size is right. */
static CK_RV shared_x(const uint8_t sec[32], const uint8_t *blob, size_t len, uint8_t x[32])
{
	uint8_t k[HZ_K256_PUB];
	CK_RV rv = check_size(len);

	if (rv == CKR_OK)
		rv = hz_ecies_ephemeral(blob, len, k);
	if (rv == CKR_OK && !hz_k256_ecdh_x(x, k, sec))
		rv = hz_fail(CKR_FUNCTION_FAILED, "ECIES: no shared secret");
	return rv;
}

CK_RV hz_ecies_open(const uint8_t sec[32], const struct hz_ecies_aad *aad, const uint8_t *blob, size_t len, struct hz_buf *out)
{
	uint8_t x[32];
	CK_RV rv = shared_x(sec, blob, len, x);

	if (rv == CKR_OK)
		rv = hz_ecies_open_with(x, aad, blob, len, out);
	hz_wipe(x, sizeof x);
	return rv;
}

CK_RV hz_ecies_open_to(const uint8_t sec[32], const struct hz_ecies_aad *aad, const uint8_t *blob, size_t len, uint8_t *out)
{
	uint8_t x[32];
	CK_RV rv = shared_x(sec, blob, len, x);

	if (rv == CKR_OK)
		rv = open_at(x, aad, blob, len, out);
	hz_wipe(x, sizeof x);
	return rv;
}
