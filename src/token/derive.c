/* SPDX-License-Identifier: Apache-2.0 */
/* C_DeriveKey (PKCS#11 3.1 section 5.18.5). */
#include "base/error.h"
#include "ck/names.h"
#include "token/access.h"
#include "token/calls.h"
#include "token/newkey.h"
#include "token/op_int.h"

/*
 * HKDF may name its salt by a key handle, which means something on this floor only: the copy of the parameter gets the key's value
 * instead (3.1 section 6.62). *salt keeps the object, and so the value, until the derivation is over.
 */
static CK_RV resolve_salt(struct hz_session *s, struct hz_mech *m, struct hz_object **salt)
{
	CK_HKDF_PARAMS *p = m->param;
	const struct hz_attr *v;
	CK_RV rv;

	if ((m->type != CKM_HKDF_DERIVE && m->type != CKM_HKDF_DATA) || p == NULL || p->ulSaltType != CKF_HKDF_SALT_KEY)
		return CKR_OK;
	rv = hz_object_get_key(s, p->hSaltKey, CKR_KEY_HANDLE_INVALID, salt);
	if (rv == CKR_OK)
		rv = hz_may_use_at_once(s, *salt, CKA_DERIVE, m->type);
	if (rv != CKR_OK)
		return rv;
	v = hz_attrs_find(&(*salt)->attrs, CKA_VALUE);
	if ((*salt)->cls != CKO_SECRET_KEY || v == NULL)
		return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "the salt is no secret key with a value here");
	p->ulSaltType = CKF_HKDF_SALT_DATA;
	p->pSalt = v->value;
	p->ulSaltLen = v->len;
	return CKR_OK;
}

static CK_RV check_base(struct hz_session *s, const struct hz_mech_row *row, const struct hz_object *base)
{
	if (!hz_mech_takes(row, base) || base->cls == CKO_PUBLIC_KEY)
		return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "%s derives nothing from a %s key", hz_ckm_name(row->type),
			       hz_ckk_name(base->key_type));
	return hz_may_use_at_once(s, base, CKA_DERIVE, row->type);
}

/*
 * CKM_HKDF_DATA is told by CKA_VALUE_LEN how long a data object to make, which is no attribute of one: it passes by the rules of the
 * class, and the backend takes it out again.
 */
static CK_RV prepare(struct hz_session *s, const struct hz_mech_row *row, struct hz_newkey *k)
{
	bool data = row->made_class == CKO_DATA;
	CK_ULONG len = hz_attrs_ulong(&k->tmpl, CKA_VALUE_LEN, 0);
	CK_RV rv;

	if (data)
		hz_attrs_remove(&k->tmpl, CKA_VALUE_LEN);
	rv = hz_newkey_prepare(k, s, HZ_DERIVE, row->made_class, HZ_NO_KEY_TYPE, row->type);
	return rv == CKR_OK && data && len != 0 ? hz_attrs_set_ulong(&k->set, CKA_VALUE_LEN, len) : rv;
}

static CK_RV derive(struct hz_session *s, const struct hz_mech *m, struct hz_object *base, struct hz_newkey *k)
{
	struct hz_backend *be = s->token->be;
	struct hz_key *key;
	CK_RV rv = hz_object_key(base, &key);

	if (rv == CKR_OK)
		rv = hz_schema_inherit(&k->set, &base->attrs);
	if (rv == CKR_OK)
		rv = be->ops->derive(be, m, key, &k->set);
	return rv;
}

CK_RV hz_derive_key(struct hz_session *s, const CK_MECHANISM *mech, CK_OBJECT_HANDLE base, const CK_ATTRIBUTE *tmpl, CK_ULONG count,
		    CK_OBJECT_HANDLE *key)
{
	struct hz_newkey k = HZ_NEWKEY_INIT;
	const struct hz_mech_row *row;
	struct hz_object *o = NULL, *salt = NULL;
	struct hz_mech m;
	CK_RV rv;

	if (key == NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "phKey is NULL");
	rv = hz_newkey_mech(s, &m, mech, CKF_DERIVE, &row);
	if (rv == CKR_OK)
		rv = hz_object_get_key(s, base, CKR_KEY_HANDLE_INVALID, &o);
	if (rv == CKR_OK)
		rv = check_base(s, row, o);
	if (rv == CKR_OK)
		rv = resolve_salt(s, &m, &salt);
	if (rv == CKR_OK)
		rv = hz_newkey_template(&k, tmpl, count, o, CKA_DERIVE_TEMPLATE);
	if (rv == CKR_OK)
		rv = prepare(s, row, &k);
	if (rv == CKR_OK)
		rv = derive(s, &m, o, &k);
	if (rv == CKR_OK)
		rv = hz_objects_add(s, &k.set, 1, key);
	hz_newkey_free(&k);
	hz_mech_clear(&m);
	hz_object_unref(salt);
	hz_object_unref(o);
	return rv;
}
