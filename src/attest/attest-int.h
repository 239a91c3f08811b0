/* SPDX-License-Identifier: Apache-2.0 */
/* The seam inside libhanzo-attest: what the public calls give a verifier, and the helpers that every verifier uses. */

/*
 * Who owns what (floor src/attest; includes only base, libcrypto and json-c):
 *
 *   verifier.c, input.c, collateral.c   entry points, dispatch     result.c, reason.c   claims, reasons, dumps
 *   policy.c, policy-read.c   strict policy files         bundle.c, tsm.c, binding.c   wrappers, binding of CPU and GPUs
 *   x509.c, seen.c, crl.c   certificates, chains, pins    sig.c, json.c   digests and signatures, strict JSON
 *   snp.c, snp-cert.c, snp-table.c, snp-policy.c          AMD SEV-SNP
 *   tdx.c, tdx-quote.c, tdx-collateral.c, tdx-tcb.c, tdx-policy.c  Intel TDX
 *   sim.c       simulated TEE
 *   nvidia*.c, spdm.c, rim*.c   NVIDIA GPUs    tpm*.c, azure*.c   TPM quotes, HCL reports
 *   cca*.c, cbor.c      Arm CCA tokens, strict CBOR
 *   der.c, b64.c        DER elements, padded base64         policy-indexed.c   digests by number in a policy
 *
 * A verifier of a family is one `struct hz_at_family` (below); to add one, list it in hz_at_families[] of verifier.c
 * and raise HZ_AT_N_FAMILIES in policy-int.h.  Members of its policy section are described in hanzo-pkcs11-policy(5); a test
 * compares the page with the table.
 *
 * What arrives as item->evidence: NVIDIA either the raw SPDM request and response (item->certs is then its chain, leaf
 * first, and nothing else) or, from a bundle, the JSON list with exactly one device, chain inside; Azure either
 * the raw HCL report with parts, or from a bundle the JSON object {"hcl","quote","signature","pcrs","tdx"?}, values
 * base64url, media type application/vnd.hanzo.azure-hcl+json; CCA the CBOR token.
 */

#ifndef HZ_ATTEST_INT_H
#define HZ_ATTEST_INT_H

#include "hanzo-attest.h"

#include "base/reader.h"

#include <json-c/json.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* Borrowed bytes. */
struct hz_at_bytes {
	const uint8_t *p;
	size_t len;
};

/* ---- one piece of evidence ---- */

#define HZ_AT_MAX_PARTS 8

struct hz_at_part {
	const char *name;
	struct hz_at_bytes data;
};

/*
 * One piece of evidence as a family sees it: from the caller's input, or taken out of a bundle.  Everything is borrowed
 * and lives until the verification ends.
 */
struct hz_at_item {
	enum hz_attest_kind kind;
	const char *label;                /* "cpu" or "gpu/0": claims are named label.name */
	struct hz_at_bytes evidence;
	struct hz_at_part part[HZ_AT_MAX_PARTS];
	size_t parts;
	STACK_OF(X509) *certs;            /* untrusted; never NULL; owned by the run */

	/* Expectations; p == NULL: nothing is expected.  Compare with hz_at_equal(), whole field, padding included. */
	struct hz_at_bytes report_data;   /* 64 bytes: SNP, TDX, sim REPORT_DATA; CCA realm challenge */
	struct hz_at_bytes nonce;         /* NVIDIA request nonce (32 bytes); TPM and Azure extraData */

	/* What a verifier tells the binding check of the bundle. */
	bool is_gpu;
	uint8_t leaf_spki_sha256[32];     /* GPU: of the leaf certificate */
	enum { HZ_AT_ARCH_NONE, HZ_AT_ARCH_HOPPER, HZ_AT_ARCH_BLACKWELL } arch;
	bool tee_io;                      /* CPU: the platform signs that TEE-I/O is on (SNP PLATFORM_INFO bit 7) */
	int mode;                         /* GPU: feature flag (0 SPT, 1 MPT, 2 PPCIE), -1 unknown */
	int mig;                          /* GPU: 0 off, 1 on, -1 not stated by signed evidence */
};

/* The data of a part, or {NULL, 0}. */
struct hz_at_bytes hz_at_item_part(const struct hz_at_item *item, const char *name);

/* ---- one verification ---- */

#define HZ_AT_MAX_FILES HZ_ATTEST_MAX_FILES

struct hz_at_file {
	enum hz_attest_collateral kind;
	struct hz_at_bytes data;
};

