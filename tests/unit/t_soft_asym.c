/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of the software backend's asymmetric keys and mechanisms. */
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "asym_util.h"
#include "crypto/der.h"
#include "crypto/k256.h"
#include "crypto/libctx.h"

static const struct kind {
	CK_MECHANISM_TYPE gen;
	CK_KEY_TYPE type;
	const char *oid;
	CK_ULONG number;
	CK_MECHANISM_TYPE sign;
	size_t sig_len;
} kinds[] = {
	{ CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, NULL, 2048, CKM_SHA256_RSA_PKCS, 256 },
	{ CKM_EC_KEY_PAIR_GEN, CKK_EC, OID_P256, 0, CKM_ECDSA_SHA256, 64 },
	{ CKM_EC_KEY_PAIR_GEN, CKK_EC, OID_P384, 0, CKM_ECDSA_SHA384, 96 },
	{ CKM_EC_KEY_PAIR_GEN, CKK_EC, OID_P521, 0, CKM_ECDSA_SHA512, 132 },
	{ CKM_EC_KEY_PAIR_GEN, CKK_EC, OID_K256, 0, CKM_ECDSA_SHA3_256, 64 },
	{ CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, OID_ED25519, 0, CKM_EDDSA, 64 },
	{ CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, OID_ED448, 0, CKM_EDDSA, 114 },
	{ CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY, OID_X25519, 0, 0, 0 },
	{ CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY, OID_X448, 0, 0, 0 },
	{ CKM_ML_DSA_KEY_PAIR_GEN, CKK_ML_DSA, NULL, CKP_ML_DSA_44, CKM_ML_DSA, 2420 },
	{ CKM_ML_DSA_KEY_PAIR_GEN, CKK_ML_DSA, NULL, CKP_ML_DSA_65, CKM_ML_DSA, 3309 },
	{ CKM_ML_DSA_KEY_PAIR_GEN, CKK_ML_DSA, NULL, CKP_ML_DSA_87, CKM_HASH_ML_DSA_SHA3_512, 4627 },
	{ CKM_ML_KEM_KEY_PAIR_GEN, CKK_ML_KEM, NULL, CKP_ML_KEM_512, 0, 0 },
	{ CKM_ML_KEM_KEY_PAIR_GEN, CKK_ML_KEM, NULL, CKP_ML_KEM_768, 0, 0 },
	{ CKM_ML_KEM_KEY_PAIR_GEN, CKK_ML_KEM, NULL, CKP_ML_KEM_1024, 0, 0 },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static bool offered(const struct kind *k)
{
	return hz_soft_mech_find(k->gen) != NULL;
}

static void make(const struct kind *k, struct pair *p)
{
	make_pair(p, k->gen, k->type, k->oid, k->number);
}

static bool same_attr(const struct hz_attrs *a, const struct hz_attrs *b, CK_ATTRIBUTE_TYPE t)
{
	const struct hz_attr *x = hz_attrs_find(a, t), *y = hz_attrs_find(b, t);

	return x != NULL && y != NULL && x->len == y->len && memcmp(x->value, y->value, x->len) == 0;
}

/* One part, several parts, the same operation armed again, and a changed signature. */
START_TEST(sign_and_verify)
{
	const struct kind *k = &kinds[_i];
	static const char text[] = "the quick brown fox";
	uint8_t sig[HZ_MSG_SIG];
	size_t n = 0;
	struct hz_mech m;
	struct hz_op *op, *ver;
	struct pair p;

	if (!offered(k) || k->sign == 0)
		return;
	make(k, &p);
	copy_mech(&m, k->sign, NULL, 0);
	ck_assert_uint_eq(begin_op(HZ_OP_SIGN, k->sign, NULL, 0, p.kpriv, &op), CKR_OK);
	ck_assert_uint_eq(begin_op(HZ_OP_VERIFY, k->sign, NULL, 0, p.kpub, &ver), CKR_OK);
	for (int round = 0; round < 3; round++) {
		ck_assert_uint_eq(op->ops->max_out(op, HZ_FINAL, 0), k->sig_len);
		ck_assert_uint_eq(op->ops->update(op, (const uint8_t *)text, 5, NULL, NULL), CKR_OK);
		ck_assert_uint_eq(op->ops->update(op, NULL, 0, NULL, NULL), CKR_OK);
		ck_assert_uint_eq(op->ops->update(op, (const uint8_t *)text + 5, sizeof text - 5, NULL, NULL), CKR_OK);
		ck_assert_uint_eq(op->ops->final(op, sig, &n), CKR_OK);
		ck_assert_uint_eq(n, k->sig_len);
		ck_assert_uint_eq(ver->ops->verify(ver, (const uint8_t *)text, sizeof text, sig, n), CKR_OK);
		ck_assert_uint_eq(ver->ops->rearm(ver, &m), CKR_OK);
		ck_assert_uint_eq(ver->ops->update(ver, (const uint8_t *)text, sizeof text, NULL, NULL), CKR_OK);
		ck_assert_uint_eq(ver->ops->verify_final(ver, sig, n), CKR_OK);
		ck_assert_uint_eq(ver->ops->rearm(ver, &m), CKR_OK);
		sig[n / 2] ^= 4;
		ck_assert_uint_eq(ver->ops->verify(ver, (const uint8_t *)text, sizeof text, sig, n), CKR_SIGNATURE_INVALID);
		ck_assert_uint_eq(ver->ops->rearm(ver, &m), CKR_OK);
		ck_assert_uint_eq(ver->ops->verify(ver, (const uint8_t *)text, sizeof text, sig, n - 1), CKR_SIGNATURE_LEN_RANGE);
		ck_assert_uint_eq(ver->ops->rearm(ver, &m), CKR_OK);
		/* abandoned in the middle */
		ck_assert_uint_eq(op->ops->rearm(op, &m), CKR_OK);
		ck_assert_uint_eq(op->ops->update(op, (const uint8_t *)text, 3, NULL, NULL), CKR_OK);
		ck_assert_uint_eq(op->ops->rearm(op, &m), CKR_OK);
	}
	/* the empty message, and a signature over its own input's buffer */
	ck_assert_uint_eq(op->ops->once(op, NULL, 0, sig, &n), CKR_OK);
	ck_assert_uint_eq(ver->ops->verify(ver, NULL, 0, sig, n), CKR_OK);
	ck_assert_uint_eq(op->ops->rearm(op, &m), CKR_OK);
	ck_assert_uint_eq(ver->ops->rearm(ver, &m), CKR_OK);
	memcpy(sig, text, sizeof text);
	ck_assert_uint_eq(op->ops->once(op, sig, sizeof text, sig, &n), CKR_OK);
	ck_assert_uint_eq(ver->ops->verify(ver, (const uint8_t *)text, sizeof text, sig, n), CKR_OK);
	op->ops->free(op);
	ver->ops->free(ver);
	/* the wrong half */
	ck_assert_uint_eq(begin_op(HZ_OP_SIGN, k->sign, NULL, 0, p.kpub, &op), CKR_KEY_TYPE_INCONSISTENT);
	ck_assert_uint_eq(begin_op(HZ_OP_VERIFY, k->sign, NULL, 0, p.kpriv, &op), CKR_KEY_TYPE_INCONSISTENT);
	hz_mech_clear(&m);
	free_pair(&p);
}
END_TEST

/* PKCS #8 out and in again gives the same key with the same public half. */
START_TEST(pkcs8_round)
{
	const struct kind *k = &kinds[_i];
	struct hz_buf der = HZ_BUF_SECRET, again = HZ_BUF_SECRET;
	struct hz_attrs back = HZ_ATTRS_INIT;
	struct hz_key *key;
	struct pair p;

	if (!offered(k))
		return;
	make(k, &p);
	ck_assert(same_attr(&p.pub, &p.priv, CKA_PUBLIC_KEY_INFO));
	ck_assert_uint_eq(hz_soft_pkcs8(p.kpriv, &der), CKR_OK);
	ck_assert(hz_secmem_owns(der.p));
	ck_assert_uint_eq(hz_soft_from_pkcs8(der.p, der.len, &back), CKR_OK);
	ck_assert(same_attr(&back, &p.priv, CKA_PUBLIC_KEY_INFO));
	ck_assert(same_attr(&back, &p.priv, k->type == CKK_RSA ? CKA_COEFFICIENT : CKA_VALUE));
	ck_assert(hz_attrs_find(&back, k->type == CKK_RSA ? CKA_PRIME_1 : CKA_VALUE)->secret);
	ck_assert_uint_eq(hz_soft_key_new(&back, &key), CKR_OK);
	ck_assert_uint_eq(hz_soft_pkcs8(key, &again), CKR_OK);
	ck_assert_uint_eq(again.len, der.len);
	ck_assert_mem_eq(again.p, der.p, der.len);
	/* every shorter prefix is refused */
	for (size_t n = 0; n < der.len; n += 1 + der.len / 97) {
		struct hz_attrs a = HZ_ATTRS_INIT;

		ck_assert_uint_ne(hz_soft_from_pkcs8(der.p, n, &a), CKR_OK);
		hz_attrs_free(&a);
	}
	hz_soft_key_free(key);
	hz_attrs_free(&back);
	hz_buf_free(&der);
	hz_buf_free(&again);
	free_pair(&p);
}
END_TEST

/* So does the public half by its SPKI; a private key that claims another public half is refused. */
START_TEST(spki_round)
{
	const struct kind *k = &kinds[_i];
	struct hz_attrs back = HZ_ATTRS_INIT, liar;
	const struct hz_attr *info;
	struct hz_key *key;
	struct pair p, other;

	if (!offered(k))
		return;
	make(k, &p);
	make(k, &other);
	info = hz_attrs_find(&p.pub, CKA_PUBLIC_KEY_INFO);
	ck_assert_uint_eq(hz_soft_from_spki(info->value, info->len, &back), CKR_OK);
	ck_assert(same_attr(&back, &p.pub, CKA_PUBLIC_KEY_INFO));
	ck_assert(same_attr(&back, &p.pub, k->type == CKK_RSA ? CKA_MODULUS : k->oid != NULL ? CKA_EC_POINT : CKA_VALUE));
	for (size_t n = 0; n < info->len; n += 1 + info->len / 97) {
		struct hz_attrs a = HZ_ATTRS_INIT;

		ck_assert_uint_ne(hz_soft_from_spki(info->value, n, &a), CKR_OK);
		hz_attrs_free(&a);
	}
	ck_assert_uint_eq(hz_attrs_dup(&liar, &p.priv), CKR_OK);
	info = hz_attrs_find(&other.pub, CKA_PUBLIC_KEY_INFO);
	put(&liar, CKA_PUBLIC_KEY_INFO, info->value, info->len);
	put(&liar, CKA_UNIQUE_ID, "id", 2);
	ck_assert_uint_eq(try_key(&liar, &key), CKR_ATTRIBUTE_VALUE_INVALID);
	hz_attrs_free(&liar);
	hz_attrs_free(&back);
	free_pair(&p);
	free_pair(&other);
}
END_TEST

/* libcrypto reads what we wrote, and its own encoding of the same key equals ours. secp256k1 is not shown to it. */
START_TEST(agrees_with_libcrypto)
{
	const struct kind *k = &kinds[_i];
	struct hz_buf der = HZ_BUF_SECRET;
	const struct hz_attr *info;
	const unsigned char *at;
	unsigned char *own = NULL;
	PKCS8_PRIV_KEY_INFO *p8;
	EVP_PKEY *pub, *priv;
	struct pair p;

	if (!offered(k) || (k->oid != NULL && strcmp(k->oid, OID_K256) == 0))
		return;
	make(k, &p);
	info = hz_attrs_find(&p.pub, CKA_PUBLIC_KEY_INFO);
	at = info->value;
	pub = d2i_PUBKEY_ex(NULL, &at, (long)info->len, hz_libctx(), NULL);
	ck_assert_ptr_nonnull(pub);
	ck_assert_int_eq(i2d_PUBKEY(pub, &own), (int)info->len);
	ck_assert_mem_eq(own, info->value, info->len);
	OPENSSL_free(own);
	ck_assert_uint_eq(hz_soft_pkcs8(p.kpriv, &der), CKR_OK);
	at = der.p;
	p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
	ck_assert_ptr_nonnull(p8);
	priv = EVP_PKCS82PKEY_ex(p8, hz_libctx(), NULL);
	ck_assert_ptr_nonnull(priv);
	ck_assert_int_eq(EVP_PKEY_eq(pub, priv), 1);
	PKCS8_PRIV_KEY_INFO_free(p8);
	EVP_PKEY_free(pub);
	EVP_PKEY_free(priv);
	hz_buf_free(&der);
	free_pair(&p);
}
END_TEST

/* ---- RSA ---- */

static void drop(struct hz_attrs *a, const CK_ATTRIBUTE_TYPE *types, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hz_attrs_remove(a, types[i]);
}

START_TEST(rsa_missing_numbers)
{
	static const CK_ATTRIBUTE_TYPE crt[] = { CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT };
	struct hz_attrs a;
	struct hz_key *key;
	struct pair p;

	make(&kinds[0], &p);
	for (int round = 0; round < 4; round++) {
		ck_assert_uint_eq(hz_attrs_dup(&a, &p.priv), CKR_OK);
		hz_attrs_remove(&a, CKA_PUBLIC_KEY_INFO);
		if (round == 0) /* n, e, d */
			drop(&a, crt, 5);
		if (round == 1) { /* n, d */
			drop(&a, crt, 5);
			hz_attrs_remove(&a, CKA_PUBLIC_EXPONENT);
		}
		if (round == 2) /* one prime only */
			drop(&a, crt + 1, 4);
		if (round == 3) { /* the other one, with a zero in front */
			const struct hz_attr *q = hz_attrs_find(&p.priv, CKA_PRIME_2);
			uint8_t wide[200] = { 0 };

			memcpy(wide + 1, q->value, q->len);
			drop(&a, crt, 5);
			put_secret(&a, CKA_PRIME_2, wide, q->len + 1);
		}
		ck_assert_uint_eq(try_key(&a, &key), CKR_OK);
		ck_assert(same_attr(&a, &p.priv, CKA_PUBLIC_KEY_INFO));
		ck_assert(hz_attrs_find(&a, CKA_COEFFICIENT) != NULL);
		ck_assert_uint_eq(hz_attrs_find(&a, CKA_EXPONENT_1)->secret, true);
		hz_soft_key_free(key);
		hz_attrs_free(&a);
	}
	free_pair(&p);
}
END_TEST

START_TEST(rsa_bad_numbers)
{
	static const CK_ATTRIBUTE_TYPE each[] = { CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1,
						  CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT, CKA_PUBLIC_KEY_INFO };
	struct hz_attrs a;
	struct hz_key *key;
	struct pair p;

	make(&kinds[0], &p);
	for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
		ck_assert_uint_eq(hz_attrs_dup(&a, &p.priv), CKR_OK);
		((uint8_t *)hz_attrs_find(&a, each[i])->value)[hz_attrs_find(&a, each[i])->len / 2] ^= 0x10;
		ck_assert_uint_eq(try_key(&a, &key), CKR_ATTRIBUTE_VALUE_INVALID);
		hz_attrs_free(&a);
	}
	free_pair(&p);
}
END_TEST

