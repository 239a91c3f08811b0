/* SPDX-License-Identifier: Apache-2.0 */
/* What each class and key type consists of: PKCS#11 3.2 chapters 4 and 6, and the attributes of hanzo-pkcs11.h. */
#include "ck/schema_table.h"

#include <stddef.h>

#include "hanzo-pkcs11.h"

#define END HZ_ROW_END
#define NEED_CREATE HZ_R_NEED_CREATE
#define NO_CREATE HZ_R_NO_CREATE
#define NEED_GEN HZ_R_NEED_GEN
#define NO_GEN HZ_R_NO_GEN
#define NO_UNWRAP HZ_R_NO_UNWRAP
#define NO_DERIVE HZ_R_NO_DERIVE
#define SECRET HZ_R_SECRET
#define SET HZ_R_SET
#define SO HZ_R_SO
#define UP HZ_R_UP
#define DOWN HZ_R_DOWN
#define COPY HZ_R_COPY
#define TIGHTEN HZ_R_TIGHTEN
#define FULL HZ_R_FULL
#define MADE HZ_R_MADE
/* Key material: comes from the caller at C_CreateObject only. */
#define MATERIAL (NO_GEN | NO_UNWRAP | NO_DERIVE | FULL)

/* Every object that is stored (4.4). CKA_COPYABLE may be cleared later, and not set again. */
static const struct hz_row storage[] = {
	{ CKA_CLASS, 0, HZ_D_NONE },
	{ CKA_TOKEN, COPY, HZ_D_FALSE },
	{ CKA_PRIVATE, COPY | UP, HZ_D_PRIVATE },
	{ CKA_MODIFIABLE, COPY, HZ_D_TRUE },
	{ CKA_LABEL, SET, HZ_D_EMPTY },
	{ CKA_COPYABLE, SET | DOWN, HZ_D_TRUE },
	{ CKA_DESTROYABLE, COPY, HZ_D_TRUE },
	{ CKA_UNIQUE_ID, MADE, HZ_D_NONE },
	{ CKA_HANZO_TIER, MADE, HZ_D_NONE },
	{ CKA_HANZO_EFFECTIVE_TIER, MADE, HZ_D_NONE },
	{ CKA_HANZO_TENANT, 0, HZ_D_NONE },
	END
};

static const struct hz_row data[] = {
	{ CKA_APPLICATION, SET, HZ_D_EMPTY },
	{ CKA_OBJECT_ID, SET, HZ_D_EMPTY },
	{ CKA_VALUE, SET | NO_DERIVE, HZ_D_EMPTY },
	END
};

static const struct hz_row certificate[] = {
	{ CKA_CERTIFICATE_TYPE, NEED_CREATE, HZ_D_NONE },
	{ CKA_TRUSTED, SO, HZ_D_FALSE },
	{ CKA_CERTIFICATE_CATEGORY, 0, HZ_D_ZERO },
	{ CKA_CHECK_VALUE, 0, HZ_D_NONE },
	{ CKA_START_DATE, 0, HZ_D_EMPTY },
	{ CKA_END_DATE, 0, HZ_D_EMPTY },
	{ CKA_PUBLIC_KEY_INFO, 0, HZ_D_NONE },
	END
};

/* 4.6.3; CKA_VALUE or CKA_URL is needed, see hz_schema_values. */
static const struct hz_row x509[] = {
	{ CKA_SUBJECT, NEED_CREATE, HZ_D_NONE },
	{ CKA_ID, SET, HZ_D_EMPTY },
	{ CKA_ISSUER, SET, HZ_D_EMPTY },
	{ CKA_SERIAL_NUMBER, SET, HZ_D_EMPTY },
	{ CKA_VALUE, 0, HZ_D_EMPTY },
	{ CKA_URL, 0, HZ_D_EMPTY },
	{ CKA_HASH_OF_SUBJECT_PUBLIC_KEY, 0, HZ_D_EMPTY },
	{ CKA_HASH_OF_ISSUER_PUBLIC_KEY, 0, HZ_D_EMPTY },
	{ CKA_JAVA_MIDP_SECURITY_DOMAIN, 0, HZ_D_ZERO },
	{ CKA_NAME_HASH_ALGORITHM, 0, HZ_D_SHA1 },
	END
};

