/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run-bounded SECONDS COMMAND...: run a test with an end. One that is not done in time is a failure (status 124): where its processes are,
 * their stacks where gdb is there, is printed first. Whatever a test leaves running is killed with it.
 */
#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LATE = 124, NOT_RUN = 127, TRIES = 250 };

/* Does the process belong to the test: in its session, or orphaned and so a child of ours? Those that have ended do not count. */
static bool member(pid_t pid, pid_t test)
{
	char path[64], text[512], state;
	const char *p;
	int parent, group, session;
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	n = fread(text, 1, sizeof text - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')'); /* the name before it may be anything */
	return p != NULL && sscanf(p + 1, " %c %d %d %d", &state, &parent, &group, &session) == 4 && state != 'Z' &&
	       (session == test || parent == getpid());
}

static unsigned each(pid_t test, void (*f)(pid_t pid))
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	unsigned n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		pid_t pid = isdigit((unsigned char)e->d_name[0]) ? (pid_t)atol(e->d_name) : 0;

		if (pid > 0 && member(pid, test)) {
			f(pid);
			n++;
		}
	}
	if (d != NULL)
		(void)closedir(d);
	return n;
}

static void describe(pid_t pid)
{
	char command[400];

	(void)snprintf(command, sizeof command,
		       "echo; echo \"-- process %d: $(tr '\\0' ' ' </proc/%d/cmdline)\"; grep -E '^(State|PPid|Threads):' /proc/%d/status; "
		       "timeout -k 5 60 gdb -p %d -batch -nx -ex 'thread apply all bt 30' </dev/null 2>/dev/null | grep -E '^(#|Thread)'",
		       (int)pid, (int)pid, (int)pid, (int)pid);
	(void)(system(command) + 1);
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
}

/* Until nobody is left: orphans come to us, and more may be born meanwhile. */
static void end_all(pid_t test)
{
	const struct timespec pause = { 0, 20000000 };

	for (int i = 0; i < TRIES && each(test, end) != 0; i++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		(void)nanosleep(&pause, NULL);
	}
}

static pid_t start(char **command, const sigset_t *mask)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)setsid();
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	(void)execvp(command[0], command);
	perror(command[0]);
	_exit(NOT_RUN);
}

/* Collect who has ended; true: the test is among them. */
static bool ended(pid_t test, int *status)
{
	int st;
	pid_t pid;
	bool done = false;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0)
		if (pid == test) {
			done = true;
			*status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
		}
	return done;
}

/* The status of the test, LATE, or 128 and the signal that we got ourselves. */
static int watch(pid_t test, time_t limit, const sigset_t *signals)
{
	struct timespec now, left = { 0, 0 };
	time_t end_at;
	int status = LATE;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	end_at = now.tv_sec + limit;
	while (now.tv_sec < end_at) {
		int sig;

		left.tv_sec = end_at - now.tv_sec;
		sig = sigtimedwait(signals, NULL, &left);
		if (sig > 0 && sig != SIGCHLD)
			return 128 + sig;
		if (ended(test, &status))
			return status;
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	}
	return LATE;
}

int main(int argc, char **argv)
{
	long limit = argc > 2 ? atol(argv[1]) : 0;
	sigset_t signals, before;
	pid_t test;
	int status;

	if (limit <= 0) {
		(void)fprintf(stderr, "run-bounded SECONDS COMMAND...\n");
		return NOT_RUN;
	}
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGCHLD);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &signals, &before);
	test = start(argv + 2, &before);
	if (test < 0) {
		perror("fork");
		return NOT_RUN;
	}
	status = watch(test, limit, &signals);
	if (status == LATE) { /* a test has no reason to exit with it */
		(void)printf("FAIL: not done after %ld s\n", limit);
		(void)fflush(stdout);
		(void)each(test, describe);
	}
	end_all(test);
	return status;
}
