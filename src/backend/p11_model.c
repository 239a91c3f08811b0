/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file key of model weights under an AES key of the device: the only bytes of a file that go there. Devices that do AES-GCM or padded
 * key wrap on data get them as data; those that wrap keys only, as a key of the session, which ends with the call.
 */
#include <string.h>

#include "backend/p11_int.h"
#include "base/error.h"
#include "base/secmem.h"

static bool does_data(struct hz_p11 *p, bool encrypt, CK_MECHANISM_TYPE type)
{
	return hz_p11_device_does(p, type, encrypt ? CKF_ENCRYPT : CKF_DECRYPT);
}

static bool does_keys(struct hz_p11 *p, bool encrypt, CK_MECHANISM_TYPE type)
{
	if (type != CKM_AES_KEY_WRAP_KWP)
		return false;
	return encrypt ? hz_p11_device_does(p, type, CKF_WRAP) : hz_p11_device_does(p, hz_p11_unwrap_mech(p, type), CKF_UNWRAP);
}

CK_RV hz_p11_model_may_wrap(const struct hz_key *key, bool encrypt, CK_MECHANISM_TYPE type)
{
	struct hz_p11 *p = hz_p11_key_of(key)->p;

	if (does_data(p, encrypt, type))
		return CKR_OK;
	if (!does_keys(p, encrypt, type))
		return hz_fail(CKR_MECHANISM_INVALID, "the device does not wrap file keys by mechanism 0x%lx", type);
	if (!hz_attrs_bool(&key->attrs, encrypt ? CKA_WRAP : CKA_UNWRAP, true))
		return hz_fail(CKR_KEY_FUNCTION_NOT_PERMITTED, "the device wraps keys only, and the key has not CKA_WRAP or CKA_UNWRAP");
	return CKR_OK;
}

/* ---- as data ---- */

static CK_RV as_data(struct hz_key *key, bool encrypt, const struct hz_mech *m, const uint8_t *in, size_t len, uint8_t *out, size_t *out_len)
{
	struct hz_op *op = NULL;
	CK_RV rv = hz_p11_stream(encrypt ? HZ_OP_ENCRYPT : HZ_OP_DECRYPT, m, key, &op);

	if (rv != CKR_OK)
		return rv;
	rv = op->ops->once(op, in, len, out, out_len);
	op->ops->free(op);
	return !encrypt && hz_p11_wrong_tag(rv) ? hz_fail(CKR_ENCRYPTED_DATA_INVALID, "the wrapped key does not open") : rv;
}

/* ---- as a key ---- */

struct wrapping {
	struct hz_p11_key *k;
	bool wrap;
	const uint8_t *in;
	size_t len;
	uint8_t *out;
	size_t room, n;
};

#define KEY_ATTRS(cls, kt, yes, no) \
	{ CKA_CLASS, &(cls), sizeof(cls) }, { CKA_KEY_TYPE, &(kt), sizeof(kt) }, { CKA_TOKEN, &(no), 1 }, { CKA_SENSITIVE, &(no), 1 }, \
	{ CKA_EXTRACTABLE, &(yes), 1 }

static CK_RV wrap_there(struct hz_p11 *p, CK_SESSION_HANDLE s, struct wrapping *w, CK_OBJECT_HANDLE kek)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE t[] = { KEY_ATTRS(cls, kt, yes, no), { CKA_VALUE, (void *)(uintptr_t)w->in, w->len } };
	CK_MECHANISM m = { CKM_AES_KEY_WRAP_KWP, NULL, 0 };
	CK_OBJECT_HANDLE made;
	CK_ULONG n = w->room;
	CK_RV rv = p->f->C_CreateObject(s, t, sizeof t / sizeof t[0], &made);

	if (rv != CKR_OK)
		return rv;
	rv = p->f->C_WrapKey(s, &m, kek, made, w->out, &n);
	(void)p->f->C_DestroyObject(s, made);
	w->n = n;
	return rv == CKR_OK && n > w->room ? hz_fail(CKR_DEVICE_ERROR, "a wrapped key of %lu bytes", n) : rv;
}

static CK_RV unwrap_there(struct hz_p11 *p, CK_SESSION_HANDLE s, struct wrapping *w, CK_OBJECT_HANDLE kek)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE t[] = { KEY_ATTRS(cls, kt, yes, no) };
	CK_ATTRIBUTE value = { CKA_VALUE, w->out, w->room };
	CK_MECHANISM m = { hz_p11_unwrap_mech(p, CKM_AES_KEY_WRAP_KWP), NULL, 0 };
	CK_OBJECT_HANDLE made;
	CK_RV rv = p->f->C_UnwrapKey(s, &m, kek, (CK_BYTE *)(uintptr_t)w->in, w->len, t, sizeof t / sizeof t[0], &made);

	rv = hz_p11_blame(p, s, rv, CKR_WRAPPED_KEY_INVALID);
	if (rv == CKR_WRAPPED_KEY_INVALID || rv == CKR_WRAPPED_KEY_LEN_RANGE)
		return hz_fail(CKR_ENCRYPTED_DATA_INVALID, "the wrapped key does not open");
	if (rv != CKR_OK)
		return rv;
	rv = p->f->C_GetAttributeValue(s, made, &value, 1);
	(void)p->f->C_DestroyObject(s, made);
	w->n = value.ulValueLen;
	if (rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID)
		return hz_fail(CKR_FUNCTION_FAILED, "the device does not show the file key that it has unwrapped");
	return rv == CKR_OK && w->n > w->room ? hz_fail(CKR_DEVICE_ERROR, "a key of %zu bytes", w->n) : rv;
}

static CK_RV work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct wrapping *w = arg;
	CK_OBJECT_HANDLE kek;
	CK_RV rv = hz_p11_handle(p, s, w->k->obj, &kek);

	if (rv != CKR_OK)
		return rv;
	return w->wrap ? wrap_there(p, s, w, kek) : unwrap_there(p, s, w, kek);
}

static CK_RV wrap_at(struct hz_p11_key *at, void *arg)
{
	((struct wrapping *)arg)->k = at;
	return hz_p11_run_raw(at->p, work, arg);
}

CK_RV hz_p11_model_wrap(struct hz_key *key, bool encrypt, const struct hz_mech *m, const uint8_t *in, size_t len, uint8_t *out,
			size_t *out_len)
{
	struct hz_p11_key *k = hz_p11_key_of(key);
	struct wrapping w = { k, encrypt, in, len, out, *out_len, 0 };
	CK_RV rv = hz_p11_model_may_wrap(key, encrypt, m->type);

	if (rv == CKR_MECHANISM_INVALID)
		return hz_fail(CKR_FUNCTION_FAILED, "the device has not the mechanism 0x%lx, by which the file key is wrapped", m->type);
	if (rv != CKR_OK)
		return rv;
	if (does_data(k->p, encrypt, m->type))
		return as_data(key, encrypt, m, in, len, out, out_len);
	rv = hz_p11_use_key(k, wrap_at, &w, NULL);
	*out_len = w.n;
	return rv;
}
