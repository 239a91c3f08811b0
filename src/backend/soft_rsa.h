/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the RSA files: generation, encryption, signatures, wrapping. */
#ifndef HZ_BACKEND_SOFT_RSA_H
#define HZ_BACKEND_SOFT_RSA_H

#include "backend/soft_asym.h"

CK_RV hz_soft_rsa_generate(const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv);

/* Octets of the modulus: of a signature and of a ciphertext. */
size_t hz_rsa_size(const struct hz_key *key);

/* HZ_OP_SIGN and HZ_OP_VERIFY (soft_rsa_sig.c); HZ_OP_SIGN_RECOVER, VERIFY_RECOVER, ENCRYPT, DECRYPT (soft_rsa_crypt.c). */
CK_RV hz_rsa_sig_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op);
CK_RV hz_rsa_crypt_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op);

CK_RV hz_rsa_wrap(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out);
CK_RV hz_rsa_wrap_len(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len);
CK_RV hz_rsa_unwrap(const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len, struct hz_attrs *made);

#endif
