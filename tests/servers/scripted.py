"""A web server that answers as told, byte by byte: right, wrong, late, in part, or not at all.

with scripted_server(Reply(503), Reply(body=b"content")) as server:
    ...  # the first request is answered by the first reply, and so on
    assert [one.method for one in server.received] == ["GET", "GET"]
"""

import socket
import ssl
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from threading import Event, Lock, Thread
from typing import BinaryIO, Final, TypeAlias

_ENOUGH: Final = 1 << 20
_WORDS_OF_A_REQUEST: Final = 3


class End(Enum):
    """What becomes of a connection after a reply."""

    KEPT = "kept"
    CLOSED = "closed"
    RESET = "reset"
    STALLED = "stalled"
    """Nothing more is sent until the server ends."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, exactly."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = -1
    """What `Content-Length` says; -1 for the truth, None for no such header."""
    after: float = 0.0
    """Seconds before anything is sent."""
    raw: bytes | None = None
    """Sent instead of all else."""
    drip: float | None = None
    """Seconds before each byte of the body."""
    endless: bool = False
    """The body is repeated until nobody listens."""
    end: End = End.KEPT


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes


Answer: TypeAlias = Callable[[Received], Reply]


class ScriptedServer:
    """A running server. Requests beyond the script get `otherwise`."""

    def __init__(self, replies: tuple[Reply, ...], otherwise: Reply | Answer) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.most_at_once = 0
        """The most requests that were being answered at one time."""
        self._replies = list(replies)
        self.otherwise = otherwise
        self._now = 0
        self._lock = Lock()
        self._ended = Event()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections until `stop`."""
        if tls is not None:
            self.url = f"https://localhost:{self.port}"
        Thread(target=self._accept, args=(tls,), daemon=True).start()

    def stop(self) -> None:
        """End, and close every connection."""
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, tls: ssl.SSLContext | None) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                Thread(target=self._converse, args=(connection, tls), daemon=True).start()

    def _converse(self, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
        with suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            stream = connection if tls is None else tls.wrap_socket(connection, server_side=True)
            with stream, stream.makefile("rb") as incoming:
                while (request := _read(incoming)) is not None:
                    end = self._serve(stream, request)
                    if end is not End.KEPT:
                        self._finish(stream, end)
                        return

    def _serve(self, stream: socket.socket, request: Received) -> End:
        with self._lock:
            self.received.append(request)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            reply = self._replies.pop(0) if self._replies else self.otherwise
        if not isinstance(reply, Reply):
            reply = reply(request)
        self._ended.wait(reply.after)
        with self._lock:
            # Not after it is sent: who has it may have asked the next thing before that is noted.
            self._now -= 1
        self._send(stream, request, reply)
        return reply.end

    def _send(self, stream: socket.socket, request: Received, reply: Reply) -> None:
        if reply.raw is not None:
            stream.sendall(reply.raw)
            return
        stream.sendall(_head(reply))
        body = b"" if request.method == "HEAD" else reply.body
        if reply.drip is not None:
            for byte in body:
                self._ended.wait(reply.drip)
                stream.sendall(bytes([byte]))
            return
        stream.sendall(body)
        while reply.endless and not self._ended.is_set():
            stream.sendall(reply.body)

    def _finish(self, stream: socket.socket, end: End) -> None:
        if end is End.STALLED:
            self._ended.wait()
        if end is End.RESET:
            # Closing with nothing lingering sends a reset instead of an end.
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def scripted_server(
    *replies: Reply, otherwise: Reply | Answer | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[ScriptedServer]:
    """Serve `replies` in turn, and 599 (or `otherwise`) after them."""
    server = ScriptedServer(replies, otherwise or Reply(599, b"beyond the script"))
    server.serve(tls)
    try:
        yield server
    finally:
        server.stop()


def _head(reply: Reply) -> bytes:
    headers = dict(reply.headers)
    if reply.length is not None:
        length = len(reply.body) if reply.length < 0 else reply.length
        headers.setdefault("Content-Length", str(length))
    lines = [f"HTTP/1.1 {reply.status} As told", *(f"{key}: {headers[key]}" for key in headers)]
    return "\r\n".join([*lines, "", ""]).encode()


def _read(incoming: BinaryIO) -> Received | None:
    words = incoming.readline(_ENOUGH).decode("latin-1").split()
    if len(words) != _WORDS_OF_A_REQUEST:
        return None  # the end, or something that is not HTTP
    method, target, _ = words
    headers: dict[str, str] = {}
    while (header := incoming.readline(_ENOUGH)) not in (b"\r\n", b""):
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = incoming.read(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body)
