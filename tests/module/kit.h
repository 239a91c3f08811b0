/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the built module share: loading it as an application does, a token in a folder of its own, counting checks,
 * one key of every kind, and a recipe (parameter, key, input) for every mechanism.
 */
#ifndef HZ_TESTS_KIT_H
#define HZ_TESTS_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hanzo-pkcs11.h"
#include "pkcs11.h"

extern CK_FUNCTION_LIST_3_2 *F;

/* Checks count; a failed one prints where and goes on. */
void kit_check(bool ok, const char *file, int line, const char *what);
void kit_rv(CK_RV got, CK_RV want, const char *file, int line, const char *what);
#define CHECK(c) kit_check((c), __FILE__, __LINE__, #c)
#define IS(call, want) kit_rv((call), (want), __FILE__, __LINE__, #call)
#define OK(call) IS(call, CKR_OK)
/* A line in front of the failures that follow; printf-like. */
void kit_about(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints the totals; what main returns. */
int kit_result(void);

/* Load $HANZO_MODULE, put its store into a fresh folder (or the one that $KIT_STORE names), C_Initialize. */
void kit_start(void);
/* C_Finalize and remove the folder. */
void kit_end(void);
const char *kit_store(void);

#define KIT_SO "so-pin-1234"
#define KIT_PIN "user-pin-1234"
/* C_InitToken and C_InitPIN on slot 1. */
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
