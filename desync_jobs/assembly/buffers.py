"""Reading a range of a file into memory that is used again.

Fresh memory costs a page fault for every 4 KiB, about as much as digesting it;
a buffer that a thread hands on to the next batch does not.
"""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from desync_jobs.errors import SourceError


class Buffers:
    """Buffers of at least the size asked for, lent one at a time to any thread."""

    def __init__(self) -> None:
        self._idle: SimpleQueue[memoryview] = SimpleQueue()

    @contextmanager
    def borrow(self, size: int) -> Iterator[memoryview]:
        """Lend `size` bytes of memory with any content."""
        try:
            buffer = self._idle.get_nowait()
        except Empty:
            buffer = memoryview(b"")
        if len(buffer) < size:
            buffer = memoryview(mmap.mmap(-1, size))
        try:
            yield buffer[:size]
        finally:
            self._idle.put(buffer)


def read_range(fd: int, view: memoryview, offset: int, name: str) -> int:
    """Fill `view` from `offset`; returns how many bytes there were before the end of the file.

    Raises `SourceError` where the file cannot be read.
    """
    done = 0
    while done < len(view):
        try:
            count = os.preadv(fd, [view[done:]], offset + done)
        except OSError as error:
            raise SourceError(
                f"{name}: cannot be read at {offset + done}: {error.strerror}"
            ) from error
        if count == 0:
            break
        done += count
    return done
