"""One connection: exact reads by one thread, whole messages by many."""

import select
import socket
import time
from threading import Lock
from typing import Final

from desync_jobs.core.chunk import BytesLike
from desync_jobs.formats.nbd.values import NbdFormatError

STALLED: Final = 60.0
"""Seconds in which a client has to take something of what is sent, or to go on with a message."""
_READ: Final = 1 << 16
_PARTS: Final = 512
"""The most parts that one system call is given."""


class Channel:
    """The connection `sock`, which it does not close.

    A client that has gone, or does not go on, is an `OSError` or `NbdFormatError`.
    """

    def __init__(self, sock: socket.socket, stalled: float = STALLED) -> None:
        self._sock = sock
        self._sending = Lock()
        self._received = bytearray()
        self._buffer = bytearray(_READ)
        self._end: float | None = None
        self.ending = False
        """Whether no further request is wanted."""
        sock.settimeout(stalled)

    def expect_within(self, seconds: float | None) -> None:
        """Have everything from now on come within `seconds`, or whenever it comes."""
        self._end = None if seconds is None else time.monotonic() + seconds

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        taken = self.take_or_end(size)
        if taken is None:
            raise NbdFormatError("the client's stream ends too early")
        return taken

    def take_or_end(self, size: int) -> bytes | None:
        """Return the next `size` bytes, None where the stream ends before the first of them."""
        while len(self._received) < size:
            if not self._fill():
                if self._received:
                    raise NbdFormatError("the client's stream ends within a message")
                return None
        taken = bytes(memoryview(self._received)[:size])
        del self._received[:size]
        return taken

    def drop(self, size: int) -> None:
        """Read `size` bytes and forget them."""
        while size:
            size -= len(self.take(min(size, _READ)))

    def send(self, *parts: BytesLike) -> None:
        """Send all `parts`, with nothing of another message between them."""
        views = [memoryview(part) for part in parts if len(part)]
        with self._sending:
            try:
                self._send(views)
            except OSError:
                self.abort()  # nobody could tell where the next message begins
                raise

    def end(self) -> None:
        """Take no further request; what is to be sent still is."""
        self.ending = True
        self._shut(socket.SHUT_RD)

    def abort(self) -> None:
        """Give up: whoever reads or writes hears of it at once."""
        self.ending = True
        self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        try:
            self._sock.shutdown(how)
        except OSError:
            return  # it has gone already

    def _send(self, views: list[memoryview]) -> None:
        begin = 0
        while begin < len(views):
            sent = self._sock.sendmsg(views[begin : begin + _PARTS])
            while begin < len(views) and sent >= len(views[begin]):
                sent -= len(views[begin])
                begin += 1
            if sent:
                views[begin] = views[begin][sent:]

    def _fill(self) -> int:
        """Read what is there, waiting for it; return how much that was, 0 at the end."""
        while True:
            self._wait()
            try:
                count = self._sock.recv_into(self._buffer)
            except TimeoutError:
                if self._received:
                    raise
                continue  # a client may be idle between its requests
            self._received += memoryview(self._buffer)[:count]
            return count

    def _wait(self) -> None:
        if self._end is None:
            return
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        if not poll.poll(max(0.0, self._end - time.monotonic()) * 1000):
            raise NbdFormatError("the client took too long")
