/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key of the device, here for one call: what wraps or shares an extractable key by a mechanism that the device has not, needs the key
 * itself. The device gives it wrapped under an AES key made for the purpose, which is readable and ends with the call.
 */
#include <string.h>

#include "backend/p11_int.h"
#include "base/error.h"
#include "base/secmem.h"

enum { KEK = 32, WRAPPED_MAX = 1 << 16 };

struct borrowing {
	struct hz_p11_obj *from;
	CK_MECHANISM_TYPE type;
	uint8_t *kek; /* KEK bytes of secret memory */
	struct hz_buf wrapped;
};

static CK_RV wrap_under(struct hz_p11 *p, CK_SESSION_HANDLE s, struct borrowing *b, CK_OBJECT_HANDLE kek, CK_OBJECT_HANDLE from)
{
	CK_MECHANISM m = { b->type, NULL, 0 };
	CK_ATTRIBUTE value = { CKA_VALUE, b->kek, KEK };
	CK_RV rv = p->f->C_GetAttributeValue(s, kek, &value, 1);
	CK_ULONG n = 0;
	uint8_t *room;

	if (rv == CKR_OK && value.ulValueLen != KEK)
		rv = hz_fail(CKR_DEVICE_ERROR, "an AES key of %lu bytes", value.ulValueLen);
	if (rv == CKR_OK)
		rv = p->f->C_WrapKey(s, &m, kek, from, NULL, &n);
	if (rv != CKR_OK || n == 0 || n > WRAPPED_MAX)
		return rv != CKR_OK ? rv : hz_fail(CKR_DEVICE_ERROR, "a wrapped key of %lu bytes", n);
	hz_buf_clear(&b->wrapped);
	room = hz_buf_room(&b->wrapped, n);
	if (room == NULL)
		return CKR_HOST_MEMORY;
	rv = p->f->C_WrapKey(s, &m, kek, from, room, &n);
	b->wrapped.len = rv == CKR_OK && n <= b->wrapped.len ? n : 0;
	return rv;
}

static CK_RV work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct borrowing *b = arg;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG len = KEK;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &no, 1 }, { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 }, { CKA_WRAP, &yes, 1 },
			     { CKA_VALUE_LEN, &len, sizeof len } };
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_OBJECT_HANDLE kek, from;
	CK_RV rv = hz_p11_handle(p, s, b->from, &from);

	if (rv == CKR_OK)
		rv = p->f->C_GenerateKey(s, &gen, t, sizeof t / sizeof t[0], &kek);
	if (rv != CKR_OK)
		return rv;
	rv = wrap_under(p, s, b, kek, from);
	(void)p->f->C_DestroyObject(s, kek);
	return rv;
}

/* The AES key as a key of ours. */
static CK_RV kek_key(const uint8_t *value, struct hz_key **key)
{
	struct hz_attrs a = HZ_ATTRS_INIT;
	CK_RV rv = hz_attrs_set_ulong(&a, CKA_CLASS, CKO_SECRET_KEY);

	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(&a, CKA_KEY_TYPE, CKK_AES);
	if (rv == CKR_OK)
		rv = hz_attrs_set(&a, CKA_VALUE, value, KEK, true);
	if (rv == CKR_OK)
		rv = hz_soft_key_new(&a, key);
	hz_attrs_free(&a);
	return rv;
}

/* What PKCS#11 calls KWP, and most devices padded key wrap, is RFC 5649. */
static CK_RV open_here(const struct borrowing *b, const struct hz_key *target, struct hz_key **out)
{
	const struct hz_mech kwp = { .type = CKM_AES_KEY_WRAP_KWP };
	const struct hz_soft_mech *row = hz_soft_mech_find(CKM_AES_KEY_WRAP_KWP);
	struct hz_attrs made = HZ_ATTRS_INIT;
	struct hz_key *kek = NULL;
	CK_RV rv = kek_key(b->kek, &kek);

	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(&made, CKA_CLASS, target->cls);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(&made, CKA_KEY_TYPE, target->type);
	if (rv == CKR_OK)
		rv = row->unwrap(&kwp, kek, b->wrapped.p, b->wrapped.len, &made);
	if (rv == CKR_OK)
		rv = hz_soft_key_new(&made, out);
	hz_soft_key_free(kek);
	hz_attrs_free(&made);
	return rv == CKR_OK || rv == CKR_HOST_MEMORY ? rv : hz_fail(CKR_DEVICE_ERROR, "what the device wrapped does not open: %s", hz_error_text());
}

CK_RV hz_p11_borrow(struct hz_p11 *p, struct hz_key *target, struct hz_key **out)
{
	struct borrowing b = { .from = hz_p11_key_of(target)->obj, .type = CKM_AES_KEY_WRAP_KWP, .wrapped = HZ_BUF_INIT };
	CK_RV rv;

	if (!hz_p11_device_does(p, b.type, CKF_WRAP))
		b.type = CKM_AES_KEY_WRAP_PAD;
	if (!hz_p11_device_does(p, b.type, CKF_WRAP) || !hz_p11_device_does(p, CKM_AES_KEY_GEN, CKF_GENERATE))
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, "the device has no padded AES key wrap, by which it could give the key");
	b.kek = hz_secmem_alloc(KEK);
	if (b.kek == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	rv = hz_p11_run(p, work, &b);
	if (rv == CKR_OK)
		rv = open_here(&b, target, out);
	hz_secmem_free(b.kek);
	hz_buf_free(&b.wrapped);
	return rv;
}