START_TEST(rsa_generation_limits)
{
	static const struct {
		CK_ULONG bits;
		const char *e;
		CK_RV want;
	} cases[] = {
		{ 1024, NULL, CKR_KEY_SIZE_RANGE },   { 0, NULL, CKR_KEY_SIZE_RANGE },
		{ 8200, NULL, CKR_KEY_SIZE_RANGE },   { 1ul << 40, NULL, CKR_KEY_SIZE_RANGE },
		{ 2049, NULL, CKR_KEY_SIZE_RANGE },   { 2048, "00", CKR_ATTRIBUTE_VALUE_INVALID },
		{ 2048, "01", CKR_ATTRIBUTE_VALUE_INVALID }, { 2048, "03", CKR_ATTRIBUTE_VALUE_INVALID },
		{ 2048, "010000", CKR_ATTRIBUTE_VALUE_INVALID }, { 2048, "010000000000000001", CKR_ATTRIBUTE_VALUE_INVALID },
		{ 2048, "00010003", CKR_OK },
	};
	struct hz_mech m;

	copy_mech(&m, CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct hz_attrs pub = new_set(CKO_PUBLIC_KEY, CKK_RSA), priv = new_set(CKO_PRIVATE_KEY, CKK_RSA);

		put_num(&pub, CKA_MODULUS_BITS, cases[i].bits);
		if (cases[i].e != NULL)
			put_hex(&pub, CKA_PUBLIC_EXPONENT, cases[i].e);
		ck_assert_uint_eq(hz_soft_mech_find(m.type)->generate_pair(&m, &pub, &priv), cases[i].want);
		hz_attrs_free(&pub);
		hz_attrs_free(&priv);
	}
}
END_TEST

