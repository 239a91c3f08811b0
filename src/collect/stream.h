/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes over a local stream socket before a deadline. The sockets do not block; errno says why something failed. */
#ifndef HZ_COLLECT_STREAM_H
#define HZ_COLLECT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* So many milliseconds from now, as the other calls want it. */
int64_t hz_stream_until(int ms);

/* A connected socket that no child inherits, or -1: a Unix socket's path, or a port of the host that this is a guest of (vsock). */
int hz_stream_unix(const char *path);
int hz_stream_host(unsigned port, int64_t until);

bool hz_stream_send(int fd, const void *p, size_t n, int64_t until);
/* What has come, at most room bytes; 0: the end; -1: an error, or the deadline. */
ssize_t hz_stream_some(int fd, void *p, size_t room, int64_t until);
/* Exactly n bytes; false with ECONNRESET at an early end. */
bool hz_stream_exactly(int fd, void *p, size_t n, int64_t until);

#endif
