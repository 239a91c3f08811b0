/* SPDX-License-Identifier: Apache-2.0 */
/* A running cryptographic operation as a backend hands it out: a state with a small vtable. */
#ifndef HZ_BACKEND_OP_H
#define HZ_BACKEND_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ck/mech.h"

enum hz_op_kind {
	HZ_OP_ENCRYPT, HZ_OP_DECRYPT, HZ_OP_DIGEST, HZ_OP_SIGN, HZ_OP_VERIFY,
	HZ_OP_SIGN_RECOVER, HZ_OP_VERIFY_RECOVER, HZ_OP_MSG_ENCRYPT, HZ_OP_MSG_DECRYPT,
	HZ_OP_KINDS
};

enum hz_phase { HZ_ONCE, HZ_UPDATE, HZ_FINAL };

struct hz_op;

/*
 * Implementations fill what their kind and mechanism support; NULL means CKR_FUNCTION_NOT_SUPPORTED... for that step (a mechanism
 * without multi-part has no update/final). The token floor owns the state machine: it never calls a step out of order, never with
 * out == NULL, and only with at least max_out() bytes of room (need(), where there is one), so implementations hold no length rule of
 * their own. *out_len: that room in, bytes out.
 * An op is used by one thread at a time (its session is locked); different ops of one key run in parallel. Whatever a step
 * returns, other than CKR_OK from update, the token floor ends the operation afterwards.
 */
struct hz_op_ops {
	/* Upper bound of the bytes this step writes for in_len bytes of input; exact where it can be known. */
	size_t (*max_out)(const struct hz_op *op, enum hz_phase phase, size_t in_len);
	/* Where only the input itself tells it (a header with sizes in it): exactly, for encryption and decryption. NULL: max_out. */
	size_t (*need)(const struct hz_op *op, enum hz_phase phase, const uint8_t *in, size_t in_len);

	/* All input at once. NULL: the floor above calls update and final. in and out may be the same buffer or overlap. */
	CK_RV (*once)(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len);
	CK_RV (*update)(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len); /* sign, verify, digest: out NULL */
	CK_RV (*final)(struct hz_op *op, uint8_t *out, size_t *out_len);

	/* Verification instead of once/final: CKR_OK, CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE, CKR_DATA_LEN_RANGE. */
	CK_RV (*verify)(struct hz_op *op, const uint8_t *in, size_t in_len, const uint8_t *sig, size_t sig_len);
	CK_RV (*verify_final)(struct hz_op *op, const uint8_t *sig, size_t sig_len);

	/*
	 * Make a finished (or abandoned) op ready again for the same key and mechanism type with the parameter in m (an op never keeps m
	 * beyond the call; what it needs it copies). This is what makes C_SignInit cheap: contexts stay keyed. NULL: begin anew.
	 * Anything but CKR_OK: the op is freed.
	 */
	CK_RV (*rearm)(struct hz_op *op, const struct hz_mech *m);

	/* Message-based AEAD (C_EncryptMessage...): one message; param is the caller's live CK_*_MESSAGE_PARAMS (IV and tag are written back). */
	CK_RV (*message)(struct hz_op *op, void *param, CK_ULONG param_len, const uint8_t *aad, size_t aad_len,
			 const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len);
	CK_RV (*message_begin)(struct hz_op *op, void *param, CK_ULONG param_len, const uint8_t *aad, size_t aad_len);
	CK_RV (*message_next)(struct hz_op *op, void *param, CK_ULONG param_len, const uint8_t *in, size_t in_len,
			      uint8_t *out, size_t *out_len, bool last);

	/*
	 * Digest state for C_GetOperationState and its return; NULL: CKR_STATE_UNSAVEABLE. save: *out_len is room in, bytes out; out NULL
	 * asks for the length only. The state is sealed for this process and may be restored any number of times, into any op of the same
	 * mechanism; anything else is CKR_SAVED_STATE_INVALID.
	 */
	CK_RV (*save)(const struct hz_op *op, uint8_t *out, size_t *out_len);
	CK_RV (*restore)(struct hz_op *op, const uint8_t *in, size_t in_len);

	void (*free)(struct hz_op *op); /* wipes and releases; never NULL */
};

/* First member of every implementation's own structure. */
struct hz_op {
	const struct hz_op_ops *ops;
};

#endif
