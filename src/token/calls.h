/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the C_* entries of objects, operations and keys call, each with its session entered and locked. Arguments are the
 * caller's own pointers: checked and read here, templates and parameters once. Codes are those of the C_* function of the same name.
 */
#ifndef HZ_TOKEN_CALLS_H
#define HZ_TOKEN_CALLS_H

#include "token/op.h"

/* object_ops.c */
CK_RV hz_create_object(struct hz_session *s, const CK_ATTRIBUTE *tmpl, CK_ULONG count, CK_OBJECT_HANDLE *out);
CK_RV hz_copy_object(struct hz_session *s, CK_OBJECT_HANDLE h, const CK_ATTRIBUTE *tmpl, CK_ULONG count, CK_OBJECT_HANDLE *out);
CK_RV hz_destroy_object(struct hz_session *s, CK_OBJECT_HANDLE h);
CK_RV hz_object_size(struct hz_session *s, CK_OBJECT_HANDLE h, CK_ULONG *size);
CK_RV hz_get_attributes(struct hz_session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE *tmpl, CK_ULONG count);
CK_RV hz_set_attributes(struct hz_session *s, CK_OBJECT_HANDLE h, const CK_ATTRIBUTE *tmpl, CK_ULONG count);

/* find.c: a snapshot is taken at init; what ends meanwhile is still listed, as a handle of nothing. */
CK_RV hz_find_init(struct hz_session *s, const CK_ATTRIBUTE *tmpl, CK_ULONG count);
CK_RV hz_find_next(struct hz_session *s, CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *n);
CK_RV hz_find_final(struct hz_session *s);
void hz_find_drop(struct hz_session *s);

/* op_crypt.c: kind HZ_OP_ENCRYPT or HZ_OP_DECRYPT. */
CK_RV hz_crypt(struct hz_session *s, enum hz_op_kind kind, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV hz_crypt_update(struct hz_session *s, enum hz_op_kind kind, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV hz_crypt_final(struct hz_session *s, enum hz_op_kind kind, CK_BYTE *out, CK_ULONG *out_len);

/* op_sign.c; hz_sign and hz_verify_recover also serve the recover kinds. */
CK_RV hz_sign(struct hz_session *s, enum hz_op_kind kind, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig, CK_ULONG *sig_len);
CK_RV hz_sign_update(struct hz_session *s, const CK_BYTE *in, CK_ULONG len);
CK_RV hz_sign_final(struct hz_session *s, CK_BYTE *sig, CK_ULONG *sig_len);
CK_RV hz_verify(struct hz_session *s, const CK_BYTE *in, CK_ULONG len, const CK_BYTE *sig, CK_ULONG sig_len);
CK_RV hz_verify_update(struct hz_session *s, const CK_BYTE *in, CK_ULONG len);
CK_RV hz_verify_final(struct hz_session *s, const CK_BYTE *sig, CK_ULONG sig_len);
CK_RV hz_verify_recover(struct hz_session *s, const CK_BYTE *sig, CK_ULONG sig_len, CK_BYTE *data, CK_ULONG *data_len);
/* 3.2: the signature comes first. */
CK_RV hz_verify_signature_init(struct hz_session *s, const CK_MECHANISM *mech, CK_OBJECT_HANDLE key, const CK_BYTE *sig, CK_ULONG sig_len);
CK_RV hz_verify_signature(struct hz_session *s, const CK_BYTE *in, CK_ULONG len);
CK_RV hz_verify_signature_update(struct hz_session *s, const CK_BYTE *in, CK_ULONG len);
CK_RV hz_verify_signature_final(struct hz_session *s);

/* op_digest.c */
CK_RV hz_digest(struct hz_session *s, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV hz_digest_update(struct hz_session *s, const CK_BYTE *in, CK_ULONG len);
CK_RV hz_digest_key(struct hz_session *s, CK_OBJECT_HANDLE key);
CK_RV hz_digest_final(struct hz_session *s, CK_BYTE *out, CK_ULONG *out_len);
CK_RV hz_state_save(struct hz_session *s, CK_BYTE *out, CK_ULONG *out_len);
CK_RV hz_state_restore(struct hz_session *s, const CK_BYTE *in, CK_ULONG len, CK_OBJECT_HANDLE enc_key, CK_OBJECT_HANDLE auth_key);

/* op_message.c: kind HZ_OP_MSG_ENCRYPT or HZ_OP_MSG_DECRYPT. */
CK_RV hz_message(struct hz_session *s, enum hz_op_kind kind, void *param, CK_ULONG param_len, const CK_BYTE *aad, CK_ULONG aad_len,
		 const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV hz_message_begin(struct hz_session *s, enum hz_op_kind kind, void *param, CK_ULONG param_len, const CK_BYTE *aad, CK_ULONG aad_len);
CK_RV hz_message_next(struct hz_session *s, enum hz_op_kind kind, void *param, CK_ULONG param_len, const CK_BYTE *in, CK_ULONG len,
		      CK_BYTE *out, CK_ULONG *out_len, CK_FLAGS flags);
CK_RV hz_message_final(struct hz_session *s, enum hz_op_kind kind);

/* op_dual.c: `first` HZ_OP_DIGEST or HZ_OP_SIGN with encryption, HZ_OP_DIGEST or HZ_OP_VERIFY with decryption. */
CK_RV hz_dual_encrypt(struct hz_session *s, enum hz_op_kind other, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV hz_dual_decrypt(struct hz_session *s, enum hz_op_kind other, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);

/* keygen.c */
CK_RV hz_generate_key(struct hz_session *s, const CK_MECHANISM *mech, const CK_ATTRIBUTE *tmpl, CK_ULONG count, CK_OBJECT_HANDLE *key);
CK_RV hz_generate_pair(struct hz_session *s, const CK_MECHANISM *mech, const CK_ATTRIBUTE *pub, CK_ULONG npub,
		       const CK_ATTRIBUTE *priv, CK_ULONG npriv, CK_OBJECT_HANDLE *hpub, CK_OBJECT_HANDLE *hpriv);
/* wrap.c */
CK_RV hz_wrap_key(struct hz_session *s, const CK_MECHANISM *mech, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key,
		  CK_BYTE *out, CK_ULONG *out_len);
CK_RV hz_unwrap_key(struct hz_session *s, const CK_MECHANISM *mech, CK_OBJECT_HANDLE unwrapping, const CK_BYTE *in, CK_ULONG len,
		    const CK_ATTRIBUTE *tmpl, CK_ULONG count, CK_OBJECT_HANDLE *key);
/* derive.c: key may be NULL for mechanisms that say so (none of ours: CKR_ARGUMENTS_BAD). */
CK_RV hz_derive_key(struct hz_session *s, const CK_MECHANISM *mech, CK_OBJECT_HANDLE base, const CK_ATTRIBUTE *tmpl, CK_ULONG count,
		    CK_OBJECT_HANDLE *key);
/* kem.c */
CK_RV hz_encapsulate(struct hz_session *s, const CK_MECHANISM *mech, CK_OBJECT_HANDLE pub, const CK_ATTRIBUTE *tmpl, CK_ULONG count,
		     CK_BYTE *ct, CK_ULONG *ct_len, CK_OBJECT_HANDLE *key);
CK_RV hz_decapsulate(struct hz_session *s, const CK_MECHANISM *mech, CK_OBJECT_HANDLE priv, const CK_ATTRIBUTE *tmpl, CK_ULONG count,
		     const CK_BYTE *ct, CK_ULONG ct_len, CK_OBJECT_HANDLE *key);

#endif
