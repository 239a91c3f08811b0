/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of asymmetric cryptography share: building libcrypto keys, completing objects, signing after hashing. */
#ifndef HZ_BACKEND_SOFT_ASYM_H
#define HZ_BACKEND_SOFT_ASYM_H

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "backend/soft_curve.h"
#include "backend/soft_int.h"
#include "crypto/hash.h"
#include "hanzo-pkcs11.h"

/* ---- parameters for libcrypto (soft_param.c) ---- */

/* A list of OSSL_PARAM whose values lie in one block of secret memory. Appending fails silently; hz_params_key tells. */
struct hz_params {
	OSSL_PARAM v[12];
	size_t n;
	uint8_t *mem;
	size_t used, cap;
	bool failed;
};

void hz_params_init(struct hz_params *p, size_t room); /* room: octets of all values together */
void hz_params_free(struct hz_params *p);
/* An unsigned number, most significant octet first. */
void hz_params_num(struct hz_params *p, const char *key, const void *be, size_t len);
void hz_params_octets(struct hz_params *p, const char *key, const void *value, size_t len);
void hz_params_text(struct hz_params *p, const char *key, const char *text);
/* A key from the list: selection EVP_PKEY_KEYPAIR or EVP_PKEY_PUBLIC_KEY. NULL: libcrypto refuses the values. */
EVP_PKEY *hz_params_key(struct hz_params *p, const char *type, int selection);

/* A number of a key (most significant octet first, at least `width` octets wide) into an attribute. */
CK_RV hz_pkey_num(EVP_PKEY *pkey, const char *name, size_t width, struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool secret);
CK_RV hz_pkey_octets(EVP_PKEY *pkey, const char *name, size_t max, struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool secret);
/* A new key pair: by `bits` (RSA, with public exponent e) or by group (EC) or by the type alone. */
EVP_PKEY *hz_pkey_generate(const char *type, OSSL_PARAM *params);

/* ---- attributes (soft_key.c) ---- */

/* The attribute's value as a reader; CKR_TEMPLATE_INCOMPLETE when it is absent or empty. */
CK_RV hz_attr_need(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, struct hz_reader *out);
/* Drop leading zero octets of a number. */
CK_RV hz_attr_strip(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool secret);
/* SPKI DER from the key itself, whatever CKA_PUBLIC_KEY_INFO says. */
CK_RV hz_key_make_spki(const struct hz_key *key, struct hz_buf *out);
/* Set CKA_PUBLIC_KEY_INFO from the key; a different value given by the caller is CKR_ATTRIBUTE_VALUE_INVALID. */
CK_RV hz_key_set_spki(struct hz_attrs *a, const struct hz_key *key);
/* CKR_KEY_TYPE_INCONSISTENT unless the key is of this class. */
CK_RV hz_key_is(const struct hz_key *key, CK_OBJECT_CLASS cls);

/* ---- what each family adds to soft_key.c and soft_pkcs8.c ---- */

/* Bring the attributes of a created object into the stored form and fill in what follows from others. */
CK_RV hz_soft_rsa_complete(struct hz_attrs *a);
CK_RV hz_soft_ec_complete(struct hz_attrs *a);
CK_RV hz_soft_ed_complete(struct hz_attrs *a);
CK_RV hz_soft_pq_complete(struct hz_attrs *a);

/* The public key's encoded point (uncompressed, or the bare octets) of either half; at most 133 octets. */
CK_RV hz_soft_ec_point(const struct hz_key *key, uint8_t *point, size_t *len);
CK_RV hz_soft_ed_point(const struct hz_key *key, uint8_t *point, size_t *len);
/* The public key's octets of ML-DSA and ML-KEM. */
CK_RV hz_soft_pq_public(const struct hz_key *key, struct hz_buf *out);
/* Parameter set <-> last octet of the OBJECT IDENTIFIER of SPKI and PKCS#8; 0: unknown. */
uint8_t hz_soft_pq_oid(CK_KEY_TYPE type, CK_ULONG set);

/* Key pairs of CKM_EC_KEY_PAIR_GEN, after the curve is known. */
CK_RV hz_soft_ed_generate(const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv);
/* CKM_ECDH1_DERIVE for CKK_EC_MONTGOMERY. */
CK_RV hz_soft_x_derive(const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made);

