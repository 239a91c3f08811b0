/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PKCS#11 module that stands between a caller and a real one (SoftHSM2) and does what a script says: everything is real but for the
 * faults. A script is lines of text:
 *
 *   real PATH                 the module behind; only read while none is loaded
 *   pin TEXT                  what the keypad of a protected authentication path enters
 *   feature NAME              protected-path, no-copy, write-protected, read-only-objects, bare-point, bit-string-point, one-by-one,
 *                       kwp (AES key wrap with padding by its number of 3.0, and no AES-GCM)
 *   hide TYPE                 the device has no such attribute
 *   refuse TYPE               templates with the attribute are refused
 *   C_Name N ACTION [VALUE]   at the Nth call since the script was set (*: at every call):
 *     rv CODE                   answer CODE, do nothing
 *     done CODE                 do it, then answer CODE
 *     block                     wait until mock_release
 *     long | short              announce a length or count beyond the truth | below it
 *     stale                     give handles out that mean nothing
 *     sessions                  lose every session first
 *     login                     lose the login first
 *     die                       removed before it does anything, and gone until mock_revive or for VALUE calls
 *     dying                     do it, then be removed
 *
 * The script is the file PATH.conf beside the mock's own file, or what a test that has the mock open sets. Calls of several threads at
 * once are counted and decided under one lock, which is not held while the real module works.
 */
#ifndef HZ_TESTS_MOCK_HSM_H
#define HZ_TESTS_MOCK_HSM_H

#include <stdbool.h>

#include "pkcs11.h"

#define MOCK_PUBLIC __attribute__((visibility("default")))

/* For tests, by dlsym. */
MOCK_PUBLIC bool mock_script(const char *text);            /* replaces the script and starts the counts anew; false: a line is not understood */
MOCK_PUBLIC unsigned long mock_calls(const char *function); /* since then; "": all functions */
MOCK_PUBLIC unsigned long mock_bytes(void);                 /* of data for encryption, decryption, digests, signatures */
MOCK_PUBLIC unsigned long mock_hits(void);                  /* faults that took place */
MOCK_PUBLIC unsigned mock_blocked(void);                    /* calls that wait now */
MOCK_PUBLIC void mock_release(void);
MOCK_PUBLIC void mock_revive(void);

/* ---- between the two files ---- */

#define HZ_FN(since, name, params) MOCK_##name,
enum mock_function {
#include "functions.inc"
	MOCK_FUNCTIONS
};
#undef HZ_FN

enum mock_action { MOCK_NOTHING, MOCK_RV, MOCK_DONE, MOCK_BLOCK, MOCK_LONG, MOCK_SHORT, MOCK_STALE, MOCK_SESSIONS, MOCK_LOGIN, MOCK_DIE, MOCK_DYING };

enum mock_feature {
	MOCK_PROTECTED_PATH, MOCK_NO_COPY, MOCK_WRITE_PROTECTED, MOCK_READ_ONLY_OBJECTS, MOCK_BARE_POINT, MOCK_BIT_STRING_POINT,
	MOCK_ONE_BY_ONE, MOCK_KWP, MOCK_FEATURES
};

extern CK_FUNCTION_LIST *mock_real;

struct mock_hit {
	enum mock_action action;
	unsigned long value;
};

/* Around calls of the real module: it may crash when sessions are closed under calls in them, which is not what is tested. */
void mock_in(void);
void mock_out(void);
/* CKR_OK: call the real module. Otherwise the answer. */
CK_RV mock_before(enum mock_function fn, struct mock_hit *hit);
/* The answer, after the real module gave rv. len: what it announced, first and second: handles that it made; any may be NULL. */
CK_RV mock_after(const struct mock_hit *hit, CK_RV rv, CK_ULONG *len, CK_OBJECT_HANDLE *first, CK_OBJECT_HANDLE *second);
bool mock_has(enum mock_feature feature);
/* Count n bytes of data; gives them back. */
CK_BYTE *mock_data(CK_BYTE *in, CK_ULONG n);
bool mock_hides(CK_ATTRIBUTE_TYPE type);
bool mock_refuses(CK_ATTRIBUTE_TYPE type);
const char *mock_pin(void);
bool mock_gone(void);
bool mock_load(void);

#endif
