"""The different chunks of many indexes, gathered one index after the other."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import CHUNK_ID_SIZE, DigestAlgorithm
from desync_jobs.formats.index import Index
from desync_jobs.formats.unique import distinct_chunks
from desync_jobs.planner.copied import Lacking

_FEW: Final = 1 << 16


class Gathered:
    """Chunks by digest algorithm; memory grows with how many differ, not with the indexes."""

    def __init__(self) -> None:
        self._of: dict[DigestAlgorithm, _Union] = {}

    def add(self, index: Index) -> None:
        """Count what `index` has."""
        self._of.setdefault(index.algorithm, _Union()).add(index)

    def parts(self) -> Iterator[Lacking]:
        """Yield all chunks of each algorithm, in the order in which they were met."""
        for algorithm, union in self._of.items():
            ids, sizes = union.merged()
            yield Lacking(algorithm, ids, sizes, union.largest)


class _Union:
    def __init__(self) -> None:
        self.largest = 0
        self._ids = [np.empty((0, CHUNK_ID_SIZE), np.uint8)]
        self._sizes = [np.empty(0, np.int64)]
        self._merged = 0
        self._pending = 0

    def add(self, index: Index) -> None:
        self.largest = max(self.largest, index.largest)
        self._ids.append(np.ascontiguousarray(index.rows.run_ids))
        self._sizes.append(index.rows.run_lengths())
        self._pending += len(self._ids[-1])
        # Merging when as much is new as there was makes the sum of all merges a small multiple.
        if self._pending > max(_FEW, self._merged):
            self.merged()

    def merged(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return the different IDs, shape (n, 32), and the plain bytes of each."""
        ids, sizes = np.concatenate(self._ids), np.concatenate(self._sizes)
        first = distinct_chunks(ids)
        ids, sizes = ids[first], sizes[first]
        self._ids, self._sizes = [ids], [sizes]
        self._merged, self._pending = len(ids), 0
        return ids, sizes
