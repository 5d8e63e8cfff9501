"""Stands for `watch keeper`: writes what it is told into a file. argv: the file."""

import json
import socket
import sys

line = socket.socket(fileno=0)
with open(sys.argv[1], "w", encoding="utf-8") as heard:
    while True:
        data = line.recv(65536)
        if not data:
            break
        said = json.loads(data)
        name = said if isinstance(said, str) else next(iter(said))
        print(name, file=heard, flush=True)
        if said == "End":
            break
