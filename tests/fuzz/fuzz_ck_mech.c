/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: mechanism parameters. Input: u16 mechanism (an index), u8 length, the structure's bytes; pointers in it are put in
 * here, to memory of the length that the structure gives or to NULL. */
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "ck/mech.h"
#include "ck/mech_param.h"
#include "hanzo-pkcs11.h"
#include "../unit/mech_equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(c) ((c) ? (void)0 : abort())
#define ROOM 4096

static const CK_MECHANISM_TYPE types[] = {
#define X(type) type,
#include "ck/mech_list.h"
#undef X
};

static unsigned char room[ROOM];

/* Pointers lead to `room` or nowhere; a length beyond it stays only where it must be refused. */
static void
point(const struct hz_form *form, unsigned char *s)
{
	for (size_t i = 0; i < form->n_ptrs; i++) {
		const void *p = room;
		CK_ULONG len;

		memcpy(&len, s + form->ptrs[i].len, sizeof len);
		if (len > ROOM && len <= form->ptrs[i].max)
			len = ROOM;
		if ((s[form->ptrs[i].ptr] & 15) == 15)
			p = NULL;
		memcpy(s + form->ptrs[i].len, &len, sizeof len);
		memcpy(s + form->ptrs[i].ptr, &p, sizeof p);
	}
}

static void
point_segments(struct hz_reader *r, CK_SP800_108_KDF_PARAMS *p, CK_PRF_DATA_PARAM *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t type = hz_rd_u8(r), len = hz_rd_u8(r);

		d[i] = (CK_PRF_DATA_PARAM){ type & 7, room, len == 255 ? (CK_ULONG)-1 : len };
		hz_rd_copy(r, room, 4);
	}
	p->pDataParams = p->ulNumberOfDataParams % 5 == 4 ? NULL : d;
	if (p->ulNumberOfDataParams > n && p->ulNumberOfDataParams <= HZ_PRF_MAX)
		p->ulNumberOfDataParams = n;
}

static void
use(const CK_MECHANISM *m)
{
	struct hz_mech a, b;
	CK_MECHANISM again;
	CK_RV rv = hz_mech_copy(&a, m);

	CHECK(rv == CKR_OK || rv == CKR_MECHANISM_PARAM_INVALID);
	if (rv == CKR_OK) {
		again = (CK_MECHANISM){ a.type, a.param, a.param_len };
		CHECK(hz_mech_copy(&b, &again) == CKR_OK && mech_equal(&a, &b) && mech_equal(&b, &a));
		hz_mech_clear(&b);
	}
	hz_mech_clear(&a);
	if (hz_mech_copy_message(&b, m) == CKR_OK)
		(void)hz_mech_check_message(m->mechanism, m->pParameter, m->ulParameterLen);
	hz_mech_clear(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_Alignas(16) unsigned char s[256] = { 0 };
	struct hz_reader r = hz_rd(data, size);
	CK_MECHANISM m = { types[hz_rd_u16le(&r) % (sizeof types / sizeof *types)], s, hz_rd_u8(&r) };
	const struct hz_form *form = hz_form_of(m.mechanism);
	CK_RSA_PKCS_OAEP_PARAMS oaep;
	CK_PRF_DATA_PARAM d[HZ_PRF_MAX];

	hz_rd_copy(&r, s, m.ulParameterLen < hz_rd_left(&r) ? m.ulParameterLen : hz_rd_left(&r));
	if (form != NULL && form->size2 == 0)
		point(form, s);
	else if (form != NULL && m.ulParameterLen == form->size)
		point(form, s);
	else if (form != NULL)
		m.ulParameterLen = m.ulParameterLen == form->size2 ? 0 : m.ulParameterLen;
	if (form != NULL && form->nest == HZ_NEST_OAEP) {
		hz_rd_copy(&r, &oaep, sizeof oaep);
		point(hz_form_of(CKM_RSA_PKCS_OAEP), (unsigned char *)&oaep);
		((CK_RSA_AES_KEY_WRAP_PARAMS *)(void *)s)->pOAEPParams = (s[8] & 15) == 15 ? NULL : &oaep;
	}
	if (form != NULL && form->nest == HZ_NEST_SP800)
		point_segments(&r, (CK_SP800_108_KDF_PARAMS *)(void *)s, d, HZ_PRF_MAX);
	use(&m);
	return 0;
}
