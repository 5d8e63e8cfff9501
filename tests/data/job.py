#!/usr/bin/env python3
"""A shell with job control, as small as can be: `job.py TTY fg|bg COMMAND...`.

Leads a session on TTY and runs the command as a job there, in the foreground or not. Tells what
becomes of it on its standard output, and takes orders on its standard input, a line each:

    started PID                 fg    give it the terminal, continue it
    stopped SIGNAL ECHO         bg    continue it
    ended STATUS ECHO           kill NAME    to the job's group

While a job that was started in the background is there, the shell edits a line on the terminal.

STATUS as subprocess's returncode; ECHO: the terminal's ECHO, ICANON and OPOST are set: `cooked`,
else `raw`.
"""

import os
import signal
import sys
import termios

tty_name, where, *command = sys.argv[1:]
os.setsid()
tty = os.open(tty_name, os.O_RDWR)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
cooked = termios.tcgetattr(tty)


def edit_line():
    """As shells do at their prompt: each key at once, and nothing shown."""
    modes = termios.tcgetattr(tty)
    modes[0] &= ~termios.ICRNL
    modes[3] &= ~(termios.ICANON | termios.ECHO)
    termios.tcsetattr(tty, termios.TCSANOW, modes)


def say(text):
    os.write(1, text.encode() + b"\n")


def mode():
    flags = termios.tcgetattr(tty)
    return "cooked" if flags == cooked else "raw"


ready, go = os.pipe()
job = os.fork()
if job == 0:
    os.close(go)
    os.setpgid(0, 0)
    os.read(ready, 1)
    # Whoever runs the tests may be a job of the background himself, which ignores the keys.
    for number in (signal.SIGTTOU, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    for fd in range(3):
        os.dup2(tty, fd)
    os.closerange(3, 64)
    os.execvp(command[0], command)
try:
    os.setpgid(job, job)
except OSError:
    pass
if where == "fg":
    os.tcsetpgrp(tty, job)
else:
    edit_line()
os.write(go, b"x")
say(f"started {job}")

orders = []
signal.signal(signal.SIGCHLD, lambda *_: None)
waker, wakes = os.pipe()
os.set_blocking(wakes, False)
signal.set_wakeup_fd(wakes)
import select

while True:
    pid, status = os.waitpid(job, os.WUNTRACED | os.WNOHANG)
    if pid == job:
        state = mode()
        if where == "fg":
            os.tcsetpgrp(tty, os.getpgrp())
        if os.WIFSTOPPED(status):
            say(f"stopped {signal.Signals(os.WSTOPSIG(status)).name} {state}")
            continue
        code = os.waitstatus_to_exitcode(status)
        say(f"ended {code} {state}")
        sys.exit()
    readable, _, _ = select.select([0, waker], [], [])
    if waker in readable:
        os.read(waker, 64)
    if 0 not in readable:
        continue
    order = b""
    while not order.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit()
        order += byte
    match order.decode().split():
        case ["fg"]:
            where = "fg"
            termios.tcsetattr(tty, termios.TCSANOW, cooked)
            os.tcsetpgrp(tty, job)
            os.killpg(job, signal.SIGCONT)
        case ["front"]:
            # As some shells do with a job that runs: no SIGCONT.
            where = "fg"
            termios.tcsetattr(tty, termios.TCSANOW, cooked)
            os.tcsetpgrp(tty, job)
        case ["bg"]:
            where = "bg"
            os.killpg(job, signal.SIGCONT)
        case ["kill", name]:
            os.killpg(job, getattr(signal, name))
