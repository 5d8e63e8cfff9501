#!/usr/bin/env python3
"""A scripted command for the tests of the supervisor: `child.py VERB [ARG]...`.

It says `ready` on its standard output when it can take signals, so that no test has to sleep.
"""

import json
import os
import resource
import signal
import sys
import time


def out(data):
    """All of it, whatever the size, past every buffer of Python's."""
    while data:
        data = data[os.write(1, data):]


def line(text):
    out(text.encode() + b"\n")


def exits(code):
    os._exit(int(code))


def dies(number):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    number = int(number)
    try:
        signal.signal(number, signal.SIG_DFL)
    except OSError:
        pass
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    signal.pause()


def last_words(number):
    """Writes a line and is killed at once."""
    out(b"the last words")
    dies(number)


def big(size, mark=None):
    """That many bytes without a newline; makes the file `mark` when they are written."""
    block = bytes(range(256)).replace(b"\n", b"N") * 256
    size = int(size)
    while size > 0:
        out(block[:size])
        size -= len(block)
    if mark:
        open(mark, "w").close()


def wild():
    """What no line of text contains."""
    out(b"\xff\xfe\x00nul\r\xc3(\x1b[31mred\x1b]0;unterminated\n\xe2\x82")


def both(count):
    for index in range(int(count)):
        os.write(1, b"out %d\n" % index)
        os.write(2, b"err %d\n" % index)


def leaks(seconds_or_words):
    """Leaves a grandchild behind that holds the output, and exits 5."""
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ready)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        parent = os.getppid()
        os.write(tell, b"x")
        if seconds_or_words == "words":
            # Written after the parent's end, then the output is let go.
            while os.getppid() == parent:
                pass
            out(b"late words\n")
            os._exit(0)
        signal.alarm(60)
        signal.pause()
    os.read(ready, 1)
    line(f"grandchild {pid}")
    os._exit(5)


def leaves(order, mark):
    """Leaves a grandchild behind that writes once `order`, a FIFO, is opened, and tells in the file
    `mark` how that went."""
    if os.fork() == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.alarm(60)
        with open(order):
            pass
        try:
            out(b"written late\n")
            told = "written"
        except OSError as error:
            told = error.strerror
        with open(mark + ".new", "w") as file:
            file.write(told)
        os.rename(mark + ".new", mark)
        os._exit(0)
    os._exit(5)


def logs_signals(*names):
    """A line for each signal that comes; USR2 ends it with 0."""
    wanted = [getattr(signal, name) for name in names] + [signal.SIGUSR2]
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in wanted:
        signal.signal(number, lambda *_: None)
    line("ready")
    while True:
        for number in os.read(reader, 64):
            if number == signal.SIGUSR2:
                line("bye")
                os._exit(0)
            line(signal.Signals(number).name)


def ignores_term():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    line("ready")
    while True:
        signal.pause()


def waits():
    line("ready")
    while True:
        signal.pause()


def stops():
    """Itself, and waits once it is continued."""
    line("ready")
    os.kill(os.getpid(), signal.SIGSTOP)
    while True:
        signal.pause()


def stops_late():
    """Itself, once it was told to end, and ends when it is continued."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    line("ready")
    while signal.SIGTERM not in signal.sigpending():
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGSTOP)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


def stdin():
    """What it reads, between marks."""
    line("ready")
    data = sys.stdin.buffer.read()
    out(b"[" + data + b"]\n")


def echoes_lines():
    line("ready")
    for text in sys.stdin:
        line(f"<{text.rstrip()}>")


def size():
    """The window's size now, and at each change."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGWINCH, lambda *_: None)
    while True:
        columns, lines = os.get_terminal_size(1)
        line(f"size {columns}x{lines}")
        os.read(reader, 64)


def ticks(path, size="5"):
    """Its id, then lines of that size for ever. `path` grows by a byte for each that was written;
    when it may write no more, the reason is appended."""
    with open(path, "ab", 0) as mark:
        line(str(os.getpid()))
        while True:
            try:
                line("t" * (int(size) - 1))
            except OSError as error:
                mark.write(error.strerror.encode())
                os._exit(1)
            mark.write(b".")
            time.sleep(0.002)


def status_field(name):
    with open("/proc/self/status") as status:
        for text in status:
            if text.startswith(name + ":"):
                return text.split()[1]
    return None


def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def report(path):
    """What it was started with, as JSON."""
    ignored = int(status_field("SigIgn"), 16)
    # Python itself ignores two at its start, and 32 and 33 are the C library's own.
    for number in (signal.SIGPIPE, signal.SIGXFSZ, 32, 33):
        ignored &= ~(1 << (number - 1))
    facts = {
        "env": dict(os.environ),
        "fds": [fd for fd in range(256) if is_open(fd)],
        "mask": status_field("SigBlk"),
        "ignored": ignored,
        "umask": status_field("Umask"),
        "cwd": os.getcwd(),
        "nice": os.nice(0),
        "affinity": sorted(os.sched_getaffinity(0)),
        "limits": {
            name: resource.getrlimit(getattr(resource, name))
            for name in dir(resource)
            if name.startswith("RLIMIT_")
        },
        "ttys": [os.isatty(fd) for fd in range(3)],
    }
    with open(path, "w") as file:
        json.dump(facts, file, sort_keys=True)


def ttys():
    line(" ".join("tty" if os.isatty(fd) else "no" for fd in range(3)))
    os.write(2, b"on stderr\n")


VERBS = {
    "exit": exits,
    "die": dies,
    "last-words": last_words,
    "big": big,
    "wild": wild,
    "both": both,
    "leak": leaks,
    "leave": leaves,
    "log-signals": logs_signals,
    "ignore-term": ignores_term,
    "wait": waits,
    "stop": stops,
    "stop-late": stops_late,
    "stdin": stdin,
    "echo-lines": echoes_lines,
    "size": size,
    "ticks": ticks,
    "report": report,
    "ttys": ttys,
}

VERBS[sys.argv[1]](*sys.argv[2:])
