"""The transfers of one batch: a curl multi handle with its connections, driven by epoll.

Not by `CurlMulti.select`, which cannot wait for descriptors above 1023 and spins instead.
"""

import select
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import pycurl

from desync_jobs.stores.http.handle import Handle
from desync_jobs.stores.http.messages import Request, Response
from desync_jobs.stores.http.options import Setup
from desync_jobs.stores.policy.retry import Failure

_CONNECTIONS_SPARE: Final = 4

_READ: Final = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR


class Transfers:
    """Requests in flight, each under a key of the caller. For one thread at a time.

    Connections are kept between batches, and so are handles.
    """

    def __init__(self, setup: Setup, connections: int) -> None:
        self._setup = setup
        self._sockets = _Sockets()
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._sockets.watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._sockets.set_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections + _CONNECTIONS_SPARE)
        self._free: defaultdict[tuple[str, bool], list[Handle]] = defaultdict(list)
        self._flying: dict[Any, tuple[int, Handle, tuple[str, bool]]] = {}

    def start(
        self, key: int, request: Request, lines: tuple[str, ...], *, fresh: bool = False
    ) -> None:
        """Begin `request`, with `lines` for its headers, on a new connection if `fresh`."""
        kind = request.method, request.keep_headers
        free = self._free[kind]
        handle = (
            free.pop()
            if free
            else Handle(self._setup, request.method, keep_headers=request.keep_headers)
        )
        handle.begin(request, lines, fresh=fresh)
        self._flying[handle.curl] = key, handle, kind
        self._multi.add_handle(handle.curl)

    def step(self, seconds: float) -> Iterator[tuple[int, Response | Failure, int]]:
        """Move bytes for at most `seconds`; yield the key, outcome and bytes of what has ended."""
        self._sockets.act(self._multi, seconds)
        left = 1
        while left:
            left, whole, failed = self._multi.info_read()
            for curl in whole:
                yield self._end(curl)
            for curl, code, message in failed:
                yield self._end(curl, code, message)

    def abort(self) -> None:
        """Give up everything in flight, with its connections."""
        for curl in list(self._flying):
            self._multi.remove_handle(curl)
            curl.close()
        self._flying.clear()

    def close(self) -> None:
        """Close all connections; for no use after that."""
        self.abort()
        for handles in self._free.values():
            for handle in handles:
                handle.curl.close()
        self._free.clear()
        self._multi.close()
        self._sockets.close()

    def _end(
        self, curl: Any, code: int = 0, message: str = ""
    ) -> tuple[int, Response | Failure, int]:
        key, handle, kind = self._flying.pop(curl)
        outcome = handle.failed(code, message) if code else handle.response()
        moved = handle.moved
        self._multi.remove_handle(curl)
        handle.forget()
        self._free[kind].append(handle)
        return key, outcome, moved


class _Sockets:
    """What libcurl wants to be told about: sockets that are ready, and when its timer is due."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: set[int] = set()
        self._due: float | None = None

    def watch(self, what: int, descriptor: int, multi: object, data: object) -> None:
        """Answer libcurl's socket callback."""
        del multi, data
        if what == pycurl.POLL_REMOVE:
            self._watched.discard(descriptor)
            with suppress(OSError):  # closed already
                self._epoll.unregister(descriptor)
            return
        wanted = select.EPOLLIN if what & pycurl.POLL_IN else 0
        wanted |= select.EPOLLOUT if what & pycurl.POLL_OUT else 0
        if descriptor in self._watched:
            with suppress(FileNotFoundError):
                self._epoll.modify(descriptor, wanted)
                return
        self._watched.add(descriptor)
        self._epoll.register(descriptor, wanted)

    def set_timer(self, milliseconds: int) -> None:
        """Answer libcurl's timer callback."""
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def close(self) -> None:
        """Watch nothing any more."""
        self._epoll.close()

    def act(self, multi: Any, seconds: float) -> None:
        """Wait for something to happen, and have libcurl deal with it."""
        due = self._due
        if due is not None:
            seconds = max(0.0, min(seconds, due - time.monotonic()))
        for descriptor, events in self._epoll.poll(seconds):
            ready = pycurl.CSELECT_IN if events & _READ else 0
            ready |= pycurl.CSELECT_OUT if events & select.EPOLLOUT else 0
            multi.socket_action(descriptor, ready)
        if self._due is not None and time.monotonic() >= self._due:
            self._due = None
            multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
            if self._due is None:
                # A timer that was a little early for libcurl's clock is not set again by itself.
                self.set_timer(multi.timeout())
