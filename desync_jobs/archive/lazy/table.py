"""The entries of one directory, by the table at its end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar.goodbye import ITEM_SIZE

ITEMS_LIMIT: Final = 1 << 22
"""Entries of the largest directory that is read."""
_EQUAL: Final = 64
"""Entries with the same hash that are looked at: there is never a second one by chance."""
_OUTSIDE: Final = "an entry outside of its directory"


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of an archive: the first, and one past the last."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many there are."""
        return self.end - self.start


class Table:
    """The items of a table that begins at `start`; its directory's first name could be at `first`.

    `items` are its bytes without header and tail.
    """

    def __init__(self, items: bytes, first: int, start: int) -> None:
        """Take its bytes; `ArchiveFormatError` where some names would not be found in it."""
        self._items = np.frombuffer(items, "<u8").reshape(-1, ITEM_SIZE // 8)
        self._first = first
        self._start = start
        if not _is_search_tree(self._items[:, 2]):
            raise ArchiveFormatError("a table that is not in the order of a search tree")

    @property
    def size(self) -> int:
        """Bytes of its items."""
        return self._items.nbytes

    def candidates(self, name_hash: int) -> Iterator[Span]:
        """Yield the entries whose names have this hash: name and node. `ArchiveFormatError`."""
        pending, found = [0], 0
        while pending:
            place = pending.pop()
            if place >= len(self._items):
                continue
            offset, size, here = map(int, self._items[place])
            if here == name_hash:
                found += 1
                if found > _EQUAL:
                    raise ArchiveFormatError("a table with many entries of one name")
                yield self._span(offset, size)
            # Of equal hashes there may be more on both sides.
            if name_hash <= here:
                pending.append(2 * place + 1)
            if name_hash >= here:
                pending.append(2 * place + 2)

    def spans(self) -> Iterator[tuple[Span, int]]:
        """Yield all entries with the hashes of their names, in the order of the archive.

        They fill their directory from end to end.

        `ArchiveFormatError` where they do not.
        """
        starts = self._start - self._items[:, 0].astype(np.int64)
        sizes = self._items[:, 1].astype(np.int64)
        order = np.argsort(starts, kind="stable")
        starts, ends = starts[order], (starts + sizes)[order]
        bounds: NDArray[np.int64] = np.concatenate(([self._first], ends))
        if (
            not np.array_equal(np.concatenate((starts, [self._start])), bounds)
            or (sizes <= 0).any()
        ):
            raise ArchiveFormatError("a directory whose entries leave gaps or overlap")
        hashes = self._items[order, 2].tolist()
        for start, end, name_hash in zip(starts.tolist(), ends.tolist(), hashes, strict=True):
            yield Span(start, end), name_hash

    def _span(self, offset: int, size: int) -> Span:
        start = self._start - offset
        if start < self._first or size <= 0 or start + size > self._start:
            raise ArchiveFormatError(_OUTSIDE)
        return Span(start, start + size)


def _is_search_tree(hashes: NDArray[np.uint64]) -> bool:
    """Whether each item's left ones are no larger, and its right ones no smaller."""
    low, high = np.zeros(1, np.uint64), np.full(1, np.iinfo(np.uint64).max)
    begin = 0
    while begin < len(hashes):
        level = hashes[begin : 2 * begin + 1]
        low, high = low[: len(level)], high[: len(level)]
        if (level < low).any() or (level > high).any():
            return False
        # The children of each stand side by side.
        low = np.column_stack((low, level)).ravel()
        high = np.column_stack((level, high)).ravel()
        begin = 2 * begin + 1
    return True
