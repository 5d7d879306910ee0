"""Requests for one chunk at the same time become one request.

For servers and mounts, whose clients ask for the same chunks at once. The first caller asks;
the others wait and get the same answer or the same error. Nothing is kept afterwards. A chunk that
is being stored is answered from what is stored, and storing never waits for a reader.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

from desync_jobs.core.chunk import ChunkID
from desync_jobs.stores.base import Chunk, ChunkSource, ChunkStore, Fetched, Presence, Stored
from desync_jobs.stores.forwarding import ForwardingSource

A = TypeVar("A")


class InFlight(Generic[A]):
    """Answers that are under way, by the chunk they are about."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[ChunkID, Future[A]] = {}

    def answers(
        self, ids: Sequence[ChunkID], ask: Callable[[Sequence[ChunkID]], Sequence[A]]
    ) -> list[A]:
        """Answer for each of `ids`, asking for those that nobody is asking for."""
        with self._lock:
            found = {chunk_id: self._waiting.get(chunk_id) for chunk_id in dict.fromkeys(ids)}
            mine: dict[ChunkID, Future[A]] = {
                chunk_id: Future() for chunk_id, future in found.items() if future is None
            }
            self._waiting.update(mine)
        if mine:
            self._ask(mine, ask)
        futures = {one: future or mine[one] for one, future in found.items()}
        return [futures[chunk_id].result() for chunk_id in ids]

    def _ask(
        self,
        mine: dict[ChunkID, "Future[A]"],
        ask: Callable[[Sequence[ChunkID]], Sequence[A]],
    ) -> None:
        try:
            given = list(zip(mine.values(), ask(list(mine)), strict=True))
        except BaseException as error:
            self._forget(mine)
            for future in mine.values():
                future.set_exception(error)
            raise
        # Out of the table first: who comes later asks anew.
        self._forget(mine)
        for future, answer in given:
            future.set_result(answer)

    def _forget(self, mine: dict[ChunkID, "Future[A]"]) -> None:
        with self._lock:
            for chunk_id in mine:
                del self._waiting[chunk_id]


class DedupSource(ForwardingSource):
    """A `ChunkSource` that asks `source` for a chunk once at a time."""

    def __init__(self, source: ChunkSource) -> None:
        super().__init__(source)
        self._fetches: InFlight[Fetched] = InFlight()
        self._looks: InFlight[Presence] = InFlight()

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        return self._fetches.answers(ids, super().fetch)

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        return self._looks.answers(ids, super().presence)


class DedupStore(DedupSource):
    """The same for a store that is written to: a chunk is put once at a time."""

    def __init__(self, store: ChunkStore) -> None:
        super().__init__(store)
        self._store = store
        self._puts: InFlight[Stored] = InFlight()
        self._lock = Lock()
        self._storing: dict[ChunkID, Chunk] = {}

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        with self._lock:
            storing = {one: self._storing[one] for one in ids if one in self._storing}
        rest = [one for one in ids if one not in storing]
        fetched = iter(super().fetch(rest))
        return [storing[one] if one in storing else next(fetched) for one in ids]

    def put(self, chunks: Sequence[Chunk]) -> Stored:
        """Put each of `chunks`, each by itself, unless another caller is doing so."""
        by_id = {chunk.id: chunk for chunk in chunks}

        def store(ids: Sequence[ChunkID]) -> list[Stored]:
            mine = {one: by_id[one] for one in ids}
            with self._lock:
                self._storing.update(mine)
            try:
                return [self._store.put([chunk]) for chunk in mine.values()]
            finally:
                with self._lock:
                    for one in mine:
                        del self._storing[one]

        done = self._puts.answers(list(by_id), store)
        return Stored(sum(one.chunks for one in done), sum(one.size for one in done))
