/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that are kept over calls: is the number still ours? */
#ifndef HZ_BASE_FD_H
#define HZ_BASE_FD_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * An application may close every number it does not know (a daemon does when it starts) and open files of its own, which then get
 * our numbers. So the file's device and inode are kept beside the number, and before the number is written to, replaced or closed
 * this asks whether it still stands for that file. A number that does not is forgotten, never closed. One system call; errno stays.
 * Another thread that closes the number between the answer and the use is not seen: no system call does both.
 */
static inline bool hz_fd_is(int fd, dev_t dev, ino_t ino)
{
	struct stat st;
	int saved = errno;
	bool same = fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == dev && st.st_ino == ino;

	errno = saved;
	return same;
}

/* 0 to 2, free in a process that closed them, stay free: what the application prints must not go into our files. fd, or another. */
static inline int hz_fd_above_stderr(int fd)
{
	int up = fd >= 0 && fd <= 2 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : fd;

	if (up != fd)
		(void)close(fd);
	return up;
}

/* Close fd if it is still that file. */
static inline void hz_fd_close(int fd, dev_t dev, ino_t ino)
{
	int saved = errno;

	if (hz_fd_is(fd, dev, ino))
		(void)close(fd);
	errno = saved;
}

#endif
