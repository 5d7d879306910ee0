"""What was read of a blob, counted."""

from collections.abc import Iterator
from threading import Lock

from desync_jobs.assembly.random_access import Extent, RandomAccess
from desync_jobs.core.chunk import BytesLike


class CountedAccess:
    """`blob`, and how often and how much of it was read."""

    def __init__(self, blob: RandomAccess) -> None:
        self._blob = blob
        self._lock = Lock()
        self.reads = 0
        """Reads that succeeded."""
        self.bytes = 0
        """What they returned."""

    @property
    def size(self) -> int:
        return self._blob.size

    def read(self, offset: int, length: int) -> BytesLike:
        data = self._blob.read(offset, length)
        with self._lock:
            self.reads += 1
            self.bytes += len(data)
        return data

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        return self._blob.extents(offset, length)

    def close(self) -> None:
        self._blob.close()
