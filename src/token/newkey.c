/* SPDX-License-Identifier: Apache-2.0 */
/* New keys: template, full set, permission, value. */
#include "token/newkey.h"

#include "base/error.h"
#include "ck/keyspace.h"
#include "token/access.h"
#include "token/note.h"
#include "token/op_int.h"

void hz_newkey_free(struct hz_newkey *k)
{
	hz_attrs_free(&k->tmpl);
	hz_attrs_free(&k->set);
}

CK_RV hz_newkey_template(struct hz_newkey *k, const CK_ATTRIBUTE *tmpl, CK_ULONG count, const struct hz_object *with,
			 CK_ATTRIBUTE_TYPE nested)
{
	const struct hz_attrs *forced = with != NULL ? hz_attrs_nested(&with->attrs, nested) : NULL;
	CK_RV rv = hz_attrs_copy_in(&k->tmpl, tmpl, count, true);

	return rv == CKR_OK && forced != NULL ? hz_schema_force(&k->tmpl, forced) : rv;
}

CK_RV hz_newkey_prepare(struct hz_newkey *k, struct hz_session *s, enum hz_origin origin, CK_OBJECT_CLASS cls, CK_KEY_TYPE kt,
			CK_MECHANISM_TYPE gen_mech)
{
	bool so = atomic_load(&s->token->login) == HZ_SO;
	CK_RV rv = hz_schema_new(&k->set, origin, &k->tmpl, cls, kt, gen_mech, so);

	if (rv == CKR_OK)
		rv = hz_keyspace_apply(&k->set, s->token->separator);
	return rv == CKR_OK ? hz_may_make(s, &k->set) : rv;
}

CK_RV hz_newkey_validate(struct hz_newkey *k, struct hz_session *s, CK_RV bad)
{
	struct hz_backend *be = s->token->be;
	struct hz_key *key = NULL;
	CK_RV rv = CKR_OK;

	if (hz_attrs_find(&k->set, CKA_KEY_TYPE) == NULL)
		return CKR_OK; /* a derived data object */
	if (be->ops->complete != NULL)
		rv = be->ops->complete(be, &k->set);
	if (rv == CKR_OK)
		rv = be->ops->key_open(be, &k->set, 0, &key);
	if (rv == CKR_OK)
		be->ops->key_free(be, key);
	return rv == CKR_ATTRIBUTE_VALUE_INVALID ? bad : rv;
}

CK_KEY_TYPE hz_newkey_type(const struct hz_mech_row *row, const struct hz_attrs *tmpl)
{
	CK_KEY_TYPE said = hz_attrs_ulong(tmpl, CKA_KEY_TYPE, HZ_NO_KEY_TYPE);

	if (row->key_types[0] == HZ_ANY_KEY_TYPE || row->key_types[0] == HZ_NO_KEY_TYPE)
		return HZ_NO_KEY_TYPE;
	for (size_t i = 0; i < sizeof row->key_types / sizeof row->key_types[0]; i++)
		if (said != HZ_NO_KEY_TYPE && row->key_types[i] == said)
			return said;
	return row->key_types[0];
}

CK_RV hz_newkey_mech(struct hz_session *s, struct hz_mech *m, const CK_MECHANISM *mech, CK_FLAGS flag, const struct hz_mech_row **row)
{
	CK_RV rv;

	m->type = CK_UNAVAILABLE_INFORMATION; /* what is needed to clear it in any case */
	m->heap = NULL;
	m->secret = false;
	if (mech == NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "the mechanism is NULL");
	hz_note_mech(s, mech->mechanism);
	rv = hz_note_change(s);
	if (rv == CKR_OK)
		rv = hz_mech_row_for(s->token, mech->mechanism, flag, row);
	if (rv == CKR_OK)
		rv = hz_mech_copy(m, mech);
	if (rv == CKR_OK && m->type != (*row)->type)
		rv = hz_fail(CKR_ARGUMENTS_BAD, "the mechanism changed while it was read");
	return rv;
}
