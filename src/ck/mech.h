/* SPDX-License-Identifier: Apache-2.0 */
/* Mechanisms with parameters that are ours: deep copies, checked once, that never point into the caller's memory. */
#ifndef HZ_CK_MECH_H
#define HZ_CK_MECH_H

#include <stdbool.h>
#include <stddef.h>

#include "pkcs11.h"

/*
 * `param` is the mechanism's own C structure (CK_GCM_PARAMS, CK_RSA_PKCS_PSS_PARAMS, ...; the bare bytes where the parameter
 * is bytes, such as an IV), its pointers leading into memory that this copy owns. Small copies live inside the structure
 * (`small`), so it must not be moved or copied by assignment.
 */
struct hz_mech {
	CK_MECHANISM_TYPE type;
	void *param;          /* NULL when there is none */
	CK_ULONG param_len;
	void *heap;           /* owned block when `small` does not suffice */
	size_t heap_len;
	bool secret;          /* heap is secret memory */
	_Alignas(16) unsigned char small[256];
};

/*
 * Copy and validate shape: NULL mechanism CKR_ARGUMENTS_BAD; parameter missing, superfluous, of the wrong size, with NULL where a
 * length is given or a length that no parameter has: CKR_MECHANISM_PARAM_INVALID. Mechanisms that the table does not know keep
 * type only and param NULL (the mechanism table refuses them). `out` need not be initialised. Cheap for small parameters (no heap).
 *
 * What the copy settles, so that nobody above asks again:
 *   CK_GCM_PARAMS    the short form without ulIvBits (40 bytes) is taken too; ulIvBits is made 8 * ulIvLen. A value that could be the
 *                    length of an IV (1..8192 bits) but is not this one's is refused; others were never set and are ignored.
 *   CK_SALSA20_CHACHA20_POLY1305_PARAMS   ulNonceLen is 12: the text (3.1 section 6.61) counts bits, most callers bytes, and both
 *                    12 and 96 can mean only one thing. The message structure is the caller's and keeps either.
 *   CK_HKDF_PARAMS, CK_SP800_108_KDF_PARAMS   handles stay numbers; additional derived keys and key-handle segments are refused.
 *   CK_PKCS5_PBKD2_PARAMS2   the copy lies in secret memory; at most 10,000,000 iterations.
 *   CK_HANZO_EIP712_PARAMS   verifyingContract is zeros without hasContract.
 * Padding inside structures is zero.
 */
CK_RV hz_mech_copy(struct hz_mech *out, const CK_MECHANISM *in);

/*
 * For C_MessageEncryptInit and C_MessageDecryptInit, where the AEAD mechanisms take their message structure or nothing: keeps the type
 * only (each message brings its own parameter) and refuses a parameter of another size. Other mechanisms: as hz_mech_copy.
 */
CK_RV hz_mech_copy_message(struct hz_mech *out, const CK_MECHANISM *in);

/*
 * Check the caller's live parameter of one message (C_EncryptMessage and its kin: written back to, so not copied): its size, NULL with a
 * length, lengths of nonce and tag, the generator. CKR_OK or CKR_MECHANISM_PARAM_INVALID.
 */
CK_RV hz_mech_check_message(CK_MECHANISM_TYPE type, const void *param, CK_ULONG len);

/* Wipe and release; idempotent. */
void hz_mech_clear(struct hz_mech *m);

#endif
