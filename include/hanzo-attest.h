/* SPDX-License-Identifier: Apache-2.0 */
/* Public interface of libhanzo-attest: verifies attestation evidence of CPU and GPU TEEs, offline, against pinned vendor roots. */

#ifndef HANZO_ATTEST_H
#define HANZO_ATTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*
 * The library opens no file and no socket, starts no thread and keeps no global state.  It never reads the clock:
 * the caller gives the time.  Nothing is written to stdout or stderr.
 *
 * Threads: a verifier and a policy never change after they were made, so any number of threads may verify with the
 * same ones at the same time.  An input or a result belongs to one thread at a time.
 *
 * Sizes are in bytes.  Functions that return bool return false on bad arguments or when memory runs out.
 * Every _free function accepts NULL.
 */

/* The largest evidence, certificate, collateral or policy file that is looked at; anything longer is refused. */
#define HZ_ATTEST_MAX_INPUT ((size_t)1 << 20)

/* Sizes of the binding values (hz_attest_report_data, hz_attest_gpu_nonce). */
#define HZ_ATTEST_REPORT_DATA_LEN 64
#define HZ_ATTEST_NONCE_LEN 32
#define HZ_ATTEST_MAX_GPUS 16

typedef struct hz_attest_verifier hz_attest_verifier; /* cryptographic context */
typedef struct hz_attest_policy hz_attest_policy;     /* what is acceptable */
typedef struct hz_attest_input hz_attest_input;       /* evidence, certificates, collateral, expectations, time */
typedef struct hz_attest_result hz_attest_result;     /* verdict, reason, claims */

/* What the evidence is. */
enum hz_attest_kind {
	HZ_ATTEST_KIND_NONE = 0,
	HZ_ATTEST_KIND_SNP = 1,    /* AMD SEV-SNP report (1184 bytes), or report followed by its certificate table */
	HZ_ATTEST_KIND_TDX = 2,    /* Intel TDX quote, version 4 or 5 */
	HZ_ATTEST_KIND_NVIDIA = 3, /* NVIDIA GPU: SPDM request and response; its chain comes with the certificates */
	HZ_ATTEST_KIND_TPM = 4,    /* TPM 2.0 quote: TPMS_ATTEST; parts "signature", "pcrs", "ak" */
	HZ_ATTEST_KIND_AZURE = 5,  /* Azure HCL report; parts "quote", "signature", "pcrs" (and "tdx" with a TDX quote) */
	HZ_ATTEST_KIND_CCA = 6,    /* Arm CCA token (CBOR tag 399); part "cpak" is the platform key, SPKI PEM or DER */
	HZ_ATTEST_KIND_SIM = 7,    /* the simulated TEE of this project */
	HZ_ATTEST_KIND_BUNDLE = 8, /* the JSON bundle of this project: CPU evidence, certificates, GPUs, challenge */
	HZ_ATTEST_KIND_TSM = 9,    /* configfs-tsm record, JSON: {"provider","outblob","auxblob"} */
	HZ_ATTEST_KIND_CMW = 10    /* RFC 9999 record, JSON: [media type, base64url, indicator?], of CPU or GPU evidence */
};

/*
 * Verdict and the exact reason of a refusal.  Numbers are stable; hz_attest_reason_name() gives the word that is
 * used in logs, in JSON and in the test vectors ("tcb", "chip_id", ...).
 */
enum hz_attest_reason {
	HZ_ATTEST_OK = 0,

	/* the call itself */
	HZ_ATTEST_R_ARGUMENT = 1,      /* nothing to verify, or the time is missing */
	HZ_ATTEST_R_INTERNAL = 2,      /* memory or the cryptographic library failed */
	HZ_ATTEST_R_TOO_LARGE = 3,     /* an input exceeds HZ_ATTEST_MAX_INPUT */
	HZ_ATTEST_R_KIND = 4,          /* not evidence of this kind, or of an unknown kind */
	HZ_ATTEST_R_UNSUPPORTED = 5,   /* a documented form that this library does not verify */

