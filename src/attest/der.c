/* SPDX-License-Identifier: Apache-2.0 */
/* DER elements out of untrusted bytes. */

#include "attest/der.h"

bool
hz_at_der_next(struct hz_reader *r, uint8_t *tag, struct hz_reader *content)
{
	size_t n;

	*tag = hz_rd_u8(r);
	n = hz_rd_u8(r);
	if (n == 0x81) {
		n = hz_rd_u8(r);
		if (n < 0x80)
			return false;
	} else if (n == 0x82) {
		n = hz_rd_u16be(r);
		if (n < 0x100)
			return false;
	} else if (n >= 0x80) {
		return false;
	}
	*content = hz_rd_sub(r, n);
	return hz_rd_ok(r) && (*tag & 0x1F) != 0x1F;
}

bool
hz_at_der_want(struct hz_reader *r, uint8_t tag, struct hz_reader *content)
{
	uint8_t got;

	return hz_at_der_next(r, &got, content) && got == tag;
}
