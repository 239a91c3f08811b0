/* SPDX-License-Identifier: Apache-2.0 */
/* CKM_HANZO_ECIES and CKM_HANZO_ECIES_DELEGATE through the module: vectors, sizes, every malformed input, wrapping, delegation. */
#include <json-c/json.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/hex.h"
#include "crypto/ecies.h"
#include "kit.h"

enum { OVERHEAD = 61, ROOM = 1 << 16 };

static CK_SESSION_HANDLE S;
static const CK_BYTE k256[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x0a };
static CK_BYTE buf[ROOM], out[ROOM];

static CK_MECHANISM mech(CK_MECHANISM_TYPE type, void *p, CK_ULONG n)
{
	return (CK_MECHANISM){ type, p, n };
}

static CK_RV transform(bool enc, CK_OBJECT_HANDLE key, CK_HANZO_ECIES_PARAMS *p, const void *in, CK_ULONG n, CK_BYTE *o, CK_ULONG *on)
{
	CK_MECHANISM m = mech(CKM_HANZO_ECIES, p, p != NULL ? sizeof *p : 0);
	CK_RV rv = enc ? p11->C_EncryptInit(S, &m, key) : p11->C_DecryptInit(S, &m, key);
	CK_BYTE *q = (CK_BYTE *)(uintptr_t)in;

	if (rv != CKR_OK)
		return rv;
	return enc ? p11->C_Encrypt(S, q, n, o, on) : p11->C_Decrypt(S, q, n, o, on);
}

static CK_OBJECT_HANDLE import_k256(const void *d, CK_ATTRIBUTE *more, CK_ULONG n)
{
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_KEY_TYPE kt = CKK_EC;
	CK_ATTRIBUTE t[12] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), { CKA_EC_PARAMS, (void *)(uintptr_t)k256, sizeof k256 },
			       { CKA_VALUE, (void *)(uintptr_t)d, 32 }, A_TRUE(CKA_DECRYPT), A_TRUE(CKA_UNWRAP) };
	CK_OBJECT_HANDLE h = 0;

	for (CK_ULONG i = 0; i < n; i++)
		t[6 + i] = more[i];
	OK(p11->C_CreateObject(S, t, 6 + n, &h));
	return h;
}

static struct json_object *get(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	CHECK(json_object_object_get_ex(o, name, &v));
	return v;
}

static CK_ULONG hex(struct json_object *o, const char *name, CK_BYTE *to)
{
	const char *s = json_object_get_string(get(o, name));
	size_t n = strlen(s);

	CHECK(n / 2 <= ROOM && hz_hex_decode(s, n, to, n / 2));
	return n / 2;
}

static EVP_PKEY *requester(CK_OBJECT_HANDLE *pub, const CK_BYTE *pkcs8, CK_ULONG len, unsigned long exponent);

static CK_RV delegate_to(CK_OBJECT_HANDLE rsa, CK_OBJECT_HANDLE key, CK_BYTE *k, CK_ULONG k_len, CK_BYTE *o, CK_ULONG *on)
{
	CK_HANZO_ECIES_DELEGATE_PARAMS p = { k, k_len };
	CK_MECHANISM m = mech(CKM_HANZO_ECIES_DELEGATE, &p, sizeof p);

	return p11->C_WrapKey(S, &m, rsa, key, o, on);
}

/* RSA-OAEP with SHA-256 twice, undone by libcrypto's default context and not by the module. */
static size_t oaep_open(EVP_PKEY *key, const CK_BYTE *in, CK_ULONG n, CK_BYTE *o)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	size_t len = ROOM;

	if (EVP_PKEY_decrypt_init(c) != 1 || EVP_PKEY_CTX_set_rsa_padding(c, 4) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) != 1 || EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) != 1 ||
	    EVP_PKEY_decrypt(c, o, &len, in, n) != 1)
		len = 0;
	EVP_PKEY_CTX_free(c);
	return len;
}

