"""Chunks that are files in the very form in which they are sent: read without a detour.

The first place that is asked may be a directory whose files are what clients get. Such a file is
sent as it is, in the event loop itself: reading what is in the page cache takes a few
microseconds, less than handing the work to a thread. Nothing is decoded, so nothing is verified.
"""

import os
import stat
from dataclasses import dataclass
from typing import Final

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import StoreError
from desync_jobs.stores.layout import chunk_name

# A FIFO called like a chunk must not stop the server.
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class ChunkFiles:
    """The chunk files of the directory `root` that end in `suffix`."""

    root: str
    suffix: str
    touches: bool = False
    """Whether it is noted when a chunk is used, for a cache whose size is limited."""

    def open(self, chunk_id: ChunkID) -> tuple[int, int] | None:
        """Return descriptor and size of a chunk's file; None where there is none with content.

        `StoreError` where it cannot be opened. The caller closes the descriptor.
        """
        path = f"{self.root}/{chunk_name(chunk_id, self.suffix)}"
        try:
            descriptor = os.open(path, _READ)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot open {path}: {error.strerror}") from error
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or not found.st_size:
            os.close(descriptor)
            return None
        if self.touches:
            os.utime(descriptor)
        return descriptor, found.st_size

    def size(self, chunk_id: ChunkID) -> int | None:
        """Return the size of a chunk's file, None where there is none with content."""
        try:
            found = os.stat(f"{self.root}/{chunk_name(chunk_id, self.suffix)}")
        except OSError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) and found.st_size else None
