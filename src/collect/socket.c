/* SPDX-License-Identifier: Apache-2.0 */
/* The collector "socket": an agent on this machine that answers over a Unix socket; one question a connection. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "collect/collect_int.h"

#define DEADLINE_MS 10000

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static CK_RV probe(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return hz_collect_errno("evidence agent", path, errno);
	return S_ISSOCK(st.st_mode) ? CKR_OK : hz_fail(CKR_DEVICE_REMOVED, "evidence agent %s: not a socket", path);
}

/* Wait until the socket is ready, at most up to the deadline. */
static bool ready(int fd, short events, int64_t until)
{
	struct pollfd p = { fd, events, 0 };
	int64_t left;

	while ((left = until - now_ms()) > 0) {
		int n = poll(&p, 1, (int)left);

		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
	errno = ETIMEDOUT;
	return false;
}

static bool open_socket(const char *path, int *fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	*fd = -1;
	if (strlen(path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *fd >= 0 && connect(*fd, (const struct sockaddr *)&a, sizeof a) == 0; /* a full queue fails at once: EAGAIN */
}

static bool send_all(int fd, const struct hz_buf *b, int64_t until)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = ready(fd, POLLOUT, until) ? send(fd, b->p + at, b->len - at, MSG_NOSIGNAL) : -1;

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		at += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool receive_all(int fd, struct hz_buf *out, int64_t until)
{
	uint8_t chunk[8192];

	for (;;) {
		ssize_t n = ready(fd, POLLIN, until) ? recv(fd, chunk, sizeof chunk, 0) : -1;

		if (n == 0)
			return true;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n > 0)
			hz_buf_add(out, chunk, (size_t)n);
		if (out->failed || out->len > HZ_BUNDLE_MAX) {
			errno = EFBIG;
			return false;
		}
	}
}

static CK_RV bundle(const char *path, const struct hz_collect_ask *ask, struct hz_buf *out)
{
	struct hz_buf q = HZ_BUF_INIT;
	int64_t until = now_ms() + DEADLINE_MS;
	int fd;
	CK_RV rv = CKR_OK;

	hz_buf_str(&q, "{\"hanzo_collect\":1,\"challenge\":\"");
	hz_put_b64(&q, ask->challenge, ask->challenge_len);
	if (ask->key_len != 0) {
		hz_buf_str(&q, "\",\"key\":\"");
		hz_put_b64(&q, ask->key, ask->key_len);
	}
	hz_buf_str(&q, "\"}\n");
	if (q.failed)
		rv = CKR_HOST_MEMORY;
	else if (!open_socket(path, &fd) || !send_all(fd, &q, until) || !receive_all(fd, out, until))
		rv = hz_collect_errno("evidence agent", path, errno);
	if (!q.failed && fd >= 0)
		(void)close(fd);
	hz_buf_free(&q);
	return rv;
}

const struct hz_collector hz_collect_socket = { "socket", NULL, false, probe, bundle, NULL };