/* 4.6.5 */
static const struct hz_row x509_attr[] = {
	{ CKA_OWNER, NEED_CREATE, HZ_D_NONE },
	{ CKA_AC_ISSUER, SET, HZ_D_EMPTY },
	{ CKA_SERIAL_NUMBER, SET, HZ_D_EMPTY },
	{ CKA_ATTR_TYPES, 0, HZ_D_EMPTY },
	{ CKA_VALUE, NEED_CREATE | FULL, HZ_D_NONE },
	END
};

/* 4.7 */
static const struct hz_row key[] = {
	{ CKA_KEY_TYPE, 0, HZ_D_NONE },
	{ CKA_ID, SET, HZ_D_EMPTY },
	{ CKA_START_DATE, SET, HZ_D_EMPTY },
	{ CKA_END_DATE, SET, HZ_D_EMPTY },
	{ CKA_DERIVE, SET, HZ_D_FALSE },
	{ CKA_LOCAL, MADE, HZ_D_LOCAL },
	{ CKA_KEY_GEN_MECHANISM, MADE, HZ_D_GEN_MECH },
	{ CKA_ALLOWED_MECHANISMS, 0, HZ_D_NONE },
	{ CKA_OBJECT_VALIDATION_FLAGS, MADE, HZ_D_ZERO },
	{ CKA_HANZO_KEYSPACE, 0, HZ_D_NONE },
	{ CKA_HANZO_KEY_VERSION, MADE, HZ_D_NONE },
	{ CKA_HANZO_ROTATE_DAYS, SET, HZ_D_NONE },
	{ CKA_HANZO_RATE_LIMIT, TIGHTEN, HZ_D_NONE },
	{ CKA_HANZO_USES_LEFT, TIGHTEN, HZ_D_NONE },
	{ CKA_HANZO_LANE, MADE, HZ_D_NONE },
	{ CKA_HANZO_KEY_ATTESTATION, MADE, HZ_D_NONE },
	END
};

/* 4.8 */
static const struct hz_row public_key[] = {
	{ CKA_SUBJECT, SET, HZ_D_EMPTY },
	{ CKA_ENCRYPT, SET, HZ_D_USAGE },
	{ CKA_VERIFY, SET, HZ_D_USAGE },
	{ CKA_VERIFY_RECOVER, SET, HZ_D_USAGE },
	{ CKA_WRAP, SET, HZ_D_USAGE },
	{ CKA_ENCAPSULATE, SET, HZ_D_USAGE },
	{ CKA_TRUSTED, SO, HZ_D_FALSE },
	{ CKA_WRAP_TEMPLATE, 0, HZ_D_NONE },
	{ CKA_ENCAPSULATE_TEMPLATE, 0, HZ_D_NONE },
	{ CKA_PUBLIC_KEY_INFO, NO_GEN, HZ_D_NONE },
	END
};

/* 4.9 */
static const struct hz_row private_key[] = {
	{ CKA_SUBJECT, SET, HZ_D_EMPTY },
	{ CKA_SENSITIVE, SET | UP, HZ_D_SENSITIVE },
	{ CKA_DECRYPT, SET, HZ_D_USAGE },
	{ CKA_SIGN, SET, HZ_D_USAGE },
	{ CKA_SIGN_RECOVER, SET, HZ_D_USAGE },
	{ CKA_UNWRAP, SET, HZ_D_USAGE },
	{ CKA_DECAPSULATE, SET, HZ_D_USAGE },
	{ CKA_EXTRACTABLE, SET | DOWN, HZ_D_EXTRACTABLE },
	{ CKA_ALWAYS_SENSITIVE, MADE, HZ_D_ALWAYS },
	{ CKA_NEVER_EXTRACTABLE, MADE, HZ_D_NEVER },
	{ CKA_WRAP_WITH_TRUSTED, SET | UP, HZ_D_FALSE },
	{ CKA_UNWRAP_TEMPLATE, 0, HZ_D_NONE },
	{ CKA_DERIVE_TEMPLATE, 0, HZ_D_NONE },
	{ CKA_DECAPSULATE_TEMPLATE, 0, HZ_D_NONE },
	{ CKA_ALWAYS_AUTHENTICATE, 0, HZ_D_FALSE },
	{ CKA_PUBLIC_KEY_INFO, NO_GEN | NO_UNWRAP, HZ_D_NONE },
	END
};

