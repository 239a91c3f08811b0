# SPDX-License-Identifier: Apache-2.0
"""prompt.py COMMAND...: signals that come while the command asks for a PIN leave the terminal with its echo, and have their own effect."""
import os
import pty
import select
import signal
import sys
import termios
import time

LIMIT = 60


def until(what, condition):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"waited in vain until {what}")
        time.sleep(0.02)


def echo(fd):
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)


def lead(command):
    """The session's leader, as a shell is: the command stops and goes on in a group of its own. Its last status is the leader's output."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(command[0], command)
    while True:
        status = os.waitpid(child, os.WUNTRACED)[1]
        if not os.WIFSTOPPED(status):
            break
        print("STOPPED", "echo" if echo(0) else "no echo", flush=True)
        os.kill(child, signal.SIGCONT)
    os.tcsetpgrp(0, os.getpid())
    print("SIGNAL" if os.WIFSIGNALED(status) else "EXIT",
          os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), "echo" if echo(0) else "no echo", flush=True)
    os._exit(0)


def talk(command, steps):
    """Each step: wait for the text, and (a key) until the echo is off, then press the key."""
    pid, fd = pty.fork()
    if pid == 0:
        lead(command)
    seen = b""
    for text, key in steps:
        end = time.monotonic() + LIMIT
        while text not in seen:
            if time.monotonic() > end or not select.select([fd], [], [], LIMIT)[0]:
                sys.exit(f"no {text} in {seen}")
            try:
                seen += os.read(fd, 4096)
            except OSError:
                sys.exit(f"no {text} in {seen}")
        seen = seen[seen.index(text) + len(text):]
        if key is not None:
            until("the echo is off", lambda: not echo(fd))
            os.write(fd, key)
    os.close(fd)
    os.waitpid(pid, 0)


INTR, SUSP = b"\x03", b"\x1a"
tool = sys.argv[1:]
talk(tool, [(b"user PIN: ", INTR), (b"SIGNAL 2 echo", None)])
talk(tool, [(b"user PIN: ", b"\x1c"), (b"SIGNAL 3 echo", None)])
talk(tool, [(b"user PIN: ", SUSP), (b"STOPPED echo", None), (b"user PIN: ", INTR), (b"SIGNAL 2 echo", None)])
talk(tool, [(b"user PIN: ", SUSP), (b"STOPPED echo", None), (b"user PIN: ", os.environb[b"HANZO_PIN"] + b"\n"), (b"EXIT 0 echo", None)])
