"""Sets of positions as ranges: millions of neighbours take no more room than one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_BLOCK: Final = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """Positions `first[k]` to `last[k] - 1` for each k; ascending, never touching."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, marks: NDArray[np.bool_]) -> "Ranges":
        """Return the positions that are marked."""
        changes = marks.copy()
        np.not_equal(marks[1:], marks[:-1], out=changes[1:])
        edges = np.flatnonzero(changes)
        if len(edges) % 2:
            edges = np.append(edges, len(marks))
        return cls(edges[::2], edges[1::2])

    def __len__(self) -> int:
        """Return how many positions there are in all."""
        return int((self.last - self.first).sum())

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Yield `(first, last + 1)` of neighbours, some hundred thousand at most."""
        for begin, end in zip(self.first.tolist(), self.last.tolist(), strict=True):
            for at in range(begin, end, _BLOCK):
                yield at, min(at + _BLOCK, end)

    def positions(self) -> NDArray[np.int64]:
        """Return every position; a new array."""
        lengths = self.last - self.first
        before = np.cumsum(lengths) - lengths
        shifts: NDArray[np.int64] = np.repeat(self.first - before, lengths)
        shifts += np.arange(len(shifts), dtype=np.int64)
        return shifts


NOWHERE: Final = Ranges(np.empty(0, np.int64), np.empty(0, np.int64))
