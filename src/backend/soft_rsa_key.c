/* SPDX-License-Identifier: Apache-2.0 */
/* RSA keys: built, checked, their missing numbers recomputed, generated. */
#include <openssl/bn.h>
#include <string.h>

#include "backend/soft_asym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"
#include "backend/soft_rsa.h"

enum { MIN_BITS = 2048, MAX_BITS = 8192 };

/* The numbers of a key in libcrypto's form while a created object is checked. */
struct nums {
	BN_CTX *ctx;
	BIGNUM *n, *e, *d, *p, *q;
};

static CK_RV no_memory(void)
{
	return hz_fail(CKR_HOST_MEMORY, "RSA numbers: out of memory");
}

static CK_RV bad(const char *what)
{
	return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "RSA key: %s", what);
}

/* *out is NULL when the attribute is absent. */
static CK_RV load(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, BIGNUM **out)
{
	const struct hz_attr *v = hz_attrs_find(a, type);

	if (v == NULL || v->len == 0)
		return CKR_OK;
	if (v->len > MAX_BITS / 8)
		return bad("a number is too long");
	*out = BN_secure_new();
	if (*out == NULL || BN_bin2bn(v->value, (int)v->len, *out) == NULL)
		return no_memory();
	BN_set_flags(*out, BN_FLG_CONSTTIME);
	return CKR_OK;
}

static CK_RV store(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, const BIGNUM *bn, bool secret)
{
	size_t len = (size_t)BN_num_bytes(bn);
	uint8_t *v = hz_secmem_alloc(len + 1);
	CK_RV rv;

	if (v == NULL)
		return no_memory();
	BN_bn2bin(bn, v);
	rv = hz_attrs_set(a, type, v, len, secret);
	hz_secmem_free(v);
	return rv;
}

static void nums_free(struct nums *k)
{
	BN_clear_free(k->n);
	BN_clear_free(k->e);
	BN_clear_free(k->d);
	BN_clear_free(k->p);
	BN_clear_free(k->q);
	BN_CTX_free(k->ctx);
}

static CK_RV nums_load(struct nums *k, const struct hz_attrs *a)
{
	CK_RV rv = load(a, CKA_MODULUS, &k->n);

	k->ctx = BN_CTX_secure_new_ex(hz_libctx_math());
	if (rv == CKR_OK)
		rv = load(a, CKA_PUBLIC_EXPONENT, &k->e);
	if (rv == CKR_OK)
		rv = load(a, CKA_PRIVATE_EXPONENT, &k->d);
	if (rv == CKR_OK)
		rv = load(a, CKA_PRIME_1, &k->p);
	if (rv == CKR_OK)
		rv = load(a, CKA_PRIME_2, &k->q);
	return rv == CKR_OK && k->ctx == NULL ? no_memory() : rv;
}

/* What any use needs: a modulus of a size that is offered, an exponent that encrypts. */
static CK_RV check_public(const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len, int *bits)
{
	int b = n_len == 0 ? 0 : (int)n_len * 8;

	for (uint8_t top = n_len == 0 ? 0 : n[0]; b > 0 && !(top & 0x80) && b > (int)n_len * 8 - 8; top = (uint8_t)(top << 1))
		b--;
	if (b < MIN_BITS || b > MAX_BITS || n[0] == 0)
		return bad("the modulus has not 2048 to 8192 bits");
	if (!(n[n_len - 1] & 1))
		return bad("the modulus is even");
	/* libcrypto takes at most 64 bits of exponent with a modulus above 3072 bits; 256 is FIPS 186-5's limit. */
	if (e_len == 0 || e[0] == 0 || e_len > (b > 3072 ? 8u : 32u) || !(e[e_len - 1] & 1) || (e_len == 1 && e[0] < 3))
		return bad("the public exponent is even, below 3 or too large");
	*bits = b;
	return CKR_OK;
}

