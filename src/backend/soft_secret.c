/* SPDX-License-Identifier: Apache-2.0 */
/* Secret keys: generated, imported, checked, and given their check values. */
#include <openssl/evp.h>
#include <string.h>

#include "backend/soft_sym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"

/* Which lengths a value of this key type may have, in bytes. */
static bool len_fits(CK_KEY_TYPE type, size_t len)
{
	switch (type) {
	case CKK_AES: return len == 16 || len == 24 || len == 32;
	case CKK_CHACHA20: return len == 32;
	default: return len <= HZ_SYM_SECRET_MAX;
	}
}

static CK_KEY_TYPE type_of(const struct hz_attrs *a)
{
	return hz_attrs_ulong(a, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
}

/* 3.1 section 4.10.2: AES, the first three bytes of the encryption of a block of zeros; others, of the SHA-1 of the value. */
static bool check_value(CK_KEY_TYPE type, const uint8_t *value, size_t len, uint8_t kcv[3])
{
	uint8_t block[16] = { 0 }, out[HZ_HASH_MAX];
	EVP_CIPHER_CTX *ctx;
	bool ok;

	if (type != CKK_AES) {
		hz_hash_once(HZ_SHA1, value, len, out);
		memcpy(kcv, out, 3);
		return true;
	}
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx != NULL && EVP_EncryptInit_ex2(ctx, hz_sym_aes(len, "ECB"), value, NULL, NULL) == 1 &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && hz_evp_run(ctx, block, sizeof block, out);
	EVP_CIPHER_CTX_free(ctx);
	if (ok)
		memcpy(kcv, out, 3);
	return ok;
}

/* A template may give the right value, or an empty one so that the object has none (3.1 section 4.10.2). */
static CK_RV set_check_value(struct hz_attrs *a, const uint8_t *value, size_t len)
{
	const struct hz_attr *given = hz_attrs_find(a, CKA_CHECK_VALUE);
	uint8_t kcv[3];

	if (given != NULL && given->len == 0)
		return CKR_OK;
	if (!check_value(type_of(a), value, len, kcv))
		return hz_fail(CKR_FUNCTION_FAILED, "check value: %s", hz_ossl_reason());
	if (given == NULL)
		return hz_attrs_set(a, CKA_CHECK_VALUE, kcv, sizeof kcv, false);
	if (given->len != sizeof kcv || memcmp(given->value, kcv, sizeof kcv) != 0)
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "CKA_CHECK_VALUE is not this key's");
	return CKR_OK;
}

CK_RV hz_soft_set_secret(struct hz_attrs *made, const uint8_t *value, size_t len)
{
	CK_ULONG want = hz_attrs_ulong(made, CKA_VALUE_LEN, len);
	CK_RV rv;

	if (want != len)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "CKA_VALUE_LEN is %lu, the value has %zu bytes", want, len);
	if (!len_fits(type_of(made), len))
		return hz_fail(CKR_KEY_SIZE_RANGE, "no key of type 0x%lx has %zu bytes", type_of(made), len);
	rv = hz_attrs_set(made, CKA_VALUE, value, len, true);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(made, CKA_VALUE_LEN, len);
	if (rv == CKR_OK)
		rv = set_check_value(made, value, len);
	return rv;
}

CK_RV hz_soft_secret_complete(struct hz_attrs *attrs)
{
	const struct hz_attr *v = hz_attrs_find(attrs, CKA_VALUE);
	CK_RV rv;

	if (v == NULL)
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "a secret key needs CKA_VALUE");
	if (!len_fits(type_of(attrs), v->len))
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "no key of type 0x%lx has %zu bytes", type_of(attrs), v->len);
	if (hz_attrs_ulong(attrs, CKA_VALUE_LEN, v->len) != v->len)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "CKA_VALUE_LEN contradicts CKA_VALUE");
	rv = set_check_value(attrs, v->value, v->len);
	return rv == CKR_OK ? hz_attrs_set_ulong(attrs, CKA_VALUE_LEN, v->len) : rv;
}

