/* SPDX-License-Identifier: Apache-2.0 */
/* C_EncapsulateKey and C_DecapsulateKey (PKCS#11 3.2 section 5.18). */
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "ck/names.h"
#include "ck/outlen.h"
#include "token/access.h"
#include "token/calls.h"
#include "token/newkey.h"
#include "token/note.h"
#include "token/op_int.h"

static CK_RV check_key(struct hz_session *s, const struct hz_mech_row *row, const struct hz_object *o, CK_OBJECT_CLASS cls,
		       CK_ATTRIBUTE_TYPE usage)
{
	if (!hz_mech_takes(row, o) || o->cls != cls)
		return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "%s takes no such %s key", hz_ckm_name(row->type), hz_ckk_name(o->key_type));
	return hz_may_use_at_once(s, o, usage, row->type);
}

/* Its length is known beforehand; a query and a short buffer make no key. */
static CK_RV has_room(struct hz_session *s, const struct hz_mech *m, struct hz_key *key, CK_BYTE *ct, CK_ULONG *ct_len, bool *go)
{
	struct hz_backend *be = s->token->be;
	size_t n = 0;
	CK_RV rv = be->ops->encapsulate_len(be, m, key, &n);

	*go = rv == CKR_OK && hz_out_len(ct, ct_len, n, &rv) == HZ_OUT_GO;
	return rv;
}

static CK_RV encapsulate(struct hz_session *s, const struct hz_mech *m, struct hz_key *key, struct hz_newkey *k, CK_BYTE *ct,
			 CK_ULONG *ct_len, CK_OBJECT_HANDLE *out)
{
	struct hz_backend *be = s->token->be;
	struct hz_buf b = HZ_BUF_INIT;
	CK_RV rv;

	rv = hz_newkey_prepare(k, s, HZ_DERIVE, CKO_SECRET_KEY, HZ_NO_KEY_TYPE, m->type);
	if (rv == CKR_OK)
		rv = hz_attrs_set_bool(&k->set, CKA_ALWAYS_SENSITIVE, false);
	if (rv == CKR_OK)
		rv = hz_attrs_set_bool(&k->set, CKA_NEVER_EXTRACTABLE, false);
	if (rv == CKR_OK)
		rv = be->ops->encapsulate(be, m, key, &b, &k->set);
	if (rv == CKR_OK && (b.failed || b.len > *ct_len))
		rv = hz_fail(CKR_GENERAL_ERROR, "the ciphertext is longer than was said");
	if (rv == CKR_OK)
		rv = hz_objects_add(s, &k->set, 1, out);
	if (rv == CKR_OK) {
		memcpy(ct, b.p, b.len);
		*ct_len = b.len;
	}
	hz_buf_free(&b);
	return rv;
}

CK_RV hz_encapsulate(struct hz_session *s, const CK_MECHANISM *mech, CK_OBJECT_HANDLE pub, const CK_ATTRIBUTE *tmpl, CK_ULONG count,
		     CK_BYTE *ct, CK_ULONG *ct_len, CK_OBJECT_HANDLE *key)
{
	struct hz_newkey k = HZ_NEWKEY_INIT;
	const struct hz_mech_row *row;
	struct hz_object *o = NULL;
	struct hz_key *pk = NULL;
	struct hz_mech m;
	bool go = false;
	CK_RV rv;

	if (ct_len == NULL || (key == NULL && ct != NULL))
		return hz_fail(CKR_ARGUMENTS_BAD, "pulCiphertextLen or phKey is NULL");
	rv = hz_newkey_mech(s, &m, mech, CKF_ENCAPSULATE, &row);
	if (rv == CKR_OK)
		rv = hz_object_get_key(s, pub, CKR_KEY_HANDLE_INVALID, &o);
	if (rv == CKR_OK)
		rv = check_key(s, row, o, CKO_PUBLIC_KEY, CKA_ENCAPSULATE);
	if (rv == CKR_OK)
		rv = hz_newkey_template(&k, tmpl, count, o, CKA_ENCAPSULATE_TEMPLATE);
	if (rv == CKR_OK)
		rv = hz_object_key(o, &pk);
	if (rv == CKR_OK)
		rv = has_room(s, &m, pk, ct, ct_len, &go);
	if (rv == CKR_OK && !go)
		hz_note_nothing(s);
	if (go)
		rv = encapsulate(s, &m, pk, &k, ct, ct_len, key);
	hz_newkey_free(&k);
	hz_object_unref(o);
	hz_mech_clear(&m);
	return rv;
}

static CK_RV decapsulate(struct hz_session *s, const struct hz_mech *m, struct hz_object *o, struct hz_newkey *k, const CK_BYTE *ct,
			 CK_ULONG ct_len)
{
	struct hz_backend *be = s->token->be;
	struct hz_key *key;
	CK_RV rv = hz_object_key(o, &key);

	if (rv == CKR_OK)
		rv = hz_schema_inherit(&k->set, &o->attrs);
	if (rv == CKR_OK)
		rv = be->ops->decapsulate(be, m, key, hz_op_bytes(ct), ct_len, &k->set);
	return rv;
}

CK_RV hz_decapsulate(struct hz_session *s, const CK_MECHANISM *mech, CK_OBJECT_HANDLE priv, const CK_ATTRIBUTE *tmpl, CK_ULONG count,
		     const CK_BYTE *ct, CK_ULONG ct_len, CK_OBJECT_HANDLE *key)
{
	struct hz_newkey k = HZ_NEWKEY_INIT;
	const struct hz_mech_row *row;
	struct hz_object *o = NULL;
	struct hz_mech m;
	CK_RV rv;

	if (key == NULL || (ct == NULL && ct_len != 0))
		return hz_fail(CKR_ARGUMENTS_BAD, "phKey or pCiphertext is NULL");
	if (ct_len > HZ_MAX_INPUT)
		return hz_fail(CKR_WRAPPED_KEY_LEN_RANGE, "ciphertext of %lu bytes", ct_len);
	rv = hz_newkey_mech(s, &m, mech, CKF_DECAPSULATE, &row);
	if (rv == CKR_OK)
		rv = hz_object_get_key(s, priv, CKR_KEY_HANDLE_INVALID, &o);
	if (rv == CKR_OK)
		rv = check_key(s, row, o, CKO_PRIVATE_KEY, CKA_DECAPSULATE);
	if (rv == CKR_OK)
		rv = hz_newkey_template(&k, tmpl, count, o, CKA_DECAPSULATE_TEMPLATE);
	if (rv == CKR_OK)
		rv = hz_newkey_prepare(&k, s, HZ_DERIVE, CKO_SECRET_KEY, HZ_NO_KEY_TYPE, row->type);
	if (rv == CKR_OK)
		rv = decapsulate(s, &m, o, &k, ct, ct_len);
	if (rv == CKR_OK)
		rv = hz_objects_add(s, &k.set, 1, key);
	hz_newkey_free(&k);
	hz_object_unref(o);
	hz_mech_clear(&m);
	return rv;
}
