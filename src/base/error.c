/* SPDX-License-Identifier: Apache-2.0 */
/* The reason of the last failure, one text per thread. */
#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

static _Thread_local char error_text[256];
static _Thread_local unsigned long error_rv;
static _Thread_local bool error_fresh; /* recorded since the last failing call was settled */

unsigned long hz_fail(unsigned long rv, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(error_text, sizeof error_text, fmt, ap) < 0)
		error_text[0] = '\0';
	va_end(ap);
	error_rv = rv;
	error_fresh = true;
	errno = saved;
	return rv;
}

const char *hz_error_text(void)
{
	return error_text;
}

const char *hz_error_settle(unsigned long rv)
{
	if (!error_fresh || error_rv != rv)
		error_text[0] = '\0';
	error_fresh = false;
	return error_text;
}

void hz_error_clear(void)
{
	error_text[0] = '\0';
}
