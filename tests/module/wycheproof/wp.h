/* SPDX-License-Identifier: Apache-2.0 */
/* Wycheproof through C_* calls: what the families of cases share. */
#ifndef HZ_TESTS_WYCHEPROOF_H
#define HZ_TESTS_WYCHEPROOF_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"

struct wp {
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE s;
	const char *file;
	CK_OBJECT_HANDLE group_key; /* made by the group's first case, kept for the next groups with the same key */
	CK_RV group_rv;             /* why there is none */
	bool group_tried;
	unsigned passed, failed, not_offered; /* not offered: a size or hash that the module does not advertise, or a form that is no PKCS#11 input */
};

struct wp_bytes {
	uint8_t *p; /* malloc'ed, never NULL */
	size_t n;
};

/* Hexadecimal member of a JSON object; an absent one is empty. */
struct wp_bytes wp_hex(struct json_object *o, const char *key);
const char *wp_str(struct json_object *o, const char *key);
int wp_int(struct json_object *o, const char *key);
struct json_object *wp_get(struct json_object *o, const char *key);

/* "valid", "invalid", anything else is acceptable either way. */
bool wp_valid(struct json_object *tc);
bool wp_invalid(struct json_object *tc);

/* Count the case: `ok` false prints it with the code that came. */
void wp_result(struct wp *w, struct json_object *tc, bool ok, CK_RV rv, const char *what);
bool wp_one_of(CK_RV rv, const CK_RV *codes, size_t n);

/* A session object from a template; CK_INVALID_HANDLE when refused (code in *rv). */
CK_OBJECT_HANDLE wp_create(struct wp *w, CK_ATTRIBUTE *t, CK_ULONG n, CK_RV *rv);
CK_OBJECT_HANDLE wp_secret(struct wp *w, CK_KEY_TYPE kt, struct wp_bytes value, CK_RV *rv);

/* Hash by Wycheproof's name. False when PKCS#11 has none for it. */
bool wp_hash(const char *name, CK_MECHANISM_TYPE *hash, CK_RSA_PKCS_MGF_TYPE *mgf, CK_ULONG *len);

typedef void (*wp_family)(struct wp *w, struct json_object *group, struct json_object *tc);
void wp_cbc_pad(struct wp *w, struct json_object *group, struct json_object *tc);
void wp_gcm(struct wp *w, struct json_object *group, struct json_object *tc);
void wp_ccm(struct wp *w, struct json_object *group, struct json_object *tc);
void wp_mac(struct wp *w, struct json_object *group, struct json_object *tc);
void wp_wrap(struct wp *w, struct json_object *group, struct json_object *tc);
void wp_hkdf(struct wp *w, struct json_object *group, struct json_object *tc);
void wp_ecdsa(struct wp *w, struct json_object *group, struct json_object *tc);
void wp_ecdh(struct wp *w, struct json_object *group, struct json_object *tc);
void wp_eddsa(struct wp *w, struct json_object *group, struct json_object *tc);
void wp_rsa_verify(struct wp *w, struct json_object *group, struct json_object *tc);
void wp_rsa_decrypt(struct wp *w, struct json_object *group, struct json_object *tc);

#endif
