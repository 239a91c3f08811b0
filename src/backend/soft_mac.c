/* SPDX-License-Identifier: Apache-2.0 */
/* Message authentication: HMAC (RFC 2104) and AES-CMAC (SP 800-38B), whole or truncated. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "backend/soft_sym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/hmac.h"
#include "crypto/libctx.h"

#define CMAC_LEN 16

struct mac_op {
	struct hz_op op;
	bool general;         /* the length is the mechanism's parameter */
	size_t full, len;     /* bytes of the algorithm, bytes asked for */
	EVP_MAC_CTX *cmac;    /* NULL: HMAC */
	struct hz_hmac *hmac; /* secret memory: its states are as good as the key */
};

static struct mac_op *self(struct hz_op *op)
{
	return (struct mac_op *)op;
}

/* A MAC of no bytes would accept anything; 3.1 sections 6.20.4 and 6.13.11 begin at 1. */
static CK_RV set_len(struct mac_op *o, const struct hz_mech *m)
{
	CK_MAC_GENERAL_PARAMS n;

	if (!o->general) {
		o->len = o->full;
		return hz_sym_no_param(m);
	}
	if (m->param == NULL || m->param_len != sizeof n)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "the parameter is the length, a CK_ULONG");
	memcpy(&n, m->param, sizeof n);
	if (n < 1 || n > o->full)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "length %lu is not 1..%zu", n, o->full);
	o->len = n;
	return CKR_OK;
}

static CK_RV restart(struct mac_op *o)
{
	if (o->cmac == NULL)
		hz_hmac_restart(o->hmac);
	else if (EVP_MAC_init(o->cmac, NULL, 0, NULL) != 1)
		return hz_fail(CKR_FUNCTION_FAILED, "CMAC: %s", hz_ossl_reason());
	return CKR_OK;
}

static CK_RV feed(struct mac_op *o, const uint8_t *in, size_t n)
{
	if (o->cmac == NULL)
		hz_hmac_update(o->hmac, in, n);
	else if (n > 0 && EVP_MAC_update(o->cmac, in, n) != 1)
		return hz_fail(CKR_FUNCTION_FAILED, "CMAC: %s", hz_ossl_reason());
	return CKR_OK;
}

static CK_RV finish(struct mac_op *o, uint8_t mac[HZ_HASH_MAX])
{
	size_t n = 0;

	if (o->cmac == NULL)
		hz_hmac_final(o->hmac, mac);
	else if (EVP_MAC_final(o->cmac, mac, &n, HZ_HASH_MAX) != 1 || n != CMAC_LEN)
		return hz_fail(CKR_FUNCTION_FAILED, "CMAC: %s", hz_ossl_reason());
	return CKR_OK;
}

static size_t mac_max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	(void)in_len;
	return phase == HZ_UPDATE ? 0 : ((const struct mac_op *)op)->len;
}

static CK_RV mac_update(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	(void)out;
	if (out_len != NULL)
		*out_len = 0;
	return feed(self(op), in, in_len);
}

static CK_RV mac_final(struct hz_op *op, uint8_t *out, size_t *out_len)
{
	struct mac_op *o = self(op);
	uint8_t mac[HZ_HASH_MAX];
	CK_RV rv = finish(o, mac);

	if (rv == CKR_OK) {
		memcpy(out, mac, o->len);
		*out_len = o->len;
	}
	hz_wipe(mac, sizeof mac); /* a truncated MAC keeps the rest to itself */
	return rv;
}

static CK_RV mac_once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	CK_RV rv = feed(self(op), in, in_len);

	return rv == CKR_OK ? mac_final(op, out, out_len) : rv;
}

static CK_RV mac_verify_final(struct hz_op *op, const uint8_t *sig, size_t sig_len)
{
	struct mac_op *o = self(op);
	uint8_t mac[HZ_HASH_MAX];
	CK_RV rv;

	if (sig_len != o->len)
		return hz_fail(CKR_SIGNATURE_LEN_RANGE, "a MAC of %zu bytes where %zu are due", sig_len, o->len);
	rv = finish(o, mac);
	if (rv == CKR_OK && !hz_ct_equal(mac, sig, o->len))
		rv = hz_fail(CKR_SIGNATURE_INVALID, "the MAC differs");
	hz_wipe(mac, sizeof mac);
	return rv;
}

static CK_RV mac_verify(struct hz_op *op, const uint8_t *in, size_t in_len, const uint8_t *sig, size_t sig_len)
{
	CK_RV rv = feed(self(op), in, in_len);

	return rv == CKR_OK ? mac_verify_final(op, sig, sig_len) : rv;
}

static CK_RV mac_rearm(struct hz_op *op, const struct hz_mech *m)
{
	CK_RV rv = set_len(self(op), m);

	return rv == CKR_OK ? restart(self(op)) : rv;
}

static void mac_free(struct hz_op *op)
{
	EVP_MAC_CTX_free(self(op)->cmac);
	hz_secmem_free(self(op)->hmac);
	free(op);
}