/* 4.10 */
static const struct hz_row secret_key[] = {
	{ CKA_SENSITIVE, SET | UP, HZ_D_SENSITIVE },
	{ CKA_ENCRYPT, SET, HZ_D_USAGE },
	{ CKA_DECRYPT, SET, HZ_D_USAGE },
	{ CKA_SIGN, SET, HZ_D_USAGE },
	{ CKA_VERIFY, SET, HZ_D_USAGE },
	{ CKA_WRAP, SET, HZ_D_USAGE },
	{ CKA_UNWRAP, SET, HZ_D_USAGE },
	{ CKA_EXTRACTABLE, SET | DOWN, HZ_D_EXTRACTABLE },
	{ CKA_ALWAYS_SENSITIVE, MADE, HZ_D_ALWAYS },
	{ CKA_NEVER_EXTRACTABLE, MADE, HZ_D_NEVER },
	{ CKA_CHECK_VALUE, 0, HZ_D_NONE },
	{ CKA_WRAP_WITH_TRUSTED, SET | UP, HZ_D_FALSE },
	{ CKA_TRUSTED, SO, HZ_D_FALSE },
	{ CKA_WRAP_TEMPLATE, 0, HZ_D_NONE },
	{ CKA_UNWRAP_TEMPLATE, 0, HZ_D_NONE },
	{ CKA_DERIVE_TEMPLATE, 0, HZ_D_NONE },
	END
};

/* 6.1.2, 6.1.3. CKA_MODULUS_BITS is accepted at C_CreateObject when it is right. */
static const struct hz_row rsa_public[] = {
	{ CKA_MODULUS, NEED_CREATE | MATERIAL, HZ_D_NONE },
	{ CKA_MODULUS_BITS, NEED_GEN, HZ_D_NONE },
	{ CKA_PUBLIC_EXPONENT, NEED_CREATE | NO_UNWRAP | NO_DERIVE | FULL, HZ_D_NONE },
	END
};

static const struct hz_row rsa_private[] = {
	{ CKA_MODULUS, NEED_CREATE | MATERIAL, HZ_D_NONE },
	{ CKA_PUBLIC_EXPONENT, MATERIAL, HZ_D_NONE },
	{ CKA_PRIVATE_EXPONENT, NEED_CREATE | MATERIAL | SECRET, HZ_D_NONE },
	{ CKA_PRIME_1, MATERIAL | SECRET, HZ_D_NONE },
	{ CKA_PRIME_2, MATERIAL | SECRET, HZ_D_NONE },
	{ CKA_EXPONENT_1, MATERIAL | SECRET, HZ_D_NONE },
	{ CKA_EXPONENT_2, MATERIAL | SECRET, HZ_D_NONE },
	{ CKA_COEFFICIENT, MATERIAL | SECRET, HZ_D_NONE },
	END
};

/* 6.3.3 to 6.3.8: EC, Edwards and Montgomery keys look alike. */
static const struct hz_row ec_public[] = {
	{ CKA_EC_PARAMS, NEED_CREATE | NEED_GEN | NO_UNWRAP | FULL, HZ_D_NONE },
	{ CKA_EC_POINT, NEED_CREATE | MATERIAL, HZ_D_NONE },
	END
};

static const struct hz_row ec_private[] = {
	{ CKA_EC_PARAMS, NEED_CREATE | MATERIAL, HZ_D_NONE },
	{ CKA_VALUE, NEED_CREATE | MATERIAL | SECRET, HZ_D_NONE },
	END
};

/* CKK_EC alone: secp256k1 keys have an address, threshold shares are CKK_EC private keys that C_UnwrapKey makes. */
static const struct hz_row ec_hanzo_public[] = {
	{ CKA_HANZO_ADDRESS, MADE, HZ_D_NONE },
	END
};

static const struct hz_row ec_hanzo_private[] = {
	{ CKA_HANZO_ADDRESS, MADE, HZ_D_NONE },
	{ CKA_HANZO_SHARE_INDEX, NO_CREATE | NO_GEN | NO_DERIVE, HZ_D_NONE },
	{ CKA_HANZO_SHARE_THRESHOLD, MADE, HZ_D_NONE },
	END
};

