/* SPDX-License-Identifier: Apache-2.0 */
/* A software TPM of a test's own: started and stopped by it, spoken to over a Unix socket. */
#ifndef TEST_SWTPM_H
#define TEST_SWTPM_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct swtpm {
	pid_t pid;
	char dir[96], sock[108], tcti[128];
};

static inline bool swtpm_missing(void)
{
	return system("command -v swtpm >/dev/null 2>&1") != 0;
}

static inline int swtpm_dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, path, strlen(path) + 1);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* Start over the state in dir (empty: a TPM as from the factory). A second start is a TPM reset. */
static inline bool swtpm_start(struct swtpm *t, const char *dir)
{
	const struct timespec pause = { 0, 20000000 };
	char state[104], server[128];

	(void)snprintf(t->dir, sizeof t->dir, "%s", dir);
	(void)snprintf(t->sock, sizeof t->sock, "%s/tpm.sock", dir);
	(void)snprintf(t->tcti, sizeof t->tcti, "swtpm:path=%s", t->sock);
	(void)snprintf(state, sizeof state, "dir=%s", dir);
	(void)snprintf(server, sizeof server, "type=unixio,path=%s", t->sock);
	(void)unlink(t->sock);
	t->pid = fork();
	if (t->pid == 0) {
		int null = open("/dev/null", O_RDWR);

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is killed leaves none behind */
		(void)dup2(null, 1);
		(void)dup2(null, 2);
		execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--flags",
		       "not-need-init,startup-clear", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; t->pid > 0 && i < 500; i++) {
		int fd = swtpm_dial(t->sock); /* the socket is there a moment before anybody listens */

		if (fd >= 0)
			return close(fd) == 0;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

static inline void swtpm_stop(struct swtpm *t)
{
	if (t->pid <= 0)
		return;
	(void)kill(t->pid, SIGTERM);
	(void)waitpid(t->pid, NULL, 0);
	(void)unlink(t->sock);
	t->pid = 0;
}

/* Send a command as it is; its response code, or UINT32_MAX. */
static inline uint32_t swtpm_command(const struct swtpm *t, const uint8_t *cmd, size_t n)
{
	uint8_t rsp[4096];
	int fd = swtpm_dial(t->sock);
	uint32_t rc = UINT32_MAX;

	if (fd >= 0 && write(fd, cmd, n) == (ssize_t)n && read(fd, rsp, sizeof rsp) >= 10)
		rc = (uint32_t)rsp[6] << 24 | (uint32_t)rsp[7] << 16 | (uint32_t)rsp[8] << 8 | rsp[9];
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

/* TPM2_PCR_Extend in the SHA-256 bank with 32 bytes of 0x5a. */
static inline bool swtpm_extend(const struct swtpm *t, uint8_t reg)
{
	uint8_t cmd[65] = { 0x80, 2, 0, 0, 0, 65, 0, 0, 1, 0x82, 0, 0, 0, reg, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 11 };

	memset(cmd + 33, 0x5a, 32);
	return swtpm_command(t, cmd, sizeof cmd) == 0;
}

/* TPM2_Clear by the lockout authority: a new owner seed. */
static inline bool swtpm_clear(const struct swtpm *t)
{
	static const uint8_t cmd[] = { 0x80, 2, 0, 0, 0, 27, 0, 0, 1, 0x26, 0x40, 0, 0, 10, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0 };

	return swtpm_command(t, cmd, sizeof cmd) == 0;
}

#endif
