/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: those of the device, and those that are here because they hold no secret or belong to the session. */
#include <stdlib.h>
#include <string.h>

#include "backend/p11_set.h"
#include "backend/soft_asym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/k256.h"

struct hz_p11_key *hz_p11_key_of(const struct hz_key *key)
{
	return key != NULL ? (struct hz_p11_key *)(uintptr_t)key->remote : NULL;
}

/* ---- what composed mechanisms ask of a key (struct hz_remote) ---- */

static CK_RV remote_sign(const struct hz_remote *r, const uint8_t digest[32], uint8_t sig[64])
{
	struct hz_p11_key *k = (struct hz_p11_key *)(uintptr_t)r;
	const CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
	size_t len = 64;
	CK_RV rv = hz_p11_sign(k, &m, digest, 32, sig, &len);

	return rv == CKR_OK && len != 64 ? hz_fail(CKR_DEVICE_ERROR, "an ECDSA signature of %zu bytes", len) : rv;
}

struct agreeing {
	struct hz_p11_key *k;
	uint8_t point[HZ_K256_UNCOMPRESSED];
	uint8_t *x; /* 32 bytes of secret memory */
};

static CK_RV derive_once(struct hz_p11 *p, CK_SESSION_HANDLE s, struct agreeing *a, bool der)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_ULONG len = 32;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE tmpl[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &no, sizeof no },
				{ CKA_SENSITIVE, &no, sizeof no }, { CKA_EXTRACTABLE, &yes, sizeof yes },
				{ CKA_VALUE_LEN, &len, sizeof len } };
	CK_ATTRIBUTE value = { CKA_VALUE, a->x, 32 };
	uint8_t octets[2 + sizeof a->point] = { 0x04, sizeof a->point };
	CK_ECDH1_DERIVE_PARAMS param = { CKD_NULL, 0, NULL, der ? sizeof octets : sizeof a->point, der ? octets : a->point };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &param, sizeof param };
	CK_OBJECT_HANDLE base, made = CK_INVALID_HANDLE;
	CK_RV rv = hz_p11_handle(p, s, a->k->obj, &base);

	memcpy(octets + 2, a->point, sizeof a->point);
	if (rv == CKR_OK)
		rv = p->f->C_DeriveKey(s, &m, base, tmpl, sizeof tmpl / sizeof tmpl[0], &made);
	if (rv != CKR_OK)
		return rv;
	rv = p->f->C_GetAttributeValue(s, made, &value, 1);
	(void)p->f->C_DestroyObject(s, made);
	if (rv == CKR_OK && value.ulValueLen != 32)
		rv = hz_fail(CKR_DEVICE_ERROR, "an ECDH secret of %lu bytes", value.ulValueLen);
	return rv;
}

/* Devices take the other side's point bare, or as an OCTET STRING (2.40 allows both). */
static CK_RV agree_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	CK_RV rv = derive_once(p, s, arg, false);

	return rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_ARGUMENTS_BAD ? derive_once(p, s, arg, true) : rv;
}

static CK_RV agree_at(struct hz_p11_key *at, void *arg)
{
	((struct agreeing *)arg)->k = at;
	return hz_p11_run_raw(at->p, agree_work, arg);
}