START_TEST(rsa_encryption)
{
	static const CK_MECHANISM_TYPE mechs[] = { CKM_RSA_PKCS, CKM_RSA_X_509, CKM_RSA_PKCS_OAEP };
	static const size_t room[] = { 245, 256, 190 };
	uint8_t label[] = "label", msg[256] = { 0 }, ct[256], out[256];
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, label, sizeof label };
	size_t n, m;
	struct pair p;

	make(&kinds[0], &p);
	memset(msg + 1, 0x55, 255);
	for (size_t i = 0; i < 3; i++) {
		const void *param = mechs[i] == CKM_RSA_PKCS_OAEP ? &oaep : NULL;
		size_t plen = param != NULL ? sizeof oaep : 0;

		for (size_t len = 0; len <= room[i]; len += room[i]) {
			ck_assert_uint_eq(once(HZ_OP_ENCRYPT, mechs[i], param, plen, p.kpub, msg, len, ct, &n), CKR_OK);
			ck_assert_uint_eq(n, 256);
			ck_assert_uint_eq(once(HZ_OP_DECRYPT, mechs[i], param, plen, p.kpriv, ct, 256, out, &m), CKR_OK);
			ck_assert_uint_eq(m, mechs[i] == CKM_RSA_X_509 ? 256 : len);
			ck_assert(len == 0 || memcmp(out, msg, len) == 0);
		}
		if (room[i] < 256)
			ck_assert_uint_eq(once(HZ_OP_ENCRYPT, mechs[i], param, plen, p.kpub, msg, room[i] + 1, ct, &n), CKR_DATA_LEN_RANGE);
		ck_assert_uint_eq(once(HZ_OP_DECRYPT, mechs[i], param, plen, p.kpriv, ct, 255, out, &m), CKR_ENCRYPTED_DATA_LEN_RANGE);
		if (mechs[i] == CKM_RSA_X_509)
			continue;
		memset(ct, 0xff, 256); /* above the modulus */
		ck_assert_uint_eq(once(HZ_OP_DECRYPT, mechs[i], param, plen, p.kpriv, ct, 256, out, &m), CKR_ENCRYPTED_DATA_INVALID);
		memset(ct, 0x11, 256);
		ck_assert_uint_eq(once(HZ_OP_DECRYPT, mechs[i], param, plen, p.kpriv, ct, 256, out, &m), CKR_ENCRYPTED_DATA_INVALID);
	}
	memset(msg, 0xff, 256);
	ck_assert_uint_eq(once(HZ_OP_ENCRYPT, CKM_RSA_X_509, NULL, 0, p.kpub, msg, 256, ct, &n), CKR_DATA_INVALID);
	free_pair(&p);
}
END_TEST

/* Blocks built by hand with the bare operation: only 00 02, eight octets and more, 00, message opens. */
START_TEST(rsa_v15_padding)
{
	uint8_t em[256], ct[256], out[256];
	size_t n, m;
	struct pair p;

	make(&kinds[0], &p);
	for (int c = 0; c < 6; c++) {
		memset(em, 0x77, sizeof em);
		em[0] = 0;
		em[1] = c == 1 ? 1 : 2;
		if (c == 2)
			em[9] = 0; /* seven octets of padding */
		else if (c != 3)
			em[c == 4 ? 10 : c == 5 ? 255 : 200] = 0; /* c == 3: no end at all */
		ck_assert_uint_eq(once(HZ_OP_ENCRYPT, CKM_RSA_X_509, NULL, 0, p.kpub, em, 256, ct, &n), CKR_OK);
		if (c == 0 || c == 4 || c == 5) {
			size_t want = c == 4 ? 245 : c == 5 ? 0 : 55;

			ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_RSA_PKCS, NULL, 0, p.kpriv, ct, 256, out, &m), CKR_OK);
			ck_assert_uint_eq(m, want);
			ck_assert(want == 0 || memcmp(out, em + 256 - want, want) == 0);
		} else {
			ck_assert_uint_eq(once(HZ_OP_DECRYPT, CKM_RSA_PKCS, NULL, 0, p.kpriv, ct, 256, out, &m),
					  CKR_ENCRYPTED_DATA_INVALID);
		}
	}
	free_pair(&p);
}
END_TEST

START_TEST(rsa_recover)
{
	uint8_t msg[20] = "signed data", sig[256], out[256];
	size_t n, m;
	struct pair p;

	make(&kinds[0], &p);
	for (int x = 0; x < 2; x++) {
		CK_MECHANISM_TYPE mech = x ? CKM_RSA_X_509 : CKM_RSA_PKCS;

		ck_assert_uint_eq(once(HZ_OP_SIGN_RECOVER, mech, NULL, 0, p.kpriv, msg, sizeof msg, sig, &n), CKR_OK);
		ck_assert_uint_eq(once(HZ_OP_VERIFY_RECOVER, mech, NULL, 0, p.kpub, sig, n, out, &m), CKR_OK);
		ck_assert_uint_eq(m, x ? 256 : sizeof msg);
		ck_assert_mem_eq(out + m - sizeof msg, msg, sizeof msg);
		ck_assert_uint_eq(verify(mech, NULL, 0, p.kpub, msg, sizeof msg, sig, n), CKR_OK);
		ck_assert_uint_eq(verify(mech, NULL, 0, p.kpub, msg, sizeof msg - 1, sig, n), CKR_SIGNATURE_INVALID);
		ck_assert_uint_eq(once(HZ_OP_VERIFY_RECOVER, mech, NULL, 0, p.kpub, sig, n - 1, out, &m), CKR_SIGNATURE_LEN_RANGE);
		sig[100] ^= 1;
		if (!x)
			ck_assert_uint_eq(once(HZ_OP_VERIFY_RECOVER, mech, NULL, 0, p.kpub, sig, n, out, &m), CKR_SIGNATURE_INVALID);
	}
	ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_RSA_PKCS, NULL, 0, p.kpriv, sig, 246, out, &m), CKR_DATA_LEN_RANGE);
	free_pair(&p);
}
END_TEST