static void end_to_end(struct json_object *root)
{
	struct json_object *all = get(root, "end_to_end"), *rsa = get(root, "delegation");
	CK_BYTE d[32], k[33], want[64], s[33], der[2048], ct[512];
	CK_OBJECT_HANDLE pub;
	CK_ULONG der_len = hex(rsa, "rsa_pkcs8_der", der), n;
	EVP_PKEY *owner = requester(&pub, der, der_len, 0);

	CHECK(json_object_array_length(all) >= 3);
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *v = json_object_array_get_idx(all, i);
		CK_ATTRIBUTE more[] = { A_TRUE(CKA_DERIVE) };
		CK_ULONG len = hex(v, "blob", buf), want_len = hex(v, "plaintext", want);
		CK_OBJECT_HANDLE key;

		p11_about("vector %zu", i);
		hex(v, "d", d);
		hex(v, "K", k);
		hex(v, "S", s);
		key = import_k256(d, more, 1);
		n = sizeof out;
		OK(transform(false, key, NULL, buf, len, out, &n));
		CHECK(n == want_len && memcmp(out, want, n) == 0);
		n = sizeof ct;
		OK(delegate_to(pub, key, k, 33, ct, &n));
		CHECK(n == 256 && oaep_open(owner, ct, n, out) == 32 && memcmp(out, s + 1, 32) == 0);
	}
	n = hex(rsa, "encrypted_shared_secret", ct);
	hex(rsa, "x", want);
	CHECK(oaep_open(owner, ct, n, out) == 32 && memcmp(out, want, 32) == 0);
	EVP_PKEY_free(owner);
	p11_about(" ");
}

static void vectors(void)
{
	const char *dir = getenv("HANZO_VECTORS");
	char path[4096];
	struct json_object *root;

	snprintf(path, sizeof path, "%s/ecies/ecies.json", dir != NULL ? dir : "");
	root = json_object_from_file(path);
	if (root == NULL) {
		printf("SKIP the stored vectors: %s is not there\n", path);
		return;
	}
	end_to_end(root);
	json_object_put(root);
}

/* Sizes around a block and a page, both halves encrypting, thousands of random lengths, with and without additional data. */
static void round_trips(struct kit_pair p)
{
	static CK_BYTE text[ROOM / 2], aad[64];
	CK_HANZO_ECIES_PARAMS with = { aad, 0 };

	OK(p11->C_GenerateRandom(S, text, sizeof text));
	for (unsigned i = 0; i < 3000; i++) {
		CK_ULONG n, len = i < 300 ? i : (text[i] * 251u + text[i + 1]) % (i % 50 == 0 ? sizeof text - 3001 : 512), m = sizeof out;

		p11_about("round trip %u of %lu bytes", i, len);
		with.ulAADLen = i % 65;
		memcpy(aad, text + i % 4096, sizeof aad);
		n = sizeof buf;
		OK(transform(true, i % 2 ? p.pub : p.priv, i % 3 ? &with : NULL, text + i, len, buf, &n));
		CHECK(n == len + OVERHEAD && (buf[0] == 2 || buf[0] == 3));
		OK(transform(false, p.priv, i % 3 ? &with : NULL, buf, n, out, &m));
		CHECK(m == len && memcmp(out, text + i, len) == 0);
		if (i % 3 != 0 && with.ulAADLen != 0) {
			aad[with.ulAADLen - 1] ^= 1;
			m = sizeof out;
			RV(transform(false, p.priv, &with, buf, n, out, &m), CKR_ENCRYPTED_DATA_INVALID);
		}
	}
	p11_about(" ");
}

