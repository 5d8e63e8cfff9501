#!/usr/bin/env python3
"""A run that hangs after its fifth step: `hang.py output|lines|steps` says what it lacks from then on."""

import sys
import time

for step in range(1, 6):
    print(f"step {step} loss {1 / step:.4f}", flush=True)
while True:
    match sys.argv[1]:
        case "lines":
            for frame in "|/-\\":
                print(f"\r{frame} waiting", end="", flush=True)
                time.sleep(0.02)
        case "steps":
            print("waiting for data", flush=True)
            time.sleep(0.05)
        case "output":
            time.sleep(3600)