/* Does x^(e d) = x hold for x = 2? True exactly (but for freak moduli) when e and d belong together. */
static bool inverse_of(const struct nums *k, const BIGNUM *e)
{
	BIGNUM *x, *y;
	bool ok;

	BN_CTX_start(k->ctx);
	x = BN_CTX_get(k->ctx);
	y = BN_CTX_get(k->ctx);
	ok = y != NULL && BN_set_word(x, 2) && BN_mod_exp_mont_consttime(y, x, k->d, k->n, k->ctx, NULL) &&
	     BN_mod_exp_mont(y, y, e, k->n, k->ctx, NULL) && BN_cmp(x, y) == 0;
	BN_CTX_end(k->ctx);
	return ok;
}

/* CKA_PUBLIC_EXPONENT is optional in a private key: one of the exponents in use will do. */
static CK_RV find_exponent(struct nums *k)
{
	static const BN_ULONG usual[] = { 65537, 3, 17, 5, 257, 37 };

	if (k->e != NULL)
		return inverse_of(k, k->e) ? CKR_OK : bad("the exponents do not belong together");
	k->e = BN_new();
	if (k->e == NULL)
		return no_memory();
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		if (BN_set_word(k->e, usual[i]) && inverse_of(k, k->e))
			return CKR_OK;
	return hz_fail(CKR_TEMPLATE_INCOMPLETE, "RSA key: CKA_PUBLIC_EXPONENT is missing");
}

/* One round of the search of SP 800-56B appendix C.1 from the base g; *found when gcd gives a factor. */
static bool split_round(const struct nums *k, const BIGNUM *r, int t, unsigned g, BIGNUM *p, bool *found)
{
	BIGNUM *x, *y, *base, *n1;
	bool ok;

	BN_CTX_start(k->ctx);
	x = BN_CTX_get(k->ctx);
	y = BN_CTX_get(k->ctx);
	base = BN_CTX_get(k->ctx);
	n1 = BN_CTX_get(k->ctx);
	ok = n1 != NULL && BN_set_word(base, g) && BN_sub(n1, k->n, BN_value_one()) &&
	     BN_mod_exp_mont_consttime(y, base, r, k->n, k->ctx, NULL);
	for (int i = 0; ok && i < t && !BN_is_one(y) && BN_cmp(y, n1) != 0; i++) {
		ok = BN_mod_sqr(x, y, k->n, k->ctx);
		if (ok && BN_is_one(x)) {
			ok = BN_sub(y, y, BN_value_one()) && BN_gcd(p, y, k->n, k->ctx);
			*found = ok;
			break;
		}
		ok = ok && BN_copy(y, x) != NULL;
	}
	BN_CTX_end(k->ctx);
	return ok;
}

/* Factors from n, e, d. Leaves p and q NULL when the search finds nothing. */
static CK_RV split(struct nums *k)
{
	static const unsigned bases[] = { 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71 };
	BIGNUM *r = BN_secure_new(), *p = BN_secure_new(), *q = BN_secure_new();
	bool ok = r != NULL && p != NULL && q != NULL && BN_mul(r, k->e, k->d, k->ctx) && BN_sub_word(r, 1), found = false;
	int t = 0;

	while (ok && !BN_is_zero(r) && !BN_is_odd(r)) {
		ok = BN_rshift1(r, r);
		t++;
	}
	for (size_t i = 0; ok && !found && i < sizeof bases / sizeof bases[0]; i++)
		ok = split_round(k, r, t, bases[i], p, &found);
	if (ok && found && BN_div(q, NULL, k->n, p, k->ctx)) {
		k->p = p;
		k->q = q;
		p = q = NULL;
	}
	BN_clear_free(r);
	BN_clear_free(p);
	BN_clear_free(q);
	return ok ? CKR_OK : no_memory();
}

static bool both_prime(const struct nums *k)
{
	return BN_check_prime(k->p, k->ctx, NULL) == 1 && BN_check_prime(k->q, k->ctx, NULL) == 1;
}

