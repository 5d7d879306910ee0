"""Rows, block by block → an index in as little memory as its rows need.

Neighbours that are the same chunk are kept once where that leaves far fewer runs than rows.
Until there are many runs it is not known; once there are too many, or at the end, what was
collected is written out as rows again, which are faster to look into.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import CHUNK_ID_SIZE, ChunkID
from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.formats.index import Index
from desync_jobs.formats.index_layout import ROW, index_rows
from desync_jobs.formats.rows import PlainRows, RepeatedRows, Rows

_FEW_RUNS: Final = 1 << 16
"""Kept as runs until the end shows whether that pays; about 4 MB."""
_SHARE: Final = 32
"""So many rows must a run stand for."""
_WORDS: Final = ROW.itemsize // 8
_BLOCK: Final = 1 << 15


class IndexBuilder:
    """Takes the chunks of a blob in order. `expected` is how many there will be, where known."""

    def __init__(self, flags: int, sizes: ChunkSizes, expected: int = 0) -> None:
        self._flags = flags
        self._sizes = sizes
        self._expected = expected
        self._runs = _Runs()
        self._plain: _Plain | None = None

    def add(self, ends: Sequence[int], ids: Sequence[ChunkID]) -> None:
        """Take chunks that end at `ends`."""
        table = np.frombuffer(b"".join(ids), np.uint8).reshape(len(ids), CHUNK_ID_SIZE)
        data = index_rows(np.array(ends, np.uint64), table)
        self.add_rows(np.frombuffer(data, ROW))

    def add_rows(self, rows: NDArray[Any]) -> None:
        """Take rows as they stand in an index file; they are copied."""
        if self._plain is not None:
            self._plain.add(rows)
            return
        self._runs.add(rows)
        worth = max(self._expected, self._runs.positions) // _SHARE
        if self._runs.count > max(_FEW_RUNS, worth):
            self._plain = self._written_out()

    def _written_out(self) -> "_Plain":
        plain = _Plain(max(self._expected, self._runs.positions))
        plain.take(self._runs.rows())
        self._runs = _Runs()
        return plain

    def index(self) -> Index:
        """Return the index of all that was taken."""
        if self._plain is None and self._runs.count <= self._runs.positions // _SHARE:
            return Index.of_rows(self._flags, self._sizes, self._runs.rows())
        plain = self._written_out() if self._plain is None else self._plain
        return Index.of_rows(self._flags, self._sizes, plain.rows())


class _Runs:
    """Runs of the same chunk, as they are found."""

    def __init__(self) -> None:
        self.positions = 0
        self.count = 0
        self._firsts: list[NDArray[np.int64]] = []
        self._starts: list[NDArray[np.int64]] = []
        self._lengths: list[NDArray[np.int64]] = []
        self._ids: list[NDArray[np.uint8]] = []
        self._last = np.zeros((1, _WORDS), np.uint64)
        """The last row, as five numbers."""
        self._last_length = 0

    def add(self, rows: NDArray[Any]) -> None:
        if not len(rows):
            return
        words = _words(rows)
        ends = words[:, 0].astype(np.int64)
        starts = np.concatenate((self._last[:, 0].astype(np.int64), ends[:-1]))
        lengths = ends - starts
        begins = np.flatnonzero(self._differs(words, lengths))
        self._firsts.append(begins + self.positions)
        self._starts.append(starts[begins])
        self._lengths.append(lengths[begins])
        self._ids.append(rows["id"][begins])
        self._last = words[-1:].copy()
        self._last_length = int(lengths[-1])
        self.positions += len(rows)
        self.count += len(begins)

    def _differs(self, words: NDArray[np.uint64], lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which rows are another chunk than the one before."""
        differs = np.empty(len(words), np.bool_)
        np.not_equal(lengths[1:], lengths[:-1], out=differs[1:])
        differs[1:] |= words[1:, 1] != words[:-1, 1]
        alike = np.flatnonzero(~differs[1:]) + 1
        differs[alike] = (words[alike, 2:] != words[alike - 1, 2:]).any(axis=1)
        same_id = bool((words[0, 1:] == self._last[0, 1:]).all())
        differs[0] = not (self.positions and same_id and int(lengths[0]) == self._last_length)
        return differs

    def rows(self) -> RepeatedRows:
        firsts = [*self._firsts, np.array([self.positions], np.int64)]
        none = np.empty(0, np.int64)
        return RepeatedRows(
            np.concatenate(firsts),
            np.concatenate([none, *self._starts]),
            np.concatenate([none, *self._lengths]),
            np.concatenate([np.empty((0, CHUNK_ID_SIZE), np.uint8), *self._ids]),
        )


class _Plain:
    """Rows as they stand in an index file, in one array that has room for more."""

    def __init__(self, expected: int) -> None:
        # What is never filled takes no memory.
        self._words = np.empty((expected, _WORDS), np.uint64)
        self._count = 0

    def take(self, rows: Rows) -> None:
        for at in range(0, len(rows), _BLOCK):
            last = min(at + _BLOCK, len(rows))
            data = index_rows(rows.ends_between(at, last), rows.ids_between(at, last))
            self.add(np.frombuffer(data, ROW))

    def add(self, rows: NDArray[Any]) -> None:
        count = self._count + len(rows)
        if count > len(self._words):
            more = np.empty((2 * count, _WORDS), np.uint64)
            more[: self._count] = self._words[: self._count]
            self._words = more
        self._words[self._count : count] = _words(rows)
        self._count = count

    def rows(self) -> PlainRows:
        rows: NDArray[Any] = self._words[: self._count].view(ROW)[:, 0]
        rows.flags.writeable = False
        return PlainRows(rows["end"], rows["id"])


def _words(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """View rows as five numbers each."""
    return np.ascontiguousarray(rows).view(np.uint64).reshape(len(rows), _WORDS)
