"""The connections of one server: let in, watched, ended in order.

It ends as the servers of HTTP do: it stops listening, answers what was asked within a time, and
gives up what is left then.
"""

import selectors
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Final, Protocol

from desync_jobs.formats.nbd.values import NbdFormatError
from desync_jobs.server.complaints import Complaints
from desync_jobs.server.nbd.channel import STALLED, Channel
from desync_jobs.server.nbd.export import Export
from desync_jobs.server.nbd.negotiation import Negotiation
from desync_jobs.server.nbd.session import Session
from desync_jobs.server.nbd.tally import Tally

_LOOK_AGAIN: Final = 0.1
_ABORTED_WITHIN: Final = 1.0


class Control(Protocol):
    """How the server is told what to do; looked at ten times a second."""

    def ready(self) -> None:
        """Take note that connections are accepted."""
        ...

    def goes_on(self) -> bool:
        """Tell whether the server is to go on."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is let in, and for how long."""

    connections: int = 64
    drain: float = 30.0
    """Seconds for requests under way when the server ends."""
    stalled: float = STALLED
    """Seconds in which a client has to take or send something while a message is on its way."""


class NbdServer:
    """Serves `export` on `sockets`, which it closes when it ends."""

    def __init__(
        self,
        export: Export,
        sockets: Sequence[socket.socket],
        limits: Limits,
        report: Callable[[str], None],
    ) -> None:
        self.tally = Tally()
        self._export = export
        self._sockets = sockets
        self._limits = limits
        self._complaints = Complaints(report)
        self._lock = Lock()
        self._connections: dict[Channel, Thread] = {}

    def run(self, control: Control) -> None:
        """Serve until `control` says so, and until what was under way then is done."""
        with selectors.DefaultSelector() as selector:
            for one in self._sockets:
                one.setblocking(False)  # noqa: FBT003 - the name says it
                selector.register(one, selectors.EVENT_READ, one)
            control.ready()
            while control.goes_on():
                for key, _ in selector.select(_LOOK_AGAIN):
                    self._accept(key.data)
        self._drain()

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return  # it went away again
        except OSError as error:
            self._complaints.make("a client cannot be let in", str(error.strerror))
            time.sleep(_LOOK_AGAIN)
            return
        with self._lock:
            if len(self._connections) >= self._limits.connections:
                client.close()
                return
            channel = Channel(client, self._limits.stalled)
            thread = Thread(target=self._serve, args=(client, channel), name="nbd", daemon=True)
            self._connections[channel] = thread
            thread.start()

    def _serve(self, client: socket.socket, channel: Channel) -> None:
        try:
            with client:
                _prepare(client)
                agreed = Negotiation(channel, self._export).run()
                if agreed is not None:
                    Session(channel, self._export, agreed, self.tally, self._complaints).serve()
        except (OSError, NbdFormatError):
            return  # what clients do wrong is not the server's trouble
        finally:
            with self._lock:
                del self._connections[channel]

    def _drain(self) -> None:
        for one in self._sockets:
            one.close()
        for channel in self._open():
            channel.end()
        self._wait(self._limits.drain)
        for channel in self._open():
            channel.abort()
        self._wait(_ABORTED_WITHIN)

    def _open(self) -> dict[Channel, Thread]:
        with self._lock:
            return dict(self._connections)

    def _wait(self, seconds: float) -> None:
        """Return when no connection is left, or after `seconds`."""
        end = time.monotonic() + seconds
        for thread in self._open().values():
            thread.join(max(0.0, end - time.monotonic()))


def _prepare(client: socket.socket) -> None:
    if client.family is not socket.AF_UNIX:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)  # noqa: FBT003
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)  # noqa: FBT003
