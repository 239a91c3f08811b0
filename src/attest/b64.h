/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 with padding (RFC 4648 section 4), as PEM, XML signatures and GPU evidence lists have it. */

#ifndef HZ_ATTEST_B64_H
#define HZ_ATTEST_B64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes n characters; *len is the room in out and then the bytes written.  False on a character outside the
 * alphabet, missing padding or spare bits.  Space, tab, CR and LF are passed over where blanks is true.
 * out may be the text itself.
 */
bool hz_at_b64_decode(const void *text, size_t n, bool blanks, uint8_t *out, size_t *len);

#endif
