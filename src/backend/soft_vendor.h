/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the vendor mechanisms: what their files share. */
#ifndef HZ_BACKEND_SOFT_VENDOR_H
#define HZ_BACKEND_SOFT_VENDOR_H

#include "backend/soft_asym.h"

/* CKR_KEY_TYPE_INCONSISTENT unless the key is on secp256k1. */
CK_RV hz_vendor_needs_k256(const struct hz_key *key);

#endif
