"""One process that serves: its event loop, its connections, and how it reloads and ends.

It ends in order: newcomers are kept out, who came before is still let in, every answer from then
on is the last of its connection; then it stops listening, lets requests under way finish within a
time, and closes connections that are idle. A reload exchanges what answers requests and the
certificates of new connections; sockets stay open in between, so no client is turned away.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from desync_jobs.errors import DesyncRunError
from desync_jobs.server.front import Admission, Front
from desync_jobs.server.listening import BACKLOG
from desync_jobs.server.metrics import Metrics
from desync_jobs.server.newcomers import keep_out, waiting

_LOOK_AGAIN: Final = 0.1
_IDLE_TIMEOUT: Final = 120.0
"""Seconds that a connection may go without a whole request, as in desync."""
_HANDSHAKE_TIMEOUT: Final = 30.0
_HANDSHAKES: Final = 0.1
"""Seconds for connections half made when the server ends."""
_LAST_REQUESTS: Final = 0.5
"""Seconds for requests that were sent already then, on connections that seem idle."""
_ABORTED_WITHIN: Final = 1.0
_LONGEST_LINE: Final = 8190
_MOST_HEADERS: Final = 64
_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n"
    b"Connection: close\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Site:
    """What is served now: what a reload exchanges."""

    admission: Admission
    tls: ssl.SSLContext | None = None


class Control(Protocol):
    """How a process that serves is told what to do; looked at ten times a second."""

    def ready(self) -> None:
        """Take note that connections are accepted."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether it is to end."""
        ...

    def reload(self) -> Callable[[], Site] | None:
        """Return what makes the new site, once for each time that one is wanted."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is let in, and for how long."""

    connections: int = 1024
    drain: float = 30.0
    """Seconds for requests under way when the server ends."""


class Serving:
    """Serves `site` on `sockets`, which stay open for whoever gave them."""

    def __init__(
        self, front: Front, sockets: Sequence[socket.socket], limits: Limits, metrics: Metrics
    ) -> None:
        self._front = front
        self._sockets = sockets
        self._limits = limits
        self._metrics = metrics
        self._listeners: list[asyncio.Server] = []

    async def run(
        self, tls: ssl.SSLContext | None, control: Control, report: Callable[[str], None]
    ) -> None:
        """Serve until `control` says stop, and until what was under way then is done."""
        server = _Connections(self._front, self._limits.connections, self._metrics)
        await self._listen(server, tls)
        control.ready()
        while not control.stopped:
            await asyncio.sleep(_LOOK_AGAIN)
            change = control.reload()
            if change is not None:
                await self._reload(server, change, report)
        await self._drain(server)

    async def _listen(self, server: "_Connections", tls: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        before, self._listeners = self._listeners, []
        limit = None if tls is None else _HANDSHAKE_TIMEOUT
        for one in self._sockets:
            # A copy, because what is listened on is closed together with its server.
            listener = await loop.create_server(
                server,
                sock=one.dup(),
                backlog=BACKLOG,
                ssl=tls,
                ssl_handshake_timeout=limit,
            )
            self._listeners.append(listener)
        for listener in before:
            listener.close()

    async def _reload(
        self,
        server: "_Connections",
        change: Callable[[], Site],
        report: Callable[[str], None],
    ) -> None:
        try:
            site = await asyncio.to_thread(change)
            if self._front.log is not None:
                self._front.log.reopen()
            self._front.admission = site.admission
            await self._listen(server, site.tls)
        except (DesyncRunError, OSError) as error:
            self._metrics.add("failed_reloads")
            report(f"reload failed, everything stays as it was: {error}")
            return
        self._metrics.add("reloads")

    async def _drain(self, server: "_Connections") -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._limits.drain
        self._front.draining = True
        await self._last_come(server, min(end, loop.time() + _LAST_REQUESTS))
        for listener in self._listeners:
            listener.close()
        for one in self._sockets:
            one.close()
        closing: dict[RequestHandler, asyncio.Future[None]] = {}
        while server.connections and loop.time() < end:
            for connection in server.connections:
                # Of a busy one the rest of a body may be still to come.
                if connection not in self._front.busy and connection not in closing:
                    connection.close()  # it waits for no request any more, but sends its answer
                    left = connection.shutdown(end - loop.time())
                    closing[connection] = asyncio.ensure_future(left)
            await asyncio.sleep(_LOOK_AGAIN / 5)
        server.abort()
        await server.shutdown(_ABORTED_WITHIN)
        await asyncio.gather(*closing.values(), return_exceptions=True)

    async def _last_come(self, server: "_Connections", end: float) -> None:
        """Let in who has connected already, and answer what was sent; return at `end` at last."""
        loop = asyncio.get_running_loop()
        try:
            for one in self._sockets:
                keep_out(one)
        except OSError:
            return  # a system without packet filters
        await asyncio.sleep(min(_HANDSHAKES, end - loop.time()))
        while loop.time() < end:
            if not server.connections and not any(map(waiting, self._sockets)):
                return
            await asyncio.sleep(_LOOK_AGAIN / 5)


class _Connections(web.Server):
    """The connections of one process, no more than `limit`."""

    def __init__(self, front: Front, limit: int, metrics: Metrics) -> None:
        options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "keepalive_timeout": _IDLE_TIMEOUT,
            "logger": _silent_logger(),
            "max_field_size": _LONGEST_LINE,
            "max_headers": _MOST_HEADERS,
            "max_line_size": _LONGEST_LINE,
        }
        super().__init__(front.handle, **options)
        self._limit = limit
        self._metrics = metrics
        self._transports: dict[RequestHandler, asyncio.Transport] = {}

    def abort(self) -> None:
        """Give up every connection, whatever is still to be sent."""
        for transport in list(self._transports.values()):
            transport.abort()

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._transports[handler] = transport
        self._metrics.add("connections")
        if len(self.connections) > self._limit:
            self._metrics.add("refused_connections")
            transport.write(_BUSY)
            transport.close()

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        if self._transports.pop(handler, None) is not None:
            self._metrics.add("connections", -1)


def _silent_logger() -> logging.Logger:
    """Return a logger that tells nobody: what clients send wrong is not the server's trouble."""
    logger = logging.Logger("desync-run.server")  # noqa: LOG001 - one that is not in the tree
    logger.addHandler(logging.NullHandler())
    return logger
