/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of parameter structures, for the table of mechanisms. Internal to src/ck. */
#ifndef HZ_CK_MECH_CHECK_H
#define HZ_CK_MECH_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "pkcs11.h"

#define HZ_IV_MAX 1024u /* bytes of the longest IV that GCM takes here */

/* Each: true when the values in this private copy are possible; the copy is then in its one form. len: size that was given. */
bool hz_check_mac_len(void *copy, size_t len);
bool hz_check_pss(void *copy, size_t len);
bool hz_check_rsa_aes(void *copy, size_t len);
bool hz_check_ecdh(void *copy, size_t len);
bool hz_check_eddsa(void *copy, size_t len);
bool hz_check_hedge(void *copy, size_t len);
bool hz_check_ctr(void *copy, size_t len);
bool hz_check_gcm(void *copy, size_t len);
bool hz_check_ccm(void *copy, size_t len);
bool hz_check_chacha(void *copy, size_t len);
bool hz_check_hkdf(void *copy, size_t len);
bool hz_check_pbkd2(void *copy, size_t len);
bool hz_check_sp800(void *copy, size_t len);
bool hz_check_shamir(void *copy, size_t len);
bool hz_check_eip712(void *copy, size_t len);

/* Size of the mechanism's message structure; 0: it has none. */
CK_ULONG hz_message_size(CK_MECHANISM_TYPE type);
/* Values of a message structure of such a mechanism. */
bool hz_message_ok(CK_MECHANISM_TYPE type, const void *param);

#endif
