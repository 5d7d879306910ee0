"""Programs that play the other side of casync's protocol, right or wrong."""

import sys
from pathlib import Path
from typing import Final

_GREETING: Final = "from desync_jobs.formats import wire\nfrom desync_jobs.formats.wire import *\n"
_START: Final = f"""
import os, struct, sys, time
{_GREETING}

def read(size):
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data

def receive():
    kind, size = wire.parse_frame_header(read(16))
    return wire.parse_body(kind, read(size))

def send(data):
    while data:
        data = data[os.write(1, data):]

def hello():
    send(wire.hello(Feature.READABLE_STORE))
    receive()
"""


def peer(folder: Path, body: str) -> list[str]:
    """Return the command of a program that runs `body` with the functions above at hand."""
    program = folder / "peer.py"
    program.write_text(_START + body)
    return [sys.executable, str(program)]
