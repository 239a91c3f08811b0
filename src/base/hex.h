/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal and base64url text. */
#ifndef HZ_BASE_HEX_H
#define HZ_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Write 2n lower-case digits and a NUL. */
void hz_hex_encode(const void *p, size_t n, char *out);

/* Exactly n bytes from text_len == 2n digits of either case; false otherwise. Time depends on the length only. */
bool hz_hex_decode(const char *text, size_t text_len, uint8_t *out, size_t n);

/* Length of the unpadded base64url form of n bytes. */
size_t hz_b64url_len(size_t n);
/* Write it and a NUL. */
void hz_b64url_encode(const void *p, size_t n, char *out);
/* Strict RFC 4648 section 5 without padding; *n: room in, bytes out. False on any other character, bad length or non-zero spare bits. */
bool hz_b64url_decode(const char *text, size_t text_len, uint8_t *out, size_t *n);

#endif
