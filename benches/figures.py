"""What a wrapper costs: in time at the start, in time a line, in memory. All in one run, as ratios."""

import os
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path

import stage

STARTS = 41
LINES = 1_000_000
ROUNDS = 3
# A million numbered lines of 44 bytes, written in large blocks as a busy program would.
WRITER = (
    "import sys\n"
    "for block in range({lines} // 1000):\n"
    "    sys.stdout.write(''.join(f'step {{block * 1000 + n:08}} loss 0.{{n:04}} lr 3.0e-04 ok\\n'"
    " for n in range(1000)))\n"
)


def timed(argv, **options):
    """Seconds, and the peak memory in KiB of what was started (not of its children)."""
    begin = time.monotonic()
    process = subprocess.Popen(
        argv, env=stage.environment(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )
    pidfd, peak = os.pidfd_open(process.pid), 0
    # What wait4(2) says begins with our own memory.
    while not select.select([pidfd], [], [], 0.01)[0]:
        peak = max(peak, high_water(process.pid))
    spent = time.monotonic() - begin
    os.close(pidfd)
    process.wait()
    return spent, peak


def high_water(pid):
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) if found else 0


def starts(wrappers):
    """Interleaved, so that whatever else the machine does hits all of them."""
    names = {"true": ["true"]} | {wrap.name: wrap("true") for wrap in wrappers}
    seconds = {name: [] for name in names}
    for _ in range(STARTS):
        for name, argv in names.items():
            seconds[name].append(timed(argv, stdout=subprocess.DEVNULL)[0])
    stage.sweep()
    return {name: statistics.median(times) for name, times in seconds.items()}


def lines(wrappers):
    """Into a pipe that `cat` reads, with and without a wrapper before it."""
    writer = [sys.executable, "-c", WRITER.format(lines=LINES)]
    commands = {"| cat": writer} | {wrap.name: wrap(*writer) for wrap in wrappers}
    seconds, memory = {name: [] for name in commands}, {name: 0 for name in commands}
    for _ in range(ROUNDS):
        for name, argv in commands.items():
            cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            spent, peak = timed(argv, stdout=cat.stdin)
            cat.stdin.close()
            cat.wait()
            seconds[name].append(spent)
            memory[name] = max(memory[name], peak)
            stage.sweep()
    return {name: min(times) for name, times in seconds.items()}, memory


def print_figures(wrappers):
    start = starts(wrappers)
    spent, memory = lines(wrappers)
    bare, cat = start["true"], spent["| cat"]
    print("| | `true` | over bare | a million lines | over `\\| cat` | peak memory |")
    print("|---|---|---|---|---|---|")
    print(f"| bare command | {bare * 1000:.1f} ms | | {cat:.2f} s | | |")
    for wrap in wrappers:
        name = wrap.name
        print(
            f"| {name} | {start[name] * 1000:.1f} ms | +{(start[name] - bare) * 1000:.1f} ms "
            f"| {spent[name]:.2f} s | ×{spent[name] / cat:.2f} | {memory[name] / 1024:.1f} MiB |"
        )
    return 0