static void lengths(struct kit_pair p)
{
	CK_MECHANISM m = mech(CKM_HANZO_ECIES, NULL, 0);
	CK_BYTE text[5] = "five";
	CK_ULONG n = 0, blob;

	OK(p11->C_EncryptInit(S, &m, p.pub));
	OK(p11->C_Encrypt(S, text, 5, NULL, &n));
	CHECK(n == 66);
	n = 65;
	RV(p11->C_Encrypt(S, text, 5, buf, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == 66);
	OK(p11->C_Encrypt(S, text, 5, buf, &n));
	RV(p11->C_Encrypt(S, text, 5, buf, &n), CKR_OPERATION_NOT_INITIALIZED);
	blob = n;
	OK(p11->C_DecryptInit(S, &m, p.priv));
	n = 4;
	RV(p11->C_Decrypt(S, buf, blob, out, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == 5);
	OK(p11->C_Decrypt(S, buf, blob, out, &n));
	CHECK(n == 5 && memcmp(out, text, 5) == 0);
	OK(p11->C_EncryptInit(S, &m, p.pub)); /* one-shot only */
	n = sizeof out;
	CHECK(p11->C_EncryptUpdate(S, text, 5, out, &n) != CKR_OK);
	p11->C_EncryptInit(S, NULL, 0);
}

static const struct {
	const char *name, *point; /* hexadecimal; put in K's place */
} bad_points[] = {
	{ "x = 0 with an even y", "020000000000000000000000000000000000000000000000000000000000000000" },
	{ "x = 0 with an odd y", "030000000000000000000000000000000000000000000000000000000000000000" },
	{ "x = 5, on the twist", "020000000000000000000000000000000000000000000000000000000000000005" },
	{ "x = 5, on the twist, odd", "030000000000000000000000000000000000000000000000000000000000000005" },
	{ "x = p", "02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f" },
	{ "x = p + 1, which is 1", "02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc30" },
	{ "x = 2^256 - 1", "03ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" },
	{ "infinity and zeros", "000000000000000000000000000000000000000000000000000000000000000000" },
	{ "uncompressed form", "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798" },
	{ "hybrid form", "0679be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798" },
	{ "high bit in the prefix", "8279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798" },
};

static void malformed(struct kit_pair p, CK_OBJECT_HANDLE rsa)
{
	CK_BYTE text[24] = "not to be seen", blob[100], k[33];
	CK_ULONG n = sizeof blob, m, r;

	OK(transform(true, p.pub, NULL, text, sizeof text, blob, &n));
	for (CK_ULONG len = 0; len < n; len++) {
		p11_about("cut to %lu", len);
		m = sizeof out;
		RV(transform(false, p.priv, NULL, blob, len, out, &m), CKR_ENCRYPTED_DATA_INVALID);
	}
	for (CK_ULONG bit = 1; bit < 8 * n; bit++) {
		memcpy(buf, blob, n);
		buf[bit / 8] ^= (CK_BYTE)(1 << bit % 8);
		memset(out, 0xee, sizeof text);
		m = sizeof out;
		p11_about("bit %lu", bit);
		RV(transform(false, p.priv, NULL, buf, n, out, &m), CKR_ENCRYPTED_DATA_INVALID);
		CHECK(memcmp(out, text, 8) != 0);
	}
	for (size_t i = 0; i < N(bad_points); i++) {
		p11_about("%s", bad_points[i].name);
		CHECK(hz_hex_decode(bad_points[i].point, 66, k, 33));
		memcpy(buf, blob, n);
		memcpy(buf, k, 33);
		m = sizeof out;
		RV(transform(false, p.priv, NULL, buf, n, out, &m), CKR_ENCRYPTED_DATA_INVALID);
		r = sizeof out;
		RV(delegate_to(rsa, p.priv, k, 33, out, &r), CKR_MECHANISM_PARAM_INVALID);
	}
	p11_about("the other parity of K");
	memcpy(buf, blob, n);
	buf[0] ^= 1; /* the format authenticates x(S) only */
	m = sizeof out;
	OK(transform(false, p.priv, NULL, buf, n, out, &m));
	p11_about(" ");
}

/* Secret and private keys of several kinds travel; a plain C_Decrypt does not open them, nor a wrong AAD, nor the other parity. */
static void wrapping(struct kit_pair p)
{
	static const enum kit_key kinds[] = { KEY_AES, KEY_GENERIC, KEY_RSA, KEY_P256, KEY_K256, KEY_ED25519, KEY_X25519 };
	CK_BYTE aad[] = "for whom";
	CK_HANZO_ECIES_PARAMS with = { aad, sizeof aad };
	CK_MECHANISM m = mech(CKM_HANZO_ECIES, NULL, 0), a = mech(CKM_HANZO_ECIES, &with, sizeof with);

	for (size_t i = 0; i < 2 * N(kinds); i++) {
		struct kit_pair t = kit_key(S, kinds[i / 2]);
		CK_OBJECT_CLASS cls = kit_ulong(S, t.priv, CKA_CLASS);
		CK_KEY_TYPE kt = kit_ulong(S, t.priv, CKA_KEY_TYPE);
		CK_ATTRIBUTE tmpl[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), A_FALSE(CKA_SENSITIVE), A_TRUE(CKA_EXTRACTABLE) };
		CK_ATTRIBUTE_TYPE v = kinds[i / 2] == KEY_RSA ? CKA_PRIVATE_EXPONENT : CKA_VALUE;
		CK_ULONG n = 0, len, x;
		CK_OBJECT_HANDLE h = 0;
		CK_BYTE one[512], two[512];

		p11_about("wrapping %s%s", kit_key_names[kinds[i / 2]], i % 2 ? " with AAD" : "");
		OK(p11->C_WrapKey(S, i % 2 ? &a : &m, p.pub, t.priv, NULL, &n));
		len = n;
		OK(p11->C_WrapKey(S, i % 2 ? &a : &m, i % 4 < 2 ? p.pub : p.priv, t.priv, buf, &n));
		CHECK(n <= len);
		OK(p11->C_UnwrapKey(S, i % 2 ? &a : &m, p.priv, buf, n, tmpl, N(tmpl), &h));
		x = kit_bytes(S, h, v, one, sizeof one);
		CHECK(kit_bytes(S, t.priv, v, two, sizeof two) == x && memcmp(one, two, x) == 0);
		RV(p11->C_UnwrapKey(S, i % 2 ? &m : &a, p.priv, buf, n, tmpl, N(tmpl), &h), CKR_WRAPPED_KEY_INVALID);
		len = sizeof out;
		RV(transform(false, p.priv, i % 2 ? &with : NULL, buf, n, out, &len), CKR_ENCRYPTED_DATA_INVALID);
		buf[0] ^= 1;
		RV(p11->C_UnwrapKey(S, i % 2 ? &a : &m, p.priv, buf, n, tmpl, N(tmpl), &h), CKR_WRAPPED_KEY_INVALID);
		RV(p11->C_UnwrapKey(S, &m, p.priv, buf, 60, tmpl, N(tmpl), &h), CKR_WRAPPED_KEY_LEN_RANGE);
	}
	p11_about(" ");
}

static EVP_PKEY *requester(CK_OBJECT_HANDLE *pub, const CK_BYTE *pkcs8, CK_ULONG len, unsigned long exponent)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *key = NULL;
	BIGNUM *e = BN_new(), *n = NULL, *e2 = NULL;
	CK_OBJECT_CLASS cls = CKO_PUBLIC_KEY;
	CK_KEY_TYPE kt = CKK_RSA;
	CK_BYTE modulus[512], exp[8];

	if (pkcs8 != NULL) {
		key = d2i_AutoPrivateKey(NULL, &pkcs8, (long)len);
	} else {
		CHECK(BN_set_word(e, exponent) == 1 && EVP_PKEY_keygen_init(c) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(c, 2048) == 1 &&
		      EVP_PKEY_CTX_set1_rsa_keygen_pubexp(c, e) == 1 && EVP_PKEY_keygen(c, &key) == 1);
	}
	CHECK(EVP_PKEY_get_bn_param(key, "n", &n) == 1 && EVP_PKEY_get_bn_param(key, "e", &e2) == 1);
	{
		CK_ATTRIBUTE t[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), A_TRUE(CKA_WRAP),
				     { CKA_MODULUS, modulus, (CK_ULONG)BN_bn2bin(n, modulus) },
				     { CKA_PUBLIC_EXPONENT, exp, (CK_ULONG)BN_bn2bin(e2, exp) } };

		OK(p11->C_CreateObject(S, t, N(t), pub));
	}
	BN_free(e);
	BN_free(e2);
	BN_free(n);
	EVP_PKEY_CTX_free(c);
	return key;
}

