"""Positions of an index, grouped into batches that one thread works on.

A batch has at most `BATCH_CHUNKS` chunks and, where it has more than one,
about `BATCH_BYTES`, so memory stays threads times one batch.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from desync_jobs.formats.index import Index
from desync_jobs.formats.rows import Positions
from desync_jobs.stores.base import BATCH_BYTES, BATCH_CHUNKS

_BLOCK = 1 << 16


def spans(index: Index, first: int = 0, last: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield `(first, last + 1)` of neighbouring positions, over the whole index unless told."""
    stop = len(index) if last is None else last
    for block in range(first, stop, _BLOCK):
        lengths = index.lengths_between(block, min(block + _BLOCK, stop))
        for begin, end in size_batches(lengths):
            yield block + begin, block + end


def batches(index: Index, positions: Positions | range) -> Iterator[Positions]:
    """Yield `positions` (of any order) in batches."""
    for block in range(0, len(positions), _BLOCK):
        part = _array(positions[block : block + _BLOCK])
        for first, last in size_batches(index.lengths_at(part)):
            yield part[first:last]


def _array(positions: Positions | range) -> Positions:
    """Return `positions`, neighbours where they are a range, as an array."""
    if isinstance(positions, range):
        return np.arange(positions.start, positions.stop, dtype=np.int64)
    return positions


def size_batches(sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield `(first, last + 1)` of neighbours in `sizes`, plain bytes of chunks."""
    totals = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        before = int(totals[first - 1]) if first else 0
        last = int(np.searchsorted(totals, before + BATCH_BYTES, side="right"))
        last = max(first + 1, min(last, first + BATCH_CHUNKS))
        yield first, last
        first = last
