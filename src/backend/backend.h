/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind a slot: one vtable for software keys, another HSM, or a key service. */
#ifndef HZ_BACKEND_BACKEND_H
#define HZ_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/op.h"
#include "base/buf.h"
#include "ck/attrs.h"
#include "ck/mech.h"
#include "hanzo-pkcs11.h"

/* A token object's persistent number: never 0, never given twice, below 2^55 (object handles keep it in their upper bits). */
typedef uint64_t hz_oid;

/* A key made ready for use: immutable, shared between threads and operations. */
struct hz_key;

/* One mechanism as this backend offers it now. */
struct hz_mech_row {
	CK_MECHANISM_TYPE type;
	CK_MECHANISM_INFO info;
	CK_KEY_TYPE key_types[3];  /* key types it takes (or makes); HZ_NO_KEY_TYPE pads */
	CK_OBJECT_CLASS made_class; /* for generation and derivation: the class made, else HZ_NO_KEY_TYPE */
};
#define HZ_NO_KEY_TYPE ((CK_ULONG)-1)
#define HZ_ANY_KEY_TYPE ((CK_ULONG)-2) /* in key_types[0]: any secret key */

/* Facts of the token that C_GetTokenInfo and the login rules need. */
struct hz_token_state {
	bool present, initialised, user_pin_set, write_protected;
	bool user_pin_locked, user_pin_final_try, user_pin_count_low;
	bool so_pin_locked, so_pin_final_try, so_pin_count_low;
	bool keypad;                /* the user's PIN may be entered at the device: login, init_pin, set_pin and check_pin take NULL for it */
	CK_UTF8CHAR label[32];      /* blank-padded */
};

/*
 * Backend-made attribute (never shown to a caller): an opaque reference to a key that lives elsewhere, which insert and
 * key_open of the same backend understand.
 */
#define HZ_CKA_REF (CKA_HANZO_BASE | 0xFFUL)

struct hz_backend;

/*
 * Every call may come from several threads at once and is made without any lock of the floors above. CK_RV as PKCS#11 would have
 * it at the calling C_* function; the reason through hz_fail. NULL entries: CKR_FUNCTION_NOT_SUPPORTED.
 */
struct hz_backend_ops {
	const char *name;
	void (*close)(struct hz_backend *be);   /* end and free; secrets wiped */
	void (*abandon)(struct hz_backend *be); /* in a forked child: drop what was inherited without talking to anybody */

	/* Is what stands behind the slot there? NULL: always. Quick while it is; else at most one try a second. */
	bool (*present)(struct hz_backend *be);

	/* The token. PINs are in secret memory. */
	CK_RV (*token_state)(struct hz_backend *be, struct hz_token_state *st);
	bool (*read_only)(struct hz_backend *be); /* is the token write-protected, so that no R/W session opens? NULL: never */
	CK_RV (*init_token)(struct hz_backend *be, const uint8_t *so_pin, size_t len, const CK_UTF8CHAR label[32]);
	CK_RV (*init_pin)(struct hz_backend *be, const uint8_t *pin, size_t len); /* while the SO is logged in */
	CK_RV (*set_pin)(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *old, size_t old_len, const uint8_t *pin, size_t len);
	CK_RV (*login)(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *pin, size_t len); /* opens private objects */
	CK_RV (*check_pin)(struct hz_backend *be, CK_USER_TYPE who, const uint8_t *pin, size_t len); /* CKU_CONTEXT_SPECIFIC: as login, state unchanged */
	void (*logout)(struct hz_backend *be);

	/* HMAC-SHA256 under a key that a login releases, derived for `purpose`. False: nobody is logged in. NULL: there is no such key. */
	bool (*vouch)(struct hz_backend *be, const char *purpose, const void *data, size_t len, uint8_t mac[32]);

	/* hz_store_keep, hz_store_kept (store/store.h): a value that a login leaves for later ones. NULL where vouch is. */
	CK_RV (*keep)(struct hz_backend *be, const uint8_t *p, size_t n);
	CK_RV (*kept)(struct hz_backend *be, uint8_t *p, size_t *n);

