/* SPDX-License-Identifier: Apache-2.0 */
/* Every mechanism that the module can speak and the form of its parameter. */
#include <stddef.h>

#include "ck/mech_check.h"
#include "ck/mech_param.h"
#include "hanzo-pkcs11.h"

#define KIB 1024u
#define TEXT_MAX (64 * KIB)       /* labels, salts, contexts of key derivation */
#define AAD_MAX (16 * KIB * KIB)  /* associated data of an AEAD */

#define PTR(type, p, l, min, max) { offsetof(type, p), offsetof(type, l), min, max }

static const struct hz_form none = { .size = 0 };
static const struct hz_form iv16 = { .size = 16 };
static const struct hz_form iv8 = { .size = 8 };
static const struct hz_form iv8_optional = { .size = 8, .optional = true };
static const struct hz_form iv4_optional = { .size = 4, .optional = true };
static const struct hz_form mac_len = { .size = sizeof(CK_MAC_GENERAL_PARAMS), .check = hz_check_mac_len };
static const struct hz_form pss = { .size = sizeof(CK_RSA_PKCS_PSS_PARAMS), .check = hz_check_pss };

static const struct hz_form oaep = {
	.size = sizeof(CK_RSA_PKCS_OAEP_PARAMS), .check = hz_check_oaep, .n_ptrs = 1,
	.ptrs = { PTR(CK_RSA_PKCS_OAEP_PARAMS, pSourceData, ulSourceDataLen, 0, TEXT_MAX) }
};
static const struct hz_form rsa_aes = {
	.size = sizeof(CK_RSA_AES_KEY_WRAP_PARAMS), .nest = HZ_NEST_OAEP, .check = hz_check_rsa_aes
};
static const struct hz_form ecdh = {
	.size = sizeof(CK_ECDH1_DERIVE_PARAMS), .check = hz_check_ecdh, .n_ptrs = 2,
	.ptrs = { PTR(CK_ECDH1_DERIVE_PARAMS, pSharedData, ulSharedDataLen, 0, TEXT_MAX),
		  PTR(CK_ECDH1_DERIVE_PARAMS, pPublicData, ulPublicDataLen, 1, KIB) }
};
static const struct hz_form eddsa = {
	.size = sizeof(CK_EDDSA_PARAMS), .optional = true, .check = hz_check_eddsa, .n_ptrs = 1,
	.ptrs = { PTR(CK_EDDSA_PARAMS, pContextData, ulContextDataLen, 0, 255) }
};
static const struct hz_form context = {
	.size = sizeof(CK_SIGN_ADDITIONAL_CONTEXT), .optional = true, .check = hz_check_hedge, .n_ptrs = 1,
	.ptrs = { PTR(CK_SIGN_ADDITIONAL_CONTEXT, pContext, ulContextLen, 0, 255) }
};
static const struct hz_form hash_context = {
	.size = sizeof(CK_HASH_SIGN_ADDITIONAL_CONTEXT), .check = hz_check_hedge, .n_ptrs = 1,
	.ptrs = { PTR(CK_HASH_SIGN_ADDITIONAL_CONTEXT, pContext, ulContextLen, 0, 255) }
};
static const struct hz_form ctr = { .size = sizeof(CK_AES_CTR_PARAMS), .check = hz_check_ctr };
static const struct hz_form gcm = {
	.size = sizeof(CK_GCM_PARAMS), .size2 = sizeof(CK_GCM_PARAMS) - sizeof(CK_ULONG), .check = hz_check_gcm, .n_ptrs = 2,
	.ptrs = { PTR(CK_GCM_PARAMS, pIv, ulIvLen, 1, HZ_IV_MAX), PTR(CK_GCM_PARAMS, pAAD, ulAADLen, 0, AAD_MAX) }
};
static const struct hz_form ccm = {
	.size = sizeof(CK_CCM_PARAMS), .check = hz_check_ccm, .n_ptrs = 2,
	.ptrs = { PTR(CK_CCM_PARAMS, pNonce, ulNonceLen, 7, 13), PTR(CK_CCM_PARAMS, pAAD, ulAADLen, 0, AAD_MAX) }
};
static const struct hz_form chacha = {
	.size = sizeof(CK_SALSA20_CHACHA20_POLY1305_PARAMS), .check = hz_check_chacha, .n_ptrs = 2,
	.ptrs = { PTR(CK_SALSA20_CHACHA20_POLY1305_PARAMS, pNonce, ulNonceLen, 12, 12),
		  PTR(CK_SALSA20_CHACHA20_POLY1305_PARAMS, pAAD, ulAADLen, 0, AAD_MAX) }
};
static const struct hz_form hkdf = {
	.size = sizeof(CK_HKDF_PARAMS), .check = hz_check_hkdf, .n_ptrs = 2,
	.ptrs = { PTR(CK_HKDF_PARAMS, pSalt, ulSaltLen, 0, TEXT_MAX), PTR(CK_HKDF_PARAMS, pInfo, ulInfoLen, 0, TEXT_MAX) }
};
static const struct hz_form pbkd2 = {
	.size = sizeof(CK_PKCS5_PBKD2_PARAMS2), .secret = true, .check = hz_check_pbkd2, .n_ptrs = 3,
	.ptrs = { PTR(CK_PKCS5_PBKD2_PARAMS2, pSaltSourceData, ulSaltSourceDataLen, 0, TEXT_MAX),
		  PTR(CK_PKCS5_PBKD2_PARAMS2, pPrfData, ulPrfDataLen, 0, 0),
		  PTR(CK_PKCS5_PBKD2_PARAMS2, pPassword, ulPasswordLen, 0, TEXT_MAX) }
};
static const struct hz_form sp800 = {
	.size = sizeof(CK_SP800_108_KDF_PARAMS), .nest = HZ_NEST_SP800, .check = hz_check_sp800
};
static const struct hz_form ecies = {
	.size = sizeof(CK_HANZO_ECIES_PARAMS), .optional = true, .n_ptrs = 1,
	.ptrs = { PTR(CK_HANZO_ECIES_PARAMS, pAAD, ulAADLen, 0, AAD_MAX) }
};
static const struct hz_form delegate = {
	.size = sizeof(CK_HANZO_ECIES_DELEGATE_PARAMS), .n_ptrs = 1,
	.ptrs = { PTR(CK_HANZO_ECIES_DELEGATE_PARAMS, pEphemeralKey, ulEphemeralKeyLen, 33, 33) }
};
static const struct hz_form shamir = { .size = sizeof(CK_HANZO_SHAMIR_PARAMS), .check = hz_check_shamir };
static const struct hz_form refresh = { .size = sizeof(CK_HANZO_SHARE_REFRESH_PARAMS) };
static const struct hz_form eip712 = { .size = sizeof(CK_HANZO_EIP712_PARAMS), .optional = true, .check = hz_check_eip712 };
static const struct hz_form subject = { .size = sizeof(CK_HANZO_CERT_SUBJECT_PARAMS) };