struct hz_attest_input {
	enum hz_attest_kind kind;
	struct hz_at_bytes evidence;
	struct hz_at_part part[HZ_AT_MAX_PARTS];
	size_t parts;
	struct hz_at_bytes certs[HZ_AT_MAX_FILES];
	size_t n_certs;
	struct hz_at_file coll[HZ_AT_MAX_FILES];
	size_t n_coll;
	struct hz_at_bytes challenge, report_data, nonce;
	struct hz_at_bytes key;           /* key attestation: the expected key, or len 0 for any */
	bool key_attestation;
	int64_t now;
	bool has_now;
	unsigned tier;
};

struct hz_attest_verifier {
	OSSL_LIB_CTX *libctx;
	bool own_libctx;
	struct hz_at_links *links;   /* seen.c; NULL: nothing is kept */
};

/* What a verifier function works with.  The result belongs to the run; verifiers only add claims and refuse. */
struct hz_at_run {
	OSSL_LIB_CTX *libctx;
	const struct hz_attest_policy *policy;
	const struct hz_attest_input *in;      /* collateral: in->coll[0 .. in->n_coll) */
	int64_t now;                           /* seconds since 1970 */
	bool inspect;                          /* go on behind a refusal, for the claims; the verdict is a refusal in any case */
	struct hz_attest_result *res;
	struct hz_rim_cache *rims;             /* reference manifests read so far (rim.c); starts as NULL */
	struct hz_at_seen *seen;               /* certificates so far (seen.c); starts as NULL */
	struct hz_at_links *links;             /* the verifier's, or NULL */
};

void hz_rim_cache_free(struct hz_rim_cache *cache);
void hz_at_seen_free(struct hz_at_seen *s);

/*
 * Records the refusal: reason and a sentence for people (printf; no secrets, no certificate text without bounds).
 * Returns the reason, so that a check reads `return hz_at_refuse(run, HZ_ATTEST_R_TCB, "…")`.
 */
