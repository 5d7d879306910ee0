"""This program as a server, in a process of its own."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from desync_jobs.core.chunk import ChunkID
from desync_jobs.stores.layout import chunk_name

_WITHIN: Final = 20.0
_LISTENING: Final = "listening on "


@dataclass
class OwnServer:
    """A running server; `lines` is what it said on standard error so far."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    reader: Thread | None = None

    @property
    def urls(self) -> list[str]:
        """Where it listens, once it does."""
        line = self.said(_LISTENING)
        return line.partition(_LISTENING)[2].split(", ")

    @property
    def url(self) -> str:
        return self.urls[0]

    def said(self, text: str, times: int = 1) -> str:
        """Wait for a line with `text`, the last of so many, and return it."""
        end = time.monotonic() + _WITHIN
        while time.monotonic() < end:
            found = [line for line in self.lines if text in line]
            if len(found) >= times:
                return found[times - 1]
            if self.process.poll() is not None and self.reader is not None:
                self.reader.join()
                if not any(text in line for line in self.lines):
                    break
            time.sleep(0.01)
        raise AssertionError(f"no line says {text!r}: {self.lines}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(_WITHIN)

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode().rstrip("\n")


def ask(
    url: str, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> Answer:
    """Send one request, with `path` as it is."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_WITHIN)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def path_of(chunk_id: ChunkID, suffix: str = ".cacnk") -> str:
    return f"/{chunk_name(chunk_id, suffix)}"


def spoken(server: OwnServer, sent: bytes) -> bytes:
    """Send bytes, close this side, and return the answer."""
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as client:
        received = b""
        try:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            while data := client.recv(1 << 16):
                received += data
        except ConnectionError:
            pass
        return received


@contextmanager
def own_server(
    *arguments: str, directory: Path, environment: Mapping[str, str] | None = None
) -> Iterator[OwnServer]:
    """Run `desync-run` with these arguments in `directory`; it is killed at the end."""
    command: Sequence[str] = [sys.executable, "-W", "error", "-m", "desync_jobs", *arguments]
    with (
        subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, "PYTHONPATH": os.getcwd(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        followed(process) as server,
    ):
        yield server


@contextmanager
def followed(process: "subprocess.Popen[str]") -> Iterator[OwnServer]:
    """Read what a process says on standard error; it is killed at the end."""
    server = OwnServer(process)
    server.reader = Thread(target=_read, args=(server,), daemon=True)
    server.reader.start()
    try:
        yield server
    finally:
        process.kill()
        server.reader.join()


def _read(server: OwnServer) -> None:
    for line in server.process.stderr or ():
        server.lines.append(line.rstrip("\n"))


@contextmanager
def chunk_server(
    *arguments: str, directory: Path, environment: Mapping[str, str] | None = None
) -> Iterator[OwnServer]:
    """Run a chunk server on a port that is free, and wait until it listens."""
    listening = ("chunk-server", "-l", "127.0.0.1:0", *arguments)
    with own_server(*listening, directory=directory, environment=environment) as server:
        server.said(_LISTENING)
        yield server


@contextmanager
def nbd_server(
    *arguments: str, directory: Path, environment: Mapping[str, str] | None = None
) -> Iterator[OwnServer]:
    """Run an NBD server at the socket `sock` in `directory`, and wait until it listens."""
    listening = ("nbd-server", "--socket", "sock", *arguments)
    with own_server(*listening, directory=directory, environment=environment) as server:
        server.said(_LISTENING)
        yield server
