/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of mechanisms: what a parameter leads to is gathered from private snapshots, checked, and laid out in one block. */
#include "ck/mech.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/secmem.h"
#include "ck/mech_check.h"
#include "ck/mech_param.h"
#include "ck/names.h"

_Static_assert(sizeof(((struct hz_mech *)NULL)->small) >= HZ_PARAM_MAX_SIZE, "a structure fits into the copy");

#define MAX_SEGMENTS (2 + HZ_PRF_MAX)
#define TOP ((size_t)-1) /* the segment that nothing points to */

/* A run of bytes of the copy, and the pointer field that leads to it. */
struct segment {
	const void *from;
	size_t len, at;              /* at: offset in the block */
	size_t parent, field;        /* segment and offset of the pointer */
};

/*
 * Everything that one parameter consists of. Structures with pointers or lengths are read from the caller once, into the
 * snapshots here; only plain bytes are copied straight from the caller's memory.
 */
struct gather {
	struct segment seg[MAX_SEGMENTS];
	size_t n, total;
	alignas(16) unsigned char top[HZ_PARAM_MAX_SIZE];
	CK_RSA_PKCS_OAEP_PARAMS oaep;
	CK_PRF_DATA_PARAM prf[HZ_PRF_MAX];
	union {
		CK_SP800_108_COUNTER_FORMAT counter;
		CK_SP800_108_DKM_LENGTH_FORMAT dkm;
	} format[HZ_PRF_MAX];
};

static size_t
add(struct gather *g, const void *from, size_t len, size_t parent, size_t field)
{
	struct segment *s = &g->seg[g->n];

	*s = (struct segment){ .from = from, .len = len, .at = g->total, .parent = parent, .field = field };
	g->total += (len + 15) & ~(size_t)15;
	return g->n++;
}

/* The pointers of the structure `s` (a snapshot, segment `parent`). An empty one becomes NULL when the block is laid out. */
static bool
add_pointers(struct gather *g, const struct hz_form *form, const unsigned char *s, size_t parent)
{
	for (size_t i = 0; i < form->n_ptrs; i++) {
		const struct hz_param_ptr *pp = &form->ptrs[i];
		const void *p;
		CK_ULONG len;

		memcpy(&p, s + pp->ptr, sizeof p);
		memcpy(&len, s + pp->len, sizeof len);
		if (len < pp->min || len > pp->max || (p == NULL && len != 0))
			return false;
		(void)add(g, p, len, parent, pp->ptr);
	}
	return true;
}

static bool
gather_oaep(struct gather *g, size_t top)
{
	CK_RSA_AES_KEY_WRAP_PARAMS p;
	size_t inner;

	memcpy(&p, g->top, sizeof p);
	memcpy(&g->oaep, p.pOAEPParams, sizeof g->oaep);
	if (!hz_check_oaep(&g->oaep, sizeof g->oaep))
		return false;
	inner = add(g, &g->oaep, sizeof g->oaep, top, offsetof(CK_RSA_AES_KEY_WRAP_PARAMS, pOAEPParams));
	return add_pointers(g, hz_form_of(CKM_RSA_PKCS_OAEP), (const unsigned char *)&g->oaep, inner);
}

/* One segment of the input of SP 800-108: plain bytes, or a small structure of which a snapshot is kept. */
static bool
add_prf(struct gather *g, size_t i, size_t array)
{
	const CK_PRF_DATA_PARAM *d = &g->prf[i];
	size_t field = i * sizeof *d + offsetof(CK_PRF_DATA_PARAM, pValue);

	if (d->pValue == NULL)
		return false;
	if (d->type == CK_SP800_108_BYTE_ARRAY) {
		if (d->ulValueLen == 0 || d->ulValueLen > 65536)
			return false;
		(void)add(g, d->pValue, d->ulValueLen, array, field);
		return true;
	}
	if (d->ulValueLen > sizeof g->format[i])
		return false;
	memcpy(&g->format[i], d->pValue, d->ulValueLen);
	if (!hz_check_prf(d->type, &g->format[i], d->ulValueLen))
		return false;
	(void)add(g, &g->format[i], d->ulValueLen, array, field);
	return true;
}

static bool
gather_sp800(struct gather *g, size_t top)
{
	CK_SP800_108_KDF_PARAMS p;
	size_t array;

	memcpy(&p, g->top, sizeof p);
	memcpy(g->prf, p.pDataParams, p.ulNumberOfDataParams * sizeof *g->prf);
	array = add(g, g->prf, p.ulNumberOfDataParams * sizeof *g->prf, top, offsetof(CK_SP800_108_KDF_PARAMS, pDataParams));
	for (size_t i = 0; i < p.ulNumberOfDataParams; i++) {
		if (!add_prf(g, i, array))
			return false;
	}
	return true;
}

static bool
gather(struct gather *g, const struct hz_form *form, const void *param, CK_ULONG len)
{
	size_t top;

	g->n = g->total = 0;
	if (param == NULL || (len != form->size && (form->size2 == 0 || len != form->size2)))
		return false;
	memset(g->top, 0, sizeof g->top);
	memcpy(g->top, param, len);
	if (form->check != NULL && !form->check(g->top, len))
		return false;
	top = add(g, g->top, form->size, TOP, 0);
	switch (form->nest) {
	case HZ_NEST_OAEP:
		return gather_oaep(g, top);
	case HZ_NEST_SP800:
		return gather_sp800(g, top);
	case HZ_NEST_PTRS:
		break;
	}
	return add_pointers(g, form, g->top, top);
}

