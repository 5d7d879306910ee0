"""Requests put together at random: no defect, nothing wrong served, and the server stays.

`FUZZ_SECONDS` says for how long; less than half a minute where CI runs, `just fuzz` takes ten.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from desync_jobs.formats.index import Index
from tests.blobs import blob
from tests.servers.own import OwnServer, ask, chunk_server, own_server, path_of, spoken
from tests.workspace import Workspace, chunk_files, ids_of

_BY_DEFAULT: Final = 24 if os.environ.get("CI") == "true" else 5
SECONDS: Final = float(os.environ.get("FUZZ_SECONDS", _BY_DEFAULT)) / 2
"""For each of the two servers."""
_AT_LEAST: Final = 200
_BITS: Final = (
    b"GET",
    b"PUT",
    b"HEAD",
    b"DELETE",
    b"OPTIONS",
    b"\x00",
    b"\r\n",
    b"\r",
    b"\n",
    b" ",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"HTTP/9.9",
    b"/",
    b"//",
    b"..",
    b"%2e%2e",
    b"%2F",
    b"%00",
    b"\\",
    b"?",
    b"#",
    b"*",
    b"Host: x",
    b"Content-Length: 5",
    b"Content-Length: -5",
    b"Content-Length: 99999999999999999999",
    b"Transfer-Encoding: chunked",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"Range: bytes=0-",
    b"Range: bytes=9-1",
    b"Range: bytes=-1,-1,-1",
    b"If-None-Match: *",
    b"Expect: 100-continue",
    b"Authorization: x",
    b"Connection: close",
    b"Upgrade: websocket",
    b".cacnk",
    b"\xff\xfe",
    b"a" * 300,
    b"metrics",
    b"healthz",
    b"blob.caibx",
)


@pytest.fixture
def made(workspace: Workspace) -> Index:
    return workspace.make("blob", blob("first"))


def requests(order: random.Random, names: list[bytes]) -> Iterator[bytes]:
    """Yield requests: right ones with something changed, and heaps of bits."""
    while True:
        method = order.choice([b"GET", b"HEAD", b"PUT"])
        body = order.randbytes(order.randrange(40)) if method == b"PUT" else b""
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        right = bytearray(
            method
            + b" "
            + order.choice(names)
            + b" HTTP/1.1\r\nHost: x\r\n"
            + length
            + b"\r\n"
            + body
        )
        for _ in range(order.randrange(4)):
            at = order.randrange(len(right) + 1)
            right[at : at + order.randrange(6)] = order.choice(_BITS)
        yield bytes(right)
        yield b"".join(order.choices(_BITS, k=order.randrange(1, 30)))


def fuzz(server: OwnServer, names: list[bytes], still_right: Callable[[], bool]) -> None:
    """Throw requests at `server` for a while, but some hundreds at least."""
    seed = int(os.environ.get("FUZZ_SEED", "1"))
    end = time.monotonic() + SECONDS
    for count, sent in enumerate(requests(random.Random(seed), names), 1):
        answer = spoken(server, sent)
        assert not answer.startswith(b"HTTP/1.1 5") or answer.startswith(b"HTTP/1.1 501"), sent
        if count % 100 == 0:
            assert still_right(), sent
        if count >= _AT_LEAST and time.monotonic() > end:
            break
    assert still_right()
    assert server.process.poll() is None
    assert not [line for line in server.lines if "Traceback" in line or "defect" in line]


def test_a_chunk_server_stands_any_request(workspace: Workspace, made: Index) -> None:
    before = chunk_files(workspace / "store")
    paths = [path_of(one) for one in ids_of(made)[:3]]
    names = [path.encode() for path in [*paths, "/metrics", "/healthz"]]
    with chunk_server("-s", "store", "-w", directory=workspace.path) as server:
        right = ask(server.url, paths[0]).body

        fuzz(server, names, lambda: ask(server.url, paths[0]).body == right)
    assert chunk_files(workspace / "store") == before, "no chunk without its digest is stored"


def test_an_index_server_stands_any_request(workspace: Workspace, made: Index) -> None:
    del made
    folder = workspace / "indexes"
    folder.mkdir()
    right = (workspace / "blob.caibx").read_bytes()
    (folder / "blob.caibx").write_bytes(right)
    outside = sorted(path.name for path in workspace.path.iterdir())
    names = [b"/blob.caibx", b"/other.caibx", b"/", b"/metrics", b"/healthz"]
    listening = ("index-server", "-l", "127.0.0.1:0", "-s", "indexes", "-w")
    with own_server(*listening, directory=workspace.path) as server:
        fuzz(server, names, lambda: ask(server.url, "/blob.caibx").body == right)
    assert sorted(path.name for path in workspace.path.iterdir()) == outside
    assert [path.name for path in folder.iterdir()] == ["blob.caibx"], "only indexes are stored"
