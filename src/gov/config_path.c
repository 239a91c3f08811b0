/* SPDX-License-Identifier: Apache-2.0 */
/* Where files are: the configuration that wins, the store, and the log that the environment asks for. */
#include "gov/config_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define PATH_MAX_BYTES 4096u

/* An environment variable with a value; set-id programs have none. */
static const char *env(const char *name)
{
	const char *v = secure_getenv(name);

	return v != NULL && v[0] != '\0' ? v : NULL;
}

static char *join(const char *dir, const char *rest)
{
	char *out = NULL;

	return asprintf(&out, "%s/%s", dir, rest) >= 0 ? out : NULL;
}

/* $XDG_x/rest or $HOME/below/rest; relative folders do not count (XDG base directory specification). *out NULL: neither is set. */
static CK_RV user_path(char **out, const char *xdg, const char *below, const char *rest)
{
	const char *base = env(xdg), *home = env("HOME");
	char *dir = NULL;

	*out = NULL;
	if (base != NULL && base[0] == '/')
		*out = join(base, rest);
	else if (home != NULL && home[0] == '/' && (dir = join(home, below)) != NULL)
		*out = join(dir, rest);
	else if (dir == NULL && (home == NULL || home[0] != '/'))
		return CKR_OK;
	free(dir);
	return *out != NULL ? CKR_OK : hz_fail(CKR_HOST_MEMORY, "no memory for a path");
}

char *hz_conf_store_default(void)
{
	char *dir = NULL;
	struct stat st;

	if (geteuid() == 0)
		return strdup("/var/lib/hanzo-pkcs11");
	if (user_path(&dir, "XDG_DATA_HOME", ".local/share", "hanzo-pkcs11") != CKR_OK)
		return NULL;
	/* A service that gave up root often still has root's home in its environment: no home of its own. */
	if (dir != NULL && stat(dir, &st) != 0 && errno == EACCES) {
		free(dir);
		dir = NULL;
	}
	return dir != NULL ? dir : strdup("/nonexistent/hanzo-pkcs11");
}

CK_RV hz_conf_store_env(char **out)
{
	const char *dir = env("HANZO_PKCS11_STORE");
	char cwd[PATH_MAX_BYTES];

	*out = NULL;
	if (dir == NULL)
		return CKR_OK;
	if (dir[0] != '/' && getcwd(cwd, sizeof cwd) == NULL)
		return hz_fail(CKR_GENERAL_ERROR, "HANZO_PKCS11_STORE: %s is relative and there is no working directory", dir);
	*out = dir[0] == '/' ? strdup(dir) : join(cwd, dir);
	return *out != NULL ? CKR_OK : hz_fail(CKR_HOST_MEMORY, "no memory for a path");
}

CK_RV hz_conf_log_env(struct hz_config *c)
{
	const char *v = env("HANZO_PKCS11_LOG");

	if (v == NULL)
		return CKR_OK;
	if (strncmp(v, "debug", 5) == 0 && (v[5] == '\0' || v[5] == ',')) {
		c->log_debug = true;
		v += v[5] == ',' ? 6 : 5;
	}
	if (v[0] == '\0')
		return CKR_OK;
	c->log_env = strdup(v);
	return c->log_env != NULL ? CKR_OK : hz_fail(CKR_HOST_MEMORY, "no memory for a path");
}

