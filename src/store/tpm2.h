/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of a TPM 2.0 that sealing and quotes need, spoken directly (TPM 2.0 Library, parts 1 to 3). */
#ifndef HZ_STORE_TPM2_H
#define HZ_STORE_TPM2_H

#include "base/buf.h"
#include "base/reader.h"
#include "store/aead.h"
#include "store/seal_conf.h"

/*
 * Why not through tss2-esys: it writes to stderr whatever fails (PCRs that changed, a missing device), keeps unsealed data in memory
 * that it frees unwiped, and uses libcrypto's default context; this module may do none of that. The dozen commands are few.
 *
 * One connection, one thread. Codes: CKR_DEVICE_REMOVED (not there, or no answer), CKR_DEVICE_ERROR (an answer that says no or makes
 * no sense; hz_tpm_rc says which), CKR_DEVICE_MEMORY (no room for objects or sessions), CKR_HOST_MEMORY.
 */
struct hz_tpm;

#define HZ_TPM_NAME 34u /* of an object: algorithm and SHA-256 */
#define HZ_TPM_BLOB 1024u
#define HZ_TPM_SECRET 32u

enum { HZ_TPM_RC_POLICY_FAIL = 0x09d, HZ_TPM_RC_VALUE = 0x084, HZ_TPM_RC_INTEGRITY = 0x09f, HZ_TPM_RC_HANDLE = 0x08b };

CK_RV hz_tpm_open(const char *tcti, struct hz_tpm **out);
void hz_tpm_close(struct hz_tpm *t); /* flushes what it made; NULL is fine */

/* The last answer's error without parameter, handle and session numbers; 0: success, or no answer. */
uint32_t hz_tpm_rc(const struct hz_tpm *t);

/*
 * The storage key under which things are sealed: ECC P-256, made anew from the owner hierarchy's seed, so that nothing is kept in
 * the TPM. Its name stays the same until the TPM is cleared. Later commands use it.
 */
CK_RV hz_tpm_primary(struct hz_tpm *t, uint8_t name[HZ_TPM_NAME]);

/* Values of the registers, in the order of the selection. CKR_DEVICE_ERROR: the TPM has no such bank or register. */
CK_RV hz_tpm_pcr_read(struct hz_tpm *t, const struct hz_pcrs *sel, struct hz_buf *values);

/* policyDigest after TPM2_PolicyPCR alone (part 3, 23.7), computed here from the values. */
void hz_tpm_pcr_policy(const struct hz_pcrs *sel, struct hz_blob values, uint8_t digest[32]);

/*
 * Seal a secret so that only `policy` opens it (no authorisation value, fixed to this TPM). The session is salted to the primary key
 * and encrypts the secret on the bus. priv and pub are what TPM2_Load wants.
 */
CK_RV hz_tpm_seal(struct hz_tpm *t, const uint8_t policy[32], const uint8_t secret[HZ_TPM_SECRET], struct hz_buf *priv,
		  struct hz_buf *pub);

/* The opposite, by a policy session with TPM2_PolicyPCR, salted likewise, with an encrypted answer. */
CK_RV hz_tpm_unseal(struct hz_tpm *t, const struct hz_pcrs *sel, struct hz_blob priv, struct hz_blob pub,
		    uint8_t secret[HZ_TPM_SECRET]);

/* What attestation needs (tpm2_quote.c). */

/*
 * An attestation key: restricted, signing, ECC P-256, made anew from the endorsement hierarchy's seed, so that it is the same key for
 * the TPM's life and nothing is kept in the TPM. spki: its SubjectPublicKeyInfo (DER). Flush the handle with hz_tpm_forget.
 */
CK_RV hz_tpm_ak(struct hz_tpm *t, uint32_t *handle, struct hz_buf *spki);
void hz_tpm_forget(struct hz_tpm *t, uint32_t *handle);

/*
 * TPM2_Quote by the key at handle (no authorisation value) with its own scheme. values: the registers, in the order of the selection,
 * read until they are those of the quote: registers may be extended meanwhile. quote is a TPMS_ATTEST, signature a TPMT_SIGNATURE.
 */
CK_RV hz_tpm_quote(struct hz_tpm *t, uint32_t handle, const struct hz_pcrs *sel, struct hz_blob nonce, struct hz_buf *quote,
		   struct hz_buf *signature, struct hz_buf *values);

/* The content of an NV index that the owner may read without a password; nothing where there is no such index. */
CK_RV hz_tpm_nv_read(struct hz_tpm *t, uint32_t index, struct hz_buf *out);

/* Between the files of the protocol. */

/* A transport: send n bytes, then read one answer of at most room bytes. */
struct hz_tpm_io {
	int fd;
	bool stream; /* a socket: an answer comes in pieces */
};

CK_RV hz_tpm_io_open(const char *tcti, struct hz_tpm_io *io);
void hz_tpm_io_close(struct hz_tpm_io *io);
CK_RV hz_tpm_io_run(struct hz_tpm_io *io, const uint8_t *cmd, size_t n, uint8_t *rsp, size_t room, size_t *len);

/* A session (part 1, 19.6). Secret memory. */
struct hz_tpm_session {
	uint32_t handle; /* 0: none */
	uint8_t attrs;
	uint8_t key[32], caller[32], tpm[64];
	size_t tpm_len;
};

/* KDFa (part 1, 11.4.10.2) with SHA-256: at most 32 bytes. */
void hz_tpm_kdfa(const uint8_t *key, size_t key_len, const char *label, struct hz_blob u, struct hz_blob v, uint8_t *out, size_t n);
/*
 * A salt for the holder of the P-256 key x, y: *enc gets the TPMS_ECC_POINT to send, seed the shared secret by KDFe (part 1, C.6.1).
 * False: not a point, or libcrypto failed.
 */
bool hz_tpm_salt(struct hz_blob x, struct hz_blob y, struct hz_buf *enc, uint8_t seed[32]);
/* Encrypt or decrypt a parameter in place (part 1, 21.3), AES-128-CFB. */
bool hz_tpm_param(const struct hz_tpm_session *s, bool response, uint8_t *data, size_t n);
/* Authorisation HMAC over a command's or an answer's digest. */
void hz_tpm_auth(const struct hz_tpm_session *s, bool response, const uint8_t digest[32], uint8_t attrs, uint8_t out[32]);

#endif
