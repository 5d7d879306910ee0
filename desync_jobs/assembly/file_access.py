"""A file or block device read at any place, as a blob is through its index."""

import errno
import os
from collections.abc import Iterator

from desync_jobs.assembly.random_access import Extent
from desync_jobs.errors import SourceError


class FileAccess:
    """The file open as `fd`, called `name` in errors; a `RandomAccess`. It does not close `fd`."""

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self._name = name
        self._size = os.lseek(fd, 0, os.SEEK_END)

    @property
    def size(self) -> int:
        """Bytes of the file, when it was opened."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer where the file ends before."""
        parts: list[bytes] = []
        length = min(length, self._size - offset)
        try:
            while length > 0 and (part := os.pread(self._fd, length, offset)):
                parts.append(part)
                offset, length = offset + len(part), length - len(part)
        except OSError as error:
            raise SourceError(f"{self._name}: cannot be read: {error.strerror}") from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Say of `length` bytes from `offset` which the file system knows to be zeros."""
        end = min(offset + length, self._size)
        hole = False
        while offset < end:
            # What was asked for is not where this one is: the next of the other kind is its end.
            stop = min(self._seek(offset, os.SEEK_DATA if hole else os.SEEK_HOLE), end)
            if stop > offset:
                yield Extent(stop - offset, hole)
            offset, hole = stop, not hole

    def close(self) -> None:
        """Have nothing to release."""

    def _seek(self, offset: int, whence: int) -> int:
        try:
            return os.lseek(self._fd, offset, whence)
        except OSError as error:
            # There is no more data; or the file system does not tell, and everything is.
            return self._size if error.errno == errno.ENXIO or whence == os.SEEK_HOLE else offset
