/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for a PIN at the terminal, whose echo is off meanwhile and back afterwards, whatever ends the question. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "tool.h"

/* What ends or stops a process from the keyboard or from outside. In the background, terminal calls stop it before they do anything. */
static const int caught[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP };
enum { CAUGHT = sizeof caught / sizeof caught[0] };

/* The handler writes the signal's number into a pipe: it wakes the question up even when another thread has received it. */
static int bell[2];

static void ring(int sig)
{
	const int saved = errno;
	const unsigned char number = (unsigned char)sig;
	const ssize_t n = write(bell[1], &number, 1);

	(void)n;
	errno = saved;
}

static void catch(struct sigaction was[CAUGHT])
{
	struct sigaction a = { .sa_handler = ring };

	sigemptyset(&a.sa_mask);
	for (size_t i = 0; i < CAUGHT; i++)
		if (sigaction(caught[i], NULL, &was[i]) == 0 && was[i].sa_handler != SIG_IGN)
			(void)sigaction(caught[i], &a, NULL);
}

static void release(const struct sigaction was[CAUGHT])
{
	for (size_t i = 0; i < CAUGHT; i++)
		(void)sigaction(caught[i], &was[i], NULL);
}

/* A line, or the number of the signal that came first in *sig. -1: the terminal is gone, or its user has nothing to say. */
static ssize_t line_or_signal(int tty, char *pin, size_t room, int *sig)
{
	struct pollfd p[2] = { { .fd = bell[0], .events = POLLIN }, { .fd = tty, .events = POLLIN } };
	unsigned char number;
	ssize_t n = -1;

	*sig = 0;
	while (n < 0) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -1;
		if (read(bell[0], &number, 1) == 1) {
			*sig = number;
			return -1;
		}
		if (p[1].revents == 0)
			continue;
		n = read(tty, pin, room);
		if (n == 0 || (n < 0 && errno != EINTR))
			return -1;
	}
	return n;
}

/* One question; *sig: what came instead of an answer. The terminal and the handlers are as before when it returns. */
static ssize_t ask_once(int tty, const struct termios *was, const char *prompt, char *pin, size_t room, int *sig)
{
	struct termios quiet = *was;
	struct sigaction actions[CAUGHT];
	ssize_t n;

	quiet.c_lflag &= ~(tcflag_t)ECHO;
	catch(actions);
	dprintf(tty, "%s: ", prompt);
	(void)tcsetattr(tty, TCSAFLUSH, &quiet);
	n = line_or_signal(tty, pin, room, sig);
	(void)tcsetattr(tty, TCSAFLUSH, was);
	dprintf(tty, "\n");
	release(actions);
	return n;
}

static long ask(int tty, const char *prompt, char *pin, size_t room)
{
	struct termios was;
	ssize_t n;
	int sig;

	if (tty < 0 || tcgetattr(tty, &was) != 0)
		return tool_fail(-1, "no terminal to ask for the %s: give a PIN source (file:PATH or env:NAME)", prompt);
	do {
		n = ask_once(tty, &was, prompt, pin, room, &sig);
		if (sig != 0)
			(void)raise(sig); /* its own way now; who was stopped and goes on is asked again */
	} while (sig != 0);
	if (n < 0)
		return tool_fail(-1, "no %s was given", prompt);
	if ((size_t)n == room)
		return tool_fail(-1, "the %s is too long", prompt);
	while (n > 0 && (pin[n - 1] == '\n' || pin[n - 1] == '\r'))
		n--;
	return n;
}

long tool_ask(const char *prompt, char *pin, size_t room)
{
	int tty;
	long n;

	if (pipe2(bell, O_CLOEXEC | O_NONBLOCK) != 0)
		return tool_fail(-1, "no pipe to ask for the %s", prompt);
	tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	n = ask(tty, prompt, pin, room);
	if (tty >= 0)
		close(tty);
	close(bell[0]);
	close(bell[1]);
	return n;
}
