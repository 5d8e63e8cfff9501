"""Prints numbered lines as fast as it can until the file ENOUGH is there: `counter.py ENOUGH MARKER`.

Each line is one write. The marker gets the count once all are written.
"""

import os
import sys

enough, marker = sys.argv[1:3]
count = 0
while count % 100 or not os.path.exists(enough):
    os.write(1, b"%d\n" % count)
    count += 1
with open(marker + ".new", "w") as file:
    file.write(str(count))
os.rename(marker + ".new", marker)
