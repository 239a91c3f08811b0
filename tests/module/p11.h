/* SPDX-License-Identifier: Apache-2.0 */
/* What every test of the built module shares: loading it as an application does, a folder of its own, counting checks. */
#ifndef TESTS_MODULE_P11_H
#define TESTS_MODULE_P11_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hanzo-pkcs11.h"
#include "pkcs11.h"

#define P11_UNUSED __attribute__((unused))
#define P11_TIMEOUT 600 /* seconds after which a test that hangs is killed */

extern CK_FUNCTION_LIST_3_2 *p11; /* the module's newest list */
extern void *p11_handle;          /* the module */
extern char p11_dir[64];          /* the folder */
extern _Atomic int p11_failures;

/* Checks count, from any thread; one that fails says where and goes on. Each is true when all is well. */
#define CHECK(cond) p11_check(__FILE__, __LINE__, #cond, (cond))
#define RV(call, expected) p11_rv(__FILE__, __LINE__, #call, (call), (expected))
#define OK(call) RV(call, CKR_OK)
bool p11_check(const char *file, int line, const char *what, bool ok);
void p11_fail(const char *file, int line, const char *what);
bool p11_rv(const char *file, int line, const char *what, CK_RV rv, CK_RV expected);
/* Words in front of the failures that follow; printf-like. */
void p11_about(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A folder that is home, store (below it) and place of the log: a fresh one, or $P11_DIR, which somebody else removes. HANZO_PKCS11_CONF
 * is the test's own matter. */
void p11_environment(void);
/* dlopen $HANZO_MODULE and take its lists; ends the program where that fails. */
void p11_load(void);
/* Both. */
void p11_start(void);
/* Is there a line with this text in the log? */
bool p11_logged(const char *text);
/* Remove the folder. */
void p11_clean(void);
/* That, and the exit status of a test, which has checked something. */
int p11_end(void);

CK_SESSION_HANDLE p11_open(CK_SLOT_ID slot, CK_FLAGS flags);
CK_RV p11_login(CK_SESSION_HANDLE h, CK_USER_TYPE who, const char *pin);

#define SO_PIN "so-pin-1234"
#define USER_PIN "user-pin-1234"
/* C_InitToken and C_InitPIN on a slot. */
void p11_make_token(CK_SLOT_ID slot, const char *label);

/* Wait for a child and expect that it ended with status 0. */
void p11_wait(pid_t pid);

/* A random number and a digest: the least that shows that a session works. */
CK_RV p11_use(CK_SESSION_HANDLE h);

#endif
