"""Positions of an index, grouped into batches that one thread works on.

A batch has at most `BATCH_CHUNKS` chunks and, where it has more than one,
about `BATCH_BYTES`, so memory stays threads times one batch.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from desync_jobs.formats.index import Index
from desync_jobs.stores.base import BATCH_BYTES, BATCH_CHUNKS

_BLOCK = 1 << 16


def spans(index: Index) -> Iterator[tuple[int, int]]:
    """Yield `(first, last + 1)` of neighbouring positions, over the whole index."""
    first = 0
    count = len(index)
    while first < count:
        last = min(first + BATCH_CHUNKS, count)
        limit = index.start(first) + BATCH_BYTES
        while last > first + 1 and index.end(last - 1) > limit:
            last -= 1
        yield first, last
        first = last


def batches(index: Index, positions: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield `positions` (of any order) in batches."""
    for block in range(0, len(positions), _BLOCK):
        part = positions[block : block + _BLOCK]
        begins = np.where(part > 0, index.ends[part - 1], 0).astype(np.int64)
        for first, last in size_batches(index.ends[part].astype(np.int64) - begins):
            yield part[first:last]


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
