"""Runs commands for `harm` and looks at what became of them: in pipes, or as a job on a terminal.

Whatever a run leaves behind is adopted and killed by its id, so that no situation sees another's.
"""

import ctypes
import fcntl
import os
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests/data"
SCRATCH = Path(tempfile.mkdtemp(prefix="harm-"))
# A wait that lasts longer is a hang.
PATIENCE = 8.0

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Late(Exception):
    """What was waited for did not come."""


class Wrapper:
    """Something that is put in front of a command."""

    def __init__(self, name, prefix, version=None, as_one_word=False):
        self.name = name
        self.prefix = prefix
        self.version_args = version
        self.as_one_word = as_one_word

    def __call__(self, *argv):
        argv = [str(word) for word in argv]
        if self.as_one_word:
            return [*self.prefix, shlex.join(argv), "/dev/null"]
        return [*self.prefix, *argv]

    def child(self, *args):
        """The scripted command of the tests."""
        return self(sys.executable, DATA / "child.py", *args)

    def is_installed(self):
        return not self.prefix or shutil.which(self.prefix[0]) is not None

    def version(self):
        if not self.version_args:
            return ""
        try:
            told = subprocess.run(self.version_args, capture_output=True, text=True, timeout=5)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        lines = (told.stdout + told.stderr).splitlines()
        return lines[0].strip() if lines else ""


def environment():
    """Ours, without what would send messages anywhere or change how Python writes."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLACK_")}
    for name in ("PYTHONUNBUFFERED", "WATCH_RULES"):
        env.pop(name, None)
    env["XDG_STATE_HOME"] = env["XDG_CONFIG_HOME"] = str(SCRATCH / "state")
    return env


def descendants():
    """The ids of all that came from us, ended ones too."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text(errors="replace")
            except OSError:
                continue
            parents[int(entry)] = int(stat.rsplit(")", 1)[1].split()[1])
    found, new = set(), {os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def sweep():
    """Kills and reaps what is left."""
    deadline = time.monotonic() + PATIENCE
    while (left := descendants()) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        time.sleep(0.01)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def until(condition, what, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Late(what)
        time.sleep(0.005)
    return value


class Lines:
    """Lines from a descriptor, as they come."""

    def __init__(self, fd):
        self.fd = fd
        self.rest = b""

    def more(self, patience):
        """False: nothing came, or it is at its end."""
        if not select.select([self.fd], [], [], max(patience, 0))[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.rest += data
        return bool(data)

    def line(self, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while b"\n" not in self.rest:
            if not self.more(deadline - time.monotonic()):
                raise Late("a line")
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode(errors="replace").strip()

    def lines_within(self, seconds):
        """All that come in that time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.more(deadline - time.monotonic()):
                time.sleep(0.005)
        *whole, self.rest = self.rest.split(b"\n")
        return [line.decode(errors="replace").strip() for line in whole]


class Run:
    """A command in a session of its own, without a terminal."""

    def __init__(self, argv, **options):
        options = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
        options = {"stdout": subprocess.PIPE, "start_new_session": True, **options}
        self.process = subprocess.Popen(argv, env=environment(), **options)
        self.pid = self.process.pid
        self.output = Lines(self.process.stdout.fileno()) if self.process.stdout else None

    def line(self, patience=PATIENCE):
        return self.output.line(patience)

    def send(self, number):
        os.kill(self.pid, number)

    def end(self, patience=PATIENCE):
        """The exit code, or minus the signal."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise Late("its end") from None

    def dumped_core(self):
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT).si_code == os.CLD_DUMPED


def whole(argv, **options):
    """Runs it to its end: the code, its output, its errors."""
    options = {"stdin": subprocess.DEVNULL, **options}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    if "input" in options:
        del options["stdin"]
    try:
        done = subprocess.run(
            argv, env=environment(), start_new_session=True, timeout=PATIENCE, **options
        )
    except subprocess.TimeoutExpired:
        raise Late("its end") from None
    return done.returncode, done.stdout, done.stderr


class Job:
    """A job of the small shell of the tests, on a terminal of 100x30."""

    def __init__(self, argv, place="fg"):
        self.master, slave = os.openpty()
        self.resize(100, 30)
        argv = [sys.executable, str(DATA / "job.py"), os.ttyname(slave), place, *argv]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.shell = subprocess.Popen(argv, env=environment(), stderr=subprocess.DEVNULL, **pipes)
        self.reports = Lines(self.shell.stdout.fileno())
        self.screen = Lines(self.master)
        self.pid = int(self.report().split()[1])
        # The shell holds it now.
        os.close(slave)

    def report(self, patience=PATIENCE):
        try:
            return self.reports.line(patience)
        except Late:
            raise Late("its end or stop") from None

    def order(self, order):
        self.shell.stdin.write(order.encode() + b"\n")
        self.shell.stdin.flush()

    def keys(self, keys):
        os.write(self.master, keys)

    def resize(self, columns, lines):
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)

    def shows(self, text, patience=PATIENCE):
        """Waits until it was shown."""
        text = text.encode()
        deadline = time.monotonic() + patience
        while text not in self.screen.rest:
            if not self.screen.more(deadline - time.monotonic()):
                raise Late(text.decode().strip())
        self.screen.rest = self.screen.rest.split(text, 1)[1]

    def hang_up(self):
        """As when a connection is lost: the terminal is gone, and its shell with it."""
        os.close(self.master)
        self.shell.kill()
BARE = Wrapper("bare command", [])
