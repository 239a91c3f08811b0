/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the software backend: the key, the mechanism table's row, and who implements what. */
#ifndef HZ_BACKEND_SOFT_INT_H
#define HZ_BACKEND_SOFT_INT_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "backend/backend.h"

/* What mechanisms need beside their key: one a token, owned by its backend, which outlives every key and operation. */
struct hz_nonce;
struct hz_soft_env {
	uint64_t chain_id;           /* EIP-712 domain where the parameter names none */
	uint64_t poai_ttl, hmm_ttl;  /* seconds */
	struct hz_nonce *nonce[2];   /* what was signed once: attestations, settlements */
};
/* Times of 0: the defaults. Touches no file. On failure what was opened stays in *env for the caller to free. */
CK_RV hz_soft_env_open(const char *store_dir, uint64_t chain_id, uint64_t poai_ttl, uint64_t hmm_ttl, struct hz_soft_env *env);

struct hz_key;
/*
 * A private or secret key that lies elsewhere: what the mechanisms composed here need of it. Results are checked by who calls. A key with
 * `remote` has no `secret` and no private part in `pkey`.
 */
struct hz_remote {
	/* ECDSA on secp256k1 over a digest: r || s as the device gives it, s in either form. */
	CK_RV (*sign)(const struct hz_remote *r, const uint8_t digest[32], uint8_t sig[64]);
	/* x of the key times a point (parsed, crypto/k256.h). */
	CK_RV (*ecdh)(const struct hz_remote *r, const uint8_t pub[64], uint8_t x[32]);
	/*
	 * Encrypt or decrypt a file key by CKM_AES_GCM or CKM_AES_KEY_WRAP_KWP under a secret key (`key` is whose remote this is). *out_len:
	 * room in, bytes out. CKR_ENCRYPTED_DATA_INVALID: what came does not open. may_wrap: can that mechanism be had there, for this key?
	 * CKR_OK, CKR_MECHANISM_INVALID, CKR_KEY_FUNCTION_NOT_PERMITTED.
	 */
	CK_RV (*wrap)(struct hz_key *key, bool encrypt, const struct hz_mech *m, const uint8_t *in, size_t len, uint8_t *out, size_t *out_len);
	CK_RV (*may_wrap)(const struct hz_key *key, bool encrypt, CK_MECHANISM_TYPE type);
};

/*
 * r || s || v over a digest, and x of key times point, wherever the secp256k1 private key lies (soft_remote.c). A signature from
 * elsewhere gets its low s, its v by recovery, and is not given unless it is the key's.
 */
CK_RV hz_key_sign_recoverable(const struct hz_key *key, const uint8_t digest[32], uint8_t sig[65]);
CK_RV hz_key_ecdh_x(const struct hz_key *key, const uint8_t pub[64], uint8_t x[32]);
/* r || s or its low form. */
void hz_k256_low_s(uint8_t sig[64]);

/* What a key needs to work, built once from its attributes. */
struct hz_key {
	CK_OBJECT_CLASS cls;
	CK_KEY_TYPE type;
	const struct hz_remote *remote; /* NULL: the key is here */
	const struct hz_soft_env *env; /* of the token that opened it; NULL inside hz_soft_key_new and complete */
	struct hz_attrs attrs;    /* a copy: for wrapping and for rules of single mechanisms */
	EVP_PKEY *pkey;           /* RSA, EC (not secp256k1), Edwards, Montgomery, ML-DSA, ML-KEM */
	uint8_t *secret;          /* secret keys: CKA_VALUE; secp256k1 private keys: 32 bytes; secret memory */
	size_t secret_len;
	bool is_k256;             /* EC key on secp256k1: never given to libcrypto */
	uint8_t k256_pub[64];     /* libsecp256k1's parsed public key (opaque bytes of secp256k1_pubkey), when known */
	bool has_k256_pub;
	int bits;                 /* modulus or field size */
	_Atomic uint64_t random_ivs, counter_ivs, counter_start; /* IVs made for this key by the message-based AEAD calls */
	const void *curve;        /* EC families: the row of soft_curve.h */
	void *ext;                /* what one family keeps besides (cached numbers); freed by ext_free */
	void (*ext_free)(void *ext);
};

/*
 * The backend's key_open, key_free and complete (soft_key.c dispatches by class and type). new copies attrs; free takes NULL.
 * An operation borrows its key: the caller keeps the key alive until the op is freed.
 */