START_TEST(rsa_pss_parameters)
{
	CK_RSA_PKCS_PSS_PARAMS good = { CKM_SHA256, CKG_MGF1_SHA256, 32 }, q;
	uint8_t digest[32] = { 3 }, sig[256];
	size_t n;
	struct hz_op *op;
	struct pair p;

	make(&kinds[0], &p);
	ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_RSA_PKCS_PSS, &good, sizeof good, p.kpriv, digest, 32, sig, &n), CKR_OK);
	ck_assert_uint_eq(verify(CKM_RSA_PKCS_PSS, &good, sizeof good, p.kpub, digest, 32, sig, n), CKR_OK);
	q = good;
	q.sLen = 31;
	ck_assert_uint_eq(verify(CKM_RSA_PKCS_PSS, &q, sizeof q, p.kpub, digest, 32, sig, n), CKR_SIGNATURE_INVALID);
	q = good;
	q.mgf = CKG_MGF1_SHA512;
	ck_assert_uint_eq(verify(CKM_RSA_PKCS_PSS, &q, sizeof q, p.kpub, digest, 32, sig, n), CKR_SIGNATURE_INVALID);
	q = good;
	q.hashAlg = CKM_SHA3_256;
	ck_assert_uint_eq(verify(CKM_RSA_PKCS_PSS, &q, sizeof q, p.kpub, digest, 32, sig, n), CKR_SIGNATURE_INVALID);
	ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_RSA_PKCS_PSS, &good, sizeof good, p.kpriv, digest, 31, sig, &n), CKR_DATA_LEN_RANGE);
	ck_assert_uint_eq(begin_op(HZ_OP_VERIFY, CKM_SHA384_RSA_PKCS_PSS, &good, sizeof good, p.kpub, &op), CKR_MECHANISM_PARAM_INVALID);
	q = good;
	q.sLen = 223;
	ck_assert_uint_eq(begin_op(HZ_OP_SIGN, CKM_RSA_PKCS_PSS, &q, sizeof q, p.kpriv, &op), CKR_MECHANISM_PARAM_INVALID);
	q = (CK_RSA_PKCS_PSS_PARAMS){ CKM_SHA_1, CKG_MGF1_SHA1, 20 };
	ck_assert_uint_eq(begin_op(HZ_OP_SIGN, CKM_RSA_PKCS_PSS, &q, sizeof q, p.kpriv, &op), CKR_MECHANISM_PARAM_INVALID);
	/* armed again with other parameters, the operation follows them */
	ck_assert_uint_eq(begin_op(HZ_OP_SIGN, CKM_RSA_PKCS_PSS, &good, sizeof good, p.kpriv, &op), CKR_OK);
	q = good;
	q.sLen = 0;
	{
		struct hz_mech m;

		copy_mech(&m, CKM_RSA_PKCS_PSS, &q, sizeof q);
		ck_assert_uint_eq(op->ops->rearm(op, &m), CKR_OK);
		hz_mech_clear(&m);
	}
	ck_assert_uint_eq(op->ops->once(op, digest, 32, sig, &n), CKR_OK);
	ck_assert_uint_eq(verify(CKM_RSA_PKCS_PSS, &q, sizeof q, p.kpub, digest, 32, sig, n), CKR_OK);
	ck_assert_uint_eq(verify(CKM_RSA_PKCS_PSS, &good, sizeof good, p.kpub, digest, 32, sig, n), CKR_SIGNATURE_INVALID);
	op->ops->free(op);
	free_pair(&p);
}
END_TEST

START_TEST(rsa_transport)
{
	uint8_t value[32];
	struct hz_attrs s = new_set(CKO_SECRET_KEY, CKK_AES), made;
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	static const CK_MECHANISM_TYPE mechs[] = { CKM_RSA_PKCS, CKM_RSA_X_509, CKM_RSA_PKCS_OAEP };
	struct hz_key *key;
	struct pair p;

	make(&kinds[0], &p);
	for (size_t i = 0; i < 32; i++)
		value[i] = (uint8_t)i; /* begins with a zero: X_509 must keep it */
	put_secret(&s, CKA_VALUE, value, 32);
	ck_assert_uint_eq(try_key(&s, &key), CKR_OK);
	for (size_t i = 0; i < 3; i++) {
		const struct hz_soft_mech *row = hz_soft_mech_find(mechs[i]);
		struct hz_buf out = HZ_BUF_INIT;
		struct hz_mech m;
		size_t len;

		copy_mech(&m, mechs[i], i == 2 ? &oaep : NULL, i == 2 ? sizeof oaep : 0);
		ck_assert_uint_eq(row->wrap_len(&m, p.kpub, key, &len), CKR_OK);
		ck_assert_uint_eq(row->wrap(&m, p.kpub, key, &out), CKR_OK);
		ck_assert_uint_eq(out.len, len);
		made = new_set(CKO_SECRET_KEY, CKK_AES);
		put_num(&made, CKA_VALUE_LEN, 32);
		ck_assert_uint_eq(row->unwrap(&m, p.kpriv, out.p, out.len, &made), CKR_OK);
		ck_assert(same_attr(&made, &s, CKA_VALUE));
		hz_attrs_free(&made);
		made = new_set(CKO_SECRET_KEY, CKK_AES);
		out.p[9] ^= 1;
		if (i != 1)
			ck_assert_uint_eq(row->unwrap(&m, p.kpriv, out.p, out.len, &made), CKR_WRAPPED_KEY_INVALID);
		ck_assert_uint_eq(row->unwrap(&m, p.kpriv, out.p, out.len - 1, &made), CKR_WRAPPED_KEY_LEN_RANGE);
		ck_assert_uint_eq(row->wrap(&m, p.kpub, p.kpriv, &out), CKR_KEY_NOT_WRAPPABLE);
		hz_attrs_free(&made);
		hz_buf_free(&out);
		hz_mech_clear(&m);
	}
	hz_soft_key_free(key);
	hz_attrs_free(&s);
	free_pair(&p);
}
END_TEST

/* ---- curves ---- */

/* Every form of a point comes in, one goes into the store. */
START_TEST(point_forms)
{
	const struct kind *k = &kinds[_i];
	const struct hz_attr *stored;
	const struct hz_curve *c;
	const uint8_t *raw;
	size_t n;
	struct pair p;

	if (k->oid == NULL)
		return;
	make(k, &p);
	stored = hz_attrs_find(&p.pub, CKA_EC_POINT);
	c = p.kpub->curve;
	ck_assert(hz_curve_point(c, stored->value, stored->len, &raw, &n));
	for (int form = 0; form < 4; form++) {
		struct hz_attrs a = new_set(CKO_PUBLIC_KEY, k->type);
		struct hz_buf b = HZ_BUF_INIT;
		uint8_t small[67];
		struct hz_key *key;

		put_hex(&a, CKA_EC_PARAMS, k->oid);
		if (form == 0)
			hz_buf_add(&b, raw, n);
		if (form == 1)
			hz_der_put(&b, HZ_DER_OCTETS, raw, n);
		if (form == 2)
			hz_der_put_bits(&b, raw, n);
		if (form == 3 && k->type == CKK_EC) {
			small[0] = (uint8_t)(2 + (raw[n - 1] & 1));
			memcpy(small + 1, raw + 1, c->field);
			hz_buf_add(&b, small, 1 + (size_t)c->field);
		} else if (form == 3) {
			hz_buf_add(&b, raw, n);
		}
		put(&a, CKA_EC_POINT, b.p, b.len);
		ck_assert_uint_eq(try_key(&a, &key), CKR_OK);
		ck_assert(same_attr(&a, &p.pub, CKA_EC_POINT));
		ck_assert(same_attr(&a, &p.pub, CKA_PUBLIC_KEY_INFO));
		hz_soft_key_free(key);
		if (b.len > 2) {
			put(&a, CKA_EC_POINT, b.p, b.len - 1);
			ck_assert_uint_eq(try_key(&a, &key), CKR_ATTRIBUTE_VALUE_INVALID);
		}
		hz_attrs_free(&a);
		hz_buf_free(&b);
	}
	free_pair(&p);
}
END_TEST

