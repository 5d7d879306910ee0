"""From threads that wait to coroutines that do not: one event loop in a thread of its own."""

import asyncio
from collections.abc import Coroutine
from threading import Lock, Thread
from typing import Any, TypeVar

T = TypeVar("T")


class Bridge:
    """An event loop, started at first use. Safe to use from many threads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, coroutine: Coroutine[Any, Any, T], limit: float | None = None) -> T:
        """Return what `coroutine` returns.

        `TimeoutError` where it takes longer than `limit` seconds; it is cancelled then.
        """
        return asyncio.run_coroutine_threadsafe(
            asyncio.wait_for(coroutine, limit), self._started()
        ).result()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # Nobody waits for it at the end: what it has open is closed with the process.
                Thread(target=self._loop.run_forever, name=self._name, daemon=True).start()
            return self._loop
