/* SPDX-License-Identifier: Apache-2.0 */
/* The seal "sim": what a platform would release, made of public values, for development without hardware. */
#include <string.h>

#include "base/error.h"
#include "crypto/hash.h"
#include "crypto/libctx.h"
#include "store/seal.h"

/* Stored form: 0x01 || salt[32]. The secret is SHA-256(domain with its NUL || salt): whoever has the file has it. */
enum { SIM_V1 = 1, SALT_LEN = 32 };

static CK_RV check(struct hz_blob in)
{
	if (in.n != 1 + SALT_LEN || in.p[0] != SIM_V1)
		return hz_fail(CKR_DEVICE_ERROR, "the stored parameters of the simulated seal are damaged");
	return CKR_OK;
}

static CK_RV release(const struct hz_seal_input *in, struct hz_blob params, uint8_t secret[HZ_SEAL_SECRET])
{
	static const char domain[] = "hanzo-pkcs11/seal-sim/v1";
	struct hz_hash h;
	CK_RV rv = check(params);

	(void)in;
	if (rv != CKR_OK)
		return rv;
	hz_hash_init(&h, HZ_SHA256);
	hz_hash_update(&h, domain, sizeof domain);
	hz_hash_update(&h, params.p + 1, SALT_LEN);
	hz_hash_final(&h, secret);
	return CKR_OK;
}

static CK_RV make(const struct hz_seal_input *in, struct hz_buf *params, uint8_t secret[HZ_SEAL_SECRET])
{
	uint8_t salt[SALT_LEN];

	if (!hz_random(salt, sizeof salt))
		return hz_fail(CKR_FUNCTION_FAILED, "no random bytes: %s", hz_ossl_reason());
	hz_buf_u8(params, SIM_V1);
	hz_buf_add(params, salt, sizeof salt);
	return params->failed ? CKR_HOST_MEMORY : release(in, (struct hz_blob){ params->p, params->len }, secret);
}

const struct hz_seal_kind hz_seal_sim = { HZ_SEAL_SIM, "sim", make, check, release };