/* Bring p and q into being; a key of three primes stays without them (*two false) and works slower. */
static CK_RV find_primes(struct nums *k, bool *two)
{
	bool given = k->p != NULL || k->q != NULL;
	BIGNUM *have = k->p != NULL ? k->p : k->q, *rest, *other;
	CK_RV rv = CKR_OK;

	*two = false;
	if (!given) {
		rv = split(k);
		if (rv == CKR_OK && k->p != NULL)
			*two = BN_cmp(k->p, k->q) != 0 && both_prime(k);
		return rv;
	}
	if (BN_is_zero(have) || BN_is_one(have))
		return bad("a factor is trivial");
	rest = BN_secure_new();
	other = BN_secure_new();
	if (rest == NULL || other == NULL || !BN_div(other, rest, k->n, have, k->ctx))
		rv = no_memory();
	else if (!BN_is_zero(rest) || (k->p != NULL && k->q != NULL && BN_cmp(other, k->q) != 0))
		rv = bad("the primes do not make the modulus");
	if (rv == CKR_OK && k->q == NULL) {
		k->q = other;
		other = NULL;
	} else if (rv == CKR_OK && k->p == NULL) {
		k->p = other;
		other = NULL;
	}
	BN_clear_free(rest);
	BN_clear_free(other);
	if (rv == CKR_OK && (BN_cmp(k->p, k->q) == 0 || !both_prime(k)))
		rv = bad("a factor is not prime");
	*two = rv == CKR_OK;
	return rv;
}

/* Set a recomputed number; one that the caller gave must be the same. */
static CK_RV settle(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, const BIGNUM *bn)
{
	const struct hz_attr *given = hz_attrs_find(a, type);
	BIGNUM *old;
	bool same;

	if (given == NULL || given->len == 0)
		return store(a, type, bn, true);
	old = BN_secure_new();
	same = old != NULL && BN_bin2bn(given->value, (int)given->len, old) != NULL && BN_cmp(old, bn) == 0;
	BN_clear_free(old);
	return same ? CKR_OK : bad("a CRT number is wrong");
}

static CK_RV settle_exponent(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, const struct nums *k, const BIGNUM *prime)
{
	BIGNUM *p1 = BN_secure_new(), *r = BN_secure_new(), *check = BN_secure_new();
	CK_RV rv = CKR_HOST_MEMORY;

	if (p1 == NULL || r == NULL || check == NULL || !BN_sub(p1, prime, BN_value_one()) || !BN_mod(r, k->d, p1, k->ctx) ||
	    !BN_mod_mul(check, r, k->e, p1, k->ctx))
		rv = no_memory();
	else if (!BN_is_one(check))
		rv = bad("the exponents do not belong together");
	else
		rv = settle(a, type, r);
	BN_clear_free(p1);
	BN_clear_free(r);
	BN_clear_free(check);
	return rv;
}

static CK_RV settle_crt(struct hz_attrs *a, const struct nums *k)
{
	BIGNUM *qi = BN_secure_new();
	CK_RV rv;

	if (qi == NULL || BN_mod_inverse(qi, k->q, k->p, k->ctx) == NULL) {
		BN_clear_free(qi);
		return bad("the primes have no coefficient");
	}
	rv = settle(a, CKA_COEFFICIENT, qi);
	if (rv == CKR_OK)
		rv = settle(a, CKA_PRIME_1, k->p);
	if (rv == CKR_OK)
		rv = settle(a, CKA_PRIME_2, k->q);
	if (rv == CKR_OK)
		rv = settle_exponent(a, CKA_EXPONENT_1, k, k->p);
	if (rv == CKR_OK)
		rv = settle_exponent(a, CKA_EXPONENT_2, k, k->q);
	BN_clear_free(qi);
	return rv;
}

