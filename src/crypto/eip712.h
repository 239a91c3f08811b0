/* SPDX-License-Identifier: Apache-2.0 */
/* EIP-712: the digest of typed data given as the JSON text that eth_signTypedData_v4 takes. */
#ifndef HZ_CRYPTO_EIP712_H
#define HZ_CRYPTO_EIP712_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is accepted: one JSON object with exactly `types`, `primaryType`, `domain` and `message`.
 *
 * types        Struct names and field names are made of letters, digits, `_`, `$` (structs also `:`) and do not begin with a digit;
 *              a struct is not called like an atomic type or what might be taken for one (int, uint7, bytes33), a field name occurs once in a struct. A field's type is uint8..uint256,
 *              int8..int256 (in steps of 8), bool, address, bytes1..bytes32, bytes, string or a declared struct, followed by up
 *              to 8 of `[]` and `[N]`. Structs may refer to each other and to themselves.
 * EIP712Domain May be left out: it then is made of the members of `domain`. When given, its fields are some of the standard five,
 *              in the standard order and with the standard types, so that every verifier arrives at the same separator.
 * message      Has exactly the fields of its struct, at every level: nothing is left out, and nothing is shown to a reader that
 *              is not signed. A struct is never null.
 * integers     JSON integers of any size (exact; no fraction, no exponent), decimal strings (a leading `-` for intN), or hexadecimal
 *              strings with 0x (not negative); within the range of the type.
 * address      0x and 40 digits; mixed case must have the checksum of EIP-55. bytesN: 0x and exactly 2N digits. bytes: 0x and
 *              an even number of digits. bool: true or false. string: any JSON string, hashed as UTF-8.
 *
 * Limits: 1 MiB of text, 65,536 values, 32 levels, 256 members an object, 64 structs. Time grows with the size of the text.
 */
struct hz_eip712 {
	uint8_t digest[32];           /* keccak256(0x19 0x01 || domain separator || struct hash) */
	uint8_t domain_separator[32];
	uint8_t struct_hash[32];
	bool hanzo_domain;            /* the domain's name is "Hanzo PoAI" or "Hanzo HMM", which have mechanisms of their own */
};

enum { HZ_EIP712_WHY = 160 };

/* False: `why` has the reason (NUL-terminated, cut), `out` is undefined. Thread-safe, keeps nothing. */
bool hz_eip712_digest(const void *json, size_t len, struct hz_eip712 *out, char why[HZ_EIP712_WHY]);

/* digest = keccak256(0x19 0x01 || separator || struct_hash). */
void hz_eip712_join(const uint8_t separator[32], const uint8_t struct_hash[32], uint8_t digest[32]);

#endif
