"""Large files, sent over real connections by either event loop."""

import asyncio
import os
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiohttp import web
from aiohttp.web_request import BaseRequest

from desync_jobs.server.answers import file_content
from tests.servers.certificates import Authority

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
CONTENT = os.urandom(3 << 20)
Read = Callable[[asyncio.StreamReader], Coroutine[Any, Any, bytes]]


class Served:
    """A server of one file, called `size` bytes long, and what it was asked with."""

    def __init__(self, file: Path, size: int = len(CONTENT)) -> None:
        self._file = file
        self._size = size
        self.errors: list[BaseException] = []

    async def answer(self, request: BaseRequest) -> web.StreamResponse:
        descriptor = os.open(self._file, os.O_RDONLY)
        try:
            return await file_content(request, descriptor, self._size, {}, '"x"')
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            os.close(descriptor)

    async def asked(
        self, sent: bytes, read: Read, certificates: tuple[ssl.SSLContext, ssl.SSLContext] | None
    ) -> bytes:
        loop = asyncio.get_running_loop()
        ours, theirs = certificates or (None, None)
        server = web.Server(self.answer, access_log=None)
        listener = await loop.create_server(server, "127.0.0.1", 0, ssl=ours)
        port = listener.sockets[0].getsockname()[1]
        reading, writing = await asyncio.open_connection("localhost", port, ssl=theirs, limit=1024)
        writing.write(sent)
        async with asyncio.timeout(60):
            received = await read(reading)
        writing.close()
        listener.close()
        await server.shutdown(5)
        return received


def run(
    loop: Callable[[], asyncio.AbstractEventLoop],
    served: Served,
    sent: bytes,
    read: Read,
    certificates: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
) -> bytes:
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(served.asked(sent, read, certificates))


async def answers(reading: asyncio.StreamReader) -> bytes:
    """Read two answers slowly, and return the bodies."""
    received = b""
    for _ in range(2):
        head = await reading.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split()[0])
        while length:
            data = await reading.read(min(length, 100_000))
            assert data, "the connection was closed"
            length -= len(data)
            received += data
            await asyncio.sleep(0)
    return received


async def everything(reading: asyncio.StreamReader) -> bytes:
    return await reading.read()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(CONTENT)
    return tmp_path / "file"


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("secured", [False, True])
def test_a_file_and_a_part_of_it_come_whole_one_after_the_other(
    loop: Callable[[], asyncio.AbstractEventLoop],
    file: Path,
    tmp_path: Path,
    secured: bool,
) -> None:
    certificates = None
    if secured:
        authority = Authority(tmp_path / "ca")
        certificates = authority.server(), ssl.create_default_context(cafile=authority.file)
    whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    part = b"GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=1000-2500000\r\n\r\n"

    received = run(loop, Served(file), whole + part, answers, certificates)

    assert received == CONTENT + CONTENT[1000:2_500_001]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_file_that_is_shorter_than_was_told_ends_the_connection(
    loop: Callable[[], asyncio.AbstractEventLoop], file: Path
) -> None:
    served = Served(file, len(CONTENT) + 1)
    received = run(loop, served, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", everything)

    assert received.endswith(b"\r\n\r\n" + CONTENT)
    assert [str(one) for one in served.errors] == [
        "the file is shorter than it was, and its length was told"
    ]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_goes_away_ends_the_sending(
    loop: Callable[[], asyncio.AbstractEventLoop], file: Path
) -> None:
    async def little(reading: asyncio.StreamReader) -> bytes:
        return await reading.readexactly(100)

    before = len(os.listdir("/proc/self/fd"))
    served = Served(file)
    run(loop, served, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", little)

    assert len(os.listdir("/proc/self/fd")) == before
