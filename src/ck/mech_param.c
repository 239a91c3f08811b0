/* SPDX-License-Identifier: Apache-2.0 */
/* Values of parameter structures: each function checks a private copy and brings it into its one form. */
#include "ck/mech_param.h"

#include <string.h>

#include "hanzo-pkcs11.h"
#include "ck/mech_check.h"

static bool
is_bool(CK_BBOOL b)
{
	return b == CK_TRUE || b == CK_FALSE;
}

/* Zero the padding that follows a field, so that equal values are equal bytes. */
#define CLEAR_GAP(s, from, to)                                                                                         \
	memset((unsigned char *)(s) + offsetof(__typeof__(*(s)), from) + sizeof (s)->from, 0,                          \
	       offsetof(__typeof__(*(s)), to) - offsetof(__typeof__(*(s)), from) - sizeof (s)->from)

bool
hz_check_mac_len(void *copy, size_t len)
{
	CK_ULONG v;

	memcpy(&v, copy, sizeof v);
	(void)len;
	return v >= 1 && v <= 64;
}

bool
hz_check_pss(void *copy, size_t len)
{
	const CK_RSA_PKCS_PSS_PARAMS *p = copy;

	(void)len;
	return p->sLen <= 1024; /* 8192-bit keys */
}

/* RFC 8017 appendix A.2.1 and what OpenSSL makes of it: MGF1 with the hash of the label. 0: not one of these. */
static CK_RSA_PKCS_MGF_TYPE
mgf1_of(CK_MECHANISM_TYPE hash)
{
	static const struct {
		CK_MECHANISM_TYPE hash;
		CK_RSA_PKCS_MGF_TYPE mgf;
	} pairs[] = {
		{ CKM_SHA_1, CKG_MGF1_SHA1 }, { CKM_SHA224, CKG_MGF1_SHA224 }, { CKM_SHA256, CKG_MGF1_SHA256 },
		{ CKM_SHA384, CKG_MGF1_SHA384 }, { CKM_SHA512, CKG_MGF1_SHA512 }, { CKM_SHA3_224, CKG_MGF1_SHA3_224 },
		{ CKM_SHA3_256, CKG_MGF1_SHA3_256 }, { CKM_SHA3_384, CKG_MGF1_SHA3_384 }, { CKM_SHA3_512, CKG_MGF1_SHA3_512 },
	};

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		if (pairs[i].hash == hash)
			return pairs[i].mgf;
	return 0;
}

/* pkcs11-provider 1.0 leaves at 0 what its caller did not name, where RFC 8017 has defaults: SHA-1, and MGF1 with the same hash. */
bool
hz_check_oaep(void *copy, size_t len)
{
	CK_RSA_PKCS_OAEP_PARAMS *p = copy;

	(void)len;
	if (p->hashAlg == 0)
		p->hashAlg = CKM_SHA_1;
	if (p->mgf == 0)
		p->mgf = mgf1_of(p->hashAlg);
	if (p->source != CKZ_DATA_SPECIFIED && (p->source != 0 || p->ulSourceDataLen != 0))
		return false;
	p->source = CKZ_DATA_SPECIFIED;
	return true;
}

bool
hz_check_rsa_aes(void *copy, size_t len)
{
	const CK_RSA_AES_KEY_WRAP_PARAMS *p = copy;

	(void)len;
	return p->pOAEPParams != NULL && (p->ulAESKeyBits == 128 || p->ulAESKeyBits == 192 || p->ulAESKeyBits == 256);
}

/* 6.3.18: without a key derivation function there is no shared data. */
bool
hz_check_ecdh(void *copy, size_t len)
{
	const CK_ECDH1_DERIVE_PARAMS *p = copy;

	(void)len;
	return p->kdf != CKD_NULL || p->ulSharedDataLen == 0;
}

bool
hz_check_eddsa(void *copy, size_t len)
{
	CK_EDDSA_PARAMS *p = copy;

	(void)len;
	CLEAR_GAP(p, phFlag, ulContextDataLen);
	return is_bool(p->phFlag);
}

bool
hz_check_hedge(void *copy, size_t len)
{
	const CK_SIGN_ADDITIONAL_CONTEXT *p = copy; /* CK_HASH_SIGN_ADDITIONAL_CONTEXT begins like it */

	(void)len;
	return p->hedgeVariant <= CKH_DETERMINISTIC_REQUIRED;
}

