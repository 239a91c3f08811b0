/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the software backend: built from attributes, freed, and objects completed when they are created. */
#include <stdlib.h>
#include <string.h>

#include "backend/soft_asym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/der.h"
#include "crypto/k256.h"
#include "crypto/libctx.h"

static const struct {
	CK_KEY_TYPE type;
	CK_RV (*build)(struct hz_key *key);
	CK_RV (*complete)(struct hz_attrs *a);
} families[] = {
	{ CKK_RSA, hz_soft_rsa_key, hz_soft_rsa_complete },
	{ CKK_EC, hz_soft_ec_key, hz_soft_ec_complete },
	{ CKK_EC_EDWARDS, hz_soft_ed_key, hz_soft_ed_complete },
	{ CKK_EC_MONTGOMERY, hz_soft_ed_key, hz_soft_ed_complete },
	{ CKK_ML_DSA, hz_soft_pq_key, hz_soft_pq_complete },
	{ CKK_ML_KEM, hz_soft_pq_key, hz_soft_pq_complete },
};
enum { FAMILIES = sizeof families / sizeof families[0] };

CK_RV hz_attr_need(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, struct hz_reader *out)
{
	const struct hz_attr *v = hz_attrs_find(a, type);

	if (v == NULL || v->len == 0)
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "attribute 0x%lx is missing", type);
	*out = hz_rd(v->value, v->len);
	return CKR_OK;
}

CK_RV hz_attr_strip(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool secret)
{
	const struct hz_attr *v = hz_attrs_find(a, type);
	const uint8_t *p;
	size_t skip = 0;
	uint8_t *copy;
	CK_RV rv;

	if (v == NULL || v->len == 0)
		return CKR_OK;
	for (p = v->value; skip + 1 < v->len && p[skip] == 0;)
		skip++;
	if (skip == 0)
		return CKR_OK;
	copy = hz_secmem_dup(p + skip, v->len - skip);
	if (copy == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	rv = hz_attrs_set(a, type, copy, v->len - skip, secret);
	hz_secmem_free(copy);
	return rv;
}

CK_RV hz_key_is(const struct hz_key *key, CK_OBJECT_CLASS cls)
{
	if (key != NULL && key->cls == cls)
		return CKR_OK;
	return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "the mechanism needs the other half of the key pair");
}

void hz_soft_key_free(struct hz_key *key)
{
	if (key == NULL)
		return;
	if (key->ext_free != NULL)
		key->ext_free(key->ext);
	EVP_PKEY_free(key->pkey);
	hz_secmem_free(key->secret);
	hz_attrs_free(&key->attrs);
	free(key);
}

static CK_RV build(struct hz_key *key)
{
	if (key->cls == CKO_SECRET_KEY)
		return hz_soft_secret_key(key);
	if (key->cls != CKO_PUBLIC_KEY && key->cls != CKO_PRIVATE_KEY)
		return hz_fail(CKR_KEY_HANDLE_INVALID, "the object is no key");
	for (size_t i = 0; i < FAMILIES; i++)
		if (families[i].type == key->type)
			return families[i].build(key);
	return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "key type 0x%lx has no use here", key->type);
}

