/* SPDX-License-Identifier: Apache-2.0 */
/* The seal "hsm": a secret that a key in a device gives, which whoever opens the store has asked the device for. */
#include "base/error.h"
#include "crypto/hmac.h"
#include "crypto/libctx.h"
#include "store/seal.h"

/* Stored form: 0x01 || salt[32]. The secret is HKDF-SHA256(the device's secret, salt, domain). */
enum { HSM_V1 = 1, SALT_LEN = 32 };

static CK_RV check(struct hz_blob in)
{
	return in.n == 1 + SALT_LEN && in.p[0] == HSM_V1 ? CKR_OK
							 : hz_fail(CKR_DEVICE_ERROR, "the stored parameters of the device's seal are damaged");
}

static CK_RV release(const struct hz_seal_input *in, struct hz_blob params, uint8_t secret[HZ_SEAL_SECRET])
{
	static const char domain[] = "hanzo-pkcs11/seal-hsm/v1";
	CK_RV rv = check(params);

	if (rv == CKR_OK && (in->conf == NULL || in->conf->hsm_secret == NULL))
		rv = hz_fail(CKR_USER_NOT_LOGGED_IN, "the device was not asked for the secret of its seal");
	if (rv == CKR_OK && !hz_hkdf(HZ_SHA256, params.p + 1, SALT_LEN, in->conf->hsm_secret, HZ_SEAL_SECRET, domain, sizeof domain - 1, secret,
				     HZ_SEAL_SECRET))
		rv = hz_fail(CKR_FUNCTION_FAILED, "deriving a secret: %s", hz_ossl_reason());
	return rv;
}

static CK_RV make(const struct hz_seal_input *in, struct hz_buf *params, uint8_t secret[HZ_SEAL_SECRET])
{
	uint8_t salt[SALT_LEN];

	if (!hz_random(salt, sizeof salt))
		return hz_fail(CKR_FUNCTION_FAILED, "no random bytes: %s", hz_ossl_reason());
	hz_buf_u8(params, HSM_V1);
	hz_buf_add(params, salt, sizeof salt);
	return params->failed ? CKR_HOST_MEMORY : release(in, (struct hz_blob){ params->p, params->len }, secret);
}

const struct hz_seal_kind hz_seal_hsm = { HZ_SEAL_HSM, "hsm", make, check, release };