	/* form */
	HZ_ATTEST_R_LENGTH = 10,
	HZ_ATTEST_R_TOO_SHORT = 11,
	HZ_ATTEST_R_TRAILING = 12,
	HZ_ATTEST_R_PARSE = 13,
	HZ_ATTEST_R_JSON = 14,
	HZ_ATTEST_R_CBOR = 15,
	HZ_ATTEST_R_VERSION = 16,
	HZ_ATTEST_R_RESERVED_NONZERO = 17,
	HZ_ATTEST_R_MISSING = 18,      /* something that the evidence needs was not given */
	HZ_ATTEST_R_DUPLICATE = 19,

	/* certificates, chains, revocation */
	HZ_ATTEST_R_CERT_PARSE = 30,
	HZ_ATTEST_R_CERT_KIND = 31,
	HZ_ATTEST_R_CERT_PRODUCT = 32,
	HZ_ATTEST_R_CHAIN = 33,
	HZ_ATTEST_R_CHAIN_LEN = 34,
	HZ_ATTEST_R_ROOT = 35,
	HZ_ATTEST_R_REVOKED = 36,
	HZ_ATTEST_R_CRL = 37,          /* a list is needed, or the one given cannot be used */

	/* signatures and bindings */
	HZ_ATTEST_R_SIGNATURE = 50,
	HZ_ATTEST_R_SIG_ALGO = 51,
	HZ_ATTEST_R_SIGNATURE_PADDING = 52,
	HZ_ATTEST_R_SIGNING_KEY = 53,
	HZ_ATTEST_R_BINDING = 54,      /* challenge, runtime data and devices do not hash to what was signed */
	HZ_ATTEST_R_REPORT_DATA = 55,
	HZ_ATTEST_R_NONCE = 56,
	HZ_ATTEST_R_CHALLENGE = 57,

	/* AMD SEV-SNP */
	HZ_ATTEST_R_FLAGS_RESERVED = 70,
	HZ_ATTEST_R_POLICY_RESERVED = 71,
	HZ_ATTEST_R_UNKNOWN_PRODUCT = 72,
	HZ_ATTEST_R_TCB = 73,
	HZ_ATTEST_R_CHIP_ID = 74,
	HZ_ATTEST_R_TABLE_OFFSET = 75,
	HZ_ATTEST_R_TABLE_OVERRUN = 76,
	HZ_ATTEST_R_TABLE_DUPLICATE = 77,
	HZ_ATTEST_R_TABLE_NO_TERMINATOR = 78,
	HZ_ATTEST_R_TABLE_TERMINATOR = 79,

	/* Intel TDX */
	HZ_ATTEST_R_ATT_KEY_TYPE = 100,
	HZ_ATTEST_R_TEE_TYPE = 101,
	HZ_ATTEST_R_QE_VENDOR = 102,
	HZ_ATTEST_R_BODY_TYPE = 103,
	HZ_ATTEST_R_BODY_SIZE = 104,
	HZ_ATTEST_R_SIGDATA_LEN = 105,
	HZ_ATTEST_R_OUTER_CERT_TYPE = 106,
	HZ_ATTEST_R_OUTER_CERT_LEN = 107,
	HZ_ATTEST_R_QE_AUTH_LEN = 108,
	HZ_ATTEST_R_PCK_CERT_TYPE = 109,
	HZ_ATTEST_R_PCK_CERT_LEN = 110,
	HZ_ATTEST_R_PCK_CHAIN_LEN = 111,
	HZ_ATTEST_R_QE_REPORT_SIGNATURE = 112,
	HZ_ATTEST_R_QE_REPORT_DATA = 113,
	HZ_ATTEST_R_QE_IDENTITY = 114,
	HZ_ATTEST_R_QUOTE_SIGNATURE = 115,
	HZ_ATTEST_R_TDX_MODULE = 116,
	HZ_ATTEST_R_TCB_STATUS = 117,
	HZ_ATTEST_R_COLLATERAL = 118,      /* collateral missing or unusable */
	HZ_ATTEST_R_COLLATERAL_SIGNATURE = 119,
	HZ_ATTEST_R_EXPIRED = 120,
	HZ_ATTEST_R_NOT_YET_ISSUED = 121,
	HZ_ATTEST_R_FMSPC = 122,
	HZ_ATTEST_R_COLLATERAL_ID = 123,