START_TEST(curve_names)
{
	static const struct {
		CK_KEY_TYPE type;
		const char *params;
		const char *name;
		CK_RV want;
	} cases[] = {
		{ CKK_EC_EDWARDS, "130c656477617264733235353139", "ED25519", CKR_OK },
		{ CKK_EC_EDWARDS, "06092b06010401da470f01", "ED25519", CKR_OK },
		{ CKK_EC_EDWARDS, "130a65647761726473343438", "ED448", CKR_OK },
		{ CKK_EC_MONTGOMERY, "130a63757276653235353139", "X25519", CKR_OK },
		{ CKK_EC_MONTGOMERY, "060a2b060104019755010501", "X25519", CKR_OK },
		{ CKK_EC_MONTGOMERY, "13086375727665343438", "X448", CKR_OK },
		{ CKK_EC_MONTGOMERY, "130b63757276653235353139", "X25519", CKR_OK }, /* OpenSC 0.23 */
		{ CKK_EC, "130b63757276653235353139", NULL, CKR_CURVE_NOT_SUPPORTED },
		{ CKK_EC, "1309736563703235367231", "P-256", CKR_OK },
		{ CKK_EC, OID_ED25519, NULL, CKR_CURVE_NOT_SUPPORTED },
		{ CKK_EC_EDWARDS, OID_X25519, NULL, CKR_CURVE_NOT_SUPPORTED },
		{ CKK_EC, "06092b2403030208010107", NULL, CKR_CURVE_NOT_SUPPORTED }, /* brainpoolP256r1 */
		{ CKK_EC, "3003020101", NULL, CKR_CURVE_NOT_SUPPORTED },
		{ CKK_EC, "06082a8648ce3d0301", NULL, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKK_EC, "06052b8104000a00", NULL, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKK_EC, "", NULL, CKR_ATTRIBUTE_VALUE_INVALID },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bytes b = unhex(cases[i].params);
		const struct hz_curve *c = NULL;

		ck_assert_uint_eq(hz_curve_of_params(cases[i].type, b.p, b.n, &c), cases[i].want);
		if (cases[i].name != NULL)
			ck_assert_str_eq(c->name, cases[i].name);
		free(b.p);
	}
}
END_TEST

static CK_RV create(CK_OBJECT_CLASS cls, CK_KEY_TYPE type, const char *oid, CK_ATTRIBUTE_TYPE attr, const char *value)
{
	struct hz_attrs a = new_set(cls, type);
	struct hz_key *key = NULL;
	CK_RV rv;

	put_hex(&a, CKA_EC_PARAMS, oid);
	put_hex(&a, attr, value);
	rv = try_key(&a, &key);
	hz_soft_key_free(key);
	hz_attrs_free(&a);
	return rv;
}

START_TEST(bad_curve_keys)
{
	static const struct {
		CK_OBJECT_CLASS cls;
		CK_KEY_TYPE type;
		const char *oid, *value;
	} bad[] = {
		/* scalars: zero, the order, too long */
		{ CKO_PRIVATE_KEY, CKK_EC, OID_P256, "00" },
		{ CKO_PRIVATE_KEY, CKK_EC, OID_P256, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551" },
		{ CKO_PRIVATE_KEY, CKK_EC, OID_K256, "00" },
		{ CKO_PRIVATE_KEY, CKK_EC, OID_K256, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141" },
		{ CKO_PRIVATE_KEY, CKK_EC, OID_K256, "010000000000000000000000000000000000000000000000000000000000000000" },
		{ CKO_PRIVATE_KEY, CKK_EC_EDWARDS, OID_ED25519, "00112233" },
		/* points: off the curve, infinity, hybrid */
		{ CKO_PUBLIC_KEY, CKK_EC, OID_P256, "00" },
		{ CKO_PUBLIC_KEY, CKK_EC, OID_P256, "040100" },
		{ CKO_PUBLIC_KEY, CKK_EC, OID_P256,
		  "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f6" },
		{ CKO_PUBLIC_KEY, CKK_EC, OID_P256,
		  "076b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5" },
		/* P-256's generator on secp256k1 */
		{ CKO_PUBLIC_KEY, CKK_EC, OID_K256,
		  "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5" },
		/* Ed25519: small order, y not reduced, no point */
		{ CKO_PUBLIC_KEY, CKK_EC_EDWARDS, OID_ED25519, "0100000000000000000000000000000000000000000000000000000000000000" },
		{ CKO_PUBLIC_KEY, CKK_EC_EDWARDS, OID_ED25519, "0000000000000000000000000000000000000000000000000000000000000000" },
		{ CKO_PUBLIC_KEY, CKK_EC_EDWARDS, OID_ED25519, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
		{ CKO_PUBLIC_KEY, CKK_EC_EDWARDS, OID_ED25519, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a" },
		{ CKO_PUBLIC_KEY, CKK_EC_EDWARDS, OID_ED25519, "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05" },
		{ CKO_PUBLIC_KEY, CKK_EC_EDWARDS, OID_ED25519, "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
		{ CKO_PUBLIC_KEY, CKK_EC_EDWARDS, OID_ED25519, "0200000000000000000000000000000000000000000000000000000000000000" },
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(create(bad[i].cls, bad[i].type, bad[i].oid, bad[i].cls == CKO_PRIVATE_KEY ? CKA_VALUE : CKA_EC_POINT,
				     bad[i].value) == CKR_ATTRIBUTE_VALUE_INVALID,
			      "case %zu was taken", i);
	/* short scalars are numbers like any other */
	ck_assert_uint_eq(create(CKO_PRIVATE_KEY, CKK_EC, OID_P256, CKA_VALUE, "01"), CKR_OK);
	ck_assert_uint_eq(create(CKO_PRIVATE_KEY, CKK_EC, OID_K256, CKA_VALUE, "000000000000000000000000000000000000000000000000000000000000000001"), CKR_OK);
	ck_assert_uint_eq(create(CKO_PUBLIC_KEY, CKK_EC, "06092b2403030208010107", CKA_EC_POINT, "04"), CKR_CURVE_NOT_SUPPORTED);
}
END_TEST

START_TEST(digest_lengths)
{
	static const char *const oids[] = { OID_P256, OID_P521, OID_K256 };
	uint8_t in[80], sig[132];
	size_t n;

	memset(in, 0x5a, sizeof in);
	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		size_t width;

		make_pair(&p, CKM_EC_KEY_PAIR_GEN, CKK_EC, oids[i], 0);
		width = ((const struct hz_curve *)p.kpub->curve)->scalar;
		for (size_t len = 1; len <= sizeof in; len += 13) {
			ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_ECDSA, NULL, 0, p.kpriv, in, len, sig, &n), CKR_OK);
			ck_assert_uint_eq(n, 2 * width);
			ck_assert_uint_eq(verify(CKM_ECDSA, NULL, 0, p.kpub, in, len, sig, n), CKR_OK);
		}
		/* what lies beyond the order's width plays no part */
		ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_ECDSA, NULL, 0, p.kpriv, in, sizeof in, sig, &n), CKR_OK);
		in[sizeof in - 1] ^= 0xff;
		ck_assert_uint_eq(verify(CKM_ECDSA, NULL, 0, p.kpub, in, sizeof in, sig, n), CKR_OK);
		ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_ECDSA, NULL, 0, p.kpriv, in, 0, sig, &n), CKR_DATA_LEN_RANGE);
		free_pair(&p);
	}
}
END_TEST

