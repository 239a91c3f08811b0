/* SPDX-License-Identifier: Apache-2.0 */
/* C_GenerateKey and C_GenerateKeyPair (PKCS#11 3.1 section 5.18). */
#include "base/error.h"
#include "token/calls.h"
#include "token/newkey.h"

CK_RV hz_generate_key(struct hz_session *s, const CK_MECHANISM *mech, const CK_ATTRIBUTE *tmpl, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	struct hz_backend *be = s->token->be;
	struct hz_newkey k = HZ_NEWKEY_INIT;
	const struct hz_mech_row *row;
	struct hz_mech m;
	CK_RV rv;

	if (key == NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "phKey is NULL");
	rv = hz_newkey_mech(s, &m, mech, CKF_GENERATE, &row);
	if (rv == CKR_OK)
		rv = hz_newkey_template(&k, tmpl, count, NULL, 0);
	if (rv == CKR_OK)
		rv = hz_newkey_prepare(&k, s, HZ_GENERATE, CKO_SECRET_KEY, hz_newkey_type(row, &k.tmpl), row->type);
	if (rv == CKR_OK)
		rv = be->ops->generate(be, &m, &k.set);
	if (rv == CKR_OK)
		rv = hz_objects_add(s, &k.set, 1, key);
	hz_newkey_free(&k);
	hz_mech_clear(&m);
	return rv;
}

/* An attribute that belongs to the pair, given in one template only, is meant for both. */
static CK_RV share(struct hz_attrs *to, const struct hz_attrs *from, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_attr *at = hz_attrs_find(from, type);

	if (at == NULL || hz_attrs_find(to, type) != NULL)
		return CKR_OK;
	return hz_attrs_set(to, type, at->value, at->len, false);
}

/* The parameter set of 3.2's key types stands in either template, and CKA_ID is what callers tell the halves by. */
static CK_RV share_both(struct hz_newkey *pub, struct hz_newkey *priv)
{
	CK_RV rv = share(&pub->tmpl, &priv->tmpl, CKA_PARAMETER_SET);

	if (rv == CKR_OK)
		rv = share(&pub->tmpl, &priv->tmpl, CKA_ID);
	return rv == CKR_OK ? share(&priv->tmpl, &pub->tmpl, CKA_ID) : rv;
}

static CK_RV prepare_pair(struct hz_session *s, const struct hz_mech_row *row, struct hz_newkey *pub, struct hz_newkey *priv)
{
	CK_KEY_TYPE kt = hz_newkey_type(row, hz_attrs_find(&pub->tmpl, CKA_KEY_TYPE) != NULL ? &pub->tmpl : &priv->tmpl);
	CK_RV rv = share_both(pub, priv);

	if (rv == CKR_OK)
		rv = hz_newkey_prepare(pub, s, HZ_GENERATE, CKO_PUBLIC_KEY, kt, row->type);
	return rv == CKR_OK ? hz_newkey_prepare(priv, s, HZ_GENERATE, CKO_PRIVATE_KEY, kt, row->type) : rv;
}

/* Both halves in one transaction; the sets go over to the objects. */
static CK_RV add_pair(struct hz_session *s, struct hz_newkey *pub, struct hz_newkey *priv, CK_OBJECT_HANDLE *hpub,
		      CK_OBJECT_HANDLE *hpriv)
{
	struct hz_attrs sets[2] = { pub->set, priv->set };
	CK_OBJECT_HANDLE handles[2];
	CK_RV rv;

	pub->set = priv->set = (struct hz_attrs)HZ_ATTRS_INIT;
	rv = hz_objects_add(s, sets, 2, handles);
	if (rv == CKR_OK) {
		*hpub = handles[0];
		*hpriv = handles[1];
	}
	return rv;
}

CK_RV hz_generate_pair(struct hz_session *s, const CK_MECHANISM *mech, const CK_ATTRIBUTE *pub, CK_ULONG npub,
		       const CK_ATTRIBUTE *priv, CK_ULONG npriv, CK_OBJECT_HANDLE *hpub, CK_OBJECT_HANDLE *hpriv)
{
	struct hz_backend *be = s->token->be;
	struct hz_newkey a = HZ_NEWKEY_INIT, b = HZ_NEWKEY_INIT;
	const struct hz_mech_row *row;
	struct hz_mech m;
	CK_RV rv;

	if (hpub == NULL || hpriv == NULL)
		return hz_fail(CKR_ARGUMENTS_BAD, "phPublicKey or phPrivateKey is NULL");
	rv = hz_newkey_mech(s, &m, mech, CKF_GENERATE_KEY_PAIR, &row);
	if (rv == CKR_OK)
		rv = hz_newkey_template(&a, pub, npub, NULL, 0);
	if (rv == CKR_OK)
		rv = hz_newkey_template(&b, priv, npriv, NULL, 0);
	if (rv == CKR_OK)
		rv = prepare_pair(s, row, &a, &b);
	if (rv == CKR_OK)
		rv = be->ops->generate_pair(be, &m, &a.set, &b.set);
	if (rv == CKR_OK)
		rv = add_pair(s, &a, &b, hpub, hpriv);
	hz_newkey_free(&a);
	hz_newkey_free(&b);
	hz_mech_clear(&m);
	return rv;
}
