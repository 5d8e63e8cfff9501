#!/usr/bin/env python3
"""Prints a recorded run again, in odd pieces and with a pause: `play.py LOG CODE`.

Into a pipe or a terminal that changes nothing: the bytes are those of the log.
"""

import os
import sys
import time

log = open(sys.argv[1], "rb").read()
size, at, pause = 1, 0, len(log) // 2
while at < len(log):
    piece = log[at:at + size]
    while piece:
        piece = piece[os.write(1, piece):]
    if at <= pause < at + size:
        time.sleep(1.5)
    at += size
    size = size * 7 % 611 + 1
    time.sleep(0.001)
sys.exit(int(sys.argv[2]))
