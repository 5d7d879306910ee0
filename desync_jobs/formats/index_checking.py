"""The rows of an index file held against what casync accepts, in blocks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from desync_jobs.errors import IndexFormatError
from desync_jobs.formats.index_layout import BEGINNING, TAIL, TAIL_MARKER, index_tail, row_offset


class RowChecker:
    """Checks all rows of an index, some at a time, and then that the last one is its tail."""

    def __init__(self, maximum: int, where: str) -> None:
        self._maximum = np.uint64(maximum)
        self._where = where
        self._count = 0
        self._end = np.uint64(0)
        self._problem = ""
        """What is wrong with the first wrong row."""
        self._tail: list[int] = []
        """The first row that can only be meant as the tail, and how many are before it."""
        self._tail_at = -1

    def check(self, rows: NDArray[Any]) -> bool:
        """Look at the next rows, of type `ROW`; whether all rows until now are right.

        A row is wrong that has no bytes, goes backwards, or is longer than the maximum. One
        comparison finds all three, since subtraction wraps round. It finds the first such
        row even where later rows wrap back into range: up to it, no end can have passed
        the maximum times the number of rows, far below 2^63.
        """
        if not len(rows):
            return not self._problem
        cells = _cells(rows)
        ends = cells[:, 0].copy()
        lengths = np.empty_like(ends)
        np.subtract(ends[1:], ends[:-1], out=lengths[1:])
        np.subtract(ends[:1], self._end, out=lengths[:1])
        wrong = lengths - np.uint64(1) >= self._maximum
        if not self._problem and wrong.any():
            self._problem = self._row_problem(ends, int(wrong.argmax()))
        self._look_for_tail(cells)
        self._count += len(rows)
        self._end = ends[-1]
        return not self._problem

    def _row_problem(self, ends: NDArray[np.uint64], number: int) -> str:
        start, end = int(ends[number - 1] if number else self._end), int(ends[number])
        position = self._count + number
        place = f"{self._where}: chunk {position} at byte {row_offset(position)}"
        if end <= start:
            return f"{place} ends at {end}, not after its start {start}"
        return f"{place} has {end - start} bytes, more than the index's maximum of {self._maximum}"

    def _look_for_tail(self, cells: NDArray[np.uint64]) -> None:
        # No chunk ends at 0, and no chunk ID ends with the marker but by intent.
        if self._tail_at < 0:
            tails = np.flatnonzero((cells[:, 0] == 0) | (cells[:, 4] == np.uint64(TAIL_MARKER)))
            if len(tails):
                self._tail_at = self._count + int(tails[0])
                self._tail = cells[tails[0]].tolist()

    def finish(self, last: NDArray[Any], rest: int) -> None:
        """Take the one row that is left, and how many bytes follow it.

        Raises `IndexFormatError` where that is not the tail, or for the first wrong row.
        """
        if rest or last.tobytes() != index_tail(self._count):
            self._look_for_tail(_cells(last))
            raise IndexFormatError(f"{self._where}: {self._tail_problem(rest)}")
        if self._problem:
            raise IndexFormatError(self._problem)

    def _tail_problem(self, rest: int) -> str:
        at = self._tail_at
        if at < 0:
            offset = row_offset(self._count + 1)
            return f"no tail after chunk {self._count} at byte {offset}; the index is truncated"
        names = ("first zero", "second zero", "index offset", "table size", "marker")
        right = TAIL.unpack(index_tail(at))
        for name, value, expected in zip(names, self._tail, right, strict=True):
            if value != expected:
                return (
                    f"the tail after {at} chunks, at byte {row_offset(at)}, has {value:#x} "
                    f"as its {name}, not {expected:#x}"
                )
        extra = row_offset(self._count - at) - BEGINNING + rest
        return f"{extra} bytes follow the tail, at byte {row_offset(at + 1)}"


def _cells(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """View rows as five numbers each; the last three of a tail are its own fields."""
    return rows.view("<u8").reshape(len(rows), -1)
