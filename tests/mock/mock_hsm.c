/* SPDX-License-Identifier: Apache-2.0 */
/* The mock's functions: each asks the script, then the real module. */
#include "mock_hsm.h"

#include <stdint.h>
#include <string.h>

/* One function that forwards. len, first, second: see mock_after. */
#define PASS(name, params, args, len, first, second)                                                                               \
	static CK_RV c_##name params                                                                                                  \
	{                                                                                                                              \
		struct mock_hit hit;                                                                                                   \
		CK_RV rv = mock_before(MOCK_##name, &hit);                                                                             \
                                                                                                                                       \
		if (rv != CKR_OK)                                                                                                      \
			return rv;                                                                                                     \
		mock_in();                                                                                                             \
		rv = mock_real->C_##name args;                                                                                         \
		mock_out();                                                                                                            \
		return mock_after(&hit, rv, len, first, second);                                                                       \
	}

#define H CK_SESSION_HANDLE s
#define KEY CK_OBJECT_HANDLE k
#define MECH CK_MECHANISM *me
#define IN CK_BYTE *in, CK_ULONG n
#define OUT CK_BYTE *out, CK_ULONG *o
#define TMPL CK_ATTRIBUTE *t, CK_ULONG n

/* With the feature kwp: what the real module calls the mechanism. */
static CK_MECHANISM_TYPE behind(CK_MECHANISM_TYPE t)
{
	if (!mock_has(MOCK_KWP))
		return t;
	return t == CKM_AES_KEY_WRAP_KWP ? CKM_AES_KEY_WRAP_PAD : t == CKM_AES_GCM ? CK_UNAVAILABLE_INFORMATION : t;
}

static CK_MECHANISM *mech_behind(const CK_MECHANISM *me)
{
	static _Thread_local CK_MECHANISM m;

	m = *me;
	m.mechanism = behind(m.mechanism);
	return &m;
}

PASS(Initialize, (void *a), (a), NULL, NULL, NULL)
PASS(Finalize, (void *a), (a), NULL, NULL, NULL)
PASS(GetInfo, (CK_INFO *i), (i), NULL, NULL, NULL)
PASS(GetSlotInfo, (CK_SLOT_ID id, CK_SLOT_INFO *i), (id, i), NULL, NULL, NULL)
PASS(GetMechanismInfo, (CK_SLOT_ID id, CK_MECHANISM_TYPE t, CK_MECHANISM_INFO *i), (id, behind(t), i), NULL, NULL, NULL)
PASS(InitToken, (CK_SLOT_ID id, CK_BYTE *p, CK_ULONG n, CK_BYTE *l), (id, p, n, l), NULL, NULL, NULL)
PASS(InitPIN, (H, IN), (s, in, n), NULL, NULL, NULL)
PASS(SetPIN, (H, IN, CK_BYTE *p, CK_ULONG m), (s, in, n, p, m), NULL, NULL, NULL)
PASS(CloseSession, (H), (s), NULL, NULL, NULL)
PASS(CloseAllSessions, (CK_SLOT_ID id), (id), NULL, NULL, NULL)
PASS(GetSessionInfo, (H, CK_SESSION_INFO *i), (s, i), NULL, NULL, NULL)
PASS(GetOperationState, (H, OUT), (s, out, o), o, NULL, NULL)
PASS(SetOperationState, (H, IN, CK_OBJECT_HANDLE e, CK_OBJECT_HANDLE a), (s, in, n, e, a), NULL, NULL, NULL)
PASS(Logout, (H), (s), NULL, NULL, NULL)
PASS(GetObjectSize, (H, KEY, CK_ULONG *n), (s, k, n), n, NULL, NULL)
PASS(FindObjectsInit, (H, TMPL), (s, t, n), NULL, NULL, NULL)
PASS(FindObjects, (H, CK_OBJECT_HANDLE *v, CK_ULONG room, CK_ULONG *n), (s, v, room, n), n, v, NULL)
PASS(FindObjectsFinal, (H), (s), NULL, NULL, NULL)
PASS(EncryptInit, (H, MECH, KEY), (s, me, k), NULL, NULL, NULL)
PASS(Encrypt, (H, IN, OUT), (s, mock_data(in, n), n, out, o), o, NULL, NULL)
PASS(EncryptUpdate, (H, IN, OUT), (s, mock_data(in, n), n, out, o), o, NULL, NULL)
PASS(EncryptFinal, (H, OUT), (s, out, o), o, NULL, NULL)
PASS(DecryptInit, (H, MECH, KEY), (s, me, k), NULL, NULL, NULL)
PASS(Decrypt, (H, IN, OUT), (s, mock_data(in, n), n, out, o), o, NULL, NULL)
PASS(DecryptUpdate, (H, IN, OUT), (s, mock_data(in, n), n, out, o), o, NULL, NULL)
PASS(DecryptFinal, (H, OUT), (s, out, o), o, NULL, NULL)
PASS(DigestInit, (H, MECH), (s, me), NULL, NULL, NULL)
PASS(Digest, (H, IN, OUT), (s, mock_data(in, n), n, out, o), o, NULL, NULL)
PASS(DigestUpdate, (H, IN), (s, mock_data(in, n), n), NULL, NULL, NULL)
PASS(DigestKey, (H, KEY), (s, k), NULL, NULL, NULL)
PASS(DigestFinal, (H, OUT), (s, out, o), o, NULL, NULL)
PASS(SignInit, (H, MECH, KEY), (s, me, k), NULL, NULL, NULL)
PASS(Sign, (H, IN, OUT), (s, mock_data(in, n), n, out, o), o, NULL, NULL)
PASS(SignUpdate, (H, IN), (s, mock_data(in, n), n), NULL, NULL, NULL)
PASS(SignFinal, (H, OUT), (s, out, o), o, NULL, NULL)
PASS(SignRecoverInit, (H, MECH, KEY), (s, me, k), NULL, NULL, NULL)
PASS(SignRecover, (H, IN, OUT), (s, mock_data(in, n), n, out, o), o, NULL, NULL)
PASS(VerifyInit, (H, MECH, KEY), (s, me, k), NULL, NULL, NULL)
PASS(Verify, (H, IN, CK_BYTE *g, CK_ULONG l), (s, mock_data(in, n), n, g, l), NULL, NULL, NULL)
PASS(VerifyUpdate, (H, IN), (s, mock_data(in, n), n), NULL, NULL, NULL)
PASS(VerifyFinal, (H, IN), (s, mock_data(in, n), n), NULL, NULL, NULL)
PASS(VerifyRecoverInit, (H, MECH, KEY), (s, me, k), NULL, NULL, NULL)
PASS(VerifyRecover, (H, IN, OUT), (s, mock_data(in, n), n, out, o), o, NULL, NULL)
PASS(DigestEncryptUpdate, (H, IN, OUT), (s, mock_data(in, n), n, out, o), o, NULL, NULL)
PASS(DecryptDigestUpdate, (H, IN, OUT), (s, mock_data(in, n), n, out, o), o, NULL, NULL)
PASS(SignEncryptUpdate, (H, IN, OUT), (s, mock_data(in, n), n, out, o), o, NULL, NULL)
PASS(DecryptVerifyUpdate, (H, IN, OUT), (s, mock_data(in, n), n, out, o), o, NULL, NULL)
PASS(WrapKey, (H, MECH, KEY, CK_OBJECT_HANDLE t, OUT), (s, mech_behind(me), k, t, out, o), o, NULL, NULL)
PASS(SeedRandom, (H, IN), (s, in, n), NULL, NULL, NULL)
PASS(GenerateRandom, (H, IN), (s, in, n), NULL, NULL, NULL)
PASS(GetFunctionStatus, (H), (s), NULL, NULL, NULL)
PASS(CancelFunction, (H), (s), NULL, NULL, NULL)
PASS(WaitForSlotEvent, (CK_FLAGS f, CK_SLOT_ID *id, void *r), (f, id, r), NULL, NULL, NULL)

/* ---- what features change ---- */

static CK_RV refused(const CK_ATTRIBUTE *t, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (mock_refuses(t[i].type))
			return CKR_ATTRIBUTE_TYPE_INVALID;
	return CKR_OK;
}

/* One function that makes objects from templates. */
#define MAKE(name, params, args, more, first, second)                                                                              \
	static CK_RV c_##name params                                                                                                  \
	{                                                                                                                              \
		struct mock_hit hit;                                                                                                   \
		CK_RV rv = mock_before(MOCK_##name, &hit);                                                                             \
                                                                                                                                       \
		if (rv == CKR_OK)                                                                                                      \
			rv = more;                                                                                                     \
		if (rv != CKR_OK)                                                                                                      \
			return rv;                                                                                                     \
		mock_in();                                                                                                             \
		rv = mock_real->C_##name args;                                                                                         \
		mock_out();                                                                                                            \
		return mock_after(&hit, rv, NULL, first, second);                                                                      \
	}

static CK_RV may_change(void)
{
	return mock_has(MOCK_READ_ONLY_OBJECTS) ? CKR_ACTION_PROHIBITED : CKR_OK;
}

static CK_RV may_copy(void)
{
	return mock_has(MOCK_NO_COPY) ? CKR_FUNCTION_NOT_SUPPORTED : may_change();
}

/* The number of the mechanism that is gone stands for the one that is new. */
static CK_RV c_GetMechanismList(CK_SLOT_ID id, CK_MECHANISM_TYPE *v, CK_ULONG *n)
{
	struct mock_hit hit;
	CK_RV rv = mock_before(MOCK_GetMechanismList, &hit);

	if (rv != CKR_OK)
		return rv;
	mock_in();
	rv = mock_real->C_GetMechanismList(id, v, n);
	mock_out();
	for (CK_ULONG i = 0; rv == CKR_OK && v != NULL && i < *n; i++)
		if (mock_has(MOCK_KWP) && v[i] == CKM_AES_GCM)
			v[i] = CKM_AES_KEY_WRAP_KWP;
	return mock_after(&hit, rv, n, NULL, NULL);
}

MAKE(CreateObject, (H, TMPL, CK_OBJECT_HANDLE *h), (s, t, n, h), refused(t, n), h, NULL)
MAKE(CopyObject, (H, KEY, TMPL, CK_OBJECT_HANDLE *h), (s, k, t, n, h), may_copy(), h, NULL)
MAKE(DestroyObject, (H, KEY), (s, k), may_change(), NULL, NULL)
MAKE(SetAttributeValue, (H, KEY, TMPL), (s, k, t, n), may_change(), NULL, NULL)
MAKE(GenerateKey, (H, MECH, TMPL, CK_OBJECT_HANDLE *h), (s, me, t, n, h), refused(t, n), h, NULL)
MAKE(UnwrapKey, (H, MECH, KEY, CK_BYTE *w, CK_ULONG l, TMPL, CK_OBJECT_HANDLE *h), (s, mech_behind(me), k, w, l, t, n, h), refused(t, n), h, NULL)
MAKE(DeriveKey, (H, MECH, KEY, TMPL, CK_OBJECT_HANDLE *h), (s, me, k, t, n, h), refused(t, n), h, NULL)
MAKE(GenerateKeyPair, (H, MECH, TMPL, CK_ATTRIBUTE *u, CK_ULONG m, CK_OBJECT_HANDLE *h, CK_OBJECT_HANDLE *g), (s, me, t, n, u, m, h, g),
     refused(t, n) != CKR_OK ? CKR_ATTRIBUTE_TYPE_INVALID : refused(u, m), h, g)

static CK_RV c_GetSlotList(CK_BBOOL present, CK_SLOT_ID *v, CK_ULONG *n)
{
	struct mock_hit hit;
	CK_RV rv = mock_before(MOCK_GetSlotList, &hit);

	if (rv != CKR_OK)
		return rv;
	mock_in();
	rv = mock_real->C_GetSlotList(present, v, n);
	mock_out();
	if (rv == CKR_OK && present && mock_gone())
		*n = 0;
	return mock_after(&hit, rv, n, NULL, NULL);
}

static CK_RV c_GetTokenInfo(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
	struct mock_hit hit;
	CK_RV rv = mock_before(MOCK_GetTokenInfo, &hit);

	if (rv != CKR_OK)
		return rv;
	mock_in();
	rv = mock_real->C_GetTokenInfo(id, info);
	mock_out();
	if (rv == CKR_OK && mock_has(MOCK_PROTECTED_PATH))
		info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	if (rv == CKR_OK && mock_has(MOCK_WRITE_PROTECTED))
		info->flags |= CKF_WRITE_PROTECTED;
	return mock_after(&hit, rv, NULL, NULL, NULL);
}

static CK_RV c_OpenSession(CK_SLOT_ID id, CK_FLAGS flags, void *app, CK_NOTIFY notify, CK_SESSION_HANDLE *s)
{
	struct mock_hit hit;
	CK_RV rv = mock_before(MOCK_OpenSession, &hit);

	if (rv != CKR_OK)
		return rv;
	if (mock_has(MOCK_WRITE_PROTECTED) && (flags & CKF_RW_SESSION) != 0)
		return CKR_TOKEN_WRITE_PROTECTED;
	mock_in();
	rv = mock_real->C_OpenSession(id, flags, app, notify, s);
	mock_out();
	return mock_after(&hit, rv, NULL, s, NULL);
}

/* With a keypad the PIN of a user is entered there, and one that comes in the call is refused. */
static CK_RV c_Login(H, CK_USER_TYPE who, CK_BYTE *pin, CK_ULONG n)
{
	struct mock_hit hit;
	CK_RV rv = mock_before(MOCK_Login, &hit);

	if (rv != CKR_OK)
		return rv;
	if (mock_has(MOCK_PROTECTED_PATH) && who != CKU_SO) {
		if (pin != NULL || n != 0)
			return CKR_PIN_INVALID;
		pin = (CK_BYTE *)(uintptr_t)mock_pin();
		n = strlen(mock_pin());
	} else if (pin == NULL) {
		return CKR_ARGUMENTS_BAD;
	}
	mock_in();
	rv = mock_real->C_Login(s, who, pin, n);
	mock_out();
	return mock_after(&hit, rv, NULL, NULL, NULL);
}

/* DER OCTET STRING to what other devices give: the bare octets, or a BIT STRING. */
static CK_RV other_point(H, KEY, CK_ATTRIBUTE *a)
{
	CK_BYTE der[512], out[512];
	CK_ATTRIBUTE one = { CKA_EC_POINT, der, sizeof der };
	CK_RV rv = mock_real->C_GetAttributeValue(s, k, &one, 1);
	size_t head, n = 0;

	if (rv != CKR_OK) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return rv;
	}
	head = der[1] < 0x80 ? 2 : 3;
	if (mock_has(MOCK_BIT_STRING_POINT) && one.ulValueLen - head < 0x7f) {
		out[n++] = 0x03;
		out[n++] = (CK_BYTE)(one.ulValueLen - head + 1);
		out[n++] = 0;
	}
	memcpy(out + n, der + head, one.ulValueLen - head);
	n += one.ulValueLen - head;
	rv = a->pValue == NULL || a->ulValueLen >= n ? CKR_OK : CKR_BUFFER_TOO_SMALL;
	if (rv == CKR_OK && a->pValue != NULL)
		memcpy(a->pValue, out, n);
	a->ulValueLen = rv == CKR_OK ? n : CK_UNAVAILABLE_INFORMATION;
	return rv;
}

static CK_RV one_attribute(H, KEY, CK_ATTRIBUTE *a)
{
	if (mock_hides(a->type)) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_ATTRIBUTE_TYPE_INVALID;
	}
	if (a->type == CKA_EC_POINT && (mock_has(MOCK_BARE_POINT) || mock_has(MOCK_BIT_STRING_POINT)))
		return other_point(s, k, a);
	return mock_real->C_GetAttributeValue(s, k, a, 1);
}