	/* NVIDIA */
	HZ_ATTEST_R_REQUEST_HEADER = 140,
	HZ_ATTEST_R_NO_SIGNATURE_ASKED = 141,
	HZ_ATTEST_R_RESPONSE_HEADER = 142,
	HZ_ATTEST_R_NO_BLOCKS = 143,
	HZ_ATTEST_R_BLOCK_OVERRUN = 144,
	HZ_ATTEST_R_RECORD_LEN = 145,
	HZ_ATTEST_R_BLOCK_INDEX = 146,
	HZ_ATTEST_R_BLOCK_SPEC = 147,
	HZ_ATTEST_R_BLOCK_SIZE = 148,
	HZ_ATTEST_R_OPAQUE_LEN = 149,
	HZ_ATTEST_R_OPAQUE_FIELD = 150,
	HZ_ATTEST_R_FWID = 151,
	HZ_ATTEST_R_DEVICE_KIND = 152,
	HZ_ATTEST_R_RIM = 153,
	HZ_ATTEST_R_RIM_SIGNATURE = 154,
	HZ_ATTEST_R_GPU_MODE = 155,        /* confidential-computing mode off, developer mode, or modes mixed */
	HZ_ATTEST_R_GPU_COUNT = 156,
	HZ_ATTEST_R_GPU_SAME_KEY = 157,    /* two entries are the same device */

	/* TPM, Azure, CCA */
	HZ_ATTEST_R_MAGIC = 170,
	HZ_ATTEST_R_TYPE = 171,
	HZ_ATTEST_R_TRAILING_OR_TRUNCATED = 172,
	HZ_ATTEST_R_PCR_DIGEST = 173,
	HZ_ATTEST_R_AK = 174,
	HZ_ATTEST_R_HCL = 175,
	HZ_ATTEST_R_TAG = 180,
	HZ_ATTEST_R_COSE_SIGNATURE = 181,
	HZ_ATTEST_R_COSE_ALG = 182,
	HZ_ATTEST_R_COSE_ALG_KEY = 183,
	HZ_ATTEST_R_RAK = 184,
	HZ_ATTEST_R_LIFECYCLE = 185,

	/* policy */
	HZ_ATTEST_R_POLICY_KIND = 200,     /* the policy has no section for this kind of evidence */
	HZ_ATTEST_R_POLICY_SIMULATED = 201,
	HZ_ATTEST_R_POLICY_DEBUG = 202,
	HZ_ATTEST_R_POLICY_MIGRATION = 203,
	HZ_ATTEST_R_POLICY_SMT = 204,
	HZ_ATTEST_R_POLICY_ABI = 205,
	HZ_ATTEST_R_POLICY_GUEST = 206,    /* another bit of the guest policy or of the platform information */
	HZ_ATTEST_R_POLICY_VMPL = 207,
	HZ_ATTEST_R_POLICY_MIN_TCB = 208,
	HZ_ATTEST_R_POLICY_GUEST_SVN = 209,
	HZ_ATTEST_R_POLICY_MEASUREMENT = 210,
	HZ_ATTEST_R_POLICY_HOST_DATA = 211,
	HZ_ATTEST_R_POLICY_ID_KEY = 212,
	HZ_ATTEST_R_POLICY_AUTHOR_KEY = 213,
	HZ_ATTEST_R_POLICY_CHIP_ID = 214,
	HZ_ATTEST_R_POLICY_MRTD = 215,
	HZ_ATTEST_R_POLICY_RTMR = 216,
	HZ_ATTEST_R_POLICY_MRSEAM = 217,
	HZ_ATTEST_R_POLICY_ATTRIBUTES = 218,
	HZ_ATTEST_R_POLICY_XFAM = 219,
	HZ_ATTEST_R_POLICY_MRSERVICETD = 220,
	HZ_ATTEST_R_POLICY_MRCONFIG = 221, /* MRCONFIGID, MROWNER or MROWNERCONFIG */
	HZ_ATTEST_R_POLICY_FIRMWARE = 222, /* firmware, driver or VBIOS version */
	HZ_ATTEST_R_POLICY_PCR = 223,
	HZ_ATTEST_R_POLICY_TEE_IO = 224,
	HZ_ATTEST_R_POLICY_MIG = 225,
	HZ_ATTEST_R_POLICY_DEVICE = 226    /* project, chip SKU or architecture of a GPU; identity of a platform */
};