CK_RV hz_soft_key_new(const struct hz_attrs *attrs, struct hz_key **out)
{
	struct hz_key *key = calloc(1, sizeof *key);
	CK_RV rv;

	if (key == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	key->cls = hz_attrs_ulong(attrs, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
	key->type = hz_attrs_ulong(attrs, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	rv = hz_attrs_dup(&key->attrs, attrs);
	if (rv == CKR_OK)
		rv = build(key);
	if (rv != CKR_OK) {
		(void)hz_ossl_reason(); /* nothing of ours stays in the thread's error queue */
		hz_soft_key_free(key);
		return rv;
	}
	*out = key;
	return CKR_OK;
}

CK_RV hz_key_set_spki(struct hz_attrs *a, const struct hz_key *key)
{
	const struct hz_attr *given = hz_attrs_find(a, CKA_PUBLIC_KEY_INFO);
	struct hz_buf spki = HZ_BUF_INIT;
	CK_RV rv = hz_key_make_spki(key, &spki);

	if (rv != CKR_OK)
		goto out;
	if (given != NULL && given->len != 0 && (given->len != spki.len || memcmp(given->value, spki.p, spki.len) != 0))
		rv = hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "CKA_PUBLIC_KEY_INFO is another key's");
	else
		rv = hz_attrs_set(a, CKA_PUBLIC_KEY_INFO, spki.p, spki.len, false);
out:
	hz_buf_free(&spki);
	return rv;
}

static CK_RV set_address(struct hz_attrs *a, const struct hz_key *key)
{
	uint8_t address[20];

	if (!key->is_k256 || !key->has_k256_pub)
		return CKR_OK;
	if (!hz_k256_address(key->k256_pub, address))
		return hz_fail(CKR_FUNCTION_FAILED, "no Ethereum address");
	return hz_attrs_set(a, CKA_HANZO_ADDRESS, address, sizeof address, false);
}

static CK_RV complete_key(struct hz_attrs *a)
{
	CK_KEY_TYPE type = hz_attrs_ulong(a, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	struct hz_key *key = NULL;
	size_t i = 0;
	CK_RV rv;

	while (i < FAMILIES && families[i].type != type)
		i++;
	if (i == FAMILIES)
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "key type 0x%lx is not supported", type);
	rv = families[i].complete(a);
	if (rv == CKR_OK)
		rv = hz_soft_key_new(a, &key);
	if (rv == CKR_OK)
		rv = hz_key_set_spki(a, key);
	if (rv == CKR_OK)
		rv = set_address(a, key);
	hz_soft_key_free(key);
	return rv;
}

/* The SubjectPublicKeyInfo inside a certificate, by RFC 5280 section 4.1 alone: the key itself is nobody's to parse here. */
static bool certificate_spki(const struct hz_attr *value, struct hz_reader *spki)
{
	struct hz_reader r = hz_rd(value->value, value->len), cert, tbs, skip;

	if (!hz_der_get(&r, HZ_DER_SEQUENCE, &cert) || !hz_rd_end(&r) || !hz_der_get(&cert, HZ_DER_SEQUENCE, &tbs))
		return false;
	if (hz_der_next_is(&tbs, 0xa0))
		(void)hz_der_any(&tbs, &skip);
	for (int i = 0; i < 5; i++) /* serialNumber, signature, issuer, validity, subject */
		if (!hz_der_any(&tbs, &skip))
			return false;
	return hz_der_next_is(&tbs, HZ_DER_SEQUENCE) && hz_der_any(&tbs, spki);
}

/* 3.1 section 4.6.2: CKA_CHECK_VALUE of a certificate is the head of the SHA-1 of its value. */
static CK_RV complete_certificate(struct hz_attrs *a)
{
	const struct hz_attr *value = hz_attrs_find(a, CKA_VALUE), *given;
	uint8_t digest[HZ_HASH_MAX];
	struct hz_reader spki;
	CK_RV rv = CKR_OK;

	if (value == NULL || value->len == 0)
		return CKR_OK;
	given = hz_attrs_find(a, CKA_PUBLIC_KEY_INFO);
	if ((given == NULL || given->len == 0) && certificate_spki(value, &spki))
		rv = hz_attrs_set(a, CKA_PUBLIC_KEY_INFO, spki.p, spki.left, false);
	if (rv != CKR_OK)
		return rv;
	value = hz_attrs_find(a, CKA_VALUE);
	hz_hash_once(HZ_SHA1, value->value, value->len, digest);
	given = hz_attrs_find(a, CKA_CHECK_VALUE);
	if (given != NULL && given->len != 0 && (given->len != 3 || memcmp(given->value, digest, 3) != 0))
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "CKA_CHECK_VALUE is not the certificate's");
	return given != NULL && given->len == 0 ? CKR_OK : hz_attrs_set(a, CKA_CHECK_VALUE, digest, 3, false);
}

CK_RV hz_soft_complete(struct hz_attrs *a)
{
	CK_OBJECT_CLASS cls = hz_attrs_ulong(a, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);

	switch (cls) {
	case CKO_CERTIFICATE:
		return complete_certificate(a);
	case CKO_SECRET_KEY:
		return hz_soft_secret_complete(a);
	case CKO_PUBLIC_KEY:
	case CKO_PRIVATE_KEY:
		return complete_key(a);
	default:
		return CKR_OK;
	}
}

CK_RV hz_soft_pair_done(struct hz_attrs *pub, struct hz_attrs *priv)
{
	struct hz_key *key = NULL;
	CK_RV rv = hz_soft_key_new(pub, &key);

	if (rv == CKR_OK)
		rv = hz_key_set_spki(pub, key);
	if (rv == CKR_OK)
		rv = hz_key_set_spki(priv, key);
	if (rv == CKR_OK)
		rv = set_address(pub, key);
	if (rv == CKR_OK)
		rv = set_address(priv, key);
	hz_soft_key_free(key);
	return rv;
}

static const struct hash_row {
	CK_MECHANISM_TYPE hash;
	CK_RSA_PKCS_MGF_TYPE mgf;
	enum hz_hash_id id;
	const char *name;
} hashes[] = {
	{ CKM_SHA_1, CKG_MGF1_SHA1, HZ_SHA1, "SHA1" },
	{ CKM_SHA224, CKG_MGF1_SHA224, HZ_SHA224, "SHA2-224" },
	{ CKM_SHA256, CKG_MGF1_SHA256, HZ_SHA256, "SHA2-256" },
	{ CKM_SHA384, CKG_MGF1_SHA384, HZ_SHA384, "SHA2-384" },
	{ CKM_SHA512, CKG_MGF1_SHA512, HZ_SHA512, "SHA2-512" },
	{ CKM_SHA3_224, CKG_MGF1_SHA3_224, HZ_SHA3_224, "SHA3-224" },
	{ CKM_SHA3_256, CKG_MGF1_SHA3_256, HZ_SHA3_256, "SHA3-256" },
	{ CKM_SHA3_384, CKG_MGF1_SHA3_384, HZ_SHA3_384, "SHA3-384" },
	{ CKM_SHA3_512, CKG_MGF1_SHA3_512, HZ_SHA3_512, "SHA3-512" },
};
enum { HASHES = sizeof hashes / sizeof hashes[0] };

static const struct hash_row *hash_row(CK_MECHANISM_TYPE m)
{
	for (size_t i = 0; i < HASHES; i++)
		if (hashes[i].hash == m)
			return &hashes[i];
	return NULL;
}

const EVP_MD *hz_md_of_mech(CK_MECHANISM_TYPE m)
{
	const struct hash_row *h = hash_row(m);

	return h != NULL ? hz_md(h->name) : NULL;
}

enum hz_hash_id hz_hash_of_mech(CK_MECHANISM_TYPE m)
{
	const struct hash_row *h = hash_row(m);

	return h != NULL ? h->id : HZ_HASH_IDS;
}

const EVP_MD *hz_md_of_mgf(CK_RSA_PKCS_MGF_TYPE g)
{
	for (size_t i = 0; i < HASHES; i++)
		if (hashes[i].mgf == g)
			return hz_md(hashes[i].name);
	return NULL;
}