bool
hz_check_ctr(void *copy, size_t len)
{
	const CK_AES_CTR_PARAMS *p = copy;

	(void)len;
	return p->ulCounterBits >= 1 && p->ulCounterBits <= 128;
}

/* NIST SP 800-38D section 5.2.1.2, in bits. */
static bool
gcm_tag_ok(CK_ULONG bits)
{
	return bits == 32 || bits == 64 || (bits >= 96 && bits <= 128 && bits % 8 == 0);
}

bool
hz_check_gcm(void *copy, size_t len)
{
	CK_GCM_PARAMS *p = copy;

	if (len != sizeof *p) { /* the form of the first 2.40 headers, without ulIvBits */
		memmove(&p->pAAD, &p->ulIvBits, sizeof *p - offsetof(CK_GCM_PARAMS, pAAD));
		p->ulIvBits = 0;
	}
	if (p->ulIvLen == 0 || p->ulIvLen > HZ_IV_MAX || !gcm_tag_ok(p->ulTagBits))
		return false;
	if (p->ulIvBits != 0 && p->ulIvBits <= 8 * HZ_IV_MAX && p->ulIvBits != 8 * p->ulIvLen)
		return false;
	p->ulIvBits = 8 * p->ulIvLen;
	return true;
}

/* NIST SP 800-38C: the length of the data is written in the 15 - n bytes that the nonce leaves. */
static bool
ccm_ok(CK_ULONG data, CK_ULONG nonce, CK_ULONG mac)
{
	if (nonce < 7 || nonce > 13 || mac < 4 || mac > 16 || mac % 2 != 0)
		return false;
	return nonce == 7 || data >> (8 * (15 - nonce)) == 0;
}

bool
hz_check_ccm(void *copy, size_t len)
{
	const CK_CCM_PARAMS *p = copy;

	(void)len;
	return ccm_ok(p->ulDataLen, p->ulNonceLen, p->ulMACLen);
}

bool
hz_check_chacha(void *copy, size_t len)
{
	CK_SALSA20_CHACHA20_POLY1305_PARAMS *p = copy;

	(void)len;
	if (p->ulNonceLen == 96) /* 6.61 counts bits, most callers bytes */
		p->ulNonceLen = 12;
	return p->ulNonceLen == 12;
}

bool
hz_check_hkdf(void *copy, size_t len)
{
	CK_HKDF_PARAMS *p = copy;

	(void)len;
	if (!is_bool(p->bExtract) || !is_bool(p->bExpand) || (!p->bExtract && !p->bExpand))
		return false;
	CLEAR_GAP(p, bExpand, prfHashMechanism);
	switch (p->ulSaltType) {
	case CKF_HKDF_SALT_NULL:
		return p->ulSaltLen == 0;
	case CKF_HKDF_SALT_DATA:
		return true;
	case CKF_HKDF_SALT_KEY:
		return p->ulSaltLen == 0;
	default:
		return !p->bExtract && p->ulSaltType == 0 && p->ulSaltLen == 0; /* nothing is extracted: no salt */
	}
}

/* 10,000,000 iterations take some seconds; what asks for more only hangs its caller. */
bool
hz_check_pbkd2(void *copy, size_t len)
{
	const CK_PKCS5_PBKD2_PARAMS2 *p = copy;

	(void)len;
	return p->saltSource == CKZ_SALT_SPECIFIED && p->iterations >= 1 && p->iterations <= 10000000 &&
	       p->prf >= CKP_PKCS5_PBKD2_HMAC_SHA1 && p->prf <= CKP_PKCS5_PBKD2_HMAC_SHA512_256 && p->ulPrfDataLen == 0;
}

bool
hz_check_sp800(void *copy, size_t len)
{
	CK_SP800_108_KDF_PARAMS *p = copy;

	(void)len;
	if (p->ulAdditionalDerivedKeys != 0)
		return false;
	p->pAdditionalDerivedKeys = NULL;
	return p->ulNumberOfDataParams >= 1 && p->ulNumberOfDataParams <= HZ_PRF_MAX && p->pDataParams != NULL;
}

