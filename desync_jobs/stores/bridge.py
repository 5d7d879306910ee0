"""From threads that wait to coroutines that do not: one event loop in a thread of its own."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any, Final, TypeVar

T = TypeVar("T")

_PARTING: Final = 0.5
"""Seconds for what is under way to hear that it is not wanted any more."""


class Bridge:
    """An event loop, started at first use. Safe to use from many threads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._closed = False
        self._awaited: set[Future[Any]] = set()

    def run(self, coroutine: Coroutine[Any, Any, T], limit: float | None = None) -> T:
        """Return what `coroutine` returns.

        `TimeoutError` where it takes longer than `limit` seconds; it is cancelled then.
        """
        with self._lock:
            if self._closed:
                coroutine.close()
                raise RuntimeError(f"{self._name} is closed")
            loop = self._started()
            answer = asyncio.run_coroutine_threadsafe(asyncio.wait_for(coroutine, limit), loop)
            self._awaited.add(answer)
        try:
            return answer.result()
        finally:
            self._awaited.discard(answer)

    def close(self, last: Callable[[], None]) -> None:
        """Call `last` in the loop and end it; what is under way there is cancelled.

        Running anything after that is a `RuntimeError`.
        """
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(_end(last), loop)
            thread.join(2 * _PARTING)
            for answer in list(self._awaited):
                answer.cancel()  # of what did not hear that it was cancelled

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = loop = asyncio.new_event_loop()
            # No end of the process waits for it: what it has open then is closed with that.
            self._thread = Thread(target=_turn, args=(loop,), name=self._name, daemon=True)
            self._thread.start()
        return self._loop


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _end(last: Callable[[], None]) -> None:
    last()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for one in others:
        one.cancel()
    if others:
        await asyncio.wait(others, timeout=_PARTING)
    # What transports have to do when they are closed comes in the next rounds.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asyncio.get_running_loop().stop()
