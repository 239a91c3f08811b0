/* SPDX-License-Identifier: Apache-2.0 */
/* Is this the build of a sanitizer? */
#ifndef HANZO_TESTS_SANITIZED_H
#define HANZO_TESTS_SANITIZED_H

#include <stdbool.h>
#include <stdlib.h>

static inline bool is_sanitized(void)
{
	const char *which = getenv("HANZO_SANITIZED");

	return which != NULL && *which != '\0';
}

#endif
