"""Many blobs that are read, in batches: small ones go together, each large one goes alone.

A batch of small ones is done in one thread, so that hundreds of them keep every thread busy; a
large one keeps all threads of a machine busy by itself.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import numpy as np

from desync_jobs.assembly.batches import size_batches
from desync_jobs.assembly.workers import OwnThread, Workers
from desync_jobs.execute.engines.base import Tally
from desync_jobs.execute.task import Task
from desync_jobs.stores.base import BATCH_BYTES

_ASIDE: Final = 8
"""Chunks for which a blob counts by itself: it is opened, looked at, and has an index."""


class Sized(Protocol):
    """Something about one blob."""

    @property
    def size(self) -> int:
        """Bytes of the blob, as it was looked at."""
        ...


Told: TypeAlias = Callable[[int], None]
"""Is given bytes that were read since it was called last."""
B = TypeVar("B", bound=Sized)
R_co = TypeVar("R_co", covariant=True)


def untold(_size: int) -> None:
    """Tell nobody."""


def blob_batches(blobs: Sequence[B]) -> Iterator[list[B]]:
    """Yield `blobs` in batches, in their order: at most 64, and 8 MiB where they are several."""
    sizes = np.array([one.size for one in blobs], np.int64)
    for first, last in size_batches(sizes):
        yield list(blobs[first:last])


def chunks_in(batch: Sequence[B], average: int) -> int:
    """Return about how many chunks the work of a batch is worth."""
    return sum(_ASIDE + one.size // average for one in batch)


@dataclass(frozen=True, slots=True)
class OpenBlobs(Generic[B, R_co]):
    """`Wide` work whose stores are open."""

    task: Task[Any]
    handle: Callable[[Sequence[B], Workers, Told], R_co]
    """Does a batch, with whichever threads it is given, and tells how far a large blob is."""
    told: Told
    counted: Callable[[], Tally]

    def is_wide(self, batch: Sequence[B]) -> bool:
        return sum(one.size for one in batch) > BATCH_BYTES

    def do_wide(self, batch: Sequence[B]) -> R_co:
        return self.handle(batch, self.task.machine.workers, self.told)

    def do(self, batch: Sequence[B]) -> R_co:
        return self.handle(batch, OwnThread(self.task.machine.cancel), untold)

    def finish(self) -> Tally:
        return self.counted()
