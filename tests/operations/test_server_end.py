"""A server that ends while clients come and go: whoever was let in gets an answer."""

import signal
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from threading import Event
from urllib.parse import urlsplit

import pytest

from tests.blobs import blob
from tests.servers.own import chunk_server, path_of
from tests.workspace import Workspace


def ask_until_refused(url: str, path: str, begun: Event) -> int:
    """Ask, each time on a new connection, until nobody listens; return how often an answer came.

    Raises where a connection that was made gives no whole answer.
    """
    parts = urlsplit(url)
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    answered = 0
    while True:
        with socket.socket() as client:
            client.settimeout(20)
            # So that thousands of connections leave no port behind.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            try:
                client.connect((parts.hostname, parts.port))
            except ConnectionRefusedError:
                return answered
            client.sendall(request)
            received = b""
            while data := client.recv(1 << 16):
                received += data
        head, _, body = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), received[:100]
        assert f"content-length: {len(body)}\r\n".encode() in head.lower() + b"\r\n"
        answered += 1
        if answered == 100:
            begun.set()


@pytest.mark.parametrize("processes", ["1", "2"])
def test_no_connection_that_was_made_is_reset_when_the_server_ends(
    workspace: Workspace, processes: str
) -> None:
    path = path_of(workspace.make("blob", blob("first")).id(2))
    flags = ("-s", "store", "--processes", processes)
    with (
        chunk_server(*flags, directory=workspace.path) as server,
        ThreadPoolExecutor(8) as threads,
    ):
        begun = [Event() for _ in range(8)]
        asking = [threads.submit(ask_until_refused, server.url, path, one) for one in begun]
        assert all(one.wait(60) for one in begun)
        code = server.stop()
        answered = [one.result() for one in asking]

    assert code == 0
    assert min(answered) >= 100


def test_a_client_that_keeps_its_connection_is_told_with_its_last_answer(
    workspace: Workspace,
) -> None:
    path = path_of(workspace.make("blob", blob("first")).id(2))
    with chunk_server("-s", "store", directory=workspace.path) as server:
        parts = urlsplit(server.url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        with closing(connection):
            for number in range(1_000_000):
                if number == 100:
                    server.process.send_signal(signal.SIGTERM)
                connection.request("GET", path)
                answer = connection.getresponse()
                whole = len(answer.read()) == int(answer.headers["Content-Length"])
                assert (answer.status, whole) == (200, True)
                if answer.will_close:
                    break
        code = server.process.wait(20)

    assert number >= 100
    assert code == 0


def test_a_connection_that_is_kept_but_idle_holds_up_nothing(workspace: Workspace) -> None:
    path = path_of(workspace.make("blob", blob("first")).id(2))
    with chunk_server("-s", "store", "--drain", "10m", directory=workspace.path) as server:
        parts = urlsplit(server.url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        with closing(connection):
            connection.request("GET", path)
            connection.getresponse().read()
            code = server.stop()

    assert code == 0
