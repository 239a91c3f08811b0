/* SPDX-License-Identifier: Apache-2.0 */
/* Ethereum addresses as text, with the checksum of EIP-55. */
#ifndef HZ_CRYPTO_ETHADDR_H
#define HZ_CRYPTO_ETHADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HZ_ETHADDR_TEXT = 43 }; /* "0x", 40 digits, NUL */

/* "0x" and 40 digits. Mixed case must carry the right checksum; all lower or all upper case carries none. */
bool hz_ethaddr_parse(const char *s, size_t n, uint8_t addr[20]);

/* The checksummed form and a NUL. */
void hz_ethaddr_text(const uint8_t addr[20], char out[HZ_ETHADDR_TEXT]);

#endif