START_TEST(sha1_only_verifies)
{
	struct hz_op *op;
	struct pair rsa, ec, k;
	static const CK_MECHANISM_TYPE only[] = { CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKM_ECDSA_SHA1 };

	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(hz_soft_mech_find(only[i])->row.info.flags & (CKF_SIGN | CKF_VERIFY), CKF_VERIFY);
	make(&kinds[0], &rsa);
	make(&kinds[1], &ec);
	make(&kinds[4], &k);
	ck_assert_uint_eq(begin_op(HZ_OP_SIGN, CKM_SHA1_RSA_PKCS, NULL, 0, rsa.kpriv, &op), CKR_MECHANISM_INVALID);
	ck_assert_uint_eq(begin_op(HZ_OP_SIGN, CKM_ECDSA_SHA1, NULL, 0, ec.kpriv, &op), CKR_MECHANISM_INVALID);
	ck_assert_uint_eq(begin_op(HZ_OP_SIGN, CKM_ECDSA_SHA1, NULL, 0, k.kpriv, &op), CKR_MECHANISM_INVALID);
	free_pair(&rsa);
	free_pair(&ec);
	free_pair(&k);
}
END_TEST

static CK_RV agree(const struct pair *mine, const struct pair *other, CK_MECHANISM_TYPE mech, CK_EC_KDF_TYPE kdf, CK_ULONG len,
		   struct hz_attrs *made)
{
	const struct hz_attr *point = hz_attrs_find(&other->pub, CKA_EC_POINT);
	uint8_t shared[] = { 1, 2, 3 };
	CK_ECDH1_DERIVE_PARAMS p = { kdf, kdf == CKD_NULL ? 0 : sizeof shared, kdf == CKD_NULL ? NULL : shared, point->len, point->value };

	*made = new_set(CKO_SECRET_KEY, CKK_GENERIC_SECRET);
	if (len != 0)
		put_num(made, CKA_VALUE_LEN, len);
	return derive(mech, &p, mine->kpriv, made);
}

START_TEST(ecdh_both_ways)
{
	const struct kind *k = &kinds[_i];
	struct hz_attrs x, y, z;
	struct pair a, b;
	size_t n;

	if (k->oid == NULL || k->type == CKK_EC_EDWARDS)
		return;
	make(k, &a);
	make(k, &b);
	n = ((const struct hz_curve *)a.kpub->curve)->field;
	ck_assert_uint_eq(agree(&a, &b, CKM_ECDH1_DERIVE, CKD_NULL, 0, &x), CKR_OK);
	ck_assert_uint_eq(agree(&b, &a, CKM_ECDH1_DERIVE, CKD_NULL, 0, &y), CKR_OK);
	ck_assert(same_attr(&x, &y, CKA_VALUE));
	ck_assert_uint_eq(hz_attrs_find(&x, CKA_VALUE)->len, n);
	/* truncation takes the leading octets off */
	ck_assert_uint_eq(agree(&a, &b, CKM_ECDH1_DERIVE, CKD_NULL, 16, &z), CKR_OK);
	ck_assert_mem_eq(hz_attrs_find(&z, CKA_VALUE)->value, (uint8_t *)hz_attrs_find(&x, CKA_VALUE)->value + n - 16, 16);
	hz_attrs_free(&y);
	hz_attrs_free(&z);
	ck_assert_uint_eq(agree(&a, &b, CKM_ECDH1_DERIVE, CKD_NULL, n + 1, &z), CKR_KEY_SIZE_RANGE);
	hz_attrs_free(&z);
	for (CK_EC_KDF_TYPE kdf = CKD_SHA1_KDF; kdf <= CKD_SHA3_512_KDF_SP800; kdf++) {
		CK_RV rv = agree(&a, &b, CKM_ECDH1_DERIVE, kdf, 100, &y), other = agree(&b, &a, CKM_ECDH1_DERIVE, kdf, 100, &z);

		ck_assert_uint_eq(rv, other);
		if (kdf == CKD_SHA1_KDF_ASN1 || kdf == CKD_SHA1_KDF_CONCATENATE || kdf == CKD_CPDIVERSIFY_KDF)
			ck_assert_uint_eq(rv, CKR_MECHANISM_PARAM_INVALID);
		else
			ck_assert(rv == CKR_OK && same_attr(&y, &z, CKA_VALUE));
		hz_attrs_free(&y);
		hz_attrs_free(&z);
	}
	if (k->type == CKK_EC) {
		ck_assert_uint_eq(agree(&a, &b, CKM_ECDH1_COFACTOR_DERIVE, CKD_NULL, 0, &y), CKR_OK);
		ck_assert(same_attr(&x, &y, CKA_VALUE));
	} else {
		ck_assert_uint_eq(agree(&a, &b, CKM_ECDH1_COFACTOR_DERIVE, CKD_NULL, 0, &y), CKR_KEY_TYPE_INCONSISTENT);
	}
	hz_attrs_free(&x);
	hz_attrs_free(&y);
	free_pair(&a);
	free_pair(&b);
}
END_TEST

/* ANSI X9.63 with SHA-256: NIST CAVP component vector, 192-bit secret, 128 bits of shared info left out. */
START_TEST(x963_known)
{
	struct bytes z = unhex("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08");
	struct hz_attrs made = new_set(CKO_SECRET_KEY, CKK_GENERIC_SECRET);
	CK_ECDH1_DERIVE_PARAMS p = { CKD_SHA256_KDF, 0, NULL, 1, (CK_BYTE *)"" };
	uint8_t want[16];

	put_num(&made, CKA_VALUE_LEN, 16);
	ck_assert_uint_eq(hz_soft_ecdh_key(&p, z.p, z.n, &made), CKR_OK);
	ck_assert(hz_hex_decode("443024c3dae66b95e6f5670601558f71", 32, want, 16));
	ck_assert_mem_eq(hz_attrs_find(&made, CKA_VALUE)->value, want, 16);
	hz_attrs_free(&made);
	free(z.p);
}
END_TEST

START_TEST(x25519_zero)
{
	uint8_t zero[32] = { 0 };
	CK_ECDH1_DERIVE_PARAMS p = { CKD_NULL, 0, NULL, 32, zero };
	struct hz_attrs made = new_set(CKO_SECRET_KEY, CKK_GENERIC_SECRET);
	struct pair a;

	make(&kinds[7], &a);
	ck_assert_uint_eq(derive(CKM_ECDH1_DERIVE, &p, a.kpriv, &made), CKR_MECHANISM_PARAM_INVALID);
	p.ulPublicDataLen = 31;
	ck_assert_uint_eq(derive(CKM_ECDH1_DERIVE, &p, a.kpriv, &made), CKR_MECHANISM_PARAM_INVALID);
	hz_attrs_free(&made);
	free_pair(&a);
}
END_TEST

