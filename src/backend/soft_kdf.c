/* SPDX-License-Identifier: Apache-2.0 */
/* Key derivation: HKDF (3.1 section 6.62), PBKDF2 (6.40), SP 800-108 in counter mode (6.42). */
#include <openssl/evp.h>
#include <string.h>

#include "backend/soft_sym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/hmac.h"
#include "crypto/libctx.h"

/* Bytes that the template asks for: CKA_VALUE_LEN, else what the key type or the mechanism implies. */
static CK_RV wanted_len(const struct hz_attrs *made, size_t implied, size_t max, size_t *len)
{
	CK_ULONG n = hz_attrs_ulong(made, CKA_VALUE_LEN, 0);

	if (n == 0 && hz_attrs_find(made, CKA_VALUE_LEN) == NULL)
		n = hz_attrs_ulong(made, CKA_KEY_TYPE, HZ_NO_KEY_TYPE) == CKK_CHACHA20 ? 32 : implied;
	if (n == 0)
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "CKA_VALUE_LEN says how many bytes to derive");
	if (n > max || n > HZ_SYM_SECRET_MAX)
		return hz_fail(CKR_KEY_SIZE_RANGE, "%lu bytes are more than the mechanism gives", n);
	*len = n;
	return CKR_OK;
}

/* A derived value into the new object: a secret key, or a data object (which has no CKA_VALUE_LEN). */
static CK_RV put(struct hz_attrs *made, const uint8_t *value, size_t len)
{
	if (hz_attrs_ulong(made, CKA_CLASS, CKO_SECRET_KEY) != CKO_DATA)
		return hz_soft_set_secret(made, value, len);
	hz_attrs_remove(made, CKA_VALUE_LEN);
	return hz_attrs_set(made, CKA_VALUE, value, len, hz_attrs_bool(made, CKA_PRIVATE, true));
}

static CK_RV no_memory(void)
{
	return hz_fail(CKR_HOST_MEMORY, "no secret memory for a derived value");
}

/* ---- HKDF ---- */

/*
 * CKF_HKDF_SALT_KEY: the floor above has looked the key up, asked whether it may be used, and put its value where a salt's bytes are.
 */
static CK_RV hkdf_check(const struct hz_mech *m, const struct hz_sym_hash **hash)
{
	const CK_HKDF_PARAMS *p = m->param;

	if (p == NULL || m->param_len != sizeof *p || (!p->bExtract && !p->bExpand))
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "HKDF needs CK_HKDF_PARAMS with something to do");
	*hash = hz_sym_by_digest(p->prfHashMechanism);
	if (*hash == NULL || (*hash)->hmac == HZ_NO_MECH)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "HKDF with mechanism 0x%lx", p->prfHashMechanism);
	if (p->bExtract && p->ulSaltType == CKF_HKDF_SALT_KEY && p->pSalt == NULL)
		return hz_fail(CKR_KEY_HANDLE_INVALID, "the salt key has no value here");
	return CKR_OK;
}

static bool hkdf_run(const CK_HKDF_PARAMS *p, enum hz_hash_id id, const struct hz_key *base, uint8_t *out, size_t len)
{
	size_t salt_len = p->ulSaltType == CKF_HKDF_SALT_NULL ? 0 : p->ulSaltLen;

	if (!p->bExpand) {
		hz_hkdf_extract(id, p->pSalt, salt_len, base->secret, base->secret_len, out);
		return true;
	}
	if (!p->bExtract)
		return hz_hkdf_expand(id, base->secret, base->secret_len, p->pInfo, p->ulInfoLen, out, len);
	return hz_hkdf(id, p->pSalt, salt_len, base->secret, base->secret_len, p->pInfo, p->ulInfoLen, out, len);
}

static CK_RV hkdf_derive(const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made)
{
	const CK_HKDF_PARAMS *p = m->param;
	const struct hz_sym_hash *hash = NULL;
	struct hz_buf out = HZ_BUF_SECRET;
	size_t h, len;
	uint8_t *b;
	CK_RV rv = hkdf_check(m, &hash);

	if (rv != CKR_OK)
		return rv;
	h = hz_hash_len(hash->id);
	rv = wanted_len(made, p->bExpand ? 0 : h, 255 * h, &len);
	if (rv != CKR_OK)
		return rv;
	if (!p->bExpand && len != h)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "extraction alone gives %zu bytes", h);
	b = hz_buf_room(&out, len);
	if (b == NULL)
		rv = no_memory();
	else if (!hkdf_run(p, hash->id, base, b, len))
		rv = hz_fail(CKR_KEY_SIZE_RANGE, "%zu bytes are more than HKDF gives", len);
	else
		rv = put(made, b, len);
	hz_buf_free(&out);
	return rv;
}

/* ---- PBKDF2 ---- */

#define WORK_MAX ((uint64_t)1 << 26) /* HMACs of one call: a minute at most, not a hang */