static void
lay_out(const struct gather *g, unsigned char *block)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct segment *s = &g->seg[i];
		const void *to = s->len != 0 ? block + s->at : NULL;

		if (s->len != 0)
			memcpy(block + s->at, s->from, s->len);
		if (s->parent != TOP)
			memcpy(block + g->seg[s->parent].at + s->field, &to, sizeof to);
	}
}

static CK_RV
place(struct hz_mech *out, const struct hz_form *form, const struct gather *g)
{
	unsigned char *block = out->small;

	if (form->secret || g->total > sizeof out->small) {
		out->heap = form->secret ? hz_secmem_alloc(g->total) : malloc(g->total);
		if (out->heap == NULL)
			return hz_fail(CKR_HOST_MEMORY, "no memory for a parameter of %zu bytes", g->total);
		out->heap_len = g->total;
		out->secret = form->secret;
		block = out->heap;
	}
	lay_out(g, block);
	out->param = block;
	out->param_len = form->size;
	return CKR_OK;
}

/* The fields before `small`, which is written only as far as it is used. */
static void
start(struct hz_mech *out, CK_MECHANISM_TYPE type)
{
	out->type = type;
	out->param = NULL;
	out->param_len = 0;
	out->heap = NULL;
	out->heap_len = 0;
	out->secret = false;
}

static CK_RV
bad_parameter(CK_MECHANISM_TYPE type, CK_ULONG len)
{
	return hz_fail(CKR_MECHANISM_PARAM_INVALID, "bad parameter of %lu bytes for %s", len, hz_ckm_name(type));
}

/* What a pointer of the structure in `small` leads to, copied behind it to offset *at. False when it is too long for that, or bad. */
static bool
pull_in(struct hz_mech *out, const struct hz_param_ptr *pp, size_t *at)
{
	const void *from, *to = NULL;
	CK_ULONG len;

	memcpy(&from, out->small + pp->ptr, sizeof from);
	memcpy(&len, out->small + pp->len, sizeof len);
	if (len < pp->min || len > pp->max || (from == NULL && len != 0) || len > sizeof out->small - *at)
		return false;
	if (len != 0) {
		memcpy(out->small + *at, from, len);
		to = out->small + *at;
		*at += (len + 15) & ~(size_t)15; /* the size of `small` is a multiple of 16 */
	}
	memcpy(out->small + pp->ptr, &to, sizeof to);
	return true;
}

/*
 * The short way for what every Init of a cipher brings: a flat structure that fits into `small` with all it leads to. Says no to
 * everything else, errors included, and then the long way reads and judges all of it anew.
 */
static bool
copy_small(struct hz_mech *out, const struct hz_form *form, const CK_MECHANISM *m)
{
	size_t at = (form->size + 15u) & ~15u;

	if (form->secret || form->nest != HZ_NEST_PTRS || m->pParameter == NULL || m->ulParameterLen != form->size)
		return false;
	memcpy(out->small, m->pParameter, form->size);
	if (form->check != NULL && !form->check(out->small, form->size))
		return false;
	for (size_t i = 0; i < form->n_ptrs; i++) {
		if (!pull_in(out, &form->ptrs[i], &at))
			return false;
	}
	out->param = out->small;
	out->param_len = form->size;
	return true;
}

static CK_RV
copy_parameter(struct hz_mech *out, const struct hz_form *form, const CK_MECHANISM *m)
{
	struct gather g;
	CK_RV rv;

	if (m->ulParameterLen == 0)
		return form->optional ? CKR_OK : bad_parameter(m->mechanism, 0);
	if (copy_small(out, form, m))
		return CKR_OK;
	rv = gather(&g, form, m->pParameter, m->ulParameterLen) ? place(out, form, &g)
								: bad_parameter(m->mechanism, m->ulParameterLen);
	if (form->secret)
		hz_wipe(&g, sizeof g);
	return rv;
}

CK_RV
hz_mech_copy(struct hz_mech *out, const CK_MECHANISM *in)
{
	const struct hz_form *form;
	CK_MECHANISM m;

	start(out, CK_UNAVAILABLE_INFORMATION);
	if (in == NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "the mechanism is NULL");
	m = *in;
	out->type = m.mechanism;
	form = hz_form_of(m.mechanism);
	if (form == NULL)
		return CKR_OK;
	if (form->size == 0)
		return m.ulParameterLen == 0 ? CKR_OK : bad_parameter(m.mechanism, m.ulParameterLen);
	return copy_parameter(out, form, &m);
}

CK_RV
hz_mech_copy_message(struct hz_mech *out, const CK_MECHANISM *in)
{
	CK_ULONG size = in != NULL ? hz_message_size(in->mechanism) : 0;
	CK_MECHANISM m;

	if (size == 0)
		return hz_mech_copy(out, in);
	m = *in;
	start(out, m.mechanism);
	if (m.ulParameterLen != 0 && (m.ulParameterLen != size || m.pParameter == NULL))
		return bad_parameter(m.mechanism, m.ulParameterLen);
	return CKR_OK;
}

CK_RV
hz_mech_check_message(CK_MECHANISM_TYPE type, const void *param, CK_ULONG len)
{
	if (param == NULL || len == 0 || len != hz_message_size(type) || !hz_message_ok(type, param))
		return bad_parameter(type, len);
	return CKR_OK;
}

void
hz_mech_clear(struct hz_mech *m)
{
	if (m->secret)
		hz_secmem_free(m->heap);
	else
		free(m->heap);
	start(m, m->type);
}
