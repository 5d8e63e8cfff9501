"""Prints numbered lines as fast as it can until the file ENOUGH is there, or its folder is not:
`counter.py ENOUGH MARKER`.

Each line is one write. The marker gets the count once all are written.
"""

import os
import sys

enough, marker = map(os.path.abspath, sys.argv[1:3])
folder = os.path.dirname(enough)
count = 0
while count % 100 or os.path.isdir(folder) and not os.path.exists(enough):
    os.write(1, b"%d\n" % count)
    count += 1
with open(marker + ".new", "w") as file:
    file.write(str(count))
os.rename(marker + ".new", marker)
