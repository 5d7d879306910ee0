"""Which of an index's chunks a store lacks, asked in batches."""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.workers import Workers
from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import StoreError
from desync_jobs.execute.opening import Reading, open_stores, store_facts
from desync_jobs.execute.task import Task
from desync_jobs.stores.base import BATCH_CHUNKS, ChunkSource, ChunkStore, Presence

S = TypeVar("S")

_BATCH = BATCH_CHUNKS * 16
"""Asking costs microseconds a chunk where fetching costs a hundred."""


def presence_of(
    source: ChunkSource, ids: NDArray[np.uint8], workers: Workers
) -> Iterable[tuple[int, list[Presence]]]:
    """Yield `(first number, answers)` for all `ids` (shape (n, 32)), in order."""

    def ask(begin: int) -> tuple[int, list[Presence]]:
        return begin, source.presence(rows(ids[begin : begin + _BATCH]))

    return workers.ordered(ask, range(0, len(ids), _BATCH))


def lacking(source: ChunkSource, ids: NDArray[np.uint8], workers: Workers) -> NDArray[np.bool_]:
    """Return for each of `ids` whether `source` lacks it.

    Raises `StoreError` where a store cannot say: unknown is never counted as no.
    """
    found = np.zeros(len(ids), np.bool_)
    for begin, answers in presence_of(source, ids, workers):
        for number, answer in enumerate(answers, begin):
            if answer is Presence.UNKNOWN:
                # Asked in another way, it says what keeps it from telling.
                source.stored_sizes([ids[number].tobytes()])
                raise StoreError(
                    f"store {source.name}: cannot say whether it has chunk "
                    f"{ids[number].tobytes().hex()}; check its permissions"
                )
            found[number] = answer is Presence.NO
    return found


def lacking_in(
    task: Task[S], name: str, reading: Reading, ids: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    """Return for each of `ids` whether the store, cache or failover group called `name` lacks it.

    One whose directory is made by the first chunk put lacks them all.
    """
    if not store_facts(task, name).present:
        return np.ones(len(ids), np.bool_)
    return lacking(open_stores(task, [name], reading), ids, task.machine.workers)


def stored_counts(store: ChunkStore | None) -> dict[str, int]:
    """Return how many chunks and stored bytes `store` was given."""
    counts = [] if store is None else list(store.counts().values())
    return {
        "chunks_stored": sum(one.chunks_added for one in counts),
        "bytes_stored": sum(one.stored_bytes_added for one in counts),
    }


def rows(ids: NDArray[np.uint8]) -> list[ChunkID]:
    """Return IDs of shape (n, 32) as a list of bytes."""
    data = ids.tobytes()
    return [data[begin : begin + 32] for begin in range(0, len(data), 32)]