/* 3.2 section 6: ML-DSA and ML-KEM; a private key is CKA_VALUE, CKA_SEED or both, see hz_schema_values. */
static const struct hz_row ml_public[] = {
	{ CKA_PARAMETER_SET, NEED_CREATE | NEED_GEN, HZ_D_NONE },
	{ CKA_VALUE, NEED_CREATE | MATERIAL, HZ_D_NONE },
	END
};

static const struct hz_row ml_private[] = {
	{ CKA_PARAMETER_SET, NEED_CREATE | NO_UNWRAP | NO_DERIVE, HZ_D_NONE },
	{ CKA_SEED, MATERIAL | SECRET, HZ_D_NONE },
	{ CKA_VALUE, MATERIAL | SECRET, HZ_D_NONE },
	END
};

/* Secret keys of a chosen length. CKA_VALUE_LEN is accepted beside CKA_VALUE and at C_UnwrapKey when it is right. */
static const struct hz_row sized[] = {
	{ CKA_VALUE, NEED_CREATE | MATERIAL | SECRET, HZ_D_NONE },
	{ CKA_VALUE_LEN, NEED_GEN, HZ_D_NONE },
	END
};

/* ChaCha20: one length. */
static const struct hz_row fixed[] = {
	{ CKA_VALUE, NEED_CREATE | MATERIAL | SECRET, HZ_D_NONE },
	{ CKA_VALUE_LEN, 0, HZ_D_NONE },
	END
};

/* Objects that the module shows and nobody creates (4.3, 4.11, 4.13). */
static const struct hz_row hw_feature[] = {
	{ CKA_CLASS, MADE, HZ_D_NONE },
	{ CKA_HW_FEATURE_TYPE, MADE, HZ_D_NONE },
	{ CKA_HANZO_CHALLENGE, MADE, HZ_D_NONE },
	{ CKA_HANZO_EVIDENCE, MADE | SET, HZ_D_NONE },
	END
};

static const struct hz_row profile[] = {
	{ CKA_CLASS, MADE, HZ_D_NONE },
	{ CKA_PROFILE_ID, MADE, HZ_D_NONE },
	END
};

static const struct hz_row mechanism[] = {
	{ CKA_CLASS, MADE, HZ_D_NONE },
	{ CKA_MECHANISM_TYPE, MADE, HZ_D_NONE },
	END
};

#define SIGN_BOTH (HZ_U_SIGN | HZ_U_VERIFY)
#define CRYPT_BOTH (HZ_U_ENCRYPT | HZ_U_DECRYPT)
#define DEF(cls, sub, usage, ...) { cls, sub, usage, { 0, 0, 0 }, { 0, 0, 0, 0 }, { storage, __VA_ARGS__ } }
#define PUB(sub, usage, ...) DEF(CKO_PUBLIC_KEY, sub, usage, key, public_key, __VA_ARGS__)
#define PRIV(sub, usage, ...) DEF(CKO_PRIVATE_KEY, sub, usage, key, private_key, __VA_ARGS__)
#define SEC(sub, usage, part) DEF(CKO_SECRET_KEY, sub, usage, key, secret_key, part)
#define SEC_LEN(sub, usage, part, a, b, c)                                                                             \
	{ CKO_SECRET_KEY, sub, usage, { a, b, c }, { 0, 0, 0, 0 }, { storage, key, secret_key, part } }
#define ML(cls, common, sub, usage, part, seed, a, b, c)                                                               \
	{ cls, sub, usage, { 0, 0, 0 }, { seed, a, b, c }, { storage, key, common, part } }
#define SHOWN(cls, part) { cls, HZ_ANY_SUB, 0, { 0, 0, 0 }, { 0, 0, 0, 0 }, { part } }

/*
 * The usage that a key gets when the template is silent is what its type is for. AES keys encrypt and authenticate, and wrap
 * only when asked to: a key that both wraps and decrypts by default would give away what it wraps.
 */