/* What a collateral file is. */
enum hz_attest_collateral {
	HZ_ATTEST_COLL_NONE = 0,
	HZ_ATTEST_COLL_CRL = 1,             /* X.509 CRL, PEM or DER, of any vendor */
	HZ_ATTEST_COLL_TCB_INFO = 2,        /* Intel: the signed "tcbInfo" object, or the whole response of the service */
	HZ_ATTEST_COLL_TCB_INFO_SIG = 3,    /* 64 bytes r || s, or 128 hexadecimal digits */
	HZ_ATTEST_COLL_QE_IDENTITY = 4,     /* Intel: "enclaveIdentity", as above */
	HZ_ATTEST_COLL_QE_IDENTITY_SIG = 5,
	HZ_ATTEST_COLL_CERTS = 6,           /* chains of collateral's signers, chips and keys, as for hz_attest_input_certs(); a GPU takes none */
	HZ_ATTEST_COLL_RIM = 7              /* NVIDIA reference integrity manifest (signed SWID tag) */
};

/*
 * Makes a verifier.  libctx is an OSSL_LIB_CTX of the caller, which must outlive the verifier; with NULL the verifier
 * makes a private one.  The default context of the process is never used.  NULL when memory runs out.
 */
struct ossl_lib_ctx_st;
hz_attest_verifier *hz_attest_verifier_new(struct ossl_lib_ctx_st *libctx);
void hz_attest_verifier_free(hz_attest_verifier *v);

/*
 * The reference policy: pinned vendor root, certificate matches the reported TCB, debug refused, no service TD, no
 * simulated TEE; no measurement is expected.  It proves a genuine platform, and nothing about the software in it.
 */
hz_attest_policy *hz_attest_policy_reference(void);

/*
 * Reads a policy, hanzo-pkcs11-policy(5): len bytes of JSON.  Unknown members, duplicates, wrong types and empty lists
 * are errors.  On error NULL, and err (errlen bytes, may be NULL with 0) names the member and what is wrong with it.
 */
hz_attest_policy *hz_attest_policy_parse(const char *json, size_t len, char *err, size_t errlen);
void hz_attest_policy_free(hz_attest_policy *p);

/* Does the policy accept the simulated TEE? What was judged by it then proves nothing. */
bool hz_attest_policy_simulated(const hz_attest_policy *p);
/* Does it name tenants, so that some evidence belongs to one? */
bool hz_attest_policy_has_tenants(const hz_attest_policy *p);

/*
 * Collects what one verification looks at.  All bytes are borrowed: they must stay unchanged until hz_attest_verify()
 * has returned.  Each setter refuses NULL data with a length and more than HZ_ATTEST_MAX_INPUT bytes.
 */
hz_attest_input *hz_attest_input_new(void);
void hz_attest_input_free(hz_attest_input *in);

/* The evidence itself; HZ_ATTEST_KIND_NONE guesses the kind from the first bytes. */
bool hz_attest_input_evidence(hz_attest_input *in, enum hz_attest_kind kind, const void *data, size_t len);

/* A further piece of the evidence, by the names listed at enum hz_attest_kind, refused where the kind has none of that name; name is
 * borrowed too. */
bool hz_attest_input_part(hz_attest_input *in, const char *name, const void *data, size_t len);

/* Certificates, PEM (any number) or DER (one), in any order, untrusted.  Also an SNP certificate table. */
bool hz_attest_input_certs(hz_attest_input *in, const void *data, size_t len);

