/* SPDX-License-Identifier: Apache-2.0 */
/* Do two copies of mechanisms mean the same? Told by the values that the structures lead to, for the tests of src/ck/mech.h. */
#ifndef MECH_EQUAL_H
#define MECH_EQUAL_H

#include <string.h>

#include "ck/mech.h"
#include "ck/mech_param.h"

static inline bool
bytes_equal(const void *a, const void *b, size_t len)
{
	return len == 0 || memcmp(a, b, len) == 0;
}

/* One structure and what its pointers lead to. */
static inline bool
struct_equal(const struct hz_form *form, const void *a, const void *b)
{
	unsigned char x[HZ_PARAM_MAX_SIZE], y[HZ_PARAM_MAX_SIZE];
	bool equal = true;

	memcpy(x, a, form->size);
	memcpy(y, b, form->size);
	for (size_t i = 0; equal && i < form->n_ptrs; i++) {
		const void *p, *q;
		CK_ULONG n, m;

		memcpy(&p, x + form->ptrs[i].ptr, sizeof p);
		memcpy(&q, y + form->ptrs[i].ptr, sizeof q);
		memcpy(&n, x + form->ptrs[i].len, sizeof n);
		memcpy(&m, y + form->ptrs[i].len, sizeof m);
		equal = n == m && bytes_equal(p, q, n);
		memset(x + form->ptrs[i].ptr, 0, sizeof p);
		memset(y + form->ptrs[i].ptr, 0, sizeof q);
	}
	return equal && memcmp(x, y, form->size) == 0;
}

static inline bool
sp800_equal(const CK_SP800_108_KDF_PARAMS *a, const CK_SP800_108_KDF_PARAMS *b)
{
	bool equal = a->prfType == b->prfType && a->ulNumberOfDataParams == b->ulNumberOfDataParams &&
		     a->ulAdditionalDerivedKeys == b->ulAdditionalDerivedKeys;

	for (CK_ULONG i = 0; equal && i < a->ulNumberOfDataParams; i++) {
		const CK_PRF_DATA_PARAM *p = &a->pDataParams[i], *q = &b->pDataParams[i];

		equal = p->type == q->type && p->ulValueLen == q->ulValueLen && bytes_equal(p->pValue, q->pValue, p->ulValueLen);
	}
	return equal;
}

static inline bool
wrap_equal(const CK_RSA_AES_KEY_WRAP_PARAMS *a, const CK_RSA_AES_KEY_WRAP_PARAMS *b)
{
	return a->ulAESKeyBits == b->ulAESKeyBits && struct_equal(hz_form_of(CKM_RSA_PKCS_OAEP), a->pOAEPParams, b->pOAEPParams);
}

static inline bool
mech_equal(const struct hz_mech *a, const struct hz_mech *b)
{
	const struct hz_form *form = hz_form_of(a->type);

	if (a->type != b->type || a->param_len != b->param_len)
		return false;
	if (form == NULL || a->param_len == 0)
		return true;
	switch (form->nest) {
	case HZ_NEST_OAEP:
		return wrap_equal(a->param, b->param);
	case HZ_NEST_SP800:
		return sp800_equal(a->param, b->param);
	case HZ_NEST_PTRS:
		break;
	}
	return struct_equal(form, a->param, b->param);
}

#endif
