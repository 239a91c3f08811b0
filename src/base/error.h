/* SPDX-License-Identifier: Apache-2.0 */
/* The reason of the last failure, per thread, next to a return code. */
#ifndef HZ_BASE_ERROR_H
#define HZ_BASE_ERROR_H

#include <stdarg.h>

/*
 * Record why an operation fails and return rv (a CK_RV) unchanged, so that one line does both:
 *     return hz_fail(CKR_ARGUMENTS_BAD, "mechanism is NULL");
 * The text (cut at 255 bytes) is kept for HZ_GetLastError and the log line of the failing call. Never give it a secret.
 */
unsigned long hz_fail(unsigned long rv, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* Text recorded by this thread's last hz_fail, or "". */
const char *hz_error_text(void);

/*
 * At the end of a failing call that answers rv: drop a text that an earlier call or another code left, so that no reason is ever
 * given for the wrong failure. Returns the text that stays, or "".
 */
const char *hz_error_settle(unsigned long rv);

/* Forget it (the guard of an entry does so before the call's work where a stale reason could mislead). */
void hz_error_clear(void);

#endif
