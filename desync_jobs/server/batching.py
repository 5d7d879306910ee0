"""Requests that arrive together, fetched together.

What is asked for within one turn of the event loop, and while all threads are busy, becomes one
batch; whoever asks for what is on its way already gets the same answer. A batch that fails is asked
again chunk by chunk, so that one file that cannot be read fails nobody else's request.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Final, Generic, TypeVar

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import DesyncRunError

A = TypeVar("A")

BATCH: Final = 16
"""Chunks; a thread has at most so many in memory."""


class Batcher(Generic[A]):
    """Asks `ask`, in at most `threads` threads of `executor` at once, for the answers of `get`.

    An answer that is an error is raised there. To be used from one event loop.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[ChunkID]], Sequence[A | DesyncRunError]],
        executor: Executor,
        threads: int,
    ) -> None:
        self._ask = ask
        self._executor = executor
        self._free = threads
        self._waiting: dict[ChunkID, asyncio.Future[A]] = {}
        """Those not asked for yet."""
        self._under_way: dict[ChunkID, asyncio.Future[A]] = {}
        """Those and the ones that are being asked for."""
        self._woken = False

    async def get(self, chunk_id: ChunkID) -> A:
        """Return the answer for one chunk, or raise what was raised instead."""
        future = self._under_way.get(chunk_id)
        if future is None:
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            self._under_way[chunk_id] = self._waiting[chunk_id] = future
            if not self._woken:
                self._woken = True
                loop.call_soon(self._begin)
        # A client that goes away takes nobody else's answer with it.
        return await asyncio.shield(future)

    def _begin(self) -> None:
        self._woken = False
        loop = asyncio.get_running_loop()
        while self._waiting and self._free:
            ids = list(self._waiting)[:BATCH]
            batch = {one: self._waiting.pop(one) for one in ids}
            self._free -= 1
            done = loop.run_in_executor(self._executor, self._answers, ids)
            done.add_done_callback(lambda result, batch=batch: self._finish(batch, result))  # type: ignore[misc] # mypy knows no lambdas with defaults

    def _answers(self, ids: Sequence[ChunkID]) -> list[A | DesyncRunError]:
        try:
            return list(self._ask(ids))
        except DesyncRunError as error:
            if len(ids) == 1:
                return [error]
        return [answer for one in ids for answer in self._answers([one])]

    def _finish(
        self,
        batch: dict[ChunkID, "asyncio.Future[A]"],
        result: "asyncio.Future[list[A | DesyncRunError]]",
    ) -> None:
        self._free += 1
        failed = result.exception()
        answers = [failed] * len(batch) if failed is not None else result.result()
        for (chunk_id, future), answer in zip(batch.items(), answers, strict=True):
            del self._under_way[chunk_id]
            if isinstance(answer, BaseException):
                future.set_exception(answer)
                future.exception()  # its clients may have gone
            else:
                future.set_result(answer)
        self._begin()