static void delegation(struct kit_pair p, CK_OBJECT_HANDLE rsa)
{
	static const CK_MECHANISM_TYPE decrypt_only[] = { CKM_HANZO_ECIES };
	CK_ATTRIBUTE derive[] = { A_TRUE(CKA_DERIVE), A_TRUE(CKA_SENSITIVE), A_FALSE(CKA_EXTRACTABLE) };
	CK_ATTRIBUTE trusted[] = { A_TRUE(CKA_DERIVE), A_TRUE(CKA_WRAP_WITH_TRUSTED) };
	CK_ATTRIBUTE narrow[] = { A_TRUE(CKA_DERIVE), { CKA_ALLOWED_MECHANISMS, (void *)(uintptr_t)decrypt_only, sizeof decrypt_only } };
	CK_BYTE d[32] = { [31] = 7 }, blob[80];
	CK_OBJECT_HANDLE small;
	CK_ULONG n = sizeof blob;
	EVP_PKEY *e3 = requester(&small, NULL, 0, 3);

	OK(transform(true, p.pub, NULL, "x", 1, blob, &n));
	n = 0;
	OK(delegate_to(rsa, p.priv, blob, 33, NULL, &n));
	CHECK(n == 256);
	n = 255;
	RV(delegate_to(rsa, p.priv, blob, 33, out, &n), CKR_BUFFER_TOO_SMALL);
	n = sizeof out;
	OK(delegate_to(rsa, import_k256(d, derive, N(derive)), blob, 33, out, &n));
	RV(delegate_to(rsa, import_k256(d, NULL, 0), blob, 33, out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
	RV(delegate_to(rsa, import_k256(d, trusted, N(trusted)), blob, 33, out, &n), CKR_KEY_NOT_WRAPPABLE);
	RV(delegate_to(rsa, import_k256(d, narrow, N(narrow)), blob, 33, out, &n), CKR_MECHANISM_INVALID);
	RV(delegate_to(small, p.priv, blob, 33, out, &n), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
	RV(delegate_to(p.pub, p.priv, blob, 33, out, &n), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
	RV(delegate_to(rsa, kit_key(S, KEY_P256).priv, blob, 33, out, &n), CKR_KEY_NOT_WRAPPABLE);
	for (CK_ULONG len = 0; len < 66; len++)
		if (len != 33)
			RV(delegate_to(rsa, p.priv, blob, len, out, &n), CKR_MECHANISM_PARAM_INVALID);
	RV(delegate_to(rsa, p.priv, NULL, 33, out, &n), CKR_MECHANISM_PARAM_INVALID);
	EVP_PKEY_free(e3);
}

/* Scalars at the edges: small, large, with leading zeros, with the high bit. */
static const char *const edges[] = {
	"0000000000000000000000000000000000000000000000000000000000000001", "0000000000000000000000000000000000000000000000000000000000000002",
	"00000000000000000000000000000000000000000000000000000000000000ff", "00000000000000000000000000000000ffffffffffffffffffffffffffffffff",
	"00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"8000000000000000000000000000000000000000000000000000000000000000", "ff00000000000000000000000000000000000000000000000000000000000000",
	"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd036413f", "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
};

/* a * b * G by libcrypto, compressed. */
static void product(const EC_GROUP *g, const CK_BYTE a[32], const CK_BYTE b[32], CK_BYTE point[33])
{
	BN_CTX *c = BN_CTX_new();
	BIGNUM *x = BN_bin2bn(a, 32, NULL), *y = BN_bin2bn(b, 32, NULL);
	EC_POINT *p = EC_POINT_new(g);

	CHECK(BN_mod_mul(x, x, y, EC_GROUP_get0_order(g), c) == 1 && EC_POINT_mul(g, p, x, NULL, NULL, c) == 1 &&
	      EC_POINT_point2oct(g, p, POINT_CONVERSION_COMPRESSED, point, 33, c) == 33);
	EC_POINT_free(p);
	BN_free(x);
	BN_free(y);
	BN_CTX_free(c);
}

/* Every pair of them: what is delegated, and what opens, is by libcrypto's arithmetic. */
static void edge_scalars(CK_OBJECT_HANDLE rsa, EVP_PKEY *owner)
{
	static const CK_BYTE one[32] = { [31] = 1 }, nonce[12] = { 1 };
	const struct hz_ecies_aad aad = { HZ_ECIES_PLAIN, NULL, 0 };
	CK_ATTRIBUTE derive[] = { A_TRUE(CKA_DERIVE) };
	EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_secp256k1);

	for (size_t i = 0; i < N(edges); i++) {
		CK_BYTE d[32], k[32], point[33], shared[33], ct[256];
		CK_OBJECT_HANDLE key;

		CHECK(hz_hex_decode(edges[i], 64, d, 32));
		key = import_k256(d, derive, 1);
		for (size_t j = 0; j < N(edges); j++) {
			struct hz_buf blob = HZ_BUF_INIT;
			CK_ULONG n = sizeof ct, m = sizeof out;

			p11_about("d = %s, k = %s", edges[i], edges[j]);
			CHECK(hz_hex_decode(edges[j], 64, k, 32));
			product(g, k, one, point);
			product(g, d, k, shared);
			OK(delegate_to(rsa, key, point, 33, ct, &n));
			CHECK(oaep_open(owner, ct, n, out) == 32 && memcmp(out, shared + 1, 32) == 0);
			OK(hz_ecies_seal_with(shared + 1, point, nonce, &aad, d, 32, &blob));
			OK(transform(false, key, NULL, blob.p, blob.len, out, &m));
			CHECK(m == 32 && memcmp(out, d, 32) == 0);
			hz_buf_free(&blob);
		}
		OK(p11->C_DestroyObject(S, key));
	}
	EC_GROUP_free(g);
	p11_about(" ");
}

/* One byte past the largest message, and absurd lengths: refused before a byte is read, for there is none. */
static void too_long(struct kit_pair p)
{
	static const CK_ULONG past[] = { (1ul << 31) - 63, 1ul << 31, (1ul << 31) + 61, 1ul << 32, (1ul << 32) + 100 };
	size_t room = (1ul << 32) + 8192;
	CK_BYTE *none = mmap(NULL, 2 * room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CK_ULONG n;

	if (none == MAP_FAILED) { /* no address space (a memory limit) */
		puts("SKIP lengths past the limit: no room for them");
		return;
	}
	for (size_t i = 0; i < N(past); i++) {
		p11_about("%lu bytes", past[i]);
		n = room;
		RV(transform(true, p.pub, NULL, none, past[i], none + room, &n), CKR_DATA_LEN_RANGE);
		n = room;
		RV(transform(false, p.priv, NULL, none, past[i] + OVERHEAD, none + room, &n), CKR_ENCRYPTED_DATA_INVALID);
	}
	p11_about(" ");
	munmap(none, 2 * room);
}

/* Where input and output overlap, the result is the same. */
static void in_place(struct kit_pair p)
{
	for (unsigned shift = 0; shift < 200; shift += 7) {
		CK_ULONG n = sizeof buf - 300, m = sizeof out;

		p11_about("shifted by %u", shift);
		memset(buf, 0x5a, 300);
		OK(transform(true, p.pub, NULL, buf + 100, 100, buf + shift, &n));
		memmove(out, buf + shift, n);
		OK(transform(false, p.priv, NULL, out, n, out + shift, &m));
		CHECK(m == 100 && out[shift] == 0x5a && memcmp(out + shift, out + shift + 1, 99) == 0);
	}
	p11_about(" ");
}

/* The largest message in one call, where $HANZO_BIG says that the machine has 10 GiB to spare. */
static void largest(struct kit_pair p)
{
	CK_ULONG len = (1ul << 31) - 64, n = len + OVERHEAD, m = len;
	CK_BYTE *text, *blob;

	if (getenv("HANZO_BIG") == NULL)
		return;
	text = calloc(1, len);
	blob = malloc(n);
	CHECK(text != NULL && blob != NULL);
	if (text != NULL && blob != NULL) {
		OK(transform(true, p.pub, NULL, text, len, blob, &n));
		CHECK(n == len + OVERHEAD);
		OK(transform(false, p.priv, NULL, blob, n, text, &m));
		CHECK(m == len && text[0] == 0 && memcmp(text, text + 1, len - 1) == 0);
	}
	free(text);
	free(blob);
}

int main(void)
{
	struct kit_pair p;
	CK_OBJECT_HANDLE rsa;
	EVP_PKEY *owner;

	kit_start();
	kit_init_token();
	S = kit_session(1, true);
	kit_login(S);
	p = kit_key(S, KEY_K256);
	owner = requester(&rsa, NULL, 0, 65537);
	vectors();
	round_trips(p);
	lengths(p);
	malformed(p, rsa);
	wrapping(p);
	delegation(p, rsa);
	edge_scalars(rsa, owner);
	too_long(p);
	in_place(p);
	largest(p);
	EVP_PKEY_free(owner);
	return kit_end();
}