/* Put both halves of a new pair into their sets: CKA_EC_PARAMS, CKA_EC_POINT, CKA_PUBLIC_KEY_INFO, CKA_HANZO_ADDRESS. */
CK_RV hz_soft_pair_done(struct hz_attrs *pub, struct hz_attrs *priv);

/*
 * The key of an ECDH mechanism from its shared secret z: CKD_NULL keeps the trailing octets that the template's key type and
 * CKA_VALUE_LEN ask for (3.1 section 6.3.17), the others stretch z by ANSI X9.63 or SP 800-56A.
 */
CK_RV hz_soft_ecdh_key(const CK_ECDH1_DERIVE_PARAMS *p, const uint8_t *z, size_t len, struct hz_attrs *made);
/* The parameter of an ECDH mechanism. */
CK_RV hz_soft_ecdh_params(const struct hz_mech *m, const CK_ECDH1_DERIVE_PARAMS **p);

/* RSA-OAEP with SHA-256, MGF1-SHA-256 and no label, to this public key (either half's). Used by the vendor wrapping mechanisms. */
CK_RV hz_soft_rsa_oaep256(struct hz_key *rsa, const uint8_t *in, size_t len, struct hz_buf *out);

/* libcrypto's hash for a hash mechanism (CKM_SHA256, ...) or an MGF; NULL: none. */
const EVP_MD *hz_md_of_mech(CK_MECHANISM_TYPE m);
const EVP_MD *hz_md_of_mgf(CK_RSA_PKCS_MGF_TYPE g);
/* Our own hash for a hash mechanism; HZ_HASH_IDS: none. */
enum hz_hash_id hz_hash_of_mech(CK_MECHANISM_TYPE m);

/* ---- signatures (soft_sig.c) ---- */

struct hz_sig;

/* The raw operation of one family on what is signed: a digest, or the input itself. */
struct hz_sig_raw {
	CK_RV (*sign)(struct hz_sig *op, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len);
	CK_RV (*verify)(struct hz_sig *op, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len);
	CK_RV (*rearm)(struct hz_sig *op, const struct hz_mech *m); /* NULL: the parameter plays no part */
	void (*release)(struct hz_sig *op); /* what the family added; NULL: nothing */
};

struct hz_sig {
	struct hz_op base;
	const struct hz_sig_raw *raw;
	struct hz_key *key;
	bool verify;
	enum hz_hash_id id; /* HZ_HASH_IDS: no hash, what is signed comes at once */
	bool hashing;       /* a part has been hashed */
	struct hz_hash hash;
	EVP_PKEY_CTX *pctx; /* ready for the family's operation, kept between uses */
	size_t sig_len;     /* octets of a signature */
};

/*
 * Allocate (size octets, struct hz_sig first) and fill in, when the key is of the right half (private to sign, public to verify).
 * hash: what goes in front, or HZ_HASH_IDS. On success the op is the caller's; its pctx is still NULL.
 */
CK_RV hz_sig_new(size_t size, const struct hz_sig_raw *raw, enum hz_op_kind kind, struct hz_key *key, enum hz_hash_id hash,
		 struct hz_sig **op);
void hz_sig_free(struct hz_op *op);

/* ---- signatures that take the whole message (soft_msgsig.c): EdDSA, ML-DSA ---- */

/* What a mechanism parameter selects; a plain value. */
struct hz_msg_opts {
	const char *instance;  /* libcrypto's name ("Ed25519ph"), NULL: the key's plain scheme */
	uint8_t context[255];
	size_t context_len;
	bool deterministic;    /* ML-DSA without added randomness */
	bool raw;              /* ML-DSA over an already formatted message */
};

/* Reads the parameter; CKR_MECHANISM_PARAM_INVALID. *opts is zeroed before. */
typedef CK_RV (*hz_msg_take)(const struct hz_mech *m, const struct hz_key *key, enum hz_op_kind kind, struct hz_msg_opts *opts);

/* An op that collects its input. sig_len at most HZ_MSG_SIG octets. */
CK_RV hz_msgsig_begin(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, size_t sig_len, hz_msg_take take,
		      struct hz_op **op);
/* A context for EVP_DigestSign or EVP_DigestVerify with the options set; NULL with a reason in *rv. */
EVP_MD_CTX *hz_msg_ctx(const struct hz_key *key, bool verify, const struct hz_msg_opts *opts, CK_RV *rv);
enum { HZ_MSG_SIG = 4627 };

#endif
