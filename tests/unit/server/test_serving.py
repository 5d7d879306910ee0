import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web
from aiohttp.web_request import BaseRequest

from desync_jobs.errors import ServerError
from desync_jobs.manifest.serving import Address
from desync_jobs.server import serving
from desync_jobs.server.authorization import Authorization
from desync_jobs.server.front import Admission, Front
from desync_jobs.server.listening import bind
from desync_jobs.server.metrics import Metrics, new_board
from desync_jobs.server.serving import Limits, Serving, Site

REQUEST = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"


class Saying:
    """An app that answers with one text."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def answer(self, request: BaseRequest) -> web.StreamResponse:
        del request
        return web.Response(text=self._text)


class Told:
    """A `Control` that does what a test says."""

    def __init__(self) -> None:
        self.stopped = False
        self.change: Callable[[], Site] | None = None
        self.is_ready = asyncio.Event()

    def ready(self) -> None:
        self.is_ready.set()

    def reload(self) -> Callable[[], Site] | None:
        change, self.change = self.change, None
        return change


class Running:
    """A server in this process's event loop."""

    def __init__(self, limits: Limits) -> None:
        self.metrics = Metrics(new_board(1), 0)
        self.said: list[str] = []
        self.told = Told()
        self._sockets = bind(Address("127.0.0.1", 0))
        self.address = self._sockets[0].getsockname()
        admission = Admission(Saying("first"), Authorization(None))
        front = Front(admission, self.metrics, self.said.append)
        self._serving = Serving(front, self._sockets, limits, self.metrics)

    async def serve(self) -> None:
        await self._serving.run(None, self.told, self.said.append)

    async def sent(self, data: bytes) -> bytes:
        """Send something on a new connection, and return all that comes until it is closed."""
        reading, writing = await asyncio.open_connection(*self.address)
        writing.write(data)
        async with asyncio.timeout(20):
            received = await reading.read()
        writing.close()
        return received

    async def until(self, name: str, figure: int) -> None:
        def wait() -> None:
            while self.metrics.total(name) != figure:
                time.sleep(0.005)

        await asyncio.to_thread(wait)


def run(
    work: Callable[[Running], Coroutine[Any, Any, object]], limits: Limits | None = None
) -> object:
    async def inside() -> object:
        running = Running(limits or Limits())
        task = asyncio.create_task(running.serve())
        async with asyncio.timeout(60):
            await running.told.is_ready.wait()
            found = await work(running)
            running.told.stopped = True
            await task
        return found

    return asyncio.run(inside())


@pytest.mark.parametrize("data", [b"", REQUEST[:10], REQUEST[:-2], REQUEST + REQUEST[:10]])
def test_a_connection_that_sends_no_whole_request_is_closed_after_its_time(
    monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    """desync waited for headers for ever once (its pull request 329)."""
    monkeypatch.setattr(serving, "_IDLE_TIMEOUT", 0.1)

    answer = run(lambda running: running.sent(data))

    assert isinstance(answer, bytes)
    assert answer.count(b"HTTP/1.1 200 OK") == data.count(REQUEST)


def test_a_client_has_a_minute_to_take_something_of_an_answer() -> None:
    """The system gives up a connection whose other end takes nothing, or is gone."""
    (listener,) = bind(Address("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()):
        listener.setblocking(True)  # noqa: FBT003 - the name says it
        accepted, _ = listener.accept()
        with accepted:
            given = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert given == 60_000


def test_one_connection_more_than_allowed_is_refused_and_counted() -> None:
    async def work(running: Running) -> bytes:
        first = await asyncio.open_connection(*running.address)
        await running.until("connections", 1)
        refused = await running.sent(b"")
        first[1].close()
        await running.until("connections", 0)
        return refused

    answer = run(work, Limits(connections=1))

    assert isinstance(answer, bytes)
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"Retry-After: 1\r\n" in answer


def test_a_reload_exchanges_the_app_and_one_that_fails_leaves_everything() -> None:
    closing = b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    async def work(running: Running) -> list[bytes]:
        answers = [await running.sent(closing)]
        second = Site(Admission(Saying("second"), Authorization(None)))
        running.told.change = lambda: second
        await running.until("reloads", 1)
        answers.append(await running.sent(closing))

        def fail() -> Site:
            raise ServerError("no such certificate")

        running.told.change = fail
        await running.until("failed_reloads", 1)
        answers.append(await running.sent(closing))
        assert running.said == ["reload failed, everything stays as it was: no such certificate"]
        return [one.rpartition(b"\r\n")[2] for one in answers]

    assert run(work) == [b"first", b"second", b"second"]


def test_a_server_that_ends_closes_idle_connections() -> None:
    async def work(running: Running) -> bytes:
        reading, writing = await asyncio.open_connection(*running.address)
        writing.write(REQUEST)
        head = await reading.readuntil(b"\r\n\r\n")
        running.told.stopped = True
        async with asyncio.timeout(20):
            rest = await reading.read()
        writing.close()
        return head[:15] + rest

    assert run(work) == b"HTTP/1.1 200 OKfirst"
