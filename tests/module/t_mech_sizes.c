/* SPDX-License-Identifier: Apache-2.0 */
/* CK_MECHANISM_INFO's key sizes: a key that a mechanism takes lies between them, in bits (RSA, EC) or bytes (secret keys). */
#include <stdlib.h>

#include "kit.h"

static CK_SESSION_HANDLE s;

/* Of each of the kit's keys; 0: its type has no sizes in this sense. */
static const CK_ULONG sizes[KEY_KINDS] = {
	[KEY_AES] = 32, [KEY_CHACHA] = 32, [KEY_GENERIC] = 64, [KEY_HKDF] = 32, [KEY_RSA] = 2048, [KEY_P256] = 256, [KEY_P384] = 384,
	[KEY_P521] = 521, [KEY_K256] = 256, [KEY_ED25519] = 255, [KEY_ED448] = 448, [KEY_X25519] = 255, [KEY_X448] = 448,
	[KEY_POAI] = 256,
};

static bool ends(CK_RV rv, CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM_PTR, CK_OBJECT_HANDLE))
{
	if (rv == CKR_OK)
		OK(init(s, NULL, 0));
	return rv == CKR_OK;
}

static bool derives(CK_MECHANISM_TYPE t, enum kit_key kind, const struct kit_pair *p)
{
	CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
	CK_BYTE point[160];
	CK_ECDH1_DERIVE_PARAMS dh = { CKD_NULL, 0, NULL, 0, point };
	CK_MECHANISM m = { t, &dh, sizeof dh };
	CK_ULONG len = 16;
	CK_ATTRIBUTE a[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), A_VAL(CKA_VALUE_LEN, len) };
	CK_OBJECT_HANDLE h = 0;
	struct kit_recipe r;
	CK_RV rv;

	if (kind >= KEY_P256 && kind <= KEY_X448)
		dh.ulPublicDataLen = kit_bytes(s, p->pub, CKA_EC_POINT, point, sizeof point);
	if (t != CKM_ECDH1_DERIVE && t != CKM_ECDH1_COFACTOR_DERIVE && kit_recipe(t, CKF_DERIVE, &r))
		m = r.m;
	rv = p11->C_DeriveKey(s, &m, p->priv, a, N(a), &h);
	if (rv == CKR_OK)
		OK(p11->C_DestroyObject(s, h));
	return rv == CKR_OK;
}

/* Does the mechanism take the key in any operation? */
static bool takes(CK_MECHANISM_TYPE t, CK_FLAGS f, enum kit_key kind)
{
	struct kit_pair p = kit_key(s, kind);
	struct kit_recipe r;
	bool yes = (f & CKF_DERIVE) != 0 && derives(t, kind, &p);

	if (!kit_recipe(t, 0, &r))
		return yes;
	yes |= (f & CKF_SIGN) != 0 && ends(p11->C_SignInit(s, &r.m, p.priv), p11->C_SignInit);
	yes |= (f & CKF_VERIFY) != 0 && ends(p11->C_VerifyInit(s, &r.m, p.pub), p11->C_VerifyInit);
	yes |= (f & CKF_ENCRYPT) != 0 && ends(p11->C_EncryptInit(s, &r.m, p.pub), p11->C_EncryptInit);
	yes |= (f & CKF_DECRYPT) != 0 && ends(p11->C_DecryptInit(s, &r.m, p.priv), p11->C_DecryptInit);
	return yes;
}

static void mechanism(CK_MECHANISM_TYPE t, bool *any)
{
	CK_MECHANISM_INFO i;

	OK(p11->C_GetMechanismInfo(0, t, &i));
	for (unsigned k = 0; k < KEY_KINDS; k++) {
		if (sizes[k] == 0 || !takes(t, i.flags, (enum kit_key)k))
			continue;
		p11_about("0x%lx with %s: %lu to %lu", t, kit_key_names[k], i.ulMinKeySize, i.ulMaxKeySize);
		CHECK(sizes[k] >= i.ulMinKeySize && sizes[k] <= i.ulMaxKeySize);
		any[k] = true;
	}
}

int main(void)
{
	bool any[KEY_KINDS] = { false };
	CK_MECHANISM_TYPE *list;
	CK_ULONG n;

	kit_start();
	s = kit_session(0, true);
	list = kit_mechs(0, &n);
	for (CK_ULONG i = 0; i < n; i++)
		mechanism(list[i], any);
	for (unsigned k = 0; k < KEY_KINDS; k++) {
		p11_about("no mechanism takes %s", kit_key_names[k]);
		CHECK(sizes[k] == 0 || k == KEY_HKDF || any[k]);
	}
	free(list);
	return kit_end();
}
