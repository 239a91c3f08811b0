/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of symmetric mechanisms: keys from bytes, operations from a CK_MECHANISM, input and output in blocks of exact size. */
#ifndef SOFT_SYM_HELP_H
#define SOFT_SYM_HELP_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/soft_int.h"
#include "base/hex.h"

/* A secret key as the backend holds it. */
static inline struct hz_key *key_of(CK_KEY_TYPE type, const void *value, size_t len)
{
	struct hz_key *k = calloc(1, sizeof *k);

	ck_assert_ptr_nonnull(k);
	k->cls = CKO_SECRET_KEY;
	k->type = type;
	ck_assert_uint_eq(hz_attrs_set_ulong(&k->attrs, CKA_CLASS, k->cls), CKR_OK);
	ck_assert_uint_eq(hz_attrs_set_ulong(&k->attrs, CKA_KEY_TYPE, type), CKR_OK);
	ck_assert_uint_eq(hz_attrs_set(&k->attrs, CKA_VALUE, value, len, true), CKR_OK);
	ck_assert_uint_eq(hz_soft_secret_key(k), CKR_OK);
	return k;
}

/* Through the mechanism's copy, as a caller's parameter comes. */
static inline CK_RV begin_with(enum hz_op_kind kind, CK_MECHANISM_TYPE type, void *param, size_t param_len, struct hz_key *key,
			       struct hz_op **op)
{
	CK_MECHANISM m = { type, param, param_len };
	const struct hz_soft_mech *row = hz_soft_mech_find(type);
	struct hz_mech copy;
	CK_RV rv = hz_mech_copy(&copy, &m);

	ck_assert_ptr_nonnull(row);
	if (rv == CKR_OK)
		rv = row->begin(kind, &copy, key, op);
	hz_mech_clear(&copy);
	return rv;
}

static inline CK_RV rearm_with(struct hz_op *op, CK_MECHANISM_TYPE type, void *param, size_t param_len)
{
	CK_MECHANISM m = { type, param, param_len };
	struct hz_mech copy;
	CK_RV rv = hz_mech_copy(&copy, &m);

	if (rv == CKR_OK)
		rv = op->ops->rearm(op, &copy);
	hz_mech_clear(&copy);
	return rv;
}

/* A heap copy of exactly n bytes, so that a sanitizer sees every byte too far; NULL for n = 0, as callers may pass. */
static inline uint8_t *exact(const void *p, size_t n)
{
	uint8_t *q = n != 0 ? malloc(n) : NULL;

	ck_assert(n == 0 || q != NULL);
	if (n != 0)
		memcpy(q, p, n);
	return q;
}

/* Output of a step into exactly max_out bytes (at least one, as a caller has at least a pointer). */
struct result {
	uint8_t *p;
	size_t len;
};

static inline CK_RV run_once(struct hz_op *op, const void *in, size_t n, struct result *r)
{
	size_t room = op->ops->max_out(op, HZ_ONCE, n);
	uint8_t *copy = exact(in, n);
	CK_RV rv;

	r->p = malloc(room != 0 ? room : 1);
	ck_assert_ptr_nonnull(r->p);
	r->len = 0;
	rv = op->ops->once(op, copy, n, r->p, &r->len);
	ck_assert_uint_le(r->len, room);
	free(copy);
	return rv;
}

/* Update in pieces of `step` bytes and final, appended to one result. */
static inline CK_RV run_parts(struct hz_op *op, const void *in, size_t n, size_t step, struct result *r)
{
	const uint8_t *p = in;
	CK_RV rv = CKR_OK;

	r->p = malloc(n + 64);
	ck_assert_ptr_nonnull(r->p);
	r->len = 0;
	for (size_t at = 0; at < n && rv == CKR_OK; at += step) {
		size_t part = n - at < step ? n - at : step, room = op->ops->max_out(op, HZ_UPDATE, part), got = 0;
		uint8_t *copy = exact(p + at, part), *out = malloc(room != 0 ? room : 1);

		rv = op->ops->update(op, copy, part, out, &got);
		ck_assert_uint_le(got, room);
		memcpy(r->p + r->len, out, got);
		r->len += got;
		free(copy);
		free(out);
	}
	if (rv == CKR_OK) {
		size_t room = op->ops->max_out(op, HZ_FINAL, 0), got = 0;
		uint8_t *out = malloc(room != 0 ? room : 1);

		rv = op->ops->final(op, out, &got);
		ck_assert_uint_le(got, room);
		memcpy(r->p + r->len, out, got);
		r->len += got;
		free(out);
	}
	return rv;
}

/* Bytes of a hexadecimal text in a heap block of exactly that size (at least one). */
static inline uint8_t *unhex(const char *text, size_t *n)
{
	uint8_t *p;

	*n = strlen(text) / 2;
	p = malloc(*n != 0 ? *n : 1);
	ck_assert_ptr_nonnull(p);
	ck_assert(hz_hex_decode(text, strlen(text), p, *n));
	return p;
}

static inline void expect_hex(const uint8_t *p, size_t n, const char *text)
{
	size_t want_n;
	uint8_t *want = unhex(text, &want_n);

	ck_assert_uint_eq(n, want_n);
	ck_assert_mem_eq(p, want, n);
	free(want);
}

#endif