static const struct hz_sym_hash *by_pbkd2(CK_ULONG prf)
{
	for (size_t i = 0; i < hz_sym_hash_count && prf != 0; i++)
		if (hz_sym_hashes[i].pbkd2 == prf)
			return &hz_sym_hashes[i];
	return NULL;
}

static CK_RV pbkdf2_generate(const struct hz_mech *m, struct hz_attrs *secret)
{
	const CK_PKCS5_PBKD2_PARAMS2 *p = m->param;
	const struct hz_sym_hash *hash = p != NULL && m->param_len == sizeof *p ? by_pbkd2(p->prf) : NULL;
	struct hz_buf out = HZ_BUF_SECRET;
	size_t len, h;
	uint8_t *b;
	CK_RV rv;

	if (hash == NULL || p->saltSource != CKZ_SALT_SPECIFIED || p->iterations == 0 || p->iterations > WORK_MAX)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "PBKDF2 with this pseudo-random function, salt source or iteration count");
	rv = wanted_len(secret, 0, HZ_SYM_SECRET_MAX, &len);
	if (rv != CKR_OK)
		return rv;
	h = hz_hash_len(hash->id);
	if ((len + h - 1) / h * p->iterations > WORK_MAX)
		return hz_fail(CKR_KEY_SIZE_RANGE, "%zu bytes with %lu iterations each are too much work", len, p->iterations);
	b = hz_buf_room(&out, len);
	if (b == NULL) {
		rv = no_memory();
	} else {
		hz_pbkdf2(hash->id, p->pPassword, p->ulPasswordLen, p->pSaltSourceData, p->ulSaltSourceDataLen, p->iterations, b, len);
		rv = put(secret, b, len);
	}
	hz_buf_free(&out);
	return rv;
}

/* ---- SP 800-108, counter mode ---- */

/* The pseudo-random function: an HMAC, or CMAC where cmac is set. */
struct prf {
	size_t len;
	EVP_MAC_CTX *cmac;
	struct hz_hmac hmac;
};

static bool prf_start(struct prf *f)
{
	if (f->cmac != NULL)
		return EVP_MAC_init(f->cmac, NULL, 0, NULL) == 1;
	hz_hmac_restart(&f->hmac);
	return true;
}

static bool prf_add(struct prf *f, const void *p, size_t n)
{
	if (f->cmac != NULL)
		return EVP_MAC_update(f->cmac, p, n) == 1;
	hz_hmac_update(&f->hmac, p, n);
	return true;
}

static bool prf_end(struct prf *f, uint8_t *out)
{
	size_t n;

	if (f->cmac != NULL)
		return EVP_MAC_final(f->cmac, out, &n, HZ_HASH_MAX) == 1;
	hz_hmac_final(&f->hmac, out);
	return true;
}

static CK_RV prf_init(struct prf *f, CK_MECHANISM_TYPE type, const struct hz_key *base)
{
	const struct hz_sym_hash *hash = hz_sym_by_hmac(type);

	if (type == CKM_AES_CMAC) {
		if (base->type != CKK_AES)
			return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "CMAC needs an AES key");
		f->len = 16;
		f->cmac = hz_soft_cmac(base->secret, base->secret_len);
		return f->cmac != NULL ? CKR_OK : hz_fail(CKR_FUNCTION_FAILED, "CMAC: %s", hz_ossl_reason());
	}
	if (hash == NULL || hash->hmac != type)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "SP 800-108 with mechanism 0x%lx", type);
	if (base->type == CKK_AES || base->type == CKK_CHACHA20)
		return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "HMAC needs a generic secret or an HMAC key");
	f->len = hz_hash_len(hash->id);
	hz_hmac_init(&f->hmac, hash->id, base->secret, base->secret_len);
	return CKR_OK;
}

/* A number of a given width; false when it does not fit. */
static bool add_number(struct prf *f, uint64_t v, CK_ULONG bits, bool little)
{
	uint8_t b[8];
	size_t n = bits / 8;

	if (bits % 8 != 0 || n == 0 || n > 8 || (n < 8 && v >> bits != 0))
		return false;
	for (size_t i = 0; i < n; i++)
		b[little ? i : n - 1 - i] = (uint8_t)(v >> (8 * i));
	return prf_add(f, b, n);
}

static uint64_t dkm_bits(const struct prf *f, const CK_SP800_108_DKM_LENGTH_FORMAT *d, size_t len)
{
	if (d->dkmLengthMethod == CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS)
		return (uint64_t)len * 8;
	return (uint64_t)((len + f->len - 1) / f->len * f->len) * 8;
}

