/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: callers' templates through copying, the schema's four origins, changes, copies, reading and the store's form.
 *
 * Input: u8 origin and flags, u8 what is made, then attributes: u8 type (an index), u8 how (NULL, lying length, nested), u8 length,
 * bytes. A second template after a type of 255 is the change. */
#include <stdlib.h>
#include <string.h>

#include "ck/attrs.h"
#include "ck/schema.h"
#include "hanzo-pkcs11.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_ATTRS 24
#define CHECK(c) ((c) ? (void)0 : abort())

static const CK_ATTRIBUTE_TYPE types[] = {
#define X(type, kind) type,
#include "ck/attr_list.h"
#undef X
	0x7f000000
};

static const struct { CK_OBJECT_CLASS cls; CK_KEY_TYPE kt; } made[] = {
	{ (CK_ULONG)-1, (CK_ULONG)-1 }, { CKO_SECRET_KEY, CKK_AES }, { CKO_SECRET_KEY, CKK_GENERIC_SECRET }, { CKO_PRIVATE_KEY, CKK_RSA },
	{ CKO_PUBLIC_KEY, CKK_RSA }, { CKO_PRIVATE_KEY, CKK_EC }, { CKO_PUBLIC_KEY, CKK_EC }, { CKO_PRIVATE_KEY, CKK_ML_DSA },
	{ CKO_DATA, (CK_ULONG)-1 }, { CKO_CERTIFICATE, CKC_X_509 }, { CKO_PUBLIC_KEY, CKK_ML_KEM }, { CKO_SECRET_KEY, CKK_CHACHA20 },
};

/* Room for the numbers and arrays that attributes point to. */
struct arena {
	CK_ATTRIBUTE nested[4][MAX_ATTRS];
	CK_ULONG numbers[256];
	size_t n_nested, n_numbers;
};

static CK_ULONG parse(struct hz_reader *r, CK_ATTRIBUTE *t, struct arena *ar, unsigned depth);

static CK_ATTRIBUTE
parse_one(struct hz_reader *r, uint8_t index, struct arena *ar, unsigned depth)
{
	CK_ATTRIBUTE at = { types[index % (sizeof types / sizeof *types)], NULL, 0 };
	uint8_t how = hz_rd_u8(r);
	size_t len = hz_rd_u8(r);

	if ((how & 7) == 1) { /* NULL with a length, or an absurd length: refused before anything is read */
		at.ulValueLen = len != 0 ? len : (CK_ULONG)-1;
		return at;
	}
	if ((how & 7) == 2 && depth < 4 && ar->n_nested < 4) {
		CK_ATTRIBUTE *inner = ar->nested[ar->n_nested++];

		at.ulValueLen = parse(r, inner, ar, depth + 1) * sizeof *inner;
		at.pValue = inner;
		return at;
	}
	if ((how & 7) == 3 && ar->n_numbers < 256) {
		ar->numbers[ar->n_numbers] = len;
		at.pValue = &ar->numbers[ar->n_numbers++];
		at.ulValueLen = sizeof(CK_ULONG);
		return at;
	}
	if (len > hz_rd_left(r))
		len = hz_rd_left(r);
	at.pValue = (void *)(uintptr_t)hz_rd_bytes(r, len);
	at.ulValueLen = len;
	return at;
}

static CK_ULONG
parse(struct hz_reader *r, CK_ATTRIBUTE *t, struct arena *ar, unsigned depth)
{
	CK_ULONG n = 0;

	while (n < MAX_ATTRS && hz_rd_left(r) > 0) {
		uint8_t index = hz_rd_u8(r);
		enum hz_kind kind;

		if (index == 255)
			break;
		t[n] = parse_one(r, index, ar, depth);
		/* Bytes that are said to be a template would be followed as pointers: no caller survives that. */
		if (hz_attr_kind(t[n].type, &kind) && kind == HZ_K_TEMPLATE && t[n].pValue != NULL &&
		    ((const char *)t[n].pValue < (const char *)ar->nested || (const char *)t[n].pValue >= (const char *)(ar->nested + 4)))
			t[n].ulValueLen |= 1; /* no whole number of attributes */
		n++;
	}
	return n;
}

