/* SPDX-License-Identifier: Apache-2.0 */
/* Names of PKCS#11 numbers: sorted tables from the lists, searched by halving. */
#include "ck/names.h"

#include <stdio.h>
#include <stdlib.h>

#include "hanzo-pkcs11.h"

struct name {
	CK_ULONG v;
	const char *text;
};

#define X(n) { n, #n },
static const struct name rv_names[] = {
#include "ck/rv_list.h"
};
static const struct name mech_names[] = {
#include "ck/mech_list.h"
};
static const struct name class_names[] = {
#include "ck/class_list.h"
};
static const struct name key_type_names[] = {
#include "ck/key_type_list.h"
};
#undef X
#define X(n, kind) { n, #n },
static const struct name attr_names[] = {
#include "ck/attr_list.h"
};
#undef X

#define COUNT(t) (sizeof(t) / sizeof *(t))
#define TEXT_LEN 32 /* "CKM_0x" and 16 digits */

static int
by_value(const void *key, const void *elem)
{
	CK_ULONG v = *(const CK_ULONG *)key, e = ((const struct name *)elem)->v;

	return v < e ? -1 : v > e;
}

static const char *
look_up(const struct name *t, size_t n, CK_ULONG v, const char *prefix, char *text)
{
	const struct name *hit = bsearch(&v, t, n, sizeof *t, by_value);

	if (hit != NULL)
		return hit->text;
	(void)snprintf(text, TEXT_LEN, "%s0x%08lx", prefix, v);
	return text;
}

const char *
hz_ckr_name(CK_RV rv)
{
	static _Thread_local char text[TEXT_LEN];

	return look_up(rv_names, COUNT(rv_names), rv, "CKR_", text);
}

const char *
hz_ckm_name(CK_MECHANISM_TYPE m)
{
	static _Thread_local char text[TEXT_LEN];

	return look_up(mech_names, COUNT(mech_names), m, "CKM_", text);
}

const char *
hz_cka_name(CK_ATTRIBUTE_TYPE a)
{
	static _Thread_local char text[TEXT_LEN];

	return look_up(attr_names, COUNT(attr_names), a, "CKA_", text);
}

const char *
hz_cko_name(CK_OBJECT_CLASS c)
{
	static _Thread_local char text[TEXT_LEN];

	return look_up(class_names, COUNT(class_names), c, "CKO_", text);
}

const char *
hz_ckk_name(CK_KEY_TYPE k)
{
	static _Thread_local char text[TEXT_LEN];

	return look_up(key_type_names, COUNT(key_type_names), k, "CKK_", text);
}
