/* SPDX-License-Identifier: Apache-2.0 */
/* The device's PIN from where the configuration says: a file or a variable, never the configuration itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/p11_int.h"
#include "base/error.h"
#include "base/secmem.h"

#define PIN_MAX 255

static CK_RV unreadable(const char *source, const char *why)
{
	return hz_fail(CKR_FUNCTION_FAILED, "pin_source %s: %s", source, why);
}

/* One line end after the PIN is the editor's. */
static size_t without_line_end(const uint8_t *p, size_t n)
{
	if (n > 0 && p[n - 1] == '\n')
		n--;
	return n > 0 && p[n - 1] == '\r' ? n - 1 : n;
}

static CK_RV check_file(int fd, const char *source)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return unreadable(source, "not a regular file");
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return unreadable(source, "belongs to somebody else");
	if ((st.st_mode & (S_IRWXO | S_IWGRP)) != 0)
		return unreadable(source, "readable by others, or writable by its group");
	return CKR_OK;
}

static CK_RV read_file(const char *path, const char *source, uint8_t *buf, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n;
	CK_RV rv;

	if (fd < 0)
		return unreadable(source, strerror(errno));
	rv = check_file(fd, source);
	*len = 0;
	while (rv == CKR_OK && *len <= PIN_MAX + 2) {
		n = read(fd, buf + *len, PIN_MAX + 3 - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rv = unreadable(source, strerror(errno));
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	(void)close(fd);
	return rv;
}

static CK_RV read_variable(const char *name, const char *source, uint8_t *buf, size_t *len)
{
	const char *value = secure_getenv(name);

	if (value == NULL)
		return unreadable(source, "not set");
	*len = strnlen(value, PIN_MAX + 3);
	memcpy(buf, value, *len);
	return CKR_OK;
}

CK_RV hz_p11_pin_read(const char *source, uint8_t **pin, size_t *len)
{
	uint8_t *buf = hz_secmem_alloc(PIN_MAX + 3);
	CK_RV rv;

	if (buf == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of secret memory");
	if (strncmp(source, "env:", 4) == 0)
		rv = read_variable(source + 4, source, buf, len);
	else
		rv = read_file(source + strlen("file:"), source, buf, len);
	if (rv == CKR_OK)
		*len = without_line_end(buf, *len);
	if (rv == CKR_OK && (*len == 0 || *len > PIN_MAX))
		rv = unreadable(source, *len == 0 ? "empty" : "too long for a PIN");
	if (rv == CKR_OK)
		*pin = buf;
	else
		hz_secmem_free(buf);
	return rv;
}