/* One collateral file. */
bool hz_attest_input_collateral(hz_attest_input *in, enum hz_attest_collateral kind, const void *data, size_t len);

/* The most files of certificates that one input takes, and the most of collateral. */
#define HZ_ATTEST_MAX_FILES 64

/*
 * What a collateral file is: by the end of its name, as hanzo-p11(1) lists them; by its content, for lists and certificates in
 * PEM or DER, whole responses of Intel's service, and manifests; by its name or else by its content. NONE where it cannot be told: a
 * caller who passes such a file over may pass over the very list that revokes.
 */
enum hz_attest_collateral hz_attest_collateral_by_name(const char *name);
enum hz_attest_collateral hz_attest_collateral_by_content(const void *data, size_t len);
enum hz_attest_collateral hz_attest_collateral_of(const char *name, const void *data, size_t len);

/*
 * The challenge that the verifier gave out (1..1024 bytes).  In a bundle it must equal the bundle's own; other evidence
 * must be bound to it by the formula of hz_attest_report_data() or hz_attest_gpu_nonce(), without runtime data.  It
 * excludes the two setters that follow.
 */
bool hz_attest_input_challenge(hz_attest_input *in, const void *data, size_t len);

/* The exact report data (64 bytes) that the CPU evidence must carry, for protocols with another formula. */
bool hz_attest_input_report_data(hz_attest_input *in, const void *data, size_t len);

/* The exact nonce that GPU, TPM or Azure evidence must carry. */
bool hz_attest_input_nonce(hz_attest_input *in, const void *data, size_t len);

/*
 * Expects a key attestation instead of the answer to a challenge: a bundle whose challenge is empty, whose runtime data is
 * a SubjectPublicKeyInfo (DER), and whose report data is that of hz_attest_key_report_data().  With data the key must be
 * this one; with NULL and 0 any key is accepted, and hz_attest_result_runtime() gives it.  Freshness comes from a
 * signature of that key over the verifier's own nonce.
 */
bool hz_attest_input_key(hz_attest_input *in, const void *spki, size_t len);

/* The time of verification, seconds since 1970-01-01 UTC.  Required. */
bool hz_attest_input_time(hz_attest_input *in, int64_t unix_time);

/*
 * Demands what a privacy tier needs: 2 a CPU TEE, 3 also at least one GPU in confidential-computing mode, 4 also
 * Blackwell and TEE-I/O as the policy's "tee_io" says.  0 (the start value) demands nothing.
 */
bool hz_attest_input_tier(hz_attest_input *in, unsigned tier);

/*
 * Verifies.  Always gives a result, also for a refusal; NULL only when memory runs out or an argument is NULL.
 * The verdict is hz_attest_result_reason() == HZ_ATTEST_OK and nothing else.
 */
hz_attest_result *hz_attest_verify(const hz_attest_verifier *v, const hz_attest_policy *p, const hz_attest_input *in);

/*
 * Takes the evidence apart without believing it, for showing it to a person: claims of every piece that can be read, expectations and
 * policies aside.  The verdict is never HZ_ATTEST_OK; hz_attest_result_each() and the dumps show the claims.
 */
hz_attest_result *hz_attest_inspect(const hz_attest_verifier *v, const hz_attest_input *in);
void hz_attest_result_free(hz_attest_result *r);

enum hz_attest_reason hz_attest_result_reason(const hz_attest_result *r);

/* One line for people: which check refused what.  "verified" on success.  Lives as long as the result. */
const char *hz_attest_result_text(const hz_attest_result *r);

/*
 * A claim of accepted evidence by its name ("cpu.measurement", "gpu/0.driver"), as text: bytes in lower-case hex,
 * numbers in decimal, "true" or "false".  NULL if there is none, and always NULL for refused evidence.
 */
const char *hz_attest_result_claim(const hz_attest_result *r, const char *name);

/*
 * Calls fn for each claim in order, also for refused evidence, whose claims are what it says of itself and prove
 * nothing (hz_attest_result_reason tells).  Stops when fn returns false.
 */