/* one-by-one: at the first attribute that it lacks the device stops and leaves the others as they are. */
static CK_RV c_GetAttributeValue(H, KEY, TMPL)
{
	struct mock_hit hit;
	CK_RV rv = mock_before(MOCK_GetAttributeValue, &hit), one;
	bool stop = mock_has(MOCK_ONE_BY_ONE);

	if (rv != CKR_OK)
		return rv;
	mock_in();
	for (CK_ULONG i = 0; i < n && !(stop && rv != CKR_OK); i++) {
		CK_ATTRIBUTE was = t[i];

		one = one_attribute(s, k, &t[i]);
		if (one != CKR_OK && stop)
			t[i] = was;
		if (one != CKR_OK)
			rv = one;
	}
	mock_out();
	for (CK_ULONG i = 0; i < n; i++)
		rv = mock_after(&hit, rv, &t[i].ulValueLen, NULL, NULL);
	return rv;
}

MOCK_PUBLIC CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out);

#define HZ_FN(since, name, params) .C_##name = c_##name,
static CK_FUNCTION_LIST list = {
	.version = { 2, 40 },
	.C_GetFunctionList = C_GetFunctionList,
#include "functions.inc"
};
#undef HZ_FN

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	if (out == NULL)
		return CKR_ARGUMENTS_BAD;
	if (!mock_load())
		return CKR_GENERAL_ERROR;
	*out = &list;
	return CKR_OK;
}
