"""Some indexes read one after the other, and the distinct chunks of all of them together."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import CHUNK_ID_SIZE
from desync_jobs.errors import IndexMissingError
from desync_jobs.execute.index_places import listed_indexes, read_listed
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.opening import open_place_of_indexes
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index, parse_index
from desync_jobs.formats.unique import distinct_chunks
from desync_jobs.manifest.roots import IndexesBelowSpec


class Indexed(Protocol):
    """A spec of an operation about some indexes."""

    @property
    def indexes(self) -> Sequence[str]:
        """Single ones."""
        ...

    @property
    def roots(self) -> Sequence[IndexesBelowSpec]:
        """Places full of them."""
        ...


S = TypeVar("S", bound=Indexed)


@dataclass(frozen=True, slots=True, eq=False)
class ReadIndex:
    """An index of the set."""

    name: str
    """As the manifest has it; below a place, that and its name there."""
    index: Index
    digest: str
    """SHA-256 of the file, in hex."""


def read_index_set(task: Task[S]) -> Iterator[ReadIndex]:
    """Yield every index of the operation, read and checked; only one is in memory at a time.

    Raises where one cannot be found, read or parsed.
    """
    for root in task.spec.roots:
        place = open_place_of_indexes(task, root.url)
        for one in listed_indexes(place, root):
            task.machine.cancel.check()
            data = read_listed(place, one.name, root.url)
            name = f"{root.url}: {one.name}"
            yield ReadIndex(name, parse_index(data, name), hashlib.sha256(data).hexdigest())
    for text in task.spec.indexes:
        found = find_index(task, text)
        if found is None:
            raise IndexMissingError(f"{task.path(text)}: index does not exist")
        yield ReadIndex(text, found.index, found.file_digest)


@dataclass(slots=True)
class Gathered:
    """Distinct chunks, gathered from one index after the other: 40 bytes each, and half as much."""

    ids: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, CHUNK_ID_SIZE), np.uint8))
    sizes: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Plain bytes of each."""
    largest: int = 0
    _more: list[tuple[NDArray[np.uint8], NDArray[np.int64]]] = field(default_factory=list)
    _waiting: int = 0

    def add(self, index: Index) -> None:
        """Take in the chunks of an index."""
        first = index.distinct()
        self._more.append((index.ids_at(first), index.lengths_at(first)))
        self._waiting += len(first)
        self.largest = max(self.largest, index.largest)
        # Many small ones are taken in together, or each would cost what all of them do.
        if self._waiting > len(self.ids):
            self.settle()

    def settle(self) -> None:
        """Have everything in `ids` and `sizes`, in no order."""
        if self._more:
            ids = np.concatenate([self.ids, *(one for one, _ in self._more)])
            sizes = np.concatenate([self.sizes, *(one for _, one in self._more)])
            first = distinct_chunks(ids)
            self.ids, self.sizes = ids[first], sizes[first]
            self._more, self._waiting = [], 0
