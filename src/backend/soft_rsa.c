/* SPDX-License-Identifier: Apache-2.0 */
/* The RSA rows of the mechanism table. */
#include "backend/soft_rsa.h"

static CK_RV begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	bool signs = kind == HZ_OP_SIGN || kind == HZ_OP_VERIFY;

	return signs ? hz_rsa_sig_begin(kind, m, key, op) : hz_rsa_crypt_begin(kind, m, key, op);
}

#define RSA_ROW(mech, flags) { mech, { 2048, 8192, flags }, { CKK_RSA, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, HZ_NO_KEY_TYPE }
#define SIGNS(mech) { .row = RSA_ROW(mech, CKF_SIGN | CKF_VERIFY), .begin = begin }
#define VERIFIES(mech) { .row = RSA_ROW(mech, CKF_VERIFY), .begin = begin }
#define TRANSPORTS(mech, flags) \
	{ .row = RSA_ROW(mech, CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP | (flags)), .begin = begin, .wrap = hz_rsa_wrap, \
	  .wrap_len = hz_rsa_wrap_len, .unwrap = hz_rsa_unwrap }
#define RECOVERS (CKF_SIGN | CKF_VERIFY | CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER)

const struct hz_soft_mech hz_soft_rsa[] = {
	{ .row = { CKM_RSA_PKCS_KEY_PAIR_GEN, { 2048, 8192, CKF_GENERATE_KEY_PAIR }, { CKK_RSA, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE },
		   CKO_PRIVATE_KEY },
	  .generate_pair = hz_soft_rsa_generate },
	TRANSPORTS(CKM_RSA_PKCS, RECOVERS),
	TRANSPORTS(CKM_RSA_X_509, RECOVERS),
	TRANSPORTS(CKM_RSA_PKCS_OAEP, 0),
	SIGNS(CKM_RSA_PKCS_PSS),
	VERIFIES(CKM_SHA1_RSA_PKCS),
	VERIFIES(CKM_SHA1_RSA_PKCS_PSS),
	SIGNS(CKM_SHA224_RSA_PKCS),
	SIGNS(CKM_SHA256_RSA_PKCS),
	SIGNS(CKM_SHA384_RSA_PKCS),
	SIGNS(CKM_SHA512_RSA_PKCS),
	SIGNS(CKM_SHA3_224_RSA_PKCS),
	SIGNS(CKM_SHA3_256_RSA_PKCS),
	SIGNS(CKM_SHA3_384_RSA_PKCS),
	SIGNS(CKM_SHA3_512_RSA_PKCS),
	SIGNS(CKM_SHA224_RSA_PKCS_PSS),
	SIGNS(CKM_SHA256_RSA_PKCS_PSS),
	SIGNS(CKM_SHA384_RSA_PKCS_PSS),
	SIGNS(CKM_SHA512_RSA_PKCS_PSS),
	SIGNS(CKM_SHA3_224_RSA_PKCS_PSS),
	SIGNS(CKM_SHA3_256_RSA_PKCS_PSS),
	SIGNS(CKM_SHA3_384_RSA_PKCS_PSS),
	SIGNS(CKM_SHA3_512_RSA_PKCS_PSS),
	{ .row = { .type = 0 } },
};