static const struct hz_op_ops mac_ops = {
	.max_out = mac_max_out,
	.once = mac_once,
	.update = mac_update,
	.final = mac_final,
	.verify = mac_verify,
	.verify_final = mac_verify_final,
	.rearm = mac_rearm,
	.free = mac_free,
};

static CK_RV mac_new(enum hz_op_kind kind, const struct hz_mech *m, bool general, size_t full, struct mac_op **out)
{
	struct mac_op *o;
	CK_RV rv;

	if (kind != HZ_OP_SIGN && kind != HZ_OP_VERIFY)
		return hz_fail(CKR_MECHANISM_INVALID, "mechanism 0x%lx signs and verifies only", m->type);
	o = calloc(1, sizeof *o);
	if (o == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no memory for a MAC");
	o->op.ops = &mac_ops;
	o->general = general;
	o->full = full;
	rv = set_len(o, m);
	if (rv != CKR_OK) {
		mac_free(&o->op);
		return rv;
	}
	*out = o;
	return CKR_OK;
}

static CK_RV hmac_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	const struct hz_sym_hash *hash = hz_sym_by_hmac(m->type);
	struct mac_op *o;
	CK_RV rv;

	if (hash == NULL)
		return hz_fail(CKR_MECHANISM_INVALID, "mechanism 0x%lx is no HMAC", m->type);
	rv = mac_new(kind, m, m->type == hash->hmac_general, hz_hash_len(hash->id), &o);
	if (rv != CKR_OK)
		return rv;
	o->hmac = hz_secmem_alloc(sizeof *o->hmac);
	if (o->hmac == NULL) {
		mac_free(&o->op);
		return hz_fail(CKR_HOST_MEMORY, "no secret memory for a MAC");
	}
	hz_hmac_init(o->hmac, hash->id, key->secret, key->secret_len);
	*op = &o->op;
	return CKR_OK;
}

EVP_MAC_CTX *hz_soft_cmac(const uint8_t *key, size_t key_len)
{
	EVP_MAC *mac = hz_mac("CMAC");
	EVP_CIPHER *cipher = hz_sym_aes(key_len, "CBC");
	EVP_MAC_CTX *ctx = mac != NULL && cipher != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	char name[32] = "";
	OSSL_PARAM params[2] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0), OSSL_PARAM_construct_end() };

	if (ctx == NULL)
		return NULL;
	OPENSSL_strlcpy(name, EVP_CIPHER_get0_name(cipher), sizeof name);
	if (EVP_MAC_init(ctx, key, key_len, params) == 1)
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

static CK_RV cmac_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	struct mac_op *o;
	CK_RV rv = mac_new(kind, m, m->type == CKM_AES_CMAC_GENERAL, CMAC_LEN, &o);

	if (rv != CKR_OK)
		return rv;
	o->cmac = hz_soft_cmac(key->secret, key->secret_len);
	if (o->cmac == NULL) {
		mac_free(&o->op);
		return hz_fail(CKR_FUNCTION_FAILED, "CMAC: %s", hz_ossl_reason());
	}
	*op = &o->op;
	return CKR_OK;
}

/* Key sizes in bytes. HMAC takes a key of any length (RFC 2104 section 3); the upper bound is the longest secret that we store. */
#define HMAC_ROW(t, kt) \
	{ \
		.row = { .type = (t), \
			 .info = { 0, HZ_SYM_SECRET_MAX, CKF_SIGN | CKF_VERIFY }, \
			 .key_types = { CKK_GENERIC_SECRET, (kt), HZ_NO_KEY_TYPE }, \
			 .made_class = HZ_NO_KEY_TYPE }, \
		.begin = hmac_begin, \
	}
#define HMAC(h) HMAC_ROW(CKM_##h##_HMAC, CKK_##h##_HMAC), HMAC_ROW(CKM_##h##_HMAC_GENERAL, CKK_##h##_HMAC)
#define CMAC(t) \
	{ \
		.row = { .type = (t), \
			 .info = { 16, 32, CKF_SIGN | CKF_VERIFY }, \
			 .key_types = { CKK_AES, HZ_NO_KEY_TYPE, HZ_NO_KEY_TYPE }, \
			 .made_class = HZ_NO_KEY_TYPE }, \
		.begin = cmac_begin, \
	}

const struct hz_soft_mech hz_soft_mac[] = {
	HMAC(SHA_1),
	HMAC(SHA224),
	HMAC(SHA256),
	HMAC(SHA384),
	HMAC(SHA512),
	HMAC(SHA512_224),
	HMAC(SHA512_256),
	HMAC(SHA3_224),
	HMAC(SHA3_256),
	HMAC(SHA3_384),
	HMAC(SHA3_512),
	CMAC(CKM_AES_CMAC),
	CMAC(CKM_AES_CMAC_GENERAL),
	{ .begin = NULL },
};