enum hz_attest_reason hz_at_refuse(struct hz_at_run *run, enum hz_attest_reason reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Claims, added in order.  Running out of memory is kept in the result and turns the verdict into R_INTERNAL. */
void hz_at_claim_text(struct hz_at_run *run, const struct hz_at_item *item, const char *name, const char *value);
void hz_at_claim_textn(struct hz_at_run *run, const struct hz_at_item *item, const char *name, const void *p, size_t n);
void hz_at_claim_hex(struct hz_at_run *run, const struct hz_at_item *item, const char *name, const void *p, size_t n);
void hz_at_claim_u64(struct hz_at_run *run, const struct hz_at_item *item, const char *name, uint64_t value);
void hz_at_claim_bool(struct hz_at_run *run, const struct hz_at_item *item, const char *name, bool value);

/* ---- families ---- */

struct hz_at_family {
	enum hz_attest_kind kind;
	/*
	 * Checks the item completely: form, signatures, chain, binding values of the item, then the policy section.
	 * HZ_ATTEST_OK or the reason given to hz_at_refuse().  Adds claims as soon as the form is understood, before
	 * any check of signatures, so that a refused piece can still be shown.
	 */
	enum hz_attest_reason (*verify)(struct hz_at_run *run, struct hz_at_item *item);
	const struct hz_at_section *section;   /* its part of the policy; NULL: none */
	const char *const *parts;              /* names of the pieces that it takes beside the evidence, up to a NULL; NULL: none */
};

extern const struct hz_at_family hz_at_snp, hz_at_tdx, hz_at_sim;          /* snp.c, tdx.c, sim.c */
extern const struct hz_at_family hz_at_nvidia;                            /* nvidia.c */
extern const struct hz_at_family hz_at_tpm, hz_at_azure, hz_at_cca;        /* tpm.c, azure.c, cca.c */

/* The family of a kind, or NULL (verifier.c).  azure.c uses it to check the SNP report or TDX quote inside. */
const struct hz_at_family *hz_at_family_of(enum hz_attest_kind kind);

/* ---- policy ---- */

/* A list of byte strings of one size, or "any".  n == 0 and !any: the member was not given. */
struct hz_at_hexlist {
	bool any;
	size_t n;
	size_t size;     /* bytes of each */
	uint8_t *data;   /* n * size */
};

/* A list of texts, or "any". */
struct hz_at_textlist {
	bool any;
	size_t n;
	char **text;
};

enum hz_at_field_type {
	HZ_AT_F_BOOL,     /* bool at offset */
	HZ_AT_F_U64,      /* uint64_t; a number 0 .. n (n = 0: no limit), or text "0x…" */
	HZ_AT_F_HEX,      /* struct hz_at_hexlist: one text, or a non-empty array of texts, of exactly n bytes; or "any" */
	HZ_AT_F_TEXT,     /* struct hz_at_textlist: likewise, each 1 .. n bytes of UTF-8 */
	HZ_AT_F_WORD,     /* unsigned: index into words[], a NULL-terminated list */
	HZ_AT_F_CUSTOM    /* custom() reads it */
};

struct hz_at_policy_err {
	char *text;
	size_t len;
};

/* One member of a section. */
struct hz_at_field {
	const char *name;
	enum hz_at_field_type type;
	size_t offset;                 /* in the section's struct */
	uint64_t n;
	bool required;                 /* a policy file with this section must have it */
	const char *const *words;
	/* dst is section + offset.  False after hz_at_policy_bad(). */
	bool (*custom)(struct hz_at_policy_err *err, const char *name, struct json_object *v, void *dst);
	void (*release)(void *dst);    /* of a custom field; may be NULL */
};

/* One section of the policy file: `"name": { fields }`, kept as a struct of `size` bytes, zeroed before reading. */
struct hz_at_section {
	const char *name;
	size_t size;
	const struct hz_at_field *fields;        /* ends with name == NULL */
	void (*defaults)(void *section);         /* strict defaults of a policy file, before its members are read */
	void (*reference)(void *section);        /* values of the reference policy */
};

/*
 * The section's struct, or NULL when the policy does not allow this family: then the verifier of the family is not even
 * called (HZ_ATTEST_R_POLICY_KIND).
 */
const void *hz_at_policy_section(const struct hz_attest_policy *p, const struct hz_at_section *s);

/* Records what is wrong with a member; returns false. */
bool hz_at_policy_bad(struct hz_at_policy_err *err, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Reads v into the struct at base by the table; for custom fields that hold objects.  where names the object. */
bool hz_at_policy_read(struct hz_at_policy_err *err, const char *where, struct json_object *v,
                       const struct hz_at_field *fields, void *base);
void hz_at_policy_release(const struct hz_at_field *fields, void *base);

/* Reads one text, or a non-empty array of texts, each 1 .. max bytes; "any" is a text like any other. For custom fields. */
bool hz_at_policy_texts(struct hz_at_policy_err *err, const char *name, struct json_object *v, size_t max, struct hz_at_textlist *out);
void hz_at_textlist_release(struct hz_at_textlist *l);

/* True when the list allows the value: "any", or one of its entries is equal.  A member not given allows nothing. */
bool hz_at_hexlist_allows(const struct hz_at_hexlist *l, const uint8_t *p, size_t n);
bool hz_at_textlist_allows(const struct hz_at_textlist *l, const char *text);
/* Digests by number, first <= number <= last; list is NULL or has last + 1 entries. */
struct hz_at_indexed {
	unsigned first, last;
	struct hz_at_hexlist *list;
};

/* Reads {"7": hex, "12": [hex, ...]}, each digest of size bytes; first and last are set by the caller. For custom fields. */
bool hz_at_policy_indexed(struct hz_at_policy_err *err, const char *name, struct json_object *v, size_t size,
                          struct hz_at_indexed *out);
void hz_at_indexed_release(struct hz_at_indexed *x);
/* True when the policy names this number. */
bool hz_at_indexed_given(const struct hz_at_indexed *x, unsigned i);

/* True when the policy file names the member at all. */
static inline bool hz_at_hexlist_given(const struct hz_at_hexlist *l) { return l->any || l->n != 0; }
static inline bool hz_at_textlist_given(const struct hz_at_textlist *l) { return l->any || l->n != 0; }

/* ---- JSON: strict reading of untrusted text ---- */

#define HZ_AT_JSON_DEPTH 8

/*
 * Parses exactly one JSON value (RFC 8259, UTF-8, nesting at most depth, no duplicate names, nothing left over).
 * NULL on any error.  Free with json_object_put().
 */
struct json_object *hz_at_json_parse(const void *p, size_t n, unsigned depth);

/* Why it is refused: the name that an object has twice, or {NULL, 0} for anything else. */
struct hz_at_bytes hz_at_json_twice(const void *p, size_t n, unsigned depth);

/* The bytes of member `name`'s value in the object text p, as they stand there; {NULL, 0} if absent. p was checked by the parser. */
struct hz_at_bytes hz_at_json_span(const void *p, size_t n, const char *name);

/* Text member, or NULL if absent or no text; refuses texts with a NUL inside. */
const char *hz_at_json_text(struct json_object *o, const char *name);

/* ---- certificates ---- */

/* The most certificates that one stack takes. */
#define HZ_AT_MAX_CERTS 64

/* Adds the certificates in p: PEM blocks (white space and NULs between them only) or one DER certificate. False on anything else. */
bool hz_at_certs_read(struct hz_at_run *run, STACK_OF(X509) *to, const void *p, size_t n);

/* Reads exactly one DER certificate; NULL on trailing bytes. */
X509 *hz_at_cert_der(struct hz_at_run *run, const void *p, size_t n);

/* A pinned root: SHA-256 over the whole certificate, or over its SubjectPublicKeyInfo. */
struct hz_at_pin {
	const char *name;
	bool spki;
	uint8_t sha256[32];
};

struct hz_at_chain_req {
	const struct hz_at_pin *pins;
	size_t n_pins;
	const char *family;        /* policy "roots" entries of this family are accepted as well ("snp", "tdx", "nvidia", …) */
	int length;                /* certificates from leaf to root, root included; 0 = any up to 8 */
	enum hz_attest_reason bad_root;   /* reason where only the root is not pinned; 0 = R_CHAIN */
};

/*
 * Builds and verifies leaf -> ... -> root with X509_verify_cert at run->now.  Only certificates in `from` whose digest
 * is a pin are trusted; the others in `from` are offered as intermediates.  On success *chain (if not NULL) is the
 * verified chain, leaf first, to be freed with hz_at_chain_free(), and *root the index into pins (or -1: policy root).
 */
enum hz_attest_reason hz_at_chain(struct hz_at_run *run, X509 *leaf, STACK_OF(X509) *from,
                                  const struct hz_at_chain_req *req, STACK_OF(X509) **chain, int *root);
void hz_at_chain_free(STACK_OF(X509) *chain);

/*
 * Checks cert against the CRL of its issuer among the collateral: signed by issuer, inside its dates at run->now, cert not
 * listed.  needed: refuse (R_CRL) when there is no list of that issuer.
 */
enum hz_attest_reason hz_at_crl_check(struct hz_at_run *run, X509 *cert, X509 *issuer, bool needed);

bool hz_at_cert_sha256(struct hz_at_run *run, X509 *cert, uint8_t out[32]);   /* of the DER */
bool hz_at_spki_sha256(struct hz_at_run *run, X509 *cert, uint8_t out[32]);
/* First CN of the subject or issuer into out (always NUL-terminated); false if there is none or it does not fit. */
bool hz_at_subject_cn(const X509 *cert, char *out, size_t size);
bool hz_at_issuer_cn(const X509 *cert, char *out, size_t size);
/* The raw value (content of extnValue) of the only extension with this dotted OID; {NULL,0} if absent or repeated. */
struct hz_at_bytes hz_at_cert_ext(const X509 *cert, const char *oid);

/* ---- digests and signatures ---- */

/* md is "SHA256", "SHA384" or "SHA512"; the pieces are hashed in order.  out has room for the digest. */
bool hz_at_digest(struct hz_at_run *run, const char *md, const struct hz_at_bytes *piece, size_t n, uint8_t *out);

/* EC public key from an uncompressed point x || y (no 0x04), checked to be on the curve; group "P-256", "P-384", "P-521". */
EVP_PKEY *hz_at_ec_key(struct hz_at_run *run, const char *group, const uint8_t *xy, size_t n);

/* ECDSA: raw r || s, big-endian, half of n each.  The key must be an EC key on `group`. */
bool hz_at_ecdsa_verify(struct hz_at_run *run, EVP_PKEY *key, const char *group, const char *md,
                        const uint8_t *rs, size_t n, const struct hz_at_bytes *piece, size_t n_piece);

/* Any signature in libcrypto's own encoding (RSA PKCS#1 v1.5, PSS with salt = digest length when pss, ECDSA DER). */
bool hz_at_pkey_verify(struct hz_at_run *run, EVP_PKEY *key, const char *md, bool pss,
                       const uint8_t *sig, size_t n, const struct hz_at_bytes *piece, size_t n_piece);

/* True when the key is an EC key on the curve ("P-384"). */
bool hz_at_key_on(EVP_PKEY *key, const char *group);

/* Constant-time comparison of n bytes. */
bool hz_at_equal(const void *a, const void *b, size_t n);
/* True when all n bytes are zero. */
bool hz_at_zero(const void *p, size_t n);

#endif
