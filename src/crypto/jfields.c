/* SPDX-License-Identifier: Apache-2.0 */
/* Fixed JSON objects: each kind of field has one reader. */
#include "crypto/jfields.h"

#include <string.h>

#include "base/hex.h"
#include "crypto/ethaddr.h"
#include "crypto/u256.h"

static bool read_hash(const struct hz_jnode *v, uint8_t out[32])
{
	return v->type == HZ_J_STRING && v->len == 66 && v->s[0] == '0' && v->s[1] == 'x' && hz_hex_decode(v->s + 2, 64, out, 32);
}

static bool read_u256(const struct hz_jnode *v, uint8_t out[32])
{
	return (v->type == HZ_J_STRING || v->type == HZ_J_NUMBER) && hz_u256_from_dec(v->s, v->len, out);
}

static bool read_uint(const struct hz_jnode *v, unsigned bits, uint64_t *out)
{
	uint8_t wide[32];

	if (!read_u256(v, wide) || hz_u256_bits(wide) > bits)
		return false;
	*out = hz_u256_low64(wide);
	return true;
}

static bool read_text(const struct hz_jnode *v, struct hz_jtext *out)
{
	*out = (struct hz_jtext){ v->s, v->len };
	return v->type == HZ_J_STRING;
}

static bool read_object(const struct hz_jnode *v, const struct hz_jnode **out)
{
	*out = v;
	return v->type == HZ_J_OBJECT;
}

static const char *read_field(const struct hz_jfield *f, const struct hz_jnode *v, void *out)
{
	switch (f->kind) {
	case HZ_JF_TEXT:
		return read_text(v, out) ? NULL : "not a string";
	case HZ_JF_HASH:
		return read_hash(v, out) ? NULL : "not 0x and 64 hexadecimal digits";
	case HZ_JF_ADDRESS:
		return v->type == HZ_J_STRING && hz_ethaddr_parse(v->s, v->len, out) ? NULL : "not an address, or its checksum is wrong";
	case HZ_JF_UINT:
		return read_uint(v, f->bits, out) ? NULL : "not an integer in range";
	case HZ_JF_U256:
		return read_u256(v, out) ? NULL : "not an integer below 2^256";
	case HZ_JF_OBJECT:
		return read_object(v, out) ? NULL : "not an object";
	}
	return "unknown kind";
}

const char *hz_jfields_read(const struct hz_jdoc *j, const struct hz_jnode *obj, const struct hz_jfield *fields, size_t n, void *out,
			    const struct hz_jfield **field)
{
	const struct hz_jnode *guess, *v;
	const char *why;

	*field = NULL;
	if (obj == NULL || obj->type != HZ_J_OBJECT)
		return "not a JSON object";
	guess = hz_jdoc_first(obj);
	for (size_t i = 0; i < n; i++) {
		*field = &fields[i];
		v = i < obj->len && hz_jdoc_key_is(guess, fields[i].name) ? guess : hz_jdoc_get(j, obj, fields[i].name);
		if (v == NULL)
			return "missing";
		why = read_field(&fields[i], v, (uint8_t *)out + fields[i].offset);
		if (why != NULL)
			return why;
		if (i < obj->len)
			guess = hz_jdoc_next(j, guess);
	}
	*field = NULL;
	return obj->len == n ? NULL : "a member that does not belong there";
}