CK_RV hz_soft_key_new(const struct hz_attrs *attrs, struct hz_key **key);
void hz_soft_key_free(struct hz_key *key);
CK_RV hz_soft_complete(struct hz_attrs *attrs);
/* soft_secret.c: complete's part for secret keys (CKA_VALUE checked, CKA_VALUE_LEN and CKA_CHECK_VALUE added). */
CK_RV hz_soft_secret_complete(struct hz_attrs *attrs);

typedef CK_RV (*hz_soft_begin)(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op);

/* The one table (soft_mechs.c): a row says all that is known of a mechanism; unset functions are not offered. */
struct hz_soft_mech {
	struct hz_mech_row row;
	unsigned needs;           /* HZ_NEED_*: what the libcrypto found at run time must have */
	hz_soft_begin begin;      /* for all operation kinds that row.info.flags advertises */
	CK_RV (*generate)(const struct hz_mech *m, struct hz_attrs *secret);
	CK_RV (*generate_pair)(const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv);
	CK_RV (*derive)(const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made);
	CK_RV (*wrap)(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out);
	CK_RV (*wrap_len)(const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len);
	CK_RV (*unwrap)(const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len, struct hz_attrs *made);
	CK_RV (*encapsulate)(const struct hz_mech *m, struct hz_key *pub, struct hz_buf *ct, struct hz_attrs *made);
	CK_RV (*encapsulate_len)(const struct hz_mech *m, struct hz_key *pub, size_t *len);
	CK_RV (*decapsulate)(const struct hz_mech *m, struct hz_key *priv, const uint8_t *ct, size_t len, struct hz_attrs *made);
};
#define HZ_NEED_ML_DSA 0x01u
#define HZ_NEED_ML_KEM 0x02u

/*
 * Sections of the table, one array a family, each ended by a row of zeros; soft_mechs.c joins, filters by `needs` and sorts them once.
 * Files: soft_digest.c, soft_mac.c, soft_cipher.c, soft_aead.c, soft_kdf.c, soft_wrap.c, soft_secret.c (generation of secret keys)
 *        soft_rsa.c, soft_ec.c, soft_k256.c, soft_ed.c, soft_pq.c, soft_vendor.c, soft_poai.c
 */
extern const struct hz_soft_mech hz_soft_digest[], hz_soft_mac[], hz_soft_cipher[], hz_soft_aead[], hz_soft_kdf[],
	hz_soft_wrap[], hz_soft_secret[], hz_soft_rsa[], hz_soft_ec[], hz_soft_ed[], hz_soft_pq[], hz_soft_vendor[], hz_soft_ecies[],
	hz_soft_poai[], hz_soft_schnorr[], hz_soft_model[];

/* The joined table. Made at first use; thread-safe. */
const struct hz_soft_mech *hz_soft_mech_find(CK_MECHANISM_TYPE type); /* NULL: not offered */
size_t hz_soft_mech_list(CK_MECHANISM_TYPE *out, size_t room);        /* ascending; the full count whatever the room */

/* CKM_ECDSA* and CKM_ECDH1_*: soft_ec.c's rows call these when key->is_k256. */
CK_RV hz_soft_k256_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op);
CK_RV hz_soft_k256_derive(const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made);
CK_RV hz_soft_k256_generate(struct hz_attrs *pub, struct hz_attrs *priv);

/* Key building by key type (soft_key.c dispatches): parse and validate the attributes into *key (already zeroed, cls/type/attrs set). */
CK_RV hz_soft_rsa_key(struct hz_key *key);
CK_RV hz_soft_ec_key(struct hz_key *key);      /* P-curves; hands secp256k1 to the next */
CK_RV hz_soft_k256_key(struct hz_key *key);
CK_RV hz_soft_ed_key(struct hz_key *key);      /* Ed25519/Ed448/X25519/X448 */
CK_RV hz_soft_pq_key(struct hz_key *key);
CK_RV hz_soft_secret_key(struct hz_key *key);

/* PKCS#8 DER of a private key (secret memory) and back into a complete attribute set. */
CK_RV hz_soft_pkcs8(const struct hz_key *key, struct hz_buf *out);
CK_RV hz_soft_from_pkcs8(const uint8_t *der, size_t len, struct hz_attrs *made);
/* A public key's attributes from its SPKI DER, complete. CKR_ATTRIBUTE_VALUE_INVALID, CKR_CURVE_NOT_SUPPORTED. */
CK_RV hz_soft_from_spki(const uint8_t *der, size_t len, struct hz_attrs *made);

/* Set CKA_VALUE (secret), CKA_VALUE_LEN where the class has it, and CKA_CHECK_VALUE of a secret key made by any means; checks length against key type and CKA_VALUE_LEN. */
CK_RV hz_soft_set_secret(struct hz_attrs *made, const uint8_t *value, size_t len);

#endif