/* The store gives back what it took. */
static void
round_trip(const struct hz_attrs *a)
{
	struct hz_buf open = HZ_BUF_INIT, hidden = HZ_BUF_SECRET;
	struct hz_attrs b = HZ_ATTRS_INIT;
	struct hz_reader r;

	CHECK(hz_attrs_write(a, false, &open) && hz_attrs_write(a, true, &hidden));
	r = hz_rd(open.p, open.len);
	CHECK(hz_attrs_read(&b, false, &r));
	r = hz_rd(hidden.p, hidden.len);
	CHECK(hz_attrs_read(&b, true, &r) && a->n == b.n);
	for (size_t i = 0; i < a->n; i++)
		CHECK(hz_attr_equal(&a->v[i], &b.v[i]) && a->v[i].secret == b.v[i].secret);
	hz_buf_free(&open);
	hz_buf_free(&hidden);
	hz_attrs_free(&b);
}

/* Every attribute is read by length and by value; a hidden one by neither. */
static void
read_all(const struct hz_attrs *a)
{
	unsigned char buf[64];

	for (size_t i = 0; i < a->n; i++) {
		CK_ATTRIBUTE t[2] = { { a->v[i].type, NULL, 0 }, { a->v[i].type, buf, a->v[i].nested ? 0 : sizeof buf } };
		CK_RV rv = hz_schema_get(a, t, 2, true);

		CHECK(rv == CKR_OK || t[0].ulValueLen == CK_UNAVAILABLE_INFORMATION || t[1].ulValueLen == CK_UNAVAILABLE_INFORMATION);
		CHECK(!hz_schema_hides(a, a->v[i].type) ||
		      (t[0].ulValueLen == CK_UNAVAILABLE_INFORMATION && t[1].ulValueLen == CK_UNAVAILABLE_INFORMATION));
	}
}

/* Whatever a caller asks for: what was closed stays closed. */
static void
still_closed(const struct hz_attrs *before, const struct hz_attrs *after)
{
	CHECK(!hz_attrs_bool(before, CKA_SENSITIVE, false) || hz_attrs_bool(after, CKA_SENSITIVE, false));
	CHECK(hz_attrs_bool(before, CKA_EXTRACTABLE, true) || !hz_attrs_bool(after, CKA_EXTRACTABLE, true));
	CHECK(!hz_attrs_bool(before, CKA_PRIVATE, false) || hz_attrs_bool(after, CKA_PRIVATE, false));
	CHECK(hz_attrs_bool(before, CKA_TRUSTED, false) || !hz_attrs_bool(after, CKA_TRUSTED, false));
	CHECK(hz_attrs_ulong(before, CKA_CLASS, 0) == hz_attrs_ulong(after, CKA_CLASS, 0));
	CHECK(hz_attrs_ulong(before, CKA_KEY_TYPE, 0) == hz_attrs_ulong(after, CKA_KEY_TYPE, 0));
}

static void
use(const struct hz_attrs *object, enum hz_origin origin, const struct hz_attrs *change)
{
	struct hz_attrs b;

	CHECK(origin == HZ_GENERATE || origin == HZ_DERIVE || !hz_attrs_bool(object, CKA_ALWAYS_SENSITIVE, false));
	CHECK(hz_attrs_bool(object, CKA_LOCAL, false) == (origin == HZ_GENERATE) || hz_attrs_find(object, CKA_LOCAL) == NULL);
	CHECK(!hz_attrs_bool(object, CKA_TRUSTED, false));
	round_trip(object);
	read_all(object);
	if (hz_schema_change(&b, object, change, false) == CKR_OK) {
		still_closed(object, &b);
		round_trip(&b);
	}
	hz_attrs_free(&b);
	if (hz_schema_copy(&b, object, change, false) == CKR_OK)
		still_closed(object, &b);
	hz_attrs_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena ar;
	CK_ATTRIBUTE t[MAX_ATTRS], c[MAX_ATTRS];
	struct hz_reader r = hz_rd(data, size);
	uint8_t flags = hz_rd_u8(&r), what = hz_rd_u8(&r);
	enum hz_origin origin = (enum hz_origin)(flags & 3);
	struct hz_attrs tmpl, change, object;
	CK_ULONG n, m;

	ar.n_nested = ar.n_numbers = 0;
	n = parse(&r, t, &ar, 0);
	m = parse(&r, c, &ar, 0);
	what %= (uint8_t)(sizeof made / sizeof *made);
	if (hz_attrs_copy_in(&tmpl, t, n, (flags & 4) == 0) == CKR_OK) {
		if (hz_attrs_copy_in(&change, c, m, true) == CKR_OK) {
			if (hz_schema_new(&object, origin, &tmpl, made[what].cls, made[what].kt, 1, false) == CKR_OK)
				use(&object, origin, &change);
			hz_attrs_free(&object);
		}
		hz_attrs_free(&change);
		round_trip(&tmpl);
	}
	hz_attrs_free(&tmpl);
	return 0;
}
