"""A blob that is copied to a sparse file as it is read, so that nothing is fetched twice.

What is in the file is read from there. What is not is fetched, returned, and written; where it
cannot be written, because the disk is full, reading goes on without. Zeros are holes of the file
and are neither fetched nor written.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.placing import Target, write_placed
from desync_jobs.assembly.random_access import Extent, RandomAccess
from desync_jobs.assembly.zero_positions import ZeroPositions
from desync_jobs.errors import SourceError, TargetError
from desync_jobs.formats.index import Index


class CopiedPositions:
    """Which positions of an index are in the file; used from many threads."""

    def __init__(self, index: Index, marks: NDArray[np.bool_]) -> None:
        self._zeros = ZeroPositions(index)
        self._marks = marks
        self._lock = Lock()
        self.changes = 0
        """How often some were added."""

    def add(self, first: int, last: int) -> None:
        """Take note that positions `first` to `last - 1` are right in the file."""
        with self._lock:
            self._marks[first:last] = True
            self.changes += 1

    def now(self) -> tuple[int, NDArray[np.bool_]]:
        """Return `changes` and what is there, as a copy."""
        with self._lock:
            return self.changes, self._marks.copy()

    def count(self) -> int:
        """Return how many positions are in the file."""
        return int(np.count_nonzero(self._marks))

    def there(self, first: int, last: int) -> NDArray[np.bool_]:
        """Return which of positions `first` to `last - 1` need not be fetched."""
        there: NDArray[np.bool_] = self._marks[first:last] | self._zeros.between(first, last)
        return there


class CopyOnRead:
    """The blob of `index`: from `target` where `copied` says so, else from `fetched`.

    `fetched` reads the same blob; `target` has its size. What keeps a chunk from being written is
    said to `tell`.
    """

    def __init__(
        self,
        index: Index,
        fetched: RandomAccess,
        target: Target,
        copied: CopiedPositions,
        tell: Callable[[str], None],
    ) -> None:
        self._index = index
        self._fetched = fetched
        self._target = target
        self._copied = copied
        self._tell = tell

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        return self._fetched.size

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer where the blob ends before.

        Raises as `BlobReader.read` does, and `SourceError` where the file cannot be read.
        """
        index = self._index
        end = min(offset + length, self.size)
        if offset >= end:
            return b""
        pieces: list[bytes | memoryview] = []
        for first, last, there in self._runs(index.ended_by(offset), index.ended_by(end - 1) + 1):
            start = index.start(first)
            begin, stop = max(start, offset), min(index.end(last - 1), end)
            if there:
                pieces.append(self._from_file(begin, stop - begin))
            else:
                pieces.append(memoryview(self._copy(first, last))[begin - start : stop - start])
        return b"".join(pieces)

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Say of `length` bytes from `offset` where there are zeros; asks no store."""
        return self._fetched.extents(offset, length)

    def close(self) -> None:
        """Fetch nothing more; the file is whoever opened it's to close."""
        self._fetched.close()

    def _runs(self, first: int, last: int) -> Iterator[tuple[int, int, bool]]:
        """Yield `(first, last + 1, whether they are there)` of neighbours that are alike."""
        there = self._copied.there(first, last)
        edges = [0, *(np.flatnonzero(there[1:] != there[:-1]) + 1).tolist(), last - first]
        for begin, end in itertools.pairwise(edges):
            yield first + begin, first + end, bool(there[begin])

    def _copy(self, first: int, last: int) -> bytes | bytearray | memoryview:
        """Fetch the chunks at `first` to `last - 1`, write them, and return them."""
        start = self._index.start(first)
        data = self._fetched.read(start, self._index.end(last - 1) - start)
        try:
            write_placed(self._target, [(start, data)])
        except TargetError as error:
            self._tell(f"{error}; reading goes on without it")
        else:
            self._copied.add(first, last)
        return data

    def _from_file(self, offset: int, length: int) -> bytes:
        name = self._target.name
        try:
            data = os.pread(self._target.fd, length, offset)
        except OSError as error:
            raise SourceError(f"{name}: cannot be read at {offset}: {error.strerror}") from error
        if len(data) != length:
            raise SourceError(f"{name}: ends at {offset + len(data)}; somebody made it shorter")
        return data