/* Ascending by mechanism; a unit test holds that. */
static const struct { CK_MECHANISM_TYPE type; const struct hz_form *form; } table[] = {
	{ CKM_RSA_PKCS_KEY_PAIR_GEN, &none },
	{ CKM_RSA_PKCS, &none },
	{ CKM_RSA_X_509, &none },
	{ CKM_SHA1_RSA_PKCS, &none },
	{ CKM_RSA_PKCS_OAEP, &oaep },
	{ CKM_RSA_PKCS_PSS, &pss },
	{ CKM_SHA1_RSA_PKCS_PSS, &pss },
	{ CKM_ML_KEM_KEY_PAIR_GEN, &none },
	{ CKM_ML_KEM, &none },
	{ CKM_ML_DSA_KEY_PAIR_GEN, &none },
	{ CKM_ML_DSA, &context },
	{ CKM_HASH_ML_DSA, &hash_context },
	{ CKM_HASH_ML_DSA_SHA224, &context },
	{ CKM_HASH_ML_DSA_SHA256, &context },
	{ CKM_HASH_ML_DSA_SHA384, &context },
	{ CKM_HASH_ML_DSA_SHA512, &context },
	{ CKM_HASH_ML_DSA_SHA3_224, &context },
	{ CKM_HASH_ML_DSA_SHA3_256, &context },
	{ CKM_HASH_ML_DSA_SHA3_384, &context },
	{ CKM_HASH_ML_DSA_SHA3_512, &context },
	{ CKM_HASH_ML_DSA_SHAKE128, &context },
	{ CKM_HASH_ML_DSA_SHAKE256, &context },
	{ CKM_SHA256_RSA_PKCS, &none },
	{ CKM_SHA384_RSA_PKCS, &none },
	{ CKM_SHA512_RSA_PKCS, &none },
	{ CKM_SHA256_RSA_PKCS_PSS, &pss },
	{ CKM_SHA384_RSA_PKCS_PSS, &pss },
	{ CKM_SHA512_RSA_PKCS_PSS, &pss },
	{ CKM_SHA224_RSA_PKCS, &none },
	{ CKM_SHA224_RSA_PKCS_PSS, &pss },
	{ CKM_SHA512_224, &none },
	{ CKM_SHA512_224_HMAC, &none },
	{ CKM_SHA512_224_HMAC_GENERAL, &mac_len },
	{ CKM_SHA512_256, &none },
	{ CKM_SHA512_256_HMAC, &none },
	{ CKM_SHA512_256_HMAC_GENERAL, &mac_len },
	{ CKM_SHA3_256_RSA_PKCS, &none },
	{ CKM_SHA3_384_RSA_PKCS, &none },
	{ CKM_SHA3_512_RSA_PKCS, &none },
	{ CKM_SHA3_256_RSA_PKCS_PSS, &pss },
	{ CKM_SHA3_384_RSA_PKCS_PSS, &pss },
	{ CKM_SHA3_512_RSA_PKCS_PSS, &pss },
	{ CKM_SHA3_224_RSA_PKCS, &none },
	{ CKM_SHA3_224_RSA_PKCS_PSS, &pss },
	{ CKM_DES3_KEY_GEN, &none },
	{ CKM_DES3_ECB, &none },
	{ CKM_DES3_CBC, &iv8 },
	{ CKM_DES3_CBC_PAD, &iv8 },
	{ CKM_SHA_1, &none },
	{ CKM_SHA_1_HMAC, &none },
	{ CKM_SHA_1_HMAC_GENERAL, &mac_len },
	{ CKM_SHA256, &none },
	{ CKM_SHA256_HMAC, &none },
	{ CKM_SHA256_HMAC_GENERAL, &mac_len },
	{ CKM_SHA224, &none },
	{ CKM_SHA224_HMAC, &none },
	{ CKM_SHA224_HMAC_GENERAL, &mac_len },
	{ CKM_SHA384, &none },
	{ CKM_SHA384_HMAC, &none },
	{ CKM_SHA384_HMAC_GENERAL, &mac_len },
	{ CKM_SHA512, &none },
	{ CKM_SHA512_HMAC, &none },
	{ CKM_SHA512_HMAC_GENERAL, &mac_len },
	{ CKM_SHA3_256, &none },
	{ CKM_SHA3_256_HMAC, &none },
	{ CKM_SHA3_256_HMAC_GENERAL, &mac_len },
	{ CKM_SHA3_256_KEY_GEN, &none },
	{ CKM_SHA3_224, &none },
	{ CKM_SHA3_224_HMAC, &none },
	{ CKM_SHA3_224_HMAC_GENERAL, &mac_len },
	{ CKM_SHA3_224_KEY_GEN, &none },
	{ CKM_SHA3_384, &none },
	{ CKM_SHA3_384_HMAC, &none },
	{ CKM_SHA3_384_HMAC_GENERAL, &mac_len },
	{ CKM_SHA3_384_KEY_GEN, &none },
	{ CKM_SHA3_512, &none },
	{ CKM_SHA3_512_HMAC, &none },
	{ CKM_SHA3_512_HMAC_GENERAL, &mac_len },
	{ CKM_SHA3_512_KEY_GEN, &none },
	{ CKM_GENERIC_SECRET_KEY_GEN, &none },
	{ CKM_SP800_108_COUNTER_KDF, &sp800 },
	{ CKM_PKCS5_PBKD2, &pbkd2 },
	{ CKM_EC_KEY_PAIR_GEN, &none },
	{ CKM_ECDSA, &none },
	{ CKM_ECDSA_SHA1, &none },
	{ CKM_ECDSA_SHA224, &none },
	{ CKM_ECDSA_SHA256, &none },
	{ CKM_ECDSA_SHA384, &none },
	{ CKM_ECDSA_SHA512, &none },
	{ CKM_ECDSA_SHA3_224, &none },
	{ CKM_ECDSA_SHA3_256, &none },
	{ CKM_ECDSA_SHA3_384, &none },
	{ CKM_ECDSA_SHA3_512, &none },
	{ CKM_ECDH1_DERIVE, &ecdh },
	{ CKM_ECDH1_COFACTOR_DERIVE, &ecdh },
	{ CKM_RSA_AES_KEY_WRAP, &rsa_aes },
	{ CKM_EC_EDWARDS_KEY_PAIR_GEN, &none },
	{ CKM_EC_MONTGOMERY_KEY_PAIR_GEN, &none },
	{ CKM_EDDSA, &eddsa },
	{ CKM_AES_KEY_GEN, &none },
	{ CKM_AES_ECB, &none },
	{ CKM_AES_CBC, &iv16 },
	{ CKM_AES_CBC_PAD, &iv16 },
	{ CKM_AES_CTR, &ctr },
	{ CKM_AES_GCM, &gcm },
	{ CKM_AES_CCM, &ccm },
	{ CKM_AES_CMAC, &none },
	{ CKM_AES_CMAC_GENERAL, &mac_len },
	{ CKM_CHACHA20_KEY_GEN, &none },
	{ CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS, &none },
	{ CKM_AES_KEY_WRAP, &iv8_optional },
	{ CKM_AES_KEY_WRAP_KWP, &iv4_optional },
	{ CKM_SHA_1_KEY_GEN, &none },
	{ CKM_SHA224_KEY_GEN, &none },
	{ CKM_SHA256_KEY_GEN, &none },
	{ CKM_SHA384_KEY_GEN, &none },
	{ CKM_SHA512_KEY_GEN, &none },
	{ CKM_SHA512_224_KEY_GEN, &none },
	{ CKM_SHA512_256_KEY_GEN, &none },
	{ CKM_CHACHA20_POLY1305, &chacha },
	{ CKM_HKDF_DERIVE, &hkdf },
	{ CKM_HKDF_DATA, &hkdf },
	{ CKM_HKDF_KEY_GEN, &none },
	{ CKM_PUB_KEY_FROM_PRIV_KEY, &none },
	{ CKM_HANZO_ECIES, &ecies },
	{ CKM_HANZO_ECIES_DELEGATE, &delegate },
	{ CKM_HANZO_ECIES_PARTIAL, &delegate },
	{ CKM_HANZO_SHAMIR_SHARE, &shamir },
	{ CKM_HANZO_SHARE_REFRESH, &refresh },
	{ CKM_HANZO_POAI, &eip712 },
	{ CKM_HANZO_HMM_SETTLEMENT, &eip712 },
	{ CKM_HANZO_EIP712, &none },
	{ CKM_HANZO_ECDSA_RECOVERABLE, &none },
	{ CKM_HANZO_ECDSA_KECCAK256, &none },
	{ CKM_HANZO_KECCAK256, &none },
	{ CKM_HANZO_CERT_SUBJECT, &subject },
	{ CKM_HANZO_SCHNORR_BIP340, &none },
	{ CKM_HANZO_MODEL_WEIGHTS, &none },
	{ CKM_HANZO_KMS_BLOB, &none },
};

const struct hz_form *
hz_form_of(CK_MECHANISM_TYPE type)
{
	size_t lo = 0, hi = sizeof table / sizeof *table;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (table[mid].type == type)
			return table[mid].form;
		if (table[mid].type < type)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}