/* Variants of EdDSA either work or are refused; they are never the plain scheme under another name. */
START_TEST(eddsa_variants)
{
	uint8_t context[] = "ctx", msg[] = "message", sig[114];
	CK_EDDSA_PARAMS cases[] = { { CK_TRUE, 0, NULL }, { CK_FALSE, sizeof context, context }, { CK_TRUE, sizeof context, context } };
	size_t n;

	for (size_t k = 5; k < 7; k++) {
		struct pair p;

		make(&kinds[k], &p);
		for (size_t i = 0; i < 3; i++) {
			CK_RV rv = once(HZ_OP_SIGN, CKM_EDDSA, &cases[i], sizeof cases[i], p.kpriv, msg, sizeof msg, sig, &n);

			if (rv == CKR_MECHANISM_PARAM_INVALID)
				continue;
			ck_assert_uint_eq(rv, CKR_OK);
			ck_assert_uint_eq(verify(CKM_EDDSA, &cases[i], sizeof cases[i], p.kpub, msg, sizeof msg, sig, n), CKR_OK);
			ck_assert_uint_eq(verify(CKM_EDDSA, NULL, 0, p.kpub, msg, sizeof msg, sig, n), CKR_SIGNATURE_INVALID);
		}
		free_pair(&p);
	}
}
END_TEST

/* RFC 8032 section 7.1 test 2 and 7.4 "1 octet". */
START_TEST(eddsa_known)
{
	static const struct {
		const char *oid, *sec, *msg, *sig;
	} v[] = {
		{ OID_ED25519, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72",
		  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
		{ OID_ED448, "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e", "03",
		  "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c03a00" },
	};

	for (size_t i = 0; i < 2; i++) {
		struct hz_attrs a = new_set(CKO_PRIVATE_KEY, CKK_EC_EDWARDS);
		struct bytes msg = unhex(v[i].msg), want = unhex(v[i].sig);
		uint8_t sig[114];
		struct hz_key *key;
		size_t n;

		put_hex(&a, CKA_EC_PARAMS, v[i].oid);
		put_hex(&a, CKA_VALUE, v[i].sec);
		ck_assert_uint_eq(try_key(&a, &key), CKR_OK);
		ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_EDDSA, NULL, 0, key, msg.p, msg.n, sig, &n), CKR_OK);
		ck_assert_uint_eq(n, want.n);
		ck_assert_mem_eq(sig, want.p, n);
		hz_soft_key_free(key);
		hz_attrs_free(&a);
		free(msg.p);
		free(want.p);
	}
}
END_TEST

/* ---- vendor signatures ---- */

START_TEST(vendor_signatures)
{
	CK_HANZO_CERT_SUBJECT_PARAMS subject = { { 9 } }, other = { { 8 } };
	uint8_t digest[32], inner[32], sig[65], pub[64], buf[128];
	hz_keccak256_ctx c;
	struct pair p, ec;
	struct hz_op *op;
	size_t n;

	make(&kinds[4], &p);
	make(&kinds[1], &ec);
	hz_keccak256("hello", 5, digest);
	ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_HANZO_ECDSA_RECOVERABLE, NULL, 0, p.kpriv, digest, 32, sig, &n), CKR_OK);
	ck_assert_uint_eq(n, 65);
	ck_assert(hz_k256_recover(pub, digest, sig) && hz_k256_pub_equal(pub, p.kpub->k256_pub));
	ck_assert_uint_eq(verify(CKM_HANZO_ECDSA_RECOVERABLE, NULL, 0, p.kpub, digest, 32, sig, 65), CKR_OK);
	ck_assert_uint_eq(verify(CKM_HANZO_ECDSA_RECOVERABLE, NULL, 0, p.kpub, digest, 32, sig, 64), CKR_SIGNATURE_LEN_RANGE);
	ck_assert_uint_eq(verify(CKM_HANZO_ECDSA_RECOVERABLE, NULL, 0, p.kpub, digest, 31, sig, 65), CKR_DATA_LEN_RANGE);
	sig[64] ^= 7;
	ck_assert_uint_eq(verify(CKM_HANZO_ECDSA_RECOVERABLE, NULL, 0, p.kpub, digest, 32, sig, 65), CKR_SIGNATURE_INVALID);
	ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_HANZO_ECDSA_KECCAK256, NULL, 0, p.kpriv, "hello", 5, sig, &n), CKR_OK);
	ck_assert(hz_k256_verify(p.kpub->k256_pub, digest, sig, true));
	ck_assert_uint_eq(verify(CKM_HANZO_ECDSA_KECCAK256, NULL, 0, p.kpub, "hello", 5, sig, 64), CKR_OK);
	ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_HANZO_CERT_SUBJECT, &subject, sizeof subject, p.kpriv, "hello", 5, sig, &n), CKR_OK);
	hz_keccak256("hello", 5, inner);
	memcpy(buf, "hanzo/cert-subject/v1", 21);
	memcpy(buf + 21, subject.subject, 32);
	memcpy(buf + 53, inner, 32);
	hz_keccak256_init(&c);
	hz_keccak256_update(&c, buf, 85);
	hz_keccak256_final(&c, digest);
	ck_assert(hz_k256_verify(p.kpub->k256_pub, digest, sig, true));
	ck_assert_uint_eq(verify(CKM_HANZO_CERT_SUBJECT, &subject, sizeof subject, p.kpub, "hello", 5, sig, 64), CKR_OK);
	ck_assert_uint_eq(verify(CKM_HANZO_CERT_SUBJECT, &other, sizeof other, p.kpub, "hello", 5, sig, 64), CKR_SIGNATURE_INVALID);
	ck_assert_uint_eq(begin_op(HZ_OP_SIGN, CKM_HANZO_ECDSA_KECCAK256, NULL, 0, ec.kpriv, &op), CKR_KEY_TYPE_INCONSISTENT);
	free_pair(&p);
	free_pair(&ec);
}
END_TEST

START_TEST(address_attribute)
{
	struct hz_attrs a = new_set(CKO_PRIVATE_KEY, CKK_EC);
	struct bytes want = unhex("7e5f4552091a69125d5dfcb7b8c2659029395bdf");
	const struct hz_attr *got;
	struct hz_key *key;

	put_hex(&a, CKA_EC_PARAMS, OID_K256);
	put_hex(&a, CKA_VALUE, "01");
	ck_assert_uint_eq(try_key(&a, &key), CKR_OK);
	got = hz_attrs_find(&a, CKA_HANZO_ADDRESS);
	ck_assert_ptr_nonnull(got);
	ck_assert_uint_eq(got->len, 20);
	ck_assert_mem_eq(got->value, want.p, 20);
	ck_assert_uint_eq(hz_attrs_find(&a, CKA_VALUE)->len, 32);
	hz_soft_key_free(key);
	hz_attrs_free(&a);
	free(want.p);
}
END_TEST

/* ---- ML-KEM ---- */

START_TEST(kem)
{
	const struct kind *k = &kinds[_i];
	struct hz_attrs x = new_set(CKO_SECRET_KEY, CKK_GENERIC_SECRET), y = new_set(CKO_SECRET_KEY, CKK_GENERIC_SECRET);
	struct hz_buf ct = HZ_BUF_INIT;
	const struct hz_soft_mech *row = hz_soft_mech_find(CKM_ML_KEM);
	struct hz_mech m;
	struct pair p;
	size_t n;

	if (k->type == CKK_ML_KEM && offered(k)) {
		make(k, &p);
		copy_mech(&m, CKM_ML_KEM, NULL, 0);
		ck_assert_uint_eq(row->encapsulate_len(&m, p.kpub, &n), CKR_OK);
		ck_assert_uint_eq(row->encapsulate(&m, p.kpub, &ct, &x), CKR_OK);
		ck_assert_uint_eq(ct.len, n);
		ck_assert_uint_eq(row->decapsulate(&m, p.kpriv, ct.p, ct.len, &y), CKR_OK);
		ck_assert(same_attr(&x, &y, CKA_VALUE));
		ct.p[5] ^= 1; /* implicit rejection */
		hz_attrs_free(&y);
		y = new_set(CKO_SECRET_KEY, CKK_GENERIC_SECRET);
		ck_assert_uint_eq(row->decapsulate(&m, p.kpriv, ct.p, ct.len, &y), CKR_OK);
		ck_assert(!same_attr(&x, &y, CKA_VALUE));
		ck_assert_uint_eq(row->decapsulate(&m, p.kpriv, ct.p, ct.len - 1, &y), CKR_WRAPPED_KEY_LEN_RANGE);
		ck_assert_uint_eq(row->decapsulate(&m, p.kpub, ct.p, ct.len, &y), CKR_KEY_TYPE_INCONSISTENT);
		free_pair(&p);
	}
	hz_attrs_free(&x);
	hz_attrs_free(&y);
	hz_buf_free(&ct);
}
END_TEST