static const struct hz_def defs[] = {
	DEF(CKO_DATA, HZ_ANY_SUB, 0, data),
	DEF(CKO_CERTIFICATE, CKC_X_509, 0, certificate, x509),
	DEF(CKO_CERTIFICATE, CKC_X_509_ATTR_CERT, 0, certificate, x509_attr),

	PUB(CKK_RSA, HZ_U_ENCRYPT | HZ_U_VERIFY | HZ_U_VERIFY_RECOVER | HZ_U_WRAP, rsa_public),
	PUB(CKK_EC, HZ_U_VERIFY, ec_public, ec_hanzo_public),
	PUB(CKK_EC_EDWARDS, HZ_U_VERIFY, ec_public),
	PUB(CKK_EC_MONTGOMERY, 0, ec_public),
	ML(CKO_PUBLIC_KEY, public_key, CKK_ML_DSA, HZ_U_VERIFY, ml_public, 0, 1312, 1952, 2592),
	ML(CKO_PUBLIC_KEY, public_key, CKK_ML_KEM, HZ_U_ENCAPSULATE, ml_public, 0, 800, 1184, 1568),

	PRIV(CKK_RSA, HZ_U_DECRYPT | HZ_U_SIGN | HZ_U_SIGN_RECOVER | HZ_U_UNWRAP, rsa_private),
	PRIV(CKK_EC, HZ_U_SIGN, ec_private, ec_hanzo_private),
	PRIV(CKK_EC_EDWARDS, HZ_U_SIGN, ec_private),
	PRIV(CKK_EC_MONTGOMERY, 0, ec_private),
	ML(CKO_PRIVATE_KEY, private_key, CKK_ML_DSA, HZ_U_SIGN, ml_private, 32, 2560, 4032, 4896),
	ML(CKO_PRIVATE_KEY, private_key, CKK_ML_KEM, HZ_U_DECAPSULATE, ml_private, 64, 1632, 2400, 3168),

	SEC_LEN(CKK_AES, CRYPT_BOTH | SIGN_BOTH, sized, 16, 24, 32),
	SEC_LEN(CKK_CHACHA20, CRYPT_BOTH, fixed, 32, 0, 0),
	SEC(CKK_GENERIC_SECRET, SIGN_BOTH, sized),
	SEC(CKK_HKDF, 0, sized),
	SEC(CKK_SHA_1_HMAC, SIGN_BOTH, sized),
	SEC(CKK_SHA224_HMAC, SIGN_BOTH, sized),
	SEC(CKK_SHA256_HMAC, SIGN_BOTH, sized),
	SEC(CKK_SHA384_HMAC, SIGN_BOTH, sized),
	SEC(CKK_SHA512_HMAC, SIGN_BOTH, sized),
	SEC(CKK_SHA512_224_HMAC, SIGN_BOTH, sized),
	SEC(CKK_SHA512_256_HMAC, SIGN_BOTH, sized),
	SEC(CKK_SHA3_224_HMAC, SIGN_BOTH, sized),
	SEC(CKK_SHA3_256_HMAC, SIGN_BOTH, sized),
	SEC(CKK_SHA3_384_HMAC, SIGN_BOTH, sized),
	SEC(CKK_SHA3_512_HMAC, SIGN_BOTH, sized),

	SHOWN(CKO_HW_FEATURE, hw_feature),
	SHOWN(CKO_PROFILE, profile),
	SHOWN(CKO_MECHANISM, mechanism),
};

const struct hz_def *
hz_def_find(CK_OBJECT_CLASS cls, CK_ULONG sub)
{
	for (size_t i = 0; i < sizeof defs / sizeof *defs; i++) {
		if (defs[i].cls == cls && (defs[i].sub == HZ_ANY_SUB || defs[i].sub == sub))
			return &defs[i];
	}
	return NULL;
}

const struct hz_row *
hz_def_row(const struct hz_def *def, CK_ATTRIBUTE_TYPE type)
{
	for (size_t p = 0; p < HZ_DEF_PARTS && def->parts[p] != NULL; p++) {
		for (const struct hz_row *r = def->parts[p]; r->type != (CK_ATTRIBUTE_TYPE)-1; r++) {
			if (r->type == type)
				return r;
		}
	}
	return NULL;
}

const struct hz_def *
hz_def_of(const struct hz_attrs *object)
{
	CK_OBJECT_CLASS cls = hz_attrs_ulong(object, CKA_CLASS, (CK_ULONG)-1);
	CK_ATTRIBUTE_TYPE sub = cls == CKO_CERTIFICATE ? CKA_CERTIFICATE_TYPE : CKA_KEY_TYPE;

	return hz_def_find(cls, hz_attrs_ulong(object, sub, (CK_ULONG)-1));
}