CK_RV hz_soft_secret_key(struct hz_key *key)
{
	const struct hz_attr *v = hz_attrs_find(&key->attrs, CKA_VALUE);

	if (v == NULL || !len_fits(key->type, v->len))
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "the key's value is missing or has a wrong length");
	key->secret = hz_secmem_dup(v->value, v->len);
	if (key->secret == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no secret memory for a key");
	key->secret_len = v->len;
	key->bits = (int)(v->len * 8);
	return CKR_OK;
}

/* Length of a key to be generated: CKA_VALUE_LEN, else what the mechanism implies (0: nothing). */
static CK_RV gen_len(const struct hz_mech *m, const struct hz_attrs *a, CK_ULONG *len)
{
	const struct hz_sym_hash *hash = hz_sym_by_key_type(type_of(a));
	CK_ULONG implied = 0;

	if (m->type == CKM_CHACHA20_KEY_GEN)
		implied = 32;
	else if (hash != NULL && m->type == hash->key_gen)
		implied = hz_hash_len(hash->id);
	*len = hz_attrs_ulong(a, CKA_VALUE_LEN, implied);
	if (*len == 0 && hz_attrs_find(a, CKA_VALUE_LEN) == NULL)
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "CKA_VALUE_LEN says how long the key shall be");
	if (*len == 0 || !len_fits(type_of(a), *len))
		return hz_fail(CKR_KEY_SIZE_RANGE, "a key of %lu bytes cannot be made", *len);
	return CKR_OK;
}

static CK_RV secret_generate(const struct hz_mech *m, struct hz_attrs *secret)
{
	struct hz_buf value = HZ_BUF_SECRET;
	CK_ULONG len;
	uint8_t *p;
	CK_RV rv = hz_sym_no_param(m);

	if (rv == CKR_OK)
		rv = gen_len(m, secret, &len);
	if (rv != CKR_OK)
		return rv;
	p = hz_buf_room(&value, len);
	if (p == NULL)
		rv = hz_fail(CKR_HOST_MEMORY, "no secret memory for a key of %lu bytes", len);
	else if (!hz_random(p, len))
		rv = hz_fail(CKR_FUNCTION_FAILED, "random bytes: %s", hz_ossl_reason());
	else
		rv = hz_soft_set_secret(secret, p, len);
	hz_buf_free(&value);
	return rv;
}

/* min and max in the unit of 3.1: bytes, but bits for CKM_GENERIC_SECRET_KEY_GEN (section 6.6.3). */
#define GEN(t, kt, min, max) \
	{ \
		.row = { .type = (t), \
			 .info = { (min), (max), CKF_GENERATE }, \
			 .key_types = { (kt), HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, \
			 .made_class = CKO_SECRET_KEY }, \
		.generate = secret_generate, \
	}
#define HMAC_GEN(h) GEN(CKM_##h##_KEY_GEN, CKK_##h##_HMAC, 1, HZ_SYM_SECRET_MAX)

const struct hz_soft_mech hz_soft_secret[] = {
	GEN(CKM_AES_KEY_GEN, CKK_AES, 16, 32),
	GEN(CKM_CHACHA20_KEY_GEN, CKK_CHACHA20, 32, 32),
	GEN(CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 8, HZ_SYM_SECRET_MAX * 8),
	GEN(CKM_HKDF_KEY_GEN, CKK_HKDF, 1, HZ_SYM_SECRET_MAX),
	HMAC_GEN(SHA_1),
	HMAC_GEN(SHA224),
	HMAC_GEN(SHA256),
	HMAC_GEN(SHA384),
	HMAC_GEN(SHA512),
	HMAC_GEN(SHA512_224),
	HMAC_GEN(SHA512_256),
	HMAC_GEN(SHA3_224),
	HMAC_GEN(SHA3_256),
	HMAC_GEN(SHA3_384),
	HMAC_GEN(SHA3_512),
	{ .begin = NULL },
};
