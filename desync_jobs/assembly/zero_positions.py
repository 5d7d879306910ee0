"""Chunks of zeros, told by their IDs alone."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.random_access import Extent
from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.core.chunk import ChunkID
from desync_jobs.formats.index import Index

_BLOCK: Final = 1 << 15


class ZeroPositions:
    """Which chunks of an index are known to be zeros."""

    def __init__(self, index: Index) -> None:
        self._index = index
        maximum = zero_chunk_id(index.algorithm, index.sizes.maximum)
        self._ids = {maximum}
        if len(index):
            # Zeros in the middle of a blob are cut at the largest size; those at its end are not.
            self._ids.add(zero_chunk_id(index.algorithm, index.length(len(index) - 1)))
        self._table = [np.frombuffer(one, np.uint8) for one in self._ids]

    def __contains__(self, chunk_id: ChunkID) -> bool:
        return chunk_id in self._ids

    def between(self, first: int, last: int) -> NDArray[np.bool_]:
        """Return which of the chunks at `first` to `last - 1` are zeros."""
        ids = self._index.ids_between(first, last)
        zero: NDArray[np.bool_] = np.zeros(last - first, np.bool_)
        for one in self._table:
            zero |= (ids == one).all(axis=1)
        return zero

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Yield what `RandomAccess.extents` does."""
        index = self._index
        end = min(offset + length, index.blob_size)
        if offset >= end:
            return
        first, last = index.ended_by(offset), index.ended_by(end - 1) + 1
        begin, hole = offset, False
        for at in range(first, last, _BLOCK):
            stop = min(at + _BLOCK, last)
            zero = self.between(at, stop)
            changes = np.flatnonzero(np.diff(zero, prepend=hole))
            for position in (changes + at).tolist():
                start = max(index.start(position), offset)
                if start > begin:
                    yield Extent(start - begin, hole)
                begin, hole = start, not hole
        yield Extent(end - begin, hole)