static bool
counter_ok(CK_SP800_108_COUNTER_FORMAT *f)
{
	CLEAR_GAP(f, bLittleEndian, ulWidthInBits);
	return is_bool(f->bLittleEndian) && f->ulWidthInBits >= 8 && f->ulWidthInBits <= 32 && f->ulWidthInBits % 8 == 0;
}

static bool
dkm_ok(CK_SP800_108_DKM_LENGTH_FORMAT *f)
{
	CLEAR_GAP(f, bLittleEndian, ulWidthInBits);
	return is_bool(f->bLittleEndian) && f->ulWidthInBits >= 8 && f->ulWidthInBits <= 64 && f->ulWidthInBits % 8 == 0 &&
	       (f->dkmLengthMethod == CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS ||
		f->dkmLengthMethod == CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS);
}

/* Counter mode (6.42.2): the counter is the iteration variable; there is no optional one. */
bool
hz_check_prf(CK_PRF_DATA_TYPE type, void *copy, size_t len)
{
	switch (type) {
	case CK_SP800_108_ITERATION_VARIABLE:
		return len == sizeof(CK_SP800_108_COUNTER_FORMAT) && counter_ok(copy);
	case CK_SP800_108_DKM_LENGTH:
		return len == sizeof(CK_SP800_108_DKM_LENGTH_FORMAT) && dkm_ok(copy);
	default:
		return false;
	}
}

bool
hz_check_shamir(void *copy, size_t len)
{
	const CK_HANZO_SHAMIR_PARAMS *p = copy;

	(void)len;
	return p->ulShares >= 2 && p->ulShares <= 255 && p->ulThreshold >= 2 && p->ulThreshold <= p->ulShares &&
	       p->ulIndex >= 1 && p->ulIndex <= p->ulShares;
}

bool
hz_check_eip712(void *copy, size_t len)
{
	CK_HANZO_EIP712_PARAMS *p = copy;

	(void)len;
	CLEAR_GAP(p, hasContract, ulFormat);
	if (!is_bool(p->hasContract) || (p->ulFormat & ~(CK_HANZO_FORMAT_RS | CK_HANZO_FORMAT_IGNORE_TTL)) != 0)
		return false;
	if (!p->hasContract)
		memset(p->verifyingContract, 0, sizeof p->verifyingContract);
	return true;
}

/* A generator needs a nonce to write to and leaves its fixed bits alone. */
static bool
generator_ok(CK_GENERATOR_FUNCTION g, CK_ULONG fixed_bits, CK_ULONG len)
{
	return g <= CKG_GENERATE_COUNTER_XOR && fixed_bits <= 8 * len;
}

static bool
gcm_message_ok(const CK_GCM_MESSAGE_PARAMS *p)
{
	return p->pIv != NULL && p->ulIvLen >= 1 && p->ulIvLen <= HZ_IV_MAX && p->pTag != NULL && gcm_tag_ok(p->ulTagBits) &&
	       generator_ok(p->ivGenerator, p->ulIvFixedBits, p->ulIvLen);
}

static bool
ccm_message_ok(const CK_CCM_MESSAGE_PARAMS *p)
{
	return p->pNonce != NULL && p->pMAC != NULL && ccm_ok(p->ulDataLen, p->ulNonceLen, p->ulMACLen) &&
	       generator_ok(p->nonceGenerator, p->ulNonceFixedBits, p->ulNonceLen);
}

static bool
chacha_message_ok(const CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS *p)
{
	return p->pNonce != NULL && p->pTag != NULL && (p->ulNonceLen == 12 || p->ulNonceLen == 96);
}

CK_ULONG
hz_message_size(CK_MECHANISM_TYPE type)
{
	switch (type) {
	case CKM_AES_GCM:
		return sizeof(CK_GCM_MESSAGE_PARAMS);
	case CKM_AES_CCM:
		return sizeof(CK_CCM_MESSAGE_PARAMS);
	case CKM_CHACHA20_POLY1305:
		return sizeof(CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS);
	default:
		return 0;
	}
}

bool
hz_message_ok(CK_MECHANISM_TYPE type, const void *param)
{
	switch (type) {
	case CKM_AES_GCM:
		return gcm_message_ok(param);
	case CKM_AES_CCM:
		return ccm_message_ok(param);
	default:
		return chacha_message_ok(param);
	}
}
