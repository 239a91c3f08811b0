/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the EC files: keys, ECDSA, ECDH. */
#ifndef HZ_BACKEND_SOFT_EC_H
#define HZ_BACKEND_SOFT_EC_H

#include "backend/soft_asym.h"

CK_RV hz_soft_ec_generate(const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv);
CK_RV hz_soft_ecdh(const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made);

/* A point of the curve from any of its forms (hz_curve_point); NULL when it is not one. ctx may be NULL. */
EC_POINT *hz_ec_point_of(const struct hz_curve *c, const uint8_t *in, size_t len, BN_CTX *ctx);

/* The curve that the public template names; priv gets the same CKA_EC_PARAMS. */
CK_RV hz_ec_curve_wanted(CK_KEY_TYPE type, struct hz_attrs *pub, struct hz_attrs *priv, const struct hz_curve **c);

/* The hash in front of a CKM_ECDSA mechanism: false when it is none of them; HZ_HASH_IDS for CKM_ECDSA itself. */
bool hz_ecdsa_hash(CK_MECHANISM_TYPE m, enum hz_hash_id *hash);

#endif
