/* SPDX-License-Identifier: Apache-2.0 */
/* Directory and file checks. The database is never opened here once it exists: closing it would drop SQLite's POSIX locks. */
#include "store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static CK_RV cannot_make(const char *path, int why)
{
	if (why == ENOSPC || why == EDQUOT)
		return hz_fail(CKR_DEVICE_MEMORY, "%s: %s", path, strerror(why));
	return hz_fail(CKR_TOKEN_WRITE_PROTECTED, "%s cannot be made: %s", path, strerror(why));
}

bool hz_files_ours(const struct stat *st)
{
	return (st->st_uid == geteuid() || st->st_uid == 0) && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Make the entry durable; a directory that cannot be opened for it was made by somebody else long ago. */
void hz_files_sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)fsync(fd);
		(void)close(fd);
	}
}

static void sync_parent(const char *path)
{
	char *copy = strdup(path), *slash = copy != NULL ? strrchr(copy, '/') : NULL;

	if (slash != NULL) {
		slash[slash == copy ? 1 : 0] = '\0';
		hz_files_sync_dir(copy);
	} else {
		hz_files_sync_dir(".");
	}
	free(copy);
}

/* mkdir -p with mode 0700 for what is missing. */
static CK_RV make_dirs(const char *dir)
{
	char *p = strdup(dir);
	CK_RV rv = CKR_OK;

	if (p == NULL)
		return CKR_HOST_MEMORY;
	for (char *at = p + 1; rv == CKR_OK; at++) {
		char c = *at;

		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		if (mkdir(p, 0700) == 0)
			sync_parent(p);
		else if (errno != EEXIST && access(p, F_OK) != 0)
			rv = cannot_make(p, errno);
		*at = c;
		if (c == '\0')
			break;
	}
	free(p);
	return rv;
}

CK_RV hz_files_dir(const char *dir, bool create, bool *exists)
{
	struct stat st;
	int e = stat(dir, &st) == 0 ? 0 : errno;
	CK_RV rv;

	if ((e == ENOENT || e == ENOTDIR) && create) {
		rv = make_dirs(dir);
		if (rv != CKR_OK)
			return rv;
		e = stat(dir, &st) == 0 ? 0 : errno;
	}
	*exists = e == 0;
	if (e == ENOENT)
		return CKR_OK;
	if (e != 0)
		return hz_fail(CKR_DEVICE_ERROR, "store directory %s: %s", dir, strerror(e));
	if (!S_ISDIR(st.st_mode))
		return hz_fail(CKR_DEVICE_ERROR, "store directory %s is not a directory", dir);
	if (!hz_files_ours(&st))
		return hz_fail(CKR_DEVICE_ERROR, "store directory %s belongs to another user or others may write to it", dir);
	return CKR_OK;
}

static CK_RV make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? CKR_OK : cannot_make(path, errno);
	/* We made it just now: no connection of this process has it open, closing it is harmless. */
	(void)fchmod(fd, 0600); /* whatever the umask says */
	(void)close(fd);
	sync_parent(path);
	return CKR_OK;
}

static bool has_bytes(const char *path, const char *suffix)
{
	char *p = NULL;
	struct stat st;
	bool yes;

	if (asprintf(&p, "%s%s", path, suffix) < 0)
		return false;
	yes = lstat(p, &st) == 0 && st.st_size > 0;
	free(p);
	return yes;
}

static CK_RV check_file(const struct hz_store *s, const struct stat *st, bool *exists)
{
	if (S_ISLNK(st->st_mode))
		return hz_fail(CKR_DEVICE_ERROR, "%s is a symbolic link", s->path);
	if (!S_ISREG(st->st_mode))
		return hz_fail(CKR_DEVICE_ERROR, "%s is not a file", s->path);
	if (!hz_files_ours(st))
		return hz_fail(CKR_DEVICE_ERROR, "%s belongs to another user or others may write to it", s->path);
	*exists = st->st_size > 0;
	/*
	 * Empty is what a creator leaves who was killed at once; with a log beside it, it was cut, and SQLite would drop the log. Unless
	 * somebody makes it just now: then it has grown before the log came to be.
	 */
	if (!*exists && has_bytes(s->path, "-wal")) {
		*exists = has_bytes(s->path, "");
		return *exists ? CKR_OK : hz_fail(CKR_DEVICE_ERROR, "%s was truncated", s->path);
	}
	return CKR_OK;
}

CK_RV hz_files_check(const struct hz_store *s, bool create, bool *exists)
{
	struct stat st;
	CK_RV rv;
	int e;

	*exists = false;
	if (s->dir == NULL)
		return create ? hz_fail(CKR_TOKEN_WRITE_PROTECTED, "no directory for the store: no home directory and none configured")
			      : CKR_OK;
	rv = hz_files_dir(s->dir, create, exists);
	if (rv != CKR_OK || !*exists)
		return rv;
	*exists = false;
	e = lstat(s->path, &st) == 0 ? 0 : errno;
	if (e == ENOENT && create) {
		rv = make_file(s->path);
		if (rv != CKR_OK)
			return rv;
		e = lstat(s->path, &st) == 0 ? 0 : errno;
	}
	if (e == ENOENT)
		return CKR_OK;
	if (e != 0)
		return hz_fail(CKR_DEVICE_ERROR, "%s: %s", s->path, strerror(e));
	rv = check_file(s, &st, exists);
	if (rv == CKR_OK && create)
		*exists = true;
	return rv;
}

bool hz_files_writable(const struct hz_store *s)
{
	return s->dir != NULL && faccessat(AT_FDCWD, s->dir, W_OK | X_OK, AT_EACCESS) == 0;
}