/* Nobody but root and ourselves may have a say in what the file says. */
static CK_RV check_owner(const char *path, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return hz_fail(CKR_GENERAL_ERROR, "%s: not a regular file", path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return hz_fail(CKR_GENERAL_ERROR, "%s: belongs to user %u, neither root nor us", path, (unsigned)st->st_uid);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return hz_fail(CKR_GENERAL_ERROR, "%s: others may write it (mode %03o)", path, (unsigned)st->st_mode & 0777);
	return CKR_OK;
}

static CK_RV read_all(int fd, const char *path, size_t max, char **text, size_t *len)
{
	char *p = malloc(max + 1);
	size_t n = 0;
	ssize_t got = 1;

	if (p == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no memory for %s", path);
	while (n <= max && got != 0) {
		got = read(fd, p + n, max + 1 - n);
		if (got < 0 && errno != EINTR)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	if (got < 0 || n > max) {
		free(p);
		return got < 0 ? hz_fail(CKR_GENERAL_ERROR, "%s: %s", path, strerror(errno))
			       : hz_fail(CKR_GENERAL_ERROR, "%s: longer than %zu bytes", path, max);
	}
	*text = p;
	*len = n;
	return CKR_OK;
}

/* *text stays NULL when there is no such file and none is demanded. A file behind a folder that we may not enter does not exist for us. */
static CK_RV read_file(const char *path, bool demanded, size_t max, char **text, size_t *len)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	CK_RV rv;

	if (fd < 0 && !demanded && (errno == ENOENT || errno == ENOTDIR || (errno == EACCES && stat(path, &st) != 0)))
		return CKR_OK;
	if (fd < 0)
		return hz_fail(CKR_GENERAL_ERROR, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0)
		rv = hz_fail(CKR_GENERAL_ERROR, "%s: %s", path, strerror(errno));
	else
		rv = check_owner(path, &st);
	if (rv == CKR_OK)
		rv = read_all(fd, path, max, text, len);
	(void)close(fd);
	return rv;
}

CK_RV hz_conf_file(const char *path, size_t max, char **text, size_t *len)
{
	*text = NULL;
	*len = 0;
	return read_file(path, true, max, text, len);
}

/* "conf=PATH" in printable characters; the caller's pointer may lead to anything that is not that, so no more is read than needed. */
static CK_RV reserved_path(const char *reserved, const char **path)
{
	static const char tag[] = "conf=";
	size_t i = 0;

	for (; i < sizeof tag - 1; i++)
		if (reserved[i] != tag[i])
			return hz_fail(CKR_ARGUMENTS_BAD, "pReserved is neither NULL nor \"conf=PATH\"");
	for (; reserved[i] != '\0'; i++)
		if (i >= PATH_MAX_BYTES || reserved[i] < 0x20 || reserved[i] > 0x7e)
			return hz_fail(CKR_ARGUMENTS_BAD, "the path in pReserved is too long or not printable");
	if (i == sizeof tag - 1)
		return hz_fail(CKR_ARGUMENTS_BAD, "pReserved names no file");
	*path = reserved + sizeof tag - 1;
	return CKR_OK;
}

/* Try one file; keeps the path when it is the one. */
static CK_RV try_file(const char *name, bool demanded, char **path, char **text, size_t *len)
{
	CK_RV rv = read_file(name, demanded, HZ_CONF_MAX, text, len);

	if (rv != CKR_OK || *text == NULL)
		return rv;
	*path = strdup(name);
	return *path != NULL ? CKR_OK : hz_fail(CKR_HOST_MEMORY, "no memory for a path");
}

static CK_RV try_usual(char **path, char **text, size_t *len)
{
	char *user = NULL;
	CK_RV rv = user_path(&user, "XDG_CONFIG_HOME", ".config", "hanzo/pkcs11.conf");

	if (rv == CKR_OK && user != NULL)
		rv = try_file(user, false, path, text, len);
	free(user);
	if (rv == CKR_OK && *text == NULL)
		rv = try_file(HZ_SYSCONFDIR "/hanzo/pkcs11.conf", false, path, text, len);
	return rv;
}

CK_RV hz_conf_read(const char *reserved, char **path, char **text, size_t *len)
{
	const char *named = NULL;
	CK_RV rv = CKR_OK;

	*path = *text = NULL;
	*len = 0;
	if (reserved != NULL)
		rv = reserved_path(reserved, &named);
	else
		named = env("HANZO_PKCS11_CONF");
	if (rv == CKR_OK)
		rv = named != NULL ? try_file(named, true, path, text, len) : try_usual(path, text, len);
	return rv;
}
