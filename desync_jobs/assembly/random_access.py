"""What mounts and block devices read: a blob at any place, by many threads at once."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from desync_jobs.core.chunk import BytesLike


class Extent(NamedTuple):
    """A stretch of a blob."""

    length: int
    hole: bool
    """Whether it is known to be zeros."""


class RandomAccess(Protocol):
    """A blob that is read at any place, by many threads at once."""

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        ...

    def read(self, offset: int, length: int) -> BytesLike:
        """Return `length` bytes from `offset` ≥ 0, fewer where the blob ends before."""
        ...

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Say of `length` bytes from `offset` where there are zeros; neighbours differ."""
        ...

    def close(self) -> None:
        """Fetch nothing more; nobody may be reading any longer."""
        ...
