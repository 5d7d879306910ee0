"""Chunks read in the background because somebody said that they will be wanted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.batches import spans
from desync_jobs.assembly.random_access import RandomAccess
from desync_jobs.core.ranges import Ranges
from desync_jobs.errors import DesyncRunError
from desync_jobs.formats.index import Index

_AT_A_TIME: Final = 16
"""Chunks that one thread reads at once, so that many threads take little memory."""


class Prefetching:
    """Reads what is marked of a blob, in `threads`; a block that ends it when it is left."""

    def __init__(self, blob: RandomAccess, index: Index, threads: int) -> None:
        self._blob = blob
        self._index = index
        self._pool = ThreadPoolExecutor(threads, "prefetch")

    def begin(self, marks: NDArray[np.bool_], tell: Callable[[str], None]) -> None:
        """Begin to read the positions that are marked; `tell` is told what is wrong, in words."""

        def read(first: int, last: int) -> None:
            start = self._index.start(first)
            try:
                self._blob.read(start, self._index.end(last - 1) - start)
            except DesyncRunError as error:
                tell(f"not fetched beforehand: {error}")

        for begin, end in Ranges.of(marks).blocks():
            for at in range(begin, end, _AT_A_TIME):
                for first, last in spans(self._index, at, min(at + _AT_A_TIME, end)):
                    self._pool.submit(read, first, last)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
