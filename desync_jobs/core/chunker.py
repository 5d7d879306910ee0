"""Cut points: candidates from a kernel in any order, then one sequential selection.

A candidate depends on the 48 bytes before it alone, never on where a chunk began. So
slices of a blob are searched in parallel, each with the 47 bytes before it, and what
the selection makes of their candidates is the same for any slicing.
"""

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import BytesLike
from desync_jobs.core.kernel import Kernel
from desync_jobs.core.sizes import ChunkSizes, CutMode


class CutSelector:
    """Chooses a blob's cuts from its candidates, as these become known from its start on.

    Fixed sizes need no candidates. `ValueError` for sizes that `mode` cannot cut with.
    """

    def __init__(self, sizes: ChunkSizes, mode: CutMode) -> None:
        sizes.check(mode)
        self._fixed = sizes.fixed
        self._first_test = sizes.first_test(mode)
        self._maximum = sizes.maximum
        self._start = 0
        self._scanned = 0

    def feed(self, candidates: NDArray[np.int64], scanned: int) -> list[int]:
        """Return the cuts that are now certain, as ends in the blob, ascending.

        `candidates` are all those up to `scanned` that were not fed before, ascending, as ends
        in the blob; `scanned` says how many of its bytes have been searched. `ValueError`
        where either goes back or too far.
        """
        if scanned < self._scanned:
            raise ValueError(f"{scanned} bytes are searched after {self._scanned} were")
        if len(candidates) and candidates[-1] > scanned:
            raise ValueError(f"candidate {candidates[-1]} lies past the {scanned} bytes searched")
        self._scanned = scanned
        if self._fixed:
            return self._cut_evenly()
        return self._cut_at(np.ascontiguousarray(candidates, np.int64).data)

    def finish(self, length: int) -> list[int]:
        """Return the cuts that are left where the blob ends after `length` bytes.

        The last is `length` itself, unless it was returned before or the blob is empty.
        """
        cuts = self.feed(np.empty(0, np.int64), length)
        if self._start < length:
            cuts.append(length)
            self._start = length
        return cuts

    def _cut_evenly(self) -> list[int]:
        cuts = range(self._start + self._maximum, self._scanned + 1, self._maximum)
        self._start = cuts[-1] if cuts else self._start
        return list(cuts)

    def _cut_at(self, candidates: memoryview) -> list[int]:
        """Cut until the next cut depends on bytes not searched yet.

        No candidate is left over for the next call: one that could be the next
        cut would have made that cut certain.
        """
        cuts: list[int] = []
        start, position, count = self._start, 0, len(candidates)
        while True:
            limit = start + self._maximum
            position = bisect_left(candidates, start + self._first_test, position)
            if position < count and candidates[position] <= limit:
                start = candidates[position]
            elif limit <= self._scanned:
                start = limit
            else:
                self._start = start
                return cuts
            cuts.append(start)


def cuts(data: BytesLike, sizes: ChunkSizes, mode: CutMode, kernel: Kernel) -> list[int]:
    """Return the ends of all chunks of a whole blob; none for an empty one."""
    selector = CutSelector(sizes, mode)
    size = memoryview(data).nbytes
    if sizes.fixed:
        return selector.finish(size)
    candidates = kernel.candidates(data, sizes.discriminator(mode))
    return selector.feed(candidates, size) + selector.finish(size)
