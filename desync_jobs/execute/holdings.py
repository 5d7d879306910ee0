"""Asking places what fetching chunks from them will come to, in batches over the workers."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.workers import Workers
from desync_jobs.codecs.form import Form
from desync_jobs.execute.chunks_info import known_sizes
from desync_jobs.execute.kept import rows
from desync_jobs.execute.task import Task
from desync_jobs.planner.holdings import Holdings, Route, with_known_sizes
from desync_jobs.stores.base import BATCH_CHUNKS, ChunkSource, Presence, StoredSize

_BATCH = BATCH_CHUNKS * 16
"""Asking costs microseconds a chunk where fetching costs a hundred."""


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """Distinct chunks that are to be fetched."""

    ids: NDArray[np.uint8]
    """Shape (n, 32)."""
    plain: NDArray[np.int64]
    """Bytes of each."""


class Informed(Protocol):
    """A spec of an operation that may be told stored sizes."""

    @property
    def chunks_info(self) -> str | None:
        """A file that `inspect-chunks` wrote."""
        ...


S = TypeVar("S", bound=Informed)


def look_up(task: Task[S], source: ChunkSource, wanted: Wanted) -> Holdings:
    """Ask `source` for the stored sizes of chunks, without reading any.

    What it cannot tell is taken from the file `chunks_info`. Raises `StoreError` where a store does
    not answer at all, and `InvalidDataError` for a file that is none of those.
    """
    holdings = ask_sizes(source, wanted.ids, task.machine.workers)
    if task.spec.chunks_info is None:
        return holdings
    known = known_sizes(task, task.spec.chunks_info, wanted.ids, wanted.plain)
    return with_known_sizes(holdings, known)


def ask_sizes(source: ChunkSource, ids: NDArray[np.uint8], workers: Workers) -> Holdings:
    """Ask `source` for the stored sizes of `ids`, of shape (n, 32)."""

    def ask(begin: int) -> list[StoredSize]:
        return source.stored_sizes(rows(ids[begin : begin + _BATCH]))

    routes: dict[Route, int] = {}
    table = np.zeros((len(ids), 5), np.int64)
    begin = 0
    for answers in workers.ordered(ask, range(0, len(ids), _BATCH)):
        table[begin : begin + len(answers)] = [
            (
                routes.setdefault(one.asked, len(routes)),
                one.presence is Presence.YES,
                one.presence is Presence.UNKNOWN,
                one.size or 0,
                one.form is not Form.PLAIN and one.size is not None,
            )
            for one in answers
        ]
        begin += len(answers)
    route, present, unknown, stored, compressed = table.T
    return Holdings(tuple(routes), route, present > 0, unknown > 0, stored, compressed > 0)