/* K(i): the segments in the caller's order, the counter and the length where they stand among them. */
static bool sp800_block(struct prf *f, const CK_SP800_108_KDF_PARAMS *p, uint64_t i, size_t len, uint8_t *out)
{
	bool ok = prf_start(f);

	for (CK_ULONG k = 0; ok && k < p->ulNumberOfDataParams; k++) {
		const CK_PRF_DATA_PARAM *d = &p->pDataParams[k];

		if (d->type == CK_SP800_108_ITERATION_VARIABLE) {
			const CK_SP800_108_COUNTER_FORMAT *c = d->pValue;

			ok = add_number(f, i, c->ulWidthInBits, c->bLittleEndian);
		} else if (d->type == CK_SP800_108_DKM_LENGTH) {
			const CK_SP800_108_DKM_LENGTH_FORMAT *l = d->pValue;

			ok = add_number(f, dkm_bits(f, l, len), l->ulWidthInBits, l->bLittleEndian);
		} else {
			ok = prf_add(f, d->pValue, d->ulValueLen);
		}
	}
	return ok && prf_end(f, out);
}

/* 6.42.3: exactly one iteration variable, at most one length, byte arrays as many as there are. */
static CK_RV sp800_check(const struct hz_mech *m)
{
	const CK_SP800_108_KDF_PARAMS *p = m->param;
	unsigned counters = 0, lengths = 0, others = 0;

	if (p == NULL || m->param_len != sizeof *p || p->ulAdditionalDerivedKeys != 0)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "SP 800-108 needs CK_SP800_108_KDF_PARAMS and makes one key");
	for (CK_ULONG k = 0; k < p->ulNumberOfDataParams; k++) {
		switch (p->pDataParams[k].type) {
		case CK_SP800_108_ITERATION_VARIABLE: counters++; break;
		case CK_SP800_108_DKM_LENGTH: lengths++; break;
		case CK_SP800_108_BYTE_ARRAY: break;
		default: others++; break;
		}
	}
	if (counters != 1 || lengths > 1 || others != 0)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "SP 800-108 wants one iteration variable and at most one length");
	return CKR_OK;
}

static CK_RV sp800_run(struct prf *f, const CK_SP800_108_KDF_PARAMS *p, uint8_t *out, size_t len)
{
	uint8_t block[HZ_HASH_MAX];
	CK_RV rv = CKR_OK;

	for (size_t done = 0, i = 1; done < len; i++) {
		size_t part = len - done < f->len ? len - done : f->len;

		if (!sp800_block(f, p, i, len, block)) {
			(void)hz_ossl_reason();
			rv = hz_fail(CKR_MECHANISM_PARAM_INVALID, "the counter or length is too narrow for %zu bytes", len);
			break;
		}
		memcpy(out + done, block, part);
		done += part;
	}
	hz_wipe(block, sizeof block);
	return rv;
}

static CK_RV sp800_derive(const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made)
{
	const CK_SP800_108_KDF_PARAMS *p = m->param;
	struct hz_buf out = HZ_BUF_SECRET;
	struct prf f = { .cmac = NULL };
	size_t len;
	uint8_t *b;
	CK_RV rv = sp800_check(m);

	if (rv == CKR_OK)
		rv = wanted_len(made, 0, HZ_SYM_SECRET_MAX, &len);
	if (rv == CKR_OK)
		rv = prf_init(&f, p->prfType, base);
	if (rv != CKR_OK)
		goto out;
	b = hz_buf_room(&out, len);
	rv = b != NULL ? sp800_run(&f, p, b, len) : no_memory();
	if (rv == CKR_OK)
		rv = put(made, b, len);
out:
	hz_buf_free(&out);
	EVP_MAC_CTX_free(f.cmac);
	hz_wipe(&f, sizeof f);
	return rv;
}

#define DERIVE(t, base0, base1, made, f) \
	{ \
		.row = { .type = (t), \
			 .info = { 0, HZ_SYM_SECRET_MAX, CKF_DERIVE }, \
			 .key_types = { (base0), (base1), HZ_NO_KEY_TYPE }, \
			 .made_class = (made) }, \
		.derive = (f), \
	}

const struct hz_soft_mech hz_soft_kdf[] = {
	DERIVE(CKM_HKDF_DERIVE, CKK_HKDF, CKK_GENERIC_SECRET, CKO_SECRET_KEY, hkdf_derive),
	DERIVE(CKM_HKDF_DATA, CKK_HKDF, CKK_GENERIC_SECRET, CKO_DATA, hkdf_derive),
	DERIVE(CKM_SP800_108_COUNTER_KDF, HZ_ANY_KEY_TYPE, HZ_NO_KEY_TYPE, CKO_SECRET_KEY, sp800_derive),
	{
		.row = { .type = CKM_PKCS5_PBKD2,
			 .info = { 1, HZ_SYM_SECRET_MAX, CKF_GENERATE },
			 .key_types = { HZ_ANY_KEY_TYPE, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE },
			 .made_class = CKO_SECRET_KEY },
		.generate = pbkdf2_generate,
	},
	{ .begin = NULL },
};
