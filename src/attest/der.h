/* SPDX-License-Identifier: Apache-2.0 */
/* DER elements out of untrusted bytes. */

#ifndef HZ_ATTEST_DER_H
#define HZ_ATTEST_DER_H

#include "base/reader.h"

/*
 * Takes the next element: its tag, and its content as a reader of its own.  Single-byte tags, definite lengths below
 * 64 KiB in their shortest form; false on anything else.
 */
bool hz_at_der_next(struct hz_reader *r, uint8_t *tag, struct hz_reader *content);

/* The same where only one tag will do. */
bool hz_at_der_want(struct hz_reader *r, uint8_t tag, struct hz_reader *content);

#define HZ_DER_INTEGER 0x02
#define HZ_DER_OCTETS 0x04
#define HZ_DER_OID 0x06
#define HZ_DER_SEQUENCE 0x30

#endif
