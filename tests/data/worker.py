#!/usr/bin/env python3
"""A run of which the work is to be done whatever happens: `worker.py MARKER BEFORE AFTER`.

Prints BEFORE lines, waits for a line on its input, prints AFTER lines, writes the marker, and exits
with 3. A write that fails, or a hang-up, leaves no marker.
"""

import os
import sys

marker, before, after = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def lines(first, count):
    for number in range(first, first + count):
        print(f"line {number:07} {'.' * 80}", flush=True)


lines(0, before)
print("waiting", flush=True)
sys.stdin.readline()
lines(before, after)
# In one piece: Python would write the end of the line for itself.
os.write(2, b"RuntimeError: the last words\n")
with open(marker, "w") as file:
    file.write("done")
sys.exit(3)
