/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a verification of evidence looks at, for the commands that verify some. */
#ifndef HZ_TOOLS_EVIDENCE_H
#define HZ_TOOLS_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hanzo-attest.h"

enum { EVIDENCE_FILES = 160 };

/* Blocks of memory that an input of the library borrows; all zero at first. */
struct evidence {
	void *held[EVIDENCE_FILES];
	size_t n;
};
void evidence_free(struct evidence *e);

/* A block of at least one byte; NULL where there are too many, or no memory. */
void *evidence_hold(struct evidence *e, size_t room);
/* The whole file, up to 1 MiB; NULL after a message. */
void *evidence_file(struct evidence *e, const char *path, size_t *len);

/* Add to an input: a file of certificates; every file of a folder but hidden ones. False after a message, or without memory. */
bool evidence_certs(struct evidence *e, hz_attest_input *in, const char *path);
bool evidence_collateral(struct evidence *e, hz_attest_input *in, const char *folder);

/* YYYY-MM-DDTHH:MM:SSZ, a moment that exists, in Unix seconds. */
bool evidence_time(const char *text, int64_t *out);
/* The policy in a file, or the reference policy for NULL. NULL after a message. */
hz_attest_policy *evidence_policy(struct evidence *e, const char *path);

#endif
