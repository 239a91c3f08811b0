/* SPDX-License-Identifier: Apache-2.0 */
/* JSON objects with a fixed set of fields, read into a C structure by a table. */
#ifndef HZ_CRYPTO_JFIELDS_H
#define HZ_CRYPTO_JFIELDS_H

#include "base/jdoc.h"

/* A string inside a parsed text: not NUL-terminated, lives as long as the text. */
struct hz_jtext {
	const char *s;
	uint32_t len;
};

enum hz_jfield_kind {
	HZ_JF_TEXT,    /* struct hz_jtext: any JSON string */
	HZ_JF_HASH,    /* uint8_t[32]: 0x and 64 digits */
	HZ_JF_ADDRESS, /* uint8_t[20]: 0x and 40 digits, EIP-55 checksum when in mixed case */
	HZ_JF_UINT,    /* uint64_t of at most `bits` bits: a JSON integer or a decimal string */
	HZ_JF_U256,    /* uint8_t[32], most significant first: likewise */
	HZ_JF_OBJECT   /* const struct hz_jnode *: an object, read with a table of its own */
};

struct hz_jfield {
	const char *name;
	enum hz_jfield_kind kind;
	unsigned bits;
	size_t offset; /* in the structure */
};

/*
 * Read obj, which must be an object with exactly these n (at most 32) members in any order, into out. NULL on success, else a
 * constant text for the reason; *field then is the field that it is about, or NULL.
 */
const char *hz_jfields_read(const struct hz_jdoc *j, const struct hz_jnode *obj, const struct hz_jfield *fields, size_t n, void *out,
			    const struct hz_jfield **field);

#endif
