/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates out of PEM files, as attribute sets. */
#ifndef HZ_TOOLS_PEM_H
#define HZ_TOOLS_PEM_H

#include "base/buf.h"
#include "ck/attrs.h"

/*
 * Call fn for each block of a PEM text: a is the object's attribute set (CKA_CLASS, key type, value; private values in secret memory), or
 * NULL with the reason. The set is fn's to change, not to free. passphrase is a PIN source (tool.h) for encrypted keys, asked for once
 * and only when it is needed; NULL: the terminal. Returns the number of blocks; -1: no PEM at all.
 */
typedef void (*pem_fn)(void *state, const char *name, struct hz_attrs *a, const char *why);
long pem_each(const struct hz_buf *text, const char *passphrase, pem_fn fn, void *state);

#endif