static CK_RV remote_ecdh(const struct hz_remote *r, const uint8_t pub[64], uint8_t x[32])
{
	struct agreeing a = { .k = (struct hz_p11_key *)(uintptr_t)r };
	CK_RV rv;

	if (!hz_k256_pub_write(pub, false, a.point))
		return hz_fail(CKR_FUNCTION_FAILED, "secp256k1: no point");
	a.x = hz_secmem_alloc(32);
	if (a.x == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	rv = hz_p11_use_key(a.k, agree_at, &a, NULL);
	if (rv == CKR_OK)
		memcpy(x, a.x, 32);
	hz_secmem_free(a.x);
	return rv;
}

/* ---- open and free ---- */

/* The numbers that a private key of the device shows: size, curve, public key. */
static CK_RV describe(struct hz_key *key)
{
	const struct hz_attr *n = hz_attrs_find(&key->attrs, CKA_MODULUS), *spki = hz_attrs_find(&key->attrs, CKA_PUBLIC_KEY_INFO);
	const struct hz_curve *c = NULL;
	struct hz_attrs pub = HZ_ATTRS_INIT;
	struct hz_key *half = NULL;

	if (n != NULL)
		key->bits = (int)(n->len * 8);
	if (key->type == CKK_EC || key->type == CKK_EC_EDWARDS)
		(void)hz_curve_of_attrs(&key->attrs, key->type, &c);
	if (c == NULL)
		return CKR_OK;
	key->curve = c;
	key->bits = c->bits;
	key->is_k256 = c->k256;
	if (spki != NULL && c->k256 && hz_soft_from_spki(spki->value, spki->len, &pub) == CKR_OK && hz_soft_key_new(&pub, &half) == CKR_OK) {
		key->has_k256_pub = half->has_k256_pub;
		memcpy(key->k256_pub, half->k256_pub, sizeof key->k256_pub);
	}
	hz_soft_key_free(half);
	hz_attrs_free(&pub);
	return CKR_OK;
}

/* Takes the object over, also when it fails. */
static CK_RV open_device(struct hz_p11 *p, const struct hz_attrs *attrs, struct hz_p11_obj *o, struct hz_key **out)
{
	struct hz_key *key = calloc(1, sizeof *key);
	struct hz_p11_key *k = calloc(1, sizeof *k);
	CK_RV rv = key != NULL && k != NULL ? hz_attrs_dup(&key->attrs, attrs) : CKR_HOST_MEMORY;

	if (rv == CKR_OK) {
		*k = (struct hz_p11_key){ .remote = { remote_sign, remote_ecdh, hz_p11_model_wrap, hz_p11_model_may_wrap }, .p = p, .obj = o };
		k->always_auth = hz_attrs_bool(attrs, CKA_ALWAYS_AUTHENTICATE, false);
		key->cls = hz_attrs_ulong(attrs, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
		key->type = hz_attrs_ulong(attrs, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
		key->env = &p->env;
		rv = describe(key);
	}
	if (rv != CKR_OK) {
		free(k);
		hz_p11_obj_unref(o);
		hz_soft_key_free(key);
		return hz_fail(rv, "no memory for a key");
	}
	key->remote = &k->remote;
	*out = key;
	return CKR_OK;
}

CK_RV hz_p11_key_open(struct hz_backend *be, const struct hz_attrs *attrs, hz_oid id, struct hz_key **key)
{
	struct hz_p11 *p = hz_p11_self(be);
	struct hz_p11_obj *o = hz_p11_ref(p, attrs);
	bool public = hz_attrs_ulong(attrs, CKA_CLASS, CK_UNAVAILABLE_INFORMATION) == CKO_PUBLIC_KEY;
	CK_RV rv = CKR_OK;

	if (o == NULL && (id != 0 || hz_p11_has_ref(attrs)))
		return hz_fail(CKR_KEY_HANDLE_INVALID, "the device has no such key any more");
	if (o != NULL && !public)
		return open_device(p, attrs, o, key);
	rv = hz_soft_key_new(attrs, key);
	if (rv != CKR_OK && o != NULL)
		return open_device(p, attrs, o, key); /* of a type or curve that only the device knows */
	if (rv == CKR_OK)
		(*key)->env = &p->env;
	hz_p11_obj_unref(o);
	return rv;
}

void hz_p11_key_free(struct hz_backend *be, struct hz_key *key)
{
	struct hz_p11_key *k = hz_p11_key_of(key);

	(void)be;
	if (k != NULL) {
		hz_p11_obj_unref(k->obj);
		hz_p11_entry_unref(k->entry);
	}
	free(k);
	hz_soft_key_free(key);
}

CK_RV hz_p11_complete(struct hz_backend *be, struct hz_attrs *attrs)
{
	(void)be;
	return hz_p11_has_ref(attrs) ? CKR_OK : hz_soft_complete(attrs);
}
