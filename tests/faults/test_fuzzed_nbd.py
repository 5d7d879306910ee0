"""Conversations of NBD with something wrong in them: no defect, nothing wrong read, it stays.

`FUZZ_SECONDS` says for how long.
"""

import os
import random
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.blobs import blob
from tests.servers import nbd
from tests.servers.nbd import connected, wanted_contexts, wanted_export
from tests.servers.own import nbd_server
from tests.workspace import Workspace

SECONDS: Final = float(os.environ.get("FUZZ_SECONDS", "3"))
DATA: Final = blob("first")
_NUMBERS: Final = (0, 1, 7, 255, 4096, 1 << 15, 1 << 25, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)


def option(number: int, data: bytes = b"") -> bytes:
    return b"IHAVEOPT" + struct.pack(">II", number, len(data)) + data


def request(command: int, offset: int, length: int, flags: int = 0) -> bytes:
    return struct.pack(">IHHQQI", 0x25609513, flags, command, 7, offset, length)


def conversations(drawn: random.Random) -> Iterator[bytes]:
    """Yield what a client says, right but for some places."""
    options = (
        option(nbd.LIST),
        option(nbd.STARTTLS),
        option(nbd.STRUCTURED),
        option(nbd.LIST_CONTEXTS, wanted_contexts()),
        option(nbd.SET_CONTEXTS, wanted_contexts("base:allocation")),
        option(nbd.INFO, wanted_export(b"", 0, 1, 3)),
        option(99, b"unheard of"),
    )
    begins = (option(nbd.GO, wanted_export(b"blob")), option(1, b"blob"), option(nbd.ABORT))
    while True:
        said = bytearray(struct.pack(">I", 3))
        for one in drawn.choices(options, k=drawn.randrange(6)):
            said += one
        said += drawn.choice(begins)
        for _ in range(drawn.randrange(6)):
            command = drawn.choice((0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 99))
            length = drawn.choice((0, 1, 511, 70_000))
            said += request(command, drawn.randrange(len(DATA)), length, drawn.choice((0, 0, 4, 8)))
        for _ in range(drawn.randrange(4)):
            at = drawn.randrange(len(said))
            match drawn.randrange(4):
                case 0:
                    said[at] = drawn.randrange(256)
                case 1:
                    said[at : at + 4] = struct.pack(">I", drawn.choice(_NUMBERS))
                case 2:
                    del said[at : at + drawn.randrange(1, 40)]
                case _:
                    said[at:at] = drawn.randbytes(drawn.randrange(1, 40))
            said = said or bytearray(b"x")
        yield bytes(said)


def answered(path: Path, said: bytes) -> None:
    """Say it, and hear the server out."""
    with connected(path) as client:
        try:
            client.send(said)
            client.sock.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert client.ended()


def test_an_nbd_server_stands_any_conversation(workspace: Workspace) -> None:
    workspace.make("blob", DATA)
    drawn = random.Random(int(os.environ.get("FUZZ_SEED", "1")))
    end = time.monotonic() + SECONDS
    path = workspace / "sock"
    count = 0
    with nbd_server("-s", "store", "blob.caibx", directory=workspace.path) as server:
        listening = len(server.lines)
        for said in conversations(drawn):
            answered(path, said)
            count += 1
            if count % 50 == 0:
                with connected(path) as client:
                    client.begin()
                    assert client.asked(nbd.READ, 0, len(DATA)).data == DATA, said
            if time.monotonic() > end:
                break
        said_more = server.lines[listening:]
        code = server.stop()

    assert count > 50
    assert said_more == []
    assert code == 0