	/* Token objects. */
	uint64_t (*generation)(struct hz_backend *be); /* a memory read; differs after any process changed any object or PIN */
	/* Numbers of the objects that match (malloc'ed, ascending); private ones only when `private_too`. */
	CK_RV (*find)(struct hz_backend *be, const struct hz_attrs *tmpl, bool private_too, hz_oid **ids, size_t *n);
	/* All attributes, secrets included once logged in. CKR_OBJECT_HANDLE_INVALID: gone. *checked: the row was authenticated. */
	CK_RV (*load)(struct hz_backend *be, hz_oid id, struct hz_attrs *out, bool *checked);
	CK_RV (*insert)(struct hz_backend *be, const struct hz_attrs *const sets[], size_t n, hz_oid *ids); /* all or none, durable */
	/* Replace all attributes by what `edit` makes of them; durable. No change that another process makes meanwhile is lost: edit runs again on the new state. */
	CK_RV (*update)(struct hz_backend *be, hz_oid id, hz_edit_fn edit, void *arg);
	CK_RV (*destroy)(struct hz_backend *be, hz_oid id);
	/*
	 * A session object whose set has HZ_CKA_REF came to be, or ended: several may stand for one thing elsewhere, which ends with the
	 * last of them. NULL: nothing to count.
	 */
	void (*hold)(struct hz_backend *be, const struct hz_attrs *set);
	void (*release)(struct hz_backend *be, const struct hz_attrs *set);

	/* Mechanisms: NULL when not offered now. The list is in ascending order and always the same. */
	const struct hz_mech_row *(*mech)(struct hz_backend *be, CK_MECHANISM_TYPE type);
	size_t (*mech_list)(struct hz_backend *be, CK_MECHANISM_TYPE *out, size_t room); /* returns the full count */

	/* Keys. `id` is 0 for session objects. Values are checked here (point on curve, lengths): CKR_ATTRIBUTE_VALUE_INVALID. */
	CK_RV (*key_open)(struct hz_backend *be, const struct hz_attrs *attrs, hz_oid id, struct hz_key **key);
	void (*key_free)(struct hz_backend *be, struct hz_key *key);
	/* Complete what a created object lacks (CKA_EC_POINT forms, CKA_PUBLIC_KEY_INFO, CKA_CHECK_VALUE, RSA components, CKA_VALUE_LEN, CKA_HANZO_ADDRESS) and validate it. */
	CK_RV (*complete)(struct hz_backend *be, struct hz_attrs *attrs);

	/* Operations. kind MSG_* for C_Message*Init. key is NULL for digests. m is not kept. */
	CK_RV (*op_begin)(struct hz_backend *be, enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op);

	/* Key management. The sets are complete but for values; values are added (secret memory). */
	CK_RV (*generate)(struct hz_backend *be, const struct hz_mech *m, struct hz_attrs *secret);
	CK_RV (*generate_pair)(struct hz_backend *be, const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv);
	CK_RV (*derive)(struct hz_backend *be, const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made);
	CK_RV (*wrap)(struct hz_backend *be, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out);
	/* Length of wrap's result (an upper bound) without doing it. */
	CK_RV (*wrap_len)(struct hz_backend *be, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len);
	CK_RV (*unwrap)(struct hz_backend *be, const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len, struct hz_attrs *made);
	CK_RV (*encapsulate)(struct hz_backend *be, const struct hz_mech *m, struct hz_key *pub, struct hz_buf *ct, struct hz_attrs *made);
	CK_RV (*encapsulate_len)(struct hz_backend *be, const struct hz_mech *m, struct hz_key *pub, size_t *len);
	CK_RV (*decapsulate)(struct hz_backend *be, const struct hz_mech *m, struct hz_key *priv, const uint8_t *ct, size_t len, struct hz_attrs *made);

	CK_RV (*random)(struct hz_backend *be, uint8_t *out, size_t n);
	CK_RV (*seed)(struct hz_backend *be, const uint8_t *in, size_t n);
};

struct hz_backend {
	const struct hz_backend_ops *ops;
};

#endif
