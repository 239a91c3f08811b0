/* SPDX-License-Identifier: Apache-2.0 */
/* The tests' kit: keys of every kind. */
#include "kit.h"

const char *const kit_key_names[KEY_KINDS] = { "AES", "ChaCha20", "generic", "HKDF", "RSA", "P-256", "P-384", "P-521", "secp256k1",
					       "Ed25519", "Ed448", "X25519", "X448", "ML-DSA-65", "ML-KEM-768", "PoAI" };

static const CK_BYTE p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
static const CK_BYTE p384[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x22 };
static const CK_BYTE p521[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x23 };
static const CK_BYTE k256[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x0a };
static const CK_BYTE ed25519[] = { 6, 3, 0x2b, 0x65, 0x70 };
static const CK_BYTE ed448[] = { 6, 3, 0x2b, 0x65, 0x71 };
static const CK_BYTE x25519[] = { 6, 3, 0x2b, 0x65, 0x6e };
static const CK_BYTE x448[] = { 6, 3, 0x2b, 0x65, 0x6f };

enum use { U_CRYPT = 1, U_SIGN = 2, U_WRAP = 4, U_DERIVE = 8, U_RECOVER = 16, U_KEM = 32 };

static const struct {
	CK_MECHANISM_TYPE gen;
	unsigned use;
	const CK_BYTE *params;
	CK_ULONG params_len;
	CK_ULONG number; /* CKA_VALUE_LEN, CKA_MODULUS_BITS or CKA_PARAMETER_SET */
	bool pair;
} kinds[KEY_KINDS] = {
	[KEY_AES] = { CKM_AES_KEY_GEN, U_CRYPT | U_SIGN | U_WRAP, NULL, 0, 32, false },
	[KEY_CHACHA] = { CKM_CHACHA20_KEY_GEN, U_CRYPT, NULL, 0, 0, false },
	[KEY_GENERIC] = { CKM_GENERIC_SECRET_KEY_GEN, U_SIGN | U_DERIVE, NULL, 0, 64, false },
	[KEY_HKDF] = { CKM_HKDF_KEY_GEN, U_DERIVE, NULL, 0, 32, false },
	[KEY_RSA] = { CKM_RSA_PKCS_KEY_PAIR_GEN, U_CRYPT | U_SIGN | U_WRAP | U_RECOVER, NULL, 0, 2048, true },
	[KEY_P256] = { CKM_EC_KEY_PAIR_GEN, U_SIGN | U_DERIVE, p256, sizeof p256, 0, true },
	[KEY_P384] = { CKM_EC_KEY_PAIR_GEN, U_SIGN | U_DERIVE, p384, sizeof p384, 0, true },
	[KEY_P521] = { CKM_EC_KEY_PAIR_GEN, U_SIGN | U_DERIVE, p521, sizeof p521, 0, true },
	[KEY_K256] = { CKM_EC_KEY_PAIR_GEN, U_SIGN | U_DERIVE | U_CRYPT | U_WRAP, k256, sizeof k256, 0, true },
	[KEY_ED25519] = { CKM_EC_EDWARDS_KEY_PAIR_GEN, U_SIGN, ed25519, sizeof ed25519, 0, true },
	[KEY_ED448] = { CKM_EC_EDWARDS_KEY_PAIR_GEN, U_SIGN, ed448, sizeof ed448, 0, true },
	[KEY_X25519] = { CKM_EC_MONTGOMERY_KEY_PAIR_GEN, U_DERIVE, x25519, sizeof x25519, 0, true },
	[KEY_X448] = { CKM_EC_MONTGOMERY_KEY_PAIR_GEN, U_DERIVE, x448, sizeof x448, 0, true },
	[KEY_ML_DSA] = { CKM_ML_DSA_KEY_PAIR_GEN, U_SIGN, NULL, 0, CKP_ML_DSA_65, true },
	[KEY_ML_KEM] = { CKM_ML_KEM_KEY_PAIR_GEN, U_KEM, NULL, 0, CKP_ML_KEM_768, true },
	[KEY_POAI] = { CKM_EC_KEY_PAIR_GEN, U_SIGN, k256, sizeof k256, 0, true },
};

struct list {
	CK_ATTRIBUTE a[24];
	CK_ULONG n;
};

static void add(struct list *l, CK_ATTRIBUTE_TYPE t, const void *v, CK_ULONG len)
{
	l->a[l->n++] = (CK_ATTRIBUTE){ t, (void *)(uintptr_t)v, len };
}

static void use(struct list *l, unsigned have, unsigned bit, CK_ATTRIBUTE_TYPE t)
{
	if ((have & bit) != 0)
		add(l, t, &kit_true, sizeof kit_true);
}

