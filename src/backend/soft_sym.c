/* SPDX-License-Identifier: Apache-2.0 */
/* Small things that all symmetric mechanisms need. */
#include "backend/soft_sym.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"

#include "hanzo-pkcs11.h"

const struct hz_sym_hash hz_sym_hashes[] = {
	{ HZ_SHA1, CKM_SHA_1, CKM_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL, CKM_SHA_1_KEY_GEN, CKK_SHA_1_HMAC, CKP_PKCS5_PBKD2_HMAC_SHA1 },
	{ HZ_SHA224, CKM_SHA224, CKM_SHA224_HMAC, CKM_SHA224_HMAC_GENERAL, CKM_SHA224_KEY_GEN, CKK_SHA224_HMAC,
	  CKP_PKCS5_PBKD2_HMAC_SHA224 },
	{ HZ_SHA256, CKM_SHA256, CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, CKM_SHA256_KEY_GEN, CKK_SHA256_HMAC,
	  CKP_PKCS5_PBKD2_HMAC_SHA256 },
	{ HZ_SHA384, CKM_SHA384, CKM_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL, CKM_SHA384_KEY_GEN, CKK_SHA384_HMAC,
	  CKP_PKCS5_PBKD2_HMAC_SHA384 },
	{ HZ_SHA512, CKM_SHA512, CKM_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL, CKM_SHA512_KEY_GEN, CKK_SHA512_HMAC,
	  CKP_PKCS5_PBKD2_HMAC_SHA512 },
	{ HZ_SHA512_224, CKM_SHA512_224, CKM_SHA512_224_HMAC, CKM_SHA512_224_HMAC_GENERAL, CKM_SHA512_224_KEY_GEN,
	  CKK_SHA512_224_HMAC, CKP_PKCS5_PBKD2_HMAC_SHA512_224 },
	{ HZ_SHA512_256, CKM_SHA512_256, CKM_SHA512_256_HMAC, CKM_SHA512_256_HMAC_GENERAL, CKM_SHA512_256_KEY_GEN,
	  CKK_SHA512_256_HMAC, CKP_PKCS5_PBKD2_HMAC_SHA512_256 },
	{ HZ_SHA3_224, CKM_SHA3_224, CKM_SHA3_224_HMAC, CKM_SHA3_224_HMAC_GENERAL, CKM_SHA3_224_KEY_GEN, CKK_SHA3_224_HMAC, 0 },
	{ HZ_SHA3_256, CKM_SHA3_256, CKM_SHA3_256_HMAC, CKM_SHA3_256_HMAC_GENERAL, CKM_SHA3_256_KEY_GEN, CKK_SHA3_256_HMAC, 0 },
	{ HZ_SHA3_384, CKM_SHA3_384, CKM_SHA3_384_HMAC, CKM_SHA3_384_HMAC_GENERAL, CKM_SHA3_384_KEY_GEN, CKK_SHA3_384_HMAC, 0 },
	{ HZ_SHA3_512, CKM_SHA3_512, CKM_SHA3_512_HMAC, CKM_SHA3_512_HMAC_GENERAL, CKM_SHA3_512_KEY_GEN, CKK_SHA3_512_HMAC, 0 },
	{ HZ_KECCAK256, CKM_HANZO_KECCAK256, HZ_NO_MECH, HZ_NO_MECH, HZ_NO_MECH, HZ_NO_KEY_TYPE, 0 },
};
const size_t hz_sym_hash_count = sizeof hz_sym_hashes / sizeof hz_sym_hashes[0];

const struct hz_sym_hash *hz_sym_by_digest(CK_MECHANISM_TYPE m)
{
	for (size_t i = 0; i < hz_sym_hash_count; i++)
		if (hz_sym_hashes[i].digest == m)
			return &hz_sym_hashes[i];
	return NULL;
}

const struct hz_sym_hash *hz_sym_by_hmac(CK_MECHANISM_TYPE m)
{
	for (size_t i = 0; i < hz_sym_hash_count && m != HZ_NO_MECH; i++)
		if (hz_sym_hashes[i].hmac == m || hz_sym_hashes[i].hmac_general == m)
			return &hz_sym_hashes[i];
	return NULL;
}

const struct hz_sym_hash *hz_sym_by_key_type(CK_KEY_TYPE t)
{
	for (size_t i = 0; i < hz_sym_hash_count && t != HZ_NO_KEY_TYPE; i++)
		if (hz_sym_hashes[i].key_type == t)
			return &hz_sym_hashes[i];
	return NULL;
}

EVP_CIPHER *hz_sym_aes(size_t key_len, const char *mode)
{
	char name[32];

	if (key_len != 16 && key_len != 24 && key_len != 32)
		return NULL;
	snprintf(name, sizeof name, "AES-%zu-%s", key_len * 8, mode);
	return hz_cipher(name);
}

CK_RV hz_sym_no_param(const struct hz_mech *m)
{
	if (m->param == NULL && m->param_len == 0)
		return CKR_OK;
	return hz_fail(CKR_MECHANISM_PARAM_INVALID, "mechanism 0x%lx takes no parameter", m->type);
}

bool hz_sym_overlap(const void *a, size_t n, const void *b, size_t m)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return n != 0 && m != 0 && (x <= y ? y - x < n : x - y < m);
}

const uint8_t *hz_sym_settle(const uint8_t *in, size_t n, const uint8_t *out, size_t out_n, bool lag, uint8_t **copy)
{
	*copy = NULL;
	if ((in == out && !lag) || !hz_sym_overlap(in, n, out, out_n))
		return in;
	*copy = malloc(n);
	if (*copy != NULL)
		memcpy(*copy, in, n);
	return *copy;
}

void hz_sym_release(uint8_t *copy, size_t n)
{
	if (copy == NULL)
		return;
	hz_wipe(copy, n);
	free(copy);
}