static CK_RV complete_private(struct hz_attrs *a)
{
	struct nums k = { NULL, NULL, NULL, NULL, NULL, NULL };
	bool two = false;
	CK_RV rv = nums_load(&k, a);

	if (rv == CKR_OK && k.d == NULL)
		rv = hz_fail(CKR_TEMPLATE_INCOMPLETE, "RSA key: CKA_PRIVATE_EXPONENT is missing");
	if (rv == CKR_OK && (!BN_is_odd(k.n) || BN_num_bits(k.n) < MIN_BITS || BN_cmp(k.d, k.n) >= 0 || BN_is_zero(k.d)))
		rv = bad("the private exponent or the modulus is out of range");
	if (rv == CKR_OK)
		rv = find_exponent(&k);
	if (rv == CKR_OK)
		rv = store(a, CKA_PUBLIC_EXPONENT, k.e, false);
	if (rv == CKR_OK)
		rv = find_primes(&k, &two);
	if (rv == CKR_OK && two)
		rv = settle_crt(a, &k);
	nums_free(&k);
	return rv;
}

static const CK_ATTRIBUTE_TYPE private_nums[] = { CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2,
						  CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT };

CK_RV hz_soft_rsa_complete(struct hz_attrs *a)
{
	bool private = hz_attrs_ulong(a, CKA_CLASS, 0) == CKO_PRIVATE_KEY;
	struct hz_reader n, e;
	int bits;
	CK_RV rv = hz_attr_need(a, CKA_MODULUS, &n);

	if (rv == CKR_OK)
		rv = hz_attr_strip(a, CKA_MODULUS, false);
	if (rv == CKR_OK)
		rv = hz_attr_strip(a, CKA_PUBLIC_EXPONENT, false);
	for (size_t i = 0; rv == CKR_OK && private && i < sizeof private_nums / sizeof private_nums[0]; i++)
		rv = hz_attr_strip(a, private_nums[i], true);
	if (rv == CKR_OK && private)
		rv = complete_private(a);
	if (rv == CKR_OK)
		rv = hz_attr_need(a, CKA_MODULUS, &n);
	if (rv == CKR_OK)
		rv = hz_attr_need(a, CKA_PUBLIC_EXPONENT, &e);
	if (rv == CKR_OK)
		rv = check_public(n.p, n.left, e.p, e.left, &bits);
	if (rv != CKR_OK || private)
		return rv;
	return hz_attrs_set_ulong(a, CKA_MODULUS_BITS, (CK_ULONG)bits);
}

static const struct {
	CK_ATTRIBUTE_TYPE type;
	const char *param;
} parts[] = {
	{ CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D },
	{ CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1 },
	{ CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2 },
	{ CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1 },
	{ CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2 },
	{ CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1 },
};
enum { PARTS = sizeof parts / sizeof parts[0] };

/* All CRT numbers or only the private exponent. */
static void add_private(struct hz_params *p, const struct hz_attrs *a)
{
	size_t present = 0, use;

	for (size_t i = 1; i < PARTS; i++) {
		const struct hz_attr *v = hz_attrs_find(a, parts[i].type);

		present += v != NULL && v->len != 0;
	}
	use = present == PARTS - 1 ? PARTS : 1;
	for (size_t i = 0; i < use; i++) {
		const struct hz_attr *v = hz_attrs_find(a, parts[i].type);

		if (v == NULL)
			p->failed = true;
		else
			hz_params_num(p, parts[i].param, v->value, v->len);
	}
}

