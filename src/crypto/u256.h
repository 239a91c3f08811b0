/* SPDX-License-Identifier: Apache-2.0 */
/* 256-bit unsigned integers as text and as 32 bytes, most significant first. */
#ifndef HZ_CRYPTO_U256_H
#define HZ_CRYPTO_U256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One or more decimal digits without a leading zero (but "0"), below 2^256. */
bool hz_u256_from_dec(const char *s, size_t n, uint8_t out[32]);

/* "0x" and 1 to 64 digits of either case, leading zeros allowed. */
bool hz_u256_from_hex(const char *s, size_t n, uint8_t out[32]);

/* Number of significant bits, 0 to 256. */
unsigned hz_u256_bits(const uint8_t v[32]);

/* v = 2^256 - v, two's complement. */
void hz_u256_negate(uint8_t v[32]);

/* The low 64 bits. */
uint64_t hz_u256_low64(const uint8_t v[32]);

/* 32 bytes with v at the end. */
void hz_u256_from_u64(uint8_t out[32], uint64_t v);

#endif
