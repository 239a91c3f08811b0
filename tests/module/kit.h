/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests that start with a module that is ready: a token, one key of every kind, and a recipe (parameter, key, input) for every
 * mechanism. */
#ifndef HZ_TESTS_KIT_H
#define HZ_TESTS_KIT_H

#include "p11.h"

/* p11_start and C_Initialize with locking by the system. */
void kit_start(void);
/* C_Finalize, which leaves no secret behind, and p11_end: what main returns. */
int kit_end(void);

/* A token on slot 1, and CKU_USER in it. */
void kit_init_token(void);
void kit_login(CK_SESSION_HANDLE s);
CK_SESSION_HANDLE kit_session(CK_SLOT_ID slot, bool rw);

enum kit_key {
	KEY_AES, KEY_CHACHA, KEY_GENERIC, KEY_HKDF, KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_K256, KEY_ED25519, KEY_ED448,
	KEY_X25519, KEY_X448, KEY_ML_DSA, KEY_ML_KEM, KEY_POAI, KEY_KINDS
};
struct kit_pair {
	CK_OBJECT_HANDLE pub, priv; /* secret keys: both the same */
};
extern const char *const kit_key_names[KEY_KINDS];

/* Generate one with every usage that its type has, extractable and readable; CKR_MECHANISM_INVALID where it is not offered. */
CK_RV kit_generate(CK_SESSION_HANDLE s, enum kit_key kind, bool token, struct kit_pair *out);
/* The same, made once a session and kind. */
struct kit_pair kit_key(CK_SESSION_HANDLE s, enum kit_key kind);

CK_OBJECT_HANDLE kit_aes(CK_SESSION_HANDLE s, const void *value, size_t len);
CK_OBJECT_HANDLE kit_secret(CK_SESSION_HANDLE s, CK_KEY_TYPE kt, const void *value, size_t len);

/* A mechanism with a parameter that works, the kind of key it takes, and an input of a length that it takes. */
struct kit_recipe {
	CK_MECHANISM m;
	enum kit_key key;
	const CK_BYTE *data;
	CK_ULONG len;
	CK_ULONG multiple;          /* input comes in multiples of this (1: any) */
};
/* False for a mechanism that the kit does not know (a test that meets one fails: the kit has to learn it). */
bool kit_recipe(CK_MECHANISM_TYPE type, CK_FLAGS op, struct kit_recipe *r);

/* All mechanisms of a slot; *n is their number. */
CK_MECHANISM_TYPE *kit_mechs(CK_SLOT_ID slot, CK_ULONG *n);
CK_FLAGS kit_flags(CK_SLOT_ID slot, CK_MECHANISM_TYPE type);

bool kit_bool(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE t);
CK_ULONG kit_ulong(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE t);
/* Length of an attribute's value, read into buf. */
CK_ULONG kit_bytes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE t, void *buf, CK_ULONG room);
CK_ULONG kit_count(CK_SESSION_HANDLE s, CK_ATTRIBUTE *tmpl, CK_ULONG n);

extern CK_BBOOL kit_true, kit_false;
#define A_TRUE(t) { t, &kit_true, sizeof kit_true }
#define A_FALSE(t) { t, &kit_false, sizeof kit_false }
#define A_VAL(t, v) { t, &(v), sizeof(v) }
#define A_STR(t, s) { t, (void *)(uintptr_t)(s), sizeof(s) - 1 }
#define N(a) (sizeof(a) / sizeof((a)[0]))

#endif
