/* SPDX-License-Identifier: Apache-2.0 */
/* Between ECIES and threshold shares, which travel by it. */
#ifndef HZ_BACKEND_SOFT_ECIES_H
#define HZ_BACKEND_SOFT_ECIES_H

#include "backend/soft_vendor.h"
#include "crypto/ecies.h"

/* ---- soft_ecies.c ---- */

/* Open a blob with a private key, wherever it lies. out: secret. */
CK_RV hz_ecies_open_blob(const struct hz_key *key, const struct hz_ecies_aad *aad, const uint8_t *in, size_t len, struct hz_buf *out);
/* CKR_KEY_TYPE_INCONSISTENT unless the key is on secp256k1 and its public half is known (a private key in a device may not say). */
CK_RV hz_ecies_needs_public(const struct hz_key *key);
/* Is it a threshold share and no whole key? */
bool hz_soft_is_share(const struct hz_attrs *a);
/* K of CK_HANZO_ECIES_DELEGATE_PARAMS, parsed; CKR_MECHANISM_PARAM_INVALID. */
CK_RV hz_ecies_take_k(const struct hz_mech *m, uint8_t k[64]);
/* May this RSA key be answered with this key (a share, or a whole one)? */
CK_RV hz_ecies_check_pair(const struct hz_key *rsa, const struct hz_key *target, CK_MECHANISM_TYPE type, bool share);

/* ---- soft_share.c: rows of the table ---- */

/* C_UnwrapKey(CKM_HANZO_ECIES) of a share blob or a list of them (in has one byte or more). */
CK_RV hz_share_unwrap(const struct hz_key *unwrapping, const struct hz_ecies_aad *aad, const uint8_t *in, size_t len, struct hz_attrs *made);
CK_RV hz_share_renew(const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len, struct hz_attrs *made);
CK_RV hz_share_wrap(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out);
CK_RV hz_share_wrap_len(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len);
CK_RV hz_share_partial(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out);

#endif