typedef bool hz_attest_claim_fn(void *arg, const char *name, const char *value);
void hz_attest_result_each(const hz_attest_result *r, hz_attest_claim_fn *fn, void *arg);

/* The whole result as text for people or as one JSON object; malloc'd, ends in a newline; NULL when memory runs out. */
char *hz_attest_result_dump_text(const hz_attest_result *r);
char *hz_attest_result_dump_json(const hz_attest_result *r);

/* Runtime data of an accepted bundle: borrowed from the result; NULL and *len = 0 if it has none. */
const uint8_t *hz_attest_result_runtime(const hz_attest_result *r, size_t *len);

/* PIN text of an accepted bundle; borrowed, wiped with the result; NULL if it has none. */
const char *hz_attest_result_pin(const hz_attest_result *r);

/* The stable word for a reason ("ok", "tcb", ...), static; "unknown" for a number that is none. */
const char *hz_attest_reason_name(enum hz_attest_reason reason);

/* Name of a kind ("snp") and back; NULL or NONE for unknown ones. */
const char *hz_attest_kind_name(enum hz_attest_kind kind);
enum hz_attest_kind hz_attest_kind_by_name(const char *name);

/*
 * The report data that binds CPU evidence: SHA-512("hanzo-pkcs11/attest/v1" 0x00 u32be(len challenge) challenge
 * u32be(len runtime) runtime u32be(n) n x spki[i]), spki[i] = SHA-256 of the DER SubjectPublicKeyInfo of GPU i's leaf
 * certificate.  n <= HZ_ATTEST_MAX_GPUS.
 */
bool hz_attest_report_data(const hz_attest_verifier *v, const void *challenge, size_t challenge_len,
                           const void *runtime, size_t runtime_len, const uint8_t (*spki)[32], size_t n,
                           uint8_t out[HZ_ATTEST_REPORT_DATA_LEN]);

/* The same with the domain "hanzo-pkcs11/key/v1", an empty challenge, and the key's SubjectPublicKeyInfo as runtime data. */
bool hz_attest_key_report_data(const hz_attest_verifier *v, const void *key, size_t key_len, const uint8_t (*spki)[32],
                               size_t n, uint8_t out[HZ_ATTEST_REPORT_DATA_LEN]);

/* The nonce for GPU i: SHA-256("hanzo-pkcs11/gpu/v1" 0x00 challenge u32be(i)). */
bool hz_attest_gpu_nonce(const hz_attest_verifier *v, const void *challenge, size_t challenge_len, uint32_t i,
                         uint8_t out[HZ_ATTEST_NONCE_LEN]);

/*
 * The nonce for a TPM quote inside a bundle or under a challenge: SHA-256 of the 64 bytes of report data, because a TPM
 * takes at most 50 bytes there.
 */
bool hz_attest_tpm_nonce(const hz_attest_verifier *v, const uint8_t report_data[HZ_ATTEST_REPORT_DATA_LEN],
                         uint8_t out[HZ_ATTEST_NONCE_LEN]);

/* What the simulated TEE shall say. A CPU uses report_data and tee_io; a GPU uses nonce, blackwell and spki. */
struct hz_attest_sim {
	bool gpu, blackwell, debug, tee_io;
	uint8_t measurement[48];
	uint8_t report_data[HZ_ATTEST_REPORT_DATA_LEN];
	uint8_t nonce[HZ_ATTEST_NONCE_LEN];
	const void *spki;   /* DER SubjectPublicKeyInfo of the GPU's key: any bytes, other ones for each GPU */
	size_t spki_len;
};

/*
 * Makes evidence of the simulated TEE (media type application/vnd.hanzo.sim-evidence+json), for development.  Its key is
 * public knowledge: it proves nothing, and policies refuse it unless they say "allow_simulated": true.  malloc'd text;
 * NULL when memory or the cryptographic library fails.
 */
char *hz_attest_sim_make(const hz_attest_verifier *v, const struct hz_attest_sim *sim);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
