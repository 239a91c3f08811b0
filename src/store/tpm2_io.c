/* SPDX-License-Identifier: Apache-2.0 */
/* How commands get to a TPM: the kernel's device, or swtpm's socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "store/tpm2.h"

#define ANSWER_MS 60000 /* slow TPMs take some seconds for a key; with none after a minute there is none */

struct where {
	char path[128]; /* "": address and port */
	struct in_addr host;
	uint16_t port;
	bool device;
};

static bool take_path(struct where *w, const char *p)
{
	size_t n = strlen(p);

	if (p[0] != '/' || n >= sizeof w->path)
		return false;
	memcpy(w->path, p, n + 1);
	return true;
}

static bool take_port(struct where *w, const char *p, size_t n)
{
	unsigned long v = 0;

	if (n == 0 || n > 5 || strspn(p, "0123456789") < n)
		return false;
	for (; n > 0; n--)
		v = v * 10 + (unsigned long)(*p++ - '0');
	w->port = (uint16_t)v;
	return v >= 1 && v <= 65535;
}

static bool take_host(struct where *w, const char *p, size_t n)
{
	char text[16];

	if (n >= sizeof text)
		return false;
	memcpy(text, p, n);
	text[n] = '\0';
	return inet_pton(AF_INET, strcmp(text, "localhost") == 0 ? "127.0.0.1" : text, &w->host) == 1;
}

static bool take_swtpm(struct where *w, const char *p)
{
	if (strncmp(p, "path=", 5) == 0)
		return take_path(w, p + 5);
	while (*p != '\0') {
		size_t n = strcspn(p, ",");
		bool ok = n > 5 && (strncmp(p, "host=", 5) == 0 ? take_host(w, p + 5, n - 5)
								: strncmp(p, "port=", 5) == 0 && take_port(w, p + 5, n - 5));

		if (!ok)
			return false;
		p += n + (p[n] == ',');
	}
	return true;
}

static bool parse(const char *tcti, struct where *w)
{
	*w = (struct where){ .host.s_addr = htonl(INADDR_LOOPBACK), .port = 2321 };
	w->device = tcti[0] == '/' || strncmp(tcti, "device:", 7) == 0;
	if (w->device)
		return take_path(w, tcti[0] == '/' ? tcti : tcti + 7);
	if (strncmp(tcti, "swtpm", 5) != 0)
		return false;
	return tcti[5] == '\0' || (tcti[5] == ':' && take_swtpm(w, tcti + 6));
}

bool hz_tpm2_tcti_ok(const char *tcti)
{
	struct where w;

	return parse(tcti, &w);
}

static CK_RV gone(const char *tcti, const char *what)
{
	return hz_fail(CKR_DEVICE_REMOVED, "no TPM at %s: %s: %s", tcti, what, strerror(errno));
}

static int dial(const struct where *w)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(w->port), .sin_addr = w->host };
	bool local = w->path[0] != '\0';
	int one = 1, fd = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (local && strlen(w->path) < sizeof un.sun_path)
		memcpy(un.sun_path, w->path, strlen(w->path) + 1);
	if (!local)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, local ? (const struct sockaddr *)&un : (const struct sockaddr *)&in, local ? sizeof un : sizeof in) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

CK_RV hz_tpm_io_open(const char *tcti, struct hz_tpm_io *io)
{
	struct where w;

	io->fd = -1;
	if (!parse(tcti, &w))
		return hz_fail(CKR_GENERAL_ERROR, "%s is neither device:PATH nor swtpm:...", tcti);
	io->stream = !w.device;
	io->fd = w.device ? open(w.path, O_RDWR | O_CLOEXEC | O_NOCTTY) : dial(&w);
	if (io->fd >= 0)
		return CKR_OK;
	if (w.device && (errno == EACCES || errno == EPERM))
		return hz_fail(CKR_DEVICE_ERROR, "this process may not open %s (group tss?)", w.path);
	return gone(tcti, w.device ? "open" : "connect");
}

void hz_tpm_io_close(struct hz_tpm_io *io)
{
	if (io->fd >= 0)
		(void)close(io->fd);
	io->fd = -1;
}

static bool put_all(const struct hz_tpm_io *io, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t k = io->stream ? send(io->fd, p, n, MSG_NOSIGNAL) : write(io->fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

static ssize_t get_some(const struct hz_tpm_io *io, uint8_t *p, size_t room)
{
	struct pollfd f = { io->fd, POLLIN, 0 };
	ssize_t k;
	int ready;

	do
		ready = poll(&f, 1, ANSWER_MS);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		errno = ETIMEDOUT;
	if (ready <= 0)
		return -1;
	do
		k = read(io->fd, p, room);
	while (k < 0 && errno == EINTR);
	if (k == 0)
		errno = ECONNRESET;
	return k;
}

/* The header (tag, size, code) says how long an answer is. */
CK_RV hz_tpm_io_run(struct hz_tpm_io *io, const uint8_t *cmd, size_t n, uint8_t *rsp, size_t room, size_t *len)
{
	size_t have = 0, want = 10;

	*len = 0;
	if (!put_all(io, cmd, n))
		return hz_fail(CKR_DEVICE_REMOVED, "the TPM takes no command: %s", strerror(errno));
	while (have < want) {
		ssize_t k = get_some(io, rsp + have, io->stream ? want - have : room - have);

		if (k <= 0)
			return hz_fail(CKR_DEVICE_REMOVED, "the TPM does not answer: %s", strerror(errno));
		have += (size_t)k;
		if (have >= 10)
			want = (size_t)rsp[2] << 24 | (size_t)rsp[3] << 16 | (size_t)rsp[4] << 8 | rsp[5];
		if (want < 10 || want > room || have > want)
			return hz_fail(CKR_DEVICE_ERROR, "the TPM's answer has a wrong length");
	}
	*len = have;
	return CKR_OK;
}
