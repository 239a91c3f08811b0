/* SPDX-License-Identifier: Apache-2.0 */
/* The seal "pin": a password hash with a random salt, its costs stored beside it. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"
#include "store/seal.h"

/*
 * Stored form: 0x01 || kdf u8 || salt[32] || three u32be. For scrypt (RFC 7914) N, r, p; for Argon2id (RFC 9106) memory in KiB,
 * passes, lanes. Costs outside the limits below were not written by us: they would stop the process or its machine.
 */
enum { PIN_V1 = 1, KDF_SCRYPT = 1, KDF_ARGON2ID = 2, SALT_LEN = 32 };

struct pin_params {
	uint8_t kdf;
	uint8_t salt[SALT_LEN];
	uint32_t a, b, c;
};

static bool costs_sane(const struct pin_params *p)
{
	if (p->kdf == KDF_SCRYPT)
		return p->a >= 1u << 14 && p->a <= 1u << 20 && (p->a & (p->a - 1)) == 0 && p->b >= 1 && p->b <= 16 && p->c >= 1 &&
		       p->c <= 4 && (uint64_t)p->a * p->b * 128u <= 256u << 20;
	return p->kdf == KDF_ARGON2ID && p->a >= 8192 && p->a <= 1u << 20 && p->b >= 1 && p->b <= 16 && p->c >= 1 && p->c <= 16;
}

static CK_RV parse(struct hz_blob in, struct pin_params *p)
{
	struct hz_reader r = hz_rd(in.p, in.n);
	uint8_t version = hz_rd_u8(&r);

	p->kdf = hz_rd_u8(&r);
	hz_rd_copy(&r, p->salt, sizeof p->salt);
	p->a = hz_rd_u32be(&r);
	p->b = hz_rd_u32be(&r);
	p->c = hz_rd_u32be(&r);
	if (!hz_rd_end(&r) || version != PIN_V1 || !costs_sane(p))
		return hz_fail(CKR_DEVICE_ERROR, "the stored parameters of the PIN are damaged or out of bounds");
	return CKR_OK;
}

static CK_RV check(struct hz_blob in)
{
	struct pin_params p;
	CK_RV rv = parse(in, &p);

	if (rv == CKR_OK && p.kdf == KDF_ARGON2ID && hz_kdf("ARGON2ID") == NULL)
		return hz_fail(CKR_DEVICE_ERROR, "the PIN was set with Argon2id, which this libcrypto lacks");
	return rv;
}

/*
 * Argon2id of libcrypto (seen in 3.5) looks at no result of the BLAKE2b in it: where that runs out of memory, something else is derived
 * and called a success. A right PIN would then count as a wrong one, and a PIN set in such a moment would never open its token. What
 * fails inside leaves an error in the thread's queue, so an error of our own goes in first and has to be the last one afterwards.
 */
static bool derive_watched(EVP_KDF_CTX *c, uint8_t secret[HZ_SEAL_SECRET], const OSSL_PARAM *q)
{
	const int mine = 1;
	unsigned long last;
	bool ok;

	ERR_set_mark();
	ERR_raise(ERR_LIB_USER, mine);
	ok = EVP_KDF_derive(c, secret, HZ_SEAL_SECRET, q) == 1;
	last = ERR_peek_last_error();
	ERR_pop_to_mark();
	return ok && ERR_GET_LIB(last) == ERR_LIB_USER && ERR_GET_REASON(last) == mine;
}

static CK_RV derive(const struct hz_seal_input *in, const struct pin_params *p, uint8_t secret[HZ_SEAL_SECRET])
{
	bool scrypt = p->kdf == KDF_SCRYPT;
	EVP_KDF *alg = hz_kdf(scrypt ? "SCRYPT" : "ARGON2ID");
	EVP_KDF_CTX *c = alg != NULL ? EVP_KDF_CTX_new(alg) : NULL;
	uint64_t n = p->a, maxmem = (uint64_t)512 << 20;
	uint32_t r = p->b, lanes = p->c, mem = p->a, passes = p->b;
	OSSL_PARAM q[7], *at = q;
	bool ok;

	*at++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)(uintptr_t)(in->pin_len ? in->pin : p->salt),
						  in->pin_len);
	*at++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)p->salt, sizeof p->salt);
	if (scrypt) {
		*at++ = OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n);
		*at++ = OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r);
		*at++ = OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &lanes);
		*at++ = OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &maxmem);
	} else {
		*at++ = OSSL_PARAM_construct_uint32("memcost", &mem); /* names of OpenSSL 3.2, absent from older headers */
		*at++ = OSSL_PARAM_construct_uint32("iter", &passes);
		*at++ = OSSL_PARAM_construct_uint32("lanes", &lanes);
	}
	*at = OSSL_PARAM_construct_end();
	ok = c != NULL && derive_watched(c, secret, q);
	EVP_KDF_CTX_free(c);
	return ok ? CKR_OK : hz_fail(CKR_HOST_MEMORY, "hashing the PIN failed");
}

static CK_RV make(const struct hz_seal_input *in, struct hz_buf *params, uint8_t secret[HZ_SEAL_SECRET])
{
	struct pin_params p = { .kdf = KDF_SCRYPT, .a = 1u << 16, .b = 8, .c = 1 };

	if (hz_kdf("ARGON2ID") != NULL) /* RFC 9106 section 4, second recommended option */
		p = (struct pin_params){ .kdf = KDF_ARGON2ID, .a = 65536, .b = 3, .c = 4 };
	if (!hz_random(p.salt, sizeof p.salt))
		return hz_fail(CKR_FUNCTION_FAILED, "no random bytes: %s", hz_ossl_reason());
	hz_buf_u8(params, PIN_V1);
	hz_buf_u8(params, p.kdf);
	hz_buf_add(params, p.salt, sizeof p.salt);
	hz_buf_be32(params, p.a);
	hz_buf_be32(params, p.b);
	hz_buf_be32(params, p.c);
	if (params->failed)
		return CKR_HOST_MEMORY;
	return derive(in, &p, secret);
}

static CK_RV release(const struct hz_seal_input *in, struct hz_blob params, uint8_t secret[HZ_SEAL_SECRET])
{
	struct pin_params p;
	CK_RV rv = parse(params, &p);

	return rv == CKR_OK ? derive(in, &p, secret) : rv;
}

const struct hz_seal_kind hz_seal_pin = { HZ_SEAL_PIN, "pin", make, check, release };