static void usages(struct list *l, unsigned u, bool public, bool private)
{
	use(l, public ? u : 0, U_CRYPT, CKA_ENCRYPT);
	use(l, private ? u : 0, U_CRYPT, CKA_DECRYPT);
	use(l, private ? u : 0, U_SIGN, CKA_SIGN);
	use(l, public ? u : 0, U_SIGN, CKA_VERIFY);
	use(l, private ? u : 0, U_RECOVER, CKA_SIGN_RECOVER);
	use(l, public ? u : 0, U_RECOVER, CKA_VERIFY_RECOVER);
	use(l, public ? u : 0, U_WRAP, CKA_WRAP);
	use(l, private ? u : 0, U_WRAP, CKA_UNWRAP);
	use(l, private ? u : 0, U_DERIVE, CKA_DERIVE);
	use(l, public ? u : 0, U_KEM, CKA_ENCAPSULATE);
	use(l, private ? u : 0, U_KEM, CKA_DECAPSULATE);
}

static void open_private(struct list *l)
{
	add(l, CKA_SENSITIVE, &kit_false, sizeof kit_false);
	add(l, CKA_EXTRACTABLE, &kit_true, sizeof kit_true);
}

static CK_RV generate_pair(CK_SESSION_HANDLE s, enum kit_key kind, const CK_BBOOL *token, struct kit_pair *out)
{
	static const CK_BYTE e[] = { 1, 0, 1 };
	static const CK_MECHANISM_TYPE statements[] = { CKM_HANZO_POAI, CKM_HANZO_HMM_SETTLEMENT };
	CK_MECHANISM m = { kinds[kind].gen, NULL, 0 };
	CK_ULONG number = kinds[kind].number;
	struct list pub = { .n = 0 }, priv = { .n = 0 };

	add(&pub, CKA_TOKEN, token, sizeof *token);
	add(&priv, CKA_TOKEN, token, sizeof *token);
	usages(&pub, kinds[kind].use, true, false);
	usages(&priv, kinds[kind].use, false, true);
	open_private(&priv);
	if (kinds[kind].params != NULL)
		add(&pub, CKA_EC_PARAMS, kinds[kind].params, kinds[kind].params_len);
	if (kind == KEY_RSA) {
		add(&pub, CKA_MODULUS_BITS, &number, sizeof number);
		add(&pub, CKA_PUBLIC_EXPONENT, e, sizeof e);
	}
	if (kind == KEY_POAI)
		add(&priv, CKA_ALLOWED_MECHANISMS, statements, sizeof statements);
	if (kind == KEY_ML_DSA || kind == KEY_ML_KEM)
		add(&pub, CKA_PARAMETER_SET, &number, sizeof number);
	return p11->C_GenerateKeyPair(s, &m, pub.a, pub.n, priv.a, priv.n, &out->pub, &out->priv);
}

CK_RV kit_generate(CK_SESSION_HANDLE s, enum kit_key kind, bool token, struct kit_pair *out)
{
	CK_MECHANISM m = { kinds[kind].gen, NULL, 0 };
	CK_BBOOL t = token ? CK_TRUE : CK_FALSE;
	CK_ULONG number = kinds[kind].number;
	struct list l = { .n = 0 };
	CK_RV rv;

	out->pub = out->priv = 0;
	if (kinds[kind].pair)
		return generate_pair(s, kind, &t, out);
	add(&l, CKA_TOKEN, &t, sizeof t);
	usages(&l, kinds[kind].use, true, true);
	open_private(&l);
	if (number != 0)
		add(&l, CKA_VALUE_LEN, &number, sizeof number);
	rv = p11->C_GenerateKey(s, &m, l.a, l.n, &out->pub);
	out->priv = out->pub;
	return rv;
}

struct kit_pair kit_key(CK_SESSION_HANDLE s, enum kit_key kind)
{
	static struct {
		CK_SESSION_HANDLE s;
		struct kit_pair p;
	} made[KEY_KINDS];

	if (made[kind].s != s || made[kind].p.pub == 0) {
		OK(kit_generate(s, kind, false, &made[kind].p));
		made[kind].s = s;
	}
	return made[kind].p;
}

CK_OBJECT_HANDLE kit_secret(CK_SESSION_HANDLE s, CK_KEY_TYPE kt, const void *value, size_t len)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_OBJECT_HANDLE h = 0;
	struct list l = { .n = 0 };

	add(&l, CKA_CLASS, &cls, sizeof cls);
	add(&l, CKA_KEY_TYPE, &kt, sizeof kt);
	add(&l, CKA_VALUE, value, len);
	add(&l, CKA_DERIVE, &kit_true, sizeof kit_true);
	usages(&l, kt == CKK_AES ? U_CRYPT | U_SIGN | U_WRAP : U_SIGN, true, true);
	open_private(&l);
	OK(p11->C_CreateObject(s, l.a, l.n, &h));
	return h;
}

CK_OBJECT_HANDLE kit_aes(CK_SESSION_HANDLE s, const void *value, size_t len)
{
	return kit_secret(s, CKK_AES, value, len);
}