CK_RV hz_soft_rsa_key(struct hz_key *key)
{
	bool private = key->cls == CKO_PRIVATE_KEY;
	struct hz_reader n, e;
	struct hz_params p;
	CK_RV rv = hz_attr_need(&key->attrs, CKA_MODULUS, &n);

	if (rv == CKR_OK)
		rv = hz_attr_need(&key->attrs, CKA_PUBLIC_EXPONENT, &e);
	if (rv == CKR_OK)
		rv = check_public(n.p, n.left, e.p, e.left, &key->bits);
	if (rv != CKR_OK)
		return rv;
	hz_params_init(&p, 5 * n.left + e.left + 64);
	hz_params_num(&p, OSSL_PKEY_PARAM_RSA_N, n.p, n.left);
	hz_params_num(&p, OSSL_PKEY_PARAM_RSA_E, e.p, e.left);
	if (private)
		add_private(&p, &key->attrs);
	key->pkey = hz_params_key(&p, "RSA", private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
	hz_params_free(&p);
	if (key->pkey == NULL)
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "RSA key: %s", hz_ossl_reason());
	return CKR_OK;
}

/* 65537 unless the template names another odd one of at most 64 bits that is no smaller. */
static CK_RV wanted_exponent(const struct hz_attrs *pub, uint64_t *e)
{
	const struct hz_attr *v = hz_attrs_find(pub, CKA_PUBLIC_EXPONENT);
	const uint8_t *p;
	size_t n;

	*e = 65537;
	if (v == NULL || v->len == 0)
		return CKR_OK;
	for (p = v->value, n = v->len; n > 0 && *p == 0; n--)
		p++;
	if (n > 8)
		return bad("the public exponent is too large");
	for (*e = 0; n > 0; n--)
		*e = *e << 8 | *p++;
	return *e >= 65537 && (*e & 1) ? CKR_OK : bad("the public exponent is even or below 65537");
}

static CK_RV keep_pair(EVP_PKEY *pkey, struct hz_attrs *pub, struct hz_attrs *priv)
{
	CK_RV rv = hz_pkey_num(pkey, OSSL_PKEY_PARAM_RSA_N, 0, pub, CKA_MODULUS, false);

	if (rv == CKR_OK)
		rv = hz_pkey_num(pkey, OSSL_PKEY_PARAM_RSA_E, 0, pub, CKA_PUBLIC_EXPONENT, false);
	if (rv == CKR_OK)
		rv = hz_pkey_num(pkey, OSSL_PKEY_PARAM_RSA_N, 0, priv, CKA_MODULUS, false);
	if (rv == CKR_OK)
		rv = hz_pkey_num(pkey, OSSL_PKEY_PARAM_RSA_E, 0, priv, CKA_PUBLIC_EXPONENT, false);
	for (size_t i = 0; rv == CKR_OK && i < PARTS; i++)
		rv = hz_pkey_num(pkey, parts[i].param, 0, priv, parts[i].type, true);
	return rv != CKR_OK ? rv : hz_soft_pair_done(pub, priv);
}

CK_RV hz_soft_rsa_generate(const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv)
{
	CK_ULONG bits = hz_attrs_ulong(pub, CKA_MODULUS_BITS, 0);
	size_t n = bits;
	uint64_t e;
	OSSL_PARAM p[3] = { OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &n),
			    OSSL_PARAM_construct_uint64(OSSL_PKEY_PARAM_RSA_E, &e), OSSL_PARAM_construct_end() };
	EVP_PKEY *pkey;
	CK_RV rv;

	(void)m;
	if (hz_attrs_find(pub, CKA_MODULUS_BITS) == NULL)
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "CKA_MODULUS_BITS is missing");
	if (bits < MIN_BITS || bits > MAX_BITS || bits % 8 != 0)
		return hz_fail(CKR_KEY_SIZE_RANGE, "RSA of %lu bits: 2048 to 8192 in steps of 8", bits);
	rv = wanted_exponent(pub, &e);
	if (rv != CKR_OK)
		return rv;
	pkey = hz_pkey_generate("RSA", p);
	if (pkey == NULL)
		return hz_fail(CKR_FUNCTION_FAILED, "RSA generation: %s", hz_ossl_reason());
	rv = keep_pair(pkey, pub, priv);
	EVP_PKEY_free(pkey);
	return rv;
}
