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
        self._items = np.frombuffer(items, "<u8").reshape(-1, ITEM_SIZE // 8)
        self._first = first
        self._start = start

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

    def spans(self) -> Iterator[Span]:
        """Yield all entries in the order of the archive, which they fill from end to end.

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
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            yield Span(start, end)

    def _span(self, offset: int, size: int) -> Span:
        start = self._start - offset
        if start < self._first or size <= 0 or start + size > self._start:
            raise ArchiveFormatError(_OUTSIDE)
        return Span(start, start + size)
