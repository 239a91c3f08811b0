/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the classic and the message-based form of the AEAD mechanisms. */
#ifndef HZ_BACKEND_SOFT_AEAD_H
#define HZ_BACKEND_SOFT_AEAD_H

#include "backend/soft_int.h"
#include "crypto/aead.h"

#define HZ_AEAD_TAG_MAX 16u

struct hz_soft_aead {
	struct hz_op op;
	struct hz_aead *aead;
	enum hz_aead_alg alg;
	bool enc;
	size_t tag_len;
	uint64_t left;                  /* CCM: bytes that ulDataLen still announces; UINT64_MAX otherwise */
	struct hz_key *key;             /* borrowed */

	/* classic decryption */
	uint8_t held[2 * HZ_AEAD_TAG_MAX];
	size_t have;

	/* messages */
	bool has_base;                  /* CKG_GENERATE_COUNTER_XOR: the first message's IV, and how many came since */
	size_t base_len;
	uint8_t base[HZ_AEAD_TAG_MAX];
	uint64_t count;
};

bool hz_soft_aead_alg(CK_MECHANISM_TYPE type, enum hz_aead_alg *alg);
/* An op with a keyed context and nothing begun. */
CK_RV hz_soft_aead_new(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, const struct hz_op_ops *ops,
		       struct hz_soft_aead **out);
void hz_soft_aead_free(struct hz_op *op);
/* Encrypt or decrypt n bytes within what CCM announced; in and out are the same or apart. */
CK_RV hz_soft_aead_crypt(struct hz_soft_aead *o, const uint8_t *in, size_t n, uint8_t *out);
/* CKR_OK when everything announced has come. */
CK_RV hz_soft_aead_end(struct hz_soft_aead *o);
CK_RV hz_soft_aead_failed(void);

/* ---- soft_aead_msg.c ---- */

#define HZ_AEAD_IV_MAX 256u             /* bytes of the longest IV that is made here */

/* One message's parameter, whichever of the three structures it came in. The pointers are the caller's. */
struct hz_aead_msg {
	uint8_t *iv, *tag;
	size_t iv_len, fixed_bits, tag_len;
	CK_GENERATOR_FUNCTION generator;
	uint64_t data_len;
};
/* The parameter of a message for o's algorithm. CKR_MECHANISM_PARAM_INVALID. */
CK_RV hz_aead_msg_read(const struct hz_soft_aead *o, const void *param, CK_ULONG len, struct hz_aead_msg *m);
/* The next IV that m's generator makes under o's key. CKR_MECHANISM_PARAM_INVALID, CKR_KEY_EXHAUSTED. */
CK_RV hz_aead_msg_iv(struct hz_soft_aead *o, const struct hz_aead_msg *m, uint8_t iv[HZ_AEAD_IV_MAX]);

/* begin for HZ_OP_MSG_ENCRYPT and HZ_OP_MSG_DECRYPT. */
CK_RV hz_soft_aead_messages(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op);

#endif
