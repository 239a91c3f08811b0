/* SPDX-License-Identifier: Apache-2.0 */
/* The value that a login leaves for later ones (hz_store_keep), as a row. */
#ifndef HZ_STORE_KEPT_H
#define HZ_STORE_KEPT_H

#include "store/db.h"
#include "store/seal.h"

enum { HZ_KEPT_MAC = 32 };

/* HMAC-SHA256 of serial and value under a key derived from the data key. */
void hz_kept_mac(const char *serial, const struct hz_datakey *k, struct hz_blob value, uint8_t mac[HZ_KEPT_MAC]);

/* Write the row, in the caller's transaction. */
CK_RV hz_kept_put(struct hz_conn *c, struct hz_blob value, const uint8_t mac[HZ_KEPT_MAC]);

#endif
