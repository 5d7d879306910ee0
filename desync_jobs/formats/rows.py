"""The rows of an index, kept in as little memory as they need.

Two layouts answer the same questions. `PlainRows` views the arrays of a file. `RepeatedRows`
keeps neighbours that are the same chunk once: a blob of 1 TiB that is nearly all zeros has four
million rows, and a few thousand runs. In the first layout every row is a run of its own.
"""

from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
"""Positions in an index, from 0."""

T = TypeVar("T", bound=np.generic)


class Rows(Protocol):
    """Where each chunk ends, and its ID; position by position, or run by run."""

    def __len__(self) -> int: ...

    @property
    def run_ids(self) -> NDArray[np.uint8]:
        """The ID of each run; shape (runs, 32). Neighbours may have the same."""
        ...

    def run_lengths(self) -> NDArray[np.int64]:
        """Return the bytes of one chunk of each run."""
        ...

    def firsts(self, runs: Positions) -> Positions:
        """Return the position where each of `runs` begins."""
        ...

    def spread(self, values: NDArray[T]) -> NDArray[T]:
        """Return for each position the one of `values`, one a run, that its run has."""
        ...

    def runs_between(self, first: int, last: int) -> slice:
        """Return the runs that positions `first` to `last - 1` belong to."""
        ...

    def end(self, position: int) -> int:
        """Return where a chunk ends in the blob."""
        ...

    def id(self, position: int) -> bytes:
        """Return the ID of a chunk."""
        ...

    def ends_between(self, first: int, last: int) -> NDArray[np.uint64]:
        """Return where the chunks at `first` to `last - 1` end."""
        ...

    def ends_at(self, positions: Positions) -> NDArray[np.uint64]:
        """Return where the chunks at `positions` end."""
        ...

    def ids_between(self, first: int, last: int) -> NDArray[np.uint8]:
        """Return the IDs of the chunks at `first` to `last - 1`."""
        ...

    def ids_at(self, positions: Positions) -> NDArray[np.uint8]:
        """Return the IDs of the chunks at `positions`."""
        ...

    def ended_by(self, offset: int) -> int:
        """Return how many chunks end at or before `offset` in the blob."""
        ...


class PlainRows:
    """One entry a position, in arrays that may be views and are never written to."""

    def __init__(self, ends: NDArray[np.uint64], ids: NDArray[np.uint8]) -> None:
        self._ends = ends
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def run_ids(self) -> NDArray[np.uint8]:
        return self._ids

    def run_lengths(self) -> NDArray[np.int64]:
        lengths = self._ends.astype(np.int64)
        lengths[1:] -= self._ends[:-1].astype(np.int64)
        return lengths

    def firsts(self, runs: Positions) -> Positions:
        return runs

    def spread(self, values: NDArray[T]) -> NDArray[T]:
        return values

    def runs_between(self, first: int, last: int) -> slice:
        return slice(first, last)

    def end(self, position: int) -> int:
        return int(self._ends[position])

    def id(self, position: int) -> bytes:
        return bytes(self._ids[position])

    def ends_between(self, first: int, last: int) -> NDArray[np.uint64]:
        return self._ends[first:last]

    def ends_at(self, positions: Positions) -> NDArray[np.uint64]:
        ends: NDArray[np.uint64] = self._ends[positions]
        return ends

    def ids_between(self, first: int, last: int) -> NDArray[np.uint8]:
        return self._ids[first:last]

    def ids_at(self, positions: Positions) -> NDArray[np.uint8]:
        ids: NDArray[np.uint8] = self._ids[positions]
        return ids

    def ended_by(self, offset: int) -> int:
        return int(np.searchsorted(self._ends, np.uint64(offset), side="right"))


class RepeatedRows:
    """One entry a run of chunks that have the same ID and the same length."""

    def __init__(
        self,
        firsts: Positions,
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        ids: NDArray[np.uint8],
    ) -> None:
        """Take for each run the position of its first chunk, where that starts, and so on.

        `firsts` has one entry more: the count of positions. None is written to.
        """
        self._firsts = firsts
        # Where the chunk at position p ends is linear in p along a run.
        self._offsets = starts - (firsts[:-1] - 1) * lengths
        self._starts = starts
        self._lengths = lengths
        self._ids = ids

    def __len__(self) -> int:
        return int(self._firsts[-1])

    @property
    def run_ids(self) -> NDArray[np.uint8]:
        return self._ids

    def run_lengths(self) -> NDArray[np.int64]:
        return self._lengths

    def firsts(self, runs: Positions) -> Positions:
        firsts: Positions = self._firsts[runs]
        return firsts

    def spread(self, values: NDArray[T]) -> NDArray[T]:
        return np.repeat(values, np.diff(self._firsts))

    def runs_between(self, first: int, last: int) -> slice:
        if first >= last:
            return slice(0, 0)
        return slice(self._run(first), self._run(last - 1) + 1)

    def _run(self, position: int) -> int:
        return int(self._firsts.searchsorted(position, "right")) - 1

    def end(self, position: int) -> int:
        run = self._run(position)
        return int(self._offsets[run]) + position * int(self._lengths[run])

    def id(self, position: int) -> bytes:
        return bytes(self._ids[self._run(position)])

    def ends_between(self, first: int, last: int) -> NDArray[np.uint64]:
        runs, counts = self._between(first, last)
        ends = np.arange(first, last, dtype=np.int64)
        ends *= np.repeat(self._lengths[runs], counts)
        ends += np.repeat(self._offsets[runs], counts)
        return ends.view(np.uint64)

    def ends_at(self, positions: Positions) -> NDArray[np.uint64]:
        runs = self._runs_of(positions)
        ends: NDArray[np.int64] = self._offsets[runs] + positions * self._lengths[runs]
        return ends.view(np.uint64)

    def ids_between(self, first: int, last: int) -> NDArray[np.uint8]:
        runs, counts = self._between(first, last)
        return np.repeat(self._ids[runs], counts, axis=0)

    def ids_at(self, positions: Positions) -> NDArray[np.uint8]:
        ids: NDArray[np.uint8] = self._ids[self._runs_of(positions)]
        return ids

    def ended_by(self, offset: int) -> int:
        run = int(self._starts.searchsorted(offset, "right")) - 1
        if run < 0:
            return 0
        inside = (offset - int(self._starts[run])) // int(self._lengths[run])
        return min(int(self._firsts[run]) + inside, int(self._firsts[run + 1]))

    def _runs_of(self, positions: Positions) -> Positions:
        runs: Positions = self._firsts.searchsorted(positions, "right") - 1
        return runs

    def _between(self, first: int, last: int) -> tuple[slice, NDArray[np.int64]]:
        """Return the runs that lie there, and how many positions of each do."""
        runs = self.runs_between(first, last)
        edges = self._firsts[runs.start : runs.stop + 1].clip(first, last)
        return runs, np.diff(edges)
