"""Clients that mean no good: no defect, no answer that tells anything, and the server stays."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.blobs import blob
from tests.servers.own import OwnServer, ask, chunk_server, own_server, path_of, spoken
from tests.workspace import Workspace

NAME = b"/0000/" + b"0" * 64 + b".cacnk"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("place"))
    workspace.make("blob", blob("first"))
    return workspace


@pytest.fixture(scope="module")
def server(place: Workspace) -> Iterator[OwnServer]:
    with chunk_server("-s", "store", "-w", directory=place.path) as running:
        yield running


@pytest.mark.parametrize(
    "sent",
    [
        b"GET " + NAME + b" HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET " + NAME + b" HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /0000%2F" + b"0" * 64 + b".cacnk HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://other" + NAME + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PUT " + NAME + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\nx",
        b"PUT " + NAME + b" HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"PUT " + NAME + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nshort",
        b"PUT " + NAME + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET " + NAME + b" HTTP/1.1\r\nHost: x\r\n\r\n\x00\x01garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\r\n\r\n\r\n",
        b"",
    ],
)
def test_nonsense_is_no_defect_and_the_server_stays(
    server: OwnServer, place: Workspace, sent: bytes
) -> None:
    before = len(server.lines)
    answer = spoken(server, sent)
    good = ask(server.url, path_of(place.index("blob.caibx").id(2)))

    assert b" 200 " not in answer[:20]
    assert b" 500 " not in answer
    assert b"Traceback" not in answer
    assert good.status == 200
    assert server.lines[before:] == []


def test_more_connections_than_allowed_are_told_so(place: Workspace) -> None:
    (place / "job.json").write_text(
        '{"version": 1, "stores": {"s": {"url": "store"}}, "operations": {"serve": {'
        '"kind": "serve-chunks", "stores": ["s"], "listen": ["127.0.0.1:0"], "connections": 2}}}'
    )
    with own_server("job.json", directory=place.path) as small:
        parts = urlsplit(small.url)
        address = (parts.hostname or "", parts.port or 0)
        first, second, third = (socket.create_connection(address, timeout=20) for _ in range(3))
        with first, second, third:
            refused = third.recv(100)
        code = small.stop()

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert code == 0