START_TEST(ml_dsa_context)
{
	uint8_t context[] = "a context", sig[4627], again[4627];
	CK_SIGN_ADDITIONAL_CONTEXT with = { CKH_HEDGE_PREFERRED, context, sizeof context }, fixed = { CKH_DETERMINISTIC_REQUIRED, NULL, 0 };
	CK_HASH_SIGN_ADDITIONAL_CONTEXT hash = { CKH_HEDGE_PREFERRED, context, sizeof context, CKM_SHA256 };
	uint8_t digest[32];
	struct pair p;
	size_t n;

	if (hz_soft_mech_find(CKM_ML_DSA) == NULL)
		return;
	make(&kinds[10], &p);
	ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_ML_DSA, &with, sizeof with, p.kpriv, "m", 1, sig, &n), CKR_OK);
	ck_assert_uint_eq(verify(CKM_ML_DSA, &with, sizeof with, p.kpub, "m", 1, sig, n), CKR_OK);
	ck_assert_uint_eq(verify(CKM_ML_DSA, NULL, 0, p.kpub, "m", 1, sig, n), CKR_SIGNATURE_INVALID);
	ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_ML_DSA, &fixed, sizeof fixed, p.kpriv, "m", 1, sig, &n), CKR_OK);
	ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_ML_DSA, &fixed, sizeof fixed, p.kpriv, "m", 1, again, &n), CKR_OK);
	ck_assert_mem_eq(sig, again, n);
	hz_hash_once(HZ_SHA256, "m", 1, digest);
	ck_assert_uint_eq(once(HZ_OP_SIGN, CKM_HASH_ML_DSA, &hash, sizeof hash, p.kpriv, digest, 32, sig, &n), CKR_OK);
	ck_assert_uint_eq(verify(CKM_HASH_ML_DSA_SHA256, &with, sizeof with, p.kpub, "m", 1, sig, n), CKR_OK);
	ck_assert_uint_eq(verify(CKM_ML_DSA, &with, sizeof with, p.kpub, "m", 1, sig, n), CKR_SIGNATURE_INVALID);
	free_pair(&p);
}
END_TEST

/* ---- certificates ---- */

START_TEST(certificate)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(hz_libctx(), NULL, "EC", "P-256");
	X509 *x = X509_new_ex(hz_libctx(), NULL);
	struct hz_attrs a = HZ_ATTRS_INIT;
	unsigned char *der = NULL, *spki = NULL;
	uint8_t digest[20];
	int n, m;

	ck_assert(X509_set_version(x, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x), 7) && X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
		  X509_gmtime_adj(X509_getm_notAfter(x), 1000) && X509_set_pubkey(x, key) && X509_sign(x, key, hz_md("SHA2-256")));
	n = i2d_X509(x, &der);
	m = i2d_PUBKEY(key, &spki);
	put_num(&a, CKA_CLASS, CKO_CERTIFICATE);
	put(&a, CKA_VALUE, der, (size_t)n);
	ck_assert_uint_eq(hz_soft_complete(&a), CKR_OK);
	ck_assert_uint_eq(hz_attrs_find(&a, CKA_PUBLIC_KEY_INFO)->len, (size_t)m);
	ck_assert_mem_eq(hz_attrs_find(&a, CKA_PUBLIC_KEY_INFO)->value, spki, (size_t)m);
	hz_hash_once(HZ_SHA1, der, (size_t)n, digest);
	ck_assert_uint_eq(hz_attrs_find(&a, CKA_CHECK_VALUE)->len, 3);
	ck_assert_mem_eq(hz_attrs_find(&a, CKA_CHECK_VALUE)->value, digest, 3);
	put(&a, CKA_CHECK_VALUE, "xyz", 3);
	ck_assert_uint_eq(hz_soft_complete(&a), CKR_ATTRIBUTE_VALUE_INVALID);
	hz_attrs_free(&a);
	OPENSSL_free(der);
	OPENSSL_free(spki);
	X509_free(x);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(unwrapped_type_must_agree)
{
	struct hz_buf der = HZ_BUF_SECRET;
	struct hz_attrs a;
	struct pair p;

	make(&kinds[1], &p);
	ck_assert_uint_eq(hz_soft_pkcs8(p.kpriv, &der), CKR_OK);
	a = new_set(CKO_PRIVATE_KEY, CKK_RSA);
	ck_assert_uint_eq(hz_soft_from_pkcs8(der.p, der.len, &a), CKR_TEMPLATE_INCONSISTENT);
	hz_attrs_free(&a);
	a = new_set(CKO_SECRET_KEY, CKK_EC);
	ck_assert_uint_eq(hz_soft_from_pkcs8(der.p, der.len, &a), CKR_TEMPLATE_INCONSISTENT);
	hz_attrs_free(&a);
	a = new_set(CKO_PRIVATE_KEY, CKK_EC);
	put_hex(&a, CKA_EC_PARAMS, OID_P384);
	ck_assert_uint_eq(hz_soft_from_pkcs8(der.p, der.len, &a), CKR_TEMPLATE_INCONSISTENT);
	hz_attrs_free(&a);
	hz_buf_free(&der);
	free_pair(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("asymmetric");
	TCase *t = tcase_create("soft");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, sign_and_verify, 0, KINDS);
	tcase_add_loop_test(t, pkcs8_round, 0, KINDS);
	tcase_add_loop_test(t, spki_round, 0, KINDS);
	tcase_add_loop_test(t, agrees_with_libcrypto, 0, KINDS);
	tcase_add_test(t, rsa_missing_numbers);
	tcase_add_test(t, rsa_bad_numbers);
	tcase_add_test(t, rsa_generation_limits);
	tcase_add_test(t, rsa_encryption);
	tcase_add_test(t, rsa_v15_padding);
	tcase_add_test(t, rsa_recover);
	tcase_add_test(t, rsa_pss_parameters);
	tcase_add_test(t, rsa_transport);
	tcase_add_loop_test(t, point_forms, 0, KINDS);
	tcase_add_test(t, curve_names);
	tcase_add_test(t, bad_curve_keys);
	tcase_add_test(t, digest_lengths);
	tcase_add_test(t, sha1_only_verifies);
	tcase_add_loop_test(t, ecdh_both_ways, 0, KINDS);
	tcase_add_test(t, x963_known);
	tcase_add_test(t, x25519_zero);
	tcase_add_test(t, eddsa_variants);
	tcase_add_test(t, eddsa_known);
	tcase_add_test(t, vendor_signatures);
	tcase_add_test(t, address_attribute);
	tcase_add_loop_test(t, kem, 0, KINDS);
	tcase_add_test(t, ml_dsa_context);
	tcase_add_test(t, certificate);
	tcase_add_test(t, unwrapped_type_must_agree);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
