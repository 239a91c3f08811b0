/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes over a local stream socket before a deadline. */
#include "collect/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h> /* wants struct sockaddr */

#include "base/clock.h"

int64_t hz_stream_until(int ms)
{
	return (int64_t)hz_clock_ms(CLOCK_MONOTONIC) + ms;
}

/* Wait until the socket is ready, at most up to the deadline. */
static bool ready(int fd, short events, int64_t until)
{
	struct pollfd p = { fd, events, 0 };
	int64_t left;

	while ((left = until - (int64_t)hz_clock_ms(CLOCK_MONOTONIC)) > 0) {
		int n = poll(&p, 1, (int)left);

		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
	errno = ETIMEDOUT;
	return false;
}

/* The socket is given away, or closed without losing errno. */
static int keep(int fd, bool ok)
{
	int error = errno;

	if (ok || fd < 0)
		return fd;
	(void)close(fd);
	errno = error;
	return -1;
}

int hz_stream_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return keep(fd, fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0); /* a full queue fails at once: EAGAIN */
}

static bool connected(int fd, int64_t until)
{
	int error = 0;
	socklen_t n = sizeof error;

	if (errno != EINPROGRESS || !ready(fd, POLLOUT, until) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		return false;
	errno = error;
	return error == 0;
}

int hz_stream_host(unsigned port, int64_t until)
{
	struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_port = port, .svm_cid = VMADDR_CID_HOST };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return keep(fd, fd >= 0 && (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 || connected(fd, until)));
}

bool hz_stream_send(int fd, const void *p, size_t n, int64_t until)
{
	const uint8_t *at = p;

	while (n > 0) {
		ssize_t k = ready(fd, POLLOUT, until) ? send(fd, at, n, MSG_NOSIGNAL) : -1;

		if (k < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		at += k > 0 ? k : 0;
		n -= k > 0 ? (size_t)k : 0;
	}
	return true;
}

ssize_t hz_stream_some(int fd, void *p, size_t room, int64_t until)
{
	for (;;) {
		ssize_t n = ready(fd, POLLIN, until) ? recv(fd, p, room, 0) : -1;

		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return n;
	}
}

bool hz_stream_exactly(int fd, void *p, size_t n, int64_t until)
{
	uint8_t *at = p;

	while (n > 0) {
		ssize_t k = hz_stream_some(fd, at, n, until);

		if (k == 0)
			errno = ECONNRESET;
		if (k <= 0)
			return false;
		at += k;
		n -= (size_t)k;
	}
	return true;
}
