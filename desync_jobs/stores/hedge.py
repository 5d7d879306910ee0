"""Hedged reads: a slow answer is raced by another store.

A store that has not answered after a while is not waited for alone: the rest of the stores is
asked for the same chunks, and whoever has all of them first is listened to. Costs a second
request for the slowest few; cuts off their tail. Source: Dean and Barroso, "The Tail at Scale",
CACM 56(2), 2013.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from typing import Final

from desync_jobs.core.chunk import ChunkID
from desync_jobs.stores.base import Chunk, ChunkSource, Fetched, Presence, StoredSize
from desync_jobs.stores.counters import Counts
from desync_jobs.stores.forwarding import ForwardingSource
from desync_jobs.stores.router import StoreRouter

_THREADS: Final = 64
"""The most requests under way; made as they are needed."""


class HedgedSource:
    """A `ChunkSource` that asks `first`, and after `seconds` without an answer `rest` too.

    What is asked, and what a failure means, is as for a router over the two otherwise.
    """

    def __init__(self, first: ChunkSource, rest: ChunkSource, seconds: float) -> None:
        self._router = StoreRouter([first, rest])
        self.name = self._router.name
        self._first = first
        self._rest = rest
        self._alone = (first.name,)
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="hedge")

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        slow = self._threads.submit(self._first.fetch, ids)
        rest: ChunkSource = self._rest
        if wait([slow], self._seconds).not_done:
            raced = self._threads.submit(self._rest.fetch, ids)
            for future in as_completed([slow, raced]):
                if _has_all(future):
                    return future.result()
            rest = _Given(self._rest, ids, raced)
        return StoreRouter([_Given(self._first, ids, slow), rest]).fetch(ids)

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        return self._router.presence(ids)

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        """Say where `ids` come from; nobody knows who wins the race for what `first` has."""
        return [
            StoredSize(Presence.UNKNOWN, one.asked)
            if one.presence is Presence.YES and one.asked == self._alone
            else one
            for one in self._router.stored_sizes(ids)
        ]

    def counts(self) -> dict[str, Counts]:
        return self._router.counts()

    def close(self) -> None:
        """Have its threads end; nothing is fetched after that."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Given(ForwardingSource):
    """A source whose answers are there or on their way."""

    def __init__(
        self, source: ChunkSource, ids: Sequence[ChunkID], answers: "Future[list[Fetched]]"
    ) -> None:
        super().__init__(source)
        self._ids = ids
        self._answers = answers

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        answers = dict(zip(self._ids, self._answers.result(), strict=True))
        return [answers[chunk_id] for chunk_id in ids]


def _has_all(future: "Future[list[Fetched]]") -> bool:
    """Tell whether an answer that is there has every chunk."""
    return future.exception() is None and all(
        isinstance(answer, Chunk) for answer in future.result()
    )
