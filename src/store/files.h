/* SPDX-License-Identifier: Apache-2.0 */
/* The directory and the file of a store: made with tight modes, refused where somebody else could have put something there. */
#ifndef HZ_STORE_FILES_H
#define HZ_STORE_FILES_H

#include <sys/stat.h>

#include "store/store_int.h"

/*
 * Look at directory and file before a connection is opened. *exists: the database file is there and not empty. With `create` both
 * are made, parents included (0700, 0600) and synced; then *exists is always true.
 * CKR_DEVICE_ERROR: not a directory, not a regular file, a symbolic link, writable by others, another owner, or cut to nothing;
 * CKR_TOKEN_WRITE_PROTECTED: cannot be made; CKR_DEVICE_MEMORY: no space.
 */
CK_RV hz_files_check(const struct hz_store *s, bool create, bool *exists);

/*
 * The same of a directory alone: with `create` it is made, parents included, and only this user (or root) may be able to change it.
 * *exists: it is there.
 */
CK_RV hz_files_dir(const char *dir, bool create, bool *exists);

/* Can nobody but this user and root change what st tells of? */
bool hz_files_ours(const struct stat *st);
/* Make the entries of a directory durable, where it can be opened for that. */
void hz_files_sync_dir(const char *dir);

/* Can this process write to the directory? */
bool hz_files_writable(const struct hz_store *s);

#endif
