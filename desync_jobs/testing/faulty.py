"""A store that fails where it is told, to see what becomes of a run then."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal, TypeAlias

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkInvalidError
from desync_jobs.stores.base import (
    Chunk,
    ChunkStore,
    Fetched,
    Presence,
    Stored,
    StoredEntry,
    StoredSize,
)
from desync_jobs.stores.counters import Counts

Verb: TypeAlias = Literal[
    "fetch",
    "examine",
    "presence",
    "stored_sizes",
    "compressed_sizes",
    "prepare",
    "put",
    "replace",
    "touch",
    "flush",
    "entries",
    "remove",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """The `call`-th call of a verb, counted from 1, raises `error`."""

    verb: Verb
    call: int
    error: Exception
    done: int = 0
    """How many chunks of that call are put or replaced all the same."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was made, whether it failed or not."""

    verb: Verb
    items: int
    """Chunks, IDs or entries it was about."""


class FaultyStore:
    """A `ChunkStore` that does what `inner` does, but for its faults.

    `answers` are given by `fetch` instead of those of `inner`; `calls` is what was asked so
    far, in order.
    """

    def __init__(
        self,
        inner: ChunkStore,
        faults: Sequence[Fault] = (),
        answers: Mapping[ChunkID, Fetched] | None = None,
    ) -> None:
        self.name = inner.name
        self.inner = inner
        self.calls: list[Call] = []
        self._faults = {(fault.verb, fault.call): fault for fault in faults}
        self._answers = dict(answers or {})
        self._lock = Lock()

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        self._enter("fetch", len(ids))
        fetched = self.inner.fetch(ids)
        return [
            self._answers.get(chunk_id, answer)
            for chunk_id, answer in zip(ids, fetched, strict=True)
        ]

    def examine(self, entries: Sequence[StoredEntry]) -> list[ChunkInvalidError | None]:
        self._enter("examine", len(entries))
        return self.inner.examine(entries)

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        self._enter("presence", len(ids))
        return self.inner.presence(ids)

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        self._enter("stored_sizes", len(ids))
        return self.inner.stored_sizes(ids)

    def compressed_sizes(self, ids: Sequence[ChunkID]) -> list[int | None]:
        self._enter("compressed_sizes", len(ids))
        return self.inner.compressed_sizes(ids)

    def counts(self) -> dict[str, Counts]:
        return self.inner.counts()

    def prepare(self) -> None:
        self._enter("prepare", 0)
        self.inner.prepare()

    def put(self, chunks: Sequence[Chunk]) -> Stored:
        fault = self._record("put", len(chunks))
        if fault is None:
            return self.inner.put(chunks)
        self.inner.put(chunks[: fault.done])
        raise fault.error

    def replace(self, chunks: Sequence[Chunk]) -> None:
        fault = self._record("replace", len(chunks))
        self.inner.replace(chunks if fault is None else chunks[: fault.done])
        if fault is not None:
            raise fault.error

    def touch(self, chunks: Sequence[Chunk]) -> None:
        self._enter("touch", len(chunks))
        self.inner.touch(chunks)

    def flush(self) -> None:
        self._enter("flush", 0)
        self.inner.flush()

    def entries(self) -> Iterator[StoredEntry]:
        self._enter("entries", 0)
        return self.inner.entries()

    def remove(self, entry: StoredEntry) -> None:
        self._enter("remove", 1)
        self.inner.remove(entry)

    def _enter(self, verb: Verb, items: int) -> None:
        fault = self._record(verb, items)
        if fault is not None:
            raise fault.error

    def _record(self, verb: Verb, items: int) -> Fault | None:
        with self._lock:
            self.calls.append(Call(verb, items))
            number = sum(call.verb == verb for call in self.calls)
        return self._faults.get((verb, number))
